/* SPDX-License-Identifier: MIT
 *
 * Elevations: a role that somebody has for a time, because he asked for it and a second person agreed. An elevation is
 * nothing but another answer to the question whether a role fits somebody (rv_role_fits()), so it holds wherever roles
 * do, from the next request on, and stops there when it ends.
 *
 *      role file       [Elevate] who may ask, [Approve] who may agree; who has everything may, too
 *      elevate.c       what is asked for, who decides, when it ends
 *      elevate_plan.c  what a script would change: it is run with the role asked for, and every change is a what-if
 *
 * What always holds: nobody decides about what he asked for himself (same user id, name, login key or audit login
 * id). It is for sessions of the user that logged in as he had when he asked (the same key; local ones, if he was
 * local), while the role's file lets him ask. Time is CLOCK_BOOTTIME: setting the clock or sleeping gives nobody more.
 * All of it is memory of this agent: when the agent ends, every elevation has ended.
 */
#ifndef RV_ELEVATE_H
#define RV_ELEVATE_H

#include "agent/authorize.h"
#include "agent/stats.h"

enum {
        RV_ELEVATIONS_OPEN = 64, /* that wait, of all users */
        RV_ELEVATIONS_USER = 3,  /* of one */
        RV_ELEVATIONS_KEPT = 50, /* that are over */
        RV_ELEVATION_WAITS = 60, /* minutes for somebody to decide */
        RV_PLAN_LINES = 200,
        RV_PLAN_SECONDS = 20,
};

struct rv_agent;
struct rv_request;

void rv_elevations_start(struct rv_agent *);
void rv_elevations_stop(void);

/* ---- roles ---- */

/* Adds to a set that is being made, behind its last role, the one that lets those ask and approve whom a role says.
 * Nothing, where no role speaks of it. */
int rv_elevation_role(struct rv_role_set *, struct rv_role *room, const struct rv_registry *);
bool rv_elevated(const struct rv_role *, const struct rv_identity *, int64_t now);
/* He has this role only to do what a plan says, and the request of this digest is not in it. */
bool rv_elevation_bars(const struct rv_role *, const struct rv_identity *, int64_t now, const char *digest);
/* Whether any plan must be looked at for him: a digest is worth its time. */
bool rv_elevation_wants_digest(const struct rv_identity *);
/* Those in force for a session, "ID,ID"; "" none. */
void rv_elevation_ids(const struct rv_identity *, char *ret, size_t);
/* A row of Elevation: whether he may see it, and its plan. */
bool rv_elevation_shows(const struct rv_subject *, const struct rv_batch *, uint32_t row, bool *ret_plan);
bool rv_elevation_is_plan(unsigned property);
void rv_elevation_uses(uint64_t *properties);

/* ---- plans ---- */

struct rv_plan_of_script {
        char *lines[RV_PLAN_LINES + 1]; /* allocated; NULL at the end */
        char digests[RV_PLAN_LINES][65];
        unsigned n;     /* lines */
        unsigned nmust; /* digests */
        char errors[1000];
};

/* On a thread; as long as the script takes, at most RV_PLAN_SECONDS. */
int rv_plan_of_script(struct rv_agent *, const struct rv_identity *, const char *role, const char *script,
                      struct rv_plan_of_script **ret, struct rv_error *);
void rv_plan_of_script_free(struct rv_plan_of_script *);
/* A change that a session of a plan has asked for: its what-if. changes: its Changed as JSON without brackets. */
void rv_plan_note(struct rv_request *, int status, const char *message, const char *changes);
/* Operations that a plan's session may use. */
bool rv_plan_permits(const char *operation);
void rv_request_digest(const struct rv_request *,
                       char ret[65]); /* record.c: the same request, whoever asks when */

#endif
