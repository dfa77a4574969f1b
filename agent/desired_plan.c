/* SPDX-License-Identifier: MIT */
#include "agent/desired_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *rv_resource_status_name(enum rv_resource_status s)
{
        static const char *const names[] = { "Pending",     "InDesiredState", "Drifted",       "Changed",
                                             "WouldChange", "Failed",         "Unknown",       "Skipped",
                                             "NotReached",  "RolledBack",     "RollbackFailed" };
        return names[s];
}

void rv_desired_plan_free(struct rv_desired_plan *p)
{
        for (unsigned i = 0; p->r && i < p->n; i++) {
                struct rv_resource *r = &p->r[i];
                free(r->made_name);
                free(r->needs);
                json_decref(r->changed);
                json_decref(r->error);
                json_decref(r->before);
                json_decref(r->now);
        }
        free(p->r);
        free(p->order);
        *p = (struct rv_desired_plan) { 0 };
}

/* A resource without a Name is called by its class and keys: Service nginx. */
static char *make_name(json_t *resource)
{
        const char *class = json_string_value(json_object_get(resource, "ClassName"));
        json_t *keys = json_object_get(resource, "InstanceName"), *v;
        const char *key;
        char *text = NULL, *sofar = strdup(class ? class : "");
        if (json_is_string(keys) && asprintf(&text, "%s %s", sofar, json_string_value(keys)) > 0) {
                free(sofar);
                return text;
        }
        json_object_foreach(keys, key, v)
        {
                char *shown = json_is_string(v) ? strdup(json_string_value(v))
                                                : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
                if (asprintf(&text, "%s %s", sofar, shown ? shown : "") < 0)
                        text = NULL;
                free(shown);
                free(sofar);
                sofar = text;
        }
        return sofar;
}

static int check_member(const char *name, const char *key, json_t *v, struct rv_error *err)
{
        static const struct {
                const char *key;
                json_type type, or ;
        } known[] = {
                { "Name", JSON_STRING, JSON_STRING },       { "ClassName", JSON_STRING, JSON_STRING },
                { "Namespace", JSON_STRING, JSON_STRING },  { "InstanceName", JSON_OBJECT, JSON_STRING },
                { "Properties", JSON_OBJECT, JSON_OBJECT }, { "Ensure", JSON_STRING, JSON_STRING },
                { "DependsOn", JSON_ARRAY, JSON_STRING },   { "Description", JSON_STRING, JSON_STRING }
        };
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (strcmp(known[i].key, key) == 0)
                        return json_typeof(v) == known[i].type || json_typeof(v) == known[i].or
                                       ? RV_OK
                                       : rv_fail(err, RV_INVALID_PARAMETER,
                                                 "resource '%.80s': %s is of the wrong type", name, key);
        return rv_fail(err, RV_INVALID_PARAMETER, "resource '%.80s' has an unknown member '%.40s'", name,
                       key);
}

static int read_resource(struct rv_desired_plan *p, unsigned i, json_t *j, struct rv_error *err)
{
        struct rv_resource *r = &p->r[i];
        char number[32];
        snprintf(number, sizeof number, "#%u", i + 1);
        if (!json_is_object(j))
                return rv_fail(err, RV_INVALID_PARAMETER, "resource %s: expected an object", number);
        r->json = j;
        r->name = json_string_value(json_object_get(j, "Name"));
        if (!r->name) {
                r->name = r->made_name = make_name(j);
                if (!r->name)
                        return -ENOMEM;
        }
        const char *key;
        json_t *v;
        json_object_foreach(j, key, v)
        {
                int bad = check_member(r->name[0] ? r->name : number, key, v, err);
                if (bad)
                        return bad;
        }
        if (!json_is_string(json_object_get(j, "ClassName")))
                return rv_fail(err, RV_INVALID_PARAMETER, "resource '%.80s' needs ClassName",
                               r->name[0] ? r->name : number);
        for (unsigned k = 0; k < i; k++)
                if (strcmp(p->r[k].name, r->name) == 0)
                        return rv_fail(err, RV_INVALID_PARAMETER, "two resources are called '%.80s'",
                                       r->name);
        return RV_OK;
}

static int find_needs(struct rv_desired_plan *p, unsigned i, struct rv_error *err)
{
        struct rv_resource *r = &p->r[i];
        json_t *list = json_object_get(r->json, "DependsOn");
        size_t n = json_is_array(list) ? json_array_size(list) : json_is_string(list) ? 1 : 0;
        r->needs = calloc(n + 1, sizeof *r->needs);
        if (!r->needs)
                return -ENOMEM;
        for (size_t k = 0; k < n; k++) {
                const char *name = json_string_value(json_is_array(list) ? json_array_get(list, k) : list);
                unsigned to = 0;
                while (name && to < p->n && strcmp(p->r[to].name, name) != 0)
                        to++;
                if (!name || to == p->n)
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "resource '%.80s' depends on '%.80s', which is not in the document",
                                       r->name, name ? name : "(no text)");
                r->needs[r->nneeds++] = to;
        }
        return RV_OK;
}

/* Of those whose needs have all been placed, the first in the document; again until all are. */
static int bring_into_order(struct rv_desired_plan *p, struct rv_error *err)
{
        bool *placed = calloc(p->n + 1, sizeof *placed);
        p->order = calloc(p->n + 1, sizeof *p->order);
        if (!placed || !p->order) {
                free(placed);
                return -ENOMEM;
        }
        int r = RV_OK;
        for (unsigned at = 0; at < p->n && r == RV_OK; at++) {
                unsigned next = p->n, first = p->n;
                for (unsigned i = 0; i < p->n && next == p->n; i++) {
                        bool ready = !placed[i];
                        for (unsigned k = 0; k < p->r[i].nneeds; k++)
                                ready &= placed[p->r[i].needs[k]];
                        if (ready)
                                next = i;
                        else if (!placed[i] && first == p->n)
                                first = i;
                }
                if (next == p->n) {
                        r = rv_fail(err, RV_INVALID_PARAMETER,
                                    "resource '%.80s' depends on itself, through others or not",
                                    p->r[first].name);
                } else {
                        placed[next] = true;
                        p->order[at] = next;
                }
        }
        free(placed);
        return r;
}

int rv_desired_read(const json_t *document, struct rv_desired_plan *p, struct rv_error *err)
{
        *p = (struct rv_desired_plan) { 0 };
        json_t *list = json_object_get(document, "Resources");
        if (!json_is_array(list))
                return rv_fail(err, RV_INVALID_PARAMETER, "the document needs Resources, an array");
        size_t n = json_array_size(list);
        if (n > RV_DESIRED_MOST)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "at most %d resources in a document",
                               RV_DESIRED_MOST);
        p->r = calloc(n + 1, sizeof *p->r);
        if (!p->r)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                p->n = (unsigned)i + 1;
                int r = read_resource(p, (unsigned)i, json_array_get(list, i), err);
                if (r)
                        return r;
        }
        for (unsigned i = 0; i < p->n; i++) {
                int r = find_needs(p, i, err);
                if (r)
                        return r;
        }
        return bring_into_order(p, err);
}
