/* SPDX-License-Identifier: MIT
 *
 * See sockowner.h: an open hash table of inode -> process.
 */
#include "providers/lib/sockowner.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rv_sockowners {
        struct owner {
                uint64_t inode; /* 0 = free */
                pid_t pid;
        } *v;
        size_t n, mask;
};

/* Numbers of sockets are given in order: side by side in the table, they are side by side in the processor's cache. */
static size_t place(const struct owner *v, size_t mask, uint64_t inode)
{
        size_t i = (size_t)inode & mask;
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

/* False: there is no such descriptor. */
static bool look(struct rv_sockowners *o, int fd, const char *name, pid_t pid)
{
        char link[64];
        ssize_t n = readlinkat(fd, name, link, sizeof link - 1);
        if (n > 9 && memcmp(link, "socket:[", 8) == 0) {
                link[n] = 0;
                add(o, strtoull(link + 8, NULL, 10), pid);
        }
        return n >= 0;
}

/* Descriptors are numbered from 0, mostly without gaps, and the folder's size is their number (Linux 6.2): going by
 * numbers saves the kernel from listing them, a fifth of the cost. Answers the first number not looked at. */
static unsigned long by_number(struct rv_sockowners *o, int fd, pid_t pid)
{
        struct stat st;
        unsigned long i = 0, found = 0;
        if (fstat(fd, &st) < 0 || st.st_size <= 0)
                return 0;
        unsigned long count = (unsigned long)st.st_size, gaps = count / 4 + 16;
        for (; found < count && i - found <= gaps; i++) {
                char digits[24], *name = digits + sizeof digits - 1;
                unsigned long k = i;
                *name = 0;
                do
                        *--name = (char)('0' + k % 10);
                while (k /= 10);
                found += look(o, fd, name, pid);
        }
        return found < count ? i : ULONG_MAX;
}

static void scan(struct rv_sockowners *o, int proc, const char *name)
{
        char path[40];
        snprintf(path, sizeof path, "%.20s/fd", name);
        int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return;
        pid_t pid = (pid_t)atoi(name);
        unsigned long from = by_number(o, fd, pid);
        DIR *d = from == ULONG_MAX ? NULL : fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && strtoul(e->d_name, NULL, 10) >= from)
                        look(o, fd, e->d_name, pid);
        if (d)
                closedir(d);
        else
                close(fd);
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
