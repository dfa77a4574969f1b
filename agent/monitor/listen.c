/* SPDX-License-Identifier: MIT
 *
 * The listening sockets, and the door: who may become a connection at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"

#define ADMIN_GROUP "reeve-admin"
enum { AT_ONCE = 16 };

/* No descriptor is left: the spare one lets us take the connection and close it, so that poll does not spin. */
static void refuse_one(struct monitor *m, int listener)
{
        if (m->spare >= 0)
                close(m->spare);
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
                close(fd);
        m->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        rv_log(RV_LOG_WARNING, "a connection is refused: no descriptors are left");
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
        struct monitor *m = poll->data;
        int listener = m->listeners[poll - m->listen_polls];
        (void)status, (void)events;
        for (int i = 0; i < AT_ONCE; i++) {
                struct sockaddr_storage peer;
                socklen_t n = sizeof peer;
                int fd = accept4(listener, (struct sockaddr *)&peer, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0 && (errno == EMFILE || errno == ENFILE))
                        refuse_one(m, listener);
                if (fd < 0)
                        return;
                const char *why;
                if (mon_address_enter(m, (struct sockaddr *)&peer, &why)) {
                        mon_conn_new(m, fd, &peer);
                        continue;
                }
                char text[64];
                mon_address_text((struct sockaddr *)&peer, text, sizeof text);
                rv_log(RV_LOG_NOTICE, "a connection from %s is refused: %s", text, why);
                close(fd);
        }
}

static int add(struct monitor *m, int fd)
{
        if (m->nlisteners == MON_LISTENERS)
                return -ENOSPC;
        uv_poll_t *p = &m->listen_polls[m->nlisteners];
        p->data = m;
        int r = uv_poll_init(&m->loop, p, fd);
        if (r == 0)
                m->listeners[m->nlisteners++] = fd;
        return r;
}

static int listen_on(struct monitor *m, const struct addrinfo *a)
{
        int one = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (a->ai_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        int r = bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 512) < 0 ? -errno : add(m, fd);
        if (r < 0)
                close(fd);
        return r;
}

/* ADDRESS or [ADDRESS]:PORT; without a port, the configured one. */
static int listen_text(struct monitor *m, const char *text, int port)
{
        char host[64], service[8];
        const char *colon = strrchr(text, ':');
        bool has_port = colon && (text[0] == '[' ? colon[-1] == ']' : strchr(text, ':') == colon);
        snprintf(service, sizeof service, "%s", has_port ? colon + 1 : "");
        if (!has_port)
                snprintf(service, sizeof service, "%d", port);
        size_t n = has_port ? (size_t)(colon - text) : strlen(text), skip = text[0] == '[';
        if (skip && n > 1 && text[n - 1] == ']')
                n--;
        snprintf(host, sizeof host, "%.*s", (int)(n - skip), text + skip);
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                  .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV },
                        *found = NULL;
        int r = getaddrinfo(host, service, &hints, &found);
        if (r) {
                rv_log(RV_LOG_ERROR, "listen = %s: %s", text, gai_strerror(r));
                return -EINVAL;
        }
        r = listen_on(m, found);
        freeaddrinfo(found);
        if (r < 0)
                rv_log(RV_LOG_ERROR, "cannot listen on %s port %s: %s", host, service, strerror(-r));
        return r;
}

/* systemd's: the sockets of reeved.socket, from descriptor 3 on. */
static int inherited(struct monitor *m)
{
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
        if (!pid || !n || atoi(pid) != getpid())
                return 0;
        int count = atoi(n);
        for (int fd = 3; fd < 3 + count && fd < 3 + MON_LISTENERS; fd++) {
                fcntl(fd, F_SETFD, FD_CLOEXEC);
                fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
                if (add(m, fd) < 0)
                        return -1;
        }
        return count;
}

static int write_port(struct monitor *m)
{
        struct sockaddr_storage a;
        socklen_t n = sizeof a;
        char path[1100], new[1110], text[64];
        if (getsockname(m->listeners[0], (struct sockaddr *)&a, &n) < 0)
                return -errno;
        int port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                                 : ((struct sockaddr_in *)&a)->sin_port);
        snprintf(path, sizeof path, "%s/ssh-port", m->o.state);
        snprintf(new, sizeof new, "%s.new", path);
        FILE *f = fopen(new, "we");
        if (!f || fprintf(f, "%d\n", port) < 0 || fclose(f) != 0 || rename(new, path) < 0)
                rv_log(RV_LOG_WARNING, "%s cannot be written: %m", path);
        for (unsigned i = 0; i < m->nlisteners; i++) {
                n = sizeof a;
                getsockname(m->listeners[i], (struct sockaddr *)&a, &n);
                mon_address_text((struct sockaddr *)&a, text, sizeof text);
                rv_log(RV_LOG_INFO, "SSH on %s", text);
        }
        return 0;
}

int mon_listen(struct monitor *m)
{
        m->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int r = inherited(m);
        for (unsigned i = 0; r == 0 && i < m->o.nlisten; i++)
                if (listen_text(m, m->o.listen[i], m->o.port) < 0)
                        return -1;
        return r < 0 || m->nlisteners == 0 ? -1 : write_port(m);
}

void mon_listen_on(struct monitor *m, bool on)
{
        if (m->listening == on)
                return;
        m->listening = on;
        for (unsigned i = 0; i < m->nlisteners; i++)
                if (on)
                        uv_poll_start(&m->listen_polls[i], UV_READABLE, on_connection);
                else
                        uv_poll_stop(&m->listen_polls[i]);
}

/* ---- the agent's socket, which stays while the agent is restarted ---- */

static bool is_stale(const struct sockaddr_un *a)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool stale =
                fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 && errno == ECONNREFUSED;
        if (fd >= 0)
                close(fd);
        return stale;
}

int mon_listen_unix(struct monitor *m, const char *path)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof a.sun_path) {
                errno = ENAMETOOLONG;
                return -1;
        }
        strcpy(a.sun_path, path);
        struct group *g = m->uid == 0 ? getgrnam(ADMIN_GROUP) : NULL;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -1;
        mode_t before = umask(g ? 0117 : 0177);
        int r = bind(fd, (struct sockaddr *)&a, sizeof a);
        if (r < 0 && errno == EADDRINUSE && is_stale(&a) && unlink(path) == 0)
                r = bind(fd, (struct sockaddr *)&a, sizeof a);
        int error = errno;
        umask(before);
        errno = error;
        if (r == 0 && g && chown(path, (uid_t)-1, g->gr_gid) < 0)
                rv_log(RV_LOG_WARNING, "%s stays with its group: %m", path);
        if (r == 0 && listen(fd, 512) == 0)
                return fd;
        error = errno;
        close(fd);
        errno = error;
        return -1;
}
