/* SPDX-License-Identifier: MIT
 *
 * Services that are units of their own: systemd starts them, in the sandbox that each unit describes, when we
 * connect to the unit's
 * socket, and what a child would have inherited goes over that connection (agent/wire/link.h). The kernel says
 * which process
 * took it; a pidfd says when that has ended.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "agent/wire/link.h"

/* ---- what is looked at: the connection first, then the pidfd ---- */

static void on_closed(uv_handle_t *h)
{
        free(h);
}

static void unwatch(struct mon_service *s)
{
        if (!s->watch)
                return;
        uv_poll_stop(s->watch);
        uv_close((uv_handle_t *)s->watch, on_closed);
        s->watch = NULL;
}

static int watch(struct mon_service *s, int fd, uv_poll_cb run)
{
        unwatch(s);
        uv_poll_t *w = calloc(1, sizeof *w);
        int r = w ? uv_poll_init(&s->m->loop, w, fd) : -ENOMEM;
        if (r < 0) {
                free(w);
                return r;
        }
        w->data = s;
        s->watch = w;
        return uv_poll_start(w, UV_READABLE, run);
}

void mon_link_close(struct mon_service *s)
{
        unwatch(s);
        if (s->contact >= 0)
                close(s->contact);
        if (s->pidfd >= 0)
                close(s->pidfd);
        s->contact = s->pidfd = s->pid = -1;
}

static void over(struct mon_service *s, const char *how)
{
        mon_link_close(s);
        mon_service_over(s, how);
}

static void on_end(uv_poll_t *poll, int status, int events)
{
        (void)status, (void)events;
        over(poll->data, "its unit's log has more");
}

/* ---- the contact ---- */

static pid_t read_answer(int fd)
{
        char byte;
        struct iovec v = { &byte, 1 };
        union {
                char room[CMSG_SPACE(sizeof(struct ucred))];
                struct cmsghdr align;
        } control;
        struct msghdr m = {
                .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        struct ucred who = { .pid = -1 };
        if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) != 1)
                return -1;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
                        memcpy(&who, CMSG_DATA(c), sizeof who);
        return who.pid > 0 ? who.pid : -1;
}

static void on_answer(uv_poll_t *poll, int status, int events)
{
        struct mon_service *s = poll->data;
        (void)status, (void)events;
        s->pid = read_answer(s->contact);
        s->pidfd = s->pid > 0 ? (int)syscall(SYS_pidfd_open, s->pid, 0) : -1;
        unwatch(s);
        close(s->contact);
        s->contact = -1;
        if (s->pidfd < 0 || watch(s, s->pidfd, on_end) < 0)
                over(s, "its unit did not start it");
}

static int send_all(struct mon_service *s, char *const *argv)
{
        char text[RV_LINK_BYTES];
        size_t n = 0;
        for (char *const *a = argv + 1; *a; a++) {
                size_t k = strlen(*a) + 1;
                if (k > sizeof text - n)
                        return -E2BIG;
                memcpy(text + n, *a, k);
                n += k;
        }
        if (n == 0)
                text[n++] = 0; /* none: a packet has to have a byte */
        int fds[RV_LINK_FDS] = { s->theirs, s->extra };
        size_t size = (s->extra >= 0 ? 2 : 1) * sizeof(int);
        struct iovec v = { text, n };
        union {
                char room[CMSG_SPACE(sizeof fds)];
                struct cmsghdr align;
        } control = { .room = { 0 } };
        struct msghdr m = {
                .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(c), fds, size);
        return sendmsg(s->contact, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void mon_link(struct mon_service *s, char *const *argv)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int on = 1, n = snprintf(a.sun_path, sizeof a.sun_path, "%s/%s.sock", s->m->links, s->name), r = 0;
        s->contact = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s->contact < 0 || (size_t)n >= sizeof a.sun_path ||
            setsockopt(s->contact, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
            connect(s->contact, (struct sockaddr *)&a, sizeof a) < 0)
                r = -errno;
        if (r == 0)
                r = send_all(s, argv);
        if (r == 0)
                r = watch(s, s->contact, on_answer);
        if (r < 0)
                over(s, strerror(-r));
}
