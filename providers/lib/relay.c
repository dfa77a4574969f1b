/* SPDX-License-Identifier: MIT
 *
 * Streams of an engine: see relay.h.
 */
#include "providers/lib/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/json.h"

/* ---- to the client ---- */

static int put_all(int fd, const void *data, size_t n)
{
        const char *p = data;
        while (n) {
                ssize_t put = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (put > 0) {
                        p += put;
                        n -= (size_t)put;
                        continue;
                }
                if (put < 0 && errno != EAGAIN && errno != EINTR)
                        return -EPIPE;
                struct pollfd w = { .fd = fd, .events = POLLOUT };
                if (poll(&w, 1, -1) > 0 && w.revents & (POLLERR | POLLHUP) && !(w.revents & POLLOUT))
                        return -EPIPE;
        }
        return 0;
}

int rv_relay_put(int client, enum rv_piece kind, const void *data, size_t n)
{
        uint8_t head[RV_PIECE_HEAD];
        rv_piece_head(head, kind, (uint32_t)n);
        int e = put_all(client, head, sizeof head);
        return e ? e : put_all(client, data, n);
}

void rv_relay_status(int client, int32_t status)
{
        const uint32_t u = (uint32_t)status;
        const uint8_t text[4] = { (uint8_t)(u >> 24), (uint8_t)(u >> 16), (uint8_t)(u >> 8), (uint8_t)u };
        rv_relay_put(client, RV_PIECE_STATUS, text, sizeof text);
}

void rv_relay_failed(int client, const struct rv_error *err)
{
        struct rv_buf b = { 0 };
        rv_json_error(&b, err);
        if (!b.failed)
                rv_relay_put(client, RV_PIECE_FAILED, b.data, b.len);
        rv_buf_free(&b);
}

/* ---- from the client ---- */

/* What comes from the client, piece by piece. */
struct pieces {
        uint8_t head[RV_PIECE_HEAD];
        unsigned nhead;
        enum rv_piece kind;
        uint32_t left; /* of the piece */
        uint8_t size[4];
};

/* Some input bytes at *ret (of the piece that is under way), or 0 and *kind of a piece that is complete and was none of
 * input. Takes from [*at, end). */
static size_t next_input(struct pieces *p, const uint8_t **at, const uint8_t *end, const uint8_t **ret,
                         int *ret_kind)
{
        *ret_kind = -1;
        while (*at < end) {
                if (p->nhead < RV_PIECE_HEAD) {
                        p->head[p->nhead++] = *(*at)++;
                        if (p->nhead < RV_PIECE_HEAD)
                                continue;
                        bool good = rv_piece_read(p->head, &p->kind, &p->left);
                        bool fits = p->kind == RV_PIECE_INPUT  ? p->left <= RV_PIECE_MOST
                                    : p->kind == RV_PIECE_SIZE ? p->left == sizeof p->size
                                                               : p->kind == RV_PIECE_END && p->left == 0;
                        *ret_kind = good && fits ? -1 : RV_PIECE_KINDS;
                        if (!good || !fits)
                                return 0;
                } else if (p->kind == RV_PIECE_INPUT && p->left) {
                        size_t n = (size_t)(end - *at) < p->left ? (size_t)(end - *at) : p->left;
                        *ret = *at;
                        *at += n;
                        p->left -= (uint32_t)n;
                        p->nhead = p->left ? p->nhead : 0;
                        return n;
                } else if (p->left) {
                        p->size[sizeof p->size - p->left--] = *(*at)++;
                }
                if (p->nhead == RV_PIECE_HEAD && !p->left) {
                        p->nhead = 0;
                        *ret_kind = (int)p->kind;
                        if (p->kind != RV_PIECE_INPUT)
                                return 0;
                }
        }
        return 0;
}

int rv_relay_receive(int client, int to, uint64_t most)
{
        uint8_t data[32768];
        struct pieces p = { .nhead = 0 };
        for (;;) {
                ssize_t n = recv(client, data, sizeof data, MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                        struct pollfd w = { .fd = client, .events = POLLIN };
                        poll(&w, 1, -1);
                        continue;
                }
                if (n <= 0)
                        return -EPIPE;
                for (const uint8_t *at = data, *end = data + n, *text; at < end;) {
                        int kind;
                        size_t got = next_input(&p, &at, end, &text, &kind);
                        if (kind == RV_PIECE_KINDS)
                                return -EPROTO;
                        if (kind == RV_PIECE_END)
                                return 0;
                        if (got > most)
                                return -EFBIG;
                        most -= got;
                        for (ssize_t put; got; text += put, got -= (size_t)put)
                                if ((put = write(to, text, got)) < 0)
                                        return -errno;
                }
        }
}

/* ---- both ways ---- */

struct both {
        struct rv_relay *r;
        struct pieces in;
        uint8_t from_client[16384];
        const uint8_t *at, *end; /* of it: not taken yet */
        const uint8_t *give;     /* of that: for the engine now */
        size_t ngive;
        bool input_over;
        /* From the engine: its frames. */
        uint8_t head[8];
        unsigned nhead;
        uint32_t left;
        /* To the client: a head and what it announces, not sent yet. */
        uint8_t out_head[RV_PIECE_HEAD];
        unsigned out_head_left;
        char from_engine[16384];
        const char *out;
        size_t nout, rest; /* rest: of from_engine behind out, to be looked at */
};

/* The next piece out of what the engine has sent. */
static int frame(struct both *b)
{
        while (b->rest && !b->nout) {
                enum rv_piece kind = RV_PIECE_OUTPUT;
                if (b->r->framed && !b->left) {
                        b->head[b->nhead++] = (uint8_t)*b->out++;
                        b->rest--;
                        if (b->nhead < sizeof b->head)
                                continue;
                        b->nhead = 0;
                        b->left = (uint32_t)b->head[4] << 24 | (uint32_t)b->head[5] << 16 |
                                  (uint32_t)b->head[6] << 8 | b->head[7];
                        if (b->head[0] > 2 || b->head[1] || b->head[2] || b->head[3])
                                return -EPROTO;
                        continue;
                }
                if (b->r->framed && b->head[0] == 2)
                        kind = RV_PIECE_ERRORS;
                b->nout = b->r->framed && b->left < b->rest ? b->left : b->rest;
                b->rest -= b->nout;
                b->left -= b->r->framed ? (uint32_t)b->nout : 0;
                rv_piece_head(b->out_head, kind, (uint32_t)b->nout);
                b->out_head_left = RV_PIECE_HEAD;
        }
        return 0;
}

/* 1: something came; 0: nothing now; -ENODATA: it has ended; -errno. */
static int from_engine(struct both *b)
{
        b->r->engine->deadline = 0; /* looks, does not wait */
        ssize_t n = rv_http_read(b->r->engine, b->from_engine, sizeof b->from_engine);
        if (n == -ETIMEDOUT)
                return 0;
        if (n <= 0)
                return n == 0 ? -ENODATA : (int)n;
        b->out = b->from_engine;
        b->rest = (size_t)n;
        int e = frame(b);
        return e ? e : 1;
}

static int to_client(struct both *b)
{
        while (b->nout) {
                const void *what = b->out_head_left
                                           ? (const void *)(b->out_head + RV_PIECE_HEAD - b->out_head_left)
                                           : b->out;
                size_t n = b->out_head_left ? b->out_head_left : b->nout;
                ssize_t put = send(b->r->client, what, n,
                                   MSG_NOSIGNAL | MSG_DONTWAIT | (b->out_head_left ? MSG_MORE : 0));
                if (put < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
                if (b->out_head_left) {
                        b->out_head_left -= (unsigned)put;
                        continue;
                }
                b->out += put;
                b->nout -= (size_t)put;
                int e = b->nout ? 0 : frame(b);
                if (e)
                        return e;
        }
        return 0;
}

static int from_client(struct both *b)
{
        if (b->at == b->end) {
                ssize_t n = recv(b->r->client, b->from_client, sizeof b->from_client, MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return 0;
                if (n <= 0)
                        return -EPIPE;
                b->at = b->from_client;
                b->end = b->at + n;
        }
        while (b->at < b->end && !b->ngive) {
                int kind;
                b->ngive = next_input(&b->in, &b->at, b->end, &b->give, &kind);
                const uint8_t *s = b->in.size;
                if (kind == RV_PIECE_KINDS)
                        return -EPROTO;
                if (kind == RV_PIECE_SIZE && b->r->resize)
                        b->r->resize(b->r->state, (unsigned)(s[0] << 8 | s[1]), (unsigned)(s[2] << 8 | s[3]));
                if (kind == RV_PIECE_END && b->r->takes_input && !b->input_over)
                        shutdown(b->r->engine->fd, SHUT_WR);
                b->input_over |= kind == RV_PIECE_END;
                if (!b->r->takes_input || b->input_over)
                        b->ngive = 0;
        }
        return 0;
}

/* The command may end without having read its input: that is no error. */
static void to_engine(struct both *b)
{
        ssize_t put = send(b->r->engine->fd, b->give, b->ngive, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno != EAGAIN && errno != EINTR) {
                b->input_over = true;
                b->ngive = 0;
        } else if (put > 0) {
                b->give += put;
                b->ngive -= (size_t)put;
        }
}

static int turn(struct both *b)
{
        int e = 0, rounds = 0; /* the client has its turn as well, however much there is */
        bool more = false;
        while (!b->nout && rounds++ < 64 && (e = from_engine(b)) > 0)
                if ((e = to_client(b)) < 0)
                        return e;
        if (e < 0)
                return e;
        more = e > 0 && !b->nout;
        while (b->at < b->end && !b->ngive) { /* what came together with what has been given by now */
                if ((e = from_client(b)) < 0)
                        return e;
                if (b->ngive)
                        to_engine(b);
        }
        struct pollfd p[2] = { { .fd = b->r->client }, { .fd = b->r->engine->fd } };
        p[0].events = (short)((b->ngive ? 0 : POLLIN) | (b->nout ? POLLOUT : 0));
        p[1].events = (short)((b->nout ? 0 : POLLIN) | (b->ngive ? POLLOUT : 0));
        if (b->nout && !b->ngive)
                p[1].fd = -1; /* its end is not news while the client has not read */
        if (poll(p, 2, more ? 0 : -1) < 0 && errno != EINTR)
                return -errno;
        if (p[0].revents & POLLERR || (p[0].revents & POLLHUP && !(p[0].revents & POLLIN)))
                return -EPIPE;
        if (p[0].revents & POLLOUT && (e = to_client(b)) < 0)
                return e;
        if (p[0].revents & POLLIN && (e = from_client(b)) < 0)
                return e;
        if (b->ngive)
                to_engine(b);
        return 0;
}

int rv_relay_run(struct rv_relay *r)
{
        struct both *b = calloc(1, sizeof *b);
        int e = b ? 0 : -ENOMEM;
        if (b)
                b->r = r;
        while (e == 0)
                e = turn(b);
        r->input_over = b && b->input_over;
        free(b);
        return e == -ENODATA ? 0 : e;
}
