/* SPDX-License-Identifier: MIT */
#include "providers/lib/processfiles.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gen/Process.h"
#include "providers/lib/cgroup.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/replaced.h"

enum { NO_ID = 0xffffffffu }; /* what the kernel says for "never set" */

/* ---- lines of /proc/PID/status: their name, what they hold and which property shows it ---- */

enum kind { KIB, NUMBER, NUMBER_OR_NULL, FLAG, WORD, IDS, LIST, CAPABILITIES, SIGNALS };
static const struct line {
        const char *name;
        enum kind kind;
        uint16_t property; /* IDS: the first of three that follow each other */
} status[] = {
        { "Umask", WORD, Process_Umask },
        { "TracerPid", NUMBER_OR_NULL, Process_TracerProcessId },
        { "Uid", IDS, Process_RealUid },
        { "Gid", IDS, Process_RealGid },
        { "Groups", LIST, Process_Groups },
        { "NSpid", LIST, Process_NamespaceProcessIds },
        { "VmPeak", KIB, Process_PeakVirtualSize },
        { "VmLck", KIB, Process_LockedMemory },
        { "VmHWM", KIB, Process_PeakWorkingSetSize },
        { "RssAnon", KIB, Process_AnonymousSize },
        { "VmData", KIB, Process_DataSize },
        { "VmStk", KIB, Process_StackSize },
        { "VmPTE", KIB, Process_PageTableSize },
        { "VmSwap", KIB, Process_SwapUsage },
        { "CoreDumping", FLAG, Process_CoreDumping },
        { "SigBlk", SIGNALS, Process_SignalsBlocked },
        { "SigIgn", SIGNALS, Process_SignalsIgnored },
        { "SigCgt", SIGNALS, Process_SignalsCaught },
        { "CapInh", CAPABILITIES, Process_CapabilitiesInheritable },
        { "CapPrm", CAPABILITIES, Process_CapabilitiesPermitted },
        { "CapEff", CAPABILITIES, Process_CapabilitiesEffective },
        { "CapBnd", CAPABILITIES, Process_CapabilitiesBounding },
        { "CapAmb", CAPABILITIES, Process_CapabilitiesAmbient },
        { "NoNewPrivs", FLAG, Process_NoNewPrivileges },
        { "Seccomp", NUMBER, Process_SeccompMode },
        { "Seccomp_filters", NUMBER, Process_SeccompFilters },
        { "Cpus_allowed_list", WORD, Process_ProcessorAffinity },
        { "Mems_allowed_list", WORD, Process_MemoryNodes },
        { "voluntary_ctxt_switches", NUMBER, Process_VoluntaryContextSwitches },
        { "nonvoluntary_ctxt_switches", NUMBER, Process_InvoluntaryContextSwitches },
};

/* ---- which file a property needs ---- */

static const struct {
        uint16_t property;
        uint16_t source;
} sources[] = {
        { Process_Uid, RV_FROM_OWNER },
        { Process_UserName, RV_FROM_OWNER },
        { Process_ExecutablePath, RV_FROM_EXE },
        { Process_ExecutableDeleted, RV_FROM_EXE },
        { Process_PrivatePageCount, RV_FROM_STATM },
        { Process_HandleCount, RV_FROM_FD },
        { Process_ReplacedFiles, RV_FROM_MAPS },
        { Process_Cgroup, RV_FROM_CGROUP },
        { Process_Unit, RV_FROM_CGROUP },
        { Process_ContainerId, RV_FROM_CGROUP },
        { Process_WorkingDirectory, RV_FROM_LINKS },
        { Process_RootDirectory, RV_FROM_LINKS },
        { Process_OomScore, RV_FROM_WORDS },
        { Process_OomScoreAdjust, RV_FROM_WORDS },
        { Process_LoginUid, RV_FROM_WORDS },
        { Process_AuditSessionId, RV_FROM_WORDS },
        { Process_SecurityLabel, RV_FROM_WORDS },
        { Process_WaitChannel, RV_FROM_WORDS },
        { Process_IOPriorityClass, RV_FROM_WORDS },
        { Process_IOPriority, RV_FROM_WORDS },
        { Process_Limits, RV_FROM_LIMITS },
        { Process_ReadOperationCount, RV_FROM_IO },
        { Process_WriteOperationCount, RV_FROM_IO },
        { Process_ReadTransferCount, RV_FROM_IO },
        { Process_WriteTransferCount, RV_FROM_IO },
        { Process_DiskReadBytes, RV_FROM_IO },
        { Process_DiskWriteBytes, RV_FROM_IO },
        { Process_DiskCancelledWriteBytes, RV_FROM_IO },
        { Process_ProportionalSetSize, RV_FROM_ROLLUP },
        { Process_UniqueSetSize, RV_FROM_ROLLUP },
        { Process_ProportionalSwapSize, RV_FROM_ROLLUP },
        { Process_CgroupNamespace, RV_FROM_NS },
        { Process_IpcNamespace, RV_FROM_NS },
        { Process_MountNamespace, RV_FROM_NS },
        { Process_NetNamespace, RV_FROM_NS },
        { Process_PidNamespace, RV_FROM_NS },
        { Process_TimeNamespace, RV_FROM_NS },
        { Process_UserNamespace, RV_FROM_NS },
        { Process_UtsNamespace, RV_FROM_NS },
};

uint32_t rv_process_sources(const uint64_t *want)
{
        uint32_t all = 0;
        for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
                if (rv_bit(want, sources[i].property))
                        all |= sources[i].source;
        for (size_t i = 0; i < sizeof status / sizeof *status; i++)
                for (unsigned k = 0; k < (status[i].kind == IDS ? 3u : 1u); k++)
                        if (rv_bit(want, status[i].property + k))
                                all |= RV_FROM_STATUS;
        return all;
}

/* ---- masks, lists of processors, policies ---- */

static const char *const capabilities[] = {
        "CHOWN",         "DAC_OVERRIDE",   "DAC_READ_SEARCH",  "FOWNER",         "FSETID",
        "KILL",          "SETGID",         "SETUID",           "SETPCAP",        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN",      "NET_RAW",        "IPC_LOCK",
        "IPC_OWNER",     "SYS_MODULE",     "SYS_RAWIO",        "SYS_CHROOT",     "SYS_PTRACE",
        "SYS_PACCT",     "SYS_ADMIN",      "SYS_BOOT",         "SYS_NICE",       "SYS_RESOURCE",
        "SYS_TIME",      "SYS_TTY_CONFIG", "MKNOD",            "LEASE",          "AUDIT_WRITE",
        "AUDIT_CONTROL", "SETFCAP",        "MAC_OVERRIDE",     "MAC_ADMIN",      "SYSLOG",
        "WAKE_ALARM",    "BLOCK_SUSPEND",  "AUDIT_READ",       "PERFMON",        "BPF",
        "CHECKPOINT_RESTORE",
};

static void capability_name(unsigned bit, char *to, size_t size)
{
        if (bit < sizeof capabilities / sizeof *capabilities)
                snprintf(to, size, "CAP_%s", capabilities[bit]);
        else
                snprintf(to, size, "%u", bit);
}

static void signal_name(unsigned bit, char *to, size_t size)
{
        int s = (int)bit + 1;
        if (s >= SIGRTMIN && s <= SIGRTMAX)
                snprintf(to, size, s == SIGRTMIN ? "SIGRTMIN" : "SIGRTMIN+%d", s - SIGRTMIN);
        else if (sigabbrev_np(s))
                snprintf(to, size, "SIG%s", sigabbrev_np(s));
        else
                snprintf(to, size, "%d", s); /* those that libc keeps for itself */
}

static void set_bits(struct rv_row *row, unsigned p, uint64_t mask, void (*name)(unsigned, char *, size_t))
{
        if (!rv_wants(row, p))
                return;
        rv_list list = rv_set_list(row, p, (uint32_t)__builtin_popcountll(mask));
        for (uint32_t bit = 0, i = 0; bit < 64; bit++)
                if (mask >> bit & 1) {
                        char text[32];
                        name(bit, text, sizeof text);
                        rv_item_string(row, list, i++, text, strlen(text));
                }
}

void rv_set_capabilities(struct rv_row *row, unsigned p, uint64_t mask)
{
        set_bits(row, p, mask, capability_name);
}

void rv_set_signals(struct rv_row *row, unsigned p, uint64_t mask)
{
        set_bits(row, p, mask, signal_name);
}

bool rv_cpulist_parse(const char *s, size_t n, void *ret_bits, size_t size)
{
        uint8_t *bits = ret_bits;
        const char *end = s + n;
        memset(bits, 0, size);
        if (!n)
                return false;
        while (s < end) {
                unsigned range[2] = { 0 }, k = 0;
                for (; k < 2; k++) {
                        const char *start = s;
                        for (; s < end && *s >= '0' && *s <= '9' && range[k] < 1u << 20; s++)
                                range[k] = range[k] * 10 + (unsigned)(*s - '0');
                        if (s == start)
                                return false;
                        if (k || s == end || *s != '-')
                                break;
                        s++;
                }
                if (!k)
                        range[1] = range[0];
                if (range[1] < range[0] || range[1] >= size * 8 || (s < end && (*s++ != ',' || s == end)))
                        return false;
                for (unsigned i = range[0]; i <= range[1]; i++)
                        bits[i / 8] |= (uint8_t)(1u << i % 8);
        }
        return true;
}

const char *rv_sched_policy(uint64_t n)
{
        static const char *const names[] = { "Other", "FIFO", "RoundRobin", "Batch", NULL, "Idle", "Deadline" };
        return n < sizeof names / sizeof *names ? names[n] : NULL;
}

/* ---- status ---- */

static void set_numbers(struct rv_row *row, unsigned p, const char *s)
{
        uint32_t n = 0, i = 0;
        if (!rv_wants(row, p))
                return;
        for (const char *at = s; *(at += strspn(at, " \t")); at += strcspn(at, " \t"))
                n++;
        rv_list list = rv_set_list(row, p, n);
        for (char *end; i < n; s = end)
                rv_item_uint(row, list, i++, strtoull(s, &end, 10));
}

static void set_status_line(struct rv_row *row, const struct line *l, char *s)
{
        uint64_t n = strtoull(s, NULL, l->kind >= CAPABILITIES ? 16 : 10);
        switch (l->kind) {
        case KIB: rv_set_uint(row, l->property, n * 1024); break;
        case NUMBER_OR_NULL:
                if (!n)
                        break;
                /* fallthrough */
        case NUMBER: rv_set_uint(row, l->property, n); break;
        case FLAG: rv_set_bool(row, l->property, n != 0); break;
        case WORD: rv_fill(row, l->property, s); break;
        case IDS:
                for (unsigned k = 0; k < 3; k++)
                        rv_set_uint(row, l->property + k, strtoull(s, &s, 10));
                break;
        case LIST: set_numbers(row, l->property, s); break;
        case CAPABILITIES: rv_set_capabilities(row, l->property, n); break;
        case SIGNALS: rv_set_signals(row, l->property, n); break;
        }
}

/* "Name:\tvalue" lines; the name of the program, which may hold anything, is written with escapes. */
static void fill_status(struct rv_row *row, char *text)
{
        size_t next = 0; /* lines come in the table's order, unless a kernel has it otherwise */
        const size_t n = sizeof status / sizeof *status;
        for (char *line; (line = strsep(&text, "\n"));) {
                char *colon = strchr(line, ':');
                if (!colon)
                        continue;
                *colon = 0;
                for (size_t i = 0; i < n; i++)
                        if (strcmp(status[(next + i) % n].name, line) == 0) {
                                next = (next + i) % n;
                                set_status_line(row, &status[next], colon + 1 + strspn(colon + 1, " \t"));
                                break;
                        }
        }
}

/* ---- other files of "name: number" lines ---- */

struct counter {
        const char *name;
        uint16_t property;
};
static const struct counter io[] = {
        { "rchar", Process_ReadTransferCount },
        { "wchar", Process_WriteTransferCount },
        { "syscr", Process_ReadOperationCount },
        { "syscw", Process_WriteOperationCount },
        { "read_bytes", Process_DiskReadBytes },
        { "write_bytes", Process_DiskWriteBytes },
        { "cancelled_write_bytes", Process_DiskCancelledWriteBytes },
        { NULL, 0 },
};

static bool value_of(const char *text, const char *name, uint64_t *ret)
{
        size_t n = strlen(name);
        for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p != NULL)
                if (strncmp(p, name, n) == 0 && p[n] == ':') {
                        *ret = strtoull(p + n + 1, NULL, 10);
                        return true;
                }
        return false;
}

static void fill_io(struct rv_row *row, const char *text)
{
        uint64_t v;
        for (const struct counter *c = io; c->name; c++)
                if (value_of(text, c->name, &v))
                        rv_set_uint(row, c->property, v);
}

static void fill_rollup(struct rv_row *row, const char *text)
{
        uint64_t pss, clean, dirty, swap;
        if (value_of(text, "Pss", &pss))
                Process_set_ProportionalSetSize(row, pss * 1024);
        if (value_of(text, "Private_Clean", &clean) && value_of(text, "Private_Dirty", &dirty))
                Process_set_UniqueSetSize(row, (clean + dirty) * 1024);
        if (value_of(text, "SwapPss", &swap))
                Process_set_ProportionalSwapSize(row, swap * 1024);
}

/* "Max open files            1024                 524288               files", the name 25 wide. */
static void fill_limits(struct rv_row *row, char *text)
{
        enum { NAME = 26, MOST = 32 };
        char *found[MOST];
        uint32_t n = 0, i = 0;
        for (char *line; (line = strsep(&text, "\n"));)
                if (strncmp(line, "Max ", 4) == 0 && strlen(line) > NAME && n < MOST)
                        found[n++] = line;
        rv_list list = Process_set_Limits(row, 2 * n);
        for (uint32_t k = 0; k < n; k++) {
                char soft[24], hard[24], both[50] = "", *name = found[k] + 4;
                size_t length = NAME - 4;
                while (length && name[length - 1] == ' ')
                        length--;
                if (*name >= 'a' && *name <= 'z')
                        *name = (char)(*name - 'a' + 'A');
                if (sscanf(found[k] + NAME, "%23s %23s", soft, hard) == 2)
                        snprintf(both, sizeof both, "%s:%s", soft, hard);
                rv_item_string(row, list, i++, name, length);
                rv_item_string(row, list, i++, both, strlen(both));
        }
}

/* ---- links ---- */

struct place { /* a process' folder, and room for a name in it */
        int root;
        pid_t pid;
        char path[48];
};

static const char *in(struct place *at, const char *name)
{
        snprintf(at->path, sizeof at->path, "%d/%s", (int)at->pid, name);
        return at->path;
}

static void fill_link(struct place *at, struct rv_row *row, unsigned p, const char *name)
{
        char buf[4096];
        if (!rv_wants(row, p))
                return;
        ssize_t n = readlinkat(at->root, in(at, name), buf, sizeof buf);
        if (n > 0)
                rv_set_string(row, p, buf, (size_t)n);
}

static void fill_exe(struct place *at, struct rv_row *row)
{
        static const char mark[] = " (deleted)";
        enum { MARK = sizeof mark - 1 };
        char buf[4096];
        ssize_t n = readlinkat(at->root, in(at, "exe"), buf, sizeof buf);
        if (n <= 0)
                return;
        bool deleted = n > MARK && memcmp(buf + n - MARK, mark, MARK) == 0;
        Process_set_ExecutablePath(row, buf, (size_t)n - (deleted ? MARK : 0));
        Process_set_ExecutableDeleted(row, deleted);
}

/* "net:[4026531840]" */
static void fill_namespaces(struct place *at, struct rv_row *row)
{
        static const struct counter of[] = {
                { "cgroup", Process_CgroupNamespace }, { "ipc", Process_IpcNamespace },
                { "mnt", Process_MountNamespace },     { "net", Process_NetNamespace },
                { "pid", Process_PidNamespace },       { "time", Process_TimeNamespace },
                { "user", Process_UserNamespace },     { "uts", Process_UtsNamespace },
        };
        for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
                char name[16], buf[64];
                if (!rv_wants(row, of[i].property))
                        continue;
                snprintf(name, sizeof name, "ns/%s", of[i].name);
                ssize_t n = readlinkat(at->root, in(at, name), buf, sizeof buf - 1);
                buf[n > 0 ? n : 0] = 0;
                const char *bracket = strchr(buf, '[');
                if (bracket)
                        rv_set_uint(row, of[i].property, strtoull(bracket + 1, NULL, 10));
        }
}

/* ---- files of one word ---- */

/* Its text without the line end; "" when it cannot be had. */
static const char *word(struct place *at, const char *name, char *buf, size_t size)
{
        ssize_t n = rv_proc_read(at->root, in(at, name), buf, size);
        while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == 0))
                n--;
        buf[n > 0 ? n : 0] = 0;
        return buf;
}

static void fill_words(struct place *at, struct rv_row *row)
{
        char buf[4096];
        if (Process_wants_OomScore(row) && *word(at, "oom_score", buf, sizeof buf))
                Process_set_OomScore(row, (uint32_t)strtoul(buf, NULL, 10));
        if (Process_wants_OomScoreAdjust(row) && *word(at, "oom_score_adj", buf, sizeof buf))
                Process_set_OomScoreAdjust(row, (int32_t)strtol(buf, NULL, 10));
        if (Process_wants_LoginUid(row) && *word(at, "loginuid", buf, sizeof buf) &&
            strtoul(buf, NULL, 10) != NO_ID)
                Process_set_LoginUid(row, (uint32_t)strtoul(buf, NULL, 10));
        if (Process_wants_AuditSessionId(row) && *word(at, "sessionid", buf, sizeof buf) &&
            strtoul(buf, NULL, 10) != NO_ID)
                Process_set_AuditSessionId(row, (uint32_t)strtoul(buf, NULL, 10));
        if (Process_wants_SecurityLabel(row))
                rv_fill(row, Process_SecurityLabel, word(at, "attr/current", buf, sizeof buf));
        if (Process_wants_WaitChannel(row) && strcmp(word(at, "wchan", buf, sizeof buf), "0") != 0)
                rv_fill(row, Process_WaitChannel, buf);
        if (Process_wants_IOPriorityClass(row) || Process_wants_IOPriority(row)) {
                static const char *const classes[] = { NULL, "Realtime", "BestEffort", "Idle" };
                long v = syscall(SYS_ioprio_get, 1 /* a process */, at->pid);
                if (v >> 13 >= 1 && v >> 13 <= 3) {
                        rv_fill(row, Process_IOPriorityClass, classes[v >> 13]);
                        Process_set_IOPriority(row, (uint32_t)(v & 7));
                }
        }
}

/* ---- the rest ---- */

static void fill_statm(struct place *at, struct rv_row *row)
{
        char buf[256], *p = buf;
        if (rv_proc_read(at->root, in(at, "statm"), buf, sizeof buf) <= 0)
                return;
        strtoull(p, &p, 10);
        uint64_t resident = strtoull(p, &p, 10), shared = strtoull(p, &p, 10);
        Process_set_PrivatePageCount(row, (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void fill_handles(struct place *at, struct rv_row *row)
{
        int fd = openat(at->root, in(at, "fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        uint32_t count = 0;
        if (!d) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        while (readdir(d))
                count++;
        closedir(d);
        Process_set_HandleCount(row, count < 2 ? 0 : count - 2);
}

static void fill_replaced(pid_t pid, struct rv_row *row)
{
        struct rv_replaced files = { 0 };
        rv_replaced_process(&files, pid);
        rv_list list = Process_set_ReplacedFiles(row, files.n);
        for (unsigned i = 0; i < files.n; i++)
                rv_item_string(row, list, i, files.path[i], strlen(files.path[i]));
        rv_replaced_free(&files);
}

static void fill_group(struct rv_row *row, const char *all)
{
        char path[RV_CGROUP_PATH], unit[300], container[65];
        if (rv_cgroup_path(all, path)) {
                rv_fill(row, Process_Cgroup, path);
                if (rv_cgroup_unit(path, unit, sizeof unit))
                        rv_fill(row, Process_Unit, unit);
        }
        if (Process_wants_ContainerId(row) && rv_cgroup_container(all, container))
                rv_fill(row, Process_ContainerId, container);
}

void rv_process_files(int root, pid_t pid, struct rv_row *row, uint32_t from)
{
        struct place at = { .root = root, .pid = pid };
        char buf[8192];
        if (from & RV_FROM_EXE)
                fill_exe(&at, row);
        if (from & RV_FROM_STATM)
                fill_statm(&at, row);
        if (from & RV_FROM_FD)
                fill_handles(&at, row);
        if (from & RV_FROM_MAPS)
                fill_replaced(pid, row);
        if (from & RV_FROM_CGROUP && rv_proc_read(root, in(&at, "cgroup"), buf, sizeof buf) > 0)
                fill_group(row, buf);
        if (from & RV_FROM_LINKS) {
                fill_link(&at, row, Process_WorkingDirectory, "cwd");
                fill_link(&at, row, Process_RootDirectory, "root");
        }
        if (from & RV_FROM_WORDS)
                fill_words(&at, row);
        if (from & RV_FROM_LIMITS && rv_proc_read(root, in(&at, "limits"), buf, sizeof buf) > 0)
                fill_limits(row, buf);
        if (from & RV_FROM_IO && rv_proc_read(root, in(&at, "io"), buf, sizeof buf) > 0)
                fill_io(row, buf);
        if (from & RV_FROM_ROLLUP && rv_proc_read(root, in(&at, "smaps_rollup"), buf, sizeof buf) > 0)
                fill_rollup(row, buf);
        if (from & RV_FROM_NS)
                fill_namespaces(&at, row);
        if (from & RV_FROM_STATUS && rv_proc_read(root, in(&at, "status"), buf, sizeof buf) > 0)
                fill_status(row, buf);
}
