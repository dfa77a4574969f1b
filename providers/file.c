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
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/File.h"
#include "providers/lib/base64.h"
#include "providers/lib/copyfile.h"
#include "providers/lib/fileinfo.h"
#include "providers/lib/filemore.h"
#include "providers/lib/filetext.h"
#include "providers/lib/fill.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

enum { TEXT_MOST = 512 << 10, DEEPEST = 128, ENTRY_MOST = 4096, THREADS = 8 };

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

static bool is_over(const void *call)
{
        return rv_cancelled(call);
}

static void fill_content(struct rv_row *row, const char *path, const struct rv_call *call)
{
        size_t n = 0;
        char *text = File_wants_Content(row) ? bytes_of(path, TEXT_MOST, &n) : NULL, hex[65];
        if (text && rv_is_text(text, n))
                File_set_Content(row, text, n);
        free(text);
        int fd = File_wants_Sha256(row)
                         ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                         : -1;
        if (fd < 0)
                return;
        if (rv_fd_sha256(fd, is_over, call, hex))
                rv_fill(row, File_Sha256, hex);
        close(fd);
}

static void fill_told(struct rv_row *row, unsigned p, const char *path)
{
        char told[RV_FILENAME_TOLD];
        if (rv_wants(row, p) && rv_filename_told(path, told))
                rv_fill(row, p, told);
}

static void fill_names(struct rv_row *row, const char *path)
{
        char folder[PATH_MAX];
        fill_told(row, File_Name, path);
        size_t n = strlen(path) > 1 ? (size_t)(strrchr(path, '/') - path) : 0;
        snprintf(folder, sizeof folder, "%.*s", n ? (int)n : 1, path);
        if (path[1])
                fill_told(row, File_Directory, folder);
}

static int emit(struct rv_sink *out, const char *path, const struct rv_call *call)
{
        struct stat st;
        char text[PATH_MAX];
        if (lstat(path, &st) < 0)
                return RV_OK; /* it has gone, or never was */
        struct rv_row *row = rv_row(out);
        fill_names(row, path);
        rv_fill(row, File_Type, type_of(st.st_mode));
        snprintf(text, sizeof text, "%04o", st.st_mode & 07777);
        rv_fill(row, File_Mode, text);
        if (File_wants_Owner(row))
                owner_name(st.st_uid, text), rv_fill(row, File_Owner, text);
        if (File_wants_Group(row))
                group_name(st.st_gid, text), rv_fill(row, File_Group, text);
        File_set_Size(row, (uint64_t)st.st_size);
        File_set_LastModified(row, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
        rv_file_fill_more(row, path, &st);
        if (S_ISLNK(st.st_mode) && File_wants_Target(row)) {
                ssize_t k = readlink(path, text, sizeof text - 1);
                text[k > 0 ? k : 0] = 0;
                fill_told(row, File_Target, text);
        }
        if (S_ISREG(st.st_mode) && (File_wants_Content(row) || File_wants_Sha256(row)))
                fill_content(row, path, call);
        return rv_emit(out, row);
}

/* A folder's entry where a file system is mounted that does not answer: that it is there is known all the same. */
static int emit_silent(struct rv_sink *out, const char *path, const struct rv_error *why)
{
        struct rv_row *row = rv_row(out);
        rv_partial(out, why);
        fill_names(row, path);
        rv_fill(row, File_Type, "Directory");
        return rv_emit(out, row);
}

static int list_folder(const struct rv_query *q, struct rv_sink *out, const struct rv_mounts *mounts,
                       const char *folder, struct rv_error *err)
{
        char path[PATH_MAX];
        DIR *d = opendir(folder);
        int e = RV_OK;
        if (!d)
                return errno == ENOENT || errno == ENOTDIR
                               ? RV_OK
                               : rv_fail_errno(err, errno, "cannot list %.200s", folder);
        for (struct dirent *f; e == RV_OK && !rv_cancelled(q->call) && (f = readdir(d));) {
                struct rv_error silent = { 0 };
                if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..") ||
                    (size_t)snprintf(path, sizeof path, "%s/%s", folder[1] ? folder : "", f->d_name) >=
                            sizeof path)
                        continue;
                if (rv_file_is_risky_mount(mounts, path) &&
                    rv_file_answers(mounts, path, q->deadline, &silent))
                        e = emit_silent(out, path, &silent);
                else
                        e = emit(out, path, q->call);
        }
        closedir(d);
        return e;
}

/* Its path in bytes: false where it is none. */
static bool path_of(const struct rv_arg *told, char ret[PATH_MAX])
{
        return told->type == RV_STRING && is_path(told->s, told->len) && rv_filename_real(told->s, ret);
}

static int file_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *name = rv_equals(q, File_Name), *folder = rv_equals(q, File_Directory);
        char path[PATH_MAX];
        struct rv_mounts mounts;
        if (!name && !folder) {
                rv_fail(err, RV_INVALID_PARAMETER, "all files of a host are not listed");
                return rv_hint(err, "Name one: Name = '/etc/hosts', or a folder: Directory = '/etc'.");
        }
        if (!path_of(name ? name : folder, path))
                return RV_OK;
        int e = rv_mounts_read(&mounts);
        if (e)
                return rv_fail_errno(err, -e, "cannot read /proc/self/mountinfo");
        e = rv_file_answers(&mounts, path, q->deadline, err);
        if (e == RV_OK)
                e = name ? emit(out, path, q->call) : list_folder(q, out, &mounts, path, err);
        rv_mounts_free(&mounts);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

/* What a call asks for, looked at before anything is done. */
struct wish {
        char path[PATH_MAX], target_bytes[PATH_MAX];
        const char *type, *content, *target;
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

/* The path that a call is about, in bytes; its file system answers. */
static int find_path(struct rv_call *c, const struct rv_arg *name, char ret[PATH_MAX], struct rv_error *err)
{
        struct rv_mounts mounts;
        if (!path_of(name, ret))
                return bad(err, "Name",
                           "a file is named by its absolute path, without dots and doubled slashes");
        rv_about(err, NULL, name->s, NULL);
        int e = rv_mounts_read(&mounts);
        if (e)
                return rv_fail_errno(err, -e, "cannot read /proc/self/mountinfo");
        e = rv_file_answers(&mounts, ret, c->deadline, err);
        rv_mounts_free(&mounts);
        return e;
}

static int read_wish(struct rv_call *c, const struct rv_values *v, struct wish *w, struct rv_error *err)
{
        const struct rv_arg *name =
                c->key[File_Name].type == RV_STRING ? &c->key[File_Name] : &v->v[File_Name];
        const char *mode = given(v, File_Mode), *owner = given(v, File_Owner), *group = given(v, File_Group);
        *w = (struct wish) { .type = given(v, File_Type),
                             .content = given(v, File_Content),
                             .target = given(v, File_Target) };
        int e = find_path(c, name, w->path, err);
        if (e)
                return e;
        w->ncontent = w->content ? v->v[File_Content].len : 0;
        if (w->target && !rv_filename_real(w->target, w->target_bytes))
                return bad(err, "Target", "it is too long");
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
                    : link ? (symlink(w.target_bytes, w.path) < 0 ? errno : 0)
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
        if (strcmp(old, w->target_bytes) == 0)
                return RV_OK;
        rv_change(c, "Target", old, w->target);
        int r = c->what_if ? 0 : rv_replace_link(w->path, w->target_bytes);
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

static int look_at(const char *path, struct stat *ret, struct rv_error *err)
{
        if (lstat(path, ret) == 0)
                return RV_OK;
        return errno == ENOENT || errno == ENOTDIR ? rv_fail(err, RV_NOT_FOUND, "there is no %.200s", path)
                                                   : failed(err, "look at", path);
}

static int remove_one(struct rv_call *c, bool recurse, struct rv_error *err)
{
        char path[PATH_MAX];
        struct stat st;
        int e = find_path(c, &c->key[File_Name], path, err);
        if (e == RV_OK)
                e = look_at(path, &st, err);
        if (e)
                return e;
        if (!path[1])
                return rv_fail(err, RV_INVALID_PARAMETER, "the root is not removed");
        rv_change(c, "Type", type_of(st.st_mode), NULL);
        if (c->what_if)
                return RV_OK;
        int error = recurse && S_ISDIR(st.st_mode) ? remove_tree(AT_FDCWD, path, st.st_dev, 0)
                    : (S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path)) < 0 ? errno
                                                                             : 0;
        if (!error)
                return RV_OK;
        e = rv_fail_errno(err, error, "cannot remove %.200s", path);
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

/* ---- other methods ---- */

/* Where it goes: named like a file, and not onto itself. */
static int find_destination(struct rv_call *c, const char *told, size_t n, const char *from,
                            char ret[PATH_MAX], struct rv_error *err)
{
        const struct rv_arg arg = { .type = RV_STRING, .len = (uint32_t)n, .s = told };
        int e = find_path(c, &arg, ret, err);
        rv_about(err, NULL, c->key[File_Name].s, e == RV_INVALID_PARAMETER ? "Destination" : NULL);
        if (e == RV_OK && strcmp(from, ret) == 0)
                return bad(err, "Destination", "it is that file already");
        return e;
}

static int moved(int r, const char *what, const char *from, const char *to, struct rv_error *err)
{
        if (r == -EEXIST) {
                rv_fail(err, RV_ALREADY_EXISTS, "%.200s is there already", to);
                return rv_hint(err, "Replace replaces it.");
        }
        if (r == -EISDIR || (r == -EINVAL && *what == 'c'))
                return rv_fail(
                        err, RV_FAILED,
                        "cannot %s %.100s to %.100s: only a file or a link is copied, and no folder replaced",
                        what, from, to);
        rv_fail_errno(err, -r, "cannot %s %.100s to %.100s", what, from, to);
        return r == -EXDEV ? rv_hint(err, "It is another file system: Copy it there, then Delete it here.")
                           : err->code;
}

static int copy_or_rename(struct rv_call *c, const char *told, size_t n, bool replace, bool copy,
                          struct rv_error *err)
{
        char path[PATH_MAX], to[PATH_MAX];
        struct stat st, there;
        int e = find_path(c, &c->key[File_Name], path, err);
        if (e == RV_OK)
                e = look_at(path, &st, err);
        if (e == RV_OK)
                e = find_destination(c, told, n, path, to, err);
        if (e)
                return e;
        bool is = lstat(to, &there) == 0;
        if (is && !replace)
                return moved(-EEXIST, "", path, to, err);
        rv_change(c, copy ? "Destination" : "Name", copy ? NULL : c->key[File_Name].s, told);
        if (c->what_if)
                return RV_OK;
        int r = copy ? rv_copy_file(c, path, to, replace) : rv_rename_file(path, to, replace);
        return r ? moved(r, copy ? "copy" : "rename", path, to, err) : RV_OK;
}

static int file_copy(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_Copy_in *in = args;
        int e = copy_or_rename(c, in->Destination, in->Destination_len, in->has_Replace && in->Replace, true,
                               err);
        if (e == RV_OK)
                File_Copy_out_set_ReturnValue(c->out, 0);
        return e;
}

static int file_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_Rename_in *in = args;
        int e = copy_or_rename(c, in->Destination, in->Destination_len, in->has_Replace && in->Replace, false,
                               err);
        if (e == RV_OK)
                File_Rename_out_set_ReturnValue(c->out, 0);
        return e;
}

static int no_file(const char *path, const struct stat *st, struct rv_error *err)
{
        return rv_fail(err, RV_FAILED, "%.200s is a %s: only a file has a content", path,
                       type_of(st->st_mode));
}

static int give_part(struct rv_call *c, const char *buf, size_t n, const char *encoding, struct rv_error *err)
{
        bool text = rv_is_text(buf, n);
        if (!text && strcasecmp(encoding, "Text") == 0) {
                rv_fail(err, RV_FAILED, "that part of it is no UTF-8");
                return rv_hint(err, "Ask for it as Base64.");
        }
        text &= strcasecmp(encoding, "Base64") != 0;
        char *told = text ? NULL : rv_base64(buf, n);
        if (!text && !told)
                return -ENOMEM;
        File_GetContent_out_set_Content(c->out, text ? buf : told, text ? n : strlen(told));
        rv_fill(c->out, File_GetContent_out_ContentEncoding, text ? "Text" : "Base64");
        free(told);
        return RV_OK;
}

static int file_get_content(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_GetContent_in *in = args;
        char path[PATH_MAX], revision[128], *buf = NULL;
        struct stat st;
        size_t most = in->has_Length ? in->Length : TEXT_MOST, n = 0;
        int e = find_path(c, &c->key[File_Name], path, err);
        if (e == RV_OK)
                e = look_at(path, &st, err);
        if (e || !S_ISREG(st.st_mode))
                return e ? e : no_file(path, &st, err);
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                e = failed(err, "open", path);
        else if (!(buf = malloc(most)))
                e = -ENOMEM;
        for (ssize_t k = 1; e == RV_OK && n < most && k; n += (size_t)k)
                if ((k = pread(fd, buf + n, most - n, (off_t)((in->has_Offset ? in->Offset : 0) + n))) < 0) {
                        e = failed(err, "read", path);
                        break;
                }
        if (e == RV_OK)
                e = give_part(c, buf, n, in->has_Encoding ? in->Encoding : "Auto", err);
        if (e == RV_OK) {
                rv_file_revision(&st, revision);
                rv_fill(c->out, File_GetContent_out_Revision, revision);
                File_GetContent_out_set_Size(c->out, (uint64_t)st.st_size);
                File_GetContent_out_set_ReturnValue(c->out, 0);
        }
        free(buf);
        if (fd >= 0)
                close(fd);
        return e;
}

static int check_revision(const char *path, const char *wanted, struct rv_error *err)
{
        char now[128];
        struct stat st;
        int e = look_at(path, &st, err);
        if (e)
                return e;
        rv_file_revision(&st, now);
        if (strcmp(now, wanted) == 0)
                return RV_OK;
        rv_about(err, NULL, NULL, "IfRevision");
        rv_fail(err, RV_FAILED, "%.200s has changed meanwhile", path);
        return rv_hint(err, "Read it again, and give the Revision that it has now: %s", now);
}

static int write_content(struct rv_call *c, const char *path, const char *content, size_t n,
                         struct rv_error *err)
{
        size_t nold;
        char *old = bytes_of(path, TEXT_MOST, &nold);
        bool text = rv_is_text(content, n);
        rv_change(c, "Content", old && rv_is_text(old, nold) ? old : NULL, text ? content : "(bytes)");
        free(old);
        int r = c->what_if ? 0 : rv_replace_file(path, content, n, 0600);
        return r ? rv_fail_errno(err, -r, "cannot write %.200s", path) : RV_OK;
}

static int file_set_content(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_SetContent_in *in = args;
        char path[PATH_MAX], revision[128], *bytes = NULL;
        struct stat st;
        ssize_t n = (ssize_t)in->Content_len;
        int e = find_path(c, &c->key[File_Name], path, err);
        if (e == RV_OK)
                e = look_at(path, &st, err);
        if (e == RV_OK && !S_ISREG(st.st_mode))
                e = no_file(path, &st, err);
        if (e == RV_OK && in->has_Encoding && strcasecmp(in->Encoding, "Base64") == 0) {
                if (!(bytes = malloc(in->Content_len + 4)))
                        return -ENOMEM;
                if ((n = rv_base64_bytes(in->Content, bytes)) < 0)
                        e = bad(err, "Content", "it is no base64");
                else
                        bytes[n] = 0;
        }
        if (e == RV_OK && n > TEXT_MOST)
                e = bad(err, "Content", "it has more than 512 KiB");
        if (e == RV_OK && in->has_IfRevision)
                e = check_revision(path, in->IfRevision, err);
        if (e == RV_OK)
                e = write_content(c, path, bytes ? bytes : in->Content, (size_t)n, err);
        free(bytes);
        if (e)
                return e;
        if (!c->what_if && lstat(path, &st) == 0) {
                rv_file_revision(&st, revision);
                rv_fill(c->out, File_SetContent_out_Revision, revision);
        }
        File_SetContent_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* As modify would do it, of these properties alone. */
static int set_some(struct rv_call *c, const char *mode, const char *owner, const char *group,
                    struct rv_error *err)
{
        struct rv_arg *v = rv_arena_get(c->arena, File_class.nproperties * sizeof *v);
        uint64_t *set = rv_arena_get(c->arena, RV_MASK_WORDS(File_class.nproperties) * sizeof *set);
        const struct {
                unsigned p;
                const char *s;
        } given[] = { { File_Mode, mode }, { File_Owner, owner }, { File_Group, group } };
        if (!v || !set)
                return -ENOMEM;
        for (size_t i = 0; i < 3; i++)
                if (given[i].s) {
                        v[given[i].p] = (struct rv_arg) { .type = RV_STRING,
                                                          .s = given[i].s,
                                                          .len = (uint32_t)strlen(given[i].s) };
                        rv_bit_set(set, given[i].p);
                }
        return file_modify(c, &(struct rv_values) { v, set }, err);
}

static int file_set_mode(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_SetMode_in *in = args;
        int e = set_some(c, in->Mode, NULL, NULL, err);
        if (e == RV_OK)
                File_SetMode_out_set_ReturnValue(c->out, 0);
        return e;
}

static int file_set_owner(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_SetOwner_in *in = args;
        if (!in->has_Owner && !in->has_Group)
                return rv_fail(err, RV_INVALID_PARAMETER, "give Owner, Group or both");
        int e = set_some(c, NULL, in->has_Owner ? in->Owner : NULL, in->has_Group ? in->Group : NULL, err);
        if (e == RV_OK)
                File_SetOwner_out_set_ReturnValue(c->out, 0);
        return e;
}

/* Attributes are set by a descriptor's path: the very thing that was looked at. */
static int open_thing(struct rv_call *c, char path[PATH_MAX], char self[40], struct stat *st,
                      struct rv_error *err)
{
        int e = find_path(c, &c->key[File_Name], path, err), fd = -1;
        if (e == RV_OK)
                e = look_at(path, st, err);
        if (e == RV_OK && S_ISLNK(st->st_mode))
                e = rv_fail(err, RV_FAILED, "%.200s is a link, which has none of its own", path);
        if (e == RV_OK && ((fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC)) < 0 || fstat(fd, st) < 0))
                e = failed(err, "look at", path);
        snprintf(self, 40, "/proc/self/fd/%d", fd);
        if (e && fd >= 0)
                close(fd);
        return e ? -1 : fd;
}

static int file_set_acl(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_SetAcl_in *in = args;
        bool folder = in->has_Default && in->Default;
        const char *attribute = folder ? "system.posix_acl_default" : "system.posix_acl_access", *why = NULL;
        char path[PATH_MAX], self[40], told[1024] = "";
        uint8_t raw[4 + 8 * 512];
        struct stat st;
        long n = in->Entries_n ? rv_acl_bytes(in->Entries, in->Entries_n, raw, sizeof raw, &why) : 0;
        if (n < 0)
                return bad(err, "Entries", why);
        int fd = open_thing(c, path, self, &st, err), e = RV_OK;
        if (fd < 0)
                return err->code;
        if (folder && !S_ISDIR(st.st_mode))
                e = rv_fail(err, RV_FAILED, "%.200s is no folder", path);
        for (uint32_t i = 0; i < in->Entries_n && strlen(told) + in->Entries[i].len + 2 < sizeof told; i++)
                strcat(strcat(told, i ? "," : ""), in->Entries[i].s);
        if (e == RV_OK)
                rv_change(c, folder ? "DefaultAcl" : "Acl", NULL, told);
        if (e == RV_OK && !c->what_if &&
            (n ? setxattr(self, attribute, raw, (size_t)n, 0) : removexattr(self, attribute)) < 0 &&
            (n || errno != ENODATA))
                e = failed(err, "set the access list of", path);
        close(fd);
        if (e == RV_OK)
                File_SetAcl_out_set_ReturnValue(c->out, 0);
        return e;
}

static int file_set_attribute(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct File_SetExtendedAttribute_in *in = args;
        char path[PATH_MAX], self[40], *bytes = NULL;
        struct stat st;
        ssize_t n = in->has_Value ? (ssize_t)in->Value_len : 0;
        if (strncmp(in->AttributeName, "system.posix_acl_", 17) == 0)
                return bad(err, "AttributeName", "access lists are set by SetAcl");
        if (in->has_Value && strncmp(in->Value, "0s", 2) == 0) {
                if (!(bytes = malloc(in->Value_len + 4)))
                        return -ENOMEM;
                if ((n = rv_base64_bytes(in->Value + 2, bytes)) < 0) {
                        free(bytes);
                        return bad(err, "Value", "behind 0s it is no base64");
                }
        }
        int fd = open_thing(c, path, self, &st, err), e = RV_OK;
        if (fd >= 0) {
                rv_change(c, in->AttributeName, NULL, in->has_Value ? in->Value : NULL);
                int r = c->what_if ? 0
                        : in->has_Value
                                ? setxattr(self, in->AttributeName, bytes ? bytes : in->Value, (size_t)n, 0)
                                : removexattr(self, in->AttributeName);
                if (r < 0)
                        e = errno == ENODATA ? rv_fail(err, RV_NOT_FOUND, "%.100s has no attribute %.100s",
                                                       path, in->AttributeName)
                                             : failed(err, "set an attribute of", path);
                close(fd);
        }
        free(bytes);
        if (fd >= 0 && e == RV_OK)
                File_SetExtendedAttribute_out_set_ReturnValue(c->out, 0);
        return fd < 0 ? err->code : e;
}

static int (*const methods[File_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [File_method_Delete] = file_delete,
        [File_method_Copy] = file_copy,
        [File_method_Rename] = file_rename,
        [File_method_GetContent] = file_get_content,
        [File_method_SetContent] = file_set_content,
        [File_method_SetMode] = file_set_mode,
        [File_method_SetOwner] = file_set_owner,
        [File_method_SetAcl] = file_set_acl,
        [File_method_SetExtendedAttribute] = file_set_attribute
};

static const struct rv_provider file = { .class = &File_class,
                                         .query = file_query,
                                         .methods = methods,
                                         .create = file_create,
                                         .modify = file_modify,
                                         .remove = file_remove,
                                         .threads = THREADS };

RV_PROVIDERS(file, &file);
