/* SPDX-License-Identifier: MIT
 *
 * Output of containers: see enginestream.h.
 */
#include "providers/lib/enginestream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void rv_output_free(struct rv_output *o)
{
        for (unsigned i = 0; i < 2; i++) {
                free(o->text[i]);
                o->text[i] = NULL;
                o->n[i] = 0;
        }
}

/* Room for twice what is kept, so that the end of a long stream is moved seldom. */
static int keep(struct rv_output *o, unsigned k, const char *data, size_t n)
{
        if (!o->tail && o->n[k] + n > o->most) {
                o->truncated = true;
                n = o->most - o->n[k];
        }
        if (o->tail && n > o->most) {
                data += n - o->most;
                n = o->most;
                o->truncated = true;
        }
        if (o->tail && o->n[k] + n > 2 * o->most) {
                memmove(o->text[k], o->text[k] + o->n[k] - o->most, o->most);
                o->n[k] = o->most;
                o->truncated = true;
        }
        size_t have = o->n[k] ? (o->n[k] | 4095) + 1 : 0, need = (o->n[k] + n) | 4095;
        if (!o->text[k] || need + 1 > have) {
                char *bigger = realloc(o->text[k], need + 1);
                if (!bigger)
                        return -ENOMEM;
                o->text[k] = bigger;
        }
        memcpy(o->text[k] + o->n[k], data, n);
        o->n[k] += n;
        o->text[k][o->n[k]] = 0;
        return 0;
}

int rv_output_read(struct rv_http *h, bool framed, struct rv_output *o)
{
        unsigned char head[8];
        char data[16384];
        size_t nhead = 0, left = 0;
        ssize_t got;
        int r = 0;
        while (r == 0 && (got = rv_http_read(h, data, sizeof data)) > 0)
                for (size_t at = 0; r == 0 && at < (size_t)got;) {
                        if (framed && !left) {
                                head[nhead++] = (unsigned char)data[at++];
                                if (nhead < 8)
                                        continue;
                                nhead = 0;
                                left = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 |
                                       head[7];
                                if (head[0] > 2 || head[1] || head[2] || head[3])
                                        return -EPROTO;
                                continue;
                        }
                        size_t n = (size_t)got - at;
                        if (framed && n > left)
                                n = left;
                        r = keep(o, framed && head[0] == 2, data + at, n);
                        left -= framed ? n : 0;
                        at += n;
                }
        for (unsigned k = 0; k < 2; k++)
                if (o->tail && o->n[k] > o->most) {
                        memmove(o->text[k], o->text[k] + o->n[k] - o->most, o->most);
                        o->n[k] = o->most;
                        o->text[k][o->most] = 0;
                        o->truncated = true;
                }
        return r ? r : got < 0 ? (int)got : 0;
}

/* All of the input, then its end. The command may end without having read it: that is no error. */
static void give(struct rv_http *h, const char *input, size_t n)
{
        while (n && rv_now() < h->deadline && !(h->call && rv_cancelled(h->call))) {
                struct pollfd p = { .fd = h->fd, .events = POLLOUT };
                poll(&p, 1, 100);
                if (p.revents & (POLLERR | POLLHUP))
                        return;
                ssize_t put = send(h->fd, input, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (put < 0 && errno != EAGAIN && errno != EINTR)
                        return;
                if (put > 0) {
                        input += put;
                        n -= (size_t)put;
                }
        }
        shutdown(h->fd, SHUT_WR);
}

static int run(const struct rv_engine_ask *ask, const char *input, size_t ninput, struct rv_output *o,
               struct rv_error *err)
{
        struct rv_http h;
        int r = rv_engine_open(ask, &h, err);
        if (r)
                return r;
        if (input)
                give(&h, input, ninput);
        h.chunked = false; /* the connection is the command's now, until it is closed */
        h.until_close = true;
        h.ended = false;
        r = rv_output_read(&h, true, o);
        rv_http_close(&h);
        return r ? rv_engine_fail(err, ask->engine, r, ask->what) : RV_OK;
}

int rv_engine_exec(struct rv_engine *e, const struct rv_call *c, uint64_t deadline, const char *id,
                   json_t *spec, const char *input, size_t ninput, const char *what, struct rv_output *o,
                   int *ret_status, struct rv_error *err)
{
        char path[256];
        json_t *made = NULL, *start = json_pack("{sb sb}", "Detach", 0, "Tty", 0);
        struct rv_engine_ask a = { .engine = e,
                                   .call = c,
                                   .deadline = deadline,
                                   .method = "POST",
                                   .path = path,
                                   .body = spec,
                                   .what = what,
                                   .file = -1 };
        snprintf(path, sizeof path, "/containers/%s/exec", id);
        int r = start ? rv_engine_ask(&a, &made, err) : -ENOMEM;
        const char *exec = rv_j_text(made, "Id");
        if (r == RV_OK && !exec)
                r = rv_fail(err, RV_FAILED, "%s: the engine gives no id for the command", what);
        if (r == RV_OK) {
                snprintf(path, sizeof path, "/exec/%.128s/start", exec);
                a.body = start;
                r = run(&a, input, ninput, o, err);
        }
        if (r == RV_OK) {
                json_t *end = NULL;
                snprintf(path, sizeof path, "/exec/%.128s/json", exec);
                a.method = "GET";
                a.body = NULL;
                r = rv_engine_ask(&a, &end, err);
                *ret_status = (int)rv_j_number(end, "ExitCode");
                json_decref(end);
        }
        json_decref(made);
        json_decref(start);
        return r;
}
