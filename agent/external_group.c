/* SPDX-License-Identifier: MIT
 *
 * A control group of its own for each provider's programs, where the agent's has been delegated (systemd's Delegate=,
 * which marks the folder): memory, number of processes and processor time are bounded for all of them together,
 * and none that they left behind outlives them. Elsewhere their rlimits alone bound them, which is logged.
 *
 *      version 2       B/main          everything that was in B: a group with controllers has no processes itself
 *                      B/provider-X    ours
 *      version 1       B/provider-X    of each controller's hierarchy
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/external_int.h"
#include "agent/log.h"

enum { MEMORY = 1, PIDS = 2, CPU = 4, PERIOD_US = 100000 };

static const struct {
        unsigned bit;
        const char *name;
} controllers[] = { { MEMORY, "memory" }, { PIDS, "pids" }, { CPU, "cpu" } };

/* The folders below which groups can be made. */
static struct {
        bool looked, v2;
        unsigned have;
        char folders[3][512];
        unsigned bits[3];
        unsigned n;
        char why[200]; /* there are none */
} base;

static bool put(const char *folder, const char *file, const char *text)
{
        char path[700];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
        int error = errno;
        if (fd >= 0)
                close(fd);
        errno = error;
        return n == (ssize_t)strlen(text);
}

static bool get(const char *folder, const char *file, char *ret, size_t size)
{
        char path[700];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
        if (fd >= 0)
                close(fd);
        ret[n > 0 ? n : 0] = 0;
        return n >= 0;
}

static bool is_delegated(const char *folder)
{
        char v[2] = "";
        return (getxattr(folder, "trusted.delegate", v, 1) == 1 && *v == '1') ||
               (getxattr(folder, "user.delegate", v, 1) == 1 && *v == '1');
}

/* Is the word one of a list with commas or blanks? */
static bool has_word(const char *list, const char *word)
{
        size_t n = strlen(word);
        for (const char *p = list; (p = strstr(p, word)); p += n)
                if ((p == list || strchr(", \n", p[-1])) && strchr(", \n", p[n])) /* or the end */
                        return true;
        return false;
}

/* Our group in the hierarchy: "" is version 2's, else a controller's or "name=systemd". */
static bool own_path(const char *controller, char *ret, size_t size)
{
        char line[1024];
        bool found = false;
        FILE *f = fopen("/proc/self/cgroup", "re");
        while (f && !found && fgets(line, sizeof line, f)) {
                char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
                if (!path)
                        continue;
                *path++ = 0;
                path[strcspn(path, "\n")] = 0;
                found = *controller ? has_word(names + 1, controller) : !names[1];
                if (found)
                        snprintf(ret, size, "%s", path);
        }
        if (f)
                fclose(f);
        return found && strncmp(ret, "/..", 3) != 0;
}

/* Where that is mounted, and our group there as a folder. */
static bool own_folder(const char *controller, char *ret, size_t size)
{
        char line[2048], path[400];
        bool found = false;
        FILE *f = own_path(controller, path, sizeof path) ? fopen("/proc/self/mountinfo", "re") : NULL;
        while (f && !found && fgets(line, sizeof line, f)) {
                char root[400], at[400], type[40], options[400], *dash = strstr(line, " - ");
                if (!dash || sscanf(line, "%*s %*s %*s %399s %399s", root, at) != 2 ||
                    sscanf(dash, " - %39s %*s %399s", type, options) != 2 ||
                    strcmp(type, *controller ? "cgroup" : "cgroup2") != 0 ||
                    (*controller && !has_word(options, controller)))
                        continue;
                size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
                found = strncmp(path, root, n) == 0 &&
                        snprintf(ret, size, "%s%s", at, strcmp(path + n, "/") == 0 ? "" : path + n) <
                                (int)size;
        }
        if (f)
                fclose(f);
        return found;
}

/* What is in the group goes to its main, so that it may have controllers. Whoever forks meanwhile is met the next
 * time round. */
static bool move_out(const char *folder)
{
        char main[600], pids[65536];
        snprintf(main, sizeof main, "%s/main", folder);
        if (mkdir(main, 0755) < 0 && errno != EEXIST)
                return false;
        for (int i = 0; i < 20; i++) {
                if (!get(folder, "cgroup.procs", pids, sizeof pids))
                        return false;
                if (!pids[0])
                        return true;
                char *rest;
                for (char *p = strtok_r(pids, "\n", &rest); p; p = strtok_r(NULL, "\n", &rest))
                        if (!put(main, "cgroup.procs", p) && errno != ESRCH)
                                return false;
        }
        return false;
}

static bool look_v2(void)
{
        char folder[512], list[512];
        if (!own_folder("", folder, sizeof folder))
                return false;
        char *slash = strrchr(folder, '/');
        bool in_main = slash && strcmp(slash, "/main") == 0;
        if (in_main)
                *slash = 0;
        /* What is in another's unit (an agent that a shell started for itself) is not ours to be moved. */
        const char *unit = strrchr(folder, '/');
        bool own = unit && strncmp(unit + 1, "reeve", 5) == 0;
        if (!is_delegated(folder) || !own || !(in_main || move_out(folder)))
                return false;
        base.v2 = true;
        for (unsigned i = 0; i < 3; i++) {
                char plus[16];
                snprintf(plus, sizeof plus, "+%s", controllers[i].name);
                if (get(folder, "cgroup.controllers", list, sizeof list) &&
                    has_word(list, controllers[i].name) && put(folder, "cgroup.subtree_control", plus))
                        base.have |= controllers[i].bit;
        }
        snprintf(base.folders[0], sizeof base.folders[0], "%s", folder);
        base.bits[0] = base.have;
        base.n = 1;
        return true;
}

static void look_v1(void)
{
        char folder[512], path[400], marked[400] = "", named[512];
        if (own_folder("name=systemd", named, sizeof named) && is_delegated(named))
                own_path("name=systemd", marked, sizeof marked);
        for (unsigned i = 0; i < 3; i++) {
                if (!own_folder(controllers[i].name, folder, sizeof folder) ||
                    !own_path(controllers[i].name, path, sizeof path) ||
                    !(is_delegated(folder) || (marked[0] && strcmp(path, marked) == 0)))
                        continue;
                base.have |= controllers[i].bit;
                unsigned at = 0; /* two controllers may share a hierarchy */
                while (at < base.n && strcmp(base.folders[at], folder) != 0)
                        at++;
                base.n += at == base.n;
                snprintf(base.folders[at], sizeof base.folders[at], "%s", folder);
                base.bits[at] |= controllers[i].bit;
        }
}

void rv_external_ungrouped(const char *why)
{
        base.looked = true;
        snprintf(base.why, sizeof base.why, "%s", why);
}

static void look(void)
{
        if (base.looked)
                return;
        base.looked = true;
        look_v1();
        if (!base.n && !look_v2())
                snprintf(base.why, sizeof base.why,
                         "the agent has no control group that is its own and delegated to it");
}

/* ---- one provider's ---- */

static void kill_all(const char *folder)
{
        char pids[16384], *rest;
        if (put(folder, "cgroup.kill", "1") || !get(folder, "cgroup.procs", pids, sizeof pids))
                return;
        for (char *p = strtok_r(pids, "\n", &rest); p; p = strtok_r(NULL, "\n", &rest))
                kill(atoi(p), SIGKILL);
}

static unsigned bound_v2(const struct rv_external *x, const char *folder)
{
        char n[40];
        unsigned done = 0;
        snprintf(n, sizeof n, "%llu", (unsigned long long)x->group.memory);
        done |= put(folder, "memory.max", n) ? MEMORY : 0;
        put(folder, "memory.oom.group", "1");
        snprintf(n, sizeof n, "%llu", (unsigned long long)x->group.tasks);
        done |= put(folder, "pids.max", n) ? PIDS : 0;
        snprintf(n, sizeof n, "%u %d", x->group.cpu * (PERIOD_US / 100), PERIOD_US);
        return done | (put(folder, "cpu.max", n) ? CPU : 0);
}

static unsigned bound_v1(const struct rv_external *x, const char *folder, unsigned bits)
{
        char n[40];
        unsigned done = 0;
        snprintf(n, sizeof n, "%llu", (unsigned long long)x->group.memory);
        done |= bits & MEMORY && put(folder, "memory.limit_in_bytes", n) ? MEMORY : 0;
        snprintf(n, sizeof n, "%llu", (unsigned long long)x->group.tasks);
        done |= bits & PIDS && put(folder, "pids.max", n) ? PIDS : 0;
        snprintf(n, sizeof n, "%u", x->group.cpu * (PERIOD_US / 100));
        return done | (bits & CPU && put(folder, "cpu.cfs_quota_us", n) ? CPU : 0);
}

static void tell(const struct rv_external *x, unsigned bound)
{
        char missing[64] = "";
        for (unsigned i = 0; i < 3; i++)
                if (!(bound & controllers[i].bit))
                        snprintf(missing + strlen(missing), sizeof missing - strlen(missing), "%s%s",
                                 *missing ? ", " : "", controllers[i].name);
        if (!x->group.n)
                rv_log(RV_LOG_INFO,
                       "provider %s has no control group of its own (%s): its rlimits alone bound it",
                       x->name, base.why);
        else if (*missing)
                rv_log(RV_LOG_INFO,
                       "provider %s: its control group does not bound %s: there is no such controller here",
                       x->name, missing);
}

void rv_external_group_make(struct rv_external *x)
{
        struct rv_external_group *g = &x->group;
        char name[128];
        unsigned bound = 0;
        look();
        snprintf(name, sizeof name, "provider-%s", x->name);
        for (char *p = name; *p; p++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p))
                        *p = '_';
        for (unsigned i = 0; i < base.n; i++) {
                char folder[700], procs[720];
                snprintf(folder, sizeof folder, "%s/%s", base.folders[i], name);
                if (mkdir(folder, 0755) < 0 && errno != EEXIST) {
                        snprintf(base.why, sizeof base.why, "%.150s: %s", folder, strerror(errno));
                        continue;
                }
                kill_all(folder); /* of an agent that was before us */
                bound |= base.v2 ? bound_v2(x, folder) : bound_v1(x, folder, base.bits[i]);
                snprintf(procs, sizeof procs, "%s/cgroup.procs", folder);
                g->folders[g->n] = rv_arena_text(&x->arena, folder, strlen(folder));
                g->procs[g->n] = rv_arena_text(&x->arena, procs, strlen(procs));
                if (!g->folders[g->n] || !g->procs[g->n])
                        break;
                g->n++;
        }
        g->bounds_tasks = bound & PIDS;
        tell(x, bound);
        rv_external_group_memory(x);
}

void rv_external_group_begin(struct rv_external *x)
{
        pthread_mutex_lock(&x->group.lock);
        x->group.alive++;
        pthread_mutex_unlock(&x->group.lock);
}

void rv_external_group_end(struct rv_external *x)
{
        pthread_mutex_lock(&x->group.lock);
        if (!--x->group.alive)
                for (unsigned i = 0; i < x->group.n; i++)
                        kill_all(x->group.folders[i]);
        pthread_mutex_unlock(&x->group.lock);
}

/* After fork. */
bool rv_external_group_enter(const struct rv_external *x)
{
        for (unsigned i = 0; i < x->group.n; i++) {
                int fd = open(x->group.procs[i], O_WRONLY | O_CLOEXEC);
                if (fd < 0 || write(fd, "0", 1) != 1)
                        return false;
                close(fd);
        }
        return true;
}

/* Has one of them been ended since the last call because the group's memory was used up? */
bool rv_external_group_memory(struct rv_external *x)
{
        static const char *const files[] = { "memory.events", "memory.oom_control" };
        char text[512];
        unsigned long long kills = 0;
        for (unsigned i = 0; i < x->group.n; i++)
                for (unsigned f = 0; f < 2; f++) {
                        const char *p = get(x->group.folders[i], files[f], text, sizeof text)
                                                ? strstr(text, "oom_kill ")
                                                : NULL;
                        if (p)
                                kills = strtoull(p + strlen("oom_kill "), NULL, 10);
                }
        bool more = kills > x->group.kills;
        x->group.kills = kills;
        return more;
}

void rv_external_group_drop(struct rv_external *x)
{
        for (unsigned i = 0; i < x->group.n; i++) {
                kill_all(x->group.folders[i]);
                for (int t = 0; t < 40 && rmdir(x->group.folders[i]) < 0 && errno == EBUSY; t++)
                        usleep(5000);
        }
        x->group.n = 0;
}
