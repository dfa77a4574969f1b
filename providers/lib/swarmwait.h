/* SPDX-License-Identifier: MIT
 *
 * Waiting until a service's tasks are as its specification says, and telling why they are not.
 */
#ifndef RV_SWARMWAIT_H
#define RV_SWARMWAIT_H

#include "providers/lib/swarm.h"

/* How a service stands, from its document and its tasks (an array of all of them). */
struct rv_swarm_state {
        unsigned desired, running, current; /* current: of those that run, how many are as the spec says */
        bool updating, stopped;             /* stopped: the update was paused or undone */
        char failing[240];                  /* the newest task that failed or cannot be placed: which, where, why */
        unsigned failures;                  /* most failures of one slot; tasks of `known` aside */
};
/* known: an object whose members are ids of tasks that were there before and tell nothing, or NULL. nodes: or NULL. */
void rv_swarm_state(json_t *service, json_t *tasks, json_t *nodes, json_t *known, struct rv_swarm_state *);
/* As service inspect and task ls have it: Running == Desired and no update under way. */
bool rv_swarm_converged(json_t *service, const struct rv_swarm_state *);
/* "web.2", or "web.NODE" of a global service's task. */
void rv_swarm_task_name(json_t *task, const char *service, char *ret, size_t size);

/* Ids of the tasks that a service has now, as an object. */
int rv_swarm_known(struct rv_talk *, const char *id, json_t **ret, struct rv_error *);
struct rv_swarm_wish {
        const char *id;  /* of the service */
        json_t *known;   /* as for rv_swarm_state() */
        uint64_t stable; /* ns that all tasks must have run */
        bool back;       /* an update that the swarm has undone is no failure: that was wanted, or is past */
};
/* Until all tasks have run for a while, telling progress. FAILED where the swarm gave up or tasks fail again and again;
 * TIMED_OUT just before the call's deadline, with how far it has come. */
int rv_swarm_wait(struct rv_call *, struct rv_talk *, const struct rv_swarm_wish *, struct rv_error *);

#endif
