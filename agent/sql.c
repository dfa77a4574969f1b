/* SPDX-License-Identifier: MIT
 *
 * SQL over all classes: a thread of its own pool, an empty database in memory, the classes as virtual tables
 * (vtab.c). Only reading is let through; time, operations, memory and the size of the result are bounded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/vtab.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

enum { STEPS = 10000, MOST_COLUMNS = 500, ANSWER_NS = 100000000 };

static int authorize(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
        (void)a, (void)c, (void)d;
        if (((struct rv_sql *)arg)->declaring)
                return SQLITE_OK;
        if (action == SQLITE_FUNCTION)
                return b && (sqlite3_stricmp(b, "load_extension") == 0 || sqlite3_stricmp(b, "fts3_tokenizer") == 0)
                               ? SQLITE_DENY
                               : SQLITE_OK;
        return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE ? SQLITE_OK
                                                                                              : SQLITE_DENY;
}

static int go_on(void *arg)
{
        struct rv_sql *s = arg;
        return atomic_load(&s->cancelled) || rv_now() > s->deadline;
}

void rv_sql_complain(struct rv_sql *s, const struct rv_error *e)
{
        rv_buf_puts(&s->partial, s->partial.len ? "," : "");
        rv_json_error(&s->partial, e);
}

void rv_sql_limit(sqlite3 *db)
{
        static const int limits[][2] = {
                { SQLITE_LIMIT_LENGTH, 16 << 20 },     { SQLITE_LIMIT_SQL_LENGTH, 100000 },
                { SQLITE_LIMIT_COLUMN, MOST_COLUMNS }, { SQLITE_LIMIT_EXPR_DEPTH, 100 },
                { SQLITE_LIMIT_COMPOUND_SELECT, 50 },  { SQLITE_LIMIT_VDBE_OP, 250000 },
                { SQLITE_LIMIT_ATTACHED, 0 },          { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000 }
        };
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
                sqlite3_limit(db, limits[i][0], limits[i][1]);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_hard_heap_limit64(INT64_C(256) << 20); /* of all queries together */
}

/* Names of the columns; a second one of a name gets a number, so that an object has each once. NULL: no memory. */
static char **column_names(sqlite3_stmt *q, int n)
{
        char **names = calloc((size_t)n + 1, sizeof *names);
        for (int i = 0; names && i < n; i++) {
                int same = 1;
                const char *name = sqlite3_column_name(q, i);
                for (int k = 0; k < i; k++)
                        same += sqlite3_stricmp(sqlite3_column_name(q, k), name) == 0;
                if (name && asprintf(&names[i], same > 1 ? "%s:%d" : "%s", name, same) >= 0)
                        continue;
                while (i-- > 0)
                        free(names[i]);
                free(names);
                return NULL;
        }
        return names;
}

static void put_real(struct rv_buf *b, double d)
{
        static const struct rv_property p = { .name = "x", .type = RV_CIM_REAL64 };
        static const struct rv_class c = {
                .name = "x", .name_space = "root/reeve", .properties = &p, .nproperties = 1
        };
        struct rv_value v = { .type = RV_REAL, .d = d };
        struct rv_batch row = {
                .class = &c, .n = 1, .mem = (uint8_t *)&v, .used = sizeof v, .cap = sizeof v
        };
        struct rv_buf text = { 0 };
        rv_json_row(&text, &row, 0, NULL, 0);
        rv_buf_put(b, text.data ? text.data + 5 : "null", text.data ? text.len - 6 : 4); /* {"x":...} */
        rv_buf_free(&text);
}

static void put_value(struct rv_buf *b, sqlite3_stmt *q, int i)
{
        const char *type = sqlite3_column_decltype(q, i);
        const char *s;
        switch (sqlite3_column_type(q, i)) {
        case SQLITE_INTEGER:
                if (type && strcmp(type, "BOOLEAN") == 0)
                        rv_buf_puts(b, sqlite3_column_int(q, i) ? "true" : "false");
                else
                        rv_buf_int(b, sqlite3_column_int64(q, i));
                break;
        case SQLITE_FLOAT: put_real(b, sqlite3_column_double(q, i)); break;
        case SQLITE_NULL: rv_buf_puts(b, "null"); break;
        default:
                s = (const char *)sqlite3_column_text(q, i);
                if (type && strncmp(type, "JSON", 4) == 0)
                        rv_buf_put(b, s, (size_t)sqlite3_column_bytes(q, i));
                else
                        rv_json_string(b, s ? s : "", s ? (size_t)sqlite3_column_bytes(q, i) : 0);
        }
}

static int rows(struct rv_sql *s, sqlite3_stmt *q)
{
        int n = sqlite3_column_count(q), r;
        char **names = column_names(q, n);
        if (!names)
                return SQLITE_NOMEM;
        while ((r = sqlite3_step(q)) == SQLITE_ROW && !s->out.failed) {
                if (s->explain) {
                        s->rows++;
                        continue;
                }
                size_t whole = s->out.len;
                rv_buf_puts(&s->out, s->rows++ ? ",{" : "{");
                for (int i = 0; i < n; i++) {
                        if (i)
                                rv_buf_put(&s->out, ",", 1);
                        rv_json_text(&s->out, names[i]);
                        rv_buf_put(&s->out, ":", 1);
                        put_value(&s->out, q, i);
                }
                rv_buf_put(&s->out, "}", 1);
                if (s->out.failed && s->rows > 1) { /* the rows before it are whole */
                        s->out.len = whole;
                        s->rows--;
                }
        }
        for (int i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return r;
}

static void describe(struct rv_sql *s, sqlite3 *db, int r)
{
        if (s->error.code) /* a table has said it better */
                return;
        if (s->out.failed || r == SQLITE_NOMEM || r == SQLITE_TOOBIG) {
                rv_hint(&s->error, "Select fewer columns, or add a LIMIT.");
                rv_fail(&s->error, RV_SERVER_LIMITS_EXCEEDED, "the query takes more memory than it may");
        } else if (r == SQLITE_INTERRUPT) {
                rv_fail(&s->error, RV_TIMED_OUT, "the query did not end within the deadline");
        } else if (r == SQLITE_AUTH) {
                rv_hint(&s->error, "Objects are changed by InvokeMethod, SetInstance and the like.");
                rv_fail(&s->error, RV_INVALID_QUERY, "only SELECT is allowed: %s", sqlite3_errmsg(db));
        } else {
                int at = sqlite3_error_offset(db);
                rv_hint(&s->error, "EnumerateClasses lists the tables.");
                if (at >= 0)
                        rv_fail(&s->error, RV_INVALID_QUERY, "%s at position %d", sqlite3_errmsg(db), at + 1);
                else
                        rv_fail(&s->error, RV_INVALID_QUERY, "%s", sqlite3_errmsg(db));
        }
}

/* What was found before a budget was used up stands, beside what is said of the rest. */
static void keep_rows(struct rv_sql *s, int r)
{
        bool late = s->error.code == RV_TIMED_OUT && r == SQLITE_INTERRUPT,
             large = s->error.code == RV_SERVER_LIMITS_EXCEEDED && s->out.failed && s->out.len < s->out.max;
        if (!s->rows || s->explain || atomic_load(&s->cancelled) || (!late && !large))
                return;
        struct rv_error e = s->error;
        if (late)
                rv_fail(&e, RV_TIMED_OUT,
                        "the query did not end within the deadline: rows after the first %llu are missing",
                        (unsigned long long)s->rows);
        else
                rv_fail(&e, RV_SERVER_LIMITS_EXCEEDED,
                        "the result is larger than %d MiB: rows after the first %llu are missing",
                        RV_REPLY_BYTES >> 20, (unsigned long long)s->rows);
        s->out.failed = false;
        s->out.max = 0;
        s->error = (struct rv_error) { 0 };
        rv_sql_complain(s, &e);
}

static int query(struct rv_sql *s, sqlite3 *db)
{
        sqlite3_stmt *q = NULL;
        const char *tail = "";
        rv_sql_limit(db);
        int r = rv_vtab_register(s, db);
        const char *explained = rv_explain_text(s->text);
        if (r == SQLITE_OK)
                r = rv_sql_functions(db);
        if (explained && !(s->explain = rv_explain_new()))
                r = SQLITE_NOMEM;
        if (r == SQLITE_OK)
                r = sqlite3_exec(db, "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=0", NULL, NULL, NULL);
        sqlite3_set_authorizer(db, authorize, s);
        sqlite3_progress_handler(db, STEPS, go_on, s);
        if (r == SQLITE_OK)
                r = sqlite3_prepare_v2(db, explained ? explained : s->text, -1, &q, &tail);
        tail += strspn(tail, " \t\r\n;");
        if (r == SQLITE_OK && (!q || *tail)) {
                rv_fail(&s->error, RV_INVALID_QUERY, q ? "one statement at a time" : "the query is empty");
                r = SQLITE_ERROR;
        }
        if (r == SQLITE_OK)
                r = rows(s, q);
        if (r != SQLITE_DONE || s->out.failed)
                describe(s, db, r);
        keep_rows(s, r);
        sqlite3_finalize(q);
        if (s->explain && !s->error.code)
                rv_explain_finish(s->explain, s);
        free(s->explain);
        s->explain = NULL;
        return r;
}

static void work_sql(struct rv_sql *s)
{
        sqlite3 *db = NULL;
        int r = sqlite3_open_v2(":memory:", &db,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
        if (r == SQLITE_OK)
                query(s, db);
        else
                rv_fail(&s->error, RV_UNAVAILABLE, "cannot make a database: %s", sqlite3_errstr(r));
        sqlite3_close_v2(db);
}

static void run(struct rv_job *job)
{
        struct rv_sql *s = OF(job, struct rv_sql, job);
        s->work(s);
        rv_loop_post(&s->agent->loop, &s->back);
}

void rv_sql_free(struct rv_sql *s)
{
        if (s->what)
                s->what_free(s->what);
        free(s->text);
        rv_buf_free(&s->out);
        rv_buf_free(&s->partial);
        free(s);
}

/* With a partialResultToken the rows go before the result. */
static void send_rows(struct rv_request *q, struct rv_sql *s)
{
        static const char head[] = "{\"Instances\":[";
        json_t *given = json_object_get(q->params, "partialResultToken");
        char *token =
                given && !json_is_null(given) ? json_dumps(given, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        const size_t n = sizeof head - 1;
        if (!token)
                return;
        if (s->out.len > n) {
                struct rv_buf b = { 0 };
                rv_buf_putf(&b, "{\"token\":%s,\"value\":[", token);
                rv_buf_put(&b, s->out.data + n, s->out.len - n);
                rv_buf_puts(&b, "]}");
                if (!b.failed)
                        rv_notify(q->session, "$/progress", b.data, b.len);
                rv_buf_free(&b);
        }
        s->out.len = n;
        free(token);
}

static void on_back(struct rv_work *w)
{
        struct rv_sql *s = OF(w, struct rv_sql, back);
        struct rv_request *q = s->request;
        if (q) {
                q->sql = NULL;
                if (s->error.code == RV_ACCESS_DENIED)
                        rv_request_denied(q, &s->error);
                if (s->error.code) {
                        rv_answer_error(q, &s->error);
                } else if (s->finish) {
                        s->finish(s, q);
                } else {
                        send_rows(q, s);
                        rv_buf_puts(&s->out, "]");
                        if (s->partial.len) {
                                rv_buf_puts(&s->out, ",\"Partial\":[");
                                rv_buf_put(&s->out, s->partial.data, s->partial.len);
                                rv_buf_puts(&s->out, "]");
                        }
                        rv_buf_puts(&s->out, "}");
                        rv_answer(q, s->out.data, s->out.len);
                }
        }
        rv_sql_free(s);
}

void rv_sql_orphan(struct rv_request *q)
{
        struct rv_sql *s = q->sql;
        if (!s)
                return;
        q->sql = NULL;
        s->request = NULL;
        atomic_store(&s->cancelled, true);
        if (rv_pool_withdraw(&s->agent->sql, &s->job))
                rv_sql_free(s);
}

struct rv_sql *rv_sql_new(struct rv_request *q, void (*work)(struct rv_sql *))
{
        struct rv_sql *s = calloc(1, sizeof *s);
        if (!s)
                return NULL;
        s->job.run = run;
        s->back.run = on_back;
        s->work = work;
        s->agent = q->agent;
        s->who = q->session->who;
        uint64_t now = rv_now(), left = q->deadline > now ? q->deadline - now : 0;
        s->deadline = q->deadline -
                      (left / 10 > ANSWER_NS ? ANSWER_NS : left / 10); /* in time to tell what there is */
        s->out.max = RV_REPLY_BYTES;
        rv_buf_puts(&s->out, "{\"Instances\":[");
        return s;
}

static int take_share(struct rv_request *q, struct rv_error *err)
{
        unsigned user, others;
        if (rv_policy_has_all(&q->agent->policy, &q->session->who))
                return RV_OK;
        rv_session_load(q->agent, q->session->who.uid, true, &user, &others);
        if (others < RV_SQL_OF_OTHERS)
                return RV_OK;
        rv_hint(err, "Ask again when those have ended.");
        rv_fail(err, RV_SERVER_LIMITS_EXCEEDED,
                "%u queries over several classes are under way, %u of them yours", others, user);
        err->retryable = true;
        return err->code;
}

int rv_sql_submit(struct rv_request *q, struct rv_sql *s, struct rv_error *err)
{
        int r = take_share(q, err);
        if (r == RV_OK)
                r = rv_request_arm(q);
        if (r == RV_OK)
                r = rv_pool_submit(&q->agent->sql, &s->job, err);
        if (r) {
                rv_sql_free(s);
                return r;
        }
        s->request = q;
        q->sql = s;
        q->shape = RV_SHAPE_SQL;
        return RV_OK;
}

int rv_request_sql(struct rv_request *q, const char *text, struct rv_error *err)
{
        if (json_string_length(json_object_get(q->params, "Query")) != strlen(text))
                return rv_fail(err, RV_INVALID_QUERY, "a NUL in the query");
        int r = rv_request_at(q, err);
        if (r)
                return r;
        if (!q->ask.at && rv_sql_quick(q, text)) {
                json_t *given = json_object_get(q->params, "partialResultToken");
                if (given && !json_is_null(given))
                        q->token = json_dumps(given, JSON_ENCODE_ANY | JSON_COMPACT);
                return rv_request_scan(q, err);
        }
        struct rv_sql *s = rv_sql_new(q, work_sql);
        if (!s || !(s->text = strdup(text))) {
                if (s)
                        rv_sql_free(s);
                return -ENOMEM;
        }
        s->at = q->ask.at;
        return rv_sql_submit(q, s, err);
}
