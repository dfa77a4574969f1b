/* SPDX-License-Identifier: MIT
 *
 * The audit stays within bounds: what is older than `keep_days`, or more than `keep_records`, goes from the database
 * to a
 * segment, audit/audit-FIRST-LAST.jsonl beside it: one JSON object for each record, as it was hashed. An anchor (number
 * and hash of the last record that has gone) takes their place, so that the chain goes on from there; and a record
 * of the
 * rotation itself, inside the chain, says which anchor, which file and its SHA-256. A segment that cannot be written
 * leaves
 * everything as it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/audit_int.h"
#include "agent/log.h"
#include "agent/provider.h"
#include "agent/digest.h"
#include "schema/json.h"

enum { EVERY = 256, MOST_AT_ONCE = 20000 };

static int64_t number(sqlite3 *db, const char *sql, int64_t arg)
{
        sqlite3_stmt *q;
        int64_t ret = 0;
        if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
                return 0;
        sqlite3_bind_int64(q, 1, arg);
        if (sqlite3_step(q) == SQLITE_ROW)
                ret = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return ret;
}

/* The last record that has to go; 0: none. */
static int64_t last_to_go(const struct rv_state *s, sqlite3 *db, int64_t seq)
{
        int64_t first = number(db, "SELECT min(seq) FROM audit", 0), last = 0;
        if (s->audit_records && seq - first + 1 > s->audit_records + EVERY)
                last = seq - s->audit_records;
        if (s->audit_days) {
                int64_t limit = ((int64_t)time(NULL) - (int64_t)s->audit_days * 86400) * INT64_C(1000000000);
                int64_t old = number(db, "SELECT max(seq) FROM audit WHERE time < ?", limit);
                last = old > last ? old : last;
        }
        if (last >= seq) /* the newest stays: the chain hangs on it */
                last = seq - 1;
        return last >= first + MOST_AT_ONCE ? first + MOST_AT_ONCE - 1 : last < first ? 0 : last;
}

void rv_audit_line(struct rv_buf *b, sqlite3_stmt *q)
{
        rv_buf_puts(b, "{");
        for (int i = 0; i < sqlite3_column_count(q); i++) {
                const char *text = (const char *)sqlite3_column_text(q, i);
                if (!text && i >= RV_AUDIT_FIRST_COLUMNS)
                        continue;
                rv_buf_puts(b, i ? "," : "");
                rv_json_text(b, sqlite3_column_name(q, i));
                rv_buf_puts(b, ":");
                text ? rv_json_text(b, text) : rv_buf_puts(b, "null");
        }
        rv_buf_puts(b, "}\n");
}

/* The records up to `last`, in a buffer; the hash of that one. */
static int collect(sqlite3 *db, int64_t last, struct rv_buf *b, int64_t *ret_first, char ret_hash[65])
{
        sqlite3_stmt *q;
        int r = sqlite3_prepare_v2(db, "SELECT " RV_AUDIT_NAMES ", hash FROM audit WHERE seq <= ? ORDER BY seq", -1,
                                   &q, NULL);
        *ret_first = 0;
        if (r != SQLITE_OK)
                return -EIO;
        sqlite3_bind_int64(q, 1, last);
        while ((r = sqlite3_step(q)) == SQLITE_ROW && !b->failed) {
                if (!*ret_first)
                        *ret_first = sqlite3_column_int64(q, 0);
                snprintf(ret_hash, 65, "%s", (const char *)sqlite3_column_text(q, RV_AUDIT_COLUMNS));
                rv_audit_line(b, q);
        }
        sqlite3_finalize(q);
        return b->failed ? -ENOMEM : r == SQLITE_DONE ? 0 : -EIO;
}

/* On disk under its name, or not at all. */
static int store(const char *path, const struct rv_buf *b)
{
        char part[600];
        snprintf(part, sizeof part, "%s.part", path);
        int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0400), r = fd < 0 ? -errno : 0;
        for (size_t at = 0; r == 0 && at < b->len;) {
                ssize_t n = write(fd, b->data + at, b->len - at);
                if (n < 0)
                        r = -errno;
                else
                        at += (size_t)n;
        }
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (fd >= 0)
                close(fd);
        if (r == 0 && rename(part, path) < 0)
                r = -errno;
        if (r && fd >= 0)
                unlink(part);
        return r;
}

static int replace(sqlite3 *db, int64_t last, const char *hash, const char *file, const char *digest)
{
        char *sql = sqlite3_mprintf("DELETE FROM audit WHERE seq <= %lld; DELETE FROM anchor;"
                                    "INSERT INTO anchor VALUES(%lld, %Q, %lld, %Q, %Q)",
                                    (long long)last, (long long)last, hash,
                                    (long long)time(NULL) * 1000000000LL, file, digest);
        int r = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
        sqlite3_free(sql);
        return r;
}

static int record(sqlite3 *db, int64_t last, const char *hash, const char *file, const char *digest)
{
        static const struct rv_identity self = { .user = "reeve-agent", .source = "local" };
        char text[900];
        snprintf(text, sizeof text, "{\"LastSeq\":%" PRId64 ",\"Hash\":\"%s\",\"File\":\"%s\",\"Sha256\":\"%s\"}", last,
                 hash, file, digest);
        struct rv_audit *a = rv_audit_new(&(struct rv_audit_what) {
                .who = &self, .operation = "Rotate", .class_name = "AuditRecord", .arguments = text });
        if (!a)
                return SQLITE_NOMEM;
        a->who.uid = geteuid();
        a->result = "Succeeded";
        int r = rv_audit_insert(a, db, false);
        rv_audit_free(a);
        return r;
}

static int is_segment(const struct dirent *d)
{
        size_t n = strlen(d->d_name);
        return strncmp(d->d_name, "audit-", 6) == 0 && n > 6 && strcmp(d->d_name + n - 6, ".jsonl") == 0;
}

/* The oldest segments go when there are too many; their numbers have leading zeros, so names tell their order. */
static void drop_segments(const struct rv_state *s, const char *folder)
{
        struct dirent **list = NULL;
        char path[600];
        int n = s->audit_segments ? scandir(folder, &list, is_segment, alphasort) : 0;
        for (int i = 0; i < n; i++) {
                snprintf(path, sizeof path, "%.300s/%.255s", folder, list[i]->d_name);
                if (n - i > (int)s->audit_segments && unlink(path) == 0)
                        rv_log(RV_LOG_NOTICE, "audit: %s was removed: there are more than %u segments", path,
                               s->audit_segments);
                free(list[i]);
        }
        free(list);
}

static int trim(struct rv_state *s, sqlite3 *db, int64_t last)
{
        struct rv_buf b = { 0 };
        char folder[520], path[580], hash[65] = "", digest[65];
        int64_t first;
        snprintf(folder, sizeof folder, "%s", s->path);
        char *slash = strrchr(folder, '/');
        snprintf(slash ? slash : folder, 8, "/audit");
        mkdir(folder, 0700);
        int r = collect(db, last, &b, &first, hash);
        snprintf(path, sizeof path, "%s/audit-%012" PRId64 "-%012" PRId64 ".jsonl", folder, first, last);
        rv_sha256_hex(&(struct rv_piece){ b.data, b.len }, 1, digest);
        if (r == 0)
                r = store(path, &b);
        rv_buf_free(&b);
        if (r) {
                rv_log(RV_LOG_ERROR, "audit: %s cannot be written, nothing is trimmed: %s", path, strerror(-r));
                return SQLITE_OK;
        }
        r = replace(db, last, hash, strrchr(path, '/') + 1, digest);
        if (r == SQLITE_OK)
                r = record(db, last, hash, strrchr(path, '/') + 1, digest);
        if (r == SQLITE_OK)
                drop_segments(s, folder);
        if (r == SQLITE_OK)
                rv_log(RV_LOG_NOTICE, "audit: records %" PRId64 " to %" PRId64 " went to %s", first, last, path);
        return r;
}

void rv_audit_trim(struct rv_state *s, sqlite3 *db, int64_t seq)
{
        uint64_t now = rv_now();
        if (seq - s->audit_looked_at < EVERY && s->audit_looked && now - s->audit_looked < UINT64_C(86400000000000))
                return;
        s->audit_looked = now;
        s->audit_looked_at = seq;
        int64_t last = last_to_go(s, db, seq);
        if (!last)
                return;
        int r = sqlite3_exec(db, "SAVEPOINT trim", NULL, NULL, NULL);
        if (r == SQLITE_OK && (r = trim(s, db, last)) != SQLITE_OK) {
                rv_log(RV_LOG_ERROR, "audit: cannot be trimmed: %s", sqlite3_errmsg(db));
                sqlite3_exec(db, "ROLLBACK TO trim", NULL, NULL, NULL);
        }
        sqlite3_exec(db, "RELEASE trim", NULL, NULL, NULL);
}
