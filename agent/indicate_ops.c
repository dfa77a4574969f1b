/* SPDX-License-Identifier: MIT
 *
 * Subscribe, Unsubscribe, Acknowledge: parameters -> a subscription.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <time.h>

#include "agent/indicate.h"

static const char *text(const json_t *params, const char *name)
{
        return json_string_value(json_object_get(params, name));
}

static bool truth(const json_t *params, const char *name)
{
        return json_is_true(json_object_get(params, name));
}

/* Seconds within bounds; absent: `otherwise`. */
static int seconds(const json_t *params, const char *name, double least, double most, double otherwise,
                   uint64_t *ret, struct rv_error *err)
{
        const json_t *v = json_object_get(params, name);
        double s = json_is_number(v) ? json_number_value(v) : otherwise;
        if (json_is_number(v) && !(s >= least && s <= most)) {
                rv_about(err, NULL, NULL, name);
                return rv_fail(err, RV_INVALID_PARAMETER, "%s is %g s: expected %g to %g", name, s, least,
                               most);
        }
        *ret = (uint64_t)(s * 1e9);
        return RV_OK;
}

/* ---- one class ---- */

static uint64_t *mask_new(struct rv_subscription *s, const struct rv_class *c)
{
        return rv_arena_get(&s->arena, (RV_MASK_WORDS(c->nproperties) + 1) * sizeof(uint64_t));
}

static int property(const struct rv_class *c, const char *name, struct rv_error *err)
{
        int p = rv_property_find_alias(c, name, strlen(name), NULL);
        if (p < 0) {
                rv_about(err, c->name, NULL, name);
                rv_fail(err, RV_NO_SUCH_PROPERTY, "'%s' has no property '%.60s'", c->name, name);
        }
        return p;
}

static int show(struct rv_subscription *s, struct rv_sub_part *p, const json_t *list, struct rv_error *err)
{
        const struct rv_class *c = p->class;
        const size_t nlist = json_is_array(list) ? json_array_size(list) : json_is_string(list) ? 1 : 0;
        for (size_t i = 0; i < nlist + s->query.ncolumns; i++) {
                const char *name = i < s->query.ncolumns ? s->query.columns[i]
                                   : json_is_string(list)
                                           ? json_string_value(list)
                                           : json_string_value(json_array_get(list, i - s->query.ncolumns));
                int id = name ? property(c, name, err)
                              : -rv_fail(err, RV_INVALID_PARAMETER, "PropertyList: expected names as texts");
                if (id < 0)
                        return err->code;
                rv_bit_set(p->show, (unsigned)id);
        }
        for (uint32_t i = 0; !nlist && !s->query.ncolumns && i < c->nproperties; i++)
                if (!(c->properties[i].flags & (RV_EXPENSIVE | RV_SECRET)))
                        rv_bit_set(p->show, i);
        return RV_OK;
}

static int part_condition(struct rv_subscription *s, struct rv_sub_part *p, const json_t *params,
                          struct rv_error *err)
{
        const char *filter = text(params, "Filter");
        if (s->query.where)
                return rv_wql_event_where(s->query.where, s->query.where_len, s->query.where_at, p->class,
                                          !s->indication, &s->arena, &p->where, err);
        return filter ? rv_wql_where(filter, strlen(filter), 0, p->class, &s->arena, &p->where, err) : RV_OK;
}

static int fill_part(struct rv_subscription *s, struct rv_sub_part *p, const json_t *params,
                     struct rv_error *err)
{
        const struct rv_class *c = p->class;
        p->show = mask_new(s, c);
        p->want = mask_new(s, c);
        p->compare = mask_new(s, c);
        p->by = rv_arena_get(&s->arena, (s->query.nby + 1) * sizeof *p->by);
        if (!p->show || !p->want || !p->compare || !p->by)
                return -ENOMEM;
        const json_t *list = json_object_get(params, "PropertyList");
        bool named = p->named = s->query.ncolumns || (list && !json_is_null(list));
        int r = show(s, p, list, err);
        if (r == RV_OK)
                r = part_condition(s, p, params, err);
        if (r)
                return r;
        rv_expr_uses(p->where, p->compare);
        bool counters = false; /* push does not tell of them: only who names them has them looked at */
        for (uint32_t i = 0; i < c->nproperties; i++) {
                bool counter = rv_watch_silent(s->agent, c, i);
                counters |= counter && (rv_bit(p->compare, i) || (named && rv_bit(p->show, i)));
                if (rv_bit(p->show, i) && (named || !counter))
                        rv_bit_set(p->compare, i);
                if (rv_bit(p->show, i) || rv_bit(p->compare, i))
                        rv_bit_set(p->want, i);
        }
        for (uint32_t k = 0; k < c->nkeys; k++)
                rv_bit_set(p->want, c->keys[k]);
        for (uint32_t i = 0; i < s->query.nby; i++) {
                int id = property(c, s->query.by[i], err);
                if (id < 0)
                        return err->code;
                p->by[i] = (uint16_t)id;
                rv_bit_set(p->want, (unsigned)id);
        }
        p->watcher.want = p->want;
        p->watcher.compare = p->compare;
        p->watcher.kinds = s->sample ? 0 : s->query.kinds;
        p->watcher.events_only = !s->sample && !s->snapshot;
        p->watcher.interval = s->interval;
        p->watcher.beyond_push = s->sample || counters;
        return RV_OK;
}

/* ---- rights ---- */

/* A plan of the same question in the reader's name: what it shows and reads is what he may. */
static int part_rights(struct rv_subscription *s, struct rv_sub_part *p, struct rv_error *err)
{
        const struct rv_class *c = p->class;
        struct rv_plan plan;
        const char **names = rv_arena_get(&s->arena, (c->nproperties + 1) * sizeof *names);
        struct rv_ask ask = { .properties = names, .all_properties = !p->named, .where = p->where };
        for (uint32_t i = 0; names && i < c->nproperties; i++) {
                bool by = false;
                for (uint32_t k = 0; k < s->query.nby; k++)
                        by |= p->by[k] == i;
                if (by || (p->named && rv_bit(p->show, i)))
                        names[ask.nproperties++] = c->properties[i].name;
        }
        const struct rv_subject who = { .roles = s->roles, .who = &s->who, .now = (int64_t)time(NULL) };
        int r = names ? rv_plan_make(&s->arena, c, &ask, &plan, err) : -ENOMEM;
        if (r == RV_OK)
                r = rv_rights_plan(&who, &plan, &s->arena, err);
        if (r == RV_OK && plan.rights && c->view_of)
                r = rv_fail(err, RV_ACCESS_DENIED, "%s may see some of %s only: watch %s instead of its view",
                            s->who.user, c->view_of, c->view_of);
        if (r)
                return r;
        uint64_t uses[RV_MASK_WORDS(1024)] = { 0 };
        rv_expr_uses(p->where, uses);
        p->rights = plan.rights;
        for (uint32_t i = 0; i < RV_MASK_WORDS(c->nproperties); i++) {
                p->show[i] &= plan.show[i];
                p->compare[i] &= plan.show[i] | uses[i];
                p->want[i] |= plan.want[i];
        }
        return RV_OK;
}

int rv_subscription_rights(struct rv_subscription *s, struct rv_error *err)
{
        s->restricted = !rv_policy_has_all(&s->agent->policy, &s->who);
        rv_roles_drop(s->roles);
        s->roles = s->restricted ? rv_policy_hold(&s->agent->policy) : NULL;
        s->fitting = rv_roles_fitting(s->roles, &s->who, (int64_t)time(NULL));
        int r = RV_OK;
        for (unsigned i = 0; i < s->nparts && s->restricted && r == RV_OK; i++)
                r = part_rights(s, &s->parts[i], err);
        s->denied = r;
        return r;
}

/* ---- the whole ---- */

/* Which classes: the one named and those below it that can be read. */
static int choose(struct rv_subscription *s, const struct rv_identity *who, const char *name,
                  const char *name_space, struct rv_error *err)
{
        const struct rv_registry *g = &s->agent->registry;
        const struct rv_class *base;
        int r = rv_registry_find(g, name, name_space, &base, err);
        s->parts = r ? NULL : rv_arena_get(&s->arena, (g->n + 1) * sizeof *s->parts);
        if (r || !s->parts)
                return r ? r : -ENOMEM;
        if (s->indication != !!(base->flags & RV_INDICATION)) {
                rv_hint(err, "Ask SELECT * FROM __InstanceCreationEvent (Modification, Deletion, Operation) "
                             "WITHIN 2 WHERE "
                             "TargetInstance ISA 'Process', or SELECT * FROM an indication.");
                return rv_fail(err, RV_INVALID_QUERY,
                               s->indication ? "'%s' is no event" : "'%s' is an event itself", base->name);
        }
        for (uint32_t i = 0; i < g->n && r == RV_OK; i++) {
                const struct rv_class *c = g->classes[i];
                const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
                if (!rv_descends(c, base) || !source || !rv_entry_find(s->agent, source))
                        continue;
                r = rv_authorize(&s->agent->policy, who, RV_RIGHT_READ, c, NULL, err);
                s->parts[s->nparts++].class = c;
        }
        if (r == RV_OK && !s->nparts)
                r = rv_fail(err, RV_NOT_SUPPORTED, "'%s' has no instances that can be watched", base->name);
        return r;
}

static int read_query(struct rv_subscription *s, const json_t *params, const char **ret_class,
                      struct rv_error *err)
{
        const char *query = text(params, "Query"), *class_name = text(params, "ClassName");
        if (!query == !class_name)
                return rv_fail(err, RV_INVALID_PARAMETER, "Subscribe needs Query or ClassName, not both");
        *ret_class = class_name;
        if (class_name) {
                s->query.kinds = RV_EVENT_CREATE | RV_EVENT_MODIFY | RV_EVENT_DELETE;
                const struct rv_class *c;
                int r = rv_registry_find(&s->agent->registry, class_name, text(params, "Namespace"), &c, err);
                s->indication = r == RV_OK && c->flags & RV_INDICATION;
                return r;
        }
        const char *own = rv_arena_text(&s->arena, query, strlen(query));
        int r = own ? rv_wql_event(own, strlen(own), &s->arena, &s->query, err) : -ENOMEM;
        if (r)
                return r;
        s->indication = !s->query.kinds;
        *ret_class = s->indication ? s->query.event_class : s->query.isa;
        if (!*ret_class) {
                rv_hint(err, "Add WHERE TargetInstance ISA 'Process' AND ...");
                return rv_fail(err, RV_INVALID_QUERY,
                               "the query does not say of which class: TargetInstance ISA is missing");
        }
        return RV_OK;
}

static int check(struct rv_subscription *s, const json_t *params, struct rv_error *err)
{
        const char *mode = text(params, "Mode");
        if (mode && strcasecmp(mode, "OnChange") != 0 && strcasecmp(mode, "Sample") != 0)
                return rv_fail(err, RV_INVALID_PARAMETER, "Mode is '%.40s': expected OnChange or Sample",
                               mode);
        s->sample = mode && strcasecmp(mode, "Sample") == 0;
        s->suppress = truth(params, "SuppressRedundant");
        s->snapshot = truth(params, "Snapshot");
        s->durable = truth(params, "Durable");
        s->flags = truth(params, "IncludeSystemProperties") ? RV_JSON_SYSTEM : 0;
        int r = seconds(params, "Interval", 0.05, 86400, 0, &s->interval, err);
        if (r == RV_OK)
                r = seconds(params, "Heartbeat", 0.05, 86400, 0, &s->heartbeat, err);
        if (r == RV_OK)
                r = seconds(params, "Retain", 1, 604800, 3600, &s->retain, err);
        if (r == RV_OK && s->sample && !s->interval)
                r = rv_fail(err, RV_INVALID_PARAMETER, "Mode Sample needs Interval, in seconds");
        if (r == RV_OK && s->sample && (s->durable || text(params, "Query")))
                r = rv_fail(err, RV_INVALID_PARAMETER, "Mode Sample takes ClassName and cannot be Durable");
        if (r == RV_OK && s->suppress && !s->sample)
                r = rv_fail(err, RV_INVALID_PARAMETER, "SuppressRedundant belongs to Mode Sample");
        return r;
}

/* Fills a subscription from parameters. */
static int prepare(struct rv_subscription *s, const struct rv_identity *who, const json_t *params,
                   struct rv_error *err)
{
        const char *class_name = NULL;
        s->who = *who;
        int r = check(s, params, err);
        if (r == RV_OK)
                r = read_query(s, params, &class_name, err);
        if (r == RV_OK)
                r = choose(s, who, class_name, text(params, "Namespace"), err);
        if (r)
                return r;
        if (s->query.within > 0)
                s->interval = (uint64_t)(s->query.within < 0.05 ? 5e7 : s->query.within * 1e9);
        if (s->query.kinds && text(params, "Query") && !s->interval) {
                const struct rv_class *c = s->parts[0].class;
                if (s->query.kinds & ~rv_watch_covers(s->agent, c) && !rv_watch_streams(s->agent, c)) {
                        rv_hint(err, "Add WITHIN 2 (seconds) behind the event's class.");
                        return rv_fail(err, RV_INVALID_QUERY, "%s must be polled: the query needs WITHIN",
                                       s->parts[0].class->name);
                }
        }
        if (!s->interval)
                s->interval = RV_WATCH_FALLBACK;
        for (unsigned i = 0; i < s->nparts && r == RV_OK; i++)
                r = fill_part(s, &s->parts[i], params, err);
        return r ? r : rv_subscription_rights(s, err);
}

static int credit(const json_t *params, uint64_t *ret, struct rv_error *err)
{
        const json_t *v = json_object_get(params, "Credit");
        if (!v || json_is_null(v))
                return RV_OK;
        if (json_integer_value(v) < 0 || json_integer_value(v) > 1000000000) {
                rv_about(err, NULL, NULL, "Credit");
                return rv_fail(err, RV_INVALID_PARAMETER, "Credit: expected 0 to 1000000000");
        }
        *ret = (uint64_t)json_integer_value(v);
        return RV_OK;
}

void rv_subscribed(struct rv_request *q, struct rv_subscription *s, bool resumed)
{
        bool push = true;
        for (unsigned i = 0; i < s->nparts; i++)
                push &= rv_watch_pushes(&s->parts[i].watcher);
        struct rv_session *session = q->session;
        rv_buf_putf(&q->out,
                    "{\"Subscription\":\"%s\",\"Sequence\":%llu,\"Push\":%s,\"Durable\":%s,\"Resumed\":%s",
                    s->id, (unsigned long long)s->sent, push ? "true" : "false",
                    s->durable ? "true" : "false", resumed ? "true" : "false");
        if (!push)
                rv_buf_putf(&q->out, ",\"Interval\":%g", (double)s->interval / 1e9);
        rv_buf_puts(&q->out, "}");
        s->request = NULL;
        q->subscription = NULL;
        rv_answer(q, q->out.data, q->out.len);
        rv_subscription_attach(s, session);
}

/* ---- going on after a disconnect or a crash ---- */

static void resume(struct rv_request *q, struct rv_subscription *s)
{
        const json_t *from = json_object_get(q->params, "From");
        uint64_t last = json_is_integer(from) && json_integer_value(from) > 0
                                ? (uint64_t)json_integer_value(from)
                                : 0;
        while (s->queue) { /* of the last reader; what is on disk is read again */
                struct rv_item *i = s->queue;
                s->queue = i->next;
                s->agent->event_bytes -= i->n + sizeof *i;
                free(i);
        }
        s->queue_end = &s->queue;
        s->queued = 0;
        s->bytes = 0;
        s->sent = s->queued_seq = last;
        s->backlog = true;
        struct rv_error err = { 0 };
        s->credit = UINT64_MAX;
        credit(q->params, &s->credit, &err);
        s->who = q->session->who;
        if (rv_subscription_rights(s, &err)) { /* kept is only what he may see no more */
                rv_journal_forget(s);
                rv_subscription_free(s);
                rv_request_denied(q, &err);
                rv_answer_error(q, &err);
                return;
        }
        rv_subscribed(q, s, true);
}

static void tell_restart(struct rv_subscription *s, uint64_t last)
{
        struct rv_buf b = { 0 };
        rv_subscription_time(&b);
        rv_buf_putf(&b, ",\"Kind\":\"Gap\",\"Lost\":{\"From\":%llu,\"To\":%llu,\"Reason\":\"Restarted\"}",
                    (unsigned long long)last + 1, (unsigned long long)last + 1);
        if (!b.failed)
                rv_subscription_event(s, b.data, b.len);
        rv_buf_free(&b);
}

/* It was stored by an agent that is no more: begins again, and says so. */
static void on_loaded(struct rv_request *q, const char *stored, uint64_t last)
{
        struct rv_error err = { 0 };
        const char *id = text(q->params, "Subscription");
        struct rv_subscription *s = rv_subscription_find(q->agent, id);
        if (s) { /* somebody was faster */
                resume(q, s);
                return;
        }
        json_t *params = json_loads(stored, 0, NULL);
        s = params ? rv_subscription_new(q->agent) : NULL;
        int r = s ? prepare(s, &q->session->who, params, &err)
                  : rv_fail(&err, RV_FAILED, "the stored subscription cannot be read");
        json_decref(params);
        if (r == RV_OK) {
                s->seq = s->saved = last;
                snprintf(s->id, sizeof s->id, "%s", id);
                s->request = q; /* nothing is sent before the answer */
                r = rv_subscription_start(s, &err);
                s->request = NULL;
        }
        if (r) {
                if (s)
                        rv_subscription_free(s);
                if (r < 0)
                        rv_fail_errno(&err, r, "a fault in reeve");
                if (r == RV_ACCESS_DENIED)
                        rv_request_denied(q, &err);
                rv_answer_error(q, &err);
                return;
        }
        tell_restart(s, last);
        resume(q, s);
}

static int op_resume(struct rv_request *q, const char *id, struct rv_error *err)
{
        struct rv_subscription *s = rv_subscription_find(q->agent, id);
        uint64_t ignored;
        int r = credit(q->params, &ignored, err);
        if (r)
                return r;
        if (!s || s->request)
                return rv_journal_load(q, id, on_loaded, err);
        if (s->who.uid != q->session->who.uid || !s->durable || s->take)
                return rv_fail(err, RV_NOT_FOUND, "there is no durable subscription '%.40s' of yours", id);
        resume(q, s);
        return RV_OK;
}

/* ---- permanent ones ---- */

struct rv_subscription *rv_subscription_permanent(struct rv_agent *a, const struct rv_identity *who,
                                                  const json_t *params, struct rv_error *err)
{
        struct rv_subscription *s = rv_subscription_new(a);
        int r = s ? prepare(s, who, params, err)
                  : rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "at most %d subscriptions at once", RV_SUBS_MOST);
        if (r == RV_OK)
                return s;
        if (r < 0)
                rv_fail_errno(err, r, "the query cannot be made ready");
        if (s)
                rv_subscription_free(s);
        return NULL;
}

int rv_subscription_go_on(struct rv_subscription *s, uint64_t last, uint64_t acked, bool anew,
                          struct rv_error *err)
{
        s->durable = true;
        s->seq = s->saved = last;
        s->sent = s->queued_seq = acked;
        s->backlog = !anew;
        int r = rv_subscription_start(s, err);
        if (r == RV_OK && !anew)
                tell_restart(s, last);
        if (r == RV_OK)
                rv_subscription_pump(s);
        return r < 0 ? rv_fail_errno(err, r, "the class cannot be watched") : r;
}

/* ---- operations ---- */

static int check_limits(const struct rv_request *q, struct rv_error *err)
{
        unsigned mine = 0, durable = 0;
        for (const struct rv_subscription *s = q->agent->subscriptions; s; s = s->next)
                if (s->who.uid == q->session->who.uid) {
                        mine++;
                        durable += s->durable && !s->take;
                }
        if (q->agent->nsubscriptions >= RV_SUBS_MOST || mine >= RV_SUBS_USER)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED,
                               "at most %d subscriptions at once, %d of one user", RV_SUBS_MOST,
                               RV_SUBS_USER);
        if (truth(q->params, "Durable") && durable >= RV_SUBS_DURABLE) {
                rv_hint(err, "Unsubscribe those that are needed no more.");
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "at most %d durable subscriptions of one user",
                               RV_SUBS_DURABLE);
        }
        return RV_OK;
}

int rv_op_subscribe(struct rv_request *q, struct rv_error *err)
{
        if (q->session->frame.framing == RV_FRAMING_HTTP)
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "over HTTP nobody can be told: subscribe over lines or Content-Length");
        const char *id = text(q->params, "Subscription");
        if (id)
                return op_resume(q, id, err);
        int r = check_limits(q, err);
        struct rv_subscription *s = r ? NULL : rv_subscription_new(q->agent);
        if (!s)
                return r ? r : -ENOMEM;
        snprintf(s->id, sizeof s->id, "%.20s-%llx-%llx", q->session->who.session,
                 (unsigned long long)rv_now(), (unsigned long long)++q->agent->serial);
        for (char *c = s->id; *c; c++)
                if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
                        *c = '_';
        r = prepare(s, &q->session->who, q->params, err);
        if (r == RV_OK)
                r = credit(q->params, &s->credit, err);
        s->request = q; /* nothing is sent before the answer */
        q->subscription = s;
        if (r == RV_OK)
                r = rv_subscription_start(s, err);
        if (r == RV_OK && s->durable) {
                s->params = json_dumps(q->params, JSON_COMPACT);
                r = s->params ? rv_journal_create(s) : -ENOMEM;
                if (r == 0)
                        return RV_OK;
        }
        if (r) {
                rv_subscription_free(s);
                return r;
        }
        rv_subscribed(q, s, false);
        return RV_OK;
}

static struct rv_subscription *named(struct rv_request *q, struct rv_error *err)
{
        const char *id = text(q->params, "Subscription");
        struct rv_subscription *s = rv_subscription_find(q->agent, id);
        if (s && !s->take && s->who.uid == q->session->who.uid && (s->session == q->session || s->durable))
                return s;
        rv_fail(err, RV_NOT_FOUND, "there is no subscription '%.40s' of yours", id);
        return NULL;
}

int rv_op_unsubscribe(struct rv_request *q, struct rv_error *err)
{
        struct rv_subscription *s = named(q, err);
        if (!s)
                return RV_NOT_FOUND;
        rv_buf_putf(&q->out, "{\"Sequence\":%llu}", (unsigned long long)s->sent);
        rv_journal_forget(s);
        rv_subscription_free(s);
        rv_answer(q, q->out.data, q->out.len);
        return RV_OK;
}

int rv_op_acknowledge(struct rv_request *q, struct rv_error *err)
{
        struct rv_subscription *s = named(q, err);
        uint64_t more = 0;
        const json_t *seq = json_object_get(q->params, "Sequence");
        int r = s ? credit(q->params, &more, err) : RV_NOT_FOUND;
        if (r)
                return r;
        if (s->durable && json_is_integer(seq) && json_integer_value(seq) > 0)
                rv_journal_acknowledge(s, (uint64_t)json_integer_value(seq));
        if (s->credit != UINT64_MAX)
                s->credit += more;
        rv_subscription_pump(s);
        rv_buf_putf(&q->out, "{\"Queued\":%u,\"Sequence\":%llu}", s->queued, (unsigned long long)s->seq);
        rv_answer(q, q->out.data, q->out.len);
        return RV_OK;
}
