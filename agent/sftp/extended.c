/* SPDX-License-Identifier: MIT
 *
 * Extensions: one table for what is announced and what is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

static void put_statvfs(struct sftp *f, uint32_t id, const struct statvfs *s)
{
        const uint64_t v[] = {
                s->f_bsize,  s->f_frsize,
                s->f_blocks, s->f_bfree,
                s->f_bavail, s->f_files,
                s->f_ffree,  s->f_favail,
                s->f_fsid,   (s->f_flag & ST_RDONLY ? 1 : 0) | (s->f_flag & ST_NOSUID ? 2u : 0u),
                s->f_namemax
        };
        sftp_begin(&f->out, FX_EXTENDED_REPLY, id);
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)
                sftp_put64(&f->out, v[i]);
        sftp_end(&f->out);
}

static void do_statvfs(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char path[SFTP_PATH];
        struct sftp_place p;
        struct statvfs s;
        if (!sftp_path(c, path)) {
                sftp_status(f, id, FX_BAD_MESSAGE, "statvfs: a path is too long, or has a NUL byte");
                return;
        }
        int r = sftp_find(&f->scope, path, NEED_READ, &p);
        if (r == -EACCES)
                sftp_denied(f, "Read", path, NEED_READ);
        int fd = r < 0 ? r : sftp_reach(f, "Read", &p, NEED_READ, O_PATH, 0);
        r = fd < 0 ? fd : fstatvfs(fd, &s) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        if (r < 0)
                sftp_answer(f, id, r, "statvfs");
        else
                put_statvfs(f, id, &s);
}

static void do_fstatvfs(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_handle *h = sftp_handle(f, c);
        struct statvfs s;
        int fd = !h ? -1 : h->dir ? dirfd(h->dir) : h->fd;
        if (fd < 0 || fstatvfs(fd, &s) < 0)
                sftp_answer(f, id, fd < 0 ? -EBADF : -errno, "fstatvfs");
        else
                put_statvfs(f, id, &s);
}

static void do_posix_rename(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_rename(f, id, c, true);
}

static void do_lsetstat(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_setstat(f, id, c, false);
}

static void do_fsync(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_handle *h = sftp_handle(f, c);
        int fd = !h ? -1 : h->dir ? dirfd(h->dir) : h->fd;
        sftp_answer(f, id, fd < 0 ? -EBADF : fsync(fd) < 0 ? -errno : 0, "fsync");
}

static void do_limits(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        (void)c;
        sftp_begin(&f->out, FX_EXTENDED_REPLY, id);
        sftp_put64(&f->out, SFTP_PACKET);
        sftp_put64(&f->out, SFTP_DATA);
        sftp_put64(&f->out, SFTP_DATA);
        sftp_put64(&f->out, SFTP_HANDLES);
        sftp_end(&f->out);
}

static void put_path(struct sftp *f, uint32_t id, const char *path)
{
        struct stat st = { 0 };
        sftp_begin(&f->out, FX_NAME, id);
        sftp_put32(&f->out, 1);
        sftp_put(&f->out, path, strlen(path));
        sftp_put(&f->out, path, strlen(path));
        sftp_put_attrs(&f->out, &st);
        sftp_end(&f->out);
}

static const char *home_of(const char *user)
{
        const char *own = getenv("HOME");
        struct passwd *pw = *user ? getpwnam(user) : own ? NULL : getpwuid(geteuid());
        return pw ? pw->pw_dir : *user ? NULL : own;
}

/* ~ and ~user. */
static void do_expand(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char path[SFTP_PATH], user[64] = "", to[2 * SFTP_PATH];
        if (!sftp_path(c, path)) {
                sftp_status(f, id, FX_BAD_MESSAGE, "expand-path: a path is too long, or has a NUL byte");
                return;
        }
        size_t n = strcspn(path, "/");
        const char *home = NULL;
        if (*path == '~' && n <= sizeof user) {
                snprintf(user, sizeof user, "%.*s", (int)n - 1, path + 1);
                home = home_of(user);
        }
        if (*path == '~' && !home) {
                sftp_status(f, id, FX_NO_SUCH_FILE, "expand-path: there is no such user");
                return;
        }
        snprintf(to, sizeof to, "%s%s", home ? home : "", home ? path + n : path);
        if (strlen(to) < SFTP_PATH && sftp_clean(&f->scope, to, path))
                put_path(f, id, path);
        else
                sftp_answer(f, id, -ENAMETOOLONG, "expand-path");
}

static void do_home(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char user[64];
        struct sftp_text t = sftp_take(c);
        snprintf(user, sizeof user, "%.*s", (int)(t.n < sizeof user ? t.n : 0), t.s);
        const char *home = c->bad || t.n >= sizeof user ? NULL : home_of(user);
        if (home)
                put_path(f, id, home);
        else
                sftp_status(f, id, FX_NO_SUCH_FILE, "home-directory: there is no such user");
}

/* Names for two lists of numbers; an empty text where there is none. */
static void do_names(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_text lists[2] = { sftp_take(c), { 0 } };
        lists[1] = sftp_take(c);
        if (c->bad || lists[0].n % 4 || lists[1].n % 4 || lists[0].n + lists[1].n > 4096) {
                sftp_status(f, id, FX_BAD_MESSAGE, "users-groups-by-id: not understood");
                return;
        }
        struct sftp_out names[2] = { { .fd = -1 }, { .fd = -1 } };
        for (int k = 0; k < 2; k++) {
                struct sftp_cursor ids = { (const uint8_t *)lists[k].s,
                                           (const uint8_t *)lists[k].s + lists[k].n, false };
                while (ids.p < ids.end) {
                        uint32_t v = sftp_u32(&ids);
                        struct passwd *pw = k == 0 ? getpwuid(v) : NULL;
                        struct group *g = k == 1 ? getgrgid(v) : NULL;
                        const char *name = pw ? pw->pw_name : g ? g->gr_name : "";
                        sftp_put(&names[k], name, strlen(name));
                }
        }
        sftp_begin(&f->out, FX_EXTENDED_REPLY, id);
        for (int k = 0; k < 2; k++) {
                sftp_put(&f->out, names[k].data, names[k].n);
                free(names[k].data);
        }
        sftp_end(&f->out);
}

static const struct {
        const char *name, *version;
        void (*run)(struct sftp *, uint32_t id, struct sftp_cursor *);
} extensions[] = {
        { "posix-rename@openssh.com", "1", do_posix_rename },
        { "statvfs@openssh.com", "2", do_statvfs },
        { "fstatvfs@openssh.com", "2", do_fstatvfs },
        { "hardlink@openssh.com", "1", sftp_hardlink },
        { "fsync@openssh.com", "1", do_fsync },
        { "lsetstat@openssh.com", "1", do_lsetstat },
        { "limits@openssh.com", "1", do_limits },
        { "expand-path@openssh.com", "1", do_expand },
        { "copy-data", "1", sftp_copy },
        { "home-directory", "1", do_home },
        { "users-groups-by-id@openssh.com", "1", do_names },
};

void sftp_put_extensions(struct sftp_out *o)
{
        for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
                sftp_put(o, extensions[i].name, strlen(extensions[i].name));
                sftp_put(o, extensions[i].version, 1);
        }
}

void sftp_extended(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_text name = sftp_take(c);
        for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
                if (strlen(extensions[i].name) == name.n && memcmp(extensions[i].name, name.s, name.n) == 0) {
                        extensions[i].run(f, id, c);
                        return;
                }
        sftp_status(f, id, FX_OP_UNSUPPORTED, "this extension is not known");
}
