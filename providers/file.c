/* SPDX-License-Identifier: MIT
 *
 * File: what lstat(2) says of a path; a folder's entries where Directory is given. Changes go through a descriptor of
 * the very thing that was looked at (O_PATH, O_NOFOLLOW), so that a link that is put in its place meanwhile is not
 * followed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/File.h"
#include "providers/lib/filetext.h"
#include "providers/lib/fill.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

enum { TEXT_MOST = 512 << 10, SUM_MOST = 64 << 20, DEEPEST = 128, ENTRY_MOST = 4096 };

/* ---- names ---- */

static const char *type_of(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFREG: return "File";
        case S_IFDIR: return "Directory";
        case S_IFLNK: return "Link";
        case S_IFBLK: return "BlockDevice";
        case S_IFCHR: return "CharacterDevice";
        case S_IFIFO: return "Pipe";
        default: return "Socket";
        }
}

static void owner_name(uid_t id, char ret[256])
{
        struct passwd p, *got = NULL;
        char buf[ENTRY_MOST];
        if (getpwuid_r(id, &p, buf, sizeof buf, &got) == 0 && got)
                snprintf(ret, 256, "%s", p.pw_name);
        else
                snprintf(ret, 256, "%u", (unsigned)id);
}

static void group_name(gid_t id, char ret[256])
{
        struct group g, *got = NULL;
        char buf[ENTRY_MOST];
        if (getgrgid_r(id, &g, buf, sizeof buf, &got) == 0 && got)
                snprintf(ret, 256, "%s", g.gr_name);
        else
                snprintf(ret, 256, "%u", (unsigned)id);
}

static bool number_of(const char *s, unsigned *ret)
{
        char *end;
        errno = 0;
        unsigned long n = strtoul(s, &end, 10);
        *ret = (unsigned)n;
        return *s >= '0' && *s <= '9' && !*end && !errno && n < UINT_MAX;
}

static bool owner_id(const char *s, uid_t *ret)
{
        struct passwd p, *got = NULL;
        char buf[ENTRY_MOST];
        if (getpwnam_r(s, &p, buf, sizeof buf, &got) == 0 && got) {
                *ret = p.pw_uid;
                return true;
        }
        return number_of(s, ret);
}

static bool group_id(const char *s, gid_t *ret)
{
        struct group g, *got = NULL;
        char buf[ENTRY_MOST];
        if (getgrnam_r(s, &g, buf, sizeof buf, &got) == 0 && got) {
                *ret = g.gr_gid;
                return true;
        }
        return number_of(s, ret);
}

/* Absolute, and the one way to write it: a key names one object. */
static bool is_path(const char *s, size_t n)
{
        if (!n || n >= PATH_MAX || strlen(s) != n || *s != '/' || (n > 1 && s[n - 1] == '/') ||
            strstr(s, "//"))
                return false;
        for (const char *p = s; (p = strstr(p, "/.")); p++)
                if (!p[2] || p[2] == '/' || (p[2] == '.' && (!p[3] || p[3] == '/')))
                        return false;
        return true;
}

/* ---- reading ---- */

/* Its bytes, where it is a file of at most that size; NULL. */
static char *bytes_of(const char *path, size_t most, size_t *ret_n)
{
        struct stat st;
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        char *text = NULL, self[40];
        if (fd < 0)
                return NULL;
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= most)
                text = rv_slurp(self, most, ret_n);
        close(fd);
        return text;
}

static void fill_content(struct rv_row *row, const char *path)
{
        size_t n = 0;
        bool sum = File_wants_Sha256(row);
        char *text = bytes_of(path, sum ? SUM_MOST : TEXT_MOST, &n), hex[65];
        if (!text)
                return;
        if (n <= TEXT_MOST && rv_is_text(text, n))
                File_set_Content(row, text, n);
        if (sum) {
                rv_bytes_sha256(text, n, hex);
                rv_fill(row, File_Sha256, hex);
        }
        free(text);
}

static int emit(struct rv_sink *out, const char *path)
{
        struct stat st;
        char text[PATH_MAX];
        if (lstat(path, &st) < 0)
                return RV_OK; /* it has gone, or never was */
        struct rv_row *row = rv_row(out);
        rv_fill(row, File_Name, path);
        size_t n = strlen(path) > 1 ? (size_t)(strrchr(path, '/') - path) : 0;
        if (path[1])
                rv_fill_n(row, File_Directory, path, n ? n : 1);
        rv_fill(row, File_Type, type_of(st.st_mode));
        snprintf(text, sizeof text, "%04o", st.st_mode & 07777);
        rv_fill(row, File_Mode, text);
        if (File_wants_Owner(row))
                owner_name(st.st_uid, text), rv_fill(row, File_Owner, text);
        if (File_wants_Group(row))
                group_name(st.st_gid, text), rv_fill(row, File_Group, text);
        File_set_Size(row, (uint64_t)st.st_size);
        File_set_LastModified(row, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
        if (S_ISLNK(st.st_mode) && File_wants_Target(row)) {
                ssize_t k = readlink(path, text, sizeof text);
                if (k > 0)
                        rv_fill_n(row, File_Target, text, (size_t)k);
        }
        if (S_ISREG(st.st_mode) && (File_wants_Content(row) || File_wants_Sha256(row)))
                fill_content(row, path);
        return rv_emit(out, row);
}

static int list_folder(const struct rv_query *q, struct rv_sink *out, const char *folder,
                       struct rv_error *err)
{
        char path[PATH_MAX];
        DIR *d = opendir(folder);
        int e = RV_OK;
        if (!d)
                return errno == ENOENT || errno == ENOTDIR
                               ? RV_OK
                               : rv_fail_errno(err, errno, "cannot list %.200s", folder);
        for (struct dirent *f; e == RV_OK && !rv_cancelled(q->call) && (f = readdir(d));) {
                if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, ".."))
                        continue;
                if ((size_t)snprintf(path, sizeof path, "%s/%s", folder[1] ? folder : "", f->d_name) <
                    sizeof path)
                        e = emit(out, path);
        }
        closedir(d);
        return e == RV_STOP ? RV_OK : e;
}

static int file_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *name = rv_equals(q, File_Name), *folder = rv_equals(q, File_Directory);
        int e = RV_OK;
        if (name)
                e = is_path(name->s, name->len) ? emit(out, name->s) : RV_OK;
        else if (folder)
                e = is_path(folder->s, folder->len) ? list_folder(q, out, folder->s, err) : RV_OK;
        else if (rv_fail(err, RV_INVALID_PARAMETER, "all files of a host are not listed"))
                return rv_hint(err, "Name one: Name = '/etc/hosts', or a folder: Directory = '/etc'.");
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

/* What a call asks for, looked at before anything is done. */
struct wish {
        const char *path, *type, *content, *target;
        size_t ncontent;
        bool has_mode, has_owner, has_group;
        mode_t mode;
        uid_t owner;
        gid_t group;
};

static const char *given(const struct rv_values *v, unsigned p)
{
        return rv_bit(v->set, p) && v->v[p].type == RV_STRING ? v->v[p].s : NULL;
}

static int bad(struct rv_error *err, const char *property, const char *why)
{
        rv_about(err, NULL, NULL, property);
        return rv_fail(err, RV_INVALID_PARAMETER, "%s", why);
}

static int read_wish(struct rv_call *c, const struct rv_values *v, struct wish *w, struct rv_error *err)
{
        const struct rv_arg *name =
                c->key[File_Name].type == RV_STRING ? &c->key[File_Name] : &v->v[File_Name];
        const char *mode = given(v, File_Mode), *owner = given(v, File_Owner), *group = given(v, File_Group);
        *w = (struct wish) { .type = given(v, File_Type),
                             .content = given(v, File_Content),
                             .target = given(v, File_Target) };
        if (name->type != RV_STRING || !is_path(name->s, name->len))
                return bad(err, "Name",
                           "a file is named by its absolute path, without dots and doubled slashes");
        w->path = name->s;
        w->ncontent = w->content ? v->v[File_Content].len : 0;
        rv_about(err, NULL, w->path, NULL);
        if (mode) {
                if (strlen(mode) != 4 || strspn(mode, "01234567") != 4)
                        return bad(err, "Mode", "permissions are four octal digits, such as 0644");
                w->mode = (mode_t)strtoul(mode, NULL, 8);
                w->has_mode = true;
        }
        if (owner && !(w->has_owner = owner_id(owner, &w->owner)))
                return bad(err, "Owner", "there is no such user");
        if (group && !(w->has_group = group_id(group, &w->group)))
                return bad(err, "Group", "there is no such group");
        return RV_OK;
}

/* A path of more than err holds is cut there. */
static int failed(struct rv_error *err, const char *what, const char *path)
{
        return rv_fail_errno(err, errno, "cannot %s %.200s", what, path);
}

static int set_rights(const struct wish *w, struct rv_error *err)
{
        struct stat st;
        char self[40];
        int fd = open(w->path, O_PATH | O_NOFOLLOW | O_CLOEXEC), e = RV_OK;
        if (fd < 0 || fstat(fd, &st) < 0) {
                e = failed(err, "look at", w->path);
        } else {
                snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
                mode_t mode = w->has_mode ? w->mode : st.st_mode & 07777;
                bool moves =
                        (w->has_owner && w->owner != st.st_uid) || (w->has_group && w->group != st.st_gid);
                if (moves && fchownat(fd, "", w->has_owner ? w->owner : (uid_t)-1,
                                      w->has_group ? w->group : (gid_t)-1, AT_EMPTY_PATH) < 0)
                        e = failed(err, "give away", w->path);
                else if (!S_ISLNK(st.st_mode) && (moves || mode != (st.st_mode & 07777)) &&
                         chmod(self, mode) < 0)
                        e = failed(err, "set the permissions of", w->path);
        }
        if (fd >= 0)
                close(fd);
        return e;
}

static void tell_rights(struct rv_call *c, const struct wish *w, const struct stat *old)
{
        char from[256], to[256];
        snprintf(from, sizeof from, "%04o", old ? old->st_mode & 07777 : 0);
        snprintf(to, sizeof to, "%04o", w->mode);
        if (w->has_mode && (!old || strcmp(from, to) != 0))
                rv_change(c, "Mode", old ? from : NULL, to);
        if (w->has_owner && (!old || old->st_uid != w->owner)) {
                owner_name(old ? old->st_uid : 0, from), owner_name(w->owner, to);
                rv_change(c, "Owner", old ? from : NULL, to);
        }
        if (w->has_group && (!old || old->st_gid != w->group)) {
                group_name(old ? old->st_gid : 0, from), group_name(w->group, to);
                rv_change(c, "Group", old ? from : NULL, to);
        }
}

/* What a new one needs: its folder, and nothing where it comes to lie. */
static int look_before(const struct wish *w, struct rv_error *err)
{
        struct stat st;
        char folder[PATH_MAX];
        snprintf(folder, sizeof folder, "%s", w->path);
        char *slash = strrchr(folder, '/');
        slash[slash == folder] = 0;
        if (lstat(w->path, &st) == 0)
                return rv_fail(err, RV_ALREADY_EXISTS, "%.200s is there already", w->path);
        if (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode)) {
                rv_fail(err, RV_FAILED, "cannot make %.150s: there is no folder %.150s", w->path, folder);
                return rv_hint(err, "Make the folder first; in a document by DependsOn.");
        }
        return RV_OK;
}

static int file_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct wish w;
        int e = read_wish(c, v, &w, err);
        if (e == RV_OK)
                e = look_before(&w, err);
        if (e)
                return e;
        const char *type = w.type ? w.type : w.target ? "Link" : "File";
        bool folder = !strcmp(type, "Directory"), link = !strcmp(type, "Link");
        if (!folder && !link && strcmp(type, "File") != 0)
                return bad(err, "Type", "only files, folders and links can be made");
        if (link != (w.target != NULL))
                return bad(err, "Target",
                           link ? "a link needs where it leads" : "only a link has where it leads");
        if (w.content && (folder || link))
                return bad(err, "Content", "only a file has a content");
        if (link && w.has_mode)
                return bad(err, "Mode", "a link has no permissions of its own");
        if (!w.has_mode && !link) {
                w.has_mode = true;
                w.mode = folder ? 0755 : 0644;
        }
        rv_change(c, "Type", NULL, type);
        if (w.content)
                rv_change(c, "Content", NULL, w.content);
        if (link)
                rv_change(c, "Target", NULL, w.target);
        tell_rights(c, &w, NULL);
        if (c->what_if)
                return RV_OK;
        /* Nobody else's until it has its owner and permissions. */
        int error = folder ? (mkdir(w.path, 0700) < 0 ? errno : 0)
                    : link ? (symlink(w.target, w.path) < 0 ? errno : 0)
                           : -rv_replace_file(w.path, w.content ? w.content : "", w.ncontent, 0600);
        return error ? rv_fail_errno(err, error, "cannot make %.200s", w.path) : set_rights(&w, err);
}

static int check_type(const struct wish *w, const struct stat *st, struct rv_error *err)
{
        const char *is = type_of(st->st_mode);
        if (w->type && strcmp(w->type, is) != 0) {
                rv_about(err, NULL, NULL, "Type");
                rv_fail(err, RV_FAILED, "%.200s is a %s and does not become a %s", w->path, is, w->type);
                return rv_hint(err, "Remove it first.");
        }
        if (w->content && !S_ISREG(st->st_mode)) {
                rv_about(err, NULL, NULL, "Content");
                rv_fail(err, RV_FAILED, "%.200s is a %s: only a file has a content", w->path, is);
                return S_ISLNK(st->st_mode) ? rv_hint(err, "Name the file that the link leads to.")
                                            : RV_FAILED;
        }
        if (w->target && !S_ISLNK(st->st_mode))
                return bad(err, "Target", "only a link has where it leads");
        return w->has_mode && S_ISLNK(st->st_mode) ? bad(err, "Mode", "a link has no permissions of its own")
                                                   : RV_OK;
}

static int set_content(struct rv_call *c, const struct wish *w, struct rv_error *err)
{
        size_t n = 0;
        char *old = bytes_of(w->path, TEXT_MOST, &n);
        bool same = old && n == w->ncontent && memcmp(old, w->content, n) == 0;
        int e = RV_OK;
        if (!same) {
                rv_change(c, "Content", old && rv_is_text(old, n) ? old : NULL, w->content);
                int r = c->what_if ? 0 : rv_replace_file(w->path, w->content, w->ncontent, 0600);
                if (r)
                        e = rv_fail_errno(err, -r, "cannot write %.200s", w->path);
        }
        free(old);
        return e;
}

static int set_target(struct rv_call *c, const struct wish *w, struct rv_error *err)
{
        char old[PATH_MAX];
        ssize_t n = readlink(w->path, old, sizeof old - 1);
        old[n > 0 ? n : 0] = 0;
        if (strcmp(old, w->target) == 0)
                return RV_OK;
        rv_change(c, "Target", old, w->target);
        int r = c->what_if ? 0 : rv_replace_link(w->path, w->target);
        return r ? rv_fail_errno(err, -r, "cannot lead the link %.200s elsewhere", w->path) : RV_OK;
}

static int file_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct wish w;
        struct stat st;
        int e = read_wish(c, v, &w, err);
        if (e)
                return e;
        if (lstat(w.path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR
                               ? rv_fail(err, RV_NOT_FOUND, "there is no %.200s", w.path)
                               : failed(err, "look at", w.path);
        e = check_type(&w, &st, err);
        if (e == RV_OK && w.content)
                e = set_content(c, &w, err);
        if (e == RV_OK && w.target)
                e = set_target(c, &w, err);
        if (e == RV_OK)
                tell_rights(c, &w, &st);
        return e || c->what_if ? e : set_rights(&w, err);
}

/* ---- removing ---- */

/* 0 or an errno. Of one file system, and no link is followed. */
static int remove_tree(int at, const char *name, dev_t device, int depth)
{
        struct stat st;
        if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno;
        if (!S_ISDIR(st.st_mode))
                return unlinkat(at, name, 0) < 0 ? errno : 0;
        if (st.st_dev != device)
                return EXDEV;
        int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        int error = d ? depth > DEEPEST ? ENAMETOOLONG : 0 : errno;
        if (!d && fd >= 0)
                close(fd);
        for (struct dirent *f; !error && (f = readdir(d));)
                if (strcmp(f->d_name, ".") && strcmp(f->d_name, ".."))
                        error = remove_tree(dirfd(d), f->d_name, device, depth + 1);
        if (d)
                closedir(d);
        return error ? error : unlinkat(at, name, AT_REMOVEDIR) < 0 ? errno : 0;
}

static int remove_one(struct rv_call *c, bool recurse, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[File_Name];
        struct stat st;
        if (name->type != RV_STRING || !is_path(name->s, name->len))
                return bad(err, "Name",
                           "a file is named by its absolute path, without dots and doubled slashes");
        rv_about(err, NULL, name->s, NULL);
        if (lstat(name->s, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR
                               ? rv_fail(err, RV_NOT_FOUND, "there is no %.200s", name->s)
                               : failed(err, "look at", name->s);
        if (!name->s[1])
                return rv_fail(err, RV_INVALID_PARAMETER, "the root is not removed");
        rv_change(c, "Type", type_of(st.st_mode), NULL);
        if (c->what_if)
                return RV_OK;
        int error = recurse && S_ISDIR(st.st_mode) ? remove_tree(AT_FDCWD, name->s, st.st_dev, 0)
                    : (S_ISDIR(st.st_mode) ? rmdir(name->s) : unlink(name->s)) < 0 ? errno
                                                                                   : 0;
        if (!error)
                return RV_OK;
        int e = rv_fail_errno(err, error, "cannot remove %.200s", name->s);
        return error == ENOTEMPTY ? rv_hint(err, "Empty it first, or call Delete with Recurse.") : e;
}

static int file_remove(struct rv_call *c, struct rv_error *err)
{
        return remove_one(c, false, err);
}

static int file_delete(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_Delete_in *in = args;
        int e = remove_one(c, in->has_Recurse && in->Recurse, err);
        if (e == RV_OK)
                File_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[File_nmethods])(struct rv_call *, const void *,
                                           struct rv_error *) = { [File_method_Delete] = file_delete };

static const struct rv_provider file = { .class = &File_class,
                                         .query = file_query,
                                         .methods = methods,
                                         .create = file_create,
                                         .modify = file_modify,
                                         .remove = file_remove };

RV_PROVIDERS(file, &file);
