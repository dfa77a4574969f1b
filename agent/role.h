/* SPDX-License-Identifier: MIT
 *
 * Roles: files NAME.role in the folder roles.d, read as a whole. A set of roles never changes; a reload makes another
 * set, and whoever still works with the old one holds it. docs/roles.md describes the format:
 *
 *      [Role]                          one
 *      Description = Restarts the web servers
 *      [Who]                           any number: somebody whom one of them fits has the role
 *      Group = web
 *      [Allow restart]                 rules, each with a name
 *      Class = Service
 *      Operation = Invoke
 *      Method = Restart
 *      Where = Name LIKE 'nginx%'
 *
 * A file with anything in it that is not understood is refused, with file and line, and with it the whole new set.
 */
#ifndef RV_ROLE_H
#define RV_ROLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/identity.h"
#include "agent/registry.h"
#include "agent/wql.h"
#include "schema/arena.h"

/* What a rule is about; as bits. */
enum rv_operation {
        RV_OP_READ = 1,
        RV_OP_CREATE = 2,
        RV_OP_MODIFY = 4,
        RV_OP_DELETE = 8,
        RV_OP_INVOKE = 16,
        RV_OP_ANY = 31
};

enum { RV_ELEVATE_MINUTES = 60 }; /* of an elevation at most, where the role does not say */

enum rv_language { RV_LANGUAGE_NONE, RV_LANGUAGE_CONSTRAINED, RV_LANGUAGE_FULL };

struct rv_role;

struct rv_texts {
        const char *const *v;
        unsigned n;
};

struct rv_rule {
        const char *name;
        const struct rv_role *role;
        unsigned line;
        bool deny;
        bool elevation;               /* of objects of Elevation those that concern somebody (elevate.h) */
        unsigned operations;          /* enum rv_operation */
        const struct rv_class *class; /* and its subclasses; NULL: all classes */
        const char *class_name;       /* as written */
        struct rv_texts properties;   /* names; none: all */
        const uint64_t *mask;         /* the same as bits of `class`; NULL: all */
        struct rv_texts methods; /* names; with RV_OP_INVOKE at least one, except in a denial: none is all */
        const struct rv_expr *const *method_arguments; /* one for each of `methods`, or NULL */
        const char *where, *arguments;                 /* as written, or NULL */
        const struct rv_expr *where_expr, *not_where;  /* over `class` */
        const struct rv_expr *value_expr; /* `arguments` over the properties of `class`; or NULL */
};

/* Somebody: what is given must all fit, of each list one. */
struct rv_who {
        struct rv_texts users, groups, keys, sources, times;
        const gid_t *gids; /* of groups; (gid_t)-1: there is none of that name */
        int64_t until;     /* seconds since 1970; 0: for ever */
        /* [Elevate] only. */
        unsigned minutes;  /* at most; 0: RV_ELEVATE_MINUTES */
        enum { RV_PLAN_NO, RV_PLAN_REQUIRED, RV_PLAN_ONLY } plan;
};

/* A cmdlet that language mode None lets through: "Name" = any value, or one of `values`. */
struct rv_role_cmdlet {
        const char *name;
        struct rv_role_parameter {
                const char *name;
                struct rv_texts values; /* none: any */
        } * parameters;
        unsigned nparameters;
};

struct rv_role_set;

struct rv_role {
        const char *name, *path, *description;
        enum rv_language language;
        bool escalates;         /* may hold what can lead to root */
        enum { RV_TRANSCRIPT_NO, RV_TRANSCRIPT_YES, RV_TRANSCRIPT_REQUIRED } transcript; /* of shells over SSH */
        struct rv_texts native; /* commands of the system: names or paths; "*" all; none: none */
        struct rv_texts files_read, files_write; /* folders: absolute paths; "*" all */
        struct rv_texts forward;                 /* "HOST:PORT" that SSH may forward to */
        struct rv_who *whos;
        unsigned nwhos;
        struct rv_who *elevate, *approve; /* who may ask for it for a time, and who may agree (elevate.h) */
        unsigned nelevate, napprove;
        const struct rv_role_set *elevation; /* the one that lets them: made by rv_elevation_role(); else NULL */
        struct rv_rule *rules;
        unsigned nrules;
        struct rv_role_cmdlet *cmdlets;
        unsigned ncmdlets;
};

struct rv_role_set {
        atomic_uint holders;
        struct rv_arena arena;
        const struct rv_role *roles; /* by name */
        unsigned n;
        uint64_t generation;
};

/* Reads a folder; one that is not there gives an empty set. NULL: *err names file, line and what is wrong. Asks the
 * name
 * service about groups. */
struct rv_role_set *rv_roles_load(const char *folder, const struct rv_registry *, struct rv_error *err);
/* One role from a text (`New-Role`, `Test-Role`); path is for messages. */
struct rv_role_set *rv_roles_parse(const char *name, const char *path, const char *text, size_t n,
                                   const struct rv_registry *, struct rv_error *err);
struct rv_role_set *rv_roles_hold(struct rv_role_set *);
void rv_roles_drop(struct rv_role_set *); /* NULL is fine */

/* The sections Elevate and Approve: whether one fits, and which. A session that has one role only asks for no other. */
const struct rv_who *rv_role_may_ask(const struct rv_role *, const struct rv_identity *, int64_t now);
bool rv_role_may_approve(const struct rv_role *, const struct rv_identity *, int64_t now);
/* Whether somebody has the role without any elevation. */
bool rv_role_fits_always(const struct rv_role *, const struct rv_identity *, int64_t now);
/* Without the one that was made for elevations. */
unsigned rv_roles_files(const struct rv_role_set *);
/* Whether somebody has the role at this time (seconds since 1970). */
bool rv_role_fits(const struct rv_role *, const struct rv_identity *, int64_t now);
/* A number for those that fit: another one when others do, because time has passed. */
uint64_t rv_roles_fitting(const struct rv_role_set *, const struct rv_identity *, int64_t now);
const char *rv_language_name(enum rv_language);

#endif
