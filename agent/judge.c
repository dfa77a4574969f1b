/* SPDX-License-Identifier: MIT
 *
 * Deeds of a stream: what it does in its user's name (a request of the Docker client, say), held against his roles and
 * recorded as if he had called the method (agent/provider.h, rv_deed_begin()). All of it runs on the stream's thread;
 * what belongs to the loop is done there, and waited for.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/pull.h"
#include "agent/scan.h"
#include "agent/wish.h"

#define PATIENCE UINT64_C(30000000000) /* ns for looking at an object */

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* ---- the loop, from a thread ---- */

struct errand {
        struct rv_work work;
        void (*run)(struct errand *);
        pthread_mutex_t lock;
        pthread_cond_t done;
        bool over;
        struct rv_agent *agent;
        struct rv_audit *audit;
        struct rv_audit_what what;
        const char *message;
        int status;
};

static void over(struct errand *e)
{
        pthread_mutex_lock(&e->lock);
        e->over = true;
        pthread_cond_signal(&e->done);
        pthread_mutex_unlock(&e->lock);
}

static void on_loop(struct rv_work *w)
{
        struct errand *e = OF(w, struct errand, work);
        e->run(e);
}

static void wait_for(struct errand *e, void (*run)(struct errand *))
{
        e->work = (struct rv_work) { .run = on_loop };
        e->run = run;
        e->over = false;
        pthread_mutex_init(&e->lock, NULL);
        pthread_cond_init(&e->done, NULL);
        rv_loop_post(&e->agent->loop, &e->work);
        pthread_mutex_lock(&e->lock);
        while (!e->over)
                pthread_cond_wait(&e->done, &e->lock);
        pthread_mutex_unlock(&e->lock);
        pthread_cond_destroy(&e->done);
        pthread_mutex_destroy(&e->lock);
}

static void on_intent(struct rv_audit *a, void *state)
{
        (void)a;
        over(state);
}

static void run_intent(struct errand *e)
{
        rv_audit_intent(e->audit, &e->agent->state, on_intent, e);
}

static void run_outcome(struct errand *e)
{
        rv_audit_outcome(e->audit, &e->agent->state, e->status, e->message, NULL, NULL, e->status != 0, NULL,
                         NULL);
        over(e);
}

static void run_denied(struct errand *e)
{
        struct rv_session *s = calloc(1, sizeof *s);
        if (s) {
                struct rv_request q = { .agent = e->agent, .session = s };
                s->who = *e->what.who;
                rv_request_record_denied(&q, &e->what, (void *)e->message);
        }
        free(s);
        over(e);
}

/* ---- what is recorded ---- */

struct rv_deed {
        struct rv_agent *agent;
        struct rv_audit *audit;
};

static void record(struct rv_stream *st, const struct rv_deed_what *w, void (*run)(struct errand *),
                   struct errand *e)
{
        char roles[160];
        json_t *key = w->id ? json_pack("{ss}", w->id_name ? w->id_name : "Id", w->id) : NULL;
        char *key_text = key ? json_dumps(key, JSON_COMPACT) : NULL,
             *arguments = w->in ? json_dumps(w->in, JSON_COMPACT) : NULL;
        rv_policy_names(&st->core->policy, &st->who, roles, sizeof roles);
        e->what = (struct rv_audit_what) { .who = &st->who,
                                            .operation = w->operation,
                                            .class_name = w->class_name,
                                            .key = key_text,
                                            .method = w->method,
                                            .arguments = arguments,
                                            .roles = *roles ? roles : NULL };
        e->agent = st->core;
        if (run == run_intent)
                e->audit = rv_audit_new(&e->what);
        if (run != run_intent || e->audit)
                wait_for(e, run);
        json_decref(key);
        free(key_text);
        free(arguments);
}

void rv_deed_denied(struct rv_stream *st, const struct rv_deed_what *w, const char *message)
{
        struct errand e = { .message = message };
        record(st, w, run_denied, &e);
}

/* ---- roles ---- */

bool rv_stream_has_all(struct rv_stream *st)
{
        return rv_policy_has_all(&st->core->policy, &st->who);
}

static struct rv_subject subject(struct rv_stream *st, const struct rv_role_set *roles)
{
        return (struct rv_subject) {
                .roles = roles, .who = &st->who, .now = (int64_t)time(NULL), .all = rv_stream_has_all(st)
        };
}

/* The condition of a rule on arguments speaks of this one: whoever wrote it has thought of it. */
static bool names(const struct rv_rule *r, const char *argument)
{
        size_t n = strlen(argument);
        for (const char *p = r && r->arguments ? r->arguments : ""; *p; p++)
                if (strncasecmp(p, argument, n) == 0 &&
                    !strchr("_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", p[n]))
                        return true;
        return false;
}

/* Arguments that lead out of a container are given only to whom a rule gives them by name. */
static int risky(struct rv_stream *st, struct rv_scan *s, const struct rv_deed_what *w, struct rv_error *err)
{
        const struct rv_rule *rule = NULL;
        const struct rv_subject who = subject(st, s->roles);
        const char *name;
        json_t *v;
        if (!s->looks) {
                s->wish.decides = &rule;
                rv_rights_change(&who, &s->wish, NULL, NULL);
                s->wish.decides = NULL;
        }
        json_object_foreach(w->in, name, v) for (const char *const *r = w->risky; r && *r;
                                                 r++) if (strcmp(*r, name) == 0 && !names(rule, name))
        {
                rv_hint(err, "A rule whose Arguments speak of %s allows it.", name);
                if (!rule)
                        return rv_fail(err, RV_ACCESS_DENIED,
                                       "denied: %s may not give %s to %s.%s: only whoever has everything may",
                                       st->who.user, name, w->class_name, w->method);
                return rv_fail(err, RV_ACCESS_DENIED,
                               "denied: %s may not give %s to %s.%s: rule \"%s\" of role %s does not name it",
                               st->who.user, name, w->class_name, w->method, rule->name, rule->role->name);
        }
        return RV_OK;
}

static int hold_against(struct rv_stream *st, const struct rv_deed_what *w, struct rv_scan *s,
                        struct rv_error *err)
{
        const struct rv_class *c = rv_class_find(w->class_name, NULL);
        int m = c ? rv_method_find(c, w->method, strlen(w->method)) : -1;
        int k = w->id && c ? rv_property_find(c, w->id_name ? w->id_name : "Id",
                                              strlen(w->id_name ? w->id_name : "Id"))
                           : -1;
        s->entry = c ? rv_entry_find(st->core, c) : NULL;
        if (m < 0 || !s->entry || (w->id && k < 0))
                return rv_fail(err, RV_NOT_SUPPORTED, "this agent has no %s.%s", w->class_name, w->method);
        int r = rv_authorize(&st->core->policy, &st->who, RV_RIGHT_INVOKE, c, w->method, err);
        struct rv_arg *key = r ? NULL : rv_arena_get(&s->arena, (c->nproperties + 1) * sizeof *key);
        if (!key)
                return r ? r : -ENOMEM;
        if (k >= 0)
                key[k] = (struct rv_arg) { .type = RV_STRING, .len = (uint32_t)strlen(w->id), .s = w->id };
        s->change = (struct rv_change_plan) { .kind = RV_INVOKE, .key = key };
        s->call = (struct rv_call) { .class = c,
                                     .method = &c->methods[m],
                                     .key = key,
                                     .who = &s->who,
                                     .deadline = rv_now() + PATIENCE,
                                     .arena = &s->arena,
                                     .core = st->core };
        struct rv_request q = { .agent = st->core, .params = json_pack("{sO?}", "InParameters", w->in) };
        r = rv_wish_ask(&q, s, err);
        json_decref(q.params);
        if (r == RV_OK)
                r = risky(st, s, w, err);
        if (r == RV_OK && s->looks)
                r = rv_wish_look(s, err);
        return r;
}

static int judge(struct rv_stream *st, const struct rv_deed_what *w, struct rv_error *err)
{
        struct rv_scan *s = calloc(1, sizeof *s);
        if (!s)
                return -ENOMEM;
        s->agent = st->core;
        s->who = st->who;
        s->roles = rv_policy_hold(&st->core->policy);
        int r = hold_against(st, w, s, err);
        if (s->denied || r == RV_ACCESS_DENIED)
                rv_deed_denied(st, w, s->denied ? s->why.message : err->message);
        rv_batch_free(s->values);
        rv_roles_drop(s->roles);
        rv_buf_free(&s->changes);
        rv_buf_free(&s->told);
        rv_arena_free(&s->arena);
        free(s);
        return r;
}

int rv_deed_begin(struct rv_stream *st, const struct rv_deed_what *w, struct rv_deed **ret,
                  struct rv_error *err)
{
        struct errand e = { 0 };
        *ret = NULL;
        int r = rv_stream_has_all(st) ? RV_OK : judge(st, w, err);
        if (r || w->reads)
                return r;
        struct rv_deed *d = calloc(1, sizeof *d);
        if (!d)
                return -ENOMEM;
        record(st, w, run_intent, &e);
        if (!e.audit || e.audit->verdict != RV_VERDICT_GO) {
                rv_fail(err, RV_UNAVAILABLE, "refused: it cannot be recorded: %s",
                        e.audit ? e.audit->job.why : "no memory");
                rv_audit_free(e.audit);
                free(d);
                return err->code;
        }
        *d = (struct rv_deed) { .agent = st->core, .audit = e.audit };
        *ret = d;
        return RV_OK;
}

void rv_deed_end(struct rv_deed *d, int status, const char *message)
{
        if (!d)
                return;
        struct errand e = { .agent = d->agent, .audit = d->audit, .status = status, .message = message };
        wait_for(&e, run_outcome);
        free(d);
}

/* ---- what may be seen ---- */

static int collect(struct rv_stream *st, const struct rv_class *c, const char *id_name, const char *id,
                   json_t *to, struct rv_error *err)
{
        struct rv_arena arena = { 0 };
        struct rv_plan plan;
        const char *const properties[] = { id_name };
        int k = rv_property_find(c, id_name, strlen(id_name));
        struct rv_entry *entry = rv_entry_find(st->core, c);
        struct rv_arg *key = rv_arena_get(&arena, (c->nproperties + 1) * sizeof *key);
        const struct rv_ask ask = { .properties = properties, .nproperties = 1, .keys = id ? key : NULL };
        int r = key && entry && k >= 0 ? RV_OK : -ENOMEM;
        if (r == RV_OK && id)
                key[k] = (struct rv_arg) { .type = RV_STRING,
                                           .len = (uint32_t)strlen(id),
                                           .s = rv_arena_text(&arena, id, strlen(id)) };
        if (r == RV_OK)
                r = rv_plan_make(&arena, c, &ask, &plan, err);
        struct rv_pull *p =
                r ? NULL : rv_pull_new(st->core, entry, &st->who, rv_now() + PATIENCE, &arena, &plan);
        atomic_bool never = false;
        for (struct rv_batch *b; p && (b = rv_pull_next(p, &never, err)); rv_batch_free(b))
                for (uint32_t row = 0; row < b->n; row++) {
                        const struct rv_value *v = rv_get(b, row, (unsigned)k);
                        if (v->type == RV_STRING)
                                json_object_setn_new(to, rv_text(b, v), v->len, json_true());
                }
        if (p)
                rv_pull_free(p);
        rv_arena_free(&arena);
        return r ? r : p ? err->code : -ENOMEM;
}

int rv_stream_sees(struct rv_stream *st, const char *class_name, const char *id_name, const char *id,
                   json_t **ret, struct rv_error *err)
{
        const struct rv_class *c = rv_class_find(class_name, NULL);
        *ret = json_object();
        int r = c && *ret ? rv_authorize(&st->core->policy, &st->who, RV_RIGHT_READ, c, NULL, err) : -ENOMEM;
        if (r == RV_OK)
                r = collect(st, c, id_name, id, *ret, err);
        if (r) {
                json_decref(*ret);
                *ret = NULL;
        }
        return r;
}

/* Of a rule about reading: whether it leaves all properties (property NULL), or this one, to be seen. */
static bool shows(const struct rv_rule *r, const struct rv_class *c, const char *property)
{
        int p = property ? rv_property_find(c, property, strlen(property)) : -1;
        bool about = p >= 0 && (!r->mask || (r->class && (uint32_t)p < r->class->nproperties &&
                                             rv_bit(r->mask, (unsigned)p)));
        if (r->deny)
                return !r->mask || (property && !about);
        return !r->mask || about;
}

bool rv_stream_sees_property(struct rv_stream *st, const char *class_name, const char *property)
{
        const struct rv_class *c = rv_class_find(class_name, NULL);
        int64_t now = (int64_t)time(NULL);
        bool sees = c != NULL;
        if (!c || rv_stream_has_all(st))
                return sees;
        struct rv_role_set *roles = rv_policy_hold(&st->core->policy);
        for (unsigned i = 0; roles && i < roles->n; i++)
                for (unsigned k = 0;
                     rv_role_fits(&roles->roles[i], &st->who, now) && k < roles->roles[i].nrules; k++) {
                        const struct rv_rule *r = &roles->roles[i].rules[k];
                        if (r->operations & RV_OP_READ && (!r->class || rv_descends(c, r->class)))
                                sees &= shows(r, c, property);
                }
        rv_roles_drop(roles);
        return sees;
}
