/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/concretejob.h"
#include "agent/log.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define TELL_NS UINT64_C(200000000) /* between two writings of how far it has come */

/* The one job of this process: the asking end of its session. */
static struct run {
        struct rv_agent *agent;
        struct rv_session *session;
        char base[RV_CJOB_BASE];
        json_t *state;
        uv_pipe_t pipe;
        uv_write_t write;
        char *request; /* until it is written */
        struct rv_buf in;
        struct rv_alarm tell;
        uint64_t told; /* when ID.state was written */
        bool cancelled, ended;
} me;

static void write_state(void)
{
        json_object_set_new(me.state, "Changed", json_integer((json_int_t)rv_wall()));
        int r = rv_cjob_write(me.base, "state", me.state, false);
        if (r)
                rv_log(RV_LOG_WARNING, "%s.state cannot be written: %s", me.base, strerror(-r));
        me.told = rv_now();
}

static void on_tell(struct rv_alarm *a)
{
        (void)a;
        if (!me.ended)
                write_state();
}

/* {"Activity":...,"Status":...,"PercentComplete":...}: written at once, or when the last writing is some time ago. */
static void take_progress(const json_t *p)
{
        const char *activity = json_string_value(json_object_get(p, "Activity")),
                   *status = json_string_value(json_object_get(p, "Status"));
        const json_t *percent = json_object_get(p, "PercentComplete");
        char text[400];
        snprintf(text, sizeof text, "%.150s%s%.200s", activity ? activity : "",
                 activity && status ? ": " : "", status ? status : "");
        json_t *v = json_string(text);
        if (v) /* else it was cut in the midst of a character */
                json_object_set_new(me.state, "JobStatus", v);
        if (json_is_integer(percent))
                json_object_set(me.state, "PercentComplete", (json_t *)percent);
        rv_alarm_set(&me.agent->loop, &me.tell, me.told + TELL_NS);
}

static void finish(const char *state, json_t *error, json_t *result)
{
        json_t *j = json_pack("{s:s, s:I}", "JobState", state, "Ended", (json_int_t)rv_wall());
        json_int_t code = json_integer_value(json_object_get(error, "code"));
        if (error) {
                json_object_set_new(
                        j, "ErrorCode",
                        json_integer(code <= -32001 && code >= -32999 ? -32000 - code : RV_FAILED));
                json_object_set(j, "ErrorDescription", json_object_get(error, "message"));
                json_object_set(j, "Error", error);
        }
        if (result)
                json_object_set(j, "Result", result);
        int r = rv_cjob_write(me.base, "end", j, true);
        if (r && r != -EEXIST) {
                rv_log(RV_LOG_ERROR, "the outcome of job %s cannot be written: %s", me.base, strerror(-r));
                rv_cjob_end(me.base, state, RV_FAILED, "what came of it could not be written down whole");
        }
        json_decref(j);
        me.ended = true;
        rv_alarm_clear(&me.agent->loop, &me.tell);
        rv_loop_quit(&me.agent->loop);
}

/* What the answer itself says did not come about; NULL: all did. WMI's numbers: 4096 is that it goes on. */
static json_t *failure_of(const json_t *result)
{
        json_int_t number = json_integer_value(json_object_get(result, "ReturnValue"));
        const char *said = json_string_value(json_object_get(result, "Error"));
        char text[300];
        if (json_is_false(json_object_get(result, "Complete")))
                snprintf(text, sizeof text, "not all resources of the document are as they should be: see Result");
        else if (number && number != 4096)
                snprintf(text, sizeof text, "%.200s%sthe method answered %lld", said ? said : "", said ? ": " : "",
                         (long long)number);
        else
                return NULL;
        json_t *message = json_string(text); /* NULL: cut in the midst of a character */
        return json_pack("{s:i, s:o}", "code", -32000 - RV_FAILED, "message",
                         message ? message : json_string("the method failed: see Result"));
}

static void take_answer(const json_t *m, size_t size)
{
        json_t *error = json_object_get(m, "error"), *result = json_object_get(m, "result"), *made = NULL;
        const char *state = !error ? "Completed" : me.cancelled ? "Terminated" : "Exception";
        if (!error && (error = made = failure_of(result)))
                state = me.cancelled ? "Terminated" : "Exception";
        if (result && size > RV_CJOB_RESULT) {
                result = json_pack("{s:b, s:I}", "TooLarge", 1, "Bytes", (json_int_t)size);
                finish(state, error, result);
                json_decref(result);
        } else {
                finish(state, error, result);
        }
        json_decref(made);
}

static void take_line(const char *line, size_t n)
{
        json_t *m = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
        const char *method = json_string_value(json_object_get(m, "method"));
        if (method && strcmp(method, "$/progress") == 0)
                take_progress(json_array_get(json_object_get(json_object_get(m, "params"), "value"), 0));
        else if (json_object_get(m, "id") && !me.ended)
                take_answer(m, n);
        json_decref(m);
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
        (void)h, (void)suggested;
        *b = rv_buf_room(&me.in, 65536) ? uv_buf_init(me.in.data + me.in.len, 65536) : uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
        (void)s, (void)b;
        if (n < 0 && !me.ended) { /* no memory, or the session was closed */
                json_t *e = json_pack("{s:i, s:s}", "code", -32603, "message",
                                      "a fault in reeve: no answer came");
                finish("Exception", e, NULL);
                json_decref(e);
        }
        if (n <= 0)
                return;
        me.in.len += (size_t)n;
        size_t at = 0;
        for (char *end; (end = memchr(me.in.data + at, '\n', me.in.len - at));
             at = (size_t)(end - me.in.data) + 1)
                take_line(me.in.data + at, (size_t)(end - me.in.data) - at);
        memmove(me.in.data, me.in.data + at, me.in.len - at);
        me.in.len -= at;
}

static void on_written(uv_write_t *w, int status)
{
        (void)w, (void)status; /* if it failed, the end of the connection comes to on_read() */
        free(me.request);
        me.request = NULL;
}

static void copy(char *to, size_t size, const json_t *j, const char *name)
{
        const char *s = json_string_value(json_object_get(j, name));
        snprintf(to, size, "%s", s ? s : "");
}

static struct rv_identity who_of(const json_t *j)
{
        struct rv_identity w = { .made = json_is_object(j),
                                 .uid = (uid_t)json_integer_value(json_object_get(j, "Uid")),
                                 .gid = (gid_t)json_integer_value(json_object_get(j, "Gid")),
                                 .admin = json_is_true(json_object_get(j, "Admin")) };
        const json_t *groups = json_object_get(j, "Groups");
        copy(w.user, sizeof w.user, j, "User");
        copy(w.key, sizeof w.key, j, "Key");
        copy(w.source, sizeof w.source, j, "Source");
        copy(w.session, sizeof w.session, j, "Session");
        copy(w.role, sizeof w.role, j, "Role");
        while (w.ngroups < json_array_size(groups) && w.ngroups < sizeof w.groups / sizeof *w.groups) {
                w.groups[w.ngroups] = (gid_t)json_integer_value(json_array_get(groups, w.ngroups));
                w.ngroups++;
        }
        return w;
}

/* Asks what was asked, over a connection of our own. */
static int ask(const json_t *todo)
{
        int fds[2];
        struct rv_identity who = who_of(json_object_get(todo, "Who"));
        json_t *m = json_pack("{s:s, s:i, s:O, s:O}", "jsonrpc", "2.0", "id", 1, "method",
                              json_object_get(todo, "Operation"), "params", json_object_get(todo, "Params"));
        json_object_set_new(json_object_get(m, "params"), "partialResultToken", json_integer(1));
        char *text = json_dumps(m, JSON_COMPACT);
        json_decref(m);
        size_t n = text ? strlen(text) : 0;
        me.request = text ? realloc(text, n + 2) : NULL;
        if (!me.request || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -ENOMEM;
        me.request[n] = '\n';
        int r = rv_session_new(me.agent, fds[0], &who, &me.session);
        uv_pipe_init(&me.agent->loop.uv, &me.pipe, 0);
        if (r == 0)
                r = uv_pipe_open(&me.pipe, fds[1]);
        uv_buf_t b = uv_buf_init(me.request, (unsigned)n + 1);
        if (r == 0)
                r = uv_write(&me.write, (uv_stream_t *)&me.pipe, &b, 1, on_written);
        if (r == 0)
                r = uv_read_start((uv_stream_t *)&me.pipe, on_room, on_read);
        return r;
}

static int refuse(const char *why)
{
        ssize_t done = write(3, why, strlen(why));
        (void)done;
        rv_log(RV_LOG_ERROR, "job %s: %s", me.base, why);
        return -EINVAL;
}

int rv_cjob_serve(struct rv_agent *a, const char *base)
{
        char path[600];
        me.agent = a;
        me.tell.ring = on_tell;
        me.in.max = RV_REPLY_BYTES + (1 << 20);
        snprintf(me.base, sizeof me.base, "%s", base);
        fcntl(3, F_SETFD, FD_CLOEXEC); /* 4 is the lock: it is ours as long as we live */
        fcntl(4, F_SETFD, FD_CLOEXEC);
        json_t *todo = rv_cjob_read(base, "request");
        snprintf(path, sizeof path, "%s.request", base);
        unlink(path);
        if (!todo)
                return refuse("what it is to do cannot be read");
        const char *slash = strrchr(base, '/');
        rv_cjob_leave_unit(slash ? slash + 1 : base);
        me.state = json_pack("{s:s, s:i, s:I}", "JobState", "Running", "ProcessId", (int)getpid(), "Started",
                             (json_int_t)rv_wall());
        write_state();
        int r = ask(todo);
        json_decref(todo);
        if (r)
                return refuse("its session cannot be made");
        ssize_t done = write(3, "ok", 2);
        (void)done;
        close(3);
        return 0;
}

void rv_cjob_cancel(struct rv_agent *a)
{
        (void)a;
        if (me.ended || !me.session)
                return;
        me.cancelled = true;
        json_object_set_new(me.state, "JobState", json_string("Shutting Down"));
        write_state();
        for (struct rv_request *q = me.session->requests; q; q = q->next)
                rv_request_stop(q);
}
