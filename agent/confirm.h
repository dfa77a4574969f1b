/* SPDX-License-Identifier: MIT
 *
 * Confirmed changes: a change made with ConfirmWithin is put back by itself unless it is confirmed in time over another
 * connection than the one it was made over. Who cuts himself off from a host is let in again.
 *
 * A guard (guard.c), a process of its own, first notes the objects of the classes that the changed class names in
 * [Confirmed], and only then the change is made; so an agent that is killed takes nothing of this with it. What is
 * under way is a file in STATE/confirm, named by its state: ID.pending, ID.reverting, ID.reverted, ID.failed. Removing
 * ID.pending is the confirmation; the guard renames it when it begins, so exactly one of the two happens.
 *
 * Who ends a guard politely (SIGTERM), as a host that stops does with all processes, has it put back at once: nobody
 * else would in time. Under systemd a guard has a scope of its own, which is stopped before the agent is.
 */
#ifndef RV_CONFIRM_H
#define RV_CONFIRM_H

#include "agent/provider.h"
#include "schema/json.h"

enum { RV_CONFIRM_MOST = 86400, RV_CONFIRM_PENDING = 32, RV_CONFIRM_KEPT = 50 };

/* A change that waits for its confirmation; part of a scan. */
struct rv_confirm {
        unsigned within; /* seconds; 0: this change needs no confirmation */
        char id[24];     /* once it is guarded */
        int64_t revert_at; /* ns since 1970 */
};

/* The folder, and guards for what an agent before this one left. On the loop, once. */
void rv_confirm_start(const char *state_folder, const char *socket);
/* Before a change, on the provider's thread: the guard has noted everything when this answers RV_OK. arguments: a
 * method's, as JSON, or NULL. */
int rv_confirm_begin(struct rv_confirm *, const struct rv_call *, const char *arguments, struct rv_error *);
/* ,"Transaction":"ID","RevertAt":"..." for the answer. */
void rv_confirm_put(const struct rv_confirm *, struct rv_buf *, bool first);
/* The change did not happen. */
void rv_confirm_drop(struct rv_confirm *);

/* ---- guard.c ---- */
/* The guard's own main: --guard FILE [--socket PATH] [--state DIR]; descriptor 3, if open, is told when it is ready. */
int rv_guard_main(int argc, char **argv);

#endif
