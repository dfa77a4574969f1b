/* SPDX-License-Identifier: MIT
 *
 * Get-Member: what an object of each type has.
 */
#include "shell/cmdlet.h"
#include "shell/fields.h"
#include "shell/property.h"
#include "shell/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct member {
        struct sv seen; /* type names */
};

static int member_begin(struct sh_cmd *c)
{
        struct member *m = sh_state(c);
        m->seen = sh_hash_new(false);
        return SH_OK;
}

static const char *const kinds[] = {
        [SH_NOTE] = "NoteProperty",
        [SH_ALIAS] = "AliasProperty",
        [SH_SCRIPT_PROPERTY] = "ScriptProperty",
        [SH_SCRIPT_METHOD] = "ScriptMethod",
        [SH_PROPERTY] = "Property",
        [SH_METHOD] = "Method",
        [SH_CODE] = "CodeProperty",
};

struct listing {
        struct sh_cmd *c;
        struct sv object, out; /* array of definitions */
        const char *type;
        struct sv names;
};

static bool wanted_kind(struct sh_cmd *c, const char *kind)
{
        struct sv want = sh_arg(c, "MemberType");
        if (sh_is_null(want))
                return true;
        struct sv t = sh_to_text(sh_session(c), want);
        bool yes = false;
        char *copy = strdup(t.s->s), *rest = copy, *word;
        while (!yes && (word = strsep(&rest, ", ")))
                yes = !strcasecmp(word, kind) || !strcasecmp(word, "All") ||
                      (!strcasecmp(word, "Properties") && strstr(kind, "Property")) ||
                      (!strcasecmp(word, "Methods") && strstr(kind, "Method"));
        free(copy);
        sh_drop(t);
        return yes;
}

static void add(struct listing *l, const char *name, size_t n, int kind, const char *definition)
{
        if (!wanted_kind(l->c, kinds[kind]) ||
            (!sh_is_null(l->names) && !sh_prop_excluded(l->names, name, n)))
                return;
        for (uint32_t i = 0; i < l->out.a->n; i++) {
                struct sv old = *sh_field(l->out.a->v[i], 1);
                if (sh_text_same(old.s->s, old.s->len, name, n))
                        return;
        }
        struct sv d = sh_fields_new(&sh_type_member_definition, 4);
        *sh_field(d, 0) = sh_text(l->type);
        *sh_field(d, 1) = sh_string(name, n);
        *sh_field(d, 2) = sh_text(kinds[kind]);
        *sh_field(d, 3) = sh_text(definition);
        sh_array_take(l->out.a, d);
}

static struct sv note_definition(struct listing *l, const char *name, size_t n, int kind, struct sv value)
{
        struct sh *sh = sh_session(l->c);
        struct sv base = sh_unwrap(value);
        const struct sh_type *t = sh_type_of(base);
        struct sv text = sh_is_null(base) ? sh_text("null") : sh_to_text(sh, value), r;
        if (kind == SH_ALIAS)
                r = sh_printf("%.*s = %s", (int)n, name, text.s->s);
        else if (kind == SH_SCRIPT_METHOD)
                r = sh_printf("System.Object %.*s();", (int)n, name);
        else if (kind == SH_SCRIPT_PROPERTY)
                r = sh_printf("System.Object %.*s {get=%s;}", (int)n, name, text.s->s);
        else
                r = sh_printf("%s %.*s=%s", t ? sh_type_label(t) : "object", (int)n, name, text.s->s);
        sh_drop(text);
        return r;
}

static const struct sh_member *declared(const struct sh_type *t, const char *name, size_t n)
{
        for (; t; t = t->base)
                for (uint32_t i = 0; i < t->nmembers; i++)
                        if (!t->members[i].is_static &&
                            sh_text_same(t->members[i].name, strlen(t->members[i].name), name, n))
                                return &t->members[i];
        return NULL;
}

static bool property_each(void *state, const char *name, size_t n, int kind)
{
        struct listing *l = state;
        struct sh *sh = sh_session(l->c);
        struct sh_bag *bag = sh_bag_of(l->object, false);
        struct sh_note *note = bag ? sh_bag_find(bag, name, n) : NULL;
        const struct sh_member *m = declared(sh_type_of(sh_unwrap(l->object)), name, n);
        struct sv value = SH_NIL, text;
        if (note) {
                text = note_definition(l, name, n, note->kind, note->value);
                kind = note->kind;
        } else if (m && m->signature) {
                text = sh_text(m->signature);
        } else {
                int r = sh_get(sh, l->object, name, n, &value);
                if (r == SH_ERROR)
                        sh_drop(sh_error_take(sh));
                if (r != SH_OK)
                        value = SH_NIL;
                const struct sh_type *t = sh_type_of(sh_unwrap(value));
                text = kind == SH_NOTE
                               ? note_definition(l, name, n, kind, value)
                               : sh_printf("%s %.*s {get;}", t ? sh_type_label(t) : "object", (int)n, name);
                sh_drop(value);
        }
        add(l, name, n, kind, text.s->s);
        sh_drop(text);
        return true;
}

static void add_methods(struct listing *l, const struct sh_type *t, bool statics)
{
        for (; t; t = t->base)
                for (uint32_t i = 0; i < t->nmembers; i++) {
                        const struct sh_member *m = &t->members[i];
                        if (m->is_static != statics || (!statics && m->kind != SH_METHOD) ||
                            (m->hidden && !sh_switch(l->c, "Force")))
                                continue;
                        struct sv made = m->signature ? SH_NIL : sh_printf("System.Object %s()", m->name);
                        add(l, m->name, strlen(m->name), m->kind, m->signature ? m->signature : made.s->s);
                        sh_drop(made);
                }
}

static int compare(const void *a, const void *b)
{
        const struct sv *x = a, *y = b;
        struct sv ka = *sh_field(*x, 2), kb = *sh_field(*y, 2), na = *sh_field(*x, 1), nb = *sh_field(*y, 1);
        int r = strcasecmp(ka.s->s, kb.s->s);
        return r ? r : strcasecmp(na.s->s, nb.s->s);
}

static bool first_name(void *state, const char *name)
{
        *(struct sv *)state = sh_text(name);
        return false;
}

static void list_members(struct listing *l, const struct sh_type *t, bool statics)
{
        struct sh *sh = sh_session(l->c);
        if (!statics) {
                sh_properties(sh, l->object, property_each, l);
                struct sh_bag *bag = sh_bag_of(l->object, false);
                for (uint32_t i = 0; bag && i < bag->n; i++)
                        property_each(l, bag->v[i].name.s->s, bag->v[i].name.s->len, bag->v[i].kind);
        }
        add_methods(l, t, statics);
        if (!statics && l->object.kind == SH_PSOBJECT) {
                add(l, "Equals", 6, SH_METHOD, "bool Equals(System.Object obj)");
                add(l, "GetHashCode", 11, SH_METHOD, "int GetHashCode()");
                add(l, "GetType", 7, SH_METHOD, "type GetType()");
                add(l, "ToString", 8, SH_METHOD, "string ToString()");
        }
}

static int member_process(struct sh_cmd *c, struct sv input)
{
        struct member *m = sh_state(c);
        struct sv name = SH_NIL, old;
        bool statics = sh_switch(c, "Static");
        input = sh_input(c, input);
        if (sh_is_null(input))
                return SH_OK;
        const struct sh_type *t = sh_type_of(sh_unwrap(input));
        if (statics && sh_type_referred(sh_unwrap(input)))
                t = sh_type_referred(sh_unwrap(input));
        if (statics)
                name = sh_text(t->name);
        else
                sh_type_names(sh_session(c), input, first_name, &name);
        if (name.kind != SH_STRING)
                name = sh_text(t ? t->name : "");
        if (sh_hash_get(m->seen.h, name, &old)) {
                sh_drop(name);
                return SH_OK;
        }
        sh_hash_set(m->seen.h, name, SH_NIL);
        struct listing l = { c, input, sh_array_new(16), name.s->s, sh_arg(c, "Name") };
        list_members(&l, t, statics);
        if (l.out.a->n)
                qsort(l.out.a->v, l.out.a->n, sizeof(struct sv), compare);
        int r = SH_OK;
        for (uint32_t i = 0; i < l.out.a->n && r == SH_OK; i++)
                r = sh_emit(c, l.out.a->v[i]);
        sh_drop(l.out);
        sh_drop(name);
        return r;
}

static int member_end(struct sh_cmd *c)
{
        struct member *m = sh_state(c);
        if (sh_hash_count(m->seen.h))
                return SH_OK;
        return sh_cmd_error(c, "NoObjectInGetMember", "CloseError", SH_NIL,
                            "You must specify an object for the Get-Member cmdlet.");
}

static void member_clean(struct sh_cmd *c)
{
        struct member *m = sh_state(c);
        sh_drop(m->seen);
        m->seen = SH_NIL;
}

static const struct sh_cmdlet get_member = {
        .name = "Get-Member",
        .alias = (const char *[]) { "gm", NULL },
        .synopsis = "Shows the properties and methods of objects.",
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true },
                                              { "MemberType", .type = "object", .alias = "Type",
                                                .help = "Property, Method, NoteProperty, ScriptProperty, ... "
                                                        "or Properties, Methods." },
                                              { "View", .type = "string",
                                                .values = "Extended,Adapted,Base,All" },
                                              { "Static", .type = "switch" },
                                              { "Force", .type = "switch" },
                                              { "InputObject", .from_pipeline = true },
                                              { 0 } },
        .state_size = sizeof(struct member),
        .begin = member_begin,
        .process = member_process,
        .end = member_end,
        .clean = member_clean,
        .examples = (const struct sh_example[]) { { "([pscustomobject]@{ a = 1 } | Get-Member a).MemberType",
                                                    "NoteProperty", "What a property is." },
                                                  { "('x' | Get-Member Trim*).Name -join ' '",
                                                    "Trim TrimEnd TrimStart", "Members by a pattern." },
                                                  { 0 } },
};
SH_CMDLETS(member, &get_member);
