/* SPDX-License-Identifier: MIT
 *
 * What a control group uses: see cgstat.h.
 */
#include "providers/lib/cgstat.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "providers/lib/cgroup.h"

static ssize_t slurp(const char *path, char *buf, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
        if (fd >= 0)
                close(fd);
        buf[n < 0 ? 0 : n] = 0;
        return n;
}

/* Where cgroup v2 is: below unified in a hybrid set-up. It does not move while we run. */
static const char *top(void)
{
        static const char *found;
        const char *t = __atomic_load_n(&found, __ATOMIC_RELAXED);
        if (!t) {
                t = access("/sys/fs/cgroup/unified", F_OK) == 0 ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
                __atomic_store_n(&found, t, __ATOMIC_RELAXED);
        }
        return t;
}

/* Where a v1 controller, or v2 (""), has the group: out of /proc/PID/cgroup. */
static bool place(const char *all, const char *controller, const char *folder, char *ret, size_t size)
{
        for (const char *p = all; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
                const char *names = strchr(p, ':'), *path = names ? strchr(names + 1, ':') : NULL;
                if (!path)
                        return false;
                bool found = false;
                if (!*controller)
                        found = path == names + 1;
                for (const char *q = names + 1; *controller && !found && q < path; q += strcspn(q, ",:") + 1)
                        found = strcspn(q, ",:") == strlen(controller) &&
                                strncmp(q, controller, strlen(controller)) == 0;
                if (found) {
                        snprintf(ret, size, "%s%.*s", folder, (int)strcspn(path + 1, "\n"), path + 1);
                        return true;
                }
        }
        return false;
}

/* The number in a file, or behind a word in it. */
static bool number(const char *folder, const char *file, const char *word, uint64_t *ret)
{
        char path[RV_CGROUP_PATH + 64], buf[4096];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        if (slurp(path, buf, sizeof buf) <= 0)
                return false;
        const char *at = word ? strstr(buf, word) : buf;
        if (!at || (word && at > buf && at[-1] != '\n'))
                return false;
        char *end;
        *ret = strtoull(at + (word ? strlen(word) : 0), &end, 10);
        return *end == '\n' || *end == 0;
}

static void take_io(const char *folder, struct rv_cgstat *s)
{
        char path[RV_CGROUP_PATH + 64], buf[8192];
        snprintf(path, sizeof path, "%s/io.stat", folder);
        if (slurp(path, buf, sizeof buf) < 0)
                return;
        for (const char *p = buf; (p = strstr(p, "bytes=")); p += 6) {
                uint64_t n = strtoull(p + 6, NULL, 10);
                if (p > buf && p[-1] == 'r')
                        s->read += n;
                else if (p > buf && p[-1] == 'w')
                        s->written += n;
        }
        s->has |= RV_CGSTAT_IO;
}

/* Columns 1 and 9 behind each interface's name. */
static void take_net(unsigned pid, struct rv_cgstat *s)
{
        char path[64], buf[16384];
        snprintf(path, sizeof path, "/proc/%u/net/dev", pid);
        if (slurp(path, buf, sizeof buf) <= 0)
                return;
        for (char *line = buf; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                char *name = line + strspn(line, " "), *at = name + strcspn(name, ":\n|");
                if (*at != ':' || strncmp(name, "lo:", 3) == 0)
                        continue;
                at++;
                s->received += strtoull(at, &at, 10);
                for (int column = 2; column < 9; column++)
                        strtoull(at, &at, 10);
                s->sent += strtoull(at, &at, 10);
        }
        s->has |= RV_CGSTAT_NET;
}

static void take_memory(const char *folder, const char *file, const char *inactive, struct rv_cgstat *s)
{
        uint64_t n;
        if (!number(folder, file, NULL, &s->memory))
                return;
        if (number(folder, "memory.stat", inactive, &n) && n < s->memory)
                s->memory -= n;
        s->has |= RV_CGSTAT_MEMORY;
}

static void take_v1(const char *all, unsigned want, struct rv_cgstat *s)
{
        char folder[RV_CGROUP_PATH + 32];
        if (want & RV_CGSTAT_CPU && place(all, "cpuacct", "/sys/fs/cgroup/cpuacct", folder, sizeof folder) &&
            number(folder, "cpuacct.usage", NULL, &s->cpu))
                s->has |= RV_CGSTAT_CPU;
        if (want & RV_CGSTAT_PIDS && place(all, "pids", "/sys/fs/cgroup/pids", folder, sizeof folder) &&
            number(folder, "pids.current", NULL, &s->pids))
                s->has |= RV_CGSTAT_PIDS;
        if (want & RV_CGSTAT_MEMORY && place(all, "memory", "/sys/fs/cgroup/memory", folder, sizeof folder))
                take_memory(folder, "memory.usage_in_bytes", "total_inactive_file ", s);
}

/* What cgroup v2 counts on this host, looked up every ten seconds: asking each group for a file that none has would
 * cost as much as reading one. */
static unsigned counted(void)
{
        static unsigned known;
        static uint64_t when;
        uint64_t now = rv_now();
        if (!__atomic_load_n(&when, __ATOMIC_ACQUIRE) ||
            now - __atomic_load_n(&when, __ATOMIC_RELAXED) > UINT64_C(10000000000)) {
                char path[64], all[512];
                snprintf(path, sizeof path, "%s/cgroup.controllers", top());
                bool read_it = slurp(path, all, sizeof all) >= 0;
                unsigned has = RV_CGSTAT_CPU;
                has |= !read_it || strstr(all, "memory") ? RV_CGSTAT_MEMORY : 0;
                has |= !read_it || strstr(all, "pids") ? RV_CGSTAT_PIDS : 0;
                has |= !read_it || strstr(all, "io") ? RV_CGSTAT_IO : 0;
                __atomic_store_n(&known, has, __ATOMIC_RELAXED);
                __atomic_store_n(&when, now, __ATOMIC_RELEASE);
        }
        return __atomic_load_n(&known, __ATOMIC_RELAXED);
}

static void take_v2(const char *folder, unsigned want, struct rv_cgstat *s)
{
        want &= counted();
        if (want & RV_CGSTAT_CPU && number(folder, "cpu.stat", "usage_usec ", &s->cpu)) {
                s->cpu *= 1000;
                s->has |= RV_CGSTAT_CPU;
        }
        if (want & RV_CGSTAT_PIDS && number(folder, "pids.current", NULL, &s->pids))
                s->has |= RV_CGSTAT_PIDS;
        if (want & RV_CGSTAT_MEMORY)
                take_memory(folder, "memory.current", "inactive_file ", s);
        if (want & RV_CGSTAT_IO)
                take_io(folder, s);
}

/* Whether v1 controllers are in use on this host: without, what v2 lacks is not there. */
static bool has_v1(void)
{
        static int known; /* 1 no, 2 yes */
        int k = __atomic_load_n(&known, __ATOMIC_RELAXED);
        if (!k) {
                k = access("/sys/fs/cgroup/memory", F_OK) == 0 || access("/sys/fs/cgroup/pids", F_OK) == 0 ||
                                    access("/sys/fs/cgroup/cpuacct", F_OK) == 0
                            ? 2
                            : 1;
                __atomic_store_n(&known, k, __ATOMIC_RELAXED);
        }
        return k == 2;
}

void rv_cgstat(unsigned pid, const char *id, unsigned want, struct rv_cgstat *s)
{
        char path[160], all[4096] = "", folder[RV_CGROUP_PATH + 32] = "";
        *s = (struct rv_cgstat) { 0 };
        if (want & RV_CGSTAT_NET)
                take_net(pid, s);
        want &= ~(unsigned)RV_CGSTAT_NET;
        if (!want)
                return;
        if (id) {
                snprintf(folder, sizeof folder, "%s/system.slice/docker-%.64s.scope", top(), id);
                take_v2(folder, want & RV_CGSTAT_CPU, s); /* that file is in every group */
                if (!(s->has & RV_CGSTAT_CPU) && access(folder, F_OK) < 0)
                        *folder = 0;
        }
        if (!*folder || has_v1()) {
                snprintf(path, sizeof path, "/proc/%u/cgroup", pid);
                slurp(path, all, sizeof all);
        }
        if (*folder || place(all, "", top(), folder, sizeof folder))
                take_v2(folder, want & ~s->has, s);
        if (has_v1())
                take_v1(all, want & ~s->has, s);
}

static void command(unsigned long pid, FILE *to)
{
        char path[64], buf[4096];
        snprintf(path, sizeof path, "/proc/%lu/cmdline", pid);
        ssize_t n = slurp(path, buf, sizeof buf);
        for (ssize_t i = 0; i + 1 < n; i++)
                if (!buf[i] || buf[i] == '\n')
                        buf[i] = ' ';
        fprintf(to, "%lu %s\n", pid, n > 0 ? buf : "");
}

static bool walk(const char *folder, FILE *to, unsigned depth)
{
        char path[RV_CGROUP_PATH + 300];
        unsigned long pid;
        snprintf(path, sizeof path, "%s/cgroup.procs", folder);
        FILE *f = fopen(path, "re");
        if (!f)
                return false;
        while (fscanf(f, "%lu", &pid) == 1)
                if (pid)
                        command(pid, to);
        fclose(f);
        DIR *d = depth < 8 ? opendir(folder) : NULL;
        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_type == DT_DIR && e->d_name[0] != '.') {
                        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
                        walk(path, to, depth + 1);
                }
        if (d)
                closedir(d);
        return true;
}

char *rv_cgstat_processes(unsigned pid)
{
        char path[64], all[4096], folder[RV_CGROUP_PATH + 32], *ret = NULL;
        size_t n;
        snprintf(path, sizeof path, "/proc/%u/cgroup", pid);
        if (!pid || slurp(path, all, sizeof all) <= 0)
                return NULL;
        bool found = place(all, "", top(), folder, sizeof folder) && !strstr(folder, "/..") &&
                     strcmp(folder + strlen(top()), "/") != 0;
        if (!found)
                found = place(all, "pids", "/sys/fs/cgroup/pids", folder, sizeof folder);
        FILE *to = found ? open_memstream(&ret, &n) : NULL;
        if (!to)
                return NULL;
        bool good = walk(folder, to, 0);
        fclose(to);
        if (!good) {
                free(ret);
                ret = NULL;
        }
        return ret;
}
