/* SPDX-License-Identifier: MIT
 *
 * Numbers as text and texts as numbers. Printing follows .NET's general format: PowerShell's own text of a double has
 * 15 digits, ToString() the fewest that read back the same.
 */
#include "shell/parse.h"
#include "shell/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- printing ---- */
/* Digits without point and the exponent of the first, from "d.ddde-xx". */
static int digits_of(double d, int precision, char digits[40])
{
        char s[48];
        snprintf(s, sizeof(s), "%.*e", precision - 1, d);
        char *e = strchr(s, 'e');
        int n = 0;
        for (char *p = s; p < e; p++)
                if (*p != '.')
                        digits[n++] = *p;
        while (n > 1 && digits[n - 1] == '0')
                n--;
        digits[n] = 0;
        return atoi(e + 1);
}

static bool reads_back(double d, int precision, bool single)
{
        char s[48];
        snprintf(s, sizeof(s), "%.*e", precision - 1, d);
        return single ? strtof(s, NULL) == (float)d : strtod(s, NULL) == d;
}

static int shortest(double d, bool single)
{
        int from = single ? (d < 1.2e-38 ? 1 : 6) : (d < 2.3e-308 ? 1 : 15), to = single ? 9 : 17;
        for (int p = from; p < to; p++)
                if (reads_back(d, p, single))
                        return p;
        return to;
}

void sh_buf_double(struct sh_buf *b, double d, int precision, bool single)
{
        if (isnan(d) || isinf(d)) {
                sh_buf_puts(b, isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
                return;
        }
        if (signbit(d)) {
                sh_buf_puts(b, "-");
                d = -d;
        }
        char digits[40];
        int limit = precision ? precision : single ? 7 : 15;
        int e = digits_of(d, precision ? precision : d == 0 ? 1 : shortest(d, single), digits);
        int n = (int)strlen(digits);
        if (!precision && n > limit)
                limit = n;
        if (e >= limit || e < -4) {
                sh_buf_put(b, digits, 1);
                if (n > 1)
                        sh_buf_putf(b, ".%s", digits + 1);
                sh_buf_putf(b, "E%c%02d", e < 0 ? '-' : '+', abs(e));
                return;
        }
        if (e < 0) {
                sh_buf_putf(b, "0.%.*s%s", -e - 1, "0000", digits);
                return;
        }
        sh_buf_put(b, digits, (size_t)(n <= e ? n : e + 1));
        for (int i = n; i <= e; i++)
                sh_buf_puts(b, "0");
        if (n > e + 1)
                sh_buf_putf(b, ".%s", digits + e + 1);
}

static void put_unsigned(struct sh_buf *b, uint64_t u, bool negative)
{
        char s[24];
        size_t at = sizeof(s);
        do {
                s[--at] = (char)('0' + u % 10);
                u /= 10;
        } while (u);
        if (negative)
                s[--at] = '-';
        sh_buf_put(b, s + at, sizeof(s) - at);
}

void sh_buf_number(struct sh_buf *b, struct sv v)
{
        switch (v.kind) {
        case SH_DOUBLE: sh_buf_double(b, v.d, 15, false); break;
        case SH_SINGLE: sh_buf_double(b, v.d, 7, true); break;
        case SH_DECIMAL: sh_decimal_text(b, v); break;
        case SH_UINT64: put_unsigned(b, v.u, false); break;
        default: put_unsigned(b, v.i < 0 ? -(uint64_t)v.i : (uint64_t)v.i, v.i < 0); break;
        }
}

/* ---- reading ---- */
static void trim(const char **s, size_t *n)
{
        unsigned len;
        while (*n && sh_cp_space(sh_utf_next(*s, *n, &len)))
                *s += len, *n -= len;
        while (*n && ((*s)[*n - 1] == ' ' || ((*s)[*n - 1] >= 9 && (*s)[*n - 1] <= 13)))
                --*n;
}

/* Exactly what the language's reader takes for a number: one source of truth. */
bool sh_parse_number(const char *s, size_t n, struct sv *ret)
{
        trim(&s, &n);
        if (!n || n > 400)
                return false;
        struct parser p = { .s = s, .n = (uint32_t)n };
        uint32_t end = 0;
        *ret = SH_NIL;
        if (lx_number(&p, false, ret, &end) && end == n && p.nerrors == 0)
                return true;
        sh_drop(*ret);
        return false;
}

static bool special(const char *s, size_t n, double *ret)
{
        bool minus = n && *s == '-';
        if (n && (*s == '-' || *s == '+'))
                s++, n--;
        if (sh_text_same(s, n, "infinity", 8) || sh_text_same(s, n, "\xE2\x88\x9E", 3))
                *ret = minus ? -INFINITY : INFINITY;
        else if (sh_text_same(s, n, "nan", 3))
                *ret = NAN;
        else
                return false;
        return true;
}

bool sh_parse_double(const char *s, size_t n, bool thousands, double *ret)
{
        char small[128];
        size_t len = 0, i = 0;
        bool digits = false, point = false;
        trim(&s, &n);
        if (special(s, n, ret))
                return true;
        if (i < n && (s[i] == '-' || s[i] == '+'))
                small[len++] = s[i++];
        for (; i < n && len < 100; i++) {
                if (s[i] >= '0' && s[i] <= '9') {
                        small[len++] = s[i];
                        digits = true;
                } else if (s[i] == '.' && !point) {
                        small[len++] = s[i];
                        point = true;
                } else if (!(s[i] == ',' && thousands && digits && !point)) {
                        break;
                }
        }
        if (digits && i < n && (s[i] == 'e' || s[i] == 'E')) {
                small[len++] = s[i++];
                if (i < n && (s[i] == '-' || s[i] == '+'))
                        small[len++] = s[i++];
                if (i == n)
                        return false;
                for (; i < n && s[i] >= '0' && s[i] <= '9' && len < 120; i++)
                        small[len++] = s[i];
        }
        small[len] = 0;
        if (!digits || i < n)
                return false;
        *ret = strtod(small, NULL);
        return true;
}
