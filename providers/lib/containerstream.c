/* SPDX-License-Identifier: MIT
 *
 * Logs, commands and attaching as streams: see containerstream.h. The method finds the container and asks whatever can
 * be refused; the stream's thread then does the talking, so that nobody waits who has not opened it.
 */
#include "providers/lib/containerstream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen/Container.h"
#include "providers/lib/containerchange.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containertext.h"
#include "providers/lib/copying.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/relay.h"

#define PATIENCE UINT64_C(30000000000) /* ns that the engine has for what is not the talk itself */
#define TEXTS(in, p) ((struct rv_texts) { (in)->p, (in)->has_##p ? (in)->p##_n : 0, #p })

struct talk {
        struct rv_stream stream;
        struct rv_engine *engine;
        char id[80], exec[130], what[200], path[400];
        bool logs, tty, input;
        unsigned rows, columns;
        struct rv_http http;
};

static void drop(struct rv_stream *s)
{
        struct talk *t = (struct talk *)s;
        rv_http_close(&t->http);
        free(t);
}

static int ask(const struct talk *t, const char *method, const char *path, json_t *body, json_t **ret,
               struct rv_error *err)
{
        const struct rv_engine_ask a = { .engine = t->engine,
                                         .deadline = rv_now() + PATIENCE,
                                         .method = method,
                                         .path = path,
                                         .body = body,
                                         .what = t->what,
                                         .file = -1 };
        return rv_engine_ask(&a, ret, err);
}

static void resize(void *state, unsigned rows, unsigned columns)
{
        const struct talk *t = state;
        char path[300];
        struct rv_error err = { 0 };
        snprintf(path, sizeof path, "/%s/%s/resize?h=%u&w=%u", *t->exec ? "exec" : "containers",
                 *t->exec ? t->exec : t->id, rows, columns);
        if (rows && columns)
                ask(t, "POST", path, NULL, NULL, &err);
}

/* A command whose terminal has gone is told so, as sshd does; the engine would let it wait for ever. Only a process of
 * that very container. */
static void hang_up(const struct talk *t)
{
        char path[200], all[4096] = "";
        json_t *j = NULL;
        struct rv_error err = { 0 };
        snprintf(path, sizeof path, "/exec/%s/json", t->exec);
        int pid = ask(t, "GET", path, NULL, &j, &err) == RV_OK && rv_j_true(j, "Running")
                          ? (int)rv_j_number(j, "Pid")
                          : 0;
        json_decref(j);
        snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
        if (pid > 1 && rv_proc_read(AT_FDCWD, path, all, sizeof all) > 0 && strstr(all, t->id))
                kill(pid, SIGHUP);
}

/* The exit status of what has ended. */
static int status_of(const struct talk *t, int32_t *ret, struct rv_error *err)
{
        char path[200];
        json_t *j = NULL;
        if (t->logs)
                return RV_OK;
        snprintf(path, sizeof path, *t->exec ? "/exec/%s/json" : "/containers/%s/json",
                 *t->exec ? t->exec : t->id);
        int r = ask(t, "GET", path, NULL, &j, err);
        *ret = (int32_t)rv_j_number(j, *t->exec ? "ExitCode" : "State/ExitCode");
        json_decref(j);
        return r;
}

static int open_exec(struct talk *t, struct rv_error *err)
{
        json_t *body = json_pack("{sb sb}", "Detach", 0, "Tty", t->tty);
        char path[200];
        snprintf(path, sizeof path, "/exec/%s/start", t->exec);
        const struct rv_engine_ask a = { .engine = t->engine,
                                         .deadline = rv_now() + PATIENCE,
                                         .method = "POST",
                                         .path = path,
                                         .body = body,
                                         .what = t->what,
                                         .file = -1 };
        int r = body ? rv_engine_open(&a, &t->http, err) : -ENOMEM;
        json_decref(body);
        return r;
}

static int open_attach(struct talk *t, struct rv_error *err)
{
        const struct rv_engine_ask a = { .engine = t->engine,
                                         .deadline = rv_now() + PATIENCE,
                                         .method = t->logs ? "GET" : "POST",
                                         .path = t->path,
                                         .what = t->what,
                                         .file = -1 };
        return rv_engine_open(&a, &t->http, err);
}

static void serve(struct rv_stream *s, int client)
{
        struct talk *t = (struct talk *)s;
        struct rv_error err = { 0 };
        int32_t status = 0;
        int r = *t->exec ? open_exec(t, &err) : open_attach(t, &err);
        if (r == RV_OK && !t->logs) { /* the connection is the command's now, until it is closed */
                t->http.chunked = t->http.ended = false;
                t->http.until_close = true;
                resize(t, t->rows, t->columns);
        }
        if (r == RV_OK) {
                struct rv_relay relay = { .client = client,
                                          .engine = &t->http,
                                          .framed = !t->tty,
                                          .takes_input = t->input,
                                          .resize = t->tty && !t->logs ? resize : NULL,
                                          .state = t };
                int e = rv_relay_run(&relay);
                /* The engine may close at the end of the input, before the client is seen to be gone. */
                if ((e == -EPIPE || relay.input_over) && *t->exec && t->tty)
                        hang_up(t);
                r = e ? rv_engine_fail(&err, t->engine, e, t->what) : status_of(t, &status, &err);
        }
        if (r)
                rv_relay_failed(client, &err);
        else
                rv_relay_status(client, status);
}

/* ---- methods ---- */

/* By its id, or its name. */
static int begin_change(struct rv_call *c, const char *verb, struct rv_container_change *ch, struct rv_error *err)
{
        const struct rv_arg *id = &c->key[Container_Id], *name = &c->key[Container_Name];
        const char *which = id->type == RV_STRING ? id->s : name->type == RV_STRING ? name->s : NULL;
        return rv_container_begin(c, which, ch, verb, err);
}

static int begin(struct rv_call *c, const char *verb, struct rv_container_change *ch, struct talk **ret,
                 struct rv_error *err)
{
        int r = begin_change(c, verb, ch, err);
        if (r)
                return r;
        struct talk *t = calloc(1, sizeof *t);
        if (!t)
                return rv_container_end(c, ch, -ENOMEM);
        t->stream = (struct rv_stream) { .serve = serve, .drop = drop };
        t->engine = ch->engine;
        t->http.fd = -1;
        t->tty = rv_j_true(ch->doc, "Config/Tty");
        memcpy(t->id, ch->id, sizeof t->id);
        memcpy(t->what, ch->what, sizeof t->what);
        *ret = t;
        return RV_OK;
}

/* Offers it and answers its token, in the property `stream`; or drops it. */
static int end(struct rv_call *c, struct rv_container_change *ch, struct rv_stream *s, unsigned stream, int r,
               struct rv_error *err)
{
        char token[RV_STREAM_TOKEN];
        if (r == RV_OK && !c->what_if) {
                r = rv_stream_offer(c, s, token, err);
                if (r == RV_OK)
                        rv_fill(c->out, stream, token);
        } else {
                s->drop(s);
        }
        if (r == RV_OK)
                rv_set_uint(c->out, 0, 0);
        return rv_container_end(c, ch, r);
}

int rv_container_follow(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_FollowLogs_in *in = args;
        struct rv_container_change ch;
        struct talk *t;
        int r = begin(c, "read the output of", &ch, &t, err);
        if (r)
                return r;
        bool follow = in->has_Follow && in->Follow;
        size_t n = (size_t)snprintf(t->path, sizeof t->path,
                                    "/containers/%s/logs?stdout=1&stderr=1&timestamps=%d&follow=%d", t->id,
                                    in->has_Timestamps && in->Timestamps, follow);
        if (in->has_Tail)
                n += (size_t)snprintf(t->path + n, sizeof t->path - n, "&tail=%u", in->Tail);
        if (in->has_Since)
                n += (size_t)snprintf(t->path + n, sizeof t->path - n, "&since=%lld.%09lld",
                                      (long long)(in->Since / 1000000000),
                                      (long long)(in->Since % 1000000000));
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        if (!follow) /* one that writes faster than it is read would never come to an end */
                snprintf(t->path + n, sizeof t->path - n, "&until=%lld.%09ld", (long long)now.tv_sec,
                         now.tv_nsec);
        t->logs = true;
        return end(c, &ch, &t->stream, Container_FollowLogs_out_Stream, RV_OK, err);
}

int rv_logs_follow(struct rv_call *c, const struct rv_logs *l, struct rv_error *err)
{
        char token[RV_STREAM_TOKEN];
        struct talk *t = c->what_if ? NULL : calloc(1, sizeof *t);
        if (c->what_if)
                return RV_OK;
        if (!t)
                return -ENOMEM;
        t->stream = (struct rv_stream) { .serve = serve, .drop = drop };
        t->engine = l->engine;
        t->http.fd = -1;
        t->tty = l->tty;
        t->logs = true;
        snprintf(t->what, sizeof t->what, "%s", l->what);
        snprintf(t->path, sizeof t->path, "%s", l->path);
        int r = rv_stream_offer(c, &t->stream, token, err);
        if (r == RV_OK)
                rv_fill(c->out, l->property, token);
        return r;
}

int rv_container_attach(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_Attach_in *in = args;
        struct rv_container_change ch;
        struct talk *t;
        int r = begin(c, "attach to", &ch, &t, err);
        if (r)
                return r;
        t->input = rv_j_true(ch.doc, "Config/OpenStdin") && !(in->has_NoInput && in->NoInput);
        snprintf(t->path, sizeof t->path, "/containers/%s/attach?stream=1&stdout=1&stderr=1&stdin=%d", t->id,
                 t->input);
        Container_Attach_out_set_Tty(c->out, t->tty);
        return end(c, &ch, &t->stream, Container_Attach_out_Stream, rv_container_must_run(&ch, err), err);
}

static json_t *exec_spec(const struct Container_ExecStream_in *in, struct rv_error *err, int *ret)
{
        json_t *j = json_pack("{sb sb sb sb}", "AttachStdout", 1, "AttachStderr", 1, "AttachStdin",
                              !(in->has_NoInput && in->NoInput), "Tty", in->has_Tty && in->Tty);
        int r = in->Command_n ? RV_OK : rv_fail(err, RV_INVALID_PARAMETER, "a command has at least one word");
        if (r == RV_OK)
                r = rv_spec_list(j, "Cmd", TEXTS(in, Command));
        if (r == RV_OK)
                r = rv_spec_environment(j, TEXTS(in, Environment), err);
        rv_spec_text(j, "User", in->has_User, in->User);
        rv_spec_text(j, "WorkingDir", in->has_WorkingDirectory, in->WorkingDirectory);
        rv_spec_flag(j, "Privileged", in->has_Privileged, in->Privileged);
        *ret = j ? r : -ENOMEM;
        return j;
}

int rv_container_exec_stream(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_ExecStream_in *in = args;
        struct rv_container_change ch;
        struct talk *t;
        char path[120];
        json_t *made = NULL;
        int r = begin(c, "run a command in", &ch, &t, err);
        if (r)
                return r;
        json_t *spec = exec_spec(in, err, &r);
        t->tty = in->has_Tty && in->Tty;
        t->input = !(in->has_NoInput && in->NoInput);
        t->rows = in->has_Rows ? in->Rows : 0;
        t->columns = in->has_Columns ? in->Columns : 0;
        if (r == RV_OK)
                r = rv_container_must_run(&ch, err);
        rv_change(c, "Command", NULL, in->Command_n ? in->Command[0].s : NULL);
        snprintf(path, sizeof path, "/containers/%s/exec", t->id);
        if (r == RV_OK && !c->what_if)
                r = ask(t, "POST", path, spec, &made, err);
        if (made)
                snprintf(t->exec, sizeof t->exec, "%s", rv_or_empty(rv_j_text(made, "Id")));
        json_decref(made);
        json_decref(spec);
        return end(c, &ch, &t->stream, Container_ExecStream_out_Stream, r, err);
}

/* ---- files ---- */

static void drop_copy(struct rv_stream *s)
{
        struct rv_copy *t = (struct rv_copy *)s;
        rv_http_close(&t->http);
        free(t);
}

static int begin_copy(struct rv_call *c, const char *verb, const char *path, struct rv_container_change *ch,
                      struct rv_copy **ret, struct rv_error *err)
{
        int r = begin_change(c, verb, ch, err);
        if (r)
                return r;
        struct rv_copy *t = calloc(1, sizeof *t);
        if (!t)
                return rv_container_end(c, ch, -ENOMEM);
        t->stream.drop = drop_copy;
        t->engine = ch->engine;
        t->http.fd = -1;
        memcpy(t->id, ch->id, sizeof t->id);
        memcpy(t->what, ch->what, sizeof t->what);
        *ret = t;
        if (*path == '/' && strlen(path) < sizeof t->path)
                return RV_OK;
        drop_copy(&t->stream);
        rv_about(err, NULL, NULL, "Path");
        return rv_container_end(
                c, ch,
                rv_fail(err, RV_INVALID_PARAMETER, "%s: the path inside it must begin with /", ch->what));
}

int rv_container_copy_to(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_CopyTo_in *in = args;
        struct rv_container_change ch;
        struct rv_copy *t;
        int r = begin_copy(c, "copy into", in->Path, &ch, &t, err);
        if (r)
                return r;
        r = rv_copy_into(t, in->Path, c, err);
        rv_change(c, "Path", NULL, in->Path);
        if (r == RV_OK && *t->name)
                rv_fill(c->out, Container_CopyTo_out_Name, t->name);
        return end(c, &ch, &t->stream, Container_CopyTo_out_Stream, r, err);
}

int rv_container_copy_from(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Container_CopyFrom_in *in = args;
        struct rv_container_change ch;
        struct rv_copy *t;
        bool folder = false;
        int r = begin_copy(c, "copy out of", in->Path, &ch, &t, err);
        if (r)
                return r;
        r = rv_copy_out(t, in->Path, c, &folder, err);
        if (r == RV_OK) {
                rv_fill(c->out, Container_CopyFrom_out_Name, t->name);
                Container_CopyFrom_out_set_IsFolder(c->out, folder);
        }
        return end(c, &ch, &t->stream, Container_CopyFrom_out_Stream, r, err);
}
