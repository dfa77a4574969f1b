/* SPDX-License-Identifier: MIT
 *
 * ContainerEngine, ContainerNetwork, ContainerVolume: the engine itself and what its containers are joined by.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/ContainerEngine.h"
#include "gen/ContainerNetwork.h"
#include "gen/ContainerVolume.h"
#include "providers/lib/dockerbridge.h"
#include "providers/lib/containerthings.h"
#include "providers/lib/enginetalk.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"

static int success(struct rv_call *c, int r)
{
        if (r == RV_OK)
                rv_set_uint(c->out, 0, 0);
        return r;
}

/* ---- the engine ---- */

static int engine_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk e = { .call = q->call,
                               .deadline = q->deadline,
                               .what = "cannot look at the engine" };
        json_t *j = NULL, *one;
        const char *name;
        uint32_t i = 0;
        int r = rv_talk_get(&e, &j, err, "/info");
        if (r)
                return r;
        struct rv_row *row = rv_row(out);
        rv_fill(row, ContainerEngine_Name, rv_j_text(j, "Name"));
        rv_fill(row, ContainerEngine_Id, rv_j_text(j, "ID"));
        rv_fill(row, ContainerEngine_Version, rv_j_text(j, "ServerVersion"));
        ContainerEngine_set_Containers(row, (uint32_t)rv_j_number(j, "Containers"));
        ContainerEngine_set_ContainersRunning(row, (uint32_t)rv_j_number(j, "ContainersRunning"));
        ContainerEngine_set_ContainersPaused(row, (uint32_t)rv_j_number(j, "ContainersPaused"));
        ContainerEngine_set_ContainersStopped(row, (uint32_t)rv_j_number(j, "ContainersStopped"));
        ContainerEngine_set_Images(row, (uint32_t)rv_j_number(j, "Images"));
        rv_fill(row, ContainerEngine_StorageDriver, rv_j_text(j, "Driver"));
        rv_fill(row, ContainerEngine_CgroupDriver, rv_j_text(j, "CgroupDriver"));
        rv_fill(row, ContainerEngine_CgroupVersion, rv_j_text(j, "CgroupVersion"));
        json_t *runtimes = json_object_get(j, "Runtimes");
        if (json_is_object(runtimes) && ContainerEngine_wants_Runtimes(row)) {
                rv_list list = ContainerEngine_set_Runtimes(row, (uint32_t)json_object_size(runtimes));
                json_object_foreach(runtimes, name, one) rv_item_string(row, list, i++, name, strlen(name));
        }
        rv_fill(row, ContainerEngine_DefaultRuntime, rv_j_text(j, "DefaultRuntime"));
        rv_fill(row, ContainerEngine_RootDirectory, rv_j_text(j, "DockerRootDir"));
        rv_fill(row, ContainerEngine_LoggingDriver, rv_j_text(j, "LoggingDriver"));
        rv_fill(row, ContainerEngine_SwarmState, rv_j_text(j, "Swarm/LocalNodeState"));
        rv_json_list(row, ContainerEngine_Warnings, json_object_get(j, "Warnings"));
        json_decref(j);
        r = rv_emit(out, row);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- networks ---- */

static void fill_ranges(struct rv_row *row, unsigned p, json_t *ranges, const char *name)
{
        json_t *one;
        size_t i;
        uint32_t n = 0, k = 0;
        json_array_foreach(ranges, i, one) n += rv_j_text(one, name) != NULL;
        if (!n || !rv_wants(row, p))
                return;
        rv_list list = rv_set_list(row, p, n);
        json_array_foreach(ranges, i, one)
        {
                const char *s = rv_j_text(one, name);
                if (s)
                        rv_item_string(row, list, k++, s, strlen(s));
        }
}

static void fill_network(struct rv_row *row, json_t *j, json_t *whole)
{
        const char *id = rv_j_text(j, "Id"), *key;
        json_t *members = json_object_get(whole, "Containers"), *one;
        int64_t t;
        uint32_t i = 0;
        rv_fill(row, ContainerNetwork_Id, id);
        rv_fill_n(row, ContainerNetwork_ShortId, id, id ? strnlen(id, 12) : 0);
        rv_fill(row, ContainerNetwork_Name, rv_j_text(j, "Name"));
        rv_fill(row, ContainerNetwork_Driver, rv_j_text(j, "Driver"));
        rv_fill(row, ContainerNetwork_Scope, rv_j_text(j, "Scope"));
        ContainerNetwork_set_Internal(row, json_is_true(json_object_get(j, "Internal")));
        if (rv_j_time(j, "Created", &t))
                ContainerNetwork_set_Created(row, t);
        fill_ranges(row, ContainerNetwork_Subnets, rv_j_at(j, "IPAM/Config"), "Subnet");
        fill_ranges(row, ContainerNetwork_Gateways, rv_j_at(j, "IPAM/Config"), "Gateway");
        rv_json_map(row, ContainerNetwork_Labels, json_object_get(j, "Labels"));
        if (!json_is_object(members) || !ContainerNetwork_wants_Containers(row))
                return;
        rv_list list = ContainerNetwork_set_Containers(row, (uint32_t)json_object_size(members));
        json_object_foreach(members, key, one)
        {
                const char *s = rv_j_text(one, "Name");
                rv_item_string(row, list, i++, s ? s : "", s ? strlen(s) : 0);
        }
}

static int network_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk e = { .call = q->call,
                               .deadline = q->deadline,
                               .what = "cannot list container networks" };
        json_t *list, *j;
        size_t i;
        int r = rv_talk_get(&e, &list, err, "/networks");
        json_array_foreach(list, i, j)
        {
                json_t *whole = NULL;
                struct rv_error gone = { 0 };
                if (r == RV_OK && rv_asked(q, ContainerNetwork_Containers) &&
                    rv_talk_get(&e, &whole, &gone, "/networks/%s", rv_j_text(j, "Id")) != RV_OK)
                        continue;
                if (r == RV_OK) {
                        struct rv_row *row = rv_row(out);
                        fill_network(row, j, whole);
                        r = rv_emit(out, row);
                }
                json_decref(whole);
        }
        json_decref(list);
        return r == RV_STOP ? RV_OK : r;
}

static int network_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerNetwork_Create_in *in = args;
        char what[200];
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = what };
        snprintf(what, sizeof what, "cannot make the network %.100s", in->Name);
        json_t *body = json_pack("{s:s, s:b, s:b}", "Name", in->Name, "CheckDuplicate", 1, "Internal",
                                 in->Internal),
               *j = NULL;
        if (in->has_Driver)
                json_object_set_new(body, "Driver", json_string(in->Driver));
        if (in->has_Subnet)
                json_object_set_new(body, "IPAM", json_pack("{s:[{s:s}]}", "Config", "Subnet", in->Subnet));
        rv_change(c, "Name", NULL, in->Name);
        int r = c->what_if ? RV_OK : rv_talk_post(&e, json_incref(body), &j, err, "/networks/create");
        const char *id = rv_j_text(j, "Id");
        if (r == RV_OK && id)
                ContainerNetwork_Create_out_set_Id(c->out, id, strlen(id));
        json_decref(body);
        json_decref(j);
        return success(c, r);
}

static const char *network_of(const struct rv_call *c, char *to, size_t size)
{
        const struct rv_arg *id = &c->key[ContainerNetwork_Id], *name = &c->key[ContainerNetwork_Name];
        return rv_http_escaped(to, size, id->type == RV_STRING ? id->s : name->type == RV_STRING ? name->s : "");
}

static int network_there(struct rv_call *c, struct rv_talk *e, char *id, size_t size, struct rv_error *err)
{
        json_t *j = NULL;
        int r = rv_talk_get(e, &j, err, "/networks/%s", network_of(c, id, size));
        json_decref(j);
        return r;
}

static int network_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = "cannot remove the network" };
        char id[300];
        int r = network_there(c, &e, id, sizeof id, err);
        return success(c, r || c->what_if ? r : rv_talk_delete(&e, err, "/networks/%s", id));
}

static int join(struct rv_call *c, const char *how, json_t *body, struct rv_error *err)
{
        struct rv_talk e = { .call = c,
                               .deadline = c->deadline,
                               .what = "cannot change who is connected to the network" };
        char id[300];
        int r = network_there(c, &e, id, sizeof id, err);
        if (r == RV_OK && !c->what_if)
                r = rv_talk_post(&e, json_incref(body), NULL, err, "/networks/%s/%s", id, how);
        json_decref(body);
        return success(c, r);
}

static int network_connect(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerNetwork_Connect_in *in = args;
        rv_change(c, "Containers", NULL, in->Container);
        return join(c, "connect", json_pack("{s:s}", "Container", in->Container), err);
}

static int network_disconnect(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerNetwork_Disconnect_in *in = args;
        rv_change(c, "Containers", in->Container, NULL);
        return join(c, "disconnect", json_pack("{s:s, s:b}", "Container", in->Container, "Force", in->Force),
                    err);
}

/* ---- volumes ---- */

static int volume_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk e = { .call = q->call,
                               .deadline = q->deadline,
                               .what = "cannot list container volumes" };
        json_t *all = NULL, *j;
        size_t i;
        int64_t t;
        int r = rv_talk_get(&e, &all, err, "/volumes");
        json_array_foreach(json_object_get(all, "Volumes"), i, j)
        {
                if (r)
                        break;
                struct rv_row *row = rv_row(out);
                rv_fill(row, ContainerVolume_Name, rv_j_text(j, "Name"));
                rv_fill(row, ContainerVolume_Driver, rv_j_text(j, "Driver"));
                rv_fill(row, ContainerVolume_Mountpoint, rv_j_text(j, "Mountpoint"));
                rv_fill(row, ContainerVolume_Scope, rv_j_text(j, "Scope"));
                if (rv_j_time(j, "CreatedAt", &t))
                        ContainerVolume_set_Created(row, t);
                rv_json_map(row, ContainerVolume_Labels, json_object_get(j, "Labels"));
                r = rv_emit(out, row);
        }
        json_decref(all);
        return r == RV_STOP ? RV_OK : r;
}

static int volume_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerVolume_Create_in *in = args;
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = "cannot make the volume" };
        json_t *body = json_object(), *j = NULL;
        if (in->has_Name)
                json_object_set_new(body, "Name", json_string(in->Name));
        if (in->has_Driver)
                json_object_set_new(body, "Driver", json_string(in->Driver));
        rv_change(c, "Name", NULL, in->has_Name ? in->Name : "(a name of the engine's)");
        int r = c->what_if ? RV_OK : rv_talk_post(&e, json_incref(body), &j, err, "/volumes/create");
        const char *name = rv_j_text(j, "Name");
        if (r == RV_OK && name)
                ContainerVolume_Create_out_set_VolumeName(c->out, name, strlen(name));
        json_decref(body);
        json_decref(j);
        return success(c, r);
}

static int volume_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerVolume_Remove_in *in = args;
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = "cannot remove the volume" };
        char name[700];
        json_t *j = NULL;
        rv_http_escaped(name, sizeof name,
                         c->key[ContainerVolume_Name].type == RV_STRING ? c->key[ContainerVolume_Name].s
                                                                        : "");
        int r = rv_talk_get(&e, &j, err, "/volumes/%s", name);
        json_decref(j);
        if (r == RV_OK && !c->what_if)
                r = rv_talk_delete(&e, err, "/volumes/%s?force=%d", name, in->Force);
        return success(c, r);
}

static int engine_dial(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerEngine_Dial_in *in = args;
        char token[RV_STREAM_TOKEN];
        struct rv_engine *e = rv_engine_find(in->has_Engine ? in->Engine : NULL);
        if (!e || !rv_engine_here(e)) {
                rv_fail(err, RV_UNAVAILABLE, "this host has no container engine%s%.40s", in->has_Engine ? " " : "",
                        in->has_Engine ? in->Engine : "");
                return rv_hint(err, "Install-Package docker.io; systemctl start docker");
        }
        if (c->what_if)
                return success(c, RV_OK);
        struct rv_stream *s = rv_docker_bridge(e);
        int r = s ? rv_stream_offer(c, s, token, err) : -ENOMEM;
        if (r == RV_OK)
                ContainerEngine_Dial_out_set_Stream(c->out, token, strlen(token));
        return success(c, r);
}

static int (*const engine_methods[])(struct rv_call *, const void *, struct rv_error *) = {
        [ContainerEngine_method_Dial] = engine_dial,
};
static int (*const network_methods[])(struct rv_call *, const void *, struct rv_error *) = {
        [ContainerNetwork_method_Create] = network_create,
        [ContainerNetwork_method_Remove] = network_remove,
        [ContainerNetwork_method_Connect] = network_connect,
        [ContainerNetwork_method_Disconnect] = network_disconnect,
};
static int (*const volume_methods[])(struct rv_call *, const void *, struct rv_error *) = {
        [ContainerVolume_method_Create] = volume_create,
        [ContainerVolume_method_Remove] = volume_remove,
};

static const struct rv_provider engine = { .class = &ContainerEngine_class,
                                           .query = engine_query,
                                           .methods = engine_methods };
static const struct rv_provider network = { .class = &ContainerNetwork_class,
                                            .query = network_query,
                                            .methods = network_methods,
                                            .create = rv_network_made,
                                            .modify = rv_network_brought,
                                            .remove = rv_network_gone,
                                            .meets = rv_network_meets };
static const struct rv_provider volume = { .class = &ContainerVolume_class,
                                           .query = volume_query,
                                           .methods = volume_methods,
                                           .create = rv_volume_made,
                                           .modify = rv_volume_brought,
                                           .remove = rv_volume_gone,
                                           .meets = rv_volume_meets };

RV_PROVIDERS(containerengine, &engine, &network, &volume);
