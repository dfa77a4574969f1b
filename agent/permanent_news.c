/* SPDX-License-Identifier: MIT
 *
 * What permanent subscriptions say of themselves (ConsumerFailureEvent, EventDroppedEvent), and timers (TimerEvent):
 * the indications of providers/eventsubscription.c. Whoever watches such a class has a descriptor here (struct rv_push)
 * and a queue behind it. Timers run only while somebody watches TimerEvent: otherwise nothing wakes for them. All on
 * the loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/permanent.h"
#include "gen/EventSubscription.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define SECOND INT64_C(1000000000)
enum { WAITING = 10000, AT_ONCE = 200 };

struct told {
        struct told *next;
        json_t *event;
};

struct listener {
        struct listener *next;
        int fd;
        const struct rv_class *class;
        struct told *queue, **end;
        unsigned n;
        bool overflow;
};

struct rv_timer {
        struct rv_timer *next;
        struct rv_stored *kept;
        struct rv_alarm
                alarm; /* interval: the next firing; absolute: when it is to be stored that it has fired */
        uint64_t anchor, due;
        bool fired;
};

static struct listener *listeners;
static struct rv_timer *timers;
static uv_poll_t wall; /* of a timer descriptor for the next of the absolute ones */
static int wall_fd = -1;

static void put_time(json_t *j)
{
        char text[48];
        rv_datetime_text(rv_wall(), false, text, sizeof text);
        json_object_set_new(j, "Time", json_string(text));
}

/* ---- telling ---- */

static bool is_watched(const struct rv_class *c)
{
        const struct listener *l = listeners;
        while (l && l->class != c)
                l = l->next;
        return l;
}

/* Takes the event. */
static void tell(const struct rv_class *c, json_t *event)
{
        for (struct listener *l = listeners; l; l = l->next) {
                struct told *t = l->class == c && l->n < WAITING ? malloc(sizeof *t) : NULL;
                uint64_t one = 1;
                if (l->class != c)
                        continue;
                if (t) {
                        *t = (struct told) { .event = json_incref(event) };
                        *l->end = t;
                        l->end = &t->next;
                        l->n++;
                } else {
                        l->overflow = true;
                }
                if (write(l->fd, &one, sizeof one) < 0)
                        l->overflow = true;
        }
        json_decref(event);
}

static json_t *about(const struct rv_stored *b, uint64_t seq)
{
        json_t *j =
                json_pack("{s:s, s:s, s:s, s:I}", "Filter", rv_stored_text(b, "Filter"), "Consumer",
                          rv_stored_text(b, "Consumer"), "Creator", b->who.user, "Sequence", (json_int_t)seq);
        put_time(j);
        return j;
}

void rv_news_failure(const struct rv_stored *b, uint64_t seq, const char *outcome, unsigned attempts,
                     const char *why, const char *event)
{
        rv_log(RV_LOG_WARNING, "subscription %s of %s: %s (%s)", b->key, b->who.user, why, outcome);
        if (!is_watched(&ConsumerFailureEvent_class))
                return;
        json_t *j = about(b, seq);
        json_object_set_new(j, "ErrorDescription", json_string(why));
        json_object_set_new(j, "Outcome", json_string(outcome));
        json_object_set_new(j, "Attempts", json_integer(attempts));
        if (event)
                json_object_set_new(j, "Event", json_string(event));
        tell(&ConsumerFailureEvent_class, j);
}

void rv_news_dropped(const struct rv_stored *b, uint64_t from, uint64_t to, const char *reason)
{
        rv_log(RV_LOG_NOTICE, "subscription %s of %s: events %llu to %llu were lost (%s)", b->key,
               b->who.user, (unsigned long long)from, (unsigned long long)to, reason);
        if (!is_watched(&EventDroppedEvent_class))
                return;
        json_t *j = about(b, to);
        json_object_set_new(j, "FirstSequence", json_integer((json_int_t)from));
        json_object_set_new(j, "Reason", json_string(reason));
        tell(&EventDroppedEvent_class, j);
}

/* ---- timers ---- */

static bool is_absolute(const struct rv_timer *t)
{
        return t->kept->class == &AbsoluteTimerInstruction_class;
}

static bool skips(const struct rv_timer *t)
{
        return json_is_true(json_object_get(t->kept->v, "SkipIfPassed"));
}

static void fire(struct rv_timer *t, uint64_t firings)
{
        json_t *j = json_pack("{s:s, s:I}", "TimerId", t->kept->key, "NumFirings",
                              (json_int_t)(firings < UINT32_MAX ? firings : UINT32_MAX));
        put_time(j);
        tell(&TimerEvent_class, j);
}

static void set_fired(struct rv_timer *t)
{
        struct rv_permanent *p = t->kept->agent->permanent;
        t->fired = true;
        pthread_mutex_lock(&p->lock);
        json_object_set_new(t->kept->v, "Fired", json_true());
        pthread_mutex_unlock(&p->lock);
}

static uint64_t interval(const struct rv_timer *t)
{
        uint64_t ms = rv_stored_number(t->kept, "IntervalBetweenEvents", 1000);
        return (ms ? ms : 1000) * 1000000;
}

static void set_interval(struct rv_timer *t)
{
        uint64_t each = interval(t), passed = rv_now() - t->anchor;
        t->due = t->anchor + (passed / each + 1) * each;
        rv_alarm_set(&t->kept->agent->loop, &t->alarm, t->due);
}

static void on_alarm(struct rv_alarm *a)
{
        struct rv_timer *t = OF(a, struct rv_timer, alarm);
        if (is_absolute(t)) { /* a second ago: its event is on disk where it is kept at all */
                rv_stored_save(t->kept);
                return;
        }
        uint64_t n = 1 + (rv_now() - t->due) / interval(t);
        fire(t, skips(t) ? 1 : n);
        set_interval(t);
}

/* Fires what is due, and sets the descriptor for what is next. */
static void look_at_wall(void)
{
        int64_t now = rv_wall(), next = INT64_MAX, when;
        for (struct rv_timer *t = timers; t; t = t->next) {
                const char *text = rv_stored_text(t->kept, "EventDateTime");
                if (!is_absolute(t) || t->fired || !text || !rv_datetime_parse(text, strlen(text), &when))
                        continue;
                if (when > now) {
                        next = when < next ? when : next;
                        continue;
                }
                set_fired(t);
                if (!skips(t) || now - when < SECOND)
                        fire(t, 1);
                rv_alarm_set(&t->kept->agent->loop, &t->alarm, rv_now() + SECOND);
        }
        struct itimerspec at = { .it_value = { 0, 0 } };
        if (next != INT64_MAX)
                at.it_value = (struct timespec) { .tv_sec = next / SECOND, .tv_nsec = next % SECOND };
        if (wall_fd >= 0 &&
            timerfd_settime(wall_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) < 0)
                rv_log(RV_LOG_WARNING, "timers: %m");
}

static void on_wall(uv_poll_t *p, int status, int events)
{
        uint64_t rang;
        (void)p, (void)status, (void)events;
        if (read(wall_fd, &rang, sizeof rang) < 0 && errno == EAGAIN)
                return;
        look_at_wall(); /* also when the clock was set */
}

static void open_wall(struct rv_agent *a)
{
        if (wall_fd >= 0)
                return;
        wall_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (wall_fd >= 0 && uv_poll_init(&a->loop.uv, &wall, wall_fd) == 0) {
                uv_poll_start(&wall, UV_READABLE, on_wall);
        } else if (wall_fd >= 0) {
                close(wall_fd);
                wall_fd = -1;
        }
}

static void arm(struct rv_timer *t)
{
        if (!is_watched(&TimerEvent_class))
                return;
        if (!is_absolute(t)) {
                set_interval(t);
                return;
        }
        open_wall(t->kept->agent);
        look_at_wall();
}

void rv_timer_start(struct rv_stored *o)
{
        struct rv_timer *t = calloc(1, sizeof *t);
        if (!t)
                return;
        *t = (struct rv_timer) { .next = timers, .kept = o, .anchor = rv_now() };
        t->alarm.ring = on_alarm;
        t->fired = json_is_true(json_object_get(o->v, "Fired"));
        timers = t;
        o->timer = t;
        arm(t);
}

void rv_timer_stop(struct rv_stored *o)
{
        struct rv_timer *t = o->timer, **at = &timers;
        if (!t)
                return;
        while (*at != t)
                at = &(*at)->next;
        *at = t->next;
        rv_alarm_clear(&o->agent->loop, &t->alarm);
        o->timer = NULL;
        free(t);
}

void rv_timers_free(void)
{
        while (timers)
                rv_timer_stop(timers->kept);
        if (wall_fd >= 0) {
                uv_poll_stop(&wall);
                close(wall_fd);
        }
        wall_fd = -1;
}

/* ---- listeners ---- */

int rv_stored_open(const struct rv_class *c, struct rv_error *err)
{
        struct listener *l = calloc(1, sizeof *l);
        if (!l)
                return -ENOMEM;
        *l = (struct listener) { .next = listeners,
                                 .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                 .class = c };
        l->end = &l->queue;
        if (l->fd < 0) {
                int e = errno;
                free(l);
                rv_fail_errno(err, e, "cannot hear of %s", c->name);
                return -e;
        }
        listeners = l;
        for (struct rv_timer *t = c == &TimerEvent_class ? timers : NULL; t; t = t->next)
                arm(t);
        return l->fd;
}

static void drop(struct listener *l)
{
        struct told *t = l->queue;
        l->queue = t->next;
        if (!l->queue)
                l->end = &l->queue;
        l->n--;
        json_decref(t->event);
        free(t);
}

void rv_stored_close(int fd)
{
        struct listener **at = &listeners;
        while (*at && (*at)->fd != fd)
                at = &(*at)->next;
        struct listener *l = *at;
        close(fd);
        if (!l)
                return;
        *at = l->next;
        while (l->queue)
                drop(l);
        free(l);
        for (struct rv_timer *t = is_watched(&TimerEvent_class) ? NULL : timers; t; t = t->next)
                if (!is_absolute(t))
                        rv_alarm_clear(&t->kept->agent->loop, &t->alarm);
        if (wall_fd >= 0 && !is_watched(&TimerEvent_class))
                timerfd_settime(wall_fd, 0, &(struct itimerspec) { .it_value = { 0, 0 } }, NULL);
}

static void emit(struct rv_news *news, const struct rv_class *c, const json_t *event)
{
        struct rv_row *row = rv_news_row(news);
        struct rv_arena arena = { 0 };
        struct rv_error err;
        for (uint32_t i = 0; i < c->nproperties; i++) {
                json_t *v = json_object_get(event, c->properties[i].name);
                struct rv_arg arg;
                if (v && rv_json_arg(v, &c->properties[i], &arena, &arg, &err) == RV_OK)
                        rv_copy_arg(row, i, &arg);
        }
        rv_arena_free(&arena);
        rv_news_emit(news, row);
}

int rv_stored_read(int fd, struct rv_news *news)
{
        uint64_t n, one = 1;
        struct listener *l = listeners;
        while (l && l->fd != fd)
                l = l->next;
        if (!l || read(fd, &n, sizeof n) < 0)
                return 0;
        for (unsigned i = 0; i < AT_ONCE && l->queue; i++) {
                json_t *event = json_incref(l->queue->event);
                drop(l);
                emit(news, l->class, event);
                json_decref(event);
        }
        if (l->queue && write(fd, &one, sizeof one) < 0)
                return -errno;
        return l->overflow ? -ENOBUFS : 0;
}
