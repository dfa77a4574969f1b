/* SPDX-License-Identifier: MIT
 *
 * The protocol with a provider's program: JSON-RPC 2.0, a message a line. Calls go out with the operations'
 * own names and parameters; rows come back as notifications "Instances", as many as it likes, or in the
 * result. One call at a time for each program; further calls wait for a free one or start another, up to
 * Programs.
 *
 * Who breaks the protocol is ended, and so is whoever does not answer in time: half a message would be read as
 * the answer to the next call.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/external_int.h"

#define HELLO_TIME UINT64_C(10000000000) /* ns from start to its answer to Hello */
#define LAST_TIME UINT64_C(500000000)    /* ns that it has to end a call that was cancelled */

/* A call as it goes on. */
struct talk {
        struct rv_external *x;
        struct rv_child *child;
        unsigned seat;
        uint64_t id, deadline, bytes;
        const struct rv_call *call; /* asked whether it was cancelled; may be NULL */
        const struct rv_class *class;
        struct rv_sink *sink; /* rows; NULL: none are awaited */
        struct rv_complaints complaints;
        bool stopped; /* the reader has enough */
        bool told;    /* it has heard of a change: whether it did it before it fell, nobody knows */
};

uint64_t rv_external_until(const struct rv_external *x, uint64_t deadline)
{
        uint64_t own = rv_now() + x->timeout * UINT64_C(1000000000);
        return deadline && deadline < own ? deadline : own;
}

/* ---- a program for the call ---- */

static int sit_down(struct talk *t, struct rv_error *err)
{
        struct rv_external *x = t->x;
        struct timespec until = { (time_t)(t->deadline / 1000000000), (long)(t->deadline % 1000000000) };
        pthread_mutex_lock(&x->lock);
        for (;;) {
                uint64_t now = rv_now();
                if (x->falls >= RV_EXTERNAL_FALLS && now < x->rest_until) {
                        rv_fail(err, RV_UNAVAILABLE,
                                "provider %s is left alone for %u s, it failed %u times: %s", x->name,
                                (unsigned)((x->rest_until - now) / 1000000000 + 1), x->falls, x->last_fall);
                        pthread_mutex_unlock(&x->lock);
                        return RV_UNAVAILABLE;
                }
                unsigned best = x->programs;
                for (unsigned i = 0; i < x->programs; i++)
                        if (!x->busy[i] &&
                            (best == x->programs || (x->children[i].pid && !x->children[best].pid)))
                                best = i;
                if (best < x->programs) {
                        x->busy[best] = true;
                        t->seat = best;
                        t->child = &x->children[best];
                        pthread_mutex_unlock(&x->lock);
                        return RV_OK;
                }
                if (pthread_cond_timedwait(&x->free, &x->lock, &until) == ETIMEDOUT || now >= t->deadline) {
                        pthread_mutex_unlock(&x->lock);
                        return rv_fail(err, RV_TIMED_OUT, "provider %s is busy with other calls", x->name);
                }
        }
}

static void stand_up(struct talk *t)
{
        struct rv_external *x = t->x;
        pthread_mutex_lock(&x->lock);
        t->child->last_used = rv_now();
        x->busy[t->seat] = false;
        pthread_cond_signal(&x->free);
        pthread_mutex_unlock(&x->lock);
}

/* It broke the protocol, fell or hung: ended, and counted. */
static int fell(struct talk *t, struct rv_error *err, int code, const char *what)
{
        struct rv_external *x = t->x;
        int status = rv_child_end(t->child);
        const char *last = rv_child_last_words(t->child);
        char how[64] = "";
        if (status == 128 + SIGKILL && rv_external_group_memory(x))
                snprintf(how, sizeof how, " (the memory of its control group was used up)");
        else if (status > 128)
                snprintf(how, sizeof how, " (killed by signal %d)", status - 128);
        else if (status > 0)
                snprintf(how, sizeof how, " (exit status %d)", status);
        rv_about(err, t->class ? t->class->name : NULL, NULL, NULL);
        rv_fail(err, code, "provider %s %s%s%s%s", x->name, what, code == RV_TIMED_OUT ? "" : how,
                *last ? ": " : "", last);
        rv_hint(err, "Its program is %s; `reeve provider test %s` tries it.", x->words[0], x->path);
        pthread_mutex_lock(&x->lock);
        snprintf(x->last_fall, sizeof x->last_fall, "%s", err->message);
        x->falls++;
        x->rest_until = rv_now() + RV_EXTERNAL_REST;
        pthread_mutex_unlock(&x->lock);
        err->retryable = !t->told;
        return code;
}

static int fault(struct talk *t, ssize_t r, struct rv_error *err)
{
        switch (r) {
        case 0:
        case -EPIPE: return fell(t, err, RV_UNAVAILABLE, "has ended");
        case -EMSGSIZE: return fell(t, err, RV_FAILED, "sent a message of more than 1 MiB");
        case -ETIMEDOUT: return fell(t, err, RV_TIMED_OUT, "did not answer in time and was ended");
        case -ECANCELED:
                return fell(t, err, RV_PULL_HAS_BEEN_ABANDONED, "did not end a cancelled call and was ended");
        default: return fell(t, err, RV_FAILED, "cannot be spoken to");
        }
}

/* ---- messages ---- */

static int say(struct talk *t, json_t *message, struct rv_error *err)
{
        char *text = json_dumps(message, JSON_COMPACT);
        if (!text)
                return -ENOMEM;
        size_t n = strlen(text);
        text[n] = '\n'; /* instead of its end */
        int r = rv_child_write(t->child, text, n + 1, t->deadline, t->call);
        free(text);
        t->told |= r == 0 && !t->sink && t->call && !t->call->what_if;
        return r ? fault(t, r, err) : RV_OK;
}

/* An error of the program's as one of ours. */
static int theirs(const struct talk *t, const json_t *e, struct rv_error *err)
{
        const json_t *data = json_object_get(e, "data");
        const char *message = json_string_value(json_object_get(e, "message"));
        const char *hint = json_string_value(json_object_get(data, "Hint"));
        const char *property = json_string_value(json_object_get(data, "Property"));
        const char *key = json_string_value(json_object_get(data, "Key"));
        json_int_t code = json_integer_value(json_object_get(e, "code"));
        int status = code == -32601                    ? RV_NOT_SUPPORTED
                     : code <= -32001 && code > -32100 ? (int)(-32000 - code)
                                                       : RV_FAILED;
        if (strcmp(rv_status_name(status), rv_status_name(0)) == 0)
                status = RV_FAILED;
        rv_about(err, t->class ? t->class->name : NULL, key, property);
        rv_fail(err, status, "%s", message ? message : rv_status_text(status));
        return hint ? rv_hint(err, "%s", hint) : status;
}

static int rows(struct talk *t, const json_t *list)
{
        size_t i;
        json_t *item;
        int r = RV_OK;
        json_array_foreach((json_t *)list, i, item)
        {
                if (r == RV_OK && t->sink)
                        r = rv_external_row(t->class, item, t->sink, &t->complaints);
        }
        return r;
}

/* Notifications: rows, or what could not be had. */
static void progress(const struct talk *t, const json_t *params)
{
        const char *activity = json_string_value(json_object_get(params, "Activity")),
                   *status = json_string_value(json_object_get(params, "Status"));
        const json_t *percent = json_object_get(params, "PercentComplete");
        json_int_t n = json_is_integer(percent) ? json_integer_value(percent) : -1;
        rv_progress((struct rv_call *)t->call, activity ? activity : t->x->name, status ? status : "",
                    n < 0 || n > 100 ? -1 : (int)n);
}

static int notice(struct talk *t, const json_t *message)
{
        const char *method = json_string_value(json_object_get(message, "method"));
        const json_t *params = json_object_get(message, "params");
        if (!method || json_integer_value(json_object_get(params, "Id")) != (json_int_t)t->id)
                return RV_OK;
        if (strcmp(method, "Instances") == 0)
                return rows(t, json_object_get(params, "Instances"));
        if (strcmp(method, "Partial") == 0 && t->sink) {
                struct rv_error e = { 0 };
                theirs(t, params, &e);
                rv_partial(t->sink, &e);
        }
        if (strcmp(method, "Progress") == 0 && !t->sink && t->call)
                progress(t, params);
        return RV_OK;
}

/* The reader has enough or has gone, or there is no more time: it is told, and may yet end properly. */
static int give_up(struct talk *t, int r, struct rv_error *err)
{
        json_t *m = json_pack("{s:s, s:s, s:{s:I}}", "jsonrpc", "2.0", "method", "$/cancelRequest", "params",
                              "id", (json_int_t)t->id);
        uint64_t until = rv_now() + LAST_TIME;
        char *text = m ? json_dumps(m, JSON_COMPACT) : NULL;
        bool ended = false;
        if (text) {
                size_t n = strlen(text);
                text[n] = '\n';
                const char *line;
                ssize_t k = rv_child_write(t->child, text, n + 1, until, NULL);
                while (k == 0 && !ended && (k = rv_child_line(t->child, &line, until, NULL)) > 0) {
                        json_t *answer = rv_json_parse(line, (size_t)k, NULL);
                        json_t *id = json_object_get(answer, "id");
                        ended = json_is_integer(id) && json_integer_value(id) == (json_int_t)t->id;
                        json_decref(answer);
                        k = 0;
                }
        }
        free(text);
        json_decref(m);
        if (t->stopped) {
                if (!ended)
                        rv_child_end(t->child);
                return RV_OK;
        }
        if (!ended)
                return fault(t, r, err);
        return r == -ECANCELED ? rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "the call was cancelled")
                               : rv_fail(err, RV_TIMED_OUT, "provider %s did not answer in time", t->x->name);
}

/* Until the answer: *ret is its result, to be freed. */
static int listen(struct talk *t, json_t **ret, struct rv_error *err)
{
        for (;;) {
                const char *line;
                ssize_t n = rv_child_line(t->child, &line, t->deadline, t->call);
                if (n == -ETIMEDOUT || n == -ECANCELED)
                        return give_up(t, (int)n, err);
                if (n <= 0)
                        return fault(t, n, err);
                t->bytes += (uint64_t)n;
                if (t->bytes > t->x->output)
                        return fell(t, err, RV_SERVER_LIMITS_EXCEEDED, "said more than Output allows");
                struct rv_error wrong = { 0 };
                json_t *message = rv_json_parse(line, (size_t)n, &wrong), *id, *value;
                if (!message) {
                        char text[280];
                        snprintf(text, sizeof text, "does not speak JSON-RPC: %.200s", wrong.message);
                        return fell(t, err, RV_FAILED, text);
                }
                id = json_object_get(message, "id");
                int r = RV_OK;
                bool mine = json_is_integer(id) && json_integer_value(id) == (json_int_t)t->id;
                if (!id)
                        r = notice(t, message);
                else if (mine && (value = json_object_get(message, "error")))
                        r = theirs(t, value, err);
                else if (mine && (value = json_object_get(message, "result"))) {
                        *ret = json_incref(value);
                        json_decref(message);
                        return RV_OK;
                } else if (!json_is_integer(id) ||
                           json_integer_value(id) > (json_int_t)t->id) /* else it is late */
                        r = fell(t, err, RV_FAILED, "answered what it was not asked");
                json_decref(message);
                if (r == RV_STOP) {
                        t->stopped = true;
                        return give_up(t, -ECANCELED, err);
                }
                if (r)
                        return r;
        }
}

/* Takes over params. */
static int ask(struct talk *t, const char *method, json_t *params, json_t **ret, struct rv_error *err)
{
        *ret = NULL;
        t->id = ++t->child->serial;
        json_t *message = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)t->id,
                                    "method", method, "params", params);
        int r = message ? say(t, message, err) : -ENOMEM;
        json_decref(message);
        return r ? r : listen(t, ret, err);
}

static int greet(struct talk *t, struct rv_error *err)
{
        json_t *names = json_array(), *result = NULL;
        uint64_t deadline = t->deadline, soon = rv_now() + HELLO_TIME;
        for (uint32_t i = 0; i < t->x->nclasses; i++)
                json_array_append_new(names, json_string(t->x->classes[i]->name));
        t->deadline = soon < deadline ? soon : deadline;
        int r = ask(t, "Hello", json_pack("{s:i, s:o}", "Version", 1, "Classes", names), &result, err);
        t->deadline = deadline;
        json_decref(result);
        if (r == RV_NOT_SUPPORTED) /* one that has nothing to prepare need not know it */
                r = RV_OK;
        t->child->greeted = r == RV_OK;
        return r;
}

static int begin(struct talk *t, struct rv_error *err)
{
        t->x = rv_external_of(t->class);
        t->deadline = rv_external_until(t->x, t->deadline);
        int r = sit_down(t, err);
        if (r)
                return r;
        /* One that ended since its last call is started again without a word. */
        if (t->child->pid && (!t->child->greeted || rv_child_gone(t->child)))
                rv_child_end(t->child);
        if (!t->child->pid)
                r = rv_child_start(t->child, t->x, err);
        if (r == RV_OK && !t->child->greeted)
                r = greet(t, err);
        if (r)
                stand_up(t);
        return r;
}

static void end(struct talk *t, int r)
{
        if (r == RV_OK) {
                pthread_mutex_lock(&t->x->lock);
                t->x->falls = 0;
                pthread_mutex_unlock(&t->x->lock);
        }
        stand_up(t);
}

/* ---- values ---- */

static json_t *json_of(const struct rv_arg *v, const struct rv_property *p)
{
        char text[64];
        switch (v->type) {
        case RV_BOOL: return json_boolean(v->b);
        case RV_UINT:
                return v->u <= INT64_MAX ? json_integer((json_int_t)v->u) : json_sprintf("%" PRIu64, v->u);
        case RV_INT:
        case RV_INTERVAL: return json_integer((json_int_t)v->i);
        case RV_REAL: return json_real(v->d);
        case RV_DATETIME: rv_datetime_text(v->i, false, text, sizeof text); return json_string(text);
        case RV_STRING:
        case RV_REF: {
                json_t *j = json_stringn(v->s, v->len);
                return j ? j : json_string("?"); /* no UTF-8 */
        }
        case RV_LIST: {
                json_t *list = json_array();
                for (uint32_t i = 0; i < v->len; i++)
                        json_array_append_new(list, json_of(&v->items[i], p));
                return list;
        }
        default: return json_null();
        }
}

static json_t *bindings(const struct rv_class *c, const struct rv_arg *v, const uint64_t *which)
{
        json_t *o = json_object();
        for (uint32_t p = 0; p < c->nproperties; p++)
                if (which ? rv_bit(which, p) : v[p].type != RV_NULL)
                        json_object_set_new(o, c->properties[p].name, json_of(&v[p], &c->properties[p]));
        return o;
}

bool rv_external_keys(const struct rv_class *c, const struct rv_row *row, struct rv_error *err)
{
        for (uint32_t k = 0; k < c->nkeys; k++)
                if (rv_wants(row, c->keys[k]) && rv_slot(row, c->keys[k])->type == RV_NULL) {
                        rv_about(err, c->name, NULL, c->properties[c->keys[k]].name);
                        rv_fail(err, RV_INVALID_PARAMETER, "an instance has no key %s",
                                c->properties[c->keys[k]].name);
                        return false;
                }
        return true;
}

void rv_complain(struct rv_complaints *c, const struct rv_error *e)
{
        if (!c->n++)
                c->first = *e;
}

void rv_complaints_tell(struct rv_complaints *c, const struct rv_external *x, struct rv_sink *out)
{
        struct rv_error e = c->first;
        if (!c->n)
                return;
        rv_fail(&e, c->first.code ? c->first.code : RV_FAILED, "provider %s: %s%s", x->name, c->first.message,
                c->n > 1 ? " (and others)" : "");
        rv_partial(out, &e);
}

bool rv_external_fill(const struct rv_class *c, const json_t *j, struct rv_row *row,
                      struct rv_complaints *complaints)
{
        struct rv_error e = { 0 };
        struct rv_arena arena = { .limit = 4 << 20 };
        const char *name;
        json_t *value;
        bool good = true;
        json_object_foreach((json_t *)j, name, value)
        {
                int p = rv_property_find(c, name, strlen(name));
                struct rv_arg v = { 0 };
                if (p < 0) {
                        rv_about(&e, c->name, NULL, NULL);
                        rv_fail(&e, RV_NO_SUCH_PROPERTY, "%s has no property %.60s", c->name, name);
                        rv_complain(complaints, &e);
                } else if (rv_json_arg(value, &c->properties[p], &arena, &v, &e)) {
                        rv_about(&e, c->name, NULL, c->properties[p].name);
                        rv_complain(complaints, &e);
                        good &= !(c->properties[p].flags & RV_KEY);
                } else
                        rv_copy_arg(row, (unsigned)p, &v);
        }
        good = good && rv_external_keys(c, row, &e);
        if (!good && e.code)
                rv_complain(complaints, &e);
        rv_arena_free(&arena);
        return good;
}

int rv_external_row(const struct rv_class *c, const json_t *j, struct rv_sink *out,
                    struct rv_complaints *complaints)
{
        struct rv_error e = { 0 };
        if (!json_is_object(j)) {
                rv_fail(&e, RV_TYPE_MISMATCH, "an instance is not an object {\"Name\": value, ...}");
                rv_complain(complaints, &e);
                return RV_OK;
        }
        struct rv_row *row = rv_row(out);
        if (rv_external_fill(c, j, row, complaints))
                return rv_emit(out, row);
        rv_row_drop(row);
        return RV_OK;
}

/* ---- the functions of the tables ---- */

static json_t *wanted(const struct rv_query *q)
{
        json_t *list = json_array();
        for (uint32_t p = 0; p < q->class->nproperties; p++)
                if (rv_asked(q, p) && (q->want || !(q->class->properties[p].flags & RV_EXPENSIVE)))
                        json_array_append_new(list, json_string(q->class->properties[p].name));
        return list;
}

int rv_external_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct talk t = { .class = q->class, .deadline = q->deadline, .call = q->call, .sink = out };
        json_t *result = NULL;
        int r = begin(&t, err);
        if (r)
                return r;
        json_t *equals = q->equals ? bindings(q->class, q->equals, NULL) : json_object();
        json_t *params = json_pack("{s:s, s:o, s:o, s:I}", "ClassName", q->class->name, "PropertyList",
                                   wanted(q), "Equals", equals, "Limit", (json_int_t)q->limit);
        r = params ? ask(&t, "EnumerateInstances", params, &result, err) : -ENOMEM;
        if (r == RV_OK && result)
                r = rows(&t, json_object_get(result, "Instances"));
        json_decref(result);
        end(&t, r);
        rv_complaints_tell(&t.complaints, t.x, out);
        return r == RV_STOP ? RV_OK : r;
}

static json_t *call_params(const struct rv_call *c)
{
        return json_pack("{s:s, s:o, s:b, s:{s:s, s:i}}", "ClassName", c->class->name, "InstanceName",
                         c->key ? bindings(c->class, c->key, NULL) : json_object(), "WhatIf", c->what_if,
                         "Caller", "User", c->who->user, "Uid", (int)c->who->uid);
}

static void text_of(const json_t *j, char *ret, size_t size, const char **ret_text)
{
        char *text = json_is_string(j) ? NULL : json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
        *ret_text = !j || json_is_null(j) ? NULL : ret;
        snprintf(ret, size, "%s", text ? text : json_is_string(j) ? json_string_value(j) : "");
        free(text);
}

static void changes(struct rv_call *c, const json_t *result)
{
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(result, "Changed"), i, item)
        {
                char from[400], to[400];
                const char *property = json_string_value(json_object_get(item, "Property")), *a, *b;
                text_of(json_object_get(item, "From"), from, sizeof from, &a);
                text_of(json_object_get(item, "To"), to, sizeof to, &b);
                if (property)
                        rv_change(c, property, a, b);
        }
}

static int change(struct rv_call *c, const char *operation, json_t *params, json_t **ret,
                  struct rv_error *err)
{
        struct talk t = { .class = c->class, .deadline = c->deadline, .call = c };
        json_t *result = NULL;
        int r = begin(&t, err);
        if (r) {
                json_decref(params);
                return r;
        }
        r = params ? ask(&t, operation, params, &result, err) : -ENOMEM;
        end(&t, r);
        if (r == RV_OK)
                changes(c, result);
        if (ret)
                *ret = result;
        else
                json_decref(result);
        return r;
}

/* ReturnValue and the [Out] parameters, checked like any row. */
static int outputs(struct rv_call *c, const json_t *result, struct rv_error *err)
{
        const struct rv_class *o = c->method->out;
        const json_t *given = json_object_get(result, "OutParameters");
        for (uint32_t p = 0; p < o->nproperties; p++) {
                const char *name = o->properties[p].name;
                bool status = strcmp(name, "ReturnValue") == 0;
                json_t *j = status ? json_object_get(result, name) : json_object_get(given, name);
                struct rv_arg v = { 0 };
                if (!j)
                        continue;
                int r = rv_json_arg(j, &o->properties[p], c->arena, &v, err);
                if (r)
                        return r;
                rv_copy_arg(c->out, p, &v);
        }
        return RV_OK;
}

/* `in` is an array of values here, one for each [In] parameter: a class that came at run time has no C struct. */
int rv_external_method(struct rv_call *c, const void *in, struct rv_error *err)
{
        json_t *params = call_params(c), *result = NULL;
        if (params) {
                json_object_set_new(params, "MethodName", json_string(c->method->name));
                json_object_set_new(params, "InParameters", bindings(c->method->in, in, NULL));
        }
        int r = change(c, "InvokeMethod", params, &result, err);
        if (r == RV_OK)
                r = outputs(c, result, err);
        json_decref(result);
        return r;
}

static int write_values(struct rv_call *c, const char *operation, const struct rv_values *v,
                        struct rv_error *err)
{
        json_t *params = call_params(c);
        if (params)
                json_object_set_new(params, "Properties", bindings(c->class, v->v, v->set));
        return change(c, operation, params, NULL, err);
}

int rv_external_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        return write_values(c, "CreateInstance", v, err);
}

int rv_external_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        return write_values(c, "ModifyInstance", v, err);
}

int rv_external_remove(struct rv_call *c, struct rv_error *err)
{
        return change(c, "DeleteInstance", call_params(c), NULL, err);
}
