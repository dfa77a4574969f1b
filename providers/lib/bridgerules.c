/* SPDX-License-Identifier: MIT
 *
 * The Docker API as methods: see bridgerules.h.
 */
#include "providers/lib/bridgerules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/engine.h"

/* ---- paths ---- */

#define C "Container"
#define I "ContainerImage"
#define N "ContainerNetwork"
#define V "ContainerVolume"
#define DO RV_BRIDGE_DO
#define READS RV_BRIDGE_READS

static const struct rv_bridge_route routes[] = {
        { "GET", "_ping", RV_BRIDGE_HELLO, NULL, NULL, "", 0 },
        { "HEAD", "_ping", RV_BRIDGE_HELLO, NULL, NULL, "", 0 },
        { "GET", "version", RV_BRIDGE_HELLO, NULL, NULL, "", 0 },
        { "GET", "info", RV_BRIDGE_READ, "ContainerEngine", NULL, "", 0 },
        { "GET", "events", RV_BRIDGE_EVENTS, C, NULL, "since,until,filters", 0 },
        { "GET", "containers/json", RV_BRIDGE_LIST, C, NULL, "all,limit,size,filters,trunc_cmd", 0 },
        { "GET", "containers/@/json", RV_BRIDGE_LOOK, C, NULL, "size", 0 },
        { "GET", "containers/@/stats", RV_BRIDGE_LOOK, C, NULL, "stream,one-shot", 0 },
        { "GET", "containers/@/top", DO, C, "Top", "ps_args", READS },
        { "GET", "containers/@/logs", DO, C, "GetLogs",
          "follow,stdout,stderr,since,until,timestamps,tail,details", READS },
        { "GET", "containers/@/changes", DO, C, "Changes", "", READS },
        { "POST", "containers/create", DO, C, "Create", "name,platform", RV_BRIDGE_JSON },
        { "POST", "containers/prune", DO, C, "Prune", "filters", 0 },
        { "POST", "containers/@/start", DO, C, "Start", "detachKeys", 0 },
        { "POST", "containers/@/stop", DO, C, "Stop", "t,signal", 0 },
        { "POST", "containers/@/restart", DO, C, "Restart", "t,signal", 0 },
        { "POST", "containers/@/kill", DO, C, "Kill", "signal", 0 },
        { "POST", "containers/@/pause", DO, C, "Pause", "", 0 },
        { "POST", "containers/@/unpause", DO, C, "Unpause", "", 0 },
        { "POST", "containers/@/rename", DO, C, "Rename", "name", 0 },
        { "POST", "containers/@/update", DO, C, "Update", "", RV_BRIDGE_JSON },
        { "POST", "containers/@/wait", DO, C, "Wait", "condition", READS },
        { "POST", "containers/@/resize", DO, C, "Attach", "h,w", READS },
        { "POST", "containers/@/attach", DO, C, "Attach", "detachKeys,logs,stream,stdin,stdout,stderr",
          RV_BRIDGE_HIJACK },
        { "POST", "containers/@/exec", DO, C, "Exec", "", RV_BRIDGE_JSON },
        { "GET", "containers/@/archive", DO, C, "CopyFrom", "path", 0 },
        { "HEAD", "containers/@/archive", DO, C, "CopyFrom", "path", READS },
        { "PUT", "containers/@/archive", DO, C, "CopyTo", "path,noOverwriteDirNonDir,copyUIDGID",
          RV_BRIDGE_BYTES },
        { "GET", "containers/@/export", DO, C, "CopyFrom", "", 0 },
        { "DELETE", "containers/@", DO, C, "Remove", "v,force,link", 0 },
        { "POST", "commit", DO, C, "Commit", "container,repo,tag,comment,author,pause,changes",
          RV_BRIDGE_JSON },
        { "POST", "exec/@/start", RV_BRIDGE_EXEC, C, "Exec", "", RV_BRIDGE_JSON | RV_BRIDGE_HIJACK },
        { "POST", "exec/@/resize", RV_BRIDGE_EXEC, C, "Exec", "h,w", 0 },
        { "GET", "exec/@/json", RV_BRIDGE_EXEC, C, "Exec", "", 0 },
        { "GET", "images/json", RV_BRIDGE_LIST, I, NULL, "all,filters,digests,shared-size,manifests,only_ids", 0 },
        { "POST", "images/create", DO, I, "Pull", "fromImage,tag,platform", 0 },
        { "POST", "images/load", DO, I, "Load", "quiet", RV_BRIDGE_BYTES },
        { "POST", "images/prune", DO, I, "Prune", "filters", 0 },
        { "GET", "images/get", DO, I, "Save", "names", 0 },
        { "GET", "images/**/json", RV_BRIDGE_LOOK, I, NULL, "manifests", 0 },
        { "GET", "images/**/history", RV_BRIDGE_LOOK, I, NULL, "", 0 },
        { "GET", "images/**/get", DO, I, "Save", "", 0 },
        { "POST", "images/**/tag", DO, I, "Tag", "repo,tag", 0 },
        { "POST", "images/**/push", DO, I, "Push", "tag", 0 },
        { "DELETE", "images/**", DO, I, "Remove", "force,noprune", 0 },
        { "POST", "build", DO, I, "Build",
          "t,dockerfile,nocache,rm,forcerm,pull,buildargs,labels,target,platform,q,memory,memswap,cpushares,"
          "cpusetcpus,cpusetmems,cpuperiod,cpuquota,shmsize,cachefrom,networkmode,extrahosts,ulimits,"
          "cgroupparent,"
          "squash,version,remote",
          RV_BRIDGE_BYTES },
        { "GET", "networks", RV_BRIDGE_LIST, N, NULL, "filters", 0 },
        { "GET", "networks/@", RV_BRIDGE_LOOK, N, NULL, "verbose,scope", 0 },
        { "POST", "networks/create", DO, N, "Create", "", RV_BRIDGE_JSON },
        { "POST", "networks/@/connect", DO, N, "Connect", "", RV_BRIDGE_JSON },
        { "POST", "networks/@/disconnect", DO, N, "Disconnect", "", RV_BRIDGE_JSON },
        { "DELETE", "networks/@", DO, N, "Remove", "", 0 },
        { "GET", "volumes", RV_BRIDGE_LIST, V, NULL, "filters", 0 },
        { "GET", "volumes/@", RV_BRIDGE_LOOK, V, NULL, "", 0 },
        { "POST", "volumes/create", DO, V, "Create", "", RV_BRIDGE_JSON },
        { "DELETE", "volumes/@", DO, V, "Remove", "force", 0 },
        { 0 },
};

/* Joins components a..b with slashes. */
static char *join(char *const *part, unsigned from, unsigned to)
{
        size_t n = 1;
        for (unsigned i = from; i < to; i++)
                n += strlen(part[i]) + 1;
        char *all = calloc(1, n);
        for (unsigned i = from; all && i < to; i++) {
                if (i > from)
                        strcat(all, "/");
                strcat(all, part[i]);
        }
        return all;
}

static bool fits(const char *path, const struct rv_bridge_request *r, char **ret_object)
{
        unsigned at = 0, want = 1, here = 0;
        for (const char *p = path; *p; p++)
                want += *p == '/';
        for (const char *p = path; p && *p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL, here++) {
                size_t n = strcspn(p, "/");
                if (at >= r->nparts)
                        return false;
                if (n == 2 && memcmp(p, "**", 2) == 0) {
                        unsigned behind = want - here - 1;
                        if (r->nparts < at + 1 + behind)
                                return false;
                        *ret_object = join(r->part, at, r->nparts - behind);
                        at = r->nparts - behind;
                } else if (n == 1 && *p == '@') {
                        *ret_object = strdup(r->part[at++]);
                } else if (strlen(r->part[at]) != n || memcmp(r->part[at], p, n) != 0) {
                        return false;
                } else {
                        at++;
                }
        }
        return at == r->nparts;
}

const struct rv_bridge_route *rv_bridge_route(const struct rv_bridge_request *r, char **ret_object)
{
        *ret_object = NULL;
        for (const struct rv_bridge_route *o = routes; o->method; o++) {
                if (strcmp(o->method, r->method) == 0 && fits(o->path, r, ret_object))
                        return o;
                free(*ret_object);
                *ret_object = NULL;
        }
        return NULL;
}

static bool listed(const char *list, const char *name)
{
        size_t n = strlen(name);
        for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
                if (strcspn(p, ",") == n && memcmp(p, name, n) == 0)
                        return true;
        return false;
}

const char *rv_bridge_odd_query(const struct rv_bridge_route *o, const struct rv_bridge_request *r)
{
        for (unsigned i = 0; i < r->nquery; i++) {
                if (!listed(o->query, r->query[i].name))
                        return r->query[i].name;
                for (unsigned k = 0; k < i; k++)
                        if (strcmp(r->query[k].name, r->query[i].name) == 0)
                                return r->query[i].name;
        }
        return NULL;
}

/* ---- arguments ---- */

void rv_bridge_wish_free(struct rv_bridge_wish *w)
{
        json_decref(w->in);
        json_decref(w->volumes);
        json_decref(w->networks);
}

static void give(struct rv_bridge_wish *w, const char *name, json_t *stolen)
{
        json_object_set_new(w->in, name, stolen);
}

static void give_text(struct rv_bridge_wish *w, const char *name, const char *text)
{
        if (text && *text)
                give(w, name, json_string(text));
}

static void risk(struct rv_bridge_wish *w, const char *name)
{
        for (unsigned i = 0; i < w->nrisky; i++)
                if (strcmp(w->risky[i], name) == 0)
                        return;
        if (w->nrisky + 1 < sizeof w->risky / sizeof *w->risky)
                w->risky[w->nrisky++] = name;
}

static int refuse(struct rv_error *err, const char *what)
{
        rv_hint(err, "The roles have no word for it, so only whoever has everything may ask for it.");
        return rv_fail(err, RV_ACCESS_DENIED, "denied: %.120s", what);
}

/* null, false, 0, "", [], {}: what stands for nothing having been asked. */
static bool is_empty(json_t *v)
{
        return !v || json_is_null(v) || json_is_false(v) ||
               (json_is_integer(v) && json_integer_value(v) == 0) ||
               (json_is_string(v) && !*json_string_value(v)) || (json_is_array(v) && !json_array_size(v)) ||
               (json_is_object(v) && !json_object_size(v));
}

/* How a member of a body is judged. */
struct member {
        const char *name;
        enum {
                ANY,
                EMPTY,
                NOTHING,
                ARGUMENT,
                RISK,
                OWN
        } how; /* NOTHING: null only; OWN: by a function below */
        const char *argument;
};

static int check(struct rv_bridge_wish *w, json_t *object, const struct member *members, const char *where,
                 struct rv_error *err)
{
        const char *name;
        json_t *v;
        char what[160];
        json_object_foreach(object, name, v)
        {
                const struct member *m = members;
                while (m->name && strcmp(m->name, name) != 0) /* with case: the engine has none */
                        m++;
                bool bad = !m->name || (m->how == EMPTY && !is_empty(v)) ||
                           (m->how == NOTHING && !json_is_null(v));
                snprintf(what, sizeof what, "%s%.60s is not allowed", where, name);
                if (bad)
                        return refuse(err, what);
                if (m->how != ARGUMENT && m->how != RISK)
                        continue;
                if (is_empty(v))
                        continue;
                give(w, m->argument, json_incref(v));
                if (m->how == RISK)
                        risk(w, m->argument);
        }
        return RV_OK;
}

static const struct member config_members[] = {
        { "Hostname", ARGUMENT, "HostName" },
        { "Domainname", ANY, NULL },
        { "User", ARGUMENT, "User" },
        { "AttachStdin", ANY, NULL },
        { "AttachStdout", ANY, NULL },
        { "AttachStderr", ANY, NULL },
        { "ExposedPorts", ANY, NULL },
        { "Tty", ARGUMENT, "Tty" },
        { "OpenStdin", ARGUMENT, "OpenStdin" },
        { "StdinOnce", ANY, NULL },
        { "Env", ARGUMENT, "Environment" },
        { "Cmd", OWN, NULL },
        { "Healthcheck", ANY, NULL },
        { "ArgsEscaped", ANY, NULL },
        { "Image", ARGUMENT, "Image" },
        { "Volumes", ANY, NULL },
        { "WorkingDir", ARGUMENT, "WorkingDirectory" },
        { "Entrypoint", OWN, NULL },
        { "NetworkDisabled", ANY, NULL },
        { "MacAddress", EMPTY, NULL },
        { "OnBuild", NOTHING, NULL },
        { "Labels", OWN, NULL },
        { "StopSignal", ARGUMENT, "StopSignal" },
        { "StopTimeout", ARGUMENT, "StopTimeout" },
        { "Shell", EMPTY, NULL },
        { "HostConfig", OWN, NULL },
        { "NetworkingConfig", OWN, NULL },
        { 0 },
};

static const struct member host_members[] = {
        { "Binds", OWN, NULL },
        { "Mounts", OWN, NULL },
        { "ContainerIDFile", EMPTY, NULL },
        { "LogConfig", OWN, NULL },
        { "NetworkMode", OWN, NULL },
        { "PortBindings", OWN, NULL },
        { "RestartPolicy", OWN, NULL },
        { "AutoRemove", ARGUMENT, "AutoRemove" },
        { "VolumeDriver", EMPTY, NULL },
        { "VolumesFrom", EMPTY, NULL },
        { "CapAdd", RISK, "CapAdd" },
        { "CapDrop", ARGUMENT, "CapDrop" },
        { "CgroupnsMode", OWN, NULL },
        { "Dns", ARGUMENT, "Dns" },
        { "DnsOptions", ANY, NULL },
        { "DnsSearch", ANY, NULL },
        { "ExtraHosts", ARGUMENT, "ExtraHosts" },
        { "GroupAdd", EMPTY, NULL },
        { "IpcMode", OWN, NULL },
        { "Cgroup", EMPTY, NULL },
        { "Links", EMPTY, NULL },
        { "OomScoreAdj", EMPTY, NULL },
        { "PidMode", EMPTY, NULL },
        { "Privileged", RISK, "Privileged" },
        { "PublishAllPorts", EMPTY, NULL },
        { "ReadonlyRootfs", ARGUMENT, "ReadonlyRootfs" },
        { "SecurityOpt", OWN, NULL },
        { "StorageOpt", EMPTY, NULL },
        { "Tmpfs", ANY, NULL },
        { "UTSMode", EMPTY, NULL },
        { "UsernsMode", EMPTY, NULL },
        { "ShmSize", ANY, NULL },
        { "Sysctls", EMPTY, NULL },
        { "Runtime", RISK, "Runtime" },
        { "ConsoleSize", ANY, NULL },
        { "Isolation", EMPTY, NULL },
        { "CpuShares", ARGUMENT, "CpuShares" },
        { "Memory", ARGUMENT, "MemoryLimit" },
        { "NanoCpus", OWN, NULL },
        { "CgroupParent", EMPTY, NULL },
        { "BlkioWeight", ANY, NULL },
        { "BlkioWeightDevice", EMPTY, NULL },
        { "BlkioDeviceReadBps", EMPTY, NULL },
        { "BlkioDeviceWriteBps", EMPTY, NULL },
        { "BlkioDeviceReadIOps", EMPTY, NULL },
        { "BlkioDeviceWriteIOps", EMPTY, NULL },
        { "CpuPeriod", ANY, NULL },
        { "CpuQuota", ANY, NULL },
        { "CpuRealtimePeriod", EMPTY, NULL },
        { "CpuRealtimeRuntime", EMPTY, NULL },
        { "CpusetCpus", ARGUMENT, "CpusetCpus" },
        { "CpusetMems", ANY, NULL },
        { "Devices", OWN, NULL },
        { "DeviceCgroupRules", EMPTY, NULL },
        { "DeviceRequests", EMPTY, NULL },
        { "KernelMemory", EMPTY, NULL },
        { "KernelMemoryTCP", EMPTY, NULL },
        { "MemoryReservation", ANY, NULL },
        { "MemorySwap", OWN, NULL },
        { "MemorySwappiness", ANY, NULL },
        { "OomKillDisable", EMPTY, NULL },
        { "PidsLimit", ARGUMENT, "PidsLimit" },
        { "Ulimits", ANY, NULL },
        { "CpuCount", EMPTY, NULL },
        { "CpuPercent", EMPTY, NULL },
        { "IOMaximumIOps", EMPTY, NULL },
        { "IOMaximumBandwidth", EMPTY, NULL },
        { "MaskedPaths", NOTHING, NULL },
        { "ReadonlyPaths", NOTHING, NULL },
        { "Init", ARGUMENT, "Init" },
        { "Annotations", EMPTY, NULL },
        { 0 },
};

/* A text, or a list of them, as a list. */
static void give_words(struct rv_bridge_wish *w, const char *name, json_t *v)
{
        if (json_is_string(v) && *json_string_value(v))
                give(w, name, json_pack("[O]", v));
        else if (json_is_array(v) && json_array_size(v))
                give(w, name, json_incref(v));
}

/* {"a": "b"} as ["a=b"]. */
static void give_pairs(struct rv_bridge_wish *w, const char *name, json_t *map)
{
        const char *key;
        json_t *v, *list = json_array();
        json_object_foreach(map, key, v) json_array_append_new(
                list, json_sprintf("%s=%s", key, json_is_string(v) ? json_string_value(v) : ""));
        if (json_array_size(list))
                give(w, name, json_incref(list));
        json_decref(list);
}

static void add_mount(struct rv_bridge_wish *w, json_t *list, const char *source, const char *target,
                      bool readonly)
{
        json_array_append_new(list, json_sprintf("%s:%s%s", source ? source : "", target ? target : "",
                                                 readonly ? ":ro" : ""));
        if (source && *source == '/')
                risk(w, "Mount");
        else if (source && *source)
                json_array_append_new(w->volumes, json_string(source));
}

static int bind(struct rv_bridge_wish *w, json_t *list, const char *text, struct rv_error *err)
{
        const char *colon = text ? strchr(text, ':') : NULL;
        char source[512];
        if (!colon || colon == text || (size_t)(colon - text) >= sizeof source)
                return refuse(err, "a bind that is not SOURCE:DESTINATION");
        snprintf(source, sizeof source, "%.*s", (int)(colon - text), text);
        if (*source != '/' && strchr("._~", *source))
                return refuse(err, "a bind whose source is neither a path nor a volume's name");
        size_t n = strcspn(colon + 1, ":");
        json_array_append_new(list, json_sprintf("%s:%.*s%s", source, (int)n, colon + 1,
                                                 strstr(colon + 1 + n, "ro") ? ":ro" : ""));
        if (*source == '/')
                risk(w, "Mount");
        else
                json_array_append_new(w->volumes, json_string(source));
        return RV_OK;
}

static int mount(struct rv_bridge_wish *w, json_t *list, json_t *m, struct rv_error *err)
{
        static const struct member members[] = {
                { "Type", ANY, NULL },          { "Source", ANY, NULL },       { "Target", ANY, NULL },
                { "ReadOnly", ANY, NULL },      { "Consistency", ANY, NULL },  { "BindOptions", ANY, NULL },
                { "VolumeOptions", OWN, NULL }, { "TmpfsOptions", ANY, NULL }, { 0 }
        };
        static const struct member volume[] = { { "NoCopy", ANY, NULL },
                                                { "Labels", ANY, NULL },
                                                { "DriverConfig", EMPTY, NULL },
                                                { "Subpath", EMPTY, NULL },
                                                { 0 } };
        const char *type = json_string_value(json_object_get(m, "Type")), *source = rv_j_text(m, "Source");
        int r = json_is_object(m) ? check(w, m, members, "Mounts.", err)
                                  : refuse(err, "a mount that is none");
        if (r == RV_OK)
                r = check(w, json_object_get(m, "VolumeOptions"), volume, "VolumeOptions.", err);
        if (r)
                return r;
        if (!type || (strcmp(type, "bind") != 0 && strcmp(type, "volume") != 0 && strcmp(type, "tmpfs") != 0))
                return refuse(err, "a mount of this type");
        if (strcmp(type, "tmpfs") == 0)
                return source ? refuse(err, "a tmpfs with a source") : RV_OK;
        if (strcmp(type, "bind") == 0 && (!source || *source != '/'))
                return refuse(err, "a bind without a source");
        if (strcmp(type, "volume") == 0 && source && *source == '/')
                return refuse(err, "a volume with a path");
        add_mount(w, list, source, rv_j_text(m, "Target"), rv_j_true(m, "ReadOnly"));
        return RV_OK;
}

static int mounts(struct rv_bridge_wish *w, json_t *host, struct rv_error *err)
{
        json_t *binds = json_object_get(host, "Binds"), *list = json_array(), *v;
        size_t i;
        int r = RV_OK;
        if ((binds && !json_is_null(binds) && !json_is_array(binds)) ||
            (!is_empty(json_object_get(host, "Mounts")) && !json_is_array(json_object_get(host, "Mounts"))))
                r = refuse(err, "mounts that are no list");
        json_array_foreach(binds, i, v) if (r == RV_OK) r = bind(w, list, json_string_value(v), err);
        json_array_foreach(json_object_get(host, "Mounts"), i, v) if (r == RV_OK) r = mount(w, list, v, err);
        if (r == RV_OK && json_array_size(list))
                give(w, "Mount", json_incref(list));
        json_decref(list);
        return r;
}

static int ports(struct rv_bridge_wish *w, json_t *map, struct rv_error *err)
{
        const char *port;
        json_t *bindings, *b, *list = json_array();
        size_t i;
        json_object_foreach(map, port, bindings) json_array_foreach(bindings, i, b)
        {
                const char *ip = rv_j_text(b, "HostIp"), *host = rv_j_text(b, "HostPort");
                json_array_append_new(list, json_sprintf("%s%s%s%s%s", ip ? ip : "", ip ? ":" : "",
                                                         host ? host : "", ip || host ? ":" : "", port));
        }
        bool good = is_empty(map) || json_is_object(map);
        if (json_array_size(list))
                give(w, "Port", json_incref(list));
        json_decref(list);
        return good ? RV_OK : refuse(err, "ports that are no object");
}

static int network_mode(struct rv_bridge_wish *w, const char *mode)
{
        if (!mode || strcmp(mode, "default") == 0)
                return RV_OK;
        give_text(w, "Network", mode);
        if (strcmp(mode, "host") == 0 || strncmp(mode, "container:", 10) == 0 || strncmp(mode, "ns:", 3) == 0)
                risk(w, "Network");
        else if (strcmp(mode, "bridge") != 0 && strcmp(mode, "none") != 0)
                json_array_append_new(w->networks, json_string(mode));
        return RV_OK;
}

static int security(struct rv_bridge_wish *w, json_t *list)
{
        size_t i;
        json_t *v;
        if (is_empty(list))
                return RV_OK;
        give(w, "SecurityOpt", json_incref(list));
        json_array_foreach(list, i, v)
        {
                const char *s = json_string_value(v);
                if (!s || (strcmp(s, "no-new-privileges") != 0 && strcmp(s, "no-new-privileges:true") != 0 &&
                           strcmp(s, "no-new-privileges=true") != 0))
                        risk(w, "SecurityOpt");
        }
        if (!json_is_array(list))
                risk(w, "SecurityOpt");
        return RV_OK;
}

static int devices(struct rv_bridge_wish *w, json_t *list)
{
        json_t *v, *texts = json_array();
        size_t i;
        json_array_foreach(list, i, v) json_array_append_new(
                texts,
                json_sprintf("%s:%s:%s", rv_j_text(v, "PathOnHost") ? rv_j_text(v, "PathOnHost") : "",
                             rv_j_text(v, "PathInContainer") ? rv_j_text(v, "PathInContainer") : "",
                             rv_j_text(v, "CgroupPermissions") ? rv_j_text(v, "CgroupPermissions") : ""));
        if (!is_empty(list)) {
                give(w, "Devices", json_incref(texts));
                risk(w, "Devices");
        }
        json_decref(texts);
        return RV_OK;
}

static int logs(struct rv_bridge_wish *w, json_t *log, struct rv_error *err)
{
        static const struct member members[] = { { "Type", ANY, NULL }, { "Config", ANY, NULL }, { 0 } };
        const char *type = rv_j_text(log, "Type");
        int r = check(w, log, members, "LogConfig.", err);
        give_text(w, "LogDriver", type);
        give_pairs(w, "LogOptions", json_object_get(log, "Config"));
        if (type && strcmp(type, "json-file") != 0 && strcmp(type, "local") != 0 && strcmp(type, "none") != 0)
                risk(w, "LogDriver");
        return r;
}

static int host_config(struct rv_bridge_wish *w, json_t *host, struct rv_error *err)
{
        const char *ipc = rv_j_text(host, "IpcMode"), *cgroup = rv_j_text(host, "CgroupnsMode");
        int r = check(w, host, host_members, "HostConfig.", err);
        if (r == RV_OK)
                r = mounts(w, host, err);
        if (r == RV_OK)
                r = ports(w, json_object_get(host, "PortBindings"), err);
        if (r == RV_OK && ipc && strcmp(ipc, "private") != 0 && strcmp(ipc, "none") != 0 &&
            strcmp(ipc, "shareable") != 0)
                r = refuse(err, "HostConfig.IpcMode is not allowed");
        if (r == RV_OK && cgroup && strcmp(cgroup, "private") != 0)
                r = refuse(err, "HostConfig.CgroupnsMode is not allowed");
        if (r == RV_OK)
                r = logs(w, json_object_get(host, "LogConfig"), err);
        if (r)
                return r;
        network_mode(w, rv_j_text(host, "NetworkMode"));
        security(w, json_object_get(host, "SecurityOpt"));
        devices(w, json_object_get(host, "Devices"));
        if (rv_j_number(host, "MemorySwap") > 0)
                give(w, "MemorySwap", json_integer(rv_j_number(host, "MemorySwap")));
        if (rv_j_number(host, "NanoCpus") > 0)
                give(w, "CpuLimit", json_real((double)rv_j_number(host, "NanoCpus") / 1e9));
        const char *restart = rv_j_text(host, "RestartPolicy/Name");
        int64_t times = rv_j_number(host, "RestartPolicy/MaximumRetryCount");
        if (restart && times > 0)
                give(w, "RestartPolicy", json_sprintf("%s:%lld", restart, (long long)times));
        else
                give_text(w, "RestartPolicy", restart);
        return RV_OK;
}

static int endpoints(struct rv_bridge_wish *w, json_t *map, struct rv_error *err)
{
        static const struct member members[] = { { "IPAMConfig", ANY, NULL },
                                                 { "Links", EMPTY, NULL },
                                                 { "Aliases", ANY, NULL },
                                                 { "MacAddress", EMPTY, NULL },
                                                 { "NetworkID", EMPTY, NULL },
                                                 { "EndpointID", EMPTY, NULL },
                                                 { "Gateway", EMPTY, NULL },
                                                 { "IPAddress", EMPTY, NULL },
                                                 { "IPPrefixLen", EMPTY, NULL },
                                                 { "IPv6Gateway", EMPTY, NULL },
                                                 { "GlobalIPv6Address", EMPTY, NULL },
                                                 { "GlobalIPv6PrefixLen", EMPTY, NULL },
                                                 { "DriverOpts", EMPTY, NULL },
                                                 { "DNSNames", EMPTY, NULL },
                                                 { "GwPriority", EMPTY, NULL },
                                                 { 0 } };
        const char *name;
        json_t *v;
        int r = RV_OK;
        json_object_foreach(map, name, v)
        {
                if (r == RV_OK)
                        r = check(w, v, members, "EndpointsConfig.", err);
                if (strcmp(name, "host") == 0 || strncmp(name, "container:", 10) == 0)
                        r = r ? r : refuse(err, "this network");
                if (strcmp(name, "default") != 0 && strcmp(name, "bridge") != 0 && strcmp(name, "none") != 0)
                        json_array_append_new(w->networks, json_string(name));
        }
        return r;
}

static int create(struct rv_bridge_wish *w, const struct rv_bridge_request *q, json_t *body,
                  struct rv_error *err)
{
        static const struct member networking[] = { { "EndpointsConfig", ANY, NULL }, { 0 } };
        int r = check(w, body, config_members, "", err);
        json_t *net = json_object_get(body, "NetworkingConfig");
        if (r == RV_OK)
                r = host_config(w, json_object_get(body, "HostConfig"), err);
        if (r == RV_OK)
                r = check(w, net, networking, "NetworkingConfig.", err);
        if (r == RV_OK)
                r = endpoints(w, json_object_get(net, "EndpointsConfig"), err);
        if (r)
                return r;
        give_text(w, "Name", rv_bridge_query(q, "name"));
        give_words(w, "Command", json_object_get(body, "Cmd"));
        give_words(w, "Entrypoint", json_object_get(body, "Entrypoint"));
        give_pairs(w, "Label", json_object_get(body, "Labels"));
        return RV_OK;
}

static int exec(struct rv_bridge_wish *w, json_t *body, struct rv_error *err)
{
        static const struct member members[] = { { "AttachStdin", ANY, NULL },
                                                 { "AttachStdout", ANY, NULL },
                                                 { "AttachStderr", ANY, NULL },
                                                 { "DetachKeys", ANY, NULL },
                                                 { "Tty", ANY, NULL },
                                                 { "Detach", ANY, NULL },
                                                 { "ConsoleSize", ANY, NULL },
                                                 { "Env", ARGUMENT, "Environment" },
                                                 { "Cmd", ARGUMENT, "Command" },
                                                 { "Privileged", RISK, "Privileged" },
                                                 { "User", ARGUMENT, "User" },
                                                 { "WorkingDir", ARGUMENT, "WorkingDirectory" },
                                                 { 0 } };
        return check(w, body, members, "", err);
}

static int update(struct rv_bridge_wish *w, json_t *body, struct rv_error *err)
{
        static const struct member more[] = { { "RestartPolicy", OWN, NULL } };
        struct member members[sizeof host_members / sizeof *host_members + 1];
        unsigned n = 0;
        for (const struct member *m = host_members; m->name;
             m++) { /* only limits: what else a host's configuration has is none */
                static const char *const limits[] = {
                        "CpuShares",  "Memory",     "NanoCpus",   "CpuPeriod",
                        "CpuQuota",   "CpusetCpus", "CpusetMems", "MemoryReservation",
                        "MemorySwap", "PidsLimit",  "BlkioWeight"
                };
                members[n] = *m;
                bool limit = false;
                for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++)
                        limit |= strcmp(m->name, limits[i]) == 0;
                members[n].how = limit ? m->how : EMPTY;
                n++;
        }
        for (unsigned i = 0; i < n; i++)
                if (strcmp(members[i].name, more->name) == 0)
                        members[i].how = OWN;
        members[n] = (struct member) { 0 };
        int r = check(w, body, members, "", err);
        if (r == RV_OK)
                give_text(w, "RestartPolicy", rv_j_text(body, "RestartPolicy/Name"));
        if (r == RV_OK && rv_j_number(body, "NanoCpus") > 0)
                give(w, "CpuLimit", json_real((double)rv_j_number(body, "NanoCpus") / 1e9));
        return r;
}

static int network(struct rv_bridge_wish *w, const char *does, json_t *body, struct rv_error *err)
{
        static const struct member make[] = { { "Name", ARGUMENT, "Name" },
                                              { "CheckDuplicate", ANY, NULL },
                                              { "Driver", OWN, NULL },
                                              { "Scope", EMPTY, NULL },
                                              { "EnableIPv6", ANY, NULL },
                                              { "EnableIPv4", ANY, NULL },
                                              { "IPAM", OWN, NULL },
                                              { "Internal", ARGUMENT, "Internal" },
                                              { "Attachable", ANY, NULL },
                                              { "Ingress", EMPTY, NULL },
                                              { "ConfigOnly", EMPTY, NULL },
                                              { "ConfigFrom", EMPTY, NULL },
                                              { "Options", EMPTY, NULL },
                                              { "Labels", ANY, NULL },
                                              { 0 } };
        static const struct member ipam[] = {
                { "Driver", ANY, NULL }, { "Options", EMPTY, NULL }, { "Config", OWN, NULL }, { 0 }
        };
        static const struct member join_members[] = { { "Container", ARGUMENT, "Container" },
                                                      { "EndpointConfig", OWN, NULL },
                                                      { "Force", ARGUMENT, "Force" },
                                                      { 0 } };
        if (strcmp(does, "Create") != 0) {
                json_t *one = json_pack("{sO?}", "bridge", json_object_get(body, "EndpointConfig"));
                int r = check(w, body, join_members, "", err);
                r = r ? r : endpoints(w, one, err);
                json_decref(one);
                return r;
        }
        const char *driver = rv_j_text(body, "Driver"), *address = rv_j_text(body, "IPAM/Driver");
        int r = check(w, body, make, "", err);
        if (r == RV_OK)
                r = check(w, json_object_get(body, "IPAM"), ipam, "IPAM.", err);
        if (r == RV_OK && address && strcmp(address, "default") != 0)
                r = refuse(err, "IPAM.Driver is not allowed");
        give_text(w, "Driver", driver);
        if (driver && strcmp(driver, "bridge") != 0)
                risk(w, "Driver");
        json_t *subnets = rv_j_at(body, "IPAM/Config");
        if (json_array_size(subnets) == 1)
                give_text(w, "Subnet", rv_j_text(json_array_get(subnets, 0), "Subnet"));
        else if (r == RV_OK && json_array_size(subnets) > 1)
                r = refuse(err, "a network with several subnets");
        return r;
}

static int volume(struct rv_bridge_wish *w, json_t *body, struct rv_error *err)
{
        static const struct member members[] = {
                { "Name", ARGUMENT, "Name" },         { "Driver", OWN, NULL },
                { "DriverOpts", EMPTY, NULL },        { "Labels", ANY, NULL },
                { "ClusterVolumeSpec", EMPTY, NULL }, { 0 }
        };
        const char *driver = rv_j_text(body, "Driver");
        give_text(w, "Driver", driver);
        if (driver && strcmp(driver, "local") != 0)
                risk(w, "Driver");
        return check(w, body, members, "", err);
}

static int build(struct rv_bridge_wish *w, const struct rv_bridge_request *q, struct rv_error *err)
{
        static const char *const none[] = { "extrahosts", "cgroupparent", "squash", "remote", NULL };
        const char *network_name = rv_bridge_query(q, "networkmode"),
                   *version = rv_bridge_query(q, "version");
        for (const char *const *n = none; *n; n++) {
                const char *v = rv_bridge_query(q, *n);
                if (v && *v && strcmp(v, "0") != 0 && strcmp(v, "null") != 0 && strcmp(v, "[]") != 0)
                        return refuse(err, *n);
        }
        if (network_name && *network_name && strcmp(network_name, "default") != 0 &&
            strcmp(network_name, "bridge") != 0 && strcmp(network_name, "none") != 0)
                return refuse(err, "a build in this network");
        if (version && *version && strcmp(version, "1") != 0)
                return refuse(err, "BuildKit: set DOCKER_BUILDKIT=0");
        give(w, "Path", json_string("-"));
        give_text(w, "Name", rv_bridge_query(q, "t"));
        give_text(w, "Dockerfile", rv_bridge_query(q, "dockerfile"));
        return RV_OK;
}

static void give_flag(struct rv_bridge_wish *w, const char *name, const char *text)
{
        if (text && *text && strcmp(text, "0") != 0 && strcasecmp(text, "false") != 0)
                give(w, name, json_true());
}

static void container_query(struct rv_bridge_wish *w, const char *does, const struct rv_bridge_request *q)
{
        const char *signal = rv_bridge_query(q, "signal"), *seconds = rv_bridge_query(q, "t");
        if (strcmp(does, "Kill") == 0)
                give_text(w, "Signal", signal);
        if ((strcmp(does, "Stop") == 0 || strcmp(does, "Restart") == 0) && seconds && atoi(seconds) >= 0)
                give(w, "Timeout", json_integer(atoi(seconds)));
        if (strcmp(does, "Rename") == 0)
                give(w, "NewName", json_string(rv_bridge_query(q, "name") ? rv_bridge_query(q, "name") : ""));
        if (strcmp(does, "Remove") == 0) {
                give_flag(w, "Force", rv_bridge_query(q, "force"));
                give_flag(w, "Volumes", rv_bridge_query(q, "v"));
                give_flag(w, "Link", rv_bridge_query(q, "link"));
        }
        if (strcmp(does, "CopyTo") == 0 || strcmp(does, "CopyFrom") == 0)
                give(w, "Path", json_string(rv_bridge_query(q, "path") ? rv_bridge_query(q, "path") : "/"));
        if (strcmp(does, "Commit") == 0) {
                give_text(w, "Repository", rv_bridge_query(q, "repo"));
                give_text(w, "Tag", rv_bridge_query(q, "tag"));
        }
}

static void image_query(struct rv_bridge_wish *w, const char *does, const struct rv_bridge_request *q)
{
        if (strcmp(does, "Pull") == 0) {
                give(w, "Repository",
                     json_string(rv_bridge_query(q, "fromImage") ? rv_bridge_query(q, "fromImage") : ""));
                give_text(w, "Tag", rv_bridge_query(q, "tag"));
        } else if (strcmp(does, "Tag") == 0) {
                give(w, "Repository",
                     json_string(rv_bridge_query(q, "repo") ? rv_bridge_query(q, "repo") : ""));
                give_text(w, "Tag", rv_bridge_query(q, "tag"));
        } else if (strcmp(does, "Load") == 0 || strcmp(does, "Save") == 0) {
                give(w, "Path", json_string("-"));
        } else if (strcmp(does, "Remove") == 0) {
                give_flag(w, "Force", rv_bridge_query(q, "force"));
        }
}

int rv_bridge_wish(const struct rv_bridge_route *o, const struct rv_bridge_request *q, json_t *body,
                   struct rv_bridge_wish *w, struct rv_error *err)
{
        *w = (struct rv_bridge_wish) { .in = json_object(),
                                       .volumes = json_array(),
                                       .networks = json_array() };
        const char *does = o->does ? o->does : "", *class_name = o->class_name ? o->class_name : "";
        if (o->kind != RV_BRIDGE_DO)
                return RV_OK;
        if (strcmp(class_name, N) == 0)
                return network(w, does, body, err);
        if (strcmp(class_name, V) == 0 && strcmp(does, "Create") == 0)
                return volume(w, body, err);
        if (strcmp(class_name, V) == 0)
                give_flag(w, "Force", rv_bridge_query(q, "force"));
        if (strcmp(class_name, I) == 0 && strcmp(does, "Build") == 0)
                return build(w, q, err);
        if (strcmp(class_name, I) == 0)
                image_query(w, does, q);
        if (strcmp(class_name, C) != 0)
                return RV_OK;
        if (strcmp(does, "Create") == 0)
                return create(w, q, body, err);
        if (strcmp(does, "Exec") == 0)
                return exec(w, body, err);
        if (strcmp(does, "Update") == 0)
                return update(w, body, err);
        container_query(w, does, q);
        bool link = json_object_get(w->in, "Link");
        json_object_del(w->in, "Link");
        return link ? refuse(err, "links") : RV_OK;
}
