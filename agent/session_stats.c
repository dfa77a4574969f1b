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
#include "agent/front/logins.h"

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

static void put_activity(struct rv_session_stats *to, const char *what, const char *of)
{
        const unsigned most = sizeof to->activity / sizeof *to->activity;
        if (to->nactivity < most)
                snprintf(to->activity[to->nactivity++], sizeof *to->activity, "%s%s%s", what, *of ? " " : "",
                         of);
}

static void put_requests(const struct rv_session *s, struct rv_session_stats *to)
{
        if (*s->who.service)
                put_activity(to, s->who.service, "");
        for (const struct rv_request *q = s->requests; q; q = q->next)
                if (q->op)
                        put_activity(to, rv_op_name(q->op), q->asked ? q->asked->name : "");
}

/* The channels of one SSH connection are one session. */
static void add(struct rv_session *s, struct rv_session_stats *to)
{
        struct rv_session_stats one;
        if (!to->channels) {
                describe(s, to);
        } else {
                describe(s, &one);
                to->calls += one.calls;
                to->running += one.running;
                to->bytes_in += one.bytes_in;
                to->bytes_out += one.bytes_out;
                to->bytes_queued += one.bytes_queued;
                to->since = one.since < to->since ? one.since : to->since;
                to->last_call_time =
                        one.last_call_time > to->last_call_time ? one.last_call_time : to->last_call_time;
                if (*to->who.service && !*one.who.service)
                        *to->who.service = 0;
        }
        to->channels++;
        put_requests(s, to);
}

static struct rv_session_stats *stats_of(struct visit *v, const char *session)
{
        for (unsigned i = 0; i < v->n; i++)
                if (strcmp(v->list[i].who.session, session) == 0)
                        return &v->list[i];
        return &v->list[v->n++];
}

static void describe_login(struct visit *v, const struct rv_login_here *h, struct rv_session_stats *to)
{
        if (to->channels) {
                to->since = h->since;
                return;
        }
        *to = (struct rv_session_stats) { .since = h->since,
                                          .state = "Idle",
                                          .who = { .made = true, .uid = h->login.uid } };
        memcpy(to->who.user, h->login.user, sizeof to->who.user);
        memcpy(to->who.key, h->login.key, sizeof to->who.key);
        memcpy(to->who.source, h->login.source, sizeof to->who.source);
        memcpy(to->who.session, h->login.session, sizeof to->who.session);
        memcpy(to->who.role, h->login.role, sizeof to->who.role);
        rv_policy_names(&v->agent->policy, &to->who, to->roles, sizeof to->roles);
        snprintf(to->language, sizeof to->language, "%s",
                 rv_language_name(rv_policy_language(&v->agent->policy, &to->who)));
}

static void look_at_all(struct visit *v)
{
        v->list = calloc(v->agent->nsessions + v->agent->nlogins + 1, sizeof *v->list);
        v->result = v->list ? 0 : -ENOMEM;
        for (struct rv_session *s = v->agent->sessions; v->list && s; s = s->next)
                if (is_one(s))
                        add(s, stats_of(v, s->who.session));
        for (const struct rv_login_here *h = v->agent->logins; v->list && h; h = h->next)
                describe_login(v, h, stats_of(v, h->login.session));
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
        bool login = rv_login_find(v->agent, v->id), found = login;
        for (struct rv_session *s = v->agent->sessions; s; s = s->next) {
                if (s->state == RV_SESSION_CLOSED || strcmp(s->who.session, v->id) != 0)
                        continue;
                found = true;
                if (v->what_if)
                        continue;
                if (v->force && s->who.pid > 1)
                        hang_up(s);
                rv_session_close(s);
        }
        if (login && !v->what_if)
                rv_login_end(v->id); /* the whole connection, and what runs in it */
        v->result = found ? 0 : -ENOENT;
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
