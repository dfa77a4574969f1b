/* SPDX-License-Identifier: MIT
 *
 * Associators and References: what is associated with one object, on a thread of the SQL pool. The object is read
 * once with whatever its associations join by; then each association is walked from the side that it is on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/assoc.h"
#include "agent/view.h"
#include "agent/vtab.h"
#include "agent/wql.h"
#include "agent/wql_meta.h"

struct what {
        const struct rv_class *view_asked; /* the object was named as one of a view: */
        struct rv_arg *view_keys;
        struct rv_arena arena;
        struct rv_assoc_ask ask;
        const struct rv_class *class; /* of the object: never a view */
        struct rv_arg *keys;
        const struct rv_class *assoc_class, *result_class; /* NULL: any */
        const char *const *properties;
        size_t nproperties;
        bool all_properties;
        const char *filter;
        uint64_t limit, sent;
        unsigned flags;
        json_t *seen; /* paths, when an object may be met twice */
        struct rv_batch *start;
        uint32_t start_row, starts;
        /* Of the class whose rows come now. */
        struct rv_sql *sql;
        const struct rv_view *view;
        uint64_t *show, *want, *source_want;
        const struct rv_expr *where;
        struct rv_arena scratch;
};

static void what_free(void *p)
{
        struct what *w = p;
        rv_batch_free(w->start);
        rv_arena_free(&w->scratch);
        rv_arena_free(&w->arena);
        json_decref(w->seen);
        free(w);
}

/* ---- one row out ---- */

static bool met_before(struct what *w, const struct rv_batch *b, uint32_t row)
{
        if (!w->seen)
                return false;
        struct rv_buf path = { 0 };
        rv_json_path(&path, b, row);
        rv_buf_put(&path, "", 1);
        bool before = !path.failed && json_object_get(w->seen, path.data);
        if (!before && !path.failed)
                json_object_set_new_nocheck(w->seen, path.data, json_null());
        rv_buf_free(&path);
        return before;
}

/* ClassDefsOnly: each class once, as `meta_class` has it. */
static int put_class(struct what *w, const struct rv_class *c)
{
        if (json_object_get(w->seen, c->name))
                return RV_OK;
        json_object_set_new(w->seen, c->name, json_null());
        struct rv_batch *b = rv_meta_row(c, RV_GENUS_CLASS);
        if (!b)
                return -ENOMEM;
        const uint64_t all = (UINT64_C(1) << 10) - 1; /* without __THIS */
        rv_buf_puts(&w->sql->out, w->sent++ ? "," : "");
        rv_json_row(&w->sql->out, b, 0, &all, 0);
        rv_batch_free(b);
        return w->sql->out.failed ? -ENOMEM : RV_OK;
}

static int put(struct what *w, const struct rv_batch *b, uint32_t row)
{
        if (w->ask.class_defs_only)
                return put_class(w, b->class);
        if ((w->where && !rv_expr_true(w->where, b, row)) || met_before(w, b, row))
                return RV_OK;
        rv_buf_puts(&w->sql->out, w->sent++ ? "," : "");
        rv_json_row(&w->sql->out, b, row, w->show, w->flags);
        if (w->sql->out.failed)
                return -ENOMEM;
        return w->limit && w->sent >= w->limit ? RV_STOP : RV_OK;
}

static void put_ref(struct rv_row *to, unsigned p, const struct rv_batch *b, uint32_t row)
{
        struct rv_buf path = { 0 };
        rv_json_path(&path, b, row);
        rv_set_ref(to, p, path.data ? path.data : "", path.len);
        rv_buf_free(&path);
}

static int on_pair(struct rv_walk *walk, const struct rv_batch *l, uint32_t lrow, const struct rv_batch *r,
                   uint32_t rrow)
{
        struct what *w = walk->state;
        if (!w->ask.references && !w->view)
                return put(w, r, rrow);
        struct rv_batch *b = rv_batch_new(w->view ? w->view->class : walk->assoc->class);
        struct rv_row to;
        int status = b ? rv_row_begin(&to, b, w->view ? w->want : NULL) : -ENOMEM;
        if (status == RV_OK && w->view) {
                rv_view_fill(w->view, &to, r, rrow);
        } else if (status == RV_OK) {
                put_ref(&to, walk->assoc->ref[walk->from], l, lrow);
                put_ref(&to, walk->assoc->ref[!walk->from], r, rrow);
        }
        if (status == RV_OK && to.failed)
                status = -ENOMEM;
        if (status == RV_OK) {
                rv_row_end(&to);
                status = put(w, b, 0);
        }
        rv_batch_free(b);
        return status;
}

/* ---- one class of results ---- */

static uint64_t *mask_new(struct what *w, const struct rv_class *c)
{
        return rv_arena_get(&w->scratch, (RV_MASK_WORDS(c->nproperties) + 1) * sizeof(uint64_t));
}

/* What is shown of class `shown`, and what must be read for it: of the class behind a view, unless the view is read as
 * it is. A property that it lacks is another class'. */
static int prepare(struct what *w, const struct rv_class *shown, bool as_it_is, struct rv_error *err)
{
        rv_arena_free(&w->scratch);
        w->view = NULL;
        w->where = NULL;
        w->show = mask_new(w, shown);
        w->want = mask_new(w, shown);
        if (!w->show || !w->want)
                return -ENOMEM;
        const struct rv_class *known =
                rv_visible_class(&w->sql->agent->policy, &w->sql->who, shown, RV_OP_READ, &w->scratch);
        for (uint32_t p = 0; p < shown->nproperties; p++) {
                const struct rv_property *d = &shown->properties[p];
                bool may =
                        known && (known == shown || rv_property_find(known, d->name, strlen(d->name)) >= 0);
                if (may && (w->ask.keys_only ? (d->flags & RV_KEY) != 0
                                             : w->all_properties && !(d->flags & RV_EXPENSIVE)))
                        rv_bit_set(w->show, p);
        }
        for (size_t i = 0; i < w->nproperties; i++) {
                int p = rv_property_find_alias(shown, w->properties[i], strlen(w->properties[i]), NULL);
                if (p >= 0)
                        rv_bit_set(w->show, (unsigned)p);
        }
        int r = w->filter ? rv_wql_where(w->filter, strlen(w->filter), 0, shown, &w->scratch, &w->where, err)
                          : RV_OK;
        memcpy(w->want, w->show, RV_MASK_WORDS(shown->nproperties) * sizeof *w->want);
        rv_expr_uses(w->where, w->want);
        for (uint32_t k = 0; k < shown->nkeys; k++)
                rv_bit_set(w->want, shown->keys[k]);
        w->source_want = w->want;
        if (r || !shown->view_of || as_it_is)
                return r;
        struct rv_plan plan;
        struct rv_ask none = { .keys_only = true };
        r = rv_plan_make(&w->scratch, shown, &none, &plan, err);
        if (r)
                return r;
        w->view = plan.view;
        w->source_want = mask_new(w, plan.source);
        if (!w->source_want)
                return -ENOMEM;
        rv_view_want(plan.view, w->want, w->source_want);
        return RV_OK;
}

/* An outcome of one class beside which the others stand. */
static int tolerate(struct what *w, int r, struct rv_error *err)
{
        if (r == RV_OK || r == RV_STOP || r < 0)
                return r;
        rv_sql_complain(w->sql, err);
        *err = (struct rv_error) { 0 };
        return RV_OK;
}

static int walk_class(struct what *w, struct rv_walk *walk, const struct rv_class *shown,
                      const struct rv_class *source)
{
        int r = rv_authorize(&w->sql->agent->policy, &w->sql->who, RV_RIGHT_READ, shown, NULL, walk->err);
        if (r == RV_OK && !w->ask.references)
                r = prepare(w, shown, shown == source, walk->err);
        walk->only = source;
        walk->want = w->ask.references ? NULL : w->source_want;
        struct rv_batch *b = w->start;
        uint64_t before = w->sent;
        if (r == RV_OK)
                r = rv_walk_row(walk, b, w->start_row);
        return w->limit && w->sent >= w->limit && w->sent > before ? RV_STOP : tolerate(w, r, walk->err);
}

static bool has_qualifier(const struct rv_class *c, const char *name)
{
        return !name || rv_qualifier_find(c->qualifiers, c->nqualifiers, name);
}

/* The classes on the other side: as asked for. */
static int walk_assoc(struct what *w, const struct rv_assoc *a, int from, struct rv_error *err)
{
        const struct rv_registry *g = &w->sql->agent->registry;
        const struct rv_class *other = a->of[!from], *want = w->ask.references ? NULL : w->result_class;
        struct rv_walk walk = { .agent = w->sql->agent,
                                .who = &w->sql->who,
                                .deadline = w->sql->deadline,
                                .cancelled = &w->sql->cancelled,
                                .assoc = a,
                                .from = from,
                                .each = on_pair,
                                .state = w,
                                .err = err };
        int r = rv_authorize(&w->sql->agent->policy, &w->sql->who, RV_RIGHT_READ, a->class, NULL, err);
        if (r)
                return tolerate(w, r, err);
        if (w->ask.references && (r = prepare(w, a->class, true, err)))
                return tolerate(w, r, err);
        for (uint32_t i = 0; i < g->n && r == RV_OK; i++) {
                const struct rv_class *c = g->classes[i];
                /* An association of views reads the view itself. */
                const struct rv_class *source =
                        c->view_of && c != other ? rv_class_find(c->view_of, NULL) : c;
                bool is_view = c->view_of && want == c;
                if ((c->view_of && !is_view && c != other) || !source || !rv_descends(source, other) ||
                    (!c->view_of && !rv_entry_find(w->sql->agent, source)) ||
                    (want && !is_view && !rv_descends(c, want)) ||
                    (!w->ask.references && !has_qualifier(c, w->ask.required_qualifier)))
                        continue;
                r = walk_class(w, &walk, c, source);
        }
        return r;
}

/* ---- which associations ---- */

static bool is_role(const struct rv_class *c, unsigned ref, const char *role)
{
        return !role || strcasecmp(c->properties[ref].name, role) == 0;
}

static bool is_meant(const struct what *w, const struct rv_assoc *a, int from)
{
        const struct rv_class *assoc = w->ask.references ? w->result_class : w->assoc_class;
        const char *needed = w->ask.references ? w->ask.required_qualifier : w->ask.required_assoc_qualifier;
        return rv_descends(w->class, a->of[from]) && (!assoc || rv_descends(a->class, assoc)) &&
               has_qualifier(a->class, needed) && is_role(a->class, a->ref[from], w->ask.role) &&
               is_role(a->class, a->ref[!from], w->ask.result_role);
}

static int keep_start(void *state, struct rv_batch *b)
{
        struct what *w = state;
        w->starts += b->n;
        if (b->n && !w->start) {
                struct rv_batch *own = malloc(sizeof *own);
                uint8_t *mem = own ? malloc(b->used) : NULL;
                if (!mem) {
                        free(own);
                        return -ENOMEM;
                }
                *own = *b;
                own->mem = memcpy(mem, b->mem, b->used);
                own->cap = b->used;
                own->pin = NULL;
                own->next = NULL;
                w->start = own;
        }
        return RV_OK;
}

static int read_start(struct what *w, struct rv_error *err)
{
        struct rv_agent *agent = w->sql->agent;
        uint64_t *mask = calloc(RV_MASK_WORDS(w->class->nproperties) + 1, sizeof *mask);
        struct rv_rows x = { agent, &w->sql->who, w->sql->deadline, &w->sql->cancelled, err, false };
        for (unsigned i = 0; mask && i < agent->nassocs; i++)
                for (int from = 0; from < 2; from++)
                        for (unsigned t = 0;
                             is_meant(w, &agent->assocs[i], from) && t < agent->assocs[i].nterms; t++)
                                rv_bit_set(mask, agent->assocs[i].terms[t].property[from]);
        int r = mask ? rv_rows_read(&x, w->class, w->keys, mask, keep_start, w) : -ENOMEM;
        free(mask);
        rv_about(err, w->class->name, NULL, NULL);
        if (r == RV_OK && !w->starts)
                return rv_fail(err, RV_NOT_FOUND, "there is no %s with these keys", w->class->name);
        if (r == RV_OK && w->starts > 1)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "the keys given fit more than one %s: name more of them", w->class->name);
        return r;
}

static int walk_from(struct what *w, struct rv_error *err)
{
        const struct rv_agent *agent = w->sql->agent;
        int r = read_start(w, err);
        err->class_name[0] = r ? err->class_name[0] : 0;
        for (unsigned i = 0; i < agent->nassocs && r == RV_OK; i++)
                for (int from = 0; from < 2 && r == RV_OK; from++)
                        if (is_meant(w, &agent->assocs[i], from))
                                r = walk_assoc(w, &agent->assocs[i], from, err);
        return r;
}

/* Whether some association that is meant is of the class itself. */
static bool any_of(const struct what *w)
{
        const struct rv_agent *agent = w->sql->agent;
        for (unsigned i = 0; i < agent->nassocs; i++)
                if (is_meant(w, &agent->assocs[i], 0) || is_meant(w, &agent->assocs[i], 1))
                        return true;
        return false;
}

static void work(struct rv_sql *s)
{
        struct what *w = s->what;
        struct rv_error err = { 0 };
        w->sql = s;
        int r = walk_from(w, &err);
        if (r == RV_OK && w->view_asked) { /* now those of views */
                w->start = rv_batch_free(w->start);
                w->starts = 0;
                w->class = w->view_asked;
                w->keys = w->view_keys;
                r = any_of(w) ? walk_from(w, &err) : RV_OK;
        }
        if (r == RV_OK || r == RV_STOP)
                return;
        s->error = err;
        if (r < 0 && s->out.failed)
                rv_fail(&s->error, RV_SERVER_LIMITS_EXCEEDED, "the result is larger than %d MiB",
                        RV_REPLY_BYTES >> 20);
        else if (r < 0)
                rv_fail_errno(&s->error, r, "a fault in reeve");
}

/* ---- the request ---- */

static const char *text(struct rv_arena *a, const char *s)
{
        return s ? rv_arena_text(a, s, strlen(s)) : NULL;
}

/* Keys of a view in its source's terms. */
static int source_keys(struct what *w, const struct rv_class *view, const struct rv_arg *keys,
                       struct rv_error *err)
{
        struct rv_plan plan;
        struct rv_ask none = { .keys_only = true };
        int r = rv_plan_make(&w->arena, view, &none, &plan, err);
        if (r)
                return r;
        w->view_asked = view;
        w->view_keys = w->keys;
        w->class = plan.source;
        w->keys = rv_arena_get(&w->arena, (plan.source->nproperties + 1) * sizeof *w->keys);
        if (!w->keys)
                return -ENOMEM;
        for (uint32_t p = 0; p < view->nproperties; p++) {
                if (keys[p].type == RV_NULL || plan.view->map[p].from < 0)
                        continue;
                if (!rv_view_unconvert(plan.view, p, &keys[p], &w->arena, &w->keys[plan.view->map[p].from]))
                        return rv_fail(err, RV_INVALID_PARAMETER, "there is no %s with these keys",
                                       view->name);
        }
        return RV_OK;
}

static int fill(struct rv_request *q, struct what *w, const struct rv_arg *keys,
                const struct rv_assoc_ask *ask, struct rv_error *err)
{
        w->ask = (struct rv_assoc_ask) { .references = ask->references,
                                         .keys_only = ask->keys_only,
                                         .class_defs_only = ask->class_defs_only,
                                         .required_qualifier = text(&w->arena, ask->required_qualifier),
                                         .required_assoc_qualifier =
                                                 text(&w->arena, ask->required_assoc_qualifier),
                                         .role = text(&w->arena, ask->role),
                                         .result_role = text(&w->arena, ask->result_role) };
        const struct rv_registry *g = &q->agent->registry;
        int r = ask->assoc_class ? rv_registry_find(g, ask->assoc_class, NULL, &w->assoc_class, err) : RV_OK;
        if (r == RV_OK && ask->result_class)
                r = rv_registry_find(g, ask->result_class, NULL, &w->result_class, err);
        const struct rv_class *assoc = ask->references ? w->result_class : w->assoc_class;
        if (r == RV_OK && assoc && !(assoc->flags & RV_ASSOCIATION))
                r = rv_fail(err, RV_INVALID_PARAMETER, "'%s' is no association", assoc->name);
        const char **names = rv_arena_get(&w->arena, (q->ask.nproperties + 1) * sizeof *names);
        w->class = q->asked;
        w->keys = rv_arena_get(&w->arena, (q->asked->nproperties + 1) * sizeof *w->keys);
        if (r || !names || !w->keys)
                return r ? r : -ENOMEM;
        for (uint32_t p = 0; p < q->asked->nproperties; p++) {
                w->keys[p] = keys[p];
                if (keys[p].type == RV_STRING || keys[p].type == RV_REF)
                        w->keys[p].s = rv_arena_text(&w->arena, keys[p].s, keys[p].len);
        }
        for (size_t i = 0; i < q->ask.nproperties; i++)
                names[i] = text(&w->arena, q->ask.properties[i]);
        w->properties = names;
        w->nproperties = q->ask.nproperties;
        w->all_properties = q->ask.all_properties;
        w->filter = text(&w->arena, q->ask.filter);
        w->limit = q->ask.limit;
        w->flags = q->flags;
        w->seen = ask->references && !ask->class_defs_only ? NULL : json_object();
        return q->asked->view_of ? source_keys(w, q->asked, w->keys, err) : RV_OK;
}

int rv_request_assoc(struct rv_request *q, const struct rv_arg *keys, const struct rv_assoc_ask *ask,
                     struct rv_error *err)
{
        struct rv_sql *s = rv_sql_new(q, work);
        struct what *w = s ? calloc(1, sizeof *w) : NULL;
        if (!w) {
                if (s)
                        rv_sql_free(s);
                return -ENOMEM;
        }
        s->what = w;
        s->what_free = what_free;
        int r = fill(q, w, keys, ask, err);
        if (r) {
                rv_sql_free(s);
                return r;
        }
        return rv_sql_submit(q, s, err);
}
