/* SPDX-License-Identifier: MIT
 *
 * Session: who is connected to this agent (agent/stats.h), and how to be rid of them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/Session.h"

static int each(void *sink, const struct rv_session_stats *s)
{
        struct rv_row *row = rv_row(sink);
        const struct rv_identity *who = &s->who;
        bool ssh = strcmp(who->source, "local") != 0;
        Session_set_Id(row, who->session, strlen(who->session));
        Session_set_User(row, who->user, strlen(who->user));
        Session_set_Uid(row, who->uid);
        Session_set_Roles(row, s->roles, strlen(s->roles));
        Session_set_Language(row, s->language, strlen(s->language));
        Session_set_Source(row, who->source, strlen(who->source));
        Session_set_Transport(row, ssh ? "SSH" : "Local", ssh ? 3 : 5);
        if (*who->key)
                Session_set_KeyFingerprint(row, who->key, strlen(who->key));
        if (who->pid)
                Session_set_ProcessId(row, (uint32_t)who->pid);
        Session_set_StartTime(row, s->since);
        if (s->last_call_time)
                Session_set_LastCallTime(row, s->last_call_time);
        Session_set_Calls(row, s->calls);
        Session_set_Running(row, s->running);
        Session_set_BytesIn(row, s->bytes_in);
        Session_set_BytesOut(row, s->bytes_out);
        Session_set_BytesQueued(row, s->bytes_queued);
        int64_t idle = rv_wall() - (s->last_call_time > s->since ? s->last_call_time : s->since);
        Session_set_IdleTime(row, s->running || idle < 0 ? 0 : (uint64_t)idle);
        rv_list at = rv_set_list(row, Session_Activity, s->nactivity);
        for (unsigned i = 0; i < s->nactivity; i++)
                rv_item_string(row, at, i, s->activity[i], strlen(s->activity[i]));
        Session_set_State(row, s->state, strlen(s->state));
        return rv_emit(sink, row);
}

static int session_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        int r = rv_stats_each_session(q->call, each, out);
        if (r == -ETIMEDOUT)
                return rv_fail(err, RV_UNAVAILABLE, "the agent's loop did not answer");
        return r == RV_STOP ? RV_OK : r;
}

static int session_terminate(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct Session_Terminate_in *a = in;
        const char *id = c->key[Session_Id].s;
        int r = rv_stats_end_session(c, id, a->has_Force && a->Force);
        if (r == -ENOENT)
                return rv_fail(err, RV_NOT_FOUND, "there is no session %s", id);
        if (r == -ETIMEDOUT)
                return rv_fail(err, RV_UNAVAILABLE, "the agent's loop did not answer");
        rv_change(c, "State", "Open", NULL);
        Session_Terminate_out_set_ReturnValue(c->out, 0);
        return r;
}

static int (*const methods[Session_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Session_method_Terminate] = session_terminate,
};

static const struct rv_provider session = {
        .class = &Session_class, .query = session_query, .methods = methods, .quick = true
};

RV_PROVIDERS(session, &session);
