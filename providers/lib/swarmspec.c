/* SPDX-License-Identifier: MIT
 *
 * Specifications of a swarm's services: see swarmspec.h.
 */
#include "providers/lib/swarmspec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/SwarmService.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containertext.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"

enum kind {
        TEXT,
        IMAGE, /* shown without the digest behind its tag */
        LIST,
        UINT,
        SOME, /* 0 is null: no limit */
        NANO, /* 1e-9: seconds, CPUs */
        RATIO,
        FLAG,
        MAP,
        PORTS,
        NETWORKS,
        MOUNTS,
        SECRETS,
        CONFIGS,
        SPREAD,
        HEALTH,
        HOSTS,
};

struct setting {
        unsigned property;
        enum kind kind;
        const char *path;
};

static const struct setting settings[] = {
        { SwarmService_Image, IMAGE, "TaskTemplate/ContainerSpec/Image" },
        { SwarmService_Entrypoint, LIST, "TaskTemplate/ContainerSpec/Command" },
        { SwarmService_Command, LIST, "TaskTemplate/ContainerSpec/Args" },
        { SwarmService_Replicas, UINT, "Mode/Replicated/Replicas" },
        { SwarmService_Environment, LIST, "TaskTemplate/ContainerSpec/Env" },
        { SwarmService_WorkingDirectory, TEXT, "TaskTemplate/ContainerSpec/Dir" },
        { SwarmService_User, TEXT, "TaskTemplate/ContainerSpec/User" },
        { SwarmService_HostName, TEXT, "TaskTemplate/ContainerSpec/Hostname" },
        { SwarmService_Ports, PORTS, "EndpointSpec/Ports" },
        { SwarmService_EndpointMode, TEXT, "EndpointSpec/Mode" },
        { SwarmService_Networks, NETWORKS, "TaskTemplate/Networks" },
        { SwarmService_Mounts, MOUNTS, "TaskTemplate/ContainerSpec/Mounts" },
        { SwarmService_Secrets, SECRETS, "TaskTemplate/ContainerSpec/Secrets" },
        { SwarmService_Configs, CONFIGS, "TaskTemplate/ContainerSpec/Configs" },
        { SwarmService_Constraints, LIST, "TaskTemplate/Placement/Constraints" },
        { SwarmService_Preferences, SPREAD, "TaskTemplate/Placement/Preferences" },
        { SwarmService_MaxReplicasPerNode, SOME, "TaskTemplate/Placement/MaxReplicas" },
        { SwarmService_MemoryLimit, SOME, "TaskTemplate/Resources/Limits/MemoryBytes" },
        { SwarmService_CpuLimit, NANO, "TaskTemplate/Resources/Limits/NanoCPUs" },
        { SwarmService_PidsLimit, SOME, "TaskTemplate/Resources/Limits/Pids" },
        { SwarmService_MemoryReservation, SOME, "TaskTemplate/Resources/Reservations/MemoryBytes" },
        { SwarmService_CpuReservation, NANO, "TaskTemplate/Resources/Reservations/NanoCPUs" },
        { SwarmService_RestartCondition, TEXT, "TaskTemplate/RestartPolicy/Condition" },
        { SwarmService_RestartDelay, NANO, "TaskTemplate/RestartPolicy/Delay" },
        { SwarmService_RestartMaxAttempts, SOME, "TaskTemplate/RestartPolicy/MaxAttempts" },
        { SwarmService_RestartWindow, NANO, "TaskTemplate/RestartPolicy/Window" },
        { SwarmService_UpdateParallelism, UINT, "UpdateConfig/Parallelism" },
        { SwarmService_UpdateDelay, NANO, "UpdateConfig/Delay" },
        { SwarmService_UpdateFailureAction, TEXT, "UpdateConfig/FailureAction" },
        { SwarmService_UpdateMonitor, NANO, "UpdateConfig/Monitor" },
        { SwarmService_UpdateMaxFailureRatio, RATIO, "UpdateConfig/MaxFailureRatio" },
        { SwarmService_UpdateOrder, TEXT, "UpdateConfig/Order" },
        { SwarmService_RollbackParallelism, UINT, "RollbackConfig/Parallelism" },
        { SwarmService_RollbackDelay, NANO, "RollbackConfig/Delay" },
        { SwarmService_RollbackFailureAction, TEXT, "RollbackConfig/FailureAction" },
        { SwarmService_RollbackMonitor, NANO, "RollbackConfig/Monitor" },
        { SwarmService_RollbackMaxFailureRatio, RATIO, "RollbackConfig/MaxFailureRatio" },
        { SwarmService_RollbackOrder, TEXT, "RollbackConfig/Order" },
        { SwarmService_HealthCommand, HEALTH, "TaskTemplate/ContainerSpec/Healthcheck/Test" },
        { SwarmService_HealthInterval, NANO, "TaskTemplate/ContainerSpec/Healthcheck/Interval" },
        { SwarmService_HealthTimeout, NANO, "TaskTemplate/ContainerSpec/Healthcheck/Timeout" },
        { SwarmService_HealthRetries, SOME, "TaskTemplate/ContainerSpec/Healthcheck/Retries" },
        { SwarmService_HealthStartPeriod, NANO, "TaskTemplate/ContainerSpec/Healthcheck/StartPeriod" },
        { SwarmService_StopSignal, TEXT, "TaskTemplate/ContainerSpec/StopSignal" },
        { SwarmService_StopTimeout, NANO, "TaskTemplate/ContainerSpec/StopGracePeriod" },
        { SwarmService_Init, FLAG, "TaskTemplate/ContainerSpec/Init" },
        { SwarmService_ReadonlyRootfs, FLAG, "TaskTemplate/ContainerSpec/ReadOnly" },
        { SwarmService_Tty, FLAG, "TaskTemplate/ContainerSpec/TTY" },
        { SwarmService_CapAdd, LIST, "TaskTemplate/ContainerSpec/CapabilityAdd" },
        { SwarmService_CapDrop, LIST, "TaskTemplate/ContainerSpec/CapabilityDrop" },
        { SwarmService_Dns, LIST, "TaskTemplate/ContainerSpec/DNSConfig/Nameservers" },
        { SwarmService_ExtraHosts, HOSTS, "TaskTemplate/ContainerSpec/Hosts" },
        { SwarmService_LogDriver, TEXT, "TaskTemplate/LogDriver/Name" },
        { SwarmService_Labels, MAP, "Labels" },
        { SwarmService_ContainerLabels, MAP, "TaskTemplate/ContainerSpec/Labels" },
        { SwarmService_LogOptions, MAP, "TaskTemplate/LogDriver/Options" },
};
enum { NSETTINGS = sizeof settings / sizeof *settings };

static int wrong(struct rv_error *err, const struct setting *s, const char *given, const char *expected)
{
        const char *name = SwarmService_class.properties[s->property].name;
        rv_about(err, NULL, NULL, name);
        rv_fail(err, RV_INVALID_PARAMETER, "%s: '%.80s' does not fit", name, given);
        return rv_hint(err, "Expected: %s.", expected);
}

/* ---- reading: the engine's form as texts ---- */

void rv_swarm_port_text(json_t *port, char *ret, size_t size)
{
        const char *protocol = rv_j_text(port, "Protocol"), *mode = rv_j_text(port, "PublishMode");
        long long published = rv_j_number(port, "PublishedPort"), target = rv_j_number(port, "TargetPort");
        bool host = mode && strcmp(mode, "host") == 0, tcp = !protocol || strcmp(protocol, "tcp") == 0;
        int n = published ? snprintf(ret, size, "%lld:%lld", published, target) : snprintf(ret, size, "%lld", target);
        if (!tcp || host)
                n += snprintf(ret + n, size - (size_t)n, "/%s", protocol ? protocol : "tcp");
        if (host)
                snprintf(ret + n, size - (size_t)n, "/host");
}

static void network_text(json_t *j, json_t *networks, struct rv_lines *to)
{
        const char *target = rv_or_empty(rv_j_text(j, "Target"));
        json_t *one;
        size_t i;
        json_array_foreach(networks, i, one)
        {
                const char *id = rv_j_text(one, "Id"), *name = rv_j_text(one, "Name");
                if (id && name && strcmp(id, target) == 0)
                        target = name;
        }
        rv_lines_add(to, "%s", target);
}

/* prefix: of the file's name when none was given. */
static void file_text(json_t *j, const char *name_at, const char *prefix, struct rv_lines *to)
{
        const char *name = rv_or_empty(rv_j_text(j, name_at)), *file = rv_or_empty(rv_j_text(j, "File/Name"));
        size_t n = strlen(prefix);
        bool usual = strncmp(file, prefix, n) == 0 && strcmp(file + n, name) == 0;
        rv_lines_add(to, usual ? "%s" : "%s:%s", name, file);
}

static void mount_text(json_t *j, struct rv_lines *to)
{
        const char *source = rv_j_text(j, "Source"), *type = rv_or_empty(rv_j_text(j, "Type"));
        rv_lines_add(to, "%s:%s%s", source ? source : type, rv_or_empty(rv_j_text(j, "Target")),
                     rv_j_true(j, "ReadOnly") ? ":ro" : "");
}

/* "ADDRESS NAME NAME", a line of /etc/hosts. */
static void host_text(json_t *j, struct rv_lines *to)
{
        const char *s = rv_or_empty(json_string_value(j));
        size_t n = strcspn(s, " ");
        for (const char *name = s + n; *(name += strspn(name, " ")); name += strcspn(name, " "))
                rv_lines_add(to, "%.*s:%.*s", (int)strcspn(name, " "), name, (int)n, s);
}

static void health_text(json_t *j, struct rv_lines *to)
{
        const char *how = rv_or_empty(json_string_value(json_array_get(j, 0)));
        json_t *one;
        size_t i;
        char all[4000] = "";
        size_t n = 0;
        json_array_foreach(j, i, one)
                if (i && n < sizeof all)
                        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i > 1 ? " " : "",
                                              rv_or_empty(json_string_value(one)));
        if (*how)
                rv_lines_add(to, "%s", strcmp(how, "NONE") == 0 ? "none" : all);
}

static void texts(const struct setting *s, json_t *j, json_t *networks, struct rv_lines *to)
{
        json_t *one;
        size_t i;
        char port[64];
        if (s->kind == HEALTH) {
                health_text(j, to);
                return;
        }
        json_array_foreach(j, i, one)
        {
                switch (s->kind) {
                case PORTS:
                        rv_swarm_port_text(one, port, sizeof port);
                        rv_lines_add(to, "%s", port);
                        break;
                case NETWORKS: network_text(one, networks, to); break;
                case MOUNTS: mount_text(one, to); break;
                case SECRETS: file_text(one, "SecretName", "", to); break;
                case CONFIGS: file_text(one, "ConfigName", "/", to); break;
                case SPREAD: rv_lines_add(to, "%s", rv_or_empty(rv_j_text(one, "Spread/SpreadDescriptor"))); break;
                case HOSTS: host_text(one, to); break;
                default: rv_lines_add(to, "%s", rv_or_empty(json_string_value(one))); break;
                }
        }
}

/* "bb:1" of "bb:1@sha256:..."; one that has no tag keeps its digest, it has no other name. */
size_t rv_swarm_image_length(const char *image)
{
        const char *at = strchr(image, '@'), *slash = strrchr(image, '/');
        const char *last = at && slash && slash < at ? slash : image; /* a registry's port is no tag */
        const char *tag = at ? memchr(last, ':', (size_t)(at - last)) : NULL;
        return tag ? (size_t)(at - image) : strlen(image);
}

static void fill_one(struct rv_row *row, const struct setting *s, json_t *j, json_t *networks)
{
        struct rv_lines lines;
        const char *text = json_string_value(j);
        int64_t n = json_integer_value(j);
        switch (s->kind) {
        case TEXT: rv_fill(row, s->property, text); break;
        case IMAGE: rv_fill_n(row, s->property, text, text ? rv_swarm_image_length(text) : 0); break;
        case LIST: rv_json_list(row, s->property, j); break;
        case UINT:
        case SOME:
                if (json_is_integer(j) && (n || s->kind == UINT))
                        rv_set_uint(row, s->property, (uint64_t)n);
                break;
        case NANO:
                if (n)
                        rv_set_real(row, s->property, (double)n / 1e9);
                break;
        case RATIO:
                if (json_is_number(j))
                        rv_set_real(row, s->property, json_number_value(j));
                break;
        case FLAG:
                if (json_is_boolean(j))
                        rv_set_bool(row, s->property, json_is_true(j));
                break;
        case MAP: rv_json_map(row, s->property, j); break;
        case HEALTH:
                rv_lines_clear(&lines);
                texts(s, j, networks, &lines);
                rv_fill_n(row, s->property, lines.all, lines.at ? lines.at - 1 : 0);
                break;
        default:
                rv_lines_clear(&lines);
                texts(s, j, networks, &lines);
                rv_lines_set(row, s->property, &lines);
        }
}

void rv_swarm_spec_fill(struct rv_row *row, json_t *spec, json_t *networks)
{
        for (unsigned i = 0; i < NSETTINGS; i++)
                if (rv_wants(row, settings[i].property))
                        fill_one(row, &settings[i], rv_j_at(spec, settings[i].path), networks);
}

/* ---- writing ---- */

static const char *text(const struct rv_arg *v)
{
        return v->type == RV_STRING ? v->s : "";
}

static bool port_number(const char *s, size_t n, long *ret)
{
        *ret = 0;
        for (size_t i = 0; i < n && *ret <= 65535; i++)
                if (s[i] >= '0' && s[i] <= '9')
                        *ret = *ret * 10 + s[i] - '0';
                else
                        return false;
        return n && *ret > 0 && *ret <= 65535;
}

static json_t *port(const char *s)
{
        const char *slash = strchrnul(s, '/'), *colon = memchr(s, ':', (size_t)(slash - s));
        const char *inside = colon ? colon + 1 : s, *protocol = *slash ? slash + 1 : "tcp";
        const char *mode = strchrnul(protocol, '/');
        size_t n = (size_t)(mode - protocol);
        long target, published = 0;
        bool host = strcmp(mode, "/host") == 0;
        if (!port_number(inside, (size_t)(slash - inside), &target) ||
            (colon && !port_number(s, (size_t)(colon - s), &published)) || (*mode && !host && strcmp(mode, "/ingress")))
                return NULL;
        if (!(n == 3 && (memcmp(protocol, "tcp", 3) == 0 || memcmp(protocol, "udp", 3) == 0)) &&
            !(n == 4 && memcmp(protocol, "sctp", 4) == 0))
                return NULL;
        json_t *j = json_pack("{ss% si ss}", "Protocol", protocol, n, "TargetPort", (int)target, "PublishMode",
                              host ? "host" : "ingress");
        if (published)
                json_object_set_new(j, "PublishedPort", json_integer(published));
        return j;
}

/* NAME[:FILE] of a secret or a config, which must be there. */
static int file(struct rv_talk *t, const char *s, bool secret, json_t **ret, struct rv_error *err)
{
        const char *colon = strchr(s, ':');
        char name[200];
        json_t *object = NULL;
        snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - s) : (int)strlen(s), s);
        rv_about(err, NULL, NULL, secret ? "Secrets" : "Configs");
        int r = rv_swarm_find(t, secret ? "secrets" : "configs", name, false, &object, err);
        if (r == RV_NOT_FOUND)
                rv_hint(err, secret ? "New-SwarmSecret makes one." : "New-SwarmConfig makes one.");
        if (r)
                return r;
        *ret = json_pack("{ss* ss s{ss+ ss ss si}}", secret ? "SecretID" : "ConfigID", rv_j_text(object, "ID"),
                         secret ? "SecretName" : "ConfigName", name, "File", "Name", colon || secret ? "" : "/",
                         colon ? colon + 1 : name, "UID", "0", "GID", "0", "Mode", 0444);
        json_decref(object);
        return *ret ? RV_OK : -ENOMEM;
}

static int network(const char *s, json_t *networks, json_t **ret, struct rv_error *err)
{
        json_t *one, *found = NULL;
        size_t i;
        rv_about(err, NULL, NULL, "Networks");
        json_array_foreach(networks, i, one)
        {
                const char *name = rv_or_empty(rv_j_text(one, "Name"));
                bool swarm = strcmp(rv_or_empty(rv_j_text(one, "Scope")), "swarm") == 0;
                if (strcmp(name, s) == 0 && (!found || swarm))
                        found = one;
        }
        if (!found) {
                rv_fail(err, RV_NOT_FOUND, "the swarm has no network '%.60s'", s);
                return rv_hint(err, "New-ContainerNetwork %.40s -Driver overlay makes one.", s);
        }
        if (rv_j_true(found, "Ingress") || (strcmp(rv_or_empty(rv_j_text(found, "Scope")), "swarm") != 0 &&
                                            strcmp(s, "host") != 0)) {
                rv_fail(err, RV_INVALID_PARAMETER, "the network '%.60s' is none that services can be in", s);
                return rv_hint(err, "It belongs to one host, or to the swarm itself. New-ContainerNetwork NAME "
                                    "-Driver overlay makes one.");
        }
        *ret = json_pack("{ss}", "Target", rv_j_text(found, "Id"));
        return *ret ? RV_OK : -ENOMEM;
}

static json_t *host(const char *s)
{
        const char *colon = strchr(s, ':');
        return colon && colon != s && colon[1] ? json_sprintf("%s %.*s", colon + 1, (int)(colon - s), s) : NULL;
}

static int item(struct rv_talk *t, const struct setting *s, const struct rv_arg *v, json_t *networks, json_t **ret,
                struct rv_error *err)
{
        switch (s->kind) {
        case PORTS:
                *ret = port(text(v));
                return *ret ? RV_OK : wrong(err, s, text(v), "80, 8080:80; /udp or /sctp behind, then /host");
        case NETWORKS: return network(text(v), networks, ret, err);
        case SECRETS:
        case CONFIGS: return file(t, text(v), s->kind == SECRETS, ret, err);
        case SPREAD:
                *ret = json_pack("{s{ss}}", "Spread", "SpreadDescriptor", text(v));
                return strncmp(text(v), "node.", 5) == 0 || strncmp(text(v), "engine.", 7) == 0
                               ? RV_OK
                               : wrong(err, s, text(v), "node.labels.NAME or engine.labels.NAME");
        case HOSTS:
                *ret = host(text(v));
                return *ret ? RV_OK : wrong(err, s, text(v), "NAME:ADDRESS");
        default:
                if (s->property == SwarmService_Environment && (!strchr(text(v), '=') || *text(v) == '='))
                        return wrong(err, s, text(v), "NAME=VALUE");
                *ret = json_string(text(v));
                return *ret ? RV_OK : wrong(err, s, text(v), "text in UTF-8");
        }
}

static int list(struct rv_talk *t, const struct setting *s, const struct rv_arg *v, json_t *networks, json_t **ret,
                struct rv_error *err)
{
        json_t *all = json_array();
        int r = all ? RV_OK : -ENOMEM;
        for (uint32_t i = 0; r == RV_OK && i < v->len; i++) {
                json_t *one = NULL;
                r = item(t, s, &v->items[i], networks, &one, err);
                if (one)
                        json_array_append_new(all, one);
        }
        if (r)
                json_decref(all);
        else
                *ret = all;
        return r;
}

static int mounts(const struct rv_arg *v, json_t **ret, struct rv_error *err)
{
        json_t *host = json_object();
        int r = rv_spec_mounts(host, (struct rv_texts) { v->items, v->len, "Mounts" }, err);
        *ret = r ? NULL : v->len ? json_incref(json_object_get(host, "Mounts")) : json_array();
        json_decref(host);
        return r;
}

static int one(struct rv_talk *t, const struct setting *s, const struct rv_arg *v, bool pairs, json_t *networks,
               json_t **ret, struct rv_error *err)
{
        switch (s->kind) {
        case TEXT:
        case IMAGE: *ret = json_string(text(v)); break;
        case UINT:
        case SOME: *ret = json_integer((json_int_t)v->u); break;
        case NANO:
        case RATIO:
                if (!(v->d >= 0 && v->d < 1e9))
                        return wrong(err, s, v->d < 0 ? "less than 0" : "so much", "a number of 0 and more");
                *ret = s->kind == NANO ? json_integer((json_int_t)(v->d * 1e9 + 0.5)) : json_real(v->d);
                break;
        case FLAG: *ret = json_boolean(v->b); break;
        case MAP:
                return rv_swarm_labels(v->items, v->len, pairs, SwarmService_class.properties[s->property].name, ret,
                                       err);
        case HEALTH:
                *ret = strcmp(text(v), "none") == 0 ? json_pack("[s]", "NONE")
                                                    : json_pack("[ss]", "CMD-SHELL", text(v));
                break;
        case MOUNTS: return mounts(v, ret, err);
        default: return list(t, s, v, networks, ret, err);
        }
        return *ret ? RV_OK : wrong(err, s, text(v), "text in UTF-8");
}

/* What the engine would take for something else than was meant. */
static int bounds(const struct setting *s, const struct rv_arg *v, json_t *spec, struct rv_error *err)
{
        bool limit = s->property == SwarmService_MemoryLimit || s->property == SwarmService_MemoryReservation;
        if (limit && v->type == RV_UINT && v->u && v->u < 4u << 20)
                return wrong(err, s, "less than 4 MiB", "4 MiB and more");
        if (s->property == SwarmService_CpuLimit && v->type == RV_REAL && v->d > 0 && v->d < 0.001)
                return wrong(err, s, "so little", "0.001 CPUs and more");
        if (s->property == SwarmService_Replicas && !rv_j_at(spec, "Mode/Replicated")) {
                rv_about(err, NULL, NULL, "Replicas");
                rv_fail(err, RV_INVALID_PARAMETER, "the service is global: it has one task on each node that fits");
                return rv_hint(err, "Constraints say which nodes; only a replicated service has a number.");
        }
        if (s->property == SwarmService_Replicas && v->type != RV_UINT)
                return wrong(err, s, "null", "a number");
        return RV_OK;
}

static bool timing(const char *path, const char *what)
{
        return strncmp(path, what, strlen(what)) == 0;
}

/* Where there is none the engine takes what is not said for 0, which for an update is: all at once. */
static json_t *update_config(void)
{
        return json_pack("{si ss sI sf ss}", "Parallelism", 1, "FailureAction", "pause", "Monitor",
                         (json_int_t)5000000000, "MaxFailureRatio", 0.0, "Order", "stop-first");
}

int rv_swarm_spec_put(struct rv_talk *t, json_t *spec, const struct rv_swarm_given *g, json_t *networks,
                      struct rv_error *err)
{
        int r = RV_OK;
        for (unsigned i = 0; r == RV_OK && i < NSETTINGS; i++) {
                const struct setting *s = &settings[i];
                const struct rv_arg *v = &g->v[s->property];
                json_t *value = NULL;
                if (!rv_bit(g->set, s->property))
                        continue;
                if (timing(s->path, "UpdateConfig") && !rv_j_at(spec, "UpdateConfig"))
                        rv_j_put(spec, "UpdateConfig", update_config());
                if (timing(s->path, "RollbackConfig") && !rv_j_at(spec, "RollbackConfig"))
                        rv_j_put(spec, "RollbackConfig", update_config());
                r = bounds(s, v, spec, err);
                if (r == RV_OK && v->type != RV_NULL)
                        r = one(t, s, v, g->pairs, networks, &value, err);
                json_t *had = rv_j_at(spec, s->path);
                bool nothing = !had && (json_is_array(value) || json_is_object(value)) && !json_array_size(value) &&
                               !json_object_size(value);
                /* An image that is named as it is keeps the digest that it was found to have. */
                const char *image = s->kind == IMAGE ? json_string_value(had) : NULL;
                bool same = image && v->type == RV_STRING && strlen(v->s) == rv_swarm_image_length(image) &&
                            strncmp(v->s, image, strlen(v->s)) == 0;
                if (r || nothing || same)
                        json_decref(value);
                else
                        rv_j_put(spec, s->path, value);
        }
        return r;
}

json_t *rv_swarm_spec_new(const char *name, bool global)
{
        json_t *mode = global ? json_pack("{s{}}", "Global") : json_pack("{s{si}}", "Replicated", "Replicas", 1);
        json_t *task = json_pack("{s{} s{s{} s{}} s{ss sI si} s{} si ss}", "ContainerSpec", "Resources", "Limits",
                                 "Reservations", "RestartPolicy", "Condition", "any", "Delay", (json_int_t)5000000000,
                                 "MaxAttempts", 0, "Placement", "ForceUpdate", 0, "Runtime", "container");
        return json_pack("{ss s{} so so so so s{ss}}", "Name", name, "Labels", "TaskTemplate", task, "Mode", mode,
                         "UpdateConfig", update_config(), "RollbackConfig", update_config(), "EndpointSpec", "Mode",
                         "vip");
}

/* ---- what differs ---- */

static const char *show(const struct setting *s, json_t *j, json_t *networks, struct rv_lines *to)
{
        rv_lines_clear(to);
        char number[40];
        if (!j)
                return NULL;
        if (s->kind == NANO && json_integer_value(j) == 0)
                return NULL;
        if (s->kind == SOME && json_integer_value(j) == 0)
                return NULL;
        if (json_is_string(j))
                return json_string_value(j);
        if (s->kind == NANO)
                snprintf(number, sizeof number, "%.9g", (double)json_integer_value(j) / 1e9);
        else if (json_is_integer(j))
                snprintf(number, sizeof number, "%lld", (long long)json_integer_value(j));
        else if (json_is_real(j))
                snprintf(number, sizeof number, "%.9g", json_real_value(j));
        else if (json_is_boolean(j))
                snprintf(number, sizeof number, "%s", json_is_true(j) ? "true" : "false");
        else {
                texts(s, j, networks, to);
                for (char *p = to->all; (p = strchr(p, '\n'));)
                        p[1] ? (*p = ' ') : (*p = 0);
                return to->all;
        }
        rv_lines_add(to, "%s", number);
        to->all[strcspn(to->all, "\n")] = 0;
        return to->all;
}

void rv_swarm_spec_changes(struct rv_call *c, json_t *from, json_t *to, json_t *networks)
{
        struct rv_lines a, b;
        for (unsigned i = 0; i < NSETTINGS; i++) {
                const struct setting *s = &settings[i];
                json_t *had = rv_j_at(from, s->path), *has = rv_j_at(to, s->path);
                const char *name = SwarmService_class.properties[s->property].name;
                if (json_equal(had, has) || (!had && !has))
                        continue;
                if (s->kind == MAP) {
                        rv_swarm_label_changes(c, name, had, has);
                        continue;
                }
                const char *x = show(s, had, networks, &a), *y = show(s, has, networks, &b);
                if ((x && *x) || (y && *y))
                        rv_change(c, name, x, y);
        }
}
