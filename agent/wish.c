/* SPDX-License-Identifier: MIT */
#include "agent/wish.h"

#include <errno.h>
#include <time.h>

#include "agent/elevate.h"

static struct rv_subject subject(const struct rv_scan *s)
{
        return (struct rv_subject) { .roles = s->roles,
                                     .who = &s->who,
                                     .now = (int64_t)time(NULL),
                                     .all = rv_policy_has_all(&s->agent->policy, &s->who) };
}

static unsigned operation(const struct rv_change_plan *p)
{
        switch (p->kind) {
        case RV_INVOKE: return RV_OP_INVOKE;
        case RV_CREATE: return RV_OP_CREATE;
        case RV_DELETE: return RV_OP_DELETE;
        case RV_SET: return p->absent ? RV_OP_DELETE : RV_OP_MODIFY;
        default: return RV_OP_MODIFY;
        }
}

/* A method's arguments, as they will reach it, as a row. */
static int argument_row(struct rv_request *q, struct rv_scan *s, struct rv_error *err)
{
        const struct rv_method *m = s->call.method;
        struct rv_arg *v;
        json_t *in = json_copy(json_object_get(q->params, "InParameters")), *one;
        const char *name;
        void *next;
        struct rv_row row;
        json_object_foreach_safe(in, next, name, one)
        {
                if (rv_property_find(m->in, name, strlen(name)) < 0) /* a view's own */
                        json_object_del(in, name);
        }
        int r = rv_json_args(in, s->call.class, m, &s->arena, &v, err);
        json_decref(in);
        s->values = r ? NULL : rv_batch_new(m->in);
        if (r || !s->values || rv_row_begin(&row, s->values, NULL))
                return r ? r : -ENOMEM;
        for (uint32_t p = 0; p < m->in->nproperties; p++)
                rv_copy_arg(&row, p, &v[p]);
        rv_row_end(&row);
        return row.failed ? -ENOMEM : RV_OK;
}

int rv_wish_ask(struct rv_request *q, struct rv_scan *s, struct rv_error *err)
{
        const struct rv_subject who = subject(s);
        struct rv_change_plan *p = &s->change;
        int r = RV_OK;
        if (who.all || p->kind == RV_TEST) /* testing is reading: the plan sees to it */
                return RV_OK;
        if (s->call.method)
                r = argument_row(q, s, err);
        else if (p->v && !(s->values = rv_change_values(s->call.class, p)))
                r = -ENOMEM;
        if (r)
                return r;
        s->wish = (struct rv_wish) { .operation = operation(p),
                                     .class = s->call.class,
                                     .method = s->call.method,
                                     .set = p->set,
                                     .values = s->values };
        size_t bytes = (RV_MASK_WORDS(s->call.class->nproperties) + 1) * sizeof *s->reads;
        s->reads = rv_arena_get(&s->arena, bytes);
        s->hides = rv_arena_get(&s->arena, bytes);
        if (!s->reads || !s->hides)
                return -ENOMEM;
        rv_rights_hidden(&who, s->call.class, s->hides);
        if (rv_elevation_wants_digest(&s->who)) {
                char *digest = rv_arena_get(&s->arena, 65);
                if (!digest)
                        return -ENOMEM;
                rv_request_digest(q, digest);
                s->wish.digest = digest;
        }
        r = rv_rights_change(&who, &s->wish, s->reads, err);
        if (p->kind == RV_SET && (r == RV_OK || r == RV_STALE || r == RV_ACCESS_DENIED)) {
                s->looks = true; /* whether it is there decides what is asked for */
                return RV_OK;
        }
        s->looks = r == RV_STALE;
        return s->looks ? RV_OK : r;
}

/* A plan for the object as it is, with all that the rules look at. */
static int plan_object(struct rv_scan *s, struct rv_plan *plan, struct rv_error *err)
{
        const struct rv_class *c = s->call.class;
        const char **names = rv_arena_get(&s->arena, (c->nproperties + 1) * sizeof *names);
        struct rv_ask ask = { .keys = s->change.key, .properties = names, .all_properties = true };
        if (!names)
                return -ENOMEM;
        for (uint32_t i = 0; i < c->nproperties; i++)
                if (rv_bit(s->reads, i))
                        names[ask.nproperties++] = c->properties[i].name;
        return rv_plan_make(&s->arena, c, &ask, plan, err);
}

static int read_object(struct rv_scan *s, const struct rv_plan *plan, struct rv_batch **ret, struct rv_error *err)
{
        const struct rv_provider *p = s->entry->provider;
        struct rv_sink sink;
        *ret = NULL;
        if (!p->query)
                return rv_fail(err, RV_ACCESS_DENIED,
                               "the rules about %s depend on the object, and it cannot be looked at beforehand",
                               s->call.class->name);
        const struct rv_query query = { .class = s->call.class,
                                        .want = plan->source_want,
                                        .equals = plan->equals,
                                        .deadline = s->call.deadline,
                                        .fresh = true,
                                        .who = &s->who,
                                        .call = &s->call };
        rv_sink_init(&sink, plan, RV_PRODUCER_QUICK, s->call.deadline);
        const struct rv_change_plan reading = { .kind = s->change.kind, .query = &query, .sink = &sink };
        int r = rv_change_read(p, &reading, ret, err);
        rv_sink_free(&sink);
        return r;
}

/* Who may not see the object is told that there is none; who may see some of it is told of changes of that. */
static bool may_see(struct rv_scan *s, const struct rv_subject *who, struct rv_plan *plan, struct rv_batch *object)
{
        struct rv_error e = { 0 };
        if (rv_rights_plan(who, plan, &s->arena, &e))
                return false;
        if (!plan->rights)
                return true;
        if (!rv_rights_row(plan->rights, object, object->n - 1))
                return false;
        for (unsigned p = 0; p < s->call.class->nproperties; p++)
                if (rv_rights_cell(plan->rights, p))
                        s->hides[p >> 6] &= ~(UINT64_C(1) << (p & 63));
        return true;
}

static int not_there(struct rv_scan *s, struct rv_error *err)
{
        rv_about(err, s->call.class->name, NULL, NULL);
        err->hint[0] = 0;
        return rv_fail(err, RV_NOT_FOUND, "there is no %s with these keys", s->call.class->name);
}

int rv_wish_look(struct rv_scan *s, struct rv_error *err)
{
        const struct rv_subject who = subject(s);
        struct rv_plan plan;
        struct rv_batch *object = NULL;
        int r = plan_object(s, &plan, err);
        if (r == RV_OK)
                r = read_object(s, &plan, &object, err);
        if (r == RV_OK && !object) {
                if (s->change.kind != RV_SET)
                        return not_there(s, err);
                if (s->change.absent)
                        return RV_OK;
                s->wish.operation = RV_OP_CREATE;
        } else if (r == RV_OK) {
                r = rv_change_take_keys(&s->call, &s->change, object); /* this very object, and no other, is changed */
        }
        s->wish.object = object;
        if (r == RV_OK)
                r = rv_rights_change(&who, &s->wish, NULL, err);
        s->wish.object = NULL;
        if (r == RV_ACCESS_DENIED) {
                s->denied = true;
                s->why = *err;
        }
        bool seen = !object || may_see(s, &who, &plan, object);
        if (r == RV_ACCESS_DENIED && !seen)
                r = not_there(s, err);
        rv_batch_free(object);
        return r;
}
