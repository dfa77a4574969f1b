/* SPDX-License-Identifier: MIT
 *
 * Statements; the frame of a parse: arena and errors. After an error the innermost statement list goes on behind the
 * broken statement (parse_recover.c).
 */
#include "shell/parse.h"
#include "shell/limits.h"
#include "shell/code.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { DEPTH_MAX = 400 };

/* ---- the frame ---- */
void *p_get(struct parser *p, size_t n)
{
        void *r = rv_arena_get(&p->u->arena, n);
        if (!r)
                abort();
        return r;
}

char *p_text(struct parser *p, const char *s, size_t n)
{
        char *r = p_get(p, n + 1);
        memcpy(r, s, n);
        return r;
}

struct sv p_value(struct parser *p, struct sv owned)
{
        struct unit *u = p->u;
        if (!sh_is_obj(owned))
                return owned;
        if (u->nvals == u->capvals) {
                u->capvals = u->capvals ? u->capvals * 2 : 16;
                u->vals = realloc(u->vals, u->capvals * sizeof *u->vals);
                if (!u->vals)
                        abort();
        }
        u->vals[u->nvals++] = owned;
        return owned;
}

void p_push(struct parser *p, struct vec *v, void *x)
{
        if (v->n == v->cap) {
                uint32_t cap = v->cap ? v->cap * 2 : 4;
                void **nv = p_get(p, cap * sizeof *nv);
                if (v->n)
                        memcpy(nv, v->v, v->n * sizeof *nv);
                v->v = nv;
                v->cap = cap;
        }
        v->v[v->n++] = x;
}

struct node *p_node(struct parser *p, enum node_kind kind, uint32_t at)
{
        struct node *n = p_get(p, sizeof *n);
        n->kind = (uint8_t)kind;
        n->at = at;
        n->u = p->u;
        if (sh_limits)
                sh_limits_node(p, n, false);
        return n;
}

struct node *p_done(struct parser *p, struct node *n)
{
        n->end = p->pos;
        if (sh_limits)
                sh_limits_node(p, n, true);
        sh_compile(p->sh, n);
        return n;
}

struct node *p_const(struct parser *p, uint32_t at, struct sv owned)
{
        struct node *n = p_node(p, N_CONST, at);
        n->val = p_value(p, owned);
        return p_done(p, n);
}

static void *add_error(struct parser *p, uint32_t at, uint32_t end, const char *id, const char *fmt,
                       va_list ap)
{
        char text[512];
        if (p->failed)
                return NULL;
        p->failed = true;
        if (p->ended || (p->unsure && p_follows_from_brackets(p, at, id)))
                return NULL;
        for (uint32_t i = 0; i < p->nerrors; i++)
                if (p->errors[i].at == at)
                        return NULL;
        vsnprintf(text, sizeof text, fmt, ap);
        if (p->nerrors < PARSE_ERRORS_MAX)
                p->errors[p->nerrors++] = (struct parse_error) { at, end > at ? end : at + 1, id,
                                                                 p_text(p, text, strlen(text)) };
        p->unsure = p->unsure || p_about_brackets(p, at, id);
        return NULL;
}

void *p_error(struct parser *p, uint32_t at, uint32_t end, const char *id, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        add_error(p, at, end, id, fmt, ap);
        va_end(ap);
        return NULL;
}

void *p_missing(struct parser *p, uint32_t at, const char *id, const char *fmt, ...)
{
        uint32_t i = p->pos;
        while (i < p->n && (lx_blank(p, i) || lx_newline(p, i)))
                i++;
        bool at_end = i >= p->n && !p->failed;
        if (at_end && p->nerrors == 0)
                p->incomplete = true;
        va_list ap;
        va_start(ap, fmt);
        add_error(p, at, at + 1, id, fmt, ap);
        va_end(ap);
        p->ended = p->ended || at_end;
        return NULL;
}

bool p_eat(struct parser *p, char c)
{
        if (lx_char(p, p->pos) != (unsigned char)c)
                return false;
        p->pos++;
        return true;
}

void p_token(struct parser *p, enum token_kind kind, uint32_t at, uint32_t end)
{
        if (p->token)
                p->token(p->token_state, kind, at, end);
}

bool p_enter(struct parser *p)
{
        if (++p->depth > DEPTH_MAX) {
                p_error(p, p->pos, p->pos + 1, "NestingTooDeep", "The text nests deeper than %d levels.",
                        DEPTH_MAX);
                p->ended = true;
        }
        return !p->failed;
}

void p_leave(struct parser *p)
{
        p->depth--;
}

/* ---- statements ---- */
static bool traps_add(struct parser *p, struct node *list, struct node *trap)
{
        struct traps *t = list->x ? list->x : p_get(p, sizeof *t);
        void *v = p_get(p, (t->n + 1) * sizeof *t->v);
        if (t->n)
                memcpy(v, t->v, t->n * sizeof *t->v);
        t->v = v;
        t->v[t->n].type = trap->b;
        t->v[t->n++].body = trap->a;
        list->x = t;
        return true;
}

static void *unexpected(struct parser *p)
{
        uint32_t e = p->pos;
        while (e < p->n && !lx_ends_token(p, e))
                e++;
        e = e > p->pos ? e : p->pos + 1;
        return p_error(p, p->pos, e, "UnexpectedToken", "Unexpected token '%.*s' in expression or statement.",
                       (int)(e - p->pos), p->s + p->pos);
}

/* What may not follow a statement: anything but its end, or what comes behind a block. */
static void check_end(struct parser *p, struct node *s, char closer)
{
        lx_space(p);
        int c = lx_char(p, p->pos);
        bool block = p->s[s->end - 1] == '}' || p->s[s->end - 1] == ';';
        if (c < 0 || c == ';' || c == (unsigned char)closer || lx_newline(p, p->pos))
                return;
        if (c == '}' || c == ')' || !block)
                unexpected(p);
}

struct node *p_statements(struct parser *p, char closer)
{
        struct vec v = { 0 };
        if (!p_enter(p))
                return NULL;
        struct place place = p_place(p);
        struct node *list = p_node(p, N_LIST, p->pos);
        uint32_t before = p->nerrors;
        bool recovered = false;
        for (lx_separators(p); p->pos < p->n && !(closer && lx_char(p, p->pos) == closer); lx_separators(p)) {
                uint32_t at = p->pos;
                struct node *s = p->failed ? NULL : p_statement(p);
                if (s && s->kind == N_TRAP)
                        traps_add(p, list, s);
                else if (s)
                        p_push(p, &v, s);
                if (s)
                        check_end(p, s, closer);
                else if (!p->failed)
                        unexpected(p);
                if (!p->failed)
                        continue;
                recovered = true;
                if (!p_recover(p, &place, at, closer))
                        break;
        }
        if (closer && p->pos >= p->n && (recovered || (p->unsure && p->nerrors > before)))
                p->failed = true; /* its bracket may be the one that was not found */
        p_leave(p);
        list->v = (struct node **)v.v;
        list->n = v.n;
        return p->failed ? NULL : p_done(p, list);
}

struct node *p_braced(struct parser *p, const char *what)
{
        lx_lines(p);
        uint32_t at = p->pos;
        if (!p_eat(p, '{'))
                return p->failed ? NULL
                                 : p_missing(p, at, "MissingStatementBlock",
                                             "Missing statement block after %s.", what);
        int tern = p->in_ternary, comma = p->no_comma;
        p->in_ternary = p->no_comma = 0;
        struct node *r = p_statements(p, '}');
        p->in_ternary = tern, p->no_comma = comma;
        if (!r)
                return NULL;
        if (!p_eat(p, '}'))
                return p_missing(p, at, "MissingEndCurlyBrace",
                                 "Missing closing '}' in statement block or type definition.");
        return r;
}

/* ( condition ) */
static struct node *condition(struct parser *p, const char *what)
{
        lx_lines(p);
        uint32_t at = p->pos;
        if (!p_eat(p, '('))
                return p->failed ? NULL
                                 : p_missing(p, at, "MissingOpenParenthesisInIfStatement",
                                             "Missing '(' after '%s' in %s statement.", what, what);
        lx_lines(p);
        struct node *c = p_pipeline(p);
        if (!c)
                return p->failed ? NULL
                                 : p_missing(p, p->pos, "IfStatementMissingCondition",
                                             "Missing condition in %s statement after '%s ('.", what, what);
        lx_lines(p);
        return p_eat(p, ')') ? c
                             : p_missing(p, at, "MissingEndParenthesisAfterStatement",
                                         "Missing closing ')' after expression in '%s' statement.", what);
}

static void keyword(struct parser *p, size_t n)
{
        p_token(p, TK_KEYWORD, p->pos, p->pos + (uint32_t)n);
        p->pos += (uint32_t)n;
}

/* Is the keyword next, on this line or later ones? Takes it. */
static bool follows(struct parser *p, const char *word)
{
        uint32_t back = p->pos;
        lx_lines(p);
        if (lx_word_is(p, word)) {
                keyword(p, strlen(word));
                return true;
        }
        p->pos = back;
        return false;
}

static void add_clause(struct parser *p, struct clauses *c, struct node *test, struct node *body)
{
        struct clause *v = p_get(p, (c->n + 1) * sizeof *v);
        if (c->n)
                memcpy(v, c->v, c->n * sizeof *v);
        c->v = v;
        c->v[c->n++] = (struct clause) { test, body };
}

static struct node *if_statement(struct parser *p)
{
        uint32_t at = p->pos;
        struct clauses *c = p_get(p, sizeof *c);
        const char *word = "if";
        keyword(p, 2);
        do {
                struct node *test = condition(p, word), *body = test ? p_braced(p, word) : NULL;
                if (!body)
                        return NULL;
                add_clause(p, c, test, body);
                word = "elseif";
        } while (follows(p, "elseif"));
        if (follows(p, "else") && !(c->otherwise = p_braced(p, "else")))
                return NULL;
        struct node *r = p_node(p, N_IF, at);
        r->x = c;
        return p_done(p, r);
}

/* The loop's label, interned; 0 = none */
static struct node *loop(struct parser *p, struct node *r, uint32_t label)
{
        r->n = label;
        return p_done(p, r);
}

static struct node *while_statement(struct parser *p, uint32_t label)
{
        uint32_t at = p->pos;
        keyword(p, 5);
        struct node *r = p_node(p, N_WHILE, at);
        if (!(r->a = condition(p, "while")) || !(r->b = p_braced(p, "while")))
                return NULL;
        return loop(p, r, label);
}

static struct node *do_statement(struct parser *p, uint32_t label)
{
        uint32_t at = p->pos;
        keyword(p, 2);
        struct node *r = p_node(p, N_DO, at);
        if (!(r->b = p_braced(p, "do")))
                return NULL;
        if (follows(p, "until"))
                r->flags |= NF_UNTIL;
        else if (!follows(p, "while"))
                return p_missing(p, p->pos, "MissingWhileOrUntilInDoWhile",
                                 "Missing while or until keyword in do loop.");
        if (!(r->a = condition(p, "while")))
                return NULL;
        return loop(p, r, label);
}

static struct node *for_part(struct parser *p, char ender)
{
        lx_lines(p);
        if (lx_char(p, p->pos) == (unsigned char)ender || lx_char(p, p->pos) == ';' ||
            lx_char(p, p->pos) == ')')
                return NULL;
        return p_pipeline(p);
}

static struct node *for_statement(struct parser *p, uint32_t label)
{
        uint32_t at = p->pos;
        keyword(p, 3);
        struct node *r = p_node(p, N_FOR, at);
        lx_lines(p);
        if (!p_eat(p, '('))
                return p_missing(p, p->pos, "MissingOpenParenthesisAfterKeyword",
                                 "Missing opening '(' after keyword 'for'.");
        struct node **parts[] = { &r->a, &r->c, &r->d };
        for (int i = 0; i < 3; i++) {
                *parts[i] = for_part(p, ';');
                if (p->failed)
                        return NULL;
                uint32_t back = p->pos;
                lx_space(p);
                if (i < 2 && lx_char(p, p->pos) == ';')
                        p->pos++;
                else if (i < 2 && lx_newline(p, p->pos))
                        lx_lines(p);
                else if (lx_char(p, p->pos) == ')')
                        break;
                else
                        p->pos = back;
        }
        lx_lines(p);
        if (!p_eat(p, ')'))
                return p_missing(p, p->pos, "MissingEndParenthesisAfterStatement",
                                 "Missing closing ')' after expression in 'for' statement.");
        if (!(r->b = p_braced(p, "for")))
                return NULL;
        return loop(p, r, label);
}

static struct node *foreach_statement(struct parser *p, uint32_t label)
{
        uint32_t at = p->pos;
        keyword(p, 7);
        struct node *r = p_node(p, N_FOREACH, at);
        lx_lines(p);
        if (!p_eat(p, '('))
                return p_missing(p, p->pos, "MissingOpenParenthesisAfterKeyword",
                                 "Missing opening '(' after keyword 'foreach'.");
        lx_lines(p);
        if (!lx_starts_variable(p, p->pos) || !(r->a = lx_variable(p, false, false)))
                return p->failed ? NULL
                                 : p_missing(p, p->pos, "MissingVariableNameAfterForeach",
                                             "Missing variable name after foreach.");
        lx_lines(p);
        if (!lx_word_is(p, "in"))
                return p_missing(p, p->pos, "MissingInInForeach",
                                 "Missing 'in' after variable in foreach loop.");
        keyword(p, 2);
        lx_lines(p);
        if (!(r->c = p_pipeline(p)))
                return p->failed ? NULL
                                 : p_missing(p, p->pos, "MissingForeachExpression",
                                             "Missing expression after 'in' in foreach loop.");
        lx_lines(p);
        if (!p_eat(p, ')'))
                return p_missing(p, p->pos, "MissingEndParenthesisAfterForeach",
                                 "Missing closing ')' after expression part of foreach loop.");
        if (!(r->b = p_braced(p, "foreach")))
                return NULL;
        return loop(p, r, label);
}

static bool switch_option(struct parser *p, struct switch_opts *o)
{
        static const char *const names[] = {
                "wildcard", "regex", "exact", "casesensitive", "file", "parallel"
        };
        uint32_t n = lx_ident(p, ++p->pos);
        int found = -1;
        for (int i = 0; i < 6 && n; i++)
                if (n <= strlen(names[i]) && !strncasecmp(names[i], p->s + p->pos, n)) {
                        found = i;
                        break;
                }
        if (found < 0) {
                p_error(p, p->pos - 1, p->pos + n, "InvalidSwitchFlag",
                        "The switch statement has no option '-%.*s'.", (int)n, p->s + p->pos);
                return false;
        }
        p->pos += n;
        o->wildcard = found == 0 || (o->wildcard && found > 2);
        o->regex = found == 1 || (o->regex && found > 2);
        o->exact = found == 2 || (o->exact && found > 2);
        o->cased |= found == 3;
        if (found == 4) {
                lx_space(p);
                uint32_t q;
                o->file = lx_quote(p, p->pos, &q) ||
                                          strchr("($", lx_char(p, p->pos) > 0 ? lx_char(p, p->pos) : ' ')
                                  ? p_operand(p)
                                  : lx_word(p, true);
        }
        return !p->failed;
}

/* A clause's test: a block, an expression, or a bare word. */
static struct node *switch_test(struct parser *p)
{
        uint32_t q, at = p->pos;
        int c = lx_char(p, at);
        struct sv v;
        uint32_t end;
        if (lx_quote(p, at, &q) || c == '$' || c == '(' || c == '{' || c == '@' || c == '[')
                return p_operand(p);
        if ((lx_dash(p, at) && isdigit(lx_char(p, at + lx_dash(p, at)))) || isdigit(c)) {
                bool command = isdigit(c);
                if (lx_number(p, command, &v, &end)) {
                        p->pos = end;
                        return p_const(p, at, v);
                }
        }
        return p->failed || lx_ends_token(p, at) ? NULL : lx_word(p, true);
}

static struct node *switch_statement(struct parser *p, uint32_t label)
{
        uint32_t at = p->pos;
        struct clauses *c = p_get(p, sizeof *c);
        struct switch_opts *o = p_get(p, sizeof *o);
        struct node *r = p_node(p, N_SWITCH, at);
        keyword(p, 6);
        for (lx_lines(p); lx_dash(p, p->pos); lx_lines(p))
                if (!switch_option(p, o))
                        return NULL;
        if (!o->file && !(r->a = condition(p, "switch")))
                return NULL;
        lx_lines(p);
        uint32_t open = p->pos;
        if (!p_eat(p, '{'))
                return p_missing(p, p->pos, "MissingCurlyBraceInSwitchStatement",
                                 "Missing '{' in switch statement.");
        for (lx_separators(p); p->pos < p->n && lx_char(p, p->pos) != '}'; lx_separators(p)) {
                bool otherwise = lx_word_is(p, "default");
                struct node *test = otherwise ? NULL : switch_test(p);
                if (otherwise)
                        keyword(p, 7);
                else if (!test)
                        return p->failed ? NULL
                                         : p_error(p, p->pos, p->pos + 1, "MissingSwitchConditionExpression",
                                                   "Missing condition in switch statement clause.");
                struct node *body = p_braced(p, "switch clause");
                if (!body)
                        return NULL;
                if (otherwise)
                        c->otherwise = body;
                else
                        add_clause(p, c, test, body);
        }
        if (!p_eat(p, '}'))
                return p_missing(p, open, "MissingEndCurlyBrace",
                                 "Missing closing '}' in statement block or type definition.");
        r->x = c;
        r->b = (struct node *)o;
        return loop(p, r, label);
}

static struct node *type_in_brackets(struct parser *p)
{
        const char *name;
        uint32_t n, at = p->pos++;
        if (!p_type_name(p, &name, &n))
                return p->failed ? NULL
                                 : p_missing(p, at, "TypenameExpected", "Missing type name after '['.");
        p->pos++;
        struct node *t = p_node(p, N_TYPE, at);
        t->x = (void *)name;
        t->slot = n;
        return p_done(p, t);
}

static bool catch_clause(struct parser *p, struct catches *cs)
{
        struct vec types = { 0 };
        for (lx_lines(p); lx_char(p, p->pos) == '['; lx_lines(p)) {
                struct node *t = type_in_brackets(p);
                if (!t)
                        return false;
                p_push(p, &types, t);
                lx_lines(p);
                if (lx_char(p, p->pos) != ',')
                        break;
                p->pos++;
        }
        struct node *body = p_braced(p, "catch");
        if (!body)
                return false;
        void *v = p_get(p, (cs->n + 1) * sizeof *cs->v);
        if (cs->n)
                memcpy(v, cs->v, cs->n * sizeof *cs->v);
        cs->v = v;
        cs->v[cs->n].types = (struct node **)types.v;
        cs->v[cs->n].n = types.n;
        cs->v[cs->n++].body = body;
        return true;
}

static struct node *try_statement(struct parser *p)
{
        uint32_t at = p->pos;
        struct catches *cs = p_get(p, sizeof *cs);
        struct node *r = p_node(p, N_TRY, at);
        keyword(p, 3);
        if (!(r->a = p_braced(p, "try")))
                return NULL;
        while (follows(p, "catch"))
                if (!catch_clause(p, cs))
                        return NULL;
        if (follows(p, "finally") && !(r->b = p_braced(p, "finally")))
                return NULL;
        if (cs->n == 0 && !r->b)
                return p_missing(p, p->pos, "MissingCatchOrFinally",
                                 "The Try statement is missing its Catch or Finally block.");
        r->x = cs;
        return p_done(p, r);
}

static struct node *trap_statement(struct parser *p)
{
        uint32_t at = p->pos;
        struct node *r = p_node(p, N_TRAP, at);
        keyword(p, 4);
        lx_lines(p);
        if (lx_char(p, p->pos) == '[' && !(r->b = type_in_brackets(p)))
                return NULL;
        if (!(r->a = p_braced(p, "trap")))
                return NULL;
        return p_done(p, r);
}

/* return, throw, exit: an optional pipeline */
static struct node *with_value(struct parser *p, enum node_kind kind, size_t n)
{
        struct node *r = p_node(p, kind, p->pos);
        keyword(p, n);
        lx_space(p);
        int c = lx_char(p, p->pos);
        bool ends = c < 0 || strchr(";})|", c) || lx_newline(p, p->pos) || (c == '&' && lx_char(p, p->pos + 1) == '&');
        if (!ends && !(r->a = p_pipeline(p)))
                return p->failed ? NULL
                                 : p_error(p, p->pos, p->pos + 1, "UnexpectedToken",
                                           "Unexpected token '%c' in expression or statement.", c);
        if (kind == N_RETURN && p->block && p->block->method) {
                r->flags |= NF_METHOD;
                if (r->a && p->block->method_void)
                        return p_error(p, r->at, p->pos, "VoidMethodHasReturn",
                                       "Invalid return statement within a void method.");
                if (!r->a && !p->block->method_void)
                        return p_error(p, r->at, p->pos, "NonVoidMethodMissingReturnValue",
                                       "Invalid return statement within non-void method.");
        }
        return p_done(p, r);
}

static struct node *jump(struct parser *p, enum node_kind kind, size_t n)
{
        struct node *r = p_node(p, kind, p->pos);
        keyword(p, n);
        lx_space(p);
        int c = lx_char(p, p->pos);
        if (c == '$' || c == '(' || c == '"' || c == '\'')
                r->a = p_operand(p);
        else if (c >= 0 && !lx_ends_token(p, p->pos))
                r->a = lx_word(p, false);
        return p->failed ? NULL : p_done(p, r);
}

static struct node *function_statement(struct parser *p, bool filter, size_t n)
{
        static const struct {
                const char *name;
                uint8_t scope;
        } scopes[] = { { "global:", VS_GLOBAL },
                       { "script:", VS_SCRIPT },
                       { "local:", VS_LOCAL },
                       { "private:", VS_PRIVATE } };
        struct node *r = p_node(p, N_FUNC, p->pos);
        struct func *f = p_get(p, sizeof *f);
        keyword(p, n);
        lx_lines(p);
        uint32_t at = p->pos, nparams = 0;
        while (!lx_ends_token(p, p->pos))
                p->pos++;
        if (p->pos == at)
                return p->pos >= p->n ? p_missing(p, at, "MissingFunctionName",
                                                  "Missing name after function keyword.")
                                      : p_error(p, at, at + 1, "MissingFunctionName",
                                                "Missing name after function keyword.");
        f->name = p_text(p, p->s + at, p->pos - at);
        f->nname = p->pos - at;
        p_token(p, TK_COMMAND, at, p->pos);
        for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
                if (!strncasecmp(f->name, scopes[i].name, strlen(scopes[i].name))) {
                        f->name += strlen(scopes[i].name);
                        f->nname -= (uint32_t)strlen(scopes[i].name);
                        f->scope = scopes[i].scope;
                        break;
                }
        uint32_t help_at = p->comment_at, help_end = p->comment_end;
        struct block *b = p_get(p, sizeof *b), *outer = p->block;
        b->u = p->u;
        b->outer = outer;
        b->layout = NULL;
        struct param *params = NULL;
        bool given = false;
        lx_lines(p);
        p->block = b;
        b->layout = sh_unit_layout(p->u);
        if (lx_char(p, p->pos) == '(') {
                p->pos++;
                params = p_params(p, b, &nparams);
                given = true;
                if (p->failed)
                        return NULL;
        }
        lx_lines(p);
        uint32_t open = p->pos;
        if (!p_eat(p, '{'))
                return p_missing(p, p->pos, "MissingFunctionBody",
                                 "Missing function body in function declaration.");
        p->block = outer;
        b->params = params, b->nparams = nparams, b->has_param_block = given;
        f->block = p_block_into(p, b, '}', given);
        if (!f->block)
                return NULL;
        b->at = open, b->end = p->pos;
        b->filter = filter;
        if (!b->help_end) {
                uint32_t gap = help_end;
                while (gap < r->at && (lx_blank(p, gap) || lx_newline(p, gap)))
                        gap++;
                if (help_end && gap == r->at)
                        b->help_at = help_at, b->help_end = help_end;
        }
        r->x = f;
        return p_done(p, r);
}

static struct node *data_statement(struct parser *p)
{
        struct node *r = p_node(p, N_DATA, p->pos);
        keyword(p, 4);
        lx_lines(p);
        uint32_t n = lx_ident(p, p->pos);
        if (n) {
                r->x = p_text(p, p->s + p->pos, n);
                r->id = sh_intern(p->sh, p->s + p->pos, n);
                r->layout = p->block->layout;
                r->slot = sh_layout_add(r->layout, r->id);
                p->pos += n;
        }
        lx_lines(p);
        uint32_t also = p->pos; /* -SupportedCommand a,b */
        while (p->pos < p->n && lx_dash(p, also) && lx_char(p, p->pos) != '{')
                p->pos++;
        uint32_t also_end = p->pos;
        if (!(r->a = p_braced(p, "data")) || !p_check_data(p, r->a, also, also_end))
                return NULL;
        return p_done(p, r);
}

static struct node *using_statement(struct parser *p)
{
        struct node *r = p_node(p, N_USING, p->pos);
        keyword(p, 5);
        lx_space(p);
        uint32_t at = p->pos;
        while (p->pos < p->n && !lx_newline(p, p->pos) && lx_char(p, p->pos) != ';')
                p->pos++;
        r->x = p_text(p, p->s + at, p->pos - at);
        r->n = p->pos - at;
        p_declare(p, &p->u->usings, &p->u->nusings, r);
        return p_done(p, r);
}

/* :label before a loop; interned number, 0 = none */
static uint32_t label_of(struct parser *p)
{
        uint32_t n;
        if (lx_char(p, p->pos) != ':' || !(n = lx_ident(p, p->pos + 1)))
                return 0;
        uint32_t id = sh_intern(p->sh, p->s + p->pos + 1, n);
        p->pos += 1 + n;
        lx_lines(p);
        return id;
}

enum {
        KW_IF,
        KW_WHILE,
        KW_DO,
        KW_FOR,
        KW_FOREACH,
        KW_SWITCH,
        KW_TRY,
        KW_TRAP,
        KW_RETURN,
        KW_THROW,
        KW_EXIT,
        KW_BREAK,
        KW_CONTINUE,
        KW_FUNCTION,
        KW_FILTER,
        KW_DATA,
        KW_USING,
        KW_CLASS,
        KW_ENUM,
        KW_PARAM
};
static const char *const keywords[] = { "if",     "while", "do",       "for",      "foreach",
                                        "switch", "try",   "trap",     "return",   "throw",
                                        "exit",   "break", "continue", "function", "filter",
                                        "data",   "using", "class",    "enum",     "param" };

static int keyword_here(struct parser *p)
{
        if (!isalpha(lx_char(p, p->pos)))
                return -1;
        for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
                if (lx_word_is(p, keywords[i]))
                        return (int)i;
        return -1;
}

static struct node *keyword_statement(struct parser *p, int k, uint32_t label)
{
        switch (k) {
        case KW_IF: return if_statement(p);
        case KW_WHILE: return while_statement(p, label);
        case KW_DO: return do_statement(p, label);
        case KW_FOR: return for_statement(p, label);
        case KW_FOREACH: return foreach_statement(p, label);
        case KW_SWITCH: return switch_statement(p, label);
        case KW_TRY: return try_statement(p);
        case KW_TRAP: return trap_statement(p);
        case KW_RETURN: return with_value(p, N_RETURN, 6);
        case KW_THROW: return with_value(p, N_THROW, 5);
        case KW_EXIT: return with_value(p, N_EXIT, 4);
        case KW_BREAK: return jump(p, N_BREAK, 5);
        case KW_CONTINUE: return jump(p, N_CONTINUE, 8);
        case KW_FUNCTION: return function_statement(p, false, 8);
        case KW_FILTER: return function_statement(p, true, 6);
        case KW_DATA: return data_statement(p);
        case KW_USING: return using_statement(p);
        case KW_CLASS: return p_class(p, false);
        case KW_ENUM: return p_class(p, true);
        }
        return p_error(p, p->pos, p->pos + 5, "UnexpectedToken",
                       "Unexpected token 'param' in expression or statement.");
}

/* [Flags()] enum X { }: brackets, then the keyword. */
static bool attributes_of_type(struct parser *p)
{
        uint32_t at = p->pos, i = at;
        while (i < p->n && p->s[i] == '[') {
                int depth = 0;
                for (; i < p->n; i++) {
                        depth += p->s[i] == '[' ? 1 : p->s[i] == ']' ? -1 : 0;
                        if (depth == 0)
                                break;
                }
                i++;
                while (i < p->n && strchr(" \t\r\n", p->s[i]))
                        i++;
        }
        p->pos = i;
        bool is = i < p->n && (lx_word_is(p, "enum") || lx_word_is(p, "class"));
        p->pos = at;
        return is;
}

static struct node *attributed_type(struct parser *p)
{
        struct attr *a = p_attributes(p);
        if (p->failed)
                return NULL;
        lx_lines(p);
        struct node *r = p_class(p, lx_word_is(p, "enum"));
        for (; r && a; a = a->next)
                if (a->n == 5 && !strncasecmp(a->name, "Flags", 5))
                        ((struct class_ast *)r->x)->flags = true;
        return r;
}

struct node *p_statement(struct parser *p)
{
        if (!p_enter(p))
                return NULL;
        uint32_t label = label_of(p);
        int k = keyword_here(p);
        struct node *r = NULL;
        if (k == KW_CLASS || k == KW_ENUM) {
                uint32_t i = p->pos + (uint32_t)strlen(keywords[k]);
                while (lx_blank(p, i))
                        i++;
                if (!lx_ident(p, i) || i == p->pos + strlen(keywords[k]))
                        k = -1;
        }
        if (k < 0 && lx_char(p, p->pos) == '[' && attributes_of_type(p))
                r = attributed_type(p);
        else if (k >= 0)
                r = keyword_statement(p, k, label);
        else if (label)
                p_error(p, p->pos, p->pos + 1, "MissingStatementAfterLabel",
                        "The label must be followed by a loop or a switch.");
        else
                r = p_pipeline(p);
        p_leave(p);
        return r;
}
