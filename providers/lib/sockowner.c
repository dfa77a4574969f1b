/* SPDX-License-Identifier: MIT
 *
 * See sockowner.h: an open hash table of inode -> process.
 */
#include "providers/lib/sockowner.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "providers/lib/asleep.h"

enum { MOST_SHARING = 512 };

struct rv_sockowners {
        struct owner {
                uint64_t inode; /* 0 = free */
                pid_t pid;
        } *v;
        size_t n, mask;
        struct rv_asleep *asleep, /* read or found, to be kept in the end */
                *fresh,           /* read in this pass */
                *watched;         /* being read */
        pid_t sharing[MOST_SHARING]; /* processes that have a socket in common with others */
        unsigned nsharing;
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

static void note_sharing(struct rv_sockowners *o, pid_t pid)
{
        for (unsigned i = o->nsharing < MOST_SHARING ? o->nsharing : MOST_SHARING; i-- > 0;)
                if (o->sharing[i] == pid)
                        return;
        if (o->nsharing < MOST_SHARING)
                o->sharing[o->nsharing] = pid;
        o->nsharing++;
}

static void add(struct rv_sockowners *o, uint64_t inode, pid_t pid)
{
        if (2 * o->n > o->mask && !grow(o))
                return;
        struct owner *at = &o->v[place(o->v, o->mask, inode)];
        if (!at->inode)
                o->n++;
        else if (at->pid != pid) {
                note_sharing(o, at->pid);
                note_sharing(o, pid);
        }
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
                uint64_t inode = strtoull(link + 8, NULL, 10);
                add(o, inode, pid);
                if (o->watched && !rv_asleep_add(o->watched, inode)) {
                        rv_asleep_free(o->watched);
                        o->watched = NULL;
                }
        }
        return n >= 0;
}

/* Descriptors are numbered from 0, mostly without gaps, and the folder's size is their number (Linux 6.2): going by
 * numbers saves the kernel from listing them, a fifth of the cost. Answers the first number not looked at. */
static unsigned long by_number(struct rv_sockowners *o, int fd, pid_t pid, unsigned long count)
{
        unsigned long i = 0, found = 0, gaps = count / 4 + 16;
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

/* How many descriptors there are, about, where the folder does not tell. */
static size_t guess(int fd)
{
        size_t n = 1;
        char name[24], link[8];
        do
                snprintf(name, sizeof name, "%zu", (n *= 4) - 1);
        while (n < 1 << 20 && readlinkat(fd, name, link, sizeof link) > 0);
        return n / 4;
}

static void keep_later(struct rv_asleep **list, struct rv_asleep *a)
{
        a->next = *list;
        *list = a;
}

static void scan(struct rv_sockowners *o, int proc, const char *name)
{
        char path[40];
        struct stat st = { 0 };
        pid_t pid = (pid_t)atoi(name);
        struct rv_asleep *a = rv_asleep_find(pid);
        if (a) {
                for (size_t i = 0; i < a->n; i++)
                        add(o, a->inodes[i], pid);
                keep_later(&o->asleep, a);
                return;
        }
        snprintf(path, sizeof path, "%.20s/fd", name);
        int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return;
        unsigned long count = fstat(fd, &st) == 0 && st.st_size > 0 ? (unsigned long)st.st_size : 0;
        o->watched = rv_asleep_watch(proc, pid, count ? count : guess(fd));
        unsigned long from = by_number(o, fd, pid, count);
        DIR *d = from == ULONG_MAX ? NULL : fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && strtoul(e->d_name, NULL, 10) >= from)
                        look(o, fd, e->d_name, pid);
        if (d)
                closedir(d);
        else
                close(fd);
        if (o->watched)
                keep_later(&o->fresh, o->watched);
        o->watched = NULL;
}

/* Whether it has its descriptors in common with another process (or nobody can say so), which may change them while it
 * sleeps itself. */
static bool shares_table(const struct rv_sockowners *o, pid_t pid)
{
        bool has = false;
        if (o->nsharing > MOST_SHARING)
                return true;
        for (unsigned i = 0; i < o->nsharing; i++)
                has |= o->sharing[i] == pid;
        for (unsigned i = 0; has && i < o->nsharing; i++)
                if (o->sharing[i] != pid && syscall(SYS_kcmp, pid, o->sharing[i], KCMP_FILES, 0, 0) <= 0)
                        return true;
        return false;
}

/* For the next listing. Of those that were kept before nobody can have taken a share while they slept. */
static void keep(struct rv_sockowners *o)
{
        for (struct rv_asleep *a; (a = o->asleep);) {
                o->asleep = a->next;
                rv_asleep_keep(a);
        }
        for (struct rv_asleep *a; (a = o->fresh);) {
                o->fresh = a->next;
                shares_table(o, a->pid) ? rv_asleep_free(a) : rv_asleep_keep(a);
        }
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
        if (only) /* who else has what it has was not looked at */
                o->nsharing = MOST_SHARING + 1;
        keep(o);
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
