/* SPDX-License-Identifier: MIT
 *
 * Which types there are and how they are called. Tables in shell/types/ register by presence; arrays and generic types
 * are made when their name is first used, and stay.
 */
#include "shell/types.h"

#include "shell/code.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the index: every way to write a name ---- */
struct slot {
        const char *name;
        size_t n;
        const struct sh_type *type;
};
static struct slot *slots;
static uint32_t mask, used;
static struct sh_generic *generics;

static struct slot *slot_of(const char *name, size_t n)
{
        uint32_t i = sh_text_hash(name, n) & mask;
        while (slots[i].name && !sh_text_same(slots[i].name, slots[i].n, name, n))
                i = (i + 1) & mask;
        return &slots[i];
}

static void add_name(const char *name, size_t n, const struct sh_type *t)
{
        if (!n)
                return;
        if (2 * (used + 1) > mask) {
                struct slot *old = slots;
                uint32_t cap = old ? mask + 1 : 0;
                mask = cap ? 2 * cap - 1 : 4095; /* those of the language fit */
                slots = calloc(mask + 1, sizeof(*slots));
                if (!slots)
                        abort();
                for (uint32_t i = 0; i < cap; i++)
                        if (old[i].name)
                                *slot_of(old[i].name, old[i].n) = old[i];
                free(old);
        }
        struct slot *s = slot_of(name, n);
        if (s->name)
                return;
        *s = (struct slot) { name, n, t };
        used++;
}

static void each_type(void (*f)(const struct sh_type *))
{
        for (uint32_t i = 0; i < sh_ntype_files; i++)
                for (const struct sh_type *const *t = sh_type_files[i]; *t; t++)
                        f(*t);
}

static void add_exact(const struct sh_type *t)
{
        add_name(t->name, strlen(t->name), t);
        if (t->accelerator)
                add_name(t->accelerator, strlen(t->accelerator), t);
        for (const char *const *o = t->other_names; o && *o; o++)
                add_name(*o, strlen(*o), t);
}

static void add_without_system(const struct sh_type *t)
{
        if (!strncmp(t->name, "System.", 7))
                add_name(t->name + 7, strlen(t->name) - 7, t);
}

static void add_short(const struct sh_type *t)
{
        size_t n;
        const char *s = sh_type_short_name(t, &n);
        add_name(s, n, t);
}

static void build_index(void)
{
        each_type(add_exact);
        each_type(add_without_system);
        each_type(add_short);
}

void sh_type_each(bool (*each)(void *, const struct sh_type *), void *data)
{
        for (uint32_t i = 0; i < sh_ntype_files; i++)
                for (const struct sh_type *const *t = sh_type_files[i]; *t; t++)
                        if (!each(data, *t))
                                return;
}

static const struct sh_type *find_plain(struct sh *sh, const char *name, size_t n)
{
        if (!slots)
                build_index();
        const struct sh_type *t = sh ? sh_script_type(sh, name, n) : NULL;
        if (t)
                return t;
        if (n > 7 && !strncmp(name, "global:", 7))
                name += 7, n -= 7;
        return slot_of(name, n)->type;
}

/* ---- names ---- */
const char *sh_type_short_name(const struct sh_type *t, size_t *ret_n)
{
        const char *s = t->name, *start = s, *end = s + strlen(s);
        const char *args = strchr(s, '`'), *stop = args ? args : end;
        for (const char *p = s; p < stop; p++)
                if (*p == '.' || *p == '+')
                        start = p + 1;
        if (args) /* List`1[System.Int32] -> List`1, with [] of an array behind */
                for (end = args + 1; *end >= '0' && *end <= '9'; end++)
                        ;
        *ret_n = (size_t)(end - start);
        return start;
}

void sh_type_full_name(struct sh_buf *b, const struct sh_type *t)
{
        const struct sh_generic *g = sh_type_generic(t);
        if (g && t->is_array) {
                sh_type_full_name(b, g->args[0]);
                sh_buf_puts(b, "[]");
                return;
        }
        if (!g) {
                sh_buf_puts(b, t->name);
                return;
        }
        sh_buf_puts(b, g->open->name);
        for (uint32_t i = 0; i < g->nargs; i++) {
                sh_buf_puts(b, i ? ",[" : "[[");
                sh_type_full_name(b, g->args[i]);
                sh_buf_puts(b, ", System.Private.CoreLib, Version=8.0.0.0, Culture=neutral, "
                               "PublicKeyToken=7cec85d7bea7798e]");
        }
        sh_buf_puts(b, "]");
}

const char *sh_type_label(const struct sh_type *t)
{
        return t->accelerator ? t->accelerator : t->name;
}

/* ---- made on demand ---- */
const struct sh_generic *sh_type_generic(const struct sh_type *t)
{
        for (const struct sh_generic *g = generics; g; g = g->next)
                if (&g->type == t)
                        return g;
        return NULL;
}

static const char *text_of(struct sh_buf *b)
{
        char *s = strndup(b->p, b->n);
        if (!s)
                abort();
        sh_buf_free(b);
        return s;
}

static struct sh_generic *generic_new(const struct sh_type *open, const struct sh_type *const *args, uint32_t n)
{
        struct sh_generic *g = calloc(1, sizeof(*g));
        if (!g)
                abort();
        g->type = *open;
        g->type.other_names = NULL;
        g->type.base = open;
        g->type.element = args[0];
        g->open = open;
        g->nargs = n;
        memcpy(g->args, args, n * sizeof(*args));
        g->next = generics;
        generics = g;
        return g;
}

static const struct sh_generic *generic_find(const struct sh_type *open, const struct sh_type *const *args,
                                             uint32_t n)
{
        for (const struct sh_generic *g = generics; g; g = g->next)
                if (g->open == open && g->nargs == n && !memcmp(g->args, args, n * sizeof(*args)))
                        return g;
        return NULL;
}

/* "System.Collections.Generic.List`1[System.Int32]" and "System.Collections.Generic.List[int]" */
static void name_generic(struct sh_generic *g)
{
        struct sh_buf name = { 0 }, label = { 0 };
        sh_buf_puts(&name, g->open->name);
        sh_buf_put(&label, g->open->name, strcspn(g->open->name, "`"));
        for (uint32_t i = 0; i < g->nargs; i++) {
                sh_buf_puts(&name, i ? "," : "[");
                sh_buf_puts(&name, g->args[i]->name);
                sh_buf_puts(&label, i ? "," : "[");
                sh_buf_puts(&label, sh_type_label(g->args[i]));
        }
        sh_buf_puts(&name, "]");
        sh_buf_puts(&label, "]");
        g->type.name = text_of(&name);
        g->type.accelerator = text_of(&label);
}

const struct sh_type *sh_generic_of(const struct sh_type *open, const struct sh_type *const *args, uint32_t n)
{
        const struct sh_type *all[4] = { 0 };
        for (uint32_t i = 0; i < n && i < 4; i++)
                all[i] = args[i] ? args[i] : &sh_type_object;
        const struct sh_generic *old = generic_find(open, all, n);
        if (old)
                return &old->type;
        struct sh_generic *g = generic_new(open, all, n);
        name_generic(g);
        return &g->type;
}

const struct sh_type *sh_array_of(const struct sh_type *element)
{
        if (!element || element == &sh_type_object)
                return &sh_type_array;
        const struct sh_generic *old = generic_find(&sh_type_array, &element, 1);
        if (old)
                return &old->type;
        struct sh_generic *g = generic_new(&sh_type_array, &element, 1);
        struct sh_buf name = { 0 }, label = { 0 };
        sh_buf_putf(&name, "%s[]", element->name);
        sh_buf_putf(&label, "%s[]", sh_type_label(element));
        g->type.name = text_of(&name);
        g->type.accelerator = text_of(&label);
        g->type.base = &sh_type_array_base;
        return &g->type;
}

const struct sh_type *sh_list_of(const struct sh_type *element)
{
        return sh_generic_of(&sh_type_list, &element, 1);
}

const struct sh_type *sh_nullable_of(const struct sh_type *t)
{
        return sh_type_is_value(t) ? sh_generic_of(&sh_type_nullable_open, &t, 1) : t;
}

const struct sh_type *sh_type_nullable(const struct sh_type *t)
{
        return t && t->base == &sh_type_nullable_open ? t->element : NULL;
}

const struct sh_type *sh_type_arg(const struct sh_type *t, uint32_t i)
{
        const struct sh_generic *g = t ? sh_type_generic(t) : NULL;
        return g && i < g->nargs ? g->args[i] : &sh_type_object;
}

/* ---- finding ---- */
static const struct sh_type *find_trimmed(struct sh *sh, const char *s, size_t n)
{
        while (n && sh_cp_space((unsigned char)*s))
                s++, n--;
        while (n && sh_cp_space((unsigned char)s[n - 1]))
                n--;
        if (n && *s == '[' && s[n - 1] == ']') /* [[System.Int32, mscorlib]] as .NET writes arguments */
                s++, n -= 2;
        return sh_type_find(sh, s, n);
}

/* The comma-separated arguments between s and s + n, outside of inner brackets. */
static uint32_t find_arguments(struct sh *sh, const char *s, size_t n, const struct sh_type **args)
{
        uint32_t count = 0;
        int depth = 0;
        size_t from = 0;
        for (size_t i = 0; i <= n; i++) {
                if (i < n && s[i] == '[')
                        depth++;
                else if (i < n && s[i] == ']')
                        depth--;
                else if (i == n || (s[i] == ',' && depth == 0)) {
                        if (count == 4 || !(args[count] = find_trimmed(sh, s + from, i - from)))
                                return 0;
                        count++;
                        from = i + 1;
                }
        }
        return count;
}

static const struct sh_type *find_generic(struct sh *sh, const char *s, size_t n, size_t open_at)
{
        const struct sh_type *args[4];
        uint32_t nargs = find_arguments(sh, s + open_at + 1, n - open_at - 2, args);
        if (!nargs)
                return NULL;
        char name[256];
        size_t len = 0;
        while (len < open_at && s[len] != '`')
                len++;
        int k = snprintf(name, sizeof(name), "%.*s`%u", (int)len, s, nargs);
        const struct sh_type *open = k > 0 && (size_t)k < sizeof(name) ? find_plain(sh, name, (size_t)k) : NULL;
        return open ? sh_generic_of(open, args, nargs) : NULL;
}

const struct sh_type *sh_type_find(struct sh *sh, const char *s, size_t n)
{
        static int depth;
        while (n && sh_cp_space((unsigned char)s[n - 1]))
                n--;
        if (!n || depth > 16)
                return NULL;
        size_t open_at = 0;
        if (s[n - 1] == ']') { /* the bracket that the last one closes */
                int level = 0;
                for (open_at = n; open_at-- > 0;) {
                        level += s[open_at] == ']' ? 1 : s[open_at] == '[' ? -1 : 0;
                        if (!level)
                                break;
                }
                if (open_at == SIZE_MAX || open_at == 0)
                        return NULL;
        } else {
                const char *comma = memchr(s, ',', n); /* "System.Int32, mscorlib" */
                return find_plain(sh, s, comma ? (size_t)(comma - s) : n);
        }
        depth++;
        const struct sh_type *r = NULL;
        if (memchr(s + open_at, ',', n - open_at) && strspn(s + open_at + 1, " ,") == n - open_at - 2) {
                uint32_t rank = 1;
                for (size_t i = open_at; i < n; i++)
                        rank += s[i] == ',';
                const struct sh_type *e = sh_type_find(sh, s, open_at);
                r = e && rank <= SH_MOST_DIMENSIONS ? sh_md_type(e, rank) : NULL;
        } else if (open_at == n - 2 || strspn(s + open_at + 1, " ") == n - open_at - 2) {
                const struct sh_type *e = sh_type_find(sh, s, open_at);
                r = e ? sh_array_of(e) : NULL;
        } else {
                r = find_generic(sh, s, n, open_at);
        }
        depth--;
        return r;
}

/* ---- relations ---- */
bool sh_has_interface(const struct sh_type *t, const char *name)
{
        for (; t; t = t->base)
                for (const char *const *i = t->interfaces; i && *i; i++)
                        if (!strcmp(*i, name))
                                return true;
        return false;
}

/* IEnumerable[string] and the like: one's arguments are the other's. */
static bool is_interface_of(const struct sh_type *t, const struct sh_type *base)
{
        const struct sh_generic *b = sh_type_generic(base);
        if (!b)
                return sh_has_interface(t, base->name);
        if (!sh_has_interface(t, b->open->name))
                return false;
        const struct sh_generic *g = sh_type_generic(t);
        const struct sh_type *first = g ? g->args[0] : &sh_type_object;
        return b->args[0] == first || (b->args[0] == &sh_type_object && !sh_type_is_value(first));
}

bool sh_type_is(const struct sh_type *t, const struct sh_type *base)
{
        if (t == base || base == &sh_type_object)
                return true;
        if (!t || !base)
                return false;
        for (const struct sh_type *b = t; b; b = b->base)
                if (b == base)
                        return true;
        if (base == &sh_type_valuetype)
                return sh_type_is_value(t);
        if (base == &sh_type_array) /* string[] is an object[] */
                return t->is_array && !sh_type_is_value(t->element);
        return is_interface_of(t, base);
}

bool sh_type_is_value(const struct sh_type *t)
{
        if (!t)
                return false;
        for (const struct sh_type *b = t; b; b = b->base)
                if (b == &sh_type_valuetype || b == &sh_type_enum)
                        return true;
        return (t->kind >= SH_BOOL && t->kind < SH_OBJECT_KINDS) || t == &sh_type_guid || t == &sh_type_switch;
}

bool sh_is_a(struct sh *sh, struct sv v, const struct sh_type *t)
{
        (void)sh;
        if (sh_is_null(v))
                return false;
        if (t == &sh_type_psobject)
                return v.kind == SH_PSOBJECT && ((struct sh_psobject *)v.o)->base.kind == SH_NULL;
        if (t == &sh_type_anything)
                return v.kind == SH_PSOBJECT || v.kind == SH_MODEL;
        const struct sh_type *inner = sh_type_nullable(t);
        return sh_type_is(sh_type_of(v), inner ? inner : t);
}

/* ---- of values ---- */
const struct sh_type *sh_kind_type(enum sh_kind k)
{
        static const struct sh_type *const types[] = {
                [SH_VOID] = NULL, [SH_BOOL] = &sh_type_bool, [SH_CHAR] = &sh_type_char, [SH_SBYTE] = &sh_type_sbyte,
                [SH_BYTE] = &sh_type_byte, [SH_INT16] = &sh_type_short, [SH_UINT16] = &sh_type_ushort,
                [SH_INT32] = &sh_type_int, [SH_UINT32] = &sh_type_uint, [SH_INT64] = &sh_type_long,
                [SH_UINT64] = &sh_type_ulong, [SH_SINGLE] = &sh_type_single, [SH_DOUBLE] = &sh_type_double,
                [SH_DECIMAL] = &sh_type_decimal, [SH_DATETIME] = &sh_type_datetime,
                [SH_TIMESPAN] = &sh_type_timespan, [SH_STRING] = &sh_type_string, [SH_ARRAY] = &sh_type_array,
                [SH_HASH] = &sh_type_hashtable, [SH_PSOBJECT] = &sh_type_psobject, [SH_BLOCK] = &sh_type_block,
                [SH_TYPE] = &sh_type_type, [SH_OTHER] = NULL,
        };
        return k < sizeof(types) / sizeof(*types) ? types[k] : NULL;
}

const struct sh_type *sh_type_of(struct sv v)
{
        v = sh_unwrap(v);
        if (v.kind == SH_ENUM)
                return &((struct sh_enum *)v.o)->type;
        if (v.kind >= SH_OBJECT_KINDS)
                return v.o->type;
        if (v.kind == SH_BOOL && (v.flags & SH_V_SWITCH))
                return &sh_type_switch;
        return sh_kind_type((enum sh_kind)v.kind);
}

struct sv sh_type_value(const struct sh_type *t)
{
        struct sh_typeref *r = calloc(1, sizeof(*r));
        if (!r)
                abort();
        r->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_type };
        r->t = t;
        return (struct sv) { .kind = SH_TYPE, .o = &r->obj };
}

const struct sh_type *sh_type_referred(struct sv v)
{
        v = sh_unwrap(v);
        return v.kind == SH_TYPE ? ((struct sh_typeref *)v.o)->t : NULL;
}

struct sv sh_default_value(const struct sh_type *t)
{
        if (!t || !sh_type_is_value(t) || t->kind == SH_NULL)
                return SH_NIL;
        if (t == &sh_type_switch)
                return (struct sv) { .kind = SH_BOOL, .flags = SH_V_SWITCH };
        if (t->kind == SH_ENUM)
                return sh_enum_value(sh_enum_of(t), 0);
        if (t->kind >= SH_OBJECT_KINDS)
                return SH_NIL;
        return (struct sv) { .kind = t->kind };
}

/* ---- PSTypeNames ---- */
static bool base_names(const struct sh_type *t, bool (*each)(void *, const char *), void *data)
{
        for (; t; t = t->base) {
                if (t->base && sh_type_generic(t) && !t->is_array) {
                        if (!each(data, t->name))
                                return false;
                        t = t->base; /* the open type has no values */
                        continue;
                }
                if (!each(data, t->name))
                        return false;
        }
        return true;
}

void sh_type_names(struct sh *sh, struct sv v, bool (*each)(void *, const char *), void *data)
{
        (void)sh;
        struct sh_bag *b = sh_bag_of(v, false);
        for (uint32_t i = 0; b && i < b->ntypes; i++)
                if (!each(data, b->types[i].s->s))
                        return;
        struct sv base = sh_unwrap(v);
        if (base.kind != v.kind && (b = sh_bag_of(base, false)))
                for (uint32_t i = 0; i < b->ntypes; i++)
                        if (!each(data, b->types[i].s->s))
                                return;
        const struct sh_type *t = sh_type_of(base);
        if (t && base_names(t, each, data) && t->base == NULL && t != &sh_type_object)
                each(data, "System.Object");
}

static bool first_name(void *data, const char *name)
{
        *(struct sv *)data = sh_text(name);
        return false;
}

struct sv sh_type_name_of(struct sh *sh, struct sv v)
{
        struct sv r = SH_NIL;
        sh_type_names(sh, v, first_name, &r);
        return sh_is_null(r) ? sh_text("System.Object") : r;
}
