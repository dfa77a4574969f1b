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
#include <unistd.h>

#include "agent/provider.h"
#include "gen/DiskUsage.h"
#include "gen/NetworkUsage.h"
#include "gen/ProcessorUsage.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"

enum { FIELDS = 20, FILE_MOST = 64 << 20, PAUSE_NS = 250000000, NS = 1000000000, SECTOR = 512 };

/* A line's name and its numbers. */
struct line {
        char name[64];
        uint64_t f[FIELDS];
};

struct sample {
        struct line *v;
        size_t n;
        uint64_t at; /* ns */
        int64_t wall;
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
        s->wall = rv_wall();
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

/* What a class has of it. The properties from the first counter on are of one moment: no waiting for them. */
struct measure {
        const char *path;
        parser *parse;
        unsigned first_rate, first_counter, timestamp;
        void (*fill)(struct rv_row *, const struct line *from, const struct line *to, double seconds);
        void (*count)(struct rv_row *, const struct line *now);
};

static bool asks_rates(const struct rv_query *q, const struct measure *m)
{
        for (unsigned p = m->first_rate; p < m->first_counter; p++)
                if (rv_asked(q, p))
                        return true;
        return false;
}

static int measure(const struct rv_query *q, struct rv_sink *out, struct rv_error *err,
                   const struct measure *m)
{
        struct sample a = { 0 }, b = { 0 };
        bool rates = asks_rates(q, m);
        int e = rates ? read_sample(m->path, m->parse, &a, err) : RV_OK;
        if (rates && e == RV_OK)
                nanosleep(&(struct timespec) { .tv_nsec = PAUSE_NS }, NULL);
        if (e == RV_OK)
                e = rv_cancelled(q->call) ? RV_STOP : read_sample(m->path, m->parse, &b, err);
        for (size_t i = 0; e == RV_OK && i < b.n; i++) {
                struct rv_row *row = rv_row(out);
                rv_fill(row, 0, b.v[i].name);
                if (rates)
                        m->fill(row, before(&a, &b.v[i]), &b.v[i], (double)(b.at - a.at) / 1e9);
                m->count(row, &b.v[i]);
                rv_set_datetime(row, m->timestamp, b.wall);
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
        ProcessorUsage_set_PercentProcessorTime(row, (all - d[3] - d[4]) * 100 / all);
        ProcessorUsage_set_PercentUserTime(row, (d[0] + d[1]) * 100 / all);
        ProcessorUsage_set_PercentNiceTime(row, d[1] * 100 / all);
        ProcessorUsage_set_PercentDPCTime(row, d[6] * 100 / all);
        ProcessorUsage_set_PercentPrivilegedTime(row, d[2] * 100 / all);
        ProcessorUsage_set_PercentInterruptTime(row, (d[5] + d[6]) * 100 / all);
        ProcessorUsage_set_PercentIOWaitTime(row, d[4] * 100 / all);
        ProcessorUsage_set_PercentStealTime(row, d[7] * 100 / all);
        ProcessorUsage_set_PercentIdleTime(row, (d[3] + d[4]) * 100 / all);
}

static uint64_t ticks(uint64_t n)
{
        uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
        return n * (NS / (hz ? hz : 100));
}

static void count_cpu(struct rv_row *row, const struct line *now)
{
        const uint64_t *f = now->f;
        ProcessorUsage_set_UserTime(row, ticks(f[0] + f[1]));
        ProcessorUsage_set_PrivilegedTime(row, ticks(f[2]));
        ProcessorUsage_set_InterruptTime(row, ticks(f[5] + f[6]));
        ProcessorUsage_set_DPCTime(row, ticks(f[6]));
        ProcessorUsage_set_IdleTime(row, ticks(f[3] + f[4]));
}

static int cpu_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const struct measure m = { "/proc/stat",
                                          parse_cpu,
                                          ProcessorUsage_PercentProcessorTime,
                                          ProcessorUsage_UserTime,
                                          ProcessorUsage_Timestamp,
                                          fill_cpu,
                                          count_cpu };
        return measure(q, out, err, &m);
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
        uint64_t reads = grown(from, to, 0), writes = grown(from, to, 4);
        double reading = (double)grown(from, to, 3) / 1000, writing = (double)grown(from, to, 7) / 1000;
        uint64_t in = (uint64_t)((double)(grown(from, to, 2) * SECTOR) / seconds);
        uint64_t out = (uint64_t)((double)(grown(from, to, 6) * SECTOR) / seconds);
        uint64_t busy = (uint64_t)((double)grown(from, to, 9) / 10 / seconds);
        busy = busy > 100 ? 100 : busy;
        DiskUsage_set_DiskReadBytesPersec(row, in);
        DiskUsage_set_DiskWriteBytesPersec(row, out);
        DiskUsage_set_DiskBytesPersec(row, in + out);
        DiskUsage_set_DiskReadsPersec(row, (uint64_t)((double)reads / seconds));
        DiskUsage_set_DiskWritesPersec(row, (uint64_t)((double)writes / seconds));
        DiskUsage_set_DiskTransfersPersec(row, (uint64_t)((double)(reads + writes) / seconds));
        DiskUsage_set_PercentDiskTime(row, busy);
        DiskUsage_set_PercentIdleTime(row, 100 - busy);
        if (reads + writes)
                DiskUsage_set_AvgDisksecPerTransfer(row, (reading + writing) / (double)(reads + writes));
        if (reads)
                DiskUsage_set_AvgDisksecPerRead(row, reading / (double)reads);
        if (writes)
                DiskUsage_set_AvgDisksecPerWrite(row, writing / (double)writes);
        DiskUsage_set_AvgDiskQueueLength(row, (double)grown(from, to, 10) / 1000 / seconds);
}

static void count_disk(struct rv_row *row, const struct line *now)
{
        DiskUsage_set_CurrentDiskQueueLength(row, now->f[8]);
        DiskUsage_set_ReadBytes(row, now->f[2] * SECTOR);
        DiskUsage_set_WrittenBytes(row, now->f[6] * SECTOR);
        DiskUsage_set_ReadOperations(row, now->f[0]);
        DiskUsage_set_WriteOperations(row, now->f[4]);
        DiskUsage_set_BusyTime(row, now->f[9] * 1000000);
}

static int disk_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const struct measure m = { "/proc/diskstats",
                                          parse_disk,
                                          DiskUsage_DiskReadBytesPersec,
                                          DiskUsage_CurrentDiskQueueLength,
                                          DiskUsage_Timestamp,
                                          fill_disk,
                                          count_disk };
        return measure(q, out, err, &m);
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
        NetworkUsage_set_BytesReceivedPersec(row, in);
        NetworkUsage_set_BytesSentPersec(row, out);
        NetworkUsage_set_BytesTotalPersec(row, in + out);
        NetworkUsage_set_PacketsReceivedPersec(row, got);
        NetworkUsage_set_PacketsSentPersec(row, sent);
        NetworkUsage_set_PacketsPersec(row, got + sent);
}

static void count_interface(struct rv_row *row, const struct line *now)
{
        NetworkUsage_set_PacketsReceivedErrors(row, now->f[2]);
        NetworkUsage_set_PacketsReceivedDiscarded(row, now->f[3]);
        NetworkUsage_set_PacketsOutboundErrors(row, now->f[10]);
        NetworkUsage_set_PacketsOutboundDiscarded(row, now->f[11]);
        NetworkUsage_set_ReceivedBytes(row, now->f[0]);
        NetworkUsage_set_SentBytes(row, now->f[8]);
        NetworkUsage_set_ReceivedPackets(row, now->f[1]);
        NetworkUsage_set_SentPackets(row, now->f[9]);
}

static int interface_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const struct measure m = { "/proc/self/net/dev",
                                          parse_interface,
                                          NetworkUsage_BytesReceivedPersec,
                                          NetworkUsage_PacketsReceivedErrors,
                                          NetworkUsage_Timestamp,
                                          fill_interface,
                                          count_interface };
        return measure(q, out, err, &m);
}

static const struct rv_provider processorusage = { .class = &ProcessorUsage_class, .query = cpu_query };
static const struct rv_provider diskusage = { .class = &DiskUsage_class, .query = disk_query };
static const struct rv_provider networkusage = { .class = &NetworkUsage_class, .query = interface_query };

RV_PROVIDERS(usage, &processorusage, &diskusage, &networkusage);
