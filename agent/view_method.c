/* SPDX-License-Identifier: MIT
 *
 * Methods of views: which one of the source they are, its arguments, and WMI's numbers for what became of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/view.h"

static const struct rv_qualifier *qualifier(const struct rv_method *m, const char *name)
{
        return rv_qualifier_find(m->qualifiers, m->nqualifiers, name);
}

const struct rv_method *rv_view_method(const struct rv_class *c, const struct rv_method *m,
                                       const struct rv_class **ret_class)
{
        *ret_class = c;
        if (!c->view_of)
                return m;
        const struct rv_qualifier *calls = qualifier(m, "Calls");
        const char *name = calls && calls->nvalues ? calls->values[0] : m->name, *dot = strchr(name, '.');
        char class_name[128];
        snprintf(class_name, sizeof class_name, "%.*s", dot ? (int)(dot - name) : 0, name);
        const struct rv_class *source = rv_class_find(dot ? class_name : c->view_of, NULL);
        name = dot ? dot + 1 : name;
        int at = source ? rv_method_find(source, name, strlen(name)) : -1;
        if (at < 0)
                return NULL;
        *ret_class = source;
        return &source->methods[at];
}

/* "a=b": the text behind the = where what is before it is `s`, without regard to case; or the other way round. */
static const char *other_side(const char *pair, const char *s, bool backwards, char *to, size_t size)
{
        size_t n = strcspn(pair, "=");
        snprintf(to, size, "%.*s", (int)n, pair);
        const char *value = pair[n] ? pair + n + 1 : "";
        if (backwards)
                return strcasecmp(value, s) == 0 ? to : NULL;
        return strcasecmp(to, s) == 0 ? value : NULL;
}

/* Texts will do for every type: rv_json_in() reads them. */
static json_t *translated(const struct rv_property *p, const json_t *v)
{
        char text[64], left[128];
        if (json_is_integer(v))
                snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        else if (json_is_string(v))
                snprintf(text, sizeof text, "%s", json_string_value(v));
        else
                return json_copy((json_t *)v);
        for (uint32_t i = 0; i < p->nmap; i++) {
                const char *got = other_side(p->map[i], text, true, left, sizeof left);
                if (got)
                        return json_string(got);
        }
        return json_copy((json_t *)v);
}

json_t *rv_view_arguments(const struct rv_method *view, const struct rv_method *called, const json_t *in)
{
        json_t *to = json_object();
        const struct rv_qualifier *fixed = qualifier(view, "Arguments");
        for (uint32_t i = 0; to && i < view->nparameters; i++) {
                const struct rv_property *p = &view->parameters[i];
                const char *name = p->source ? p->source : p->name;
                int at = rv_property_find(called->in, name, strlen(name));
                const json_t *v = json_object_get(in, p->name);
                if (at < 0 || !v)
                        continue;
                const struct rv_property *own = &called->in->properties[at];
                json_t *value = p->nmap ? translated(p, v) : json_copy((json_t *)v);
                json_object_set_new(to, own->name, value);
        }
        for (uint32_t i = 0; to && fixed && i < fixed->nvalues; i++) {
                size_t n = strcspn(fixed->values[i], "=");
                int at = rv_property_find(called->in, fixed->values[i], n);
                if (at >= 0 && fixed->values[i][n])
                        json_object_set_new(to, called->in->properties[at].name,
                                            json_string(fixed->values[i] + n + 1));
        }
        return to;
}

bool rv_view_outcome(const struct rv_method *view, int status, const char *property, int64_t *ret)
{
        char left[64];
        const struct rv_qualifier *outcome = qualifier(view, "Outcome");
        const char *name = status == RV_OK ? "Unchanged" : rv_status_name(status), *any = NULL;
        if (!outcome || status < 0)
                return false;
        for (uint32_t i = 0; i < outcome->nvalues; i++) {
                const char *v = other_side(outcome->values[i], name, false, left, sizeof left);
                if (!v && *property)
                        v = other_side(outcome->values[i], property, false, left, sizeof left);
                if (v) {
                        *ret = strtoll(v, NULL, 10);
                        return true;
                }
                if (strcmp(left, "*") == 0)
                        any = outcome->values[i] + 2;
        }
        if (!any || status == RV_OK || status == RV_NOT_FOUND)
                return false;
        *ret = strtoll(any, NULL, 10);
        return true;
}
