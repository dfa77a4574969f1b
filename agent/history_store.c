/* SPDX-License-Identifier: MIT
 *
 * States of objects on disk. A row of `history` is an object's state from its time on: kind 0, it was there when the
 * history began; else RV_EVENT_CREATE, MODIFY or DELETE. `prev` is the state before it; `found` is 0 when it was
 * seen as it happened, else the time from which on it may have happened. `history_span` has the times in which a class
 * was watched; ended = 0: it is now.
 *
 * Bounds: what is older than `days` goes, and when there are too many states or bytes the oldest quarter of the class
 * that has most. An object's last state before that stays: without it nothing could be said of the time after.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/history.h"
#include "agent/log.h"

enum { TRIM_EVERY = 256, MOST_CUTS = 16 };
#define DAY_NS INT64_C(86400000000000)

static int run(sqlite3 *db, int64_t *ret, const char *sql, const char *class_name, const char *key, int64_t a,
               int64_t b)
{
        sqlite3_stmt *q = NULL;
        int r = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        if (class_name)
                sqlite3_bind_text(q, sqlite3_bind_parameter_index(q, "?1"), class_name, -1, SQLITE_STATIC);
        if (key)
                sqlite3_bind_text(q, sqlite3_bind_parameter_index(q, "?2"), key, -1, SQLITE_STATIC);
        if (sqlite3_bind_parameter_index(q, "?3"))
                sqlite3_bind_int64(q, 3, a);
        if (sqlite3_bind_parameter_index(q, "?4"))
                sqlite3_bind_int64(q, 4, b);
        r = sqlite3_step(q);
        if (r == SQLITE_ROW && ret)
                *ret = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

/* Spans that the last agent did not end: it ended with what it wrote last. */
static int begin(struct rv_history_store *s, sqlite3 *db)
{
        int64_t audit = 0;
        s->last = s->rows = s->bytes = 0;
        int r = run(db, &s->last, "SELECT coalesce(max(time), 0) FROM history", NULL, NULL, 0, 0);
        if (r == SQLITE_OK)
                r = run(db, &s->rows, "SELECT count(*) FROM history", NULL, NULL, 0, 0);
        if (r == SQLITE_OK)
                r = run(db, &s->bytes, "SELECT coalesce(sum(length(instance)), 0) FROM history", NULL, NULL,
                        0, 0);
        if (r == SQLITE_OK)
                r = run(db, &audit, "SELECT coalesce(max(time), 0) FROM audit", NULL, NULL, 0, 0);
        if (r == SQLITE_OK)
                r = run(db, NULL, "UPDATE history_span SET ended = max(began, ?3) WHERE ended = 0", NULL,
                        NULL, audit > s->last ? audit : s->last, 0);
        s->begun = r == SQLITE_OK;
        return r;
}

/* ---- one state ---- */

struct last {
        int64_t id;
        unsigned kind;
        char *instance;
};

static int find_last(sqlite3 *db, const char *class_name, const char *key, struct last *ret)
{
        sqlite3_stmt *q = NULL;
        *ret = (struct last) { 0 };
        int r = sqlite3_prepare_v2(db,
                                   "SELECT id, kind, instance FROM history WHERE class = ?1 AND key = ?2 "
                                   "ORDER BY id DESC LIMIT 1",
                                   -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        sqlite3_bind_text(q, 1, class_name, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 2, key, -1, SQLITE_STATIC);
        r = sqlite3_step(q);
        if (r == SQLITE_ROW) {
                const char *text = (const char *)sqlite3_column_text(q, 2);
                ret->id = sqlite3_column_int64(q, 0);
                ret->kind = (unsigned)sqlite3_column_int(q, 1);
                ret->instance = text ? strdup(text) : NULL;
        }
        sqlite3_finalize(q);
        return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static int insert(struct rv_history_store *s, sqlite3 *db, const char *class_name, const char *key,
                  unsigned kind, const char *instance, int64_t prev, int64_t time, int64_t found)
{
        sqlite3_stmt *q = NULL;
        if (time <= s->last) /* the clock was put back: the order is what counts */
                time = s->last + 1;
        int r = sqlite3_prepare_v2(db,
                                   "INSERT INTO history(time, class, key, prev, kind, found, instance) "
                                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                                   -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        sqlite3_bind_int64(q, 1, time);
        sqlite3_bind_text(q, 2, class_name, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 3, key, -1, SQLITE_STATIC);
        if (prev)
                sqlite3_bind_int64(q, 4, prev);
        sqlite3_bind_int(q, 5, (int)kind);
        sqlite3_bind_int64(q, 6, found);
        if (kind != RV_EVENT_DELETE)
                sqlite3_bind_text(q, 7, instance, -1, SQLITE_STATIC);
        r = sqlite3_step(q);
        sqlite3_finalize(q);
        if (r != SQLITE_DONE)
                return r;
        s->last = time;
        s->rows++;
        s->bytes += kind == RV_EVENT_DELETE ? 0 : (int64_t)strlen(instance);
        return SQLITE_OK;
}

/* Whether a property that both texts have differs: a later reeve may keep more of them. */
static bool differs(const char *before, const char *now)
{
        if (!before || strcmp(before, now) == 0)
                return !before;
        json_t *a = json_loads(before, 0, NULL), *b = json_loads(now, 0, NULL), *v;
        const char *name;
        bool any = !a || !b;
        json_object_foreach(b, name, v)
        {
                const json_t *old = json_object_get(a, name);
                any |= old && !json_equal(old, v);
        }
        json_decref(a);
        json_decref(b);
        return any;
}

/* Takes a line out of a text. */
static char *line(char **at)
{
        char *s = *at, *end = strchr(s, '\n');
        if (!end)
                return NULL;
        *end = 0;
        *at = end + 1;
        return s;
}

static int change(struct rv_history_store *s, sqlite3 *db, const struct rv_history_entry *e)
{
        char *copy = strdup(e->text), *at = copy, *key = copy ? line(&at) : NULL,
             *instance = key ? line(&at) : NULL;
        struct last last = { 0 };
        int r = instance ? find_last(db, e->class_name, key, &last) : SQLITE_NOMEM;
        if (r == SQLITE_OK)
                r = insert(s, db, e->class_name, key, e->kind, instance, last.id, e->time, 0);
        free(last.instance);
        free(copy);
        return r;
}

/* ---- everything: at the beginning of a span, or when only that something has changed is known ---- */

struct whole {
        struct rv_history_store *store;
        sqlite3 *db;
        const struct rv_history_entry *e;
        int64_t since; /* the end of the span before; 0: there is none, or this goes on in it */
        bool first;    /* nothing was ever known of the class */
        json_t *met;
};

static int meet(struct whole *w, const char *key, const char *instance)
{
        struct last last;
        const char *name = w->e->class_name;
        json_object_set_new(w->met, key, json_true());
        int r = find_last(w->db, name, key, &last);
        bool there = last.id && last.kind != RV_EVENT_DELETE;
        if (r == SQLITE_OK && !there)
                r = insert(w->store, w->db, name, key, w->first ? 0 : RV_EVENT_CREATE, instance, last.id,
                           w->e->time, w->since);
        else if (r == SQLITE_OK && differs(last.instance, instance))
                r = insert(w->store, w->db, name, key, RV_EVENT_MODIFY, instance, last.id, w->e->time,
                           w->since);
        free(last.instance);
        return r;
}

/* What was there and is not any more. */
static int miss(struct whole *w)
{
        sqlite3_stmt *q = NULL;
        json_t *gone = json_object(), *v;
        const char *key;
        int r = sqlite3_prepare_v2(
                w->db, "SELECT key, max(id), kind FROM history WHERE class = ?1 GROUP BY key", -1, &q, NULL);
        if (r == SQLITE_OK)
                sqlite3_bind_text(q, 1, w->e->class_name, -1, SQLITE_STATIC);
        while (r == SQLITE_OK && (r = sqlite3_step(q)) == SQLITE_ROW) {
                r = SQLITE_OK;
                key = (const char *)sqlite3_column_text(q, 0);
                if (sqlite3_column_int(q, 2) != RV_EVENT_DELETE && !json_object_get(w->met, key))
                        json_object_set_new(gone, key, json_integer(sqlite3_column_int64(q, 1)));
        }
        sqlite3_finalize(q);
        r = r == SQLITE_DONE ? SQLITE_OK : r;
        json_object_foreach(gone, key, v)
        {
                if (r == SQLITE_OK)
                        r = insert(w->store, w->db, w->e->class_name, key, RV_EVENT_DELETE, NULL,
                                   json_integer_value(v), w->e->time, w->since);
        }
        json_decref(gone);
        return r;
}

static int all(struct rv_history_store *s, sqlite3 *db, const struct rv_history_entry *e)
{
        struct whole w = { .store = s, .db = db, .e = e, .met = json_object() };
        char *copy = strdup(e->text), *at = copy;
        bool begins = e->what == RV_HISTORY_ALL;
        int r = copy && w.met ? SQLITE_OK : SQLITE_NOMEM;
        if (r == SQLITE_OK && begins) /* of this agent's own, when a write failed */
                r = run(db, NULL,
                        "UPDATE history_span SET ended = max(began, ?3) WHERE class = ?1 AND ended = 0",
                        e->class_name, NULL, s->last, 0);
        if (r == SQLITE_OK && begins)
                r = run(db, &w.since, "SELECT coalesce(max(ended), 0) FROM history_span WHERE class = ?1",
                        e->class_name, NULL, 0, 0);
        w.first = begins && !w.since;
        for (char *key; r == SQLITE_OK && (key = line(&at));) {
                char *instance = line(&at);
                r = instance ? meet(&w, key, instance) : SQLITE_INTERNAL;
        }
        if (r == SQLITE_OK && !w.first)
                r = miss(&w);
        if (r == SQLITE_OK && begins)
                r = run(db, NULL, "INSERT INTO history_span(class, began, ended) VALUES(?1, ?3, 0)",
                        e->class_name, NULL, e->time > s->last ? e->time : s->last, 0);
        json_decref(w.met);
        free(copy);
        sqlite3_db_release_memory(db);
        return r;
}

/* ---- bounds ---- */

/* A class' states before `horizon` go, but for each object's last. */
static int cut(sqlite3 *db, const char *class_name, int64_t horizon)
{
        int r = run(db, NULL,
                    "DELETE FROM history WHERE class = ?1 AND time < ?3 AND (kind = 4 OR EXISTS (SELECT 1 "
                    "FROM history n "
                    "WHERE n.class = history.class AND n.key = history.key AND n.id > history.id AND n.time "
                    "<= ?3))",
                    class_name, NULL, horizon, 0);
        if (r == SQLITE_OK)
                r = run(db, NULL, "DELETE FROM history_span WHERE class = ?1 AND ended <> 0 AND ended < ?3",
                        class_name, NULL, horizon, 0);
        if (r == SQLITE_OK)
                r = run(db, NULL, "UPDATE history_span SET began = ?3 WHERE class = ?1 AND began < ?3",
                        class_name, NULL, horizon, 0);
        return r;
}

static int count(struct rv_history_store *s, sqlite3 *db)
{
        int r = run(db, &s->rows, "SELECT count(*) FROM history", NULL, NULL, 0, 0);
        return r ? r
                 : run(db, &s->bytes, "SELECT coalesce(sum(length(instance)), 0) FROM history", NULL, NULL, 0,
                       0);
}

/* The class with most bytes, and when a quarter of its states was there. */
static int find_largest(sqlite3 *db, char *class_name, size_t size, int64_t *ret_horizon)
{
        sqlite3_stmt *q = NULL;
        int64_t n = 0;
        int r = sqlite3_prepare_v2(db,
                                   "SELECT class, count(*) FROM history GROUP BY class "
                                   "ORDER BY sum(length(instance)) DESC LIMIT 1",
                                   -1, &q, NULL);
        *class_name = 0;
        if (r == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
                snprintf(class_name, size, "%s", (const char *)sqlite3_column_text(q, 0));
                n = sqlite3_column_int64(q, 1);
        }
        sqlite3_finalize(q);
        *ret_horizon = 0;
        return r ? r
                 : run(db, ret_horizon,
                       "SELECT time FROM history WHERE class = ?1 ORDER BY id LIMIT 1 OFFSET ?3", class_name,
                       NULL, n / 4 ? n / 4 : 1, 0);
}

static int old_goes(struct rv_history_store *s, sqlite3 *db, int64_t now)
{
        sqlite3_stmt *q = NULL;
        int64_t horizon = now - (int64_t)s->days * DAY_NS;
        if (!s->days)
                return SQLITE_OK;
        int r = sqlite3_prepare_v2(db, "SELECT DISTINCT class FROM history WHERE time < ?1", -1, &q, NULL);
        if (r == SQLITE_OK)
                sqlite3_bind_int64(q, 1, horizon);
        while (r == SQLITE_OK && (r = sqlite3_step(q)) == SQLITE_ROW)
                r = cut(db, (const char *)sqlite3_column_text(q, 0), horizon);
        sqlite3_finalize(q);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int trim(struct rv_history_store *s, sqlite3 *db, int64_t now)
{
        char name[128];
        int64_t horizon;
        s->trimmed = s->rows;
        int r = old_goes(s, db, now);
        if (r == SQLITE_OK)
                r = count(s, db);
        for (int i = 0;
             r == SQLITE_OK && i < MOST_CUTS && (s->rows > s->most_rows || s->bytes > s->most_bytes); i++) {
                int64_t before = s->rows;
                r = find_largest(db, name, sizeof name, &horizon);
                if (r == SQLITE_OK && horizon)
                        r = cut(db, name, horizon);
                if (r == SQLITE_OK)
                        r = count(s, db);
                if (s->rows == before) /* only last states are left */
                        break;
        }
        s->trimmed = s->rows;
        return r;
}

static int keep(sqlite3 *db, const struct rv_history_entry *e)
{
        unsigned interval = 0;
        int pushed = 0, by_call = 0;
        sscanf(e->text, "%u %d %d", &interval, &pushed, &by_call);
        char *sql = sqlite3_mprintf(
                "INSERT INTO history_keep VALUES(%Q, %u, %u, %d, %d) ON CONFLICT(class) DO UPDATE SET"
                " kept = excluded.kept, interval = excluded.interval, pushed = excluded.pushed,"
                " by_call = excluded.by_call WHERE excluded.by_call OR NOT history_keep.by_call",
                e->class_name, e->kind, interval, pushed, by_call);
        int r = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
        sqlite3_free(sql);
        return r;
}

static int purge(struct rv_history_store *s, sqlite3 *db, const char *class_name)
{
        int r = run(db, NULL, "DELETE FROM history WHERE class = ?1", class_name, NULL, 0, 0);
        if (r == SQLITE_OK)
                r = run(db, NULL, "DELETE FROM history_span WHERE class = ?1", class_name, NULL, 0, 0);
        return r ? r : count(s, db);
}

static int write_keeping(struct rv_history_store *s, sqlite3 *db, const struct rv_history_entry *e)
{
        return e->what == RV_HISTORY_RESET
                       ? run(db, NULL, "UPDATE history_keep SET kept = 0 WHERE by_call = 0", NULL, NULL, 0, 0)
               : e->what == RV_HISTORY_KEEP ? keep(db, e)
                                            : purge(s, db, e->class_name);
}

int rv_history_write(struct rv_history_store *s, sqlite3 *db, const struct rv_history_entry *e)
{
        int r = s->begun ? SQLITE_OK : begin(s, db);
        if (r == SQLITE_OK && e->what == RV_HISTORY_CHANGE)
                r = change(s, db, e);
        else if (r == SQLITE_OK && e->what <= RV_HISTORY_MORE)
                r = all(s, db, e);
        else if (r == SQLITE_OK && e->what >= RV_HISTORY_RESET)
                r = write_keeping(s, db, e);
        else if (r == SQLITE_OK)
                r = run(db, NULL,
                        "UPDATE history_span SET ended = max(began, ?3) WHERE class = ?1 AND ended = 0",
                        e->class_name, NULL, e->time, 0);
        bool many =
                s->rows - s->trimmed >= TRIM_EVERY && (s->rows > s->most_rows || s->bytes > s->most_bytes);
        if (r == SQLITE_OK && (many || e->what == RV_HISTORY_ALL))
                r = trim(s, db, e->time);
        return r;
}
