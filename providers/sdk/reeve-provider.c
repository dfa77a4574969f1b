/* SPDX-License-Identifier: MIT
 *
 * libreeve-provider: the protocol of external providers, a message a line (docs/external-providers.md). See reeve-
 * provider.h.
 */
#include "reeve-provider.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct reeve_call {
        json_int_t id;
        const json_t *params, *values; /* values: what reeve_has() and the like look at */
        json_t *row;                   /* being filled: an object, or [Out] parameters */
        json_t *changed;
        json_int_t return_value;
        uint64_t sent;
        bool answered; /* watch has begun */
        int status;
        char message[320], hint[240];
        char text[40]; /* a number as text */
};

static void say(json_t *message)
{
        json_object_set_new(message, "jsonrpc", json_string("2.0"));
        if (json_dumpf(message, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF || fflush(stdout) == EOF)
                exit(1); /* reeve has gone */
        json_decref(message);
}

/* ---- what is asked ---- */

bool reeve_what_if(const struct reeve_call *c)
{
        return json_is_true(json_object_get(c->params, "WhatIf"));
}

const char *reeve_user(const struct reeve_call *c)
{
        const char *user = json_string_value(json_object_get(json_object_get(c->params, "Caller"), "User"));
        return user ? user : "";
}

bool reeve_wants(const struct reeve_call *c, const char *property)
{
        const json_t *list = json_object_get(c->params, "PropertyList"), *item;
        size_t i;
        if (!json_is_array(list))
                return true;
        json_array_foreach((json_t *)list, i, item)
        {
                if (json_is_string(item) && strcmp(json_string_value(item), property) == 0)
                        return true;
        }
        return false;
}

uint64_t reeve_limit(const struct reeve_call *c)
{
        json_int_t n = json_integer_value(json_object_get(c->params, "Limit"));
        return n > 0 ? (uint64_t)n : 0;
}

/* Numbers as text live until the next one is asked for by the same call. */
static const char *text_of(struct reeve_call *c, const json_t *j)
{
        if (json_is_integer(j))
                snprintf(c->text, sizeof c->text, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
        else if (json_is_real(j))
                snprintf(c->text, sizeof c->text, "%.17g", json_real_value(j));
        else if (json_is_boolean(j))
                return json_is_true(j) ? "true" : "false";
        else
                return json_string_value(j);
        return c->text;
}

const char *reeve_equals(struct reeve_call *c, const char *property)
{
        return text_of(c, json_object_get(json_object_get(c->params, "Equals"), property));
}

const char *reeve_key(struct reeve_call *c, const char *property)
{
        return text_of(c, json_object_get(json_object_get(c->params, "InstanceName"), property));
}

bool reeve_has(const struct reeve_call *c, const char *name)
{
        return json_object_get(c->values, name);
}

const char *reeve_text(struct reeve_call *c, const char *name)
{
        return text_of(c, json_object_get(c->values, name));
}

int64_t reeve_int(const struct reeve_call *c, const char *name, int64_t otherwise)
{
        const json_t *j = json_object_get(c->values, name);
        return json_is_integer(j) ? json_integer_value(j) : otherwise;
}

uint64_t reeve_uint(const struct reeve_call *c, const char *name, uint64_t otherwise)
{
        const json_t *j = json_object_get(c->values, name);
        if (json_is_string(j)) /* beyond 2^63 */
                return strtoull(json_string_value(j), NULL, 10);
        return json_is_integer(j) ? (uint64_t)json_integer_value(j) : otherwise;
}

double reeve_real(const struct reeve_call *c, const char *name, double otherwise)
{
        const json_t *j = json_object_get(c->values, name);
        return json_is_number(j) ? json_number_value(j) : otherwise;
}

bool reeve_bool(const struct reeve_call *c, const char *name, bool otherwise)
{
        const json_t *j = json_object_get(c->values, name);
        return json_is_boolean(j) ? json_is_true(j) : otherwise;
}

/* ---- what is answered ---- */

static void set(struct reeve_call *c, const char *name, json_t *value)
{
        if (!c->row)
                c->row = json_object();
        if (reeve_wants(c, name))
                json_object_set_new(c->row, name, value);
        else
                json_decref(value);
}

static json_t *text_value(const char *s)
{
        json_t *j = s ? json_string(s) : json_null();
        return j ? j : json_string("\xEF\xBF\xBD"); /* no UTF-8 */
}

void reeve_set_text(struct reeve_call *c, const char *name, const char *s)
{
        set(c, name, text_value(s));
}

void reeve_set_int(struct reeve_call *c, const char *name, int64_t n)
{
        set(c, name, json_integer(n));
}

void reeve_set_uint(struct reeve_call *c, const char *name, uint64_t n)
{
        set(c, name, n <= INT64_MAX ? json_integer((json_int_t)n) : json_sprintf("%" PRIu64, n));
}

void reeve_set_real(struct reeve_call *c, const char *name, double n)
{
        json_t *j = json_real(n);
        set(c, name, j ? j : json_null()); /* no number */
}

void reeve_set_bool(struct reeve_call *c, const char *name, bool b)
{
        set(c, name, json_boolean(b));
}

void reeve_set_time(struct reeve_call *c, const char *name, int64_t ns)
{
        char text[64];
        int64_t part = ns % 1000000000;
        time_t seconds = (time_t)(ns / 1000000000 - (part < 0));
        struct tm t;
        gmtime_r(&seconds, &t);
        size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
        snprintf(text + n, sizeof text - n, ".%09dZ", (int)(part < 0 ? part + 1000000000 : part));
        set(c, name, json_string(text));
}

void reeve_add_text(struct reeve_call *c, const char *name, const char *s)
{
        json_t *list = json_object_get(c->row, name);
        if (!list) {
                set(c, name, json_array());
                list = json_object_get(c->row, name);
        }
        if (list)
                json_array_append_new(list, text_value(s));
}

int reeve_emit(struct reeve_call *c)
{
        json_t *row = c->row ? c->row : json_object();
        c->row = NULL;
        say(json_pack("{s:s, s:{s:I, s:[o]}}", "method", "Instances", "params", "Id", c->id, "Instances",
                      row));
        c->sent++;
        return reeve_limit(c) && c->sent >= reeve_limit(c);
}

void reeve_partial(struct reeve_call *c, enum reeve_status status, const char *message)
{
        say(json_pack("{s:s, s:{s:I, s:i, s:o}}", "method", "Partial", "params", "Id", c->id, "code",
                      -32000 - (int)status, "message", text_value(message)));
}

void reeve_return(struct reeve_call *c, int64_t value)
{
        c->return_value = value;
}

void reeve_changed(struct reeve_call *c, const char *property, const char *from, const char *to)
{
        if (!c->changed)
                c->changed = json_array();
        json_array_append_new(c->changed, json_pack("{s:s, s:o, s:o}", "Property", property, "From",
                                                    text_value(from), "To", text_value(to)));
}

int reeve_fail(struct reeve_call *c, enum reeve_status status, const char *format, ...)
{
        va_list a;
        va_start(a, format);
        vsnprintf(c->message, sizeof c->message, format, a);
        va_end(a);
        c->status = status ? (int)status : REEVE_FAILED;
        return c->status;
}

int reeve_hint(struct reeve_call *c, const char *format, ...)
{
        va_list a;
        va_start(a, format);
        vsnprintf(c->hint, sizeof c->hint, format, a);
        va_end(a);
        return c->status;
}

/* ---- watch ---- */

void reeve_watching(struct reeve_call *c)
{
        if (!c->answered)
                say(json_pack("{s:I, s:{}}", "id", c->id, "result"));
        c->answered = true;
}

int reeve_wait(struct reeve_call *c, int fd, int timeout)
{
        struct pollfd p[2] = { { STDIN_FILENO, POLLIN, 0 }, { fd, POLLIN, 0 } };
        reeve_watching(c);
        for (;;) {
                int n = poll(p, 2, timeout);
                if (n < 0 && errno != EINTR)
                        return -1;
                if (n > 0 && p[0].revents & (POLLHUP | POLLERR | POLLNVAL))
                        return -1;
                if (n > 0 && p[0].revents) { /* a notification, which is read away, or its end */
                        char buf[4096];
                        if (read(STDIN_FILENO, buf, sizeof buf) <= 0)
                                return -1;
                }
                if (n == 0 || (n > 0 && p[1].revents))
                        return n > 0;
        }
}

static void notify(struct reeve_call *c, json_t *params)
{
        const json_t *class = json_object_get(c->params, "ClassName");
        reeve_watching(c);
        json_object_set(params, "ClassName", (json_t *)class);
        c->row = NULL;
        say(json_pack("{s:s, s:o}", "method", json_object_get(params, "Event") ? "Event" : "Changed",
                      "params", params));
}

void reeve_announce(struct reeve_call *c, enum reeve_kind kind)
{
        static const char *const names[] = { "Created", "Modified", "Deleted" };
        json_t *params = json_pack("{s:s}", "Kind", names[kind <= REEVE_DELETED ? kind : REEVE_MODIFIED]);
        if (c->row)
                json_object_set_new(params, "InstanceName", c->row);
        notify(c, params);
}

void reeve_tell(struct reeve_call *c)
{
        notify(c, json_pack("{s:o}", "Event", c->row ? c->row : json_object()));
}

/* ---- calls ---- */

static int not_offered(struct reeve_call *c)
{
        return reeve_fail(c, REEVE_NOT_SUPPORTED, "this provider does not offer it");
}

static int run_method(struct reeve_call *c, const struct reeve_class *k)
{
        const char *name = json_string_value(json_object_get(c->params, "MethodName"));
        for (const struct reeve_method *m = k->methods; m && m->name; m++)
                if (name && strcmp(name, m->name) == 0)
                        return m->run(c);
        return not_offered(c);
}

static int dispatch(struct reeve_call *c, const char *method, const struct reeve_class *classes)
{
        const char *name = json_string_value(json_object_get(c->params, "ClassName"));
        const struct reeve_class *k = classes;
        if (strcmp(method, "Hello") == 0)
                return 0;
        while (k->name && (!name || strcmp(k->name, name) != 0))
                k++;
        if (!k->name)
                return not_offered(c);
        if (strcmp(method, "InvokeMethod") == 0)
                return run_method(c, k);
        int (*run)(struct reeve_call *) = strcmp(method, "EnumerateInstances") == 0 ? k->enumerate
                                          : strcmp(method, "CreateInstance") == 0   ? k->create
                                          : strcmp(method, "ModifyInstance") == 0   ? k->modify
                                          : strcmp(method, "DeleteInstance") == 0   ? k->remove
                                          : strcmp(method, "Watch") == 0            ? k->watch
                                                                                    : NULL;
        return run ? run(c) : not_offered(c);
}

static json_t *result_of(struct reeve_call *c)
{
        json_t *r = json_pack("{s:I}", "ReturnValue", c->return_value);
        if (c->row)
                json_object_set(r, "OutParameters", c->row);
        if (c->changed)
                json_object_set(r, "Changed", c->changed);
        return r;
}

static void serve(const json_t *message, const struct reeve_class *classes)
{
        const char *method = json_string_value(json_object_get(message, "method"));
        const json_t *id = json_object_get(message, "id");
        struct reeve_call c = { .id = json_integer_value(id), .params = json_object_get(message, "params") };
        if (!json_is_integer(id) ||
            !method) /* a notification: nothing is under way that could be cancelled */
                return;
        c.values = json_object_get(c.params,
                                   strcmp(method, "InvokeMethod") == 0 ? "InParameters" : "Properties");
        int status = dispatch(&c, method, classes);
        if (c.answered) /* it has watched, and nobody wants to know any more */
                exit(status);
        if (status == 0)
                say(json_pack("{s:I, s:o}", "id", c.id, "result", result_of(&c)));
        else
                say(json_pack("{s:I, s:{s:i, s:o, s:{s:o}}}", "id", c.id, "error", "code", -32000 - status,
                              "message", text_value(c.message), "data", "Hint",
                              c.hint[0] ? text_value(c.hint) : json_null()));
        json_decref(c.row);
        json_decref(c.changed);
}

/* What programs of the first version have as a class. */
struct class_1 {
        const char *name;
        int (*functions[4])(struct reeve_call *);
        const struct reeve_method *methods;
};

static const struct reeve_class *of_version_1(const void *table)
{
        const struct class_1 *old = table;
        size_t n = 0;
        while (old[n].name)
                n++;
        struct reeve_class *new = calloc(n + 1, sizeof *new);
        for (size_t i = 0; new &&i < n; i++)
                memcpy(&new[i], &old[i], sizeof old[i]);
        return new;
}

int reeve_provider_main(int abi, const struct reeve_class *classes)
{
        char *line = NULL;
        size_t cap = 0;
        if (abi == 1)
                classes = of_version_1(classes);
        else if (abi != REEVE_PROVIDER_ABI) {
                fprintf(stderr,
                        "this program was built for version %d of libreeve-provider's ABI, this is %d\n", abi,
                        REEVE_PROVIDER_ABI);
                return 2;
        }
        if (!classes)
                return 1;
        for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
                json_t *message = json_loadb(line, (size_t)n, 0, NULL);
                if (!message) {
                        fprintf(stderr, "what reeve said is no JSON\n");
                        return 1;
                }
                serve(message, classes);
                json_decref(message);
        }
        free(line);
        return 0;
}
