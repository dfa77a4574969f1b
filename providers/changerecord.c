/* SPDX-License-Identifier: MIT
 *
 * ChangeRecord: what the agent has kept of changes (agent/history.h).
 */
#include <errno.h>
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/ChangeRecord.h"

static void text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *s)
{
        if (s)
                set(row, s, strlen(s));
}

static int each(void *sink, const struct rv_change_record *r)
{
        struct rv_row *row = rv_row(sink);
        ChangeRecord_set_Seq(row, r->seq);
        ChangeRecord_set_Time(row, r->time);
        if (r->since)
                ChangeRecord_set_NotBefore(row, r->since);
        text(row, ChangeRecord_set_ClassName, r->class_name);
        text(row, ChangeRecord_set_Key, r->key);
        text(row, ChangeRecord_set_Kind, r->kind);
        rv_list list = ChangeRecord_set_Properties(row, r->nproperties);
        for (uint32_t i = 0; i < r->nproperties; i++)
                rv_item_string(row, list, i, r->properties[i], strlen(r->properties[i]));
        text(row, ChangeRecord_set_Changed, r->changed);
        text(row, ChangeRecord_set_ChangedBy, r->user);
        text(row, ChangeRecord_set_Operation, r->operation);
        if (r->audit)
                ChangeRecord_set_AuditSeq(row, r->audit);
        return rv_emit(sink, row);
}

static int change_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char why[200] = "";
        const struct rv_arg *first, *last, *since, *until, *seq = rv_equals(q, ChangeRecord_Seq),
                                                           *name = rv_equals(q, ChangeRecord_ClassName);
        rv_bounds(q, ChangeRecord_Seq, &first, &last);
        rv_bounds(q, ChangeRecord_Time, &since, &until);
        struct rv_change_ask ask = {
                                     .first_seq = seq ? seq->u : first ? first->u : 0,
                                     .last_seq = seq ? seq->u : last ? last->u : INT64_MAX,
                                     .since = since ? since->i : 0,
                                     .until = until ? until->i : INT64_MAX,
                                     .class_name = name && name->type == RV_STRING ? name->s : NULL,
                                     .who = rv_asked(q, ChangeRecord_ChangedBy) || rv_asked(q, ChangeRecord_AuditSeq) ||
                                            rv_asked(q, ChangeRecord_Operation) };
        int r = rv_stats_each_change(q->call, &ask, each, out, why, sizeof why);
        if (r == -ENOENT) /* nothing was ever kept */
                return RV_OK;
        return r == -EIO ? rv_fail(err, RV_UNAVAILABLE, "cannot read the history: %s", why) : r == RV_STOP ? RV_OK : r;
}

static const struct rv_provider changerecord = { .class = &ChangeRecord_class, .query = change_query };

RV_PROVIDERS(changerecord, &changerecord);
