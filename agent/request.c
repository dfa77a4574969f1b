/* SPDX-License-Identifier: MIT
 *
 * A request over the agent's objects: scans the classes asked for, one provider after the other, each in a
 * thread of its
 * own provider; encodes rows as they come, in slices, as far as the session has room; ends at the limit, the
 * deadline or
 * a cancellation. A scan outlives its request when its thread never comes back: then it belongs to nobody and is freed
 * when the thread returns.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/concretejob.h"
#include "agent/desired.h"
#include "agent/elevate.h"
#include "agent/history.h"
#include "agent/indicate.h"
#include "agent/log.h"
#include "agent/note.h"
#include "agent/revision.h"
#include "agent/scan.h"
#include "agent/scrape.h"
#include "agent/view.h"
#include "agent/vtab.h"
#include "agent/wish.h"

enum { SLICE_NS = 500000 };

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

bool rv_cancelled(const struct rv_call *call)
{
        struct rv_scan *s = OF(call, struct rv_scan, call);
        return atomic_load_explicit(&s->cancelled, memory_order_relaxed) || rv_now() > call->deadline;
}

static _Thread_local struct rv_scan *current; /* of a worker thread */

bool rv_abandoned(void)
{
        return current && atomic_load_explicit(&current->cancelled, memory_order_relaxed);
}

static void put_change(struct rv_buf *b, const char *property, const char *from, const char *to)
{
        rv_buf_puts(b, b->len ? ",{\"Property\":" : "{\"Property\":");
        rv_json_text(b, property);
        rv_buf_puts(b, ",\"From\":");
        from ? rv_json_text(b, from) : rv_buf_puts(b, "null");
        rv_buf_puts(b, ",\"To\":");
        to ? rv_json_text(b, to) : rv_buf_puts(b, "null");
        rv_buf_put(b, "}", 1);
}

void rv_change(struct rv_call *call, const char *property, const char *from, const char *to)
{
        struct rv_scan *s = OF(call, struct rv_scan, call);
        int p = rv_property_find(call->class, property, strlen(property));
        if (p >= 0 && call->class->properties[p].flags & RV_SECRET)
                from = from ? "***" : NULL, to = to ? "***" : NULL;
        put_change(&s->changes, property, from, to);
        if (s->hides && (p < 0 || !rv_bit(s->hides, (unsigned)p)))
                put_change(&s->told, property, from, to);
}

void rv_progress(struct rv_call *call, const char *activity, const char *status, int percent)
{
        struct rv_scan *s = OF(call, struct rv_scan, call);
        struct rv_buf b = { 0 };
        rv_buf_puts(&b, "{\"Activity\":");
        rv_json_text(&b, activity);
        rv_buf_puts(&b, ",\"Status\":");
        rv_json_text(&b, status);
        if (percent >= 0)
                rv_buf_putf(&b, ",\"PercentComplete\":%d", percent);
        rv_buf_put(&b, "}", 2); /* with its end */
        if (b.failed) {
                rv_buf_free(&b);
                return;
        }
        free(atomic_exchange(&s->progress, b.data));
        rv_loop_post(&s->agent->loop, &s->ready);
}

/* Where there is no room, the next one will do. */
static void tell_progress(struct rv_scan *s)
{
        char *text = atomic_exchange(&s->progress, NULL);
        struct rv_request *q = s->request;
        struct rv_buf b = { 0 };
        if (text && q && q->token && rv_session_queued(q->session) < RV_QUEUE_BYTES / 2) {
                rv_buf_putf(&b, "{\"token\":%s,\"value\":[%s]}", q->token, text);
                if (!b.failed)
                        rv_notify(q->session, "$/progress", b.data, b.len);
        }
        rv_buf_free(&b);
        free(text);
}

static void scan_free(struct rv_scan *s)
{
        free(atomic_exchange(&s->progress, NULL));
        rv_loop_forget(&s->agent->loop, &s->ready);
        rv_loop_forget(&s->agent->loop, &s->back);
        rv_sink_free(&s->sink);
        rv_batch_free(s->out);
        rv_batch_free(s->values);
        rv_roles_drop(s->roles);
        rv_buf_free(&s->changes);
        rv_buf_free(&s->told);
        rv_buf_free(&s->reply);
        rv_audit_free(s->audit);
        rv_arena_free(&s->arena);
        free(s);
}

static void on_ready(struct rv_sink *sink)
{
        struct rv_scan *s = OF(sink, struct rv_scan, sink);
        rv_loop_post(&s->agent->loop, &s->ready);
}

/* On the worker thread. */
static void run(struct rv_job *job)
{
        struct rv_scan *s = OF(job, struct rv_scan, job);
        const struct rv_provider *p = s->entry->provider;
        current = s;
        if (s->is_method) {
                s->result = s->looks ? rv_wish_look(s, &s->error) : RV_OK;
                if (s->result == RV_OK && s->confirm.within)
                        s->result = rv_confirm_begin(&s->confirm, &s->call, s->audit ? s->audit->arguments : NULL,
                                                     &s->error);
                s->call.guarded = s->confirm.id[0] != 0;
                if (s->result == RV_OK)
                        s->result = rv_change_run(p, &s->call, &s->change, &s->error);
                if (s->result != RV_OK)
                        rv_confirm_drop(&s->confirm);
        } else {
                uint64_t cpu = rv_thread_cpu();
                s->result = (s->query.at ? rv_history_query : p->query)(&s->query, &s->sink, &s->error);
                s->cpu = rv_thread_cpu() - cpu;
                /* It may have ended because its time was up: what is there is not said to be all. */
                if (s->result == RV_OK && !atomic_load(&s->sink.stop) && rv_now() > s->call.deadline)
                        s->result =
                                rv_fail(&s->error, RV_TIMED_OUT, "%s ran out of time before it had read all",
                                        s->entry->provider->class->name);
                s->sink.ready = NULL; /* `back` tells of the last rows, too */
                rv_sink_finish(&s->sink, s->result, &s->error);
        }
        current = NULL;
        rv_loop_post(&s->agent->loop, &s->back);
}

static void step(struct rv_request *);
static void finish_change(struct rv_scan *);

static void on_back(struct rv_work *w)
{
        struct rv_scan *s = OF(w, struct rv_scan, back);
        s->returned = true;
        if (s->is_method)
                finish_change(s);
        else if (s->pull)
                rv_pull_news(s->pull);
        else if (s->part)
                rv_scrape_news(s->part);
        else if (s->watch)
                rv_watch_news(s->watch);
        else if (!s->request)
                scan_free(s);
        else
                step(s->request);
}

static void on_rows(struct rv_work *w)
{
        struct rv_scan *s = OF(w, struct rv_scan, ready);
        if (s->on_loop && atomic_load(&s->sink.called_done))
                s->returned = true;
        if (s->pull)
                rv_pull_news(s->pull);
        else if (s->part)
                rv_scrape_news(s->part);
        else if (s->watch)
                rv_watch_news(s->watch);
        else if (s->request && !s->is_method)
                step(s->request);
        else
                tell_progress(s);
}

struct rv_scan *rv_scan_new(struct rv_agent *a, struct rv_entry *e, const struct rv_identity *who,
                            uint64_t deadline)
{
        struct rv_scan *s = calloc(1, sizeof *s);
        if (!s)
                return NULL;
        s->agent = a;
        s->entry = e;
        s->who = *who;
        s->roles = rv_policy_hold(&a->policy);
        s->job.run = run;
        s->ready.run = on_rows;
        s->back.run = on_back;
        s->begun = rv_now();
        s->call = (struct rv_call) { .class = e->provider->class,
                                     .who = &s->who,
                                     .deadline = deadline,
                                     .arena = &s->arena,
                                     .core = a };
        return s;
}

static struct rv_scan *scan_new(struct rv_request *q, struct rv_entry *e)
{
        struct rv_scan *s = rv_scan_new(q->agent, e, &q->session->who, q->deadline);
        if (s)
                s->request = q;
        q->scan = s;
        return s;
}

static void withdrawn(struct rv_scan *s);

/* The scan is over for whoever asked: statistics, and its memory once its thread has returned. */
static void scan_end(struct rv_request *q, bool timed_out)
{
        struct rv_scan *s = q->scan;
        q->scan = NULL;
        if (s)
                rv_scan_drop(s, timed_out);
}

void rv_scan_drop(struct rv_scan *s, bool timed_out)
{
        s->request = NULL;
        s->pull = NULL;
        s->part = NULL;
        s->watch = NULL;
        struct rv_error late = { .code = timed_out ? RV_TIMED_OUT : 0 };
        if (timed_out)
                snprintf(late.message, sizeof late.message, "%s did not answer within the deadline",
                         s->call.class->name);
        const struct rv_error *err = timed_out      ? &late
                                     : !s->returned ? NULL /* its thread is still writing there */
                                     : s->is_method ? &s->error
                                                    : &s->sink.error;
        rv_entry_end(s->entry, rv_now() - s->begun, s->sink.rows, err, timed_out);
        if (s->at_audit) { /* on_intent() or on_outcome() comes */
                atomic_store(&s->cancelled, true);
                return;
        }
        if (s->on_loop && !s->returned && !atomic_load(&s->sink.called_done) && s->entry->provider->cancel)
                s->entry->provider->cancel(&s->call);
        if (s->returned || s->on_loop) {
                scan_free(s);
                return;
        }
        atomic_store(&s->cancelled, true);
        if (!s->is_method)
                rv_sink_stop(&s->sink);
        if (rv_pool_withdraw(&s->entry->pool, &s->job))
                withdrawn(s);
        else if (timed_out)
                rv_pool_give_up(&s->entry->pool, &s->job);
}

static void complain(struct rv_request *q, const struct rv_error *e)
{
        rv_buf_puts(&q->partial, q->partial.len ? "," : "");
        struct rv_buf b = { 0 };
        rv_json_error(&b, e);
        rv_buf_put(&q->partial, b.data ? b.data : "{}", b.data ? b.len : 2);
        rv_buf_free(&b);
}

/* ---- rows out ---- */

static void put_row(struct rv_request *q, const struct rv_batch *b, uint32_t row, const uint64_t *show)
{
        struct rv_buf *to = q->token ? &q->chunk : &q->out;
        if (q->shape != RV_SHAPE_ONE && (q->token ? q->chunk.len : q->sent))
                rv_buf_put(to, ",", 1);
        if (q->shape == RV_SHAPE_NAMES) {
                rv_buf_puts(to, "{\"ClassName\":");
                rv_json_text(to, b->class->name);
                rv_buf_puts(to, ",\"Keys\":");
                rv_json_keys(to, b, row);
                rv_buf_put(to, "}", 1);
        } else {
                rv_json_row(to, b, row, show, q->flags);
        }
        q->sent++;
}

static void send_chunk(struct rv_request *q)
{
        if (!q->chunk.len)
                return;
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "{\"token\":%s,\"value\":[", q->token);
        rv_buf_put(&b, q->chunk.data, q->chunk.len);
        rv_buf_puts(&b, "]}");
        if (!b.failed)
                rv_notify(q->session, "$/progress", b.data, b.len);
        rv_buf_free(&b);
        q->chunk.len = 0;
}

static bool enough(const struct rv_request *q)
{
        return (q->ask.limit && q->sent >= q->ask.limit) || (q->shape == RV_SHAPE_ONE && q->sent >= 2);
}

/* Encodes what is there, within the slice. False: come again (soon, or when there is room or more). */
static bool drain(struct rv_request *q, struct rv_scan *s)
{
        uint64_t until = rv_now() + SLICE_NS;
        while (!enough(q)) {
                if (q->token && rv_session_queued(q->session) > RV_QUEUE_BYTES)
                        return false; /* rv_request_resume() comes */
                if (rv_now() > until) {
                        rv_loop_soon(&q->agent->loop, &s->ready);
                        return false;
                }
                if (s->plan.norder) {
                        if (!rv_sink_ended(&s->sink) && !s->sink.order.sorted)
                                return false;
                        struct rv_ranked r;
                        if (!rv_order_pop(&s->sink.order, &r))
                                return true;
                        put_row(q, r.batch, r.row, s->plan.show);
                        if (q->token && q->chunk.len > 65536)
                                send_chunk(q);
                        continue;
                }
                struct rv_batch *b = rv_sink_next(&s->sink);
                if (!b)
                        return rv_sink_ended(&s->sink);
                for (uint32_t row = 0; row < b->n && !enough(q); row++)
                        put_row(q, b, row, s->plan.show);
                rv_batch_free(b);
                if (q->token)
                        send_chunk(q);
        }
        return true;
}

static void finish(struct rv_request *q)
{
        if (q->out.failed) {
                struct rv_error e = { 0 };
                rv_hint(&e, "name fewer properties, set a Limit or a Filter, or take rows as they come by "
                            "partialResultToken");
                rv_fail(&e, RV_SERVER_LIMITS_EXCEEDED, "the result is larger than %d MiB",
                        RV_REPLY_BYTES >> 20);
                rv_answer_error(q, &e);
                return;
        }
        if (q->shape == RV_SHAPE_ONE) {
                struct rv_error e = { 0 };
                rv_about(&e, q->asked->name, NULL, NULL);
                if (q->sent == 1 && q->since)
                        q->out.len--; /* the brace comes back */
                if (q->sent == 1) {
                        rv_revision_finish(q);
                        if (q->since)
                                rv_buf_puts(&q->out, "}");
                        rv_answer(q, q->out.data, q->out.len);
                        return;
                }
                if (q->sent > 1)
                        rv_fail(&e, RV_INVALID_PARAMETER,
                                "the keys given fit more than one %s: name more of them", q->asked->name);
                else
                        rv_fail(&e, RV_NOT_FOUND, "there is no %s with these keys", q->asked->name);
                rv_answer_error(q, &e);
                return;
        }
        if (q->token)
                send_chunk(q);
        rv_buf_puts(&q->out, "]");
        if (q->partial.len) {
                rv_buf_puts(&q->out, ",\"Partial\":[");
                rv_buf_put(&q->out, q->partial.data, q->partial.len);
                rv_buf_puts(&q->out, "]");
        }
        rv_revision_finish(q);
        rv_buf_puts(&q->out, "}");
        rv_answer(q, q->out.data, q->out.len);
}

static bool next_scan(struct rv_request *);

/* What the provider said at its end. True: the request has been answered. */
static bool scan_result(struct rv_request *q, struct rv_scan *s)
{
        for (unsigned i = 0; i < s->sink.npartial; i++)
                complain(q, &s->sink.partial[i]);
        if (!s->sink.error.code)
                return false;
        struct rv_error e = s->sink.error;
        rv_about(&e, s->call.class->name, NULL, NULL);
        if (q->nclasses == 1 && q->sent == 0) {
                rv_answer_error(q, &e);
                return true;
        }
        complain(q, &e);
        return false;
}

static void step(struct rv_request *q)
{
        struct rv_scan *s = q->scan;
        if (!s || !drain(q, s))
                return;
        if (!enough(q) && !s->returned)
                return; /* all rows are out; its result comes with on_back() */
        bool answered = !enough(q) && scan_result(q, s);
        if (answered)
                return; /* the request is gone, its scan with it */
        scan_end(q, false);
        if (enough(q) || !next_scan(q))
                finish(q);
}

/* On the loop, where the provider can do without a thread. */
static bool answered_at_once(struct rv_scan *s)
{
        const struct rv_provider *p = s->entry->provider;
        if (!p->peek && !p->quick)
                return false;
        rv_sink_init(&s->sink, &s->plan, RV_PRODUCER_QUICK, s->call.deadline);
        uint64_t cpu = rv_thread_cpu();
        s->result = (p->peek ? p->peek : p->query)(&s->query, &s->sink, &s->error);
        s->cpu = rv_thread_cpu() - cpu;
        if (s->result == RV_FULL) {
                rv_sink_free(&s->sink);
                return false;
        }
        rv_sink_finish(&s->sink, s->result, &s->error);
        return s->returned = true;
}

static void on_room(struct rv_sink *sink)
{
        struct rv_scan *s = OF(sink, struct rv_scan, sink);
        if (s->entry->provider->resume)
                s->entry->provider->resume(&s->call);
}

/* A provider on the loop: it emits now and later, until rv_done(). */
static int start_loop(struct rv_scan *s, struct rv_error *err)
{
        rv_sink_init(&s->sink, &s->plan, RV_PRODUCER_LOOP, s->call.deadline);
        s->sink.ready = on_ready;
        s->sink.room = on_room;
        s->on_loop = true;
        s->call.query = &s->query;
        s->call.sink = &s->sink;
        int r = s->entry->provider->start(&s->call, err);
        s->returned = r; /* it has not begun then: there is nothing to cancel */
        return r;
}

/* Whoever wants rows gets them through here: this is where roles hold. */
static int restrict_plan(struct rv_scan *s, struct rv_error *err)
{
        const struct rv_subject who = { .roles = s->roles,
                                        .who = &s->who,
                                        .now = (int64_t)time(NULL),
                                        .all = rv_policy_has_all(&s->agent->policy, &s->who) };
        return rv_rights_plan(&who, &s->plan, &s->arena, err);
}

int rv_scan_start(struct rv_scan *s, struct rv_error *err)
{
        const struct rv_plan *p = &s->plan;
        int r = restrict_plan(s, err);
        s->returned = r;
        if (r)
                return r;
        s->query = (struct rv_query) {
                .class = p->source,
                .want = p->source_want,
                .equals = p->equals,
                .filter = p->source_filter,
                .limit = p->filter || p->norder || p->source_filter || p->keys || p->rights ? 0 : p->limit,
                .deadline = s->call.deadline,
                .at = p->at,
                .who = &s->who,
                .call = &s->call
        };
        rv_entry_begin(s->entry);
        if (!p->at && answered_at_once(s))
                return RV_OK;
        if (!p->at && s->entry->provider->start)
                return start_loop(s, err);
        rv_sink_init(&s->sink, &s->plan, RV_PRODUCER_THREAD, s->call.deadline);
        s->sink.ready = on_ready;
        r = rv_pool_submit(&s->entry->pool, &s->job, err);
        s->returned = r;
        return r;
}

static int start(struct rv_request *q, const struct rv_class *c, struct rv_error *err)
{
        struct rv_plan plan;
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find(q->agent, source) : NULL;
        if (!e || !(e->provider->query || e->provider->start))
                return rv_fail(err, RV_NOT_SUPPORTED, "'%s' has no instances that can be read", c->name);
        struct rv_scan *s = scan_new(q, e);
        if (!s)
                return -ENOMEM;
        struct rv_ask ask = q->ask;
        ask.base = q->asked;
        if (ask.limit)
                ask.limit -= q->sent;
        int r = rv_plan_make(&s->arena, c, &ask, &plan, err);
        if (r) {
                q->scan = NULL;
                rv_roles_drop(s->roles);
                rv_arena_free(&s->arena);
                free(s);
                return r;
        }
        s->plan = plan;
        r = rv_scan_start(s, err);
        if (r)
                scan_end(q, false);
        return r;
}

/* Begins the next class' scan; false when there is none. */
static bool next_scan(struct rv_request *q)
{
        while (q->at < q->nclasses) {
                struct rv_error err = { 0 };
                int r = start(q, q->classes[q->at++], &err);
                if (r == RV_OK && q->scan->returned)
                        rv_loop_soon(&q->agent->loop, &q->scan->back);
                if (r == RV_OK)
                        return true;
                if (r < 0)
                        rv_fail_errno(&err, r, "a fault in reeve");
                if (r == RV_ACCESS_DENIED)
                        rv_request_denied(q, &err);
                complain(q, &err);
        }
        return false;
}

static void on_deadline(struct rv_alarm *alarm)
{
        struct rv_request *q = OF(alarm, struct rv_request, alarm);
        struct rv_scan *s = q->scan;
        struct rv_error e = { 0 };
        if (q->sql) {
                rv_fail(&e, RV_TIMED_OUT, "the query did not end within the deadline");
                rv_answer_error(q, &e);
                return;
        }
        rv_about(&e, s ? s->call.class->name : q->asked->name, NULL, NULL);
        rv_hint(&e, "ask again with a longer Timeout; Get-Provider tells how long its calls take");
        rv_fail(&e, RV_TIMED_OUT, "%s did not answer within the deadline",
                s ? s->call.class->name : "the agent");
        if (q->shape == RV_SHAPE_METHOD) {
                rv_fail(&e, RV_TIMED_OUT,
                        "%s%s%s of %s did not end within the deadline: its outcome is unknown",
                        rv_op_name(q->op), q->method ? " " : "", q->method ? q->method->name : "",
                        q->asked->name);
                scan_end(q, true);
                rv_answer_error(q, &e);
                return;
        }
        if (s) {
                rv_sink_salvage(&s->sink);
                drain(q, s);
                scan_end(q, true);
        }
        if (q->shape == RV_SHAPE_ONE || (q->sent == 0 && q->nclasses == 1)) {
                rv_answer_error(q, &e);
                return;
        }
        complain(q, &e);
        finish(q);
}

int rv_request_arm(struct rv_request *q)
{
        q->alarm.ring = on_deadline;
        return rv_alarm_set(&q->agent->loop, &q->alarm, q->deadline);
}

int rv_request_scan(struct rv_request *q, struct rv_error *err)
{
        q->out.max = RV_REPLY_BYTES;
        if (rv_revision_unchanged(q))
                return RV_OK;
        if (q->shape != RV_SHAPE_ONE && !q->token)
                rv_spare_take(q->agent, &q->out);
        if (q->shape != RV_SHAPE_ONE)
                rv_buf_putf(&q->out, "{\"%s\":[", q->shape == RV_SHAPE_NAMES ? "InstanceNames" : "Instances");
        int r = RV_OK;
        if (q->nclasses == 1) {
                q->at = 1;
                r = start(q, q->classes[0], err);
                if (r == RV_OK && q->scan->returned)
                        step(q);
                else if (r == RV_OK)
                        r = rv_request_arm(q);
                return r;
        }
        r = rv_request_arm(q);
        if (r)
                return r;
        if (!next_scan(q))
                finish(q);
        return RV_OK;
}

/* ---- changes: methods, create, modify, delete, test, set ---- */

static void put_changes(struct rv_scan *s, bool what_if)
{
        struct rv_buf *to = &s->reply;
        const struct rv_buf *changes = s->hides ? &s->told : &s->changes;
        bool empty = to->data[to->len - 1] == '{';
        if (changes->len || what_if || s->change.kind != RV_INVOKE) {
                rv_buf_puts(to, empty ? "\"Changed\":[" : ",\"Changed\":[");
                rv_buf_put(to, changes->data ? changes->data : "", changes->len);
                rv_buf_puts(to, "]");
                empty = false;
        }
        if (what_if)
                rv_buf_puts(to, empty ? "\"WhatIf\":true" : ",\"WhatIf\":true");
        if (s->confirm.id[0])
                rv_confirm_put(&s->confirm, to, empty && !what_if);
        rv_buf_puts(to, "}");
}

/* {"Name":"x"}: of the object that create made, else as it was given. */
static void put_created(struct rv_scan *s)
{
        const struct rv_class *c = s->call.class;
        for (uint32_t k = 0; k < c->nkeys; k++) {
                uint16_t p = c->keys[k];
                if (((struct rv_value *)(s->out->mem + s->out_row.at))[p].type == RV_NULL)
                        rv_copy_arg(&s->out_row, p, &s->change.v[p]);
        }
        rv_row_end(&s->out_row);
        rv_buf_puts(&s->reply, "{\"InstanceName\":");
        rv_json_keys(&s->reply, s->out, 0);
}

static void make_result(struct rv_scan *s)
{
        switch (s->change.kind) {
        case RV_INVOKE:
                rv_row_end(&s->out_row);
                rv_json_row(&s->reply, s->out, 0, NULL, 0);
                if (s->reply.len)
                        s->reply.len--; /* the brace */
                break;
        case RV_CREATE: put_created(s); break;
        case RV_TEST:
        case RV_SET:
                rv_buf_putf(&s->reply, "{\"InDesiredState\":%s",
                            s->change.in_desired_state || (s->change.kind == RV_SET && !s->call.what_if)
                                    ? "true"
                                    : "false");
                break;
        default: rv_buf_puts(&s->reply, "{");
        }
        if (!s->reply.failed)
                put_changes(s, s->call.what_if);
}

static void make_error(struct rv_scan *s)
{
        if (s->result < 0)
                rv_fail_errno(&s->error, s->result, "a fault in reeve in %s%s%s", s->call.class->name,
                              s->call.method ? "." : "", s->call.method ? s->call.method->name : "");
        else if (!s->error.code)
                rv_fail(&s->error, s->result, "%s", rv_status_text(s->result));
        rv_about(&s->error, s->call.class->name, NULL, NULL);
        rv_json_error(&s->reply, &s->error);
}

/* The reply is made and, of a change, on disk. */
static void give_answer(struct rv_scan *s)
{
        struct rv_request *q = s->request;
        if (!q) {
                scan_free(s);
                return;
        }
        struct rv_buf text = s->reply;
        bool is_error = s->result != RV_OK && !s->answered;
        s->reply = (struct rv_buf) { 0 };
        if (text.failed || !text.data)
                rv_answer_code(q, -32603, "out of memory");
        else
                rv_answer_text(q, is_error, text.data, text.len); /* frees request and scan */
        rv_buf_free(&text);
}

static void on_outcome(struct rv_audit *a, void *state)
{
        struct rv_scan *s = state;
        if (a->verdict == RV_VERDICT_REFUSED)
                rv_log(RV_LOG_ERROR, "the outcome of a change of %s could not be recorded",
                       s->call.class->name);
        s->at_audit = false;
        give_answer(s);
}

/* A view's method that says by a number what became of it; the error is told beside it. */
static bool make_outcome(struct rv_scan *s)
{
        int status = s->result > 0 && s->error.code ? s->error.code : s->result;
        int64_t number;
        if (!s->shown || s->denied || s->call.what_if || (status == RV_OK && s->changes.len) ||
            !s->call.method->out->nproperties ||
            !rv_view_outcome(s->shown, status, status ? s->error.property : "", &number))
                return false;
        struct rv_row *row = &s->out_row;
        rv_set_uint(row, 0, (uint64_t)number);
        make_result(s);
        if (status != RV_OK && !s->reply.failed) {
                s->reply.len--; /* the brace */
                rv_buf_puts(&s->reply, ",\"Error\":");
                make_error(s);
                rv_buf_puts(&s->reply, "}");
        }
        return true;
}

static void finish_change(struct rv_scan *s)
{
        s->answered = make_outcome(s);
        if (!s->answered && s->result == RV_OK)
                make_result(s);
        else if (!s->answered)
                make_error(s);
        if (s->request && s->request->session->plan && s->call.what_if)
                rv_plan_note(s->request, s->result, s->error.message,
                             s->changes.failed || !s->changes.data
                                     ? NULL
                                     : strndupa(s->changes.data, s->changes.len));
        if (!s->call.what_if && s->audit)
                rv_history_touched(s->agent, s->call.class);
        if (!s->audit) {
                if (s->denied && s->request)
                        rv_request_denied(s->request, &s->why);
                give_answer(s);
                return;
        }
        bool again = s->result > 0 && s->error.retryable;
        struct rv_buf changed = { 0 };
        if (s->changes.len) {
                rv_buf_puts(&changed, "[");
                rv_buf_put(&changed, s->changes.data, s->changes.len);
                rv_buf_put(&changed, "]", 2);
        }
        rv_buf_put(&s->reply, "", 1);
        s->reply.len -= !s->reply.failed;
        s->at_audit = true;
        s->audit->denied = s->denied;
        rv_audit_outcome(s->audit, &s->agent->state,
                         s->denied   ? s->why.code
                         : s->result ? s->error.code
                                     : 0,
                         s->denied   ? s->why.message
                         : s->result ? s->error.message
                                     : NULL,
                         changed.data, again || s->reply.failed ? NULL : s->reply.data,
                         s->result != RV_OK && !s->answered, on_outcome, s);
        rv_buf_free(&changed);
}

/* It never began: that is its outcome. */
static void withdrawn(struct rv_scan *s)
{
        struct rv_audit *a = s->audit;
        s->audit = NULL;
        if (a)
                rv_audit_outcome(a, &s->agent->state, RV_PULL_HAS_BEEN_ABANDONED, "cancelled before it began",
                                 NULL, NULL, true, NULL, NULL);
        scan_free(s);
}

static void start_change(struct rv_scan *s)
{
        if (rv_pool_submit(&s->entry->pool, &s->job, &s->error) == RV_OK)
                return;
        s->returned = true;
        s->result = s->error.code ? s->error.code : RV_FAILED;
        finish_change(s);
}

static void refuse_change(struct rv_scan *s, const struct rv_audit *a)
{
        struct rv_error e = { 0 };
        rv_about(&e, s->call.class->name, NULL, a->verdict == RV_VERDICT_REFUSED ? NULL : "RequestKey");
        if (a->verdict == RV_VERDICT_REFUSED) {
                rv_hint(&e,
                        "Nothing was changed. Make the state folder writable, or free space on its disk.");
                rv_fail(&e, RV_UNAVAILABLE, "the change was refused: it cannot be recorded: %s", a->job.why);
                e.retryable = true;
        } else if (a->verdict == RV_VERDICT_OTHER) {
                rv_fail(&e, RV_INVALID_PARAMETER, "the RequestKey was used for another request");
        } else if (a->verdict == RV_VERDICT_UNKNOWN) {
                rv_hint(&e, "Look whether it took effect, then use another RequestKey.");
                rv_fail(&e, RV_UNAVAILABLE,
                        "the agent ended while it did the request with this RequestKey: its outcome is "
                        "unknown");
                e.retryable = false; /* it will stay so */
        } else {
                rv_fail(&e, RV_UNAVAILABLE, "the request with this RequestKey is under way");
        }
        rv_answer_error(s->request, &e);
}

static void on_intent(struct rv_audit *a, void *state)
{
        struct rv_scan *s = state;
        s->at_audit = false;
        if (!s->request) { /* nobody waits any more */
                if (a->verdict == RV_VERDICT_GO)
                        withdrawn(s);
                else
                        scan_free(s);
        } else if (a->verdict == RV_VERDICT_GO) {
                start_change(s);
        } else {
                s->returned = true;
                if (a->verdict == RV_VERDICT_REPLAY && a->stored) {
                        char *stored = a->stored;
                        bool is_error = a->stored_is_error;
                        a->stored = NULL;
                        rv_answer_text(s->request, is_error, stored, strlen(stored));
                        free(stored);
                } else {
                        refuse_change(s, a);
                }
        }
}

/* Test and set read the object first: a plan for that, over the properties given. */
static int plan_reading(struct rv_request *q, struct rv_scan *s, struct rv_error *err)
{
        const struct rv_class *c = s->call.class;
        const char **names = rv_arena_get(&s->arena, (c->nproperties + 1) * sizeof *names);
        struct rv_ask ask = { .keys = s->change.key, .properties = names };
        for (uint32_t i = 0; names && i < c->nproperties; i++)
                if (rv_bit(s->change.set, i))
                        names[ask.nproperties++] = c->properties[i].name;
        int r = names ? rv_plan_make(&s->arena, c, &ask, &s->plan, err) : -ENOMEM;
        if (r)
                return r;
        r = restrict_plan(s, err);
        if (r)
                return r;
        s->query = (struct rv_query) { .class = c,
                                       .want = s->plan.source_want,
                                       .equals = s->plan.equals,
                                       .deadline = q->deadline,
                                       .fresh = true,
                                       .who = &s->who,
                                       .call = &s->call };
        s->change.query = &s->query;
        s->change.sink = &s->sink;
        return RV_OK;
}

/* Which provider does it, and under which class and method. */
static int find_changer(struct rv_request *q, const struct rv_class **ret_class, struct rv_entry **ret,
                        struct rv_error *err)
{
        const struct rv_class *source = q->asked->view_of ? rv_class_find(q->asked->view_of, NULL) : q->asked;
        const struct rv_method *called = q->method ? rv_view_method(q->asked, q->method, &source) : NULL;
        struct rv_entry *e = source ? rv_entry_find(q->agent, source) : NULL;
        ptrdiff_t m = called ? called - source->methods : -1;
        if (q->change.kind == RV_INVOKE && (!e || m < 0 || !e->provider->methods || !e->provider->methods[m]))
                return rv_fail(err, RV_METHOD_NOT_AVAILABLE, "%s.%s is not available here", q->asked->name,
                               q->method->name);
        if (q->change.kind != RV_INVOKE && q->asked->view_of)
                return rv_fail(err, RV_NOT_SUPPORTED, "%s only shows %s: change that", q->asked->name,
                               q->asked->view_of);
        const struct rv_provider *p = e ? e->provider : NULL;
        bool offered =
                q->change.kind == RV_INVOKE || (p && (q->change.kind == RV_CREATE   ? p->create != NULL
                                                      : q->change.kind == RV_MODIFY ? p->modify != NULL
                                                      : q->change.kind == RV_DELETE ? p->remove != NULL
                                                                                    : p->query != NULL));
        if (!offered)
                return rv_fail(err, RV_NOT_SUPPORTED, "%s does not offer %s", q->asked->name,
                               rv_op_name(q->op));
        *ret_class = source;
        *ret = e;
        if (q->change.kind == RV_INVOKE)
                q->method = called;
        return RV_OK;
}

int rv_request_change(struct rv_request *q, struct rv_error *err)
{
        const struct rv_class *class = NULL;
        struct rv_entry *e = NULL;
        const struct rv_method *shown = q->asked->view_of ? q->method : NULL;
        int r = find_changer(q, &class, &e, err);
        if (r == RV_OK && q->as_job)
                return rv_cjob_submit(q, err);
        struct rv_scan *s = r ? NULL : scan_new(q, e);
        if (!s)
                return r ? r : -ENOMEM;
        s->is_method = true;
        s->arena = q->arena; /* arguments and keys go with the scan */
        q->arena = (struct rv_arena) { 0 };
        s->change = q->change;
        s->call.method = q->method;
        s->shown = shown;
        s->call.key = s->change.key;
        s->call.what_if = q->what_if;
        s->confirm.within = q->what_if || q->change.kind == RV_TEST ? 0 : q->confirm_within;
        r = rv_wish_ask(q, s, err);
        if (r == RV_OK && (q->change.kind == RV_TEST || q->change.kind == RV_SET))
                r = plan_reading(q, s, err);
        rv_sink_init(&s->sink, &s->plan, RV_PRODUCER_QUICK, q->deadline);
        s->out = rv_batch_new(q->method ? s->call.method->out : class);
        if (r == RV_OK && q->audited)
                s->audit = rv_request_audit(q);
        if (r == RV_OK && (!s->out || rv_row_begin(&s->out_row, s->out, NULL) || (q->audited && !s->audit) ||
                           rv_request_arm(q)))
                r = -ENOMEM;
        if (r) {
                q->scan = NULL;
                scan_free(s);
                return r;
        }
        s->call.out = &s->out_row;
        rv_entry_begin(e);
        if (s->audit) {
                s->at_audit = true;
                rv_audit_intent(s->audit, &q->agent->state, on_intent, s);
        } else {
                start_change(s);
        }
        return RV_OK;
}

/* ---- from the session ---- */

void rv_request_resume(struct rv_request *q)
{
        if (q->scan && !q->scan->is_method)
                rv_loop_soon(&q->agent->loop, &q->scan->ready);
}

void rv_request_orphan(struct rv_request *q)
{
        rv_alarm_clear(&q->agent->loop, &q->alarm);
        rv_sql_orphan(q);
        rv_scrape_orphan(q);
        rv_desired_orphan(q);
        rv_note_orphan(q);
        rv_cjob_orphan(q);
        if (q->desired)
                rv_desired_child_gone(q->desired);
        if (q->subscription) /* what comes of its storing finds nobody */
                q->subscription->request = NULL;
        scan_end(q, false);
}

void rv_request_cancel(struct rv_request *q)
{
        rv_answer_code(q, -32800,
                       q->shape == RV_SHAPE_METHOD ? "the request was cancelled; its outcome is unknown"
                                                   : "the request was cancelled");
}

void rv_request_stop(struct rv_request *q)
{
        q->deadline = rv_now(); /* a document does not begin with anything more */
        if (q->scan)
                atomic_store(&q->scan->cancelled, true);
}
