/* SPDX-License-Identifier: MIT */
#include "agent/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "agent/provider.h"

static void take_posted(struct rv_loop *l)
{
        pthread_mutex_lock(&l->lock);
        for (struct rv_work *w = l->posted; w; w = w->next_posted) {
                w->posted = false;
                rv_loop_soon(l, w);
        }
        l->posted = NULL;
        l->posted_end = &l->posted;
        pthread_mutex_unlock(&l->lock);
}

/* Runs what is ready, for one slice. Work that asks for another turn goes behind the others. */
static void run_ready(struct rv_loop *l)
{
        uint64_t until = 0;
        while (l->ready) {
                struct rv_work *w = l->ready;
                l->ready = w->next;
                if (!l->ready)
                        l->ready_end = &l->ready;
                w->queued = false;
                w->run(w);
                if (!l->ready)
                        break;
                uint64_t now = rv_now();
                if (!until)
                        until = now + RV_LOOP_SLICE;
                else if (now >= until)
                        break;
        }
}

static void on_idle(uv_idle_t *h)
{
        struct rv_loop *l = h->data;
        run_ready(l);
        if (!l->ready && l->spinning) {
                uv_idle_stop(h);
                l->spinning = false;
        }
}

static void on_async(uv_async_t *h)
{
        take_posted(h->data);
        run_ready(h->data);
}

static void place(struct rv_loop *l, size_t i, struct rv_alarm *a)
{
        l->alarms[i] = a;
        a->at = i;
}

static void alarm_up(struct rv_loop *l, size_t i)
{
        struct rv_alarm *a = l->alarms[i];
        for (; i > 1 && a->when < l->alarms[i / 2]->when; i /= 2)
                place(l, i, l->alarms[i / 2]);
        place(l, i, a);
}

static void alarm_down(struct rv_loop *l, size_t i)
{
        struct rv_alarm *a = l->alarms[i];
        for (size_t child; (child = 2 * i) <= l->nalarms; i = child) {
                if (child < l->nalarms && l->alarms[child + 1]->when < l->alarms[child]->when)
                        child++;
                if (a->when <= l->alarms[child]->when)
                        break;
                place(l, i, l->alarms[child]);
        }
        place(l, i, a);
}

static void on_timer(uv_timer_t *);

/* libuv counts whole milliseconds: rounded up, so that an alarm never rings early. A timer that is set too early
 * is left alone: most alarms are cleared long before they are due, and moving the timer each time costs more. */
static void set_timer(struct rv_loop *l)
{
        if (!l->nalarms) {
                if (uv_is_active((uv_handle_t *)&l->timer))
                        uv_timer_stop(&l->timer);
                return;
        }
        uint64_t when = l->alarms[1]->when;
        if (uv_is_active((uv_handle_t *)&l->timer) && l->timer_for <= when)
                return;
        uint64_t now = rv_now();
        l->timer_for = when;
        uv_update_time(&l->uv);
        uv_timer_start(&l->timer, on_timer, when > now ? (when - now) / 1000000 + 1 : 0, 0);
}

static void on_timer(uv_timer_t *t)
{
        struct rv_loop *l = t->data;
        uint64_t now = rv_now();
        while (l->nalarms && l->alarms[1]->when <= now) {
                struct rv_alarm *a = l->alarms[1];
                rv_alarm_clear(l, a);
                a->ring(a);
        }
        set_timer(l);
}

int rv_alarm_set(struct rv_loop *l, struct rv_alarm *a, uint64_t when)
{
        rv_alarm_clear(l, a);
        if (l->nalarms + 1 >= l->alarms_cap) {
                size_t cap = l->alarms_cap ? l->alarms_cap * 2 : 64;
                struct rv_alarm **more = realloc(l->alarms, cap * sizeof *more);
                if (!more)
                        return -ENOMEM;
                l->alarms = more;
                l->alarms_cap = cap;
        }
        a->when = when;
        place(l, ++l->nalarms, a);
        alarm_up(l, l->nalarms);
        set_timer(l);
        return 0;
}

void rv_alarm_clear(struct rv_loop *l, struct rv_alarm *a)
{
        size_t i = a->at;
        if (!i)
                return;
        a->at = 0;
        struct rv_alarm *last = l->alarms[l->nalarms--];
        if (last != a) {
                place(l, i, last);
                alarm_up(l, i);
                alarm_down(l, last->at);
        }
        if (!l->nalarms)
                set_timer(l);
}

uint64_t rv_now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int64_t rv_wall(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int rv_loop_init(struct rv_loop *l)
{
        *l = (struct rv_loop){ .thread = pthread_self() };
        l->posted_end = &l->posted;
        l->ready_end = &l->ready;
        pthread_mutex_init(&l->lock, NULL);
        int r = uv_loop_init(&l->uv);
        if (r < 0)
                return r;
        l->uv.data = l;
        r = uv_async_init(&l->uv, &l->async, on_async);
        if (r < 0)
                return r;
        uv_idle_init(&l->uv, &l->idle);
        uv_timer_init(&l->uv, &l->timer);
        l->async.data = l->idle.data = l->timer.data = l;
        return 0;
}

static void on_signal(uv_signal_t *h, int signum)
{
        struct rv_loop *l = h->data;
        if (signum != SIGHUP && l->stop)
                l->stop(l, signum);
        if (signum == SIGHUP && l->reload)
                l->reload(l);
}

int rv_loop_signals(struct rv_loop *l)
{
        static const int wanted[] = { SIGTERM, SIGINT, SIGHUP };
        signal(SIGPIPE, SIG_IGN);
        for (int i = 0; i < 3; i++) {
                int r = uv_signal_init(&l->uv, &l->signals[i]);
                if (r == 0)
                        r = uv_signal_start(&l->signals[i], on_signal, wanted[i]);
                if (r < 0)
                        return r;
                l->signals[i].data = l;
                uv_unref((uv_handle_t *)&l->signals[i]);
        }
        return 0;
}

void rv_loop_run(struct rv_loop *l)
{
        uv_run(&l->uv, UV_RUN_DEFAULT);
}

void rv_loop_quit(struct rv_loop *l)
{
        uv_stop(&l->uv);
}

static void close_one(uv_handle_t *h, void *arg)
{
        (void)arg;
        if (!uv_is_closing(h))
                uv_close(h, NULL);
}

void rv_loop_free(struct rv_loop *l)
{
        uv_walk(&l->uv, close_one, NULL);
        while (uv_run(&l->uv, UV_RUN_NOWAIT))
                ;
        uv_loop_close(&l->uv);
        free(l->alarms);
        pthread_mutex_destroy(&l->lock);
}

void rv_loop_post(struct rv_loop *l, struct rv_work *w)
{
        pthread_mutex_lock(&l->lock);
        bool fresh = !w->posted;
        if (fresh) {
                w->posted = true;
                w->next_posted = NULL;
                *l->posted_end = w;
                l->posted_end = &w->next_posted;
        }
        pthread_mutex_unlock(&l->lock);
        if (fresh)
                uv_async_send(&l->async);
}

void rv_loop_soon(struct rv_loop *l, struct rv_work *w)
{
        if (w->queued)
                return;
        w->queued = true;
        w->next = NULL;
        *l->ready_end = w;
        l->ready_end = &w->next;
        if (!l->spinning) {
                uv_idle_start(&l->idle, on_idle);
                l->spinning = true;
        }
}

static void forget_posted(struct rv_loop *l, struct rv_work *w)
{
        struct rv_work **at = &l->posted;
        while (*at && *at != w)
                at = &(*at)->next_posted;
        if (!*at)
                return;
        *at = w->next_posted;
        if (!*at)
                l->posted_end = at;
}

static void forget_ready(struct rv_loop *l, struct rv_work *w)
{
        struct rv_work **at = &l->ready;
        while (*at && *at != w)
                at = &(*at)->next;
        if (!*at)
                return;
        *at = w->next;
        if (!*at)
                l->ready_end = at;
}

void rv_loop_forget(struct rv_loop *l, struct rv_work *w)
{
        pthread_mutex_lock(&l->lock);
        if (w->posted)
                forget_posted(l, w);
        w->posted = false;
        pthread_mutex_unlock(&l->lock);
        if (w->queued)
                forget_ready(l, w);
        w->queued = false;
}
