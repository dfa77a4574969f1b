/* SPDX-License-Identifier: MIT */
#include "agent/revision.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/watch.h"
#include "agent/wql.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* A question whose class is watched. */
struct rv_revision {
        struct rv_revision *next;
        struct rv_agent *agent;
        uint64_t id, question, changes;
        struct rv_watcher watcher;
        struct rv_arena arena;
        const struct rv_plan *plan;
        struct rv_alarm expiry;
        uint64_t last_asked;
        bool failed; /* a poll: what it was compared with is not what is */
};

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
        const unsigned char *s = p;
        for (; n >= 8; s += 8, n -= 8) {
                uint64_t w;
                memcpy(&w, s, 8);
                h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
                h ^= h >> 32;
        }
        for (; n; n--)
                h = (h ^ *s++) * UINT64_C(1099511628211);
        return h ^ h >> 29;
}

static uint64_t mix_json(uint64_t h, const json_t *v)
{
        double d;
        int64_t i;
        uint64_t all = h;
        size_t at;
        const char *key;
        json_t *item;
        switch (json_typeof(v)) {
        case JSON_STRING: return mix(h + 1, json_string_value(v), json_string_length(v));
        case JSON_INTEGER: i = json_integer_value(v); return mix(h + 2, &i, sizeof i);
        case JSON_REAL: d = json_real_value(v); return mix(h + 3, &d, sizeof d);
        case JSON_ARRAY:
                json_array_foreach(v, at, item) h = mix_json(h + 4, item);
                return h + json_array_size(v);
        case JSON_OBJECT:
                json_object_foreach((json_t *)v, key, item) all += mix_json(mix(h, key, strlen(key) + 1), item);
                return all + 5; /* in any order */
        default: return mix(h + 6 + json_typeof(v), "", 1);
        }
}

/* What is asked and by whom, but for when and how long. */
static uint64_t question(const struct rv_request *q)
{
        uint64_t h = mix(UINT64_C(14695981039346656037), rv_op_name(q->op), strlen(rv_op_name(q->op)));
        uint64_t all = mix(0, &q->session->who.uid, sizeof q->session->who.uid);
        const char *key;
        json_t *v;
        json_object_foreach(q->params, key, v)
        {
                if (strcasecmp(key, "Since") == 0 || strcasecmp(key, "Timeout") == 0)
                        continue;
                uint64_t one = mix_json(mix(h, key, strlen(key) + 1), v);
                all += one; /* in any order */
        }
        return all;
}

static uint32_t epoch(void)
{
        static uint32_t e;
        if (!e) {
                struct timespec t;
                clock_gettime(CLOCK_REALTIME, &t);
                e = (uint32_t)mix((uint64_t)t.tv_sec, &t.tv_nsec, sizeof t.tv_nsec) | 1;
        }
        return e;
}

/* ---- watching ---- */

static bool concerns(const struct rv_revision *r, const struct rv_batch *b, uint32_t row)
{
        return b && rv_plan_keeps(r->plan, b, row);
}

static void on_changed(struct rv_watcher *x, unsigned kind, const struct rv_batch *now, uint32_t row,
                       const struct rv_batch *before, uint32_t before_row)
{
        struct rv_revision *r = OF(x, struct rv_revision, watcher);
        (void)kind;
        if (concerns(r, now, row) || concerns(r, before, before_row))
                r->changes++;
}

static void on_baseline(struct rv_watcher *x)
{
        (void)x;
}

static void on_failed(struct rv_watcher *x, const struct rv_error *e)
{
        struct rv_revision *r = OF(x, struct rv_revision, watcher);
        r->failed = e;
        r->changes++;
}

static void revision_free(struct rv_revision *r)
{
        struct rv_revision **at = &r->agent->revisions;
        while (*at != r)
                at = &(*at)->next;
        *at = r->next;
        r->agent->nrevisions--;
        rv_watch_leave(&r->watcher);
        rv_alarm_clear(&r->agent->loop, &r->expiry);
        rv_arena_free(&r->arena);
        free(r);
}

void rv_revisions_free(struct rv_agent *a)
{
        while (a->revisions)
                revision_free(a->revisions);
}

static void on_expiry(struct rv_alarm *alarm)
{
        struct rv_revision *r = OF(alarm, struct rv_revision, expiry);
        uint64_t due = r->last_asked + RV_REVISION_LINGER;
        if (rv_now() >= due)
                revision_free(r);
        else
                rv_alarm_set(&r->agent->loop, alarm, due);
}

/* Keys and conditions in memory of our own: the request's is gone before us. */
static int plan_own(struct rv_revision *r, const struct rv_request *q, struct rv_plan *plan)
{
        const struct rv_class *c = q->classes[0];
        struct rv_ask ask = q->ask;
        struct rv_error ignored = { 0 };
        struct rv_arg *keys = ask.keys ? rv_arena_get(&r->arena, (c->nproperties + 1) * sizeof *keys) : NULL;
        for (uint32_t p = 0; keys && p < q->asked->nproperties; p++) {
                keys[p] = ask.keys[p];
                if (keys[p].type == RV_STRING || keys[p].type == RV_REF)
                        keys[p].s = rv_arena_text(&r->arena, keys[p].s, keys[p].len);
        }
        ask.keys = keys;
        ask.filter = ask.filter ? rv_arena_text(&r->arena, ask.filter, strlen(ask.filter)) : NULL;
        return rv_plan_make(&r->arena, c, &ask, plan, &ignored);
}

/* Only where the system tells of all that is asked for, and the asker sees what the watch sees. */
static struct rv_revision *revision_new(struct rv_request *q, uint64_t what)
{
        struct rv_agent *a = q->agent;
        const struct rv_class *c = q->nclasses == 1 ? q->classes[0] : NULL;
        struct rv_error err = { 0 };
        if (!c || a->nrevisions >= RV_REVISIONS || rv_watch_covers(a, c) != RV_PUSH_ALL ||
            !rv_policy_has_all(&a->policy, &q->session->who) || q->ask.norder)
                return NULL;
        struct rv_revision *r = calloc(1, sizeof *r);
        struct rv_plan *plan = r ? rv_arena_get(&r->arena, sizeof *plan) : NULL;
        int status = plan ? plan_own(r, q, plan) : RV_FAILED;
        for (uint32_t p = 0; status == RV_OK && p < c->nproperties; p++)
                if (rv_bit(plan->want, p) && rv_watch_silent(a, c, p))
                        status = RV_FAILED;
        if (status) {
                if (r)
                        rv_arena_free(&r->arena);
                free(r);
                return NULL;
        }
        r->agent = a;
        r->plan = plan;
        r->id = ++a->serial;
        r->question = what;
        r->expiry.ring = on_expiry;
        r->watcher = (struct rv_watcher) { .want = plan->want,
                                           .compare = plan->want,
                                           .kinds = RV_PUSH_ALL,
                                           .baseline = on_baseline,
                                           .changed = on_changed,
                                           .failed = on_failed };
        r->next = a->revisions;
        a->revisions = r;
        a->nrevisions++;
        if (rv_watch_join(a, c, &r->watcher, &err) != RV_OK) {
                revision_free(r);
                return NULL;
        }
        rv_alarm_set(&a->loop, &r->expiry, rv_now() + RV_REVISION_LINGER);
        return r;
}

/* Whether no change can have been missed. */
static bool is_sure(const struct rv_revision *r)
{
        return r->watcher.ready && !r->failed && rv_watch_pushes(&r->watcher) &&
               rv_watch_is_quiet(&r->watcher);
}

static struct rv_revision *find(struct rv_agent *a, uint64_t what)
{
        struct rv_revision *r = a->revisions;
        while (r && r->question != what)
                r = r->next;
        return r;
}

/* ---- answers ---- */

bool rv_revision_unchanged(struct rv_request *q)
{
        const json_t *given = json_object_get(q->params, "Since");
        const char *since = json_is_string(given) ? json_string_value(given) : "";
        if (!given || q->token)
                return false;
        uint64_t what = question(q), id = 0, changes = 0, sum = 0;
        unsigned e = 0;
        struct rv_revision *r = find(q->agent, what);
        if (!r)
                r = revision_new(q, what);
        q->since = since;
        if (!r)
                return false;
        r->last_asked = rv_now();
        if (!is_sure(r))
                return false;
        q->revision = r->id; /* taken before anything is read: what changes meanwhile makes it old */
        q->revision_changes = r->changes;
        if (*since != 'w' ||
            sscanf(since, "w%8x-%llx-%llx-%llx", &e, (unsigned long long *)&id,
                   (unsigned long long *)&changes, (unsigned long long *)&sum) != 4 ||
            e != epoch() || id != r->id || changes != r->changes)
                return false;
        rv_buf_puts(&q->out, "{\"Unchanged\":true,\"Revision\":");
        rv_json_text(&q->out, since);
        rv_buf_puts(&q->out, "}");
        rv_answer(q, q->out.data, q->out.len);
        return true;
}

void rv_revision_finish(struct rv_request *q)
{
        char own[96];
        if (!q->since || q->out.failed)
                return;
        uint64_t sum = mix(question(q), q->out.data, q->out.len);
        const char *before = strrchr(q->since, *q->since == 'h' ? 'h' : '-');
        bool same = before && strtoull(before + 1, NULL, 16) == sum && !q->partial.len;
        if (q->revision)
                snprintf(own, sizeof own, "w%08x-%llx-%llx-%llx", epoch(), (unsigned long long)q->revision,
                         (unsigned long long)q->revision_changes, (unsigned long long)sum);
        else
                snprintf(own, sizeof own, "h%llx", (unsigned long long)sum);
        if (same) {
                q->out.len = 0;
                rv_buf_putf(&q->out, "{\"Unchanged\":true,\"Revision\":\"%s\"", own);
        } else {
                rv_buf_putf(&q->out, "%s\"Revision\":\"%s\"", q->out.data[q->out.len - 1] == '{' ? "" : ",",
                            own);
        }
}
