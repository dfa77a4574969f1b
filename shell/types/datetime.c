/* SPDX-License-Identifier: MIT
 *
 * [datetime] and [timespan]: their members over the calendar of shell/datetime.h.
 */
#include "shell/datetime.h"
#include "shell/types.h"

#include <math.h>
#include <string.h>

SH_ENUM_TYPE(sh_enum_day_of_week, "System.DayOfWeek", false, { "Sunday", 0 }, { "Monday", 1 },
             { "Tuesday", 2 }, { "Wednesday", 3 }, { "Thursday", 4 }, { "Friday", 5 }, { "Saturday", 6 });
SH_ENUM_TYPE(sh_enum_datetime_kind, "System.DateTimeKind", false, { "Unspecified", 0 }, { "Utc", 1 },
             { "Local", 2 });

/* ---- dates ---- */
enum { D_YEAR, D_MONTH, D_DAY, D_HOUR, D_MINUTE, D_SECOND, D_MILLI, D_YEARDAY };
enum { D_LONG = 100 };
static int date_part(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct sh_calendar c;
        sh_calendar_of(self.i, &c);
        int v = 0;
        switch (sh_member_arg(sh)) {
        case D_YEAR: v = c.year; break;
        case D_MONTH: v = c.month; break;
        case D_DAY: v = c.day; break;
        case D_HOUR: v = c.hour; break;
        case D_MINUTE: v = c.minute; break;
        case D_SECOND: v = c.second; break;
        case D_MILLI: v = (int)(c.fraction / 10000); break;
        default: v = c.yearday;
        }
        *ret = sh_int(v);
        return SH_OK;
}
static struct sv enum_value(struct sh_enum *e, int v)
{
        return sh_keep((struct sv) { .kind = SH_ENUM, .hi = (uint32_t)v, .o = &e->obj });
}
enum { D_TICKS, D_DATE, D_TIME, D_WEEKDAY, D_KIND };
static int date_other(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct sh_calendar c;
        sh_calendar_of(self.i, &c);
        switch (sh_member_arg(sh)) {
        case D_TICKS: *ret = sh_long(self.i); break;
        case D_DATE: *ret = sh_date(self.i - self.i % SH_TICKS_DAY, self.aux); break;
        case D_TIME: *ret = sh_span(self.i % SH_TICKS_DAY); break;
        case D_LONG: {
                struct sh_buf b = { 0 };
                sh_datetime_text(&b, self, "dddd, dd MMMM yyyy HH:mm:ss", 27);
                *ret = sh_buf_take(&b);
                break;
        }
        case D_WEEKDAY: *ret = enum_value(&sh_enum_day_of_week, c.weekday); break;
        default: *ret = enum_value(&sh_enum_datetime_kind, self.aux);
        }
        return SH_OK;
}

static int date_checked(struct sh *sh, struct sh_args a, double ticks, int64_t exact, int kind,
                        struct sv *ret)
{
        if (ticks < 0 || ticks > (double)SH_TICKS_MAX)
                return sh_throw_range(
                        sh, a, "value",
                        "The added or subtracted value results in an un-representable DateTime.");
        *ret = sh_date(exact, kind);
        return SH_OK;
}

/* AddDays ... AddTicks: the member's arg is the unit in ticks. */
static int date_add_unit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        double d;
        if (a.n != 1 || !sh_args_double(sh, a, 0, &d))
                return SH_NONE;
        double delta = d * (double)sh_member_arg(sh);
        return date_checked(sh, a, (double)self.i + delta, self.i + (int64_t)round(delta), self.aux, ret);
}
static int date_add_months(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t n;
        struct sh_calendar c;
        if (a.n != 1 || !sh_args_i32(sh, a, 0, &n))
                return SH_NONE;
        sh_calendar_of(self.i, &c);
        int64_t months = (int64_t)c.year * 12 + c.month - 1 + (int64_t)n * sh_member_arg(sh), ticks;
        c.year = (int)(months / 12);
        c.month = (int)(months % 12) + 1;
        if (months < 12 || c.year > 9999)
                return sh_throw_range(
                        sh, a, "months",
                        "The added or subtracted value results in an un-representable DateTime.");
        int most = sh_days_in_month(c.year, c.month);
        if (c.day > most)
                c.day = most;
        if (!sh_ticks_of(&c, &ticks))
                return SH_NONE;
        *ret = sh_date(ticks, self.aux);
        return SH_OK;
}
static int date_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv s;
        if (a.n != 1 || !sh_try_convert(sh, a.v[0], &sh_type_timespan, &s))
                return SH_NONE;
        return date_checked(sh, a, (double)self.i + (double)s.i, self.i + s.i, self.aux, ret);
}
static int date_subtract(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv s;
        if (a.n != 1)
                return SH_NONE;
        struct sv x = sh_args_at(a, 0);
        if (x.kind != SH_TIMESPAN && sh_try_convert(sh, x, &sh_type_datetime, &s)) {
                *ret = sh_span(self.i - s.i);
                return SH_OK;
        }
        if (!sh_try_convert(sh, x, &sh_type_timespan, &s))
                return SH_NONE;
        return date_checked(sh, a, (double)self.i - (double)s.i, self.i - s.i, self.aux, ret);
}
static int date_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv f = a.n ? sh_args_at(a, 0) : SH_NIL;
        if (a.n && f.kind == SH_STRING && f.s->len) {
                int st = sh_format_value(sh, self, f.s->s, f.s->len, &b);
                *ret = st == SH_OK ? sh_buf_take(&b) : SH_NIL;
                return st;
        }
        sh_datetime_text(&b, self, NULL, 0);
        *ret = sh_buf_take(&b);
        return SH_OK;
}
/* ToShortDateString and its kin: the arg is the standard format. */
static int date_standard(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        char f = (char)sh_member_arg(sh);
        struct sh_buf b = { 0 };
        int st = sh_format_value(sh, self, &f, 1, &b);
        *ret = st == SH_OK ? sh_buf_take(&b) : SH_NIL;
        return st;
}
static int date_zone(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = sh_member_arg(sh) ? sh_datetime_utc(self) : sh_datetime_local(self);
        return SH_OK;
}
#define FILETIME_EPOCH 504911232000000000LL
static int date_to_filetime(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_long(sh_datetime_utc(self).i - FILETIME_EPOCH);
        return SH_OK;
}
static int date_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv x;
        if (a.n != 1 || !sh_try_convert(sh, a.v[0], &sh_type_datetime, &x))
                return SH_NONE;
        *ret = sh_int((self.i > x.i) - (self.i < x.i));
        return SH_OK;
}
static int date_is_dst(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        bool dst = false;
        if (self.aux != SH_DATE_UTC)
                sh_zone_offset_local(NULL, self.i, &dst);
        *ret = sh_bool(dst);
        return SH_OK;
}

enum { S_NOW, S_UTCNOW, S_TODAY, S_MIN, S_MAX, S_EPOCH };
static int date_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        struct sv now = sh_datetime_now();
        switch (sh_member_arg(sh)) {
        case S_NOW: *ret = now; break;
        case S_UTCNOW: *ret = sh_datetime_utc(now); break;
        case S_TODAY: *ret = sh_date(now.i - now.i % SH_TICKS_DAY, SH_DATE_LOCAL); break;
        case S_MIN: *ret = sh_date(0, 0); break;
        case S_MAX: *ret = sh_date(SH_TICKS_MAX, 0); break;
        default: *ret = sh_date(SH_TICKS_1970, SH_DATE_UTC);
        }
        return SH_OK;
}
static int date_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0);
        if (!a.n || t.kind != SH_STRING)
                return SH_NONE;
        if (!sh_datetime_parse(t.s->s, t.s->len, ret))
                return sh_throw_member(sh, a, "System.FormatException",
                                       "String '%s' was not recognized as a valid DateTime.", t.s->s);
        return SH_OK;
}
static int date_try_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), v = sh_date(0, 0);
        if (a.n < 2)
                return SH_NONE;
        bool good = t.kind == SH_STRING && sh_datetime_parse(t.s->s, t.s->len, &v);
        *ret = sh_bool(good);
        return sh_ref_set(sh, a.v[a.n - 1], v);
}
static int date_parse_exact(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), f = sh_args_at(a, 1), item;
        struct sh_moment m;
        size_t pos = 0;
        bool good = false;
        if (a.n < 2 || t.kind != SH_STRING)
                return SH_NONE;
        if (f.kind == SH_STRING)
                good = sh_moment_parse_exact(t.s->s, t.s->len, f.s->s, f.s->len, false, &m);
        while (f.kind == SH_ARRAY && !good && sh_next(f, &pos, &item)) {
                good = item.kind == SH_STRING &&
                       sh_moment_parse_exact(t.s->s, t.s->len, item.s->s, item.s->len, false, &m);
                sh_drop(item);
        }
        if (sh_member_arg(sh)) { /* TryParseExact */
                *ret = sh_bool(good);
                return sh_ref_set(sh, a.v[a.n - 1], good ? sh_moment_to_date(&m) : sh_date(0, 0));
        }
        if (!good)
                return sh_throw_member(sh, a, "System.FormatException",
                                       "String '%s' was not recognized as a valid DateTime.", t.s->s);
        *ret = sh_moment_to_date(&m);
        return SH_OK;
}
static int date_days_in_month(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t y, m;
        if (a.n != 2 || !sh_args_i32(sh, a, 0, &y) || !sh_args_i32(sh, a, 1, &m))
                return SH_NONE;
        if (m < 1 || m > 12)
                return sh_throw_range(sh, a, "month", "Month must be between one and twelve.");
        *ret = sh_int(sh_days_in_month(y, m));
        return SH_OK;
}
static int date_is_leap(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t y;
        if (a.n != 1 || !sh_args_i32(sh, a, 0, &y))
                return SH_NONE;
        *ret = sh_bool(sh_leap_year(y));
        return SH_OK;
}
static int date_specify(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t kind;
        struct sv d;
        if (a.n != 2 || !sh_try_convert(sh, a.v[0], &sh_type_datetime, &d) ||
            !sh_args_enum(sh, a, 1, &sh_enum_datetime_kind, &kind))
                return SH_NONE;
        *ret = sh_date(d.i, kind);
        return SH_OK;
}
static int date_from(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int64_t t;
        if (a.n != 1 || !sh_to_int64(sh, a.v[0], &t))
                return SH_NONE;
        *ret = sh_member_arg(sh) ? sh_datetime_local(sh_date(t + FILETIME_EPOCH, SH_DATE_UTC))
                                 : sh_date(t + FILETIME_EPOCH, SH_DATE_UTC);
        return SH_OK;
}

/* OLE automation: days since 1899-12-30 */
#define OA_EPOCH 599264352000000000LL
static int date_oa(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        double d;
        if (sh_member_arg(sh)) {
                *ret = sh_double((double)(self.i - OA_EPOCH) / (double)SH_TICKS_DAY);
                return SH_OK;
        }
        if (a.n != 1 || !sh_args_double(sh, a, 0, &d) || !(fabs(d) < 2958466))
                return SH_NONE;
        int64_t ms = (int64_t)(d * 86400000.0 + (d >= 0 ? 0.5 : -0.5));
        *ret = sh_date(OA_EPOCH + ms * 10000, 0);
        return SH_OK;
}

static int date_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        int32_t v[7] = { 1, 1, 1 }, kind = 0;
        int64_t ticks;
        if (a.n == 0) {
                *ret = sh_date(0, 0);
                return SH_OK;
        }
        uint32_t n = a.n;
        struct sv last = sh_args_at(a, n - 1);
        if ((n == 2 || n == 4 || n == 7 || n == 8) && (last.kind == SH_ENUM || last.kind == SH_STRING) &&
            sh_args_enum(sh, a, n - 1, &sh_enum_datetime_kind, &kind))
                n--;
        if (n == 1) {
                if (!sh_to_int64(sh, a.v[0], &ticks))
                        return SH_NONE;
                *ret = sh_date(ticks, kind);
                return SH_OK;
        }
        if (n != 3 && n != 6 && n != 7)
                return SH_NONE;
        for (uint32_t i = 0; i < n; i++)
                if (!sh_args_i32(sh, a, i, &v[i]))
                        return SH_NONE;
        struct sh_calendar c = { .year = v[0],
                                 .month = v[1],
                                 .day = v[2],
                                 .hour = v[3],
                                 .minute = v[4],
                                 .second = v[5],
                                 .fraction = v[6] * INT64_C(10000) };
        if (!sh_ticks_of(&c, &ticks))
                return sh_throw_member(
                        sh, a, "System.ArgumentOutOfRangeException",
                        "Year, Month, and Day parameters describe an un-representable DateTime.");
        *ret = sh_date(ticks, kind);
        return SH_OK;
}

static void date_to_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_datetime_text(b, self, NULL, 0);
}
static int ticks_compare(struct sh *sh, struct sv self, struct sv other, int *ret)
{
        struct sv x;
        if (!sh_try_convert(sh, other, sh_type_of(self), &x))
                return SH_NONE;
        *ret = (self.i > x.i) - (self.i < x.i);
        return SH_OK;
}
static bool ticks_equal(struct sv a, struct sv b)
{
        return a.kind == b.kind && a.i == b.i;
}
static uint32_t ticks_hash(struct sv v)
{
        return (uint32_t)v.i ^ (uint32_t)(v.u >> 32);
}
static int date_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        (void)t;
        int64_t ticks;
        from = sh_unwrap(from);
        if (from.kind == SH_STRING) {
                if (sh_datetime_parse(from.s->s, from.s->len, ret))
                        return SH_OK;
                return sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t,
                                     "String '%s' was not recognized as a valid DateTime.", from.s->s);
        }
        if (sh_is_int(from) && sh_to_int64(sh, from, &ticks) && ticks >= 0 && ticks <= SH_TICKS_MAX) {
                *ret = sh_date(ticks, 0);
                return SH_OK;
        }
        return SH_NONE;
}

#define TICKS(n) ((intptr_t)(n))
static const struct sh_member date_members[] = {
        SH_P("Date", "datetime Date {get;}", date_other, D_DATE),
        SH_P("Day", "int Day {get;}", date_part, D_DAY),
        SH_P("DayOfWeek", "System.DayOfWeek DayOfWeek {get;}", date_other, D_WEEKDAY),
        SH_P("DayOfYear", "int DayOfYear {get;}", date_part, D_YEARDAY),
        SH_P("Hour", "int Hour {get;}", date_part, D_HOUR),
        SH_P("Kind", "System.DateTimeKind Kind {get;}", date_other, D_KIND),
        SH_P("Millisecond", "int Millisecond {get;}", date_part, D_MILLI),
        SH_P("Minute", "int Minute {get;}", date_part, D_MINUTE),
        SH_P("Month", "int Month {get;}", date_part, D_MONTH),
        SH_P("Second", "int Second {get;}", date_part, D_SECOND),
        SH_P("Ticks", "long Ticks {get;}", date_other, D_TICKS),
        SH_P("TimeOfDay", "timespan TimeOfDay {get;}", date_other, D_TIME),
        SH_P("Year", "int Year {get;}", date_part, D_YEAR),
        SH_P("DateTime", "string DateTime {get;}", date_other, D_LONG),
        SH_M("Add", "datetime Add(timespan value)", date_add),
        SH_M("AddDays", "datetime AddDays(double value)", date_add_unit, TICKS(SH_TICKS_DAY)),
        SH_M("AddHours", "datetime AddHours(double value)", date_add_unit, TICKS(3600 * SH_TICKS_SECOND)),
        SH_M("AddMinutes", "datetime AddMinutes(double value)", date_add_unit, TICKS(60 * SH_TICKS_SECOND)),
        SH_M("AddSeconds", "datetime AddSeconds(double value)", date_add_unit, TICKS(SH_TICKS_SECOND)),
        SH_M("AddMilliseconds", "datetime AddMilliseconds(double value)", date_add_unit, 10000),
        SH_M("AddTicks", "datetime AddTicks(long value)", date_add_unit, 1),
        SH_M("AddMonths", "datetime AddMonths(int months)", date_add_months, 1),
        SH_M("AddYears", "datetime AddYears(int value)", date_add_months, 12),
        SH_M("Subtract", "timespan Subtract(datetime value), datetime Subtract(timespan value)",
             date_subtract),
        SH_M("CompareTo", "int CompareTo(datetime value)", date_compare_to),
        SH_M("IsDaylightSavingTime", "bool IsDaylightSavingTime()", date_is_dst),
        SH_M("ToString", "string ToString(), string ToString(string format)", date_text),
        SH_M("ToShortDateString", "string ToShortDateString()", date_standard, 'd'),
        SH_M("ToLongDateString", "string ToLongDateString()", date_standard, 'D'),
        SH_M("ToShortTimeString", "string ToShortTimeString()", date_standard, 't'),
        SH_M("ToLongTimeString", "string ToLongTimeString()", date_standard, 'T'),
        SH_M("ToUniversalTime", "datetime ToUniversalTime()", date_zone, 1),
        SH_M("ToLocalTime", "datetime ToLocalTime()", date_zone, 0),
        SH_M("ToFileTime", "long ToFileTime()", date_to_filetime),
        SH_M("ToFileTimeUtc", "long ToFileTimeUtc()", date_to_filetime),
        SH_M("ToOADate", "double ToOADate()", date_oa, 1),
        SH_SM("FromOADate", "static datetime FromOADate(double d)", date_oa, 0),
        SH_SP("Now", "static datetime Now {get;}", date_static, S_NOW),
        SH_SP("UtcNow", "static datetime UtcNow {get;}", date_static, S_UTCNOW),
        SH_SP("Today", "static datetime Today {get;}", date_static, S_TODAY),
        SH_SP("MinValue", "static datetime MinValue {get;}", date_static, S_MIN),
        SH_SP("MaxValue", "static datetime MaxValue {get;}", date_static, S_MAX),
        SH_SP("UnixEpoch", "static datetime UnixEpoch {get;}", date_static, S_EPOCH),
        SH_SM("Parse", "static datetime Parse(string s)", date_parse),
        SH_SM("TryParse", "static bool TryParse(string s, [ref] datetime result)", date_try_parse),
        SH_SM("ParseExact",
              "static datetime ParseExact(string s, string format, System.IFormatProvider provider)",
              date_parse_exact, 0),
        SH_SM("TryParseExact",
              "static bool TryParseExact(string s, string format, System.IFormatProvider provider, "
              "System.Globalization.DateTimeStyles style, [ref] datetime result)",
              date_parse_exact, 1),
        SH_SM("DaysInMonth", "static int DaysInMonth(int year, int month)", date_days_in_month),
        SH_SM("IsLeapYear", "static bool IsLeapYear(int year)", date_is_leap),
        SH_SM("SpecifyKind", "static datetime SpecifyKind(datetime value, System.DateTimeKind kind)",
              date_specify),
        SH_SM("FromFileTime", "static datetime FromFileTime(long fileTime)", date_from, 1),
        SH_SM("FromFileTimeUtc", "static datetime FromFileTimeUtc(long fileTime)", date_from, 0),
};
static const char *const comparable[] = { "System.IComparable", "System.IFormattable", NULL };
const struct sh_type sh_type_datetime = { .name = "System.DateTime",
                                          .accelerator = "datetime",
                                          .base = &sh_type_valuetype,
                                          SH_MEMBERS(date_members),
                                          .text = date_to_text,
                                          .compare = ticks_compare,
                                          .equals = ticks_equal,
                                          .hash = ticks_hash,
                                          .convert = date_convert,
                                          .construct = date_construct,
                                          .kind = SH_DATETIME,
                                          .interfaces = comparable };

/* ---- spans of time ---- */
static int span_part(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        switch (sh_member_arg(sh)) {
        case 'd': *ret = sh_int((int32_t)(self.i / SH_TICKS_DAY)); break;
        case 'h': *ret = sh_int((int32_t)(self.i / (3600 * SH_TICKS_SECOND) % 24)); break;
        case 'm': *ret = sh_int((int32_t)(self.i / (60 * SH_TICKS_SECOND) % 60)); break;
        case 's': *ret = sh_int((int32_t)(self.i / SH_TICKS_SECOND % 60)); break;
        case 'f': *ret = sh_int((int32_t)(self.i / 10000 % 1000)); break;
        case 'u': *ret = sh_int((int32_t)(self.i / 10 % 1000)); break;
        case 'n': *ret = sh_int((int32_t)(self.i % 10 * 100)); break;
        default: *ret = sh_long(self.i);
        }
        return SH_OK;
}
static int span_total(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        intptr_t unit = sh_member_arg(sh); /* ticks; 0: a tick is 100 of them */
        *ret = sh_double(unit ? (double)self.i / (double)unit : (double)self.i * 100);
        return SH_OK;
}
static int span_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv x;
        if (a.n != 1 || !sh_try_convert(sh, a.v[0], &sh_type_timespan, &x))
                return SH_NONE;
        *ret = sh_span(sh_member_arg(sh) ? self.i - x.i : self.i + x.i);
        return SH_OK;
}
static int span_sign(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = sh_span(sh_member_arg(sh) || self.i < 0 ? -self.i : self.i);
        return SH_OK;
}
static int span_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv f = a.n ? sh_args_at(a, 0) : SH_NIL;
        int st = SH_OK;
        if (f.kind == SH_STRING && f.s->len)
                st = sh_format_value(sh, self, f.s->s, f.s->len, &b);
        else
                sh_timespan_text(&b, self, NULL, 0);
        *ret = st == SH_OK ? sh_buf_take(&b) : SH_NIL;
        return st;
}
static int span_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv x;
        if (a.n != 1 || !sh_try_convert(sh, a.v[0], &sh_type_timespan, &x))
                return SH_NONE;
        *ret = sh_int((self.i > x.i) - (self.i < x.i));
        return SH_OK;
}
static int span_from(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        double d;
        if (a.n != 1 || !sh_args_double(sh, a, 0, &d))
                return SH_NONE;
        d *= (double)sh_member_arg(sh);
        if (!(fabs(d) < 9.2e18))
                return sh_throw_member(sh, a, "System.OverflowException",
                                       "TimeSpan overflowed because the duration is too long.");
        *ret = sh_span((int64_t)round(d));
        return SH_OK;
}
static int span_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        intptr_t k = sh_member_arg(sh);
        *ret = sh_span(k > 0 ? INT64_MAX : k < 0 ? INT64_MIN : 0);
        return SH_OK;
}
static int span_unit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_long(sh_member_arg(sh));
        return SH_OK;
}
static int span_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), v = sh_span(0);
        if (!a.n || t.kind != SH_STRING)
                return SH_NONE;
        bool good = sh_timespan_parse(t.s->s, t.s->len, &v);
        if (sh_member_arg(sh)) {
                *ret = sh_bool(good);
                return a.n < 2 ? SH_NONE : sh_ref_set(sh, a.v[a.n - 1], v);
        }
        if (!good)
                return sh_throw_member(sh, a, "System.FormatException",
                                       "String '%s' was not recognized as a valid TimeSpan.", t.s->s);
        *ret = v;
        return SH_OK;
}
static int span_parse_exact(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), f = sh_args_at(a, 1), v = sh_span(0);
        if (a.n < 3 || t.kind != SH_STRING || f.kind != SH_STRING)
                return SH_NONE;
        bool good = sh_timespan_parse_exact(t.s->s, t.s->len, f.s->s, f.s->len, &v);
        if (sh_member_arg(sh)) {
                *ret = sh_bool(good);
                return sh_ref_set(sh, a.v[a.n - 1], v);
        }
        if (!good)
                return sh_throw_member(sh, a, "System.FormatException", "Input string was not in a correct format.");
        *ret = v;
        return SH_OK;
}
static int span_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        int32_t v[5] = { 0 };
        int64_t ticks;
        if (a.n == 0 || a.n == 1) {
                if (a.n && !sh_to_int64(sh, a.v[0], &ticks))
                        return SH_NONE;
                *ret = sh_span(a.n ? ticks : 0);
                return SH_OK;
        }
        if (a.n > 5 || a.n < 3)
                return SH_NONE;
        for (uint32_t i = 0; i < a.n; i++)
                if (!sh_args_i32(sh, a, i, &v[a.n == 3 ? i + 1 : i]))
                        return SH_NONE;
        *ret = sh_span(v[0] * SH_TICKS_DAY + ((v[1] * INT64_C(60) + v[2]) * 60 + v[3]) * SH_TICKS_SECOND +
                       v[4] * INT64_C(10000));
        return SH_OK;
}
static void span_to_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_timespan_text(b, self, NULL, 0);
}
static int span_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        int64_t ticks;
        from = sh_unwrap(from);
        if (from.kind == SH_STRING) {
                if (sh_timespan_parse(from.s->s, from.s->len, ret))
                        return SH_OK;
                return sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t,
                                     "String '%s' was not recognized as a valid TimeSpan.", from.s->s);
        }
        if (sh_is_number(from) && sh_to_int64(sh, from, &ticks)) {
                *ret = sh_span(ticks);
                return SH_OK;
        }
        return SH_NONE;
}
static const struct sh_member span_members[] = {
        SH_P("Ticks", "long Ticks {get;}", span_part, 't'),
        SH_P("Days", "int Days {get;}", span_part, 'd'),
        SH_P("Hours", "int Hours {get;}", span_part, 'h'),
        SH_P("Milliseconds", "int Milliseconds {get;}", span_part, 'f'),
        SH_P("Microseconds", "int Microseconds {get;}", span_part, 'u'),
        SH_P("Nanoseconds", "int Nanoseconds {get;}", span_part, 'n'),
        SH_P("Minutes", "int Minutes {get;}", span_part, 'm'),
        SH_P("Seconds", "int Seconds {get;}", span_part, 's'),
        SH_P("TotalDays", "double TotalDays {get;}", span_total, TICKS(SH_TICKS_DAY)),
        SH_P("TotalHours", "double TotalHours {get;}", span_total, TICKS(3600 * SH_TICKS_SECOND)),
        SH_P("TotalMilliseconds", "double TotalMilliseconds {get;}", span_total, 10000),
        SH_P("TotalMicroseconds", "double TotalMicroseconds {get;}", span_total, 10),
        SH_P("TotalNanoseconds", "double TotalNanoseconds {get;}", span_total, 0),
        SH_P("TotalMinutes", "double TotalMinutes {get;}", span_total, TICKS(60 * SH_TICKS_SECOND)),
        SH_P("TotalSeconds", "double TotalSeconds {get;}", span_total, TICKS(SH_TICKS_SECOND)),
        SH_M("Add", "timespan Add(timespan ts)", span_add, 0),
        SH_M("Subtract", "timespan Subtract(timespan ts)", span_add, 1),
        SH_M("Negate", "timespan Negate()", span_sign, 1),
        SH_M("Duration", "timespan Duration()", span_sign, 0),
        SH_M("CompareTo", "int CompareTo(timespan value)", span_compare_to),
        SH_M("ToString", "string ToString(), string ToString(string format)", span_text),
        SH_SM("FromDays", "static timespan FromDays(double value)", span_from, TICKS(SH_TICKS_DAY)),
        SH_SM("FromHours", "static timespan FromHours(double value)", span_from,
              TICKS(3600 * SH_TICKS_SECOND)),
        SH_SM("FromMinutes", "static timespan FromMinutes(double value)", span_from,
              TICKS(60 * SH_TICKS_SECOND)),
        SH_SM("FromSeconds", "static timespan FromSeconds(double value)", span_from, TICKS(SH_TICKS_SECOND)),
        SH_SM("FromMilliseconds", "static timespan FromMilliseconds(double value)", span_from, 10000),
        SH_SM("FromTicks", "static timespan FromTicks(long value)", span_from, 1),
        SH_SM("Parse", "static timespan Parse(string s)", span_parse, 0),
        SH_SM("TryParse", "static bool TryParse(string s, [ref] timespan result)", span_parse, 1),
        SH_SM("ParseExact",
              "static timespan ParseExact(string input, string format, System.IFormatProvider formatProvider)",
              span_parse_exact, 0),
        SH_SM("TryParseExact",
              "static bool TryParseExact(string input, string format, System.IFormatProvider formatProvider, "
              "[ref] timespan result)",
              span_parse_exact, 1),
        SH_SP("Zero", "static timespan Zero {get;}", span_static, 0),
        SH_SP("MaxValue", "static timespan MaxValue {get;}", span_static, 1),
        SH_SP("MinValue", "static timespan MinValue {get;}", span_static, -1),
        SH_SP("TicksPerDay", "static long TicksPerDay {get;}", span_unit, TICKS(SH_TICKS_DAY)),
        SH_SP("TicksPerHour", "static long TicksPerHour {get;}", span_unit, TICKS(3600 * SH_TICKS_SECOND)),
        SH_SP("TicksPerMinute", "static long TicksPerMinute {get;}", span_unit, TICKS(60 * SH_TICKS_SECOND)),
        SH_SP("TicksPerSecond", "static long TicksPerSecond {get;}", span_unit, TICKS(SH_TICKS_SECOND)),
        SH_SP("TicksPerMillisecond", "static long TicksPerMillisecond {get;}", span_unit, 10000),
};
const struct sh_type sh_type_timespan = { .name = "System.TimeSpan",
                                          .accelerator = "timespan",
                                          .base = &sh_type_valuetype,
                                          SH_MEMBERS(span_members),
                                          .text = span_to_text,
                                          .compare = ticks_compare,
                                          .equals = ticks_equal,
                                          .hash = ticks_hash,
                                          .convert = span_convert,
                                          .construct = span_construct,
                                          .kind = SH_TIMESPAN,
                                          .interfaces = comparable };

SH_TYPES(datetime, &sh_type_datetime, &sh_type_timespan, &sh_enum_day_of_week.type,
         &sh_enum_datetime_kind.type);
