/* SPDX-License-Identifier: MIT */
#include "agent/concretejob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/stats.h"

static char folder[480]; /* set once, before there are threads */

const char *rv_cjob_folder(void)
{
        return folder;
}

void rv_cjob_set_folder(const struct rv_agent *a)
{
        char state[440];
        if (rv_stats_folder(a, state, sizeof state))
                snprintf(folder, sizeof folder, "%s/jobs", state);
}

json_t *rv_cjob_read(const char *base, const char *ending)
{
        char path[600];
        snprintf(path, sizeof path, "%s.%s", base, ending);
        return json_load_file(path, JSON_ALLOW_NUL, NULL);
}

int rv_cjob_write(const char *base, const char *ending, const json_t *j, bool once)
{
        char path[600], new[640];
        snprintf(path, sizeof path, "%s.%s", base, ending);
        snprintf(new, sizeof new, "%s.%d.new", path, (int)getpid());
        int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;
        if (fd < 0)
                return -errno;
        if (json_dumpfd(j, fd, JSON_COMPACT) < 0 || (once && fsync(fd) < 0))
                r = errno ? -errno : -ENOSPC;
        close(fd);
        if (r == 0 && renameat2(AT_FDCWD, new, AT_FDCWD, path, once ? RENAME_NOREPLACE : 0) < 0)
                r = -errno;
        if (r)
                unlink(new);
        return r;
}

/* The lock is held by what the process shares with whoever started it, so there is no moment without. */
bool rv_cjob_lives(const char *base)
{
        char path[600];
        snprintf(path, sizeof path, "%s.job", base);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        bool lives = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
        if (fd >= 0)
                close(fd);
        return lives;
}

int rv_cjob_end(const char *base, const char *state, int code, const char *message)
{
        json_t *j = json_pack("{s:s, s:I}", "JobState", state, "Ended", (json_int_t)rv_wall());
        if (j && message) {
                json_object_set_new(j, "ErrorCode", json_integer(code));
                json_object_set_new(j, "ErrorDescription", json_string(message));
        }
        int r = j ? rv_cjob_write(base, "end", j, true) : -ENOMEM;
        json_decref(j);
        return r;
}

void rv_cjob_base(char to[RV_CJOB_BASE], const char *id)
{
        snprintf(to, RV_CJOB_BASE, "%s/%.*s", folder, RV_CJOB_ID, id);
}

int rv_cjob_each(bool (*each)(void *, const char *, const json_t *, bool), void *data)
{
        DIR *d = folder[0] ? opendir(folder) : NULL;
        bool stop = false;
        for (struct dirent *e; d && !stop && (e = readdir(d));) {
                char id[RV_CJOB_ID + 1], base[RV_CJOB_BASE];
                const char *dot = strchr(e->d_name, '.');
                if (!dot || strcmp(dot, ".job") != 0 || dot - e->d_name >= RV_CJOB_ID)
                        continue;
                snprintf(id, sizeof id, "%.*s", (int)(dot - e->d_name), e->d_name);
                rv_cjob_base(base, id);
                json_t *j = rv_cjob_read(base, "job");
                stop = j && each(data, id, j, rv_cjob_lives(base));
                json_decref(j);
        }
        if (d)
                closedir(d);
        return 0;
}

/* ---- for the class Job ---- */

/* His own, with the same login role; who has everything: all. */
static bool may_see(const struct rv_call *c, const json_t *j)
{
        const struct rv_agent *a = c->core;
        const char *user = json_string_value(json_object_get(j, "Owner")),
                   *role = json_string_value(json_object_get(j, "LoginRole"));
        return rv_policy_has_all(&a->policy, c->who) ||
               (user && strcmp(user, c->who->user) == 0 &&
                json_integer_value(json_object_get(j, "Uid")) == (json_int_t)c->who->uid &&
                (!*c->who->role || (role && strcmp(role, c->who->role) == 0)));
}

struct listing {
        const struct rv_call *call;
        int (*each)(void *, const struct rv_cjob_view *);
        void *data;
        int result;
};

static const char *text_of(const json_t *j, const char *name)
{
        return json_string_value(json_object_get(j, name));
}

static int64_t number_of(const json_t *j, const char *name)
{
        return json_integer_value(json_object_get(j, name));
}

static int show(struct listing *l, const char *id, const json_t *job, bool lives)
{
        char base[RV_CJOB_BASE];
        rv_cjob_base(base, id);
        json_t *end = rv_cjob_read(base, "end"), *state = rv_cjob_read(base, "state");
        bool lost = !end && !lives;
        const json_t *percent = json_object_get(state, "PercentComplete");
        char *result = json_dumps(json_object_get(end, "Result"), JSON_COMPACT | JSON_ENCODE_ANY),
             *error = json_dumps(json_object_get(end, "Error"), JSON_COMPACT);
        const char *now = text_of(end, "JobState");
        const struct rv_cjob_view v = {
                .id = id,
                .name = text_of(job, "Name"),
                .state = now                          ? now
                         : lost                       ? "Exception"
                         : text_of(state, "JobState") ? text_of(state, "JobState")
                                                      : "Starting",
                .status = end || lost ? NULL : text_of(state, "JobStatus"),
                .operation = text_of(job, "Operation"),
                .class_name = text_of(job, "ClassName"),
                .method = text_of(job, "MethodName"),
                .key = text_of(job, "Key"),
                .arguments = text_of(job, "Arguments"),
                .user = text_of(job, "Owner"),
                .session = text_of(job, "Session"),
                .source = text_of(job, "Source"),
                .request_key = text_of(job, "RequestKey"),
                .roles = text_of(job, "Roles"),
                .result = result,
                .error = error,
                .error_text = lost ? RV_CJOB_LOST : text_of(end, "ErrorDescription"),
                .error_code = lost ? RV_FAILED : (unsigned)number_of(end, "ErrorCode"),
                .percent = now && strcmp(now, "Completed") == 0 ? 100
                           : percent                            ? (int)json_integer_value(percent)
                                                                : -1,
                .submitted = number_of(job, "Submitted"),
                .started = number_of(state, "Started"),
                .changed = end ? number_of(end, "Ended") : number_of(state, "Changed"),
                .ended = number_of(end, "Ended"),
                .until = number_of(job, "Until"),
                .pid = end || lost ? 0 : (uint32_t)number_of(state, "ProcessId"),
        };
        int r = l->each(l->data, &v);
        free(result);
        free(error);
        json_decref(end);
        json_decref(state);
        return r;
}

static bool list_one(void *data, const char *id, const json_t *job, bool lives)
{
        struct listing *l = data;
        l->result = may_see(l->call, job) ? show(l, id, job, lives) : 0;
        return l->result != 0;
}

static bool is_id(const char *id)
{
        size_t n = strspn(id, "0123456789abcdef");
        return n == RV_CJOB_ID - 1 && !id[n];
}

int rv_stats_each_job(const struct rv_call *c, const char *only,
                      int (*each)(void *, const struct rv_cjob_view *), void *data)
{
        struct listing l = { .call = c, .each = each, .data = data };
        char base[RV_CJOB_BASE];
        if (!only) {
                rv_cjob_each(list_one, &l);
                return l.result;
        }
        if (!folder[0] || !is_id(only))
                return 0;
        rv_cjob_base(base, only);
        json_t *job = rv_cjob_read(base, "job");
        if (job)
                list_one(&l, only, job, rv_cjob_lives(base));
        json_decref(job);
        return l.result;
}

/* The process behind a job: a descriptor that means nobody else, whatever happens to the number. */
static int process_of(const char *base)
{
        json_t *state = rv_cjob_read(base, "state");
        pid_t pid = (pid_t)number_of(state, "ProcessId");
        json_decref(state);
        int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
        if (fd >= 0 && !rv_cjob_lives(base)) { /* the number may have been another's when it was opened */
                close(fd);
                fd = -1;
        }
        return fd;
}

static void signal_it(int fd, int signum)
{
        syscall(SYS_pidfd_send_signal, fd, signum, NULL, 0);
}

static int take(const struct rv_call *c, const char *id, char base[RV_CJOB_BASE], struct rv_error *err)
{
        json_t *job = NULL;
        if (folder[0] && is_id(id)) {
                rv_cjob_base(base, id);
                job = rv_cjob_read(base, "job");
        }
        bool mine = job && may_see(c, job);
        json_decref(job);
        return mine ? RV_OK : rv_fail(err, RV_NOT_FOUND, "there is no job %.40s", id);
}

static bool has_ended(const char *base)
{
        json_t *end = rv_cjob_read(base, "end");
        json_decref(end);
        return end || !rv_cjob_lives(base);
}

int rv_stats_end_job(const struct rv_call *c, const char *id, bool kill, struct rv_error *err)
{
        char base[RV_CJOB_BASE];
        int r = take(c, id, base, err);
        if (r)
                return r;
        if (has_ended(base))
                return rv_fail(err, RV_FAILED, "job %s has ended already", id);
        if (c->what_if)
                return RV_OK;
        int fd = process_of(base);
        if (fd < 0)
                return has_ended(base)
                               ? rv_fail(err, RV_FAILED, "job %s has ended already", id)
                               : rv_fail(err, RV_UNAVAILABLE, "job %s is only just starting: try again", id);
        if (kill) { /* nobody is to see it gone before it is said why */
                signal_it(fd, SIGSTOP);
                r = rv_cjob_end(base, "Killed", RV_FAILED,
                                "it was killed: what it had begun may be half done");
                signal_it(fd, SIGKILL);
                if (r == -EEXIST)
                        r = rv_fail(err, RV_FAILED, "job %s has just ended", id);
        } else {
                signal_it(fd, SIGTERM);
        }
        close(fd);
        return r;
}

static void unlink_all(const char *base)
{
        static const char *const endings[] = { "request", "state", "end", "job" };
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
                char path[600];
                snprintf(path, sizeof path, "%s.%s", base, endings[i]);
                unlink(path);
        }
}

int rv_stats_forget_job(const struct rv_call *c, const char *id, struct rv_error *err)
{
        char base[RV_CJOB_BASE];
        int r = take(c, id, base, err);
        if (r == RV_OK && !has_ended(base)) {
                rv_hint(err, "Stop-CimJob ends it.");
                return rv_fail(err, RV_FAILED, "job %s is under way: its record stays until it has ended",
                               id);
        }
        if (r == RV_OK && !c->what_if)
                unlink_all(base);
        return r;
}

/* ---- what has ended goes in time ---- */

struct old {
        char id[RV_CJOB_ID + 1];
        int64_t ended;
};

struct ended {
        struct old of[RV_CJOB_KEPT * 2];
        unsigned n;
};

static bool gather(void *data, const char *id, const json_t *job, bool lives)
{
        struct ended *all = data;
        char base[RV_CJOB_BASE];
        if (lives || all->n == sizeof all->of / sizeof *all->of)
                return false;
        rv_cjob_base(base, id);
        json_t *end = rv_cjob_read(base, "end");
        struct old *o = &all->of[all->n++];
        snprintf(o->id, sizeof o->id, "%s", id);
        o->ended = end ? number_of(end, "Ended") : number_of(job, "Submitted");
        json_decref(end);
        return false;
}

static int by_age(const void *a, const void *b)
{
        int64_t x = ((const struct old *)a)->ended, y = ((const struct old *)b)->ended;
        return x < y ? 1 : x > y ? -1 : 0;
}

void rv_cjob_prune(void)
{
        struct ended *all = calloc(1, sizeof *all);
        int64_t oldest = rv_wall() - RV_CJOB_DAYS * INT64_C(86400) * 1000000000;
        if (!all)
                return;
        rv_cjob_each(gather, all);
        qsort(all->of, all->n, sizeof *all->of, by_age);
        for (unsigned i = 0; i < all->n; i++)
                if (i >= RV_CJOB_KEPT || all->of[i].ended < oldest) {
                        char base[RV_CJOB_BASE];
                        rv_cjob_base(base, all->of[i].id);
                        unlink_all(base);
                }
        free(all);
}

/* ---- news ---- */

int rv_stats_job_news(void)
{
        if (!folder[0])
                return -ENOENT;
        char path[520];
        snprintf(path, sizeof path, "%s/lock", folder);
        rv_state_make_folders(path);
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd >= 0 && inotify_add_watch(fd, folder, IN_MOVED_TO | IN_DELETE) >= 0)
                return fd;
        int e = errno;
        if (fd >= 0)
                close(fd);
        return -e;
}

int rv_stats_read_job_news(int fd, void (*each)(void *, const char *id), void *data)
{
        char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n = read(fd, buf, sizeof buf);
        for (char *p = buf; n > 0 && p < buf + n;) {
                const struct inotify_event *e = (const struct inotify_event *)p;
                const char *dot = e->len ? strchr(e->name, '.') : NULL;
                char id[RV_CJOB_ID + 1];
                if (e->mask & IN_Q_OVERFLOW)
                        return -ENOBUFS;
                if (dot && dot - e->name == RV_CJOB_ID - 1 && !strstr(dot, ".new")) {
                        snprintf(id, sizeof id, "%.*s", RV_CJOB_ID - 1, e->name);
                        each(data, id);
                }
                p += sizeof *e + e->len;
        }
        return 0;
}
