/* SPDX-License-Identifier: MIT
 *
 * Compare-Object: walks both lists at once; what has no counterpart waits in a backlog of -SyncWindow objects.
 */
#include "shell/cmdlet.h"
#include "shell/entries.h"
#include "shell/text.h"

#include <stdlib.h>

struct compare {
        struct sh_props props;
        struct sh_entries reference, difference; /* all of them */
        uint32_t *ref_wait, *diff_wait;          /* indexes: the backlogs */
        uint32_t nref, ndiff, at;
        bool cs, include_equal, exclude_different, pass;
        int64_t window;
};

static int compare_begin(struct sh_cmd *c)
{
        struct compare *s = sh_state(c);
        s->cs = sh_switch(c, "CaseSensitive");
        s->exclude_different = sh_switch(c, "ExcludeDifferent");
        s->include_equal =
                sh_switch(c, "IncludeEqual") || (s->exclude_different && !sh_bound(c, "IncludeEqual"));
        s->pass = sh_switch(c, "PassThru");
        s->window = sh_arg_int(c, "SyncWindow", INT32_MAX);
        return sh_props_parse(c, sh_arg(c, "Property"), SH_PK_NAME, &s->props);
}

static int add_all(struct sh_cmd *c, struct sh_entries *l, struct sv arg)
{
        struct compare *s = sh_state(c);
        struct sv item;
        int r = SH_OK;
        if (sh_is_null(arg))
                return SH_OK;
        if (!sh_is_enumerable(arg))
                return sh_entries_add(c, l, &s->props, arg);
        for (size_t pos = 0; r == SH_OK && sh_next(arg, &pos, &item); sh_drop(item))
                if (!sh_is_null(item))
                        r = sh_entries_add(c, l, &s->props, item);
        return r;
}

static int emit(struct sh_cmd *c, const struct sh_entry *e, const char *side)
{
        struct compare *s = sh_state(c);
        struct sv o, text = sh_text(side);
        if (s->pass) {
                o = sh_is_obj(e->object) && e->object.kind == SH_PSOBJECT ? sh_keep(e->object)
                                                                          : sh_wrap(e->object);
                sh_bag_set(sh_bag_of(o, true), (struct sh_note) { .name = sh_text("SideIndicator"),
                                                                  .kind = SH_NOTE,
                                                                  .value = sh_keep(text),
                                                                  .setter = SH_NIL });
        } else {
                o = sh_object_new();
                if (!s->props.n)
                        sh_object_set(o, "InputObject", 11, e->object);
                for (uint32_t i = 0; i < s->props.n && i < e->nkeys; i++) {
                        struct sv label = sh_prop_label(sh_session(c), &s->props.v[i]);
                        sh_object_set(o, label.s->s, label.s->len,
                                      e->keys[i].kind == SH_VOID ? SH_NIL : e->keys[i]);
                        sh_drop(label);
                }
                sh_object_set(o, "SideIndicator", 13, text);
        }
        int r = sh_emit(c, o);
        sh_drop(o);
        sh_drop(text);
        return r;
}

/* Takes the first entry of the backlog that equals e. */
static bool take(struct sh_cmd *c, const struct sh_entry *e, const struct sh_entries *l, uint32_t *wait,
                 uint32_t *n, uint32_t *ret)
{
        struct compare *s = sh_state(c);
        for (uint32_t i = 0; i < *n; i++)
                if (sh_entry_compare(sh_session(c), e, &l->v[wait[i]], NULL, s->cs) == 0) {
                        *ret = wait[i];
                        memmove(wait + i, wait + i + 1, (*n - i - 1) * sizeof(*wait));
                        --*n;
                        return true;
                }
        return false;
}

/* Into the backlog; what it has no room for is different. */
static int put_off(struct sh_cmd *c, const struct sh_entries *l, uint32_t *wait, uint32_t *n, uint32_t i,
                   const char *side)
{
        struct compare *s = sh_state(c);
        int r = SH_OK;
        if (s->window <= 0)
                return s->exclude_different ? SH_OK : emit(c, &l->v[i], side);
        while (*n >= s->window && r == SH_OK) {
                if (!s->exclude_different)
                        r = emit(c, &l->v[wait[0]], side);
                memmove(wait, wait + 1, (*n - 1) * sizeof(*wait));
                --*n;
        }
        wait[(*n)++] = i;
        return r;
}

static int step(struct sh_cmd *c, int64_t diff)
{
        struct compare *s = sh_state(c);
        int64_t ref = s->at < s->reference.n ? (int64_t)s->at++ : -1;
        uint32_t found;
        int r = SH_OK;
        if (ref >= 0 && diff >= 0 &&
            sh_entry_compare(sh_session(c), &s->reference.v[ref], &s->difference.v[diff], NULL, s->cs) == 0)
                return s->include_equal ? emit(c, &s->reference.v[ref], "==") : SH_OK;
        if (diff >= 0 && take(c, &s->difference.v[diff], &s->reference, s->ref_wait, &s->nref, &found)) {
                if (s->include_equal)
                        r = emit(c, &s->reference.v[found], "==");
                diff = -1;
        }
        if (r == SH_OK && ref >= 0 &&
            take(c, &s->reference.v[ref], &s->difference, s->diff_wait, &s->ndiff, &found)) {
                if (s->include_equal)
                        r = emit(c, &s->reference.v[ref], "==");
                ref = -1;
        }
        if (r == SH_OK && diff >= 0)
                r = put_off(c, &s->difference, s->diff_wait, &s->ndiff, (uint32_t)diff, "=>");
        if (r == SH_OK && ref >= 0)
                r = put_off(c, &s->reference, s->ref_wait, &s->nref, (uint32_t)ref, "<=");
        return r;
}

static int compare_process(struct sh_cmd *c, struct sv input)
{
        struct compare *s = sh_state(c);
        (void)input;
        uint32_t from = s->difference.n;
        int r = SH_OK;
        if (!s->reference.n)
                r = add_all(c, &s->reference, sh_arg(c, "ReferenceObject"));
        if (r == SH_OK)
                r = add_all(c, &s->difference, sh_arg(c, "DifferenceObject"));
        uint32_t *p = realloc(s->ref_wait, (s->reference.n + 1) * sizeof(*p));
        uint32_t *q = realloc(s->diff_wait, (s->difference.n + 1) * sizeof(*q));
        if (!p || !q)
                abort();
        s->ref_wait = p;
        s->diff_wait = q;
        for (uint32_t i = from; i < s->difference.n && r == SH_OK; i++)
                r = step(c, i);
        return r;
}

static int compare_end(struct sh_cmd *c)
{
        struct compare *s = sh_state(c);
        int r = SH_OK;
        while (s->at < s->reference.n && r == SH_OK)
                r = step(c, -1);
        for (uint32_t i = 0; i < s->ndiff && r == SH_OK && !s->exclude_different; i++)
                r = emit(c, &s->difference.v[s->diff_wait[i]], "=>");
        for (uint32_t i = 0; i < s->nref && r == SH_OK && !s->exclude_different; i++)
                r = emit(c, &s->reference.v[s->ref_wait[i]], "<=");
        return r;
}

static void compare_clean(struct sh_cmd *c)
{
        struct compare *s = sh_state(c);
        sh_props_free(&s->props);
        sh_entries_free(&s->reference);
        sh_entries_free(&s->difference);
        free(s->ref_wait);
        free(s->diff_wait);
        *s = (struct compare) { 0 };
}

static const struct sh_cmdlet compare_object = {
        .name = "Compare-Object",
        .synopsis = "Shows what two lists do not have in common.",
        .params =
                (const struct sh_param[]) { { "ReferenceObject", .type = "object[]", .position = 1,
                                              .mandatory = true, .allow_empty = true },
                                            { "DifferenceObject", .type = "object[]", .position = 2,
                                              .mandatory = true, .from_pipeline = true, .allow_empty = true },
                                            { "Property", .type = "object[]", .complete = "property" },
                                            { "SyncWindow", .type = "int", .min = 0, .max = INT32_MAX,
                                              .help = "How far apart equal objects may be." },
                                            { "ExcludeDifferent", .type = "switch" },
                                            { "IncludeEqual", .type = "switch" },
                                            { "PassThru", .type = "switch",
                                              .help = "The objects themselves, with SideIndicator added." },
                                            { "CaseSensitive", .type = "switch" },
                                            { "Culture", .type = "string" },
                                            { 0 } },
        .state_size = sizeof(struct compare),
        .begin = compare_begin,
        .process = compare_process,
        .end = compare_end,
        .clean = compare_clean,
        .examples = (const struct sh_example[]) { { "Compare-Object 1,2 2,3 | ForEach-Object { "
                                                    "\"$($_.InputObject) $($_.SideIndicator)\" }",
                                                    "3 =>\n1 <=", "In one of two lists." },
                                                  { "(Compare-Object 1,2 1,2 -IncludeEqual).Count", "2",
                                                    "Also what is equal." },
                                                  { 0 } },
};
SH_CMDLETS(compare, &compare_object);
