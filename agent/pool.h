/* SPDX-License-Identifier: MIT
 *
 * Worker threads of one provider. Bounded, made when needed, gone after RV_POOL_LINGER without work, so that an idle
 * agent has one thread and no wake-ups. Never libuv's pool: its four threads are shared, and one hung NFS mount would
 * stop everything.
 *
 * A job that misses its deadline is given up with rv_pool_give_up(): nobody waits for it any more, its thread counts
 * as stuck until it returns by itself (a thread cannot be ended from outside without harm). When all threads that the
 * pool may have are stuck, rv_pool_submit() refuses at once and names since when; other pools go on. A job's memory is
 * its owner's and must live until `run` has returned or rv_pool_withdraw() said true.
 */
#ifndef RV_POOL_H
#define RV_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/error.h"

#define RV_POOL_LINGER UINT64_C(2000000000) /* ns */
#define RV_POOL_QUEUE 256                   /* jobs waiting for a thread; more are refused */

struct rv_job {
        struct rv_job *next;
        void (*run)(struct rv_job
                            *); /* on a worker thread; may free the job: the pool does not look at it again */
};

struct rv_seat; /* what one thread is doing */

struct rv_pool {
        pthread_mutex_t lock;
        pthread_cond_t work;  /* CLOCK_MONOTONIC */
        pthread_cond_t ended; /* a thread has ended; for rv_pool_drain() */
        struct rv_job *queue, **queue_end;
        struct rv_seat *seats;
        unsigned queued, threads, idle, stuck, max;
        int64_t stuck_since; /* CLOCK_REALTIME ns of the first one that is still stuck; 0 = none */
        bool closing;
        char name[64];
};

void rv_pool_init(struct rv_pool *, const char *name, unsigned max_threads);
int rv_pool_submit(struct rv_pool *, struct rv_job *,
                   struct rv_error *); /* RV_OK, RV_UNAVAILABLE, RV_SERVER_LIMITS_EXCEEDED */
bool rv_pool_withdraw(struct rv_pool *, struct rv_job *); /* true: it had not begun and never will */
/* True: it is running, and counted as stuck from now on. False: it has returned, or never began. */
bool rv_pool_give_up(struct rv_pool *, struct rv_job *);
/* Lets idle threads go and waits until `deadline` (CLOCK_MONOTONIC ns) for the others. True when none is left; only
 * then the pool's memory may be freed. */
bool rv_pool_drain(struct rv_pool *, uint64_t deadline);

#endif
