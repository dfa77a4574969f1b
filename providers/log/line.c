/* SPDX-License-Identifier: MIT */
#include "providers/log/line.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* What is left of a line. Readers of parts move it on only where they succeed. */
struct rest {
        const char *p, *end;
};

static bool is(const struct rest *r, char c)
{
        return r->p < r->end && *r->p == c;
}

static bool skip(struct rest *r, char c)
{
        bool there = is(r, c);
        r->p += there;
        return there;
}

static bool digits(struct rest *r, int n, int *ret)
{
        if (r->end - r->p < n)
                return false;
        *ret = 0;
        for (int i = 0; i < n; i++) {
                if (!isdigit((unsigned char)r->p[i]))
                        return false;
                *ret = *ret * 10 + r->p[i] - '0';
        }
        r->p += n;
        return true;
}

static struct rv_logtext word(struct rest *r)
{
        struct rv_logtext w = { r->p, 0 };
        while (r->p < r->end && *r->p != ' ' && *r->p != '\t')
                r->p++;
        w.n = (size_t)(r->p - w.s);
        while (is(r, ' '))
                r->p++;
        return w;
}

/* ---- times ---- */

struct when {
        int year, month, day, hour, minute, second; /* year 0: not told; month from 1 */
        int64_t ns;
        bool has_zone;
        int east; /* of Greenwich, minutes */
};

static int month_of(struct rest *r)
{
        static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        if (r->end - r->p < 3)
                return 0;
        for (int i = 0; i < 12; i++)
                if (memcmp(r->p, names + 3 * i, 3) == 0) {
                        r->p += 3;
                        return i + 1;
                }
        return 0;
}

static bool clock_of(struct rest *r, struct when *w)
{
        struct rest at = *r;
        if (!digits(&at, 2, &w->hour) || !skip(&at, ':') || !digits(&at, 2, &w->minute) || !skip(&at, ':') ||
            !digits(&at, 2, &w->second) || w->hour > 23 || w->minute > 59 || w->second > 60)
                return false;
        if ((is(&at, '.') || is(&at, ',')) && at.p + 1 < at.end && isdigit((unsigned char)at.p[1])) {
                int64_t unit = 100000000;
                for (at.p++; at.p < at.end && isdigit((unsigned char)*at.p); at.p++, unit /= 10)
                        w->ns += unit * (*at.p - '0');
        }
        *r = at;
        return true;
}

/* Z, +02:00, -0700, " +0100", " UTC". Another zone's name is the host's: which else would write it? */
static void zone_of(struct rest *r, struct when *w)
{
        struct rest at = *r;
        int h, m;
        skip(&at, ' ');
        if (skip(&at, 'Z')) {
                w->has_zone = true;
        } else if (is(&at, '+') || is(&at, '-')) {
                int sign = *at.p++ == '-' ? -1 : 1;
                if (!digits(&at, 2, &h))
                        return;
                skip(&at, ':');
                if (!digits(&at, 2, &m)) /* PostgreSQL's "+02" */
                        m = 0;
                if (h > 18 || m > 59)
                        return;
                w->has_zone = true;
                w->east = sign * (60 * h + m);
        } else {
                const char *name = at.p;
                while (at.p < at.end && isupper((unsigned char)*at.p))
                        at.p++;
                size_t n = (size_t)(at.p - name);
                w->has_zone = n == 3 && (memcmp(name, "UTC", 3) == 0 || memcmp(name, "GMT", 3) == 0);
                bool ends = is(&at, ']') ||
                            (at.end - at.p > 1 && at.p[0] == ' ' && (at.p[1] == '[' || w->has_zone));
                if (n < 3 || n > 5 || !ends) {
                        w->has_zone = false;
                        return;
                }
        }
        *r = at;
}

/* Days since 1970 of a date in the Gregorian calendar. */
static int64_t days(int year, int month, int day)
{
        int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
        int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t local_hour(struct rv_logclock *k, const struct when *w, int year)
{
        int64_t day = ((year * INT64_C(100) + w->month) * 100 + w->day) * 100 + w->hour;
        if (k->day != day) {
                struct tm tm = { .tm_year = year - 1900,
                                 .tm_mon = w->month - 1,
                                 .tm_mday = w->day,
                                 .tm_hour = w->hour,
                                 .tm_isdst = -1 };
                k->hour = mktime(&tm);
                k->day = day;
        }
        return k->hour;
}

static int64_t seconds_of(struct rv_logclock *k, const struct when *w, int year)
{
        int64_t of_hour = w->minute * 60 + w->second;
        if (w->has_zone)
                return (days(year, w->month, w->day) * 24 + w->hour) * 3600 + of_hour - w->east * 60;
        return local_hour(k, w, year) + of_hour;
}

/* A date without a year is the latest that is not after the clock's (but for a day: clocks differ). */
static bool finish(struct rv_logclock *k, const struct when *w, struct rv_logline *ret)
{
        int year = w->year;
        if (w->month < 1 || w->month > 12 || w->day < 1 || w->day > 31 ||
            (year && (year < 1970 || year > 2200)))
                return false;
        if (!year) {
                time_t latest = (time_t)k->latest + 86400;
                struct tm tm;
                localtime_r(&latest, &tm);
                year = tm.tm_year + 1900;
                if (w->month > tm.tm_mon + 1 || (w->month == tm.tm_mon + 1 && w->day > tm.tm_mday))
                        year--;
                if (w->month == 2 && w->day == 29) /* of a year that had it */
                        while (year % 4 || (year % 100 == 0 && year % 400))
                                year--;
        }
        ret->when = seconds_of(k, w, year) * INT64_C(1000000000) + w->ns;
        ret->local = !w->has_zone;
        return true;
}

/* "2026-11-29 03:14:52", "2026-11-29T03:14:52.123+01:00", "2026/11/29 03:14:52". */
static bool iso(struct rest *r, struct when *w, bool *ret_t)
{
        struct rest at = *r;
        if (!digits(&at, 4, &w->year) || !(is(&at, '-') || is(&at, '/')))
                return false;
        char by = *at.p++;
        if (!digits(&at, 2, &w->month) || !skip(&at, by) || !digits(&at, 2, &w->day))
                return false;
        *ret_t = is(&at, 'T');
        if (!skip(&at, 'T') && !skip(&at, ' '))
                return false;
        while (is(&at, ' ')) /* apt's history has two */
                at.p++;
        if (!clock_of(&at, w))
                return false;
        zone_of(&at, w);
        *r = at;
        return true;
}

/* "Nov  9 03:14:52", also with the year behind it, as Apache has it. */
static bool traditional(struct rest *r, struct when *w)
{
        struct rest at = *r;
        int ten;
        if (!(w->month = month_of(&at)) || !skip(&at, ' '))
                return false;
        if (skip(&at, ' ')) {
                if (!digits(&at, 1, &w->day))
                        return false;
        } else if (!digits(&at, 2, &w->day))
                return false;
        if (!skip(&at, ' ') || !clock_of(&at, w))
                return false;
        struct rest behind = at;
        if (skip(&behind, ' ') && digits(&behind, 4, &ten) && is(&behind, ']')) {
                w->year = ten;
                at = behind;
        }
        *r = at;
        return true;
}

/* "29/Nov/2026:03:14:52 +0100" of access logs, "29-Nov-2026 03:14:52 UTC" of PHP. */
static bool day_first(struct rest *r, struct when *w)
{
        struct rest at = *r;
        if (!digits(&at, 2, &w->day) || !(is(&at, '/') || is(&at, '-')))
                return false;
        char by = *at.p++;
        if (!(w->month = month_of(&at)) || !skip(&at, by) || !digits(&at, 4, &w->year) ||
            !skip(&at, by == '/' ? ':' : ' ') || !clock_of(&at, w))
                return false;
        zone_of(&at, w);
        *r = at;
        return true;
}

/* Seconds since 1970 with milliseconds: "1764386092.123". */
static bool epoch(struct rest *r, struct rv_logline *ret)
{
        struct rest at = *r;
        int high, low, ms;
        if (!digits(&at, 5, &high) || high > 70000 || !digits(&at, 5, &low) || !skip(&at, '.') || !digits(&at, 3, &ms))
                return false;
        ret->when = (high * INT64_C(100000) + low) * INT64_C(1000000000) + ms * INT64_C(1000000);
        *r = at;
        return true;
}

/* ---- what stands beside the time ---- */

static int level_of(const char *s, size_t n)
{
        static const struct {
                const char *name;
                int level;
        } words[] = { { "emerg", 0 },    { "panic", 0 }, { "alert", 1 },   { "crit", 2 },
                      { "critical", 2 }, { "fatal", 2 }, { "error", 3 },   { "err", 3 },
                      { "severe", 3 },   { "warn", 4 },  { "warning", 4 }, { "notice", 5 },
                      { "info", 6 },     { "log", 6 },   { "debug", 7 },   { "trace", 7 } };
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strlen(words[i].name) == n && strncasecmp(words[i].name, s, n) == 0)
                        return words[i].level;
        return -1;
}

/* A level within the first three words behind the time: "[error]", "ERROR:", "[core:error]". Elsewhere it is a word
 * like others, and so is "log" but for PostgreSQL's "LOG:". */
static void find_level(const struct rest *r, struct rv_logline *ret)
{
        struct rest at = *r;
        for (int i = 0; i < 3 && at.p < at.end && ret->priority < 0; i++) {
                struct rv_logtext w = word(&at);
                bool marked = false;
                if (w.n && *w.s == '[') {
                        const char *colon = memchr(w.s, ':', w.n);
                        size_t cut = colon && w.s[w.n - 1] == ']' ? (size_t)(colon - w.s) + 1 : 1;
                        w.s += cut, w.n -= cut;
                        marked = true;
                }
                while (w.n && (w.s[w.n - 1] == ':' || w.s[w.n - 1] == ']'))
                        w.n--, marked = true;
                bool capitals = w.n && isupper((unsigned char)*w.s) && isupper((unsigned char)w.s[w.n - 1]);
                if (marked || capitals)
                        ret->priority = level_of(w.s, w.n);
        }
}

/* "host tag[123]: message" */
static bool syslog_tag(struct rest *r, struct rv_logline *ret)
{
        struct rest at = *r;
        struct rv_logtext host = word(&at);
        const char *tag = at.p, *colon;
        uint64_t pid = 0;
        while (at.p < at.end && *at.p != '[' && *at.p != ':' && *at.p != ' ')
                at.p++;
        const char *tag_end = at.p;
        if (!host.n || tag == tag_end || level_of(host.s, host.n) >= 0)
                return false;
        if (skip(&at, '[')) {
                while (at.p < at.end && isdigit((unsigned char)*at.p) && pid < UINT32_MAX)
                        pid = pid * 10 + (uint64_t)(*at.p++ - '0');
                if (!skip(&at, ']'))
                        return false;
        }
        colon = at.p;
        if (!skip(&at, ':'))
                return false;
        ret->host = host;
        ret->program = (struct rv_logtext) { tag, (size_t)(tag_end - tag) };
        ret->pid = pid <= UINT32_MAX ? (uint32_t)pid : 0;
        skip(&at, ' ');
        r->p = at.p > colon ? at.p : colon;
        return true;
}

/* RFC 5424 behind "<PRI>1 TIME ": HOST APP PROCID MSGID SD MSG; "-" is nothing. */
static void rfc5424(struct rest *r, struct rv_logline *ret)
{
        struct rv_logtext pid;
        ret->host = word(r), ret->program = word(r), pid = word(r);
        word(r);
        uint64_t n = 0;
        for (size_t i = 0; i < pid.n && isdigit((unsigned char)pid.s[i]) && n < UINT32_MAX; i++)
                n = n * 10 + (uint64_t)(pid.s[i] - '0');
        ret->pid = n <= UINT32_MAX ? (uint32_t)n : 0;
        if (ret->host.n == 1 && *ret->host.s == '-')
                ret->host.n = 0;
        if (ret->program.n == 1 && *ret->program.s == '-')
                ret->program.n = 0;
        if (skip(r, '-')) {
                skip(r, ' ');
        } else {
                while (skip(r, '[')) {
                        for (bool quoted = false; r->p < r->end && (quoted || *r->p != ']'); r->p++) {
                                if (*r->p == '\\' && r->p + 1 < r->end)
                                        r->p++;
                                else if (*r->p == '"')
                                        quoted = !quoted;
                        }
                        skip(r, ']');
                }
                skip(r, ' ');
        }
        if (r->end - r->p >= 3 && memcmp(r->p, "\xef\xbb\xbf", 3) == 0)
                r->p += 3;
}

static bool pri(struct rest *r, struct rv_logline *ret, bool *ret_version)
{
        struct rest at = *r;
        int n = 0, count = 0;
        if (!skip(&at, '<'))
                return false;
        for (; count < 3 && at.p < at.end && isdigit((unsigned char)*at.p); count++)
                n = n * 10 + *at.p++ - '0';
        if (!count || n > 191 || !skip(&at, '>'))
                return false;
        ret->priority = n & 7;
        ret->facility = n >> 3;
        if ((*ret_version = at.end - at.p > 2 && at.p[0] == '1' && at.p[1] == ' '))
                at.p += 2;
        *r = at;
        return true;
}

/* ---- the kinds ---- */

static bool syslog_line(struct rv_logclock *k, struct rest *r, struct rv_logline *ret)
{
        struct rest at = *r;
        struct when w = { 0 };
        bool version = false, t = false, marked = pri(&at, ret, &version);
        if (!iso(&at, &w, &t)) {
                w = (struct when) { 0 };
                if (!traditional(&at, &w) || !finish(k, &w, ret))
                        return false;
                skip(&at, ' ');
                if (!syslog_tag(&at, ret))
                        find_level(&at, ret);
        } else {
                if (!finish(k, &w, ret))
                        return false;
                while (is(&at, ' '))
                        at.p++;
                if (version)
                        rfc5424(&at, ret);
                else if (!(t || marked) || !syslog_tag(&at, ret))
                        find_level(&at, ret);
        }
        ret->message = (struct rv_logtext) { at.p, (size_t)(at.end - at.p) };
        return true;
}

/* "[Sun Nov 29 03:14:52.123 2026] [core:error] ...", "[29-Nov-2026 03:14:52] NOTICE: ...", "[2026-11-29 03:14:52] x" */
static bool bracketed(struct rv_logclock *k, struct rest *r, struct rv_logline *ret)
{
        struct rest at = *r, from;
        struct when w = { 0 };
        bool t;
        if (!skip(&at, '['))
                return false;
        from = at;
        if (!iso(&at, &w, &t)) {
                w = (struct when) { 0 };
                if (!day_first(&at, &w)) {
                        w = (struct when) { 0 };
                        at.p += at.end - at.p > 4 && at.p[3] == ' ' ? 4 : 0; /* a day of the week */
                        if (!traditional(&at, &w))
                                return false;
                }
        }
        if (from.p == at.p || !skip(&at, ']') || !finish(k, &w, ret))
                return false;
        while (is(&at, ' '))
                at.p++;
        find_level(&at, ret);
        ret->message = (struct rv_logtext) { at.p, (size_t)(at.end - at.p) };
        return true;
}

/* Lines that have their time within, and are a message as a whole. */
static bool within(struct rv_logclock *k, const char *s, size_t n, struct rv_logline *ret)
{
        size_t most = n < 1024 ? n : 1024;
        const char *p;
        struct rest at = { s, s + n };
        struct when w = { 0 };
        bool t;
        if (most > 20 && memcmp(s, "type=", 5) == 0 && (p = memmem(s, most, "msg=audit(", 10))) {
                at.p = p + 10;
                return epoch(&at, ret);
        }
        if ((p = memmem(s, most, " [", 2))) { /* 192.0.2.1 - - [29/Nov/2026:03:14:52 +0100] "GET ... */
                at.p = p + 2;
                if (day_first(&at, &w) && is(&at, ']'))
                        return finish(k, &w, ret);
                at.p = s;
                w = (struct when) { 0 };
        }
        static const char *const before[] = { "update-alternatives ",
                                              "Start-Date: ", "End-Date: ", "Log started: " };
        for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
                size_t b = strlen(before[i]);
                if (n > b && memcmp(s, before[i], b) == 0) {
                        at.p = s + b;
                        return iso(&at, &w, &t) && finish(k, &w, ret);
                }
        }
        return epoch(&at, ret) && is(&at, ' ');
}

void rv_logline_parse(struct rv_logclock *k, const char *s, size_t n, struct rv_logline *ret)
{
        static const struct rv_logline nothing = { .when = RV_LOG_NO_TIME, .priority = -1, .facility = -1 };
        struct rest r = { s, s + n };
        *ret = nothing;
        if (syslog_line(k, &r, ret))
                return;
        *ret = nothing;
        if (bracketed(k, &r, ret))
                return;
        *ret = nothing;
        if (!within(k, s, n, ret))
                ret->when = RV_LOG_NO_TIME;
        ret->message = (struct rv_logtext) { s, n };
}
