/* SPDX-License-Identifier: MIT
 *
 * From declarations to descriptors: superclasses resolved, properties and qualifiers inherited by their flavours, and
 * every field of struct rv_class filled from the qualifiers that schema/classes/qualifiers.mof describes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/compute.h"
#include "schema/mof_int.h"

struct finish {
        struct rv_mof *m;
        bool builtin;
};

static const char *text_of(const struct mof_list *l, const char *name)
{
        struct mof_qualifier *q = mof_qualifier_find(l, name);
        return q && q->q.nvalues ? q->q.values[0] : NULL;
}

static bool is_true(const struct mof_list *l, const char *name)
{
        const char *t = text_of(l, name);
        return t && strcasecmp(t, "true") == 0;
}

static void list_of(const struct mof_list *l, const char *name, const char *const **ret, uint32_t *ret_n)
{
        struct mof_qualifier *q = mof_qualifier_find(l, name);
        if (q) {
                *ret = q->q.values;
                *ret_n = q->q.nvalues;
        }
}

static const struct rv_qualifier *flat(struct rv_mof *m, const struct mof_list *l, uint32_t *ret_n)
{
        struct rv_qualifier *v = mof_get(m, (l->n ? l->n : 1) * sizeof *v);
        for (uint32_t i = 0; i < l->n && !m->failed; i++)
                v[i] = ((struct mof_qualifier *)l->v[i])->q;
        *ret_n = l->n;
        return v;
}

/* Qualifiers of an overridden feature or of a superclass that reach the subclass. */
static void inherit(struct rv_mof *m, struct mof_list *to, const struct mof_list *from)
{
        for (uint32_t i = 0; i < from->n; i++) {
                struct mof_qualifier *q = from->v[i], *own = mof_qualifier_find(to, q->q.name);
                if (!(q->flavour & MOF_TO_SUBCLASS))
                        continue;
                if (!own)
                        mof_add(m, to, q);
                else if (!(q->flavour & MOF_OVERRIDE) && own->has_value && own->q.nvalues == 1 &&
                         q->q.nvalues == 1 && strcasecmp(own->q.values[0], q->q.values[0]) != 0)
                        mof_fail(m, own->at, "qualifier '%s' may not be overridden: the superclass says '%s'",
                                 q->q.name, q->q.values[0]);
        }
}

static const struct {
        const char *name;
        uint32_t flag;
} flags[] = {
        { "Key", RV_KEY },       { "Read", RV_READ },
        { "Write", RV_WRITE },   { "Required", RV_REQUIRED },
        { "Static", RV_STATIC }, { "Expensive", RV_EXPENSIVE },
        { "Secret", RV_SECRET }, { "Counter", RV_COUNTER },
        { "Map", RV_MAP },       { "Identifies", RV_IDENTIFIES },
};

static void conversion(struct rv_mof *m, const struct mof_feature *f, struct rv_property *p)
{
        static const struct {
                const char *name;
                int64_t factor;
        } units[] = {
                { "KiB", 1024 }, { "MiB", 1 << 20 }, { "100ns", 100 },
                { "us", 1000 },  { "ms", 1000000 },  { "s", 1000000000 },
        };
        p->source = text_of(&f->qualifiers, "Source");
        p->constant = text_of(&f->qualifiers, "Constant");
        if (p->constant)
                p->convert = p->constant[0] == '$' ? RV_CONVERT_SYSTEM : RV_CONVERT_CONST;
        const char *compute = text_of(&f->qualifiers, "Compute");
        if (compute) {
                p->constant = compute;
                p->convert = RV_CONVERT_COMPUTE;
        }
        list_of(&f->qualifiers, "ConvertMap", &p->map, &p->nmap);
        const char *how = text_of(&f->qualifiers, "Convert");
        if (!how)
                return;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (strcasecmp(how, units[i].name) == 0)
                        p->convert = RV_CONVERT_DIV, p->factor = units[i].factor;
        if (strcasecmp(how, "string") == 0)
                p->convert = RV_CONVERT_STRING;
        else if (strcasecmp(how, "present") == 0)
                p->convert = RV_CONVERT_PRESENT;
        else if (strcasecmp(how, "network") == 0)
                p->convert = RV_CONVERT_NETWORK;
        else if (strcasecmp(how, "netmask") == 0)
                p->convert = RV_CONVERT_NETMASK;
        else if (strcasecmp(how, "map") == 0)
                p->convert = RV_CONVERT_MAP;
        else if (how[0] == '/' && (p->factor = strtoll(how + 1, NULL, 10)) > 0)
                p->convert = RV_CONVERT_DIV;
        if (p->convert == RV_CONVERT_NONE)
                mof_fail(m, f->at,
                         "Convert(\"%s\") of '%s': expected KiB, MiB, 100ns, us, ms, s, /N, string, present, "
                         "network, netmask or map",
                         how, f->name);
}

static void fill_property(struct rv_mof *m, const struct mof_feature *f, struct rv_property *p,
                          bool parameter)
{
        const struct mof_list *q = &f->qualifiers;
        *p = (struct rv_property) { .name = f->name,
                                    .type = f->type,
                                    .is_array = f->is_array,
                                    .ref_class = f->ref_class,
                                    .default_text = f->default_text,
                                    .min = 1,
                                    .max = 0 };
        p->description = text_of(q, "Description");
        if (!p->description)
                p->description = "";
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                if (is_true(q, flags[i].name))
                        p->flags |= flags[i].flag;
        if (mof_qualifier_find(q, "Deprecated"))
                p->flags |= RV_DEPRECATED;
        if (!parameter && !(p->flags & RV_WRITE))
                p->flags |= RV_READ;
        if (parameter) {
                bool out = is_true(q, "Out"), in = mof_qualifier_find(q, "In") ? is_true(q, "In") : !out;
                p->flags |= (in ? RV_IN : 0u) | (out ? RV_OUT : 0u);
        }
        const char *embedded = text_of(q, "EmbeddedInstance");
        if (embedded && f->type == RV_CIM_STRING) {
                p->type = RV_CIM_OBJECT;
                p->ref_class = embedded;
        }
        p->units = text_of(q, "PUnit");
        if (!p->units)
                p->units = text_of(q, "Units");
        list_of(q, "ValueMap", &p->value_map, &p->nvalue_map);
        list_of(q, "Values", &p->values, &p->nvalues);
        list_of(q, "Alias", &p->alias, &p->nalias);
        p->parameter = text_of(q, "Parameter");
        const char *min = text_of(q, "MinValue"), *max = text_of(q, "MaxValue"), *len = text_of(q, "MaxLen");
        if (min || max) {
                p->min = min ? strtoll(min, NULL, 10) : INT64_MIN;
                p->max = max ? strtoll(max, NULL, 10) : INT64_MAX;
        }
        p->max_len = len ? (uint32_t)strtoul(len, NULL, 10) : 0;
        conversion(m, f, p);
        p->qualifiers = flat(m, q, &p->nqualifiers);
}

/* The pseudo-class of a method's [In] or [Out] parameters. */
static const struct rv_class *pseudo(struct rv_mof *m, const struct mof_class *c, const struct mof_feature *f,
                                     const struct rv_method *method, uint32_t direction)
{
        struct rv_class *k = mof_get(m, sizeof *k);
        struct rv_property *p = mof_get(m, (method->nparameters + 1) * sizeof *p);
        size_t n = strlen(c->name) + strlen(f->name) + 8;
        char *name = mof_get(m, n);
        snprintf(name, n, "%s.%s.%s", c->name, f->name, direction == RV_IN ? "in" : "out");
        uint32_t count = 0;
        if (direction == RV_OUT && f->type != RV_CIM_VOID) {
                p[count] = (struct rv_property) { .name = "ReturnValue",
                                                  .type = f->type,
                                                  .description = "What the method answers.",
                                                  .flags = RV_OUT,
                                                  .min = 1,
                                                  .max = 0 };
                list_of(&f->qualifiers, "ValueMap", &p[count].value_map, &p[count].nvalue_map);
                list_of(&f->qualifiers, "Values", &p[count].values, &p[count].nvalues);
                count++;
        }
        for (uint32_t i = 0; i < method->nparameters && !m->failed; i++)
                if (method->parameters[i].flags & direction)
                        p[count++] = method->parameters[i];
        *k = (struct rv_class) { .name = name,
                                 .name_space = c->name_space,
                                 .description = "",
                                 .flags = RV_PSEUDO,
                                 .properties = p,
                                 .nproperties = count };
        return k;
}

static void fill_method(struct rv_mof *m, const struct mof_class *c, const struct mof_feature *f,
                        struct rv_method *t)
{
        const struct mof_list *q = &f->qualifiers;
        *t = (struct rv_method) { .name = f->name,
                                  .return_type = f->type,
                                  .is_static = is_true(q, "Static"),
                                  .escalates = is_true(q, "Escalates"),
                                  .read_only = is_true(q, "ReadOnly") };
        t->description = text_of(q, "Description");
        if (!t->description)
                t->description = "";
        struct rv_property *p = mof_get(m, (f->parameters.n ? f->parameters.n : 1) * sizeof *p);
        for (uint32_t i = 0; i < f->parameters.n && !m->failed; i++)
                fill_property(m, f->parameters.v[i], &p[i], true);
        t->parameters = p;
        t->nparameters = f->parameters.n;
        list_of(q, "Cmdlet", &t->cmdlets, &t->ncmdlets);
        t->in = pseudo(m, c, f, t, RV_IN);
        t->out = pseudo(m, c, f, t, RV_OUT);
        const char *const *values = NULL, *const *map = NULL;
        uint32_t nvalues = 0, nmap = 0;
        list_of(q, "Values", &values, &nvalues);
        list_of(q, "ValueMap", &map, &nmap);
        const char **names = mof_get(m, (nvalues ? nvalues : 1) * sizeof *names);
        for (uint32_t i = 0; i < nvalues && !m->failed; i++) {
                char number[16];
                snprintf(number, sizeof number, "%u", i);
                const char *code = i < nmap ? map[i] : number;
                size_t n = strlen(code) + strlen(values[i]) + 2;
                char *text = mof_get(m, n);
                snprintf(text, n, "%s=%s", code, values[i]);
                names[i] = text;
        }
        t->return_values = names;
        t->nreturn_values = nvalues;
        t->qualifiers = flat(m, q, &t->nqualifiers);
}

/* Inherited features first, overridden ones in their place. */
static void gather(struct rv_mof *m, struct mof_class *c, const struct mof_class *base)
{
        for (uint32_t i = 0; base && i < base->all_features.n; i++)
                mof_add(m, &c->all_features, base->all_features.v[i]);
        for (uint32_t i = 0; i < c->features.n; i++) {
                struct mof_feature *f = c->features.v[i];
                uint32_t k = 0;
                while (k < c->all_features.n &&
                       strcasecmp(((struct mof_feature *)c->all_features.v[k])->name, f->name) != 0)
                        k++;
                if (k == c->all_features.n) {
                        mof_add(m, &c->all_features, f);
                        continue;
                }
                const struct mof_feature *old = c->all_features.v[k];
                if (old->is_method != f->is_method)
                        mof_fail(m, f->at, "'%s' is a %s in the superclass", f->name,
                                 old->is_method ? "method" : "property");
                inherit(m, &f->qualifiers, &old->qualifiers);
                c->all_features.v[k] = f;
        }
        c->all_qualifiers = c->qualifiers;
        if (base)
                inherit(m, &c->all_qualifiers, &base->all_qualifiers);
}

static void fill_class(struct rv_mof *m, struct mof_class *c)
{
        const struct mof_list *q = &c->all_qualifiers;
        struct rv_class *k = &c->class;
        k->name = c->name;
        const char *name_space = text_of(q, "Namespace");
        k->name_space = name_space ? name_space : c->name_space;
        k->description = text_of(&c->qualifiers, "Description");
        if (!k->description)
                k->description = "";
        k->version = text_of(&c->qualifiers, "Version");
        k->base_name = c->super;
        k->view_of = text_of(q, "ViewOf");
        k->view_filter = text_of(q, "ViewFilter");
        k->noun = text_of(&c->qualifiers, "Noun");
        k->view_kind = text_of(q, "ViewKind");
        list_of(q, "View", &k->view, &k->nview);
        list_of(q, "TypeNames", &k->type_names, &k->ntype_names);
        k->flags = (is_true(&c->qualifiers, "Abstract") ? RV_ABSTRACT : 0u) |
                   (is_true(q, "Association") ? RV_ASSOCIATION : 0u) |
                   (is_true(q, "Indication") ? RV_INDICATION : 0u) |
                   (is_true(q, "Singleton") ? RV_SINGLETON : 0u) |
                   (mof_qualifier_find(&c->qualifiers, "Deprecated") ? RV_CLASS_DEPRECATED : 0u);
        uint32_t n = c->all_features.n;
        struct rv_property *p = mof_get(m, (n ? n : 1) * sizeof *p);
        struct rv_method *t = mof_get(m, (n ? n : 1) * sizeof *t);
        uint16_t *keys = mof_get(m, (n ? n : 1) * sizeof *keys);
        for (uint32_t i = 0; i < n && !m->failed; i++) {
                const struct mof_feature *f = c->all_features.v[i];
                if (f->is_method) {
                        fill_method(m, c, f, &t[k->nmethods++]);
                } else {
                        fill_property(m, f, &p[k->nproperties], false);
                        if (p[k->nproperties].flags & RV_KEY)
                                keys[k->nkeys++] = (uint16_t)k->nproperties;
                        k->nproperties++;
                }
        }
        k->properties = p;
        k->methods = t;
        k->keys = keys;
        k->qualifiers = flat(m, q, &k->nqualifiers);
}

static void resolve(struct finish *f, struct mof_class *c)
{
        struct rv_mof *m = f->m;
        if (c->state == 2)
                return;
        if (c->state == 1) {
                mof_fail(m, c->at, "class '%s' is its own superclass", c->name);
                return;
        }
        c->state = 1;
        struct mof_class *base = c->super ? mof_class_find(m, c->super) : NULL;
        const struct rv_class *known = c->super && !base && f->builtin ? rv_class_find(c->super, NULL) : NULL;
        if (c->super && !base && !known)
                mof_fail(m, c->at, "class '%s': there is no superclass '%s'", c->name, c->super);
        if (base) {
                resolve(f, base);
                c->class.base = &base->class;
        } else {
                c->class.base = known;
        }
        gather(m, c, base);
        fill_class(m, c);
        c->state = 2;
}

struct names {
        struct rv_mof *m;
        const struct mof_class *view;
        const struct rv_class *source;
        const struct rv_property *property;
};

static bool check_name(void *state, const char *name, size_t n, long double *ret)
{
        struct names *s = state;
        *ret = 1;
        if (rv_property_find(s->source, name, n) < 0)
                mof_fail(s->m, s->view->at, "'%s.%s' has Compute(\"%s\"): '%s' lacks '%.*s'", s->view->name,
                         s->property->name, s->property->constant, s->source->name, (int)n, name);
        return true;
}

static void check_compute(struct rv_mof *m, const struct mof_class *c, const struct rv_class *source,
                          const struct rv_property *p)
{
        long double unused;
        struct names names = { m, c, source, p };
        if (rv_compute(p->constant, check_name, &names, &unused) == RV_COMPUTE_FAULT)
                mof_fail(m, c->at,
                         "'%s.%s' has Compute(\"%s\"): expected names, numbers, + - * / and parentheses",
                         c->name, p->name, p->constant);
}

/* Views: what their methods call must exist. */
static void check_calls(struct finish *f, const struct mof_class *c)
{
        for (uint32_t i = 0; i < c->class.nmethods; i++) {
                const struct rv_method *m = &c->class.methods[i];
                const struct rv_qualifier *q = rv_qualifier_find(m->qualifiers, m->nqualifiers, "Calls");
                const char *name = q && q->nvalues ? q->values[0] : m->name, *dot = strchr(name, '.');
                char class[128];
                snprintf(class, sizeof class, "%.*s", dot ? (int)(dot - name) : 127,
                         dot ? name : c->class.view_of);
                struct mof_class *of = mof_class_find(f->m, class);
                const struct rv_class *source = of           ? &of->class
                                                : f->builtin ? rv_class_find(class, NULL)
                                                             : NULL;
                name = dot ? dot + 1 : name;
                if (!source || rv_method_find(source, name, strlen(name)) < 0)
                        mof_fail(f->m, c->at, "'%s.%s' calls '%s' of '%s', which is not there", c->name,
                                 m->name, name, class);
        }
}

/* Views: every source must exist. */
static void check_view(struct finish *f, struct mof_class *c)
{
        struct rv_mof *m = f->m;
        if (!c->class.view_of)
                return;
        struct mof_class *of = mof_class_find(m, c->class.view_of);
        const struct rv_class *source = of           ? &of->class
                                        : f->builtin ? rv_class_find(c->class.view_of, NULL)
                                                     : NULL;
        if (!source) {
                mof_fail(m, c->at, "ViewOf(\"%s\"): there is no such class", c->class.view_of);
                return;
        }
        check_calls(f, c);
        for (uint32_t i = 0; i < c->class.nproperties; i++) {
                const struct rv_property *p = &c->class.properties[i];
                if (p->source && rv_property_find(source, p->source, strlen(p->source)) < 0)
                        mof_fail(m, c->at, "'%s.%s' has Source(\"%s\"), which '%s' lacks", c->name, p->name,
                                 p->source, source->name);
                if (p->convert == RV_CONVERT_COMPUTE)
                        check_compute(m, c, source, p);
        }
}

int rv_mof_finish(struct rv_mof *m, bool builtin)
{
        struct finish f = { m, builtin };
        for (uint32_t i = 0; i < m->classes.n; i++)
                resolve(&f, m->classes.v[i]);
        for (uint32_t i = 0; i < m->classes.n; i++) {
                struct mof_class *c = m->classes.v[i];
                check_view(&f, c);
                mof_add(m, &m->results, &c->class);
        }
        return m->failed ? -ENOMEM : (int)m->errors.n;
}

struct rv_mof *rv_mof_new(void)
{
        struct rv_mof *m = calloc(1, sizeof *m);
        if (m)
                m->name_space = "root/reeve";
        return m;
}

struct rv_mof *rv_mof_free(struct rv_mof *m)
{
        if (m)
                rv_arena_free(&m->arena);
        free(m);
        return NULL;
}

const struct rv_class *const *rv_mof_classes(struct rv_mof *m, uint32_t *ret_n)
{
        *ret_n = m->results.n;
        return (const struct rv_class *const *)m->results.v;
}

const char *rv_mof_class_file(struct rv_mof *m, const struct rv_class *k)
{
        for (uint32_t i = 0; i < m->classes.n; i++)
                if (&((struct mof_class *)m->classes.v[i])->class == k)
                        return ((struct mof_class *)m->classes.v[i])->at.file;
        return NULL;
}

const struct rv_mof_instance *rv_mof_instances(struct rv_mof *m, uint32_t *ret_n)
{
        struct rv_mof_instance *v = mof_get(m, (m->instances.n ? m->instances.n : 1) * sizeof *v);
        for (uint32_t i = 0; i < m->instances.n && !m->failed; i++)
                v[i] = *(struct rv_mof_instance *)m->instances.v[i];
        *ret_n = m->instances.n;
        return v;
}

uint32_t rv_mof_nqualifiers(struct rv_mof *m)
{
        return m->declarations.n;
}

uint32_t rv_mof_nerrors(struct rv_mof *m)
{
        return m->errors.n;
}

const char *rv_mof_error(struct rv_mof *m, uint32_t i)
{
        return i < m->errors.n ? m->errors.v[i] : NULL;
}
