/* SPDX-License-Identifier: MIT
 *
 * The operators: which rule applies to the two operands. The left one decides; numbers go to arith.c, texts to
 * ops_text.c, comparisons to compare.c.
 */
#include "shell/ops.h"

#include <math.h>
#include <stdlib.h>

static bool primitive(struct sv v)
{
        return sh_is_number(v) || v.kind == SH_BOOL || v.kind == SH_CHAR || v.kind == SH_ENUM;
}

static bool numeric(struct sv v)
{
        return sh_is_number(v) || v.kind == SH_ENUM;
}

/* ---- operators of types: dates, and static op_... methods ---- */
static const char *const method_names[] = { [SH_ADD] = "op_Addition", [SH_SUB] = "op_Subtraction",
                                            [SH_MUL] = "op_Multiply", [SH_DIV] = "op_Division",
                                            [SH_MOD] = "op_Modulus", [SH_BAND] = "op_BitwiseAnd",
                                            [SH_BOR] = "op_BitwiseOr", [SH_BXOR] = "op_ExclusiveOr",
                                            [SH_SHL] = "op_LeftShift", [SH_SHR] = "op_RightShift" };
static const char *const symbols[] = { [SH_ADD] = "+", [SH_SUB] = "-", [SH_MUL] = "*", [SH_DIV] = "/",
                                       [SH_MOD] = "%", [SH_BAND] = "-band", [SH_BOR] = "-bor",
                                       [SH_BXOR] = "-bxor", [SH_SHL] = "-shl", [SH_SHR] = "-shr" };

static int ticks_result(struct sh *sh, uint8_t kind, uint16_t aux, __int128 ticks, struct sv *ret)
{
        if (ticks > INT64_MAX || ticks < (kind == SH_DATETIME ? 0 : INT64_MIN) ||
            (kind == SH_DATETIME && ticks > 3155378975999999999LL))
                return sh_throw_inner(sh, "System.ArgumentOutOfRangeException", "ArgumentOutOfRangeException",
                                      "NotSpecified", SH_NIL,
                                      "The added or subtracted value results in an un-representable DateTime.");
        *ret = (struct sv) { .kind = kind, .aux = aux, .i = (int64_t)ticks };
        return SH_OK;
}

static int span_times(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        double d;
        if (op == SH_DIV && b.kind == SH_TIMESPAN) {
                *ret = sh_double((double)a.i / (double)b.i);
                return SH_OK;
        }
        if (b.kind == SH_TIMESPAN || !sh_to_double(sh, b, &d))
                return SH_NONE;
        if (op == SH_DIV && d == 0)
                return sh_divided_by_zero(sh);
        d = rint(op == SH_MUL ? (double)a.i * d : (double)a.i / d);
        return ticks_result(sh, SH_TIMESPAN, 0, fabs(d) < 1e20 ? (__int128)d : (__int128)1 << 100, ret);
}

static int date_op(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        struct sv x = b;
        if (a.kind == SH_TIMESPAN && (op == SH_MUL || op == SH_DIV))
                return span_times(sh, op, a, b, ret);
        if (op == SH_MUL && b.kind == SH_TIMESPAN && sh_is_number(a))
                return span_times(sh, op, b, a, ret);
        if (op != SH_ADD && op != SH_SUB)
                return SH_NONE;
        if (a.kind == SH_DATETIME && op == SH_SUB && b.kind != SH_TIMESPAN &&
            (b.kind == SH_DATETIME || sh_try_convert(sh, b, &sh_type_datetime, &x)))
                return ticks_result(sh, SH_TIMESPAN, 0, (__int128)a.i - x.i, ret);
        if (b.kind != SH_TIMESPAN && !sh_try_convert(sh, b, &sh_type_timespan, &x))
                return SH_NONE;
        __int128 ticks = op == SH_ADD ? (__int128)a.i + x.i : (__int128)a.i - x.i;
        return ticks_result(sh, a.kind, a.aux, ticks, ret);
}

static int no_operator(struct sh *sh, enum sh_op op, struct sv a, struct sv b)
{
        const struct sh_type *x = sh_type_of(a), *y = sh_type_of(b);
        bool left = x && !primitive(a), right = y && !primitive(b);
        if (left || right)
                return sh_throw_no_method(sh, (left ? x : y)->name, method_names[op]);
        return sh_throw(sh, "NotADefinedOperationForType", "InvalidOperation", SH_NIL,
                        "The operation '[%s] %s [%s]' is not defined.", x ? x->name : "$null", symbols[op],
                        y ? y->name : "$null");
}

static int implicit_op(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        const struct sh_type *t = sh_type_of(primitive(a) || sh_is_null(a) ? b : a);
        const char *name = method_names[op];
        int st = SH_NONE;
        if (a.kind == SH_DATETIME || a.kind == SH_TIMESPAN || (b.kind == SH_TIMESPAN && sh_is_number(a)))
                st = date_op(sh, op, a, b, ret);
        if (st == SH_NONE && t && sh_find_member(t, name, strlen(name), true, SH_METHOD)) {
                struct sv args[2] = { a, b };
                return sh_call_static(sh, t, name, strlen(name), (struct sh_args) { 2, args }, ret);
        }
        return st == SH_NONE ? no_operator(sh, op, a, b) : st;
}

/* ---- + - * / % ---- */
/* The right operand of a number: itself, 0 for $null, a text read as a number. SH_NONE: none of these. */
static int number_operand(struct sh *sh, struct sv b, const struct sh_type *left, struct sv *ret)
{
        if (sh_is_null(b))
                *ret = sh_int(0);
        else if (primitive(b))
                *ret = sh_keep(b);
        else if (b.kind == SH_STRING)
                return sh_text_number(sh, b, left, ret);
        else
                return SH_NONE;
        return SH_OK;
}

static int number_op(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        struct sv x;
        int st = number_operand(sh, b, sh_type_of(a), &x);
        if (st == SH_NONE)
                return implicit_op(sh, op, a, b, ret);
        if (st == SH_OK) {
                st = sh_arith(sh, op, a, x, ret);
                sh_drop(x);
        }
        return st;
}

static int concat(struct sh *sh, struct sv a, struct sv b, struct sv *ret)
{
        struct sh_buf out = { 0 };
        sh_buf_value(sh, &out, a);
        sh_buf_value(sh, &out, b);
        *ret = sh_buf_take(&out);
        sh_buf_free(&out);
        return SH_OK;
}

static int append(struct sv a, struct sv b, struct sv *ret)
{
        struct sv r = sh_array_copy(a), item;
        size_t pos = 0;
        if (sh_is_enumerable(b))
                while (sh_next(b, &pos, &item))
                        sh_array_take(r.a, item);
        else
                sh_array_add(r.a, b.kind == SH_VOID ? SH_NIL : b);
        *ret = r;
        return SH_OK;
}

static int merge(struct sh *sh, struct sv a, struct sv b, struct sv *ret)
{
        if (b.kind != SH_HASH)
                return sh_throw(sh, "AddHashTableToNonHashTable", "InvalidOperation", SH_NIL,
                                "A hash table can only be added to another hash table.");
        struct sv r = sh_hash_copy(a), k, v, old;
        for (uint32_t i = 0; sh_hash_at(b.h, i, &k, &v); i++) {
                if (sh_hash_get(r.h, k, &old)) {
                        struct sv t = sh_to_text(sh, k);
                        int st = sh_throw_inner(sh, "System.ArgumentException", "System.ArgumentException",
                                                "OperationStopped", SH_NIL,
                                                "Item has already been added. Key in dictionary: '%s'  Key being "
                                                "added: '%s'", t.s->s, t.s->s);
                        sh_drop(t);
                        sh_drop(r);
                        return st;
                }
                sh_hash_set(r.h, k, v);
        }
        *ret = r;
        return SH_OK;
}

static int op_add(struct sh *sh, struct sv a, struct sv b, struct sv *ret)
{
        if (sh_is_null(a)) {
                *ret = sh_keep(b);
                return SH_OK;
        }
        if (a.kind == SH_STRING || a.kind == SH_CHAR)
                return concat(sh, a, b, ret);
        if (primitive(a))
                return number_op(sh, SH_ADD, a, b, ret);
        if (sh_is_enumerable(a))
                return append(a, b, ret);
        if (a.kind == SH_HASH)
                return merge(sh, a, b, ret);
        return implicit_op(sh, SH_ADD, a, b, ret);
}

static int times(struct sh *sh, struct sv b, int64_t *ret)
{
        struct sv n;
        int st = b.kind == SH_STRING ? sh_text_number(sh, b, &sh_type_int, &n) : sh_convert(sh, b, &sh_type_int, &n);
        if (st != SH_OK)
                return st;
        if (!sh_to_int64(sh, n, ret))
                *ret = 0;
        if (*ret < 0)
                return sh_throw_inner(sh, "System.ArgumentOutOfRangeException", "System.ArgumentOutOfRangeException",
                                      "OperationStopped", SH_NIL, "Specified argument was out of the range of valid "
                                      "values. (Parameter 'times')");
        return SH_OK;
}

static int repeat_text(struct sh *sh, struct sv a, int64_t n, struct sv *ret)
{
        if ((uint64_t)a.s->len * (uint64_t)n > INT32_MAX / 2)
                return sh_throw_inner(sh, "System.OutOfMemoryException", "System.OutOfMemoryException",
                                      "OperationStopped", SH_NIL,
                                      "Insufficient memory to continue the execution of the program.");
        struct sh_buf out = { 0 };
        for (int64_t i = 0; i < n; i++)
                sh_buf_put(&out, a.s->s, a.s->len);
        *ret = sh_buf_take(&out);
        sh_buf_free(&out);
        return SH_OK;
}

static int repeat_list(struct sh *sh, struct sv a, int64_t n, struct sv *ret)
{
        struct sv once = sh_array_copy(a);
        struct sv r = sh_array_typed(a.kind == SH_ARRAY && a.a->element ? a.a->element : &sh_type_object, 0);
        int st = SH_OK;
        for (int64_t i = 0; i < n && st == SH_OK; i++) {
                for (uint32_t k = 0; k < once.a->n; k++)
                        sh_array_add(r.a, once.a->v[k]);
                if ((i & 255) == 0)
                        st = sh_check(sh);
        }
        sh_drop(once);
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}

static int op_multiply(struct sh *sh, struct sv a, struct sv b, struct sv *ret)
{
        int64_t n;
        if (sh_is_null(a)) {
                *ret = SH_NIL;
                return SH_OK;
        }
        if (numeric(a))
                return number_op(sh, SH_MUL, a, b, ret);
        if (a.kind != SH_STRING && !sh_is_enumerable(a))
                return implicit_op(sh, SH_MUL, a, b, ret);
        int st = times(sh, b, &n);
        if (st != SH_OK)
                return st;
        return a.kind == SH_STRING ? repeat_text(sh, a, n, ret) : repeat_list(sh, a, n, ret);
}

/* - / % and the operators on bits: a text on the left is read as a number. */
static int with_number_left(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret,
                            int (*f)(struct sh *, enum sh_op, struct sv, struct sv, struct sv *))
{
        struct sv x, y;
        int st = sh_text_number(sh, a, sh_type_of(b), &x);
        if (st != SH_OK)
                return st;
        st = b.kind == SH_STRING ? sh_text_number(sh, b, sh_type_of(x), &y) : (y = sh_keep(b), SH_OK);
        if (st == SH_OK) {
                st = f(sh, op, x, y, ret);
                sh_drop(y);
        }
        sh_drop(x);
        return st;
}

static int op_reduce(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        if (sh_is_null(a))
                a = sh_int(0);
        if (primitive(a))
                return number_op(sh, op, a, b, ret);
        if (a.kind == SH_STRING)
                return with_number_left(sh, op, a, b, ret, op_reduce);
        return implicit_op(sh, op, a, b, ret);
}

/* ---- bits ---- */
static int op_bits(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        if (sh_is_null(a) && sh_is_null(b)) {
                *ret = sh_int(0);
                return SH_OK;
        }
        if (a.kind == SH_ENUM && b.kind == SH_STRING) { /* $flags -band 'Name' */
                struct sv x;
                int st = sh_convert(sh, b, sh_type_of(a), &x);
                if (st == SH_OK) {
                        st = sh_bits(sh, op, a, x, ret);
                        sh_drop(x);
                }
                return st;
        }
        if (a.kind == SH_STRING || b.kind == SH_STRING)
                return a.kind == SH_STRING ? with_number_left(sh, op, a, b, ret, op_bits)
                                           : number_operand(sh, b, sh_type_of(a), &b) != SH_OK ? SH_ERROR
                                                                                 : op_bits(sh, op, a, b, ret);
        struct sv x = sh_is_null(a) ? sh_int(0) : a, y = sh_is_null(b) ? sh_int(0) : b;
        if (!primitive(x) || !primitive(y))
                return implicit_op(sh, op, a, b, ret);
        return sh_bits(sh, op, x, y, ret);
}

static int op_shift(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        if (sh_is_null(a)) {
                *ret = sh_int(0);
                return SH_OK;
        }
        if (a.kind == SH_STRING)
                return with_number_left(sh, op, a, b, ret, op_shift);
        return numeric(a) ? sh_shift(sh, op == SH_SHL, a, b, ret) : implicit_op(sh, op, a, b, ret);
}

/* ---- .. ---- */
static bool as_char(struct sv v, uint16_t *ret)
{
        if (v.kind == SH_CHAR)
                *ret = (uint16_t)v.u;
        else if (v.kind == SH_STRING && v.s->units == 1 && !sh_cp_digit(sh_unit_at(v.s, 0)))
                *ret = sh_unit_at(v.s, 0);
        else
                return false;
        return true;
}

static int range_end(struct sh *sh, struct sv v, int64_t *ret)
{
        struct sv x;
        int st = sh_convert(sh, sh_is_null(v) ? sh_int(0) : v, &sh_type_int, &x);
        if (st == SH_OK)
                *ret = x.i;
        return st;
}

static int op_range(struct sh *sh, struct sv a, struct sv b, struct sv *ret)
{
        uint16_t c, d;
        int64_t from, to;
        bool chars = as_char(a, &c) && as_char(b, &d);
        if (chars) {
                from = c;
                to = d;
        } else {
                int st = range_end(sh, a, &from);
                if (st == SH_OK)
                        st = range_end(sh, b, &to);
                if (st != SH_OK)
                        return st;
        }
        struct sv r = sh_array_new((uint32_t)(llabs(to - from) < 4096 ? llabs(to - from) + 1 : 4096));
        int64_t step = from <= to ? 1 : -1;
        for (int64_t i = from;; i += step) {
                sh_array_take(r.a, chars ? sh_char((uint16_t)i) : sh_int((int32_t)i));
                if (i == to)
                        break;
                int st = (i & 0xFFFF) == 0 ? sh_check(sh) : SH_OK;
                if (st != SH_OK) {
                        sh_drop(r);
                        return st;
                }
        }
        *ret = r;
        return SH_OK;
}

/* ---- comparisons ---- */
static bool is_plain_integer(struct sv v)
{
        return v.kind == SH_INT32 || v.kind == SH_INT64;
}

static int compare_one(struct sh *sh, enum sh_op op, bool case_sensitive, struct sv a, struct sv b, bool *ret)
{
        int r, st = SH_OK;
        bool plain = is_plain_integer(a) && is_plain_integer(b);
        if (op == SH_EQ || op == SH_NE) {
                *ret = (plain ? a.i == b.i : sh_equal(sh, a, b, !case_sensitive)) == (op == SH_EQ);
                return SH_OK;
        }
        if (plain)
                r = (a.i > b.i) - (a.i < b.i);
        else
                st = sh_compare(sh, a, b, !case_sensitive, &r);
        if (st != SH_OK)
                return st;
        *ret = op == SH_LT ? r == -1 : op == SH_LE ? r == -1 || r == 0 : op == SH_GT ? r == 1 : r == 0 || r == 1;
        return SH_OK;
}

static int op_compare(struct sh *sh, enum sh_op op, bool case_sensitive, struct sv a, struct sv b, struct sv *ret)
{
        bool yes;
        if (!sh_is_enumerable(a)) {
                int st = compare_one(sh, op, case_sensitive, a, b, &yes);
                *ret = sh_bool(yes);
                return st;
        }
        struct sv r = sh_array_new(4), item;
        size_t pos = 0;
        while (sh_next(a, &pos, &item)) {
                int st = compare_one(sh, op, case_sensitive, item, b, &yes);
                if (st == SH_OK && yes)
                        sh_array_add(r.a, item);
                sh_drop(item);
                if (st != SH_OK) {
                        sh_drop(r);
                        return st;
                }
        }
        *ret = r;
        return SH_OK;
}

static bool contains(struct sh *sh, bool case_sensitive, struct sv list, struct sv x)
{
        if (!sh_is_enumerable(list))
                return sh_equal(sh, list, x, !case_sensitive);
        size_t pos = 0;
        struct sv item;
        while (sh_next(list, &pos, &item)) {
                bool yes = sh_equal(sh, item, x, !case_sensitive);
                sh_drop(item);
                if (yes)
                        return true;
        }
        return false;
}

/* ---- types ---- */
static int right_type(struct sh *sh, struct sv b, const char *op, const struct sh_type **ret)
{
        struct sv t;
        if ((*ret = sh_type_referred(b)))
                return SH_OK;
        if (sh_is_null(b))
                return sh_throw(sh, op[1] == 'a' ? "AsOperatorRequiresType" : "IsOperatorRequiresType",
                                "InvalidOperation", SH_NIL, "The right operand of '%s' must be a type.", op);
        if (!sh_try_convert(sh, b, &sh_type_type, &t)) {
                struct sv text = sh_to_text(sh, b);
                sh_throw(sh, "RuntimeException", "InvalidOperation", SH_NIL,
                         "Cannot convert the \"%s\" value of type \"%s\" to type \"System.Type\".", text.s->s,
                         sh_type_of(b)->name);
                sh_drop(text);
                return SH_ERROR;
        }
        *ret = sh_type_referred(t);
        sh_drop(t);
        return SH_OK;
}

static int op_types(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        const struct sh_type *t;
        int st = right_type(sh, b, op == SH_AS ? "-as" : "-is", &t);
        if (st != SH_OK)
                return st;
        if (op != SH_AS)
                *ret = sh_bool(sh_is_a(sh, a, t) == (op == SH_IS));
        else if (!sh_try_convert(sh, a, t, ret))
                *ret = SH_NIL;
        return SH_OK;
}

int sh_binary(struct sh *sh, enum sh_op op, bool case_sensitive, struct sv a, struct sv b, struct sv *ret)
{
        if (op == SH_IS || op == SH_ISNOT || op == SH_AS)
                return op_types(sh, op, a, b, ret);
        if (op != SH_ADD || a.kind != SH_PSOBJECT)
                a = sh_unwrap(a);
        if (op != SH_ADD)
                b = sh_unwrap(b);
        switch (op) {
        case SH_ADD: return op_add(sh, sh_unwrap(a), b.kind == SH_PSOBJECT && primitive(a) ? sh_unwrap(b) : b, ret);
        case SH_MUL: return op_multiply(sh, a, b, ret);
        case SH_SUB:
        case SH_DIV:
        case SH_MOD: return op_reduce(sh, op, a, b, ret);
        case SH_BAND:
        case SH_BOR:
        case SH_BXOR: return op_bits(sh, op, a, b, ret);
        case SH_SHL:
        case SH_SHR: return op_shift(sh, op, a, b, ret);
        case SH_RANGE: return op_range(sh, a, b, ret);
        case SH_FORMAT: return sh_op_format(sh, a, b, ret);
        case SH_AND: *ret = sh_bool(sh_true(a) && sh_true(b)); return SH_OK;
        case SH_OR: *ret = sh_bool(sh_true(a) || sh_true(b)); return SH_OK;
        case SH_XOR: *ret = sh_bool(sh_true(a) != sh_true(b)); return SH_OK;
        case SH_LIKE:
        case SH_NOTLIKE: return sh_op_like(sh, op == SH_NOTLIKE, case_sensitive, a, b, ret);
        case SH_MATCH:
        case SH_NOTMATCH: return sh_op_match(sh, op == SH_NOTMATCH, case_sensitive, a, b, ret);
        case SH_CONTAINS:
        case SH_NOTCONTAINS: *ret = sh_bool(contains(sh, case_sensitive, a, b) == (op == SH_CONTAINS)); return SH_OK;
        case SH_IN:
        case SH_NOTIN: *ret = sh_bool(contains(sh, case_sensitive, b, a) == (op == SH_IN)); return SH_OK;
        case SH_REPLACE: return sh_op_replace(sh, case_sensitive, a, b, ret);
        case SH_SPLIT: return sh_op_split(sh, case_sensitive, a, b, ret);
        case SH_JOIN: return sh_op_join(sh, a, b, ret);
        default: return op_compare(sh, op, case_sensitive, a, b, ret);
        }
}

/* ---- unary ---- */
static int unary_number(struct sh *sh, enum sh_op op, struct sv a, struct sv *ret)
{
        struct sv x = sh_is_null(a) ? sh_int(0) : a;
        if (a.kind == SH_STRING) {
                int st = sh_text_number(sh, a, &sh_type_int, &x);
                if (st != SH_OK)
                        return st;
        }
        if (a.kind == SH_TIMESPAN && op != SH_BNOT) {
                *ret = a;
                ret->i = op == SH_NEG ? -a.i : a.i;
                return SH_OK;
        }
        if (!primitive(x))
                return op == SH_BNOT ? sh_convert(sh, x, &sh_type_int, ret)
                                     : sh_throw_no_method(sh, sh_type_of(x)->name, op == SH_NEG ? "op_UnaryNegation"
                                                                                                : "op_UnaryPlus");
        if (op == SH_BNOT)
                return sh_bit_not(sh, x, ret);
        if (op == SH_NEG)
                return sh_negate(sh, x, ret);
        *ret = x.kind == SH_BOOL || x.kind == SH_CHAR ? sh_int((int32_t)x.i) : sh_keep(x);
        return SH_OK;
}

int sh_unary(struct sh *sh, enum sh_op op, struct sv a, struct sv *ret)
{
        a = sh_unwrap(a);
        switch (op) {
        case SH_NOT: *ret = sh_bool(!sh_true(a)); return SH_OK;
        case SH_USPLIT: return sh_op_unary_split(sh, a, ret);
        case SH_UJOIN: {
                struct sv none = sh_text("");
                int st = sh_op_join(sh, a, none, ret);
                sh_drop(none);
                return st;
        }
        default: return unary_number(sh, op, a, ret);
        }
}
