/* SPDX-License-Identifier: MIT
 *
 * Modules as sessions have them: a module's script runs in a scope that hangs under the global one; importing puts its
 * exported functions, aliases and variables (the variables themselves, not copies) into the importer's tables.
 *
 * A removed module stays in the session's list until the session ends: blocks made in it may live on.
 */
#include "shell/module.h"

#include "shell/error.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

enum { DEEPEST = 10 };

static char *copied(const char *s)
{
        char *r = s ? strdup(s) : NULL;
        if (s && !r)
                abort();
        return r;
}

/* ---- patterns ---- */
bool sh_patterns_fit(struct sh *sh, struct sv patterns, const char *s, size_t n)
{
        struct sv item;
        size_t pos = 0;
        bool fits = false;
        if (sh_is_null(patterns))
                return true;
        if (!sh_is_enumerable(patterns)) {
                struct sv t = sh_to_text(sh, patterns);
                fits = sh_wildcard(t.s->s, t.s->len, s, n, false);
                sh_drop(t);
                return fits;
        }
        while (!fits && sh_next(patterns, &pos, &item)) {
                struct sv t = sh_to_text(sh, item);
                fits = sh_wildcard(t.s->s, t.s->len, s, n, false);
                sh_drop(t);
                sh_drop(item);
        }
        return fits;
}

/* The names of PowerShell's own modules: what they offer is built in, importing them does nothing. */
bool sh_module_name_built_in(const char *name, size_t n)
{
        static const char *const names[] = { "reeve",
                                             "Microsoft.PowerShell.Core",
                                             "Microsoft.PowerShell.Utility",
                                             "Microsoft.PowerShell.Management",
                                             "Microsoft.PowerShell.Security",
                                             "Microsoft.PowerShell.Host",
                                             "Microsoft.PowerShell.Archive",
                                             "Microsoft.PowerShell.ThreadJob",
                                             "CimCmdlets",
                                             "ThreadJob",
                                             "PSReadLine" };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (sh_text_same(name, n, names[i], strlen(names[i])))
                        return true;
        return false;
}

/* ---- made ---- */
static struct layout *empty_layout(void)
{
        return sh_layout_new();
}

struct sh_module *sh_module_new(struct sh *sh, const char *name, const char *path)
{
        struct sh_module *m = calloc(1, sizeof *m);
        struct layout *names = empty_layout();
        if (!m)
                abort();
        m->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_module };
        m->name = copied(name);
        m->path = copied(path ? path : "");
        const char *slash = strrchr(m->path, '/');
        m->root = slash ? strndup(m->path, slash == m->path ? 1 : (size_t)(slash - m->path)) : copied("");
        m->on_remove = m->manifest = m->version = m->description = m->private_data = m->nested = m->required = SH_NIL;
        m->scope = sh_scope_new(sh, sh->global, names);
        sh_layout_drop(names);
        m->scope->script = m->scope;
        m->scope->module = m;
        m->scope->boundary = true;
        m->scope->strict = sh->global->strict;
        m->next = sh->modules;
        sh->modules = m;
        return m;
}

struct sh_module *sh_module_loaded(struct sh *sh, const char *name, size_t n)
{
        for (struct sh_module *m = sh->modules; m; m = m->next)
                if (m->loaded && sh_text_same(m->name, strlen(m->name), name, n))
                        return m;
        return NULL;
}

static struct sh_module *loaded_from(struct sh *sh, const char *path)
{
        for (struct sh_module *m = sh->modules; m; m = m->next)
                if (m->loaded && !strcmp(m->path, path))
                        return m;
        return NULL;
}

struct scope *sh_module_target(struct sh *sh, struct scope *caller)
{
        return caller->module ? caller->module->scope : sh->global;
}

struct sv sh_block_in_module(struct sh *sh, struct sv block, struct sh_module *m)
{
        struct scope *outer = sh->scope;
        sh->scope = m->scope;
        struct sv r = sh_block_new(sh, sh_block_of(block)->ast);
        sh->scope = outer;
        return r;
}

/* ---- what it exports ---- */
static void export_targets(struct sh *sh, struct table *from, struct sv patterns, struct table *to)
{
        for (uint32_t i = 0; from && i < from->names.n; i++) {
                if (from->v[i].kind != SH_OTHER)
                        continue;
                const char *name = ((struct sh_target *)from->v[i].o)->name;
                if (sh_patterns_fit(sh, patterns, name, strlen(name)))
                        sh_table_set(to, from->names.ids[i], sh_keep(from->v[i]));
        }
}

static void export_variables(struct sh *sh, struct sh_module *m, struct sv patterns)
{
        struct scope *outer = sh->scope, *s = m->scope;
        sh->scope = s;
        for (uint32_t i = 0; i < s->layout->n && i < s->n; i++) {
                uint32_t id = s->layout->ids[i], n;
                const char *name = sh_name(sh, id, &n);
                if (s->slots[i].kind == SH_K_UNSET || id < ID_FIXED || !sh_patterns_fit(sh, patterns, name, n))
                        continue;
                struct sh_var *x = sh_var_box(sh, id, VS_LOCAL, false);
                if (!x)
                        continue;
                x->obj.refs++;
                sh_table_set(&m->exported_variables, id, (struct sv) { .kind = SH_OTHER, .o = &x->obj });
        }
        sh->scope = outer;
}

void sh_module_export(struct sh *sh, struct sh_module *m, struct sv functions, struct sv aliases, struct sv variables)
{
        if (!m->explicit_exports) {
                sh_table_free(&m->exported_functions);
                sh_table_free(&m->exported_aliases);
                sh_table_free(&m->exported_variables);
        }
        m->explicit_exports = true;
        if (!sh_is_null(functions))
                export_targets(sh, m->scope->functions, functions, &m->exported_functions);
        if (!sh_is_null(aliases))
                export_targets(sh, m->scope->aliases, aliases, &m->exported_aliases);
        if (!sh_is_null(variables))
                export_variables(sh, m, variables);
}

static struct sv declared(struct sh_module *m, const char *key)
{
        struct sv v = SH_NIL;
        if (m->manifest.kind == SH_HASH)
                sh_hash_get_text(m->manifest.h, key, &v);
        return v;
}

static void keep_only(struct sh *sh, struct table *t, struct sv patterns)
{
        for (uint32_t i = 0; !sh_is_null(patterns) && i < t->names.n; i++) {
                uint32_t n;
                const char *name = sh_name(sh, t->names.ids[i], &n);
                if (t->v[i].kind == SH_OTHER && !sh_patterns_fit(sh, patterns, name, n))
                        sh_table_remove(t, t->names.ids[i]);
        }
}

/* Without Export-ModuleMember all functions go out; a manifest may name more, and always narrows. */
static void settle_exports(struct sh *sh, struct sh_module *m)
{
        struct sv aliases = declared(m, "AliasesToExport"), variables = declared(m, "VariablesToExport");
        if (!m->explicit_exports) {
                export_targets(sh, m->scope->functions, SH_NIL, &m->exported_functions);
                if (!sh_is_null(aliases))
                        export_targets(sh, m->scope->aliases, aliases, &m->exported_aliases);
                if (!sh_is_null(variables) && m->is_manifest)
                        export_variables(sh, m, variables);
        }
        keep_only(sh, &m->exported_functions, declared(m, "FunctionsToExport"));
        keep_only(sh, &m->exported_aliases, aliases);
        keep_only(sh, &m->exported_variables, variables);
}

int sh_module_run(struct sh *sh, struct sh_module *m, struct sv block, const struct sh_import *im)
{
        struct scope *outer = sh->scope;
        struct argvec args = { 0 };
        struct sv b = sh_block_in_module(sh, block, m), item;
        size_t pos = 0;
        if (!sh_is_null(im->arguments) && sh_is_enumerable(im->arguments))
                for (; sh_next(im->arguments, &pos, &item); sh_drop(item))
                        sh_argvec_value(&args, item, false);
        else if (!sh_is_null(im->arguments))
                sh_argvec_value(&args, im->arguments, false);
        const char *slash = strrchr(m->path, '/'), *name = slash ? slash + 1 : m->path;
        struct sh_target *t = sh_target_new(CT_SCRIPT, name, strlen(name));
        t->definition = copied(m->path);
        t->block = b;
        sh->scope = m->scope;
        int st = sh_invoke(sh, t, &args, true, NULL, im->out);
        sh->scope = outer;
        sh_argvec_free(&args);
        sh_drop(sh_target_value(t));
        if (st == SH_OK)
                settle_exports(sh, m);
        return st;
}

/* ---- importing ---- */
/* Get-Thing with the prefix My: Get-MyThing. */
static struct sv prefixed(const char *prefix, const char *name)
{
        const char *dash = strchr(name, '-');
        if (!prefix || !*prefix)
                return sh_text(name);
        if (!dash)
                return sh_printf("%s%s", prefix, name);
        return sh_printf("%.*s-%s%s", (int)(dash - name), name, prefix, dash + 1);
}

static struct sh_target *renamed(struct sh_target *t, struct sv name)
{
        if (!strcmp(t->name, name.s->s)) {
                t->obj.refs++;
                return t;
        }
        struct sh_target *r = sh_target_new(t->kind, name.s->s, name.s->len);
        r->block = sh_keep(t->block);
        r->definition = copied(t->definition);
        r->description = copied(t->description);
        if ((r->module = t->module))
                r->module->obj.refs++;
        return r;
}

static void put_targets(struct sh *sh, struct table *from, struct sv patterns, const char *prefix,
                        const struct sh_import *im, struct table **to)
{
        for (uint32_t i = 0; i < from->names.n; i++) {
                if (i >= from->cap || from->v[i].kind != SH_OTHER)
                        continue;
                struct sh_target *t = (struct sh_target *)from->v[i].o, *known;
                if (!sh_patterns_fit(sh, patterns, t->name, strlen(t->name)))
                        continue;
                struct sv name = prefixed(prefix, t->name);
                bool taken = false;
                if (im->no_clobber && sh_try_command(sh, name.s->s, name.s->len, &known) == SH_OK) {
                        taken = known->module != t->module;
                        sh_drop(sh_target_value(known));
                }
                if (!taken) {
                        if (!*to && !(*to = calloc(1, sizeof **to)))
                                abort();
                        sh_table_set(*to, sh_intern(sh, name.s->s, name.s->len), sh_target_value(renamed(t, name)));
                }
                sh_drop(name);
        }
}

static void put_variables(struct sh *sh, struct table *from, struct sv patterns, struct scope *to)
{
        for (uint32_t i = 0; i < from->names.n; i++) {
                uint32_t id = from->names.ids[i], n;
                const char *name = sh_name(sh, id, &n);
                if (i >= from->cap || from->v[i].kind != SH_OTHER || !sh_patterns_fit(sh, patterns, name, n))
                        continue;
                struct sv *slot = sh_scope_slot(to, id, true);
                struct sv old = *slot;
                *slot = sh_keep(from->v[i]);
                slot->kind = SH_K_BOX;
                if (old.kind == SH_K_BOX)
                        old.kind = SH_OTHER;
                if (old.kind != SH_K_UNSET)
                        sh_drop(old);
        }
}

int sh_module_expose(struct sh *sh, struct sh_module *m, const struct sh_import *im)
{
        const char *prefix = im->prefix ? im->prefix : m->prefix;
        if (im->into == m->scope)
                return SH_OK;
        put_targets(sh, &m->exported_functions, im->functions, prefix, im, &im->into->functions);
        put_targets(sh, &m->exported_aliases, im->aliases, prefix, im, &im->into->aliases);
        put_variables(sh, &m->exported_variables, im->variables, im->into);
        sh->epoch++;
        return SH_OK;
}

static struct sh_module *built_in_module(struct sh *sh, const char *name)
{
        struct sh_module *m = sh_module_loaded(sh, name, strlen(name));
        if (m)
                return m;
        m = sh_module_new(sh, name, NULL);
        m->built_in = true;
        struct sv text = sh_text(REEVE_VERSION);
        if (!sh_try_convert(sh, text, &sh_type_version, &m->version))
                m->version = SH_NIL;
        sh_drop(text);
        return m;
}

static int not_found(struct sh *sh, const char *name)
{
        return sh_throw_about(sh, "System.IO.FileNotFoundException", "Modules_ModuleNotFound", "ResourceUnavailable",
                              name,
                              "The specified module '%s' was not loaded because no valid module file was found in "
                              "any module directory.",
                              name);
}

static int load_file(struct sh *, const char *path, const struct sh_import *, struct sh_module **ret);

static int run_file(struct sh *sh, struct sh_module *m, const char *path, const struct sh_import *im)
{
        struct sv b;
        struct scope *outer = sh->scope;
        sh->scope = m->scope; /* `using module` in it imports into it */
        int st = sh_script_block(sh, path, &b);
        sh->scope = outer;
        if (st != SH_OK)
                return st;
        st = sh_module_run(sh, m, b, im);
        sh_drop(b);
        return st;
}

static void add_to(struct sv *list, struct sh_module *m)
{
        if (list->kind != SH_ARRAY)
                *list = sh_array_new(2);
        sh_array_add(list->a, sh_module_value(m));
}

/* One text, or a table with ModuleName, ModuleVersion, RequiredVersion, MaximumVersion. */
static int wanted_module(struct sh *sh, struct sv v, struct sh_import *im, struct sv *ret_name)
{
        struct sv x;
        static const char *const keys[] = { "ModuleVersion", "MaximumVersion", "RequiredVersion" };
        struct sv *to[] = { &im->version, &im->newest, &im->exact };
        if (v.kind != SH_HASH) {
                *ret_name = sh_to_text(sh, v);
                return SH_OK;
        }
        *ret_name = sh_hash_get_text(v.h, "ModuleName", &x) ? sh_to_text(sh, x) : sh_text("");
        for (int i = 0; i < 3; i++)
                if (sh_hash_get_text(v.h, keys[i], &x) && sh_convert(sh, x, &sh_type_version, to[i]) != SH_OK)
                        return SH_ERROR;
        return SH_OK;
}

static void end_versions(struct sh_import *im)
{
        sh_drop(im->version);
        sh_drop(im->newest);
        sh_drop(im->exact);
}

static int import_listed(struct sh *sh, struct sh_module *m, struct sv v, bool required)
{
        struct sh_import im = { .functions = SH_NIL, .aliases = SH_NIL, .variables = SH_NIL, .arguments = SH_NIL,
                                .version = SH_NIL, .newest = SH_NIL, .exact = SH_NIL,
                                .into = required ? sh->global : m->scope, .out = &sh->host };
        struct sv name = SH_NIL;
        struct sh_module *got = NULL;
        int st = wanted_module(sh, v, &im, &name);
        if (st == SH_OK) {
                char *path = sh_module_find(sh, name.s->s, m->root, &im);
                if (path)
                        st = load_file(sh, path, &im, &got);
                else if (sh_module_name_built_in(name.s->s, name.s->len))
                        got = built_in_module(sh, name.s->s);
                else if (!required || !(got = sh_module_loaded(sh, name.s->s, name.s->len)))
                        st = required ? sh_throw_about(sh, "System.Management.Automation.MissingMemberException",
                                                       "Modules_InvalidManifest", "ResourceUnavailable", m->path,
                                                       "The required module '%s' is not loaded. Load the module or "
                                                       "remove the module from 'RequiredModules' in the file '%s'.",
                                                       name.s->s, m->path)
                                      : not_found(sh, name.s->s);
                free(path);
        }
        if (st == SH_OK)
                st = sh_module_expose(sh, got, &im);
        if (st == SH_OK && !required)
                got->inner = true;
        if (st == SH_OK)
                add_to(required ? &m->required : &m->nested, got);
        end_versions(&im);
        sh_drop(name);
        return st;
}

static int import_all_listed(struct sh *sh, struct sh_module *m, const char *key, bool required)
{
        struct sv v = declared(m, key), item;
        size_t pos = 0;
        int st = SH_OK;
        if (sh_is_null(v))
                return SH_OK;
        if (!sh_is_enumerable(v))
                return import_listed(sh, m, v, required);
        while (st == SH_OK && sh_next(v, &pos, &item)) {
                st = import_listed(sh, m, item, required);
                sh_drop(item);
        }
        return st;
}

/* ScriptsToProcess run where the module is imported. */
static int process_scripts(struct sh *sh, struct sh_module *m, const struct sh_import *im)
{
        struct sv v = declared(m, "ScriptsToProcess"), item;
        struct scope *outer = sh->scope;
        size_t pos = 0;
        int st = SH_OK;
        struct sv list = sh_is_null(v) ? sh_array_new(0) : sh_is_enumerable(v) ? sh_array_copy(v) : sh_array_new(1);
        if (!sh_is_null(v) && !sh_is_enumerable(v))
                sh_array_add(list.a, v);
        while (st == SH_OK && sh_next(list, &pos, &item)) {
                struct sv t = sh_to_text(sh, item);
                char *path = sh_module_find(sh, t.s->s, m->root, im);
                sh->scope = im->into;
                st = path ? sh_run_script(sh, path, (struct sh_args) { 0 }, true, im->out) : not_found(sh, t.s->s);
                sh->scope = outer;
                free(path);
                sh_drop(t);
                sh_drop(item);
        }
        sh_drop(list);
        return st;
}

static int run_manifest(struct sh *sh, struct sh_module *m, const struct sh_import *im)
{
        struct sv root = declared(m, "RootModule"), v;
        if (sh_is_null(root))
                root = declared(m, "ModuleToProcess");
        m->is_manifest = true;
        int st = import_all_listed(sh, m, "RequiredModules", true);
        if (st == SH_OK)
                st = process_scripts(sh, m, im);
        if (st == SH_OK)
                st = import_all_listed(sh, m, "NestedModules", false);
        if (st != SH_OK)
                return st;
        v = declared(m, "DefaultCommandPrefix");
        if (v.kind == SH_STRING && v.s->len)
                m->prefix = copied(v.s->s);
        struct sv text = SH_NIL;
        if (!sh_is_null(root))
                text = sh_to_text(sh, root);
        if (text.kind != SH_STRING || !text.s->len) {
                settle_exports(sh, m);
                sh_drop(text);
                return SH_OK;
        }
        char *path = sh_module_find(sh, text.s->s, m->root, NULL);
        st = path ? run_file(sh, m, path, im) : not_found(sh, text.s->s);
        free(path);
        sh_drop(text);
        return st;
}

static int read_manifest(struct sh *sh, struct sh_module *m, const char *path)
{
        int st = sh_data_file(sh, path, false, &m->manifest);
        struct sv v = st == SH_OK ? declared(m, "ModuleVersion") : SH_NIL;
        if (st != SH_OK)
                return st;
        if (sh_is_null(v))
                return sh_throw_about(sh, "System.Management.Automation.RuntimeException",
                                      "Modules_MissingManifestMember", "ResourceUnavailable", path,
                                      "The member 'ModuleVersion' is not present in the module manifest. This member "
                                      "must exist and be assigned a version number of the form 'n.n.n.n'. Add the "
                                      "missing member to the file '%s'.",
                                      path);
        st = sh_convert(sh, v, &sh_type_version, &m->version);
        m->description = sh_keep(declared(m, "Description"));
        m->private_data = sh_keep(declared(m, "PrivateData"));
        return st;
}

static int load_file(struct sh *sh, const char *path, const struct sh_import *im, struct sh_module **ret)
{
        struct sh_module *m = loaded_from(sh, path);
        int st = SH_OK;
        if (m && !im->force) {
                m->inner = false;
                *ret = m;
                return SH_OK;
        }
        if (sh->loading >= DEEPEST)
                return sh_throw_about(sh, "System.InvalidOperationException", "Modules_ModuleTooDeeplyNested",
                                      "InvalidOperation", path,
                                      "The module '%s' cannot be imported: modules import each other %d deep.", path,
                                      DEEPEST);
        if (m)
                st = sh_module_remove(sh, m);
        char *name = sh_module_name_of(path);
        m = sh_module_new(sh, name, path);
        free(name);
        sh->loading++;
        if (st == SH_OK && sh_is_manifest(path))
                st = (st = read_manifest(sh, m, path)) == SH_OK ? run_manifest(sh, m, im) : st;
        else if (st == SH_OK)
                st = run_file(sh, m, path, im);
        sh->loading--;
        if (st == SH_RETURN)
                st = SH_OK;
        m->loaded = st == SH_OK;
        *ret = m;
        return st;
}

int sh_module_import(struct sh *sh, const char *name, const struct sh_import *im, struct sh_module **ret)
{
        const char *file = sh->frame->file;
        char *base = NULL, *path;
        struct sh_module *m = strchr(name, '/') ? NULL : sh_module_loaded(sh, name, strlen(name));
        (void)file;
        if (m && !im->force && sh_is_null(im->version) && sh_is_null(im->exact)) {
                *ret = m;
                return sh_module_expose(sh, m, im);
        }
        path = sh_module_find(sh, name, base, im);
        if (!path && sh_module_name_built_in(name, strlen(name))) {
                *ret = built_in_module(sh, name);
                return SH_OK;
        }
        int st = path ? load_file(sh, path, im, ret) : not_found(sh, name);
        if (st == SH_OK && im->prefix) {
                free((*ret)->prefix);
                (*ret)->prefix = copied(im->prefix);
        }
        free(path);
        return st == SH_OK ? sh_module_expose(sh, *ret, im) : st;
}

/* ---- removing ---- */
static void take_from(struct table *t, struct sh_module *m, struct table *exports)
{
        for (uint32_t i = 0; t && i < t->names.n; i++) {
                if (t->v[i].kind != SH_OTHER)
                        continue;
                struct sh_target *x = (struct sh_target *)t->v[i].o;
                struct sv *e = x->kind == CT_ALIAS ? sh_table_at(exports, t->names.ids[i]) : NULL;
                if (x->kind == CT_ALIAS ? e && e->o == &x->obj : x->module == m)
                        sh_table_remove(t, t->names.ids[i]);
        }
}

static void take_variables(struct scope *s, struct sh_module *m)
{
        for (uint32_t i = 0; i < m->exported_variables.names.n; i++) {
                struct sv *slot = sh_scope_slot(s, m->exported_variables.names.ids[i], false);
                if (!slot || slot->kind != SH_K_BOX || i >= m->exported_variables.cap ||
                    slot->o != m->exported_variables.v[i].o)
                        continue;
                struct sv old = *slot;
                old.kind = SH_OTHER;
                *slot = SH_UNSET;
                sh_drop(old);
        }
}

int sh_module_remove(struct sh *sh, struct sh_module *m)
{
        int st = SH_OK;
        if (m->on_remove.kind == SH_BLOCK) {
                struct sv b = sh_block_in_module(sh, m->on_remove, m);
                st = sh_block_run(sh, b, NULL, (struct sh_args) { 0 }, true, &sh->host);
                sh_drop(b);
        }
        m->loaded = false;
        for (uint32_t i = 0; m->nested.kind == SH_ARRAY && i < m->nested.a->n && st == SH_OK; i++) {
                struct sh_module *n = sh_module_of(m->nested.a->v[i]);
                if (n && n->loaded)
                        st = sh_module_remove(sh, n);
        }
        for (struct scope *s = sh->scope; s; s = s->parent) {
                take_from(s->functions, m, &m->exported_functions);
                take_from(s->aliases, m, &m->exported_aliases);
                take_variables(s, m);
        }
        for (struct sh_module *o = sh->modules; o; o = o->next)
                if (o != m) {
                        take_from(o->scope->functions, m, &m->exported_functions);
                        take_from(o->scope->aliases, m, &m->exported_aliases);
                }
        sh->epoch++;
        return st;
}

/* ---- as an object ---- */
static struct sv accessor(struct sh *sh, struct sh_module *m, const char *fmt, const char *name)
{
        struct sv text = sh_printf(fmt, name), b = SH_NIL;
        struct scope *outer = sh->scope;
        sh->scope = m->scope;
        if (sh_block_parse(sh, text.s->s, text.s->len, &b) != SH_OK)
                sh_drop(sh_error_take(sh));
        sh->scope = outer;
        sh_drop(text);
        return b;
}

struct sv sh_module_object(struct sh *sh, struct sh_module *m)
{
        struct sv r = sh_object_new();
        struct table *t = &m->exported_variables;
        for (uint32_t i = 0; i < t->names.n && i < t->cap; i++)
                if (t->v[i].kind == SH_OTHER) {
                        const char *name = sh_name(sh, t->names.ids[i], NULL);
                        sh_bag_set(r.o->extra, (struct sh_note) { .name = sh_text(name),
                                                                  .kind = SH_SCRIPT_PROPERTY,
                                                                  .value = accessor(sh, m, "${script:%s}", name),
                                                                  .setter = accessor(sh, m, "${script:%s} = $args[0]",
                                                                                     name) });
                }
        t = &m->exported_functions;
        for (uint32_t i = 0; i < t->names.n && i < t->cap; i++)
                if (t->v[i].kind == SH_OTHER) {
                        struct sh_target *f = (struct sh_target *)t->v[i].o;
                        sh_bag_set(r.o->extra, (struct sh_note) { .name = sh_text(f->name),
                                                                  .kind = SH_SCRIPT_METHOD,
                                                                  .value = sh_keep(f->block),
                                                                  .setter = SH_NIL });
                }
        return r;
}

/* ---- auto-loading ---- */
struct seeking {
        struct sh *sh;
        const char *name;
        size_t n;
        bool offered;
        char *path;
};

static void compare_offer(void *state, const char *name, size_t n)
{
        struct seeking *s = state;
        if (sh_text_same(name, n, s->name, s->n))
                s->offered = true;
}

static bool try_module(void *state, const char *path)
{
        struct seeking *s = state;
        if (loaded_from(s->sh, path))
                return true;
        sh_module_offers(s->sh, path, compare_offer, s);
        if (s->offered)
                s->path = copied(path);
        return !s->offered;
}

static bool auto_loads(struct sh *sh)
{
        struct sv v;
        if (!sh_var_get(sh, "PSModuleAutoLoadingPreference", &v))
                return true;
        bool none = v.kind == SH_STRING && !strcasecmp(v.s->s, "None");
        sh_drop(v);
        return !none;
}

/* Importing what offers a command that nobody else knows; SH_OK: now it may be there. */
int sh_import_for(struct sh *sh, const char *command, size_t n)
{
        const char *slash = memchr(command, '\\', n);
        struct seeking s = { .sh = sh, .name = command, .n = n };
        struct sh_module *m;
        if (memchr(command, '/', n) || sh_has_wildcard(command, n) || n == 0 || sh->loading >= DEEPEST ||
            !auto_loads(sh))
                return SH_NONE;
        struct sh_import im = { .functions = SH_NIL, .aliases = SH_NIL, .variables = SH_NIL, .arguments = SH_NIL,
                                .version = SH_NIL, .newest = SH_NIL, .exact = SH_NIL,
                                .into = sh->global, .out = &sh->host };
        if (slash) {
                struct sv name = sh_string(command, (size_t)(slash - command));
                s.path = sh_module_find(sh, name.s->s, NULL, &im);
                sh_drop(name);
        } else {
                sh_module_each(sh, try_module, &s);
        }
        if (!s.path)
                return SH_NONE;
        int st = load_file(sh, s.path, &im, &m);
        free(s.path);
        return st == SH_OK ? sh_module_expose(sh, m, &im) : st;
}

/* ---- the session ends ---- */
void sh_modules_free(struct sh *sh)
{
        for (struct sh_module *m = sh->modules; m; m = m->next) {
                sh_table_free(&m->exported_functions);
                sh_table_free(&m->exported_aliases);
                sh_table_free(&m->exported_variables);
                if (m->scope->functions)
                        sh_table_free(m->scope->functions);
                if (m->scope->aliases)
                        sh_table_free(m->scope->aliases);
        }
}

/* After everything that may point to them. */
void sh_modules_end(struct sh *sh)
{
        for (struct sh_module *m = sh->modules, *next; m; m = next) {
                next = m->next;
                sh_drop(sh_module_value(m));
        }
        sh->modules = NULL;
}
