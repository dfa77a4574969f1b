/* SPDX-License-Identifier: MIT
 *
 * JSON parameters: bounded before jansson sees them, then checked against a property's or parameter's declaration.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "schema/json.h"

int rv_json_check(const char *s, size_t n, struct rv_error *err)
{
        if (n > RV_JSON_BYTES)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED,
                               "the request has %zu bytes, at most %d are taken", n, RV_JSON_BYTES);
        unsigned depth = 0, values = 0;
        bool in_string = false;
        for (size_t i = 0; i < n; i++) {
                char c = s[i];
                if (c == 0)
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "the request has a NUL byte at position %zu", i);
                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                        continue;
                }
                if (c == '"')
                        in_string = true;
                else if (c == '{' || c == '[')
                        depth++, values++;
                else if (c == '}' || c == ']')
                        depth -= depth > 0;
                else if (c == ',')
                        values++;
                if (depth > RV_JSON_DEPTH)
                        return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "the request is nested deeper than %d",
                                       RV_JSON_DEPTH);
                if (values > RV_JSON_VALUES)
                        return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "the request has more than %d values",
                                       RV_JSON_VALUES);
        }
        return RV_OK;
}

json_t *rv_json_parse(const char *s, size_t n, struct rv_error *err)
{
        if (rv_json_check(s, n, err))
                return NULL;
        json_error_t e;
        json_t *j = json_loadb(s, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
        if (!j)
                rv_fail(err, RV_INVALID_PARAMETER, "not JSON: %s at line %d, column %d", e.text, e.line,
                        e.column);
        return j;
}

static bool number_of(const char *s, int n, int *ret)
{
        *ret = 0;
        for (int i = 0; i < n; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return false;
                *ret = *ret * 10 + (s[i] - '0');
        }
        return true;
}

static bool put_together(const int v[6], int64_t fraction_ns, int offset_minutes, int64_t *ret)
{
        if (v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60 ||
            v[0] < 1678 || v[0] > 2261)
                return false;
        struct tm tm = { .tm_year = v[0] - 1900,
                         .tm_mon = v[1] - 1,
                         .tm_mday = v[2],
                         .tm_hour = v[3],
                         .tm_min = v[4],
                         .tm_sec = v[5] };
        int day = tm.tm_mday;
        time_t t = timegm(&tm);
        if (tm.tm_mday != day && v[5] < 60)
                return false; /* 31 February */
        *ret = ((int64_t)t - offset_minutes * 60) * 1000000000 + fraction_ns;
        return true;
}

static bool parse_dmtf(const char *s, size_t n, int64_t *ret)
{
        int v[6], us, off;
        return n == 25 && s[14] == '.' && (s[21] == '+' || s[21] == '-') && number_of(s, 4, &v[0]) &&
               number_of(s + 4, 2, &v[1]) && number_of(s + 6, 2, &v[2]) && number_of(s + 8, 2, &v[3]) &&
               number_of(s + 10, 2, &v[4]) && number_of(s + 12, 2, &v[5]) && number_of(s + 15, 6, &us) &&
               number_of(s + 22, 3, &off) &&
               put_together(v, us * INT64_C(1000), s[21] == '-' ? -off : off, ret);
}

bool rv_datetime_parse(const char *s, size_t n, int64_t *ret)
{
        int v[6] = { 0 }, off = 0, oh = 0, om = 0;
        if (parse_dmtf(s, n, ret))
                return true;
        if (n < 10 || !number_of(s, 4, &v[0]) || s[4] != '-' || !number_of(s + 5, 2, &v[1]) || s[7] != '-' ||
            !number_of(s + 8, 2, &v[2]))
                return false;
        if (n == 10)
                return put_together(v, 0, 0, ret);
        if (n < 19 || ((s[10] | 32) != 't' && s[10] != ' ') || !number_of(s + 11, 2, &v[3]) || s[13] != ':' ||
            !number_of(s + 14, 2, &v[4]) || s[16] != ':' || !number_of(s + 17, 2, &v[5]))
                return false;
        size_t i = 19;
        int64_t fraction = 0, scale = 100000000;
        if (i < n && s[i] == '.') {
                for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++, scale /= 10)
                        fraction += (s[i] - '0') * scale;
        }
        if (i == n || ((s[i] | 32) == 'z' && i + 1 == n))
                return put_together(v, fraction, 0, ret);
        if ((s[i] != '+' && s[i] != '-') || n != i + 6 || !number_of(s + i + 1, 2, &oh) || s[i + 3] != ':' ||
            !number_of(s + i + 4, 2, &om))
                return false;
        off = oh * 60 + om;
        return put_together(v, fraction, s[i] == '-' ? -off : off, ret);
}

static int mismatch(const struct rv_property *p, struct rv_error *err, const char *got)
{
        rv_about(err, NULL, NULL, p->name);
        return rv_fail(err, RV_TYPE_MISMATCH, "'%s' is a %s%s, not %s", p->name, rv_cim_type_name(p->type),
                       p->is_array ? " array" : "", got);
}

static const struct {
        int64_t min;
        uint64_t max;
} ranges[] = { [RV_CIM_UINT8] = { 0, UINT8_MAX },   [RV_CIM_SINT8] = { INT8_MIN, INT8_MAX },
               [RV_CIM_UINT16] = { 0, UINT16_MAX }, [RV_CIM_SINT16] = { INT16_MIN, INT16_MAX },
               [RV_CIM_UINT32] = { 0, UINT32_MAX }, [RV_CIM_SINT32] = { INT32_MIN, INT32_MAX },
               [RV_CIM_UINT64] = { 0, UINT64_MAX }, [RV_CIM_SINT64] = { INT64_MIN, INT64_MAX },
               [RV_CIM_CHAR16] = { 0, UINT16_MAX } };

static bool is_signed(const struct rv_property *p)
{
        return p->type == RV_CIM_SINT8 || p->type == RV_CIM_SINT16 || p->type == RV_CIM_SINT32 ||
               p->type == RV_CIM_SINT64;
}

/* An integer of the property's type: `negative` with magnitude, so that the whole range of both 64-bit types fits. */
static int integer(bool negative, uint64_t magnitude, const struct rv_property *p, struct rv_arg *ret,
                   struct rv_error *err)
{
        int64_t min = ranges[p->type].min;
        uint64_t max = ranges[p->type].max;
        bool fits = negative ? magnitude <= (uint64_t)0 - (uint64_t)min : magnitude <= max;
        int64_t i = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        rv_about(err, NULL, NULL, p->name);
        if (!fits)
                return rv_fail(err, RV_INVALID_PARAMETER, "'%s' is a %s: %s%" PRIu64 " is out of its range",
                               p->name, rv_cim_type_name(p->type), negative ? "-" : "", magnitude);
        if (p->min <= p->max && ((!negative && magnitude > INT64_MAX) || i < p->min || i > p->max))
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "'%s' must be from %" PRId64 " to %" PRId64 ", not %s%" PRIu64, p->name,
                               p->min, p->max, negative ? "-" : "", magnitude);
        *ret = is_signed(p) ? (struct rv_arg) { .type = RV_INT, .i = i }
                            : (struct rv_arg) { .type = RV_UINT, .u = magnitude };
        return RV_OK;
}

/* A name of the value map ("Running") as its number. */
static bool enum_value(const char *s, size_t n, const struct rv_property *p, uint64_t *ret)
{
        for (uint32_t i = 0; i < p->nvalues; i++)
                if (strlen(p->values[i]) == n && strncasecmp(p->values[i], s, n) == 0) {
                        *ret = i < p->nvalue_map ? strtoull(p->value_map[i], NULL, 0) : i;
                        return true;
                }
        return false;
}

static int text_integer(const char *s, size_t n, const struct rv_property *p, struct rv_arg *ret,
                        struct rv_error *err)
{
        char text[32], *end;
        uint64_t u;
        if (enum_value(s, n, p, &u))
                return integer(false, u, p, ret, err);
        if (n && n < sizeof text) {
                bool negative = s[0] == '-';
                memcpy(text, s, n);
                text[n] = 0;
                errno = 0;
                u = strtoull(text + negative, &end, 0);
                if (text[negative] >= '0' && text[negative] <= '9' && !*end && !errno)
                        return integer(negative && u, u, p, ret, err);
        }
        return mismatch(p, err, "this text");
}

/* A parameter with a value map takes the map's texts, or their names, without case; *s becomes the map's spelling. */
static int mapped_text(const char **s, size_t *n, const struct rv_property *p, struct rv_error *err)
{
        char list[200] = "";
        for (uint32_t i = 0; i < p->nvalue_map; i++) {
                const char *is = p->value_map[i], *name = i < p->nvalues ? p->values[i] : is;
                if (strstr(is, "..")) /* "..": others are possible */
                        return RV_OK;
                if ((strlen(is) == *n && strncasecmp(is, *s, *n) == 0) ||
                    (strlen(name) == *n && strncasecmp(name, *s, *n) == 0)) {
                        *s = is, *n = strlen(is);
                        return RV_OK;
                }
                size_t at = strlen(list);
                snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", is);
        }
        rv_about(err, NULL, NULL, p->name);
        return rv_fail(err, RV_INVALID_PARAMETER, "'%.*s' is no value of '%s': expected one of %s",
                       (int)(*n > 60 ? 60 : *n), *s, p->name, list);
}

static int text_value(const char *s, size_t n, const struct rv_property *p, struct rv_arena *a,
                      struct rv_arg *ret, struct rv_error *err)
{
        if ((p->flags & RV_IN) && p->nvalue_map) {
                int e = mapped_text(&s, &n, p, err);
                if (e)
                        return e;
        }
        if (p->max_len && n > p->max_len) {
                rv_about(err, NULL, NULL, p->name);
                return rv_fail(err, RV_INVALID_PARAMETER, "'%s' has %zu bytes, at most %u are taken", p->name,
                               n, p->max_len);
        }
        char *copy = rv_arena_text(a, s, n);
        if (!copy)
                return -ENOMEM;
        *ret = (struct rv_arg) { .type = p->type == RV_CIM_REFERENCE ? RV_REF : RV_STRING,
                                 .len = (uint32_t)n,
                                 .s = copy };
        return RV_OK;
}

int rv_text_arg(const char *s, size_t n, const struct rv_property *p, struct rv_arena *a, struct rv_arg *ret,
                struct rv_error *err)
{
        char text[64], *end;
        int64_t ns;
        switch (p->type) {
        case RV_CIM_STRING:
        case RV_CIM_REFERENCE: return text_value(s, n, p, a, ret, err);
        case RV_CIM_BOOLEAN:
                if ((n == 4 && strncasecmp(s, "true", 4) == 0) ||
                    (n == 5 && strncasecmp(s, "false", 5) == 0)) {
                        *ret = (struct rv_arg) { .type = RV_BOOL, .u = n == 4 };
                        return RV_OK;
                }
                return mismatch(p, err, "this text: expected true or false");
        case RV_CIM_DATETIME:
                if (!rv_datetime_parse(s, n, &ns))
                        return mismatch(p, err,
                                        "this text: expected RFC 3339, 2026-11-24T04:20:16Z, or DMTF, "
                                        "20261124042016.000000+000");
                *ret = (struct rv_arg) { .type = RV_DATETIME, .i = ns };
                return RV_OK;
        case RV_CIM_REAL32:
        case RV_CIM_REAL64:
                if (n && n < sizeof text) {
                        memcpy(text, s, n);
                        text[n] = 0;
                        double d = strtod(text, &end);
                        if (!*end && isfinite(d)) {
                                *ret = (struct rv_arg) { .type = RV_REAL, .d = d };
                                return RV_OK;
                        }
                }
                return mismatch(p, err, "this text");
        case RV_CIM_OBJECT: return mismatch(p, err, "text");
        default: return text_integer(s, n, p, ret, err);
        }
}

static int number_value(const json_t *j, const struct rv_property *p, struct rv_arg *ret,
                        struct rv_error *err)
{
        if (p->type == RV_CIM_REAL32 || p->type == RV_CIM_REAL64) {
                *ret = (struct rv_arg) { .type = RV_REAL, .d = json_number_value(j) };
                return RV_OK;
        }
        if (p->type > RV_CIM_CHAR16 || p->type == RV_CIM_BOOLEAN)
                return mismatch(p, err, "a number");
        if (json_is_real(j)) {
                double d = json_real_value(j);
                if (d != floor(d) || fabs(d) > 9007199254740992.0)
                        return mismatch(p, err, "a number with a fraction");
                return integer(d < 0, (uint64_t)fabs(d), p, ret, err);
        }
        int64_t i = json_integer_value(j);
        return integer(i < 0, i < 0 ? 0 - (uint64_t)i : (uint64_t)i, p, ret, err);
}

static int object_value(const json_t *, const struct rv_property *, struct rv_arena *, struct rv_arg *,
                        struct rv_error *);

static int scalar(const json_t *j, const struct rv_property *p, struct rv_arena *a, struct rv_arg *ret,
                  struct rv_error *err)
{
        switch (json_typeof(j)) {
        case JSON_NULL: *ret = (struct rv_arg) { 0 }; return RV_OK;
        case JSON_TRUE:
        case JSON_FALSE:
                if (p->type != RV_CIM_BOOLEAN)
                        return mismatch(p, err, "a boolean");
                *ret = (struct rv_arg) { .type = RV_BOOL, .u = json_is_true(j) };
                return RV_OK;
        case JSON_INTEGER:
        case JSON_REAL: return number_value(j, p, ret, err);
        case JSON_STRING: return rv_text_arg(json_string_value(j), json_string_length(j), p, a, ret, err);
        case JSON_OBJECT:
                return p->type == RV_CIM_OBJECT ? object_value(j, p, a, ret, err)
                                                : mismatch(p, err, "an object");
        default: return mismatch(p, err, "an array");
        }
}

static int object_value(const json_t *j, const struct rv_property *p, struct rv_arena *a, struct rv_arg *ret,
                        struct rv_error *err)
{
        const struct rv_class *c = rv_class_find(p->ref_class ? p->ref_class : "", NULL);
        if (!c)
                return mismatch(p, err, "an object of a known class");
        struct rv_arg *v = rv_arena_get(a, (c->nproperties + 1) * sizeof *v);
        if (!v)
                return -ENOMEM;
        int r = rv_json_bindings(j, c, true, a, v, err);
        *ret = (struct rv_arg) { .type = RV_OBJECT, .len = c->nproperties, .items = v };
        return r;
}

/* An array, or a map as an object of texts. */
static int list_value(const json_t *j, const struct rv_property *p, struct rv_arena *a, struct rv_arg *ret,
                      struct rv_error *err)
{
        bool map = p->flags & RV_MAP && json_is_object(j);
        if (!map && !json_is_array(j))
                return mismatch(p, err, "a single value: expected an array");
        size_t n = map ? json_object_size(j) * 2 : json_array_size(j), k = 0;
        struct rv_arg *v = rv_arena_get(a, (n + 1) * sizeof *v);
        if (!v)
                return -ENOMEM;
        int r = RV_OK;
        if (map) {
                const char *key;
                json_t *item;
                json_object_foreach((json_t *)j, key, item)
                {
                        if (r == RV_OK)
                                r = rv_text_arg(key, strlen(key), p, a, &v[k], err);
                        if (r == RV_OK)
                                r = scalar(item, p, a, &v[k + 1], err);
                        k += 2;
                }
        }
        for (; !map && k < n && r == RV_OK; k++)
                r = scalar(json_array_get(j, k), p, a, &v[k], err);
        *ret = (struct rv_arg) { .type = RV_LIST, .len = (uint32_t)n, .items = v };
        return r;
}

int rv_json_arg(const json_t *j, const struct rv_property *p, struct rv_arena *a, struct rv_arg *ret,
                struct rv_error *err)
{
        if (p->is_array && !json_is_null(j))
                return list_value(j, p, a, ret, err);
        return scalar(j, p, a, ret, err);
}

static const char *property_name(void *state, size_t i)
{
        return ((const struct rv_class *)state)->properties[i].name;
}

static int unknown(const struct rv_class *c, const char *name, struct rv_error *err)
{
        const char *near = rv_nearest(name, property_name, (void *)c, c->nproperties);
        rv_about(err, c->flags & RV_PSEUDO ? NULL : c->name, NULL, name);
        if (near)
                rv_hint(err, "did you mean '%s'?", near);
        return rv_fail(err, c->flags & RV_PSEUDO ? RV_INVALID_PARAMETER : RV_NO_SUCH_PROPERTY,
                       "'%s' has no %s '%s'", c->name, c->flags & RV_PSEUDO ? "parameter" : "property", name);
}

static int bind_one(const struct rv_class *c, const char *name, size_t n, bool any, struct rv_error *err)
{
        int p = rv_property_find(c, name, n);
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)n, name);
        if (p < 0)
                return -unknown(c, text, err);
        if (!any && !(c->properties[p].flags & (RV_KEY | RV_IDENTIFIES))) {
                rv_about(err, c->name, NULL, c->properties[p].name);
                return -rv_fail(err, RV_INVALID_PARAMETER, "'%s' is no key of '%s'", c->properties[p].name,
                                c->name);
        }
        return p;
}

/* "Class.Key=value,Key2=\"value\"": values may be quoted. */
static int path_bindings(const char *s, const struct rv_class *c, struct rv_arena *a, struct rv_arg *ret,
                         struct rv_error *err)
{
        const char *colon = strrchr(s, ':'), *dot = strchr(s, '.'), *eq = strchr(s, '=');
        if (colon && eq && colon < eq)
                s = colon + 1, dot = strchr(s, '.');
        if (dot && eq && dot < eq)
                s = dot + 1;
        if (strcmp(s, "@") == 0 || (eq && strcmp(eq, "=@") == 0))
                return RV_OK;
        while (*s) {
                eq = strchr(s, '=');
                if (!eq)
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "'%.60s' is no key binding: expected Name=value", s);
                int p = bind_one(c, s, (size_t)(eq - s), false, err);
                if (p < 0)
                        return -p;
                const char *v = eq + 1, *end;
                if (*v == '"' || *v == '\'') {
                        for (end = v + 1; *end && *end != *v;)
                                end += *end == '\\' && end[1] ? 2 : 1;
                        if (!*end)
                                return rv_fail(err, RV_INVALID_PARAMETER,
                                               "the value of key '%s' has no closing quote",
                                               c->properties[p].name);
                        /* Written by us it is JSON's text; by others, whatever stands between the quotes. */
                        json_t *text = json_loadb(v, (size_t)(end - v) + 1, JSON_DECODE_ANY, NULL);
                        const char *inner = text ? json_string_value(text) : v + 1;
                        int r = rv_text_arg(inner, text ? json_string_length(text) : (size_t)(end - v - 1),
                                            &c->properties[p], a, &ret[p], err);
                        json_decref(text);
                        if (r)
                                return r;
                        end++;
                } else {
                        end = v + strcspn(v, ",");
                        int r = rv_text_arg(v, (size_t)(end - v), &c->properties[p], a, &ret[p], err);
                        if (r)
                                return r;
                }
                s = *end == ',' ? end + 1 : end;
        }
        return RV_OK;
}

int rv_json_bindings(const json_t *j, const struct rv_class *c, bool any, struct rv_arena *a,
                     struct rv_arg *ret, struct rv_error *err)
{
        if (json_is_string(j))
                return path_bindings(json_string_value(j), c, a, ret, err);
        if (!json_is_object(j))
                return rv_fail(err, RV_INVALID_PARAMETER, "expected an object {\"Name\": value, ...}%s",
                               any ? "" : " of key bindings, or an object path");
        const char *key;
        json_t *item;
        json_object_foreach((json_t *)j, key, item)
        {
                int p = bind_one(c, key, strlen(key), any, err);
                if (p < 0)
                        return -p;
                int r = rv_json_arg(item, &c->properties[p], a, &ret[p], err);
                if (r)
                        return r;
        }
        return RV_OK;
}

static void store(void *in, const struct rv_method *m, uint32_t p, const struct rv_arg *v)
{
        const struct rv_property *d = &m->in->properties[p];
        char *at = (char *)in + m->in_fields[p].offset;
        *((bool *)in + m->in_fields[p].has_offset) = v->type != RV_NULL;
        if (v->type == RV_NULL)
                return;
        if (d->is_array || d->type == RV_CIM_OBJECT) {
                *(const struct rv_arg **)at = v->items;
                *(uint32_t *)(at + sizeof(void *)) = v->len;
                return;
        }
        switch (d->type) {
        case RV_CIM_STRING:
        case RV_CIM_REFERENCE:
                *(const char **)at = v->s;
                *(size_t *)(at + sizeof(char *)) = v->len;
                return;
        case RV_CIM_BOOLEAN: *(bool *)at = v->u; return;
        case RV_CIM_UINT8:
        case RV_CIM_SINT8: *(uint8_t *)at = (uint8_t)v->u; return;
        case RV_CIM_UINT16:
        case RV_CIM_SINT16:
        case RV_CIM_CHAR16: *(uint16_t *)at = (uint16_t)v->u; return;
        case RV_CIM_UINT32:
        case RV_CIM_SINT32: *(uint32_t *)at = (uint32_t)v->u; return;
        case RV_CIM_REAL32:
        case RV_CIM_REAL64: memcpy(at, &v->d, sizeof v->d); return;
        default: *(uint64_t *)at = v->u;
        }
}

int rv_json_args(const json_t *j, const struct rv_class *c, const struct rv_method *m, struct rv_arena *a,
                 struct rv_arg **ret, struct rv_error *err)
{
        struct rv_arg *v = rv_arena_get(a, (m->in->nproperties + 1) * sizeof *v);
        if (!v)
                return -ENOMEM;
        rv_about(err, c->name, NULL, NULL);
        if (j && !json_is_null(j)) {
                int r = rv_json_bindings(j, m->in, true, a, v, err);
                if (r)
                        return r;
        }
        for (uint32_t p = 0; p < m->in->nproperties; p++) {
                const struct rv_property *d = &m->in->properties[p];
                if (v[p].type == RV_NULL && d->default_text && !d->is_array) {
                        int r = rv_text_arg(d->default_text, strlen(d->default_text), d, a, &v[p], err);
                        if (r)
                                return r;
                }
                if (v[p].type == RV_NULL && d->flags & RV_REQUIRED) {
                        rv_about(err, c->name, NULL, d->name);
                        return rv_fail(err, RV_INVALID_PARAMETER, "%s.%s needs the parameter '%s' (%s)",
                                       c->name, m->name, d->name, rv_cim_type_name(d->type));
                }
        }
        *ret = v;
        return RV_OK;
}

int rv_json_in(const json_t *j, const struct rv_class *c, const struct rv_method *m, struct rv_arena *a,
               void **ret, struct rv_error *err)
{
        struct rv_arg *v;
        void *in = rv_arena_get(a, m->in_size ? m->in_size : 1);
        int r = in ? rv_json_args(j, c, m, a, &v, err) : -ENOMEM;
        if (r)
                return r;
        for (uint32_t p = 0; m->in_fields && p < m->in->nproperties; p++)
                store(in, m, p, &v[p]);
        *ret = m->in_fields ? in : v;
        return RV_OK;
}
