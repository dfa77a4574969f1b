/* SPDX-License-Identifier: MIT
 *
 * Classes as JSON: GetClass' answer, and JSON Schema with a title for everything, for OpenRPC.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "schema/json.h"

static void pair(struct rv_buf *b, const char *name, const char *text)
{
        if (!text)
                return;
        rv_buf_putf(b, ",\"%s\":", name);
        rv_json_text(b, text);
}

static void texts(struct rv_buf *b, const char *name, const char *const *v, uint32_t n)
{
        if (!n)
                return;
        rv_buf_putf(b, ",\"%s\":[", name);
        for (uint32_t i = 0; i < n; i++) {
                if (i)
                        rv_buf_put(b, ",", 1);
                rv_json_text(b, v[i]);
        }
        rv_buf_put(b, "]", 1);
}

/* As written, so that a client can make the whole descriptor of a class that it was not built with. Description has a
 * member of its own. */
static void qualifiers(struct rv_buf *b, const struct rv_qualifier *q, uint32_t n)
{
        rv_buf_puts(b, ",\"Qualifiers\":{");
        bool first = true;
        for (uint32_t i = 0; i < n; i++) {
                if (strcasecmp(q[i].name, "Description") == 0)
                        continue;
                bool quoted = q[i].type == RV_CIM_STRING || q[i].type == RV_CIM_CHAR16;
                if (!first)
                        rv_buf_put(b, ",", 1);
                first = false;
                rv_json_text(b, q[i].name);
                rv_buf_puts(b, q[i].is_array ? ":[" : q[i].nvalues ? ":" : ":null");
                for (uint32_t k = 0; k < q[i].nvalues && (k == 0 || q[i].is_array); k++) {
                        if (k)
                                rv_buf_put(b, ",", 1);
                        quoted ? rv_json_text(b, q[i].values[k]) : rv_buf_puts(b, q[i].values[k]);
                }
                if (q[i].is_array)
                        rv_buf_put(b, "]", 1);
        }
        rv_buf_put(b, "}", 1);
}

static void property(struct rv_buf *b, const struct rv_property *p)
{
        static const struct {
                uint32_t flag;
                const char *name;
        } flags[] = { { RV_KEY, "Key" },
                      { RV_READ, "Read" },
                      { RV_WRITE, "Write" },
                      { RV_REQUIRED, "Required" },
                      { RV_EXPENSIVE, "Expensive" },
                      { RV_SECRET, "Secret" },
                      { RV_COUNTER, "Counter" },
                      { RV_MAP, "Map" },
                      { RV_IDENTIFIES, "Identifies" },
                      { RV_DEPRECATED, "Deprecated" },
                      { RV_IN, "In" },
                      { RV_OUT, "Out" } };
        rv_buf_puts(b, "{\"Name\":");
        rv_json_text(b, p->name);
        rv_buf_putf(b, ",\"Type\":\"%s\",\"IsArray\":%s", rv_cim_type_name(p->type),
                    p->is_array ? "true" : "false");
        pair(b, "ReferenceClass", p->ref_class);
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                if (p->flags & flags[i].flag)
                        rv_buf_putf(b, ",\"%s\":true", flags[i].name);
        pair(b, "Units", p->units);
        pair(b, "Description", p->description[0] ? p->description : NULL);
        texts(b, "ValueMap", p->value_map, p->nvalue_map);
        texts(b, "Values", p->values, p->nvalues);
        texts(b, "Alias", p->alias, p->nalias);
        if (p->min <= p->max)
                rv_buf_putf(b, ",\"MinValue\":%" PRId64 ",\"MaxValue\":%" PRId64, p->min, p->max);
        if (p->max_len)
                rv_buf_putf(b, ",\"MaxLen\":%u", p->max_len);
        qualifiers(b, p->qualifiers, p->nqualifiers);
        rv_buf_put(b, "}", 1);
}

static void method(struct rv_buf *b, const struct rv_method *m)
{
        rv_buf_puts(b, "{\"Name\":");
        rv_json_text(b, m->name);
        rv_buf_putf(b, ",\"ReturnType\":\"%s\",\"Static\":%s,\"ReadOnly\":%s,\"Escalates\":%s",
                    rv_cim_type_name(m->return_type), m->is_static ? "true" : "false",
                    m->read_only ? "true" : "false", m->escalates ? "true" : "false");
        pair(b, "Description", m->description[0] ? m->description : NULL);
        texts(b, "ReturnValues", m->return_values, m->nreturn_values);
        texts(b, "Cmdlets", m->cmdlets, m->ncmdlets);
        qualifiers(b, m->qualifiers, m->nqualifiers);
        rv_buf_puts(b, ",\"Parameters\":[");
        for (uint32_t i = 0; i < m->nparameters; i++) {
                if (i)
                        rv_buf_put(b, ",", 1);
                property(b, &m->parameters[i]);
        }
        rv_buf_puts(b, "]}");
}

void rv_json_class(struct rv_buf *b, const struct rv_class *c)
{
        rv_buf_puts(b, "{\"ClassName\":");
        rv_json_text(b, c->name);
        pair(b, "Namespace", c->name_space);
        pair(b, "SuperClass", c->base_name);
        pair(b, "Version", c->version);
        pair(b, "Description", c->description[0] ? c->description : NULL);
        pair(b, "ViewOf", c->view_of);
        pair(b, "Noun", c->noun);
        rv_buf_putf(b, ",\"Abstract\":%s,\"Association\":%s,\"Indication\":%s,\"Singleton\":%s",
                    c->flags & RV_ABSTRACT ? "true" : "false", c->flags & RV_ASSOCIATION ? "true" : "false",
                    c->flags & RV_INDICATION ? "true" : "false", c->flags & RV_SINGLETON ? "true" : "false");
        qualifiers(b, c->qualifiers, c->nqualifiers);
        rv_buf_puts(b, ",\"Properties\":[");
        for (uint32_t i = 0; i < c->nproperties; i++) {
                if (i)
                        rv_buf_put(b, ",", 1);
                property(b, &c->properties[i]);
        }
        rv_buf_puts(b, "],\"Methods\":[");
        for (uint32_t i = 0; i < c->nmethods; i++) {
                if (i)
                        rv_buf_put(b, ",", 1);
                method(b, &c->methods[i]);
        }
        rv_buf_puts(b, "]}");
}

static const char *type_word(const struct rv_property *p)
{
        switch (p->type) {
        case RV_CIM_BOOLEAN: return "boolean";
        case RV_CIM_REAL32:
        case RV_CIM_REAL64: return "number";
        case RV_CIM_STRING:
        case RV_CIM_DATETIME:
        case RV_CIM_REFERENCE: return "string";
        case RV_CIM_OBJECT: return "object";
        default: return "integer";
        }
}

void rv_json_property_schema(struct rv_buf *b, const struct rv_property *p)
{
        rv_buf_puts(b, "{\"title\":");
        rv_json_text(b, p->name);
        pair(b, "description", p->description[0] ? p->description : NULL);
        if (p->flags & RV_MAP) {
                rv_buf_putf(b,
                            ",\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"title\":\"%sValue\","
                            "\"type\":\"string\"}}",
                            p->name);
                return;
        }
        if (p->is_array)
                rv_buf_putf(b,
                            ",\"type\":[\"array\",\"null\"],\"items\":{\"title\":\"%sItem\",\"type\":[\"%s\","
                            "\"null\"]}",
                            p->name, type_word(p));
        else
                rv_buf_putf(b, ",\"type\":[\"%s\",\"null\"]", type_word(p));
        if (p->min <= p->max && !p->is_array)
                rv_buf_putf(b, ",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64, p->min, p->max);
        if (p->type == RV_CIM_DATETIME && !p->is_array)
                rv_buf_puts(b, ",\"format\":\"date-time\"");
        rv_buf_put(b, "}", 1);
}

void rv_json_schema(struct rv_buf *b, const struct rv_class *c)
{
        rv_buf_puts(b, "{\"title\":");
        rv_json_text(b, c->name);
        pair(b, "description", c->description[0] ? c->description : NULL);
        rv_buf_puts(b, ",\"type\":\"object\",\"properties\":{");
        for (uint32_t i = 0; i < c->nproperties; i++) {
                if (i)
                        rv_buf_put(b, ",", 1);
                rv_json_text(b, c->properties[i].name);
                rv_buf_put(b, ":", 1);
                rv_json_property_schema(b, &c->properties[i]);
        }
        rv_buf_puts(b, "}}");
}
