/* SPDX-License-Identifier: MIT
 *
 * Container.Create: see containernew.h.
 */
#include "providers/lib/containernew.h"

#include <string.h>

#include "gen/Container.h"
#include "providers/lib/containerchange.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/engine.h"
#include "providers/lib/jsonrow.h"

#define TEXTS(in, p) ((struct rv_texts) { (in)->p, (in)->has_##p ? (in)->p##_n : 0, #p })

static int spec_host(const struct Container_Create_in *in, json_t *config, json_t *host, struct rv_error *err)
{
        json_t *log = json_object();
        int e = rv_spec_limits(host, in->has_MemoryLimit ? &in->MemoryLimit : NULL,
                       in->has_MemorySwap ? &in->MemorySwap : NULL, NULL,
                       in->has_CpuLimit ? &in->CpuLimit : NULL, in->has_CpuShares ? &in->CpuShares : NULL,
                       in->has_CpusetCpus ? in->CpusetCpus : NULL, in->has_PidsLimit ? &in->PidsLimit : NULL,
                       err);
        rv_spec_flag(host, "Privileged", in->has_Privileged, in->Privileged);
        rv_spec_flag(host, "ReadonlyRootfs", in->has_ReadonlyRootfs, in->ReadonlyRootfs);
        rv_spec_flag(host, "AutoRemove", in->has_AutoRemove, in->AutoRemove);
        rv_spec_flag(host, "Init", in->has_Init, in->Init);
        rv_spec_text(host, "NetworkMode", in->has_Network, in->Network);
        rv_spec_text(log, "Type", in->has_LogDriver, in->LogDriver);
        if (e == RV_OK && in->has_RestartPolicy)
                e = rv_spec_restart(host, in->RestartPolicy, err);
        if (e == RV_OK)
                e = rv_spec_ports(config, host, TEXTS(in, Port), err);
        if (e == RV_OK)
                e = rv_spec_mounts(host, TEXTS(in, Mount), err);
        if (e == RV_OK)
                e = rv_spec_devices(host, TEXTS(in, Devices), err);
        const struct {
                const char *member;
                struct rv_texts texts;
        } lists[] = { { "CapAdd", TEXTS(in, CapAdd) },
                      { "CapDrop", TEXTS(in, CapDrop) },
                      { "SecurityOpt", TEXTS(in, SecurityOpt) },
                      { "Dns", TEXTS(in, Dns) },
                      { "ExtraHosts", TEXTS(in, ExtraHosts) } };
        for (unsigned i = 0; e == RV_OK && i < sizeof lists / sizeof *lists; i++)
                e = rv_spec_list(host, lists[i].member, lists[i].texts);
        if (e == RV_OK)
                e = rv_spec_pairs(log, "Config", TEXTS(in, LogOptions), err);
        if (json_object_size(log))
                json_object_set(host, "LogConfig", log);
        json_decref(log);
        return e;
}

static void spec_health(const struct Container_Create_in *in, json_t *config)
{
        if (!in->has_HealthCommand)
                return;
        json_t *health = json_pack("{s[ss]}", "Test", "CMD-SHELL", in->HealthCommand);
        if (in->has_HealthInterval)
                json_object_set_new(health, "Interval",
                                    json_integer((json_int_t)in->HealthInterval * 1000000000));
        if (in->has_HealthTimeout)
                json_object_set_new(health, "Timeout",
                                    json_integer((json_int_t)in->HealthTimeout * 1000000000));
        if (in->has_HealthStartPeriod)
                json_object_set_new(health, "StartPeriod",
                                    json_integer((json_int_t)in->HealthStartPeriod * 1000000000));
        if (in->has_HealthRetries)
                json_object_set_new(health, "Retries", json_integer(in->HealthRetries));
        json_object_set_new(config, "Healthcheck", health);
}

static int spec(const struct Container_Create_in *in, json_t *config, struct rv_error *err)
{
        json_t *host = json_object();
        json_object_set_new(config, "HostConfig", host);
        rv_spec_text(config, "Image", true, in->Image);
        rv_spec_text(config, "Hostname", in->has_HostName, in->HostName);
        rv_spec_text(config, "User", in->has_User, in->User);
        rv_spec_text(config, "WorkingDir", in->has_WorkingDirectory, in->WorkingDirectory);
        rv_spec_text(config, "StopSignal", in->has_StopSignal, in->StopSignal);
        rv_spec_flag(config, "Tty", in->has_Tty, in->Tty);
        rv_spec_flag(config, "OpenStdin", in->has_OpenStdin, in->OpenStdin);
        if (in->has_StopTimeout)
                json_object_set_new(config, "StopTimeout", json_integer(in->StopTimeout));
        spec_health(in, config);
        int e = rv_spec_list(config, "Cmd", TEXTS(in, Command));
        if (e == RV_OK)
                e = rv_spec_list(config, "Entrypoint", TEXTS(in, Entrypoint));
        if (e == RV_OK)
                e = rv_spec_environment(config, TEXTS(in, Environment), err);
        if (e == RV_OK)
                e = rv_spec_pairs(config, "Labels", TEXTS(in, Label), err);
        if (e == RV_OK && in->has_NetworkAliases && in->NetworkAliases_n) {
                json_t *one = json_object();
                e = rv_spec_list(one, "Aliases", TEXTS(in, NetworkAliases));
                json_object_set_new(config, "NetworkingConfig",
                                    json_pack("{s{so}}", "EndpointsConfig",
                                              in->has_Network ? in->Network : "bridge", one));
        }
        return e ? e : spec_host(in, config, host, err);
}

int rv_container_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Create_in *in = args;
        char runtime[128] = "", id[80] = "";
        struct rv_engine *engine;
        json_t *config = json_object(), *made = NULL;
        int e = in->has_Name ? rv_spec_name(in->Name, "Name", err) : RV_OK;
        if (e == RV_OK)
                e = spec(in, config, err);
        if (e == RV_OK)
                e = rv_container_engine(in->has_Engine, in->Engine, &engine, err);
        if (e == RV_OK)
                e = rv_spec_runtime(engine, c, in->has_Isolation ? in->Isolation : NULL,
                                    in->has_Runtime ? in->Runtime : NULL, runtime, sizeof runtime, err);
        if (e == RV_OK)
                e = rv_container_image(c, engine, in->Image, err);
        if (e == RV_OK && in->has_Name)
                e = rv_container_name_free(c, engine, in->Name, err);
        if (e == RV_OK && *runtime)
                json_object_set_new(json_object_get(config, "HostConfig"), "Runtime", json_string(runtime));
        if (e == RV_OK) {
                rv_change(c, "Name", NULL, in->has_Name ? in->Name : "(a name of the engine's choice)");
                rv_change(c, "Image", NULL, in->Image);
                if (*runtime)
                        rv_change(c, "Runtime", NULL, runtime);
                if (!c->what_if)
                        e = rv_container_make(c, engine, in->has_Name ? in->Name : NULL, config,
                                              in->has_Start && in->Start, id, &made, err);
        }
        if (e == RV_OK && made) {
                Container_Create_out_set_Id(c->out, id, strlen(id));
                rv_json_list(c->out, Container_Create_out_Warnings, json_object_get(made, "Warnings"));
        }
        json_decref(made);
        json_decref(config);
        if (e == RV_OK)
                Container_Create_out_set_ReturnValue(c->out, 0);
        return e;
}
