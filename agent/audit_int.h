/* SPDX-License-Identifier: MIT
 *
 * Between audit.c (writing), audit_read.c (reading, checking) and audit_trim.c (keeping it bounded). Private to them.
 */
#ifndef RV_AUDIT_INT_H
#define RV_AUDIT_INT_H

#include "agent/audit.h"
#include "schema/json.h"

enum { RV_AUDIT_FIRST_COLUMNS = 18, RV_AUDIT_COLUMNS = 20 }; /* of the table, without the hash */
#define RV_AUDIT_NAMES \
        "seq, intent, time, session, user, uid, source, operation, class, key, method, arguments, request_key, " \
        "result, status, message, changed, duration, roles, elevation"

void rv_audit_chain(const char *before, const char *const *columns, char ret[65]);
/* A record with its hash, RV_AUDIT_NAMES and hash, as a line of JSON. */
void rv_audit_line(struct rv_buf *, sqlite3_stmt *);
int rv_audit_insert(struct rv_audit *, sqlite3 *, bool outcome);
/* After a record was written: now and then, whether there are too many. On the writer's thread; never fails the
 * write. */
void rv_audit_trim(struct rv_state *, sqlite3 *, int64_t seq);

#endif
