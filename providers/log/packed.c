/* SPDX-License-Identifier: MIT */
#include "providers/log/packed.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* A state takes some 40 KiB. When all are used, each second one is let go and parts are twice as long. */
enum { STATES = 192, INPUT = 16 << 10 };
#define PART_LEAST (UINT64_C(1) << 20)
#define PART_MOST (UINT64_C(64) << 20)

struct state { /* zlib's part points back to its z_stream, so it is never moved */
        z_stream z;
        uint64_t in, out; /* bytes of the file that it has read, bytes that it gave */
};

struct rv_packed {
        int fd;
        uint64_t size, part; /* part: bytes between two states */
        size_t n;
        struct state *states[STATES];
        uint8_t *bytes; /* the part that was unpacked last: room for `part` */
        size_t nbytes;
        uint64_t bytes_at;
        uint8_t input[INPUT];
};

static struct state *state_free(struct state *s)
{
        if (s)
                inflateEnd(&s->z);
        free(s);
        return NULL;
}

static struct state *state_copy(struct state *s)
{
        struct state *new = calloc(1, sizeof *new);
        if (new && inflateCopy(&new->z, &s->z) != Z_OK) {
                free(new);
                return NULL;
        }
        if (new) {
                new->in = s->in;
                new->out = s->out;
        }
        return new;
}

/* Unpacks at most n bytes; less: the end, or damage. Members that follow each other are one text. */
static size_t unpack(struct rv_packed *p, struct state *s, uint8_t *to, size_t n)
{
        size_t done = 0;
        while (done < n) {
                ssize_t k = pread(p->fd, p->input, INPUT, (off_t)s->in);
                s->z.next_in = p->input;
                s->z.avail_in = k > 0 ? (unsigned)k : 0;
                s->z.next_out = to + done;
                s->z.avail_out = (unsigned)(n - done);
                int r = inflate(&s->z, Z_NO_FLUSH);
                size_t used = (k > 0 ? (size_t)k : 0) - s->z.avail_in, got = n - done - s->z.avail_out;
                s->in += used;
                done += got;
                if (r == Z_STREAM_END)
                        r = inflateReset(&s->z);
                if ((r != Z_OK && r != Z_BUF_ERROR) || (!used && !got))
                        break;
        }
        s->out += done;
        return done;
}

static bool keep(struct rv_packed *p, struct state *s)
{
        if (p->n == STATES) {
                if (p->part >= PART_MOST)
                        return false;
                for (size_t i = 1; i < p->n; i++) {
                        if (i % 2)
                                state_free(p->states[i]);
                        else
                                p->states[i / 2] = p->states[i];
                }
                p->n /= 2;
                p->part *= 2;
        }
        return s->out % p->part || (p->states[p->n] = state_copy(s), p->states[p->n] && ++p->n);
}

struct rv_packed *rv_packed_open(int fd, int *ret_error)
{
        struct rv_packed *p = calloc(1, sizeof *p);
        struct state *s = calloc(1, sizeof *s);
        uint8_t *part = malloc(PART_LEAST);
        bool ok = p && s && part && inflateInit2(&s->z, 15 + 16) == Z_OK;
        *ret_error = ENOMEM;
        if (ok) {
                p->fd = fd;
                p->part = PART_LEAST;
                while (keep(p, s) && unpack(p, s, part, PART_LEAST) == PART_LEAST)
                        ;
                p->size = s->out;
                if (!p->size && pread(fd, part, 1, 0) == 1) {
                        *ret_error = EBADMSG;
                        ok = false;
                }
        }
        free(part);
        state_free(s);
        return ok ? p : rv_packed_close(p);
}

struct rv_packed *rv_packed_close(struct rv_packed *p)
{
        for (size_t i = 0; p && i < p->n; i++)
                state_free(p->states[i]);
        if (p)
                free(p->bytes);
        free(p);
        return NULL;
}

uint64_t rv_packed_size(const struct rv_packed *p)
{
        return p->size;
}

/* Has the part that the place is in unpacked. */
static bool load(struct rv_packed *p, uint64_t at)
{
        uint64_t i = at / p->part;
        if (p->nbytes && at >= p->bytes_at && at < p->bytes_at + p->nbytes)
                return true;
        if (!p->bytes && !(p->bytes = malloc(p->part)))
                return false;
        struct state *s = i < p->n ? state_copy(p->states[i]) : NULL;
        p->bytes_at = i * p->part;
        p->nbytes = s ? unpack(p, s, p->bytes, p->part) : 0;
        state_free(s);
        return at < p->bytes_at + p->nbytes;
}

ssize_t rv_packed_read(struct rv_packed *p, void *to, size_t n, uint64_t at)
{
        size_t done = 0;
        while (done < n && at < p->size && load(p, at)) {
                size_t from = (size_t)(at - p->bytes_at), k = p->nbytes - from;
                k = k < n - done ? k : n - done;
                memcpy((uint8_t *)to + done, p->bytes + from, k);
                done += k;
                at += k;
        }
        return (ssize_t)done;
}

ssize_t rv_packed_head(int fd, void *to, size_t n)
{
        struct rv_packed *p = calloc(1, sizeof *p);
        struct state *s = calloc(1, sizeof *s);
        size_t k = 0;
        if (p && s && inflateInit2(&s->z, 15 + 16) == Z_OK) {
                p->fd = fd;
                k = unpack(p, s, to, n);
        }
        state_free(s);
        free(p);
        return (ssize_t)k;
}
