/* SPDX-License-Identifier: MIT
 *
 * Items: Get-ChildItem, Get-Item, Test-Path, New-Item, Remove-Item, Copy-Item, Move-Item, Rename-Item.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/drives.h"
#include "shell/filecopy.h"
#include "shell/fileinfo.h"
#include "shell/files.h"
#include "shell/text.h"

/* Runs `one` for each path that -Path (with wildcards) or -LiteralPath names; what is not there is an error. */
struct each {
        struct sh_cmd *c;
        int (*one)(struct sh_cmd *, const char *path);
        int st;
};
static bool each_path(void *state, const char *path)
{
        struct each *e = state;
        e->st = e->one(e->c, path);
        return e->st == SH_OK;
}
static int for_text(struct sh_cmd *c, const char *s, bool literal, int (*one)(struct sh_cmd *, const char *))
{
        struct sh *sh = sh_session(c);
        struct each e = { c, one, SH_OK };
        const char *at = strstr(s, "FileSystem::");
        if (at)
                s = at + 12;
        if (!literal && sh_has_wildcard(s, strlen(s))) {
                sh_path_glob(sh, s, sh_switch(c, "Force"), each_path, &e);
                return e.st;
        }
        char *full = literal ? sh_path_full(sh, s) : sh_path_plain(sh, s);
        struct stat st;
        if (lstat(full, &st) == 0)
                e.st = one(c, full);
        else
                e.st = sh_path_missing(c, s);
        free(full);
        return e.st;
}
int sh_for_paths(struct sh_cmd *c, int (*one)(struct sh_cmd *, const char *))
{
        bool literal = sh_bound(c, "LiteralPath");
        struct sv v = sh_arg(c, literal ? "LiteralPath" : "Path"), t;
        size_t pos = 0;
        int st = SH_OK;
        if (sh_is_null(v))
                return for_text(c, ".", true, one);
        while (st == SH_OK && sh_next_text(c, v, &pos, &t)) {
                st = for_text(c, t.s->s, literal, one);
                sh_drop(t);
        }
        return st;
}
#define PATHS(n) \
        { "Path", \
          .type = "string[]", \
          .position = n, \
          .from_pipeline = true, \
          .from_property = true, \
          .wildcard = true, \
          .sets = "Path", \
          .complete = "path" }, \
        { \
                "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .sets = "LiteralPath", \
                               .from_property = true, .mandatory = true \
        }
#define PATHS_NEEDED(n) \
        { "Path", \
          .type = "string[]", \
          .position = n, \
          .mandatory = true, \
          .from_pipeline = true, \
          .from_property = true, \
          .wildcard = true, \
          .sets = "Path", \
          .complete = "path" }, \
        { \
                "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .sets = "LiteralPath", \
                               .from_property = true, .mandatory = true \
        }
#define CHOICE \
        { "Filter", .type = "string" }, { "Include", .type = "string[]" }, \
                { "Exclude", .type = "string[]" }, \
        { \
                "Force", .type = "switch" \
        }

static int emit_item(struct sh_cmd *c, const char *path)
{
        struct stat st;
        bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        struct sv v = sh_fileinfo_new(path, folder);
        int r = sh_emit(c, v);
        sh_drop(v);
        return r;
}

/* ---- Get-ChildItem ---- */
static const char *last_name(const char *path)
{
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}
static bool wanted(struct sh_cmd *c, const char *name)
{
        size_t n = strlen(name);
        return sh_arg_fits(c, "Filter", name, n, true) && sh_arg_fits(c, "Include", name, n, true) &&
               !sh_arg_fits(c, "Exclude", name, n, false);
}
static bool shown(struct sh_cmd *c, const char *name, bool folder)
{
        bool hidden = name[0] == '.';
        if (hidden && !sh_switch(c, "Force") && !sh_switch(c, "Hidden"))
                return false;
        if ((sh_switch(c, "Hidden") && !hidden) || (sh_switch(c, "File") && folder) ||
            (sh_switch(c, "Directory") && !folder))
                return false;
        return wanted(c, name);
}
static int by_name(const void *a, const void *b)
{
        const char *x = *(char *const *)a, *y = *(char *const *)b;
        int r = strcasecmp(x, y);
        return r ? r : strcmp(x, y);
}
static int emit_child(struct sh_cmd *c, const char *path, const char *relative)
{
        if (!sh_switch(c, "Name"))
                return emit_item(c, path);
        struct sv v = sh_text(relative);
        int r = sh_emit(c, v);
        sh_drop(v);
        return r;
}

static int list_folder(struct sh_cmd *c, const char *folder, const char *relative, int64_t depth)
{
        DIR *d = opendir(folder);
        char **names = NULL;
        size_t n = 0, cap = 0;
        int st = SH_OK;
        if (!d)
                return sh_path_error(c, "DirUnauthorizedAccessError", errno, folder);
        for (struct dirent *e; (e = readdir(d));) {
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                        continue;
                if (n == cap) {
                        char **more = realloc(names, (cap = cap ? cap * 2 : 64) * sizeof *names);
                        if (!more)
                                abort();
                        names = more;
                }
                names[n++] = strdup(e->d_name);
        }
        closedir(d);
        if (n)
                qsort(names, n, sizeof *names, by_name);
        bool recurse = depth > 0;
        for (int pass = 0; pass < 2 && st == SH_OK; pass++)
                for (size_t i = 0; i < n && st == SH_OK; i++) {
                        char *path, *rel;
                        struct stat s;
                        if (asprintf(&path, "%s/%s", folder[1] ? folder : "", names[i]) < 0 ||
                            asprintf(&rel, "%s%s%s", relative, *relative ? "/" : "", names[i]) < 0)
                                abort();
                        bool there = lstat(path, &s) == 0; /* what is listed may be removed by what comes after */
                        bool link = there && S_ISLNK(s.st_mode);
                        bool is_folder = there && (link ? stat(path, &s) == 0 : true) && S_ISDIR(s.st_mode);
                        if (pass == 0 && there && shown(c, names[i], is_folder))
                                st = emit_child(c, path, rel);
                        else if (pass == 1 && recurse && is_folder && !link &&
                                 (names[i][0] != '.' || sh_switch(c, "Force")))
                                st = list_folder(c, path, rel, depth - 1);
                        free(path);
                        free(rel);
                }
        for (size_t i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return st == SH_OK ? sh_check(sh_session(c)) : st;
}

static int children(struct sh_cmd *c, const char *path)
{
        struct stat s;
        int64_t depth = sh_bound(c, "Depth")      ? sh_arg_int(c, "Depth", 0)
                        : sh_switch(c, "Recurse") ? INT32_MAX
                                                  : 0;
        if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
                return list_folder(c, path, "", depth);
        const char *name = last_name(path);
        return shown(c, name, false) || sh_switch(c, "Force")
                       ? emit_child(c, path, name)
                       : SH_OK;
}
/* "*.txt" names the items themselves, not what is in them. */
static int children_of_pattern(struct sh_cmd *c, const char *path)
{
        struct stat s;
        const char *name = last_name(path);
        bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
        if (folder && sh_switch(c, "Recurse"))
                return children(c, path);
        return shown(c, name, folder) ? emit_child(c, path, name) : SH_OK;
}
/* ---- drives that are no files: env:, variable:, function:, alias: ---- */
/* Every path of the parameter that names such a thing: one() gets "env:NAME" and what was written. SH_NONE: the first
 * does not. */
static int each_drive_item(struct sh_cmd *c, const char *param,
                           int (*one)(struct sh_cmd *, const char *, const char *))
{
        struct sv v = sh_arg(c, param), t;
        size_t pos = 0;
        int st = SH_NONE;
        if (sh_is_null(v)) {
                char *here = sh_bound(c, "LiteralPath") ? NULL : sh_drive_item(".");
                st = here ? one(c, here, here) : SH_NONE;
                free(here);
                return st;
        }
        while ((st == SH_OK || st == SH_NONE) && sh_next_text(c, v, &pos, &t)) {
                char *path = sh_drive_item(t.s->s);
                if (path)
                        st = one(c, path, t.s->s);
                sh_drop(t);
                free(path);
                if (st == SH_NONE)
                        return st;
        }
        return st;
}
static const char *item_name(const char *path)
{
        return strchr(path, ':') + 1;
}
static bool drive_has(struct sh *sh, const char *drive, const char *name)
{
        struct sv v = SH_NIL;
        struct sh_target *t = NULL;
        bool there = false;
        switch (drive[0] | 32) {
        case 'e': return getenv(name) != NULL;
        case 'a': return sh_alias_lookup(sh, name, strlen(name)) != NULL;
        case 'v':
                there = sh_var_get(sh, name, &v);
                sh_drop(v);
                return there;
        }
        if (sh_try_command(sh, name, strlen(name), &t) == SH_OK) {
                there = t->kind == CT_FUNCTION || t->kind == CT_FILTER;
                sh_drop(sh_target_value(t));
        }
        return there;
}
static int by_entry(const void *a, const void *b)
{
        return strcasecmp(*(char *const *)a, *(char *const *)b);
}
static int env_items(struct sh_cmd *c, const char *pattern)
{
        extern char **environ;
        size_t n = 0;
        int st = SH_OK;
        while (environ[n])
                n++;
        char **sorted = calloc(n + 1, sizeof *sorted);
        if (!sorted)
                abort();
        memcpy(sorted, environ, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_entry);
        for (size_t i = 0; i < n && st == SH_OK; i++) {
                const char *eq = strchr(sorted[i], '=');
                size_t nk = eq ? (size_t)(eq - sorted[i]) : 0;
                if (!nk || !sh_wildcard(pattern, strlen(pattern), sorted[i], nk, false))
                        continue;
                struct sv o = sh_object_new(), k = sh_string(sorted[i], nk), v = sh_text(eq + 1);
                sh_object_set(o, "Name", 4, k);
                sh_object_set(o, "Value", 5, v);
                st = sh_emit(c, o);
                sh_drop(o);
                sh_drop(k);
                sh_drop(v);
        }
        free(sorted);
        return st;
}
/* What a path like alias:g* names. */
static int drive_items(struct sh_cmd *c, const char *path, const char *written)
{
        const char *name = item_name(path);
        if (*name && !sh_has_wildcard(name, strlen(name)) && !drive_has(sh_session(c), path, name))
                return sh_path_missing(c, written);
        const char *pattern = *name ? name : "*";
        char kind = (char)(path[0] | 32);
        if (kind == 'e')
                return env_items(c, pattern);
        struct sv args[] = { sh_text("-Name"), sh_text(pattern), sh_text("-CommandType"),
                             sh_text("Function,Filter") };
        int st = sh_run_command(sh_session(c),
                                kind == 'v'   ? "Get-Variable"
                                : kind == 'a' ? "Get-Alias"
                                              : "Get-Command",
                                (struct sh_args) { kind == 'f' ? 4 : 2, args }, &c->emit);
        for (int i = 0; i < 4; i++)
                sh_drop(args[i]);
        return st;
}
static int child_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        int st = each_drive_item(c, "Path", drive_items);
        if (st != SH_NONE)
                return st;
        struct sv v = sh_arg(c, "Path"), t = sh_is_null(v) ? SH_NIL : sh_to_text(sh_session(c), v);
        st = sh_for_paths(c, t.kind == SH_STRING && sh_has_wildcard(t.s->s, t.s->len) ? children_of_pattern
                                                                                      : children);
        sh_drop(t);
        return st;
}
static const struct sh_cmdlet get_childitem = {
        .name = "Get-ChildItem",
        .alias = (const char *[]) { "gci", "dir", NULL },
        .synopsis = "Shows what is in folders.",
        .process = child_process,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS(1),
                                              { "Filter", .type = "string", .position = 2 },
                                              { "Include", .type = "string[]" },
                                              { "Exclude", .type = "string[]" },
                                              { "Force", .type = "switch", .help = "Hidden ones too." },
                                              { "Recurse", .type = "switch", .alias = "s" },
                                              { "Depth", .type = "int" },
                                              { "Name", .type = "switch" },
                                              { "File", .type = "switch", .alias = "af" },
                                              { "Directory", .type = "switch", .alias = "ad,d" },
                                              { "Hidden", .type = "switch", .alias = "ah,h" },
                                              { "FollowSymlink", .type = "switch" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-ChildItem / -Directory).Name -contains 'etc'",
                                                    "True", "" },
                                                  { "Get-ChildItem /etc -Filter host*", NULL, "" },
                                                  { 0 } },
};

/* ---- Get-Item, Test-Path ---- */
static int item_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        int st = each_drive_item(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", drive_items);
        return st == SH_NONE ? sh_for_paths(c, emit_item) : st;
}
static const struct sh_cmdlet get_item = {
        .name = "Get-Item",
        .alias = (const char *[]) { "gi", NULL },
        .synopsis = "Shows a file or folder.",
        .process = item_process,
        .default_set = "Path",
        .params =
                (const struct sh_param[]) {
                        PATHS_NEEDED(1), CHOICE, { "Stream", .type = "string[]" }, { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-Item /etc).PSIsContainer", "True", "" },
                                                  { "(Get-Item /etc/passwd).Extension -eq ''", "True", "" },
                                                  { 0 } },
};
/* Does a pattern like env:P* fit anything? */
static bool drive_any(struct sh *sh, const char *path)
{
        struct sv args[] = { sh_text("-Path"), sh_text(path) };
        struct collect found;
        sh_collect_begin(&found);
        int st = sh_run_command(sh, "Get-Item", (struct sh_args) { 2, args }, &found.sink);
        struct sv r = sh_collect_end(&found);
        bool any = st == SH_OK && r.kind != SH_VOID;
        sh_drop(r);
        sh_drop(args[0]);
        sh_drop(args[1]);
        return any;
}

struct testing {
        bool any, kind_ok, times_ok;
        const char *kind;
        struct sv older, newer;
};
static bool test_each(void *state, const char *path)
{
        struct testing *t = state;
        struct stat s;
        bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
        t->any = true;
        if (!sh_is_null(t->older) || !sh_is_null(t->newer)) {
                struct sv written = sh_datetime_unix(s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
                written = sh_datetime_local(written);
                t->times_ok |= (sh_is_null(t->older) || written.i < sh_unwrap(t->older).i) &&
                               (sh_is_null(t->newer) || written.i > sh_unwrap(t->newer).i);
        } else {
                t->times_ok = true;
        }
        t->kind_ok |= !t->kind || (!strcasecmp(t->kind, "Container") ? folder
                                   : !strcasecmp(t->kind, "Leaf")    ? !folder
                                                                     : true);
        return true;
}
static bool test_one(struct sh_cmd *c, const char *s, bool literal)
{
        struct sh *sh = sh_session(c);
        struct testing t = { .kind = sh_arg_text(c, "PathType", NULL),
                             .older = sh_arg(c, "OlderThan"),
                             .newer = sh_arg(c, "NewerThan") };
        char *item = *s ? sh_drive_item(s) : NULL;
        if (item) {
                const char *name = item_name(item);
                bool there = !*name ||
                             (!literal && sh_has_wildcard(name, strlen(name)) ? drive_any(sh, item)
                                                                              : drive_has(sh, item, name));
                if (t.kind && !strcasecmp(t.kind, *name ? "Container" : "Leaf"))
                        there = false;
                free(item);
                return there;
        }
        size_t spaces = strspn(s, " ");
        if (!s[spaces])
                return false;
        if (sh_switch(c, "IsValid"))
                return true;
        if (!literal && sh_has_wildcard(s, strlen(s))) {
                sh_path_glob(sh, s, true, test_each, &t);
        } else {
                char *full = literal ? sh_path_full(sh, s) : sh_path_plain(sh, s);
                struct stat st;
                if (stat(full, &st) == 0 || lstat(full, &st) == 0)
                        test_each(&t, full);
                free(full);
        }
        return t.any && t.kind_ok && t.times_ok;
}
static int test_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        bool literal = sh_bound(c, "LiteralPath");
        struct sv v = sh_arg(c, literal ? "LiteralPath" : "Path"), t;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next_text(c, v, &pos, &t)) {
                st = sh_emit(c, sh_bool(test_one(c, t.s->s, literal)));
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet test_path = {
        .name = "Test-Path",
        .synopsis = "Tells whether a path exists.",
        .process = test_process,
        .default_set = "Path",
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .allow_empty = true,
                          .from_pipeline = true, .from_property = true, .wildcard = true, .sets = "Path" },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .sets = "LiteralPath",
                          .from_property = true, .mandatory = true },
                        CHOICE,
                        { "PathType", .type = "string", .alias = "Type", .values = "Any,Container,Leaf" },
                        { "IsValid", .type = "switch" },
                        { "OlderThan", .type = "datetime" },
                        { "NewerThan", .type = "datetime" },
                        { 0 } },
        .examples = (const struct sh_example[]) { { "Test-Path /etc", "True", "" },
                                                  { "Test-Path /etc -PathType Leaf", "False", "" },
                                                  { 0 } },
};

/* ---- New-Item ---- */
static int make_parents(const char *path)
{
        char *p = strdup(path);
        int r = 0;
        for (char *s = p + 1; r == 0 && (s = strchr(s, '/')); s++) {
                *s = 0;
                if (mkdir(p, 0777) != 0 && errno != EEXIST)
                        r = errno;
                *s = '/';
        }
        free(p);
        return r;
}
static int new_thing(struct sh_cmd *c, const char *drive, const char *name, struct sv value)
{
        struct sh *sh = sh_session(c);
        struct sv path = sh_printf("%.*s:%s", (int)strcspn(drive, ":"), drive, name),
                  target = sh_text(path.s->s);
        int st = SH_OK;
        bool what = drive[0] == 'f' || !drive_has(sh, drive, name) || sh_switch(c, "Force");
        if (!what)
                st = sh_cmd_error(c, "Argument", "ResourceExists", target,
                                  "The item with the specified name '%s' already exists.", name);
        else
                st = sh_should_process(c, path.s->s, "New Item", &what);
        if (st == SH_OK && what) {
                st = drive[0] == 'v' ? sh_var_set_scope(sh, name, value, SH_SCOPE_LOCAL, NULL)
                                     : sh_set_drive_var(sh, path.s->s, (uint32_t)strcspn(drive, ":"), value);
                if (st == SH_OK)
                        st = drive_items(c, path.s->s, path.s->s);
        }
        sh_drop(target);
        sh_drop(path);
        return st;
}
static int new_one(struct sh_cmd *c, const char *text)
{
        struct sh *sh = sh_session(c);
        const char *name = sh_arg_text(c, "Name", NULL), *type = sh_arg_text(c, "ItemType", "File");
        bool what = true, force = sh_switch(c, "Force"),
             folder = !strcasecmp(type, "Directory") || !strcasecmp(type, "Container");
        struct sv value = sh_arg(c, "Value");
        char *thing = sh_drive_item(text);
        if (thing) {
                int r = new_thing(c, thing, *item_name(thing) ? item_name(thing) : name ? name : "", value);
                free(thing);
                return r;
        }
        char *base = sh_path_full(sh, text), *path = base;
        if (name && asprintf(&path, "%s/%s", base, name) < 0)
                abort();
        struct stat st;
        bool there = lstat(path, &st) == 0;
        int bad = 0, r = sh_should_process_as(c, "Destination: ", path,
                                              folder ? "Create Directory" : "Create File", &what);
        if (r == SH_OK && what) {
                if (there && !(force && (folder ? S_ISDIR(st.st_mode) : !S_ISDIR(st.st_mode)))) {
                        struct sv t = sh_text(path);
                        r = sh_cmd_error(c, folder ? "DirectoryExist" : "NewItemIOError",
                                         folder ? "ResourceExists" : "WriteError", t,
                                         folder ? "An item with the specified name %s already exists."
                                                : "The file '%s' already exists.",
                                         path);
                        sh_drop(t);
                        goto out;
                }
                if (force || folder)
                        bad = make_parents(path);
                if (!bad && folder) {
                        bad = mkdir(path, 0777) != 0 && errno != EEXIST ? errno : 0;
                } else if (!bad && (!strcasecmp(type, "SymbolicLink") || !strcasecmp(type, "HardLink"))) {
                        struct sv v = sh_to_text(sh, sh_is_null(value) ? sh_arg(c, "Target") : value);
                        if (there && force)
                                unlink(path);
                        bad = (strcasecmp(type, "HardLink") ? symlink(v.s->s, path) : link(v.s->s, path)) != 0
                                      ? errno
                                      : 0;
                        sh_drop(v);
                } else if (!bad) {
                        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
                        bad = fd < 0 ? errno : 0;
                        if (fd >= 0 && !sh_is_null(value)) {
                                struct sv v = sh_to_text(sh, value);
                                if (write(fd, v.s->s, v.s->len) < 0)
                                        bad = errno;
                                sh_drop(v);
                        }
                        if (fd >= 0)
                                close(fd);
                }
                r = bad ? sh_path_error(c, "NewItemIOError", bad, path) : emit_item(c, path);
        }
out:
        if (path != base)
                free(path);
        free(base);
        return r;
}
static int new_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv v = sh_arg(c, "Path"), t;
        size_t pos = 0;
        int st = SH_OK;
        if (sh_is_null(v))
                return new_one(c, ".");
        while (st == SH_OK && sh_next_text(c, v, &pos, &t)) {
                st = new_one(c, t.s->s);
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet new_item = {
        .name = "New-Item",
        .alias = (const char *[]) { "ni", NULL },
        .synopsis = "Makes a file, folder or link.",
        .process = new_process,
        .should_process = true,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .from_property = true },
                        { "Name", .type = "string", .from_property = true },
                        { "ItemType", .type = "string", .alias = "Type", .from_property = true },
                        { "Value", .type = "object", .alias = "Target", .from_pipeline = true },
                        { "Force", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "New-Item ni-a.txt -Value hi | Out-Null; Get-Content ni-a.txt; Remove-Item "
                          "ni-a.txt",
                          "hi", "" },
                        { "New-Item ni-d -ItemType Directory | Out-Null; Test-Path ni-d; Remove-Item ni-d",
                          "True", "" },
                        { 0 } },
};

/* ---- Remove-Item ---- */
static int remove_tree(const char *path)
{
        struct stat s;
        if (lstat(path, &s) != 0)
                return errno;
        if (!S_ISDIR(s.st_mode))
                return unlink(path) != 0 ? errno : 0;
        DIR *d = opendir(path);
        int bad = d ? 0 : errno;
        for (struct dirent *e; d && !bad && (e = readdir(d));) {
                char *sub;
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                        continue;
                if (asprintf(&sub, "%s/%s", path, e->d_name) < 0)
                        abort();
                bad = remove_tree(sub);
                free(sub);
        }
        if (d)
                closedir(d);
        return bad ? bad : rmdir(path) != 0 ? errno : 0;
}
static int remove_one(struct sh_cmd *c, const char *path)
{
        struct stat s;
        bool what = true, folder = lstat(path, &s) == 0 && S_ISDIR(s.st_mode);
        if (!wanted(c, last_name(path)))
                return SH_OK;
        int r = sh_should_process(c, path, folder ? "Remove Directory" : "Remove File", &what);
        if (r != SH_OK || !what)
                return r;
        if (!strcmp(path, "/"))
                return sh_cmd_error(c, "RemoveItemIOError", "InvalidOperation", SH_NIL,
                                    "The root of the file system is not removed.");
        int bad = folder && !sh_switch(c, "Recurse") ? (rmdir(path) != 0 ? errno : 0) : remove_tree(path);
        return bad ? sh_path_error(c, "RemoveItemIOError", bad, path) : SH_OK;
}
static int remove_thing(struct sh_cmd *c, const char *path, const char *written)
{
        struct sh *sh = sh_session(c);
        const char *name = item_name(path);
        bool what = true;
        int st = SH_OK;
        if (!sh_has_wildcard(name, strlen(name)) && !drive_has(sh, path, name))
                return sh_path_missing(c, written);
        st = sh_should_process(c, written, "Remove Item", &what);
        if (st != SH_OK || !what)
                return st;
        if (path[0] == 'e') {
                unsetenv(name);
        } else if (path[0] == 'f') {
                uint32_t id = sh_intern(sh, name, strlen(name));
                for (struct scope *s = c->caller; s; s = s->parent)
                        if (s->functions && sh_table_remove(s->functions, id))
                                break;
                sh->epoch++;
        } else {
                struct sv args[] = { sh_text("-Name"), sh_text(name), sh_text("-Force") };
                st = sh_run_command(sh, path[0] == 'v' ? "Remove-Variable" : "Remove-Alias",
                                    (struct sh_args) { 3, args }, &c->emit);
                for (int i = 0; i < 3; i++)
                        sh_drop(args[i]);
        }
        return st;
}
static int remove_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        int st = each_drive_item(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", remove_thing);
        return st == SH_NONE ? sh_for_paths(c, remove_one) : st;
}
static const struct sh_cmdlet remove_item = {
        .name = "Remove-Item",
        .alias = (const char *[]) { "ri", "del", "rd", "erase", NULL },
        .synopsis = "Removes files and folders.",
        .process = remove_process,
        .should_process = true,
        .default_set = "Path",
        .params =
                (const struct sh_param[]) { PATHS_NEEDED(1), CHOICE, { "Recurse", .type = "switch" }, { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "New-Item ri-a | Out-Null; Remove-Item ri-a; Test-Path ri-a", "False", "" },
                        { "Remove-Item /nowhere -ErrorAction Ignore; $?", "False", "" },
                        { 0 } },
};

/* ---- Copy-Item, Move-Item, Rename-Item ---- */
static int copy_file(const char *from, const char *to)
{
        struct stat s;
        int in = open(from, O_RDONLY | O_CLOEXEC), bad = in < 0 ? errno : fstat(in, &s) != 0 ? errno : 0;
        int out = bad ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, s.st_mode & 0777);
        if (!bad && out < 0)
                bad = errno;
        for (ssize_t n; !bad && (n = sendfile(out, in, NULL, 1 << 20)) != 0;)
                if (n < 0)
                        bad = errno;
        if (bad == EINVAL) {
                char buf[65536];
                bad = 0;
                for (ssize_t n; !bad && (n = read(in, buf, sizeof buf)) > 0;)
                        if (write(out, buf, (size_t)n) != n)
                                bad = errno ? errno : EIO;
        }
        if (in >= 0)
                close(in);
        if (out >= 0 && close(out) != 0 && !bad)
                bad = errno;
        return bad;
}
static int copy_tree(const char *from, const char *to, bool recurse)
{
        struct stat s;
        if (stat(from, &s) != 0)
                return errno;
        if (!S_ISDIR(s.st_mode))
                return copy_file(from, to);
        int bad = mkdir(to, s.st_mode & 0777) != 0 && errno != EEXIST ? errno : 0;
        DIR *d = recurse && !bad ? opendir(from) : NULL;
        for (struct dirent *e; d && !bad && (e = readdir(d));) {
                char *x, *y;
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                        continue;
                if (asprintf(&x, "%s/%s", from, e->d_name) < 0 || asprintf(&y, "%s/%s", to, e->d_name) < 0)
                        abort();
                bad = copy_tree(x, y, true);
                free(x);
                free(y);
        }
        if (d)
                closedir(d);
        return bad;
}
static int transfer(struct sh_cmd *c, const char *path)
{
        const char *name = sh_cmdlet_of(c)->name, *base = strrchr(path, '/');
        bool copy = name[0] == 'C', rename_ = name[0] == 'R', what = true;
        struct sh *sh = sh_session(c);
        const char *target = sh_arg_text(c, rename_ ? "NewName" : "Destination", ".");
        char *to, *dest;
        struct stat s;
        if (rename_) {
                if (asprintf(&dest, "%.*s/%s", (int)(base - path), path, target) < 0)
                        abort();
        } else {
                dest = sh_path_full(sh, target);
        }
        bool into = !rename_ && stat(dest, &s) == 0 && S_ISDIR(s.st_mode);
        if (into ? asprintf(&to, "%s/%s", dest[1] ? dest : "", last_name(path)) < 0
                 : !(to = strdup(dest)))
                abort();
        struct sv said = sh_printf("Item: %s Destination: %s", path, to);
        bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
        int bad = 0, r = sh_should_process(c, said.s->s,
                                           copy      ? (folder ? "Copy Directory" : "Copy File")
                                           : rename_ ? (folder ? "Rename Directory" : "Rename File")
                                           : folder  ? "Move Directory"
                                                     : "Move File",
                                           &what);
        sh_drop(said);
        if (r == SH_OK && what) {
                if (!copy && lstat(to, &s) == 0 && !sh_switch(c, "Force"))
                        bad = EEXIST;
                else if (copy)
                        bad = copy_tree(path, to, sh_switch(c, "Recurse"));
                else if (rename(path, to) != 0 && (bad = errno) == EXDEV)
                        bad = copy_tree(path, to, true) ? EXDEV : remove_tree(path);
                r = bad                        ? sh_path_error(c,
                                        copy      ? "CopyError"
                                                               : rename_ ? "RenameItemIOError"
                                                                         : "MoveItemIOError",
                                                               bad, bad == EEXIST ? to : path)
                    : sh_switch(c, "PassThru") ? emit_item(c, to)
                                               : SH_OK;
        }
        free(to);
        free(dest);
        return r;
}
static int transfer_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return sh_for_paths(c, transfer);
}
static int copy_process(struct sh_cmd *c, struct sv input)
{
        bool to = sh_bound(c, "ToSession"), from = sh_bound(c, "FromSession");
        if (to && from)
                return sh_cmd_throw(c, "InvalidInput", "InvalidArgument", SH_NIL,
                                    "-ToSession and -FromSession cannot be used together: copy here first.");
        return from ? sh_copy_from_session(c)
               : to ? sh_for_paths(c, sh_copy_to_sessions)
                    : transfer_process(c, input);
}
static const struct sh_cmdlet copy_item = {
        .name = "Copy-Item",
        .alias = (const char *[]) { "cpi", "copy", NULL },
        .synopsis = "Copies files and folders, here or to and from other hosts.",
        .description =
                "Between hosts each file is at its destination whole or not at all; permissions and the "
                "time of the last change come along.",
        .process = copy_process,
        .should_process = true,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS_NEEDED(1),
                                              { "Destination", .type = "string", .position = 2,
                                                .from_property = true },
                                              CHOICE,
                                              { "Container", .type = "switch" },
                                              { "Recurse", .type = "switch" },
                                              { "PassThru", .type = "switch" },
                                              { "ToSession", .type = "object[]",
                                                .help = "To the hosts of these sessions of New-PSSession." },
                                              { "FromSession", .type = "object",
                                                .help = "From the host of this session; the path is there." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content ci-a 1; Copy-Item ci-a ci-b; Get-Content ci-b; Remove-Item ci-a, ci-b",
                          "1", "" },
                        { "Copy-Item site /srv/www -Recurse -ToSession (New-PSSession web1,web2)", NULL, "" },
                        { "Copy-Item /nowhere /tmp -ErrorAction Ignore; $?", "False", "" },
                        { 0 } },
};
static const struct sh_cmdlet move_item = {
        .name = "Move-Item",
        .alias = (const char *[]) { "mi", "move", NULL },
        .synopsis = "Moves files and folders.",
        .process = transfer_process,
        .should_process = true,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS_NEEDED(1),
                                              { "Destination", .type = "string", .position = 2,
                                                .from_property = true },
                                              CHOICE,
                                              { "PassThru", .type = "switch" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content mi-a 1; Move-Item mi-a mi-b; Test-Path mi-a; Remove-Item mi-b",
                          "False", "" },
                        { "Move-Item /nowhere /tmp -ErrorAction Ignore; $?", "False", "" },
                        { 0 } },
};
static int rename_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv given = sh_unwrap(sh_arg(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path"));
        if (sh_is_enumerable(given) && given.kind == SH_ARRAY && given.a->n == 1)
                given = sh_unwrap(given.a->v[0]);
        struct stat s;
        if (given.kind == SH_STRING && !sh_has_wildcard(given.s->s, given.s->len)) {
                char *full = sh_path_full(sh_session(c), given.s->s);
                bool there = lstat(full, &s) == 0;
                free(full);
                if (!there)
                        return sh_cmd_error(c, "InvalidOperation", "InvalidOperation", given,
                                            "Cannot rename because item at '%s' does not exist.", given.s->s);
        }
        return transfer_process(c, SH_NIL);
}
static const struct sh_cmdlet rename_item = {
        .name = "Rename-Item",
        .alias = (const char *[]) { "rni", "ren", NULL },
        .synopsis = "Gives a file or folder another name.",
        .process = rename_process,
        .should_process = true,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS_NEEDED(1),
                                              { "NewName", .type = "string", .position = 2, .mandatory = true,
                                                .from_property = true },
                                              { "Force", .type = "switch" },
                                              { "PassThru", .type = "switch" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content rn-a 1; Rename-Item rn-a rn-b; Test-Path rn-b; Remove-Item rn-b",
                          "True", "" },
                        { "Rename-Item /nowhere x -ErrorAction Ignore; $?", "False", "" },
                        { 0 } },
};

SH_CMDLETS(item, &get_childitem, &get_item, &test_path, &new_item, &remove_item, &copy_item, &move_item,
           &rename_item);
