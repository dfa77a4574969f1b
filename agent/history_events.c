/* SPDX-License-Identifier: MIT
 *
 * Events that journal.c keeps, for EventRecord. They were made for whoever subscribed, by his roles of then; they are
 * shown to him by those of now.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/history_int.h"
#include "agent/indicate.h"

/* The class that a subscription is about, from its parameters. */
static bool class_of(const char *params, char *to, size_t size)
{
        json_t *p = params ? json_loads(params, 0, NULL) : NULL;
        const char *name = json_string_value(json_object_get(p, "ClassName")),
                   *query = json_string_value(json_object_get(p, "Query"));
        struct rv_arena a = { 0 };
        struct rv_wql_event e = { 0 };
        struct rv_error ignored = { 0 };
        if (!name && query && rv_wql_event(query, strlen(query), &a, &e, &ignored) == RV_OK)
                name = e.kinds ? e.isa : e.event_class;
        const struct rv_class *c = name ? rv_class_find(name, NULL) : NULL;
        snprintf(to, size, "%s", c ? c->name : "");
        rv_arena_free(&a);
        json_decref(p);
        return c;
}

/* One instance in an event, as it may be seen; false: not at all. A view shows rows of another class, whose conditions
 * may look at what it has not. */
static bool narrow(const struct rv_sight *s, json_t *event, const char *name)
{
        json_t *v = json_object_get(event, name);
        if (!json_is_object(v))
                return true;
        if (s->plan.rights && s->class->view_of)
                return false;
        char *text = json_dumps(v, JSON_COMPACT);
        json_t *seen = rv_history_visible(&s->plan, text);
        free(text);
        if (seen)
                json_object_set_new(event, name, seen);
        return seen;
}

static char *visible(const struct rv_sight *s, json_t *event, const char *kind)
{
        if (!json_is_object(event))
                return NULL;
        if (strcmp(kind, "Aggregate") == 0) {
                json_t *representative = json_object_get(event, "Representative");
                if (!narrow(s, representative ? representative : event, "TargetInstance"))
                        return NULL;
        } else if (s->class->flags & RV_INDICATION) {
                char *text = json_dumps(event, JSON_COMPACT);
                json_t *seen = rv_history_visible(&s->plan, text);
                free(text);
                char *ret = seen ? json_dumps(seen, JSON_COMPACT) : NULL;
                json_decref(seen);
                return ret;
        } else if (!narrow(s, event, "TargetInstance") || !narrow(s, event, "PreviousInstance")) {
                return NULL;
        }
        return json_dumps(event, JSON_COMPACT);
}

/* A row: subscription, seq, text, uid, params. */
static int one(struct rv_sights *all, sqlite3_stmt *q, int (*each)(void *, const struct rv_event_record *),
               void *state)
{
        char class_name[128], *text = NULL;
        const struct rv_sight *s =
                class_of((const char *)sqlite3_column_text(q, 4), class_name, sizeof class_name)
                        ? rv_sight_of(all, class_name)
                        : NULL;
        if (!s || asprintf(&text, "{%s}", (const char *)sqlite3_column_text(q, 2)) < 0)
                return RV_OK;
        json_t *item = json_loads(text, 0, NULL);
        const char *kind = json_string_value(json_object_get(item, "Kind")),
                   *when = json_string_value(json_object_get(item, "Time"));
        struct rv_event_record r = { .subscription = (const char *)sqlite3_column_text(q, 0),
                                     .kind = kind,
                                     .class_name = class_name,
                                     .seq = (uint64_t)sqlite3_column_int64(q, 1),
                                     .uid = (uint32_t)sqlite3_column_int64(q, 3) };
        json_t *event = json_object_get(item, "Indication");
        char *seen = kind ? visible(s, event, kind) : NULL;
        int e = RV_OK;
        if (when)
                rv_datetime_parse(when, strlen(when), &r.time);
        r.event = seen;
        if (kind && (seen || !event))
                e = each(state, &r);
        free(seen);
        json_decref(item);
        free(text);
        return e;
}

int rv_stats_each_event(const struct rv_call *call, const char *subscription,
                        int (*each)(void *, const struct rv_event_record *), void *state, char *why,
                        size_t size)
{
        struct rv_agent *agent = call->core;
        struct rv_sights *all = calloc(1, sizeof *all);
        sqlite3 *db = all ? rv_state_reader(&agent->state, why, size) : NULL;
        sqlite3_stmt *q = NULL;
        if (!all)
                return -ENOMEM;
        if (!db) {
                free(all);
                return -ENOENT;
        }
        rv_sights_init(all, call);
        int r = sqlite3_prepare_v2(db,
                                   "SELECT e.subscription, e.seq, e.text, s.uid, s.params FROM event e"
                                   " JOIN subscription s ON s.id = e.subscription"
                                   " WHERE (?1 IS NULL OR e.subscription = ?1) AND (?2 OR s.uid = ?3)"
                                   " ORDER BY e.subscription, e.seq",
                                   -1, &q, NULL) == SQLITE_OK
                        ? RV_OK
                        : -EIO;
        if (r)
                snprintf(why, size, "%s", sqlite3_errmsg(db));
        if (subscription)
                sqlite3_bind_text(q, 1, subscription, -1, SQLITE_STATIC);
        sqlite3_bind_int(q, 2, rv_policy_has_all(&agent->policy, call->who));
        sqlite3_bind_int64(q, 3, call->who->uid);
        while (r == RV_OK && sqlite3_step(q) == SQLITE_ROW)
                r = rv_cancelled(call) ? RV_STOP : one(all, q, each, state);
        sqlite3_finalize(q);
        sqlite3_close_v2(db);
        rv_sights_free(all);
        free(all);
        return r;
}
