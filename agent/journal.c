/* SPDX-License-Identifier: MIT
 *
 * Durable subscriptions on disk. An event is sent only once it is written, so that a number never stands for two things
 * whatever happens to the agent. Everything that waits is written in one transaction; one is under way at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/indicate.h"
#include "agent/vtab.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct record {
        struct record *next;
        enum { EVENT, LOST, CREATE, ACKNOWLEDGE, FORGET } kind;
        char id[48];
        uint64_t seq, from, retain; /* LOST: from ... seq */
        uid_t uid;
        uint32_t keep; /* events of this subscription, at most */
        size_t n;
        char text[];
};

struct rv_journal {
        struct rv_agent *agent;
        struct rv_state_job job;
        bool busy;
        struct record *pending, **pending_end, *last, *writing;
        size_t bytes;
};

static struct record *record_new(struct rv_subscription *s, int kind, const char *text, size_t n)
{
        struct record *r = malloc(sizeof *r + n + 1);
        if (!r)
                return NULL;
        *r = (struct record) { .kind = kind, .seq = s->seq, .uid = s->who.uid, .retain = s->retain, .n = n };
        r->keep = s->keep ? s->keep : RV_JOURNAL_EVENTS;
        snprintf(r->id, sizeof r->id, "%s", s->id);
        memcpy(r->text, text ? text : "", n);
        r->text[n] = 0;
        return r;
}

/* ---- writing ---- */

static int step(sqlite3 *db, sqlite3_stmt **q, const char *sql, const struct record *r, int64_t second,
                int64_t third)
{
        int e = *q ? sqlite3_reset(*q) : sqlite3_prepare_v2(db, sql, -1, q, NULL);
        if (e != SQLITE_OK)
                return e;
        sqlite3_bind_text(*q, 1, r->id, -1, SQLITE_STATIC);
        sqlite3_bind_int64(*q, 2, second);
        if (sqlite3_bind_parameter_count(*q) > 2)
                sqlite3_bind_int64(*q, 3, third);
        if (sqlite3_bind_parameter_count(*q) > 3)
                sqlite3_bind_text(*q, 4, r->text, (int)r->n, SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(*q) > 4)
                sqlite3_bind_int64(*q, 5, (int64_t)r->retain);
        e = sqlite3_step(*q);
        return e == SQLITE_DONE || e == SQLITE_ROW ? SQLITE_OK : e;
}

enum { Q_EVENT, Q_LAST, Q_TRIM, Q_CREATE, Q_OLD, Q_OLD_EVENTS, Q_ACK, Q_ACKED, Q_FORGET, Q_FORGET_EVENTS, NQ };

static int write_one(sqlite3 *db, sqlite3_stmt **q, const struct record *r, int64_t now)
{
        int e = SQLITE_OK;
        switch (r->kind) {
        case EVENT:
                e = step(db, &q[Q_EVENT],
                         "INSERT OR REPLACE INTO event(subscription, seq, text) VALUES(?1, ?2, ?4)", r,
                         (int64_t)r->seq, 0);
                if (e == SQLITE_OK && (r->seq % 256 == 0 || r->keep < 1024))
                        e = step(db, &q[Q_TRIM], "DELETE FROM event WHERE subscription = ?1 AND seq <= ?2", r,
                                 (int64_t)r->seq - r->keep, 0);
                /* fall through */
        case LOST:
                return e ? e
                         : step(db, &q[Q_LAST],
                                "UPDATE subscription SET last = ?2, touched = ?3 WHERE id = ?1", r,
                                (int64_t)r->seq, now);
        case CREATE:
                e = step(db, &q[Q_OLD_EVENTS],
                         "DELETE FROM event WHERE subscription IN (SELECT id FROM subscription WHERE touched "
                         "+ retain < ?2) "
                         "AND subscription <> ?1",
                         r, now, 0);
                if (e == SQLITE_OK)
                        e = step(db, &q[Q_OLD],
                                 "DELETE FROM subscription WHERE touched + retain < ?2 AND id <> ?1", r, now,
                                 0);
                return e ? e
                         : step(db, &q[Q_CREATE],
                                "INSERT INTO subscription(id, uid, params, last, touched, retain) VALUES(?1, "
                                "?2, ?4, 0, ?3, ?5)",
                                r, r->uid, now);
        case ACKNOWLEDGE:
                e = step(db, &q[Q_ACK], "DELETE FROM event WHERE subscription = ?1 AND seq <= ?2", r,
                         (int64_t)r->from, 0);
                return e ? e
                         : step(db, &q[Q_ACKED], "UPDATE subscription SET acked = max(acked, ?2) WHERE id = ?1", r,
                                (int64_t)r->from, 0);
        case FORGET:
                e = step(db, &q[Q_FORGET_EVENTS], "DELETE FROM event WHERE subscription = ?1 AND ?2 = ?2", r,
                         0, 0);
                return e ? e
                         : step(db, &q[Q_FORGET], "DELETE FROM subscription WHERE id = ?1 AND ?2 = ?2", r, 0,
                                0);
        }
        return e;
}

static int write_all(struct rv_state_job *job, sqlite3 *db)
{
        struct rv_journal *j = OF(job, struct rv_journal, job);
        sqlite3_stmt *q[NQ] = { NULL };
        int64_t now = rv_wall();
        int e = SQLITE_OK;
        for (const struct record *r = j->writing; r && e == SQLITE_OK; r = r->next)
                e = write_one(db, q, r, now);
        for (int i = 0; i < NQ; i++)
                sqlite3_finalize(q[i]);
        return e;
}

/* An event on disk goes into the queue, unless older ones on disk must go first. */
static void saved(struct rv_subscription *s, const struct record *r)
{
        s->saved = r->seq;
        if (!rv_subscription_heard(s) || s->backlog || s->paging) {
                s->backlog = true;
                return;
        }
        struct rv_item *i = malloc(sizeof *i + r->n);
        if (!i) {
                s->backlog = true;
                return;
        }
        *i = (struct rv_item) { .seq = r->seq, .n = r->n };
        memcpy(i->text, r->text, r->n);
        rv_subscription_queue(s, i);
        rv_subscription_pump(s);
}

static void created(struct rv_subscription *s, bool failed, const char *why)
{
        struct rv_request *q = s->request;
        struct rv_error err = { 0 };
        if (!failed && q) {
                rv_subscribed(q, s, false);
                return;
        }
        if (q) {
                rv_fail(&err, RV_UNAVAILABLE, "the subscription cannot be stored: %s", why);
                err.retryable = true;
        }
        if (!failed)
                rv_journal_forget(s); /* nobody waits for it any more */
        rv_subscription_free(s);
        if (q)
                rv_answer_error(q, &err);
}

static void written(struct rv_journal *j, const struct record *r)
{
        struct rv_subscription *s = rv_subscription_find(j->agent, r->id);
        bool failed = j->job.failed;
        if (!s)
                return;
        if (r->kind == CREATE) {
                created(s, failed, j->job.why);
        } else if (r->kind == EVENT && !failed) {
                saved(s, r);
        } else if (r->kind == EVENT || r->kind == LOST) {
                s->saved = r->seq;
                if (rv_subscription_heard(s) && !s->backlog && !s->paging)
                        rv_subscription_lost(s, r->kind == LOST ? r->from : r->seq, r->seq,
                                             failed ? "Unsaved" : "Overflow");
                else
                        s->backlog = true;
        }
}

static void submit(struct rv_journal *);

static void on_done(struct rv_state_job *job)
{
        struct rv_journal *j = OF(job, struct rv_journal, job);
        struct record *r = j->writing;
        j->writing = NULL;
        while (r) {
                struct record *next = r->next;
                written(j, r);
                j->bytes -= r->n + sizeof *r;
                free(r);
                r = next;
        }
        j->busy = false;
        submit(j);
}

static void submit(struct rv_journal *j)
{
        if (j->busy || !j->pending)
                return;
        j->writing = j->pending;
        j->pending = j->last = NULL;
        j->pending_end = &j->pending;
        j->busy = true;
        j->job.write = write_all;
        j->job.done = on_done;
        if (rv_state_submit(&j->agent->state, &j->job) == 0)
                return;
        j->job.failed = true;
        snprintf(j->job.why, sizeof j->job.why, "too much is waiting to be written");
        j->job.back.run = NULL;
        struct record *r = j->writing;
        j->writing = NULL;
        while (r) {
                struct record *next = r->next;
                written(j, r);
                j->bytes -= r->n + sizeof *r;
                free(r);
                r = next;
        }
        j->busy = false;
}

static int add(struct rv_agent *a, struct record *r)
{
        struct rv_journal *j = a->journal;
        if (!r)
                return -ENOMEM;
        r->next = NULL;
        *j->pending_end = r;
        j->pending_end = &r->next;
        j->last = r;
        j->bytes += r->n + sizeof *r;
        submit(j);
        return 0;
}

/* The number given last has no event. */
static void note_lost(struct rv_subscription *s)
{
        struct record *last = s->agent->journal->last;
        if (last && last->kind == LOST && strcmp(last->id, s->id) == 0) {
                last->seq = s->seq;
                return;
        }
        struct record *r = record_new(s, LOST, NULL, 0);
        if (!r)
                return; /* the hole in the numbers is found when what follows is read */
        r->from = s->seq;
        add(s->agent, r);
}

void rv_journal_event(struct rv_subscription *s, const char *text, size_t n)
{
        struct rv_journal *j = s->agent->journal;
        s->seq++;
        if (j->bytes + n <= RV_JOURNAL_BYTES && add(s->agent, record_new(s, EVENT, text, n)) == 0)
                return;
        note_lost(s);
}

void rv_journal_lost(struct rv_subscription *s)
{
        s->seq++;
        note_lost(s);
}

int rv_journal_create(struct rv_subscription *s)
{
        return add(s->agent, record_new(s, CREATE, s->params, strlen(s->params)));
}

void rv_journal_acknowledge(struct rv_subscription *s, uint64_t seq)
{
        struct record *r = record_new(s, ACKNOWLEDGE, NULL, 0);
        if (r)
                r->from = seq;
        add(s->agent, r);
}

void rv_journal_forget(struct rv_subscription *s)
{
        if (s->durable)
                add(s->agent, record_new(s, FORGET, NULL, 0));
}

/* ---- reading ---- */

struct page {
        struct rv_job job;
        struct rv_work back;
        struct rv_agent *agent;
        char id[48];
        uint64_t after;
        struct rv_item *items, **end;
        unsigned n;
        bool failed;
};

static void read_page(struct rv_job *job)
{
        struct page *p = OF(job, struct page, job);
        char why[160];
        sqlite3 *db = rv_state_reader(&p->agent->state, why, sizeof why);
        sqlite3_stmt *q = NULL;
        int e = db ? sqlite3_prepare_v2(db,
                                        "SELECT seq, text FROM event WHERE subscription = ? AND seq > ? "
                                        "ORDER BY seq LIMIT ?",
                                        -1, &q, NULL)
                   : SQLITE_CANTOPEN;
        if (e == SQLITE_OK) {
                sqlite3_bind_text(q, 1, p->id, -1, SQLITE_STATIC);
                sqlite3_bind_int64(q, 2, (int64_t)p->after);
                sqlite3_bind_int(q, 3, RV_JOURNAL_PAGE);
        }
        while (e == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
                size_t n = (size_t)sqlite3_column_bytes(q, 1);
                struct rv_item *i = malloc(sizeof *i + n);
                if (!i)
                        break;
                *i = (struct rv_item) { .seq = (uint64_t)sqlite3_column_int64(q, 0), .n = n };
                memcpy(i->text, sqlite3_column_text(q, 1), n);
                *p->end = i;
                p->end = &i->next;
                p->n++;
        }
        p->failed = e != SQLITE_OK;
        sqlite3_finalize(q);
        sqlite3_close_v2(db);
        rv_loop_post(&p->agent->loop, &p->back);
}

static void take_page(struct rv_subscription *s, struct page *p)
{
        uint64_t end = s->saved; /* what is not there up to here is lost */
        const bool exact = s->queued_seq || s->take; /* else: from whatever is kept */
        s->backlog = false;
        while (p->items && !s->backlog) {
                struct rv_item *i = p->items;
                p->items = i->next;
                if (i->seq <= s->queued_seq) {
                        free(i);
                        continue;
                }
                if (i->seq > s->queued_seq + 1 && (s->queued_seq || s->take)) /* 0: from whatever is kept */
                        rv_subscription_lost(s, s->queued_seq + 1, i->seq - 1, "Expired");
                rv_subscription_queue(s, i); /* too much: backlog again */
        }
        if (!p->n && !p->failed && end > s->queued_seq && exact)
                rv_subscription_lost(s, s->queued_seq + 1, end, "Expired");
        if (p->n == RV_JOURNAL_PAGE || s->saved > s->queued_seq)
                s->backlog = true;
        if (!p->n && !exact)
                s->backlog = false; /* nothing is kept, nothing was seen */
}

static void on_page(struct rv_work *w)
{
        struct page *p = OF(w, struct page, back);
        struct rv_subscription *s = rv_subscription_find(p->agent, p->id);
        if (s) {
                s->paging = false;
                if (rv_subscription_heard(s) && s->queued_seq == p->after)
                        take_page(s, p);
                if (!p->failed)
                        rv_subscription_pump(s);
        }
        while (p->items) {
                struct rv_item *next = p->items->next;
                free(p->items);
                p->items = next;
        }
        free(p);
}

void rv_journal_page(struct rv_subscription *s)
{
        struct page *p = calloc(1, sizeof *p);
        struct rv_error err = { 0 };
        if (!p)
                return;
        *p = (struct page) { .agent = s->agent, .after = s->queued_seq };
        snprintf(p->id, sizeof p->id, "%s", s->id);
        p->job.run = read_page;
        p->back.run = on_page;
        p->end = &p->items;
        s->paging = rv_pool_submit(&s->agent->sql, &p->job, &err) == RV_OK;
        if (!s->paging)
                free(p);
}

struct load {
        void (*finish)(struct rv_request *, const char *, uint64_t);
        char *params;
        uint64_t last;
};

static void load_free(void *p)
{
        free(((struct load *)p)->params);
        free(p);
}

static void load_work(struct rv_sql *s)
{
        struct load *l = s->what;
        char why[160];
        sqlite3 *db = rv_state_reader(&s->agent->state, why, sizeof why);
        sqlite3_stmt *q = NULL;
        if (db && sqlite3_prepare_v2(db, "SELECT params, last FROM subscription WHERE id = ? AND uid = ?", -1,
                                     &q, NULL) == SQLITE_OK) {
                sqlite3_bind_text(q, 1, s->text, -1, SQLITE_STATIC);
                sqlite3_bind_int64(q, 2, s->who.uid);
                if (sqlite3_step(q) == SQLITE_ROW) {
                        l->params = strdup((const char *)sqlite3_column_text(q, 0));
                        l->last = (uint64_t)sqlite3_column_int64(q, 1);
                }
        }
        sqlite3_finalize(q);
        sqlite3_close_v2(db);
        if (l->params)
                return;
        rv_about(&s->error, NULL, s->text, NULL);
        rv_hint(&s->error, "Subscribe anew, with Snapshot to see the present state.");
        rv_fail(&s->error, RV_NOT_FOUND, "there is no durable subscription '%.40s' of yours", s->text);
}

static void load_finish(struct rv_sql *s, struct rv_request *q)
{
        struct load *l = s->what;
        l->finish(q, l->params, l->last);
}

/* It was forgotten, only the disk does not know yet. */
static bool is_forgotten(const struct rv_journal *j, const char *id)
{
        for (int i = 0; i < 2; i++)
                for (const struct record *r = i ? j->writing : j->pending; r; r = r->next)
                        if (r->kind == FORGET && strcmp(r->id, id) == 0)
                                return true;
        return false;
}

int rv_journal_load(struct rv_request *q, const char *id,
                    void (*finish)(struct rv_request *, const char *, uint64_t), struct rv_error *err)
{
        if (is_forgotten(q->agent->journal, id))
                return rv_fail(err, RV_NOT_FOUND, "there is no durable subscription '%.40s' of yours", id);
        struct rv_sql *s = rv_sql_new(q, load_work);
        struct load *l = s ? calloc(1, sizeof *l) : NULL;
        if (l) {
                l->finish = finish;
                s->what = l;
                s->what_free = load_free;
                s->finish = load_finish;
                s->text = strdup(id);
        }
        if (!l || !s->text) {
                if (s)
                        rv_sql_free(s);
                return -ENOMEM;
        }
        return rv_sql_submit(q, s, err);
}

int rv_journal_init(struct rv_agent *a)
{
        a->journal = calloc(1, sizeof *a->journal);
        if (!a->journal)
                return -ENOMEM;
        a->journal->agent = a;
        a->journal->pending_end = &a->journal->pending;
        return 0;
}

void rv_journal_free(struct rv_agent *a)
{
        struct rv_journal *j = a->journal;
        for (int i = 0; j && i < 2; i++)
                for (struct record *r = i ? j->writing : j->pending, *next; r; r = next) {
                        next = r->next;
                        free(r);
                }
        free(j);
        a->journal = NULL;
}
