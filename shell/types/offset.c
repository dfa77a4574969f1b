/* SPDX-License-Identifier: MIT
 *
 * [DateTimeOffset]: the ticks of a clock and how far that clock is from UTC. What a date can do it does as a date whose
 * kind is unspecified; the offset goes along.
 */
#include "shell/datetime.h"
#include "shell/types.h"

#include <stdlib.h>
#include <string.h>

struct offset {
        struct sh_obj obj;
        int64_t ticks;   /* of its own clock */
        int64_t seconds; /* ahead of UTC */
};
static struct offset *offset_of(struct sv v)
{
        return (struct offset *)v.o;
}
struct sv sh_offset_new(int64_t ticks, int64_t seconds)
{
        struct sv r = sh_other_new(&sh_type_offset, sizeof(struct offset));
        *offset_of(r) = (struct offset) { .obj = offset_of(r)->obj, .ticks = ticks, .seconds = seconds };
        return r;
}
int64_t sh_offset_utc(struct sv v)
{
        return offset_of(v)->ticks - offset_of(v)->seconds * SH_TICKS_SECOND;
}
static struct sv clock_date(struct sv v)
{
        return sh_date(offset_of(v)->ticks, SH_DATE_UNSPECIFIED);
}
static struct sv utc_date(struct sv v)
{
        return sh_date(sh_offset_utc(v), SH_DATE_UTC);
}
static struct sv from_utc(int64_t ticks, int64_t seconds)
{
        return sh_offset_new(ticks + seconds * SH_TICKS_SECOND, seconds);
}
static struct sv local_from_utc(int64_t ticks)
{
        return from_utc(ticks, sh_zone_offset_utc(NULL, ticks, NULL));
}
static struct sv from_date(struct sv d)
{
        return sh_offset_new(d.i, d.aux == SH_DATE_UTC ? 0 : sh_zone_offset_local(NULL, d.i, NULL));
}
static struct sv from_moment(const struct sh_moment *m)
{
        return m->has_offset ? sh_offset_new(m->ticks, m->offset) : from_date(sh_date(m->ticks, m->kind));
}

/* ---- properties ---- */
static int offset_part(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        const char *name = sh_current_member(sh)->name;
        return sh_get(sh, clock_date(self), name, strlen(name), ret);
}
static int offset_other(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        switch (sh_member_arg(sh)) {
        case 'd': *ret = clock_date(self); break;
        case 'u': *ret = utc_date(self); break;
        case 'l': *ret = sh_datetime_local(utc_date(self)); break;
        case 'o': *ret = sh_span(offset_of(self)->seconds * SH_TICKS_SECOND); break;
        default: *ret = sh_long(sh_offset_utc(self));
        }
        return SH_OK;
}

/* ---- methods ---- */
/* AddDays and its kind: by the date's own method. */
static int offset_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv d;
        const char *name = sh_current_member(sh)->name;
        int st = sh_call(sh, clock_date(self), name, strlen(name), a, &d);
        if (st == SH_OK)
                *ret = sh_offset_new(d.i, offset_of(self)->seconds);
        return st;
}
static int subtract(struct sh *sh, struct sv self, struct sv x, struct sv *ret)
{
        struct sv s;
        x = sh_unwrap(x);
        if (x.kind == SH_TIMESPAN || (x.kind != SH_OTHER && x.kind != SH_DATETIME && x.kind != SH_STRING &&
                                      sh_try_convert(sh, x, &sh_type_timespan, &s))) {
                *ret = sh_offset_new(offset_of(self)->ticks - (x.kind == SH_TIMESPAN ? x.i : s.i),
                                     offset_of(self)->seconds);
                return SH_OK;
        }
        if (!sh_try_convert(sh, x, &sh_type_offset, &s))
                return SH_NONE;
        *ret = sh_span(sh_offset_utc(self) - sh_offset_utc(s));
        sh_drop(s);
        return SH_OK;
}
static int offset_subtract(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        return a.n == 1 ? subtract(sh, self, a.v[0], ret) : SH_NONE;
}
static int offset_operator(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s, x = sh_args_at(a, 0);
        if (a.n != 2 || x.kind != SH_OTHER || x.o->type != &sh_type_offset)
                return SH_NONE;
        if (sh_member_arg(sh))
                return subtract(sh, x, a.v[1], ret);
        if (!sh_try_convert(sh, a.v[1], &sh_type_timespan, &s))
                return SH_NONE;
        *ret = sh_offset_new(offset_of(x)->ticks + s.i, offset_of(x)->seconds);
        return SH_OK;
}
static int offset_zone(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv s;
        intptr_t what = sh_member_arg(sh);
        if (a.n != (what == 'o'))
                return SH_NONE;
        if (what == 'u') {
                *ret = from_utc(sh_offset_utc(self), 0);
        } else if (what == 'l') {
                *ret = local_from_utc(sh_offset_utc(self));
        } else {
                if (!sh_try_convert(sh, a.v[0], &sh_type_timespan, &s))
                        return SH_NONE;
                if (s.i % (60 * SH_TICKS_SECOND))
                        return sh_throw_argument(
                                sh, a, "Offset must be specified in whole minutes. (Parameter 'offset')");
                if (llabs(s.i) > 14 * 3600 * SH_TICKS_SECOND)
                        return sh_throw_range(sh, a, "offset",
                                              "Offset must be within plus or minus 14 hours.");
                *ret = from_utc(sh_offset_utc(self), s.i / SH_TICKS_SECOND);
        }
        return SH_OK;
}
static int offset_unix(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n)
                return SH_NONE;
        int64_t unit = sh_member_arg(sh), t = sh_offset_utc(self) - SH_TICKS_1970;
        *ret = sh_long(t >= 0 ? t / unit : -((-t + unit - 1) / unit));
        return SH_OK;
}
static int offset_compare(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        struct sv x;
        if (!sh_try_convert(sh, b, &sh_type_offset, &x))
                return SH_NONE;
        int64_t i = sh_offset_utc(a), j = sh_offset_utc(x);
        *ret = (i > j) - (i < j);
        sh_drop(x);
        return SH_OK;
}
static int offset_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int c;
        bool two = sh_current_member(sh)->is_static;
        if (a.n != 1u + two)
                return SH_NONE;
        struct sv x = two ? sh_args_at(a, 0) : self;
        if (x.kind != SH_OTHER || x.o->type != &sh_type_offset ||
            offset_compare(sh, x, a.v[two], &c) != SH_OK)
                return SH_NONE;
        *ret = sh_int(c);
        return SH_OK;
}
static bool offset_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && b.o->type == &sh_type_offset && sh_offset_utc(a) == sh_offset_utc(b);
}
static uint32_t offset_hash(struct sv v)
{
        return (uint32_t)sh_offset_utc(v) ^ (uint32_t)((uint64_t)sh_offset_utc(v) >> 32);
}
static bool offset_format(struct sh *sh, struct sv self, const char *fmt, size_t n, struct sh_buf *b)
{
        (void)sh;
        struct sh_moment m = { offset_of(self)->ticks, 0, true, offset_of(self)->seconds };
        return sh_moment_format(b, &m, fmt, n);
}
static void offset_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        offset_format(sh, self, "MM/dd/yyyy HH:mm:ss zzz", 23, b);
}
static int offset_to_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv f = sh_args_at(a, 0);
        int st = SH_OK;
        if (a.n > 2)
                return SH_NONE;
        if (f.kind == SH_STRING && f.s->len)
                st = sh_format_value(sh, self, f.s->s, f.s->len, &b);
        else
                offset_text(sh, self, &b);
        *ret = st == SH_OK ? sh_buf_take(&b) : SH_NIL;
        sh_buf_free(&b);
        return st;
}

/* ---- statics ---- */
static int offset_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        int64_t now = sh_datetime_utc(sh_datetime_now()).i;
        switch (sh_member_arg(sh)) {
        case 'n': *ret = local_from_utc(now); break;
        case 'u': *ret = from_utc(now, 0); break;
        case 'm': *ret = sh_offset_new(0, 0); break;
        case 'M': *ret = sh_offset_new(SH_TICKS_MAX, 0); break;
        default: *ret = sh_offset_new(SH_TICKS_1970, 0);
        }
        return SH_OK;
}
static int offset_from_unix(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int64_t t, unit = sh_member_arg(sh), ticks;
        if (a.n != 1 || !sh_args_int(sh, a, 0, &t))
                return SH_NONE;
        if (__builtin_mul_overflow(t, unit, &ticks) || ticks > SH_TICKS_MAX - SH_TICKS_1970 ||
            ticks < -SH_TICKS_1970)
                return sh_throw_range(sh, a, unit == 10000 ? "milliseconds" : "seconds",
                                      "Valid values are between -62135596800 and 253402300799, inclusive.");
        *ret = sh_offset_new(SH_TICKS_1970 + ticks, 0);
        return SH_OK;
}
static int offset_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        bool exact = sh_member_arg(sh) & 2, try = sh_member_arg(sh) & 1;
        struct sv t = sh_args_at(a, 0), f = sh_args_at(a, 1);
        struct sh_moment m;
        if (a.n < 1u + exact + try || (exact && f.kind != SH_STRING))
                return SH_NONE;
        bool good = t.kind == SH_STRING &&
                    (exact ? sh_moment_parse_exact(t.s->s, t.s->len, f.s->s, f.s->len, false, &m)
                           : sh_moment_parse(t.s->s, t.s->len, &m));
        if (try) {
                struct sv v = good ? from_moment(&m) : sh_offset_new(0, 0);
                *ret = sh_bool(good);
                int st = sh_ref_set(sh, a.v[a.n - 1], v);
                sh_drop(v);
                return st;
        }
        if (!good) {
                struct sv s = sh_to_text(sh, t);
                int st = sh_throw_member(sh, a, "System.FormatException",
                                         "String '%s' was not recognized as a valid DateTime.", s.s->s);
                sh_drop(s);
                return st;
        }
        *ret = from_moment(&m);
        return SH_OK;
}
static int offset_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sh_moment m;
        from = sh_unwrap(from);
        if (from.kind == SH_DATETIME) {
                *ret = from_date(from);
                return SH_OK;
        }
        if (from.kind != SH_STRING)
                return SH_NONE;
        if (!sh_moment_parse(from.s->s, from.s->len, &m))
                return sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t,
                                     "String '%s' was not recognized as a valid DateTime.", from.s->s);
        *ret = from_moment(&m);
        return SH_OK;
}
/* (date), (date, offset), (ticks, offset), (year, month, day, hour, minute, second[, millisecond], offset) */
static int offset_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv s = sh_span(0), d;
        if (a.n == 0) {
                *ret = sh_offset_new(0, 0);
                return SH_OK;
        }
        if (a.n == 1)
                return offset_convert(sh, t, a.v[0], ret);
        if (!sh_try_convert(sh, a.v[a.n - 1], &sh_type_timespan, &s))
                return SH_NONE;
        if (a.n == 2) {
                if (!sh_try_convert(sh, a.v[0], &sh_type_datetime, &d))
                        return SH_NONE;
        } else {
                int st = sh_construct(sh, &sh_type_datetime, (struct sh_args) { a.n - 1, a.v }, &d);
                if (st != SH_OK)
                        return st;
        }
        *ret = sh_offset_new(d.i, s.i / SH_TICKS_SECOND);
        return SH_OK;
}

#define PART(name, type) SH_P(name, type " " name " {get;}", offset_part)
#define ADD(name) SH_M(name, "System.DateTimeOffset " name "(double value)", offset_add)
static const struct sh_member offset_members[] = {
        SH_P("DateTime", "datetime DateTime {get;}", offset_other, 'd'),
        SH_P("UtcDateTime", "datetime UtcDateTime {get;}", offset_other, 'u'),
        SH_P("LocalDateTime", "datetime LocalDateTime {get;}", offset_other, 'l'),
        PART("Date", "datetime"),
        PART("Day", "int"),
        PART("DayOfWeek", "System.DayOfWeek"),
        PART("DayOfYear", "int"),
        PART("Hour", "int"),
        PART("Millisecond", "int"),
        PART("Minute", "int"),
        PART("Month", "int"),
        SH_P("Offset", "timespan Offset {get;}", offset_other, 'o'),
        PART("Second", "int"),
        PART("Ticks", "long"),
        SH_P("UtcTicks", "long UtcTicks {get;}", offset_other, 't'),
        PART("TimeOfDay", "timespan"),
        PART("Year", "int"),
        SH_M("Add", "System.DateTimeOffset Add(timespan timeSpan)", offset_add),
        ADD("AddDays"),
        ADD("AddHours"),
        ADD("AddMilliseconds"),
        ADD("AddMinutes"),
        ADD("AddMonths"),
        ADD("AddSeconds"),
        ADD("AddTicks"),
        ADD("AddYears"),
        SH_M("CompareTo", "int CompareTo(System.DateTimeOffset other)", offset_compare_to),
        SH_M("Subtract", "timespan Subtract(System.DateTimeOffset value)", offset_subtract),
        SH_M("ToLocalTime", "System.DateTimeOffset ToLocalTime()", offset_zone, 'l'),
        SH_M("ToUniversalTime", "System.DateTimeOffset ToUniversalTime()", offset_zone, 'u'),
        SH_M("ToOffset", "System.DateTimeOffset ToOffset(timespan offset)", offset_zone, 'o'),
        SH_M("ToUnixTimeSeconds", "long ToUnixTimeSeconds()", offset_unix, SH_TICKS_SECOND),
        SH_M("ToUnixTimeMilliseconds", "long ToUnixTimeMilliseconds()", offset_unix, 10000),
        SH_M("ToString", "string ToString(), string ToString(string format)", offset_to_string),
        SH_SP("Now", "static System.DateTimeOffset Now {get;}", offset_static, 'n'),
        SH_SP("UtcNow", "static System.DateTimeOffset UtcNow {get;}", offset_static, 'u'),
        SH_SP("MinValue", "static System.DateTimeOffset MinValue {get;}", offset_static, 'm'),
        SH_SP("MaxValue", "static System.DateTimeOffset MaxValue {get;}", offset_static, 'M'),
        SH_SP("UnixEpoch", "static System.DateTimeOffset UnixEpoch {get;}", offset_static, 'e'),
        SH_SM("FromUnixTimeSeconds", "static System.DateTimeOffset FromUnixTimeSeconds(long seconds)",
              offset_from_unix, SH_TICKS_SECOND),
        SH_SM("FromUnixTimeMilliseconds",
              "static System.DateTimeOffset FromUnixTimeMilliseconds(long milliseconds)", offset_from_unix,
              10000),
        SH_SM("Parse", "static System.DateTimeOffset Parse(string input)", offset_parse, 0),
        SH_SM("TryParse", "static bool TryParse(string input, [ref] System.DateTimeOffset result)",
              offset_parse, 1),
        SH_SM("ParseExact",
              "static System.DateTimeOffset ParseExact(string input, string format, System.IFormatProvider "
              "provider)",
              offset_parse, 2),
        SH_SM("Compare", "static int Compare(System.DateTimeOffset first, System.DateTimeOffset second)",
              offset_compare_to),
        SH_SM("op_Addition", "static System.DateTimeOffset op_Addition(System.DateTimeOffset a, timespan b)",
              offset_operator, 0),
        SH_SM("op_Subtraction",
              "static timespan op_Subtraction(System.DateTimeOffset a, System.DateTimeOffset b)",
              offset_operator, 1),
};
static const char *const comparable[] = { "System.IComparable", "System.IFormattable", NULL };
const struct sh_type sh_type_offset = { .name = "System.DateTimeOffset",
                                        .base = &sh_type_valuetype,
                                        SH_MEMBERS(offset_members),
                                        .text = offset_text,
                                        .format = offset_format,
                                        .compare = offset_compare,
                                        .equals = offset_equals,
                                        .hash = offset_hash,
                                        .convert = offset_convert,
                                        .construct = offset_construct,
                                        .interfaces = comparable };

SH_TYPES(offset, &sh_type_offset);
