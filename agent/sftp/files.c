/* SPDX-License-Identifier: MIT
 *
 * Open files. A handle is a number and a generation, never an address. An upload may be atomic (reeve.conf, or the
 * subsystem sftp-atomic): a file that is opened to be written anew is written beside its place under a name that begins
 * with a dot, and takes the place when it is closed; a connection that breaks leaves the old file as it was. What is
 * opened to be continued (reput) is written in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

/* ---- handles ---- */

struct sftp_handle *sftp_handle_new(struct sftp *f)
{
        for (unsigned i = 0; i < SFTP_HANDLES; i++) {
                struct sftp_handle *h = &f->handles[i];
                if (h->kind != HANDLE_FREE)
                        continue;
                *h = (struct sftp_handle) { .generation = ++f->serial, .fd = -1, .parent = -1 };
                return h;
        }
        return NULL;
}

void sftp_put_handle(struct sftp *f, uint32_t id, const struct sftp_handle *h)
{
        uint8_t name[8];
        uint32_t v[2] = { (uint32_t)(h - f->handles), h->generation };
        memcpy(name, v, sizeof name);
        sftp_begin(&f->out, FX_HANDLE, id);
        sftp_put(&f->out, name, sizeof name);
        sftp_end(&f->out);
}

struct sftp_handle *sftp_handle(struct sftp *f, struct sftp_cursor *c)
{
        struct sftp_text t = sftp_take(c);
        uint32_t v[2];
        if (t.n != sizeof v)
                return NULL;
        memcpy(v, t.s, sizeof v);
        struct sftp_handle *h = v[0] < SFTP_HANDLES ? &f->handles[v[0]] : NULL;
        return h && h->kind != HANDLE_FREE && h->generation == v[1] ? h : NULL;
}

static struct sftp_handle *file(struct sftp *f, struct sftp_cursor *c)
{
        struct sftp_handle *h = sftp_handle(f, c);
        return h && h->kind == HANDLE_FILE ? h : NULL;
}

/* ---- uploads that replace ---- */

/* Whether the file may be replaced as a whole: an ordinary file with one name, or none yet. */
static bool replaceable(struct sftp_place *p, mode_t *mode, struct stat *st)
{
        if (sftp_parent(p) < 0)
                return false;
        if (fstatat(p->parent, p->last, st, AT_SYMLINK_NOFOLLOW) < 0) {
                st->st_nlink = 0;
                return errno == ENOENT;
        }
        *mode = st->st_mode & 07777;
        return S_ISREG(st->st_mode) && st->st_nlink == 1 && (st->st_uid == geteuid() || geteuid() == 0);
}

static int open_beside(struct sftp_handle *h, struct sftp_place *p, int flags, mode_t mode)
{
        struct stat st;
        char name[SFTP_PATH + 32];
        if (!replaceable(p, &mode, &st))
                return -ENOTSUP;
        const char *slash = strrchr(p->last, '/'); /* without limits it is a path */
        int folder = slash ? (int)(slash + 1 - p->last) : 0;
        for (unsigned i = 0; i < 100; i++) {
                snprintf(name, sizeof name, "%.*s.%.200s.%x-%u.part", folder, p->last, p->last + folder,
                         (unsigned)getpid(), h->generation + i * SFTP_HANDLES);
                int fd = openat(p->parent, name,
                                (flags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
                if (fd < 0 && errno == EEXIST)
                        continue;
                if (fd < 0)
                        return -errno;
                if (st.st_nlink && (fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, mode) < 0)) {
                        close(fd); /* it would not be the same file to others: write it in place */
                        unlinkat(p->parent, name, 0);
                        return -ENOTSUP;
                }
                h->temporary = strdup(name);
                h->last = strdup(p->last);
                h->parent = p->parent;
                p->parent = -1;
                return fd;
        }
        return -EEXIST;
}

static int replace(struct sftp_handle *h)
{
        if (h->error)
                return h->error;
        if (fsync(h->fd) < 0 || renameat(h->parent, h->temporary, h->parent, h->last) < 0)
                return -errno;
        return 0;
}

/* ---- open, close ---- */

static int flags_of(uint32_t asked)
{
        int flags = asked & FXF_WRITE ? asked & FXF_READ ? O_RDWR : O_WRONLY : O_RDONLY;
        if (asked & FXF_WRITE)
                flags |= (asked & FXF_APPEND ? O_APPEND : 0) | (asked & FXF_CREAT ? O_CREAT : 0) |
                         (asked & FXF_TRUNC ? O_TRUNC : 0) | (asked & FXF_EXCL ? O_EXCL : 0);
        return flags | O_NOCTTY | O_NONBLOCK; /* a pipe without a writer must not hold up the session */
}

/* Files and devices; a named pipe would make the session wait for strangers. */
static int check_kind(const struct sftp *f, int fd)
{
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        return S_ISREG(st.st_mode) || (!f->scope.limited && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
                       ? 0
                       : -EACCES;
}

static int open_file(struct sftp *f, struct sftp_handle *h, struct sftp_place *p, uint32_t asked, mode_t mode)
{
        int flags = flags_of(asked), fd = -ENOTSUP;
        bool anew = (asked & (FXF_WRITE | FXF_CREAT | FXF_TRUNC)) == (FXF_WRITE | FXF_CREAT | FXF_TRUNC);
        if (f->atomic && anew && !(asked & (FXF_EXCL | FXF_APPEND)))
                fd = open_beside(h, p, flags, mode);
        if (fd == -ENOTSUP)
                fd = sftp_reach(f, asked & FXF_WRITE ? "Write" : "Read", p,
                                asked & FXF_WRITE ? NEED_WRITE : NEED_READ, flags, mode);
        int r = fd < 0 ? fd : check_kind(f, fd);
        if (r < 0) {
                if (fd >= 0)
                        close(fd);
                return r;
        }
        h->fd = fd;
        return 0; /* what open_beside() made is an ordinary file: only others can fail here */
}

void sftp_open(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        char path[SFTP_PATH];
        struct sftp_attrs a = { 0 };
        struct sftp_place p;
        const char *name = sftp_path(c, path);
        uint32_t asked = sftp_u32(c);
        sftp_take_attrs(c, &a);
        if (c->bad || !(asked & (FXF_READ | FXF_WRITE))) {
                sftp_status(f, id, FX_BAD_MESSAGE, "open: not understood");
                return;
        }
        enum sftp_need need = asked & FXF_WRITE ? NEED_WRITE : NEED_READ;
        const char *method = need == NEED_WRITE ? "Write" : "Read";
        struct sftp_handle *h = sftp_handle_new(f);
        int r = !h                                   ? -EMFILE
                : need == NEED_WRITE && f->read_only ? -EACCES
                                                     : sftp_find(&f->scope, name, need, &p);
        if (r == -EACCES) {
                sftp_denied(f, method, path, need);
        } else if (r == 0) {
                h->record = need == NEED_WRITE ? sftp_intent(f, method, p.shown, NULL) : 0;
                r = h->record < 0 ? -EROFS
                                  : open_file(f, h, &p, asked, a.flags & ATTR_MODE ? a.mode & 0777 : 0666);
                if (r < 0)
                        sftp_outcome(f, h->record, r, NULL);
                sftp_place_end(&p);
        }
        if (r < 0) {
                sftp_answer(f, id, r, "open");
                return;
        }
        h->kind = HANDLE_FILE;
        h->append = asked & FXF_APPEND;
        h->writes = need == NEED_WRITE;
        h->reads = asked & FXF_READ;
        h->path = strdup(p.shown);
        sftp_put_handle(f, id, h);
}

static int end(struct sftp *f, struct sftp_handle *h, bool whole)
{
        int r = h->error;
        if (h->temporary && whole)
                r = replace(h);
        if (h->temporary && (!whole || r < 0))
                unlinkat(h->parent, h->temporary, 0);
        if (h->dir)
                closedir(h->dir);
        else if (h->fd >= 0 && close(h->fd) < 0 && r == 0)
                r = -errno;
        if (h->record > 0)
                sftp_outcome(f, h->record, whole ? r : -ECONNRESET,
                             json_pack("{s:I, s:b}", "Bytes", (json_int_t)h->written, "Complete",
                                       whole && r == 0));
        if (h->parent >= 0)
                close(h->parent);
        free(h->path);
        free(h->temporary);
        free(h->last);
        *h = (struct sftp_handle) { .kind = HANDLE_FREE };
        return r;
}

void sftp_close(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_handle *h = sftp_handle(f, c);
        if (h)
                sftp_answer(f, id, end(f, h, true), "close");
        else
                sftp_status(f, id, FX_FAILURE, "close: there is no such handle");
}

void sftp_handles_end(struct sftp *f)
{
        for (unsigned i = 0; i < SFTP_HANDLES; i++)
                if (f->handles[i].kind != HANDLE_FREE)
                        end(f, &f->handles[i], false);
}

/* ---- bytes ---- */

void sftp_read(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_handle *h = file(f, c);
        uint64_t at = sftp_u64(c);
        uint32_t want = sftp_u32(c);
        if (c->bad || !h || !h->reads || at > INT64_MAX) {
                sftp_status(f, id, FX_FAILURE, "read: there is no such handle that reads");
                return;
        }
        if (want > SFTP_DATA)
                want = SFTP_DATA;
        struct sftp_out *o = &f->out;
        sftp_begin(o, FX_DATA, id);
        sftp_put32(o, 0);
        size_t before = o->n;
        uint8_t *to = sftp_room(o, want ? want : 1);
        ssize_t n = to ? pread(h->fd, to, want, (off_t)at) : -1;
        int error = errno;
        if (n > 0) {
                for (int i = 0; i < 4; i++)
                        o->data[before - 4 + (size_t)i] = (uint8_t)((size_t)n >> (24 - 8 * i));
                o->n = before + (size_t)n;
                sftp_end(o);
                return;
        }
        o->n = o->packet;
        if (n == 0)
                sftp_status(f, id, FX_EOF, "end of file");
        else
                sftp_answer(f, id, -error, "read");
}

static int write_all(struct sftp_handle *h, const char *data, size_t n, uint64_t at)
{
        while (n) {
                ssize_t k = h->append ? write(h->fd, data, n) : pwrite(h->fd, data, n, (off_t)at);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : -EIO;
                data += k;
                at += (uint64_t)k;
                n -= (size_t)k;
                h->written += (uint64_t)k;
        }
        return 0;
}

void sftp_write(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_handle *h = file(f, c);
        uint64_t at = sftp_u64(c);
        struct sftp_text data = sftp_take(c);
        if (c->bad || !h || !h->writes || at > (uint64_t)INT64_MAX - data.n) {
                sftp_status(f, id, FX_FAILURE, "write: there is no such handle that writes");
                return;
        }
        int r = write_all(h, data.s, data.n, at);
        if (r < 0 && !h->error)
                h->error = r;
        sftp_answer(f, id, r, "write");
}

/* copy-data: from one handle to another on this side. 0 bytes: up to the end. */
void sftp_copy(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        struct sftp_handle *from = file(f, c);
        uint64_t at = sftp_u64(c), n = sftp_u64(c);
        struct sftp_handle *to = file(f, c);
        uint64_t to_at = sftp_u64(c);
        if (c->bad || !from || !to || !from->reads || !to->writes || from == to || at > INT64_MAX ||
            to_at > INT64_MAX) {
                sftp_status(f, id, FX_FAILURE, "copy-data: there are no two such handles");
                return;
        }
        char *piece = malloc(SFTP_DATA);
        bool all = n == 0;
        int r = piece ? 0 : -ENOMEM;
        while (r == 0 && (all || n)) {
                ssize_t k = pread(from->fd, piece, all || n > SFTP_DATA ? SFTP_DATA : (size_t)n, (off_t)at);
                if (k <= 0) {
                        r = k < 0 ? -errno : 0;
                        break;
                }
                r = write_all(to, piece, (size_t)k, to_at);
                at += (uint64_t)k, to_at += (uint64_t)k;
                n -= all ? 0 : (uint64_t)k;
        }
        free(piece);
        if (r < 0 && !to->error)
                to->error = r;
        sftp_answer(f, id, r, "copy-data");
}
