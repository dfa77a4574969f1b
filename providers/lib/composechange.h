/* SPDX-License-Identifier: MIT
 *
 * What is done to a Compose project as a whole, container by container in the order in which they depend on each other.
 *
 * A step that fails ends it, with the container's name; what was done before stays, and the same call again does the
 * rest. What-if tells every step by the container's, network's or volume's name.
 */
#ifndef RV_COMPOSECHANGE_H
#define RV_COMPOSECHANGE_H

#include "agent/provider.h"

struct rv_compose_order {
        const char *project, *engine; /* engine NULL: the first that has the project */
        const struct rv_arg *services; /* only these; none: all */
        uint32_t nservices;
        bool stop, start, remove; /* in this order; remove: networks as well */
        bool volumes;
        const uint32_t *timeout; /* seconds; NULL: each container's own */
};

int rv_compose_do(struct rv_call *, const struct rv_compose_order *, struct rv_error *);
/* Exactly one service, this many containers. */
int rv_compose_scale(struct rv_call *, const struct rv_compose_order *, uint32_t replicas, struct rv_error *);

#endif
