/* SPDX-License-Identifier: MIT
 *
 * [decimal]: a 96-bit integer, a sign and a scale of 0 to 28 digits. Sums and products are made exactly in 256 bits and
 * then rounded (half to even) until 96 bits hold them.
 */
#include "shell/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef unsigned __int128 u128;
struct wide {
        uint32_t w[8]; /* little end first */
};
#define MAX96 (((u128)1 << 96) - 1)

static u128 mantissa(struct sv d)
{
        return (u128)d.hi << 64 | d.u;
}

static int scale(struct sv d)
{
        return d.aux & 31;
}

static bool negative(struct sv d)
{
        return d.aux >> 15;
}

static struct sv make(u128 m, int sc, bool neg)
{
        return (struct sv) { .kind = SH_DECIMAL,
                             .hi = (uint32_t)(m >> 64),
                             .u = (uint64_t)m,
                             .aux = (uint16_t)(sc | (neg ? 0x8000 : 0)) };
}

static struct wide widen(u128 m)
{
        return (struct wide) { { (uint32_t)m, (uint32_t)(m >> 32), (uint32_t)(m >> 64), (uint32_t)(m >> 96) } };
}

static struct wide wide_mul(struct wide a, u128 b)
{
        struct wide r = { { 0 } }, x = widen(b);
        for (int i = 0; i < 8; i++) {
                uint64_t carry = 0;
                for (int j = 0; i + j < 8 && j < 4; j++) {
                        carry += (uint64_t)a.w[i] * x.w[j] + r.w[i + j];
                        r.w[i + j] = (uint32_t)carry;
                        carry >>= 32;
                }
                for (int k = i + 4; carry && k < 8; k++) {
                        carry += r.w[k];
                        r.w[k] = (uint32_t)carry;
                        carry >>= 32;
                }
        }
        return r;
}

static struct wide wide_add(struct wide a, struct wide b)
{
        uint64_t carry = 0;
        for (int i = 0; i < 8; i++) {
                carry += (uint64_t)a.w[i] + b.w[i];
                a.w[i] = (uint32_t)carry;
                carry >>= 32;
        }
        return a;
}

static int wide_compare(const struct wide *a, const struct wide *b)
{
        for (int i = 7; i >= 0; i--)
                if (a->w[i] != b->w[i])
                        return a->w[i] < b->w[i] ? -1 : 1;
        return 0;
}

static struct wide wide_sub(struct wide a, struct wide b)
{
        int64_t carry = 0;
        for (int i = 0; i < 8; i++) {
                carry += (int64_t)a.w[i] - b.w[i];
                a.w[i] = (uint32_t)carry;
                carry >>= 32;
        }
        return a;
}

static uint32_t wide_div10(struct wide *a)
{
        uint64_t rest = 0;
        for (int i = 7; i >= 0; i--) {
                rest = rest << 32 | a->w[i];
                a->w[i] = (uint32_t)(rest / 10);
                rest %= 10;
        }
        return (uint32_t)rest;
}

static bool fits(const struct wide *a)
{
        return !(a->w[3] | a->w[4] | a->w[5] | a->w[6] | a->w[7]);
}

/* Digits leave at the right until 96 bits and 28 places hold it. */
static bool narrow(struct wide w, int sc, bool neg, struct sv *ret)
{
        uint32_t last = 0;
        bool sticky = false, cut = false;
        while (sc > 28 || (!fits(&w) && sc > 0)) {
                sticky |= last;
                last = wide_div10(&w);
                cut = true;
                sc--;
        }
        if (!fits(&w))
                return false;
        u128 m = (u128)w.w[2] << 64 | (u128)w.w[1] << 32 | w.w[0];
        if (cut && (last > 5 || (last == 5 && (sticky || (m & 1)))))
                m++;
        if (m > MAX96) {
                if (!sc)
                        return false;
                m = (m + 5) / 10;
                sc--;
        }
        *ret = make(m, sc, neg);
        return true;
}

static u128 ten(int n)
{
        u128 r = 1;
        while (n-- > 0)
                r *= 10;
        return r;
}

static bool add(struct sv a, struct sv b, bool minus, struct sv *ret)
{
        int sc = scale(a) > scale(b) ? scale(a) : scale(b);
        struct wide x = wide_mul(widen(mantissa(a)), ten(sc - scale(a)));
        struct wide y = wide_mul(widen(mantissa(b)), ten(sc - scale(b)));
        bool na = negative(a), nb = negative(b) != minus;
        if (na == nb)
                return narrow(wide_add(x, y), sc, na, ret);
        if (wide_compare(&x, &y) >= 0)
                return narrow(wide_sub(x, y), sc, na, ret);
        return narrow(wide_sub(y, x), sc, nb, ret);
}

static bool divide(struct sv a, struct sv b, struct sv *ret)
{
        u128 x = mantissa(a), y = mantissa(b);
        int sc = scale(a) - scale(b);
        if (!y)
                return false;
        while (sc < 0) {
                if (x > MAX96 / 10)
                        return false;
                x *= 10;
                sc++;
        }
        u128 q = x / y, r = x % y;
        while (r && sc < 28 && q <= MAX96 / 10 - 1) {
                r *= 10;
                q = q * 10 + r / y;
                r %= y;
                sc++;
        }
        if (r * 2 > y || (r * 2 == y && (q & 1)))
                q++;
        *ret = make(q, sc, negative(a) != negative(b));
        return true;
}

static bool remainder_of(struct sv a, struct sv b, struct sv *ret)
{
        struct sv q, p;
        if (!mantissa(b) || !divide(a, b, &q))
                return false;
        q = sh_decimal_round(q, 0, 4);
        return sh_decimal_arith(SH_MUL, q, b, &p) && add(a, p, true, ret);
}

bool sh_decimal_arith(enum sh_op op, struct sv a, struct sv b, struct sv *ret)
{
        switch (op) {
        case SH_ADD: return add(a, b, false, ret);
        case SH_SUB: return add(a, b, true, ret);
        case SH_MUL:
                return narrow(wide_mul(widen(mantissa(a)), mantissa(b)), scale(a) + scale(b),
                              negative(a) != negative(b), ret);
        case SH_DIV: return divide(a, b, ret);
        case SH_MOD: return remainder_of(a, b, ret);
        default: return false;
        }
}

int sh_decimal_compare(struct sv a, struct sv b)
{
        int sc = scale(a) > scale(b) ? scale(a) : scale(b);
        struct wide x = wide_mul(widen(mantissa(a)), ten(sc - scale(a)));
        struct wide y = wide_mul(widen(mantissa(b)), ten(sc - scale(b)));
        bool na = negative(a) && mantissa(a), nb = negative(b) && mantissa(b);
        if (na != nb)
                return na ? -1 : 1;
        int r = wide_compare(&x, &y);
        return na ? -r : r;
}

struct sv sh_decimal_negate(struct sv d)
{
        d.aux ^= 0x8000;
        return d;
}

struct sv sh_decimal_round(struct sv d, int places, int mode)
{
        int sc = scale(d);
        if (sc <= places)
                return d;
        u128 p = ten(sc - places), m = mantissa(d), q = m / p, r = m % p;
        bool neg = negative(d);
        bool up = mode == 0   ? r * 2 > p || (r * 2 == p && (q & 1))
                  : mode == 1 ? r * 2 >= p
                  : mode == 2 ? neg && r
                  : mode == 3 ? !neg && r
                              : false;
        return make(q + up, places, neg && (q + up));
}

struct sv sh_decimal_from_uint(uint64_t u)
{
        return make(u, 0, false);
}

struct sv sh_decimal_from_int(int64_t i)
{
        return make(i < 0 ? -(u128)i & UINT64_MAX : (u128)i, 0, i < 0);
}

/* 15 significant digits, as .NET converts. */
bool sh_decimal_from_double(double d, struct sv *ret)
{
        char s[48];
        if (!(fabs(d) < 7.9228162514264338e28))
                return false;
        snprintf(s, sizeof(s), "%.15g", d);
        return sh_decimal_parse(s, strlen(s), ret);
}

double sh_decimal_to_double(struct sv d)
{
        struct sh_buf b = { 0 };
        sh_decimal_text(&b, d);
        double r = strtod(b.p, NULL);
        sh_buf_free(&b);
        return r;
}

void sh_decimal_text(struct sh_buf *b, struct sv d)
{
        char s[40];
        int n = 0, sc = scale(d);
        u128 m = mantissa(d);
        if (negative(d) && m)
                sh_buf_puts(b, "-");
        do {
                s[n++] = (char)('0' + (int)(m % 10));
                m /= 10;
        } while (m || n <= sc);
        while (n) {
                sh_buf_put(b, &s[--n], 1);
                if (n == sc && n)
                        sh_buf_puts(b, ".");
        }
}

/* [sign] digits [. digits] [e exponent] */
bool sh_decimal_parse(const char *s, size_t n, struct sv *ret)
{
        size_t i = 0;
        bool neg = false, any = false, point = false;
        if (i < n && (s[i] == '-' || s[i] == '+'))
                neg = s[i++] == '-';
        struct wide w = { { 0 } };
        int sc = 0, digits = 0;
        for (; i < n && ((s[i] >= '0' && s[i] <= '9') || (s[i] == '.' && !point) || s[i] == ','); i++) {
                if (s[i] == ',')
                        continue;
                if (s[i] == '.') {
                        point = true;
                        continue;
                }
                any = true;
                if (digits < 60) {
                        w = wide_add(wide_mul(w, 10), widen((u128)(s[i] - '0')));
                        digits += digits || s[i] != '0';
                        sc += point;
                } else if (!point) {
                        return false;
                }
        }
        if (any && i < n && (s[i] == 'e' || s[i] == 'E')) {
                char *end;
                long e = strtol(s + i + 1, &end, 10);
                i = (size_t)(end - s);
                if (e > 60 || e < -60)
                        return false;
                for (; e > 0; e--)
                        w = wide_mul(w, 10);
                sc -= (int)e;
        }
        return any && i == n && narrow(w, sc, neg, ret);
}
