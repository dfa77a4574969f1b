/* SPDX-License-Identifier: MIT */
#include "providers/lib/container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/Container.h"

/* ---- output ---- */

static void keep_end(struct rv_buf *b, size_t most)
{
        if (b->len <= most)
                return;
        memmove(b->data, b->data + b->len - most, most);
        b->len = most;
        b->data[b->len] = 0;
}

bool rv_container_piece(void *output, int stream, const char *s, size_t n)
{
        struct rv_container_output *o = output;
        struct rv_buf *b = stream == 2 ? &o->err : &o->out;
        if (!o->from_end && b->len + n > o->most)
                n = b->len < o->most ? o->most - b->len
                                     : 0; /* the rest is read and forgotten, so that it goes on */
        rv_buf_put(b, s, n);
        rv_buf_put(b, "", 1);
        b->len -= !b->failed;
        if (o->from_end && b->len > 2 * o->most)
                keep_end(b, o->most);
        return !b->failed;
}

void rv_container_output_free(struct rv_container_output *o)
{
        rv_buf_free(&o->out);
        rv_buf_free(&o->err);
}

int rv_container_logs(struct rv_engine *e, const char *id, const char *query, struct rv_container_output *ret,
                      struct rv_error *err)
{
        e->piece = rv_container_piece;
        e->piece_state = ret;
        int r = rv_engine_get(e, NULL, err, "/containers/%s/logs?%s", id, query);
        e->piece = NULL;
        keep_end(&ret->out, ret->most);
        keep_end(&ret->err, ret->most);
        return r;
}

/* ---- making one ---- */

json_t *rv_container_texts(const struct rv_arg *v, uint32_t n)
{
        json_t *list = json_array();
        for (uint32_t i = 0; i < n; i++)
                json_array_append_new(list, json_stringn(v[i].s, v[i].len));
        return list;
}

bool rv_container_is_sandbox(const char *runtime)
{
        static const char *const words[] = { "runsc", "gvisor", "kata",  "sysbox",
                                             "krun",  "nabla",  "clear", NULL };
        for (const char *const *w = words; *w; w++)
                if (strstr(runtime, *w))
                        return true;
        return false;
}

/* The engine's sandboxing runtime; refused where there is none, before anything happens. */
static int find_runtime(struct rv_engine *e, const char *isolation, char *to, size_t size,
                        struct rv_error *err)
{
        json_t *info = NULL, *one;
        const char *name;
        to[0] = 0;
        if (strcmp(isolation, "process") == 0)
                return RV_OK;
        int r = rv_engine_get(e, &info, err, "/info");
        json_object_foreach(json_object_get(info, "Runtimes"), name, one)
        {
                bool vm = strstr(name, "kata") != NULL;
                if (!to[0] && rv_container_is_sandbox(name) && (strcmp(isolation, "vm") != 0 || vm))
                        snprintf(to, size, "%s", name);
        }
        json_decref(info);
        if (r == RV_OK && !to[0]) {
                rv_about(err, "Container", NULL, "Isolation");
                rv_hint(err,
                        "Register one (runsc, kata) in /etc/docker/daemon.json, or use Isolation process.");
                r = rv_fail(err, RV_NOT_SUPPORTED, "%s: the engine has no runtime for Isolation %s", e->what,
                            isolation);
        }
        return r;
}

/* "8080:80", "127.0.0.1:8080:80/udp", "80": into ExposedPorts and PortBindings. */
static int add_port(json_t *exposed, json_t *bindings, const struct rv_arg *v, struct rv_error *err)
{
        char text[160], key[40];
        snprintf(text, sizeof text, "%.150s", v->s);
        char *slash = strchr(text, '/'), *inside = strrchr(text, ':'), *type = "tcp", *outside = "", *ip = "";
        if (slash) {
                *slash = 0;
                type = slash + 1;
        }
        if (inside) {
                *inside++ = 0;
                char *colon = strrchr(text, ':');
                outside = colon ? colon + 1 : text;
                if (colon) {
                        *colon = 0;
                        ip = text;
                        if (*ip == '[' && ip[strlen(ip) - 1] == ']') {
                                ip[strlen(ip) - 1] = 0;
                                ip++;
                        }
                }
        } else {
                inside = text;
        }
        int port = atoi(inside);
        if (port < 1 || port > 65535 || strspn(inside, "0123456789") != strlen(inside) ||
            strspn(outside, "0123456789") != strlen(outside) || atoi(outside) > 65535 ||
            (strcmp(type, "tcp") != 0 && strcmp(type, "udp") != 0 && strcmp(type, "sctp") != 0)) {
                rv_about(err, "Container", NULL, "Port");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "Port '%.100s': expected HOST:CONTAINER or ADDRESS:HOST:CONTAINER, such as "
                               "8080:80 or 53:53/udp",
                               v->s);
        }
        snprintf(key, sizeof key, "%d/%s", port, type);
        json_object_set_new(exposed, key, json_object());
        json_t *list = json_object_get(bindings, key);
        if (!list)
                json_object_set_new(bindings, key, list = json_array());
        json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp", ip, "HostPort", outside));
        return RV_OK;
}

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
                r = add_port(exposed, bindings, &in->Port[i], err);
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
static int check(struct rv_engine *e, const struct Container_Create_in *in, struct rv_error *err)
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

static void answer(struct rv_call *c, json_t *j)
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

int rv_container_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Create_in *in = args;
        char what[200], runtime[80], name[400];
        struct rv_engine e = { .call = c, .deadline = c->deadline, .what = what };
        json_t *made = NULL, *body;
        snprintf(what, sizeof what, "cannot make a container of %.100s", in->Image);
        int r = find_runtime(&e, in->has_Isolation ? in->Isolation : "process", runtime, sizeof runtime, err);
        if (r == RV_OK)
                r = check(&e, in, err);
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
                answer(c, made);
        json_decref(body);
        json_decref(made);
        return r;
}
