/* SPDX-License-Identifier: MIT
 *
 * ProcessorUsage, DiskUsage, NetworkUsage: the kernel's counters read twice, a quarter of a second apart, and what
 * happened between. Nothing is kept from one question to the next, so the figures are of now and cost nothing while
 * nobody asks.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/provider.h"
#include "gen/DiskUsage.h"
#include "gen/NetworkUsage.h"
#include "gen/ProcessorUsage.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"

enum { FIELDS = 20, FILE_MOST = 64 << 20, PAUSE_NS = 250000000, SECTOR = 512 };

/* A line's name and its numbers. */
struct line {
        char name[64];
        uint64_t f[FIELDS];
};

struct sample {
        struct line *v;
        size_t n;
        uint64_t at; /* ns */
};

/* One line -> a name and numbers; false: it is not of the kind that is wanted. */
typedef bool parser(const char *text, struct line *ret);

static void numbers(const char *p, uint64_t *f)
{
        for (int i = 0; i < FIELDS; i++) {
                char *end;
                f[i] = strtoull(p, &end, 10);
                if (end == p)
                        return;
                p = end;
        }
}

static int read_sample(const char *path, parser *parse, struct sample *s, struct rv_error *err)
{
        size_t n, room = 0;
        char *text = rv_slurp(path, FILE_MOST, &n), *rest = text;
        if (!text)
                return rv_fail_errno(err, errno, "cannot read %s", path);
        s->at = rv_now();
        for (char *line; (line = strsep(&rest, "\n"));) {
                struct line one = { 0 };
                if (!parse(line, &one))
                        continue;
                if (s->n == room) {
                        struct line *v = realloc(s->v, (room = 2 * room + 16) * sizeof *v);
                        if (!v)
                                break;
                        s->v = v;
                }
                s->v[s->n++] = one;
        }
        free(text);
        return RV_OK;
}

static const struct line *before(const struct sample *s, const struct line *now)
{
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->v[i].name, now->name) == 0)
                        return &s->v[i];
        return now; /* it was not there: nothing has happened */
}

/* What a counter has grown by; one that was set back has not. */
static uint64_t grown(const struct line *from, const struct line *to, int i)
{
        return to->f[i] > from->f[i] ? to->f[i] - from->f[i] : 0;
}

static int measure(const struct rv_query *q, struct rv_sink *out, struct rv_error *err, const char *path,
                   parser *parse,
                   void (*fill)(struct rv_row *, const struct line *from, const struct line *to,
                                double seconds))
{
        struct sample a = { 0 }, b = { 0 };
        int e = read_sample(path, parse, &a, err);
        if (e == RV_OK) {
                nanosleep(&(struct timespec) { .tv_nsec = PAUSE_NS }, NULL);
                e = rv_cancelled(q->call) ? RV_STOP : read_sample(path, parse, &b, err);
        }
        for (size_t i = 0; e == RV_OK && i < b.n; i++) {
                struct rv_row *row = rv_row(out);
                fill(row, before(&a, &b.v[i]), &b.v[i], (double)(b.at - a.at) / 1e9);
                e = rv_emit(out, row);
        }
        free(a.v);
        free(b.v);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- processors: user nice system idle iowait irq softirq steal guest guest_nice ---- */

static bool parse_cpu(const char *text, struct line *l)
{
        if (strncmp(text, "cpu", 3) != 0)
                return false;
        size_t n = strcspn(text + 3, " ");
        snprintf(l->name, sizeof l->name, "%.*s", n ? (int)n : 6, n ? text + 3 : "_Total");
        numbers(text + 3 + n, l->f);
        return true;
}

static void fill_cpu(struct rv_row *row, const struct line *from, const struct line *to, double seconds)
{
        uint64_t d[8], all = 0;
        (void)seconds;
        for (int i = 0; i < 8; i++)
                all += d[i] = grown(from, to, i);
        if (!all)
                d[3] = all = 1; /* not a tick: idle */
        rv_fill(row, ProcessorUsage_Name, to->name);
        ProcessorUsage_set_PercentProcessorTime(row, (all - d[3] - d[4]) * 100 / all);
        ProcessorUsage_set_PercentUserTime(row, (d[0] + d[1]) * 100 / all);
        ProcessorUsage_set_PercentPrivilegedTime(row, d[2] * 100 / all);
        ProcessorUsage_set_PercentInterruptTime(row, (d[5] + d[6]) * 100 / all);
        ProcessorUsage_set_PercentIOWaitTime(row, d[4] * 100 / all);
        ProcessorUsage_set_PercentStealTime(row, d[7] * 100 / all);
        ProcessorUsage_set_PercentIdleTime(row, (d[3] + d[4]) * 100 / all);
}

static int cpu_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        return measure(q, out, err, "/proc/stat", parse_cpu, fill_cpu);
}

/* ---- disks: reads merged sectors ms, writes merged sectors ms, now ms weighted-ms ---- */

static bool parse_disk(const char *text, struct line *l)
{
        int n = 0;
        if (sscanf(text, "%*u %*u %63s%n", l->name, &n) != 1 || !n)
                return false;
        numbers(text + n, l->f);
        return l->f[0] || l->f[4];
}

static void fill_disk(struct rv_row *row, const struct line *from, const struct line *to, double seconds)
{
        uint64_t reads = grown(from, to, 0), writes = grown(from, to, 4),
                 ms = grown(from, to, 3) + grown(from, to, 7);
        uint64_t in = (uint64_t)((double)(grown(from, to, 2) * SECTOR) / seconds);
        uint64_t out = (uint64_t)((double)(grown(from, to, 6) * SECTOR) / seconds);
        uint64_t busy = (uint64_t)((double)grown(from, to, 9) / 10 / seconds);
        busy = busy > 100 ? 100 : busy;
        rv_fill(row, DiskUsage_Name, to->name);
        DiskUsage_set_DiskReadBytesPersec(row, in);
        DiskUsage_set_DiskWriteBytesPersec(row, out);
        DiskUsage_set_DiskBytesPersec(row, in + out);
        DiskUsage_set_DiskReadsPersec(row, (uint64_t)((double)reads / seconds));
        DiskUsage_set_DiskWritesPersec(row, (uint64_t)((double)writes / seconds));
        DiskUsage_set_DiskTransfersPersec(row, (uint64_t)((double)(reads + writes) / seconds));
        DiskUsage_set_PercentDiskTime(row, busy);
        DiskUsage_set_PercentIdleTime(row, 100 - busy);
        DiskUsage_set_CurrentDiskQueueLength(row, to->f[8]);
        if (reads + writes)
                DiskUsage_set_AvgDisksecPerTransfer(row, (double)ms / 1000 / (double)(reads + writes));
}

static int disk_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        return measure(q, out, err, "/proc/diskstats", parse_disk, fill_disk);
}

/* ---- interfaces: "name: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop ..." ---- */

static bool parse_interface(const char *text, struct line *l)
{
        const char *name = text + strspn(text, " "), *colon = strrchr(name, ':');
        if (!colon || colon == name || (size_t)(colon - name) >= sizeof l->name)
                return false;
        snprintf(l->name, sizeof l->name, "%.*s", (int)(colon - name), name);
        numbers(colon + 1, l->f);
        return true;
}

static void fill_interface(struct rv_row *row, const struct line *from, const struct line *to, double seconds)
{
        uint64_t in = (uint64_t)((double)grown(from, to, 0) / seconds),
                 out = (uint64_t)((double)grown(from, to, 8) / seconds);
        uint64_t got = (uint64_t)((double)grown(from, to, 1) / seconds),
                 sent = (uint64_t)((double)grown(from, to, 9) / seconds);
        rv_fill(row, NetworkUsage_Name, to->name);
        NetworkUsage_set_BytesReceivedPersec(row, in);
        NetworkUsage_set_BytesSentPersec(row, out);
        NetworkUsage_set_BytesTotalPersec(row, in + out);
        NetworkUsage_set_PacketsReceivedPersec(row, got);
        NetworkUsage_set_PacketsSentPersec(row, sent);
        NetworkUsage_set_PacketsPersec(row, got + sent);
        NetworkUsage_set_PacketsReceivedErrors(row, to->f[2]);
        NetworkUsage_set_PacketsReceivedDiscarded(row, to->f[3]);
        NetworkUsage_set_PacketsOutboundErrors(row, to->f[10]);
        NetworkUsage_set_PacketsOutboundDiscarded(row, to->f[11]);
}

static int interface_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        return measure(q, out, err, "/proc/self/net/dev", parse_interface, fill_interface);
}

static const struct rv_provider processorusage = { .class = &ProcessorUsage_class, .query = cpu_query };
static const struct rv_provider diskusage = { .class = &DiskUsage_class, .query = disk_query };
static const struct rv_provider networkusage = { .class = &NetworkUsage_class, .query = interface_query };

RV_PROVIDERS(usage, &processorusage, &diskusage, &networkusage);
