/* SPDX-License-Identifier: MIT
 *
 * Hashtable, OrderedDictionary, Dictionary[K,V]; the sorted and concurrent ones; their entries and
 * enumerators.
 */
#include "shell/types.h"

#include "shell/code.h"

#include <stdlib.h>

#define MEMBERS(x) .members = x, .nmembers = sizeof(x) / sizeof(*x)

bool sh_is_dictionary(struct sv v)
{
        return sh_unwrap(v).kind == SH_HASH;
}

/* Dictionary[K,V] and its kin rather than the tables of objects. */
static bool is_generic(const struct sh_type *t)
{
        const struct sh_generic *g = sh_type_generic(t);
        return g && g->nargs == 2;
}

/* ---- entries ---- */
struct entry {
        struct sh_obj obj;
        struct sv key, value;
};

static void entry_free(struct sh_obj *o)
{
        sh_drop(((struct entry *)o)->key);
        sh_drop(((struct entry *)o)->value);
}

static struct sv entry_new(const struct sh_type *t, struct sv key, struct sv value)
{
        struct entry *e = calloc(1, sizeof(*e));
        if (!e)
                abort();
        e->obj = (struct sh_obj) { .refs = 1, .type = t };
        e->key = sh_keep(key);
        e->value = sh_keep(value);
        return (struct sv) { .kind = SH_OTHER, .o = &e->obj };
}

struct sv sh_entry_new(const struct sh_hash *h, struct sv key, struct sv value)
{
        struct sv table = { .kind = SH_HASH, .h = (struct sh_hash *)(uintptr_t)h };
        const struct sh_type *t = &sh_type_dictionary_entry;
        if (is_generic(table.o->type)) {
                const struct sh_type *args[2] = { sh_type_arg(table.o->type, 0),
                                                  sh_type_arg(table.o->type, 1) };
                t = sh_generic_of(&sh_type_key_value, args, 2);
        }
        return entry_new(t, key, value);
}

static int entry_part(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct entry *e = (struct entry *)self.o;
        if (a.n)
                return SH_NONE;
        *ret = sh_keep(sh_current_member(sh)->arg ? e->value : e->key);
        return SH_OK;
}

static void entry_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct entry *e = (struct entry *)self.o;
        if (self.o->type == &sh_type_dictionary_entry) {
                sh_buf_puts(b, self.o->type->name);
                return;
        }
        sh_buf_puts(b, "[");
        sh_buf_item(sh, b, e->key);
        sh_buf_puts(b, ", ");
        sh_buf_item(sh, b, e->value);
        sh_buf_puts(b, "]");
}

static int entry_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n != 2 && a.n != 0)
                return SH_NONE;
        *ret = entry_new(t, a.n ? a.v[0] : SH_NIL, a.n ? a.v[1] : SH_NIL);
        return SH_OK;
}

static const struct sh_member entry_members[] = {
        { "Name", SH_PROPERTY, false, "System.Object Name {get;}", entry_part },
        { "Key", SH_PROPERTY, false, "System.Object Key {get;}", entry_part },
        { "Value", SH_PROPERTY, false, "System.Object Value {get;}", entry_part, .arg = 1 },
};
static const char *const entry_shown[] = { "Name", "Value", NULL }, *const pair_shown[] = { "Key", "Value",
                                                                                            NULL };
const struct sh_type sh_type_dictionary_entry = { .name = "System.Collections.DictionaryEntry",
                                                  .base = &sh_type_valuetype,
                                                  MEMBERS(entry_members),
                                                  .free = entry_free,
                                                  .text = entry_text,
                                                  .construct = entry_construct,
                                                  .default_properties = entry_shown };
const struct sh_type sh_type_key_value = { .name = "System.Collections.Generic.KeyValuePair`2",
                                           .base = &sh_type_valuetype,
                                           .members = entry_members + 1,
                                           .nmembers = 2,
                                           .free = entry_free,
                                           .text = entry_text,
                                           .construct = entry_construct,
                                           .default_properties = pair_shown };

/* ---- enumerators: over any collection, dictionaries by entry ---- */
struct enumerator {
        struct sh_obj obj;
        struct sv of, current;
        size_t pos;
};

static void enumerator_free(struct sh_obj *o)
{
        sh_drop(((struct enumerator *)o)->of);
        sh_drop(((struct enumerator *)o)->current);
}

struct sv sh_enumerator_new(struct sv of)
{
        struct enumerator *e = calloc(1, sizeof(*e));
        if (!e)
                abort();
        e->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_enumerator };
        e->of = sh_keep(of);
        return (struct sv) { .kind = SH_OTHER, .o = &e->obj };
}

static bool step(struct sv of, size_t *pos, struct sv *ret)
{
        struct sv k, v;
        if (of.kind == SH_STRING) {
                if (*pos >= of.s->units)
                        return false;
                *ret = sh_char(sh_unit_at(of.s, (uint32_t)(*pos)++));
                return true;
        }
        if (of.kind != SH_HASH)
                return sh_next(of, pos, ret);
        if (!sh_hash_at(of.h, (uint32_t)*pos, &k, &v))
                return false;
        ++*pos;
        *ret = sh_entry_new(of.h, k, v);
        return true;
}

static bool enumerator_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct enumerator *e = (struct enumerator *)self.o;
        if (*pos == 0)
                *pos = e->pos;
        bool more = step(e->of, pos, ret);
        e->pos = *pos;
        return more;
}

static int enumerator_move(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        struct enumerator *e = (struct enumerator *)self.o;
        if (a.n)
                return SH_NONE;
        struct sv v, old = e->current;
        bool more = step(e->of, &e->pos, &v);
        e->current = more ? v : SH_NIL;
        sh_drop(old);
        *ret = sh_bool(more);
        return SH_OK;
}

static int enumerator_reset(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)ret;
        struct enumerator *e = (struct enumerator *)self.o;
        if (a.n)
                return SH_NONE;
        if (sh_current_member(sh)->arg)
                return SH_OK;
        e->pos = 0;
        sh_drop(e->current);
        e->current = SH_NIL;
        return SH_OK;
}

static int enumerator_part(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct enumerator *e = (struct enumerator *)self.o;
        intptr_t what = sh_current_member(sh)->arg;
        bool entry = e->current.kind == SH_OTHER && e->current.o->type->free == entry_free;
        if (!what || !entry)
                *ret = what ? SH_NIL : sh_keep(e->current);
        else
                *ret = sh_keep(what == 1 ? ((struct entry *)e->current.o)->key
                                         : ((struct entry *)e->current.o)->value);
        return SH_OK;
}

static const struct sh_member enumerator_members[] = {
        { "Current", SH_PROPERTY, false, "System.Object Current {get;}", enumerator_part },
        { "Key", SH_PROPERTY, false, "System.Object Key {get;}", enumerator_part, .arg = 1 },
        { "Value", SH_PROPERTY, false, "System.Object Value {get;}", enumerator_part, .arg = 2 },
        { "MoveNext", SH_METHOD, false, "bool MoveNext()", enumerator_move },
        { "Reset", SH_METHOD, false, "void Reset()", enumerator_reset },
        { "Dispose", SH_METHOD, false, "void Dispose()", enumerator_reset, .arg = 1 },
};
static const char *const enumerator_interfaces[] = { "System.Collections.IEnumerator", NULL };
const struct sh_type sh_type_enumerator = { .name = "System.Collections.Enumerator",
                                            .base = &sh_type_object,
                                            MEMBERS(enumerator_members),
                                            .free = enumerator_free,
                                            .next = enumerator_next,
                                            .interfaces = enumerator_interfaces };

/* $input. */
static const struct sh_type input_type = { .name = "System.Collections.ArrayList+ArrayListEnumeratorSimple",
                                           .base = &sh_type_object,
                                           MEMBERS(enumerator_members),
                                           .free = enumerator_free,
                                           .next = enumerator_next,
                                           .interfaces = enumerator_interfaces };
struct sv sh_input_enumerator(struct sv collection)
{
        struct sv r = sh_enumerator_new(collection);
        r.o->type = &input_type;
        return r;
}

/* ---- dictionaries ---- */
static int hash_count(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_int((int32_t)sh_hash_count(self.h));
        return SH_OK;
}

static int hash_parts(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv r, k, v;
        bool values = sh_current_member(sh)->arg;
        if (a.n)
                return SH_NONE;
        r = sh_array_new(sh_hash_count(self.h));
        for (uint32_t i = 0; sh_hash_at(self.h, i, &k, &v); i++)
                sh_array_add(r.a, values ? v : k);
        *ret = r;
        return SH_OK;
}

static int hash_flag(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = sh_bool(false);
        return SH_OK;
}

static int hash_self(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(self);
        return SH_OK;
}

/* The key as the table has them. SH_NONE: it cannot be one. */
static int key_of(struct sh *sh, struct sv self, struct sh_args a, uint32_t i, struct sv *ret)
{
        const struct sh_type *t = sh_hash_key_type(self.h);
        if (i >= a.n)
                return SH_NONE;
        if (sh_is_null(a.v[i]))
                return sh_throw_in_method(sh, "System.ArgumentNullException", sh_current_member(sh)->name,
                                          a.n, "Value cannot be null. (Parameter 'key')");
        if (!t) {
                *ret = sh_keep(sh_unwrap(a.v[i]));
                return SH_OK;
        }
        return sh_try_convert(sh, a.v[i], t, ret) ? SH_OK : SH_NONE;
}

static int hash_has_key(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv k, v;
        int st = a.n == 1 ? key_of(sh, self, a, 0, &k) : SH_NONE;
        if (st == SH_OK) {
                *ret = sh_bool(sh_hash_get(self.h, k, &v));
                sh_drop(k);
        }
        return st;
}

static int hash_has_value(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv k, v;
        (void)sh;
        if (a.n != 1)
                return SH_NONE;
        bool found = false;
        for (uint32_t i = 0; !found && sh_hash_at(self.h, i, &k, &v); i++)
                found = sh_same(v, a.v[0]);
        *ret = sh_bool(found);
        return SH_OK;
}

static int duplicate(struct sh *sh, struct sv self, struct sv key, struct sh_args a)
{
        struct sv t = sh_to_text(sh, key);
        const char *name = sh_current_member(sh)->name;
        bool generic = is_generic(self.o->type);
        int st = generic ? sh_throw_in_method(sh, "System.ArgumentException", name, a.n,
                                              "An item with the same key has already been added. Key: %s",
                                              t.s->s)
                         : sh_throw_in_method(
                                   sh, "System.ArgumentException", name, a.n,
                                   "Item has already been added. Key in dictionary: '%s'  Key being added: "
                                   "'%s'",
                                   t.s->s, t.s->s);
        sh_drop(t);
        return st;
}

/* Add(key, value), TryAdd, Insert(at, key, value), set_Item */
static int hash_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t how = sh_current_member(sh)->arg; /* 0 Add, 1 TryAdd, 2 Insert, 3 set_Item */
        struct sv k, v, old;
        int64_t at = 0;
        uint32_t first = how == 2;
        if (a.n != 2 + first || (first && !sh_args_int(sh, a, 0, &at)))
                return SH_NONE;
        int st = key_of(sh, self, a, first, &k);
        if (st != SH_OK)
                return st;
        bool exists = sh_hash_get(self.h, k, &old);
        const struct sh_type *t = sh_hash_value_type(self.h);
        if (exists && how != 3) {
                if (how != 1)
                        st = duplicate(sh, self, k, a);
                *ret = how == 1 ? sh_bool(false) : SH_NOTHING;
        } else if (t ? !sh_try_convert(sh, a.v[first + 1], t, &v) : (v = sh_keep(a.v[first + 1]), false)) {
                st = SH_NONE;
        } else {
                if (how == 2 && at >= 0 && at <= sh_hash_count(self.h))
                        sh_hash_insert(self.h, (uint32_t)at, k, v);
                else
                        sh_hash_set(self.h, k, v);
                sh_drop(v);
                *ret = how == 1 ? sh_bool(true) : SH_NOTHING;
        }
        sh_drop(k);
        return st;
}

static int hash_remove(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv k;
        int st = a.n == 1 ? key_of(sh, self, a, 0, &k) : SH_NONE;
        if (st != SH_OK)
                return st;
        bool removed = sh_hash_remove(self.h, k);
        if (is_generic(self.o->type))
                *ret = sh_bool(removed);
        sh_drop(k);
        return SH_OK;
}

static int hash_remove_at(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)ret;
        int64_t i;
        struct sv k, v;
        if (a.n != 1 || !sh_args_int(sh, a, 0, &i))
                return SH_NONE;
        if (i < 0 || !sh_hash_at(self.h, (uint32_t)i, &k, &v))
                return sh_throw_in_method(
                        sh, "System.ArgumentOutOfRangeException", "RemoveAt", 1,
                        "Index was out of range. Must be non-negative and less than the size of the "
                        "collection. (Parameter 'index')");
        sh_keep(k);
        sh_hash_remove(self.h, k);
        sh_drop(k);
        return SH_OK;
}

static int hash_clear(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)ret;
        if (a.n)
                return SH_NONE;
        sh_hash_clear(self.h);
        return SH_OK;
}

static int hash_clone(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_hash_copy(self);
        return SH_OK;
}

static int hash_item(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n != 1)
                return SH_NONE;
        int st = sh_index(sh, self, a.v[0], ret);
        if (st == SH_NONE)
                *ret = SH_NIL;
        return st == SH_NONE ? SH_OK : st;
}

static int hash_try_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv k, v = SH_NIL;
        int st = a.n == 2 ? key_of(sh, self, a, 0, &k) : SH_NONE;
        if (st != SH_OK)
                return st;
        bool found = sh_hash_get(self.h, k, &v);
        struct sv held = found ? sh_keep(v) : sh_default_value(sh_hash_value_type(self.h));
        st = sh_ref_set(sh, a.v[1], held);
        sh_drop(held);
        sh_drop(k);
        *ret = sh_bool(found);
        return st;
}

static int hash_enumerator(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_enumerator_new(self);
        return SH_OK;
}

static int hash_try_remove(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv k, v = SH_NIL;
        int st = a.n == 2 ? key_of(sh, self, a, 0, &k) : SH_NONE;
        if (st != SH_OK)
                return st;
        bool found = sh_hash_get(self.h, k, &v);
        v = found ? sh_keep(v) : sh_default_value(sh_hash_value_type(self.h));
        if (found)
                sh_hash_remove(self.h, k);
        st = sh_ref_set(sh, a.v[1], v);
        sh_drop(v);
        sh_drop(k);
        *ret = sh_bool(found);
        return st;
}

/* GetOrAdd(key, value or block), AddOrUpdate(key, value or block, block(key, old)) */
static int hash_or_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool update = sh_current_member(sh)->arg;
        struct sv k, old, v;
        int st = a.n == 2u + update ? key_of(sh, self, a, 0, &k) : SH_NONE;
        if (st != SH_OK)
                return st;
        bool found = sh_hash_get(self.h, k, &old);
        struct sv source = sh_unwrap(a.v[found && update ? 2 : 1]);
        if (found && !update) {
                *ret = sh_keep(old);
                sh_drop(k);
                return SH_OK;
        }
        struct sv args[2] = { k, found ? old : SH_NIL };
        if (source.kind == SH_BLOCK)
                st = sh_block_value(sh, source, NULL, (struct sh_args) { 1u + found, args }, true, &v);
        else
                v = sh_keep(source);
        if (st == SH_OK) {
                st = sh_set_index(sh, self, k, v);
                *ret = v;
        }
        sh_drop(k);
        return st;
}

static int hash_empty_flag(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_bool(sh_hash_count(self.h) == 0);
        return SH_OK;
}

/* IndexOfKey, IndexOfValue; GetKeyAtIndex, GetValueAtIndex and their older names */
static int hash_position(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool value = sh_current_member(sh)->arg & 1, at = sh_current_member(sh)->arg & 2;
        struct sv k, v;
        int64_t i = 0;
        if (a.n != 1 || (at && !sh_args_int(sh, a, 0, &i)))
                return SH_NONE;
        if (at) {
                if (i < 0 || i > UINT32_MAX || !sh_hash_at(self.h, (uint32_t)i, &k, &v))
                        return sh_throw_in_method(
                                sh, "System.ArgumentOutOfRangeException", sh_current_member(sh)->name, 1,
                                "Index was out of range. Must be non-negative and less than the "
                                "size of the collection. (Parameter 'index')");
                *ret = sh_keep(value ? v : k);
                return SH_OK;
        }
        int32_t found = -1;
        for (uint32_t n = 0; found < 0 && sh_hash_at(self.h, n, &k, &v); n++)
                if (sh_same(value ? v : k, a.v[0]))
                        found = (int32_t)n;
        *ret = sh_int(found);
        return SH_OK;
}

static int hash_room(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        if (sh_current_member(sh)->arg)
                *ret = sh_int((int32_t)sh_hash_count(self.h));
        return SH_OK;
}

#define HASH_MEMBERS \
        { "IsReadOnly", SH_PROPERTY, false, "bool IsReadOnly {get;}", hash_flag }, \
                { "IsFixedSize", SH_PROPERTY, false, "bool IsFixedSize {get;}", hash_flag }, \
                { "IsSynchronized", SH_PROPERTY, false, "bool IsSynchronized {get;}", hash_flag }, \
                { "Keys", SH_PROPERTY, false, "System.Collections.ICollection Keys {get;}", hash_parts }, \
                { "Values",   SH_PROPERTY, false, "System.Collections.ICollection Values {get;}", \
                  hash_parts, .arg = 1 }, \
                { "SyncRoot", SH_PROPERTY, false, "System.Object SyncRoot {get;}", hash_self }, \
                { "Count", SH_PROPERTY, false, "int Count {get;}", hash_count }, \
                { "Add", SH_METHOD, false, "void Add(System.Object key, System.Object value)", hash_add }, \
                { "TryAdd", SH_METHOD, false, "bool TryAdd(TKey key, TValue value)", hash_add, .arg = 1 }, \
                { "Insert", SH_METHOD, \
                  false,    "void Insert(int index, System.Object key, System.Object value)", \
                  hash_add, .arg = 2 }, \
                { "set_Item", SH_METHOD, false, "void set_Item(System.Object key, System.Object value)", \
                  hash_add,   .arg = 3 }, \
                { "Item", SH_METHOD, false, "System.Object Item(System.Object key)", hash_item }, \
                { "get_Item", SH_METHOD, false, "System.Object get_Item(System.Object key)", hash_item }, \
                { "get_Keys", SH_METHOD, false, "System.Collections.ICollection get_Keys()", hash_parts }, \
                { "get_Values", SH_METHOD, false, "System.Collections.ICollection get_Values()", \
                  hash_parts,   .arg = 1 }, \
                { "get_Count", SH_METHOD, false, "int get_Count()", hash_count }, \
                { "Contains", SH_METHOD, false, "bool Contains(System.Object key)", hash_has_key }, \
                { "ContainsKey", SH_METHOD, false, "bool ContainsKey(System.Object key)", hash_has_key }, \
                { "ContainsValue", SH_METHOD, false, "bool ContainsValue(System.Object value)", \
                  hash_has_value }, \
                { "TryGetValue", SH_METHOD, false, "bool TryGetValue(TKey key, [ref] TValue value)", \
                  hash_try_get }, \
                { "Remove", SH_METHOD, false, "void Remove(System.Object key)", hash_remove }, \
                { "RemoveAt", SH_METHOD, false, "void RemoveAt(int index)", hash_remove_at }, \
                { "Clear", SH_METHOD, false, "void Clear()", hash_clear }, \
                { "Clone", SH_METHOD, false, "System.Object Clone()", hash_clone }, \
                { "GetEnumerator", SH_METHOD, false, \
                  "System.Collections.IDictionaryEnumerator GetEnumerator()", hash_enumerator }, \
                { "EnsureCapacity", SH_METHOD, false, "int EnsureCapacity(int capacity)", hash_room, .arg = 1 }, \
        { \
                "TrimExcess", SH_METHOD, false, "void TrimExcess()", hash_room \
        }
/* What a parallel block sets in a table is set in its caller's with or without a wrapper: this is none. */
static int hash_synchronized(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self;
        if (a.n != 1 || sh_unwrap(a.v[0]).kind != SH_HASH)
                return SH_NONE;
        *ret = sh_keep(a.v[0]);
        return SH_OK;
}
static const struct sh_member hash_members[] = {
        HASH_MEMBERS,
        { "Synchronized", SH_METHOD, true, "static hashtable Synchronized(hashtable table)", hash_synchronized },
};
static const struct sh_member concurrent_members[] = {
        HASH_MEMBERS,
        { "IsEmpty", SH_PROPERTY, false, "bool IsEmpty {get;}", hash_empty_flag },
        { "TryRemove", SH_METHOD, false, "bool TryRemove(TKey key, [ref] TValue value)", hash_try_remove },
        { "GetOrAdd", SH_METHOD, false, "TValue GetOrAdd(TKey key, TValue value)", hash_or_add },
        { "AddOrUpdate", SH_METHOD, false,
          "TValue AddOrUpdate(TKey key, TValue addValue, System.Func[TKey,TValue,TValue] updateValueFactory)",
          hash_or_add, .arg = 1 },
};
static const struct sh_member sorted_members[] = {
        HASH_MEMBERS,
        { "IndexOfKey", SH_METHOD, false, "int IndexOfKey(TKey key)", hash_position },
        { "IndexOfValue", SH_METHOD, false, "int IndexOfValue(TValue value)", hash_position, .arg = 1 },
        { "GetKeyAtIndex", SH_METHOD, false, "TKey GetKeyAtIndex(int index)", hash_position, .arg = 2 },
        { "GetValueAtIndex", SH_METHOD, false, "TValue GetValueAtIndex(int index)", hash_position, .arg = 3 },
        { "GetKey", SH_METHOD, false, "System.Object GetKey(int index)", hash_position, .arg = 2 },
        { "GetByIndex", SH_METHOD, false, "System.Object GetByIndex(int index)", hash_position, .arg = 3 },
};

static void hash_free(struct sh_obj *o)
{
        sh_hash_clear((struct sh_hash *)o);
}

static struct sv hash_empty(const struct sh_type *t)
{
        struct sv r;
        if (!is_generic(t)) {
                r = sh_hash_new_typed(t);
        } else {
                const struct sh_type *k = sh_type_arg(t, 0), *v = sh_type_arg(t, 1);
                r = sh_dictionary_new(t, k == &sh_type_object ? NULL : k, v == &sh_type_object ? NULL : v,
                                      true);
        }
        if (strstr(t->name, ".Sorted"))
                sh_hash_set_sorted(r.h);
        return r;
}

static int hash_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv base = sh_unwrap(from), r, k, v;
        if (base.kind != SH_HASH)
                return SH_NONE;
        r = hash_empty(t);
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && sh_hash_at(base.h, i, &k, &v); i++)
                st = t == &sh_type_ordered ? (sh_hash_set(r.h, k, v), SH_OK) : sh_set_index(sh, r, k, v);
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}

/* (), (capacity), (dictionary), (comparer): a comparer named ...IgnoreCase makes a dictionary ignore case. */
static int hash_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int64_t n;
        if (a.n > 2)
                return SH_NONE;
        struct sv r = SH_NIL;
        if (a.n && sh_unwrap(a.v[0]).kind == SH_HASH) {
                int st = hash_convert(sh, t, a.v[0], &r);
                if (st != SH_OK)
                        return st;
        } else {
                r = hash_empty(t);
        }
        for (uint32_t i = 0; i < a.n; i++) {
                struct sv v = sh_unwrap(a.v[i]);
                bool sensitive;
                if (v.kind == SH_HASH || (v.kind != SH_OTHER && sh_args_int(sh, a, i, &n)))
                        continue;
                if (sh_comparer_case(v, &sensitive)) {
                        sh_hash_set_case(r.h, sensitive);
                } else if (v.kind == SH_STRING) {
                        sh_hash_set_case(r.h, !strstr(v.s->s, "IgnoreCase"));
                } else {
                        sh_drop(r);
                        return SH_NONE;
                }
        }
        if (a.n == 0 && (t == &sh_type_hashtable || t == &sh_type_ordered))
                sh_hash_set_case(r.h, true); /* [hashtable]::new() is .NET's own: by exact text */
        *ret = r;
        return SH_OK;
}

static const char *const hash_interfaces[] = {
        "System.Collections.IDictionary",           "System.Collections.ICollection",
        "System.Collections.IEnumerable",           "System.ICloneable",
        "System.Collections.Generic.IDictionary`2", NULL
};
static const char *const ordered_names[] = { "ordered", NULL };
const struct sh_type sh_type_hashtable = { .name = "System.Collections.Hashtable",
                                           .accelerator = "hashtable",
                                           .base = &sh_type_object,
                                           MEMBERS(hash_members),
                                           .free = hash_free,
                                           .convert = hash_convert,
                                           .construct = hash_construct,
                                           .kind = SH_HASH,
                                           .interfaces = hash_interfaces };
const struct sh_type sh_type_ordered_hashtable = { .name = "System.Management.Automation.OrderedHashtable",
                                                   .base = &sh_type_hashtable,
                                                   .free = hash_free,
                                                   .construct = hash_construct,
                                                   .kind = SH_HASH,
                                                   .interfaces = hash_interfaces };
const struct sh_type sh_type_ordered = { .name = "System.Collections.Specialized.OrderedDictionary",
                                         .other_names = ordered_names,
                                         .base = &sh_type_object,
                                         MEMBERS(hash_members),
                                         .free = hash_free,
                                         .convert = hash_convert,
                                         .construct = hash_construct,
                                         .kind = SH_HASH,
                                         .interfaces = hash_interfaces };
const struct sh_type sh_type_dictionary = { .name = "System.Collections.Generic.Dictionary`2",
                                            .base = &sh_type_object,
                                            MEMBERS(hash_members),
                                            .free = hash_free,
                                            .convert = hash_convert,
                                            .construct = hash_construct,
                                            .kind = SH_HASH,
                                            .interfaces = hash_interfaces };

#define TABLE(full, table) \
        { \
                .name = full, .base = &sh_type_object, MEMBERS(table), .free = hash_free, \
                .convert = hash_convert, .construct = hash_construct, .kind = SH_HASH, \
                .interfaces = hash_interfaces \
        }
static const struct sh_type concurrent_type =
        TABLE("System.Collections.Concurrent.ConcurrentDictionary`2", concurrent_members);
static const struct sh_type sorted_type =
        TABLE("System.Collections.Generic.SortedDictionary`2", hash_members);
static const struct sh_type sorted_list_type =
        TABLE("System.Collections.Generic.SortedList`2", sorted_members);
static const struct sh_type old_sorted_type = TABLE("System.Collections.SortedList", sorted_members);

SH_TYPES(dictionary, &sh_type_dictionary_entry, &sh_type_key_value, &sh_type_enumerator, &sh_type_hashtable,
         &sh_type_ordered_hashtable, &sh_type_ordered, &sh_type_dictionary, &concurrent_type, &sorted_type,
         &sorted_list_type, &old_sorted_type);
