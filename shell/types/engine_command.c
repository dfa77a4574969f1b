/* SPDX-License-Identifier: MIT
 *
 * CommandInfo: what Get-Command writes and $MyInvocation.MyCommand is; a struct sh_target seen from scripts.
 */
#include "shell/error.h"
#include "shell/eval.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdlib.h>
#include <strings.h>

static const struct {
        const char *name;
        int32_t value;
} kind_items[] = { { "Alias", 1 },   { "Function", 2 },        { "Filter", 4 },
                   { "Cmdlet", 8 },  { "ExternalScript", 16 }, { "Application", 32 },
                   { "Script", 64 }, { "Configuration", 256 }, { "All", 511 } };
struct sh_enum sh_enum_command_types = {
        .obj = { .refs = 1, .type = &sh_enum_command_types.type },
        .type = { .name = "System.Management.Automation.CommandTypes",
                  .base = &sh_type_enum,
                  .kind = SH_ENUM },
        .flags = true,
        .n = sizeof kind_items / sizeof *kind_items,
        .items = (const void *)kind_items,
};
static const int32_t kind_values[] = { [CT_ALIAS] = 1,   [CT_FUNCTION] = 2, [CT_FILTER] = 4, [CT_CMDLET] = 8,
                                       [CT_NATIVE] = 32, [CT_SCRIPT] = 16,  [CT_BLOCK] = 64 };

static struct sv definition_of(struct sh_target *t)
{
        if (t->block.kind == SH_BLOCK) {
                struct sh_buf b = { 0 };
                sh_block_text(sh_block_of(t->block)->ast, &b);
                struct sv r = sh_buf_take(&b);
                sh_buf_free(&b);
                return r;
        }
        return sh_text(t->definition ? t->definition : t->name);
}

static struct sv module_name(struct sh_target *t)
{
        if (t->module)
                return sh_text(t->module->name);
        if (t->kind == CT_CMDLET)
                return sh_text("reeve");
        return sh_text(t->kind == CT_NATIVE || t->kind == CT_SCRIPT ? t->definition : "");
}

/* What an alias stands for in the end; SH_NIL when that is nothing. */
static struct sv resolved(struct sh *sh, struct sh_target *t)
{
        struct sh_target *to;
        if (t->kind != CT_ALIAS || sh_try_command(sh, t->definition, strlen(t->definition), &to) != SH_OK)
                return SH_NIL;
        return sh_target_value(to);
}

/* Name -> description of each parameter. */
static struct sv parameters_of(struct sh *sh, struct sh_target *t)
{
        struct sh_target *of = t;
        struct sv alias = resolved(sh, t), r = sh_hash_new(true);
        if (alias.kind == SH_OTHER)
                of = (struct sh_target *)alias.o;
        struct sh_cmdinfo *info =
                of->kind == CT_NATIVE || of->kind == CT_ALIAS ? NULL : sh_cmdinfo_of(sh, of);
        if (!info)
                sh_drop(sh_error_take(sh));
        for (uint32_t i = 0; info && i < info->n; i++) {
                struct pinfo *p = &info->p[i];
                struct sv o = sh_object_new(), aliases = sh_array_new(p->naliases),
                          name = sh_string(p->name, p->nname),
                          type = sh_type_value(p->is_switch ? &sh_type_switch
                                               : p->type    ? p->type
                                                            : &sh_type_object);
                for (uint32_t k = 0; k < p->naliases; k++)
                        sh_array_take(aliases.a, sh_text(p->aliases[k]));
                sh_object_set(o, "Name", 4, name);
                sh_object_set(o, "ParameterType", 13, type);
                sh_object_set(o, "Aliases", 7, aliases);
                sh_object_set(o, "SwitchParameter", 15, sh_bool(p->is_switch));
                sh_object_set(o, "IsDynamic", 9, sh_bool(false));
                sh_hash_set(r.h, name, o);
                sh_drop(o);
                sh_drop(aliases);
                sh_drop(name);
                sh_drop(type);
        }
        sh_drop(alias);
        return r;
}

enum {
        N_NAME,
        N_TYPE_,
        N_DEFINITION,
        N_MODULE,
        N_SOURCE,
        N_VERSION,
        N_PARAMETERS,
        N_BLOCK_,
        N_PATH,
        N_RESOLVED,
        N_DISPLAY,
        N_OPTIONS,
        N_DESCRIPTION,
        N_VISIBILITY,
        N_VERB,
        N_NOUN,
        N_EXTENSION,
        N_ADVANCED,
        N_DEFAULT_SET,
        N_SETS,
        N_OUTPUT
};

/* Its parameter sets by name, and which is the default. */
static struct sv sets_of(struct sh_cmdinfo *info)
{
        struct sv list = sh_array_new(info ? info->nsets + 1 : 1);
        for (uint32_t i = 0; info && i < (info->nsets ? info->nsets : 1); i++) {
                struct sv o = sh_object_new(),
                          name = sh_text(info->nsets ? info->set_names[i] : "__AllParameterSets");
                sh_object_set(o, "Name", 4, name);
                sh_object_set(o, "IsDefault", 9, sh_bool(info->nsets && (int)i == info->default_set));
                sh_array_take(list.a, o);
                sh_drop(name);
        }
        return list;
}

/* What a function's [OutputType()] names. */
static struct sv output_of(struct sh *sh, struct sh_target *t)
{
        struct sv list = sh_array_new(1);
        struct attr *a = t->block.kind == SH_BLOCK ? sh_block_of(t->block)->ast->attrs : NULL;
        for (; a; a = a->next)
                for (uint32_t i = 0; a->n == 10 && !strncasecmp(a->name, "OutputType", 10) && i < a->npos; i++) {
                        struct sv o = sh_object_new(), v = EV(a->pos[i]), name = SH_NIL;
                        if (sh_failed(v)) {
                                sh_forget_error(sh);
                                v = SH_NIL;
                        }
                        if (v.kind == SH_TYPE)
                                name = sh_text(sh_type_referred(v)->name);
                        else if (!sh_is_null(v))
                                name = sh_to_text(sh, v);
                        sh_object_set(o, "Name", 4, name);
                        sh_object_set(o, "Type", 4, v.kind == SH_TYPE ? v : SH_NIL);
                        sh_array_take(list.a, o);
                        sh_drop(name);
                        sh_drop(v);
                }
        return list;
}

static struct sv verb_or_noun(const char *name, bool verb)
{
        const char *dash = strchr(name, '-');
        if (!dash)
                return sh_text("");
        return verb ? sh_string(name, (size_t)(dash - name)) : sh_text(dash + 1);
}

static int command_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_target *t = (struct sh_target *)self.o;
        const char *dot;
        (void)a;
        *ret = SH_NIL;
        switch (sh_current_member(sh)->arg) {
        case N_NAME: *ret = sh_text(t->name); break;
        case N_TYPE_: *ret = sh_enum_value(&sh_enum_command_types, kind_values[t->kind]); break;
        case N_DEFINITION: *ret = definition_of(t); break;
        case N_MODULE:
                *ret = t->kind == CT_NATIVE || t->kind == CT_SCRIPT ? sh_text("") : module_name(t);
                break;
        case N_SOURCE: *ret = module_name(t); break;
        case N_VERSION:
                *ret = t->module ? sh_keep(t->module->version)
                                 : sh_text(t->kind == CT_CMDLET ? REEVE_VERSION : "");
                break;
        case N_PARAMETERS: *ret = parameters_of(sh, t); break;
        case N_BLOCK_: *ret = sh_keep(t->block); break;
        case N_PATH:
                *ret = t->kind == CT_NATIVE || t->kind == CT_SCRIPT ? sh_text(t->definition) : SH_NIL;
                break;
        case N_RESOLVED: *ret = resolved(sh, t); break;
        case N_DISPLAY:
                *ret = t->kind == CT_ALIAS ? sh_printf("%s -> %s", t->name, t->definition) : sh_text(t->name);
                break;
        case N_OPTIONS: *ret = sh_enum_value(&sh_enum_scoped_options, (int32_t)t->options); break;
        case N_DESCRIPTION: *ret = sh_text(t->description); break;
        case N_VISIBILITY: *ret = sh_text("Public"); break;
        case N_VERB:
        case N_NOUN: *ret = verb_or_noun(t->name, sh_current_member(sh)->arg == N_VERB); break;
        case N_EXTENSION:
                dot = t->definition ? strrchr(t->definition, '.') : NULL;
                *ret = sh_text(dot && !strchr(dot, '/') ? dot : "");
                break;
        case N_ADVANCED: {
                struct sh_cmdinfo *info = t->block.kind == SH_BLOCK ? sh_cmdinfo_of(sh, t) : NULL;
                *ret = sh_bool(info && info->advanced);
                break;
        }
        case N_DEFAULT_SET:
        case N_SETS: {
                struct sh_cmdinfo *info =
                        t->kind == CT_NATIVE || t->kind == CT_ALIAS ? NULL : sh_cmdinfo_of(sh, t);
                if (!info)
                        sh_forget_error(sh);
                if (sh_current_member(sh)->arg == N_SETS)
                        *ret = sets_of(info);
                else if (info && info->default_set >= 0)
                        *ret = sh_text(info->set_names[info->default_set]);
                break;
        }
        case N_OUTPUT: *ret = output_of(sh, t);
        }
        return SH_OK;
}

static void command_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_puts(b, ((struct sh_target *)self.o)->name);
}

static void command_free(struct sh_obj *o)
{
        struct sh_target *t = (struct sh_target *)o;
        free(t->name);
        free(t->definition);
        free(t->description);
        if (t->kind == CT_CMDLET)
                sh_cmdinfo_free(t->info);
        sh_drop(t->block);
        if (t->module)
                sh_drop((struct sv) { .kind = SH_OTHER, .o = &t->module->obj });
}

#define COMMAND(n, t, which) \
        { \
                n, SH_PROPERTY, .signature = t " " n " {get;}", .call = command_get, .arg = which \
        }
static const struct sh_member command_members[] = {
        COMMAND("CommandType", "System.Management.Automation.CommandTypes", N_TYPE_),
        COMMAND("Name", "string", N_NAME),
        COMMAND("Version", "version", N_VERSION),
        COMMAND("Source", "string", N_SOURCE),
        COMMAND("ModuleName", "string", N_MODULE),
        COMMAND("Definition", "string", N_DEFINITION),
        COMMAND("Parameters", "System.Collections.Generic.Dictionary[string,object]", N_PARAMETERS),
        COMMAND("ScriptBlock", "scriptblock", N_BLOCK_),
        COMMAND("Path", "string", N_PATH),
        COMMAND("ResolvedCommand", "System.Management.Automation.CommandInfo", N_RESOLVED),
        COMMAND("ReferencedCommand", "System.Management.Automation.CommandInfo", N_RESOLVED),
        COMMAND("DisplayName", "string", N_DISPLAY),
        COMMAND("Options", "System.Management.Automation.ScopedItemOptions", N_OPTIONS),
        COMMAND("Description", "string", N_DESCRIPTION),
        COMMAND("Visibility", "string", N_VISIBILITY),
        COMMAND("Verb", "string", N_VERB),
        COMMAND("Noun", "string", N_NOUN),
        COMMAND("Extension", "string", N_EXTENSION),
        COMMAND("CmdletBinding", "bool", N_ADVANCED),
        COMMAND("DefaultParameterSet", "string", N_DEFAULT_SET),
        COMMAND("ParameterSets", "System.Object[]", N_SETS),
        COMMAND("OutputType", "System.Object[]", N_OUTPUT),
};
static const char *const command_shown[] = { "CommandType", "Name", "Version", "Source", NULL };
const struct sh_type sh_type_command_info = {
        .name = "System.Management.Automation.CommandInfo",
        .base = &sh_type_object,
        .members = command_members,
        .nmembers = sizeof command_members / sizeof *command_members,
        .text = command_text,
        .free = command_free,
        .default_properties = command_shown,
};

#define KIND(var, named, over)                                                                               \
        static const struct sh_type var = { .name = "System.Management.Automation." named,                   \
                                            .base = over,                                                    \
                                            .text = command_text,                                            \
                                            .free = command_free,                                            \
                                            .default_properties = command_shown }
KIND(alias_info, "AliasInfo", &sh_type_command_info);
KIND(function_info, "FunctionInfo", &sh_type_command_info);
KIND(filter_info, "FilterInfo", &function_info);
KIND(cmdlet_info, "CmdletInfo", &sh_type_command_info);
KIND(application_info, "ApplicationInfo", &sh_type_command_info);
KIND(script_info, "ExternalScriptInfo", &sh_type_command_info);

const struct sh_type *sh_command_type(int kind)
{
        static const struct sh_type *const types[] = {
                [CT_ALIAS] = &alias_info,         [CT_FUNCTION] = &function_info, [CT_FILTER] = &filter_info,
                [CT_CMDLET] = &cmdlet_info,       [CT_NATIVE] = &application_info, [CT_SCRIPT] = &script_info,
                [CT_BLOCK] = &sh_type_command_info,
        };
        return types[kind];
}

SH_TYPES(engine_command, &sh_type_command_info, &alias_info, &function_info, &filter_info, &cmdlet_info,
         &application_info, &script_info, &sh_enum_command_types.type);
