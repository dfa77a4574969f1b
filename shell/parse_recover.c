/* SPDX-License-Identifier: MIT
 *
 * After a parse error: where does the next statement begin? The text of the broken one is looked at without being
 * understood: only strings, comments and brackets. Do its brackets close, it ends where its line does behind them; do
 * they not, the next line is as good a guess as any. One mistake must not be told as five: after an error that a
 * bracket too few or too many may have caused (`unsure`), those that would follow from it are not told, and nothing at
 * all is told after a quote too few, which turns text and strings around.
 */
#include "shell/parse.h"

#include <string.h>

enum { OPEN_MAX = 200, NEST_MAX = 40, RECOVERIES_MAX = 64 };

static uint32_t past(const struct parser *, uint32_t at, int nest);

static uint32_t least(uint32_t a, uint32_t b)
{
        return a < b ? a : b;
}

/* Behind the $( ) whose bracket is at `at`. */
static uint32_t past_group(const struct parser *p, uint32_t at, int nest)
{
        int depth = 0;
        for (uint32_t i = at; i < p->n && nest < NEST_MAX;) {
                uint32_t next = past(p, i, nest + 1);
                int c = lx_char(p, i);
                if (next == i) {
                        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
                        next++;
                }
                i = next;
                if (depth == 0)
                        return i;
        }
        return p->n;
}

static uint32_t past_quoted(const struct parser *p, uint32_t at, int quote, uint32_t q, int nest)
{
        for (uint32_t i = at + q; i < p->n;) {
                int c = lx_char(p, i);
                if (lx_quote(p, i, &q) == quote) {
                        i += q;
                        if (lx_quote(p, i, &q) != quote)
                                return i;
                        i += q;
                } else if (quote == '"' && c == '`') {
                        i += 2;
                } else if (quote == '"' && c == '$' && lx_char(p, i + 1) == '(') {
                        i = past_group(p, i + 1, nest);
                } else {
                        i++;
                }
        }
        return p->n;
}

/* A here-string at the @ of `at`; `at` itself when it is none. */
static uint32_t past_here(const struct parser *p, uint32_t at)
{
        uint32_t q, n, i, q2;
        int quote = lx_quote(p, at + 1, &q);
        if (!quote)
                return at;
        for (i = at + 1 + q; (n = lx_blank(p, i)) > 0; i += n)
                ;
        if (!lx_newline(p, i))
                return at;
        for (; i < p->n; i++)
                if ((n = lx_newline(p, i)) > 0 && lx_quote(p, i + n, &q2) == quote &&
                    lx_char(p, i + n + q2) == '@')
                        return i + n + q2 + 1;
        return p->n;
}

static bool starts_token(const struct parser *p, uint32_t at)
{
        return at == 0 || strchr(" \t\r\n(){};|&,", p->s[at - 1]);
}

/* Behind the string, comment, escape or braced name at `at`; `at` when there is none. */
static uint32_t past(const struct parser *p, uint32_t at, int nest)
{
        uint32_t q, i = at;
        int c = lx_char(p, at), d = lx_char(p, at + 1), quote = lx_quote(p, at, &q);
        if (quote)
                return past_quoted(p, at, quote, q, nest);
        if (c == '`')
                return least(p->n, at + 1 + (lx_newline(p, at + 1) ? lx_newline(p, at + 1) : 1));
        if (c == '@')
                return past_here(p, at);
        if (c == '#' && starts_token(p, at)) {
                while (i < p->n && !lx_newline(p, i))
                        i++;
        } else if ((c == '<' && d == '#') || (c == '$' && d == '{')) {
                const char *end = c == '<' ? "#>" : "}";
                const char *e = memmem(p->s + at + 2, p->n - at - 2, end, strlen(end));
                return e ? (uint32_t)(e - p->s) + (uint32_t)strlen(end) : p->n;
        }
        return i;
}

/* Moves to the end of the statement that began at `from` and failed at `at`. false: its brackets do not tell. */
static bool to_end(struct parser *p, uint32_t from, uint32_t at, int closer)
{
        char open[OPEN_MAX];
        uint32_t n = 0, i = from;
        for (uint32_t next; i < p->n; i = next) {
                int c = lx_char(p, i);
                bool here = i >= at;
                if ((next = past(p, i, 0)) > i)
                        continue;
                next = i + 1;
                if (c == '(' || c == '{') {
                        if (n == OPEN_MAX)
                                return false;
                        open[n++] = c == '(' ? ')' : '}';
                } else if (c == ')' || c == '}') {
                        if (n > 0 && open[n - 1] == c)
                                n--;
                        else if (here && n > 0)
                                return false;
                        else if (here && (c == closer || (c == '}' && closer)))
                                break;
                } else if (here && n == 0 && (c == ';' || lx_newline(p, i))) {
                        break;
                }
        }
        if (n > 0)
                return false;
        p->pos = i > p->pos ? i : p->pos;
        return true;
}

/* Is pos the first of a line that begins behind `from`? */
static bool first_of_line(const struct parser *p, uint32_t from)
{
        uint32_t i = p->pos;
        while (i > from && (p->s[i - 1] == ' ' || p->s[i - 1] == '\t'))
                i--;
        return i > from && p->pos < p->n && (p->s[i - 1] == '\n' || p->s[i - 1] == '\r');
}

/* ---- what one mistake brings with it ---- */
bool p_about_brackets(const struct parser *p, uint32_t at, const char *id)
{
        static const char *const words[] = {
                "Parenthesis", "Brace",          "Bracket",      "Block",
                "Body",        "IncompleteHash", "MissingCatch", "MissingWhile"
        };
        if (at < p->n && strchr("(){}", p->s[at]))
                return true;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strstr(id, words[i]))
                        return true;
        return false;
}

bool p_follows_from_brackets(const struct parser *p, uint32_t at, const char *id)
{
        if (!strcmp(id, "MissingCatchOrFinally") || !strcmp(id, "MissingWhileOrUntilInDoWhile"))
                return true;
        if (!strcmp(id, "UnexpectedToken"))
                return at < p->n && strchr(")}", p->s[at]);
        uint32_t i = p->pos;
        while (i < p->n && (lx_blank(p, i) || lx_newline(p, i)))
                i++;
        return i >= p->n && !strncmp(id, "MissingEnd", 10);
}

/* Does the statement that failed at pos hold a string of several lines that ended on this line? It began, most likely,
 * where another should have ended. */
static bool quotes_lost(const struct parser *p, uint32_t from)
{
        bool lost = false;
        for (uint32_t i = from, next, q; i < p->pos && i < p->n; i = next) {
                bool quoted = lx_quote(p, i, &q) != 0;
                if ((next = past(p, i, 0)) == i)
                        next = i + 1;
                if (lx_newline(p, i))
                        lost = false;
                else if (quoted)
                        lost = lost || memchr(p->s + i, '\n', next - i);
        }
        return lost;
}

/* ---- going on ---- */
struct place p_place(const struct parser *p)
{
        return (struct place) { p->block, p->depth, p->in_ternary, p->no_comma };
}

bool p_recover(struct parser *p, const struct place *place, uint32_t from, char closer)
{
        int close = (unsigned char)closer;
        p->ended = p->ended || quotes_lost(p, from);
        if (p->ended || p->nerrors >= PARSE_ERRORS_MAX || ++p->recoveries > RECOVERIES_MAX)
                return false;
        p->block = place->block;
        p->depth = place->depth;
        p->in_ternary = place->in_ternary;
        p->no_comma = place->no_comma;
        if (!to_end(p, from, p->pos, close)) {
                p->unsure = true;
                if (!first_of_line(p, from) && !to_end(p, p->pos, p->pos, close))
                        while (p->pos < p->n && !lx_newline(p, p->pos))
                                p->pos++;
        }
        if (close == ')' && lx_char(p, p->pos) == '}') { /* what is around it ends here */
                p->unsure = true;
                return false;
        }
        if (p->pos == from && p->pos < p->n && !(close && lx_char(p, p->pos) == close))
                p->pos++;
        p->failed = false;
        return true;
}
