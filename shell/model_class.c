/* SPDX-License-Identifier: MIT
 *
 * Classes on a link: those that were compiled in, and others read from GetClass into the same descriptors.
 */
#include <stdlib.h>
#include <strings.h>

#include "shell/model.h"

/* ---- reading a descriptor ---- */

static const char *text_of(struct rv_arena *a, struct rv_json object, const char *name)
{
        struct rv_json v;
        char *s = rv_json_find(object, name, &v) ? rv_json_strdup(&v) : NULL;
        const char *kept = s ? rv_arena_text(a, s, strlen(s)) : NULL;
        free(s);
        return kept;
}

static bool flag_of(struct rv_json object, const char *name)
{
        struct rv_json v;
        return rv_json_find(object, name, &v) && rv_json_true(&v);
}

static uint32_t count(struct rv_json list)
{
        struct rv_json item;
        uint32_t n = 0;
        while (n < 4096 && rv_json_next(&list, NULL, &item))
                n++;
        return n;
}

/* An array of texts; a single value counts as one. Numbers and truth values keep their text. */
static void values_of(struct rv_arena *a, struct rv_json v, const char *const **ret, uint32_t *ret_n)
{
        struct rv_json item;
        bool list = rv_json_kind(&v) == '[';
        uint32_t n = list ? count(v) : rv_json_kind(&v) != 'n';
        const char **to = rv_arena_get(a, (n + 1) * sizeof *to);
        *ret = to;
        *ret_n = 0;
        while (*ret_n < n && to) {
                if (list && !rv_json_next(&v, NULL, &item))
                        break;
                if (!list)
                        item = v;
                char *s = rv_json_strdup(&item);
                const char *kept = s ? rv_arena_text(a, s, strlen(s)) : rv_arena_text(a, item.p, rv_json_size(&item));
                free(s);
                if (!kept)
                        break;
                to[(*ret_n)++] = kept;
        }
}

static void texts_of(struct rv_arena *a, struct rv_json object, const char *name, const char *const **ret,
                     uint32_t *ret_n)
{
        struct rv_json v;
        *ret = NULL;
        *ret_n = 0;
        if (rv_json_find(object, name, &v))
                values_of(a, v, ret, ret_n);
}

static void qualifiers_of(struct rv_arena *a, struct rv_json object, const struct rv_qualifier **ret, uint32_t *ret_n)
{
        struct rv_json all, name, v;
        *ret_n = 0;
        if (!rv_json_find(object, "Qualifiers", &all))
                return;
        struct rv_qualifier *q = rv_arena_get(a, (count(all) + 1) * sizeof *q);
        *ret = q;
        for (uint32_t most = count(all); q && *ret_n < most && rv_json_next(&all, &name, &v); q++, ++*ret_n) {
                char kind = rv_json_kind(&v);
                q->is_array = kind == '[';
                q->name = rv_arena_text(a, name.p, rv_json_size(&name));
                values_of(a, v, &q->values, &q->nvalues);
                q->type = kind == 't' || kind == 'f' ? RV_CIM_BOOLEAN : kind == '-' ? RV_CIM_SINT64 : RV_CIM_STRING;
        }
}

static uint8_t type_of(const char *name)
{
        for (int t = 0; name && t <= RV_CIM_VOID; t++)
                if (strcasecmp(name, rv_cim_type_name(t)) == 0)
                        return (uint8_t)t;
        return RV_CIM_STRING;
}

static const char *some(const char *s)
{
        return s ? s : "";
}

static void read_property(struct rv_arena *a, struct rv_json j, struct rv_property *p)
{
        static const struct {
                const char *name;
                uint32_t flag;
        } flags[] = { { "Key", RV_KEY },         { "Read", RV_READ },     { "Write", RV_WRITE },
                      { "Required", RV_REQUIRED }, { "Expensive", RV_EXPENSIVE }, { "Secret", RV_SECRET },
                      { "Counter", RV_COUNTER }, { "Map", RV_MAP },       { "Deprecated", RV_DEPRECATED },
                      { "Identifies", RV_IDENTIFIES },
                      { "In", RV_IN },           { "Out", RV_OUT } };
        struct rv_json v;
        *p = (struct rv_property) { .name = some(text_of(a, j, "Name")),
                                    .type = type_of(text_of(a, j, "Type")),
                                    .is_array = flag_of(j, "IsArray"),
                                    .description = some(text_of(a, j, "Description")),
                                    .ref_class = text_of(a, j, "ReferenceClass"),
                                    .units = text_of(a, j, "Units"),
                                    .min = 1 };
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                if (flag_of(j, flags[i].name))
                        p->flags |= flags[i].flag;
        texts_of(a, j, "ValueMap", &p->value_map, &p->nvalue_map);
        texts_of(a, j, "Values", &p->values, &p->nvalues);
        texts_of(a, j, "Alias", &p->alias, &p->nalias);
        if (rv_json_find(j, "MinValue", &v)) {
                p->min = rv_json_int64(&v, INT64_MIN);
                p->max = rv_json_find(j, "MaxValue", &v) ? rv_json_int64(&v, INT64_MAX) : INT64_MAX;
        }
        if (rv_json_find(j, "MaxLen", &v))
                p->max_len = (uint32_t)rv_json_int64(&v, 0);
        qualifiers_of(a, j, &p->qualifiers, &p->nqualifiers);
        const struct rv_qualifier *q = rv_qualifier_find(p->qualifiers, p->nqualifiers, "Parameter");
        p->parameter = q && q->nvalues ? q->values[0] : NULL;
}

static void read_properties(struct rv_arena *a, struct rv_json object, const char *name,
                            const struct rv_property **ret, uint32_t *ret_n)
{
        struct rv_json list, item;
        *ret_n = 0;
        if (!rv_json_find(object, name, &list))
                return;
        uint32_t n = count(list);
        struct rv_property *p = rv_arena_get(a, (n + 1) * sizeof *p);
        *ret = p;
        while (p && *ret_n < n && rv_json_next(&list, NULL, &item))
                read_property(a, item, &p[(*ret_n)++]);
}

static void read_methods(struct rv_arena *a, struct rv_json object, struct rv_class *c)
{
        struct rv_json list, item;
        if (!rv_json_find(object, "Methods", &list))
                return;
        uint32_t n = count(list);
        struct rv_method *m = rv_arena_get(a, (n + 1) * sizeof *m);
        c->methods = m;
        for (; m && c->nmethods < n && rv_json_next(&list, NULL, &item); m++, c->nmethods++) {
                *m = (struct rv_method) { .name = some(text_of(a, item, "Name")),
                                          .description = some(text_of(a, item, "Description")),
                                          .return_type = type_of(text_of(a, item, "ReturnType")),
                                          .is_static = flag_of(item, "Static"),
                                          .escalates = flag_of(item, "Escalates"),
                                          .read_only = flag_of(item, "ReadOnly") };
                read_properties(a, item, "Parameters", &m->parameters, &m->nparameters);
                texts_of(a, item, "Cmdlets", &m->cmdlets, &m->ncmdlets);
                texts_of(a, item, "ReturnValues", &m->return_values, &m->nreturn_values);
                qualifiers_of(a, item, &m->qualifiers, &m->nqualifiers);
        }
}

static void list_qualifier(const struct rv_class *c, const char *name, const char *const **ret, uint32_t *ret_n)
{
        const struct rv_qualifier *q = rv_qualifier_find(c->qualifiers, c->nqualifiers, name);
        if (q) {
                *ret = q->values;
                *ret_n = q->nvalues;
        }
}

const struct rv_class *sh_class_read(struct rv_arena *a, struct rv_json j)
{
        struct rv_class *c = rv_arena_get(a, sizeof *c);
        if (!c)
                return NULL;
        c->name = some(text_of(a, j, "ClassName"));
        c->name_space = text_of(a, j, "Namespace");
        if (!c->name_space)
                c->name_space = "root/reeve";
        c->description = some(text_of(a, j, "Description"));
        c->version = text_of(a, j, "Version");
        c->base_name = text_of(a, j, "SuperClass");
        c->view_of = text_of(a, j, "ViewOf");
        c->noun = text_of(a, j, "Noun");
        c->flags = (flag_of(j, "Abstract") ? RV_ABSTRACT : 0u) | (flag_of(j, "Association") ? RV_ASSOCIATION : 0u) |
                   (flag_of(j, "Indication") ? RV_INDICATION : 0u) | (flag_of(j, "Singleton") ? RV_SINGLETON : 0u);
        qualifiers_of(a, j, &c->qualifiers, &c->nqualifiers);
        read_properties(a, j, "Properties", &c->properties, &c->nproperties);
        read_methods(a, j, c);
        uint16_t *keys = rv_arena_get(a, (c->nproperties + 1) * sizeof *keys);
        for (uint32_t i = 0; keys && i < c->nproperties; i++)
                if (c->properties[i].flags & RV_KEY)
                        keys[c->nkeys++] = (uint16_t)i;
        c->keys = keys;
        list_qualifier(c, "TypeNames", &c->type_names, &c->ntype_names);
        list_qualifier(c, "View", &c->view, &c->nview);
        const struct rv_qualifier *kind = rv_qualifier_find(c->qualifiers, c->nqualifiers, "ViewKind");
        c->view_kind = kind && kind->nvalues ? kind->values[0] : NULL;
        return c->name[0] ? c : NULL;
}

/* ---- classes of a link ---- */

static struct sh_model_class *add(struct sh_link *l, const struct rv_class *c)
{
        struct sh_model_class *m = calloc(1, sizeof *m);
        if (!m)
                abort();
        m->link = l;
        m->c = c;
        m->next = l->classes;
        l->classes = m;
        return m;
}

static bool same_space(const char *a, const char *b)
{
        for (; *a && *b; a++, b++)
                if ((*a == '\\' ? '/' : *a | 32) != (*b == '\\' ? '/' : *b | 32))
                        return false;
        return !*a && !*b;
}

static const struct sh_model_class *known(struct sh_link *l, const char *name, const char *space)
{
        for (struct sh_model_class *m = l->classes; m; m = m->next)
                if (strcasecmp(m->c->name, name) == 0 && (!space || same_space(space, m->c->name_space)))
                        return m;
        return NULL;
}

const struct sh_model_class *sh_model_known(struct sh_link *l, const struct rv_class *c)
{
        for (struct sh_model_class *m = l->classes; m; m = m->next)
                if (m->c == c)
                        return m;
        struct sh_model_class *m = add(l, c);
        sh_model_type(m);
        return m;
}

static const struct sh_model_class *from_json(struct sh_link *l, struct rv_json j)
{
        struct sh_model_class *m = add(l, NULL);
        m->c = sh_class_read(&m->arena, j);
        if (!m->c) {
                l->classes = m->next;
                rv_arena_free(&m->arena);
                free(m);
                return NULL;
        }
        sh_model_type(m);
        return m;
}

/* "root/cimv2" as WMI and as we write it: what the agent is asked for. */
int sh_model_class(struct sh_link *l, const char *name, const char *space, const struct sh_model_class **ret,
                   struct rv_error *err)
{
        *ret = known(l, name, space);
        if (*ret)
                return RV_OK;
        const struct rv_class *c = rv_class_find(name, NULL);
        if (c && !l->host && (!space || same_space(space, c->name_space))) {
                *ret = sh_model_known(l, c);
                return RV_OK;
        }
        struct rv_buf params = { 0 }, answer = { 0 };
        rv_buf_puts(&params, "{\"ClassName\":");
        rv_json_text(&params, name);
        if (space) {
                rv_buf_puts(&params, ",\"Namespace\":");
                rv_json_text(&params, space);
        }
        int r = sh_link_call(l, "GetClass", &params, 0, &answer, err);
        if (r == RV_OK)
                *ret = from_json(l, rv_json_at(answer.data, answer.len));
        if (r == RV_OK && !*ret)
                r = rv_fail(err, RV_FAILED, "the agent's description of '%.60s' cannot be understood", name);
        rv_buf_free(&params);
        rv_buf_free(&answer);
        return r;
}

/* Asks for the names; what is known already of this connection is not asked for again. */
static int learn(struct sh_link *l, bool others, unsigned *known_of, struct rv_error *err)
{
        if (*known_of && *known_of == l->opened + 1 && l->client && !rv_client_gone(l->client))
                return RV_OK;
        struct rv_buf answer = { 0 }, params = { 0 };
        rv_buf_puts(&params, "{\"NamesOnly\":true");
        int r = sh_link_call(l, "EnumerateClasses", &params, 0, &answer, err);
        struct rv_json list, item;
        if (r == RV_OK && rv_json_find(rv_json_at(answer.data, answer.len), "Classes", &list))
                while (r == RV_OK && rv_json_next(&list, NULL, &item)) {
                        const struct sh_model_class *m;
                        char *name = rv_json_strdup(&item);
                        bool wanted = name && !(others && !l->host && rv_class_find(name, NULL));
                        if (wanted && sh_model_class(l, name, NULL, &m, err) == RV_NOT_FOUND)
                                r = RV_OK; /* went meanwhile */
                        free(name);
                }
        *known_of = r == RV_OK ? l->opened + 1 : 0;
        rv_buf_free(&answer);
        rv_buf_free(&params);
        return r;
}

int sh_model_all_classes(struct sh_link *l, struct rv_error *err)
{
        return learn(l, false, &l->all_known, err);
}

int sh_model_other_classes(struct sh_link *l, struct rv_error *err)
{
        return learn(l, true, &l->others_known, err);
}
