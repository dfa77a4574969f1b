/* SPDX-License-Identifier: MIT
 *
 * AuditRecord: what the agent has recorded of changes and denials (agent/audit.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/AuditRecord.h"

static void text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *s)
{
        if (s)
                set(row, s, strlen(s));
}

static int each(void *sink, const struct rv_audit_record *r)
{
        struct rv_row *row = rv_row(sink);
        bool known = strcmp(r->result, "Unknown") != 0;
        AuditRecord_set_Seq(row, r->seq);
        AuditRecord_set_Time(row, r->time);
        text(row, AuditRecord_set_Session, r->session);
        text(row, AuditRecord_set_User, r->user);
        AuditRecord_set_Uid(row, r->uid);
        text(row, AuditRecord_set_Source, r->source);
        text(row, AuditRecord_set_Operation, r->operation);
        text(row, AuditRecord_set_ClassName, r->class_name);
        text(row, AuditRecord_set_Key, r->key);
        text(row, AuditRecord_set_Method, r->method);
        text(row, AuditRecord_set_Arguments, r->arguments);
        text(row, AuditRecord_set_RequestKey, r->request_key);
        text(row, AuditRecord_set_Result, r->result);
        text(row, AuditRecord_set_Message, r->message);
        text(row, AuditRecord_set_Changed, r->changed);
        text(row, AuditRecord_set_Roles, r->roles);
        text(row, AuditRecord_set_Elevation, r->elevation);
        text(row, AuditRecord_set_Hash, r->hash);
        if (known) {
                AuditRecord_set_Status(row, (uint16_t)r->status);
                AuditRecord_set_Duration(row, r->duration);
        }
        return rv_emit(sink, row);
}

static const char *wanted(const struct rv_query *q, unsigned property)
{
        const struct rv_arg *a = rv_equals(q, property);
        return a && a->type == RV_STRING ? a->s : NULL;
}

static int audit_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char why[200] = "";
        const struct rv_arg *first, *last, *since, *until;
        rv_bounds(q, AuditRecord_Seq, &first, &last);
        rv_bounds(q, AuditRecord_Time, &since, &until);
        struct rv_audit_ask ask = { .limit = q->limit,
                                    .first_seq = first ? first->u : 0,
                                    .last_seq = last ? last->u : INT64_MAX,
                                    .since = since ? since->i : 0,
                                    .until = until ? until->i : INT64_MAX,
                                    .user = wanted(q, AuditRecord_User),
                                    .class_name = wanted(q, AuditRecord_ClassName),
                                    .operation = wanted(q, AuditRecord_Operation),
                                    .session = wanted(q, AuditRecord_Session),
                                    .result = wanted(q, AuditRecord_Result) };
        const struct rv_arg *seq = rv_equals(q, AuditRecord_Seq);
        if (seq)
                ask.first_seq = ask.last_seq = seq->u;
        if (!ask.last_seq || ask.first_seq > ask.last_seq)
                return RV_OK;
        int r = rv_stats_each_audit(q->call, &ask, each, out, why, sizeof why);
        if (r == -ENOENT) /* nothing was ever recorded */
                return RV_OK;
        return r == -EIO      ? rv_fail(err, RV_UNAVAILABLE, "cannot read the audit: %s", why)
               : r == RV_STOP ? RV_OK
                              : r;
}

static int audit_verify(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        char why[200] = "";
        struct rv_audit_check check;
        int r = rv_stats_verify_audit(c, &check, why, sizeof why);
        if (r < 0 && r != -ENOENT)
                return rv_fail_errno(err, -r, "cannot check the audit: %s", why);
        AuditRecord_Verify_out_set_ReturnValue(c->out, 0);
        AuditRecord_Verify_out_set_Valid(c->out, check.first_bad == 0);
        AuditRecord_Verify_out_set_Records(c->out, check.records);
        if (check.first_bad)
                AuditRecord_Verify_out_set_FirstBad(c->out, check.first_bad);
        if (check.anchor)
                AuditRecord_Verify_out_set_Anchor(c->out, check.anchor);
        AuditRecord_Verify_out_set_Head(c->out, check.head, strlen(check.head));
        return RV_OK;
}

struct lines {
        char **v;
        size_t n, room;
        uint64_t last;
};

static int keep_line(void *state, uint64_t seq, const char *line, size_t n)
{
        struct lines *l = state;
        if (l->n == l->room) {
                size_t room = l->room ? l->room * 2 : 256;
                char **more = realloc(l->v, room * sizeof *more);
                if (!more)
                        return -ENOMEM;
                l->v = more;
                l->room = room;
        }
        l->v[l->n] = strndup(line, n);
        l->last = seq;
        return l->v[l->n] ? (l->n++, 0) : -ENOMEM;
}

static int audit_export(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct AuditRecord_Export_in *a = in;
        char why[200] = "";
        struct lines l = { 0 };
        bool more = false;
        int r = rv_stats_export_audit(c, a->has_AfterSeq ? a->AfterSeq : 0, a->has_Limit ? a->Limit : 10000,
                                      keep_line, &l, &more, why, sizeof why);
        if (r == 0 || r == -ENOENT) {
                AuditRecord_Export_out_set_ReturnValue(c->out, 0);
                AuditRecord_Export_out_set_More(c->out, more);
                rv_list at = AuditRecord_Export_out_set_Lines(c->out, (uint32_t)l.n);
                for (size_t i = 0; i < l.n; i++)
                        rv_item_string(c->out, at, (uint32_t)i, l.v[i], strlen(l.v[i]));
                if (l.n)
                        AuditRecord_Export_out_set_LastSeq(c->out, l.last);
        }
        for (size_t i = 0; i < l.n; i++)
                free(l.v[i]);
        free(l.v);
        return r < 0 && r != -ENOENT ? rv_fail_errno(err, -r, "cannot read the audit: %s", why) : RV_OK;
}

static int (*const methods[AuditRecord_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [AuditRecord_method_Verify] = audit_verify,
        [AuditRecord_method_Export] = audit_export,
};

static const struct rv_provider auditrecord = { .class = &AuditRecord_class,
                                                .query = audit_query,
                                                .methods = methods };

RV_PROVIDERS(auditrecord, &auditrecord);
