/* SPDX-License-Identifier: MIT
 *
 * Get-Command, Get-Alias, Set-Alias, New-Alias, Remove-Alias: commands as objects.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/code.h"
#include "shell/commandinfo.h"
#include "shell/text.h"
#include "shell/types.h"

/* ---- syntax: "Get-Unique [-AsString] [-InputObject <Object>] [<CommonParameters>]" ---- */
const char *sh_param_word(const struct pinfo *p)
{
        static char buf[200];
        const struct sh_type *t = p->type ? p->type : &sh_type_object;
        size_t n;
        const char *s = t->accelerator ? t->accelerator : sh_type_short_name(t, &n);
        snprintf(buf, sizeof buf, "%s", s);
        if (!t->is_array && t == &sh_type_object)
                snprintf(buf, sizeof buf, "Object");
        return buf;
}

static const struct pset *in_set(const struct pinfo *p, uint32_t set)
{
        for (uint32_t i = 0; i < p->nin; i++)
                if (p->in[i].sets & set)
                        return &p->in[i];
        return NULL;
}

static void one_parameter(struct sh_buf *b, const struct pinfo *p, const struct pset *in)
{
        bool positional = in->position != INT32_MAX && !p->is_switch;
        sh_buf_puts(b, in->mandatory ? " " : " [");
        sh_buf_putf(b, positional ? "[-%s]" : "-%s", p->name);
        if (!p->is_switch)
                sh_buf_putf(b, " <%s>", sh_param_word(p));
        if (!in->mandatory)
                sh_buf_puts(b, "]");
}

static void one_syntax(struct sh_buf *b, const char *name, struct sh_cmdinfo *info, uint32_t set)
{
        sh_buf_puts(b, name);
        for (int position = 0; position < 32; position++)
                for (uint32_t i = 0; i < info->nown; i++) {
                        const struct pset *in = in_set(&info->p[i], set);
                        if (in && in->position == position && !info->p[i].is_switch)
                                one_parameter(b, &info->p[i], in);
                }
        for (uint32_t i = 0; i < info->nown; i++) {
                const struct pset *in = in_set(&info->p[i], set);
                if (in && (in->position == INT32_MAX || info->p[i].is_switch))
                        one_parameter(b, &info->p[i], in);
        }
        if (info->should_process)
                sh_buf_puts(b, " [-WhatIf] [-Confirm]");
        if (info->advanced || info->cmdlet)
                sh_buf_puts(b, " [<CommonParameters>]");
}

struct sv sh_syntax_of(struct sh *sh, struct sh_target *t)
{
        struct sh_buf b = { 0 };
        struct sh_cmdinfo *info = t->kind == CT_NATIVE || t->kind == CT_ALIAS ? NULL : sh_cmdinfo_of(sh, t);
        if (!info) {
                sh_forget_error(sh);
                return sh_text(t->definition ? t->definition : t->name);
        }
        for (uint32_t s = 0; s < (info->nsets ? info->nsets : 1); s++) {
                if (s)
                        sh_buf_puts(&b, "\n\n");
                one_syntax(&b, t->name, info, info->nsets ? 1u << s : UINT32_MAX);
        }
        return sh_buf_take(&b);
}

/* ---- Get-Command ---- */
struct listing {
        struct sh_cmd *c;
        struct sv list;
        const char *name;
        size_t n;
        int32_t kinds;
};
extern struct sh_enum sh_enum_command_types;

static const int32_t kind_bit[] = { [CT_ALIAS] = 1,   [CT_FUNCTION] = 2, [CT_FILTER] = 4, [CT_CMDLET] = 8,
                                    [CT_NATIVE] = 32, [CT_SCRIPT] = 16,  [CT_BLOCK] = 64 };

static void offer(struct listing *l, struct sh_target *t)
{
        const char *dash = strchr(t->name, '-');
        if (!(kind_bit[t->kind] & l->kinds) ||
            (l->n && !sh_wildcard(l->name, l->n, t->name, strlen(t->name), false)))
                return;
        if ((sh_bound(l->c, "Verb") || sh_bound(l->c, "Noun")) &&
            (!dash || !sh_arg_fits(l->c, "Verb", t->name, (size_t)(dash - t->name), true) ||
             !sh_arg_fits(l->c, "Noun", dash + 1, strlen(dash + 1), true)))
                return;
        const char *module = t->module ? t->module->name : t->kind == CT_CMDLET ? "reeve" : "";
        if (sh_bound(l->c, "Module") && !sh_arg_fits(l->c, "Module", module, strlen(module), true))
                return;
        for (uint32_t i = 0; i < l->list.a->n; i++) {
                struct sh_target *o = (struct sh_target *)l->list.a->v[i].o;
                if (o->kind == t->kind && !strcasecmp(o->name, t->name))
                        return;
        }
        sh_array_add(l->list.a, sh_target_value(t));
}

static void offer_table(struct listing *l, struct table *t)
{
        for (uint32_t i = 0; t && i < t->names.n; i++)
                if (t->v[i].kind == SH_OTHER)
                        offer(l, (struct sh_target *)t->v[i].o);
}
static void offer_cmdlet(void *state, const struct sh_cmdlet *c)
{
        struct listing *l = state;
        struct sh_target *t = NULL;
        if ((l->kinds & 8) && sh_try_command(sh_session(l->c), c->name, strlen(c->name), &t) == SH_OK) {
                offer(l, t);
                sh_drop(sh_target_value(t));
        }
}
static void offer_alias(struct listing *l, const char *name, const char *target)
{
        struct sh_target *t = sh_target_new(CT_ALIAS, name, strlen(name));
        t->definition = strdup(target);
        offer(l, t);
        sh_drop(sh_target_value(t));
}
static int by_name(const void *a, const void *b)
{
        const struct sh_target *x = (const void *)((const struct sv *)a)->o,
                               *y = (const void *)((const struct sv *)b)->o;
        return kind_bit[x->kind] != kind_bit[y->kind] && 0 ? 0 : strcasecmp(x->name, y->name);
}

static void list_all(struct listing *l)
{
        struct sh *sh = sh_session(l->c);
        for (struct scope *s = sh->scope; s; s = s->parent) {
                offer_table(l, s->functions);
                offer_table(l, s->aliases);
        }
        sh_builtins(sh);
        for (uint32_t i = 0; i < sh->builtin_names.n; i++)
                if (sh->builtins[i].cmdlet)
                        offer_cmdlet(l, sh->builtins[i].cmdlet);
                else if (sh->builtins[i].alias_of && (l->kinds & 1))
                        offer_alias(l, sh_name(sh, sh->builtin_names.ids[i], NULL), sh->builtins[i].alias_of);
        if (l->kinds & 8)
                sh_model_cmdlets(sh, offer_cmdlet, l);
        qsort(l->list.a->v, l->list.a->n, sizeof(struct sv), by_name);
}

static int no_alias(struct sh_cmd *c, const char *what, const char *name)
{
        struct sv target = sh_text(name);
        int st = sh_cmd_error(
                c, "ItemNotFoundException", "ObjectNotFound", target,
                "This command cannot find a matching alias because an alias with the %s '%s' does not exist.",
                what, name);
        sh_drop(target);
        return st;
}

int sh_commands_named(struct sh_cmd *c, const char *name, size_t n, int32_t kinds)
{
        struct sh *sh = sh_session(c);
        struct sh_target *t = NULL;
        int st = SH_OK;
        if (n && !sh_has_wildcard(name, n)) {
                const char *to = sh_alias_lookup(sh, name, n);
                if (to && (kinds & 1)) {
                        struct sh_target *own = sh_alias_own(sh, name, n);
                        t = sh_target_new(CT_ALIAS, name, n);
                        t->definition = strdup(to);
                        t->options = own ? own->options : 0;
                        t->description = own && own->description ? strdup(own->description) : NULL;
                } else if (sh_try_command(sh, name, n, &t) != SH_OK) {
                        t = NULL;
                        st = sh_import_for(sh, name, n);
                        if (st == SH_OK && sh_try_command(sh, name, n, &t) != SH_OK)
                                t = NULL;
                        if (st != SH_OK && st != SH_NONE)
                                return st;
                        st = SH_OK;
                }
                if (t && !(kind_bit[t->kind] & kinds)) {
                        sh_drop(sh_target_value(t));
                        t = NULL;
                }
                if (!t && kinds == 1)
                        return no_alias(c, "name", name);
                if (!t) {
                        struct sv target = sh_string(name, n);
                        st = sh_cmd_error(c, "CommandNotFoundException", "ObjectNotFound", target,
                                          "The term '%s' is not recognized as a name of a cmdlet, function, "
                                          "script file, or executable program.\n"
                                          "Check the spelling of the name, or if a path was included, verify "
                                          "that the path is correct and try again.",
                                          name);
                        sh_drop(target);
                        return st;
                }
                struct sv v = sh_switch(c, "Syntax") ? sh_syntax_of(sh, t) : sh_keep(sh_target_value(t));
                st = sh_emit(c, v);
                sh_drop(v);
                sh_drop(sh_target_value(t));
                return st;
        }
        struct listing l = { c, sh_array_new(64), name, n, kinds };
        list_all(&l);
        for (uint32_t i = 0; st == SH_OK && i < l.list.a->n; i++) {
                struct sv v = sh_switch(c, "Syntax") ? sh_syntax_of(sh, (struct sh_target *)l.list.a->v[i].o)
                                                     : sh_keep(l.list.a->v[i]);
                st = sh_emit(c, v);
                sh_drop(v);
        }
        sh_drop(l.list);
        return st;
}

static int command_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "Name"), kind = sh_arg(c, "CommandType"), v, t;
        int32_t kinds = sh_is_null(names) ? 1 | 2 | 4 | 8 : 511;
        size_t pos = 0;
        int st = SH_OK;
        if (!sh_is_null(kind)) {
                st = sh_convert(sh_session(c), kind, &sh_enum_command_types.type, &v);
                if (st != SH_OK)
                        return st;
                kinds = (int32_t)v.hi;
                sh_drop(v);
        }
        if (sh_bound(c, "Verb") || sh_bound(c, "Noun"))
                kinds &= ~1;
        if (sh_is_null(names))
                return sh_commands_named(c, "", 0, kinds);
        while (st == SH_OK && sh_next_text(c, names, &pos, &t)) {
                st = sh_commands_named(c, t.s->s, t.s->len, kinds);
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet get_command = {
        .name = "Get-Command",
        .alias = (const char *[]) { "gcm", NULL },
        .synopsis = "Shows commands.",
        .process = command_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true,
                                                .from_pipeline = true, .from_property = true,
                                                .complete = "command" },
                                              { "CommandType", .type = "object", .alias = "Type" },
                                              { "Verb", .type = "string[]", .wildcard = true },
                                              { "Noun", .type = "string[]", .wildcard = true },
                                              { "Syntax", .type = "switch" },
                                              { "All", .type = "switch" },
                                              { "Module", .type = "string[]" },
                                              { "TotalCount", .type = "int" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Get-Command Sort-Object).CommandType", "Cmdlet", "" },
                        { "(Get-Command -Verb Measure).Name -contains 'Measure-Object'", "True", "" },
                        { 0 } },
};

/* ---- aliases ---- */
static int alias_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "Name"), t, definition = sh_arg(c, "Definition");
        size_t pos = 0;
        int st = SH_OK;
        bool any = false;
        if (sh_is_null(names) || sh_is_enumerable(names)) {
                if (!sh_is_null(names)) {
                        while (st == SH_OK && sh_next_text(c, names, &pos, &t)) {
                                st = sh_commands_named(c, t.s->s, t.s->len, 1);
                                sh_drop(t);
                        }
                        return st;
                }
                struct listing l = { c, sh_array_new(64), "", 0, 1 };
                list_all(&l);
                for (uint32_t i = 0; st == SH_OK && i < l.list.a->n; i++) {
                        const char *to = ((struct sh_target *)l.list.a->v[i].o)->definition;
                        if (sh_is_null(definition) || sh_arg_fits(c, "Definition", to, strlen(to), true)) {
                                any = true;
                                st = sh_emit(c, l.list.a->v[i]);
                        }
                }
                sh_drop(l.list);
                const char *asked = sh_arg_text(c, "Definition", "");
                return st == SH_OK && !any && *asked && !sh_has_wildcard(asked, strlen(asked))
                               ? no_alias(c, "definition", asked)
                               : st;
        }
        return sh_commands_named(c, names.s->s, names.s->len, 1);
}
static const struct sh_cmdlet get_alias = {
        .name = "Get-Alias",
        .alias = (const char *[]) { "gal", NULL },
        .synopsis = "Shows aliases.",
        .process = alias_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true,
                                                .from_pipeline = true, .sets = "Default" },
                                              { "Definition", .type = "string[]", .wildcard = true,
                                                .sets = "Definition" },
                                              { "Scope", .type = "string" },
                                              { "Exclude", .type = "string[]" },
                                              { 0 } },
        .default_set = "Default",
        .examples = (const struct sh_example[]) { { "(Get-Alias gm).Definition", "Get-Member", "" },
                                                  { "(Get-Alias -Definition Get-Member).Name", "gm", "" },
                                                  { 0 } },
};
static int set_alias_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        const char *name = sh_arg_text(c, "Name", ""), *value = sh_arg_text(c, "Value", ""),
                   *scope = sh_arg_text(c, "Scope", "");
        bool new = sh_cmdlet_of(c)->name[0] == 'N', what = true;
        if (new &&sh_alias_lookup(sh, name, strlen(name)) && !sh_switch(c, "Force"))
                return sh_cmd_error(
                        c, "AliasAlreadyExists", "ResourceExists", SH_NIL,
                        "The alias is not allowed, because an alias with the name '%s' already exists.",
                        name);
        struct sh_target *old = sh_alias_own(sh, name, strlen(name));
        if (!new &&old && old->options &(VO_CONSTANT | VO_READONLY) &&
            (old->options & VO_CONSTANT || !sh_switch(c, "Force"))) {
                struct sv target = sh_text(name);
                int st = sh_cmd_error(
                        c, "AliasNotWritable", "WriteError", target,
                        "Alias is not writeable because alias %s is read-only or constant and cannot be "
                        "written to.",
                        name);
                sh_drop(target);
                return st;
        }
        struct sv said = sh_printf("Name: %s Value: %s", name, value), options = sh_arg(c, "Option"),
                  flags = SH_NIL;
        int st = sh_should_process(c, said.s->s, new ? "New Alias" : "Set Alias", &what);
        sh_drop(said);
        if (st != SH_OK || !what)
                return st;
        sh_alias_set(sh, sh_text_same(scope, strlen(scope), "Global", 6) ? sh->global : c->caller, name,
                     strlen(name), value,
                     !sh_is_null(options) && sh_try_convert(sh, options, &sh_enum_scoped_options.type, &flags)
                             ? flags.hi
                             : 0);
        sh_drop(flags);
        struct sh_target *made = sh_alias_own(sh, name, strlen(name));
        const char *about = sh_arg_text(c, "Description", NULL);
        if (made && about && !made->description)
                made->description = strdup(about);
        return sh_switch(c, "PassThru") ? sh_commands_named(c, name, strlen(name), 1) : SH_OK;
}
#define ALIAS_PARAMS \
        { "Name", .type = "string", .position = 1, .mandatory = true, .from_property = true }, \
                { "Value", .type = "string", .position = 2, .mandatory = true, .alias = "Definition" }, \
                { "Scope", .type = "string" }, { "Option", .type = "string" }, \
                { "Description", .type = "string" }, { "Force", .type = "switch" }, \
                { "PassThru", .type = "switch" }, \
        { \
                0 \
        }
static const struct sh_cmdlet set_alias = {
        .name = "Set-Alias",
        .alias = (const char *[]) { "sal", NULL },
        .synopsis = "Makes or changes an alias.",
        .should_process = true,
        .end = set_alias_end,
        .params = (const struct sh_param[]) { ALIAS_PARAMS },
        .examples = (const struct sh_example[]) { { "Set-Alias top3 Sort-Object; 3,1 | top3", "1\n3", "" },
                                                  { "Set-Alias ll Get-Member -PassThru | Out-Null", "", "" },
                                                  { 0 } },
};
static const struct sh_cmdlet new_alias = {
        .name = "New-Alias",
        .alias = (const char *[]) { "nal", NULL },
        .synopsis = "Makes an alias that must not exist yet.",
        .should_process = true,
        .end = set_alias_end,
        .params = (const struct sh_param[]) { ALIAS_PARAMS },
        .examples = (const struct sh_example[]) { { "New-Alias srt Sort-Object; 2,1 | srt", "1\n2", "" },
                                                  { "New-Alias gm x -ErrorAction Ignore; $?", "False", "" },
                                                  { 0 } },
};
static int remove_alias_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "Name"), t;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next_text(c, names, &pos, &t)) {
                struct sh_target *own = sh_alias_own(sh_session(c), t.s->s, t.s->len);
                if (own && own->options & (VO_CONSTANT | VO_READONLY) &&
                    (own->options & VO_CONSTANT || !sh_switch(c, "Force")))
                        st = sh_cmd_error(c, "AliasNotRemovable", "WriteError", t,
                                          "Alias was not removed because alias %s is constant or read-only.",
                                          t.s->s);
                else if (!sh_alias_remove(sh_session(c), t.s->s, t.s->len))
                        st = sh_cmd_error(c, "AliasNotFound", "ObjectNotFound", SH_NIL,
                                          "Cannot find a matching alias because an alias with the name '%s' "
                                          "does not exist.",
                                          t.s->s);
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet remove_alias = {
        .name = "Remove-Alias",
        .synopsis = "Removes aliases.",
        .process = remove_alias_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .mandatory = true,
                                                .from_pipeline = true },
                                              { "Scope", .type = "string" },
                                              { "Force", .type = "switch" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Set-Alias xx Sort-Object; Remove-Alias xx; $null -eq "
                                                    "(Get-Command xx -ErrorAction Ignore)",
                                                    "True", "" },
                                                  { "Remove-Alias nope -ErrorAction Ignore", "", "" },
                                                  { 0 } },
};

SH_CMDLETS(command, &get_command, &get_alias, &set_alias, &new_alias, &remove_alias);
