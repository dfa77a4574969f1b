/* SPDX-License-Identifier: MIT
 *
 * Thread: the threads of processes, from /proc/PID/task. A thread's folder is opened once and everything read through
 * it, stat last: the descriptor can only ever speak of the one thread, so a row that has stat is of one thread only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Thread.h"
#include "providers/lib/fill.h"
#include "providers/lib/processdo.h"
#include "providers/lib/processfiles.h"
#include "providers/lib/procfs.h"

struct place {
        int root;
        int64_t boot;
        bool expensive; /* something beyond stat is asked */
};

static bool is_id(const char *s)
{
        return *s >= '1' && *s <= '9';
}

static void fill_stat(const struct place *at, struct rv_row *row, const struct rv_proc_stat *s, pid_t pid)
{
        const uint64_t *f = s->f;
        int64_t began = at->boot + rv_ticks_to_ns(f[22]);
        Thread_set_ProcessId(row, (uint32_t)pid);
        Thread_set_ThreadId(row, (uint32_t)f[1]);
        Thread_set_CreationDate(row, began);
        Thread_set_Name(row, s->name, s->name_len);
        Thread_set_State(row, &s->state, 1);
        Thread_set_MinorFaults(row, f[10]);
        Thread_set_MajorFaults(row, f[12]);
        Thread_set_UserModeTime(row, (uint64_t)rv_ticks_to_ns(f[14]));
        Thread_set_KernelModeTime(row, (uint64_t)rv_ticks_to_ns(f[15]));
        Thread_set_TotalProcessorTime(row, (uint64_t)rv_ticks_to_ns(f[14] + f[15]));
        Thread_set_Priority(row, (int32_t)f[18]);
        Thread_set_Nice(row, (int32_t)f[19]);
        Thread_set_LastProcessor(row, (uint32_t)f[39]);
        Thread_set_RealtimePriority(row, (uint32_t)f[40]);
        Thread_set_BlockIOTime(row, (uint64_t)rv_ticks_to_ns(f[42]));
        rv_fill(row, Thread_SchedulingPolicy, rv_sched_policy(f[41]));
        if (Thread_wants_ElapsedTime(row))
                Thread_set_ElapsedTime(row, rv_wall() > began ? (uint64_t)(rv_wall() - began) : 0);
}

/* "[<0>] do_nanosleep+0x6d/0x1b0", one a line. */
static void fill_stack(struct rv_row *row, char *text)
{
        uint32_t n = 0, i = 0;
        for (const char *p = text; (p = strchr(p, '\n')); p++)
                n++;
        rv_list list = Thread_set_KernelStack(row, n);
        for (char *line; i < n && (line = strsep(&text, "\n"));) {
                const char *name = strchr(line, ' ');
                name = name ? name + 1 : line;
                rv_item_string(row, list, i++, name, strlen(name));
        }
}

/* "running", or the call's number, its six arguments, stack pointer and instruction pointer; outside of a call -1 and
 * the two pointers. */
static void fill_syscall(struct rv_row *row, const char *text)
{
        char *end;
        const char *last = strrchr(text, ' ');
        long call = strtol(text, &end, 10);
        if (end == text || !last)
                return;
        Thread_set_SystemCall(row, (int32_t)call);
        Thread_set_InstructionPointer(row, strtoull(last + 1, NULL, 16));
}

static const char *after(const char *text, const char *label)
{
        const char *p = strstr(text, label);
        return p ? p + strlen(label) : NULL;
}

static void fill_status(struct rv_row *row, const char *text)
{
        const char *p;
        if ((p = after(text, "\nSigPnd:")))
                rv_set_signals(row, Thread_SignalsPending, strtoull(p, NULL, 16));
        if ((p = after(text, "\nSigBlk:")))
                rv_set_signals(row, Thread_SignalsBlocked, strtoull(p, NULL, 16));
        if ((p = after(text, "\nCapEff:")))
                rv_set_capabilities(row, Thread_CapabilitiesEffective, strtoull(p, NULL, 16));
        if ((p = after(text, "\nCpus_allowed_list:\t")))
                rv_fill_n(row, Thread_ProcessorAffinity, p, strcspn(p, "\n"));
        if ((p = after(text, "\nvoluntary_ctxt_switches:")))
                Thread_set_VoluntaryContextSwitches(row, strtoull(p, NULL, 10));
        if ((p = after(text, "\nnonvoluntary_ctxt_switches:")))
                Thread_set_InvoluntaryContextSwitches(row, strtoull(p, NULL, 10));
}

static bool wants_status(const struct rv_row *row)
{
        return Thread_wants_SignalsPending(row) || Thread_wants_SignalsBlocked(row) ||
               Thread_wants_CapabilitiesEffective(row) || Thread_wants_ProcessorAffinity(row) ||
               Thread_wants_VoluntaryContextSwitches(row) || Thread_wants_InvoluntaryContextSwitches(row);
}

static void fill_expensive(int dir, struct rv_row *row)
{
        char buf[16384];
        ssize_t n;
        if (Thread_wants_WaitChannel(row) && rv_proc_read(dir, "wchan", buf, sizeof buf) > 0 && strcmp(buf, "0") != 0)
                rv_fill(row, Thread_WaitChannel, buf);
        if (Thread_wants_KernelStack(row) && rv_proc_read(dir, "stack", buf, sizeof buf) >= 0)
                fill_stack(row, buf);
        if ((Thread_wants_SystemCall(row) || Thread_wants_InstructionPointer(row)) &&
            rv_proc_read(dir, "syscall", buf, sizeof buf) > 0)
                fill_syscall(row, buf);
        if ((Thread_wants_RunDelay(row) || Thread_wants_TimesScheduled(row)) &&
            rv_proc_read(dir, "schedstat", buf, sizeof buf) > 0) {
                char *p = buf;
                strtoull(p, &p, 10);
                Thread_set_RunDelay(row, strtoull(p, &p, 10));
                Thread_set_TimesScheduled(row, strtoull(p, &p, 10));
        }
        if (wants_status(row) && (n = rv_proc_read(dir, "status", buf, sizeof buf)) > 0) {
                char *big = n == (ssize_t)sizeof buf - 1 ? malloc(1 << 20) : NULL; /* it has many groups */
                if (big && rv_proc_read(dir, "status", big, 1 << 20) > 0)
                        fill_status(row, big);
                else
                        fill_status(row, buf);
                free(big);
        }
}

/* `tasks` is a descriptor of /proc/PID/task. What has ended is no row. */
static int emit(const struct place *at, struct rv_sink *out, int tasks, pid_t pid, const char *tid)
{
        struct rv_proc_stat s;
        char path[32], buf[1024];
        int dir = at->expensive ? openat(tasks, tid, O_PATH | O_DIRECTORY | O_CLOEXEC) : tasks;
        if (dir < 0)
                return RV_OK;
        struct rv_row *row = rv_row(out);
        if (at->expensive)
                fill_expensive(dir, row);
        snprintf(path, sizeof path, at->expensive ? "stat" : "%s/stat", tid);
        ssize_t n = rv_proc_read(dir, path, buf, sizeof buf);
        if (dir != tasks)
                close(dir);
        if (n <= 0 || !rv_proc_stat_parse(buf, (size_t)n, &s)) {
                rv_row_drop(row);
                return RV_OK;
        }
        fill_stat(at, row, &s, pid);
        return rv_emit(out, row);
}

static int emit_process(const struct place *at, const struct rv_query *q, struct rv_sink *out, pid_t pid,
                        const char *only)
{
        char path[32];
        int e = RV_OK;
        snprintf(path, sizeof path, "%d/task", (int)pid);
        int fd = openat(at->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return RV_OK;
        if (only) {
                e = emit(at, out, fd, pid, only);
                close(fd);
                return e;
        }
        DIR *d = fdopendir(fd);
        if (!d) {
                e = -errno;
                close(fd);
                return e;
        }
        for (struct dirent *t; e == RV_OK && (t = readdir(d));)
                if (is_id(t->d_name))
                        e = rv_cancelled(q->call) ? RV_STOP : emit(at, out, dirfd(d), pid, t->d_name);
        closedir(d);
        return e;
}

/* The process of a thread, 0 when there is none such: /proc/TID is there for each thread, though not listed. */
static pid_t process_of(const struct place *at, const char *tid)
{
        char path[32], buf[4096];
        snprintf(path, sizeof path, "%s/status", tid);
        const char *p = rv_proc_read(at->root, path, buf, sizeof buf) > 0 ? after(buf, "\nTgid:") : NULL;
        return p ? (pid_t)strtol(p, NULL, 10) : 0;
}

static int emit_all(const struct place *at, const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        int e = RV_OK;
        DIR *d = rv_proc_folder(at->root, ".");
        if (!d)
                return rv_fail_errno(err, errno, "cannot list /proc");
        for (struct dirent *p; e == RV_OK && (p = readdir(d));)
                if (is_id(p->d_name))
                        e = emit_process(at, q, out, (pid_t)atoi(p->d_name), NULL);
        closedir(d);
        return e;
}

static int thread_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct place at = { .expensive = false };
        int e = rv_proc_root(&at.root, &at.boot);
        if (e)
                return rv_fail_errno(err, -e, "cannot open /proc");
        for (unsigned p = Thread_WaitChannel; p <= Thread_CapabilitiesEffective; p++)
                at.expensive |= rv_asked(q, p);
        const struct rv_arg *pid = rv_equals(q, Thread_ProcessId), *tid = rv_equals(q, Thread_ThreadId);
        char name[16] = "";
        if (tid)
                snprintf(name, sizeof name, "%u", (unsigned)tid->u);
        if (pid || tid)
                e = emit_process(&at, q, out, pid ? (pid_t)pid->u : process_of(&at, name), tid ? name : NULL);
        else
                e = emit_all(&at, q, out, err);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- methods ---- */

/* The thread that the key names, while its process is held by the descriptor; or an outcome. */
static int hold(struct rv_call *c, pid_t *ret_tid, int *ret_fd, struct rv_error *err)
{
        static const struct rv_arg none = { .type = RV_NULL };
        const struct rv_arg *tid = &c->key[Thread_ThreadId], *when = &c->key[Thread_CreationDate];
        struct rv_arg process = c->key[Thread_ProcessId];
        struct place at;
        struct rv_proc_stat s;
        char name[16], path[64], buf[1024];
        pid_t pid;
        if (tid->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a thread is named by its ThreadId");
        int e = rv_proc_root(&at.root, &at.boot);
        if (e)
                return rv_fail_errno(err, -e, "cannot open /proc");
        snprintf(name, sizeof name, "%u", (unsigned)tid->u);
        if (process.type == RV_NULL)
                process = (struct rv_arg) { .type = RV_UINT, .u = (uint64_t)process_of(&at, name) };
        e = rv_process_hold(&process, &none, &pid, ret_fd, err);
        if (e)
                return e;
        rv_about(err, NULL, name, NULL);
        snprintf(path, sizeof path, "%d/task/%s/stat", (int)pid, name);
        ssize_t n = rv_proc_read(at.root, path, buf, sizeof buf);
        if (n <= 0 || !rv_proc_stat_parse(buf, (size_t)n, &s))
                e = rv_fail(err, RV_NOT_FOUND, "process %d has no thread %s", (int)pid, name);
        else if (when->type != RV_NULL && when->i != at.boot + rv_ticks_to_ns(s.f[22]))
                e = rv_fail(err, RV_STALE,
                            "thread %s is another one than the one named: it was started at another time", name);
        if (e)
                close(*ret_fd);
        else
                *ret_tid = (pid_t)tid->u;
        return e;
}

static int thread_set_priority(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Thread_SetPriority_in *in = args;
        pid_t tid;
        int fd, e = hold(c, &tid, &fd, err);
        if (e)
                return e;
        char from[16], to[16];
        snprintf(from, sizeof from, "%d", getpriority(PRIO_PROCESS, (id_t)tid));
        snprintf(to, sizeof to, "%d", (int)in->Priority);
        if (strcmp(from, to) != 0)
                rv_change(c, "Nice", from, to);
        if (!c->what_if && setpriority(PRIO_PROCESS, (id_t)tid, in->Priority) < 0)
                e = rv_fail_errno(err, errno, "cannot set the priority of thread %d", (int)tid);
        close(fd);
        if (e == RV_OK)
                Thread_SetPriority_out_set_ReturnValue(c->out, 0);
        return e;
}

static int thread_set_affinity(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Thread_SetAffinity_in *in = args;
        uint64_t set[RV_PROCESSORS / 64];
        pid_t tid;
        int fd, e = rv_processors_parse(in->Processors, in->Processors_len, set, err);
        if (e == RV_OK)
                e = hold(c, &tid, &fd, err);
        if (e)
                return e;
        rv_change(c, "ProcessorAffinity", NULL, in->Processors);
        if (!c->what_if && syscall(SYS_sched_setaffinity, tid, sizeof set, set) < 0)
                e = errno == EINVAL ? rv_processors_none(tid, in->Processors, err)
                                    : rv_fail_errno(err, errno, "cannot set the processors of thread %d", (int)tid);
        close(fd);
        if (e == RV_OK)
                Thread_SetAffinity_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[Thread_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Thread_method_SetPriority] = thread_set_priority,
        [Thread_method_SetAffinity] = thread_set_affinity,
};

static const struct rv_provider thread = { .class = &Thread_class, .query = thread_query, .methods = methods };

RV_PROVIDERS(thread, &thread);
