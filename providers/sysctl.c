/* SPDX-License-Identifier: MIT
 *
 * Sysctl: /proc/sys. Values are read with small buffers: the kernel allocates as much as is asked for. What a boot will
 * set is read from the files of sysctl.d(5), and written to one file of our own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Sysctl.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

#define ROOT "/proc/sys"
#define OURS "/etc/sysctl.d/99-reeve.conf"
enum { DEEPEST = 12, VALUE = 4096, FILE_MOST = 1 << 20 };

/* ---- what a boot will set ---- */

/* All lines of all files in the order in which they count, each as "file\0name\0value\0". */
struct configured {
        char *text;
        size_t n, room;
};

static void keep(struct configured *c, const char *file, const char *name, size_t nname, const char *value,
                 size_t nvalue)
{
        size_t need = strlen(file) + nname + nvalue + 3;
        if (c->n + need > c->room) {
                char *more = realloc(c->text, c->room = 2 * c->room + need + 4096);
                if (!more)
                        return;
                c->text = more;
        }
        char *to = c->text + c->n;
        to = stpcpy(to, file) + 1;
        memcpy(to, name, nname);
        for (size_t i = 0; i < nname && to[i] != '.'; i++) /* "net/ipv4/x" is another way to write it */
                if (to[i] == '/') {
                        for (size_t k = 0; k < nname; k++)
                                to[k] = to[k] == '/' ? '.' : to[k] == '.' ? '/' : to[k];
                        break;
                }
        to[nname] = 0;
        memcpy(to + nname + 1, value, nvalue);
        to[nname + 1 + nvalue] = 0;
        c->n += need;
}

static void read_file(struct configured *c, const char *path)
{
        size_t n;
        char *text = rv_slurp(path, FILE_MOST, &n), *rest = text;
        for (char *line; text && (line = strsep(&rest, "\n"));) {
                char *name = line + strspn(line, " \t-"), *eq = strchr(name, '=');
                if (*name == '#' || *name == ';' || !eq)
                        continue;
                size_t nname = (size_t)(eq - name);
                while (nname && strchr(" \t", name[nname - 1]))
                        nname--;
                char *value = eq + 1 + strspn(eq + 1, " \t");
                size_t nvalue = strlen(value);
                while (nvalue && strchr(" \t\r", value[nvalue - 1]))
                        nvalue--;
                if (nname)
                        keep(c, path, name, nname, value, nvalue);
        }
        free(text);
}

struct file {
        char name[256];
        int folder;
};

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* Sorted by name, whatever the folder; of the same name the first folder's counts (sysctl.d(5)). */
static void read_configured(struct configured *c)
{
        static const char *const folders[] = { "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d",
                                               "/usr/lib/sysctl.d" };
        struct file *files = calloc(1024, sizeof *files);
        size_t n = 0;
        for (int i = 0; files && i < 4; i++) {
                DIR *d = opendir(folders[i]);
                for (struct dirent *e; d && n < 1024 && (e = readdir(d));) {
                        size_t k = strlen(e->d_name);
                        bool seen = k < 5 || k > 255 || strcmp(e->d_name + k - 5, ".conf") != 0;
                        for (size_t j = 0; j < n && !seen; j++)
                                seen = strcmp(files[j].name, e->d_name) == 0;
                        if (!seen) {
                                snprintf(files[n].name, sizeof files[n].name, "%s", e->d_name);
                                files[n++].folder = i;
                        }
                }
                if (d)
                        closedir(d);
        }
        if (files)
                qsort(files, n, sizeof *files, by_name);
        for (size_t i = 0; i < n; i++) {
                char path[320];
                snprintf(path, sizeof path, "%s/%s", folders[files[i].folder], files[i].name);
                read_file(c, path);
        }
        free(files);
        read_file(c, "/etc/sysctl.conf");
}

static void fill_configured(struct rv_row *row, const struct configured *c, const char *name)
{
        for (size_t at = 0; at < c->n;) {
                const char *file = c->text + at, *who = file + strlen(file) + 1,
                           *value = who + strlen(who) + 1;
                if (strcmp(who, name) == 0) {
                        rv_fill(row, Sysctl_Persisted, value);
                        rv_fill(row, Sysctl_Source, file);
                }
                at = (size_t)(value + strlen(value) + 1 - c->text);
        }
}

/* ---- reading ---- */

struct walker {
        const struct rv_query *q;
        struct rv_sink *out;
        struct configured configured;
};

static bool read_value(int dir, const char *file, char ret[VALUE])
{
        ssize_t n = rv_proc_read(dir, file, ret, VALUE);
        while (n > 0 && ret[n - 1] == '\n')
                ret[--n] = 0;
        return n >= 0;
}

static int emit(struct walker *w, int dir, const char *file, const char *name, mode_t mode)
{
        char value[VALUE];
        struct rv_row *row = rv_row(w->out);
        rv_fill(row, Sysctl_Name, name);
        if (Sysctl_wants_Value(row) && mode & 0444 && read_value(dir, file, value))
                Sysctl_set_Value(row, value, strlen(value));
        Sysctl_set_ReadOnly(row, !(mode & 0222));
        fill_configured(row, &w->configured, name);
        return rv_emit(w->out, row);
}

/* name[0..n): the parts so far, each with a dot behind. */
static int walk(struct walker *w, int fd, char *name, size_t n, int depth)
{
        DIR *d = fdopendir(fd);
        int e = RV_OK;
        if (!d) {
                close(fd);
                return RV_OK;
        }
        for (struct dirent *f; e == RV_OK && (f = readdir(d));) {
                struct stat st;
                size_t k = strlen(f->d_name);
                if (f->d_name[0] == '.' || n + k + 2 >= PATH_MAX ||
                    fstatat(fd, f->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                memcpy(name + n, f->d_name, k + 1);
                for (char *p = name + n; *p; p++)
                        *p = *p == '.' ? '/' : *p;
                if (S_ISREG(st.st_mode))
                        e = rv_cancelled(w->q->call) ? RV_STOP : emit(w, fd, f->d_name, name, st.st_mode);
                else if (S_ISDIR(st.st_mode) && depth < DEEPEST) {
                        int sub = openat(fd, f->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                        name[n + k] = '.';
                        if (sub >= 0)
                                e = walk(w, sub, name, n + k + 1, depth + 1);
                }
        }
        closedir(d);
        return e;
}

/* The file of a name; false: it cannot be one. */
static bool path_of(const char *name, size_t n, char ret[PATH_MAX])
{
        if (!n || strlen(name) != n || n + sizeof ROOT + 1 >= PATH_MAX || name[0] == '.' || name[0] == '/' ||
            strstr(name, "//") || strstr(name, ".."))
                return false;
        char *to = stpcpy(ret, ROOT "/");
        for (size_t i = 0; i <= n; i++)
                to[i] = name[i] == '.' ? '/' : name[i] == '/' ? '.' : name[i];
        return !strstr(ret, "/../") && !strstr(ret, "/./");
}

static int sysctl_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct walker w = { .q = q, .out = out };
        const struct rv_arg *one = rv_equals(q, Sysctl_Name);
        char path[PATH_MAX];
        struct stat st;
        int e = RV_OK;
        if (rv_asked(q, Sysctl_Persisted) || rv_asked(q, Sysctl_Source))
                read_configured(&w.configured);
        if (one) {
                if (path_of(one->s, one->len, path) && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
                        e = emit(&w, AT_FDCWD, path, one->s, st.st_mode);
        } else {
                int fd = open(ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                e = fd < 0 ? rv_fail_errno(err, errno, "cannot list " ROOT) : walk(&w, fd, path, 0, 0);
        }
        free(w.configured.text);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- setting ---- */

/* Our file with the one line in it. */
static int persist(const char *name, const char *value, struct rv_error *err)
{
        size_t n = 0, k = strlen(name), at = 0;
        char *old = rv_slurp(OURS, FILE_MOST, &n);
        static const char head[] = "# Written by reeve (Set-Sysctl -Persist).\n";
        size_t room = n + k + strlen(value) + sizeof head + 8;
        char *new = malloc(room);
        if (!new) {
                free(old);
                return -ENOMEM;
        }
        new[0] = 0;
        if (!old)
                at = (size_t)snprintf(new, room, "%s", head);
        for (char *rest = old, *line; rest && (line = strsep(&rest, "\n"));)
                if (*line && !(strncmp(line, name, k) == 0 && strchr(" =\t", line[k])))
                        at += (size_t)snprintf(new + at, room - at, "%s\n", line);
        snprintf(new + at, room - at, "%s = %s\n", name, value);
        int r = rv_replace_file(OURS, new, strlen(new), 0644);
        free(old);
        free(new);
        return r ? rv_fail_errno(err, -r, "the value is set, but cannot write " OURS) : RV_OK;
}

static int set(struct rv_call *c, const char *value, size_t n, bool lasting, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[Sysctl_Name];
        char path[PATH_MAX], now[VALUE] = "";
        struct stat st;
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a setting is named by its Name");
        rv_about(err, NULL, name->s, NULL);
        if (!path_of(name->s, name->len, path) || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return rv_fail(err, RV_NOT_FOUND, "the kernel has no setting %.100s", name->s);
        if (!(st.st_mode & 0222))
                return rv_fail(err, RV_NOT_SUPPORTED, "the setting %.100s cannot be changed", name->s);
        if (strlen(value) != n || strchr(value, '\n'))
                return rv_fail(err, RV_INVALID_PARAMETER, "a value is one line");
        bool known = read_value(AT_FDCWD, path, now);
        if (strcmp(now, value) != 0)
                rv_change(c, "Value", known ? now : NULL, value);
        if (lasting)
                rv_change(c, "Persisted", NULL, value);
        if (c->what_if)
                return RV_OK;
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t k = fd < 0 ? -1 : write(fd, value, n);
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (fd < 0 || k < 0) {
                int e = rv_fail_errno(err, error, "cannot set %.100s to '%.60s'", name->s, value);
                return error == EROFS ? rv_hint(err, "In a container most settings are the host's.") : e;
        }
        return lasting ? persist(name->s, value, err) : RV_OK;
}

static int sysctl_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *value = &v->v[Sysctl_Value];
        if (!rv_bit(v->set, Sysctl_Value))
                return RV_OK;
        return value->type == RV_STRING ? set(c, value->s, value->len, false, err)
                                        : rv_fail(err, RV_INVALID_PARAMETER, "a setting has a value");
}

static int sysctl_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Sysctl_Set_in *in = args;
        int e = set(c, in->Value, in->Value_len, in->has_Persist && in->Persist, err);
        if (e == RV_OK)
                Sysctl_Set_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[Sysctl_nmethods])(struct rv_call *, const void *,
                                             struct rv_error *) = { [Sysctl_method_Set] = sysctl_set };

static const struct rv_provider sysctl_ = {
        .class = &Sysctl_class, .query = sysctl_query, .methods = methods, .modify = sysctl_modify
};

RV_PROVIDERS(sysctl, &sysctl_);
