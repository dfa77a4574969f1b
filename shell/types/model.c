/* SPDX-License-Identifier: MIT
 *
 * Instances of reeve's classes as values: MOF's property names and PowerShell's aliases, methods, system
 * properties.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "shell/dotnet.h"
#include "shell/model.h"
#include "shell/text.h"

static const char *row_text(const struct sh_model_row *r)
{
        return (const char *)(r->at + r->class->c->nproperties);
}

struct sh_model_row *sh_model_row_of(struct sv v)
{
        v = sh_unwrap(v);
        return v.kind == SH_MODEL ? (struct sh_model_row *)v.o : NULL;
}

const struct rv_class *sh_model_class_of(struct sv v)
{
        struct sh_model_row *r = sh_model_row_of(v);
        return r ? r->class->c : NULL;
}

/* Rows come with their properties in the class' order: the next name is mostly the one expected. */
static int find_property(const struct rv_class *c, uint32_t expected, struct rv_json name)
{
        for (uint32_t i = expected; i < c->nproperties; i++)
                if (rv_json_is(&name, c->properties[i].name))
                        return (int)i;
        return rv_property_find(c, name.p, rv_json_size(&name));
}

static const struct sh_model_class *class_of_row(const struct sh_model_class *m, struct rv_json row)
{
        struct rv_json v;
        const struct sh_model_class *sub = m;
        struct rv_error err = { 0 };
        char *name = rv_json_find(row, "__CLASS", &v) ? rv_json_strdup(&v) : NULL;
        if (name && strcasecmp(name, m->c->name) != 0 &&
            sh_model_class(m->link, name, NULL, &sub, &err) != RV_OK)
                sub = m;
        free(name);
        return sub;
}

struct sv sh_model_row_new(struct sh *sh, const struct sh_model_class *m, struct rv_json row)
{
        (void)sh;
        m = class_of_row(m, row);
        const struct rv_class *c = m->c;
        size_t n = rv_json_size(&row);
        struct sh_model_row *r = calloc(1, sizeof *r + c->nproperties * sizeof r->at[0] + n + 1);
        if (!r)
                return SH_NIL;
        r->obj = (struct sh_obj) { .refs = 1, .type = &m->type };
        r->class = m;
        r->n = (uint32_t)n;
        memcpy((char *)row_text(r), row.p, n);
        struct rv_json walk = row, name, value;
        uint32_t expected = 0;
        while (rv_json_next(&walk, &name, &value)) {
                int p = find_property(c, expected, name);
                if (p < 0)
                        continue;
                r->at[p] = (uint32_t)(value.p - row.p) + 1;
                expected = (uint32_t)p + 1;
        }
        return (struct sv) { .kind = SH_MODEL, .o = &r->obj };
}

static void model_free(struct sh_obj *o)
{
        struct sh_model_row *r = (struct sh_model_row *)o;
        for (uint32_t i = 0; r->over && i < r->class->c->nproperties; i++)
                sh_drop(r->over[i].v);
        free(r->over);
}

/* ---- properties ---- */

static struct sh_model_over *over_of(struct sh_model_row *r)
{
        if (!r->over)
                r->over = calloc(r->class->c->nproperties + 1, sizeof *r->over);
        if (!r->over)
                abort();
        return r->over;
}

static bool is_read(const struct sh_model_row *r, uint32_t p)
{
        return r->at[p] || (r->over && r->over[p].state);
}

/* What was not read with the row comes in one question, once; what cannot be read now is null. */
static int fetch(struct sh *sh, struct sh_model_row *r)
{
        const struct rv_class *c = r->class->c;
        struct rv_buf list = { 0 };
        struct rv_error err = { 0 };
        struct sv other;
        r->whole = true;
        rv_buf_puts(&list, "[");
        for (uint32_t i = 0; i < c->nproperties; i++)
                if (!is_read(r, i) && !(c->properties[i].flags & RV_SECRET))
                        rv_buf_putf(&list, "%s\"%s\"", list.len > 1 ? "," : "", c->properties[i].name);
        rv_buf_put(&list, "]", 2);
        int status = list.failed ? RV_FAILED : sh_model_get(sh, r, list.data, &other, &err);
        rv_buf_free(&list);
        if (status == RV_UNAVAILABLE || status == RV_TIMED_OUT || status == RV_PULL_HAS_BEEN_ABANDONED) {
                r->whole = false;
                return sh_model_throw(sh, &err, SH_NIL);
        }
        if (status)
                return SH_OK;
        struct sh_model_row *from = sh_model_row_of(other);
        struct sh_model_over *over = over_of(r);
        for (uint32_t i = 0; i < c->nproperties && from && from->class == r->class; i++)
                if (!is_read(r, i) && from->at[i]) {
                        over[i].state = SH_OVER_FETCHED;
                        sh_model_value(sh, from, i, &over[i].v);
                }
        sh_drop(other);
        return SH_OK;
}

/* ---- integers with names (ValueMap and Values) are enum values: shown by name, compared by name or number ---- */
struct named {
        struct named *next;
        char *key; /* "Class.Property" */
        struct sh_enum e;
};
/* Made when a property is first read, and stays: values may outlive their class. */
static struct sh_enum *enum_of(const struct rv_class *c, const struct rv_property *p)
{
        static struct named *all;
        char key[300];
        snprintf(key, sizeof(key), "%s.%s", c->name, p->name);
        for (struct named *n = all; n; n = n->next)
                if (!strcmp(n->key, key))
                        return &n->e;
        struct named *n = calloc(1, sizeof(*n));
        struct sh_enum_item *items = calloc(p->nvalues, sizeof(*items));
        if (!n || !items || !(n->key = strdup(key)))
                abort();
        for (uint32_t i = 0; i < p->nvalues; i++) {
                items[i].value = i < p->nvalue_map ? (int32_t)strtol(p->value_map[i], NULL, 10) : (int32_t)i;
                items[i].name = strdup(p->values[i]);
                if (!items[i].name)
                        abort();
        }
        n->e = (struct sh_enum) { .obj = { .refs = 1, .type = &n->e.type },
                                  .type = { .name = n->key, .base = &sh_type_enum, .kind = SH_ENUM },
                                  .n = p->nvalues,
                                  .items = (const void *)items };
        n->next = all;
        all = n;
        return &n->e;
}
/* Win32_ and CIM_ classes keep the numbers that scripts for them expect. */
static struct sv by_name(const struct rv_class *c, const struct rv_property *p, struct sv v)
{
        if (!sh_is_int(v) || !p->nvalues || (p->nvalue_map && p->nvalue_map < p->nvalues) || v.i < 0 ||
            v.i > INT32_MAX || !strncasecmp(c->name, "Win32_", 6) || !strncasecmp(c->name, "CIM_", 4))
                return v;
        return sh_enum_value(enum_of(c, p), (int32_t)v.i);
}

int sh_model_refresh(struct sh *sh, struct sh_model_row *r)
{
        struct rv_error err = { 0 };
        struct sv now = SH_NIL;
        int status = sh_model_get(sh, r, NULL, &now, &err);
        if (status == RV_NOT_FOUND || status == RV_STALE) /* it has gone: what was known stays */
                return SH_OK;
        if (status)
                return sh_model_throw(sh, &err, SH_NIL);
        struct sh_model_row *from = sh_model_row_of(now);
        struct sh_model_over *over = over_of(r);
        for (uint32_t i = 0; i < r->class->c->nproperties && from && from->class == r->class; i++) {
                struct sv old = over[i].v;
                bool was = over[i].state;
                over[i].state = 0;
                over[i].v = SH_NIL;
                if (from->at[i]) {
                        sh_model_value(sh, from, i, &over[i].v);
                        over[i].state = SH_OVER_FETCHED;
                }
                if (was)
                        sh_drop(old);
        }
        r->whole = false;
        sh_drop(now);
        return SH_OK;
}

int sh_model_value(struct sh *sh, struct sh_model_row *r, uint32_t p, struct sv *ret)
{
        *ret = SH_NIL;
        if (!is_read(r, p) && !r->whole) {
                int st = fetch(sh, r);
                if (st)
                        return st;
        }
        if (r->over && r->over[p].state) {
                *ret = sh_keep(r->over[p].v);
        } else if (r->at[p]) {
                struct rv_json j = rv_json_at(row_text(r) + r->at[p] - 1, r->n - r->at[p] + 1), v;
                if (rv_json_take(&j, &v))
                        *ret = by_name(r->class->c, &r->class->c->properties[p],
                                       sh_json_value(sh, r->class->link, &r->class->c->properties[p], v));
        }
        return SH_OK;
}

static bool system_property(struct sh_model_row *r, const char *name, size_t n, struct sv *ret)
{
        static const char *const names[] = { "__CLASS",  "__NAMESPACE",  "__PATH",        "__RELPATH",
                                             "__SERVER", "__SUPERCLASS", "PSComputerName" };
        size_t i = 0;
        while (i < sizeof names / sizeof *names &&
               (strlen(names[i]) != n || strncasecmp(names[i], name, n) != 0))
                i++;
        struct sh_buf b = { 0 };
        char host[256] = "";
        const struct rv_class *c = r->class->c;
        switch (i) {
        case 0: *ret = sh_text(c->name); return true;
        case 1: *ret = sh_text(c->name_space); return true;
        case 2:
        case 3:
                sh_model_path(r, &b);
                *ret = sh_buf_take(&b);
                sh_buf_free(&b);
                return true;
        case 4:
                gethostname(host, sizeof host - 1);
                *ret = sh_text(r->class->link->host ? r->class->link->host : host);
                return true;
        case 5: *ret = c->base_name ? sh_text(c->base_name) : SH_NIL; return true;
        case 6: *ret = r->class->link->host ? sh_text(r->class->link->host) : SH_NIL; return true;
        default: return false;
        }
}

static int model_get(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        struct sh_model_row *r = sh_model_row_of(self);
        double divisor, d;
        int p = rv_property_find_alias(r->class->c, name, n, &divisor);
        if (p < 0)
                return n > 2 && system_property(r, name, n, ret) ? SH_OK : SH_NONE;
        int st = sh_model_value(sh, r, (uint32_t)p, ret);
        if (st == SH_OK && divisor != 0 && sh_to_double(sh, *ret, &d)) {
                sh_drop(*ret);
                *ret = sh_double(d / divisor);
        }
        return st;
}

static int model_put(struct sh *sh, struct sv self, const char *name, size_t n, struct sv value)
{
        struct sh_model_row *r = sh_model_row_of(self);
        double divisor;
        int p = rv_property_find_alias(r->class->c, name, n, &divisor);
        if (p < 0)
                return SH_NONE;
        const struct rv_property *d = &r->class->c->properties[p];
        if (!(d->flags & RV_WRITE) || divisor != 0)
                return sh_throw(sh, "SetValueException", "InvalidOperation", SH_NIL,
                                "'%s' is a ReadOnly property of %s.", d->name, r->class->c->name);
        const struct sh_type *t = d->flags & RV_MAP ? NULL
                                                    : sh_type_find(sh, sh_cim_type_of(d, false),
                                                                   strlen(sh_cim_type_of(d, false)));
        struct sv v = sh_keep(value);
        if (t && !sh_is_null(value)) {
                sh_drop(v);
                int st = sh_convert(sh, value, t, &v);
                if (st)
                        return st;
        }
        struct sh_model_over *over = &over_of(r)[p];
        struct sv old = over->v;
        over->v = v;
        over->state = SH_OVER_ASSIGNED;
        sh_drop(old);
        return SH_OK;
}

static int model_list(struct sh *sh, struct sv self, void (*each)(void *, const char *, size_t), void *state)
{
        (void)sh;
        struct sh_model_row *r = sh_model_row_of(self);
        const struct rv_class *c = r->class->c;
        bool narrow = r->obj.flags & SH_MODEL_NARROW;
        for (uint32_t i = 0; i < c->nproperties; i++)
                if (!(c->properties[i].flags & RV_SECRET) && (!narrow || is_read(r, i)))
                        each(state, c->properties[i].name, strlen(c->properties[i].name));
        return SH_OK;
}

/* ---- text ---- */

/* Appends a value's text without asking the agent for it. */
static bool put_read(struct sh *sh, struct sh_model_row *r, int p, struct sh_buf *b)
{
        struct sv v;
        if (p < 0 || !is_read(r, (uint32_t)p) || sh_model_value(sh, r, (uint32_t)p, &v) != SH_OK)
                return false;
        bool any = !sh_is_null(v);
        if (any)
                sh_buf_value(sh, b, v);
        sh_drop(v);
        return any;
}

static void model_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct sh_model_row *r = sh_model_row_of(self);
        const struct rv_class *c = r->class->c;
        if (c->ntype_names) {
                sh_buf_putf(b, "%s (", c->type_names[0]);
                int name = rv_property_find(c, "Name", 4);
                put_read(sh, r, name >= 0 ? name : c->nkeys ? c->keys[0] : -1, b);
                sh_buf_puts(b, ")");
                return;
        }
        sh_buf_puts(b, c->name);
        struct sh_buf caption = { 0 };
        if (put_read(sh, r, rv_property_find(c, "Caption", 7), &caption))
                sh_buf_putf(b, ": %s", caption.p);
        sh_buf_free(&caption);
        for (uint32_t k = 0; k < c->nkeys; k++) {
                bool quoted = c->properties[c->keys[k]].type == RV_CIM_STRING;
                sh_buf_putf(b, "%s%s = %s", k ? ", " : " (", c->properties[c->keys[k]].name,
                            quoted ? "\"" : "");
                put_read(sh, r, c->keys[k], b);
                sh_buf_puts(b, quoted ? "\"" : "");
        }
        sh_buf_puts(b, c->nkeys ? ")" : "");
}

/* ---- methods ---- */

/* Arguments by position, in the order of the [In] parameters. */
static int arguments(struct sh *sh, const struct rv_method *m, struct sh_args args, struct rv_buf *b)
{
        uint32_t used = 0;
        struct rv_error err = { 0 };
        rv_buf_puts(b, "{");
        for (uint32_t i = 0; i < m->nparameters && used < args.n; i++) {
                const struct rv_property *p = &m->parameters[i];
                if (!(p->flags & RV_IN))
                        continue;
                struct sv v = args.v[used++];
                if (sh_is_null(v))
                        continue;
                rv_buf_putf(b, "%s\"%s\":", b->len > 1 ? "," : "", p->name);
                if (!sh_value_json(sh, v, p, b, &err))
                        return sh_model_throw(sh, &err, v);
        }
        rv_buf_puts(b, "}");
        if (used < args.n)
                return sh_throw(sh, "MethodCountCouldNotFindBest", "NotSpecified", SH_NIL,
                                "Cannot find an overload for \"%s\" and the argument count: \"%u\".", m->name,
                                args.n);
        return SH_OK;
}

static int method_call(struct sh *sh, struct sv self, struct sh_args args, struct sv *ret)
{
        struct sh_model_row *r = sh_model_row_of(self);
        const struct rv_method *m = &r->class->c->methods[sh_current_member(sh)->arg];
        struct rv_buf in = { 0 }, out = { 0 };
        struct rv_error err = { 0 };
        int st = arguments(sh, m, args, &in);
        if (st == SH_OK) {
                int r2 = sh_model_invoke(r->class->link, r->class->c, m->is_static ? NULL : r, m->name,
                                         in.data, in.len, (struct sh_how) { 0 }, &out, &err);
                if (r2 == RV_OK)
                        *ret = sh_json_any(sh, rv_json_at(out.data, out.len));
                else
                        st = sh_model_throw(sh, &err, self);
        }
        rv_buf_free(&in);
        rv_buf_free(&out);
        return st;
}

/* "uint Terminate(uint Reason, bool Force)" */
static const char *signature(struct rv_arena *a, const struct rv_method *m)
{
        struct rv_property p = { .type = m->return_type };
        struct sh_buf b = { 0 };
        sh_buf_putf(&b, "%s %s(", sh_cim_type_of(&p, true), m->name);
        bool any = false;
        for (uint32_t i = 0; i < m->nparameters; i++)
                if (m->parameters[i].flags & RV_IN) {
                        sh_buf_putf(&b, "%s%s %s", any ? ", " : "", sh_cim_type_of(&m->parameters[i], false),
                                    m->parameters[i].name);
                        any = true;
                }
        sh_buf_puts(&b, ")");
        const char *s = rv_arena_text(a, b.p, b.n);
        sh_buf_free(&b);
        return s;
}

static const char *const *columns(struct rv_arena *a, const struct rv_class *c)
{
        const char **names = rv_arena_get(a, (c->nview + 1) * sizeof *names);
        uint32_t n = 0;
        for (uint32_t i = 0; i < c->nview; i++) {
                const char *p = strchr(c->view[i], '|'), *end = p ? strchr(p + 1, '|') : NULL;
                if (p)
                        names[n++] = rv_arena_text(a, p + 1, end ? (size_t)(end - p - 1) : strlen(p + 1));
        }
        return n ? names : NULL;
}

/* An object that came from another host is shown as its class is, where that class is one of ours. */
static const struct rv_class *class_of_carried(struct sv v)
{
        static const char before[] = "Deserialized.reeve.";
        const struct sh_bag *b = v.kind == SH_PSOBJECT ? sh_bag_of(v, false) : NULL;
        const char *name = b && b->ntypes && b->types[0].kind == SH_STRING ? b->types[0].s->s : "";
        return strncmp(name, before, sizeof before - 1) == 0 ? rv_class_find(name + sizeof before - 1, NULL)
                                                             : NULL;
}

/* The class' rows with an end, made once. */
static const char *const *ended_view(const struct rv_class *c)
{
        static struct ended {
                struct ended *next;
                const struct rv_class *c;
                const char *rows[];
        } * made;
        for (struct ended *e = made; e; e = e->next)
                if (e->c == c)
                        return e->rows;
        struct ended *e = calloc(1, sizeof *e + (c->nview + 1) * sizeof e->rows[0]);
        if (!e)
                abort();
        e->c = c;
        e->next = made;
        memcpy(e->rows, c->view, c->nview * sizeof e->rows[0]);
        made = e;
        return e->rows;
}

/* Whether a row has what its class' view shows: one of a query that named other properties is shown as they are. */
static bool has_view(const struct sh_model_row *r)
{
        for (uint32_t i = 0; r->obj.flags & SH_MODEL_NARROW && i < r->class->c->nview; i++) {
                const char *p = strchr(r->class->c->view[i], '|');
                int at = p ? rv_property_find_alias(r->class->c, p + 1, strcspn(p + 1, "|"), NULL) : -1;
                if (at >= 0 && !is_read(r, (uint32_t)at))
                        return false;
        }
        return true;
}

bool sh_model_is_narrow(struct sv v)
{
        return v.kind == SH_MODEL && v.o->flags & SH_MODEL_NARROW;
}

const char *const *sh_model_view(struct sv v, bool *ret_list)
{
        struct sh_model_row *r = sh_model_row_of(v);
        *ret_list = false;
        if (r && !has_view(r))
                return NULL;
        const struct rv_class *carried = r ? NULL : class_of_carried(v);
        if (carried && carried->nview) {
                *ret_list = carried->view_kind && strcasecmp(carried->view_kind, "list") == 0;
                return ended_view(carried);
        }
        *ret_list = r && r->class->c->view_kind && strcasecmp(r->class->c->view_kind, "list") == 0;
        return r ? r->class->view : NULL;
}

static const char *type_name(struct rv_arena *a, const struct rv_class *c)
{
        char text[300];
        if (strcasecmp(c->name_space, "root/reeve") == 0)
                snprintf(text, sizeof text, "reeve.%s", c->name);
        else
                snprintf(text, sizeof text, "Microsoft.Management.Infrastructure.CimInstance#%s/%s",
                         c->name_space, c->name);
        return rv_arena_text(a, text, strlen(text));
}

void sh_model_type(struct sh_model_class *m)
{
        const struct rv_class *c = m->c;
        const struct sh_type *base = &sh_type_model;
        for (uint32_t i = c->ntype_names; i-- > 0;) {
                struct sh_type *t = rv_arena_get(&m->arena, sizeof *t);
                *t = sh_type_model;
                t->name = c->type_names[i];
                t->accelerator = NULL;
                t->base = base;
                t->members = sh_model_extras(t->name, &t->nmembers);
                base = t;
        }
        struct sh_member *v = rv_arena_get(&m->arena, (c->nmethods + 1) * sizeof *v);
        for (uint32_t i = 0; i < c->nmethods; i++)
                v[i] = (struct sh_member) { .name = c->methods[i].name,
                                            .kind = SH_METHOD,
                                            .signature = signature(&m->arena, &c->methods[i]),
                                            .call = method_call,
                                            .arg = i };
        m->type = sh_type_model;
        m->type.accelerator = NULL;
        m->type.name = type_name(&m->arena, c);
        m->type.base = base;
        const char **names =
                rv_arena_get(&m->arena, (c->ntype_names + 1) * sizeof *names); /* ended by NULL */
        for (uint32_t i = 0; i < c->ntype_names; i++)
                names[i] = c->type_names[i];
        m->type.interfaces = names;
        m->type.members = v;
        m->type.nmembers = c->nmethods;
        m->type.default_properties = columns(&m->arena, c);
        const char **view = rv_arena_get(&m->arena, (c->nview + 1) * sizeof *view);
        for (uint32_t i = 0; i < c->nview; i++)
                view[i] = c->view[i];
        m->view = c->nview ? view : NULL;
}

/* Text becomes no instance; whatever is one stays what it is. */
static int model_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        (void)sh;
        (void)t;
        if (!sh_model_row_of(from))
                return SH_NONE;
        *ret = sh_keep(from);
        return SH_OK;
}

static const char *const other_names[] = { "CimInstance", NULL };

const struct sh_type sh_type_model = {
        .name = "Microsoft.Management.Infrastructure.CimInstance",
        .accelerator = "ciminstance",
        .other_names = other_names,
        .base = &sh_type_object,
        .get = model_get,
        .put = model_put,
        .list = model_list,
        .text = model_text,
        .convert = model_convert,
        .free = model_free,
};

SH_TYPES(model, &sh_type_model);
