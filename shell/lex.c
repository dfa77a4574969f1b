/* SPDX-License-Identifier: MIT
 *
 * The small things of the language: space and comments, quotes (typographic ones are quotes), numbers with suffixes and
 * multipliers, names, strings with expansions, words of commands. Facts: powershell.md part 1.
 */
#include "shell/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int lx_char(const struct parser *p, uint32_t at)
{
        return at < p->n ? (unsigned char)p->s[at] : -1;
}

uint32_t lx_blank(const struct parser *p, uint32_t at)
{
        int c = lx_char(p, at);
        if (c == ' ' || c == '\t' || c == '\f' || c == '\v')
                return 1;
        if (c < 0x80)
                return 0;
        const unsigned char *s = (const unsigned char *)p->s + at;
        if (at + 1 < p->n && s[0] == 0xC2 && (s[1] == 0xA0 || s[1] == 0x85))
                return 2;
        if (at + 2 < p->n && s[0] == 0xE2 &&
            ((s[1] == 0x80 && (s[2] <= 0x8A || s[2] == 0xAF)) || (s[1] == 0x81 && s[2] == 0x9F)))
                return 3;
        return at + 2 < p->n && s[0] == 0xE3 && s[1] == 0x80 && s[2] == 0x80 ? 3 : 0;
}

uint32_t lx_newline(const struct parser *p, uint32_t at)
{
        int c = lx_char(p, at);
        if (c == '\n')
                return 1;
        return c == '\r' ? (lx_char(p, at + 1) == '\n' ? 2 : 1) : 0;
}

int lx_quote(const struct parser *p, uint32_t at, uint32_t *ret_len)
{
        int c = lx_char(p, at);
        *ret_len = 1;
        if (c == '\'' || c == '"')
                return c;
        if (c == 0xE2 && lx_char(p, at + 1) == 0x80) {
                int d = lx_char(p, at + 2);
                *ret_len = 3;
                if (d >= 0x98 && d <= 0x9B)
                        return '\'';
                if (d >= 0x9C && d <= 0x9E)
                        return '"';
        }
        return 0;
}

uint32_t lx_dash(const struct parser *p, uint32_t at)
{
        int c = lx_char(p, at);
        if (c == '-')
                return 1;
        if (c == 0xE2 && lx_char(p, at + 1) == 0x80 && lx_char(p, at + 2) >= 0x93 &&
            lx_char(p, at + 2) <= 0x95)
                return 3;
        return 0;
}

bool lx_ends_token(const struct parser *p, uint32_t at)
{
        int c = lx_char(p, at);
        return c <= 0 || strchr("&(),;{}|\r\n", c) || lx_blank(p, at);
}

static bool ident_byte(int c, bool first)
{
        return c == '_' || c >= 0x80 || (first ? isalpha(c) : isalnum(c));
}

uint32_t lx_ident(const struct parser *p, uint32_t at)
{
        uint32_t i = at;
        while (i < p->n && ident_byte(lx_char(p, i), i == at)) {
                uint32_t q;
                if (lx_char(p, i) >= 0x80 && (lx_blank(p, i) || lx_quote(p, i, &q) || lx_dash(p, i)))
                        break;
                i++;
        }
        return i - at;
}

/* A comment at pos: # to the end of the line, or <# #>. */
static bool comment(struct parser *p)
{
        uint32_t at = p->pos;
        if (lx_char(p, at) == '#') {
                while (p->pos < p->n && !lx_newline(p, p->pos))
                        p->pos++;
        } else if (lx_char(p, at) == '<' && lx_char(p, at + 1) == '#') {
                const char *e = p->n - at > 3 ? memmem(p->s + at + 2, p->n - at - 2, "#>", 2) : NULL;
                if (!e) {
                        p->pos = p->n;
                        p_missing(p, at, "MissingTerminatorMultiLineComment",
                                  "The terminator '#>' is missing from the multiline comment.");
                        return true;
                }
                p->pos = (uint32_t)(e - p->s) + 2;
        } else {
                return false;
        }
        /* Comment lines that follow each other are one comment for help. */
        uint32_t i = p->comment_end;
        while (i < at && (lx_blank(p, i) || lx_newline(p, i)))
                i++;
        if (i != at || p->comment_end == 0)
                p->comment_at = at;
        p->comment_end = p->pos;
        p_token(p, TK_COMMENT, at, p->pos);
        return true;
}

void lx_space(struct parser *p)
{
        for (uint32_t n; p->pos < p->n;) {
                if ((n = lx_blank(p, p->pos)) > 0)
                        p->pos += n;
                else if (p->s[p->pos] == '`' && (n = lx_newline(p, p->pos + 1)) > 0)
                        p->pos += 1 + n;
                else if (!comment(p))
                        break;
        }
}

void lx_lines(struct parser *p)
{
        uint32_t n;
        for (lx_space(p); (n = lx_newline(p, p->pos)) > 0; lx_space(p))
                p->pos += n;
}

void lx_separators(struct parser *p)
{
        for (lx_lines(p); lx_char(p, p->pos) == ';'; lx_lines(p))
                p->pos++;
}

bool lx_word_is(struct parser *p, const char *word)
{
        size_t n = strlen(word);
        if (p->pos + n > p->n || strncasecmp(p->s + p->pos, word, n))
                return false;
        return lx_ends_token(p, p->pos + n);
}

/* ---- numbers ---- */
struct number {
        uint64_t u;
        bool real, overflow, hex, any;
        uint32_t digits;
        uint32_t end;
};

static struct number scan_digits(struct parser *p, uint32_t at)
{
        struct number r = { .end = at };
        int c0 = lx_char(p, at), c1 = tolower(lx_char(p, at + 1));
        int base = c0 == '0' && c1 == 'x' ? 16 : c0 == '0' && c1 == 'b' ? 2 : 10;
        uint32_t i = base == 10 ? at : at + 2;
        for (;; i++, r.digits++) {
                int c = lx_char(p, i), d = c >= '0' && c <= '9'    ? c - '0'
                                           : c >= 0 && isxdigit(c) ? tolower(c) - 'a' + 10
                                                                   : 99;
                if (d >= base)
                        break;
                r.any = true;
                uint64_t u;
                if (__builtin_mul_overflow(r.u, (uint64_t)base, &u) ||
                    __builtin_add_overflow(u, (uint64_t)d, &r.u))
                        r.overflow = true;
        }
        r.hex = base != 10;
        if (base == 10 && lx_char(p, i) == '.' && lx_char(p, i + 1) != '.' && lx_ident(p, i + 1) == 0) {
                r.real = true;
                for (i++; isdigit(lx_char(p, i)); i++)
                        r.any = true;
        } else if (base == 10 && lx_char(p, i) == '.' && tolower(lx_char(p, i + 1)) == 'e' &&
                   isdigit(lx_char(p, i + 2))) {
                r.real = true, i++;
        }
        if (base == 10 && r.any && tolower(lx_char(p, i)) == 'e') {
                uint32_t j = i + 1;
                j += lx_char(p, j) == '+' ? 1 : lx_dash(p, j);
                if (isdigit(lx_char(p, j))) {
                        for (r.real = true; isdigit(lx_char(p, j)); j++)
                                ;
                        i = j;
                }
        }
        r.end = i;
        return r;
}

static uint64_t multiplier(struct parser *p, uint32_t *at)
{
        int c = tolower(lx_char(p, *at));
        const char *k = c > 0 ? strchr("kmgtp", c) : NULL;
        if (!k || tolower(lx_char(p, *at + 1)) != 'b')
                return 1;
        *at += 2;
        return 1ull << (10 * (k - "kmgtp" + 1));
}

static int suffix(struct parser *p, uint32_t *at)
{
        int c = tolower(lx_char(p, *at)), d = c == 'u' ? tolower(lx_char(p, *at + 1)) : 0;
        if (c == 'u') {
                *at += 1 + (d == 'y' || d == 's' || d == 'l');
                return d == 'y' ? 'Y' : d == 's' ? 'S' : d == 'l' ? 'L' : 'u';
        }
        if (c != 'l' && c != 'd' && c != 'n' && c != 'y' && c != 's')
                return 0;
        (*at)++;
        return c;
}

/* 5n: a BigInteger. */
static bool big_of(struct parser *p, bool hex, bool neg, uint64_t u, bool overflow, const char *s, size_t n,
                   uint64_t mul, struct sv *ret)
{
        const struct sh_type *big = sh_type_find(p->sh, "System.Numerics.BigInteger", 26);
        struct sv v = overflow ? sh_string(s, n) : (struct sv) { .kind = SH_UINT64, .u = u }, m = SH_NIL, r = SH_NIL;
        bool ok = !(hex && overflow) && big && sh_try_convert(p->sh, v, big, &r);
        sh_drop(v);
        if (ok && overflow && mul != 1) {
                struct sv one = r;
                m = (struct sv) { .kind = SH_UINT64, .u = mul };
                ok = sh_binary(p->sh, SH_MUL, false, one, m, &r) == SH_OK;
                sh_drop(one);
        }
        if (ok && neg && !overflow) {
                struct sv one = r, zero = sh_int(0);
                ok = sh_binary(p->sh, SH_SUB, false, zero, one, &r) == SH_OK;
                sh_drop(one);
        }
        *ret = ok ? r : SH_NIL;
        return ok;
}

static struct sv decimal_of(struct parser *p, const char *s, size_t n, uint64_t mul)
{
        struct sv t = sh_string(s, n), r = SH_NIL, m = SH_NIL;
        bool ok = sh_try_convert(p->sh, t, &sh_type_decimal, &r);
        sh_drop(t);
        if (ok && mul != 1) {
                ok = sh_binary(p->sh, SH_MUL, false, r, sh_long((int64_t)mul), &m) == SH_OK;
                r = m;
        }
        return ok ? r : SH_NIL;
}

/* Suffixed integers: the value must fit the type the suffix names. */
static bool suffixed(int suf, bool neg, uint64_t u, struct sv *ret)
{
        static const struct {
                char c;
                uint8_t kind;
                int64_t min;
                uint64_t max;
        } types[] = {
                { 'y', SH_SBYTE, INT8_MIN, INT8_MAX },   { 'Y', SH_BYTE, 0, UINT8_MAX },
                { 's', SH_INT16, INT16_MIN, INT16_MAX }, { 'S', SH_UINT16, 0, UINT16_MAX },
                { 'l', SH_INT64, INT64_MIN, INT64_MAX }, { 'L', SH_UINT64, 0, UINT64_MAX },
        };
        if (suf == 'u') {
                *ret = (struct sv) { .kind = u <= UINT32_MAX ? SH_UINT32 : SH_UINT64, .u = u };
                return !neg || u == 0;
        }
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (types[i].c == suf) {
                        *ret = (struct sv) { .kind = types[i].kind, .i = neg ? (int64_t)-u : (int64_t)u };
                        return neg ? u <= -(uint64_t)types[i].min : u <= types[i].max;
                }
        return false;
}

static bool integer_value(struct parser *p, struct number r, bool neg, int suf, uint64_t mul,
                          const char *text, size_t len, struct sv *ret)
{
        uint64_t u = r.u;
        if (r.hex && !r.overflow && mul == 1 && suf != 'u' && suf != 'L') {
                bool h = p->s[r.end - r.digits - 1] != 'b' && p->s[r.end - r.digits - 1] != 'B';
                if (r.digits == (h ? 8u : 32u) && !suf)
                        u = (uint64_t)(int64_t)(int32_t)u;
                if ((int64_t)u < 0) {
                        *ret = u == (uint64_t)(int64_t)(int32_t)u && !suf ? sh_int((int32_t)u)
                                                                          : sh_long((int64_t)u);
                        if (neg)
                                ret->i = -ret->i;
                        return true;
                }
        }
        if (r.overflow || __builtin_mul_overflow(u, mul, &u))
                r.overflow = true;
        if (suf && suf != 'd' && suf != 'n')
                return !r.overflow && suffixed(suf, neg, u, ret);
        if (suf == 'n')
                return big_of(p, r.hex, neg, u, r.overflow, text, len, mul, ret);
        if (suf == 'd' || r.overflow || u > (uint64_t)INT64_MAX + neg) {
                *ret = r.hex ? SH_NIL : decimal_of(p, text, len, mul);
                if (sh_is_null(*ret))
                        *ret = sh_double((neg ? -1 : 1) *
                                         (r.hex ? (double)r.u : strtod(text, NULL) * (neg ? -1 : 1)) *
                                         (double)mul);
                return true;
        }
        int64_t i = neg ? (int64_t)-u : (int64_t)u;
        *ret = i >= INT32_MIN && i <= INT32_MAX ? sh_int((int32_t)i) : sh_long(i);
        return true;
}

static bool number_may_end(const struct parser *p, uint32_t at, bool command)
{
        if (lx_ends_token(p, at))
                return true;
        int c = lx_char(p, at);
        return !command && (strchr("!#%*+-./<=>]?:", c) || lx_dash(p, at));
}

bool lx_number(struct parser *p, bool command, struct sv *ret, uint32_t *ret_end)
{
        uint32_t at = p->pos, sign = 0;
        bool neg = !command && (sign = lx_dash(p, at)) > 0;
        at += neg ? sign : lx_char(p, at) == '+' && !command;
        if (!isdigit(lx_char(p, at)) && !(lx_char(p, at) == '.' && isdigit(lx_char(p, at + 1))))
                return false;
        struct number r = scan_digits(p, at);
        if (!r.any)
                return false;
        uint32_t end = r.end;
        int suf = suffix(p, &end);
        uint64_t mul = multiplier(p, &end);
        if (!number_may_end(p, end, command))
                return false;
        char *text = NULL;
        if (asprintf(&text, "%s%.*s", neg ? "-" : "", (int)(r.end - at), p->s + at) < 0)
                return false;
        bool ok = true;
        if (r.real && suf == 'd') {
                *ret = decimal_of(p, text, strlen(text), mul);
        } else if (r.real) {
                double d = strtod(text, NULL) * (double)mul;
                *ret = sh_double(d);
                if (suf && suf != 'n')
                        ok = fabs(d) < 9e18 && suffixed(suf, d < 0, (uint64_t)llrint(fabs(d)), ret);
        } else {
                ok = integer_value(p, r, neg, suf, mul, text, strlen(text), ret);
        }
        free(text);
        if (!ok && p->u) /* a text that is only tried as a number has no unit and reports nothing */
                p_error(p, p->pos, end, "BadNumericConstant", "The numeric constant %.*s is not valid.",
                        (int)(end - p->pos), p->s + p->pos);
        *ret_end = end;
        return ok;
}

/* ---- strings ---- */
static void put_utf8(struct sh_buf *b, uint32_t c)
{
        char s[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned char lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
        for (size_t i = n; i-- > 1; c >>= 6)
                s[i] = (char)(0x80 | (c & 0x3F));
        s[0] = (char)(lead[n] | c);
        sh_buf_put(b, s, n);
}

/* At a backtick: appends what it means, moves behind it. */
static void escape(struct parser *p, struct sh_buf *b)
{
        static const char from[] = "0abefnrtv", to[] = "\0\a\b\033\f\n\r\t\v";
        int c = lx_char(p, ++p->pos);
        if (c < 0)
                return;
        const char *k = c ? strchr(from, c) : NULL;
        if (k) {
                sh_buf_put(b, to + (k - from), 1);
                p->pos++;
        } else if (c == 'u' && lx_char(p, p->pos + 1) == '{') {
                uint32_t v = 0, i = p->pos + 2;
                for (; i < p->pos + 8 && isxdigit(lx_char(p, i)); i++)
                        v = v * 16 +
                            (uint32_t)(isdigit(lx_char(p, i)) ? p->s[i] - '0' : tolower(p->s[i]) - 'a' + 10);
                if (lx_char(p, i) != '}' || v > 0x10FFFF || i == p->pos + 2)
                        p_error(p, p->pos, i, "InvalidUnicodeEscapeSequence",
                                "The Unicode escape sequence is not valid. A valid sequence is `u{ followed "
                                "by one to six hex digits and a closing '}'.");
                else
                        put_utf8(b, v);
                p->pos = i + (lx_char(p, i) == '}');
        } else if (lx_newline(p, p->pos)) {
                uint32_t n = lx_newline(p, p->pos);
                sh_buf_put(b, p->s + p->pos, n);
                p->pos += n;
        } else {
                do {
                        sh_buf_put(b, p->s + p->pos++, 1);
                } while (c >= 0x80 && p->pos < p->n && (p->s[p->pos] & 0xC0) == 0x80);
        }
}

bool lx_starts_variable(const struct parser *p, uint32_t at)
{
        if (lx_char(p, at) != '$')
                return false;
        int c = lx_char(p, at + 1);
        uint32_t q;
        if (c >= 0x80)
                return !lx_blank(p, at + 1) && !lx_quote(p, at + 1, &q) && !lx_dash(p, at + 1);
        return c > 0 && (isalnum(c) || strchr("_?{^$:", c)) &&
               !(c == ':' && !ident_byte(lx_char(p, at + 2), true) && lx_char(p, at + 2) != ':');
}

struct parts {
        struct vec v;
        struct sh_buf text;
        uint32_t at;
};

static void flush(struct parser *p, struct parts *t)
{
        if (t->text.n == 0)
                return;
        struct node *c = p_node(p, N_CONST, t->at);
        c->val = p_value(p, sh_buf_take(&t->text));
        p_push(p, &t->v, p_done(p, c));
}

/* $x or $( ) inside a string. */
static void expansion(struct parser *p, struct parts *t)
{
        flush(p, t);
        struct node *e = lx_char(p, p->pos + 1) == '(' ? p_subexpression(p) : lx_variable(p, false, true);
        if (e)
                p_push(p, &t->v, e);
        t->at = p->pos;
}

static struct node *finish_parts(struct parser *p, struct parts *t, uint32_t at, uint16_t flags)
{
        struct node *r;
        if (t->v.n == 0) {
                r = p_node(p, N_CONST, at);
                r->val = p_value(p, sh_buf_take(&t->text));
        } else {
                flush(p, t);
                r = p_node(p, N_EXPAND, at);
                r->v = (struct node **)t->v.v;
                r->n = t->v.n;
        }
        sh_buf_free(&t->text);
        r->flags |= flags;
        return p->failed ? NULL : p_done(p, r);
}

static struct node *single_quoted(struct parser *p)
{
        uint32_t at = p->pos, q;
        struct sh_buf b = { 0 };
        lx_quote(p, p->pos, &q);
        for (p->pos += q; p->pos < p->n;) {
                if (lx_quote(p, p->pos, &q) == '\'') {
                        uint32_t q2;
                        if (lx_quote(p, p->pos + q, &q2) != '\'') {
                                p->pos += q;
                                struct node *r = p_node(p, N_CONST, at);
                                r->val = p_value(p, sh_buf_take(&b));
                                r->flags |= NF_QUOTED;
                                p_token(p, TK_STRING, at, p->pos);
                                sh_buf_free(&b);
                                return p_done(p, r);
                        }
                        sh_buf_put(&b, p->s + p->pos, q);
                        p->pos += q + q2;
                } else {
                        sh_buf_put(&b, p->s + p->pos++, 1);
                }
        }
        sh_buf_free(&b);
        return p_missing(p, at, "TerminatorExpectedAtEndOfString",
                         "The string is missing the terminator: '.");
}

static struct node *double_quoted(struct parser *p)
{
        uint32_t at = p->pos, q;
        struct parts t = { .at = at };
        lx_quote(p, p->pos, &q);
        for (p->pos += q; p->pos < p->n && !p->failed;) {
                int c = (unsigned char)p->s[p->pos];
                if (lx_quote(p, p->pos, &q) == '"') {
                        uint32_t q2;
                        p->pos += q;
                        if (lx_quote(p, p->pos, &q2) != '"') {
                                p_token(p, TK_STRING, at, p->pos);
                                return finish_parts(p, &t, at, NF_QUOTED);
                        }
                        sh_buf_put(&t.text, p->s + p->pos, q2);
                        p->pos += q2;
                } else if (c == '`') {
                        escape(p, &t.text);
                } else if (c == '$' && (lx_starts_variable(p, p->pos) || lx_char(p, p->pos + 1) == '(')) {
                        expansion(p, &t);
                } else {
                        sh_buf_put(&t.text, p->s + p->pos++, 1);
                }
        }
        sh_buf_free(&t.text);
        return p->failed ? NULL
                         : p_missing(p, at, "TerminatorExpectedAtEndOfString",
                                     "The string is missing the terminator: \".");
}

/* Is the end of a here-string here: newline, quote, @ ? */
static bool here_ends(struct parser *p, int quote, uint32_t *ret_len)
{
        uint32_t n = lx_newline(p, p->pos), q;
        *ret_len = n;
        if (n == 0 || lx_quote(p, p->pos + n, &q) != quote || lx_char(p, p->pos + n + q) != '@')
                return false;
        *ret_len = n + q + 1;
        return true;
}

static struct node *here_string(struct parser *p, int quote, uint32_t q)
{
        uint32_t at = p->pos, len, first;
        struct parts t = { .at = at };
        p->pos += 1 + q;
        while ((len = lx_blank(p, p->pos)) > 0)
                p->pos += len;
        if ((len = lx_newline(p, p->pos)) == 0) {
                if (p->pos >= p->n)
                        return p_missing(p, at, "TerminatorExpectedAtEndOfString",
                                         "The string is missing the terminator: %c@.", quote);
                return p_error(p, at, p->pos, "UnexpectedCharactersAfterHereStringHeader",
                               "No characters are allowed after a here-string header but before the end of "
                               "the line.");
        }
        for (first = p->pos; p->pos < p->n && !p->failed;) {
                if (here_ends(p, quote, &len)) {
                        p->pos += len;
                        p_token(p, TK_STRING, at, p->pos);
                        return finish_parts(p, &t, at, NF_QUOTED);
                }
                int c = (unsigned char)p->s[p->pos];
                if (p->pos == first) /* the newline of the header */
                        p->pos += len;
                else if (quote == '"' && c == '`')
                        escape(p, &t.text);
                else if (quote == '"' && c == '$' &&
                         (lx_starts_variable(p, p->pos) || lx_char(p, p->pos + 1) == '('))
                        expansion(p, &t);
                else
                        sh_buf_put(&t.text, p->s + p->pos++, 1);
        }
        sh_buf_free(&t.text);
        return p->failed ? NULL
                         : p_missing(p, at, "TerminatorExpectedAtEndOfString",
                                     "The string is missing the terminator: %c@.", quote);
}

struct node *lx_string(struct parser *p)
{
        uint32_t q;
        if (lx_char(p, p->pos) == '@') {
                int quote = lx_quote(p, p->pos + 1, &q);
                return here_string(p, quote, q);
        }
        return lx_quote(p, p->pos, &q) == '\'' ? single_quoted(p) : double_quoted(p);
}

/* Quoted piece inside a word: its text is joined; expansions work. */
static bool quoted_piece(struct parser *p, struct parts *t, int quote, uint32_t q)
{
        uint32_t at = p->pos;
        for (p->pos += q; p->pos < p->n && !p->failed;) {
                int c = (unsigned char)p->s[p->pos];
                if (lx_quote(p, p->pos, &q) == quote) {
                        uint32_t q2;
                        p->pos += q;
                        if (lx_quote(p, p->pos, &q2) != quote)
                                return true;
                        sh_buf_put(&t->text, p->s + p->pos, q2);
                        p->pos += q2;
                } else if (quote == '"' && c == '`') {
                        escape(p, &t->text);
                } else if (quote == '"' && c == '$' &&
                           (lx_starts_variable(p, p->pos) || lx_char(p, p->pos + 1) == '(')) {
                        expansion(p, t);
                } else {
                        sh_buf_put(&t->text, p->s + p->pos++, 1);
                }
        }
        if (!p->failed)
                p_missing(p, at, "TerminatorExpectedAtEndOfString",
                          "The string is missing the terminator: %c.", quote);
        return false;
}

struct node *lx_word(struct parser *p, bool expand)
{
        uint32_t at = p->pos, q;
        struct parts t = { .at = at };
        uint16_t flags = NF_BARE;
        for (int quote; p->pos < p->n && !lx_ends_token(p, p->pos) && !p->failed;) {
                int c = (unsigned char)p->s[p->pos];
                if (c == '`' && !lx_newline(p, p->pos + 1)) {
                        escape(p, &t.text);
                } else if (c == '`') {
                        break;
                } else if ((quote = lx_quote(p, p->pos, &q))) {
                        flags |= NF_QUOTED;
                        if (!quoted_piece(p, &t, quote, q))
                                break;
                } else if (c == '$' && expand &&
                           (lx_starts_variable(p, p->pos) || lx_char(p, p->pos + 1) == '(')) {
                        expansion(p, &t);
                } else {
                        flags |= strchr("*?[", c) ? NF_GLOB : 0;
                        sh_buf_put(&t.text, p->s + p->pos++, 1);
                }
        }
        return finish_parts(p, &t, at, flags);
}
