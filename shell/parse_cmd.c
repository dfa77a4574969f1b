/* SPDX-License-Identifier: MIT
 *
 * Commands: words, parameters, redirections; pipelines, chains (&& ||), background, assignment.
 */
#include "shell/code.h"
#include "shell/parse.h"

#include <ctype.h>
#include <strings.h>

/* ---- redirections: > >> n> n>> n>&1 *> ---- */
static bool redirection(struct parser *p, struct redir *r, bool *ret_found)
{
        uint32_t at = p->pos, i = at;
        int c = lx_char(p, i);
        r->from = 1, r->merge = 0, r->append = false, r->target = NULL;
        if (c == '*' || (c >= '1' && c <= '6')) {
                r->from = c == '*' ? 0 : (uint8_t)(c - '0');
                i++;
        }
        *ret_found = lx_char(p, i) == '>';
        if (!*ret_found) {
                if (c == '<' && lx_char(p, at + 1) != '#')
                        p_error(p, at, at + 1, "RedirectionNotSupported",
                                "The '<' operator is reserved for future use.");
                return !p->failed;
        }
        i++;
        if (lx_char(p, i) == '>')
                r->append = true, i++;
        if (!r->append && lx_char(p, i) == '&' && (lx_char(p, i + 1) == '1' || lx_char(p, i + 1) == '2')) {
                r->merge = (uint8_t)(p->s[i + 1] - '0');
                p->pos = i + 2;
                return true;
        }
        p_token(p, TK_OPERATOR, at, i);
        p->pos = i;
        lx_space(p);
        uint32_t q;
        c = lx_char(p, p->pos);
        if (lx_quote(p, p->pos, &q) || c == '(')
                r->target = p_primary(p);
        else if (!lx_ends_token(p, p->pos))
                r->target = lx_word(p, true);
        if (!r->target && !p->failed)
                p_missing(p, p->pos, "MissingFileSpecification",
                          "Missing file specification after redirection operator.");
        return !p->failed;
}

struct cmd_parts {
        struct arg *args;
        uint32_t nargs, cargs;
        struct redir *redirs;
        uint32_t nredirs, credirs;
};

static struct arg *add_arg(struct parser *p, struct cmd_parts *c)
{
        if (c->nargs == c->cargs) {
                uint32_t cap = c->cargs ? c->cargs * 2 : 4;
                struct arg *v = p_get(p, cap * sizeof *v);
                if (c->nargs)
                        memcpy(v, c->args, c->nargs * sizeof *v);
                c->args = v;
                c->cargs = cap;
        }
        struct arg *a = &c->args[c->nargs++];
        a->at = p->pos;
        return a;
}

static bool add_redir(struct parser *p, struct cmd_parts *c, bool *ret_found)
{
        struct redir r;
        if (!redirection(p, &r, ret_found) || !*ret_found)
                return !p->failed;
        if (c->nredirs == c->credirs) {
                uint32_t cap = c->credirs ? c->credirs * 2 : 2;
                struct redir *v = p_get(p, cap * sizeof *v);
                if (c->nredirs)
                        memcpy(v, c->redirs, c->nredirs * sizeof *v);
                c->redirs = v;
                c->credirs = cap;
        }
        c->redirs[c->nredirs++] = r;
        return true;
}

/* After a variable in command mode: does it stand alone (or with members) as an argument? */
static bool variable_stands_alone(struct parser *p)
{
        uint32_t i = p->pos + 1, q;
        if (lx_char(p, i) == '{') {
                while (i < p->n && p->s[i] != '}')
                        i++;
                i++;
        } else {
                if (lx_char(p, i) == '$' || lx_char(p, i) == '^' || lx_char(p, i) == '?')
                        i++;
                else
                        for (int c; i < p->n &&
                                    (lx_ident(p, i) ||
                                     ((c = lx_char(p, i)) > 0 && c < 0x80 &&
                                      (isdigit(c) || c == '?' || (c == ':' && lx_char(p, i + 1) != ':'))));
                             i++)
                                ;
        }
        int c = lx_char(p, i);
        return lx_ends_token(p, i) || c == '.' || c == '[' || c == '?' ||
               (c == ':' && lx_char(p, i + 1) == ':') || lx_quote(p, i, &q) ||
               (c == '+' && lx_char(p, i + 1) == '+') || (c == '-' && lx_char(p, i + 1) == '-');
}

/* One argument, without commas after it. */
static struct node *argument(struct parser *p)
{
        uint32_t at = p->pos, q, end;
        int c = lx_char(p, at), d = lx_char(p, at + 1);
        struct sv v;
        if (lx_quote(p, at, &q))
                return p_postfix(p, lx_string(p));
        if (c == '$' && ((d == '(') || (lx_starts_variable(p, at) && variable_stands_alone(p)))) {
                if (d == '(') {
                        struct node *x = p_subexpression(p);
                        if (!x || lx_ends_token(p, p->pos) || lx_char(p, p->pos) == '.' ||
                            lx_char(p, p->pos) == '[')
                                return p_postfix(p, x);
                        p->pos = at;
                        return lx_word(p, true);
                }
                return p_postfix(p, lx_variable(p, false, false));
        }
        if (c == '(' || c == '{' || (c == '@' && (d == '(' || d == '{' || lx_quote(p, at + 1, &q))))
                return p_postfix(p, p_primary(p));
        if ((isdigit(c) || (c == '.' && isdigit(d))) && lx_number(p, true, &v, &end)) {
                struct node *r = p_node(p, N_CONST, at);
                r->x = p_text(p, p->s + at, end - at);
                r->val = p_value(p, v);
                p_token(p, TK_NUMBER, at, end);
                p->pos = end;
                return p_done(p, r);
        }
        if (p->failed)
                return NULL;
        struct node *w = lx_word(p, true);
        p_token(p, TK_WORD, at, p->pos);
        return w;
}

/* Argument with commas: a,b,c is one array. */
static struct node *argument_list(struct parser *p)
{
        struct node *first = argument(p);
        struct vec v = { 0 };
        while (first) {
                uint32_t back = p->pos;
                lx_space(p);
                if (lx_char(p, p->pos) != ',') {
                        p->pos = back;
                        break;
                }
                if (v.n == 0)
                        p_push(p, &v, first);
                p->pos++;
                lx_lines(p);
                if (lx_ends_token(p, p->pos) &&
                    !strchr("({", lx_char(p, p->pos) > 0 ? lx_char(p, p->pos) : ' '))
                        return p_missing(p, p->pos, "MissingArgument", "Missing argument in parameter list.");
                struct node *next = argument(p);
                if (!next)
                        return NULL;
                p_push(p, &v, next);
        }
        if (v.n == 0 || !first)
                return first;
        struct node *r = p_node(p, N_ARRAY, first->at);
        r->v = (struct node **)v.v;
        r->n = v.n;
        r->flags |= NF_BARE;
        return p_done(p, r);
}

/* Length of a parameter's name behind its dash; 0 when this is a word. */
static uint32_t parameter_name(struct parser *p, uint32_t i)
{
        uint32_t start = i, q;
        int c = lx_char(p, i);
        if (!(lx_ident(p, i) || c == '?'))
                return 0;
        for (; i < p->n && !lx_ends_token(p, i); i++) {
                c = lx_char(p, i);
                if (c == '.' || c == '[' || c == ':')
                        break;
                if (lx_quote(p, i, &q))
                        return 0;
        }
        return i - start;
}

static bool parameter(struct parser *p, struct cmd_parts *parts, uint32_t dash, uint32_t n)
{
        struct arg *a = add_arg(p, parts);
        uint32_t at = p->pos;
        a->kind = ARG_PARAM;
        a->param = p_text(p, p->s + at + dash, n);
        a->nparam = n;
        p->pos += dash + n;
        if (lx_char(p, p->pos) == ':') {
                p->pos++;
                a->colon = true;
                uint32_t colon = p->pos;
                lx_space(p);
                if (p->pos != colon &&
                    (lx_ends_token(p, p->pos) && lx_char(p, p->pos) != '(' && lx_char(p, p->pos) != '{')) {
                        p_missing(p, p->pos, "ParameterRequiresArgument",
                                  "Parameter '-%s' requires an argument.", a->param);
                        return false;
                }
                if (lx_ends_token(p, p->pos) && lx_char(p, p->pos) != '(' && lx_char(p, p->pos) != '{') {
                        p_missing(p, p->pos, "ParameterRequiresArgument",
                                  "Parameter '-%s' requires an argument.", a->param);
                        return false;
                }
                uint32_t idx = parts->nargs - 1;
                struct node *v = argument_list(p);
                parts->args[idx].value = v;
        }
        p_token(p, TK_PARAMETER, at, at + dash + n);
        parts->args[parts->nargs - 1].end = p->pos;
        return !p->failed;
}

static bool verbatim(struct parser *p, struct cmd_parts *parts)
{
        struct arg *a = add_arg(p, parts);
        a->kind = ARG_VERBATIM;
        p->pos += 3;
        uint32_t start = p->pos;
        bool quoted = false;
        while (p->pos < p->n && !lx_newline(p, p->pos)) {
                int c = p->s[p->pos];
                if (c == '"')
                        quoted = !quoted;
                if (!quoted && (c == '|' || (c == '&' && lx_char(p, p->pos + 1) == '&')))
                        break;
                p->pos++;
        }
        a->value = p_const(p, start, sh_string(p->s + start, p->pos - start));
        return true;
}

static bool element(struct parser *p, struct cmd_parts *parts, bool *after_end)
{
        uint32_t at = p->pos, dash = lx_dash(p, at), n;
        int c = lx_char(p, at);
        if (dash && !*after_end) {
                if (!strncmp(p->s + at, "--%", p->n - at < 3 ? p->n - at : 3) && p->n - at >= 3)
                        return verbatim(p, parts);
                uint32_t d2 = lx_dash(p, at + dash);
                if (d2 && lx_ends_token(p, at + dash + d2)) {
                        add_arg(p, parts)->kind = ARG_ENDPARAMS;
                        p->pos += dash + d2;
                        *after_end = true;
                        return true;
                }
                if ((n = parameter_name(p, at + dash)) > 0)
                        return parameter(p, parts, dash, n);
        }
        if (c == '@' && (lx_ident(p, at + 1) || lx_char(p, at + 1) == '_')) {
                struct node *s = lx_variable(p, true, false);
                struct arg *a = add_arg(p, parts);
                a->kind = ARG_SPLAT;
                a->at = at;
                a->value = s ? s->a : NULL;
                return s != NULL;
        }
        uint32_t idx = parts->nargs;
        add_arg(p, parts)->kind = ARG_VALUE;
        struct node *v = argument_list(p);
        parts->args[idx].value = v;
        parts->args[idx].at = at;
        parts->args[idx].end = p->pos;
        return v != NULL;
}

static bool command_ends(struct parser *p)
{
        int c = lx_char(p, p->pos);
        return c < 0 || strchr(";|)}", c) || lx_newline(p, p->pos) || c == '&' || c == 0;
}

static struct node *command_name(struct parser *p, struct command *c)
{
        uint32_t at = p->pos, q;
        int ch = lx_char(p, at);
        if (c->invoke) {
                if (lx_quote(p, at, &q) || ch == '$' || ch == '(' || ch == '{' || ch == '@') {
                        struct node *x = ch == '$' && lx_starts_variable(p, at) ? lx_variable(p, false, false)
                                                                                : p_primary(p);
                        if (x && x->kind == N_EXPAND && (x->flags & NF_BARE))
                                return x;
                        while (x && (lx_char(p, p->pos) == '.' || lx_char(p, p->pos) == '[' ||
                                     (lx_char(p, p->pos) == ':' && lx_char(p, p->pos + 1) == ':'))) {
                                struct node *y = p_postfix(p, x);
                                if (y == x)
                                        break;
                                x = y;
                        }
                        return x;
                }
        } else if (lx_quote(p, at, &q) || ch == '$' || ch == '(') {
                return p_error(p, at, at + 1, "ExpressionsMustBeFirstInPipeline",
                               "Expressions are only allowed as the first element of a pipeline.");
        }
        if (lx_ends_token(p, at))
                return p->failed ? NULL
                                 : p_missing(p, at, c->invoke ? "MissingExpression" : "EmptyPipeElement",
                                             c->invoke ? "The expression after '%c' in a pipeline element "
                                                         "produced an object that was not valid."
                                                       : "An empty pipe element is not allowed.",
                                             c->invoke);
        struct node *w = lx_word(p, c->invoke != 0);
        p_token(p, TK_COMMAND, at, p->pos);
        return w;
}

struct node *p_command(struct parser *p)
{
        uint32_t at = p->pos;
        struct command *c = p_get(p, sizeof *c);
        struct cmd_parts parts = { 0 };
        int ch = lx_char(p, at), tern = p->in_ternary, comma = p->no_comma;
        bool found, after_end = false;
        p->in_ternary = p->no_comma = 0;
        while (!p->failed && add_redir(p, &parts, &found) && found)
                lx_space(p);
        if (ch == '&' ||
            (ch == '.' && !isdigit(lx_char(p, at + 1)) &&
             (lx_blank(p, at + 1) || strchr("$({'\"", lx_char(p, at + 1) > 0 ? lx_char(p, at + 1) : ' ')))) {
                c->invoke = (uint8_t)ch;
                p->pos++;
                lx_space(p);
        }
        if (!p->failed)
                c->name = command_name(p, c);
        uint32_t end = p->pos;
        for (lx_space(p); c->name && !p->failed && !command_ends(p); lx_space(p)) {
                if (lx_char(p, p->pos) == '&')
                        break;
                if (!add_redir(p, &parts, &found))
                        break;
                if (!found && lx_char(p, p->pos) == ',')
                        p_error(p, p->pos, p->pos + 1, "MissingArgument",
                                "Missing argument in parameter list.");
                else if (!found && !element(p, &parts, &after_end))
                        break;
                end = p->pos;
        }
        p->in_ternary = tern, p->no_comma = comma;
        if (!c->name || p->failed)
                return NULL;
        p->pos = end;
        c->args = parts.args, c->nargs = parts.nargs;
        c->redirs = parts.redirs, c->nredirs = parts.nredirs;
        struct node *r = p_node(p, N_CMD, at);
        r->x = c;
        r->a = c->name;
        return p_done(p, r);
}

/* ---- pipelines ---- */
int p_assign_op(struct parser *p, uint32_t at, uint32_t *ret_len)
{
        int c = lx_char(p, at), d = lx_char(p, at + 1);
        uint32_t dash = lx_dash(p, at);
        *ret_len = 2;
        if (c == '=') {
                *ret_len = 1;
                return 255;
        }
        if (c == '?' && d == '?' && lx_char(p, at + 2) == '=') {
                *ret_len = 3;
                return 254;
        }
        if (dash && lx_char(p, at + dash) == '=') {
                *ret_len = dash + 1;
                return SH_SUB;
        }
        return d != '='   ? -1
               : c == '+' ? SH_ADD
               : c == '*' ? SH_MUL
               : c == '/' ? SH_DIV
               : c == '%' ? SH_MOD
                          : -1;
}

static bool is_target(const struct node *x)
{
        switch (x->kind) {
        case N_VAR:
        case N_UNDER:
        case N_DRIVEVAR:
        case N_MEMBER:
        case N_INDEX:
        case N_LASTOK: return true;
        case N_CONST: return x->x == NULL && x->val.kind <= SH_BOOL;
        case N_CAST: return is_target(x->a);
        case N_PAREN: return x->a->kind == N_EXPR && is_target(x->a->a);
        case N_ARRAY:
                for (uint32_t i = 0; i < x->n; i++)
                        if (!is_target(x->v[i]))
                                return false;
                return true;
        }
        return false;
}

static struct node *assignment(struct parser *p, struct node *target, int op, uint32_t len)
{
        if (!is_target(target))
                return p_error(
                        p, target->at, target->end, "InvalidLeftHandSide",
                        "The assignment expression is not valid. The input to an assignment operator must be "
                        "an object that is able to accept assignments, such as a variable or a property.");
        p->pos += len;
        lx_lines(p);
        struct node *value = p_statement(p);
        if (!value)
                return p->failed
                               ? NULL
                               : p_missing(p, p->pos, "ExpectedValueExpression",
                                           "You must provide a value expression following the '=' operator.");
        struct node *r = p_node(p, N_ASSIGN, target->at);
        r->op = (uint8_t)op;
        r->a = target, r->b = value;
        return p_done(p, r);
}

static struct node *statement_of(struct parser *p, struct node *expr)
{
        struct node *r = p_node(p, N_EXPR, expr->at);
        r->a = expr;
        return p_done(p, r);
}

bool p_starts_expression(struct parser *p)
{
        uint32_t at = p->pos, q, dash = lx_dash(p, at), end;
        int c = lx_char(p, at), d = lx_char(p, at + 1);
        struct sv v;
        if (lx_quote(p, at, &q) || c == '(' || c == '{' || c == '!' || c == ',' || c == '[')
                return true;
        if (c == '$')
                return true;
        if (c == '@')
                return d == '(' || d == '{' || lx_quote(p, at + 1, &q) || lx_ident(p, at + 1);
        if (c == '+')
                return d == '+' || d == '$' || d == '(' || isdigit(d) || lx_blank(p, at + 1) ||
                       lx_quote(p, at + 1, &q);
        if (dash) {
                static const char *const names[] = { "not", "bnot", "split", "isplit", "csplit", "join" };
                uint32_t w = lx_ident(p, at + dash);
                for (int i = 0; w && i < 6; i++)
                        if (strlen(names[i]) == w && !strncasecmp(names[i], p->s + at + dash, w))
                                return true;
                return !w && lx_char(p, at + dash) > 0 && lx_char(p, at + dash) != '=';
        }
        if (isdigit(c) || (c == '.' && isdigit(d))) {
                uint32_t errors = p->nerrors;
                bool ok = lx_number(p, false, &v, &end);
                if (ok)
                        sh_drop(v);
                return ok || p->nerrors > errors;
        }
        return false;
}

/* After an expression only redirections may stand before | ; or the end. */
struct node *p_redirected(struct parser *p, struct node *expr)
{
        struct cmd_parts parts = { 0 };
        bool found;
        uint32_t back = p->pos;
        for (lx_space(p); add_redir(p, &parts, &found) && found; lx_space(p))
                back = p->pos;
        if (p->failed)
                return NULL;
        p->pos = back;
        if (parts.nredirs == 0)
                return expr;
        struct command *c = p_get(p, sizeof *c);
        c->redirs = parts.redirs, c->nredirs = parts.nredirs;
        struct node *r = p_node(p, N_PIPE, expr->at); /* a pipeline of one expression with redirections */
        struct node *e = p_node(p, N_EXPR, expr->at);
        e->a = expr;
        e->x = c;
        r->v = p_get(p, sizeof *r->v);
        r->v[0] = p_done(p, e);
        r->n = 1;
        return p_done(p, r);
}

/* expr | command | command */
static struct node *pipeline(struct parser *p)
{
        struct vec v = { 0 };
        uint32_t at = p->pos, len;
        if (p_starts_expression(p)) {
                struct node *e = p_expression(p);
                if (!e)
                        return NULL;
                uint32_t back = p->pos;
                lx_space(p);
                int op = p_assign_op(p, p->pos, &len);
                if (op >= 0)
                        return assignment(p, e, op, len);
                p->pos = back;
                struct node *r = p_redirected(p, e);
                if (!r)
                        return NULL;
                p_push(p, &v, r->kind == N_PIPE ? r->v[0] : statement_of(p, e));
        } else {
                if (command_ends(p) && lx_char(p, p->pos) != '&')
                        return NULL;
                struct node *c = p_command(p);
                if (!c)
                        return NULL;
                p_push(p, &v, c);
        }
        for (;;) {
                uint32_t back = p->pos;
                lx_space(p);
                if (lx_newline(p, p->pos)) { /* the next line may start with | */
                        lx_lines(p);
                        if (!(lx_char(p, p->pos) == '|' && lx_char(p, p->pos + 1) != '|')) {
                                p->pos = back;
                                break;
                        }
                }
                if (lx_char(p, p->pos) != '|' || lx_char(p, p->pos + 1) == '|') {
                        p->pos = back;
                        break;
                }
                p->pos++;
                lx_lines(p);
                if (p->pos >= p->n || strchr("|;)}", p->s[p->pos]))
                        return p_missing(p, p->pos, "EmptyPipeElement",
                                         "An empty pipe element is not allowed.");
                if (p_starts_expression(p) && lx_char(p, p->pos) != '{' && lx_char(p, p->pos) != '-' &&
                    lx_char(p, p->pos) != '!')
                        return p_error(p, p->pos, p->pos + 1, "ExpressionsMustBeFirstInPipeline",
                                       "Expressions are only allowed as the first element of a pipeline.");
                struct node *c = p_command(p);
                if (!c)
                        return NULL;
                p_push(p, &v, c);
        }
        if (v.n == 1 && ((struct node *)v.v[0])->kind == N_EXPR && !((struct node *)v.v[0])->x)
                return v.v[0];
        struct node *r = p_node(p, N_PIPE, at);
        r->v = (struct node **)v.v;
        r->n = v.n;
        return p_done(p, r);
}

struct node *p_pipeline(struct parser *p)
{
        uint32_t at = p->pos;
        struct node *left = pipeline(p);
        while (left) {
                uint32_t back = p->pos;
                lx_space(p);
                if (lx_newline(p, p->pos))
                        lx_lines(p);
                int c = lx_char(p, p->pos);
                if ((c == '&' || c == '|') && lx_char(p, p->pos + 1) == c) {
                        p->pos += 2;
                        lx_lines(p);
                        uint32_t start = p->pos;
                        struct node *right =
                                lx_word_is(p, "throw") || lx_word_is(p, "exit") || lx_word_is(p, "return") ||
                                                lx_word_is(p, "break") || lx_word_is(p, "continue")
                                        ? p_statement(p)
                                        : pipeline(p);
                        if (!right)
                                return p->failed ? NULL
                                                 : p_missing(p, start, "EmptyPipelineChainElement",
                                                             "The pipeline chain operator '%c%c' must be "
                                                             "followed by a pipeline.",
                                                             c, c);
                        struct node *r = p_node(p, N_CHAIN, at);
                        r->op = (uint8_t)c;
                        r->a = left, r->b = right;
                        left = p_done(p, r);
                        continue;
                }
                p->pos = back;
                lx_space(p);
                if (lx_char(p, p->pos) == '&' && lx_char(p, p->pos + 1) != '&') {
                        p->pos++;
                        struct node *r = p_node(p, N_BG, at);
                        r->a = left;
                        return p_done(p, r);
                }
                p->pos = back;
                break;
        }
        return left;
}
