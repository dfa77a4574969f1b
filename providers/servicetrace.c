/* SPDX-License-Identifier: MIT
 *
 * ServiceFailed and ServiceRestarted: what PID 1's signals say of services, as events.
 *
 * Whoever listens has a thread with a connection of its own: PID 1 may not answer, and the journal is read for each
 * failure. The thread knows the last state of each service, from a list that is made after it has subscribed; it is
 * made again when the connection was lost (daemon-reexec, more signals than it could take), and what differs then is
 * told as if it had been heard.
 * Events wait in a bounded queue for the loop; when that is full, the core is told that some were lost.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/ServiceTrace.h"
#include "providers/lib/fill.h"
#include "providers/lib/journal.h"
#include "providers/lib/systemd.h"
#include "providers/service/unitops.h"

#define SUFFIX ".service"
#define MOST_WAITING 1000
#define WORDS_NS UINT64_C(150000000) /* until the journal has a service's last words */
#define MOST_LOOKS 6                 /* for its own words; systemd's about it come before */
#define AGAIN_MS 1000                /* between attempts to reach PID 1 */

/* A service, as it was told of last. */
struct seen {
        struct seen *next;
        char *id, *path;
        char active[16], sub[24], result[24];
        char invocation[33];
        int32_t status, code;
        uint32_t restarts;
        uint64_t started; /* CLOCK_REALTIME us */
        bool failed;      /* as it was told of last */
        char told[80];    /* invocation, result and restarts of the failure that was told last */
};

struct event {
        struct event *next;
        struct seen of; /* its texts are the event's own: id alone is on the heap */
        uint64_t due;   /* CLOCK_MONOTONIC ns: failures wait for their log lines */
        int64_t time;
        unsigned looks;
        bool will_restart;
        struct rv_unitop_lines lines;
};

struct trace {
        struct trace *next;
        int fd, wake;         /* fd: readable while there are events; the loop's */
        bool failures, quiet; /* quiet: what is found is not news */
        uint64_t opened;      /* CLOCK_REALTIME us */
        sd_bus *bus;
        struct seen *seen;
        struct event *pending, **pending_end; /* the thread's */
        pthread_mutex_t lock;                 /* of what follows */
        struct event *ready, **ready_end;
        unsigned nready;
        bool lost, stop;
};

static struct trace *traces; /* the loop's */

static uint64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void event_free(struct event *e)
{
        for (unsigned i = 0; e && i < e->lines.count; i++)
                free(e->lines.text[i]);
        if (e)
                free(e->of.id);
        free(e);
}

static void events_free(struct event *e)
{
        for (struct event *next; e; e = next) {
                next = e->next;
                event_free(e);
        }
}

/* ---- what is known ---- */

static struct seen *find(struct trace *t, const char *path)
{
        struct seen *s = t->seen;
        while (s && strcmp(s->path, path) != 0)
                s = s->next;
        return s;
}

static struct seen *learn(struct trace *t, const char *id, const char *path)
{
        struct seen *s = find(t, path);
        if (s)
                return s;
        s = calloc(1, sizeof *s);
        if (!s || !(s->id = strdup(id)) || !(s->path = strdup(path))) {
                if (s)
                        free(s->id);
                free(s);
                return NULL;
        }
        s->next = t->seen;
        t->seen = s;
        return s;
}

static void seen_free(struct seen *s)
{
        free(s->id);
        free(s->path);
        free(s);
}

/* ---- events ---- */

static void append(struct trace *t, struct event *e, uint64_t after)
{
        e->next = NULL;
        e->due = now_ns() + after;
        *t->pending_end = e;
        t->pending_end = &e->next;
}

static void put(struct trace *t, const struct seen *s)
{
        struct event *e = calloc(1, sizeof *e);
        if (!e || !(e->of.id = strdup(s->id))) {
                free(e);
                return;
        }
        char *id = e->of.id;
        e->of = *s;
        e->of.id = id;
        e->of.path = NULL;
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        e->time = wall.tv_sec * INT64_C(1000000000) + wall.tv_nsec;
        append(t, e, t->failures ? WORDS_NS : 0);
}

/* Whether systemd means to start it anew, or has done so meanwhile. */
static bool is_tried_again(const struct trace *t, const struct seen *of)
{
        const struct seen *s = t->seen;
        while (s && strcmp(s->id, of->id) != 0)
                s = s->next;
        return s && (strcmp(s->sub, "auto-restart") == 0 || s->restarts > of->restarts);
}

static void one_is_there(void *state, const char *text, size_t n)
{
        (void)text;
        *(bool *)state |= n > 0;
}

/* The log lines of its run. False: the journal has nothing of its own yet, and may have it in a moment. */
static bool has_words(struct event *e)
{
        bool own = false;
        int64_t since = e->of.started ? (int64_t)e->of.started * 1000 : e->time - INT64_C(10000000000);
        if (++e->looks < MOST_LOOKS &&
            (rv_journal_tail(e->of.id, true, 1, since, one_is_there, &own) < 0 || !own))
                return false;
        rv_journal_tail(e->of.id, false, 10, since, rv_unitop_keep, &e->lines);
        return true;
}

/* Those whose time has come go to the loop. */
static void hand_over(struct trace *t)
{
        uint64_t one = 1;
        for (struct event *e; (e = t->pending) && e->due <= now_ns();) {
                t->pending = e->next;
                if (!t->pending)
                        t->pending_end = &t->pending;
                e->next = NULL;
                if (t->failures && !has_words(e)) {
                        append(t, e, WORDS_NS);
                        continue;
                }
                e->will_restart = is_tried_again(t, &e->of);
                pthread_mutex_lock(&t->lock);
                bool fits = t->nready < MOST_WAITING && !t->stop;
                if (fits) {
                        *t->ready_end = e;
                        t->ready_end = &e->next;
                        t->nready++;
                } else {
                        t->lost = true;
                }
                if (!t->stop && write(t->fd, &one, sizeof one) < 0)
                        t->lost = true;
                pthread_mutex_unlock(&t->lock);
                if (!fits)
                        event_free(e);
        }
}

static bool is_failed(const struct seen *s)
{
        bool bad = s->result[0] && strcmp(s->result, "success") != 0;
        return strcmp(s->active, "failed") == 0 || (strcmp(s->sub, "auto-restart") == 0 && bad);
}

/* What is known of it now, compared with before. Signals that were on their way while all was listed tell some of it
 * again. */
static void judge(struct trace *t, struct seen *s)
{
        char run[sizeof s->told];
        bool failed = is_failed(s);
        snprintf(run, sizeof run, "%s %s %u", s->invocation, s->result, (unsigned)s->restarts);
        if (failed && !s->failed && t->failures && strcmp(run, s->told) != 0) {
                memcpy(s->told, run, sizeof run);
                put(t, s);
        }
        s->failed = failed;
}

/* ---- signals ---- */

static void keep(char *to, size_t size, const char *text)
{
        snprintf(to, size, "%s", text);
}

static int read_invocation(sd_bus_message *m, struct seen *s)
{
        const uint8_t *bytes;
        size_t n;
        int r = sd_bus_message_read_array(m, 'y', (const void **)&bytes, &n);
        for (size_t i = 0; r >= 0 && n == 16 && i < n; i++)
                snprintf(s->invocation + 2 * i, 3, "%02x", bytes[i]);
        return r;
}

static int take_invocation(sd_bus_message *m, struct seen *s)
{
        int r = sd_bus_message_enter_container(m, 'v', "ay");
        if (r >= 0)
                r = read_invocation(m, s);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int take_one(sd_bus_message *m, const char *name, struct seen *s, char *next_result, size_t size)
{
        const char *text;
        int r;
        if (strcmp(name, "ActiveState") == 0 || strcmp(name, "SubState") == 0) {
                r = sd_bus_message_read(m, "v", "s", &text);
                if (r >= 0 && name[0] == 'A')
                        keep(s->active, sizeof s->active, text);
                else if (r >= 0)
                        keep(s->sub, sizeof s->sub, text);
                return r;
        }
        if (strcmp(name, "Result") == 0) {
                r = sd_bus_message_read(m, "v", "s", &text);
                if (r >= 0)
                        keep(next_result, size, text);
                return r;
        }
        if (strcmp(name, "ExecMainStatus") == 0)
                return sd_bus_message_read(m, "v", "i", &s->status);
        if (strcmp(name, "ExecMainCode") == 0)
                return sd_bus_message_read(m, "v", "i", &s->code);
        if (strcmp(name, "NRestarts") == 0)
                return sd_bus_message_read(m, "v", "u", &s->restarts);
        if (strcmp(name, "ExecMainStartTimestamp") == 0)
                return sd_bus_message_read(m, "v", "t", &s->started);
        if (strcmp(name, "InvocationID") == 0)
                return take_invocation(m, s);
        return sd_bus_message_skip(m, "v");
}

/* a{sv} into what is known. */
static int take(struct trace *t, struct seen *s, sd_bus_message *m)
{
        const char *name;
        uint32_t before = s->restarts;
        char result[sizeof s->result];
        snprintf(result, sizeof result, "%s", s->result);
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r > 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = take_one(m, name, s, result, sizeof result);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        break;
                r = 1;
        }
        /* How it had ended is what was known before it was started anew. */
        if (s->restarts > before && !t->failures && !t->quiet)
                put(t, s);
        keep(s->result, sizeof s->result, result);
        return r;
}

static int on_properties(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct trace *t = state;
        const char *interface, *path = sd_bus_message_get_path(m);
        char *id = NULL;
        size_t n;
        if (sd_bus_path_decode(path, RV_SYSTEMD_PATH "/unit", &id) <= 0)
                return 0;
        n = strlen(id);
        if (n > sizeof SUFFIX - 1 && strcmp(id + n - (sizeof SUFFIX - 1), SUFFIX) == 0 &&
            sd_bus_message_read(m, "s", &interface) >= 0) {
                struct seen *s = learn(t, id, path);
                bool unit = strcmp(interface, RV_SYSTEMD_UNIT) == 0;
                if (s && (unit || strcmp(interface, RV_SYSTEMD_SERVICE) == 0)) {
                        take(t, s, m);
                        if (unit) /* it comes behind the other: now both are known */
                                judge(t, s);
                }
        }
        free(id);
        return 0;
}

static int on_removed(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct trace *t = state;
        const char *id, *path;
        if (sd_bus_message_read(m, "so", &id, &path) < 0)
                return 0;
        for (struct seen **at = &t->seen; *at; at = &(*at)->next)
                if (strcmp((*at)->path, path) == 0) {
                        struct seen *gone = *at;
                        *at = gone->next;
                        seen_free(gone);
                        break;
                }
        return 0;
}

/* ---- the connection ---- */

/* The state of one service now. At first it is news only where it came about since we were asked. */
static void look(struct trace *t, const char *id, const char *path, const char *active, const char *sub,
                 bool first)
{
        sd_bus_message *m = NULL;
        struct seen *s = learn(t, id, path);
        uint64_t changed = 0;
        if (!s)
                return;
        keep(s->active, sizeof s->active, active);
        keep(s->sub, sizeof s->sub, sub);
        t->quiet = first;
        if (sd_bus_call_method(t->bus, RV_SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "GetAll",
                               NULL, &m, "s", RV_SYSTEMD_SERVICE) >= 0)
                take(t, s, m);
        t->quiet = false;
        sd_bus_message_unref(m);
        m = NULL;
        if (sd_bus_get_property(t->bus, RV_SYSTEMD_NAME, path, RV_SYSTEMD_UNIT, "InvocationID", NULL, &m,
                                "ay") >= 0)
                read_invocation(m, s);
        sd_bus_message_unref(m);
        sd_bus_get_property_trivial(t->bus, RV_SYSTEMD_NAME, path, RV_SYSTEMD_UNIT, "StateChangeTimestamp",
                                    NULL, 't', &changed);
        if (first && s->restarts && s->started >= t->opened && !t->failures)
                put(t, s);
        if (first && changed < t->opened)
                s->failed = is_failed(s);
        judge(t, s);
}

static int look_at_all(struct trace *t, bool first)
{
        sd_bus_message *m = NULL;
        const char *id, *active, *sub, *path;
        int r = sd_bus_call_method(t->bus, RV_SYSTEMD_NAME, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER,
                                   "ListUnitsByPatterns", NULL, &m, "asas", 0, 1, "*" SUFFIX);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        while (r > 0 && (r = sd_bus_message_read(m, "(ssssssouso)", &id, NULL, NULL, &active, &sub, NULL,
                                                 &path, NULL, NULL, NULL)) > 0)
                look(t, id, path, active, sub, first);
        sd_bus_message_unref(m);
        return r;
}

static int connect_to(struct trace *t, bool first)
{
        if (rv_systemd_open(&t->bus, NULL))
                return -ENOTCONN;
        sd_bus_set_method_call_timeout(t->bus, 25000000);
        int r = sd_bus_match_signal(t->bus, NULL, NULL, NULL, "org.freedesktop.DBus.Properties",
                                    "PropertiesChanged", on_properties, t);
        if (r >= 0)
                r = sd_bus_match_signal(t->bus, NULL, NULL, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER,
                                        "UnitRemoved", on_removed, t);
        if (r >= 0 && rv_systemd_call(t->bus, 0, "cannot subscribe", NULL, NULL, "Subscribe", NULL))
                r = -ENOTCONN;
        if (r >= 0)
                r = look_at_all(t, first);
        if (r < 0)
                t->bus = rv_systemd_close(t->bus);
        return r;
}

static bool is_over(struct trace *t)
{
        pthread_mutex_lock(&t->lock);
        bool over = t->stop;
        pthread_mutex_unlock(&t->lock);
        return over;
}

/* Until something comes, or the next event is due. */
static void rest(struct trace *t)
{
        struct pollfd fds[2] = { { .fd = t->wake, .events = POLLIN },
                                 { .fd = t->bus ? sd_bus_get_fd(t->bus) : -1, .events = POLLIN } };
        int most = t->bus ? -1 : AGAIN_MS;
        if (t->pending) {
                uint64_t now = now_ns(), due = t->pending->due;
                most = due > now ? (int)((due - now) / 1000000) + 1 : 0;
        }
        poll(fds, 2, most);
}

static void *run(void *state)
{
        struct trace *t = state;
        bool first = true;
        while (!is_over(t)) {
                int r = 0;
                if (!t->bus && connect_to(t, first) >= 0)
                        first = false;
                while (t->bus && (r = sd_bus_process(t->bus, NULL)) > 0)
                        ;
                if (t->bus && r < 0)
                        t->bus = rv_systemd_close(t->bus);
                hand_over(t);
                rest(t);
        }
        if (t->bus)
                rv_systemd_close(t->bus);
        for (struct seen *s = t->seen, *next; s; s = next) {
                next = s->next;
                seen_free(s);
        }
        events_free(t->pending);
        events_free(t->ready);
        close(t->wake);
        free(t);
        return NULL;
}

/* ---- the loop's side ---- */

static int trace_open(bool failures, struct rv_error *err)
{
        pthread_t thread;
        pthread_attr_t attr;
        if (!rv_systemd_here()) {
                rv_fail(err, RV_NOT_SUPPORTED,
                        "events of services are systemd's, and another service manager runs this host");
                return -EOPNOTSUPP;
        }
        struct trace *t = calloc(1, sizeof *t);
        if (!t)
                return -ENOMEM;
        t->pending_end = &t->pending;
        t->ready_end = &t->ready;
        t->failures = failures;
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        t->opened = (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000;
        pthread_mutex_init(&t->lock, NULL);
        t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, 256 << 10);
        int r = t->fd < 0 || t->wake < 0 ? -errno : -pthread_create(&thread, &attr, run, t);
        pthread_attr_destroy(&attr);
        if (r < 0) {
                if (t->fd >= 0)
                        close(t->fd);
                if (t->wake >= 0)
                        close(t->wake);
                free(t);
                return r;
        }
        int fd = t->fd;
        t->next = traces;
        traces = t;
        return fd;
}

static int failed_open(struct rv_error *err)
{
        return trace_open(true, err);
}
static int restarted_open(struct rv_error *err)
{
        return trace_open(false, err);
}

static void trace_close(int fd)
{
        uint64_t one = 1;
        struct trace **at = &traces;
        while (*at && (*at)->fd != fd)
                at = &(*at)->next;
        struct trace *t = *at;
        if (t) {
                *at = t->next;
                pthread_mutex_lock(&t->lock);
                t->stop = true;
                if (write(t->wake, &one, sizeof one) < 0)
                        t->lost = true; /* it wakes by itself, later */
                pthread_mutex_unlock(&t->lock);
        }
        close(fd);
}

static void emit_failed(struct rv_news *news, const struct event *e)
{
        struct rv_row *row = rv_news_row(news);
        ServiceFailed_set_Time(row, e->time);
        ServiceFailed_set_Name(row, e->of.id, strlen(e->of.id) - strlen(SUFFIX));
        rv_fill(row, ServiceFailed_UnitName, e->of.id);
        rv_fill(row, ServiceFailed_Result, e->of.result);
        if (e->of.code) {
                ServiceFailed_set_ExitStatus(row, e->of.status);
                ServiceFailed_set_ExitCode(row, e->of.code);
        }
        rv_fill(row, ServiceFailed_InvocationID, e->of.invocation);
        ServiceFailed_set_WillRestart(row, e->will_restart);
        rv_list list = ServiceFailed_set_LastLogLines(row, e->lines.count);
        for (unsigned i = 0; i < e->lines.count; i++)
                rv_item_string(row, list, i, e->lines.text[i], e->lines.n[i]);
        rv_news_emit(news, row);
}

static void emit_restarted(struct rv_news *news, const struct event *e)
{
        struct rv_row *row = rv_news_row(news);
        ServiceRestarted_set_Time(row, e->time);
        ServiceRestarted_set_Name(row, e->of.id, strlen(e->of.id) - strlen(SUFFIX));
        rv_fill(row, ServiceRestarted_UnitName, e->of.id);
        ServiceRestarted_set_NRestarts(row, e->of.restarts);
        rv_fill(row, ServiceRestarted_Result, e->of.result);
        rv_news_emit(news, row);
}

static int trace_read(int fd, struct rv_news *news)
{
        uint64_t count;
        struct trace *t = traces;
        while (t && t->fd != fd)
                t = t->next;
        if (!t)
                return -EBADF;
        pthread_mutex_lock(&t->lock);
        if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
                t->lost = true;
        struct event *all = t->ready;
        bool lost = t->lost;
        t->ready = NULL;
        t->ready_end = &t->ready;
        t->nready = 0;
        t->lost = false;
        pthread_mutex_unlock(&t->lock);
        for (const struct event *e = all; e; e = e->next)
                t->failures ? emit_failed(news, e) : emit_restarted(news, e);
        events_free(all);
        return lost ? -ENOBUFS : 0;
}

static const struct rv_push failed_push = {
        .covers = RV_PUSH_ALL, .open = failed_open, .read = trace_read, .close = trace_close
};
static const struct rv_push restarted_push = {
        .covers = RV_PUSH_ALL, .open = restarted_open, .read = trace_read, .close = trace_close
};
static const struct rv_provider failed = { .class = &ServiceFailed_class, .push = &failed_push };
static const struct rv_provider restarted = { .class = &ServiceRestarted_class, .push = &restarted_push };

RV_PROVIDERS(servicetrace, &failed, &restarted);
