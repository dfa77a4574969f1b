/* SPDX-License-Identifier: MIT
 *
 * Expressions: precedence climbing over sh_operator's table (facts 2.1), literals, casts, members, calls, indexes.
 */
#include "shell/code.h"
#include "shell/parse.h"
#include "shell/limits.h"

#include <ctype.h>
#include <strings.h>

/* ---- operators ---- */
static const struct {
        const char *name;
        uint8_t op, prec;
        uint8_t kind;
} word_operators[] = {
        { "and", SH_AND, 2, N_AND },
        { "or", SH_OR, 2, N_OR },
        { "xor", SH_XOR, 2, N_XOR },
        { "band", SH_BAND, 3, N_BINARY },
        { "bor", SH_BOR, 3, N_BINARY },
        { "bxor", SH_BXOR, 3, N_BINARY },
        { "eq", SH_EQ, 4, N_BINARY },
        { "ne", SH_NE, 4, N_BINARY },
        { "lt", SH_LT, 4, N_BINARY },
        { "le", SH_LE, 4, N_BINARY },
        { "gt", SH_GT, 4, N_BINARY },
        { "ge", SH_GE, 4, N_BINARY },
        { "like", SH_LIKE, 4, N_BINARY },
        { "notlike", SH_NOTLIKE, 4, N_BINARY },
        { "match", SH_MATCH, 4, N_BINARY },
        { "notmatch", SH_NOTMATCH, 4, N_BINARY },
        { "contains", SH_CONTAINS, 4, N_BINARY },
        { "notcontains", SH_NOTCONTAINS, 4, N_BINARY },
        { "in", SH_IN, 4, N_BINARY },
        { "notin", SH_NOTIN, 4, N_BINARY },
        { "replace", SH_REPLACE, 4, N_BINARY },
        { "split", SH_SPLIT, 4, N_BINARY },
        { "join", SH_JOIN, 4, N_BINARY },
        { "is", SH_IS, 4, N_BINARY },
        { "isnot", SH_ISNOT, 4, N_BINARY },
        { "as", SH_AS, 4, N_BINARY },
        { "shl", SH_SHL, 4, N_BINARY },
        { "shr", SH_SHR, 4, N_BINARY },
        { "f", SH_FORMAT, 8, N_BINARY },
};

static bool has_case_forms(int op)
{
        return op >= SH_EQ && op <= SH_SPLIT;
}

static int word_operator(const char *s, uint32_t n, uint16_t *flags)
{
        for (int strip = 0; strip < 2; strip++) {
                const char *w = s + strip;
                uint32_t nw = n - (uint32_t)strip;
                if (strip && (n < 3 || !strchr("icIC", s[0])))
                        break;
                for (size_t i = 0; i < sizeof word_operators / sizeof *word_operators; i++)
                        if (strlen(word_operators[i].name) == nw &&
                            !strncasecmp(word_operators[i].name, w, nw) &&
                            (!strip || has_case_forms(word_operators[i].op))) {
                                *flags = strip && tolower(s[0]) == 'c' ? NF_CASE : 0;
                                return (int)i;
                        }
        }
        return -1;
}

/* The binary operator at `at`: its node kind, or -1. */
int sh_operator(const struct parser *p, uint32_t at, uint32_t *ret_end, int *ret_op, int *ret_prec,
                uint16_t *ret_flags)
{
        static const struct {
                char c;
                uint8_t op, prec;
        } signs[] = {
                { '+', SH_ADD, 6 },
                { '*', SH_MUL, 7 },
                { '/', SH_DIV, 7 },
                { '%', SH_MOD, 7 },
        };
        int c = lx_char(p, at);
        *ret_flags = 0;
        if (c == '.' && lx_char(p, at + 1) == '.') {
                *ret_end = at + 2, *ret_op = SH_RANGE, *ret_prec = 9;
                return N_BINARY;
        }
        if (c == '?' && lx_char(p, at + 1) == '?' && lx_char(p, at + 2) != '=') {
                *ret_end = at + 2, *ret_op = 0, *ret_prec = 5;
                return N_COALESCE;
        }
        for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
                if (c == signs[i].c && lx_char(p, at + 1) != '=') {
                        *ret_end = at + 1, *ret_op = signs[i].op, *ret_prec = signs[i].prec;
                        return N_BINARY;
                }
        uint32_t dash = lx_dash(p, at);
        if (!dash)
                return -1;
        uint32_t w = lx_ident(p, at + dash);
        int i = w ? word_operator(p->s + at + dash, w, ret_flags) : -1;
        if (i >= 0) {
                *ret_end = at + dash + w, *ret_op = word_operators[i].op, *ret_prec = word_operators[i].prec;
                return word_operators[i].kind;
        }
        if (w && isalpha(lx_char(p, at + dash)))
                return -1;
        if (lx_char(p, at + dash) == '=')
                return -1;
        *ret_end = at + dash, *ret_op = SH_SUB, *ret_prec = 6;
        return N_BINARY;
}

static struct node *array_literal(struct parser *p)
{
        struct node *first = p_operand(p);
        if (!first || p->no_comma)
                return first;
        struct vec v = { 0 };
        for (;;) {
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
                struct node *next = p_operand(p);
                if (!next)
                        return p->failed ? NULL
                                         : p_missing(p, p->pos, "MissingExpressionAfterToken",
                                                     "Missing expression after ','.");
                p_push(p, &v, next);
        }
        if (v.n == 0)
                return first;
        struct node *r = p_node(p, N_ARRAY, first->at);
        r->v = (struct node **)v.v;
        r->n = v.n;
        return p_done(p, r);
}

static struct node *binary(struct parser *p, int min)
{
        struct node *left = array_literal(p);
        while (left) {
                uint32_t back = p->pos, end;
                int op, prec;
                uint16_t flags;
                lx_space(p);
                int kind = sh_operator(p, p->pos, &end, &op, &prec, &flags);
                if (kind < 0 || prec < min) {
                        p->pos = back;
                        return left;
                }
                uint32_t at = p->pos;
                p_token(p, TK_OPERATOR, at, end);
                p->pos = end;
                lx_lines(p);
                if (!p_enter(p))
                        return NULL;
                struct node *right = binary(p, prec + 1);
                p_leave(p);
                if (!right)
                        return p->failed ? NULL
                                         : p_missing(p, end, "ExpectedValueExpression",
                                                     "You must provide a value expression following the "
                                                     "'%.*s' operator.",
                                                     (int)(end - at), p->s + at);
                struct node *n = p_node(p, (enum node_kind)kind, left->at);
                n->op = (uint8_t)op;
                n->flags = flags;
                n->a = left, n->b = right;
                left = p_done(p, n);
        }
        return NULL;
}

struct node *p_expression(struct parser *p)
{
        if (!p_enter(p))
                return NULL;
        struct node *cond = binary(p, 2);
        uint32_t back = p->pos;
        if (cond) {
                lx_space(p);
                if (lx_char(p, p->pos) == '?' && lx_char(p, p->pos + 1) != '?') {
                        p->pos++;
                        lx_lines(p);
                        p->in_ternary++;
                        struct node *yes = p_expression(p), *no = NULL;
                        p->in_ternary--;
                        lx_lines(p);
                        if (!yes)
                                return p->failed ? NULL
                                                 : p_missing(p, p->pos, "MissingExpressionAfterToken",
                                                             "Missing expression after '?' in ternary "
                                                             "expression.");
                        if (!p_eat(p, ':'))
                                return p_missing(p, p->pos, "MissingColonInTernaryExpression",
                                                 "Missing ':' in the ternary expression.");
                        lx_lines(p);
                        no = p_expression(p);
                        if (!no)
                                return p->failed ? NULL
                                                 : p_missing(p, p->pos, "MissingExpressionAfterToken",
                                                             "Missing expression after ':' in ternary "
                                                             "expression.");
                        struct node *r = p_node(p, N_TERNARY, cond->at);
                        r->a = cond, r->b = yes, r->c = no;
                        cond = p_done(p, r);
                } else {
                        p->pos = back;
                }
        }
        p_leave(p);
        return cond;
}

/* ---- unary ---- */
static struct node *unary(struct parser *p, enum node_kind kind, int op, uint16_t flags, uint32_t len)
{
        uint32_t at = p->pos;
        p_token(p, TK_OPERATOR, at, at + len);
        p->pos += len;
        lx_lines(p);
        if (!p_enter(p))
                return NULL;
        struct node *x = p_operand(p);
        p_leave(p);
        if (!x)
                return p->failed ? NULL
                                 : p_missing(p, at + len, "MissingExpressionAfterOperator",
                                             "Missing expression after unary operator '%.*s'.", (int)len,
                                             p->s + at);
        struct node *r = p_node(p, kind, at);
        r->op = (uint8_t)op;
        r->flags = flags;
        r->a = x;
        if (kind == N_ARRAY) {
                r->v = p_get(p, sizeof *r->v);
                r->v[0] = x;
                r->n = 1;
                r->a = NULL;
        }
        return p_done(p, r);
}

static struct node *dash_unary(struct parser *p, uint32_t dash)
{
        static const struct {
                const char *name;
                uint8_t op;
        } names[] = {
                { "not", SH_NOT },       { "bnot", SH_BNOT },     { "split", SH_USPLIT },
                { "isplit", SH_USPLIT }, { "csplit", SH_USPLIT }, { "join", SH_UJOIN },
        };
        uint32_t w = lx_ident(p, p->pos + dash), d2 = lx_dash(p, p->pos + dash);
        for (size_t i = 0; w && i < sizeof names / sizeof *names; i++)
                if (strlen(names[i].name) == w && !strncasecmp(names[i].name, p->s + p->pos + dash, w))
                        return unary(p, N_UNARY, names[i].op, 0, dash + w);
        if (w && isalpha(lx_char(p, p->pos + dash)))
                return NULL;
        if (d2)
                return unary(p, N_INC, 0, NF_DEC, dash + d2);
        struct sv v;
        uint32_t end;
        if (lx_number(p, false, &v, &end)) {
                struct node *r = p_node(p, N_CONST, p->pos);
                r->x = p_text(p, p->s + p->pos, end - p->pos);
                r->val = p_value(p, v);
                p_token(p, TK_NUMBER, p->pos, end);
                p->pos = end;
                return p_postfix(p, p_done(p, r));
        }
        return unary(p, N_UNARY, SH_NEG, 0, dash);
}

struct node *p_operand(struct parser *p)
{
        int c = lx_char(p, p->pos);
        uint32_t dash = lx_dash(p, p->pos);
        if (dash)
                return dash_unary(p, dash);
        switch (c) {
        case '!': return unary(p, N_UNARY, SH_NOT, 0, 1);
        case ',': return p->no_comma ? NULL : unary(p, N_ARRAY, 0, 0, 1);
        case '+':
                if (lx_char(p, p->pos + 1) == '+')
                        return unary(p, N_INC, 0, 0, 2);
                return unary(p, N_UNARY, SH_PLUS, 0, 1);
        }
        struct node *x = p_primary(p);
        return x ? p_postfix(p, x) : NULL;
}

/* ---- members, calls, indexes ---- */
static bool arguments(struct parser *p, struct node *call)
{
        struct vec v = { 0 };
        int keep = p->no_comma;
        p->pos++;
        p->no_comma = 1;
        for (lx_lines(p); lx_char(p, p->pos) != ')'; lx_lines(p)) {
                struct node *e = p_expression(p);
                if (!e) {
                        if (!p->failed)
                                p_missing(p, p->pos, "MissingEndParenthesisInMethodCall",
                                          "Missing ')' in method call.");
                        break;
                }
                p_push(p, &v, e);
                lx_lines(p);
                if (lx_char(p, p->pos) == ',') {
                        p->pos++;
                        lx_lines(p);
                        if (lx_char(p, p->pos) == ')') {
                                p_error(p, p->pos, p->pos + 1, "MissingExpressionAfterToken",
                                        "Missing expression after ','.");
                                break;
                        }
                } else if (lx_char(p, p->pos) != ')') {
                        p_missing(p, p->pos, "MissingEndParenthesisInMethodCall",
                                  "Missing ')' in method call.");
                        break;
                }
        }
        p->no_comma = keep;
        call->v = (struct node **)v.v;
        call->n = v.n;
        return !p->failed && p_eat(p, ')');
}

static struct node *member_name(struct parser *p)
{
        uint32_t at = p->pos, n = lx_ident(p, at), q;
        if (n) {
                p->pos += n;
                p_token(p, TK_MEMBER, at, p->pos);
                return p_const(p, at, sh_string(p->s + at, n));
        }
        int keep = p->no_comma;
        p->no_comma = 0;
        struct node *r = NULL;
        if (lx_char(p, at) >= '0' && lx_char(p, at) <= '9') { /* $rows.23 */
                uint32_t end = at;
                while (lx_char(p, end) >= '0' && lx_char(p, end) <= '9')
                        end++;
                r = p_const(p, at, sh_string(p->s + at, end - at));
                p->pos = end;
                p->no_comma = keep;
                return r;
        }
        if (lx_quote(p, at, &q) || lx_char(p, at) == '$' || lx_char(p, at) == '(')
                r = p_primary(p);
        p->no_comma = keep;
        return r;
}

/* .Method[int](...): types are found by the arguments here, those named are passed over. */
static void skip_type_arguments(struct parser *p)
{
        uint32_t i = p->pos, depth = 0;
        if (lx_char(p, i) != '[' || !(isalpha(lx_char(p, i + 1)) || lx_char(p, i + 1) == '['))
                return;
        for (int c; (c = lx_char(p, i)) >= 0 && (isalnum(c) || strchr("[]., _", c)); i++) {
                depth += c == '[';
                depth -= c == ']';
                if (!depth)
                        break;
        }
        if (!depth && lx_char(p, i) == ']' && lx_char(p, i + 1) == '(')
                p->pos = i + 1;
}

static struct node *member(struct parser *p, struct node *self, uint32_t len, uint16_t flags)
{
        p->pos += len;
        lx_lines(p); /* the name may stand apart, and on the next line */
        struct node *name = member_name(p);
        if (!name)
                return p->failed ? NULL
                                 : p_missing(p, p->pos, "MissingPropertyName",
                                             "Missing property name after reference operator.");
        skip_type_arguments(p);
        int c = lx_char(p, p->pos);
        bool block_call = c == '{' && name->kind == N_CONST && !(flags & NF_STATIC) &&
                          (sh_text_same(name->val.s->s, name->val.s->len, "where", 5) ||
                           sh_text_same(name->val.s->s, name->val.s->len, "pswhere", 7) ||
                           sh_text_same(name->val.s->s, name->val.s->len, "psforeach", 9) ||
                           sh_text_same(name->val.s->s, name->val.s->len, "foreach", 7));
        struct node *r = p_node(p, c == '(' || block_call ? N_CALL : N_MEMBER, self->at);
        r->flags = flags;
        r->a = self, r->b = name;
        if (c == '(') {
                if (!arguments(p, r))
                        return NULL;
        } else if (block_call) {
                struct node *b = p_block_literal(p);
                if (!b)
                        return NULL;
                r->v = p_get(p, sizeof *r->v);
                r->v[0] = b;
                r->n = 1;
        }
        return p_done(p, r);
}

static struct node *index_of(struct parser *p, struct node *self, uint32_t len, uint16_t flags)
{
        uint32_t at = p->pos;
        p->pos += len;
        lx_lines(p);
        int keep = p->no_comma;
        p->no_comma = 0;
        struct node *key = p_expression(p);
        p->no_comma = keep;
        if (!key)
                return p->failed ? NULL
                                 : p_missing(p, p->pos, "MissingArrayIndexExpression",
                                             "Array index expression is missing or not valid.");
        lx_lines(p);
        if (!p_eat(p, ']'))
                return p_missing(p, at, "MissingEndSquareBracket",
                                 "Missing ] at end of array index expression.");
        struct node *r = p_node(p, N_INDEX, self->at);
        r->flags = flags;
        r->a = self, r->b = key;
        return p_done(p, r);
}

static struct node *increment(struct parser *p, struct node *x, uint16_t flags, uint32_t len)
{
        struct node *r = p_node(p, N_INC, x->at);
        r->flags = flags | NF_POST;
        r->a = x;
        p->pos += len;
        return p_done(p, r);
}

static bool assignable(const struct node *x)
{
        return x->kind == N_VAR || x->kind == N_MEMBER || x->kind == N_INDEX || x->kind == N_UNDER ||
               x->kind == N_DRIVEVAR || (x->kind == N_CAST && assignable(x->a));
}

struct node *p_postfix(struct parser *p, struct node *x)
{
        while (x) {
                int c = lx_char(p, p->pos), d = lx_char(p, p->pos + 1);
                uint32_t dash = lx_dash(p, p->pos), dash2 = dash ? lx_dash(p, p->pos + dash) : 0;
                if (c == '.' && d != '.' && d >= 0)
                        x = member(p, x, 1, 0);
                else if (c == ':' && d == ':')
                        x = member(p, x, 2, NF_STATIC);
                else if (c == '[')
                        x = index_of(p, x, 1, 0);
                else if (c == '?' && d == '.' && lx_char(p, p->pos + 2) != '.')
                        x = member(p, x, 2, NF_NULLCOND);
                else if (c == '?' && d == '[')
                        x = index_of(p, x, 2, NF_NULLCOND);
                else if (c == '+' && d == '+' && assignable(x))
                        return increment(p, x, 0, 2);
                else if (dash2 && assignable(x))
                        return increment(p, x, NF_DEC, dash + dash2);
                else
                        break;
        }
        return x;
}

/* ---- literals ---- */
struct node *p_subexpression(struct parser *p)
{
        uint32_t at = p->pos;
        bool array = p->s[at] == '@';
        int keep = p->no_comma, tern = p->in_ternary;
        p->pos += 2;
        p->no_comma = p->in_ternary = 0;
        struct node *list = p_statements(p, ')');
        p->no_comma = keep, p->in_ternary = tern;
        if (!list)
                return NULL;
        if (!p_eat(p, ')'))
                return p_missing(p, at,
                                 array ? "MissingEndParenthesisInExpression"
                                       : "MissingEndParenthesisInSubexpression",
                                 "Missing closing ')' in subexpression.");
        struct node *r = p_node(p, array ? N_ARRAYSUB : N_SUB, at);
        r->a = list;
        return p_done(p, r);
}

static struct node *paren(struct parser *p)
{
        uint32_t at = p->pos++;
        int keep = p->no_comma, tern = p->in_ternary;
        if (!p_enter(p))
                return NULL;
        p->no_comma = p->in_ternary = 0;
        lx_lines(p);
        struct node *x = p_pipeline(p);
        p->no_comma = keep, p->in_ternary = tern;
        p_leave(p);
        if (!x)
                return p->failed ? NULL
                                 : p_missing(p, p->pos, "ExpectedExpression",
                                             "An expression was expected after '('.");
        lx_lines(p);
        if (!p_eat(p, ')'))
                return p_missing(p, at, "MissingEndParenthesisInExpression",
                                 "Missing closing ')' in expression.");
        struct node *r = p_node(p, N_PAREN, at);
        r->a = x;
        if (x->kind != N_EXPR)
                r->flags |= NF_CMDS;
        return p_done(p, r);
}

static struct node *hash_key(struct parser *p)
{
        uint32_t at = p->pos, q;
        int c = lx_char(p, at);
        if (c == '$' || c == '(' || lx_quote(p, at, &q) || c == '@' || isdigit(c) || lx_dash(p, at) ||
            c == '[' || c == '.') {
                struct node *x = p_operand(p);
                if (x && x->kind == N_CAST)
                        return x;
                return x;
        }
        while (!lx_ends_token(p, p->pos) && lx_char(p, p->pos) != '=')
                p->pos++;
        if (p->pos == at)
                return NULL;
        p_token(p, TK_MEMBER, at, p->pos);
        return p_const(p, at, sh_string(p->s + at, p->pos - at));
}

static struct node *hash(struct parser *p)
{
        uint32_t at = p->pos;
        struct vec v = { 0 };
        int keep = p->no_comma, tern = p->in_ternary;
        p->pos += 2;
        p->no_comma = p->in_ternary = 0;
        for (lx_separators(p); p->pos < p->n && lx_char(p, p->pos) != '}'; lx_separators(p)) {
                struct node *k = hash_key(p);
                if (!k)
                        return p->failed ? NULL
                                         : p_error(p, p->pos, p->pos + 1, "MissingKeyInHashLiteral",
                                                   "Missing key before '=' in hash literal.");
                lx_space(p);
                if (!p_eat(p, '='))
                        return p_missing(p, p->pos, "MissingEqualsInHashLiteral",
                                         "Missing '=' operator after key in hash literal.");
                lx_lines(p);
                struct node *x = p_statement(p);
                if (!x)
                        return p->failed ? NULL
                                         : p_missing(p, p->pos, "MissingStatementInHashLiteral",
                                                     "Missing statement after '=' in hash literal.");
                p_push(p, &v, k);
                p_push(p, &v, x);
                uint32_t end = p->pos;
                lx_space(p);
                if (p->pos < p->n && !lx_newline(p, p->pos) && !strchr(";}", p->s[p->pos]))
                        return p_error(p, end, p->pos + 1, "IncompleteHashLiteral",
                                       "The hash literal was incomplete.");
        }
        p->no_comma = keep, p->in_ternary = tern;
        if (!p_eat(p, '}'))
                return p_missing(p, at, "IncompleteHashLiteral", "The hash literal was incomplete.");
        struct node *r = p_node(p, N_HASH, at);
        r->v = (struct node **)v.v;
        r->n = v.n;
        return p_done(p, r);
}

struct node *p_block_literal(struct parser *p)
{
        uint32_t at = p->pos++;
        struct block *b = p_block(p, '}', false);
        if (!b)
                return NULL;
        b->at = at;
        b->end = p->pos;
        struct node *r = p_node(p, N_BLOCK, at);
        r->x = b;
        return p_done(p, r);
}

/* Inside [ ]: a.b.c, List[string], int[], Dictionary[string, int]; stops before the closing bracket. */
bool p_type_name(struct parser *p, const char **ret, uint32_t *ret_n)
{
        uint32_t i = p->pos;
        int depth = 0;
        while (lx_blank(p, i))
                i++;
        uint32_t start = i;
        if (!lx_ident(p, i))
                return false;
        for (; i < p->n; i++) {
                int c = lx_char(p, i);
                if (c == '[')
                        depth++;
                else if (c == ']' && depth-- == 0)
                        break;
                else if (!(isalnum(c) || c >= 0x80 || strchr("._+`,[] *", c)) ||
                         (c == ' ' && depth == 0 && lx_char(p, i + 1) != ']'))
                        return false;
        }
        if (lx_char(p, i) != ']')
                return false;
        uint32_t end = i;
        while (end > start && p->s[end - 1] == ' ')
                end--;
        *ret = p_text(p, p->s + start, end - start);
        *ret_n = end - start;
        p_token(p, TK_TYPE, start, end);
        if (sh_limits)
                sh_limits_type(p, *ret, *ret_n, start);
        p->pos = i;
        return true;
}

/* Does an operand start here, for "[type] operand"? */
static bool operand_follows(struct parser *p)
{
        int c = lx_char(p, p->pos);
        uint32_t q, dash = lx_dash(p, p->pos);
        if (dash) {
                static const char *const names[] = { "not", "bnot", "split", "join" };
                uint32_t w = lx_ident(p, p->pos + dash);
                for (int i = 0; w && i < 4; i++)
                        if (strlen(names[i]) == w && !strncasecmp(names[i], p->s + p->pos + dash, w))
                                return true;
                return w == 0 && !lx_blank(p, p->pos + dash);
        }
        if (c == '$')
                return lx_starts_variable(p, p->pos) || lx_char(p, p->pos + 1) == '(';
        if (c == '@')
                return strchr("({'\"", lx_char(p, p->pos + 1) > 0 ? lx_char(p, p->pos + 1) : ' ') != NULL;
        return c > 0 &&
               (isdigit(c) || strchr("(![{", c) || lx_quote(p, p->pos, &q) ||
                (c == '.' && isdigit(lx_char(p, p->pos + 1))) || (c == '+' && lx_char(p, p->pos + 1) != '='));
}

static struct node *type_node(struct parser *p, uint32_t at, const char *name, uint32_t n)
{
        struct node *t = p_node(p, N_TYPE, at);
        t->x = (void *)name;
        t->slot = n;
        return p_done(p, t);
}

/* [attribute(...)]$x = ...: kept on the variable's cast. */
static struct node *attributed(struct parser *p, uint32_t at)
{
        p->pos = at;
        struct attr *attrs = p_attributes(p);
        if (!attrs)
                return NULL;
        lx_lines(p);
        struct node *x = p_operand(p);
        if (!x)
                return p->failed ? NULL
                                 : p_missing(p, p->pos, "UnexpectedAttribute", "Unexpected attribute '%s'.",
                                             attrs->name);
        struct node *r = p_node(p, N_CAST, at);
        r->a = x;
        r->x = attrs;
        return p_done(p, r);
}

static struct node *bracket(struct parser *p)
{
        uint32_t at = p->pos++, n;
        const char *name;
        if (!p_type_name(p, &name, &n)) {
                uint32_t i = p->pos + lx_ident(p, p->pos);
                while (lx_char(p, i) == '.' || lx_ident(p, i))
                        i += lx_char(p, i) == '.' ? 1 : lx_ident(p, i);
                while (lx_blank(p, i))
                        i++;
                if (lx_char(p, i) == '(')
                        return attributed(p, at);
                if (i >= p->n)
                        return p_error(p, at, p->n, "EndSquareBracketExpectedAtEndOfType",
                                       "Missing ] at end of type token.");
                return p_error(p, at, at + 1, "TypenameExpected", "Missing type name after '['.");
        }
        p->pos++;
        struct node *t = type_node(p, at, name, n);
        uint32_t back = p->pos;
        int c = lx_char(p, p->pos);
        if ((c == ':' && lx_char(p, p->pos + 1) == ':') || c == '.')
                return t;
        lx_space(p);
        if (lx_newline(p, p->pos) || !operand_follows(p)) {
                p->pos = back;
                return t;
        }
        if (!p_enter(p))
                return NULL;
        int keep = p->no_comma;
        struct node *x = p_operand(p);
        p->no_comma = keep;
        p_leave(p);
        if (!x)
                return NULL;
        struct node *r = p_node(p, N_CAST, at);
        r->a = x, r->b = t;
        return p_done(p, r);
}

/* ---- variables ---- */
static const struct {
        const char *name;
        uint8_t scope;
} scopes[] = {
        { "local", VS_LOCAL },     { "script", VS_SCRIPT }, { "global", VS_GLOBAL },
        { "private", VS_PRIVATE }, { "using", VS_USING },
};

static struct node *plain_variable(struct parser *p, uint32_t at, const char *name, uint32_t n, int scope)
{
        static const struct {
                const char *name;
                uint8_t kind;
                int value;
        } fixed[] = {
                { "true", N_CONST, 1 }, { "false", N_CONST, 0 },  { "null", N_CONST, -1 },
                { "_", N_UNDER, 0 },    { "PSItem", N_UNDER, 0 }, { "?", N_LASTOK, 0 },
        };
        for (size_t i = 0; scope == VS_PLAIN && i < sizeof fixed / sizeof *fixed; i++)
                if (strlen(fixed[i].name) == n && !strncasecmp(fixed[i].name, name, n)) {
                        struct node *r = p_node(p, (enum node_kind)fixed[i].kind, at);
                        if (fixed[i].kind == N_CONST)
                                r->val = fixed[i].value < 0 ? SH_NIL : sh_bool(fixed[i].value);
                        if (fixed[i].value < 0)
                                r->flags |= NF_DISCARD;
                        return p_done(p, r);
                }
        struct node *r = p_node(p, N_VAR, at);
        r->op = (uint8_t)scope;
        r->x = p_text(p, name, n);
        r->id = sh_intern(p->sh, name, n);
        r->layout = p->block->layout;
        r->slot = scope == VS_PLAIN || scope == VS_LOCAL ? sh_layout_add(r->layout, r->id) : UINT32_MAX;
        if (scope == VS_USING)
                for (struct block *b = p->block; b; b = b->outer)
                        b->uses_using = true;
        return p_done(p, r);
}

/* name as written between $ and the end of the token */
static struct node *named_variable(struct parser *p, uint32_t at, const char *name, uint32_t n)
{
        const char *colon = memchr(name, ':', n);
        if (!colon)
                return plain_variable(p, at, name, n, VS_PLAIN);
        uint32_t np = (uint32_t)(colon - name);
        for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
                if (strlen(scopes[i].name) == np && !strncasecmp(scopes[i].name, name, np))
                        return plain_variable(p, at, colon + 1, n - np - 1, scopes[i].scope);
        if (np == 8 && !strncasecmp(name, "variable", 8))
                return plain_variable(p, at, colon + 1, n - np - 1, VS_PLAIN);
        struct node *r = p_node(p, N_DRIVEVAR, at);
        r->x = p_text(p, name, n);
        r->n = np;
        return p_done(p, r);
}

static struct node *braced_variable(struct parser *p, uint32_t at)
{
        struct sh_buf b = { 0 };
        for (p->pos += 2; p->pos < p->n && p->s[p->pos] != '}'; p->pos++) {
                if (p->s[p->pos] == '`' && p->pos + 1 < p->n)
                        p->pos++;
                sh_buf_put(&b, p->s + p->pos, 1);
        }
        struct node *r = NULL;
        if (!p_eat(p, '}'))
                p_missing(p, at, "IncompleteDollarSubexpressionReference",
                          "The variable name is missing its closing brace.");
        else if (b.n == 0)
                p_error(p, at, p->pos, "EmptyVariableReference", "Braced variable name cannot be empty.");
        else
                r = named_variable(p, at, p_text(p, b.p, b.n), (uint32_t)b.n);
        sh_buf_free(&b);
        return r;
}

static bool variable_byte(const struct parser *p, uint32_t i)
{
        int c = lx_char(p, i);
        if (c == ':')
                return lx_char(p, i + 1) != ':';
        return c == '?' || c == '_' || (c < 0x80 ? c > 0 && isalnum(c) : lx_ident(p, i) > 0);
}

struct node *lx_variable(struct parser *p, bool splat, bool in_string)
{
        uint32_t at = p->pos, i = at + 1;
        int c = lx_char(p, i);
        if (c == '{' && !splat)
                return braced_variable(p, at);
        if (c == '$' || c == '^' || c == '?')
                i++;
        else
                while (i < p->n && variable_byte(p, i)) {
                        if (lx_char(p, i) == '?' &&
                            ((lx_char(p, i + 1) == '?' && !in_string) || (p->in_ternary && 0)))
                                break;
                        i++;
                }
        if (p->s[i - 1] == ':' && i > at + 1) {
                if (p->in_ternary && !in_string)
                        i--;
                else
                        return p_error(p, at, i, "InvalidVariableReferenceWithDrive",
                                       "Variable reference is not valid. ':' was not followed by a valid "
                                       "variable name character. Consider using ${} to delimit the name.");
        }
        p->pos = i;
        p_token(p, TK_VARIABLE, at, i);
        struct node *r = named_variable(p, at, p->s + at + 1, i - at - 1);
        if (splat && r) {
                struct node *s = p_node(p, N_SPLAT, at);
                s->a = r;
                return p_done(p, s);
        }
        return r;
}

/* A primary expression, or NULL without error when none starts here. */
struct node *p_primary(struct parser *p)
{
        uint32_t at = p->pos, q, end;
        int c = lx_char(p, at), d = lx_char(p, at + 1);
        struct sv v;
        if (lx_quote(p, at, &q))
                return lx_string(p);
        switch (c) {
        case '$':
                if (d == '(')
                        return p_subexpression(p);
                return lx_starts_variable(p, at) ? lx_variable(p, false, false) : NULL;
        case '(': return paren(p);
        case '{': return p_block_literal(p);
        case '[': return bracket(p);
        case '@':
                if (d == '(')
                        return p_subexpression(p);
                if (d == '{')
                        return hash(p);
                if (lx_quote(p, at + 1, &q))
                        return lx_string(p);
                if (lx_ident(p, at + 1))
                        return p_error(p, at, at + 1 + lx_ident(p, at + 1), "SplattingNotPermitted",
                                       "The splatting operator '@' cannot be used to reference variables in "
                                       "an expression. '@%.*s' can be used only as an argument to a command. "
                                       "To reference variables in an expression use '$%.*s'.",
                                       (int)lx_ident(p, at + 1), p->s + at + 1, (int)lx_ident(p, at + 1),
                                       p->s + at + 1);
                return NULL;
        }
        if (!lx_number(p, false, &v, &end))
                return NULL;
        struct node *r = p_node(p, N_CONST, at);
        r->x = p_text(p, p->s + at, end - at);
        r->val = p_value(p, v);
        p_token(p, TK_NUMBER, at, end);
        p->pos = end;
        return p_done(p, r);
}
