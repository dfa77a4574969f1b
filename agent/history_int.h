/* SPDX-License-Identifier: MIT
 *
 * Between history_read.c and history_changes.c. Private to them.
 */
#ifndef RV_HISTORY_INT_H
#define RV_HISTORY_INT_H

#include <jansson.h>

#include "agent/agent.h"
#include "schema/row.h"

/* One row with that state, or NULL. The caller's. */
struct rv_batch *rv_history_batch(const struct rv_class *, const json_t *state);
/* What somebody may see of a class. */
struct rv_sight {
        const struct rv_class *class;
        struct rv_plan plan;
        bool denied;
};
enum { RV_SIGHTS = 64 };
struct rv_sights {
        const struct rv_call *call;
        struct rv_role_set *roles;
        struct rv_arena arena;
        struct rv_sight v[RV_SIGHTS];
        unsigned n;
};
void rv_sights_init(struct rv_sights *, const struct rv_call *);
void rv_sights_free(struct rv_sights *);
/* NULL: the class is not there any more, or not for him. */
const struct rv_sight *rv_sight_of(struct rv_sights *, const char *class_name);
/* A state without what the reader of a plan may not see (the caller's); NULL: nothing of it. */
json_t *rv_history_visible(const struct rv_plan *, const char *text);

#endif
