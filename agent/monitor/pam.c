/* SPDX-License-Identifier: MIT
 *
 * PAM, as far as reeved sees it: a process of its own for each login (agent/pam/main.c), asked once. While it thinks,
 * the connection's other requests wait. When the connection ends the socket closes, and the process closes its session.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/login/login.h"
#include "agent/monitor/monitor.h"

struct mon_pam {
        struct mon_conn *conn; /* NULL: nobody waits for it */
        int fd;
        uint32_t number; /* reeve-login's */
        bool said;
        uint32_t id; /* of the request that waits */
        uv_poll_t poll;
        char *env;
        size_t env_n;
        struct rlimit limits[RLIM_NLIMITS];
};

static void on_closed(uv_handle_t *h)
{
        struct mon_pam *p = h->data;
        free(p->env);
        free(p);
}

void mon_pam_end(struct mon_conn *c)
{
        struct mon_pam *p = c->pam;
        if (!p)
                return;
        c->pam = NULL;
        p->conn = NULL;
        uv_poll_stop(&p->poll);
        close(p->fd);
        if (!p->said) /* a module may hang for ever */
                mon_launched_signal(c->m, p->number, "KILL");
        uv_close((uv_handle_t *)&p->poll, on_closed);
}

static void keep(struct mon_pam *p, const struct mon_message *m)
{
        p->env = malloc(m->b[1].n + 1);
        p->env_n = p->env ? m->b[1].n : 0;
        if (p->env)
                memcpy(p->env, m->b[1].data, m->b[1].n);
        memcpy(p->limits, m->b[2].data, sizeof p->limits);
}

static void on_said(uv_poll_t *poll, int status, int events)
{
        static char buf[8192];
        struct mon_pam *p = poll->data;
        struct mon_conn *c = p->conn;
        struct mon_message m;
        unsigned nfds = 0;
        (void)status, (void)events;
        int r = mon_recv(p->fd, buf, sizeof buf, &m, NULL, &nfds);
        if (r == -EAGAIN)
                return;
        if (p->said) { /* it has gone before its time: the session stays, without its end */
                uv_poll_stop(poll);
                return;
        }
        bool good = r > 0 && m.type == MON_PAM_SAID && m.u[0] == MON_OK && m.b[2].n == sizeof p->limits;
        p->said = true;
        if (good)
                keep(p, &m);
        else if (r > 0 && m.type == MON_PAM_SAID)
                rv_log(RV_LOG_NOTICE, "PAM lets %s not in from %s: %.*s", c->account.name, c->source,
                       (int)m.b[0].n, m.b[0].data);
        else
                rv_log(RV_LOG_WARNING, "PAM lets %s not in from %s: reeve-pam ended without an answer",
                       c->account.name, c->source);
        uint32_t id = p->id;
        if (!good)
                mon_pam_end(c);
        mon_conn_pam_said(c, id, good);
}

static int start(struct mon_pam *p, struct monitor *m)
{
        static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
        const char *argv[] = { m->o.pam_program, NULL };
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        int r = mon_launch(m, &(struct mon_order) { .flags = LOGIN_FD3,
                                                    .folder = "/",
                                                    .argv = argv,
                                                    .env = env,
                                                    .fds = { pair[1] },
                                                    .nfds = 1 });
        close(pair[1]);
        if (r < 0) {
                close(pair[0]);
                return r;
        }
        p->number = (uint32_t)r;
        p->fd = pair[0];
        fcntl(p->fd, F_SETFL, O_NONBLOCK);
        return 0;
}

int mon_pam_ask(struct mon_conn *c, uint32_t id, const struct mon_text *password)
{
        struct mon_pam *p = c->pam ? NULL : calloc(1, sizeof *p);
        int r = p ? start(p, c->m) : -ENOMEM;
        if (r < 0) {
                free(p);
                return r;
        }
        p->conn = c;
        p->id = id;
        p->poll.data = p;
        c->pam = p;
        uv_poll_init(&c->m->loop, &p->poll, p->fd);
        uv_poll_start(&p->poll, UV_READABLE, on_said);
        struct mon_message m = { .type = MON_PAM,
                                 .u = { password != NULL },
                                 .b = { { c->account.name, (uint32_t)strlen(c->account.name) },
                                        { c->source, (uint32_t)strlen(c->source) },
                                        password ? *password : (struct mon_text) { "", 0 } } };
        r = mon_send(p->fd, &m, NULL, 0);
        if (r < 0)
                mon_pam_end(c);
        return r;
}

const char *mon_pam_environment(const struct mon_conn *c, size_t *ret_n)
{
        *ret_n = c->pam ? c->pam->env_n : 0;
        return *ret_n ? c->pam->env : "";
}

const struct rlimit *mon_pam_limits(const struct mon_conn *c)
{
        return c->pam ? c->pam->limits : NULL;
}
