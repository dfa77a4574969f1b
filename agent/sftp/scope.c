/* SPDX-License-Identifier: MIT
 *
 * Which paths there are for this session.
 *
 * Without limits a path is given to the kernel as it is: the user's own rights decide, as for any of his programs.
 * Under a role, what can be reached are the folders (or files) of its ReadFiles and WriteFiles, each held open by
 * a descriptor. A path is made plain ("..", "." and "//" go, as text), the longest root that it begins with is
 * looked for, and the kernel opens the rest beneath that root (openat2 with RESOLVE_BENEATH): neither a symbolic
 * link, nor "..", nor a folder moved at the wrong moment leads out. Where a link does point out of its root, but
 * into another that the role names, its end is opened anew from there, without links.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

/* ---- texts ---- */

/* "/a/./b//../c" -> "/a/c". */
static bool plain(const char *path, char to[SFTP_PATH])
{
        size_t n = 0;
        for (const char *p = path; *p;) {
                p += strspn(p, "/");
                size_t k = strcspn(p, "/");
                if (k == 0 || (k == 1 && *p == '.')) {
                        p += k;
                        continue;
                }
                if (k == 2 && p[0] == '.' && p[1] == '.') {
                        while (n && to[--n] != '/')
                                ;
                } else {
                        if (n + 1 + k + 1 > SFTP_PATH)
                                return false;
                        to[n++] = '/';
                        memcpy(to + n, p, k);
                        n += k;
                }
                p += k;
        }
        if (!n)
                to[n++] = '/';
        to[n] = 0;
        return true;
}

bool sftp_clean(const struct sftp_scope *s, const char *path, char to[SFTP_PATH])
{
        char whole[2 * SFTP_PATH];
        if (*path == '/')
                return plain(path, to);
        return snprintf(whole, sizeof whole, "%s/%s", s->start, path) < (int)sizeof whole && plain(whole, to);
}

/* What follows `folder` in `path`: "" for itself; NULL: it is not in there. */
static const char *inside(const char *path, const char *folder)
{
        size_t n = strlen(folder);
        if (n == 1)
                return path + 1;
        if (strncmp(path, folder, n) != 0 || (path[n] && path[n] != '/'))
                return NULL;
        return path + n + (path[n] == '/');
}

static const struct sftp_root *root_of(const struct sftp_scope *s, const char *path, bool real,
                                       enum sftp_need need, const char **ret_rest)
{
        const struct sftp_root *best = NULL;
        size_t length = 0;
        for (unsigned i = 0; i < s->nroots; i++) {
                const struct sftp_root *r = &s->roots[i];
                const char *folder = real ? r->real : r->path, *rest = inside(path, folder);
                if (!rest || (need == NEED_WRITE && !r->write) || (r->is_file && *rest) ||
                    (best && strlen(folder) <= length))
                        continue;
                best = r;
                length = strlen(folder);
                *ret_rest = rest;
        }
        return best;
}

/* ---- roots ---- */

bool sftp_scope_add(struct sftp_scope *s, const char *path, bool write)
{
        char self[40], clean[SFTP_PATH];
        struct stat st;
        if (*path != '/' || !plain(path, clean))
                return false;
        struct sftp_root *to = realloc(s->roots, (s->nroots + 1) * sizeof *to);
        if (!to)
                return false;
        s->roots = to;
        struct sftp_root *r = &to[s->nroots];
        r->fd = open(clean, O_PATH | O_CLOEXEC);
        if (r->fd < 0)
                return false;
        snprintf(self, sizeof self, "/proc/self/fd/%d", r->fd);
        ssize_t n = readlink(self, r->real, sizeof r->real - 1);
        if (n <= 0 || fstat(r->fd, &st) < 0) {
                close(r->fd);
                return false;
        }
        r->real[n] = 0;
        strcpy(r->path, clean);
        r->write = write;
        r->is_file = !S_ISDIR(st.st_mode);
        s->nroots++;
        return true;
}

void sftp_scope_start(struct sftp_scope *s, const char *home)
{
        const char *rest;
        char clean[SFTP_PATH];
        strcpy(s->start, "/");
        if (plain(home && *home == '/' ? home : "/", clean) &&
            (!s->limited || root_of(s, clean, false, NEED_READ, &rest)))
                strcpy(s->start, clean);
        else if (s->nroots && !s->roots[0].is_file)
                strcpy(s->start, s->roots[0].path);
}

void sftp_scope_free(struct sftp_scope *s)
{
        for (unsigned i = 0; i < s->nroots; i++)
                close(s->roots[i].fd);
        free(s->roots);
        s->roots = NULL;
        s->nroots = 0;
}

bool sftp_on_the_way(const struct sftp_scope *s, const char *path)
{
        char clean[SFTP_PATH];
        if (!s->limited || !sftp_clean(s, path, clean))
                return false;
        if (strcmp(clean, "/") == 0)
                return true;
        for (unsigned i = 0; i < s->nroots; i++) {
                const char *rest = inside(s->roots[i].path, clean);
                if (rest && *rest)
                        return true;
        }
        return false;
}

/* Each name once: that of the first root which begins with it. */
bool sftp_on_the_way_name(const struct sftp_scope *s, const char *path, unsigned n, char *to, size_t size)
{
        for (unsigned i = 0; i < s->nroots; i++) {
                const char *rest = inside(s->roots[i].path, path);
                size_t k = rest ? strcspn(rest, "/") : 0;
                bool seen = !k;
                for (unsigned j = 0; j < i && !seen; j++) {
                        const char *other = inside(s->roots[j].path, path);
                        seen = other && strcspn(other, "/") == k && memcmp(other, rest, k) == 0;
                }
                if (seen || n-- > 0)
                        continue;
                snprintf(to, size, "%.*s", (int)k, rest);
                return true;
        }
        return false;
}

/* ---- places ---- */

int sftp_find(const struct sftp_scope *s, const char *path, enum sftp_need need, struct sftp_place *p)
{
        const char *rest = "";
        p->root = NULL;
        p->parent = -1;
        p->dir = AT_FDCWD;
        if (!sftp_clean(s, path, p->shown))
                return -ENAMETOOLONG;
        if (!s->limited) {
                snprintf(p->name, sizeof p->name, "%s", path);
                return 0;
        }
        p->root = root_of(s, p->shown, false, need, &rest);
        if (!p->root)
                return -EACCES;
        p->dir = p->root->fd;
        snprintf(p->name, sizeof p->name, "%s", *rest ? rest : ".");
        return 0;
}

static int open_beneath(const struct sftp_root *r, const char *name, int flags, mode_t mode, uint64_t resolve)
{
        char self[40];
        if (r->is_file) { /* the root itself: there is nothing beneath a file */
                if (flags & O_PATH)
                        return fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
                snprintf(self, sizeof self, "/proc/self/fd/%d", r->fd);
                return open(self, (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC);
        }
        struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
                                .mode = flags & O_CREAT ? mode : 0,
                                .resolve = resolve | RESOLVE_NO_MAGICLINKS };
        int fd;
        do
                fd = (int)syscall(SYS_openat2, r->fd, name, &how, sizeof how);
        while (fd < 0 && errno == EAGAIN); /* a rename somewhere: it cannot be sure, ask again */
        return fd;
}

/* A link led out of the root. Where does it end, and does the role name that? */
static int open_elsewhere(const struct sftp_scope *s, const struct sftp_place *p, enum sftp_need need,
                          int flags)
{
        char self[40], end[SFTP_PATH];
        const char *rest;
        int fd = open(p->shown, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return -EXDEV;
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(self, end, sizeof end - 1);
        close(fd);
        if (n <= 0)
                return -EXDEV;
        end[n] = 0;
        const struct sftp_root *r = root_of(s, end, true, need, &rest);
        if (!r)
                return -EXDEV;
        fd = open_beneath(r, *rest ? rest : ".", flags & ~(O_CREAT | O_EXCL), 0,
                          RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        return fd < 0 ? -errno : fd;
}

int sftp_open_at(const struct sftp_scope *s, const struct sftp_place *p, enum sftp_need need, int flags,
                 mode_t mode)
{
        if (!p->root) {
                int fd = open(p->name, flags | O_CLOEXEC, mode);
                return fd < 0 ? -errno : fd;
        }
        int fd = open_beneath(p->root, p->name, flags, mode, RESOLVE_BENEATH);
        if (fd >= 0)
                return fd;
        return errno == EXDEV && !(flags & O_EXCL) ? open_elsewhere(s, p, need, flags) : -errno;
}

int sftp_parent(struct sftp_place *p)
{
        char folder[SFTP_PATH];
        if (!p->root) {
                p->parent = AT_FDCWD;
                p->last = p->name;
                return 0;
        }
        if (p->root->is_file ||
            strcmp(p->name, ".") == 0) /* what the role names is not the session's to move */
                return -EACCES;
        char *slash = strrchr(p->name, '/');
        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - p->name) : 1, slash ? p->name : ".");
        p->last = slash ? slash + 1 : p->name;
        p->parent = open_beneath(p->root, folder, O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH);
        return p->parent < 0 ? -errno : 0;
}

void sftp_place_end(struct sftp_place *p)
{
        if (p->parent >= 0)
                close(p->parent);
        p->parent = -1;
}
