/* SPDX-License-Identifier: MIT
 *
 * The numeric types: limits, Parse, TryParse, CompareTo.
 */
#include "shell/types.h"

#include "shell/engine.h"

#include <float.h>
#include <math.h>

/* NumberStyles with AllowHexSpecifier among the arguments. */
static bool hexadecimal(struct sh_args a)
{
        for (uint32_t i = 1; i < a.n; i++) {
                struct sv v = sh_unwrap(a.v[i]);
                if ((v.kind == SH_ENUM &&
                     !strcmp(((struct sh_enum *)v.o)->type.name, "System.Globalization.NumberStyles") &&
                     v.hi & 512) ||
                    (v.kind == SH_STRING && (sh_text_same(v.s->s, v.s->len, "HexNumber", 9) ||
                                             sh_text_same(v.s->s, v.s->len, "AllowHexSpecifier", 17))))
                        return true;
        }
        return false;
}

/* Hexadecimal digits fill the type's bits: FF is -1 as an sbyte. */
static enum sh_why read_hex(const char *s, size_t n, const struct sh_type *t, struct sv *ret)
{
        static const uint8_t bits[] = {
                [SH_SBYTE] = 8,  [SH_BYTE] = 8,    [SH_INT16] = 16, [SH_UINT16] = 16,
                [SH_INT32] = 32, [SH_UINT32] = 32, [SH_INT64] = 64, [SH_UINT64] = 64
        };
        uint64_t u = 0;
        if (t->kind > SH_UINT64)
                return SH_BAD_FORMAT;
        while (n && sh_cp_space((unsigned char)*s))
                s++, n--;
        while (n && sh_cp_space((unsigned char)s[n - 1]))
                n--;
        if (!n)
                return SH_BAD_FORMAT;
        for (size_t i = 0; i < n; i++) {
                char c = s[i];
                int digit = c >= '0' && c <= '9'                 ? c - '0'
                            : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                 : -1;
                if (digit < 0)
                        return SH_BAD_FORMAT;
                if (u >> 60)
                        return SH_OUT_OF_RANGE;
                u = u << 4 | (unsigned)digit;
        }
        unsigned b = bits[t->kind];
        if (b < 64 && u >> b)
                return SH_OUT_OF_RANGE;
        bool is_signed =
                t->kind == SH_SBYTE || t->kind == SH_INT16 || t->kind == SH_INT32 || t->kind == SH_INT64;
        *ret = (struct sv) { .kind = t->kind,
                             .u = is_signed ? (uint64_t)((int64_t)(u << (64 - b)) >> (64 - b)) : u };
        return SH_FITS;
}

static int number_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_type *t = sh_type_referred(self);
        bool attempt = !strcmp(sh_current_member(sh)->name, "TryParse");
        if (!t || a.n < 1u + attempt || a.n > 4)
                return SH_NONE;
        struct sv text = sh_to_text(sh, a.v[0]), v = SH_NIL;
        const char *s = text.s->s;
        size_t n = text.s->len;
        bool letters = false, blank = true;
        for (size_t i = 0; i < n; i++) { /* .NET reads digits only: no 0x, no kb */
                letters |= (s[i] | 32) >= 'a' && (s[i] | 32) <= 'z' && (s[i] | 32) != 'e';
                blank &= sh_cp_space((unsigned char)s[i]);
        }
        double d;
        bool real = t->kind >= SH_SINGLE;
        enum sh_why why = SH_BAD_FORMAT;
        if (hexadecimal(a))
                why = read_hex(s, n, t, &v);
        else if (!blank &&
                 (real ? !letters || sh_parse_double(s, n, true, &d) : !letters && !memchr(s, '.', n)))
                why = sh_to_number(text, (enum sh_kind)t->kind, &v);
        if (!real && !hexadecimal(a) && (memchr(s, ',', n) || memchr(s, 'e', n) || memchr(s, 'E', n)))
                why = SH_BAD_FORMAT;
        int st = SH_OK;
        if (attempt) {
                struct sv zero = sh_default_value(t);
                st = sh_ref_set(sh, a.v[a.n - 1], why == SH_FITS ? v : zero);
                *ret = sh_bool(why == SH_FITS);
        } else if (why == SH_FITS) {
                *ret = v;
        } else if (why == SH_OUT_OF_RANGE) {
                st = sh_throw_in_method(sh, "System.OverflowException", "Parse", a.n,
                                        "Value was either too large or too small for %s.",
                                        sh_range_message((enum sh_kind)t->kind));
        } else {
                st = sh_throw_in_method(sh, "System.FormatException", "Parse", a.n,
                                        "The input string '%s' was not in a correct format.", s);
        }
        sh_drop(text);
        return st;
}

static int number_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv b;
        if (a.n != 1)
                return SH_NONE;
        if (sh_is_null(a.v[0])) {
                *ret = sh_int(1);
                return SH_OK;
        }
        if (!sh_try_convert(sh, a.v[0], sh_type_of(self), &b))
                return SH_NONE;
        *ret = sh_int(sh_order(sh, self, b, false));
        return SH_OK;
}

/* Limits by name. */
static int number_limit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const char *name = sh_current_member(sh)->name;
        const struct sh_type *t = sh_type_referred(self);
        bool max = name[1] == 'a';
        struct sv v = { .kind = t ? t->kind : SH_NULL };
        if (a.n || !t)
                return SH_NONE;
        switch (v.kind) {
        case SH_SBYTE: v.i = max ? INT8_MAX : INT8_MIN; break;
        case SH_BYTE: v.i = max ? UINT8_MAX : 0; break;
        case SH_INT16: v.i = max ? INT16_MAX : INT16_MIN; break;
        case SH_UINT16: v.i = max ? UINT16_MAX : 0; break;
        case SH_INT32: v.i = max ? INT32_MAX : INT32_MIN; break;
        case SH_UINT32: v.i = max ? UINT32_MAX : 0; break;
        case SH_INT64: v.i = max ? INT64_MAX : INT64_MIN; break;
        case SH_UINT64: v.u = max ? UINT64_MAX : 0; break;
        case SH_SINGLE: v.d = max ? (double)FLT_MAX : -(double)FLT_MAX; break;
        case SH_DOUBLE: v.d = max ? DBL_MAX : -DBL_MAX; break;
        default:
                sh_decimal_parse(max ? "79228162514264337593543950335" : "-79228162514264337593543950335",
                                 max ? 29 : 30, &v);
        }
        *ret = v;
        return SH_OK;
}

static int real_constant(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const char *name = sh_current_member(sh)->name;
        const struct sh_type *t = sh_type_referred(self);
        bool single = t && t->kind == SH_SINGLE;
        if (a.n)
                return SH_NONE;
        double d = name[0] == 'E'   ? (single ? 1.401298464324817e-45 : 4.94065645841246544e-324)
                   : name[0] == 'P' ? (name[1] == 'i' ? M_PI : INFINITY)
                   : name[2] == 'N' ? NAN
                   : name[2] == 'g' && name[8] == 'I' ? -INFINITY
                                                      : NAN;
        *ret = (struct sv) { .kind = single ? SH_SINGLE : SH_DOUBLE, .d = d };
        return SH_OK;
}

static int real_test(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        const char *name = sh_current_member(sh)->name;
        double d;
        if (a.n != 1 || !sh_to_double(sh, a.v[0], &d))
                return SH_NONE;
        bool yes = !strcmp(name, "IsNaN")                ? isnan(d)
                   : !strcmp(name, "IsInfinity")         ? isinf(d)
                   : !strcmp(name, "IsPositiveInfinity") ? isinf(d) && d > 0
                   : !strcmp(name, "IsNegativeInfinity") ? isinf(d) && d < 0
                   : !strcmp(name, "IsFinite")           ? isfinite(d)
                   : !strcmp(name, "IsNegative")         ? signbit(d) != 0
                                                         : d == trunc(d) && isfinite(d);
        *ret = sh_bool(yes);
        return SH_OK;
}

/* ---- decimal ---- */
static int decimal_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        const char *name = sh_current_member(sh)->name;
        struct sv d, p;
        int places = 0;
        if (a.n < 1 || sh_to_number(a.v[0], SH_DECIMAL, &d) != SH_FITS)
                return SH_NONE;
        if (a.n == 2 && !strcmp(name, "Round") && sh_to_number(a.v[1], SH_INT32, &p) == SH_FITS)
                places = (int)p.i;
        else if (a.n != 1)
                return SH_NONE;
        int mode = !strcmp(name, "Round") ? 0 : !strcmp(name, "Floor") ? 2 : !strcmp(name, "Ceiling") ? 3 : 4;
        *ret = !strcmp(name, "Negate") ? sh_decimal_negate(d) : sh_decimal_round(d, places, mode);
        if (!strcmp(name, "ToInt32") || !strcmp(name, "ToInt64") || !strcmp(name, "ToDouble"))
                return sh_convert(sh, d,
                                  name[2] == 'D'   ? &sh_type_double
                                  : name[5] == '3' ? &sh_type_int
                                                   : &sh_type_long,
                                  ret);
        return SH_OK;
}

static int decimal_constant(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        const char *name = sh_current_member(sh)->name;
        if (a.n)
                return SH_NONE;
        *ret = sh_decimal_from_int(name[0] == 'Z' ? 0 : name[0] == 'O' ? 1 : -1);
        return SH_OK;
}

static int decimal_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n == 1)
                return sh_convert(sh, a.v[0], t, ret);
        return SH_NONE;
}

#define NUMBER_MEMBERS(word) \
        { "CompareTo", SH_METHOD, false, "int CompareTo(" word " value)", number_compare_to }, \
                { "Parse", SH_METHOD, true, "static " word " Parse(string s)", number_parse }, \
                { "TryParse", SH_METHOD, true, "static bool TryParse(string s, [ref] " word " result)", \
                  number_parse }, \
                { "MaxValue", SH_PROPERTY, true, "static " word " MaxValue {get;}", number_limit }, \
        { \
                "MinValue", SH_PROPERTY, true, "static " word " MinValue {get;}", number_limit \
        }
#define REAL_MEMBERS(word) \
        { "Epsilon", SH_PROPERTY, true, "static " word " Epsilon {get;}", real_constant }, \
                { "NaN", SH_PROPERTY, true, "static " word " NaN {get;}", real_constant }, \
                { "Pi", SH_PROPERTY, true, "static " word " Pi {get;}", real_constant }, \
                { "PositiveInfinity", SH_PROPERTY, true, "static " word " PositiveInfinity {get;}", \
                  real_constant }, \
                { "NegativeInfinity", SH_PROPERTY, true, "static " word " NegativeInfinity {get;}", \
                  real_constant }, \
                { "IsNaN", SH_METHOD, true, "static bool IsNaN(" word " d)", real_test }, \
                { "IsInfinity", SH_METHOD, true, "static bool IsInfinity(" word " d)", real_test }, \
                { "IsPositiveInfinity", SH_METHOD, true, "static bool IsPositiveInfinity(" word " d)", \
                  real_test }, \
                { "IsNegativeInfinity", SH_METHOD, true, "static bool IsNegativeInfinity(" word " d)", \
                  real_test }, \
                { "IsFinite", SH_METHOD, true, "static bool IsFinite(" word " d)", real_test }, \
                { "IsNegative", SH_METHOD, true, "static bool IsNegative(" word " d)", real_test }, \
        { \
                "IsInteger", SH_METHOD, true, "static bool IsInteger(" word " d)", real_test \
        }

static const char *const comparable[] = { "System.IComparable", "System.IConvertible", "System.IFormattable",
                                          NULL };
#define NUMBER(symbol, full_name, word, k, ...) \
        static const struct sh_member symbol##_members[] = { NUMBER_MEMBERS(word) }; \
        static const char *const symbol##_names[] = { __VA_ARGS__, NULL }; \
        const struct sh_type symbol = { .name = full_name, \
                                        .accelerator = word, \
                                        .other_names = symbol##_names, \
                                        .base = &sh_type_valuetype, \
                                        .members = symbol##_members, \
                                        .nmembers = sizeof(symbol##_members) / sizeof(*symbol##_members), \
                                        .kind = k, \
                                        .interfaces = comparable }

NUMBER(sh_type_sbyte, "System.SByte", "sbyte", SH_SBYTE, "SByte");
NUMBER(sh_type_byte, "System.Byte", "byte", SH_BYTE, "Byte");
NUMBER(sh_type_short, "System.Int16", "short", SH_INT16, "int16");
NUMBER(sh_type_ushort, "System.UInt16", "ushort", SH_UINT16, "uint16");
NUMBER(sh_type_int, "System.Int32", "int", SH_INT32, "int32");
NUMBER(sh_type_uint, "System.UInt32", "uint", SH_UINT32, "uint32");
NUMBER(sh_type_long, "System.Int64", "long", SH_INT64, "int64");
NUMBER(sh_type_ulong, "System.UInt64", "ulong", SH_UINT64, "uint64");

static const struct sh_member single_members[] = { NUMBER_MEMBERS("float"), REAL_MEMBERS("float") };
static const char *const single_names[] = { "single", NULL };
const struct sh_type sh_type_single = { .name = "System.Single",
                                        .accelerator = "float",
                                        .other_names = single_names,
                                        .base = &sh_type_valuetype,
                                        .members = single_members,
                                        .nmembers = sizeof(single_members) / sizeof(*single_members),
                                        .kind = SH_SINGLE,
                                        .interfaces = comparable };
static const struct sh_member double_members[] = { NUMBER_MEMBERS("double"), REAL_MEMBERS("double") };
const struct sh_type sh_type_double = { .name = "System.Double",
                                        .accelerator = "double",
                                        .base = &sh_type_valuetype,
                                        .members = double_members,
                                        .nmembers = sizeof(double_members) / sizeof(*double_members),
                                        .kind = SH_DOUBLE,
                                        .interfaces = comparable };

static const struct sh_member decimal_members[] = {
        NUMBER_MEMBERS("decimal"),
        { "Zero", SH_PROPERTY, true, "static decimal Zero {get;}", decimal_constant },
        { "One", SH_PROPERTY, true, "static decimal One {get;}", decimal_constant },
        { "MinusOne", SH_PROPERTY, true, "static decimal MinusOne {get;}", decimal_constant },
        { "Round", SH_METHOD, true, "static decimal Round(decimal d, int decimals)", decimal_static },
        { "Floor", SH_METHOD, true, "static decimal Floor(decimal d)", decimal_static },
        { "Ceiling", SH_METHOD, true, "static decimal Ceiling(decimal d)", decimal_static },
        { "Truncate", SH_METHOD, true, "static decimal Truncate(decimal d)", decimal_static },
        { "Negate", SH_METHOD, true, "static decimal Negate(decimal d)", decimal_static },
        { "ToInt32", SH_METHOD, true, "static int ToInt32(decimal d)", decimal_static },
        { "ToInt64", SH_METHOD, true, "static long ToInt64(decimal d)", decimal_static },
        { "ToDouble", SH_METHOD, true, "static double ToDouble(decimal d)", decimal_static },
};
const struct sh_type sh_type_decimal = { .name = "System.Decimal",
                                         .accelerator = "decimal",
                                         .base = &sh_type_valuetype,
                                         .members = decimal_members,
                                         .nmembers = sizeof(decimal_members) / sizeof(*decimal_members),
                                         .construct = decimal_construct,
                                         .kind = SH_DECIMAL,
                                         .interfaces = comparable };

SH_TYPES(number, &sh_type_sbyte, &sh_type_byte, &sh_type_short, &sh_type_ushort, &sh_type_int, &sh_type_uint,
         &sh_type_long, &sh_type_ulong, &sh_type_single, &sh_type_double, &sh_type_decimal);
