/* SPDX-License-Identifier: MIT
 *
 * Container: the engine's containers. A list is one request, and properties that it does not have cost one more request
 * for each container (50 us of the engine), so those are read only when they are asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Container.h"
#include "providers/lib/container.h"
#include "providers/lib/engine.h"
#include "providers/lib/fill.h"

/* ---- reading ---- */

static const char *plain_name(const char *s)
{
        return s && *s == '/' ? s + 1 : s;
}

/* 0.0.0.0:8080->80/tcp, as docker ps has it. */
static void fill_ports(struct rv_row *row, json_t *ports)
{
        json_t *p;
        size_t i;
        char text[200];
        if (!Container_wants_Ports(row) || !json_is_array(ports))
                return;
        rv_list list = Container_set_Ports(row, (uint32_t)json_array_size(ports));
        json_array_foreach(ports, i, p)
        {
                const char *ip = rv_engine_text(p, "IP"), *type = rv_engine_text(p, "Type");
                int outside = (int)rv_engine_int(p, "PublicPort"),
                    inside = (int)rv_engine_int(p, "PrivatePort");
                int n = outside ? snprintf(text, sizeof text,
                                           strchr(ip ? ip : "", ':') ? "[%s]:%d->%d/%s" : "%s:%d->%d/%s",
                                           ip ? ip : "", outside, inside, type ? type : "tcp")
                                : snprintf(text, sizeof text, "%d/%s", inside, type ? type : "tcp");
                rv_item_string(row, list, (uint32_t)i, text, (size_t)n);
        }
}

static void fill_mounts(struct rv_row *row, json_t *mounts)
{
        json_t *m;
        size_t i;
        if (!Container_wants_Mounts(row) || !json_is_array(mounts))
                return;
        rv_list list = Container_set_Mounts(row, (uint32_t)json_array_size(mounts));
        json_array_foreach(mounts, i, m)
        {
                char text[8192];
                const char *name = rv_engine_text(m, "Name"), *from = rv_engine_text(m, "Source"),
                           *to = rv_engine_text(m, "Destination");
                int n = snprintf(text, sizeof text, "%s:%s:%s",
                                 name && *name ? name
                                 : from        ? from
                                               : "",
                                 to ? to : "", json_is_true(json_object_get(m, "RW")) ? "rw" : "ro");
                rv_item_string(row, list, (uint32_t)i, text,
                               (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
        }
}

static void fill_networks(struct rv_row *row, json_t *networks)
{
        const char *name;
        json_t *net;
        uint32_t i = 0;
        bool addressed = false;
        if (Container_wants_Networks(row) && json_is_object(networks)) {
                rv_list list = Container_set_Networks(row, (uint32_t)json_object_size(networks));
                json_object_foreach(networks, name, net) rv_item_string(row, list, i++, name, strlen(name));
        }
        json_object_foreach(networks, name, net)
        {
                const char *ip = rv_engine_text(net, "IPAddress");
                if (ip && *ip && !addressed) {
                        addressed = true;
                        rv_fill(row, Container_IPAddress, ip);
                }
        }
}

static void fill_listed(struct rv_row *row, json_t *c)
{
        const char *id = rv_engine_text(c, "Id");
        json_t *labels = json_object_get(c, "Labels");
        int64_t t;
        rv_fill(row, Container_Id, id);
        rv_fill_n(row, Container_ShortId, id, id ? strnlen(id, 12) : 0);
        rv_fill(row, Container_Name,
                plain_name(json_string_value(json_array_get(json_object_get(c, "Names"), 0))));
        rv_fill(row, Container_Image, rv_engine_text(c, "Image"));
        rv_fill(row, Container_ImageId, rv_engine_text(c, "ImageID"));
        rv_fill(row, Container_Command, rv_engine_text(c, "Command"));
        rv_fill(row, Container_State, rv_engine_text(c, "State"));
        rv_fill(row, Container_Status, rv_engine_text(c, "Status"));
        if (rv_engine_time(c, "Created", &t))
                Container_set_Created(row, t);
        fill_ports(row, json_object_get(c, "Ports"));
        fill_mounts(row, json_object_get(c, "Mounts"));
        fill_networks(row, rv_engine_at(c, "NetworkSettings.Networks"));
        rv_engine_map(row, Container_Labels, labels);
        rv_fill(row, Container_Project,
                json_string_value(json_object_get(labels, "com.docker.compose.project")));
        rv_fill(row, Container_Service,
                json_string_value(json_object_get(labels, "com.docker.compose.service")));
}

static void fill_control_group(struct rv_row *row, long pid)
{
        char path[64], line[4096];
        snprintf(path, sizeof path, "/proc/%ld/cgroup", pid);
        FILE *f = Container_wants_ControlGroup(row) && pid > 0 ? fopen(path, "re") : NULL;
        while (f && fgets(line, sizeof line, f))
                if (strncmp(line, "0::", 3) == 0) {
                        line[strcspn(line, "\n")] = 0;
                        rv_fill(row, Container_ControlGroup, line + 3);
                }
        if (f)
                fclose(f);
}

static void fill_inspected(struct rv_row *row, json_t *c)
{
        int64_t t, n;
        const char *runtime = rv_engine_text(c, "HostConfig.Runtime"),
                   *state = rv_engine_text(c, "State.Status");
        rv_fill(row, Container_Health, rv_engine_text(c, "State.Health.Status"));
        rv_fill(row, Container_Runtime, runtime);
        if (runtime)
                rv_fill(row, Container_Isolation, rv_container_is_sandbox(runtime) ? "hyperv" : "process");
        if ((n = rv_engine_int(c, "State.Pid")) > 0)
                Container_set_ProcessId(row, (uint32_t)n);
        fill_control_group(row, (long)n);
        if (state && (strcmp(state, "exited") == 0 || strcmp(state, "dead") == 0))
                Container_set_ExitCode(row, (int32_t)rv_engine_int(c, "State.ExitCode"));
        Container_set_OomKilled(row, json_is_true(rv_engine_at(c, "State.OOMKilled")));
        rv_fill(row, Container_Error, rv_engine_text(c, "State.Error"));
        if (rv_engine_time(c, "State.StartedAt", &t))
                Container_set_StartedAt(row, t);
        if (rv_engine_time(c, "State.FinishedAt", &t))
                Container_set_FinishedAt(row, t);
        Container_set_RestartCount(row, (uint32_t)rv_engine_int(c, "RestartCount"));
        const char *policy = rv_engine_text(c, "HostConfig.RestartPolicy.Name");
        rv_fill(row, Container_RestartPolicy, policy && *policy ? policy : "no");
        Container_set_Privileged(row, json_is_true(rv_engine_at(c, "HostConfig.Privileged")));
        rv_fill(row, Container_HostName, rv_engine_text(c, "Config.Hostname"));
        rv_fill(row, Container_User, rv_engine_text(c, "Config.User"));
        rv_fill(row, Container_WorkingDirectory, rv_engine_text(c, "Config.WorkingDir"));
        rv_engine_list(row, Container_Environment, rv_engine_at(c, "Config.Env"));
        if ((n = rv_engine_int(c, "HostConfig.Memory")) > 0)
                Container_set_MemoryLimit(row, (uint64_t)n);
        if ((n = rv_engine_int(c, "HostConfig.NanoCpus")) > 0)
                Container_set_CpuLimit(row, (double)n / 1e9);
        if ((n = rv_engine_int(c, "HostConfig.PidsLimit")) > 0)
                Container_set_PidsLimit(row, (uint32_t)n);
        rv_fill(row, Container_LogPath, rv_engine_text(c, "LogPath"));
}

static bool needs_inspection(const struct rv_query *q)
{
        for (uint32_t p = 0; p < Container_class.nproperties; p++)
                if (Container_class.properties[p].flags & RV_EXPENSIVE && rv_asked(q, p))
                        return true;
        return false;
}

static int emit(const struct rv_query *q, struct rv_sink *out, json_t *c, bool inspects, struct rv_error *err)
{
        json_t *whole = NULL;
        struct rv_engine e = { .call = q->call,
                               .deadline = q->deadline,
                               .what = "cannot look at the container" };
        const char *id = rv_engine_text(c, "Id");
        if (inspects) {
                int r = rv_engine_get(&e, &whole, err, "/containers/%s/json", id ? id : "");
                if (r == RV_NOT_FOUND) { /* gone meanwhile */
                        if (err)
                                *err = (struct rv_error) { 0 };
                        return RV_OK;
                }
                if (r)
                        return r;
        }
        struct rv_row *row = rv_row(out);
        fill_listed(row, c);
        if (whole)
                fill_inspected(row, whole);
        json_decref(whole);
        return rv_emit(out, row);
}

/* What the engine itself can choose by: {"id":["..."]} */
static char *filters_of(const struct rv_query *q)
{
        static const struct {
                unsigned property;
                const char *name, *prefix;
        } known[] = { { Container_Id, "id", "" },
                      { Container_State, "status", "" },
                      { Container_Project, "label", "com.docker.compose.project=" } };
        json_t *f = json_object();
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                const struct rv_arg *v = rv_equals(q, known[i].property);
                char text[400];
                if (!v || v->type != RV_STRING || v->len > 300)
                        continue;
                snprintf(text, sizeof text, "%s%.300s", known[i].prefix, v->s);
                if (known[i].property == Container_State) /* another case would be refused */
                        for (char *p = text; *p; p++)
                                *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
                json_object_set_new(f, known[i].name, json_pack("[s]", text));
        }
        char *text = json_object_size(f) ? json_dumps(f, JSON_COMPACT) : NULL;
        json_decref(f);
        return text;
}

static int container_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_engine e = { .call = q->call, .deadline = q->deadline, .what = "cannot list containers" };
        char *filters = filters_of(q), encoded[4096] = "";
        json_t *list, *c;
        size_t i;
        bool inspects = needs_inspection(q);
        int r = rv_engine_get(&e, &list, err, "/containers/json?all=1%s%s", filters ? "&filters=" : "",
                              filters ? rv_engine_escape(encoded, sizeof encoded, filters) : "");
        free(filters);
        if (r == RV_INVALID_PARAMETER) { /* a state that the engine does not know */
                if (err)
                        *err = (struct rv_error) { 0 };
                return RV_OK;
        }
        json_array_foreach(list, i, c)
        {
                if (r == RV_OK)
                        r = emit(q, out, c, inspects, err);
        }
        json_decref(list);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- one container ---- */

struct target {
        struct rv_engine e;
        char id[200], what[300], name[160];
        char state[24];
};

/* Found first: what-if tells the truth, and messages name it. */
static int begin(struct rv_call *c, const char *doing, struct target *t, struct rv_error *err)
{
        json_t *j = NULL;
        *t = (struct target) { .e = { .call = c, .deadline = c->deadline, .what = t->what } };
        const struct rv_arg *id = &c->key[Container_Id];
        if (id->type != RV_STRING || !id->len || id->len > 64)
                return rv_fail(err, RV_INVALID_PARAMETER, "a container is named by its Id");
        snprintf(t->what, sizeof t->what, "cannot %s the container %.80s", doing, id->s);
        rv_engine_escape(t->id, sizeof t->id, id->s);
        int r = rv_engine_get(&t->e, &j, err, "/containers/%s/json", t->id);
        if (r == RV_OK) {
                snprintf(t->name, sizeof t->name, "%.150s",
                         plain_name(rv_engine_text(j, "Name")) ? plain_name(rv_engine_text(j, "Name")) : "");
                snprintf(t->state, sizeof t->state, "%.20s",
                         rv_engine_text(j, "State.Status") ? rv_engine_text(j, "State.Status") : "");
                snprintf(t->what, sizeof t->what, "cannot %s the container %.80s", doing,
                         t->name[0] ? t->name : id->s);
        }
        json_decref(j);
        return r;
}

static bool in_state(const struct target *t, const char *state)
{
        return strcmp(t->state, state) == 0;
}

/* A change from one state to another; nothing when it is there already. */
static int to_state(struct rv_call *c, struct target *t, const char *to, const char *path,
                    struct rv_error *err)
{
        if (in_state(t, to))
                return RV_OK;
        rv_change(c, "State", t->state, to);
        return c->what_if ? RV_OK : rv_engine_post(&t->e, NULL, NULL, err, "/containers/%s/%s", t->id, path);
}

static int success(struct rv_call *c, int r)
{
        if (r == RV_OK)
                rv_set_uint(c->out, 0, 0);
        return r;
}

/* One that ends at once did not start: its status, and its last words. */
static int look_again(struct target *t, struct rv_error *err)
{
        json_t *j = NULL;
        usleep(200000);
        int r = rv_engine_get(&t->e, &j, err, "/containers/%s/json", t->id);
        const char *state = rv_engine_text(j, "State.Status");
        int code = (int)rv_engine_int(j, "State.ExitCode");
        if (r == RV_OK && state && strcmp(state, "exited") == 0 && code != 0) {
                struct rv_container_output said = { .most = 2000 };
                struct rv_error other = { 0 };
                rv_container_logs(&t->e, t->id, "stdout=1&stderr=1&tail=5", &said, &other);
                struct rv_buf *b = said.err.len ? &said.err : &said.out;
                for (size_t i = 0; i < b->len; i++)
                        if ((unsigned char)b->data[i] < ' ')
                                b->data[i] = ' ';
                rv_hint(err, "Its last words: %.200s", b->len ? b->data : "none");
                rv_fail(err, RV_FAILED, "%s: it ended right after its start (status %d)", t->what, code);
                r = RV_FAILED;
                rv_container_output_free(&said);
        }
        json_decref(j);
        return r;
}

static int container_start(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct target t;
        int r = begin(c, "start", &t, err);
        bool changes = r == RV_OK && !in_state(&t, "running");
        if (r == RV_OK)
                r = to_state(c, &t, "running", in_state(&t, "paused") ? "unpause" : "start", err);
        if (r == RV_OK && changes && !c->what_if)
                r = look_again(&t, err);
        return success(c, r);
}

static int container_stop(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Stop_in *in = args;
        struct target t;
        char path[40];
        int r = begin(c, "stop", &t, err);
        snprintf(path, sizeof path, in->has_Timeout ? "stop?t=%u" : "stop", in->Timeout);
        if (r == RV_OK && !in_state(&t, "created") && !in_state(&t, "dead"))
                r = to_state(c, &t, "exited", path, err);
        return success(c, r);
}

static int container_restart(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Restart_in *in = args;
        struct target t;
        int r = begin(c, "restart", &t, err);
        if (r == RV_OK) {
                rv_change(c, "State", t.state, "running");
                if (!c->what_if)
                        r = in->has_Timeout
                                    ? rv_engine_post(&t.e, NULL, NULL, err, "/containers/%s/restart?t=%u",
                                                     t.id, in->Timeout)
                                    : rv_engine_post(&t.e, NULL, NULL, err, "/containers/%s/restart", t.id);
                if (r == RV_OK && !c->what_if)
                        r = look_again(&t, err);
        }
        return success(c, r);
}

static int container_kill(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Kill_in *in = args;
        struct target t;
        char signal[100];
        int r = begin(c, "send a signal to", &t, err);
        if (r == RV_OK && !in_state(&t, "running") && !in_state(&t, "paused"))
                r = rv_fail(err, RV_FAILED, "%s: it does not run (%s)", t.what, t.state);
        if (r == RV_OK && !c->what_if)
                r = rv_engine_post(
                        &t.e, NULL, NULL, err, "/containers/%s/kill?signal=%s", t.id,
                        rv_engine_escape(signal, sizeof signal, in->has_Signal ? in->Signal : "SIGKILL"));
        return success(c, r);
}

static int container_pause(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct target t;
        int r = begin(c, "pause", &t, err);
        return success(c, r ? r : to_state(c, &t, "paused", "pause", err));
}

static int container_unpause(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct target t;
        int r = begin(c, "resume", &t, err);
        return success(c, r ? r : to_state(c, &t, "running", "unpause", err));
}

static int container_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Remove_in *in = args;
        struct target t;
        int r = begin(c, "remove", &t, err);
        if (r == RV_OK && !in->Force &&
            (in_state(&t, "running") || in_state(&t, "paused") || in_state(&t, "restarting"))) {
                rv_hint(err, "Stop it first, or use Force.");
                r = rv_fail(err, RV_FAILED, "%s: it is %s", t.what, t.state);
        }
        if (r == RV_OK) {
                rv_change(c, "State", t.state, NULL);
                if (!c->what_if)
                        r = rv_engine_delete(&t.e, err, "/containers/%s?force=%d&v=%d", t.id, in->Force,
                                             in->Volumes);
        }
        return success(c, r);
}

static int container_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Rename_in *in = args;
        struct target t;
        char name[400];
        int r = begin(c, "rename", &t, err);
        if (r == RV_OK && strcmp(t.name, in->NewName) != 0) {
                rv_change(c, "Name", t.name, in->NewName);
                if (!c->what_if)
                        r = rv_engine_post(&t.e, NULL, NULL, err, "/containers/%s/rename?name=%s", t.id,
                                           rv_engine_escape(name, sizeof name, in->NewName));
        }
        return success(c, r);
}

static int container_update(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Update_in *in = args;
        struct target t;
        char text[60];
        json_t *body = json_object();
        int r = begin(c, "change", &t, err);
        if (in->has_MemoryLimit) {
                json_object_set_new(body, "Memory", json_integer((json_int_t)in->MemoryLimit));
                json_object_set_new(body, "MemorySwap", json_integer(-1));
                snprintf(text, sizeof text, "%llu", (unsigned long long)in->MemoryLimit);
                rv_change(c, "MemoryLimit", NULL, text);
        }
        if (in->has_CpuLimit) {
                json_object_set_new(body, "NanoCpus", json_integer((json_int_t)(in->CpuLimit * 1e9)));
                snprintf(text, sizeof text, "%g", in->CpuLimit);
                rv_change(c, "CpuLimit", NULL, text);
        }
        if (in->has_PidsLimit) {
                json_object_set_new(body, "PidsLimit", json_integer(in->PidsLimit));
                snprintf(text, sizeof text, "%u", in->PidsLimit);
                rv_change(c, "PidsLimit", NULL, text);
        }
        if (in->has_RestartPolicy) {
                json_object_set_new(body, "RestartPolicy", json_pack("{s:s}", "Name", in->RestartPolicy));
                rv_change(c, "RestartPolicy", NULL, in->RestartPolicy);
        }
        if (r == RV_OK && !json_object_size(body))
                r = rv_fail(err, RV_INVALID_PARAMETER, "%s: nothing to change is given", t.what);
        if (r == RV_OK && !c->what_if)
                r = rv_engine_post(&t.e, json_incref(body), NULL, err, "/containers/%s/update", t.id);
        json_decref(body);
        return success(c, r);
}

static int container_wait(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct target t;
        json_t *j = NULL;
        int r = begin(c, "wait for", &t, err);
        if (r == RV_OK)
                r = rv_engine_post(&t.e, NULL, &j, err, "/containers/%s/wait", t.id);
        if (r == RV_OK)
                Container_Wait_out_set_ExitCode(c->out, (int32_t)rv_engine_int(j, "StatusCode"));
        json_decref(j);
        return success(c, r);
}

static int container_get_logs(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_GetLogs_in *in = args;
        struct target t;
        char query[160];
        struct rv_container_output said = { .most = RV_CONTAINER_OUTPUT, .from_end = true };
        int r = begin(c, "read the log of", &t, err), n;
        n = snprintf(query, sizeof query, "stdout=1&stderr=1&timestamps=%d", in->Timestamps);
        if (in->has_Tail)
                n += snprintf(query + n, sizeof query - (size_t)n, "&tail=%u", in->Tail);
        if (in->has_Since)
                snprintf(query + n, sizeof query - (size_t)n, "&since=%lld",
                         (long long)(in->Since / 1000000000));
        if (r == RV_OK)
                r = rv_container_logs(&t.e, t.id, query, &said, err);
        if (r == RV_OK) {
                Container_GetLogs_out_set_Output(c->out, said.out.len ? said.out.data : "", said.out.len);
                Container_GetLogs_out_set_ErrorOutput(c->out, said.err.len ? said.err.data : "",
                                                      said.err.len);
        }
        rv_container_output_free(&said);
        return success(c, r);
}

static int container_exec(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Exec_in *in = args;
        struct target t;
        struct rv_container_output said = { .most = RV_CONTAINER_OUTPUT };
        json_t *made = NULL, *end = NULL, *body;
        int r = begin(c, "run a command in", &t, err);
        if (r == RV_OK && !in_state(&t, "running"))
                r = rv_fail(err, RV_FAILED, "%s: it does not run (%s)", t.what, t.state);
        if (r || c->what_if)
                return success(c, r);
        body = json_pack("{s:b, s:b, s:o}", "AttachStdout", 1, "AttachStderr", 1, "Cmd",
                         rv_container_texts(in->Command, in->Command_n));
        if (in->has_User)
                json_object_set_new(body, "User", json_string(in->User));
        if (in->has_WorkingDirectory)
                json_object_set_new(body, "WorkingDir", json_string(in->WorkingDirectory));
        if (in->has_Environment)
                json_object_set_new(body, "Env", rv_container_texts(in->Environment, in->Environment_n));
        r = rv_engine_post(&t.e, body, &made, err, "/containers/%s/exec", t.id);
        const char *id = rv_engine_text(made, "Id");
        if (r == RV_OK && id) {
                t.e.piece = rv_container_piece;
                t.e.piece_state = &said;
                r = rv_engine_post(&t.e, json_pack("{s:b, s:b}", "Detach", 0, "Tty", 0), NULL, err,
                                   "/exec/%s/start", id);
                t.e.piece = NULL;
        }
        if (r == RV_OK && id)
                r = rv_engine_get(&t.e, &end, err, "/exec/%s/json", id);
        if (r == RV_OK) {
                Container_Exec_out_set_ExitCode(c->out, (int32_t)rv_engine_int(end, "ExitCode"));
                Container_Exec_out_set_Output(c->out, said.out.len ? said.out.data : "", said.out.len);
                Container_Exec_out_set_ErrorOutput(c->out, said.err.len ? said.err.data : "", said.err.len);
        }
        json_decref(made);
        json_decref(end);
        rv_container_output_free(&said);
        return success(c, r);
}

static int container_commit(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Commit_in *in = args;
        struct target t;
        json_t *j = NULL;
        char repo[600], tag[300];
        int r = begin(c, "make an image of", &t, err);
        if (r == RV_OK && !c->what_if)
                r = rv_engine_post(&t.e, json_object(), &j, err, "/commit?container=%s&repo=%s&tag=%s", t.id,
                                   rv_engine_escape(repo, sizeof repo, in->Repository),
                                   rv_engine_escape(tag, sizeof tag, in->has_Tag ? in->Tag : "latest"));
        const char *id = rv_engine_text(j, "Id");
        if (r == RV_OK && id)
                Container_Commit_out_set_ImageId(c->out, id, strlen(id));
        json_decref(j);
        return success(c, r);
}

/* ---- making one ---- */

static json_t *labels_of(const struct Container_Create_in *in)
{
        json_t *o = json_object();
        for (uint32_t i = 0; i < in->Label_n; i++) {
                const char *s = in->Label[i].s, *eq = strchr(s, '=');
                char name[300];
                snprintf(name, sizeof name, "%.*s", eq ? (int)(eq - s) : (int)strlen(s), s);
                json_object_set_new(o, name, json_string(eq ? eq + 1 : ""));
        }
        return o;
}

static int host_config(const struct Container_Create_in *in, const char *runtime, json_t *body,
                       struct rv_error *err)
{
        json_t *host = json_object(), *exposed = json_object(), *bindings = json_object();
        int r = RV_OK;
        for (uint32_t i = 0; r == RV_OK && i < in->Port_n; i++)
                r = rv_container_port(exposed, bindings, &in->Port[i], err);
        json_object_set_new(body, "ExposedPorts", exposed);
        json_object_set_new(host, "PortBindings", bindings);
        if (in->Mount_n)
                json_object_set_new(host, "Binds", rv_container_texts(in->Mount, in->Mount_n));
        if (in->has_Network)
                json_object_set_new(host, "NetworkMode", json_string(in->Network));
        if (in->has_RestartPolicy)
                json_object_set_new(host, "RestartPolicy", json_pack("{s:s}", "Name", in->RestartPolicy));
        if (in->has_MemoryLimit)
                json_object_set_new(host, "Memory", json_integer((json_int_t)in->MemoryLimit));
        if (in->has_CpuLimit)
                json_object_set_new(host, "NanoCpus", json_integer((json_int_t)(in->CpuLimit * 1e9)));
        if (in->has_PidsLimit)
                json_object_set_new(host, "PidsLimit", json_integer(in->PidsLimit));
        if (runtime[0])
                json_object_set_new(host, "Runtime", json_string(runtime));
        json_object_set_new(host, "Privileged", json_boolean(in->Privileged));
        json_object_set_new(host, "AutoRemove", json_boolean(in->AutoRemove));
        json_object_set_new(body, "HostConfig", host);
        return r;
}

static json_t *config(const struct Container_Create_in *in)
{
        json_t *body = json_pack("{s:s, s:o}", "Image", in->Image, "Labels", labels_of(in));
        if (in->Command_n)
                json_object_set_new(body, "Cmd", rv_container_texts(in->Command, in->Command_n));
        if (in->Entrypoint_n)
                json_object_set_new(body, "Entrypoint", rv_container_texts(in->Entrypoint, in->Entrypoint_n));
        if (in->Environment_n)
                json_object_set_new(body, "Env", rv_container_texts(in->Environment, in->Environment_n));
        if (in->has_HostName)
                json_object_set_new(body, "Hostname", json_string(in->HostName));
        if (in->has_User)
                json_object_set_new(body, "User", json_string(in->User));
        if (in->has_WorkingDirectory)
                json_object_set_new(body, "WorkingDir", json_string(in->WorkingDirectory));
        if (in->has_HealthCommand)
                json_object_set_new(body, "Healthcheck",
                                    json_pack("{s:[s, s]}", "Test", "CMD-SHELL", in->HealthCommand));
        return body;
}

/* A what-if, or one that would fail anyway: is the image here, is the name free? */
static int check_new(struct rv_engine *e, const struct Container_Create_in *in, struct rv_error *err)
{
        char text[600];
        json_t *j = NULL;
        int r = rv_engine_get(e, &j, err, "/images/%s/json", rv_engine_escape(text, sizeof text, in->Image));
        json_decref(j);
        if (r == RV_NOT_FOUND) {
                rv_about(err, "Container", NULL, "Image");
                rv_hint(err,
                        "Request-ContainerImage pulls it; Get-ContainerImage lists those that are here.");
                return RV_NOT_FOUND;
        }
        if (r || !in->has_Name)
                return r;
        r = rv_engine_get(e, &j, err, "/containers/%s/json", rv_engine_escape(text, sizeof text, in->Name));
        json_decref(j);
        if (r == RV_OK) {
                rv_about(err, "Container", NULL, "Name");
                return rv_fail(err, RV_ALREADY_EXISTS, "%s: there is a container of this name", e->what);
        }
        if (r == RV_NOT_FOUND && err)
                *err = (struct rv_error) { 0 };
        return r == RV_NOT_FOUND ? RV_OK : r;
}

static void answer_new(struct rv_call *c, json_t *j)
{
        const char *id = rv_engine_text(j, "Id");
        json_t *warnings = json_object_get(j, "Warnings"), *w;
        size_t i;
        Container_Create_out_set_ReturnValue(c->out, 0);
        if (id)
                Container_Create_out_set_Id(c->out, id, strlen(id));
        if (!json_array_size(warnings))
                return;
        rv_list list = Container_Create_out_set_Warnings(c->out, (uint32_t)json_array_size(warnings));
        json_array_foreach(warnings, i, w)
        {
                const char *s = json_string_value(w);
                rv_item_string(c->out, list, (uint32_t)i, s ? s : "", s ? strlen(s) : 0);
        }
}

static int container_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Create_in *in = args;
        char what[200], runtime[80], name[400];
        struct rv_engine e = { .call = c, .deadline = c->deadline, .what = what };
        json_t *made = NULL, *body;
        snprintf(what, sizeof what, "cannot make a container of %.100s", in->Image);
        int r = rv_container_runtime(&e, in->has_Isolation ? in->Isolation : "process", runtime, sizeof runtime, err);
        if (r == RV_OK)
                r = check_new(&e, in, err);
        body = config(in);
        if (r == RV_OK)
                r = host_config(in, runtime, body, err);
        if (r == RV_OK)
                rv_change(c, "Name", NULL, in->has_Name ? in->Name : "(a name of the engine's)");
        if (r == RV_OK && !c->what_if) {
                r = in->has_Name
                            ? rv_engine_post(&e, json_incref(body), &made, err, "/containers/create?name=%s",
                                             rv_engine_escape(name, sizeof name, in->Name))
                            : rv_engine_post(&e, json_incref(body), &made, err, "/containers/create");
                const char *id = rv_engine_text(made, "Id");
                if (r == RV_OK && in->Start && id)
                        r = rv_engine_post(&e, NULL, NULL, err, "/containers/%s/start", id);
                if (r && id) { /* half made is not made */
                        struct rv_error other = { 0 };
                        rv_engine_delete(&e, &other, "/containers/%s?force=1", id);
                }
        }
        if (r == RV_OK && !c->what_if)
                answer_new(c, made);
        json_decref(body);
        json_decref(made);
        return r;
}

static int (*const methods[])(struct rv_call *, const void *, struct rv_error *) = {
        [Container_method_Start] = container_start,      [Container_method_Stop] = container_stop,
        [Container_method_Restart] = container_restart,  [Container_method_Kill] = container_kill,
        [Container_method_Pause] = container_pause,      [Container_method_Unpause] = container_unpause,
        [Container_method_Remove] = container_remove,    [Container_method_Rename] = container_rename,
        [Container_method_Update] = container_update,    [Container_method_Wait] = container_wait,
        [Container_method_GetLogs] = container_get_logs, [Container_method_Exec] = container_exec,
        [Container_method_Commit] = container_commit,    [Container_method_Create] = container_create,
};

static const struct rv_provider container = {
        .class = &Container_class, .query = container_query, .methods = methods, .threads = 8
};

RV_PROVIDERS(container, &container);
