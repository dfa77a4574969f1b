/* SPDX-License-Identifier: MIT */
#include "agent/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/provider.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Each entry takes the file one version further; never edited once released. */
static const char *const migrations[] = {
        "CREATE TABLE audit(seq INTEGER PRIMARY KEY, intent INTEGER, time INTEGER NOT NULL, session TEXT, "
        "user TEXT,"
        " uid INTEGER, source TEXT, operation TEXT, class TEXT, key TEXT, method TEXT, arguments TEXT,"
        " request_key TEXT, result TEXT NOT NULL, status INTEGER, message TEXT, changed TEXT, duration "
        "INTEGER,"
        " hash TEXT NOT NULL);"
        "CREATE UNIQUE INDEX audit_intent ON audit(intent) WHERE intent IS NOT NULL;"
        "CREATE TABLE request(user TEXT, key TEXT, digest TEXT NOT NULL, seq INTEGER NOT NULL, done INTEGER "
        "NOT NULL,"
        " is_error INTEGER, result TEXT, time INTEGER NOT NULL, PRIMARY KEY(user, key)) WITHOUT ROWID;"
        "CREATE INDEX request_time ON request(time);",
        "ALTER TABLE audit ADD COLUMN roles TEXT;"
        "CREATE TABLE anchor(seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, time INTEGER NOT NULL, file TEXT,"
        " digest TEXT);"
        "CREATE INDEX audit_time ON audit(time);",
        "CREATE TABLE subscription(id TEXT PRIMARY KEY, uid INTEGER NOT NULL, params TEXT NOT NULL, last "
        "INTEGER NOT NULL,"
        " touched INTEGER NOT NULL, retain INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE event(subscription TEXT, seq INTEGER, text TEXT NOT NULL, PRIMARY KEY(subscription, "
        "seq)) WITHOUT "
        "ROWID;",
        "CREATE TABLE history(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, class TEXT NOT "
        "NULL,"
        " key TEXT NOT NULL, prev INTEGER, kind INTEGER NOT NULL, found INTEGER NOT NULL, instance TEXT);"
        "CREATE INDEX history_key ON history(class, key, id);"
        "CREATE INDEX history_time ON history(time);"
        "CREATE TABLE history_span(id INTEGER PRIMARY KEY, class TEXT NOT NULL, began INTEGER NOT NULL,"
        " ended INTEGER NOT NULL);",
        "CREATE TABLE kept(class TEXT, key TEXT, text TEXT NOT NULL, PRIMARY KEY(class, key)) WITHOUT ROWID;"
        "ALTER TABLE subscription ADD COLUMN acked INTEGER NOT NULL DEFAULT 0;",
        "CREATE TABLE history_keep(class TEXT PRIMARY KEY, kept INTEGER NOT NULL, interval INTEGER NOT NULL,"
        " pushed INTEGER NOT NULL, by_call INTEGER NOT NULL) WITHOUT ROWID;",
        "ALTER TABLE audit ADD COLUMN elevation TEXT;",
};
enum { VERSION = sizeof migrations / sizeof *migrations };

static void default_folder(char *to, size_t size)
{
        const char *given = getenv("REEVE_STATE"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        if (given && *given == '/')
                snprintf(to, size, "%s", given);
        else if (geteuid() == 0)
                snprintf(to, size, "/var/lib/reeve");
        else if (state && *state == '/')
                snprintf(to, size, "%s/reeve", state);
        else
                snprintf(to, size, "%s/.local/state/reeve", home ? home : "/nonexistent");
}

/* Readers look at the state's path meanwhile: this takes a copy apart. */
void rv_state_make_folders(const char *state)
{
        char path[512];
        snprintf(path, sizeof path, "%s", state);
        for (char *p = path + 1; (p = strchr(p, '/')); p++) {
                *p = 0;
                mkdir(path, 0700);
                *p = '/';
        }
}

static int migrate(sqlite3 *db)
{
        sqlite3_stmt *q;
        int version = 0, r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &q, NULL);
        if (r != SQLITE_OK)
                return r;
        if (sqlite3_step(q) == SQLITE_ROW)
                version = sqlite3_column_int(q, 0);
        sqlite3_finalize(q);
        if (version > VERSION) /* a later reeve's: its tables may mean something else */
                r = SQLITE_MISMATCH;
        for (; version < VERSION && r == SQLITE_OK; version++) {
                char text[64];
                r = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
                snprintf(text, sizeof text, "PRAGMA user_version = %d", version + 1);
                if (r == SQLITE_OK)
                        r = sqlite3_exec(db, text, NULL, NULL, NULL);
        }
        int end = sqlite3_exec(db, r == SQLITE_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
        return r == SQLITE_OK ? end : r;
}

static int open_db(struct rv_state *s)
{
        rv_state_make_folders(s->path);
        mode_t before = umask(077);
        int r = sqlite3_open_v2(s->path, &s->db,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
        umask(before);
        if (r == SQLITE_OK) {
                sqlite3_busy_timeout(s->db, 5000);
                r = sqlite3_exec(s->db,
                                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-256;",
                                 NULL, NULL, NULL);
        }
        if (r == SQLITE_OK)
                r = migrate(s->db);
        sqlite3_stmt *q;
        if (r == SQLITE_OK && !s->found &&
            sqlite3_prepare_v2(s->db, "SELECT max(seq) FROM audit", -1, &q, NULL) == SQLITE_OK) {
                s->found = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int64(q, 0) > 0
                                   ? sqlite3_column_int64(q, 0)
                                   : -1;
                sqlite3_finalize(q);
        }
        return r;
}

static void fail_job(struct rv_state *s, struct rv_state_job *j, int r)
{
        j->failed = true;
        snprintf(j->why, sizeof j->why, "%.90s: %.60s", s->path,
                 r == SQLITE_MISMATCH ? "a later version of reeve made it: install that, or move it away"
                 : s->db              ? sqlite3_errmsg(s->db)
                                      : sqlite3_errstr(r));
}

/* One transaction. Jobs that fail by themselves are undone alone; if the commit fails, all have failed. */
static void write_all(struct rv_state *s, struct rv_state_job *jobs)
{
        int r = s->db ? SQLITE_OK : open_db(s);
        if (r == SQLITE_OK)
                r = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        bool begun = r == SQLITE_OK;
        for (struct rv_state_job *j = jobs; j && r == SQLITE_OK; j = j->next) {
                sqlite3_exec(s->db, "SAVEPOINT job", NULL, NULL, NULL);
                int w = j->write(j, s->db);
                if (w != SQLITE_OK) {
                        fail_job(s, j, w);
                        sqlite3_exec(s->db, "ROLLBACK TO job", NULL, NULL, NULL);
                }
                sqlite3_exec(s->db, "RELEASE job", NULL, NULL, NULL);
        }
        if (begun)
                r = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
        for (struct rv_state_job *j = jobs; j && r != SQLITE_OK; j = j->next)
                fail_job(s, j, r);
        if (r != SQLITE_OK) { /* opened anew next time: the disk may be back then */
                rv_log(RV_LOG_ERROR, "cannot write the state: %s", jobs->why);
                sqlite3_close_v2(s->db);
                s->db = NULL;
        }
}

static void flush(struct rv_job *job)
{
        struct rv_state *s = OF(job, struct rv_state, flush);
        for (;;) {
                pthread_mutex_lock(&s->lock);
                struct rv_state_job *jobs = s->queue;
                s->queue = NULL;
                s->queue_end = &s->queue;
                s->queued = 0;
                s->flushing = jobs;
                pthread_mutex_unlock(&s->lock);
                if (!jobs)
                        return;
                write_all(s, jobs);
                for (struct rv_state_job *next; jobs; jobs = next) {
                        next = jobs->next;
                        rv_loop_post(s->loop, &jobs->back);
                }
        }
}

static void on_back(struct rv_work *w)
{
        struct rv_state_job *j = OF(w, struct rv_state_job, back);
        j->done(j);
}

int rv_state_submit(struct rv_state *s, struct rv_state_job *j)
{
        struct rv_error err = { 0 };
        j->state = s;
        j->next = NULL;
        j->failed = false;
        j->back = (struct rv_work) { .run = on_back };
        pthread_mutex_lock(&s->lock);
        bool room = s->queued < RV_STATE_QUEUE, start = room && !s->flushing;
        if (room) {
                *s->queue_end = j;
                s->queue_end = &j->next;
                s->queued++;
                s->flushing = true;
        }
        pthread_mutex_unlock(&s->lock);
        if (!start || rv_pool_submit(&s->pool, &s->flush, &err) == RV_OK)
                return room ? 0 : -ENOBUFS;
        pthread_mutex_lock(&s->lock); /* no thread to be had: this job was the only one */
        s->queue = NULL;
        s->queue_end = &s->queue;
        s->queued = 0;
        s->flushing = false;
        pthread_mutex_unlock(&s->lock);
        return -ENOBUFS;
}

void rv_state_init(struct rv_state *s, struct rv_loop *loop, const char *folder)
{
        char own[400];
        *s = (struct rv_state) { .loop = loop, .flush = { .run = flush } };
        s->queue_end = &s->queue;
        pthread_mutex_init(&s->lock, NULL);
        rv_pool_init(&s->pool, "state", 1);
        if (!folder)
                default_folder(own, sizeof own);
        snprintf(s->path, sizeof s->path, "%s/state.db", folder ? folder : own);
}

void rv_state_free(struct rv_state *s)
{
        rv_pool_drain(&s->pool, rv_now() + UINT64_C(5000000000));
        sqlite3_close_v2(s->db);
        s->db = NULL;
}

void rv_state_rest(struct rv_state *s)
{
        pthread_mutex_lock(&s->lock); /* the writer begins with it */
        if (s->db && !s->flushing)
                sqlite3_db_release_memory(s->db);
        pthread_mutex_unlock(&s->lock);
}

sqlite3 *rv_state_reader(const struct rv_state *s, char *why, size_t size)
{
        sqlite3 *db = NULL;
        int r = sqlite3_open_v2(s->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_exec(db,
                                 "PRAGMA query_only=1; PRAGMA busy_timeout=2000; SELECT 1 FROM audit LIMIT 1",
                                 NULL, NULL, NULL);
        if (r == SQLITE_OK)
                return db;
        snprintf(why, size, "%s: %s", s->path, db ? sqlite3_errmsg(db) : sqlite3_errstr(r));
        sqlite3_close_v2(db);
        return NULL;
}
