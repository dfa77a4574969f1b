/* SPDX-License-Identifier: MIT
 *
 * Elevation: roles that somebody asks for, or has, for a time (agent/elevate.h).
 */
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/Elevation.h"

static void text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *s)
{
        if (s)
                set(row, s, strlen(s));
}

static void put_plan(struct rv_row *row, const char *const *lines)
{
        unsigned n = 0;
        while (lines && lines[n])
                n++;
        if (!lines)
                return;
        rv_list at = rv_set_list(row, Elevation_Plan, n);
        for (unsigned i = 0; i < n; i++)
                rv_item_string(row, at, i, lines[i], strlen(lines[i]));
}

static int each(void *sink, const struct rv_elevation_view *e)
{
        struct rv_row *row = rv_row(sink);
        text(row, Elevation_set_Id, e->id);
        text(row, Elevation_set_User, e->user);
        Elevation_set_Uid(row, e->uid);
        text(row, Elevation_set_Source, e->source);
        text(row, Elevation_set_KeyFingerprint, e->key);
        text(row, Elevation_set_Role, e->role);
        text(row, Elevation_set_Reason, e->reason);
        Elevation_set_Minutes(row, e->minutes);
        text(row, Elevation_set_Script, e->script);
        put_plan(row, e->plan);
        text(row, Elevation_set_PlanErrors, e->plan_errors);
        Elevation_set_PlanOnly(row, e->plan_only);
        text(row, Elevation_set_State, e->state);
        Elevation_set_RequestTime(row, e->requested);
        text(row, Elevation_set_DecidedBy, e->decided_by);
        if (e->decided)
                Elevation_set_DecisionTime(row, e->decided);
        if (e->until)
                Elevation_set_ValidUntil(row, e->until);
        if (e->ended)
                Elevation_set_EndTime(row, e->ended);
        text(row, Elevation_set_Message, e->message);
        return rv_emit(sink, row);
}

static int elevation_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        int r = rv_stats_each_elevation(q->call, each, out);
        return r == RV_STOP ? RV_OK : r;
}

static int elevation_request(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct Elevation_Request_in *a = in;
        char id[RV_ELEVATION_ID] = "";
        int r = rv_stats_ask_elevation(
                c,
                &(struct rv_elevation_ask) { .role = a->Role,
                                             .reason = a->Reason,
                                             .script = a->Script,
                                             .minutes = a->has_Minutes ? a->Minutes : 15,
                                             .plan_only = a->has_PlanOnly && a->PlanOnly },
                id, err);
        if (r == RV_OK) {
                Elevation_Request_out_set_ReturnValue(c->out, 0);
                if (*id)
                        Elevation_Request_out_set_Id(c->out, id, strlen(id));
        }
        return r;
}

static int decide(struct rv_call *c, enum rv_elevation_deed deed, unsigned minutes, const char *message,
                  struct rv_error *err)
{
        int r = rv_stats_decide_elevation(c, c->key[Elevation_Id].s, deed, minutes, message, err);
        if (r == RV_OK)
                rv_set_uint(c->out, 0, 0);
        return r;
}

static int elevation_approve(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct Elevation_Approve_in *a = in;
        return decide(c, RV_ELEVATION_APPROVE, a->has_Minutes ? a->Minutes : 0, a->Message, err);
}

static int elevation_deny(struct rv_call *c, const void *in, struct rv_error *err)
{
        return decide(c, RV_ELEVATION_DENY, 0, ((const struct Elevation_Deny_in *)in)->Message, err);
}

static int elevation_end(struct rv_call *c, const void *in, struct rv_error *err)
{
        return decide(c, RV_ELEVATION_END, 0, ((const struct Elevation_End_in *)in)->Message, err);
}

static int (*const methods[Elevation_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Elevation_method_Request] = elevation_request,
        [Elevation_method_Approve] = elevation_approve,
        [Elevation_method_Deny] = elevation_deny,
        [Elevation_method_End] = elevation_end,
};

static int elevation_open(struct rv_error *err)
{
        (void)err;
        return rv_stats_elevation_news();
}

static int elevation_news(int fd, struct rv_news *news)
{
        uint64_t n;
        if (read(fd, &n, sizeof n) == sizeof n)
                rv_news_changed(news);
        return 0;
}

static const struct rv_push push = {
        .covers = RV_PUSH_ALL, .whole = true, .open = elevation_open, .read = elevation_news
};

/* Requests with a plan take their time; whoever approves does not wait for them. */
static const struct rv_provider elevation = {
        .class = &Elevation_class, .query = elevation_query, .methods = methods, .push = &push, .threads = 8
};

RV_PROVIDERS(elevation, &elevation);
