/* SPDX-License-Identifier: MIT
 *
 * What a provider's program tells without being asked. While somebody watches a class of a provider with Events,
 * one program more of it runs, which is asked to Watch and then says
 *
 *      Changed {ClassName, Kind, InstanceName}     an object came, changed or went
 *      Event {ClassName, Event}                    of an Indication
 *
 * Nothing of it is believed: an object that is named is read again, by the same calls as ever, and compared with
 * what it was. So a lie costs a call, and says nothing. What is said is bounded in messages and bytes; who says more is
 * ended, and the class is polled for half a minute. All on the loop, which never waits for the program: its
 * output, its errors and the time that it has to answer come through one epoll descriptor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/external_int.h"
#include "agent/log.h"

enum {
        WATCH_ID = 2,         /* of the request; Hello is 1 */
        ANSWER_S = 10,        /* it has to answer both */
        MESSAGES = 10000,     /* at once ... */
        MESSAGES_S = 1000,    /* ... and then a second */
        BYTES = 8 << 20,      /* the same of bytes */
        BYTES_S = 1 << 20,
        SETTLED_S = 60        /* who has told for so long has fallen for the first time */
};

/* A program under way. */
struct watch {
        struct watch *next;
        struct rv_external *x;
        struct rv_external_news *news;
        const struct rv_class *class;
        struct rv_child child;
        int epoll, timer;
        bool watching; /* it has said that it does */
        uint64_t since, counted;
        double messages, bytes; /* that it may still say */
};

static struct watch *watches;

static struct watch *watch_of(const struct rv_class *c)
{
        struct watch *w = watches;
        while (w && w->class != c)
                w = w->next;
        return w;
}

const char *rv_external_events(const struct rv_class *c)
{
        const struct watch *w = watch_of(c);
        return !w ? "Broken" : w->watching ? "Pushed" : "Starting";
}

/* ---- its end ---- */

static void drop(struct watch *w)
{
        struct watch **at = &watches;
        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        rv_child_end_later(&w->child);
        if (w->timer >= 0)
                close(w->timer);
        close(w->epoll);
        free(w);
}

static void watch_close(int fd)
{
        struct watch *w = watches;
        while (w && w->epoll != fd)
                w = w->next;
        if (w)
                drop(w);
}

void rv_external_watch_free(void)
{
        while (watches)
                drop(watches);
}

/* It does not tell what it promised to tell. It rests at the first flood or refusal, at the third fall in a row. */
static int fell(struct watch *w, bool at_once, const char *what)
{
        struct rv_external_news *n = w->news;
        if (w->watching && rv_now() - w->since > SETTLED_S * UINT64_C(1000000000))
                n->falls = 0;
        n->falls = at_once ? RV_EXTERNAL_FALLS : n->falls + 1;
        rv_child_hear_all(&w->child); /* its last words came after our last look, but before its end */
        for (size_t k = w->child.nwords; k && strchr(" \t\n", w->child.words[k - 1]); k--)
                w->child.words[w->child.nwords = k - 1] = 0;
        const char *last = rv_child_last_words(&w->child);
        snprintf(n->last_fall, sizeof n->last_fall, "%s%s%s", what, *last ? ": " : "", last);
        if (n->falls >= RV_EXTERNAL_FALLS)
                n->rest_until = rv_now() + RV_EXTERNAL_REST;
        rv_log(RV_LOG_WARNING, "provider %s, which watches %s, %s%s", w->x->name, w->class->name, n->last_fall,
               n->falls >= RV_EXTERNAL_FALLS ? "; it is left alone for half a minute" : "");
        return -EPIPE;
}

/* ---- what it says ---- */

static int changed(struct watch *w, const json_t *params, struct rv_news *news)
{
        const json_t *name = json_object_get(params, "InstanceName");
        const char *kind = json_string_value(json_object_get(params, "Kind"));
        const struct rv_property *key = w->class->nkeys ? &w->class->properties[w->class->keys[0]] : NULL;
        const json_t *value = key ? json_object_get(name, key->name) : NULL;
        struct rv_arena arena = { .limit = 1 << 20 };
        struct rv_arg v = { 0 };
        struct rv_error e = { 0 };
        if (kind && strcmp(kind, "Created") != 0 && strcmp(kind, "Modified") != 0 && strcmp(kind, "Deleted") != 0)
                return fell(w, false, "tells of a Kind that is not Created, Modified or Deleted");
        if (!name) {
                rv_news_changed(news);
                return 0;
        }
        if (!value || rv_json_arg(value, key, &arena, &v, &e) || v.type == RV_NULL) {
                rv_arena_free(&arena);
                return fell(w, false, "tells of an object whose key does not fit the class");
        }
        if (kind && strcmp(kind, "Deleted") == 0)
                rv_news_gone(news, &v);
        else
                rv_news_key(news, &v, 0);
        rv_arena_free(&arena);
        return 0;
}

static int event(struct watch *w, const json_t *params, struct rv_news *news)
{
        const json_t *e = json_object_get(params, "Event");
        struct rv_complaints wrong = { 0 };
        char text[280];
        if (!json_is_object(e))
                return fell(w, false, "tells of an Event that is no object");
        struct rv_row *row = rv_news_row(news);
        bool good = rv_external_fill(w->class, e, row, &wrong);
        if (good && !wrong.n) {
                rv_news_emit(news, row);
                return 0;
        }
        snprintf(text, sizeof text, "tells of an Event that does not fit the class: %.200s", wrong.first.message);
        return fell(w, false, text);
}

static int notice(struct watch *w, const json_t *message, struct rv_news *news)
{
        const char *method = json_string_value(json_object_get(message, "method"));
        const json_t *params = json_object_get(message, "params");
        const char *class = json_string_value(json_object_get(params, "ClassName"));
        bool is_event = method && strcmp(method, "Event") == 0;
        if (!is_event && !(method && strcmp(method, "Changed") == 0))
                return 0;
        if (!w->watching)
                return fell(w, false, "tells of changes before it has answered Watch");
        if (!class || strcmp(class, w->class->name) != 0)
                return 0; /* one program may watch what it likes; of others it is not asked */
        bool indication = w->class->flags & RV_INDICATION;
        if (is_event != indication)
                return fell(w, false, indication ? "tells of objects of an indication, which has none"
                                                 : "tells of an Event of a class that is no indication");
        return is_event ? event(w, params, news) : changed(w, params, news);
}

static int answered(struct watch *w, const json_t *message, struct rv_news *news)
{
        const json_int_t id = json_integer_value(json_object_get(message, "id"));
        const json_t *error = json_object_get(message, "error");
        const char *text = json_string_value(json_object_get(error, "message"));
        char what[280];
        if (id == 1)
                return 0; /* Hello need not be known */
        if (id != WATCH_ID || w->watching)
                return fell(w, false, "answered what it was not asked");
        if (error) {
                snprintf(what, sizeof what, "does not watch, though its Events say so: %.200s", text ? text : "");
                return fell(w, true, what);
        }
        w->watching = true;
        close(w->timer);
        w->timer = -1;
        if (!(w->class->flags & RV_INDICATION)) /* what changed before now was not told */
                rv_news_changed(news);
        return 0;
}

/* Has it said more than it may? */
static bool flood(struct watch *w, size_t n)
{
        uint64_t now = rv_now();
        double s = (double)(now - w->counted) / 1e9;
        w->counted = now;
        w->messages += s * MESSAGES_S;
        w->bytes += s * BYTES_S;
        w->messages = (w->messages > MESSAGES ? MESSAGES : w->messages) - 1;
        w->bytes = (w->bytes > BYTES ? BYTES : w->bytes) - (double)n;
        return w->messages < 0 || w->bytes < 0;
}

static int lines(struct watch *w, struct rv_news *news)
{
        const char *line;
        ssize_t n;
        while ((n = rv_child_next(&w->child, &line)) > 0) {
                struct rv_error wrong = { 0 };
                if (flood(w, (size_t)n))
                        return fell(w, true, "tells of more than 1000 changes a second");
                json_t *message = rv_json_parse(line, (size_t)n, &wrong);
                char text[280];
                snprintf(text, sizeof text, "does not speak JSON-RPC: %.200s", wrong.message);
                int r = !message                           ? fell(w, false, text)
                        : json_object_get(message, "id")   ? answered(w, message, news)
                                                           : notice(w, message, news);
                json_decref(message);
                if (r)
                        return r;
        }
        return n < 0 ? fell(w, true, "sent a message of more than 1 MiB") : 0;
}

static int watch_read(int fd, struct rv_news *news)
{
        struct epoll_event got[3];
        struct watch *w = watches;
        while (w && w->epoll != fd)
                w = w->next;
        int n = w ? epoll_wait(fd, got, 3, 0) : 0, r = 0;
        for (int i = 0; i < n && r == 0; i++)
                if (got[i].data.fd == w->timer && w->timer >= 0)
                        r = fell(w, true, "has not answered Watch in 10 s");
        if (n <= 0 || r)
                return r;
        int more = rv_child_hear(&w->child);
        r = lines(w, news);
        return r ? r : more > 0 ? 0 : fell(w, false, "has ended");
}

/* ---- its beginning ---- */

static int observe(struct watch *w)
{
        const int fds[] = { w->child.out, w->child.errors, w->timer };
        for (unsigned i = 0; i < 3; i++)
                if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fds[i],
                              &(struct epoll_event) { .events = EPOLLIN, .data.fd = fds[i] }) < 0)
                        return -errno;
        return timerfd_settime(w->timer, 0, &(struct itimerspec) { .it_value.tv_sec = ANSWER_S }, NULL) < 0 ? -errno
                                                                                                          : 0;
}

/* Both requests fit into an empty pipe. */
static int ask(struct watch *w)
{
        char text[2048];
        int n = snprintf(text, sizeof text,
                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"Hello\",\"params\":{\"Version\":1,"
                         "\"Classes\":[\"%s\"]}}\n"
                         "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"Watch\",\"params\":{\"ClassName\":\"%s\"}}\n",
                         w->class->name, WATCH_ID, w->class->name);
        return n < (int)sizeof text && write(w->child.in, text, (size_t)n) == n ? 0 : -EIO;
}

static int watch_open(const struct rv_class *c, struct rv_error *err)
{
        struct rv_external *x = rv_external_of(c);
        uint32_t i = 0;
        while (x->classes[i] != c)
                i++;
        struct rv_external_news *news = &x->news[i];
        rv_about(err, c->name, NULL, NULL);
        if (news->falls >= RV_EXTERNAL_FALLS && rv_now() < news->rest_until) {
                rv_fail(err, RV_UNAVAILABLE, "provider %s is left alone for %u s: it %s", x->name,
                        (unsigned)((news->rest_until - rv_now()) / 1000000000 + 1), news->last_fall);
                return -EAGAIN;
        }
        struct watch *w = calloc(1, sizeof *w);
        if (!w)
                return -ENOMEM;
        *w = (struct watch) { .next = watches, .x = x, .news = news, .class = c, .since = rv_now(),
                              .counted = rv_now(), .messages = MESSAGES, .bytes = BYTES };
        watches = w;
        w->epoll = epoll_create1(EPOLL_CLOEXEC);
        w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        int r = w->epoll < 0 || w->timer < 0 ? -errno : 0;
        if (r == 0 && rv_child_start(&w->child, x, err))
                r = -EAGAIN;
        if (r == 0 && (r = observe(w)) == 0)
                r = ask(w);
        if (r) {
                drop(w);
                return r;
        }
        return w->epoll;
}

const struct rv_push rv_external_push = { .open_class = watch_open,
                                          .read = watch_read,
                                          .close = watch_close,
                                          .settle = UINT64_C(20000000) };
