/* SPDX-License-Identifier: MIT */
#include "agent/wql.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/assoc.h"
#include "agent/wql_meta.h"
#include "schema/json.h"

enum token { W_END, W_WORD, W_NUMBER, W_TEXT, W_OP, W_BAD };
enum { MOST_DEPTH = 100 };

struct parser {
        const char *start, *p, *end;
        size_t before; /* of the user's text, in front of start */
        const struct rv_class *class;
        struct rv_arena *arena;
        struct rv_error *err;
        unsigned depth;
        bool bracketed; /* the word stood in [brackets]: a name, whatever it looks like */
        bool pair; /* an event's condition: names begin with TargetInstance. or PreviousInstance. */
        enum token token;
        const char *at;   /* where the current token begins */
        const char *text; /* word, number; text without quotes and escapes */
        size_t len;
        char op[3];
        int failed; /* an outcome, or -ENOMEM */
};

/* Of the present token in what the user wrote, from 1. */
static size_t position(const struct parser *p)
{
        return p->before + (size_t)(p->at - p->start) + 1;
}

static struct rv_expr *fail(struct parser *p, const char *what)
{
        if (!p->failed && p->token == W_END)
                p->failed = rv_fail(p->err, RV_INVALID_QUERY, "the query ends at position %zu; expected %s",
                                    position(p), what);
        else if (!p->failed)
                p->failed = rv_fail(p->err, RV_INVALID_QUERY, "found '%.*s' at position %zu, expected %s",
                                    (int)(p->p - p->at > 40 ? 40 : p->p - p->at), p->at,
                                    position(p), what);
        return NULL;
}

static void out_of_memory(struct parser *p)
{
        if (!p->failed)
                p->failed = -ENOMEM;
}

/* A quoted text: '' or "" or a backslash stand for the quote. */
static void quoted(struct parser *p)
{
        char quote = *p->p++;
        char *to = rv_arena_get(p->arena, (size_t)(p->end - p->p) + 1);
        if (!to) {
                out_of_memory(p);
                p->p = p->end;
                return;
        }
        p->text = to;
        while (p->p < p->end) {
                char c = *p->p++;
                if (c == quote && (p->p >= p->end || *p->p != quote)) {
                        p->len = (size_t)(to - p->text);
                        p->token = W_TEXT;
                        return;
                }
                if (c == quote || (c == '\\' && p->p < p->end && (*p->p == quote || *p->p == '\\')))
                        c = *p->p++;
                *to++ = c;
        }
        p->token = W_BAD;
        if (!p->failed)
                p->failed = rv_fail(p->err, RV_INVALID_QUERY,
                                    "the text that begins at position %zu has no closing quote",
                                    position(p));
}

/* [Name]: a name that would be a keyword. */
static bool bracketed(struct parser *p)
{
        const char *s = p->p + 1, *end = s;
        while (end < p->end && (isalnum((unsigned char)*end) || *end == '_' || *end == '.'))
                end++;
        if (end == s || end == p->end || *end != ']')
                return false;
        p->text = s;
        p->len = (size_t)(end - s);
        p->p = end + 1;
        p->token = W_WORD;
        return p->bracketed = true;
}

static void next(struct parser *p)
{
        p->bracketed = false;
        while (p->p < p->end && isspace((unsigned char)*p->p))
                p->p++;
        p->at = p->p;
        p->len = 0;
        if (p->p >= p->end) {
                p->token = W_END;
                return;
        }
        unsigned char c = (unsigned char)*p->p;
        if (c == '[' && bracketed(p))
                return;
        if (c == '\'' || c == '"') {
                quoted(p);
                return;
        }
        if (isdigit(c) ||
            ((c == '-' || c == '+' || c == '.') && p->p + 1 < p->end && isdigit((unsigned char)p->p[1]))) {
                p->p++;
                while (p->p < p->end && (isalnum((unsigned char)*p->p) || *p->p == '.' ||
                                         ((*p->p == '-' || *p->p == '+') && (p->p[-1] | 32) == 'e')))
                        p->p++;
                p->token = W_NUMBER;
        } else if (isalpha(c) || c == '_' || c >= 0x80) {
                while (p->p < p->end &&
                       (isalnum((unsigned char)*p->p) || *p->p == '_' || *p->p == '.' || (*p->p & 0x80)))
                        p->p++;
                p->token = W_WORD;
        } else {
                p->token = strchr("=<>!(),*", c) ? W_OP : W_BAD;
                p->op[0] = *p->p++;
                p->op[1] = p->op[2] = 0;
                if (p->p < p->end && ((c == '<' && (*p->p == '=' || *p->p == '>')) ||
                                      (c == '>' && *p->p == '=') || (c == '!' && *p->p == '=')))
                        p->op[1] = *p->p++;
                return;
        }
        p->text = p->at;
        p->len = (size_t)(p->p - p->at);
}

static bool is_word(const struct parser *p, const char *word)
{
        return p->token == W_WORD && !p->bracketed && p->len == strlen(word) && strncasecmp(p->text, word, p->len) == 0;
}

static bool is_op(const struct parser *p, const char *op)
{
        return p->token == W_OP && strcmp(p->op, op) == 0;
}

static struct rv_expr *node(struct parser *p, enum rv_expr_op op, const struct rv_expr *a,
                            const struct rv_expr *b)
{
        struct rv_expr *e = rv_arena_get(p->arena, sizeof *e);
        if (!e) {
                out_of_memory(p);
                return NULL;
        }
        *e = (struct rv_expr) { .op = op, .property = -1, .a = a, .b = b };
        return e;
}

static const char *property_name(void *state, size_t i)
{
        return ((const struct rv_class *)state)->properties[i].name;
}

/* Cuts "TargetInstance." off; false: it is neither that nor PreviousInstance. */
static bool take_side(const char **name, size_t *n, uint8_t *ret_side)
{
        static const char *const sides[] = { "TargetInstance", "PreviousInstance" };
        for (uint8_t i = 0; i < 2; i++) {
                size_t m = strlen(sides[i]);
                if (*n < m || strncasecmp(*name, sides[i], m) != 0 || (*n > m && (*name)[m] != '.'))
                        continue;
                *ret_side = i;
                *name += *n > m ? m + 1 : m;
                *n -= *n > m ? m + 1 : m;
                return true;
        }
        return false;
}

static int property(struct parser *p, const char *name, size_t n, uint8_t *ret_side)
{
        *ret_side = 0;
        if (p->pair && (!take_side(&name, &n, ret_side) || !n)) {
                if (!p->failed)
                        p->failed = rv_fail(p->err, RV_INVALID_QUERY,
                                            "'%.*s' at position %zu: expected TargetInstance.NAME or "
                                            "PreviousInstance.NAME",
                                            (int)n, name, (size_t)(name - p->start) + 1);
                return -1;
        }
        int id = rv_property_find_alias(p->class, name, n, NULL);
        if (id >= 0)
                return id;
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)n, name);
        const char *near = rv_nearest(text, property_name, (void *)p->class, p->class->nproperties);
        rv_about(p->err, p->class->name, NULL, text);
        if (near)
                rv_hint(p->err, "did you mean '%s'?", near);
        if (!p->failed)
                p->failed = rv_fail(p->err, RV_NO_SUCH_PROPERTY, "'%s' has no property '%s' (position %zu)",
                                    p->class->name, text, (size_t)(name - p->start) + 1);
        return -1;
}

/* The constant that is the current token, as the property's type. */
static bool constant(struct parser *p, int id, struct rv_arg *ret)
{
        struct rv_property scalar = p->class->properties[id];
        scalar.is_array = false;
        scalar.min = 1, scalar.max = 0, scalar.max_len = 0;
        if (p->token != W_TEXT && p->token != W_NUMBER && !is_word(p, "true") && !is_word(p, "false"))
                return fail(p, "a text in quotes, a number, true or false"), false;
        int64_t when;
        int r = scalar.type == RV_CIM_DATETIME && rv_wql_date(p->text, p->len, &when)
                        ? (*ret = (struct rv_arg) { .type = RV_DATETIME, .i = when }, RV_OK)
                        : rv_text_arg(p->text, p->len, &scalar, p->arena, ret, p->err);
        if (r && !p->failed)
                p->failed = r;
        next(p);
        return !r;
}

static bool comparison_of(const struct parser *p, enum rv_expr_op *ret)
{
        static const struct {
                const char *text;
                enum rv_expr_op op;
        } ops[] = { { "=", RV_E_EQ },  { "<>", RV_E_NE }, { "!=", RV_E_NE }, { "<", RV_E_LT },
                    { "<=", RV_E_LE }, { ">", RV_E_GT },  { ">=", RV_E_GE } };
        for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
                if (is_op(p, ops[i].text))
                        return *ret = ops[i].op, true;
        return false;
}

static enum rv_expr_op turned(enum rv_expr_op op)
{
        return op == RV_E_LT   ? RV_E_GT
               : op == RV_E_LE ? RV_E_GE
               : op == RV_E_GT ? RV_E_LT
               : op == RV_E_GE ? RV_E_LE
                               : op;
}

static bool is_name(const struct parser *p)
{
        return p->token == W_WORD && !is_word(p, "true") && !is_word(p, "false");
}

/* What follows a property's name. */
static struct rv_expr *after_property(struct parser *p, int id, uint8_t side)
{
        struct rv_expr *e = node(p, RV_E_EQ, NULL, NULL);
        bool negated = false;
        if (!e)
                return NULL;
        e->property = id;
        e->side = side;
        if (is_word(p, "is")) {
                next(p);
                if ((negated = is_word(p, "not")))
                        next(p);
                if (!is_word(p, "null"))
                        return fail(p, negated ? "NULL" : "NULL or NOT NULL");
                next(p);
                e->op = RV_E_IS_NULL;
                return negated ? node(p, RV_E_NOT, e, NULL) : e;
        }
        if (is_word(p, "not")) {
                negated = true;
                next(p);
        }
        if (is_word(p, "like") || is_word(p, "isa")) {
                e->op = is_word(p, "like")             ? RV_E_LIKE
                        : p->class == &rv_meta_class ? RV_E_EQ /* __this: it and those above it */
                                                     : RV_E_ISA;
                next(p);
                if (p->token != W_TEXT)
                        return fail(p, "a text in quotes");
                e->value = (struct rv_arg) { .type = RV_STRING, .s = p->text, .len = (uint32_t)p->len };
                next(p);
                return negated ? node(p, RV_E_NOT, e, NULL) : e;
        }
        if (negated || !comparison_of(p, &e->op))
                return fail(p, "= <> < <= > >= LIKE ISA or IS NULL");
        next(p);
        if (is_word(p, "null")) {
                next(p);
                bool ne = e->op == RV_E_NE;
                e->op = RV_E_IS_NULL;
                return ne ? node(p, RV_E_NOT, e, NULL) : e;
        }
        if (p->pair && is_name(p)) {
                int other = property(p, p->text, p->len, &e->other_side);
                next(p);
                e->other = other + 1;
                return other < 0 ? NULL : e;
        }
        return constant(p, id, &e->value) ? e : NULL;
}

/* TargetInstance ISA 'Class'. */
static struct rv_expr *instance_isa(struct parser *p)
{
        struct rv_expr *e = node(p, RV_E_ISA, NULL, NULL);
        const char *name = p->text;
        size_t n = p->len;
        if (!e)
                return NULL;
        take_side(&name, &n, &e->side);
        next(p);
        if (!is_word(p, "isa"))
                return fail(p, "ISA");
        next(p);
        if (p->token != W_TEXT)
                return fail(p, "a class' name in quotes");
        e->value = (struct rv_arg) { .type = RV_STRING,
                                     .s = rv_arena_text(p->arena, p->text, p->len),
                                     .len = (uint32_t)p->len };
        next(p);
        return e->value.s ? e : NULL;
}

/* What holds for all rows of the class, or for none. */
static const struct rv_expr *truth(struct parser *p, bool yes, uint8_t side)
{
        struct rv_expr *e = node(p, RV_E_ISA, NULL, NULL);
        if (e) {
                e->side = side;
                e->value = (struct rv_arg) { .type = RV_STRING, .s = yes ? p->class->name : "" };
                e->value.len = (uint32_t)strlen(e->value.s);
        }
        return e;
}

static bool is_instance(const struct parser *p)
{
        return p->pair && (is_word(p, "TargetInstance") || is_word(p, "PreviousInstance"));
}

static const struct rv_expr *either(struct parser *p);

/* Whether the word is a system property, perhaps of an event's instance. */
static bool is_system(const struct parser *p)
{
        const char *name = p->text;
        size_t n = p->len;
        uint8_t side;
        if (!is_name(p) || p->class == &rv_meta_class || (p->pair && !take_side(&name, &n, &side)))
                return false;
        return rv_meta_has(name, n) && rv_property_find(p->class, name, n) < 0;
}

/* __RELPATH = 'Win32_Process.Handle="4"': what its keys say. */
static const struct rv_expr *path_condition(struct parser *p)
{
        next(p);
        if (!is_op(p, "="))
                return fail(p, "= behind a path");
        next(p);
        if (p->token != W_TEXT)
                return fail(p, "an object path in quotes");
        char class_name[128];
        char *path = rv_arena_text(p->arena, p->text, p->len);
        struct rv_arg *keys = rv_arena_get(p->arena, (p->class->nproperties + 1) * sizeof *keys);
        if (!path || !keys) {
                out_of_memory(p);
                return NULL;
        }
        rv_path_class(path, class_name, sizeof class_name);
        const struct rv_expr *e = NULL;
        struct rv_error ignored = { 0 };
        bool own = strcasecmp(class_name, p->class->name) == 0 &&
                   rv_path_keys(path, p->class, p->arena, keys, &ignored) == RV_OK;
        for (uint32_t k = 0; own && k < p->class->nkeys; k++) {
                struct rv_expr *one = node(p, RV_E_EQ, NULL, NULL);
                if (!one)
                        return NULL;
                one->property = p->class->keys[k];
                one->value = keys[p->class->keys[k]];
                e = !e ? one : node(p, RV_E_AND, e, one);
        }
        next(p);
        return e ? e : truth(p, false, 0);
}

/* __CLASS = 'Win32_Process', __this ISA 'CIM_Process': the same for all instances of a class, so it is known now. */
static const struct rv_expr *system_condition(struct parser *p)
{
        const struct rv_class *of = p->class;
        const char *name = p->text;
        size_t n = p->len;
        uint8_t side = 0;
        if (p->pair)
                take_side(&name, &n, &side);
        if ((n == 6 && strncasecmp(name, "__PATH", 6) == 0) || (n == 9 && strncasecmp(name, "__RELPATH", 9) == 0))
                return p->pair ? fail(p, "another property: paths of events are not compared") : path_condition(p);
        bool pair = p->pair;
        p->class = &rv_meta_class;
        p->pair = false;
        int id = rv_property_find(&rv_meta_class, name, n);
        next(p);
        const struct rv_expr *e = after_property(p, id, 0);
        p->class = of;
        p->pair = pair;
        struct rv_batch *b = e ? rv_meta_row(of, RV_GENUS_INSTANCE) : NULL;
        if (e && !b)
                out_of_memory(p);
        bool yes = b && rv_expr_true(e, b, 0);
        rv_batch_free(b);
        return b ? truth(p, yes, side) : NULL;
}

static const struct rv_expr *term(struct parser *p)
{
        if (++p->depth > MOST_DEPTH)
                return fail(p, "fewer nested conditions (at most 100)");
        const struct rv_expr *e = NULL;
        if (is_word(p, "not")) {
                next(p);
                const struct rv_expr *a = term(p);
                e = a ? node(p, RV_E_NOT, a, NULL) : NULL;
        } else if (is_op(p, "(")) {
                next(p);
                e = either(p);
                if (e && !is_op(p, ")"))
                        e = fail(p, "')', AND or OR");
                else if (e)
                        next(p);
        } else if (is_instance(p)) {
                e = instance_isa(p);
        } else if (is_system(p)) {
                e = system_condition(p);
        } else if (is_name(p)) {
                uint8_t side;
                int id = property(p, p->text, p->len, &side);
                next(p);
                e = id < 0 ? NULL : after_property(p, id, side);
        } else if (p->token == W_TEXT || p->token == W_NUMBER || p->token == W_WORD) {
                struct parser before = *p;
                enum rv_expr_op op;
                next(p);
                if (!comparison_of(p, &op))
                        return fail(p, "= <> < <= > or >=");
                next(p);
                if (p->token != W_WORD)
                        return fail(p, "a property's name");
                uint8_t side;
                int id = property(p, p->text, p->len, &side);
                next(p);
                struct parser after = *p;
                struct rv_expr *c = id < 0 ? NULL : node(p, turned(op), NULL, NULL);
                if (c) {
                        c->property = id;
                        c->side = side;
                        before.failed = p->failed;
                        bool good = constant(&before, id, &c->value);
                        *p = after;
                        p->failed = before.failed;
                        e = good ? c : NULL;
                }
        } else {
                e = fail(p, "a property's name, NOT or '('");
        }
        p->depth--;
        return e;
}

static const struct rv_expr *both(struct parser *p)
{
        const struct rv_expr *a = term(p);
        while (a && is_word(p, "and")) {
                next(p);
                const struct rv_expr *b = term(p);
                a = b ? node(p, RV_E_AND, a, b) : NULL;
        }
        return a;
}

static const struct rv_expr *either(struct parser *p)
{
        const struct rv_expr *a = both(p);
        while (a && is_word(p, "or")) {
                next(p);
                const struct rv_expr *b = both(p);
                a = b ? node(p, RV_E_OR, a, b) : NULL;
        }
        return a;
}

int rv_wql_event_where(const char *text, size_t n, size_t before, const struct rv_class *c, bool pair,
                       struct rv_arena *a, const struct rv_expr **ret, struct rv_error *err)
{
        struct parser p = { .start = text, .p = text, .end = text + n, .before = before,
                            .class = c, .arena = a, .err = err, .pair = pair };
        next(&p);
        const struct rv_expr *e = either(&p);
        if (e && p.token != W_END)
                e = fail(&p, "AND, OR or the end");
        if (p.failed)
                return p.failed;
        if (!e)
                return -ENOMEM;
        *ret = e;
        return RV_OK;
}

int rv_wql_where(const char *text, size_t n, size_t before, const struct rv_class *c, struct rv_arena *a,
                 const struct rv_expr **ret, struct rv_error *err)
{
        return rv_wql_event_where(text, n, before, c, false, a, ret, err);
}

int rv_wql_select(const char *text, size_t n, struct rv_arena *a, struct rv_wql_select *ret,
                  struct rv_error *err)
{
        struct parser p = { .start = text, .p = text, .end = text + n, .arena = a, .err = err };
        const char **columns = rv_arena_get(a, 256 * sizeof *columns);
        if (!columns)
                return -ENOMEM;
        *ret = (struct rv_wql_select) { .columns = columns };
        next(&p);
        if (!is_word(&p, "select"))
                return fail(&p, "SELECT"), p.failed;
        next(&p);
        if (is_op(&p, "*")) {
                next(&p);
        } else {
                for (;;) {
                        if (p.token != W_WORD || is_word(&p, "from") || ret->ncolumns == 256)
                                return fail(&p, "'*' or a property's name"), p.failed;
                        columns[ret->ncolumns++] = rv_arena_text(a, p.text, p.len);
                        next(&p);
                        if (!is_op(&p, ","))
                                break;
                        next(&p);
                }
        }
        if (!is_word(&p, "from"))
                return fail(&p, "FROM"), p.failed;
        next(&p);
        if (p.token != W_WORD)
                return fail(&p, "a class' name"), p.failed;
        ret->class_name = rv_arena_text(a, p.text, p.len);
        next(&p);
        if (is_word(&p, "where")) {
                ret->where = p.p;
                ret->where_len = (size_t)(p.end - p.p);
                ret->where_at = (size_t)(p.p - p.start);
        } else if (p.token != W_END) {
                return fail(&p, "WHERE or the end"), p.failed;
        }
        return ret->class_name ? RV_OK : -ENOMEM;
}

/* ---- event queries ---- */

static const struct {
        const char *name;
        unsigned kinds;
} event_classes[] = { { "__InstanceCreationEvent", RV_EVENT_CREATE },
                      { "__InstanceModificationEvent", RV_EVENT_MODIFY },
                      { "__InstanceDeletionEvent", RV_EVENT_DELETE },
                      { "__InstanceOperationEvent", RV_EVENT_CREATE | RV_EVENT_MODIFY | RV_EVENT_DELETE } };

bool rv_wql_is_event(const char *text, size_t n)
{
        struct rv_arena a = { 0 };
        struct parser p = { .start = text, .p = text, .end = text + n, .arena = &a };
        bool from = false, is = false;
        for (next(&p); p.token != W_END && p.token != W_BAD && !is; next(&p)) {
                is = from && p.token == W_WORD && p.len > 10 && strncasecmp(p.text, "__Instance", 10) == 0;
                if (from)
                        break;
                from = is_word(&p, "from");
        }
        rv_arena_free(&a);
        return is;
}

/* "TargetInstance.Name" as "Name"; "TargetInstance" alone and "*" mean all: NULL. */
static const char *column(struct parser *p, bool *ret_all)
{
        const char *name = p->text;
        size_t n = p->len;
        uint8_t side = 0;
        bool sided = take_side(&name, &n, &side);
        *ret_all = sided && !n;
        const char *s = n ? rv_arena_text(p->arena, name, n) : NULL;
        next(p);
        return s;
}

static int columns_of(struct parser *p, const char *const **ret, uint32_t *ret_n, const char *what)
{
        const char **list = rv_arena_get(p->arena, 256 * sizeof *list);
        bool every = false;
        if (!list)
                return -ENOMEM;
        *ret = list;
        *ret_n = 0;
        for (;;) {
                bool all = false;
                if (p->token != W_WORD || is_word(p, "from") || *ret_n == 256)
                        return fail(p, what), p->failed;
                const char *name = column(p, &all);
                every |= all;
                if (name)
                        list[(*ret_n)++] = name;
                if (!is_op(p, ","))
                        break;
                next(p);
        }
        if (every)
                *ret_n = 0;
        return RV_OK;
}

static bool seconds(struct parser *p, double *ret)
{
        char text[32];
        snprintf(text, sizeof text, "%.*s", (int)p->len, p->token == W_NUMBER ? p->text : "");
        char *end = text;
        *ret = strtod(text, &end);
        if (!*text || *end || !(*ret > 0 && *ret <= 86400))
                return fail(p, "seconds, more than 0 and at most 86400"), false;
        next(p);
        return true;
}

/* Goes over a condition without understanding it; notes the class that ISA names. */
static void skip_where(struct parser *p, struct rv_wql_event *ret)
{
        ret->where = p->p;
        ret->where_at = (size_t)(p->p - p->start);
        for (next(p); p->token != W_END && p->token != W_BAD && !is_word(p, "group");) {
                bool target = is_word(p, "TargetInstance");
                next(p);
                if (!target || !is_word(p, "isa"))
                        continue;
                next(p);
                if (p->token == W_TEXT && !ret->isa)
                        ret->isa = rv_arena_text(p->arena, p->text, p->len);
        }
        ret->where_len = (size_t)(p->at - ret->where);
}

static int group(struct parser *p, struct rv_wql_event *ret)
{
        next(p);
        if (!is_word(p, "within"))
                return fail(p, "WITHIN"), p->failed;
        next(p);
        if (!seconds(p, &ret->group_within))
                return p->failed;
        if (is_word(p, "by")) {
                next(p);
                int r = columns_of(p, &ret->by, &ret->nby, "a property such as TargetInstance.Name");
                if (r)
                        return r;
        }
        if (!is_word(p, "having"))
                return RV_OK;
        next(p);
        if (!is_word(p, "NumberOfEvents"))
                return fail(p, "NumberOfEvents"), p->failed;
        next(p);
        if (!comparison_of(p, &ret->having))
                return fail(p, "= <> < <= > or >="), p->failed;
        next(p);
        if (p->token != W_NUMBER)
                return fail(p, "a number"), p->failed;
        ret->having_count = strtoull(p->text, NULL, 10);
        ret->has_having = true;
        next(p);
        return RV_OK;
}

int rv_wql_event(const char *text, size_t n, struct rv_arena *a, struct rv_wql_event *ret,
                 struct rv_error *err)
{
        struct parser p = { .start = text, .p = text, .end = text + n, .arena = a, .err = err };
        *ret = (struct rv_wql_event) { 0 };
        next(&p);
        if (!is_word(&p, "select"))
                return fail(&p, "SELECT"), p.failed;
        next(&p);
        if (is_op(&p, "*"))
                next(&p);
        else if (columns_of(&p, &ret->columns, &ret->ncolumns, "'*' or a property's name"))
                return p.failed ? p.failed : -ENOMEM;
        if (!is_word(&p, "from"))
                return fail(&p, "FROM"), p.failed;
        next(&p);
        if (p.token != W_WORD)
                return fail(&p, "an event's class"), p.failed;
        ret->event_class = rv_arena_text(a, p.text, p.len);
        for (size_t i = 0; i < sizeof event_classes / sizeof *event_classes; i++)
                if (is_word(&p, event_classes[i].name))
                        ret->kinds = event_classes[i].kinds;
        next(&p);
        if (is_word(&p, "within")) {
                next(&p);
                if (!seconds(&p, &ret->within))
                        return p.failed;
        }
        if (is_word(&p, "where"))
                skip_where(&p, ret);
        int r = is_word(&p, "group") ? group(&p, ret) : RV_OK;
        if (r == RV_OK && p.token != W_END)
                return fail(&p, "WITHIN, WHERE, GROUP WITHIN or the end"), p.failed;
        return r ? r : ret->event_class ? p.failed : -ENOMEM;
}

/* ---- ASSOCIATORS OF, REFERENCES OF ---- */

bool rv_wql_is_assoc(const char *text, size_t n)
{
        size_t blank = 0;
        while (blank < n && isspace((unsigned char)text[blank]))
                blank++;
        text += blank, n -= blank;
        return (n > 11 && strncasecmp(text, "associators", 11) == 0 && isspace((unsigned char)text[11])) ||
               (n > 10 && strncasecmp(text, "references", 10) == 0 && isspace((unsigned char)text[10]));
}

/* {path}: a brace within quotes is the path's. */
static bool braces(struct parser *p, const char **ret)
{
        if (p->token != W_BAD || *p->at != '{')
                return fail(p, "an object path in braces"), false;
        const char *s = p->at + 1, *end = s;
        char quote = 0;
        for (; end < p->end && (quote || *end != '}'); end++)
                if (quote && *end == '\\' && end + 1 < p->end)
                        end++;
                else if (quote ? *end == quote : *end == '"' || *end == '\'')
                        quote = quote ? 0 : *end;
        if (end == p->end) {
                p->token = W_END;
                return fail(p, "'}' behind the object path"), false;
        }
        while (s < end && isspace((unsigned char)*s))
                s++;
        size_t n = (size_t)(end - s);
        while (n && isspace((unsigned char)s[n - 1]))
                n--;
        *ret = rv_arena_text(p->arena, s, n);
        p->p = end + 1;
        next(p);
        return *ret;
}

/* ResultClass = Name, or a word alone. */
static void assoc_word(struct parser *p, struct rv_wql_assoc *ret)
{
        const struct {
                const char *word, **to;
                bool *flag;
                bool associators; /* not behind REFERENCES OF */
        } known[] = { { "resultclass", &ret->result_class, NULL, false },
                      { "assocclass", &ret->assoc_class, NULL, true },
                      { "role", &ret->role, NULL, false },
                      { "resultrole", &ret->result_role, NULL, true },
                      { "requiredqualifier", &ret->required_qualifier, NULL, false },
                      { "requiredassocqualifier", &ret->required_assoc_qualifier, NULL, true },
                      { "classdefsonly", NULL, &ret->class_defs_only, false },
                      { "schemaonly", NULL, &ret->schema_only, false },
                      { "keysonly", NULL, &ret->keys_only, false } };
        const size_t n = sizeof known / sizeof *known;
        size_t i = 0;
        while (i < n && !is_word(p, known[i].word))
                i++;
        if (i == n || (ret->references && known[i].associators)) {
                fail(p, ret->references ? "ResultClass, Role, RequiredQualifier, ClassDefsOnly, SchemaOnly or KeysOnly"
                                        : "ResultClass, AssocClass, Role, ResultRole, RequiredQualifier, "
                                          "RequiredAssocQualifier, ClassDefsOnly, SchemaOnly or KeysOnly");
                return;
        }
        next(p);
        if (known[i].flag) {
                *known[i].flag = true;
                return;
        }
        if (!is_op(p, "=")) {
                fail(p, "'='");
                return;
        }
        next(p);
        if (p->token != W_WORD && p->token != W_TEXT) {
                fail(p, "a name");
                return;
        }
        *known[i].to = rv_arena_text(p->arena, p->text, p->len);
        next(p);
}

int rv_wql_assoc(const char *text, size_t n, struct rv_arena *a, struct rv_wql_assoc *ret,
                 struct rv_error *err)
{
        struct parser p = { .start = text, .p = text, .end = text + n, .arena = a, .err = err };
        *ret = (struct rv_wql_assoc) { 0 };
        next(&p);
        ret->references = is_word(&p, "references");
        next(&p);
        if (!is_word(&p, "of"))
                return fail(&p, "OF"), p.failed;
        next(&p);
        if (!braces(&p, &ret->path))
                return p.failed ? p.failed : -ENOMEM;
        if (p.token == W_END)
                return RV_OK;
        if (!is_word(&p, "where"))
                return fail(&p, "WHERE or the end"), p.failed;
        next(&p);
        while (p.token != W_END && !p.failed)
                assoc_word(&p, ret);
        return p.failed;
}

static unsigned char lower(char c)
{
        return (unsigned char)tolower((unsigned char)c);
}

/* One [set] at *p against c; moves *p behind it. */
static bool in_set(const char **p, const char *end, char c)
{
        const char *s = *p + 1;
        bool negated = s < end && (*s == '^' || *s == '!'), found = false;
        s += negated;
        for (bool first = true; s < end && (*s != ']' || first); first = false) {
                if (s + 2 < end && (s[1] == '-' || s[1] == '=') && s[2] != ']') { /* [a-f], [a=f] */
                        found |= lower(c) >= lower(s[0]) && lower(c) <= lower(s[2]);
                        s += 3;
                } else {
                        found |= lower(*s++) == lower(c);
                }
        }
        *p = s < end ? s + 1 : s;
        return found != negated;
}

bool rv_wql_like(const char *p, size_t np, const char *s, size_t ns)
{
        const char *pe = p + np, *se = s + ns, *back_p = NULL, *back_s = NULL;
        while (s < se || p < pe) {
                if (p < pe && *p == '%') {
                        back_p = ++p;
                        back_s = s;
                        continue;
                }
                const char *q = p;
                bool match = false;
                if (p < pe && s < se) {
                        if (*p == '_') {
                                q++;
                                match = true;
                        } else if (*p == '[') {
                                match = in_set(&q, pe, *s);
                        } else {
                                q++;
                                match = lower(*p) == lower(*s);
                        }
                }
                if (match) {
                        bool one = *p == '_';
                        p = q;
                        s++;
                        while (one && s < se && ((unsigned char)*s & 0xc0) == 0x80)
                                s++; /* _ is a character, not a byte */
                } else if (back_p && back_s < se) {
                        s = ++back_s;
                        p = back_p;
                } else {
                        return false;
                }
        }
        return true;
}
