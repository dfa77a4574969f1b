/* SPDX-License-Identifier: MIT */
#include "shell/range.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double unit(const char *s, size_t n)
{
        static const struct {
                const char *name;
                double factor;
        } units[] = { { "", 1 },     { "K", 1e3 },      { "M", 1e6 },         { "G", 1e9 },         { "T", 1e12 },
                      { "P", 1e15 }, { "Ki", 1024 },    { "Mi", 1048576 },    { "Gi", 1073741824 }, { "Ti", 0x1p40 },
                      { "Pi", 0x1p50 }, { "ms", 1e-3 }, { "s", 1 },           { "min", 60 },        { "h", 3600 },
                      { "d", 86400 }, { "%", 1 },       { "B", 1 } };
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (strlen(units[i].name) == n && memcmp(units[i].name, s, n) == 0)
                        return units[i].factor;
        return NAN;
}

/* A number and its unit, whole. */
static bool number(const char *s, size_t n, double *ret)
{
        char buf[64], *end;
        if (n == 0 || n >= sizeof buf)
                return false;
        memcpy(buf, s, n);
        buf[n] = 0;
        if (strpbrk(buf, "xXnN \t"))
                return false; /* strtod() takes more than we do */
        double d = strtod(buf, &end), factor = unit(end, strlen(end));
        if (end == buf || isnan(factor) || !isfinite(d * factor))
                return false;
        *ret = d * factor;
        return true;
}

bool sh_range_read(const char *text, struct sh_range *ret)
{
        struct sh_range r = { .low = 0, .high = INFINITY, .given = true };
        r.inside = *text == '@';
        text += r.inside;
        const char *colon = strchr(text, ':');
        const char *high = colon ? colon + 1 : text;
        if (colon && colon - text == 1 && *text == '~')
                r.low = -INFINITY;
        else if (colon && colon > text && !number(text, (size_t)(colon - text), &r.low))
                return false;
        if (!(colon && !*high) && !number(high, strlen(high), &r.high))
                return false;
        if (r.low > r.high)
                return false;
        *ret = r;
        return true;
}

bool sh_range_alerts(const struct sh_range *r, double value)
{
        if (!r->given)
                return false;
        bool in = value >= r->low && value <= r->high;
        return in == r->inside;
}

void sh_range_text(const struct sh_range *r, char *buf, unsigned long size)
{
        char low[32] = "", high[32] = "";
        if (!r->given) {
                buf[0] = 0;
                return;
        }
        if (isinf(r->low))
                strcpy(low, "~:");
        else if (r->low != 0 || isinf(r->high))
                snprintf(low, sizeof low, "%.15g:", r->low);
        if (!isinf(r->high))
                snprintf(high, sizeof high, "%.15g", r->high);
        snprintf(buf, size, "%s%s%s", r->inside ? "@" : "", low, high);
}
