/* SPDX-License-Identifier: MIT
 *
 * Process: the processes of this host, from /proc. Only the files that the asked properties need are read. A process is
 * its id and its start time. What ends while it is being read is no row, and a newcomer with its id gives none of what
 * the row says. Methods: lib/processdo.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Process.h"
#include "providers/lib/fill.h"
#include "providers/lib/proccache.h"
#include "providers/lib/procevents.h"
#include "providers/lib/procfs.h"
#include "providers/lib/processdo.h"
#include "providers/lib/processfiles.h"

struct reader {
        int root;     /* /proc */
        int64_t boot; /* ns since 1970 */
        long page;
        uint32_t sources; /* the files that are to be read beside stat */
        uid_t uid;        /* of the name kept below */
        char user[64];
        bool have_user;
};

static int reader_open(struct reader *r, const uint64_t *want, struct rv_error *err)
{
        *r = (struct reader){ .page = sysconf(_SC_PAGESIZE), .sources = rv_process_sources(want) };
        int e = rv_proc_root(&r->root, &r->boot);
        return e ? rv_fail_errno(err, -e, "cannot open /proc") : RV_OK;
}

/* A terminal's device number; those of other drivers are looked up where they are registered. */
static void fill_terminal(struct rv_row *row, uint64_t device)
{
        unsigned major = (unsigned)(device >> 8 & 0xfff);
        unsigned minor = (unsigned)((device & 0xff) | (device >> 12 & 0xfff00));
        char name[300] = "", path[64];
        if (!Process_wants_Terminal(row))
                return;
        if (major >= 136 && major <= 143) {
                snprintf(name, sizeof name, "pts/%u", (major - 136) * 256 + minor);
        } else if (major == 4) {
                snprintf(name, sizeof name, minor < 64 ? "tty%u" : "ttyS%u", minor < 64 ? minor : minor - 64);
        } else {
                snprintf(path, sizeof path, "/sys/dev/char/%u:%u", major, minor);
                char link[256];
                ssize_t n = readlink(path, link, sizeof link - 1);
                link[n > 0 ? n : 0] = 0;
                snprintf(name, sizeof name, "%s", n > 0 && strrchr(link, '/') ? strrchr(link, '/') + 1 : "");
        }
        rv_fill(row, Process_Terminal, name);
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
        Process_set_MajorFaults(row, f[12]);
        Process_set_ChildProcessorTime(row, (uint64_t)rv_ticks_to_ns(f[16] + f[17]));
        Process_set_LastProcessor(row, (uint32_t)f[39]);
        Process_set_RealtimePriority(row, (uint32_t)f[40]);
        Process_set_BlockIOTime(row, (uint64_t)rv_ticks_to_ns(f[42]));
        rv_fill(row, Process_SchedulingPolicy, rv_sched_policy(f[41]));
        if (s->state == 'Z' && (f[52] || geteuid() == 0)) /* 0 as well where it may not be seen */
                Process_set_ExitStatus(row, f[52] & 127 ? 128 + (uint32_t)(f[52] & 127) : (uint32_t)(f[52] >> 8 & 255));
        if (f[7])
                fill_terminal(row, f[7]);
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
                rv_fill(row, Process_UserName, r->user);
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
        if (!r->sources)
                return RV_OK;
        snprintf(pid, sizeof pid, "%d", (int)id);
        if (r->sources & RV_FROM_OWNER)
                fill_owner(r, row, pid);
        if (r->sources & ~(uint32_t)RV_FROM_OWNER)
                rv_process_files(r->root, id, row, r->sources);
        return rv_proccache_same(r->root, id, &s) ? RV_OK : RV_NOT_FOUND;
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
        int e = RV_OK;
        DIR *d = rv_proc_folder(r->root, ".");
        if (!d)
                return rv_fail_errno(err, errno, "cannot list /proc");
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
        int e = reader_open(&r, q->want, err);
        const struct rv_arg *one = rv_equals(q, Process_ProcessId);
        if (e == RV_OK)
                e = one ? emit(&r, out, (pid_t)one->u, false) : emit_all(&r, q, out, err);
        return e == RV_STOP ? RV_OK : e;
}

/* One process by its id, without a thread where nothing can wait: the kernel makes stat without the process' locks, and
 * the command line may be kept. */
static int process_peek(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reader r;
        const struct rv_arg *one = rv_equals(q, Process_ProcessId);
        if (!one || rv_process_sources(q->want))
                return RV_FULL;
        int e = reader_open(&r, q->want, err);
        if (e == RV_OK)
                e = emit(&r, out, (pid_t)one->u, true);
        return e == RV_STOP ? RV_OK : e;
}

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
                                            .methods = rv_process_methods };

RV_PROVIDERS(process, &process);
