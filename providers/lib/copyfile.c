/* SPDX-License-Identifier: MIT */
#include "providers/lib/copyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/provider.h"

enum { PART = 1 << 20, NAMES_MOST = 64 << 10 };

int rv_rename_file(const char *from, const char *to, bool replace)
{
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, replace ? 0 : RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL || replace)
                return -errno;
        /* The file system does not know the flag. A link fails where something is. */
        if (link(from, to) < 0)
                return -errno;
        return unlink(from) < 0 ? -errno : 0;
}

static int copy_bytes(struct rv_call *c, int from, int to, uint64_t size)
{
        char *buf = NULL;
        int r = 0;
        for (uint64_t done = 0; !r;) {
                ssize_t n = buf ? -1 : copy_file_range(from, NULL, to, NULL, PART, 0);
                if (n < 0 && !buf && !(buf = malloc(PART)))
                        return -ENOMEM;
                if (buf && (n = read(from, buf, PART)) > 0) {
                        for (ssize_t at = 0, k; at < n; at += k)
                                if ((k = write(to, buf + at, (size_t)(n - at))) < 0) {
                                        r = -errno;
                                        break;
                                }
                }
                if (n == 0 && !buf && done < size) { /* files of /proc have a size that does not say */
                        if (!(buf = malloc(PART)))
                                return -ENOMEM;
                        continue;
                }
                if (n <= 0)
                        r = n < 0 && !r ? -errno : r;
                if (n <= 0)
                        break;
                done += (uint64_t)n;
                if (rv_cancelled(c))
                        r = -ECANCELED;
                if (size > 16 * PART)
                        rv_progress(c, "Copying", "", (int)(done * 100 / (size > done ? size : done)));
        }
        free(buf);
        return r;
}

/* What cannot be had there (a file system without them) is left out, as cp does. */
static void copy_attributes(int from, int to)
{
        char *names = malloc(NAMES_MOST), *value = malloc(NAMES_MOST);
        ssize_t n = names && value ? flistxattr(from, names, NAMES_MOST) : 0;
        for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
                ssize_t k = fgetxattr(from, names + at, value, NAMES_MOST);
                if (k >= 0 && fsetxattr(to, names + at, value, (size_t)k, 0) < 0)
                        continue;
        }
        free(names);
        free(value);
}

static int fill_copy(struct rv_call *c, int from, int to, const struct stat *st)
{
        struct timespec times[2] = { st->st_atim, st->st_mtim };
        int r = copy_bytes(c, from, to, (uint64_t)st->st_size);
        if (!r && (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0))
                r = -errno;
        if (r)
                return r;
        copy_attributes(from, to);
        return futimens(to, times) < 0 || fsync(to) < 0 ? -errno : 0;
}

static int copy_link(const char *from, const char *new, const struct stat *st)
{
        char target[PATH_MAX];
        ssize_t n = readlink(from, target, sizeof target - 1);
        if (n < 0)
                return -errno;
        target[n] = 0;
        return symlink(target, new) < 0 || lchown(new, st->st_uid, st->st_gid) < 0 ? -errno : 0;
}

int rv_copy_file(struct rv_call *c, const char *from, const char *to, bool replace)
{
        char new[PATH_MAX + 64];
        struct stat st, there;
        int r = 0, fd = -1, out = -1;
        if (lstat(from, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                return -EINVAL;
        if (lstat(to, &there) == 0) {
                if (!replace)
                        return -EEXIST;
                if (S_ISDIR(there.st_mode))
                        return -EISDIR;
        }
        snprintf(new, sizeof new, "%s.reeve-copy-%d-%p", to, (int)getpid(), (void *)&st);
        if (S_ISLNK(st.st_mode)) {
                r = copy_link(from, new, &st);
        } else if ((fd = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) < 0 || fstat(fd, &st) < 0 ||
                   (out = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0) {
                r = -errno;
        } else
                r = S_ISREG(st.st_mode) ? fill_copy(c, fd, out, &st) : -EINVAL;
        if (!r)
                r = rv_rename_file(new, to, replace);
        if (r)
                unlink(new);
        if (fd >= 0)
                close(fd);
        if (out >= 0)
                close(out);
        return r;
}
