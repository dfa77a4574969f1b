/* SPDX-License-Identifier: MIT
 *
 * Container: the containers of this host's engines. Read from a model that the engine's events feed (lib/containers.h),
 * changed by the engine's API (lib/engine.h); nothing is done by a command line.
 *
 * Isolation is one property: which of the engine's registered runtimes runs a container. One that was asked for and is
 * not registered is refused before anything is made; nothing is ever run with less than was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Container.h"
#include "providers/lib/cgroup.h"
#include "providers/lib/cgstat.h"
#include "providers/lib/containerbring.h"
#include "providers/lib/containerchange.h"
#include "providers/lib/containernew.h"
#include "providers/lib/containers.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containerstream.h"
#include "providers/lib/containertext.h"
#include "providers/lib/engine.h"
#include "providers/lib/enginestream.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/procfs.h"
#include "schema/json.h"

/* ---- reading ---- */

static const struct rv_json_rule rules[] = {
        { Container_Id, "Id", RV_J_TEXT },
        { Container_Image, "Config/Image", RV_J_TEXT },
        { Container_ImageId, "Image", RV_J_TEXT },
        { Container_State, "State/Status", RV_J_TEXT },
        { Container_HealthFailingStreak, "State/Health/FailingStreak", RV_J_UINT },
        { Container_Error, "State/Error", RV_J_TEXT },
        { Container_OomKilled, "State/OOMKilled", RV_J_BOOL },
        { Container_ProcessId, "State/Pid", RV_J_SOME },
        { Container_Created, "Created", RV_J_TIME },
        { Container_StartedAt, "State/StartedAt", RV_J_TIME },
        { Container_FinishedAt, "State/FinishedAt", RV_J_TIME },
        { Container_RestartCount, "RestartCount", RV_J_UINT },
        { Container_Runtime, "HostConfig/Runtime", RV_J_TEXT },
        { Container_Privileged, "HostConfig/Privileged", RV_J_BOOL },
        { Container_Path, "Path", RV_J_TEXT },
        { Container_Args, "Args", RV_J_LIST },
        { Container_Entrypoint, "Config/Entrypoint", RV_J_LIST },
        { Container_Cmd, "Config/Cmd", RV_J_LIST },
        { Container_WorkingDirectory, "Config/WorkingDir", RV_J_TEXT },
        { Container_User, "Config/User", RV_J_TEXT },
        { Container_HostName, "Config/Hostname", RV_J_TEXT },
        { Container_Domainname, "Config/Domainname", RV_J_TEXT },
        { Container_Environment, "Config/Env", RV_J_LIST },
        { Container_Tty, "Config/Tty", RV_J_BOOL },
        { Container_OpenStdin, "Config/OpenStdin", RV_J_BOOL },
        { Container_Labels, "Config/Labels", RV_J_MAP },
        { Container_ExposedPorts, "Config/ExposedPorts", RV_J_KEYS },
        { Container_Networks, "NetworkSettings/Networks", RV_J_KEYS },
        { Container_NetworkMode, "HostConfig/NetworkMode", RV_J_TEXT },
        { Container_MaximumRetryCount, "HostConfig/RestartPolicy/MaximumRetryCount", RV_J_SOME },
        { Container_AutoRemove, "HostConfig/AutoRemove", RV_J_BOOL },
        { Container_ReadonlyRootfs, "HostConfig/ReadonlyRootfs", RV_J_BOOL },
        { Container_CapAdd, "HostConfig/CapAdd", RV_J_LIST },
        { Container_CapDrop, "HostConfig/CapDrop", RV_J_LIST },
        { Container_SecurityOpt, "HostConfig/SecurityOpt", RV_J_LIST },
        { Container_Dns, "HostConfig/Dns", RV_J_LIST },
        { Container_ExtraHosts, "HostConfig/ExtraHosts", RV_J_LIST },
        { Container_PidMode, "HostConfig/PidMode", RV_J_TEXT },
        { Container_IpcMode, "HostConfig/IpcMode", RV_J_TEXT },
        { Container_Init, "HostConfig/Init", RV_J_BOOL },
        { Container_ShmSize, "HostConfig/ShmSize", RV_J_UINT },
        { Container_MemoryLimit, "HostConfig/Memory", RV_J_SOME },
        { Container_MemorySwap, "HostConfig/MemorySwap", RV_J_SOME },
        { Container_MemoryReservation, "HostConfig/MemoryReservation", RV_J_SOME },
        { Container_CpuShares, "HostConfig/CpuShares", RV_J_SOME },
        { Container_CpusetCpus, "HostConfig/CpusetCpus", RV_J_TEXT },
        { Container_PidsLimit, "HostConfig/PidsLimit", RV_J_SOME },
        { Container_BlkioWeight, "HostConfig/BlkioWeight", RV_J_SOME },
        { Container_OomScoreAdj, "HostConfig/OomScoreAdj", RV_J_INT },
        { Container_StopSignal, "Config/StopSignal", RV_J_TEXT },
        { Container_StopTimeout, "Config/StopTimeout", RV_J_UINT },
        { Container_HealthTest, "Config/Healthcheck/Test", RV_J_LIST },
        { Container_HealthInterval, "Config/Healthcheck/Interval", RV_J_SOME },
        { Container_HealthTimeout, "Config/Healthcheck/Timeout", RV_J_SOME },
        { Container_HealthRetries, "Config/Healthcheck/Retries", RV_J_SOME },
        { Container_LogDriver, "HostConfig/LogConfig/Type", RV_J_TEXT },
        { Container_LogOptions, "HostConfig/LogConfig/Config", RV_J_MAP },
        { Container_LogPath, "LogPath", RV_J_TEXT },
        { Container_StorageDriver, "Driver", RV_J_TEXT },
        { Container_Platform, "Platform", RV_J_TEXT },
        { Container_Project, "Config/Labels/com.docker.compose.project", RV_J_TEXT },
        { Container_Service, "Config/Labels/com.docker.compose.service", RV_J_TEXT },
};

static void fill_addresses(struct rv_row *row, json_t *doc)
{
        const char *name, *what[] = { "IPAddress", "GlobalIPv6Address" };
        json_t *network, *networks = rv_j_at(doc, "NetworkSettings/Networks");
        uint32_t n = 0;
        unsigned addressed = 0;
        if (!Container_wants_IPAddresses(row) && !Container_wants_IPAddress(row))
                return;
        for (int fill = 0; fill < 2; fill++) {
                rv_list list = fill && n ? Container_set_IPAddresses(row, n) : 0;
                n = 0;
                json_object_foreach(networks, name, network) for (unsigned k = 0; k < 2; k++)
                {
                        const char *ip = rv_j_text(network, what[k]);
                        if (ip && !fill && k == 0 && !addressed++)
                                rv_fill(row, Container_IPAddress, ip);
                        if (ip && list) {
                                rv_item_string(row, list, n, name, strlen(name));
                                rv_item_string(row, list, n + 1, ip, strlen(ip));
                        }
                        n += ip ? 2 : 0;
                }
        }
}

/* What is put together from several places, each only where it is wanted. */
static void fill_texts(struct rv_row *row, json_t *doc)
{
        struct rv_lines a, b;
        char status[128];
        if (Container_wants_Status(row)) {
                rv_container_status(doc, status, sizeof status);
                rv_fill(row, Container_Status, status);
        }
        if (Container_wants_Command(row)) {
                rv_lines_clear(&a);
                rv_container_command(doc, &a);
                rv_fill(row, Container_Command, a.all);
        }
        if (Container_wants_Ports(row)) {
                rv_lines_clear(&a);
                rv_container_ports(doc, &a);
                rv_lines_set(row, Container_Ports, &a);
        }
        if (Container_wants_PortBindings(row)) {
                rv_lines_clear(&a);
                rv_container_bindings(doc, &a);
                rv_lines_set(row, Container_PortBindings, &a);
        }
        if (Container_wants_Devices(row)) {
                rv_lines_clear(&a);
                rv_container_devices(doc, &a);
                rv_lines_set(row, Container_Devices, &a);
        }
        if (Container_wants_Mounts(row) || Container_wants_Volumes(row)) {
                rv_lines_clear(&a);
                rv_lines_clear(&b);
                rv_container_mounts(doc, &a, &b);
                rv_lines_set(row, Container_Mounts, &a);
                rv_lines_set(row, Container_Volumes, &b);
        }
}

static void fill_health(struct rv_row *row, json_t *doc)
{
        if (!Container_wants_Health(row) && !Container_wants_HealthOutput(row))
                return;
        const char *health = rv_j_text(doc, "State/Health/Status");
        json_t *log = rv_j_at(doc, "State/Health/Log");
        if (health && strcmp(health, "none") != 0)
                rv_fill(row, Container_Health, health);
        if (json_array_size(log))
                rv_fill(row, Container_HealthOutput,
                        rv_j_text(json_array_get(log, json_array_size(log) - 1), "Output"));
}

static void fill_usage(struct rv_row *row, json_t *doc)
{
        struct rv_cgstat s;
        unsigned want = 0;
        want |= Container_wants_CpuUsage(row) ? RV_CGSTAT_CPU : 0;
        want |= Container_wants_MemoryUsage(row) ? RV_CGSTAT_MEMORY : 0;
        want |= Container_wants_PidsCurrent(row) ? RV_CGSTAT_PIDS : 0;
        want |= Container_wants_BlockRead(row) || Container_wants_BlockWritten(row) ? RV_CGSTAT_IO : 0;
        want |= Container_wants_NetworkReceived(row) || Container_wants_NetworkSent(row) ? RV_CGSTAT_NET : 0;
        unsigned pid = want ? (unsigned)rv_j_number(doc, "State/Pid") : 0;
        if (pid && strcmp(rv_or_empty(rv_j_text(doc, "HostConfig/NetworkMode")), "host") == 0)
                want &= ~(unsigned)RV_CGSTAT_NET;
        if (!pid || !want)
                return;
        rv_cgstat(pid, rv_j_text(doc, "Id"), want, &s);
        if (s.has & RV_CGSTAT_CPU)
                Container_set_CpuUsage(row, s.cpu);
        if (s.has & RV_CGSTAT_MEMORY)
                Container_set_MemoryUsage(row, s.memory);
        if (s.has & RV_CGSTAT_PIDS)
                Container_set_PidsCurrent(row, s.pids);
        if (s.has & RV_CGSTAT_IO) {
                Container_set_BlockRead(row, s.read);
                Container_set_BlockWritten(row, s.written);
        }
        if (s.has & RV_CGSTAT_NET) {
                Container_set_NetworkReceived(row, s.received);
                Container_set_NetworkSent(row, s.sent);
        }
}

static void fill_cgroup(struct rv_row *row, json_t *doc)
{
        char path[64], all[4096] = "", group[RV_CGROUP_PATH];
        unsigned pid = Container_wants_ControlGroup(row) ? (unsigned)rv_j_number(doc, "State/Pid") : 0;
        if (!pid)
                return;
        snprintf(path, sizeof path, "/proc/%u/cgroup", pid);
        ssize_t n = rv_proc_read(AT_FDCWD, path, all, sizeof all);
        if (n > 0 && rv_cgroup_path(all, group))
                rv_fill(row, Container_ControlGroup, group);
}

/* Measuring files is the engine's work, and long: only where it was asked for by name. */
static void fill_size(struct rv_row *row, struct rv_engine *e, json_t *doc, const struct rv_query *q)
{
        char path[200];
        json_t *sized = NULL;
        if (!Container_wants_SizeRw(row) && !Container_wants_SizeRootFs(row))
                return;
        snprintf(path, sizeof path, "/containers/%.64s/json?size=1", rv_or_empty(rv_j_text(doc, "Id")));
        struct rv_engine_ask a = { .engine = e,
                                   .call = q->call,
                                   .deadline = q->deadline,
                                   .method = "GET",
                                   .path = path,
                                   .what = "cannot measure a container",
                                   .file = -1 };
        static const struct rv_json_rule size[] = { { Container_SizeRw, "SizeRw", RV_J_UINT },
                                                    { Container_SizeRootFs, "SizeRootFs", RV_J_UINT } };
        if (rv_engine_ask(&a, &sized, NULL) == RV_OK)
                rv_json_fill(row, sized, size, 2);
        json_decref(sized);
}

/* Looking a value up in the document costs more than asking whether it is wanted. */
static void fill_single(struct rv_row *row, json_t *doc)
{
        if (Container_wants_RestartPolicy(row)) {
                const char *policy = rv_j_text(doc, "HostConfig/RestartPolicy/Name");
                rv_fill(row, Container_RestartPolicy, policy ? policy : "no");
        }
        if (Container_wants_Isolation(row))
                rv_fill(row, Container_Isolation,
                        rv_spec_sandboxed(rv_j_text(doc, "HostConfig/Runtime")) ? "hyperv" : "process");
        if (Container_wants_CpuLimit(row) && rv_j_number(doc, "HostConfig/NanoCpus") > 0)
                Container_set_CpuLimit(row, (double)rv_j_number(doc, "HostConfig/NanoCpus") / 1e9);
        if (Container_wants_Number(row)) {
                const char *number = rv_j_text(doc, "Config/Labels/com.docker.compose.container-number");
                if (number)
                        Container_set_Number(row, (uint32_t)strtoul(number, NULL, 10));
        }
        if (Container_wants_ExitCode(row)) {
                const char *state = rv_or_empty(rv_j_text(doc, "State/Status"));
                if (strcmp(state, "exited") == 0 || strcmp(state, "dead") == 0)
                        Container_set_ExitCode(row, (int32_t)rv_j_number(doc, "State/ExitCode"));
        }
}

static void fill(struct rv_row *row, struct rv_engine *e, json_t *doc, const struct rv_query *q)
{
        rv_json_fill(row, doc, rules, sizeof rules / sizeof *rules);
        if (Container_wants_ShortId(row))
                rv_fill_n(row, Container_ShortId, rv_or_empty(rv_j_text(doc, "Id")), 12);
        if (Container_wants_Name(row)) {
                const char *name = rv_or_empty(rv_j_text(doc, "Name"));
                rv_fill(row, Container_Name, name + (*name == '/'));
        }
        rv_fill(row, Container_Engine, e->name);
        fill_single(row, doc);
        fill_texts(row, doc);
        fill_addresses(row, doc);
        fill_health(row, doc);
        fill_usage(row, doc);
        fill_cgroup(row, doc);
        fill_size(row, e, doc, q);
}

static int emit(const struct rv_query *q, struct rv_engine *e, json_t *docs, struct rv_sink *out)
{
        json_t *doc;
        size_t i;
        int r = RV_OK;
        json_array_foreach(docs, i, doc)
        {
                struct rv_row *row = rv_row(out);
                fill(row, e, doc, q);
                r = rv_cancelled(q->call) ? RV_STOP : rv_emit(out, row);
                if (r)
                        break;
        }
        return r;
}

static int container_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *id = rv_equals(q, Container_Id), *name = rv_equals(q, Container_Name),
                            *of = rv_equals(q, Container_Engine);
        const char *only = id ? id->s : name ? name->s : NULL;
        unsigned asked = 0, failed = 0;
        int r = RV_OK;
        for (struct rv_engine *e = rv_engines; e->name && r != RV_STOP && r >= 0; e++) {
                struct rv_containers *m = rv_engine_here(e) && !(of && strcasecmp(of->s, e->name) != 0)
                                                  ? rv_containers_of(e)
                                                  : NULL;
                json_t *docs = NULL;
                if (!m)
                        continue;
                struct rv_error why = { 0 };
                if (only && q->fresh)
                        rv_containers_doubt(m, only);
                int got = rv_containers_read(m, only, q->call, q->deadline, &docs, &why);
                asked++;
                if (got == RV_OK)
                        r = emit(q, e, docs, out);
                else if (got < 0)
                        r = got;
                else if (failed++ == 0)
                        *err = why;
                else
                        rv_partial(out, &why);
                json_decref(docs);
        }
        if (r == RV_STOP && rv_cancelled(q->call)) /* not the reader's wish: what is missing is told */
                return rv_fail(err, RV_TIMED_OUT, "the deadline came before all containers were read");
        if (r == RV_OK && failed && failed == asked)
                return err->code;
        if (r == RV_OK && failed)
                rv_partial(out, err);
        return r == RV_STOP ? RV_OK : r;
}

static bool listed(json_t *docs, const char *member, const char *value)
{
        json_t *doc;
        size_t i;
        json_array_foreach(docs, i, doc)
        {
                const char *has = rv_or_empty(rv_j_text(doc, member));
                if (strcasecmp(has + (*has == '/'), value) == 0)
                        return true;
        }
        return false;
}

/* On the loop: what the model has, when it is known to be right and little. Usage is read from files, and is not. */
static int container_peek(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const uint16_t files[] = { Container_CpuUsage,   Container_MemoryUsage,  Container_PidsCurrent,
                                          Container_BlockRead,  Container_BlockWritten, Container_NetworkReceived,
                                          Container_NetworkSent, Container_ControlGroup, Container_SizeRw,
                                          Container_SizeRootFs };
        struct rv_engine *e = rv_engine_find(NULL);
        json_t *docs = NULL;
        (void)err;
        for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
                if (rv_asked(q, files[i]))
                        return RV_FULL;
        for (struct rv_engine *other = e ? e + 1 : NULL; other && other->name; other++)
                if (rv_engine_here(other))
                        return RV_FULL;
        if (!e || rv_equals(q, Container_Engine) || !rv_containers_peek(rv_containers_of(e), &docs))
                return RV_FULL;
        const struct rv_arg *id = rv_equals(q, Container_Id), *name = rv_equals(q, Container_Name);
        bool known = id ? listed(docs, "Id", id->s) : !name || listed(docs, "Name", name->s);
        int r = known && json_array_size(docs) <= 128 ? emit(q, e, docs, out) : RV_FULL;
        json_decref(docs);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- changing ---- */

static int begin(struct rv_call *c, struct rv_container_change *ch, const char *verb, struct rv_error *err)
{
        const struct rv_arg *id = &c->key[Container_Id], *name = &c->key[Container_Name];
        const char *key = id->type == RV_STRING ? id->s : name->type == RV_STRING ? name->s : NULL;
        return rv_container_begin(c, key, ch, verb, err);
}

static int end(struct rv_call *c, struct rv_container_change *ch, int e)
{
        if (e == RV_OK)
                Container_Start_out_set_ReturnValue(c->out, 0);
        return rv_container_end(c, ch, e);
}

/* A change of state. already: what it is in when there is nothing to do. */
static int state(struct rv_call *c, const char *verb, const char *rest, const char *already, const char *to,
                 struct rv_error *err)
{
        struct rv_container_change ch;
        int e = begin(c, &ch, verb, err);
        if (e)
                return e;
        if (already && strcmp(ch.state, already) == 0)
                return end(c, &ch, RV_OK);
        rv_change(c, "State", ch.state, to);
        if (!c->what_if)
                e = rv_container_tell(c, &ch, "POST", rest, NULL, NULL, err);
        return end(c, &ch, e);
}

static int container_start(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_container_change ch;
        (void)in;
        int e = begin(c, &ch, "start", err);
        if (e)
                return e;
        if (strcmp(ch.state, "running") == 0)
                return end(c, &ch, RV_OK);
        rv_change(c, "State", ch.state, "running");
        if (!c->what_if)
                e = rv_container_tell(c, &ch, "POST", strcmp(ch.state, "paused") == 0 ? "/unpause" : "/start",
                                      NULL, NULL, err);
        if (!c->what_if && e == RV_OK)
                e = rv_container_settled(c, &ch, err);
        return end(c, &ch, e);
}

static int stop(struct rv_call *c, const char *verb, const char *to, bool has, uint32_t seconds,
                struct rv_error *err)
{
        struct rv_container_change ch;
        char rest[64];
        int e = begin(c, &ch, verb, err);
        if (e)
                return e;
        bool still = strcmp(ch.state, "running") != 0 && strcmp(ch.state, "paused") != 0 &&
                     strcmp(ch.state, "restarting") != 0;
        if (still && *verb == 's')
                return end(c, &ch, RV_OK);
        rv_change(c, "State", ch.state, to);
        snprintf(rest, sizeof rest, has ? "/%s?t=%u" : "/%s", verb, seconds);
        if (!c->what_if)
                e = rv_container_tell(c, &ch, "POST", rest, NULL, NULL, err);
        if (!c->what_if && e == RV_OK && *verb == 'r')
                e = rv_container_settled(c, &ch, err);
        return end(c, &ch, e);
}
static int container_stop(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Stop_in *in = args;
        return stop(c, "stop", "exited", in->has_Timeout, in->Timeout, err);
}
static int container_restart(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Restart_in *in = args;
        return stop(c, "restart", "running", in->has_Timeout, in->Timeout, err);
}
static int container_pause(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return state(c, "pause", "/pause", "paused", "paused", err);
}
static int container_unpause(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return state(c, "unpause", "/unpause", "running", "running", err);
}

static int container_kill(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Kill_in *in = args;
        const char *signal = in->has_Signal ? in->Signal : "SIGKILL";
        struct rv_container_change ch;
        char rest[128] = "/kill?signal=";
        int e = begin(c, &ch, "signal", err);
        if (e)
                return e;
        rv_change(c, "Signal", NULL, signal);
        rv_http_escape(rest, sizeof rest, signal);
        if (!c->what_if)
                e = rv_container_tell(c, &ch, "POST", rest, NULL, NULL, err);
        else if (strcmp(ch.state, "running") != 0 && strcmp(ch.state, "paused") != 0)
                e = rv_fail(err, RV_FAILED, "%s: it does not run", ch.what);
        return end(c, &ch, e);
}

static int container_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Remove_in *in = args;
        struct rv_container_change ch;
        char rest[48];
        bool force = in->has_Force && in->Force, volumes = in->has_Volumes && in->Volumes;
        int e = begin(c, &ch, "remove", err);
        if (e)
                return e;
        bool runs = strcmp(ch.state, "running") == 0 || strcmp(ch.state, "paused") == 0 ||
                    strcmp(ch.state, "restarting") == 0;
        if (runs && !force) {
                rv_fail(err, RV_FAILED, "%s: it is %s", ch.what, ch.state);
                return end(c, &ch, rv_hint(err, "Stop-Container first, or -Force to have it killed."));
        }
        rv_change(c, "State", ch.state, NULL);
        snprintf(rest, sizeof rest, "?force=%d&v=%d", force, volumes);
        if (!c->what_if)
                e = rv_container_tell(c, &ch, "DELETE", rest, NULL, NULL, err);
        return end(c, &ch, e);
}

static int container_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Rename_in *in = args;
        struct rv_container_change ch;
        char rest[512] = "/rename?name=";
        int e = rv_spec_name(in->NewName, "NewName", err);
        if (e == RV_OK)
                e = begin(c, &ch, "rename", err);
        if (e)
                return e;
        rv_change(c, "Name", ch.name, in->NewName);
        rv_http_escape(rest, sizeof rest, in->NewName);
        if (!c->what_if)
                e = rv_container_tell(c, &ch, "POST", rest, NULL, NULL, err);
        return end(c, &ch, e);
}

/* ---- limits ---- */

static int container_update(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Update_in *in = args;
        struct rv_container_change ch;
        json_t *body = json_object(), *answer = NULL;
        int e = rv_spec_limits(body, in->has_MemoryLimit ? &in->MemoryLimit : NULL,
                       in->has_MemorySwap ? &in->MemorySwap : NULL,
                       in->has_MemoryReservation ? &in->MemoryReservation : NULL,
                       in->has_CpuLimit ? &in->CpuLimit : NULL, in->has_CpuShares ? &in->CpuShares : NULL,
                       in->has_CpusetCpus ? in->CpusetCpus : NULL, in->has_PidsLimit ? &in->PidsLimit : NULL,
                       err);
        if (e == RV_OK && in->has_RestartPolicy)
                e = rv_spec_restart(body, in->RestartPolicy, err);
        if (e == RV_OK && !json_object_size(body))
                e = rv_fail(err, RV_INVALID_PARAMETER, "nothing to change was given");
        if (e == RV_OK)
                e = begin(c, &ch, "change", err);
        if (e) {
                json_decref(body);
                return e;
        }
        const char *name;
        json_t *value;
        json_object_foreach(body, name, value)
        {
                json_t *had = json_object_get(json_object_get(ch.doc, "HostConfig"), name);
                char *from = json_dumps(had, JSON_ENCODE_ANY | JSON_COMPACT),
                     *to = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
                if (!json_equal(had, value))
                        rv_change(c, name, from, to);
                free(from);
                free(to);
        }
        if (!c->what_if)
                e = rv_container_tell(c, &ch, "POST", "/update", body, &answer, err);
        if (e == RV_OK)
                rv_json_list(c->out, Container_Update_out_Warnings, json_object_get(answer, "Warnings"));
        json_decref(answer);
        json_decref(body);
        return end(c, &ch, e);
}

/* ---- what goes on inside ---- */
#define TEXTS(in, p) ((struct rv_texts) { (in)->p, (in)->has_##p ? (in)->p##_n : 0, #p })


static int container_wait(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Wait_in *in = args;
        struct rv_container_change ch;
        char rest[64];
        json_t *answer = NULL;
        int e = begin(c, &ch, "wait for", err);
        if (e)
                return e;
        snprintf(rest, sizeof rest, "/wait?condition=%s", in->has_Condition ? in->Condition : "not-running");
        e = rv_container_tell(c, &ch, "POST", rest, NULL, &answer, err);
        if (e == RV_TIMED_OUT) {
                rv_fail(err, RV_TIMED_OUT, "%s: it still is %s", ch.what, ch.state);
                rv_hint(err, "The container goes on. A longer time can be given to the call.");
        }
        if (e == RV_OK)
                Container_Wait_out_set_ExitCode(c->out, (int32_t)rv_j_number(answer, "StatusCode"));
        json_decref(answer);
        return end(c, &ch, e);
}

#define OUTPUT (4u << 20) /* bytes of each stream that are kept */
#define MOST_LINES 100000u

static int container_logs(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_GetLogs_in *in = args;
        struct rv_container_change ch;
        struct rv_http h;
        struct rv_output o = { .most = OUTPUT, .tail = true };
        char path[400];
        int e = begin(c, &ch, "read the output of", err);
        if (e)
                return e;
        int n = snprintf(path, sizeof path,
                         "/containers/%s/logs?stdout=1&stderr=1&timestamps=%d&tail=", ch.id,
                         in->has_Timestamps && in->Timestamps);
        n += snprintf(path + n, sizeof path - (size_t)n, "%u", in->has_Tail ? in->Tail : MOST_LINES);
        if (in->has_Since)
                n += snprintf(path + n, sizeof path - (size_t)n, "&since=%lld.%09lld",
                              (long long)(in->Since / 1000000000), (long long)(in->Since % 1000000000));
        /* Without an end, one that writes faster than it is read would never come to one. */
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t until = in->has_Until ? in->Until : now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        snprintf(path + n, sizeof path - (size_t)n, "&until=%lld.%09lld", (long long)(until / 1000000000),
                 (long long)(until % 1000000000));
        struct rv_engine_ask a = { .engine = ch.engine,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = "GET",
                                   .path = path,
                                   .what = ch.what,
                                   .file = -1 };
        e = rv_engine_open(&a, &h, err);
        if (e == RV_OK) {
                int r = rv_output_read(&h, !rv_j_true(ch.doc, "Config/Tty"), &o);
                rv_http_close(&h);
                if (r)
                        e = rv_engine_fail(err, ch.engine, r, ch.what);
        }
        if (e == RV_OK) {
                Container_GetLogs_out_set_Output(c->out, rv_or_empty(o.text[0]), o.n[0]);
                Container_GetLogs_out_set_ErrorOutput(c->out, rv_or_empty(o.text[1]), o.n[1]);
                Container_GetLogs_out_set_Truncated(c->out, o.truncated);
        }
        rv_output_free(&o);
        return end(c, &ch, e);
}

static int container_exec(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Exec_in *in = args;
        struct rv_container_change ch;
        struct rv_output o = { .most = OUTPUT };
        json_t *config = json_pack("{sb sb sb}", "AttachStdout", 1, "AttachStderr", 1, "AttachStdin",
                                   in->has_InputText);
        int status = 0,
            e = in->Command_n ? RV_OK : rv_fail(err, RV_INVALID_PARAMETER, "a command has at least one word");
        if (e == RV_OK)
                e = rv_spec_list(config, "Cmd", TEXTS(in, Command));
        if (e == RV_OK)
                e = rv_spec_environment(config, TEXTS(in, Environment), err);
        rv_spec_text(config, "User", in->has_User, in->User);
        rv_spec_text(config, "WorkingDir", in->has_WorkingDirectory, in->WorkingDirectory);
        rv_spec_flag(config, "Privileged", in->has_Privileged, in->Privileged);
        if (e == RV_OK)
                e = begin(c, &ch, "run a command in", err);
        if (e) {
                json_decref(config);
                return e;
        }
        e = rv_container_must_run(&ch, err);
        rv_change(c, "Command", NULL, in->Command_n ? in->Command[0].s : NULL);
        if (e == RV_OK && !c->what_if)
                e = rv_engine_exec(ch.engine, c, c->deadline, ch.id, config,
                                   in->has_InputText ? in->InputText : NULL,
                                   in->has_InputText ? in->InputText_len : 0, ch.what, &o, &status, err);
        if (e == RV_OK && !c->what_if) {
                Container_Exec_out_set_ExitCode(c->out, status);
                Container_Exec_out_set_Output(c->out, o.text[0] ? o.text[0] : "", o.n[0]);
                Container_Exec_out_set_ErrorOutput(c->out, o.text[1] ? o.text[1] : "", o.n[1]);
                Container_Exec_out_set_Truncated(c->out, o.truncated);
        }
        rv_output_free(&o);
        json_decref(config);
        return end(c, &ch, e);
}

/* Inside a sandbox the host sees nothing, and the engine's own top looks the sandbox's ids up among the host's: ps of
 * the inside is asked instead. */
static int top_inside(struct rv_call *c, struct rv_container_change *ch, struct rv_error *err)
{
        struct rv_output o = { .most = OUTPUT };
        int status = 0;
        json_t *config = json_pack("{sb sb s[sss]}", "AttachStdout", 1, "AttachStderr", 1, "Cmd", "ps", "-o",
                                   "pid,args");
        int e = rv_engine_exec(ch->engine, c, c->deadline, ch->id, config, NULL, 0, ch->what, &o, &status,
                               err);
        if (e == RV_OK && status) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: it has no ps (status %d)", ch->what, status);
                e = rv_hint(err, "Its kernel is its own (%s): only a program inside knows.",
                            rv_or_empty(rv_j_text(ch->doc, "HostConfig/Runtime")));
        }
        if (e == RV_OK)
                rv_processes_list(c->out, Container_Top_out_ProcessIds, Container_Top_out_Commands,
                                  o.text[0] ? o.text[0] : "");
        rv_output_free(&o);
        json_decref(config);
        return e;
}

static int container_top(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_container_change ch;
        (void)in;
        int e = begin(c, &ch, "list the processes of", err);
        if (e)
                return e;
        e = rv_container_must_run(&ch, err);
        if (e == RV_OK && rv_spec_sandboxed(rv_j_text(ch.doc, "HostConfig/Runtime")))
                e = top_inside(c, &ch, err);
        else if (e == RV_OK) {
                char *all = rv_cgstat_processes((unsigned)rv_j_number(ch.doc, "State/Pid"));
                if (all)
                        rv_processes_list(c->out, Container_Top_out_ProcessIds, Container_Top_out_Commands,
                                          all);
                else
                        e = rv_fail(err, RV_UNAVAILABLE, "%s: its control group cannot be read", ch.what);
                free(all);
        }
        return end(c, &ch, e);
}

static int container_commit(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Commit_in *in = args;
        struct rv_container_change ch;
        char path[3000];
        json_t *made = NULL;
        int e = begin(c, &ch, "make an image of", err);
        if (e)
                return e;
        snprintf(path, sizeof path, "/commit?container=%s&pause=%d&repo=", ch.id,
                 !(in->has_NoPause && in->NoPause));
        rv_http_escape(path, sizeof path, in->has_Repository ? in->Repository : "");
        strncat(path, "&tag=", sizeof path - strlen(path) - 1);
        rv_http_escape(path, sizeof path, in->has_Tag ? in->Tag : "");
        strncat(path, "&comment=", sizeof path - strlen(path) - 1);
        rv_http_escape(path, sizeof path, in->has_Comment ? in->Comment : "");
        strncat(path, "&author=", sizeof path - strlen(path) - 1);
        rv_http_escape(path, sizeof path, in->has_Author ? in->Author : "");
        struct rv_engine_ask a = { .engine = ch.engine,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = "POST",
                                   .path = path,
                                   .what = ch.what,
                                   .file = -1 };
        rv_change(c, "Image", NULL, in->has_Repository ? in->Repository : "(no name)");
        if (!c->what_if)
                e = rv_engine_ask(&a, &made, err);
        const char *id = rv_j_text(made, "Id");
        if (e == RV_OK && id)
                Container_Commit_out_set_ImageId(c->out, id, strlen(id));
        json_decref(made);
        return end(c, &ch, e);
}

static int container_changes(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_container_change ch;
        json_t *all = NULL, *one;
        size_t i;
        (void)in;
        int e = begin(c, &ch, "list the changes of", err);
        if (e == RV_OK) {
                e = rv_container_tell(c, &ch, "GET", "/changes", NULL, &all, err);
                json_t *texts = json_array();
                json_array_foreach(all, i, one)
                {
                        int64_t kind = rv_j_number(one, "Kind");
                        json_array_append_new(texts,
                                              json_sprintf("%c %s", "CAD"[kind >= 0 && kind < 3 ? kind : 0],
                                                           rv_or_empty(rv_j_text(one, "Path"))));
                }
                if (e == RV_OK)
                        rv_json_list(c->out, Container_Changes_out_Paths, texts);
                json_decref(texts);
                json_decref(all);
                e = end(c, &ch, e);
        }
        return e;
}

static int container_prune(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Prune_in *in = args;
        struct rv_engine *engine;
        json_t *answer = NULL, *one;
        size_t i;
        int e = rv_container_engine(in->has_Engine, in->Engine, &engine, err);
        if (e)
                return e;
        struct rv_engine_ask a = { .engine = engine,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .file = -1,
                                   .method = "GET",
                                   .path = "/containers/"
                                           "json?all=1&filters=%7B%22status%22%3A%5B%22exited%22%2C%"
                                           "22created%22%2C%22dead%22%5D%7D",
                                   .what = "cannot remove the containers that have ended" };
        e = rv_engine_ask(&a, &answer, err);
        json_array_foreach(answer, i, one)
                rv_change(c, rv_or_empty(json_string_value(json_array_get(json_object_get(one, "Names"), 0))),
                          rv_j_text(one, "State"), NULL);
        json_decref(answer);
        answer = NULL;
        if (e == RV_OK && !c->what_if) {
                a.method = "POST";
                a.path = "/containers/prune";
                e = rv_engine_ask(&a, &answer, err);
        }
        if (e == RV_OK) {
                rv_json_list(c->out, Container_Prune_out_Removed,
                             json_object_get(answer, "ContainersDeleted"));
                Container_Prune_out_set_SpaceReclaimed(c->out,
                                                       (uint64_t)rv_j_number(answer, "SpaceReclaimed"));
                Container_Prune_out_set_ReturnValue(c->out, 0);
        }
        json_decref(answer);
        return e;
}

/* ---- the table ---- */

/* Watched is the first engine that is here; another's changes are found by comparing. */
static int push_open(struct rv_error *err)
{
        struct rv_engine *e = rv_engine_find(NULL);
        struct rv_containers *m = e ? rv_containers_of(e) : NULL;
        return m ? rv_containers_watch(m)
                 : (rv_fail(err, RV_UNAVAILABLE, "this host has no container engine"), -ENOENT);
}
static int push_read(int fd, struct rv_news *news)
{
        uint64_t n;
        if (read(fd, &n, sizeof n) == sizeof n)
                rv_news_changed(news);
        return 0;
}
static void push_close(int fd)
{
        for (struct rv_engine *e = rv_engines; e->name; e++) {
                struct rv_containers *m = rv_engine_here(e) ? rv_containers_of(e) : NULL;
                if (m)
                        rv_containers_unwatch(m, fd);
        }
        close(fd);
}
static const uint16_t silent[] = { Container_Status };
static const struct rv_push push = { .covers = RV_PUSH_ALL,
                                     .silent = silent,
                                     .nsilent = 1,
                                     .open = push_open,
                                     .read = push_read,
                                     .close = push_close };

static void container_idle(void)
{
        for (struct rv_engine *e = rv_engines; e->name; e++)
                if (rv_engine_here(e))
                        rv_containers_idle(rv_containers_of(e));
}

static int (*const methods[Container_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Container_method_Create] = rv_container_create,   [Container_method_Start] = container_start,
        [Container_method_Stop] = container_stop,       [Container_method_Kill] = container_kill,
        [Container_method_Restart] = container_restart, [Container_method_Pause] = container_pause,
        [Container_method_Unpause] = container_unpause, [Container_method_Remove] = container_remove,
        [Container_method_Rename] = container_rename,   [Container_method_Update] = container_update,
        [Container_method_Wait] = container_wait,       [Container_method_GetLogs] = container_logs,
        [Container_method_Exec] = container_exec,       [Container_method_Top] = container_top,
        [Container_method_Commit] = container_commit,   [Container_method_Changes] = container_changes,
        [Container_method_Prune] = container_prune,     [Container_method_FollowLogs] = rv_container_follow,
        [Container_method_ExecStream] = rv_container_exec_stream,
        [Container_method_Attach] = rv_container_attach, [Container_method_CopyTo] = rv_container_copy_to,
        [Container_method_CopyFrom] = rv_container_copy_from,
};

static const struct rv_provider container = { .class = &Container_class,
                                              .query = container_query,
                                              .peek = container_peek,
                                              .methods = methods,
                                              .create = rv_container_made,
                                              .modify = rv_container_brought,
                                              .remove = rv_container_gone,
                                              .meets = rv_container_meets,
                                              .push = &push,
                                              .idle = container_idle,
                                              .threads = 8 };

RV_PROVIDERS(container, &container);
