/* SPDX-License-Identifier: MIT
 *
 * Get-Command, Get-Alias, Set-Alias, New-Alias, Remove-Alias, Get-Help: commands as objects, and what they say of
 * themselves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/code.h"
#include "shell/text.h"
#include "shell/types.h"

/* ---- syntax: "Get-Unique [-AsString] [-InputObject <Object>] [<CommonParameters>]" ---- */
static const char *type_word(const struct pinfo *p)
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
                sh_buf_putf(b, " <%s>", type_word(p));
        if (!in->mandatory)
                sh_buf_puts(b, "]");
}

static void one_syntax(struct sh_buf *b, struct sh_cmdinfo *info, uint32_t set)
{
        sh_buf_puts(b, info->name);
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

static struct sv syntax_of(struct sh *sh, struct sh_target *t)
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
                one_syntax(&b, info, info->nsets ? 1u << s : UINT32_MAX);
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

static bool word_fits(struct sh_cmd *c, const char *param, const char *s, size_t n)
{
        struct sv want = sh_arg(c, param), item;
        size_t pos = 0;
        bool fits = sh_is_null(want);
        if (want.kind == SH_STRING)
                return sh_wildcard(want.s->s, want.s->len, s, n, false);
        while (!fits && sh_next(want, &pos, &item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                fits = sh_wildcard(t.s->s, t.s->len, s, n, false);
                sh_drop(t);
                sh_drop(item);
        }
        return fits;
}

static void offer(struct listing *l, struct sh_target *t)
{
        const char *dash = strchr(t->name, '-');
        if (!(kind_bit[t->kind] & l->kinds) ||
            (l->n && !sh_wildcard(l->name, l->n, t->name, strlen(t->name), false)))
                return;
        if ((sh_bound(l->c, "Verb") || sh_bound(l->c, "Noun")) &&
            (!dash || !word_fits(l->c, "Verb", t->name, (size_t)(dash - t->name)) ||
             !word_fits(l->c, "Noun", dash + 1, strlen(dash + 1))))
                return;
        const char *module = t->module ? t->module->name : t->kind == CT_CMDLET ? "reeve" : "";
        if (sh_bound(l->c, "Module") && !word_fits(l->c, "Module", module, strlen(module)))
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

static int get_by_name(struct sh_cmd *c, const char *name, size_t n, int32_t kinds)
{
        struct sh *sh = sh_session(c);
        struct sh_target *t = NULL;
        int st = SH_OK;
        if (n && !sh_has_wildcard(name, n)) {
                const char *to = sh_alias_lookup(sh, name, n);
                if (to && (kinds & 1)) {
                        t = sh_target_new(CT_ALIAS, name, n);
                        t->definition = strdup(to);
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
                struct sv v = sh_switch(c, "Syntax") ? syntax_of(sh, t) : sh_keep(sh_target_value(t));
                st = sh_emit(c, v);
                sh_drop(v);
                sh_drop(sh_target_value(t));
                return st;
        }
        struct listing l = { c, sh_array_new(64), name, n, kinds };
        list_all(&l);
        for (uint32_t i = 0; st == SH_OK && i < l.list.a->n; i++) {
                struct sv v = sh_switch(c, "Syntax") ? syntax_of(sh, (struct sh_target *)l.list.a->v[i].o)
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
        struct sv names = sh_arg(c, "Name"), kind = sh_arg(c, "CommandType"), v, item;
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
                return get_by_name(c, "", 0, kinds);
        if (names.kind == SH_STRING)
                return get_by_name(c, names.s->s, names.s->len, kinds);
        while (st == SH_OK && sh_next(names, &pos, &item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                st = get_by_name(c, t.s->s, t.s->len, kinds);
                sh_drop(t);
                sh_drop(item);
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
        struct sv names = sh_arg(c, "Name"), item, definition = sh_arg(c, "Definition");
        size_t pos = 0;
        int st = SH_OK;
        if (sh_is_null(names) || sh_is_enumerable(names)) {
                if (!sh_is_null(names)) {
                        while (st == SH_OK && sh_next(names, &pos, &item)) {
                                struct sv t = sh_to_text(sh_session(c), item);
                                st = get_by_name(c, t.s->s, t.s->len, 1);
                                sh_drop(t);
                                sh_drop(item);
                        }
                        return st;
                }
                struct listing l = { c, sh_array_new(64), "", 0, 1 };
                list_all(&l);
                for (uint32_t i = 0; st == SH_OK && i < l.list.a->n; i++) {
                        const char *to = ((struct sh_target *)l.list.a->v[i].o)->definition;
                        if (sh_is_null(definition) || word_fits(c, "Definition", to, strlen(to)))
                                st = sh_emit(c, l.list.a->v[i]);
                }
                sh_drop(l.list);
                return st;
        }
        return get_by_name(c, names.s->s, names.s->len, 1);
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
        struct sv said = sh_printf("Name: %s Value: %s", name, value);
        int st = sh_should_process(c, said.s->s, new ? "New Alias" : "Set Alias", &what);
        sh_drop(said);
        if (st != SH_OK || !what)
                return st;
        sh_alias_set(sh, sh_text_same(scope, strlen(scope), "Global", 6) ? sh->global : c->caller, name,
                     strlen(name), value, 0);
        return sh_switch(c, "PassThru") ? get_by_name(c, name, strlen(name), 1) : SH_OK;
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
        struct sv names = sh_arg(c, "Name"), item;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next(names, &pos, &item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                if (!sh_alias_remove(sh_session(c), t.s->s, t.s->len))
                        st = sh_cmd_error(c, "AliasNotFound", "ObjectNotFound", SH_NIL,
                                          "Cannot find a matching alias because an alias with the name '%s' "
                                          "does not exist.",
                                          t.s->s);
                sh_drop(t);
                sh_drop(item);
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

/* ---- Get-Help ---- */
static void heading(struct sh_buf *b, const char *s)
{
        sh_buf_putf(b, "%s\n", s);
}
static void indented(struct sh_buf *b, const char *s)
{
        while (*s) {
                size_t n = strcspn(s, "\n");
                sh_buf_putf(b, "    %.*s\n", (int)n, s);
                s += n + (s[n] != 0);
        }
        sh_buf_puts(b, "\n");
}

/* A section of comment-based help (".SYNOPSIS"), or "". */
static struct sv help_section(const char *text, size_t n, const char *name)
{
        struct sh_buf b = { 0 };
        bool in = false;
        for (const char *p = text, *end = text + n, *nl; p < end; p = nl + 1) {
                nl = memchr(p, '\n', (size_t)(end - p));
                nl = nl ? nl : end;
                const char *s = p;
                while (s < nl && (*s == ' ' || *s == '\t' || *s == '#'))
                        s++;
                size_t len = (size_t)(nl - s);
                while (len && (s[len - 1] == '\r' || s[len - 1] == ' '))
                        len--;
                if (len && *s == '.' && len > 3) {
                        if (in)
                                break;
                        in = len == strlen(name) && !strncasecmp(s, name, len);
                        continue;
                }
                if (len >= 2 && (!strncmp(s, "#>", 2) || !strncmp(s, "<#", 2)))
                        continue;
                if (in && (len || b.n))
                        sh_buf_putf(&b, "%s%.*s", b.n ? "\n" : "", (int)len, s);
        }
        while (b.n && b.p[b.n - 1] == '\n')
                b.n--;
        return sh_buf_take(&b);
}

static void comment_of(struct sh_target *t, const char **ret, size_t *ret_n)
{
        struct block *b = sh_block_of(t->block)->ast;
        const char *text = b->u->text + b->body, *end = b->u->text + b->body_end;
        const char *open = memmem(text, (size_t)(end - text), "<#", 2),
                   *close = open ? memmem(open, (size_t)(end - open), "#>", 2) : NULL;
        *ret = close ? open : "";
        *ret_n = close ? (size_t)(close - open) : 0;
}

static void help_parameters(struct sh_buf *b, struct sh_cmdinfo *info, const char *only)
{
        for (uint32_t i = 0; i < info->nown; i++) {
                struct pinfo *p = &info->p[i];
                if (only && !sh_wildcard(only, strlen(only), p->name, p->nname, false))
                        continue;
                sh_buf_putf(b, "    -%s <%s>\n", p->name, p->is_switch ? "SwitchParameter" : type_word(p));
                if (p->table && p->table->help)
                        sh_buf_putf(b, "        %s\n", p->table->help);
                if (p->table && p->table->values)
                        sh_buf_putf(b, "        One of: %s\n", p->table->values);
                const struct pset *in = p->nin ? &p->in[0] : NULL;
                sh_buf_putf(b, "        Required: %s  Position: ", in && in->mandatory ? "true" : "false");
                if (in && in->position != INT32_MAX)
                        sh_buf_putf(b, "%d", in->position);
                else
                        sh_buf_puts(b, "named");
                sh_buf_putf(b, "  Pipeline input: %s%s\n",
                            in && in->by_value  ? "ByValue"
                            : in && in->by_name ? "ByPropertyName"
                                                : "false",
                            p->naliases ? "" : "\n");
                for (uint32_t k = 0; k < p->naliases; k++)
                        sh_buf_putf(b, "%s%s%s", k ? ", " : "        Aliases: ", p->aliases[k],
                                    k + 1 == p->naliases ? "\n\n" : "");
        }
}

static void help_examples(struct sh_buf *b, const struct sh_cmdlet *c)
{
        for (int i = 0; c->examples && c->examples[i].code; i++) {
                sh_buf_putf(b, "    Example %d:%s%s\n\n    PS> %s\n", i + 1,
                            c->examples[i].remark && *c->examples[i].remark ? " " : "",
                            c->examples[i].remark ? c->examples[i].remark : "", c->examples[i].code);
                if (c->examples[i].output)
                        indented(b, c->examples[i].output);
                else
                        sh_buf_puts(b, "\n");
        }
}

static struct sv help_of(struct sh_cmd *c, struct sh_target *t)
{
        struct sh *sh = sh_session(c);
        struct sh_buf b = { 0 };
        const char *text = "", *only = sh_arg_text(c, "Parameter", NULL);
        size_t n = 0;
        bool full = sh_switch(c, "Full"), detailed = full || sh_switch(c, "Detailed"),
             examples = full || detailed || sh_switch(c, "Examples");
        if (t->block.kind == SH_BLOCK)
                comment_of(t, &text, &n);
        struct sh_cmdinfo *info = t->kind == CT_NATIVE ? NULL : sh_cmdinfo_of(sh, t);
        if (only && info) {
                help_parameters(&b, info, only);
                return sh_buf_take(&b);
        }
        struct sv synopsis = t->cmdlet ? sh_text(t->cmdlet->synopsis ? t->cmdlet->synopsis : "")
                                       : help_section(text, n, ".SYNOPSIS");
        struct sv description = t->cmdlet ? sh_text(t->cmdlet->description ? t->cmdlet->description : "")
                                          : help_section(text, n, ".DESCRIPTION");
        struct sv syntax = syntax_of(sh, t);
        heading(&b, "NAME");
        indented(&b, t->name);
        if (synopsis.s->len) {
                heading(&b, "SYNOPSIS");
                indented(&b, synopsis.s->s);
        }
        heading(&b, "SYNTAX");
        indented(&b, syntax.s->s);
        if (description.s->len) {
                heading(&b, "DESCRIPTION");
                indented(&b, description.s->s);
        }
        if (info && detailed) {
                heading(&b, "PARAMETERS");
                help_parameters(&b, info, NULL);
        }
        if (t->cmdlet && t->cmdlet->alias && t->cmdlet->alias[0]) {
                heading(&b, "ALIASES");
                for (int i = 0; t->cmdlet->alias[i]; i++)
                        sh_buf_putf(&b, "    %s\n", t->cmdlet->alias[i]);
                sh_buf_puts(&b, "\n");
        }
        if (t->cmdlet && (examples || !detailed)) {
                heading(&b, "EXAMPLES");
                help_examples(&b, t->cmdlet);
        } else if (n) {
                struct sv e = help_section(text, n, ".EXAMPLE");
                if (e.s->len) {
                        heading(&b, "EXAMPLES");
                        indented(&b, e.s->s);
                }
                sh_drop(e);
        }
        sh_drop(synopsis);
        sh_drop(description);
        sh_drop(syntax);
        while (b.n > 1 && b.p[b.n - 1] == '\n')
                b.n--;
        return sh_buf_take(&b);
}

static int help_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        const char *name = sh_arg_text(c, "Name", "Get-Help");
        struct sh_target *t = NULL;
        size_t n = strlen(name);
        if (sh_switch(c, "Online"))
                return sh_cmd_throw(c, "NotSupportedHere", "NotImplemented", SH_NIL,
                                    "There is no online help here; it is all in Get-Help.");
        if (sh_has_wildcard(name, n))
                return get_by_name(c, name, n, 2 | 4 | 8);
        if (sh_try_command(sh, name, n, &t) != SH_OK)
                return sh_cmd_error(c, "HelpNotFound", "ResourceUnavailable", SH_NIL,
                                    "Get-Help could not find %s in a help file in this session. Get-Command "
                                    "shows what there is.",
                                    name);
        struct sv v = help_of(c, t);
        int st = sh_emit(c, v);
        sh_drop(v);
        sh_drop(sh_target_value(t));
        return st;
}
static const struct sh_cmdlet get_help = {
        .name = "Get-Help",
        .alias = (const char *[]) { "help", NULL },
        .synopsis = "Shows what a command does and how it is called.",
        .process = help_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string", .position = 1,
                                                .from_property = true, .complete = "command" },
                                              { "Full", .type = "switch" },
                                              { "Detailed", .type = "switch" },
                                              { "Examples", .type = "switch" },
                                              { "Parameter", .type = "string", .wildcard = true },
                                              { "Online", .type = "switch" },
                                              { "Category", .type = "string[]" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-Help Sort-Object) -match 'SYNTAX'", "True", "" },
                                                  { "Get-Help Sort-Object -Parameter Top", NULL,
                                                    "One parameter." },
                                                  { 0 } },
};

SH_CMDLETS(command, &get_command, &get_alias, &set_alias, &new_alias, &remove_alias, &get_help);
