/* SPDX-License-Identifier: MIT
 *
 * Rows of a class for a thread that waits for them (SQL). Scans live on the loop; a pull hands their batches over, at
 * most RV_PULL_QUEUE ahead. The thread makes it, takes batches and lets it go; the loop does the rest.
 */
#ifndef RV_PULL_H
#define RV_PULL_H

#include "agent/agent.h"

#define RV_PULL_QUEUE 8

struct rv_pull;

/* Takes the arena (plan, keys). NULL when out of memory. */
struct rv_pull *rv_pull_new(struct rv_agent *, struct rv_entry *, const struct rv_identity *, uint64_t deadline,
                            struct rv_arena *, const struct rv_plan *);
/* The next batch, the caller's. NULL at the end: *ret_error tells what is missing (code 0: nothing). */
struct rv_batch *rv_pull_next(struct rv_pull *, const atomic_bool *cancelled, struct rv_error *ret_error);
/* Once it has ended: the CPU time of its provider's thread, or UINT64_MAX where there is none. False: not yet. */
bool rv_pull_cpu(struct rv_pull *, uint64_t *ret);
void rv_pull_free(struct rv_pull *);

#endif
