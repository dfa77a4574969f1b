/* SPDX-License-Identifier: MIT
 *
 * Members that Update-TypeData adds to types, kept per session by type name; and the list of an object's properties.
 */
#include "shell/types.h"

#include "shell/code.h"

#include <stdlib.h>

struct sh_ets *sh_ets_first(struct sh *sh)
{
        return sh->types_private;
}

struct sh_ets *sh_ets_of(struct sh *sh, const char *name, bool make)
{
        size_t n = strlen(name);
        for (struct sh_ets *e = sh->types_private; e; e = e->next)
                if (sh_text_same(e->name.s->s, e->name.s->len, name, n))
                        return e;
        if (!make)
                return NULL;
        struct sh_ets *e = calloc(1, sizeof(*e));
        if (!e)
                abort();
        e->name = sh_string(name, n);
        e->depth = -1;
        e->next = sh->types_private;
        sh->types_private = e;
        return e;
}

static void ets_end(struct sh_ets *e)
{
        for (uint32_t i = 0; i < e->bag.n; i++) {
                sh_drop(e->bag.v[i].name);
                sh_drop(e->bag.v[i].value);
                sh_drop(e->bag.v[i].setter);
        }
        free(e->bag.v);
        sh_drop(e->name);
        sh_drop(e->default_display);
        sh_drop(e->default_property);
        sh_drop(e->default_keys);
        free(e);
}

bool sh_ets_remove(struct sh *sh, const char *name)
{
        struct sh_ets *e = sh_ets_of(sh, name, false), *x = sh->types_private;
        if (!e)
                return false;
        if (x == e) {
                sh->types_private = e->next;
        } else {
                while (x->next != e)
                        x = x->next;
                x->next = e->next;
        }
        ets_end(e);
        return true;
}

void sh_ets_free(struct sh *sh)
{
        while (sh->types_private) {
                struct sh_ets *e = sh->types_private;
                sh->types_private = e->next;
                ets_end(e);
        }
}

struct finding {
        struct sh *sh;
        const char *name;
        size_t n;
        struct sh_note *found;
        struct sv display;
};

static bool find_in(void *data, const char *type)
{
        struct finding *f = data;
        struct sh_ets *e = sh_ets_of(f->sh, type, false);
        f->found = e ? sh_bag_find(&e->bag, f->name, f->n) : NULL;
        return !f->found;
}

struct sh_note *sh_ets_find(struct sh *sh, struct sv v, const char *name, size_t n)
{
        struct finding f = { .sh = sh, .name = name, .n = n };
        if (!sh || !sh->types_private) /* nearly always */
                return NULL;
        sh_type_names(sh, v, find_in, &f);
        return f.found;
}

static bool find_display(void *data, const char *type)
{
        struct finding *f = data;
        struct sh_ets *e = sh_ets_of(f->sh, type, false);
        if (e)
                f->display = e->default_display;
        return sh_is_null(f->display);
}

struct sv sh_ets_display(struct sh *sh, struct sv v)
{
        struct finding f = { .sh = sh };
        if (sh->types_private)
                sh_type_names(sh, v, find_display, &f);
        return f.display;
}

/* ---- every property ---- */
struct listing {
        struct sh *sh;
        bool (*each)(void *, const char *, size_t, int);
        void *data;
        bool stopped;
        const struct sh_type *type;
        struct sv self;
};

static void list_dynamic(void *data, const char *name, size_t n)
{
        struct listing *l = data;
        if (!l->stopped)
                l->stopped = !l->each(l->data, name, n, SH_PROPERTY);
}

static void list_declared(struct listing *l, const struct sh_type *t)
{
        bool own_first = sh_is_script_class(t); /* as reflection has it */
        if (t->base && !own_first)
                list_declared(l, t->base);
        if (t->base && t->base->members == t->members) /* T[X] has the table of its open type */
                return;
        for (uint32_t i = 0; i < t->nmembers && !l->stopped; i++) {
                const struct sh_member *m = &t->members[i];
                if (m->kind != SH_PROPERTY || m->is_static || m->hidden)
                        continue;
                const struct sh_member *first = sh_find_member(l->type, m->name, strlen(m->name), false, SH_PROPERTY);
                if (first == m || !first)
                        l->stopped = !l->each(l->data, m->name, strlen(m->name), SH_PROPERTY);
        }
        if (t->base && own_first && !l->stopped)
                list_declared(l, t->base);
}

static void list_bag(struct listing *l, const struct sh_bag *b)
{
        for (uint32_t i = 0; b && i < b->n && !l->stopped; i++) {
                if (b->v[i].kind == SH_SCRIPT_METHOD || b->v[i].kind == SH_METHOD)
                        continue;
                struct sv name = sh_keep(b->v[i].name);
                l->stopped = !l->each(l->data, name.s->s, name.s->len, b->v[i].kind);
                sh_drop(name);
        }
}

static bool list_ets(void *data, const char *type)
{
        struct listing *l = data;
        struct sh_ets *e = sh_ets_of(l->sh, type, false);
        if (e)
                list_bag(l, &e->bag);
        return !l->stopped;
}

void sh_properties(struct sh *sh, struct sv v, bool (*each)(void *, const char *, size_t, int), void *data)
{
        struct sv base = sh_unwrap(v);
        struct listing l = { sh, each, data, false, sh_type_of(base), base };
        if (!l.type)
                return;
        for (const struct sh_type *t = l.type; t && !l.stopped; t = t->base)
                if (t->list) {
                        t->list(sh, base, list_dynamic, &l);
                        break;
                }
        if (l.type != &sh_type_psobject && !sh_model_is_narrow(base))
                list_declared(&l, l.type);
        list_bag(&l, sh_bag_of(base, false));
        if (base.kind != v.kind)
                list_bag(&l, sh_bag_of(v, false));
        if (sh && sh->types_private && !l.stopped)
                sh_type_names(sh, v, list_ets, &l);
}
