/* SPDX-License-Identifier: MIT */
#include "agent/desired.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/concretejob.h"
#include "agent/desired_plan.h"
#include "agent/drift.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* What is done with the resource at `at`. */
enum phase { CHECK, GET, SET, BACK, DONE };

struct rv_desired {
        struct rv_request *request, *child; /* child: under way, or NULL */
        struct rv_work next;
        enum rv_desired_kind kind;
        struct rv_desired_plan plan;
        enum phase phase;
        unsigned at; /* in plan.order */
        bool what_if, roll_back, failed;
        unsigned serial; /* of the child: its RequestKey */
};

static void desired_free(struct rv_desired *d)
{
        rv_loop_forget(&d->request->agent->loop, &d->next);
        if (d->child) {
                d->child->desired = NULL;
                rv_request_free(d->child);
        }
        rv_desired_plan_free(&d->plan);
        free(d);
}

void rv_desired_orphan(struct rv_request *q)
{
        struct rv_desired *d = q->document;
        q->document = NULL;
        if (d)
                desired_free(d);
}

void rv_desired_child_gone(struct rv_desired *d)
{
        d->child = NULL;
}

static struct rv_resource *current(struct rv_desired *d)
{
        return &d->plan.r[d->plan.order[d->at]];
}

/* ---- the answer ---- */

static json_t *tell(const struct rv_desired *d, const struct rv_resource *r)
{
        json_t *o = json_object();
        json_object_set_new(o, "Name", json_string(r->name));
        json_object_set(o, "ClassName", json_object_get(r->json, "ClassName"));
        if (json_object_get(r->json, "InstanceName"))
                json_object_set(o, "InstanceName", json_object_get(r->json, "InstanceName"));
        if (d->kind == RV_DESIRED_GET && r->now) {
                json_object_set_new(o, "Ensure", json_string(json_is_null(r->now) ? "Absent" : "Present"));
                json_object_set(o, "Properties", r->now);
        } else {
                json_object_set_new(o, "Status", json_string(rv_resource_status_name(r->status)));
        }
        if (r->changed && json_array_size(r->changed))
                json_object_set(o, "Changed", r->changed);
        if (r->error)
                json_object_set(o, "Error", r->error);
        if (r->status == RV_RES_SKIPPED)
                json_object_set_new(o, "Because", json_string(d->plan.r[r->because].name));
        return o;
}

/* What brings everything back that was changed, the last change first. */
static json_t *way_back(const struct rv_desired *d)
{
        json_t *list = json_array();
        for (unsigned i = d->plan.n; i-- > 0;) {
                const struct rv_resource *r = &d->plan.r[d->plan.order[i]];
                if (r->before && (r->status == RV_RES_CHANGED || r->status == RV_RES_UNKNOWN))
                        json_array_append(list, r->before);
        }
        if (!json_array_size(list)) {
                json_decref(list);
                return NULL;
        }
        return json_pack("{s:o}", "Resources", list);
}

static void tell_watchers(const struct rv_desired *d, const struct rv_resource *r, json_t *told)
{
        const json_t *document = json_object_get(d->request->params, "Document");
        if (d->kind != RV_DESIRED_GET && !d->what_if && r->status != RV_RES_OK)
                rv_drift_tell(json_string_value(json_object_get(document, "Name")), told);
}

static void answer(struct rv_desired *d)
{
        json_t *all = json_object(), *list = json_array(), *back = NULL;
        unsigned count[RV_RES_ROLLBACK_FAILED + 1] = { 0 };
        for (unsigned i = 0; i < d->plan.n; i++) {
                const struct rv_resource *r = &d->plan.r[d->plan.order[i]];
                json_t *told = tell(d, r);
                tell_watchers(d, r, told);
                json_array_append_new(list, told);
                count[r->status]++;
        }
        bool complete =
                !(count[RV_RES_FAILED] + count[RV_RES_UNKNOWN] + count[RV_RES_SKIPPED] +
                  count[RV_RES_NOT_REACHED] + count[RV_RES_ROLLED_BACK] + count[RV_RES_ROLLBACK_FAILED]);
        if (d->kind != RV_DESIRED_GET)
                json_object_set_new(
                        all, "InDesiredState",
                        json_boolean(complete && !count[RV_RES_DRIFTED] && !count[RV_RES_WOULD_CHANGE]));
        json_object_set_new(all, "Complete", json_boolean(complete));
        if (d->what_if)
                json_object_set_new(all, "WhatIf", json_true());
        json_object_set_new(all, "Resources", list);
        if (d->kind == RV_DESIRED_SET && (back = way_back(d)))
                json_object_set_new(all, "RollbackDocument", back);
        char *text = json_dumps(all, JSON_COMPACT);
        json_decref(all);
        if (text)
                rv_answer(d->request, text, strlen(text)); /* the document goes with the request */
        else
                rv_answer_code(d->request, -32603, "out of memory");
        free(text);
}

/* A resource that cannot be at all: nothing was changed. */
static void refuse(struct rv_desired *d, const struct rv_resource *r, const json_t *error)
{
        struct rv_error e = { 0 };
        json_int_t code = json_integer_value(json_object_get(error, "code"));
        const char *class = json_string_value(json_object_get(r->json, "ClassName"));
        const char *property = json_string_value(json_object_get(json_object_get(error, "data"), "Property"));
        rv_about(&e, class, NULL, property ? property : "");
        const char *hint = json_string_value(json_object_get(json_object_get(error, "data"), "Hint"));
        rv_hint(&e, "%s%sNothing was changed.", hint ? hint : "", hint ? ". " : "");
        rv_fail(&e, code <= -32001 && code >= -32099 ? (int)(-32000 - code) : RV_INVALID_PARAMETER,
                "resource '%.80s': %s", r->name, json_string_value(json_object_get(error, "message")));
        rv_answer_error(d->request, &e);
}

/* ---- the way through ---- */

static void go_on(struct rv_desired *d)
{
        rv_loop_soon(&d->request->agent->loop, &d->next);
}

/* Seconds left, or 0. */
static double left(const struct rv_desired *d)
{
        uint64_t now = rv_now(), until = d->request->deadline;
        return until > now + 20000000 ? (double)(until - now - 10000000) / 1e9 : 0;
}

static void ask(struct rv_desired *d, const char *method, json_t *params, const char *key)
{
        const json_t *namespace = json_object_get(current(d)->json, "Namespace");
        if (namespace)
                json_object_set(params, "Namespace", (json_t *)namespace);
        json_object_set_new(params, "Timeout", json_real(left(d)));
        if (key && d->request->request_key && !d->what_if) {
                char text[224];
                snprintf(text, sizeof text, "%.180s/%s%u", d->request->request_key, key,
                         d->plan.order[d->at]);
                json_object_set_new(params, "RequestKey", json_string(text));
        }
        struct rv_request *q = rv_request_child(d->request, params);
        if (!q) {
                d->failed = true;
                current(d)->status = RV_RES_FAILED;
                d->at++;
                go_on(d);
                return;
        }
        q->desired = d;
        d->child = q;
        rv_dispatch(q, method, strlen(method)); /* the answer may be there already: see rv_desired_answer() */
}

static json_t *params_of(const json_t *resource, bool properties)
{
        static const char *const names[] = { "ClassName", "InstanceName", "Properties", "Ensure" };
        json_t *p = json_object();
        for (unsigned i = 0; i < (properties ? 4 : 2); i++) {
                json_t *v = json_object_get(resource, names[i]);
                if (v)
                        json_object_set(p, names[i], v);
        }
        return p;
}

static bool is_absent(const json_t *resource)
{
        const char *e = json_string_value(json_object_get(resource, "Ensure"));
        return e && strcasecmp(e, "Absent") == 0;
}

/* The object as it is: the properties that the document speaks of; of one that is to go, all. */
static void ask_now(struct rv_desired *d, const struct rv_resource *r)
{
        json_t *p = params_of(r->json, false), *list = json_array(), *v;
        json_t *given = json_object_get(r->json, "Properties");
        const char *name;
        json_object_foreach(given, name, v) json_array_append_new(list, json_string(name));
        if (json_array_size(list) && !is_absent(r->json))
                json_object_set(p, "PropertyList", list);
        json_decref(list);
        ask(d, "GetInstance", p, NULL);
}

/* Whether something that it needs did not come about. */
static bool is_skipped(struct rv_desired *d, struct rv_resource *r)
{
        for (unsigned k = 0; k < r->nneeds; k++) {
                enum rv_resource_status s = d->plan.r[r->needs[k]].status;
                if (s == RV_RES_FAILED || s == RV_RES_UNKNOWN || s == RV_RES_SKIPPED ||
                    s == RV_RES_NOT_REACHED) {
                        r->status = RV_RES_SKIPPED;
                        r->because = r->needs[k];
                        return true;
                }
        }
        return false;
}

/* Which resource it is at, for whoever waits. */
static void tell_progress(const struct rv_desired *d, const struct rv_resource *r)
{
        struct rv_request *q = d->request;
        struct rv_buf b = { 0 };
        if (!q->token || rv_session_queued(q->session) >= RV_QUEUE_BYTES / 2)
                return;
        rv_buf_putf(&b, "{\"token\":%s,\"value\":[{\"Activity\":\"%s\",\"Status\":", q->token, rv_op_name(q->op));
        rv_json_text(&b, r->name);
        rv_buf_putf(&b, ",\"PercentComplete\":%u}]}", d->at * 100 / d->plan.n);
        if (!b.failed)
                rv_notify(q->session, "$/progress", b.data, b.len);
        rv_buf_free(&b);
}

static void begin(struct rv_desired *d, struct rv_resource *r)
{
        if (d->phase == SET && d->kind == RV_DESIRED_SET)
                tell_progress(d, r);
        if (d->phase == BACK) {
                ask(d, "SetInstance", params_of(r->before, true), "back-");
        } else if (d->phase == GET) {
                ask_now(d, r);
        } else if (d->phase == CHECK || d->kind == RV_DESIRED_TEST) {
                ask(d, "TestInstance", params_of(r->json, true), NULL);
        } else {
                json_t *p = params_of(r->json, true);
                if (d->what_if)
                        json_object_set_new(p, "WhatIf", json_true());
                ask(d, "SetInstance", p, "");
        }
}

/* In BACK the order is the other way round. */
static bool next_back(struct rv_desired *d)
{
        for (; d->at < d->plan.n; d->at--) { /* below 0 is beyond n */
                struct rv_resource *r = current(d);
                if ((r->status == RV_RES_CHANGED || r->status == RV_RES_UNKNOWN) && r->before)
                        return true;
        }
        return false;
}

/* The phase has been gone through: the next one. */
static void turn(struct rv_desired *d)
{
        if (d->phase == CHECK && d->kind == RV_DESIRED_SET) {
                d->phase = SET;
                d->at = 0;
        } else if (d->phase == SET && d->failed && d->roll_back && !d->what_if) {
                d->phase = BACK;
                d->at = d->plan.n - 1;
        } else {
                d->phase = DONE;
        }
}

static void step(struct rv_desired *d)
{
        while (d->phase != DONE && !(d->phase == BACK ? next_back(d) : d->at < d->plan.n))
                turn(d);
        if (d->phase == DONE) {
                answer(d);
                return;
        }
        struct rv_resource *r = current(d);
        if (left(d) == 0) {
                if (r->status == RV_RES_PENDING || d->phase == CHECK)
                        r->status = RV_RES_NOT_REACHED;
                if (d->phase == BACK)
                        r->status = RV_RES_ROLLBACK_FAILED;
                d->failed |= d->phase == SET;
                d->at += d->phase == BACK ? -1U : 1;
                go_on(d);
        } else if (d->phase == SET && is_skipped(d, r)) {
                d->at++;
                go_on(d);
        } else if (d->phase == SET && d->kind == RV_DESIRED_SET && r->differs && !r->known && !d->what_if) {
                d->phase = GET;
                begin(d, r);
        } else {
                begin(d, r);
        }
}

static void on_next(struct rv_work *w)
{
        step(OF(w, struct rv_desired, next));
}

/* ---- answers of the single requests ---- */

/* Faults of the document itself, which no change before could mend. */
static bool is_fault_of_document(json_int_t code)
{
        int s = (int)(-32000 - code);
        return code == -32602 || s == RV_INVALID_PARAMETER || s == RV_INVALID_CLASS ||
               s == RV_NO_SUCH_PROPERTY || s == RV_TYPE_MISMATCH || s == RV_ACCESS_DENIED ||
               s == RV_NOT_SUPPORTED || s == RV_INVALID_NAMESPACE;
}

static bool may_be_written(const struct rv_class *c, const char *name)
{
        int p = c ? rv_property_find(c, name, strlen(name)) : -1;
        return p >= 0 && c->properties[p].flags & RV_WRITE &&
               !(c->properties[p].flags & (RV_KEY | RV_SECRET));
}

/* From the object as it was: a resource that makes it so again. */
static json_t *make_before(const struct rv_resource *r, const json_t *object)
{
        json_t *b = json_object(), *properties = json_object(), *v;
        const char *name, *class = json_string_value(json_object_get(r->json, "ClassName"));
        const struct rv_class *c = rv_class_find(class, NULL);
        json_object_set_new(b, "Name", json_string(r->name));
        json_object_set(b, "ClassName", json_object_get(r->json, "ClassName"));
        if (json_object_get(r->json, "Namespace"))
                json_object_set(b, "Namespace", json_object_get(r->json, "Namespace"));
        json_object_set(b, "InstanceName", json_object_get(r->json, "InstanceName"));
        json_object_foreach((json_t *)object, name,
                            v) if (may_be_written(c, name) && (!json_is_null(v) || !is_absent(r->json)))
                json_object_set(properties, name, v);
        if (object)
                json_object_set(b, "Properties", properties);
        else
                json_object_set_new(b, "Ensure", json_string("Absent"));
        json_decref(properties);
        return b;
}

static void on_read(struct rv_desired *d, struct rv_resource *r, bool is_error, json_t *j)
{
        bool absent = is_error && json_integer_value(json_object_get(j, "code")) == -32000 - RV_NOT_FOUND;
        if (d->kind == RV_DESIRED_GET) {
                r->status = is_error && !absent ? RV_RES_FAILED : RV_RES_OK;
                if (r->status == RV_RES_FAILED)
                        r->error = json_incref(j);
                else
                        r->now = absent ? json_null() : json_incref(j);
                d->at++;
                return;
        }
        d->phase = SET;
        r->known = true;
        if (!is_error || absent) {
                r->before = make_before(r, absent ? NULL : j);
        } else if (d->roll_back) { /* there would be no way back */
                r->status = RV_RES_FAILED;
                r->error = json_incref(j);
                d->failed = true;
                d->at++;
        }
}

static void on_checked(struct rv_desired *d, struct rv_resource *r, bool is_error, json_t *j)
{
        r->differs = is_error || !json_is_true(json_object_get(j, "InDesiredState"));
        if (d->kind == RV_DESIRED_TEST) {
                r->status = is_error ? RV_RES_FAILED : r->differs ? RV_RES_DRIFTED : RV_RES_OK;
                r->error = is_error ? json_incref(j) : NULL;
                r->changed = is_error ? NULL : json_incref(json_object_get(j, "Changed"));
        }
        d->at++;
}

static void on_set(struct rv_desired *d, struct rv_resource *r, bool is_error, json_t *j)
{
        json_int_t code = json_integer_value(json_object_get(j, "code"));
        if (is_error) {
                r->status = code == -32000 - RV_TIMED_OUT ? RV_RES_UNKNOWN : RV_RES_FAILED;
                r->error = json_incref(j);
                d->failed = true;
        } else {
                r->changed = json_incref(json_object_get(j, "Changed"));
                r->status = !json_array_size(r->changed) ? RV_RES_OK
                            : d->what_if                 ? RV_RES_WOULD_CHANGE
                                                         : RV_RES_CHANGED;
        }
        d->at++;
}

void rv_desired_answer(struct rv_desired *d, bool is_error, const char *text, size_t n)
{
        d->child = NULL;
        json_t *j = json_loadb(text, n, JSON_DECODE_ANY, NULL);
        struct rv_resource *r = current(d);
        if (d->phase == CHECK && is_error && d->kind == RV_DESIRED_SET &&
            is_fault_of_document(json_integer_value(json_object_get(j, "code")))) {
                refuse(d, r, j);
                json_decref(j);
                return;
        }
        switch (d->phase) {
        case GET: on_read(d, r, is_error, j); break;
        case CHECK: on_checked(d, r, is_error, j); break;
        case SET: on_set(d, r, is_error, j); break;
        default:
                r->status = is_error ? RV_RES_ROLLBACK_FAILED : RV_RES_ROLLED_BACK;
                if (is_error && !r->error)
                        r->error = json_incref(j);
                d->at--;
        }
        json_decref(j);
        go_on(d);
}

int rv_desired_start(struct rv_request *q, enum rv_desired_kind kind, struct rv_error *err)
{
        struct rv_desired *d = calloc(1, sizeof *d);
        if (!d)
                return -ENOMEM;
        *d = (struct rv_desired) { .request = q,
                                   .kind = kind,
                                   .phase = kind == RV_DESIRED_GET ? GET : CHECK,
                                   .what_if = json_is_true(json_object_get(q->params, "WhatIf")) };
        const char *on_failure = json_string_value(json_object_get(q->params, "OnFailure"));
        d->next.run = on_next;
        q->document = d;
        d->roll_back = on_failure && strcasecmp(on_failure, "RollBack") == 0;
        if (on_failure && !d->roll_back && strcasecmp(on_failure, "Continue") != 0)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "OnFailure is '%.40s': expected Continue or RollBack", on_failure);
        q->request_key = json_string_value(json_object_get(q->params, "RequestKey"));
        if (q->request_key && (!*q->request_key || strlen(q->request_key) > 180))
                return rv_fail(err, RV_INVALID_PARAMETER, "RequestKey: expected 1 to 180 bytes");
        int r = rv_desired_read(json_object_get(q->params, "Document"), &d->plan, err);
        if (r)
                return r;
        if (kind == RV_DESIRED_SET && !d->what_if && !q->session->plan &&
            json_is_true(json_object_get(q->params, "AsJob"))) {
                rv_desired_orphan(q); /* the document is the job's */
                return rv_cjob_submit(q, err);
        }
        go_on(d);
        return RV_OK;
}
