/* SPDX-License-Identifier: MIT
 *
 * What a reader may see of what was kept: roles hold for the past as for the present (authorize.h).
 */
#include <string.h>
#include <time.h>

#include "agent/history_int.h"

void rv_sights_init(struct rv_sights *s, const struct rv_call *call)
{
        struct rv_agent *agent = call->core;
        *s = (struct rv_sights) { .call = call, .roles = rv_policy_hold(&agent->policy) };
}

void rv_sights_free(struct rv_sights *s)
{
        rv_roles_drop(s->roles);
        rv_arena_free(&s->arena);
}

const struct rv_sight *rv_sight_of(struct rv_sights *all, const char *class_name)
{
        struct rv_agent *agent = all->call->core;
        for (unsigned i = 0; i < all->n; i++)
                if (strcmp(all->v[i].class->name, class_name) == 0)
                        return all->v[i].denied ? NULL : &all->v[i];
        const struct rv_class *c = rv_class_find(class_name, NULL);
        if (!c || all->n == RV_SIGHTS)
                return NULL;
        struct rv_sight *s = &all->v[all->n++];
        struct rv_error ignored = { 0 };
        struct rv_ask ask = { .all_properties = true };
        const struct rv_subject subject = { .roles = all->roles,
                                            .who = all->call->who,
                                            .now = (int64_t)time(NULL),
                                            .all = rv_policy_has_all(&agent->policy, all->call->who) };
        s->class = c;
        s->denied = rv_plan_make(&all->arena, c, &ask, &s->plan, &ignored) ||
                    rv_rights_plan(&subject, &s->plan, &all->arena, &ignored);
        return s->denied ? NULL : s;
}

/* The state without what he may not see; NULL: nothing of it. */
json_t *rv_history_visible(const struct rv_plan *plan, const char *text)
{
        const struct rv_class *c = plan->class;
        json_t *state = text ? json_loads(text, 0, NULL) : NULL;
        if (!state)
                return NULL;
        struct rv_batch *b = plan->rights ? rv_history_batch(c, state) : NULL;
        if (plan->rights && (!b || !rv_rights_row(plan->rights, b, 0))) {
                json_decref(state);
                rv_batch_free(b);
                return NULL;
        }
        for (uint32_t p = 0; p < c->nproperties; p++)
                if (!rv_bit(plan->show, p) || (plan->rights && !rv_rights_cell(plan->rights, p)))
                        json_object_del(state, c->properties[p].name);
        rv_batch_free(b);
        return state;
}
