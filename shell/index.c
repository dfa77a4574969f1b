/* SPDX-License-Identifier: MIT
 *
 * $x[i]: one item, several ([0,2], [1..3]), from the end (negative); keys of dictionaries; and going through a
 * collection as the pipeline does.
 */
#include "shell/types.h"

#include "shell/code.h"

/* ---- enumeration ---- */
bool sh_is_enumerable(struct sv v)
{
        v = sh_unwrap(v);
        if (v.kind == SH_ARRAY)
                return true;
        return v.kind >= SH_OBJECT_KINDS && v.kind != SH_STRING && v.kind != SH_HASH && v.o->type->next;
}

bool sh_next(struct sv v, size_t *pos, struct sv *ret)
{
        v = sh_unwrap(v);
        if (v.kind == SH_ARRAY) {
                if (*pos >= v.a->n)
                        return false;
                *ret = sh_keep(v.a->v[(*pos)++]);
                return true;
        }
        if (v.kind >= SH_OBJECT_KINDS && v.o->type->next)
                return v.o->type->next(v, pos, ret);
        if (sh_is_null(v) || *pos)
                return false;
        *pos = 1;
        *ret = sh_keep(v);
        return true;
}

/* ---- reading ---- */
static int null_index(struct sh *sh)
{
        return sh_throw(sh, "NullArrayIndex", "InvalidOperation", SH_NIL,
                        "Index operation failed; the array index evaluated to null.");
}

static int outside(struct sh *sh)
{
        return sh_throw_inner(sh, "System.IndexOutOfRangeException", "System.IndexOutOfRangeException",
                              "OperationStopped", SH_NIL, "Index was outside the bounds of the array.");
}

/* The position that a key means among n; SH_NONE: there is none there. */
static int position(struct sh *sh, struct sv key, uint32_t n, uint32_t *ret)
{
        struct sv i;
        if (key.kind != SH_INT32) {
                int st = sh_convert(sh, key, &sh_type_int, &i);
                if (st != SH_OK)
                        return st;
        } else {
                i = key;
        }
        int64_t at = i.i < 0 ? i.i + n : i.i;
        if (at < 0 || at >= n)
                return SH_NONE;
        *ret = (uint32_t)at;
        return SH_OK;
}

static int index_one(struct sh *sh, struct sv self, struct sv key, struct sv *ret);

/* Several keys: what is missing is left out. */
static int index_many(struct sh *sh, struct sv self, struct sv keys, struct sv *ret)
{
        struct sv r = sh_array_new(4), key, item;
        size_t pos = 0;
        while (sh_next(keys, &pos, &key)) {
                int st = sh_is_enumerable(key) ? index_many(sh, self, key, &item) : index_one(sh, self, key, &item);
                sh_drop(key);
                if (st == SH_OK)
                        sh_array_take(r.a, item);
                else if (st == SH_NONE && self.kind == SH_HASH)
                        sh_array_take(r.a, SH_NIL);
                else if (st != SH_NONE) {
                        sh_drop(r);
                        return st;
                }
        }
        *ret = r;
        return SH_OK;
}

static int index_hash(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        struct sv v, k;
        const struct sh_type *want = sh_hash_key_type(self.h);
        if (self.o->type == &sh_type_ordered && (key.kind == SH_INT32 || key.kind == SH_INT64)) {
                int64_t n = sh_hash_count(self.h), i = key.i < 0 ? key.i + n : key.i;
                if (i < 0 || !sh_hash_at(self.h, (uint32_t)i, &k, &v))
                        return SH_NONE;
                *ret = sh_keep(v);
                return SH_OK;
        }
        if (want && sh_type_of(key) != want) {
                int st = sh_convert(sh, key, want, &k);
                if (st != SH_OK)
                        return st;
        } else {
                k = sh_keep(key);
        }
        bool found = sh_hash_get(self.h, k, &v);
        if (found)
                *ret = sh_keep(v);
        sh_drop(k);
        return found ? SH_OK : SH_NONE;
}

static int not_indexable(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        if (key.kind == SH_INT32 && (key.i == 0 || key.i == -1)) {
                *ret = sh_keep(self);
                return SH_OK;
        }
        if (sh->scope && sh->scope->strict >= 2)
                return sh_throw(sh, "CannotIndex", "InvalidOperation", SH_NIL,
                                "Unable to index into an object of type \"%s\".", sh_type_of(self)->name);
        return SH_NONE;
}

static int index_one(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        uint32_t at;
        key = sh_unwrap(key);
        if (self.kind == SH_HASH)
                return sh_is_null(key) ? null_index(sh) : index_hash(sh, self, key, ret);
        if (self.kind == SH_ARRAY) {
                int st = position(sh, key, self.a->n, &at);
                if (st == SH_OK)
                        *ret = sh_keep(self.a->v[at]);
                else if (st == SH_NONE && sh->scope && sh->scope->strict >= 3)
                        st = outside(sh);
                return st;
        }
        if (self.kind == SH_STRING) {
                int st = position(sh, key, self.s->units, &at);
                if (st == SH_OK)
                        *ret = sh_char(sh_unit_at(self.s, at));
                else if (st == SH_NONE && sh->scope && sh->scope->strict >= 3)
                        st = outside(sh);
                return st;
        }
        for (const struct sh_type *t = sh_type_of(self); t; t = t->base) {
                int st = t->index ? t->index(sh, self, key, ret) : SH_NONE;
                if (st != SH_NONE)
                        return st;
                if (t->index)
                        return SH_NONE;
        }
        return not_indexable(sh, self, key, ret);
}

int sh_index(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        self = sh_unwrap(self);
        if (sh_is_null(self))
                return sh_throw(sh, "NullArray", "InvalidOperation", SH_NIL, "Cannot index into a null array.");
        if (sh_is_null(key))
                return null_index(sh);
        if (self.kind == SH_ARRAY && self.a->dims) {
                uint32_t at;
                int st = sh_md_at(sh, self, key, &at);
                if (st == SH_OK)
                        *ret = sh_keep(self.a->v[at]);
                return st == SH_NONE && sh->scope && sh->scope->strict >= 3 ? outside(sh) : st;
        }
        if (sh_is_enumerable(key))
                return index_many(sh, self, key, ret);
        return index_one(sh, self, key, ret);
}

/* ---- writing ---- */
static int set_hash(struct sh *sh, struct sv self, struct sv key, struct sv value)
{
        struct sv k = sh_keep(key), v = sh_keep(value);
        const struct sh_type *kt = sh_hash_key_type(self.h), *vt = sh_hash_value_type(self.h);
        int st = SH_OK;
        if (self.o->type == &sh_type_ordered && (key.kind == SH_INT32 || key.kind == SH_INT64)) {
                struct sv old_key, old;
                int64_t i = key.i < 0 ? key.i + sh_hash_count(self.h) : key.i;
                sh_drop(k);
                if (i < 0 || !sh_hash_at(self.h, (uint32_t)i, &old_key, &old)) {
                        sh_drop(v);
                        return sh_throw_inner(sh, "System.ArgumentOutOfRangeException",
                                              "System.ArgumentOutOfRangeException", "OperationStopped", SH_NIL,
                                              "Index was out of range. Must be non-negative and less than the size of "
                                              "the collection. (Parameter 'index')");
                }
                k = sh_keep(old_key);
        } else if (kt && (sh_drop(k), st = sh_convert(sh, key, kt, &k)) != SH_OK) {
                sh_drop(v);
                return st;
        }
        if (vt && (sh_drop(v), st = sh_convert(sh, value, vt, &v)) != SH_OK) {
                sh_drop(k);
                return st;
        }
        sh_hash_set(self.h, k, v);
        sh_drop(k);
        sh_drop(v);
        return SH_OK;
}

static int set_array(struct sh *sh, struct sv self, struct sv key, struct sv value)
{
        uint32_t at = 0;
        int st = position(sh, key, self.a->n, &at);
        if (st == SH_OK)
                return sh_array_store(sh, self.a, at, value);
        if (st != SH_NONE)
                return st;
        if (sh_is_list(self))
                return sh_throw_inner(sh, "System.ArgumentOutOfRangeException", "System.ArgumentOutOfRangeException",
                                      "OperationStopped", SH_NIL,
                                      "Index was out of range. Must be non-negative and less than the size of the "
                                      "collection. (Parameter 'index')");
        return outside(sh);
}

static int slice(struct sh *sh, struct sv key)
{
        struct sv comma = sh_text(","), t;
        struct sv list = sh_array_copy(key);
        int st = sh_binary(sh, SH_JOIN, false, list, comma, &t);
        if (st == SH_OK) {
                st = sh_throw(sh, "ArraySliceAssignmentFailed", "InvalidOperation", SH_NIL,
                              "Array assignment to [%s] failed because assignment to slices is not supported.", t.s->s);
                sh_drop(t);
        }
        sh_drop(comma);
        sh_drop(list);
        return st;
}

int sh_set_index(struct sh *sh, struct sv self, struct sv key, struct sv value)
{
        self = sh_unwrap(self);
        if (value.kind == SH_VOID)
                value = SH_NIL;
        if (sh_is_null(self))
                return sh_throw(sh, "NullArray", "InvalidOperation", SH_NIL, "Cannot index into a null array.");
        if (sh_is_null(key))
                return null_index(sh);
        if (self.kind == SH_HASH)
                return set_hash(sh, self, sh_unwrap(key), value);
        if (self.kind == SH_ARRAY && self.a->dims) {
                uint32_t at;
                int st = sh_md_at(sh, self, key, &at);
                return st == SH_OK ? sh_array_store(sh, self.a, at, value) : st == SH_NONE ? outside(sh) : st;
        }
        if (self.kind == SH_ARRAY)
                return sh_is_enumerable(key) ? slice(sh, key) : set_array(sh, self, sh_unwrap(key), value);
        for (const struct sh_type *t = sh_type_of(self); t; t = t->base) {
                int st = t->set_index ? t->set_index(sh, self, key, value) : SH_NONE;
                if (st != SH_NONE)
                        return st;
        }
        return sh_throw(sh, "CannotIndex", "InvalidOperation", SH_NIL,
                        "Unable to index into an object of type \"%s\".", sh_type_of(self)->name);
}
