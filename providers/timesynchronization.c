/* SPDX-License-Identifier: MIT
 *
 * TimeSynchronization: adjtimex(2) without changing anything, the program that keeps the clock, and what it is told
 * to ask.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/TimeSynchronization.h"
#include "providers/lib/clockstate.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

enum { LIST = 8192 };

/* Where a program's servers are: files, and folders with files of an ending. */
struct source {
        const char *path, *ending;
        bool key; /* "NTP=a b" of timesyncd.conf; else lines "server a", "pool b", "peer c" */
};
struct daemon {
        const char *comm; /* as /proc/PID/comm cuts it */
        const char *name;
        struct source sources[6];
};
static const struct daemon daemons[] = {
        { "chronyd",
          "chronyd",
          { { "/etc/chrony/chrony.conf", NULL, false },
            { "/etc/chrony.conf", NULL, false },
            { "/etc/chrony/conf.d", ".conf", false },
            { "/etc/chrony/sources.d", ".sources", false } } },
        { "systemd-timesyn",
          "systemd-timesyncd",
          { { "/etc/systemd/timesyncd.conf", NULL, true },
            { "/usr/lib/systemd/timesyncd.conf.d", ".conf", true },
            { "/run/systemd/timesyncd.conf.d", ".conf", true },
            { "/etc/systemd/timesyncd.conf.d", ".conf", true } } },
        { "ntpd",
          "ntpd",
          { { "/etc/ntp.conf", NULL, false },
            { "/etc/ntpsec/ntp.conf", NULL, false },
            { "/etc/ntpsec/ntp.d", ".conf", false },
            { "/etc/openntpd/ntpd.conf", NULL, false },
            { "/etc/ntpd.conf", NULL, false } } },
};
enum { NDAEMONS = sizeof daemons / sizeof *daemons };

static const struct daemon *find_daemon(uint32_t *ret_pid)
{
        const struct daemon *found = NULL;
        struct dirent *d;
        DIR *proc = opendir("/proc");
        while (proc && !found && (d = readdir(proc))) {
                char path[300], comm[32];
                snprintf(path, sizeof path, "/proc/%s/comm", d->d_name);
                if (!isdigit((unsigned char)d->d_name[0]) ||
                    rv_proc_read(AT_FDCWD, path, comm, sizeof comm) <= 0)
                        continue;
                comm[strcspn(comm, "\n")] = 0;
                for (int i = 0; i < NDAEMONS && !found; i++)
                        if (strcmp(comm, daemons[i].comm) == 0) {
                                found = &daemons[i];
                                *ret_pid = (uint32_t)strtoul(d->d_name, NULL, 10);
                        }
        }
        if (proc)
                closedir(proc);
        return found;
}

static void add(char *list, const char *word, size_t n)
{
        size_t at = strlen(list);
        if (n && at + n + 2 < LIST)
                snprintf(list + at, LIST - at, "%s%.*s", at ? " " : "", (int)n, word);
}

static void take_line(const char *line, size_t n, bool key, char *list)
{
        static const char *const words[] = { "server", "servers", "pool", "peer" };
        const char *end = line + n;
        size_t m = strcspn(line, " \t=\n");
        if (key && m == 3 && strncmp(line, "NTP", 3) == 0) {
                const char *at = memchr(line, '=', n);
                if (at && at + 1 + strspn(at + 1, " \t") >= end)
                        list[0] = 0; /* an empty one takes back those before it */
                for (at = at ? at + 1 : end; at < end && (at += strspn(at, " \t")) < end;
                     at += strcspn(at, " \t\n"))
                        add(list, at, strcspn(at, " \t\n"));
        }
        for (size_t i = 0; !key && i < sizeof words / sizeof *words; i++)
                if (m == strlen(words[i]) && strncmp(line, words[i], m) == 0) {
                        const char *at = line + m + strspn(line + m, " \t");
                        if (at < end)
                                add(list, at, strcspn(at, " \t\n#"));
                }
}

static void take_file(const char *path, bool key, char *list)
{
        size_t n;
        char *text = rv_slurp(path, 1 << 20, &n);
        for (const char *s = text; s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
                s += strspn(s, " \t");
                take_line(s, strcspn(s, "\n"), key, list);
        }
        free(text);
}

static void take_source(const struct source *s, char *list)
{
        struct dirent **names;
        if (!s->ending) {
                take_file(s->path, s->key, list);
                return;
        }
        int n = scandir(s->path, &names, NULL, alphasort);
        for (int i = 0; i < n; i++) {
                size_t m = strlen(names[i]->d_name), k = strlen(s->ending);
                char path[400];
                snprintf(path, sizeof path, "%s/%s", s->path, names[i]->d_name);
                if (m > k && strcmp(names[i]->d_name + m - k, s->ending) == 0)
                        take_file(path, s->key, list);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
}

static void fill_servers(struct rv_row *row, const struct daemon *running)
{
        char list[LIST] = "";
        if (!TimeSynchronization_wants_Servers(row))
                return;
        for (int i = 0; i < NDAEMONS; i++)
                for (const struct source *s = daemons[i].sources;
                     s->path && (!running || running == &daemons[i]); s++)
                        take_source(s, list);
        rv_fill_list(row, TimeSynchronization_Servers, list, " ");
}

static void fill_kernel(struct rv_row *row)
{
        struct timex t = { 0 };
        int kept = rv_clock_synchronized();
        if (kept >= 0)
                TimeSynchronization_set_Synchronized(row, kept);
        if (adjtimex(&t) < 0)
                return;
        bool nano = t.status & STA_NANO;
        TimeSynchronization_set_Offset(row, (int64_t)t.offset * (nano ? 1 : 1000));
        TimeSynchronization_set_MaxError(row, (uint64_t)t.maxerror * 1000);
        TimeSynchronization_set_EstimatedError(row, (uint64_t)t.esterror * 1000);
        TimeSynchronization_set_FrequencyPPM(row, (double)t.freq / 65536);
        TimeSynchronization_set_TaiOffset(row, t.tai);
        rv_fill(row, TimeSynchronization_LeapSecond,
                t.status & STA_INS   ? "Insert"
                : t.status & STA_DEL ? "Delete"
                                     : "None");
}

static void fill_clocks(struct rv_row *row)
{
        struct stat st;
        char text[256], *end;
        if (stat("/run/systemd/timesync/synchronized", &st) == 0)
                TimeSynchronization_set_LastSynchronization(row, st.st_mtim.tv_sec * INT64_C(1000000000) +
                                                                         st.st_mtim.tv_nsec);
        if (rv_proc_read(AT_FDCWD, "/sys/class/rtc/rtc0/since_epoch", text, sizeof text) > 0) {
                long long s = strtoll(text, &end, 10);
                if (end != text)
                        TimeSynchronization_set_HardwareClock(row, s * INT64_C(1000000000));
        }
        if (rv_proc_read(AT_FDCWD, "/etc/adjtime", text, sizeof text) > 0) {
                const char *third = strchr(text, '\n');
                third = third ? strchr(third + 1, '\n') : NULL;
                if (third)
                        TimeSynchronization_set_HardwareClockIsLocal(row,
                                                                     strncmp(third + 1, "LOCAL", 5) == 0);
        }
}

static int timesynchronization_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        uint32_t pid = 0;
        (void)q;
        (void)err;
        struct rv_row *row = rv_row(out);
        rv_fill(row, TimeSynchronization_Name, "clock");
        fill_kernel(row);
        const struct daemon *running = find_daemon(&pid);
        if (running) {
                rv_fill(row, TimeSynchronization_Daemon, running->name);
                TimeSynchronization_set_DaemonProcessId(row, pid);
        }
        fill_servers(row, running);
        fill_clocks(row);
        int r = rv_emit(out, row);
        return r == RV_STOP ? RV_OK : r;
}

static const struct rv_provider timesynchronization = { .class = &TimeSynchronization_class,
                                                        .query = timesynchronization_query };

RV_PROVIDERS(timesynchronization, &timesynchronization);
