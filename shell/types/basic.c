/* SPDX-License-Identifier: MIT
 *
 * [object] and what every object can do; [bool], [switch], [void], [valuetype], [enum], [nullable], and the interfaces
 * that -is may ask for.
 */
#include "shell/types.h"

#include "shell/engine.h"

/* ---- System.Object ---- */
static int object_get_type(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        const struct sh_type *t = sh_type_of(self);
        if (a.n || !t)
                return SH_NONE;
        *ret = sh_type_value(t);
        return SH_OK;
}

/* The text of ToString(): doubles with all their digits, collections by their type. */
static void buf_to_string(struct sh *sh, struct sh_buf *b, struct sv self)
{
        struct sv base = sh_unwrap(self);
        if (base.kind == SH_DOUBLE || base.kind == SH_SINGLE)
                sh_buf_double(b, base.d, 0, base.kind == SH_SINGLE);
        else if (base.kind == SH_TYPE)
                sh_buf_puts(b, sh_type_referred(base)->name);
        else
                sh_buf_item(sh, b, self);
        sh_buf_put(b, "", 0);
}

static int object_to_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        int st = SH_OK;
        if (a.n > 2)
                return SH_NONE;
        if (a.n == 0 || sh_unwrap(a.v[0]).kind != SH_STRING) {
                buf_to_string(sh, &b, self);
        } else {
                struct sv f = sh_unwrap(a.v[0]);
                st = f.s->len ? sh_format_value(sh, sh_unwrap(self), f.s->s, f.s->len, &b)
                              : (buf_to_string(sh, &b, self), SH_OK);
        }
        if (st == SH_OK)
                *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        return st;
}

static int object_equals(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n != 1)
                return SH_NONE;
        struct sv b = sh_unwrap(a.v[0]), base = sh_unwrap(self);
        *ret = sh_bool(base.kind == b.kind && sh_same(base, b));
        return SH_OK;
}

static int object_hash(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_int((int32_t)sh_hash_of(self));
        return SH_OK;
}

static int object_same(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n != 2)
                return SH_NONE;
        bool reference = !strcmp(sh_current_member(sh)->name, "ReferenceEquals");
        struct sv x = sh_unwrap(a.v[0]), y = sh_unwrap(a.v[1]);
        if (!reference)
                *ret = sh_bool(sh_same(x, y));
        else if (sh_is_null(x) || sh_is_null(y))
                *ret = sh_bool(sh_is_null(x) && sh_is_null(y));
        else
                *ret = sh_bool(x.kind >= SH_OBJECT_KINDS && y.kind >= SH_OBJECT_KINDS && x.o == y.o);
        return SH_OK;
}

static int object_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)t;
        if (a.n)
                return SH_NONE;
        *ret = sh_object_new();
        return SH_OK;
}

static const struct sh_member object_members[] = {
        { "GetType", SH_METHOD, false, "type GetType()", object_get_type },
        { "ToString", SH_METHOD, false, "string ToString()", object_to_string },
        { "Equals", SH_METHOD, false, "bool Equals(System.Object obj)", object_equals },
        { "GetHashCode", SH_METHOD, false, "int GetHashCode()", object_hash },
        { "Equals", SH_METHOD, true, "static bool Equals(System.Object objA, System.Object objB)", object_same },
        { "ReferenceEquals", SH_METHOD, true, "static bool ReferenceEquals(System.Object objA, System.Object objB)",
          object_same },
};
const struct sh_type sh_type_object = { .name = "System.Object", .accelerator = "object", .members = object_members,
                                        .nmembers = sizeof(object_members) / sizeof(*object_members),
                                        .construct = object_construct };
const struct sh_type sh_type_valuetype = { .name = "System.ValueType", .base = &sh_type_object };
const struct sh_type sh_type_void = { .name = "System.Void", .accelerator = "void", .base = &sh_type_valuetype,
                                      .kind = SH_VOID };

/* ---- bool and switch ---- */
static int bool_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        bool attempt = !strcmp(sh_current_member(sh)->name, "TryParse");
        if (a.n != (attempt ? 2 : 1))
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]), v;
        const char *s = t.s->s, *end = s + t.s->len;
        while (s < end && sh_cp_space((unsigned char)*s))
                s++;
        while (s < end && sh_cp_space((unsigned char)end[-1]))
                end--;
        size_t n = (size_t)(end - s);
        bool yes = sh_text_same(s, n, "true", 4), ok = yes || sh_text_same(s, n, "false", 5);
        v = sh_bool(yes);
        int st = SH_OK;
        if (attempt) {
                st = sh_ref_set(sh, a.v[1], v);
                *ret = sh_bool(ok);
        } else if (ok) {
                *ret = v;
        } else {
                st = sh_throw_in_method(sh, "System.FormatException", "Parse", a.n,
                                        "String '%s' was not recognized as a valid Boolean.", t.s->s);
        }
        sh_drop(t);
        return st;
}

static int bool_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n)
                return SH_NONE;
        *ret = sh_text(sh_current_member(sh)->name[0] == 'T' ? "True" : "False");
        return SH_OK;
}

static int bool_compare(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n != 1 || sh_unwrap(a.v[0]).kind != SH_BOOL)
                return SH_NONE;
        *ret = sh_int((int32_t)(self.i - sh_unwrap(a.v[0]).i));
        return SH_OK;
}

static const struct sh_member bool_members[] = {
        { "CompareTo", SH_METHOD, false, "int CompareTo(bool value)", bool_compare },
        { "Parse", SH_METHOD, true, "static bool Parse(string value)", bool_parse },
        { "TryParse", SH_METHOD, true, "static bool TryParse(string value, [ref] bool result)", bool_parse },
        { "TrueString", SH_PROPERTY, true, "static string TrueString {get;}", bool_text },
        { "FalseString", SH_PROPERTY, true, "static string FalseString {get;}", bool_text },
};
static const char *const bool_names[] = { "Boolean", NULL };
static const char *const comparable[] = { "System.IComparable", "System.IConvertible", NULL };
const struct sh_type sh_type_bool = { .name = "System.Boolean", .accelerator = "bool", .other_names = bool_names,
                                      .base = &sh_type_valuetype, .members = bool_members,
                                      .nmembers = sizeof(bool_members) / sizeof(*bool_members), .kind = SH_BOOL,
                                      .interfaces = comparable };

static int switch_present(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_bool(self.i);
        return SH_OK;
}

static int switch_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        return a.n == 1 ? sh_convert(sh, a.v[0], t, ret) : SH_NONE;
}

static const struct sh_member switch_members[] = {
        { "IsPresent", SH_PROPERTY, false, "bool IsPresent {get;}", switch_present },
        { "ToBool", SH_METHOD, false, "bool ToBool()", switch_present },
};
static const char *const switch_names[] = { "SwitchParameter", NULL };
const struct sh_type sh_type_switch = { .name = "System.Management.Automation.SwitchParameter", .accelerator = "switch",
                                        .other_names = switch_names, .base = &sh_type_valuetype,
                                        .members = switch_members,
                                        .nmembers = sizeof(switch_members) / sizeof(*switch_members),
                                        .construct = switch_construct, .kind = SH_BOOL };

/* ---- enums ---- */
static const struct sh_enum *enum_argument(struct sh *sh, struct sv self, struct sh_args *a)
{
        const struct sh_enum *e = sh_enum_of(sh_type_referred(self));
        struct sv t;
        if (e || a->n == 0) /* [DayOfWeek]::GetNames() is not a thing, but harmless */
                return e;
        if (!sh_try_convert(sh, a->v[0], &sh_type_type, &t))
                return NULL;
        e = sh_enum_of(sh_type_referred(t));
        sh_drop(t);
        a->n--;
        a->v++;
        return e;
}

static int enum_list(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_enum *e = enum_argument(sh, self, &a);
        bool names = !strcmp(sh_current_member(sh)->name, "GetNames");
        if (!e || a.n)
                return SH_NONE;
        struct sv r = sh_array_typed(names ? &sh_type_string : &e->type, 0);
        uint64_t last = 0;
        for (uint32_t i = 0; i < e->n; i++) { /* by unsigned value, each in its turn */
                uint32_t best = UINT32_MAX;
                for (uint32_t k = 0; k < e->n; k++) {
                        uint64_t v = ((uint64_t)(uint32_t)e->items[k].value << 20 | k) + 1;
                        if (v > last && (best == UINT32_MAX ||
                                         v < ((uint64_t)(uint32_t)e->items[best].value << 20 | best) + 1))
                                best = k;
                }
                last = ((uint64_t)(uint32_t)e->items[best].value << 20 | best) + 1;
                sh_array_take(r.a, names ? sh_text(e->items[best].name) : sh_enum_value(e, e->items[best].value));
        }
        *ret = r;
        return SH_OK;
}

static int enum_get_name(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_enum *e = enum_argument(sh, self, &a);
        int64_t i;
        if (!e || a.n != 1 || !sh_args_int(sh, a, 0, &i))
                return SH_NONE;
        const char *name = sh_enum_name(e, (int32_t)i);
        *ret = name ? sh_text(name) : SH_NIL;
        return SH_OK;
}

static int enum_is_defined(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_enum *e = enum_argument(sh, self, &a);
        int64_t i = 0;
        if (!e || a.n != 1)
                return SH_NONE;
        struct sv v = sh_unwrap(a.v[0]);
        bool found = false;
        if (v.kind == SH_STRING) {
                for (uint32_t k = 0; k < e->n && !found; k++)
                        found = !strcmp(e->items[k].name, v.s->s);
        } else if (sh_args_int(sh, a, 0, &i)) {
                found = sh_enum_name(e, (int32_t)i);
        }
        *ret = sh_bool(found);
        return SH_OK;
}

static int enum_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_enum *e = enum_argument(sh, self, &a);
        bool attempt = !strcmp(sh_current_member(sh)->name, "TryParse"), ignore_case = false;
        int32_t value = 0;
        if (!e || a.n < 1u + attempt || a.n > 2u + attempt)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        if (a.n == 2u + attempt)
                ignore_case = sh_true(a.v[1]);
        bool ok = sh_enum_parse(e, t.s->s, t.s->len, ignore_case, &value);
        int st = SH_OK;
        if (attempt) {
                struct sv v = sh_enum_value(e, ok ? value : 0);
                st = sh_ref_set(sh, a.v[a.n - 1], v);
                *ret = sh_bool(ok);
                sh_drop(v);
        } else if (ok) {
                *ret = sh_enum_value(e, value);
        } else {
                st = sh_throw_in_method(sh, "System.ArgumentException", "Parse", a.n + 1,
                                        "Requested value '%s' was not found.", t.s->s);
        }
        sh_drop(t);
        return st;
}

static int enum_to_object(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_enum *e = enum_argument(sh, self, &a);
        int64_t i;
        if (!e || !sh_args_int(sh, a, 0, &i))
                return SH_NONE;
        *ret = sh_enum_value(e, (int32_t)i);
        return SH_OK;
}

static int enum_underlying(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (!enum_argument(sh, self, &a))
                return SH_NONE;
        *ret = sh_type_value(&sh_type_int);
        return SH_OK;
}

static int enum_has_flag(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv f;
        if (a.n != 1 || !sh_try_convert(sh, a.v[0], sh_type_of(self), &f))
                return SH_NONE;
        *ret = sh_bool((self.hi & f.hi) == f.hi);
        sh_drop(f);
        return SH_OK;
}

static int enum_value(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_int((int32_t)self.hi);
        return SH_OK;
}

static int enum_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv f;
        if (a.n != 1 || !sh_try_convert(sh, a.v[0], sh_type_of(self), &f))
                return SH_NONE;
        *ret = sh_int(((int32_t)self.hi > (int32_t)f.hi) - ((int32_t)self.hi < (int32_t)f.hi));
        sh_drop(f);
        return SH_OK;
}

static const struct sh_member enum_members[] = {
        { "value__", SH_PROPERTY, false, "int value__ {get;}", enum_value },
        { "HasFlag", SH_METHOD, false, "bool HasFlag(enum flag)", enum_has_flag },
        { "CompareTo", SH_METHOD, false, "int CompareTo(System.Object target)", enum_compare_to },
        { "GetNames", SH_METHOD, true, "static string[] GetNames(type enumType)", enum_list },
        { "GetValues", SH_METHOD, true, "static array GetValues(type enumType)", enum_list },
        { "GetName", SH_METHOD, true, "static string GetName(type enumType, System.Object value)", enum_get_name },
        { "IsDefined", SH_METHOD, true, "static bool IsDefined(type enumType, System.Object value)", enum_is_defined },
        { "Parse", SH_METHOD, true, "static System.Object Parse(type enumType, string value, bool ignoreCase)",
          enum_parse },
        { "TryParse", SH_METHOD, true,
          "static bool TryParse(type enumType, string value, bool ignoreCase, [ref] System.Object result)",
          enum_parse },
        { "ToObject", SH_METHOD, true, "static System.Object ToObject(type enumType, System.Object value)",
          enum_to_object },
        { "GetUnderlyingType", SH_METHOD, true, "static type GetUnderlyingType(type enumType)", enum_underlying },
};
const struct sh_type sh_type_enum = { .name = "System.Enum", .base = &sh_type_valuetype, .members = enum_members,
                                      .nmembers = sizeof(enum_members) / sizeof(*enum_members), .kind = SH_ENUM,
                                      .interfaces = comparable };

/* ---- nullable, interfaces ---- */
const struct sh_type sh_type_nullable_open = { .name = "System.Nullable`1", .base = &sh_type_valuetype };

#define INTERFACE(symbol, full_name) static const struct sh_type symbol = { .name = full_name, .base = NULL }
INTERFACE(i_enumerable, "System.Collections.IEnumerable");
INTERFACE(i_collection, "System.Collections.ICollection");
INTERFACE(i_list, "System.Collections.IList");
INTERFACE(i_dictionary, "System.Collections.IDictionary");
INTERFACE(i_enumerator, "System.Collections.IEnumerator");
INTERFACE(i_comparable, "System.IComparable");
INTERFACE(i_convertible, "System.IConvertible");
INTERFACE(i_formattable, "System.IFormattable");
INTERFACE(i_disposable, "System.IDisposable");
INTERFACE(i_cloneable, "System.ICloneable");
INTERFACE(i_enumerable_of, "System.Collections.Generic.IEnumerable`1");
INTERFACE(i_collection_of, "System.Collections.Generic.ICollection`1");
INTERFACE(i_list_of, "System.Collections.Generic.IList`1");
INTERFACE(i_dictionary_of, "System.Collections.Generic.IDictionary`2");

SH_TYPES(basic, &sh_type_object, &sh_type_valuetype, &sh_type_void, &sh_type_bool, &sh_type_switch, &sh_type_enum,
         &sh_type_nullable_open, &i_enumerable, &i_collection, &i_list, &i_dictionary, &i_enumerator, &i_comparable,
         &i_convertible, &i_formattable, &i_disposable, &i_cloneable, &i_enumerable_of, &i_collection_of, &i_list_of,
         &i_dictionary_of);
