/* SPDX-License-Identifier: MIT
 *
 * Arrays, List[T] and ArrayList: one storage, differing in what may change.
 */
#include "shell/types.h"

#include "shell/code.h"

#include <stdlib.h>

bool sh_is_list(struct sv v)
{
        v = sh_unwrap(v);
        return v.kind == SH_ARRAY &&
               (sh_type_is(v.o->type, &sh_type_list) || v.o->type == &sh_type_arraylist);
}

int64_t sh_array_find(struct sh *sh, const struct sh_array *a, struct sv x, uint32_t from, uint32_t n,
                      bool last)
{
        (void)sh;
        int64_t found = -1;
        for (uint32_t i = from; i < from + n && i < a->n; i++)
                if (sh_same(a->v[i], x)) {
                        found = i;
                        if (!last)
                                break;
                }
        return found;
}

/* ---- sorting: stable merge, so that comparisons may run script code ---- */
struct sorter {
        struct sh *sh;
        struct sv block;
        int st;
};

static int sort_compare(struct sorter *s, struct sv a, struct sv b)
{
        if (sh_is_null(s->block))
                return sh_order(s->sh, a, b, true);
        struct sv args[2] = { a, b }, r;
        int64_t i = 0;
        if (s->st != SH_OK)
                return 0;
        s->st = sh_block_value(s->sh, s->block, NULL, (struct sh_args) { 2, args }, true, &r);
        if (s->st != SH_OK)
                return 0;
        if (!sh_to_int64(s->sh, r, &i))
                i = 0;
        sh_drop(r);
        return i < 0 ? -1 : i > 0;
}

static void merge_sort(struct sorter *s, struct sv *v, struct sv *tmp, uint32_t n)
{
        if (n < 2)
                return;
        uint32_t half = n / 2, i = 0, k = half, out = 0;
        merge_sort(s, v, tmp, half);
        merge_sort(s, v + half, tmp, n - half);
        memcpy(tmp, v, n * sizeof(*v));
        while (i < half && k < n)
                v[out++] = sort_compare(s, tmp[i], tmp[k]) <= 0 ? tmp[i++] : tmp[k++];
        while (i < half)
                v[out++] = tmp[i++];
        while (k < n)
                v[out++] = tmp[k++];
}

int sh_array_sort(struct sh *sh, struct sh_array *a, uint32_t at, uint32_t n, struct sv block)
{
        struct sorter s = { sh, block, SH_OK };
        struct sv *tmp = malloc((n + 1) * sizeof(*tmp)), *own = malloc((n + 1) * sizeof(*own));
        if (!tmp || !own)
                abort();
        memcpy(own, a->v + at, n * sizeof(*own)); /* the comparison may look at the array */
        merge_sort(&s, own, tmp, n);
        if (at + n <= a->n)
                memcpy(a->v + at, own, n * sizeof(*own));
        free(tmp);
        free(own);
        return s.st;
}

/* ---- shared by arrays and lists ---- */
static bool changes(struct sh *sh)
{
        return sh_current_member(sh)->arg & 1;
}

static int array_count(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n)
                return SH_NONE;
        *ret = sh_current_member(sh)->arg & 2 ? sh_long(self.a->n) : sh_int((int32_t)self.a->n);
        return SH_OK;
}

static int array_flag(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_bool(changes(sh));
        return SH_OK;
}

static int array_rank(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_int(self.a->dims ? (int32_t)self.a->dims[0] : 1);
        return SH_OK;
}

static int array_self(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(self);
        return SH_OK;
}

static int array_bound(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int64_t d;
        if (a.n != 1 || !sh_args_int(sh, a, 0, &d))
                return SH_NONE;
        const char *name = sh_current_member(sh)->name;
        const uint32_t *dims = self.a->dims;
        if (d < 0 || d >= (dims ? dims[0] : 1))
                return sh_throw_in_method(sh, "System.IndexOutOfRangeException", name, 1,
                                          "Index was outside the bounds of the array.");
        int32_t n = (int32_t)(dims ? dims[d + 1] : self.a->n);
        *ret = sh_int(name[3] == 'U' ? n - 1 : name[3] == 'L' && name[4] == 'o' ? 0 : n);
        return SH_OK;
}

static struct sv like(struct sv self)
{
        struct sv r = sh_array_typed(self.a->element ? self.a->element : &sh_type_object, 0);
        if (sh_is_list(self)) {
                r.o->type = self.o->type;
                r.a->element = self.a->element;
        }
        return r;
}

static int array_clone(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool to_array = sh_current_member(sh)->arg & 4;
        int64_t from = 0, n = self.a->n;
        if (sh_current_member(sh)->arg & 8) { /* GetRange */
                if (a.n != 2 || !sh_args_int(sh, a, 0, &from) || !sh_args_int(sh, a, 1, &n))
                        return SH_NONE;
                if (from < 0 || n < 0 || from + n > self.a->n)
                        return sh_throw_in_method(
                                sh, "System.ArgumentException", "GetRange", 2,
                                "Offset and length were out of bounds for the array or count is "
                                "greater than the number of elements from index to the end of the "
                                "source collection.");
        } else if (a.n) {
                return SH_NONE;
        }
        struct sv r = to_array ? sh_array_typed(self.a->element ? self.a->element : &sh_type_object, 0)
                               : like(self);
        for (int64_t i = from; i < from + n; i++)
                sh_array_add(r.a, self.a->v[i]);
        *ret = r;
        return SH_OK;
}

static int array_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int64_t i;
        if (a.n != 1 || !sh_args_int(sh, a, 0, &i))
                return SH_NONE;
        if (i < 0 || i >= self.a->n)
                return sh_throw_in_method(sh, "System.IndexOutOfRangeException", sh_current_member(sh)->name,
                                          1, "Index was outside the bounds of the array.");
        *ret = sh_keep(self.a->v[i]);
        return SH_OK;
}

static int array_set(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool value_first = !strcmp(sh_current_member(sh)->name, "SetValue");
        int64_t i;
        if (a.n != 2 || !sh_args_int(sh, a, value_first, &i))
                return SH_NONE;
        if (i < 0 || i >= self.a->n)
                return sh_throw_in_method(sh, "System.IndexOutOfRangeException", sh_current_member(sh)->name,
                                          2, "Index was outside the bounds of the array.");
        *ret = SH_NOTHING;
        return sh_array_store(sh, self.a, (uint32_t)i, a.v[!value_first]);
}

static int array_enumerator(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_enumerator_new(self);
        return SH_OK;
}

/* ---- ways to find ---- */
static int list_find(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t what = sh_current_member(sh)->arg; /* 0 Contains, 1 IndexOf, 2 LastIndexOf */
        struct sv x;
        int64_t from = 0;
        if (a.n < 1 || a.n > 2 || (a.n == 2 && !sh_args_int(sh, a, 1, &from)))
                return SH_NONE;
        if (!self.a->element)
                x = sh_keep(a.v[0]);
        else if (!sh_try_convert(sh, a.v[0], self.a->element, &x))
                return SH_NONE;
        int64_t at = sh_array_find(sh, self.a, x, from < 0 ? 0 : (uint32_t)from, self.a->n, what == 2);
        sh_drop(x);
        *ret = what ? sh_int((int32_t)at) : sh_bool(at >= 0);
        return SH_OK;
}

/* Find, FindAll, FindIndex, Exists, TrueForAll, RemoveAll with a script block. */
static int list_search(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const char *name = sh_current_member(sh)->name;
        bool all = !strcmp(name, "FindAll"), every = !strcmp(name, "TrueForAll"),
             drop = !strcmp(name, "RemoveAll");
        if (a.n != 1 || sh_unwrap(a.v[0]).kind != SH_BLOCK)
                return SH_NONE;
        struct sv out = all ? like(self) : SH_NIL, r;
        int32_t removed = 0;
        int64_t found = -1;
        for (uint32_t i = 0; i < self.a->n; i++) {
                struct sv item = sh_keep(self.a->v[i]);
                int st =
                        sh_block_value(sh, sh_unwrap(a.v[0]), &item, (struct sh_args) { 1, &item }, true, &r);
                bool yes = st == SH_OK && sh_true(r);
                if (st == SH_OK)
                        sh_drop(r);
                if (yes && all)
                        sh_array_add(out.a, item);
                sh_drop(item);
                if (st != SH_OK) {
                        sh_drop(out);
                        return st;
                }
                if (yes && drop && i < self.a->n) {
                        sh_array_remove(self.a, i--, 1);
                        removed++;
                } else if (!all && !drop && yes != every) {
                        found = i;
                        if (strncmp(name, "FindLast", 8))
                                break;
                }
        }
        if (all)
                *ret = out;
        else if (drop)
                *ret = sh_int(removed);
        else if (!strcmp(name, "FindIndex") || !strcmp(name, "FindLastIndex"))
                *ret = sh_int((int32_t)found);
        else if (!strncmp(name, "Find", 4))
                *ret = found >= 0 ? sh_keep(self.a->v[found]) : sh_default_value(self.a->element);
        else
                *ret = sh_bool(every ? found < 0 : found >= 0);
        return SH_OK;
}

/* ---- ways to change ---- */
static int fixed_size(struct sh *sh, struct sh_args a)
{
        return sh_throw_in_method(sh, "System.NotSupportedException", sh_current_member(sh)->name, a.n,
                                  "Collection was of a fixed size.");
}

static int array_fixed(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)ret;
        return fixed_size(sh, a);
}

static int list_value(struct sh *sh, struct sv self, struct sv v, struct sv *ret)
{
        if (!self.a->element) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        return sh_try_convert(sh, v, self.a->element, ret) ? SH_OK : SH_NONE;
}

static int list_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv v;
        if (a.n != 1)
                return SH_NONE;
        int st = list_value(sh, self, a.v[0], &v);
        if (st == SH_NONE) /* the conversion once more, for its error */
                return sh_convert(sh, a.v[0], self.a->element, &v) == SH_OK
                               ? (sh_drop(v), SH_NONE)
                               : sh_throw_argument_cast(sh, "item", a.v[0], "Add", self.a->element);
        if (st != SH_OK)
                return st;
        sh_array_take(self.a, v);
        if (self.o->type == &sh_type_arraylist)
                *ret = sh_int((int32_t)self.a->n - 1);
        return SH_OK;
}

static int out_of_range(struct sh *sh, struct sh_args a)
{
        return sh_throw_in_method(
                sh, "System.ArgumentOutOfRangeException", sh_current_member(sh)->name, a.n,
                "Index was out of range. Must be non-negative and less than the size of the "
                "collection. (Parameter 'index')");
}

/* AddRange(items), InsertRange(at, items), Insert(at, item) */
static int list_insert(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)ret;
        const char *name = sh_current_member(sh)->name;
        bool at_end = name[0] == 'A', range = strstr(name, "Range") != NULL;
        int64_t at = self.a->n;
        if (a.n != 2u - at_end || (!at_end && !sh_args_int(sh, a, 0, &at)))
                return SH_NONE;
        if (at < 0 || at > self.a->n)
                return sh_throw_in_method(sh, "System.ArgumentOutOfRangeException", name, a.n,
                                          "Index must be within the bounds of the List. (Parameter 'index')");
        struct sv items = range ? sh_array_copy(a.v[a.n - 1]) : sh_array_new(1), v;
        if (!range)
                sh_array_add(items.a, a.v[1]);
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && i < items.a->n; i++) {
                st = list_value(sh, self, items.a->v[i], &v);
                if (st != SH_OK)
                        break;
                if (at == self.a->n)
                        sh_array_add(self.a, v);
                else
                        sh_array_insert(self.a, (uint32_t)at, v);
                at++;
                sh_drop(v);
        }
        sh_drop(items);
        return st;
}

static int list_remove(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv x;
        if (a.n != 1)
                return SH_NONE;
        if (list_value(sh, self, a.v[0], &x) != SH_OK)
                return SH_NONE;
        int64_t at = sh_array_find(sh, self.a, x, 0, self.a->n, false);
        sh_drop(x);
        if (at >= 0)
                sh_array_remove(self.a, (uint32_t)at, 1);
        if (self.o->type != &sh_type_arraylist)
                *ret = sh_bool(at >= 0);
        return SH_OK;
}

static int list_remove_at(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)ret;
        bool range = !strcmp(sh_current_member(sh)->name, "RemoveRange");
        int64_t at, n = 1;
        if (a.n != 1u + range || !sh_args_int(sh, a, 0, &at) || (range && !sh_args_int(sh, a, 1, &n)))
                return SH_NONE;
        if (at < 0 || n < 0 || at + n > self.a->n)
                return out_of_range(sh, a);
        sh_array_remove(self.a, (uint32_t)at, (uint32_t)n);
        return SH_OK;
}

static int list_clear(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)ret;
        if (a.n)
                return SH_NONE;
        if (self.kind == SH_ARRAY && !sh_is_list(self)) {
                for (uint32_t i = 0; i < self.a->n; i++) {
                        sh_drop(self.a->v[i]);
                        self.a->v[i] = sh_default_value(self.a->element);
                }
                return SH_OK;
        }
        (void)sh;
        sh_array_remove(self.a, 0, self.a->n);
        return SH_OK;
}

static void reverse(struct sh_array *a, uint32_t at, uint32_t n)
{
        for (uint32_t i = at, k = at + n; i + 1 < k; i++) {
                struct sv t = a->v[i];
                a->v[i] = a->v[--k];
                a->v[k] = t;
        }
}

static int list_reverse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)ret;
        int64_t at = 0, n = self.a->n;
        if (a.n == 2 && (!sh_args_int(sh, a, 0, &at) || !sh_args_int(sh, a, 1, &n)))
                return SH_NONE;
        if ((a.n != 0 && a.n != 2) || at < 0 || n < 0 || at + n > self.a->n)
                return SH_NONE;
        reverse(self.a, (uint32_t)at, (uint32_t)n);
        return SH_OK;
}

static int list_sort(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)ret;
        if (a.n > 1)
                return SH_NONE;
        return sh_array_sort(sh, self.a, 0, self.a->n, a.n ? sh_unwrap(a.v[0]) : SH_NIL);
}

static int list_foreach(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        return sh_member_each(sh, self, a, ret);
}

static int list_capacity(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_int((int32_t)self.a->cap);
        return SH_OK;
}

static int copy_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)ret;
        int64_t at = 0;
        if (a.n < 1 || a.n > 2 || sh_unwrap(a.v[0]).kind != SH_ARRAY ||
            (a.n == 2 && !sh_args_int(sh, a, 1, &at)))
                return SH_NONE;
        struct sv to = sh_unwrap(a.v[0]);
        if (at < 0 || at + self.a->n > to.a->n)
                return sh_throw_in_method(
                        sh, "System.ArgumentException", "CopyTo", a.n,
                        "Destination array was not long enough. Check the destination index, length, "
                        "and the array's lower bounds. (Parameter 'destinationArray')");
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && i < self.a->n; i++)
                st = sh_array_store(sh, to.a, (uint32_t)at + i, self.a->v[i]);
        return st;
}

/* ---- [array]::... ---- */
static int array_static_sort(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)ret;
        bool sort = !strcmp(sh_current_member(sh)->name, "Sort");
        int64_t at = 0, n;
        struct sv v = a.n ? sh_unwrap(a.v[0]) : SH_NIL;
        if (v.kind != SH_ARRAY)
                return SH_NONE;
        n = v.a->n;
        if (a.n == 3 && (!sh_args_int(sh, a, 1, &at) || !sh_args_int(sh, a, 2, &n)))
                return SH_NONE;
        if (a.n > 3 || a.n == 2 || at < 0 || n < 0 || at + n > v.a->n)
                return a.n == 2 && sort ? sh_array_sort(sh, v.a, 0, v.a->n, sh_unwrap(a.v[1])) : SH_NONE;
        if (sort)
                return sh_array_sort(sh, v.a, (uint32_t)at, (uint32_t)n, SH_NIL);
        reverse(v.a, (uint32_t)at, (uint32_t)n);
        return SH_OK;
}

static int array_static_find(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int64_t from = 0;
        struct sv v = a.n ? sh_unwrap(a.v[0]) : SH_NIL;
        if (v.kind != SH_ARRAY || a.n < 2 || a.n > 3 || (a.n == 3 && !sh_args_int(sh, a, 2, &from)) ||
            from < 0)
                return SH_NONE;
        *ret = sh_int((int32_t)sh_array_find(sh, v.a, a.v[1], (uint32_t)from, v.a->n,
                                             sh_current_member(sh)->name[0] == 'L'));
        return SH_OK;
}

static int array_static_search(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv v = a.n ? sh_unwrap(a.v[0]) : SH_NIL;
        if (v.kind != SH_ARRAY || a.n != 2)
                return SH_NONE;
        int st = list_search(sh, v, (struct sh_args) { 1, a.v + 1 }, ret);
        return st;
}

static int array_binary_search(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool is_static = sh_current_member(sh)->is_static;
        struct sv v = is_static ? (a.n ? sh_unwrap(a.v[0]) : SH_NIL) : self;
        if (v.kind != SH_ARRAY || a.n != 1u + is_static)
                return SH_NONE;
        int32_t low = 0, high = (int32_t)v.a->n - 1;
        while (low <= high) {
                int32_t mid = low + (high - low) / 2, r = sh_order(sh, v.a->v[mid], a.v[is_static], true);
                if (r == 0) {
                        *ret = sh_int(mid);
                        return SH_OK;
                }
                if (r < 0)
                        low = mid + 1;
                else
                        high = mid - 1;
        }
        *ret = sh_int(~low);
        return SH_OK;
}

static int array_copy(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)ret;
        int64_t n, from = 0, to = 0;
        if ((a.n != 3 && a.n != 5) || sh_unwrap(a.v[0]).kind != SH_ARRAY ||
            sh_unwrap(a.v[a.n == 5 ? 2 : 1]).kind != SH_ARRAY || !sh_args_int(sh, a, a.n - 1, &n) ||
            (a.n == 5 && (!sh_args_int(sh, a, 1, &from) || !sh_args_int(sh, a, 3, &to))))
                return SH_NONE;
        struct sv x = sh_unwrap(a.v[0]), y = sh_unwrap(a.v[a.n == 5 ? 2 : 1]);
        if (n < 0 || from < 0 || to < 0 || from + n > x.a->n || to + n > y.a->n)
                return sh_throw_in_method(
                        sh, "System.ArgumentException", "Copy", a.n,
                        "Source array was not long enough. Check the source index, length, and the "
                        "array's lower bounds. (Parameter 'sourceArray')");
        int st = SH_OK;
        struct sv held = sh_array_copy(x); /* they may be one and the same */
        for (int64_t i = 0; st == SH_OK && i < n; i++)
                st = sh_array_store(sh, y.a, (uint32_t)(to + i), held.a->v[from + i]);
        sh_drop(held);
        return st;
}

/* ForEach(array, block), ConvertAll(array, block) */
static int array_map(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        bool keep = sh_current_member(sh)->arg;
        struct sv v = a.n ? sh_unwrap(a.v[0]) : SH_NIL, r;
        if (a.n != 2 || v.kind != SH_ARRAY || sh_unwrap(a.v[1]).kind != SH_BLOCK)
                return SH_NONE;
        struct sv out = keep ? sh_array_new(v.a->n) : SH_NOTHING;
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && i < v.a->n; i++) {
                struct sv item = sh_keep(v.a->v[i]);
                st = sh_block_value(sh, sh_unwrap(a.v[1]), &item, (struct sh_args) { 1, &item }, true, &r);
                sh_drop(item);
                if (st == SH_OK && keep)
                        sh_array_take(out.a, r.kind == SH_VOID ? SH_NIL : r);
                else if (st == SH_OK)
                        sh_drop(r);
        }
        if (st == SH_OK)
                *ret = out;
        else
                sh_drop(out);
        return st;
}

/* Fill(array, value[, at, n]), Clear(array[, at, n]) */
static int array_fill(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)ret;
        bool clear = sh_current_member(sh)->arg;
        int64_t at = 0, n;
        struct sv v = a.n ? sh_unwrap(a.v[0]) : SH_NIL;
        uint32_t least = clear ? 1 : 2;
        if (v.kind != SH_ARRAY || (a.n != least && a.n != least + 2))
                return SH_NONE;
        n = v.a->n;
        if (a.n > least && (!sh_args_int(sh, a, least, &at) || !sh_args_int(sh, a, least + 1, &n)))
                return SH_NONE;
        if (at < 0 || n < 0 || at + n > v.a->n)
                return sh_throw_in_method(sh, "System.ArgumentOutOfRangeException",
                                          sh_current_member(sh)->name, a.n,
                                          "Index was outside the bounds of the array.");
        int st = SH_OK;
        for (int64_t i = at; st == SH_OK && i < at + n; i++) {
                struct sv x = clear ? sh_default_value(v.a->element) : sh_keep(a.v[1]);
                st = sh_array_store(sh, v.a, (uint32_t)i, x);
                sh_drop(x);
        }
        return st;
}

static int array_readonly(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self;
        if (a.n != 1 || sh_unwrap(a.v[0]).kind != SH_ARRAY)
                return SH_NONE;
        *ret = sh_array_copy(a.v[0]);
        return SH_OK;
}

static int array_create(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t;
        int64_t n;
        if (a.n > 2 && sh_try_convert(sh, a.v[0], &sh_type_type, &t)) {
                const struct sh_type *md = sh_md_type(sh_type_referred(t), a.n - 1);
                sh_drop(t);
                return sh_md_new(sh, md, (struct sh_args) { a.n - 1, a.v + 1 }, ret);
        }
        if (a.n != 2 || !sh_args_int(sh, a, 1, &n) || n < 0 || n > INT32_MAX / 16 ||
            !sh_try_convert(sh, a.v[0], &sh_type_type, &t))
                return SH_NONE;
        *ret = sh_array_typed(sh_type_referred(t), (uint32_t)n);
        sh_drop(t);
        return SH_OK;
}

static int array_empty(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self;
        if (a.n)
                return SH_NONE;
        *ret = sh_array_new(0);
        return SH_OK;
}

/* .Resize([ref]$a, n) */
static int array_resize(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)ret;
        int64_t n;
        struct sv old;
        if (a.n != 2 || !sh_args_int(sh, a, 1, &n) || n < 0 || n > INT32_MAX / 16 ||
            !sh_ref_get(sh, a.v[0], &old))
                return SH_NONE;
        struct sv base = sh_unwrap(old), r;
        if (base.kind != SH_ARRAY) {
                sh_drop(old);
                return SH_NONE;
        }
        r = sh_array_typed(base.a->element ? base.a->element : &sh_type_object, (uint32_t)n);
        for (uint32_t i = 0; i < n && i < base.a->n; i++) {
                sh_drop(r.a->v[i]);
                r.a->v[i] = sh_keep(base.a->v[i]);
        }
        sh_drop(old);
        int st = sh_ref_set(sh, a.v[0], r);
        sh_drop(r);
        return st;
}

#define SHARED \
        { "Contains", SH_METHOD, false, "bool Contains(System.Object value)", list_find }, \
                { "IndexOf", SH_METHOD, false, "int IndexOf(System.Object value)", list_find, .arg = 1 }, \
                { "CopyTo", SH_METHOD, false, "void CopyTo(array array, int index)", copy_to }, \
                { "GetEnumerator", SH_METHOD, false, "System.Collections.IEnumerator GetEnumerator()", \
                  array_enumerator }, \
                { "IsReadOnly", SH_PROPERTY, false, "bool IsReadOnly {get;}", array_flag }, \
                { "IsSynchronized", SH_PROPERTY, false, "bool IsSynchronized {get;}", array_flag }, \
                { "SyncRoot", SH_PROPERTY, false, "System.Object SyncRoot {get;}", array_self }, \
        { \
                "Clear", SH_METHOD, false, "void Clear()", list_clear \
        }

static const struct sh_member array_members[] = {
        { "Count", SH_PROPERTY, false, "int Count {get;}", array_count },
        { "Length", SH_PROPERTY, false, "int Length {get;}", array_count },
        { "LongLength", SH_PROPERTY, false, "long LongLength {get;}", array_count, .arg = 2 },
        { "Rank", SH_PROPERTY, false, "int Rank {get;}", array_rank },
        { "IsFixedSize", SH_PROPERTY, false, "bool IsFixedSize {get;}", array_flag, .arg = 1 },
        SHARED,
        { "Clone", SH_METHOD, false, "System.Object Clone()", array_clone },
        { "Get", SH_METHOD, false, "System.Object Get(int index)", array_get },
        { "GetValue", SH_METHOD, false, "System.Object GetValue(int index)", array_get },
        { "Set", SH_METHOD, false, "void Set(int index, System.Object value)", array_set },
        { "SetValue", SH_METHOD, false, "void SetValue(System.Object value, int index)", array_set },
        { "GetLength", SH_METHOD, false, "int GetLength(int dimension)", array_bound },
        { "GetUpperBound", SH_METHOD, false, "int GetUpperBound(int dimension)", array_bound },
        { "GetLowerBound", SH_METHOD, false, "int GetLowerBound(int dimension)", array_bound },
        { "Add", SH_METHOD, false, "int Add(System.Object value)", array_fixed },
        { "Remove", SH_METHOD, false, "void Remove(System.Object value)", array_fixed },
        { "RemoveAt", SH_METHOD, false, "void RemoveAt(int index)", array_fixed },
        { "Insert", SH_METHOD, false, "void Insert(int index, System.Object value)", array_fixed },
        { "Reverse", SH_METHOD, true, "static void Reverse(array array)", array_static_sort },
        { "Sort", SH_METHOD, true, "static void Sort(array array)", array_static_sort },
        { "IndexOf", SH_METHOD, true, "static int IndexOf(array array, System.Object value)",
          array_static_find },
        { "LastIndexOf", SH_METHOD, true, "static int LastIndexOf(array array, System.Object value)",
          array_static_find },
        { "Find", SH_METHOD, true, "static T Find(T[] array, System.Predicate[T] match)",
          array_static_search },
        { "FindAll", SH_METHOD, true, "static T[] FindAll(T[] array, System.Predicate[T] match)",
          array_static_search },
        { "FindIndex", SH_METHOD, true, "static int FindIndex(T[] array, System.Predicate[T] match)",
          array_static_search },
        { "Exists", SH_METHOD, true, "static bool Exists(T[] array, System.Predicate[T] match)",
          array_static_search },
        { "TrueForAll", SH_METHOD, true, "static bool TrueForAll(T[] array, System.Predicate[T] match)",
          array_static_search },
        { "FindLast", SH_METHOD, true, "static T FindLast(T[] array, System.Predicate[T] match)",
          array_static_search },
        { "FindLastIndex", SH_METHOD, true, "static int FindLastIndex(T[] array, System.Predicate[T] match)",
          array_static_search },
        { "ForEach", SH_METHOD, true, "static void ForEach(T[] array, System.Action[T] action)", array_map },
        { "ConvertAll", SH_METHOD, true,
          "static TOutput[] ConvertAll(TInput[] array, System.Converter[TInput,TOutput] converter)",
          array_map, .arg = 1 },
        { "Fill", SH_METHOD, true, "static void Fill(T[] array, T value)", array_fill },
        { "Clear", SH_METHOD, true, "static void Clear(array array, int index, int length)", array_fill,
          .arg = 1 },
        { "AsReadOnly", SH_METHOD, true,
          "static System.Collections.ObjectModel.ReadOnlyCollection[T] AsReadOnly(T[] array)",
          array_readonly },
        { "BinarySearch", SH_METHOD, true, "static int BinarySearch(array array, System.Object value)",
          array_binary_search },
        { "Copy", SH_METHOD, true, "static void Copy(array source, array destination, int length)",
          array_copy },
        { "CreateInstance", SH_METHOD, true, "static array CreateInstance(type elementType, int length)",
          array_create },
        { "Empty", SH_METHOD, true, "static System.Object[] Empty()", array_empty },
        { "Resize", SH_METHOD, true, "static void Resize([ref] array, int newSize)", array_resize },
};

static const struct sh_member list_members[] = {
        { "Count", SH_PROPERTY, false, "int Count {get;}", array_count },
        { "Capacity", SH_PROPERTY, false, "int Capacity {get;set;}", list_capacity },
        { "IsFixedSize", SH_PROPERTY, false, "bool IsFixedSize {get;}", array_flag },
        SHARED,
        { "LastIndexOf", SH_METHOD, false, "int LastIndexOf(System.Object value)", list_find, .arg = 2 },
        { "Add", SH_METHOD, false, "void Add(System.Object item)", list_add },
        { "AddRange", SH_METHOD, false, "void AddRange(System.Collections.IEnumerable collection)",
          list_insert },
        { "Insert", SH_METHOD, false, "void Insert(int index, System.Object item)", list_insert },
        { "InsertRange", SH_METHOD, false,
          "void InsertRange(int index, System.Collections.IEnumerable collection)", list_insert },
        { "Remove", SH_METHOD, false, "bool Remove(System.Object item)", list_remove },
        { "RemoveAt", SH_METHOD, false, "void RemoveAt(int index)", list_remove_at },
        { "RemoveRange", SH_METHOD, false, "void RemoveRange(int index, int count)", list_remove_at },
        { "RemoveAll", SH_METHOD, false, "int RemoveAll(System.Predicate[T] match)", list_search },
        { "Find", SH_METHOD, false, "T Find(System.Predicate[T] match)", list_search },
        { "FindLast", SH_METHOD, false, "T FindLast(System.Predicate[T] match)", list_search },
        { "FindAll", SH_METHOD, false,
          "System.Collections.Generic.List[T] FindAll(System.Predicate[T] match)", list_search },
        { "FindIndex", SH_METHOD, false, "int FindIndex(System.Predicate[T] match)", list_search },
        { "FindLastIndex", SH_METHOD, false, "int FindLastIndex(System.Predicate[T] match)", list_search },
        { "Exists", SH_METHOD, false, "bool Exists(System.Predicate[T] match)", list_search },
        { "TrueForAll", SH_METHOD, false, "bool TrueForAll(System.Predicate[T] match)", list_search },
        { "BinarySearch", SH_METHOD, false, "int BinarySearch(T item)", array_binary_search },
        { "Reverse", SH_METHOD, false, "void Reverse()", list_reverse },
        { "Sort", SH_METHOD, false, "void Sort()", list_sort },
        { "ForEach", SH_METHOD, false, "void ForEach(System.Action[T] action)", list_foreach },
        { "ToArray", SH_METHOD, false, "System.Object[] ToArray()", array_clone, .arg = 4 },
        { "GetRange", SH_METHOD, false, "System.Collections.IList GetRange(int index, int count)",
          array_clone, .arg = 8 },
        { "Clone", SH_METHOD, false, "System.Object Clone()", array_clone },
        { "TrimExcess", SH_METHOD, false, "void TrimExcess()", array_flag },
};

static void array_free(struct sh_obj *o)
{
        struct sh_array *a = (struct sh_array *)o;
        for (uint32_t i = 0; i < a->n; i++)
                sh_drop(a->v[i]);
        free(a->v);
        free(a->dims);
}

static bool array_next(struct sv self, size_t *pos, struct sv *ret)
{
        if (*pos >= self.a->n)
                return false;
        *ret = sh_keep(self.a->v[(*pos)++]);
        return true;
}

static struct sv list_empty(const struct sh_type *t)
{
        struct sv r = sh_array_new(4);
        r.o->type = t;
        r.a->element = t->element == &sh_type_object ? NULL : t->element;
        return r;
}

static int list_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv base = sh_unwrap(from), r, v;
        if (base.kind == SH_HASH)
                return SH_NONE;
        r = list_empty(t);
        struct sv items = sh_is_enumerable(base) ? sh_array_copy(base) : sh_array_new(1);
        if (!sh_is_enumerable(base))
                sh_array_add(items.a, from);
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && i < items.a->n; i++)
                if ((st = sh_convert(sh, items.a->v[i], r.a->element, &v)) == SH_OK)
                        sh_array_take(r.a, v);
        sh_drop(items);
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}

static int list_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n > 1)
                return SH_NONE;
        if (a.n && sh_is_enumerable(a.v[0]))
                return list_convert(sh, t, a.v[0], ret);
        int64_t n;
        if (a.n && !sh_args_int(sh, a, 0, &n))
                return SH_NONE;
        *ret = list_empty(t);
        return SH_OK;
}

#define MEMBERS(x) .members = x, .nmembers = sizeof(x) / sizeof(*x)
static const char *const array_interfaces[] = { "System.Collections.IList",
                                                "System.Collections.ICollection",
                                                "System.Collections.IEnumerable",
                                                "System.ICloneable",
                                                "System.Collections.Generic.IEnumerable`1",
                                                "System.Collections.Generic.IList`1",
                                                "System.Collections.Generic.ICollection`1",
                                                NULL };
const struct sh_type sh_type_array_base = { .name = "System.Array",
                                            .accelerator = "array",
                                            .base = &sh_type_object,
                                            MEMBERS(array_members),
                                            .interfaces = array_interfaces };
const struct sh_type sh_type_array = { .name = "System.Object[]",
                                       .accelerator = "System.Object[]",
                                       .base = &sh_type_array_base,
                                       .free = array_free,
                                       .next = array_next,
                                       .kind = SH_ARRAY,
                                       .is_array = true,
                                       .element = &sh_type_object };
const struct sh_type sh_type_list = { .name = "System.Collections.Generic.List`1",
                                      .base = &sh_type_object,
                                      MEMBERS(list_members),
                                      .free = array_free,
                                      .next = array_next,
                                      .convert = list_convert,
                                      .construct = list_construct,
                                      .kind = SH_ARRAY,
                                      .interfaces = array_interfaces };
const struct sh_type sh_type_arraylist = { .name = "System.Collections.ArrayList",
                                           .base = &sh_type_object,
                                           MEMBERS(list_members),
                                           .free = array_free,
                                           .next = array_next,
                                           .convert = list_convert,
                                           .construct = list_construct,
                                           .kind = SH_ARRAY,
                                           .interfaces = array_interfaces };
static const struct sh_type collection = { .name = "System.Collections.ObjectModel.Collection`1",
                                           .base = &sh_type_list,
                                           MEMBERS(list_members),
                                           .free = array_free,
                                           .next = array_next,
                                           .convert = list_convert,
                                           .construct = list_construct,
                                           .kind = SH_ARRAY,
                                           .interfaces = array_interfaces };

SH_TYPES(array, &sh_type_array_base, &sh_type_array, &sh_type_list, &sh_type_arraylist, &collection);
