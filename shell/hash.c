/* SPDX-License-Identifier: MIT
 *
 * Hash tables: entries in insertion order with an index beside them. Text keys match without case unless the table is
 * case sensitive; numbers of one type by value; other objects by identity or their type's equals.
 */
#include "shell/text.h"

#include <stdlib.h>

struct entry {
        struct sv key, value;
        uint32_t hash;
        bool gone;
};
struct sh_hash {
        struct sh_obj obj;
        uint32_t n, live, cap; /* entries used (gone ones too), alive, allocated */
        uint32_t mask;         /* of index; 0 = none yet */
        struct entry *e;
        uint32_t *index; /* entry + 1 */
        bool case_sensitive;
        bool sorted, unsorted; /* SortedDictionary: kept in the order of keys; unsorted: something was put since */
        const struct sh_type *key_type, *value_type; /* Dictionary[K,V]; NULL = object */
};

static struct sv hash_new(const struct sh_type *type)
{
        struct sh_hash *h = calloc(1, sizeof(*h));
        if (!h)
                abort();
        h->obj = (struct sh_obj) { .refs = 1, .type = type };
        return (struct sv) { .kind = SH_HASH, .h = h };
}

struct sv sh_hash_new(bool ordered)
{
        return hash_new(ordered ? &sh_type_ordered : &sh_type_hashtable);
}

struct sv sh_hash_new_typed(const struct sh_type *t)
{
        return hash_new(t);
}

struct sv sh_dictionary_new(const struct sh_type *t, const struct sh_type *key, const struct sh_type *value, bool cs)
{
        struct sv r = hash_new(t);
        r.h->key_type = key;
        r.h->value_type = value;
        r.h->case_sensitive = cs;
        return r;
}

void sh_hash_set_case(struct sh_hash *h, bool sensitive)
{
        h->case_sensitive = sensitive;
}

const struct sh_type *sh_hash_value_type(struct sh_hash *h)
{
        return h->value_type;
}

const struct sh_type *sh_hash_key_type(struct sh_hash *h)
{
        return h->key_type;
}

void sh_hash_set_sorted(struct sh_hash *h)
{
        h->sorted = true;
}

bool sh_hash_case(const struct sh_hash *h)
{
        return h->case_sensitive;
}

uint32_t sh_hash_count(const struct sh_hash *h)
{
        return h->live;
}

static uint32_t mix(uint64_t x)
{
        x *= 0x9E3779B97F4A7C15ULL;
        return (uint32_t)(x >> 32);
}

static uint32_t key_hash(struct sv k)
{
        k = sh_unwrap(k);
        switch (k.kind) {
        case SH_STRING: return sh_text_hash(k.s->s, k.s->len);
        case SH_DECIMAL: return mix((uint64_t)sh_decimal_to_double(k));
        case SH_ENUM: return mix(k.hi);
        default: break;
        }
        if (k.kind < SH_OBJECT_KINDS)
                return mix(k.u ^ (uint64_t)k.kind << 56);
        if (k.o->type->hash)
                return k.o->type->hash(k);
        return mix((uintptr_t)k.o);
}

static bool key_same(const struct sh_hash *h, struct sv a, struct sv b)
{
        a = sh_unwrap(a);
        b = sh_unwrap(b);
        if (a.kind != b.kind)
                return false;
        switch (a.kind) {
        case SH_STRING:
                return h->case_sensitive ? a.s->len == b.s->len && !memcmp(a.s->s, b.s->s, a.s->len)
                                         : sh_text_same(a.s->s, a.s->len, b.s->s, b.s->len);
        case SH_DECIMAL: return sh_decimal_compare(a, b) == 0;
        case SH_ENUM: return a.o == b.o && a.hi == b.hi;
        case SH_SINGLE:
        case SH_DOUBLE: return a.d == b.d;
        default: break;
        }
        if (a.kind < SH_OBJECT_KINDS)
                return a.u == b.u;
        if (a.o == b.o)
                return true;
        return a.o->type == b.o->type && a.o->type->equals && a.o->type->equals(a, b);
}

static struct entry *find(const struct sh_hash *h, struct sv key, uint32_t hash)
{
        if (!h->mask)
                return NULL;
        for (uint32_t i = hash & h->mask; h->index[i]; i = (i + 1) & h->mask) {
                struct entry *e = &h->e[h->index[i] - 1];
                if (!e->gone && e->hash == hash && key_same(h, e->key, key))
                        return e;
        }
        return NULL;
}

/* Room for one more; drops the gone entries when it moves things anyway. */
static void reindex(struct sh_hash *h)
{
        uint32_t n = 0;
        for (uint32_t i = 0; i < h->n; i++)
                if (!h->e[i].gone)
                        h->e[n++] = h->e[i];
        h->n = n;
        uint32_t slots = 8;
        while (slots < 2 * (n + 1))
                slots *= 2;
        free(h->index);
        h->index = calloc(slots, sizeof(*h->index));
        h->cap = slots / 2 + 1;
        h->e = realloc(h->e, h->cap * sizeof(*h->e));
        if (!h->index || !h->e)
                abort();
        h->mask = slots - 1;
        for (uint32_t k = 0; k < n; k++) {
                uint32_t i = h->e[k].hash & h->mask;
                while (h->index[i])
                        i = (i + 1) & h->mask;
                h->index[i] = k + 1;
        }
}

bool sh_hash_get(const struct sh_hash *h, struct sv key, struct sv *ret)
{
        if (!h->live)
                return false;
        struct entry *e = find(h, key, key_hash(key));
        if (e)
                *ret = e->value;
        return e;
}

void sh_hash_set(struct sh_hash *h, struct sv key, struct sv value)
{
        uint32_t hash = key_hash(key);
        struct entry *e = find(h, key, hash);
        if (value.kind == SH_VOID)
                value = SH_NIL;
        if (e) {
                struct sv old = e->value;
                e->value = sh_keep(value);
                sh_drop(old);
                return;
        }
        if (!h->mask || h->n + 1 > h->mask / 2)
                reindex(h);
        h->e[h->n++] = (struct entry) { sh_keep(key), sh_keep(value), hash, false };
        h->live++;
        h->unsorted = h->sorted;
        uint32_t i = hash & h->mask;
        while (h->index[i])
                i = (i + 1) & h->mask;
        h->index[i] = h->n;
}

bool sh_hash_remove(struct sh_hash *h, struct sv key)
{
        struct entry *e = find(h, key, key_hash(key));
        if (!e)
                return false;
        struct sv k = e->key, v = e->value;
        e->gone = true;
        e->key = e->value = SH_NIL;
        h->live--;
        if (h->live < h->n / 2)
                reindex(h);
        sh_drop(k);
        sh_drop(v);
        return true;
}

void sh_hash_insert(struct sh_hash *h, uint32_t at, struct sv key, struct sv value)
{
        sh_hash_set(h, key, value);
        reindex(h);
        struct entry last = h->e[h->n - 1];
        memmove(h->e + at + 1, h->e + at, (h->n - 1 - at) * sizeof(*h->e));
        h->e[at] = last;
        reindex(h);
}

void sh_hash_clear(struct sh_hash *h)
{
        struct entry *e = h->e;
        uint32_t n = h->n;
        free(h->index);
        h->index = NULL;
        h->e = NULL;
        h->n = h->live = h->cap = h->mask = 0;
        for (uint32_t i = 0; i < n; i++) {
                sh_drop(e[i].key);
                sh_drop(e[i].value);
        }
        free(e);
}

static int entry_order(const void *a, const void *b)
{
        return sh_order(NULL, ((const struct entry *)a)->key, ((const struct entry *)b)->key, true);
}

static void sort_entries(struct sh_hash *h)
{
        h->unsorted = false;
        reindex(h);
        qsort(h->e, h->n, sizeof(*h->e), entry_order);
        reindex(h);
}

bool sh_hash_at(const struct sh_hash *h, uint32_t i, struct sv *ret_key, struct sv *ret_value)
{
        if (i >= h->live)
                return false;
        if (h->unsorted)
                sort_entries((struct sh_hash *)h);
        if (h->live != h->n) /* gone ones in between: they leave, the meaning stays */
                reindex((struct sh_hash *)h);
        *ret_key = h->e[i].key;
        *ret_value = h->e[i].value;
        return true;
}

bool sh_hash_get_text(const struct sh_hash *h, const char *key, struct sv *ret)
{
        struct sv k = sh_text(key);
        bool ok = sh_hash_get(h, k, ret);
        sh_drop(k);
        return ok;
}

void sh_hash_set_text(struct sh_hash *h, const char *key, struct sv value)
{
        struct sv k = sh_text(key);
        sh_hash_set(h, k, value);
        sh_drop(k);
}

struct sv sh_hash_copy(struct sv v)
{
        struct sv r = hash_new(v.o->type), k, x;
        r.h->case_sensitive = v.h->case_sensitive;
        r.h->key_type = v.h->key_type;
        r.h->value_type = v.h->value_type;
        r.h->sorted = v.h->sorted;
        for (uint32_t i = 0; sh_hash_at(v.h, i, &k, &x); i++)
                sh_hash_set(r.h, k, x);
        return r;
}
