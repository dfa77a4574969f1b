/* SPDX-License-Identifier: MIT
 *
 * Keys of objects and their order. A missing property comes after any value, in either direction.
 */
#include "shell/entries.h"

#include <stdlib.h>

void sh_entry_free(struct sh_entry *e)
{
        sh_drop(e->object);
        for (uint32_t i = 0; i < e->nkeys; i++)
                sh_drop(e->keys[i]);
        free(e->keys);
        *e = (struct sh_entry) { 0 };
}

void sh_entries_pop(struct sh_entries *l)
{
        struct sh_entry *e = &l->v[--l->n];
        sh_drop(e->object);
        for (uint32_t i = 0; i < e->nkeys; i++)
                sh_drop(e->keys[i]);
        free(l->spare);
        l->spare = e->keys;
        l->spare_room = e->room;
}

void sh_entries_free(struct sh_entries *l)
{
        for (uint32_t i = 0; i < l->n; i++)
                sh_entry_free(&l->v[i]);
        free(l->v);
        free(l->spare);
        *l = (struct sh_entries) { 0 };
}

struct adding {
        struct sh *sh;
        struct sh_entry *e;
};

static void add_key(struct sh_entry *e, struct sv owned)
{
        if (e->nkeys == e->room) {
                struct sv *p = realloc(e->keys, ++e->room * sizeof(*p));
                if (!p)
                        abort();
                e->keys = p;
        }
        e->keys[e->nkeys++] = owned;
}

static bool add_each(void *state, const char *name, size_t n)
{
        struct adding *a = state;
        struct sv v;
        int r = sh_prop_get(a->sh, a->e->object, name, n, &v);
        if (r == SH_ERROR)
                sh_drop(sh_error_take(a->sh));
        add_key(a->e, r == SH_OK ? v : SH_NOTHING);
        return true;
}

static int evaluate(struct sh_cmd *c, const struct sh_props *props, struct sh_entry *e)
{
        struct sh *sh = sh_session(c);
        for (uint32_t i = 0; i < props->n; i++) {
                const struct sh_prop *p = &props->v[i];
                struct adding a = { sh, e };
                struct sv v;
                if (p->wildcard) {
                        sh_prop_expand(sh, e->object, p, add_each, &a);
                        continue;
                }
                int r = sh_prop_value(sh, p, e->object, &v);
                if (r == SH_NONE)
                        v = SH_NOTHING;
                else if (r == SH_ERROR) {
                        struct sv err = sh_error_take(sh);
                        v = SH_NIL;
                        r = sh_stream_error(sh, err);
                        sh_drop(err);
                        if (r)
                                return r;
                } else if (r)
                        return r;
                add_key(e, v);
        }
        if (!props->n)
                add_key(e, sh_keep(e->object));
        return SH_OK;
}

int sh_entries_add(struct sh_cmd *c, struct sh_entries *l, const struct sh_props *props, struct sv object)
{
        if (l->n == l->cap) {
                l->cap = l->cap ? 2 * l->cap : 32;
                struct sh_entry *p = realloc(l->v, l->cap * sizeof(*p));
                if (!p)
                        abort();
                l->v = p;
        }
        struct sh_entry *e = &l->v[l->n];
        *e = (struct sh_entry) { .object = sh_keep(object), .keys = l->spare, .room = l->spare_room };
        l->spare = NULL;
        l->spare_room = 0;
        l->n++;
        return evaluate(c, props, e);
}

int sh_entry_compare(struct sh *sh, const struct sh_entry *a, const struct sh_entry *b, const bool *descending, bool cs)
{
        uint32_t n = a->nkeys > b->nkeys ? a->nkeys : b->nkeys;
        for (uint32_t i = 0; i < n; i++) {
                struct sv x = i < a->nkeys ? a->keys[i] : SH_NOTHING;
                struct sv y = i < b->nkeys ? b->keys[i] : SH_NOTHING;
                if (x.kind == SH_VOID || y.kind == SH_VOID) {
                        if (x.kind == y.kind)
                                continue;
                        return x.kind == SH_VOID ? 1 : -1;
                }
                int order = x.kind == y.kind && (x.kind == SH_INT64 || x.kind == SH_INT32 || x.kind == SH_DATETIME)
                                    ? (x.i > y.i) - (x.i < y.i)
                                    : sh_order(sh, x, y, cs);
                if (order)
                        return descending && descending[i] ? -order : order;
        }
        return 0;
}

struct order {
        struct sh *sh;
        const bool *descending;
        bool cs;
};

/* Merge sort: stable, and a comparison that contradicts itself does no harm. */
static void merge(const struct order *o, struct sh_entry *v, struct sh_entry *tmp, uint32_t n)
{
        if (n < 2)
                return;
        uint32_t half = n / 2, i = 0, j = half, k = 0;
        merge(o, v, tmp, half);
        merge(o, v + half, tmp, n - half);
        if (sh_entry_compare(o->sh, &v[half - 1], &v[half], o->descending, o->cs) <= 0)
                return;
        while (i < half && j < n)
                tmp[k++] = sh_entry_compare(o->sh, &v[i], &v[j], o->descending, o->cs) <= 0 ? v[i++] : v[j++];
        while (i < half)
                tmp[k++] = v[i++];
        memcpy(v, tmp, k * sizeof(*v));
}

void sh_entries_sort(struct sh *sh, struct sh_entries *l, const bool *descending, bool cs)
{
        struct order o = { sh, descending, cs };
        struct sh_entry *tmp = malloc((l->n ? l->n : 1) * sizeof(*tmp));
        if (!tmp)
                abort();
        merge(&o, l->v, tmp, l->n);
        free(tmp);
}
