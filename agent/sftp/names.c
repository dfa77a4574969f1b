/* SPDX-License-Identifier: MIT
 *
 * Paths: what they are, what is in a folder, and changes of names. Every change goes the same way: is it within the
 * role, is it on record, then the system call, then its outcome.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

/* ---- looking ---- */

/* A folder on the way to what the role names: it is there, and that is all to be known of it. */
static void put_way(struct stat *st)
{
        *st = (struct stat) { .st_mode = S_IFDIR | 0555, .st_nlink = 1 };
}

static int look(struct sftp *f, const char *path, bool follow, struct stat *st)
{
        struct sftp_place p;
        int r = sftp_find(&f->scope, path, NEED_READ, &p);
        if (r == -EACCES && sftp_on_the_way(&f->scope, path)) {
                put_way(st);
                return 0;
        }
        if (r < 0) {
                if (r == -EACCES)
                        sftp_denied(f, "Read", path, NEED_READ);
                return r;
        }
        if (!p.root)
                return fstatat(p.dir, p.name, st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
        int fd = sftp_reach(f, "Read", &p, NEED_READ, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
        if (fd < 0)
                return fd;
        r = fstat(fd, st) < 0 ? -errno : 0;
        close(fd);
        return r;
}

static void put_stat(struct sftp *f, uint32_t id, int r, const struct stat *st)
{
        if (r < 0) {
                sftp_answer(f, id, r, "stat");
                return;
        }
        sftp_begin(&f->out, FX_ATTRS, id);
        sftp_put_attrs(&f->out, st);
        sftp_end(&f->out);
}

static const char *path_or_answer(struct sftp *f, uint32_t id, struct sftp_cursor *c, char to[SFTP_PATH])
{
        const char *path = sftp_path(c, to);
        if (!path)
                sftp_status(f, id, FX_BAD_MESSAGE, "a path is too long, or has a NUL byte");
        return path;
}

void sftp_stat(struct sftp *f, uint32_t id, struct sftp_cursor *c, bool follow)
{
        char path[SFTP_PATH];
        struct stat st;
        if (path_or_answer(f, id, c, path))
                put_stat(f, id, look(f, path, follow, &st), &st);
}

void sftp_fstat(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct stat st;
        struct sftp_handle *h = sftp_handle(f, c);
        int fd = !h ? -1 : h->dir ? dirfd(h->dir) : h->fd, r = 0;
        if (h && h->kind == HANDLE_WAY)
                put_way(&st);
        else
                r = fd < 0 ? -EBADF : fstat(fd, &st) < 0 ? -errno : 0;
        put_stat(f, id, r, &st);
}

void sftp_readlink(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char path[SFTP_PATH], end[SFTP_PATH];
        struct sftp_place p;
        struct stat st;
        if (!path_or_answer(f, id, c, path))
                return;
        int r = sftp_find(&f->scope, path, NEED_READ, &p);
        if (r == -EACCES)
                sftp_denied(f, "Read", path, NEED_READ);
        int fd = r < 0 ? r : sftp_reach(f, "Read", &p, NEED_READ, O_PATH | O_NOFOLLOW, 0);
        ssize_t n = fd < 0 ? 0 : readlinkat(fd, "", end, sizeof end - 1);
        r = fd < 0 ? fd : n < 0 ? (errno == ENOENT ? -EINVAL : -errno) : 0; /* ENOENT: it is no link */
        if (fd >= 0)
                close(fd);
        if (r < 0) {
                sftp_answer(f, id, r, "readlink");
                return;
        }
        end[n] = 0;
        st = (struct stat) { 0 };
        sftp_begin(&f->out, FX_NAME, id);
        sftp_put32(&f->out, 1);
        sftp_put(&f->out, end, (size_t)n);
        sftp_put(&f->out, end, (size_t)n);
        sftp_put_attrs(&f->out, &st);
        sftp_end(&f->out);
}

/* The last step need not be there. */
static bool real_path(const char *path, char to[SFTP_PATH])
{
        char *whole = realpath(path, NULL), folder[SFTP_PATH];
        if (whole && strlen(whole) < SFTP_PATH) {
                strcpy(to, whole);
                free(whole);
                return true;
        }
        free(whole);
        const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
        if (errno != ENOENT || !*last || strcmp(last, "..") == 0)
                return false;
        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
        whole = realpath(folder, NULL);
        bool good = whole && snprintf(to, SFTP_PATH, "%s/%s", strcmp(whole, "/") == 0 ? "" : whole, last) < SFTP_PATH;
        free(whole);
        return good;
}

void sftp_realpath(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char path[SFTP_PATH], clean[SFTP_PATH];
        struct stat st = { 0 };
        if (!path_or_answer(f, id, c, path))
                return;
        /* Under a role the text alone counts: what links say is found out when the path is used. */
        if (f->scope.limited ? !sftp_clean(&f->scope, path, clean) : !real_path(path, clean)) {
                sftp_answer(f, id, errno ? -errno : -ENAMETOOLONG, "realpath");
                return;
        }
        sftp_begin(&f->out, FX_NAME, id);
        sftp_put32(&f->out, 1);
        sftp_put(&f->out, clean, strlen(clean));
        sftp_put(&f->out, clean, strlen(clean));
        sftp_put_attrs(&f->out, &st);
        sftp_end(&f->out);
}

/* ---- folders ---- */

void sftp_opendir(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char path[SFTP_PATH];
        struct sftp_place p;
        if (!path_or_answer(f, id, c, path))
                return;
        struct sftp_handle *h = sftp_handle_new(f);
        int r = h ? sftp_find(&f->scope, path, NEED_READ, &p) : -EMFILE;
        bool way = r == -EACCES && sftp_on_the_way(&f->scope, path);
        if (r == -EACCES && !way)
                sftp_denied(f, "Read", path, NEED_READ);
        if (r == 0) {
                r = sftp_reach(f, "Read", &p, NEED_READ, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
                h->dir = r < 0 ? NULL : fdopendir(r);
                if (r >= 0 && !h->dir) {
                        close(r);
                        r = -ENOMEM;
                }
        }
        if (r < 0 && !way) {
                sftp_answer(f, id, r, "opendir");
                return;
        }
        h->kind = way ? HANDLE_WAY : HANDLE_FOLDER;
        h->path = strdup(p.shown);
        sftp_put_handle(f, id, h);
}

static bool next_name(struct sftp *f, struct sftp_handle *h, char *name, size_t size, struct stat *st)
{
        if (h->kind == HANDLE_WAY) {
                put_way(st);
                return h->path && sftp_on_the_way_name(&f->scope, h->path, h->at++, name, size);
        }
        struct dirent *e = readdir(h->dir);
        if (!e)
                return false;
        snprintf(name, size, "%s", e->d_name);
        if (fstatat(dirfd(h->dir), e->d_name, st, AT_SYMLINK_NOFOLLOW) < 0)
                *st = (struct stat) { .st_nlink = 1 }; /* gone meanwhile, or not to be seen */
        return true;
}

void sftp_readdir(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_handle *h = sftp_handle(f, c);
        char name[SFTP_PATH], line[SFTP_PATH + 128];
        struct stat st;
        if (!h || (h->kind != HANDLE_FOLDER && h->kind != HANDLE_WAY)) {
                sftp_status(f, id, FX_FAILURE, "readdir: there is no such handle of a folder");
                return;
        }
        struct sftp_out *o = &f->out;
        sftp_begin(o, FX_NAME, id);
        size_t at = o->n;
        uint32_t n = 0;
        sftp_put32(o, 0);
        while (n < SFTP_NAMES && o->n - at < SFTP_PACKET / 4 && next_name(f, h, name, sizeof name, &st)) {
                sftp_long_name(line, sizeof line, name, &st);
                sftp_put(o, name, strlen(name));
                sftp_put(o, line, strlen(line));
                sftp_put_attrs(o, &st);
                n++;
        }
        if (o->failed)
                return;
        if (n == 0) {
                o->n = o->packet;
                sftp_status(f, id, FX_EOF, "no more names");
                return;
        }
        for (int i = 0; i < 4; i++)
                o->data[at + (size_t)i] = (uint8_t)(n >> (24 - 8 * i));
        sftp_end(o);
}

/* ---- changes ---- */

/* May it be done, and is it on record? 0, or -errno, which has been recorded if it is a denial. */
static int begin(struct sftp *f, const char *method, const char *path, struct sftp_place *p, json_t *arguments,
                 int64_t *record)
{
        int r = f->read_only ? -EACCES : sftp_find(&f->scope, path, NEED_WRITE, p);
        if (r == 0 && p->root && p->root->is_file && strcmp(method, "SetAttributes") != 0)
                r = -EACCES;
        if (r == -EACCES)
                sftp_denied(f, method, path, NEED_WRITE);
        if (r < 0) {
                json_decref(arguments);
                p->parent = -1;
                return r;
        }
        *record = sftp_intent(f, method, p->shown, arguments);
        return *record < 0 ? -EROFS : 0;
}

static json_t *attrs_json(const struct sftp_attrs *a)
{
        json_t *j = json_object();
        char mode[8];
        snprintf(mode, sizeof mode, "%04o", a->mode & 07777);
        if (a->flags & ATTR_SIZE)
                json_object_set_new(j, "Size", json_integer((json_int_t)a->size));
        if (a->flags & ATTR_MODE)
                json_object_set_new(j, "Mode", json_string(mode));
        if (a->flags & ATTR_OWNER) {
                json_object_set_new(j, "Uid", json_integer(a->uid));
                json_object_set_new(j, "Gid", json_integer(a->gid));
        }
        if (a->flags & ATTR_TIME)
                json_object_set_new(j, "ModificationTime", json_integer(a->mtime));
        return j;
}

void sftp_setstat(struct sftp *f, uint32_t id, struct sftp_cursor *c, bool follow)
{
        char path[SFTP_PATH];
        struct sftp_attrs a;
        struct sftp_place p;
        int64_t record;
        if (!path_or_answer(f, id, c, path))
                return;
        sftp_take_attrs(c, &a);
        if (c->bad) {
                sftp_status(f, id, FX_BAD_MESSAGE, "setstat: not understood");
                return;
        }
        int r = begin(f, "SetAttributes", path, &p, attrs_json(&a), &record);
        if (r == 0) {
                int fd = sftp_reach(f, "SetAttributes", &p, NEED_WRITE, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
                r = fd < 0 ? fd : sftp_set_attrs(fd, true, &a);
                if (fd >= 0)
                        close(fd);
                sftp_outcome(f, record, r, NULL);
        }
        sftp_answer(f, id, r, "setstat");
}

/* Of a file that is open to be written: that is on record already, except who may do what with it. */
void sftp_fsetstat(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_attrs a;
        struct sftp_handle *h = sftp_handle(f, c);
        sftp_take_attrs(c, &a);
        if (c->bad || !h || h->kind == HANDLE_WAY) {
                sftp_status(f, id, FX_FAILURE, "fsetstat: there is no such handle");
                return;
        }
        if (!h->writes) { /* as setstat of the path, with the same questions */
                struct sftp_place p;
                int64_t record;
                int r = begin(f, "SetAttributes", h->path ? h->path : "?", &p, attrs_json(&a), &record);
                if (r == 0) {
                        r = sftp_set_attrs(h->dir ? dirfd(h->dir) : h->fd, false, &a);
                        sftp_outcome(f, record, r, NULL);
                }
                sftp_answer(f, id, r, "fsetstat");
                return;
        }
        int64_t record = a.flags & (ATTR_OWNER | 0u) || (a.flags & ATTR_MODE && a.mode & 07000)
                                 ? sftp_intent(f, "SetAttributes", h->path ? h->path : "?", attrs_json(&a))
                                 : 0;
        int r = record < 0 ? -EROFS : sftp_set_attrs(h->fd, false, &a);
        sftp_outcome(f, record, r, NULL);
        sftp_answer(f, id, r, "fsetstat");
}

void sftp_remove(struct sftp *f, uint32_t id, struct sftp_cursor *c, bool folder)
{
        char path[SFTP_PATH];
        struct sftp_place p;
        int64_t record;
        if (!path_or_answer(f, id, c, path))
                return;
        int r = begin(f, folder ? "RemoveFolder" : "Remove", path, &p, NULL, &record);
        if (r == 0) {
                r = sftp_reach_parent(f, folder ? "RemoveFolder" : "Remove", &p);
                if (r == 0 && unlinkat(p.parent, p.last, folder ? AT_REMOVEDIR : 0) < 0)
                        r = -errno;
                sftp_outcome(f, record, r, NULL);
                sftp_place_end(&p);
        }
        sftp_answer(f, id, r, folder ? "rmdir" : "remove");
}

void sftp_mkdir(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char path[SFTP_PATH];
        struct sftp_attrs a = { 0 };
        struct sftp_place p;
        int64_t record;
        if (!path_or_answer(f, id, c, path))
                return;
        sftp_take_attrs(c, &a);
        if (c->bad) {
                sftp_status(f, id, FX_BAD_MESSAGE, "mkdir: not understood");
                return;
        }
        int r = begin(f, "CreateFolder", path, &p, NULL, &record);
        if (r == 0) {
                r = sftp_reach_parent(f, "CreateFolder", &p);
                if (r == 0 && mkdirat(p.parent, p.last, a.flags & ATTR_MODE ? a.mode & 07777 : 0777) < 0)
                        r = -errno;
                sftp_outcome(f, record, r, NULL);
                sftp_place_end(&p);
        }
        sftp_answer(f, id, r, "mkdir");
}

/* Two names, both of them to be written. */
struct pair {
        char from_path[SFTP_PATH], to_path[SFTP_PATH];
        struct sftp_place from, to;
        int64_t record;
};

static int begin_pair(struct sftp *f, const char *method, struct pair *w)
{
        struct sftp_place seen;
        w->from.parent = w->to.parent = -1;
        int r = f->read_only ? -EACCES : sftp_find(&f->scope, w->to_path, NEED_WRITE, &seen);
        if (r == -EACCES)
                sftp_denied(f, method, w->to_path, NEED_WRITE);
        if (r < 0)
                return r;
        json_t *to = json_string(seen.shown); /* NULL: no UTF-8; the record of it is then without */
        r = begin(f, method, w->from_path, &w->from, to ? json_pack("{s:o}", "To", to) : NULL, &w->record);
        w->to = seen;
        if (r == 0)
                r = sftp_reach_parent(f, method, &w->from);
        if (r == 0)
                r = sftp_reach_parent(f, method, &w->to);
        if (r < 0 && w->record > 0)
                sftp_outcome(f, w->record, r, NULL);
        return r;
}

static void end_pair(struct sftp *f, uint32_t id, struct pair *w, int r, bool began, const char *what)
{
        if (began)
                sftp_outcome(f, w->record, r, NULL);
        sftp_place_end(&w->from);
        sftp_place_end(&w->to);
        sftp_answer(f, id, r, what);
}

static bool take_pair(struct sftp *f, uint32_t id, struct sftp_cursor *c, struct pair *w)
{
        w->record = 0;
        return path_or_answer(f, id, c, w->from_path) && path_or_answer(f, id, c, w->to_path);
}

/* Version 3: what is there is not replaced; posix-rename@openssh.com replaces. */
static int move(const struct pair *w, bool over)
{
        if (over)
                return renameat(w->from.parent, w->from.last, w->to.parent, w->to.last) < 0 ? -errno : 0;
        if (renameat2(w->from.parent, w->from.last, w->to.parent, w->to.last, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL) /* a file system that cannot: a link and its removal are as safe, for files */
                return -errno;
        if (linkat(w->from.parent, w->from.last, w->to.parent, w->to.last, 0) < 0)
                return -errno;
        return unlinkat(w->from.parent, w->from.last, 0) < 0 ? -errno : 0;
}

void sftp_rename(struct sftp *f, uint32_t id, struct sftp_cursor *c, bool over)
{
        struct pair w;
        if (!take_pair(f, id, c, &w))
                return;
        int r = begin_pair(f, "Rename", &w);
        bool began = r == 0;
        end_pair(f, id, &w, began ? move(&w, over) : r, began, "rename");
}

void sftp_hardlink(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct pair w;
        if (!take_pair(f, id, c, &w))
                return;
        int r = begin_pair(f, "Link", &w);
        bool began = r == 0;
        if (began && linkat(w.from.parent, w.from.last, w.to.parent, w.to.last, 0) < 0)
                r = -errno;
        end_pair(f, id, &w, r, began, "hardlink");
}

/* A link under a role must not point out of it: other programs would follow. */
static bool stays_inside(struct sftp *f, const char *target, const char *link)
{
        char whole[3 * SFTP_PATH];
        struct sftp_place p;
        const char *slash = strrchr(link, '/');
        if (!f->scope.limited)
                return true;
        snprintf(whole, sizeof whole, "%.*s/%s", *target == '/' || !slash ? 0 : (int)(slash - link), link, target);
        return strlen(whole) < SFTP_PATH && sftp_find(&f->scope, whole, NEED_READ, &p) == 0;
}

/* The target comes first, as OpenSSH has it, not as the draft of the protocol. */
void sftp_symlink(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char target[SFTP_PATH], link[SFTP_PATH];
        struct sftp_place p;
        int64_t record;
        if (!path_or_answer(f, id, c, target) || !path_or_answer(f, id, c, link))
                return;
        json_t *to = json_string(target);
        int r = begin(f, "CreateLink", link, &p, to ? json_pack("{s:o}", "To", to) : NULL, &record);
        if (r == 0) {
                if (!stays_inside(f, target, p.shown)) {
                        sftp_denied(f, "CreateLink", target, NEED_READ);
                        r = -EACCES;
                }
                if (r == 0)
                        r = sftp_reach_parent(f, "CreateLink", &p);
                if (r == 0 && symlinkat(target, p.parent, p.last) < 0)
                        r = -errno;
                sftp_outcome(f, record, r, NULL);
                sftp_place_end(&p);
        }
        sftp_answer(f, id, r, "symlink");
}
