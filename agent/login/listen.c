/* SPDX-License-Identifier: MIT
 *
 * Sockets that listen, made where the host's network is: reeved itself has none.
 */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/login/login.h"

#define ADMIN_GROUP "reeve-admin"

static int complain(char *why, size_t size, const char *what, int error)
{
        snprintf(why, size, "%s: %s", what, strerror(error));
        return -error;
}

static int listen_at(const struct addrinfo *a)
{
        int one = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (a->ai_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 512) == 0)
                return fd;
        int error = errno;
        close(fd);
        return -error;
}

int login_listen_tcp(const char *text, unsigned port, char *why, size_t size)
{
        char host[64], service[8], what[128];
        const char *colon = strrchr(text, ':');
        bool has_port = colon && (text[0] == '[' ? colon[-1] == ']' : strchr(text, ':') == colon);
        snprintf(service, sizeof service, "%s", has_port ? colon + 1 : "");
        if (!has_port)
                snprintf(service, sizeof service, "%u", port);
        size_t n = has_port ? (size_t)(colon - text) : strlen(text), skip = text[0] == '[';
        if (skip && n > 1 && text[n - 1] == ']')
                n--;
        snprintf(host, sizeof host, "%.*s", (int)(n - skip), text + skip);
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                  .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV },
                        *found = NULL;
        int r = getaddrinfo(host, service, &hints, &found);
        if (r) {
                snprintf(why, size, "listen = %s: %s", text, gai_strerror(r));
                return -EINVAL;
        }
        int fd = listen_at(found);
        freeaddrinfo(found);
        snprintf(what, sizeof what, "cannot listen on %s port %s", host, service);
        return fd < 0 ? complain(why, size, what, -fd) : fd;
}

/* ---- the agent's socket, which stays while the agent is restarted ---- */

static bool is_stale(const struct sockaddr_un *a)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 && errno == ECONNREFUSED;
        if (fd >= 0)
                close(fd);
        return stale;
}

int login_listen_unix(const char *path, char *why, size_t size)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        char what[160];
        snprintf(what, sizeof what, "cannot listen on %.100s", path);
        if (strlen(path) >= sizeof a.sun_path)
                return complain(why, size, what, ENAMETOOLONG);
        strcpy(a.sun_path, path);
        struct group *g = geteuid() == 0 ? getgrnam(ADMIN_GROUP) : NULL;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return complain(why, size, what, errno);
        mode_t before = umask(g ? 0117 : 0177);
        int r = bind(fd, (struct sockaddr *)&a, sizeof a);
        if (r < 0 && errno == EADDRINUSE && is_stale(&a) && unlink(path) == 0)
                r = bind(fd, (struct sockaddr *)&a, sizeof a);
        int error = errno;
        umask(before);
        if (r == 0 && g && chown(path, (uid_t)-1, g->gr_gid) < 0)
                rv_log(RV_LOG_WARNING, "%s stays with its group: %m", path);
        if (r == 0 && listen(fd, 512) == 0)
                return fd;
        error = r == 0 ? errno : error;
        close(fd);
        return complain(why, size, what, error);
}
