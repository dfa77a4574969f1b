/* SPDX-License-Identifier: MIT
 *
 * PSModuleInfo: what Get-Module writes.
 */
#include "shell/module.h"
#include "shell/text.h"

#include <stdlib.h>

enum {
        M_NAME,
        M_PATH,
        M_BASE,
        M_VERSION,
        M_TYPE,
        M_DESCRIPTION,
        M_FUNCTIONS,
        M_ALIASES,
        M_VARIABLES,
        M_COMMANDS,
        M_CMDLETS,
        M_NESTED,
        M_REQUIRED,
        M_PREFIX,
        M_ON_REMOVE,
        M_PRIVATE,
        M_STATE,
        M_ACCESS,
        M_PRERELEASE,
        M_TAGS,
        M_MANIFEST /* from here on: a key of the manifest */
};

static void add_table(struct sh *sh, struct sv hash, struct table *t)
{
        for (uint32_t i = 0; i < t->names.n && i < t->cap; i++)
                if (t->v[i].kind == SH_OTHER) {
                        struct sv name = sh_type_is(t->v[i].o->type, &sh_type_command_info)
                                                 ? sh_text(((struct sh_target *)t->v[i].o)->name)
                                                 : sh_text(sh_name(sh, t->names.ids[i], NULL));
                        sh_hash_set(hash.h, name, t->v[i]);
                        sh_drop(name);
                }
}

static struct sv built_in_commands(struct sh *sh)
{
        struct sv r = sh_hash_new(true);
        sh_builtins(sh);
        for (uint32_t i = 0; i < sh->builtin_names.n; i++) {
                const struct sh_cmdlet *c = sh->builtins[i].cmdlet;
                struct sh_target *t;
                if (!c || sh_try_command(sh, c->name, strlen(c->name), &t) != SH_OK)
                        continue;
                sh_hash_set_text(r.h, c->name, sh_target_value(t));
                sh_drop(sh_target_value(t));
        }
        return r;
}

static struct sv exports(struct sh *sh, struct sh_module *m, intptr_t which)
{
        if (m->built_in && (which == M_COMMANDS || which == M_CMDLETS))
                return built_in_commands(sh);
        struct sv r = sh_hash_new(true);
        if (which == M_FUNCTIONS || which == M_COMMANDS)
                add_table(sh, r, &m->exported_functions);
        if (which == M_ALIASES || which == M_COMMANDS)
                add_table(sh, r, &m->exported_aliases);
        if (which == M_VARIABLES)
                add_table(sh, r, &m->exported_variables);
        return r;
}

static struct sv of_ps_data(struct sh_module *m, const char *key)
{
        struct sv d = SH_NIL, v = SH_NIL;
        if (m->private_data.kind == SH_HASH && sh_hash_get_text(m->private_data.h, "PSData", &d) && d.kind == SH_HASH)
                sh_hash_get_text(d.h, key, &v);
        return sh_keep(v);
}

static struct sv version_of(struct sh *sh, struct sh_module *m)
{
        struct sv zero, r = SH_NIL;
        if (!sh_is_null(m->version))
                return sh_keep(m->version);
        zero = sh_text("0.0");
        if (!sh_try_convert(sh, zero, &sh_type_version, &r))
                r = SH_NIL;
        sh_drop(zero);
        return r;
}

static struct sv list_or_none(struct sv list)
{
        return list.kind == SH_ARRAY ? sh_keep(list) : sh_array_new(0);
}

static int module_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_module *m = (struct sh_module *)self.o;
        intptr_t which = sh_current_member(sh)->arg;
        struct sv v = SH_NIL;
        (void)a;
        switch (which) {
        case M_NAME: *ret = sh_text(m->name); break;
        case M_PATH: *ret = sh_text(m->path); break;
        case M_BASE: *ret = sh_text(m->root); break;
        case M_VERSION: *ret = version_of(sh, m); break;
        case M_TYPE: *ret = sh_text(m->built_in || m->is_manifest ? m->manifest.kind == SH_HASH &&
                                                   (sh_hash_get_text(m->manifest.h, "RootModule", &v) ||
                                                    sh_hash_get_text(m->manifest.h, "ModuleToProcess", &v))
                                                            ? "Script"
                                                            : "Manifest"
                                                 : "Script");
                break;
        case M_DESCRIPTION: *ret = sh_is_null(m->description) ? sh_text("") : sh_keep(m->description); break;
        case M_FUNCTIONS:
        case M_ALIASES:
        case M_VARIABLES:
        case M_COMMANDS:
        case M_CMDLETS: *ret = exports(sh, m, which); break;
        case M_NESTED: *ret = list_or_none(m->nested); break;
        case M_REQUIRED: *ret = list_or_none(m->required); break;
        case M_PREFIX: *ret = sh_text(m->prefix ? m->prefix : ""); break;
        case M_ON_REMOVE: *ret = sh_keep(m->on_remove); break;
        case M_PRIVATE: *ret = sh_keep(m->private_data); break;
        case M_STATE: *ret = sh_session_state(sh); break;
        case M_ACCESS: *ret = sh_text("ReadWrite"); break;
        case M_PRERELEASE: *ret = of_ps_data(m, "Prerelease"); break;
        case M_TAGS:
                v = of_ps_data(m, "Tags");
                *ret = sh_is_null(v) ? sh_array_new(0) : v;
                break;
        default:
                if (m->manifest.kind == SH_HASH)
                        sh_hash_get_text(m->manifest.h, sh_current_member(sh)->name, &v);
                *ret = sh_keep(v);
        }
        return SH_OK;
}

static int set_on_remove(struct sh *sh, struct sv self, struct sv v)
{
        struct sh_module *m = (struct sh_module *)self.o;
        struct sv b = sh_unwrap(v);
        if (b.kind != SH_BLOCK && !sh_is_null(b))
                return sh_throw(sh, "PropertyAssignmentException", "InvalidArgument", v,
                                "OnRemove must be a script block.");
        sh_drop(m->on_remove);
        m->on_remove = sh_keep(b);
        return SH_OK;
}

/* Invoke(block, arguments...): in the module's scope. */
static int module_invoke(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n < 1 || sh_unwrap(a.v[0]).kind != SH_BLOCK)
                return SH_NONE;
        struct sv b = sh_block_in_module(sh, sh_unwrap(a.v[0]), (struct sh_module *)self.o);
        struct sv list = a.n == 2 && sh_is_enumerable(a.v[1]) ? sh_array_copy(a.v[1]) : SH_NIL;
        struct sh_args args = list.kind == SH_ARRAY ? (struct sh_args) { list.a->n, list.a->v }
                                                    : (struct sh_args) { a.n - 1, a.v + 1 };
        int st = sh_block_value(sh, b, NULL, args, true, ret);
        sh_drop(list);
        sh_drop(b);
        return st;
}

static int new_bound_block(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n != 1 || sh_unwrap(a.v[0]).kind != SH_BLOCK)
                return SH_NONE;
        *ret = sh_block_in_module(sh, sh_unwrap(a.v[0]), (struct sh_module *)self.o);
        return SH_OK;
}

static int as_object(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n)
                return SH_NONE;
        *ret = sh_module_object(sh, (struct sh_module *)self.o);
        return SH_OK;
}

static void module_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_puts(b, ((struct sh_module *)self.o)->name);
}

static void module_free(struct sh_obj *o)
{
        struct sh_module *m = (struct sh_module *)o;
        struct sv *v[] = { &m->on_remove, &m->manifest, &m->version, &m->description, &m->private_data, &m->nested,
                           &m->required };
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)
                sh_drop(*v[i]);
        sh_scope_drop(m->scope);
        free(m->name);
        free(m->path);
        free(m->root);
        free(m->prefix);
}

#define GET(n, t, which) \
        { \
                n, SH_PROPERTY, .signature = t " " n " {get;}", .call = module_get, .arg = which \
        }
static const struct sh_member module_members[] = {
        GET("Name", "string", M_NAME),
        GET("Path", "string", M_PATH),
        GET("ModuleBase", "string", M_BASE),
        GET("Version", "version", M_VERSION),
        GET("ModuleType", "System.Management.Automation.ModuleType", M_TYPE),
        GET("Description", "string", M_DESCRIPTION),
        GET("ExportedFunctions", "System.Collections.Generic.Dictionary[string,object]", M_FUNCTIONS),
        GET("ExportedAliases", "System.Collections.Generic.Dictionary[string,object]", M_ALIASES),
        GET("ExportedVariables", "System.Collections.Generic.Dictionary[string,object]", M_VARIABLES),
        GET("ExportedCommands", "System.Collections.Generic.Dictionary[string,object]", M_COMMANDS),
        GET("ExportedCmdlets", "System.Collections.Generic.Dictionary[string,object]", M_CMDLETS),
        GET("NestedModules", "System.Object[]", M_NESTED),
        GET("RequiredModules", "System.Object[]", M_REQUIRED),
        GET("Prefix", "string", M_PREFIX),
        { "OnRemove", SH_PROPERTY, .signature = "scriptblock OnRemove {get;set;}", .call = module_get,
          .set = set_on_remove, .arg = M_ON_REMOVE },
        GET("PrivateData", "System.Object", M_PRIVATE),
        GET("SessionState", "System.Management.Automation.SessionState", M_STATE),
        GET("AccessMode", "string", M_ACCESS),
        GET("PreRelease", "string", M_PRERELEASE),
        GET("Tags", "string[]", M_TAGS),
        GET("Author", "string", M_MANIFEST),
        GET("CompanyName", "string", M_MANIFEST),
        GET("Copyright", "string", M_MANIFEST),
        GET("Guid", "guid", M_MANIFEST),
        GET("RootModule", "string", M_MANIFEST),
        GET("PowerShellVersion", "version", M_MANIFEST),
        GET("HelpInfoUri", "string", M_MANIFEST),
        GET("FileList", "string[]", M_MANIFEST),
        { "Invoke", SH_METHOD, .signature = "System.Object Invoke(scriptblock sb, Params System.Object[] args)",
          .call = module_invoke },
        { "NewBoundScriptBlock", SH_METHOD,
          .signature = "scriptblock NewBoundScriptBlock(scriptblock scriptBlockToBind)", .call = new_bound_block },
        { "AsCustomObject", SH_METHOD, .signature = "psobject AsCustomObject()", .call = as_object },
};
static const char *const module_shown[] = { "ModuleType", "Version", "Name", "ExportedCommands", NULL };
const struct sh_type sh_type_module = {
        .name = "System.Management.Automation.PSModuleInfo",
        .accelerator = "psmoduleinfo",
        .base = &sh_type_object,
        .members = module_members,
        .nmembers = sizeof module_members / sizeof *module_members,
        .text = module_text,
        .free = module_free,
        .default_properties = module_shown,
};

SH_TYPES(engine_module, &sh_type_module);
