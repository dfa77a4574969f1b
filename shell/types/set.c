/* SPDX-License-Identifier: MIT
 *
 * HashSet[T], SortedSet[T]: the keys of a dictionary. LinkedList[T]: nodes that know their neighbours.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/types.h"

#include <string.h>

static int item_of(struct sh *sh, const struct sh_type *t, struct sv v, struct sv *ret)
{
        const struct sh_type *want = sh_type_arg(t, 0);
        if (want == &sh_type_object) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        return sh_try_convert(sh, v, want, ret) ? SH_OK : SH_NONE;
}

/* ---- sets ---- */
struct set {
        struct sh_obj obj;
        struct sv keys;
};
static struct sh_hash *keys_of(struct sv v)
{
        return ((struct set *)v.o)->keys.h;
}
static struct sv set_empty(const struct sh_type *t, bool sensitive)
{
        struct sv r = sh_other_new(t, sizeof(struct set));
        ((struct set *)r.o)->keys = sh_dictionary_new(&sh_type_dictionary, NULL, NULL, sensitive);
        if (strstr(t->name, "Sorted"))
                sh_hash_set_sorted(keys_of(r));
        return r;
}
static bool set_has(struct sv self, struct sv key)
{
        struct sv x;
        return sh_hash_get(keys_of(self), key, &x);
}
static bool set_put(struct sv self, struct sv key)
{
        if (set_has(self, key))
                return false;
        sh_hash_set(keys_of(self), key, SH_NIL);
        return true;
}
/* The other side of an operation as a set that compares as this one does. A single value is a set of one. */
static int set_other(struct sh *sh, struct sv self, struct sv from, struct sv *ret)
{
        struct sv item, v, r = set_empty(self.o->type, sh_hash_case(keys_of(self)));
        size_t pos = 0;
        int st = SH_OK;
        if (!sh_is_enumerable(from)) {
                if ((st = item_of(sh, self.o->type, from, &v)) == SH_OK) {
                        set_put(r, v);
                        sh_drop(v);
                }
        } else {
                while (st == SH_OK && sh_next(from, &pos, &item)) {
                        if ((st = item_of(sh, self.o->type, item, &v)) == SH_OK) {
                                set_put(r, v);
                                sh_drop(v);
                        }
                        sh_drop(item);
                }
        }
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}
static int set_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        bool sensitive = true;
        int64_t capacity;
        if (a.n > 2 || (a.n == 2 && !sh_comparer_case(a.v[1], &sensitive)))
                return SH_NONE;
        if (a.n == 1)
                sh_comparer_case(a.v[0], &sensitive);
        struct sv r = set_empty(t, sensitive), from = sh_args_at(a, 0), all;
        bool comparer = a.n && sh_comparer_case(a.v[0], &sensitive);
        if (a.n && !comparer && (sh_is_enumerable(from) || !sh_args_int(sh, a, 0, &capacity))) {
                int st = set_other(sh, r, from, &all);
                sh_drop(r);
                if (st != SH_OK)
                        return st;
                r = all;
        }
        *ret = r;
        return SH_OK;
}
static int set_one(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv v;
        if (a.n != 1 || item_of(sh, self.o->type, a.v[0], &v) != SH_OK)
                return SH_NONE;
        intptr_t what = sh_member_arg(sh);
        *ret = sh_bool(what == 'a'   ? set_put(self, v)
                       : what == 'r' ? sh_hash_remove(keys_of(self), v)
                                     : set_has(self, v));
        sh_drop(v);
        return SH_OK;
}
static int set_size(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n)
                return SH_NONE;
        *ret = sh_int((int32_t)sh_hash_count(keys_of(self)));
        if (sh_member_arg(sh)) {
                sh_hash_clear(keys_of(self));
                *ret = SH_NOTHING;
        }
        return SH_OK;
}
/* Removes from a set what is (or is not) in the other. */
static void set_keep_if(struct sv self, struct sv other, bool in)
{
        struct sv k, v, gone = sh_array_new(8);
        for (uint32_t i = 0; sh_hash_at(keys_of(self), i, &k, &v); i++)
                if (set_has(other, k) != in)
                        sh_array_add(gone.a, k);
        for (uint32_t i = 0; i < gone.a->n; i++)
                sh_hash_remove(keys_of(self), gone.a->v[i]);
        sh_drop(gone);
}
static int set_change(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv other, k, v;
        intptr_t what = sh_member_arg(sh);
        if (a.n != 1)
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "other");
        int st = set_other(sh, self, a.v[0], &other);
        if (st != SH_OK)
                return st;
        *ret = SH_NOTHING;
        if (what == 'u' || what == 's') { /* s: what is in one of the two only */
                for (uint32_t i = 0; sh_hash_at(keys_of(other), i, &k, &v); i++)
                        if (!set_put(self, k) && what == 's')
                                sh_hash_remove(keys_of(self), k);
        } else {
                set_keep_if(self, other, what == 'i');
        }
        sh_drop(other);
        return SH_OK;
}
/* How many of a's are in b. */
static uint32_t set_common(struct sv a, struct sv b)
{
        struct sv k, v;
        uint32_t n = 0;
        for (uint32_t i = 0; sh_hash_at(keys_of(a), i, &k, &v); i++)
                n += set_has(b, k);
        return n;
}
static int set_relate(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv other;
        if (a.n != 1)
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "other");
        int st = set_other(sh, self, a.v[0], &other);
        if (st != SH_OK)
                return st;
        uint32_t mine = sh_hash_count(keys_of(self)), theirs = sh_hash_count(keys_of(other)),
                 both = set_common(self, other);
        sh_drop(other);
        switch (sh_member_arg(sh)) {
        case 'b': *ret = sh_bool(both == mine); break;
        case 'B': *ret = sh_bool(both == mine && theirs > mine); break;
        case 'p': *ret = sh_bool(both == theirs); break;
        case 'P': *ret = sh_bool(both == theirs && mine > theirs); break;
        case 'o': *ret = sh_bool(both > 0); break;
        default: *ret = sh_bool(both == mine && both == theirs);
        }
        return SH_OK;
}
static int set_remove_where(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv block = sh_args_at(a, 0), k, v, r, gone = sh_array_new(8);
        int st = a.n == 1 && block.kind == SH_BLOCK ? SH_OK : SH_NONE;
        for (uint32_t i = 0; st == SH_OK && sh_hash_at(keys_of(self), i, &k, &v); i++) {
                struct sv item = sh_keep(k);
                st = sh_block_value(sh, block, &item, (struct sh_args) { 1, &item }, true, &r);
                if (st == SH_OK && sh_true(r))
                        sh_array_add(gone.a, item);
                if (st == SH_OK)
                        sh_drop(r);
                sh_drop(item);
        }
        for (uint32_t i = 0; st == SH_OK && i < gone.a->n; i++)
                sh_hash_remove(keys_of(self), gone.a->v[i]);
        *ret = sh_int((int32_t)gone.a->n);
        sh_drop(gone);
        return st;
}
static bool set_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct sv k, v;
        if (*pos > UINT32_MAX || !sh_hash_at(keys_of(self), (uint32_t)*pos, &k, &v))
                return false;
        ++*pos;
        *ret = sh_keep(k);
        return true;
}
static int set_limit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv k, v;
        uint32_t n = sh_hash_count(keys_of(self));
        (void)a;
        *ret = n && sh_hash_at(keys_of(self), sh_member_arg(sh) ? n - 1 : 0, &k, &v) ? sh_keep(k) : SH_NIL;
        return SH_OK;
}
static int set_array(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv item, to = sh_args_at(a, 0);
        size_t pos = 0;
        intptr_t what = sh_member_arg(sh);
        if (what == 'c' && (a.n < 1 || to.kind != SH_ARRAY))
                return SH_NONE;
        if (what == 'e') {
                *ret = sh_enumerator_new(self);
                return SH_OK;
        }
        *ret = what == 'c' ? SH_NOTHING : sh_array_typed(sh_type_arg(self.o->type, 0), 0);
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && set_next(self, &pos, &item); i++) {
                if (what == 'c') {
                        st = i < to.a->n
                                     ? sh_array_store(sh, to.a, i, item)
                                     : sh_throw_argument(sh, a,
                                                         "Destination array is not long enough to copy all "
                                                         "the items in the collection.");
                        sh_drop(item);
                } else {
                        sh_array_take(ret->a, item);
                }
        }
        return st;
}
static void set_free(struct sh_obj *o)
{
        sh_drop(((struct set *)o)->keys);
}
#define ENUMERABLE "System.Collections.Generic.IEnumerable[T]"
#define SET \
        SH_P("Count", "int Count {get;}", set_size, 0), SH_M("Add", "bool Add(T item)", set_one, 'a'), \
                SH_M("Remove", "bool Remove(T item)", set_one, 'r'), \
                SH_M("Contains", "bool Contains(T item)", set_one, 'c'), \
                SH_M("Clear", "void Clear()", set_size, 1), \
                SH_M("UnionWith", "void UnionWith(" ENUMERABLE " other)", set_change, 'u'), \
                SH_M("IntersectWith", "void IntersectWith(" ENUMERABLE " other)", set_change, 'i'), \
                SH_M("ExceptWith", "void ExceptWith(" ENUMERABLE " other)", set_change, 'e'), \
                SH_M("SymmetricExceptWith", "void SymmetricExceptWith(" ENUMERABLE " other)", set_change, \
                     's'), \
                SH_M("IsSubsetOf", "bool IsSubsetOf(" ENUMERABLE " other)", set_relate, 'b'), \
                SH_M("IsProperSubsetOf", "bool IsProperSubsetOf(" ENUMERABLE " other)", set_relate, 'B'), \
                SH_M("IsSupersetOf", "bool IsSupersetOf(" ENUMERABLE " other)", set_relate, 'p'), \
                SH_M("IsProperSupersetOf", "bool IsProperSupersetOf(" ENUMERABLE " other)", set_relate, \
                     'P'), \
                SH_M("Overlaps", "bool Overlaps(" ENUMERABLE " other)", set_relate, 'o'), \
                SH_M("SetEquals", "bool SetEquals(" ENUMERABLE " other)", set_relate, 'e'), \
                SH_M("RemoveWhere", "int RemoveWhere(System.Predicate[T] match)", set_remove_where), \
                SH_M("CopyTo", "void CopyTo(T[] array)", set_array, 'c'), \
                SH_M("ToArray", "T[] ToArray()", set_array, 'a'), \
                SH_M("GetEnumerator", "System.Collections.IEnumerator GetEnumerator()", set_array, 'e')
static const struct sh_member set_members[] = { SET };
static const struct sh_member sorted_members[] = { SET, SH_P("Min", "T Min {get;}", set_limit, 0),
                                                   SH_P("Max", "T Max {get;}", set_limit, 1) };
static const char *const set_interfaces[] = { "System.Collections.Generic.ISet`1",
                                              "System.Collections.Generic.ICollection`1",
                                              "System.Collections.Generic.IEnumerable`1",
                                              "System.Collections.IEnumerable", NULL };
#define SET_TYPE(var, full, table) \
        static const struct sh_type var = { .name = full, \
                                            .base = &sh_type_object, \
                                            SH_MEMBERS(table), \
                                            .next = set_next, \
                                            .free = set_free, \
                                            .construct = set_new, \
                                            .interfaces = set_interfaces }
SET_TYPE(hash_set_type, "System.Collections.Generic.HashSet`1", set_members);
SET_TYPE(sorted_set_type, "System.Collections.Generic.SortedSet`1", sorted_members);

/* ---- LinkedList[T] ---- */
struct list;
struct linked {
        struct sh_obj obj;
        struct sv value;
        struct linked *next, *prev; /* the list keeps its nodes */
        struct list *list;          /* NULL when in none */
};
struct list {
        struct sh_obj obj;
        struct linked *first, *last;
        uint32_t n;
};
static const struct sh_type node_type;
static struct list *list_of(struct sv v)
{
        return (struct list *)v.o;
}
static struct sv node_value(struct linked *n)
{
        return n ? sh_keep((struct sv) { .kind = SH_OTHER, .o = &n->obj }) : SH_NIL;
}
static void unlink_node(struct linked *n)
{
        struct list *l = n->list;
        *(n->prev ? &n->prev->next : &l->first) = n->next;
        *(n->next ? &n->next->prev : &l->last) = n->prev;
        n->next = n->prev = NULL;
        n->list = NULL;
        l->n--;
        sh_drop((struct sv) { .kind = SH_OTHER, .o = &n->obj });
}
static void link_node(struct list *l, struct linked *n, struct linked *after)
{
        n->list = l;
        n->prev = after;
        n->next = after ? after->next : l->first;
        *(n->prev ? &n->prev->next : &l->first) = n;
        *(n->next ? &n->next->prev : &l->last) = n;
        l->n++;
}
static int list_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct list *l = list_of(self);
        intptr_t where = sh_member_arg(sh); /* f first, l last, b before, a after */
        bool at = where == 'b' || where == 'a';
        struct sv v, anchor = sh_args_at(a, 0);
        if (a.n != 1u + at)
                return SH_NONE;
        struct linked *n = at && anchor.kind == SH_OTHER && anchor.o->type == &node_type
                                   ? (struct linked *)anchor.o
                                   : NULL;
        if (at && (!n || n->list != l))
                return sh_throw_member(sh, a, "System.InvalidOperationException",
                                       "The LinkedList node does not belong to current LinkedList.");
        if (item_of(sh, self.o->type, a.v[at], &v) != SH_OK)
                return SH_NONE;
        struct sv made = sh_other_new(&node_type, sizeof(struct linked));
        ((struct linked *)made.o)->value = v;
        link_node(l, (struct linked *)made.o,
                  where == 'f'   ? NULL
                  : where == 'l' ? l->last
                  : where == 'a' ? n
                                 : n->prev);
        *ret = sh_keep(made);
        return SH_OK;
}
static struct linked *list_find(struct list *l, struct sv v, bool last)
{
        for (struct linked *n = last ? l->last : l->first; n; n = last ? n->prev : n->next)
                if (sh_same(n->value, v))
                        return n;
        return NULL;
}
static int list_search(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct list *l = list_of(self);
        struct sv v, given = sh_args_at(a, 0);
        intptr_t what = sh_member_arg(sh);
        if (a.n != 1)
                return SH_NONE;
        struct linked *n =
                given.kind == SH_OTHER && given.o->type == &node_type ? (struct linked *)given.o : NULL;
        if (!n || n->list != l) {
                if (item_of(sh, self.o->type, a.v[0], &v) != SH_OK)
                        return SH_NONE;
                n = list_find(l, v, what == 'l');
                sh_drop(v);
        }
        *ret = what == 'c' || what == 'r' ? sh_bool(n != NULL) : node_value(n);
        if (what == 'r' && n)
                unlink_node(n);
        return SH_OK;
}
static int list_end(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct list *l = list_of(self);
        *ret = SH_NOTHING;
        switch (sh_member_arg(sh)) {
        case 'n': *ret = sh_int((int32_t)l->n); return SH_OK;
        case 'f': *ret = node_value(l->first); return SH_OK;
        case 'l': *ret = node_value(l->last); return SH_OK;
        case 'c':
                while (l->first)
                        unlink_node(l->first);
                return SH_OK;
        default:
                if (!l->n)
                        return sh_throw_member(sh, a, "System.InvalidOperationException",
                                               "The LinkedList is empty.");
                unlink_node(sh_member_arg(sh) == 'F' ? l->first : l->last);
                return SH_OK;
        }
}
static bool list_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct linked *n = list_of(self)->first;
        for (size_t i = 0; n && i < *pos; i++)
                n = n->next;
        if (!n)
                return false;
        ++*pos;
        *ret = sh_keep(n->value);
        return true;
}
static void list_free(struct sh_obj *o)
{
        while (((struct list *)o)->first)
                unlink_node(((struct list *)o)->first);
}
static int list_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv item, v;
        size_t pos = 0;
        if (a.n > 1 || (a.n && !sh_is_enumerable(a.v[0])))
                return SH_NONE;
        struct sv r = sh_other_new(t, sizeof(struct list));
        int st = SH_OK;
        while (st == SH_OK && a.n && sh_next(a.v[0], &pos, &item)) {
                if ((st = item_of(sh, t, item, &v)) == SH_OK) {
                        struct sv made = sh_other_new(&node_type, sizeof(struct linked));
                        ((struct linked *)made.o)->value = v;
                        link_node(list_of(r), (struct linked *)made.o, list_of(r)->last);
                }
                sh_drop(item);
        }
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}
static const struct sh_member list_members[] = {
        SH_P("Count", "int Count {get;}", list_end, 'n'),
        SH_P("First", "System.Collections.Generic.LinkedListNode[T] First {get;}", list_end, 'f'),
        SH_P("Last", "System.Collections.Generic.LinkedListNode[T] Last {get;}", list_end, 'l'),
        SH_M("AddFirst", "System.Collections.Generic.LinkedListNode[T] AddFirst(T value)", list_add, 'f'),
        SH_M("AddLast", "System.Collections.Generic.LinkedListNode[T] AddLast(T value)", list_add, 'l'),
        SH_M("AddBefore",
             "System.Collections.Generic.LinkedListNode[T] "
             "AddBefore(System.Collections.Generic.LinkedListNode[T] "
             "node, T value)",
             list_add, 'b'),
        SH_M("AddAfter",
             "System.Collections.Generic.LinkedListNode[T] "
             "AddAfter(System.Collections.Generic.LinkedListNode[T] "
             "node, T value)",
             list_add, 'a'),
        SH_M("Find", "System.Collections.Generic.LinkedListNode[T] Find(T value)", list_search, 'f'),
        SH_M("FindLast", "System.Collections.Generic.LinkedListNode[T] FindLast(T value)", list_search, 'l'),
        SH_M("Contains", "bool Contains(T value)", list_search, 'c'),
        SH_M("Remove", "bool Remove(T value)", list_search, 'r'),
        SH_M("RemoveFirst", "void RemoveFirst()", list_end, 'F'),
        SH_M("RemoveLast", "void RemoveLast()", list_end, 'L'),
        SH_M("Clear", "void Clear()", list_end, 'c'),
};
static const struct sh_type list_type = { .name = "System.Collections.Generic.LinkedList`1",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(list_members),
                                          .next = list_next,
                                          .free = list_free,
                                          .construct = list_new,
                                          .interfaces = set_interfaces + 1 };
static int node_part(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct linked *n = (struct linked *)self.o;
        intptr_t what = sh_member_arg(sh);
        if (what == 'v')
                *ret = sh_keep(n->value);
        else if (what == 'l')
                *ret = n->list ? sh_keep((struct sv) { .kind = SH_OTHER, .o = &n->list->obj }) : SH_NIL;
        else
                *ret = node_value(what == 'n' ? n->next : n->prev);
        return SH_OK;
}
static int node_set(struct sh *sh, struct sv self, struct sv v)
{
        (void)sh;
        struct linked *n = (struct linked *)self.o;
        struct sv old = n->value;
        n->value = sh_keep(v);
        sh_drop(old);
        return SH_OK;
}
static void node_free(struct sh_obj *o)
{
        sh_drop(((struct linked *)o)->value);
}
static const struct sh_member node_members[] = {
        SH_P("List", "System.Collections.Generic.LinkedList[T] List {get;}", node_part, 'l'),
        SH_P("Next", "System.Collections.Generic.LinkedListNode[T] Next {get;}", node_part, 'n'),
        SH_P("Previous", "System.Collections.Generic.LinkedListNode[T] Previous {get;}", node_part, 'p'),
        { "Value", SH_PROPERTY, false, "T Value {get;set;}", node_part, node_set, 'v' },
};
static const struct sh_type node_type = { .name = "System.Collections.Generic.LinkedListNode`1",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(node_members),
                                          .free = node_free };

SH_TYPES(set, &hash_set_type, &sorted_set_type, &list_type, &node_type);
