/* SPDX-License-Identifier: MIT
 *
 * The far end of Copy-Item -ToSession and -FromSession (filecopy.h): a table of small requests. A user whose role does
 * not have Copy-Item as a whole has none of them; which files there are is the kernel's to say.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/filecopy.h"
#include "shell/files.h"
#include "shell/limits.h"

enum { DEEPEST = 100 };

static struct {
        struct sh_landing landing;
        char *root; /* the folder that is being received */
        int (*send)(struct rv_buf *);
        uint64_t id;
} far = { .landing = { .fd = -1 } };

/* ---- answers ---- */

static void begin(struct rv_buf *b)
{
        rv_buf_putf(b, "{\"Id\":%llu", (unsigned long long)far.id);
}

static int fail(const char *id, const char *category, const char *path, const char *why)
{
        struct rv_buf b = { 0 };
        char *text;
        if (asprintf(&text, "%s%s%s%s", path ? "'" : "", path ? path : "", path ? "': " : "", why) < 0)
                abort();
        begin(&b);
        rv_buf_puts(&b, ",\"Stream\":2,\"Message\":");
        rv_json_text(&b, text);
        rv_buf_putf(&b, ",\"ErrorId\":\"%s\",\"Category\":\"%s\"}", id, category);
        free(text);
        far.send(&b);
        return SH_NONE;
}

static int fail_errno(const char *path, int err)
{
        return fail(err == ENOENT ? "PathNotFound" : "CopyError",
                    err == EACCES || err == EPERM ? "PermissionDenied"
                    : err == ENOENT               ? "ObjectNotFound"
                                                  : "WriteError",
                    path,
                    err == ENOENT   ? "there is no such file or folder"
                    : err == EISDIR ? "it is a folder"
                    : err == EINVAL ? "it is not a regular file"
                                    : strerror(err));
}

/* ---- what a request says ---- */

static int64_t number(struct rv_json request, const char *name)
{
        struct rv_json v;
        char *text = rv_json_find(request, name, &v) && rv_json_kind(&v) == '"' ? rv_json_strdup(&v) : NULL;
        int64_t n = text ? strtoll(text, NULL, 10) : rv_json_find(request, name, &v) ? rv_json_int64(&v, 0) : 0;
        free(text);
        return n;
}

static bool flag(struct rv_json request, const char *name)
{
        struct rv_json v;
        return rv_json_find(request, name, &v) && rv_json_true(&v);
}

static char *text(struct rv_json request, const char *name)
{
        struct rv_json v;
        return rv_json_find(request, name, &v) ? rv_json_strdup(&v) : NULL;
}

/* Where what is sent belongs. NULL: told. */
static char *place(struct sh *sh, struct rv_json request, bool *ret_under)
{
        char *path = text(request, "Path"), *leaf = text(request, "Leaf"), *under = text(request, "Under"), *at = NULL;
        *ret_under = under != NULL;
        if (under && far.root) {
                if (asprintf(&at, "%s/%s", far.root, under) < 0)
                        abort();
        } else if (path && leaf && *leaf && !strchr(leaf, '/')) {
                char *full = sh_path_full(sh, *path ? path : ".");
                bool into = *path && path[strlen(path) - 1] == '/' && strcmp(full, "/") != 0;
                char *named = NULL; /* a slash at the end says: into that folder */
                if (asprintf(&named, "%s%s", full, into ? "/" : "") < 0)
                        abort();
                at = sh_copy_place(named, leaf);
                free(named);
                free(full);
        } else {
                fail("InvalidRequest", "InvalidArgument", NULL, "a path and a name are needed");
        }
        free(path);
        free(leaf);
        free(under);
        return at;
}

/* ---- to here ---- */

static int make_folder(struct sh *sh, struct rv_json request)
{
        struct stat s;
        bool under;
        char *at = place(sh, request, &under);
        if (!at)
                return SH_NONE;
        bool there = mkdir(at, ((mode_t)number(request, "Mode") & 0777) | 0700) == 0 ||
                     (errno == EEXIST && stat(at, &s) == 0 && S_ISDIR(s.st_mode));
        int st = there ? SH_OK : fail_errno(at, errno);
        if (under) {
                free(at);
        } else {
                free(far.root);
                far.root = at;
        }
        return st;
}

static int put(struct sh *sh, struct rv_json request)
{
        bool under;
        char *at = place(sh, request, &under);
        if (!at)
                return SH_NONE;
        int bad = sh_landing_begin(&far.landing, at, (mode_t)number(request, "Mode"), number(request, "Time"),
                                   flag(request, "Force"));
        int st = bad ? fail_errno(at, bad) : SH_OK;
        free(at);
        return st;
}

static int no_file(void)
{
        return fail("InvalidRequest", "InvalidOperation", NULL, "no file is being received");
}

static int piece(struct sh *sh, struct rv_json request)
{
        (void)sh;
        if (far.landing.fd < 0)
                return no_file();
        struct rv_json v;
        struct rv_buf data = { 0 };
        bool told = rv_json_find(request, "Data", &v) && rv_json_unquote(&v, &data);
        ssize_t n = told ? sh_base64_take(data.data, data.len) : -1;
        int bad = n < 0 ? EBADMSG : sh_landing_write(&far.landing, data.data, (size_t)n);
        rv_buf_free(&data);
        if (!bad)
                return SH_OK;
        int st = fail_errno(far.landing.path, bad);
        sh_landing_drop(&far.landing);
        return st;
}

static int close_file(struct sh *sh, struct rv_json request)
{
        (void)sh;
        if (far.landing.fd < 0)
                return no_file();
        char *path = strdup(far.landing.path);
        bool whole = far.landing.size == (uint64_t)number(request, "Size");
        int bad = whole ? sh_landing_end(&far.landing) : EMSGSIZE;
        if (!whole)
                sh_landing_drop(&far.landing);
        int st = bad ? fail_errno(path, bad) : SH_OK;
        free(path);
        return st;
}

static int drop(struct sh *sh, struct rv_json request)
{
        (void)sh;
        (void)request;
        sh_landing_drop(&far.landing);
        return SH_OK;
}

/* ---- from here ---- */

static int list_one(const char *top, const char *name, bool recurse, int depth);

static int list_folder(const char *top, const char *name, const char *path, int depth)
{
        DIR *d = opendir(path);
        int st = d ? SH_OK : fail_errno(path, errno);
        for (struct dirent *e; d && st != SH_EXIT && (e = readdir(d));) {
                char *sub;
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                        continue;
                if (asprintf(&sub, "%s/%s", name, e->d_name) < 0)
                        abort();
                st = list_one(top, sub, true, depth + 1);
                free(sub);
        }
        if (d)
                closedir(d);
        return st;
}

/* A link in a tree is followed to a file, and left out where it leads to a folder: it may lead round in a circle. */
static int list_one(const char *top, const char *name, bool recurse, int depth)
{
        struct stat s, own;
        struct rv_buf b = { 0 };
        char *path;
        if (asprintf(&path, "%s/%s", strcmp(top, "/") ? top : "", name) < 0)
                abort();
        int st = stat(path, &s) < 0 || lstat(path, &own) < 0 ? fail_errno(path, errno) : SH_OK;
        bool folder = st == SH_OK && S_ISDIR(s.st_mode);
        if (st == SH_OK && depth && folder && S_ISLNK(own.st_mode))
                st = fail("LinkToFolder", "InvalidType", path, "a link to a folder is not copied");
        else if (st == SH_OK && !folder && !S_ISREG(s.st_mode))
                st = fail_errno(path, EINVAL);
        else if (st == SH_OK && depth > DEEPEST)
                st = fail_errno(path, ENAMETOOLONG);
        if (st == SH_OK) {
                begin(&b);
                rv_buf_puts(&b, ",\"Entry\":");
                rv_json_text(&b, name);
                rv_buf_puts(&b, ",\"Top\":");
                rv_json_text(&b, top);
                rv_buf_putf(&b, ",\"Folder\":%s,\"Mode\":%u,\"Time\":\"%lld\"}", folder ? "true" : "false",
                            (unsigned)s.st_mode & 0777, (long long)sh_stat_time(&s));
                st = far.send(&b);
        }
        if (st == SH_OK && folder && recurse)
                st = list_folder(top, name, path, depth);
        free(path);
        return st == SH_EXIT ? st : SH_OK;
}

struct listing {
        bool recurse;
        int st;
};

static bool list_path(void *state, const char *path)
{
        struct listing *l = state;
        const char *base = strrchr(path, '/');
        char *top = base > path ? strndup(path, (size_t)(base - path)) : strdup("/");
        l->st = list_one(top, base ? base + 1 : path, l->recurse, 0);
        free(top);
        return l->st == SH_OK;
}

static int list(struct sh *sh, struct rv_json request)
{
        struct listing l = { .recurse = flag(request, "Recurse") };
        char *path = text(request, "Path");
        if (!path || !*path) {
                free(path);
                return fail("InvalidRequest", "InvalidArgument", NULL, "a path is needed");
        }
        if (!flag(request, "Literal") && sh_has_wildcard(path, strlen(path))) {
                sh_path_glob(sh, path, flag(request, "Force"), list_path, &l);
        } else {
                struct stat s;
                char *full = sh_path_full(sh, path);
                if (stat(full, &s) < 0)
                        l.st = fail_errno(full, errno);
                else
                        list_path(&l, full);
                free(full);
        }
        free(path);
        return l.st;
}

/* The whole file; how fast is the other side's to say, which reads. */
static int send_file(int fd, const char *path)
{
        char *data = malloc(SH_PIECE);
        int st = SH_OK;
        if (!data)
                abort();
        for (ssize_t n; st == SH_OK && !sh_interrupt && (n = read(fd, data, SH_PIECE)) != 0;) {
                struct rv_buf b = { 0 };
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        st = fail_errno(path, errno);
                        break;
                }
                begin(&b);
                rv_buf_puts(&b, ",\"Data\":\"");
                sh_base64_put(&b, data, (size_t)n);
                rv_buf_puts(&b, "\"}");
                st = far.send(&b);
        }
        free(data);
        return st;
}

static int get(struct sh *sh, struct rv_json request)
{
        struct stat s;
        char *path = text(request, "Path"), *full = sh_path_full(sh, path ? path : "");
        int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        int bad = fd < 0 || fstat(fd, &s) < 0 ? errno : S_ISREG(s.st_mode) ? 0 : EINVAL;
        int st = bad ? fail_errno(full, bad) : send_file(fd, full);
        if (fd >= 0)
                close(fd);
        free(full);
        free(path);
        return st;
}

/* ---- all of them ---- */

static bool is_allowed(struct sh *sh)
{
        struct sh_target *t = NULL;
        return !sh_limits || (sh_try_command(sh, "Copy-Item", 9, &t) == SH_OK && t && sh_limits_whole(t));
}

int sh_file_answer(struct sh *sh, struct rv_json request, uint64_t id, int (*send)(struct rv_buf *))
{
        static const struct {
                const char *name;
                int (*run)(struct sh *, struct rv_json);
        } all[] = { { "Folder", make_folder }, { "Put", put },   { "Piece", piece }, { "Close", close_file },
                    { "Drop", drop },          { "List", list }, { "Get", get } };
        char *name = text(request, "File");
        int st = SH_ERROR;
        far.id = id;
        far.send = send;
        if (!is_allowed(sh))
                st = fail("NotAllowed", "PermissionDenied", NULL, "the role there does not allow Copy-Item");
        for (size_t i = 0; name && st == SH_ERROR && i < sizeof all / sizeof *all; i++)
                if (strcmp(all[i].name, name) == 0)
                        st = all[i].run(sh, request);
        if (st == SH_ERROR)
                st = fail("InvalidRequest", "InvalidArgument", NULL, "there is no such request about files");
        free(name);
        return st;
}

void sh_file_over(void)
{
        sh_landing_drop(&far.landing);
        free(far.root);
        far.root = NULL;
}
