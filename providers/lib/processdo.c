/* SPDX-License-Identifier: MIT
 *
 * What is done to a process. It is held by a pidfd, and its start time compared with the key's, before anything is
 * done, so that nothing is ever done to a newcomer with the same id: signals go through the pidfd, and what has only
 * the id (priorities, processors) is done while the pidfd says that the process is still there, which keeps its id from
 * others.
 */
#include "providers/lib/processdo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gen/Process.h"
#include "providers/lib/beside.h"
#include "providers/lib/fill.h"
#include "providers/lib/proccache.h"
#include "providers/lib/procfs.h"
#include "providers/lib/processdump.h"
#include "providers/lib/processfiles.h"
#include "providers/lib/slurp.h"

/* ---- holding ---- */

static int hold(struct rv_call *c, pid_t *ret_pid, int *ret_fd, struct rv_error *err)
{
        return rv_process_hold(&c->key[Process_ProcessId], &c->key[Process_CreationDate], ret_pid, ret_fd,
                               err);
}

int rv_process_hold(const struct rv_arg *id, const struct rv_arg *when, pid_t *ret_pid, int *ret_fd,
                    struct rv_error *err)
{
        char key[64];
        if (id->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a process is named by its ProcessId");
        pid_t pid = (pid_t)id->u;
        snprintf(key, sizeof key, "%d", (int)pid);
        rv_about(err, NULL, key, NULL);
        int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
        if (fd < 0)
                return pid <= 0 || errno == ESRCH || errno == EINVAL
                               ? rv_fail(err, RV_NOT_FOUND, "there is no process %d", (int)pid)
                               : rv_fail_errno(err, errno, "cannot hold process %d", (int)pid);
        struct rv_proc_stat s;
        int64_t boot;
        int root, e = rv_proc_root(&root, &boot);
        if (e)
                e = rv_fail_errno(err, -e, "cannot open /proc");
        else if (rv_proc_stat(root, pid, &s))
                e = rv_fail(err, RV_NOT_FOUND, "process %d has ended", (int)pid);
        else if (when->type != RV_NULL && when->i != boot + rv_ticks_to_ns(s.f[22]))
                e = rv_fail(err, RV_STALE,
                            "process %d is another one than the one named: it was started at another time",
                            (int)pid);
        if (e)
                close(fd);
        else
                *ret_fd = fd, *ret_pid = pid;
        return e;
}

static int send(struct rv_call *c, int signum, const char *what, struct rv_error *err)
{
        pid_t pid;
        int fd, e = hold(c, &pid, &fd, err);
        if (e)
                return e;
        if (c->what_if)
                rv_change(c, "State", NULL, what);
        else if (syscall(SYS_pidfd_send_signal, fd, signum, NULL, 0) < 0)
                e = rv_fail_errno(err, errno, "cannot signal process %d", (int)pid);
        close(fd);
        if (e == RV_OK)
                Process_Terminate_out_set_ReturnValue(c->out, 0);
        return e;
}

static int process_send_signal(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_SendSignal_in *in = args;
        const char *name = strncasecmp(in->Signal, "SIG", 3) == 0 ? in->Signal + 3 : in->Signal;
        char *end;
        long number = strtol(in->Signal, &end, 10);
        for (int s = 1; *end && s < NSIG; s++)
                if (sigabbrev_np(s) && strcasecmp(sigabbrev_np(s), name) == 0)
                        number = s, end = "";
        if (*end || !in->Signal[0] || number < 0 || number >= NSIG) {
                rv_about(err, NULL, NULL, "Signal");
                return rv_fail(
                        err, RV_INVALID_PARAMETER,
                        "'%.40s' is no signal: expected a number from 0 to %d or a name such as SIGHUP",
                        in->Signal, NSIG - 1);
        }
        return send(c, (int)number, in->Signal, err);
}

static int process_terminate(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_Terminate_in *in = args;
        return send(c, in->has_Force && in->Force ? SIGKILL : SIGTERM, "Ended", err);
}

/* Whether the held process is there: then nobody else has its id. */
static bool is_there(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        return poll(&p, 1, 0) == 0;
}

/* Does something to each thread, again until there are none but those to which it was done: threads that begin
 * meanwhile have it from whoever began them, or are met in the next round. Those that end meanwhile do not count. */
static int each_thread(pid_t pid, int fd, int (*one)(pid_t, const void *), const void *what)
{
        enum { ROUNDS = 10 };
        unsigned before = 0, now = 1;
        int error = 0;
        for (int round = 0; round < ROUNDS && now != before; round++) {
                char path[40];
                snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
                DIR *d = opendir(path);
                if (!d)
                        return errno;
                before = now;
                now = 0;
                for (struct dirent *t; (t = readdir(d));) {
                        if (t->d_name[0] < '1' || t->d_name[0] > '9' || !is_there(fd))
                                continue;
                        int e = one((pid_t)atoi(t->d_name), what);
                        now++;
                        if (e && e != ESRCH)
                                error = e;
                }
                closedir(d);
        }
        return !error && !is_there(fd) ? ESRCH : error;
}

static int answer(struct rv_call *c, int error, const char *what, pid_t pid, struct rv_error *err)
{
        if (error == ESRCH)
                return rv_fail(err, RV_NOT_FOUND, "process %d has ended", (int)pid);
        if (error)
                return rv_fail_errno(err, error, "cannot set the %s of process %d", what, (int)pid);
        Process_Terminate_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* ---- priority, processors, the kernel's choice when memory runs out ---- */

static int renice(pid_t thread, const void *nice)
{
        return setpriority(PRIO_PROCESS, (id_t)thread, *(const int *)nice) < 0 ? errno : 0;
}

/* WMI's priority classes are numbers beyond any nice value. false: neither. */
static bool nice_of(int32_t priority, int *ret)
{
        static const int32_t classes[][2] = { { 64, 19 },    { 16384, 10 }, { 32, 0 },
                                              { 32768, -5 }, { 128, -10 },  { 256, -20 } };
        *ret = priority;
        for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
                if (priority == classes[i][0])
                        *ret = classes[i][1];
        return *ret >= -20 && *ret <= 19;
}

static int process_set_priority(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_SetPriority_in *in = args;
        pid_t pid;
        int fd, nice, e;
        if (!nice_of(in->Priority, &nice)) {
                rv_about(err, NULL, NULL, "Priority");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "Priority is %d: expected a nice value from -20 to 19, or a priority class of "
                               "WMI, one of "
                               "64, 16384, 32, 32768, 128, 256",
                               (int)in->Priority);
        }
        e = hold(c, &pid, &fd, err);
        if (e)
                return e;
        char from[16], to[16];
        snprintf(from, sizeof from, "%d", getpriority(PRIO_PROCESS, (id_t)pid));
        snprintf(to, sizeof to, "%d", nice);
        if (strcmp(from, to) != 0)
                rv_change(c, "Nice", from, to);
        e = answer(c, c->what_if ? 0 : each_thread(pid, fd, renice, &nice), "priority", pid, err);
        close(fd);
        return e;
}

int rv_processors_parse(const char *text, size_t n, uint64_t ret[RV_PROCESSORS / 64], struct rv_error *err)
{
        if (rv_cpulist_parse(text, n, ret, RV_PROCESSORS / 8))
                return RV_OK;
        rv_about(err, NULL, NULL, "Processors");
        return rv_fail(err, RV_INVALID_PARAMETER,
                       "'%.40s' is no list of logical processors: expected their numbers, such as 0-3,6", text);
}

int rv_processors_none(pid_t pid, const char *processors, struct rv_error *err)
{
        rv_about(err, NULL, NULL, "Processors");
        return rv_fail(err, RV_INVALID_PARAMETER,
                       "%d may run on none of the logical processors %.40s: they are not there, or its control group "
                       "forbids them",
                       (int)pid, processors);
}

static int move(pid_t thread, const void *set)
{
        return syscall(SYS_sched_setaffinity, thread, RV_PROCESSORS / 8, set) < 0 ? errno : 0;
}

static int process_set_affinity(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_SetAffinity_in *in = args;
        uint64_t set[RV_PROCESSORS / 64];
        char from[256] = "", path[40], text[8192];
        pid_t pid;
        int fd, e, root;
        int64_t boot;
        e = rv_processors_parse(in->Processors, in->Processors_len, set, err);
        if (e)
                return e;
        e = hold(c, &pid, &fd, err);
        if (e)
                return e;
        snprintf(path, sizeof path, "%d/status", (int)pid);
        const char *line = NULL;
        if (rv_proc_root(&root, &boot) == 0 && rv_proc_read(root, path, text, sizeof text) > 0)
                line = strstr(text, "\nCpus_allowed_list:\t");
        if (line)
                sscanf(line, "\nCpus_allowed_list:\t%255[^\n]", from);
        if (strcmp(from, in->Processors) != 0)
                rv_change(c, "ProcessorAffinity", from, in->Processors);
        e = c->what_if ? 0 : each_thread(pid, fd, move, set);
        e = e == EINVAL ? rv_processors_none(pid, in->Processors, err) : answer(c, e, "processors", pid, err);
        close(fd);
        return e;
}

static int process_set_oom_score(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_SetOomScore_in *in = args;
        char path[40], from[16] = "", to[16];
        pid_t pid;
        int fd, error = 0, e = hold(c, &pid, &fd, err);
        if (e)
                return e;
        snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
        snprintf(to, sizeof to, "%d", (int)in->Adjust);
        int file = open(path, O_RDWR | O_CLOEXEC);
        if (file < 0 || read(file, from, sizeof from - 1) < 0)
                error = errno;
        from[strcspn(from, "\n")] = 0;
        if (!error && !is_there(fd)) /* the file may be a newcomer's */
                error = ESRCH;
        if (!error && strcmp(from, to) != 0) {
                rv_change(c, "OomScoreAdjust", from, to);
                if (!c->what_if && pwrite(file, to, strlen(to), 0) < 0)
                        error = errno;
        }
        if (file >= 0)
                close(file);
        close(fd);
        return answer(c, error == ENOENT ? ESRCH : error, "OOM score", pid, err);
}

/* ---- stopping for a while ---- */

static int refuse_to_stop(pid_t pid, struct rv_error *err)
{
        if (pid == getpid())
                return rv_fail(err, RV_NOT_SUPPORTED, "process %d is the agent: it could not answer any more",
                               (int)pid);
        if (pid == 1)
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "process 1 cannot be stopped: signals do not stop init");
        return RV_OK;
}

/* A process in an uninterruptible wait stops only when that is over. */
static int wait_for_stop(struct rv_call *c, pid_t pid, int fd, struct rv_error *err)
{
        enum { STEP_NS = 2000000 };
        const uint64_t patience = rv_now() + UINT64_C(2000000000);
        struct rv_proc_stat s = { 0 };
        int root;
        int64_t boot;
        while (rv_proc_root(&root, &boot) == 0 && rv_proc_stat(root, pid, &s) == 0 && is_there(fd)) {
                if (s.state == 'T' || s.state == 't')
                        return answer(c, 0, "state", pid, err);
                if (rv_now() > patience || rv_cancelled(c)) {
                        rv_hint(err,
                                "It was told to stop and does so as soon as it can; Resume takes that back.");
                        return rv_fail(err, RV_TIMED_OUT, "process %d has not stopped yet: its state is %c",
                                       (int)pid, s.state);
                }
                nanosleep(&(struct timespec) { .tv_nsec = STEP_NS }, NULL);
        }
        return answer(c, ESRCH, "state", pid, err);
}

static int process_suspend(struct rv_call *c, const void *args, struct rv_error *err)
{
        pid_t pid;
        int fd, e = hold(c, &pid, &fd, err);
        (void)args;
        if (e)
                return e;
        e = refuse_to_stop(pid, err);
        if (e == RV_OK)
                rv_change(c, "State", NULL, "T");
        if (e == RV_OK && c->what_if)
                e = answer(c, 0, "state", pid, err);
        else if (e == RV_OK && syscall(SYS_pidfd_send_signal, fd, SIGSTOP, NULL, 0) < 0)
                e = answer(c, errno, "state", pid, err);
        else if (e == RV_OK)
                e = wait_for_stop(c, pid, fd, err);
        close(fd);
        return e;
}

static int process_resume(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        return send(c, SIGCONT, "Resumed", err);
}

/* ---- who, and with what ---- */

static int process_get_environment(struct rv_call *c, const void *args, struct rv_error *err)
{
        enum { MOST = 8 << 20 };
        char path[40];
        size_t n = 0;
        pid_t pid;
        int fd, e = hold(c, &pid, &fd, err);
        (void)args;
        if (e)
                return e;
        snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
        errno = 0;
        char *text = rv_slurp(path, MOST, &n);
        int error = text ? 0 : errno;
        bool there = is_there(fd);
        close(fd);
        if (!there || !text) {
                free(text);
                return !there ? rv_fail(err, RV_NOT_FOUND, "process %d has ended", (int)pid)
                              : rv_fail_errno(err, error, "cannot read the environment of process %d",
                                              (int)pid);
        }
        uint32_t count = 0, i = 0;
        for (size_t k = 0; k < n; k += strlen(text + k) + 1)
                count += strchr(text + k, '=') != NULL;
        rv_list list = Process_GetEnvironment_out_set_Environment(c->out, 2 * count);
        for (size_t k = 0; k < n && i < 2 * count; k += strlen(text + k) + 1) {
                const char *eq = strchr(text + k, '=');
                if (!eq)
                        continue;
                rv_item_string(c->out, list, i++, text + k, (size_t)(eq - text - (ptrdiff_t)k));
                rv_item_string(c->out, list, i++, eq + 1, strlen(eq + 1));
        }
        free(text);
        Process_GetEnvironment_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int process_get_owner(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        pid_t pid;
        int fd, e = hold(c, &pid, &fd, err);
        if (e)
                return e;
        char path[32], host[256] = "", buf[4096], sid[32];
        struct stat st;
        struct passwd pw, *found = NULL;
        snprintf(path, sizeof path, "/proc/%d", (int)pid);
        e = stat(path, &st) < 0 ? rv_fail(err, RV_NOT_FOUND, "process %d has ended", (int)pid) : RV_OK;
        close(fd);
        if (e)
                return e;
        gethostname(host, sizeof host - 1);
        if (getpwuid_r(st.st_uid, &pw, buf, sizeof buf, &found) == 0 && found)
                rv_fill(c->out, Process_GetOwner_out_User, pw.pw_name);
        rv_fill(c->out, Process_GetOwner_out_Domain, host);
        snprintf(sid, sizeof sid, "S-1-22-1-%u", (unsigned)st.st_uid);
        rv_fill(c->out, Process_GetOwner_out_Sid, sid);
        Process_GetOwner_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* ---- starting ---- */

/* Divides at blanks; quotes group. argv lives in the call's arena. */
static char **divide(struct rv_call *c, const char *line, size_t n)
{
        char **argv = rv_arena_get(c->arena, (n / 2 + 2) * sizeof *argv),
             *to = rv_arena_get(c->arena, n * 2 + 2);
        size_t count = 0;
        for (size_t i = 0; argv && to && i < n;) {
                while (i < n && (line[i] == ' ' || line[i] == '\t'))
                        i++;
                if (i == n)
                        break;
                argv[count++] = to;
                for (char quote = 0; i < n && (quote || (line[i] != ' ' && line[i] != '\t')); i++) {
                        if (quote ? line[i] == quote : line[i] == '"' || line[i] == '\'')
                                quote = quote ? 0 : line[i];
                        else
                                *to++ = line[i];
                }
                *to++ = 0;
        }
        return to ? argv : NULL;
}

/* In the child, between fork and exec: only what is safe there. The grandchild runs the program: nobody waits. */
static _Noreturn void child(char **argv, const char *dir, int report)
{
        int error = 0, null;
        setsid();
        pid_t pid = fork();
        if (pid != 0) {
                if (pid < 0)
                        error = errno;
                if (write(report, pid < 0 ? (void *)&error : (void *)&pid, sizeof error) < 0)
                        _exit(1);
                _exit(0);
        }
        null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
                dup2(null, fd);
        rv_proccache_child_limits();
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (!dir || chdir(dir) == 0)
                execvp(argv[0], argv);
        error = -errno;
        if (write(report, &error, sizeof error) < 0)
                _exit(126);
        _exit(127);
}

static int started(struct rv_call *c, const char *program, int pid, int error, struct rv_error *err)
{
        if (error)
                return rv_fail_errno(err, error, "cannot start '%s'", program);
        Process_Create_out_set_ReturnValue(c->out, 0);
        Process_Create_out_set_ProcessId(c->out, (uint32_t)pid);
        return RV_OK;
}

/* By systemd: it outlives the agent, and the agent's sandbox does not hold it. */
static int create_beside(struct rv_call *c, char **argv, const char *dir, struct rv_error *err)
{
        size_t n = 0;
        char what[160], said[128];
        int pid = 0, error = 0;
        while (argv[n])
                n++;
        const char **all = rv_arena_get(c->arena, (n + 3) * sizeof *all);
        if (!all)
                return -ENOMEM;
        all[0] = "--start";
        all[1] = dir ? dir : "/";
        memcpy(all + 2, argv, (n + 1) * sizeof *all);
        snprintf(what, sizeof what, "start %.120s", argv[0]);
        int e = rv_beside_run(
                &(struct rv_beside) { .unit = "reeve-process", .what = what, .argv = all, .deadline = c->deadline },
                said, sizeof said, err);
        if (e)
                return e;
        if (sscanf(said, "pid %d error %d", &pid, &error) < 1)
                error = EAGAIN;
        return started(c, argv[0], pid, error, err);
}

static int create_here(struct rv_call *c, char **argv, const char *dir, struct rv_error *err)
{
        int report[2];
        if (pipe2(report, O_CLOEXEC) < 0)
                return rv_fail_errno(err, errno, "cannot start '%s'", argv[0]);
        pid_t first = fork();
        if (first == 0)
                child(argv, dir, report[1]);
        close(report[1]);
        int said[2] = { 0 };
        ssize_t n = first < 0 ? -1 : 0, got = 0;
        while (first > 0 && got < (ssize_t)sizeof said &&
               (n = read(report[0], (char *)said + got, sizeof said - (size_t)got)) > 0)
                got += n;
        close(report[0]);
        if (first > 0)
                waitpid(first, NULL, 0);
        if (got < (ssize_t)sizeof said[0])
                return rv_fail_errno(err, EAGAIN, "cannot start '%s'", argv[0]);
        /* The id and, if exec failed, a negative errno, in either order. */
        int error = said[0] < 0 ? -said[0] : said[1] < 0 ? -said[1] : 0;
        int pid = said[0] > 0 ? said[0] : said[1];
        return started(c, argv[0], pid, error, err);
}

static int process_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_Create_in *in = args;
        char **argv = divide(c, in->CommandLine, in->CommandLine_len);
        if (!argv)
                return -ENOMEM;
        if (!argv[0])
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "CommandLine is empty: expected a program and its arguments");
        if (c->what_if) {
                rv_change(c, "CommandLine", NULL, in->CommandLine);
                Process_Create_out_set_ReturnValue(c->out, 0);
                return RV_OK;
        }
        const char *dir = in->has_CurrentDirectory ? in->CurrentDirectory : NULL;
        return rv_beside_wanted() ? create_beside(c, argv, dir, err) : create_here(c, argv, dir, err);
}

int (*const rv_process_methods[Process_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Process_method_SendSignal] = process_send_signal,
        [Process_method_Terminate] = process_terminate,
        [Process_method_SetPriority] = process_set_priority,
        [Process_method_SetAffinity] = process_set_affinity,
        [Process_method_SetOomScore] = process_set_oom_score,
        [Process_method_Suspend] = process_suspend,
        [Process_method_Resume] = process_resume,
        [Process_method_GetOwner] = process_get_owner,
        [Process_method_GetEnvironment] = process_get_environment,
        [Process_method_CreateDump] = rv_process_create_dump,
        [Process_method_Create] = process_create,
};
