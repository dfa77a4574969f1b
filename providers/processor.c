/* SPDX-License-Identifier: MIT
 *
 * Processor, MemorySummary, PhysicalMemory: /proc/cpuinfo (one pass, grouped by socket), /proc/meminfo, the firmware's
 * records of memory modules.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/MemorySummary.h"
#include "gen/PhysicalMemory.h"
#include "gen/Processor.h"
#include "providers/lib/dmi.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

#define CPU "/sys/devices/system/cpu"
enum { SOCKETS = 256, LOGICAL = 8192, NODES = 1024 };

/* ---- /proc/cpuinfo ---- */

/* One logical processor's lines. */
struct block {
        unsigned number, socket, core;
        const char *at; /* its first line */
};

struct cpuinfo {
        char *text;
        struct block v[LOGICAL];
        size_t n;
};

/* The value of a field of a block (up to the empty line), and its length; NULL: it has none. */
static const char *field(const char *at, const char *name, size_t *ret_n)
{
        size_t k = strlen(name);
        for (const char *p = at; *p && *p != '\n';
             p = strchr(p, '\n') ? strchr(p, '\n') + 1 : p + strlen(p)) {
                if (strncmp(p, name, k) != 0 || (p[k] != '\t' && p[k] != ':' && p[k] != ' '))
                        continue;
                const char *v = p + k + strspn(p + k, " \t");
                if (*v != ':')
                        continue;
                v += 1 + strspn(v + 1, " \t");
                *ret_n = strcspn(v, "\n");
                return *ret_n ? v : NULL;
        }
        return NULL;
}

static unsigned number(const char *at, const char *name, unsigned otherwise)
{
        size_t n;
        const char *v = field(at, name, &n);
        return v ? (unsigned)strtoul(v, NULL, 0) : otherwise;
}

static int read_cpuinfo(struct cpuinfo *c, struct rv_error *err)
{
        size_t n;
        c->n = 0;
        c->text = rv_slurp("/proc/cpuinfo", 64 << 20, &n);
        if (!c->text)
                return rv_fail_errno(err, errno, "cannot read /proc/cpuinfo");
        for (const char *p = c->text; *p && c->n < LOGICAL;) {
                if (strncmp(p, "processor", 9) == 0) {
                        struct block *b = &c->v[c->n++];
                        b->at = p;
                        b->number = number(p, "processor", (unsigned)c->n - 1);
                        b->socket = number(p, "physical id", 0);
                        b->core = number(p, "core id", b->number);
                }
                const char *end = strstr(p, "\n\n");
                p = end ? end + 2 : p + strlen(p);
        }
        return RV_OK;
}

/* ---- Processor ---- */

static void fill_field(struct rv_row *row, unsigned p, const char *at, const char *name)
{
        size_t n;
        const char *v = field(at, name, &n);
        rv_fill_n(row, p, v, n);
}

static bool cpu_file(unsigned cpu, const char *file, char *ret, size_t size)
{
        char path[160];
        snprintf(path, sizeof path, CPU "/cpu%u/%s", cpu, file);
        ssize_t n = rv_proc_read(AT_FDCWD, path, ret, size);
        while (n > 0 && isspace((unsigned char)ret[n - 1]))
                ret[--n] = 0;
        return n > 0;
}

/* "512K", "32M" */
static uint64_t cache_size(unsigned cpu, const char *file)
{
        char text[32], *end;
        if (!cpu_file(cpu, file, text, sizeof text))
                return 0;
        uint64_t u = strtoull(text, &end, 10);
        return *end == 'M' ? u << 20 : *end == 'K' ? u << 10 : u;
}

static bool has_flag(const char *list, size_t n, const char *flag)
{
        size_t k = strlen(flag);
        for (size_t i = 0; i + k <= n; i++)
                if ((i == 0 || list[i - 1] == ' ') && memcmp(list + i, flag, k) == 0 &&
                    (i + k == n || list[i + k] == ' '))
                        return true;
        return false;
}

static void fill_flags(struct rv_row *row, const char *at)
{
        size_t n = 0;
        const char *flags = field(at, "flags", &n);
        if (!flags)
                flags = field(at, "Features", &n);
        struct utsname u;
        uname(&u);
        rv_fill(row, Processor_Architecture, u.machine);
        Processor_set_AddressWidth(row,
                                   (flags && has_flag(flags, n, "lm")) || strstr(u.machine, "64") ? 64 : 32);
        if (!flags)
                return;
        Processor_set_VMMonitorModeExtensions(row, has_flag(flags, n, "vmx") || has_flag(flags, n, "svm"));
        char *copy = Processor_wants_Flags(row) ? strndup(flags, n) : NULL;
        rv_fill_list(row, Processor_Flags, copy, " ");
        free(copy);
}

static void fill_vulnerabilities(struct rv_row *row)
{
        DIR *d = Processor_wants_Vulnerabilities(row) ? opendir(CPU "/vulnerabilities") : NULL;
        char names[64][64], text[256];
        uint32_t n = 0;
        for (struct dirent *e; d && n < 64 && (e = readdir(d));)
                if (e->d_name[0] != '.')
                        snprintf(names[n++], sizeof names[0], "%.63s", e->d_name);
        rv_list list = n ? Processor_set_Vulnerabilities(row, 2 * n) : 0;
        for (uint32_t i = 0; i < n; i++) {
                char path[128];
                snprintf(path, sizeof path, CPU "/vulnerabilities/%.63s", names[i]);
                ssize_t k = rv_proc_read(AT_FDCWD, path, text, sizeof text);
                rv_item_string(row, list, 2 * i, names[i], strlen(names[i]));
                rv_item_string(row, list, 2 * i + 1, text, k > 0 ? strcspn(text, "\n") : 0);
        }
        if (d)
                closedir(d);
}

/* Counts of /proc/stat for each logical processor: all time, and time in which it did nothing. */
struct busy {
        uint64_t all[LOGICAL], idle[LOGICAL];
};

static void read_busy(struct busy *b)
{
        size_t n;
        char *text = rv_slurp("/proc/stat", 16 << 20, &n);
        memset(b, 0, sizeof *b);
        for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                unsigned cpu;
                unsigned long long f[8] = { 0 };
                if (strncmp(p, "cpu", 3) != 0 || !isdigit((unsigned char)p[3]) ||
                    sscanf(p, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &f[0], &f[1], &f[2],
                           &f[3], &f[4], &f[5], &f[6], &f[7]) < 5 ||
                    cpu >= LOGICAL)
                        continue;
                for (int i = 0; i < 8; i++)
                        b->all[cpu] += f[i];
                b->idle[cpu] = f[3] + f[4];
        }
        free(text);
}

static void fill_load(struct rv_row *row, const struct cpuinfo *c, unsigned socket, const struct busy *from,
                      const struct busy *to)
{
        uint64_t all = 0, idle = 0;
        for (size_t i = 0; i < c->n; i++) {
                unsigned k = c->v[i].number;
                if (c->v[i].socket == socket && k < LOGICAL) {
                        all += to->all[k] - from->all[k];
                        idle += to->idle[k] - from->idle[k];
                }
        }
        if (all && idle <= all)
                Processor_set_LoadPercentage(row, (uint16_t)((all - idle) * 100 / all));
}

static void fill_counts(struct rv_row *row, const struct cpuinfo *c, unsigned socket)
{
        uint32_t logical = 0, cores = 0, k = 0;
        for (size_t i = 0; i < c->n; i++) {
                bool seen = false;
                if (c->v[i].socket != socket)
                        continue;
                logical++;
                for (size_t j = 0; j < i && !seen; j++)
                        seen = c->v[j].socket == socket && c->v[j].core == c->v[i].core;
                cores += !seen;
        }
        Processor_set_NumberOfCores(row, cores);
        Processor_set_NumberOfLogicalProcessors(row, logical);
        if (!Processor_wants_LogicalProcessors(row))
                return;
        rv_list list = Processor_set_LogicalProcessors(row, logical);
        for (size_t i = 0; i < c->n; i++)
                if (c->v[i].socket == socket)
                        rv_item_uint(row, list, k++, c->v[i].number);
}

static void fill_clock(struct rv_row *row, const struct block *b)
{
        char text[64];
        size_t n;
        const char *mhz = field(b->at, "cpu MHz", &n);
        uint32_t now = mhz ? (uint32_t)(strtod(mhz, NULL) + 0.5) : 0;
        if (now)
                Processor_set_CurrentClockSpeed(row, now);
        if (cpu_file(b->number, "cpufreq/cpuinfo_max_freq", text, sizeof text))
                Processor_set_MaxClockSpeed(row, (uint32_t)(strtoul(text, NULL, 10) / 1000));
        else if (now)
                Processor_set_MaxClockSpeed(row, now);
        if (cpu_file(b->number, "cpufreq/scaling_governor", text, sizeof text))
                rv_fill(row, Processor_Governor, text);
        char offered[512];
        if (Processor_wants_AvailableGovernors(row) &&
            cpu_file(b->number, "cpufreq/scaling_available_governors", offered, sizeof offered))
                rv_fill_list(row, Processor_AvailableGovernors, offered, " ");
}

/* Nodes are few: one bit each. */
static void fill_nodes(struct rv_row *row, const struct cpuinfo *c, unsigned socket)
{
        uint64_t bits[NODES / 64] = { 0 };
        uint32_t n = 0, k = 0;
        char path[80];
        if (!Processor_wants_NumaNodes(row))
                return;
        for (size_t i = 0; i < c->n; i++) {
                if (c->v[i].socket != socket)
                        continue;
                snprintf(path, sizeof path, CPU "/cpu%u", c->v[i].number);
                DIR *d = opendir(path);
                for (struct dirent *e; d && (e = readdir(d));) {
                        unsigned node;
                        if (sscanf(e->d_name, "node%u", &node) == 1 && node < NODES &&
                            !(bits[node / 64] >> node % 64 & 1)) {
                                bits[node / 64] |= UINT64_C(1) << node % 64;
                                n++;
                        }
                }
                if (d)
                        closedir(d);
        }
        rv_list list = Processor_set_NumaNodes(row, n);
        for (unsigned node = 0; node < NODES; node++)
                if (bits[node / 64] >> node % 64 & 1)
                        rv_item_uint(row, list, k++, node);
}

static void fill(struct rv_row *row, const struct cpuinfo *c, const struct block *b)
{
        char id[24];
        uint64_t size;
        snprintf(id, sizeof id, "CPU%u", b->socket);
        rv_fill(row, Processor_DeviceID, id);
        fill_field(row, Processor_Name, b->at, "model name");
        fill_field(row, Processor_Manufacturer, b->at, "vendor_id");
        fill_field(row, Processor_Microcode, b->at, "microcode");
        size_t n;
        if (field(b->at, "cpu family", &n))
                Processor_set_Family(row, number(b->at, "cpu family", 0));
        if (field(b->at, "model", &n))
                Processor_set_Model(row, number(b->at, "model", 0));
        if (field(b->at, "stepping", &n))
                Processor_set_Stepping(row, number(b->at, "stepping", 0));
        fill_counts(row, c, b->socket);
        fill_clock(row, b);
        fill_nodes(row, c, b->socket);
        if ((size = cache_size(b->number, "cache/index2/size")))
                Processor_set_L2CacheSize(row, size);
        if ((size = cache_size(b->number, "cache/index3/size")))
                Processor_set_L3CacheSize(row, size);
        fill_flags(row, b->at);
        fill_vulnerabilities(row);
}

static int processor_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct cpuinfo *c = calloc(1, sizeof *c);
        struct busy *busy = rv_asked(q, Processor_LoadPercentage) ? calloc(2, sizeof *busy) : NULL;
        unsigned done[SOCKETS];
        size_t ndone = 0;
        int e = c ? read_cpuinfo(c, err) : -ENOMEM;
        if (e == RV_OK && busy) {
                read_busy(&busy[0]);
                nanosleep(&(struct timespec) { .tv_nsec = 100000000 }, NULL);
                read_busy(&busy[1]);
        }
        for (size_t i = 0; e == RV_OK && i < c->n; i++) {
                bool seen = false;
                for (size_t k = 0; k < ndone && !seen; k++)
                        seen = done[k] == c->v[i].socket;
                if (seen || ndone == SOCKETS)
                        continue;
                done[ndone++] = c->v[i].socket;
                struct rv_row *row = rv_row(out);
                fill(row, c, &c->v[i]);
                if (busy)
                        fill_load(row, c, c->v[i].socket, &busy[0], &busy[1]);
                e = rv_emit(out, row);
        }
        if (c)
                free(c->text);
        free(c);
        free(busy);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- MemorySummary ---- */

static const struct {
        const char *name;
        uint8_t property;
        bool count; /* a number of things, not of KiB */
} memory_fields[] = {
        { "MemTotal", MemorySummary_Total, false },
        { "MemAvailable", MemorySummary_Available, false },
        { "MemFree", MemorySummary_Free, false },
        { "Cached", MemorySummary_Cached, false },
        { "Buffers", MemorySummary_Buffers, false },
        { "Dirty", MemorySummary_Dirty, false },
        { "Writeback", MemorySummary_Writeback, false },
        { "AnonPages", MemorySummary_AnonPages, false },
        { "Shmem", MemorySummary_Shared, false },
        { "Slab", MemorySummary_Slab, false },
        { "SReclaimable", MemorySummary_SlabReclaimable, false },
        { "PageTables", MemorySummary_PageTables, false },
        { "Mlocked", MemorySummary_Locked, false },
        { "Committed_AS", MemorySummary_Committed, false },
        { "CommitLimit", MemorySummary_CommitLimit, false },
        { "SwapTotal", MemorySummary_SwapTotal, false },
        { "SwapFree", MemorySummary_SwapFree, false },
        { "HugePages_Total", MemorySummary_HugePagesTotal, true },
        { "HugePages_Free", MemorySummary_HugePagesFree, true },
        { "Hugepagesize", MemorySummary_HugePageSize, false },
        { "HardwareCorrupted", MemorySummary_HardwareCorrupted, false },
};

/* ---- paging: /proc/vmstat, twice ---- */

enum { PAGED_IN, PAGED_OUT, FAULTS, MAJOR_FAULTS, SWAPPED_IN, SWAPPED_OUT, PAGING };

struct paging {
        uint64_t n[PAGING], at;
};

static bool read_paging(struct paging *ret)
{
        static const char *const names[PAGING] = { "pgpgin",     "pgpgout", "pgfault",
                                                   "pgmajfault", "pswpin",  "pswpout" };
        size_t size;
        char *text = rv_slurp("/proc/vmstat", 1 << 20, &size), *rest = text, name[64];
        unsigned long long n;
        ret->at = rv_now();
        for (char *line; text && (line = strsep(&rest, "\n"));)
                for (int i = 0; i < PAGING && sscanf(line, "%63s %llu", name, &n) == 2; i++)
                        if (strcmp(name, names[i]) == 0)
                                ret->n[i] = n;
        free(text);
        return text != NULL;
}

static void fill_paging(struct rv_row *row)
{
        struct paging a = { 0 }, b = { 0 };
        if (!read_paging(&a) || nanosleep(&(struct timespec) { .tv_nsec = 250000000 }, NULL) ||
            !read_paging(&b))
                return;
        double seconds = (double)(b.at - a.at) / 1e9, kib = (double)sysconf(_SC_PAGESIZE) / 1024;
        double d[PAGING];
        for (int i = 0; i < PAGING; i++)
                d[i] = b.n[i] > a.n[i] ? (double)(b.n[i] - a.n[i]) / seconds : 0;
        MemorySummary_set_PagesInputPersec(row, (uint64_t)(d[PAGED_IN] / kib));
        MemorySummary_set_PagesOutputPersec(row, (uint64_t)(d[PAGED_OUT] / kib));
        MemorySummary_set_PageFaultsPersec(row, (uint64_t)d[FAULTS]);
        MemorySummary_set_MajorFaultsPersec(row, (uint64_t)d[MAJOR_FAULTS]);
        MemorySummary_set_SwapPagesPersec(row, (uint64_t)(d[SWAPPED_IN] + d[SWAPPED_OUT]));
}

static int memory_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char text[8192], pressure[256];
        uint64_t total = 0, available = 0;
        if (rv_proc_read(AT_FDCWD, "/proc/meminfo", text, sizeof text) <= 0)
                return rv_fail_errno(err, errno, "cannot read /proc/meminfo");
        struct rv_row *row = rv_row(out);
        for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                size_t n = strcspn(p, ":");
                for (size_t i = 0; i < sizeof memory_fields / sizeof *memory_fields; i++) {
                        if (strlen(memory_fields[i].name) != n || strncmp(p, memory_fields[i].name, n) != 0)
                                continue;
                        uint64_t u = strtoull(p + n + 1, NULL, 10) * (memory_fields[i].count ? 1 : 1024);
                        rv_set_uint(row, memory_fields[i].property, u);
                        total = i == 0 ? u : total;
                        available = i == 1 ? u : available;
                }
        }
        MemorySummary_set_InUse(row, total - available);
        if (MemorySummary_wants_Pressure10(row) &&
            rv_proc_read(AT_FDCWD, "/proc/pressure/memory", pressure, sizeof pressure) > 0) {
                const char *avg = strstr(pressure, "avg10=");
                if (avg)
                        MemorySummary_set_Pressure10(row, strtod(avg + 6, NULL));
        }
        for (unsigned p = MemorySummary_PagesInputPersec; p <= MemorySummary_SwapPagesPersec; p++)
                if (rv_asked(q, p)) {
                        fill_paging(row);
                        break;
                }
        int e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

static int memory_drop(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        rv_change(c, "Cached", NULL, "dropped");
        int fd = c->what_if ? -1 : open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
        if (!c->what_if && (fd < 0 || write(fd, "3\n", 2) != 2)) {
                int error = errno;
                if (fd >= 0)
                        close(fd);
                return rv_fail_errno(err, error, "cannot drop the caches");
        }
        if (fd >= 0)
                close(fd);
        MemorySummary_DropCaches_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* ---- PhysicalMemory ---- */

static int emit_module(struct rv_sink *out, unsigned number, const struct rv_dmi_memory *m)
{
        char tag[40];
        struct rv_row *row = rv_row(out);
        snprintf(tag, sizeof tag, "Physical Memory %u", number);
        rv_fill(row, PhysicalMemory_Tag, tag);
        rv_fill(row, PhysicalMemory_DeviceLocator, m->locator);
        rv_fill(row, PhysicalMemory_BankLabel, m->bank);
        PhysicalMemory_set_Capacity(row, m->size);
        if (m->speed)
                PhysicalMemory_set_Speed(row, m->speed);
        if (m->configured)
                PhysicalMemory_set_ConfiguredClockSpeed(row, m->configured);
        if (m->data_width)
                PhysicalMemory_set_DataWidth(row, m->data_width);
        if (m->total_width)
                PhysicalMemory_set_TotalWidth(row, m->total_width);
        PhysicalMemory_set_FormFactor(row, m->form);
        PhysicalMemory_set_SMBIOSMemoryType(row, m->type);
        rv_fill(row, PhysicalMemory_Manufacturer, m->manufacturer);
        rv_fill(row, PhysicalMemory_PartNumber, m->part);
        rv_fill(row, PhysicalMemory_SerialNumber, m->serial);
        return rv_emit(out, row);
}

static int module_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char path[80], record[4096];
        struct rv_dmi_memory m;
        (void)q;
        (void)err;
        int e = RV_OK;
        for (unsigned i = 0; e == RV_OK && i < 1024; i++) {
                snprintf(path, sizeof path, "/sys/firmware/dmi/entries/17-%u/raw", i);
                ssize_t n = rv_proc_read(AT_FDCWD, path, record, sizeof record);
                if (n < 0)
                        break;
                if (rv_dmi_parse_memory((const uint8_t *)record, (size_t)n, &m) &&
                    m.size) /* empty slots are none */
                        e = emit_module(out, i, &m);
        }
        return e == RV_STOP ? RV_OK : e;
}

static int (*const memory_methods[MemorySummary_nmethods])(struct rv_call *, const void *,
                                                           struct rv_error *) = {
        [MemorySummary_method_DropCaches] = memory_drop
};

/* ---- methods of Processor ---- */

static int write_cpu(unsigned cpu, const char *file, const char *text, struct rv_error *err)
{
        char path[160];
        snprintf(path, sizeof path, CPU "/cpu%u/%s", cpu, file);
        int fd = open(path, O_WRONLY | O_CLOEXEC), error = errno;
        if (fd < 0)
                return error == ENOENT ? rv_fail(err, RV_NOT_SUPPORTED,
                                                 "logical processor %u cannot do that here: there is no %s",
                                                 cpu, path)
                                       : rv_fail_errno(err, error, "cannot write %s", path);
        ssize_t n = write(fd, text, strlen(text));
        error = errno;
        close(fd);
        return n < 0 ? rv_fail_errno(err, error, "cannot set '%s' in %s", text, path) : RV_OK;
}

static bool is_offered(const char *list, const char *word)
{
        return *word && !strpbrk(word, " \n") && has_flag(list, strlen(list), word);
}

/* One logical processor of the socket. */
static int govern(struct rv_call *c, unsigned cpu, const char *governor, struct rv_error *err)
{
        char now[64] = "", offered[512];
        if (!cpu_file(cpu, "cpufreq/scaling_governor", now, sizeof now))
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "the clock of logical processor %u is not governed by the kernel", cpu);
        if (cpu_file(cpu, "cpufreq/scaling_available_governors", offered, sizeof offered) &&
            !is_offered(offered, governor)) {
                rv_about(err, NULL, NULL, "Governor");
                rv_fail(err, RV_INVALID_PARAMETER, "'%.32s' is none of the governors that are there",
                        governor);
                return rv_hint(err, "There are: %s.", offered);
        }
        if (strcmp(now, governor) == 0)
                return RV_OK;
        rv_change(c, "Governor", now, governor);
        return c->what_if ? RV_OK : write_cpu(cpu, "cpufreq/scaling_governor", governor, err);
}

static int processor_set_governor(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Processor_SetGovernor_in *in = args;
        const struct rv_arg *id = &c->key[Processor_DeviceID];
        struct cpuinfo *info = calloc(1, sizeof *info);
        char name[24];
        bool any = false;
        int e = info ? read_cpuinfo(info, err) : -ENOMEM;
        for (size_t i = 0; e == RV_OK && i < info->n; i++) {
                snprintf(name, sizeof name, "CPU%u", info->v[i].socket);
                if (id->type != RV_STRING || strcasecmp(id->s, name) != 0)
                        continue;
                any = true;
                e = govern(c, info->v[i].number, in->Governor, err);
        }
        if (e == RV_OK && !any)
                e = rv_fail(err, RV_NOT_FOUND, "there is no processor %.24s",
                            id->type == RV_STRING ? id->s : "without a DeviceID");
        if (e == RV_OK)
                Processor_SetGovernor_out_set_ReturnValue(c->out, 0);
        if (info)
                free(info->text);
        free(info);
        return e;
}

static int processor_set_online(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Processor_SetOnline_in *in = args;
        char now[16], path[80];
        int e = RV_OK;
        rv_about(err, NULL, NULL, "LogicalProcessor");
        snprintf(path, sizeof path, CPU "/cpu%u", in->LogicalProcessor);
        if (access(path, F_OK) < 0)
                return rv_fail(err, RV_NOT_FOUND, "there is no logical processor %u", in->LogicalProcessor);
        bool there = cpu_file(in->LogicalProcessor, "online", now, sizeof now);
        if (!there && !in->Online)
                return rv_fail(err, RV_NOT_SUPPORTED, "logical processor %u is always in use",
                               in->LogicalProcessor);
        if (there && (now[0] == '1') != in->Online) {
                rv_change(c, "Online", now[0] == '1' ? "True" : "False", in->Online ? "True" : "False");
                e = c->what_if ? RV_OK
                               : write_cpu(in->LogicalProcessor, "online", in->Online ? "1" : "0", err);
        }
        if (e == RV_OK)
                Processor_SetOnline_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const processor_methods[Processor_nmethods])(struct rv_call *, const void *,
                                                          struct rv_error *) = {
        [Processor_method_SetGovernor] = processor_set_governor,
        [Processor_method_SetOnline] = processor_set_online
};

static const struct rv_provider processor = { .class = &Processor_class,
                                              .query = processor_query,
                                              .methods = processor_methods };
static const struct rv_provider memorysummary = { .class = &MemorySummary_class,
                                                  .query = memory_query,
                                                  .methods = memory_methods };
static const struct rv_provider physicalmemory = { .class = &PhysicalMemory_class, .query = module_query };

RV_PROVIDERS(processor, &processor, &memorysummary, &physicalmemory);
