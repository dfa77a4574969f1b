/* SPDX-License-Identifier: MIT
 *
 * [math].
 */
#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/types.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
        M_SIN,
        M_COS,
        M_TAN,
        M_ASIN,
        M_ACOS,
        M_ATAN,
        M_SINH,
        M_COSH,
        M_TANH,
        M_EXP,
        M_LOG10,
        M_LOG2,
        M_SQRT,
        M_CBRT,
        M_ASINH,
        M_ACOSH,
        M_ATANH
};
static int math_one(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        static double (*const functions[])(double) = { sin, cos,   tan,  asin, acos, atan,  sinh,  cosh, tanh,
                                                       exp, log10, log2, sqrt, cbrt, asinh, acosh, atanh };
        double d;
        if (a.n != 1 || !sh_args_double(sh, a, 0, &d))
                return SH_NONE;
        *ret = sh_double(functions[sh_member_arg(sh)](d));
        return SH_OK;
}
static int math_two(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        double x, y;
        if (sh_member_arg(sh) == 'l' && a.n == 1 && sh_args_double(sh, a, 0, &x)) {
                *ret = sh_double(log(x));
                return SH_OK;
        }
        if (a.n != 2 || !sh_args_double(sh, a, 0, &x) || !sh_args_double(sh, a, 1, &y))
                return SH_NONE;
        intptr_t k = sh_member_arg(sh);
        *ret = sh_double(k == 'p'   ? pow(x, y)
                         : k == 'a' ? atan2(x, y)
                         : k == 'l' ? log(x) / log(y)
                                    : remainder(x, y));
        return SH_OK;
}
static struct sv number_at(struct sh *sh, struct sh_args a, uint32_t i)
{
        struct sv v = sh_args_at(a, i), r;
        if (sh_is_number(v))
                return v;
        return sh_try_convert(sh, v, &sh_type_double, &r) ? r : SH_NIL;
}
static int math_abs(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv v = a.n == 1 ? number_at(sh, a, 0) : SH_NIL;
        if (!sh_is_number(v))
                return SH_NONE;
        *ret = v;
        if (v.kind == SH_DOUBLE || v.kind == SH_SINGLE)
                ret->d = fabs(v.d);
        else if (v.kind == SH_DECIMAL)
                ret->aux &= 0x7fff;
        else if (v.kind != SH_UINT64 && v.i < 0)
                ret->i = -v.i;
        return SH_OK;
}
static int math_sign(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        double d;
        if (a.n != 1 || !sh_args_double(sh, a, 0, &d))
                return SH_NONE;
        *ret = sh_int((d > 0) - (d < 0));
        return SH_OK;
}
static int math_most(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int order;
        if (a.n != 2)
                return SH_NONE;
        struct sv x = number_at(sh, a, 0), y = number_at(sh, a, 1);
        if (!sh_is_number(x) || !sh_is_number(y) || sh_compare(sh, x, y, true, &order) != SH_OK)
                return SH_NONE;
        struct sv pick = (sh_member_arg(sh) ? order >= 0 : order <= 0) ? x : y;
        *ret = pick;
        if (x.kind != y.kind && (x.kind == SH_DOUBLE || y.kind == SH_DOUBLE)) {
                double d;
                sh_to_double(sh, pick, &d);
                *ret = sh_double(d);
        }
        return SH_OK;
}
enum { R_FLOOR, R_CEILING, R_TRUNCATE };
static int math_whole(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        static const int modes[] = { 2, 3, 4 };
        struct sv v = a.n == 1 ? number_at(sh, a, 0) : SH_NIL;
        double d;
        if (!sh_is_number(v))
                return SH_NONE;
        if (v.kind == SH_DECIMAL) {
                *ret = sh_decimal_round(v, 0, modes[sh_member_arg(sh)]);
                return SH_OK;
        }
        sh_to_double(sh, v, &d);
        *ret = sh_double(sh_member_arg(sh) == R_FLOOR     ? floor(d)
                         : sh_member_arg(sh) == R_CEILING ? ceil(d)
                                                          : trunc(d));
        return SH_OK;
}
SH_ENUM_TYPE(sh_enum_midpoint_rounding, "System.MidpointRounding", false, { "ToEven", 0 },
             { "AwayFromZero", 1 }, { "ToZero", 2 }, { "ToNegativeInfinity", 3 },
             { "ToPositiveInfinity", 4 });
static int math_round(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t places = 0, mode = 0;
        struct sv v = a.n ? number_at(sh, a, 0) : SH_NIL;
        if (!sh_is_number(v) || a.n > 3)
                return SH_NONE;
        uint32_t last = a.n - 1;
        if (a.n > 1 && (sh_args_at(a, last).kind == SH_ENUM || sh_args_at(a, last).kind == SH_STRING) &&
            sh_args_enum(sh, a, last, &sh_enum_midpoint_rounding, &mode))
                last--;
        if (last == 1 && !sh_args_i32(sh, a, 1, &places))
                return SH_NONE;
        if (places < 0 || places > (v.kind == SH_DECIMAL ? 28 : 15))
                return sh_throw_range(sh, a, "digits",
                                      "Rounding digits must be between 0 and 15, inclusive.");
        static const int decimal_modes[] = { 0, 1, 4, 2, 3 };
        if (v.kind == SH_DECIMAL) {
                *ret = sh_decimal_round(v, places, decimal_modes[mode]);
                return SH_OK;
        }
        double d, p = pow(10, places);
        sh_to_double(sh, v, &d);
        double x = d * p, r = mode == 1   ? round(x)
                              : mode == 2 ? trunc(x)
                              : mode == 3 ? floor(x)
                              : mode == 4 ? ceil(x)
                                          : nearbyint(x);
        *ret = sh_double(fabs(d) < 1e16 / p ? r / p : d);
        return SH_OK;
}
static int math_divrem(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int64_t x, y;
        if ((a.n != 2 && a.n != 3) || !sh_to_int64(sh, a.v[0], &x) || !sh_to_int64(sh, a.v[1], &y) ||
            (y == -1 && x == INT64_MIN))
                return SH_NONE;
        if (!y)
                return sh_throw_member(sh, a, "System.DivideByZeroException", "Attempted to divide by zero.");
        bool wide = sh_args_at(a, 0).kind == SH_INT64 || sh_args_at(a, 1).kind == SH_INT64;
        struct sv parts[2] = { wide ? sh_long(x / y) : sh_int((int32_t)(x / y)),
                               wide ? sh_long(x % y) : sh_int((int32_t)(x % y)) };
        if (a.n == 3) {
                *ret = parts[0];
                return sh_ref_set(sh, a.v[2], parts[1]);
        }
        return sh_call_static(sh, sh_type_find(sh, "System.ValueTuple", 17), "Create", 6,
                              (struct sh_args) { 2, parts }, ret);
}
static int math_clamp(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int order;
        if (a.n != 3)
                return SH_NONE;
        struct sv x = number_at(sh, a, 0), low = number_at(sh, a, 1), high = number_at(sh, a, 2);
        if (!sh_is_number(x) || !sh_is_number(low) || !sh_is_number(high) ||
            sh_compare(sh, low, high, true, &order) != SH_OK)
                return SH_NONE;
        if (order > 0) {
                struct sv s = sh_to_text(sh, low), t = sh_to_text(sh, high);
                int st = sh_throw_member(sh, a, "System.ArgumentException", "'%s' cannot be greater than %s.",
                                         s.s->s, t.s->s);
                sh_drop(s);
                sh_drop(t);
                return st;
        }
        struct sv r = x;
        if (sh_compare(sh, x, low, true, &order) == SH_OK && order < 0)
                r = low;
        if (sh_compare(sh, x, high, true, &order) == SH_OK && order > 0)
                r = high;
        uint8_t widest = x.kind > low.kind ? x.kind : low.kind;
        widest = widest > high.kind ? widest : high.kind;
        *ret = r;
        if (r.kind != widest)
                sh_to_number(r, (enum sh_kind)widest, ret);
        return SH_OK;
}
/* Functions of few scripts: by two doubles and a third, or of one. */
static int math_rare(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        double x, y = 0, z = 0;
        int64_t i, k;
        uint32_t want = what == 'f' ? 3 : strchr("iID", (int)what) ? 1 : 2;
        if (a.n != want || !sh_args_double(sh, a, 0, &x) || (want > 1 && !sh_args_double(sh, a, 1, &y)) ||
            (want > 2 && !sh_args_double(sh, a, 2, &z)))
                return SH_NONE;
        switch (what) {
        case 'c': *ret = sh_double(copysign(x, y)); break;
        case 'f': *ret = sh_double(fma(x, y, z)); break;
        case 'i': *ret = sh_int(ilogb(x)); break;
        case 'I': *ret = sh_double(nextafter(x, INFINITY)); break;
        case 'D': *ret = sh_double(nextafter(x, -INFINITY)); break;
        case 's': *ret = sh_double(scalbn(x, (int)y)); break;
        case 'm': *ret = sh_double(fabs(x) > fabs(y) ? x : fabs(y) > fabs(x) ? y : fmax(x, y)); break;
        case 'n': *ret = sh_double(fabs(x) < fabs(y) ? x : fabs(y) < fabs(x) ? y : fmin(x, y)); break;
        default:
                if (!sh_to_int64(sh, a.v[0], &i) || !sh_to_int64(sh, a.v[1], &k))
                        return SH_NONE;
                *ret = sh_long((int64_t)((uint64_t)i * (uint64_t)k));
        }
        return SH_OK;
}
static int math_constant(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_double(sh_member_arg(sh) == 'p' ? M_PI : sh_member_arg(sh) == 'e' ? M_E : 2 * M_PI);
        return SH_OK;
}
#define ONE(name, which) SH_SM(name, "static double " name "(double d)", math_one, which)
static const struct sh_member math_members[] = {
        ONE("Sin", M_SIN),
        ONE("Cos", M_COS),
        ONE("Tan", M_TAN),
        ONE("Asin", M_ASIN),
        ONE("Acos", M_ACOS),
        ONE("Atan", M_ATAN),
        ONE("Sinh", M_SINH),
        ONE("Cosh", M_COSH),
        ONE("Tanh", M_TANH),
        ONE("Exp", M_EXP),
        ONE("Log10", M_LOG10),
        ONE("Log2", M_LOG2),
        ONE("Sqrt", M_SQRT),
        ONE("Cbrt", M_CBRT),
        ONE("Asinh", M_ASINH),
        ONE("Acosh", M_ACOSH),
        ONE("Atanh", M_ATANH),
        SH_SM("Clamp", "static double Clamp(double value, double min, double max)", math_clamp),
        SH_SM("CopySign", "static double CopySign(double x, double y)", math_rare, 'c'),
        SH_SM("FusedMultiplyAdd", "static double FusedMultiplyAdd(double x, double y, double z)", math_rare,
              'f'),
        SH_SM("ILogB", "static int ILogB(double x)", math_rare, 'i'),
        SH_SM("ScaleB", "static double ScaleB(double x, int n)", math_rare, 's'),
        SH_SM("BitIncrement", "static double BitIncrement(double x)", math_rare, 'I'),
        SH_SM("BitDecrement", "static double BitDecrement(double x)", math_rare, 'D'),
        SH_SM("MaxMagnitude", "static double MaxMagnitude(double x, double y)", math_rare, 'm'),
        SH_SM("MinMagnitude", "static double MinMagnitude(double x, double y)", math_rare, 'n'),
        SH_SM("BigMul", "static long BigMul(int a, int b)", math_rare, 'b'),
        SH_SM("Pow", "static double Pow(double x, double y)", math_two, 'p'),
        SH_SM("Atan2", "static double Atan2(double y, double x)", math_two, 'a'),
        SH_SM("Log", "static double Log(double d), static double Log(double a, double newBase)", math_two,
              'l'),
        SH_SM("IEEERemainder", "static double IEEERemainder(double x, double y)", math_two, 'r'),
        SH_SM("Abs", "static double Abs(double value)", math_abs),
        SH_SM("Sign", "static int Sign(double value)", math_sign),
        SH_SM("Max", "static double Max(double val1, double val2)", math_most, 1),
        SH_SM("Min", "static double Min(double val1, double val2)", math_most, 0),
        SH_SM("Floor", "static double Floor(double d)", math_whole, R_FLOOR),
        SH_SM("Ceiling", "static double Ceiling(double a)", math_whole, R_CEILING),
        SH_SM("Truncate", "static double Truncate(double d)", math_whole, R_TRUNCATE),
        SH_SM("Round", "static double Round(double a), static double Round(double value, int digits)",
              math_round),
        SH_SM("DivRem", "static System.ValueTuple[int,int] DivRem(int left, int right)", math_divrem),
        SH_SP("PI", "static double PI {get;}", math_constant, 'p'),
        SH_SP("E", "static double E {get;}", math_constant, 'e'),
        SH_SP("Tau", "static double Tau {get;}", math_constant, 't')
};
static const struct sh_type math_type = { .name = "System.Math",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(math_members) };

SH_TYPES(math, &math_type, &sh_enum_midpoint_rounding.type);
