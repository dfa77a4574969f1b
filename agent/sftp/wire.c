/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

/* ---- reading ---- */

static const uint8_t *take(struct sftp_cursor *c, size_t n)
{
        if (c->bad || n > (size_t)(c->end - c->p)) {
                c->bad = true;
                return NULL;
        }
        const uint8_t *at = c->p;
        c->p += n;
        return at;
}

uint32_t sftp_u32(struct sftp_cursor *c)
{
        const uint8_t *p = take(c, 4);
        return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

uint64_t sftp_u64(struct sftp_cursor *c)
{
        uint64_t high = sftp_u32(c);
        return high << 32 | sftp_u32(c);
}

struct sftp_text sftp_take(struct sftp_cursor *c)
{
        uint32_t n = sftp_u32(c);
        const uint8_t *p = take(c, n);
        return (struct sftp_text) { p ? (const char *)p : "", p ? n : 0 };
}

const char *sftp_path(struct sftp_cursor *c, char to[SFTP_PATH])
{
        struct sftp_text t = sftp_take(c);
        if (c->bad || t.n >= SFTP_PATH || memchr(t.s, 0, t.n)) {
                c->bad = true;
                return NULL;
        }
        memcpy(to, t.s, t.n);
        to[t.n] = 0;
        if (!*to)
                strcpy(to, ".");
        return to;
}

/* ---- writing ---- */

bool sftp_flush(struct sftp_out *o)
{
        size_t done = 0;
        if (o->sink)
                o->sink(o->sink_state, o->data, o->n);
        while (o->fd >= 0 && done < o->n && !o->failed) {
                ssize_t n = write(o->fd, o->data + done, o->n - done);
                if (n > 0)
                        done += (size_t)n;
                else if (n < 0 && errno == EAGAIN)
                        poll(&(struct pollfd) { .fd = o->fd, .events = POLLOUT }, 1, -1);
                else if (n == 0 || errno != EINTR)
                        o->failed = true;
        }
        o->n = 0;
        return !o->failed;
}

uint8_t *sftp_room(struct sftp_out *o, size_t n)
{
        if (!o->data || o->cap - o->n < n) {
                size_t cap = o->cap ? o->cap : 64 << 10;
                while (cap - o->n < n)
                        cap *= 2;
                uint8_t *to = realloc(o->data, cap);
                if (!to) {
                        o->failed = true;
                        return NULL;
                }
                o->data = to;
                o->cap = cap;
        }
        uint8_t *at = o->data + o->n;
        o->n += n;
        return at;
}

static void store32(uint8_t *p, uint32_t v)
{
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void sftp_put32(struct sftp_out *o, uint32_t v)
{
        uint8_t *p = sftp_room(o, 4);
        if (p)
                store32(p, v);
}

void sftp_put64(struct sftp_out *o, uint64_t v)
{
        sftp_put32(o, (uint32_t)(v >> 32));
        sftp_put32(o, (uint32_t)v);
}

void sftp_put(struct sftp_out *o, const void *data, size_t n)
{
        sftp_put32(o, (uint32_t)n);
        uint8_t *p = n ? sftp_room(o, n) : NULL;
        if (p)
                memcpy(p, data, n);
}

void sftp_begin(struct sftp_out *o, enum sftp_type type, uint32_t id)
{
        o->packet = o->n;
        uint8_t *p = sftp_room(o, 5);
        if (p)
                p[4] = (uint8_t)type;
        sftp_put32(o, id); /* of FX_VERSION: the version */
}

void sftp_end(struct sftp_out *o)
{
        if (!o->failed)
                store32(o->data + o->packet, (uint32_t)(o->n - o->packet - 4));
}
