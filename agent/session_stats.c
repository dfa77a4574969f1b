/* SPDX-License-Identifier: MIT
 *
 * Sessions for the provider of Session. They are the loop's own; who asks from another thread waits until the loop has
 * had a look.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* A visit to the loop. It is freed by whoever comes last: the visitor may have stopped waiting. */
struct visit {
        struct rv_work work;
        struct rv_agent *agent;
        void (*look)(struct visit *);
        pthread_mutex_t lock;
        pthread_cond_t told;
        bool done, alone;
        /* What was asked, and found. */
        char id[40];
        bool force, what_if;
        int result;
        struct rv_session_stats *list;
        unsigned n;
};

static void visit_free(struct visit *v)
{
        pthread_cond_destroy(&v->told);
        pthread_mutex_destroy(&v->lock);
        free(v->list);
        free(v);
}

static void on_visit(struct rv_work *w)
{
        struct visit *v = OF(w, struct visit, work);
        v->look(v);
        pthread_mutex_lock(&v->lock);
        v->done = true;
        bool last = v->alone;
        pthread_cond_signal(&v->told);
        pthread_mutex_unlock(&v->lock);
        if (last)
                visit_free(v);
}

static struct visit *visit_new(const struct rv_call *call, void (*look)(struct visit *))
{
        struct visit *v = calloc(1, sizeof *v);
        pthread_condattr_t monotonic;
        if (!v)
                return NULL;
        v->agent = call->core;
        v->look = look;
        v->work.run = on_visit;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&v->lock, NULL);
        pthread_cond_init(&v->told, &monotonic);
        pthread_condattr_destroy(&monotonic);
        return v;
}

/* -ETIMEDOUT: the visit is not the caller's any more. */
static int visit(struct visit *v, uint64_t deadline)
{
        int r = 0;
        if (pthread_equal(pthread_self(), v->agent->loop.thread)) {
                v->look(v);
                return 0;
        }
        const struct timespec until = { .tv_sec = (time_t)(deadline / 1000000000),
                                        .tv_nsec = (long)(deadline % 1000000000) };
        rv_loop_post(&v->agent->loop, &v->work);
        pthread_mutex_lock(&v->lock);
        while (!v->done && r != ETIMEDOUT)
                r = pthread_cond_timedwait(&v->told, &v->lock, &until);
        v->alone = !v->done;
        bool left = v->alone;
        pthread_mutex_unlock(&v->lock);
        return left ? -ETIMEDOUT : 0;
}

const char *rv_stats_folder(const void *core, char *to, size_t size)
{
        const struct rv_agent *a = core;
        const char *slash = strrchr(a->state.path, '/');
        if (!slash || snprintf(to, size, "%.*s", (int)(slash - a->state.path), a->state.path) >= (int)size)
                return NULL;
        return to;
}

/* What reeve-record asks for a session is no session. */
static bool is_one(const struct rv_session *s)
{
        return s->state != RV_SESSION_CLOSED && strcmp(s->who.service, "Transcript") != 0;
}

static void describe(struct rv_session *s, struct rv_session_stats *ret)
{
        struct rv_policy *p = &s->agent->policy;
        *ret = (struct rv_session_stats) { .who = s->who,
                                           .calls = s->calls,
                                           .running = s->nrequests,
                                           .bytes_in = s->bytes_in,
                                           .bytes_out = s->bytes_out,
                                           .bytes_queued = rv_session_queued(s),
                                           .since = s->since,
                                           .last_call_time = s->last_call_time };
        snprintf(ret->state, sizeof ret->state, "%s", s->state == RV_SESSION_OPEN ? "Open" : "Draining");
        rv_policy_names(p, &s->who, ret->roles, sizeof ret->roles);
        snprintf(ret->language, sizeof ret->language, "%s", rv_language_name(rv_policy_language(p, &s->who)));
}

static void look_at_all(struct visit *v)
{
        v->list = calloc(v->agent->nsessions + 1, sizeof *v->list);
        v->result = v->list ? 0 : -ENOMEM;
        for (struct rv_session *s = v->agent->sessions; v->list && s; s = s->next)
                if (is_one(s))
                        describe(s, &v->list[v->n++]);
}

int rv_stats_each_session(const struct rv_call *call, int (*each)(void *, const struct rv_session_stats *),
                          void *state)
{
        struct visit *v = visit_new(call, look_at_all);
        int r = v ? visit(v, call->deadline) : -ENOMEM;
        if (r)
                return r;
        r = v->result;
        for (unsigned i = 0; i < v->n && r == 0; i++)
                r = each(state, &v->list[i]);
        visit_free(v);
        return r;
}

/* The process that connected, not one that has its number by now: it cannot be younger than the session. */
static void hang_up(const struct rv_session *s)
{
        char path[40], text[1024];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)s->who.pid);
        int fd = (int)syscall(SYS_pidfd_open, s->who.pid, 0);
        FILE *f = fd >= 0 ? fopen(path, "re") : NULL;
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
        text[n] = 0;
        char *after = strrchr(text, ')');
        unsigned long long start = 0;
        struct timespec up, now;
        clock_gettime(CLOCK_BOOTTIME, &up);
        clock_gettime(CLOCK_REALTIME, &now);
        if (after &&
            sscanf(after + 1,
                   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                   &start) == 1) {
                int64_t began =
                        now.tv_sec - up.tv_sec + (int64_t)(start / (unsigned long)sysconf(_SC_CLK_TCK));
                if (began <= s->since / 1000000000 + 2)
                        syscall(SYS_pidfd_send_signal, fd, SIGHUP, NULL, 0);
        }
        if (f)
                fclose(f);
        if (fd >= 0)
                close(fd);
}

static void end_one(struct visit *v)
{
        struct rv_session *s = v->agent->sessions;
        while (s && (!is_one(s) || strcmp(s->who.session, v->id) != 0))
                s = s->next;
        v->result = s ? 0 : -ENOENT;
        if (!s || v->what_if)
                return;
        if (v->force && s->who.pid > 1)
                hang_up(s);
        rv_session_close(s);
}

int rv_stats_end_session(const struct rv_call *call, const char *id, bool force)
{
        struct visit *v = visit_new(call, end_one);
        if (!v)
                return -ENOMEM;
        snprintf(v->id, sizeof v->id, "%s", id);
        v->force = force;
        v->what_if = call->what_if;
        int r = visit(v, call->deadline);
        if (r)
                return r;
        r = v->result;
        visit_free(v);
        return r;
}
