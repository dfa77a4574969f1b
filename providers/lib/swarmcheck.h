/* SPDX-License-Identifier: MIT
 *
 * What would become of a service's specification, before the swarm is given it. A swarm takes almost anything, stops
 * the old tasks and then tries for ever to start new ones; what can be known to fail is refused here.
 */
#ifndef RV_SWARMCHECK_H
#define RV_SWARMCHECK_H

#include "providers/lib/swarm.h"

struct rv_swarm_check {
        json_t *from, *to; /* specs; from NULL: a new service. `to` gets the image's digest */
        const char *id;    /* of the service, or NULL */
        bool no_resolve;   /* the image is taken as it is named */
        json_t *warnings;  /* an array, or NULL */
};
int rv_swarm_check(struct rv_talk *, const struct rv_swarm_check *, struct rv_error *);
/* Nodes that are ready, active and fit a spec's constraints. */
unsigned rv_swarm_eligible(json_t *nodes, json_t *spec);
/* Whether its tasks are to be others. */
bool rv_swarm_other_tasks(json_t *from, json_t *to);

#endif
