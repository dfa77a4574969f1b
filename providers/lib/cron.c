/* SPDX-License-Identifier: MIT */
#include "providers/lib/cron.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char month_names[] = "janfebmaraprmayjunjulaugsepoctnovdec",
                  day_names[] = "sunmontuewedthufrisat";

/* A number, or the first three letters of a name; -1: neither. */
static int value(const char **at, const char *names, int first)
{
        if (isdigit((unsigned char)**at)) {
                int n = 0;
                while (isdigit((unsigned char)**at) && n < 1000)
                        n = 10 * n + *(*at)++ - '0';
                return n;
        }
        for (int i = 0; names && names[3 * i]; i++)
                if (strncasecmp(*at, names + 3 * i, 3) == 0) {
                        *at += 3;
                        return i + first;
                }
        return -1;
}

/* "*", "5", "1-5", "a-b/step", divided by commas; bits from..to. */
static bool field(const char **at, int from, int to, const char *names, uint64_t *ret)
{
        *ret = 0;
        for (;;) {
                int a = from, b = to, step = 1;
                bool star = **at == '*';
                if (star)
                        ++*at;
                else {
                        a = b = value(at, names, from);
                        if (a >= 0 && **at == '-') {
                                ++*at;
                                b = value(at, names, from);
                        } else if (**at == '/')
                                b = to;
                }
                if (**at == '/') {
                        ++*at;
                        step = value(at, NULL, 0);
                }
                if (a < from || b > to || a > b || step < 1)
                        return false;
                for (int i = a; i <= b; i += step)
                        *ret |= UINT64_C(1) << i;
                if (**at != ',')
                        break;
                ++*at;
        }
        bool end = **at == ' ' || **at == '\t';
        *at += strspn(*at, " \t");
        return end;
}

static bool word(const char **at, struct rv_cron *c)
{
        static const struct {
                const char *word;
                const char *fields;
        } words[] = { { "@yearly", "0 0 1 1 * " },  { "@annually", "0 0 1 1 * " },
                      { "@monthly", "0 0 1 * * " }, { "@weekly", "0 0 * * 0 " },
                      { "@daily", "0 0 * * * " },   { "@midnight", "0 0 * * * " },
                      { "@hourly", "0 * * * * " } };
        size_t n = strcspn(*at, " \t");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strlen(words[i].word) == n && strncasecmp(*at, words[i].word, n) == 0) {
                        const char *fields = words[i].fields;
                        *at += n + strspn(*at + n, " \t");
                        return rv_cron_parse(&fields, c);
                }
        return false;
}

bool rv_cron_parse(const char **at, struct rv_cron *c)
{
        uint64_t hours, days, months, weekdays;
        *at += strspn(*at, " \t");
        if (**at == '@')
                return word(at, c);
        *c = (struct rv_cron) { 0 };
        if (!field(at, 0, 59, NULL, &c->minutes) || !field(at, 0, 23, NULL, &hours))
                return false;
        c->any_day = **at == '*';
        if (!field(at, 1, 31, NULL, &days) || !field(at, 1, 12, month_names, &months))
                return false;
        c->any_weekday = **at == '*';
        if (!field(at, 0, 7, day_names, &weekdays))
                return false;
        c->hours = (uint32_t)hours;
        c->days = (uint32_t)days;
        c->months = (uint16_t)months;
        c->weekdays = (uint8_t)((weekdays | weekdays >> 7) & 0x7f); /* 7 is Sunday, too */
        return true;
}

/* With a star in one of the two both must fit, else one suffices (crontab(5)). */
static bool day_fits(const struct rv_cron *c, const struct tm *tm)
{
        bool day = c->days >> tm->tm_mday & 1, weekday = c->weekdays >> tm->tm_wday & 1;
        return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

time_t rv_cron_next(const struct rv_cron *c, time_t t)
{
        struct tm tm;
        time_t last = t + (time_t)8 * 366 * 86400;
        t = t / 60 * 60 + 60;
        while (t < last) {
                localtime_r(&t, &tm);
                time_t before = t;
                if (!(c->months >> (tm.tm_mon + 1) & 1))
                        tm = (struct tm) {
                                .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1, .tm_isdst = -1
                        };
                else if (!day_fits(c, &tm))
                        tm = (struct tm) { .tm_year = tm.tm_year,
                                           .tm_mon = tm.tm_mon,
                                           .tm_mday = tm.tm_mday + 1,
                                           .tm_isdst = -1 };
                else if (!(c->hours >> tm.tm_hour & 1)) {
                        t += 3600 - tm.tm_min * 60;
                        continue;
                } else if (!(c->minutes >> tm.tm_min & 1)) {
                        t += 60;
                        continue;
                } else
                        return t;
                t = mktime(&tm);
                if (t <= before) /* a day that begins with a change of the clock */
                        t = before + 3600;
        }
        return -1;
}
