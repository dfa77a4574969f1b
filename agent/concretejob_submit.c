/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/concretejob.h"
#include "agent/elevate.h"
#include "agent/history.h"
#include "agent/log.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
enum { READY_MS = 20000 };

extern char **environ;

/* A job's process, as the agent waits for its end. */
struct rv_cjob_watch {
        struct rv_cjob_watch *next;
        uv_poll_t poll;
        struct rv_agent *agent;
        char id[RV_CJOB_ID];
        pid_t pid;
        int fd;
        const struct rv_class *class; /* what it may have changed; or NULL */
};

/* A request on its way to become a job. */
struct rv_cjob_order {
        struct rv_job job;
        struct rv_work back;
        struct rv_agent *agent;
        struct rv_request *request; /* NULL: nobody waits any more */
        json_t *what, *todo;        /* ID.job, ID.request */
        const char *request_key, *digest;
        const struct rv_class *class;
        bool has_all;
        uint64_t deadline;
        char id[RV_CJOB_ID], base[RV_CJOB_BASE];
        pid_t pid; /* 0: it is another's, of the same RequestKey */
        struct rv_error error;
        int result;
};

static void order_free(struct rv_cjob_order *o)
{
        json_decref(o->what);
        json_decref(o->todo);
        free(o);
}

/* ---- the end of a process ---- */

static void on_watch_closed(uv_handle_t *h)
{
        struct rv_cjob_watch *w = h->data;
        close(w->fd);
        free(w);
}

static void unwatch(struct rv_cjob_watch *w)
{
        struct rv_cjob_watch **at = &w->agent->jobs;
        while (*at && *at != w)
                at = &(*at)->next;
        if (*at)
                *at = w->next;
        uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static void on_ended(uv_poll_t *p, int status, int events)
{
        struct rv_cjob_watch *w = p->data;
        char base[RV_CJOB_BASE];
        int how = 0;
        (void)status, (void)events;
        rv_cjob_base(base, w->id);
        waitpid(w->pid, &how, WNOHANG); /* of one that another agent started there is nothing to be had */
        if (rv_cjob_end(base, "Exception", RV_FAILED,
                        RV_CJOB_LOST) == 0)
                rv_log(RV_LOG_WARNING, "the process of job %s ended without a word", w->id);
        if (w->class)
                rv_history_touched(w->agent, w->class);
        unwatch(w);
}

static void watch(struct rv_agent *a, const char *id, pid_t pid, const struct rv_class *class)
{
        struct rv_cjob_watch *w = calloc(1, sizeof *w);
        int fd = w ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
        if (fd < 0 ||
            uv_poll_init(&a->loop.uv, &w->poll, fd)) { /* its end is seen by who looks at it, then */
                rv_log(RV_LOG_WARNING, "the end of job %s cannot be waited for: %s", id, strerror(errno));
                if (fd >= 0)
                        close(fd);
                free(w);
                return;
        }
        *w = (struct rv_cjob_watch) { .next = a->jobs,
                                      .poll = w->poll,
                                      .agent = a,
                                      .pid = pid,
                                      .fd = fd,
                                      .class = class };
        snprintf(w->id, sizeof w->id, "%s", id);
        w->poll.data = w;
        a->jobs = w;
        uv_poll_start(&w->poll, UV_READABLE, on_ended);
}

static bool adopt(void *data, const char *id, const json_t *job, bool lives)
{
        struct rv_agent *a = data;
        char base[RV_CJOB_BASE];
        rv_cjob_base(base, id);
        json_t *end = rv_cjob_read(base, "end"), *state = rv_cjob_read(base, "state");
        pid_t pid = (pid_t)json_integer_value(json_object_get(state, "ProcessId"));
        const char *class = json_string_value(json_object_get(job, "ClassName"));
        if (!end && lives && pid > 0)
                watch(a, id, pid, class ? rv_class_find(class, NULL) : NULL);
        else if (!end && !lives)
                rv_cjob_end(base, "Exception", RV_FAILED,
                            "its process ended with the host, or was killed: the outcome is unknown");
        json_decref(end);
        json_decref(state);
        return false;
}

void rv_cjobs_start(struct rv_agent *a, bool adopts)
{
        rv_cjob_set_folder(a);
        if (adopts)
                rv_cjob_each(adopt, a);
}

void rv_cjobs_stop(struct rv_agent *a)
{
        while (a->jobs)
                unwatch(a->jobs);
        uv_run(&a->loop.uv, UV_RUN_NOWAIT);
}

/* ---- on a thread: files and process ---- */

struct count {
        const struct rv_cjob_order *order;
        const char *user;
        unsigned running, of_user;
        char same[RV_CJOB_ID]; /* the job of the same RequestKey */
        bool other;            /* but for another request */
};

static bool look(void *data, const char *id, const json_t *job, bool lives)
{
        struct count *c = data;
        const char *user = json_string_value(json_object_get(job, "Owner")),
                   *key = json_string_value(json_object_get(job, "RequestKey")),
                   *digest = json_string_value(json_object_get(job, "Digest"));
        bool his = user && strcmp(user, c->user) == 0;
        c->running += lives;
        c->of_user += lives && his;
        if (his && key && c->order->request_key && strcmp(key, c->order->request_key) == 0) {
                snprintf(c->same, sizeof c->same, "%.*s", RV_CJOB_ID - 1, id);
                c->other = !digest || strcmp(digest, c->order->digest) != 0;
        }
        return false;
}

/* The folder's own lock: what is counted stays so until the new one is among them. */
static int lock_folder(struct rv_error *err)
{
        char path[520];
        snprintf(path, sizeof path, "%s/lock", rv_cjob_folder());
        rv_state_make_folders(path);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || flock(fd, LOCK_EX) < 0) {
                int e = errno;
                if (fd >= 0)
                        close(fd);
                return rv_fail_errno(err, e, "cannot lock %s", path);
        }
        return -fd - 1; /* no outcome */
}

static int may_begin(struct rv_cjob_order *o, struct count *c)
{
        c->order = o;
        c->user = json_string_value(json_object_get(o->what, "Owner"));
        rv_cjob_each(look, c);
        if (c->same[0] && c->other) {
                rv_about(&o->error, NULL, NULL, "RequestKey");
                return rv_fail(&o->error, RV_INVALID_PARAMETER,
                               "the RequestKey was used for another request");
        }
        if (c->same[0])
                return RV_OK;
        const bool he = !o->has_all && c->of_user >= RV_CJOB_OF_USER;
        if (!he && c->running < RV_CJOB_RUNNING * (o->has_all ? 2 : 1))
                return RV_OK;
        rv_hint(&o->error, "Wait for one of them (Get-CimJob), or end one (Stop-CimJob).");
        return rv_fail(&o->error, RV_SERVER_LIMITS_EXCEEDED, "%u jobs%s are under way already",
                       he ? c->of_user : c->running, he ? " of yours" : "");
}

/* ID.job, locked before it has its name. */
static int write_job(struct rv_cjob_order *o)
{
        char new[600], path[600];
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
                return -EIO;
        snprintf(o->id, sizeof o->id, "%012llx", (unsigned long long)(random & 0xffffffffffff));
        rv_cjob_base(o->base, o->id);
        snprintf(new, sizeof new, "%s.job.new", o->base);
        snprintf(path, sizeof path, "%s.job", o->base);
        json_object_set_new(o->what, "InstanceID", json_string(o->id));
        int fd = open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        int high = fcntl(fd, F_DUPFD_CLOEXEC, 16); /* clear of the numbers that the process gets */
        if (high < 0 || flock(high, LOCK_EX | LOCK_NB) < 0 ||
            json_dumpfd(o->what, high, JSON_INDENT(1)) < 0 || fsync(high) < 0 ||
            rv_cjob_write(o->base, "request", o->todo, true) < 0 || rename(new, path) < 0) {
                int e = errno ? errno : EIO;
                if (high >= 0)
                        close(high);
                unlink(new);
                snprintf(path, sizeof path, "%s.request", o->base);
                unlink(path);
                close(fd);
                return -e;
        }
        close(fd); /* the lock is with the open file, not with the number */
        return high;
}

static int spawn(struct rv_cjob_order *o, int ready, int lock)
{
        const struct rv_agent *a = o->agent;
        char state[480];
        char *argv[16] = { "reeve-agent", "--job", o->base, "--state", state };
        const char *const more[][2] = { { "--config", a->given.config },
                                        { "--roles", a->given.roles },
                                        { "--providers", a->given.providers } };
        int n = 5;
        snprintf(state, sizeof state, "%.*s", (int)(strlen(rv_cjob_folder()) - strlen("/jobs")),
                 rv_cjob_folder());
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
                if (more[i][1]) {
                        argv[n++] = (char *)more[i][0];
                        argv[n++] = (char *)more[i][1];
                }
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none;
        sigemptyset(&none);
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&files, 0, 1);
        posix_spawn_file_actions_adddup2(&files, ready, 3);
        posix_spawn_file_actions_adddup2(&files, lock, 4);
        int r = posix_spawn(&o->pid, "/proc/self/exe", &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return r;
}

/* "ok", or why not. */
static int wait_ready(struct rv_cjob_order *o, int fd)
{
        char text[300] = "";
        struct pollfd p = { fd, POLLIN, 0 };
        ssize_t n = poll(&p, 1, READY_MS) > 0 ? read(fd, text, sizeof text - 1) : -1;
        if (n == 2 && strcmp(text, "ok") == 0)
                return RV_OK;
        rv_cjob_end(o->base, "Exception", RV_FAILED, n > 0 ? text : "its process did not begin");
        return rv_fail(&o->error, RV_FAILED, "job %s did not begin: %s", o->id,
                       n > 0 ? text : "its process ended, or was too slow");
}

static int begin(struct rv_cjob_order *o)
{
        struct count c = { 0 };
        int fds[2], r = may_begin(o, &c);
        if (r)
                return r;
        if (c.same[0]) {
                snprintf(o->id, sizeof o->id, "%s", c.same);
                return RV_OK;
        }
        rv_cjob_prune();
        int lock = write_job(o);
        if (lock < 0) {
                rv_hint(&o->error,
                        "Nothing was changed. Make the state folder writable, or free space on its disk.");
                rv_fail_errno(&o->error, -lock, "the job cannot be written down in %s", rv_cjob_folder());
                return o->error.code;
        }
        if (pipe2(fds, O_CLOEXEC) < 0) {
                close(lock);
                return -errno;
        }
        int high = fcntl(fds[1], F_DUPFD_CLOEXEC, 16);
        close(fds[1]);
        r = high < 0 ? errno : spawn(o, high, lock);
        if (high >= 0)
                close(high);
        close(lock);
        if (r) {
                o->pid = 0;
                rv_cjob_end(o->base, "Exception", RV_FAILED, "its process could not be started");
                rv_fail_errno(&o->error, r, "cannot start the process of a job");
        } else {
                wait_ready(o, fds[0]);
        }
        close(fds[0]);
        return o->error.code;
}

static void run(struct rv_job *job)
{
        struct rv_cjob_order *o = OF(job, struct rv_cjob_order, job);
        int lock = lock_folder(&o->error);
        o->result = lock >= 0 ? o->error.code : begin(o);
        if (lock < 0)
                close(-lock - 1);
        rv_loop_post(&o->agent->loop, &o->back);
}

/* ---- on the loop ---- */

static void answer(struct rv_cjob_order *o)
{
        struct rv_request *q = o->request;
        struct rv_buf b = { 0 };
        q->job = NULL;
        if (o->result) {
                if (o->result < 0)
                        rv_fail_errno(&o->error, o->result, "a fault in reeve");
                rv_answer_error(q, &o->error);
                return;
        }
        rv_buf_putf(&b, "{%s\"Job\":{\"InstanceID\":\"%s\"}}", q->method ? "\"ReturnValue\":4096," : "",
                    o->id);
        rv_answer(q, b.data ? b.data : "{}", b.data ? b.len : 2);
        rv_buf_free(&b);
}

static void on_back(struct rv_work *w)
{
        struct rv_cjob_order *o = OF(w, struct rv_cjob_order, back);
        if (o->pid > 0)
                watch(o->agent, o->id, o->pid, o->class);
        if (o->request)
                answer(o);
        order_free(o);
}

void rv_cjob_orphan(struct rv_request *q)
{
        if (q->job)
                q->job->request = NULL;
        q->job = NULL;
}

static json_t *who_of(const struct rv_identity *who)
{
        json_t *groups = json_array();
        for (unsigned i = 0; i < who->ngroups; i++)
                json_array_append_new(groups, json_integer((json_int_t)who->groups[i]));
        return json_pack("{s:I, s:I, s:b, s:s, s:s, s:s, s:s, s:s, s:o}", "Uid", (json_int_t)who->uid, "Gid",
                         (json_int_t)who->gid, "Admin", (int)who->admin, "User", who->user, "Key", who->key,
                         "Source", who->source, "Session", who->session, "Role", who->role, "Groups", groups);
}

static json_t *todo_of(struct rv_request *q)
{
        json_t *params = json_copy(q->params);
        json_object_del(params, "AsJob");
        json_object_del(params, "partialResultToken");
        return json_pack("{s:o, s:s, s:o}", "Who", who_of(&q->session->who), "Operation", rv_op_name(q->op),
                         "Params", params);
}

static void put(json_t *to, const char *name, const char *value)
{
        if (value && *value)
                json_object_set_new(to, name, json_string(value));
}

static void put_name(json_t *to, const struct rv_audit *a)
{
        char name[300];
        const char *key = a->key && strcmp(a->key, "null") != 0 ? a->key : "";
        snprintf(name, sizeof name, "%.80s%s%.80s%s%.120s", a->class_name ? a->class_name : a->operation,
                 a->class_name ? "." : "",
                 !a->class_name ? ""
                 : a->method    ? a->method
                                : a->operation,
                 *key ? " " : "", key);
        /* A name that is cut in the middle of a character is none. */
        size_t n = strlen(name);
        while (n && ((unsigned char)name[n - 1] & 0x80))
                n--;
        json_object_set_new(to, "Name", json_stringn(name, strlen(name) < 280 ? strlen(name) : n));
}

/* What may be shown of it: secrets are not among it. */
static json_t *what_of(struct rv_request *q, const struct rv_audit *a)
{
        const struct rv_identity *who = &q->session->who;
        json_t *j = json_pack("{s:s, s:s, s:I, s:I, s:I}", "Operation", a->operation, "Owner", who->user,
                              "Uid", (json_int_t)who->uid, "Submitted", (json_int_t)rv_wall(), "Until",
                              (json_int_t)(rv_wall() + (int64_t)(q->deadline - rv_now())));
        put_name(j, a);
        put(j, "ClassName", a->class_name);
        put(j, "MethodName", a->method);
        put(j, "Key", a->key && strcmp(a->key, "null") != 0 ? a->key : NULL);
        put(j, "Arguments", a->arguments);
        put(j, "Roles", a->roles);
        put(j, "Session", who->session);
        put(j, "Source", who->source);
        put(j, "LoginRole", who->role);
        put(j, "RequestKey", a->request_key);
        put(j, "Digest", a->digest);
        return j;
}

static int refuse(const struct rv_request *q, struct rv_error *err)
{
        const struct rv_class *c = rv_class_find("Job", NULL);
        struct rv_policy *p = &q->agent->policy;
        char ids[RV_ELEVATION_ID * 4] = "";
        rv_about(err, NULL, NULL, "AsJob");
        if (q->confirm_within)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a change is either a job or put back unless it is confirmed: "
                               "AsJob and ConfirmWithin exclude each other");
        if (!rv_cjob_folder()[0] || q->agent->is_job)
                return rv_fail(err, RV_NOT_SUPPORTED, "this agent has no folder for jobs");
        if (!rv_policy_has_all(p, &q->session->who))
                rv_elevation_ids(&q->session->who, ids, sizeof ids);
        if (*ids)
                return rv_fail(
                        err, RV_NOT_SUPPORTED,
                        "a role that you have for a time does not reach a job, which would outlast it");
        if (rv_authorize(p, &q->session->who, RV_RIGHT_READ, c, NULL, NULL)) {
                rv_hint(err, "Ask for a role that allows Read of Job, or call without AsJob.");
                return rv_fail(err, RV_ACCESS_DENIED,
                               "denied: no role lets you see jobs, so there would be nothing to see of it");
        }
        rv_about(err, NULL, NULL, "");
        return RV_OK;
}

int rv_cjob_submit(struct rv_request *q, struct rv_error *err)
{
        struct rv_entry *e = rv_entry_find(q->agent, rv_class_find("Job", NULL));
        int r = e ? refuse(q, err) : -ENOENT;
        struct rv_audit *a = r ? NULL : rv_request_audit(q);
        struct rv_cjob_order *o = a ? calloc(1, sizeof *o) : NULL;
        if (!o) {
                rv_audit_free(a);
                return r ? r : -ENOMEM;
        }
        *o = (struct rv_cjob_order) { .job.run = run,
                                      .back.run = on_back,
                                      .agent = q->agent,
                                      .request = q,
                                      .what = what_of(q, a),
                                      .todo = todo_of(q),
                                      .class = q->asked && q->asked->view_of
                                                       ? rv_class_find(q->asked->view_of, NULL)
                                                       : q->asked,
                                      .has_all = rv_policy_has_all(&q->agent->policy, &q->session->who) };
        rv_audit_free(a);
        o->request_key = json_string_value(json_object_get(o->what, "RequestKey"));
        o->digest = json_string_value(json_object_get(o->what, "Digest"));
        r = o->what && o->todo ? rv_pool_submit(&e->pool, &o->job, err) : -ENOMEM;
        if (r) {
                order_free(o);
                return r;
        }
        q->job = o;
        return RV_OK;
}
