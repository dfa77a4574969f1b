/* SPDX-License-Identifier: MIT
 *
 * Classes as SQLite's virtual tables, read-only. A column is a property; what a query does not use is not read, equal
 * conditions on numbers, booleans and texts reach the provider, a cursor that is closed early ends its scan.
 */
#ifndef RV_VTAB_H
#define RV_VTAB_H

#include <sqlite3.h>

#include "agent/agent.h"

struct rv_sql {
        struct rv_job job;
        struct rv_work back;
        struct rv_agent *agent;
        struct rv_request *request; /* the loop's; NULL: nobody waits */
        struct rv_identity who;
        uint64_t deadline, rows;
        int64_t at; /* all tables as they were then; 0: as they are */
        atomic_bool cancelled;
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

int rv_vtab_register(struct rv_sql *, sqlite3 *); /* an SQLite result */
void rv_sql_complain(struct rv_sql *, const struct rv_error *);
/* Work on a thread of the SQL pool that answers {"Instances":[...]}. Submitting takes it, also when it fails. */
struct rv_sql *rv_sql_new(struct rv_request *, void (*work)(struct rv_sql *));
int rv_sql_submit(struct rv_request *, struct rv_sql *, struct rv_error *);
void rv_sql_free(struct rv_sql *);

#endif
