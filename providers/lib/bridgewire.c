/* SPDX-License-Identifier: MIT
 *
 * The Docker bridge's client: see bridgewire.h.
 */
#include "providers/lib/bridgewire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/provider.h"

enum { PATIENCE = 60000 }; /* ms between the pieces of one request */

/* ---- in ---- */

/* More bytes. 0; -EPIPE at the end; -ETIMEDOUT. patience: ms, -1: for ever. */
static int more(struct rv_bridge_wire *w, int patience)
{
        if (w->at) {
                memmove(w->in, w->in + w->at, w->n - w->at);
                w->n -= w->at;
                w->at = 0;
        }
        if (w->n == sizeof w->in)
                return -EFBIG;
        for (;;) {
                ssize_t n = recv(w->client, w->in + w->n, sizeof w->in - w->n, MSG_DONTWAIT);
                if (n > 0) {
                        w->n += (size_t)n;
                        return 0;
                }
                if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        return -EPIPE;
                struct pollfd p = { .fd = w->client, .events = POLLIN };
                if (poll(&p, 1, patience) == 0)
                        return -ETIMEDOUT;
        }
}

ssize_t rv_bridge_head(struct rv_bridge_wire *w)
{
        for (;;) {
                char *end = memmem(w->in + w->at, w->n - w->at, "\r\n\r\n", 4);
                if (end)
                        return end + 4 - (w->in + w->at);
                int e = more(w, w->n > w->at ? PATIENCE : -1);
                if (e)
                        return e == -EPIPE && w->n == w->at ? 0 : e;
        }
}

void rv_bridge_body_begin(struct rv_bridge_wire *w)
{
        w->chunked = w->req.chunked;
        w->in_chunk = false;
        w->left = w->req.length > 0 ? (uint64_t)w->req.length : 0;
        w->ended = !w->chunked && !w->left;
}

/* The next line of the framing, at most 64 bytes, its end taken away. */
static int line(struct rv_bridge_wire *w, char *to, size_t size)
{
        for (;;) {
                char *end = memmem(w->in + w->at, w->n - w->at, "\r\n", 2);
                size_t n = end ? (size_t)(end - (w->in + w->at)) : w->n - w->at;
                if (n >= size)
                        return -EPROTO;
                if (end) {
                        memcpy(to, w->in + w->at, n);
                        to[n] = 0;
                        w->at += n + 2;
                        return strlen(to) == n ? 0 : -EPROTO;
                }
                int e = more(w, PATIENCE);
                if (e)
                        return e;
        }
}

/* Sizes of digits only: no extensions, no signs, no trailers. */
static int next_chunk(struct rv_bridge_wire *w)
{
        char text[64];
        int e = w->in_chunk ? line(w, text, sizeof text) : 0;
        if (e || (w->in_chunk && *text))
                return e ? e : -EPROTO;
        if ((e = line(w, text, sizeof text)))
                return e;
        if (!*text || strlen(text) > 12 || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
                return -EPROTO;
        w->left = strtoull(text, NULL, 16);
        w->in_chunk = true;
        if (w->left)
                return 0;
        w->ended = true;
        e = line(w, text, sizeof text);
        return e ? e : *text ? -EPROTO : 0;
}

ssize_t rv_bridge_body(struct rv_bridge_wire *w, char *to, size_t room)
{
        int e = 0;
        if (!w->ended && w->chunked && !w->left)
                e = next_chunk(w);
        if (e || w->ended)
                return e;
        if (w->at == w->n && (e = more(w, PATIENCE)))
                return e;
        size_t n = w->n - w->at;
        n = n < room ? n : room;
        n = n < w->left ? n : (size_t)w->left;
        memcpy(to, w->in + w->at, n);
        w->at += n;
        w->left -= n;
        w->ended = !w->chunked && !w->left;
        return (ssize_t)n;
}

int rv_bridge_body_all(struct rv_bridge_wire *w, size_t most, char **ret, size_t *ret_n)
{
        char *all = malloc(most + 1);
        size_t n = 0;
        ssize_t got = all ? 0 : -ENOMEM;
        while (all && n < most && (got = rv_bridge_body(w, all + n, most - n)) > 0)
                n += (size_t)got;
        if (got >= 0 && !w->ended) { /* chunks may still have their end to come */
                char one;
                got = rv_bridge_body(w, &one, 1);
                got = got > 0 ? -EFBIG : got;
        }
        if (got < 0) {
                free(all);
                return (int)got;
        }
        all[n] = 0;
        *ret = all;
        *ret_n = n;
        return 0;
}

void rv_bridge_drain(struct rv_bridge_wire *w)
{
        char some[16384];
        uint64_t most = UINT64_C(1) << 30, until = rv_now() + UINT64_C(20000000000);
        ssize_t n;
        while (most > sizeof some && rv_now() < until && (n = rv_bridge_body(w, some, sizeof some)) > 0)
                most -= (uint64_t)n;
}

/* ---- out ---- */

int rv_bridge_put(struct rv_bridge_wire *w, const void *data, size_t n)
{
        const char *p = data;
        while (n) {
                ssize_t put = send(w->client, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (put < 0 && errno != EAGAIN && errno != EINTR)
                        return -EPIPE;
                if (put < 0) {
                        struct pollfd q = { .fd = w->client, .events = POLLOUT };
                        poll(&q, 1, -1);
                        continue;
                }
                p += put;
                n -= (size_t)put;
        }
        return 0;
}

static const char *reason(int status)
{
        static const struct {
                int status;
                const char *text;
        } table[] = { { 101, "UPGRADED" }, { 200, "OK" },        { 201, "Created" },       { 204, "No Content" },
                      { 304, "Not Modified" }, { 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" },
                      { 409, "Conflict" },  { 413, "Content Too Large" }, { 500, "Internal Server Error" },
                      { 503, "Service Unavailable" } };
        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                if (table[i].status == status)
                        return table[i].text;
        return "Answer";
}

static int put_head(struct rv_bridge_wire *w, int status, const char *head, const char *framing)
{
        char *text;
        int n = asprintf(&text, "HTTP/1.1 %d %s\r\n%s%s\r\n", status, reason(status), head ? head : "", framing);
        int e = n < 0 ? -ENOMEM : rv_bridge_put(w, text, (size_t)n);
        if (n >= 0)
                free(text);
        return e;
}

int rv_bridge_answer(struct rv_bridge_wire *w, int status, const char *head, const char *body, size_t n)
{
        char length[48];
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
        int e = put_head(w, status, head, length);
        return e ? e : rv_bridge_put(w, body, n);
}

int rv_bridge_answer_chunked(struct rv_bridge_wire *w, int status, const char *head)
{
        return put_head(w, status, head, "Transfer-Encoding: chunked\r\n");
}

int rv_bridge_chunk(struct rv_bridge_wire *w, const char *data, size_t n)
{
        char size[32];
        int e = rv_bridge_put(w, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
        if (e == 0 && n)
                e = rv_bridge_put(w, data, n);
        return e ? e : rv_bridge_put(w, "\r\n", 2);
}

int rv_bridge_say(struct rv_bridge_wire *w, int status, const char *message, bool close)
{
        json_t *j = json_pack("{ss}", "message", message);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        int e = text ? rv_bridge_answer(w, status,
                                        close ? "Content-Type: application/json\r\nConnection: close\r\n"
                                              : "Content-Type: application/json\r\n",
                                        strcmp(w->req.method, "HEAD") == 0 ? "" : text,
                                        strcmp(w->req.method, "HEAD") == 0 ? 0 : strlen(text))
                     : -ENOMEM;
        free(text);
        json_decref(j);
        return e;
}

/* ---- between ---- */

int rv_bridge_wait(struct rv_bridge_wire *w, struct rv_http *h)
{
        while (h->at == h->n) {
                struct pollfd p[2] = { { .fd = w->client }, /* only that it has gone */
                                       { .fd = h->fd, .events = POLLIN } };
                if (poll(p, 2, -1) < 0 && errno != EINTR)
                        return -errno;
                if (p[1].revents)
                        return 0;
                if (p[0].revents & (POLLHUP | POLLERR))
                        return -EPIPE;
        }
        return 0;
}

int rv_bridge_relay(struct rv_bridge_wire *w, struct rv_http *h, const char *head)
{
        char data[16384];
        ssize_t n;
        if (h->ended && !h->chunked) { /* no body: what its length was said to be is kept for HEAD only */
                bool none = h->status == 204 || h->status == 304 || strcmp(w->req.method, "HEAD") == 0;
                return put_head(w, h->status, head, none ? "" : "Content-Length: 0\r\n");
        }
        int e = rv_bridge_answer_chunked(w, h->status, head);
        while (e == 0 && (e = h->ended ? 0 : rv_bridge_wait(w, h)) == 0) {
                h->deadline = rv_now() + UINT64_C(30000000000);
                n = rv_http_read(h, data, sizeof data);
                if (n <= 0)
                        return n < 0 ? (int)n : rv_bridge_chunk(w, NULL, 0);
                e = rv_bridge_chunk(w, data, (size_t)n);
        }
        return e;
}

/* One way of the two. */
struct way {
        int from, to;
        char *data;
        size_t size, at, n;
        bool ended, told;
};

static void pump(struct way *y, short from, short to)
{
        if (y->n == y->at && !y->ended && from) {
                ssize_t n = recv(y->from, y->data, y->size, MSG_DONTWAIT);
                y->at = 0;
                y->n = n > 0 ? (size_t)n : 0;
                y->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
        } else if (y->n > y->at && to) {
                ssize_t put = send(y->to, y->data + y->at, y->n - y->at, MSG_NOSIGNAL | MSG_DONTWAIT);
                y->at += put > 0 ? (size_t)put : 0;
                if (put < 0 && errno != EAGAIN && errno != EINTR) {
                        y->ended = true;
                        y->at = y->n;
                }
        }
        if (y->ended && y->n == y->at && !y->told) {
                shutdown(y->to, SHUT_WR);
                y->told = true;
        }
}

void rv_bridge_pass(struct rv_bridge_wire *w, struct rv_http *h, const char *head)
{
        struct way in = { w->client, h->fd, w->in, sizeof w->in, w->at, w->n, false, false },
                   out = { h->fd, w->client, h->buf, sizeof h->buf, h->at, h->n, false, false };
        if (put_head(w, h->status, head, h->status == 101 ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : ""))
                return;
        /* When the engine's side has ended there is nothing more to come: what the client still types is for nobody. */
        while (!out.told) {
                struct pollfd p[2] = { { .fd = w->client }, { .fd = h->fd } };
                p[0].events = (short)((in.n == in.at && !in.ended ? POLLIN : 0) | (out.n > out.at ? POLLOUT : 0));
                p[1].events = (short)((out.n == out.at && !out.ended ? POLLIN : 0) | (in.n > in.at ? POLLOUT : 0));
                if (!p[0].events && !in.ended)
                        p[0].events = POLLRDHUP;
                if (poll(p, 2, -1) < 0 && errno != EINTR)
                        return;
                if (p[0].revents & (POLLERR | POLLHUP) && !(p[0].revents & POLLIN))
                        return; /* nobody reads any more */
                pump(&in, p[0].revents & (POLLIN | POLLHUP), p[1].revents & (POLLOUT | POLLERR | POLLHUP));
                pump(&out, p[1].revents & (POLLIN | POLLHUP | POLLERR), p[0].revents & POLLOUT);
        }
}
