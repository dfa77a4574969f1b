/* SPDX-License-Identifier: MIT
 *
 * The listening sockets, which reeve-login makes, and the door: who may become a connection at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"

enum { AT_ONCE = 16, PATIENCE = 30000 };

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

/* Asks reeve-login for a socket, and waits: nothing else goes on at the start. */
static int ask(struct monitor *m, bool tcp, unsigned port, const char *text)
{
        static char buf[4096];
        struct mon_message a = { 0 }, q = { .type = MON_LISTEN,
                                            .u = { tcp, port },
                                            .b = { { text, (uint32_t)strlen(text) } } };
        struct pollfd p = { .fd = m->login.mine, .events = POLLIN };
        int fd = -1, r = mon_send(m->login.mine, &q, NULL, 0);
        unsigned nfds = 1;
        if (r == 0 && poll(&p, 1, PATIENCE) == 1)
                r = mon_recv(m->login.mine, buf, sizeof buf, &a, &fd, &nfds);
        if (r <= 0 || a.type != MON_ANSWER) {
                rv_log(RV_LOG_ERROR, "cannot listen on %s: reeve-login does not answer", text);
                return -1;
        }
        if (nfds == 0)
                rv_log(RV_LOG_ERROR, "%.*s", (int)a.b[0].n, a.b[0].data);
        return nfds ? fd : -1;
}

static int listen_on(struct monitor *m, const char *text, int port)
{
        int fd = ask(m, true, (unsigned)port, text), r = fd < 0 ? -1 : add(m, fd);
        if (fd >= 0 && r < 0)
                close(fd);
        return r;
}

int mon_listen_unix(struct monitor *m, const char *path)
{
        return ask(m, false, 0, path);
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
                if (listen_on(m, m->o.listen[i], m->o.port) < 0)
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
