/* SPDX-License-Identifier: MIT
 *
 * ComputerSystem, Bios: one row each, from uname(2), the firmware's tables in /sys and a few files; only those that are
 * asked for. hostnamed and timedated are never asked: each start of theirs costs 30 ms and 7 MB.
 */
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

#include "agent/provider.h"
#include "gen/Bios.h"
#include "gen/ComputerSystem.h"
#include "providers/lib/dmi.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/replace.h"
#include "providers/lib/replaced.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"

static bool file_line(const char *path, char *ret, size_t size)
{
        ssize_t n = rv_proc_read(AT_FDCWD, path, ret, size);
        if (n <= 0)
                return false;
        ret[strcspn(ret, "\n")] = 0;
        return ret[0] != 0;
}

static void fill_dmi(struct rv_row *row, unsigned p, const char *name)
{
        char text[256];
        if (rv_wants(row, p) && rv_dmi_text(name, text, sizeof text))
                rv_fill(row, p, text);
}

/* The value of NAME=value or `NAME value` (by: the byte between) in a text; false: none. */
static bool setting(const char *all, const char *name, char by, char *ret, size_t size)
{
        size_t k = strlen(name);
        for (const char *p = all; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                if (strncmp(p, name, k) != 0 || (p[k] != by && !(by == ' ' && p[k] == '\t')))
                        continue;
                p += k + 1 + strspn(p + k + 1, " \t\"");
                snprintf(ret, size, "%.*s", (int)strcspn(p, by == ' ' ? " \t\n" : "\"\n"), p);
                return ret[0] != 0;
        }
        return false;
}

/* ---- names ---- */

static void fill_domain(struct rv_row *row, const char *host)
{
        char all[8192], text[256];
        const char *dot = strchr(host, '.');
        if (dot && dot[1])
                rv_fill(row, ComputerSystem_Domain, dot + 1);
        else if (rv_proc_read(AT_FDCWD, "/etc/resolv.conf", all, sizeof all) > 0 &&
                 (setting(all, "domain", ' ', text, sizeof text) ||
                  setting(all, "search", ' ', text, sizeof text)) &&
                 strcmp(text, ".") != 0)
                rv_fill(row, ComputerSystem_Domain, text);
}

static void fill_names(struct rv_row *row)
{
        struct utsname u;
        char text[4096], value[256];
        if (uname(&u) == 0) {
                rv_fill(row, ComputerSystem_Name, u.nodename);
                rv_fill(row, ComputerSystem_SystemType, u.machine);
                if (ComputerSystem_wants_Domain(row))
                        fill_domain(row, u.nodename);
        }
        if (ComputerSystem_wants_StaticName(row) && file_line("/etc/hostname", text, sizeof text))
                rv_fill(row, ComputerSystem_StaticName, text);
        if (ComputerSystem_wants_PrettyName(row) &&
            rv_proc_read(AT_FDCWD, "/etc/machine-info", text, sizeof text) > 0 &&
            setting(text, "PRETTY_HOSTNAME", '=', value, sizeof value))
                rv_fill(row, ComputerSystem_PrettyName, value);
}

/* ---- what it is made of ---- */

/* SMBIOS 7.4.1 -> WMI's PCSystemType. */
static uint16_t system_type(unsigned chassis)
{
        switch (chassis) {
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
        case 13:
        case 15:
        case 16:
        case 35: return 1;
        case 8:
        case 9:
        case 10:
        case 14:
        case 31: return 2;
        case 11:
        case 30:
        case 32: return 8;
        case 17:
        case 23:
        case 25:
        case 28:
        case 29: return 4;
        default: return 0;
        }
}

static void fill_machine(struct rv_row *row)
{
        char text[64];
        fill_dmi(row, ComputerSystem_Manufacturer, "sys_vendor");
        fill_dmi(row, ComputerSystem_Model, "product_name");
        fill_dmi(row, ComputerSystem_SystemFamily, "product_family");
        fill_dmi(row, ComputerSystem_SystemSKUNumber, "product_sku");
        fill_dmi(row, ComputerSystem_SerialNumber, "product_serial");
        fill_dmi(row, ComputerSystem_UUID, "product_uuid");
        fill_dmi(row, ComputerSystem_AssetTag, "chassis_asset_tag");
        if ((ComputerSystem_wants_ChassisType(row) || ComputerSystem_wants_PCSystemType(row)) &&
            rv_dmi_text("chassis_type", text, sizeof text)) {
                unsigned chassis = (unsigned)strtoul(text, NULL, 10);
                ComputerSystem_set_ChassisType(row, (uint8_t)chassis);
                ComputerSystem_set_PCSystemType(row, system_type(chassis));
        }
}

/* Value of "name : value" at p. */
static const char *after_colon(const char *p)
{
        const char *colon = strchr(p, ':');
        return colon ? colon + 1 + strspn(colon + 1, " \t") : "";
}

static bool has_word(const char *list, const char *word)
{
        size_t n = strlen(word);
        for (const char *p = list; *p && *p != '\n'; p += strcspn(p, " \n"), p += *p == ' ')
                if (strncmp(p, word, n) == 0 && (p[n] == ' ' || p[n] == '\n' || !p[n]))
                        return true;
        return false;
}

struct processors {
        uint32_t logical, sockets;
        bool hypervisor;
};

static void count_processors(struct processors *c)
{
        size_t n;
        char *text = rv_slurp("/proc/cpuinfo", 64 << 20, &n);
        unsigned long seen[1024];
        *c = (struct processors) { 0 };
        for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                if (strncmp(p, "processor", 9) == 0 && (p[9] == '\t' || p[9] == ' '))
                        c->logical++;
                else if (strncmp(p, "flags", 5) == 0 && !c->hypervisor)
                        c->hypervisor = has_word(after_colon(p), "hypervisor");
                else if (strncmp(p, "physical id", 11) == 0) {
                        unsigned long id = strtoul(after_colon(p), NULL, 10);
                        bool known = false;
                        for (uint32_t i = 0; i < c->sockets && !known; i++)
                                known = seen[i] == id;
                        if (!known && c->sockets < sizeof seen / sizeof *seen)
                                seen[c->sockets++] = id;
                }
        }
        if (!c->sockets && c->logical)
                c->sockets = 1;
        free(text);
}

static bool in_container(char *ret, size_t size)
{
        char all[8192];
        if (file_line("/run/systemd/container", ret, size))
                return true;
        ssize_t n = rv_proc_read(AT_FDCWD, "/proc/1/environ", all, sizeof all);
        for (ssize_t i = 0; i < n; i += (ssize_t)strlen(all + i) + 1)
                if (strncmp(all + i, "container=", 10) == 0 && all[i + 10]) {
                        snprintf(ret, size, "%s", all + i + 10);
                        return true;
                }
        const char *word = access("/.dockerenv", F_OK) == 0          ? "docker"
                           : access("/run/.containerenv", F_OK) == 0 ? "podman"
                                                                     : NULL;
        snprintf(ret, size, "%s", word ? word : "");
        return word != NULL;
}

/* What the hypervisor says of itself; NULL: there is none, or it does not say. */
static const char *by_processor(void)
{
#if defined(__x86_64__) || defined(__i386__)
        static const char *const words[][2] = {
                { "TCGTCGTCGTCG", "qemu" },      { "KVMKVMKVM", "kvm" },          { "Linux KVM Hv", "kvm" },
                { "VMwareVMware", "vmware" },    { "Microsoft Hv", "microsoft" }, { "XenVMMXenVMM", "xen" },
                { "bhyve bhyve ", "bhyve" },     { "QNXQVMBSQG", "qnx" },         { "ACRNACRNACRN", "acrn" },
                { " lrpepyh  vr", "parallels" },
        };
        uint32_t a, b, c, d;
        char said[13] = "";
        if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 31))
                return NULL;
        __cpuid(0x40000000, a, b, c, d);
        memcpy(said, &b, 4);
        memcpy(said + 4, &c, 4);
        memcpy(said + 8, &d, 4);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strcmp(said, words[i][0]) == 0)
                        return words[i][1];
#endif
        return NULL;
}

static const char *virtualization(bool hypervisor, char *buf, size_t size)
{
        static const char *const vendors[][2] = { { "KVM", "kvm" },
                                                  { "OpenStack", "kvm" },
                                                  { "KubeVirt", "kvm" },
                                                  { "Amazon EC2", "amazon" },
                                                  { "QEMU", "qemu" },
                                                  { "VMware", "vmware" },
                                                  { "VMW", "vmware" },
                                                  { "innotek GmbH", "oracle" },
                                                  { "VirtualBox", "oracle" },
                                                  { "Xen", "xen" },
                                                  { "Bochs", "bochs" },
                                                  { "Parallels", "parallels" },
                                                  { "BHYVE", "bhyve" },
                                                  { "Hyper-V", "microsoft" },
                                                  { "Google Compute Engine", "google" },
                                                  { "Apple Virtualization", "apple" } };
        static const char *const places[] = { "product_name", "sys_vendor", "board_vendor", "bios_vendor",
                                              "product_version" };
        char text[256];
        if (in_container(buf, size))
                return buf;
        const char *cpu = by_processor();
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                for (size_t k = 0;
                     rv_dmi_text(places[i], text, sizeof text) && k < sizeof vendors / sizeof *vendors; k++)
                        if (strncmp(text, vendors[k][0], strlen(vendors[k][0])) == 0)
                                return strcmp(vendors[k][1], "qemu") == 0 && cpu ? cpu : vendors[k][1];
        if (file_line("/sys/hypervisor/type", buf, size))
                return buf;
        return cpu ? cpu : hypervisor ? "vm" : "none";
}

static void fill_processors(struct rv_row *row)
{
        char word[64];
        struct processors c;
        if (!ComputerSystem_wants_NumberOfProcessors(row) &&
            !ComputerSystem_wants_NumberOfLogicalProcessors(row) &&
            !ComputerSystem_wants_HypervisorPresent(row) && !ComputerSystem_wants_Virtualization(row))
                return;
        count_processors(&c);
        ComputerSystem_set_NumberOfProcessors(row, c.sockets);
        ComputerSystem_set_NumberOfLogicalProcessors(row, c.logical);
        ComputerSystem_set_HypervisorPresent(row, c.hypervisor);
        if (ComputerSystem_wants_Virtualization(row))
                rv_fill(row, ComputerSystem_Virtualization, virtualization(c.hypervisor, word, sizeof word));
}

static void fill_memory(struct rv_row *row)
{
        char text[4096];
        if (!ComputerSystem_wants_TotalPhysicalMemory(row) ||
            rv_proc_read(AT_FDCWD, "/proc/meminfo", text, sizeof text) <= 0)
                return;
        const char *at = strstr(text, "MemTotal:");
        if (at)
                ComputerSystem_set_TotalPhysicalMemory(row, strtoull(at + 9, NULL, 10) * 1024);
}

/* ---- state ---- */

/* Two releases of one kind, alike but for numbers: "6.1.0-20-amd64" and "6.1.0-9-amd64", not "6.1.0-9-rt-amd64". */
static bool alike(const char *a, const char *b)
{
        for (; *a && *b; a++, b++) {
                if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
                        a += strspn(a, "0123456789") - 1;
                        b += strspn(b, "0123456789") - 1;
                } else if (*a != *b)
                        return false;
        }
        return *a == *b;
}

/* The newest kernel of the kind that runs, if it is newer. What has modules.dep is installed; what was removed may have
 * left its folder. */
static bool newer_kernel(const char *runs, char *ret, size_t size)
{
        DIR *d = opendir("/lib/modules");
        char path[400];
        snprintf(ret, size, "%s", runs);
        for (struct dirent *e; d && (e = readdir(d));) {
                snprintf(path, sizeof path, "/lib/modules/%s/modules.dep", e->d_name);
                if (alike(e->d_name, runs) && strverscmp(e->d_name, ret) > 0 && access(path, F_OK) == 0)
                        snprintf(ret, size, "%s", e->d_name);
        }
        if (d)
                closedir(d);
        return strcmp(ret, runs) != 0;
}

struct reasons {
        char text[16384]; /* lines */
        size_t n;
};
static void __attribute__((format(printf, 2, 3))) reason(struct reasons *r, const char *form, ...)
{
        va_list more;
        va_start(more, form);
        int n = vsnprintf(r->text + r->n, sizeof r->text - r->n, form, more);
        va_end(more);
        if (n > 0 && r->n + (size_t)n < sizeof r->text)
                r->n += (size_t)n;
        r->text[r->n] = 0;
}

static void kernel_reasons(struct reasons *r)
{
        struct utsname u;
        char path[160], newest[300];
        if (access("/lib/modules", F_OK) < 0 || access("/run/systemd/container", F_OK) == 0)
                return; /* a container has none of its own */
        uname(&u);
        snprintf(path, sizeof path, "/lib/modules/%.64s", u.release);
        bool there = access(path, F_OK) == 0;
        if (!there && access("/proc/modules", F_OK) == 0) /* one that has no modules need not be there */
                reason(r, "kernel %.64s is no longer installed\n", u.release);
        else if (there && newer_kernel(u.release, newest, sizeof newest))
                reason(r, "kernel %.200s is installed, %.64s runs\n", newest, u.release);
}

/* PID 1 can often be started anew without a boot: systemctl daemon-reexec, telinit u. */
static void init_reasons(struct reasons *r)
{
        struct rv_replaced files = { 0 };
        char text[5000];
        rv_replaced_process(&files, 1);
        for (unsigned i = 0; i < files.n; i++) {
                rv_replaced_reason(&files, i, text, sizeof text);
                reason(r, "PID 1: %s\n", text);
        }
        rv_replaced_free(&files);
}

static void fill_reboot(struct rv_row *row)
{
        struct reasons r = { .n = 0 };
        if (!ComputerSystem_wants_RebootRequired(row) && !ComputerSystem_wants_RebootReasons(row))
                return;
        bool asked = access("/run/reboot-required", F_OK) == 0;
        ssize_t n = asked ? rv_proc_read(AT_FDCWD, "/run/reboot-required.pkgs", r.text, 8192) : 0;
        r.n = n > 0 ? (size_t)n : 0;
        if (r.n)
                reason(&r, "\n");
        kernel_reasons(&r);
        init_reasons(&r);
        ComputerSystem_set_RebootRequired(row, asked || r.n);
        if (r.n)
                rv_fill_list(row, ComputerSystem_RebootReasons, r.text, "\n");
        else
                ComputerSystem_set_RebootReasons(row, 0);
}

/* In any month of the year. */
static bool has_daylight(const struct tm *now)
{
        bool any = false;
        for (int month = 0; month < 12 && !any; month++) {
                struct tm tm = {
                        .tm_year = now->tm_year, .tm_mon = month, .tm_mday = 15, .tm_hour = 12, .tm_isdst = -1
                };
                any = mktime(&tm) != -1 && tm.tm_isdst > 0;
        }
        return any;
}

/* The first session on a terminal of the host's own. utmpx has one state for all threads: one at a time. */
static void fill_user(struct rv_row *row)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        if (!ComputerSystem_wants_UserName(row))
                return;
        pthread_mutex_lock(&lock);
        setutxent();
        for (struct utmpx *u; (u = getutxent());) {
                bool console =
                        (strncmp(u->ut_line, "tty", 3) == 0 && isdigit((unsigned char)u->ut_line[3])) ||
                        u->ut_line[0] == ':';
                if (u->ut_type == USER_PROCESS && console && u->ut_user[0]) {
                        rv_fill_n(row, ComputerSystem_UserName, u->ut_user,
                                  strnlen(u->ut_user, sizeof u->ut_user));
                        break;
                }
        }
        endutxent();
        pthread_mutex_unlock(&lock);
}

static void fill_state(struct rv_row *row)
{
        char text[1024], value[64];
        time_t now = time(NULL);
        struct tm tm;
        localtime_r(&now, &tm);
        ComputerSystem_set_CurrentTimeZone(row, (int16_t)(tm.tm_gmtoff / 60));
        ComputerSystem_set_DaylightInEffect(row, tm.tm_isdst > 0);
        if (ComputerSystem_wants_SupportsDaylightSavingTime(row))
                ComputerSystem_set_SupportsDaylightSavingTime(row, has_daylight(&tm));
        fill_user(row);
        fill_reboot(row);
        if (ComputerSystem_wants_ScheduledShutdown(row) &&
            rv_proc_read(AT_FDCWD, "/run/systemd/shutdown/scheduled", text, sizeof text) > 0 &&
            setting(text, "USEC", '=', value, sizeof value))
                ComputerSystem_set_ScheduledShutdown(row, (int64_t)strtoull(value, NULL, 10) * 1000);
}

static int computersystem_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        struct rv_row *row = rv_row(out);
        fill_names(row);
        fill_machine(row);
        fill_processors(row);
        fill_memory(row);
        fill_state(row);
        int e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

static bool is_host_name(const char *s, size_t n)
{
        size_t label = 0;
        for (size_t i = 0; i < n; i++) {
                bool dot = s[i] == '.', good = isalnum((unsigned char)s[i]) || (s[i] == '-' && label);
                if ((dot && (!label || s[i - 1] == '-')) || (!dot && !good) || (!dot && label == 63))
                        return false;
                label = dot ? 0 : label + 1;
        }
        return n && n <= 64 && label && s[n - 1] != '-';
}

static int computersystem_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComputerSystem_Rename_in *in = args;
        struct utsname u;
        char line[80];
        const bool other = in->has_StaticName, bad = !is_host_name(in->Name, in->Name_len);
        const char *lasting = other ? in->StaticName : in->Name;
        if (bad || !is_host_name(lasting, strlen(lasting))) {
                rv_about(err, NULL, NULL, bad ? "Name" : "StaticName");
                rv_fail(err, RV_INVALID_PARAMETER, "'%.64s' cannot be a host name", bad ? in->Name : lasting);
                return rv_hint(err, "Letters, digits and - (neither first nor last), parts divided by dots, "
                                    "at most 64 of them.");
        }
        uname(&u);
        if (!other || strcmp(u.nodename, in->Name) != 0)
                rv_change(c, "Name", u.nodename, in->Name);
        if (other)
                rv_change(c, "StaticName", NULL, lasting);
        if (!c->what_if) {
                snprintf(line, sizeof line, "%s\n", lasting);
                int r = rv_replace_file("/etc/hostname", line, strlen(line), 0644);
                if (r)
                        return rv_fail_errno(err, -r, "cannot write /etc/hostname");
                if (sethostname(in->Name, in->Name_len) < 0)
                        return rv_fail_errno(
                                err, errno,
                                "cannot set the host name (the next boot will: /etc/hostname is written)");
        }
        ComputerSystem_Rename_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* In a second, by logind: what is done at once ends this agent, and the connection that the answer goes by, before it
 * is given. False: there is no logind, or it does not. */
static bool very_soon(const char *what, const char *message)
{
        sd_bus *bus = NULL;
        static const char name[] = "org.freedesktop.login1", path[] = "/org/freedesktop/login1",
                          manager[] = "org.freedesktop.login1.Manager";
        if (access("/run/systemd/system", F_OK) < 0 || sd_bus_open_system(&bus) < 0)
                return false;
        sd_bus_set_method_call_timeout(bus, 5000000);
        sd_bus_call_method(bus, name, path, manager, "SetWallMessage", NULL, NULL, "sb",
                           message ? message : "", 1);
        uint64_t at = (uint64_t)rv_wall() / 1000 + 1000000;
        int r = sd_bus_call_method(bus, name, path, manager, "ScheduleShutdown", NULL, NULL, "st", what, at);
        sd_bus_flush_close_unref(bus);
        return r >= 0;
}

static int shutdown_host(struct rv_call *c, const char *option, const char *what, bool has_delay,
                         uint32_t delay, const char *message, struct rv_error *err)
{
        char when[24];
        snprintf(when, sizeof when, has_delay && delay ? "+%u" : "now", delay);
        const char *argv[] = { "shutdown", option, when, message, NULL };
        struct rv_tool tool = { .argv = argv, .what = what, .deadline = c->deadline };
        if (message && message[0] == '-') {
                rv_about(err, NULL, NULL, "Message");
                return rv_fail(err, RV_INVALID_PARAMETER, "Message may not begin with -");
        }
        rv_change(c, "ScheduledShutdown", NULL, option[1] == 'c' ? NULL : when);
        bool soon = option[1] != 'c' && strcmp(when, "now") == 0 && !c->what_if &&
                    very_soon(option[1] == 'r' ? "reboot" : "poweroff", message);
        int e = soon ? RV_OK : rv_tool_do(&tool, c->what_if, err);
        if (e == RV_OK)
                rv_set_uint(c->out, 0, 0); /* ReturnValue */
        return e;
}

static int computersystem_restart(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComputerSystem_Restart_in *in = args;
        return shutdown_host(c, "-r", "restart the host", in->has_Delay, in->Delay,
                             in->has_Message ? in->Message : NULL, err);
}

static int computersystem_stop(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComputerSystem_Stop_in *in = args;
        return shutdown_host(c, "-P", "stop the host", in->has_Delay, in->Delay,
                             in->has_Message ? in->Message : NULL, err);
}

static int computersystem_win32_shutdown(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComputerSystem_Win32Shutdown_in *in = args;
        const int32_t what = in->Flags & ~4;
        if (what != 1 && what != 2 && what != 8) {
                rv_about(err, NULL, NULL, "Flags");
                rv_hint(err, "LogonSession has Terminate.");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "Flags are %d: expected 1 or 8 (stop), 2 (restart), or 4 more", in->Flags);
        }
        return shutdown_host(c, what == 2 ? "-r" : "-P", what == 2 ? "restart the host" : "stop the host",
                             in->has_Timeout, in->Timeout / 60 + (in->Timeout % 60 != 0),
                             in->has_Message ? in->Message : NULL, err);
}

static int computersystem_cancel(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        static const char *const argv[] = { "shutdown", "-c", NULL };
        struct rv_tool tool = { .argv = argv, .what = "take back the shutdown", .deadline = c->deadline };
        rv_change(c, "ScheduledShutdown", "set", NULL);
        int e = rv_tool_do(&tool, c->what_if, err);
        if (e == RV_OK)
                ComputerSystem_CancelShutdown_out_set_ReturnValue(c->out, 0);
        return e;
}

/* ---- firmware ---- */

/* "04/01/2014" */
static void fill_release_date(struct rv_row *row)
{
        char text[64];
        struct tm tm = { 0 };
        if (Bios_wants_ReleaseDate(row) && rv_dmi_text("bios_date", text, sizeof text) &&
            strptime(text, "%m/%d/%Y", &tm))
                Bios_set_ReleaseDate(row, (int64_t)timegm(&tm) * INT64_C(1000000000));
}

/* The variable's four bytes of attributes, then one byte. */
static void fill_secure_boot(struct rv_row *row)
{
        char bytes[8];
        if (Bios_wants_SecureBoot(row) &&
            rv_proc_read(AT_FDCWD,
                         "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", bytes,
                         sizeof bytes) == 5)
                Bios_set_SecureBoot(row, bytes[4] == 1);
}

static int bios_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        struct rv_row *row = rv_row(out);
        fill_dmi(row, Bios_Manufacturer, "bios_vendor");
        fill_dmi(row, Bios_SMBIOSBIOSVersion, "bios_version");
        fill_dmi(row, Bios_Release, "bios_release");
        fill_release_date(row);
        fill_dmi(row, Bios_SerialNumber, "product_serial");
        bool efi = access("/sys/firmware/efi", F_OK) == 0;
        if (efi || access("/sys/class/dmi/id", F_OK) == 0)
                rv_fill(row, Bios_FirmwareType, efi ? "UEFI" : "BIOS");
        fill_secure_boot(row);
        fill_dmi(row, Bios_BaseBoardManufacturer, "board_vendor");
        fill_dmi(row, Bios_BaseBoardProduct, "board_name");
        fill_dmi(row, Bios_BaseBoardVersion, "board_version");
        fill_dmi(row, Bios_BaseBoardSerialNumber, "board_serial");
        int e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

static int (*const methods[ComputerSystem_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [ComputerSystem_method_Rename] = computersystem_rename,
        [ComputerSystem_method_Restart] = computersystem_restart,
        [ComputerSystem_method_Stop] = computersystem_stop,
        [ComputerSystem_method_Win32Shutdown] = computersystem_win32_shutdown,
        [ComputerSystem_method_CancelShutdown] = computersystem_cancel,
};

static const struct rv_provider computersystem = { .class = &ComputerSystem_class,
                                                   .query = computersystem_query,
                                                   .methods = methods };
static const struct rv_provider bios = { .class = &Bios_class, .query = bios_query };

RV_PROVIDERS(computersystem, &computersystem, &bios);
