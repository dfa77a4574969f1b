/* SPDX-License-Identifier: MIT
 *
 * Sessions that reeved introduces: each message on the socket that it made before it started us is one identity (see
 * agent/wire/intro.h) with one connected socket. Nothing else can write there, so what it says of the peer is believed;
 * what does not fit the layout is dropped and logged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/front/logins.h"
#include "agent/log.h"
#include "agent/wire/intro.h"

enum { MOST_AT_ONCE = 16 };

static bool ended_text(const char *s, size_t size)
{
        return memchr(s, 0, size) != NULL;
}

static bool good(const struct rv_intro *in, ssize_t n)
{
        return n == (ssize_t)sizeof *in && in->magic == RV_INTRO_MAGIC && in->size == sizeof *in &&
               in->ngroups <= RV_INTRO_GROUPS && ended_text(in->user, sizeof in->user) &&
               ended_text(in->key, sizeof in->key) && ended_text(in->source, sizeof in->source) &&
               ended_text(in->session, sizeof in->session) && ended_text(in->role, sizeof in->role) &&
               ended_text(in->service, sizeof in->service) && in->user[0];
}

static void introduce(struct rv_agent *a, const struct rv_intro *in, int fd)
{
        struct rv_identity who = { .made = true, .uid = in->uid, .gid = in->gid };
        for (uint32_t i = 0; i < in->ngroups; i++)
                who.groups[i] = in->groups[i];
        who.ngroups = in->ngroups;
        memcpy(who.role, in->role, sizeof who.role);
        memcpy(who.service, in->service, sizeof who.service);
        memcpy(who.user, in->user, sizeof who.user);
        memcpy(who.key, in->key, sizeof who.key);
        memcpy(who.source, in->source, sizeof who.source);
        memcpy(who.session, in->session, sizeof who.session);
        who.admin = in->admin ||
                    (!*in->role && rv_policy_is_admin(&a->policy, who.user, who.groups, who.ngroups));
        int r = rv_session_new(a, fd, &who, NULL);
        if (r)
                rv_log(RV_LOG_WARNING, "a session of %s from %s was refused: %s", who.user, who.source,
                       strerror(-r));
}

/* One message. False: nothing more now. */
static bool take(struct rv_agent *a, int from)
{
        union {
                struct rv_intro in;
                struct rv_login login;
        } u;
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec v = { &u, sizeof u };
        struct msghdr m = { .msg_iov = &v,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof control.space };
        ssize_t n = recvmsg(from, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n <= 0)
                return n < 0 && errno == EINTR;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        int fd = -1;
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof fd))
                memcpy(&fd, CMSG_DATA(c), sizeof fd);
        bool whole = !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
        if (fd < 0 && whole && n == (ssize_t)sizeof u.login && u.login.magic == RV_LOGIN_MAGIC &&
            rv_login_take(a, &u.login, (size_t)n))
                return true;
        if (fd < 0 || !good(&u.in, n) || !whole) {
                rv_log(RV_LOG_WARNING, "an introduction that does not fit was dropped");
                if (fd >= 0)
                        close(fd);
                return true;
        }
        introduce(a, &u.in, fd);
        return true;
}

static void on_intro(uv_poll_t *poll, int status, int events)
{
        (void)events;
        uv_os_fd_t fd;
        if (status < 0 || uv_fileno((uv_handle_t *)poll, &fd) < 0)
                return;
        char peek;
        if (recv(fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT) == 0) { /* reeved has gone: the next one starts another agent */
                uv_poll_stop(poll);
                rv_agent_stop(poll->data);
                return;
        }
        for (int i = 0; i < MOST_AT_ONCE && take(poll->data, fd); i++)
                ;
}

int rv_listen_intro(struct rv_agent *a, int fd)
{
        uv_poll_t *poll = calloc(1, sizeof *poll);
        if (!poll)
                return -ENOMEM;
        poll->data = a;
        rv_logins_start(fd);
        int r = uv_poll_init(&a->loop.uv, poll, fd);
        return r ? r : uv_poll_start(poll, UV_READABLE, on_intro);
}
