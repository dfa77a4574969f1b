/* SPDX-License-Identifier: MIT
 *
 * Small values and text: Get-Date, New-TimeSpan, Get-Random, New-Guid, Get-Unique, Join-String, ConvertFrom-StringData,
 * Get-Uptime, Get-Host.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/text.h"
#include "shell/types.h"

static int emit_owned(struct sh_cmd *c, struct sv v)
{
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

/* ---- Get-Date ---- */
/* PowerShell's own reading of strftime's letters. */
static const char *unix_letter(char c)
{
        static const char *const formats[] = {
                ['A'] = "dddd",
                ['a'] = "ddd",
                ['B'] = "MMMM",
                ['b'] = "MMM",
                ['c'] = "ddd dd MMM yyyy HH:mm:ss",
                ['D'] = "MM/dd/yy",
                ['d'] = "dd",
                ['F'] = "yyyy-MM-dd",
                ['H'] = "HH",
                ['h'] = "MMM",
                ['I'] = "hh",
                ['M'] = "mm",
                ['m'] = "MM",
                ['p'] = "tt",
                ['R'] = "HH:mm",
                ['r'] = "hh:mm:ss tt",
                ['S'] = "ss",
                ['T'] = "HH:mm:ss",
                ['X'] = "HH:mm:ss",
                ['x'] = "MM/dd/yy",
                ['Y'] = "yyyy",
                ['y'] = "yy",
                ['Z'] = "zz",
        };
        return (unsigned char)c < sizeof formats / sizeof *formats ? formats[(unsigned char)c] : NULL;
}

static void put_unix_format(struct sh_buf *b, struct sv date, const char *f)
{
        struct sh_calendar k;
        int64_t ns, seconds = sh_datetime_to_unix(date, &ns);
        char iso[16];
        sh_calendar_of(date.i, &k);
        struct tm tm = { .tm_year = k.year - 1900, .tm_wday = k.weekday, .tm_yday = k.yearday - 1 };
        for (; *f; f++) {
                if (*f != '%' || !f[1]) {
                        sh_buf_put(b, f, 1);
                        continue;
                }
                const char *format = unix_letter(*++f);
                if (format) {
                        sh_datetime_text(b, date, format, strlen(format));
                        continue;
                }
                switch (*f) {
                case 'C': sh_buf_putf(b, "%d", k.year / 100); break;
                case 'e': sh_buf_putf(b, "%2d", k.day); break;
                case 'G':
                case 'g':
                case 'V':
                        strftime(iso, sizeof iso, *f == 'V' ? "%V" : "%G", &tm);
                        sh_buf_putf(b, *f == 'G' ? "%04d" : "%02d", atoi(iso) % (*f == 'G' ? 10000 : 100));
                        break;
                case 'j': sh_buf_putf(b, "%03d", k.yearday); break;
                case 'k': sh_buf_putf(b, "%2d", k.hour); break;
                case 'l': sh_buf_putf(b, "%2d", k.hour % 12 ? k.hour % 12 : 12); break;
                case 'n': sh_buf_put(b, "\n", 1); break;
                case 's': sh_buf_putf(b, "%lld", (long long)seconds + (ns >= 500000000)); break;
                case 't': sh_buf_put(b, "\t", 1); break;
                case 'U':
                case 'W': sh_buf_putf(b, "%d", k.yearday / 7); break;
                case 'u': sh_buf_putf(b, "%d", k.weekday ? k.weekday : 7); break;
                case 'w': sh_buf_putf(b, "%d", k.weekday); break;
                default: sh_buf_put(b, f, 1);
                }
        }
}
static const struct {
        const char *name;
        int32_t value;
} hints[] = { { "Date", 0 }, { "Time", 1 }, { "DateTime", 2 } };
static struct sh_enum hint = { .obj = { .refs = 1, .type = &hint.type },
                               .type = { .name = "Microsoft.PowerShell.Commands.DisplayHintType",
                                         .base = &sh_type_enum,
                                         .kind = SH_ENUM },
                               .n = 3,
                               .items = (const void *)hints };

/* What Get-Date writes says how it is shown. */
static int emit_date(struct sh_cmd *c, struct sv d)
{
        const char *name = sh_arg_text(c, "DisplayHint", NULL);
        struct sv r = sh_wrap(d), h = sh_enum_value(&hint, 2);
        for (int i = 0; name && i < 3; i++)
                if (!strcasecmp(hints[i].name, name)) {
                        sh_drop(h);
                        h = sh_enum_value(&hint, i);
                }
        sh_object_set(r, "DisplayHint", 11, h);
        sh_drop(h);
        return emit_owned(c, r);
}

static int date_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        struct sv d = sh_datetime_now(), given = sh_arg(c, "Date");
        const char *format = sh_arg_text(c, "Format", NULL), *unix_format = sh_arg_text(c, "UFormat", NULL);
        if (sh_bound(c, "UnixTimeSeconds"))
                d = sh_datetime_unix(sh_arg_int(c, "UnixTimeSeconds", 0), 0);
        else if (!sh_is_null(given))
                d = sh_unwrap(given);
        struct sh_calendar k;
        sh_calendar_of(d.i, &k);
        k.year = (int)sh_arg_int(c, "Year", k.year);
        k.month = (int)sh_arg_int(c, "Month", k.month);
        k.day = (int)sh_arg_int(c, "Day", k.day);
        k.hour = (int)sh_arg_int(c, "Hour", k.hour);
        k.minute = (int)sh_arg_int(c, "Minute", k.minute);
        k.second = (int)sh_arg_int(c, "Second", k.second);
        if (sh_bound(c, "Millisecond"))
                k.fraction = sh_arg_int(c, "Millisecond", 0) * 10000;
        int64_t ticks;
        if (!sh_ticks_of(&k, &ticks))
                return sh_cmd_throw(c, "ArgumentOutOfRange", "InvalidArgument", SH_NIL,
                                    "Year, Month, and Day parameters describe an un-representable DateTime.");
        d.i = ticks;
        if (sh_switch(c, "AsUTC"))
                d = sh_datetime_utc(d);
        struct sh_buf b = { 0 };
        if (unix_format) {
                put_unix_format(&b, d, unix_format + (*unix_format == '+'));
                return emit_owned(c, sh_buf_take(&b));
        }
        if (format) {
                const char *f = !strcasecmp(format, "FileDate")                ? "yyyyMMdd"
                                : !strcasecmp(format, "FileDateTime")          ? "yyyyMMddTHHmmssffff"
                                : !strcasecmp(format, "FileDateUniversal")     ? "yyyyMMddZ"
                                : !strcasecmp(format, "FileDateTimeUniversal") ? "yyyyMMddTHHmmssffffZ"
                                                                               : format;
                int st = sh_format_value(sh, d, f, strlen(f), &b);
                if (st != SH_OK) {
                        sh_buf_free(&b);
                        return st;
                }
                return emit_owned(c, sh_buf_take(&b));
        }
        return emit_date(c, d);
}
static const struct sh_cmdlet get_date = {
        .name = "Get-Date",
        .synopsis = "Shows the date and time.",
        .process = date_process,
        .params =
                (const struct sh_param[]) {
                        { "Date", .type = "datetime", .position = 1, .from_pipeline = true,
                          .from_property = true, .alias = "LastWriteTime" },
                        { "UnixTimeSeconds", .type = "long", .alias = "UnixTime" },
                        { "Year", .type = "int", .min = 1, .max = 9999 },
                        { "Month", .type = "int", .min = 1, .max = 12 },
                        { "Day", .type = "int", .min = 1, .max = 31 },
                        { "Hour", .type = "int", .min = 0, .max = 23 },
                        { "Minute", .type = "int", .min = 0, .max = 59 },
                        { "Second", .type = "int", .min = 0, .max = 59 },
                        { "Millisecond", .type = "int", .min = 0, .max = 999 },
                        { "DisplayHint", .type = "string", .values = "Date,Time,DateTime" },
                        { "Format", .type = "string" },
                        { "UFormat", .type = "string" },
                        { "AsUTC", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Get-Date 2024-02-03 -Format yyyy/MM/dd", "2024/02/03", "" },
                        { "(Get-Date -Year 2024 -Month 2 -Day 29).DayOfYear", "60", "" },
                        { 0 } },
};

/* ---- New-TimeSpan ---- */
static int span_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        if (sh_bound(c, "Start") || sh_bound(c, "End")) {
                struct sv s = sh_bound(c, "Start") ? sh_arg(c, "Start") : sh_datetime_now(),
                          e = sh_bound(c, "End") ? sh_arg(c, "End") : sh_datetime_now();
                return sh_emit(c, sh_span(e.i - s.i));
        }
        int64_t ticks = sh_arg_int(c, "Days", 0) * SH_TICKS_DAY +
                        ((sh_arg_int(c, "Hours", 0) * 60 + sh_arg_int(c, "Minutes", 0)) * 60 +
                         sh_arg_int(c, "Seconds", 0)) *
                                SH_TICKS_SECOND +
                        sh_arg_int(c, "Milliseconds", 0) * 10000;
        return sh_emit(c, sh_span(ticks));
}
static const struct sh_cmdlet new_timespan = {
        .name = "New-TimeSpan",
        .synopsis = "Makes a span of time.",
        .process = span_process,
        .default_set = "Date",
        .params = (const struct sh_param[]) { { "Start", .type = "datetime", .position = 1, .sets = "Date",
                                                .from_pipeline = true, .alias = "LastWriteTime" },
                                              { "End", .type = "datetime", .position = 2, .sets = "Date" },
                                              { "Days", .type = "int", .sets = "Time" },
                                              { "Hours", .type = "int", .sets = "Time" },
                                              { "Minutes", .type = "int", .sets = "Time" },
                                              { "Seconds", .type = "int", .sets = "Time" },
                                              { "Milliseconds", .type = "int", .sets = "Time" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "(New-TimeSpan -Hours 1 -Minutes 30).TotalMinutes", "90",
                                                    "" },
                                                  { "(New-TimeSpan 2024-01-01 2024-03-01).Days", "60", "" },
                                                  { 0 } },
};

/* ---- Get-Random ---- */
static uint64_t seed;
static bool seeded;
static uint64_t random_bits(void)
{
        uint64_t x = 0;
        if (!seeded) {
                if (getrandom(&x, sizeof x, 0) != sizeof x)
                        x = (uint64_t)random();
                return x;
        }
        seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
        x = seed;
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}
static uint64_t random_below(uint64_t n)
{
        uint64_t most = UINT64_MAX - UINT64_MAX % n, x;
        do
                x = random_bits();
        while (x >= most);
        return x % n;
}
struct held {
        struct sv list;
};
static int random_process(struct sh_cmd *c, struct sv input)
{
        struct held *h = sh_state(c);
        struct sv v = sh_arg(c, "InputObject"), item;
        size_t pos = 0;
        if (input.kind == SH_VOID && !sh_bound(c, "InputObject"))
                return SH_OK;
        if (h->list.kind == SH_NULL)
                h->list = sh_array_new(16);
        while (sh_next(v, &pos, &item)) {
                sh_array_add(h->list.a, item);
                sh_drop(item);
        }
        return SH_OK;
}
/* '5' and '1.5' as the numbers they are. */
static bool text_number(struct sv text, struct sv *ret)
{
        for (const char *p = text.s->s; *p; p++)
                if (*p == '.' || *p == 'e' || *p == 'E') {
                        *ret = sh_double(strtod(text.s->s, NULL));
                        return true;
                }
        return false;
}
static int random_end(struct sh_cmd *c)
{
        struct held *h = sh_state(c);
        struct sh *sh = sh_session(c);
        int st = SH_OK;
        if (sh_bound(c, "SetSeed")) {
                seed = (uint64_t)sh_arg_int(c, "SetSeed", 0);
                seeded = true;
        }
        if (h->list.kind == SH_ARRAY && (h->list.a->n || sh_bound(c, "InputObject"))) {
                struct sh_array *a = h->list.a;
                int64_t want = sh_switch(c, "Shuffle") || sh_cmdlet_of(c)->name[4] == 'X'
                                       ? a->n
                                       : sh_arg_int(c, "Count", 1);
                for (uint32_t i = 0; st == SH_OK && i < a->n && (int64_t)i < want; i++) {
                        uint32_t k = i + (uint32_t)random_below(a->n - i);
                        struct sv t = a->v[i];
                        a->v[i] = a->v[k];
                        a->v[k] = t;
                        st = sh_emit(c, a->v[i]);
                }
        } else {
                struct sv lo = sh_arg(c, "Minimum"), hi = sh_arg(c, "Maximum");
                if (lo.kind == SH_STRING && !text_number(lo, &lo))
                        lo = sh_arg(c, "Minimum");
                if (hi.kind == SH_STRING && !text_number(hi, &hi))
                        hi = sh_arg(c, "Maximum");
                bool real = lo.kind == SH_DOUBLE || hi.kind == SH_DOUBLE,
                     wide = lo.kind == SH_INT64 || hi.kind == SH_INT64;
                double x = 0, y = INT32_MAX;
                int64_t a = 0, b = INT32_MAX;
                if (!sh_is_null(lo)) {
                        sh_to_double(sh, lo, &x);
                        sh_to_int64(sh, lo, &a);
                }
                if (!sh_is_null(hi)) {
                        sh_to_double(sh, hi, &y);
                        sh_to_int64(sh, hi, &b);
                }
                if (real ? x >= y : a >= b)
                        return sh_cmd_throw(c, "MinGreaterThanOrEqualMax", "InvalidArgument", SH_NIL,
                                            "The Minimum value (%lld) cannot be greater than or equal to the "
                                            "Maximum value (%lld).",
                                            (long long)a, (long long)b);
                for (int64_t n = sh_arg_int(c, "Count", 1); st == SH_OK && n > 0; n--) {
                        int64_t r = a + (int64_t)random_below((uint64_t)(b - a));
                        st = sh_emit(c, real ? sh_double(x + (y - x) * ((double)(random_bits() >> 11) /
                                                                        9007199254740992.0))
                                        : !wide && r >= INT32_MIN && r <= INT32_MAX ? sh_int((int32_t)r)
                                                                                    : sh_long(r));
                }
        }
        sh_drop(h->list);
        h->list = SH_NIL;
        return st;
}
#define RANDOM \
        { "Maximum", .type = "object", .position = 1 }, { "Minimum", .type = "object" }, \
                { "Count", .type = "int", .min = 1, .max = INT32_MAX }, \
                { "InputObject", .type = "object[]", .from_pipeline = true }, \
        { \
                "Shuffle", .type = "switch" \
        }
static const struct sh_cmdlet get_random = {
        .name = "Get-Random",
        .synopsis = "Draws a random number or objects.",
        .state_size = sizeof(struct held),
        .process = random_process,
        .end = random_end,
        .params = (const struct sh_param[]) { RANDOM, { "SetSeed", .type = "int" }, { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-Random -Minimum 3 -Maximum 4)", "3", "" },
                                                  { "(1..10 | Get-Random -Count 3).Count", "3", "" },
                                                  { 0 } },
};
static const struct sh_cmdlet get_securerandom = {
        .name = "Get-SecureRandom",
        .synopsis = "Draws random numbers fit for secrets.",
        .state_size = sizeof(struct held),
        .process = random_process,
        .end = random_end,
        .params = (const struct sh_param[]) { RANDOM, { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-SecureRandom -Minimum 3 -Maximum 4)", "3", "" },
                                                  { "(1..4 | Get-SecureRandom -Count 4).Count", "4", "" },
                                                  { 0 } },
};

static int guid_process(struct sh_cmd *c, struct sv input)
{
        struct sv g, text = sh_arg(c, "InputObject"), zero = SH_NIL;
        (void)input;
        bool given = sh_bound(c, "InputObject");
        if (!given && sh_switch(c, "Empty"))
                zero = sh_text("00000000-0000-0000-0000-000000000000");
        int st = given || !sh_is_null(zero)
                         ? sh_convert(sh_session(c), given ? text : zero, &sh_type_guid, &g)
                         : sh_call_static(sh_session(c), &sh_type_guid, "NewGuid", 7, (struct sh_args) { 0 },
                                          &g);
        sh_drop(zero);
        return st == SH_OK ? emit_owned(c, g) : st;
}
static const struct sh_cmdlet new_guid = {
        .name = "New-Guid",
        .synopsis = "Makes a new GUID.",
        .process = guid_process,
        .params = (const struct sh_param[]) { { "InputObject", .type = "string", .position = 1,
                                                .from_pipeline = true },
                                              { "Empty", .type = "switch", .help = "The one of zeros." },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "\"$(New-Guid)\".Length", "36", "" },
                                                  { "(New-Guid) -ne (New-Guid)", "True", "" },
                                                  { 0 } },
};

/* ---- Get-Unique ---- */
struct unique {
        struct sv last;
        bool any;
};
static int unique_process(struct sh_cmd *c, struct sv input)
{
        struct unique *u = sh_state(c);
        struct sh *sh = sh_session(c);
        if (input.kind == SH_VOID)
                return SH_OK;
        bool same = false;
        if (u->any && sh_switch(c, "OnType"))
                same = sh_type_of(input) == sh_type_of(u->last);
        else if (u->any && (sh_switch(c, "AsString") || input.kind == SH_STRING)) {
                struct sv a = sh_to_text(sh, input), b = sh_to_text(sh, u->last);
                same = sh_switch(c, "CaseInsensitive")
                               ? sh_text_same(a.s->s, a.s->len, b.s->s, b.s->len)
                               : a.s->len == b.s->len && !memcmp(a.s->s, b.s->s, a.s->len);
                sh_drop(a);
                sh_drop(b);
        } else if (u->any)
                same = sh_order(sh, input, u->last, true) == 0;
        if (same)
                return SH_OK;
        sh_drop(u->last);
        u->last = sh_keep(input);
        u->any = true;
        return sh_emit(c, input);
}
static void unique_clean(struct sh_cmd *c)
{
        struct unique *u = sh_state(c);
        sh_drop(u->last);
        u->last = SH_NIL;
}
static const struct sh_cmdlet get_unique = {
        .name = "Get-Unique",
        .alias = (const char *[]) { "gu", NULL },
        .synopsis = "Passes on each object that differs from the one before it.",
        .state_size = sizeof(struct unique),
        .process = unique_process,
        .clean = unique_clean,
        .params = (const struct sh_param[]) { { "InputObject", .from_pipeline = true },
                                              { "AsString", .type = "switch" },
                                              { "OnType", .type = "switch" },
                                              { "CaseInsensitive", .type = "switch" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "1,1,2 | Get-Unique", "1\n2", "" },
                                                  { "('a','A' | Get-Unique).Count", "2", "" },
                                                  { 0 } },
};

/* ---- Join-String ---- */
struct joining {
        struct sh_buf b;
        bool any;
};
static int join_process(struct sh_cmd *c, struct sv input)
{
        struct joining *j = sh_state(c);
        struct sh *sh = sh_session(c);
        struct sv prop = sh_arg(c, "Property"), v = SH_NIL;
        int st = SH_OK;
        if (input.kind == SH_VOID && !sh_bound(c, "InputObject"))
                return SH_OK;
        struct sv o = sh_bound(c, "InputObject") ? sh_arg(c, "InputObject") : input;
        if (prop.kind == SH_BLOCK) {
                st = sh_block_value(sh, prop, &o, (struct sh_args) { 0 }, false, &v);
        } else if (!sh_is_null(prop)) {
                struct sv name = sh_to_text(sh, prop);
                st = sh_get(sh, o, name.s->s, name.s->len, &v);
                sh_drop(name);
                st = st == SH_NONE ? SH_OK : st;
        } else {
                v = sh_keep(o);
        }
        if (st != SH_OK)
                return st;
        struct sv text = sh_to_text(sh, v);
        const char *quote = sh_switch(c, "SingleQuote") ? "'" : sh_switch(c, "DoubleQuote") ? "\"" : "";
        struct sv sep = sh_arg(c, "Separator"), ofs = SH_NIL;
        if (!sh_bound(c, "Separator") && sh_var_get(sh, "OFS", &ofs))
                sep = ofs;
        if (j->any && !sh_is_null(sep))
                sh_buf_value(sh, &j->b, sep);
        sh_drop(ofs);
        j->any = true;
        const char *f = sh_arg_text(c, "FormatString", NULL);
        if (f) {
                st = sh_format_composite(sh, f, strlen(f), (struct sh_args) { 1, &v }, &j->b);
        } else {
                sh_buf_puts(&j->b, quote);
                sh_buf_put(&j->b, text.s->s, text.s->len);
                sh_buf_puts(&j->b, quote);
        }
        sh_drop(text);
        sh_drop(v);
        return st;
}
static int join_end(struct sh_cmd *c)
{
        struct joining *j = sh_state(c);
        struct sh_buf b = { 0 };
        sh_buf_puts(&b, sh_arg_text(c, "OutputPrefix", ""));
        sh_buf_put(&b, j->b.p ? j->b.p : "", j->b.n);
        sh_buf_puts(&b, sh_arg_text(c, "OutputSuffix", ""));
        return emit_owned(c, sh_buf_take(&b));
}
static void join_clean(struct sh_cmd *c)
{
        struct joining *j = sh_state(c);
        sh_buf_free(&j->b);
        j->b = (struct sh_buf) { 0 };
}
static const struct sh_cmdlet join_string = {
        .name = "Join-String",
        .synopsis = "Joins objects into one text.",
        .state_size = sizeof(struct joining),
        .process = join_process,
        .end = join_end,
        .clean = join_clean,
        .params = (const struct sh_param[]) { { "Property", .type = "object", .position = 1 },
                                              { "Separator", .type = "object", .position = 2 },
                                              { "OutputPrefix", .type = "string", .alias = "op" },
                                              { "OutputSuffix", .type = "string", .alias = "os" },
                                              { "SingleQuote", .type = "switch" },
                                              { "DoubleQuote", .type = "switch" },
                                              { "FormatString", .type = "string" },
                                              { "InputObject", .type = "object", .from_pipeline = true },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "1..3 | Join-String -Separator ','", "1,2,3", "" },
                                                  { "'a','b' | Join-String -SingleQuote -Separator ' '",
                                                    "'a' 'b'", "" },
                                                  { 0 } },
};

/* ---- ConvertFrom-StringData ---- */
static int data_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv t = sh_to_text(sh_session(c), sh_arg(c, "StringData")), h = sh_hash_new(false);
        const char *delimiter = sh_arg_text(c, "Delimiter", "=");
        int st = SH_OK;
        for (const char *p = t.s->s, *end = p + t.s->len, *nl; st == SH_OK && p < end; p = nl + 1) {
                if (!(nl = memchr(p, '\n', (size_t)(end - p))))
                        nl = end;
                const char *s = p, *e = nl, *eq;
                while (s < e && isspace((unsigned char)*s))
                        s++;
                while (e > s && isspace((unsigned char)e[-1]))
                        e--;
                if (s == e || *s == '#')
                        continue;
                eq = memchr(s, delimiter[0], (size_t)(e - s));
                if (!eq) {
                        st = sh_cmd_throw(c, "InvalidOperation", "InvalidOperation", SH_NIL,
                                          "Data line '%.*s' is not in 'name=value' format.", (int)(e - s), s);
                        break;
                }
                const char *k = eq, *v = eq + 1;
                while (k > s && isspace((unsigned char)k[-1]))
                        k--;
                while (v < e && isspace((unsigned char)*v))
                        v++;
                struct sh_buf b = { 0 };
                for (; v < e; v++)
                        if (*v == '\\' && v + 1 < e) {
                                v++;
                                sh_buf_put(&b, *v == 'n' ? "\n" : *v == 't' ? "\t" : *v == 'r' ? "\r" : v, 1);
                        } else {
                                sh_buf_put(&b, v, 1);
                        }
                struct sv key = sh_string(s, (size_t)(k - s)), value = sh_buf_take(&b);
                sh_hash_set(h.h, key, value);
                sh_drop(key);
                sh_drop(value);
        }
        sh_drop(t);
        if (st == SH_OK)
                st = sh_emit(c, h);
        sh_drop(h);
        return st;
}
static const struct sh_cmdlet convertfrom_stringdata = {
        .name = "ConvertFrom-StringData",
        .synopsis = "Reads lines of name=value into a hash table.",
        .process = data_process,
        .params =
                (const struct sh_param[]) { { "StringData", .type = "string", .position = 1,
                                              .mandatory = true, .from_pipeline = true, .allow_empty = true },
                                            { "Delimiter", .type = "char", .position = 2 },
                                            { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(\"a=1`nb = x y\" | ConvertFrom-StringData).b", "x y", "" },
                        { "('k:v' | ConvertFrom-StringData -Delimiter ':').k", "v", "" },
                        { 0 } },
};
static int uptime_end(struct sh_cmd *c)
{
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        int64_t ticks = t.tv_sec * SH_TICKS_SECOND;
        if (sh_switch(c, "Since"))
                return sh_emit(c, sh_date(sh_datetime_now().i - ticks, SH_DATE_LOCAL));
        return sh_emit(c, sh_span(ticks));
}
static const struct sh_cmdlet get_uptime = {
        .name = "Get-Uptime",
        .synopsis = "Tells how long the host has been up.",
        .end = uptime_end,
        .params = (const struct sh_param[]) { { "Since", .type = "switch" }, { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-Uptime).TotalSeconds -gt 0", "True", "" },
                                                  { "(Get-Uptime -Since) -lt (Get-Date)", "True", "" },
                                                  { 0 } },
};

SH_CMDLETS(value, &get_date, &new_timespan, &get_random, &get_securerandom, &new_guid, &get_unique,
           &join_string, &convertfrom_stringdata, &get_uptime);
