/* SPDX-License-Identifier: MIT
 *
 * Values between JSON and the shell, by a property's declaration; and the texts in which queries name them.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/model.h"
#include "shell/text.h"

static const struct {
        const char *name;
        uint8_t kind;
} cim_types[] = { [RV_CIM_BOOLEAN] = { "bool", SH_BOOL },     [RV_CIM_UINT8] = { "byte", SH_BYTE },
                  [RV_CIM_SINT8] = { "sbyte", SH_SBYTE },     [RV_CIM_UINT16] = { "ushort", SH_UINT16 },
                  [RV_CIM_SINT16] = { "short", SH_INT16 },    [RV_CIM_UINT32] = { "uint", SH_UINT32 },
                  [RV_CIM_SINT32] = { "int", SH_INT32 },      [RV_CIM_UINT64] = { "ulong", SH_UINT64 },
                  [RV_CIM_SINT64] = { "long", SH_INT64 },     [RV_CIM_REAL32] = { "float", SH_SINGLE },
                  [RV_CIM_REAL64] = { "double", SH_DOUBLE },  [RV_CIM_CHAR16] = { "char", SH_CHAR },
                  [RV_CIM_STRING] = { "string", SH_STRING },  [RV_CIM_DATETIME] = { "datetime", SH_DATETIME },
                  [RV_CIM_REFERENCE] = { "string", SH_STRING }, [RV_CIM_OBJECT] = { "ciminstance", SH_MODEL },
                  [RV_CIM_VOID] = { "void", SH_VOID } };

const char *sh_cim_type_of(const struct rv_property *p, bool scalar)
{
        static const char *const arrays[] = {
                [RV_CIM_BOOLEAN] = "bool[]",     [RV_CIM_UINT8] = "byte[]",    [RV_CIM_SINT8] = "sbyte[]",
                [RV_CIM_UINT16] = "ushort[]",    [RV_CIM_SINT16] = "short[]",  [RV_CIM_UINT32] = "uint[]",
                [RV_CIM_SINT32] = "int[]",       [RV_CIM_UINT64] = "ulong[]",  [RV_CIM_SINT64] = "long[]",
                [RV_CIM_REAL32] = "float[]",     [RV_CIM_REAL64] = "double[]", [RV_CIM_CHAR16] = "char[]",
                [RV_CIM_STRING] = "string[]",    [RV_CIM_DATETIME] = "datetime[]",
                [RV_CIM_REFERENCE] = "string[]", [RV_CIM_OBJECT] = "ciminstance[]", [RV_CIM_VOID] = "object[]"
        };
        if (p->flags & RV_MAP)
                return "hashtable";
        return p->is_array && !scalar ? arrays[p->type] : cim_types[p->type].name;
}

/* ---- from JSON ---- */

static struct sv text_value(struct rv_json j)
{
        struct rv_buf b = { 0 };
        if (!rv_json_unquote(&j, &b)) {
                rv_buf_free(&b);
                return SH_NIL;
        }
        struct sv r = sh_string(b.data, b.len);
        rv_buf_free(&b);
        return r;
}

static struct sv integer_value(uint8_t kind, struct rv_json j)
{
        uint64_t u;
        bool negative;
        if (!rv_json_integer(&j, &u, &negative))
                return rv_json_kind(&j) == '-' ? sh_double(rv_json_double(&j)) : SH_NIL;
        return (struct sv) { .kind = kind, .u = negative ? 0 - u : u };
}

/* RFC 3339, DMTF's form of a time or an interval, or nanoseconds of an interval. */
static struct sv time_value(struct rv_json j)
{
        if (rv_json_kind(&j) == '-')
                return (struct sv) { .kind = SH_TIMESPAN, .i = rv_json_int64(&j, 0) / 100 };
        char *s = rv_json_strdup(&j);
        struct sv r = SH_NIL;
        int64_t ns;
        size_t n = s ? strlen(s) : 0;
        unsigned days, hours, minutes, seconds, micro;
        if (n == 25 && s[21] == ':' && sscanf(s, "%8u%2u%2u%2u.%6u", &days, &hours, &minutes, &seconds, &micro) == 5)
                r = (struct sv) { .kind = SH_TIMESPAN,
                                  .i = ((((int64_t)days * 24 + hours) * 60 + minutes) * 60 + seconds) *
                                               SH_TICKS_SECOND +
                                       micro * 10 };
        else if (s && rv_datetime_parse(s, n, &ns))
                r = sh_datetime_unix(ns / 1000000000 - (ns % 1000000000 < 0),
                                     (ns % 1000000000 + 1000000000) % 1000000000);
        free(s);
        return r;
}

static struct sv object_value(struct sh *sh, struct sh_link *l, const struct rv_property *p, struct rv_json j)
{
        const struct sh_model_class *m = NULL;
        struct rv_error err = { 0 };
        if (rv_json_kind(&j) == '{' && l && p->ref_class && sh_model_class(l, p->ref_class, NULL, &m, &err) == RV_OK)
                return sh_model_row_new(sh, m, j);
        return sh_json_any(sh, j);
}

static struct sv scalar_value(struct sh *sh, struct sh_link *l, const struct rv_property *p, struct rv_json j)
{
        if (rv_json_kind(&j) == 'n')
                return SH_NIL;
        switch (p->type) {
        case RV_CIM_BOOLEAN: return sh_bool(rv_json_true(&j));
        case RV_CIM_STRING:
        case RV_CIM_REFERENCE: return text_value(j);
        case RV_CIM_DATETIME: return time_value(j);
        case RV_CIM_REAL32:
        case RV_CIM_REAL64: return (struct sv) { .kind = cim_types[p->type].kind, .d = rv_json_double(&j) };
        case RV_CIM_OBJECT: return object_value(sh, l, p, j);
        case RV_CIM_VOID: return sh_json_any(sh, j);
        default: return integer_value(cim_types[p->type].kind, j);
        }
}

static struct sv map_value(struct sh *sh, struct rv_json j)
{
        struct sv h = sh_hash_new(true);
        struct rv_json name, v;
        while (rv_json_next(&j, &name, &v)) {
                struct rv_json quoted = { name.p - 1, name.end + 1, false, false };
                struct sv key = text_value(quoted), value = sh_json_any(sh, v);
                sh_hash_set(h.h, key, value);
                sh_drop(key);
                sh_drop(value);
        }
        return h;
}

static struct sv list_value(struct sh *sh, struct sh_link *l, const struct rv_property *p, struct rv_json j)
{
        struct rv_json walk = j, v;
        uint32_t n = 0;
        while (rv_json_next(&walk, NULL, &v))
                n++;
        uint8_t kind = cim_types[p->type].kind;
        const struct sh_type *element = kind == SH_MODEL || kind == SH_VOID ? NULL : sh_kind_type(kind);
        struct sv r = element ? sh_array_typed(element, 0) : sh_array_new(n);
        while (rv_json_next(&j, NULL, &v))
                sh_array_take(r.a, scalar_value(sh, l, p, v));
        return r;
}

struct sv sh_json_value(struct sh *sh, struct sh_link *l, const struct rv_property *p, struct rv_json j)
{
        char kind = rv_json_kind(&j);
        if (kind == 'n' || kind == 0)
                return SH_NIL;
        if (p->flags & RV_MAP && kind == '{')
                return map_value(sh, j);
        return kind == '[' ? list_value(sh, l, p, j) : scalar_value(sh, l, p, j);
}

static struct sv any_at(struct sh *sh, struct rv_json j, int depth);

static struct sv any_object(struct sh *sh, struct rv_json j, int depth)
{
        struct sv o = sh_object_new();
        struct rv_json name, v;
        while (rv_json_next(&j, &name, &v)) {
                struct rv_json quoted = { name.p - 1, name.end + 1, false, false };
                struct sv key = text_value(quoted), value = any_at(sh, v, depth + 1);
                sh_object_set(o, key.s->s, key.s->len, value);
                sh_drop(key);
                sh_drop(value);
        }
        return o;
}

static struct sv any_at(struct sh *sh, struct rv_json j, int depth)
{
        uint64_t u;
        bool negative;
        struct rv_json v;
        switch (depth > RV_JSON_DEPTH ? 'n' : rv_json_kind(&j)) {
        case '"': return text_value(j);
        case 't': return sh_bool(true);
        case 'f': return sh_bool(false);
        case '{': return any_object(sh, j, depth);
        case '[': {
                struct sv list = sh_array_new(4);
                while (rv_json_next(&j, NULL, &v))
                        sh_array_take(list.a, any_at(sh, v, depth + 1));
                return list;
        }
        case '-':
                if (!rv_json_integer(&j, &u, &negative))
                        return sh_double(rv_json_double(&j));
                if (!negative)
                        return u <= INT64_MAX ? sh_long((int64_t)u) : sh_ulong(u);
                return sh_long((int64_t)(0 - u));
        default: return SH_NIL;
        }
}

struct sv sh_json_any(struct sh *sh, struct rv_json j)
{
        return any_at(sh, j, 0);
}

/* ---- to JSON ---- */

static void put_time(struct sv v, struct rv_buf *b)
{
        char text[64];
        int64_t ns, seconds = sh_datetime_to_unix(v, &ns);
        size_t n = rv_datetime_text(seconds * 1000000000 + ns, false, text, sizeof text);
        rv_json_string(b, text, n);
}

static void put_text(struct sh *sh, struct sv v, struct rv_buf *b)
{
        struct sv s = sh_to_text(sh, v);
        rv_json_string(b, s.s->s, s.s->len);
        sh_drop(s);
}

static void put_number(struct sv v, struct rv_buf *b)
{
        if (v.kind == SH_BYTE || v.kind == SH_UINT16 || v.kind == SH_UINT32 || v.kind == SH_UINT64 || v.kind == SH_CHAR)
                rv_buf_uint(b, v.u);
        else if (sh_is_int(v))
                rv_buf_int(b, v.i);
        else if (v.kind == SH_ENUM)
                rv_buf_int(b, (int32_t)v.hi);
        else {
                double d = v.kind == SH_DECIMAL ? sh_decimal_to_double(v) : v.d;
                isfinite(d) ? rv_buf_putf(b, "%.17g", d) : rv_buf_puts(b, "null");
        }
}

static bool put(struct sh *, struct sv, const struct rv_property *, struct rv_buf *, struct rv_error *, int depth);

static bool put_hash(struct sh *sh, struct sv v, struct rv_buf *b, struct rv_error *err, int depth)
{
        struct sv key, value;
        rv_buf_put(b, "{", 1);
        for (uint32_t i = 0; sh_hash_at(v.h, i, &key, &value); i++) {
                if (i)
                        rv_buf_put(b, ",", 1);
                put_text(sh, key, b);
                rv_buf_put(b, ":", 1);
                if (!put(sh, value, NULL, b, err, depth + 1))
                        return false;
        }
        rv_buf_put(b, "}", 1);
        return true;
}

static bool put_list(struct sh *sh, struct sv v, const struct rv_property *p, struct rv_buf *b, struct rv_error *err,
                     int depth)
{
        struct rv_property item = p ? *p : (struct rv_property) { 0 };
        struct sv x;
        size_t pos = 0;
        bool ok = true;
        item.is_array = false;
        rv_buf_put(b, "[", 1);
        for (bool first = true; ok && sh_next(v, &pos, &x); first = false) {
                if (!first)
                        rv_buf_put(b, ",", 1);
                ok = put(sh, x, p ? &item : NULL, b, err, depth + 1);
                sh_drop(x);
        }
        rv_buf_put(b, "]", 1);
        return ok;
}

struct bag_walk {
        struct sh *sh;
        struct sv object;
        struct rv_buf *b;
        struct rv_error *err;
        int depth;
        bool ok, any;
};

static bool put_member(void *state, const char *name, size_t n, int kind)
{
        struct bag_walk *w = state;
        struct sv v;
        if (kind == SH_METHOD || kind == SH_SCRIPT_METHOD || kind == SH_CODE ||
            sh_get(w->sh, w->object, name, n, &v) != SH_OK)
                return true;
        if (w->any)
                rv_buf_put(w->b, ",", 1);
        w->any = true;
        rv_json_string(w->b, name, n);
        rv_buf_put(w->b, ":", 1);
        w->ok = put(w->sh, v, NULL, w->b, w->err, w->depth + 1);
        sh_drop(v);
        return w->ok;
}

static bool put_object(struct sh *sh, struct sv v, struct rv_buf *b, struct rv_error *err, int depth)
{
        struct bag_walk w = { sh, v, b, err, depth, true, false };
        rv_buf_put(b, "{", 1);
        sh_properties(sh, v, put_member, &w);
        rv_buf_put(b, "}", 1);
        return w.ok;
}

static bool put_any(struct sh *sh, struct sv v, struct rv_buf *b, struct rv_error *err, int depth)
{
        if (depth > 32)
                return rv_fail(err, RV_INVALID_PARAMETER, "the value is nested too deeply"), false;
        if (sh_is_null(v))
                rv_buf_puts(b, "null");
        else if (v.kind == SH_BOOL)
                rv_buf_puts(b, v.i ? "true" : "false");
        else if (sh_is_number(v) || v.kind == SH_ENUM)
                put_number(v, b);
        else if (v.kind == SH_DATETIME)
                put_time(v, b);
        else if (v.kind == SH_TIMESPAN)
                rv_buf_int(b, v.i * 100);
        else if (v.kind == SH_HASH)
                return put_hash(sh, v, b, err, depth);
        else if (sh_is_enumerable(v))
                return put_list(sh, v, NULL, b, err, depth);
        else if (v.kind == SH_PSOBJECT)
                return put_object(sh, v, b, err, depth);
        else
                put_text(sh, v, b);
        return true;
}

/* Text that stands for one of the values of an enumeration: ValueMap's own, or Values' name of it. */
static bool put_mapped(const struct rv_property *p, const char *s, struct rv_buf *b)
{
        for (uint32_t i = 0; i < p->nvalues; i++)
                if (strcasecmp(p->values[i], s) == 0) {
                        if (i < p->nvalue_map)
                                rv_buf_puts(b, p->value_map[i]);
                        else
                                rv_buf_uint(b, i);
                        return true;
                }
        return false;
}

static bool put(struct sh *sh, struct sv v, const struct rv_property *p, struct rv_buf *b, struct rv_error *err,
                int depth)
{
        struct sv x;
        v = sh_unwrap(v);
        if (!p || sh_is_null(v) || v.kind == SH_HASH)
                return put_any(sh, v, b, err, depth);
        if (p->is_array && sh_is_enumerable(v))
                return put_list(sh, v, p, b, err, depth);
        if (p->is_array) {
                struct rv_property item = *p;
                item.is_array = false;
                rv_buf_put(b, "[", 1);
                bool ok = put(sh, v, &item, b, err, depth + 1);
                rv_buf_put(b, "]", 1);
                return ok;
        }
        uint8_t kind = cim_types[p->type].kind;
        bool number = p->type >= RV_CIM_UINT8 && p->type <= RV_CIM_REAL64;
        if (number && v.kind == SH_STRING && put_mapped(p, v.s->s, b))
                return true;
        if (kind == SH_STRING || (p->type == RV_CIM_DATETIME && v.kind == SH_STRING)) {
                put_text(sh, v, b);
                return true;
        }
        if (kind == SH_MODEL)
                return put_any(sh, v, b, err, depth);
        if (!sh_try_convert(sh, v, sh_kind_type(kind), &x)) {
                struct sv s = sh_to_text(sh, v);
                rv_fail(err, RV_TYPE_MISMATCH, "'%.80s' cannot be used as %s: expected %s", s.s->s, p->name,
                        cim_types[p->type].name);
                sh_drop(s);
                return false;
        }
        bool ok = put_any(sh, x, b, err, depth);
        sh_drop(x);
        return ok;
}

bool sh_value_json(struct sh *sh, struct sv v, const struct rv_property *p, struct rv_buf *b, struct rv_error *err)
{
        return put(sh, v, p, b, err, 0);
}

/* ---- keys, paths, queries ---- */

static struct rv_json at(const struct sh_model_row *r, uint32_t property)
{
        const char *text = (const char *)(r->at + r->class->c->nproperties);
        struct rv_json j = rv_json_at(text, r->n), v = { "", "", true, false };
        if (r->at[property]) {
                j.p += r->at[property] - 1;
                rv_json_take(&j, &v);
        }
        return v;
}

bool sh_model_keys(const struct sh_model_row *r, struct rv_buf *b)
{
        const struct rv_class *c = r->class->c;
        rv_buf_put(b, "{", 1);
        for (uint32_t k = 0; k < c->nkeys; k++) {
                struct rv_json v = at(r, c->keys[k]);
                if (v.bad)
                        return false;
                rv_buf_putf(b, "%s\"%s\":", k ? "," : "", c->properties[c->keys[k]].name);
                rv_buf_put(b, v.p, rv_json_size(&v));
        }
        rv_buf_put(b, "}", 1);
        return c->nkeys || c->flags & RV_SINGLETON;
}

void sh_model_path(const struct sh_model_row *r, struct sh_buf *b)
{
        const struct rv_class *c = r->class->c;
        sh_buf_puts(b, c->name);
        if (!c->nkeys)
                sh_buf_puts(b, "=@");
        for (uint32_t k = 0; k < c->nkeys; k++) {
                struct rv_json v = at(r, c->keys[k]);
                sh_buf_putf(b, "%s%s=", k ? "," : ".", c->properties[c->keys[k]].name);
                sh_buf_put(b, v.bad ? "null" : v.p, v.bad ? 4 : rv_json_size(&v));
        }
}

void sh_wql_value(struct sh *sh, struct sh_buf *b, struct sv v)
{
        v = sh_unwrap(v);
        if (sh_is_null(v)) {
                sh_buf_puts(b, "NULL");
                return;
        }
        if (v.kind == SH_BOOL) {
                sh_buf_puts(b, v.i ? "TRUE" : "FALSE");
                return;
        }
        if (sh_is_number(v)) {
                sh_buf_value(sh, b, v);
                return;
        }
        struct rv_buf time = { 0 };
        struct sv s = SH_NIL;
        if (v.kind == SH_DATETIME)
                put_time(v, &time);
        else
                s = sh_to_text(sh, v);
        const char *p = time.len ? time.data + 1 : s.s->s;
        size_t n = time.len ? time.len - 2 : s.s->len;
        sh_buf_puts(b, "'");
        for (size_t i = 0; i < n; i++) {
                if (p[i] == '\'' || p[i] == '\\')
                        sh_buf_puts(b, "\\");
                sh_buf_put(b, p + i, 1);
        }
        sh_buf_puts(b, "'");
        rv_buf_free(&time);
        sh_drop(s);
}

void sh_wql_like(struct sh_buf *b, const char *s, size_t n)
{
        bool set = false;
        sh_buf_puts(b, "'");
        for (size_t i = 0; i < n; i++) {
                char c = s[i];
                bool literal = false;
                if (c == '`' && i + 1 < n) {
                        c = s[++i];
                        literal = true;
                }
                if (!literal && !set && c == '*')
                        sh_buf_puts(b, "%");
                else if (!literal && !set && c == '?')
                        sh_buf_puts(b, "_");
                else if (!set && (c == '%' || c == '_' || (literal && c == '[')))
                        sh_buf_putf(b, "[%c]", c);
                else if (c == '\'' || c == '\\')
                        sh_buf_putf(b, "\\%c", c);
                else
                        sh_buf_put(b, &c, 1);
                if (!literal)
                        set = c == '[' ? true : c == ']' ? false : set;
        }
        sh_buf_puts(b, "'");
}
