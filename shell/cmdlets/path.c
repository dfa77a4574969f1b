/* SPDX-License-Identifier: MIT
 *
 * Join-Path, Split-Path, Resolve-Path, Convert-Path, Get-, Set-, Push-, Pop-Location, New-TemporaryFile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/drives.h"
#include "shell/fileinfo.h"
#include "shell/files.h"
#include "shell/text.h"

static int emit_text(struct sh_cmd *c, struct sv owned)
{
        int st = sh_emit(c, owned);
        sh_drop(owned);
        return st;
}
static int for_each(struct sh_cmd *c, const char *param, int (*one)(struct sh_cmd *, const char *, size_t))
{
        struct sv v = sh_arg(c, param), t;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next_text(c, v, &pos, &t)) {
                st = one(c, t.s->s, t.s->len);
                sh_drop(t);
        }
        return st;
}

/* ---- Join-Path ---- */
static void join(struct sh_buf *b, const char *s)
{
        bool slash = b->n && b->p[b->n - 1] == '/';
        while (*s == '/' || *s == '\\')
                s++;
        if (b->n && !slash)
                sh_buf_put(b, "/", 1);
        for (; *s; s++)
                sh_buf_put(b, *s == '\\' ? "/" : s, 1);
}
static int resolve_one(struct sh_cmd *, const char *, size_t);
static int join_one(struct sh_cmd *c, const char *s, size_t n)
{
        struct sh_buf b = { 0 };
        struct sv child = sh_arg(c, "ChildPath"), more = sh_arg(c, "AdditionalChildPath"), item;
        size_t pos = 0;
        for (size_t i = 0; i < n; i++)
                sh_buf_put(&b, s[i] == '\\' ? "/" : s + i, 1);
        struct sv t = sh_to_text(sh_session(c), child);
        join(&b, t.s->s);
        sh_drop(t);
        while (!sh_is_null(more) && sh_next(more, &pos, &item)) {
                t = sh_to_text(sh_session(c), item);
                join(&b, t.s->s);
                sh_drop(t);
                sh_drop(item);
        }
        if (sh_switch(c, "Resolve")) {
                sh_buf_put(&b, "", 1);
                int st = resolve_one(c, b.p, b.n - 1);
                sh_buf_free(&b);
                return st;
        }
        return emit_text(c, sh_buf_take(&b));
}
static int join_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return for_each(c, "Path", join_one);
}
static const struct sh_cmdlet join_path = {
        .name = "Join-Path",
        .synopsis = "Joins a path and what is in it.",
        .process = join_process,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .alias = "PSPath", .allow_empty = true },
                        { "ChildPath", .type = "string", .position = 2, .mandatory = true,
                          .from_property = true, .allow_empty = true },
                        { "AdditionalChildPath", .type = "string[]", .position = 3, .remaining = true },
                        { "Resolve", .type = "switch" },
                        { 0 } },
        .examples = (const struct sh_example[]) { { "Join-Path a b", "a/b", "" },
                                                  { "Join-Path a/ /b c", "a/b/c", "" },
                                                  { 0 } },
};

/* ---- Split-Path ---- */
static int split_one(struct sh_cmd *c, const char *s, size_t n)
{
        while (n > 1 && (s[n - 1] == '/' || s[n - 1] == '\\'))
                n--;
        size_t at = n;
        while (at && s[at - 1] != '/' && s[at - 1] != '\\')
                at--;
        const char *leaf = s + at;
        size_t nleaf = n - at;
        const char *dot = memrchr(leaf, '.', nleaf);
        if (sh_switch(c, "Leaf"))
                return emit_text(c, sh_string(leaf, nleaf));
        if (sh_switch(c, "LeafBase"))
                return emit_text(c, sh_string(leaf, dot ? (size_t)(dot - leaf) : nleaf));
        if (sh_switch(c, "Extension"))
                return emit_text(c, dot ? sh_string(dot, nleaf - (size_t)(dot - leaf)) : sh_text(""));
        if (sh_switch(c, "IsAbsolute"))
                return sh_emit(c, sh_bool(n && (*s == '/' || *s == '~' ||
                                                (strcspn(s, ":/") < n && s[strcspn(s, ":/")] == ':'))));
        size_t drive = strcspn(s, ":/\\");
        bool qualified = drive > 0 && drive < n && s[drive] == ':';
        if (sh_switch(c, "Qualifier") && qualified)
                return emit_text(c, sh_string(s, drive + 1));
        if (sh_switch(c, "NoQualifier") && qualified)
                return emit_text(c, sh_string(s + drive + 1, n - drive - 1));
        if (sh_switch(c, "Qualifier"))
                return sh_cmd_error(
                        c, "ParsePathFormatError", "InvalidArgument", SH_NIL,
                        "Cannot parse path because path '%.*s' does not have a qualifier specified.", (int)n,
                        s);
        if (sh_switch(c, "NoQualifier"))
                return emit_text(c, sh_string(s, n));
        while (at > 1 && (s[at - 1] == '/' || s[at - 1] == '\\'))
                at--;
        if (at == 1 && n == 1)
                at = 0;
        return emit_text(c, sh_string(s, at));
}
static int split_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return for_each(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", split_one);
}
static const struct sh_cmdlet split_path = {
        .name = "Split-Path",
        .synopsis = "Shows a part of a path.",
        .process = split_process,
        .default_set = "Parent",
        .params = (const struct sh_param[]) { { "Path", .type = "string[]", .position = 1,
                                                .from_pipeline = true, .from_property = true },
                                              { "LiteralPath", .type = "string[]", .alias = "PSPath,LP",
                                                .from_property = true },
                                              { "Parent", .type = "switch", .sets = "Parent" },
                                              { "Leaf", .type = "switch", .sets = "Leaf" },
                                              { "LeafBase", .type = "switch", .sets = "LeafBase" },
                                              { "Extension", .type = "switch", .sets = "Extension" },
                                              { "Qualifier", .type = "switch", .sets = "Qualifier" },
                                              { "NoQualifier", .type = "switch", .sets = "NoQualifier" },
                                              { "IsAbsolute", .type = "switch", .sets = "IsAbsolute" },
                                              { "Resolve", .type = "switch" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Split-Path /etc/passwd -Leaf", "passwd", "" },
                                                  { "Split-Path /etc/passwd", "/etc", "" },
                                                  { 0 } },
};

/* ---- Resolve-Path, Convert-Path ---- */
struct resolving {
        struct sh_cmd *c;
        int st;
};
static bool resolved(void *state, const char *path)
{
        struct resolving *r = state;
        const char *name = sh_cmdlet_of(r->c)->name;
        if (name[0] != 'R' || sh_switch(r->c, "Relative")) {
                struct sv pwd = sh_pwd(r->c->sh), t = sh_to_text(r->c->sh, pwd);
                bool below = sh_switch(r->c, "Relative") && !strncmp(path, t.s->s, t.s->len) &&
                             (path[t.s->len] == '/' || !path[t.s->len]);
                r->st = emit_text(r->c, below ? sh_printf(".%s", path + t.s->len) : sh_text(path));
                sh_drop(pwd);
                sh_drop(t);
        } else {
                struct sv o = sh_object_new(), p = sh_text(path);
                sh_object_set(o, "Path", 4, p);
                struct sh_bag *b = sh_bag_of(o, true);
                if ((b->types = malloc(sizeof *b->types))) {
                        b->types[0] = sh_text("System.Management.Automation.PathInfo");
                        b->ntypes = 1;
                }
                sh_drop(p);
                r->st = sh_emit(r->c, o);
                sh_drop(o);
        }
        return r->st == SH_OK;
}
static int resolve_one(struct sh_cmd *c, const char *s, size_t n)
{
        struct resolving r = { c, SH_OK };
        if (!sh_bound(c, "LiteralPath") && sh_has_wildcard(s, n)) {
                sh_path_glob(sh_session(c), s, false, resolved, &r);
                return r.st;
        }
        char *full = sh_path_full(sh_session(c), s);
        if (access(full, F_OK) == 0)
                resolved(&r, full);
        else
                r.st = sh_path_missing(c, s);
        free(full);
        return r.st;
}
static int resolve_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return for_each(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", resolve_one);
}
#define PATHS \
        { "Path", \
          .type = "string[]", \
          .position = 1, \
          .mandatory = true, \
          .from_pipeline = true, \
          .from_property = true, \
          .wildcard = true, \
          .sets = "Path" }, \
        { \
                "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .from_property = true, \
                               .mandatory = true, .sets = "LiteralPath" \
        }
static const struct sh_cmdlet resolve_path = {
        .name = "Resolve-Path",
        .alias = (const char *[]) { "rvpa", NULL },
        .synopsis = "Shows the full paths that a pattern means.",
        .process = resolve_process,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS, { "Relative", .type = "switch" }, { 0 } },
        .examples = (const struct sh_example[]) { { "(Resolve-Path /etc).Path", "/etc", "" },
                                                  { "(Resolve-Path /etc/../etc).Path", "/etc", "" },
                                                  { 0 } },
};
static const struct sh_cmdlet convert_path = {
        .name = "Convert-Path",
        .alias = (const char *[]) { "cvpa", NULL },
        .synopsis = "Shows full paths as text.",
        .process = resolve_process,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS, { 0 } },
        .examples = (const struct sh_example[]) { { "Convert-Path /etc/..", "/", "" },
                                                  { "Convert-Path /etc", "/etc", "" },
                                                  { 0 } },
};

/* ---- locations ---- */
static char *stack[256];
static int depth;

static struct sv location(struct sh *sh)
{
        return sh_location(sh);
}
static int get_end(struct sh_cmd *c)
{
        struct sv path = location(sh_session(c)), info = sh_path_info_new(path);
        int st = sh_emit(c, info);
        sh_drop(info);
        sh_drop(path);
        return st;
}
static const struct sh_cmdlet get_location = {
        .name = "Get-Location",
        .alias = (const char *[]) { "gl", "pwd", NULL },
        .synopsis = "Shows the present folder.",
        .end = get_end,
        .params = (const struct sh_param[]) { { "Stack", .type = "switch" }, { 0 } },
        .examples = (const struct sh_example[]) { { "Set-Location /etc; (Get-Location).Path", "/etc", "" },
                                                  { "Get-Location", NULL, "" },
                                                  { 0 } },
};
static char *last[20], *ahead[20]; /* where Set-Location was and came back from: - and + */
static int nlast, nahead;

static void remember(char *stack_of[], int *n, char *owned)
{
        if (*n == 20) {
                free(stack_of[0]);
                memmove(stack_of, stack_of + 1, 19 * sizeof *stack_of);
                --*n;
        }
        stack_of[(*n)++] = owned;
}

static int to_folder(struct sh_cmd *c, const char *full, const char *written)
{
        struct stat st;
        if (stat(full, &st) != 0 || !S_ISDIR(st.st_mode))
                return sh_path_missing(c, written);
        if (chdir(full) != 0)
                return sh_path_error(c, "SetLocation", errno, full);
        setenv("PWD", full, 1);
        return SH_OK;
}

static int no_such_drive(struct sh_cmd *c, const char *path)
{
        int n = (int)strcspn(path, ":");
        struct sv target = sh_string(path, (size_t)n);
        int st = sh_throw_as(sh_session(c), "System.Management.Automation.DriveNotFoundException",
                             "DriveNotFound", "ObjectNotFound", target,
                             "Cannot find drive. A drive with the name '%.*s' does not exist.", n, path);
        sh_drop(target);
        return st;
}

/* To a path; nothing is remembered. */
static int go_there(struct sh_cmd *c, const char *s)
{
        const char *at = strstr(s, "FileSystem::");
        char *thing = sh_drive_item(s);
        size_t n = strcspn(s, ":/");
        const struct sh_drive *d = s[n] == ':' ? sh_drive_find(s, n) : NULL;
        int st;
        if (thing) { /* these have no folders */
                const struct sh_drive *to = sh_drive_find(thing, strcspn(thing, ":"));
                const char *name = strchr(thing, ':') + 1;
                st = !*name || !strcmp(name, "..") ? SH_OK : sh_path_missing(c, s);
                if (st == SH_OK)
                        sh_drive_go(to);
                free(thing);
                return st;
        }
        char *full = sh_path_full(sh_session(c), at ? at + 12 : s);
        struct stat there;
        if (!d && n > 1 && s[n] == ':' && s[n + 1] != ':' && stat(full, &there) != 0)
                st = no_such_drive(c, s);
        else
                st = to_folder(c, full, s);
        if (st == SH_OK && (d || *s == '/' || *s == '~'))
                sh_drive_go(d);
        free(full);
        return st;
}

static int pass_thru(struct sh_cmd *c)
{
        if (!sh_switch(c, "PassThru"))
                return SH_OK;
        struct sv path = location(sh_session(c)), info = sh_path_info_new(path);
        int st = sh_emit(c, info);
        sh_drop(info);
        sh_drop(path);
        return st;
}

static int go(struct sh_cmd *c, const char *s)
{
        bool back = !strcmp(s, "-") && !sh_bound(c, "LiteralPath"),
             forth = !strcmp(s, "+") && !sh_bound(c, "LiteralPath");
        struct sv was = location(sh_session(c));
        char *before = strdup(was.s->s);
        sh_drop(was);
        if ((back && !nlast) || (forth && !nahead)) {
                free(before);
                return sh_cmd_throw(c, "LocationUndo", "InvalidOperation", SH_NIL,
                                    back ? "There is no location history left to navigate backwards."
                                         : "There is no location history left to navigate forwards.");
        }
        char *to = back ? last[--nlast] : forth ? ahead[--nahead] : strdup(s);
        int st = go_there(c, to);
        free(to);
        if (st != SH_OK) {
                free(before);
                return st;
        }
        remember(back ? ahead : last, back ? &nahead : &nlast, before);
        while (!back && !forth && nahead)
                free(ahead[--nahead]);
        return pass_thru(c);
}
static int set_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *home = getenv("HOME");
        const char *to =
                sh_arg_text(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", home ? home : "/");
        char *one = NULL;
        int st = sh_bound(c, "LiteralPath") || !sh_has_wildcard(to, strlen(to))
                         ? SH_OK
                         : sh_path_single(c, to, false, &one);
        if (st == SH_OK)
                st = go(c, one ? one : to);
        free(one);
        return st;
}
static const struct sh_cmdlet set_location = {
        .name = "Set-Location",
        .alias = (const char *[]) { "sl", "cd", "chdir", NULL },
        .synopsis = "Goes to another folder.",
        .process = set_process,
        .default_set = "Path",
        .params =
                (const struct sh_param[]) { { "Path", .type = "string", .position = 1, .from_pipeline = true,
                                              .from_property = true, .sets = "Path", .complete = "path" },
                                            { "LiteralPath", .type = "string", .alias = "PSPath,LP",
                                              .mandatory = true, .sets = "LiteralPath" },
                                            { "PassThru", .type = "switch" },
                                            { 0 } },
        .examples = (const struct sh_example[]) { { "Set-Location /; \"$PWD\"", "/", "" },
                                                  { "cd /etc; cd -; cd /; \"$PWD\"", "/", "" },
                                                  { 0 } },
};
static int push_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *to = sh_arg_text(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", NULL);
        struct sv now = location(sh_session(c));
        char *here = strdup(now.s->s);
        sh_drop(now);
        int st = to ? go(c, to) : pass_thru(c);
        if (st == SH_OK && here && depth < 256)
                stack[depth++] = here;
        else
                free(here);
        return st;
}
static const struct sh_cmdlet push_location = {
        .name = "Push-Location",
        .alias = (const char *[]) { "pushd", NULL },
        .synopsis = "Goes to another folder and remembers this one.",
        .process = push_process,
        .params = (const struct sh_param[]) { { "Path", .type = "string", .position = 1,
                                                .from_pipeline = true, .complete = "path" },
                                              { "LiteralPath", .type = "string" },
                                              { "PassThru", .type = "switch" },
                                              { "StackName", .type = "string" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Location /; Push-Location /etc; Pop-Location; \"$PWD\"", "/", "" },
                        { "Push-Location /etc; \"$PWD\"", "/etc", "" },
                        { 0 } },
};
static int pop_end(struct sh_cmd *c)
{
        if (!depth)
                return SH_OK;
        char *to = stack[--depth];
        int st = go(c, to);
        free(to);
        return st;
}
static const struct sh_cmdlet pop_location = {
        .name = "Pop-Location",
        .alias = (const char *[]) { "popd", NULL },
        .synopsis = "Goes back to the folder that Push-Location remembered.",
        .end = pop_end,
        .params = (const struct sh_param[]) { { "PassThru", .type = "switch" },
                                              { "StackName", .type = "string" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Location /; Push-Location /etc; Pop-Location; \"$PWD\"", "/", "" },
                        { "Pop-Location", NULL, "" },
                        { 0 } },
};
static int temp_end(struct sh_cmd *c)
{
        const char *dir = getenv("TMPDIR");
        char path[512];
        bool what = true;
        snprintf(path, sizeof path, "%s/tmpXXXXXX.tmp", dir && *dir ? dir : "/tmp");
        int asked = sh_should_process(c, dir && *dir ? dir : "/tmp", "Create File", &what);
        if (asked != SH_OK || !what)
                return asked;
        int fd = mkstemps(path, 4);
        if (fd < 0)
                return sh_path_error(c, "NewTemporaryFileWriteError", errno, path);
        close(fd);
        struct sv v = sh_fileinfo_new(path, false);
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}
static const struct sh_cmdlet new_temporaryfile = {
        .name = "New-TemporaryFile",
        .synopsis = "Makes an empty file for a while.",
        .end = temp_end,
        .should_process = true,
        .params = (const struct sh_param[]) { { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$t = New-TemporaryFile; Test-Path $t; Remove-Item $t", "True", "" },
                        { "(New-TemporaryFile | Remove-Item) -eq $null", "True", "" },
                        { 0 } },
};

SH_CMDLETS(path, &join_path, &split_path, &resolve_path, &convert_path, &get_location, &set_location,
           &push_location, &pop_location, &new_temporaryfile);
