/* SPDX-License-Identifier: MIT
 *
 * Paths: relative to the session's location, wildcards resolved, and text files opened for writing. A path is bytes;
 * the errors name it as the user wrote it.
 */
#include "shell/code.h"
#include "shell/drives.h"
#include "shell/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- making them absolute ---- */
static char *home_of(void)
{
        const char *h = getenv("HOME");
        return strdup(h && *h ? h : "/");
}

/* Removes "." and ".." and doubled slashes, in place. */
static void tidy(char *p)
{
        char *out = p, *in = p;
        while (*in) {
                while (*in == '/')
                        in++;
                char *end = in;
                while (*end && *end != '/')
                        end++;
                size_t n = (size_t)(end - in);
                if (n == 2 && in[0] == '.' && in[1] == '.') {
                        while (out > p && *--out != '/')
                                ;
                } else if (n && !(n == 1 && *in == '.')) {
                        *out++ = '/';
                        memmove(out, in, n);
                        out += n;
                }
                in = end;
        }
        if (out == p)
                *out++ = '/';
        *out = 0;
}

char *sh_path_full(struct sh *sh, const char *path)
{
        char *full = NULL;
        static const char *const drives[] = { "FileSystem::", "Microsoft.PowerShell.Core\\FileSystem::" };
        for (int i = 0; i < 2; i++)
                if (strncmp(path, drives[i], strlen(drives[i])) == 0)
                        path += strlen(drives[i]);
        if (path[0] != '/' && (full = sh_drive_folder(path)))
                ;
        else if (path[0] == '/')
                full = strdup(path);
        else if (path[0] == '~' && (!path[1] || path[1] == '/')) {
                char *home = home_of();
                if (asprintf(&full, "%s/%s", home, path + 1) < 0)
                        full = NULL;
                free(home);
        } else {
                struct sv pwd = sh_pwd(sh);
                const char *base = pwd.kind == SH_STRING ? pwd.s->s : "/";
                if (asprintf(&full, "%s/%s", base, path) < 0)
                        full = NULL;
                sh_drop(pwd);
        }
        if (!full)
                abort();
        for (char *p = full; *p; p++)
                if (*p == '\\')
                        *p = '/';
        tidy(full);
        return full;
}

/* ---- wildcards ---- */
struct globbing {
        bool hidden, stopped;
        bool (*each)(void *, const char *);
        void *state;
        uint32_t n;
};

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool path_exists(const char *p)
{
        struct stat st;
        return lstat(p, &st) == 0;
}

static void glob_at(struct globbing *g, const char *dir, const char *rest);

static void glob_found(struct globbing *g, const char *path, const char *rest)
{
        if (g->stopped)
                return;
        while (*rest == '/')
                rest++;
        if (*rest) {
                glob_at(g, path, rest);
                return;
        }
        g->n++;
        if (!g->each(g->state, path))
                g->stopped = true;
}

static void glob_dir(struct globbing *g, const char *dir, const char *part, size_t npart, const char *rest)
{
        DIR *d = opendir(*dir ? dir : "/");
        char **found = NULL;
        uint32_t n = 0, cap = 0;
        if (!d)
                return;
        for (struct dirent *e; (e = readdir(d));) {
                const char *name = e->d_name;
                if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
                        continue;
                if (name[0] == '.' && !g->hidden && part[0] != '.')
                        continue;
                if (!sh_wildcard(part, npart, name, strlen(name), true))
                        continue;
                if (n == cap) {
                        cap = cap ? 2 * cap : 16;
                        char **p = realloc(found, cap * sizeof(*p));
                        if (!p)
                                abort();
                        found = p;
                }
                if (asprintf(&found[n], "%s/%s", dir, name) < 0)
                        abort();
                n++;
        }
        closedir(d);
        if (n)
                qsort(found, n, sizeof(*found), by_name);
        for (uint32_t i = 0; i < n; i++) {
                glob_found(g, found[i], rest);
                free(found[i]);
        }
        free(found);
}

/* Backticks before wildcard characters are taken away. */
static size_t unescape(const char *s, size_t n, char *out)
{
        size_t k = 0;
        for (size_t i = 0; i < n; i++) {
                if (s[i] == '`' && i + 1 < n)
                        i++;
                out[k++] = s[i];
        }
        return k;
}

static void glob_at(struct globbing *g, const char *dir, const char *rest)
{
        size_t n = strcspn(rest, "/");
        if (sh_has_wildcard(rest, n)) {
                glob_dir(g, dir, rest, n, rest + n);
                return;
        }
        char *path = malloc(strlen(dir) + n + 2);
        if (!path)
                abort();
        size_t k = (size_t)sprintf(path, "%s/", dir);
        k += unescape(rest, n, path + k);
        path[k] = 0;
        if (path_exists(path))
                glob_found(g, path, rest + n);
        free(path);
}

char *sh_path_plain(struct sh *sh, const char *path)
{
        char *text = strdup(path), *to = text;
        if (!text)
                abort();
        for (const char *s = path; *s; s++) {
                if (*s == '`' && s[1])
                        s++;
                *to++ = *s;
        }
        *to = 0;
        char *full = sh_path_full(sh, text);
        free(text);
        return full;
}

uint32_t sh_path_glob(struct sh *sh, const char *pattern, bool hidden, bool (*each)(void *, const char *),
                      void *state)
{
        struct globbing g = { .hidden = hidden, .each = each, .state = state };
        char *full = sh_path_full(sh, pattern);
        if (!full[1]) {
                g.n = 1;
                each(state, full);
        } else
                glob_at(&g, "", full + 1);
        free(full);
        return g.n;
}

/* ---- errors ---- */
int sh_path_missing(struct sh_cmd *c, const char *path)
{
        char *thing = sh_drive_item(path), *full = thing ? NULL : sh_path_full(sh_session(c), path);
        struct sv t = sh_text(path);
        if (thing) { /* Env:/NAME */
                size_t n = strcspn(thing, ":");
                const struct sh_drive *d = sh_drive_find(thing, n);
                if (asprintf(&full, "%s:/%s", d ? d->name : "", thing + n + 1) < 0)
                        abort();
                free(thing);
        }
        int r = sh_cmd_error(c, "PathNotFound", "ObjectNotFound", t,
                             "Cannot find path '%s' because it does not exist.",
                             sh_has_wildcard(path, strlen(path)) ? path : full);
        sh_drop(t);
        free(full);
        return r;
}

int sh_path_error(struct sh_cmd *c, const char *id, int err, const char *path)
{
        struct sv t = sh_text(path);
        int r;
        switch (err) {
        case EACCES:
        case EPERM:
                r = sh_cmd_error(c, id, "PermissionDenied", t, "Access to the path '%s' is denied.", path);
                break;
        case ENOENT:
        case ENOTDIR:
                r = sh_cmd_error(c, id, "WriteError", t, "Could not find a part of the path '%s'.", path);
                break;
        case EEXIST: r = sh_cmd_error(c, id, "WriteError", t, "The file '%s' already exists.", path); break;
        case EISDIR:
                r = sh_cmd_error(c, id, "PermissionDenied", t, "Access to the path '%s' is denied.", path);
                break;
        case ENOTEMPTY: r = sh_cmd_error(c, id, "WriteError", t, "Directory not empty : '%s'", path); break;
        default: r = sh_cmd_error(c, id, "WriteError", t, "%s : '%s'", strerror(err), path);
        }
        sh_drop(t);
        return r;
}

struct single {
        char *path;
        uint32_t n;
};

static bool single_each(void *state, const char *path)
{
        struct single *s = state;
        if (!s->n++)
                s->path = strdup(path);
        return true;
}

int sh_path_single(struct sh_cmd *c, const char *path, bool literal, char **ret)
{
        struct sh *sh = sh_session(c);
        *ret = NULL;
        if (literal || !sh_has_wildcard(path, strlen(path))) {
                *ret = sh_path_full(sh, path);
                return SH_OK;
        }
        struct single s = { 0 };
        sh_path_glob(sh, path, true, single_each, &s);
        if (s.n == 1) {
                *ret = s.path;
                return SH_OK;
        }
        free(s.path);
        if (s.n > 1)
                return sh_cmd_throw(c, "ReadWriteMultipleFilesNotSupported", "InvalidArgument", SH_NIL,
                                    "Cannot perform operation because the path resolved to more than one "
                                    "file. This command "
                                    "cannot operate on multiple files.");
        *ret = sh_path_full(sh, path);
        return SH_OK;
}

/* ---- text files being written ---- */
struct sh_text_file {
        FILE *f;
        enum sh_encoding encoding;
        char *path;
};

static int open_failed(struct sh_cmd *c, const char *path, int err)
{
        struct sv t = sh_text(path);
        int r;
        if (err == ENOENT || err == ENOTDIR)
                r = sh_cmd_throw(c, "FileOpenFailure", "OpenError", t,
                                 "Could not find a part of the path '%s'.", path);
        else if (err == EACCES || err == EISDIR || err == EROFS)
                r = sh_cmd_throw(c, "FileOpenFailure", "OpenError", t, "Access to the path '%s' is denied.",
                                 path);
        else if (err == EEXIST)
                r = sh_cmd_throw(c, "NoClobber", "ResourceExists", t, "The file '%s' already exists.", path);
        else
                r = sh_cmd_throw(c, "FileOpenFailure", "OpenError", t, "%s : '%s'", strerror(err), path);
        sh_drop(t);
        return r;
}

int sh_text_open(struct sh_cmd *c, const char *path, const struct sh_open *o, struct sh_text_file **ret)
{
        int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (o->append ? O_APPEND : O_TRUNC);
        struct stat st;
        if (o->no_clobber && !o->append)
                flags = (flags & ~O_TRUNC) | O_EXCL;
        int fd = open(path, flags, 0666);
        /* -Force writes to a file that is marked read-only. */
        if (fd < 0 && errno == EACCES && o->force && stat(path, &st) == 0 &&
            chmod(path, st.st_mode | S_IWUSR) == 0)
                fd = open(path, flags, 0666);
        if (fd < 0)
                return open_failed(c, path, errno);
        struct sh_text_file *f = calloc(1, sizeof(*f));
        if (!f || !(f->f = fdopen(fd, "w")))
                abort();
        f->encoding = o->encoding;
        f->path = strdup(path);
        struct sh_buf bom = { 0 };
        if (fstat(fd, &st) == 0 && st.st_size == 0)
                sh_encode_bom(o->encoding, &bom);
        if (bom.n)
                fwrite(bom.p, 1, bom.n, f->f);
        sh_buf_free(&bom);
        *ret = f;
        return SH_OK;
}

static int write_failed(struct sh_cmd *c, struct sh_text_file *f, int err)
{
        return sh_cmd_throw(c, "GetContentWriterIOError", "WriteError", SH_NIL, "%s : '%s'", strerror(err),
                            f->path);
}

int sh_text_write(struct sh_cmd *c, struct sh_text_file *f, const char *s, size_t n)
{
        struct sh_buf b = { 0 };
        size_t wrote;
        if (f->encoding == SH_ENC_UTF8 || f->encoding == SH_ENC_UTF8_BOM || f->encoding == SH_ENC_BYTES) {
                wrote = n ? fwrite(s, 1, n, f->f) : 0;
        } else {
                sh_encode(f->encoding, s, n, &b);
                n = b.n;
                wrote = n ? fwrite(b.p, 1, n, f->f) : 0;
                sh_buf_free(&b);
        }
        return wrote < n ? write_failed(c, f, errno) : SH_OK;
}

int sh_text_close(struct sh_cmd *c, struct sh_text_file *f)
{
        int r = SH_OK;
        if (!f)
                return r;
        if (fclose(f->f) != 0)
                r = write_failed(c, f, errno);
        free(f->path);
        free(f);
        return r;
}

/* ---- reading ---- */
int sh_file_text(struct sh_cmd *c, const char *path, bool literal, enum sh_encoding encoding, struct sh_buf *b)
{
        char *full, piece[16384];
        int r = sh_path_single(c, path, literal, &full);
        if (r)
                return r;
        int fd = open(full, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
                r = errno == ENOENT ? sh_path_missing(c, path) : sh_path_error(c, "FileOpenFailure", errno, full);
                free(full);
                return r ? r : SH_NONE;
        }
        struct sh_buf raw = { 0 };
        ssize_t n;
        while ((n = read(fd, piece, sizeof(piece))) > 0)
                sh_buf_put(&raw, piece, (size_t)n);
        int err = errno;
        close(fd);
        if (n < 0) {
                sh_buf_free(&raw);
                r = sh_path_error(c, "GetContentReaderIOError", err, full);
                free(full);
                return r ? r : SH_NONE;
        }
        free(full);
        sh_decode(encoding, raw.n ? raw.p : "", raw.n, b);
        sh_buf_free(&raw);
        return SH_OK;
}
