/* SPDX-License-Identifier: MIT
 *
 * ProcessUsage: what processes have used, read twice. A process' own clock (clock_gettime(2) with its id) counts
 * nanoseconds, where /proc/PID/stat has clock ticks, two and a half of which pass in a quarter of a second. Nothing is
 * kept from one question to the next.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/ProcessUsage.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"

enum { INTERVAL_MS = 250, STEP_NS = 50000000, IOS = 6 };

struct io {
        bool read;
        uint64_t v[IOS];
};

struct sample {
        pid_t pid;
        uint64_t start; /* stat field 22 */
        uint64_t at;    /* CLOCK_MONOTONIC ns */
        uint64_t cpu;   /* ns */
        uint64_t user, kernel, faults;
        struct io io;
};

struct samples {
        struct sample *v;
        size_t n, room;
};

struct reader {
        int root;
        int64_t boot;
        long page;
        bool io;
        uint32_t interval; /* ms */
        const struct rv_query *q;
};

/* rchar, wchar, syscr, syscw, read_bytes, write_bytes: in the file's order. */
static void read_io(const struct reader *r, pid_t pid, struct io *ret)
{
        char path[32], buf[512], *p = buf;
        snprintf(path, sizeof path, "%d/io", (int)pid);
        if (rv_proc_read(r->root, path, buf, sizeof buf) <= 0)
                return;
        for (int i = 0; i < IOS && (p = strchr(p, ':')); i++)
                ret->v[i] = strtoull(p + 1, &p, 10);
        ret->read = p != NULL;
}

/* The clock of a process of that id, as clock_getcpuclockid(3) makes it. */
static bool read_clock(pid_t pid, uint64_t *ret)
{
        clockid_t clock;
        struct timespec t;
        if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t) < 0)
                return false;
        *ret = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
        return true;
}

/* false: it has ended. */
static bool take(const struct reader *r, pid_t pid, struct sample *ret, struct rv_proc_stat *s)
{
        *ret = (struct sample) { .pid = pid, .at = rv_now() };
        if (!read_clock(pid, &ret->cpu))
                return false;
        if (r->io)
                read_io(r, pid, &ret->io);
        if (rv_proc_stat(r->root, pid, s) < 0)
                return false;
        ret->start = s->f[22];
        ret->user = s->f[14];
        ret->kernel = s->f[15];
        ret->faults = s->f[10] + s->f[12];
        return true;
}

static const struct sample *before(const struct samples *a, const struct sample *now)
{
        size_t lo = 0, hi = a->n;
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                if (a->v[mid].pid < now->pid)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo < a->n && a->v[lo].pid == now->pid && a->v[lo].start == now->start ? &a->v[lo] : NULL;
}

static uint64_t grown(uint64_t from, uint64_t to)
{
        return to > from ? to - from : 0;
}

static void fill(const struct reader *r, struct rv_row *row, const struct sample *from, const struct sample *to,
                 const struct rv_proc_stat *s)
{
        double seconds = (double)(to->at - from->at) / 1e9, all = (double)grown(from->cpu, to->cpu) / 1e7 / seconds;
        uint64_t user = grown(from->user, to->user), kernel = grown(from->kernel, to->kernel);
        if (!user && !kernel) /* less than a tick */
                user = to->user, kernel = to->kernel;
        double part = user + kernel ? (double)user / (double)(user + kernel) : 1;
        ProcessUsage_set_ProcessId(row, (uint32_t)to->pid);
        ProcessUsage_set_CreationDate(row, r->boot + rv_ticks_to_ns(to->start));
        ProcessUsage_set_Name(row, s->name, s->name_len);
        ProcessUsage_set_Interval(row, r->interval);
        ProcessUsage_set_PercentProcessorTime(row, all);
        ProcessUsage_set_PercentUserTime(row, all * part);
        ProcessUsage_set_PercentPrivilegedTime(row, all * (1 - part));
        ProcessUsage_set_PageFaultsPersec(row, (uint64_t)((double)grown(from->faults, to->faults) / seconds));
        ProcessUsage_set_WorkingSetSize(row, s->f[24] * (uint64_t)r->page);
        ProcessUsage_set_ThreadCount(row, (uint32_t)s->f[20]);
        ProcessUsage_set_State(row, &s->state, 1);
        static const uint16_t of[IOS] = { ProcessUsage_IOReadBytesPersec,      ProcessUsage_IOWriteBytesPersec,
                                          ProcessUsage_IOReadOperationsPersec, ProcessUsage_IOWriteOperationsPersec,
                                          ProcessUsage_DiskReadBytesPersec,    ProcessUsage_DiskWriteBytesPersec };
        for (int i = 0; i < IOS && from->io.read && to->io.read; i++)
                rv_set_uint(row, of[i], (uint64_t)((double)grown(from->io.v[i], to->io.v[i]) / seconds));
}

/* One that began after the first look: since its beginning, which stat counts by the boot's clock. */
static struct sample beginning(const struct reader *r, const struct sample *s)
{
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        int64_t since = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - rv_ticks_to_ns(s->start);
        int64_t least = 10000000, most = (int64_t)r->interval * 1000000;
        since = since < least ? least : since > most ? most : since;
        return (struct sample) { .pid = s->pid, .start = s->start, .at = s->at - (uint64_t)since, .io.read = true };
}

/* ---- over all processes, or one ---- */

typedef int visitor(const struct reader *, pid_t, void *);

static int visit(const struct reader *r, visitor *each, void *state, struct rv_error *err)
{
        const struct rv_arg *one = rv_equals(r->q, ProcessUsage_ProcessId);
        if (one)
                return each(r, (pid_t)one->u, state);
        int e = RV_OK;
        DIR *d = rv_proc_folder(r->root, ".");
        if (!d)
                return rv_fail_errno(err, errno, "cannot list /proc");
        for (struct dirent *p; e == RV_OK && (p = readdir(d));)
                if (p->d_name[0] >= '1' && p->d_name[0] <= '9')
                        e = rv_cancelled(r->q->call) ? RV_STOP : each(r, (pid_t)atoi(p->d_name), state);
        closedir(d);
        return e;
}

static int keep(const struct reader *r, pid_t pid, void *state)
{
        struct samples *a = state;
        struct rv_proc_stat s;
        if (a->n == a->room) {
                struct sample *v = realloc(a->v, (a->room = 2 * a->room + 64) * sizeof *v);
                if (!v)
                        return -ENOMEM;
                a->v = v;
        }
        a->n += take(r, pid, &a->v[a->n], &s);
        return RV_OK;
}

struct second {
        const struct samples *first;
        struct rv_sink *out;
};

static int tell(const struct reader *r, pid_t pid, void *state)
{
        struct second *x = state;
        struct sample now, began;
        struct rv_proc_stat s;
        if (!take(r, pid, &now, &s))
                return RV_OK;
        const struct sample *from = before(x->first, &now);
        if (!from) {
                began = beginning(r, &now);
                from = &began;
        }
        struct rv_row *row = rv_row(x->out);
        fill(r, row, from, &now, &s);
        return rv_emit(x->out, row);
}

static int by_pid(const void *a, const void *b)
{
        pid_t x = ((const struct sample *)a)->pid, y = ((const struct sample *)b)->pid;
        return (x > y) - (x < y);
}

static void wait_for(const struct reader *r)
{
        uint64_t end = rv_now() + (uint64_t)r->interval * 1000000;
        for (uint64_t now; !rv_cancelled(r->q->call) && (now = rv_now()) < end;)
                nanosleep(&(struct timespec) { .tv_nsec = end - now < STEP_NS ? (long)(end - now) : STEP_NS }, NULL);
}

static int usage_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *interval = rv_equals(q, ProcessUsage_Interval);
        struct reader r = { .page = sysconf(_SC_PAGESIZE), .interval = INTERVAL_MS, .q = q };
        struct samples first = { 0 };
        if (interval && (interval->u < 10 || interval->u > 60000)) {
                rv_about(err, NULL, NULL, "Interval");
                return rv_fail(err, RV_INVALID_PARAMETER, "Interval is %llu ms: expected 10 to 60000",
                               (unsigned long long)interval->u);
        }
        if (interval)
                r.interval = (uint32_t)interval->u;
        for (unsigned p = ProcessUsage_IOReadBytesPersec; p <= ProcessUsage_DiskWriteBytesPersec; p++)
                r.io |= rv_asked(q, p);
        int e = rv_proc_root(&r.root, &r.boot);
        if (e)
                return rv_fail_errno(err, -e, "cannot open /proc");
        e = visit(&r, keep, &first, err);
        if (e == RV_OK) {
                if (first.n)
                        qsort(first.v, first.n, sizeof *first.v, by_pid);
                wait_for(&r);
                e = rv_cancelled(q->call) ? RV_STOP : visit(&r, tell, &(struct second) { &first, out }, err);
        }
        free(first.v);
        return e == RV_STOP ? RV_OK : e;
}

static const struct rv_provider processusage = { .class = &ProcessUsage_class, .query = usage_query, .threads = 4 };

RV_PROVIDERS(processusage, &processusage);
