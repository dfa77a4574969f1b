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

#include "agent/agent.h"
#include "agent/log.h"

enum { SLICE_NS = 500000 };

struct rv_scan {
        struct rv_job job;
        struct rv_work ready, back; /* rows may be there; the thread has returned */
        struct rv_agent *agent;
        struct rv_entry *entry;
        struct rv_request *request; /* NULL: given up */
        struct rv_plan plan;
        struct rv_query query;
        struct rv_call call;
        struct rv_sink sink;
        struct rv_arena arena; /* what the thread reads: lives as long as the scan */
        struct rv_identity who;
        struct rv_batch *out; /* methods */
        struct rv_row out_row;
        struct rv_buf changes; /* methods: [{Property, From, To}] */
        struct rv_error error;
        int result;
        uint64_t begun;
        atomic_bool cancelled;
        bool is_method, returned;
};

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

bool rv_cancelled(const struct rv_call *call)
{
        struct rv_scan *s = OF(call, struct rv_scan, call);
        return atomic_load_explicit(&s->cancelled, memory_order_relaxed) || rv_now() > call->deadline;
}

void rv_change(struct rv_call *call, const char *property, const char *from, const char *to)
{
        struct rv_buf *b = &OF(call, struct rv_scan, call)->changes;
        rv_buf_puts(b, b->len ? ",{\"Property\":" : "{\"Property\":");
        rv_json_text(b, property);
        rv_buf_puts(b, ",\"From\":");
        from ? rv_json_text(b, from) : rv_buf_puts(b, "null");
        rv_buf_puts(b, ",\"To\":");
        to ? rv_json_text(b, to) : rv_buf_puts(b, "null");
        rv_buf_put(b, "}", 1);
}

static void scan_free(struct rv_scan *s)
{
        rv_loop_forget(&s->agent->loop, &s->ready);
        rv_loop_forget(&s->agent->loop, &s->back);
        rv_sink_free(&s->sink);
        rv_batch_free(s->out);
        rv_buf_free(&s->changes);
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
        if (s->is_method) {
                size_t m = (size_t)(s->call.method - s->call.class->methods);
                s->result = p->methods[m](&s->call, s->call.state, &s->error);
        } else {
                s->result = p->query(&s->query, &s->sink, &s->error);
                s->sink.ready = NULL; /* `back` tells of the last rows, too */
                rv_sink_finish(&s->sink, s->result, &s->error);
        }
        rv_loop_post(&s->agent->loop, &s->back);
}

static void step(struct rv_request *);
static void finish_method(struct rv_request *, struct rv_scan *);

static void on_back(struct rv_work *w)
{
        struct rv_scan *s = OF(w, struct rv_scan, back);
        s->returned = true;
        if (!s->request) {
                scan_free(s);
                return;
        }
        if (s->is_method)
                finish_method(s->request, s);
        else
                step(s->request);
}

static void on_rows(struct rv_work *w)
{
        struct rv_scan *s = OF(w, struct rv_scan, ready);
        if (s->request && !s->is_method)
                step(s->request);
}

static struct rv_scan *scan_new(struct rv_request *q, struct rv_entry *e)
{
        struct rv_scan *s = calloc(1, sizeof *s);
        if (!s)
                return NULL;
        s->agent = q->agent;
        s->entry = e;
        s->request = q;
        s->who = q->session->who;
        s->job.run = run;
        s->ready.run = on_rows;
        s->back.run = on_back;
        s->begun = rv_now();
        s->call = (struct rv_call) { .class = e->provider->class,
                                     .who = &s->who,
                                     .deadline = q->deadline,
                                     .arena = &s->arena,
                                     .core = q->agent };
        q->scan = s;
        return s;
}

/* The scan is over for the request: statistics, and its memory once its thread has returned. */
static void scan_end(struct rv_request *q, bool timed_out)
{
        struct rv_scan *s = q->scan;
        if (!s)
                return;
        q->scan = NULL;
        s->request = NULL;
        struct rv_error late = { .code = timed_out ? RV_TIMED_OUT : 0 };
        if (timed_out)
                snprintf(late.message, sizeof late.message, "%s did not answer within the deadline",
                         s->call.class->name);
        const struct rv_error *err = timed_out ? &late : s->is_method ? &s->error : &s->sink.error;
        rv_entry_end(s->entry, rv_now() - s->begun, s->sink.rows, err, timed_out);
        if (s->returned) {
                scan_free(s);
                return;
        }
        atomic_store(&s->cancelled, true);
        if (!s->is_method)
                rv_sink_stop(&s->sink);
        if (rv_pool_withdraw(&s->entry->pool, &s->job))
                scan_free(s);
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
                if (q->sent == 1) {
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
        s->result = (p->peek ? p->peek : p->query)(&s->query, &s->sink, &s->error);
        if (s->result == RV_FULL) {
                rv_sink_free(&s->sink);
                return false;
        }
        rv_sink_finish(&s->sink, s->result, &s->error);
        return s->returned = true;
}

static int start(struct rv_request *q, const struct rv_class *c, struct rv_error *err)
{
        struct rv_plan plan;
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find(q->agent, source) : NULL;
        if (!e || !e->provider->query)
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
                free(s);
                return r;
        }
        s->plan = plan;
        s->query = (struct rv_query) { .class = plan.source,
                                       .want = plan.source_want,
                                       .equals = plan.equals,
                                       .filter = plan.source_filter,
                                       .limit = plan.filter || plan.norder || plan.source_filter || plan.keys
                                                        ? 0
                                                        : plan.limit,
                                       .deadline = q->deadline,
                                       .who = &s->who,
                                       .call = &s->call };
        rv_entry_begin(e);
        if (answered_at_once(s))
                return RV_OK;
        rv_sink_init(&s->sink, &s->plan, RV_PRODUCER_THREAD, q->deadline);
        s->sink.ready = on_ready;
        r = rv_pool_submit(&e->pool, &s->job, err);
        if (r) {
                s->returned = true;
                scan_end(q, false);
        }
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
                complain(q, &err);
        }
        return false;
}

static void on_deadline(struct rv_alarm *alarm)
{
        struct rv_request *q = OF(alarm, struct rv_request, alarm);
        struct rv_scan *s = q->scan;
        struct rv_error e = { 0 };
        rv_about(&e, s ? s->call.class->name : q->asked->name, NULL, NULL);
        rv_hint(&e, "ask again with a longer Timeout; Get-Provider tells how long its calls take");
        rv_fail(&e, RV_TIMED_OUT, "%s did not answer within the deadline",
                s ? s->call.class->name : "the agent");
        if (q->shape == RV_SHAPE_METHOD) {
                rv_fail(&e, RV_TIMED_OUT, "%s.%s did not end within the deadline: its outcome is unknown",
                        q->asked->name, q->method->name);
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

static int arm(struct rv_request *q)
{
        q->alarm.ring = on_deadline;
        return rv_alarm_set(&q->agent->loop, &q->alarm, q->deadline);
}

int rv_request_scan(struct rv_request *q, struct rv_error *err)
{
        q->out.max = RV_REPLY_BYTES;
        if (q->shape != RV_SHAPE_ONE)
                rv_buf_putf(&q->out, "{\"%s\":[", q->shape == RV_SHAPE_NAMES ? "InstanceNames" : "Instances");
        int r = RV_OK;
        if (q->nclasses == 1) {
                q->at = 1;
                r = start(q, q->classes[0], err);
                if (r == RV_OK && q->scan->returned)
                        step(q);
                else if (r == RV_OK)
                        r = arm(q);
                return r;
        }
        r = arm(q);
        if (r)
                return r;
        if (!next_scan(q))
                finish(q);
        return RV_OK;
}

/* ---- methods ---- */

static void finish_method(struct rv_request *q, struct rv_scan *s)
{
        if (s->result) {
                struct rv_error e = s->error;
                if (s->result < 0)
                        rv_fail_errno(&e, s->result, "a fault in reeve in %s.%s", s->call.class->name,
                                      s->call.method->name);
                rv_about(&e, s->call.class->name, NULL, NULL);
                s->error = e;
                rv_answer_error(q, &e);
                return;
        }
        rv_row_end(&s->out_row);
        rv_json_row(&q->out, s->out, 0, NULL, 0);
        if (q->out.data && q->out.data[q->out.len - 1] == '}') {
                q->out.len--;
                if (s->changes.len || q->what_if) {
                        rv_buf_puts(&q->out, q->out.len > 1 ? ",\"Changed\":[" : "\"Changed\":[");
                        rv_buf_put(&q->out, s->changes.data ? s->changes.data : "", s->changes.len);
                        rv_buf_puts(&q->out, "]");
                }
                if (q->what_if)
                        rv_buf_puts(&q->out, ",\"WhatIf\":true");
                rv_buf_puts(&q->out, "}");
        }
        rv_answer(q, q->out.data, q->out.len);
}

int rv_request_invoke(struct rv_request *q, const struct rv_arg *key, struct rv_error *err)
{
        const struct rv_class *source = q->asked->view_of ? rv_class_find(q->asked->view_of, NULL) : q->asked;
        struct rv_entry *e = source ? rv_entry_find(q->agent, source) : NULL;
        int m = source ? rv_method_find(source, q->method->name, strlen(q->method->name)) : -1;
        if (!e || m < 0 || !e->provider->methods || !e->provider->methods[m])
                return rv_fail(err, RV_METHOD_NOT_AVAILABLE, "%s.%s is not available here", q->asked->name,
                               q->method->name);
        struct rv_scan *s = scan_new(q, e);
        if (!s)
                return -ENOMEM;
        s->is_method = true;
        s->arena = q->arena; /* arguments and keys go with the scan */
        q->arena = (struct rv_arena) { 0 };
        rv_sink_init(&s->sink, &s->plan, RV_PRODUCER_THREAD, q->deadline);
        s->call.method = &source->methods[m];
        s->call.key = key;
        s->call.what_if = q->what_if;
        s->call.state = q->in;
        s->out = rv_batch_new(s->call.method->out);
        if (!s->out || rv_row_begin(&s->out_row, s->out, NULL) || arm(q)) {
                q->scan = NULL;
                scan_free(s);
                return -ENOMEM;
        }
        s->call.out = &s->out_row;
        rv_entry_begin(e);
        int r = rv_pool_submit(&e->pool, &s->job, err);
        if (r) {
                s->returned = true;
                scan_end(q, false);
        }
        return r;
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
        scan_end(q, false);
}

void rv_request_cancel(struct rv_request *q)
{
        rv_answer_code(q, -32800,
                       q->shape == RV_SHAPE_METHOD ? "the request was cancelled; its outcome is unknown"
                                                   : "the request was cancelled");
}
