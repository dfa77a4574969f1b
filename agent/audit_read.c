/* SPDX-License-Identifier: MIT
 *
 * The audit as others see it: records with conditions, for the provider of AuditRecord, and the check of the chain.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/audit_int.h"

static void fill(sqlite3_stmt *q, struct rv_audit_record *ret)
{
        const char *t[RV_AUDIT_COLUMNS + 1];
        for (int i = 0; i <= RV_AUDIT_COLUMNS; i++)
                t[i] = (const char *)sqlite3_column_text(q, i);
        *ret = (struct rv_audit_record) { .seq = (uint64_t)sqlite3_column_int64(q, 0),
                                          .time = sqlite3_column_int64(q, 2),
                                          .session = t[3],
                                          .user = t[4],
                                          .uid = (uint32_t)sqlite3_column_int64(q, 5),
                                          .source = t[6],
                                          .operation = t[7],
                                          .class_name = t[8],
                                          .key = t[9],
                                          .method = t[10],
                                          .arguments = t[11],
                                          .request_key = t[12],
                                          .result = t[13],
                                          .status = (unsigned)sqlite3_column_int(q, 14),
                                          .message = t[15],
                                          .changed = t[16],
                                          .duration = (uint64_t)sqlite3_column_int64(q, 17),
                                          .roles = t[18],
                                          .elevation = t[19],
                                          .hash = t[20] };
}

/* A change is one record: its intent with what its outcome added. */
static const char records[] =
        "SELECT i.seq, NULL, i.time, i.session, i.user, i.uid, i.source, i.operation, i.class, i.key, "
        "i.method,"
        " i.arguments, i.request_key,"
        " CASE WHEN i.result <> 'Intent' THEN i.result ELSE coalesce(o.result, 'Unknown') END AS became,"
        " CASE WHEN i.result <> 'Intent' THEN i.status ELSE o.status END, coalesce(o.message, i.message),"
        " coalesce(o.changed, i.changed), "
        "CASE WHEN i.result <> 'Intent' THEN i.duration ELSE o.duration END, i.roles, i.elevation, i.hash "
        "FROM audit i LEFT JOIN "
        "audit o ON o.intent = i.seq"
        " WHERE i.intent IS NULL";

static void condition(struct rv_buf *sql, const char *column, const char *value)
{
        if (!value)
                return;
        char *s = sqlite3_mprintf(" AND %s = %Q COLLATE NOCASE", column, value);
        rv_buf_puts(sql, s ? s : "");
        sql->failed |= !s;
        sqlite3_free(s);
}

int rv_stats_each_audit(const struct rv_call *call, const struct rv_audit_ask *ask,
                        int (*each)(void *, const struct rv_audit_record *), void *state, char *why,
                        size_t size)
{
        struct rv_agent *agent = call->core;
        sqlite3 *db = rv_state_reader(&agent->state, why, size);
        sqlite3_stmt *q;
        struct rv_buf sql = { 0 };
        if (!db)
                return -ENOENT;
        rv_buf_puts(&sql, records);
        if (ask->first_seq)
                rv_buf_putf(&sql, " AND i.seq >= %" PRIu64, ask->first_seq);
        if (ask->last_seq)
                rv_buf_putf(&sql, " AND i.seq <= %" PRIu64, ask->last_seq);
        if (ask->since)
                rv_buf_putf(&sql, " AND i.time >= %" PRId64, ask->since);
        if (ask->until)
                rv_buf_putf(&sql, " AND i.time <= %" PRId64, ask->until);
        condition(&sql, "i.user", ask->user);
        condition(&sql, "i.class", ask->class_name);
        condition(&sql, "i.operation", ask->operation);
        condition(&sql, "i.session", ask->session);
        condition(&sql, "became", ask->result);
        rv_buf_puts(&sql, " ORDER BY i.seq");
        if (ask->limit)
                rv_buf_putf(&sql, " LIMIT %" PRIu64, ask->limit);
        rv_buf_put(&sql, "", 1);
        int r = sql.failed ? -ENOMEM : sqlite3_prepare_v2(db, sql.data, -1, &q, NULL) == SQLITE_OK ? 0 : -EIO;
        if (r == -EIO)
                snprintf(why, size, "%s", sqlite3_errmsg(db));
        if (r == 0) {
                while (r == 0 && sqlite3_step(q) == SQLITE_ROW) {
                        struct rv_audit_record record;
                        fill(q, &record);
                        r = rv_cancelled(call) ? RV_STOP : each(state, &record);
                }
                sqlite3_finalize(q);
        }
        rv_buf_free(&sql);
        sqlite3_close_v2(db);
        return r;
}

/* Where the chain begins: at nothing, or at the anchor; which the record of its rotation must confirm. */
static int begin_chain(sqlite3 *db, char before[65], struct rv_audit_check *ret)
{
        sqlite3_stmt *q;
        if (sqlite3_prepare_v2(db, "SELECT seq, hash, file, digest FROM anchor ORDER BY seq DESC LIMIT 1", -1,
                               &q, NULL) != SQLITE_OK)
                return -EIO;
        before[0] = 0;
        ret->confirmed = true;
        char expected[900] = "";
        if (sqlite3_step(q) == SQLITE_ROW) {
                ret->anchor = (uint64_t)sqlite3_column_int64(q, 0);
                snprintf(before, 65, "%s", (const char *)sqlite3_column_text(q, 1));
                snprintf(expected, sizeof expected,
                         "{\"LastSeq\":%" PRIu64 ",\"Hash\":\"%s\",\"File\":\"%s\",\"Sha256\":\"%s\"}",
                         ret->anchor, before, (const char *)sqlite3_column_text(q, 2),
                         (const char *)sqlite3_column_text(q, 3));
        }
        sqlite3_finalize(q);
        if (!*expected)
                return 0;
        if (sqlite3_prepare_v2(db, "SELECT 1 FROM audit WHERE operation = 'Rotate' AND arguments = ?", -1, &q,
                               NULL) != SQLITE_OK)
                return -EIO;
        sqlite3_bind_text(q, 1, expected, -1, SQLITE_STATIC);
        ret->confirmed = sqlite3_step(q) == SQLITE_ROW;
        sqlite3_finalize(q);
        return 0;
}

/* Goes through the chain. */
int rv_stats_verify_audit(const struct rv_call *call, struct rv_audit_check *ret, char *why, size_t size)
{
        struct rv_agent *agent = call->core;
        sqlite3 *db = rv_state_reader(&agent->state, why, size);
        sqlite3_stmt *q;
        char before[65] = "", hash[65];
        *ret = (struct rv_audit_check) { .confirmed = true };
        if (!db)
                return -ENOENT;
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL); /* one view of it, while more is written */
        int r = begin_chain(db, before, ret);
        if (r == 0)
                r = sqlite3_prepare_v2(db, "SELECT " RV_AUDIT_NAMES ", hash FROM audit ORDER BY seq", -1, &q,
                                       NULL) == SQLITE_OK
                            ? 0
                            : -EIO;
        if (r == 0) {
                uint64_t expected = ret->anchor + 1;
                if (!ret->confirmed)
                        ret->first_bad = expected;
                for (; r == 0 && !ret->first_bad && sqlite3_step(q) == SQLITE_ROW; expected++) {
                        const char *columns[RV_AUDIT_COLUMNS];
                        for (int i = 0; i < RV_AUDIT_COLUMNS; i++)
                                columns[i] = (const char *)sqlite3_column_text(q, i);
                        const char *kept = (const char *)sqlite3_column_text(q, RV_AUDIT_COLUMNS);
                        rv_audit_chain(before, columns, hash);
                        if (!kept || strcmp(hash, kept) != 0 ||
                            (uint64_t)sqlite3_column_int64(q, 0) != expected)
                                ret->first_bad = expected;
                        memcpy(before, hash, sizeof hash);
                        ret->records++;
                        if (rv_cancelled(call))
                                r = -ETIMEDOUT;
                }
                sqlite3_finalize(q);
        }
        snprintf(ret->head, sizeof ret->head, "%s", before);
        sqlite3_close_v2(db);
        return r;
}
