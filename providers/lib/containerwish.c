/* SPDX-License-Identifier: MIT
 *
 * Wishes about containers: see containerwish.h.
 */
#include "providers/lib/containerwish.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/Container.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containertext.h"

static const struct rv_trait traits[] = {
        { Container_Name, RV_T_NAME, true, "Name" },
        { Container_Engine, RV_T_ENGINE, false, "" },
        { Container_Image, RV_T_IMAGE, false, "Config/Image" },
        { Container_State, RV_T_STATE, true, "State/Status" },
        { Container_Isolation, RV_T_ISOLATION, false, "HostConfig/Runtime" },
        { Container_Runtime, RV_T_TEXT, false, "HostConfig/Runtime" },
        { Container_Privileged, RV_T_BOOL, false, "HostConfig/Privileged" },
        { Container_Entrypoint, RV_T_LIST, false, "Config/Entrypoint" },
        { Container_Cmd, RV_T_LIST, false, "Config/Cmd" },
        { Container_WorkingDirectory, RV_T_TEXT, false, "Config/WorkingDir" },
        { Container_User, RV_T_TEXT, false, "Config/User" },
        { Container_HostName, RV_T_TEXT, false, "Config/Hostname" },
        { Container_Environment, RV_T_ENVIRONMENT, false, "Config/Env" },
        { Container_Tty, RV_T_BOOL, false, "Config/Tty" },
        { Container_OpenStdin, RV_T_BOOL, false, "Config/OpenStdin" },
        { Container_Labels, RV_T_LABELS, false, "Config/Labels" },
        { Container_PortBindings, RV_T_PORTS, false, "HostConfig/PortBindings" },
        { Container_Mounts, RV_T_MOUNTS, false, "Mounts" },
        { Container_Networks, RV_T_NETWORKS, true, "NetworkSettings/Networks" },
        { Container_NetworkMode, RV_T_TEXT, false, "HostConfig/NetworkMode" },
        { Container_RestartPolicy, RV_T_POLICY, true, "HostConfig/RestartPolicy/Name" },
        { Container_MaximumRetryCount, RV_T_RETRIES, true, "HostConfig/RestartPolicy/MaximumRetryCount" },
        { Container_ReadonlyRootfs, RV_T_BOOL, false, "HostConfig/ReadonlyRootfs" },
        { Container_CapAdd, RV_T_CAPS, false, "HostConfig/CapAdd" },
        { Container_CapDrop, RV_T_CAPS, false, "HostConfig/CapDrop" },
        { Container_SecurityOpt, RV_T_SET, false, "HostConfig/SecurityOpt" },
        { Container_Devices, RV_T_DEVICES, false, "HostConfig/Devices" },
        { Container_Dns, RV_T_LIST, false, "HostConfig/Dns" },
        { Container_ExtraHosts, RV_T_SET, false, "HostConfig/ExtraHosts" },
        { Container_Init, RV_T_BOOL, false, "HostConfig/Init" },
        { Container_ShmSize, RV_T_NUMBER, false, "HostConfig/ShmSize" },
        { Container_MemoryLimit, RV_T_NUMBER, true, "HostConfig/Memory" },
        { Container_MemorySwap, RV_T_NUMBER, true, "HostConfig/MemorySwap" },
        { Container_MemoryReservation, RV_T_NUMBER, true, "HostConfig/MemoryReservation" },
        { Container_CpuLimit, RV_T_CPUS, true, "HostConfig/NanoCpus" },
        { Container_CpuShares, RV_T_NUMBER, true, "HostConfig/CpuShares" },
        { Container_CpusetCpus, RV_T_TEXT, true, "HostConfig/CpusetCpus" },
        { Container_PidsLimit, RV_T_NUMBER, true, "HostConfig/PidsLimit" },
        { Container_StopSignal, RV_T_TEXT, false, "Config/StopSignal" },
        { Container_StopTimeout, RV_T_NUMBER, false, "Config/StopTimeout" },
        { Container_HealthTest, RV_T_LIST, false, "Config/Healthcheck/Test" },
        { Container_HealthInterval, RV_T_NUMBER, false, "Config/Healthcheck/Interval" },
        { Container_HealthTimeout, RV_T_NUMBER, false, "Config/Healthcheck/Timeout" },
        { Container_HealthRetries, RV_T_NUMBER, false, "Config/Healthcheck/Retries" },
        { Container_LogDriver, RV_T_TEXT, false, "HostConfig/LogConfig/Type" },
        { Container_LogOptions, RV_T_PAIRS, false, "HostConfig/LogConfig/Config" },
};

const struct rv_trait *rv_trait_find(unsigned property)
{
        for (size_t i = 0; i < sizeof traits / sizeof *traits; i++)
                if (traits[i].property == property)
                        return &traits[i];
        return NULL;
}

/* ---- values ---- */

static const char *text_of(const struct rv_arg *a)
{
        return a->type == RV_STRING ? a->s : "";
}

static struct rv_texts texts_of(const struct rv_arg *a, const char *parameter)
{
        bool list = a->type == RV_LIST;
        return (struct rv_texts) { list ? a->items : NULL, list ? a->len : 0, parameter };
}

/* A number as the engine has it: processors are counted in billionths. */
static json_int_t number_of(const struct rv_arg *a)
{
        return a->type == RV_REAL ? (json_int_t)llround(a->d * 1e9) : (json_int_t)a->u;
}

/* Null, false, 0, "", [] and {} are nothing. */
static bool nothing(const json_t *j)
{
        switch (json_typeof(j)) {
        case JSON_INTEGER: return json_integer_value(j) <= 0;
        case JSON_STRING: return json_string_length(j) == 0;
        case JSON_ARRAY: return json_array_size(j) == 0;
        case JSON_OBJECT: return json_object_size(j) == 0;
        case JSON_TRUE:
        case JSON_REAL: return false;
        default: return true;
        }
}

static bool alike(const json_t *a, const json_t *b)
{
        bool no = !a || nothing(a), no2 = !b || nothing(b);
        return no || no2 ? no == no2 : json_equal(a, b);
}

static bool has(json_t *list, const char *text)
{
        json_t *one;
        size_t i;
        json_array_foreach(list, i, one)
        {
                if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
                        return true;
        }
        return false;
}

/* Both have the same texts, in whatever order. */
static bool same_set(json_t *a, json_t *b)
{
        json_t *one;
        size_t i;
        json_array_foreach(a, i, one)
        {
                if (!has(b, json_string_value(one)))
                        return false;
        }
        json_array_foreach(b, i, one)
        {
                if (!has(a, json_string_value(one)))
                        return false;
        }
        return true;
}

static json_t *list_of(const struct rv_arg *a)
{
        json_t *list = json_array();
        for (uint32_t i = 0; a->type == RV_LIST && i < a->len; i++)
                json_array_append_new(list, json_string(text_of(&a->items[i])));
        return list;
}

/* A map's items alternate name and value. */
static json_t *map_of(const struct rv_arg *a)
{
        json_t *map = json_object();
        for (uint32_t i = 0; a->type == RV_LIST && i + 1 < a->len; i += 2)
                json_object_set_new(map, text_of(&a->items[i]), json_string(text_of(&a->items[i + 1])));
        return map;
}

static json_t *caps(json_t *list)
{
        json_t *to = json_array(), *one;
        size_t i;
        json_array_foreach(list, i, one)
        {
                const char *s = rv_or_empty(json_string_value(one));
                json_array_append_new(to, json_string(strncasecmp(s, "CAP_", 4) == 0 ? s + 4 : s));
        }
        return to;
}

/* ---- ports: as they read (80/tcp=8080), or as Create takes them (8080:80) ---- */

int rv_ports_wish(const struct rv_arg *wish, json_t *config, json_t *host, struct rv_error *err)
{
        uint32_t n = wish->type == RV_LIST ? wish->len : 0;
        struct rv_arg *turned = calloc(n + 1, sizeof *turned);
        char(*texts)[160] = calloc(n + 1, sizeof *texts);
        int r = turned && texts ? RV_OK : -ENOMEM;
        for (uint32_t i = 0; r == RV_OK && i < n; i++) {
                const char *s = text_of(&wish->items[i]), *eq = strchr(s, '=');
                int inside = eq ? (int)(eq - s) : 0;
                snprintf(texts[i], sizeof *texts, eq ? "%s:%.*s" : "%s", eq ? eq + 1 : s, inside, s);
                turned[i] = (struct rv_arg) { .type = RV_STRING,
                                              .s = texts[i],
                                              .len = (uint32_t)strlen(texts[i]) };
        }
        if (r == RV_OK)
                r = rv_spec_ports(config, host, (struct rv_texts) { turned, n, "PortBindings" }, err);
        free(turned);
        free(texts);
        return r;
}

/* "80/tcp 8080" and "80/tcp 127.0.0.1:8080": any address is none, and port 0 is any. */
static json_t *port_lines(json_t *bindings)
{
        json_t *lines = json_array(), *list, *one;
        const char *port;
        size_t i;
        json_object_foreach(bindings, port, list) json_array_foreach(list, i, one)
        {
                const char *ip = rv_or_empty(rv_j_text(one, "HostIp")),
                           *host = rv_or_empty(rv_j_text(one, "HostPort"));
                bool any = strcmp(ip, "0.0.0.0") == 0 || !*ip;
                json_array_append_new(lines, json_sprintf("%s %s%s%s", port, any ? "" : ip, any ? "" : ":",
                                                          strcmp(host, "0") == 0 ? "" : host));
        }
        return lines;
}

static int ports_meet(json_t *doc, const struct rv_arg *wish, bool *ret, struct rv_error *err)
{
        json_t *config = json_object(), *host = json_object();
        int r = rv_ports_wish(wish, config, host, err);
        json_t *a = port_lines(json_object_get(host, "PortBindings")),
               *b = port_lines(rv_j_at(doc, "HostConfig/PortBindings"));
        *ret = same_set(a, b);
        json_decref(a);
        json_decref(b);
        json_decref(config);
        json_decref(host);
        return r;
}

/* ---- mounts ---- */

bool rv_is_nameless(const char *name)
{
        return strspn(name, "0123456789abcdef") == 64 && !name[64];
}

static json_t *mount_lines(json_t *mounts, json_t *wished)
{
        json_t *lines = json_array(), *one;
        size_t i;
        json_array_foreach(mounts, i, one)
        {
                const char *kind = rv_or_empty(rv_j_text(one, "Type")), *name = rv_j_text(one, "Name");
                char line[8300];
                snprintf(line, sizeof line, "%.4096s:%.4096s:%s",
                         name ? name : rv_or_empty(rv_j_text(one, "Source")),
                         rv_or_empty(rv_j_text(one, "Destination")), rv_j_true(one, "RW") ? "rw" : "ro");
                bool own = strcmp(kind, "bind") != 0 &&
                           !(strcmp(kind, "volume") == 0 && !rv_is_nameless(rv_or_empty(name)));
                if (!own || has(wished, line))
                        json_array_append_new(lines, json_string(line));
        }
        return lines;
}

int rv_mounts_wish(const struct rv_arg *wish, json_t *list, struct rv_error *err)
{
        json_t *host = json_object();
        int r = rv_spec_mounts(host, texts_of(wish, "Mounts"), err);
        json_array_extend(list, json_object_get(host, "Mounts"));
        json_decref(host);
        return r;
}

static int mounts_meet(json_t *doc, const struct rv_arg *wish, bool *ret, struct rv_error *err)
{
        json_t *list = json_array(), *wished = json_array(), *one;
        size_t i;
        int r = rv_mounts_wish(wish, list, err);
        json_array_foreach(list, i, one)
        {
                json_array_append_new(wished, json_sprintf("%s:%s:%s", rv_j_text(one, "Source"),
                                                           rv_j_text(one, "Target"),
                                                           rv_j_true(one, "ReadOnly") ? "ro" : "rw"));
        }
        json_t *now = mount_lines(json_object_get(doc, "Mounts"), wished);
        *ret = same_set(wished, now);
        json_decref(now);
        json_decref(wished);
        json_decref(list);
        return r;
}

/* ---- environment and labels: those named ---- */

/* The entry of a variable, "A=1"; or NULL. n: of the name. */
static const char *variable(json_t *env, const char *name, size_t n)
{
        json_t *one;
        size_t i;
        json_array_foreach(env, i, one)
        {
                const char *s = rv_or_empty(json_string_value(one));
                if (strncmp(s, name, n) == 0 && s[n] == '=')
                        return s;
        }
        return NULL;
}

static bool environment_meets(json_t *env, const struct rv_arg *wish)
{
        for (uint32_t i = 0; wish->type == RV_LIST && i < wish->len; i++) {
                const char *s = text_of(&wish->items[i]), *now = variable(env, s, strcspn(s, "="));
                if (strchr(s, '=') ? !now || strcmp(now, s) != 0 : now != NULL)
                        return false;
        }
        return true;
}

static bool labels_meet(json_t *labels, const struct rv_arg *wish)
{
        json_t *wished = map_of(wish), *v;
        const char *name;
        bool meets = true;
        json_object_foreach(wished, name, v) meets &= json_equal(v, json_object_get(labels, name)) == 1;
        json_decref(wished);
        return meets;
}

/* ---- states and images ---- */

bool rv_state_still(const char *state)
{
        return strcmp(state, "running") != 0 && strcmp(state, "paused") != 0 &&
               strcmp(state, "restarting") != 0;
}

static bool state_meets(json_t *doc, const char *wish)
{
        const char *now = rv_or_empty(rv_j_text(doc, "State/Status"));
        if (strcmp(wish, "running") == 0)
                return strcmp(now, "running") == 0 || strcmp(now, "restarting") == 0;
        return strcmp(wish, "paused") == 0 ? strcmp(now, "paused") == 0 : rv_state_still(now);
}

/* By what the name means now; where it means nothing, by the name. */
static int image_meets(json_t *doc, struct rv_engine *e, struct rv_call *c, const char *wish, bool *ret,
                       struct rv_error *err)
{
        json_t *image = NULL;
        struct rv_error why = { 0 };
        int r = rv_engine_look(e, c, c->deadline, "/images/", wish, "cannot look at an image", &image, &why);
        if (r == RV_OK)
                *ret = strcmp(rv_or_empty(rv_j_text(image, "Id")), rv_or_empty(rv_j_text(doc, "Image"))) == 0;
        else if (r == RV_NOT_FOUND)
                *ret = strcmp(rv_or_empty(rv_j_text(doc, "Config/Image")), wish) == 0;
        else
                *err = why;
        json_decref(image);
        return r == RV_NOT_FOUND ? RV_OK : r;
}

/* ---- whether ---- */

static json_t *wanted(const struct rv_trait *t, const struct rv_arg *wish)
{
        if (wish->type == RV_NULL)
                return json_null();
        switch (t->how) {
        case RV_T_LIST:
        case RV_T_SET:
        case RV_T_CAPS: return list_of(wish);
        case RV_T_PAIRS: return map_of(wish);
        case RV_T_BOOL: return json_boolean(wish->u);
        case RV_T_NUMBER:
        case RV_T_RETRIES:
        case RV_T_CPUS: return json_integer(number_of(wish));
        default: return json_string(text_of(wish));
        }
}

static bool default_network(const char *mode)
{
        return !*mode || strcmp(mode, "default") == 0 || strcmp(mode, "bridge") == 0;
}

static bool plain_meets(const struct rv_trait *t, json_t *doc, const struct rv_arg *wish)
{
        json_t *want = wanted(t, wish), *now = rv_j_at(doc, t->path);
        bool meets;
        if (t->how == RV_T_SET) {
                meets = same_set(want, now);
        } else if (t->how == RV_T_CAPS) {
                json_t *a = caps(want), *b = caps(now);
                meets = same_set(a, b);
                json_decref(a);
                json_decref(b);
        } else if (t->property == Container_NetworkMode) { /* the engine has two words for it */
                const char *a = rv_or_empty(json_string_value(want)),
                           *b = rv_or_empty(json_string_value(now));
                meets = strcmp(*a ? a : "default", b) == 0 || (default_network(a) && default_network(b));
        } else {
                meets = alike(want, now);
        }
        json_decref(want);
        return meets;
}

int rv_trait_meets(const struct rv_trait *t, json_t *doc, struct rv_engine *e, struct rv_call *c,
                   const struct rv_arg *wish, bool *ret, struct rv_error *err)
{
        const char *now = rv_or_empty(rv_j_text(doc, t->path)), *text = text_of(wish);
        json_t *host = NULL, *names = NULL, *one;
        const char *name;
        int r = RV_OK;
        switch (t->how) {
        case RV_T_NAME: *ret = strcmp(now + (*now == '/'), text) == 0; break;
        case RV_T_ENGINE: *ret = strcasecmp(e->name, text) == 0; break;
        case RV_T_IMAGE: return image_meets(doc, e, c, text, ret, err);
        case RV_T_STATE: *ret = state_meets(doc, text); break;
        case RV_T_PORTS: return ports_meet(doc, wish, ret, err);
        case RV_T_MOUNTS: return mounts_meet(doc, wish, ret, err);
        case RV_T_ENVIRONMENT: *ret = environment_meets(rv_j_at(doc, t->path), wish); break;
        case RV_T_LABELS: *ret = labels_meet(rv_j_at(doc, t->path), wish); break;
        case RV_T_POLICY: *ret = strcmp(*now ? now : "no", *text ? text : "no") == 0; break;
        case RV_T_ISOLATION: *ret = rv_spec_sandboxed(now) == (strcmp(text, "hyperv") == 0); break;
        case RV_T_DEVICES:
                host = json_object();
                r = rv_spec_devices(host, texts_of(wish, "Devices"), err);
                *ret = alike(json_object_get(host, "Devices"), rv_j_at(doc, t->path));
                break;
        case RV_T_NETWORKS:
                host = list_of(wish);
                names = json_array();
                json_object_foreach(rv_j_at(doc, t->path), name, one)
                        json_array_append_new(names, json_string(name));
                *ret = same_set(host, names);
                break;
        default: *ret = plain_meets(t, doc, wish);
        }
        json_decref(host);
        json_decref(names);
        return r;
}

/* ---- for people ---- */

static char *shown(json_t *j)
{
        if (!j || nothing(j))
                return j && json_is_boolean(j) ? strdup("false") : NULL;
        return json_is_string(j) ? strdup(json_string_value(j))
                                 : json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* Of what is only looked at in part, that part. */
static json_t *part_of(const struct rv_trait *t, json_t *now, const struct rv_arg *wish)
{
        json_t *part = t->how == RV_T_LABELS ? json_object() : json_array();
        for (uint32_t i = 0; wish->type == RV_LIST && i < wish->len; i += t->how == RV_T_LABELS ? 2 : 1) {
                const char *s = text_of(&wish->items[i]);
                if (t->how == RV_T_LABELS) {
                        json_object_set(part, s, json_object_get(now, s));
                        continue;
                }
                const char *has_it = variable(now, s, strcspn(s, "="));
                if (has_it)
                        json_array_append_new(part, json_string(has_it));
        }
        return part;
}

static json_t *lines_of(const struct rv_lines *l)
{
        json_t *list = json_array();
        for (const char *p = l->all; p < l->all + l->at; p += strcspn(p, "\n") + 1)
                json_array_append_new(list, json_stringn(p, strcspn(p, "\n")));
        return list;
}

char *rv_trait_now(const struct rv_trait *t, json_t *doc, const struct rv_arg *wish)
{
        struct rv_lines a, b;
        json_t *now = rv_j_at(doc, t->path), *made = NULL, *one;
        const char *name;
        rv_lines_clear(&a);
        rv_lines_clear(&b);
        switch (t->how) {
        case RV_T_NAME: {
                const char *s = rv_or_empty(json_string_value(now));
                return strdup(s + (*s == '/'));
        }
        case RV_T_LABELS:
        case RV_T_ENVIRONMENT: made = part_of(t, now, wish); break;
        case RV_T_PORTS:
                rv_container_bindings(doc, &a);
                made = lines_of(&a);
                break;
        case RV_T_MOUNTS:
                rv_container_mounts(doc, &a, &b);
                made = lines_of(&a);
                break;
        case RV_T_DEVICES:
                rv_container_devices(doc, &a);
                made = lines_of(&a);
                break;
        case RV_T_NETWORKS:
                made = json_array();
                json_object_foreach(now, name, one) json_array_append_new(made, json_string(name));
                break;
        case RV_T_CPUS: made = json_real((double)json_integer_value(now) / 1e9); break;
        case RV_T_ISOLATION: return strdup(rv_spec_sandboxed(json_string_value(now)) ? "hyperv" : "process");
        default: made = json_incref(now);
        }
        char *text = t->how == RV_T_CPUS && !json_integer_value(now) ? NULL : shown(made);
        json_decref(made);
        return text;
}

char *rv_trait_wish(const struct rv_arg *wish)
{
        char text[64];
        json_t *list;
        switch (wish->type) {
        case RV_NULL: return NULL;
        case RV_STRING: return strdup(text_of(wish));
        case RV_BOOL: return strdup(wish->u ? "true" : "false");
        case RV_REAL: snprintf(text, sizeof text, "%g", wish->d); return strdup(text);
        case RV_LIST:
                list = list_of(wish);
                char *all = json_dumps(list, JSON_COMPACT);
                json_decref(list);
                return all;
        default: snprintf(text, sizeof text, "%llu", (unsigned long long)wish->u); return strdup(text);
        }
}
