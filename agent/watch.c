/* SPDX-License-Identifier: MIT
 *
 * Polls and comparisons; push.c brings what the system tells. One poll is under way at a time: of the whole class,
 * or of the objects with one first key. Its rows are compared as they come; what a whole poll did not meet is gone,
 * unless it failed or was partial.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/watch_int.h"
#include "agent/wql.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

enum { SLICE_NS = 500000 };

static void think(struct rv_watch *);
static void forget_rows(struct rv_watch *);

/* ---- rows that are kept ---- */

static uint64_t kept_bytes; /* of all watches; the loop's */

static void let_go(struct rv_kept *k)
{
        if (k && --k->refs == 0) {
                kept_bytes -= k->bytes;
                rv_batch_free(k->batch);
                free(k);
        }
}

static bool value_same(const struct rv_batch *ba, const struct rv_value *a, const struct rv_batch *bb,
                       const struct rv_value *b)
{
        if (a->type != b->type)
                return false;
        switch (a->type) {
        case RV_NULL: return true;
        case RV_STRING:
        case RV_REF: return a->len == b->len && memcmp(rv_text(ba, a), rv_text(bb, b), a->len) == 0;
        case RV_LIST:
        case RV_OBJECT:
                if (a->len != b->len)
                        return false;
                for (uint32_t i = 0; i < a->len; i++)
                        if (!value_same(ba, rv_items(ba, a) + i, bb, rv_items(bb, b) + i))
                                return false;
                return true;
        default: return a->u == b->u;
        }
}

static uint64_t hash_value(uint64_t h, const struct rv_batch *b, const struct rv_value *v)
{
        if (v->type == RV_STRING || v->type == RV_REF)
                for (uint32_t i = 0; i < v->len; i++)
                        h = (h ^ (unsigned char)rv_text(b, v)[i]) * UINT64_C(1099511628211);
        else if (v->type != RV_NULL && v->type < RV_LIST)
                h = (h ^ v->u) * UINT64_C(0x9e3779b97f4a7c15);
        return h ^ h >> 29;
}

uint64_t rv_watch_hash_key(const struct rv_arg *k)
{
        uint64_t h = UINT64_C(14695981039346656037);
        if (k->type == RV_STRING || k->type == RV_REF)
                for (uint32_t i = 0; i < k->len; i++)
                        h = (h ^ (unsigned char)k->s[i]) * UINT64_C(1099511628211);
        else
                h = (h ^ k->u) * UINT64_C(0x9e3779b97f4a7c15);
        return h ^ h >> 29;
}

/* Objects told by their first key are found by it, so it alone decides where they lie. */
static uint64_t hash_row(const struct rv_watch *w, const struct rv_batch *b, uint32_t row)
{
        const struct rv_class *c = w->class;
        uint64_t h = UINT64_C(14695981039346656037);
        for (uint32_t k = 0; k < c->nkeys && (k == 0 || !w->by_first_key); k++)
                h = hash_value(h, b, rv_get(b, row, c->keys[k]));
        return h;
}

static bool same_object(const struct rv_class *c, const struct rv_batch *a, uint32_t arow,
                        const struct rv_batch *b, uint32_t brow)
{
        for (uint32_t k = 0; k < c->nkeys; k++)
                if (!value_same(a, rv_get(a, arow, c->keys[k]), b, rv_get(b, brow, c->keys[k])))
                        return false;
        return true;
}

static void grow(struct rv_watch *w)
{
        size_t n = w->nbuckets ? w->nbuckets * 2 : 64;
        struct rv_seen **fresh = calloc(n, sizeof *fresh);
        if (!fresh)
                return; /* longer chains */
        for (size_t i = 0; i < w->nbuckets; i++)
                for (struct rv_seen *s = w->buckets[i], *next; s; s = next) {
                        next = s->next;
                        s->next = fresh[s->hash & (n - 1)];
                        fresh[s->hash & (n - 1)] = s;
                }
        free(w->buckets);
        w->buckets = fresh;
        w->nbuckets = n;
}

static struct rv_seen *find(struct rv_watch *w, uint64_t hash, const struct rv_batch *b, uint32_t row)
{
        struct rv_seen *s = w->nbuckets ? w->buckets[hash & (w->nbuckets - 1)] : NULL;
        while (s && (s->hash != hash || !same_object(w->class, s->kept->batch, s->row, b, row)))
                s = s->next;
        return s;
}

/* ---- telling ---- */

static void tell(struct rv_watch *w, unsigned kind, const uint64_t *diff, const struct rv_batch *now,
                 uint32_t row, const struct rv_batch *before, uint32_t before_row)
{
        const uint32_t words = RV_MASK_WORDS(w->class->nproperties);
        w->generation++;
        for (struct rv_watcher *x = w->watchers, *next; x; x = next) {
                next = x->next;
                bool any = !diff;
                for (uint32_t i = 0; !any && i < words; i++)
                        any = diff[i] & x->compare[i];
                if (x->ready && any && x->kinds & kind)
                        x->changed(x, kind, now, row, before, before_row);
        }
}

static void meet(struct rv_watch *w, struct rv_kept *k, uint32_t row)
{
        const struct rv_class *c = w->class;
        const uint64_t hash = hash_row(w, k->batch, row);
        struct rv_seen *s = find(w, hash, k->batch, row);
        if (!s) {
                if (w->n >= w->nbuckets)
                        grow(w);
                s = w->nbuckets ? calloc(1, sizeof *s) : NULL;
                if (!s) {
                        w->poll_failed = true; /* told as one */
                        return;
                }
                *s = (struct rv_seen) { .next = w->buckets[hash & (w->nbuckets - 1)],
                                        .hash = hash,
                                        .kept = k,
                                        .row = row,
                                        .poll = w->poll,
                                        .changed = w->generation + 1 };
                w->buckets[hash & (w->nbuckets - 1)] = s;
                w->n++;
                k->refs++;
                tell(w, RV_EVENT_CREATE, NULL, k->batch, row, NULL, 0);
                return;
        }
        if (s->poll == w->poll && !w->keyed)
                return; /* the provider named it twice */
        s->poll = w->poll;
        uint64_t diff[RV_MASK_WORDS(RV_WATCH_PROPERTIES)] = { 0 };
        bool any = false;
        for (uint32_t p = 0; p < c->nproperties; p++)
                if (rv_bit(w->mask, p) && !value_same(k->batch, rv_get(k->batch, row, p), s->kept->batch,
                                                      rv_get(s->kept->batch, s->row, p))) {
                        rv_bit_set(diff, p);
                        any = true;
                }
        struct rv_kept *before = s->kept;
        uint32_t before_row = s->row;
        s->kept = k;
        s->row = row;
        k->refs++;
        if (any) {
                s->changed = w->generation + 1;
                tell(w, RV_EVENT_MODIFY, diff, k->batch, row, before->batch, before_row);
        }
        let_go(before);
}

/* What this poll did not meet, of all or of one first key's. */
static void sweep(struct rv_watch *w)
{
        for (size_t i = 0; i < w->nbuckets; i++) {
                if (w->keyed && i != (w->key_hash & (w->nbuckets - 1)))
                        continue;
                for (struct rv_seen **at = &w->buckets[i]; *at;) {
                        struct rv_seen *s = *at;
                        if (s->poll == w->poll || (w->keyed && s->hash != w->key_hash)) {
                                at = &s->next;
                                continue;
                        }
                        *at = s->next;
                        w->n--;
                        tell(w, RV_EVENT_DELETE, NULL, NULL, 0, s->kept->batch, s->row);
                        let_go(s->kept);
                        free(s);
                }
        }
}

/* ---- polls ---- */

static bool covers(const uint64_t *all, const uint64_t *some, uint32_t nproperties)
{
        for (uint32_t i = 0; i < RV_MASK_WORDS(nproperties); i++)
                if (some[i] & ~all[i])
                        return false;
        return true;
}

static void tell_failed(struct rv_watch *w, const struct rv_error *e)
{
        if (!e && !w->failing)
                return;
        w->failing = e;
        for (struct rv_watcher *x = w->watchers, *next; x; x = next) {
                next = x->next;
                if (x->failed)
                        x->failed(x, e);
        }
}

static void make_ready(struct rv_watch *w)
{
        for (struct rv_watcher *x = w->watchers, *next; x; x = next) {
                next = x->next;
                if (!x->ready && covers(w->mask, x->want, w->class->nproperties)) {
                        x->ready = true;
                        if (!x->cold)
                                x->baseline(x);
                }
        }
}

/* Who is cold looks now. When all are, the rows have done their service. */
static void tell_cold(struct rv_watch *w)
{
        bool all = true;
        for (struct rv_watcher *x = w->watchers, *next; x; x = next) {
                next = x->next;
                all &= x->cold;
                if (x->cold && x->ready)
                        x->baseline(x);
        }
        if (!all)
                return;
        forget_rows(w);
        w->known = false;
}

static void end_poll(struct rv_watch *w, const struct rv_error *e)
{
        bool whole = !w->keyed, complete = !e && !w->poll_failed;
        rv_alarm_clear(&w->agent->loop, &w->late);
        if (complete)
                sweep(w);
        if (complete && whole) {
                w->known = true;
                tell_failed(w, NULL);
                make_ready(w);
                tell_cold(w);
        } else if (!complete) {
                struct rv_error memory = { 0 };
                rv_fail(&memory, RV_UNAVAILABLE, "out of memory while watching %s", w->class->name);
                w->dirty = w->dirty || w->keyed; /* it could not be read alone: then with all others */
                tell_failed(w, e ? e : &memory);
                w->not_before = rv_now() + RV_WATCH_FALLBACK;
        }
        w->took = rv_now() - w->began;
        w->keyed = false;
        think(w);
}

static void drop_scan(struct rv_watch *w, bool timed_out)
{
        struct rv_scan *s = w->scan;
        w->scan = NULL;
        let_go(w->cur);
        w->cur = NULL;
        if (s)
                rv_scan_drop(s, timed_out);
}

static bool next_batch(struct rv_watch *w)
{
        struct rv_batch *b = rv_sink_next(&w->scan->sink);
        if (!b)
                return false;
        w->cur = malloc(sizeof *w->cur);
        if (!w->cur) {
                rv_batch_free(b);
                w->poll_failed = true;
                return true;
        }
        *w->cur = (struct rv_kept) { .batch = b, .bytes = sizeof *b + b->cap, .refs = 1 };
        kept_bytes += w->cur->bytes;
        w->cur_row = 0;
        return true;
}

static void forget_rows(struct rv_watch *w)
{
        bool many = w->n > 10000;
        for (size_t i = 0; i < w->nbuckets; i++)
                for (struct rv_seen *s = w->buckets[i], *next; s; s = next) {
                        next = s->next;
                        let_go(s->kept);
                        free(s);
                }
        free(w->buckets);
        w->buckets = NULL;
        w->nbuckets = w->n = 0;
        if (many)
                malloc_trim(0);
}

/* Nothing is known of it any more; who watches learns why, and begins anew should it become smaller. */
static void give_up(struct rv_watch *w)
{
        struct rv_error e = { 0 };
        rv_about(&e, w->class->name, NULL, NULL);
        rv_hint(&e, "Name fewer properties in PropertyList, or ask the class now and then.");
        rv_fail(&e, RV_SERVER_LIMITS_EXCEEDED, "%s has too many objects to be watched (%zu so far)",
                w->class->name, w->n);
        drop_scan(w, false);
        forget_rows(w);
        w->known = false;
        for (struct rv_watcher *x = w->watchers; x; x = x->next)
                x->ready = false;
        end_poll(w, &e);
}

/* Compares what has come, for a slice of time. */
void rv_watch_news(struct rv_watch *w)
{
        struct rv_scan *s = w->scan;
        uint64_t until = rv_now() + SLICE_NS;
        for (;;) {
                while (w->cur && w->cur_row < w->cur->batch->n) {
                        meet(w, w->cur, w->cur_row++);
                        if (rv_now() > until) {
                                rv_loop_soon(&w->agent->loop, &s->ready);
                                return;
                        }
                }
                let_go(w->cur);
                w->cur = NULL;
                if (kept_bytes > RV_WATCH_BYTES) {
                        give_up(w);
                        return;
                }
                if (!next_batch(w))
                        break;
        }
        if (!rv_sink_ended(&s->sink) || !s->returned)
                return;
        struct rv_error e = s->sink.npartial ? s->sink.partial[0] : s->sink.error;
        rv_about(&e, w->class->name, NULL, NULL);
        drop_scan(w, false);
        end_poll(w, e.code ? &e : NULL);
}

static void on_late(struct rv_alarm *a)
{
        struct rv_watch *w = OF(a, struct rv_watch, late);
        struct rv_error e = { 0 };
        rv_about(&e, w->class->name, NULL, NULL);
        rv_fail(&e, RV_TIMED_OUT, "%s did not answer within the deadline", w->class->name);
        drop_scan(w, true);
        end_poll(w, &e);
}

static void unite(struct rv_watch *w)
{
        memset(w->mask, 0, RV_MASK_WORDS(w->class->nproperties) * sizeof *w->mask);
        for (uint32_t k = 0; k < w->class->nkeys; k++)
                rv_bit_set(w->mask, w->class->keys[k]);
        for (struct rv_watcher *x = w->watchers; x; x = x->next)
                for (uint32_t i = 0; i < RV_MASK_WORDS(w->class->nproperties); i++)
                        w->mask[i] |= x->want[i];
}

static void poll_with(struct rv_watch *w, const struct rv_arg *first_key)
{
        const struct rv_class *c = w->class;
        struct rv_identity self = { .made = true, .uid = w->agent->policy.self };
        struct rv_error err = { 0 };
        w->began = rv_now();
        w->poll++;
        w->poll_failed = false;
        w->keyed = first_key;
        struct rv_scan *s = rv_scan_new(w->agent, w->entry, &self, w->began + RV_WATCH_DEADLINE);
        if (!s) {
                rv_fail(&err, RV_UNAVAILABLE, "out of memory");
                end_poll(w, &err);
                return;
        }
        const char **names = rv_arena_get(&s->arena, (c->nproperties + 1) * sizeof *names);
        struct rv_arg *keys = first_key ? rv_arena_get(&s->arena, (c->nproperties + 1) * sizeof *keys) : NULL;
        struct rv_ask ask = { .properties = names, .keys = keys };
        for (uint32_t p = 0; names && p < c->nproperties; p++)
                if (rv_bit(w->mask, p))
                        names[ask.nproperties++] = c->properties[p].name;
        if (keys) {
                keys[c->keys[0]] = *first_key;
                if (first_key->type == RV_STRING)
                        keys[c->keys[0]].s = rv_arena_text(&s->arena, first_key->s, first_key->len);
        }
        int r = names && (keys || !first_key) ? rv_plan_make(&s->arena, c, &ask, &s->plan, &err) : -ENOMEM;
        if (r) { /* nothing has begun */
                rv_roles_drop(s->roles);
                rv_arena_free(&s->arena);
                free(s);
        } else {
                w->scan = s;
                r = rv_scan_start(s, &err);
                s->watch = w;
        }
        if (r) {
                if (r < 0)
                        rv_fail_errno(&err, r, "a fault in reeve");
                drop_scan(w, false);
                end_poll(w, &err);
        } else if (s->returned) {
                rv_loop_soon(&w->agent->loop, &s->back);
        } else {
                rv_alarm_set(&w->agent->loop, &w->late, s->call.deadline + 100000000);
        }
}

/* ---- when ---- */

static bool is_pushed(const struct rv_watch *w, const struct rv_watcher *x)
{
        return w->push && (w->stream || (!x->beyond_push && !(x->kinds & ~w->entry->provider->push->covers)));
}

bool rv_watch_pushes(const struct rv_watcher *x)
{
        return x->watch && is_pushed(x->watch, x);
}

bool rv_watch_is_quiet(const struct rv_watcher *x)
{
        const struct rv_watch *w = x->watch;
        return w && w->known && !w->scan && !w->dirty && !w->nkeys && rv_push_is_empty(w);
}

void rv_watch_suspect(struct rv_watcher *x)
{
        if (!x->watch || rv_watch_pushes(x))
                return;
        x->watch->dirty = true;
        think(x->watch);
}

/* The shortest interval that somebody needs; 0: nobody. */
static uint64_t interval(const struct rv_watch *w)
{
        uint64_t shortest = 0;
        for (const struct rv_watcher *x = w->watchers; x; x = x->next) {
                uint64_t own = is_pushed(w, x) ? 0 : x->interval ? x->interval : RV_WATCH_FALLBACK;
                if (own && (!shortest || own < shortest))
                        shortest = own;
        }
        return shortest;
}

static bool somebody_waits(const struct rv_watch *w)
{
        for (const struct rv_watcher *x = w->watchers; x; x = x->next)
                if (!x->ready)
                        return true;
        return false;
}

static void start_all(struct rv_watch *w)
{
        struct rv_error ignored = { 0 };
        if (!w->push && w->entry->provider->push)
                rv_push_start(w, &ignored);
        rv_watch_forget_keys(w);
        w->dirty = false;
        unite(w);
        poll_with(w, NULL);
}

/* What is to be done now, and when to think again. */
static void think(struct rv_watch *w)
{
        if (w->scan || w->thinking)
                return;
        w->thinking = true; /* a poll that fails at once comes back here */
        uint64_t now = rv_now(), next = UINT64_MAX, each = interval(w);
        if (rv_watch_is_told(w)) { /* there is nothing to be polled, but a broken source may come back */
                struct rv_error ignored = { 0 };
                if (!w->push && w->watchers && rv_push_start(w, &ignored))
                        rv_alarm_set(&w->agent->loop, &w->alarm, now + RV_WATCH_FALLBACK);
                w->thinking = false;
                return;
        }
        bool all = somebody_waits(w) || w->dirty;
        uint64_t due = all    ? (w->not_before > now ? w->not_before : now)
                       : each ? w->began + each
                              : UINT64_MAX;
        if (due < w->not_before)
                due = w->not_before;
        struct rv_arg key;
        if (w->watchers && due <= now) {
                start_all(w);
        } else if (w->watchers && w->known && rv_watch_take_key(w, now, &key, &next)) {
                w->key_hash = rv_watch_hash_key(&key);
                poll_with(w, &key);
                free(key.type == RV_STRING ? (char *)key.s : NULL);
        }
        w->thinking = false;
        if (w->scan)
                return;
        if (due <= now) /* it ended at once */
                due = w->not_before > now ? w->not_before : now + 1000000;
        if (!w->watchers)
                due = w->left + RV_WATCH_LINGER;
        if (next > due)
                next = due;
        if (next != UINT64_MAX)
                rv_alarm_set(&w->agent->loop, &w->alarm, next);
        else
                rv_alarm_clear(&w->agent->loop, &w->alarm);
}

void rv_watch_think(struct rv_watch *w)
{
        think(w);
}

static void on_alarm(struct rv_alarm *a)
{
        struct rv_watch *w = OF(a, struct rv_watch, alarm);
        if (!w->watchers && rv_now() >= w->left + RV_WATCH_LINGER)
                rv_watch_free(w);
        else
                think(w);
}

/* ---- joining ---- */

/* Whether the first key stands for the source's first key, as it is or as text. */
static bool is_key_shown(const struct rv_class *c, const struct rv_class *source)
{
        if (c == source)
                return true;
        const struct rv_property *p = &c->properties[c->keys[0]];
        const char *from = p->source ? p->source : p->name;
        return source->nkeys && strcasecmp(from, source->properties[source->keys[0]].name) == 0 &&
               (p->convert == RV_CONVERT_NONE || p->convert == RV_CONVERT_STRING);
}

bool rv_watch_is_told(const struct rv_watch *w)
{
        return w->indication || w->stream;
}

static struct rv_watch *watch_new(struct rv_agent *a, const struct rv_class *c, struct rv_entry *e, bool stream)
{
        struct rv_watch *w = calloc(1, sizeof *w);
        uint64_t *mask = calloc(RV_MASK_WORDS(c->nproperties) + 1, sizeof *mask);
        if (!w || !mask) {
                free(w);
                free(mask);
                return NULL;
        }
        *w = (struct rv_watch) { .next = a->watches, .agent = a, .class = c, .entry = e, .mask = mask };
        w->alarm.ring = on_alarm;
        w->late.ring = on_late;
        w->indication = c->flags & RV_INDICATION;
        w->stream = stream;
        w->source = e->provider->class;
        w->by_first_key = e->provider->push && c->nkeys && is_key_shown(c, w->source);
        a->watches = w;
        return w;
}

void rv_watch_free(struct rv_watch *w)
{
        struct rv_watch **at = &w->agent->watches;
        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        drop_scan(w, false);
        rv_push_stop(w);
        rv_alarm_clear(&w->agent->loop, &w->alarm);
        rv_alarm_clear(&w->agent->loop, &w->late);
        rv_watch_forget_keys(w);
        forget_rows(w);
        free(w->keys);
        free(w->mask);
        free(w);
}

void rv_watches_free(struct rv_agent *a)
{
        while (a->watches)
                rv_watch_free(a->watches);
}

const char *rv_watch_events(const struct rv_agent *a, const struct rv_entry *e)
{
        bool watched = false, pushed = false;
        for (const struct rv_watch *w = a->watches; w; w = w->next)
                if (w->entry == e && w->watchers) {
                        watched = true;
                        pushed |= w->push != NULL;
                }
        return !watched ? "Idle" : pushed ? "Pushed" : "Broken";
}

bool rv_watch_tells_whole(const struct rv_agent *a, const struct rv_class *c)
{
        struct rv_entry *e = rv_entry_find((struct rv_agent *)a, c);
        return e && e->provider->push && e->provider->push->whole;
}

unsigned rv_watch_covers(const struct rv_agent *a, const struct rv_class *c)
{
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find((struct rv_agent *)a, source) : NULL;
        return e && e->provider->push ? e->provider->push->covers : 0;
}

bool rv_watch_streams(const struct rv_agent *a, const struct rv_class *c)
{
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find((struct rv_agent *)a, source) : NULL;
        return e && e->provider->creations;
}

bool rv_watch_silent(const struct rv_agent *a, const struct rv_class *c, unsigned property)
{
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find((struct rv_agent *)a, source) : NULL;
        const struct rv_push *push = e ? e->provider->push : NULL;
        const struct rv_property *p = &c->properties[property];
        const char *from = p->source ? p->source : p->name;
        if (!push || !(push->covers & RV_PUSH_MODIFY))
                return false;
        bool silent = p->flags & RV_COUNTER || p->convert == RV_CONVERT_COMPUTE;
        for (unsigned i = 0; i < push->nsilent; i++)
                silent |= strcasecmp(source->properties[push->silent[i]].name, from) == 0;
        return silent;
}

int rv_watch_join(struct rv_agent *a, const struct rv_class *c, struct rv_watcher *x, struct rv_error *err)
{
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find(a, source) : NULL;
        struct rv_watch *w = a->watches;
        const bool stream = e && e->provider->creations && x->events_only;
        while (w && (w->class != c || w->stream != stream))
                w = w->next;
        if (!e || !(e->provider->query || e->provider->start || e->provider->push))
                return rv_fail(err, RV_NOT_SUPPORTED, "'%s' has no instances that can be watched", c->name);
        if (c->nproperties > RV_WATCH_PROPERTIES)
                return rv_fail(err, RV_NOT_SUPPORTED, "'%s' has too many properties to be watched", c->name);
        if (!w && !(w = watch_new(a, c, e, stream)))
                return -ENOMEM;
        if (rv_watch_is_told(w) && c->view_of && !w->view) {
                struct rv_arena arena = { 0 };
                struct rv_ask all = { .all_properties = true };
                struct rv_plan plan = { 0 };
                int r = rv_plan_make(&arena, c, &all, &plan, err);
                w->view = plan.view; /* views live for ever */
                rv_arena_free(&arena);
                if (r)
                        return r;
        }
        if (!w->push && rv_watch_push(w)) {
                int r = rv_push_start(w, err);
                if (r && rv_watch_is_told(w)) { /* there is no other way */
                        if (!w->watchers)
                                rv_watch_free(w);
                        return r;
                }
                *err = (struct rv_error) { 0 };
        }
        x->watch = w;
        x->ready = rv_watch_is_told(w) || (w->known && !w->scan && !w->dirty && w->watchers &&
                                     covers(w->mask, x->want, c->nproperties));
        x->next = w->watchers;
        w->watchers = x;
        if (x->ready)
                x->baseline(x);
        think(w);
        return RV_OK;
}

void rv_watch_leave(struct rv_watcher *x)
{
        struct rv_watch *w = x->watch;
        if (!w)
                return;
        struct rv_watcher **at = &w->watchers;
        while (*at != x)
                at = &(*at)->next;
        *at = x->next;
        x->watch = NULL;
        if (w->watchers)
                return;
        w->left = rv_now();
        w->known = false; /* nothing is read for nobody, so what is kept grows old */
        if (w->push)
                rv_alarm_set(&w->agent->loop, &w->alarm, w->left + RV_WATCH_LINGER);
        else
                rv_alarm_set(&w->agent->loop, &w->alarm,
                             w->left); /* not here: its caller may be in our hands */
        w->left = w->push ? w->left : w->left - RV_WATCH_LINGER;
}

uint64_t rv_watch_generation(const struct rv_watch *w)
{
        return w->generation;
}

int rv_watch_rows(const struct rv_watch *w, struct rv_held_rows *ret)
{
        *ret = (struct rv_held_rows) { .v = calloc(w->n + 1, sizeof *ret->v) };
        if (!ret->v)
                return -ENOMEM;
        for (size_t i = 0; i < w->nbuckets; i++)
                for (const struct rv_seen *s = w->buckets[i]; s; s = s->next) {
                        s->kept->refs++;
                        ret->v[ret->n++] = (struct rv_held_row) { s->kept, s->row, s->changed };
                }
        return 0;
}

void rv_held_rows_free(struct rv_held_rows *r)
{
        for (size_t i = 0; i < r->n; i++)
                let_go(r->v[i].kept);
        free(r->v);
        *r = (struct rv_held_rows) { 0 };
}
