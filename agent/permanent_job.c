/* SPDX-License-Identifier: MIT
 *
 * One delivery: `reeve-agent --deliver` in a session of its own, which becomes the binding's creator (deliver.c). It
 * is told what to do on its standard input; exit status 0 says that all was done, else its output says how many events
 * were and its standard error why no more. At its deadline the whole of its process group is killed. What talks to the
 * agent gets a session of its creator's as descriptor 3: with the login key's role, if that was all that he had, so
 * that nothing is allowed by this way that is not by another.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/permanent.h"
#include "gen/EventSubscription.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define SECOND UINT64_C(1000000000)
#define GRACE UINT64_C(300000000) /* ns, for the last words of a process that has ended */

struct rv_delivery {
        struct rv_agent *agent;
        struct rv_binding *run;    /* NULL: nobody waits for its end */
        struct rv_stored *binding; /* while run is set */
        struct rv_identity who;
        struct rv_audit *audit;
        struct rv_alarm alarm;
        struct rv_work soon;
        uv_process_t process;
        uv_pipe_t pipes[3]; /* its standard input, output and error */
        uv_write_t write;
        char *input, *name;
        unsigned n, seconds, handles;
        bool needs_agent, begun, exited, ended, late, open[3];
        int status, signal;
        char said[2][1024]; /* of its output and error: the end */
        size_t nsaid[2];
        char why[320];
};

/* ---- what may be done ---- */

static bool is_listed(const struct rv_texts *list, const char *word)
{
        for (unsigned i = 0; i < list->n; i++)
                if (strcmp(list->v[i], "*") == 0 || strcmp(list->v[i], word) == 0)
                        return true;
        return false;
}

static bool is_under(const struct rv_texts *folders, const char *path)
{
        for (unsigned i = 0; i < folders->n; i++) {
                size_t n = strlen(folders->v[i]);
                while (n > 1 && folders->v[i][n - 1] == '/')
                        n--;
                if (strcmp(folders->v[i], "*") == 0 || (n == 1 && *path == '/') ||
                    (strncmp(folders->v[i], path, n) == 0 && path[n] == '/'))
                        return true;
        }
        return false;
}

/* "http://host:port/path": "host:port", with the port that is meant where none is written. */
static bool host_of(const char *target, char *ret, size_t size)
{
        const char *start = target + 7;
        size_t n = strcspn(start, "/");
        const char *end = memchr(start, ']', n),
                   *colon = memchr(end ? end : start, ':', n - (size_t)((end ? end : start) - start));
        if (!n || memchr(start, '@', n))
                return false;
        return snprintf(ret, size, "%.*s%s", (int)n, start, colon ? "" : ":80") < (int)size;
}

enum what { NATIVE, WRITE, FORWARD, LANGUAGE };

/* Whether one of his roles lets his shell do it, too. */
static bool role_allows(struct rv_agent *a, const struct rv_identity *who, enum what what, const char *word)
{
        struct rv_role_set *set = rv_policy_hold(&a->policy);
        const char *base = strrchr(word, '/');
        bool yes = rv_policy_has_all(&a->policy, who);
        for (unsigned i = 0; set && i < set->n && !yes; i++) {
                const struct rv_role *r = &set->roles[i];
                if (!rv_role_fits(r, who, (int64_t)time(NULL)))
                        continue;
                switch (what) {
                case NATIVE:
                        yes = is_listed(&r->native, word) || (base && is_listed(&r->native, base + 1));
                        break;
                case WRITE: yes = is_under(&r->files_write, word); break;
                case FORWARD: yes = is_listed(&r->forward, word); break;
                case LANGUAGE: yes = r->language != RV_LANGUAGE_NONE; break;
                }
        }
        rv_roles_drop(set);
        return yes;
}

static const char *text_of(const json_t *v, const char *name)
{
        const char *s = json_string_value(json_object_get(v, name));
        return s ? s : "";
}

static bool is_path(const char *s)
{
        size_t n = strlen(s);
        return *s == '/' && n > 1 && s[n - 1] != '/' && !strstr(s, "//") && !strstr(s, "/../") &&
               !strstr(s, "/./") && (n < 3 || strcmp(s + n - 3, "/..") != 0);
}

static int allowed_target(struct rv_agent *a, const struct rv_identity *who, const char *target,
                          struct rv_error *err)
{
        char host[300];
        bool socket = strncmp(target, "unix:", 5) == 0;
        if (socket ? !is_path(target + 5)
                   : strncmp(target, "http://", 7) != 0 || !host_of(target, host, sizeof host)) {
                rv_hint(err, "For TLS or SSH have a command do it: -Command ssh,host,...");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "Target '%.100s': expected unix:/path or http://host:port/path", target);
        }
        if (socket && !role_allows(a, who, WRITE, target + 5))
                return rv_fail(err, RV_ACCESS_DENIED, "no role of %s lets it write to %.100s (WriteFiles)",
                               who->user, target + 5);
        if (!socket && !role_allows(a, who, FORWARD, host))
                return rv_fail(err, RV_ACCESS_DENIED, "no role of %s lets it connect to %.100s (Forward)",
                               who->user, host);
        return RV_OK;
}

static int allowed_method(struct rv_agent *a, const struct rv_identity *who, const json_t *v,
                          struct rv_error *err)
{
        const struct rv_class *c;
        static const char *const texts[] = { "InstanceName", "InParameters" };
        int r = rv_registry_find(&a->registry, text_of(v, "ClassName"), NULL, &c, err);
        const char *method = text_of(v, "MethodName");
        if (r == RV_OK && rv_method_find(c, method, strlen(method)) < 0)
                r = rv_fail(err, RV_METHOD_NOT_FOUND, "'%s' has no method '%.60s'", c->name, method);
        for (int i = 0; i < 2 && r == RV_OK; i++) {
                const char *text = json_string_value(json_object_get(v, texts[i]));
                json_t *j = text ? rv_json_parse(text, strlen(text), err) : NULL;
                rv_about(err, "MethodEventConsumer", NULL, texts[i]);
                if (text && !json_is_object(j))
                        r = rv_fail(err, RV_INVALID_PARAMETER, "%s: expected a JSON object", texts[i]);
                json_decref(j);
        }
        return r ? r : rv_authorize(&a->policy, who, RV_RIGHT_INVOKE, c, method, err);
}

int rv_delivery_allowed(struct rv_agent *a, const struct rv_identity *who, const struct rv_class *c,
                        const json_t *v, struct rv_error *err)
{
        rv_about(err, c->name, NULL, NULL);
        if (geteuid() != 0 && who->uid != geteuid())
                return rv_fail(err, RV_NOT_SUPPORTED, "this agent runs as uid %u and cannot act as %s",
                               (unsigned)geteuid(), who->user);
        if (c == &LogFileEventConsumer_class) {
                const char *path = text_of(v, "Filename");
                if (!is_path(path))
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "Filename '%.100s': expected an absolute path without . and ..", path);
                if (!role_allows(a, who, WRITE, path))
                        return rv_fail(err, RV_ACCESS_DENIED,
                                       "no role of %s lets it write %.100s (WriteFiles)", who->user, path);
        } else if (c == &CommandLineEventConsumer_class) {
                const char *program = json_string_value(json_array_get(json_object_get(v, "Command"), 0));
                if (!program || !*program)
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "Command: expected a program and its arguments");
                if (!role_allows(a, who, NATIVE, program))
                        return rv_fail(err, RV_ACCESS_DENIED,
                                       "no role of %s lets it run %.100s (NativeCommand)", who->user,
                                       program);
        } else if (c == &ScriptEventConsumer_class) {
                if (!*text_of(v, "ScriptText"))
                        return rv_fail(err, RV_INVALID_PARAMETER, "ScriptText: expected a script");
                if (!role_allows(a, who, LANGUAGE, ""))
                        return rv_fail(err, RV_ACCESS_DENIED, "no role of %s lets it run scripts (Language)",
                                       who->user);
        } else if (c == &RpcEventConsumer_class) {
                return allowed_target(a, who, text_of(v, "Target"), err);
        } else if (c == &MethodEventConsumer_class) {
                return allowed_method(a, who, v, err);
        }
        return RV_OK;
}

unsigned rv_delivery_batch(const struct rv_class *c)
{
        if (c == &CommandLineEventConsumer_class || c == &ScriptEventConsumer_class)
                return 1;
        return c == &MethodEventConsumer_class ? 16 : RV_STORED_BATCH;
}

/* ---- the end ---- */

static void on_recorded(struct rv_audit *audit, void *state)
{
        (void)state;
        rv_audit_free(audit);
}

static void record(struct rv_delivery *d, const char *why)
{
        if (!d->audit)
                return;
        rv_audit_outcome(d->audit, &d->agent->state, why ? RV_FAILED : 0, why, NULL, NULL, false, on_recorded,
                         NULL);
        d->audit = NULL;
}

static void release(struct rv_delivery *d)
{
        rv_alarm_clear(&d->agent->loop, &d->alarm);
        rv_loop_forget(&d->agent->loop, &d->soon);
        free(d->input);
        free(d->name);
        free(d);
}

static void on_closed(uv_handle_t *h)
{
        struct rv_delivery *d = h->data;
        if (--d->handles == 0 && d->ended)
                release(d);
}

static void close_pipe(struct rv_delivery *d, int i)
{
        if (!d->open[i])
                return;
        d->open[i] = false;
        uv_close((uv_handle_t *)&d->pipes[i], on_closed);
}

/* The end of what it said on its standard error, on one line. */
static void last_words(const struct rv_delivery *d, char *to, size_t size)
{
        char text[sizeof d->said[1]] = "";
        size_t n = 0;
        bool blank = true;
        for (size_t i = 0; i < d->nsaid[1]; i++) {
                unsigned char c = (unsigned char)d->said[1][i];
                if (c > ' ' && c != 127)
                        text[n++] = (char)c;
                else if (!blank)
                        text[n++] = ' ';
                blank = c <= ' ' || c == 127;
        }
        while (n && text[n - 1] == ' ')
                n--;
        size_t from = n >= size ? n - size + 1 : 0;
        while (from && ((unsigned char)text[from] & 0xc0) == 0x80) /* not in the middle of a character */
                from++;
        snprintf(to, size, "%.*s", (int)(n - from), text + from);
        json_t *valid = json_string(to);
        for (char *c = to; !valid && *c; c++) /* no UTF-8: nobody could be told */
                if ((unsigned char)*c & 0x80)
                        *c = '?';
        json_decref(valid);
}

static void end(struct rv_delivery *d)
{
        char words[260] = "";
        unsigned done = d->exited && !d->late && d->status == 0 && !d->signal ? d->n : 0;
        if (d->begun && done < d->n) {
                done = (unsigned)strtoul(d->said[0], NULL, 10);
                if (done >= d->n)
                        done = d->n - 1;
                last_words(d, words, sizeof words);
                if (d->late)
                        snprintf(d->why, sizeof d->why, "%s took more than %u s and was killed", d->name,
                                 d->seconds);
                else if (d->signal)
                        snprintf(d->why, sizeof d->why, "%s was ended by signal %d", d->name, d->signal);
                else
                        snprintf(d->why, sizeof d->why, "%s: %s (exit status %d)", d->name,
                                 *words ? words : "failed", d->status);
        }
        const char *why = done < d->n ? d->why : NULL;
        record(d, why);
        struct rv_binding *run = d->run;
        d->run = NULL;
        rv_alarm_clear(&d->agent->loop, &d->alarm);
        char text[sizeof d->why];
        snprintf(text, sizeof text, "%s", d->why);
        d->ended = true;
        if (!d->begun) {
                release(d);
        } else {
                uv_close((uv_handle_t *)&d->process, on_closed);
                for (int i = 0; i < 3; i++)
                        close_pipe(d, i);
        }
        if (run)
                rv_binding_delivered(run, done, why ? text : NULL, false);
}

static void on_soon(struct rv_work *w)
{
        end(OF(w, struct rv_delivery, soon));
}

static void fail(struct rv_delivery *d, const char *what, int error)
{
        snprintf(d->why, sizeof d->why, "%s: %s", what, strerror(error));
        d->soon.run = on_soon;
        rv_loop_soon(&d->agent->loop, &d->soon);
}

/* ---- the process ---- */

static void on_alarm(struct rv_alarm *a)
{
        struct rv_delivery *d = OF(a, struct rv_delivery, alarm);
        if (d->exited) { /* somebody else still holds its output: enough */
                end(d);
                return;
        }
        d->late = true;
        kill(-d->process.pid, SIGKILL);
        uv_process_kill(&d->process, SIGKILL);
}

static void perhaps_end(struct rv_delivery *d)
{
        if (d->exited && !d->open[1] && !d->open[2])
                end(d);
        else if (d->exited)
                rv_alarm_set(&d->agent->loop, &d->alarm, rv_now() + GRACE);
}

static void on_exit_(uv_process_t *p, int64_t status, int signal)
{
        struct rv_delivery *d = p->data;
        d->exited = true;
        d->status = (int)status;
        d->signal = signal;
        perhaps_end(d);
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
        static char room[4096];
        (void)h, (void)suggested;
        *b = uv_buf_init(room, sizeof room);
}

static void on_said(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
        struct rv_delivery *d = s->data;
        int which = (uv_pipe_t *)s == &d->pipes[1] ? 0 : 1;
        if (n > 0) {
                size_t room = sizeof d->said[0] - 1, len = (size_t)n;
                const char *from = b->base;
                if (len > room) {
                        from += len - room;
                        len = room;
                }
                if (d->nsaid[which] + len > room) { /* the end is kept */
                        size_t drop = d->nsaid[which] + len - room;
                        memmove(d->said[which], d->said[which] + drop, d->nsaid[which] - drop);
                        d->nsaid[which] -= drop;
                }
                memcpy(d->said[which] + d->nsaid[which], from, len);
                d->nsaid[which] += len;
                d->said[which][d->nsaid[which]] = 0;
        } else if (n < 0) {
                uv_read_stop(s);
                close_pipe(d, which + 1);
                perhaps_end(d);
        }
}

static void on_sent(uv_write_t *w, int status)
{
        (void)status; /* a process that does not read its input says by its exit status what is wrong */
        close_pipe(w->data, 0);
}

/* A session of its creator's; the other end is for the process. */
static int session_for(struct rv_delivery *d, int *ret)
{
        int fds[2];
        struct rv_identity who = d->who;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        who.pid = 0;
        snprintf(who.session, sizeof who.session, "%.20s-%llx", d->binding->id,
                 (unsigned long long)++d->agent->serial);
        int r = rv_session_new(d->agent, fds[0], &who, NULL);
        if (r) {
                close(fds[1]);
                return r;
        }
        *ret = fds[1];
        return 0;
}

static int spawn(struct rv_delivery *d, int agent)
{
        static char *argv[] = { "reeve-agent", "--deliver", NULL };
        static char *env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                               "LANG=C.UTF-8", NULL };
        uv_stdio_container_t io[4] = {
                { .flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&d->pipes[0] },
                { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&d->pipes[1] },
                { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&d->pipes[2] },
                { .flags = UV_INHERIT_FD, .data.fd = agent }
        };
        const uv_process_options_t o = { .file = "/proc/self/exe",
                                         .args = argv,
                                         .env = env,
                                         .exit_cb = on_exit_,
                                         .cwd = "/",
                                         .flags = UV_PROCESS_DETACHED,
                                         .stdio = io,
                                         .stdio_count = agent >= 0 ? 4 : 3 };
        for (int i = 0; i < 3; i++) {
                uv_pipe_init(&d->agent->loop.uv, &d->pipes[i], 0);
                d->pipes[i].data = d;
                d->open[i] = true;
        }
        d->process.data = d;
        d->handles = 4;
        d->begun = true; /* from here on the handles must be closed, whatever comes */
        int r = uv_spawn(&d->agent->loop.uv, &d->process, &o);
        if (r)
                return r;
        uv_read_start((uv_stream_t *)&d->pipes[1], on_room, on_said);
        uv_read_start((uv_stream_t *)&d->pipes[2], on_room, on_said);
        uv_buf_t b = uv_buf_init(d->input, (unsigned)strlen(d->input));
        d->write.data = d;
        if (uv_write(&d->write, (uv_stream_t *)&d->pipes[0], &b, 1, on_sent))
                on_sent(&d->write, -1);
        return 0;
}

static void go(struct rv_delivery *d)
{
        int agent = -1, r = d->needs_agent ? session_for(d, &agent) : 0;
        if (r) {
                fail(d, "it gets no session of the agent", -r);
                return;
        }
        r = spawn(d, agent);
        if (agent >= 0)
                close(agent);
        if (r) {
                d->exited = true;
                d->status = 127;
                snprintf(d->said[1], sizeof d->said[1], "cannot start: %s", uv_strerror(r));
                d->nsaid[1] = strlen(d->said[1]);
                d->soon.run = on_soon;
                rv_loop_soon(&d->agent->loop, &d->soon);
                return;
        }
        rv_alarm_set(&d->agent->loop, &d->alarm, rv_now() + d->seconds * SECOND);
}

static void on_intent(struct rv_audit *audit, void *state)
{
        struct rv_delivery *d = state;
        if (!d->run) { /* abandoned */
                record(d, "the subscription was stopped");
                release(d);
        } else if (audit->verdict != RV_VERDICT_GO) {
                d->audit = NULL;
                rv_audit_free(audit);
                fail(d, "the audit cannot be written", EIO);
        } else {
                go(d);
        }
}

/* ---- the beginning ---- */

static char *input_of(const struct rv_delivery_plan *p, bool limited)
{
        const struct rv_identity *w = &p->binding->who;
        json_t *events = json_array(), *groups = json_array();
        for (unsigned i = 0; i < p->n; i++)
                json_array_append_new(events, json_loads(p->events[i], 0, NULL));
        for (unsigned i = 0; i < w->ngroups; i++)
                json_array_append_new(groups, json_integer((json_int_t)w->groups[i]));
        json_t *j =
                json_pack("{s:s, s:s, s:I, s:I, s:o, s:b, s:s, s:O, s:o}", "Kind", p->consumer->class->name,
                          "User", w->user, "Uid", (json_int_t)w->uid, "Gid", (json_int_t)w->gid, "Groups",
                          groups, "Limited", limited, "Subscription", rv_stored_text(p->binding, "Name"),
                          "Consumer", p->consumer->v, "Events", events);
        const char *shell = getenv("REEVE_SHELL");
        if (shell)
                json_object_set_new(j, "Shell", json_string(shell));
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        return text;
}

static unsigned seconds_of(const struct rv_stored *c)
{
        if (c->class == &CommandLineEventConsumer_class)
                return (unsigned)rv_stored_number(c, "KillTimeout", 30);
        if (c->class == &ScriptEventConsumer_class)
                return (unsigned)rv_stored_number(c, "KillTimeout", 60);
        return c->class == &RpcEventConsumer_class ? (unsigned)rv_stored_number(c, "Timeout", 30) : 60;
}

/* What leaves the agent is recorded; methods are, when they are called, and lines in a log are a record themselves. */
static struct rv_audit *audit_of(const struct rv_delivery_plan *p)
{
        char key[400], arguments[200], roles[160];
        const struct rv_class *c = p->consumer->class;
        snprintf(key, sizeof key, "%s", p->binding->key);
        snprintf(arguments, sizeof arguments, "{\"First\":%llu,\"Last\":%llu}", (unsigned long long)p->first,
                 (unsigned long long)p->last);
        rv_policy_names(&p->binding->agent->policy, &p->binding->who, roles, sizeof roles);
        return rv_audit_new(&(struct rv_audit_what) { .who = &p->binding->who,
                                                      .operation = "Deliver",
                                                      .class_name = c->name,
                                                      .key = key,
                                                      .arguments = arguments,
                                                      .roles = *roles ? roles : NULL });
}

struct rv_delivery *rv_delivery_start(const struct rv_delivery_plan *p, struct rv_error *err)
{
        struct rv_agent *a = p->binding->agent;
        const struct rv_class *c = p->consumer->class;
        bool limited = !rv_policy_has_all(&a->policy, &p->binding->who),
             command = c == &CommandLineEventConsumer_class, script = c == &ScriptEventConsumer_class,
             method = c == &MethodEventConsumer_class;
        bool audited = !p->quiet && (command || script || c == &RpcEventConsumer_class);
        struct rv_delivery *d = calloc(1, sizeof *d);
        if (d)
                *d = (struct rv_delivery) { .agent = a,
                                            .run = p->run,
                                            .binding = p->binding,
                                            .who = p->binding->who,
                                            .n = p->n,
                                            .seconds = seconds_of(p->consumer),
                                            .needs_agent = script || method || (command && limited),
                                            .input = input_of(p, limited),
                                            .audit = audited ? audit_of(p) : NULL };
        const char *program =
                command ? json_string_value(json_array_get(json_object_get(p->consumer->v, "Command"), 0))
                        : NULL;
        if (d)
                d->name = strdup(program ? program : p->consumer->key);
        if (!d || !d->input || !d->name || (audited && !d->audit)) {
                if (d) {
                        rv_audit_free(d->audit);
                        free(d->input);
                        free(d->name);
                        free(d);
                }
                rv_fail(err, RV_FAILED, "out of memory");
                return NULL;
        }
        d->alarm.ring = on_alarm;
        if (audited)
                rv_audit_intent(d->audit, &a->state, on_intent, d);
        else
                go(d);
        return d;
}

void rv_delivery_abandon(struct rv_delivery *d)
{
        d->run = NULL;
        d->binding = NULL;
        if (d->begun && !d->exited) {
                kill(-d->process.pid, SIGKILL);
                uv_process_kill(&d->process, SIGKILL);
        }
}
