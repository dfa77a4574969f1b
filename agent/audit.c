/* SPDX-License-Identifier: MIT */
#include "agent/audit_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/elevate.h"
#include "agent/log.h"
#include "agent/digest.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define KEEP_KEYS (INT64_C(86400) * 1000000000) /* how long a RequestKey is remembered */

static char *copy(const char *s)
{
        return s ? strdup(s) : NULL;
}

struct rv_audit *rv_audit_new(const struct rv_audit_what *w)
{
        struct rv_audit *a = calloc(1, sizeof *a);
        if (!a)
                return NULL;
        a->who = *w->who;
        char ids[RV_ELEVATION_ID * 4];
        *ids = 0;
        if (!w->elevation) /* else it may be elevate.c that records, under its lock */
                rv_elevation_ids(w->who, ids, sizeof ids);
        const char *elevation = w->elevation ? w->elevation : ids;
        const struct {
                char **to;
                const char *from;
        } texts[] = { { &a->operation, w->operation },     { &a->class_name, w->class_name }, { &a->key, w->key },
                      { &a->method, w->method },           { &a->arguments, w->arguments },   { &a->roles, w->roles },
                      { &a->request_key, w->request_key }, { &a->digest, w->digest },
                      { &a->elevation, *elevation ? elevation : NULL } };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                if (texts[i].from && !(*texts[i].to = copy(texts[i].from))) { /* half a record is none */
                        rv_audit_free(a);
                        return NULL;
                }
        a->begun = rv_now();
        return a;
}

void rv_audit_free(struct rv_audit *a)
{
        if (!a)
                return;
        char *all[] = { a->operation, a->class_name, a->key,     a->method,  a->arguments, a->request_key,
                        a->digest,    a->stored,     a->message, a->changed, a->reply,     a->roles,
                        a->elevation };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                free(all[i]);
        free(a);
}

/* Over the hash before and each column as "length:text", null as "-". Columns that came with later versions count only
 * where they are not null, so that older records keep their hash. */
void rv_audit_chain(const char *before, const char *const *columns, char ret[65])
{
        struct rv_piece pieces[1 + 2 * RV_AUDIT_COLUMNS] = { { before, strlen(before) } };
        char numbers[RV_AUDIT_COLUMNS][24];
        int count = 1;
        _Static_assert(1 + 2 * RV_AUDIT_COLUMNS <= RV_PIECES, "a record is digested at once");
        for (int i = 0; i < RV_AUDIT_COLUMNS; i++) {
                const char *s = columns[i];
                if (!s && i >= RV_AUDIT_FIRST_COLUMNS)
                        continue;
                int n = snprintf(numbers[i], sizeof numbers[i], s ? "%zu:" : "-", s ? strlen(s) : 0);
                pieces[count++] = (struct rv_piece){ numbers[i], (size_t)n };
                if (s)
                        pieces[count++] = (struct rv_piece){ s, strlen(s) };
        }
        rv_sha256_hex(pieces, count, ret);
}

static int last_of_chain(sqlite3 *db, int64_t *ret_seq, char ret_hash[65])
{
        sqlite3_stmt *q;
        int r = sqlite3_prepare_v2(db,
                                   "SELECT seq, hash FROM audit UNION ALL SELECT seq, hash FROM anchor ORDER "
                                   "BY seq DESC LIMIT 1",
                                   -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        *ret_seq = 0;
        ret_hash[0] = 0;
        r = sqlite3_step(q);
        if (r == SQLITE_ROW) {
                const char *hash = (const char *)sqlite3_column_text(q, 1);
                *ret_seq = sqlite3_column_int64(q, 0);
                snprintf(ret_hash, 65, "%s", hash ? hash : "");
                if (!hash)
                        r = SQLITE_NOMEM;
        }
        sqlite3_finalize(q);
        return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

int rv_audit_insert(struct rv_audit *a, sqlite3 *db, bool outcome)
{
        char hash[65], before[65], number[6][24];
        int64_t seq;
        sqlite3_stmt *q;
        int r = last_of_chain(db, &seq, before);
        if (r == SQLITE_OK)
                r = sqlite3_prepare_v2(db,
                                       "INSERT INTO audit(" RV_AUDIT_NAMES ", hash)"
                                       " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                                       -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        const int64_t numbers[] = { seq + 1,   a->seq,
                                    rv_wall(),    (int64_t)a->who.uid,
                                    a->status, (int64_t)(rv_now() - a->begun) };
        for (int i = 0; i < 6; i++)
                snprintf(number[i], sizeof number[i], "%" PRId64, numbers[i]);
        const char *columns[RV_AUDIT_COLUMNS] = { number[0],      outcome ? number[1] : NULL,
                                                  number[2],      a->who.session,
                                                  a->who.user,    number[3],
                                                  a->who.source,  a->operation,
                                                  a->class_name,  a->key,
                                                  a->method,      outcome ? NULL : a->arguments,
                                                  a->request_key, a->result,
                                                  number[4],      a->message,
                                                  a->changed,     number[5],
                                                  a->roles,       a->elevation };
        rv_audit_chain(before, columns, hash);
        for (int i = 0; i < RV_AUDIT_COLUMNS && r == SQLITE_OK; i++) /* NULL binds null; affinity makes numbers */
                r = sqlite3_bind_text(q, i + 1, columns[i], -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_bind_text(q, RV_AUDIT_COLUMNS + 1, hash, -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_step(q);
        sqlite3_finalize(q);
        if (!outcome)
                a->seq = seq + 1;
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* ---- RequestKeys ---- */

static int run(sqlite3 *db, const char *sql, const char *const *texts, int n, int64_t number)
{
        sqlite3_stmt *q;
        int r = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        for (int i = 0; i < n && r == SQLITE_OK; i++) /* a text that cannot be bound would be null */
                r = sqlite3_bind_text(q, i + 1, texts[i], -1, SQLITE_STATIC);
        sqlite3_bind_int64(q, n + 1, number);
        if (r == SQLITE_OK)
                r = sqlite3_step(q);
        sqlite3_finalize(q);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* What is known of the key becomes the verdict; GO: nothing. */
static int look_up(struct rv_audit *a, sqlite3 *db, int64_t found)
{
        sqlite3_stmt *q;
        int r = run(db, "DELETE FROM request WHERE time < ?", NULL, 0, rv_wall() - KEEP_KEYS);
        if (r == SQLITE_OK)
                r = sqlite3_prepare_v2(
                        db, "SELECT digest, done, is_error, result, seq FROM request WHERE user = ? AND key = ?",
                        -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        r = sqlite3_bind_text(q, 1, a->who.user, -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_bind_text(q, 2, a->request_key, -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_step(q);
        if (r == SQLITE_ROW) {
                const char *digest = (const char *)sqlite3_column_text(q, 0);
                a->verdict = !digest || !a->digest || strcmp(digest, a->digest) ? RV_VERDICT_OTHER
                             : sqlite3_column_int(q, 1)                         ? RV_VERDICT_REPLAY
                             : sqlite3_column_int64(q, 4) <= found              ? RV_VERDICT_UNKNOWN
                                                                                : RV_VERDICT_UNDER_WAY;
                a->stored_is_error = sqlite3_column_int(q, 2);
                if (a->verdict == RV_VERDICT_REPLAY)
                        a->stored = copy((const char *)sqlite3_column_text(q, 3));
        }
        sqlite3_finalize(q);
        return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static int write_intent(struct rv_state_job *j, sqlite3 *db)
{
        struct rv_audit *a = OF(j, struct rv_audit, job);
        int r = a->request_key ? look_up(a, db, j->state->found) : SQLITE_OK;
        if (r != SQLITE_OK || a->verdict != RV_VERDICT_GO)
                return r;
        r = rv_audit_insert(a, db, false);
        if (r == SQLITE_OK && a->request_key) {
                char seq[24], now[24];
                snprintf(seq, sizeof seq, "%" PRId64, a->seq);
                snprintf(now, sizeof now, "%" PRId64, rv_wall());
                r = run(db, "INSERT INTO request VALUES(?,?,?,?,0,0,NULL,?)",
                        (const char *[]) { a->who.user, a->request_key, a->digest, seq, now }, 5, 0);
        }
        if (r == SQLITE_OK)
                rv_audit_trim(j->state, db, a->seq);
        return r;
}

static int write_outcome(struct rv_state_job *j, sqlite3 *db)
{
        struct rv_audit *a = OF(j, struct rv_audit, job);
        int r = rv_audit_insert(a, db, true);
        if (r == SQLITE_OK && a->request_key && !a->reply)
                r = run(db, "DELETE FROM request WHERE user = ? AND key = ?",
                        (const char *[]) { a->who.user, a->request_key }, 2, 0);
        else if (r == SQLITE_OK && a->request_key)
                r = run(db,
                        "UPDATE request SET done = 1, result = ?, is_error = ? WHERE user = ? AND key = ?",
                        (const char *[]) { a->reply, a->reply_is_error ? "1" : "0", a->who.user,
                                           a->request_key },
                        4, 0);
        return r;
}

/* ---- in order ---- */

static void on_done(struct rv_state_job *j)
{
        struct rv_audit *a = OF(j, struct rv_audit, job);
        if (j->failed) {
                a->verdict = RV_VERDICT_REFUSED;
                rv_log(RV_LOG_ERROR, "audit: %s", j->why);
        }
        if (a->then)
                a->then(a, a->state);
        else
                rv_audit_free(a);
}

/* The queue is full: told on the loop like everything else. */
static void on_refused(struct rv_work *w)
{
        on_done(OF(w, struct rv_state_job, back));
}

static void submit(struct rv_audit *a, struct rv_state *s, int (*write)(struct rv_state_job *, sqlite3 *))
{
        a->job.write = write;
        a->job.done = on_done;
        if (rv_state_submit(s, &a->job) == 0)
                return;
        a->job.failed = true;
        snprintf(a->job.why, sizeof a->job.why, "too many records wait to be written");
        a->job.back = (struct rv_work) { .run = on_refused };
        rv_loop_soon(s->loop, &a->job.back);
}

void rv_audit_intent(struct rv_audit *a, struct rv_state *s, void (*then)(struct rv_audit *, void *),
                     void *state)
{
        a->then = then, a->state = state;
        a->result = "Intent";
        submit(a, s, write_intent);
}

void rv_audit_outcome(struct rv_audit *a, struct rv_state *s, int code, const char *message,
                      const char *changed, const char *reply, bool reply_is_error,
                      void (*then)(struct rv_audit *, void *), void *state)
{
        a->then = then, a->state = state;
        a->result = a->denied ? "Denied" : code ? "Failed" : "Succeeded";
        a->status = code;
        a->message = copy(message), a->changed = copy(changed), a->reply = copy(reply);
        a->reply_is_error = reply_is_error;
        submit(a, s, write_outcome);
}

void rv_audit_denied(struct rv_state *s, const struct rv_audit_what *what, const char *message)
{
        struct rv_audit *a = rv_audit_new(what);
        if (!a)
                return;
        free(a->request_key);
        a->request_key = NULL;
        a->result = "Denied";
        a->status = RV_ACCESS_DENIED;
        a->message = copy(message);
        submit(a, s, write_intent);
}

void rv_audit_event(struct rv_state *s, const struct rv_audit_what *what, int status, const char *message,
                    const char *changed, uint64_t took)
{
        struct rv_audit *a = rv_audit_new(what);
        if (!a)
                return;
        a->result = status ? "Denied" : "Succeeded";
        a->status = status;
        a->begun -= took < a->begun ? took : a->begun;
        a->message = copy(message);
        a->changed = copy(changed);
        submit(a, s, write_intent);
}
