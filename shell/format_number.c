/* SPDX-License-Identifier: MIT
 *
 * .NET's numeric format strings: standard ("N2", "x8") and custom ("#,##0.00;(0)"). A number is taken apart into
 * decimal digits and the position of its point; all formats work on those. Culture: invariant.
 */
#include "shell/dotnet.h"

#include <math.h>
#include <stdio.h>

enum { DIGITS = 1600, MOST_PRECISION = 100000, MOST_EXACT = 1100, CUSTOM_PRECISION = 15 };

struct number {
        char d[DIGITS]; /* digits, NUL-ended; "" is zero */
        int scale;      /* the point is before d[scale] */
        bool negative, floating;
};

static void trim_zeros(struct number *x)
{
        size_t n = strlen(x->d);
        while (n && x->d[n - 1] == '0')
                x->d[--n] = 0;
        if (!n)
                x->scale = 0;
}

/* Leading zeros away: the scale follows. */
static void normalise(struct number *x)
{
        size_t zeros = strspn(x->d, "0");
        if (!zeros)
                return;
        memmove(x->d, x->d + zeros, strlen(x->d + zeros) + 1);
        x->scale = x->d[0] ? x->scale - (int)zeros : 0;
}

static void digits_of_u128(struct number *x, unsigned __int128 v)
{
        char t[48];
        int n = 0;
        while (v) {
                t[n++] = (char)('0' + (int)(v % 10));
                v /= 10;
        }
        for (int i = 0; i < n; i++)
                x->d[i] = t[n - 1 - i];
        x->d[n] = 0;
        x->scale = n;
}

/* "1234.5", "1.2345e+03" */
static void digits_of_text(struct number *x, const char *s)
{
        size_t n = 0;
        int point = -1, exponent = 0;
        for (; *s; s++) {
                if (*s == '.')
                        point = (int)n;
                else if (*s == 'e')
                        exponent = atoi(s + 1);
                else if (*s >= '0' && *s <= '9' && n < DIGITS - 1 && !exponent)
                        x->d[n++] = *s;
                if (*s == 'e')
                        break;
        }
        x->d[n] = 0;
        x->scale = (point < 0 ? (int)n : point) + exponent;
        normalise(x);
}

/* The fewest digits that read back as the same value. */
static void digits_shortest(struct number *x, double d, bool single)
{
        char t[64];
        int from = fabs(d) < 1e-300 ? 1 : single ? 6 : 15;
        for (int p = from; p <= 17; p++) {
                snprintf(t, sizeof(t), "%.*e", p - 1, fabs(d));
                if (single ? strtof(t, NULL) == (float)fabs(d) : strtod(t, NULL) == fabs(d))
                        break;
        }
        digits_of_text(x, t);
        trim_zeros(x);
}

static void digits_rounded(struct number *x, double d, int digits)
{
        char t[DIGITS];
        snprintf(t, sizeof(t), "%.*e", digits - 1, fabs(d));
        digits_of_text(x, t);
        trim_zeros(x);
}

static void digits_fixed(struct number *x, double d, int decimals)
{
        char t[DIGITS];
        snprintf(t, sizeof(t), "%.*f", decimals, fabs(d));
        digits_of_text(x, t);
        trim_zeros(x);
}

/* As .NET takes a number apart for a format: fmt 0 is a custom one. */
static void take_apart(struct number *x, struct sv v, char fmt, int precision)
{
        x->d[0] = 0;
        x->scale = 0;
        x->floating = v.kind == SH_DOUBLE || v.kind == SH_SINGLE;
        if (v.kind == SH_DECIMAL) {
                x->negative = v.aux >> 15;
                digits_of_u128(x, (unsigned __int128)v.hi << 64 | v.u);
                x->scale -= v.aux & 31;
        } else if (!x->floating) {
                x->negative = v.kind != SH_UINT64 && v.i < 0;
                digits_of_u128(x, x->negative ? -(uint64_t)v.i : v.u);
        } else {
                x->negative = signbit(v.d);
                if (fmt == 0)
                        digits_rounded(x, v.d, v.kind == SH_SINGLE ? 7 : CUSTOM_PRECISION);
                else if ((fmt == 'G' && precision < 1) || fmt == 'R')
                        digits_shortest(x, v.d, v.kind == SH_SINGLE);
                else if (fmt == 'G' || fmt == 'E')
                        digits_rounded(x, v.d,
                                       precision + (fmt == 'E') < MOST_EXACT ? precision + (fmt == 'E')
                                                                             : MOST_EXACT);
                else
                        digits_fixed(x, v.d,
                                     precision + (fmt == 'P') * 2 < MOST_EXACT ? precision + (fmt == 'P') * 2
                                                                               : MOST_EXACT);
        }
}

/* Keeps `pos` digits, halves away from zero. Floating numbers of standard formats were rounded when taken apart. */
static void round_at(struct number *x, int pos, bool rounded)
{
        int i = 0;
        while (i < pos && x->d[i])
                i++;
        if (i == pos && !rounded && x->d[i] >= '5') {
                while (i > 0 && x->d[i - 1] == '9')
                        i--;
                if (i > 0) {
                        x->d[i - 1]++;
                } else {
                        x->scale++;
                        x->d[0] = '1';
                        i = 1;
                }
        } else {
                while (i > 0 && x->d[i - 1] == '0')
                        i--;
        }
        x->d[i < 0 ? 0 : i] = 0;
        if (i <= 0) {
                x->scale = 0;
                if (!x->floating)
                        x->negative = false;
        }
}

/* ---- standard formats ---- */
static void put_fixed(struct sh_buf *b, const struct number *x, int decimals, bool groups)
{
        const char *d = x->d;
        int pos = x->scale;
        if (pos <= 0)
                sh_buf_puts(b, "0");
        for (int i = pos; i > 0; i--) {
                sh_buf_put(b, *d ? d++ : "0", 1);
                if (groups && i > 1 && i % 3 == 1)
                        sh_buf_puts(b, ",");
        }
        if (decimals > 0)
                sh_buf_puts(b, ".");
        for (; decimals > 0 && pos < 0; pos++, decimals--)
                sh_buf_puts(b, "0");
        for (; decimals > 0; decimals--)
                sh_buf_put(b, *d ? d++ : "0", 1);
}

static void put_exponent(struct sh_buf *b, char e, int value, int digits, bool plus)
{
        sh_buf_put(b, &e, 1);
        if (value < 0 || plus)
                sh_buf_puts(b, value < 0 ? "-" : "+");
        sh_buf_putf(b, "%0*d", digits, abs(value));
}

static void put_scientific(struct sh_buf *b, const struct number *x, int decimals, char e)
{
        const char *d = x->d;
        sh_buf_put(b, *d ? d++ : "0", 1);
        if (decimals > 0)
                sh_buf_puts(b, ".");
        for (; decimals > 0; decimals--)
                sh_buf_put(b, *d ? d++ : "0", 1);
        put_exponent(b, e, x->d[0] ? x->scale - 1 : 0, 3, true);
}

static void put_general(struct sh_buf *b, const struct number *x, int most, char e, bool never_scientific)
{
        const char *d = x->d;
        int pos = x->scale;
        bool scientific = !never_scientific && (pos > most || pos < -3);
        if (scientific)
                pos = 1;
        if (pos <= 0)
                sh_buf_puts(b, "0");
        for (int i = pos; i > 0; i--)
                sh_buf_put(b, *d ? d++ : "0", 1);
        if (*d || pos < 0) {
                sh_buf_puts(b, ".");
                for (; pos < 0; pos++)
                        sh_buf_puts(b, "0");
                sh_buf_puts(b, d);
        }
        if (scientific)
                put_exponent(b, e, x->scale - 1, 2, true);
}

static int format_general(struct sv v, struct number *x, int precision, char e, struct sh_buf *b)
{
        int most = precision;
        if (precision < 1 && v.kind == SH_DECIMAL) {
                sh_decimal_text(b, v);
                return SH_OK;
        }
        if (precision < 1)
                most = x->floating ? (v.kind == SH_SINGLE ? 7 : 15) : 20;
        if (precision < 1 && (int)strlen(x->d) > most)
                most = (int)strlen(x->d);
        if (precision >= 1)
                round_at(x, most, x->floating);
        else
                trim_zeros(x);
        if (x->negative)
                sh_buf_puts(b, "-");
        put_general(b, x, most, e, false);
        return SH_OK;
}

static unsigned bits_of(enum sh_kind k)
{
        return k == SH_SBYTE || k == SH_BYTE     ? 8
               : k == SH_INT16 || k == SH_UINT16 ? 16
               : k == SH_INT32 || k == SH_UINT32 ? 32
                                                 : 64;
}

/* D, X and B: integers only. */
static int format_integer(struct sv v, char letter, int precision, struct sh_buf *b)
{
        char t[80];
        int n = 0, base = letter == 'D' ? 10 : (letter | 32) == 'x' ? 16 : 2;
        bool negative = base == 10 && v.kind != SH_UINT64 && v.i < 0;
        unsigned bits = bits_of(v.kind);
        uint64_t u = negative ? -(uint64_t)v.i : v.u;
        if (base != 10 && bits < 64)
                u &= (1ull << bits) - 1;
        const char *digits = letter == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
        do
                t[n++] = digits[u % (unsigned)base];
        while (u /= (unsigned)base);
        if (negative)
                sh_buf_puts(b, "-");
        for (int i = n; i < precision; i++)
                sh_buf_puts(b, "0");
        while (n)
                sh_buf_put(b, &t[--n], 1);
        return SH_OK;
}

static int format_standard(struct sv v, char letter, int precision, struct sh_buf *b)
{
        struct number x;
        char fmt = letter >= 'a' ? (char)(letter - 32) : letter;
        if (fmt == 'D' || fmt == 'X' || fmt == 'B')
                return sh_is_int(v) ? format_integer(v, fmt == 'D' ? 'D' : letter, precision, b) : SH_NONE;
        if (!strchr("CEFGNPR", fmt) || (fmt == 'R' && !(v.kind == SH_DOUBLE || v.kind == SH_SINGLE)))
                return SH_NONE;
        if (fmt == 'R')
                precision = 0;
        if (precision < 0)
                precision = fmt == 'E' ? 6 : fmt == 'G' ? 0 : 2;
        take_apart(&x, v, fmt, precision);
        if (fmt == 'G' || fmt == 'R')
                return format_general(v, &x, precision, letter == 'g' ? 'e' : 'E', b);
        if (fmt == 'P' && x.d[0])
                x.scale += 2;
        round_at(&x, fmt == 'E' ? precision + 1 : x.scale + precision, x.floating);
        if (x.negative)
                sh_buf_puts(b, fmt == 'C' ? "(" : "-");
        if (fmt == 'C')
                sh_buf_puts(b, "\xC2\xA4");
        if (fmt == 'E')
                put_scientific(b, &x, precision, letter);
        else
                put_fixed(b, &x, precision, fmt != 'F');
        sh_buf_puts(b, fmt == 'P' ? " %" : fmt == 'C' && x.negative ? ")" : "");
        return SH_OK;
}

/* ---- custom formats ---- */
struct custom {
        const char *f;
        size_t n, section;
        int digits, point, first, last, thousand_at, thousands;
        bool scientific, groups;
        int shift;
};

static char at(const struct custom *c, size_t i)
{
        return i < c->n ? c->f[i] : 0;
}

/* Behind a quoted text or an escaped character that begins at i - 1. */
static size_t skip_literal(const struct custom *c, size_t i, char ch)
{
        if (ch == '\\')
                return i < c->n ? i + 1 : i;
        while (i < c->n && c->f[i++] != ch)
                ;
        return i;
}

/* Where section 1 (negative) or 2 (zero) begins; 0 when there is none. */
static size_t find_section(const struct custom *c, int section)
{
        for (size_t i = 0; section && i < c->n;) {
                char ch = c->f[i++];
                if (ch == '\'' || ch == '"' || ch == '\\')
                        i = skip_literal(c, i, ch);
                else if (ch == ';' && --section == 0)
                        return at(c, i) && at(c, i) != ';' ? i : 0;
        }
        return 0;
}

static void scan_comma(struct custom *c)
{
        if (c->digits == 0 || c->point >= 0)
                return;
        if (c->thousand_at == c->digits) {
                c->thousands++;
                return;
        }
        c->groups = c->groups || c->thousand_at >= 0;
        c->thousand_at = c->digits;
        c->thousands = 1;
}

static void scan(struct custom *c)
{
        *c = (struct custom) { .f = c->f,
                               .n = c->n,
                               .section = c->section,
                               .point = -1,
                               .first = 0x7FFFFFFF,
                               .thousand_at = -1 };
        for (size_t i = c->section; at(c, i) && at(c, i) != ';';) {
                char ch = c->f[i++];
                switch (ch) {
                case '#': c->digits++; break;
                case '0':
                        if (c->first == 0x7FFFFFFF)
                                c->first = c->digits;
                        c->last = ++c->digits;
                        break;
                case '.':
                        if (c->point < 0)
                                c->point = c->digits;
                        break;
                case ',': scan_comma(c); break;
                case '%': c->shift += 2; break;
                case '\xE2':
                        if (at(c, i) == '\x80' && at(c, i + 1) == '\xB0')
                                c->shift += 3;
                        break;
                case '\'':
                case '"':
                case '\\': i = skip_literal(c, i, ch); break;
                case 'E':
                case 'e':
                        if (at(c, i) == '0' ||
                            ((at(c, i) == '+' || at(c, i) == '-') && at(c, i + 1) == '0')) {
                                while (at(c, ++i) == '0')
                                        ;
                                c->scientific = true;
                        }
                        break;
                default: break;
                }
        }
        if (c->point < 0)
                c->point = c->digits;
        if (c->thousand_at >= 0 && c->thousand_at == c->point)
                c->shift -= c->thousands * 3;
        else if (c->thousand_at >= 0)
                c->groups = true;
}

struct writing {
        const struct custom *c;
        const struct number *x;
        struct sh_buf *b;
        const char *d;
        int pos, adjust, first, last;
        bool scientific, point_written;
};

static void put_digit(struct writing *w, char ch)
{
        if (ch) {
                sh_buf_put(w->b, &ch, 1);
                if (w->c->groups && w->pos > 1 && w->pos % 3 == 1)
                        sh_buf_puts(w->b, ",");
        }
        w->pos--;
}

static void put_place(struct writing *w)
{
        char ch;
        if (w->adjust < 0) {
                w->adjust++;
                ch = w->pos <= w->first ? '0' : 0;
        } else {
                ch = *w->d ? *w->d++ : w->pos > w->last ? '0' : 0;
        }
        put_digit(w, ch);
}

/* At an E, i is behind it. */
static size_t put_e(struct writing *w, size_t i, char e)
{
        const struct custom *c = w->c;
        bool sign = at(c, i) == '+' || at(c, i) == '-';
        if (!w->scientific || at(c, i + sign) != '0') {
                sh_buf_put(w->b, &e, 1);
                if (!w->scientific && sign)
                        sh_buf_put(w->b, c->f + i++, 1);
                while (!w->scientific && at(c, i) == '0')
                        sh_buf_put(w->b, c->f + i++, 1);
                return i;
        }
        bool plus = at(c, i) == '+';
        int digits = 0;
        for (i += sign; at(c, i) == '0'; i++)
                digits++;
        put_exponent(w->b, e, w->x->d[0] ? w->x->scale - c->point : 0, digits < 10 ? digits : 10, plus);
        w->scientific = false;
        return i;
}

static void put_custom(struct writing *w)
{
        const struct custom *c = w->c;
        for (size_t i = c->section; at(c, i) && at(c, i) != ';';) {
                char ch = c->f[i++];
                if (ch == '#' || ch == '0' || ch == '.')
                        for (; w->adjust > 0; w->adjust--)
                                put_digit(w, *w->d ? *w->d++ : '0');
                switch (ch) {
                case '#':
                case '0': put_place(w); break;
                case '.':
                        if (w->pos != 0 || w->point_written)
                                break;
                        if (w->last < 0 || (c->point < c->digits && *w->d)) {
                                sh_buf_puts(w->b, ".");
                                w->point_written = true;
                        }
                        break;
                case ',': break;
                case '\'':
                case '"':
                case '\\': {
                        size_t end = skip_literal(c, i, ch), stop = end;
                        if (ch != '\\' && stop > i && c->f[stop - 1] == ch)
                                stop--;
                        sh_buf_put(w->b, c->f + i, stop - i);
                        i = end;
                        break;
                }
                case 'E':
                case 'e': i = put_e(w, i, ch); break;
                default: sh_buf_put(w->b, &ch, 1);
                }
        }
}

static void format_custom(struct sv v, const char *f, size_t n, struct sh_buf *b)
{
        struct number x;
        struct custom c = { .f = f, .n = n };
        take_apart(&x, v, 0, 0);
        trim_zeros(&x);
        c.section = find_section(&c, !x.d[0] ? 2 : x.negative ? 1 : 0);
        for (;;) {
                scan(&c);
                if (!x.d[0]) {
                        x.negative = x.negative && x.floating;
                        x.scale = 0;
                        break;
                }
                x.scale += c.shift;
                round_at(&x, c.scientific ? c.digits : x.scale + c.digits - c.point, false);
                size_t zero = x.d[0] ? c.section : find_section(&c, 2);
                if (zero == c.section)
                        break;
                c.section = zero;
        }
        struct writing w = { .c = &c, .x = &x, .b = b, .d = x.d, .scientific = c.scientific };
        w.first = c.first < c.point ? c.point - c.first : 0;
        w.last = c.last > c.point ? c.point - c.last : 0;
        w.pos = !c.scientific && x.scale > c.point ? x.scale : c.point;
        w.adjust = c.scientific ? 0 : x.scale - c.point;
        size_t start = b->n;
        put_custom(&w);
        if (x.negative && c.section == 0 && b->n > start) {
                sh_buf_puts(b, "-");
                memmove(b->p + start + 1, b->p + start, b->n - start - 1);
                b->p[start] = '-';
        }
}

int sh_format_number(struct sh *sh, struct sv v, const char *f, size_t n, struct sh_buf *b)
{
        int precision = -1;
        size_t i = 1;
        (void)sh;
        if ((v.kind == SH_DOUBLE || v.kind == SH_SINGLE) && !isfinite(v.d)) {
                sh_buf_puts(b, isnan(v.d) ? "NaN" : v.d < 0 ? "-Infinity" : "Infinity");
                return SH_OK;
        }
        if (n == 0)
                return format_standard(v, 'G', -1, b);
        if ((f[0] | 32) >= 'a' && (f[0] | 32) <= 'z') {
                for (; i < n && i < 10 && f[i] >= '0' && f[i] <= '9'; i++)
                        precision = (precision < 0 ? 0 : precision) * 10 + (f[i] - '0');
                if (i == n)
                        return precision > MOST_PRECISION ? SH_NONE : format_standard(v, f[0], precision, b);
        }
        format_custom(v, f, n, b);
        return SH_OK;
}
