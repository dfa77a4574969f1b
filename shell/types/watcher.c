/* SPDX-License-Identifier: MIT
 *
 * [System.IO.FileSystemWatcher] by inotify: Created, Changed, Deleted, Renamed of the files of a folder, and of those
 * below it with IncludeSubdirectories.
 */
#include "shell/dotnet.h"
#include "shell/eventsource.h"
#include "shell/text.h"
#include "shell/files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCHES_MOST = 8192 };

struct watcher {
        struct sh_obj obj;
        struct sv path, filter;
        bool below, on;
        int fd;
        char **folders; /* by watch number, relative to path; "" is path itself */
        int nfolders;
        char buf[4096] __attribute__((aligned(8)));
        ssize_t n, at;
        uint32_t cookie; /* of a rename whose first half has come */
        char *from;
};

static struct watcher *of(struct sv v)
{
        return (struct watcher *)v.o;
}

static void watch(struct watcher *w, const char *below)
{
        char *full;
        if (asprintf(&full, "%s%s%s", w->path.s->s, *below ? "/" : "", below) < 0)
                abort();
        int wd = inotify_add_watch(w->fd, full,
                                   IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM |
                                           IN_MOVED_TO | IN_ONLYDIR);
        if (wd >= w->nfolders && wd < WATCHES_MOST) {
                w->folders = realloc(w->folders, (size_t)(wd + 1) * sizeof *w->folders);
                if (!w->folders)
                        abort();
                while (w->nfolders <= wd)
                        w->folders[w->nfolders++] = NULL;
        }
        if (wd >= 0 && wd < w->nfolders) {
                free(w->folders[wd]);
                w->folders[wd] = strdup(below);
        }
        DIR *d = wd >= 0 && wd < w->nfolders && w->below ? opendir(full) : NULL;
        for (struct dirent *e; d && (e = readdir(d));) {
                char *sub;
                if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                        continue;
                if (asprintf(&sub, "%s%s%s", below, *below ? "/" : "", e->d_name) < 0)
                        abort();
                watch(w, sub);
                free(sub);
        }
        if (d)
                closedir(d);
        free(full);
}

static void stop(struct watcher *w)
{
        if (w->on)
                close(w->fd);
        w->on = false;
        for (int i = 0; i < w->nfolders; i++)
                free(w->folders[i]);
        free(w->folders);
        free(w->from);
        w->folders = NULL;
        w->from = NULL;
        w->nfolders = 0;
        w->n = w->at = 0;
        w->cookie = 0;
}

static int start(struct sh *sh, struct watcher *w)
{
        if (w->on)
                return SH_OK;
        if ((w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0)
                return sh_throw(sh, "IOException", "ResourceUnavailable", SH_NIL,
                                "The folder '%s' cannot be watched: too many watchers are open.",
                                w->path.s->s);
        w->on = true;
        watch(w, "");
        return SH_OK;
}

static int watcher_construct(struct sh *sh, const struct sh_type *type, struct sh_args a, struct sv *ret)
{
        if (a.n > 2 || (a.n && a.v[0].kind != SH_STRING))
                return SH_NONE;
        char *full = a.n ? sh_path_full(sh, a.v[0].s->s) : strdup("");
        struct stat s;
        if (a.n && (stat(full, &s) != 0 || !S_ISDIR(s.st_mode))) {
                int st = sh_throw_member(sh, a, "System.ArgumentException",
                                         "The directory name '%s' does not exist. (Parameter 'path')",
                                         a.v[0].s->s);
                free(full);
                return st;
        }
        *ret = sh_other_new(type, sizeof(struct watcher));
        of(*ret)->path = sh_text(full);
        of(*ret)->filter = a.n == 2 ? sh_to_text(sh, a.v[1]) : sh_text("*");
        free(full);
        return SH_OK;
}

enum { W_PATH, W_FILTER, W_BELOW, W_ON, W_NOTIFY };
static int watcher_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct watcher *w = of(self);
        switch (sh_member_arg(sh)) {
        case W_PATH: *ret = sh_keep(w->path); break;
        case W_FILTER: *ret = sh_keep(w->filter); break;
        case W_BELOW: *ret = sh_bool(w->below); break;
        case W_ON: *ret = sh_bool(w->on); break;
        default: *ret = sh_text("FileName, DirectoryName, LastWrite");
        }
        return SH_OK;
}

static int watcher_set(struct sh *sh, struct sv self, struct sv value)
{
        struct watcher *w = of(self);
        struct sv text;
        struct stat s;
        char *full;
        bool on = w->on;
        switch (sh_member_arg(sh)) {
        case W_PATH:
                text = sh_to_text(sh, value);
                full = sh_path_full(sh, text.s->s);
                sh_drop(text);
                if (stat(full, &s) != 0 || !S_ISDIR(s.st_mode)) {
                        int st = sh_throw(
                                sh, "ExceptionWhenSetting", "InvalidArgument", SH_NIL,
                                "Exception setting \"Path\": \"The directory name '%s' does not exist.\"",
                                full);
                        free(full);
                        return st;
                }
                stop(w);
                sh_drop(w->path);
                w->path = sh_text(full);
                free(full);
                return on ? start(sh, w) : SH_OK;
        case W_FILTER:
                sh_drop(w->filter);
                w->filter = sh_to_text(sh, value);
                return SH_OK;
        case W_BELOW:
                w->below = sh_true(value);
                stop(w);
                return on ? start(sh, w) : SH_OK;
        case W_ON:
                if (sh_true(value))
                        return start(sh, w);
                stop(w);
                return SH_OK;
        default: return SH_OK; /* all that is asked for is told */
        }
}

static int watcher_dispose(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        *ret = SH_NOTHING;
        if (a.n)
                return SH_NONE;
        stop(of(self));
        return SH_OK;
}

static void set(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

static struct sv told(struct watcher *w, const char *kind, const char *name, const char *old)
{
        struct sv o = sh_object_new();
        set(o, "ChangeType", sh_text(kind));
        set(o, "FullPath", sh_printf("%s/%s", w->path.s->s, name));
        set(o, "Name", sh_text(name));
        if (old) {
                set(o, "OldFullPath", sh_printf("%s/%s", w->path.s->s, old));
                set(o, "OldName", sh_text(old));
        }
        sh_object_type(o, old ? "System.IO.RenamedEventArgs" : "System.IO.FileSystemEventArgs");
        return o;
}

/* One of the kernel's events; false: nothing to tell. */
static bool translate(struct watcher *w, const struct inotify_event *e, const char **ret_name,
                      struct sv *ret_args)
{
        const char *folder = e->wd >= 0 && e->wd < w->nfolders && w->folders[e->wd] ? w->folders[e->wd] : "",
                   *kind = NULL;
        char *name, *old = NULL;
        if (e->mask & IN_Q_OVERFLOW) {
                *ret_name = "Error";
                *ret_args = sh_object_new();
                return true;
        }
        if (!e->len)
                return false;
        if (asprintf(&name, "%s%s%s", folder, *folder ? "/" : "", e->name) < 0)
                abort();
        if (e->mask & IN_ISDIR && e->mask & (IN_CREATE | IN_MOVED_TO) && w->below)
                watch(w, name);
        if (e->mask & IN_MOVED_FROM) { /* a rename's first half, or it is moved away */
                free(w->from);
                w->from = name;
                w->cookie = e->cookie;
                return false;
        }
        if (e->mask & IN_MOVED_TO && w->from && e->cookie == w->cookie) {
                kind = "Renamed";
                old = w->from;
                w->from = NULL;
        } else {
                kind = e->mask & (IN_CREATE | IN_MOVED_TO) ? "Created"
                       : e->mask & IN_DELETE               ? "Deleted"
                                                           : "Changed";
        }
        const char *base = strrchr(name, '/');
        base = base ? base + 1 : name;
        bool fits = sh_wildcard(w->filter.s->s, w->filter.s->len, base, strlen(base), false) ||
                    !strcmp(w->filter.s->s, "*.*");
        if (fits) {
                *ret_name = kind;
                *ret_args = told(w, kind, name, old);
        }
        free(old);
        free(name);
        return fits;
}

bool sh_watcher_poll(struct sh *sh, struct sv self, const char **ret_name, struct sv *ret_args)
{
        struct watcher *w = of(self);
        (void)sh;
        while (w->on) {
                if (w->at >= w->n) {
                        w->at = 0;
                        if ((w->n = read(w->fd, w->buf, sizeof w->buf)) <= 0)
                                break;
                }
                const struct inotify_event *e = (const void *)(w->buf + w->at);
                w->at += (ssize_t)(sizeof *e + e->len);
                if (translate(w, e, ret_name, ret_args))
                        return true;
        }
        w->n = 0;
        if (!w->from)
                return false;
        char *gone = w->from; /* its second half did not come: it went to where nobody watches */
        w->from = NULL;
        *ret_name = "Deleted";
        *ret_args = told(w, "Deleted", gone, NULL);
        free(gone);
        return true;
}

static void watcher_free(struct sh_obj *o)
{
        struct watcher *w = (struct watcher *)o;
        stop(w);
        sh_drop(w->path);
        sh_drop(w->filter);
}

#define SET(n, text, which) \
        { \
                .name = n, .kind = SH_PROPERTY, .signature = text, .call = watcher_get, .set = watcher_set, \
                .arg = which \
        }
static const struct sh_member watcher_members[] = {
        SET("EnableRaisingEvents", "bool EnableRaisingEvents {get;set;}", W_ON),
        SET("Filter", "string Filter {get;set;}", W_FILTER),
        SET("IncludeSubdirectories", "bool IncludeSubdirectories {get;set;}", W_BELOW),
        SET("NotifyFilter", "System.IO.NotifyFilters NotifyFilter {get;set;}", W_NOTIFY),
        SET("Path", "string Path {get;set;}", W_PATH),
        SH_M("Dispose", "void Dispose()", watcher_dispose, 0),
};
const struct sh_type sh_type_watcher = { .name = "System.IO.FileSystemWatcher",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(watcher_members),
                                         .construct = watcher_construct,
                                         .free = watcher_free };

SH_TYPES(watcher, &sh_type_watcher);
