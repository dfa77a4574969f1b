/* SPDX-License-Identifier: MIT */
#include "agent/pull.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/scan.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct rv_pull {
        struct rv_agent *agent;
        struct rv_work begin, more, stop; /* from the thread to the loop */
        struct rv_scan *scan;             /* the loop's */
        const char *class_name;
        uint64_t deadline;
        pthread_mutex_t lock; /* what follows */
        pthread_cond_t news;
        struct rv_batch *queue, **queue_end;
        unsigned queued;
        uint64_t cpu;
        bool ended;
        struct rv_error error;
};

static void end(struct rv_pull *p, const struct rv_error *e)
{
        pthread_mutex_lock(&p->lock);
        if (!p->ended && e)
                p->error = *e;
        p->ended = true;
        pthread_cond_signal(&p->news);
        pthread_mutex_unlock(&p->lock);
}

static void forward(struct rv_pull *p)
{
        struct rv_scan *s = p->scan;
        if (!s)
                return;
        pthread_mutex_lock(&p->lock);
        while (p->queued < RV_PULL_QUEUE) {
                struct rv_batch *b = rv_sink_next(&s->sink);
                if (!b)
                        break;
                b->next = NULL;
                *p->queue_end = b;
                p->queue_end = &b->next;
                p->queued++;
        }
        bool full = p->queued >= RV_PULL_QUEUE;
        pthread_cond_signal(&p->news);
        pthread_mutex_unlock(&p->lock);
        if (full || !rv_sink_ended(&s->sink) || !s->returned)
                return;
        struct rv_error e = s->sink.npartial ? s->sink.partial[0] : s->sink.error;
        rv_about(&e, s->call.class->name, NULL, NULL);
        p->cpu = s->on_loop ? UINT64_MAX : s->cpu;
        end(p, e.code ? &e : NULL);
        p->scan = NULL;
        rv_scan_drop(s, false);
}

void rv_pull_news(struct rv_pull *p)
{
        forward(p);
}

static void on_begin(struct rv_work *w)
{
        struct rv_pull *p = OF(w, struct rv_pull, begin);
        struct rv_error e = { 0 };
        int r = rv_scan_start(p->scan, &e);
        if (r) {
                if (r < 0)
                        rv_fail_errno(&e, r, "a fault in reeve");
                struct rv_scan *s = p->scan;
                p->scan = NULL;
                end(p, &e);
                rv_scan_drop(s, false);
                return;
        }
        forward(p);
}

static void on_more(struct rv_work *w)
{
        forward(OF(w, struct rv_pull, more));
}

static void on_stop(struct rv_work *w)
{
        struct rv_pull *p = OF(w, struct rv_pull, stop);
        if (p->scan)
                rv_scan_drop(p->scan, rv_now() > p->deadline);
        rv_loop_forget(&p->agent->loop, &p->more);
        rv_loop_forget(&p->agent->loop, &p->begin);
        while (p->queue) {
                struct rv_batch *next = p->queue->next;
                rv_batch_free(p->queue);
                p->queue = next;
        }
        pthread_cond_destroy(&p->news);
        pthread_mutex_destroy(&p->lock);
        free(p);
}

struct rv_pull *rv_pull_new(struct rv_agent *a, struct rv_entry *e, const struct rv_identity *who,
                            uint64_t deadline, struct rv_arena *arena, const struct rv_plan *plan)
{
        struct rv_pull *p = calloc(1, sizeof *p);
        struct rv_scan *s = p ? rv_scan_new(a, e, who, deadline) : NULL;
        if (!s) {
                free(p);
                return NULL;
        }
        s->arena = *arena;
        *arena = (struct rv_arena) { 0 };
        s->plan = *plan;
        s->pull = p;
        *p = (struct rv_pull) {
                .agent = a, .scan = s, .class_name = plan->class->name, .deadline = deadline
        };
        p->begin.run = on_begin, p->more.run = on_more, p->stop.run = on_stop;
        p->queue_end = &p->queue;
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->news, &monotonic);
        pthread_condattr_destroy(&monotonic);
        rv_loop_post(&a->loop, &p->begin);
        return p;
}

struct rv_batch *rv_pull_next(struct rv_pull *p, const atomic_bool *cancelled, struct rv_error *ret_error)
{
        pthread_mutex_lock(&p->lock);
        bool late = false;
        while (!p->queue && !p->ended && !late && !atomic_load(cancelled)) {
                uint64_t now = rv_now(),
                         until = now + 100000000; /* looks up now and then: it may be cancelled */
                if (until > p->deadline)
                        until = p->deadline;
                struct timespec t = { .tv_sec = (time_t)(until / 1000000000),
                                      .tv_nsec = (long)(until % 1000000000) };
                pthread_cond_timedwait(&p->news, &p->lock, &t);
                late = rv_now() >= p->deadline;
        }
        struct rv_batch *b = p->queue;
        if (b) {
                p->queue = b->next;
                if (!p->queue)
                        p->queue_end = &p->queue;
                p->queued--;
        } else if (p->ended) {
                *ret_error = p->error;
        } else {
                rv_fail(ret_error, RV_TIMED_OUT, "%s did not answer within the deadline", p->class_name);
                rv_about(ret_error, p->class_name, NULL, NULL);
        }
        bool more = b && p->queued == RV_PULL_QUEUE / 2;
        pthread_mutex_unlock(&p->lock);
        if (more)
                rv_loop_post(&p->agent->loop, &p->more);
        return b;
}

bool rv_pull_cpu(struct rv_pull *p, uint64_t *ret)
{
        pthread_mutex_lock(&p->lock);
        bool ended = p->ended;
        *ret = p->cpu;
        pthread_mutex_unlock(&p->lock);
        return ended;
}

void rv_pull_free(struct rv_pull *p)
{
        if (p)
                rv_loop_post(&p->agent->loop, &p->stop);
}
