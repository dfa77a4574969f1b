/* SPDX-License-Identifier: MIT */
#include "providers/lib/engine.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What we speak; an engine that knows less is spoken to in its own version. 1.41 is Debian 12's; 1.44 is the least that
 * the newest engines take. */
static const int ours_minor = 44;
static _Atomic int agreed_minor; /* 0: not asked yet */

struct link {
        struct rv_engine *e;
        int fd;
        struct rv_buf in; /* what has come and is not used up, from `at` */
        size_t at;
};

static const char *socket_path(void)
{
        const char *host = getenv("DOCKER_HOST");
        if (host && strncmp(host, "unix://", 7) == 0)
                return host + 7;
        return access("/run/docker.sock", F_OK) == 0 || access("/run/podman/podman.sock", F_OK) != 0
                       ? "/run/docker.sock"
                       : "/run/podman/podman.sock";
}

/* ---- bytes ---- */

static int late(struct rv_engine *e, struct rv_error *err)
{
        if (e->call && rv_cancelled(e->call) && rv_now() < e->deadline)
                return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "%s: cancelled", e->what);
        rv_hint(err, "Is the engine busy or stuck? systemctl status docker");
        return rv_fail(err, RV_TIMED_OUT, "%s: the engine did not answer in time", e->what);
}

/* Waits in short turns, so that a cancelled call ends soon. */
static int wait_for(struct link *l, short events, struct rv_error *err)
{
        for (;;) {
                uint64_t now = rv_now();
                if (now >= l->e->deadline || (l->e->call && rv_cancelled(l->e->call)))
                        return late(l->e, err);
                uint64_t left = (l->e->deadline - now) / 1000000 + 1;
                struct pollfd p = { l->fd, events, 0 };
                int r = poll(&p, 1, left < 200 ? (int)left : 200);
                if (r > 0)
                        return RV_OK;
                if (r < 0 && errno != EINTR)
                        return rv_fail_errno(err, errno, "%s", l->e->what);
        }
}

static int connect_to(struct link *l, struct rv_error *err)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        const char *path = socket_path();
        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0)
                return rv_fail_errno(err, errno, "%s", l->e->what);
        while (connect(l->fd, (struct sockaddr *)&a, sizeof a) < 0) {
                int e = errno;
                if (e == EAGAIN) { /* its queue is full: it does not accept */
                        int r = rv_now() >= l->e->deadline ? late(l->e, err) : RV_OK;
                        if (r)
                                return r;
                        usleep(20000);
                        continue;
                }
                if (e == ENOENT || e == ECONNREFUSED) {
                        rv_hint(err, "Start it (systemctl start docker), or install docker.io.");
                        rv_fail(err, RV_UNAVAILABLE, "%s: no container engine runs here (%s)", l->e->what,
                                path);
                        err->retryable = true;
                        return RV_UNAVAILABLE;
                }
                return rv_fail_errno(err, e, "%s: cannot reach the engine at %s", l->e->what, path);
        }
        return RV_OK;
}

static int send_all(struct link *l, const char *s, size_t n, struct rv_error *err)
{
        while (n) {
                ssize_t w = send(l->fd, s, n, MSG_NOSIGNAL);
                if (w < 0 && (errno == EAGAIN || errno == EINTR)) {
                        int r = wait_for(l, POLLOUT, err);
                        if (r)
                                return r;
                        continue;
                }
                if (w < 0)
                        return errno == EPIPE ? RV_OK
                                              : rv_fail_errno(err, errno, "%s",
                                                              l->e->what); /* its answer tells why */
                s += w;
                n -= (size_t)w;
        }
        return RV_OK;
}

/* More bytes. RV_STOP: the end. */
static int more(struct link *l, struct rv_error *err)
{
        if (l->at) { /* what has been used up makes room */
                memmove(l->in.data, l->in.data + l->at, l->in.len - l->at);
                l->in.len -= l->at;
                l->at = 0;
        }
        if (!rv_buf_room(&l->in, 65536))
                return -ENOMEM;
        for (;;) {
                ssize_t n = recv(l->fd, l->in.data + l->in.len, 65536, 0);
                if (n > 0) {
                        l->in.len += (size_t)n;
                        return RV_OK;
                }
                if (n == 0)
                        return RV_STOP;
                if (errno != EAGAIN && errno != EINTR)
                        return rv_fail_errno(err, errno, "%s", l->e->what);
                int r = wait_for(l, POLLIN, err);
                if (r)
                        return r;
        }
}

static int broken(struct link *l, struct rv_error *err)
{
        return rv_fail(err, RV_FAILED, "%s: the engine's answer is broken off or malformed", l->e->what);
}

/* A line of the head, without its end, cut at the bound. */
static int line(struct link *l, char *to, size_t size, struct rv_error *err)
{
        for (;;) {
                char *from = l->in.data + l->at,
                     *end = l->in.len > l->at ? memchr(from, '\n', l->in.len - l->at) : NULL;
                if (end) {
                        size_t n = (size_t)(end - from);
                        l->at += n + 1;
                        n -= n && from[n - 1] == '\r';
                        snprintf(to, size, "%.*s", n < size ? (int)n : (int)size - 1, from);
                        return RV_OK;
                }
                if (l->in.len - l->at > 65536)
                        return broken(l, err);
                int r = more(l, err);
                if (r)
                        return r == RV_STOP ? broken(l, err) : r;
        }
}

/* n bytes, each part given on as it comes. n == SIZE_MAX: up to the end. */
struct taker {
        int (*take)(void *, const char *, size_t, struct rv_error *);
        void *state;
};
static int bytes(struct link *l, size_t n, const struct taker *t, struct rv_error *err)
{
        while (n) {
                size_t have = l->in.len - l->at, use = have < n ? have : n;
                if (use) {
                        int r = t->take(t->state, l->in.data + l->at, use, err);
                        l->at += use;
                        n -= n == SIZE_MAX ? 0 : use;
                        if (r)
                                return r;
                        continue;
                }
                int r = more(l, err);
                if (r == RV_STOP)
                        return n == SIZE_MAX ? RV_OK : broken(l, err);
                if (r)
                        return r;
        }
        return RV_OK;
}

static int chunks(struct link *l, const struct taker *t, struct rv_error *err)
{
        char text[100];
        for (;;) {
                int r = line(l, text, sizeof text, err);
                if (r)
                        return r;
                char *end;
                unsigned long n = strtoul(text, &end, 16);
                if (end == text || n > RV_ENGINE_ANSWER)
                        return broken(l, err);
                r = n ? bytes(l, n, t, err) : RV_OK;
                if (r || n == 0)
                        return r;
                r = line(l, text, sizeof text, err);
                if (r)
                        return r;
        }
}

/* ---- answers ---- */

struct answer {
        struct rv_engine *e;
        int status;
        size_t length;
        bool chunked, framed; /* framed: pieces of standard output and error */
        struct rv_buf body;
        /* the frame that is being taken */
        unsigned char head[8];
        size_t nhead, left;
};

static int take_body(void *state, const char *s, size_t n, struct rv_error *err)
{
        struct answer *a = state;
        if (a->body.len + n > RV_ENGINE_ANSWER)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "%s: the engine's answer is longer than %d MB",
                               a->e->what, RV_ENGINE_ANSWER >> 20);
        rv_buf_put(&a->body, s, n);
        return a->body.failed ? -ENOMEM : RV_OK;
}

/* Frames: stream, three zeros, four bytes of length. */
static int take_frames(void *state, const char *s, size_t n, struct rv_error *err)
{
        struct answer *a = state;
        (void)err;
        while (n) {
                if (!a->framed) {
                        return a->e->piece(a->e->piece_state, 1, s, n) ? RV_OK : RV_STOP;
                } else if (a->nhead < 8) {
                        a->head[a->nhead++] = (unsigned char)*s++;
                        n--;
                        a->left = (size_t)a->head[4] << 24 | (size_t)a->head[5] << 16 |
                                  (size_t)a->head[6] << 8 | a->head[7];
                } else {
                        size_t use = n < a->left ? n : a->left;
                        if (use && !a->e->piece(a->e->piece_state, a->head[0] == 2 ? 2 : 1, s, use))
                                return RV_STOP;
                        s += use;
                        n -= use;
                        a->left -= use;
                }
                if (a->nhead == 8 && a->left == 0)
                        a->nhead = 0;
        }
        return RV_OK;
}

static int head(struct link *l, struct answer *a, struct rv_error *err)
{
        char text[1024];
        int r = line(l, text, sizeof text, err);
        if (r)
                return r;
        if (sscanf(text, "HTTP/1.%*c %d", &a->status) != 1)
                return broken(l, err);
        a->length = SIZE_MAX;
        while ((r = line(l, text, sizeof text, err)) == RV_OK && *text) {
                if (strncasecmp(text, "Content-Length:", 15) == 0)
                        a->length = strtoul(text + 15, NULL, 10);
                else if (strncasecmp(text, "Transfer-Encoding:", 18) == 0)
                        a->chunked = strcasestr(text, "chunked") != NULL;
                else if (strncasecmp(text, "Content-Type:", 13) == 0 && strstr(text, "multiplexed-stream"))
                        a->framed = true;
                else if (strncasecmp(text, "Api-Version:", 12) == 0) {
                        int minor = 0;
                        sscanf(text + 12, " 1.%d", &minor);
                        if (minor > 0)
                                agreed_minor = minor < ours_minor ? minor : ours_minor;
                }
        }
        if (a->status == 204 || a->status == 304 || (a->status >= 100 && a->status < 200))
                a->length = 0;
        return r;
}

/* The engine's own words. */
static int outcome(struct rv_engine *e, const struct answer *a, struct rv_error *err)
{
        json_t *j = a->body.len ? json_loadb(a->body.data, a->body.len, 0, NULL) : NULL;
        const char *said = json_string_value(json_object_get(j, "message"));
        int code = a->status == 400   ? RV_INVALID_PARAMETER
                   : a->status == 403 ? RV_ACCESS_DENIED
                   : a->status == 404 ? RV_NOT_FOUND
                   : a->status == 409 ? RV_FAILED
                   : a->status == 501 ? RV_NOT_SUPPORTED
                   : a->status == 503 ? RV_NOT_SUPPORTED /* not part of a swarm */
                                      : RV_FAILED;
        if (said && a->status == 409 && strstr(said, "already in use"))
                code = RV_ALREADY_EXISTS;
        rv_fail(err, code, "%s: %.220s", e->what, said ? said : "the engine refused");
        for (char *p = err ? err->message : NULL; p && *p; p++)
                if ((unsigned char)*p < ' ')
                        *p = ' ';
        json_decref(j);
        return code;
}

static int finish(struct rv_engine *e, struct answer *a, json_t **ret, struct rv_error *err)
{
        if (a->status >= 400)
                return outcome(e, a, err);
        if (!ret)
                return RV_OK;
        *ret = a->body.len
                       ? json_loadb(a->body.data, a->body.len, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL)
                       : NULL;
        if (a->body.len && !*ret)
                return rv_fail(err, RV_FAILED, "%s: the engine's answer is no JSON", e->what);
        return RV_OK;
}

struct request {
        const char *method, *path, *type, *data;
        size_t n;
        bool versioned;
};

static int run(struct rv_engine *e, const struct request *q, json_t **ret, struct rv_error *err)
{
        struct link l = { .e = e, .fd = -1 };
        struct answer a = { .e = e };
        struct rv_buf out = { 0 };
        char version[16] = "";
        if (q->versioned && agreed_minor)
                snprintf(version, sizeof version, "/v1.%d", agreed_minor);
        rv_buf_putf(&out, "%s %s%s HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n", q->method, version,
                    q->path);
        if (q->data || strcmp(q->method, "POST") == 0)
                rv_buf_putf(&out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                            q->type ? q->type : "application/json", q->n);
        rv_buf_puts(&out, "\r\n");
        e->status = 0;
        int r = out.failed ? -ENOMEM : connect_to(&l, err);
        if (r == RV_OK)
                r = send_all(&l, out.data, out.len, err);
        if (r == RV_OK && q->n)
                r = send_all(&l, q->data, q->n, err);
        if (r == RV_OK)
                r = head(&l, &a, err);
        bool streams = e->piece && a.status < 400;
        /* Old engines do not say that the body is in frames: a container without terminal has them. */
        if (streams && agreed_minor && agreed_minor < 42)
                a.framed = true;
        const struct taker t = { streams ? take_frames : take_body, &a };
        if (r == RV_OK)
                r = a.chunked ? chunks(&l, &t, err) : bytes(&l, a.length, &t, err);
        e->status = a.status;
        if (r == RV_OK)
                r = finish(e, &a, streams ? NULL : ret, err);
        if (l.fd >= 0)
                close(l.fd);
        rv_buf_free(&out);
        rv_buf_free(&l.in);
        rv_buf_free(&a.body);
        return r == RV_STOP ? RV_OK : r;
}

static int ask(struct rv_engine *e, struct request *q, json_t **ret, struct rv_error *err, const char *path,
               va_list ap)
{
        char *text = NULL;
        if (ret)
                *ret = NULL;
        if (!agreed_minor) { /* an engine that was replaced by an older one says so itself: then it is asked anew */
                bool (*piece)(void *, int, const char *, size_t) = e->piece;
                e->piece = NULL;
                int r = run(e, &(struct request) { .method = "GET", .path = "/_ping" }, NULL, err);
                e->piece = piece;
                if (r)
                        return r;
        }
        if (vasprintf(&text, path, ap) < 0)
                return -ENOMEM;
        q->path = text;
        q->versioned = true;
        int r = run(e, q, ret, err);
        if (e->status == 400 && err && strstr(err->message, "client version"))
                agreed_minor = 0;
        free(text);
        return r;
}

int rv_engine_get(struct rv_engine *e, json_t **ret, struct rv_error *err, const char *path, ...)
{
        va_list ap;
        va_start(ap, path);
        int r = ask(e, &(struct request) { .method = "GET" }, ret, err, path, ap);
        va_end(ap);
        return r;
}

int rv_engine_delete(struct rv_engine *e, struct rv_error *err, const char *path, ...)
{
        va_list ap;
        va_start(ap, path);
        int r = ask(e, &(struct request) { .method = "DELETE" }, NULL, err, path, ap);
        va_end(ap);
        return r;
}

int rv_engine_post(struct rv_engine *e, json_t *body, json_t **ret, struct rv_error *err, const char *path,
                   ...)
{
        va_list ap;
        char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        json_decref(body);
        va_start(ap, path);
        int r = body && !text ? -ENOMEM
                              : ask(e,
                                    &(struct request) {
                                            .method = "POST", .data = text, .n = text ? strlen(text) : 0 },
                                    ret, err, path, ap);
        va_end(ap);
        free(text);
        return r;
}

int rv_engine_send(struct rv_engine *e, const char *type, const char *data, size_t n, json_t **ret,
                   struct rv_error *err, const char *path, ...)
{
        va_list ap;
        va_start(ap, path);
        int r = ask(e, &(struct request) { .method = "POST", .type = type, .data = data, .n = n }, ret, err,
                    path, ap);
        va_end(ap);
        return r;
}

const char *rv_engine_escape(char *to, size_t size, const char *text)
{
        size_t n = 0;
        for (const unsigned char *s = (const unsigned char *)text; *s && n + 4 < size; s++)
                if (isalnum(*s) || strchr("-_.~", *s))
                        to[n++] = (char)*s;
                else
                        n += (size_t)snprintf(to + n, size - n, "%%%02X", *s);
        to[n] = 0;
        return to;
}

/* ---- JSON ---- */

json_t *rv_engine_at(json_t *j, const char *path)
{
        char name[80];
        while (j && *path) {
                size_t n = strcspn(path, ".");
                snprintf(name, sizeof name, "%.*s", (int)n, path);
                j = json_object_get(j, name);
                path += n + (path[n] == '.');
        }
        return j;
}

const char *rv_engine_text(json_t *j, const char *path)
{
        return json_string_value(rv_engine_at(j, path));
}

int64_t rv_engine_int(json_t *j, const char *path)
{
        return json_integer_value(rv_engine_at(j, path));
}

bool rv_engine_time(json_t *j, const char *path, int64_t *ret_ns)
{
        json_t *v = rv_engine_at(j, path);
        if (json_is_integer(v)) {
                *ret_ns = json_integer_value(v) * INT64_C(1000000000);
                return json_integer_value(v) > 0;
        }
        const char *s = json_string_value(v);
        return s && strncmp(s, "0001-", 5) != 0 && rv_datetime_parse(s, strlen(s), ret_ns);
}

void rv_engine_list(struct rv_row *row, unsigned p, json_t *j)
{
        json_t *v;
        size_t i;
        if (!rv_wants(row, p) || !json_is_array(j))
                return;
        rv_list list = rv_set_list(row, p, (uint32_t)json_array_size(j));
        json_array_foreach(j, i, v)
        {
                const char *s = json_string_value(v);
                rv_item_string(row, list, (uint32_t)i, s ? s : "", s ? strlen(s) : 0);
        }
}

void rv_engine_map(struct rv_row *row, unsigned p, json_t *j)
{
        const char *name;
        json_t *v;
        uint32_t i = 0;
        if (!rv_wants(row, p) || !json_is_object(j))
                return;
        rv_list list = rv_set_list(row, p, 2 * (uint32_t)json_object_size(j));
        json_object_foreach(j, name, v)
        {
                const char *s = json_string_value(v);
                rv_item_string(row, list, i++, name, strlen(name));
                rv_item_string(row, list, i++, s ? s : "", s ? strlen(s) : 0);
        }
}
