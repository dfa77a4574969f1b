/* SPDX-License-Identifier: MIT */
#include "agent/wire/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENER = 3, MOST_ARGS = 24 };

static int is_linked(void)
{
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
        return pid && n && names && atoi(pid) == getpid() && atoi(n) == 1 && strcmp(names, "reeved") == 0;
}

/* The first that connects and is root. */
static int wait_for_reeved(void)
{
        for (;;) {
                struct ucred who;
                socklen_t size = sizeof who;
                int fd = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
                        return -errno;
                if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == 0)
                        return fd;
                if (fd >= 0)
                        close(fd);
        }
}

/* Bytes of the packet, its descriptors moved out of the way of where they belong. */
static ssize_t receive(int fd, char *text, size_t size, int fds[RV_LINK_FDS], unsigned *nfds)
{
        struct iovec v = { text, size };
        union {
                char room[CMSG_SPACE(RV_LINK_FDS * sizeof(int))];
                struct cmsghdr align;
        } control;
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
        ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
        struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
        *nfds = 0;
        if (n <= 0 || text[n - 1] || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !c || c->cmsg_type != SCM_RIGHTS)
                return -EPROTO;
        *nfds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), *nfds * sizeof(int));
        for (unsigned i = 0; i < *nfds; i++) {
                int high = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
                if (high < 0)
                        return -errno;
                close(fds[i]);
                fds[i] = high;
        }
        return n;
}

int rv_link_take(int *argc, char ***argv)
{
        static char text[RV_LINK_BYTES], *args[MOST_ARGS + 1];
        int fds[RV_LINK_FDS], count = 0;
        unsigned nfds;
        if (!is_linked())
                return 0;
        int fd = wait_for_reeved();
        if (fd < 0)
                return fd;
        ssize_t n = receive(fd, text, sizeof text, fds, &nfds);
        if (n < 0)
                return (int)n;
        int reply = fcntl(fd, F_DUPFD_CLOEXEC, 16);
        close(fd);
        close(LISTENER); /* systemd has it, for our successor */
        for (unsigned i = 0; i < nfds; i++)
                if (dup2(fds[i], LISTENER + (int)i) < 0 || close(fds[i]) < 0)
                        return -errno;
        args[count++] = **argv;
        for (char *p = text; *text && p < text + n && count < MOST_ARGS; p += strlen(p) + 1)
                args[count++] = p;
        unsetenv("LISTEN_PID"), unsetenv("LISTEN_FDS"), unsetenv("LISTEN_FDNAMES");
        *argc = count;
        *argv = args;
        if (send(reply, "r", 1, MSG_NOSIGNAL) != 1)
                return -errno;
        close(reply);
        return 0;
}
