/* SPDX-License-Identifier: MIT
 *
 * UTF-8, UTF-16 positions, case and order. ASCII takes the short way everywhere.
 */
#include "shell/text.h"

#include <stdlib.h>
#include <utf8proc.h>

/* ---- UTF-8 ---- */
uint32_t sh_utf_next(const char *s, size_t n, unsigned *ret_len)
{
        const unsigned char *p = (const unsigned char *)s;
        *ret_len = 1;
        if (p[0] < 0x80)
                return p[0];
        unsigned len = p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : p[0] >= 0xE0 ? 3 : 2;
        if (p[0] < 0xC2 || p[0] > 0xF4 || len > n)
                return 0x110000 + p[0];
        uint32_t cp = p[0] & (0x7F >> len);
        for (unsigned i = 1; i < len; i++) {
                if ((p[i] & 0xC0) != 0x80)
                        return 0x110000 + p[0];
                cp = cp << 6 | (p[i] & 0x3F);
        }
        if (cp < (len == 4 ? 0x10000u : len == 3 ? 0x800u : 0x80u) || cp > 0x10FFFF)
                return 0x110000 + p[0];
        *ret_len = len;
        return cp;
}

size_t sh_utf_put(char out[4], uint32_t cp)
{
        if (cp >= 0x110000)
                return out[0] = (char)(cp - 0x110000), 1;
        if (cp < 0x80)
                return out[0] = (char)cp, 1;
        if (cp < 0x800) {
                out[0] = (char)(0xC0 | cp >> 6);
                out[1] = (char)(0x80 | (cp & 0x3F));
                return 2;
        }
        if (cp < 0x10000) {
                out[0] = (char)(0xE0 | cp >> 12);
                out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
                out[2] = (char)(0x80 | (cp & 0x3F));
                return 3;
        }
        out[0] = (char)(0xF0 | cp >> 18);
        out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
        out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[3] = (char)(0x80 | (cp & 0x3F));
        return 4;
}

/* A low surrogate after a high one, each written in three bytes, becomes the one code point they mean. */
void sh_buf_cp(struct sh_buf *b, uint32_t cp)
{
        char out[4];
        unsigned len;
        if (cp >= 0xDC00 && cp <= 0xDFFF && b->n >= 3) {
                uint32_t high = sh_utf_next(b->p + b->n - 3, 3, &len);
                if (len == 3 && high >= 0xD800 && high <= 0xDBFF) {
                        b->n -= 3;
                        cp = 0x10000 + ((high - 0xD800) << 10) + (cp - 0xDC00);
                }
        }
        sh_buf_put(b, out, sh_utf_put(out, cp));
}

uint32_t sh_utf_units(const char *s, size_t n)
{
        uint32_t units = 0;
        size_t i = 0;
        for (uint64_t w[4]; i + sizeof w <= n; i += sizeof w, units += sizeof w) { /* most text is ASCII */
                memcpy(w, s + i, sizeof w);
                if ((w[0] | w[1] | w[2] | w[3]) & UINT64_C(0x8080808080808080))
                        break;
        }
        for (uint64_t eight; i + 8 <= n; i += 8, units += 8) {
                memcpy(&eight, s + i, 8);
                if (eight & UINT64_C(0x8080808080808080))
                        break;
        }
        while (i < n) {
                if ((unsigned char)s[i] < 0x80) {
                        i++;
                        units++;
                        continue;
                }
                unsigned len;
                uint32_t cp = sh_utf_next(s + i, n - i, &len);
                units += cp >= 0x10000 && cp < 0x110000 ? 2 : 1;
                i += len;
        }
        return units;
}

size_t sh_unit_offset(const struct sh_str *s, uint32_t unit)
{
        if (sh_is_ascii(s))
                return unit < s->len ? unit : s->len;
        size_t i = 0;
        uint32_t u = 0;
        while (i < s->len && u < unit) {
                unsigned len;
                uint32_t cp = sh_utf_next(s->s + i, s->len - i, &len);
                u += cp >= 0x10000 && cp < 0x110000 ? 2 : 1;
                i += len;
        }
        return i;
}

uint32_t sh_offset_unit(const struct sh_str *s, size_t offset)
{
        return sh_is_ascii(s) ? (uint32_t)offset : sh_utf_units(s->s, offset);
}

uint16_t sh_unit_at(const struct sh_str *s, uint32_t unit)
{
        if (sh_is_ascii(s))
                return (unsigned char)s->s[unit];
        size_t i = 0;
        for (uint32_t u = 0; i < s->len;) {
                unsigned len;
                uint32_t cp = sh_utf_next(s->s + i, s->len - i, &len);
                bool pair = cp >= 0x10000 && cp < 0x110000;
                if (pair && unit == u + 1)
                        return (uint16_t)(0xDC00 + ((cp - 0x10000) & 0x3FF));
                if (unit == u)
                        return pair             ? (uint16_t)(0xD800 + ((cp - 0x10000) >> 10))
                               : cp >= 0x110000 ? 0xFFFD
                                                : (uint16_t)cp;
                u += pair ? 2 : 1;
                i += len;
        }
        return 0;
}

struct sv sh_substring(const struct sh_str *s, uint32_t unit, uint32_t count)
{
        size_t a = sh_unit_offset(s, unit), b = sh_unit_offset(s, unit + count);
        return sh_string(s->s + a, b - a);
}

/* ---- case ---- */
uint32_t sh_fold(uint32_t cp)
{
        if (cp < 0x80)
                return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
        return cp >= 0x110000 ? cp : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

struct sv sh_text_case(const char *s, size_t n, bool upper)
{
        struct sh_buf b = { 0 };
        for (size_t i = 0; i < n;) {
                unsigned len;
                uint32_t cp = sh_utf_next(s + i, n - i, &len);
                if (cp < 0x80)
                        cp = upper && cp >= 'a' && cp <= 'z'    ? cp - 32
                             : !upper && cp >= 'A' && cp <= 'Z' ? cp + 32
                                                                : cp;
                else if (cp < 0x110000 && cp != 0xDF)
                        cp = (uint32_t)(upper ? utf8proc_toupper((int32_t)cp)
                                              : utf8proc_tolower((int32_t)cp));
                sh_buf_cp(&b, cp);
                i += len;
        }
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}

bool sh_text_same(const char *a, size_t na, const char *b, size_t nb)
{
        size_t i = 0, j = 0;
        while (i < na && j < nb) {
                unsigned char x = (unsigned char)a[i], y = (unsigned char)b[j];
                if (x < 0x80 && y < 0x80) {
                        if (x != y && ((x ^ y) != 0x20 || (unsigned)((x | 0x20) - 'a') > 25))
                                return false;
                        i++, j++;
                        continue;
                }
                unsigned lx, ly;
                if (sh_fold(sh_utf_next(a + i, na - i, &lx)) != sh_fold(sh_utf_next(b + j, nb - j, &ly)))
                        return false;
                i += lx, j += ly;
        }
        return i == na && j == nb;
}

bool sh_text_equal(const struct sh_str *a, const struct sh_str *b, bool ignore_case)
{
        if (a->len == b->len && !memcmp(a->s, b->s, a->len))
                return true;
        return ignore_case && sh_text_same(a->s, a->len, b->s, b->len);
}

uint32_t sh_text_hash(const char *s, size_t n)
{
        uint32_t h = 2166136261u;
        for (size_t i = 0; i < n;) {
                unsigned len = 1;
                uint32_t cp =
                        (unsigned char)s[i] < 0x80 ? (unsigned char)s[i] : sh_utf_next(s + i, n - i, &len);
                h = (h ^ sh_fold(cp)) * 16777619u;
                i += len;
        }
        return h;
}

static bool starts(const char *s, size_t n, const char *needle, size_t nn, bool ignore_case)
{
        if (!ignore_case)
                return n >= nn && !memcmp(s, needle, nn);
        size_t i = 0, j = 0;
        while (j < nn) {
                unsigned lx, ly;
                if (i >= n ||
                    sh_fold(sh_utf_next(s + i, n - i, &lx)) != sh_fold(sh_utf_next(needle + j, nn - j, &ly)))
                        return false;
                i += lx, j += ly;
        }
        return true;
}

size_t sh_text_find(const char *s, size_t n, const char *needle, size_t nn, size_t from, bool ignore_case)
{
        if (!ignore_case && nn) {
                const char *p = from <= n ? memmem(s + from, n - from, needle, nn) : NULL;
                return p ? (size_t)(p - s) : SIZE_MAX;
        }
        for (size_t i = from; i <= n; i++)
                if (starts(s + i, n - i, needle, nn, ignore_case))
                        return i;
        return SIZE_MAX;
}

size_t sh_text_find_last(const char *s, size_t n, const char *needle, size_t nn, bool ignore_case)
{
        for (size_t i = n + 1; i-- > 0;)
                if (starts(s + i, n - i, needle, nn, ignore_case))
                        return i;
        return SIZE_MAX;
}

/* ---- kinds of characters ---- */
static utf8proc_category_t category(uint32_t cp)
{
        return cp >= 0x110000 ? UTF8PROC_CATEGORY_CN : utf8proc_category((int32_t)cp);
}

bool sh_cp_space(uint32_t cp)
{
        if (cp < 0x80)
                return cp == ' ' || (cp >= 9 && cp <= 13);
        if (cp == 0x85)
                return true;
        utf8proc_category_t c = category(cp);
        return c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP;
}

bool sh_cp_letter(uint32_t cp)
{
        utf8proc_category_t c = category(cp);
        return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

bool sh_cp_digit(uint32_t cp)
{
        return category(cp) == UTF8PROC_CATEGORY_ND;
}

bool sh_cp_upper(uint32_t cp)
{
        return category(cp) == UTF8PROC_CATEGORY_LU;
}

bool sh_cp_lower(uint32_t cp)
{
        return category(cp) == UTF8PROC_CATEGORY_LL;
}

bool sh_cp_punctuation(uint32_t cp)
{
        utf8proc_category_t c = category(cp);
        return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO;
}

/* ---- order ----
 * The invariant culture's collation: three keys, each looked at only when those before it are equal: which characters
 * (punctuation, symbols, digits, letters without case and marks), which marks, which case (small first). */
static uint32_t primary(uint32_t cp)
{
        static const char order[] = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
        static uint8_t rank[128];
        if (!rank['z']) {
                for (unsigned i = 0; order[i]; i++)
                        rank[(unsigned char)order[i]] = (uint8_t)(i + 10);
                for (unsigned i = 0; i < 10; i++)
                        rank['0' + i] = (uint8_t)(60 + i);
                for (unsigned i = 0; i < 26; i++)
                        rank['a' + i] = (uint8_t)(80 + i);
                for (unsigned i = 0; i < 5; i++)
                        rank[9 + i] = (uint8_t)(1 + i);
                rank[' '] = 9;
        }
        cp = sh_fold(cp);
        return cp < 128 ? rank[cp] : cp + 200;
}

struct collator {
        const char *s;
        size_t n;
        int32_t parts[16];
        int nparts, at;
};

/* The next base character: what it is made of without its marks, which are summed into *marks. False at the end. */
static bool base_char(struct collator *c, uint32_t *ret, uint32_t *marks)
{
        for (;;) {
                if (c->at < c->nparts) {
                        uint32_t cp = (uint32_t)c->parts[c->at++];
                        if (category(cp) == UTF8PROC_CATEGORY_MN) {
                                *marks = *marks * 31 + cp;
                                continue;
                        }
                        *ret = cp;
                        return true;
                }
                if (!c->n)
                        return false;
                unsigned len;
                uint32_t cp = sh_utf_next(c->s, c->n, &len);
                c->s += len;
                c->n -= len;
                if (cp == 0)
                        continue;
                if (cp < 0x80 || cp >= 0x110000) {
                        *ret = cp;
                        return true;
                }
                int boundclass = 0;
                c->nparts = (int)utf8proc_decompose_char((int32_t)cp, c->parts, 16, UTF8PROC_DECOMPOSE,
                                                         &boundclass);
                c->at = 0;
                if (c->nparts <= 0 || c->nparts > 16) {
                        c->nparts = 0;
                        *ret = cp;
                        return true;
                }
        }
}

static bool is_capital(uint32_t cp)
{
        return cp < 0x80 ? cp >= 'A' && cp <= 'Z' : sh_fold(cp) != cp;
}

int sh_text_compare(const char *a, size_t na, const char *b, size_t nb, bool ignore_case)
{
        struct collator x = { .s = a, .n = na }, y = { .s = b, .n = nb };
        uint32_t cx = 0, cy = 0, mx = 0, my = 0;
        int by_marks = 0, by_case = 0;
        for (;;) {
                bool more_x = base_char(&x, &cx, &mx), more_y = base_char(&y, &cy, &my);
                if (!by_marks && mx != my)
                        by_marks = mx < my ? -1 : 1;
                if (!more_x || !more_y) {
                        if (more_x != more_y)
                                return more_x ? 1 : -1;
                        return by_marks ? by_marks : ignore_case ? 0 : by_case;
                }
                uint32_t px = primary(cx), py = primary(cy);
                if (px != py)
                        return px < py ? -1 : 1;
                if (!by_case && is_capital(cx) != is_capital(cy))
                        by_case = is_capital(cx) ? 1 : -1;
        }
}
