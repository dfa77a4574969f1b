/* SPDX-License-Identifier: MIT
 *
 * Classes as SQLite's virtual tables, read-only. A column is a property; what a query does not use is not read, equal
 * conditions on numbers, booleans and texts reach the provider, a cursor that is closed early ends its scan.
 */
#ifndef RV_VTAB_H
#define RV_VTAB_H

#include <sqlite3.h>

#include "agent/agent.h"

/* One way in which a query asked a class (sql_explain.c). */
enum { RV_EXPLAIN_WORDS = 16 };
struct rv_explain_scan {
        const struct rv_class *class;
        char plan[200];
        uint64_t scans, rows, waited, cpu;
        uint64_t properties[RV_EXPLAIN_WORDS], keys[RV_EXPLAIN_WORDS];
        bool cpu_known, stopped; /* not of providers on the loop; a scan that was ended early */
};
struct rv_explain;

struct rv_sql {
        struct rv_job job;
        struct rv_work back;
        struct rv_agent *agent;
        struct rv_request *request; /* the loop's; NULL: nobody waits */
        struct rv_identity who;
        uint64_t deadline, rows;
        int64_t at; /* all tables as they were then; 0: as they are */
        atomic_bool cancelled;
        struct rv_explain *explain; /* or NULL */
        bool declaring; /* a table: SQLite asks the authorizer about its CREATE TABLE, too */
        void (*work)(struct rv_sql *); /* on the thread: fills out, partial, error */
        /* On the loop, instead of the usual answer, when there was no error and somebody still waits. */
        void (*finish)(struct rv_sql *, struct rv_request *);
        char *text;
        void *what; /* of work(); freed by what_free() */
        void (*what_free)(void *);
        struct rv_buf out, partial;
        struct rv_error error;
};

/* sql_quick.c: a simple one, as a scan: the request's classes and ask are filled then. */
bool rv_sql_quick(struct rv_request *, const char *text);

/* ---- sql_explain.c ---- */
uint64_t rv_thread_cpu(void); /* ns of this thread */
const char *rv_explain_text(const char *); /* what is to be explained; NULL: nothing is */
struct rv_explain *rv_explain_new(void);
struct rv_explain_scan *rv_explain_scan(struct rv_explain *, const struct rv_class *, const char *plan); /* or NULL */
void rv_explain_finish(struct rv_explain *, struct rv_sql *);
/* ---- sql_functions.c ---- */
int rv_sql_functions(sqlite3 *); /* an SQLite result */
void rv_sql_limit(sqlite3 *);    /* sql.c: of memory, depth and so on */

int rv_vtab_register(struct rv_sql *, sqlite3 *); /* an SQLite result */
void rv_sql_complain(struct rv_sql *, const struct rv_error *);
/* Work on a thread of the SQL pool that answers {"Instances":[...]}. Submitting takes it, also when it fails. */
struct rv_sql *rv_sql_new(struct rv_request *, void (*work)(struct rv_sql *));
int rv_sql_submit(struct rv_request *, struct rv_sql *, struct rv_error *);
void rv_sql_free(struct rv_sql *);

#endif
