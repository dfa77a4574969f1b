/* SPDX-License-Identifier: MIT
 *
 * Specifications of containers: see containerspec.h.
 */
#include "providers/lib/containerspec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int wrong(struct rv_error *err, const char *parameter, const char *given, const char *expected)
{
        rv_about(err, NULL, NULL, parameter);
        rv_fail(err, RV_INVALID_PARAMETER, "%s: '%.80s' does not fit", parameter, given);
        return rv_hint(err, "Expected: %s.", expected);
}

/* ---- isolation ---- */

static bool any_of(const char *text, const char *const *words)
{
        for (; text && *words; words++)
                if (strcasestr(text, *words))
                        return true;
        return false;
}

bool rv_spec_virtual(const char *runtime)
{
        static const char *const words[] = { "kata", "runq", "krun", "vmm", NULL };
        return any_of(runtime, words);
}

bool rv_spec_sandboxed(const char *runtime)
{
        static const char *const words[] = { "runsc", "gvisor", NULL };
        return any_of(runtime, words) || rv_spec_virtual(runtime);
}

/* The first registered runtime that fits, by its name or its program's; of several the first by name. */
static const char *pick(json_t *runtimes, bool (*fits)(const char *))
{
        const char *name, *best = NULL;
        json_t *one;
        json_object_foreach(runtimes, name, one) if ((fits(name) || fits(rv_j_text(one, "path"))) &&
                                                     (!best || strcmp(name, best) < 0)) best = name;
        return best;
}

static bool ordinary(const char *runtime)
{
        return runtime && !rv_spec_sandboxed(runtime);
}

static int none_such(struct rv_engine *e, json_t *runtimes, const char *isolation, const char *runtime,
                     struct rv_error *err)
{
        char names[160] = "";
        const char *name;
        json_t *one;
        json_object_foreach(runtimes, name, one) snprintf(names + strlen(names), sizeof names - strlen(names),
                                                          "%s%s", *names ? ", " : "", name);
        rv_about(err, NULL, NULL, runtime ? "Runtime" : "Isolation");
        if (runtime)
                rv_fail(err, RV_NOT_SUPPORTED, "the engine %s has no runtime '%.60s'", e->name, runtime);
        else
                rv_fail(err, RV_NOT_SUPPORTED, "the engine %s has no runtime for the isolation '%s'", e->name,
                        isolation);
        return rv_hint(
                err, "It has: %s. Nothing was made. Others are registered in its daemon.json, \"runtimes\".",
                names);
}

int rv_spec_runtime(struct rv_engine *e, const struct rv_call *c, const char *isolation, const char *runtime,
                    char *ret, size_t size, struct rv_error *err)
{
        struct rv_engine_ask a = { .engine = e,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = "GET",
                                   .path = "/info",
                                   .what = "cannot read the engine's runtimes",
                                   .file = -1 };
        json_t *info = NULL;
        *ret = 0;
        bool plain = !isolation || strcasecmp(isolation, "default") == 0;
        if (plain && !runtime)
                return RV_OK;
        int r = rv_engine_ask(&a, &info, err);
        if (r)
                return r;
        json_t *all = rv_j_at(info, "Runtimes");
        const char *standard = rv_j_text(info, "DefaultRuntime"), *found = NULL;
        bool (*fits)(const char *) = plain || strcasecmp(isolation, "process") == 0 ? ordinary
                                     : strcasecmp(isolation, "vm") == 0             ? rv_spec_virtual
                                                                                    : rv_spec_sandboxed;
        if (runtime) {
                json_t *one = json_object_get(all, runtime);
                bool good =
                        one && (plain || fits(runtime) || (fits != ordinary && fits(rv_j_text(one, "path"))));
                found = good ? runtime : NULL;
                if (one && !good) {
                        json_decref(info);
                        rv_about(err, NULL, NULL, "Runtime");
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "the runtime '%.60s' does not give the isolation '%s'", runtime,
                                       isolation);
                }
        } else if (fits == rv_spec_sandboxed)
                found = pick(all, rv_spec_virtual);
        else if (fits == ordinary && standard && ordinary(standard))
                found = standard;
        if (!found && !runtime)
                found = pick(all, fits);
        if (found)
                snprintf(ret, size, "%s", found);
        else
                r = none_such(e, all, isolation, runtime, err);
        json_decref(info);
        return r;
}

/* ---- texts ---- */

int rv_spec_name(const char *name, const char *parameter, struct rv_error *err)
{
        size_t n = strlen(name);
        bool good = n >= 2 && n <= 128 && name[0] != '.' && name[0] != '-' && name[0] != '_';
        for (const char *p = name; good && *p; p++)
                good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                       strchr("_.-", *p);
        return good ? RV_OK
                    : wrong(err, parameter, name,
                            "two or more of a-z A-Z 0-9 _ . -, the first a letter or digit");
}

static const char *text(struct rv_texts t, uint32_t i)
{
        return t.v[i].type == RV_STRING ? t.v[i].s : "";
}

int rv_spec_list(json_t *to, const char *member, struct rv_texts t)
{
        json_t *list = json_array();
        if (!t.n) {
                json_decref(list);
                return RV_OK;
        }
        for (uint32_t i = 0; i < t.n; i++)
                if (json_array_append_new(list, json_string(text(t, i)))) {
                        json_decref(list);
                        return -ENOMEM;
                }
        return json_object_set_new(to, member, list) ? -ENOMEM : RV_OK;
}

int rv_spec_environment(json_t *to, struct rv_texts t, struct rv_error *err)
{
        for (uint32_t i = 0; i < t.n; i++)
                if (!strchr(text(t, i), '=') || *text(t, i) == '=')
                        return wrong(err, t.parameter, text(t, i), "NAME=VALUE");
        return rv_spec_list(to, "Env", t);
}

int rv_spec_pairs(json_t *to, const char *member, struct rv_texts t, struct rv_error *err)
{
        json_t *map = json_object();
        for (uint32_t i = 0; i < t.n; i++) {
                const char *s = text(t, i), *eq = strchr(s, '=');
                char name[512];
                size_t n = eq ? (size_t)(eq - s) : strlen(s);
                if (!n || n >= sizeof name) {
                        json_decref(map);
                        return wrong(err, t.parameter, s, "NAME=VALUE");
                }
                memcpy(name, s, n);
                name[n] = 0;
                json_object_set_new(map, name, json_string(eq ? eq + 1 : ""));
        }
        if (t.n)
                return json_object_set_new(to, member, map) ? -ENOMEM : RV_OK;
        json_decref(map);
        return RV_OK;
}

/* ---- ports: [[ADDRESS:]HOST:]INSIDE[/PROTOCOL] ---- */

static bool port(const char *s, size_t n, bool empty)
{
        long number = 0;
        for (size_t i = 0; i < n; i++) {
                if (s[i] < '0' || s[i] > '9' || number > 65535)
                        return false;
                number = number * 10 + s[i] - '0';
        }
        return n ? number > 0 && number <= 65535 : empty;
}

static bool one_port(json_t *exposed, json_t *bindings, const char *s)
{
        const char *slash = strchr(s, '/'), *protocol = slash ? slash + 1 : "tcp";
        size_t n = slash ? (size_t)(slash - s) : strlen(s), host = 0, ip = 0;
        const char *inside = s, *outside = NULL;
        for (size_t i = n; i > 0; i--)
                if (s[i - 1] == ':' && inside == s)
                        inside = s + i;
                else if (s[i - 1] == ':' && !outside) {
                        outside = s + i;
                        ip = i - 1;
                }
        if (inside != s && !outside)
                outside = s;
        if (outside)
                host = (size_t)(inside - outside) - 1;
        size_t in = n - (size_t)(inside - s);
        if (!port(inside, in, false) || !port(outside, host, true) ||
            (strcmp(protocol, "tcp") && strcmp(protocol, "udp") && strcmp(protocol, "sctp")))
                return false;
        char key[32], number[8], address[64];
        const char *from = ip && *s == '[' && s[ip - 1] == ']' ? s + 1 : s;
        if (ip && from != s)
                ip -= 2;
        if (ip >= sizeof address)
                return false;
        snprintf(key, sizeof key, "%.*s/%s", (int)in, inside, protocol);
        snprintf(number, sizeof number, "%.*s", (int)host, outside ? outside : "");
        snprintf(address, sizeof address, "%.*s", (int)ip, from);
        json_t *list = json_object_get(bindings, key);
        if (!list)
                json_object_set_new(bindings, key, list = json_array());
        json_object_set_new(exposed, key, json_object());
        json_array_append_new(list, json_pack("{ss ss}", "HostIp", address, "HostPort", number));
        return true;
}

int rv_spec_ports(json_t *config, json_t *host, struct rv_texts t, struct rv_error *err)
{
        json_t *exposed = json_object(), *bindings = json_object();
        int r = RV_OK;
        for (uint32_t i = 0; r == RV_OK && i < t.n; i++)
                if (!one_port(exposed, bindings, text(t, i)))
                        r = wrong(err, t.parameter, text(t, i),
                                  "80, 8080:80, 127.0.0.1:8080:80; /udp or /sctp behind");
        if (r == RV_OK && t.n) {
                json_object_set(config, "ExposedPorts", exposed);
                json_object_set(host, "PortBindings", bindings);
        }
        json_decref(exposed);
        json_decref(bindings);
        return r;
}

/* ---- mounts: SOURCE:DESTINATION[:ro|:rw] ---- */

static json_t *mount(const char *s)
{
        const char *colon = strchr(s, ':'), *destination = colon ? colon + 1 : NULL;
        const char *mode = destination ? strchr(destination, ':') : NULL;
        if (!colon || colon == s || *destination != '/')
                return NULL;
        if (mode && strcmp(mode, ":ro") != 0 && strcmp(mode, ":rw") != 0)
                return NULL;
        size_t n = mode ? (size_t)(mode - destination) : strlen(destination);
        return json_pack("{ss ss% ss% sb}", "Type", *s == '/' ? "bind" : "volume", "Source", s,
                         (size_t)(colon - s), "Target", destination, n, "ReadOnly", mode && mode[2] == 'o');
}

int rv_spec_mounts(json_t *host, struct rv_texts t, struct rv_error *err)
{
        json_t *list = json_array();
        int r = RV_OK;
        for (uint32_t i = 0; r == RV_OK && i < t.n; i++) {
                json_t *one = mount(text(t, i));
                if (!one)
                        r = wrong(err, t.parameter, text(t, i),
                                  "SOURCE:/DESTINATION or SOURCE:/DESTINATION:ro");
                else
                        json_array_append_new(list, one);
        }
        if (r == RV_OK && t.n)
                json_object_set(host, "Mounts", list);
        json_decref(list);
        return r;
}

int rv_spec_devices(json_t *host, struct rv_texts t, struct rv_error *err)
{
        json_t *list = json_array();
        int r = RV_OK;
        for (uint32_t i = 0; r == RV_OK && i < t.n; i++) {
                const char *s = text(t, i), *inside = strchr(s, ':'),
                           *rights = inside ? strchr(inside + 1, ':') : NULL;
                size_t n = inside ? (size_t)(inside - s) : strlen(s);
                size_t k = !inside ? n : rights ? (size_t)(rights - inside - 1) : strlen(inside + 1);
                if (*s != '/' || (rights && strspn(rights + 1, "rwm") != strlen(rights + 1)))
                        r = wrong(err, t.parameter, s,
                                  "/dev/NAME, /dev/NAME:/dev/INSIDE or /dev/NAME:/dev/INSIDE:rwm");
                else
                        json_array_append_new(list,
                                              json_pack("{ss% ss% ss}", "PathOnHost", s, n, "PathInContainer",
                                                        inside ? inside + 1 : s, k, "CgroupPermissions",
                                                        rights ? rights + 1 : "rwm"));
        }
        if (r == RV_OK && t.n)
                json_object_set(host, "Devices", list);
        json_decref(list);
        return r;
}

int rv_spec_restart(json_t *host, const char *policy, struct rv_error *err)
{
        static const char *const words[] = { "no", "always", "unless-stopped", "on-failure" };
        size_t n = strcspn(policy, ":");
        long times = 0;
        char *stop;
        const char *name = NULL;
        for (unsigned i = 0; i < 4; i++)
                if (strlen(words[i]) == n && strncmp(policy, words[i], n) == 0)
                        name = words[i];
        if (name && policy[n]) {
                times = strtol(policy + n + 1, &stop, 10);
                if (strcmp(name, "on-failure") != 0 || *stop || stop == policy + n + 1 || times < 0 ||
                    times > 1000000)
                        name = NULL;
        }
        if (!name)
                return wrong(err, "RestartPolicy", policy,
                             "no, always, unless-stopped, on-failure, on-failure:TIMES");
        json_t *p = json_pack("{ss si}", "Name", name, "MaximumRetryCount", (int)times);
        return json_object_set_new(host, "RestartPolicy", p) ? -ENOMEM : RV_OK;
}

int rv_spec_limits(json_t *to, const uint64_t *memory, const uint64_t *swap, const uint64_t *reservation,
                  const double *cpus, const uint64_t *shares, const char *cpuset, const uint64_t *pids,
                  struct rv_error *err)
{
        if (cpus && !(*cpus >= 0 && *cpus <= 100000)) {
                rv_about(err, NULL, NULL, "CpuLimit");
                return rv_fail(err, RV_INVALID_PARAMETER, "CpuLimit is a number of CPUs, such as 0.5 or 2");
        }
        if (memory)
                json_object_set_new(to, "Memory", json_integer((json_int_t)*memory));
        if (swap)
                json_object_set_new(to, "MemorySwap", json_integer((json_int_t)*swap));
        if (reservation)
                json_object_set_new(to, "MemoryReservation", json_integer((json_int_t)*reservation));
        if (cpus)
                json_object_set_new(to, "NanoCpus", json_integer((json_int_t)(*cpus * 1e9)));
        if (shares)
                json_object_set_new(to, "CpuShares", json_integer((json_int_t)*shares));
        if (cpuset)
                json_object_set_new(to, "CpusetCpus", json_string(cpuset));
        if (pids)
                json_object_set_new(to, "PidsLimit", json_integer((json_int_t)*pids));
        return RV_OK;
}

void rv_spec_text(json_t *to, const char *member, bool has, const char *text)
{
        if (has)
                json_object_set_new(to, member, json_string(text));
}

void rv_spec_flag(json_t *to, const char *member, bool has, bool flag)
{
        if (has)
                json_object_set_new(to, member, json_boolean(flag));
}
