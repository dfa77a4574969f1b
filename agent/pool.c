/* SPDX-License-Identifier: MIT */
#include "agent/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/provider.h"

enum { STACK = 512 * 1024 };

static struct timespec to_timespec(uint64_t ns)
{
        return (struct timespec) { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };
}

void rv_pool_init(struct rv_pool *p, const char *name, unsigned max_threads)
{
        *p = (struct rv_pool) { .max = max_threads ? max_threads : 2 };
        snprintf(p->name, sizeof p->name, "%s", name);
        p->queue_end = &p->queue;
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->work, &monotonic);
        pthread_cond_init(&p->ended, &monotonic);
        pthread_condattr_destroy(&monotonic);
}

/* The next job, or NULL when the thread has lingered long enough. Under the lock. */
static struct rv_job *next_job(struct rv_pool *p)
{
        struct timespec until = to_timespec(rv_now() + RV_POOL_LINGER);
        int r = 0;
        p->idle++;
        while (!p->queue && !p->closing && r != ETIMEDOUT)
                r = pthread_cond_timedwait(&p->work, &p->lock, &until);
        p->idle--;
        struct rv_job *j = p->queue;
        if (!j)
                return NULL;
        p->queue = j->next;
        if (!p->queue)
                p->queue_end = &p->queue;
        p->queued--;
        return j;
}

/* A running job is known by its thread's seat, since its own memory may be gone once it has run. */
struct rv_seat {
        struct rv_seat *next;
        const struct rv_job *job;
        bool given_up;
};

/* Under the lock, before and after it is let go for the job's sake. */
static void sit_down(struct rv_pool *p, struct rv_seat *seat)
{
        seat->next = p->seats;
        p->seats = seat;
}

static void stand_up(struct rv_pool *p, struct rv_seat *seat)
{
        struct rv_seat **at = &p->seats;
        while (*at != seat)
                at = &(*at)->next;
        *at = seat->next;
        if (seat->given_up && --p->stuck == 0)
                p->stuck_since = 0;
}

static void *worker(void *arg)
{
        struct rv_pool *p = arg;
        pthread_mutex_lock(&p->lock);
        for (struct rv_job *j; (j = next_job(p));) {
                struct rv_seat seat = { .job = j };
                sit_down(p, &seat);
                pthread_mutex_unlock(&p->lock);
                j->run(j);
                pthread_mutex_lock(&p->lock);
                stand_up(p, &seat);
        }
        p->threads--;
        pthread_cond_broadcast(&p->ended);
        pthread_mutex_unlock(&p->lock);
        return NULL;
}

/* Signals belong to the loop's thread. */
static int start_thread(struct rv_pool *p)
{
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_t t;
        int r = pthread_create(&t, &attr, worker, p);
        if (r == 0) {
                char name[16]; /* the kernel's bound */
                snprintf(name, sizeof name, "%.15s", p->name);
                pthread_setname_np(t, name);
                p->threads++;
        }
        pthread_attr_destroy(&attr);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

static int refuse_stuck(const struct rv_pool *p, struct rv_error *err)
{
        char when[32];
        time_t t = (time_t)(p->stuck_since / 1000000000);
        struct tm tm;
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
        rv_fail(err, RV_UNAVAILABLE,
                "provider %s is stuck since %s: its %u %s held by calls that never ended", p->name, when,
                p->max, p->max == 1 ? "thread is" : "threads are");
        return rv_hint(err, "Look what they wait for (a dead NFS server, a hung device); they are free again "
                            "when it answers.");
}

static int may_submit(struct rv_pool *p, struct rv_error *err)
{
        if (p->closing)
                return rv_fail(err, RV_SERVER_IS_SHUTTING_DOWN, "provider %s: the agent is shutting down",
                               p->name);
        if (p->stuck >= p->max)
                return refuse_stuck(p, err);
        if (p->queued >= RV_POOL_QUEUE)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "provider %s has %u calls waiting already",
                               p->name, p->queued);
        if (p->idle > p->queued || p->threads >= p->max)
                return RV_OK;
        int r = start_thread(p);
        if (r < 0 && p->threads - p->stuck == 0)
                return rv_fail_errno(err, r, "provider %s: cannot start a thread", p->name);
        return RV_OK;
}

int rv_pool_submit(struct rv_pool *p, struct rv_job *j, struct rv_error *err)
{
        pthread_mutex_lock(&p->lock);
        int r = may_submit(p, err);
        if (r == RV_OK) {
                j->next = NULL;
                *p->queue_end = j;
                p->queue_end = &j->next;
                p->queued++;
                pthread_cond_signal(&p->work);
        }
        pthread_mutex_unlock(&p->lock);
        return r;
}

bool rv_pool_withdraw(struct rv_pool *p, struct rv_job *j)
{
        pthread_mutex_lock(&p->lock);
        struct rv_job **at = &p->queue;
        while (*at && *at != j)
                at = &(*at)->next;
        bool found = *at;
        if (found) {
                *at = j->next;
                if (!*at)
                        p->queue_end = at;
                p->queued--;
        }
        pthread_mutex_unlock(&p->lock);
        return found;
}

bool rv_pool_give_up(struct rv_pool *p, struct rv_job *j)
{
        pthread_mutex_lock(&p->lock);
        struct rv_seat *seat = p->seats;
        while (seat && seat->job != j)
                seat = seat->next;
        if (seat && !seat->given_up) {
                seat->given_up = true;
                if (p->stuck++ == 0)
                        p->stuck_since = rv_wall();
        }
        pthread_mutex_unlock(&p->lock);
        return seat;
}

bool rv_pool_drain(struct rv_pool *p, uint64_t deadline)
{
        struct timespec until = to_timespec(deadline);
        pthread_mutex_lock(&p->lock);
        p->closing = true;
        pthread_cond_broadcast(&p->work);
        int r = 0;
        while (p->threads > p->stuck && r != ETIMEDOUT)
                r = pthread_cond_timedwait(&p->ended, &p->lock, &until);
        bool gone = p->threads == 0;
        pthread_mutex_unlock(&p->lock);
        return gone;
}
