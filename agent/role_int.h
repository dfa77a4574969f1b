/* SPDX-License-Identifier: MIT
 *
 * Between role.c (folders, files, sections) and role_rule.c (what stands in them). Private to both.
 */
#ifndef RV_ROLE_INT_H
#define RV_ROLE_INT_H

#include "agent/role.h"

enum { RV_ROLE_LIST = 256 }; /* words of one list */

struct rv_role_parser {
        const char *path;
        unsigned line, section; /* where the section begins */
        const struct rv_registry *registry;
        struct rv_arena *arena;
        struct rv_error *err;
        struct rv_role *role;
        enum { RV_IN_NOTHING, RV_IN_ROLE, RV_IN_WHO, RV_IN_RULE, RV_IN_CMDLET, RV_IN_ELEVATE, RV_IN_APPROVE } in;
        struct rv_who *who; /* of the section, where it says who */
        bool seen_role;
};

/* Describes what is wrong at this line: RV_INVALID_PARAMETER. */
int rv_role_wrong(struct rv_role_parser *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds the words of "a, b" to a list. */
int rv_role_words(struct rv_role_parser *, struct rv_texts *, const char *value);
int rv_role_key(struct rv_role_parser *, const char *key, const char *value); /* of the section it is in */
int rv_role_check_who(struct rv_role_parser *, struct rv_who *);              /* at a section's end */
int rv_role_check_rule(struct rv_role_parser *, struct rv_rule *);

#endif
