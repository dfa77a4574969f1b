/* SPDX-License-Identifier: MIT
 *
 * Changes, for ChangeRecord: each state that was kept with the one before it, both as the reader may see them. An
 * object that he may not see is not there for him, so that one which comes into his sight is created and one that
 * leaves it is deleted, as subscriptions have it (docs/events.md). Who asked for it: the latest request in the audit
 * about the same object that was under way, or had ended no more than SLACK before.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/history.h"
#include "agent/history_int.h"
#include "agent/indicate.h"

#define SLACK INT64_C(1000000000)      /* ns */
#define LONGEST INT64_C(3600000000000) /* ns that a request may take */
enum { PROPERTIES = 1024 };

struct reader {
        struct rv_sights sights;
        bool who;
        sqlite3 *db;
        sqlite3_stmt *before, *requests;
        int (*each)(void *, const struct rv_change_record *);
        void *state;
};

/* ---- who ---- */

/* The key bindings of a request, in the terms of the class whose object it is. */
static bool bind_key(const struct rv_class *c, const struct rv_class *asked, const char *text,
                     struct rv_arena *a, struct rv_arg **ret)
{
        struct rv_error ignored = { 0 };
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        *ret = rv_arena_get(a, (asked->nproperties + 1) * sizeof **ret);
        bool good = json && *ret && rv_json_bindings(json, asked, false, a, *ret, &ignored) == RV_OK;
        json_decref(json);
        return good && (asked == c || rv_view_key(asked, ret, a, &ignored) == RV_OK);
}

/* Units have their kind behind a dot, which may be left out. */
static bool same_text(const struct rv_arg *a, const struct rv_arg *b)
{
        size_t n = a->len < b->len ? a->len : b->len;
        const struct rv_arg *longer = a->len < b->len ? b : a;
        return memcmp(a->s, b->s, n) == 0 && (a->len == b->len || longer->s[n] == '.');
}

static bool same_key(const struct rv_class *c, const struct rv_arg *asked, const struct rv_arg *own)
{
        bool any = false;
        for (uint32_t k = 0; k < c->nkeys; k++) {
                const struct rv_arg *a = &asked[c->keys[k]], *o = &own[c->keys[k]];
                if (a->type == RV_NULL)
                        continue;
                bool text = o->type == RV_STRING || o->type == RV_REF;
                if (o->type == RV_NULL || (a->type == RV_STRING || a->type == RV_REF) != text ||
                    (text ? !same_text(a, o) : a->u != o->u))
                        return false;
                any = true;
        }
        return any;
}

/* Static methods and CreateInstance name the object that they make among their arguments. */
static bool is_named(const struct rv_class *c, const struct rv_arg *own, const char *arguments)
{
        const struct rv_arg *k = &own[c->keys[0]];
        char quoted[300];
        if (k->type != RV_STRING || !arguments)
                return false;
        snprintf(quoted, sizeof quoted, "\"%.280s\"", k->s);
        return strstr(arguments, quoted);
}

static bool is_about(struct reader *r, const struct rv_class *c, const struct rv_arg *own, bool created)
{
        const char *name = (const char *)sqlite3_column_text(r->requests, 1),
                   *key = (const char *)sqlite3_column_text(r->requests, 5);
        const struct rv_class *asked = name ? rv_class_find(name, NULL) : NULL;
        if (!asked || (asked != c && !(asked->view_of && strcasecmp(asked->view_of, c->name) == 0)))
                return false;
        if (!c->nkeys) /* there is only one */
                return true;
        struct rv_arena a = { 0 };
        struct rv_arg *bound;
        bool good = key ? bind_key(c, asked, key, &a, &bound) && same_key(c, bound, own)
                        : created && is_named(c, own, (const char *)sqlite3_column_text(r->requests, 6));
        rv_arena_free(&a);
        return good;
}

/* Fills what is known of the request that did it; its texts are those of the row that is being looked at. */
static void find_request(struct reader *r, const struct rv_class *c, struct rv_change_record *ret)
{
        struct rv_arena a = { 0 };
        struct rv_arg *own;
        bool found = false;
        sqlite3_reset(r->requests);
        sqlite3_bind_int64(r->requests, 1, ret->time);
        sqlite3_bind_int64(r->requests, 2, (ret->since ? ret->since : ret->time) - LONGEST);
        sqlite3_bind_int64(r->requests, 3, (ret->since ? ret->since : ret->time) - SLACK);
        if (bind_key(c, c, ret->key, &a, &own))
                while (!found && sqlite3_step(r->requests) == SQLITE_ROW)
                        found = is_about(r, c, own, strcmp(ret->kind, "Create") == 0);
        rv_arena_free(&a);
        if (!found)
                return;
        const char *method = (const char *)sqlite3_column_text(r->requests, 4);
        ret->audit = (uint64_t)sqlite3_column_int64(r->requests, 0);
        ret->user = (const char *)sqlite3_column_text(r->requests, 2);
        ret->operation = method ? method : (const char *)sqlite3_column_text(r->requests, 3);
}

/* Whoever may read the user of every record. */
static bool may_know_who(struct reader *r)
{
        const struct rv_sight *s = rv_sight_of(&r->sights, "AuditRecord");
        int p = s ? rv_property_find(s->class, "User", 4) : -1;
        return p >= 0 && !s->plan.rights && rv_bit(s->plan.show, (unsigned)p);
}

/* ---- what ---- */

static void put_change(struct rv_buf *b, const char *name, const json_t *from, const json_t *to)
{
        const json_t *both[] = { from, to };
        rv_buf_puts(b, b->len > 1 ? ",{\"Property\":" : "{\"Property\":");
        rv_json_text(b, name);
        for (int i = 0; i < 2; i++) {
                char *text = both[i] ? json_dumps(both[i], JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
                rv_buf_puts(b, i ? ",\"To\":" : ",\"From\":");
                rv_buf_puts(b, text ? text : "null");
                free(text);
        }
        rv_buf_puts(b, "}");
}

static bool same(const json_t *a, const json_t *b)
{
        return json_is_null(a) || !a ? json_is_null(b) || !b : b && json_equal(a, b);
}

/* The properties that differ, in the class' order. */
static uint32_t compare(const struct rv_class *c, const json_t *before, const json_t *now, struct rv_buf *b,
                        const char **names)
{
        uint32_t n = 0;
        rv_buf_puts(b, "[");
        for (uint32_t p = 0; p < c->nproperties && n < PROPERTIES; p++) {
                const char *name = c->properties[p].name;
                const json_t *from = json_object_get(before, name), *to = json_object_get(now, name);
                if (same(from, to) ||
                    (before && now && (!from || !to))) /* one of them was not kept, or is hidden */
                        continue;
                names[n++] = name;
                put_change(b, name, from, to);
        }
        rv_buf_put(b, "]", 2);
        return n;
}

static char *state_before(struct reader *r, int64_t id)
{
        char *ret = NULL;
        sqlite3_reset(r->before);
        sqlite3_bind_int64(r->before, 1, id);
        if (id && sqlite3_step(r->before) == SQLITE_ROW && sqlite3_column_text(r->before, 0))
                ret = strdup((const char *)sqlite3_column_text(r->before, 0));
        sqlite3_reset(r->before);
        return ret;
}

static int tell(struct reader *r, const struct rv_sight *s, struct rv_change_record *record,
                const json_t *before, const json_t *now)
{
        const char *names[PROPERTIES];
        struct rv_buf changed = { 0 };
        record->kind = !before ? "Create" : !now ? "Delete" : "Modify";
        record->nproperties = compare(s->class, before, now, &changed, names);
        record->properties = names;
        record->changed = changed.data;
        int e = RV_OK;
        if (changed.failed)
                e = -ENOMEM;
        else if (record->nproperties) { /* else only what he may not see is different */
                if (r->who)
                        find_request(r, s->class, record);
                e = r->each(r->state, record);
        }
        rv_buf_free(&changed);
        return e;
}

/* A row: id, time, class, key, prev, found, instance. */
static int one(struct reader *r, sqlite3_stmt *q)
{
        const struct rv_sight *s = rv_sight_of(&r->sights, (const char *)sqlite3_column_text(q, 2));
        if (!s)
                return RV_OK;
        struct rv_change_record record = { .seq = (uint64_t)sqlite3_column_int64(q, 0),
                                           .time = sqlite3_column_int64(q, 1),
                                           .class_name = s->class->name,
                                           .key = (const char *)sqlite3_column_text(q, 3),
                                           .since = sqlite3_column_int64(q, 5) };
        char *text = state_before(r, sqlite3_column_int64(q, 4));
        json_t *before = rv_history_visible(&s->plan, text),
               *now = rv_history_visible(&s->plan, (const char *)sqlite3_column_text(q, 6));
        int e = before || now ? tell(r, s, &record, before, now) : RV_OK;
        json_decref(before);
        json_decref(now);
        free(text);
        return e;
}

static int prepare(struct reader *r, const struct rv_change_ask *ask, sqlite3_stmt **ret)
{
        static const char records[] =
                "SELECT id, time, class, key, prev, found, instance FROM history WHERE kind <> 0"
                " AND id BETWEEN ?1 AND ?2 AND time BETWEEN ?3 AND ?4"
                " AND (?5 IS NULL OR class = ?5 COLLATE NOCASE) ORDER BY id";
        static const char before[] = "SELECT instance FROM history WHERE id = ?1";
        static const char requests[] =
                "SELECT i.seq, i.class, i.user, i.operation, i.method, i.key, i.arguments FROM audit i"
                " LEFT JOIN audit o ON o.intent = i.seq WHERE i.intent IS NULL AND i.result = 'Intent'"
                " AND i.time <= ?1 AND i.time >= ?2"
                " AND i.time + coalesce(o.duration, 0) >= ?3 ORDER BY i.seq DESC LIMIT 200";
        if (sqlite3_prepare_v2(r->db, records, -1, ret, NULL) != SQLITE_OK ||
            sqlite3_prepare_v2(r->db, before, -1, &r->before, NULL) != SQLITE_OK ||
            sqlite3_prepare_v2(r->db, requests, -1, &r->requests, NULL) != SQLITE_OK)
                return -EIO;
        sqlite3_bind_int64(*ret, 1, (int64_t)ask->first_seq);
        sqlite3_bind_int64(*ret, 2, ask->last_seq > INT64_MAX ? INT64_MAX : (int64_t)ask->last_seq);
        sqlite3_bind_int64(*ret, 3, ask->since);
        sqlite3_bind_int64(*ret, 4, ask->until);
        if (ask->class_name)
                sqlite3_bind_text(*ret, 5, ask->class_name, -1, SQLITE_STATIC);
        return 0;
}

int rv_stats_each_change(const struct rv_call *call, const struct rv_change_ask *ask,
                         int (*each)(void *, const struct rv_change_record *), void *state, char *why,
                         size_t size)
{
        struct rv_agent *agent = call->core;
        struct reader *r = calloc(1, sizeof *r);
        sqlite3_stmt *q = NULL;
        if (!r)
                return -ENOMEM;
        *r = (struct reader) { .each = each, .state = state };
        r->db = rv_state_reader(&agent->state, why, size);
        if (!r->db) {
                free(r);
                return -ENOENT;
        }
        rv_sights_init(&r->sights, call);
        r->who = ask->who && may_know_who(r);
        int e = prepare(r, ask, &q);
        if (e)
                snprintf(why, size, "%s", sqlite3_errmsg(r->db));
        while (e == RV_OK && sqlite3_step(q) == SQLITE_ROW)
                e = rv_cancelled(call) ? RV_STOP : one(r, q);
        sqlite3_finalize(q);
        sqlite3_finalize(r->before);
        sqlite3_finalize(r->requests);
        sqlite3_close_v2(r->db);
        rv_sights_free(&r->sights);
        free(r);
        return e;
}
