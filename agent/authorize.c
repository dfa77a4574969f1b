/* SPDX-License-Identifier: MIT */
#include "agent/authorize.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "agent/view.h"

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
        pthread_mutex_init(&p->lock, NULL);
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
        rv_roles_drop(p->roles);
        *p = (struct rv_policy) { .self = (uid_t)-1, .admin_group = (gid_t)-1 };
}

/* /etc/reeve/roles.d, or an ordinary user's own. */
static void default_folder(char *to, size_t size)
{
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        if (geteuid() == 0)
                snprintf(to, size, "/etc/reeve/roles.d");
        else if (config && *config == '/')
                snprintf(to, size, "%s/reeve/roles.d", config);
        else
                snprintf(to, size, "%s/.config/reeve/roles.d", home ? home : "/nonexistent");
}

int rv_policy_roles(struct rv_policy *p, const char *folder, const struct rv_registry *registry, struct rv_error *err)
{
        if (folder)
                snprintf(p->folder, sizeof p->folder, "%s", folder);
        else if (!*p->folder)
                default_folder(p->folder, sizeof p->folder);
        p->registry = registry;
        *err = (struct rv_error) { 0 };
        struct rv_role_set *now = rv_roles_load(p->folder, registry, err), *old = NULL;
        pthread_mutex_lock(&p->lock);
        p->trouble = *err;
        if (now) {
                old = p->roles;
                p->roles = now;
        }
        pthread_mutex_unlock(&p->lock);
        rv_roles_drop(old);
        return now ? RV_OK : err->code;
}

struct rv_role_set *rv_policy_hold(struct rv_policy *p)
{
        pthread_mutex_lock(&p->lock);
        struct rv_role_set *s = rv_roles_hold(p->roles);
        pthread_mutex_unlock(&p->lock);
        return s;
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

bool rv_policy_has_all(const struct rv_policy *p, const struct rv_identity *who)
{
        return rv_identity_ok(who) && (who->admin || (!*who->role && (who->uid == 0 || who->uid == p->self)));
}

/* ---- classes and methods ---- */

/* The class of the provider behind a view. */
static const struct rv_class *source_of(const struct rv_class *c)
{
        return c && c->view_of ? rv_class_find(c->view_of, NULL) : c;
}

static bool names_method(const struct rv_rule *r, const char *method)
{
        for (unsigned i = 0; i < r->methods.n; i++)
                if (strcasecmp(r->methods.v[i], method) == 0)
                        return true;
        return false;
}

static const unsigned operations[] = { [RV_RIGHT_READ] = RV_OP_READ,     [RV_RIGHT_CREATE] = RV_OP_CREATE,
                                       [RV_RIGHT_MODIFY] = RV_OP_MODIFY, [RV_RIGHT_DELETE] = RV_OP_DELETE,
                                       [RV_RIGHT_INVOKE] = RV_OP_INVOKE };

/* Whether a rule speaks of it at all. SCHEMA: of anything. */
static bool concerns(const struct rv_rule *r, enum rv_right right, const struct rv_class *c, const char *method)
{
        if (r->class && !rv_descends(c, r->class))
                return false;
        if (right != RV_RIGHT_SCHEMA && !(r->operations & operations[right]))
                return false;
        return right != RV_RIGHT_INVOKE || !method || (r->deny && !r->methods.n) || names_method(r, method);
}

/* It is denied whatever the object, the properties and the arguments are. */
static bool denies_all(const struct rv_rule *r, enum rv_right right, const struct rv_class *c, const char *method)
{
        return right != RV_RIGHT_SCHEMA && !r->where && !r->arguments && !r->properties.n &&
               (method || !r->methods.n) && concerns(r, right, c, method);
}

struct verdict {
        const struct rv_rule *allows, *denies;
        char roles[120];        /* that fit: "role a, b"; "" none */
        unsigned nroles;
};

/* The role that lets ask and approve is nothing that one would look for in roles.d. */
static void add_role(struct verdict *v, const char *name, bool shown)
{
        size_t n = strlen(v->roles);
        v->nroles++;
        if (!shown)
                return;
        snprintf(v->roles + n, sizeof v->roles - n, "%s%s", n ? ", " : "", name);
}

static void look(const struct rv_role_set *set, const struct rv_identity *who, enum rv_right right,
                 const struct rv_class *c, const char *method, struct verdict *v)
{
        int64_t now = (int64_t)time(NULL);
        for (unsigned i = 0; set && i < set->n; i++) {
                if (!rv_role_fits(&set->roles[i], who, now))
                        continue;
                add_role(v, set->roles[i].name, !set->roles[i].elevation);
                for (unsigned k = 0; c && k < set->roles[i].nrules; k++) {
                        const struct rv_rule *r = &set->roles[i].rules[k];
                        if (!r->deny && concerns(r, right, c, method))
                                v->allows = r;
                        else if (r->deny && denies_all(r, right, c, method))
                                v->denies = r;
                }
        }
}

static const char *what(enum rv_right right)
{
        static const char *const words[] = {
                [RV_RIGHT_CONNECT] = "use this agent", [RV_RIGHT_SCHEMA] = "know", [RV_RIGHT_READ] = "read",
                [RV_RIGHT_CREATE] = "create",          [RV_RIGHT_MODIFY] = "modify", [RV_RIGHT_DELETE] = "delete",
                [RV_RIGHT_INVOKE] = "invoke",
        };
        return words[right];
}

static int deny(const struct rv_identity *who, enum rv_right right, const struct rv_class *class, const char *method,
                const struct verdict *v, struct rv_error *err)
{
        const char *user = rv_identity_ok(who) && *who->user ? who->user : "nobody";
        char act[240];
        snprintf(act, sizeof act, "denied: %s may not %s%s%.60s%s%.60s", user, what(right), class ? " " : "",
                 class ? class->name : "", method ? "." : "", method ? method : "");
        rv_about(err, class ? class->name : "", NULL, NULL);
        if (!v->nroles) {
                rv_fail(err, RV_ACCESS_DENIED, "%s: no role fits, and rules root, self and group " RV_ADMIN_GROUP
                        " do not either (denied by default)", act);
                return rv_hint(err, "Ask as root, as a member of group " RV_ADMIN_GROUP
                                    ", or have a role written for it in roles.d.");
        }
        if (v->denies)
                rv_fail(err, RV_ACCESS_DENIED, "%s: rule \"%s\" of role %s denies it", act, v->denies->name,
                        v->denies->role->name);
        else
                rv_fail(err, RV_ACCESS_DENIED, "%s: no rule of role %s allows it (denied by default)", act,
                        *v->roles ? v->roles : "(none)");
        return rv_hint(err, "Get-Role shows the roles; Test-Role tells which rule decides.");
}

/* Reading a class is reading its subclasses, too. */
static bool reads_below(struct rv_policy *p, const struct rv_role_set *set, const struct rv_identity *who,
                        const struct rv_class *base)
{
        for (uint32_t i = 0; p->registry && i < p->registry->n; i++) {
                const struct rv_class *c = p->registry->classes[i];
                struct verdict v = { 0 };
                if (c == base || !rv_descends(c, base))
                        continue;
                look(set, who, RV_RIGHT_READ, source_of(c), NULL, &v);
                if (v.allows && !v.denies)
                        return true;
        }
        return false;
}

int rv_authorize(struct rv_policy *p, const struct rv_identity *who, enum rv_right right, const struct rv_class *class,
                 const char *method, struct rv_error *err)
{
        struct verdict v = { 0 };
        if (rv_policy_has_all(p, who))
                return RV_OK;
        struct rv_role_set *set = rv_policy_hold(p);
        const struct rv_class *c = source_of(class);
        bool good = false;
        if (rv_identity_ok(who)) {
                look(set, who, right, c, method, &v);
                good = right == RV_RIGHT_CONNECT ? v.nroles : v.allows && !v.denies;
                if (!good && v.nroles && class && (right == RV_RIGHT_READ || right == RV_RIGHT_SCHEMA))
                        good = reads_below(p, set, who, class);
        }
        int r = good ? RV_OK : deny(who, right, class, method, &v, err);
        rv_roles_drop(set);
        return r;
}

void rv_policy_names(struct rv_policy *p, const struct rv_identity *who, char *ret, size_t size)
{
        if (rv_policy_has_all(p, who)) {
                snprintf(ret, size, "%s", who->uid == 0 ? "root" : who->uid == p->self ? "self" : "group");
                return;
        }
        struct verdict v = { 0 };
        struct rv_role_set *set = rv_policy_hold(p);
        look(set, who, RV_RIGHT_CONNECT, NULL, NULL, &v);
        rv_roles_drop(set);
        snprintf(ret, size, "%s", v.roles);
}

enum rv_language rv_policy_language(struct rv_policy *p, const struct rv_identity *who)
{
        enum rv_language most = RV_LANGUAGE_NONE;
        if (rv_policy_has_all(p, who))
                return RV_LANGUAGE_FULL;
        struct rv_role_set *set = rv_policy_hold(p);
        int64_t now = (int64_t)time(NULL);
        for (unsigned i = 0; set && i < set->n; i++)
                if (rv_role_fits(&set->roles[i], who, now) && set->roles[i].language > most)
                        most = set->roles[i].language;
        rv_roles_drop(set);
        return most;
}

/* ---- classes as they may be known ---- */

static bool knows_property(const struct rv_rule *const *rules, unsigned n, unsigned p, unsigned ops)
{
        bool known = false;
        for (unsigned i = 0; i < n; i++) {
                const struct rv_rule *r = rules[i];
                bool about = !r->mask || (p < r->class->nproperties && rv_bit(r->mask, p));
                if (r->deny && about && !r->where && !r->arguments && r->operations & RV_OP_READ && r->mask)
                        return false;
                known |= !r->deny && about && r->operations & ops & (RV_OP_READ | RV_OP_CREATE | RV_OP_MODIFY);
        }
        return known;
}

static bool knows_method(const struct rv_rule *const *rules, unsigned n, const struct rv_class *c, const char *method)
{
        bool known = false;
        for (unsigned i = 0; i < n; i++) {
                if (rules[i]->deny && denies_all(rules[i], RV_RIGHT_INVOKE, c, method))
                        return false;
                known |= !rules[i]->deny && concerns(rules[i], RV_RIGHT_INVOKE, c, method);
        }
        return known;
}

/* The rules of somebody's roles that speak of a class. */
static const struct rv_rule **rules_about(const struct rv_role_set *set, const struct rv_identity *who,
                                          const struct rv_class *c, struct rv_arena *a, unsigned *ret_n)
{
        unsigned most = 0;
        int64_t now = (int64_t)time(NULL);
        for (unsigned i = 0; i < set->n; i++)
                most += set->roles[i].nrules;
        const struct rv_rule **list = rv_arena_get(a, (most + 1) * sizeof *list);
        *ret_n = 0;
        for (unsigned i = 0; list && i < set->n; i++)
                for (unsigned k = 0; rv_role_fits(&set->roles[i], who, now) && k < set->roles[i].nrules; k++)
                        if (concerns(&set->roles[i].rules[k], RV_RIGHT_SCHEMA, c, NULL))
                                list[(*ret_n)++] = &set->roles[i].rules[k];
        return list;
}

static const struct rv_class *copy_visible(const struct rv_class *c, const struct rv_class *source,
                                           const struct rv_rule *const *rules, unsigned n, unsigned ops,
                                           struct rv_arena *a)
{
        struct rv_class *to = rv_arena_get(a, sizeof *to);
        struct rv_property *properties = rv_arena_get(a, (c->nproperties + 1) * sizeof *properties);
        struct rv_method *methods = rv_arena_get(a, (c->nmethods + 1) * sizeof *methods);
        uint16_t *keys = rv_arena_get(a, (c->nkeys + 1) * sizeof *keys);
        if (!to || !properties || !methods || !keys)
                return NULL;
        *to = *c;
        to->nproperties = to->nmethods = 0;
        for (uint32_t p = 0; p < c->nproperties; p++) {
                const struct rv_property *d = &c->properties[p];
                unsigned from[RV_VIEW_SOURCES], nfrom = rv_view_sources(c, source, p, from);
                bool known = true;
                for (unsigned i = 0; i < nfrom; i++)
                        known &= knows_property(rules, n, from[i], ops);
                if (!(d->flags & RV_KEY) && !known)
                        continue;
                for (uint32_t k = 0; k < c->nkeys; k++)
                        if (c->keys[k] == p)
                                keys[k] = (uint16_t)to->nproperties;
                properties[to->nproperties++] = *d;
        }
        for (uint32_t m = 0; m < c->nmethods; m++) {
                const struct rv_class *of;
                const struct rv_method *called = rv_view_method(c, &c->methods[m], &of);
                if (knows_method(rules, n, called ? of : source, called ? called->name : c->methods[m].name))
                        methods[to->nmethods++] = c->methods[m];
        }
        to->properties = properties;
        to->methods = methods;
        to->keys = keys;
        return to;
}

const struct rv_class *rv_visible_class(struct rv_policy *p, const struct rv_identity *who, const struct rv_class *c,
                                        unsigned ops, struct rv_arena *a)
{
        const struct rv_class *source = source_of(c), *ret = NULL;
        unsigned n = 0;
        if (rv_policy_has_all(p, who))
                return c;
        struct rv_role_set *set = rv_policy_hold(p);
        const struct rv_rule **rules = set && source ? rules_about(set, who, source, a, &n) : NULL;
        bool any = false;
        for (unsigned i = 0; rules && i < n; i++)
                any |= !rules[i]->deny;
        if (any)
                ret = copy_visible(c, source, rules, n, ops, a);
        rv_roles_drop(set);
        return ret && (ret->nproperties || ret->nmethods) ? ret : NULL;
}
