/* SPDX-License-Identifier: MIT
 *
 * What class cmdlets do: parameters become a condition for the agent; names without a wildcard that nothing has are
 * errors, with the nearest name that something has; methods are called on each object, with -WhatIf at the agent
 * too.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/cimjob.h"
#include "shell/code.h"
#include "shell/model.h"

static const struct sh_model_cmdlet *cmdlet_of(struct sh_cmd *c)
{
        return sh_model_cmdlet_of(sh_cmdlet_of(c));
}

/* ---- the condition ---- */

static bool is_pattern(const struct sh_model_param *q, struct sv v)
{
        return q->wildcard && v.kind == SH_STRING && sh_has_wildcard(v.s->s, v.s->len);
}

static void put_one(struct sh *sh, struct sh_buf *b, const struct rv_property *p,
                    const struct sh_model_param *q, struct sv v)
{
        sh_buf_puts(b, p->name);
        if (is_pattern(q, v)) {
                sh_buf_puts(b, " LIKE ");
                sh_wql_like(b, v.s->s, v.s->len);
        } else if (sh_is_null(v)) {
                sh_buf_puts(b, " IS NULL");
        } else {
                static const char *const ops[] = { " = ", " >= ", " <= " };
                sh_buf_puts(b, ops[q->bound]);
                sh_wql_value(sh, b, v);
        }
}

/* A condition that the property is one of these values. */
static void put_values(struct sh_cmd *c, struct sh_buf *b, const struct sh_model_cmdlet *m, uint32_t i,
                       struct sv list)
{
        const struct sh_model_param *q = &m->params[i];
        struct sv v;
        size_t pos = 0;
        bool first = true;
        sh_buf_puts(b, b->n ? " AND (" : "(");
        if (!sh_is_enumerable(list)) {
                put_one(sh_session(c), b, &m->class->c->properties[q->property], q, list);
                first = false;
        }
        while (sh_is_enumerable(list) && sh_next(list, &pos, &v)) {
                sh_buf_puts(b, first ? "" : " OR ");
                put_one(sh_session(c), b, &m->class->c->properties[q->property], q, v);
                first = false;
                sh_drop(v);
        }
        if (first) /* an empty list chooses nothing */
                sh_buf_putf(b, "%s IS NULL AND %s IS NOT NULL", m->class->c->properties[q->property].name,
                            m->class->c->properties[q->property].name);
        sh_buf_puts(b, ")");
}

static void put_param(struct sh_cmd *c, struct sh_buf *b, const struct sh_model_cmdlet *m, uint32_t i)
{
        put_values(c, b, m, i, sh_arg(c, m->table.params[i].name));
}

/* ---- events ---- */

static bool is_named(const struct sh_param *p, const char *name, size_t n)
{
        if (strlen(p->name) == n && strncasecmp(p->name, name, n) == 0)
                return true;
        for (const char *s = p->alias; s && *s; s += strcspn(s, ","), s += *s == ',')
                if (strcspn(s, ",") == n && strncasecmp(s, name, n) == 0)
                        return true;
        return false;
}

/* Windows' levels: 1 critical, 2 error, 3 warning, 4 information, 5 verbose; 0 is any. */
static int put_levels(struct sh_cmd *c, struct sh_buf *b, const char *property, struct sv list)
{
        static const char *const bounds[] = { "%s IS NOT NULL OR %s IS NULL", "%s <= 2", "%s = 3", "%s = 4",
                                              "(%s = 5 OR %s = 6)",           "%s = 7" };
        struct sv v = SH_NIL;
        size_t pos = 0;
        bool many = sh_is_enumerable(list), first = true;
        sh_buf_puts(b, b->n ? " AND (" : "(");
        while (many ? sh_next(list, &pos, &v) : first) {
                struct sv text = sh_to_text(sh_session(c), many ? v : list);
                int level = text.s->len == 1 && text.s->s[0] >= '0' && text.s->s[0] <= '5'
                                    ? text.s->s[0] - '0'
                                    : -1;
                sh_drop(text);
                sh_drop(v);
                if (level < 0)
                        return sh_cmd_throw(c, "InvalidLevel", "InvalidArgument", list,
                                            "Level is a number from 0 to 5; -Priority takes syslog's levels, "
                                            "-LevelDisplayName their names.");
                sh_buf_puts(b, first ? "" : " OR ");
                sh_buf_putf(b, bounds[level], property, property);
                first = false;
                v = SH_NIL;
        }
        if (first) /* none: nothing */
                sh_buf_putf(b, "%s IS NULL AND %s IS NOT NULL", property, property);
        sh_buf_puts(b, ")");
        return SH_OK;
}

static int put_pair(struct sh_cmd *c, struct sh_buf *b, const struct sh_model_cmdlet *m, struct sv key,
                    struct sv value)
{
        struct sv text = sh_to_text(sh_session(c), key);
        const char *name = strcasecmp(text.s->s, "UserID") == 0 ? "Uid" : text.s->s;
        int st = SH_OK;
        uint32_t i = 0;
        while (i < m->nparams &&
               (m->params[i].property < 0 || !is_named(&m->table.params[i], name, strlen(name))))
                i++;
        if (strcasecmp(name, "Level") == 0)
                st = put_levels(c, b, m->events->values[2], value);
        else if (i < m->nparams)
                put_values(c, b, m, i, value);
        else
                st = sh_cmd_throw(c, "InvalidFilterKey", "InvalidArgument", key,
                                  "\"%s\" is no condition here: LogName, Path, ProviderName, Level, "
                                  "StartTime, EndTime, UserID and the "
                                  "parameters of %s that choose are.",
                                  name, m->table.name);
        sh_drop(text);
        return st;
}

/* @{LogName='...'; StartTime=...}; several: one of them must fit. */
static int put_tables(struct sh_cmd *c, struct sh_buf *filter, const struct sh_model_cmdlet *m)
{
        struct sv list = sh_arg(c, "FilterHashtable"), v, key, value;
        struct sh_buf all = { 0 };
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && list.kind == SH_ARRAY && sh_next(list, &pos, &v)) {
                struct sh_buf one = { 0 };
                for (uint32_t i = 0; st == SH_OK && v.kind == SH_HASH && sh_hash_at(v.h, i, &key, &value);
                     i++)
                        st = put_pair(c, &one, m, key, value);
                if (one.n)
                        sh_buf_putf(&all, "%s(%.*s)", all.n ? " OR " : "", (int)one.n, one.p);
                sh_buf_free(&one);
                sh_drop(v);
        }
        if (st == SH_OK && all.n)
                sh_buf_putf(filter, "%s(%.*s)", filter->n ? " AND " : "", (int)all.n, all.p);
        sh_buf_free(&all);
        return st;
}

/* ---- choosing instances ---- */

/* The values asked for by one parameter, and which of them something had. */
struct wanted {
        uint32_t param;   /* which */
        bool some;        /* there is one with literal values */
        struct sv values; /* borrowed */
        uint32_t n;
        bool *found;
};

struct choice {
        struct sh_cmd *c;
        const struct sh_model_cmdlet *m;
        struct wanted wanted;
        uint64_t limit, sent;
        bool narrow;
        int (*each)(struct choice *, struct sv);
        void *state;
};

static struct sv nth(struct sv list, uint32_t i)
{
        struct sv v = SH_NIL;
        size_t pos = 0;
        if (!sh_is_enumerable(list))
                return sh_keep(list);
        for (uint32_t k = 0; sh_next(list, &pos, &v); k++) {
                if (k == i)
                        return v;
                sh_drop(v);
        }
        return SH_NIL;
}

/* Does the parameter name something that ought to be there? Keys and names do; a state, a number or a yes or no that is
 * no key only narrows the choice, and that nothing has it is an answer. */
static bool names_something(const struct choice *h, uint32_t param)
{
        const struct sh_model_param *q = &h->m->params[param];
        const struct rv_property *p = &h->m->class->c->properties[q->property];
        return !q->bound && (q->identity || (p->type == RV_CIM_STRING && !p->nvalue_map) ||
                             rv_qualifier_find(p->qualifiers, p->nqualifiers, "NotFound"));
}

static void want(struct choice *h, uint32_t param)
{
        struct wanted *w = &h->wanted;
        struct sv list = sh_arg(h->c, h->m->table.params[param].name), v;
        size_t pos = 0;
        uint32_t n = 0;
        bool literal = !sh_is_enumerable(list) && !is_pattern(&h->m->params[param], list);
        while (sh_is_enumerable(list) && sh_next(list, &pos, &v)) {
                literal |= !is_pattern(&h->m->params[param], v);
                sh_drop(v);
                n++;
        }
        if (!literal || w->some || !names_something(h, param))
                return;
        *w = (struct wanted) { .param = param, .some = true, .values = list, .n = n ? n : 1 };
        w->found = calloc(w->n, sizeof *w->found);
}

static int chosen(void *state, struct sv row)
{
        struct choice *h = state;
        struct wanted *w = &h->wanted;
        struct sh *sh = sh_session(h->c);
        if (w->some && w->found) {
                struct sv v, x;
                if (sh_model_value(sh, sh_model_row_of(row), (uint32_t)h->m->params[w->param].property, &v) ==
                    SH_OK) {
                        for (uint32_t i = 0; i < w->n; i++) {
                                x = nth(w->values, i);
                                w->found[i] |= sh_equal(sh, v, x, true);
                                sh_drop(x);
                        }
                        sh_drop(v);
                }
        }
        h->sent++;
        return h->each(h, row);
}

/* The nearest value that some instance has, when the one asked for is a text. */
struct near {
        char **v;
        uint32_t n, cap;
        uint32_t property;
        struct sh *sh;
};

static int near_row(void *state, struct sv row)
{
        struct near *x = state;
        struct sv v;
        if (sh_model_value(x->sh, sh_model_row_of(row), x->property, &v) != SH_OK)
                return SH_OK;
        if (v.kind == SH_STRING && x->n < 20000) {
                if (x->n == x->cap) {
                        uint32_t cap = x->cap ? x->cap * 2 : 64;
                        char **to = realloc(x->v, cap * sizeof *to);
                        if (!to) {
                                sh_drop(v);
                                return SH_OK;
                        }
                        x->v = to;
                        x->cap = cap;
                }
                x->v[x->n++] = strdup(v.s->s);
        }
        sh_drop(v);
        return SH_OK;
}

static const char *near_name(void *state, size_t i)
{
        return ((struct near *)state)->v[i];
}

static char *nearest(struct choice *h, const char *name)
{
        const struct rv_class *c = h->m->class->c;
        struct near x = { .property = (uint32_t)h->m->params[h->wanted.param].property,
                          .sh = sh_session(h->c) };
        const char *list[] = { c->properties[x.property].name };
        struct sh_reading q = { .link = h->m->class->link,
                                .class = h->m->class,
                                .method = "EnumerateInstances",
                                .properties = list,
                                .nproperties = 1,
                                .each = near_row,
                                .state = &x };
        struct rv_error err = { 0 };
        struct rv_buf at = { 0 };
        int status;
        q.at = h->m->timed ? sh_model_at(h->c, "At", &at) : NULL;
        sh_model_read(h->c, &q, &status, &err);
        rv_buf_free(&at);
        const char *near = rv_nearest(name, near_name, &x, x.n);
        char *found = near ? strdup(near) : NULL;
        for (uint32_t i = 0; i < x.n; i++)
                free(x.v[i]);
        free(x.v);
        return found;
}

static void lower_words(const char *noun, char *to, size_t size)
{
        size_t n = 0;
        for (const char *s = noun; *s && n + 2 < size; s++) {
                if (s > noun && isupper((unsigned char)*s) && islower((unsigned char)s[-1]))
                        to[n++] = ' ';
                to[n++] = (char)tolower((unsigned char)*s);
        }
        to[n] = 0;
}

/* What the schema says about it ([NotFound]), or the same made from the class' noun. */
static int not_found(struct choice *h, struct sv value)
{
        const struct rv_class *c = h->m->class->c;
        const struct sh_model_param *q = &h->m->params[h->wanted.param];
        const struct rv_property *p = &c->properties[q->property];
        const struct rv_qualifier *said = rv_qualifier_find(p->qualifiers, p->nqualifiers, "NotFound");
        const char *param = h->m->table.params[h->wanted.param].name, *noun = c->noun ? c->noun : c->name;
        char id[120], words[80], label[80];
        struct sh *sh = sh_session(h->c);
        struct sh_buf b = { 0 };
        struct sv s = sh_to_text(sh, value);
        lower_words(noun, words, sizeof words);
        lower_words(param, label, sizeof label);
        snprintf(id, sizeof id, "No%sFoundForGiven%s", noun, param);
        if (said && said->nvalues == 2) {
                const char *t = said->values[1], *at = strstr(t, "{0}");
                snprintf(id, sizeof id, "%s", said->values[0]);
                sh_buf_put(&b, t, at ? (size_t)(at - t) : strlen(t));
                if (at) {
                        sh_buf_put(&b, s.s->s, s.s->len);
                        sh_buf_puts(&b, at + 3);
                }
        } else {
                sh_buf_putf(&b, "Cannot find a %s with the %s \"%s\".", words, label, s.s->s);
        }
        char *near = value.kind == SH_STRING ? nearest(h, s.s->s) : NULL;
        if (near)
                sh_buf_putf(&b, " Did you mean \"%s\"?", near);
        free(near);
        int st = sh_cmd_error(h->c, id, "ObjectNotFound", value, "%.*s", (int)b.n, b.p);
        sh_buf_free(&b);
        sh_drop(s);
        return st;
}

static int tell_missing(struct choice *h)
{
        struct wanted *w = &h->wanted;
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && w->found && i < w->n; i++) {
                if (w->found[i])
                        continue;
                struct sv v = nth(w->values, i);
                if (!is_pattern(&h->m->params[w->param], v))
                        st = not_found(h, v);
                sh_drop(v);
        }
        return st;
}

/* The order in which the class' instances are listed: by what they are chosen by at the first position, then by
 * key. */
static void put_default_order(const struct sh_model_cmdlet *m, char *to, size_t size)
{
        const struct rv_class *c = m->class->c;
        to[0] = 0;
        for (uint32_t i = 0; i < m->nparams; i++)
                if (m->table.params[i].position == 1 && m->params[i].property >= 0 && m->params[i].wildcard)
                        snprintf(to, size, "%s", c->properties[m->params[i].property].name);
        if (to[0] && c->nkeys && strcasecmp(to, c->properties[c->keys[0]].name) != 0)
                snprintf(to + strlen(to), size - strlen(to), ",%s", c->properties[c->keys[0]].name);
}

static bool has_subclasses(const struct sh_model_class *m)
{
        for (uint32_t i = 0; i < rv_nclasses; i++)
                if (rv_classes[i] != m->c && rv_class_isa(rv_classes[i], m->c->name))
                        return true;
        return false;
}

static void read_list(struct sh_cmd *c, struct sh_reading *q, const char **names, uint32_t most)
{
        struct sv list = sh_arg(c, "Property"), v;
        size_t pos = 0;
        bool all = false;
        if (sh_is_null(list))
                return;
        if (list.kind == SH_STRING)
                names[q->nproperties++] = list.s->s;
        while (list.kind == SH_ARRAY && q->nproperties < most && sh_next(list, &pos, &v)) {
                if (v.kind == SH_STRING) {
                        names[q->nproperties++] = v.s->s; /* kept by the argument */
                        all |= sh_has_wildcard(v.s->s, v.s->len);
                }
                sh_drop(v);
        }
        if (q->nproperties && !all)
                q->properties = names;
}

/* Instances that the parameters choose, each handed on. */
static int choose(struct choice *h, const struct sh_plan *plan)
{
        struct sh_cmd *c = h->c;
        const struct sh_model_cmdlet *m = h->m;
        struct sh_buf filter = { 0 };
        char order[300];
        const char *names[64];
        struct rv_buf at = { 0 };
        struct sh_plan *own = NULL;
        int st;
        struct sh_reading q = { .link = m->class->link,
                                .class = m->class,
                                .method = "EnumerateInstances",
                                .each = chosen,
                                .state = h,
                                .limit = h->limit,
                                .order = order,
                                .subclasses = has_subclasses(m->class) };
        for (uint32_t i = 0; i < m->nparams; i++) {
                if (m->params[i].property < 0 || !sh_bound(c, m->table.params[i].name) ||
                    (m->verb == SH_MODEL_SET && !m->params[i].identity))
                        continue;
                put_param(c, &filter, m, i);
                if (!m->events) /* to tell who has a name all events would have to be read */
                        want(h, i);
        }
        if (m->events && sh_bound(c, "FilterHashtable") && (st = put_tables(c, &filter, m))) {
                sh_buf_free(&filter);
                return st;
        }
        if (m->verb == SH_MODEL_GET) {
                const char *given = sh_arg_text(c, "Filter", NULL);
                if (given)
                        sh_buf_putf(&filter, "%s(%s)", filter.n ? " AND " : "", given);
                read_list(c, &q, names, 64);
                q.timeout = (double)sh_arg_int(c, "OperationTimeoutSec", 0);
                q.at = m->timed ? sh_model_at(c, "At", &at) : NULL;
        }
        put_default_order(m, order, sizeof order);
        if (m->events && sh_switch(c, "Oldest"))
                snprintf(order, sizeof order, "%s", m->events->values[0]);
        q.filter = filter.n ? filter.p : NULL;
        q.plan = plan;
        if (h->wanted.some && plan) {
                /* Whether a name exists must not depend on what later stages want of it. */
                own = malloc(sizeof *own);
                if (own) {
                        *own = *plan;
                        own->filter[0] = 0;
                        own->limit = 0;
                }
                q.plan = own;
                q.also = m->params[h->wanted.param].property + 1;
        }
        struct rv_error err = { 0 };
        int status, r = sh_model_read(c, &q, &status, &err);
        free(own);
        rv_buf_free(&at);
        sh_buf_free(&filter);
        if (r)
                status = sh_model_error(c, &err, SH_NIL);
        else if (status == SH_OK && m->events && !h->sent && !(plan && plan->filter[0]))
                status = sh_cmd_error(c, "NoMatchingEventsFound", "ObjectNotFound", SH_NIL,
                                      "No events were found that match the specified selection criteria.");
        else if (status == SH_OK && h->wanted.some && !(h->limit && h->sent >= h->limit))
                status = tell_missing(h);
        free(h->wanted.found);
        return status;
}

/* Objects given as they are: -InputObject. */
static int given(struct choice *h, struct sv objects, int (*each)(struct choice *, struct sv))
{
        struct sv v;
        size_t pos = 0;
        int st = SH_OK;
        if (!sh_is_enumerable(objects))
                return each(h, objects);
        while (st == SH_OK && sh_next(objects, &pos, &v)) {
                st = each(h, v);
                sh_drop(v);
        }
        return st;
}

/* An object of another class cannot be meant. */
static int check_class(struct choice *h, struct sv v)
{
        const struct rv_class *c = sh_model_class_of(v), *own = h->m->class->c;
        if (c && (rv_class_isa(c, own->name) || (c->view_of && strcasecmp(c->view_of, own->name) == 0)))
                return SH_OK;
        int st = sh_cmd_error(h->c, "InvalidInputObject", "InvalidArgument", v,
                              "The input object is no %s: expected what Get-%s gives.", own->name,
                              own->noun ? own->noun : own->name);
        return st ? st : SH_NONE;
}

/* ---- Get ---- */

static int emit_chosen(struct choice *h, struct sv v)
{
        return sh_emit(h->c, v);
}

/* A condition on each key of a view that comes from the object's class. */
static void put_source(struct choice *h, struct sv v, struct sh_buf *filter)
{
        const struct rv_class *own = h->m->class->c, *c = sh_model_class_of(v);
        struct sh *sh = sh_session(h->c);
        struct sv value;
        for (uint32_t i = 0; i < own->nkeys; i++) {
                const struct rv_property *key = &own->properties[own->keys[i]];
                int p = key->source ? rv_property_find(c, key->source, strlen(key->source)) : -1;
                if (p < 0 || sh_model_value(sh, sh_model_row_of(v), (uint32_t)p, &value) != SH_OK)
                        continue;
                sh_buf_putf(filter, "%s%s = ", filter->n ? " AND " : "", key->name);
                struct sv text = key->type == RV_STRING ? sh_to_text(sh, value) : sh_keep(value);
                sh_wql_value(sh, filter, text);
                sh_drop(text);
                sh_drop(value);
        }
}

/* What a view has of an object of the class that it is a view of: Get-NetAdapter | Get-NetAdapterStatistics. */
static int emit_view(struct choice *h, struct sv v)
{
        struct sh_buf filter = { 0 };
        struct rv_error err = { 0 };
        int status = SH_OK;
        put_source(h, v, &filter);
        struct sh_reading q = { .link = h->m->class->link,
                                .class = h->m->class,
                                .method = "EnumerateInstances",
                                .each = chosen,
                                .state = h,
                                .filter = filter.p };
        h->each = emit_chosen;
        if (filter.n && sh_model_read(h->c, &q, &status, &err))
                status = sh_model_error(h->c, &err, v);
        sh_buf_free(&filter);
        return status;
}

static bool is_source(const struct rv_class *own, struct sv v)
{
        const struct rv_class *c = sh_model_class_of(v);
        return c && own->view_of && rv_class_isa(c, own->view_of);
}

static int emit_again(struct choice *h, struct sv v)
{
        struct sv now;
        struct rv_error err = { 0 };
        if (is_source(h->m->class->c, v))
                return emit_view(h, v);
        int st = check_class(h, v);
        if (st)
                return st == SH_NONE ? SH_OK : st;
        if (sh_model_get(sh_session(h->c), sh_model_row_of(v), NULL, &now, &err) != RV_OK)
                return sh_model_error(h->c, &err, v);
        st = sh_emit(h->c, now);
        sh_drop(now);
        return st;
}

/* -ListLog: the logs that have one of these names. */
static int list_logs(struct sh_cmd *c, const struct sh_model_cmdlet *m)
{
        static const struct sh_model_param by_name = { .wildcard = true };
        struct choice h = { .c = c, .m = m, .each = emit_chosen };
        struct sv list = sh_arg(c, "ListLog"), v;
        const struct sh_model_class *logs = NULL;
        struct rv_error err = { 0 };
        size_t pos = 0;
        int st = SH_OK;
        if (sh_model_class(m->class->link, m->events->values[1], m->class->c->name_space, &logs, &err))
                return sh_model_error(c, &err, SH_NIL);
        while (st == SH_OK && list.kind == SH_ARRAY && sh_next(list, &pos, &v)) {
                struct sh_buf filter = { 0 };
                put_one(sh_session(c), &filter, &logs->c->properties[logs->c->keys[0]], &by_name, v);
                struct sh_reading q = { .link = m->class->link,
                                        .class = logs,
                                        .method = "EnumerateInstances",
                                        .each = chosen,
                                        .state = &h,
                                        .filter = filter.p };
                h.sent = 0;
                if (sh_model_read(c, &q, &st, &err))
                        st = sh_model_error(c, &err, v);
                else if (st == SH_OK && !h.sent && !is_pattern(&by_name, v)) {
                        struct sv text = sh_to_text(sh_session(c), v);
                        st = sh_cmd_error(c, "NoMatchingLogsFound", "ObjectNotFound", v,
                                          "There is not an event log on this computer that matches \"%s\".",
                                          text.s->s);
                        sh_drop(text);
                }
                sh_buf_free(&filter);
                sh_drop(v);
        }
        return st;
}

static int get_at(struct sh_cmd *c, const struct sh_model_cmdlet *m)
{
        struct choice h = {
                .c = c, .m = m, .limit = (uint64_t)sh_arg_int(c, "First", 0), .each = emit_chosen
        };
        if (m->events && sh_bound(c, "ListLog"))
                return list_logs(c, m);
        return choose(&h, c->plan);
}

/* The same of the agents of other hosts, one after the other. */
static int get_there(struct sh_cmd *c, struct sv sessions)
{
        int st = SH_OK;
        if (sessions.kind != SH_ARRAY) /* never here instead of there */
                return sh_cmd_throw(c, "ParameterArgumentValidationErrorNullNotAllowed", "InvalidData",
                                    SH_NIL,
                                    "Cannot bind argument to parameter 'CimSession' because it is null.");
        for (uint32_t i = 0; i < sessions.a->n && st == SH_OK; i++) {
                struct sh_model_cmdlet m = *cmdlet_of(c);
                struct rv_error err = { 0 };
                struct sh_link *l = sh_link_of_session(c, sessions.a->v[i], &st);
                if (!l)
                        continue;
                st = sh_model_class(l, m.class->c->name, m.class->c->name_space, &m.class, &err)
                             ? sh_model_error(c, &err, sessions.a->v[i])
                             : get_at(c, &m);
        }
        return st;
}

int sh_model_get_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct choice h = { .c = c, .m = cmdlet_of(c) };
        if (sh_bound(c, "InputObject"))
                return given(&h, sh_arg(c, "InputObject"), emit_again);
        return sh_bound(c, "CimSession") ? get_there(c, sh_arg(c, "CimSession")) : get_at(c, cmdlet_of(c));
}

/* ---- methods and changes ---- */

/* "bash (4711)": the name and the key, as PowerShell shows targets. */
static void put_target(struct choice *h, struct sv row, struct sh_buf *b)
{
        struct sh *sh = sh_session(h->c);
        const struct rv_class *c = sh_model_class_of(row);
        struct sh_model_row *r = sh_model_row_of(row);
        int name = rv_property_find(c, "DisplayName", 11);
        if (name < 0)
                name = rv_property_find(c, "Name", 4);
        int key = c->nkeys ? c->keys[0] : -1;
        struct sv v;
        if (name >= 0 && name != key && sh_model_value(sh, r, (uint32_t)name, &v) == SH_OK) {
                sh_buf_value(sh, b, v);
                sh_drop(v);
                sh_buf_puts(b, key >= 0 ? " (" : "");
        }
        bool closed = b->n > 0;
        if (key >= 0 && sh_model_value(sh, r, (uint32_t)key, &v) == SH_OK) {
                sh_buf_value(sh, b, v);
                sh_drop(v);
                sh_buf_puts(b, closed ? ")" : "");
        }
        if (!b->n)
                sh_buf_puts(b, c->name);
}

/* What a static method is about: its first mandatory argument (the name of what is to be made), else the class. */
static void put_made(struct choice *h, struct sh_buf *b)
{
        const struct sh_model_cmdlet *m = h->m;
        for (uint32_t i = 0; i < m->nparams && !b->n; i++)
                if (m->params[i].argument >= 0 && m->table.params[i].mandatory &&
                    sh_bound(h->c, m->table.params[i].name))
                        sh_buf_value(sh_session(h->c), b, sh_arg(h->c, m->table.params[i].name));
        if (!b->n)
                sh_buf_puts(b, m->class->c->name);
}

/* The [In] parameters that were given, and the constants of the cmdlet's declaration, as JSON. */
static int put_arguments(struct choice *h, struct rv_buf *b)
{
        const struct sh_model_cmdlet *m = h->m;
        struct rv_error err = { 0 };
        rv_buf_puts(b, "{");
        for (uint32_t i = 0; i < m->nparams; i++) {
                if (m->params[i].argument < 0 || !sh_bound(h->c, m->table.params[i].name))
                        continue;
                const struct rv_property *p = &m->method->parameters[m->params[i].argument];
                struct sv v = sh_arg(h->c, m->table.params[i].name);
                rv_buf_putf(b, "%s\"%s\":", b->len > 1 ? "," : "", p->name);
                if (p->type == RV_CIM_BOOLEAN && !p->is_array)
                        rv_buf_puts(b, sh_switch(h->c, m->table.params[i].name) ? "true" : "false");
                else if (!sh_value_json(sh_session(h->c), v, p, b, &err))
                        return sh_model_throw(sh_session(h->c), &err, v);
        }
        for (const char *s = m->constants; s && *s;) {
                size_t n = strcspn(s, ","), name = strcspn(s, "=");
                struct sv v = name < n ? sh_string(s + name + 1, n - name - 1) : SH_NIL;
                for (uint32_t i = 0; i < m->method->nparameters; i++) {
                        const struct rv_property *p = &m->method->parameters[i];
                        if (strlen(p->name) != name || strncasecmp(p->name, s, name) != 0)
                                continue;
                        rv_buf_putf(b, "%s\"%s\":", b->len > 1 ? "," : "", p->name);
                        sh_value_json(sh_session(h->c), v, p, b, &err);
                }
                sh_drop(v);
                s += n + (s[n] == ',');
        }
        rv_buf_puts(b, "}");
        return SH_OK;
}

/* [Out] Warning is said, not passed on. */
static bool is_result(const struct rv_property *p)
{
        return p->flags & RV_OUT && strcmp(p->name, "Warning") != 0;
}

static bool has_out(const struct rv_method *m)
{
        for (uint32_t i = 0; i < m->nparameters; i++)
                if (is_result(&m->parameters[i]))
                        return true;
        return false;
}

/* The object that a static method has made, when it answers all its keys; else SH_NIL. */
static struct sv made_object(struct choice *h, struct rv_json result)
{
        const struct rv_class *c = h->m->class->c;
        struct rv_buf keys = { 0 };
        struct rv_json v;
        struct rv_error err = { 0 };
        struct sv key, made = SH_NIL;
        bool all = h->m->method->is_static && c->nkeys;
        rv_buf_puts(&keys, "{");
        for (uint32_t k = 0; all && k < c->nkeys; k++) {
                const char *name = c->properties[c->keys[k]].name;
                all = rv_json_find(result, name, &v) && rv_json_kind(&v) != 'n';
                if (all)
                        rv_buf_putf(&keys, "%s\"%s\":%.*s", k ? "," : "", name, (int)rv_json_size(&v), v.p);
        }
        rv_buf_puts(&keys, "}");
        if (all && !keys.failed) {
                key = sh_model_row_new(sh_session(h->c), h->m->class, rv_json_at(keys.data, keys.len));
                if (sh_model_get(sh_session(h->c), sh_model_row_of(key), NULL, &made, &err) != RV_OK)
                        made = SH_NIL; /* it has ended already, or must not be seen */
                sh_drop(key);
        }
        rv_buf_free(&keys);
        return made;
}

/* The [Out] parameters. */
static struct sv out_object(struct choice *h, struct rv_json result)
{
        const struct rv_method *m = h->m->method;
        struct sv o = sh_object_new();
        for (uint32_t i = 0; i < m->nparameters; i++) {
                struct rv_json v;
                const char *name = m->parameters[i].name;
                if (!is_result(&m->parameters[i]) || !rv_json_find(result, name, &v))
                        continue;
                struct sv value = sh_json_value(sh_session(h->c), h->m->class->link, &m->parameters[i], v);
                sh_object_set(o, name, strlen(name), value);
                sh_drop(value);
        }
        return o;
}

/* What a method answered: a return value other than 0 is an error; out parameters are passed on. */
static int answered(struct choice *h, struct sv target, const char *what, struct rv_json result)
{
        const struct rv_method *m = h->m->method;
        struct rv_json v;
        if (rv_json_find(result, "ReturnValue", &v) && rv_json_int64(&v, 0) != 0) {
                const char *said = sh_return_text(m, v);
                return sh_cmd_error(h->c, "MethodFailed", "InvalidOperation", target,
                                    "Cannot %s %s: %s (%.*s).", m->name, what,
                                    *said ? said : "the method failed", (int)rv_json_size(&v), v.p);
        }
        if (rv_json_find(result, "Transaction", &v)) {
                char *id = rv_json_strdup(&v);
                int st = sh_cmd_stream(
                        h->c, SH_WARNING,
                        "This is put back in %u seconds unless you confirm it over a new connection: "
                        "Confirm-Transaction %s",
                        (unsigned)sh_arg_int(h->c, "ConfirmWithin", 0), id ? id : "");
                free(id);
                if (st)
                        return st;
        }
        if (rv_json_find(result, "Warning", &v) && rv_json_kind(&v) == '"') {
                char *text = rv_json_strdup(&v);
                int st = sh_cmd_stream(h->c, SH_WARNING, "%s", text ? text : "");
                free(text);
                if (st)
                        return st;
        }
        if (!has_out(m))
                return SH_OK;
        struct sv o = made_object(h, result);
        if (sh_is_null(o))
                o = out_object(h, result);
        int st = sh_emit(h->c, o);
        sh_drop(o);
        return st;
}

/* What the agent says would change, a line each, under the line of -WhatIf. */
static void would_change(struct choice *h, struct rv_json answer)
{
        struct rv_json list, item;
        if (!rv_json_find(answer, "Changed", &list))
                return;
        while (rv_json_next(&list, NULL, &item)) {
                struct rv_json part[3] = { 0 };
                char *text[3] = { 0 };
                static const char *const names[3] = { "Property", "From", "To" };
                for (int i = 0; i < 3; i++)
                        if (rv_json_find(item, names[i], &part[i]))
                                text[i] = rv_json_strdup(&part[i]);
                struct sv line = sh_printf("What if:   %s: %s -> %s\n", text[0] ? text[0] : "",
                                           text[1] ? text[1] : "(none)", text[2] ? text[2] : "(none)");
                for (uint32_t i = 0; i + 1 < line.s->len; i++) /* nothing that a terminal would obey */
                        if ((unsigned char)line.s->s[i] < ' ' || line.s->s[i] == 127)
                                line.s->s[i] = '?';
                sh_host_write(sh_session(h->c), line.s->s, line.s->len);
                sh_drop(line);
                for (int i = 0; i < 3; i++)
                        free(text[i]);
        }
}

static int emit_job(struct choice *h, struct sh_link *l, struct rv_buf *answer)
{
        struct sv job =
                sh_cim_job_new(sh_session(h->c), l, h->m->method, rv_json_at(answer->data, answer->len));
        int st = sh_emit(h->c, job);
        sh_drop(job);
        rv_buf_free(answer);
        return st;
}

static int invoke(struct choice *h, struct sv row, const char *what, const struct rv_buf *in)
{
        struct rv_buf out = { 0 };
        struct rv_error err = { 0 };
        bool do_it = true;
        const struct rv_class *c = h->m->class->c;
        int st = h->m->table.should_process ? sh_should_process(h->c, what, h->m->table.name, &do_it) : SH_OK;
        bool what_if = !do_it && sh_what_if(h->c),
             as_job = sh_bound(h->c, "AsJob") && sh_switch(h->c, "AsJob");
        if (st || (!do_it && !what_if))
                return st;
        struct sh_model_row *r = sh_is_null(row) ? NULL : sh_model_row_of(row);
        int e = sh_model_invoke(
                r ? r->class->link : h->m->class->link, r ? r->class->c : c, r, h->m->method->name, in->data,
                in->len, (struct sh_how) { what_if, (unsigned)sh_arg_int(h->c, "ConfirmWithin", 0), as_job },
                &out, &err);
        if (e)
                st = sh_model_error(h->c, &err, row);
        else if (as_job && !what_if)
                return emit_job(h, r ? r->class->link : h->m->class->link, &out);
        else if (what_if)
                would_change(h, rv_json_at(out.data, out.len));
        else
                st = answered(h, row, what, rv_json_at(out.data, out.len));
        rv_buf_free(&out);
        if (st == SH_OK && e == RV_OK && !what_if && r && sh_bound(h->c, "PassThru") &&
            sh_switch(h->c, "PassThru")) {
                struct sv now = SH_NIL;
                bool again = sh_model_get(sh_session(h->c), r, NULL, &now, &err) == RV_OK;
                st = sh_emit(h->c, again ? now : row);
                sh_drop(now);
        }
        return st;
}

static int invoke_on(struct choice *h, struct sv row)
{
        struct sh_buf what = { 0 };
        int st = check_class(h, row);
        if (st)
                return st == SH_NONE ? SH_OK : st;
        put_target(h, row, &what);
        st = invoke(h, row, what.p, h->state);
        sh_buf_free(&what);
        return st;
}

static int collect_row(struct choice *h, struct sv row)
{
        sh_array_add(((struct sv *)h->state)->a, row);
        return SH_OK;
}

/* Everything is chosen before anything is changed. */
static int for_each_target(struct choice *h, int (*each)(struct choice *, struct sv), void *state)
{
        struct sv rows = sh_array_new(4);
        h->each = collect_row;
        h->state = &rows;
        int st = sh_bound(h->c, "InputObject") ? given(h, sh_arg(h->c, "InputObject"), collect_row)
                                               : choose(h, NULL);
        h->state = state;
        if (st == SH_OK)
                st = given(h, rows, each);
        sh_drop(rows);
        return st;
}

int sh_model_method_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct choice h = { .c = c, .m = cmdlet_of(c) };
        struct rv_buf in = { 0 };
        int st = put_arguments(&h, &in);
        if (st == SH_OK && h.m->method->is_static) {
                struct sh_buf what = { 0 };
                put_made(&h, &what);
                st = invoke(&h, SH_NIL, what.p, &in);
                sh_buf_free(&what);
        } else if (st == SH_OK)
                st = for_each_target(&h, invoke_on, &in);
        rv_buf_free(&in);
        return st;
}

/* ---- Set ---- */

static int set_on(struct choice *h, struct sv row)
{
        struct sh_buf what = { 0 };
        bool do_it = true;
        int st = check_class(h, row);
        if (st)
                return st == SH_NONE ? SH_OK : st;
        put_target(h, row, &what);
        st = sh_should_process(h->c, what.p, h->m->table.name, &do_it);
        sh_buf_free(&what);
        bool what_if = !do_it && sh_what_if(h->c);
        if (st || (!do_it && !what_if))
                return st;
        struct rv_error err = { 0 };
        struct rv_buf *in = h->state;
        struct sv now = SH_NIL;
        if (sh_model_modify(sh_model_row_of(row), in->data, in->len, what_if, &now, &err) != RV_OK)
                return sh_model_error(h->c, &err, row);
        if (!what_if && sh_switch(h->c, "PassThru"))
                st = sh_emit(h->c, sh_is_null(now) ? row : now);
        sh_drop(now);
        return st;
}

int sh_model_set_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct choice h = { .c = c, .m = cmdlet_of(c) };
        const struct sh_model_cmdlet *m = h.m;
        struct rv_buf in = { 0 };
        struct rv_error err = { 0 };
        int st = SH_OK;
        rv_buf_puts(&in, "{");
        for (uint32_t i = 0; st == SH_OK && i < m->nparams; i++) {
                if (m->params[i].property < 0 || m->params[i].identity ||
                    !sh_bound(c, m->table.params[i].name))
                        continue;
                const struct rv_property *p = &m->class->c->properties[m->params[i].property];
                struct sv v = sh_arg(c, m->table.params[i].name);
                rv_buf_putf(&in, "%s\"%s\":", in.len > 1 ? "," : "", p->name);
                if (!sh_value_json(sh_session(c), v, p, &in, &err))
                        st = sh_model_throw(sh_session(c), &err, v);
        }
        rv_buf_puts(&in, "}");
        if (st == SH_OK)
                st = for_each_target(&h, set_on, &in);
        rv_buf_free(&in);
        return st;
}
