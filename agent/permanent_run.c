/* SPDX-License-Identifier: MIT
 *
 * A binding at work. Events come from its durable subscription (indicate.h), so that they are on disk and numbered;
 * the first few wait here for the delivery under way. What is delivered is acknowledged, and only then forgotten: after
 * a crash it goes on behind the last number acknowledged, and an event may be delivered twice, never not at all.
 *
 *      subscription --take()--> inbox --permanent_job.c--> consumer
 *                                 ^  damping: what is beyond the count of its object waits for one event that tells all
 */
#include "agent/permanent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/indicate.h"
#include "agent/log.h"
#include "gen/EventSubscription.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define SECOND UINT64_C(1000000000)
enum { REFRESH = 30, RETRY_MOST = 300, AGAIN = 60 }; /* seconds */

/* An event that waits for delivery; of damping: one that stands for first ... seq. */
struct waiting {
        struct waiting *next;
        uint64_t first, seq;
        size_t n;
        char text[];
};

/* An object whose events are counted. */
struct source {
        struct source *next;
        struct rv_binding *run;
        struct rv_alarm window; /* set while events are held back */
        uint64_t since;
        unsigned count, held;
        bool flapping;
        uint64_t first, last;
        char from[48];
        json_t *event; /* the last one held back */
        char key[];
};

/* Asks the name service who somebody is now. */
struct refresh {
        struct rv_job job;
        struct rv_work back;
        struct rv_agent *agent;
        struct rv_binding *run; /* NULL: stopped meanwhile */
        struct rv_identity who;
};

struct rv_binding {
        struct rv_stored *kept;
        struct rv_agent *agent;
        struct rv_subscription *sub;
        struct rv_delivery *job;
        struct refresh *asking;
        struct rv_alarm retry;
        struct rv_work go;
        uint64_t refreshed, seen, acked;
        struct waiting *inbox, **inbox_end;
        unsigned nbox, batch, attempts, nsources;
        size_t bytes;
        bool records, itself,
                audit; /* takes gaps, too; is about failures of subscriptions; is about the audit */
        struct source *sources;
        struct rv_stored_stats stats;
};

static void publish(struct rv_binding *b, const char *state)
{
        struct rv_permanent *p = b->agent->permanent;
        if (state)
                b->stats.state = state;
        b->stats.seq = b->sub ? b->sub->seq : b->kept->last;
        b->stats.waiting = b->stats.seq > b->acked ? b->stats.seq - b->acked : 0;
        pthread_mutex_lock(&p->lock);
        b->kept->stats = b->stats;
        pthread_mutex_unlock(&p->lock);
}

static void complain(struct rv_binding *b, const char *outcome, uint64_t seq, const char *why,
                     const char *event)
{
        snprintf(b->stats.last_error, sizeof b->stats.last_error, "%s", why);
        if (b->itself)
                rv_log(RV_LOG_WARNING, "subscription %s of %s: %s", b->kept->key, b->kept->who.user, why);
        else
                rv_news_failure(b->kept, seq, outcome, b->attempts, why, event);
}

/* ---- what has been delivered ---- */

static void acknowledge(struct rv_binding *b)
{
        uint64_t upto = b->inbox ? b->inbox->first - 1 : b->seen;
        for (const struct waiting *w = b->inbox; w; w = w->next)
                if (w->first <= upto)
                        upto = w->first - 1;
        for (const struct source *s = b->sources; s; s = s->next)
                if (s->held && s->first <= upto)
                        upto = s->first - 1;
        if (upto <= b->acked || !b->sub)
                return;
        b->acked = upto;
        rv_journal_acknowledge(b->sub, upto);
}

static void pop(struct rv_binding *b)
{
        struct waiting *w = b->inbox;
        b->inbox = w->next;
        if (!b->inbox)
                b->inbox_end = &b->inbox;
        b->nbox--;
        b->bytes -= w->n;
        free(w);
}

static void push(struct rv_binding *b, uint64_t first, uint64_t seq, const json_t *event)
{
        char *text = json_dumps(event, JSON_COMPACT);
        size_t n = text ? strlen(text) : 0;
        struct waiting *w = text ? malloc(sizeof *w + n + 1) : NULL;
        if (w) {
                *w = (struct waiting) { .first = first, .seq = seq, .n = n };
                memcpy(w->text, text, n + 1);
                *b->inbox_end = w;
                b->inbox_end = &w->next;
                b->nbox++;
                b->bytes += n;
        } else {
                b->stats.dropped++;
                complain(b, "GivenUp", seq, "out of memory", NULL);
        }
        free(text);
        rv_loop_soon(&b->agent->loop, &b->go);
}

/* ---- damping ---- */

static void source_free(struct rv_binding *b, struct source *s)
{
        struct source **at = &b->sources;
        while (*at != s)
                at = &(*at)->next;
        *at = s->next;
        b->nsources--;
        rv_alarm_clear(&b->agent->loop, &s->window);
        json_decref(s->event);
        free(s);
}

/* The window has ended: what was held back is told as one event, the last with how many it stands for. */
static void tell_held(struct source *s)
{
        struct rv_binding *b = s->run;
        json_t *to = json_object_get(s->event, "Time");
        json_object_set_new(s->event, "Kind", json_string("Suppressed"));
        json_object_set_new(
                s->event, "Suppressed",
                json_pack("{s:i, s:s, s:O}", "NumberOfEvents", (int)s->held, "From", s->from, "To", to));
        s->held = 0;
        push(b, s->first, s->last, s->event);
        json_decref(s->event);
        s->event = NULL;
}

static void on_window(struct rv_alarm *a)
{
        struct source *s = OF(a, struct source, window);
        struct rv_binding *b = s->run;
        s->flapping = s->count > rv_stored_number(b->kept, "DampingCount", 0);
        if (s->held)
                tell_held(s);
        s->count = 0;
        s->since = rv_now();
        if (s->flapping)
                rv_alarm_set(&b->agent->loop, a,
                             s->since + rv_stored_number(b->kept, "DampingSeconds", 60) * SECOND);
        else
                source_free(b, s);
        publish(b, NULL);
}

static struct source *source_of(struct rv_binding *b, const char *key, uint64_t now)
{
        uint64_t seconds = rv_stored_number(b->kept, "DampingSeconds", 60);
        for (struct source *s = b->sources, *next; s; s = next) {
                next = s->next;
                if (!s->held && !s->flapping && now - s->since > seconds * SECOND)
                        source_free(b, s); /* has been calm */
                else if (strcmp(s->key, key) == 0)
                        return s;
        }
        struct source *s = b->nsources < RV_STORED_SOURCES ? calloc(1, sizeof *s + strlen(key) + 1) : NULL;
        if (!s)
                return NULL;
        strcpy(s->key, key);
        s->run = b;
        s->since = now;
        s->window.ring = on_window;
        s->next = b->sources;
        b->sources = s;
        b->nsources++;
        return s;
}

/* True: it is held back. */
static bool damp(struct rv_binding *b, uint64_t seq, json_t *event)
{
        uint64_t most = rv_stored_number(b->kept, "DampingCount", 0), now = rv_now();
        const json_t *in = json_object_get(event, "Indication"),
                     *target = json_object_get(in, "TargetInstance");
        const char *key = json_string_value(json_object_get(target, "__PATH"));
        if (!key)
                key = json_string_value(json_object_get(in, "__CLASS"));
        struct source *s = most && key ? source_of(b, key, now) : NULL;
        if (!s || (++s->count <= most && !s->flapping))
                return false;
        if (!s->held++) {
                const char *time = json_string_value(json_object_get(event, "Time"));
                s->first = seq;
                snprintf(s->from, sizeof s->from, "%s", time ? time : "");
        }
        s->last = seq;
        json_decref(s->event);
        s->event = json_incref(event);
        b->stats.suppressed++;
        if (!s->flapping)
                rv_alarm_set(&b->agent->loop, &s->window,
                             s->since + rv_stored_number(b->kept, "DampingSeconds", 60) * SECOND);
        return true;
}

/* ---- from the subscription ---- */

static bool room(const struct rv_subscription *s)
{
        const struct rv_binding *b = s->reader;
        return b->nbox < b->batch && b->bytes < RV_STORED_BATCH_BYTES;
}

static void lost(struct rv_binding *b, const json_t *event)
{
        const json_t *gap = json_object_get(event, "Lost");
        uint64_t from = (uint64_t)json_integer_value(json_object_get(gap, "From")),
                 to = (uint64_t)json_integer_value(json_object_get(gap, "To"));
        const char *reason = json_string_value(json_object_get(gap, "Reason"));
        reason = reason ? reason : "";
        if (strcmp(reason, "Restarted") != 0) {
                b->stats.dropped += to - from + 1;
                snprintf(b->stats.last_error, sizeof b->stats.last_error, "events %llu to %llu were lost: %s",
                         (unsigned long long)from, (unsigned long long)to, reason);
        }
        if (!b->itself)
                rv_news_dropped(b->kept, from, to, reason);
}

static void take(struct rv_subscription *s, uint64_t seq, const char *text, size_t n)
{
        struct rv_binding *b = s->reader;
        json_t *event = json_loadb(text, n, 0, NULL);
        const char *kind = json_string_value(json_object_get(event, "Kind"));
        bool happened = json_object_get(event, "Indication");
        if (!kind || strcmp(kind, "Sync") == 0 || strcmp(kind, "Heartbeat") == 0) {
                json_decref(event);
                return;
        }
        json_object_set_new(event, "Subscription", json_string(rv_stored_text(b->kept, "Name")));
        if (strcmp(kind, "Gap") == 0)
                lost(b, event);
        b->seen = seq;
        if ((happened && !damp(b, seq, event)) || (!happened && b->records))
                push(b, seq, seq, event);
        else
                acknowledge(b);
        json_decref(event);
        publish(b, NULL);
}

/* ---- may it go on ---- */

static void forget(struct rv_binding *b)
{
        while (b->inbox)
                pop(b);
        while (b->sources)
                source_free(b, b->sources);
        rv_alarm_clear(&b->agent->loop, &b->retry);
        if (b->sub) {
                b->kept->last = b->sub->seq;
                rv_subscription_free(b->sub);
        }
        b->sub = NULL;
        b->kept->acked = b->acked;
}

/* Its creator may not do this any more: it ends, until somebody who may has it begin again. */
static void deny(struct rv_binding *b, const struct rv_error *e, bool for_good)
{
        struct rv_stored *o = b->kept;
        char key[400], roles[160];
        b->attempts = 0;
        complain(b, "Denied", b->seen, e->message, NULL);
        forget(b);
        if (for_good && o->last > o->acked) { /* he may not know of them any more */
                b->stats.dropped += o->last - o->acked;
                rv_news_dropped(o, o->acked + 1, o->last, "Denied");
                o->acked = b->acked = o->last;
        }
        snprintf(key, sizeof key, "%s", o->key);
        rv_policy_names(&b->agent->policy, &o->who, roles, sizeof roles);
        rv_audit_denied(&b->agent->state,
                        &(struct rv_audit_what) { .who = &o->who,
                                                  .operation = "Deliver",
                                                  .class_name = o->class->name,
                                                  .key = key,
                                                  .roles = *roles ? roles : NULL },
                        e->message);
        rv_log(RV_LOG_WARNING, "subscription %s of %s has ended: %s", o->key, o->who.user, e->message);
        if (for_good) {
                pthread_mutex_lock(&b->agent->permanent->lock);
                json_object_set_new(o->v, "_Denied", json_string(e->message));
                pthread_mutex_unlock(&b->agent->permanent->lock);
                rv_stored_save(o);
        } else {
                rv_alarm_set(&b->agent->loop, &b->retry, rv_now() + AGAIN * SECOND);
        }
        publish(b, "Denied");
}

/* Rights as they are now: to see the events, to have such a binding and consumer, to do what the consumer does. */
static int check(struct rv_binding *b, struct rv_stored **ret, struct rv_error *err)
{
        struct rv_agent *a = b->agent;
        struct rv_stored *o = b->kept, *filter = rv_stored_named(a->permanent, rv_stored_text(o, "Filter")),
                         *consumer = rv_stored_named(a->permanent, rv_stored_text(o, "Consumer"));
        *ret = consumer;
        if (!filter || !consumer)
                return rv_fail(err, RV_NOT_FOUND, "its filter or its consumer is not there any more");
        if (!o->who.made)
                return rv_fail(err, RV_ACCESS_DENIED, "there is no user %s any more", o->who.user);
        if (!rv_stored_one_owner(a, &o->who, &filter->who) ||
            !rv_stored_one_owner(a, &o->who, &consumer->who))
                return rv_fail(err, RV_ACCESS_DENIED,
                               "its filter and its consumer are not its creator's alone");
        int r = rv_stored_right(a, &o->who, o->class, o->v, err);
        if (r == RV_OK)
                r = rv_stored_right(a, &o->who, consumer->class, consumer->v, err);
        if (r == RV_OK)
                r = rv_delivery_allowed(a, &o->who, consumer->class, consumer->v, err);
        if (r || !b->sub)
                return r;
        b->sub->who = o->who;
        if (b->sub->restricted == rv_policy_has_all(&a->policy, &o->who)) {
                bool had_all = !b->sub->restricted;
                r = rv_subscription_rights(b->sub, err);
                if (r == RV_OK && had_all) /* what waits may be more than he may see now */
                        r = rv_fail(err, RV_ACCESS_DENIED, "%s has not everything any more", o->who.user);
        } else if (!rv_subscription_sees(b->sub)) {
                r = rv_fail(err, RV_ACCESS_DENIED, "%s may not read %s any more", o->who.user,
                            b->sub->parts[0].class->name);
        }
        return r;
}

/* ---- who he is now ---- */

static void ask_job(struct rv_job *job)
{
        struct refresh *r = OF(job, struct refresh, job);
        rv_stored_refresh(&r->agent->policy, &r->who);
        rv_loop_post(&r->agent->loop, &r->back);
}

static void on_asked(struct rv_work *w)
{
        struct refresh *r = OF(w, struct refresh, back);
        struct rv_binding *b = r->run;
        if (b) {
                b->asking = NULL;
                pthread_mutex_lock(&r->agent->permanent->lock);
                b->kept->who = r->who;
                pthread_mutex_unlock(&r->agent->permanent->lock);
                b->refreshed = rv_now();
                rv_loop_soon(&b->agent->loop, &b->go);
        }
        free(r);
}

/* Whether it is known; otherwise it is asked for. */
static bool is_known(struct rv_binding *b)
{
        struct rv_error err = { 0 };
        if (b->asking)
                return false;
        if (b->refreshed && rv_now() - b->refreshed < REFRESH * SECOND)
                return true;
        struct refresh *r = calloc(1, sizeof *r);
        if (r) {
                *r = (struct refresh) { .agent = b->agent, .run = b, .who = b->kept->who };
                r->job.run = ask_job;
                r->back.run = on_asked;
                if (rv_pool_submit(&b->agent->permanent->pool, &r->job, &err) == RV_OK) {
                        b->asking = r;
                        return false;
                }
        }
        free(r);
        rv_alarm_set(&b->agent->loop, &b->retry, rv_now() + 5 * SECOND);
        return false;
}

/* ---- delivery ---- */

static bool too_many(const struct rv_binding *b)
{
        const struct rv_permanent *p = b->agent->permanent;
        unsigned mine = 0;
        for (unsigned i = 0; i < p->at_once; i++)
                mine += p->working[i] == b->kept->who.uid;
        return p->at_once >= RV_STORED_AT_ONCE || mine >= RV_STORED_AT_ONCE_USER;
}

static void works(struct rv_binding *b)
{
        struct rv_permanent *p = b->agent->permanent;
        p->working[p->at_once++] = b->kept->who.uid;
}

static void rests(struct rv_binding *b)
{
        struct rv_permanent *p = b->agent->permanent;
        unsigned i = 0;
        while (i < p->at_once && p->working[i] != b->kept->who.uid)
                i++;
        if (i < p->at_once)
                p->working[i] = p->working[--p->at_once];
        b->job = NULL;
}

static void deliver(struct rv_binding *b, struct rv_stored *consumer)
{
        const char *events[RV_STORED_BATCH];
        struct rv_error err = { 0 };
        unsigned n = 0;
        struct rv_delivery_plan plan = { .binding = b->kept,
                                         .consumer = consumer,
                                         .run = b,
                                         .events = events,
                                         .first = b->inbox->first,
                                         .quiet = b->audit };
        for (struct waiting *w = b->inbox; w && n < b->batch && n < RV_STORED_BATCH; w = w->next) {
                events[n++] = w->text;
                plan.last = w->seq;
        }
        plan.n = n;
        b->job = rv_delivery_start(&plan, &err);
        if (b->job)
                works(b);
        else
                rv_binding_delivered(b, 0, err.message, false);
}

/* It is not delivered for now, and not because of the consumer: a class that has gone for a while, no memory. */
static void stumble(struct rv_binding *b, const char *why)
{
        complain(b, "Failed", b->seen, why, NULL);
        rv_alarm_set(&b->agent->loop, &b->retry, rv_now() + AGAIN * SECOND);
        publish(b, "Failed");
}

static void on_go(struct rv_work *w)
{
        struct rv_binding *b = OF(w, struct rv_binding, go);
        struct rv_stored *consumer;
        struct rv_error err = { 0 };
        if (b->job || !b->inbox || !b->sub || b->retry.at || too_many(b) || !is_known(b))
                return;
        int r = check(b, &consumer, &err);
        if (r == RV_OK)
                deliver(b, consumer);
        else if (r == RV_ACCESS_DENIED)
                deny(b, &err, true);
        else
                stumble(b, r < 0 ? strerror(-r) : err.message);
}

static void start(struct rv_binding *b, bool anew);

static void on_retry(struct rv_alarm *a)
{
        struct rv_binding *b = OF(a, struct rv_binding, retry);
        if (b->sub)
                rv_loop_soon(&b->agent->loop, &b->go);
        else
                start(b, false);
}

/* Those that had to wait for others. */
static void next_ones(struct rv_permanent *p)
{
        unsigned places = RV_STORED_AT_ONCE - p->at_once;
        for (struct rv_stored *o = p->objects; o && places; o = o->next)
                if (o->run && o->run->inbox && !o->run->job && !o->run->retry.at && !too_many(o->run)) {
                        rv_loop_soon(&p->agent->loop, &o->run->go);
                        places--;
                }
}

static void failed(struct rv_binding *b, const char *why)
{
        uint64_t most = rv_stored_number(b->kept, "MaximumRetries", RV_STORED_RETRIES), delay = 1;
        b->stats.failed++;
        b->attempts++;
        if (b->attempts > most) {
                complain(b, "GivenUp", b->inbox->seq, why, b->inbox->text);
                b->stats.dropped++;
                pop(b);
                b->attempts = 0;
                return;
        }
        complain(b, "Retry", b->inbox->seq, why, b->inbox->text);
        for (unsigned i = 1; i < b->attempts && delay < RETRY_MOST; i++)
                delay *= 2;
        rv_alarm_set(&b->agent->loop, &b->retry,
                     rv_now() + (delay < RETRY_MOST ? delay : RETRY_MOST) * SECOND);
}

void rv_binding_delivered(struct rv_binding *b, unsigned delivered, const char *why, bool denied)
{
        struct rv_permanent *p = b->agent->permanent;
        if (b->job)
                rests(b);
        for (unsigned i = 0; i < delivered && b->inbox; i++) {
                pop(b);
                b->stats.delivered++;
                b->attempts = 0;
                b->stats.last_delivery = rv_wall();
        }
        if (why && denied) {
                struct rv_error e = { 0 };
                rv_fail(&e, RV_ACCESS_DENIED, "%s", why);
                deny(b, &e, true);
        } else {
                if (why && b->inbox)
                        failed(b, why);
                acknowledge(b);
                publish(b, why && b->attempts ? "Retrying" : "Active");
                rv_subscription_pump(b->sub);
        }
        next_ones(p);
}

/* ---- life ---- */

static json_t *params_of(const json_t *filter)
{
        json_t *j = json_pack("{s:O, s:b, s:b}", "Query", json_object_get(filter, "Query"), "Durable", 1,
                              "IncludeSystemProperties", 1);
        json_t *space = json_object_get(filter, "EventNamespace");
        if (json_is_string(space))
                json_object_set(j, "Namespace", space);
        return j;
}

int rv_binding_check(struct rv_agent *a, const struct rv_identity *who, const json_t *filter,
                     struct rv_error *err)
{
        json_t *params = params_of(filter);
        struct rv_subscription *s = params ? rv_subscription_permanent(a, who, params, err) : NULL;
        json_decref(params);
        if (!params) {
                rv_about(err, "EventFilter", NULL, "Query");
                return rv_fail(err, RV_INVALID_PARAMETER, "a filter needs Query");
        }
        if (!s)
                return err->code;
        rv_subscription_free(s);
        return RV_OK;
}

static bool is_about(const struct rv_subscription *s, const struct rv_class *base)
{
        const struct rv_class *c = s->parts[0].class;
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        return source && rv_descends(source, base);
}

/* All else of the consumer is looked at when something is delivered. */
static void take_bound(struct rv_binding *b, const struct rv_stored *consumer)
{
        b->sub->keep = (uint32_t)rv_stored_number(consumer, "MaximumQueueSize", RV_STORED_QUEUE);
}

void rv_binding_consumer_changed(struct rv_stored *o)
{
        const struct rv_stored *c = rv_stored_named(o->agent->permanent, rv_stored_text(o, "Consumer"));
        if (o->run && o->run->sub && c)
                take_bound(o->run, c);
}

static int join(struct rv_binding *b, bool anew, struct rv_error *err)
{
        struct rv_stored *o = b->kept, *filter, *consumer;
        int r = check(b, &consumer, err);
        if (r)
                return r;
        filter = rv_stored_named(b->agent->permanent, rv_stored_text(o, "Filter"));
        json_t *params = params_of(filter->v);
        struct rv_subscription *s = params ? rv_subscription_permanent(b->agent, &o->who, params, err) : NULL;
        json_decref(params);
        if (!s)
                return err->code ? err->code : rv_fail(err, RV_FAILED, "out of memory");
        snprintf(s->id, sizeof s->id, "%s", o->id);
        s->room = room;
        s->take = take;
        s->reader = b;
        s->retain = UINT64_C(4000000000000000000);
        b->sub = s;
        take_bound(b, consumer);
        b->batch = rv_delivery_batch(consumer->class);
        b->records = consumer->class == &JournalEventConsumer_class ||
                     consumer->class == &LogFileEventConsumer_class ||
                     consumer->class == &RpcEventConsumer_class;
        b->itself = is_about(s, &SubscriptionEvent_class);
        b->audit = strcasecmp(s->parts[0].class->name, "AuditRecord") == 0;
        b->seen = b->acked = o->acked;
        r = rv_subscription_go_on(s, o->last, o->acked, anew, err);
        if (r) {
                rv_subscription_free(s);
                b->sub = NULL;
        }
        return r;
}

static void start(struct rv_binding *b, bool anew)
{
        struct rv_error err = { 0 };
        const json_t *on = json_object_get(b->kept->v, "Enabled");
        const char *denied = rv_stored_text(b->kept, "_Denied");
        if (json_is_false(on) || denied) {
                if (denied)
                        snprintf(b->stats.last_error, sizeof b->stats.last_error, "%s", denied);
                publish(b, denied ? "Denied" : "Disabled");
                return;
        }
        int r = join(b, anew, &err);
        if (r == RV_OK) {
                publish(b, "Active");
        } else if (r == RV_ACCESS_DENIED) {
                pthread_mutex_lock(&b->agent->policy.lock);
                bool troubled =
                        b->agent->policy.trouble.code; /* the roles could not be read: nobody has any */
                pthread_mutex_unlock(&b->agent->policy.lock);
                deny(b, &err, !troubled);
        } else {
                stumble(b, err.message);
        }
}

void rv_binding_start(struct rv_stored *o, bool anew)
{
        struct rv_binding *b = calloc(1, sizeof *b);
        if (!b)
                return;
        *b = (struct rv_binding) { .kept = o, .agent = o->agent };
        b->inbox_end = &b->inbox;
        b->retry.ring = on_retry;
        b->go.run = on_go;
        o->run = b;
        start(b, anew);
}

void rv_binding_stop(struct rv_stored *o)
{
        struct rv_binding *b = o->run;
        if (!b)
                return;
        o->run = NULL;
        if (b->job) {
                rv_delivery_abandon(b->job);
                rests(b);
        }
        if (b->asking)
                b->asking->run = NULL;
        forget(b);
        rv_loop_forget(&b->agent->loop, &b->go);
        free(b);
}

void rv_binding_describe(struct rv_stored *o, json_t *to)
{
        const struct rv_stored_stats *s = &o->stats;
        const struct rv_stored *filter = rv_stored_named(o->agent->permanent, rv_stored_text(o, "Filter"));
        static const char *const names[] = { "Delivered",  "Failed",  "Dropped",
                                             "Suppressed", "Waiting", "Sequence" };
        const uint64_t numbers[] = { s->delivered, s->failed, s->dropped, s->suppressed, s->waiting, s->seq };
        char time[48];
        for (int i = 0; i < 6; i++)
                json_object_set_new(to, names[i], json_integer((json_int_t)numbers[i]));
        json_object_set_new(to, "State", json_string(s->state ? s->state : "Active"));
        if (filter)
                json_object_set_new(to, "Query", json_string(rv_stored_text(filter, "Query")));
        if (*s->last_error)
                json_object_set_new(to, "LastError", json_string(s->last_error));
        if (*o->who.role)
                json_object_set_new(to, "Role", json_string(o->who.role));
        rv_datetime_text(o->created, false, time, sizeof time);
        json_object_set_new(to, "Created", json_string(time));
        if (s->last_delivery) {
                rv_datetime_text(s->last_delivery, false, time, sizeof time);
                json_object_set_new(to, "LastDelivery", json_string(time));
        }
}
