/* SPDX-License-Identifier: MIT */
#include "agent/query.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/assoc.h"
#include "agent/registry.h"
#include "agent/view.h"
#include "agent/wql.h"

static const char *property_name(void *state, size_t i)
{
        return ((const struct rv_class *)state)->properties[i].name;
}

/* A property by name or PowerShell's alias; described and negative when there is none. */
static int find_property(const struct rv_class *c, const char *name, size_t n, struct rv_error *err)
{
        int p = rv_property_find_alias(c, name, n, NULL);
        if (p >= 0)
                return p;
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)n, name);
        const char *near = rv_nearest(text, property_name, (void *)c, c->nproperties);
        rv_about(err, c->name, NULL, text);
        if (near)
                rv_hint(err, "did you mean '%s'?", near);
        rv_fail(err, RV_NO_SUCH_PROPERTY, "'%s' has no property '%s'", c->name, text);
        return -1;
}

static uint64_t *mask_new(struct rv_arena *a, const struct rv_class *c)
{
        return rv_arena_get(a, (RV_MASK_WORDS(c->nproperties) + 1) * sizeof(uint64_t));
}

/* What is shown: the properties named, or all that cost nothing extra. */
static int make_show(struct rv_arena *a, const struct rv_class *c, const struct rv_ask *ask,
                     struct rv_plan *plan, struct rv_error *err)
{
        uint64_t *show = mask_new(a, c);
        if (!show)
                return -ENOMEM;
        for (uint32_t p = 0; p < c->nproperties; p++)
                if (ask->keys_only ? (c->properties[p].flags & RV_KEY) != 0
                                   : ask->all_properties && !(c->properties[p].flags & RV_EXPENSIVE))
                        rv_bit_set(show, p);
        for (size_t i = 0; i < ask->nproperties; i++) {
                int p = find_property(ask->base ? ask->base : c, ask->properties[i],
                                      strlen(ask->properties[i]), err);
                if (p < 0)
                        return RV_NO_SUCH_PROPERTY;
                rv_bit_set(show, (unsigned)p);
        }
        plan->show = show;
        return RV_OK;
}

/* "Name", "Name desc", "Name ASC". */
static int make_order(struct rv_arena *a, const struct rv_class *c, const struct rv_ask *ask,
                      struct rv_plan *plan, struct rv_error *err)
{
        struct rv_order_term *terms = rv_arena_get(a, (ask->norder + 1) * sizeof *terms);
        if (!terms)
                return -ENOMEM;
        for (size_t i = 0; i < ask->norder; i++) {
                const char *s = ask->order[i] + strspn(ask->order[i], " ");
                size_t n = strcspn(s, " ");
                const char *how = s + n + strspn(s + n, " ");
                if (*how && strcasecmp(how, "asc") != 0 && strcasecmp(how, "desc") != 0)
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "OrderBy '%.60s': expected a property, then nothing, ASC or DESC",
                                       ask->order[i]);
                int p = find_property(c, s, n, err);
                if (p < 0)
                        return RV_NO_SUCH_PROPERTY;
                terms[i] = (struct rv_order_term) { .property = (uint16_t)p,
                                                    .descending = strcasecmp(how, "desc") == 0 };
        }
        plan->order = terms;
        plan->norder = (unsigned)ask->norder;
        return RV_OK;
}

/* Views are few and live for ever: made once. */
static const struct rv_view *find_view(const struct rv_class *c, struct rv_error *err)
{
        static struct {
                const struct rv_class *class;
                struct rv_view *view;
        } known[256];
        static unsigned n;
        for (unsigned i = 0; i < n; i++)
                if (known[i].class == c)
                        return known[i].view;
        const struct rv_class *source = rv_class_find(c->view_of, NULL);
        if (!source || n == 256) {
                rv_fail(err, RV_FAILED, "the view '%s' shows '%s', which is not there", c->name, c->view_of);
                return NULL;
        }
        struct rv_view *v = rv_view_new(c, source);
        if (v) {
                known[n].class = c;
                known[n++].view = v;
        }
        return v;
}

static const struct rv_view *view_of(const struct rv_class *c, struct rv_error *err)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&lock);
        const struct rv_view *v = find_view(c, err);
        pthread_mutex_unlock(&lock);
        return v;
}

/* What a view's values say of its source's. */
static void carry_over(const struct rv_view *view, const struct rv_arg *own, struct rv_arena *a, struct rv_arg *ret)
{
        struct rv_arg v;
        for (unsigned p = 0; p < view->class->nproperties; p++)
                if (own[p].type != RV_NULL && view->map[p].from >= 0 && rv_view_unconvert(view, p, &own[p], a, &v))
                        ret[view->map[p].from] = v;
}

int rv_view_key(const struct rv_class *c, struct rv_arg **key, struct rv_arena *a, struct rv_error *err)
{
        const struct rv_view *view = view_of(c, err);
        if (!view)
                return err && err->code ? err->code : -ENOMEM;
        struct rv_arg *source = rv_arena_get(a, (view->source->nproperties + 1) * sizeof *source);
        if (!source)
                return -ENOMEM;
        carry_over(view, *key, a, source);
        *key = source;
        return RV_OK;
}

/* Conditions that the provider may use itself. */
static int push_down(struct rv_arena *a, struct rv_plan *plan)
{
        const struct rv_class *c = plan->class, *s = plan->source;
        struct rv_arg *own = rv_arena_get(a, (c->nproperties + 1) * sizeof *own);
        struct rv_arg *equals = c == s ? own : rv_arena_get(a, (s->nproperties + 1) * sizeof *equals);
        if (!own || !equals)
                return -ENOMEM;
        if (plan->keys)
                memcpy(own, plan->keys, c->nproperties * sizeof *own);
        if (plan->filter)
                rv_expr_equals(plan->filter, own);
        if (plan->view)
                carry_over(plan->view, own, a, equals);
        plan->equals = equals;
        return RV_OK;
}

static int make_view(struct rv_arena *a, struct rv_plan *plan, struct rv_error *err)
{
        const struct rv_class *c = plan->class;
        if (!c->view_of) {
                plan->source = c;
                plan->source_want = plan->want;
                plan->source_filter = plan->filter;
                return RV_OK;
        }
        plan->view = view_of(c, err);
        if (!plan->view)
                return err && err->code ? err->code : -ENOMEM;
        plan->source = plan->view->source;
        uint64_t *want = mask_new(a, plan->source);
        if (!want)
                return -ENOMEM;
        rv_view_want(plan->view, plan->want, want);
        if (c->view_filter) {
                int r = rv_wql_where(c->view_filter, strlen(c->view_filter), 0, plan->source, a,
                                     &plan->source_filter, err);
                if (r)
                        return r;
                rv_expr_uses(plan->source_filter, want);
        }
        plan->source_want = want;
        return RV_OK;
}

/* A condition on a secret would tell it, bit by bit. `mask` is free for use. */
static int refuse_secrets(const struct rv_plan *plan, uint64_t *mask, struct rv_error *err)
{
        const struct rv_class *c = plan->class;
        rv_expr_uses(plan->filter, mask);
        for (unsigned i = 0; i < plan->norder; i++)
                rv_bit_set(mask, plan->order[i].property);
        for (unsigned p = 0; p < c->nproperties; p++) {
                if (!(c->properties[p].flags & RV_SECRET) ||
                    !(rv_bit(mask, p) || (plan->keys && plan->keys[p].type != RV_NULL)))
                        continue;
                rv_about(err, c->name, NULL, c->properties[p].name);
                return rv_fail(err, RV_INVALID_QUERY, "%s of %s is secret: nothing can be asked about it",
                               c->properties[p].name, c->name);
        }
        return RV_OK;
}

int rv_plan_make(struct rv_arena *a, const struct rv_class *c, const struct rv_ask *ask, struct rv_plan *ret,
                 struct rv_error *err)
{
        struct rv_plan plan = { .class = c,
                                .limit = ask->limit,
                                .at = ask->at,
                                .keys = ask->keys,
                                .filter = ask->where,
                                .shows_all = ask->all_properties || (ask->keys_only && !ask->nproperties) };
        int r = make_show(a, c, ask, &plan, err);
        if (r == RV_OK && ask->filter)
                r = rv_wql_where(ask->filter, strlen(ask->filter), ask->filter_at, c, a, &plan.filter, err);
        if (r == RV_OK)
                r = make_order(a, c, ask, &plan, err);
        uint64_t *want = r ? NULL : mask_new(a, c);
        if (r || !want)
                return r ? r : -ENOMEM;
        r = refuse_secrets(&plan, want, err);
        if (r)
                return r;
        memcpy(want, plan.show, RV_MASK_WORDS(c->nproperties) * sizeof *want);
        rv_expr_uses(plan.filter, want);
        for (unsigned i = 0; i < plan.norder; i++)
                rv_bit_set(want, plan.order[i].property);
        for (uint32_t k = 0; k < c->nkeys; k++)
                rv_bit_set(want, c->keys[k]);
        for (uint32_t p = 0; plan.keys && p < c->nproperties; p++)
                if (plan.keys[p].type != RV_NULL)
                        rv_bit_set(want, p);
        plan.want = want;
        r = make_view(a, &plan, err);
        if (r == RV_OK)
                r = push_down(a, &plan);
        if (r == RV_OK)
                *ret = plan;
        return r;
}

static bool key_matches(const struct rv_batch *b, const struct rv_value *v, const struct rv_arg *k)
{
        switch (k->type) {
        case RV_REF:
                if (v->type == RV_REF)
                        return rv_path_fits(rv_text(b, v), v->len, k->s, k->len);
                /* fall through */
        case RV_STRING:
                return (v->type == RV_STRING || v->type == RV_REF) && v->len == k->len &&
                       memcmp(rv_text(b, v), k->s, k->len) == 0;
        case RV_REAL: return v->type == RV_REAL && v->d == k->d;
        case RV_LIST:
        case RV_OBJECT: return false;
        default: return v->type != RV_NULL && v->type != RV_STRING && v->u == k->u;
        }
}

bool rv_plan_keeps(const struct rv_plan *plan, const struct rv_batch *b, uint32_t row)
{
        for (uint32_t p = 0; plan->keys && p < plan->class->nproperties; p++)
                if (plan->keys[p].type != RV_NULL && !key_matches(b, rv_get(b, row, p), &plan->keys[p]))
                        return false;
        return !plan->filter || rv_expr_true(plan->filter, b, row);
}

bool rv_plan_keeps_source(const struct rv_plan *plan, const struct rv_batch *b, uint32_t row)
{
        return !plan->view || !plan->source_filter || rv_expr_true(plan->source_filter, b, row);
}
