/* SPDX-License-Identifier: MIT
 *
 * NodeMetric: what node_exporter calls things, for the collectors that its dashboards and alerts need, from /proc,
 * /sys, statvfs and adjtimex. Samples of one name come one after the other.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NodeMetric.h"
#include "providers/lib/askfs.h"
#include "providers/lib/mountinfo.h"
#include "providers/lib/slurp.h"

enum { MOST = 1 << 20 };

/* A family being given, and whether the reader has had enough. */
struct out {
        struct rv_sink *sink;
        const struct rv_query *q;
        const char *name, *type, *help;
        int r;
};

static void sample(struct out *o, double value, const char *labels)
{
        if (o->r)
                return;
        struct rv_row *row = rv_row(o->sink);
        NodeMetric_set_Name(row, o->name, strlen(o->name));
        NodeMetric_set_Labels(row, labels, strlen(labels));
        NodeMetric_set_Type(row, o->type, strlen(o->type));
        NodeMetric_set_Help(row, o->help, strlen(o->help));
        NodeMetric_set_Value(row, value);
        o->r = rv_emit(o->sink, row);
}

static void family(struct out *o, const char *name, const char *type, const char *help)
{
        o->name = name;
        o->type = type;
        o->help = help;
}

static void one(struct out *o, const char *name, const char *type, const char *help, double value)
{
        family(o, name, type, help);
        sample(o, value, "");
}

/* device="sda": name and value in turns, (char *)NULL at the end. */
static const char *labels(char *buf, size_t size, ...)
{
        va_list ap;
        size_t n = 0;
        va_start(ap, size);
        for (const char *name; (name = va_arg(ap, const char *)) && n + 4 < size;) {
                const char *value = va_arg(ap, const char *);
                n += (size_t)snprintf(buf + n, size - n, "%s%s=\"", n ? "," : "", name);
                for (; *value && n + 4 < size; value++) {
                        if (*value == '"' || *value == '\\' || *value == '\n')
                                buf[n++] = '\\';
                        buf[n++] = *value == '\n' ? 'n' : *value;
                }
                buf[n++] = '"';
                buf[n] = 0;
        }
        va_end(ap);
        return buf;
}

/* A number alone in a file. */
static bool number(const char *path, double *ret)
{
        size_t n;
        char *text = rv_slurp(path, 4096, &n);
        if (!text)
                return false;
        bool good = sscanf(text, "%lf", ret) == 1;
        free(text);
        return good;
}

static bool has_digits(const char *s)
{
        if (!*s)
                return false;
        while (isdigit((unsigned char)*s))
                s++;
        return !*s;
}

/* ---- /proc/stat ---- */

static const char *line_of(const char *text, const char *word)
{
        size_t n = strlen(word);
        for (const char *l = text; l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL)
                if (strncmp(l, word, n) == 0 && l[n] == ' ')
                        return l + n;
        return NULL;
}

static void cpu_family(struct out *o, const char *text, const char *name, const char *help,
                       const char *const *modes, unsigned first, unsigned count)
{
        double ticks = (double)sysconf(_SC_CLK_TCK);
        char buf[80], cpu[16];
        family(o, name, "counter", help);
        for (const char *l = text; l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
                int at = 0;
                if (sscanf(l, "cpu%15[0-9]%n", cpu, &at) != 1)
                        continue;
                char *p = (char *)l + at;
                for (unsigned i = 0; i < first + count; i++) {
                        double v = strtod(p, &p);
                        if (i >= first)
                                sample(o, v / ticks,
                                       labels(buf, sizeof buf, "cpu", cpu, "mode", modes[i - first], (char *)NULL));
                }
        }
}

static void give_stat(struct out *o)
{
        static const char *const modes[] = { "user",   "nice", "system",  "idle",
                                             "iowait", "irq",  "softirq", "steal" };
        static const char *const guests[] = { "user", "nice" };
        static const struct {
                const char *word, *name, *type, *help;
        } lines[] = {
                { "intr", "node_intr_total", "counter", "Interrupts served." },
                { "ctxt", "node_context_switches_total", "counter", "Context switches." },
                { "processes", "node_forks_total", "counter", "Processes made." },
                { "btime", "node_boot_time_seconds", "gauge",
                  "When the host was booted, in seconds since 1970." },
                { "procs_running", "node_procs_running", "gauge", "Processes that are ready to run." },
                { "procs_blocked", "node_procs_blocked", "gauge", "Processes that wait for I/O." },
        };
        size_t n;
        char *text = rv_slurp("/proc/stat", MOST, &n);
        if (!text)
                return;
        cpu_family(o, text, "node_cpu_seconds_total", "Seconds that a CPU spent in each mode.", modes, 0, 8);
        cpu_family(o, text, "node_cpu_guest_seconds_total",
                   "Seconds that a CPU spent in guests, for each mode.", guests, 8, 2);
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                const char *l = line_of(text, lines[i].word);
                if (l)
                        one(o, lines[i].name, lines[i].type, lines[i].help, strtod(l, NULL));
        }
        free(text);
}

/* ---- /proc/diskstats ---- */

/* Partitions and memory devices: ram0, loop1, fd0, sda1, nvme0n1p1. */
static bool is_left_out(const char *d)
{
        static const char *const kinds[] = { "ram", "loop", "fd" };
        for (size_t i = 0; i < 3; i++)
                if (strncmp(d, kinds[i], strlen(kinds[i])) == 0 && has_digits(d + strlen(kinds[i])))
                        return true;
        const char *disk = strncmp(d, "xvd", 3) == 0                                    ? d + 3
                           : (d[0] == 'h' || d[0] == 's' || d[0] == 'v') && d[1] == 'd' ? d + 2
                                                                                        : NULL;
        int at = 0;
        return (disk && islower((unsigned char)*disk) && has_digits(disk + 1)) ||
               (sscanf(d, "nvme%*[0-9]n%*[0-9]p%n", &at) == 0 && at && has_digits(d + at));
}

static const struct {
        unsigned field; /* from the fourth column on */
        const char *name, *type, *help;
        double times;
} disks[] = {
        { 0, "node_disk_reads_completed_total", "counter", "Reads that ended well.", 1 },
        { 1, "node_disk_reads_merged_total", "counter", "Reads that were merged into another.", 1 },
        { 2, "node_disk_read_bytes_total", "counter", "Bytes read.", 512 },
        { 3, "node_disk_read_time_seconds_total", "counter", "Seconds spent by all reads.", 0.001 },
        { 4, "node_disk_writes_completed_total", "counter", "Writes that ended well.", 1 },
        { 5, "node_disk_writes_merged_total", "counter", "Writes that were merged into another.", 1 },
        { 6, "node_disk_written_bytes_total", "counter", "Bytes written.", 512 },
        { 7, "node_disk_write_time_seconds_total", "counter", "Seconds spent by all writes.", 0.001 },
        { 8, "node_disk_io_now", "gauge", "Requests under way.", 1 },
        { 9, "node_disk_io_time_seconds_total", "counter", "Seconds in which a request was under way.",
          0.001 },
        { 10, "node_disk_io_time_weighted_seconds_total", "counter",
          "The same, times the requests under way.", 0.001 },
        { 11, "node_disk_discards_completed_total", "counter", "Discards that ended well.", 1 },
        { 12, "node_disk_discards_merged_total", "counter", "Discards that were merged into another.", 1 },
        { 13, "node_disk_discarded_sectors_total", "counter", "Sectors discarded.", 1 },
        { 14, "node_disk_discard_time_seconds_total", "counter", "Seconds spent by all discards.", 0.001 },
        { 15, "node_disk_flush_requests_total", "counter", "Flushes that ended well.", 1 },
        { 16, "node_disk_flush_requests_time_seconds_total", "counter", "Seconds spent by all flushes.",
          0.001 },
};

static void give_disks(struct out *o)
{
        size_t n;
        char *text = rv_slurp("/proc/diskstats", MOST, &n), buf[160], device[64];
        for (size_t i = 0; text && i < sizeof disks / sizeof *disks; i++) {
                family(o, disks[i].name, disks[i].type, disks[i].help);
                for (const char *l = text; l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
                        int at = 0;
                        if (sscanf(l, " %*u %*u %63s%n", device, &at) != 1 || is_left_out(device))
                                continue;
                        const char *end = strchrnul(l, '\n');
                        char *p = (char *)l + at, *next = p;
                        double v = 0;
                        bool has = true;
                        for (unsigned f = 0; has && f <= disks[i].field; f++, p = next) {
                                v = strtod(p, &next);
                                has = next > p && next <= end; /* older kernels have fewer */
                        }
                        if (has)
                                sample(o, v * disks[i].times,
                                       labels(buf, sizeof buf, "device", device, (char *)NULL));
                }
        }
        free(text);
}

/* ---- file systems ---- */

static bool is_below(const char *path, const char *folder)
{
        size_t n = strlen(folder);
        return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/');
}

static bool is_shown(const struct rv_mount *m)
{
        static const char *const types[] = { "autofs",    "binfmt_misc", "bpf",    "cgroup",     "cgroup2",
                                             "configfs",  "debugfs",     "devpts", "devtmpfs",   "fusectl",
                                             "hugetlbfs", "iso9660",     "mqueue", "nsfs",       "overlay",
                                             "proc",      "procfs",      "pstore", "rpc_pipefs", "securityfs",
                                             "selinuxfs", "squashfs",    "sysfs",  "tracefs" };
        static const char *const folders[] = { "/dev", "/proc", "/run", "/sys", "/mnt", "/media" };
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (strcmp(m->type, types[i]) == 0)
                        return false;
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
                if (is_below(m->target, folders[i]))
                        return false;
        return !m->hidden && strncmp(m->target, "/var/lib/docker/", 16) != 0 &&
               strncmp(m->target, "/var/lib/containers/storage/", 28) != 0;
}

static double fs_value(unsigned which, const struct rv_fs_question *q, const struct rv_mount *m)
{
        switch (which) {
        case 0: return (double)q->fs.f_blocks * (double)q->fs.f_frsize;
        case 1: return (double)q->fs.f_bfree * (double)q->fs.f_frsize;
        case 2: return (double)q->fs.f_bavail * (double)q->fs.f_frsize;
        case 3: return (double)q->fs.f_files;
        case 4: return (double)q->fs.f_ffree;
        case 5: return rv_mount_option(m->options, "ro") || rv_mount_option(m->super_options, "ro");
        default: return q->state != RV_FS_OK;
        }
}

static void give_filesystems(struct out *o)
{
        static const struct {
                const char *name, *help;
        } families[] = { { "node_filesystem_size_bytes", "Size of the file system." },
                         { "node_filesystem_free_bytes", "Space that is free." },
                         { "node_filesystem_avail_bytes", "Space that is free for ordinary users." },
                         { "node_filesystem_files", "Inodes in all." },
                         { "node_filesystem_files_free", "Inodes that are free." },
                         { "node_filesystem_readonly", "Whether it can only be read." },
                         { "node_filesystem_device_error", "Whether it could not be asked." } };
        struct rv_mounts mounts;
        if (rv_mounts_read(&mounts))
                return;
        struct rv_fs_question *q = calloc(mounts.n + 1, sizeof *q), **ask = calloc(mounts.n + 1, sizeof *ask);
        const struct rv_mount **of = calloc(mounts.n + 1, sizeof *of);
        size_t n = 0;
        for (size_t i = 0; q && ask && of && i < mounts.n; i++)
                if (is_shown(&mounts.v[i])) {
                        q[n] = (struct rv_fs_question) { .path = mounts.v[i].target,
                                                         .id = mounts.v[i].id,
                                                         .mount = mounts.v[i].id };
                        ask[n] = &q[n];
                        of[n++] = &mounts.v[i];
                }
        if (n)
                rv_askfs(ask, n, o->q->deadline);
        char buf[9000];
        for (unsigned f = 0; f < 7; f++) {
                family(o, families[f].name, "gauge", families[f].help);
                for (size_t i = 0; i < n; i++)
                        if (f == 6 || q[i].state == RV_FS_OK)
                                sample(o, fs_value(f, &q[i], of[i]),
                                       labels(buf, sizeof buf, "device", of[i]->source, "fstype", of[i]->type,
                                              "mountpoint", of[i]->target, (char *)NULL));
        }
        free(q);
        free(ask);
        free(of);
        rv_mounts_free(&mounts);
}

/* ---- memory ---- */

static void give_memory(struct out *o)
{
        size_t n;
        char *text = rv_slurp("/proc/meminfo", MOST, &n), name[160], key[80], unit[8];
        for (char *l = text; l && *l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
                unsigned long long v;
                int got = sscanf(l, "%79[^:]: %llu %7s", key, &v, unit);
                if (got < 2)
                        continue;
                bool kilo = got == 3 && strcmp(unit, "kB") == 0;
                char *open = strchr(key, '('); /* Active(anon): Active_anon */
                if (open) {
                        *open = '_';
                        *strchrnul(open, ')') = 0;
                }
                snprintf(name, sizeof name, "node_memory_%s%s", key, kilo ? "_bytes" : "");
                one(o, name, "gauge", "The field of this name of /proc/meminfo.",
                    (double)v * (kilo ? 1024 : 1));
        }
        free(text);
}

/* ---- network ---- */

static void give_network(struct out *o)
{
        static const struct {
                const char *file, *name;
        } families[] = {
                { "rx_bytes", "receive_bytes" },           { "rx_packets", "receive_packets" },
                { "rx_errors", "receive_errs" },           { "rx_dropped", "receive_drop" },
                { "rx_fifo_errors", "receive_fifo" },      { "rx_frame_errors", "receive_frame" },
                { "rx_compressed", "receive_compressed" }, { "multicast", "receive_multicast" },
                { "rx_nohandler", "receive_nohandler" },   { "tx_bytes", "transmit_bytes" },
                { "tx_packets", "transmit_packets" },      { "tx_errors", "transmit_errs" },
                { "tx_dropped", "transmit_drop" },         { "tx_fifo_errors", "transmit_fifo" },
                { "collisions", "transmit_colls" },        { "tx_carrier_errors", "transmit_carrier" },
                { "tx_compressed", "transmit_compressed" }
        };
        char name[80], path[400], buf[300];
        for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
                DIR *d = opendir("/sys/class/net");
                if (!d)
                        return;
                snprintf(name, sizeof name, "node_network_%s_total", families[f].name);
                family(o, name, "counter", "The counter of this name of a network interface.");
                for (struct dirent *e; (e = readdir(d));) {
                        double v;
                        snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", e->d_name,
                                 families[f].file);
                        if (e->d_name[0] != '.' && strcmp(e->d_name, "lo") != 0 && number(path, &v))
                                sample(o, v, labels(buf, sizeof buf, "device", e->d_name, (char *)NULL));
                }
                closedir(d);
        }
}

/* ---- vmstat ---- */

static bool is_wanted(const char *key)
{
        return strcmp(key, "oom_kill") == 0 || strncmp(key, "pgpg", 4) == 0 || strncmp(key, "pswp", 4) == 0 ||
               (strncmp(key, "pg", 2) == 0 && strstr(key, "fault"));
}

static void give_vmstat(struct out *o)
{
        size_t n;
        char *text = rv_slurp("/proc/vmstat", MOST, &n), name[120], key[80];
        for (char *l = text; l && *l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
                unsigned long long v;
                if (sscanf(l, "%79s %llu", key, &v) != 2 || !is_wanted(key))
                        continue;
                snprintf(name, sizeof name, "node_vmstat_%s", key);
                one(o, name, "untyped", "The field of this name of /proc/vmstat.", (double)v);
        }
        free(text);
}

/* ---- pressure ---- */

static void give_pressure(struct out *o)
{
        static const struct {
                const char *file, *line, *name, *help;
        } families[] = {
                { "cpu", "some", "node_pressure_cpu_waiting_seconds_total",
                  "Seconds in which something waited for a CPU." },
                { "io", "some", "node_pressure_io_waiting_seconds_total",
                  "Seconds in which something waited for I/O." },
                { "io", "full", "node_pressure_io_stalled_seconds_total",
                  "Seconds in which everything waited for I/O." },
                { "memory", "some", "node_pressure_memory_waiting_seconds_total",
                  "Seconds in which something waited for memory." },
                { "memory", "full", "node_pressure_memory_stalled_seconds_total",
                  "Seconds in which everything waited for memory." },
        };
        for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
                char path[40];
                size_t n;
                snprintf(path, sizeof path, "/proc/pressure/%s", families[i].file);
                char *text = rv_slurp(path, 4096, &n);
                const char *line = text ? line_of(text, families[i].line) : NULL,
                           *total = line ? strstr(line, "total=") : NULL;
                if (total)
                        one(o, families[i].name, "counter", families[i].help, strtod(total + 6, NULL) / 1e6);
                free(text);
        }
}

/* ---- RAID, bonds ---- */

/* Members of an array: in sync, failed, spare. */
static void count_members(const char *array, unsigned count[3])
{
        char path[1024];
        size_t n;
        snprintf(path, sizeof path, "/sys/block/%s/md", array);
        DIR *d = opendir(path);
        for (struct dirent *m; d && (m = readdir(d));) {
                if (strncmp(m->d_name, "dev-", 4) != 0)
                        continue;
                snprintf(path, sizeof path, "/sys/block/%s/md/%s/state", array, m->d_name);
                char *state = rv_slurp(path, 4096, &n);
                count[!state || strstr(state, "faulty") ? 1 : strstr(state, "in_sync") ? 0 : 2]++;
                free(state);
        }
        if (d)
                closedir(d);
}

static void give_raid(struct out *o)
{
        static const char *const states[] = { "active", "failed", "spare" };
        char path[400], buf[320];
        for (int f = 0; f < 2; f++) {
                DIR *d = opendir("/sys/block");
                family(o, f ? "node_md_disks" : "node_md_disks_required", "gauge",
                       f ? "Members of an array in a state." : "Members that an array should have.");
                for (struct dirent *e; d && (e = readdir(d));) {
                        double v;
                        unsigned count[3] = { 0 };
                        snprintf(path, sizeof path, "/sys/block/%s/md/raid_disks", e->d_name);
                        if (strncmp(e->d_name, "md", 2) != 0 || !number(path, &v))
                                continue;
                        if (!f) {
                                sample(o, v, labels(buf, sizeof buf, "device", e->d_name, (char *)NULL));
                                continue;
                        }
                        count_members(e->d_name, count);
                        for (int s = 0; s < 3; s++)
                                sample(o, count[s],
                                       labels(buf, sizeof buf, "device", e->d_name, "state", states[s],
                                              (char *)NULL));
                }
                if (d)
                        closedir(d);
        }
}

static void give_bonds(struct out *o)
{
        size_t n;
        char *masters = rv_slurp("/sys/class/net/bonding_masters", 65536, &n), path[400], buf[160];
        for (int f = 0; masters && f < 2; f++) {
                family(o, f ? "node_bonding_active" : "node_bonding_slaves", "gauge",
                       f ? "Interfaces of a bond that are up." : "Interfaces of a bond.");
                for (char *m = masters; *m;) {
                        size_t len = strcspn(m, " \n");
                        char master[64], *slaves, *rest = NULL;
                        unsigned count = 0;
                        snprintf(master, sizeof master, "%.*s", (int)len, m);
                        m += len + (m[len] != 0);
                        if (!len)
                                continue;
                        snprintf(path, sizeof path, "/sys/class/net/%s/bonding/slaves", master);
                        slaves = rv_slurp(path, 65536, &n);
                        for (char *s = slaves ? strtok_r(slaves, " \n", &rest) : NULL; s;
                             s = strtok_r(NULL, " \n", &rest)) {
                                snprintf(path, sizeof path, "/sys/class/net/%s/bonding_slave/mii_status", s);
                                char *up = f ? rv_slurp(path, 4096, &n) : NULL;
                                count += !f || (up && strncmp(up, "up", 2) == 0);
                                free(up);
                        }
                        free(slaves);
                        sample(o, count, labels(buf, sizeof buf, "master", master, (char *)NULL));
                }
        }
        free(masters);
}

/* ---- the rest ---- */

static void give_time(struct out *o)
{
        struct timex t = { 0 };
        int state = adjtimex(&t);
        double unit = t.status & STA_NANO ? 1e9 : 1e6;
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        one(o, "node_time_seconds", "gauge", "The clock, in seconds since 1970.",
            (double)now.tv_sec + (double)now.tv_nsec / 1e9);
        if (state < 0)
                return;
        one(o, "node_timex_offset_seconds", "gauge", "Offset of the clock from its reference.",
            (double)t.offset / unit);
        one(o, "node_timex_maxerror_seconds", "gauge", "Largest error that the clock may have.",
            (double)t.maxerror / 1e6);
        one(o, "node_timex_estimated_error_seconds", "gauge", "Error that the clock probably has.",
            (double)t.esterror / 1e6);
        one(o, "node_timex_sync_status", "gauge", "Whether the clock is kept by a reference.",
            state != TIME_ERROR);
}

static void give_uname(struct out *o)
{
        struct utsname u;
        char buf[1200];
        if (uname(&u) < 0)
                return;
        family(o, "node_uname_info", "gauge", "What uname(2) tells.");
        sample(o, 1,
               labels(buf, sizeof buf, "domainname", u.domainname, "machine", u.machine, "nodename",
                      u.nodename, "release", u.release, "sysname", u.sysname, "version", u.version, (char *)NULL));
        family(o, "node_exporter_build_info", "gauge", "Who gives these samples.");
        sample(o, 1,
               labels(buf, sizeof buf, "branch", "reeve", "goarch", "", "goos", "linux", "goversion", "",
                      "revision", "", "version", REEVE_VERSION, (char *)NULL));
}

static void give_numbers(struct out *o)
{
        double a, b, c;
        size_t n;
        char *text = rv_slurp("/proc/loadavg", 4096, &n);
        if (text && sscanf(text, "%lf %lf %lf", &a, &b, &c) == 3) {
                one(o, "node_load1", "gauge", "Load average of one minute.", a);
                one(o, "node_load5", "gauge", "Load average of five minutes.", b);
                one(o, "node_load15", "gauge", "Load average of fifteen minutes.", c);
        }
        free(text);
        text = rv_slurp("/proc/sys/fs/file-nr", 4096, &n);
        if (text && sscanf(text, "%lf %lf %lf", &a, &b, &c) == 3) {
                one(o, "node_filefd_allocated", "gauge", "Open files of the whole host.", a);
                one(o, "node_filefd_maximum", "gauge", "Most open files of the whole host.", c);
        }
        free(text);
        if (number("/proc/sys/net/netfilter/nf_conntrack_count", &a) &&
            number("/proc/sys/net/netfilter/nf_conntrack_max", &b)) {
                one(o, "node_nf_conntrack_entries", "gauge", "Connections that are tracked.", a);
                one(o, "node_nf_conntrack_entries_limit", "gauge", "Most connections that can be tracked.",
                    b);
        }
        one(o, "node_textfile_scrape_error", "gauge", "Always 0: there is no folder of text files here.", 0);
}

static int nodemetric_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static void (*const collectors[])(struct out *) = { give_stat,     give_disks,   give_filesystems,
                                                            give_memory,   give_network, give_vmstat,
                                                            give_pressure, give_raid,    give_bonds,
                                                            give_time,     give_uname,   give_numbers };
        struct out o = { .sink = out, .q = q };
        (void)err;
        for (size_t i = 0;
             o.r == RV_OK && i < sizeof collectors / sizeof *collectors && !rv_cancelled(q->call); i++)
                collectors[i](&o);
        return o.r == RV_STOP ? RV_OK : o.r;
}

static const struct rv_provider nodemetric = { .class = &NodeMetric_class, .query = nodemetric_query };

RV_PROVIDERS(nodemetric, &nodemetric);
