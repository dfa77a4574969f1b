/* SPDX-License-Identifier: MIT */
#include "agent/authorize.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int copy_names(struct rv_policy *p, char *const *names)
{
        size_t n = 0;
        while (names[n])
                n++;
        p->admins = calloc(n + 1, sizeof *p->admins);
        if (!p->admins)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (!(p->admins[i] = strdup(names[i])))
                        return -ENOMEM;
        return 0;
}

int rv_policy_load(struct rv_policy *p)
{
        *p = (struct rv_policy) { .self = geteuid(), .admin_group = (gid_t)-1 };
        const struct group *g = getgrnam(RV_ADMIN_GROUP);
        if (!g)
                return 0;
        p->admin_group = g->gr_gid;
        return copy_names(p, g->gr_mem);
}

void rv_policy_free(struct rv_policy *p)
{
        for (char **s = p->admins; s && *s; s++)
                free(*s);
        free(p->admins);
        *p = (struct rv_policy) { .self = (uid_t)-1, .admin_group = (gid_t)-1 };
}

bool rv_policy_is_admin(const struct rv_policy *p, const char *user, const gid_t *groups, size_t ngroups)
{
        if (p->admin_group == (gid_t)-1)
                return false;
        for (size_t i = 0; i < ngroups; i++)
                if (groups[i] == p->admin_group)
                        return true;
        for (char **s = p->admins; user && *user && s && *s; s++)
                if (!strcmp(*s, user))
                        return true;
        return false;
}

static const char *what(enum rv_right right)
{
        switch (right) {
        case RV_RIGHT_CONNECT: return "use this agent";
        case RV_RIGHT_SCHEMA: return "read the schema";
        case RV_RIGHT_READ: return "read";
        case RV_RIGHT_CHANGE: return "change";
        }
        return "do this";
}

static int deny(const struct rv_identity *who, enum rv_right right, const struct rv_class *class,
                const char *method, struct rv_error *err)
{
        const char *user = who && who->made ? who->user : "nobody";
        rv_about(err, class ? class->name : "", NULL, NULL);
        rv_fail(err, RV_ACCESS_DENIED,
                "%s may not %s%s%s%s%s: denied by default, no rule (root, self, group " RV_ADMIN_GROUP
                ") allows it",
                *user ? user : "this user", what(right), class ? " " : "", class ? class->name : "",
                method ? "." : "", method ? method : "");
        return rv_hint(
                err,
                "Ask as root, as the user that the agent runs as, or as a member of group " RV_ADMIN_GROUP
                ".");
}

int rv_authorize(const struct rv_policy *p, const struct rv_identity *who, enum rv_right right,
                 const struct rv_class *class, const char *method, struct rv_error *err)
{
        if (!rv_identity_ok(who))
                return deny(who, right, class, method, err);
        if (who->uid == 0 || who->uid == p->self || who->admin)
                return RV_OK;
        return deny(who, right, class, method, err);
}
