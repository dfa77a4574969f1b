/* SPDX-License-Identifier: MIT
 *
 * [pscustomobject] and [psobject]; $x.PSObject with its properties as objects; $x.PSTypeNames; [type] itself.
 */
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/json.h"
#include "shell/types.h"

#include <string.h>

static void object_text(struct sh *sh, struct sv self, struct sh_buf *b);
static void object_free(struct sh_obj *o)
{
        struct sh_psobject *p = (struct sh_psobject *)o;
        sh_drop(p->base);
        sh_json_unread_free(p->unread);
}
const struct sh_type sh_type_psobject = { .name = "System.Management.Automation.PSCustomObject",
                                          .accelerator = "pscustomobject",
                                          .base = &sh_type_object,
                                          .text = object_text,
                                          .free = object_free };
const struct sh_type sh_type_anything = { .name = "System.Management.Automation.PSObject",
                                          .accelerator = "psobject",
                                          .base = &sh_type_object };

/* "@{a=1; b=x}" */
static void object_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct sh_bag *bag = sh_bag_of(self, false);
        sh_buf_puts(b, bag && bag->n ? "@{" : "");
        for (uint32_t i = 0; bag && i < bag->n; i++) {
                struct sv v = SH_NIL;
                if (bag->v[i].kind == SH_SCRIPT_METHOD)
                        continue;
                sh_buf_putf(b, "%s%s=", i ? "; " : "", bag->v[i].name.s->s);
                if (sh_note_get(sh, &bag->v[i], self, &v) == SH_OK)
                        sh_buf_item(sh, b, v);
                sh_drop(v);
        }
        sh_buf_puts(b, bag && bag->n ? "}" : "");
}

/* ---- one property as an object: self, name, kind ---- */
enum { P_SELF, P_NAME, P_KIND, P_N };
static const char *const kind_names[] = { "NoteProperty", "AliasProperty", "ScriptProperty", "ScriptMethod",
                                          "Property",     "Method",        "CodeProperty" };

static int property_value(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct sv name = *sh_field(self, P_NAME);
        int st = sh_get(sh, *sh_field(self, P_SELF), name.s->s, name.s->len, ret);
        if (st == SH_NONE)
                *ret = SH_NIL;
        return st == SH_NONE ? SH_OK : st;
}
static int property_set_value(struct sh *sh, struct sv self, struct sv v)
{
        struct sv name = *sh_field(self, P_NAME);
        return sh_put(sh, *sh_field(self, P_SELF), name.s->s, name.s->len, v);
}
static int property_kind(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_text(kind_names[sh_field(self, P_KIND)->i]);
        return SH_OK;
}
static int property_type(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv v = SH_NIL;
        if (sh_field(self, P_KIND)->i == SH_SCRIPT_PROPERTY) { /* not run to find out */
                *ret = sh_text("System.Object");
                return SH_OK;
        }
        int st = property_value(sh, self, a, &v);
        if (st == SH_OK)
                *ret = sh_is_null(v) ? sh_text("System.Object") : sh_type_name_of(sh, v);
        sh_drop(v);
        return st;
}
/* $x.PSObject.Methods['Name'].Invoke(...) */
static int property_invoke(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv name = *sh_field(self, P_NAME);
        return sh_call(sh, *sh_field(self, P_SELF), name.s->s, name.s->len, a, ret);
}
static int property_yes(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a, (void)self;
        *ret = sh_bool(true);
        return SH_OK;
}
static const struct sh_member property_members[] = {
        SH_FIELD(P_NAME, "Name", "string Name {get;}"),
        { "Value", SH_PROPERTY, false, "System.Object Value {get;set;}", property_value, property_set_value },
        SH_P("MemberType", "System.Management.Automation.PSMemberTypes MemberType {get;}", property_kind),
        SH_P("TypeNameOfValue", "string TypeNameOfValue {get;}", property_type),
        SH_P("IsGettable", "bool IsGettable {get;}", property_yes),
        SH_P("IsSettable", "bool IsSettable {get;}", property_yes),
        SH_M("Invoke", "System.Object Invoke(System.Object[] arguments)", property_invoke),
};
SH_FIELDS_TYPE(sh_type_ps_property, "System.Management.Automation.PSPropertyInfo", property_members);

/* ---- the collections .Properties, .Methods, .Members: self and what is in it ---- */
struct members {
        struct sh_obj obj;
        struct sv self;
        struct sv list; /* array of properties, made when first looked at */
        int which;
};
enum { ONLY_PROPERTIES, ONLY_METHODS, ALL_MEMBERS };
static struct members *members_of(struct sv v)
{
        return (struct members *)v.o;
}
struct listing {
        struct members *m;
};
static bool add_property(void *state, const char *name, size_t n, int kind)
{
        struct members *m = state;
        struct sv p = sh_fields_new(&sh_type_ps_property, P_N), text = sh_string(name, n);
        *sh_field(p, P_SELF) = sh_keep(m->self);
        *sh_field(p, P_NAME) = text;
        *sh_field(p, P_KIND) = sh_int(kind);
        sh_array_take(m->list.a, p);
        return true;
}
/* Those of the object first, then those of its type; overloads are one method. */
static void add_method(struct members *m, const char *name, size_t n, int kind)
{
        for (uint32_t i = 0; i < m->list.a->n; i++) {
                struct sv own = *sh_field(m->list.a->v[i], P_NAME);
                if (sh_text_same(own.s->s, own.s->len, name, n))
                        return;
        }
        add_property(m, name, n, kind);
}
static void add_methods(struct members *m)
{
        struct sh_bag *bag = sh_bag_of(m->self, false);
        const struct sh_type *t = sh_type_of(sh_unwrap(m->self));
        for (uint32_t i = 0; bag && i < bag->n; i++)
                if (bag->v[i].kind == SH_SCRIPT_METHOD)
                        add_method(m, bag->v[i].name.s->s, bag->v[i].name.s->len, SH_SCRIPT_METHOD);
        for (; t; t = t->base)
                for (uint32_t i = 0; i < t->nmembers; i++)
                        if (!t->members[i].is_static && t->members[i].kind == SH_METHOD && !t->members[i].hidden)
                                add_method(m, t->members[i].name, strlen(t->members[i].name), SH_METHOD);
        static const char *const everyones[] = { "ToString", "GetType", "Equals", "GetHashCode" };
        for (uint32_t i = 0; i < sizeof everyones / sizeof *everyones; i++)
                add_method(m, everyones[i], strlen(everyones[i]), SH_METHOD);
}
static struct sh_array *members_list(struct sh *sh, struct members *m)
{
        if (m->list.kind == SH_NULL) {
                m->list = sh_array_new(8);
                if (m->which != ONLY_METHODS)
                        sh_properties(sh, m->self, add_property, m);
                if (m->which != ONLY_PROPERTIES)
                        add_methods(m);
        }
        return m->list.a;
}
static struct sh *the_session; /* one thread has one session: `next` is not told which */
static bool members_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct sh_array *a = members_list(the_session, members_of(self));
        if (*pos >= a->n)
                return false;
        *ret = sh_keep(a->v[(*pos)++]);
        return true;
}
static int members_index(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        struct sh_array *a = members_list(sh, members_of(self));
        struct sv name = sh_to_text(sh, key);
        *ret = SH_NIL;
        for (uint32_t i = 0; i < a->n; i++) {
                struct sv own = *sh_field(a->v[i], P_NAME);
                if (sh_text_same(own.s->s, own.s->len, name.s->s, name.s->len)) {
                        *ret = sh_keep(a->v[i]);
                        break;
                }
        }
        sh_drop(name);
        return SH_OK;
}
static int members_remove(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct members *m = members_of(self);
        struct sv name = a.n == 1 ? sh_to_text(sh, a.v[0]) : SH_NIL;
        if (a.n != 1)
                return SH_NONE;
        struct sh_bag *bag = sh_bag_of(m->self, false);
        if (bag)
                sh_bag_remove(bag, name.s->s, name.s->len);
        sh_drop(name);
        sh_drop(m->list);
        m->list = SH_NIL;
        *ret = SH_NOTHING;
        return SH_OK;
}
static int members_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct members *m = members_of(self);
        struct sv name = SH_NIL, value = SH_NIL;
        if (a.n < 1 || sh_get(sh, a.v[0], "Name", 4, &name) != SH_OK || name.kind != SH_STRING)
                return SH_NONE;
        sh_get(sh, a.v[0], "Value", 5, &value);
        sh_object_set(m->self, name.s->s, name.s->len, value);
        sh_drop(name);
        sh_drop(value);
        sh_drop(m->list);
        m->list = SH_NIL;
        *ret = SH_NOTHING;
        return SH_OK;
}
static int members_match(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_array *list = members_list(sh, members_of(self));
        if (a.n < 1)
                return SH_NONE;
        struct sv pattern = sh_to_text(sh, a.v[0]);
        *ret = sh_array_new(4);
        for (uint32_t i = 0; i < list->n; i++) {
                struct sv own = *sh_field(list->v[i], P_NAME);
                if (sh_wildcard(pattern.s->s, pattern.s->len, own.s->s, own.s->len, false))
                        sh_array_add(ret->a, list->v[i]);
        }
        sh_drop(pattern);
        return SH_OK;
}
static void members_free(struct sh_obj *o)
{
        struct members *m = (struct members *)o;
        sh_drop(m->self);
        sh_drop(m->list);
}
static const struct sh_member members_members[] = {
        SH_M("Add", "void Add(System.Management.Automation.PSPropertyInfo member)", members_add),
        SH_M("Remove", "void Remove(string name)", members_remove),
        SH_M("Match", "System.Object[] Match(string name)", members_match),
};
const struct sh_type sh_type_ps_members = {
        .name = "System.Management.Automation.PSMemberInfoIntegratingCollection`1",
        .base = &sh_type_object,
        SH_MEMBERS(members_members),
        .next = members_next,
        .index = members_index,
        .free = members_free
};

static struct sv members_new(struct sh *sh, struct sv self, int which)
{
        struct sv v = sh_other_new(&sh_type_ps_members, sizeof(struct members));
        the_session = sh;
        members_of(v)->self = sh_keep(self);
        members_of(v)->list = SH_NIL;
        members_of(v)->which = which;
        return v;
}

/* ---- $x.PSObject: one field, the object ---- */
static int view_properties(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = members_new(sh, *sh_field(self, 0), (int)sh_member_arg(sh));
        return SH_OK;
}
static int view_types(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_type_names_of(*sh_field(self, 0));
        return SH_OK;
}
static int view_base(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(sh_unwrap(*sh_field(self, 0)));
        return SH_OK;
}
static int view_copy(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_object_copy(*sh_field(self, 0));
        return SH_OK;
}
static const struct sh_member view_members[] = {
        SH_P("Properties", "System.Management.Automation.PSMemberInfoCollection Properties {get;}",
             view_properties),
        SH_P("Members", "System.Management.Automation.PSMemberInfoCollection Members {get;}",
             view_properties, ALL_MEMBERS),
        SH_P("Methods", "System.Management.Automation.PSMemberInfoCollection Methods {get;}", view_properties,
             ONLY_METHODS),
        SH_P("TypeNames", "System.Collections.ObjectModel.Collection[string] TypeNames {get;}", view_types),
        SH_P("BaseObject", "System.Object BaseObject {get;}", view_base),
        SH_P("ImmediateBaseObject", "System.Object ImmediateBaseObject {get;}", view_base),
        SH_M("Copy", "psobject Copy()", view_copy),
};
SH_FIELDS_TYPE(sh_type_ps_object, "System.Management.Automation.PSObject+View", view_members);

struct sv sh_psobject_of(struct sv v)
{
        struct sv r = sh_fields_new(&sh_type_ps_object, 1);
        *sh_field(r, 0) = sh_keep(v);
        return r;
}

/* ---- type names: a list; what is put in front of it is put in front of the object's ---- */
struct sv sh_type_names_of(struct sv v)
{
        struct sv list = sh_list_new(&sh_type_string);
        struct sh_bag *bag = sh_bag_of(v, false);
        for (uint32_t i = 0; bag && i < bag->ntypes; i++)
                sh_array_add(list.a, bag->types[i]);
        for (const struct sh_type *t = sh_type_of(v); t; t = t->base)
                sh_array_take(list.a, sh_text(t->name));
        return list;
}

bool sh_method_value(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        (void)sh, (void)self, (void)name, (void)n, (void)ret;
        return false;
}
bool sh_method_of(struct sv v, struct sv *ret)
{
        (void)v, (void)ret;
        return false;
}
bool sh_why_no_overload(struct sh *sh, const struct sh_member *m, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)m, (void)a, (void)ret;
        return false;
}

/* ---- [type] ---- */
enum { T_NAME, T_FULL, T_SPACE, T_BASE, T_ARRAY, T_ENUM, T_VALUE, T_CLASS, T_GENERIC, T_YES };
static int type_property(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        const struct sh_type *t = sh_type_referred(self);
        struct sh_buf b = { 0 };
        size_t n;
        const char *name = sh_type_short_name(t, &n);
        switch (sh_member_arg(sh)) {
        case T_NAME: *ret = sh_string(name, n); break;
        case T_FULL:
                sh_type_full_name(&b, t);
                *ret = sh_buf_take(&b);
                break;
        case T_SPACE:
                *ret = name > t->name ? sh_string(t->name, (size_t)(name - t->name) - 1) : sh_text("");
                break;
        case T_BASE: *ret = t->base ? sh_type_value(t->base) : SH_NIL; break;
        case T_ARRAY: *ret = sh_bool(t->is_array); break;
        case T_ENUM: *ret = sh_bool(t != &sh_type_enum && sh_type_is(t, &sh_type_enum)); break;
        case T_VALUE: *ret = sh_bool(sh_type_is_value(t)); break;
        case T_CLASS: *ret = sh_bool(!sh_type_is_value(t)); break;
        case T_YES: *ret = sh_bool(true); break;
        default: *ret = sh_bool(sh_type_generic(t) != NULL);
        }
        return SH_OK;
}
static void type_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        const struct sh_type *t = sh_type_referred(self);
        if (t->accelerator)
                sh_buf_puts(b, t->accelerator);
        else
                sh_type_full_name(b, t);
}
static int type_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        struct sh_buf b = { 0 };
        sh_type_full_name(&b, sh_type_referred(self));
        *ret = sh_buf_take(&b);
        return SH_OK;
}
static int type_element(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        const struct sh_type *t = sh_type_referred(self);
        *ret = t->is_array ? sh_type_value(t->element ? t->element : &sh_type_object) : SH_NIL;
        return SH_OK;
}
static int type_is_instance(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n != 1)
                return SH_NONE;
        *ret = sh_bool(!sh_is_null(a.v[0]) &&
                       sh_type_is(sh_type_of(sh_unwrap(a.v[0])), sh_type_referred(self)));
        return SH_OK;
}
static int type_enum(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const char *name = sh_member_arg(sh) ? "GetValues" : "GetNames";
        return a.n ? SH_NONE
                   : sh_call_static(sh, &sh_type_enum, name, strlen(name), (struct sh_args) { 1, &self },
                                    ret);
}
static bool type_equals(struct sv a, struct sv b)
{
        return b.kind == SH_TYPE && sh_type_referred(a) == sh_type_referred(b);
}
static const struct sh_member type_members[] = {
        SH_P("Name", "string Name {get;}", type_property, T_NAME),
        SH_P("FullName", "string FullName {get;}", type_property, T_FULL),
        SH_P("Namespace", "string Namespace {get;}", type_property, T_SPACE),
        SH_P("BaseType", "type BaseType {get;}", type_property, T_BASE),
        SH_P("IsPublic", "bool IsPublic {get;}", type_property, T_YES),
        SH_P("IsSerializable", "bool IsSerializable {get;}", type_property, T_YES),
        SH_P("IsArray", "bool IsArray {get;}", type_property, T_ARRAY),
        SH_P("IsEnum", "bool IsEnum {get;}", type_property, T_ENUM),
        SH_P("IsValueType", "bool IsValueType {get;}", type_property, T_VALUE),
        SH_P("IsClass", "bool IsClass {get;}", type_property, T_CLASS),
        SH_P("IsGenericType", "bool IsGenericType {get;}", type_property, T_GENERIC),
        SH_M("ToString", "string ToString()", type_string),
        SH_M("GetEnumNames", "string[] GetEnumNames()", type_enum, 0),
        SH_M("GetEnumValues", "array GetEnumValues()", type_enum, 1),
        SH_M("GetElementType", "type GetElementType()", type_element),
        SH_M("IsInstanceOfType", "bool IsInstanceOfType(System.Object o)", type_is_instance),
};
const struct sh_type sh_type_type = { .name = "System.RuntimeType",
                                      .accelerator = "type",
                                      .other_names = (const char *const[]) { "System.Type", "Type", NULL },
                                      .base = &sh_type_object,
                                      SH_MEMBERS(type_members),
                                      .text = type_text,
                                      .equals = type_equals,
                                      .kind = SH_TYPE };

SH_TYPES(psobject, &sh_type_psobject, &sh_type_anything, &sh_type_ps_property, &sh_type_ps_members,
         &sh_type_ps_object, &sh_type_type);
