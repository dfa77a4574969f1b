/* SPDX-License-Identifier: MIT
 *
 * Equality and order of two values. The left one's type decides: texts compare as texts, numbers as numbers, anything
 * else converts the right one to the left one's type.
 */
#include "shell/types.h"

#include <math.h>

/* ---- numbers ---- */
/* Kinds that arithmetic takes without asking: numbers, bool, char, enums. */
static bool primitive(struct sv v)
{
        return sh_is_number(v) || v.kind == SH_BOOL || v.kind == SH_CHAR || v.kind == SH_ENUM;
}

static bool numeric(struct sv v)
{
        return sh_is_number(v) || v.kind == SH_ENUM;
}

static bool real(struct sv v)
{
        return v.kind == SH_DOUBLE || v.kind == SH_SINGLE;
}

static __int128 integer_of(struct sv v)
{
        return v.kind == SH_ENUM ? (int32_t)v.hi : v.kind == SH_UINT64 ? (__int128)v.u : v.i;
}

static double double_of(struct sv v)
{
        return real(v) ? v.d : v.kind == SH_DECIMAL ? sh_decimal_to_double(v) : (double)integer_of(v);
}

static bool decimal_of(struct sv v, struct sv *ret)
{
        if (v.kind == SH_DECIMAL) {
                *ret = v;
                return true;
        }
        if (v.kind == SH_CHAR)
                v.kind = SH_UINT16;
        return sh_to_number(v, SH_DECIMAL, ret) == SH_FITS;
}

static int order_doubles(double a, double b)
{
        return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
}

/* -1 0 1, or 2 when one is not a number. */
static int order_numbers(struct sv a, struct sv b)
{
        struct sv x, y;
        if (a.kind == SH_DECIMAL || b.kind == SH_DECIMAL) {
                if (decimal_of(a, &x) && decimal_of(b, &y))
                        return sh_decimal_compare(x, y);
                return order_doubles(double_of(a), double_of(b));
        }
        if (real(a) || real(b))
                return order_doubles(double_of(a), double_of(b));
        __int128 i = integer_of(a), j = integer_of(b);
        return i < j ? -1 : i > j;
}

/* ---- .NET's Equals ---- */
bool sh_same(struct sv a, struct sv b)
{
        a = sh_unwrap(a);
        b = sh_unwrap(b);
        if (a.kind != b.kind)
                return sh_is_null(a) && sh_is_null(b);
        switch (a.kind) {
        case SH_NULL:
        case SH_VOID: return true;
        case SH_SINGLE:
        case SH_DOUBLE: return a.d == b.d || (isnan(a.d) && isnan(b.d));
        case SH_DECIMAL: return sh_decimal_compare(a, b) == 0;
        case SH_ENUM: return a.o == b.o && a.hi == b.hi;
        case SH_STRING: return sh_text_equal(a.s, b.s, false);
        default: break;
        }
        if (a.kind < SH_OBJECT_KINDS)
                return a.u == b.u;
        return a.o == b.o || (a.o->type == b.o->type && a.o->type->equals && a.o->type->equals(a, b));
}

uint32_t sh_hash_of(struct sv v)
{
        v = sh_unwrap(v);
        if (v.kind == SH_STRING) {
                uint32_t h = 2166136261u;
                for (uint32_t i = 0; i < v.s->len; i++)
                        h = (h ^ (unsigned char)v.s->s[i]) * 16777619u;
                return h;
        }
        if (v.kind == SH_ENUM)
                return v.hi;
        if (v.kind == SH_DECIMAL)
                return (uint32_t)(int64_t)sh_decimal_to_double(v);
        if (v.kind < SH_OBJECT_KINDS)
                return (uint32_t)(v.u ^ v.u >> 32);
        if (v.o->type->hash)
                return v.o->type->hash(v);
        return (uint32_t)((uintptr_t)v.o >> 4);
}

/* ---- -eq ---- */
static bool text_equals(struct sh *sh, struct sv a, struct sv b, bool ignore_case)
{
        if (b.kind == SH_STRING)
                return sh_text_equal(a.s, b.s, ignore_case);
        struct sv t = sh_to_text(sh, b);
        bool same = sh_text_equal(a.s, t.s, ignore_case);
        sh_drop(t);
        return same;
}

static bool number_equals(struct sh *sh, struct sv a, struct sv b)
{
        struct sv x;
        if (primitive(b))
                return order_numbers(a, b) == 0;
        if (b.kind == SH_STRING) {
                if (sh_text_number(sh, b, sh_type_of(a), &x) != SH_OK) {
                        sh_forget_error(sh);
                        return false;
                }
                bool same = order_numbers(a, x) == 0;
                sh_drop(x);
                return same;
        }
        if (b.kind >= SH_OBJECT_KINDS && !b.o->type->compare)
                return false;
        if (!sh_try_convert(sh, b, sh_type_of(a), &x))
                return false;
        bool same = sh_same(a, x);
        sh_drop(x);
        return same;
}

static bool char_equals(struct sv a, struct sv b, bool ignore_case)
{
        uint32_t x = (uint32_t)a.u, y;
        if (b.kind == SH_STRING && b.s->units == 1)
                y = sh_unit_at(b.s, 0);
        else if (b.kind == SH_CHAR || (sh_is_int(b) && b.i >= 0 && b.i <= UINT16_MAX))
                y = (uint32_t)b.u;
        else
                return false;
        return x == y || (ignore_case && !sh_is_int(b) && sh_fold(x) == sh_fold(y));
}

bool sh_equal(struct sh *sh, struct sv a, struct sv b, bool ignore_case)
{
        struct sv x;
        if (sh_is_null(a) || sh_is_null(b))
                return sh_is_null(a) && sh_is_null(b);
        a = sh_unwrap(a);
        b = sh_unwrap(b);
        if (a.kind == SH_STRING)
                return text_equals(sh, a, b, ignore_case);
        if (numeric(a))
                return number_equals(sh, a, b);
        if (a.kind == SH_CHAR)
                return char_equals(a, b, ignore_case);
        if (a.kind == SH_BOOL)
                return (a.u != 0) == sh_true(b);
        if (sh_same(a, b))
                return true;
        if (a.kind == b.kind || a.kind == SH_ARRAY || a.kind == SH_HASH || a.kind == SH_PSOBJECT ||
            a.kind == SH_BLOCK || a.kind == SH_MODEL || !sh_try_convert(sh, b, sh_type_of(a), &x))
                return false;
        bool same = sh_same(a, x);
        sh_drop(x);
        return same;
}

/* ---- -lt and its kind ---- */
static int compare_with_null(struct sv a, struct sv b)
{
        if (sh_is_null(a) && sh_is_null(b))
                return 0;
        if (sh_is_number(a))
                return order_numbers(a, sh_int(0)) == -1 ? -1 : 1;
        if (sh_is_number(b))
                return order_numbers(b, sh_int(0)) == -1 ? 1 : -1;
        return sh_is_null(a) ? -1 : 1;
}

static int comparison_failure(struct sh *sh, struct sv a, struct sv b)
{
        struct sv pending = sh_error_take(sh), why = SH_NIL, x = sh_to_text(sh, a), y = sh_to_text(sh, b);
        struct sv exception = SH_NIL;
        if (sh_get(sh, pending, "Exception", 9, &exception) == SH_OK &&
            sh_get(sh, exception, "Message", 7, &why) != SH_OK)
                why = SH_NIL;
        struct sv text = sh_to_text(sh, why);
        int st = sh_throw(sh, "ComparisonFailure", "InvalidOperation", SH_NIL,
                          "Could not compare \"%s\" to \"%s\". Error: \"%s\"", x.s->s, y.s->s, text.s->s);
        sh_drop(pending);
        sh_drop(exception);
        sh_drop(why);
        sh_drop(text);
        sh_drop(x);
        sh_drop(y);
        return st;
}

/* Both are of one type. SH_NONE: it has no order. */
static int compare_same_type(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        b = sh_unwrap(b);
        if (a.kind == SH_BOOL || a.kind == SH_CHAR || a.kind == SH_DATETIME || a.kind == SH_TIMESPAN) {
                *ret = a.i < b.i ? -1 : a.i > b.i;
                return SH_OK;
        }
        if (a.kind < SH_OBJECT_KINDS || !a.o->type->compare)
                return SH_NONE;
        return a.o->type->compare(sh, a, b, ret);
}

static int compare_converted(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        struct sv x;
        if (sh_convert(sh, b, sh_type_of(a), &x) != SH_OK)
                return comparison_failure(sh, a, b);
        int st = compare_same_type(sh, a, x, ret);
        if (st == SH_NONE && sh_same(a, b)) {
                *ret = 0;
                st = SH_OK;
        }
        if (st == SH_NONE) {
                struct sv t = sh_to_text(sh, a);
                st = sh_throw(sh, "NotIcomparable", "InvalidOperation", SH_NIL,
                              "Cannot compare \"%s\" because it is not IComparable.", t.s->s);
                sh_drop(t);
        }
        sh_drop(x);
        return st;
}

int sh_compare(struct sh *sh, struct sv a, struct sv b, bool ignore_case, int *ret)
{
        struct sv t;
        if (sh_is_null(a) || sh_is_null(b)) {
                *ret = compare_with_null(sh_unwrap(a), sh_unwrap(b));
                return SH_OK;
        }
        a = sh_unwrap(a);
        b = sh_unwrap(b);
        if (a.kind == SH_STRING) {
                t = sh_to_text(sh, b);
                *ret = sh_text_compare(a.s->s, a.s->len, t.s->s, t.s->len, ignore_case);
                sh_drop(t);
                return SH_OK;
        }
        if (numeric(a) && primitive(b)) {
                *ret = order_numbers(a, b);
                return SH_OK;
        }
        if (numeric(a) && b.kind == SH_STRING) {
                int st = sh_text_number(sh, b, sh_type_of(a), &t);
                if (st != SH_OK)
                        return st;
                *ret = order_numbers(a, t);
                sh_drop(t);
                return SH_OK;
        }
        return compare_converted(sh, a, b, ret);
}

/* ---- Sort-Object ---- */
static int order_texts(struct sh *sh, struct sv a, struct sv b, bool case_sensitive)
{
        struct sv x = sh_to_text(sh, a), y = sh_to_text(sh, b);
        int r = sh_text_compare(x.s->s, x.s->len, y.s->s, y.s->len, !case_sensitive);
        sh_drop(x);
        sh_drop(y);
        return r;
}

int sh_order(struct sh *sh, struct sv a, struct sv b, bool case_sensitive)
{
        int r = 0;
        struct sv x;
        if (sh_is_null(a) || sh_is_null(b))
                return compare_with_null(sh_unwrap(a), sh_unwrap(b));
        a = sh_unwrap(a);
        b = sh_unwrap(b);
        if (a.kind == SH_STRING)
                return order_texts(sh, a, b, case_sensitive);
        if (numeric(a) && primitive(b)) {
                r = order_numbers(a, b);
                if (r == 2) /* NaN comes first */
                        r = isnan(double_of(a)) ? (isnan(double_of(b)) ? 0 : -1) : 1;
                return r;
        }
        if (numeric(a)) {
                if (sh_try_convert(sh, b, sh_type_of(a), &x)) {
                        r = order_numbers(a, x);
                        sh_drop(x);
                        return r;
                }
                return order_texts(sh, a, b, case_sensitive);
        }
        if (sh_type_of(a) == sh_type_of(b)) {
                int st = compare_same_type(sh, a, b, &r);
                if (st == SH_OK)
                        return r;
                if (st == SH_ERROR)
                        sh_forget_error(sh);
        } else if ((a.kind < SH_OBJECT_KINDS || a.o->type->compare) && sh_try_convert(sh, b, sh_type_of(a), &x)) {
                int st = compare_same_type(sh, a, x, &r);
                sh_drop(x);
                if (st == SH_OK)
                        return r;
                if (st == SH_ERROR)
                        sh_forget_error(sh);
        }
        return order_texts(sh, a, b, case_sensitive);
}
