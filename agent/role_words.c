/* SPDX-License-Identifier: MIT
 *
 * Roles in words, for the provider of Role.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"

/* Texts that die with the arena; NULL at the end. */
static const char **list_new(struct rv_arena *a, unsigned n)
{
        return rv_arena_get(a, (n + 1) * sizeof(const char *));
}

static const char *const *copy(struct rv_arena *a, const struct rv_texts *t)
{
        const char **list = list_new(a, t->n);
        for (unsigned i = 0; list && i < t->n; i++)
                list[i] = t->v[i];
        return list;
}

static void put_words(struct rv_buf *b, const char *head, const struct rv_texts *t)
{
        if (!t->n)
                return;
        rv_buf_putf(b, "%s%s", b->len ? ", " : "", head);
        for (unsigned i = 0; i < t->n; i++)
                rv_buf_putf(b, "%s%s", i ? "|" : " ", t->v[i]);
}

static const char *take(struct rv_arena *a, struct rv_buf *b)
{
        const char *s = b->failed ? NULL : rv_arena_text(a, b->data ? b->data : "", b->len);
        rv_buf_free(b);
        return s;
}

/* "User anna|ben, Source 10.0.0.0/8" */
static const char *who_words(struct rv_arena *a, const struct rv_who *w)
{
        struct rv_buf b = { 0 };
        put_words(&b, "User", &w->users);
        put_words(&b, "Group", &w->groups);
        put_words(&b, "Key", &w->keys);
        put_words(&b, "Source", &w->sources);
        put_words(&b, "Time", &w->times);
        if (w->until) {
                char when[40];
                rv_datetime_text(w->until * INT64_C(1000000000), false, when, sizeof when);
                rv_buf_putf(&b, ", until %s", when);
        }
        if (w->minutes)
                rv_buf_putf(&b, ", %u minutes", w->minutes);
        if (w->plan)
                rv_buf_puts(&b, w->plan == RV_PLAN_ONLY ? ", only what a plan says" : ", with a plan");
        return take(a, &b);
}

/* "Allow restart: Invoke Service Method Restart, where Name LIKE 'nginx%'" */
static const char *rule_words(struct rv_arena *a, const struct rv_rule *r)
{
        static const char *const names[] = { "Read", "Create", "Modify", "Delete", "Invoke" };
        struct rv_buf b = { 0 }, more = { 0 };
        rv_buf_putf(&b, "%s %s: ", r->deny ? "Deny" : "Allow", r->name);
        bool first = true;
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
                if (r->operations >> i & 1) {
                        rv_buf_putf(&b, "%s%s", first ? "" : "|", names[i]);
                        first = false;
                }
        rv_buf_putf(&b, " %s", r->class_name);
        put_words(&more, "Method", &r->methods);
        put_words(&more, "Property", &r->properties);
        if (more.len)
                rv_buf_putf(&b, " %.*s", (int)more.len, more.data);
        if (r->where)
                rv_buf_putf(&b, ", where %s", r->where);
        if (r->arguments)
                rv_buf_putf(&b, ", with %s", r->arguments);
        rv_buf_free(&more);
        return take(a, &b);
}

/* "Restart-Service -Name nginx|apache2 -Force" */
static const char *cmdlet_words(struct rv_arena *a, const struct rv_role_cmdlet *c)
{
        struct rv_buf b = { 0 };
        rv_buf_puts(&b, c->name);
        for (unsigned i = 0; i < c->nparameters; i++) {
                const struct rv_texts *v = &c->parameters[i].values;
                rv_buf_putf(&b, " -%s", c->parameters[i].name);
                for (unsigned k = 0; k < v->n; k++)
                        rv_buf_putf(&b, "%s%s", k ? "|" : " ", v->v[k]);
        }
        return take(a, &b);
}

static const char *const transcripts[] = { "No", "Yes", "Required" };

static int words(const struct rv_role *r, struct rv_arena *a, struct rv_role_words *ret)
{
        const char **elevate = list_new(a, r->nelevate), **approve = list_new(a, r->napprove);
        const char **who = list_new(a, r->nwhos), **rules = list_new(a, r->nrules),
                   **cmdlets = list_new(a, r->ncmdlets);
        if (!who || !rules || !cmdlets || !elevate || !approve)
                return -ENOMEM;
        for (unsigned i = 0; i < r->nwhos; i++)
                who[i] = who_words(a, &r->whos[i]);
        for (unsigned i = 0; i < r->nelevate; i++)
                elevate[i] = who_words(a, &r->elevate[i]);
        for (unsigned i = 0; i < r->napprove; i++)
                approve[i] = who_words(a, &r->approve[i]);
        for (unsigned i = 0; i < r->nrules; i++)
                rules[i] = rule_words(a, &r->rules[i]);
        for (unsigned i = 0; i < r->ncmdlets; i++)
                cmdlets[i] = cmdlet_words(a, &r->cmdlets[i]);
        *ret = (struct rv_role_words) { .name = r->name,
                                        .description = r->description,
                                        .language = rv_language_name(r->language),
                                        .path = r->path,
                                        .transcript = transcripts[r->transcript],
                                        .escalates = r->escalates,
                                        .who = who,
                                        .elevate = elevate,
                                        .approve = approve,
                                        .rules = rules,
                                        .cmdlets = cmdlets,
                                        .native = copy(a, &r->native),
                                        .read = copy(a, &r->files_read),
                                        .write = copy(a, &r->files_write),
                                        .forward = copy(a, &r->forward) };
        return ret->native && ret->read && ret->write && ret->forward ? 0 : -ENOMEM;
}

int rv_stats_each_role(const struct rv_call *call, int (*each)(void *, const struct rv_role_words *),
                       void *state)
{
        struct rv_agent *agent = call->core;
        struct rv_role_set *set = rv_policy_hold(&agent->policy);
        int r = 0;
        for (unsigned i = 0; set && i < set->n && r == 0; i++) {
                struct rv_arena a = { 0 };
                struct rv_role_words w;
                if (set->roles[i].elevation)
                        continue;
                r = words(&set->roles[i], &a, &w);
                if (r == 0)
                        r = each(state, &w);
                rv_arena_free(&a);
        }
        rv_roles_drop(set);
        return r;
}
