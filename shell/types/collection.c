/* SPDX-License-Identifier: MIT
 *
 * Queue, Stack, HashSet[T], SortedSet[T], LinkedList[T] and the comparers that dictionaries and sets take. Queues keep
 * a head beside their array, so that taking from the front costs nothing; sets are the keys of a dictionary.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/types.h"

#include <string.h>

/* ---- [StringComparer] ---- */
struct comparer {
        struct sh_obj obj;
        bool sensitive;
};
static const struct sh_type comparer_type;
bool sh_comparer_case(struct sv v, bool *ret)
{
        v = sh_unwrap(v);
        if (v.kind == SH_OTHER && v.o->type == &comparer_type) {
                *ret = ((struct comparer *)v.o)->sensitive;
                return true;
        }
        if (v.kind == SH_ENUM && v.o == &sh_enum_string_comparison.obj) {
                *ret = !(v.hi & 1);
                return true;
        }
        return false;
}
static int comparer_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_other_new(&comparer_type, sizeof(struct comparer));
        ((struct comparer *)ret->o)->sensitive = sh_member_arg(sh);
        return SH_OK;
}
static int comparer_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct comparer *c = (struct comparer *)self.o;
        intptr_t what = sh_member_arg(sh);
        if (a.n != (what == 'h' ? 1 : 2))
                return SH_NONE;
        struct sv x = sh_to_text(sh, a.v[0]), y = sh_to_text(sh, a.v[a.n - 1]);
        if (what == 'c')
                *ret = sh_int(sh_text_compare(x.s->s, x.s->len, y.s->s, y.s->len, !c->sensitive));
        else if (what == 'e')
                *ret = sh_bool(sh_text_equal(x.s, y.s, !c->sensitive));
        else
                *ret = sh_int((int32_t)sh_text_hash(x.s->s, x.s->len));
        sh_drop(x);
        sh_drop(y);
        return SH_OK;
}
static void comparer_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_puts(b, ((struct comparer *)self.o)->sensitive ? "System.OrdinalCaseSensitiveComparer"
                                                              : "System.OrdinalIgnoreCaseComparer");
}
#define COMPARER(name, sensitive) SH_SP(name, "static System.StringComparer " name " {get;}", comparer_get, sensitive)
static const struct sh_member comparer_members[] = {
        COMPARER("Ordinal", 1),
        COMPARER("OrdinalIgnoreCase", 0),
        COMPARER("InvariantCulture", 1),
        COMPARER("InvariantCultureIgnoreCase", 0),
        COMPARER("CurrentCulture", 1),
        COMPARER("CurrentCultureIgnoreCase", 0),
        SH_M("Compare", "int Compare(string x, string y)", comparer_do, 'c'),
        SH_M("Equals", "bool Equals(string x, string y)", comparer_do, 'e'),
        SH_M("GetHashCode", "int GetHashCode(string obj)", comparer_do, 'h'),
};
static const struct sh_type comparer_type = { .name = "System.StringComparer",
                                              .base = &sh_type_object,
                                              SH_MEMBERS(comparer_members),
                                              .text = comparer_text };

/* ---- what all of these share ---- */
/* The item as a collection of T takes it. */
static int item_of(struct sh *sh, const struct sh_type *t, struct sv v, struct sv *ret)
{
        const struct sh_type *want = sh_type_generic(t) ? sh_type_arg(t, 0) : NULL;
        if (!want || want == &sh_type_object) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        return sh_try_convert(sh, v, want, ret) ? SH_OK : SH_NONE;
}
static struct sv array_for(const struct sh_type *t)
{
        return sh_array_typed(sh_type_generic(t) ? sh_type_arg(t, 0) : &sh_type_object, 0);
}
/* Every collection here has a next: ToArray, CopyTo and GetEnumerator come from it. */
static int any_array(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        struct sv item;
        size_t pos = 0;
        if (a.n)
                return SH_NONE;
        *ret = array_for(self.o->type);
        while (self.o->type->next(self, &pos, &item))
                sh_array_take(ret->a, item);
        return SH_OK;
}
static int any_copy_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv to = sh_args_at(a, 0), item;
        int64_t at = 0;
        size_t pos = 0;
        int st = SH_OK;
        *ret = SH_NOTHING;
        if (a.n < 1 || a.n > 2 || to.kind != SH_ARRAY || (a.n == 2 && !sh_args_int(sh, a, 1, &at)) || at < 0)
                return SH_NONE;
        while (st == SH_OK && self.o->type->next(self, &pos, &item)) {
                st = at < to.a->n ? sh_array_store(sh, to.a, (uint32_t)at++, item)
                                  : sh_throw_argument(sh, a, "Destination array was not long enough.");
                sh_drop(item);
        }
        return st;
}
static int any_enumerator(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_enumerator_new(self);
        return SH_OK;
}
#define ANY \
        SH_M("ToArray", "T[] ToArray()", any_array), \
                SH_M("CopyTo", "void CopyTo(T[] array, int arrayIndex)", any_copy_to), \
                SH_M("GetEnumerator", "System.Collections.IEnumerator GetEnumerator()", any_enumerator)
static const char *const collection_interfaces[] = { "System.Collections.ICollection", "System.Collections.IEnumerable",
                                                     "System.Collections.Generic.IEnumerable`1", NULL };

/* ---- Queue and Stack ---- */
struct line {
        struct sh_obj obj;
        struct sv items;
        uint32_t head; /* of a queue: items before it are gone */
};
static struct line *line_of(struct sv v)
{
        return (struct line *)v.o;
}
static bool is_stack(const struct sh_type *t)
{
        return strstr(t->name, "Stack") != NULL;
}
static uint32_t line_count(struct line *l)
{
        return l->items.a->n - l->head;
}
static int line_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv item, v;
        size_t pos = 0;
        int st = SH_OK;
        int64_t capacity;
        if (a.n > 1 || (a.n && !sh_is_enumerable(a.v[0]) && !sh_args_int(sh, a, 0, &capacity)))
                return SH_NONE;
        struct sv r = sh_other_new(t, sizeof(struct line));
        line_of(r)->items = sh_array_new(8);
        while (st == SH_OK && a.n && sh_is_enumerable(a.v[0]) && sh_next(a.v[0], &pos, &item)) {
                if ((st = item_of(sh, t, item, &v)) == SH_OK)
                        sh_array_take(line_of(r)->items.a, v);
                sh_drop(item);
        }
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}
enum { L_ADD, L_TAKE, L_PEEK, L_TRYTAKE, L_TRYPEEK, L_CONTAINS, L_CLEAR, L_COUNT, L_EMPTY, L_NOTHING };
/* What comes next, taken out when asked; nothing when there is none. */
static struct sv line_next_item(struct sv self, bool take)
{
        struct line *l = line_of(self);
        bool stack = is_stack(self.o->type);
        if (!line_count(l))
                return SH_NOTHING;
        uint32_t at = stack ? l->items.a->n - 1 : l->head;
        struct sv r = l->items.a->v[at];
        if (!take)
                return sh_keep(r);
        if (stack) {
                l->items.a->n--;
                return r;
        }
        l->items.a->v[at] = SH_NIL;
        if (++l->head >= 32 && l->head > l->items.a->n / 2) {
                sh_array_remove(l->items.a, 0, l->head);
                l->head = 0;
        }
        return r;
}
static int line_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct line *l = line_of(self);
        intptr_t what = sh_member_arg(sh);
        struct sv v;
        if (a.n != (what == L_ADD || what == L_CONTAINS || what == L_TRYTAKE || what == L_TRYPEEK))
                return SH_NONE;
        *ret = SH_NOTHING;
        switch (what) {
        case L_ADD:
                if (item_of(sh, self.o->type, a.v[0], &v) != SH_OK)
                        return SH_NONE;
                sh_array_take(l->items.a, v);
                return SH_OK;
        case L_TAKE:
        case L_PEEK:
                *ret = line_next_item(self, what == L_TAKE);
                return ret->kind != SH_VOID
                               ? SH_OK
                               : sh_throw_member(sh, a, "System.InvalidOperationException",
                                                 is_stack(self.o->type) ? "Stack empty." : "Queue empty.");
        case L_TRYTAKE:
        case L_TRYPEEK: {
                v = line_next_item(self, what == L_TRYTAKE);
                *ret = sh_bool(v.kind != SH_VOID);
                int st = sh_ref_set(sh, a.v[0], v.kind == SH_VOID ? SH_NIL : v);
                sh_drop(v);
                return st;
        }
        case L_CONTAINS:
                if (item_of(sh, self.o->type, a.v[0], &v) != SH_OK)
                        return SH_NONE;
                *ret = sh_bool(sh_array_find(sh, l->items.a, v, l->head, l->items.a->n, false) >= 0);
                sh_drop(v);
                return SH_OK;
        case L_CLEAR:
                sh_array_remove(l->items.a, 0, l->items.a->n);
                l->head = 0;
                return SH_OK;
        case L_COUNT: *ret = sh_int((int32_t)line_count(l)); return SH_OK;
        case L_EMPTY: *ret = sh_bool(line_count(l) == 0); return SH_OK;
        default: return SH_OK;
        }
}
static bool line_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct line *l = line_of(self);
        if (*pos >= line_count(l))
                return false;
        *ret = sh_keep(l->items.a->v[is_stack(self.o->type) ? l->items.a->n - 1 - *pos : l->head + *pos]);
        ++*pos;
        return true;
}
static void line_free(struct sh_obj *o)
{
        sh_drop(((struct line *)o)->items);
}
#define LINE \
        SH_P("Count", "int Count {get;}", line_do, L_COUNT), \
                SH_P("IsEmpty", "bool IsEmpty {get;}", line_do, L_EMPTY), \
                SH_M("Contains", "bool Contains(T item)", line_do, L_CONTAINS), \
                SH_M("Clear", "void Clear()", line_do, L_CLEAR), SH_M("Peek", "T Peek()", line_do, L_PEEK), \
                SH_M("TryPeek", "bool TryPeek([ref] T result)", line_do, L_TRYPEEK), \
                SH_M("TrimExcess", "void TrimExcess()", line_do, L_NOTHING), ANY
static const struct sh_member queue_members[] = { LINE, SH_M("Enqueue", "void Enqueue(T item)", line_do, L_ADD),
                                                  SH_M("Dequeue", "T Dequeue()", line_do, L_TAKE),
                                                  SH_M("TryDequeue", "bool TryDequeue([ref] T result)", line_do,
                                                       L_TRYTAKE) };
static const struct sh_member stack_members[] = { LINE, SH_M("Push", "void Push(T item)", line_do, L_ADD),
                                                  SH_M("Pop", "T Pop()", line_do, L_TAKE),
                                                  SH_M("TryPop", "bool TryPop([ref] T result)", line_do, L_TRYTAKE) };
#define LINE_TYPE(var, full, table) \
        static const struct sh_type var = { .name = full, \
                                            .base = &sh_type_object, \
                                            SH_MEMBERS(table), \
                                            .next = line_next, \
                                            .free = line_free, \
                                            .construct = line_new, \
                                            .interfaces = collection_interfaces }
LINE_TYPE(queue_type, "System.Collections.Queue", queue_members);
LINE_TYPE(stack_type, "System.Collections.Stack", stack_members);
LINE_TYPE(queue_of_type, "System.Collections.Generic.Queue`1", queue_members);
LINE_TYPE(stack_of_type, "System.Collections.Generic.Stack`1", stack_members);
LINE_TYPE(concurrent_queue_type, "System.Collections.Concurrent.ConcurrentQueue`1", queue_members);
LINE_TYPE(concurrent_stack_type, "System.Collections.Concurrent.ConcurrentStack`1", stack_members);
/* Its order is not promised: .NET gives the newest first, as a stack. */
static const struct sh_member bag_members[] = { LINE, SH_M("Add", "void Add(T item)", line_do, L_ADD),
                                                SH_M("TryTake", "bool TryTake([ref] T result)", line_do, L_TRYTAKE) };
static bool bag_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct line *l = line_of(self);
        if (*pos >= l->items.a->n)
                return false;
        *ret = sh_keep(l->items.a->v[l->items.a->n - 1 - *pos]);
        ++*pos;
        return true;
}
static const struct sh_type bag_type = { .name = "System.Collections.Concurrent.ConcurrentBag`1",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(bag_members),
                                         .next = bag_next,
                                         .free = line_free,
                                         .construct = line_new,
                                         .interfaces = collection_interfaces };

SH_TYPES(collection, &comparer_type, &queue_type, &stack_type, &queue_of_type, &stack_of_type, &concurrent_queue_type,
         &concurrent_stack_type, &bag_type);
