/* SPDX-License-Identifier: MIT
 *
 * Roles, object by object. A row may be seen if one rule that allows reading fits it and none that denies does; a
 * property
 * of it, if one of those that fit names it (or names none) and none that denies does. A denial whose condition
 * cannot be
 * told, because something is null, holds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/authorize.h"
#include "agent/elevate.h"
#include "agent/query.h"
#include "agent/view.h"

enum { MOST_COMBINATIONS = 10000 }; /* of items of lists among arguments; more are not met */

struct rv_rights {
        const struct rv_class *source;
        struct rv_subject subject; /* for rules about elevations; what it points to outlives the plan */
        const struct rv_rule **rules; /* about reading it */
        unsigned n;
        uint64_t *cells; /* of the row at hand */
};

static void show(const struct rv_rights *r, unsigned p, bool yes)
{
        if (yes)
                rv_bit_set(r->cells, p);
        else
                r->cells[p >> 6] &= ~(UINT64_C(1) << (p & 63));
}

/* Objects of Elevation: those that he asked for himself or may approve. */
static bool concerns(const struct rv_rights *r, const struct rv_batch *b, uint32_t row)
{
        bool plan;
        if (!rv_elevation_shows(&r->subject, b, row, &plan))
                return false;
        for (unsigned p = 0; p < r->source->nproperties; p++)
                if (plan || !rv_elevation_is_plan(p))
                        show(r, p, true);
        return true;
}

static bool is_about(const struct rv_rule *r, unsigned p)
{
        return !r->mask || (p < r->class->nproperties && rv_bit(r->mask, p));
}

static bool is_key(const struct rv_class *c, unsigned p)
{
        return c->properties[p].flags & RV_KEY;
}

/* A denial holds unless its condition is known not to. */
static bool denial_holds(const struct rv_expr *not_where, const struct rv_batch *b, uint32_t row)
{
        return !not_where || !b || !rv_expr_true(not_where, b, row);
}

bool rv_rights_cell(const struct rv_rights *r, unsigned p)
{
        return rv_bit(r->cells, p) || is_key(r->source, p);
}

bool rv_rights_row(const struct rv_rights *r, struct rv_batch *b, uint32_t row)
{
        const struct rv_class *c = r->source;
        bool seen = false;
        memset(r->cells, 0, RV_MASK_WORDS(c->nproperties) * sizeof *r->cells);
        for (unsigned i = 0; i < r->n; i++) {
                const struct rv_rule *rule = r->rules[i];
                if (rule->elevation)
                        seen |= concerns(r, b, row);
                if (rule->deny || rule->elevation || (rule->where_expr && !rv_expr_true(rule->where_expr, b, row)))
                        continue;
                seen = true;
                for (unsigned p = 0; p < c->nproperties; p++)
                        if (is_about(rule, p))
                                rv_bit_set(r->cells, p);
        }
        for (unsigned i = 0; seen && i < r->n; i++) {
                const struct rv_rule *rule = r->rules[i];
                if (!rule->deny || !denial_holds(rule->not_where, b, row))
                        continue;
                if (!rule->mask)
                        return false;
                for (unsigned p = 0; p < c->nproperties; p++)
                        if (is_about(rule, p))
                                show(r, p, false);
        }
        struct rv_value *v = (struct rv_value *)(b->mem + b->row[row]);
        for (unsigned p = 0; seen && p < c->nproperties; p++)
                if (!rv_bit(r->cells, p) && !is_key(c, p))
                        v[p] = (struct rv_value) { .type = RV_NULL };
        return seen;
}

/* ---- plans ---- */

/* The rules about reading a class, of the roles that fit; the names of these roles for messages. */
static int find_rules(const struct rv_subject *s, const struct rv_class *c, unsigned operation,
                      struct rv_arena *a, const struct rv_rule ***ret, unsigned *ret_n, char *names,
                      size_t size)
{
        unsigned most = 0;
        size_t n = 0;
        *names = 0;
        for (unsigned i = 0; s->roles && i < s->roles->n; i++)
                most += s->roles->roles[i].nrules;
        const struct rv_rule **list = rv_arena_get(a, (most + 1) * sizeof *list);
        *ret_n = 0;
        if (!list)
                return -ENOMEM;
        for (unsigned i = 0; s->roles && i < s->roles->n; i++) {
                const struct rv_role *role = &s->roles->roles[i];
                if (!rv_role_fits(role, s->who, s->now))
                        continue;
                if (n < size && !role->elevation)
                        n += (size_t)snprintf(names + n, size - n, "%s%s", n ? ", " : "", role->name);
                for (unsigned k = 0; k < role->nrules; k++)
                        if (role->rules[k].operations & operation &&
                            (!role->rules[k].class || rv_descends(c, role->rules[k].class)))
                                list[(*ret_n)++] = &role->rules[k];
        }
        *ret = list;
        return RV_OK;
}

static const char *user_of(const struct rv_subject *s)
{
        return rv_identity_ok(s->who) && *s->who->user ? s->who->user : "nobody";
}

static int hidden(const struct rv_subject *s, const struct rv_class *c, unsigned p,
                  const struct rv_rule *rule, const char *names, struct rv_error *err)
{
        const char *property = c->properties[p].name;
        rv_about(err, c->name, NULL, property);
        if (rule)
                return rv_fail(err, RV_ACCESS_DENIED,
                               "denied: %s may not read %s.%s: rule \"%s\" of role %s denies it", user_of(s), c->name,
                               property, rule->name, rule->role->name);
        return rv_fail(err, RV_ACCESS_DENIED,
                       "denied: %s may not read %s.%s: no rule of role %s allows it (denied by default)", user_of(s),
                       c->name, property, names);
}

/* For every property of the source whether any row may show it; and the rule that says no. */
static bool may_show(const struct rv_rights *r, unsigned p, const struct rv_rule **ret_rule)
{
        bool allowed = is_key(r->source, p);
        *ret_rule = NULL;
        for (unsigned i = 0; i < r->n; i++) {
                const struct rv_rule *rule = r->rules[i];
                if (rule->deny && rule->mask && !rule->where && is_about(rule, p)) {
                        *ret_rule = rule;
                        return false;
                }
                allowed |= !rule->deny && is_about(rule, p);
        }
        return allowed;
}

struct plan_work {
        const struct rv_subject *subject;
        const struct rv_rights *rights;
        struct rv_plan *plan;
        const char *names;
        struct rv_error *err;
};

/* Property p of plan->class: RV_OK, or ACCESS_DENIED. */
static int check_property(const struct plan_work *w, unsigned p, bool tell)
{
        const struct rv_rule *rule;
        unsigned from[RV_VIEW_SOURCES], n = rv_view_sources(w->plan->class, w->plan->source, p, from);
        for (unsigned i = 0; i < n; i++)
                if (!may_show(w->rights, from[i], &rule))
                        return tell ? hidden(w->subject, w->plan->class, p, rule, w->names, w->err)
                                    : RV_ACCESS_DENIED;
        return RV_OK;
}

/* What filter, order and keys look at is as good as shown. */
static int check_uses(const struct plan_work *w, struct rv_arena *a)
{
        const struct rv_plan *plan = w->plan;
        const struct rv_class *c = plan->class;
        uint64_t *uses = rv_arena_get(a, (RV_MASK_WORDS(c->nproperties) + 1) * sizeof *uses);
        if (!uses)
                return -ENOMEM;
        rv_expr_uses(plan->filter, uses);
        for (unsigned i = 0; i < plan->norder; i++)
                rv_bit_set(uses, plan->order[i].property);
        for (unsigned p = 0; p < c->nproperties; p++) {
                bool used = rv_bit(uses, p) || (plan->keys && plan->keys[p].type != RV_NULL) ||
                            (!plan->shows_all && rv_bit(plan->show, p));
                int r = used ? check_property(w, p, true) : RV_OK;
                if (r)
                        return r;
        }
        return RV_OK;
}

/* Without what may not be shown, with what the rules look at. */
static int make_masks(const struct plan_work *w, struct rv_arena *a)
{
        struct rv_plan *plan = w->plan;
        const struct rv_class *c = plan->class, *source = plan->source;
        size_t words = RV_MASK_WORDS(c->nproperties) + 1,
               source_words = RV_MASK_WORDS(source->nproperties) + 1;
        uint64_t *show = rv_arena_get(a, words * sizeof *show), *want = rv_arena_get(a, words * sizeof *want);
        uint64_t *source_want = c == source ? want : rv_arena_get(a, source_words * sizeof *source_want);
        if (!show || !want || !source_want)
                return -ENOMEM;
        for (unsigned p = 0; p < c->nproperties; p++) {
                if (check_property(w, p, false))
                        continue;
                if (rv_bit(plan->show, p))
                        rv_bit_set(show, p);
                if (rv_bit(plan->want, p))
                        rv_bit_set(want, p);
        }
        for (unsigned p = 0; c != source && p < source->nproperties; p++)
                if (rv_bit(plan->source_want, p))
                        rv_bit_set(source_want, p);
        for (unsigned i = 0; i < w->rights->n; i++) {
                rv_expr_uses(w->rights->rules[i]->where_expr, source_want);
                if (w->rights->rules[i]->elevation)
                        rv_elevation_uses(source_want);
        }
        plan->show = show;
        plan->want = want;
        plan->source_want = source_want;
        return RV_OK;
}

static int denied_class(const struct rv_subject *s, const struct rv_class *c, const struct rv_rule *rule,
                        const char *names, struct rv_error *err)
{
        rv_about(err, c->name, NULL, NULL);
        if (rule)
                return rv_fail(err, RV_ACCESS_DENIED, "denied: %s may not read %s: rule \"%s\" of role %s denies it",
                               user_of(s), c->name, rule->name, rule->role->name);
        if (!*names)
                return rv_fail(err, RV_ACCESS_DENIED, "denied: %s may not read %s: no role fits (denied by default)",
                               user_of(s), c->name);
        return rv_fail(err, RV_ACCESS_DENIED,
                       "denied: %s may not read %s: no rule of role %s allows it (denied by default)", user_of(s),
                       c->name, names);
}

int rv_rights_plan(const struct rv_subject *s, struct rv_plan *plan, struct rv_arena *a, struct rv_error *err)
{
        char names[120];
        if (s->all)
                return RV_OK;
        struct rv_rights *rights = rv_arena_get(a, sizeof *rights);
        if (!rights)
                return -ENOMEM;
        rights->source = plan->source;
        rights->subject = *s;
        rights->cells =
                rv_arena_get(a, (RV_MASK_WORDS(plan->source->nproperties) + 1) * sizeof *rights->cells);
        int r = rights->cells ? find_rules(s, plan->source, RV_OP_READ, a, &rights->rules, &rights->n, names,
                                           sizeof names)
                              : -ENOMEM;
        bool allowed = false, by_row = false;
        const struct rv_rule *denies = NULL;
        for (unsigned i = 0; r == RV_OK && i < rights->n; i++) {
                const struct rv_rule *rule = rights->rules[i];
                allowed |= !rule->deny;
                by_row |= rule->where || rule->elevation;
                if (rule->deny && !rule->where && !rule->mask)
                        denies = rule;
        }
        if (r == RV_OK && (!allowed || denies))
                return denied_class(s, plan->class, denies, names, err);
        const struct plan_work w = {
                .subject = s, .rights = rights, .plan = plan, .names = names, .err = err
        };
        if (r == RV_OK)
                r = check_uses(&w, a);
        if (r == RV_OK)
                r = make_masks(&w, a);
        if (r == RV_OK && by_row)
                plan->rights = rights;
        return r;
}

void rv_rights_hidden(const struct rv_subject *s, const struct rv_class *c, uint64_t *ret)
{
        struct rv_arena a = { 0 };
        const struct rv_rule **rules = NULL;
        unsigned n = 0;
        char names[120];
        int r = s->all ? RV_OK : find_rules(s, c, RV_OP_READ, &a, &rules, &n, names, sizeof names);
        for (unsigned p = 0; p < c->nproperties && !s->all; p++) {
                bool allowed = false, denied = r != RV_OK;
                for (unsigned i = 0; i < n; i++) {
                        denied |= rules[i]->deny && is_about(rules[i], p);
                        allowed |= !rules[i]->deny && !rules[i]->where && is_about(rules[i], p) &&
                                   !(rules[i]->elevation && rv_elevation_is_plan(p));
                }
                if (!allowed || denied)
                        rv_bit_set(ret, p);
        }
        rv_arena_free(&a);
}

/* ---- changes ---- */

static int method_at(const struct rv_rule *r, const char *method)
{
        for (unsigned i = 0; i < r->methods.n; i++)
                if (strcasecmp(r->methods.v[i], method) == 0)
                        return (int)i;
        return -1;
}

enum fit {
        NO_METHOD,
        NO_PROPERTY,
        NO_ARGUMENT,
        NO_OBJECT,
        YES,
        OBJECT
}; /* OBJECT: it depends on the object */

/* Whether a condition holds for every item of the lists among the values: WQL is content with any, and ["good", "bad"]
 * would pass for good. */
static bool all_true(const struct rv_expr *e, const struct rv_batch *b, unsigned p, unsigned *left)
{
        struct rv_value *v = (struct rv_value *)(b->mem + b->row[0]);
        while (p < b->class->nproperties && v[p].type != RV_LIST)
                p++;
        if (p == b->class->nproperties)
                return *left && (*left)-- && rv_expr_true(e, b, 0);
        const struct rv_value list = v[p];
        bool all = true;
        for (uint32_t i = 0; all && i < (list.len ? list.len : 1); i++) {
                v[p] = list.len ? rv_items(b, &list)[i] : (struct rv_value) { .type = RV_NULL };
                all = v[p].type != RV_LIST && all_true(e, b, p + 1, left);
        }
        v[p] = list;
        return all;
}

/* Whether a condition over arguments or values is met; for denials: is not known to be unmet. */
static bool arguments_fit(const struct rv_rule *r, const struct rv_wish *w)
{
        int m = w->method ? method_at(r, w->method->name) : -1;
        const struct rv_expr *e = m >= 0 && r->method_arguments ? r->method_arguments[m] : r->value_expr;
        if (!e)
                return true;
        if (!w->values)
                return r->deny;
        struct rv_expr no = { .op = RV_E_NOT, .property = -1, .a = e };
        unsigned most = MOST_COMBINATIONS;
        return r->deny ? !all_true(&no, w->values, 0, &most) : all_true(e, w->values, 0, &most);
}

/* Allow: names all that is set. Deny: names some of it. */
static bool properties_fit(const struct rv_rule *r, const struct rv_wish *w)
{
        if (!r->mask || !w->set)
                return true;
        for (unsigned p = 0; p < w->class->nproperties; p++)
                if (rv_bit(w->set, p) && !is_key(w->class, p) && is_about(r, p) == r->deny)
                        return r->deny;
        return !r->deny;
}

static enum fit fits(const struct rv_rule *r, const struct rv_wish *w)
{
        if (w->method && method_at(r, w->method->name) < 0 && !(r->deny && !r->methods.n))
                return NO_METHOD;
        if (!properties_fit(r, w))
                return NO_PROPERTY;
        if (!arguments_fit(r, w))
                return NO_ARGUMENT;
        if (!r->where)
                return YES;
        if (w->method && w->method->is_static) /* there is no object that it could be about */
                return r->deny ? YES : NO_OBJECT;
        const struct rv_batch *b = w->operation == RV_OP_CREATE ? w->values : w->object;
        if (!b)
                return w->operation == RV_OP_CREATE ? (r->deny ? YES : NO_OBJECT) : OBJECT;
        if (r->deny)
                return denial_holds(r->not_where, b, b->n - 1) ? YES : NO_OBJECT;
        return rv_expr_true(r->where_expr, b, b->n - 1) ? YES : NO_OBJECT;
}

/* `fit`: by what the rule that would allow it misses. */
static int denied_change(const struct rv_subject *s, const struct rv_wish *w, const struct rv_rule *rule,
                         enum fit fit, const char *names, struct rv_error *err)
{
        const char *verb = w->operation == RV_OP_CREATE   ? "create"
                           : w->operation == RV_OP_MODIFY ? "modify"
                           : w->operation == RV_OP_DELETE ? "delete"
                                                          : "invoke";
        char act[200];
        snprintf(act, sizeof act, "denied: %s may not %s %.60s%s%.60s%s", user_of(s), verb, w->class->name,
                 w->method ? "." : "", w->method ? w->method->name : "",
                 w->object ? " on this object" : " like this");
        rv_about(err, w->class->name, NULL, "");
        rv_hint(err, "Get-Role shows the roles; Test-Role tells which rule decides.");
        if (rule && rule->deny)
                return rv_fail(err, RV_ACCESS_DENIED, "%s: rule \"%s\" of role %s denies it", act, rule->name,
                               rule->role->name);
        if (rule)
                return rv_fail(err, RV_ACCESS_DENIED, "%s: rule \"%s\" of role %s allows it only %s%.100s",
                               act, rule->name, rule->role->name,
                               fit == NO_PROPERTY   ? "for the properties that it names"
                               : fit == NO_ARGUMENT ? "with values where "
                               : rule->where        ? "on objects where "
                                                    : "on objects",
                               fit == NO_PROPERTY   ? ""
                               : fit == NO_ARGUMENT ? rule->arguments
                               : rule->where        ? rule->where
                                                    : "");
        return rv_fail(err, RV_ACCESS_DENIED, "%s: no rule of role %s allows it (denied by default)", act,
                       *names ? names : "(none)");
}

int rv_rights_change(const struct rv_subject *s, const struct rv_wish *w, uint64_t *reads,
                     struct rv_error *err)
{
        struct rv_arena a = { 0 };
        const struct rv_rule **rules = NULL, *denies = NULL, *near = NULL, *by = NULL, *maybe = NULL;
        unsigned n = 0;
        char names[120];
        enum fit missed = NO_METHOD;
        bool allowed = false, look = false, may = false;
        if (s->all)
                return RV_OK;
        int r = find_rules(s, w->class, w->operation, &a, &rules, &n, names, sizeof names);
        for (unsigned i = 0; r == RV_OK && i < n; i++) {
                if (!rules[i]->deny && rv_elevation_bars(rules[i]->role, s->who, s->now, w->digest))
                        continue; /* nothing but what his plan says */
                enum fit fit = fits(rules[i], w);
                if (fit == OBJECT) {
                        look = true;
                        may |= !rules[i]->deny;
                        maybe = maybe || rules[i]->deny ? maybe : rules[i];
                        if (reads)
                                rv_expr_uses(rules[i]->where_expr, reads);
                } else if (fit == YES && rules[i]->deny) {
                        denies = rules[i];
                } else if (fit == YES) {
                        allowed = true;
                        by = by ? by : rules[i];
                } else if (!rules[i]->deny && fit > missed) {
                        near = rules[i];
                        missed = fit;
                }
        }
        rv_arena_free(&a);
        if (r)
                return r;
        if (w->decides)
                *w->decides = denies ? denies : allowed ? by : may ? maybe : near;
        if (denies || (!allowed && !may))
                return denied_change(s, w, denies ? denies : near, missed, names, err);
        return look ? RV_STALE : RV_OK;
}
