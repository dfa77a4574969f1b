/* SPDX-License-Identifier: MIT
 *
 * The operations: one table with names, descriptions and parameters. Dispatch, the check of parameters and the OpenRPC
 * document all read it. Names are DMTF's (DSP0200, DSP0223).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/concretejob.h"
#include "agent/confirm.h"
#include "agent/desired.h"
#include "agent/elevate.h"
#include "agent/scrape.h"
#include "agent/indicate.h"
#include "agent/ops_int.h"
#include "agent/note.h"
#include "agent/view.h"
#include "agent/wql.h"

#define SCRAPE_NS UINT64_C(5000000000) /* a scrape that names no Timeout */

struct rv_param {
        const char *name, *type, *help; /* type: string, integer, number, boolean, object, any, string[] */
        bool required;
};

struct rv_op {
        const char *name, *summary, *result;
        int (*run)(struct rv_request *, struct rv_error *); /* an outcome is answered as an error */
        const struct rv_param *params;
        bool untimed;
};

#define CLASS_NAME \
        { \
                "ClassName", "string", "The class, without regard to case.", true \
        }
#define COMMON \
        { "Namespace", "string", "WMI namespace; the class is looked for in all when absent.", false }, \
        { \
                "Timeout", "number", "Seconds after which the call ends, 0.001 to 3600; 30 when absent.", \
                        false \
        }
#define READING \
        { "PropertyList", "string[]", "The properties wanted; without it all that cost nothing extra.", \
          false }, \
                { "Filter", "string", "WQL condition, such as Name LIKE 'p%' AND ThreadCount > 10.", \
                  false }, \
                { "OrderBy", "any", "A property or a list of them, each with ASC or DESC behind it.", \
                  false }, \
                { "Limit", "integer", "At most so many instances.", false }, \
                { "Since", "string", \
                  "A Revision, or an empty text: the result is then known by a Revision, and is only " \
                  "Unchanged while it is still the same.", \
                  false }, \
                { "At", "string", \
                  "As it was at this moment (RFC 3339), of classes whose history is kept: docs/history.md.", \
                  false }, \
                { "IncludeSystemProperties", "boolean", "__CLASS, __PATH, __NAMESPACE, __SERVER too.", \
                  false }, \
        { \
                "partialResultToken", "any", \
                        "Instances are sent as $/progress notifications with this token.", false \
        }

#define CHANGING \
        { "WhatIf", "boolean", "Check everything, change nothing, answer what would change.", false }, \
                { "RequestKey", "string", \
                  "Names this request: repeated, it answers what was answered first and does nothing " \
                  "again.", \
                  false }, \
                { "AsJob", "boolean", \
                  "It goes on without its caller: the answer is a Job at once. Timeout is then up to 604800, a " \
                  "day when absent.", \
                  false }, \
                { "partialResultToken", "any", \
                  "How far it has come is told as $/progress with this token.", false }, \
        { \
                "ConfirmWithin", "integer", \
                        "Seconds: the change is put back by itself unless its Transaction is confirmed in " \
                        "that " \
                        "time over another connection.", \
                        false \
        }
#define DESIRED \
        { "InstanceName", "object", "Key bindings or path.", false }, \
                { "Properties", "object", "As they should be, by name.", false }, \
        { \
                "Ensure", "string", "Present (when absent) or Absent.", false \
        }

#define DOCUMENT \
        { \
                "Document", "object", \
                        "{\"Resources\": [{Name, ClassName, InstanceName, Properties, Ensure, " \
                        "DependsOn}]}.", \
                        true \
        }

/* ---- parameters ---- */

const char *rv_ops_text(const struct rv_request *q, const char *name)
{
        return json_string_value(json_object_get(q->params, name));
}

static bool fits(const json_t *v, const char *type)
{
        if (json_is_null(v) || strcmp(type, "any") == 0)
                return true;
        switch (type[0]) {
        case 's': return type[6] ? json_is_array(v) || json_is_string(v) : json_is_string(v);
        case 'i': return json_is_integer(v);
        case 'n': return json_is_number(v);
        case 'b': return json_is_boolean(v);
        default: return json_is_object(v) || json_is_string(v);
        }
}

static const char *param_name(void *state, size_t i)
{
        return ((const struct rv_op *)state)->params[i].name;
}

static int check_params(struct rv_request *q, struct rv_error *err)
{
        const struct rv_op *op = q->op;
        const char *key;
        json_t *v;
        size_t n = 0;
        while (op->params && op->params[n].name)
                n++;
        if (json_is_array(q->params) && json_array_size(q->params))
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "%s takes its parameters by name: expected an object", op->name);
        json_object_foreach(q->params, key, v)
        {
                size_t i = 0;
                while (i < n && strcasecmp(op->params[i].name, key) != 0)
                        i++;
                rv_about(err, NULL, NULL, key);
                if (i == n) {
                        const char *near = rv_nearest(key, param_name, (void *)op, n);
                        if (near)
                                rv_hint(err, "did you mean '%s'?", near);
                        return rv_fail(err, RV_INVALID_PARAMETER, "%s has no parameter '%.60s'", op->name,
                                       key);
                }
                if (!fits(v, op->params[i].type))
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%s' of %s must be of type %s",
                                       op->params[i].name, op->name, op->params[i].type);
        }
        for (size_t i = 0; i < n; i++) {
                v = json_object_get(q->params, op->params[i].name);
                if (op->params[i].required && (!v || json_is_null(v))) {
                        rv_about(err, NULL, NULL, op->params[i].name);
                        return rv_fail(err, RV_INVALID_PARAMETER, "%s needs the parameter '%s'", op->name,
                                       op->params[i].name);
                }
        }
        rv_about(err, NULL, NULL, "");
        return RV_OK;
}

static int set_deadline(struct rv_request *q, struct rv_error *err)
{
        json_t *t = json_object_get(q->params, "Timeout");
        bool job = q->agent->is_job || json_is_true(json_object_get(q->params, "AsJob"));
        int most = job ? RV_CJOB_MOST_SECONDS : 3600;
        double seconds = json_is_number(t) ? json_number_value(t) : job ? RV_CJOB_SECONDS : 30;
        if (!(seconds >= 0.001 && seconds <= most))
                return rv_fail(err, RV_INVALID_OPERATION_TIMEOUT, "Timeout is %g s: expected 0.001 to %d",
                               seconds, most);
        q->deadline = rv_now() + (uint64_t)(seconds * 1e9);
        return RV_OK;
}

int rv_ops_class(struct rv_request *q, const char *name, enum rv_right right, struct rv_error *err)
{
        int r = rv_registry_find(&q->agent->registry, name, rv_ops_text(q, "Namespace"), &q->asked, err);
        return r ? r : rv_authorize(&q->agent->policy, &q->session->who, right, q->asked, NULL, err);
}

/* A list of texts, or one text, into the arena. */
static int texts(struct rv_request *q, const json_t *v, const char *const **ret, size_t *ret_n,
                 struct rv_error *err)
{
        size_t n = json_is_array(v) ? json_array_size(v) : json_is_string(v) ? 1 : 0;
        const char **list = rv_arena_get(&q->arena, (n + 1) * sizeof *list);
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const json_t *item = json_is_array(v) ? json_array_get(v, i) : v;
                if (!json_is_string(item))
                        return rv_fail(err, RV_INVALID_PARAMETER, "expected names of properties as texts");
                list[i] = json_string_value(item);
        }
        *ret = list;
        *ret_n = n;
        return RV_OK;
}

static void take_token(struct rv_request *q)
{
        const json_t *token = json_object_get(q->params, "partialResultToken");
        if (token && !json_is_null(token))
                q->token = json_dumps(token, JSON_ENCODE_ANY | JSON_COMPACT);
}

int rv_ops_reading(struct rv_request *q, struct rv_error *err)
{
        json_t *list = json_object_get(q->params, "PropertyList"),
               *order = json_object_get(q->params, "OrderBy");
        json_t *limit = json_object_get(q->params, "Limit");
        int r = texts(q, list, &q->ask.properties, &q->ask.nproperties, err);
        if (r == RV_OK)
                r = texts(q, order, &q->ask.order, &q->ask.norder, err);
        if (r == RV_OK)
                r = rv_request_at(q, err);
        if (r)
                return r;
        q->ask.all_properties = !list || json_is_null(list);
        q->ask.filter = rv_ops_text(q, "Filter");
        if (json_is_integer(limit) && json_integer_value(limit) <= 0)
                return rv_fail(err, RV_INVALID_PARAMETER, "Limit is %lld: expected 1 or more",
                               (long long)json_integer_value(limit));
        q->ask.limit = (uint64_t)json_integer_value(limit);
        q->flags = json_is_true(json_object_get(q->params, "IncludeSystemProperties")) ? RV_JSON_SYSTEM : 0;
        take_token(q);
        return RV_OK;
}

static bool has_provider(struct rv_request *q, const struct rv_class *c)
{
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        return source && rv_entry_find(q->agent, source);
}

/* The class itself and every subclass, as far as a provider has them. None at all: the class, for the complaint. */
int rv_ops_choose(struct rv_request *q)
{
        const struct rv_registry *r = &q->agent->registry;
        q->classes = calloc(r->n + 1, sizeof *q->classes);
        if (!q->classes)
                return -ENOMEM;
        for (uint32_t i = 0; i < r->n; i++)
                if (rv_descends(r->classes[i], q->asked) && has_provider(q, r->classes[i]) &&
                    rv_authorize(&q->agent->policy, &q->session->who, RV_RIGHT_READ, r->classes[i], NULL,
                                 NULL) == RV_OK)
                        q->classes[q->nclasses++] = r->classes[i];
        if (!q->nclasses)
                q->classes[q->nclasses++] = q->asked;
        return RV_OK;
}

/* ---- operations ---- */

const char *rv_op_name(const struct rv_op *op)
{
        return op->name;
}

static int op_ping(struct rv_request *q, struct rv_error *err)
{
        (void)err;
        rv_answer(q, "{}", 2);
        return RV_OK;
}

static int op_hello(struct rv_request *q, struct rv_error *err)
{
        (void)err;
        char host[256] = "", now[48];
        gethostname(host, sizeof host - 1);
        rv_datetime_text(rv_wall(), false, now, sizeof now);
        rv_buf_putf(
                &q->out,
                "{\"Agent\":\"reeve\",\"Version\":\"%s\",\"ProtocolVersion\":1,\"Time\":\"%s\",\"HostName\":",
                REEVE_VERSION, now);
        rv_json_text(&q->out, host);
        rv_buf_puts(&q->out, ",\"User\":");
        rv_json_text(&q->out, q->session->who.user);
        rv_buf_puts(&q->out, ",\"Session\":");
        rv_json_text(&q->out, q->session->who.session);
        rv_buf_puts(&q->out, ",");
        rv_shell_rights(&q->agent->policy, &q->session->who, q->session->plan != NULL, &q->out);
        rv_buf_putf(&q->out,
                    ",\"Limits\":{\"RequestBytes\":%d,\"Depth\":%d,\"Values\":%d,\"BatchRequests\":%d,"
                    "\"CallsInFlight\":%d}}",
                    RV_JSON_BYTES, RV_JSON_DEPTH, RV_JSON_VALUES, RV_MOST_BATCH, RV_MOST_CALLS);
        rv_answer(q, q->out.data, q->out.len);
        return RV_OK;
}

static int op_enumerate_classes(struct rv_request *q, struct rv_error *err)
{
        const char *name = rv_ops_text(q, "ClassName"), *name_space = rv_ops_text(q, "Namespace");
        bool names = json_is_true(json_object_get(q->params, "NamesOnly"));
        json_t *deep = json_object_get(q->params, "DeepInheritance");
        if (name) {
                int r = rv_ops_class(q, name, RV_RIGHT_SCHEMA, err);
                if (r)
                        return r;
        }
        rv_buf_puts(&q->out, "{\"Classes\":[");
        bool first = true;
        for (uint32_t i = 0; i < q->agent->registry.n; i++) {
                const struct rv_class *c = q->agent->registry.classes[i];
                if ((name && (c == q->asked || !rv_descends(c, q->asked))) ||
                    (name_space && !rv_same_namespace(name_space, c->name_space)))
                        continue;
                if (name && json_is_false(deep) && c->base != q->asked)
                        continue;
                c = rv_visible_class(&q->agent->policy, &q->session->who, c, RV_OP_ANY, &q->arena);
                if (!c)
                        continue;
                if (!first)
                        rv_buf_put(&q->out, ",", 1);
                first = false;
                names ? rv_json_text(&q->out, c->name) : rv_json_class(&q->out, c);
        }
        rv_buf_puts(&q->out, "]}");
        rv_answer(q, q->out.data, q->out.len);
        return RV_OK;
}

static int op_get_class(struct rv_request *q, struct rv_error *err)
{
        int r = rv_ops_class(q, rv_ops_text(q, "ClassName"), RV_RIGHT_SCHEMA, err);
        if (r)
                return r;
        const struct rv_class *c =
                rv_visible_class(&q->agent->policy, &q->session->who, q->asked, RV_OP_ANY, &q->arena);
        rv_json_class(&q->out, c ? c : q->asked); /* no c: only its subclasses may be read */
        rv_answer(q, q->out.data, q->out.len);
        return RV_OK;
}

static int enumerate(struct rv_request *q, enum rv_shape shape, struct rv_error *err)
{
        int r = rv_ops_class(q, rv_ops_text(q, "ClassName"), RV_RIGHT_READ, err);
        if (r == RV_OK)
                r = rv_ops_reading(q, err);
        if (r == RV_OK)
                r = rv_ops_choose(q);
        if (r)
                return r;
        q->shape = shape;
        q->ask.keys_only = shape == RV_SHAPE_NAMES;
        return rv_request_scan(q, err);
}

static int op_enumerate_instances(struct rv_request *q, struct rv_error *err)
{
        return enumerate(q, RV_SHAPE_INSTANCES, err);
}

static int op_enumerate_names(struct rv_request *q, struct rv_error *err)
{
        return enumerate(q, RV_SHAPE_NAMES, err);
}

static int op_get_instance(struct rv_request *q, struct rv_error *err)
{
        int r = rv_ops_class(q, rv_ops_text(q, "ClassName"), RV_RIGHT_READ, err);
        if (r == RV_OK)
                r = rv_ops_reading(q, err);
        struct rv_arg *keys = r ? NULL : rv_arena_get(&q->arena, (q->asked->nproperties + 1) * sizeof *keys);
        if (r || !keys)
                return r ? r : -ENOMEM;
        json_t *name = json_object_get(q->params, "InstanceName");
        if (name && !json_is_null(name))
                r = rv_json_bindings(name, q->asked, false, &q->arena, keys, err);
        else if (!(q->asked->flags & RV_SINGLETON) && q->asked->nkeys)
                r = rv_fail(err, RV_INVALID_PARAMETER, "GetInstance of %s needs InstanceName: {\"%s\": ...}",
                            q->asked->name, q->asked->properties[q->asked->keys[0]].name);
        if (r == RV_OK)
                r = rv_ops_choose(q);
        if (r)
                return r;
        q->shape = RV_SHAPE_ONE;
        q->ask.keys = keys;
        return rv_request_scan(q, err);
}

static const char *method_name(void *state, size_t i)
{
        return ((const struct rv_class *)state)->methods[i].name;
}

static int find_method(struct rv_request *q, const char *name, struct rv_error *err)
{
        int m = rv_method_find(q->asked, name, strlen(name));
        if (m >= 0) {
                q->method = &q->asked->methods[m];
                return RV_OK;
        }
        const char *near = rv_nearest(name, method_name, (void *)q->asked, q->asked->nmethods);
        if (near)
                rv_hint(err, "did you mean '%s'?", near);
        return rv_fail(err, RV_METHOD_NOT_FOUND, "'%s' has no method '%.60s'", q->asked->name, name);
}

/* Keys, deadline of the RequestKey, what-if: what all changes have in common. */
static int changing(struct rv_request *q, enum rv_change_kind kind, struct rv_error *err)
{
        q->shape = RV_SHAPE_METHOD;
        q->change.kind = kind;
        q->what_if = q->session->plan || json_is_true(json_object_get(q->params, "WhatIf"));
        q->as_job = !q->what_if && json_is_true(json_object_get(q->params, "AsJob"));
        take_token(q);
        q->request_key = rv_ops_text(q, "RequestKey");
        json_t *within = json_object_get(q->params, "ConfirmWithin");
        if (within && !json_is_null(within)) {
                json_int_t n = json_integer_value(within);
                if (n < 1 || n > RV_CONFIRM_MOST)
                        return rv_fail(err, RV_INVALID_PARAMETER, "ConfirmWithin: expected 1 to %d seconds",
                                       RV_CONFIRM_MOST);
                q->confirm_within = (unsigned)n;
        }
        q->audited = !q->what_if && kind != RV_TEST && !(q->method && q->method->read_only);
        if (!q->audited)
                q->request_key = NULL;
        if (q->request_key && (!*q->request_key || strlen(q->request_key) > 200))
                return rv_fail(err, RV_INVALID_PARAMETER, "RequestKey: expected 1 to 200 bytes");
        q->change.key = rv_arena_get(&q->arena, (q->asked->nproperties + 1) * sizeof *q->change.key);
        return q->change.key ? RV_OK : -ENOMEM;
}

/* A view's method is its source's: arguments (checked against the view's before) and key in the source's terms. */
static int as_source(struct rv_request *q, struct rv_error *err)
{
        const struct rv_class *source;
        const struct rv_method *m = rv_view_method(q->asked, q->method, &source);
        if (!m)
                return RV_OK; /* refused when it is looked up */
        json_t *in = rv_view_arguments(q->method, m, json_object_get(q->params, "InParameters"));
        int r = in ? rv_json_in(in, source, m, &q->arena, &q->change.in, err) : -ENOMEM;
        json_decref(in);
        if (r == RV_OK && strcasecmp(source->name, q->asked->view_of) == 0)
                return rv_view_key(q->asked, &q->change.key, &q->arena, err);
        q->change.key = rv_arena_get(&q->arena, (source->nproperties + 1) * sizeof *q->change.key);
        return r ? r : q->change.key ? RV_OK : -ENOMEM;
}

/* Whether he may call it: a view's as the method behind it. */
static int may_invoke(struct rv_request *q, struct rv_error *err)
{
        const struct rv_class *source;
        const struct rv_method *m = rv_view_method(q->asked, q->method, &source);
        bool same = !m || strcasecmp(m->name, q->method->name) == 0;
        bool own = same && (!m || !q->asked->view_of || strcasecmp(source->name, q->asked->view_of) == 0);
        return rv_authorize(&q->agent->policy, &q->session->who, RV_RIGHT_INVOKE, own ? q->asked : source,
                            own ? q->method->name : m->name, err);
}

static int op_invoke(struct rv_request *q, struct rv_error *err)
{
        int r = rv_ops_class(q, rv_ops_text(q, "ClassName"), RV_RIGHT_SCHEMA, err);
        if (r == RV_OK)
                r = find_method(q, rv_ops_text(q, "MethodName"), err);
        if (r == RV_OK)
                r = may_invoke(q, err);
        if (r == RV_OK)
                r = rv_json_in(json_object_get(q->params, "InParameters"), q->asked, q->method, &q->arena,
                               &q->change.in, err);
        if (r == RV_OK)
                r = changing(q, RV_INVOKE, err);
        if (r)
                return r;
        json_t *name = json_object_get(q->params, "InstanceName");
        bool named = name && !json_is_null(name);
        if (named && !q->method->is_static)
                r = rv_json_bindings(name, q->asked, false, &q->arena, q->change.key, err);
        else if (!named && !q->method->is_static && q->asked->nkeys && !(q->asked->flags & RV_SINGLETON))
                r = rv_fail(err, RV_INVALID_PARAMETER, "%s.%s needs InstanceName: it is called on one object",
                            q->asked->name, q->method->name);
        if (r == RV_OK && q->asked->view_of)
                r = as_source(q, err);
        return r ? r : rv_request_change(q, err);
}

static bool is_named(const struct rv_request *q)
{
        for (uint32_t i = 0; i < q->asked->nproperties; i++)
                if (q->change.key[i].type != RV_NULL)
                        return true;
        return !q->asked->nkeys || q->asked->flags & RV_SINGLETON;
}

/* {"Name": value}: into v and set. Keys of InstanceName count as values where an object may be made. */
static int values(struct rv_request *q, struct rv_error *err)
{
        const struct rv_class *c = q->asked;
        struct rv_change_plan *p = &q->change;
        json_t *given = json_object_get(q->params, "Properties");
        const char *name;
        json_t *v;
        p->v = rv_arena_get(&q->arena, (c->nproperties + 1) * sizeof *p->v);
        p->set = rv_arena_get(&q->arena, (RV_MASK_WORDS(c->nproperties) + 1) * sizeof *p->set);
        if (!p->v || !p->set)
                return -ENOMEM;
        int r = json_is_string(given) ? rv_fail(err, RV_INVALID_PARAMETER, "Properties: expected an object")
                : given && !json_is_null(given) ? rv_json_bindings(given, c, true, &q->arena, p->v, err)
                                                : RV_OK;
        if (r)
                return r;
        json_object_foreach(given, name, v)
        {
                int i = rv_property_find_alias(c, name, strlen(name), NULL);
                if (i >= 0)
                        rv_bit_set(p->set, (unsigned)i);
        }
        const bool named = is_named(q);
        for (uint32_t i = 0; p->kind != RV_MODIFY && i < c->nproperties; i++) {
                if (!(c->properties[i].flags & (RV_KEY | RV_IDENTIFIES)))
                        continue;
                /* Of one that its keys name already, what else identifies it is a value that it is to have. */
                if (rv_bit(p->set, i) && p->key[i].type == RV_NULL &&
                    !(named && c->properties[i].flags & RV_IDENTIFIES))
                        p->key[i] = p->v[i];
                if (!rv_bit(p->set, i) && p->key[i].type != RV_NULL) {
                        p->v[i] = p->key[i];
                        rv_bit_set(p->set, i);
                }
        }
        return rv_change_check(c, p, err);
}

static int change(struct rv_request *q, enum rv_change_kind kind, struct rv_error *err)
{
        json_t *name = json_object_get(q->params, "InstanceName");
        static const enum rv_right rights[] = { [RV_TEST] = RV_RIGHT_READ,
                                                [RV_SET] = RV_RIGHT_READ,
                                                [RV_CREATE] = RV_RIGHT_CREATE,
                                                [RV_MODIFY] = RV_RIGHT_MODIFY,
                                                [RV_DELETE] = RV_RIGHT_DELETE };
        int r = rv_ops_class(q, rv_ops_text(q, "ClassName"), rights[kind], err);
        if (r == RV_OK)
                q->asked = rv_view_alias(q->asked);
        r = r ? r : changing(q, kind, err);
        if (r == RV_OK && name && !json_is_null(name))
                r = rv_json_bindings(name, q->asked, false, &q->arena, q->change.key, err);
        if (r == RV_OK && kind != RV_DELETE)
                r = values(q, err);
        if (r == RV_OK && kind != RV_CREATE && !is_named(q))
                r = rv_fail(err, RV_INVALID_PARAMETER, "%s of %s needs InstanceName: {\"%s\": ...}",
                            q->op->name, q->asked->name, q->asked->properties[q->asked->keys[0]].name);
        return r ? r : rv_request_change(q, err);
}

static int op_create(struct rv_request *q, struct rv_error *err)
{
        return change(q, RV_CREATE, err);
}

static int op_modify(struct rv_request *q, struct rv_error *err)
{
        return change(q, RV_MODIFY, err);
}

static int op_delete(struct rv_request *q, struct rv_error *err)
{
        return change(q, RV_DELETE, err);
}

static int ensure(struct rv_request *q, enum rv_change_kind kind, struct rv_error *err)
{
        const char *how = rv_ops_text(q, "Ensure");
        if (how && strcasecmp(how, "Present") != 0 && strcasecmp(how, "Absent") != 0)
                return rv_fail(err, RV_INVALID_PARAMETER, "Ensure is '%.40s': expected Present or Absent",
                               how);
        q->change.absent = how && strcasecmp(how, "Absent") == 0;
        return change(q, kind, err);
}

static int op_test(struct rv_request *q, struct rv_error *err)
{
        return ensure(q, RV_TEST, err);
}

static int op_set(struct rv_request *q, struct rv_error *err)
{
        return ensure(q, RV_SET, err);
}

/* The classes named, each with what its provider has; a query's class. */
static int metric_classes(struct rv_request *q, struct rv_error *err)
{
        const char *const *names = NULL;
        size_t n = 0;
        int r = texts(q, json_object_get(q->params, "ClassName"), &names, &n, err);
        if (r || !n)
                return r;
        const struct rv_class **list = calloc(n, sizeof *list);
        q->classes = list;
        for (size_t i = 0; list && r == RV_OK && i < n; i++) {
                r = rv_ops_class(q, names[i], RV_RIGHT_READ, err);
                list[q->nclasses++] = q->asked;
        }
        return list ? r : -ENOMEM;
}

static int op_metrics(struct rv_request *q, struct rv_error *err)
{
        const char *format = rv_ops_text(q, "Format"), *query = rv_ops_text(q, "Query");
        bool open = format && strcasecmp(format, "OpenMetrics") == 0;
        if (format && !open && strcasecmp(format, "Prometheus") != 0)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "Format is '%.40s': expected Prometheus or OpenMetrics", format);
        int r = rv_ops_reading(q, err);
        if (r == RV_OK)
                r = metric_classes(q, err);
        if (r == RV_OK && query) {
                struct rv_wql_select select;
                r = rv_wql_select(query, strlen(query), &q->arena, &select, err);
                if (r == RV_OK)
                        r = rv_ops_class(q, select.class_name, RV_RIGHT_READ, err);
                if (r)
                        return r;
                free(q->classes);
                q->classes = calloc(1, sizeof *q->classes);
                if (!q->classes)
                        return -ENOMEM;
                q->classes[0] = q->asked;
                q->nclasses = 1;
                q->ask.properties = select.columns;
                q->ask.nproperties = select.ncolumns;
                q->ask.filter_at = select.where_at;
                q->ask.filter =
                        select.where ? rv_arena_text(&q->arena, select.where, select.where_len) : NULL;
        }
        if (r == RV_OK && !q->classes && (q->ask.nproperties || q->ask.filter))
                return rv_fail(err, RV_INVALID_PARAMETER, "PropertyList and Filter need ClassName");
        if (r == RV_OK && !json_object_get(q->params, "Timeout"))
                q->deadline = rv_now() + SCRAPE_NS;
        return r ? r : rv_scrape_start(q, open, err);
}

static int op_get_desired(struct rv_request *q, struct rv_error *err)
{
        return rv_desired_start(q, RV_DESIRED_GET, err);
}

static int op_test_desired(struct rv_request *q, struct rv_error *err)
{
        return rv_desired_start(q, RV_DESIRED_TEST, err);
}

static int op_set_desired(struct rv_request *q, struct rv_error *err)
{
        take_token(q);
        return rv_desired_start(q, RV_DESIRED_SET, err);
}

static int op_discover(struct rv_request *, struct rv_error *);

static const struct rv_op ops[] = {
        { "Ping", "Answers at once with an empty object.", "Empty", op_ping, NULL, true },
        { "Hello", "Who the agent is, who you are to it, and its limits.", "Hello", op_hello, NULL, true },
        { "rpc.discover", "This document.", "OpenRPC", op_discover, NULL, true },
        { "EnumerateClasses", "The classes, or the subclasses of one.", "Classes", op_enumerate_classes,
          (const struct rv_param[]) {
                  { "ClassName", "string", "Only its subclasses.", false },
                  { "DeepInheritance", "boolean", "False: direct subclasses only.", false },
                  { "NamesOnly", "boolean", "Names instead of whole descriptions.", false },
                  COMMON,
                  { 0 } },
          true },
        { "GetClass", "Properties, methods and qualifiers of a class.", "Class", op_get_class,
          (const struct rv_param[]) { CLASS_NAME, COMMON, { 0 } }, true },
        { "EnumerateInstances", "The instances of a class and its subclasses.", "Instances",
          op_enumerate_instances, (const struct rv_param[]) { CLASS_NAME, READING, COMMON, { 0 } }, false },
        { "EnumerateInstanceNames", "The keys of the instances.", "InstanceNames", op_enumerate_names,
          (const struct rv_param[]) { CLASS_NAME, READING, COMMON, { 0 } }, false },
        { "GetInstance", "One instance by its keys; some of them suffice where they name one.", "Instance",
          op_get_instance,
          (const struct rv_param[]) {
                  CLASS_NAME,
                  { "InstanceName", "object", "Key bindings {\"Key\": value}, or an object path.", false },
                  READING,
                  COMMON,
                  { 0 } },
          false },
        { "ExecQuery", "Instances by WQL (of one class), or rows by SQL over all classes.", "Instances",
          rv_op_exec_query,
          (const struct rv_param[]) { { "Query", "string", "The query.", true },
                                      { "QueryLanguage", "string", "WQL (when absent) or SQL.", false },
                                      READING,
                                      COMMON,
                                      { 0 } },
          false },
        { "Associators", "The objects that are associated with one.", "Instances", rv_op_associators,
          (const struct rv_param[]) {
                  CLASS_NAME,
                  { "InstanceName", "object", "Key bindings or path of the object.", false },
                  { "AssocClass", "string", "Only by this association.", false },
                  { "ResultClass", "string", "Only objects of this class, or as this view.", false },
                  { "Role", "string", "Name of the reference that the object is.", false },
                  { "ResultRole", "string", "Name of the reference that the results are.", false },
                  READING,
                  COMMON,
                  { 0 } },
          false },
        { "References", "The associations that an object is in.", "Instances", rv_op_references,
          (const struct rv_param[]) {
                  CLASS_NAME,
                  { "InstanceName", "object", "Key bindings or path of the object.", false },
                  { "ResultClass", "string", "Only associations of this class.", false },
                  { "Role", "string", "Name of the reference that the object is.", false },
                  READING,
                  COMMON,
                  { 0 } },
          false },
        { "Metrics", "Instances as metrics, in Prometheus' text or OpenMetrics'.", "MetricsText", op_metrics,
          (const struct rv_param[]) {
                  { "ClassName", "any", "A class or a list of them; those that the schema marks when absent.",
                    false },
                  { "Query", "string", "Instead of a class: a WQL query.", false },
                  { "PropertyList", "string[]", "Only these; texts among them become labels.", false },
                  { "Filter", "string", "WQL condition on the classes named.", false },
                  { "NodeCompat", "boolean", "Beside the marked classes: node_exporter's names and labels.",
                    false },
                  { "Format", "string", "Prometheus (when absent) or OpenMetrics.", false },
                  COMMON,
                  { 0 } },
          false },
        { "Subscribe",
          "Tells of events from now on, by Indication notifications; or goes on with a durable subscription.",
          "Subscription", rv_op_subscribe,
          (const struct rv_param[]) {
                  { "Query", "string", "WQL event query; or give ClassName.", false },
                  { "ClassName", "string",
                    "Creation, modification, deletion of its instances; or an indication.", false },
                  { "Filter", "string", "With ClassName: WQL condition on the instance.", false },
                  { "PropertyList", "string[]", "What is told of an instance, and what counts as a change.",
                    false },
                  { "Snapshot", "boolean", "First the instances that are there, then a Sync mark.", false },
                  { "Mode", "string", "OnChange (when absent), or Sample: all instances each Interval.",
                    false },
                  { "Interval", "number", "Seconds between polls or samples, 0.05 to 86400.", false },
                  { "SuppressRedundant", "boolean", "Sample: only instances that changed.", false },
                  { "Heartbeat", "number", "Seconds of silence after which a Heartbeat is sent.", false },
                  { "Credit", "integer",
                    "Events that may be sent before Acknowledge gives more; without it any number.", false },
                  { "Durable", "boolean", "Kept on disk: may be gone on with after a disconnect or a crash.",
                    false },
                  { "Retain", "number", "Durable: seconds it is kept while nobody listens; 3600 when absent.",
                    false },
                  { "Subscription", "string", "A durable one to go on with.", false },
                  { "From", "integer", "With Subscription: the last Sequence that was seen.", false },
                  { "IncludeSystemProperties", "boolean", "__CLASS, __PATH and so on in instances.", false },
                  COMMON,
                  { 0 } },
          false },
        { "Unsubscribe", "Ends a subscription; a durable one is forgotten.", "Unsubscribed",
          rv_op_unsubscribe,
          (const struct rv_param[]) { { "Subscription", "string", "Its id.", true }, { 0 } }, true },
        { "Acknowledge", "Gives credit, and says what need not be kept any more.", "Acknowledged",
          rv_op_acknowledge,
          (const struct rv_param[]) {
                  { "Subscription", "string", "Its id.", true },
                  { "Sequence", "integer", "Durable: events up to this one are forgotten.", false },
                  { "Credit", "integer", "So many events more may be sent.", false },
                  { 0 } },
          true },
        { "Record", "Only from programs that reeved started for an SSH session: what they do, for the audit.",
          "Recorded", rv_op_record,
          (const struct rv_param[]) {
                  { "Method", "string", "What is done, such as Write.", false },
                  { "Target", "string", "To what: a path, HOST:PORT.", false },
                  { "Arguments", "object", "With what, or what came of it.", false },
                  { "Record", "integer", "Its outcome: the number that its intent was answered with.",
                    false },
                  { "Status", "integer", "CIM status of the outcome, or of a denial.", false },
                  { "Message", "string", "Why it failed or was denied.", false },
                  { 0 } },
          true },
        { "InvokeMethod", "Calls a method of an object, or a static one of a class.", "MethodResult",
          op_invoke,
          (const struct rv_param[]) {
                  CLASS_NAME,
                  { "MethodName", "string", "The method.", true },
                  { "InstanceName", "object", "Key bindings or path; not for static methods.", false },
                  { "InParameters", "object", "The method's [In] parameters by name.", false },
                  CHANGING,
                  COMMON,
                  { 0 } },
          false },
        { "OpenStream", "Opens a method's Stream: the connection becomes it.", "Empty", rv_op_open_stream,
          (const struct rv_param[]) { { "Token", "string", "The method's answer.", true }, { 0 } }, true },
        { "CreateInstance", "Makes an object.", "Created", op_create,
          (const struct rv_param[]) {
                  CLASS_NAME,
                  { "InstanceName", "object", "Its keys, if not among Properties.", false },
                  { "Properties", "object", "Its properties by name.", false },
                  CHANGING,
                  COMMON,
                  { 0 } },
          false },
        { "ModifyInstance", "Sets properties of an object.", "Changed", op_modify,
          (const struct rv_param[]) { CLASS_NAME,
                                      { "InstanceName", "object", "Key bindings or path.", false },
                                      { "Properties", "object", "What to set, by name.", true },
                                      CHANGING,
                                      COMMON,
                                      { 0 } },
          false },
        { "DeleteInstance", "Removes an object.", "Changed", op_delete,
          (const struct rv_param[]) { CLASS_NAME,
                                      { "InstanceName", "object", "Key bindings or path.", false },
                                      CHANGING,
                                      COMMON,
                                      { 0 } },
          false },
        { "TestInstance", "Whether an object is as it should be, and what is not.", "Tested", op_test,
          (const struct rv_param[]) { CLASS_NAME, DESIRED, COMMON, { 0 } }, false },
        { "SetInstance", "Makes an object as it should be; does nothing if it is already.", "Changed", op_set,
          (const struct rv_param[]) { CLASS_NAME, DESIRED, CHANGING, COMMON, { 0 } }, false },
        { "GetDesiredState", "The objects of a document as they are.", "DesiredState", op_get_desired,
          (const struct rv_param[]) { DOCUMENT, COMMON, { 0 } }, false },
        { "TestDesiredState", "Which objects of a document are not as they should be, and what of them.",
          "DesiredState", op_test_desired, (const struct rv_param[]) { DOCUMENT, COMMON, { 0 } }, false },
        { "SetDesiredState",
          "Makes the objects of a document as they should be, and tells what became of each.", "DesiredState",
          op_set_desired,
          (const struct rv_param[]) {
                  DOCUMENT,
                  { "OnFailure", "string",
                    "Continue (when absent) with what does not depend on it, or RollBack.", false },
                  CHANGING,
                  COMMON,
                  { 0 } },
          false },
};
enum { NOPS = sizeof ops / sizeof *ops };

void rv_ops_reference(FILE *f)
{
        for (size_t i = 0; i < NOPS; i++) {
                fprintf(f, "\n## %s\n\n%s\n", ops[i].name, ops[i].summary);
                if (ops[i].params && ops[i].params[0].name)
                        fputs("\n| parameter | type | | meaning |\n|---|---|---|---|\n", f);
                for (const struct rv_param *p = ops[i].params; p && p->name; p++)
                        fprintf(f, "| `%s` | %s | %s | %s |\n", p->name, p->type, p->required ? "needed" : "",
                                p->help);
        }
}

static void param_schema(struct rv_buf *b, const struct rv_param *p)
{
        rv_buf_putf(b, "{\"name\":\"%s\",\"description\":", p->name);
        rv_json_text(b, p->help);
        rv_buf_putf(b, ",\"required\":%s,\"schema\":{\"title\":\"%s\"", p->required ? "true" : "false",
                    p->name);
        if (strcmp(p->type, "string[]") == 0)
                rv_buf_putf(b, ",\"type\":\"array\",\"items\":{\"title\":\"%sItem\",\"type\":\"string\"}",
                            p->name);
        else if (strcmp(p->type, "any") != 0)
                rv_buf_putf(b, ",\"type\":\"%s\"", p->type);
        rv_buf_puts(b, "}}");
}

static int op_discover(struct rv_request *q, struct rv_error *err)
{
        (void)err;
        struct rv_buf *b = &q->out;
        rv_buf_putf(b,
                    "{\"openrpc\":\"1.2.6\",\"info\":{\"title\":\"reeve\",\"version\":\"%s\"},\"methods\":[",
                    REEVE_VERSION);
        for (size_t i = 0; i < NOPS; i++) {
                rv_buf_putf(b, "%s{\"name\":\"%s\",\"summary\":", i ? "," : "", ops[i].name);
                rv_json_text(b, ops[i].summary);
                rv_buf_puts(b, ",\"paramStructure\":\"by-name\",\"params\":[");
                for (size_t k = 0; ops[i].params && ops[i].params[k].name; k++) {
                        if (k)
                                rv_buf_put(b, ",", 1);
                        param_schema(b, &ops[i].params[k]);
                }
                rv_buf_putf(
                        b,
                        "],\"result\":{\"name\":\"%s\",\"schema\":{\"title\":\"%s\",\"type\":\"object\"}}}",
                        ops[i].result, ops[i].result);
        }
        rv_buf_puts(b, "],\"components\":{\"schemas\":{");
        bool first = true;
        for (uint32_t i = 0; i < q->agent->registry.n; i++) {
                const struct rv_class *c =
                        rv_visible_class(&q->agent->policy, &q->session->who, q->agent->registry.classes[i],
                                         RV_OP_ANY, &q->arena);
                if (!c)
                        continue;
                rv_buf_putf(b, "%s\"%s\":", first ? "" : ",", c->name);
                rv_json_schema(b, c);
                first = false;
        }
        rv_buf_puts(b, "}}}");
        rv_answer(q, b->data, b->len);
        return RV_OK;
}

/* "did you mean" looks at all names there are, also at those that this peer may not know. */
static void forget_names(struct rv_error *err)
{
        if (err->code == RV_INVALID_CLASS || err->code == RV_NO_SUCH_PROPERTY ||
            err->code == RV_METHOD_NOT_FOUND || err->code == RV_INVALID_NAMESPACE)
                rv_hint(err, "EnumerateClasses lists what there is for you.");
}

void rv_dispatch(struct rv_request *q, const char *method, size_t n)
{
        struct rv_error err = { 0 };
        for (size_t i = 0; i < NOPS; i++)
                if (strlen(ops[i].name) == n && memcmp(ops[i].name, method, n) == 0)
                        q->op = &ops[i];
        if (!q->op) {
                rv_answer_code(q, -32601, "there is no such operation; rpc.discover lists them");
                return;
        }
        bool open = q->op->run == op_hello || (q->op->run == rv_op_record && *q->session->who.service);
        int r = open && rv_identity_ok(&q->session->who) /* it says who one is, and may do nothing */
                        ? RV_OK
                        : rv_authorize(&q->agent->policy, &q->session->who, RV_RIGHT_CONNECT, NULL, NULL,
                                       &err);
        if (r == RV_OK && q->session->plan && !rv_plan_permits(q->op->name))
                r = rv_fail(&err, RV_ACCESS_DENIED, "denied: a plan cannot be made with %s", q->op->name);
        if (r == RV_OK && q->params)
                r = check_params(q, &err);
        else if (r == RV_OK && q->op->params && q->op->params[0].required)
                r = rv_fail(&err, RV_INVALID_PARAMETER, "%s needs the parameter '%s'", q->op->name,
                            q->op->params[0].name);
        if (r == RV_OK && !q->op->untimed)
                r = set_deadline(q, &err);
        if (r == RV_OK)
                r = q->op->run(q, &err);
        if (r < 0)
                rv_fail_errno(&err, r, "a fault in reeve");
        if (r == RV_ACCESS_DENIED)
                rv_request_denied(q, &err);
        if (r && q->session->plan && q->shape == RV_SHAPE_METHOD)
                rv_plan_note(q, r, err.message, NULL);
        if (r && !rv_policy_has_all(&q->agent->policy, &q->session->who))
                forget_names(&err);
        if (r)
                rv_answer_error(q, &err);
}
