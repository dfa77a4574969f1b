/* SPDX-License-Identifier: MIT
 *
 * A role from the audit: the least that allows what was done. One rule for each method or kind of change; it names
 * the objects and the values of arguments where they were few, and leaves open what was different each time. What was
 * denied or failed does not count. Reads are not on record: the role may read what it changes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/agent.h"
#include "agent/stats.h"
#include "gen/Elevation.h"

enum { MOST_VALUES = 8, MOST_RULES = 500 };

/* One value seen of a property, as WQL writes it. */
struct values {
        char *v[MOST_VALUES];
        unsigned n;
        bool many;    /* more than can be named */
        bool missing; /* not given, at least once */
};

struct learnt {
        const struct rv_class *class;
        const struct rv_method *method;
        const char *operation; /* "Create", ... */
        unsigned times;
        struct values *keys;      /* one per property of class */
        struct values *arguments; /* one per property of method->in, or of class */
        bool *given;              /* changes: which properties */
};

struct lesson {
        const struct rv_registry *registry;
        const char *users;
        int64_t until;
        struct learnt list[MOST_RULES];
        unsigned n, total, left_out, elevated;
};

static void values_free(struct values *v, uint32_t n)
{
        for (uint32_t i = 0; v && i < n; i++)
                for (unsigned k = 0; k < v[i].n; k++)
                        free(v[i].v[k]);
        free(v);
}

static const struct rv_class *argument_class(const struct learnt *l)
{
        return l->method ? l->method->in : l->class;
}

static void lesson_free(struct lesson *l)
{
        for (unsigned i = 0; i < l->n; i++) {
                values_free(l->list[i].keys, l->list[i].class->nproperties);
                values_free(l->list[i].arguments, argument_class(&l->list[i])->nproperties);
                free(l->list[i].given);
        }
        free(l);
}

/* 'it''s' as WQL writes it, or a number, a truth; NULL: nothing that a condition can name. */
static char *literal(const json_t *v)
{
        char *s = NULL;
        if (json_is_integer(v))
                return asprintf(&s, "%lld", (long long)json_integer_value(v)) < 0 ? NULL : s;
        if (json_is_boolean(v))
                return strdup(json_is_true(v) ? "TRUE" : "FALSE");
        const char *text = json_string_value(v);
        if (!text || strlen(text) > 200 || strcmp(text, "***") == 0 || strpbrk(text, "'\\\"\n\r"))
                return NULL;
        return asprintf(&s, "'%s'", text) < 0 ? NULL : s;
}

static void add_value(struct values *to, const json_t *v)
{
        char *s = to->many ? NULL : literal(v);
        for (unsigned i = 0; s && i < to->n; i++)
                if (strcmp(to->v[i], s) == 0) {
                        free(s);
                        return;
                }
        if (s && to->n < MOST_VALUES) {
                to->v[to->n++] = s;
                return;
        }
        free(s);
        to->many = true;
}

static void add_all(struct values *to, const struct rv_class *c, json_t *given)
{
        for (uint32_t p = 0; p < c->nproperties; p++) {
                const char *name;
                json_t *v, *found = NULL;
                json_object_foreach(given, name, v)
                {
                        if (rv_property_find_alias(c, name, strlen(name), NULL) == (int)p && !json_is_null(v))
                                found = v;
                }
                if (found)
                        add_value(&to[p], found);
                else if (c->properties[p].default_text) /* it counts as given */
                        to[p].many = true;
                else
                        to[p].missing = true;
        }
}

static struct learnt *place(struct lesson *l, const struct rv_class *c, const struct rv_method *m,
                            const char *operation)
{
        for (unsigned i = 0; i < l->n; i++)
                if (l->list[i].class == c && l->list[i].method == m &&
                    strcmp(l->list[i].operation, operation) == 0)
                        return &l->list[i];
        if (l->n == MOST_RULES)
                return NULL;
        struct learnt *x = &l->list[l->n];
        *x = (struct learnt) { .class = c, .method = m, .operation = operation };
        x->keys = calloc(c->nproperties + 1, sizeof *x->keys);
        x->arguments = calloc(argument_class(x)->nproperties + 1, sizeof *x->arguments);
        x->given = calloc(c->nproperties + 1, sizeof *x->given);
        l->n++;
        return x->keys && x->arguments && x->given ? x : NULL;
}

static const char *kind_of(const char *operation)
{
        static const char *const known[][2] = { { "CreateInstance", "Create" },
                                                { "ModifyInstance", "Modify" },
                                                { "SetInstance", "Modify" },
                                                { "DeleteInstance", "Delete" },
                                                { "InvokeMethod", "Invoke" } };
        for (unsigned i = 0; operation && i < sizeof known / sizeof *known; i++)
                if (strcmp(known[i][0], operation) == 0)
                        return known[i][1];
        return NULL;
}

static bool is_meant(const char *users, const char *user)
{
        size_t n = user ? strlen(user) : 0;
        for (const char *s = users; s && n; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
                s += strspn(s, " ");
                if (strncmp(s, user, n) == 0 && (!s[n] || s[n] == ',' || s[n] == ' '))
                        return true;
        }
        return !users;
}

static int learn(void *state, const struct rv_audit_record *r)
{
        struct lesson *l = state;
        const char *kind = kind_of(r->operation);
        const struct rv_class *c;
        if (!kind || !r->class_name || strcmp(r->result, "Succeeded") != 0 || !is_meant(l->users, r->user))
                return RV_OK;
        if (strcmp(r->class_name, Elevation_class.name) == 0) /* what lets people ask is no rule */
                return RV_OK;
        l->total++;
        if (r->elevation) { /* what he had for a time he is not to have for good */
                l->elevated++;
                return RV_OK;
        }
        if (rv_registry_find(l->registry, r->class_name, NULL, &c, NULL) ||
            (c->view_of && !(c = rv_class_find(c->view_of, NULL)))) {
                l->left_out++;
                return RV_OK;
        }
        int m = r->method ? rv_method_find(c, r->method, strlen(r->method)) : -1;
        struct learnt *x = r->method && m < 0 ? NULL : place(l, c, m >= 0 ? &c->methods[m] : NULL, kind);
        if (!x) {
                l->left_out++;
                return RV_OK;
        }
        json_t *keys = r->key ? json_loads(r->key, 0, NULL) : NULL,
               *arguments = r->arguments ? json_loads(r->arguments, 0, NULL) : NULL;
        add_all(x->keys, c, keys);
        add_all(x->arguments, argument_class(x), arguments);
        for (uint32_t p = 0; !x->method && p < c->nproperties; p++) {
                const char *name;
                json_t *v;
                json_object_foreach(arguments, name, v)
                {
                        x->given[p] |= rv_property_find_alias(c, name, strlen(name), NULL) == (int)p;
                }
        }
        x->times++;
        json_decref(keys);
        json_decref(arguments);
        return RV_OK;
}

/* ---- as text ---- */

static void put_one(struct rv_buf *b, const char *name, const struct values *v, bool or_null)
{
        unsigned terms = v->n + or_null;
        rv_buf_puts(b, terms > 1 ? "(" : "");
        for (unsigned i = 0; i < v->n; i++)
                rv_buf_putf(b, "%s%s = %s", i ? " OR " : "", name, v->v[i]);
        if (or_null)
                rv_buf_putf(b, "%s%s IS NULL", v->n ? " OR " : "", name);
        rv_buf_puts(b, terms > 1 ? ")" : "");
}

/* "(Name = 'a' OR Name = 'b') AND Mode = 'x'", or nothing. nulls: what was never given must not be; else it is open. */
static void put_condition(struct rv_buf *b, const char *key, const struct rv_class *c, const struct values *v,
                          const bool *only, bool nulls)
{
        bool first = true;
        for (uint32_t p = 0; p < c->nproperties; p++) {
                const struct rv_property *d = &c->properties[p];
                bool nameable = d->type != RV_CIM_DATETIME && d->type != RV_CIM_OBJECT && d->type != RV_CIM_REFERENCE;
                if (v[p].many || (v[p].n && (d->is_array || !nameable)) || (!nulls && (!v[p].n || v[p].missing)) ||
                    (only && !only[p]) || (!v[p].n && !v[p].missing))
                        continue;
                rv_buf_puts(b, first ? key : " AND ");
                put_one(b, d->name, &v[p], nulls && v[p].missing);
                first = false;
        }
        rv_buf_puts(b, first ? "" : "\n");
}

static void put_rule(struct rv_buf *b, const struct learnt *l, unsigned number)
{
        const struct rv_class *c = l->class;
        rv_buf_putf(b, "\n# %u time%s\n[Allow %u-%s-%s%s%s]\nClass = %s\nOperation = %s\n", l->times,
                    l->times == 1 ? "" : "s", number, l->operation, c->name, l->method ? "-" : "",
                    l->method ? l->method->name : "", c->name, l->operation);
        if (l->method)
                rv_buf_putf(b, "Method = %s\n", l->method->name);
        bool first = true;
        for (uint32_t p = 0; !l->method && strcmp(l->operation, "Delete") != 0 && p < c->nproperties; p++)
                if (l->given[p] && !(c->properties[p].flags & RV_KEY)) {
                        rv_buf_putf(b, "%s%s", first ? "Property = " : ", ", c->properties[p].name);
                        first = false;
                }
        rv_buf_puts(b, first ? "" : "\n");
        if ((!l->method || !l->method->is_static) && strcmp(l->operation, "Create") != 0)
                put_condition(b, "Where = ", c, l->keys, NULL, false);
        if (strcmp(l->operation, "Delete") != 0)
                put_condition(b, "Arguments = ", argument_class(l), l->arguments, l->method ? NULL : l->given,
                              l->method != NULL);
}

static void put_reads(struct rv_buf *b, const struct lesson *l)
{
        for (unsigned i = 0; i < l->n; i++) {
                bool before = false;
                for (unsigned k = 0; k < i; k++)
                        before |= l->list[k].class == l->list[i].class;
                if (!before)
                        rv_buf_putf(b, "\n[Allow read-%s]\nClass = %s\nOperation = Read\n",
                                    l->list[i].class->name, l->list[i].class->name);
        }
}

static void put_role(struct rv_buf *b, const char *name, const struct lesson *l)
{
        bool escalates = false;
        for (unsigned i = 0; i < l->n; i++)
                for (uint32_t m = 0; m < l->list[i].class->nmethods; m++)
                        escalates |= l->list[i].class->methods[m].escalates &&
                                     (!l->list[i].method || l->list[i].method == &l->list[i].class->methods[m]);
        rv_buf_putf(b, "# %s.role: to be put into roles.d, once it is what you mean.\n", name);
        if (l->total)
                rv_buf_putf(b, "# Made from %u records of the audit; %u could not be used.\n", l->total,
                            l->left_out);
        if (l->elevated)
                rv_buf_putf(b, "# %u of them were made under an elevation: they are not in it.\n", l->elevated);
        rv_buf_putf(b, "[Role]\nDescription = %s\nLanguage = Constrained\n%s\n[Who]\nUser = %s\n", name,
                    escalates ? "Escalates = yes\n" : "", l->users ? l->users : "");
        for (unsigned i = 0; i < l->n; i++)
                put_rule(b, &l->list[i], i + 1);
        put_reads(b, l);
}

int rv_stats_new_role(const struct rv_call *call, const char *name, bool from_audit, const char *users,
                      int64_t since, int64_t until, char **ret, struct rv_error *err)
{
        struct rv_agent *agent = call->core;
        struct lesson *l = calloc(1, sizeof *l);
        struct rv_buf b = { 0 };
        char why[200] = "";
        if (!l)
                return -ENOMEM;
        l->registry = &agent->registry;
        l->users = users;
        const struct rv_audit_ask ask = { .since = since, .until = until };
        int r = from_audit ? rv_stats_each_audit(call, &ask, learn, l, why, sizeof why) : RV_OK;
        if (r == -EIO)
                r = rv_fail(err, RV_UNAVAILABLE, "cannot read the audit: %s", why);
        if (r == -ENOENT || r == RV_STOP)
                r = RV_OK;
        if (r == RV_OK &&
            !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")] && *name)
                put_role(&b, name, l);
        else if (r == RV_OK)
                r = rv_fail(err, RV_INVALID_PARAMETER, "a role's name has letters, digits, - _ .");
        rv_buf_put(&b, "", 1);
        if (r == RV_OK && b.failed)
                r = -ENOMEM;
        lesson_free(l);
        *ret = r ? NULL : b.data;
        if (r)
                rv_buf_free(&b);
        return r;
}
