/* SPDX-License-Identifier: MIT
 *
 * Who may do what. Everything is denied that no rule allows. There are three rules of the house, in this order:
 *
 *      root    local root (uid 0) has everything
 *      self    so has the user that the agent itself runs as
 *      group   and so have members of the group reeve-admin, where there is one
 *
 * and those of the roles (role.h), for everybody else: what one role allows and none denies. A denial names role and
 * rule. A session whose login key has a role has that role only, whoever it is.
 *
 * The router asks here for whatever is asked of the agent: rv_authorize() about classes and methods, before anything is
 * looked at; rv_rights_plan() for every scan (scan.h), whoever wants its rows: JSON-RPC, WQL, SQL, associations;
 * rv_rights_change() for every change. Rules are about classes of providers: a view's rows and methods are its
 * source's.
 */
#ifndef RV_AUTHORIZE_H
#define RV_AUTHORIZE_H

#include <pthread.h>

#include "agent/identity.h"
#include "agent/role.h"
#include "schema/class.h"
#include "schema/error.h"

#define RV_ADMIN_GROUP "reeve-admin"

struct rv_plan;
struct rv_batch;

/* SCHEMA: know that the class is there, which whoever may do anything with it may. READ of a class that only its
 * subclasses' objects can be read of is allowed: the scans leave out the rest. */
enum rv_right {
        RV_RIGHT_CONNECT,
        RV_RIGHT_SCHEMA,
        RV_RIGHT_READ,
        RV_RIGHT_CREATE,
        RV_RIGHT_MODIFY,
        RV_RIGHT_DELETE,
        RV_RIGHT_INVOKE
};

struct rv_policy {
        uid_t self;
        gid_t admin_group; /* (gid_t)-1: there is none */
        char **admins;     /* names listed in it, NULL at the end */
        const struct rv_registry *registry;
        char folder[512];     /* roles.d */
        pthread_mutex_t lock; /* what follows */
        struct rv_role_set *roles;
        struct rv_error trouble; /* why the folder as it is now was not taken; code 0: it was */
};

int rv_policy_load(struct rv_policy *); /* may ask the name service: at start only */
void rv_policy_free(struct rv_policy *);
/* Reads the roles again. When they cannot be taken the old ones stay (at the start: none) and *err says why. Any
 * thread;
 * may block. */
int rv_policy_roles(struct rv_policy *, const char *folder_or_null, const struct rv_registry *,
                    struct rv_error *err);
struct rv_role_set *rv_policy_hold(struct rv_policy *); /* the roles as they are; rv_roles_drop() them */
/* Whether a user of these groups is an administrator by rule "group"; for whoever makes an identity. */
bool rv_policy_is_admin(const struct rv_policy *, const char *user, const gid_t *groups, size_t ngroups);
/* Whether somebody has everything: the roles need not be asked. */
bool rv_policy_has_all(const struct rv_policy *, const struct rv_identity *);

/* "root", "self", "group", or the roles that fit now: "a, b". */
void rv_policy_names(struct rv_policy *, const struct rv_identity *, char *ret, size_t size);

/* Of all roles that fit, the freest; Full for whoever has everything, None for nobody. */
enum rv_language rv_policy_language(struct rv_policy *, const struct rv_identity *);

/* class and method may be NULL where the right has none. Any thread. */
int rv_authorize(struct rv_policy *, const struct rv_identity *, enum rv_right, const struct rv_class *,
                 const char *method, struct rv_error *err);
/* The class as somebody may know it: itself, or a copy without the properties that no rule lets him use for one of
 * these
 * operations and the methods that none lets him invoke, or NULL. The copy is in the arena. */
const struct rv_class *rv_visible_class(struct rv_policy *, const struct rv_identity *,
                                        const struct rv_class *, unsigned operations, struct rv_arena *);

/* ---- rights.c: with roles that the caller holds as long as what they are about ---- */

/* What is asked of somebody's session: the roles that fit it and the time. */
struct rv_subject {
        const struct rv_role_set *roles;
        const struct rv_identity *who;
        int64_t now;
        bool all; /* has everything */
};

/* Restricts a plan to what its reader may see: rows, and in them properties (the others are null). Naming what he
 * may not
 * see is ACCESS_DENIED. */
int rv_rights_plan(const struct rv_subject *, struct rv_plan *, struct rv_arena *, struct rv_error *err);
/* A row of plan->source: false, he may not see it. What he may not see of it becomes null. */
struct rv_rights;
bool rv_rights_row(const struct rv_rights *, struct rv_batch *, uint32_t row);

/* Whether that row showed this property. */
bool rv_rights_cell(const struct rv_rights *, unsigned property);
/* Sets the bits of the properties of a class that somebody may not read on every object that he may read. */
void rv_rights_hidden(const struct rv_subject *, const struct rv_class *source, uint64_t *ret);

/* A change that somebody wants. */
struct rv_wish {
        unsigned operation;             /* RV_OP_CREATE ... RV_OP_INVOKE */
        const struct rv_class *class;   /* of the provider */
        const struct rv_method *method; /* of it; or NULL */
        const uint64_t *set;            /* create, modify: the properties given; or NULL */
        const struct rv_batch *values;  /* one row: those properties, or the method's arguments; or NULL */
        const struct rv_batch *object;  /* one row, its last: the object as it is; NULL: not looked at yet */
        const char *digest;             /* of the request, to be looked for in plans; or NULL */
        const struct rv_rule **decides; /* the rule that does; or NULL */
};
/* RV_OK, ACCESS_DENIED, or RV_STALE: the object must be looked at first (`reads` then has what is needed of it). */
int rv_rights_change(const struct rv_subject *, const struct rv_wish *, uint64_t *reads_or_null,
                     struct rv_error *err);

#endif
