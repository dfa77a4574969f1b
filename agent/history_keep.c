/* SPDX-License-Identifier: MIT
 *
 * Which classes are kept, as the class ChangeHistory shows and changes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/history.h"
#include "agent/history_int.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

enum { MOST_SECONDS = 86400 };

void rv_history_each_call(struct rv_agent *a, void (*each)(void *, const struct rv_class *, bool, unsigned),
                          void *state)
{
        char why[200];
        sqlite3 *db = rv_state_reader(&a->state, why, sizeof why);
        sqlite3_stmt *q = NULL;
        if (db && sqlite3_prepare_v2(db, "SELECT class, kept, interval FROM history_keep WHERE by_call", -1,
                                     &q, NULL) == SQLITE_OK)
                while (sqlite3_step(q) == SQLITE_ROW) {
                        const struct rv_class *c =
                                rv_class_find((const char *)sqlite3_column_text(q, 0), NULL);
                        if (c)
                                each(state, c, sqlite3_column_int(q, 1), (unsigned)sqlite3_column_int(q, 2));
                }
        sqlite3_finalize(q);
        sqlite3_close_v2(db);
}

int rv_stats_each_history(const struct rv_call *call, int (*each)(void *, const struct rv_history_stats *),
                          void *state, char *why, size_t size)
{
        static const char sql[] =
                "SELECT k.class, k.kept, k.pushed, k.by_call, k.interval,"
                " (SELECT count(*) FROM history h WHERE h.class = k.class),"
                " (SELECT count(*) FROM history h WHERE h.class = k.class AND kind <> 0),"
                " (SELECT coalesce(sum(length(instance)), 0) FROM history h WHERE h.class = k.class),"
                " count(s.id), coalesce(min(s.began), 0), coalesce(max(s.ended), 0), coalesce(max(s.ended = "
                "0), 0)"
                " FROM history_keep k LEFT JOIN history_span s ON s.class = k.class GROUP BY k.class";
        struct rv_agent *agent = call->core;
        sqlite3 *db = rv_state_reader(&agent->state, why, size);
        sqlite3_stmt *q = NULL;
        if (!db)
                return -ENOENT;
        int r = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK ? 0 : -EIO;
        if (r)
                snprintf(why, size, "%s", sqlite3_errmsg(db));
        while (r == 0 && sqlite3_step(q) == SQLITE_ROW) {
                bool live = sqlite3_column_int(q, 11);
                struct rv_history_stats s = { .class_name = (const char *)sqlite3_column_text(q, 0),
                                              .kept = sqlite3_column_int(q, 1),
                                              .pushed = sqlite3_column_int(q, 2),
                                              .by_call = sqlite3_column_int(q, 3),
                                              .interval = (uint64_t)sqlite3_column_int64(q, 4),
                                              .states = (uint64_t)sqlite3_column_int64(q, 5),
                                              .changes = (uint64_t)sqlite3_column_int64(q, 6),
                                              .bytes = (uint64_t)sqlite3_column_int64(q, 7),
                                              .spans = (uint64_t)sqlite3_column_int64(q, 8),
                                              .began = sqlite3_column_int64(q, 9),
                                              .ended = live ? 0 : sqlite3_column_int64(q, 10),
                                              .live = live };
                r = each(state, &s);
        }
        sqlite3_finalize(q);
        sqlite3_close_v2(db);
        return r;
}

/* ---- from a provider's thread to the loop ---- */

struct wish {
        struct rv_work work;
        struct rv_agent *agent;
        const struct rv_class *class;
        bool keep, purge;
        unsigned interval;
};

static void on_wish(struct rv_work *work)
{
        struct wish *w = OF(work, struct wish, work);
        rv_history_keep(w->agent, w->class, w->keep, w->interval, w->purge);
        free(w);
}

int rv_stats_keep_history(const struct rv_call *call, const char *class_name, bool keep, uint64_t interval,
                          bool purge, struct rv_error *err)
{
        struct rv_agent *agent = call->core;
        const struct rv_class *c;
        int r = rv_registry_find(&agent->registry, class_name, NULL, &c, err);
        if (r == RV_OK)
                r = rv_history_check(c, err);
        if (r == RV_OK && interval > MOST_SECONDS)
                r = rv_fail(err, RV_INVALID_PARAMETER, "Interval: expected at most %d seconds", MOST_SECONDS);
        if (r || call->what_if)
                return r;
        struct wish *w = malloc(sizeof *w);
        if (!w)
                return -ENOMEM;
        *w = (struct wish) { .work.run = on_wish,
                             .agent = agent,
                             .class = c,
                             .keep = keep,
                             .purge = purge,
                             .interval = (unsigned)interval };
        rv_loop_post(&agent->loop, &w->work);
        return RV_OK;
}
