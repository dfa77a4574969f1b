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
        atomic_bool cancelled;
        bool declaring; /* a table: SQLite asks the authorizer about its CREATE TABLE, too */
        char *text;
        struct rv_buf out, partial;
        struct rv_error error;
};

int rv_vtab_register(struct rv_sql *, sqlite3 *); /* an SQLite result */
void rv_sql_complain(struct rv_sql *, const struct rv_error *);

#endif
