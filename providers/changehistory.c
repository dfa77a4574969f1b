/* SPDX-License-Identifier: MIT
 *
 * ChangeHistory: which classes are kept (agent/history.h).
 */
#include <errno.h>
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/ChangeHistory.h"

static int each(void *sink, const struct rv_history_stats *s)
{
        struct rv_row *row = rv_row(sink);
        ChangeHistory_set_ClassName(row, s->class_name, strlen(s->class_name));
        ChangeHistory_set_Kept(row, s->kept);
        ChangeHistory_set_Live(row, s->live);
        ChangeHistory_set_Pushed(row, s->pushed);
        ChangeHistory_set_ByCall(row, s->by_call);
        if (s->interval)
                ChangeHistory_set_Interval(row, (uint32_t)s->interval);
        if (s->began)
                ChangeHistory_set_Began(row, s->began);
        if (s->ended)
                ChangeHistory_set_Ended(row, s->ended);
        ChangeHistory_set_Spans(row, (uint32_t)s->spans);
        ChangeHistory_set_Changes(row, s->changes);
        ChangeHistory_set_States(row, s->states);
        ChangeHistory_set_Bytes(row, s->bytes);
        return rv_emit(sink, row);
}

static int history_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char why[200] = "";
        int r = rv_stats_each_history(q->call, each, out, why, sizeof why);
        if (r == -ENOENT) /* nothing was ever kept */
                return RV_OK;
        return r == -EIO      ? rv_fail(err, RV_UNAVAILABLE, "cannot read the history: %s", why)
               : r == RV_STOP ? RV_OK
                              : r;
}

static int history_keep(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct ChangeHistory_Keep_in *a = in;
        int r = rv_stats_keep_history(c, a->ClassName, true, a->has_Interval ? a->Interval : 0, false, err);
        if (r == RV_OK) {
                rv_change(c, "Kept", NULL, "True");
                ChangeHistory_Keep_out_set_ReturnValue(c->out, 0);
        }
        return r;
}

static int history_forget(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct ChangeHistory_Forget_in *a = in;
        const struct rv_arg *key = &c->key[ChangeHistory_ClassName];
        int r = rv_stats_keep_history(c, key->s, false, 0, a->has_Purge && a->Purge, err);
        if (r == RV_OK) {
                rv_change(c, "Kept", NULL, "False");
                ChangeHistory_Forget_out_set_ReturnValue(c->out, 0);
        }
        return r;
}

static int (*const methods[ChangeHistory_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [ChangeHistory_method_Keep] = history_keep,
        [ChangeHistory_method_Forget] = history_forget,
};

static const struct rv_provider changehistory = { .class = &ChangeHistory_class,
                                                  .query = history_query,
                                                  .methods = methods };

RV_PROVIDERS(changehistory, &changehistory);
