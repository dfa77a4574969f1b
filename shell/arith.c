/* SPDX-License-Identifier: MIT
 *
 * Arithmetic on numbers. The wider of the two types is computed in; integers that overflow become doubles. bool, char
 * and enums take part as the numbers they are.
 */
#include "shell/ops.h"

#include <math.h>

static int order_of(uint8_t kind) /* .NET's TypeCode: which of two types wins */
{
        return kind == SH_BOOL || kind == SH_CHAR ? 0 : kind == SH_ENUM ? SH_INT32 : kind;
}

static bool is_signed(uint8_t k)
{
        return k == SH_SBYTE || k == SH_INT16 || k == SH_INT32 || k == SH_INT64 || k == SH_ENUM;
}

static __int128 integer_of(struct sv v)
{
        return v.kind == SH_ENUM ? (int32_t)v.hi : v.kind == SH_UINT64 ? (__int128)v.u : v.i;
}

static double real_of(struct sv v)
{
        return v.kind == SH_DOUBLE || v.kind == SH_SINGLE ? v.d
               : v.kind == SH_DECIMAL                     ? sh_decimal_to_double(v)
                                                          : (double)integer_of(v);
}

int sh_divided_by_zero(struct sh *sh)
{
        return sh_throw_inner(sh, "System.DivideByZeroException", "RuntimeException", "NotSpecified", SH_NIL,
                              "Attempted to divide by zero.");
}

/* The type that integers of these kinds are computed in. */
static uint8_t integer_kind(struct sv a, struct sv b)
{
        int k = order_of(a.kind) > order_of(b.kind) ? order_of(a.kind) : order_of(b.kind);
        if (k <= SH_INT32)
                return SH_INT32;
        bool negative = (is_signed(a.kind) && integer_of(a) < 0) || (is_signed(b.kind) && integer_of(b) < 0);
        if (k == SH_UINT32)
                return negative ? SH_INT64 : SH_UINT32;
        if (k == SH_UINT64)
                return negative ? SH_DECIMAL : SH_UINT64;
        return SH_INT64;
}

static bool fits(__int128 x, uint8_t k)
{
        switch (k) {
        case SH_INT32: return x >= INT32_MIN && x <= INT32_MAX;
        case SH_UINT32: return x >= 0 && x <= UINT32_MAX;
        case SH_INT64: return x >= INT64_MIN && x <= INT64_MAX;
        default: return x >= 0 && x <= UINT64_MAX;
        }
}

static struct sv integer_result(__int128 x, uint8_t k)
{
        return fits(x, k) ? (struct sv) { .kind = k, .u = (uint64_t)x } : sh_double((double)x);
}

static int integers(struct sh *sh, enum sh_op op, struct sv a, struct sv b, uint8_t k, struct sv *ret)
{
        __int128 x = integer_of(a), y = integer_of(b), r;
        switch (op) {
        case SH_ADD: *ret = integer_result(x + y, k); return SH_OK;
        case SH_SUB: *ret = integer_result(x - y, k); return SH_OK;
        case SH_MUL:
                if (__builtin_mul_overflow(x, y, &r))
                        *ret = sh_double((double)x * (double)y);
                else
                        *ret = integer_result(r, k);
                return SH_OK;
        default: break;
        }
        if (y == 0)
                return sh_divided_by_zero(sh);
        if (op == SH_MOD)
                *ret = integer_result(x % y, k);
        else if (x % y == 0)
                *ret = integer_result(x / y, k);
        else
                *ret = sh_double((double)x / (double)y);
        return SH_OK;
}

static int decimals(struct sh *sh, enum sh_op op, struct sv a, struct sv b, bool mixed, struct sv *ret)
{
        struct sv x, y;
        if (a.kind == SH_CHAR)
                a.kind = SH_UINT16;
        if (b.kind == SH_CHAR)
                b.kind = SH_UINT16;
        if (sh_to_number(a, SH_DECIMAL, &x) == SH_FITS && sh_to_number(b, SH_DECIMAL, &y) == SH_FITS) {
                if ((op == SH_DIV || op == SH_MOD) && !y.hi && !y.u)
                        return sh_divided_by_zero(sh);
                if (sh_decimal_arith(op, x, y, ret))
                        return SH_OK;
        }
        if (mixed) { /* [long]-1 * [ulong]::MaxValue */
                *ret = sh_double(real_of(a) * real_of(b));
                return SH_OK;
        }
        return sh_throw_inner(sh, "System.OverflowException", "RuntimeException", "NotSpecified", SH_NIL,
                              "Value was either too large or too small for a Decimal.");
}

static struct sv reals(enum sh_op op, double x, double y)
{
        switch (op) {
        case SH_ADD: return sh_double(x + y);
        case SH_SUB: return sh_double(x - y);
        case SH_MUL: return sh_double(x * y);
        case SH_DIV: return sh_double(x / y);
        default: return sh_double(fmod(x, y));
        }
}

int sh_arith(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        int ka = order_of(a.kind), kb = order_of(b.kind), k = ka > kb ? ka : kb;
        if (k == SH_DECIMAL)
                return decimals(sh, op, a, b, false, ret);
        if (k == SH_DOUBLE || k == SH_SINGLE) {
                *ret = reals(op, real_of(a), real_of(b));
                return SH_OK;
        }
        uint8_t kind = integer_kind(a, b);
        int st = kind == SH_DECIMAL ? decimals(sh, op, a, b, true, ret) : integers(sh, op, a, b, kind, ret);
        if (st == SH_OK && a.kind == SH_ENUM && ret->kind == SH_INT32)
                *ret = sh_enum_value((struct sh_enum *)a.o, (int32_t)ret->i);
        return st;
}

/* ---- bits ---- */
/* Reals and decimals take part as the smallest integer type that holds them. */
static int bit_operand(struct sh *sh, struct sv v, struct sv *ret)
{
        if (v.kind != SH_DECIMAL && v.kind != SH_DOUBLE && v.kind != SH_SINGLE) {
                *ret = v.kind == SH_ENUM ? sh_int((int32_t)v.hi) : v;
                if (order_of(ret->kind) < SH_INT32)
                        ret->kind = SH_INT32;
                return SH_OK;
        }
        static const uint8_t kinds[] = { SH_INT32, SH_UINT32, SH_INT64, SH_UINT64 };
        for (size_t i = 0; i < sizeof(kinds); i++)
                if (sh_to_number(v, kinds[i], ret) == SH_FITS)
                        return SH_OK;
        return sh_convert(sh, v, &sh_type_int, ret);
}

static uint8_t bit_kind(uint8_t a, uint8_t b, bool from_real)
{
        uint8_t k = a > b ? a : b;
        if (from_real)
                return SH_UINT64;
        return k < SH_INT32 ? SH_INT32 : k;
}

int sh_bits(struct sh *sh, enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        struct sv x, y;
        int st = bit_operand(sh, a, &x);
        if (st == SH_OK)
                st = bit_operand(sh, b, &y);
        if (st != SH_OK)
                return st;
        bool from_real = a.kind >= SH_SINGLE || b.kind >= SH_SINGLE;
        from_real = from_real && (a.kind <= SH_DECIMAL && b.kind <= SH_DECIMAL);
        uint64_t u = (uint64_t)integer_of(x), w = (uint64_t)integer_of(y);
        uint64_t r = op == SH_BAND ? u & w : op == SH_BOR ? u | w : u ^ w;
        uint8_t k = bit_kind(x.kind, y.kind, from_real);
        if (from_real && (integer_of(x) < 0 || integer_of(y) < 0))
                k = SH_INT64;
        if (k == SH_INT32)
                *ret = sh_int((int32_t)r);
        else
                *ret = (struct sv) { .kind = k, .u = k == SH_UINT32 ? (uint32_t)r : r };
        if (a.kind == SH_ENUM)
                *ret = sh_enum_value((struct sh_enum *)a.o, (int32_t)r);
        return SH_OK;
}

int sh_shift(struct sh *sh, bool left, struct sv a, struct sv by, struct sv *ret)
{
        struct sv x;
        int64_t n;
        int st = bit_operand(sh, a, &x);
        if (st != SH_OK)
                return st;
        if (!sh_to_int64(sh, by, &n)) {
                struct sv i;
                st = sh_convert(sh, by, &sh_type_int, &i);
                return st == SH_OK ? SH_NONE : st;
        }
        switch (x.kind) {
        case SH_INT64: *ret = sh_long(left ? (int64_t)(x.u << (n & 63)) : x.i >> (n & 63)); break;
        case SH_UINT64: *ret = sh_ulong(left ? x.u << (n & 63) : x.u >> (n & 63)); break;
        case SH_UINT32:
                *ret = (struct sv) { .kind = SH_UINT32,
                                     .u = left ? (uint32_t)((uint32_t)x.u << (n & 31)) : x.u >> (n & 31) };
                break;
        default: *ret = sh_int(left ? (int32_t)((uint32_t)x.i << (n & 31)) : (int32_t)x.i >> (n & 31));
        }
        return SH_OK;
}

int sh_bit_not(struct sh *sh, struct sv a, struct sv *ret)
{
        struct sv x;
        int st = bit_operand(sh, a, &x);
        if (st != SH_OK)
                return st;
        x.u = x.kind == SH_UINT32 ? (uint32_t)~x.u : ~x.u;
        *ret = x;
        if (a.kind == SH_ENUM)
                *ret = sh_enum_value((struct sh_enum *)a.o, (int32_t)x.u);
        return SH_OK;
}

int sh_negate(struct sh *sh, struct sv a, struct sv *ret)
{
        if (a.kind == SH_DECIMAL) {
                *ret = sh_decimal_negate(a);
                return SH_OK;
        }
        if (a.kind == SH_DOUBLE || a.kind == SH_SINGLE) {
                *ret = sh_double(-a.d);
                ret->kind = a.kind;
                return SH_OK;
        }
        return sh_arith(sh, SH_SUB, sh_int(0), a, ret);
}
