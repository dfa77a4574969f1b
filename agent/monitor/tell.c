/* SPDX-License-Identifier: MIT
 *
 * What reeved tells the agent of logins (agent/wire/intro.h), so that they are in the audit and can be listed: who
 * came, who left, who was not let in. And what the agent asks in return: that a login ends. What finds no room in the
 * queue is told with the next of its kind, as a number; nothing waits for the agent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/monitor/monitor.h"

static bool send_login(struct monitor *m, const struct rv_login *l)
{
        return send(m->agent.mine, l, sizeof *l, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof *l;
}

/* Names are a stranger's bytes: what is not printable is a question mark. */
static void copy_text(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%s", from);
        for (char *p = to; *p; p++)
                if (*p < ' ' || *p > '~')
                        *p = '?';
}

static void describe(const struct mon_conn *c, enum rv_login_what what, struct rv_login *ret)
{
        *ret = (struct rv_login) { .magic = RV_LOGIN_MAGIC,
                                   .size = sizeof *ret,
                                   .what = what,
                                   .uid = c->in ? c->account.uid : (uint32_t)-1 };
        copy_text(ret->user, sizeof ret->user, c->account.name);
        copy_text(ret->key, sizeof ret->key, c->fingerprint);
        copy_text(ret->source, sizeof ret->source, c->source);
        copy_text(ret->session, sizeof ret->session, c->id);
        copy_text(ret->role, sizeof ret->role, c->key.role);
        ret->milliseconds = c->in ? uv_now(&c->m->loop) - c->since : 0;
}

void mon_tell_login(struct mon_conn *c)
{
        struct rv_login l;
        describe(c, RV_LOGIN_IN, &l);
        copy_text(l.reason, sizeof l.reason, *c->certificate ? c->certificate + 2 : "");
        if (!send_login(c->m, &l))
                rv_log(RV_LOG_WARNING, "session %s: the agent was not told of this login", c->id);
}

void mon_tell_logout(struct mon_conn *c)
{
        struct rv_login l;
        describe(c, RV_LOGIN_OUT, &l);
        if (!send_login(c->m, &l))
                rv_log(RV_LOG_WARNING, "session %s: the agent was not told of this end", c->id);
}

void mon_tell_refused(struct mon_conn *c)
{
        struct rv_login l;
        describe(c, RV_LOGIN_REFUSED, &l);
        l.count = c->failures + c->m->untold;
        copy_text(l.reason, sizeof l.reason,
                  *c->refusal         ? c->refusal
                  : !c->account.known ? "there is no such user, or he may not log in"
                                      : "no key or password of his was shown");
        c->m->untold = send_login(c->m, &l) ? 0 : l.count;
}

void mon_tell_all(struct monitor *m)
{
        struct rv_login l;
        for (struct mon_conn *c = m->conns; c; c = c->next)
                if (c->in) {
                        describe(c, RV_LOGIN_HERE, &l);
                        if (!send_login(m, &l))
                                return; /* it learns of them as they end */
                }
}

static void end(struct monitor *m, const char *id)
{
        struct mon_conn *c = m->conns;
        while (c && (!c->in || strcmp(c->id, id) != 0))
                c = c->next;
        if (!c)
                return;
        rv_log(RV_LOG_NOTICE, "session %s of %s is ended by an administrator", c->id, c->account.name);
        mon_conn_end(c);
}

static void on_agent(uv_poll_t *poll, int status, int events)
{
        struct monitor *m = poll->data;
        struct rv_login l;
        (void)status, (void)events;
        for (int i = 0; i < 16; i++) {
                ssize_t n = recv(m->agent.mine, &l, sizeof l, MSG_DONTWAIT);
                if (n <= 0)
                        return;
                if (n == (ssize_t)sizeof l && l.magic == RV_LOGIN_MAGIC && l.what == RV_LOGIN_END &&
                    memchr(l.session, 0, sizeof l.session))
                        end(m, l.session);
        }
}

int mon_tell_start(struct monitor *m)
{
        m->agent_poll.data = m;
        int r = uv_poll_init(&m->loop, &m->agent_poll, m->agent.mine);
        return r ? r : uv_poll_start(&m->agent_poll, UV_READABLE, on_agent);
}
