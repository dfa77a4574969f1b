/* SPDX-License-Identifier: MIT
 *
 * What stands in the sections of a role file: keys and values, and whether a section makes sense as a whole.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/role_int.h"
#include "agent/role_who.h"
#include "schema/json.h"

static int text(struct rv_role_parser *p, const char **to, const char *key, const char *value)
{
        if (*to)
                return rv_role_wrong(p, "%s is there twice", key);
        if (!*value)
                return rv_role_wrong(p, "%s is empty", key);
        *to = rv_arena_text(p->arena, value, strlen(value));
        return *to ? RV_OK : -ENOMEM;
}

static int unknown(struct rv_role_parser *p, const char *key, const char *section, const char *expected)
{
        return rv_role_wrong(p, "[%s] has no key \"%.40s\": expected %s", section, key, expected);
}

/* ---- [Role] ---- */

static int language(struct rv_role_parser *p, const char *value)
{
        for (enum rv_language l = RV_LANGUAGE_NONE; l <= RV_LANGUAGE_FULL; l++)
                if (strcasecmp(value, rv_language_name(l)) == 0) {
                        p->role->language = l;
                        return RV_OK;
                }
        return rv_role_wrong(p, "Language is \"%.40s\": expected None, Constrained or Full", value);
}

static int folders(struct rv_role_parser *p, struct rv_texts *list, const char *key, const char *value)
{
        int r = rv_role_words(p, list, value);
        for (unsigned i = 0; r == RV_OK && i < list->n; i++)
                if (strcmp(list->v[i], "*") != 0 && (list->v[i][0] != '/' || strstr(list->v[i], "/..")))
                        return rv_role_wrong(p, "%s: \"%.80s\" is no absolute path", key, list->v[i]);
        return r;
}

static int targets(struct rv_role_parser *p, const char *value)
{
        struct rv_texts *list = &p->role->forward;
        int r = rv_role_words(p, list, value);
        for (unsigned i = 0; r == RV_OK && i < list->n; i++) {
                const char *colon = strrchr(list->v[i], ':');
                char *end = NULL;
                unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
                if (!colon || colon == list->v[i] || *end || !port || port > 65535)
                        return rv_role_wrong(p, "Forward: \"%.80s\" is not HOST:PORT", list->v[i]);
        }
        return r;
}

static int transcript(struct rv_role_parser *p, const char *value)
{
        static const char *const words[] = { "No", "Yes", "Required" };
        for (unsigned i = 0; i < 3; i++)
                if (strcasecmp(value, words[i]) == 0) {
                        p->role->transcript = i;
                        return RV_OK;
                }
        return rv_role_wrong(p, "Transcript is \"%.40s\": expected No, Yes or Required", value);
}

static int role_key(struct rv_role_parser *p, const char *key, const char *value)
{
        struct rv_role *r = p->role;
        if (strcasecmp(key, "Description") == 0)
                return text(p, &r->description, key, value);
        if (strcasecmp(key, "Language") == 0)
                return language(p, value);
        if (strcasecmp(key, "NativeCommand") == 0)
                return rv_role_words(p, &r->native, value);
        if (strcasecmp(key, "ReadFiles") == 0)
                return folders(p, &r->files_read, key, value);
        if (strcasecmp(key, "WriteFiles") == 0)
                return folders(p, &r->files_write, key, value);
        if (strcasecmp(key, "Forward") == 0)
                return targets(p, value);
        if (strcasecmp(key, "Escalates") == 0) {
                r->escalates = strcasecmp(value, "yes") == 0;
                return r->escalates || strcasecmp(value, "no") == 0
                               ? RV_OK
                               : rv_role_wrong(p, "Escalates is \"%.40s\": expected yes or no", value);
        }
        if (strcasecmp(key, "Transcript") == 0)
                return transcript(p, value);
        return unknown(p, key, "Role",
                       "Description, Language, Escalates, NativeCommand, ReadFiles, WriteFiles, Forward or Transcript");
}

/* ---- [Who] ---- */

static int until(struct rv_role_parser *p, struct rv_who *w, const char *value)
{
        int64_t ns;
        struct tm tm = { .tm_isdst = -1 };
        const char *end = strptime(value, "%Y-%m-%d", &tm);
        if (w->until)
                return rv_role_wrong(p, "Until is there twice");
        if (end && !*end) { /* that day is the last one */
                tm.tm_mday++;
                w->until = mktime(&tm);
        } else if (rv_datetime_parse(value, strlen(value), &ns)) {
                w->until = ns / 1000000000;
        }
        return w->until > 0
                       ? RV_OK
                       : rv_role_wrong(p, "Until is \"%.60s\": expected a date, such as 2026-12-31", value);
}

/* [Elevate]: what may be asked for. */
static int elevate_key(struct rv_role_parser *p, const char *key, const char *value)
{
        static const char *const plans[] = { "No", "Required", "Only" };
        char *end;
        if (strcasecmp(key, "Minutes") == 0) {
                unsigned long n = strtoul(value, &end, 10);
                if (*end || n < 1 || n > 1440)
                        return rv_role_wrong(p, "Minutes is \"%.40s\": expected 1 to 1440", value);
                p->who->minutes = (unsigned)n;
                return RV_OK;
        }
        for (unsigned i = 0; i < 3; i++)
                if (strcasecmp(value, plans[i]) == 0) {
                        p->who->plan = i;
                        return RV_OK;
                }
        return rv_role_wrong(p, "Plan is \"%.40s\": expected No, Required or Only", value);
}

static int who_key(struct rv_role_parser *p, const char *key, const char *value)
{
        struct rv_who *w = p->who;
        if (strcasecmp(key, "User") == 0)
                return rv_role_words(p, &w->users, value);
        if (strcasecmp(key, "Group") == 0)
                return rv_role_words(p, &w->groups, value);
        if (strcasecmp(key, "Key") == 0)
                return rv_role_words(p, &w->keys, value);
        if (strcasecmp(key, "Source") == 0)
                return rv_role_words(p, &w->sources, value);
        if (strcasecmp(key, "Time") == 0)
                return rv_role_words(p, &w->times, value);
        if (strcasecmp(key, "Until") == 0)
                return until(p, w, value);
        if (p->in == RV_IN_ELEVATE && (strcasecmp(key, "Minutes") == 0 || strcasecmp(key, "Plan") == 0))
                return elevate_key(p, key, value);
        if (p->in == RV_IN_ELEVATE)
                return unknown(p, key, "Elevate", "User, Group, Key, Source, Time, Until, Minutes or Plan");
        return unknown(p, key, p->in == RV_IN_APPROVE ? "Approve" : "Who", "User, Group, Key, Source, Time or Until");
}

int rv_role_check_who(struct rv_role_parser *p, struct rv_who *w)
{
        if (!w->users.n && !w->groups.n && !w->keys.n)
                return rv_role_wrong(
                        p, "[%s] names nobody: expected User, Group or Key (User = * is everybody)",
                        p->in == RV_IN_ELEVATE   ? "Elevate"
                        : p->in == RV_IN_APPROVE ? "Approve"
                                                 : "Who");
        for (unsigned i = 0; i < w->sources.n; i++)
                if (!rv_source_ok(w->sources.v[i]))
                        return rv_role_wrong(p,
                                             "Source \"%.60s\": expected local, an address or ADDRESS/BITS",
                                             w->sources.v[i]);
        for (unsigned i = 0; i < w->times.n; i++)
                if (!rv_time_ok(w->times.v[i]))
                        return rv_role_wrong(p, "Time \"%.60s\": expected such as Mon-Fri 08:00-18:00",
                                             w->times.v[i]);
        for (unsigned i = 0; i < w->keys.n; i++)
                if (strncmp(w->keys.v[i], "SHA256:", 7) != 0)
                        return rv_role_wrong(p,
                                             "Key \"%.60s\": expected SHA256:..., as ssh-keygen -l shows it",
                                             w->keys.v[i]);
        gid_t *gids = rv_arena_get(p->arena, (w->groups.n + 1) * sizeof *gids);
        if (!gids)
                return -ENOMEM;
        for (unsigned i = 0; i < w->groups.n; i++) {
                const struct group *g = getgrnam(w->groups.v[i]);
                gids[i] = g ? g->gr_gid : (gid_t)-1;
        }
        w->gids = gids;
        return RV_OK;
}

/* ---- [Allow NAME], [Deny NAME] ---- */

static const struct {
        const char *name;
        unsigned bits;
} operations[] = { { "Read", RV_OP_READ },
                   { "Create", RV_OP_CREATE },
                   { "Modify", RV_OP_MODIFY },
                   { "Delete", RV_OP_DELETE },
                   { "Invoke", RV_OP_INVOKE } };
enum { NOPERATIONS = sizeof operations / sizeof *operations };

static int operation(struct rv_role_parser *p, struct rv_rule *rule, const char *value)
{
        struct rv_texts words = { 0 };
        int r = rv_role_words(p, &words, value);
        for (unsigned i = 0; r == RV_OK && i < words.n; i++) {
                unsigned k = 0;
                while (k < NOPERATIONS && strcasecmp(words.v[i], operations[k].name) != 0)
                        k++;
                if (k == NOPERATIONS)
                        return rv_role_wrong(
                                p,
                                "there is no operation \"%.40s\": expected Read, Create, Modify, "
                                "Delete or Invoke",
                                words.v[i]);
                rule->operations |= operations[k].bits;
        }
        return r;
}

static int rule_key(struct rv_role_parser *p, const char *key, const char *value)
{
        struct rv_rule *r = &p->role->rules[p->role->nrules - 1];
        if (strcasecmp(key, "Class") == 0)
                return text(p, &r->class_name, key, value);
        if (strcasecmp(key, "Operation") == 0)
                return operation(p, r, value);
        if (strcasecmp(key, "Property") == 0)
                return rv_role_words(p, &r->properties, value);
        if (strcasecmp(key, "Method") == 0)
                return rv_role_words(p, &r->methods, value);
        if (strcasecmp(key, "Where") == 0)
                return text(p, &r->where, key, value);
        if (strcasecmp(key, "Arguments") == 0)
                return text(p, &r->arguments, key, value);
        return unknown(p, key, r->deny ? "Deny" : "Allow",
                       "Class, Operation, Property, Method, Where or Arguments");
}

static int find_class(struct rv_role_parser *p, struct rv_rule *rule)
{
        struct rv_error e = { 0 };
        if (strcmp(rule->class_name, "*") == 0) {
                if (rule->properties.n || rule->methods.n || rule->where || rule->arguments)
                        return rv_role_wrong(
                                p,
                                "rule \"%s\": Class = * is about whole classes: no Property, Method, "
                                "Where or Arguments",
                                rule->name);
                if (!rule->deny && rule->operations & ~(unsigned)RV_OP_READ)
                        return rv_role_wrong(p, "rule \"%s\": Class = * can only be allowed to be read",
                                             rule->name);
                return RV_OK;
        }
        if (rv_registry_find(p->registry, rule->class_name, NULL, &rule->class, &e))
                return rv_role_wrong(p, "rule \"%s\": %.100s. %.80s", rule->name, e.message, e.hint);
        if (rule->class->view_of)
                return rv_role_wrong(
                        p, "rule \"%s\": %s only shows %s: write the rule about that; it holds for both",
                        rule->name, rule->class->name, rule->class->view_of);
        return RV_OK;
}

static int find_properties(struct rv_role_parser *p, struct rv_rule *rule)
{
        const struct rv_class *c = rule->class;
        if (!rule->properties.n)
                return RV_OK;
        uint64_t *mask = rv_arena_get(p->arena, (RV_MASK_WORDS(c->nproperties) + 1) * sizeof *mask);
        if (!mask)
                return -ENOMEM;
        for (unsigned i = 0; i < rule->properties.n; i++) {
                const char *name = rule->properties.v[i];
                int at = rv_property_find(c, name, strlen(name));
                if (at < 0)
                        return rv_role_wrong(p, "rule \"%s\": %s has no property \"%.60s\"", rule->name,
                                             c->name, name);
                if (rule->deny && c->properties[at].flags & RV_KEY)
                        return rv_role_wrong(
                                p,
                                "rule \"%s\": %s is a key of %s: it cannot be hidden alone; deny the "
                                "objects by Where",
                                rule->name, c->properties[at].name, c->name);
                rv_bit_set(mask, (unsigned)at);
        }
        rule->mask = mask;
        return RV_OK;
}

static int where(struct rv_role_parser *p, const struct rv_rule *rule, const char *what, const char *text_,
                 const struct rv_class *c, const struct rv_expr **ret)
{
        struct rv_error e = { 0 };
        int r = rv_wql_where(text_, strlen(text_), 0, c, p->arena, ret, &e);
        return r > 0 ? rv_role_wrong(p, "rule \"%s\", %s: %.160s", rule->name, what, e.message) : r;
}

/* Whether a method, of the class or of one below it, can lead to root. Without a method: whether any can; then so can
 * writing, which does the same by another name. */
static bool can_escalate(const struct rv_registry *g, const struct rv_class *c, const char *method)
{
        for (uint32_t i = 0; i < g->n; i++)
                for (uint32_t m = 0; rv_descends(g->classes[i], c) && m < g->classes[i]->nmethods; m++)
                        if (g->classes[i]->methods[m].escalates &&
                            (!method || strcasecmp(g->classes[i]->methods[m].name, method) == 0))
                                return true;
        return false;
}

static int find_methods(struct rv_role_parser *p, struct rv_rule *rule)
{
        const struct rv_class *c = rule->class;
        const struct rv_expr **exprs =
                rule->arguments ? rv_arena_get(p->arena, (rule->methods.n + 1) * sizeof *exprs) : NULL;
        if (rule->arguments && !exprs)
                return -ENOMEM;
        for (unsigned i = 0; i < rule->methods.n; i++) {
                const char *name = rule->methods.v[i];
                int at = rv_method_find(c, name, strlen(name));
                if (at < 0)
                        return rv_role_wrong(p, "rule \"%s\": %s has no method \"%.60s\"", rule->name,
                                             c->name, name);
                if (!rule->deny && !p->role->escalates && can_escalate(p->registry, c, name))
                        return rv_role_wrong(p,
                                             "rule \"%s\": %s.%s can lead to root: such a role must say "
                                             "\"Escalates = yes\" in [Role], before its rules",
                                             rule->name, c->name, name);
                int r = exprs ? where(p, rule, "Arguments", rule->arguments, c->methods[at].in, &exprs[i])
                              : RV_OK;
                if (r)
                        return r;
        }
        rule->method_arguments = exprs;
        if (!rule->deny && !p->role->escalates &&
            rule->operations & (RV_OP_CREATE | RV_OP_MODIFY | RV_OP_DELETE) &&
            can_escalate(p->registry, c, NULL))
                return rv_role_wrong(
                        p,
                        "rule \"%s\": writing %s can lead to root, as its methods can: such a role must say "
                        "\"Escalates = yes\" in [Role], before its rules",
                        rule->name, c->name);
        return RV_OK;
}

static int check_words(struct rv_role_parser *p, const struct rv_rule *rule)
{
        const unsigned writes = RV_OP_CREATE | RV_OP_MODIFY;
        if (!rule->class_name)
                return rv_role_wrong(p, "rule \"%s\" needs Class", rule->name);
        if (!rule->operations)
                return rv_role_wrong(p, "rule \"%s\" needs Operation", rule->name);
        if (rule->operations & RV_OP_INVOKE && !rule->methods.n && !rule->deny)
                return rv_role_wrong(p, "rule \"%s\": Invoke needs Method: each by its name", rule->name);
        if (rule->methods.n && rule->operations != RV_OP_INVOKE)
                return rv_role_wrong(p, "rule \"%s\": Method goes with Operation = Invoke alone", rule->name);
        if (rule->properties.n && rule->operations & (RV_OP_INVOKE | RV_OP_DELETE))
                return rv_role_wrong(p, "rule \"%s\": Property does not go with Invoke or Delete",
                                     rule->name);
        if (rule->arguments && !rule->methods.n && rule->operations & ~writes)
                return rv_role_wrong(p, "rule \"%s\": Arguments go with methods, Create or Modify",
                                     rule->name);
        return RV_OK;
}

int rv_role_check_rule(struct rv_role_parser *p, struct rv_rule *rule)
{
        int r = check_words(p, rule);
        if (r == RV_OK)
                r = find_class(p, rule);
        if (r || !rule->class)
                return r;
        r = find_properties(p, rule);
        if (r == RV_OK)
                r = find_methods(p, rule);
        if (r == RV_OK && rule->arguments && !rule->methods.n)
                r = where(p, rule, "Arguments", rule->arguments, rule->class, &rule->value_expr);
        if (r == RV_OK && rule->where)
                r = where(p, rule, "Where", rule->where, rule->class, &rule->where_expr);
        if (r || !rule->where)
                return r;
        struct rv_expr *not_where = rv_arena_get(p->arena, sizeof *not_where);
        if (!not_where)
                return -ENOMEM;
        *not_where = (struct rv_expr) { .op = RV_E_NOT, .property = -1, .a = rule->where_expr };
        rule->not_where = not_where;
        return RV_OK;
}

/* ---- [Cmdlet NAME] ---- */

/* "Parameter = Name: nginx, apache2" or "Parameter = Force" */
static int cmdlet_key(struct rv_role_parser *p, const char *key, const char *value)
{
        struct rv_role_cmdlet *c = &p->role->cmdlets[p->role->ncmdlets - 1];
        size_t n = strcspn(value, ":"), m = n;
        while (m && value[m - 1] == ' ')
                m--;
        if (strcasecmp(key, "Parameter") != 0)
                return unknown(p, key, "Cmdlet", "Parameter");
        if (!m)
                return rv_role_wrong(p, "Parameter needs a name");
        struct rv_role_parameter *list = rv_arena_get(p->arena, (c->nparameters + 1) * sizeof *list);
        if (!list)
                return -ENOMEM;
        if (c->nparameters)
                memcpy(list, c->parameters, c->nparameters * sizeof *list);
        c->parameters = list;
        list += c->nparameters++;
        list->name = rv_arena_text(p->arena, value, m);
        if (!list->name)
                return -ENOMEM;
        int r = value[n] ? rv_role_words(p, &list->values, value + n + 1) : RV_OK;
        return r == RV_OK && value[n] && !list->values.n
                       ? rv_role_wrong(p, "%s: expected values after the colon", list->name)
                       : r;
}

int rv_role_key(struct rv_role_parser *p, const char *key, const char *value)
{
        switch (p->in) {
        case RV_IN_ROLE: return role_key(p, key, value);
        case RV_IN_WHO:
        case RV_IN_ELEVATE:
        case RV_IN_APPROVE: return who_key(p, key, value);
        case RV_IN_RULE: return rule_key(p, key, value);
        default: return cmdlet_key(p, key, value);
        }
}
