/* SPDX-License-Identifier: MIT
 *
 * [System.IO.Path], [System.IO.File], [System.IO.Directory]. Relative paths start at the session's location, which is
 * also the process's.
 */
#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/fileinfo.h"
#include "shell/files.h"
#include "shell/library.h"
#include "shell/stream_object.h"
#include "shell/types.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- [System.IO.Path] ---- */
enum {
        P_JOIN,
        P_COMBINE,
        P_NAME,
        P_BASE,
        P_EXT,
        P_DIR,
        P_FULL,
        P_ROOTED,
        P_QUALIFIED,
        P_ROOT,
        P_HASEXT,
        P_CHANGE,
        P_RELATIVE,
        P_TRIM,
        P_ENDS,
        P_EXISTS
};
/* Combine begins anew at an absolute part, Join does not. */
static struct sv join(struct sh *sh, struct sh_args a, bool combine)
{
        struct sh_buf b = { 0 };
        struct sv list = sh_args_at(a, 0);
        if (a.n == 1 && list.kind == SH_ARRAY)
                a = (struct sh_args) { list.a->n, list.a->v };
        for (uint32_t i = 0; i < a.n; i++) {
                struct sv t = sh_to_text(sh, a.v[i]);
                if (combine && t.s->s[0] == '/')
                        b.n = 0;
                else if (b.n && t.s->len && b.p[b.n - 1] != '/' && t.s->s[0] != '/')
                        sh_buf_put(&b, "/", 1);
                sh_buf_put(&b, t.s->s, t.s->len);
                sh_drop(t);
        }
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}
static struct sv relative(struct sh *sh, const char *from, const char *to)
{
        char *x = sh_path_full(sh, from), *y = sh_path_full(sh, to);
        size_t same = 0, i = 0;
        struct sh_buf b = { 0 };
        for (; x[i] && x[i] == y[i]; i++)
                if (x[i] == '/')
                        same = i + 1;
        if ((!x[i] && (!y[i] || y[i] == '/')) || (!y[i] && x[i] == '/'))
                same = i + 1;
        size_t nx = strlen(x), ny = strlen(y);
        for (size_t k = same; k < nx; k = k + strcspn(x + k, "/") + 1)
                sh_buf_puts(&b, b.n ? "/.." : "..");
        if (same < ny)
                sh_buf_putf(&b, "%s%s", b.n ? "/" : "", y + same);
        if (!b.n)
                sh_buf_puts(&b, ".");
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        free(x);
        free(y);
        return r;
}
static struct sv full_path(struct sh *sh, const char *p)
{
        char *full = sh_path_full(sh, p);
        size_t n = strlen(p);
        struct sv r = n > 1 && p[n - 1] == '/' && strcmp(full, "/") ? sh_printf("%s/", full) : sh_text(full);
        free(full);
        return r;
}
static struct sv change_extension(struct sh *sh, const char *p, const char *dot, struct sh_args a)
{
        if (a.n < 2 || sh_is_null(a.v[1]))
                return sh_string(p, dot ? (size_t)(dot - p) : strlen(p));
        struct sv t = sh_to_text(sh, a.v[1]);
        struct sv r = sh_printf("%.*s%s%s", (int)(dot ? (size_t)(dot - p) : strlen(p)), p,
                                t.s->s[0] == '.' ? "" : ".", t.s->s);
        sh_drop(t);
        return r;
}
static int path_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        struct stat st;
        if (!a.n)
                return SH_NONE;
        if (what == P_JOIN || what == P_COMBINE) {
                *ret = join(sh, a, what == P_COMBINE);
                return SH_OK;
        }
        if (a.n != 1u + (what == P_CHANGE || what == P_RELATIVE) && !(what == P_FULL && a.n == 2))
                return SH_NONE;
        if (sh_is_null(a.v[0]) && (what == P_NAME || what == P_EXT || what == P_DIR || what == P_BASE)) {
                *ret = SH_NIL;
                return SH_OK;
        }
        struct sv s = sh_to_text(sh, a.v[0]), t;
        const char *p = s.s->s, *slash = strrchr(p, '/'), *name = slash ? slash + 1 : p,
                   *dot = strrchr(name, '.');
        size_t n = s.s->len;
        switch (what) {
        case P_NAME: *ret = sh_text(name); break;
        case P_BASE: *ret = sh_string(name, dot ? (size_t)(dot - name) : strlen(name)); break;
        case P_EXT: *ret = sh_text(dot && dot[1] ? dot : ""); break;
        case P_HASEXT: *ret = sh_bool(dot && dot[1]); break;
        case P_DIR:
                while (slash && slash > p && slash[-1] == '/')
                        slash--;
                *ret = !strcmp(p, "/") || !n ? sh_text("")
                       : slash               ? sh_string(p, slash == p ? 1 : (size_t)(slash - p))
                                             : sh_text("");
                break;
        case P_FULL:
                if (a.n == 2) {
                        struct sv args[2] = { a.v[1], a.v[0] };
                        t = join(sh, (struct sh_args) { 2, args }, true);
                        *ret = full_path(sh, t.s->s);
                        sh_drop(t);
                } else {
                        *ret = full_path(sh, p);
                }
                break;
        case P_ROOTED:
        case P_QUALIFIED: *ret = sh_bool(p[0] == '/'); break;
        case P_ROOT: *ret = sh_text(p[0] == '/' ? "/" : ""); break;
        case P_CHANGE: *ret = change_extension(sh, p, dot, a); break;
        case P_RELATIVE:
                t = sh_to_text(sh, a.v[1]);
                *ret = relative(sh, p, t.s->s);
                sh_drop(t);
                break;
        case P_TRIM: *ret = sh_string(p, n > 1 && p[n - 1] == '/' ? n - 1 : n); break;
        case P_ENDS: *ret = sh_bool(n && p[n - 1] == '/'); break;
        default: {
                char *full = sh_path_full(sh, p);
                *ret = sh_bool(stat(full, &st) == 0);
                free(full);
        }
        }
        sh_drop(s);
        return SH_OK;
}
static int path_temp(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        const char *tmp = getenv("TMPDIR") && *getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
        char path[PATH_MAX];
        intptr_t what = sh_member_arg(sh);
        if (what == 'p') {
                *ret = sh_printf("%s%s", tmp, tmp[strlen(tmp) - 1] == '/' ? "" : "/");
                return SH_OK;
        }
        if (snprintf(path, sizeof(path), "%s/tmpXXXXXX.tmp", tmp) >= (int)sizeof(path))
                return SH_NONE;
        int fd = mkstemps(path, 4);
        if (fd < 0)
                return sh_throw_member(sh, a, "System.IO.IOException", "%s : '%s'", strerror(errno), tmp);
        close(fd);
        if (what == 'r')
                unlink(path);
        char *name = strrchr(path, '/') + 4; /* eight letters, a dot, three more */
        *ret = what == 'r' ? sh_printf("%.6sx0.%.3s", name, name) : sh_text(path);
        return SH_OK;
}
static int path_invalid(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_array_typed(&sh_type_char, 0);
        sh_array_take(ret->a, sh_char(0));
        if (sh_member_arg(sh))
                sh_array_take(ret->a, sh_char('/'));
        return SH_OK;
}
static int path_separator(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_char((uint16_t)sh_member_arg(sh));
        return SH_OK;
}
static const struct sh_member path_members[] = {
        SH_SM("Combine", "static string Combine(string path1, string path2)", path_do, P_COMBINE),
        SH_SM("Join", "static string Join(string path1, string path2)", path_do, P_JOIN),
        SH_SM("GetFileName", "static string GetFileName(string path)", path_do, P_NAME),
        SH_SM("GetFileNameWithoutExtension", "static string GetFileNameWithoutExtension(string path)",
              path_do, P_BASE),
        SH_SM("GetExtension", "static string GetExtension(string path)", path_do, P_EXT),
        SH_SM("GetDirectoryName", "static string GetDirectoryName(string path)", path_do, P_DIR),
        SH_SM("GetFullPath", "static string GetFullPath(string path)", path_do, P_FULL),
        SH_SM("GetPathRoot", "static string GetPathRoot(string path)", path_do, P_ROOT),
        SH_SM("GetRelativePath", "static string GetRelativePath(string relativeTo, string path)", path_do,
              P_RELATIVE),
        SH_SM("IsPathRooted", "static bool IsPathRooted(string path)", path_do, P_ROOTED),
        SH_SM("IsPathFullyQualified", "static bool IsPathFullyQualified(string path)", path_do, P_QUALIFIED),
        SH_SM("HasExtension", "static bool HasExtension(string path)", path_do, P_HASEXT),
        SH_SM("ChangeExtension", "static string ChangeExtension(string path, string extension)", path_do,
              P_CHANGE),
        SH_SM("TrimEndingDirectorySeparator", "static string TrimEndingDirectorySeparator(string path)",
              path_do, P_TRIM),
        SH_SM("EndsInDirectorySeparator", "static bool EndsInDirectorySeparator(string path)", path_do,
              P_ENDS),
        SH_SM("Exists", "static bool Exists(string path)", path_do, P_EXISTS),
        SH_SM("GetTempPath", "static string GetTempPath()", path_temp, 'p'),
        SH_SM("GetTempFileName", "static string GetTempFileName()", path_temp, 'f'),
        SH_SM("GetRandomFileName", "static string GetRandomFileName()", path_temp, 'r'),
        SH_SM("GetInvalidFileNameChars", "static char[] GetInvalidFileNameChars()", path_invalid, 1),
        SH_SM("GetInvalidPathChars", "static char[] GetInvalidPathChars()", path_invalid, 0),
        SH_SP("DirectorySeparatorChar", "static char DirectorySeparatorChar {get;}", path_separator, '/'),
        SH_SP("AltDirectorySeparatorChar", "static char AltDirectorySeparatorChar {get;}", path_separator,
              '/'),
        SH_SP("VolumeSeparatorChar", "static char VolumeSeparatorChar {get;}", path_separator, '/'),
        SH_SP("PathSeparator", "static char PathSeparator {get;}", path_separator, ':'),
};
static const struct sh_type path_type = { .name = "System.IO.Path",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(path_members) };

/* ---- shared by File and Directory ---- */
static char *argument_path(struct sh *sh, struct sh_args a, uint32_t i)
{
        struct sv t = sh_to_text(sh, a.v[i]);
        char *full = sh_path_full(sh, t.s->s);
        sh_drop(t);
        return full;
}
static int fail(struct sh *sh, struct sh_args a, int e, const char *path, bool directory)
{
        switch (e) {
        case 0: return SH_OK;
        case ENOENT: {
                const char *slash = strrchr(path, '/');
                char parent[PATH_MAX];
                struct stat st;
                snprintf(parent, sizeof(parent), "%.*s", slash > path ? (int)(slash - path) : 1, path);
                bool gone = directory || stat(parent, &st) != 0;
                return gone ? sh_throw_member(sh, a, "System.IO.DirectoryNotFoundException",
                                              "Could not find a part of the path '%s'.", path)
                            : sh_throw_member(sh, a, "System.IO.FileNotFoundException",
                                              "Could not find file '%s'.", path);
        }
        case EACCES:
        case EPERM:
        case EISDIR:
                return sh_throw_member(sh, a, "System.UnauthorizedAccessException",
                                       "Access to the path '%s' is denied.", path);
        case EEXIST:
                return sh_throw_member(sh, a, "System.IO.IOException", "The file '%s' already exists.", path);
        case ENOTEMPTY:
                return sh_throw_member(sh, a, "System.IO.IOException", "Directory not empty : '%s'", path);
        default: return sh_throw_member(sh, a, "System.IO.IOException", "%s : '%s'", strerror(e), path);
        }
}
static int time_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct stat st;
        intptr_t what = sh_member_arg(sh);
        if (a.n != 1)
                return SH_NONE;
        char *path = argument_path(sh, a, 0);
        bool there = stat(path, &st) == 0;
        struct timespec t = !there            ? (struct timespec) { -11644473600, 0 }
                            : (what & 3) == 1 ? st.st_atim
                                              : st.st_mtim;
        *ret = sh_datetime_unix(t.tv_sec, t.tv_nsec);
        if (what & 4)
                *ret = sh_datetime_utc(*ret);
        free(path);
        return SH_OK;
}
static int time_set(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv d;
        int64_t ns, s;
        intptr_t what = sh_member_arg(sh);
        *ret = SH_NOTHING;
        if (a.n != 2 || !sh_try_convert(sh, a.v[1], &sh_type_datetime, &d))
                return SH_NONE;
        if (what & 4)
                d.aux = SH_DATE_UTC;
        s = sh_datetime_to_unix(d, &ns);
        struct timespec t[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
        t[(what & 3) != 1] = (struct timespec) { s, ns };
        char *path = argument_path(sh, a, 0);
        int st = fail(sh, a, utimensat(AT_FDCWD, path, t, 0) == 0 ? 0 : errno, path, false);
        free(path);
        return st;
}
#define TIMES \
        SH_SM("GetLastWriteTime", "static datetime GetLastWriteTime(string path)", time_get, 0), \
                SH_SM("GetLastWriteTimeUtc", "static datetime GetLastWriteTimeUtc(string path)", time_get, \
                      4), \
                SH_SM("GetLastAccessTime", "static datetime GetLastAccessTime(string path)", time_get, 1), \
                SH_SM("GetCreationTime", "static datetime GetCreationTime(string path)", time_get, 0), \
                SH_SM("SetLastWriteTime", "static void SetLastWriteTime(string path, datetime time)", \
                      time_set, 0), \
                SH_SM("SetLastWriteTimeUtc", "static void SetLastWriteTimeUtc(string path, datetime time)", \
                      time_set, 4), \
                SH_SM("SetLastAccessTime", "static void SetLastAccessTime(string path, datetime time)", \
                      time_set, 1)

/* ---- [System.IO.File] ---- */
static int read_all(const char *path, struct sh_buf *b)
{
        char block[65536];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = 0;
        if (fd < 0)
                return errno;
        while ((n = read(fd, block, sizeof(block))) > 0)
                sh_buf_put(b, block, (size_t)n);
        int e = n < 0 ? errno : 0;
        close(fd);
        return e;
}
static int write_all(const char *path, const struct sh_buf *b, int flags)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666), e = fd < 0 ? errno : 0;
        for (size_t at = 0; !e && at < b->n;) {
                ssize_t n = write(fd, b->p + at, b->n - at);
                if (n < 0)
                        e = errno;
                else
                        at += (size_t)n;
        }
        if (fd >= 0 && close(fd) != 0 && !e)
                e = errno;
        return e;
}
static struct sv lines_of(const struct sh_buf *b)
{
        struct sv r = sh_array_typed(&sh_type_string, 0);
        for (char *p = b->p, *end = b->p + b->n, *nl; p < end; p = nl + 1) {
                nl = memchr(p, '\n', (size_t)(end - p));
                nl = nl ? nl : end;
                sh_array_take(r.a, sh_string(p, (size_t)(nl - p) - (nl > p && nl[-1] == '\r')));
        }
        return r;
}
static int file_read(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        enum sh_encoding e = SH_ENC_UTF8;
        if (a.n < 1 || a.n > 2 || (a.n == 2 && !sh_encoding_value(a.v[1], &e)))
                return SH_NONE;
        char *path = argument_path(sh, a, 0);
        struct sh_buf raw = { 0 }, text = { 0 };
        int st = fail(sh, a, read_all(path, &raw), path, false);
        if (st == SH_OK && what == 'b') {
                *ret = sh_bytes_new(raw.p, raw.n);
        } else if (st == SH_OK) {
                sh_decode(e == SH_ENC_UTF8_BOM ? SH_ENC_UTF8 : e, raw.p ? raw.p : "", raw.n, &text);
                *ret = what == 'l' ? lines_of(&text) : sh_string(text.p ? text.p : "", text.n);
        }
        sh_buf_free(&raw);
        sh_buf_free(&text);
        free(path);
        return st;
}
/* arg: 'w' text, 'l' lines, 'b' bytes; + 256 to append */
static int file_write(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh) & 255;
        bool append = sh_member_arg(sh) & 256;
        enum sh_encoding e = SH_ENC_UTF8;
        struct sh_buf text = { 0 }, out = { 0 };
        struct sv v = sh_args_at(a, 1), item;
        size_t pos = 0;
        *ret = SH_NOTHING;
        if (a.n < 2 || a.n > 3 || (a.n == 3 && !sh_encoding_value(a.v[2], &e)) ||
            (what == 'b' && !sh_bytes_of(sh, v, &out))) {
                sh_buf_free(&out);
                return SH_NONE;
        }
        if (what == 'l' && sh_is_enumerable(v))
                while (sh_next(v, &pos, &item)) {
                        sh_buf_value(sh, &text, item);
                        sh_buf_put(&text, "\n", 1);
                        sh_drop(item);
                }
        else if (what != 'b') {
                sh_buf_value(sh, &text, v);
                if (what == 'l')
                        sh_buf_put(&text, "\n", 1);
        }
        char *path = argument_path(sh, a, 0);
        struct stat st;
        if (what != 'b') {
                if (!append || stat(path, &st) != 0 || st.st_size == 0)
                        sh_encode_bom(e, &out);
                sh_encode(e == SH_ENC_UTF8_BOM ? SH_ENC_UTF8 : e, text.p ? text.p : "", text.n, &out);
        }
        int r = fail(sh, a, write_all(path, &out, append ? O_APPEND : O_TRUNC), path, false);
        free(path);
        sh_buf_free(&text);
        sh_buf_free(&out);
        return r;
}
static int file_plain(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        struct stat st;
        if (a.n != 1)
                return SH_NONE;
        *ret = SH_NOTHING;
        if (what == 'e' && sh_is_null(a.v[0])) {
                *ret = sh_bool(false);
                return SH_OK;
        }
        char *path = argument_path(sh, a, 0);
        int r = SH_OK;
        if (what == 'e')
                *ret = sh_bool(stat(path, &st) == 0 && !S_ISDIR(st.st_mode));
        else if (what == 'd' && unlink(path) != 0 && errno != ENOENT)
                r = fail(sh, a, errno, path, false);
        else if (what == 'a') {
                struct sv info = sh_fileinfo_new(path, false);
                r = stat(path, &st) == 0 ? sh_get(sh, info, "Attributes", 10, ret)
                                         : fail(sh, a, errno, path, false);
                sh_drop(info);
        }
        free(path);
        return r;
}
static int file_transfer(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        bool move = sh_member_arg(sh) == 'm', over = false;
        struct stat st;
        struct sh_buf b = { 0 };
        *ret = SH_NOTHING;
        if (a.n < 2 || a.n > 3 || (a.n == 3 && !sh_args_bool(sh, a, 2, &over)))
                return SH_NONE;
        char *from = argument_path(sh, a, 0), *to = argument_path(sh, a, 1);
        int r = SH_OK;
        if (stat(from, &st) != 0)
                r = fail(sh, a, errno, from, false);
        else if (!over && access(to, F_OK) == 0)
                r = fail(sh, a, EEXIST, to, false);
        else if (move && rename(from, to) == 0)
                r = SH_OK;
        else if (move && errno != EXDEV)
                r = fail(sh, a, errno, to, false);
        else {
                r = fail(sh, a, read_all(from, &b), from, false);
                if (r == SH_OK)
                        r = fail(sh, a, write_all(to, &b, O_TRUNC), to, false);
                if (r == SH_OK && chmod(to, st.st_mode & 07777) == 0 && move)
                        unlink(from);
        }
        sh_buf_free(&b);
        free(from);
        free(to);
        return r;
}
static int file_open(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        struct sv s, r;
        if (a.n < 1)
                return SH_NONE;
        if (what == 'o') {
                const struct sh_type *t = sh_type_find(sh, "System.IO.FileStream", 20);
                return t->construct(sh, t, a, ret);
        }
        bool read = what == 'r' || what == 'R';
        int mode = what == 'c' || what == 'C' ? SH_FILE_CREATE
                   : what == 'A'              ? SH_FILE_APPEND
                   : read                     ? SH_FILE_OPEN
                                              : SH_FILE_OPEN_OR_CREATE;
        int st = sh_stream_open(sh, a, mode,
                                read          ? SH_FILE_READ
                                : what == 'c' ? SH_FILE_READWRITE
                                              : SH_FILE_WRITE,
                                &s);
        if (st != SH_OK)
                return st;
        if (what >= 'a') {
                *ret = s;
                return SH_OK;
        }
        r = what == 'R' ? sh_stream_reader(s, SH_ENC_UTF8) : sh_stream_writer(s, SH_ENC_UTF8);
        sh_drop(s);
        *ret = r;
        return SH_OK;
}
static const struct sh_member file_members[] = {
        SH_SM("Exists", "static bool Exists(string path)", file_plain, 'e'),
        SH_SM("Delete", "static void Delete(string path)", file_plain, 'd'),
        SH_SM("GetAttributes", "static System.IO.FileAttributes GetAttributes(string path)", file_plain, 'a'),
        SH_SM("ReadAllText", "static string ReadAllText(string path)", file_read, 't'),
        SH_SM("ReadAllLines", "static string[] ReadAllLines(string path)", file_read, 'l'),
        SH_SM("ReadLines", "static string[] ReadLines(string path)", file_read, 'l'),
        SH_SM("ReadAllBytes", "static byte[] ReadAllBytes(string path)", file_read, 'b'),
        SH_SM("WriteAllText", "static void WriteAllText(string path, string contents)", file_write, 'w'),
        SH_SM("WriteAllLines", "static void WriteAllLines(string path, string[] contents)", file_write, 'l'),
        SH_SM("WriteAllBytes", "static void WriteAllBytes(string path, byte[] bytes)", file_write, 'b'),
        SH_SM("AppendAllText", "static void AppendAllText(string path, string contents)", file_write,
              'w' | 256),
        SH_SM("AppendAllLines", "static void AppendAllLines(string path, string[] contents)", file_write,
              'l' | 256),
        SH_SM("Copy", "static void Copy(string sourceFileName, string destFileName, bool overwrite)",
              file_transfer, 'c'),
        SH_SM("Move", "static void Move(string sourceFileName, string destFileName, bool overwrite)",
              file_transfer, 'm'),
        SH_SM("Open", "static System.IO.FileStream Open(string path, System.IO.FileMode mode)", file_open,
              'o'),
        SH_SM("OpenRead", "static System.IO.FileStream OpenRead(string path)", file_open, 'r'),
        SH_SM("OpenWrite", "static System.IO.FileStream OpenWrite(string path)", file_open, 'w'),
        SH_SM("Create", "static System.IO.FileStream Create(string path)", file_open, 'c'),
        SH_SM("OpenText", "static System.IO.StreamReader OpenText(string path)", file_open, 'R'),
        SH_SM("CreateText", "static System.IO.StreamWriter CreateText(string path)", file_open, 'C'),
        SH_SM("AppendText", "static System.IO.StreamWriter AppendText(string path)", file_open, 'A'),
        TIMES
};
static const struct sh_type file_type = { .name = "System.IO.File",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(file_members) };

/* ---- [System.IO.Directory] ---- */
struct listing {
        const char *pattern;
        bool files, folders, deep;
        struct sh_array *out;
        const char *shown; /* the path as it was given: results begin with it */
};
static int by_text(const void *a, const void *b)
{
        return strcmp(((const struct sv *)a)->s->s, ((const struct sv *)b)->s->s);
}
static int list_directory(struct listing *l, const char *path, const char *shown, int depth)
{
        DIR *d = opendir(path);
        char sub[PATH_MAX], sub_shown[PATH_MAX];
        struct stat st;
        if (!d)
                return errno;
        for (struct dirent *e; (e = readdir(d));) {
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
                    snprintf(sub, sizeof(sub), "%s/%s", strcmp(path, "/") ? path : "", e->d_name) >=
                            (int)sizeof(sub) ||
                    snprintf(sub_shown, sizeof(sub_shown), "%s%s%s", shown,
                             *shown && shown[strlen(shown) - 1] == '/' ? "" : "/",
                             e->d_name) >= (int)sizeof(sub_shown) ||
                    lstat(sub, &st) != 0)
                        continue;
                bool link = S_ISLNK(st.st_mode),
                     folder = S_ISDIR(st.st_mode) || (link && stat(sub, &st) == 0 && S_ISDIR(st.st_mode));
                if ((folder ? l->folders : l->files) &&
                    sh_wildcard(l->pattern, strlen(l->pattern), e->d_name, strlen(e->d_name), true))
                        sh_array_take(l->out, sh_text(sub_shown));
                if (folder && !link && l->deep && depth < 100)
                        list_directory(l, sub, sub_shown, depth + 1);
        }
        closedir(d);
        return 0;
}
SH_ENUM_TYPE(search_enum, "System.IO.SearchOption", false, { "TopDirectoryOnly", 0 },
             { "AllDirectories", 1 });
static int directory_list(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t deep = 0;
        intptr_t what = sh_member_arg(sh);
        if (a.n < 1 || a.n > 3 || (a.n == 3 && !sh_args_enum(sh, a, 2, &search_enum, &deep)))
                return SH_NONE;
        struct sv given = sh_to_text(sh, a.v[0]), pattern = a.n > 1 ? sh_to_text(sh, a.v[1]) : sh_text("*");
        char *path = argument_path(sh, a, 0);
        struct sv r = sh_array_typed(&sh_type_string, 0);
        struct listing l = {
                strcmp(pattern.s->s, "*.*") ? pattern.s->s : "*", what & 1, what & 2, deep, r.a, given.s->s
        };
        int st = fail(sh, a, list_directory(&l, path, given.s->s, 0), path, true);
        if (r.a->n)
                qsort(r.a->v, r.a->n, sizeof(*r.a->v), by_text);
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        free(path);
        sh_drop(given);
        sh_drop(pattern);
        return st;
}
static int make_path(char *path)
{
        struct stat st;
        for (char *p = path + 1;; p++) {
                if (*p && *p != '/')
                        continue;
                char c = *p;
                *p = 0;
                int e = mkdir(path, 0777) == 0 ? 0 : errno;
                bool there = e == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
                *p = c;
                if (e && !there && (e != EACCES || !c))
                        return e;
                if (!c)
                        return 0;
        }
}
static int remove_tree(const char *path, int depth)
{
        struct stat st;
        char sub[PATH_MAX];
        DIR *d = depth < 200 ? opendir(path) : NULL;
        int e = 0;
        if (!d)
                return errno ? errno : ELOOP;
        for (struct dirent *i; !e && (i = readdir(d));) {
                if (!strcmp(i->d_name, ".") || !strcmp(i->d_name, ".."))
                        continue;
                if (snprintf(sub, sizeof(sub), "%s/%s", path, i->d_name) >= (int)sizeof(sub) ||
                    lstat(sub, &st) != 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        e = remove_tree(sub, depth + 1);
                else if (unlink(sub) != 0)
                        e = errno;
        }
        closedir(d);
        return e ? e : rmdir(path) == 0 ? 0 : errno;
}
static int directory_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        struct stat st;
        bool deep = false;
        *ret = SH_NOTHING;
        if (what == 'g') {
                *ret = sh_pwd(sh);
                return SH_OK;
        }
        if (a.n < 1 || a.n > 2 || (what == 'd' && a.n == 2 && !sh_args_bool(sh, a, 1, &deep)) ||
            (what == 'm') != (a.n == 2 && what != 'd'))
                return SH_NONE;
        if (what == 'e' && sh_is_null(a.v[0])) {
                *ret = sh_bool(false);
                return SH_OK;
        }
        char *path = argument_path(sh, a, 0);
        int e = 0;
        switch (what) {
        case 'e': *ret = sh_bool(stat(path, &st) == 0 && S_ISDIR(st.st_mode)); break;
        case 'c':
                e = make_path(path);
                *ret = e ? SH_NOTHING : sh_fileinfo_new(path, true);
                break;
        case 'd': e = deep ? remove_tree(path, 0) : rmdir(path) == 0 ? 0 : errno; break;
        case 's': e = chdir(path) == 0 ? 0 : errno; break;
        case 'p': {
                char *slash = strrchr(path, '/');
                if (slash)
                        slash[slash == path] = 0;
                *ret = sh_fileinfo_new(path, true);
                break;
        }
        default: {
                char *to = argument_path(sh, a, 1);
                e = rename(path, to) == 0 ? 0 : errno;
                free(to);
        }
        }
        int r = fail(sh, a, e, path, true);
        free(path);
        return r;
}
#define LIST(name, what) \
        SH_SM(name, "static string[] " name "(string path, string searchPattern)", directory_list, what)
static const struct sh_member directory_members[] = {
        SH_SM("Exists", "static bool Exists(string path)", directory_do, 'e'),
        SH_SM("CreateDirectory", "static System.IO.DirectoryInfo CreateDirectory(string path)", directory_do,
              'c'),
        SH_SM("Delete", "static void Delete(string path, bool recursive)", directory_do, 'd'),
        SH_SM("Move", "static void Move(string sourceDirName, string destDirName)", directory_do, 'm'),
        SH_SM("GetParent", "static System.IO.DirectoryInfo GetParent(string path)", directory_do, 'p'),
        SH_SM("GetCurrentDirectory", "static string GetCurrentDirectory()", directory_do, 'g'),
        SH_SM("SetCurrentDirectory", "static void SetCurrentDirectory(string path)", directory_do, 's'),
        LIST("GetFiles", 1),
        LIST("EnumerateFiles", 1),
        LIST("GetDirectories", 2),
        LIST("EnumerateDirectories", 2),
        LIST("GetFileSystemEntries", 3),
        LIST("EnumerateFileSystemEntries", 3),
        TIMES
};
static const struct sh_type directory_type = { .name = "System.IO.Directory",
                                               .base = &sh_type_object,
                                               SH_MEMBERS(directory_members) };

SH_TYPES(path, &path_type, &file_type, &directory_type, &search_enum.type);
