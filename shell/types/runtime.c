/* SPDX-License-Identifier: MIT
 *
 * Stopwatch, [random], tuples, [DBNull], and the members of [GC], [Thread], [Process], RuntimeInformation and
 * [WildcardPattern] that scripts ask for.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* ---- Stopwatch ---- */
struct watch {
        struct sh_obj obj;
        int64_t begun, sum; /* ns; begun 0 = stopped */
};
static int64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}
static const struct sh_type watch_type;
static int watch_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_other_new(t, sizeof(struct watch));
        return SH_OK;
}
static int watch_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        intptr_t what = sh_member_arg(sh);
        *ret = SH_NOTHING;
        if (what == 'N') {
                *ret = sh_other_new(&watch_type, sizeof(struct watch));
                ((struct watch *)ret->o)->begun = now_ns();
                return SH_OK;
        }
        if (what == 'f' || what == 'T') {
                *ret = sh_long(what == 'f' ? 1000000000 : now_ns());
                return SH_OK;
        }
        struct watch *w = (struct watch *)self.o;
        int64_t total = w->sum + (w->begun ? now_ns() - w->begun : 0);
        switch (what) {
        case 'e': *ret = sh_span(total / 100); break;
        case 'm': *ret = sh_long(total / 1000000); break;
        case 't': *ret = sh_long(total); break;
        case 'r': *ret = sh_bool(w->begun != 0); break;
        case 'S': w->begun = w->begun ? w->begun : now_ns(); break;
        case 'P': w->sum = total, w->begun = 0; break;
        case 'Z': w->sum = w->begun = 0; break;
        default: w->sum = 0, w->begun = now_ns();
        }
        return SH_OK;
}
static const struct sh_member watch_members[] = {
        SH_P("IsRunning", "bool IsRunning {get;}", watch_do, 'r'),
        SH_P("Elapsed", "timespan Elapsed {get;}", watch_do, 'e'),
        SH_P("ElapsedMilliseconds", "long ElapsedMilliseconds {get;}", watch_do, 'm'),
        SH_P("ElapsedTicks", "long ElapsedTicks {get;}", watch_do, 't'),
        SH_M("Start", "void Start()", watch_do, 'S'),
        SH_M("Stop", "void Stop()", watch_do, 'P'),
        SH_M("Reset", "void Reset()", watch_do, 'Z'),
        SH_M("Restart", "void Restart()", watch_do, 'R'),
        SH_SM("StartNew", "static System.Diagnostics.Stopwatch StartNew()", watch_do, 'N'),
        SH_SM("GetTimestamp", "static long GetTimestamp()", watch_do, 'T'),
        SH_SP("Frequency", "static long Frequency {get;}", watch_do, 'f'),
};
static const struct sh_type watch_type = { .name = "System.Diagnostics.Stopwatch",
                                           .base = &sh_type_object,
                                           SH_MEMBERS(watch_members),
                                           .construct = watch_new };

/* ---- [random] ---- */
struct random {
        struct sh_obj obj;
        uint64_t state;
};
static const struct sh_type random_type;
static uint64_t bits(struct random *r)
{
        r->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
        uint64_t x = r->state;
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}
static uint64_t below(struct random *r, uint64_t n)
{
        uint64_t most = UINT64_MAX - UINT64_MAX % n, x;
        do
                x = bits(r);
        while (x >= most);
        return x % n;
}
static int random_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int64_t seed;
        if (a.n > 1 || (a.n && !sh_args_int(sh, a, 0, &seed)))
                return SH_NONE;
        *ret = sh_other_new(t, sizeof(struct random));
        uint64_t *s = &((struct random *)ret->o)->state;
        if (a.n)
                *s = (uint64_t)seed;
        else if (getrandom(s, sizeof(*s), 0) != sizeof(*s))
                *s = (uint64_t)now_ns();
        return SH_OK;
}
static int random_next(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct random *r = (struct random *)self.o;
        bool wide = sh_member_arg(sh);
        int64_t from = 0, to = wide ? INT64_MAX : INT32_MAX;
        if (a.n > 2 || (a.n && !sh_args_int(sh, a, a.n - 1, &to)) ||
            (a.n == 2 && !sh_args_int(sh, a, 0, &from)))
                return SH_NONE;
        if (to < from)
                return a.n == 1 ? sh_throw_range(sh, a, "maxValue", "'maxValue' must be greater than zero.")
                                : sh_throw_range(sh, a, "minValue",
                                                 "'minValue' cannot be greater than maxValue.");
        int64_t v = to == from ? from : from + (int64_t)below(r, (uint64_t)to - (uint64_t)from);
        *ret = wide ? sh_long(v) : sh_int((int32_t)v);
        return SH_OK;
}
static int random_double(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_double((double)(bits((struct random *)self.o) >> 11) / 9007199254740992.0);
        return SH_OK;
}
static int random_fill(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct random *r = (struct random *)self.o;
        struct sv v = sh_args_at(a, 0);
        if (a.n != 1 || v.kind != SH_ARRAY)
                return SH_NONE;
        *ret = SH_NOTHING;
        for (uint32_t i = 0; i < v.a->n; i++) {
                if (sh_member_arg(sh) == 'b') {
                        sh_drop(v.a->v[i]);
                        v.a->v[i] = (struct sv) { .kind = SH_BYTE, .u = bits(r) & 255 };
                } else { /* Shuffle */
                        uint32_t k = i + (uint32_t)below(r, v.a->n - i);
                        struct sv t = v.a->v[i];
                        v.a->v[i] = v.a->v[k];
                        v.a->v[k] = t;
                }
        }
        return SH_OK;
}
static int random_shared(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        return random_new(sh, &random_type, (struct sh_args) { 0 }, ret);
}
static const struct sh_member random_members[] = {
        SH_M("Next", "int Next(), int Next(int maxValue), int Next(int minValue, int maxValue)", random_next,
             0),
        SH_M("NextInt64", "long NextInt64(), long NextInt64(long maxValue)", random_next, 1),
        SH_M("NextDouble", "double NextDouble()", random_double),
        SH_M("NextSingle", "float NextSingle()", random_double),
        SH_M("NextBytes", "void NextBytes(byte[] buffer)", random_fill, 'b'),
        SH_M("Shuffle", "void Shuffle(T[] values)", random_fill, 's'),
        SH_SP("Shared", "static random Shared {get;}", random_shared),
};
static const struct sh_type random_type = {
        .name = "System.Random", .base = &sh_type_object, SH_MEMBERS(random_members), .construct = random_new
};

/* ---- tuples: fields of as many values as the type's name says ---- */
static uint32_t count_of(struct sv v)
{
        return ((struct sh_fields *)v.o)->n;
}
static int tuple_get(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        (void)sh;
        if (n != 5 || !sh_text_same(name, 4, "Item", 4) || name[4] < '1' ||
            (uint32_t)(name[4] - '1') >= count_of(self))
                return SH_NONE;
        *ret = sh_keep(*sh_field(self, (uint32_t)(name[4] - '1')));
        return SH_OK;
}
static int tuple_put(struct sh *sh, struct sv self, const char *name, size_t n, struct sv value)
{
        struct sv old;
        if (strncmp(self.o->type->name, "System.Value", 12) || tuple_get(sh, self, name, n, &old) != SH_OK)
                return SH_NONE;
        sh_drop(old);
        struct sv *at = sh_field(self, (uint32_t)(name[4] - '1'));
        sh_drop(*at);
        *at = sh_keep(value);
        return SH_OK;
}
static int tuple_list(struct sh *sh, struct sv self, void (*each)(void *, const char *, size_t), void *data)
{
        (void)sh;
        static const char *const names[] = { "Item1", "Item2", "Item3", "Item4",
                                             "Item5", "Item6", "Item7", "Item8" };
        for (uint32_t i = 0; i < count_of(self) && i < 8; i++)
                each(data, names[i], 5);
        return SH_OK;
}
static void tuple_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        for (uint32_t i = 0; i < count_of(self); i++) {
                sh_buf_puts(b, i ? ", " : "(");
                sh_buf_value(sh, b, *sh_field(self, i));
        }
        sh_buf_puts(b, ")");
}
static bool tuple_equals(struct sv a, struct sv b)
{
        if (b.kind != SH_OTHER || b.o->type->equals != tuple_equals || count_of(a) != count_of(b))
                return false;
        for (uint32_t i = 0; i < count_of(a); i++)
                if (!sh_same(*sh_field(a, i), *sh_field(b, i)))
                        return false;
        return true;
}
static uint32_t tuple_hash(struct sv v)
{
        uint32_t h = 17;
        for (uint32_t i = 0; i < count_of(v); i++)
                h = h * 31 + sh_hash_of(*sh_field(v, i));
        return h;
}
static int tuple_compare(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        if (b.kind != SH_OTHER || b.o->type->compare != tuple_compare || count_of(a) != count_of(b))
                return SH_NONE;
        *ret = 0;
        for (uint32_t i = 0; i < count_of(a) && !*ret; i++)
                *ret = sh_order(sh, *sh_field(a, i), *sh_field(b, i), true);
        return SH_OK;
}
static int tuple_length(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_int((int32_t)count_of(self));
        return SH_OK;
}
static int tuple_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        const struct sh_generic *g = sh_type_generic(t);
        if (!g || a.n != g->nargs)
                return SH_NONE;
        struct sv r = sh_fields_new(t, a.n);
        for (uint32_t i = 0; i < a.n; i++)
                if (g->args[i] == &sh_type_object)
                        *sh_field(r, i) = sh_keep(a.v[i]);
                else if (!sh_try_convert(sh, a.v[i], g->args[i], sh_field(r, i))) {
                        *sh_field(r, i) = SH_NIL;
                        sh_drop(r);
                        return SH_NONE;
                }
        *ret = r;
        return SH_OK;
}
static int tuple_index(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        struct sv k;
        if (!sh_try_convert(sh, key, &sh_type_int, &k))
                return SH_NONE;
        int64_t i = k.i < 0 ? k.i + (int64_t)count_of(self) : k.i;
        *ret = i < 0 || i >= (int64_t)count_of(self) ? SH_NIL : sh_keep(*sh_field(self, (uint32_t)i));
        return SH_OK;
}
static const struct sh_member tuple_members[] = { SH_P("Length", "int Length {get;}", tuple_length) };
#define TUPLE(var, full) \
        static const struct sh_type var = { .name = full, \
                                            .base = &sh_type_object, \
                                            SH_MEMBERS(tuple_members), \
                                            .get = tuple_get, \
                                            .put = tuple_put, \
                                            .list = tuple_list, \
                                            .text = tuple_text, \
                                            .index = tuple_index, \
                                            .equals = tuple_equals, \
                                            .hash = tuple_hash, \
                                            .compare = tuple_compare, \
                                            .construct = tuple_new, \
                                            .free = sh_fields_free }
TUPLE(tuple1, "System.Tuple`1");
TUPLE(tuple2, "System.Tuple`2");
TUPLE(tuple3, "System.Tuple`3");
TUPLE(tuple4, "System.Tuple`4");
TUPLE(value1, "System.ValueTuple`1");
TUPLE(value2, "System.ValueTuple`2");
TUPLE(value3, "System.ValueTuple`3");
TUPLE(value4, "System.ValueTuple`4");
static int tuple_create(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        static const struct sh_type *const plain[] = { &tuple1, &tuple2, &tuple3, &tuple4 };
        static const struct sh_type *const values[] = { &value1, &value2, &value3, &value4 };
        const struct sh_type *args[4];
        if (a.n < 1 || a.n > 4)
                return SH_NONE;
        for (uint32_t i = 0; i < a.n; i++)
                args[i] = sh_type_of(a.v[i]);
        const struct sh_type *t = sh_generic_of((sh_member_arg(sh) ? values : plain)[a.n - 1], args, a.n);
        *ret = sh_fields_new(t, a.n);
        for (uint32_t i = 0; i < a.n; i++)
                *sh_field(*ret, i) = sh_keep(a.v[i]);
        return SH_OK;
}
static const struct sh_member create_members[] = { SH_SM(
        "Create", "static System.Tuple[T1,T2] Create(T1 item1, T2 item2)", tuple_create, 0) };
static const struct sh_member create_values[] = { SH_SM(
        "Create", "static System.ValueTuple[T1,T2] Create(T1 item1, T2 item2)", tuple_create, 1) };
static const struct sh_type tuple_type = { .name = "System.Tuple",
                                           .base = &sh_type_object,
                                           SH_MEMBERS(create_members) };
static const struct sh_type value_type = { .name = "System.ValueTuple",
                                           .base = &sh_type_valuetype,
                                           SH_MEMBERS(create_values) };

/* ---- small things of the runtime ---- */
static const struct sh_type thread_type;
static int runtime_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct rusage u;
        struct utsname name;
        int64_t ms;
        *ret = SH_NOTHING;
        switch (sh_member_arg(sh)) {
        case 'm': /* GC.GetTotalMemory */
                getrusage(RUSAGE_SELF, &u);
                *ret = sh_long(u.ru_maxrss * 1024L);
                return SH_OK;
        case 'g': *ret = sh_int(0); return SH_OK;
        case 's': /* Thread.Sleep */
                if (a.n != 1)
                        return SH_NONE;
                struct sv span;
                if (sh_args_at(a, 0).kind == SH_TIMESPAN || sh_args_at(a, 0).kind == SH_STRING) {
                        if (!sh_try_convert(sh, a.v[0], &sh_type_timespan, &span))
                                return SH_NONE;
                        ms = span.i / 10000;
                } else if (!sh_args_int(sh, a, 0, &ms)) {
                        return SH_NONE;
                }
                for (int64_t end = now_ns() + ms * 1000000; now_ns() < end;) {
                        int64_t left = end - now_ns();
                        int st = sh_check(sh);
                        if (st != SH_OK)
                                return st;
                        left = left > 50000000 ? 50000000 : left;
                        nanosleep(&(struct timespec) { 0, left > 0 ? left : 0 }, NULL);
                }
                return SH_OK;
        case 't': *ret = sh_other_new(&thread_type, sizeof(struct sh_obj)); return SH_OK;
        case 'i': *ret = sh_int(1); return SH_OK;
        case 'd':
                *ret = uname(&name) == 0 ? sh_printf("%s %s %s", name.sysname, name.release, name.version)
                                         : sh_text("Linux");
                return SH_OK;
        case 'a':
                if (uname(&name) != 0)
                        return SH_NONE;
                *ret = sh_text(!strcmp(name.machine, "x86_64")    ? "X64"
                               : !strcmp(name.machine, "aarch64") ? "Arm64"
                                                                  : name.machine);
                return SH_OK;
        case 'f': *ret = sh_text("reeve " REEVE_VERSION); return SH_OK;
        case 'p': {
                if (a.n != 1)
                        return SH_NONE;
                struct sv s = sh_to_text(sh, a.v[0]);
                *ret = sh_bool(sh_text_same(s.s->s, s.s->len, "LINUX", 5));
                sh_drop(s);
                return SH_OK;
        }
        case 'R': *ret = sh_text("linux-x64"); return SH_OK;
        default: return SH_OK;
        }
}
static const struct sh_member gc_members[] = {
        SH_SM("Collect", "static void Collect()", runtime_do, 'c'),
        SH_SM("WaitForPendingFinalizers", "static void WaitForPendingFinalizers()", runtime_do, 'c'),
        SH_SM("GetTotalMemory", "static long GetTotalMemory(bool forceFullCollection)", runtime_do, 'm'),
        SH_SM("CollectionCount", "static int CollectionCount(int generation)", runtime_do, 'g'),
};
static const struct sh_type gc_type = { .name = "System.GC",
                                        .base = &sh_type_object,
                                        SH_MEMBERS(gc_members) };
static const struct sh_member thread_members[] = {
        SH_SM("Sleep", "static void Sleep(int millisecondsTimeout)", runtime_do, 's'),
        SH_SP("CurrentThread", "static System.Threading.Thread CurrentThread {get;}", runtime_do, 't'),
        SH_P("ManagedThreadId", "int ManagedThreadId {get;}", runtime_do, 'i'),
};
static const struct sh_type thread_type = { .name = "System.Threading.Thread",
                                            .base = &sh_type_object,
                                            SH_MEMBERS(thread_members) };
static const struct sh_member info_members[] = {
        SH_SP("OSDescription", "static string OSDescription {get;}", runtime_do, 'd'),
        SH_SP("OSArchitecture", "static System.Runtime.InteropServices.Architecture OSArchitecture {get;}",
              runtime_do, 'a'),
        SH_SP("ProcessArchitecture",
              "static System.Runtime.InteropServices.Architecture ProcessArchitecture {get;}", runtime_do,
              'a'),
        SH_SP("FrameworkDescription", "static string FrameworkDescription {get;}", runtime_do, 'f'),
        SH_SP("RuntimeIdentifier", "static string RuntimeIdentifier {get;}", runtime_do, 'R'),
        SH_SM("IsOSPlatform",
              "static bool IsOSPlatform(System.Runtime.InteropServices.OSPlatform osPlatform)", runtime_do,
              'p'),
};
static const struct sh_type info_type = { .name = "System.Runtime.InteropServices.RuntimeInformation",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(info_members) };
static int platform_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        const struct sh_member *m = sh_current_member(sh);
        *ret = sh_text_case(m->name, strlen(m->name), true);
        return SH_OK;
}
static const struct sh_member platform_members[] = {
        SH_SP("Linux", "static System.Runtime.InteropServices.OSPlatform Linux {get;}", platform_get),
        SH_SP("Windows", "static System.Runtime.InteropServices.OSPlatform Windows {get;}", platform_get),
        SH_SP("OSX", "static System.Runtime.InteropServices.OSPlatform OSX {get;}", platform_get),
        SH_SP("FreeBSD", "static System.Runtime.InteropServices.OSPlatform FreeBSD {get;}", platform_get),
};
static const struct sh_type platform_type = { .name = "System.Runtime.InteropServices.OSPlatform",
                                              .base = &sh_type_object,
                                              SH_MEMBERS(platform_members) };

/* ---- [DBNull] ---- */
static const struct sh_type dbnull_type;
static int dbnull_value(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = sh_other_new(&dbnull_type, sizeof(struct sh_obj));
        return SH_OK;
}
static void dbnull_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh, (void)self, (void)b;
}
static bool dbnull_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && a.o->type == b.o->type;
}
static const struct sh_member dbnull_members[] = { SH_SP("Value", "static System.DBNull Value {get;}",
                                                         dbnull_value) };
static const struct sh_type dbnull_type = { .name = "System.DBNull",
                                            .base = &sh_type_object,
                                            SH_MEMBERS(dbnull_members),
                                            .text = dbnull_text,
                                            .equals = dbnull_equals };

/* ---- [WildcardPattern] ---- */
static const struct sh_member pattern_members[];
static const struct sh_type pattern_type;
static int pattern_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t what = sh_member_arg(sh);
        struct sh_buf b = { 0 };
        if (a.n < 1)
                return SH_NONE;
        struct sv s = sh_to_text(sh, a.v[0]);
        switch (what) {
        case 'm': {
                struct sv p = *sh_field(self, 0);
                *ret = sh_bool(sh_wildcard(p.s->s, p.s->len, s.s->s, s.s->len, !sh_field(self, 1)->i));
                break;
        }
        case 'c': *ret = sh_bool(sh_has_wildcard(s.s->s, s.s->len)); break;
        default:
                for (const char *p = s.s->s; *p; p++) {
                        if (what == 'e' && strchr("*?[]`", *p))
                                sh_buf_put(&b, "`", 1);
                        if (what == 'u' && *p == '`' && p[1] && strchr("*?[]`", p[1]))
                                p++;
                        sh_buf_put(&b, p, 1);
                }
                *ret = sh_buf_take(&b);
                sh_buf_free(&b);
        }
        sh_drop(s);
        return SH_OK;
}
static int pattern_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n < 1 || a.n > 2)
                return SH_NONE;
        struct sv options = a.n == 2 ? sh_to_text(sh, a.v[1]) : sh_text("");
        *ret = sh_fields_new(t, 2);
        *sh_field(*ret, 0) = sh_to_text(sh, a.v[0]);
        *sh_field(*ret, 1) = sh_bool(strstr(options.s->s, "IgnoreCase") != NULL);
        sh_drop(options);
        return SH_OK;
}
static int pattern_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        return pattern_new(sh, &pattern_type, a, ret) == SH_OK ? ((void)self, SH_OK) : SH_NONE;
}
static const struct sh_member pattern_members[] = {
        SH_M("IsMatch", "bool IsMatch(string input)", pattern_do, 'm'),
        SH_SM("Escape", "static string Escape(string pattern)", pattern_do, 'e'),
        SH_SM("Unescape", "static string Unescape(string pattern)", pattern_do, 'u'),
        SH_SM("ContainsWildcardCharacters", "static bool ContainsWildcardCharacters(string pattern)",
              pattern_do, 'c'),
        SH_SM("Get",
              "static System.Management.Automation.WildcardPattern Get(string pattern, "
              "System.Management.Automation.WildcardOptions options)",
              pattern_get),
};
static const struct sh_type pattern_type = { .name = "System.Management.Automation.WildcardPattern",
                                             .accelerator = "wildcardpattern",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(pattern_members),
                                             .construct = pattern_new,
                                             .free = sh_fields_free };
SH_ENUM_TYPE(pattern_enum, "System.Management.Automation.WildcardOptions", true, { "None", 0 },
             { "Compiled", 1 }, { "IgnoreCase", 2 }, { "CultureInvariant", 4 });

SH_TYPES(runtime, &watch_type, &random_type, &tuple_type, &value_type, &tuple1, &tuple2, &tuple3, &tuple4,
         &value1, &value2, &value3, &value4, &gc_type, &thread_type, &info_type, &platform_type, &dbnull_type,
         &pattern_type, &pattern_enum.type);
