/* SPDX-License-Identifier: MIT
 *
 * MOF's tokens: words, literals in all their forms, adjacent strings joined, comments skipped. A literal's text is
 * normalised: integers to decimal, strings without quotes and escapes.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/mof_int.h"

enum { MOST_ERRORS = 20 };

void *mof_get(struct rv_mof *m, size_t n)
{
        static _Alignas(16) char spare[1 << 16];
        void *p = rv_arena_get(&m->arena, n);
        if (!p) {
                m->failed = true;
                p = memset(spare, 0, n < sizeof spare ? n : sizeof spare);
        }
        return p;
}

void mof_add(struct rv_mof *m, struct mof_list *l, void *item)
{
        if (l->n == l->cap) {
                uint32_t cap = l->cap ? l->cap * 2 : 8;
                void **v = rv_arena_get(&m->arena, cap * sizeof *v);
                if (!v) {
                        m->failed = true;
                        return;
                }
                if (l->n)
                        memcpy(v, l->v, l->n * sizeof *v);
                l->v = v;
                l->cap = cap;
        }
        l->v[l->n++] = item;
}

void mof_fail(struct rv_mof *m, struct mof_place at, const char *fmt, ...)
{
        if (m->errors.n >= MOST_ERRORS)
                return;
        char text[700], what[512];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(what, sizeof what, fmt, ap);
        va_end(ap);
        snprintf(text, sizeof text, "%s:%u:%u: %s", at.file ? at.file : "MOF", at.line, at.column, what);
        char *kept = rv_arena_text(&m->arena, text, strlen(text));
        if (kept)
                mof_add(m, &m->errors, kept);
        else
                m->failed = true;
}

const char *mof_token_text(const struct mof_lexer *l, char *buf, size_t size)
{
        switch (l->token) {
        case T_END: return "the end of the file";
        case T_SYMBOL: snprintf(buf, size, "'%c'", l->symbol); break;
        case T_STRING: snprintf(buf, size, "the string \"%.40s\"", l->text); break;
        case T_PRAGMA: return "#pragma";
        case T_BAD: return "a character that MOF does not know";
        default: snprintf(buf, size, "'%.60s'", l->text);
        }
        return buf;
}

static void newline(struct mof_lexer *l)
{
        l->line++;
        l->line_start = l->p;
}

/* White space and comments. */
static void skip(struct mof_lexer *l)
{
        while (l->p < l->end) {
                char c = *l->p;
                if (c == '\n') {
                        l->p++;
                        newline(l);
                } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
                        l->p++;
                } else if (c == '/' && l->p + 1 < l->end && l->p[1] == '/') {
                        while (l->p < l->end && *l->p != '\n')
                                l->p++;
                } else if (c == '/' && l->p + 1 < l->end && l->p[1] == '*') {
                        struct mof_place at = { l->file, l->line, (unsigned)(l->p - l->line_start) + 1 };
                        for (l->p += 2;
                             l->p < l->end && !(*l->p == '*' && l->p + 1 < l->end && l->p[1] == '/');)
                                if (*l->p++ == '\n')
                                        newline(l);
                        if (l->p >= l->end)
                                mof_fail(l->mof, at, "this comment has no end: expected '*/'");
                        l->p = l->p < l->end ? l->p + 2 : l->end;
                } else if (c == '\xef' && l->end - l->p >= 3 && memcmp(l->p, "\xef\xbb\xbf", 3) == 0) {
                        l->p += 3;
                } else {
                        return;
                }
        }
}

static int hex(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static size_t put_utf8(char *to, unsigned code)
{
        if (code < 0x80)
                return to[0] = (char)code, 1;
        if (code < 0x800)
                return to[0] = (char)(0xc0 | code >> 6), to[1] = (char)(0x80 | (code & 63)), 2;
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 63));
        to[2] = (char)(0x80 | (code & 63));
        return 3;
}

/* One escape after a backslash; l->p is behind the backslash. Writes at most 3 bytes. */
static size_t escape(struct mof_lexer *l, char *to)
{
        static const char from[] = "btnfr\"'\\", is[] = "\b\t\n\f\r\"'\\";
        char c = *l->p;
        const char *f = c ? strchr(from, c) : NULL;
        if (f) {
                l->p++;
                return *to = is[f - from], 1;
        }
        if (c == 'x' || c == 'X') {
                unsigned code = 0;
                int digits = 0;
                for (l->p++; digits < 4 && l->p < l->end && hex(*l->p) >= 0; digits++)
                        code = code * 16 + (unsigned)hex(*l->p++);
                if (digits)
                        return put_utf8(to, code);
        }
        struct mof_place at = { l->file, l->line, (unsigned)(l->p - l->line_start) };
        mof_fail(l->mof, at, "unknown escape: expected one of \\b \\t \\n \\f \\r \\\" \\' \\\\ \\xNNNN");
        return 0;
}

/* The body of a quoted literal into buf (its room is the rest of the source). */
static size_t quoted(struct mof_lexer *l, char quote, char *buf)
{
        size_t n = 0;
        while (l->p < l->end && *l->p != quote) {
                char c = *l->p++;
                if (c == '\n' || c == '\0')
                        break;
                if (c == '\\' && l->p < l->end)
                        n += escape(l, buf + n);
                else
                        buf[n++] = c;
        }
        if (l->p >= l->end || *l->p != quote) {
                mof_fail(l->mof, l->at, "this %s has no end: expected %c before the end of the line",
                         quote == '"' ? "string" : "character", quote);
                if (l->p > l->line_start && l->p[-1] == '\n')
                        newline(l);
        } else {
                l->p++;
        }
        return n;
}

static void string(struct mof_lexer *l)
{
        size_t n = 0, cap = 0;
        char *text = NULL;
        while (l->p < l->end && *l->p == '"') { /* adjacent strings are one */
                const char *stop = memchr(l->p, '\n', (size_t)(l->end - l->p));
                size_t room = (size_t)((stop ? stop : l->end) - l->p) + 4;
                if (n + room > cap) {
                        cap = (n + room) * 2;
                        char *grown = mof_get(l->mof, cap);
                        if (n)
                                memcpy(grown, text, n);
                        text = grown;
                        if (l->mof->failed)
                                break;
                }
                l->p++;
                n += quoted(l, '"', text + n);
                skip(l);
        }
        text[n] = 0;
        l->token = T_STRING;
        l->text = text;
        l->len = n;
}

static void character(struct mof_lexer *l)
{
        const char *stop = memchr(l->p, '\n', (size_t)(l->end - l->p));
        char *text = mof_get(l->mof, (size_t)((stop ? stop : l->end) - l->p) + 4);
        l->p++;
        l->len = l->mof->failed ? 0 : quoted(l, '\'', text);
        l->text = text;
        l->token = T_CHAR;
}

static bool word_char(char c)
{
        return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* Integer of a base, as decimal text; answers false when it is none. */
static bool integer(struct mof_lexer *l, const char *s, size_t n, int base, bool negative)
{
        char digits[80];
        if (n == 0 || n >= sizeof digits)
                return false;
        memcpy(digits, s, n);
        digits[n] = 0;
        char *end;
        unsigned long long u = strtoull(digits, &end, base);
        if (*end)
                return false;
        char text[32];
        int len = snprintf(text, sizeof text, "%s%llu", negative ? "-" : "", u);
        l->text = mof_get(l->mof, (size_t)len + 1);
        memcpy((char *)l->text, text, (size_t)len + 1);
        l->len = (size_t)len;
        l->token = T_INT;
        return true;
}

static void number(struct mof_lexer *l)
{
        const char *start = l->p;
        bool negative = *l->p == '-';
        if (*l->p == '-' || *l->p == '+')
                l->p++;
        const char *digits = l->p;
        while (l->p < l->end && (word_char(*l->p) || *l->p == '.' ||
                                 ((*l->p == '+' || *l->p == '-') && (l->p[-1] | 32) == 'e' &&
                                  hex(digits[0]) >= 0 && (digits[1] | 32) != 'x')))
                l->p++;
        size_t n = (size_t)(l->p - digits);
        bool is_hex = n > 2 && digits[0] == '0' && (digits[1] | 32) == 'x';
        if (is_hex && integer(l, digits + 2, n - 2, 16, negative))
                return;
        if (n > 1 && (digits[n - 1] | 32) == 'b' && integer(l, digits, n - 1, 2, negative))
                return;
        if (integer(l, digits, n, n > 1 && digits[0] == '0' ? 8 : 10, negative))
                return;
        char *copy = mof_get(l->mof, (size_t)(l->p - start) + 1), *end;
        memcpy(copy, start, (size_t)(l->p - start));
        strtod(copy, &end);
        l->text = copy;
        l->len = (size_t)(l->p - start);
        l->token = T_REAL;
        if (*end)
                mof_fail(l->mof, l->at,
                         "'%.40s' is no number: expected decimal, 0x hexadecimal, octal, 101b binary or real",
                         copy);
}

static void word(struct mof_lexer *l, enum mof_token token)
{
        const char *start = l->p;
        while (l->p < l->end && word_char(*l->p))
                l->p++;
        l->len = (size_t)(l->p - start);
        char *text = mof_get(l->mof, l->len + 1);
        if (!l->mof->failed)
                memcpy(text, start, l->len);
        l->text = text;
        l->token = token;
}

void mof_next(struct mof_lexer *l)
{
        skip(l);
        l->at = (struct mof_place) { l->file, l->line, (unsigned)(l->p - l->line_start) + 1 };
        l->text = "";
        l->len = 0;
        if (l->p >= l->end || l->mof->failed) {
                l->token = T_END;
                return;
        }
        char c = *l->p;
        bool digit_follows = l->p + 1 < l->end && (isdigit((unsigned char)l->p[1]) || l->p[1] == '.');
        if (c == '"') {
                string(l);
        } else if (c == '\'') {
                character(l);
        } else if (isdigit((unsigned char)c) || ((c == '-' || c == '+' || c == '.') && digit_follows)) {
                number(l);
        } else if (c == '$') {
                l->p++;
                word(l, T_ALIAS);
        } else if (c == '#' && l->end - l->p >= 7 && strncasecmp(l->p, "#pragma", 7) == 0) {
                l->p += 7;
                l->token = T_PRAGMA;
        } else if (word_char(c)) {
                word(l, T_WORD);
        } else {
                l->token = strchr("{}[]();:,=", c) && c ? T_SYMBOL : T_BAD;
                l->symbol = c;
                l->p++;
        }
}
