/* SPDX-License-Identifier: MIT
 *
 * The audit outside of the agent: its records as lines of JSON, each with its hash, the same as in a segment
 * (audit_trim.c), and the check of such lines where no agent is: reeve-agent --verify-audit FILE...
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/audit_int.h"

/* ---- out ---- */

struct out {
        const struct rv_call *call;
        uint64_t after, left;
        int (*each)(void *, uint64_t seq, const char *line, size_t n);
        void *state;
        bool more; /* there are others behind the last */
};

/* One line. RV_STOP: enough. */
static int put(struct out *o, uint64_t seq, const char *line, size_t n)
{
        if (seq <= o->after)
                return 0;
        if (!o->left) {
                o->more = true;
                return RV_STOP;
        }
        o->left--;
        o->after = seq;
        return rv_cancelled(o->call) ? -ETIMEDOUT : o->each(o->state, seq, line, n);
}

static int is_segment(const struct dirent *d)
{
        uint64_t first, last;
        int n = 0;
        return sscanf(d->d_name, "audit-%" SCNu64 "-%" SCNu64 ".jsonl%n", &first, &last, &n) == 2 && n &&
               !d->d_name[n];
}

static int put_file(struct out *o, const char *path)
{
        FILE *f = fopen(path, "re");
        char *line = NULL;
        size_t cap = 0;
        int r = f ? 0 : -errno;
        for (ssize_t n; r == 0 && (n = getline(&line, &cap, f)) > 0;) {
                uint64_t seq;
                n -= line[n - 1] == '\n';
                if (sscanf(line, "{\"seq\":\"%" SCNu64, &seq) == 1)
                        r = put(o, seq, line, (size_t)n);
        }
        free(line);
        if (f)
                fclose(f);
        return r;
}

/* What has gone from the database, as far as it is kept. */
static int put_segments(struct out *o, const struct rv_state *s)
{
        char folder[600], path[900];
        struct dirent **files;
        const char *slash = strrchr(s->path, '/');
        snprintf(folder, sizeof folder, "%.*s/audit", slash ? (int)(slash - s->path) : 0, s->path);
        int n = scandir(folder, &files, is_segment, alphasort),
            r = 0; /* numbers have 12 digits: in their order */
        for (int i = 0; i < n; i++) {
                uint64_t first, last = 0;
                if (sscanf(files[i]->d_name, "audit-%" SCNu64 "-%" SCNu64, &first, &last) == 2 &&
                    last > o->after && r == 0) {
                        snprintf(path, sizeof path, "%s/%.250s", folder, files[i]->d_name);
                        r = put_file(o, path);
                }
                free(files[i]);
        }
        if (n >= 0)
                free(files);
        return r;
}

static int put_database(struct out *o, sqlite3 *db)
{
        sqlite3_stmt *q;
        int r = sqlite3_prepare_v2(
                db, "SELECT " RV_AUDIT_NAMES ", hash FROM audit WHERE seq > ? ORDER BY seq", -1, &q, NULL);
        if (r != SQLITE_OK)
                return -EIO;
        sqlite3_bind_int64(q, 1, (int64_t)o->after);
        for (r = 0; r == 0 && sqlite3_step(q) == SQLITE_ROW;) {
                struct rv_buf b = { 0 };
                rv_audit_line(&b, q);
                r = b.failed ? -ENOMEM : put(o, (uint64_t)sqlite3_column_int64(q, 0), b.data, b.len - 1);
                rv_buf_free(&b);
        }
        sqlite3_finalize(q);
        return r;
}

int rv_stats_export_audit(const struct rv_call *call, uint64_t after, uint64_t most,
                          int (*each)(void *, uint64_t, const char *, size_t), void *state, bool *ret_more,
                          char *why, size_t size)
{
        struct rv_agent *agent = call->core;
        struct out o = { .call = call, .after = after, .left = most, .each = each, .state = state };
        sqlite3 *db = rv_state_reader(&agent->state, why, size);
        if (!db)
                return -ENOENT;
        sqlite3_exec(db, "BEGIN", NULL, NULL,
                     NULL); /* one view of it: what is trimmed meanwhile is still seen */
        sqlite3_stmt *look = NULL;
        if (sqlite3_prepare_v2(db, "SELECT 1 FROM audit LIMIT 1", -1, &look, NULL) == SQLITE_OK)
                sqlite3_step(look);
        sqlite3_finalize(look);
        int r = put_segments(&o, &agent->state);
        if (r == 0)
                r = put_database(&o, db);
        sqlite3_close_v2(db);
        *ret_more = o.more;
        return r == RV_STOP ? 0 : r;
}

/* ---- the check, without an agent ---- */

struct check {
        char before[65];
        uint64_t seq, records; /* seq: the last one's; 0: none yet */
};

static bool fits(struct check *c, const char *line, const char **why)
{
        static const char names[] = RV_AUDIT_NAMES ", ";
        const char *columns[RV_AUDIT_COLUMNS], *at = names;
        char hash[65];
        json_t *j = json_loads(line, 0, NULL);
        const char *kept = json_string_value(json_object_get(j, "hash")),
                   *number = json_string_value(json_object_get(j, "seq"));
        uint64_t seq = number ? strtoull(number, NULL, 10) : 0;
        for (int i = 0; i < RV_AUDIT_COLUMNS; i++) {
                char name[32];
                size_t n = strcspn(at, ",");
                snprintf(name, sizeof name, "%.*s", (int)n, at);
                columns[i] = json_string_value(json_object_get(j, name));
                at += n + 2;
        }
        *why = !kept || !seq                     ? "it is no record"
               : c->records && seq != c->seq + 1 ? "records are missing before it"
                                                 : NULL;
        if (!*why && (c->records || seq == 1)) {
                rv_audit_chain(c->before, columns, hash);
                if (strcmp(hash, kept) != 0)
                        *why = "its hash does not fit it and the record before it";
        }
        snprintf(c->before, sizeof c->before, "%s", kept ? kept : "");
        c->seq = seq;
        c->records++;
        json_decref(j);
        return !*why;
}

/* Files in the order of their numbers. */
int rv_audit_verify_files(int n, char **paths)
{
        struct check c = { .seq = 0 };
        char *line = NULL, first[80] = "";
        size_t cap = 0;
        for (int i = 0; i < n; i++) {
                FILE *f = fopen(paths[i], "re");
                unsigned at = 0;
                if (!f) {
                        fprintf(stderr, "%s: %s\n", paths[i], strerror(errno));
                        return 2;
                }
                while (getline(&line, &cap, f) > 0) {
                        const char *why;
                        at++;
                        if (!fits(&c, line, &why)) {
                                fprintf(stderr, "%s:%u: %s\n", paths[i], at, why);
                                fclose(f);
                                free(line);
                                return 1;
                        }
                        if (c.records == 1)
                                snprintf(first, sizeof first, "%" PRIu64 "%s", c.seq,
                                         c.seq == 1 ? "" : " (whose own hash is taken as it is)");
                }
                fclose(f);
        }
        free(line);
        printf("%" PRIu64 " records fit, from %s to %" PRIu64 "; the last one's hash is %s\n", c.records,
               first, c.seq, c.before);
        return 0;
}
