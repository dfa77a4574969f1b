/* SPDX-License-Identifier: MIT
 *
 * Import-, New-, Remove-, Get-Module, Export-ModuleMember, Import-PowerShellDataFile, Test-ModuleManifest.
 */
#include "shell/files.h"
#include "shell/module.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

static struct sh_import request(struct sh_cmd *c, struct scope *into)
{
        bool some = sh_bound(c, "Function") || sh_bound(c, "Alias") || sh_bound(c, "Variable") || sh_bound(c, "Cmdlet");
        static const char *const names[] = { "Function", "Alias", "Variable" };
        struct sh_import im = { .into = into, .arguments = sh_arg(c, "ArgumentList"), .out = &c->emit };
        struct sv *to[] = { &im.functions, &im.aliases, &im.variables };
        for (int i = 0; i < 3; i++)
                *to[i] = sh_bound(c, names[i]) ? sh_keep(sh_arg(c, names[i]))
                         : some               ? sh_array_new(0)
                                              : SH_NIL;
        im.version = im.newest = im.exact = SH_NIL;
        return im;
}

static void end_request(struct sh_import *im)
{
        sh_drop(im->functions);
        sh_drop(im->aliases);
        sh_drop(im->variables);
        sh_drop(im->version);
        sh_drop(im->newest);
        sh_drop(im->exact);
}

/* What a module could not be loaded for is reported and the next one tried; what its script threw goes up. */
static int report_modules_error(struct sh_cmd *c, int st)
{
        struct sh *sh = sh_session(c);
        struct sh_error *e = st == SH_ERROR && sh->error.kind == SH_OTHER ? sh_error_of(sh->error) : NULL;
        if (!e || !e->id || strncmp(e->id, "Modules_", 8))
                return st;
        struct sv record = sh_error_take(sh);
        st = sh_stream_error(sh, record);
        c->errored = true;
        sh_drop(record);
        return st == SH_ERROR ? SH_ERROR : SH_NONE;
}

/* ---- Import-Module ---- */
static int version_of(struct sh_cmd *c, const char *param, struct sv *ret)
{
        *ret = SH_NIL;
        return sh_bound(c, param) ? sh_convert(sh_session(c), sh_arg(c, param), &sh_type_version, ret) : SH_OK;
}

static struct scope *import_scope(struct sh_cmd *c)
{
        const char *scope = sh_arg_text(c, "Scope", "");
        if (sh_switch(c, "Global") || !strcasecmp(scope, "Global"))
                return sh_session(c)->global;
        return !strcasecmp(scope, "Local") ? c->caller : sh_module_target(sh_session(c), c->caller);
}

static int import_one(struct sh_cmd *c, struct sv which, struct sh_import *im)
{
        struct sh *sh = sh_session(c);
        struct sh_module *m = sh_module_of(sh_unwrap(which));
        int st;
        if (m) {
                m->loaded = true;
                st = sh_module_expose(sh, m, im);
        } else {
                struct sv name = sh_to_text(sh, which);
                st = sh_module_import(sh, name.s->s, im, &m);
                sh_drop(name);
        }
        if (st != SH_OK)
                return report_modules_error(c, st);
        if (m->built_in && !sh_switch(c, "PassThru"))
                return SH_OK;
        struct scope *caller = c->caller;
        if (caller->module && caller->module != m && im->into == caller->module->scope) {
                if (caller->module->nested.kind != SH_ARRAY)
                        caller->module->nested = sh_array_new(1);
                m->inner = true;
                sh_array_add(caller->module->nested.a, sh_module_value(m));
        }
        if (sh_switch(c, "AsCustomObject")) {
                struct sv o = sh_module_object(sh, m);
                st = sh_emit(c, o);
                sh_drop(o);
                return st;
        }
        return sh_switch(c, "PassThru") ? sh_emit(c, sh_module_value(m)) : SH_OK;
}

static int import_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_bound(c, "ModuleInfo") ? sh_arg(c, "ModuleInfo") : sh_arg(c, "Name"), item;
        struct sh_import im = request(c, import_scope(c));
        size_t pos = 0;
        im.force = sh_switch(c, "Force");
        im.no_clobber = sh_switch(c, "NoClobber");
        im.prefix = sh_arg_text(c, "Prefix", NULL);
        int st = version_of(c, "MinimumVersion", &im.version);
        if (st == SH_OK)
                st = version_of(c, "MaximumVersion", &im.newest);
        if (st == SH_OK)
                st = version_of(c, "RequiredVersion", &im.exact);
        while (st == SH_OK && sh_next(names, &pos, &item)) {
                st = import_one(c, item, &im);
                st = st == SH_NONE ? SH_OK : st;
                sh_drop(item);
        }
        end_request(&im);
        return st;
}

static const struct sh_cmdlet import_module = {
        .name = "Import-Module",
        .alias = (const char *[]) { "ipmo", NULL },
        .synopsis = "Loads a module and adds what it exports to the session.",
        .description = "The module is found by its name on $env:PSModulePath, or by the path of its .psm1 or .psd1 "
                       "file. PowerShell's own modules are built in: importing one does nothing.",
        .process = import_process,
        .default_set = "Name",
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .sets = "Name", .complete = "path",
                          .help = "Names or paths of modules." },
                        { "ModuleInfo", .type = "psmoduleinfo[]", .position = 1, .mandatory = true,
                          .from_pipeline = true, .sets = "ModuleInfo", .help = "Modules that Get-Module found." },
                        { "Function", .type = "string[]", .wildcard = true, .help = "Only these functions." },
                        { "Cmdlet", .type = "string[]", .wildcard = true },
                        { "Alias", .type = "string[]", .wildcard = true, .help = "Only these aliases." },
                        { "Variable", .type = "string[]", .wildcard = true, .help = "Only these variables." },
                        { "Prefix", .type = "string", .help = "Put before the noun of each command." },
                        { "ArgumentList", .type = "object[]", .alias = "Args",
                          .help = "Arguments for the module's script." },
                        { "Force", .type = "switch", .help = "Loads again what is loaded." },
                        { "Global", .type = "switch", .help = "Into the session, also from inside a module." },
                        { "Scope", .type = "string", .values = "Local,Global" },
                        { "NoClobber", .type = "switch", .alias = "NoOverwrite",
                          .help = "Leaves commands of the same name alone." },
                        { "PassThru", .type = "switch", .help = "Writes the module." },
                        { "AsCustomObject", .type = "switch",
                          .help = "Writes an object whose methods are the module's functions." },
                        { "MinimumVersion", .type = "version", .alias = "Version" },
                        { "MaximumVersion", .type = "string" },
                        { "RequiredVersion", .type = "version" },
                        { "DisableNameChecking", .type = "switch" },
                        { "SkipEditionCheck", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content ./Tally.psm1 'function Get-Tally { 42 }'; Import-Module ./Tally.psm1; Get-Tally",
                          "42", "A script module by its path." },
                        { "Set-Content ./Two.psm1 'function Get-Two { 2 }'; Import-Module ./Two.psm1 -Prefix My; "
                          "Get-MyTwo",
                          "2", "With a prefix." },
                        { 0 } },
};

/* ---- New-Module ---- */
static int new_module_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        struct sv guid = SH_NIL, block = sh_arg(c, "ScriptBlock"), name;
        struct collect out;
        int st = sh_run_command(sh, "New-Guid", (struct sh_args) { 0 }, (sh_collect_begin(&out), &out.sink));
        if (st != SH_OK) {
                sh_collect_drop(&out);
                return st;
        }
        guid = sh_collect_end(&out);
        struct sv id = sh_to_text(sh, guid);
        name = sh_bound(c, "Name") ? sh_text(sh_arg_text(c, "Name", "")) : sh_printf("__DynamicModule_%s", id.s->s);
        struct sh_module *m = sh_module_new(sh, name.s->s, id.s->s);
        struct sh_import im = request(c, sh_module_target(sh, c->caller));
        sh_collect_begin(&out);
        im.out = sh_switch(c, "ReturnResult") ? &c->emit : &out.sink;
        st = sh_module_run(sh, m, block, &im);
        sh_collect_drop(&out);
        if (st == SH_OK && sh_switch(c, "AsCustomObject")) {
                struct sv o = sh_module_object(sh, m);
                st = sh_emit(c, o);
                sh_drop(o);
        } else if (st == SH_OK && (st = sh_module_expose(sh, m, &im)) == SH_OK && !sh_switch(c, "ReturnResult")) {
                st = sh_emit(c, sh_module_value(m));
        }
        end_request(&im);
        sh_drop(name);
        sh_drop(id);
        sh_drop(guid);
        return st;
}

static const struct sh_cmdlet new_module = {
        .name = "New-Module",
        .alias = (const char *[]) { "nmo", NULL },
        .synopsis = "Makes a module of a script block; it lives in memory only.",
        .end = new_module_end,
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "string", .position = 1, .sets = "Name", .mandatory = true },
                        { "ScriptBlock", .type = "scriptblock", .position = 2, .mandatory = true, .sets = "Name",
                          .help = "The module's script." },
                        { "ScriptBlock", .type = "scriptblock", .position = 1, .mandatory = true,
                          .sets = "ScriptBlock" },
                        { "Function", .type = "string[]", .wildcard = true, .help = "Only these functions." },
                        { "Cmdlet", .type = "string[]", .wildcard = true },
                        { "ReturnResult", .type = "switch", .help = "Writes what the block writes." },
                        { "AsCustomObject", .type = "switch",
                          .help = "Writes an object whose methods are the exported functions." },
                        { "ArgumentList", .type = "object[]", .alias = "Args" },
                        { 0 } },
        .default_set = "ScriptBlock",
        .examples =
                (const struct sh_example[]) {
                        { "$null = New-Module { function Get-Three { 3 } }; Get-Three", "3", "Its functions." },
                        { "$o = New-Module { $n = 1; function Next { $script:n++; $n } } -AsCustomObject; $o.Next()",
                          "2", "An object with a method." },
                        { 0 } },
};

/* ---- Get-Module ---- */
struct available {
        struct sh_cmd *c;
        int st;
};

static struct sv available_object(struct sh *sh, const char *path)
{
        struct sh_module *m = sh_module_new(sh, "", path);
        sh->modules = m->next; /* not one of the session's */
        free(m->name);
        m->name = sh_module_name_of(path);
        if (sh_is_manifest(path)) {
                struct sv v;
                m->is_manifest = true;
                if (sh_data_file(sh, path, false, &m->manifest) != SH_OK) {
                        sh_drop(sh_error_take(sh));
                        m->manifest = SH_NIL;
                } else {
                        if (sh_hash_get_text(m->manifest.h, "ModuleVersion", &v) &&
                            !sh_try_convert(sh, v, &sh_type_version, &m->version))
                                m->version = SH_NIL;
                        if (sh_hash_get_text(m->manifest.h, "Description", &v))
                                m->description = sh_keep(v);
                        if (sh_hash_get_text(m->manifest.h, "PrivateData", &v))
                                m->private_data = sh_keep(v);
                }
        }
        return sh_module_value(m);
}

struct listed {
        struct sh *sh;
        struct sh_module *m;
};
static void list_offer(void *state, const char *name, size_t n)
{
        struct listed *l = state;
        struct sh_target *t = sh_target_new(CT_FUNCTION, name, n);
        if (sh_has_wildcard(name, n))
                sh_drop(sh_target_value(t));
        else
                sh_table_set(&l->m->exported_functions, sh_intern(l->sh, name, n), sh_target_value(t));
}

static bool one_available(void *state, const char *path)
{
        struct available *a = state;
        struct sh *sh = sh_session(a->c);
        char *name = sh_module_name_of(path);
        if (sh_patterns_fit(sh, sh_arg(a->c, "Name"), name, strlen(name))) {
                struct sv v = available_object(sh, path);
                struct listed l = { sh, sh_module_of(v) };
                sh_module_offers(sh, path, list_offer, &l);
                a->st = sh_emit(a->c, v);
                sh_table_free(&l.m->exported_functions);
                sh_drop(v);
        }
        free(name);
        return a->st == SH_OK;
}

static int by_module_name(const void *a, const void *b)
{
        const struct sh_module *x = (const void *)((const struct sv *)a)->o,
                               *y = (const void *)((const struct sv *)b)->o;
        return strcasecmp(x->name, y->name);
}

static int get_module_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        int st = SH_OK;
        (void)input;
        if (sh_switch(c, "ListAvailable")) {
                struct available a = { c, SH_OK };
                sh_module_each(sh, one_available, &a);
                return a.st;
        }
        struct sv list = sh_array_new(8);
        for (struct sh_module *m = sh->modules; m; m = m->next)
                if (m->loaded && (!m->inner || sh_switch(c, "All")) &&
                    sh_patterns_fit(sh, sh_arg(c, "Name"), m->name, strlen(m->name)))
                        sh_array_add(list.a, sh_module_value(m));
        qsort(list.a->v, list.a->n, sizeof *list.a->v, by_module_name);
        for (uint32_t i = 0; st == SH_OK && i < list.a->n; i++)
                st = sh_emit(c, list.a->v[i]);
        sh_drop(list);
        return st;
}

static const struct sh_cmdlet get_module = {
        .name = "Get-Module",
        .alias = (const char *[]) { "gmo", NULL },
        .synopsis = "Shows the modules that are loaded, or those that could be.",
        .process = get_module_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true,
                                                .from_pipeline = true },
                                              { "ListAvailable", .type = "switch",
                                                .help = "The modules on $env:PSModulePath." },
                                              { "All", .type = "switch" },
                                              { "Refresh", .type = "switch" },
                                              { "FullyQualifiedName", .type = "object[]" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content ./Tally.psm1 'function Get-Tally { 42 }'; Import-Module ./Tally.psm1; "
                          "(Get-Module Tally).ExportedCommands.Keys",
                          "Get-Tally", "What a module exports." },
                        { "(Get-Module NoSuchModule).Count", "0", "It is not loaded." },
                        { 0 } },
};

/* ---- Remove-Module ---- */
static int remove_one(struct sh_cmd *c, struct sh_module *m, int *count)
{
        bool go;
        ++*count;
        int st = sh_should_process(c, m->name, "Remove-Module", &go);
        return st == SH_OK && go ? sh_module_remove(sh_session(c), m) : st;
}

static int remove_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        struct sv infos = sh_arg(c, "ModuleInfo"), names = sh_arg(c, "Name"), item;
        size_t pos = 0;
        int st = SH_OK, count = 0;
        (void)input;
        if (sh_bound(c, "ModuleInfo")) {
                while (st == SH_OK && sh_next(infos, &pos, &item)) {
                        struct sh_module *m = sh_module_of(sh_unwrap(item));
                        st = m && m->loaded ? remove_one(c, m, &count) : SH_OK;
                        sh_drop(item);
                }
        } else {
                for (struct sh_module *m = sh->modules; m && st == SH_OK; m = m->next)
                        if (m->loaded && sh_patterns_fit(sh, names, m->name, strlen(m->name)))
                                st = remove_one(c, m, &count);
        }
        if (st == SH_OK && !count)
                st = sh_cmd_error(c, "Modules_NoModulesRemoved", "ResourceUnavailable", SH_NIL,
                                  "No modules were removed. Verify that the specification of modules to remove is "
                                  "correct and those modules exist in the runspace.");
        return st;
}

static const struct sh_cmdlet remove_module = {
        .name = "Remove-Module",
        .alias = (const char *[]) { "rmo", NULL },
        .synopsis = "Takes a module's commands out of the session.",
        .should_process = true,
        .process = remove_process,
        .default_set = "Name",
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .mandatory = true,
                                                .wildcard = true, .from_pipeline = true, .sets = "Name" },
                                              { "ModuleInfo", .type = "psmoduleinfo[]", .position = 1,
                                                .mandatory = true, .from_pipeline = true, .sets = "ModuleInfo" },
                                              { "Force", .type = "switch" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content ./One.psm1 'function Get-One { 1 }'; Import-Module ./One.psm1; "
                          "Remove-Module One; [bool](Get-Command Get-One -ErrorAction Ignore)",
                          "False", "Its commands are gone." },
                        { "try { Remove-Module NoSuch -ErrorAction Stop } catch { 'not loaded' }", "not loaded", "" },
                        { 0 } },
};

/* ---- Export-ModuleMember ---- */
static int export_end(struct sh_cmd *c)
{
        struct sh_module *m = c->caller->module;
        if (!m)
                return sh_cmd_throw(c, "Modules_CanOnlyExecuteExportModuleMemberInsideAModule", "PermissionDenied",
                                    SH_NIL, "The Export-ModuleMember cmdlet can only be called from inside a module.");
        sh_module_export(sh_session(c), m, sh_arg(c, "Function"), sh_arg(c, "Alias"), sh_arg(c, "Variable"));
        return SH_OK;
}
static int export_process(struct sh_cmd *c, struct sv input)
{
        return input.kind == SH_VOID ? SH_OK : export_end(c);
}

static const struct sh_cmdlet export_member = {
        .name = "Export-ModuleMember",
        .synopsis = "Says what a module shows to who imports it.",
        .description = "Without it all functions are exported, and no aliases and variables. Without parameters "
                       "nothing is exported.",
        .process = export_process,
        .end = export_end,
        .params = (const struct sh_param[]) { { "Function", .type = "string[]", .position = 1, .wildcard = true,
                                                .from_pipeline = true, .allow_empty = true },
                                              { "Cmdlet", .type = "string[]", .wildcard = true, .allow_empty = true },
                                              { "Variable", .type = "string[]", .wildcard = true },
                                              { "Alias", .type = "string[]", .wildcard = true },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$m = New-Module { function Get-A { 'a' }; function Get-B { 'b' }; "
                          "Export-ModuleMember -Function Get-A }; $m.ExportedCommands.Keys",
                          "Get-A", "One of two." },
                        { "$m = New-Module { $limit = 3; Export-ModuleMember -Variable limit }; $limit", "3",
                          "A variable." },
                        { 0 } },
};

/* ---- data files ---- */
static int data_process(struct sh_cmd *c, struct sv input)
{
        struct sv paths = sh_bound(c, "LiteralPath") ? sh_arg(c, "LiteralPath") : sh_arg(c, "Path"), item, v;
        size_t pos = 0;
        int st = SH_OK;
        (void)input;
        while (st == SH_OK && sh_next(paths, &pos, &item)) {
                char *path = NULL;
                struct sv t = sh_to_text(sh_session(c), item);
                st = sh_path_single(c, t.s->s, sh_bound(c, "LiteralPath"), &path);
                if (st == SH_OK && (st = sh_data_file(sh_session(c), path, false, &v)) == SH_OK) {
                        st = sh_emit(c, v);
                        sh_drop(v);
                }
                st = st == SH_NONE ? SH_OK : st;
                free(path);
                sh_drop(t);
                sh_drop(item);
        }
        return st;
}

static const struct sh_cmdlet import_data = {
        .name = "Import-PowerShellDataFile",
        .synopsis = "Reads a .psd1 file as data; nothing in it is run.",
        .process = data_process,
        .default_set = "Path",
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .sets = "Path", .complete = "path" },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .mandatory = true,
                          .from_property = true, .sets = "LiteralPath" },
                        { "SkipLimitCheck", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content ./site.psd1 '@{ Port = 8080; Names = ''a'', ''b'' }'; "
                          "(Import-PowerShellDataFile ./site.psd1).Port",
                          "8080", "A value of a data file." },
                        { "Set-Content ./bad.psd1 '@{ When = Get-Date }'; "
                          "try { Import-PowerShellDataFile ./bad.psd1 } catch { 'not data' }",
                          "not data", "Commands are refused." },
                        { 0 } },
};

static int test_manifest_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        char *path = NULL;
        (void)input;
        int st = sh_path_single(c, sh_arg_text(c, "Path", ""), false, &path);
        if (st == SH_OK) {
                struct sv h, v;
                st = sh_data_file(sh, path, false, &h);
                if (st == SH_OK && !sh_hash_get_text(h.h, "ModuleVersion", &v))
                        st = sh_cmd_error(c, "Modules_InvalidManifest", "InvalidData", SH_NIL,
                                          "The module manifest '%s' has no ModuleVersion.", path);
                else if (st == SH_OK) {
                        struct sv m = available_object(sh, path);
                        struct listed l = { sh, sh_module_of(m) };
                        sh_module_offers(sh, path, list_offer, &l);
                        st = sh_emit(c, m);
                        sh_table_free(&l.m->exported_functions);
                        sh_drop(m);
                }
                if (st != SH_ERROR)
                        sh_drop(h);
        }
        free(path);
        return st == SH_NONE ? SH_OK : st;
}

static const struct sh_cmdlet test_manifest = {
        .name = "Test-ModuleManifest",
        .synopsis = "Checks a module's manifest and shows what it says.",
        .process = test_manifest_process,
        .params = (const struct sh_param[]) { { "Path", .type = "string", .position = 1, .mandatory = true,
                                                .from_pipeline = true, .from_property = true, .complete = "path" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content ./Site.psd1 '@{ ModuleVersion = ''1.2''; Author = ''me'' }'; "
                          "(Test-ModuleManifest ./Site.psd1).Version.ToString()",
                          "1.2", "" },
                        { "Set-Content ./Site.psd1 '@{ ModuleVersion = ''1.2''; Author = ''me'' }'; "
                          "(Test-ModuleManifest ./Site.psd1).Author",
                          "me", "" },
                        { 0 } },
};

SH_CMDLETS(module, &import_module, &new_module, &get_module, &remove_module, &export_member, &import_data,
           &test_manifest);
