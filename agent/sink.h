/* SPDX-License-Identifier: MIT
 *
 * The sink: where a provider's rows go, and the only way out of a provider. One per provider asked; it belongs to the
 * scan, the provider borrows it. Rows pass view, filter, order and limit on the producer's side (a dropped row costs no
 * memory) and wait in batches of RV_BATCH_ROWS, at most RV_SINK_QUEUE of them. Then the pressure is passed on: a
 * producing thread sleeps until there is room, the deadline passes or the reader has gone; a producer on the loop is
 * told RV_FULL and resumed. With OrderBy the rows are ranked instead and come out when all are there.
 *
 * The reader's side is called on the loop only. A producer that never comes back keeps its unfinished batch, but the
 * rows in it that were emitted are rescued by rv_sink_salvage(): they are copied while the batch's memory is pinned.
 */
#ifndef RV_SINK_H
#define RV_SINK_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/query.h"

#define RV_SINK_QUEUE 4
#define RV_SINK_AGE UINT64_C(100000000)  /* ns after which an unfinished batch is handed on */
#define RV_SINK_BURST 64                 /* batches of a producer that does not wait when told to */
#define RV_SINK_PARTIALS 8               /* complaints kept */

enum rv_producer {
        RV_PRODUCER_THREAD, /* may wait */
        RV_PRODUCER_LOOP,   /* is told RV_FULL */
        RV_PRODUCER_QUICK,  /* runs once, on the loop, and is short: may queue up to RV_SINK_BURST batches */
};

struct rv_sink {
        const struct rv_plan *plan;
        enum rv_producer producer;
        uint64_t deadline;
        void (*ready)(struct rv_sink *);  /* called when the reader may find something; any thread */
        void (*room)(struct rv_sink *);   /* called on the loop after RV_FULL, when there is room again */
        void *owner;

        /* The producer's own. */
        struct rv_batch *cur;             /* being filled, of plan->class */
        struct rv_batch *scratch;         /* views: one row of plan->source */
        struct rv_row row;
        uint64_t begun;                   /* when cur got its first row */
        atomic_uint_fast64_t rows;        /* passed on */
        bool full;                        /* RV_FULL was answered and room() not called yet */

        atomic_uint_fast64_t published;   /* of cur: rows << 32 | bytes used, all complete */
        atomic_bool stop;                 /* the reader has enough or has gone */
        atomic_bool called_done;

        pthread_mutex_t lock;             /* what follows */
        pthread_cond_t has_room;
        struct rv_batch *queue, **queue_end;
        unsigned queued;
        struct rv_order order;
        bool done, salvaged;
        bool late;                        /* the reader took too long to make room */
        struct rv_error error;            /* with done: code 0 = all well */
        struct rv_error *partial;         /* RV_SINK_PARTIALS of them, or NULL */
        unsigned npartial, npartial_more;
};

void rv_sink_init(struct rv_sink *, const struct rv_plan *, enum rv_producer, uint64_t deadline);
void rv_sink_free(struct rv_sink *);      /* producer and reader have both gone */

/* The producer's side, beside rv_row(), rv_emit(), rv_done() and rv_partial(): the end of a query. r is what the
 * provider's function returned; a fault becomes RV_FAILED. Hands on the unfinished batch. */
void rv_sink_finish(struct rv_sink *, int r, const struct rv_error *);

/* The reader's side. */
struct rv_batch *rv_sink_next(struct rv_sink *);  /* not for ordered plans. NULL: nothing there now */
bool rv_sink_ended(struct rv_sink *);             /* no row will come any more (unordered: and none is queued) */
void rv_sink_stop(struct rv_sink *);              /* enough: the producer is told at its next rv_emit() */
void rv_sink_salvage(struct rv_sink *);           /* stop, and what was emitted becomes readable now */

#endif
