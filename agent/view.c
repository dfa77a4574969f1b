/* SPDX-License-Identifier: MIT */
#include "agent/view.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "schema/compute.h"

/* What a system constant stands for; "" when it is not known here. */
static void system_text(const struct rv_view *view, const char *name, char *to, size_t size)
{
        *to = 0;
        if (!strcasecmp(name, "$HostName")) {
                if (gethostname(to, size) < 0)
                        *to = 0;
                to[size - 1] = 0;
        } else if (!strcasecmp(name, "$KernelRelease")) {
                struct utsname u;
                snprintf(to, size, "%s", uname(&u) == 0 ? u.release : "");
        } else if (!strcasecmp(name, "$ClassName")) {
                snprintf(to, size, "%s", view->source->name);
        } else if (!strcasecmp(name, "$OSName")) {
                FILE *f = fopen("/etc/os-release", "re");
                char line[256], quoted[256];
                while (f && !*to && fgets(line, sizeof line, f))
                        if (sscanf(line, "PRETTY_NAME=\"%255[^\"\n]", quoted) == 1)
                                snprintf(to, size, "%.*s", (int)size - 1, quoted);
                if (f)
                        fclose(f);
        }
}

int rv_view_source(const struct rv_class *class, const struct rv_class *source, unsigned p)
{
        const struct rv_property *prop = &class->properties[p];
        if (class == source)
                return (int)p;
        bool constant = prop->convert == RV_CONVERT_CONST || prop->convert == RV_CONVERT_SYSTEM ||
                        prop->convert == RV_CONVERT_COMPUTE;
        const char *from = prop->source ? prop->source : prop->name;
        return constant ? -1 : rv_property_find(source, from, strlen(from));
}

struct sources {
        const struct rv_class *source;
        unsigned *ret, n;
};

static bool add_source(void *state, const char *name, size_t n, long double *ret)
{
        struct sources *s = state;
        int p = rv_property_find(s->source, name, n);
        if (p >= 0 && s->n < RV_VIEW_SOURCES)
                s->ret[s->n++] = (unsigned)p;
        *ret = 1;
        return true;
}

unsigned rv_view_sources(const struct rv_class *class, const struct rv_class *source, unsigned p,
                         unsigned ret[RV_VIEW_SOURCES])
{
        struct sources s = { source, ret, 0 };
        long double unused;
        int from = rv_view_source(class, source, p);
        if (from >= 0)
                ret[s.n++] = (unsigned)from;
        else if (class->properties[p].convert == RV_CONVERT_COMPUTE)
                rv_compute(class->properties[p].constant, add_source, &s, &unused);
        return s.n;
}

struct rv_view *rv_view_new(const struct rv_class *class, const struct rv_class *source)
{
        struct rv_view *v = calloc(1, sizeof *v + class->nproperties * sizeof *v->map);
        if (!v)
                return NULL;
        v->class = class;
        v->source = source;
        for (unsigned p = 0; p < class->nproperties; p++)
                v->map[p].from = rv_view_source(class, source, p);
        return v;
}

void rv_view_want(const struct rv_view *v, const uint64_t *want, uint64_t *source_want)
{
        unsigned from[RV_VIEW_SOURCES];
        for (unsigned p = 0; p < v->class->nproperties; p++) {
                unsigned n = rv_bit(want, p) ? rv_view_sources(v->class, v->source, p, from) : 0;
                for (unsigned i = 0; i < n; i++)
                        rv_bit_set(source_want, from[i]);
        }
}

static bool is_integer(int cim_type)
{
        return cim_type <= RV_CIM_SINT64 && cim_type != RV_CIM_BOOLEAN;
}

static bool is_signed(int cim_type)
{
        return cim_type == RV_CIM_SINT8 || cim_type == RV_CIM_SINT16 || cim_type == RV_CIM_SINT32 ||
               cim_type == RV_CIM_SINT64;
}

static bool is_unsigned_like(int cim_type)
{
        return (is_integer(cim_type) && !is_signed(cim_type)) || cim_type == RV_CIM_CHAR16;
}

static void set_number(struct rv_row *to, unsigned p, int cim_type, int64_t i)
{
        if (is_unsigned_like(cim_type) && i >= 0)
                rv_set_uint(to, p, (uint64_t)i);
        else if (cim_type == RV_CIM_REAL32 || cim_type == RV_CIM_REAL64)
                rv_set_real(to, p, (double)i);
        else if (!is_unsigned_like(cim_type))
                rv_set_int(to, p, i);
}

/* Text in a constant or an enum's map, as the property's type. */
static void set_from_text(struct rv_row *to, unsigned p, int cim_type, const char *s, size_t n)
{
        char number[40];
        snprintf(number, sizeof number, "%.*s", n < 39 ? (int)n : 39, s);
        if (cim_type == RV_CIM_BOOLEAN)
                rv_set_bool(to, p, !strcasecmp(number, "true") || !strcmp(number, "1"));
        else if (cim_type == RV_CIM_UINT64)
                rv_set_uint(to, p, strtoull(number, NULL, 10));
        else if (is_integer(cim_type) || cim_type == RV_CIM_CHAR16)
                set_number(to, p, cim_type, strtoll(number, NULL, 10));
        else if (cim_type == RV_CIM_REAL32 || cim_type == RV_CIM_REAL64)
                rv_set_real(to, p, strtod(number, NULL));
        else if (cim_type == RV_CIM_REFERENCE)
                rv_set_ref(to, p, s, n);
        else
                rv_set_string(to, p, s, n);
}

/* A number or a time as text: 17, -3, 1.5, TRUE, 2026-01-02T03:04:05.678901Z. Answers its length. */
static size_t to_text(const struct rv_value *v, char *to, size_t size)
{
        switch (v->type) {
        case RV_BOOL: return (size_t)snprintf(to, size, "%s", v->b ? "TRUE" : "FALSE");
        case RV_UINT: return (size_t)snprintf(to, size, "%" PRIu64, v->u);
        case RV_INT:
        case RV_INTERVAL: return (size_t)snprintf(to, size, "%" PRId64, v->i);
        case RV_REAL: return (size_t)snprintf(to, size, "%.15g", v->d);
        case RV_DATETIME: {
                int64_t ns = v->i % 1000000000, s = v->i / 1000000000;
                if (ns < 0) {
                        ns += 1000000000;
                        s--;
                }
                struct tm tm;
                time_t t = (time_t)s;
                char date[32];
                strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", gmtime_r(&t, &tm));
                return (size_t)snprintf(to, size, "%s.%06dZ", date, (int)(ns / 1000));
        }
        default: return 0;
        }
}

/* "running=4" -> 4, for the source's text, or for its number as text. NULL: not listed. */
static const char *mapped(const struct rv_property *prop, const char *s, size_t n)
{
        for (uint32_t i = 0; i < prop->nmap; i++) {
                const char *eq = strchr(prop->map[i], '=');
                if (eq && (size_t)(eq - prop->map[i]) == n && !strncasecmp(prop->map[i], s, n))
                        return eq + 1;
        }
        for (uint32_t i = 0; i < prop->nmap; i++)
                if (!strncmp(prop->map[i], "*=", 2))
                        return prop->map[i] + 2;
        return NULL;
}

static void fill_mapped(const struct rv_property *prop, struct rv_row *to, unsigned p,
                        const struct rv_batch *from, const struct rv_value *v)
{
        char number[64];
        bool text = v->type == RV_STRING || v->type == RV_REF;
        size_t n = text ? v->len : to_text(v, number, sizeof number);
        const char *got = mapped(prop, text ? rv_text(from, v) : number, n);
        if (got)
                set_from_text(to, p, prop->type, got, strlen(got));
}

static void fill_divided(const struct rv_property *prop, struct rv_row *to, unsigned p,
                         const struct rv_value *v)
{
        int64_t f = prop->factor ? prop->factor : 1;
        if (v->type == RV_UINT && is_unsigned_like(prop->type))
                rv_set_uint(to, p, v->u / (uint64_t)f);
        else if (v->type == RV_REAL)
                rv_set_real(to, p, v->d / (double)f);
        else if (prop->type == RV_CIM_REAL32 || prop->type == RV_CIM_REAL64)
                rv_set_real(to, p, (v->type == RV_UINT ? (double)v->u : (double)v->i) / (double)f);
        else if (prop->type == RV_CIM_STRING) {
                char text[32];
                int n = v->type == RV_UINT ? snprintf(text, sizeof text, "%" PRIu64, v->u / (uint64_t)f)
                                           : snprintf(text, sizeof text, "%" PRId64, v->i / f);
                rv_set_string(to, p, text, (size_t)n);
        } else
                set_number(to, p, prop->type, v->type == RV_UINT ? (int64_t)(v->u / (uint64_t)f) : v->i / f);
}

/* The same thing under another type where the view says so: uint32 kept as sint32, a number as a string, ... */
static void fill_plain(const struct rv_property *prop, struct rv_row *to, unsigned p,
                       const struct rv_batch *from, const struct rv_value *v)
{
        bool number = v->type == RV_UINT || v->type == RV_INT || v->type == RV_BOOL;
        if (prop->type == RV_CIM_STRING && !prop->is_array && v->type != RV_STRING && v->type != RV_REF) {
                char text[64];
                size_t n = to_text(v, text, sizeof text);
                if (n)
                        rv_set_string(to, p, text, n);
        } else if (v->type == RV_REAL && (is_integer(prop->type) || prop->type == RV_CIM_CHAR16)) {
                if (fabs(v->d) < 0x1p63)
                        set_number(to, p, prop->type, (int64_t)v->d);
        } else if (number && v->type != RV_UINT && is_unsigned_like(prop->type)) {
                set_number(to, p, prop->type, v->type == RV_BOOL ? v->b : v->i);
        } else if (v->type == RV_UINT && is_signed(prop->type) && v->u <= INT64_MAX) {
                rv_set_int(to, p, (int64_t)v->u);
        } else if (number && (prop->type == RV_CIM_REAL32 || prop->type == RV_CIM_REAL64)) {
                rv_set_real(to, p, v->type == RV_UINT ? (double)v->u : (double)v->i);
        } else {
                rv_copy_value(to, p, from, v);
        }
}

/* Of "10.0.0.0/8", or of a prefix length. IPv6 has no masks. */
static void fill_prefix(const struct rv_property *prop, struct rv_row *to, unsigned p,
                        const struct rv_batch *from, const struct rv_value *v)
{
        char text[INET_ADDRSTRLEN];
        const char *s = v->type == RV_STRING ? rv_text(from, v) : "", *slash = strchr(s, '/');
        unsigned long n = v->type == RV_UINT ? v->u : slash ? strtoul(slash + 1, NULL, 10) : 33;
        if (prop->convert == RV_CONVERT_NETWORK) {
                rv_set_string(to, p, s, slash ? (size_t)(slash - s) : strlen(s));
        } else if (n <= 32 && !strchr(s, ':')) {
                struct in_addr mask = { .s_addr = htonl(n ? ~UINT32_C(0) << (32 - n) : 0) };
                if (inet_ntop(AF_INET, &mask, text, sizeof text))
                        rv_set_string(to, p, text, strlen(text));
        }
}

/* A value becomes a list of one. */
static void wrap(struct rv_row *to, unsigned p)
{
        struct rv_value v = *rv_slot(to, p);
        char *text = v.type == RV_STRING ? strndup(rv_text(to->batch, &v), v.len) : NULL;
        rv_list list = rv_set_list(to, p, 1);
        switch (v.type) {
        case RV_STRING: rv_item_string(to, list, 0, text ? text : "", text ? v.len : 0); break;
        case RV_UINT: rv_item_uint(to, list, 0, v.u); break;
        case RV_INT: rv_item_int(to, list, 0, v.i); break;
        case RV_BOOL: rv_item_bool(to, list, 0, v.b); break;
        case RV_REAL: rv_item_real(to, list, 0, v.d); break;
        default: break;
        }
        free(text);
}

static void fill_constant(const struct rv_view *view, const struct rv_property *prop, struct rv_row *to,
                          unsigned p)
{
        if (!prop->constant)
                return;
        if (*prop->constant != '$') {
                set_from_text(to, p, prop->type, prop->constant, strlen(prop->constant));
                return;
        }
        char text[256];
        system_text(view, prop->constant, text, sizeof text);
        if (*text)
                rv_set_string(to, p, text, strlen(text));
}

struct operands {
        const struct rv_view *view;
        const struct rv_batch *b;
        uint32_t row;
};

static bool operand(void *state, const char *name, size_t n, long double *ret)
{
        const struct operands *o = state;
        int p = rv_property_find(o->view->source, name, n);
        if (p < 0)
                return false;
        const struct rv_value *v = rv_get(o->b, o->row, (unsigned)p);
        switch (v->type) {
        case RV_BOOL: *ret = v->b; return true;
        case RV_UINT: *ret = (long double)v->u; return true;
        case RV_INT:
        case RV_DATETIME:
        case RV_INTERVAL: *ret = (long double)v->i; return true;
        case RV_REAL: *ret = (long double)v->d; return true;
        default: return false;
        }
}

/* Bits of an integer type. */
static int width(int cim_type)
{
        switch (cim_type) {
        case RV_CIM_UINT8:
        case RV_CIM_SINT8: return 8;
        case RV_CIM_UINT16:
        case RV_CIM_SINT16:
        case RV_CIM_CHAR16: return 16;
        case RV_CIM_UINT32:
        case RV_CIM_SINT32: return 32;
        default: return 64;
        }
}

static void fill_computed(const struct rv_view *view, const struct rv_property *prop, struct rv_row *to,
                          unsigned p, const struct rv_batch *from, uint32_t row)
{
        struct operands o = { view, from, row };
        long double v;
        if (rv_compute(prop->constant, operand, &o, &v) != RV_COMPUTED)
                return;
        if (prop->type == RV_CIM_REAL32 || prop->type == RV_CIM_REAL64) {
                rv_set_real(to, p, (double)v);
        } else if (prop->type == RV_CIM_STRING) {
                char text[64];
                int n = snprintf(text, sizeof text, "%.0Lf", truncl(v));
                rv_set_string(to, p, text, (size_t)n);
        } else if (is_unsigned_like(prop->type) && v >= 0 && v < ldexpl(1, width(prop->type))) {
                rv_set_uint(to, p, (uint64_t)v);
        } else if (!is_unsigned_like(prop->type) && fabsl(v) < ldexpl(1, width(prop->type) - 1)) {
                rv_set_int(to, p, (int64_t)v);
        }
}

/* Of a list the item that a property which is no list shows; NULL: there is none. */
static const struct rv_value *item_of(const struct rv_property *prop, const struct rv_batch *from,
                                      const struct rv_value *v)
{
        const struct rv_value *items = rv_items(from, v);
        for (uint32_t i = 0; prop->convert == RV_CONVERT_MAP && i < v->len; i++)
                for (uint32_t k = 0; items[i].type == RV_STRING && k < prop->nmap; k++) {
                        size_t n = strcspn(prop->map[k], "=");
                        if (n == items[i].len && strncasecmp(prop->map[k], rv_text(from, &items[i]), n) == 0)
                                return &items[i];
                }
        return v->len ? items : NULL;
}

static void fill_one(const struct rv_view *view, struct rv_row *to, unsigned p, const struct rv_batch *from,
                     uint32_t row)
{
        const struct rv_property *prop = &view->class->properties[p];
        if (prop->convert == RV_CONVERT_CONST || prop->convert == RV_CONVERT_SYSTEM)
                fill_constant(view, prop, to, p);
        if (prop->convert == RV_CONVERT_COMPUTE)
                fill_computed(view, prop, to, p, from, row);
        if (view->map[p].from < 0)
                return;
        const struct rv_value *v = rv_get(from, row, (unsigned)view->map[p].from);
        if (prop->convert == RV_CONVERT_PRESENT) {
                rv_set_bool(to, p, v->type != RV_NULL);
                return;
        }
        if (v->type == RV_LIST && !prop->is_array)
                v = item_of(prop, from, v);
        if (!v || v->type == RV_NULL)
                return;
        switch (prop->convert) {
        case RV_CONVERT_MAP: fill_mapped(prop, to, p, from, v); break;
        case RV_CONVERT_DIV: fill_divided(prop, to, p, v); break;
        case RV_CONVERT_NETWORK:
        case RV_CONVERT_NETMASK: fill_prefix(prop, to, p, from, v); break;
        default: fill_plain(prop, to, p, from, v);
        }
}

void rv_view_fill(const struct rv_view *view, struct rv_row *to, const struct rv_batch *from, uint32_t row)
{
        for (unsigned p = 0; p < view->class->nproperties; p++) {
                if (!rv_wants(to, p))
                        continue;
                fill_one(view, to, p, from, row);
                uint8_t type = rv_slot(to, p)->type;
                const char *initial = view->class->properties[p].default_text;
                if (type == RV_NULL && initial)
                        set_from_text(to, p, view->class->properties[p].type, initial, strlen(initial));
                type = rv_slot(to, p)->type;
                if (view->class->properties[p].is_array && type != RV_NULL && type != RV_LIST)
                        wrap(to, p);
        }
}

/* "17" for an integer property, written as we would write it ourselves (so not "017" or " 17"). */
static bool parse_number(const char *s, int cim_type, struct rv_arg *ret)
{
        char again[32];
        errno = 0;
        if (is_signed(cim_type)) {
                *ret = (struct rv_arg) { .type = RV_INT, .i = strtoll(s, NULL, 10) };
                snprintf(again, sizeof again, "%" PRId64, ret->i);
        } else {
                *ret = (struct rv_arg) { .type = RV_UINT, .u = strtoull(s, NULL, 10) };
                snprintf(again, sizeof again, "%" PRIu64, ret->u);
        }
        return !errno && !strcmp(s, again);
}

static bool unmap(const struct rv_property *prop, const struct rv_arg *v, int source_type, struct rv_arena *a,
                  struct rv_arg *ret)
{
        char text[64] = "";
        if (v->type == RV_STRING)
                snprintf(text, sizeof text, "%s", v->s);
        else if (v->type == RV_UINT || v->type == RV_INT || v->type == RV_BOOL)
                to_text(&(struct rv_value) { .type = v->type, .u = v->u }, text, sizeof text);
        const char *only = NULL;
        for (uint32_t i = 0; i < prop->nmap; i++) {
                const char *eq = strchr(prop->map[i], '=');
                if (!eq || strcasecmp(eq + 1, text))
                        continue;
                if (only || *prop->map[i] == '*')
                        return false;
                only = prop->map[i];
        }
        if (!only)
                return false;
        size_t n = strcspn(only, "=");
        char *s = rv_arena_text(a, only, n);
        if (!s)
                return false;
        if (is_integer(source_type))
                return parse_number(s, source_type, ret);
        *ret = (struct rv_arg) { .type = RV_STRING, .len = (uint32_t)n, .s = s };
        return source_type == RV_CIM_STRING;
}

/* Between signed and unsigned of the same value. */
static bool same_number(const struct rv_arg *v, int cim_type, struct rv_arg *ret)
{
        if (v->type == RV_UINT && is_signed(cim_type) && v->u <= INT64_MAX)
                *ret = (struct rv_arg) { .type = RV_INT, .i = (int64_t)v->u };
        else if (v->type == RV_INT && is_unsigned_like(cim_type) && v->i >= 0)
                *ret = (struct rv_arg) { .type = RV_UINT, .u = (uint64_t)v->i };
        else if ((v->type == RV_UINT && is_unsigned_like(cim_type)) ||
                 (v->type == RV_INT && is_signed(cim_type)))
                *ret = *v;
        else
                return false;
        return true;
}

bool rv_view_unconvert(const struct rv_view *view, unsigned p, const struct rv_arg *v, struct rv_arena *a,
                       struct rv_arg *ret)
{
        const struct rv_property *prop = &view->class->properties[p];
        if (view->map[p].from < 0 || v->type == RV_NULL || prop->is_array)
                return false;
        const struct rv_property *source = &view->source->properties[view->map[p].from];
        if (prop->convert == RV_CONVERT_MAP)
                return unmap(prop, v, source->type, a, ret);
        if ((prop->convert == RV_CONVERT_DIV && prop->factor != 1) || prop->convert == RV_CONVERT_PRESENT ||
            prop->convert == RV_CONVERT_NETWORK || prop->convert == RV_CONVERT_NETMASK || source->is_array)
                return false;
        if (v->type == RV_STRING && is_integer(source->type))
                return parse_number(v->s, source->type, ret);
        if (v->type == RV_UINT || v->type == RV_INT)
                return same_number(v, source->type, ret);
        if (v->type == RV_BOOL       ? source->type != RV_CIM_BOOLEAN
            : v->type == RV_DATETIME ? source->type != RV_CIM_DATETIME
                                     : v->type != RV_STRING || (source->type != RV_CIM_STRING &&
                                                                source->type != RV_CIM_REFERENCE))
                return false;
        *ret = *v;
        return true;
}

const struct rv_class *rv_view_alias(const struct rv_class *c)
{
        const struct rv_class *source =
                c->view_of && !c->view_filter ? rv_class_find(c->view_of, NULL) : NULL;
        for (uint32_t i = 0; source && i < c->nproperties; i++) {
                const struct rv_property *p = &c->properties[i];
                int from = p->source ? rv_property_find(source, p->source, strlen(p->source)) : -1;
                if (from < 0 || p->convert != RV_CONVERT_NONE || p->constant ||
                    strcmp(p->name, p->source) != 0 || p->type != source->properties[from].type)
                        return c;
        }
        return source ? source : c;
}
