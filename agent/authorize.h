/* SPDX-License-Identifier: MIT
 *
 * Who may do what. Everything is denied that no rule allows. There are three rules, in this order:
 *
 *      root    local root (uid 0) has everything
 *      self    so has the user that the agent itself runs as
 *      group   and so have members of the group reeve-admin, where there is one
 *
 * A denial names the rules that were tried. The router asks here, in one place, for whatever is asked of the agent.
 */
#ifndef RV_AUTHORIZE_H
#define RV_AUTHORIZE_H

#include "agent/identity.h"
#include "schema/class.h"
#include "schema/error.h"

#define RV_ADMIN_GROUP "reeve-admin"

/* Classes of right, from harmless to dangerous. */
enum rv_right { RV_RIGHT_CONNECT, RV_RIGHT_SCHEMA, RV_RIGHT_READ, RV_RIGHT_CHANGE };

struct rv_policy {
        uid_t self;
        gid_t admin_group;  /* (gid_t)-1: there is none */
        char **admins;      /* names listed in it, NULL at the end */
};

int rv_policy_load(struct rv_policy *);   /* may ask the name service: at start only */
void rv_policy_free(struct rv_policy *);
/* Whether a user of these groups is an administrator by rule "group"; for whoever makes an identity. */
bool rv_policy_is_admin(const struct rv_policy *, const char *user, const gid_t *groups, size_t ngroups);
/* class and method may be NULL where the right has none. */
int rv_authorize(const struct rv_policy *, const struct rv_identity *, enum rv_right, const struct rv_class *,
                 const char *method, struct rv_error *);

#endif
