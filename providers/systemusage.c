/* SPDX-License-Identifier: MIT
 *
 * SystemUsage, TCPUsage: counters of the host as a whole, read twice where a rate is asked for.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/SystemUsage.h"
#include "gen/TCPUsage.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

enum { COUNTERS = 16, PAUSE_NS = 250000000, STAT_MOST = 16 << 20 };

struct sample {
        uint64_t n[COUNTERS], at;
};

/* What one reading gives; false: errno. */
typedef bool reader(struct sample *);

static int measure(const struct rv_query *q, reader *read, unsigned rates, struct sample *a, struct sample *b,
                   const char *path, struct rv_error *err)
{
        bool twice = false;
        for (unsigned p = 0; p < rates; p++)
                twice |= rv_asked(q, p);
        if (twice && !read(a))
                return rv_fail_errno(err, errno, "cannot read %s", path);
        if (twice)
                nanosleep(&(struct timespec) { .tv_nsec = PAUSE_NS }, NULL);
        if (!read(b))
                return rv_fail_errno(err, errno, "cannot read %s", path);
        if (!twice)
                *a = *b;
        return RV_OK;
}

static uint64_t persec(const struct sample *a, const struct sample *b, int i)
{
        return b->n[i] > a->n[i] && b->at > a->at
                       ? (uint64_t)((double)(b->n[i] - a->n[i]) * 1e9 / (double)(b->at - a->at))
                       : 0;
}

/* ---- the host ---- */

enum { SWITCHES, INTERRUPTS, FORKS, RUNNING, BLOCKED, STAT_FIELDS };

static bool read_stat(struct sample *s)
{
        static const char *const names[STAT_FIELDS] = { "ctxt ", "intr ", "processes ", "procs_running ",
                                                        "procs_blocked " };
        size_t size;
        char *text = rv_slurp("/proc/stat", STAT_MOST, &size), *rest = text;
        s->at = rv_now();
        for (char *line; text && (line = strsep(&rest, "\n"));)
                for (int i = 0; i < STAT_FIELDS; i++)
                        if (strncmp(line, names[i], strlen(names[i])) == 0)
                                s->n[i] = strtoull(line + strlen(names[i]), NULL, 10);
        free(text);
        return text != NULL;
}

static uint32_t count_processes(void)
{
        DIR *d = opendir("/proc");
        uint32_t n = 0;
        for (struct dirent *e; d && (e = readdir(d));)
                n += isdigit((unsigned char)e->d_name[0]) != 0;
        if (d)
                closedir(d);
        return n;
}

static int system_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct sample a = { 0 }, b = { 0 };
        char text[128];
        unsigned threads;
        int e = measure(q, read_stat, SystemUsage_ProcessorQueueLength, &a, &b, "/proc/stat", err);
        if (e)
                return e;
        struct rv_row *row = rv_row(out);
        struct timespec up;
        SystemUsage_set_ContextSwitchesPersec(row, persec(&a, &b, SWITCHES));
        SystemUsage_set_InterruptsPersec(row, persec(&a, &b, INTERRUPTS));
        SystemUsage_set_ForksPersec(row, persec(&a, &b, FORKS));
        uint64_t processors = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
        SystemUsage_set_ProcessorQueueLength(
                row, (uint32_t)(b.n[RUNNING] > processors ? b.n[RUNNING] - processors : 0));
        SystemUsage_set_ThreadsRunning(row, (uint32_t)b.n[RUNNING]);
        SystemUsage_set_ThreadsBlocked(row, (uint32_t)b.n[BLOCKED]);
        if (SystemUsage_wants_Processes(row))
                SystemUsage_set_Processes(row, count_processes());
        if (rv_proc_read(AT_FDCWD, "/proc/loadavg", text, sizeof text) > 0 &&
            sscanf(text, "%*f %*f %*f %*u/%u", &threads) == 1)
                SystemUsage_set_Threads(row, threads);
        clock_gettime(CLOCK_BOOTTIME, &up);
        SystemUsage_set_UpTime(row, (uint64_t)up.tv_sec * UINT64_C(1000000000) + (uint64_t)up.tv_nsec);
        SystemUsage_set_ContextSwitches(row, b.n[SWITCHES]);
        SystemUsage_set_Interrupts(row, b.n[INTERRUPTS]);
        SystemUsage_set_Forks(row, b.n[FORKS]);
        SystemUsage_set_Timestamp(row, rv_wall());
        e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- TCP: a line of names, a line of numbers ---- */

static const struct {
        const char *name;
        uint16_t property;
} tcp_fields[] = {
        { "ActiveOpens", TCPUsage_ConnectionsActive },
        { "PassiveOpens", TCPUsage_ConnectionsPassive },
        { "AttemptFails", TCPUsage_ConnectionFailures },
        { "EstabResets", TCPUsage_ConnectionsReset },
        { "CurrEstab", TCPUsage_ConnectionsEstablished },
        { "InSegs", TCPUsage_SegmentsReceived },
        { "OutSegs", TCPUsage_SegmentsSent },
        { "RetransSegs", TCPUsage_SegmentsRetransmitted },
        { "InErrs", TCPUsage_ReceiveErrors },
};
enum { IN_SEGMENTS = 5, OUT_SEGMENTS, AGAIN, TCP_FIELDS = sizeof tcp_fields / sizeof *tcp_fields };

static bool read_tcp(struct sample *s)
{
        char text[16384], *names = NULL, *numbers = NULL, *rest = text, *name, *number;
        if (rv_proc_read(AT_FDCWD, "/proc/self/net/snmp", text, sizeof text) <= 0)
                return false;
        s->at = rv_now();
        for (char *line; (line = strsep(&rest, "\n"));)
                if (strncmp(line, "Tcp:", 4) == 0)
                        *(names ? &numbers : &names) = line;
        while (names && numbers && (name = strsep(&names, " ")) && (number = strsep(&numbers, " ")))
                for (int i = 0; i < TCP_FIELDS; i++)
                        if (strcmp(name, tcp_fields[i].name) == 0)
                                s->n[i] = strtoull(number, NULL, 10);
        return true;
}

static int tcp_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct sample a = { 0 }, b = { 0 };
        int e = measure(q, read_tcp, TCPUsage_ConnectionsEstablished, &a, &b, "/proc/self/net/snmp", err);
        if (e)
                return e;
        struct rv_row *row = rv_row(out);
        TCPUsage_set_SegmentsReceivedPersec(row, persec(&a, &b, IN_SEGMENTS));
        TCPUsage_set_SegmentsSentPersec(row, persec(&a, &b, OUT_SEGMENTS));
        TCPUsage_set_SegmentsRetransmittedPersec(row, persec(&a, &b, AGAIN));
        for (int i = 0; i < TCP_FIELDS; i++)
                rv_set_uint(row, tcp_fields[i].property, b.n[i]);
        TCPUsage_set_Timestamp(row, rv_wall());
        e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

static const struct rv_provider systemusage = { .class = &SystemUsage_class, .query = system_query };
static const struct rv_provider tcpusage = { .class = &TCPUsage_class, .query = tcp_query };

RV_PROVIDERS(systemusage, &systemusage, &tcpusage);
