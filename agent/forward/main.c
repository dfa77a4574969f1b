/* SPDX-License-Identifier: MIT
 *
 * reeve-forward: one connection to another host or port in the name of the user who logged in (ssh -L, ssh -W). reeved
 * starts it as that user; it has the connection of the SSH channel on descriptors 0 and 1, and says on descriptor 2
 * what comes of it:
 *
 *      a byte 0     go on: connected, or still trying after two seconds
 *      a text       why not
 *
 * Whether the target is allowed is decided before anything is sent anywhere, not even a question about its name: by
 * the role (Forward), or by what reeved found in the configuration and in front of the key (--granted). The answer is
 * on record before it is acted upon. Then bytes are moved by the kernel (splice), in both directions until both have
 * ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/wire/record.h"
#include "schema/class.h"

enum { PATIENCE_MS = 2000, CONNECT_MS = 30000, PIECE = 256 << 10, ADDRESSES = 8 };

/* The library for JSON can write objects of classes; this program knows none. */
const struct rv_class *const rv_classes[1];
const uint32_t rv_nclasses = 0;

static bool told;

/* The channel's fate. Later words have no reader. */
static void tell(const char *why)
{
        size_t n = why ? strlen(why) : 1;
        if (!told && write(2, why ? why : "", n) != (ssize_t)n)
                _exit(1);
        told = true;
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null >= 0)
                dup2(null, 2);
}

static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- may it? ---- */

/* "HOST:PORT", as the role has it and as the client asked; hosts without regard to case. */
static bool role_names(const json_t *hello, const char *target)
{
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(json_object_get(hello, "Shell"), "Forward"), i, one)
        {
                const char *s = json_string_value(one);
                if (s && strcasecmp(s, target) == 0)
                        return true;
        }
        return false;
}

/* 0: go on, *record is its number; else an exit status, told and on record. */
static int ask(struct rv_client *agent, const char *target, bool granted, const char *forbidden,
               int64_t *record)
{
        struct rv_error err = { 0 };
        char why[400] = "";
        json_t *hello = rv_record_call(agent, "Hello", NULL, &err);
        const char *roles = json_string_value(json_object_get(hello, "Roles"));
        if (!hello)
                snprintf(why, sizeof why, "cannot learn what your role allows: %.300s", err.message);
        else if (forbidden)
                snprintf(why, sizeof why, "denied: %.300s", forbidden);
        else if (!granted && !role_names(hello, target))
                snprintf(why, sizeof why,
                         "denied: no Forward of role %.120s names %.120s, nor does the configuration",
                         roles && *roles ? roles : "none", target);
        json_decref(hello);
        if (*why) {
                rv_record_denied(agent, "Connect", target, why);
                tell(why);
                return 1;
        }
        *record = rv_record_intent(agent, "Connect", target, NULL, &err);
        if (*record >= 0)
                return 0;
        snprintf(why, sizeof why, "refused: it cannot be recorded: %.300s", err.message);
        tell(why);
        return 1;
}

/* ---- the connection ---- */

/* Tries one address; what is still under way after two seconds is told as good. */
static int reach(const struct addrinfo *a, int64_t begun, int64_t until)
{
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
        socklen_t n = sizeof error;
        if (fd < 0)
                return -errno;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
                return fd;
        error = errno;
        while (error == EINPROGRESS && now_ms() < until) {
                struct pollfd p = { .fd = fd, .events = POLLOUT };
                int64_t left = (told ? until : begun + PATIENCE_MS) - now_ms();
                if (left <= 0 && !told)
                        tell(NULL);
                else if (poll(&p, 1, left > 0 ? (int)left : 0) > 0)
                        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
        }
        if (error == 0)
                return fd;
        close(fd);
        return error == EINPROGRESS ? -ETIMEDOUT : -error;
}

static int connect_to(const char *host, const char *port)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;
        int64_t begun = now_ms();
        int r = getaddrinfo(host, port, &hints, &list), fd = -EHOSTUNREACH;
        if (r)
                return r == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
        unsigned tries = 0;
        for (struct addrinfo *a = list; a && fd < 0 && tries++ < ADDRESSES; a = a->ai_next)
                fd = reach(a, begun, begun + CONNECT_MS);
        freeaddrinfo(list);
        return fd;
}

/* ---- bytes ---- */

struct way {
        int from, to;
        bool open, readable, writable;
        uint64_t bytes;
};

/* Moves what can be moved. False when this direction has ended. */
static bool move(struct way *w)
{
        while (w->readable && w->writable) {
                ssize_t n = splice(w->from, NULL, w->to, NULL, PIECE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                if (n > 0) {
                        w->bytes += (uint64_t)n;
                        continue;
                }
                if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        return false;
                if (errno == EAGAIN) /* one of them: poll tells which */
                        w->readable = w->writable = false;
        }
        return true;
}

static void relay(int fd, struct way *in, struct way *out)
{
        *in = (struct way) { .from = 0, .to = fd, .open = true };
        *out = (struct way) { .from = fd, .to = 1, .open = true };
        while (in->open || out->open) {
                /* What is known to be ready is not asked again: its end would be told without pause. */
                short both = (short)((out->open && !out->readable ? POLLIN : 0) |
                                     (in->open && !in->writable ? POLLOUT : 0));
                struct pollfd p[] = { { .fd = in->open && !in->readable ? 0 : -1, .events = POLLIN },
                                      { .fd = both ? fd : -1, .events = both },
                                      { .fd = out->open ? 1 : -1, .events = out->writable ? 0 : POLLOUT } };
                if (poll(p, 3, -1) < 0 && errno != EINTR)
                        return;
                in->readable |= (p[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
                out->readable |= (p[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
                in->writable |= (p[1].revents & (POLLOUT | POLLERR)) != 0;
                out->writable |= (p[2].revents & POLLOUT) != 0;
                if (p[2].revents & POLLERR) { /* the channel has gone: what it sent is still passed on */
                        out->open = false;
                        close(1);
                }
                if (in->open && !move(in)) {
                        in->open = false;
                        shutdown(fd, SHUT_WR);
                }
                if (out->open && !move(out)) {
                        out->open = false;
                        close(1);
                }
        }
}

/* ---- start ---- */

static int forward(const char *host, const char *port, bool granted, const char *forbidden)
{
        struct rv_error err = { 0 };
        struct way in = { 0 }, out = { 0 };
        struct rv_client *agent = rv_record_agent();
        char target[300];
        int64_t record = 0;
        bool six = strchr(host, ':') != NULL;
        snprintf(target, sizeof target, six ? "[%s]:%s" : "%s:%s", host, port);
        if (!agent) {
                tell("started without a connection to the agent");
                return 1;
        }
        int status = ask(agent, target, granted, forbidden, &record);
        int fd = status ? -1 : connect_to(host, port);
        if (status == 0 && fd < 0)
                tell(strerror(-fd));
        if (fd >= 0) {
                tell(NULL);
                relay(fd, &in, &out);
                close(fd);
        }
        if (status == 0)
                rv_record_outcome(agent, record, fd < 0 ? fd : 0,
                                  json_pack("{s:I, s:I}", "BytesOut", (json_int_t)in.bytes, "BytesIn",
                                            (json_int_t)out.bytes),
                                  &err);
        rv_client_free(agent);
        return fd < 0;
}

int main(int argc, char **argv)
{
        bool granted = false;
        const char *forbidden = NULL;
        int at = 1;
        for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
                if (strcmp(argv[at], "--granted") == 0) {
                        granted = true;
                } else if (strncmp(argv[at], "--forbidden=", 12) == 0) {
                        forbidden = argv[at] + 12;
                } else if (strcmp(argv[at], "--version") == 0) {
                        printf("reeve-forward %s\n", REEVE_VERSION);
                        return 0;
                } else {
                        break;
                }
        }
        if (argc - at != 2) {
                fputs("usage: reeve-forward [--granted | --forbidden=WHY] HOST PORT\n"
                      "Started by reeved for a forwarded connection of an SSH session.\n",
                      stderr);
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        signal(SIGHUP, SIG_IGN); /* what the client has sent is passed on, also when it has gone */
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return forward(argv[at], argv[at + 1], granted, forbidden);
}
