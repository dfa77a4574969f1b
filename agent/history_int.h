/* SPDX-License-Identifier: MIT
 *
 * Between history_read.c and history_changes.c. Private to them.
 */
#ifndef RV_HISTORY_INT_H
#define RV_HISTORY_INT_H

#include <jansson.h>

#include "schema/row.h"

/* One row with that state, or NULL. The caller's. */
struct rv_batch *rv_history_batch(const struct rv_class *, const json_t *state);

#endif
