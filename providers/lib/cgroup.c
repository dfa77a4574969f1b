/* SPDX-License-Identifier: MIT
 *
 * See cgroup.h. The numbers are found by one walk over the tree: a few hundred folders, whose names and inodes getdents
 * gives without looking at them.
 */
#include "providers/lib/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/lib/mountinfo.h"

enum { DEEPEST = 32, MOST = 100000 };

static bool take_line(const char *at, char ret[RV_CGROUP_PATH])
{
        size_t n = strcspn(at, "\n");
        if (n >= RV_CGROUP_PATH)
                return false;
        memcpy(ret, at, n);
        ret[n] = 0;
        return true;
}

bool rv_cgroup_path(const char *all, char ret[RV_CGROUP_PATH])
{
        const char *v2 = strncmp(all, "0::", 3) == 0 ? all : strstr(all, "\n0::");
        const char *v1 = strstr(all, ":name=systemd:");
        v2 = v2 ? strstr(v2, "::") + 2 : NULL;
        v1 = v1 ? v1 + 14 : NULL;
        const char *at = v2 && (v2[0] != '/' || (v2[1] != '\n' && v2[1])) ? v2 : v1 ? v1 : v2;
        return at && take_line(at, ret);
}

bool rv_cgroup_unit(const char *path, char *ret, size_t size)
{
        static const char *const types[] = { ".service", ".scope", ".socket", ".mount", ".swap" };
        for (const char *p = path; *p;) {
                p += strspn(p, "/");
                size_t n = strcspn(p, "/");
                if (n > 6 && strncmp(p + n - 6, ".slice", 6) == 0) {
                        p += n;
                        continue;
                }
                if (n && *p == '_') /* so systemd writes a name that the kernel would take for its own file */
                        p++, n--;
                for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
                        size_t m = strlen(types[i]);
                        if (n > m && strncmp(p + n - m, types[i], m) == 0)
                                return snprintf(ret, size, "%.*s", (int)n, p) < (int)size;
                }
                return false;
        }
        return false;
}

bool rv_cgroup_container(const char *path, char ret[65])
{
        for (const char *p = path; *p;) {
                size_t n = strspn(p, "0123456789abcdef");
                bool whole = p == path || !isalnum((unsigned char)p[-1]);
                if (n == 64 && whole && !isalnum((unsigned char)p[64])) {
                        /* The monitor of a Podman container has a scope of its own and is not in the container. */
                        if (p - path >= 7 && strncmp(p - 7, "conmon-", 7) == 0)
                                return false;
                        memcpy(ret, p, 64);
                        ret[64] = 0;
                        return true;
                }
                p += n ? n : 1;
        }
        return false;
}

struct rv_cgroups {
        struct group {
                uint64_t id;
                char *path;
        } *v;
        size_t n, room;
};

static bool keep(struct rv_cgroups *g, uint64_t id, const char *path)
{
        if (g->n == g->room) {
                size_t room = g->room ? 2 * g->room : 256;
                struct group *v = g->n < MOST ? realloc(g->v, room * sizeof *v) : NULL;
                if (!v)
                        return false;
                g->v = v;
                g->room = room;
        }
        struct group *to = &g->v[g->n];
        to->id = id;
        to->path = strdup(path);
        g->n += to->path != NULL;
        return to->path != NULL;
}

static void walk(struct rv_cgroups *g, int fd, char *path, size_t n, int depth)
{
        DIR *d = fdopendir(fd);
        if (!d) {
                close(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(d));) {
                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                size_t more = strlen(e->d_name) + 1;
                if (n + more >= RV_CGROUP_PATH)
                        continue;
                snprintf(path + n, RV_CGROUP_PATH - n, "/%s", e->d_name);
                if (!keep(g, e->d_ino, path))
                        break;
                int sub = depth < DEEPEST ? openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                                          : -1;
                if (sub >= 0)
                        walk(g, sub, path, n + more, depth + 1);
        }
        path[n] = 0;
        closedir(d);
}

static int by_id(const void *a, const void *b)
{
        uint64_t x = ((const struct group *)a)->id, y = ((const struct group *)b)->id;
        return x < y ? -1 : x > y;
}

static int open_tree(void)
{
        struct rv_mounts m;
        int fd = -1;
        if (rv_mounts_read(&m) < 0)
                return -1;
        for (size_t i = 0; i < m.n && fd < 0; i++)
                if (strcmp(m.v[i].type, "cgroup2") == 0 && !m.v[i].hidden)
                        fd = open(m.v[i].target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rv_mounts_free(&m);
        return fd;
}

struct rv_cgroups *rv_cgroups_read(void)
{
        char path[RV_CGROUP_PATH] = "";
        struct stat st;
        int fd = open_tree();
        struct rv_cgroups *g = fd < 0 ? NULL : calloc(1, sizeof *g);
        if (!g) {
                if (fd >= 0)
                        close(fd);
                return NULL;
        }
        if (fstat(fd, &st) == 0)
                keep(g, st.st_ino, "/");
        walk(g, fd, path, 0, 0);
        qsort(g->v, g->n, sizeof *g->v, by_id);
        return g;
}

struct rv_cgroups *rv_cgroups_free(struct rv_cgroups *g)
{
        for (size_t i = 0; g && i < g->n; i++)
                free(g->v[i].path);
        if (g)
                free(g->v);
        free(g);
        return NULL;
}

const char *rv_cgroups_path(const struct rv_cgroups *g, uint64_t id)
{
        struct group key = { .id = id };
        const struct group *found = g && g->n ? bsearch(&key, g->v, g->n, sizeof *g->v, by_id) : NULL;
        return found ? found->path : NULL;
}

bool rv_cgroups_several(const struct rv_cgroups *g)
{
        return g && g->n > 1;
}
