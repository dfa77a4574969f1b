/* SPDX-License-Identifier: MIT
 *
 * Script blocks: attributes, param( ), begin/process/end/clean; classes and enums; sh_parse(), the way in.
 */
#include "shell/code.h"
#include "shell/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

struct layout *sh_unit_layout(struct unit *u)
{
        if (u->nlayouts == u->caplayouts) {
                u->caplayouts = u->caplayouts ? u->caplayouts * 2 : 8;
                u->layouts = realloc(u->layouts, u->caplayouts * sizeof(struct layout *));
                if (!u->layouts)
                        abort();
        }
        return u->layouts[u->nlayouts++] = sh_layout_new();
}

/* ---- attributes: [Name(args, N = v)] and [type] ---- */
static bool attribute_arguments(struct parser *p, struct attr *a)
{
        struct vec pos = { 0 }, names = { 0 }, values = { 0 };
        int comma = p->no_comma;
        p->pos++;
        p->no_comma = 1;
        for (lx_lines(p); p->pos < p->n && lx_char(p, p->pos) != ')'; lx_lines(p)) {
                uint32_t at = p->pos, n = lx_ident(p, at);
                if (n) {
                        p->pos += n;
                        lx_space(p);
                        p_push(p, &names, p_text(p, p->s + at, n));
                        struct node *v = NULL;
                        if (lx_char(p, p->pos) == '=') {
                                p->pos++;
                                lx_lines(p);
                                if (!(v = p_expression(p)))
                                        break;
                        }
                        p_push(p, &values, v);
                } else {
                        struct node *v = p_expression(p);
                        if (!v)
                                break;
                        p_push(p, &pos, v);
                }
                lx_lines(p);
                if (!p_eat(p, ','))
                        break;
        }
        p->no_comma = comma;
        lx_lines(p);
        a->pos = (struct node **)pos.v, a->npos = pos.n;
        a->nnamed = names.n < values.n ? names.n : values.n; /* "Name =" and then nothing */
        a->named = p_get(p, (names.n + 1) * sizeof *a->named);
        for (uint32_t i = 0; i < a->nnamed; i++)
                a->named[i].name = names.v[i], a->named[i].value = values.v[i];
        if (p->failed || !p_eat(p, ')'))
                return p_missing(p, p->pos, "MissingEndParenthesisInExpression",
                                 "Missing closing ')' in the attribute's arguments.");
        return true;
}

/* One [..] at pos, or NULL without error when it is neither a type nor an attribute. */
static struct attr *attribute(struct parser *p)
{
        uint32_t at = p->pos++;
        struct attr *a = p_get(p, sizeof *a);
        a->at = at;
        if (p_type_name(p, &a->name, &a->n)) {
                a->is_type = true;
        } else {
                lx_lines(p);
                uint32_t i = p->pos, n;
                while ((n = lx_ident(p, i)) > 0 || lx_char(p, i) == '.')
                        i += n ? n : 1;
                if (i == p->pos)
                        return p_missing(p, at, "TypenameExpected", "Missing type name after '['.");
                a->name = p_text(p, p->s + p->pos, i - p->pos);
                a->n = i - p->pos;
                p_token(p, TK_TYPE, p->pos, i);
                p->pos = i;
                lx_space(p);
                if (lx_char(p, p->pos) != '(')
                        return p_missing(p, at, "EndSquareBracketExpectedAtEndOfAttribute",
                                         "Missing ] at end of attribute or type literal.");
                if (!attribute_arguments(p, a))
                        return NULL;
                lx_lines(p);
        }
        if (!p_eat(p, ']'))
                return p_missing(p, at, "EndSquareBracketExpectedAtEndOfAttribute",
                                 "Missing ] at end of attribute or type literal.");
        a->end = p->pos;
        return a;
}

struct attr *p_attributes(struct parser *p)
{
        struct attr *first = NULL, **last = &first;
        for (;;) {
                uint32_t back = p->pos;
                lx_lines(p);
                if (lx_char(p, p->pos) != '[') {
                        p->pos = back;
                        return first;
                }
                struct attr *a = attribute(p);
                if (!a)
                        return NULL;
                *last = a;
                last = &a->next;
        }
}

struct param *p_params(struct parser *p, struct block *b, uint32_t *ret_n)
{
        struct vec v = { 0 };
        uint32_t open = p->pos;
        struct block *outer = p->block;
        p->block = b;
        for (lx_lines(p); p->pos < p->n && lx_char(p, p->pos) != ')'; lx_lines(p)) {
                struct param *x = p_get(p, sizeof *x);
                x->at = p->pos;
                x->attrs = p_attributes(p);
                lx_lines(p);
                if (p->failed)
                        break;
                if (!lx_starts_variable(p, p->pos)) {
                        p_missing(p, p->pos, "MissingParameterName", "A parameter name was expected: $name.");
                        break;
                }
                uint32_t at = p->pos;
                struct node *var = lx_variable(p, false, false);
                if (!var)
                        break;
                if (var->kind != N_VAR) {
                        p_error(p, at, p->pos, "ParameterNameNotValid", "The parameter name is not valid.");
                        break;
                }
                x->name = var->x;
                x->nname = (uint32_t)strlen(x->name);
                x->id = var->id;
                x->slot = var->slot;
                lx_lines(p);
                if (lx_char(p, p->pos) == '=') {
                        p->pos++;
                        lx_lines(p);
                        int comma = p->no_comma;
                        p->no_comma = 1;
                        x->init = p_expression(p);
                        p->no_comma = comma;
                        if (!x->init) {
                                if (!p->failed)
                                        p_missing(p, p->pos, "MissingExpressionAfterToken",
                                                  "Missing expression after '=' in the parameter's default.");
                                break;
                        }
                }
                x->end = p->pos;
                p_push(p, &v, x);
                lx_lines(p);
                if (!p_eat(p, ','))
                        break;
        }
        lx_lines(p);
        p->block = outer;
        if (p->failed)
                return NULL;
        if (!p_eat(p, ')'))
                return p_missing(p, open, "MissingEndParenthesisInFunctionParameterList",
                                 "Missing ')' in function parameter list.");
        struct param *r = p_get(p, (v.n + 1) * sizeof *r);
        for (uint32_t i = 0; i < v.n; i++)
                r[i] = *(struct param *)v.v[i];
        *ret_n = v.n;
        return r;
}

/* Is there "[attr()]... param (" ahead? */
static bool param_follows(struct parser *p)
{
        uint32_t i = p->pos;
        for (int depth = 0; i < p->n; i++) {
                int c = lx_char(p, i);
                if (depth == 0 && c != '[') {
                        if (lx_blank(p, i) || lx_newline(p, i))
                                continue;
                        if (c == '#') {
                                while (i < p->n && !lx_newline(p, i))
                                        i++;
                                continue;
                        }
                        break;
                }
                if (c == '\'' || c == '"') {
                        for (i++; i < p->n && lx_char(p, i) != c; i++)
                                ;
                        continue;
                }
                depth += c == '[' || c == '(' || c == '{' ? 1 : c == ']' || c == ')' || c == '}' ? -1 : 0;
        }
        if (i >= p->n || p->n - i < 5 || strncasecmp(p->s + i, "param", 5)) /* an open quote ends one behind the end */
                return false;
        for (i += 5; lx_blank(p, i) || lx_newline(p, i); i++)
                ;
        return lx_char(p, i) == '(';
}

static int part_here(struct parser *p)
{
        static const char *const names[] = { "begin", "process", "end", "clean", "dynamicparam" };
        for (int i = 0; i < BL_PARTS; i++)
                if (lx_word_is(p, names[i])) {
                        uint32_t k = p->pos + (uint32_t)strlen(names[i]);
                        while (lx_blank(p, k) || lx_newline(p, k))
                                k++;
                        if (lx_char(p, k) == '{')
                                return i;
                }
        return -1;
}

static bool named_parts(struct parser *p, struct block *b, char closer)
{
        b->named = true;
        for (int k; (k = part_here(p)) >= 0; lx_separators(p)) {
                static const char *const names[] = { "begin", "process", "end", "clean", "dynamicparam" };
                uint32_t at = p->pos;
                p_token(p, TK_KEYWORD, at, at + (uint32_t)strlen(names[k]));
                p->pos += (uint32_t)strlen(names[k]);
                if (b->part[k])
                        return p_error(p, at, p->pos, "DuplicateScriptCommandClause",
                                       "The script block has more than one '%s' clause.", names[k]);
                if (!(b->part[k] = p_braced(p, names[k])))
                        return false;
        }
        int c = lx_char(p, p->pos);
        if (c >= 0 && c != (unsigned char)closer && p->unsure) {
                p->failed = true; /* the parts ended with a bracket too many */
                return false;
        }
        if (c >= 0 && c != (unsigned char)closer) {
                uint32_t e = p->pos;
                while (e < p->n && !lx_ends_token(p, e))
                        e++;
                return p_error(p, p->pos, e, "UnexpectedToken",
                               "Unexpected token '%.*s', expected 'begin', 'process', 'end', 'clean', or "
                               "'dynamicparam'.",
                               (int)(e - p->pos), p->s + p->pos);
        }
        return true;
}

/* #requires lines at the top. */
static void requires(struct parser *p, struct block *b)
{
        for (uint32_t i = 0; i < p->n;) {
                uint32_t e = i;
                while (e < p->n && p->s[e] != '\n')
                        e++;
                if (e - i > 10 && !strncasecmp(p->s + i, "#requires ", 10)) {
                        const char **v = p_get(p, (b->nrequires + 1) * sizeof *v);
                        if (b->nrequires)
                                memcpy(v, b->requires, b->nrequires * sizeof *v);
                        v[b->nrequires++] = p_text(p, p->s + i + 10, e - i - 10);
                        b->requires = v;
                }
                i = e + 1;
        }
}

struct block *p_block_into(struct parser *p, struct block *b, char closer, bool params_given)
{
        struct block *outer = p->block;
        int tern = p->in_ternary, comma = p->no_comma;
        if (!p_enter(p))
                return NULL;
        b->u = p->u;
        b->outer = outer;
        b->body = p->pos;
        if (!b->layout)
                b->layout = sh_unit_layout(p->u);
        p->block = b;
        p->in_ternary = p->no_comma = 0;
        struct place place = p_place(p);
        uint32_t before = p->comment_end;
        lx_separators(p);
        if (p->comment_end > before && p->comment_at >= b->body)
                b->help_at = p->comment_at, b->help_end = p->comment_end;
        while (lx_word_is(p, "using")) { /* before param */
                struct node *u = p_statement(p);
                if (!u)
                        return NULL;
                lx_separators(p);
        }
        uint32_t at = p->pos;
        if (!p->failed && param_follows(p)) {
                b->attrs = p_attributes(p);
                lx_lines(p);
                if (!p->failed) {
                        p_token(p, TK_KEYWORD, p->pos, p->pos + 5);
                        p->pos += 5;
                        lx_lines(p);
                        p->pos++;
                        b->params = p_params(p, b, &b->nparams);
                        b->has_param_block = true;
                }
                if (p->failed)
                        p_recover(p, &place, at, closer);
                lx_separators(p);
        }
        (void)params_given;
        if (!p->failed && part_here(p) >= 0)
                named_parts(p, b, closer);
        else if (!p->failed)
                b->part[BL_END] = p_statements(p, closer);
        b->body_end = p->pos;
        p->block = outer;
        p->in_ternary = tern, p->no_comma = comma;
        p_leave(p);
        if (p->failed)
                return NULL;
        if (closer && !p_eat(p, closer))
                return p_missing(p, b->body ? b->body - 1 : 0, "MissingEndCurlyBrace",
                                 "Missing closing '}' in statement block or type definition.");
        return b;
}

struct block *p_block(struct parser *p, char closer, bool params_given)
{
        return p_block_into(p, p_get(p, sizeof(struct block)), closer, params_given);
}

/* What takes effect before the unit's first statement runs: the unit lists it. */
void p_declare(struct parser *p, struct node ***list, uint32_t *n, struct node *x)
{
        struct node **v = p_get(p, (*n + 1) * sizeof *v);
        if (*n)
                memcpy(v, *list, *n * sizeof *v);
        v[(*n)++] = x;
        *list = v;
}

/* ---- classes and enums ---- */
static bool p_attr_is_void(const struct attr *a)
{
        return a->n == 4 && !strncasecmp(a->name, "void", 4);
}

static bool class_body(struct parser *p, struct class_member *m)
{
        uint32_t nparams = 0;
        struct block *b = p_get(p, sizeof *b);
        m->is_method = true;
        b->method = true;
        b->method_void = !m->attrs || (m->attrs->is_type && p_attr_is_void(m->attrs));
        b->layout = sh_unit_layout(p->u);
        b->u = p->u;
        p->pos++;
        struct param *params = p_params(p, b, &nparams);
        if (p->failed)
                return false;
        lx_lines(p);
        if (lx_char(p, p->pos) == ':') { /* : base(args) */
                p->pos++;
                lx_lines(p);
                if (!lx_word_is(p, "base") && strncasecmp(p->s + p->pos, "base", 4))
                        return p_missing(p, p->pos, "MissingBaseCtorCall",
                                         "Only a call of 'base' may follow ':'.");
                p->pos += 4;
                lx_lines(p);
                struct block *outer = p->block;
                struct node call = { 0 };
                p->block = b;
                struct vec v = { 0 };
                int comma = p->no_comma;
                p->no_comma = 1;
                if (!p_eat(p, '('))
                        return p_missing(p, p->pos, "MissingOpenParenthesisAfterKeyword",
                                         "Missing '(' after base.");
                for (lx_lines(p); p->pos < p->n && lx_char(p, p->pos) != ')'; lx_lines(p)) {
                        struct node *x = p_expression(p);
                        if (!x)
                                break;
                        p_push(p, &v, x);
                        lx_lines(p);
                        if (!p_eat(p, ','))
                                break;
                }
                (void)call;
                p->no_comma = comma;
                p->block = outer;
                if (p->failed || !p_eat(p, ')'))
                        return p_missing(p, p->pos, "MissingEndParenthesisInMethodCall",
                                         "Missing ')' in method call.");
                m->base_args = (struct node **)v.v, m->nbase_args = v.n, m->has_base = true;
                lx_lines(p);
        }
        if (!p_eat(p, '{'))
                return p_missing(p, p->pos, "MissingMethodBody",
                                 "Missing method body in method declaration.");
        uint32_t at = p->pos - 1;
        b->params = params, b->nparams = nparams, b->has_param_block = true;
        if (!(m->body = p_block_into(p, b, '}', true)))
                return false;
        b->at = at, b->end = p->pos;
        return true;
}

static struct class_member *class_member(struct parser *p)
{
        struct class_member *m = p_get(p, sizeof *m);
        m->attrs = p_attributes(p);
        for (lx_lines(p); !p->failed; lx_lines(p)) {
                if (lx_word_is(p, "static"))
                        m->is_static = true, p->pos += 6;
                else if (lx_word_is(p, "hidden"))
                        m->hidden = true, p->pos += 6;
                else if (lx_char(p, p->pos) == '[') {
                        struct attr **last = &m->attrs;
                        while (*last)
                                last = &(*last)->next;
                        *last = p_attributes(p);
                } else {
                        break;
                }
        }
        if (p->failed)
                return NULL;
        bool property = lx_char(p, p->pos) == '$';
        if (property)
                p->pos++;
        uint32_t n = lx_ident(p, p->pos);
        if (!n)
                return p_missing(p, p->pos, "IncompleteMemberDefinition",
                                 "Incomplete class definition: a property or method was expected.");
        m->name = p_text(p, p->s + p->pos, n);
        m->nname = n;
        p->pos += n;
        if (!property) {
                lx_space(p);
                if (lx_char(p, p->pos) != '(')
                        return p_missing(p, p->pos, "IncompleteMemberDefinition",
                                         "Missing '(' after the method's name.");
                return class_body(p, m) ? m : NULL;
        }
        lx_space(p);
        if (lx_char(p, p->pos) == '=') {
                p->pos++;
                lx_lines(p);
                if (!(m->init = p_expression(p)))
                        return p->failed ? NULL
                                         : p_missing(p, p->pos, "MissingExpressionAfterToken",
                                                     "Missing expression after '='.");
        }
        return m;
}

static struct class_member *enum_member(struct parser *p)
{
        struct class_member *m = p_get(p, sizeof *m);
        uint32_t n = lx_ident(p, p->pos);
        if (!n)
                return p_missing(p, p->pos, "MissingNameAfterEnum", "An enum label was expected.");
        m->name = p_text(p, p->s + p->pos, n);
        m->nname = n;
        p->pos += n;
        lx_space(p);
        if (p_eat(p, '=')) {
                lx_lines(p);
                if (!(m->init = p_expression(p)))
                        return p->failed ? NULL
                                         : p_missing(p, p->pos, "MissingExpressionAfterToken",
                                                     "Missing expression after '='.");
        }
        return m;
}

static uint32_t skip_brackets(struct parser *p)
{
        uint32_t n = 0, depth = 0;
        do {
                int c = lx_char(p, p->pos + n);
                if (c < 0 || c == '\n')
                        break;
                depth += (uint32_t)(c == '[') - (uint32_t)(c == ']');
                n++;
        } while (depth);
        return n;
}

struct node *p_class(struct parser *p, bool is_enum)
{
        struct node *r = p_node(p, is_enum ? N_ENUM : N_CLASS, p->pos);
        struct class_ast *c = p_get(p, sizeof *c);
        p_token(p, TK_KEYWORD, p->pos, p->pos + (is_enum ? 4 : 5));
        p->pos += is_enum ? 4 : 5;
        lx_lines(p);
        c->is_enum = is_enum;
        c->nname = lx_ident(p, p->pos);
        c->name = p_text(p, p->s + p->pos, c->nname);
        p->pos += c->nname;
        lx_lines(p);
        if (p_eat(p, ':')) {
                lx_lines(p);
                lx_space(p);
                uint32_t at = p->pos, n;
                while ((n = lx_ident(p, p->pos)) > 0 || lx_char(p, p->pos) == '.')
                        p->pos += n ? n : 1;
                c->base = p_text(p, p->s + at, p->pos - at);
                c->nbase = p->pos - at;
                if (lx_char(p, p->pos) == '[') /* IEquatable[T]: an interface's type argument changes nothing */
                        p->pos += skip_brackets(p);
                for (lx_lines(p); lx_char(p, p->pos) == ',';
                     lx_lines(p)) { /* interfaces are read and ignored */
                        p->pos++;
                        lx_lines(p);
                        while ((n = lx_ident(p, p->pos)) > 0 || lx_char(p, p->pos) == '.' ||
                               lx_char(p, p->pos) == '[' || lx_char(p, p->pos) == ']')
                                p->pos += n ? n : 1;
                }
                lx_lines(p);
        }
        uint32_t open = p->pos;
        if (!p_eat(p, '{'))
                return p_missing(p, p->pos, "MissingTypeBody", "Missing '{' in the definition of %s.",
                                 c->name);
        struct class_member **last = &c->members;
        struct place place = p_place(p);
        bool bad = false;
        for (lx_separators(p); p->pos < p->n && lx_char(p, p->pos) != '}'; lx_separators(p)) {
                uint32_t at = p->pos;
                struct class_member *m = is_enum ? enum_member(p) : class_member(p);
                if (!m && p_recover(p, &place, at, '}') && !p->unsure && !bad && p->pos < p->n) {
                        bad = true;
                        continue;
                }
                if (!m) { /* a second one, or brackets that do not tell: most likely this is no class any more */
                        p->failed = p->unsure = true;
                        return NULL;
                }
                *last = m;
                last = &m->next;
        }
        if (!p_eat(p, '}'))
                return p_missing(p, open, "MissingEndCurlyBrace",
                                 "Missing closing '}' in statement block or type definition.");
        r->x = c;
        p_declare(p, &p->u->classes, &p->u->nclasses, r);
        return p_done(p, r);
}

/* ---- the way in ---- */
struct unit *sh_parse(struct parser *p, struct sh *sh, const char *text, size_t n, const char *file,
                      struct layout *layout)
{
        struct unit *u = calloc(1, sizeof *u);
        if (!u || n > UINT32_MAX / 2)
                abort();
        u->refs = 1;
        u->text = rv_arena_text(&u->arena, text, n);
        u->n = (uint32_t)n;
        u->file = file ? rv_arena_text(&u->arena, file, strlen(file)) : NULL;
        p->sh = sh;
        p->u = u;
        p->s = u->text;
        p->n = (uint32_t)n;
        p->pos = n >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3) ? 3 : 0;
        struct block *b = p_get(p, sizeof *b);
        b->layout = layout;
        requires(p, b);
        u->top = p_block_into(p, b, 0, false);
        if (u->top && p->pos < p->n && p->nerrors == 0)
                p_error(p, p->pos, p->pos + 1, "UnexpectedToken",
                        "Unexpected token '%c' in expression or statement.", p->s[p->pos]);
        if (u->top)
                u->top->at = 0, u->top->end = p->n;
        if (p->nerrors || !u->top)
                return NULL; /* the caller drops p->u after reading the errors */
        return u;
}
