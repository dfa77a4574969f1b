/* SPDX-License-Identifier: MIT
 *
 * The account tools of the shadow suite (useradd, usermod, groupadd, gpasswd, ...): run, and their exit statuses as
 * CIM outcomes.
 */
#ifndef RV_ACCOUNTS_H
#define RV_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/provider.h"

enum { RV_ARGV_MOST = 40 };
struct rv_argv {
        const char *v[RV_ARGV_MOST];
        size_t n;
};
static inline void rv_argv_add(struct rv_argv *a, const char *s)
{
        if (a->n + 1 < RV_ARGV_MOST)
                a->v[a->n++] = s;
}
static inline void rv_argv_add2(struct rv_argv *a, const char *option, const char *value)
{
        rv_argv_add(a, option);
        rv_argv_add(a, value);
}

/* what: "create the user alice". input: for its standard input, or NULL. */
int rv_accounts_run(const struct rv_argv *, const char *what, const char *input, uint64_t deadline,
                    struct rv_error *);
/* A name that can be given to those tools at all; they have rules of their own beside. property: for the error. */
int rv_accounts_name(const char *name, size_t n, const char *property, struct rv_error *);
/* Names, each looked at by rv_accounts_name(), as "a,b,c" in the call's arena. */
int rv_accounts_join(struct rv_call *, const struct rv_arg *names, uint32_t n, const char *property, const char **ret,
                     struct rv_error *);
/* Is `name` one of "a,b,c"? */
bool rv_accounts_listed(const char *names, const char *name);

#endif
