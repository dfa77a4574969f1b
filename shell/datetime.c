/* SPDX-License-Identifier: MIT
 *
 * The calendar, the zones and the arithmetic of dates and spans of time.
 */
#include "shell/datetime.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

const char *const sh_month_names[12] = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"
};
const char *const sh_day_names[7] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday" };

/* ---- the calendar ---- */
bool sh_leap_year(int y)
{
        return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

int sh_days_in_month(int y, int m)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        return m == 2 && sh_leap_year(y) ? 29 : days[m - 1];
}

/* Days from 0001-01-01 to the first of a year. */
static int64_t days_before_year(int y)
{
        int64_t n = y - 1;
        return n * 365 + n / 4 - n / 100 + n / 400;
}

void sh_calendar_of(int64_t ticks, struct sh_calendar *c)
{
        int64_t days = ticks / SH_TICKS_DAY, rest = ticks % SH_TICKS_DAY;
        int y = (int)(days * 400 / 146097) + 1, m = 1;
        while (days < days_before_year(y))
                y--;
        while (days >= days_before_year(y + 1))
                y++;
        int d = (int)(days - days_before_year(y));
        *c = (struct sh_calendar) { .year = y, .yearday = d + 1, .weekday = (int)((days + 1) % 7) };
        while (d >= sh_days_in_month(y, m))
                d -= sh_days_in_month(y, m++);
        c->month = m;
        c->day = d + 1;
        c->fraction = rest % SH_TICKS_SECOND;
        rest /= SH_TICKS_SECOND;
        c->second = (int)(rest % 60);
        c->minute = (int)(rest / 60 % 60);
        c->hour = (int)(rest / 3600);
}

bool sh_ticks_of(const struct sh_calendar *c, int64_t *ret)
{
        if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
            c->day > sh_days_in_month(c->year, c->month) || c->hour < 0 || c->hour > 23 || c->minute < 0 ||
            c->minute > 59 || c->second < 0 || c->second > 59 || c->fraction < 0 ||
            c->fraction >= SH_TICKS_SECOND)
                return false;
        int64_t days = days_before_year(c->year) + c->day - 1;
        for (int m = 1; m < c->month; m++)
                days += sh_days_in_month(c->year, m);
        *ret = days * SH_TICKS_DAY + (c->hour * 3600LL + c->minute * 60LL + c->second) * SH_TICKS_SECOND +
               c->fraction;
        return true;
}

/* ---- zones: by libc. Another zone than the local one is TZ for the moment of asking. ---- */
bool sh_zone_exists(const char *zone)
{
        char path[300];
        if (!*zone || *zone == '/' || strstr(zone, "..") || strlen(zone) > 200)
                return false;
        if (!strcmp(zone, "UTC"))
                return true;
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
        return access(path, R_OK) == 0;
}

static int64_t offset_at(int64_t seconds, bool *ret_dst)
{
        time_t t = (time_t)seconds;
        struct tm tm;
        *ret_dst = false;
        if (!localtime_r(&t, &tm))
                return 0;
        *ret_dst = tm.tm_isdst > 0;
        return tm.tm_gmtoff;
}

static char *zone_enter(const char *zone)
{
        char *kept = zone ? getenv("TZ") : NULL, text[300];
        if (zone) {
                kept = kept ? strdup(kept) : NULL;
                snprintf(text, sizeof(text), strcmp(zone, "UTC") ? ":%s" : "UTC0", zone);
                setenv("TZ", text, 1);
        }
        tzset();
        return kept;
}

static void zone_leave(const char *zone, char *kept)
{
        if (!zone)
                return;
        if (kept)
                setenv("TZ", kept, 1);
        else
                unsetenv("TZ");
        tzset();
        free(kept);
}

static int64_t seconds_of(int64_t ticks)
{
        int64_t t = ticks - SH_TICKS_1970;
        return t >= 0 ? t / SH_TICKS_SECOND : -((-t + SH_TICKS_SECOND - 1) / SH_TICKS_SECOND);
}

int64_t sh_zone_offset_utc(const char *zone, int64_t utc, bool *ret_dst)
{
        bool dst;
        char *kept = zone_enter(zone);
        int64_t r = offset_at(seconds_of(utc), &dst);
        zone_leave(zone, kept);
        if (ret_dst)
                *ret_dst = dst;
        return r;
}

/* A local time that a change of clocks skips or repeats counts as standard time. */
int64_t sh_zone_offset_local(const char *zone, int64_t local, bool *ret_dst)
{
        bool dst_a, dst_b;
        char *kept = zone_enter(zone);
        int64_t s = seconds_of(local), a = offset_at(s - 86400, &dst_a), b = offset_at(s + 86400, &dst_b),
                r = a;
        bool dst = dst_a;
        if (a != b) {
                bool in_a, in_b;
                bool fits_a = offset_at(s - a, &in_a) == a, fits_b = offset_at(s - b, &in_b) == b;
                bool take_b = fits_b && (!fits_a || !dst_b);
                if (!fits_a && !fits_b)
                        take_b = !dst_b;
                r = take_b ? b : a;
                dst = take_b ? dst_b : dst_a;
        }
        zone_leave(zone, kept);
        if (ret_dst)
                *ret_dst = dst;
        return r;
}

static int64_t clamp(int64_t ticks)
{
        return ticks < 0 ? 0 : ticks > SH_TICKS_MAX ? SH_TICKS_MAX : ticks;
}

struct sv sh_datetime_local(struct sv d)
{
        if (d.aux == SH_DATE_LOCAL)
                return d;
        return sh_date(clamp(d.i + sh_zone_offset_utc(NULL, d.i, NULL) * SH_TICKS_SECOND), SH_DATE_LOCAL);
}

struct sv sh_datetime_utc(struct sv d)
{
        if (d.aux == SH_DATE_UTC)
                return d;
        return sh_date(clamp(d.i - sh_zone_offset_local(NULL, d.i, NULL) * SH_TICKS_SECOND), SH_DATE_UTC);
}

struct sv sh_datetime_unix(int64_t seconds, int64_t ns)
{
        return sh_datetime_local(
                sh_date(clamp(SH_TICKS_1970 + seconds * SH_TICKS_SECOND + ns / 100), SH_DATE_UTC));
}

int64_t sh_datetime_to_unix(struct sv d, int64_t *ret_ns)
{
        int64_t t = sh_datetime_utc(d).i - SH_TICKS_1970, s = t / SH_TICKS_SECOND, rest = t % SH_TICKS_SECOND;
        if (rest < 0) {
                rest += SH_TICKS_SECOND;
                s--;
        }
        if (ret_ns)
                *ret_ns = rest * 100;
        return s;
}

struct sv sh_datetime_now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return sh_datetime_unix(t.tv_sec, t.tv_nsec);
}

/* ---- + - * / ---- */
static int overflow(struct sh *sh, bool date)
{
        return sh_throw_as(sh, date ? "System.ArgumentOutOfRangeException" : "System.OverflowException",
                           date ? "ArgumentOutOfRangeException" : "OverflowException", "OperationStopped",
                           SH_NIL, "%s",
                           date ? "The added or subtracted value results in an un-representable DateTime. "
                                  "(Parameter 'value')"
                                : "TimeSpan overflowed because the duration is too long.");
}

static int date_result(struct sh *sh, __int128 ticks, int kind, struct sv *ret)
{
        if (ticks < 0 || ticks > SH_TICKS_MAX)
                return overflow(sh, true);
        *ret = sh_date((int64_t)ticks, kind);
        return SH_OK;
}

static int span_result(struct sh *sh, __int128 ticks, struct sv *ret)
{
        if (ticks < INT64_MIN || ticks > INT64_MAX)
                return overflow(sh, false);
        *ret = sh_span((int64_t)ticks);
        return SH_OK;
}

/* The right side of date +- x and span +- x: a span, or what converts to one. */
static bool as_span(struct sh *sh, struct sv v, struct sv *ret)
{
        int64_t ticks;
        if (v.kind == SH_TIMESPAN) {
                *ret = v;
                return true;
        }
        if (v.kind == SH_STRING)
                return sh_timespan_parse(v.s->s, v.s->len, ret);
        if (!sh_is_number(v) || !sh_to_int64(sh, v, &ticks))
                return false;
        *ret = sh_span(ticks);
        return true;
}

static int date_arith(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        struct sv span, date;
        if (op == SH_SUB && b.kind == SH_DATETIME)
                return span_result(sh, (__int128)a.i - b.i, ret);
        if (op != SH_ADD && op != SH_SUB)
                return SH_NONE;
        if (as_span(sh, b, &span))
                return date_result(sh, (__int128)a.i + (op == SH_ADD ? span.i : -(__int128)span.i), a.aux,
                                   ret);
        if (op == SH_SUB && b.kind == SH_STRING && sh_datetime_parse(b.s->s, b.s->len, &date))
                return span_result(sh, (__int128)a.i - date.i, ret);
        return SH_NONE;
}

static int span_arith(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        struct sv span;
        double f;
        if (op == SH_NEG)
                return span_result(sh, -(__int128)a.i, ret);
        if (op == SH_ADD || op == SH_SUB)
                return !as_span(sh, b, &span)
                               ? SH_NONE
                               : span_result(sh, (__int128)a.i + (op == SH_ADD ? span.i : -(__int128)span.i),
                                             ret);
        if (op == SH_DIV && b.kind == SH_TIMESPAN) {
                *ret = sh_double((double)a.i / (double)b.i);
                return SH_OK;
        }
        if ((op != SH_MUL && op != SH_DIV) || !(sh_is_number(b) || b.kind == SH_STRING) ||
            !sh_to_double(sh, b, &f))
                return SH_NONE;
        double ticks = nearbyint(op == SH_MUL ? (double)a.i * f : (double)a.i / f);
        if (isnan(ticks))
                return sh_throw_as(sh, "System.ArgumentException", "ArgumentException", "OperationStopped",
                                   SH_NIL, "TimeSpan does not accept floating point Not-a-Number values.");
        if (!(fabs(ticks) < 9.2e18))
                return overflow(sh, false);
        *ret = sh_span((int64_t)ticks);
        return SH_OK;
}

int sh_datetime_arith(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        a = sh_unwrap(a);
        b = sh_unwrap(b);
        if (a.kind == SH_DATETIME)
                return date_arith(sh, op, a, b, ret);
        if (a.kind == SH_TIMESPAN)
                return span_arith(sh, op, a, b, ret);
        if (b.kind == SH_TIMESPAN && op == SH_MUL && sh_is_number(a))
                return span_arith(sh, op, b, a, ret);
        return SH_NONE;
}
