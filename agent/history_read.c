/* SPDX-License-Identifier: MIT
 *
 * The history read back: a class as it was at a moment. Rows go into the scan's sink like a provider's, so that view,
 * filter, order, limit and the reader's rights hold as they do for what is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/history.h"
#include "agent/history_int.h"
#include "agent/indicate.h"

/* A state as a row of its class. What the class has no more is left out. */
static void fill(struct rv_row *row, const struct rv_class *c, const json_t *state, struct rv_arena *a)
{
        for (uint32_t p = 0; p < c->nproperties; p++) {
                const json_t *v = json_object_get(state, c->properties[p].name);
                struct rv_error ignored = { 0 };
                struct rv_arg arg = { 0 };
                if (v && rv_wants(row, p) && rv_json_arg(v, &c->properties[p], a, &arg, &ignored) == RV_OK)
                        rv_copy_arg(row, p, &arg);
        }
}

struct rv_batch *rv_history_batch(const struct rv_class *c, const json_t *state)
{
        struct rv_arena a = { 0 };
        struct rv_batch *b = rv_batch_new(c);
        struct rv_row row;
        if (!b || rv_row_begin(&row, b, NULL))
                return rv_batch_free(b);
        fill(&row, c, state, &a);
        rv_row_end(&row);
        rv_arena_free(&a);
        return row.failed ? rv_batch_free(b) : b;
}

static const char *time_text(int64_t ns, char *buf, size_t size)
{
        rv_datetime_text(ns, false, buf, size);
        return buf;
}

static int64_t number(sqlite3 *db, const char *sql, const char *class_name, int64_t at)
{
        sqlite3_stmt *q = NULL;
        int64_t ret = 0;
        if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
                sqlite3_bind_text(q, 1, class_name, -1, SQLITE_STATIC);
                sqlite3_bind_int64(q, 2, at);
                if (sqlite3_step(q) == SQLITE_ROW)
                        ret = sqlite3_column_int64(q, 0);
        }
        sqlite3_finalize(q);
        return ret;
}

/* Whether that moment is known: an error when it is not at all, a complaint when nobody looked then. */
static int check_span(sqlite3 *db, const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const char *name = q->class->name;
        char first[48], at[48], from[48], to[48];
        int64_t began = number(db, "SELECT min(began) FROM history_span WHERE class = ?1 AND ?2", name, 1);
        rv_about(err, name, NULL, "At");
        if (!began) {
                rv_hint(err, "reeve.conf, [history] keep = ... says which classes are; docs/history.md.");
                return rv_fail(err, RV_NOT_SUPPORTED, "no history of %s is kept", name);
        }
        if (q->at < began)
                return rv_fail(err, RV_INVALID_PARAMETER, "the history of %s begins at %s; %s is before that",
                               name, time_text(began, first, sizeof first), time_text(q->at, at, sizeof at));
        int64_t span = number(db, "SELECT max(began) FROM history_span WHERE class = ?1 AND began <= ?2",
                              name, q->at);
        int64_t ended =
                number(db, "SELECT ended FROM history_span WHERE class = ?1 AND began = ?2", name, span);
        if (ended && q->at > ended) {
                struct rv_error gap = { 0 };
                int64_t next =
                        number(db, "SELECT min(began) FROM history_span WHERE class = ?1 AND began > ?2",
                               name, q->at);
                rv_about(&gap, name, NULL, "At");
                rv_fail(&gap, RV_UNAVAILABLE, "%s was not watched from %s to %s: shown as it was before that",
                        name, time_text(ended, from, sizeof from),
                        next ? time_text(next, to, sizeof to) : "now");
                rv_partial(out, &gap);
        }
        return RV_OK;
}

static int emit(struct rv_sink *out, const struct rv_class *c, const char *text)
{
        json_t *state = json_loads(text ? text : "", 0, NULL);
        struct rv_arena a = { 0 };
        struct rv_row *row = rv_row(out);
        fill(row, c, state, &a);
        rv_arena_free(&a);
        json_decref(state);
        return rv_emit(out, row);
}

static int emit_all(sqlite3 *db, const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        sqlite3_stmt *s = NULL;
        int r = RV_OK, e = sqlite3_prepare_v2(
                               db,
                               "SELECT instance, kind, max(id) FROM history WHERE class = ?1 AND time <= ?2 "
                               "GROUP BY key",
                               -1, &s, NULL);
        if (e == SQLITE_OK) {
                sqlite3_bind_text(s, 1, q->class->name, -1, SQLITE_STATIC);
                sqlite3_bind_int64(s, 2, q->at);
        }
        while (r == RV_OK && e == SQLITE_OK && (e = sqlite3_step(s)) == SQLITE_ROW) {
                e = SQLITE_OK;
                if (sqlite3_column_int(s, 1) != RV_EVENT_DELETE)
                        r = emit(out, q->class, (const char *)sqlite3_column_text(s, 0));
                if (rv_cancelled(q->call))
                        break;
        }
        if (e != SQLITE_OK && e != SQLITE_DONE)
                r = rv_fail(err, RV_UNAVAILABLE, "cannot read the history: %s", sqlite3_errmsg(db));
        sqlite3_finalize(s);
        return r == RV_STOP ? RV_OK : r;
}

int rv_history_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_agent *agent = q->call->core;
        char why[200] = "";
        sqlite3 *db = rv_state_reader(&agent->state, why, sizeof why);
        if (!db) {
                rv_about(err, q->class->name, NULL, "At");
                return rv_fail(err, RV_NOT_SUPPORTED, "no history is kept yet: %s", why);
        }
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL); /* spans and states of one moment */
        int r = check_span(db, q, out, err);
        if (r == RV_OK)
                r = emit_all(db, q, out, err);
        sqlite3_close_v2(db);
        return r;
}
