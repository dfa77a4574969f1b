/* SPDX-License-Identifier: MIT
 *
 * The agent's door on this host: a Unix socket whose peers the kernel names (SO_PEERCRED), or one connected socket that
 * whoever started the agent handed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/log.h"

/* The identity behind a connected socket. */
static int identify(struct rv_agent *a, int fd, struct rv_identity *ret)
{
        struct ucred cred;
        socklen_t n = sizeof cred;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
                return -errno;
        *ret = (struct rv_identity) { .made = true, .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
        struct passwd pw, *found = NULL;
        char buf[4096];
        if (getpwuid_r(cred.uid, &pw, buf, sizeof buf, &found) == 0 && found)
                snprintf(ret->user, sizeof ret->user, "%s", pw.pw_name);
        else
                snprintf(ret->user, sizeof ret->user, "%u", (unsigned)cred.uid);
        snprintf(ret->source, sizeof ret->source, "local");
        snprintf(ret->session, sizeof ret->session, "local-%d-%llu", (int)getpid(),
                 (unsigned long long)++a->serial);
        socklen_t size = sizeof ret->groups;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret->groups, &size) == 0)
                ret->ngroups = (unsigned)(size / sizeof *ret->groups);
        ret->admin = rv_policy_is_admin(&a->policy, ret->user, &cred.gid, 1) ||
                     rv_policy_is_admin(&a->policy, ret->user, ret->groups, ret->ngroups);
        return 0;
}

/* No descriptor is left: the spare one lets us take the connection and hang up, lest it wake us for ever. */
static bool hang_up(int listener)
{
        static int spare = -1;
        static bool told;
        if (spare >= 0)
                close(spare);
        int fd = spare >= 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0)
                close(fd);
        spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && !told)
                rv_log(RV_LOG_WARNING, "connections are refused: no descriptors are left");
        told |= fd >= 0;
        return fd >= 0;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
        (void)status;
        (void)events;
        struct rv_agent *a = poll->data;
        uv_os_fd_t listener;
        uv_fileno((uv_handle_t *)poll, &listener);
        if (a->stopping) { /* who waits at the door is for the next agent */
                uv_poll_stop(poll);
                return;
        }
        for (int i = 0; i < 16; i++) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0 && (errno == EMFILE || errno == ENFILE) && hang_up(listener))
                        continue;
                if (fd < 0)
                        return;
                struct rv_identity who;
                int r = identify(a, fd, &who);
                if (r == 0)
                        r = rv_session_new(a, fd, &who, NULL);
                else
                        close(fd);
                if (r && r != -EUSERS) /* whoever knocks too often does not fill the log, too */
                        rv_log(RV_LOG_WARNING, "a connection was refused: %s", strerror(-r));
        }
}

int rv_listen_fd(struct rv_agent *a, int fd)
{
        uv_poll_t *poll = calloc(1, sizeof *poll);
        if (!poll)
                return -ENOMEM;
        poll->data = a;
        hang_up(-1); /* takes the spare descriptor while there are some */
        if (a->nlisteners < sizeof a->listeners / sizeof *a->listeners)
                a->listeners[a->nlisteners++] = fd;
        int r = uv_poll_init(&a->loop.uv, poll, fd);
        return r ? r : uv_poll_start(poll, UV_READABLE, on_connection);
}

/* A socket file that nobody listens on is left over from an agent that was killed. */
static bool is_stale(const struct sockaddr_un *a)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool stale =
                fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 && errno == ECONNREFUSED;
        if (fd >= 0)
                close(fd);
        return stale;
}

int rv_listen_unix(struct rv_agent *a, const char *path)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof addr.sun_path)
                return -ENAMETOOLONG;
        memcpy(addr.sun_path, path, strlen(path));
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        mode_t old = umask(a->policy.admin_group == (gid_t)-1 ? 0177 : 0117);
        int r = bind(fd, (struct sockaddr *)&addr, sizeof addr);
        if (r < 0 && errno == EADDRINUSE && is_stale(&addr) && unlink(path) == 0)
                r = bind(fd, (struct sockaddr *)&addr, sizeof addr);
        int error = errno;
        umask(old);
        if (r == 0 && a->policy.admin_group != (gid_t)-1 && chown(path, (uid_t)-1, a->policy.admin_group) < 0)
                rv_log(RV_LOG_WARNING, "%s stays with its group: %m", path);
        if (r < 0 || listen(fd, 512) < 0) {
                close(fd);
                return r < 0 ? -error : -errno;
        }
        return rv_listen_fd(a, fd);
}

int rv_serve_fd(struct rv_agent *a, int fd, void (*ended)(struct rv_session *))
{
        struct rv_identity who;
        struct rv_session *s;
        int r = identify(a, fd, &who);
        if (r == 0)
                r = rv_session_new(a, fd, &who, &s);
        if (r == 0)
                s->ended = ended;
        return r;
}
