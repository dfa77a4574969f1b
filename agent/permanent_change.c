/* SPDX-License-Identifier: MIT
 *
 * Making, changing and taking away what is kept: on a provider's thread a change is put together, on the loop it is
 * judged, the state's writer stores it, and only then it holds. What belongs together is one change: a subscription of
 * one line is a filter, a consumer and a binding, or nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/permanent.h"
#include "agent/sink.h"
#include "gen/EventSubscription.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static bool may_change(struct rv_agent *a, const struct rv_identity *who, const struct rv_stored *o)
{
        return rv_policy_has_all(&a->policy, who) || rv_stored_same_owner(who, &o->who);
}

/* ---- changes ---- */

struct item {
        enum { PUT, DROP } action;
        const struct rv_class *class;
        json_t *v; /* PUT: all properties */
        char *key, *text, id[40];
        bool anew; /* PUT: there is none yet */
        struct rv_stored *o;
};

struct change {
        struct rv_work work;
        struct rv_state_job job;
        struct rv_agent *agent;
        struct item items[3];
        unsigned n;
        struct rv_identity who;
        bool what_if, deep; /* deep: what only the binding used goes with it */
        int result;
        struct rv_error err;
        pthread_mutex_t lock; /* what follows */
        pthread_cond_t told;
        bool done, alone;
};

static void change_free(struct change *c)
{
        for (unsigned i = 0; i < c->n; i++) {
                json_decref(c->items[i].v);
                free(c->items[i].key);
                free(c->items[i].text);
        }
        pthread_mutex_destroy(&c->lock);
        pthread_cond_destroy(&c->told);
        free(c);
}

static void finish(struct change *c, int result)
{
        for (unsigned i = 0; i < c->n; i++)
                if (c->items[i].o)
                        c->items[i].o->busy = false;
        pthread_mutex_lock(&c->lock);
        c->result = result;
        c->done = true;
        bool alone = c->alone;
        pthread_cond_signal(&c->told);
        pthread_mutex_unlock(&c->lock);
        if (alone)
                change_free(c);
}

/* Bindings that have to do with an object; NULL after the last. */
static struct rv_stored *user_of(const struct rv_permanent *p, const struct rv_stored *o,
                                 struct rv_stored *after)
{
        struct rv_stored *b = after ? after->next : p->objects;
        while (b &&
               (!rv_stored_is_binding(b->class) || (rv_stored_named(p, rv_stored_text(b, "Filter")) != o &&
                                                    rv_stored_named(p, rv_stored_text(b, "Consumer")) != o)))
                b = b->next;
        return b;
}

/* Nobody's uid, so that no session can resume it; kept until it is taken away. The filter is on disk before it. */
#define PARAMS "json_object('Query', json_extract(text, '$.Values.Query'), 'Durable', json('true'))"
#define NEW_SUBSCRIPTION                                                                     \
        "INSERT INTO subscription(id, uid, params, last, touched, retain) "                  \
        "SELECT ?1, -1, " PARAMS ", 0, ?4, 4000000000000000000 FROM kept WHERE class = 'EventFilter' AND key = ?2"
#define NEW_PARAMS                                                                                              \
        "UPDATE subscription SET params = (SELECT " PARAMS " FROM kept WHERE class = 'EventFilter' AND key = ?1) " \
        "WHERE id IN (SELECT json_extract(text, '$.Id') FROM kept WHERE class = 'FilterToConsumerBinding' "      \
        "AND json_extract(text, '$.Values.Name') = ?1)"

static int write_items(struct rv_state_job *job, sqlite3 *db)
{
        struct change *c = OF(job, struct change, job);
        int r = SQLITE_OK;
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        for (unsigned i = 0; i < c->n && r == SQLITE_OK; i++) {
                const struct item *it = &c->items[i];
                if (it->action == PUT)
                        r = rv_stored_sql(db,
                                          "INSERT OR REPLACE INTO kept(class, key, text) VALUES(?1, ?2, ?3)",
                                          it->class->name, it->key, it->text, 0);
                else
                        r = rv_stored_sql(db, "DELETE FROM kept WHERE class = ?1 AND key = ?2",
                                          it->class->name, it->key, NULL, 0);
                if (r == SQLITE_OK && it->class == &EventFilter_class && it->action == PUT && !it->anew)
                        r = rv_stored_sql(db, NEW_PARAMS, it->key, NULL, NULL, 0);
                if (r != SQLITE_OK || !rv_stored_is_binding(it->class))
                        continue;
                if (it->action == DROP) {
                        r = rv_stored_sql(db, "DELETE FROM event WHERE subscription = ?1", it->id, NULL, NULL,
                                          0);
                        if (r == SQLITE_OK)
                                r = rv_stored_sql(db, "DELETE FROM subscription WHERE id = ?1", it->id, NULL,
                                                  NULL, 0);
                } else if (it->anew) {
                        r = rv_stored_sql(db, NEW_SUBSCRIPTION, it->id,
                                          json_string_value(json_object_get(it->v, "Name")), NULL,
                                          (int64_t)now.tv_sec * INT64_C(1000000000));
                }
        }
        return r;
}

static void restart_users(struct rv_permanent *p, struct rv_stored *o)
{
        for (struct rv_stored *b = user_of(p, o, NULL); b; b = user_of(p, o, b)) {
                rv_binding_stop(b);
                rv_binding_start(b, false);
        }
}

/* It is on disk: so it is in memory. */
static void apply(struct rv_permanent *p, struct item *it)
{
        struct rv_stored *o = it->o;
        if (it->action == DROP) {
                it->o = NULL;
                rv_stored_take_out(p, o);
                return;
        }
        pthread_mutex_lock(&p->lock);
        json_decref(o->v);
        o->v = json_incref(it->v);
        o->saved = true;
        pthread_mutex_unlock(&p->lock);
        if (it->anew) {
                rv_stored_begin(o, true);
        } else if (rv_stored_is_binding(o->class) || rv_stored_is_timer(o->class)) {
                rv_stored_end(o);
                rv_stored_begin(o, false);
        } else if (o->class == &EventFilter_class) {
                restart_users(p, o);
        } else {
                for (struct rv_stored *b = user_of(p, o, NULL); b; b = user_of(p, o, b))
                        rv_binding_consumer_changed(b);
        }
}

static void on_written(struct rv_state_job *job)
{
        struct change *c = OF(job, struct change, job);
        struct rv_permanent *p = c->agent->permanent;
        for (unsigned i = 0; i < c->n; i++) {
                struct item *it = &c->items[i];
                if (!job->failed) {
                        apply(p, it);
                } else if (it->anew) {
                        rv_stored_take_out(p, it->o);
                        it->o = NULL;
                } else if (it->action == DROP) {
                        rv_stored_begin(it->o, false);
                }
        }
        if (job->failed) {
                c->err.retryable = true;
                finish(c, rv_fail(&c->err, RV_UNAVAILABLE, "it cannot be stored: %s", job->why));
        } else {
                finish(c, RV_OK);
        }
}

/* ---- may it be ---- */

static int check_binding(struct rv_agent *a, const struct change *c, json_t *v, struct rv_error *err)
{
        struct rv_permanent *p = a->permanent;
        static const char *const names[] = { "Filter", "Consumer" };
        for (int i = 0; i < 2; i++) {
                const char *path = json_string_value(json_object_get(v, names[i]));
                const struct rv_stored *o = path ? rv_stored_named(p, path) : NULL;
                bool with_it = false; /* made by the same change */
                for (unsigned k = 0; k < c->n; k++)
                        with_it |= c->n == 3 && !rv_stored_is_binding(c->items[k].class);
                rv_about(err, "FilterToConsumerBinding", NULL, names[i]);
                if (!with_it && (!o || !o->saved))
                        return rv_fail(err, RV_NOT_FOUND, "there is no %s", path ? path : "such object");
                if (!with_it && !rv_stored_one_owner(a, &c->who, &o->who)) {
                        rv_hint(err, "Make one of your own: a binding acts with the rights of who made it.");
                        return rv_fail(err, RV_ACCESS_DENIED,
                                       "%s is %s's, made by another login than this one", path, o->who.user);
                }
        }
        return RV_OK;
}

static int check_timer(const struct rv_class *c, const json_t *v, struct rv_error *err)
{
        bool interval = c == &IntervalTimerInstruction_class;
        const char *name = interval ? "IntervalBetweenEvents" : "EventDateTime";
        rv_about(err, c->name, NULL, name);
        if (!json_object_get(v, name) || json_is_null(json_object_get(v, name)))
                return rv_fail(err, RV_INVALID_PARAMETER, "a timer needs %s", name);
        return RV_OK;
}

static int check_put(struct change *c, struct item *it)
{
        struct rv_agent *a = c->agent;
        struct rv_permanent *p = a->permanent;
        unsigned mine = 0;
        struct rv_error *err = &c->err;
        rv_about(err, it->class->name, it->key, NULL);
        for (const struct rv_stored *o = p->objects; o; o = o->next)
                mine += o->who.uid == c->who.uid;
        if (it->anew && rv_stored_find(p, it->class, it->key)) {
                return rv_fail(err, RV_ALREADY_EXISTS, "there is a %s '%s' already", it->class->name,
                               it->key);
        }
        if (it->anew &&
            (p->n >= RV_STORED_MOST || (mine >= RV_STORED_USER && !rv_policy_has_all(&a->policy, &c->who))))
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED,
                               "at most %d such objects are kept, %d of one user", RV_STORED_MOST,
                               RV_STORED_USER);
        const struct rv_identity *as = it->o ? &it->o->who : &c->who;
        int r = rv_stored_right(a, as, it->class, it->v, err);
        if (r == RV_OK && it->class == &EventFilter_class)
                r = rv_binding_check(a, as, it->v, err);
        else if (r == RV_OK && rv_descends(it->class, &EventConsumer_class))
                r = rv_delivery_allowed(a, as, it->class, it->v, err);
        else if (r == RV_OK && rv_stored_is_binding(it->class))
                r = check_binding(a, c, it->v, err);
        else if (r == RV_OK && rv_stored_is_timer(it->class))
                r = check_timer(it->class, it->v, err);
        return r;
}

static int check_drop(struct change *c, struct item *it)
{
        struct rv_permanent *p = c->agent->permanent;
        struct rv_stored *user = rv_stored_is_binding(it->class) ? NULL : user_of(p, it->o, NULL);
        rv_about(&c->err, it->class->name, it->key, NULL);
        if (!user || c->deep)
                return RV_OK;
        rv_hint(&c->err, "Take the binding away first, or use Remove-CimSubscription.");
        return rv_fail(&c->err, RV_FAILED, "%s '%s' is in use by a binding of %s", it->class->name, it->key,
                       user->who.user);
}

/* The object as it is, for one that is to be changed or taken away. */
static int find_old(struct change *c, struct item *it)
{
        struct rv_stored *o = rv_stored_find(c->agent->permanent, it->class, it->key);
        rv_about(&c->err, it->class->name, it->key, NULL);
        if (!o || !o->saved)
                return rv_fail(&c->err, RV_NOT_FOUND, "there is no %s '%s'", it->class->name, it->key);
        if (o->busy) {
                c->err.retryable = true;
                return rv_fail(&c->err, RV_UNAVAILABLE, "%s '%s' is being changed", it->class->name, it->key);
        }
        if (!may_change(c->agent, &c->who, o))
                return rv_fail(&c->err, RV_ACCESS_DENIED,
                               "%s '%s' is %s's, made by another login than this one", it->class->name,
                               it->key, o->who.user);
        it->o = o;
        snprintf(it->id, sizeof it->id, "%s", o->id);
        if (it->action == DROP)
                return RV_OK;
        json_t *all = json_deep_copy(o->v);
        json_object_update(all, it->v);
        json_object_del(all, "_Denied"); /* whoever changes it wants it to begin again */
        json_decref(it->v);
        it->v = all;
        return RV_OK;
}

/* The filter and the consumer that nothing else uses go with the binding. */
static void add_parts(struct change *c)
{
        struct rv_permanent *p = c->agent->permanent;
        struct rv_stored *b = c->items[0].o;
        static const char *const names[] = { "Filter", "Consumer" };
        for (int i = 0; b && i < 2; i++) {
                struct rv_stored *o = rv_stored_named(p, rv_stored_text(b, names[i])),
                                 *first = o ? user_of(p, o, NULL) : NULL;
                bool only = first == b && !user_of(p, o, b);
                if (o && only && o->saved && !o->busy && may_change(c->agent, &c->who, o))
                        c->items[c->n++] = (struct item) {
                                .action = DROP, .class = o->class, .key = strdup(o->key), .o = o
                        };
        }
}

static int prepare(struct change *c)
{
        struct rv_agent *a = c->agent;
        struct rv_permanent *p = a->permanent;
        int r = RV_OK;
        if (!p || !p->stays) {
                rv_hint(&c->err, "Start reeved: this agent ends with its connection.");
                return rv_fail(&c->err, RV_NOT_SUPPORTED, "what is to be kept needs an agent that stays");
        }
        for (unsigned i = 0; i < c->n && r == RV_OK; i++)
                if (!c->items[i].anew)
                        r = find_old(c, &c->items[i]);
        if (r == RV_OK && c->deep)
                add_parts(c);
        for (unsigned i = 0; i < c->n && r == RV_OK; i++)
                r = c->items[i].action == PUT ? check_put(c, &c->items[i]) : check_drop(c, &c->items[i]);
        return r;
}

static int reserve(struct change *c, struct item *it)
{
        struct rv_permanent *p = c->agent->permanent;
        if (it->anew) {
                struct rv_stored *o = calloc(1, sizeof *o);
                char *key = strdup(it->key);
                if (!o || !key) {
                        free(o);
                        free(key);
                        return -ENOMEM;
                }
                *o = (struct rv_stored) { .agent = c->agent,
                                          .class = it->class,
                                          .key = key,
                                          .v = json_incref(it->v),
                                          .who = c->who };
                o->created = rv_wall();
                snprintf(o->id, sizeof o->id, "kept-%llx-%llx", (unsigned long long)o->created,
                         (unsigned long long)++p->serial);
                snprintf(o->who.session, sizeof o->who.session, "%.39s", o->id);
                o->who.pid = 0;
                o->who.absent = true;
                snprintf(it->id, sizeof it->id, "%s", o->id);
                pthread_mutex_lock(&p->lock);
                o->next = p->objects;
                p->objects = o;
                p->n++;
                pthread_mutex_unlock(&p->lock);
                it->o = o;
        }
        it->o->busy = true;
        if (it->action == DROP) {
                rv_stored_end(it->o);
                return 0;
        }
        struct rv_stored as = *it->o;
        as.v = it->v;
        it->text = rv_stored_json(&as);
        return it->text ? 0 : -ENOMEM;
}

static void on_change(struct rv_work *w)
{
        struct change *c = OF(w, struct change, work);
        int r = prepare(c);
        if (r || c->what_if) {
                finish(c, r);
                return;
        }
        for (unsigned i = 0; i < c->n && r == 0; i++)
                r = reserve(c, &c->items[i]);
        c->job.write = write_items;
        c->job.done = on_written;
        if (r == 0)
                r = rv_state_submit(&c->agent->state, &c->job);
        if (r == 0)
                return;
        for (unsigned i = 0; i < c->n; i++) {
                struct item *it = &c->items[i];
                if (it->anew && it->o) {
                        rv_stored_take_out(c->agent->permanent, it->o);
                        it->o = NULL;
                } else if (it->action == DROP && it->o) {
                        rv_stored_begin(it->o, false);
                }
        }
        finish(c, rv_fail(&c->err, RV_UNAVAILABLE, "it cannot be stored: too much is waiting to be written"));
}

static struct change *change_new(const struct rv_call *call)
{
        struct change *c = calloc(1, sizeof *c);
        pthread_condattr_t monotonic;
        if (!c)
                return NULL;
        c->agent = call->core;
        c->work.run = on_change;
        c->who = *call->who;
        c->what_if = call->what_if;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&c->lock, NULL);
        pthread_cond_init(&c->told, &monotonic);
        pthread_condattr_destroy(&monotonic);
        return c;
}

/* On a provider's thread: has the loop do it, and waits. Takes the change. */
static int run(struct change *c, uint64_t deadline, struct rv_error *err)
{
        const struct timespec until = { .tv_sec = (time_t)(deadline / 1000000000),
                                        .tv_nsec = (long)(deadline % 1000000000) };
        int e = 0;
        rv_loop_post(&c->agent->loop, &c->work);
        pthread_mutex_lock(&c->lock);
        while (!c->done && e != ETIMEDOUT)
                e = pthread_cond_timedwait(&c->told, &c->lock, &until);
        c->alone = !c->done;
        bool left = c->alone;
        pthread_mutex_unlock(&c->lock);
        if (left)
                return rv_fail(err, RV_TIMED_OUT, "it was not stored in time");
        int r = c->result;
        if (r)
                *err = c->err;
        change_free(c);
        return r;
}

/* ---- from providers ---- */

static bool good_name(const char *s)
{
        if (!s || !*s || strlen(s) > 128)
                return false;
        for (; *s; s++)
                if ((unsigned char)*s < ' ' || *s == '"' || *s == '\\' || *s == 127)
                        return false;
        return true;
}

/* The key of an object as one text; of a binding, its paths as we write them go into v. Allocated. */
static char *key_of(const struct rv_agent *a, const struct rv_class *c, json_t *v, struct rv_error *err)
{
        char text[600], name[2][200];
        if (!rv_stored_is_binding(c)) {
                const char *property = c->properties[c->keys[0]].name,
                           *key = json_string_value(json_object_get(v, property));
                rv_about(err, c->name, NULL, property);
                if (good_name(key))
                        return strdup(key);
                rv_fail(err, RV_INVALID_PARAMETER, "%s: expected a text of 1 to 128 bytes without quotes",
                        property);
                return NULL;
        }
        const struct rv_class *fc, *cc;
        const char *f = json_string_value(json_object_get(v, "Filter")),
                   *k = json_string_value(json_object_get(v, "Consumer"));
        if (!f || !rv_stored_path(a, f, &EventFilter_class, &fc, name[0], sizeof name[0])) {
                rv_about(err, c->name, NULL, "Filter");
                rv_fail(err, RV_INVALID_PARAMETER, "Filter: expected EventFilter.Name=\"x\"");
                return NULL;
        }
        if (!k || !rv_stored_path(a, k, &EventConsumer_class, &cc, name[1], sizeof name[1])) {
                rv_about(err, c->name, NULL, "Consumer");
                rv_fail(err, RV_INVALID_PARAMETER,
                        "Consumer: expected CommandLineEventConsumer.Name=\"x\", or another kind");
                return NULL;
        }
        snprintf(text, sizeof text, "%s.Name=\"%s\"", fc->name, name[0]);
        json_object_set_new(v, "Filter", json_string(text));
        snprintf(text, sizeof text, "%s.Name=\"%s\"", cc->name, name[1]);
        json_object_set_new(v, "Consumer", json_string(text));
        json_object_set_new(v, "Name", json_string(name[0]));
        snprintf(text, sizeof text, "%s|%s.%s", name[0], cc->name, name[1]);
        return strdup(text);
}

/* Values and keys as given. */
static json_t *as_json(const struct rv_call *c, const struct rv_values *values)
{
        const struct rv_class *k = c->class;
        struct rv_batch *b = rv_batch_new(k);
        struct rv_row row;
        struct rv_buf text = { 0 };
        uint64_t show[RV_MASK_WORDS(1024)] = { 0 };
        json_t *j = NULL;
        bool bad = !b || rv_row_begin(&row, b, NULL);
        for (uint32_t i = 0; i < k->nproperties && !bad; i++) {
                const struct rv_arg *v = values && values->set && rv_bit(values->set, i) ? &values->v[i]
                                         : c->key && c->key[i].type != RV_NULL           ? &c->key[i]
                                                                                         : NULL;
                if (!v)
                        continue;
                rv_copy_arg(&row, i, v);
                rv_bit_set(show, i);
        }
        if (!bad) {
                rv_row_end(&row);
                if (!row.failed)
                        rv_json_row(&text, b, 0, show, 0);
        }
        if (text.data && !text.failed)
                j = json_loadb(text.data, text.len, 0, NULL);
        rv_buf_free(&text);
        rv_batch_free(b);
        return j;
}

static int add(struct change *c, int action, bool anew, const struct rv_class *class, json_t *v,
               struct rv_error *err)
{
        struct item *it = &c->items[c->n];
        *it = (struct item) { .action = action, .class = class, .v = v, .anew = anew };
        c->n++;
        it->key = v ? key_of(c->agent, class, v, err) : NULL;
        return it->key ? RV_OK : v && err->code ? err->code : -ENOMEM;
}

static int change_one(struct rv_call *call, int action, bool anew, const struct rv_values *values, bool deep,
                      struct rv_error *err)
{
        struct change *c = change_new(call);
        if (!c)
                return -ENOMEM;
        c->deep = deep;
        int r = add(c, action, anew, call->class, as_json(call, values), err);
        if (r) {
                change_free(c);
                return r;
        }
        rv_change(call, call->class->properties[call->class->keys[0]].name,
                  action == DROP ? c->items[0].key : NULL, action == DROP ? NULL : c->items[0].key);
        return run(c, call->deadline, err);
}

int rv_stored_create(struct rv_call *call, const struct rv_values *values, struct rv_error *err)
{
        return change_one(call, PUT, true, values, false, err);
}

int rv_stored_modify(struct rv_call *call, const struct rv_values *values, struct rv_error *err)
{
        return change_one(call, PUT, false, values, false, err);
}

int rv_stored_remove(struct rv_call *call, struct rv_error *err)
{
        return change_one(call, DROP, false, NULL, false, err);
}

int rv_stored_unsubscribe(struct rv_call *call, struct rv_error *err)
{
        return change_one(call, DROP, false, NULL, true, err);
}

/* The consumer that a one-line subscription asks for. */
static const struct rv_class *one_consumer(const struct rv_new_subscription *n, json_t *v,
                                           struct rv_error *err)
{
        const struct rv_class *c = NULL;
        unsigned given = 0;
        if (n->journal && ++given) {
                c = &JournalEventConsumer_class;
                if (strcmp(n->journal, "*") != 0)
                        json_object_set_new(v, "Message", json_string(n->journal));
        }
        if (n->log_file && ++given) {
                c = &LogFileEventConsumer_class;
                json_object_set_new(v, "Filename", json_string(n->log_file));
        }
        if (n->command && ++given) {
                json_t *list = json_array();
                c = &CommandLineEventConsumer_class;
                for (unsigned i = 0; i < n->ncommand; i++)
                        json_array_append_new(list, json_string(n->command[i]));
                json_object_set_new(v, "Command", list);
        }
        if (n->script && ++given) {
                c = &ScriptEventConsumer_class;
                json_object_set_new(v, "ScriptText", json_string(n->script));
        }
        if (n->target && ++given) {
                c = &RpcEventConsumer_class;
                json_object_set_new(v, "Target", json_string(n->target));
        }
        if (n->method && ++given) {
                const char *dot = strchr(n->method, '.');
                c = dot ? &MethodEventConsumer_class : NULL;
                json_object_set_new(v, "ClassName",
                                    json_stringn(n->method, dot ? (size_t)(dot - n->method) : 0));
                json_object_set_new(v, "MethodName", json_string(dot ? dot + 1 : ""));
                if (n->instance)
                        json_object_set_new(v, "InstanceName", json_string(n->instance));
                if (n->in)
                        json_object_set_new(v, "InParameters", json_string(n->in));
        }
        if (given == 1 && c)
                return c;
        rv_fail(err, RV_INVALID_PARAMETER,
                given == 1 ? "Method: expected CLASS.METHOD"
                           : "say what is done: exactly one of Journal, LogFile, Command, Script, Target and "
                             "Method");
        return NULL;
}

static int add_options(json_t *v, const struct rv_class *c, const char *options, struct rv_error *err)
{
        json_t *more = options ? rv_json_parse(options, strlen(options), err) : NULL, *one;
        const char *name;
        int r = options && !json_is_object(more)
                        ? rv_fail(err, RV_INVALID_PARAMETER, "Options: expected a JSON object")
                        : RV_OK;
        struct rv_arena arena = { 0 };
        json_object_foreach(more, name, one)
        {
                int p = rv_property_find(c, name, strlen(name));
                struct rv_arg arg;
                rv_about(err, c->name, NULL, name);
                if (r == RV_OK && (p < 0 || !(c->properties[p].flags & RV_WRITE)))
                        r = rv_fail(err, RV_NO_SUCH_PROPERTY,
                                    "Options: %s has no property '%.60s' that can be set", c->name, name);
                if (r == RV_OK)
                        r = rv_json_arg(one, &c->properties[p], &arena, &arg, err);
                if (r == RV_OK)
                        json_object_set(v, c->properties[p].name, one);
        }
        rv_arena_free(&arena);
        json_decref(more);
        return r;
}

int rv_stored_subscribe(struct rv_call *call, const struct rv_new_subscription *n, struct rv_error *err)
{
        struct change *c = change_new(call);
        char path[300];
        if (!c)
                return -ENOMEM;
        json_t *consumer = json_pack("{s:s}", "Name", n->name), *binding = json_object();
        const struct rv_class *kind = one_consumer(n, consumer, err);
        int r = kind ? add_options(consumer, kind, n->options, err) : err->code;
        snprintf(path, sizeof path, "%.120s", n->name);
        json_object_set_new(binding, "Filter", json_string(path));
        snprintf(path, sizeof path, "%s.Name=\"%.120s\"", kind ? kind->name : "", n->name);
        json_object_set_new(binding, "Consumer", json_string(path));
        const uint32_t *numbers[] = { n->retries, n->damping_count, n->damping_seconds };
        static const char *const names[] = { "MaximumRetries", "DampingCount", "DampingSeconds" };
        for (int i = 0; i < 3; i++)
                if (numbers[i])
                        json_object_set_new(binding, names[i], json_integer(*numbers[i]));
        if (r == RV_OK)
                r = add(c, PUT, true, &EventFilter_class,
                        json_pack("{s:s, s:s}", "Name", n->name, "Query", n->query), err);
        if (r == RV_OK) {
                r = add(c, PUT, true, kind, consumer, err);
                consumer = NULL;
        }
        if (r == RV_OK) {
                r = add(c, PUT, true, &FilterToConsumerBinding_class, binding, err);
                binding = NULL;
        }
        json_decref(consumer);
        json_decref(binding);
        if (r) {
                change_free(c);
                return r;
        }
        for (unsigned i = 0; i < c->n; i++)
                rv_change(call, c->items[i].class->name, NULL, c->items[i].key);
        return run(c, call->deadline, err);
}
