/* SPDX-License-Identifier: MIT
 *
 * Refusing what a swarm would fail at: see swarmcheck.h. The scheduler's own rules: a node takes a task when it is
 * ready and active, all constraints hold, what is reserved is free, a host's port is free there, and the log driver is
 * there.
 */
#include "providers/lib/swarmcheck.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "providers/lib/containertext.h"
#include "providers/lib/swarmspec.h"

#define SECOND UINT64_C(1000000000)

static void warn(json_t *warnings, const char *text)
{
        if (warnings)
                json_array_append_new(warnings, json_string(text));
}

/* ---- the image ---- */

static bool is_here(struct rv_talk *t, const char *image)
{
        struct rv_engine *e = rv_engine_find(NULL);
        json_t *j = NULL;
        struct rv_error err = { 0 };
        int r = rv_engine_look(e, t->call, t->deadline, "/images/", image, t->what, &j, &err);
        json_decref(j);
        return r == RV_OK;
}

/* NAME:TAG@DIGEST, as docker pins it. */
static json_t *pinned(const char *image, const char *digest)
{
        const char *slash = strrchr(image, '/');
        bool tagged = strchr(slash ? slash : image, ':') != NULL;
        return json_sprintf("%s%s@%s", image, tagged ? "" : ":latest", digest);
}

/* A registry that is asked for an image that is here, too, is given less time: it may not be there at all. */
static int image(struct rv_talk *t, const struct rv_swarm_check *k, bool alone, struct rv_error *err)
{
        static const char path[] = "TaskTemplate/ContainerSpec/Image";
        const char *name = rv_j_text(k->to, path), *had = rv_j_text(k->from, path);
        char escaped[800], text[600];
        json_t *found = NULL;
        struct rv_error why = { 0 };
        rv_about(err, NULL, NULL, "Image");
        if (!name)
                return rv_fail(err, RV_INVALID_PARAMETER, "%s: a service needs an Image", t->what);
        if (k->no_resolve || (had && strcmp(had, name) == 0))
                return RV_OK;
        bool here = is_here(t, name);
        uint64_t most = rv_now() + (here ? 3 : 20) * SECOND;
        struct rv_talk registry = *t;
        registry.deadline = t->deadline && t->deadline < most ? t->deadline : most;
        int r = rv_talk_get(&registry, &found, &why, "/distribution/%s/json",
                            rv_http_escaped(escaped, sizeof escaped, name));
        const char *digest = rv_j_text(found, "Descriptor/digest");
        if (r == RV_OK && digest && !strchr(name, '@'))
                rv_j_put(k->to, path, pinned(name, digest));
        json_decref(found);
        if (r == RV_OK || r < 0)
                return r;
        if (here) {
                snprintf(text, sizeof text,
                         "%s: no registry vouches for this image; each node takes the one that it has "
                         "itself, and one that has none cannot run it",
                         name);
                if (!alone)
                        warn(k->warnings, text);
                return RV_OK;
        }
        rv_fail(err, RV_NOT_FOUND, "%s: neither a registry nor this node has the image %.80s", t->what, name);
        return rv_hint(
                err,
                "Nothing was done. Request-ContainerImage pulls one; -NoResolveImage takes one that only "
                "other nodes have. %.110s",
                why.hint);
}

/* ---- nodes ---- */

static const char *label(json_t *labels, const char *name)
{
        return json_string_value(json_object_get(labels, name));
}

static bool address_in(const char *address, const char *range)
{
        char base[64];
        const char *slash = strchr(range, '/');
        struct in_addr a, b;
        snprintf(base, sizeof base, "%.*s", slash ? (int)(slash - range) : (int)strlen(range), range);
        if (!slash || inet_pton(AF_INET, address, &a) != 1 || inet_pton(AF_INET, base, &b) != 1)
                return strcasecmp(address, range) == 0;
        unsigned bits = (unsigned)strtoul(slash + 1, NULL, 10);
        uint32_t mask = bits == 0 ? 0 : bits >= 32 ? ~0u : ~(~0u >> bits);
        return ((ntohl(a.s_addr) ^ ntohl(b.s_addr)) & mask) == 0;
}

/* What a constraint's word means for a node; NULL: nothing has it (and == does not hold). known: whether it is one. */
static const char *word_of(json_t *node, const char *word, bool *known)
{
        static const char *const at[][2] = {
                { "node.id", "ID" },
                { "node.hostname", "Description/Hostname" },
                { "node.role", "Spec/Role" },
                { "node.ip", "Status/Addr" },
                { "node.platform.os", "Description/Platform/OS" },
                { "node.platform.arch", "Description/Platform/Architecture" },
        };
        *known = true;
        for (unsigned i = 0; i < sizeof at / sizeof *at; i++)
                if (strcasecmp(word, at[i][0]) == 0)
                        return rv_j_text(node, at[i][1]);
        if (strncasecmp(word, "node.labels.", 12) == 0 && word[12])
                return label(rv_j_at(node, "Spec/Labels"), word + 12);
        if (strncasecmp(word, "engine.labels.", 14) == 0 && word[14])
                return label(rv_j_at(node, "Description/Engine/Labels"), word + 14);
        *known = false;
        return NULL;
}

struct constraint {
        char word[128], value[256];
        bool equal;
};

static void trim(char *s)
{
        size_t n = strlen(s), from = strspn(s, " ");
        while (n > from && s[n - 1] == ' ')
                n--;
        memmove(s, s + from, n - from);
        s[n - from] = 0;
}

static bool parse(const char *s, struct constraint *c)
{
        const char *op = strstr(s, "==");
        const char *not = strstr(s, "!=");
        c->equal = op && (!not || op < not );
        op = c->equal ? op : not ;
        if (!op)
                return false;
        snprintf(c->word, sizeof c->word, "%.*s", (int)(op - s), s);
        snprintf(c->value, sizeof c->value, "%s", op + 2);
        trim(c->word);
        trim(c->value);
        return *c->word && *c->value;
}

static bool holds(json_t *node, const struct constraint *c)
{
        bool known;
        const char *is = word_of(node, c->word, &known);
        bool same = is && (strcasecmp(c->word, "node.ip") == 0 ? address_in(is, c->value)
                                                               : strcasecmp(is, c->value) == 0);
        return known && same == c->equal;
}

/* Ready for tasks at all. */
static bool works(json_t *node)
{
        return strcmp(rv_or_empty(rv_j_text(node, "Status/State")), "ready") == 0 &&
               strcmp(rv_or_empty(rv_j_text(node, "Spec/Availability")), "active") == 0;
}

static bool fits(json_t *node, json_t *spec)
{
        json_t *one;
        size_t i;
        struct constraint c;
        if (!works(node))
                return false;
        json_array_foreach(rv_j_at(spec, "TaskTemplate/Placement/Constraints"), i,
                           one) if (!parse(rv_or_empty(json_string_value(one)), &c) ||
                                    !holds(node, &c)) return false;
        return true;
}

unsigned rv_swarm_eligible(json_t *nodes, json_t *spec)
{
        json_t *one;
        size_t i;
        unsigned n = 0;
        json_array_foreach(nodes, i, one) n += fits(one, spec);
        return n;
}

static int words_good(json_t *spec, json_t *nodes, const char *what, struct rv_error *err)
{
        json_t *one;
        size_t i;
        struct constraint c;
        bool known;
        rv_about(err, NULL, NULL, "Constraints");
        json_array_foreach(rv_j_at(spec, "TaskTemplate/Placement/Constraints"), i, one)
        {
                const char *s = rv_or_empty(json_string_value(one));
                bool good = parse(s, &c);
                if (good)
                        word_of(json_array_get(nodes, 0), c.word, &known);
                if (good && known)
                        continue;
                rv_fail(err, RV_INVALID_PARAMETER, "%s: '%.80s' is no constraint", what, s);
                return rv_hint(
                        err, "WORD==VALUE or WORD!=VALUE; words: node.id, node.hostname, node.role, node.ip, "
                             "node.platform.os, node.platform.arch, node.labels.NAME, engine.labels.NAME.");
        }
        return RV_OK;
}

/* No node fits: why. */
static int nowhere(struct rv_talk *t, json_t *nodes, json_t *spec, struct rv_error *err)
{
        json_t *node, *one;
        size_t i, k;
        struct constraint c;
        unsigned working = 0;
        json_array_foreach(nodes, i, node) working += works(node);
        if (!working) {
                rv_about(err, NULL, NULL, "");
                rv_fail(err, RV_UNAVAILABLE, "%s: none of the swarm's %zu nodes takes tasks now", t->what,
                        json_array_size(nodes));
                return rv_hint(err, "Nothing was done. Get-SwarmNode shows why; Resume-SwarmNode makes one "
                                    "active again.");
        }
        json_array_foreach(rv_j_at(spec, "TaskTemplate/Placement/Constraints"), k, one)
        {
                unsigned n = 0;
                parse(rv_or_empty(json_string_value(one)), &c);
                json_array_foreach(nodes, i, node) n += works(node) && holds(node, &c);
                if (!n) {
                        rv_fail(err, RV_INVALID_PARAMETER, "%s: no node that takes tasks fits %.100s",
                                t->what, json_string_value(one));
                        return rv_hint(err, "Nothing was done. Get-SwarmNode shows what the nodes are.");
                }
        }
        rv_fail(err, RV_INVALID_PARAMETER, "%s: no node that takes tasks fits all constraints together",
                t->what);
        return rv_hint(err, "Nothing was done. Get-SwarmNode shows what the nodes are.");
}

/* ---- room ---- */

/* What of a kind the tasks on a node have reserved, but for those of the service itself. */
static int64_t reserved(json_t *tasks, const char *node, const char *service, const char *what)
{
        json_t *one;
        size_t i;
        int64_t sum = 0;
        char path[80];
        snprintf(path, sizeof path, "Spec/Resources/Reservations/%s", what);
        json_array_foreach(tasks, i, one) if (strcmp(rv_or_empty(rv_j_text(one, "NodeID")), node) == 0 &&
                                              (!service || strcmp(rv_or_empty(rv_j_text(one, "ServiceID")),
                                                                  service) != 0)) sum +=
                rv_j_number(one, path);
        return sum;
}

static bool same_port(json_t *a, json_t *b, const char *mode)
{
        const char *pa = rv_j_text(a, "Protocol"), *pb = rv_j_text(b, "Protocol");
        const char *ma = rv_j_text(a, "PublishMode"), *mb = rv_j_text(b, "PublishMode");
        return rv_j_number(a, "PublishedPort") &&
               rv_j_number(a, "PublishedPort") == rv_j_number(b, "PublishedPort") &&
               strcmp(pa ? pa : "tcp", pb ? pb : "tcp") == 0 && strcmp(ma ? ma : "ingress", mode) == 0 &&
               strcmp(mb ? mb : "ingress", mode) == 0;
}

/* Whether a task of another service has a port of this spec on a node of its own. */
static bool port_taken(json_t *node, json_t *spec, json_t *tasks, const char *service)
{
        json_t *task, *mine, *theirs;
        size_t i, k, l;
        json_array_foreach(rv_j_at(spec, "EndpointSpec/Ports"), i, mine) json_array_foreach(
                tasks, k,
                task) if (strcmp(rv_or_empty(rv_j_text(task, "NodeID")),
                                 rv_or_empty(rv_j_text(node, "ID"))) == 0 &&
                          (!service || strcmp(rv_or_empty(rv_j_text(task, "ServiceID")), service) != 0))
                json_array_foreach(rv_j_at(task, "Status/PortStatus/Ports"), l,
                                   theirs) if (same_port(mine, theirs, "host")) return true;
        return false;
}

static bool has_host_port(json_t *spec)
{
        json_t *one;
        size_t i;
        json_array_foreach(rv_j_at(spec, "EndpointSpec/Ports"), i,
                           one) if (rv_j_number(one, "PublishedPort") &&
                                    strcmp(rv_or_empty(rv_j_text(one, "PublishMode")), "host") ==
                                            0) return true;
        return false;
}

static bool has_log_driver(json_t *node, const char *driver)
{
        json_t *one, *all = rv_j_at(node, "Description/Engine/Plugins");
        size_t i;
        if (!driver || strcmp(driver, "none") == 0)
                return true;
        json_array_foreach(all, i, one) if (strcmp(rv_or_empty(rv_j_text(one, "Type")), "Log") == 0 &&
                                            strncmp(rv_or_empty(rv_j_text(one, "Name")), driver,
                                                    strlen(driver)) == 0) return true;
        return !json_array_size(all);
}

/* How many tasks of a spec a node has room for. *why: what there is too little of. */
static int64_t room(json_t *node, const struct rv_swarm_check *k, json_t *tasks, const char **why)
{
        static const char *const what[][2] = { { "MemoryBytes", "memory" }, { "NanoCPUs", "CPUs" } };
        int64_t least = INT64_MAX, most = rv_j_number(k->to, "TaskTemplate/Placement/MaxReplicas");
        char path[80];
        for (unsigned i = 0; i < 2; i++) {
                snprintf(path, sizeof path, "TaskTemplate/Resources/Reservations/%s", what[i][0]);
                int64_t need = rv_j_number(k->to, path);
                snprintf(path, sizeof path, "Description/Resources/%s", what[i][0]);
                int64_t has = rv_j_number(node, path) -
                              reserved(tasks, rv_or_empty(rv_j_text(node, "ID")), k->id, what[i][0]);
                if (need > 0 && has / need < least) {
                        least = has < 0 ? 0 : has / need;
                        *why = what[i][1];
                }
        }
        if (most && most < least) {
                least = most;
                *why = "room (MaxReplicasPerNode)";
        }
        if (has_host_port(k->to) && least > 1) {
                least = 1;
                *why = "nodes for a port of the host";
        }
        if (port_taken(node, k->to, tasks, k->id)) {
                least = 0;
                *why = "free ports of the host";
        }
        if (!has_log_driver(node, rv_j_text(k->to, "TaskTemplate/LogDriver/Name"))) {
                least = 0;
                *why = "nodes with that log driver";
        }
        return least;
}

static int space(struct rv_talk *t, const struct rv_swarm_check *k, json_t *nodes, struct rv_error *err)
{
        json_t *tasks = NULL, *one;
        size_t i;
        const char *why = "room";
        int64_t sum = 0, want = rv_j_number(k->to, "Mode/Replicated/Replicas");
        bool global = rv_j_at(k->to, "Mode/Global") != NULL;
        int r = rv_swarm_list(
                t, &tasks, err,
                "/tasks?filters=%%7B%%22desired-state%%22%%3A%%7B%%22running%%22%%3Atrue%%7D%%7D");
        if (r)
                return r;
        json_array_foreach(nodes, i, one) if (fits(one, k->to))
        {
                int64_t n = room(one, k, tasks, &why);
                sum = n > INT32_MAX || sum + n > INT32_MAX ? INT32_MAX : sum + n;
        }
        json_decref(tasks);
        if (global ? sum > 0 : sum >= want)
                return RV_OK;
        rv_about(err, NULL, NULL, "");
        rv_fail(err, RV_INVALID_PARAMETER, "%s: its nodes have room for %lld of %lld tasks: too little %s",
                t->what, (long long)sum, (long long)(global ? 1 : want), why);
        return rv_hint(
                err,
                "Nothing was done. Reservations, MaxReplicasPerNode, ports of the host and Constraints say "
                "how many tasks a node takes.");
}

/* ---- ports of the swarm ---- */

static int ports(struct rv_talk *t, const struct rv_swarm_check *k, struct rv_error *err)
{
        json_t *services = NULL, *service, *mine = rv_j_at(k->to, "EndpointSpec/Ports"), *a, *b;
        size_t i, x, y;
        char text[64];
        const char *mode = rv_j_text(k->to, "EndpointSpec/Mode");
        if (!json_array_size(mine) || json_equal(mine, rv_j_at(k->from, "EndpointSpec/Ports")))
                return RV_OK;
        rv_about(err, NULL, NULL, "Ports");
        json_array_foreach(mine, x, a)
        {
                rv_swarm_port_text(a, text, sizeof text);
                bool host = strcmp(rv_or_empty(rv_j_text(a, "PublishMode")), "host") == 0;
                if (!host && mode && strcmp(mode, "dnsrr") == 0)
                        return rv_fail(
                                err, RV_INVALID_PARAMETER,
                                "%s: port %s needs a virtual address, which EndpointMode dnsrr has not",
                                t->what, text);
                json_array_foreach(
                        mine, y,
                        b) if (x < y &&
                               (same_port(a, b, "ingress") ||
                                same_port(a, b, "host"))) return rv_fail(err, RV_INVALID_PARAMETER,
                                                                         "%s: port %s is named twice",
                                                                         t->what, text);
        }
        int r = rv_swarm_list(t, &services, err, "/services");
        json_array_foreach(services, i, service)
        {
                if (r || (k->id && strcmp(k->id, rv_or_empty(rv_j_text(service, "ID"))) == 0))
                        continue;
                json_array_foreach(rv_j_at(service, "Endpoint/Ports"), x, a)
                        json_array_foreach(mine, y, b) if (r == RV_OK && same_port(a, b, "ingress")) r =
                                rv_fail(err, RV_INVALID_PARAMETER,
                                        "%s: port %lld is the service %.63s's already", t->what,
                                        (long long)rv_j_number(b, "PublishedPort"),
                                        rv_or_empty(rv_j_text(service, "Spec/Name")));
        }
        json_decref(services);
        return r;
}

/* ---- folders ---- */

/* A folder can be looked for on this node only: where all tasks run here, one that is not there is refused. */
static int folders(struct rv_talk *t, const struct rv_swarm_check *k, json_t *nodes, struct rv_error *err)
{
        json_t *one, *swarm = NULL, *mine, *mounts = rv_j_at(k->to, "TaskTemplate/ContainerSpec/Mounts");
        size_t i;
        if (json_equal(mounts, rv_j_at(k->from, "TaskTemplate/ContainerSpec/Mounts")) ||
            !json_array_size(mounts))
                return RV_OK;
        int r = rv_swarm_local(t, &swarm, err);
        mine = rv_swarm_by_id(nodes, rv_j_text(swarm, "NodeID"));
        bool here = mine && fits(mine, k->to) && rv_swarm_eligible(nodes, k->to) == 1;
        json_decref(swarm);
        json_array_foreach(mounts, i, one)
        {
                const char *source = rv_or_empty(rv_j_text(one, "Source"));
                if (r || !here || strcmp(rv_or_empty(rv_j_text(one, "Type")), "bind") ||
                    access(source, F_OK) == 0)
                        continue;
                rv_about(err, NULL, NULL, "Mounts");
                rv_fail(err, RV_NOT_FOUND, "%s: this node, the only one it can run on, has no %.100s",
                        t->what, source);
                r = rv_hint(err, "Nothing was done. The swarm makes no folders.");
        }
        return r;
}

/* ---- all of it ---- */

bool rv_swarm_other_tasks(json_t *from, json_t *to)
{
        return !json_equal(json_object_get(from, "TaskTemplate"), json_object_get(to, "TaskTemplate"));
}

int rv_swarm_check(struct rv_talk *t, const struct rv_swarm_check *k, struct rv_error *err)
{
        json_t *nodes = NULL;
        bool other =
                !k->from || rv_swarm_other_tasks(k->from, k->to) ||
                !json_equal(json_object_get(k->from, "EndpointSpec"), json_object_get(k->to, "EndpointSpec"));
        bool none = rv_j_at(k->to, "Mode/Replicated") && rv_j_number(k->to, "Mode/Replicated/Replicas") == 0;
        bool more = rv_j_number(k->to, "Mode/Replicated/Replicas") >
                    rv_j_number(k->from, "Mode/Replicated/Replicas");
        if (k->from && json_equal(k->from, k->to))
                return RV_OK;
        int r = rv_swarm_list(t, &nodes, err, "/nodes");
        if (r == RV_OK)
                r = words_good(k->to, nodes, t->what, err);
        if (r == RV_OK)
                r = ports(t, k, err);
        if (r == RV_OK && (other || more) && !none && !rv_swarm_eligible(nodes, k->to))
                r = nowhere(t, nodes, k->to, err);
        if (r == RV_OK && (other || more) && !none)
                r = space(t, k, nodes, err);
        if (r == RV_OK && other)
                r = folders(t, k, nodes, err);
        if (r == RV_OK && other)
                r = image(t, k, json_array_size(nodes) == 1, err);
        json_decref(nodes);
        if (r == RV_OK)
                rv_about(err, NULL, NULL, "");
        return r;
}
