/* SPDX-License-Identifier: MIT
 *
 * The model of an engine's containers: see containers.h. Everything is under one lock; the thread and the readers both
 * take events, so a reader sees all that the engine had told before it came.
 */
#include "providers/lib/containers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define RESYNC (60 * SECOND)
#define PATIENCE (5 * SECOND) /* how long a reader waits for one answer of the engine */
#define SIGN (2 * SECOND)     /* and for a sign of life */
#define LINE 65536u           /* a longer event means only: look again */

struct rv_containers {
        struct rv_engine *engine;
        pthread_mutex_t lock; /* of all but what the next one is for; held while the engine is asked */
        pthread_mutex_t brief; /* of thread, quit, wake and news; never held while anything is waited for */
        struct rv_http stream, request; /* events; and what readers ask */
        json_t *docs, *marked;          /* by id: documents; what must be fetched */
        bool lost, thread, quit;
        uint64_t heard, listed; /* CLOCK_MONOTONIC */
        int wake, news;         /* eventfds: for the thread; for who watches, or -1 */
        char line[LINE];
        size_t n;
        bool skip; /* the rest of a line that was too long */
};

static struct rv_containers *models[2];
static pthread_mutex_t models_lock = PTHREAD_MUTEX_INITIALIZER;

struct rv_containers *rv_containers_of(struct rv_engine *e)
{
        size_t i = (size_t)(e - rv_engines);
        pthread_mutex_lock(&models_lock);
        struct rv_containers *m = models[i];
        if (!m && (m = calloc(1, sizeof *m))) {
                m->engine = e;
                m->stream.fd = m->request.fd = m->wake = m->news = -1;
                pthread_mutex_init(&m->lock, NULL);
                pthread_mutex_init(&m->brief, NULL);
                models[i] = m;
        }
        pthread_mutex_unlock(&models_lock);
        return m;
}

static void forget(struct rv_containers *m)
{
        rv_http_close(&m->stream);
        rv_http_close(&m->request);
        json_decref(m->docs);
        json_decref(m->marked);
        m->docs = m->marked = NULL;
        m->n = 0;
        m->skip = m->lost = false;
}

static void mark(struct rv_containers *m, const char *id)
{
        if (m->marked && id && *id)
                json_object_set_new(m->marked, id, json_true());
}

static void tell(struct rv_containers *m)
{
        pthread_mutex_lock(&m->brief);
        if (m->news >= 0)
                eventfd_write(m->news, 1);
        pthread_mutex_unlock(&m->brief);
}

/* ---- events ---- */

/* What changes nothing that is shown. */
static bool idle_word(const char *action)
{
        static const char *const words[] = { "exec_", "attach", "top", "resize", "copy", "export", "commit",
                                             "archive-path", "extract-to-dir", "detach" };
        for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
                if (strncmp(action, words[i], strlen(words[i])) == 0)
                        return true;
        return false;
}

static void event(struct rv_containers *m, const char *text, size_t n)
{
        json_t *j = json_loadb(text, n, 0, NULL);
        const char *type = rv_j_text(j, "Type"), *action = rv_j_text(j, "Action");
        const char *id = rv_j_text(j, "Actor/ID");
        if (!j || !type || !action)
                m->listed = 0; /* not understood: the list is compared */
        else if (strcmp(type, "network") == 0)
                mark(m, rv_j_text(j, "Actor/Attributes/container"));
        else if (strcmp(type, "container") == 0 && id && !idle_word(action)) {
                if (strcmp(action, "destroy") == 0 || strcmp(action, "remove") == 0) {
                        json_object_del(m->docs, id);
                        json_object_del(m->marked, id);
                } else
                        mark(m, id);
        } else {
                json_decref(j);
                return;
        }
        json_decref(j);
        tell(m);
}

/* Takes what the stream has without waiting. Sets lost at its end. */
static void drain(struct rv_containers *m)
{
        ssize_t got;
        char *end;
        if (m->stream.fd < 0 || m->lost)
                return;
        m->stream.deadline = 0;
        m->stream.call = NULL;
        while ((got = rv_http_read(&m->stream, m->line + m->n, LINE - m->n)) > 0) {
                m->heard = rv_now();
                m->n += (size_t)got;
                char *from = m->line;
                while ((end = memchr(from, '\n', m->n - (size_t)(from - m->line)))) {
                        if (!m->skip)
                                event(m, from, (size_t)(end - from));
                        m->skip = false;
                        from = end + 1;
                }
                m->n -= (size_t)(from - m->line);
                memmove(m->line, from, m->n);
                if (m->n == LINE) {
                        m->n = 0;
                        m->skip = true;
                        m->listed = 0;
                }
        }
        if (got != -ETIMEDOUT) {
                m->lost = true;
                tell(m);
        }
}

/* Whether the thread is to end; and whether somebody watches. */
static bool told_to_end(struct rv_containers *m, bool *watched)
{
        pthread_mutex_lock(&m->brief);
        bool end = m->quit;
        if (end)
                m->quit = m->thread = false;
        *watched = m->news >= 0;
        pthread_mutex_unlock(&m->brief);
        return end;
}

static void *follow(void *arg)
{
        struct rv_containers *m = arg;
        eventfd_t n;
        bool watched;
        for (;;) {
                pthread_mutex_lock(&m->lock);
                drain(m);
                if (told_to_end(m, &watched)) {
                        forget(m);
                        pthread_mutex_unlock(&m->lock);
                        return NULL;
                }
                bool none = m->lost || m->stream.fd < 0;
                struct pollfd p[2] = { { .fd = m->wake, .events = POLLIN },
                                       { .fd = none ? -1 : m->stream.fd, .events = POLLIN } };
                pthread_mutex_unlock(&m->lock);
                /* While somebody watches and the stream is lost: whoever watches reads again, and so finds it back. */
                if (poll(p, 2, none && watched ? 1000 : -1) == 0)
                        tell(m);
                if (p[0].revents)
                        eventfd_read(m->wake, &n);
        }
}

/* The thread runs, or looks at the descriptors anew. 0 or -errno. */
static int start_thread(struct rv_containers *m)
{
        pthread_t t;
        int r = 0;
        pthread_mutex_lock(&m->brief);
        if (m->wake < 0 && (m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
                r = -errno;
        else if (m->thread)
                eventfd_write(m->wake, 1);
        else if ((r = -pthread_create(&t, NULL, follow, m)) == 0) {
                pthread_detach(t);
                m->thread = true;
        }
        m->quit = false;
        pthread_mutex_unlock(&m->brief);
        return r;
}

/* ---- asking ---- */

static uint64_t bound(uint64_t deadline, uint64_t most)
{
        uint64_t end = rv_now() + most;
        return deadline && deadline < end ? deadline : end;
}

/* A GET on the connection that is kept; made anew once when the engine has closed it. */
static int ask(struct rv_containers *m, const char *path, uint64_t deadline, const struct rv_call *call, json_t **ret,
               struct rv_error *err)
{
        struct rv_engine_ask a = { .engine = m->engine, .call = call, .deadline = deadline, .method = "GET",
                                   .path = path, .what = "cannot read the containers", .file = -1 };
        for (int tries = m->request.fd >= 0 ? 0 : 1;; tries++) {
                int r = RV_OK;
                if (m->request.fd < 0 &&
                    (r = rv_http_open(&m->request, rv_engine_socket(m->engine), deadline, call)))
                        return rv_engine_fail(err, m->engine, r, a.what);
                r = rv_engine_again(&m->request, &a, ret, err);
                if (r == RV_OK || r == RV_NOT_FOUND) {
                        m->heard = rv_now();
                        return r;
                }
                rv_http_close(&m->request);
                if (r != RV_UNAVAILABLE || tries)
                        return r;
        }
}

static int list(struct rv_containers *m, uint64_t deadline, const struct rv_call *call, struct rv_error *err)
{
        json_t *all = NULL, *one, *kept = json_object();
        size_t i;
        int r = kept ? ask(m, "/containers/json?all=1", deadline, call, &all, err) : -ENOMEM;
        if (r) {
                json_decref(kept);
                return r;
        }
        json_array_foreach(all, i, one) {
                const char *id = rv_j_text(one, "Id"), *state = rv_j_text(one, "State");
                json_t *doc = id ? json_object_get(m->docs, id) : NULL;
                const char *had = rv_j_text(doc, "State/Status");
                if (doc)
                        json_object_set(kept, id, doc);
                if (id && (!doc || !state || !had || strcmp(state, had) != 0))
                        mark(m, id);
        }
        json_decref(all);
        json_decref(m->docs);
        m->docs = kept;
        m->listed = rv_now();
        return RV_OK;
}

static int begin(struct rv_containers *m, uint64_t deadline, const struct rv_call *call, struct rv_error *err)
{
        struct rv_engine_ask a = {
                .engine = m->engine, .call = call, .deadline = deadline, .method = "GET", .file = -1,
                .path = "/events?filters=%7B%22type%22%3A%7B%22container%22%3Atrue%2C%22network%22%3Atrue%7D%7D",
                .what = "cannot read the containers" };
        forget(m);
        m->docs = json_object();
        m->marked = json_object();
        if (!m->docs || !m->marked)
                return -ENOMEM;
        int r = rv_engine_open(&a, &m->stream, err);
        if (r == RV_OK)
                r = list(m, deadline, call, err);
        if (r) {
                forget(m);
                return r;
        }
        return start_thread(m);
}

static int fetch(struct rv_containers *m, const char *id, uint64_t deadline, const struct rv_call *call,
                 struct rv_error *err)
{
        char path[200] = "/containers/";
        json_t *doc = NULL;
        struct rv_error e = { 0 };
        rv_http_escape(path, sizeof path, id);
        strncat(path, "/json", sizeof path - strlen(path) - 1);
        int r = ask(m, path, deadline, call, &doc, &e);
        if (r == RV_NOT_FOUND) {
                json_object_del(m->docs, id);
                json_object_del(m->marked, id);
                return RV_OK;
        }
        if (r) {
                if (err)
                        *err = e;
                return r;
        }
        /* Long, the same for all, and not shown. */
        json_object_del(json_object_get(doc, "HostConfig"), "MaskedPaths");
        json_object_del(json_object_get(doc, "HostConfig"), "ReadonlyPaths");
        const char *own = rv_j_text(doc, "Id"); /* `id` may be a name */
        json_object_del(m->marked, id);
        json_object_set_new(m->docs, own ? own : id, doc);
        return RV_OK;
}

static int fetch_marked(struct rv_containers *m, uint64_t deadline, const struct rv_call *call, struct rv_error *err)
{
        const char *id;
        json_t *value;
        void *next;
        int r = RV_OK;
        json_object_foreach_safe(m->marked, next, id, value) {
                char copy[80];
                snprintf(copy, sizeof copy, "%s", id);
                r = fetch(m, copy, bound(deadline, PATIENCE), call, err);
                if (r)
                        break;
        }
        return r;
}

/* Brings the model up to date. */
static int refresh(struct rv_containers *m, uint64_t deadline, const struct rv_call *call, struct rv_error *err)
{
        int r = RV_OK;
        drain(m);
        if (m->stream.fd < 0 || m->lost)
                r = begin(m, bound(deadline, PATIENCE), call, err);
        else if (rv_now() - m->listed > RESYNC)
                r = list(m, bound(deadline, PATIENCE), call, err);
        else if (rv_now() - m->heard > SECOND) {
                json_t *ok = NULL;
                r = ask(m, "/_ping", bound(deadline, SIGN), call, &ok, err);
                json_decref(ok);
        }
        return r ? r : fetch_marked(m, deadline, call, err);
}

static bool is(json_t *doc, const char *id, const char *only)
{
        const char *name = rv_j_text(doc, "Name");
        return strcmp(id, only) == 0 || (name && strcasecmp(name + (*name == '/'), only) == 0);
}

static void collect(struct rv_containers *m, const char *only, json_t *all)
{
        const char *id;
        json_t *doc = only ? json_object_get(m->docs, only) : NULL;
        if (doc)
                json_array_append(all, doc);
        else
                json_object_foreach(m->docs, id, doc)
                        if (!only || is(doc, id, only))
                                json_array_append(all, doc);
}

int rv_containers_read(struct rv_containers *m, const char *only, const struct rv_call *call, uint64_t deadline,
                       json_t **ret, struct rv_error *err)
{
        uint64_t end = bound(deadline, 2 * PATIENCE);
        struct timespec t = { .tv_sec = (time_t)(end / SECOND), .tv_nsec = (long)(end % SECOND) };
        json_t *all = json_array();
        if (!all)
                return -ENOMEM;
        if (pthread_mutex_clocklock(&m->lock, CLOCK_MONOTONIC, &t)) {
                json_decref(all);
                return rv_engine_fail(err, m->engine, -ETIMEDOUT, "cannot read the containers");
        }
        int r = refresh(m, deadline, call, err);
        if (r == RV_OK)
                collect(m, only, all);
        /* The event of one that another client has just made may be on its way: the engine knows. */
        if (r == RV_OK && only && *only && !json_array_size(all) &&
            (r = fetch(m, only, bound(deadline, PATIENCE), call, err)) == RV_OK)
                collect(m, only, all);
        pthread_mutex_unlock(&m->lock);
        if (r)
                json_decref(all);
        else
                *ret = all;
        return r;
}

bool rv_containers_peek(struct rv_containers *m, json_t **ret)
{
        const char *id;
        json_t *doc;
        if (!m || pthread_mutex_trylock(&m->lock))
                return false;
        drain(m);
        bool good = m->stream.fd >= 0 && !m->lost && json_object_size(m->marked) == 0 &&
                    rv_now() - m->listed <= RESYNC && rv_now() - m->heard <= SECOND;
        *ret = good ? json_array() : NULL;
        if (*ret)
                json_object_foreach(m->docs, id, doc)
                        json_array_append(*ret, doc);
        pthread_mutex_unlock(&m->lock);
        return *ret;
}

void rv_containers_changed(struct rv_containers *m, const char *id)
{
        pthread_mutex_lock(&m->lock);
        if (id)
                mark(m, id);
        else
                m->listed = 0;
        pthread_mutex_unlock(&m->lock);
}

void rv_containers_doubt(struct rv_containers *m, const char *only)
{
        const char *id;
        json_t *doc;
        pthread_mutex_lock(&m->lock);
        json_object_foreach(m->docs, id, doc)
                if (is(doc, id, only))
                        mark(m, id);
        pthread_mutex_unlock(&m->lock);
}

void rv_containers_idle(struct rv_containers *m)
{
        pthread_mutex_lock(&m->brief);
        if (m->news < 0 && m->thread) {
                m->quit = true;
                eventfd_write(m->wake, 1);
        }
        pthread_mutex_unlock(&m->brief);
}

int rv_containers_watch(struct rv_containers *m)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        pthread_mutex_lock(&m->brief);
        m->news = fd;
        pthread_mutex_unlock(&m->brief);
        int r = start_thread(m);
        if (r == 0)
                return fd;
        rv_containers_unwatch(m, fd);
        close(fd);
        return r;
}

/* Another watch may have begun before this one is ended. */
void rv_containers_unwatch(struct rv_containers *m, int fd)
{
        pthread_mutex_lock(&m->brief);
        if (m->news == fd)
                m->news = -1;
        pthread_mutex_unlock(&m->brief);
}
