/* SPDX-License-Identifier: MIT
 *
 * Dates as WQL has them beside DMTF's and RFC 3339's: 2001/11/01, 11/01/2001, 11-01-2001, 20011101, each with a time
 * behind it or without (14:30, 14:30:05, 14:30:05:250, 14:30:05.250, and AM or PM). They are in the host's time.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/wql.h"

static bool number(const char **s, int most_digits, int *ret)
{
        int n = 0;
        for (*ret = 0; n < most_digits && isdigit((unsigned char)**s); n++)
                *ret = *ret * 10 + (*(*s)++ - '0');
        return n;
}

static bool sign(const char **s, const char *any)
{
        if (!**s || !strchr(any, **s))
                return false;
        (*s)++;
        return true;
}

static bool date(const char **s, struct tm *tm)
{
        const char *at = *s;
        int a, b = 0, c = 0;
        size_t digits = strspn(at, "0123456789");
        if (digits == 8) {
                number(s, 4, &a), number(s, 2, &b), number(s, 2, &c);
        } else {
                char both[2] = { at[digits], 0 };
                if (!number(s, 4, &a) || !(*both == '/' || *both == '-') || !sign(s, both) || !number(s, 2, &b) ||
                    !sign(s, both) || !number(s, 4, &c))
                        return false;
        }
        bool year_first = digits == 8 || digits == 4;
        *tm = (struct tm) { .tm_year = (year_first ? a : c) - 1900,
                            .tm_mon = (year_first ? b : a) - 1,
                            .tm_mday = year_first ? c : b,
                            .tm_isdst = -1 };
        return tm->tm_year >= -222 && tm->tm_year <= 361 && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
               tm->tm_mday <= 31;
}

static bool clock_time(const char **s, struct tm *tm, int64_t *ret_ns)
{
        int ms = 0;
        const char *at;
        if (!number(s, 2, &tm->tm_hour) || !sign(s, ":") || !number(s, 2, &tm->tm_min))
                return false;
        if (sign(s, ":") && !number(s, 2, &tm->tm_sec))
                return false;
        if (sign(s, ":.")) {
                at = *s;
                if (!number(s, 3, &ms))
                        return false;
                for (long n = *s - at; n < 3; n++)
                        ms *= 10;
        }
        *s += strspn(*s, " ");
        bool pm = strncasecmp(*s, "PM", 2) == 0;
        if (pm || strncasecmp(*s, "AM", 2) == 0) {
                if (tm->tm_hour < 1 || tm->tm_hour > 12)
                        return false;
                tm->tm_hour = tm->tm_hour % 12 + (pm ? 12 : 0);
                *s += 2;
        }
        *ret_ns = ms * INT64_C(1000000);
        return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 61;
}

bool rv_wql_date(const char *text, size_t n, int64_t *ret)
{
        char own[64];
        const char *s = own;
        struct tm tm;
        int64_t ns = 0;
        if (n >= sizeof own)
                return false;
        snprintf(own, sizeof own, "%.*s", (int)n, text);
        if (!date(&s, &tm))
                return false;
        int day = tm.tm_mday;
        if (*s == ' ' || *s == 'T') {
                s++;
                s += strspn(s, " ");
                if (!clock_time(&s, &tm, &ns))
                        return false;
        }
        if (*s)
                return false;
        time_t t = mktime(&tm);
        *ret = (int64_t)t * INT64_C(1000000000) + ns;
        return tm.tm_mday == day || tm.tm_hour == 0;
}
