/* SPDX-License-Identifier: MIT */
#include "providers/lib/deb822.h"

#include <string.h>
#include <strings.h>

static const char *line_end(const char *p)
{
        const char *end = strchr(p, '\n');
        return end ? end : p + strlen(p);
}

static void take(const char *line, const char *end, const char *const *names, size_t n, struct rv_field *ret)
{
        for (size_t i = 0; i < n; i++) {
                if ((line[0] | 32) != (names[i][0] | 32))
                        continue;
                size_t k = strlen(names[i]);
                if ((size_t)(end - line) <= k || line[k] != ':' || strncasecmp(line, names[i], k) != 0)
                        continue;
                const char *value = line + k + 1;
                while (value < end && (*value == ' ' || *value == '\t'))
                        value++;
                ret[i] = (struct rv_field) { value, (size_t)(end - value), (size_t)(end - value) };
        }
}

bool rv_deb822_next(const char **at, const char *const *names, size_t n, struct rv_field *ret)
{
        const char *p = *at;
        struct rv_field *last = NULL;
        memset(ret, 0, n * sizeof *ret);
        p += strspn(p, "\n");
        if (!*p)
                return false;
        while (*p && *p != '\n') {
                const char *end = line_end(p);
                if (*p == ' ' || *p == '\t') {
                        for (size_t i = 0; !last && i < n; i++) /* the field that this line continues */
                                if (ret[i].s && ret[i].s + ret[i].more + 1 == p)
                                        last = &ret[i];
                        if (last)
                                last->more = (size_t)(end - last->s);
                } else {
                        last = NULL;
                        take(p, end, names, n, ret);
                }
                p = *end ? end + 1 : end;
        }
        *at = p;
        return true;
}

bool rv_field_is(const struct rv_field *f, const char *text)
{
        return f->s && strlen(text) == f->n && memcmp(f->s, text, f->n) == 0;
}
