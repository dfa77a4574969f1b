/* SPDX-License-Identifier: MIT
 *
 * reeve rpc: carries the agent's protocol between its own standard streams and the agent's socket, so that a stock
 * OpenSSH server offers it (Subsystem reeve /usr/bin/reeve rpc). With a method it makes one call and prints the
 * result.
 */
#include "shell/rpc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/model.h"

struct flow { /* one direction */
        int from, to;
        char buf[65536];
        size_t at, n;
        bool ended;
};

static bool pass(struct flow *f, bool readable, bool writable)
{
        if (readable && f->n == 0 && !f->ended) {
                ssize_t n = read(f->from, f->buf, sizeof f->buf);
                f->ended = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
                f->at = 0, f->n = n > 0 ? (size_t)n : 0;
        }
        if (f->n && (writable || readable)) {
                ssize_t n = write(f->to, f->buf + f->at, f->n);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return false;
                if (n > 0)
                        f->at += (size_t)n, f->n -= (size_t)n;
        }
        return true;
}

/* Until the agent's side ends. The end of our input is passed on; answers under way still come. */
static int relay(int fd)
{
        static struct flow up, down;
        bool told = false;
        up = (struct flow) { .from = 0, .to = fd };
        down = (struct flow) { .from = fd, .to = 1 };
        while (!(down.ended && !down.n)) {
                struct pollfd p[4] = { { up.n || up.ended ? -1 : 0, POLLIN, 0 },
                                       { up.n ? fd : -1, POLLOUT, 0 },
                                       { down.n || down.ended ? -1 : fd, POLLIN, 0 },
                                       { down.n ? 1 : -1, POLLOUT, 0 } };
                if (poll(p, 4, -1) < 0 && errno != EINTR)
                        return 1;
                if (!pass(&up, p[0].revents, p[1].revents) || !pass(&down, p[2].revents, p[3].revents))
                        return 1;
                if (up.ended && !up.n && !told) {
                        shutdown(fd, SHUT_WR);
                        told = true;
                }
        }
        return 0;
}

static int complain(const struct rv_error *e)
{
        fprintf(stderr, "reeve rpc: %s%s%s\n", e->message, e->hint[0] ? ": " : "", e->hint);
        return 1;
}

static int one_call(struct sh_link *l, const char *method, const char *params)
{
        struct rv_error err = { 0 };
        struct rv_buf b = { 0 };
        struct rv_json result;
        size_t n = params ? strlen(params) : 0;
        while (n && strchr(" \t\r\n", params[n - 1]))
                n--;
        if (n && (params[0] != '{' || params[n - 1] != '}')) {
                fputs("reeve rpc: the parameters must be a JSON object\n", stderr);
                return 2;
        }
        if (n > 2)
                rv_buf_put(&b, params, n - 1);
        struct rv_ask *a = rv_client_ask(l->client, method, &b, false, 0, &err);
        int r = a ? rv_ask_result(a, &result, &err) : err.code;
        if (r == RV_OK) {
                fwrite(result.p, 1, (size_t)(result.end - result.p), stdout);
                putchar('\n');
        }
        rv_ask_free(a);
        rv_buf_free(&b);
        return r == RV_OK ? 0 : complain(&err);
}

int sh_rpc_main(int argc, char **argv)
{
        struct rv_error err = { 0 };
        struct sh_link l = { .log = -1 };
        if (argc > 3 || (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))) {
                puts("usage: reeve rpc [METHOD [PARAMETERS]]\n"
                     "Without METHOD: carries JSON-RPC between the standard streams and the agent.\n"
                     "With it: makes one call and prints the result, as in: reeve rpc GetClass "
                     "'{\"ClassName\":\"Process\"}'");
                return argc > 3 ? 2 : 0;
        }
        if (argc == 1) {
                int fd = sh_link_connect(&l, &err);
                return fd < 0 ? complain(&err) : relay(fd);
        }
        if (sh_link_open(&l, &err) != RV_OK)
                return complain(&err);
        return one_call(&l, argv[1], argc > 2 ? argv[2] : NULL);
}
