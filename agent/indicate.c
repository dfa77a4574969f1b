/* SPDX-License-Identifier: MIT */
#include "agent/indicate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

enum { SLICE_NS = 500000 };

/* ---- the queue ---- */

static void drop_item(struct rv_subscription *s, struct rv_item *i)
{
        s->queue = i->next;
        if (!s->queue)
                s->queue_end = &s->queue;
        s->queued--;
        s->bytes -= i->n + sizeof *i;
        s->agent->event_bytes -= i->n + sizeof *i;
        free(i);
}

static void append(struct rv_subscription *s, struct rv_item *i)
{
        i->next = NULL;
        *s->queue_end = i;
        s->queue_end = &i->next;
        s->queued++;
        s->bytes += i->n + sizeof *i;
        s->agent->event_bytes += i->n + sizeof *i;
        s->queued_seq = i->seq;
}

void rv_subscription_lost(struct rv_subscription *s, uint64_t from, uint64_t to, const char *reason)
{
        struct rv_item *last = s->queue;
        while (last && last->next)
                last = last->next;
        if (last && last->from && last->seq + 1 == from) {
                last->seq = s->queued_seq = to; /* one gap, not many */
        } else {
                struct rv_item *gap = calloc(1, sizeof *gap);
                if (!gap)
                        return; /* the numbers tell */
                *gap = (struct rv_item) { .seq = to, .from = from, .reason = reason };
                append(s, gap);
        }
        rv_subscription_pump(s);
}

/* The oldest event becomes part of a gap at the queue's head. */
static bool drop_oldest(struct rv_subscription *s)
{
        struct rv_item *i = s->queue, *gap = i && i->from ? i : NULL;
        if (gap)
                i = gap->next;
        if (!i)
                return false;
        if (!gap) {
                gap = calloc(1, sizeof *gap);
                if (!gap)
                        return false;
                *gap = (struct rv_item) { .next = i, .from = i->seq, .reason = "Overflow" };
                s->queue = gap;
                s->queued++;
                s->bytes += sizeof *gap;
                s->agent->event_bytes += sizeof *gap;
        }
        gap->seq = i->seq;
        gap->next = i->next;
        if (!gap->next)
                s->queue_end = &gap->next;
        s->queued--;
        s->bytes -= i->n + sizeof *i;
        s->agent->event_bytes -= i->n + sizeof *i;
        free(i);
        return true;
}

static unsigned most_queued(const struct rv_subscription *s)
{
        return s->keep && s->keep < RV_SUB_QUEUE ? s->keep : RV_SUB_QUEUE;
}

static bool is_full(const struct rv_subscription *s, size_t n)
{
        return s->queued >= most_queued(s) || s->bytes + n > RV_SUB_BYTES ||
               s->agent->event_bytes + n > RV_SUBS_BYTES;
}

void rv_subscription_queue(struct rv_subscription *s, struct rv_item *i)
{
        if (s->durable && is_full(s, i->n)) { /* it is on disk */
                s->backlog = true;
                free(i);
                return;
        }
        append(s, i);
        while (!s->durable && is_full(s, 0) && drop_oldest(s))
                ;
        rv_subscription_pump(s);
}

void rv_subscription_event(struct rv_subscription *s, const char *text, size_t n)
{
        if (s->durable) {
                rv_journal_event(s, text, n);
                return;
        }
        struct rv_item *i = malloc(sizeof *i + n);
        s->seq++;
        if (!i) {
                rv_subscription_lost(s, s->seq, s->seq, "Overflow");
                return;
        }
        *i = (struct rv_item) { .seq = s->seq, .n = n };
        memcpy(i->text, text, n);
        rv_subscription_queue(s, i);
}

/* ---- out ---- */

void rv_subscription_time(struct rv_buf *b)
{
        char now[48];
        rv_datetime_text(rv_wall(), false, now, sizeof now);
        rv_buf_putf(b, "\"Time\":\"%s\"", now);
}

static void send_text(struct rv_subscription *s, uint64_t seq, const char *text, size_t n)
{
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "{\"Subscription\":\"%s\",\"Sequence\":%llu,", s->id, (unsigned long long)seq);
        rv_buf_put(&b, text, n);
        rv_buf_put(&b, "}", 1);
        if (!b.failed && s->take)
                s->take(s, seq, b.data, b.len);
        else if (!b.failed)
                rv_notify(s->session, "Indication", b.data, b.len);
        rv_buf_free(&b);
        s->last_sent = rv_now();
        if (s->credit != UINT64_MAX && s->credit)
                s->credit--;
}

static void send_kind(struct rv_subscription *s, const char *kind)
{
        struct rv_buf b = { 0 };
        rv_subscription_time(&b);
        rv_buf_putf(&b, ",\"Kind\":\"%s\"", kind);
        if (!b.failed)
                send_text(s, s->sent, b.data, b.len);
        rv_buf_free(&b);
}

static void send_item(struct rv_subscription *s, struct rv_item *i)
{
        s->sent = i->seq;
        if (!i->from) {
                send_text(s, i->seq, i->text, i->n);
                return;
        }
        struct rv_buf b = { 0 };
        rv_subscription_time(&b);
        rv_buf_putf(&b, ",\"Kind\":\"Gap\",\"Lost\":{\"From\":%llu,\"To\":%llu,\"Reason\":\"%s\"}",
                    (unsigned long long)i->from, (unsigned long long)i->seq, i->reason);
        if (!b.failed)
                send_text(s, i->seq, b.data, b.len);
        rv_buf_free(&b);
}

static bool has_room(const struct rv_subscription *s)
{
        if (s->take)
                return s->room(s);
        return s->session && s->session->state == RV_SESSION_OPEN && s->credit && !s->request &&
               rv_session_queued(s->session) < RV_SUB_ROOM;
}

/* ---- what the reader may see ---- */

/* When the roles have changed since they were looked at, they are looked at again. False: he may see nothing. */
bool rv_subscription_sees(struct rv_subscription *s)
{
        if (!s->restricted || s->denied)
                return !s->denied;
        struct rv_role_set *now = rv_policy_hold(&s->agent->policy);
        bool same = now == s->roles && rv_roles_fitting(now, &s->who, (int64_t)time(NULL)) == s->fitting;
        rv_roles_drop(now);
        struct rv_error err = { 0 };
        if (same || rv_subscription_rights(s, &err) == RV_OK)
                return true;
        struct rv_buf b = { 0 };
        rv_subscription_time(&b);
        rv_buf_puts(&b, ",\"Kind\":\"Error\",\"Error\":");
        rv_json_error(&b, &err);
        if (!b.failed)
                rv_subscription_event(s, b.data, b.len);
        rv_buf_free(&b);
        return false;
}

/* A copy of a row with what he may see of it; NULL: nothing. */
static struct rv_batch *seen(const struct rv_sub_part *p, const struct rv_batch *b, uint32_t row)
{
        struct rv_batch *copy = b ? rv_batch_new(p->class) : NULL;
        struct rv_row to;
        if (!copy || rv_row_begin(&to, copy, NULL))
                return rv_batch_free(copy);
        for (uint32_t i = 0; i < p->class->nproperties; i++)
                rv_copy_value(&to, i, b, rv_get(b, row, i));
        rv_row_end(&to);
        return to.failed || !rv_rights_row(p->rights, copy, 0) ? rv_batch_free(copy) : copy;
}

/* The next row of a snapshot or sample; false when there is none. */
static bool send_swept(struct rv_subscription *s)
{
        for (unsigned i = 0; i < s->nparts; i++) {
                struct rv_sub_part *p = &s->parts[i];
                while (p->swept < p->sweep.n) {
                        const struct rv_held_row *h = &p->sweep.v[p->swept++];
                        struct rv_batch *copy = p->rights ? seen(p, h->kept->batch, h->row) : NULL;
                        const struct rv_batch *b = p->rights ? copy : h->kept->batch;
                        const uint32_t row = p->rights ? 0 : h->row;
                        if (!b || h->changed <= p->sweep_since ||
                            (p->where && !rv_expr_true2(p->where, b, row, NULL, 0))) {
                                rv_batch_free(copy);
                                continue;
                        }
                        struct rv_buf text = { 0 };
                        rv_subscription_time(&text);
                        rv_buf_putf(&text, ",\"Kind\":\"%s\",\"Indication\":{\"TargetInstance\":",
                                    s->sweep == RV_SWEEP_SAMPLE ? "Sample" : "Snapshot");
                        rv_json_row(&text, b, row, p->show, s->flags);
                        rv_batch_free(copy);
                        rv_buf_put(&text, "}", 1);
                        if (s->sweep == RV_SWEEP_SAMPLE)
                                s->sent = s->queued_seq = ++s->seq;
                        if (!text.failed)
                                send_text(s, s->sent, text.data, text.len);
                        rv_buf_free(&text);
                        return true;
                }
                rv_held_rows_free(&p->sweep);
                p->swept = 0;
        }
        return false;
}

static void on_pump(struct rv_work *w)
{
        struct rv_subscription *s = OF(w, struct rv_subscription, pump);
        uint64_t until = rv_now() + SLICE_NS;
        while (has_room(s)) {
                if (s->sweeping && send_swept(s)) {
                } else if (s->sweeping) {
                        s->sweeping = false;
                        send_kind(s, "Sync");
                } else if (s->queue && (s->synced || s->durable)) {
                        send_item(s, s->queue);
                        drop_item(s, s->queue);
                } else {
                        break;
                }
                if (rv_now() > until) {
                        rv_subscription_pump(s);
                        return;
                }
        }
        if (s->backlog && rv_subscription_heard(s) && !s->paging && s->queued < (most_queued(s) + 1) / 2 &&
            s->bytes < RV_SUB_BYTES / 2)
                rv_journal_page(s);
}

void rv_subscription_pump(struct rv_subscription *s)
{
        if (rv_subscription_heard(s))
                rv_loop_soon(&s->agent->loop, &s->pump);
}

/* ---- grouping ---- */

static bool having(const struct rv_wql_event *q, uint64_t n)
{
        if (!q->has_having)
                return true;
        switch (q->having) {
        case RV_E_EQ: return n == q->having_count;
        case RV_E_NE: return n != q->having_count;
        case RV_E_LT: return n < q->having_count;
        case RV_E_LE: return n <= q->having_count;
        case RV_E_GT: return n > q->having_count;
        default: return n >= q->having_count;
        }
}

static void end_window(struct rv_subscription *s, bool tell)
{
        rv_alarm_clear(&s->agent->loop, &s->window);
        while (s->groups) {
                struct rv_sub_group *g = s->groups;
                s->groups = g->next;
                if (tell && having(&s->query, g->n)) {
                        struct rv_buf b = { 0 };
                        rv_subscription_time(&b);
                        rv_buf_putf(
                                &b,
                                ",\"Kind\":\"Aggregate\",\"Indication\":{\"__CLASS\":\"__AggregateEvent\","
                                "\"NumberOfEvents\":%llu,\"Representative\":%s}",
                                (unsigned long long)g->n, g->first);
                        if (!b.failed)
                                rv_subscription_event(s, b.data, b.len);
                        rv_buf_free(&b);
                }
                free(g->key);
                free(g->first);
                free(g);
        }
        s->groups_end = &s->groups;
        s->ngroups = 0;
}

static void on_window(struct rv_alarm *a)
{
        end_window(OF(a, struct rv_subscription, window), true);
}

/* Counts an event in its group; a new group keeps it as the one that stands for all. */
static void group(struct rv_subscription *s, const struct rv_sub_part *p, const struct rv_batch *b,
                  uint32_t row, const struct rv_buf *event)
{
        struct rv_buf key = { 0 };
        uint64_t one[RV_MASK_WORDS(1024)] = { 0 };
        for (uint32_t i = 0; i < s->query.nby; i++)
                rv_bit_set(one, p->by[i]);
        rv_json_row(&key, b, row, one, 0);
        rv_buf_put(&key, "", 1);
        struct rv_sub_group *g = s->groups;
        while (!key.failed && g && strcmp(g->key, key.data) != 0)
                g = g->next;
        if (g) {
                g->n++;
                rv_buf_free(&key);
                return;
        }
        if (s->ngroups >= RV_SUB_GROUPS)
                end_window(s, true);
        g = calloc(1, sizeof *g);
        char *first = event->failed ? NULL : strndup(event->data, event->len);
        if (!g || !first || key.failed) { /* told as lost: it counts nowhere */
                free(g);
                free(first);
                rv_buf_free(&key);
                s->seq++;
                rv_subscription_lost(s, s->seq, s->seq, "Overflow");
                return;
        }
        *g = (struct rv_sub_group) { .n = 1, .key = key.data, .first = first };
        *s->groups_end = g;
        s->groups_end = &g->next;
        if (s->ngroups++ == 0)
                rv_alarm_set(&s->agent->loop, &s->window, rv_now() + (uint64_t)(s->query.group_within * 1e9));
}

/* ---- from the watches ---- */

static void happened(struct rv_subscription *s, const struct rv_sub_part *p, const char *kind,
                     const struct rv_batch *b, uint32_t row, const struct rv_buf *event)
{
        if (s->query.group_within > 0) {
                group(s, p, b, row, event);
                return;
        }
        struct rv_buf text = { 0 };
        rv_subscription_time(&text);
        rv_buf_putf(&text, ",\"Kind\":\"%s\",\"Indication\":", kind);
        rv_buf_put(&text, event->data, event->len);
        if (!text.failed && !event->failed) {
                rv_subscription_event(s, text.data, text.len);
        } else {
                s->seq++;
                rv_subscription_lost(s, s->seq, s->seq, "Overflow");
        }
        rv_buf_free(&text);
}

static void changed(struct rv_sub_part *p, unsigned kind, const struct rv_batch *now, uint32_t row,
                    const struct rv_batch *before, uint32_t before_row)
{
        const struct rv_batch *target = now ? now : before;
        uint32_t target_row = now ? row : before_row;
        bool modified = kind == RV_EVENT_MODIFY;
        if (p->where && !rv_expr_true2(p->where, target, target_row, modified ? before : NULL, before_row))
                return;
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "{\"__CLASS\":\"__Instance%sEvent\",\"TargetInstance\":",
                    kind == RV_EVENT_CREATE ? "Creation"
                    : modified              ? "Modification"
                                            : "Deletion");
        rv_json_row(&b, target, target_row, p->show, p->sub->flags);
        if (modified) {
                rv_buf_puts(&b, ",\"PreviousInstance\":");
                rv_json_row(&b, before, before_row, p->show, p->sub->flags);
        }
        rv_buf_put(&b, "}", 1);
        happened(p->sub, p,
                 kind == RV_EVENT_CREATE ? "Create"
                 : modified              ? "Modify"
                                         : "Delete",
                 target, target_row, &b);
        rv_buf_free(&b);
}

/* Whether what he may see of them differs. */
static bool differ(const struct rv_sub_part *p, const struct rv_batch *a, const struct rv_batch *b)
{
        for (uint32_t i = 0; i < p->class->nproperties; i++)
                if (rv_bit(p->compare, i) && rv_compare_values(a, rv_get(a, 0, i), b, rv_get(b, 0, i)))
                        return true;
        return false;
}

/* What comes into a reader's sight is new to him, what leaves it is gone. */
static void on_changed(struct rv_watcher *x, unsigned kind, const struct rv_batch *now, uint32_t row,
                       const struct rv_batch *before, uint32_t before_row)
{
        struct rv_sub_part *p = OF(x, struct rv_sub_part, watcher);
        if (!rv_subscription_sees(p->sub))
                return;
        if (!p->rights) {
                changed(p, kind, now, row, before, before_row);
                return;
        }
        struct rv_batch *n = seen(p, now, row), *b = seen(p, before, before_row);
        kind = n && b ? RV_EVENT_MODIFY : n ? RV_EVENT_CREATE : RV_EVENT_DELETE;
        if ((n || b) && x->kinds & kind && (kind != RV_EVENT_MODIFY || differ(p, n, b)))
                changed(p, kind, n, 0, b, 0);
        rv_batch_free(n);
        rv_batch_free(b);
}

static void on_event(struct rv_watcher *x, const struct rv_batch *batch, uint32_t row)
{
        struct rv_sub_part *p = OF(x, struct rv_sub_part, watcher);
        struct rv_batch *copy = NULL;
        if (!rv_subscription_sees(p->sub) || (p->rights && !(copy = seen(p, batch, row))))
                return;
        if (copy) {
                batch = copy;
                row = 0;
        }
        struct rv_buf b = { 0 };
        if (p->where && !rv_expr_true(p->where, batch, row)) {
                rv_batch_free(copy);
                return;
        }
        rv_buf_putf(&b, "{\"__CLASS\":\"%s\"", p->class->name);
        size_t at = b.len;
        rv_json_row(&b, batch, row, p->show, 0);
        if (!b.failed && b.len > at + 2)
                b.data[at] = ',';
        happened(p->sub, p, "Event", batch, row, &b);
        rv_buf_free(&b);
        rv_batch_free(copy);
}

/* One number stands for whatever it was. */
static void on_lost(struct rv_watcher *x)
{
        struct rv_subscription *s = OF(x, struct rv_sub_part, watcher)->sub;
        if (!rv_subscription_sees(s))
                return;
        if (s->durable) {
                rv_journal_lost(s);
                return;
        }
        s->seq++;
        rv_subscription_lost(s, s->seq, s->seq, "Overflow");
}

static void on_failed(struct rv_watcher *x, const struct rv_error *e)
{
        struct rv_subscription *s = OF(x, struct rv_sub_part, watcher)->sub;
        if (s->failing == (e != NULL))
                return;
        s->failing = e;
        struct rv_buf b = { 0 };
        rv_subscription_time(&b);
        rv_buf_puts(&b, e ? ",\"Kind\":\"Error\",\"Error\":" : ",\"Kind\":\"Recovered\"");
        if (e)
                rv_json_error(&b, e);
        if (!b.failed)
                rv_subscription_event(s, b.data, b.len);
        rv_buf_free(&b);
        s->synced = true; /* who waits for the first rows learns why there are none */
}

/* Takes the rows as they are now. */
static void sweep(struct rv_subscription *s, enum rv_sweep kind)
{
        if (!rv_subscription_sees(s))
                return;
        s->sweep = kind;
        for (unsigned i = 0; i < s->nparts; i++) {
                struct rv_sub_part *p = &s->parts[i];
                uint64_t generation = p->watcher.watch ? rv_watch_generation(p->watcher.watch) : 0;
                rv_held_rows_free(&p->sweep);
                if (p->watcher.watch && rv_watch_rows(p->watcher.watch, &p->sweep) == 0)
                        p->swept = 0;
                p->sweep_since = kind == RV_SWEEP_SAMPLE && s->suppress ? p->last_sweep : 0;
                p->last_sweep = generation;
        }
        s->sweeping = true;
        rv_subscription_pump(s);
}

static void on_sampler(struct rv_alarm *a)
{
        struct rv_subscription *s = OF(a, struct rv_subscription, sampler);
        rv_alarm_set(&s->agent->loop, a, rv_now() + s->interval);
        if (s->sweeping) { /* the reader has not taken the last one yet */
                s->seq++;
                rv_subscription_lost(s, s->seq, s->seq, "Overflow");
        } else {
                sweep(s, RV_SWEEP_SAMPLE);
        }
}

static void on_baseline(struct rv_watcher *x)
{
        struct rv_subscription *s = OF(x, struct rv_sub_part, watcher)->sub;
        if (++s->baselines != s->nparts)
                return;
        s->synced = true;
        if (s->sample) {
                on_sampler(&s->sampler);
        } else if (s->snapshot) {
                sweep(s, RV_SWEEP_SNAPSHOT);
        } else {
                s->sweeping = true; /* of nothing: the mark alone */
                rv_subscription_pump(s);
        }
}

static void on_beat(struct rv_alarm *a)
{
        struct rv_subscription *s = OF(a, struct rv_subscription, beat);
        uint64_t now = rv_now();
        if (s->session && now - s->last_sent >= s->heartbeat && rv_session_queued(s->session) < RV_SUB_ROOM) {
                uint64_t credit = s->credit;
                send_kind(s, "Heartbeat");
                s->credit = credit; /* says that it lives, also to who has given none */
        }
        uint64_t due = s->last_sent + s->heartbeat;
        rv_alarm_set(&s->agent->loop, a, due > now ? due : now + s->heartbeat);
}

/* ---- life ---- */

static void on_expiry(struct rv_alarm *a)
{
        struct rv_subscription *s = OF(a, struct rv_subscription, expiry);
        rv_journal_forget(s);
        rv_subscription_free(s);
}

struct rv_subscription *rv_subscription_new(struct rv_agent *a)
{
        struct rv_subscription *s = a->nsubscriptions < RV_SUBS_MOST ? calloc(1, sizeof *s) : NULL;
        if (!s)
                return NULL;
        s->agent = a;
        s->next = a->subscriptions;
        a->subscriptions = s;
        a->nsubscriptions++;
        s->queue_end = &s->queue;
        s->groups_end = &s->groups;
        s->pump.run = on_pump;
        s->beat.ring = on_beat;
        s->sampler.ring = on_sampler;
        s->window.ring = on_window;
        s->expiry.ring = on_expiry;
        s->credit = UINT64_MAX;
        return s;
}

static void empty_queue(struct rv_subscription *s)
{
        while (s->queue)
                drop_item(s, s->queue);
}

void rv_subscription_free(struct rv_subscription *s)
{
        struct rv_agent *a = s->agent;
        struct rv_subscription **at = &a->subscriptions;
        while (*at != s)
                at = &(*at)->next;
        *at = s->next;
        a->nsubscriptions--;
        for (unsigned i = 0; i < s->nparts; i++) {
                rv_watch_leave(&s->parts[i].watcher);
                rv_held_rows_free(&s->parts[i].sweep);
        }
        rv_alarm_clear(&a->loop, &s->beat);
        rv_alarm_clear(&a->loop, &s->sampler);
        rv_alarm_clear(&a->loop, &s->expiry);
        end_window(s, false);
        rv_loop_forget(&a->loop, &s->pump);
        empty_queue(s);
        if (s->request)
                s->request->subscription = NULL;
        rv_roles_drop(s->roles);
        rv_arena_free(&s->arena);
        free(s->params);
        free(s);
}

struct rv_subscription *rv_subscription_find(struct rv_agent *a, const char *id)
{
        struct rv_subscription *s = a->subscriptions;
        while (s && strcmp(s->id, id) != 0)
                s = s->next;
        return s;
}

int rv_subscription_start(struct rv_subscription *s, struct rv_error *err)
{
        for (unsigned i = 0; i < s->nparts; i++) {
                struct rv_sub_part *p = &s->parts[i];
                p->sub = s;
                p->watcher.baseline = on_baseline;
                p->watcher.changed = on_changed;
                p->watcher.event = on_event;
                p->watcher.lost = on_lost;
                p->watcher.failed = on_failed;
                int r = rv_watch_join(s->agent, p->class, &p->watcher, err);
                if (r)
                        return r;
        }
        return RV_OK;
}

void rv_subscription_attach(struct rv_subscription *s, struct rv_session *session)
{
        s->session = session;
        s->last_sent = rv_now();
        rv_alarm_clear(&s->agent->loop, &s->expiry);
        if (s->heartbeat)
                rv_alarm_set(&s->agent->loop, &s->beat, s->last_sent + s->heartbeat);
        rv_subscription_pump(s);
}

void rv_subscriptions_left(struct rv_session *session)
{
        for (struct rv_subscription *s = session->agent->subscriptions, *next; s; s = next) {
                next = s->next;
                if (s->session != session)
                        continue;
                s->session = NULL;
                if (!s->durable) {
                        rv_subscription_free(s);
                        continue;
                }
                empty_queue(s);
                s->backlog = true;
                rv_alarm_clear(&s->agent->loop, &s->beat);
                rv_alarm_set(&s->agent->loop, &s->expiry, rv_now() + s->retain);
        }
}

void rv_subscriptions_room(struct rv_session *session)
{
        for (struct rv_subscription *s = session->agent->subscriptions; s; s = s->next)
                if (s->session == session && (s->queue || s->sweeping || s->backlog))
                        rv_subscription_pump(s);
}
