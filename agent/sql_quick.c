/* SPDX-License-Identifier: MIT
 *
 * SQL that needs no SQLite: `SELECT A, B FROM Class WHERE Key = 17 AND Name = 'x' LIMIT 3`. It is what monitoring asks
 * all day, and a scan with these keys answers the same (text with case, as SQL has it) at a GetInstance's cost.
 * Anything else, and anybody whom roles restrict, goes the long way; so does whatever would be an error, for SQLite's
 * words.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/vtab.h"

enum { MOST_COLUMNS = 32 };

struct text {
        const char *p;
};

static void blank(struct text *t)
{
        while (isspace((unsigned char)*t->p))
                t->p++;
}

static bool word(struct text *t, const char **ret, size_t *ret_n)
{
        blank(t);
        const char *s = t->p;
        if (!isalpha((unsigned char)*s) && *s != '_')
                return false;
        while (isalnum((unsigned char)*t->p) || *t->p == '_')
                t->p++;
        *ret = s;
        *ret_n = (size_t)(t->p - s);
        return true;
}

static bool keyword(struct text *t, const char *want)
{
        struct text before = *t;
        const char *s;
        size_t n;
        if (word(t, &s, &n) && n == strlen(want) && strncasecmp(s, want, n) == 0)
                return true;
        *t = before;
        return false;
}

static bool sign(struct text *t, char c)
{
        blank(t);
        if (*t->p != c)
                return false;
        t->p++;
        return true;
}

static bool number(struct text *t, uint64_t *ret)
{
        blank(t);
        if (!isdigit((unsigned char)*t->p))
                return false;
        char *end;
        *ret = strtoull(t->p, &end, 10);
        bool good = end - t->p < 10 && !isalnum((unsigned char)*end) && *end != '.' && *end != '_';
        t->p = end;
        return good;
}

static bool is_keyword(const char *s, size_t n)
{
        static const char *const words[] = { "from", "where",        "distinct",     "all",
                                             "null", "case",         "cast",         "exists",
                                             "not",  "current_date", "current_time", "current_timestamp" };
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strlen(words[i]) == n && strncasecmp(words[i], s, n) == 0)
                        return true;
        return false;
}

/* A column's name as it is asked for; its property is looked up when the class is known. */
static bool columns(struct rv_request *q, struct text *t, const char **list, size_t *ret_n)
{
        *ret_n = 0;
        do {
                const char *s;
                size_t n;
                if (*ret_n == MOST_COLUMNS || !word(t, &s, &n) || is_keyword(s, n))
                        return false;
                list[(*ret_n)++] = rv_arena_text(&q->arena, s, n);
        } while (sign(t, ','));
        return true;
}

static bool is_integer(const struct rv_property *p)
{
        return p->type <= RV_CIM_SINT64;
}

static bool is_signed(const struct rv_property *p)
{
        return p->type == RV_CIM_SINT8 || p->type == RV_CIM_SINT16 || p->type == RV_CIM_SINT32 ||
               p->type == RV_CIM_SINT64;
}

/* Name = 17, Name = 'text'. */
static bool condition(struct rv_request *q, struct text *t, const struct rv_class *c, struct rv_arg *keys)
{
        const char *s;
        size_t n;
        uint64_t u;
        int p = word(t, &s, &n) ? rv_property_find(c, s, n) : -1;
        const struct rv_property *d = p >= 0 ? &c->properties[p] : NULL;
        if (!d || d->is_array || d->flags & RV_SECRET || keys[p].type != RV_NULL || !sign(t, '='))
                return false;
        blank(t);
        if (*t->p == '\'') {
                const char *end = strchr(t->p + 1, '\'');
                if (d->type != RV_CIM_STRING || !end || end[1] == '\'')
                        return false;
                n = (size_t)(end - t->p - 1);
                keys[p] = (struct rv_arg) { .type = RV_STRING,
                                            .len = (uint32_t)n,
                                            .s = rv_arena_text(&q->arena, t->p + 1, n) };
                t->p = end + 1;
                return keys[p].s;
        }
        if (!is_integer(d) || !number(t, &u) || (d->type == RV_CIM_BOOLEAN && u > 1))
                return false;
        keys[p] = (struct rv_arg) { .type = d->type == RV_CIM_BOOLEAN ? RV_BOOL
                                            : is_signed(d)            ? RV_INT
                                                                      : RV_UINT };
        keys[p].u = u;
        return true;
}

/* Whether each column is a property under that very name, and none is there twice: it names the result's member. */
static bool are_columns(const struct rv_class *c, const char **list, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int p = list[i] ? rv_property_find(c, list[i], strlen(list[i])) : -1;
                if (p < 0 || strcmp(c->properties[p].name, list[i]) != 0 ||
                    c->properties[p].flags & RV_SECRET)
                        return false;
                for (size_t k = 0; k < i; k++)
                        if (strcmp(list[k], list[i]) == 0)
                                return false;
        }
        return true;
}

bool rv_sql_quick(struct rv_request *q, const char *sql)
{
        struct text t = { sql };
        const char **list = rv_arena_get(&q->arena, MOST_COLUMNS * sizeof *list), *s;
        size_t nlist, n;
        uint64_t limit = 0;
        const struct rv_class *c;
        if (!list || strlen(sql) > 1000 || !rv_policy_has_all(&q->agent->policy, &q->session->who) ||
            json_object_get(q->params, "Since") || !keyword(&t, "select") || !columns(q, &t, list, &nlist) ||
            !keyword(&t, "from") || !word(&t, &s, &n))
                return false;
        char *name = rv_arena_text(&q->arena, s, n);
        if (!name || rv_registry_find(&q->agent->registry, name, NULL, &c, NULL) ||
            !are_columns(c, list, nlist))
                return false;
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_arg *keys = rv_arena_get(&q->arena, (c->nproperties + 1) * sizeof *keys);
        if (!source || !rv_entry_find(q->agent, source) || !keys || !keyword(&t, "where"))
                return false;
        do {
                if (!condition(q, &t, c, keys))
                        return false;
        } while (keyword(&t, "and"));
        if (keyword(&t, "limit") && (!number(&t, &limit) || !limit))
                return false;
        sign(&t, ';');
        blank(&t);
        q->classes = *t.p ? NULL : calloc(2, sizeof *q->classes);
        if (!q->classes)
                return false;
        q->classes[0] = c;
        q->nclasses = 1;
        q->asked = c;
        q->shape = RV_SHAPE_INSTANCES;
        q->ask.properties = list;
        q->ask.nproperties = nlist;
        q->ask.keys = keys;
        q->ask.limit = limit;
        return true;
}
