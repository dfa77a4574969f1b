/* SPDX-License-Identifier: MIT
 *
 * See sockowner.h: an open hash table of inode -> process.
 */
#include "providers/lib/sockowner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rv_sockowners {
        struct owner {
                uint64_t inode; /* 0 = free */
                pid_t pid;
        } *v;
        size_t n, mask;
};

static size_t place(const struct owner *v, size_t mask, uint64_t inode)
{
        size_t i = (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;
        while (v[i].inode && v[i].inode != inode)
                i = (i + 1) & mask;
        return i;
}

static bool grow(struct rv_sockowners *o)
{
        size_t mask = o->v ? 2 * o->mask + 1 : 4095;
        struct owner *v = calloc(mask + 1, sizeof *v);
        if (!v)
                return false;
        for (size_t i = 0; o->v && i <= o->mask; i++)
                if (o->v[i].inode)
                        v[place(v, mask, o->v[i].inode)] = o->v[i];
        free(o->v);
        o->v = v;
        o->mask = mask;
        return true;
}

static void add(struct rv_sockowners *o, uint64_t inode, pid_t pid)
{
        if (2 * o->n > o->mask && !grow(o))
                return;
        struct owner *at = &o->v[place(o->v, o->mask, inode)];
        if (!at->inode)
                o->n++;
        if (!at->inode || pid < at->pid)
                *at = (struct owner) { inode, pid };
}

static void scan(struct rv_sockowners *o, int proc, const char *pid)
{
        char path[40], link[64];
        snprintf(path, sizeof path, "%.20s/fd", pid);
        int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));) {
                ssize_t n = readlinkat(fd, e->d_name, link, sizeof link - 1);
                if (n < 9 || memcmp(link, "socket:[", 8) != 0)
                        continue;
                link[n] = 0;
                add(o, strtoull(link + 8, NULL, 10), (pid_t)atoi(pid));
        }
        if (d)
                closedir(d);
}

struct rv_sockowners *rv_sockowners_read(pid_t only)
{
        struct rv_sockowners *o = calloc(1, sizeof *o);
        DIR *d = o && grow(o) ? opendir("/proc") : NULL;
        char pid[16];
        if (!d)
                return rv_sockowners_free(o);
        snprintf(pid, sizeof pid, "%d", (int)only);
        if (only)
                scan(o, dirfd(d), pid);
        for (struct dirent *e; !only && (e = readdir(d));)
                if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
                        scan(o, dirfd(d), e->d_name);
        closedir(d);
        return o;
}

struct rv_sockowners *rv_sockowners_free(struct rv_sockowners *o)
{
        if (o)
                free(o->v);
        free(o);
        return NULL;
}

pid_t rv_sockowners_pid(const struct rv_sockowners *o, uint64_t inode)
{
        return o && inode ? o->v[place(o->v, o->mask, inode)].pid : 0;
}
