/* SPDX-License-Identifier: MIT
 *
 * Push-down: what the stages after a class cmdlet need of its objects, told to the agent before the first is read:
 * which properties, which objects, which order, how many. Each stage still runs on what comes, so a plan may only leave
 * out what none of them would see. A property that is missed after all is asked for when it is used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shell/model.h"
#include "shell/plan.h"
#include "shell/text.h"
#include "shell/types.h"

/* ---- properties named by -Property: names, blocks, tables with an Expression ---- */

static bool use_one(struct sh_planning *g, struct sv v)
{
        v = sh_unwrap(v);
        if (v.kind == SH_STRING) {
                if (sh_has_wildcard(v.s->s, v.s->len))
                        g->plan->all = true;
                else
                        sh_plan_use(g, v.s->s, v.s->len);
                return true;
        }
        if (v.kind == SH_BLOCK) {
                sh_plan_block(g, v);
                return true;
        }
        if (v.kind != SH_HASH)
                return false;
        struct sv key, value;
        bool found = false;
        for (uint32_t i = 0; sh_hash_at(v.h, i, &key, &value); i++) {
                if (key.kind == SH_STRING && key.s->len && !strncasecmp("Expression", key.s->s, key.s->len))
                        found = use_one(g, value);
        }
        return found;
}

/* False: none is named. */
static bool use_named(struct sh_planning *g, struct sh_cmd *c, const char *param)
{
        struct sv list = sh_arg(c, param), v;
        size_t pos = 0;
        if (!sh_bound(c, param) || sh_is_null(list))
                return false;
        if (!sh_is_enumerable(list)) {
                g->plan->all |= !use_one(g, list);
                return true;
        }
        while (sh_next(list, &pos, &v)) {
                g->plan->all |= !use_one(g, v);
                sh_drop(v);
        }
        return true;
}

/* ---- the stages; each tells whether the objects go on as they are ---- */

static bool more(struct sh_planning *g, struct sh_buf *b, enum sh_said how)
{
        struct sh_plan *plan = g->plan;
        g->exact &= how == SH_SAID_ALL;
        size_t have = strlen(plan->filter);
        if (!how || g->cut || have + b->n + 6 > sizeof plan->filter) {
                g->exact = false;
                return true;
        }
        snprintf(plan->filter + have, sizeof plan->filter - have, "%s%.*s", have ? " AND " : "", (int)b->n,
                 b->p);
        return true;
}

static bool where(struct sh_planning *g, struct sh_cmd *c)
{
        static const struct {
                const char *name;
                int op;
                bool cased;
        } ops[] = { { "EQ", SH_EQ, false },     { "CEQ", SH_EQ, true },    { "NE", SH_NE, false },
                    { "GT", SH_GT, false },     { "GE", SH_GE, false },    { "LT", SH_LT, false },
                    { "LE", SH_LE, false },     { "CGT", SH_GT, true },    { "CGE", SH_GE, true },
                    { "CLT", SH_LT, true },     { "CLE", SH_LE, true },    { "CNE", SH_NE, true },
                    { "Like", SH_LIKE, false }, { "CLike", SH_LIKE, true } };
        struct sh_buf b = { 0 };
        enum sh_said how = SH_SAID_NOTHING;
        struct sv name = sh_unwrap(sh_arg(c, "Property"));
        if (sh_bound(c, "FilterScript")) {
                sh_plan_block(g, sh_arg(c, "FilterScript"));
                how = sh_plan_condition(g, &b, sh_arg(c, "FilterScript"));
        } else if (name.kind == SH_STRING) {
                sh_plan_use(g, name.s->s, name.s->len);
                for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
                        if (sh_switch(c, ops[i].name)) {
                                how = sh_plan_compare(g, &b, name.s->s, name.s->len, ops[i].op, ops[i].cased,
                                                      sh_arg(c, "Value"));
                                break;
                        }
        } else {
                g->plan->all = true;
        }
        bool on = more(g, &b, how);
        sh_buf_free(&b);
        return on;
}

static void limit_to(struct sh_planning *g, int64_t n)
{
        if (g->exact && n > 0 && !g->plan->limit)
                g->plan->limit = (uint64_t)n;
        g->exact = false; /* what comes after sees only these */
        g->cut = true;
}

/* An order that the agent knows as we do: numbers and times. */
static void order_by(struct sh_planning *g, struct sh_cmd *c)
{
        struct sv v = sh_unwrap(sh_arg(c, "Property"));
        if (v.kind == SH_ARRAY && v.a->n == 1)
                v = sh_unwrap(v.a->v[0]);
        double divisor = 0;
        int p = v.kind == SH_STRING ? rv_property_find_alias(g->class, v.s->s, v.s->len, &divisor) : -1;
        const struct rv_property *d = p >= 0 ? &g->class->properties[p] : NULL;
        if (g->cut)
                return;
        if (!d || g->plan->order[0] || d->is_array || d->nvalues || sh_switch(c, "Unique") ||
            sh_ets_first(g->sh) || d->type == RV_CIM_STRING || d->type == RV_CIM_OBJECT ||
            d->type == RV_CIM_BOOLEAN || d->type == RV_CIM_REFERENCE) {
                g->exact = false; /* no limit may go before it */
                g->plan->order[0] = 0;
                return;
        }
        snprintf(g->plan->order, sizeof g->plan->order, "%s%s", d->name,
                 sh_switch(c, "Descending") ? " DESC" : "");
}

static bool sort(struct sh_planning *g, struct sh_cmd *c)
{
        if (!use_named(g, c, "Property"))
                g->plan->all = true;
        order_by(g, c);
        if (sh_bound(c, "Top"))
                limit_to(g, sh_arg_int(c, "Top", 0));
        else if (sh_bound(c, "Bottom") || sh_switch(c, "Unique"))
                limit_to(g, 0);
        return true;
}

static bool select_some(struct sh_planning *g, struct sh_cmd *c)
{
        int64_t first = sh_arg_int(c, "First", -1), skip = sh_arg_int(c, "Skip", 0);
        bool others = sh_bound(c, "Last") || sh_bound(c, "SkipLast") || sh_bound(c, "Index") ||
                      sh_bound(c, "SkipIndex") || sh_switch(c, "Unique");
        if (first > 0 && !others)
                limit_to(g, first + skip);
        else if (first >= 0 || others || skip)
                limit_to(g, 0);
        if (sh_bound(c, "ExcludeProperty"))
                g->plan->all = true;
        bool expands = use_named(g, c, "ExpandProperty");
        bool named = use_named(g, c, "Property");
        if (sh_switch(c, "Unique") && !named)
                g->plan->all = true;
        return !named && !expands;
}

static bool each(struct sh_planning *g, struct sh_cmd *c)
{
        static const char *const parts[] = { "Begin", "Process", "RemainingScripts", "End" };
        if (sh_bound(c, "MemberName")) {
                g->plan->all |= sh_bound(c, "ArgumentList");
                struct sv v = sh_unwrap(sh_arg(c, "MemberName"));
                bool property =
                        v.kind == SH_STRING && rv_property_find_alias(g->class, v.s->s, v.s->len, NULL) >= 0;
                if (property)
                        sh_plan_use(g, v.s->s, v.s->len);
                else
                        g->plan->all = true;
                return false;
        }
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                use_named(g, c, parts[i]);
        g->plan->all |= sh_bound(c, "Parallel");
        return false;
}

static bool group(struct sh_planning *g, struct sh_cmd *c)
{
        g->plan->all |= !use_named(g, c, "Property") || !sh_switch(c, "NoElement");
        return false;
}

static bool measure(struct sh_planning *g, struct sh_cmd *c)
{
        use_named(g, c, "Property");
        g->plan->all |= sh_switch(c, "Line") || sh_switch(c, "Word") || sh_switch(c, "Character");
        return false;
}

static bool format(struct sh_planning *g, struct sh_cmd *c)
{
        g->plan->all |= !use_named(g, c, "Property") || sh_bound(c, "View");
        use_named(g, c, "GroupBy");
        return false;
}

static bool nothing(struct sh_planning *g, struct sh_cmd *c)
{
        (void)g, (void)c;
        return false;
}

static const struct {
        const char *name;
        bool (*look)(struct sh_planning *, struct sh_cmd *);
} stages[] = {
        { "Where-Object", where },  { "Sort-Object", sort },   { "Select-Object", select_some },
        { "ForEach-Object", each }, { "Group-Object", group }, { "Measure-Object", measure },
        { "Format-Table", format }, { "Format-List", format }, { "Format-Wide", format },
        { "Out-Null", nothing },
};

/* False: the objects are not seen behind this stage. */
static bool look(struct sh_planning *g, struct sh_cmd *c)
{
        for (int i = 0; i < CP_N; i++)
                if (c->names[i].kind != SH_VOID &&
                    !sh_is_null(c->names[i])) /* -OutVariable and the like keep objects */
                        g->plan->all = true;
        for (size_t i = 0; c->cmdlet && i < sizeof stages / sizeof *stages; i++)
                if (!strcasecmp(c->cmdlet->name, stages[i].name)) {
                        if (sh_bound(c, "InputObject"))
                                break;
                        return stages[i].look(g, c);
                }
        g->plan->all = true;
        return false;
}

int64_t sh_next_takes(struct sh_cmd *c)
{
        struct sh_cmd *next = c->next;
        if (!next || !next->cmdlet || strcasecmp(next->cmdlet->name, "Select-Object") != 0 ||
            sh_bound(next, "InputObject") || sh_bound(next, "Last") || sh_bound(next, "SkipLast") ||
            sh_bound(next, "Index") || sh_bound(next, "SkipIndex") || sh_switch(next, "Unique") ||
            !sh_bound(next, "First"))
                return 0;
        return sh_arg_int(next, "First", 0) + sh_arg_int(next, "Skip", 0);
}

/* ---- the first stage ---- */

static const struct rv_class *class_read(struct sh_cmd *first)
{
        const struct sh_model_cmdlet *m = first->cmdlet->arg ? sh_model_cmdlet_of(first->cmdlet) : NULL;
        if (m)
                return m->verb == SH_MODEL_GET ? m->class->c : NULL;
        const struct sh_model_class *named;
        struct rv_error err = { 0 };
        const char *name = sh_arg_text(first, "ClassName", NULL);
        struct sh_link *l = name ? sh_link_local(first->sh) : NULL;
        return l && sh_model_class(l, name, NULL, &named, &err) == RV_OK ? named->c : NULL;
}

struct sh_plan *sh_plan_make(struct sh_cmd *first)
{
        if (!first->cmdlet || !first->next || sh_bound(first, "InputObject") ||
            !(first->cmdlet->arg || !strcasecmp(first->cmdlet->name, "Get-CimInstance")))
                return NULL;
        struct sh_planning g = { .sh = first->sh, .class = class_read(first), .exact = true };
        if (!g.class || !g.class->nkeys || !(g.plan = calloc(1, sizeof *g.plan)))
                return NULL;
        for (int i = 0; i < CP_N; i++)
                g.plan->all |= first->names[i].kind != SH_VOID && !sh_is_null(first->names[i]);
        struct sh_cmd *c = first->next;
        const char *key = g.class->properties[g.class->keys[0]].name;
        sh_plan_use(&g, key, strlen(key));
        while (c && look(&g, c))
                c = c->next;
        g.plan->all |= !c; /* they come out at the end */
        if (g.plan->order[0] && !g.plan->limit)
                g.plan->order[0] = 0; /* sorted here anyway */
        if (!g.plan->all || g.plan->filter[0] || g.plan->limit)
                return g.plan;
        free(g.plan);
        return NULL;
}
