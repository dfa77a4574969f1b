/* SPDX-License-Identifier: MIT
 *
 * What happens in the swarm, while somebody watches. An engine tells of nodes, services and its own containers, but
 * never of tasks: those are read again and compared, at once when the engine tells of anything, and each second for
 * what other hosts do. While nobody watches there is no thread and nothing is asked.
 */
#ifndef RV_SWARMWATCH_H
#define RV_SWARMWATCH_H

#include <jansson.h>

#include "schema/error.h"

enum rv_swarm_topic {
        /* Something of the class may have changed. */
        RV_SWARM_NODES,
        RV_SWARM_SERVICES,
        RV_SWARM_TASKS,
        /* These have events. */
        RV_SWARM_TASK_CHANGED, /* {Task, Service, Node: names; Was: state or null; State; task: its document} */
        RV_SWARM_CONVERGED, /* {Service, Id, Running, Desired} */
        RV_SWARM_STALLED,   /* the same, and Reason */
        RV_SWARM_QUORUM,    /* {Reason, Lost} */
        RV_SWARM_TOPICS
};

/* A descriptor that is readable while there is news; -errno with the error described. One watcher a topic: a second one
 * takes its place. Never blocks. */
int rv_swarm_watch(enum rv_swarm_topic, struct rv_error *);
/* Closes it. */
void rv_swarm_unwatch(enum rv_swarm_topic, int fd);
/* The next event; json_decref() it. NULL: there is none now. *ret_lost: some were dropped before it. Takes the news of
 * a topic that has no events away. */
json_t *rv_swarm_next(enum rv_swarm_topic, int *ret_lost);

#endif
