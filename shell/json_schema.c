/* SPDX-License-Identifier: MIT */
#include "shell/json_schema.h"
#include "shell/regex.h"
#include "shell/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 128 };

struct check {
        struct sh *sh;
        struct sv root;
        const struct sh_schema_report *report;
        struct sh_buf where; /* JSON pointer of the value that is looked at */
        const char *why;     /* what is wrong with the schema itself */
        int depth, quiet;    /* quiet: inside not, anyOf, if: nothing is said */
        int st;
};

static bool valid(struct check *, struct sv schema, struct sv v);

static bool get(struct sv o, const char *name, struct sv *ret)
{
        return o.kind == SH_HASH && sh_hash_get_text(o.h, name, ret);
}

static bool wrong(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct check *c, const char *fmt, ...)
{
        char text[512];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        if (!c->quiet && c->st == SH_OK)
                c->st = c->report->say(c->report->state, text, c->where.n ? c->where.p : "");
        return false;
}

/* The schema is none: nothing more is checked. */
static bool broken(struct check *c, const char *why)
{
        if (!c->why)
                c->why = why;
        return false;
}

/* ---- steps into the value ---- */
static size_t enter(struct check *c, const char *s, size_t n)
{
        size_t was = c->where.n;
        sh_buf_put(&c->where, "/", 1);
        for (size_t i = 0; i < n; i++)
                if (s[i] == '~' || s[i] == '/')
                        sh_buf_put(&c->where, s[i] == '~' ? "~0" : "~1", 2);
                else
                        sh_buf_put(&c->where, s + i, 1);
        return was;
}

static size_t enter_item(struct check *c, uint32_t i)
{
        size_t was = c->where.n;
        sh_buf_putf(&c->where, "/%u", i);
        return was;
}

static void leave(struct check *c, size_t was)
{
        c->where.n = was;
        if (c->where.p)
                c->where.p[was] = 0;
}

/* ---- kinds ---- */
static const char *kind_of(struct sv v)
{
        if (sh_is_null(v))
                return "null";
        if (v.kind == SH_BOOL)
                return "boolean";
        if (v.kind == SH_HASH)
                return "object";
        if (v.kind == SH_ARRAY)
                return "array";
        return sh_is_number(v) ? sh_is_int(v) ? "integer" : "number" : "string";
}

static double number_of(struct check *c, struct sv v)
{
        double d = 0;
        sh_to_double(c->sh, v, &d);
        return d;
}

static bool fits_type(struct check *c, const char *type, struct sv v)
{
        const char *kind = kind_of(v);
        if (!strcmp(type, kind))
                return true;
        if (!strcmp(type, "number"))
                return !strcmp(kind, "integer");
        if (strcmp(type, "integer") || strcmp(kind, "number"))
                return false;
        double d = number_of(c, v);
        return d == trunc(d);
}

static bool check_type(struct check *c, struct sv type, struct sv v)
{
        struct sv item;
        size_t pos = 0;
        bool fits = false;
        struct sh_buf all = { 0 };
        if (type.kind == SH_STRING) {
                fits = fits_type(c, type.s->s, v);
                sh_buf_putf(&all, "\"%s\"", type.s->s);
        } else {
                while (sh_next(type, &pos, &item)) {
                        fits |= item.kind == SH_STRING && fits_type(c, item.s->s, v);
                        sh_buf_putf(&all, "%s\"%s\"", all.n ? ", " : "",
                                    item.kind == SH_STRING ? item.s->s : "?");
                        sh_drop(item);
                }
        }
        if (!fits)
                wrong(c, "Value is \"%s\" but should be %s", kind_of(v), all.p ? all.p : "\"?\"");
        sh_buf_free(&all);
        return fits;
}

/* The same JSON value; numbers by value, objects whatever their order. */
static bool same(struct check *c, struct sv a, struct sv b)
{
        struct sv k, x, y;
        if (sh_is_number(a) && sh_is_number(b))
                return number_of(c, a) == number_of(c, b);
        if (strcmp(kind_of(a), kind_of(b)))
                return false;
        if (a.kind == SH_ARRAY) {
                bool ok = a.a->n == b.a->n;
                for (uint32_t i = 0; ok && i < a.a->n; i++)
                        ok = same(c, a.a->v[i], b.a->v[i]);
                return ok;
        }
        if (a.kind == SH_HASH) {
                bool ok = sh_hash_count(a.h) == sh_hash_count(b.h);
                for (uint32_t i = 0; ok && sh_hash_at(a.h, i, &k, &x); i++)
                        ok = k.kind == SH_STRING && get(b, k.s->s, &y) && same(c, x, y);
                return ok;
        }
        if (a.kind == SH_BOOL)
                return a.i == b.i;
        if (a.kind == SH_STRING)
                return a.s->len == b.s->len && !memcmp(a.s->s, b.s->s, a.s->len);
        return true;
}

/* ---- numbers and strings ---- */
static bool check_number(struct check *c, struct sv schema, struct sv v)
{
        double d = number_of(c, v), k;
        struct sv limit;
        bool ok = true;
        char is[40];
        snprintf(is, sizeof is, "%.15g", d);
        if (get(schema, "minimum", &limit) && d < (k = number_of(c, limit)))
                ok = wrong(c, "%s should be at least %.15g", is, k);
        if (get(schema, "maximum", &limit) && d > (k = number_of(c, limit)))
                ok = wrong(c, "%s should be at most %.15g", is, k);
        if (get(schema, "exclusiveMinimum", &limit) && sh_is_number(limit) && d <= (k = number_of(c, limit)))
                ok = wrong(c, "%s should be greater than %.15g", is, k);
        if (get(schema, "exclusiveMaximum", &limit) && sh_is_number(limit) && d >= (k = number_of(c, limit)))
                ok = wrong(c, "%s should be less than %.15g", is, k);
        if (get(schema, "multipleOf", &limit) && (k = number_of(c, limit)) > 0 &&
            fabs(d / k - round(d / k)) > 1e-9 * fmax(1, fabs(d / k)))
                ok = wrong(c, "%s should be a multiple of %.15g", is, k);
        return ok;
}

static bool fits_pattern(struct check *c, struct sv pattern, const char *s, size_t n, bool *ret_fits)
{
        struct sh_buf error = { 0 };
        struct sh_regex *re =
                pattern.kind == SH_STRING ? sh_regex_compile(pattern.s->s, pattern.s->len, 0, &error) : NULL;
        const size_t *at;
        uint32_t slots;
        sh_buf_free(&error);
        if (!re)
                return broken(c, "a pattern is no regular expression");
        *ret_fits = sh_regex_exec(c->sh, re, s, n, 0, &at, &slots) == SH_OK;
        sh_regex_drop(re);
        return true;
}

static bool check_string(struct check *c, struct sv schema, struct sv v)
{
        struct sv limit;
        bool ok = true, fits = true;
        int64_t units = 0, most;
        for (uint32_t i = 0; i < v.s->len; i++)
                units += ((unsigned char)v.s->s[i] & 0xC0) != 0x80; /* code points */
        if (get(schema, "minLength", &limit) && sh_to_int64(c->sh, limit, &most) && units < most)
                ok = wrong(c, "Value should be at least %lld characters", (long long)most);
        if (get(schema, "maxLength", &limit) && sh_to_int64(c->sh, limit, &most) && units > most)
                ok = wrong(c, "Value should be at most %lld characters", (long long)most);
        if (get(schema, "pattern", &limit)) {
                if (!fits_pattern(c, limit, v.s->s, v.s->len, &fits))
                        return false;
                if (!fits)
                        ok = wrong(c, "The string value is not a match for the indicated regular expression");
        }
        return ok;
}

/* ---- arrays ---- */
static bool check_unique(struct check *c, const struct sh_array *a)
{
        for (uint32_t i = 0; i < a->n; i++)
                for (uint32_t k = i + 1; k < a->n; k++)
                        if (same(c, a->v[i], a->v[k]))
                                return wrong(c, "Items at indexes (%u, %u) are not unique", i, k);
        return true;
}

static bool check_items(struct check *c, struct sv schema, const struct sh_array *a)
{
        struct sv items = SH_NIL, rest = SH_NIL, first = SH_NIL;
        bool ok = true, by_place = false, all = get(schema, "items", &items), more = false;
        if (get(schema, "prefixItems", &first) && first.kind == SH_ARRAY)
                by_place = true, more = all, rest = items;
        else if (all && items.kind == SH_ARRAY)
                by_place = true, first = items, more = get(schema, "additionalItems", &rest);
        for (uint32_t i = 0; c->st == SH_OK && i < a->n; i++) {
                size_t was = enter_item(c, i);
                if (by_place && i < first.a->n)
                        ok &= valid(c, first.a->v[i], a->v[i]);
                else if (by_place ? more : all)
                        ok &= valid(c, by_place ? rest : items, a->v[i]);
                leave(c, was);
        }
        return ok;
}

static bool check_array(struct check *c, struct sv schema, struct sv v)
{
        struct sv limit;
        int64_t most;
        bool ok = check_items(c, schema, v.a);
        if (get(schema, "minItems", &limit) && sh_to_int64(c->sh, limit, &most) && v.a->n < most)
                ok = wrong(c, "Value has less than %lld items", (long long)most);
        if (get(schema, "maxItems", &limit) && sh_to_int64(c->sh, limit, &most) && v.a->n > most)
                ok = wrong(c, "Value has more than %lld items", (long long)most);
        if (get(schema, "uniqueItems", &limit) && sh_true(limit))
                ok &= check_unique(c, v.a);
        if (get(schema, "contains", &limit)) {
                bool any = false;
                c->quiet++;
                for (uint32_t i = 0; !any && i < v.a->n; i++)
                        any = valid(c, limit, v.a->v[i]);
                c->quiet--;
                if (!any)
                        ok = wrong(c, "Expected array to contain at least one item that passed the schema");
        }
        return ok;
}

/* ---- objects ---- */
static bool check_required(struct check *c, struct sv names, struct sv v, const char *what)
{
        struct sv item, x;
        size_t pos = 0;
        struct sh_buf missing = { 0 };
        while (sh_next(names, &pos, &item)) {
                if (item.kind == SH_STRING && !get(v, item.s->s, &x))
                        sh_buf_putf(&missing, "%s\"%s\"", missing.n ? "," : "", item.s->s);
                sh_drop(item);
        }
        bool ok = !missing.n || wrong(c, "%s [%s] are not present", what, missing.p);
        sh_buf_free(&missing);
        return ok;
}

/* One property under all that speaks of it. */
static bool check_property(struct check *c, struct sv schema, struct sv key, struct sv value)
{
        struct sv table, sub, k;
        bool ok = true, known = false, fits;
        size_t was = enter(c, key.s->s, key.s->len);
        if (get(schema, "properties", &table) && get(table, key.s->s, &sub)) {
                known = true;
                ok &= valid(c, sub, value);
        }
        if (get(schema, "patternProperties", &table) && table.kind == SH_HASH)
                for (uint32_t i = 0; sh_hash_at(table.h, i, &k, &sub); i++) {
                        if (!fits_pattern(c, k, key.s->s, key.s->len, &fits))
                                break;
                        if (fits)
                                known = true, ok &= valid(c, sub, value);
                }
        if (!known && get(schema, "additionalProperties", &sub))
                ok &= valid(c, sub, value);
        leave(c, was);
        if (get(schema, "propertyNames", &sub))
                ok &= valid(c, sub, key);
        return ok;
}

static bool check_object(struct check *c, struct sv schema, struct sv v)
{
        struct sv limit, k, x, y;
        int64_t most;
        uint32_t n = sh_hash_count(v.h);
        bool ok = !get(schema, "required", &limit) || check_required(c, limit, v, "Required properties");
        for (uint32_t i = 0; c->st == SH_OK && !c->why && sh_hash_at(v.h, i, &k, &x); i++)
                ok &= check_property(c, schema, k, x);
        if (get(schema, "minProperties", &limit) && sh_to_int64(c->sh, limit, &most) && n < most)
                ok = wrong(c, "Value has fewer than %lld properties", (long long)most);
        if (get(schema, "maxProperties", &limit) && sh_to_int64(c->sh, limit, &most) && n > most)
                ok = wrong(c, "Value has more than %lld properties", (long long)most);
        static const char *const dependent[] = { "dependencies", "dependentRequired", "dependentSchemas" };
        for (int d = 0; d < 3; d++)
                for (uint32_t i = 0; get(schema, dependent[d], &limit) && limit.kind == SH_HASH &&
                                     sh_hash_at(limit.h, i, &k, &x);
                     i++)
                        if (k.kind == SH_STRING && get(v, k.s->s, &y))
                                ok &= x.kind == SH_ARRAY ? check_required(c, x, v, "Dependent properties")
                                                         : valid(c, x, v);
        return ok;
}

/* ---- schemas of schemas ---- */
static uint32_t count_valid(struct check *c, struct sv list, struct sv v)
{
        uint32_t n = 0;
        c->quiet++;
        for (uint32_t i = 0; list.kind == SH_ARRAY && i < list.a->n; i++)
                n += valid(c, list.a->v[i], v);
        c->quiet--;
        return n;
}

static bool silently(struct check *c, struct sv schema, struct sv v)
{
        c->quiet++;
        bool ok = valid(c, schema, v);
        c->quiet--;
        return ok;
}

static bool check_combined(struct check *c, struct sv schema, struct sv v)
{
        struct sv sub, then;
        bool ok = true;
        if (get(schema, "allOf", &sub))
                for (uint32_t i = 0; sub.kind == SH_ARRAY && i < sub.a->n; i++)
                        ok &= valid(c, sub.a->v[i], v);
        if (get(schema, "anyOf", &sub) && !count_valid(c, sub, v)) {
                if (!c->quiet && sub.kind == SH_ARRAY)
                        for (uint32_t i = 0; i < sub.a->n; i++)
                                valid(c, sub.a->v[i], v); /* says why */
                ok = false;
        }
        if (get(schema, "oneOf", &sub)) {
                uint32_t n = count_valid(c, sub, v);
                if (n == 0 && !c->quiet && sub.kind == SH_ARRAY)
                        for (uint32_t i = 0; i < sub.a->n; i++)
                                valid(c, sub.a->v[i], v);
                if (n > 1)
                        wrong(c, "Expected 1 matching subschema but found %u", n);
                ok &= n == 1;
        }
        if (get(schema, "not", &sub) && silently(c, sub, v))
                ok = wrong(c, "Expected value not to match the schema");
        if (get(schema, "if", &sub) && get(schema, silently(c, sub, v) ? "then" : "else", &then))
                ok &= valid(c, then, v);
        return ok;
}

/* "#/definitions/x", "#", or the $id or $anchor of a definition. */
static bool refer(struct check *c, const char *to, struct sv *ret)
{
        static const char *const tables[] = { "definitions", "$defs" };
        struct sv at = c->root, table, k, x, id;
        const char *hash = strchr(to, '#');
        if (hash && (!hash[1] || hash[1] == '/')) {
                for (const char *p = hash + 1; *p == '/';) {
                        struct sh_buf name = { 0 };
                        for (p++; *p && *p != '/'; p++) {
                                if (*p == '~' && (p[1] == '0' || p[1] == '1'))
                                        sh_buf_put(&name, *++p == '0' ? "~" : "/", 1);
                                else
                                        sh_buf_put(&name, p, 1);
                        }
                        bool there = at.kind == SH_ARRAY ? name.n && (uint32_t)atoi(name.p) < at.a->n &&
                                                                   (x = at.a->v[atoi(name.p)], true)
                                                         : get(at, name.n ? name.p : "", &x);
                        sh_buf_free(&name);
                        if (!there)
                                return false;
                        at = x;
                }
                *ret = at;
                return true;
        }
        for (int d = 0; d < 2; d++)
                for (uint32_t i = 0; get(c->root, tables[d], &table) && table.kind == SH_HASH &&
                                     sh_hash_at(table.h, i, &k, &x);
                     i++)
                        if ((get(x, "$id", &id) && id.kind == SH_STRING && !strcmp(id.s->s, to)) ||
                            (hash && get(x, "$anchor", &id) && id.kind == SH_STRING &&
                             !strcmp(id.s->s, hash + 1))) {
                                *ret = x;
                                return true;
                        }
        return false;
}

static bool check_one_of_values(struct check *c, struct sv schema, struct sv v)
{
        struct sv list;
        bool ok = true;
        if (get(schema, "enum", &list)) {
                bool any = false;
                for (uint32_t i = 0; list.kind == SH_ARRAY && !any && i < list.a->n; i++)
                        any = same(c, list.a->v[i], v);
                if (!any)
                        ok = wrong(c, "Value should match one of the values specified by the enum");
        }
        if (get(schema, "const", &list) && !same(c, list, v))
                ok = wrong(c, "Value should match the value given by const");
        return ok;
}

static bool valid(struct check *c, struct sv schema, struct sv v)
{
        struct sv x, to;
        if (c->st != SH_OK || c->why)
                return false;
        if (schema.kind == SH_BOOL)
                return schema.i || wrong(c, "All values fail against the false schema");
        if (schema.kind != SH_HASH)
                return broken(c, "a schema is an object, true or false");
        if (c->depth >= DEPTH_MOST)
                return broken(c, "the schema's references go round");
        c->depth++;
        bool ok = true;
        if (get(schema, "$ref", &x))
                ok = x.kind == SH_STRING && refer(c, x.s->s, &to)
                             ? valid(c, to, v)
                             : broken(c, "a $ref leads to no place in the schema");
        if (get(schema, "type", &x)) {
                if (x.kind != SH_STRING && x.kind != SH_ARRAY)
                        ok = broken(c, "type is a name or a list of names");
                else
                        ok &= check_type(c, x, v);
        }
        ok &= check_one_of_values(c, schema, v);
        if (sh_is_number(v))
                ok &= check_number(c, schema, v);
        else if (v.kind == SH_STRING)
                ok &= check_string(c, schema, v);
        else if (v.kind == SH_ARRAY)
                ok &= check_array(c, schema, v);
        else if (v.kind == SH_HASH)
                ok &= check_object(c, schema, v);
        ok &= check_combined(c, schema, v);
        c->depth--;
        return ok && !c->why;
}

int sh_schema_check(struct sh *sh, struct sv schema, struct sv value, const struct sh_schema_report *report,
                    bool *ret_valid, const char **ret_why)
{
        struct check c = { .sh = sh, .root = schema, .report = report };
        *ret_valid = valid(&c, schema, value);
        *ret_why = c.why;
        sh_buf_free(&c.where);
        return c.why ? SH_NONE : c.st;
}
