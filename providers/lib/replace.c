/* SPDX-License-Identifier: MIT */
#include "providers/lib/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t n)
{
        while (n) {
                ssize_t k = write(fd, text, n);
                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k > 0) {
                        text += k;
                        n -= (size_t)k;
                }
        }
        return fsync(fd) < 0 ? -errno : 0;
}

static int temporary_name(const char *path, char *ret, size_t size)
{
        const uintptr_t thread = (uintptr_t)ret; /* its stack: no two threads use one name */
        int n = snprintf(ret, size, "%s.reeve-%d-%jx", path, (int)getpid(), (uintmax_t)thread);
        return n < (int)size ? 0 : -ENAMETOOLONG;
}

int rv_replace_file(const char *path, const char *text, size_t n, mode_t mode)
{
        char real[PATH_MAX], new[PATH_MAX + 64];
        struct stat st;
        const char *to = realpath(path, real) ? real : path;
        int r = temporary_name(to, new, sizeof new);
        int fd = r ? -1 : open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return r ? r : -errno;
        r = write_all(fd, text, n);
        bool there = stat(to, &st) == 0;
        if (r == 0 && there && fchown(fd, st.st_uid, st.st_gid) < 0)
                r = -errno;
        if (r == 0 && fchmod(fd, there ? st.st_mode & 07777 : mode) < 0)
                r = -errno;
        close(fd);
        if (r == 0 && rename(new, to) < 0)
                r = -errno;
        if (r)
                unlink(new);
        return r;
}

int rv_replace_link(const char *path, const char *target)
{
        char new[PATH_MAX + 64];
        int r = temporary_name(path, new, sizeof new);
        if (r)
                return r;
        if (symlink(target, new) < 0)
                return -errno;
        if (rename(new, path) < 0) {
                r = -errno;
                unlink(new);
        }
        return r;
}
