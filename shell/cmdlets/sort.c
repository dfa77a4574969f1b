/* SPDX-License-Identifier: MIT
 *
 * Sort-Object.
 */
#include "shell/cmdlet.h"
#include "shell/entries.h"

#include <stdlib.h>

struct sort {
        struct sh_props props;
        struct sh_entries entries;
        bool *descending; /* per property */
        bool cs,
                full; /* full: the first `keep` entries are sorted, and no later one that is not before them counts */
        uint32_t keep; /* no more than these will be looked at; 0: all */
};

/* Whether each of the first n keys is sorted downwards; free it. */
static bool *directions(struct sh_cmd *c, const struct sort *s, uint32_t n)
{
        bool *v = calloc(n, sizeof(*v));
        if (!v)
                abort();
        for (uint32_t i = 0; i < n; i++) {
                int said = i < s->props.n ? s->props.v[i].descending : -1;
                v[i] = said >= 0 ? said : sh_switch(c, "Descending");
        }
        return v;
}

static int sort_begin(struct sh_cmd *c)
{
        struct sort *s = sh_state(c);
        int r = sh_props_parse(c, sh_arg(c, "Property"), SH_PK_ORDER, &s->props);
        int64_t top = sh_arg_int(c, "Top", 0), most = top ? top : sh_next_takes(c);
        if (most > 0 && most < 100000 && !sh_bound(c, "Bottom") && !sh_switch(c, "Unique"))
                s->keep = (uint32_t)most;
        s->cs = sh_switch(c, "CaseSensitive");
        s->descending = directions(c, s, s->props.n ? s->props.n : 1);
        return r;
}

/* Of many objects of which few are wanted, few are kept. */
static void prune(struct sh *sh, struct sort *s)
{
        struct sh_entries *l = &s->entries;
        struct sh_entry *last = &l->v[l->n - 1];
        uint32_t nkeys = s->props.n ? s->props.n : 1;
        if (last->nkeys != nkeys) { /* a wildcard found more: the order is known at the end */
                s->keep = 0;
                return;
        }
        if (s->full && sh_entry_compare(sh, &l->v[s->keep - 1], last, s->descending, s->cs) <= 0) {
                sh_entries_pop(l);
        } else if (l->n >= 2 * s->keep + 64) {
                sh_entries_sort(sh, l, s->descending, s->cs);
                while (l->n > s->keep)
                        sh_entries_pop(l);
                s->full = true;
        }
}

static int sort_process(struct sh_cmd *c, struct sv input)
{
        struct sort *s = sh_state(c);
        input = sh_input(c, input);
        if (sh_is_null(input))
                return SH_OK;
        int r = sh_entries_add(c, &s->entries, &s->props, input);
        if (r == SH_OK && s->keep)
                prune(sh_session(c), s);
        return r;
}

static void sort_unique(struct sh *sh, struct sh_entries *l, const bool *descending, bool cs)
{
        uint32_t n = 0;
        for (uint32_t i = 0; i < l->n; i++) {
                if (n && sh_entry_compare(sh, &l->v[n - 1], &l->v[i], descending, cs) == 0)
                        sh_entry_free(&l->v[i]);
                else
                        l->v[n++] = l->v[i];
        }
        l->n = n;
}

static int sort_end(struct sh_cmd *c)
{
        struct sort *s = sh_state(c);
        struct sh_entries *l = &s->entries;
        uint32_t most = 1, from = 0;
        for (uint32_t i = 0; i < l->n; i++)
                most = l->v[i].nkeys > most ? l->v[i].nkeys : most;
        bool *descending = directions(c, s, most);
        sh_entries_sort(sh_session(c), l, descending, s->cs);
        if (sh_switch(c, "Unique"))
                sort_unique(sh_session(c), l, descending, s->cs);
        free(descending);
        int64_t top = sh_arg_int(c, "Top", 0), bottom = sh_arg_int(c, "Bottom", 0);
        uint32_t to = l->n;
        if (top && top < to)
                to = (uint32_t)top;
        if (bottom && bottom < l->n)
                from = l->n - (uint32_t)bottom;
        for (uint32_t i = from; i < to; i++) {
                int r = sh_emit(c, l->v[i].object);
                if (r)
                        return r;
        }
        return SH_OK;
}

static void sort_clean(struct sh_cmd *c)
{
        struct sort *s = sh_state(c);
        sh_props_free(&s->props);
        sh_entries_free(&s->entries);
        free(s->descending);
}

static const struct sh_cmdlet sort_object = {
        .name = "Sort-Object",
        .synopsis = "Sorts objects by their properties; equal ones keep their order.",
        .params =
                (const struct sh_param[]) {
                        { "Property", .type = "object[]", .position = 1, .complete = "property",
                          .help = "Names, blocks, or tables with Expression and Descending." },
                        { "Descending", .type = "switch", .sets = "Default,Top,Bottom" },
                        { "Unique", .type = "switch" },
                        { "Stable", .type = "switch", .sets = "Default" },
                        { "Top", .type = "int", .sets = "Top", .mandatory = true, .min = 1,
                          .max = INT32_MAX },
                        { "Bottom", .type = "int", .sets = "Bottom", .mandatory = true, .min = 1,
                          .max = INT32_MAX },
                        { "CaseSensitive", .type = "switch" },
                        { "Culture", .type = "string" },
                        { "InputObject", .from_pipeline = true },
                        { 0 } },
        .default_set = "Default",
        .state_size = sizeof(struct sort),
        .begin = sort_begin,
        .process = sort_process,
        .end = sort_end,
        .clean = sort_clean,
        .examples =
                (const struct sh_example[]) {
                        { "3,1,2 | Sort-Object -Descending", "3\n2\n1", "From the greatest." },
                        { "'bb','a' | Sort-Object Length", "a\nbb", "By a property." },
                        { 0 } },
};
SH_CMDLETS(sort, &sort_object);
