/* SPDX-License-Identifier: MIT
 *
 * The loop: libuv's, and the two ways by which work gets onto it.
 *
 * rv_loop_post() may be called from any thread; rv_loop_soon() only on the loop. Both run `run` later on the loop,
 * once, however often they were called before it ran. Whoever embeds a struct rv_work keeps it alive until then.
 *
 * Nothing holds the loop for long: the queue is worked for at most RV_LOOP_SLICE, then sockets have their turn. Work
 * that has more to do does a piece and calls rv_loop_soon() again. An idle loop sleeps without a time-out.
 */
#ifndef RV_LOOP_H
#define RV_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define RV_LOOP_SLICE UINT64_C(500000) /* ns */

struct rv_work {
        struct rv_work *next, *next_posted;
        void (*run)(struct rv_work *);
        bool queued; /* in the loop's queue; the loop's own */
        bool posted; /* on its way there; under the loop's lock */
};

/* Something that is due. Whoever embeds it clears it before freeing it. */
struct rv_alarm {
        uint64_t when;                  /* CLOCK_MONOTONIC, ns */
        size_t at;                      /* place in the loop's heap, from 1; 0 = not set */
        void (*ring)(struct rv_alarm *);
};

struct rv_loop {
        uv_loop_t uv;
        uv_async_t async;
        uv_idle_t idle;
        uv_signal_t signals[3];
        void (*stop)(struct rv_loop *, int signum); /* SIGTERM, SIGINT */
        void (*reload)(struct rv_loop *);           /* SIGHUP; may be NULL */
        void *owner;
        pthread_t thread;
        pthread_mutex_t lock;
        struct rv_work *posted, **posted_end;
        struct rv_work *ready, **ready_end;
        uv_timer_t timer;         /* for the first of the alarms; inactive when there is none */
        struct rv_alarm **alarms; /* a heap, from 1 */
        size_t nalarms, alarms_cap;
        uint64_t timer_for;
        bool spinning; /* the idle handle is active, so that poll does not sleep */
};

int rv_loop_init(struct rv_loop *);            /* 0 or -errno */
int rv_loop_signals(struct rv_loop *);         /* begins to hand signals to `stop` and `reload` */
void rv_loop_run(struct rv_loop *);            /* until rv_loop_quit() */
void rv_loop_quit(struct rv_loop *);
void rv_loop_free(struct rv_loop *);           /* closes what is still open */
void rv_loop_post(struct rv_loop *, struct rv_work *);
void rv_loop_soon(struct rv_loop *, struct rv_work *);
int rv_alarm_set(struct rv_loop *, struct rv_alarm *, uint64_t when); /* also moves it; 0 or -ENOMEM */
void rv_alarm_clear(struct rv_loop *, struct rv_alarm *);
void rv_loop_forget(struct rv_loop *, struct rv_work *); /* on the loop: takes it out of the queues */

#endif
