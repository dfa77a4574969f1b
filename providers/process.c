/* SPDX-License-Identifier: MIT
 *
 * Process: the processes of this host, from /proc. Only the files that the asked properties need are read. A process is
 * its id and its start time; methods hold it by a pidfd and compare the start time before they act, so that nothing is
 * ever done to a newcomer with the same id. What ends while it is being read is no row.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Process.h"
#include "providers/lib/cgroup.h"
#include "providers/lib/proccache.h"
#include "providers/lib/procevents.h"
#include "providers/lib/procfs.h"
#include "providers/lib/replaced.h"

struct reader {
        int root;     /* /proc */
        int64_t boot; /* ns since 1970 */
        long page;
        uid_t uid; /* of the name kept below */
        char user[64];
        bool have_user;
};

static void set_text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *s)
{
        set(row, s, strlen(s));
}

/* /proc is opened once. So is the boot's time kept: btime moves when the clock is set, and a process' start time, which
 * is part of its key, must not. */
static int reader_open(struct reader *r, struct rv_error *err)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static int root = -1;
        static int64_t boot;
        pthread_mutex_lock(&lock);
        if (root < 0) {
                root = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                boot = root < 0 ? 0 : rv_boot_time(root);
        }
        *r = (struct reader){ .root = root, .boot = boot, .page = sysconf(_SC_PAGESIZE) };
        pthread_mutex_unlock(&lock);
        return root < 0 ? rv_fail_errno(err, errno, "cannot open /proc") : RV_OK;
}

static void fill_stat(struct reader *r, struct rv_row *row, const struct rv_proc_stat *s)
{
        const uint64_t *f = s->f;
        Process_set_ProcessId(row, (uint32_t)f[1]);
        Process_set_CreationDate(row, r->boot + rv_ticks_to_ns(f[22]));
        Process_set_Name(row, s->name, s->name_len);
        Process_set_State(row, &s->state, 1);
        Process_set_ParentProcessId(row, (uint32_t)f[4]);
        Process_set_ProcessGroupId(row, (uint32_t)f[5]);
        Process_set_SessionId(row, (uint32_t)f[6]);
        Process_set_MinorFaults(row, f[10]);
        Process_set_PageFaults(row, f[10] + f[12]);
        Process_set_UserModeTime(row, (uint64_t)rv_ticks_to_ns(f[14]));
        Process_set_KernelModeTime(row, (uint64_t)rv_ticks_to_ns(f[15]));
        Process_set_TotalProcessorTime(row, (uint64_t)rv_ticks_to_ns(f[14] + f[15]));
        Process_set_Priority(row, (int32_t)f[18]);
        Process_set_Nice(row, (int32_t)f[19]);
        Process_set_ThreadCount(row, (uint32_t)f[20]);
        Process_set_VirtualSize(row, f[23]);
        Process_set_WorkingSetSize(row, f[24] * (uint64_t)r->page);
}

/* Arguments are divided by NULs; joined by blanks for CommandLine. */
static void fill_command(void *state, const char *buf, size_t n)
{
        struct rv_row *row = state;
        while (n && buf[n - 1] == 0)
                n--;
        if (!n)
                return;
        if (Process_wants_Arguments(row)) {
                uint32_t count = 1, k = 0;
                for (size_t i = 0; i < n; i++)
                        count += buf[i] == 0;
                rv_list list = Process_set_Arguments(row, count);
                for (size_t i = 0; i <= n && k < count; k++) {
                        size_t m = strnlen(buf + i, n - i);
                        rv_item_string(row, list, k, buf + i, m);
                        i += m + 1;
                }
        }
        Process_set_CommandLine(row, buf, n);
        if (!Process_wants_CommandLine(row) || row->failed)
                return;
        char *text = (char *)row->batch->mem + rv_slot(row, Process_CommandLine)->off;
        for (char *p = text; (p = memchr(p, 0, (size_t)(text + n - p)));)
                *p = ' ';
}

/* The kernel may wait for the process' memory here. */
static void read_command(struct reader *r, struct rv_row *row, pid_t id, const struct rv_proc_stat *s)
{
        char path[40], small[4096], *buf = small;
        snprintf(path, sizeof path, "%d/cmdline", (int)id);
        ssize_t n = rv_proc_read(r->root, path, small, sizeof small);
        if (n == (ssize_t)sizeof small - 1) { /* longer: once more, with room */
                size_t size = 4u << 20;       /* the kernel lets a program have a quarter of its stack */
                char *big = malloc(size);
                if (big) {
                        n = rv_proc_read(r->root, path, big, size);
                        buf = big;
                }
        }
        if (n >= 0) {
                fill_command(row, buf, (size_t)n);
                rv_proccache_keep(id, s, buf, (size_t)n);
        }
        if (buf != small)
                free(buf);
}

static void fill_owner(struct reader *r, struct rv_row *row, const char *pid)
{
        struct stat st;
        if (fstatat(r->root, pid, &st, 0) < 0)
                return;
        Process_set_Uid(row, st.st_uid);
        if (!Process_wants_UserName(row))
                return;
        if (!r->have_user || r->uid != st.st_uid) {
                struct passwd pw, *found = NULL;
                char buf[4096];
                r->user[0] = 0;
                if (getpwuid_r(st.st_uid, &pw, buf, sizeof buf, &found) == 0 && found)
                        snprintf(r->user, sizeof r->user, "%s", pw.pw_name);
                r->uid = st.st_uid;
                r->have_user = true;
        }
        if (r->user[0])
                set_text(row, Process_set_UserName, r->user);
}

static void fill_group(struct rv_row *row, const char *all)
{
        char path[RV_CGROUP_PATH], unit[300], container[65];
        if (rv_cgroup_path(all, path)) {
                set_text(row, Process_set_Cgroup, path);
                if (rv_cgroup_unit(path, unit, sizeof unit))
                        set_text(row, Process_set_Unit, unit);
        }
        if (Process_wants_ContainerId(row) && rv_cgroup_container(all, container))
                set_text(row, Process_set_ContainerId, container);
}

static void fill_expensive(struct reader *r, struct rv_row *row, const char *pid)
{
        char path[40], buf[4096];
        if (Process_wants_ExecutablePath(row)) {
                snprintf(path, sizeof path, "%s/exe", pid);
                ssize_t n = readlinkat(r->root, path, buf, sizeof buf);
                if (n > 0)
                        Process_set_ExecutablePath(row, buf, (size_t)n);
        }
        if (Process_wants_PrivatePageCount(row)) {
                unsigned long long resident, shared;
                snprintf(path, sizeof path, "%s/statm", pid);
                if (rv_proc_read(r->root, path, buf, sizeof buf) > 0 &&
                    sscanf(buf, "%*u %llu %llu", &resident, &shared) == 2)
                        Process_set_PrivatePageCount(row, (resident - shared) * (uint64_t)r->page);
        }
        if (Process_wants_HandleCount(row)) {
                snprintf(path, sizeof path, "%s/fd", pid);
                int fd = openat(r->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                DIR *d = fd < 0 ? NULL : fdopendir(fd);
                uint32_t count = 0;
                while (d && readdir(d))
                        count++;
                if (d) {
                        closedir(d);
                        Process_set_HandleCount(row, count - 2);
                }
        }
        if (Process_wants_ReplacedFiles(row)) {
                struct rv_replaced files = { 0 };
                rv_replaced_process(&files, (pid_t)atoi(pid));
                rv_list list = Process_set_ReplacedFiles(row, files.n);
                for (unsigned i = 0; i < files.n; i++)
                        rv_item_string(row, list, i, files.path[i], strlen(files.path[i]));
                rv_replaced_free(&files);
        }
        if (Process_wants_Cgroup(row) || Process_wants_Unit(row) || Process_wants_ContainerId(row)) {
                snprintf(path, sizeof path, "%s/cgroup", pid);
                if (rv_proc_read(r->root, path, buf, sizeof buf) > 0)
                        fill_group(row, buf);
        }
}

/* One process; RV_NOT_FOUND when it has ended. On the loop RV_FULL when it would have to wait for the process. */
static int fill(struct reader *r, struct rv_row *row, pid_t id, bool on_loop)
{
        struct rv_proc_stat s;
        enum rv_kept kept;
        char pid[16];
        bool command = Process_wants_CommandLine(row) || Process_wants_Arguments(row);
        int e = rv_proccache_stat(r->root, id, &s, command ? fill_command : NULL, row, &kept);
        if (e)
                return e == -ENOENT || e == -ESRCH   ? RV_NOT_FOUND
                       : e == -EACCES || e == -EPERM ? RV_NOT_FOUND
                                                     : e;
        if (command && kept != RV_KEPT_USED) {
                if (on_loop)
                        return RV_FULL;
                read_command(r, row, id, &s);
        }
        fill_stat(r, row, &s);
        if (!Process_wants_Uid(row) && !Process_wants_UserName(row) && on_loop)
                return RV_OK;
        snprintf(pid, sizeof pid, "%d", (int)id);
        if (Process_wants_Uid(row) || Process_wants_UserName(row))
                fill_owner(r, row, pid);
        fill_expensive(r, row, pid);
        return RV_OK;
}

static int emit(struct reader *r, struct rv_sink *out, pid_t id, bool on_loop)
{
        struct rv_row *row = rv_row(out);
        int e = fill(r, row, id, on_loop);
        if (e == RV_NOT_FOUND || e == RV_FULL) {
                rv_row_drop(row);
                return e == RV_FULL ? RV_FULL : RV_OK;
        }
        return e ? e : rv_emit(out, row);
}

static int emit_all(struct reader *r, const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        int fd = openat(r->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), e = RV_OK;
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                e = rv_fail_errno(err, errno, "cannot list /proc");
                if (fd >= 0)
                        close(fd);
                return e;
        }
        unsigned walk = rv_proccache_begin();
        for (struct dirent *p; e == RV_OK && (p = readdir(d));)
                if (p->d_name[0] >= '1' && p->d_name[0] <= '9')
                        e = rv_cancelled(q->call) ? RV_STOP : emit(r, out, (pid_t)atoi(p->d_name), false);
        closedir(d);
        if (e == RV_OK)
                rv_proccache_end(walk);
        return e;
}

static int process_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reader r;
        int e = reader_open(&r, err);
        const struct rv_arg *one = rv_equals(q, Process_ProcessId);
        if (e == RV_OK)
                e = one ? emit(&r, out, (pid_t)one->u, false) : emit_all(&r, q, out, err);
        return e == RV_STOP ? RV_OK : e;
}

/* Properties for which fill() looks at nothing that could wait: stat, and the command line where it is kept. */
static bool is_at_hand(const struct rv_query *q)
{
        static const uint8_t others[] = { Process_Uid,         Process_UserName, Process_ExecutablePath,
                                          Process_HandleCount, Process_Cgroup,   Process_PrivatePageCount,
                                          Process_Unit,        Process_ContainerId, Process_ReplacedFiles };
        for (size_t i = 0; i < sizeof others; i++)
                if (rv_asked(q, others[i]))
                        return false;
        return true;
}

/* One process by its id, without a thread where nothing can wait: the kernel makes stat without the process' locks. */
static int process_peek(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reader r;
        const struct rv_arg *one = rv_equals(q, Process_ProcessId);
        if (!one || !is_at_hand(q))
                return RV_FULL;
        int e = reader_open(&r, err);
        if (e == RV_OK)
                e = emit(&r, out, (pid_t)one->u, true);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- methods ---- */

/* A pidfd of exactly the process that the key names, or an outcome. */
static int hold(struct rv_call *c, pid_t *ret_pid, int *ret_fd, struct rv_error *err)
{
        const struct rv_arg *id = &c->key[Process_ProcessId], *when = &c->key[Process_CreationDate];
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
        struct reader r;
        struct rv_proc_stat s;
        int e = reader_open(&r, err);
        if (e == RV_OK && rv_proc_stat(r.root, pid, &s))
                e = rv_fail(err, RV_NOT_FOUND, "process %d has ended", (int)pid);
        else if (e == RV_OK && when->type != RV_NULL && when->i != r.boot + rv_ticks_to_ns(s.f[22]))
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

static int process_set_priority(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_SetPriority_in *in = args;
        pid_t pid;
        int fd, e = hold(c, &pid, &fd, err);
        if (e)
                return e;
        char from[16], to[16];
        snprintf(from, sizeof from, "%d", getpriority(PRIO_PROCESS, (id_t)pid));
        snprintf(to, sizeof to, "%d", (int)in->Priority);
        if (strcmp(from, to) != 0)
                rv_change(c, "Nice", from, to);
        if (!c->what_if && setpriority(PRIO_PROCESS, (id_t)pid, in->Priority) < 0)
                e = rv_fail_errno(err, errno, "cannot set the priority of process %d", (int)pid);
        close(fd);
        if (e == RV_OK)
                Process_SetPriority_out_set_ReturnValue(c->out, 0);
        return e;
}

static int process_get_owner(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        pid_t pid;
        int fd, e = hold(c, &pid, &fd, err);
        if (e)
                return e;
        char path[32], host[256] = "", buf[4096];
        struct stat st;
        struct passwd pw, *found = NULL;
        snprintf(path, sizeof path, "/proc/%d", (int)pid);
        e = stat(path, &st) < 0 ? rv_fail(err, RV_NOT_FOUND, "process %d has ended", (int)pid) : RV_OK;
        close(fd);
        if (e)
                return e;
        gethostname(host, sizeof host - 1);
        if (getpwuid_r(st.st_uid, &pw, buf, sizeof buf, &found) == 0 && found)
                set_text(c->out, Process_GetOwner_out_set_User, pw.pw_name);
        set_text(c->out, Process_GetOwner_out_set_Domain, host);
        Process_GetOwner_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

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

static int process_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Process_Create_in *in = args;
        char **argv = divide(c, in->CommandLine, in->CommandLine_len);
        int report[2];
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
        if (pipe2(report, O_CLOEXEC) < 0)
                return rv_fail_errno(err, errno, "cannot start '%s'", argv[0]);
        pid_t first = fork();
        if (first == 0)
                child(argv, in->has_CurrentDirectory ? in->CurrentDirectory : NULL, report[1]);
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
        if (error)
                return rv_fail_errno(err, error, "cannot start '%s'", argv[0]);
        Process_Create_out_set_ReturnValue(c->out, 0);
        Process_Create_out_set_ProcessId(c->out, (uint32_t)pid);
        return RV_OK;
}

static int (*const methods[Process_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Process_method_SendSignal] = process_send_signal,
        [Process_method_Terminate] = process_terminate,
        [Process_method_SetPriority] = process_set_priority,
        [Process_method_GetOwner] = process_get_owner,
        [Process_method_Create] = process_create,
};

/* ---- changes: the kernel tells of programs that start and processes that come and go (to root) ---- */

#define FORKED UINT64_C(20000000) /* ns in which a forked process is expected to run a program of its own */

static void on_process(void *news, const struct proc_event *e)
{
        struct rv_arg key = { .type = RV_UINT };
        switch (e->what) {
        case PROC_EVENT_FORK:
                key.u = (uint32_t)e->event_data.fork.child_tgid;
                if (e->event_data.fork.child_pid == e->event_data.fork.child_tgid) /* else a thread */
                        rv_news_key(news, &key, FORKED);
                break;
        case PROC_EVENT_EXEC:
                key.u = (uint32_t)e->event_data.exec.process_tgid;
                rv_news_key(news, &key, 0);
                break;
        case PROC_EVENT_EXIT:
                key.u = (uint32_t)e->event_data.exit.process_tgid;
                if (e->event_data.exit.process_pid == e->event_data.exit.process_tgid)
                        rv_news_gone(news, &key); /* it is a zombie until its parent looks */
                break;
        default: break;
        }
}

static int push_open(struct rv_error *err)
{
        (void)err;
        return rv_procevents_open();
}

static int push_read(int fd, struct rv_news *news)
{
        return rv_procevents_read(fd, on_process, news);
}

static const struct rv_push push = { .covers = RV_PUSH_CREATE | RV_PUSH_DELETE, .open = push_open, .read = push_read };

static const struct rv_provider process = { .class = &Process_class,
                                            .query = process_query,
                                            .push = &push,
                                            .peek = process_peek,
                                            .idle = rv_proccache_drop,
                                            .methods = methods };

RV_PROVIDERS(process, &process);
