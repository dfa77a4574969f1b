/* SPDX-License-Identifier: MIT
 *
 * Between history_read.c and history_changes.c. Private to them.
 */
#ifndef RV_HISTORY_INT_H
#define RV_HISTORY_INT_H

#include <jansson.h>

#include "agent/query.h"
#include "schema/row.h"

/* One row with that state, or NULL. The caller's. */
struct rv_batch *rv_history_batch(const struct rv_class *, const json_t *state);
/* A state without what the reader of a plan may not see (the caller's); NULL: nothing of it. */
json_t *rv_history_visible(const struct rv_plan *, const char *text);

#endif
