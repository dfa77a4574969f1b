/* SPDX-License-Identifier: MIT
 *
 * Modules as files: where they lie ($env:PSModulePath/NAME[/VERSION]/NAME.psd1 or .psm1), what a manifest says, what a
 * module offers without being run (auto-loading asks every file that).
 *
 * A data file (.psd1) is one hash table of constants: its tree is looked at before anything is evaluated, so reading
 * one never runs a command.
 */
#include "shell/files.h"
#include "shell/module.h"
#include "shell/text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */
static bool ends_in(const char *s, const char *suffix)
{
        size_t n = strlen(s), k = strlen(suffix);
        return n > k && !strcasecmp(s + n - k, suffix);
}

bool sh_is_manifest(const char *path)
{
        return ends_in(path, ".psd1");
}

static bool has_module_ending(const char *s)
{
        return ends_in(s, ".psd1") || ends_in(s, ".psm1") || ends_in(s, ".ps1");
}

char *sh_module_name_of(const char *path)
{
        const char *slash = strrchr(path, '/'), *s = slash ? slash + 1 : path;
        char *r = strndup(s, has_module_ending(s) ? (size_t)(strrchr(s, '.') - s) : strlen(s));
        if (!r)
                abort();
        return r;
}

static bool is_file(const char *path)
{
        struct stat st;
        return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_folder(const char *path)
{
        struct stat st;
        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

__attribute__((format(printf, 1, 0))) static char *text_of(const char *fmt, const char *a, const char *b, const char *c)
{
        int n = snprintf(NULL, 0, fmt, a, b, c);
        char *r = malloc((size_t)n + 1);
        if (!r)
                abort();
        snprintf(r, (size_t)n + 1, fmt, a, b, c);
        return r;
}

/* ---- versions ---- */
static bool version_fits(struct sh *sh, struct sv v, const struct sh_import *im)
{
        int d;
        if (!im || (sh_is_null(im->version) && sh_is_null(im->newest) && sh_is_null(im->exact)))
                return true;
        if (sh_is_null(v))
                return false;
        if (!sh_is_null(im->version) && (sh_compare(sh, v, im->version, true, &d) != SH_OK || d < 0))
                return false;
        if (!sh_is_null(im->newest) && (sh_compare(sh, v, im->newest, true, &d) != SH_OK || d > 0))
                return false;
        return sh_is_null(im->exact) || (sh_compare(sh, v, im->exact, true, &d) == SH_OK && d == 0);
}

static struct sv manifest_version(struct sh *sh, const char *path)
{
        struct sv h, text, v = SH_NIL;
        if (!sh_is_manifest(path) || sh_data_file(sh, path, false, &h) != SH_OK) {
                sh_drop(sh_error_take(sh));
                return SH_NIL;
        }
        if (sh_hash_get_text(h.h, "ModuleVersion", &text) && !sh_try_convert(sh, text, &sh_type_version, &v))
                v = SH_NIL;
        sh_drop(h);
        return v;
}

static char *fitting(struct sh *sh, char *path, const struct sh_import *im)
{
        struct sv v = SH_NIL;
        bool fits = is_file(path);
        if (fits && im && (!sh_is_null(im->version) || !sh_is_null(im->newest) || !sh_is_null(im->exact)))
                fits = version_fits(sh, v = manifest_version(sh, path), im);
        sh_drop(v);
        if (fits)
                return path;
        free(path);
        return NULL;
}

/* ---- one folder that may hold the module NAME ---- */
static char *in_folder(struct sh *sh, const char *dir, const char *name, const struct sh_import *im)
{
        static const char *const endings[] = { ".psd1", ".psm1", ".ps1" };
        for (size_t i = 0; i < 3; i++) {
                char *path = fitting(sh, text_of("%s/%s%s", dir, name, endings[i]), im);
                if (path)
                        return path;
        }
        return NULL;
}

static int newest_first(const void *a, const void *b)
{
        return -strverscmp(*(char *const *)a, *(char *const *)b);
}

/* Subfolders named like versions, the newest first. malloc'd, NULL-ended. */
static char **version_folders(const char *dir)
{
        DIR *d = opendir(dir);
        char **v = calloc(1, sizeof *v);
        size_t n = 0;
        for (struct dirent *e; v && d && (e = readdir(d));)
                if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && n < 256) {
                        char **more = realloc(v, (n + 2) * sizeof *v);
                        if (!more)
                                abort();
                        v = more;
                        v[n++] = text_of("%s/%s%s", dir, e->d_name, "");
                        v[n] = NULL;
                }
        if (d)
                closedir(d);
        if (!v)
                abort();
        qsort(v, n, sizeof *v, newest_first);
        return v;
}

static void end_folders(char **v)
{
        for (size_t i = 0; v[i]; i++)
                free(v[i]);
        free(v);
}

static char *in_module_folder(struct sh *sh, const char *dir, const char *name, const struct sh_import *im)
{
        char **versions = version_folders(dir), *r = NULL;
        for (size_t i = 0; versions[i] && !r; i++)
                if (is_folder(versions[i]))
                        r = in_folder(sh, versions[i], name, im);
        end_folders(versions);
        return r ? r : in_folder(sh, dir, name, im);
}

/* ---- $env:PSModulePath ---- */
static char *module_path(void)
{
        const char *set = getenv("PSModulePath"), *home = getenv("HOME");
        if (set && *set)
                return text_of("%s%s%s", set, "", "");
        return text_of("%s/.local/share/powershell/Modules:%s%s", home ? home : "",
                       "/usr/local/share/powershell/Modules", ":/usr/share/reeve/modules");
}

/* Scripts read and extend $env:PSModulePath: it is always there. */
void sh_module_path_begin(void)
{
        const char *set = getenv("PSModulePath");
        if (set && *set)
                return;
        char *path = module_path();
        setenv("PSModulePath", path, 0);
        free(path);
}

static char *on_module_path(struct sh *sh, const char *name, const struct sh_import *im)
{
        char *all = module_path(), *save = NULL, *r = NULL;
        for (char *dir = strtok_r(all, ":", &save); dir && !r; dir = strtok_r(NULL, ":", &save)) {
                char *sub = text_of("%s/%s%s", dir, name, "");
                if (is_folder(sub))
                        r = in_module_folder(sh, sub, name, im);
                free(sub);
        }
        free(all);
        return r;
}

static bool each_in(struct sh *sh, const char *dir, bool (*each)(void *, const char *), void *state)
{
        struct dirent **names;
        int n = scandir(dir, &names, NULL, alphasort);
        bool go = true;
        for (int i = 0; i < n; i++) {
                char *sub = text_of("%s/%s%s", dir, names[i]->d_name, "");
                char *path = go && names[i]->d_name[0] != '.' && is_folder(sub)
                                     ? in_module_folder(sh, sub, names[i]->d_name, NULL)
                                     : NULL;
                if (path)
                        go = each(state, path);
                free(path);
                free(sub);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
        return go;
}

void sh_module_each(struct sh *sh, bool (*each)(void *, const char *path), void *state)
{
        char *all = module_path(), *save = NULL;
        for (char *dir = strtok_r(all, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
                if (!each_in(sh, dir, each, state))
                        break;
        free(all);
}

/* ---- finding ---- */
static char *at_path(struct sh *sh, const char *name, const char *base, const struct sh_import *im)
{
        char *joined = base && name[0] != '/' && name[0] != '~' ? text_of("%s/%s%s", base, name, "")
                                                                 : text_of("%s%s%s", name, "", "");
        char *full = sh_path_full(sh, joined), *r = NULL;
        free(joined);
        if (is_folder(full)) {
                char *last = sh_module_name_of(full);
                r = in_module_folder(sh, full, last, im);
                free(last);
        } else if (has_module_ending(full)) {
                r = fitting(sh, text_of("%s%s%s", full, "", ""), im);
        } else {
                char *dir = text_of("%s%s%s", full, "", ""), *slash = strrchr(dir, '/');
                *slash = 0;
                r = in_folder(sh, dir, slash + 1, im);
                free(dir);
        }
        free(full);
        return r;
}

char *sh_module_find(struct sh *sh, const char *name, const char *base, const struct sh_import *im)
{
        char *r = NULL;
        if (!*name)
                return NULL;
        if (strchr(name, '/') || strchr(name, '\\') || *name == '~')
                return at_path(sh, name, base, im);
        if (base)
                r = at_path(sh, name, base, im);
        if (!r)
                r = on_module_path(sh, name, im);
        return r || !has_module_ending(name) ? r : at_path(sh, name, NULL, im);
}

/* ---- data files ---- */
static bool constant(struct node *n);

static bool all_constant(struct node *n)
{
        for (uint32_t i = 0; i < n->n; i++)
                if (n->v[i] && !constant(n->v[i]))
                        return false;
        return true;
}

static bool constant_variable(struct node *n)
{
        static const char *const names[] = { "$true", "$false", "$null", "$PSScriptRoot", "$PSEdition", "$IsLinux",
                                             "$PSCulture", "$PSUICulture", "$IsWindows", "$IsMacOS" };
        const char *s = n->u->text + n->at;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (sh_text_same(s, n->end - n->at, names[i], strlen(names[i])))
                        return true;
        return false;
}

static bool constant(struct node *n)
{
        switch (n->kind) {
        case N_CONST: return true;
        case N_VAR: return constant_variable(n);
        case N_EXPAND:
        case N_ARRAY:
        case N_HASH:
        case N_LIST:
        case N_PIPE: return all_constant(n);
        case N_SUB:
        case N_ARRAYSUB:
        case N_PAREN:
        case N_UNARY:
        case N_EXPR: return !n->a || constant(n->a);
        case N_BINARY: return constant(n->a) && constant(n->b);
        }
        return false;
}

static struct node *only_statement(struct block *b)
{
        struct node *l = b->part[BL_END];
        return !b->named && !b->nparams && l && l->kind == N_LIST && l->n == 1 ? l->v[0] : NULL;
}

/* ConvertFrom-StringData of constants: how texts are kept for translation. */
static bool is_string_data(struct node *n)
{
        if (n->kind != N_PIPE || n->n != 1 || n->v[0]->kind != N_CMD)
                return false;
        const struct command *c = n->v[0]->x;
        const struct node *name = c->name;
        bool good = !c->invoke && !c->nredirs && name->kind == N_CONST && name->val.kind == SH_STRING &&
                    sh_text_same(name->val.s->s, name->val.s->len, "ConvertFrom-StringData", 22);
        for (uint32_t i = 0; good && i < c->nargs; i++)
                good = c->args[i].kind == ARG_PARAM ? !c->args[i].value || constant(c->args[i].value)
                                                    : c->args[i].kind == ARG_VALUE && constant(c->args[i].value);
        return good;
}

int sh_data_file(struct sh *sh, const char *path, bool texts, struct sv *ret)
{
        struct sv b, v;
        int st = sh_script_parse(sh, path, &b);
        if (st != SH_OK)
                return st;
        struct node *n = only_statement(sh_block_of(b)->ast);
        if (!n || !(constant(n) || (texts && is_string_data(n)))) {
                sh_drop(b);
                return sh_throw(sh, "InvalidOperation", "InvalidOperation", SH_NIL,
                                "The file '%s' cannot be read as data: it must hold one hash table of constants, "
                                "without commands and variables.",
                                path);
        }
        st = sh_block_value(sh, b, NULL, (struct sh_args) { 0 }, true, &v);
        sh_drop(b);
        if (st == SH_OK && v.kind != SH_HASH) {
                sh_drop(v);
                return sh_throw(sh, "InvalidOperation", "InvalidOperation", SH_NIL,
                                "The file '%s' cannot be read as data: it must hold one hash table.", path);
        }
        if (st == SH_OK)
                *ret = v;
        return st;
}

/* ---- what a file offers ---- */
struct offering {
        struct sh *sh;
        void (*each)(void *, const char *, size_t);
        void *state;
        bool wild;
};

static void offer_listed(struct offering *o, struct sv h, const char *key)
{
        struct sv v, item;
        size_t pos = 0;
        if (!sh_hash_get_text(h.h, key, &v)) {
                o->wild = true;
                return;
        }
        if (v.kind == SH_STRING) {
                o->wild = o->wild || sh_has_wildcard(v.s->s, v.s->len);
                o->each(o->state, v.s->s, v.s->len);
                return;
        }
        for (; sh_is_enumerable(v) && sh_next(v, &pos, &item); sh_drop(item)) {
                struct sv t = sh_to_text(o->sh, item);
                o->wild = o->wild || sh_has_wildcard(t.s->s, t.s->len);
                o->each(o->state, t.s->s, t.s->len);
                sh_drop(t);
        }
}

static void offer_functions(struct offering *o, const char *path)
{
        struct sv b;
        if (sh_script_parse(o->sh, path, &b) != SH_OK) {
                sh_drop(sh_error_take(o->sh));
                return;
        }
        struct node *l = sh_block_of(b)->ast->part[BL_END];
        for (uint32_t i = 0; l && l->kind == N_LIST && i < l->n; i++)
                if (l->v[i]->kind == N_FUNC) {
                        struct func *f = l->v[i]->x;
                        o->each(o->state, f->name, f->nname);
                }
        sh_drop(b);
}

void sh_module_offers(struct sh *sh, const char *path, void (*each)(void *, const char *name, size_t n), void *state)
{
        struct offering o = { sh, each, state, false };
        struct sv h, root = SH_NIL;
        if (!sh_is_manifest(path)) {
                offer_functions(&o, path);
                return;
        }
        if (sh_data_file(sh, path, false, &h) != SH_OK) {
                sh_drop(sh_error_take(sh));
                return;
        }
        offer_listed(&o, h, "FunctionsToExport");
        bool wild = o.wild;
        offer_listed(&o, h, "AliasesToExport");
        if (wild && (sh_hash_get_text(h.h, "RootModule", &root) || sh_hash_get_text(h.h, "ModuleToProcess", &root)) &&
            root.kind == SH_STRING) {
                char *dir = text_of("%s%s%s", path, "", ""), *slash = strrchr(dir, '/');
                if (slash)
                        *slash = 0;
                char *file = sh_module_find(sh, root.s->s, dir, NULL);
                if (file && !sh_is_manifest(file))
                        offer_functions(&o, file);
                free(file);
                free(dir);
        }
        sh_drop(h);
}
