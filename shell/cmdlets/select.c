/* SPDX-License-Identifier: MIT
 *
 * Select-Object: some objects (-First, -Last, -Skip, -Index, -Unique) and some of their properties.
 */
#include "shell/cmdlet.h"
#include "shell/property.h"
#include "shell/text.h"

#include <stdlib.h>

struct unique {
        struct sv object;
        uint32_t notes;
};

struct select {
        struct sh_props props, expand;
        struct sv exclude;
        int64_t first, last, skip, skip_last, streamed;
        bool bounded, unique, fold, indexed, skip_indexed, ended;
        struct sv *queue;
        uint32_t head, n, cap;
        int64_t *index, at;
        uint32_t nindex, next_index;
        struct unique *seen;
        uint32_t nseen, capseen;
};

static int compare_index(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
        return (x > y) - (x < y);
}

static int read_index(struct sh_cmd *c, const char *param)
{
        struct select *s = sh_state(c);
        struct sv list = sh_arg(c, param), item;
        size_t pos = 0;
        uint32_t cap = 0;
        while (sh_next(list, &pos, &item)) {
                if (s->nindex == cap) {
                        cap = cap ? 2 * cap : 8;
                        int64_t *p = realloc(s->index, cap * sizeof(*p));
                        if (!p)
                                abort();
                        s->index = p;
                }
                int64_t i = 0;
                sh_to_int64(sh_session(c), item, &i);
                sh_drop(item);
                s->index[s->nindex++] = i;
        }
        if (s->nindex)
                qsort(s->index, s->nindex, sizeof(*s->index), compare_index);
        return SH_OK;
}

static int select_begin(struct sh_cmd *c)
{
        struct select *s = sh_state(c);
        int r = sh_props_parse(c, sh_arg(c, "Property"), SH_PK_NAME, &s->props);
        if (r == SH_OK && sh_bound(c, "ExpandProperty"))
                r = sh_props_parse(c, sh_arg(c, "ExpandProperty"), SH_PK_NAME, &s->expand);
        if (r)
                return r;
        s->exclude = sh_keep(sh_arg(c, "ExcludeProperty"));
        if (sh_bound(c, "ExcludeProperty") && !s->props.n) {
                struct sv star = sh_text("*");
                r = sh_props_parse(c, star, SH_PK_NAME, &s->props);
                sh_drop(star);
        }
        s->first = sh_arg_int(c, "First", 0);
        s->last = sh_arg_int(c, "Last", 0);
        s->skip = sh_arg_int(c, "Skip", 0);
        s->skip_last = sh_arg_int(c, "SkipLast", 0);
        s->bounded = sh_bound(c, "First") || sh_bound(c, "Last");
        s->unique = sh_switch(c, "Unique");
        s->fold = sh_switch(c, "CaseInsensitive");
        s->indexed = sh_bound(c, "Index");
        s->skip_indexed = sh_bound(c, "SkipIndex");
        if (r == SH_OK && (s->indexed || s->skip_indexed))
                r = read_index(c, s->indexed ? "Index" : "SkipIndex");
        return r;
}

/* ---- writing ---- */
static struct sh_bag *own_bag(struct sv v)
{
        return v.kind == SH_PSOBJECT ? sh_bag_of(v, true) : NULL;
}

static bool is_custom(struct sv v)
{
        return v.kind == SH_PSOBJECT && sh_is_null(((struct sh_psobject *)v.o)->base);
}

static void name_type(struct sv object, struct sv input)
{
        const struct sh_type *t = sh_type_of(sh_unwrap(input));
        struct sh_bag *b = own_bag(object);
        if (!is_custom(object) || !b || !t)
                return;
        struct sv name = sh_printf(
                "Selected.%s", is_custom(input) ? "System.Management.Automation.PSCustomObject" : t->name);
        struct sv *types = calloc(b->ntypes + 1, sizeof(*types));
        if (!types)
                abort();
        if (b->ntypes)
                memcpy(types + 1, b->types, b->ntypes * sizeof(*types));
        types[0] = name;
        free(b->types);
        b->types = types;
        b->ntypes++;
}

static bool same_value(struct sh *sh, const struct select *s, struct sv a, struct sv b)
{
        if (is_custom(a) && is_custom(b))
                return true;
        if (is_custom(a) != is_custom(b))
                return false;
        return sh_order(sh, a, b, !s->fold) == 0;
}

static bool same_object(struct sh *sh, const struct select *s, struct sv a, uint32_t notes,
                        const struct unique *u)
{
        if (notes != u->notes || !same_value(sh, s, sh_unwrap(a), sh_unwrap(u->object)))
                return false;
        struct sh_bag *bag = notes ? own_bag(a) : NULL;
        for (uint32_t i = 0; bag && i < bag->n; i++) {
                struct sv other;
                if (bag->v[i].kind != SH_NOTE)
                        continue;
                if (!sh_object_note(u->object, bag->v[i].name.s->s, bag->v[i].name.s->len, &other) ||
                    !same_value(sh, s, bag->v[i].value, other))
                        return false;
        }
        return true;
}

static int write_object(struct sh_cmd *c, struct sv v, uint32_t notes)
{
        struct select *s = sh_state(c);
        if (!s->unique)
                return sh_emit(c, v);
        for (uint32_t i = 0; i < s->nseen; i++)
                if (same_object(sh_session(c), s, v, notes, &s->seen[i]))
                        return SH_OK;
        if (s->nseen == s->capseen) {
                s->capseen = s->capseen ? 2 * s->capseen : 16;
                struct unique *p = realloc(s->seen, s->capseen * sizeof(*p));
                if (!p)
                        abort();
                s->seen = p;
        }
        s->seen[s->nseen++] = (struct unique) { sh_keep(v), notes };
        return SH_OK;
}

/* ---- properties ---- */
struct picking {
        struct sh_cmd *c;
        struct sv input, result;
        const struct sh_prop *prop;
        uint32_t matched;
        int status;
};

static int exists(struct picking *p, const char *name, const char *id)
{
        return sh_cmd_error(p->c, id, "InvalidOperation", p->input,
                            "The property cannot be processed because the property \"%s\" already exists.",
                            name);
}

static bool put(struct picking *p, struct sv name, struct sv value)
{
        struct sv old;
        p->matched++;
        if (sh_object_note(p->result, name.s->s, name.s->len, &old)) {
                p->status = exists(p, name.s->s, "AlreadyExistingUserSpecifiedPropertyNoExpand");
                return p->status == SH_OK;
        }
        sh_object_set(p->result, name.s->s, name.s->len, value);
        return true;
}

static bool pick_each(void *state, const char *name, size_t n)
{
        struct picking *p = state;
        struct select *s = sh_state(p->c);
        struct sv value = SH_NIL;
        if (sh_prop_excluded(s->exclude, name, n))
                return true;
        int r = sh_prop_get(sh_session(p->c), p->input, name, n, &value);
        if (r == SH_ERROR)
                sh_drop(sh_error_take(sh_session(p->c)));
        if (r != SH_OK)
                value = SH_NIL;
        struct sv label = p->prop->label.kind == SH_STRING ? sh_keep(p->prop->label) : sh_string(name, n);
        bool more = put(p, label, value);
        sh_drop(label);
        sh_drop(value);
        return more;
}

static int pick(struct sh_cmd *c, struct picking *p)
{
        struct select *s = sh_state(c);
        struct sh *sh = sh_session(c);
        for (uint32_t i = 0; i < s->props.n && p->status == SH_OK; i++) {
                const struct sh_prop *prop = &s->props.v[i];
                struct sv value, label = SH_NIL;
                p->prop = prop;
                if (prop->wildcard) {
                        sh_prop_expand(sh, p->input, prop, pick_each, p);
                        continue;
                }
                if (prop->name.kind == SH_STRING && prop->label.kind != SH_STRING)
                        label = sh_prop_actual(sh, p->input, prop->name.s->s, prop->name.s->len);
                if (label.kind != SH_STRING)
                        label = sh_prop_label(sh, prop);
                if (label.s->len == 0) {
                        sh_drop(label);
                        return sh_cmd_throw(c, "EmptyScriptBlockAndNoName", "InvalidArgument", SH_NIL,
                                            "A script block without a name cannot be empty.");
                }
                if (sh_prop_excluded(s->exclude, label.s->s, label.s->len)) {
                        sh_drop(label);
                        continue;
                }
                p->status = sh_prop_soft(sh, prop, p->input, &value);
                if (p->status == SH_OK)
                        put(p, label, value);
                sh_drop(value);
                sh_drop(label);
        }
        return p->status;
}

/* The selected properties go as notes onto what was expanded. */
static int write_expanded(struct picking *p, struct sv value)
{
        struct sh_bag *notes = own_bag(p->result);
        if (!notes || !notes->n)
                return write_object(p->c, value, 0);
        struct sv copy = is_custom(value) ? sh_object_copy(value) : sh_wrap(sh_unwrap(value));
        struct sh *sh = sh_session(p->c);
        int r = SH_OK;
        for (uint32_t i = 0; i < notes->n && r == SH_OK; i++) {
                struct sv old;
                const struct sh_str *name = notes->v[i].name.s;
                int got = sh_get(sh, copy, name->s, name->len, &old);
                if (got == SH_OK) {
                        sh_drop(old);
                        r = exists(p, name->s, "AlreadyExistingUserSpecifiedPropertyExpand");
                        continue;
                }
                if (got == SH_ERROR)
                        sh_drop(sh_error_take(sh));
                sh_bag_set(sh_bag_of(copy, true), (struct sh_note) { .name = sh_keep(notes->v[i].name),
                                                                     .kind = SH_NOTE,
                                                                     .value = sh_keep(notes->v[i].value),
                                                                     .setter = SH_NIL });
        }
        if (r == SH_OK)
                r = write_object(p->c, copy, notes->n);
        sh_drop(copy);
        return r;
}

static bool last_name(void *state, const char *name, size_t n)
{
        struct picking *p = state;
        p->matched++;
        sh_drop(p->input);
        p->input = sh_string(name, n);
        return true;
}

static int expand_name(struct sh_cmd *c, struct sv input, const struct sh_prop *prop, struct sv *ret)
{
        struct picking found = { .c = c, .input = SH_NIL };
        if (prop->name.kind != SH_STRING || !prop->wildcard)
                return SH_NONE;
        sh_prop_expand(sh_session(c), input, prop, last_name, &found);
        if (found.matched == 1) {
                *ret = found.input;
                return SH_OK;
        }
        sh_drop(found.input);
        if (found.matched == 0)
                return SH_NONE;
        sh_cmd_error(c, "MutlipleExpandProperties", "InvalidArgument", input,
                     "Multiple properties cannot be expanded.");
        return SH_STOP;
}

static int expand(struct sh_cmd *c, struct picking *p)
{
        struct select *s = sh_state(c);
        struct sh *sh = sh_session(c);
        const struct sh_prop *prop = &s->expand.v[0];
        struct sv value, item, name = SH_NIL;
        int r = expand_name(c, p->input, prop, &name);
        if (r == SH_STOP)
                return SH_OK;
        r = name.kind == SH_STRING ? sh_prop_get(sh, p->input, name.s->s, name.s->len, &value)
                                   : sh_prop_value(sh, prop, p->input, &value);
        sh_drop(name);
        if (r == SH_NONE)
                return sh_cmd_error(c, "ExpandPropertyNotFound", "InvalidArgument", p->input,
                                    "Property \"%s\" cannot be found.", prop->name.s->s);
        if (r)
                return r;
        if (!sh_is_enumerable(sh_unwrap(value))) {
                r = sh_is_null(value) ? SH_OK : write_expanded(p, value);
                sh_drop(value);
                return r;
        }
        for (size_t pos = 0; r == SH_OK && sh_next(sh_unwrap(value), &pos, &item); sh_drop(item))
                if (!sh_is_null(item))
                        r = write_expanded(p, item);
        sh_drop(value);
        return r;
}

static int process_object(struct sh_cmd *c, struct sv input)
{
        struct select *s = sh_state(c);
        if (!s->props.n && !s->expand.n)
                return write_object(c, input, 0);
        struct picking p = { .c = c, .input = input, .result = sh_object_new() };
        int r = pick(c, &p);
        if (r == SH_OK && s->expand.n)
                r = expand(c, &p);
        else if (r == SH_OK) {
                name_type(p.result, input);
                r = write_object(c, p.result, p.matched);
        }
        sh_drop(p.result);
        return r;
}

/* ---- which objects ---- */
static struct sv dequeue(struct select *s)
{
        s->n--;
        return s->queue[s->head++];
}

static void enqueue(struct select *s, struct sv v)
{
        if ((s->last > 0 && s->first == 0 && s->n >= s->last + s->skip) ||
            (s->last > 0 && s->first != 0 && s->n >= s->last))
                sh_drop(dequeue(s));
        if (s->head + s->n == s->cap) {
                if (s->head > s->n) {
                        memmove(s->queue, s->queue + s->head, s->n * sizeof(*s->queue));
                        s->head = 0;
                } else {
                        s->cap = s->cap ? 2 * s->cap : 16;
                        struct sv *p = realloc(s->queue, s->cap * sizeof(*p));
                        if (!p)
                                abort();
                        s->queue = p;
                }
        }
        s->queue[s->head + s->n++] = sh_keep(v);
}

/* The object that is now sure to be wanted, or SH_VOID. */
static struct sv stream(struct select *s)
{
        if (s->skip == 0) {
                if (s->skip_last > 0)
                        return s->n > s->skip_last ? dequeue(s) : SH_NOTHING;
                if (s->streamed < s->first || !s->bounded) {
                        s->streamed++;
                        return dequeue(s);
                }
                if (s->last == 0)
                        sh_drop(dequeue(s));
        } else if (s->last == 0 || s->first != 0) {
                sh_drop(dequeue(s));
                s->skip--;
        }
        return SH_NOTHING;
}

static int finish(struct sh_cmd *c)
{
        struct select *s = sh_state(c);
        int r = SH_OK;
        if (s->ended)
                return r;
        s->ended = true;
        bool plain = !s->indexed && !s->skip_indexed && !s->skip_last;
        while (plain && s->n > 0 && (s->first != 0 || s->n > s->skip) && r == SH_OK) {
                struct sv v = dequeue(s);
                r = process_object(c, v);
                sh_drop(v);
        }
        for (uint32_t i = 0; i < s->nseen && r == SH_OK; i++)
                r = sh_emit(c, s->seen[i].object);
        return r;
}

static int stop(struct sh_cmd *c)
{
        int r = finish(c);
        return r == SH_OK ? SH_STOP : r;
}

static int by_index(struct sh_cmd *c, struct sv input)
{
        struct select *s = sh_state(c);
        bool named = s->next_index < s->nindex && s->index[s->next_index] == s->at;
        int r = SH_OK;
        if (named != s->skip_indexed)
                r = process_object(c, input);
        while (named && s->next_index < s->nindex && s->index[s->next_index] == s->at)
                s->next_index++;
        s->at++;
        if (r == SH_OK && s->indexed && s->next_index >= s->nindex && !sh_switch(c, "Wait"))
                return stop(c);
        return r;
}

static int select_process(struct sh_cmd *c, struct sv input)
{
        struct select *s = sh_state(c);
        input = sh_input(c, input);
        if (sh_is_null(input))
                return SH_OK;
        if (s->indexed || s->skip_indexed)
                return by_index(c, input);
        if (!s->bounded && !s->skip && !s->skip_last)
                return process_object(c, input);
        enqueue(s, input);
        struct sv v = stream(s);
        int r = v.kind == SH_VOID ? SH_OK : process_object(c, v);
        sh_drop(v);
        if (r == SH_OK && s->bounded && s->last == 0 && s->first != 0 && s->streamed >= s->first &&
            !sh_switch(c, "Wait"))
                return stop(c);
        return r;
}

static void select_clean(struct sh_cmd *c)
{
        struct select *s = sh_state(c);
        sh_props_free(&s->props);
        sh_props_free(&s->expand);
        sh_drop(s->exclude);
        while (s->n)
                sh_drop(dequeue(s));
        free(s->queue);
        free(s->index);
        for (uint32_t i = 0; i < s->nseen; i++)
                sh_drop(s->seen[i].object);
        free(s->seen);
        *s = (struct select) { 0 };
}

static const struct sh_cmdlet select_object = {
        .name = "Select-Object",
        .alias = (const char *[]) { "select", NULL },
        .synopsis = "Selects objects, and properties of objects.",
        .params =
                (const struct sh_param[]) {
                        { "Property", .type = "object[]", .position = 1, .wildcard = true,
                          .complete = "property", .sets = "DefaultParameter,SkipLastParameter",
                          .help = "Names, wildcards, or tables with Name and Expression." },
                        { "ExcludeProperty", .type = "string[]", .wildcard = true, .complete = "property",
                          .sets = "DefaultParameter,SkipLastParameter" },
                        { "ExpandProperty", .type = "string", .complete = "property",
                          .sets = "DefaultParameter,SkipLastParameter",
                          .help = "Writes this property's value, a collection item by item." },
                        { "Unique", .type = "switch", .help = "Each object once." },
                        { "CaseInsensitive", .type = "switch" },
                        { "First", .type = "int", .sets = "DefaultParameter", .min = 0, .max = INT32_MAX,
                          .help = "So many from the start; then what runs before is stopped." },
                        { "Last", .type = "int", .sets = "DefaultParameter", .min = 0, .max = INT32_MAX },
                        { "Skip", .type = "int", .sets = "DefaultParameter,SkipLastParameter", .min = 0,
                          .max = INT32_MAX },
                        { "SkipLast", .type = "int", .sets = "SkipLastParameter", .min = 0,
                          .max = INT32_MAX },
                        { "Wait", .type = "switch", .sets = "DefaultParameter,IndexParameter" },
                        { "Index", .type = "int[]", .sets = "IndexParameter", .min = 0, .max = INT32_MAX },
                        { "SkipIndex", .type = "int[]", .sets = "SkipIndexParameter", .min = 0,
                          .max = INT32_MAX },
                        { "InputObject", .from_pipeline = true },
                        { 0 } },
        .default_set = "DefaultParameter",
        .state_size = sizeof(struct select),
        .begin = select_begin,
        .process = select_process,
        .end = finish,
        .clean = select_clean,
        .examples =
                (const struct sh_example[]) {
                        { "1..9 | Select-Object -First 2", "1\n2", "The first two." },
                        { "'a','bcd' | Select-Object -ExpandProperty Length", "1\n3", "The values alone." },
                        { "3,1,3 | Select-Object -Unique", "3\n1", "Each once." },
                        { 0 } },
};
SH_CMDLETS(select, &select_object);
