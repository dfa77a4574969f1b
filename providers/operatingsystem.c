/* SPDX-License-Identifier: MIT
 *
 * OperatingSystem: one row, from uname(2), /etc/os-release and a few files of /proc; only those that are asked for.
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
#include "gen/OperatingSystem.h"
#include "providers/lib/clockstate.h"
#include "providers/lib/fill.h"
#include "providers/lib/fill.h"
#include "providers/lib/mountinfo.h"
#include "providers/lib/pressure.h"
#include "providers/lib/procfs.h"
#include "providers/lib/tool.h"

static void text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *s)
{
        if (*s)
                set(row, s, strcspn(s, "\n"));
}

static void file(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *path)
{
        char buf[4096];
        if (rv_proc_read(AT_FDCWD, path, buf, sizeof buf) > 0)
                text(row, set, buf);
}

/* NAME=value or NAME="value" of os-release. */
static void release(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *all,
                    const char *name)
{
        size_t n = strlen(name);
        for (const char *p = all; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
                if (strncmp(p, name, n) == 0 && p[n] == '=') {
                        const char *v = p + n + 1;
                        size_t len = *v == '"' ? strcspn(++v, "\"\n") : strcspn(v, "\n");
                        set(row, v, len);
                        return;
                }
}

static void fill_names(struct rv_row *row)
{
        struct utsname u;
        char buf[4096];
        if (uname(&u) == 0) {
                text(row, OperatingSystem_set_KernelRelease, u.release);
                text(row, OperatingSystem_set_OSArchitecture, u.machine);
                text(row, OperatingSystem_set_CSName, u.nodename);
        }
        if (rv_proc_read(AT_FDCWD, "/etc/os-release", buf, sizeof buf) > 0 ||
            rv_proc_read(AT_FDCWD, "/usr/lib/os-release", buf, sizeof buf) > 0) {
                release(row, OperatingSystem_set_Caption, buf, "PRETTY_NAME");
                release(row, OperatingSystem_set_Version, buf, "VERSION_ID");
                release(row, OperatingSystem_set_Manufacturer, buf, "ID");
        }
        if (OperatingSystem_wants_Description(row) &&
            rv_proc_read(AT_FDCWD, "/etc/machine-info", buf, sizeof buf) > 0)
                release(row, OperatingSystem_set_Description, buf, "PRETTY_HOSTNAME");
        if (OperatingSystem_wants_BootId(row))
                file(row, OperatingSystem_set_BootId, "/proc/sys/kernel/random/boot_id");
        if (OperatingSystem_wants_SerialNumber(row))
                file(row, OperatingSystem_set_SerialNumber, "/etc/machine-id");
        if (OperatingSystem_wants_KernelCommandLine(row))
                file(row, OperatingSystem_set_KernelCommandLine, "/proc/cmdline");
}

/* LANG=de_DE.UTF-8 -> de-DE */
static void fill_language(struct rv_row *row)
{
        char buf[4096];
        if (!OperatingSystem_wants_Languages(row) ||
            (rv_proc_read(AT_FDCWD, "/etc/locale.conf", buf, sizeof buf) <= 0 &&
             rv_proc_read(AT_FDCWD, "/etc/default/locale", buf, sizeof buf) <= 0))
                return;
        for (char *rest = buf, *line; (line = strsep(&rest, "\n"));) {
                if (strncmp(line, "LANG=", 5) != 0)
                        continue;
                char *v = line + 5 + strspn(line + 5, "\"'");
                v[strcspn(v, ".@\"' \t")] = 0;
                if (strchr(v, '_'))
                        *strchr(v, '_') = '-';
                if (*v && strcmp(v, "C") != 0 && strcmp(v, "POSIX") != 0)
                        rv_fill_list(row, OperatingSystem_Languages, v, " ");
                return;
        }
}

static void fill_times(struct rv_row *row)
{
        struct timespec now, up;
        clock_gettime(CLOCK_REALTIME, &now);
        clock_gettime(CLOCK_BOOTTIME, &up);
        OperatingSystem_set_LocalDateTime(row, (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
        OperatingSystem_set_UpTime(row, (uint64_t)up.tv_sec * UINT64_C(1000000000) + (uint64_t)up.tv_nsec);
        struct tm tm;
        localtime_r(&now.tv_sec, &tm);
        OperatingSystem_set_CurrentTimeZone(row, (int16_t)(tm.tm_gmtoff / 60));
        int proc = OperatingSystem_wants_LastBootUpTime(row)
                           ? open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                           : -1;
        if (proc >= 0) {
                OperatingSystem_set_LastBootUpTime(row, rv_boot_time(proc));
                close(proc);
        }
}

static void fill_devices(struct rv_row *row)
{
        struct rv_mounts mounts;
        struct statx x;
        if ((OperatingSystem_wants_BootDevice(row) || OperatingSystem_wants_SystemDevice(row)) &&
            rv_mounts_read(&mounts) == 0) {
                const struct rv_mount *boot = rv_mounts_of(&mounts, "/boot"),
                                      *system = rv_mounts_of(&mounts, "/");
                if (boot)
                        text(row, OperatingSystem_set_BootDevice, boot->source);
                if (system)
                        text(row, OperatingSystem_set_SystemDevice, system->source);
                rv_mounts_free(&mounts);
        }
        if (OperatingSystem_wants_InstallDate(row) &&
            statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, STATX_BTIME, &x) == 0 && x.stx_mask & STATX_BTIME &&
            x.stx_btime.tv_sec > 0)
                OperatingSystem_set_InstallDate(row, x.stx_btime.tv_sec * INT64_C(1000000000) +
                                                             x.stx_btime.tv_nsec);
}

static uint64_t kilobytes(const char *all, const char *name)
{
        const char *at = strstr(all, name);
        return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

static void fill_memory(struct rv_row *row)
{
        char buf[8192];
        if (rv_proc_read(AT_FDCWD, "/proc/meminfo", buf, sizeof buf) <= 0)
                return;
        uint64_t total = kilobytes(buf, "MemTotal:"), available = kilobytes(buf, "MemAvailable:");
        uint64_t swap = kilobytes(buf, "SwapTotal:"), unused = kilobytes(buf, "SwapFree:");
        OperatingSystem_set_TotalVisibleMemorySize(row, total);
        OperatingSystem_set_FreePhysicalMemory(row, available);
        OperatingSystem_set_SizeStoredInPagingFiles(row, swap);
        OperatingSystem_set_FreeSpaceInPagingFiles(row, unused);
        OperatingSystem_set_TotalVirtualMemorySize(row, total + swap);
        OperatingSystem_set_FreeVirtualMemory(row, available + unused);
}

static void fill_load(struct rv_row *row)
{
        char buf[128];
        double one, five, fifteen;
        unsigned threads;
        if (rv_proc_read(AT_FDCWD, "/proc/loadavg", buf, sizeof buf) > 0 &&
            sscanf(buf, "%lf %lf %lf %*u/%u", &one, &five, &fifteen, &threads) == 4) {
                OperatingSystem_set_LoadAverage1(row, one);
                OperatingSystem_set_LoadAverage5(row, five);
                OperatingSystem_set_LoadAverage15(row, fifteen);
                OperatingSystem_set_NumberOfThreads(row, threads);
        }
        if (OperatingSystem_wants_MaxNumberOfProcesses(row) &&
            rv_proc_read(AT_FDCWD, "/proc/sys/kernel/pid_max", buf, sizeof buf) > 0)
                OperatingSystem_set_MaxNumberOfProcesses(row, (uint32_t)strtoul(buf, NULL, 10));
}

/* Entries of a folder that are called by a number: processes, sessions. -1: there is no such folder. */
static long count_numbers(const char *path)
{
        DIR *d = opendir(path);
        long n = d ? 0 : -1;
        for (struct dirent *e; d && (e = readdir(d));)
                n += e->d_name[0] && !e->d_name[strspn(e->d_name, "0123456789")];
        if (d)
                closedir(d);
        return n;
}

static void fill_counts(struct rv_row *row)
{
        long n;
        if (OperatingSystem_wants_NumberOfProcesses(row) && (n = count_numbers("/proc")) >= 0)
                OperatingSystem_set_NumberOfProcesses(row, (uint32_t)n);
        if (OperatingSystem_wants_NumberOfUsers(row) && (n = count_numbers("/run/systemd/sessions")) >= 0)
                OperatingSystem_set_NumberOfUsers(row, (uint32_t)n);
}

/* By bit. */
static const char *const taints[] = { "proprietary module",
                                      "module loaded by force",
                                      "kernel on a processor that it is not meant for",
                                      "module unloaded by force",
                                      "machine check",
                                      "bad page",
                                      "asked for by a user",
                                      "died",
                                      "ACPI table overridden",
                                      "warning",
                                      "staging driver",
                                      "workaround for firmware",
                                      "module from outside the kernel",
                                      "unsigned module",
                                      "soft lockup",
                                      "live patched",
                                      "reason of its own",
                                      "structures laid out at random",
                                      "test",
                                      "firmware changed at run time" };

static void fill_taint(struct rv_row *row)
{
        char buf[64], words[1024];
        size_t at = 0;
        if (!(OperatingSystem_wants_Tainted(row) || OperatingSystem_wants_TaintReasons(row)) ||
            rv_proc_read(AT_FDCWD, "/proc/sys/kernel/tainted", buf, sizeof buf) <= 0)
                return;
        uint64_t bits = strtoull(buf, NULL, 10);
        for (size_t i = 0; i < sizeof taints / sizeof *taints; i++)
                if (bits >> i & 1)
                        at += (size_t)snprintf(words + at, sizeof words - at, "%s\n", taints[i]);
        OperatingSystem_set_Tainted(row, bits);
        if (at)
                rv_fill_list(row, OperatingSystem_TaintReasons, words, "\n");
        else
                OperatingSystem_set_TaintReasons(row, 0);
}

static void fill_cgroups(struct rv_row *row)
{
        struct rv_mounts mounts;
        bool one = false, two = false;
        if (!OperatingSystem_wants_CgroupVersion(row) || rv_mounts_read(&mounts) != 0)
                return;
        for (size_t i = 0; i < mounts.n; i++) {
                one |= strcmp(mounts.v[i].type, "cgroup") == 0;
                two |= strcmp(mounts.v[i].type, "cgroup2") == 0;
        }
        rv_mounts_free(&mounts);
        if (one || two)
                OperatingSystem_set_CgroupVersion(row, one && two ? 12 : one ? 1 : 2);
}

static void fill_pressure(struct rv_row *row, unsigned property, const char *path)
{
        struct rv_pressure p;
        if (rv_wants(row, property) && rv_pressure_read(path, &p) && p.some.there)
                rv_set_real(row, property, p.some.avg10);
}

static void fill_kernel(struct rv_row *row)
{
        char buf[1024];
        fill_taint(row);
        fill_cgroups(row);
        if (OperatingSystem_wants_Lsm(row) &&
            rv_proc_read(AT_FDCWD, "/sys/kernel/security/lsm", buf, sizeof buf) > 0)
                rv_fill_list(row, OperatingSystem_Lsm, buf, ",\n");
        int kept = OperatingSystem_wants_TimeSynchronized(row) ? rv_clock_synchronized() : -1;
        if (kept >= 0)
                OperatingSystem_set_TimeSynchronized(row, kept);
        fill_pressure(row, OperatingSystem_PressureCpu, "/proc/pressure/cpu");
        fill_pressure(row, OperatingSystem_PressureMemory, "/proc/pressure/memory");
        fill_pressure(row, OperatingSystem_PressureIo, "/proc/pressure/io");
}

static int operatingsystem_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        struct rv_row *row = rv_row(out);
        fill_names(row);
        fill_language(row);
        fill_times(row);
        fill_memory(row);
        fill_load(row);
        fill_counts(row);
        fill_devices(row);
        fill_kernel(row);
        int r = rv_emit(out, row);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- the clock ---- */

/* timedated has the right to set it where this agent has not (its unit), and keeps the hardware's clock in step. */
static int set_by_timedated(struct rv_call *c, const char *when, struct rv_error *err)
{
        const char *argv[] = { "timedatectl", "set-time", when, NULL };
        struct rv_tool tool = { .argv = argv, .what = "set the clock", .deadline = c->deadline };
        struct rv_tool_said said;
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        if (said.status && strstr(said.complaint, "utomatic time synchronization")) {
                e = rv_tool_fail(err, RV_UNAVAILABLE, &tool, &said);
                rv_hint(err, "A program keeps the clock (Get-TimeSynchronization): stop it first, or let it "
                             "do its work.");
        } else if (said.status)
                e = rv_tool_fail(err, RV_FAILED, &tool, &said);
        rv_tool_free(&said);
        return e;
}

static int operatingsystem_set_date_time(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct OperatingSystem_SetDateTime_in *in = args;
        char now[40], when[40];
        time_t is = time(NULL), wish = (time_t)(in->LocalDateTime / INT64_C(1000000000));
        struct tm tm;
        strftime(now, sizeof now, "%Y-%m-%d %H:%M:%S", localtime_r(&is, &tm));
        if (in->LocalDateTime <= 0 || !localtime_r(&wish, &tm) ||
            !strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm)) {
                rv_about(err, NULL, NULL, "LocalDateTime");
                return rv_fail(err, RV_INVALID_PARAMETER, "the clock cannot be set to a time before 1970");
        }
        rv_change(c, "LocalDateTime", now, when);
        int e = RV_OK;
        if (!c->what_if && access("/run/systemd/system", F_OK) == 0)
                e = set_by_timedated(c, when, err);
        else if (!c->what_if) {
                struct rv_tool tool = { .argv = (const char *[]) { "date", "--set", when, NULL },
                                        .what = "set the clock",
                                        .deadline = c->deadline };
                e = rv_tool_do(&tool, false, err);
                tool.argv = (const char *[]) { "hwclock", "--systohc", NULL };
                if (e == RV_OK && rv_tool_there("hwclock"))
                        rv_tool_do(&tool, false, NULL); /* there may be none */
        }
        if (e == RV_OK)
                OperatingSystem_SetDateTime_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[OperatingSystem_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [OperatingSystem_method_SetDateTime] = operatingsystem_set_date_time
};

static const struct rv_provider operatingsystem = { .class = &OperatingSystem_class,
                                                    .query = operatingsystem_query,
                                                    .methods = methods };

RV_PROVIDERS(operatingsystem, &operatingsystem);
