/* SPDX-License-Identifier: MIT */
#include "providers/log/channel.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEEPEST = 3 };

/* ---- names ---- */

static size_t ends(const char *name, size_t n, const char *end)
{
        size_t k = strlen(end);
        return n > k && memcmp(name + n - k, end, k) == 0 ? k : 0;
}

/* wtmp and the like are no text; the journal's files are the journal. */
static bool is_no_text(const char *name, size_t n)
{
        static const char *const others[] = { ".journal", "~", "tmp", "lastlog", "faillog", ".db", ".dat" };
        if (!n || name[0] == '.')
                return true;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                if (n == strlen(others[i]) ? memcmp(name, others[i], n) == 0 : ends(name, n, others[i]) != 0)
                        return true;
        return false;
}

/* "syslog.2.gz", "messages-20261129", "x.log.old": the length of "syslog", "messages", "x.log"; else n. */
static size_t base_of(const char *name, size_t n, enum rv_logpacking *ret_packing, long *ret_number)
{
        size_t k;
        *ret_packing = RV_LOG_PLAIN;
        *ret_number = -1;
        if ((k = ends(name, n, ".gz")))
                *ret_packing = RV_LOG_GZIP;
        else if ((k = ends(name, n, ".xz")) || (k = ends(name, n, ".zst")) || (k = ends(name, n, ".bz2")))
                *ret_packing = RV_LOG_OTHER;
        n -= k;
        if ((k = ends(name, n, ".old")))
                return n - k;
        size_t at = n;
        while (at &&
               (isdigit((unsigned char)name[at - 1]) ||
                (at < n && strchr("-_T.", name[at - 1]) && isdigit((unsigned char)name[at]) && n - at < 16)))
                at--;
        if (at < n && !isdigit((unsigned char)name[at])) /* ".2", "-20261129" begin with their separator */
                at++;
        if (at == n || at < 2 || !strchr(".-_", name[at - 1]))
                return n; /* "x.gz" is packed, and nothing that something was rotated to */
        if (name[at - 1] == '.' && n - at <= 5)
                *ret_number = strtol(name + at, NULL, 10);
        else if (n - at < 8)
                return n; /* "app-2": a name */
        return at - 1;
}

bool rv_logchannel_is(const char *path, char *ret_base)
{
        static const char root[] = RV_LOG_ROOT "/";
        enum rv_logpacking packing;
        long number;
        size_t n = strlen(path);
        if (n >= RV_LOG_PATH || strncmp(path, root, sizeof root - 1) != 0 || strstr(path, "//") ||
            path[n - 1] == '/' ||
            strncmp(path, RV_LOG_ROOT "/journal/", sizeof RV_LOG_ROOT "/journal/" - 1) == 0)
                return false;
        for (const char *p = path; (p = strstr(p, "/.")); p++)
                if (!p[2] || p[2] == '/' || (p[2] == '.' && (!p[3] || p[3] == '/')))
                        return false;
        const char *name = strrchr(path, '/') + 1;
        size_t k = base_of(name, strlen(name), &packing, &number);
        if (is_no_text(name, k))
                return false;
        if (ret_base)
                snprintf(ret_base, RV_LOG_PATH, "%.*s", (int)(name - path + (long)k), path);
        return true;
}

/* Folder by folder, each opened as what it is: openat2(2) would do it at once, but where it is filtered (containers)
 * there would be no log. */
int rv_logchannel_open(const char *path, int flags)
{
        char name[256];
        struct stat st;
        if (strncmp(path, RV_LOG_ROOT "/", sizeof RV_LOG_ROOT) != 0)
                return -EXDEV;
        int fd = open(RV_LOG_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC), error = errno;
        for (const char *at = path + sizeof RV_LOG_ROOT; fd >= 0; at++) {
                size_t n = strcspn(at, "/");
                bool last = !at[n];
                int folder = fd;
                snprintf(name, sizeof name, "%.*s", (int)n, at);
                fd = n >= sizeof name || !n || strcmp(name, "..") == 0 ? (errno = EINVAL, -1)
                     : last ? openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
                            : openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                error = errno;
                close(folder);
                if (last)
                        break;
                at += n;
        }
        if (fd < 0)
                return -error;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                close(fd);
                return -EINVAL;
        }
        return fd;
}

/* ---- lists ---- */

struct finding {
        int (*each)(void *, const char *, const struct stat *);
        void *state;
        unsigned n;
};

/* A log whose file has gone but whose rotated ones are there is none: it is no more written. */
static int walk(struct finding *f, const char *folder, int deep)
{
        DIR *d = opendir(folder);
        int r = 0;
        for (struct dirent *e; d && !r && f->n < RV_LOG_CHANNELS && (e = readdir(d));) {
                char path[RV_LOG_PATH];
                struct stat st;
                enum rv_logpacking packing;
                long number;
                size_t n = strlen(e->d_name);
                if (e->d_name[0] == '.' ||
                    (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= sizeof path ||
                    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (S_ISDIR(st.st_mode) && deep && strcmp(path, RV_LOG_ROOT "/journal") != 0)
                        r = walk(f, path, deep - 1);
                else if (S_ISREG(st.st_mode) && base_of(e->d_name, n, &packing, &number) == n &&
                         packing == RV_LOG_PLAIN && !is_no_text(e->d_name, n)) {
                        f->n++;
                        r = f->each(f->state, path, &st);
                }
        }
        if (d)
                closedir(d);
        return r;
}

int rv_logchannels(int (*each)(void *, const char *, const struct stat *), void *state)
{
        struct finding f = { each, state, 0 };
        return walk(&f, RV_LOG_ROOT, DEEPEST);
}

static int newest_first(const void *a, const void *b)
{
        const struct rv_logname *x = a, *y = b;
        if (x->number >= 0 && y->number >= 0 && x->number != y->number)
                return x->number < y->number ? -1 : 1;
        if (x->modified != y->modified)
                return x->modified > y->modified ? -1 : 1;
        return 0;
}

/* While it is being packed a file is there twice. */
static size_t drop_packed_twins(struct rv_logname *list, size_t n)
{
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
                size_t k = strlen(list[i].path);
                bool twin = false;
                for (size_t j = 0; list[i].packing == RV_LOG_GZIP && j < n && !twin; j++)
                        twin = strlen(list[j].path) == k - 3 &&
                               memcmp(list[j].path, list[i].path, k - 3) == 0;
                if (!twin)
                        list[kept++] = list[i];
        }
        return kept;
}

struct rv_logname *rv_logchannel_files(const char *base, size_t *ret_n)
{
        char folder[RV_LOG_PATH];
        const char *name = strrchr(base, '/') + 1;
        size_t k = strlen(name), n = 0;
        snprintf(folder, sizeof folder, "%.*s", (int)(name - base - 1), base);
        struct rv_logname *list = calloc(RV_LOG_ROTATED, sizeof *list);
        DIR *d = list ? opendir(folder) : NULL;
        for (struct dirent *e; d && n < RV_LOG_ROTATED && (e = readdir(d));) {
                struct rv_logname *f = &list[n];
                struct stat st;
                size_t len = strlen(e->d_name);
                if (base_of(e->d_name, len, &f->packing, &f->number) != k ||
                    memcmp(e->d_name, name, k) != 0 ||
                    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
                    (size_t)snprintf(f->path, sizeof f->path, "%s/%s", folder, e->d_name) >= sizeof f->path)
                        continue;
                f->size = (uint64_t)st.st_size;
                f->device = st.st_dev;
                f->inode = st.st_ino;
                f->modified =
                        len == k ? INT64_MAX : st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
                n++;
        }
        if (d)
                closedir(d);
        n = n ? drop_packed_twins(list, n) : 0;
        if (n)
                qsort(list, n, sizeof *list, newest_first);
        *ret_n = n;
        if (!n)
                free(list);
        return n ? list : NULL;
}
