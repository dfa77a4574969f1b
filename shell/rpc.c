/* SPDX-License-Identifier: MIT
 *
 * reeve rpc: the agent's protocol on standard input and output (a stock OpenSSH's `Subsystem reeve /usr/bin/reeve rpc`
 * is the whole remote end), or one call whose result is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/model.h"
#include "shell/rpc.h"

enum { HALF = 64 << 10 };

/* One direction: what has been read and not yet written. */
struct half {
        int from, to;
        size_t n, done;
        bool ended, closed; /* the reader saw the end; the writer has been told */
        char buf[HALF];
};

static void take(struct half *h)
{
        ssize_t n = read(h->from, h->buf, sizeof h->buf);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        h->done = 0;
        h->n = n > 0 ? (size_t)n : 0;
        h->ended = n <= 0;
}

/* False: whoever reads has gone. */
static bool give(struct half *h)
{
        ssize_t n = write(h->to, h->buf + h->done, h->n - h->done);
        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        h->done += (size_t)n;
        if (h->done == h->n)
                h->n = h->done = 0;
        return true;
}

/* Until the agent has closed; the end of standard input is passed on, and answers still come. */
int sh_rpc_relay(int agent)
{
        static struct half in, out;
        in = (struct half) { .from = 0, .to = agent };
        out = (struct half) { .from = agent, .to = 1 };
        signal(SIGPIPE, SIG_IGN);
        while (!out.ended || out.n) {
                struct pollfd p[4] = { { !in.n && !in.ended ? 0 : -1, POLLIN, 0 },
                                       { in.n ? agent : -1, POLLOUT, 0 },
                                       { !out.n && !out.ended ? agent : -1, POLLIN, 0 },
                                       { out.n ? 1 : -1, POLLOUT, 0 } };
                if (poll(p, 4, -1) < 0 && errno != EINTR)
                        return 1;
                if (p[0].revents)
                        take(&in);
                if (p[1].revents && !give(&in)) {
                        in.n = 0;
                        in.ended = in.closed = true; /* the agent reads no more; what it says still counts */
                }
                if (p[2].revents)
                        take(&out);
                if (p[3].revents && !give(&out))
                        return 0; /* nobody listens any more */
                if (in.ended && !in.n && !in.closed) {
                        in.closed = true;
                        shutdown(agent, SHUT_WR);
                }
        }
        return 0;
}

static int complain(const struct rv_error *err)
{
        fprintf(stderr, "reeve: %s%s%s\n", err->message, err->hint[0] ? "; " : "", err->hint);
        return 1;
}

/* One call: exit status 0 and the result, or 1 and what went wrong. */
static int call(struct sh_link *l, const char *method, const char *params)
{
        struct rv_buf in = { 0 }, out = { 0 };
        struct rv_error err = { 0 };
        size_t n = params ? strlen(params) : 0;
        while (n && (params[n - 1] == ' ' || params[n - 1] == '\n'))
                n--;
        if (n && (params[0] != '{' || params[n - 1] != '}')) {
                fprintf(stderr, "reeve: the parameters must be one JSON object, such as "
                                "'{\"ClassName\":\"Process\"}'\n");
                return 2;
        }
        for (const char *p = params; n && p < params + n; p++)
                rv_buf_put(&in, *p == '\n' ? " " : p, 1); /* a line of the protocol */
        if (n)
                in.len--; /* the client puts the last brace */
        size_t blank = in.len > 1 ? strspn(in.data + 1, " \t") : 0;
        if (in.len == 1 + blank)
                in.len = 0;
        int r = sh_link_call(l, method, in.len ? &in : NULL, 0, &out, &err);
        if (r == RV_OK) {
                fwrite(out.data, 1, out.len, stdout);
                putchar('\n');
        }
        rv_buf_free(&in);
        rv_buf_free(&out);
        return r ? complain(&err) : fflush(stdout) != 0;
}

static int usage(FILE *f)
{
        fprintf(f, "usage: reeve rpc                    the protocol on standard input and output\n"
                   "       reeve rpc METHOD [PARAMS]    one call; PARAMS is a JSON object\n");
        return f == stderr ? 2 : 0;
}

int sh_rpc_main(int argc, char **argv)
{
        if (argc > 1 && strcmp(argv[1], "--help") == 0)
                return usage(stdout);
        if (argc > 3 || (argc > 1 && argv[1][0] == '-'))
                return usage(stderr);
        struct sh_link l = { .log = -1 };
        struct rv_error err = { 0 };
        if (argc > 1) {
                int status = call(&l, argv[1], argc > 2 ? argv[2] : NULL);
                sh_link_close(&l);
                return status;
        }
        int fd = sh_link_connect(&l, &err);
        if (fd < 0)
                return complain(&err);
        int status = sh_rpc_relay(fd);
        close(fd);
        sh_link_close(&l);
        return status;
}
