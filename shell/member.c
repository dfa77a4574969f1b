/* SPDX-License-Identifier: MIT
 *
 * Members by name. The order is PowerShell's: what was added to the object, keys of dictionaries, what the object's
 * type offers by name at run time, its declared members, what was added to its type, what every object has; and a
 * collection without the member is asked item by item.
 */
#include "shell/json.h"
#include "shell/types.h"

#include "shell/code.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- tables ---- */
static bool name_is(const char *a, const char *b, size_t n)
{
        return (a[0] | 32) == (b[0] | 32) && strlen(a) == n && sh_text_same(a, n, b, n);
}

const struct sh_member *sh_find_member(const struct sh_type *t, const char *name, size_t n, bool is_static, int kind)
{
        if (n)
                for (; t; t = t->base)
                        for (uint32_t i = 0; i < t->nmembers; i++)
                                if (t->members[i].is_static == is_static && t->members[i].kind == kind &&
                                    name_is(t->members[i].name, name, n))
                                        return &t->members[i];
        return NULL;
}

const struct sh_member *sh_current_member(struct sh *sh)
{
        return sh->member;
}

static int run_member(struct sh *sh, const struct sh_member *m, struct sv self, struct sh_args args, struct sv *ret)
{
        const struct sh_member *old = sh->member;
        *ret = SH_NOTHING;
        sh->member = m;
        int st = m->call(sh, self, args, ret);
        sh->member = old;
        return st;
}

/* A name as a key without allocating, for look-ups only. */
struct key {
        struct sh_str s;
        char room[128];
};

static struct sv key_of(struct key *k, const char *name, size_t n)
{
        if (n >= sizeof(k->room))
                return sh_string(name, n);
        k->s.obj = (struct sh_obj) { .refs = 2, .type = &sh_type_string };
        k->s.len = (uint32_t)n;
        k->s.units = (uint32_t)n;
        memcpy(k->s.s, name, n);
        k->s.s[n] = 0;
        return (struct sv) { .kind = SH_STRING, .s = &k->s };
}

static bool hash_key(struct sv hash, const char *name, size_t n, struct sv *ret)
{
        struct key k;
        struct sv key = key_of(&k, name, n);
        bool found = sh_hash_get(hash.h, key, ret);
        sh_drop(key);
        return found;
}

/* ---- added members ---- */
int sh_note_get(struct sh *sh, struct sh_note *note, struct sv self, struct sv *ret)
{
        switch (note->kind) {
        case SH_ALIAS: {
                struct sv target = sh_keep(note->value), raw;
                int st = sh_get(sh, self, target.s->s, target.s->len, &raw);
                sh_drop(target);
                if (st == SH_OK && note->setter.kind == SH_TYPE) { /* an alias with a conversion */
                        st = sh_convert(sh, raw, sh_type_referred(note->setter), ret);
                        sh_drop(raw);
                } else if (st == SH_OK) {
                        *ret = raw;
                }
                return st;
        }
        case SH_SCRIPT_PROPERTY: {
                struct sv getter = sh_keep(note->value);
                int st = sh_block_member(sh, getter, self, (struct sh_args) { 0 }, ret);
                sh_drop(getter);
                if (st == SH_ERROR) { /* a failing getter is $null */
                        sh_forget_error(sh);
                        *ret = SH_NIL;
                        st = SH_OK;
                }
                if (st == SH_OK && ret->kind == SH_VOID)
                        *ret = SH_NIL;
                return st;
        }
        case SH_SCRIPT_METHOD:
        case SH_METHOD: return SH_NONE;
        default: *ret = sh_keep(note->value); return SH_OK;
        }
}

int sh_note_set(struct sh *sh, struct sh_note *note, struct sv self, struct sv value)
{
        switch (note->kind) {
        case SH_ALIAS: return sh_put(sh, self, note->value.s->s, note->value.s->len, value);
        case SH_SCRIPT_PROPERTY: {
                struct sv setter = sh_keep(note->setter), r;
                if (sh_is_null(setter))
                        return sh_throw_inner(sh, "System.Management.Automation.SetValueException",
                                              "SetWithoutSetterFromScriptProperty", "NotSpecified", SH_NIL,
                                              "Set accessor for property \"%s\" is unavailable.", note->name.s->s);
                int st = sh_block_member(sh, setter, self, (struct sh_args) { 1, &value }, &r);
                sh_drop(setter);
                if (st == SH_OK)
                        sh_drop(r);
                return st;
        }
        case SH_SCRIPT_METHOD:
        case SH_METHOD: return SH_NONE;
        default: break;
        }
        struct sv old = note->value;
        note->value = sh_keep(value);
        sh_drop(old);
        return SH_OK;
}

/* The member added to this object (or, when it is a wrapped value, to that). */
static struct sh_note *added(struct sv self, const char *name, size_t n)
{
        struct sh_note *note = sh_bag_find(sh_bag_of(self, false), name, n);
        while (!note && self.kind == SH_PSOBJECT) {
                self = ((struct sh_psobject *)self.o)->base;
                note = sh_bag_find(sh_bag_of(self, false), name, n);
        }
        return note;
}

/* ---- reading ---- */
static int enumerate_get(struct sh *sh, struct sv list, const char *name, size_t n, struct sh_array *out, int depth)
{
        size_t pos = 0, inner;
        struct sv item, v, x;
        int found = SH_NONE;
        while (sh_next(list, &pos, &item)) {
                int st = sh_is_enumerable(item) && depth < 64 ? SH_NONE : sh_is_null(item) ? SH_NONE
                                                                       : sh_get(sh, item, name, n, &v);
                if (st == SH_NONE && sh_is_enumerable(item) && depth < 64)
                        st = enumerate_get(sh, item, name, n, out, depth + 1);
                else if (st == SH_OK) {
                        if (sh_is_enumerable(v)) {
                                for (inner = 0; sh_next(v, &inner, &x);)
                                        sh_array_take(out, x);
                                sh_drop(v);
                        } else if (v.kind != SH_VOID) {
                                sh_array_take(out, v);
                        }
                }
                sh_drop(item);
                if (st == SH_OK)
                        found = SH_OK;
                else if (st != SH_NONE)
                        return st;
        }
        return found;
}

static int collection_result(int st, struct sv list, struct sv *ret)
{
        if (st != SH_OK) {
                sh_drop(list);
                return st;
        }
        if (list.a->n > 1) {
                *ret = list;
                return SH_OK;
        }
        *ret = list.a->n ? sh_keep(list.a->v[0]) : SH_NOTHING;
        sh_drop(list);
        return SH_OK;
}

static int get_from_items(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        struct sv list = sh_array_new(4);
        return collection_result(enumerate_get(sh, self, name, n, list.a, 0), list, ret);
}

static int get_of_type(struct sh *sh, struct sv self, const struct sh_type *t, const char *name, size_t n,
                       struct sv *ret)
{
        for (const struct sh_type *x = t; x; x = x->base) {
                int st = x->get ? x->get(sh, self, name, n, ret) : SH_NONE;
                if (st != SH_NONE)
                        return st;
        }
        const struct sh_member *m = sh_find_member(t, name, n, false, SH_PROPERTY);
        return m ? run_member(sh, m, self, (struct sh_args) { 0 }, ret) : SH_NONE;
}

static bool is(const char *name, size_t n, const char *what)
{
        return name_is(what, name, n);
}

/* What every object has. */
static int get_intrinsic(struct sv self, const char *name, size_t n, struct sv *ret)
{
        if (n == 5 || n == 6) {
                if ((is(name, n, "Count") || is(name, n, "Length")) && !sh_is_enumerable(self)) {
                        *ret = sh_int(1);
                        return SH_OK;
                }
        }
        if (n < 6 || (name[0] | 32) != 'p' || (name[1] | 32) != 's')
                return SH_NONE;
        if (is(name, n, "PSObject") || is(name, n, "PSExtended") || is(name, n, "PSAdapted"))
                *ret = sh_psobject_of(self);
        else if (is(name, n, "PSTypeNames"))
                *ret = sh_type_names_of(self);
        else if (is(name, n, "PSBase"))
                *ret = sh_keep(sh_unwrap(self));
        else
                return SH_NONE;
        return SH_OK;
}

int sh_get(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        bool there = false;
        bool known = self.kind == SH_PSOBJECT && ((struct sh_psobject *)self.o)->unread &&
                     sh_json_unread_get((struct sh_psobject *)self.o, name, n, ret, &there);
        if (there)
                return SH_OK;
        struct sh_note *note = known ? NULL : added(self, name, n); /* what is unread has nothing added */
        if (note && note->kind != SH_SCRIPT_METHOD)
                return sh_note_get(sh, note, self, ret);
        struct sv base = sh_unwrap(self), v;
        if (base.kind == SH_HASH && hash_key(base, name, n, &v)) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        int st = get_of_type(sh, base, sh_type_of(base), name, n, ret);
        if (st != SH_NONE)
                return st;
        if ((note = sh_ets_find(sh, self, name, n)) && note->kind != SH_SCRIPT_METHOD)
                return sh_note_get(sh, note, self, ret);
        if (sh_is_null(self) && (is(name, n, "Count") || is(name, n, "Length"))) {
                *ret = sh_int(0);
                return SH_OK;
        }
        if (sh_is_null(self) || (st = get_intrinsic(self, name, n, ret)) == SH_OK)
                return sh_is_null(self) ? SH_NONE : SH_OK;
        if (sh_method_value(sh, self, name, n, ret))
                return SH_OK;
        return sh_is_enumerable(base) ? get_from_items(sh, base, name, n, ret) : SH_NONE;
}

struct sv sh_get_or_nil(struct sh *sh, struct sv self, const char *name)
{
        struct sv v;
        int r = sh_get(sh, self, name, strlen(name), &v);
        if (r == SH_ERROR)
                sh_drop(sh_error_take(sh));
        return r == SH_OK ? v : SH_NIL;
}

/* ---- writing ---- */
static int cannot_set(struct sh *sh, const char *name, size_t n)
{
        return sh_throw(sh, "PropertyNotFound", "InvalidOperation", SH_NIL,
                        "The property '%.*s' cannot be found on this object. Verify that the property exists and can "
                        "be set.", (int)n, name);
}

static int put_hash(struct sh *sh, struct sv hash, const char *name, size_t n, struct sv value)
{
        struct sv k = sh_string(name, n);
        int st = sh_set_index(sh, hash, k, value);
        sh_drop(k);
        return st;
}

static int put_of_type(struct sh *sh, struct sv self, const char *name, size_t n, struct sv value)
{
        const struct sh_type *t = sh_type_of(self);
        for (const struct sh_type *x = t; x; x = x->base) {
                int st = x->put ? x->put(sh, self, name, n, value) : SH_NONE;
                if (st != SH_NONE)
                        return st;
        }
        const struct sh_member *m = sh_find_member(t, name, n, false, SH_PROPERTY), *old = sh->member;
        if (!m)
                return SH_NONE;
        if (!m->set)
                return sh_throw_inner(sh, "System.Management.Automation.SetValueException",
                                      "PropertyAssignmentException", "InvalidOperation", SH_NIL,
                                      "'%s' is a ReadOnly property.", m->name);
        sh->member = m;
        int st = m->set(sh, self, value);
        sh->member = old;
        return st;
}

int sh_put(struct sh *sh, struct sv self, const char *name, size_t n, struct sv value)
{
        if (value.kind == SH_VOID)
                value = SH_NIL;
        struct sh_note *note = added(self, name, n);
        int st = note ? sh_note_set(sh, note, self, value) : SH_NONE;
        if (st != SH_NONE)
                return st;
        struct sv base = sh_unwrap(self);
        if (sh_is_null(base))
                return cannot_set(sh, name, n);
        const struct sh_member *m = sh_find_member(sh_type_of(base), name, n, false, SH_PROPERTY);
        if (base.kind == SH_HASH && !(m && m->set))
                return put_hash(sh, base, name, n, value);
        st = put_of_type(sh, base, name, n, value);
        if (st == SH_NONE && (note = sh_ets_find(sh, self, name, n)) && note->kind != SH_NOTE)
                st = sh_note_set(sh, note, self, value);
        return st == SH_NONE ? cannot_set(sh, name, n) : st;
}

static int put_all_note(struct sh *sh, struct sv target, const char *name, size_t n, struct sv v)
{
        int st = sh_put(sh, target, name, n, v);
        if (st == SH_ERROR) {
                struct sv t = sh_type_name_of(sh, target);
                sh_forget_error(sh);
                st = sh_throw(sh, "ObjectCreationError", "InvalidArgument", SH_NIL,
                              "Cannot create object of type \"%s\". The property '%.*s' was not found for the '%s' "
                              "object.", t.s->s, (int)n, name, t.s->s);
                sh_drop(t);
        }
        return st;
}

int sh_put_all(struct sh *sh, struct sv target, struct sv from)
{
        struct sv base = sh_unwrap(from), k, v;
        int st = SH_OK;
        if (base.kind == SH_HASH) {
                for (uint32_t i = 0; st == SH_OK && sh_hash_at(base.h, i, &k, &v); i++) {
                        struct sv name = sh_to_text(sh, k), value = sh_keep(v);
                        st = put_all_note(sh, target, name.s->s, name.s->len, value);
                        sh_drop(name);
                        sh_drop(value);
                }
                return st;
        }
        struct sh_bag *b = sh_bag_of(from, false);
        for (uint32_t i = 0; st == SH_OK && b && i < b->n; i++)
                st = put_all_note(sh, target, b->v[i].name.s->s, b->v[i].name.s->len, b->v[i].value);
        return st;
}

/* ---- calling ---- */
int sh_throw_no_method(struct sh *sh, const char *type, const char *method)
{
        return sh_throw(sh, "MethodNotFound", "InvalidOperation", SH_NIL,
                        "Method invocation failed because [%s] does not contain a method named '%s'.", type, method);
}

static int no_overload(struct sh *sh, const struct sh_member *m, struct sh_args args)
{
        struct sv why = SH_NIL;
        if (sh_why_no_overload(sh, m, args, &why)) {
                int st = sh_throw_as(sh, "System.Management.Automation.MethodException",
                                     "MethodArgumentConversionInvalidCastArgument", "NotSpecified", SH_NIL, "%s",
                                     why.s->s);
                sh_drop(why);
                return st;
        }
        return sh_throw_as(sh, "System.Management.Automation.MethodException", "MethodCountCouldNotFindBest",
                           "NotSpecified", SH_NIL, "Cannot find an overload for \"%s\" and the argument count: \"%u\".",
                           m->name, args.n);
}

static int call_member(struct sh *sh, const struct sh_member *m, struct sv self, struct sh_args args, struct sv *ret)
{
        int st = run_member(sh, m, self, args, ret);
        return st == SH_NONE ? no_overload(sh, m, args) : st;
}

/* GetType, ToString and the like. */
static int call_intrinsic(struct sh *sh, struct sv self, const char *name, size_t n, struct sh_args a, struct sv *ret)
{
        const struct sh_member *m = sh_find_member(&sh_type_object, name, n, false, SH_METHOD);
        if (m)
                return call_member(sh, m, self, a, ret);
        if (is(name, n, "ForEach"))
                return sh_member_each(sh, self, a, ret);
        if (is(name, n, "Where"))
                return sh_member_where(sh, self, a, ret);
        return SH_NONE;
}

static int try_call(struct sh *sh, struct sv self, const char *name, size_t n, struct sh_args args, struct sv *ret);

static int call_items(struct sh *sh, struct sv self, const char *name, size_t n, struct sh_args args, struct sv *ret)
{
        struct sv list = sh_array_new(4), item, v, x;
        size_t pos = 0, inner;
        int st = SH_NONE;
        while (sh_next(self, &pos, &item)) {
                st = sh_is_null(item) ? SH_NONE : try_call(sh, item, name, n, args, &v);
                if (st == SH_NONE && !sh_is_null(item)) {
                        char method[128];
                        snprintf(method, sizeof(method), "%.*s", (int)(n < 120 ? n : 120), name);
                        st = sh_throw_no_method(sh, sh_type_of(item)->name, method);
                } else if (st == SH_NONE) {
                        st = sh_throw(sh, "InvokeMethodOnNull", "InvalidOperation", SH_NIL,
                                      "You cannot call a method on a null-valued expression.");
                }
                sh_drop(item);
                if (st != SH_OK)
                        break;
                if (sh_is_enumerable(v)) {
                        for (inner = 0; sh_next(v, &inner, &x);)
                                sh_array_take(list.a, x);
                        sh_drop(v);
                } else if (v.kind != SH_VOID) {
                        sh_array_take(list.a, v);
                }
        }
        return collection_result(st, list, ret);
}

static int call_note(struct sh *sh, struct sh_note *note, struct sv self, struct sh_args args, struct sv *ret)
{
        struct sv block = sh_keep(note->value);
        int st = sh_block_member(sh, block, self, args, ret);
        sh_drop(block);
        return st;
}

static int try_call(struct sh *sh, struct sv self, const char *name, size_t n, struct sh_args args, struct sv *ret)
{
        struct sh_note *note = added(self, name, n);
        if (note && note->kind == SH_SCRIPT_METHOD)
                return call_note(sh, note, self, args, ret);
        struct sv base = sh_unwrap(self);
        const struct sh_type *t = sh_type_of(base);
        const struct sh_member *m = sh_find_member(t, name, n, false, SH_METHOD);
        if (m)
                return call_member(sh, m, base, args, ret);
        if ((note = sh_ets_find(sh, self, name, n)) && note->kind == SH_SCRIPT_METHOD)
                return call_note(sh, note, self, args, ret);
        int st = call_intrinsic(sh, self, name, n, args, ret);
        if (st != SH_NONE || !sh_is_enumerable(base))
                return st;
        size_t pos = 0;
        struct sv item;
        if (!sh_next(base, &pos, &item))
                return SH_NONE;
        sh_drop(item);
        return call_items(sh, base, name, n, args, ret);
}

int sh_call(struct sh *sh, struct sv self, const char *name, size_t n, struct sh_args args, struct sv *ret)
{
        if (sh_is_null(self))
                return sh_throw(sh, "InvokeMethodOnNull", "InvalidOperation", SH_NIL,
                                "You cannot call a method on a null-valued expression.");
        int st = try_call(sh, self, name, n, args, ret);
        if (st != SH_NONE)
                return st;
        struct sv method = sh_string(name, n), held = SH_NIL;
        struct sh_note *note = added(self, name, n);
        if (note && note->kind == SH_NOTE && sh_method_of(note->value, &held)) /* a method kept in a property */
                st = sh_call(sh, held, "Invoke", 6, args, ret);
        else
                st = sh_throw_no_method(sh, sh_type_of(self)->name, method.s->s);
        sh_drop(method);
        return st;
}

/* ---- static ---- */
int sh_get_static(struct sh *sh, const struct sh_type *t, const char *name, size_t n, struct sv *ret)
{
        const struct sh_member *m = sh_find_member(t, name, n, true, SH_PROPERTY);
        if (m) {
                struct sv self = sh_type_value(t);
                int st = run_member(sh, m, self, (struct sh_args) { 0 }, ret);
                sh_drop(self);
                return st;
        }
        const struct sh_enum *e = sh_enum_of(t);
        for (uint32_t i = 0; e && i < e->n; i++)
                if (name_is(e->items[i].name, name, n)) {
                        *ret = sh_enum_value(e, e->items[i].value);
                        return SH_OK;
                }
        return SH_NONE;
}

int sh_put_static(struct sh *sh, const struct sh_type *t, const char *name, size_t n, struct sv value)
{
        const struct sh_member *m = sh_find_member(t, name, n, true, SH_PROPERTY), *old = sh->member;
        if (!m)
                return cannot_set(sh, name, n);
        if (!m->set)
                return sh_throw_inner(sh, "System.Management.Automation.SetValueException",
                                      "PropertyAssignmentException", "InvalidOperation", SH_NIL,
                                      "'%s' is a ReadOnly property.", m->name);
        struct sv self = sh_type_value(t);
        sh->member = m;
        int st = m->set(sh, self, value);
        sh->member = old;
        sh_drop(self);
        return st;
}

int sh_call_static(struct sh *sh, const struct sh_type *t, const char *name, size_t n, struct sh_args args,
                   struct sv *ret)
{
        if (is(name, n, "new"))
                return sh_construct(sh, t, args, ret);
        const struct sh_member *m = sh_find_member(t, name, n, true, SH_METHOD);
        if (!m)
                m = sh_find_member(&sh_type_object, name, n, true, SH_METHOD);
        if (!m) {
                struct sv method = sh_string(name, n);
                int st = sh_throw_no_method(sh, t->name, method.s->s);
                sh_drop(method);
                return st;
        }
        struct sv self = sh_type_value(t); /* generic types look at which one they are */
        int st = call_member(sh, m, self, args, ret);
        sh_drop(self);
        return st;
}

static int construct_array(struct sh *sh, const struct sh_type *t, struct sh_args args, struct sv *ret)
{
        int64_t n;
        if (sh_md_rank(t))
                return sh_md_new(sh, t, args, ret);
        if (args.n != 1 || !sh_to_int64(sh, args.v[0], &n))
                return SH_NONE;
        if (n < 0 || n > INT32_MAX / 16)
                return sh_throw_in_method(sh, n < 0 ? "System.OverflowException" : "System.OutOfMemoryException",
                                          ".ctor", args.n, n < 0 ? "Arithmetic operation resulted in an overflow."
                                                        : "Array dimensions exceeded supported range.");
        *ret = sh_array_typed(t->element ? t->element : &sh_type_object, (uint32_t)n);
        return SH_OK;
}

int sh_construct(struct sh *sh, const struct sh_type *t, struct sh_args args, struct sv *ret)
{
        static const struct sh_member constructor = { .name = "new", .kind = SH_METHOD, .is_static = true };
        int st = SH_NONE;
        const struct sh_member *old = sh->member;
        sh->member = &constructor;
        if (t->is_array)
                st = construct_array(sh, t, args, ret);
        else if (t->construct)
                st = t->construct(sh, t, args, ret);
        sh->member = old;
        if (st == SH_NONE && !t->is_array && args.n == 0 && sh_type_is_value(t) && t->kind != SH_NULL) {
                *ret = sh_default_value(t);
                return SH_OK;
        }
        return st == SH_NONE ? no_overload(sh, &constructor, args) : st;
}

/* ---- arguments ---- */
bool sh_args_int(struct sh *sh, struct sh_args a, uint32_t i, int64_t *ret)
{
        return i < a.n && !sh_is_enumerable(a.v[i]) && sh_to_int64(sh, a.v[i], ret);
}

struct sv sh_args_text(struct sh *sh, struct sh_args a, uint32_t i)
{
        return i < a.n ? sh_to_text(sh, a.v[i]) : sh_text("");
}
