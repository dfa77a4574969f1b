/* SPDX-License-Identifier: MIT
 *
 * Conditional reads: a request with Since gets a revision with its result, and the next one that names it gets a few
 * bytes when nothing has changed. A revision belongs to one question of one user.
 *
 *      w8d1f03aa-5-17-91c2...   the class is watched (watch.h) because the system tells of its changes: as long as the
 *                               watch has seen none that the question is about (17 so far), nothing is read at all
 *      h91c2...                 what was answered, as a number: it is read again, but not sent
 *
 * A watch lives for RV_REVISION_LINGER after the last question; there are at most RV_REVISIONS of them.
 */
#ifndef RV_REVISION_H
#define RV_REVISION_H

#include "agent/agent.h"

enum { RV_REVISIONS = 256 };
#define RV_REVISION_LINGER UINT64_C(60000000000) /* ns */

/* Before a scan is begun, classes and ask are filled. True: the request has been answered. */
bool rv_revision_unchanged(struct rv_request *);
/* The result is in q->out, but for its last brace: adds the revision, or makes it {"Unchanged":true,...}. */
void rv_revision_finish(struct rv_request *);
void rv_revisions_free(struct rv_agent *);

#endif
