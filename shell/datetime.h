/* SPDX-License-Identifier: MIT
 *
 * Dates and spans of time below shell/text.h: the calendar, zones, formats, reading by format. A date is ticks of
 * 100 ns since 0001-01-01 and a kind; the culture is the invariant one.
 */
#ifndef SH_DATETIME_H
#define SH_DATETIME_H

#include "shell/dotnet.h"

#define SH_TICKS_DAY (86400 * SH_TICKS_SECOND)
#define SH_TICKS_MAX 3155378975999999999LL
#define SH_TICKS_1970 621355968000000000LL

struct sh_calendar {                                                  /* a date taken apart */
        int year, month, day, hour, minute, second, weekday, yearday; /* weekday 0 = Sunday; yearday from 1 */
        int64_t fraction;                                             /* ticks */
};
void sh_calendar_of(int64_t ticks, struct sh_calendar *);
bool sh_ticks_of(const struct sh_calendar *, int64_t *ret); /* false: no such date */
int sh_days_in_month(int year, int month);
bool sh_leap_year(int year);
extern const char *const sh_month_names[12], *const sh_day_names[7];

/* Offsets from UTC in seconds. zone NULL: the local one; else a name under /usr/share/zoneinfo. */
int64_t sh_zone_offset_utc(const char *zone, int64_t utc_ticks, bool *ret_dst);
int64_t sh_zone_offset_local(const char *zone, int64_t local_ticks, bool *ret_dst);
bool sh_zone_exists(const char *zone);
struct sv sh_datetime_local(struct sv); /* ToLocalTime, ToUniversalTime */
struct sv sh_datetime_utc(struct sv);

/* What is formatted: has_offset for a DateTimeOffset. False: the format is none. */
struct sh_moment {
        int64_t ticks;
        int kind;
        bool has_offset;
        int64_t offset; /* seconds */
};
bool sh_moment_format(struct sh_buf *, const struct sh_moment *, const char *fmt, size_t n);
bool sh_timespan_format(struct sh_buf *, struct sv, const char *fmt, size_t n);

/* [DateTimeOffset]: types/offset.c. */
extern const struct sh_type sh_type_offset;
struct sv sh_offset_new(int64_t local_ticks, int64_t seconds);
int64_t sh_offset_utc(struct sv); /* its ticks in UTC */

/* Reading: any of the forms that DateTime.Parse takes; or by format (standard or custom). */
bool sh_moment_parse(const char *, size_t n, struct sh_moment *);
bool sh_moment_parse_exact(const char *, size_t n, const char *fmt, size_t nfmt, bool loose_blanks,
                           struct sh_moment *);
struct sv sh_moment_to_date(
        const struct sh_moment *); /* as DateTime.Parse gives it: offsets become local time */
bool sh_timespan_parse_exact(const char *, size_t n, const char *fmt, size_t nfmt, struct sv *ret);

/* + - * / and negation (SH_NEG, b unused) of dates and spans. SH_NONE: not theirs. */
int sh_datetime_arith(struct sh *, enum sh_op, struct sv a, struct sv b, struct sv *ret);

#endif
