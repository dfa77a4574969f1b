/* SPDX-License-Identifier: MIT */
#include "agent/permanent.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/log.h"
#include "gen/EventSubscription.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* ---- looking ---- */

const char *rv_stored_text(const struct rv_stored *o, const char *property)
{
        return json_string_value(json_object_get(o->v, property));
}

uint64_t rv_stored_number(const struct rv_stored *o, const char *property, uint64_t otherwise)
{
        const json_t *v = json_object_get(o->v, property);
        return json_is_integer(v) ? (uint64_t)json_integer_value(v) : otherwise;
}

struct rv_stored *rv_stored_find(const struct rv_permanent *p, const struct rv_class *c, const char *key)
{
        struct rv_stored *o = p->objects;
        while (o && (o->class != c || strcmp(o->key, key) != 0))
                o = o->next;
        return o;
}

/* `Class.Name="x"`, also with a namespace before it and with WMI's names of the classes; of filters the name alone,
 * too. */
bool rv_stored_path(const struct rv_agent *a, const char *text, const struct rv_class *base,
                    const struct rv_class **ret, char *name, size_t size)
{
        const char *dot = strstr(text, ".Name="),
                   *colon = dot ? memchr(text, ':', (size_t)(dot - text)) : NULL;
        const struct rv_class *c = base;
        struct rv_error err;
        char class_name[80];
        const char *value = text;
        if (dot) {
                const char *start = colon ? colon + 1 : text;
                snprintf(class_name, sizeof class_name, "%.*s", (int)(dot - start), start);
                if (rv_registry_find(&a->registry, class_name, NULL, &c, &err))
                        return false;
                if (c->view_of)
                        c = rv_class_find(c->view_of, NULL);
                value = dot + 6;
        }
        size_t n = strlen(value);
        if (dot && n > 1 && (*value == '"' || *value == '\'') && value[n - 1] == *value)
                value++, n -= 2;
        if (!c || !rv_descends(c, base) || c->flags & RV_ABSTRACT || !n || n >= size || memchr(value, '"', n))
                return false;
        snprintf(name, size, "%.*s", (int)n, value);
        *ret = c;
        return true;
}

struct rv_stored *rv_stored_named(const struct rv_permanent *p, const char *path)
{
        const struct rv_class *c;
        char name[200];
        bool filter = strncmp(path, "EventFilter.", 12) == 0;
        return rv_stored_path(p->agent, path, filter ? &EventFilter_class : &EventConsumer_class, &c, name,
                              sizeof name)
                       ? rv_stored_find(p, c, name)
                       : NULL;
}

/* ---- who ---- */

/* The peer's address without its port: objects are made from a host, not from a connection. */
static size_t host(const char *source)
{
        const char *colon = strrchr(source, ':');
        return colon ? (size_t)(colon - source) : strlen(source);
}

bool rv_stored_same_owner(const struct rv_identity *a, const struct rv_identity *b)
{
        size_t n = host(a->source);
        return a->uid == b->uid && strcmp(a->role, b->role) == 0 && strcmp(a->key, b->key) == 0 &&
               n == host(b->source) && memcmp(a->source, b->source, n) == 0;
}

bool rv_stored_one_owner(struct rv_agent *a, const struct rv_identity *one, const struct rv_identity *other)
{
        return rv_stored_same_owner(one, other) ||
               (rv_policy_has_all(&a->policy, one) && rv_policy_has_all(&a->policy, other));
}

/* The properties as a row. */
static struct rv_batch *as_row(const struct rv_class *c, const json_t *v, uint64_t *set, struct rv_error *err)
{
        struct rv_batch *b = rv_batch_new(c);
        struct rv_arena arena = { 0 };
        struct rv_row row;
        bool bad = !b || rv_row_begin(&row, b, NULL);
        for (uint32_t i = 0; i < c->nproperties && !bad; i++) {
                json_t *one = json_object_get(v, c->properties[i].name);
                struct rv_arg arg;
                if (!one || json_is_null(one))
                        continue;
                bad = rv_json_arg(one, &c->properties[i], &arena, &arg, err);
                if (!bad)
                        rv_copy_arg(&row, i, &arg);
                if (!bad && set)
                        rv_bit_set(set, i);
        }
        if (b && !bad)
                rv_row_end(&row);
        rv_arena_free(&arena);
        return bad || row.failed ? rv_batch_free(b) : b;
}

int rv_stored_right(struct rv_agent *a, const struct rv_identity *who, const struct rv_class *c,
                    const json_t *v, struct rv_error *err)
{
        int r = rv_authorize(&a->policy, who, RV_RIGHT_CREATE, c, NULL, err);
        if (r || rv_policy_has_all(&a->policy, who))
                return r;
        uint64_t set[RV_MASK_WORDS(1024)] = { 0 };
        struct rv_batch *b = as_row(c, v, set, err);
        struct rv_role_set *roles = rv_policy_hold(&a->policy);
        const struct rv_subject subject = { .roles = roles, .who = who, .now = (int64_t)time(NULL) };
        const struct rv_wish wish = {
                .operation = RV_OP_CREATE, .class = c, .set = set, .values = b, .object = b
        };
        r = b ? rv_rights_change(&subject, &wish, NULL, err)
              : rv_fail(err, RV_FAILED, "the object cannot be read");
        rv_roles_drop(roles);
        rv_batch_free(b);
        return r;
}

/* ---- on disk ---- */

char *rv_stored_json(const struct rv_stored *o)
{
        json_t *j = json_pack("{s:O, s:{s:s, s:I, s:I, s:s, s:s, s:s}, s:I, s:s}", "Values", o->v, "Who",
                              "User", o->who.user, "Uid", (json_int_t)o->who.uid, "Gid",
                              (json_int_t)o->who.gid, "Key", o->who.key, "Source", o->who.source, "Role",
                              o->who.role, "Created", (json_int_t)o->created, "Id", o->id);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        return text;
}

static void copy(char *to, size_t size, const json_t *from, const char *name)
{
        const char *s = json_string_value(json_object_get(from, name));
        snprintf(to, size, "%s", s ? s : "");
}

/* The groups that the name service gives somebody now. May block: at the start, or on a thread. */
static void find_groups(const struct rv_policy *p, struct rv_identity *w)
{
        struct passwd pw, *found = NULL;
        char buf[8192];
        int n = sizeof w->groups / sizeof *w->groups;
        w->made = getpwnam_r(w->user, &pw, buf, sizeof buf, &found) == 0 && found && pw.pw_uid == w->uid;
        w->ngroups = 0;
        if (!w->made) { /* a number without a name has no groups */
                char number[24];
                snprintf(number, sizeof number, "%u", (unsigned)w->uid);
                w->made = strcmp(w->user, number) == 0;
                return;
        }
        w->gid = pw.pw_gid;
        if (getgrouplist(w->user, pw.pw_gid, w->groups, &n) < 0)
                n = sizeof w->groups / sizeof *w->groups; /* the first ones */
        w->ngroups = (unsigned)n;
        w->admin = rv_policy_is_admin(p, w->user, w->groups, w->ngroups);
}

void rv_stored_refresh(const struct rv_policy *p, struct rv_identity *w)
{
        find_groups(p, w);
}

static struct rv_stored *from_text(struct rv_agent *a, const char *class_name, const char *key,
                                   const char *text)
{
        const struct rv_class *c = rv_class_find(class_name, NULL);
        json_t *j = json_loads(text, 0, NULL), *who = json_object_get(j, "Who"),
               *v = json_object_get(j, "Values");
        struct rv_stored *o = c && v ? calloc(1, sizeof *o) : NULL;
        if (o) {
                *o = (struct rv_stored) {
                        .agent = a, .class = c, .key = strdup(key), .v = json_incref(v), .saved = true
                };
                o->who.absent = true;
                o->who.uid = (uid_t)json_integer_value(json_object_get(who, "Uid"));
                o->who.gid = (gid_t)json_integer_value(json_object_get(who, "Gid"));
                copy(o->who.user, sizeof o->who.user, who, "User");
                copy(o->who.key, sizeof o->who.key, who, "Key");
                copy(o->who.source, sizeof o->who.source, who, "Source");
                copy(o->who.role, sizeof o->who.role, who, "Role");
                copy(o->id, sizeof o->id, j, "Id");
                snprintf(o->who.session, sizeof o->who.session, "%.39s", o->id);
                o->created = json_integer_value(json_object_get(j, "Created"));
                find_groups(&a->policy, &o->who);
        } else {
                rv_log(RV_LOG_WARNING, "what is kept as %s '%s' cannot be read", class_name, key);
        }
        json_decref(j);
        return o;
}

/* ---- the list ---- */

static void stored_free(struct rv_stored *o)
{
        if (!o)
                return;
        json_decref(o->v);
        free(o->key);
        free(o);
}

void rv_stored_take_out(struct rv_permanent *p, struct rv_stored *o)
{
        pthread_mutex_lock(&p->lock);
        struct rv_stored **at = &p->objects;
        while (*at && *at != o)
                at = &(*at)->next;
        if (*at) {
                *at = o->next;
                p->n--;
        }
        pthread_mutex_unlock(&p->lock);
        stored_free(o);
}

bool rv_stored_is_binding(const struct rv_class *c)
{
        return c == &FilterToConsumerBinding_class;
}

bool rv_stored_is_timer(const struct rv_class *c)
{
        return rv_descends(c, &TimerInstruction_class);
}

void rv_stored_begin(struct rv_stored *o, bool anew)
{
        if (rv_stored_is_binding(o->class))
                rv_binding_start(o, anew);
        else if (rv_stored_is_timer(o->class))
                rv_timer_start(o);
}

void rv_stored_end(struct rv_stored *o)
{
        if (rv_stored_is_binding(o->class))
                rv_binding_stop(o);
        else if (rv_stored_is_timer(o->class))
                rv_timer_stop(o);
}

int rv_stored_sql(sqlite3 *db, const char *sql, const char *a, const char *b, const char *c, int64_t number)
{
        sqlite3_stmt *q;
        int r = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        sqlite3_bind_text(q, 1, a, -1, SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(q) > 1)
                sqlite3_bind_text(q, 2, b, -1, SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(q) > 2)
                sqlite3_bind_text(q, 3, c, -1, SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(q) > 3)
                sqlite3_bind_int64(q, 4, number);
        r = sqlite3_step(q);
        sqlite3_finalize(q);
        return r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
}

/* ---- reading ---- */

int rv_stored_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_agent *a = q->call->core;
        struct rv_permanent *p = a->permanent;
        json_t *list = json_array(), *one;
        size_t i;
        int r = RV_OK;
        if (!p)
                return RV_OK;
        pthread_mutex_lock(&p->lock); /* copies: the sink may have us wait */
        for (struct rv_stored *o = p->objects; o; o = o->next) {
                if (o->class != q->class || !o->saved)
                        continue;
                json_t *j = json_deep_copy(o->v);
                json_object_set_new(j, "Creator", json_string(o->who.user));
                if (rv_stored_is_binding(o->class))
                        rv_binding_describe(o, j);
                json_array_append_new(list, j);
        }
        pthread_mutex_unlock(&p->lock);
        json_array_foreach(list, i, one)
        {
                struct rv_row *row = rv_row(out);
                struct rv_arena arena = { 0 };
                for (uint32_t k = 0; k < q->class->nproperties && r == RV_OK; k++) {
                        json_t *v = json_object_get(one, q->class->properties[k].name);
                        struct rv_arg arg;
                        if (!rv_asked(q, k) || !v || json_is_null(v))
                                continue;
                        r = rv_json_arg(v, &q->class->properties[k], &arena, &arg, err);
                        if (r == RV_OK)
                                rv_copy_arg(row, k, &arg);
                }
                rv_arena_free(&arena);
                if (r == RV_OK)
                        r = rv_emit(out, row);
                if (r)
                        break;
        }
        json_decref(list);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- life ---- */

struct save {
        struct rv_state_job job;
        const struct rv_class *class;
        char *key, *text, id[40];
        bool denied;
};

static int write_save(struct rv_state_job *job, sqlite3 *db)
{
        struct save *s = OF(job, struct save, job);
        int r = rv_stored_sql(db, "UPDATE kept SET text = ?3 WHERE class = ?1 AND key = ?2", s->class->name, s->key,
                              s->text, 0);
        if (r == SQLITE_OK && s->denied) /* what waits, he may not know any more */
                r = rv_stored_sql(db, "DELETE FROM event WHERE subscription = ?1", s->id, NULL, NULL, 0);
        if (r == SQLITE_OK && s->denied)
                r = rv_stored_sql(db, "UPDATE subscription SET acked = last WHERE id = ?1", s->id, NULL, NULL, 0);
        return r;
}

static void on_saved(struct rv_state_job *job)
{
        struct save *s = OF(job, struct save, job);
        if (job->failed)
                rv_log(RV_LOG_WARNING, "%s '%s' cannot be stored: %s", s->class->name, s->key, job->why);
        free(s->key);
        free(s->text);
        free(s);
}

void rv_stored_save(struct rv_stored *o)
{
        struct save *s = calloc(1, sizeof *s);
        if (!s)
                return;
        *s = (struct save) { .class = o->class, .key = strdup(o->key), .text = rv_stored_json(o) };
        s->denied = rv_stored_text(o, "_Denied");
        snprintf(s->id, sizeof s->id, "%s", o->id);
        s->job.write = write_save;
        s->job.done = on_saved;
        if (s->key && s->text && rv_state_submit(&o->agent->state, &s->job) == 0)
                return;
        free(s->key);
        free(s->text);
        free(s);
}

static void begin_stored(struct rv_permanent *p, sqlite3 *db)
{
        for (struct rv_stored *o = p->objects; o; o = o->next) {
                sqlite3_stmt *q = NULL;
                if (rv_stored_is_binding(o->class) &&
                    sqlite3_prepare_v2(db, "SELECT last, acked FROM subscription WHERE id = ?", -1, &q,
                                       NULL) == SQLITE_OK) {
                        sqlite3_bind_text(q, 1, o->id, -1, SQLITE_STATIC);
                        if (sqlite3_step(q) == SQLITE_ROW) {
                                o->last = (uint64_t)sqlite3_column_int64(q, 0);
                                o->acked = (uint64_t)sqlite3_column_int64(q, 1);
                        }
                }
                sqlite3_finalize(q);
                rv_stored_begin(o, false);
        }
}

int rv_permanent_start(struct rv_agent *a, bool stays)
{
        struct rv_permanent *p = calloc(1, sizeof *p);
        sqlite3_stmt *q = NULL;
        char why[200];
        if (!p)
                return -ENOMEM;
        *p = (struct rv_permanent) { .agent = a, .stays = stays };
        a->permanent = p;
        pthread_mutex_init(&p->lock, NULL);
        rv_pool_init(&p->pool, "permanent", 1);
        if (!stays)
                return 0;
        sqlite3 *db = rv_state_reader(&a->state, why, sizeof why);
        if (db && sqlite3_prepare_v2(db, "SELECT class, key, text FROM kept", -1, &q, NULL) == SQLITE_OK)
                while (sqlite3_step(q) == SQLITE_ROW) {
                        struct rv_stored *o = from_text(a, (const char *)sqlite3_column_text(q, 0),
                                                        (const char *)sqlite3_column_text(q, 1),
                                                        (const char *)sqlite3_column_text(q, 2));
                        if (!o)
                                continue;
                        o->next = p->objects;
                        p->objects = o;
                        p->n++;
                }
        sqlite3_finalize(q);
        if (p->n)
                begin_stored(p, db);
        sqlite3_close_v2(db);
        return 0;
}

void rv_permanent_free(struct rv_agent *a)
{
        struct rv_permanent *p = a->permanent;
        if (!p)
                return;
        for (struct rv_stored *o = p->objects; o; o = o->next)
                rv_stored_end(o);
        rv_timers_free();
        rv_pool_drain(&p->pool, rv_now() + UINT64_C(1000000000));
        while (p->objects) {
                struct rv_stored *o = p->objects;
                p->objects = o->next;
                stored_free(o);
        }
        pthread_mutex_destroy(&p->lock);
        free(p);
        a->permanent = NULL;
}
