/* SPDX-License-Identifier: MIT
 *
 * The link to reeved. Questions are asked when libssh needs the answer at once (a signature, a verdict), so the whole
 * process waits; it serves one connection only, and reeved answers within milliseconds or kills it.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ssh/front.h"

enum { LINK_PATIENCE = 30000 };

static bool await(int fd, short events)
{
        struct pollfd p = { .fd = fd, .events = events };
        int r;
        do
                r = poll(&p, 1, LINK_PATIENCE);
        while (r < 0 && errno == EINTR);
        return r == 1;
}

void link_tell(struct front *f, const struct mon_message *m)
{
        if (f->stand_in)
                return;
        int r;
        while ((r = mon_send(f->link, m, NULL, 0)) == -EAGAIN)
                if (!await(f->link, POLLOUT))
                        break;
        if (r < 0)
                f->dead = true;
}

static void on_event(struct front *f, const struct mon_message *m)
{
        if (m->type == MON_PING)
                link_tell(f, &(struct mon_message) { .type = MON_PONG });
        else if (m->type == MON_EXITED)
                chan_exited(f, m);
}

int link_ask(struct front *f, struct mon_message *m, struct mon_message *answer, int *fds, unsigned *nfds)
{
        static char buf[4096];
        unsigned room = nfds ? *nfds : 0, none = 0;
        if (nfds)
                *nfds = 0;
        m->id = ++f->asked;
        if (f->stand_in)
                return f->stand_in(f, m, answer);
        link_tell(f, m);
        while (!f->dead) {
                unsigned *n = nfds ? nfds : &none;
                *n = room;
                int r = mon_recv(f->link, buf, sizeof buf, answer, fds, n);
                if (r == -EAGAIN && await(f->link, POLLIN))
                        continue;
                if (r <= 0) {
                        f->dead = true;
                        break;
                }
                if (answer->type == MON_ANSWER && answer->id == m->id)
                        return (int)answer->u[0];
                on_event(f, answer);
        }
        return MON_FAILED;
}

bool link_take(struct front *f)
{
        static char buf[4096];
        for (;;) {
                struct mon_message m;
                unsigned nfds = 0;
                int r = mon_recv(f->link, buf, sizeof buf, &m, NULL, &nfds);
                if (r == -EAGAIN)
                        return true;
                if (r <= 0)
                        return false;
                on_event(f, &m);
        }
}

void front_log(struct front *f, int level, const char *fmt, ...)
{
        char text[256];
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        uint32_t len = n < 0 ? 0 : n < (int)sizeof text ? (uint32_t)n : sizeof text - 1;
        link_tell(f, &(struct mon_message) { .type = MON_LOG, .u = { (uint32_t)level }, .b = { { text, len } } });
}
