/* SPDX-License-Identifier: MIT
 *
 * [bigint]: a sign and 32-bit limbs, least first, without leading zeros. Schoolbook arithmetic, bounded at 64 Ki limbs.
 */
#include "shell/dotnet.h"
#include "shell/types.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16 };

struct big {
        struct sh_obj obj;
        bool negative;
        uint32_t n;
        uint32_t *v;
};
static const struct sh_type big_type;

static struct big *big_of(struct sv v)
{
        return (struct big *)v.o;
}
static struct sv big_new(uint32_t n)
{
        struct sv r = sh_other_new(&big_type, sizeof(struct big));
        big_of(r)->v = calloc(n ? n : 1, sizeof(uint32_t));
        if (!big_of(r)->v)
                abort();
        big_of(r)->n = n;
        return r;
}
static struct sv trimmed(struct sv r)
{
        struct big *b = big_of(r);
        while (b->n && !b->v[b->n - 1])
                b->n--;
        if (!b->n)
                b->negative = false;
        return r;
}
static struct sv from_u64(uint64_t u, bool negative)
{
        struct sv r = big_new(2);
        big_of(r)->v[0] = (uint32_t)u;
        big_of(r)->v[1] = (uint32_t)(u >> 32);
        big_of(r)->negative = negative;
        return trimmed(r);
}
static struct sv from_int(int64_t i)
{
        return from_u64(i < 0 ? 0 - (uint64_t)i : (uint64_t)i, i < 0);
}

/* ---- magnitudes ---- */
static int compare_magnitude(const struct big *a, const struct big *b)
{
        if (a->n != b->n)
                return a->n < b->n ? -1 : 1;
        for (uint32_t i = a->n; i-- > 0;)
                if (a->v[i] != b->v[i])
                        return a->v[i] < b->v[i] ? -1 : 1;
        return 0;
}
static int compare(const struct big *a, const struct big *b)
{
        if (a->negative != b->negative)
                return a->negative ? -1 : 1;
        int c = compare_magnitude(a, b);
        return a->negative ? -c : c;
}
static struct sv add_magnitude(const struct big *a, const struct big *b)
{
        uint32_t n = (a->n > b->n ? a->n : b->n) + 1;
        struct sv r = big_new(n);
        uint64_t carry = 0;
        for (uint32_t i = 0; i < n; i++) {
                carry += (uint64_t)(i < a->n ? a->v[i] : 0) + (i < b->n ? b->v[i] : 0);
                big_of(r)->v[i] = (uint32_t)carry;
                carry >>= 32;
        }
        return trimmed(r);
}
static struct sv sub_magnitude(const struct big *a, const struct big *b) /* a >= b */
{
        struct sv r = big_new(a->n);
        int64_t borrow = 0;
        for (uint32_t i = 0; i < a->n; i++) {
                int64_t d = (int64_t)a->v[i] - (i < b->n ? b->v[i] : 0) + borrow;
                big_of(r)->v[i] = (uint32_t)d;
                borrow = d < 0 ? -1 : 0;
        }
        return trimmed(r);
}
static struct sv add(const struct big *a, const struct big *b, bool minus)
{
        bool nb = b->negative != minus;
        struct sv r;
        if (a->negative == nb) {
                r = add_magnitude(a, b);
                big_of(r)->negative = a->negative;
        } else if (compare_magnitude(a, b) >= 0) {
                r = sub_magnitude(a, b);
                big_of(r)->negative = a->negative;
        } else {
                r = sub_magnitude(b, a);
                big_of(r)->negative = nb;
        }
        return trimmed(r);
}
static struct sv multiply(const struct big *a, const struct big *b)
{
        struct sv r = big_new(a->n + b->n);
        uint32_t *v = big_of(r)->v;
        for (uint32_t i = 0; i < a->n; i++) {
                uint64_t carry = 0;
                for (uint32_t k = 0; k < b->n || carry; k++) {
                        carry += (uint64_t)v[i + k] + (k < b->n ? (uint64_t)a->v[i] * b->v[k] : 0);
                        v[i + k] = (uint32_t)carry;
                        carry >>= 32;
                }
        }
        big_of(r)->negative = a->negative != b->negative;
        return trimmed(r);
}
/* Divides in place by a small number; the rest. */
static uint32_t divide_small(struct big *a, uint32_t by)
{
        uint64_t rest = 0;
        for (uint32_t i = a->n; i-- > 0;) {
                rest = rest << 32 | a->v[i];
                a->v[i] = (uint32_t)(rest / by);
                rest %= by;
        }
        while (a->n && !a->v[a->n - 1])
                a->n--;
        return (uint32_t)rest;
}
static struct sv copy(const struct big *a)
{
        struct sv r = big_new(a->n);
        memcpy(big_of(r)->v, a->v, a->n * sizeof(*a->v));
        big_of(r)->negative = a->negative;
        return r;
}
/* Knuth's algorithm D on shifted copies; the quotient is cut, the rest has the dividend's sign. */
static struct sv divide(const struct big *a, const struct big *b, struct sv *ret_rest)
{
        if (compare_magnitude(a, b) < 0) {
                *ret_rest = copy(a);
                return big_new(0);
        }
        if (b->n == 1) {
                struct sv q = copy(a);
                uint32_t rest = divide_small(big_of(q), b->v[0]);
                *ret_rest = from_u64(rest, a->negative);
                big_of(q)->negative = a->negative != b->negative;
                return trimmed(q);
        }
        int shift = __builtin_clz(b->v[b->n - 1]);
        struct sv us = big_new(a->n + 1), vs = big_new(b->n), qs = big_new(a->n - b->n + 1);
        uint32_t *u = big_of(us)->v, *v = big_of(vs)->v, *q = big_of(qs)->v, n = b->n;
        for (uint32_t i = n; i-- > 0;)
                v[i] = (uint32_t)((uint64_t)b->v[i] << shift |
                                  (i && shift ? b->v[i - 1] >> (32 - shift) : 0));
        u[a->n] = shift ? a->v[a->n - 1] >> (32 - shift) : 0;
        for (uint32_t i = a->n; i-- > 0;)
                u[i] = (uint32_t)((uint64_t)a->v[i] << shift |
                                  (i && shift ? a->v[i - 1] >> (32 - shift) : 0));
        for (uint32_t j = a->n - n + 1; j-- > 0;) {
                uint64_t top = (uint64_t)u[j + n] << 32 | u[j + n - 1], guess = top / v[n - 1],
                         rest = top % v[n - 1];
                while (guess >> 32 || guess * v[n - 2] > (rest << 32 | u[j + n - 2])) {
                        guess--;
                        rest += v[n - 1];
                        if (rest >> 32)
                                break;
                }
                int64_t borrow = 0;
                uint64_t carry = 0;
                for (uint32_t i = 0; i < n; i++) {
                        carry += guess * v[i];
                        int64_t d = (int64_t)u[i + j] - (uint32_t)carry + borrow;
                        u[i + j] = (uint32_t)d;
                        borrow = d < 0 ? -1 : 0;
                        carry >>= 32;
                }
                int64_t d = (int64_t)u[j + n] - (int64_t)carry + borrow;
                u[j + n] = (uint32_t)d;
                if (d < 0) { /* one too many */
                        guess--;
                        carry = 0;
                        for (uint32_t i = 0; i < n; i++) {
                                carry += (uint64_t)u[i + j] + v[i];
                                u[i + j] = (uint32_t)carry;
                                carry >>= 32;
                        }
                        u[j + n] += (uint32_t)carry;
                }
                q[j] = (uint32_t)guess;
        }
        struct sv rest = big_new(n);
        for (uint32_t i = 0; i < n; i++)
                big_of(rest)->v[i] = (uint32_t)(((uint64_t)u[i + 1] << 32 | u[i]) >> shift);
        big_of(rest)->negative = a->negative;
        big_of(qs)->negative = a->negative != b->negative;
        sh_drop(us);
        sh_drop(vs);
        *ret_rest = trimmed(rest);
        return trimmed(qs);
}

/* ---- text ---- */
static void big_text(struct sh *sh, struct sv self, struct sh_buf *out)
{
        (void)sh;
        struct sv c = copy(big_of(self));
        struct sh_buf parts = { 0 };
        if (!big_of(self)->n)
                sh_buf_puts(out, "0");
        if (big_of(self)->negative)
                sh_buf_puts(out, "-");
        while (big_of(c)->n) {
                uint32_t part = divide_small(big_of(c), 1000000000);
                sh_buf_put(&parts, (const char *)&part, sizeof(part));
        }
        for (size_t i = parts.n / sizeof(uint32_t); i-- > 0;) {
                uint32_t part;
                memcpy(&part, parts.p + i * sizeof(part), sizeof(part));
                sh_buf_putf(out, (i + 1) * sizeof(part) == parts.n ? "%u" : "%09u", part);
        }
        sh_buf_free(&parts);
        sh_drop(c);
}
static bool parse(const char *s, size_t n, struct sv *ret)
{
        while (n && sh_cp_space((unsigned char)*s))
                s++, n--;
        while (n && sh_cp_space((unsigned char)s[n - 1]))
                n--;
        bool negative = n && *s == '-';
        if (n && (*s == '-' || *s == '+'))
                s++, n--;
        if (!n || n > MOST * 9)
                return false;
        for (size_t i = 0; i < n; i++)
                if (s[i] < '0' || s[i] > '9')
                        return false;
        struct sv r = big_new((uint32_t)(n / 9 + 2));
        struct big *b = big_of(r);
        b->n = 0;
        for (size_t i = 0; i < n; i++) {
                uint64_t carry = (uint64_t)(s[i] - '0');
                for (uint32_t k = 0; k < b->n || carry; k++) {
                        carry += (k < b->n ? (uint64_t)b->v[k] * 10 : 0);
                        b->v[k] = (uint32_t)carry;
                        carry >>= 32;
                        b->n = k + 1 > b->n ? k + 1 : b->n;
                }
        }
        b->negative = negative;
        *ret = trimmed(r);
        return true;
}
static double to_double(const struct big *b)
{
        double d = 0;
        for (uint32_t i = b->n; i-- > 0;)
                d = d * 4294967296.0 + b->v[i];
        return b->negative ? -d : d;
}
static bool from_double(double d, struct sv *ret)
{
        if (!isfinite(d) || fabs(d) > 1e300)
                return false;
        int exp;
        double m = frexp(trunc(fabs(d)), &exp);
        uint64_t bits = (uint64_t)ldexp(m, 53);
        int shift = exp - 53;
        if (shift <= 0) {
                *ret = from_u64(shift < -63 ? 0 : bits >> -shift, d < 0);
                return true;
        }
        struct sv r = big_new((uint32_t)shift / 32 + 3);
        for (int i = 0; i < 64; i++)
                if (bits >> i & 1)
                        big_of(r)->v[(i + shift) / 32] |= 1u << (i + shift) % 32;
        big_of(r)->negative = d < 0;
        *ret = trimmed(r);
        return true;
}

/* ---- conversions ---- */
static int big_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv v = sh_unwrap(from), text;
        if (v.kind == SH_OTHER && v.o->type == &big_type) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        if (v.kind == SH_UINT64)
                *ret = from_u64(v.u, false);
        else if (sh_is_int(v) || v.kind == SH_BOOL || v.kind == SH_CHAR)
                *ret = from_int(v.i);
        else if (v.kind == SH_ENUM)
                *ret = from_int((int32_t)v.hi);
        else if (v.kind == SH_DOUBLE || v.kind == SH_SINGLE)
                return from_double(v.d, ret) ? SH_OK
                                             : sh_throw_cast(sh, "InvalidCastConstructorException", from, t,
                                                             "BigInteger cannot represent infinity or NaN.");
        else if (sh_is_null(v))
                *ret = from_int(0);
        else if (v.kind == SH_DECIMAL || v.kind == SH_STRING) {
                struct sv cut = v.kind == SH_DECIMAL ? sh_decimal_round(v, 0, 4) : v;
                text = sh_to_text(sh, cut);
                struct sv number;
                size_t n = text.s->len;
                bool good = parse(text.s->s, text.s->len, ret) ||
                            (n > 1 && (text.s->s[n - 1] | 32) == 'n' && parse(text.s->s, n - 1, ret));
                if (!good && sh_try_convert(sh, v, &sh_type_long, &number)) /* '12kb', '34s' */
                        *ret = from_int(number.i), good = true;
                sh_drop(text);
                return good ? SH_OK
                            : sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t,
                                            "The value could not be parsed.");
        } else
                return SH_NONE;
        return SH_OK;
}
bool sh_bigint_text(struct sv v, struct sh_buf *b)
{
        v = sh_unwrap(v);
        if (v.kind != SH_OTHER || v.o->type != &big_type)
                return false;
        big_text(NULL, v, b);
        return true;
}
static bool argument(struct sh *sh, struct sh_args a, uint32_t i, struct sv *ret)
{
        return i < a.n && sh_try_convert(sh, a.v[i], &big_type, ret);
}

/* ---- operators and functions of one or two numbers ---- */
static struct sv power(const struct big *base, uint32_t e)
{
        struct sv r = from_u64(1, false), b = copy(base);
        for (; e; e >>= 1) {
                struct sv old = r;
                if (e & 1) {
                        r = multiply(big_of(old), big_of(b));
                        sh_drop(old);
                }
                if (e > 1) {
                        old = b;
                        b = multiply(big_of(old), big_of(old));
                        sh_drop(old);
                }
        }
        sh_drop(b);
        return r;
}
static struct sv gcd(const struct big *a, const struct big *b)
{
        struct sv x = copy(a), y = copy(b), rest;
        big_of(x)->negative = big_of(y)->negative = false;
        while (big_of(y)->n) {
                sh_drop(divide(big_of(x), big_of(y), &rest));
                sh_drop(x);
                x = y;
                y = rest;
        }
        sh_drop(y);
        return x;
}
static int too_big(struct sh *sh, struct sh_args a)
{
        return sh_throw_member(sh, a, "System.OutOfMemoryException",
                               "The number would have more than 2 million bits.");
}
static int big_two(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv x, y, other;
        intptr_t what = sh_member_arg(sh);
        if (a.n != 2 || !argument(sh, a, 0, &x))
                return SH_NONE;
        if (!argument(sh, a, 1, &y)) {
                sh_drop(x);
                return SH_NONE;
        }
        struct big *p = big_of(x), *q = big_of(y);
        int st = SH_OK;
        if (p->n + q->n > MOST && what == '*')
                st = too_big(sh, a);
        else if (what == '+' || what == '-')
                *ret = add(p, q, what == '-');
        else if (what == '*')
                *ret = multiply(p, q);
        else if (what == 'g')
                *ret = gcd(p, q);
        else if (what == 'c')
                *ret = sh_int(compare(p, q));
        else if (what == 'M' || what == 'm')
                *ret = sh_keep((compare(p, q) >= 0) == (what == 'M') ? x : y);
        else if (what == '^') {
                if (q->negative || q->n > 1)
                        st = sh_throw_range(sh, a, "exponent",
                                            "The number must be greater than or equal to zero.");
                else if ((uint64_t)p->n * (q->n ? q->v[0] : 0) > MOST)
                        st = too_big(sh, a);
                else
                        *ret = power(p, q->n ? q->v[0] : 0);
        } else if (!q->n) {
                st = sh_throw_member(sh, a, "System.DivideByZeroException", "Attempted to divide by zero.");
        } else {
                struct sv quotient = divide(p, q, &other);
                *ret = what == '/' ? sh_keep(quotient) : sh_keep(other);
                sh_drop(quotient);
                sh_drop(other);
        }
        sh_drop(x);
        sh_drop(y);
        return st;
}
static int big_one(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv x;
        intptr_t what = sh_member_arg(sh);
        if (a.n != 1 || !argument(sh, a, 0, &x))
                return SH_NONE;
        if (what == 'l' || what == 'L') {
                double d = to_double(big_of(x));
                *ret = sh_double(what == 'l' ? log(d) : log10(d));
        } else {
                *ret = copy(big_of(x));
                big_of(*ret)->negative = big_of(x)->n && what == 'n' && !big_of(x)->negative;
        }
        sh_drop(x);
        return SH_OK;
}
static int big_modpow(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv base, e, m, r = from_u64(1, false), t, rest;
        if (a.n != 3 || !argument(sh, a, 0, &base))
                return SH_NONE;
        if (!argument(sh, a, 1, &e) || !argument(sh, a, 2, &m) || !big_of(m)->n || big_of(e)->negative)
                return SH_NONE;
        sh_drop(divide(big_of(base), big_of(m), &rest));
        sh_drop(base);
        base = rest;
        for (uint32_t i = 0; i < big_of(e)->n * 32; i++) {
                if (big_of(e)->v[i / 32] >> i % 32 & 1) {
                        t = multiply(big_of(r), big_of(base));
                        sh_drop(r);
                        sh_drop(divide(big_of(t), big_of(m), &r));
                        sh_drop(t);
                }
                t = multiply(big_of(base), big_of(base));
                sh_drop(base);
                sh_drop(divide(big_of(t), big_of(m), &base));
                sh_drop(t);
        }
        sh_drop(base);
        sh_drop(e);
        sh_drop(m);
        *ret = r;
        return SH_OK;
}
static int big_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct big *b = big_of(self);
        bool one = b->n == 1 && b->v[0] == 1 && !b->negative;
        switch (sh_member_arg(sh)) {
        case 's': *ret = sh_int(b->n ? (b->negative ? -1 : 1) : 0); break;
        case 'z': *ret = sh_bool(!b->n); break;
        case 'e': *ret = sh_bool(!b->n || !(b->v[0] & 1)); break;
        case '1': *ret = sh_bool(one); break;
        default:
                *ret = sh_bool(b->n && __builtin_popcount(b->v[b->n - 1]) == 1);
                for (uint32_t i = 0; i + 1 < b->n && ret->i; i++)
                        ret->i = !b->v[i];
        }
        return SH_OK;
}
static int big_constant(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = from_int(sh_member_arg(sh));
        return SH_OK;
}
static int big_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        bool try = sh_member_arg(sh);
        struct sv t = sh_args_at(a, 0), v = SH_NIL;
        if (a.n < 1u + try)
                return SH_NONE;
        bool good = t.kind == SH_STRING && parse(t.s->s, t.s->len, &v);
        if (try) {
                *ret = sh_bool(good);
                int st = sh_ref_set(sh, a.v[a.n - 1], good ? v : from_u64(0, false));
                sh_drop(v);
                return st;
        }
        *ret = v;
        return good ? SH_OK
                    : sh_throw_member(sh, a, "System.FormatException", "The value could not be parsed.");
}
/* D and R as they are, N with thousands, X as two's complement. */
static bool big_format(struct sh *sh, struct sv self, const char *f, size_t n, struct sh_buf *out)
{
        struct sh_buf b = { 0 };
        int digits = n > 1 ? atoi(f + 1) : -1;
        big_text(sh, self, &b);
        char c = (char)(f[0] | 32);
        bool minus = b.p[0] == '-';
        if (c == 'n') {
                sh_buf_put(out, b.p, minus);
                for (size_t i = minus; i < b.n; i++) {
                        sh_buf_put(out, b.p + i, 1);
                        if ((b.n - i - 1) % 3 == 0 && i + 1 < b.n)
                                sh_buf_puts(out, ",");
                }
                for (int i = 0, k = digits < 0 ? 2 : digits; i < k; i++)
                        sh_buf_puts(out, i ? "0" : ".0");
        } else if (c == 'd' || c == 'g' || c == 'r') {
                sh_buf_put(out, b.p, minus);
                for (int i = (int)(b.n - minus); i < digits && c == 'd'; i++)
                        sh_buf_puts(out, "0");
                sh_buf_put(out, b.p + minus, b.n - minus);
        } else if (c == 'x' && !minus) {
                struct big *x = big_of(self);
                struct sh_buf hex = { 0 };
                sh_buf_puts(&hex, "0");
                for (uint32_t i = x->n; i-- > 0;)
                        sh_buf_putf(&hex,
                                    i + 1 == x->n ? (f[0] == 'x' ? "%x" : "%X")
                                    : f[0] == 'x' ? "%08x"
                                                  : "%08X",
                                    x->v[i]);
                bool keep = hex.n < 2 || hex.p[1] > '7'; /* the sign's zero */
                sh_buf_put(out, hex.p + !keep, hex.n - !keep);
                sh_buf_free(&hex);
        } else {
                sh_buf_free(&b);
                return false;
        }
        sh_buf_free(&b);
        return true;
}
static int big_to_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv f = sh_args_at(a, 0);
        int st = SH_OK;
        if (f.kind == SH_STRING && f.s->len)
                st = sh_format_value(sh, self, f.s->s, f.s->len, &b);
        else
                big_text(sh, self, &b);
        *ret = st == SH_OK ? sh_buf_take(&b) : SH_NIL;
        sh_buf_free(&b);
        return st;
}
static int big_compare(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        struct sv y;
        if (!sh_try_convert(sh, b, &big_type, &y))
                return SH_NONE;
        *ret = compare(big_of(a), big_of(y));
        sh_drop(y);
        return SH_OK;
}
static int big_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int c;
        if (a.n != 1 || big_compare(sh, self, a.v[0], &c) != SH_OK)
                return SH_NONE;
        *ret = sh_int(c);
        return SH_OK;
}
static bool big_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && b.o->type == &big_type && compare(big_of(a), big_of(b)) == 0;
}
static uint32_t big_hash(struct sv v)
{
        uint32_t h = big_of(v)->negative;
        for (uint32_t i = 0; i < big_of(v)->n; i++)
                h = h * 31 + big_of(v)->v[i];
        return h;
}
static void big_free(struct sh_obj *o)
{
        free(((struct big *)o)->v);
}
static int big_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n == 0) {
                *ret = from_u64(0, false);
                return SH_OK;
        }
        return a.n == 1 && sh_args_at(a, 0).kind != SH_STRING ? big_convert(sh, t, a.v[0], ret) : SH_NONE;
}
#define TWO(name, what) SH_SM(name, "static bigint " name "(bigint left, bigint right)", big_two, what)
#define CONSTANT(name, i) SH_SP(name, "static bigint " name " {get;}", big_constant, i)
static const struct sh_member big_members[] = {
        SH_P("IsPowerOfTwo", "bool IsPowerOfTwo {get;}", big_get, 'p'),
        SH_P("IsZero", "bool IsZero {get;}", big_get, 'z'),
        SH_P("IsOne", "bool IsOne {get;}", big_get, '1'),
        SH_P("IsEven", "bool IsEven {get;}", big_get, 'e'),
        SH_P("Sign", "int Sign {get;}", big_get, 's'),
        SH_M("CompareTo", "int CompareTo(bigint other)", big_compare_to),
        SH_M("ToString", "string ToString(), string ToString(string format)", big_to_string),
        CONSTANT("Zero", 0),
        CONSTANT("One", 1),
        CONSTANT("MinusOne", -1),
        TWO("Add", '+'),
        TWO("Subtract", '-'),
        TWO("Multiply", '*'),
        TWO("Divide", '/'),
        TWO("Remainder", '%'),
        TWO("Pow", '^'),
        TWO("Max", 'M'),
        TWO("Min", 'm'),
        TWO("GreatestCommonDivisor", 'g'),
        TWO("op_Addition", '+'),
        TWO("op_Subtraction", '-'),
        TWO("op_Multiply", '*'),
        TWO("op_Division", '/'),
        TWO("op_Modulus", '%'),
        SH_SM("Compare", "static int Compare(bigint left, bigint right)", big_two, 'c'),
        SH_SM("Abs", "static bigint Abs(bigint value)", big_one, 'a'),
        SH_SM("Negate", "static bigint Negate(bigint value)", big_one, 'n'),
        SH_SM("Log", "static double Log(bigint value)", big_one, 'l'),
        SH_SM("Log10", "static double Log10(bigint value)", big_one, 'L'),
        SH_SM("ModPow", "static bigint ModPow(bigint value, bigint exponent, bigint modulus)", big_modpow),
        SH_SM("Parse", "static bigint Parse(string value)", big_parse, 0),
        SH_SM("TryParse", "static bool TryParse(string value, [ref] bigint result)", big_parse, 1),
};
static const char *const comparable[] = { "System.IComparable", "System.IFormattable", NULL };
static const struct sh_type big_type = { .name = "System.Numerics.BigInteger",
                                         .accelerator = "bigint",
                                         .base = &sh_type_valuetype,
                                         SH_MEMBERS(big_members),
                                         .text = big_text,
                                         .format = big_format,
                                         .compare = big_compare,
                                         .equals = big_equals,
                                         .hash = big_hash,
                                         .convert = big_convert,
                                         .construct = big_construct,
                                         .free = big_free,
                                         .interfaces = comparable };

SH_TYPES(bigint, &big_type);
