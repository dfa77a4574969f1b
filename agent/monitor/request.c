/* SPDX-License-Identifier: MIT */
#include "agent/monitor/request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct form {
        const char *fields;
        uint32_t least[MON_TEXTS], most[MON_TEXTS];
} forms[MON_TYPES] = {
        [MON_SIGN] = { "b", { MON_HASH }, { MON_HASH } },
        [MON_KEY_ALLOWED] = { "bb", { 1, 1 }, { MON_USER, 4096 } },
        [MON_VERIFY] = { "bb", { 1, 1 }, { 8192, 4096 } },
        [MON_OPEN] = { "uuuuuuubbb", { 0 }, { 64, MON_ENV, MON_COMMAND } },
        [MON_SIGNAL] = { "ub", { 1 }, { 16 } },
        [MON_CLOSE] = { "u" },
        [MON_LOG] = { "ub", { 0 }, { 256 } },
        [MON_PONG] = { "" },
        [MON_ANSWER] = { "ub", { 0 }, { 256 } },
        [MON_EXITED] = { "uuub", { 0 }, { 16 } },
        [MON_PING] = { "" },
        [MON_READY] = { "" },
        [MON_CONNECTION] = { "u" },
        [MON_KILL] = { "u" },
        [MON_ENDED] = { "uu" },
        [MON_PASSWORD] = { "bb", { 1, 1 }, { MON_USER, MON_PASSWORD_BYTES } },
        [MON_PAM] = { "ubbb", { 1 }, { MON_USER, 64, MON_PASSWORD_BYTES } },
        [MON_PAM_SAID] = { "ubbb", { 0 }, { 256, MON_ENV, 1024 } },
        [MON_POLICY] = { "ub", { 32 }, { 32 } },
        [MON_START] = { "uuuuubbb", { 0 }, { 256, 1024, MON_PLAN + MON_COMMAND } },
        [MON_STARTED] = { "u" },
        [MON_ADOPT] = { "u" },
        [MON_LISTEN] = { "uub", { 1 }, { 1023 } },
};

static uint32_t get32(const char *p)
{
        uint32_t v;
        memcpy(&v, p, sizeof v);
        return v;
}

int mon_decode(const void *buf, size_t n, struct mon_message *ret)
{
        const char *p = buf, *end = p + n;
        *ret = (struct mon_message) { 0 };
        if (n < 8)
                return -EBADMSG;
        ret->type = get32(p);
        ret->id = get32(p + 4);
        p += 8;
        if (ret->type >= MON_TYPES || !forms[ret->type].fields)
                return -EBADMSG;
        const struct form *form = &forms[ret->type];
        unsigned nu = 0, nb = 0;
        for (const char *f = form->fields; *f; f++) {
                if (end - p < 4)
                        return -EBADMSG;
                uint32_t v = get32(p);
                p += 4;
                if (*f == 'u') {
                        ret->u[nu++] = v;
                        continue;
                }
                if (v < form->least[nb] || v > form->most[nb] || v > (size_t)(end - p))
                        return -EBADMSG;
                ret->b[nb++] = (struct mon_text) { p, v };
                p += v;
        }
        return p == end ? 0 : -EBADMSG;
}

static char *put(char *p, const char *end, const void *data, size_t n)
{
        if (!p || n > (size_t)(end - p))
                return NULL;
        if (n)
                memcpy(p, data, n);
        return p + n;
}

int mon_encode(void *buf, size_t size, const struct mon_message *m)
{
        const char *end = (char *)buf + size;
        char *p = put(buf, end, &m->type, 4);
        p = put(p, end, &m->id, 4);
        const struct form *form = &forms[m->type];
        unsigned nu = 0, nb = 0;
        for (const char *f = form->fields; *f; f++) {
                if (*f == 'u') {
                        p = put(p, end, &m->u[nu++], 4);
                        continue;
                }
                const struct mon_text *b = &m->b[nb];
                if (b->n < form->least[nb] || b->n > form->most[nb])
                        return -EMSGSIZE;
                p = put(p, end, &b->n, 4);
                p = put(p, end, b->data, b->n);
                nb++;
        }
        return p ? (int)(p - (char *)buf) : -EMSGSIZE;
}

/* Takes what came as SCM_RIGHTS; what there is no room for is closed. */
static void take_fds(struct msghdr *h, int *fds, unsigned *nfds)
{
        unsigned room = *nfds;
        *nfds = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                        if (*nfds < room)
                                fds[(*nfds)++] = fd;
                        else
                                close(fd);
                }
        }
}

int mon_recv(int fd, void *buf, size_t size, struct mon_message *ret, int *fds, unsigned *nfds)
{
        struct iovec v = { buf, size };
        union {
                char room[CMSG_SPACE(MON_MOST_FDS * sizeof(int))];
                struct cmsghdr align;
        } control;
        struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
        ssize_t n;
        do
                n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n <= 0) {
                *nfds = 0;
                return n ? -errno : 0;
        }
        take_fds(&h, fds, nfds);
        if (!(h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && mon_decode(buf, (size_t)n, ret) == 0)
                return (int)n;
        while (*nfds)
                close(fds[--*nfds]);
        return -EBADMSG;
}

int mon_send(int fd, const struct mon_message *m, const int *fds, unsigned nfds)
{
        static char buf[MON_MOST];
        int n = mon_encode(buf, sizeof buf, m);
        if (n < 0)
                return n;
        struct iovec v = { buf, (size_t)n };
        union {
                char room[CMSG_SPACE(MON_MOST_FDS * sizeof(int))];
                struct cmsghdr align;
        } control;
        struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
        if (nfds) {
                memset(&control, 0, sizeof control);
                h.msg_control = &control;
                h.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&h);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
                memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
        }
        ssize_t sent;
        do
                sent = sendmsg(fd, &h, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (m->type == MON_PASSWORD || m->type == MON_PAM)
                explicit_bzero(buf, (size_t)n);
        return sent < 0 ? -errno : 0;
}
