/* SPDX-License-Identifier: MIT
 *
 * Text in cells: how wide it is on a screen, cutting, filling, wrapping, and what a value looks like in one.
 *
 * Widths are terminal columns by utf8proc; colour sequences (ESC [ ... m) count nothing; a byte that is no UTF-8 and a
 * control character count one.
 */
#include "shell/format.h"
#include "shell/text.h"

#include <utf8proc.h>

#define ELLIPSIS "\xE2\x80\xA6"

/* Length of a colour sequence at s, or 0. */
static size_t sgr(const char *s, size_t n)
{
        if (n < 3 || s[0] != '\x1b' || s[1] != '[')
                return 0;
        size_t i = 2;
        while (i < n && i < 64 && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';' || s[i] == ':'))
                i++;
        return i < n && s[i] == 'm' ? i + 1 : 0;
}

static int cp_cells(uint32_t cp)
{
        if (cp < 0x7f || cp >= 0x110000)
                return 1;
        if (cp == 0xad)
                return 1;
        int w = utf8proc_charwidth((utf8proc_int32_t)cp);
        return w < 0 || (w == 0 && cp < 0xa0) ? 1 : w;
}

/* The next unit of text: its bytes and cells. */
static size_t step(const char *s, size_t n, int *ret_cells)
{
        unsigned len;
        size_t esc = *s == '\x1b' ? sgr(s, n) : 0;
        if (esc) {
                *ret_cells = 0;
                return esc;
        }
        *ret_cells = cp_cells(sh_utf_next(s, n, &len));
        return len;
}

int sh_cells(const char *s, size_t n)
{
        int64_t sum = 0;
        int w;
        for (size_t i = 0; i < n; sum += w)
                i += step(s + i, n - i, &w);
        return sum > INT32_MAX / 2 ? INT32_MAX / 2 : (int)sum;
}

size_t sh_cells_head(const char *s, size_t n, int cells)
{
        size_t i = 0;
        int sum = 0, w;
        while (i < n) {
                size_t len = step(s + i, n - i, &w);
                if (sum + w > cells)
                        break;
                sum += w;
                i += len;
        }
        return i;
}

size_t sh_cells_tail(const char *s, size_t n, int cells)
{
        int excess = sh_cells(s, n) - cells, w;
        size_t i = 0;
        while (i < n && excess > 0) {
                i += step(s + i, n - i, &w);
                excess -= w;
        }
        return i;
}

void sh_buf_harmless(struct sh_buf *b, const char *s, size_t n)
{
        size_t from = 0;
        for (size_t i = 0; i < n;) {
                unsigned len;
                unsigned char c = (unsigned char)s[i];
                size_t esc = c == 0x1b ? sgr(s + i, n - i) : 0;
                if (esc) {
                        i += esc;
                        continue;
                }
                if (c >= 0x20 && c < 0x7f) {
                        i++;
                        continue;
                }
                if (c == '\n' || c == '\t' || (c == '\r' && i + 1 < n && s[i + 1] == '\n')) {
                        i++;
                        continue;
                }
                uint32_t cp = sh_utf_next(s + i, n - i, &len);
                bool bad = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp >= 0x110000;
                if (bad) {
                        sh_buf_put(b, s + from, i - from);
                        sh_buf_cp(b, cp < 0x20 ? 0x2400 + cp : cp == 0x7f ? 0x2421 : 0xfffd);
                        from = i + len;
                }
                i += len;
        }
        sh_buf_put(b, s + from, n - from);
}

/* ---- fields ---- */
static void spaces(struct sh_buf *b, int n)
{
        static const char blank[] = "                                ";
        for (; n > 0; n -= 32)
                sh_buf_put(b, blank, n < 32 ? (size_t)n : 32);
}

/* A cut text that switched a colour on switches it off. */
static void put_cut(struct sh_buf *b, const char *s, size_t n)
{
        sh_buf_put(b, s, n);
        if (n && memchr(s, '\x1b', n) && !(n >= 4 && memcmp(s + n - 4, "\x1b[0m", 4) == 0))
                sh_buf_puts(b, "\x1b[0m");
}

static void cut(struct sh_buf *b, const char *s, size_t n, int width, uint8_t align)
{
        bool right = align == SH_ALIGN_RIGHT;
        int keep = width > 1 ? width - 1 : width;
        int got;
        if (right) {
                size_t from = sh_cells_tail(s, n, keep);
                got = sh_cells(s + from, n - from) + (width > 1);
                spaces(b, width - got);
                if (width > 1)
                        sh_buf_puts(b, ELLIPSIS);
                sh_buf_put(b, s + from, n - from);
                return;
        }
        size_t len = sh_cells_head(s, n, keep);
        got = sh_cells(s, len) + (width > 1);
        put_cut(b, s, len);
        if (width > 1)
                sh_buf_puts(b, ELLIPSIS);
        if (got < width && align != SH_ALIGN_NONE)
                spaces(b, width - got);
}

void sh_buf_field(struct sh_buf *b, const char *s, size_t n, int width, uint8_t align, bool pad)
{
        int have = sh_cells(s, n), fill = width - have, left = 0;
        if (fill < 0) {
                cut(b, s, n, width, pad && align == SH_ALIGN_NONE ? SH_ALIGN_LEFT : align);
                return;
        }
        if (align == SH_ALIGN_RIGHT)
                left = fill;
        else if (align == SH_ALIGN_CENTER)
                left = fill / 2;
        spaces(b, left);
        sh_buf_put(b, s, n);
        if (pad)
                spaces(b, fill - left);
}

/* ---- wrapping ---- */
struct wrapping {
        struct sh_buf line;
        int width, left;
        void (*each)(void *, const char *, size_t);
        void *state;
};

static void wrap_flush(struct wrapping *w)
{
        w->each(w->state, w->line.n ? w->line.p : "", w->line.n);
        w->line.n = 0;
        w->left = w->width;
}

/* A word longer than a line is broken anywhere. */
static void wrap_long(struct wrapping *w, const char *s, size_t n)
{
        int cells;
        for (size_t i = 0; i < n;) {
                size_t len = step(s + i, n - i, &cells);
                bool never = cells > w->width;
                if (never)
                        cells = 1;
                if (cells > w->left)
                        wrap_flush(w);
                sh_buf_put(&w->line, never ? "?" : s + i, never ? 1 : len);
                w->left -= cells;
                i += len;
        }
}

static void wrap_word(struct wrapping *w, const char *s, size_t n)
{
        int cells = sh_cells(s, n);
        if (cells > w->width) {
                wrap_long(w, s, n);
                return;
        }
        if (cells > w->left)
                wrap_flush(w);
        sh_buf_put(&w->line, s, n);
        w->left -= cells;
}

static void wrap_one(struct wrapping *w, const char *s, size_t n)
{
        while (n && s[n - 1] == '\r')
                n--;
        if (w->width <= 0 || sh_cells(s, n) <= w->width) {
                w->each(w->state, s, n);
                return;
        }
        w->left = w->width;
        size_t from = 0;
        for (size_t i = 0; i < n; i++) {
                if (s[i] != ' ' && s[i] != '\t')
                        continue;
                wrap_word(w, s + from, i + 1 - from);
                from = i + 1;
        }
        wrap_word(w, s + from, n - from);
        wrap_flush(w);
}

void sh_wrap_lines(const char *s, size_t n, int width, void (*each)(void *, const char *, size_t), void *state)
{
        struct wrapping w = { .width = width, .each = each, .state = state };
        for (;;) {
                const char *nl = n ? memchr(s, '\n', n) : NULL;
                size_t len = nl ? (size_t)(nl - s) : n;
                wrap_one(&w, s, len);
                if (!nl)
                        break;
                s += len + 1;
                n -= len + 1;
        }
        sh_buf_free(&w.line);
}

/* ---- values ---- */
int sh_enumeration_limit(struct sh *sh)
{
        struct sv v;
        int64_t n = 4;
        if (!sh_var_get(sh, "FormatEnumerationLimit", &v))
                return 4;
        if (!sh_to_int64(sh, v, &n) || n < -1 || n > INT32_MAX)
                n = 4;
        sh_drop(v);
        return (int)n;
}

static bool name_each(void *state, const char *name, size_t n, int kind)
{
        static const char *const patterns[] = { "name", "id", "key", "*key", "*name", "*id" };
        struct {
                int rank;
                struct sv name;
        } *best = state;
        (void)kind;
        for (int i = 0; i < best->rank; i++)
                if (sh_wildcard(patterns[i], strlen(patterns[i]), name, n, false)) {
                        sh_drop(best->name);
                        best->name = sh_string(name, n);
                        best->rank = i;
                }
        return best->rank > 0;
}

/* An item of a collection: its text, or for objects without a text of their own their name. */
static void item_text(struct sh *sh, struct sh_buf *b, struct sv v)
{
        if (sh_is_null(v)) {
                sh_buf_puts(b, "$null");
                return;
        }
        if (v.kind == SH_MODEL) {
                struct {
                        int rank;
                        struct sv name;
                } best = { 6, SH_NIL };
                struct sv got;
                sh_properties(sh, v, name_each, &best);
                if (best.name.kind == SH_STRING &&
                    sh_get(sh, v, best.name.s->s, best.name.s->len, &got) == SH_OK) {
                        sh_buf_value(sh, b, got);
                        sh_drop(got);
                        sh_drop(best.name);
                        return;
                }
                sh_drop(best.name);
        }
        sh_buf_value(sh, b, v);
}

static bool hash_item(struct sh_hash *h, size_t *pos, struct sv *ret_key, struct sv *ret_value)
{
        return *pos < UINT32_MAX && sh_hash_at(h, (uint32_t)(*pos)++, ret_key, ret_value);
}

static void items_text(struct sh *sh, struct sh_buf *b, struct sv v, int limit)
{
        size_t pos = 0;
        struct sv item, value;
        bool hash = v.kind == SH_HASH, pairs = hash && sh_hash_value_type(v.h);
        sh_buf_put(b, "{", 1);
        for (int i = 0;; i++) {
                if (hash ? !hash_item(v.h, &pos, &item, &value) : !sh_next(v, &pos, &item))
                        break;
                if (i == limit) {
                        sh_buf_puts(b, ELLIPSIS);
                        if (!hash)
                                sh_drop(item);
                        break;
                }
                if (i)
                        sh_buf_puts(b, ", ");
                if (pairs)
                        sh_buf_put(b, "[", 1);
                item_text(sh, b, item);
                if (pairs) {
                        sh_buf_puts(b, ", ");
                        sh_buf_value(sh, b, value);
                        sh_buf_put(b, "]", 1);
                }
                if (!hash)
                        sh_drop(item);
        }
        sh_buf_put(b, "}", 1);
}

void sh_cell_text(struct sh *sh, struct sh_buf *b, struct sv v, int limit, bool table)
{
        struct sv base = sh_unwrap(v);
        if (sh_is_null(base))
                return;
        if (base.kind == SH_HASH || sh_is_enumerable(base)) {
                items_text(sh, b, base, limit);
                return;
        }
        /* Since 7.3 reals in tables have the culture's decimals. */
        if (table && (base.kind == SH_DOUBLE || base.kind == SH_SINGLE || base.kind == SH_DECIMAL) &&
            sh_format_number(sh, base, "F2", 2, b) == SH_OK)
                return;
        sh_buf_value(sh, b, v);
}
