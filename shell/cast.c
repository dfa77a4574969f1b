/* SPDX-License-Identifier: MIT
 *
 * Casts: what PowerShell's LanguagePrimitives.ConvertTo does, with its messages and error ids. Types with rules of
 * their own (dates, versions, lists) bring a convert function; here are the ways that are common to all.
 */
#include "shell/types.h"

#include "shell/code.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- errors ---- */
void sh_forget_error(struct sh *sh)
{
        if (sh)
                sh_drop(sh_error_take(sh));
}

static struct sv format_text(const char *fmt, va_list ap)
{
        char *s = NULL;
        int n = vasprintf(&s, fmt, ap);
        struct sv r = sh_string(n < 0 ? "" : s, n < 0 ? 0 : (size_t)n);
        if (n >= 0)
                free(s);
        return r;
}

static int throw_around(struct sh *sh, const char *inner_type, const char *id, const char *category,
                        struct sv target, struct sv message)
{
        static const char runtime[] = "System.Management.Automation.RuntimeException";
        int st = sh_throw_as(sh, runtime, id, category, target, "%s", message.s->s);
        if (sh->error.kind == SH_OTHER && sh->error.o->type == &sh_type_error_record) {
                struct sh_error *e = sh_error_of(sh->error);
                struct sv inner = sh_exception_new(sh, inner_type, message.s->s, message.s->len, SH_NIL);
                struct sv outer = sh_exception_new(sh, runtime, message.s->s, message.s->len, inner);
                sh_drop(inner);
                sh_drop(e->exception);
                e->exception = outer;
        }
        return st;
}

int sh_throw_inner(struct sh *sh, const char *inner_type, const char *id, const char *category,
                   struct sv target, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        struct sv m = format_text(fmt, ap);
        va_end(ap);
        int st = throw_around(sh, inner_type, id, category, target, m);
        sh_drop(m);
        return st;
}

static const char cast_exception[] = "System.Management.Automation.PSInvalidCastException";

int sh_throw_cast(struct sh *sh, const char *id, struct sv v, const struct sh_type *t, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        struct sv why = format_text(fmt, ap), text = sh_to_text(sh, v);
        va_end(ap);
        int st = sh_throw_inner(sh, cast_exception, id, "InvalidArgument", SH_NIL,
                                "Cannot convert value \"%s\" to type \"%s\". Error: \"%s\"", text.s->s,
                                t->name, why.s->s);
        sh_drop(text);
        sh_drop(why);
        return st;
}

int sh_throw_no_cast(struct sh *sh, struct sv v, const struct sh_type *t)
{
        static const char id[] = "ConvertToFinalInvalidCastException";
        if (sh_is_null(v))
                return sh_throw_inner(sh, cast_exception, id, "InvalidArgument", SH_NIL,
                                      "Cannot convert null to type \"%s\".", t->name);
        struct sv text = sh_is_enumerable(v) ? sh_text(sh_type_of(v)->name) : sh_to_text(sh, v);
        struct sv name = sh_type_name_of(sh, v);
        int st = sh_throw_inner(sh, cast_exception, id, "InvalidArgument", SH_NIL,
                                "Cannot convert the \"%s\" value of type \"%s\" to type \"%s\".", text.s->s,
                                name.s->s, t->name);
        sh_drop(text);
        sh_drop(name);
        return st;
}

/* ---- numbers ---- */
static int number_error(struct sh *sh, enum sh_why why, struct sv v, const struct sh_type *t)
{
        struct sv base = sh_unwrap(v);
        bool text = base.kind == SH_STRING;
        const char *id = !text                   ? "InvalidCastIConvertible"
                         : t->kind == SH_DECIMAL ? "InvalidCastFromStringToDecimal"
                         : t->kind == SH_DOUBLE || t->kind == SH_SINGLE
                                 ? "InvalidCastFromStringToDoubleOrSingle"
                                 : "InvalidCastFromStringToInteger";
        if (why == SH_BAD_FORMAT)
                return sh_throw_cast(sh, id, v, t, "The input string '%s' was not in a correct format.",
                                     base.s->s);
        if (why == SH_OUT_OF_RANGE)
                return sh_throw_cast(sh, id, v, t, "Value was either too large or too small for %s.",
                                     sh_range_message((enum sh_kind)t->kind));
        if (base.kind >= SH_BOOL && base.kind <= SH_DATETIME) {
                size_t n, m;
                const char *from = sh_type_short_name(sh_type_of(base), &n), *to = sh_type_short_name(t, &m);
                return sh_throw_cast(sh, id, v, t, "Invalid cast from '%.*s' to '%.*s'.", (int)n, from,
                                     (int)m, to);
        }
        return sh_throw_no_cast(sh, v, t);
}

static int to_char(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        struct sv base = sh_unwrap(v);
        if (base.kind == SH_STRING) {
                if (base.s->units != 1)
                        return sh_throw_cast(sh, "InvalidCastIConvertible", v, t,
                                             "String must be exactly one character long.");
                *ret = sh_char(sh_unit_at(base.s, 0));
                return SH_OK;
        }
        enum sh_why why = sh_to_number(v, SH_CHAR, ret);
        return why == SH_FITS ? SH_OK : number_error(sh, why, v, t);
}

/* ---- enums ---- */
static void enum_names(struct sh_buf *b, const struct sh_enum *e, const char *between)
{
        for (uint32_t i = 0; i < e->n; i++)
                sh_buf_putf(b, "%s%s", i ? between : "", e->items[i].name);
}

static int enum_error(struct sh *sh, struct sv v, const struct sh_type *t, const struct sh_enum *e)
{
        struct sh_buf names = { 0 };
        struct sv base = sh_unwrap(v), text = sh_to_text(sh, v);
        bool is_text = base.kind == SH_STRING;
        int st;
        enum_names(&names, e, is_text ? ", " : ",");
        if (is_text)
                st = sh_throw_cast(
                        sh, "SubstringDisambiguationEnumParseThrewAnException", v, t,
                        "Unable to match the identifier name %s to a valid enumerator name. Specify one of "
                        "the following enumerator names and try again:\n%s",
                        text.s->s, names.p ? names.p : "");
        else if (sh_is_null(base) || sh_is_number(base))
                st = sh_throw_inner(
                        sh, cast_exception, "InvalidCastExceptionEnumerationNoValue", "InvalidArgument",
                        SH_NIL,
                        "Cannot convert %s%s%s to type \"%s\" due to enumeration values that are not "
                        "valid. Specify one of the following enumeration values and try again. The "
                        "possible enumeration values are \"%s\".",
                        sh_is_null(base) ? "null" : "value \"", text.s->s, sh_is_null(base) ? "" : "\"",
                        t->name, names.p ? names.p : "");
        else
                st = sh_throw_no_cast(sh, v, t);
        sh_drop(text);
        sh_buf_free(&names);
        return st;
}

static bool enum_defined(const struct sh_enum *e, int64_t i)
{
        if (sh_enum_name(e, (int32_t)i))
                return true;
        if (!e->flags)
                return false;
        uint32_t all = 0;
        for (uint32_t k = 0; k < e->n; k++)
                all |= (uint32_t)e->items[k].value;
        return ((uint32_t)i & ~all) == 0;
}

static int to_enum(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        const struct sh_enum *e = sh_enum_of(t);
        struct sv base = sh_unwrap(v);
        int32_t i = 0;
        if (!e)
                return sh_throw_no_cast(sh, v, t);
        if (base.kind == SH_STRING) {
                if (!sh_enum_parse(e, base.s->s, base.s->len, true, &i))
                        return enum_error(sh, v, t, e);
        } else if (sh_is_enumerable(base) && e->flags) { /* several flags as a list */
                size_t pos = 0;
                struct sv item, one;
                while (sh_next(base, &pos, &item)) {
                        int st = to_enum(sh, item, t, &one);
                        sh_drop(item);
                        if (st != SH_OK)
                                return st;
                        i |= (int32_t)one.hi;
                        sh_drop(one);
                }
        } else {
                struct sv n;
                if (sh_is_null(base) || base.kind == SH_BOOL || sh_to_number(base, SH_INT32, &n) != SH_FITS ||
                    (base.kind != SH_ENUM && !enum_defined(e, n.i)))
                        return enum_error(sh, v, t, e);
                i = (int32_t)n.i;
        }
        *ret = sh_enum_value(e, i);
        return SH_OK;
}

/* ---- arrays ---- */
static int array_from_text(const struct sh_str *s, struct sv r)
{
        for (uint32_t i = 0; i < s->units; i++)
                sh_array_take(r.a, sh_char(sh_unit_at(s, i)));
        return SH_OK;
}

static int to_array(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        const struct sh_type *element = t->element;
        struct sv base = sh_unwrap(v), item, x;
        struct sv r = sh_array_typed(element ? element : &sh_type_object, 0);
        int st = SH_OK;
        if (base.kind == SH_STRING && element == &sh_type_char) {
                st = array_from_text(base.s, r);
        } else if (!sh_is_enumerable(base)) {
                if ((st = sh_convert(sh, v, element, &x)) == SH_OK)
                        sh_array_take(r.a, x);
        } else {
                size_t pos = 0;
                while (st == SH_OK && sh_next(base, &pos, &item)) {
                        if ((st = sh_convert(sh, item, element, &x)) == SH_OK)
                                sh_array_take(r.a, x);
                        sh_drop(item);
                }
        }
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}

/* ---- objects ---- */
static int to_object(struct sv v, struct sv *ret)
{
        if (v.kind != SH_HASH) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        struct sv r = sh_object_new(), k, x;
        for (uint32_t i = 0; sh_hash_at(v.h, i, &k, &x); i++) {
                struct sv name = sh_to_text(NULL, k);
                struct sh_bag *bag =
                        sh_text_same(name.s->s, name.s->len, "PSTypeName", 10) ? sh_bag_of(r, true) : NULL;
                if (bag && !bag->ntypes &&
                    (bag->types = malloc(sizeof *bag->types))) { /* names the type, is no property */
                        bag->types[0] = sh_to_text(NULL, x);
                        bag->ntypes = 1;
                } else {
                        sh_object_set(r, name.s->s, name.s->len, x);
                }
                sh_drop(name);
        }
        *ret = r;
        return SH_OK;
}

static int to_type(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv base = sh_unwrap(v);
        const struct sh_type *t = base.kind == SH_STRING ? sh_type_find(sh, base.s->s, base.s->len) : NULL;
        if (t) {
                *ret = sh_type_value(t);
                return SH_OK;
        }
        if (base.kind != SH_STRING)
                return sh_throw_no_cast(sh, v, &sh_type_type);
        return sh_throw_inner(
                sh, cast_exception, "InvalidCastFromStringToType", "InvalidArgument", SH_NIL,
                "Cannot convert the \"%s\" value of type \"System.String\" to type \"System.Type\".",
                base.s->s);
}

static int from_null(struct sh *sh, const struct sh_type *t, struct sv *ret)
{
        if (t->kind == SH_STRING) {
                *ret = sh_text("");
                return SH_OK;
        }
        if (t->kind == SH_ENUM && sh_enum_of(t))
                return enum_error(sh, SH_NIL, t, sh_enum_of(t));
        if (!strcmp(t->name, "System.Numerics.BigInteger"))
                return t->convert(sh, t, SH_NIL, ret);
        if (sh_type_is_value(t) && !(t->kind >= SH_BOOL && t->kind <= SH_DECIMAL))
                return sh_throw_no_cast(sh, SH_NIL, t);
        *ret = sh_default_value(t);
        return SH_OK;
}

/* A hash table or custom object gives a new object its properties; else the value is a constructor's argument. */
static int by_construction(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        struct sv base = sh_unwrap(v);
        if (!t->construct)
                return SH_NONE;
        bool bag = base.kind == SH_HASH || base.kind == SH_PSOBJECT;
        int st = t->construct(sh, t, (struct sh_args) { bag ? 0 : 1, &base }, ret);
        if (st != SH_OK || !bag)
                return st;
        st = sh_put_all(sh, *ret, base);
        if (st != SH_OK)
                sh_drop(*ret);
        return st;
}

static int to_other(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        int st = SH_NONE;
        if (t->convert)
                st = t->convert(sh, t, v, ret);
        if (st == SH_NONE && sh_type_is(sh_type_of(v), t)) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        struct sv base = sh_unwrap(v);
        if (st == SH_NONE && t->kind == SH_HASH && base.kind == SH_PSOBJECT) {
                struct sv text = sh_to_text(sh, v);
                st = sh_throw_cast(sh, "InvalidCastConstructorException", v, t,
                                   "Cannot convert the \"%s\" value of type "
                                   "\"System.Management.Automation.PSCustomObject\" to type \"%s\".",
                                   text.s->s, t->name);
                sh_drop(text);
        }
        if (st == SH_NONE)
                st = by_construction(sh, v, t, ret);
        if (st == SH_NONE && sh_is_enumerable(v) && sh_has_interface(sh_array_of(sh_type_arg(t, 0)), t->name))
                return to_array(sh, v, sh_array_of(sh_type_arg(t, 0)), ret);
        return st == SH_NONE ? sh_throw_no_cast(sh, v, t) : st;
}

static int to_bool(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        struct sv base = sh_unwrap(v);
        *ret = sh_bool(sh_true(v));
        if (t != &sh_type_switch)
                return SH_OK;
        ret->flags = SH_V_SWITCH;
        return base.kind == SH_BOOL || sh_is_number(base) ? SH_OK : sh_throw_no_cast(sh, v, t);
}

int sh_convert(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        if (v.kind == SH_VOID)
                v = SH_NIL;
        if (!t || t == &sh_type_object || (v.kind != SH_NULL && sh_type_of(v) == t)) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        if (sh_type_nullable(t)) {
                *ret = SH_NIL;
                return sh_is_null(v) ? SH_OK : sh_convert(sh, v, t->element, ret);
        }
        if (sh_is_null(v))
                return from_null(sh, t, ret);
        if (t == &sh_type_psobject || t == &sh_type_anything)
                return t == &sh_type_psobject ? to_object(v, ret) : (*ret = sh_keep(v), SH_OK);
        if (t->is_array)
                return to_array(sh, v, t, ret);
        if (t == &sh_type_array_base)
                return sh_unwrap(v).kind == SH_ARRAY && !sh_is_list(v) ? (*ret = sh_keep(v), SH_OK)
                                                                       : to_array(sh, v, &sh_type_array, ret);
        switch (t->kind) {
        case SH_BOOL: return to_bool(sh, v, t, ret);
        case SH_CHAR: return to_char(sh, v, t, ret);
        case SH_STRING: *ret = sh_to_text(sh, v); return SH_OK;
        case SH_ENUM: return to_enum(sh, v, t, ret);
        case SH_TYPE: return to_type(sh, v, ret);
        default: break;
        }
        if (t->kind >= SH_SBYTE && t->kind <= SH_DECIMAL) {
                enum sh_why why = sh_to_number(v, (enum sh_kind)t->kind, ret);
                return why == SH_FITS ? SH_OK : number_error(sh, why, v, t);
        }
        return to_other(sh, v, t, ret);
}

bool sh_try_convert(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        if (t && t->kind >= SH_SBYTE && t->kind <= SH_DECIMAL && !t->is_array)
                return sh_to_number(v, (enum sh_kind)t->kind, ret) == SH_FITS;
        if (!sh)
                return false;
        if (sh_convert(sh, v, t, ret) == SH_OK)
                return true;
        sh_forget_error(sh);
        return false;
}

bool sh_args_fit(struct sh *sh, struct sv v, const struct sh_type *t, struct sv *ret)
{
        return sh_try_convert(sh, v, t, ret);
}
