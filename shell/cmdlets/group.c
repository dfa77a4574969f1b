/* SPDX-License-Identifier: MIT
 *
 * Group-Object. Values of one type are sorted first; mixed types keep the order in which they came.
 */
#include "shell/cmdlet.h"
#include "shell/entries.h"
#include "shell/fields.h"
#include "shell/text.h"

#include <stdlib.h>

struct group {
        struct sh_props props;
        struct sh_entries entries;
        const struct sh_type **types; /* of each key, as seen so far */
        uint32_t ntypes;
        bool mixed;
};

static int group_begin(struct sh_cmd *c)
{
        struct group *g = sh_state(c);
        if (sh_switch(c, "AsString") && !sh_switch(c, "AsHashTable"))
                return sh_cmd_throw(c, "ArgumentException", "InvalidArgument", SH_NIL,
                                    "You must use the AsString parameter with the AsHashTable parameter.");
        int r = sh_props_parse(c, sh_arg(c, "Property"), SH_PK_NAME, &g->props);
        if (r == SH_OK && sh_switch(c, "AsHashTable") && !sh_switch(c, "AsString") && g->props.n > 1)
                return sh_cmd_throw(
                        c, "ArgumentException", "InvalidArgument", SH_NIL,
                        "The AsHashTable parameter can be used with only one property. Add the AsString "
                        "parameter to use more than one property.");
        return r;
}

static void note_types(struct group *g, const struct sh_entry *e)
{
        if (e->nkeys > g->ntypes) {
                if (g->ntypes)
                        g->mixed = true;
                const struct sh_type **p = realloc(g->types, e->nkeys * sizeof(*p));
                if (!p)
                        abort();
                g->types = p;
                for (; g->ntypes < e->nkeys; g->ntypes++)
                        g->types[g->ntypes] = NULL;
        }
        for (uint32_t i = 0; i < e->nkeys; i++) {
                struct sv base = sh_unwrap(e->keys[i]);
                const struct sh_type *t = sh_is_null(base) ? NULL : sh_type_of(base);
                if (!t)
                        continue;
                if (!g->types[i])
                        g->types[i] = t;
                else if (g->types[i] != t)
                        g->mixed = true;
        }
}

static int group_process(struct sh_cmd *c, struct sv input)
{
        struct group *g = sh_state(c);
        input = sh_input(c, input);
        if (sh_is_null(input))
                return SH_OK;
        int r = sh_entries_add(c, &g->entries, &g->props, input);
        if (r == SH_OK)
                note_types(g, &g->entries.v[g->entries.n - 1]);
        return r;
}

static struct sv name_of(struct sh *sh, const struct sh_entry *e)
{
        struct sh_buf b = { 0 };
        struct sv item;
        bool any = false;
        for (uint32_t i = 0; i < e->nkeys; i++) {
                struct sv k = sh_unwrap(e->keys[i]);
                if (sh_is_null(k))
                        continue;
                if (any)
                        sh_buf_puts(&b, ", ");
                any = true;
                if (!sh_is_enumerable(k)) {
                        sh_buf_value(sh, &b, e->keys[i]);
                        continue;
                }
                sh_buf_put(&b, "{", 1);
                for (size_t pos = 0, n = 0; sh_next(k, &pos, &item); sh_drop(item)) {
                        if (n++)
                                sh_buf_puts(&b, ", ");
                        sh_buf_value(sh, &b, item);
                }
                sh_buf_put(&b, "}", 1);
        }
        return sh_buf_take(&b);
}

static struct sv group_new(struct sh *sh, const struct sh_entry *e, bool bare)
{
        struct sv g = sh_fields_new(bare ? &sh_type_group_info_bare : &sh_type_group_info, 4);
        struct sv values = sh_array_new(e->nkeys);
        for (uint32_t i = 0; i < e->nkeys; i++)
                sh_array_add(values.a, e->keys[i].kind == SH_VOID ? SH_NIL : e->keys[i]);
        *sh_field(g, 0) = values;
        *sh_field(g, 1) = sh_int(0);
        *sh_field(g, 2) = sh_array_new(4);
        *sh_field(g, 3) = name_of(sh, e);
        return g;
}

/* A group found by the text of simple keys, so that many groups of mixed types do not cost their square. */
static uint32_t find_group(struct sh *sh, const struct sh_entry *reps, uint32_t n, const struct sh_entry *e,
                           bool cs, bool sorted)
{
        if (sorted)
                return n && sh_entry_compare(sh, &reps[n - 1], e, NULL, cs) == 0 ? n - 1 : n;
        for (uint32_t i = 0; i < n; i++)
                if (sh_entry_compare(sh, &reps[i], e, NULL, cs) == 0)
                        return i;
        return n;
}

static int write_hash(struct sh_cmd *c, struct sh_array *groups, const struct sh_entry *reps)
{
        struct sv h = sh_hash_new(false), old;
        int r = SH_OK;
        if (sh_switch(c, "CaseSensitive"))
                sh_hash_set_case(h.h, true);
        for (uint32_t i = 0; i < groups->n && r == SH_OK; i++) {
                struct sv key =
                        sh_switch(c, "AsString") ? *sh_field(groups->v[i], 3) : sh_unwrap(reps[i].keys[0]);
                if (sh_is_null(key))
                        r = sh_cmd_error(
                                c,
                                "The objects grouped by this property cannot be expanded because there is a "
                                "key duplication. Provide a valid value for the property, and then try "
                                "again.",
                                "InvalidArgument", SH_NIL,
                                "The objects grouped by this property cannot be expanded because there is a "
                                "key duplication. Provide a valid value for the property, and then try "
                                "again.");
                else if (!sh_hash_get(h.h, key, &old))
                        sh_hash_set(h.h, key, *sh_field(groups->v[i], 2));
        }
        if (r == SH_OK)
                r = sh_emit(c, h);
        sh_drop(h);
        return r;
}

static int write_groups(struct sh_cmd *c, struct sh_array *groups, const struct sh_entry *reps)
{
        if (sh_switch(c, "AsHashTable"))
                return write_hash(c, groups, reps);
        for (uint32_t i = 0; i < groups->n; i++) {
                int r = sh_emit(c, groups->v[i]);
                if (r)
                        return r;
        }
        return SH_OK;
}

static int group_end(struct sh_cmd *c)
{
        struct group *g = sh_state(c);
        struct sh *sh = sh_session(c);
        struct sh_entries *l = &g->entries;
        bool cs = sh_switch(c, "CaseSensitive"), bare = sh_switch(c, "NoElement");
        if (!l->n)
                return SH_OK;
        if (!g->mixed)
                sh_entries_sort(sh, l, NULL, cs);
        struct sh_entry *reps = calloc(l->n, sizeof(*reps)); /* borrowed */
        struct sv groups = sh_array_new(8);
        if (!reps)
                abort();
        for (uint32_t i = 0; i < l->n; i++) {
                uint32_t at = find_group(sh, reps, groups.a->n, &l->v[i], cs, !g->mixed);
                if (at == groups.a->n) {
                        reps[at] = l->v[i];
                        sh_array_take(groups.a, group_new(sh, &l->v[i], bare));
                }
                sh_field(groups.a->v[at], 1)->i++;
                if (!bare)
                        sh_array_add(sh_field(groups.a->v[at], 2)->a, l->v[i].object);
        }
        int r = write_groups(c, groups.a, reps);
        sh_drop(groups);
        free(reps);
        return r;
}

static void group_clean(struct sh_cmd *c)
{
        struct group *g = sh_state(c);
        sh_props_free(&g->props);
        sh_entries_free(&g->entries);
        free(g->types);
        g->types = NULL;
}

static const struct sh_cmdlet group_object = {
        .name = "Group-Object",
        .alias = (const char *[]) { "group", NULL },
        .synopsis = "Groups objects that have the same value of a property.",
        .params = (const struct sh_param[]) { { "Property", .type = "object[]", .position = 1,
                                                .complete = "property" },
                                              { "NoElement", .type = "switch", .help = "Counts only." },
                                              { "AsHashTable", .type = "switch", .alias = "AHT",
                                                .sets = "HashTable", .help = "One table: value to objects." },
                                              { "AsString", .type = "switch", .sets = "HashTable" },
                                              { "CaseSensitive", .type = "switch" },
                                              { "Culture", .type = "string" },
                                              { "InputObject", .from_pipeline = true },
                                              { 0 } },
        .state_size = sizeof(struct group),
        .begin = group_begin,
        .process = group_process,
        .end = group_end,
        .clean = group_clean,
        .examples =
                (const struct sh_example[]) {
                        { "'a','b','a' | Group-Object | ForEach-Object { \"$($_.Name) $($_.Count)\" }",
                          "a 2\nb 1", "Counts." },
                        { "('ant', 'bee', 'ox' | Group-Object Length -AsHashTable)[3].Count", "2",
                          "As a hash table of groups." },
                        { 0 } },
};
SH_CMDLETS(group, &group_object);
