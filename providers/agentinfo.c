/* SPDX-License-Identifier: MIT
 *
 * AgentInfo: the agent of itself.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/AgentInfo.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

enum { CPUINFO_MOST = 16 << 20, SOCKETS = 256 };

static void fill_version(struct rv_row *row)
{
        struct stat st;
        unsigned n[3] = { 0 };
        rv_fill(row, AgentInfo_Version, REEVE_VERSION);
        if (sscanf(REEVE_VERSION, "%u.%u.%u", &n[0], &n[1], &n[2]) >= 2) {
                AgentInfo_set_MajorVersion(row, (uint16_t)n[0]);
                AgentInfo_set_MinorVersion(row, (uint16_t)n[1]);
                AgentInfo_set_RevisionNumber(row, (uint16_t)n[2]);
        }
        if (stat("/proc/self/exe", &st) == 0)
                AgentInfo_set_BuildDate(row, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
}

static uint32_t count_handles(void)
{
        DIR *d = opendir("/proc/self/fd");
        uint32_t n = 0;
        for (struct dirent *e; d && (e = readdir(d));)
                n += e->d_name[0] != '.';
        if (d)
                closedir(d);
        return n ? n - 1 : 0; /* not that of this reading */
}

static void fill_process(struct rv_row *row)
{
        char text[2048];
        struct timespec cpu, up, now;
        unsigned long long started = 0, pages;
        AgentInfo_set_ProcessId(row, (uint32_t)getpid());
        AgentInfo_set_Uid(row, (uint32_t)getuid());
        if (rv_proc_read(AT_FDCWD, "/proc/self/statm", text, sizeof text) > 0 &&
            sscanf(text, "%*u %llu", &pages) == 1)
                AgentInfo_set_WorkingSetSize(row, pages * (uint64_t)sysconf(_SC_PAGESIZE));
        if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
                AgentInfo_set_TotalProcessorTime(row, (uint64_t)cpu.tv_sec * UINT64_C(1000000000) +
                                                              (uint64_t)cpu.tv_nsec);
        if (AgentInfo_wants_HandleCount(row))
                AgentInfo_set_HandleCount(row, count_handles());
        const char *end =
                rv_proc_read(AT_FDCWD, "/proc/self/stat", text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
        if (!end ||
            sscanf(end + 1,
                   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                   &started) != 1)
                return;
        clock_gettime(CLOCK_BOOTTIME, &up);
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t boot = (now.tv_sec - up.tv_sec) * INT64_C(1000000000) + now.tv_nsec - up.tv_nsec;
        AgentInfo_set_StartTime(
                row, boot + (int64_t)(started * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK))));
}

/* NAME="value" of os-release. */
static void fill_release(struct rv_row *row, unsigned p, const char *all, const char *name)
{
        size_t n = strlen(name);
        for (const char *s = all; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
                if (strncmp(s, name, n) == 0 && s[n] == '=') {
                        const char *v = s + n + 1;
                        size_t quote = *v == '"';
                        rv_fill_n(row, p, v + quote, strcspn(v + quote, quote ? "\"\n" : "\n"));
                        return;
                }
}

static void fill_host(struct rv_row *row)
{
        char text[4096];
        struct utsname u;
        if (gethostname(text, sizeof text) == 0)
                rv_fill(row, AgentInfo_Hostname, text);
        if (uname(&u) == 0) {
                rv_fill(row, AgentInfo_Architecture, u.machine);
                rv_fill(row, AgentInfo_OSType, u.sysname);
        }
        if (rv_proc_read(AT_FDCWD, "/etc/os-release", text, sizeof text) <= 0 &&
            rv_proc_read(AT_FDCWD, "/usr/lib/os-release", text, sizeof text) <= 0)
                return;
        fill_release(row, AgentInfo_OSName, text, "NAME");
        fill_release(row, AgentInfo_OSAlias, text, "ID");
        fill_release(row, AgentInfo_OSVersion, text, "VERSION_ID");
}

static void fill_processors(struct rv_row *row)
{
        bool seen[SOCKETS] = { false }, virtual = access("/sys/hypervisor/type", F_OK) == 0;
        uint32_t sockets = 0;
        size_t n;
        AgentInfo_set_LogicalProcessors(row, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
        if (!AgentInfo_wants_PhysicalProcessors(row) && !AgentInfo_wants_MachineType(row))
                return;
        char *text = rv_slurp("/proc/cpuinfo", CPUINFO_MOST, &n), *rest = text;
        for (char *line; text && (line = strsep(&rest, "\n"));) {
                const char *v = strchr(line, ':');
                unsigned id = v && strncmp(line, "physical id", 11) == 0 ? (unsigned)atoi(v + 1) : SOCKETS;
                if (id < SOCKETS && !seen[id])
                        seen[id] = true, sockets++;
                virtual |= v && strncmp(line, "flags", 5) == 0 && strstr(v, " hypervisor");
        }
        free(text);
        AgentInfo_set_PhysicalProcessors(row, sockets ? sockets : 1);
        rv_fill(row, AgentInfo_MachineType, virtual ? "Virtual" : "Physical");
}

static int agentinfo_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        struct rv_row *row = rv_row(out);
        fill_version(row);
        fill_process(row);
        fill_host(row);
        fill_processors(row);
        AgentInfo_set_Classes(row, rv_nclasses);
        int e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

static const struct rv_provider agentinfo = { .class = &AgentInfo_class, .query = agentinfo_query };

RV_PROVIDERS(agentinfo, &agentinfo);
