/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/wire/client.h"

enum { SLICE_MS = 200, FIRST_ROOM = 64 << 10 };

/* A message kept for a call: rows, or the answer. */
struct kept {
        struct kept *next;
        size_t n;
        char text[];
};

struct rv_ask {
        struct rv_client *client;
        struct rv_ask *next;
        uint64_t id;
        char *method;
        struct kept *first, **last; /* messages with rows that have not been walked */
        size_t kept;
        struct kept *now;     /* whose rows are being walked */
        struct rv_json rows;  /* what is left of them */
        struct kept *answer;  /* the message with the result */
        struct rv_json result;
        struct rv_error error;
        bool over;
        uint64_t until;
};

struct rv_client {
        int fd;
        const volatile int *interrupt;
        struct rv_ask *asks;
        uint64_t last_id;
        char *in;
        size_t len, cap, taken, scanned;
        struct rv_error gone; /* why the connection is over */
        bool unwanted;        /* freed while calls of it remain: the last one ends it */
        void (*heard)(void *, const char *, size_t, const struct rv_json *);
        void *listener;
};

static uint64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int rv_client_connect(const char *path)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof a.sun_path)
                return -ENAMETOOLONG;
        memcpy(a.sun_path, path, strlen(path) + 1);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
                return fd;
        int r = -errno;
        close(fd);
        return r;
}

struct rv_client *rv_client_new(int fd, const volatile int *interrupt)
{
        struct rv_client *c = calloc(1, sizeof *c);
        if (!c) {
                close(fd);
                return NULL;
        }
        c->fd = fd;
        c->interrupt = interrupt;
        return c;
}

struct rv_client *rv_client_free(struct rv_client *c)
{
        if (c && c->asks) {
                c->unwanted = true;
        } else if (c) {
                if (c->fd >= 0)
                        close(c->fd);
                free(c->in);
                free(c);
        }
        return NULL;
}

int rv_client_release(struct rv_client *c)
{
        int fd = c->taken == c->len ? c->fd : -1;
        if (fd >= 0)
                c->fd = -1;
        rv_client_free(c);
        return fd;
}

bool rv_client_gone(const struct rv_client *c)
{
        return c->gone.code != 0;
}

void rv_client_listen(struct rv_client *c, void (*heard)(void *, const char *, size_t, const struct rv_json *),
                      void *state)
{
        c->heard = heard;
        c->listener = state;
}

/* The connection is over, for the reason given, for everyone. */
static int end(struct rv_client *c, const char *why, int error)
{
        if (c->gone.code)
                return c->gone.code;
        c->gone.retryable = true;
        rv_hint(&c->gone, "try again: the next command connects anew");
        if (error)
                rv_fail(&c->gone, RV_UNAVAILABLE, "%s: %s", why, strerror(error));
        else
                rv_fail(&c->gone, RV_UNAVAILABLE, "%s", why);
        return c->gone.code;
}

static int fail_gone(const struct rv_client *c, struct rv_error *err)
{
        if (err)
                *err = c->gone;
        return c->gone.code;
}

static bool interrupted(const struct rv_client *c)
{
        return c->interrupt && *c->interrupt;
}

/* ---- out ---- */

/* All of it, unless the agent does not read for so long that it must be hung. Answers 0 or -errno. */
static int write_all(struct rv_client *c, const char *s, size_t n)
{
        uint64_t until = now_ms() + RV_CLIENT_GRACE * 1000;
        while (n) {
                ssize_t did = send(c->fd, s, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (did < 0 && errno == ENOTSOCK)
                        did = write(c->fd, s, n);
                if (did > 0) {
                        s += did;
                        n -= (size_t)did;
                        continue;
                }
                if (did < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (now_ms() > until)
                        return -ETIMEDOUT;
                struct pollfd p = { c->fd, POLLOUT, 0 };
                poll(&p, 1, SLICE_MS);
        }
        return 0;
}

static void cancel(struct rv_ask *a)
{
        char text[128];
        int n = snprintf(text, sizeof text,
                         "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":%" PRIu64
                         "}}\n",
                         a->id);
        if (!a->client->gone.code && write_all(a->client, text, (size_t)n) < 0)
                end(a->client, "the agent does not take requests", 0);
}

struct rv_ask *rv_client_ask(struct rv_client *c, const char *method, const struct rv_buf *params, bool rows,
                             double timeout, struct rv_error *err)
{
        if (c->gone.code) {
                fail_gone(c, err);
                return NULL;
        }
        struct rv_ask *a = calloc(1, sizeof *a);
        struct rv_buf b = { 0 };
        if (a) {
                a->client = c;
                a->id = ++c->last_id;
                a->last = &a->first;
                a->method = strdup(method);
                a->until = now_ms() + (uint64_t)((timeout > 0 ? timeout : 30) * 1000) + RV_CLIENT_GRACE * 1000;
                rv_buf_putf(&b, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"method\":\"%s\"", a->id, method);
                bool any = params && params->len > 1;
                if (any || rows || timeout > 0)
                        rv_buf_puts(&b, ",\"params\":");
                if (any)
                        rv_buf_put(&b, params->data, params->len);
                if (rows)
                        rv_buf_putf(&b, "%s\"partialResultToken\":%" PRIu64, any ? "," : "{", a->id);
                if (timeout > 0)
                        rv_buf_putf(&b, "%s\"Timeout\":%.3f", any || rows ? "," : "{", timeout);
                rv_buf_puts(&b, any || rows || timeout > 0 ? "}}\n" : "}\n");
        }
        int r = !a || !a->method || b.failed ? -ENOMEM : write_all(c, b.data, b.len);
        rv_buf_free(&b);
        if (r == 0) {
                a->next = c->asks;
                c->asks = a;
                return a;
        }
        if (r == -ENOMEM)
                rv_fail_errno(err, r, "cannot ask the agent");
        else
                end(c, "the agent has gone", r == -EPIPE || r == -ECONNRESET ? 0 : -r), fail_gone(c, err);
        if (a)
                free(a->method);
        free(a);
        return NULL;
}

/* ---- in ---- */

static struct rv_ask *ask_of(struct rv_client *c, const struct rv_json *id)
{
        uint64_t n;
        bool negative;
        if (!rv_json_integer(id, &n, &negative) || negative)
                return NULL;
        for (struct rv_ask *a = c->asks; a; a = a->next)
                if (a->id == n)
                        return a;
        return NULL;
}

static struct kept *keep(const char *s, size_t n)
{
        struct kept *k = malloc(sizeof *k + n);
        if (k) {
                k->next = NULL;
                k->n = n;
                memcpy(k->text, s, n);
        }
        return k;
}

static void copy_text(const struct rv_json *object, const char *name, char *to, size_t size)
{
        struct rv_json v;
        char *s = rv_json_find(*object, name, &v) ? rv_json_strdup(&v) : NULL;
        if (s) {
                size_t n = strlen(s) < size ? strlen(s) : size - 1;
                memcpy(to, s, n);
                to[n] = 0;
        }
        free(s);
}

/* A JSON-RPC error as the outcome that the agent meant. */
void rv_client_error(const struct rv_json *j, struct rv_error *e)
{
        struct rv_json v, data;
        int64_t code = rv_json_find(*j, "code", &v) ? rv_json_int64(&v, 0) : 0;
        e->code = code <= -32000 && code > -32100   ? (int)(-32000 - code)
                  : code == -32800                  ? RV_PULL_HAS_BEEN_ABANDONED
                  : code == -32601                  ? RV_NOT_SUPPORTED
                  : code == -32600 || code == -32602 ? RV_INVALID_PARAMETER
                                                     : RV_FAILED;
        if (!e->code)
                e->code = RV_FAILED;
        copy_text(j, "message", e->message, sizeof e->message);
        if (rv_json_find(*j, "data", &data)) {
                copy_text(&data, "Class", e->class_name, sizeof e->class_name);
                copy_text(&data, "Key", e->key, sizeof e->key);
                copy_text(&data, "Property", e->property, sizeof e->property);
                copy_text(&data, "Hint", e->hint, sizeof e->hint);
                e->retryable = rv_json_find(data, "Retryable", &v) && rv_json_true(&v);
        }
        if (!e->message[0])
                rv_fail(e, e->code, "%s", rv_status_text(e->code));
}

/* Where the rows of a kept progress message are. */
static struct rv_json rows_of(const struct kept *k)
{
        struct rv_json params, rows;
        if (rv_json_find(rv_json_at(k->text, k->n), "params", &params) && rv_json_find(params, "value", &rows))
                return rows;
        return rv_json_at("[]", 2);
}

static int on_progress(struct rv_client *c, const char *s, size_t n, const struct rv_json *params)
{
        struct rv_json token;
        struct rv_ask *a = rv_json_find(*params, "token", &token) ? ask_of(c, &token) : NULL;
        if (!a || a->over)
                return RV_OK; /* of a call that was given up */
        if (a->kept + n > RV_CLIENT_KEPT)
                return rv_fail(&a->error, RV_SERVER_LIMITS_EXCEEDED,
                               "more than %d MiB of rows wait while other calls are under way",
                               RV_CLIENT_KEPT >> 20),
                       a->over = true, cancel(a), RV_OK;
        struct kept *k = keep(s, n);
        if (!k)
                return end(c, "out of memory", 0);
        *a->last = k;
        a->last = &k->next;
        a->kept += n;
        return RV_OK;
}

static int on_answer(struct rv_client *c, const char *s, size_t n, const struct rv_json *id)
{
        struct rv_ask *a = ask_of(c, id);
        struct rv_json error;
        if (!a || a->over)
                return RV_OK;
        a->over = true;
        a->answer = keep(s, n);
        if (!a->answer)
                return end(c, "out of memory", 0);
        struct rv_json all = rv_json_at(a->answer->text, n);
        if (rv_json_find(all, "error", &error))
                rv_client_error(&error, &a->error);
        else if (!rv_json_find(all, "result", &a->result))
                rv_fail(&a->error, RV_FAILED, "the agent's answer to %s cannot be understood", a->method);
        return RV_OK;
}

static int on_message(struct rv_client *c, const char *s, size_t n)
{
        struct rv_json all = rv_json_at(s, n), name, value, id = { 0 }, method = { 0 }, params = { 0 };
        bool has_method = false, has_id = false;
        while (rv_json_next(&all, &name, &value)) {
                if (rv_json_is(&name, "id"))
                        id = value, has_id = true;
                else if (rv_json_is(&name, "method"))
                        method = value, has_method = true;
                else if (rv_json_is(&name, "params"))
                        params = value;
        }
        if (all.bad)
                return end(c, "what answers is not a reeve agent: its message is not JSON", 0);
        if (!has_method)
                return has_id ? on_answer(c, s, n, &id) : RV_OK;
        size_t len = rv_json_size(&method);
        if (len == 12 && memcmp(method.p, "\"$/progress\"", 12) == 0)
                return params.p ? on_progress(c, s, n, &params) : RV_OK;
        if (c->heard && len > 2 && !has_id && params.p)
                c->heard(c->listener, method.p + 1, len - 2, &params);
        return RV_OK;
}

/* The next whole line in the buffer, handled. False: there is none yet. */
static bool handle_line(struct rv_client *c, int *ret)
{
        char *from = c->in + c->taken, *newline = c->len > c->scanned
                                                          ? memchr(c->in + c->scanned, '\n', c->len - c->scanned)
                                                          : NULL;
        if (!newline) {
                c->scanned = c->len;
                return false;
        }
        c->taken = c->scanned = (size_t)(newline + 1 - c->in);
        size_t n = (size_t)(newline - from);
        *ret = n ? on_message(c, from, n) : RV_OK;
        return true;
}

static int make_room(struct rv_client *c)
{
        if (c->taken) {
                memmove(c->in, c->in + c->taken, c->len - c->taken);
                c->len -= c->taken;
                c->scanned -= c->taken;
                c->taken = 0;
        }
        if (c->cap - c->len >= FIRST_ROOM / 4)
                return RV_OK;
        if (c->cap >= RV_CLIENT_LINE)
                return end(c, "the agent's answer is too large", 0);
        size_t cap = c->cap ? c->cap * 2 : FIRST_ROOM;
        char *in = realloc(c->in, cap);
        if (!in)
                return end(c, "out of memory", 0);
        c->in = in;
        c->cap = cap;
        return RV_OK;
}

/* Waits for bytes until the time given, then handles the messages that are whole. */
static int receive(struct rv_client *c, uint64_t until, struct rv_error *err)
{
        int r = RV_OK;
        if (handle_line(c, &r))
                return r ? fail_gone(c, err) : RV_OK;
        if (c->gone.code || make_room(c))
                return fail_gone(c, err);
        for (;;) {
                ssize_t n = recv(c->fd, c->in + c->len, c->cap - c->len, MSG_DONTWAIT);
                if (n < 0 && errno == ENOTSOCK)
                        n = read(c->fd, c->in + c->len, c->cap - c->len);
                if (n > 0) {
                        c->len += (size_t)n;
                        return RV_OK;
                }
                if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                        end(c, "the agent has gone", n < 0 && errno != ECONNRESET ? errno : 0);
                        return fail_gone(c, err);
                }
                if (interrupted(c))
                        return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "interrupted");
                uint64_t now = now_ms();
                if (now >= until)
                        return rv_fail(err, RV_TIMED_OUT, "nothing came in time");
                struct pollfd p = { c->fd, POLLIN, 0 };
                poll(&p, 1, (int)(until - now < SLICE_MS ? until - now : SLICE_MS));
        }
}

int rv_client_wait(struct rv_client *c, double seconds, struct rv_error *err)
{
        return c->gone.code ? fail_gone(c, err) : receive(c, now_ms() + (uint64_t)(seconds * 1000), err);
}

/* ---- calls ---- */

/* One more message, or the call's end for a reason of ours. */
static int wait_for(struct rv_ask *a, struct rv_error *err)
{
        struct rv_error e = { 0 };
        int r = receive(a->client, a->until, &e);
        if (r == RV_OK)
                return RV_OK;
        if (r == RV_TIMED_OUT) {
                rv_hint(&e, "look at the agent's log; it answers each call by its deadline unless it hangs");
                rv_fail(&e, r, "the agent does not answer %s", a->method);
        }
        if (r != RV_UNAVAILABLE)
                cancel(a);
        a->over = true;
        a->error = e;
        if (err)
                *err = e;
        return r;
}

int rv_ask_row(struct rv_ask *a, struct rv_json *ret, struct rv_error *err)
{
        for (;;) {
                if (a->now && rv_json_next(&a->rows, NULL, ret))
                        return RV_OK;
                free(a->now);
                a->now = a->first;
                if (a->now) {
                        a->first = a->now->next;
                        if (!a->first)
                                a->last = &a->first;
                        a->kept -= a->now->n;
                        a->rows = rows_of(a->now);
                        a->until = now_ms() + 3600 * 1000;
                        continue;
                }
                if (a->over && a->error.code) {
                        if (err)
                                *err = a->error;
                        return a->error.code;
                }
                if (a->over)
                        return RV_STOP;
                int r = wait_for(a, err);
                if (r)
                        return r;
        }
}

int rv_ask_result(struct rv_ask *a, struct rv_json *ret, struct rv_error *err)
{
        struct rv_json row;
        int r;
        while ((r = rv_ask_row(a, &row, err)) == RV_OK)
                ;
        if (r != RV_STOP)
                return r;
        *ret = a->result;
        return RV_OK;
}

struct rv_ask *rv_ask_free(struct rv_ask *a)
{
        if (!a)
                return NULL;
        if (!a->over)
                cancel(a);
        struct rv_ask **at = &a->client->asks;
        while (*at != a)
                at = &(*at)->next;
        *at = a->next;
        if (a->client->unwanted)
                rv_client_free(a->client);
        for (struct kept *k; (k = a->first);) {
                a->first = k->next;
                free(k);
        }
        free(a->now);
        free(a->answer);
        free(a->method);
        free(a);
        return NULL;
}
