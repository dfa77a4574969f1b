/* SPDX-License-Identifier: MIT */
#include "agent/confirm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/log.h"
#include "agent/stats.h"

extern char **environ;

/* Set once, before there are threads. */
static char folder[480], state[400], socket_path[200];

static void boot_id(char *to, size_t size)
{
        FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
        to[0] = 0;
        if (f && fgets(to, (int)size, f))
                to[strcspn(to, "\n")] = 0;
        if (f)
                fclose(f);
}

static void path_of(char *to, size_t size, const char *id, const char *as)
{
        snprintf(to, size, "%s/%.23s.%s", folder, id, as);
}

/* ---- guards ---- */

/* Where systemd runs the host a guard has a scope of its own, so that it outlives the agent's unit, and is told before
 * that one and the network go when the host stops. It begins as systemd-run, which becomes it. */
static int in_scope(char **argv, const char *file, char *unit, size_t size)
{
        static char *const words[] = { "systemd-run",
                                       "--scope",
                                       "--quiet",
                                       "--collect",
                                       "--description=reeve: guard of a change",
                                       "-p",
                                       "After=reeve-agent.service",
                                       "-p",
                                       "After=network.target",
                                       "-p",
                                       "After=dbus.service",
                                       "-p",
                                       "After=NetworkManager.service",
                                       "-p",
                                       "After=nftables.service",
                                       "-p",
                                       "TimeoutStopSec=60" };
        int n = 0;
        const char *name = strrchr(file, '/');
        if (geteuid() != 0 || access("/run/systemd/system", F_OK) != 0)
                return 0;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                argv[n++] = words[i];
        snprintf(unit, size, "--unit=reeve-guard-%.12s", name ? name + 1 : "");
        argv[n++] = unit;
        argv[n++] = "--";
        return n;
}

/* Starts a guard over a file. ready: its descriptor 3, or -1. */
static int start_guard(const char *file, bool scope, int ready, pid_t *ret)
{
        char *argv[32], unit[64], self[500] = "reeve-agent";
        int n = scope ? in_scope(argv, file, unit, sizeof unit) : 0;
        const bool scoped = n > 0;
        if (scoped) {
                ssize_t got = readlink("/proc/self/exe", self, sizeof self - 1);
                self[got > 0 ? got : 0] = 0;
        }
        argv[n++] = self;
        argv[n++] = "--guard";
        argv[n++] = (char *)file;
        argv[n++] = "--state";
        argv[n++] = state;
        if (socket_path[0]) {
                argv[n++] = "--socket";
                argv[n++] = socket_path;
        }
        argv[n] = NULL;
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&files, 0, 1);
        if (ready >= 0)
                posix_spawn_file_actions_adddup2(&files, ready, 3);
        int r = scoped ? posix_spawnp(ret, "systemd-run", &files, &attr, argv, environ)
                       : posix_spawn(ret, "/proc/self/exe", &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return r;
}

/* Waits for the guard's word: "ok", or why not. *ret_silent: it ended without one. */
static int wait_ready(int fd, uint64_t deadline, bool *ret_silent, struct rv_error *err)
{
        char text[300];
        size_t n = 0;
        *ret_silent = false;
        while (n < sizeof text - 1) {
                uint64_t now = rv_now();
                struct pollfd p = { fd, POLLIN, 0 };
                int left = now < deadline ? (int)((deadline - now) / 1000000) + 1 : 0;
                int r = poll(&p, 1, left < 10000 ? left : 10000);
                if (r == 0)
                        return rv_fail(err, RV_TIMED_OUT,
                                       "the guard of this change did not become ready in time");
                ssize_t got = read(fd, text + n, sizeof text - 1 - n);
                if (got <= 0)
                        break;
                n += (size_t)got;
        }
        text[n] = 0;
        *ret_silent = n == 0;
        if (strcmp(text, "ok") == 0)
                return RV_OK;
        return rv_fail(err, RV_FAILED, "this change cannot be guarded: %s", n ? text : "its guard ended");
}

static unsigned count(const char *ending)
{
        DIR *d = opendir(folder);
        unsigned n = 0;
        for (struct dirent *e; d && (e = readdir(d));) {
                const char *dot = strrchr(e->d_name, '.');
                n += dot && strcmp(dot + 1, ending) == 0;
        }
        if (d)
                closedir(d);
        return n;
}

/* The oldest of those that are over go, so that at most RV_CONFIRM_KEPT stay. */
static void prune(void)
{
        while (count("reverted") + count("failed") > RV_CONFIRM_KEPT) {
                DIR *d = opendir(folder);
                char oldest[600] = "", path[800];
                struct timespec t = { .tv_sec = INT64_MAX };
                struct stat st;
                for (struct dirent *e; d && (e = readdir(d));) {
                        const char *dot = strrchr(e->d_name, '.');
                        if (!dot || (strcmp(dot, ".reverted") != 0 && strcmp(dot, ".failed") != 0))
                                continue;
                        snprintf(path, sizeof path, "%s/%.200s", folder, e->d_name);
                        if (stat(path, &st) == 0 && st.st_mtim.tv_sec < t.tv_sec) {
                                t = st.st_mtim;
                                snprintf(oldest, sizeof oldest, "%.599s", path);
                        }
                }
                if (d)
                        closedir(d);
                if (!oldest[0] || unlink(oldest) < 0)
                        return;
        }
}

/* Of what another boot left the kernel has forgotten all; what lies in files ([Lasting]) is there, and is still to be
 * confirmed: the guard looks at that alone. False: there is nothing of that kind. */
static bool keep_files_only(const char *path, json_t *j, const char *boot)
{
        char new[820];
        json_t *name, *lasting = json_array();
        size_t i;
        json_array_foreach(json_object_get(j, "Classes"), i, name)
        {
                const struct rv_class *c = rv_class_find(json_string_value(name), NULL);
                if (c && rv_qualifier_find(c->qualifiers, c->nqualifiers, "Lasting"))
                        json_array_append(lasting, name);
        }
        size_t n = json_array_size(lasting);
        json_object_set_new(j, "Classes", lasting);
        json_object_set_new(j, "Boot", json_string(boot));
        json_object_set_new(j, "Later", json_true());
        snprintf(new, sizeof new, "%s.new", path);
        return n && json_object_get(j, "Before") && json_dump_file(j, new, JSON_COMPACT) == 0 &&
               chmod(new, 0600) == 0 && rename(new, path) == 0;
}

/* What has no guard gets one. */
static void take_over(const char *name)
{
        char path[800], lock[800], boot[64];
        snprintf(path, sizeof path, "%s/%.200s", folder, name);
        snprintf(lock, sizeof lock, "%s/%.23s.lock", folder, name);
        char *dot = strchr(lock + strlen(folder) + 1, '.');
        if (dot)
                snprintf(dot, sizeof lock - (size_t)(dot - lock), ".lock");
        json_t *j = json_load_file(path, 0, NULL);
        const char *of = json_string_value(json_object_get(j, "Boot"));
        boot_id(boot, sizeof boot);
        int fd = open(lock, O_RDWR | O_CLOEXEC);
        bool guarded = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
        pid_t pid;
        if (fd >= 0)
                close(fd);
        if ((!of || strcmp(of, boot) != 0) && !keep_files_only(path, j, boot)) {
                rv_log(RV_LOG_NOTICE, "the change guarded by %s ended with the host's last boot", name);
                unlink(path);
                unlink(lock);
        } else if (!guarded && start_guard(path, true, -1, &pid) == 0) {
                rv_log(RV_LOG_NOTICE, "the change guarded by %s has a new guard", name);
        }
        json_decref(j);
}

void rv_confirm_start(const char *state_folder, const char *socket)
{
        if (!state_folder)
                return;
        snprintf(state, sizeof state, "%s", state_folder);
        snprintf(folder, sizeof folder, "%s/confirm", state);
        snprintf(socket_path, sizeof socket_path, "%s", socket ? socket : "");
        DIR *d = opendir(folder);
        for (struct dirent *e; d && (e = readdir(d));) {
                const char *dot = strrchr(e->d_name, '.');
                if (dot && (strcmp(dot, ".pending") == 0 || strcmp(dot, ".reverting") == 0))
                        take_over(e->d_name);
        }
        if (d)
                closedir(d);
}

/* ---- a change ---- */

/* [Confirmed] of the method, else of its class. */
static const struct rv_qualifier *confirmed(const struct rv_call *c)
{
        const struct rv_qualifier *q = NULL;
        if (c->method)
                q = rv_qualifier_find(c->method->qualifiers, c->method->nqualifiers, "Confirmed");
        return q ? q : rv_qualifier_find(c->class->qualifiers, c->class->nqualifiers, "Confirmed");
}

/* What the change was given, its object's keys and arguments, for "@NAME=?" of [Restore]. */
static json_t *given(const struct rv_call *c, const char *arguments)
{
        json_t *all = arguments ? json_loads(arguments, 0, NULL) : NULL;
        if (!json_is_object(all)) {
                json_decref(all);
                all = json_object();
        }
        for (uint32_t i = 0; i < c->class->nkeys; i++) {
                const struct rv_arg *k = &c->key[c->class->keys[i]];
                const char *name = c->class->properties[c->class->keys[i]].name;
                if (k->type == RV_UINT)
                        json_object_set_new(all, name, json_integer((json_int_t)k->u));
                else if (k->type == RV_STRING)
                        json_object_set_new(all, name, json_string(k->s));
        }
        return all;
}

static json_t *describe(const struct rv_confirm *f, const struct rv_call *c, const char *arguments)
{
        const struct rv_qualifier *classes = confirmed(c);
        char boot[64], operation[200];
        snprintf(operation, sizeof operation, "%s%s%s", c->class->name, c->method ? "." : "",
                 c->method ? c->method->name : "");
        boot_id(boot, sizeof boot);
        json_t *list = json_array();
        for (uint32_t i = 0; i < classes->nvalues; i++)
                json_array_append_new(list, json_string(classes->values[i]));
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:o, s:o}", "Id", f->id, "ClassName",
                         c->class->name, "Operation", operation, "User", c->who->user, "Session",
                         c->who->session, "Source", c->who->source, "Started", (json_int_t)rv_wall(),
                         "Within", (int)f->within, "Boot", boot, "Given", given(c, arguments), "Classes",
                         list);
}

static int refuse(struct rv_error *err, const struct rv_call *c)
{
        const struct rv_class *k = c->class;
        if (!confirmed(c))
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "%s%s%s cannot be put back by itself: ConfirmWithin is not for it", k->name,
                               c->method ? "." : "", c->method ? c->method->name : "");
        if (!folder[0]) {
                rv_hint(err,
                        "Start reeved, or reeve-agent with --state: this agent ends with its connection.");
                return rv_fail(err, RV_NOT_SUPPORTED, "ConfirmWithin needs an agent that stays");
        }
        if (count("pending") >= RV_CONFIRM_PENDING)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED,
                               "%d changes wait for their confirmation already", RV_CONFIRM_PENDING);
        return RV_OK;
}

/* Starts the guard and waits until it has noted everything. */
static int guarded(const char *path, bool scope, uint64_t deadline, bool *ret_silent, struct rv_error *err)
{
        int fds[2];
        pid_t pid;
        *ret_silent = false;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return rv_fail_errno(err, errno, "cannot start the guard of this change");
        int r = start_guard(path, scope, fds[1], &pid);
        close(fds[1]);
        *ret_silent = r != 0;
        r = r ? rv_fail_errno(err, r, "cannot start the guard of this change")
              : wait_ready(fds[0], deadline, ret_silent, err);
        close(fds[0]);
        return r;
}

int rv_confirm_begin(struct rv_confirm *f, const struct rv_call *c, const char *arguments,
                     struct rv_error *err)
{
        int r = refuse(err, c);
        bool silent;
        char path[560];
        uint64_t random;
        if (r)
                return r;
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                return rv_fail_errno(err, errno, "cannot make %s", folder);
        prune();
        if (getrandom(&random, sizeof random, 0) != sizeof random)
                return -EIO;
        snprintf(f->id, sizeof f->id, "%012llx", (unsigned long long)(random & 0xffffffffffff));
        path_of(path, sizeof path, f->id, "pending");
        json_t *j = describe(f, c, arguments);
        int bad = !j || json_dump_file(j, path, JSON_INDENT(1)) < 0 || chmod(path, 0600) < 0;
        json_decref(j);
        if (bad) {
                rv_confirm_drop(f);
                return rv_fail_errno(err, EIO, "cannot write %s", path);
        }
        r = guarded(path, true, c->deadline, &silent, err);
        if (r && silent) { /* systemd gives no scope: within the agent's own it holds nearly as well */
                if (err)
                        *err = (struct rv_error) { 0 };
                r = guarded(path, false, c->deadline, &silent, err);
        }
        f->revert_at = rv_wall() + f->within * INT64_C(1000000000);
        if (r)
                rv_confirm_drop(f);
        return r;
}

void rv_confirm_put(const struct rv_confirm *f, struct rv_buf *to, bool first)
{
        time_t t = (time_t)(f->revert_at / 1000000000);
        char text[40];
        struct tm tm;
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
        rv_buf_putf(to, "%s\"Transaction\":\"%s\",\"RevertAt\":\"%s\"", first ? "" : ",", f->id, text);
}

void rv_confirm_drop(struct rv_confirm *f)
{
        char path[560];
        if (!f->id[0])
                return;
        path_of(path, sizeof path, f->id, "pending");
        unlink(path);
        f->id[0] = 0;
}

/* ---- for the class Transaction ---- */

static const char *text_of(json_t *j, const char *name)
{
        return json_string_value(json_object_get(j, name));
}

static const char *const states[][2] = { { "pending", "Pending" },
                                         { "reverting", "Reverting" },
                                         { "reverted", "Reverted" },
                                         { "failed", "Failed" } };

int rv_stats_each_transaction(int (*each)(void *, const struct rv_transaction *), void *data)
{
        DIR *d = folder[0] ? opendir(folder) : NULL;
        int r = 0;
        for (struct dirent *e; d && r == 0 && (e = readdir(d));) {
                char path[800];
                const char *dot = strrchr(e->d_name, '.'), *name = NULL;
                for (size_t i = 0; dot && i < sizeof states / sizeof *states; i++)
                        if (strcmp(dot + 1, states[i][0]) == 0)
                                name = states[i][1];
                if (!name)
                        continue;
                snprintf(path, sizeof path, "%s/%.200s", folder, e->d_name);
                json_t *j = json_load_file(path, 0, NULL);
                if (text_of(j, "Id"))
                        r = each(data,
                                 &(struct rv_transaction) {
                                         .id = text_of(j, "Id"),
                                         .state = name,
                                         .class_name = text_of(j, "ClassName"),
                                         .operation = text_of(j, "Operation"),
                                         .user = text_of(j, "User"),
                                         .session = text_of(j, "Session"),
                                         .source = text_of(j, "Source"),
                                         .message = text_of(j, "Message"),
                                         .started = json_integer_value(json_object_get(j, "Started")),
                                         .revert_at = json_integer_value(json_object_get(j, "RevertAt")) });
                json_decref(j);
        }
        if (d)
                closedir(d);
        return r;
}

/* The connection it was made over may be one that only seems to live. */
static int another_connection(json_t *j, const struct rv_identity *who, const char *id, struct rv_error *err)
{
        const char *session = text_of(j, "Session"), *source = text_of(j, "Source");
        bool remote = source && strcmp(source, "local") != 0;
        if ((!session || strcmp(session, who->session) != 0) && (!remote || strcmp(source, who->source) != 0))
                return RV_OK;
        rv_hint(err,
                "Connect anew (over SSH: without ControlMaster), so that it is certain that you still can.");
        return rv_fail(err, RV_ACCESS_DENIED,
                       "%s is to be confirmed over another connection than it was made over", id);
}

int rv_stats_settle_transaction(const struct rv_call *c, const char *id, bool confirm, struct rv_error *err)
{
        char path[560], to[560];
        if (!folder[0] || strlen(id) > 20 || strchr(id, '/'))
                return rv_fail(err, RV_NOT_FOUND, "there is no transaction %.40s", id);
        path_of(path, sizeof path, id, "pending");
        path_of(to, sizeof to, id, "now");
        json_t *j = json_load_file(path, 0, NULL);
        int r = !j ? rv_fail(err, RV_NOT_FOUND, "no change waits as %.40s: it has been confirmed or reverted",
                             id)
                : confirm ? another_connection(j, c->who, id, err)
                          : RV_OK;
        json_decref(j);
        if (r || c->what_if)
                return r;
        if (confirm ? unlink(path) < 0 : link(path, to) < 0)
                return errno == ENOENT ? rv_fail(err, RV_NOT_FOUND, "%.40s is being reverted", id)
                                       : rv_fail_errno(err, errno, "cannot settle %.40s", id);
        return RV_OK;
}
