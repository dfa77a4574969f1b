/* SPDX-License-Identifier: MIT
 *
 * The near end of Copy-Item -ToSession and -FromSession (filecopy.h). To many hosts at once: each piece is read once
 * and goes to all of them; a host that fails at a file misses the rest of it, and the others do not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/cmdlet.h"
#include "shell/filecopy.h"
#include "shell/fileinfo.h"
#include "shell/files.h"
#include "shell/remote.h"

enum { DEEPEST = 100, ANSWER_SECONDS = 60 };

struct entry {
        struct entry *next;
        char *name, *top;
        bool folder;
        mode_t mode;
        int64_t time;
};

struct copy {
        struct sh_cmd *c;
        struct sh_hosts all;
        struct sh_host *aside; /* those that have failed at this file */
        struct entry *entries, **end;
        struct sh_landing *landing;
        int bad; /* what went wrong here while a file came */
};

/* ---- requests ---- */

/* Asks all; who does not answer well is put aside and told. */
static int ask(struct copy *k, struct rv_buf *b)
{
        static const struct sh_target_options none;
        if (!k->all.first) {
                rv_buf_free(b);
                return SH_OK;
        }
        int st = b->failed ? sh_cmd_throw(k->c, "OutOfMemory", "ResourceUnavailable", SH_NIL, "Out of memory.")
                           : sh_hosts_run(&k->all, &none, b->data, b->len);
        rv_buf_free(b);
        for (struct sh_host **at = &k->all.first, *h; (h = *at);) {
                if (h->outcome == SH_HOST_ANSWERED) {
                        at = &h->next;
                        continue;
                }
                *at = h->next;
                h->next = k->aside;
                k->aside = h;
                if (st == SH_OK)
                        st = sh_remote_tell(k->c, h);
        }
        return st;
}

/* The next file is for all that still have their connection. */
static void forgive(struct copy *k)
{
        for (struct sh_host **at = &k->aside, *h; (h = *at);) {
                if (h->phase != HOST_READY) {
                        at = &h->next;
                        continue;
                }
                *at = h->next;
                h->next = k->all.first;
                k->all.first = h;
        }
}

static void take_entry(struct copy *k, struct rv_json line)
{
        struct rv_json name, top, v;
        if (!rv_json_find(line, "Entry", &name) || !rv_json_find(line, "Top", &top))
                return;
        struct entry *e = calloc(1, sizeof *e);
        if (!e)
                abort();
        e->name = rv_json_strdup(&name);
        e->top = rv_json_strdup(&top);
        e->folder = rv_json_find(line, "Folder", &v) && rv_json_true(&v);
        e->mode = rv_json_find(line, "Mode", &v) ? (mode_t)rv_json_int64(&v, 0644) & 0777 : 0644;
        char *time = rv_json_find(line, "Time", &v) ? rv_json_strdup(&v) : NULL;
        e->time = time ? strtoll(time, NULL, 10) : 0;
        free(time);
        *k->end = e;
        k->end = &e->next;
}

static void take_data(struct copy *k, struct rv_json value)
{
        struct rv_buf data = { 0 };
        ssize_t n = rv_json_unquote(&value, &data) ? sh_base64_take(data.data, data.len) : -1;
        if (!k->bad)
                k->bad = n < 0 ? EBADMSG : sh_landing_write(k->landing, data.data, (size_t)n);
        rv_buf_free(&data);
}

static int on_line(struct sh_hosts *all, struct sh_host *h, struct rv_json line)
{
        struct copy *k = all->state;
        struct rv_json v;
        if (rv_json_find(line, "Message", &v))
                return sh_remote_error(k->c, h, line);
        if (k->landing && rv_json_find(line, "Data", &v))
                take_data(k, v);
        else if (k->end)
                take_entry(k, line);
        return SH_OK;
}

static int begin(struct sh_cmd *c, struct copy *k, const char *param)
{
        *k = (struct copy) { .c = c,
                             .all = { .sh = sh_session(c),
                                      .throttle = UINT32_MAX,
                                      .timeout = ANSWER_SECONDS,
                                      .idle = true,
                                      .line = on_line } };
        k->all.state = k;
        return sh_sessions_take(c, param, &k->all.first);
}

static void end(struct copy *k)
{
        sh_sessions_return(k->all.first);
        sh_sessions_return(k->aside);
        for (struct entry *e = k->entries, *next; e; e = next) {
                next = e->next;
                free(e->name);
                free(e->top);
                free(e);
        }
}

static void put_member(struct rv_buf *b, const char *name, const char *value)
{
        rv_buf_putf(b, ",\"%s\":", name);
        rv_json_text(b, value);
}

/* ---- to hosts ---- */

/* under: its path in the folder that is copied; NULL: it is what was named itself. */
static void put_place(struct copy *k, struct rv_buf *b, const char *path, const char *under, const struct stat *s)
{
        if (under) {
                put_member(b, "Under", under);
        } else {
                put_member(b, "Path", sh_arg_text(k->c, "Destination", "."));
                put_member(b, "Leaf", strrchr(path, '/') + 1);
        }
        rv_buf_putf(b, ",\"Mode\":%u,\"Time\":\"%lld\",\"Force\":%s", (unsigned)s->st_mode & 0777,
                    (long long)sh_stat_time(s), sh_switch(k->c, "Force") ? "true" : "false");
}

static int send_pieces(struct copy *k, int fd, const char *path, uint64_t *ret_size, int *ret_bad)
{
        char *data = malloc(SH_PIECE);
        int st = SH_OK;
        ssize_t n = 0;
        if (!data)
                abort();
        while (st == SH_OK && k->all.first && (n = read(fd, data, SH_PIECE)) != 0) {
                struct rv_buf b = { 0 };
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        *ret_bad = errno;
                        st = sh_path_error(k->c, "CopyError", errno, path);
                        break;
                }
                *ret_size += (uint64_t)n;
                rv_buf_puts(&b, ",\"File\":\"Piece\",\"Data\":\"");
                sh_base64_put(&b, data, (size_t)n);
                rv_buf_puts(&b, "\"");
                st = ask(k, &b);
        }
        free(data);
        return st;
}

static int send_file(struct copy *k, const char *path, const char *under)
{
        struct stat s;
        struct rv_buf b = { 0 };
        uint64_t size = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), bad = 0;
        if (fd < 0 || fstat(fd, &s) < 0 || !S_ISREG(s.st_mode)) {
                int err = fd < 0 ? errno : EINVAL;
                if (fd >= 0)
                        close(fd);
                return sh_path_error(k->c, "CopyError", err, path);
        }
        rv_buf_puts(&b, ",\"File\":\"Put\"");
        put_place(k, &b, path, under, &s);
        int st = ask(k, &b);
        if (st == SH_OK)
                st = send_pieces(k, fd, path, &size, &bad);
        close(fd);
        b = (struct rv_buf) { 0 };
        if (bad)
                rv_buf_puts(&b, ",\"File\":\"Drop\"");
        else
                rv_buf_putf(&b, ",\"File\":\"Close\",\"Size\":\"%llu\"", (unsigned long long)size);
        if (st == SH_OK)
                st = ask(k, &b);
        rv_buf_free(&b);
        forgive(k);
        return st;
}

static int send_tree(struct copy *k, const char *path, const char *under, int depth);

static int send_children(struct copy *k, const char *path, const char *under, int depth)
{
        DIR *d = opendir(path);
        int st = d ? SH_OK : sh_path_error(k->c, "CopyError", errno, path);
        for (struct dirent *e; d && st == SH_OK && k->all.first && (e = readdir(d));) {
                char *sub, *below;
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                        continue;
                if (asprintf(&sub, "%s/%s", path, e->d_name) < 0 ||
                    asprintf(&below, "%s%s%s", under ? under : "", under ? "/" : "", e->d_name) < 0)
                        abort();
                st = send_tree(k, sub, below, depth + 1);
                free(sub);
                free(below);
        }
        if (d)
                closedir(d);
        return st;
}

static int send_folder(struct copy *k, const char *path, const char *under, const struct stat *s, int depth)
{
        struct rv_buf b = { 0 };
        rv_buf_puts(&b, ",\"File\":\"Folder\"");
        put_place(k, &b, path, under, s);
        int st = ask(k, &b);
        if (st == SH_OK && sh_switch(k->c, "Recurse"))
                st = send_children(k, path, under, depth);
        return st;
}

static int send_tree(struct copy *k, const char *path, const char *under, int depth)
{
        struct stat s, own;
        if (stat(path, &s) < 0 || lstat(path, &own) < 0)
                return sh_path_error(k->c, "CopyError", errno, path);
        if (!S_ISDIR(s.st_mode))
                return send_file(k, path, under);
        if (depth && S_ISLNK(own.st_mode)) {
                struct sv t = sh_text(path);
                int st = sh_cmd_error(k->c, "LinkToFolder", "InvalidType", t,
                                      "'%s' is a link to a folder, which is not copied.", path);
                sh_drop(t);
                return st;
        }
        return depth > DEEPEST ? sh_path_error(k->c, "CopyError", ENAMETOOLONG, path)
                               : send_folder(k, path, under, &s, depth);
}

static int may(struct copy *k, const char *from, const char *to, bool folder, bool *ret)
{
        struct sv said = sh_printf("Item: %s Destination: %s", from, to);
        int st = sh_should_process(k->c, said.s->s, folder ? "Copy Directory" : "Copy File", ret);
        sh_drop(said);
        return st;
}

int sh_copy_to_sessions(struct sh_cmd *c, const char *path)
{
        struct copy k;
        struct stat s;
        bool what = true, folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
        int st = may(&(struct copy) { .c = c }, path, sh_arg_text(c, "Destination", "."), folder, &what);
        if (st != SH_OK || !what)
                return st;
        st = begin(c, &k, "ToSession");
        if (st == SH_OK && k.all.first)
                st = send_tree(&k, path, NULL, 0);
        end(&k);
        return st;
}

/* ---- from a host ---- */

/* What a host calls its files is not believed: no name may lead out of the folder that it is copied to. */
static bool is_clean(const char *name)
{
        if (!name || !*name)
                return false;
        for (const char *s = name;; s++) {
                size_t n = strcspn(s, "/");
                if (!n || (n <= 2 && strspn(s, ".") >= n))
                        return false;
                s += n;
                if (!*s)
                        return true;
        }
}

static int receive_file(struct copy *k, const struct entry *e, const char *to)
{
        struct sh_landing landing = { .fd = -1 };
        struct rv_buf b = { 0 };
        char *from;
        int bad = sh_landing_begin(&landing, to, e->mode, e->time, sh_switch(k->c, "Force"));
        if (bad)
                return sh_path_error(k->c, "CopyError", bad, to);
        if (asprintf(&from, "%s/%s", strcmp(e->top, "/") ? e->top : "", e->name) < 0)
                abort();
        rv_buf_puts(&b, ",\"File\":\"Get\"");
        put_member(&b, "Path", from);
        free(from);
        k->landing = &landing;
        k->bad = 0;
        int st = ask(k, &b);
        k->landing = NULL;
        bool whole = st == SH_OK && !k->aside;
        if (whole && !k->bad)
                k->bad = sh_landing_end(&landing);
        if (whole && k->bad)
                st = sh_path_error(k->c, "CopyError", k->bad, to);
        sh_landing_drop(&landing);
        forgive(k);
        return st;
}

static int receive_folder(struct copy *k, const struct entry *e, const char *to)
{
        struct stat s;
        if (mkdir(to, e->mode | 0700) == 0 || (errno == EEXIST && stat(to, &s) == 0 && S_ISDIR(s.st_mode)))
                return SH_OK;
        return sh_path_error(k->c, "CopyError", errno, to);
}

static int show(struct copy *k, const struct entry *e, const char *to)
{
        if (!sh_switch(k->c, "PassThru"))
                return SH_OK;
        struct sv v = sh_fileinfo_new(to, e->folder);
        int st = sh_emit(k->c, v);
        sh_drop(v);
        return st;
}

/* Each entry without a slash is one that was named; those of its folder follow it. */
static int receive(struct copy *k)
{
        char *dest = sh_path_full(sh_session(k->c), sh_arg_text(k->c, "Destination", ".")), *base = NULL;
        bool wanted = false;
        int st = SH_OK;
        for (const struct entry *e = k->entries; e && st == SH_OK && k->all.first; e = e->next) {
                if (!is_clean(e->name) || !e->top) {
                        st = sh_cmd_error(k->c, "InvalidName", "SecurityError", SH_NIL,
                                          "The host names a file that would lie elsewhere; it is left out.");
                        continue;
                }
                const char *rest = strchr(e->name, '/');
                if (!rest) {
                        free(base);
                        base = sh_copy_place(dest, e->name);
                        wanted = true;
                        st = may(k, e->name, base, e->folder, &wanted);
                }
                if (st != SH_OK || !base || !wanted)
                        continue;
                char *to;
                if (asprintf(&to, "%s%s", base, rest ? rest : "") < 0)
                        abort();
                st = e->folder ? receive_folder(k, e, to) : receive_file(k, e, to);
                if (st == SH_OK && !rest && access(to, F_OK) == 0)
                        st = show(k, e, to);
                free(to);
        }
        free(base);
        free(dest);
        return st;
}

static int list(struct copy *k, struct sv path, bool literal)
{
        struct rv_buf b = { 0 };
        struct sv t = sh_to_text(sh_session(k->c), path);
        rv_buf_puts(&b, ",\"File\":\"List\"");
        put_member(&b, "Path", t.s->s);
        rv_buf_putf(&b, ",\"Literal\":%s,\"Recurse\":%s,\"Force\":%s", literal ? "true" : "false",
                    sh_switch(k->c, "Recurse") ? "true" : "false", sh_switch(k->c, "Force") ? "true" : "false");
        sh_drop(t);
        int st = ask(k, &b);
        forgive(k);
        return st;
}

int sh_copy_from_session(struct sh_cmd *c)
{
        struct copy k;
        bool literal = sh_bound(c, "LiteralPath");
        struct sv paths = sh_arg(c, literal ? "LiteralPath" : "Path"), one;
        size_t pos = 0;
        int st = begin(c, &k, "FromSession");
        if (st == SH_OK && k.all.first && k.all.first->next)
                st = sh_cmd_throw(c, "OneSession", "InvalidArgument", SH_NIL, "-FromSession takes one session.");
        k.end = &k.entries;
        for (; st == SH_OK && k.all.first && sh_next(paths, &pos, &one); sh_drop(one))
                st = list(&k, one, literal);
        k.end = NULL;
        if (st == SH_OK)
                st = receive(&k);
        end(&k);
        return st;
}
