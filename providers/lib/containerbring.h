/* SPDX-License-Identifier: MIT
 *
 * Containers as instances that are written: made, changed and removed to be as they are wished (containerwish.h).
 *
 * What the engine can change is changed while it is there (restart policy, limits, name, networks, state). For anything
 * else it is made anew, which `Changed` tells as another Id: it keeps what was not wished, its networks and its
 * volumes, and the old one goes only when the new one is there and runs if it should.
 */
#ifndef RV_CONTAINERBRING_H
#define RV_CONTAINERBRING_H

#include "agent/provider.h"

int rv_container_made(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_container_brought(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_container_gone(struct rv_call *, struct rv_error *);
int rv_container_meets(struct rv_call *, unsigned property, const struct rv_arg *wish, bool *ret,
                       struct rv_error *);

#endif
