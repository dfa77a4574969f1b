/* SPDX-License-Identifier: MIT */
#include "agent/change.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/json.h"

/* A text that ValueMap does not list; ".." in it leaves it open. */
static int check_map(const struct rv_class *c, const struct rv_property *d, const struct rv_arg *v,
                     struct rv_error *err)
{
        char list[160] = "";
        size_t n = 0;
        if (v->type != RV_STRING || !d->nvalue_map)
                return RV_OK;
        for (uint32_t i = 0; i < d->nvalue_map; i++) {
                if (strcmp(d->value_map[i], v->s) == 0 || strstr(d->value_map[i], ".."))
                        return RV_OK;
                if (n < sizeof list)
                        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "",
                                              d->value_map[i]);
        }
        return rv_fail(err, RV_INVALID_PARAMETER, "%s of %s is '%.60s': expected one of %s", d->name, c->name,
                       v->s, list);
}

int rv_change_check(const struct rv_class *c, struct rv_change_plan *p, struct rv_error *err)
{
        bool creates = p->kind == RV_CREATE || p->kind == RV_SET || p->kind == RV_TEST;
        for (uint32_t i = 0; i < c->nproperties; i++) {
                const struct rv_property *d = &c->properties[i];
                if (!rv_bit(p->set, i)) {
                        if (p->kind == RV_CREATE && d->flags & RV_REQUIRED && !d->default_text) {
                                rv_about(err, c->name, NULL, d->name);
                                return rv_fail(err, RV_INVALID_PARAMETER, "a new %s needs %s", c->name,
                                               d->name);
                        }
                        continue;
                }
                rv_about(err, c->name, NULL, d->name);
                if (d->flags & RV_KEY && !creates)
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "%s is a key of %s: it names the object and stays", d->name, c->name);
                if (!(d->flags & (RV_KEY | RV_WRITE)) && !(creates && d->flags & RV_IDENTIFIES))
                        return rv_fail(err, RV_INVALID_PARAMETER, "%s of %s is read-only", d->name, c->name);
                if (d->flags & RV_REQUIRED && p->v[i].type == RV_NULL)
                        return rv_fail(err, RV_INVALID_PARAMETER, "%s of %s cannot be null", d->name,
                                       c->name);
                int r = check_map(c, d, &p->v[i], err);
                if (r)
                        return r;
        }
        rv_about(err, c->name, NULL, "");
        return RV_OK;
}

static int not_offered(const struct rv_class *c, const char *what, struct rv_error *err)
{
        return rv_fail(err, RV_NOT_SUPPORTED, "objects of %s cannot be %s", c->name, what);
}

/* ---- test and set ---- */

int rv_change_read(const struct rv_provider *p, const struct rv_change_plan *plan, struct rv_batch **ret,
                   struct rv_error *err)
{
        int r = p->query(plan->query, plan->sink, err);
        rv_sink_finish(plan->sink, r, err);
        *ret = NULL;
        if (r < 0)
                return r;
        if (plan->sink->error.code) {
                *err = plan->sink->error;
                return err->code;
        }
        for (struct rv_batch *b; (b = rv_sink_next(plan->sink));) {
                bool many = *ret || b->n > 1;
                if (!*ret && b->n)
                        *ret = b;
                else
                        rv_batch_free(b);
                if (many) {
                        *ret = rv_batch_free(*ret);
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "the keys given fit more than one %s: name more of them",
                                       plan->query->class->name);
                }
        }
        return RV_OK;
}

static bool same(const struct rv_batch *a, const struct rv_value *x, const struct rv_batch *b,
                 const struct rv_value *y)
{
        bool text = x->type == RV_STRING || x->type == RV_REF;
        if (text && (y->type == RV_STRING || y->type == RV_REF))
                return x->len == y->len && memcmp(rv_text(a, x), rv_text(b, y), x->len) == 0;
        if (x->type != y->type)
                return false;
        if (x->type == RV_LIST || x->type == RV_OBJECT) {
                for (uint32_t i = 0; i < x->len; i++)
                        if (x->len != y->len || !same(a, &rv_items(a, x)[i], b, &rv_items(b, y)[i]))
                                return false;
                return x->len == y->len;
        }
        return x->type == RV_NULL || x->u == y->u;
}

/* A value for people; NULL for null. Free it. */
static char *value_text(const struct rv_batch *b, unsigned p)
{
        const struct rv_value *v = rv_get(b, 0, p);
        if (v->type == RV_NULL)
                return NULL;
        if (b->class->properties[p].flags & RV_SECRET)
                return strdup("***");
        if (v->type == RV_STRING || v->type == RV_REF)
                return strndup(rv_text(b, v), v->len);
        uint64_t *show = calloc(RV_MASK_WORDS(b->class->nproperties) + 1, sizeof *show);
        struct rv_buf out = { 0 };
        if (show) {
                rv_bit_set(show, p);
                rv_json_row(&out, b, 0, show, 0);
        }
        free(show);
        size_t head = strlen(b->class->properties[p].name) + 4; /* {"Name": */
        char *text = out.len > head ? strndup(out.data + head, out.len - head - 1) : NULL;
        rv_buf_free(&out);
        return text;
}

struct rv_batch *rv_change_values(const struct rv_class *c, const struct rv_change_plan *plan)
{
        struct rv_batch *b = rv_batch_new(c);
        struct rv_row row;
        if (!b || rv_row_begin(&row, b, NULL))
                return rv_batch_free(b);
        for (uint32_t i = 0; i < c->nproperties; i++)
                if (rv_bit(plan->set, i))
                        rv_copy_arg(&row, i, &plan->v[i]);
        rv_row_end(&row);
        return row.failed ? rv_batch_free(b) : b;
}

/* Leaves in `set` only what differs; tells it by rv_change() if `tell`. */
static int differences(const struct rv_provider *p, struct rv_call *c, struct rv_change_plan *plan,
                       const struct rv_batch *now, bool tell, unsigned *ret_n, struct rv_error *err)
{
        struct rv_batch *wanted = rv_change_values(c->class, plan);
        if (!wanted)
                return -ENOMEM;
        unsigned n = 0;
        int r = RV_OK;
        for (uint32_t i = 0; i < c->class->nproperties && r == RV_OK; i++) {
                if (!rv_bit(plan->set, i))
                        continue;
                const struct rv_property *d = &c->class->properties[i];
                bool meets = d->flags & RV_KEY || same(now, rv_get(now, 0, i), wanted, rv_get(wanted, 0, i));
                if (p->meets && !(d->flags & RV_KEY))
                        r = p->meets(c, i, &plan->v[i], &meets, err);
                if (r)
                        break;
                if (meets) {
                        plan->set[i >> 6] &= ~(UINT64_C(1) << (i & 63));
                        continue;
                }
                n++;
                char *from = value_text(now, i), *to = value_text(wanted, i);
                if (tell)
                        rv_change(c, d->name, from, to);
                free(from);
                free(to);
        }
        rv_batch_free(wanted);
        *ret_n = n;
        return r;
}

int rv_change_take_keys(struct rv_call *c, struct rv_change_plan *plan, const struct rv_batch *now)
{
        for (uint32_t k = 0; k < c->class->nkeys; k++) {
                uint16_t p = c->class->keys[k];
                const struct rv_value *v = rv_get(now, 0, p);
                struct rv_arg a = { .type = v->type, .len = v->len, .u = v->u };
                if (v->type == RV_STRING || v->type == RV_REF) {
                        a.s = rv_arena_text(c->arena, rv_text(now, v), v->len);
                        if (!a.s)
                                return -ENOMEM;
                }
                if (v->type != RV_NULL)
                        plan->key[p] = a;
        }
        return RV_OK;
}

static int make_absent(const struct rv_provider *p, struct rv_call *c, struct rv_change_plan *plan,
                       bool there, struct rv_error *err)
{
        plan->in_desired_state = !there;
        if (!there)
                return RV_OK;
        if (plan->kind == RV_TEST) {
                rv_change(c, "Ensure", "Present", "Absent");
                return RV_OK;
        }
        return p->remove ? p->remove(c, err) : not_offered(c->class, "deleted", err);
}

static int make_present(const struct rv_provider *p, struct rv_call *c, struct rv_change_plan *plan,
                        const struct rv_batch *now, struct rv_error *err)
{
        const struct rv_values values = { .v = plan->v, .set = plan->set };
        unsigned n = 0;
        bool test = plan->kind == RV_TEST;
        if (!now && test) {
                rv_change(c, "Ensure", "Absent", "Present");
                return RV_OK;
        }
        if (!now && !p->create)
                return rv_fail(err, RV_NOT_FOUND, "there is no %s with these keys, and none can be created",
                               c->class->name);
        if (!now)
                return p->create(c, &values, err);
        int r = differences(p, c, plan, now, test, &n, err);
        if (r)
                return r;
        plan->in_desired_state = n == 0;
        if (test || n == 0)
                return RV_OK;
        return p->modify ? p->modify(c, &values, err) : not_offered(c->class, "modified", err);
}

static int reconcile(const struct rv_provider *p, struct rv_call *c, struct rv_change_plan *plan,
                     struct rv_error *err)
{
        struct rv_batch *now = NULL;
        int r = rv_change_read(p, plan, &now, err);
        if (r == RV_OK && now)
                r = rv_change_take_keys(c, plan, now);
        if (r == RV_OK)
                r = plan->absent ? make_absent(p, c, plan, now, err) : make_present(p, c, plan, now, err);
        rv_batch_free(now);
        return r;
}

/* ---- one change of an object at a time ----
 * SetInstance looks and then makes; between the two nobody else may. Objects are told apart by their first key. Methods
 * are not held up: one may be what ends another that hangs. */

struct held {
        struct held *next;
        const struct rv_class *class;
        uint64_t hash;
};
static struct held *held; /* under way */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t held_less = PTHREAD_COND_INITIALIZER;

static uint64_t hash_of(const struct rv_class *c, const struct rv_change_plan *plan)
{
        uint64_t h = UINT64_C(14695981039346656037);
        if (!c->nkeys)
                return h;
        const struct rv_arg *k = &plan->key[c->keys[0]];
        if (k->type == RV_NULL && plan->set && rv_bit(plan->set, c->keys[0]))
                k = &plan->v[c->keys[0]];
        if (k->type == RV_STRING || k->type == RV_REF)
                for (uint32_t i = 0; i < k->len; i++)
                        h = (h ^ (unsigned char)k->s[i]) * UINT64_C(1099511628211);
        else if (k->type != RV_NULL)
                h = (h ^ k->u) * UINT64_C(1099511628211);
        return h;
}

static bool is_held(const struct held *mine)
{
        const struct held *h = held;
        while (h && (h->class != mine->class || h->hash != mine->hash))
                h = h->next;
        return h;
}

static int hold(const struct rv_call *c, struct held *mine, struct rv_error *err)
{
        int r = RV_OK;
        pthread_mutex_lock(&held_lock);
        while (r == RV_OK && is_held(mine)) {
                struct timespec soon;
                clock_gettime(CLOCK_REALTIME, &soon);
                soon.tv_nsec += 100000000;
                soon.tv_sec += soon.tv_nsec / 1000000000, soon.tv_nsec %= 1000000000;
                pthread_cond_timedwait(&held_less, &held_lock, &soon);
                if (rv_cancelled(c) || (c->deadline && rv_now() >= c->deadline)) {
                        rv_about(err, c->class->name, NULL, NULL);
                        r = rv_fail(err, RV_TIMED_OUT, "another change of this %s goes on", c->class->name);
                        err->retryable = true;
                }
        }
        if (r == RV_OK) {
                mine->next = held;
                held = mine;
        }
        pthread_mutex_unlock(&held_lock);
        return r;
}

static void let_go(struct held *mine)
{
        pthread_mutex_lock(&held_lock);
        struct held **at = &held;
        while (*at != mine)
                at = &(*at)->next;
        *at = mine->next;
        pthread_cond_broadcast(&held_less);
        pthread_mutex_unlock(&held_lock);
}

static int run(const struct rv_provider *p, struct rv_call *c, struct rv_change_plan *plan, struct rv_error *err)
{
        const struct rv_values values = { .v = plan->v, .set = plan->set };
        switch (plan->kind) {
        case RV_INVOKE: return p->methods[c->method - c->class->methods](c, plan->in, err);
        case RV_CREATE: return p->create ? p->create(c, &values, err) : not_offered(c->class, "created", err);
        case RV_MODIFY:
                return p->modify ? p->modify(c, &values, err) : not_offered(c->class, "modified", err);
        case RV_DELETE: return p->remove ? p->remove(c, err) : not_offered(c->class, "deleted", err);
        default: return reconcile(p, c, plan, err);
        }
}

int rv_change_run(const struct rv_provider *p, struct rv_call *c, struct rv_change_plan *plan, struct rv_error *err)
{
        struct held mine = { .class = c->class };
        if (c->what_if || plan->kind == RV_INVOKE || plan->kind == RV_TEST)
                return run(p, c, plan, err);
        mine.hash = hash_of(c->class, plan);
        int r = hold(c, &mine, err);
        if (r)
                return r;
        r = run(p, c, plan, err);
        let_go(&mine);
        return r;
}
