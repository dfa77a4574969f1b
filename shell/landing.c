/* SPDX-License-Identifier: MIT
 *
 * Files that take their place at once: written without a name (O_TMPFILE) where the file system can, so that nothing
 * is left of what was never finished, else under a name that nobody uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/filecopy.h"
#include "shell/limits.h"

int64_t sh_stat_time(const struct stat *s)
{
        return s->st_mtim.tv_sec * INT64_C(1000000000) + s->st_mtim.tv_nsec;
}

char *sh_copy_place(const char *path, const char *leaf)
{
        struct stat s;
        char *to;
        size_t n = strlen(path);
        bool into = (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) || (n && path[n - 1] == '/');
        if ((into ? asprintf(&to, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", leaf)
                  : asprintf(&to, "%s", path)) < 0)
                abort();
        return to;
}

static char *temp_name(const char *path)
{
        const char *base = strrchr(path, '/');
        int head = base ? (int)(base - path) + 1 : 0;
        char *temp;
        if (asprintf(&temp, "%.*s.%.200s.XXXXXX", head, path, path + head) < 0)
                abort();
        return temp;
}

static int open_unnamed(const char *path)
{
        char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
        if (slash)
                slash[slash == folder] = 0;
        /* Landlock does not let a file without a name be given one. */
        int fd = slash && !sh_limits ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
        free(folder);
        return fd;
}

int sh_landing_begin(struct sh_landing *l, const char *path, mode_t mode, int64_t time, bool force)
{
        struct stat s;
        mode_t mask = umask(0);
        umask(mask);
        sh_landing_drop(l);
        char *real = realpath(path, NULL); /* a link stays one: what it leads to is replaced */
        *l = (struct sh_landing) {
                .fd = -1, .path = real ? real : strdup(path), .mode = mode & 0777 & ~mask, .time = time
        };
        if (!l->path)
                abort();
        int bad = 0;
        bool there = stat(l->path, &s) == 0;
        if (there && !S_ISREG(s.st_mode))
                bad = S_ISDIR(s.st_mode) ? EISDIR : EINVAL;
        else if (there && !force && access(l->path, W_OK) < 0)
                bad = errno;
        if (there)
                l->mode = s.st_mode & 07777;
        if (!bad && (l->fd = open_unnamed(l->path)) < 0) {
                l->temp = temp_name(l->path);
                l->fd = mkostemp(l->temp, O_CLOEXEC);
                if (l->fd < 0) {
                        bad = errno;
                        free(l->temp);
                        l->temp = NULL;
                }
        }
        if (!bad && there && (s.st_uid != geteuid() || s.st_gid != getegid()) &&
            fchown(l->fd, s.st_uid, s.st_gid) < 0)
                l->mode &= 0777; /* it is ours then; no set-user-id for another owner */
        if (bad)
                sh_landing_drop(l);
        return bad;
}

int sh_landing_write(struct sh_landing *l, const char *p, size_t n)
{
        while (n) {
                ssize_t done = write(l->fd, p, n);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done < 0)
                        return errno;
                p += done;
                n -= (size_t)done;
                l->size += (uint64_t)done;
        }
        return 0;
}

/* Gives the nameless file a name that nobody uses. */
static int give_name(struct sh_landing *l)
{
        char self[40];
        snprintf(self, sizeof self, "/proc/self/fd/%d", l->fd);
        for (int tries = 0; tries < 100; tries++) {
                char *temp = temp_name(l->path);
                int fd = mkostemp(temp, O_CLOEXEC); /* only its name is wanted */
                if (fd < 0) {
                        int bad = errno;
                        free(temp);
                        return bad;
                }
                close(fd);
                unlink(temp);
                if (linkat(AT_FDCWD, self, AT_FDCWD, temp, AT_SYMLINK_FOLLOW) == 0) {
                        l->temp = temp;
                        return 0;
                }
                int bad = errno;
                free(temp);
                if (bad != EEXIST)
                        return bad;
        }
        return EEXIST;
}

int sh_landing_end(struct sh_landing *l)
{
        struct timespec t[2] = { { .tv_nsec = UTIME_NOW },
                                 { l->time / 1000000000, l->time % 1000000000 } };
        int bad = 0;
        if (l->time <= 0)
                t[1] = (struct timespec) { .tv_nsec = UTIME_OMIT };
        if (fchmod(l->fd, l->mode) < 0 || futimens(l->fd, t) < 0 || fsync(l->fd) < 0)
                bad = errno;
        if (!bad && !l->temp)
                bad = give_name(l);
        if (!bad && rename(l->temp, l->path) < 0)
                bad = errno;
        if (!bad) {
                free(l->temp);
                l->temp = NULL;
        }
        sh_landing_drop(l);
        return bad;
}

void sh_landing_drop(struct sh_landing *l)
{
        if (l->temp)
                unlink(l->temp);
        if (l->path && l->fd >= 0)
                close(l->fd);
        free(l->temp);
        free(l->path);
        *l = (struct sh_landing) { .fd = -1 };
}

/* ---- base64 ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void sh_base64_put(struct rv_buf *b, const void *data, size_t n)
{
        const unsigned char *p = data;
        if (!rv_buf_room(b, (n + 2) / 3 * 4))
                return;
        char *to = b->data + b->len;
        for (; n >= 3; n -= 3, p += 3) {
                uint32_t x = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
                *to++ = digits[x >> 18];
                *to++ = digits[x >> 12 & 63];
                *to++ = digits[x >> 6 & 63];
                *to++ = digits[x & 63];
        }
        if (n) {
                uint32_t x = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0);
                *to++ = digits[x >> 18];
                *to++ = digits[x >> 12 & 63];
                *to++ = n > 1 ? digits[x >> 6 & 63] : '=';
                *to++ = '=';
        }
        b->len = (size_t)(to - b->data);
}

ssize_t sh_base64_take(char *s, size_t n)
{
        static int8_t value[256];
        if (!value['B']) {
                memset(value, -1, sizeof value);
                for (int i = 0; i < 64; i++)
                        value[(unsigned char)digits[i]] = (int8_t)i;
        }
        char *to = s;
        if (n % 4)
                return -1;
        for (size_t i = 0; i < n; i += 4) {
                bool last = i + 4 == n;
                int pad = last && s[i + 3] == '=' ? 1 + (s[i + 2] == '=') : 0;
                uint32_t x = 0;
                for (int k = 0; k < 4; k++) {
                        int v = k < 4 - pad ? value[(unsigned char)s[i + (size_t)k]] : 0;
                        if (v < 0)
                                return -1;
                        x = x << 6 | (uint32_t)v;
                }
                *to++ = (char)(x >> 16);
                if (pad < 2)
                        *to++ = (char)(x >> 8 & 255);
                if (pad < 1)
                        *to++ = (char)(x & 255);
        }
        return to - s;
}
