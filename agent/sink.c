/* SPDX-License-Identifier: MIT */
#include "agent/sink.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/authorize.h"
#include "agent/view.h"

void rv_sink_init(struct rv_sink *s, const struct rv_plan *plan, enum rv_producer producer, uint64_t deadline)
{
        *s = (struct rv_sink) { .plan = plan, .producer = producer, .deadline = deadline };
        s->queue_end = &s->queue;
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->has_room, &monotonic);
        pthread_condattr_destroy(&monotonic);
        rv_order_init(&s->order, plan->order, plan->norder, plan->limit);
}

void rv_sink_free(struct rv_sink *s)
{
        while (s->queue) {
                struct rv_batch *next = s->queue->next;
                rv_batch_free(s->queue);
                s->queue = next;
        }
        rv_order_free(&s->order);
        rv_batch_free(s->cur);
        rv_batch_free(s->scratch);
        free(s->partial);
        pthread_cond_destroy(&s->has_room);
        pthread_mutex_destroy(&s->lock);
}

static void publish(struct rv_sink *s)
{
        uint64_t n = s->cur ? (uint64_t)s->cur->n << 32 | s->cur->used : 0;
        atomic_store_explicit(&s->published, n, memory_order_release);
}

static void set_cur(struct rv_sink *s, struct rv_batch *b)
{
        pthread_mutex_lock(&s->lock);
        s->cur = b;
        if (b)
                b->pin = &s->lock;
        publish(s);
        pthread_mutex_unlock(&s->lock);
}

static bool begin(struct rv_row *row, struct rv_batch *b, const uint64_t *want)
{
        return b && rv_row_begin(row, b, want) == 0;
}

/* Where a row goes when there is no memory for it: every setter finds that it is not wanted. */
static struct rv_row *nowhere(struct rv_sink *s)
{
        static const uint64_t nothing[64];
        s->row = (struct rv_row) { .batch = s->cur, .want = nothing, .failed = true };
        return &s->row;
}

struct rv_row *rv_row(struct rv_sink *s)
{
        if (!s->cur) {
                struct rv_batch *b = rv_batch_new(s->plan->class);
                if (!b)
                        return nowhere(s);
                set_cur(s, b);
        }
        if (!s->plan->view)
                return begin(&s->row, s->cur, s->plan->want) ? &s->row : nowhere(s);
        if (!s->scratch)
                s->scratch = rv_batch_new(s->plan->source);
        return begin(&s->row, s->scratch, s->plan->source_want) ? &s->row : nowhere(s);
}

/* Turns the provider's row into one of the view, at the end of cur. */
static int pass_view(struct rv_sink *s)
{
        rv_row_end(&s->row);
        int r = RV_STOP;
        if ((!s->plan->rights || rv_rights_row(s->plan->rights, s->scratch, s->scratch->n - 1)) &&
            rv_plan_keeps_source(s->plan, s->scratch, s->scratch->n - 1)) {
                struct rv_row to;
                r = rv_row_begin(&to, s->cur, s->plan->want);
                if (r == 0) {
                        rv_view_fill(s->plan->view, &to, s->scratch, s->scratch->n - 1);
                        r = to.failed ? -ENOMEM : RV_OK;
                        if (r == RV_OK)
                                rv_row_end(&to);
                        else
                                rv_row_drop(&to);
                }
        }
        s->scratch->n--;
        rv_row_drop(&s->row);
        return r;
}

static void forget_last(struct rv_batch *b)
{
        b->used = b->row[--b->n];
}

static int rank(struct rv_sink *s)
{
        pthread_mutex_lock(&s->lock);
        int r = s->salvaged ? RV_STOP : rv_order_add(&s->order, s->cur, s->cur->n - 1);
        pthread_mutex_unlock(&s->lock);
        return r;
}

/* Through rights, view, filter and ranking. RV_OK: it is in cur. RV_STOP: not wanted. Or a fault. */
static int take(struct rv_sink *s)
{
        if (s->plan->view) {
                int r = pass_view(s);
                if (r != RV_OK)
                        return r;
        } else {
                rv_row_end(&s->row);
        }
        bool seen = s->plan->view || !s->plan->rights || rv_rights_row(s->plan->rights, s->cur, s->cur->n - 1);
        bool kept = seen && rv_plan_keeps(s->plan, s->cur, s->cur->n - 1);
        int r = !kept ? RV_STOP : s->plan->norder ? rank(s) : RV_OK;
        if (r != RV_OK)
                forget_last(s->cur);
        return r;
}

/* Waits until there is room in the queue. Under the lock. RV_OK or RV_STOP. */
static int wait_for_room(struct rv_sink *s)
{
        struct timespec until = { .tv_sec = (time_t)(s->deadline / 1000000000),
                                  .tv_nsec = (long)(s->deadline % 1000000000) };
        int r = 0;
        while (s->queued >= RV_SINK_QUEUE && !atomic_load(&s->stop) && r != ETIMEDOUT)
                r = pthread_cond_timedwait(&s->has_room, &s->lock, &until);
        if (atomic_load(&s->stop))
                return RV_STOP;
        s->late = s->queued >= RV_SINK_QUEUE;
        return s->late ? RV_STOP : RV_OK;
}

static int enqueue(struct rv_sink *s)
{
        if (s->queued >= RV_SINK_BURST)
                return -ENOBUFS; /* it went on though it was told to wait */
        s->cur->pin = NULL;
        s->cur->next = NULL;
        *s->queue_end = s->cur;
        s->queue_end = &s->cur->next;
        s->queued++;
        s->cur = NULL;
        publish(s);
        return RV_OK;
}

/* Hands cur on: to the queue, or to the ranking. */
static int flush(struct rv_sink *s)
{
        if (!s->cur || !s->cur->n)
                return RV_OK;
        pthread_mutex_lock(&s->lock);
        int r = s->salvaged ? RV_STOP : RV_OK;
        if (r == RV_OK && s->plan->norder) {
                s->cur->pin = NULL;
                r = rv_order_hold(&s->order, s->cur);
                s->cur = NULL;
                publish(s);
        } else if (r == RV_OK) {
                if (s->producer == RV_PRODUCER_THREAD)
                        r = wait_for_room(s);
                if (r == RV_OK)
                        r = enqueue(s);
        }
        bool full = s->queued >= RV_SINK_QUEUE && s->producer == RV_PRODUCER_LOOP;
        pthread_mutex_unlock(&s->lock);
        if (r == RV_OK && !s->plan->norder && s->ready)
                s->ready(s);
        if (r == RV_OK && full) {
                s->full = true;
                return RV_FULL;
        }
        return r;
}

static bool is_ripe(struct rv_sink *s)
{
        const struct rv_batch *b = s->cur;
        if (b->n >= RV_BATCH_ROWS || b->used >= RV_BATCH_BYTES)
                return true;
        if (s->plan->norder)
                return false;
        if (b->n == 1)
                s->begun = rv_now();
        return b->n % 8 == 0 && rv_now() - s->begun > RV_SINK_AGE;
}

/* A limit without order ends the query as soon as it is reached. */
static int reached_limit(struct rv_sink *s)
{
        int r = flush(s);
        atomic_store(&s->stop, true);
        return r < 0 ? r : RV_STOP;
}

int rv_emit(struct rv_sink *s, struct rv_row *row)
{
        if (row->failed) {
                if (row->at)
                        rv_row_drop(row);
                return -ENOMEM;
        }
        if (atomic_load_explicit(&s->stop, memory_order_relaxed)) {
                rv_row_drop(row);
                return RV_STOP;
        }
        int r = take(s);
        if (r < 0)
                return r;
        if (r == RV_STOP)
                return atomic_load_explicit(&s->stop, memory_order_relaxed) ? RV_STOP : RV_OK;
        publish(s);
        uint64_t rows = atomic_load_explicit(&s->rows, memory_order_relaxed) + 1; /* this thread alone counts */
        atomic_store_explicit(&s->rows, rows, memory_order_relaxed);
        if (s->plan->limit && !s->plan->norder && rows >= s->plan->limit)
                return reached_limit(s);
        return is_ripe(s) ? flush(s) : RV_OK;
}

static void describe_fault(struct rv_sink *s, int r, struct rv_error *ret)
{
        if (r == -E2BIG && s->plan->norder) {
                rv_fail(ret, RV_SERVER_LIMITS_EXCEEDED, "the rows of %s are too many to put in order",
                        s->plan->class->name);
                rv_hint(ret, "Ask with Limit, a Filter, or fewer properties in PropertyList.");
        } else {
                rv_fail_errno(ret, r, "a fault in reeve while reading %s", s->plan->class->name);
                ret->code = RV_FAILED;
        }
        rv_about(ret, s->plan->class->name, NULL, NULL);
}

/* The rows that found no room before the deadline are still the reader's. Under the lock. */
static void end_late(struct rv_sink *s, struct rv_error *ret)
{
        if (s->cur && s->cur->n && !atomic_load(&s->stop))
                enqueue(s);
        rv_fail(ret, RV_TIMED_OUT, "%s: the rows were not read before the deadline; the rest is missing",
                s->plan->class->name);
        rv_about(ret, s->plan->class->name, NULL, NULL);
}

void rv_sink_finish(struct rv_sink *s, int r, const struct rv_error *err)
{
        struct rv_error e = { 0 };
        int flushed = flush(s);
        if (r >= 0 && flushed < 0)
                r = flushed;
        if (r < 0)
                describe_fault(s, rv_trace(r), &e);
        else if (r != RV_OK && r != RV_STOP && r != RV_FULL && err)
                e = *err;
        if (r > 0 && r < RV_STOP && !e.code)
                rv_fail(&e, r, "%s", rv_status_text(r));

        pthread_mutex_lock(&s->lock);
        if (!s->done) {
                if (s->late && !e.code)
                        end_late(s, &e);
                rv_order_end(&s->order);
                s->error = e;
                s->done = true;
        }
        pthread_mutex_unlock(&s->lock);
        if (s->ready)
                s->ready(s);
}

void rv_done(struct rv_sink *s, const struct rv_error *err)
{
        atomic_store(&s->called_done, true);
        rv_sink_finish(s, err ? err->code : RV_OK, err);
}

void rv_partial(struct rv_sink *s, const struct rv_error *err)
{
        pthread_mutex_lock(&s->lock);
        if (!s->partial)
                s->partial = calloc(RV_SINK_PARTIALS, sizeof *s->partial);
        if (s->partial && s->npartial < RV_SINK_PARTIALS)
                s->partial[s->npartial++] = *err;
        else
                s->npartial_more++;
        pthread_mutex_unlock(&s->lock);
}

struct rv_batch *rv_sink_next(struct rv_sink *s)
{
        pthread_mutex_lock(&s->lock);
        struct rv_batch *b = s->queue;
        if (b) {
                s->queue = b->next;
                if (!s->queue)
                        s->queue_end = &s->queue;
                if (--s->queued == RV_SINK_QUEUE / 2)
                        pthread_cond_signal(&s->has_room);
        }
        bool resume = s->full && s->queued <= RV_SINK_QUEUE / 2 && s->producer == RV_PRODUCER_LOOP;
        pthread_mutex_unlock(&s->lock);
        if (resume) {
                s->full = false;
                if (s->room)
                        s->room(s);
        }
        return b;
}

bool rv_sink_ended(struct rv_sink *s)
{
        pthread_mutex_lock(&s->lock);
        bool ended = s->done && !s->queue;
        pthread_mutex_unlock(&s->lock);
        return ended;
}

void rv_sink_stop(struct rv_sink *s)
{
        pthread_mutex_lock(&s->lock);
        atomic_store(&s->stop, true);
        pthread_cond_signal(&s->has_room);
        pthread_mutex_unlock(&s->lock);
}

/* The finished rows of the batch that the producer still holds. Under the lock. */
static struct rv_batch *copy_finished(struct rv_sink *s)
{
        uint64_t published = atomic_load_explicit(&s->published, memory_order_acquire);
        uint32_t n = (uint32_t)(published >> 32), used = (uint32_t)published;
        if (!s->cur || !n)
                return NULL;
        struct rv_batch *b = calloc(1, sizeof *b);
        uint8_t *mem = b ? malloc(used) : NULL;
        if (!mem)
                return rv_batch_free(b);
        memcpy(mem, s->cur->mem, used);
        memcpy(b->row, s->cur->row, n * sizeof *b->row);
        b->class = s->cur->class;
        b->mem = mem;
        b->n = n;
        b->used = b->cap = used;
        return b;
}

void rv_sink_salvage(struct rv_sink *s)
{
        pthread_mutex_lock(&s->lock);
        atomic_store(&s->stop, true);
        pthread_cond_signal(&s->has_room);
        if (!s->done && !s->salvaged) {
                struct rv_batch *b = copy_finished(s);
                if (b && s->plan->norder) {
                        rv_order_moved(&s->order, s->cur, b);
                        rv_order_hold(&s->order, b);
                } else if (b) {
                        *s->queue_end = b;
                        s->queue_end = &b->next;
                        s->queued++;
                }
                s->salvaged = s->done = true;
                rv_order_end(&s->order);
        }
        pthread_mutex_unlock(&s->lock);
}
