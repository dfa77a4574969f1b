/* SPDX-License-Identifier: MIT
 *
 * The unit folders, highest priority first: the first file of a name counts. A link to /dev/null is masked; an entry
 * in a .wants or .requires folder of /etc or /run (anywhere below /etc: of any unit) means enabled (enabled-runtime);
 * else the [Install] section decides between disabled, indirect (Also= only) and static.
 */
#include "providers/lib/unitfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const folders[] = {
        "/etc/systemd/system.control",   "/run/systemd/system.control",  "/run/systemd/transient",
        "/run/systemd/generator.early",  "/etc/systemd/system",          "/etc/systemd/system.attached",
        "/run/systemd/system",           "/run/systemd/system.attached", "/run/systemd/generator",
        "/usr/local/lib/systemd/system", "/lib/systemd/system",          "/usr/lib/systemd/system",
        "/run/systemd/generator.late",
};
enum { NFOLDERS = sizeof folders / sizeof *folders };

struct names {
        char **v;
        size_t n, cap;
};

static bool name_add(struct names *l, const char *s)
{
        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 256;
                char **v = realloc(l->v, cap * sizeof *v);
                if (!v)
                        return false;
                l->v = v, l->cap = cap;
        }
        return (l->v[l->n] = strdup(s)) && ++l->n;
}
static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}
static void names_sort(struct names *l)
{
        if (l->n)
                qsort(l->v, l->n, sizeof *l->v, by_text);
}
static bool names_have(const struct names *l, const char *s)
{
        return l->n && bsearch(&s, l->v, l->n, sizeof *l->v, by_text);
}
static void names_free(struct names *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->v[i]);
        free(l->v);
}

static bool ends(const char *s, const char *end)
{
        size_t n = strlen(s), m = strlen(end);
        return n >= m && strcmp(s + n - m, end) == 0;
}

/* Everything that some .wants or .requires folder below `top` names, and the aliases' targets in it. */
static void wanted(const char *top, struct names *ret)
{
        DIR *d = opendir(top);
        for (struct dirent *e; d && (e = readdir(d));) {
                char path[4096], target[1024];
                if (ends(e->d_name, ".wants") || ends(e->d_name, ".requires")) {
                        snprintf(path, sizeof path, "%s/%s", top, e->d_name);
                        DIR *sub = opendir(path);
                        for (struct dirent *s; sub && (s = readdir(sub));)
                                if (s->d_name[0] != '.')
                                        name_add(ret, s->d_name);
                        if (sub)
                                closedir(sub);
                } else if (e->d_type == DT_LNK) {
                        ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
                        if (n > 0 && (target[n] = 0, strcmp(target, "/dev/null") != 0)) {
                                const char *base = strrchr(target, '/');
                                base = base ? base + 1 : target;
                                if (strcmp(base, e->d_name) != 0)
                                        name_add(ret, base); /* an alias made by enabling */
                        }
                }
        }
        if (d)
                closedir(d);
        names_sort(ret);
}

/* Reads a unit file for what the list needs. Answers 0: no [Install], 1: WantedBy/RequiredBy/Alias, 2: Also or
 * DefaultInstance only. */
static int look_into(int dir, const char *name, char *description, size_t size)
{
        int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), found = 0;
        FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
        char line[2000];
        bool install = false;
        description[0] = 0;
        if (!f) {
                if (fd >= 0)
                        close(fd);
                return 0;
        }
        while (fgets(line, sizeof line, f)) {
                line[strcspn(line, "\n")] = 0;
                if (line[0] == '[')
                        install = strcmp(line, "[Install]") == 0;
                else if (!install && strncmp(line, "Description=", 12) == 0)
                        snprintf(description, size, "%s", line + 12);
                else if (install &&
                         (strncmp(line, "WantedBy=", 9) == 0 || strncmp(line, "RequiredBy=", 11) == 0 ||
                          strncmp(line, "Alias=", 6) == 0 || strncmp(line, "UpheldBy=", 9) == 0))
                        found = 1;
                else if (install && !found &&
                         (strncmp(line, "Also=", 5) == 0 || strncmp(line, "DefaultInstance=", 16) == 0))
                        found = 2;
        }
        fclose(f);
        return found;
}

struct scan {
        void (*each)(void *, const char *, const char *, const char *, bool, const char *);
        void *state;
        struct names seen, etc, run, lib, templates; /* templates: their paths, those that count first */
};

static void one_entry(struct scan *s, int dir, const char *folder, struct dirent *e)
{
        char path[4096], target[1024] = "", description[2048];
        struct stat st;
        const char *state;
        if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (S_ISLNK(st.st_mode)) {
                ssize_t n = readlinkat(dir, e->d_name, target, sizeof target - 1);
                target[n > 0 ? n : 0] = 0;
                const char *base = strrchr(target, '/');
                if (strcmp(target, "/dev/null") != 0 && strcmp(base ? base + 1 : target, e->d_name) != 0)
                        return; /* an alias of another unit */
        } else if (!S_ISREG(st.st_mode))
                return;
        bool runtime = strncmp(folder, "/run", 4) == 0;
        int install = strcmp(target, "/dev/null") == 0
                              ? 0
                              : look_into(dir, e->d_name, description, sizeof description);
        if (strcmp(target, "/dev/null") == 0 || (S_ISREG(st.st_mode) && st.st_size == 0)) {
                state = runtime ? "masked-runtime" : "masked";
                description[0] = 0;
        } else if (strstr(folder, "/generator"))
                state = "generated";
        else if (strcmp(folder, "/run/systemd/transient") == 0)
                state = "transient";
        else if (names_have(&s->etc, e->d_name))
                state = "enabled";
        else if (names_have(&s->run, e->d_name))
                state = "enabled-runtime";
        else
                state = install == 1 ? "disabled" : install == 2 ? "indirect" : "static";
        s->each(s->state, e->d_name, path, state, names_have(&s->lib, e->d_name),
                description[0] ? description : NULL);
}

static void one_folder(struct scan *s, const char *folder)
{
        struct names new = { 0 };
        DIR *d = opendir(folder);
        if (!d)
                return;
        for (struct dirent *e; (e = readdir(d));) {
                const char *at = strchr(e->d_name, '@');
                char path[4096];
                if (at && at[1] == '.' && e->d_type == DT_REG) {
                        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
                        name_add(&s->templates, path);
                }
                if (e->d_name[0] == '.' || !strchr(e->d_name, '.') || (at && at[1] == '.') ||
                    e->d_type == DT_DIR || names_have(&s->seen, e->d_name))
                        continue;
                name_add(&new, e->d_name);
                one_entry(s, dirfd(d), folder, e);
        }
        closedir(d);
        for (size_t i = 0; i < new.n; i++)
                name_add(&s->seen, new.v[i]);
        names_free(&new);
        names_sort(&s->seen);
}

/* Instances of templates that some folder wants: getty@tty1.service, where there is getty@.service. */
static void instances(struct scan *s, const struct names *wanted, const struct names *but, const char *state)
{
        char template[600];
        for (size_t i = 0; i < wanted->n; i++) {
                const char *name = wanted->v[i], *at = strchr(name, '@'), *dot = strrchr(name, '.');
                if (!at || !dot || at[1] == '.' || at > dot || names_have(&s->seen, name) ||
                    (but && names_have(but, name)) || (i && strcmp(wanted->v[i - 1], name) == 0))
                        continue;
                snprintf(template, sizeof template, "/%.*s%s", (int)(at + 1 - name), name, dot);
                for (size_t t = 0; t < s->templates.n; t++)
                        if (ends(s->templates.v[t], template)) {
                                s->each(s->state, name, s->templates.v[t], state, names_have(&s->lib, name), NULL);
                                break;
                        }
        }
}

void rv_unitfiles_scan(void (*each)(void *, const char *, const char *, const char *, bool, const char *),
                       void *state)
{
        struct scan s = { .each = each, .state = state };
        struct stat a, b;
        wanted("/etc/systemd/system", &s.etc);
        wanted("/run/systemd/system", &s.run);
        wanted("/run/systemd/generator", &s.run);
        wanted("/run/systemd/generator.late", &s.run);
        wanted("/usr/lib/systemd/system", &s.lib);
        /* Merged /usr: /lib is the same folder. */
        bool same = stat("/lib/systemd/system", &a) == 0 && stat("/usr/lib/systemd/system", &b) == 0 &&
                    a.st_ino == b.st_ino && a.st_dev == b.st_dev;
        for (unsigned i = 0; i < NFOLDERS; i++)
                if (!(same && strcmp(folders[i], "/usr/lib/systemd/system") == 0))
                        one_folder(&s, folders[i]);
        instances(&s, &s.run, &s.etc, "enabled-runtime");
        instances(&s, &s.etc, NULL, "enabled");
        names_free(&s.templates);
        names_free(&s.seen);
        names_free(&s.etc);
        names_free(&s.run);
        names_free(&s.lib);
}

bool rv_unitfiles_is_folder(const char *name)
{
        return ends(name, ".wants") || ends(name, ".requires") || strcmp(name, "system") == 0 ||
               strcmp(name, "system.control") == 0;
}

void rv_unitfiles_watch(int inotify, void (*drop_in)(void *, int, const char *), void *state)
{
        const uint32_t what = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE |
                              IN_DELETE_SELF | IN_ONLYDIR;
        inotify_add_watch(inotify, "/etc/systemd", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
        inotify_add_watch(inotify, "/run/systemd", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
        for (unsigned i = 0; i < NFOLDERS; i++) {
                if (strstr(folders[i], "/transient"))
                        continue; /* PID 1 writes there for each transient unit, and says so by UnitNew */
                inotify_add_watch(inotify, folders[i], what);
                bool own = strcmp(folders[i], "/etc/systemd/system") == 0 ||
                           strcmp(folders[i], "/run/systemd/system") == 0;
                DIR *d = opendir(folders[i]);
                for (struct dirent *e; d && (e = readdir(d));) {
                        char path[4096];
                        const bool drop = ends(e->d_name, ".d");
                        snprintf(path, sizeof path, "%s/%s", folders[i], e->d_name);
                        if (!drop && !(own && (ends(e->d_name, ".wants") || ends(e->d_name, ".requires"))))
                                continue;
                        int wd = inotify_add_watch(inotify, path, what & ~(uint32_t)IN_DELETE_SELF);
                        if (drop && wd >= 0) {
                                e->d_name[strlen(e->d_name) - 2] = 0;
                                drop_in(state, wd, e->d_name);
                        }
                }
                if (d)
                        closedir(d);
        }
}
