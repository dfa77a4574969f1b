/* SPDX-License-Identifier: MIT
 *
 * Get-Help: an object with what PowerShell has in its own (Synopsis, parameters, examples), shown as a page
 * of text. Cmdlets answer from their tables, functions from their comments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/code.h"
#include "shell/commandinfo.h"
#include "shell/text.h"
#include "shell/types.h"

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

/* The nth section of that name (".EXAMPLE") of comment-based help, from 0, or "". */
static struct sv help_section_nth(const char *text, size_t n, const char *name, int nth)
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
                        in = len == strlen(name) && !strncasecmp(s, name, len) && nth-- == 0;
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

static struct sv help_section(const char *text, size_t n, const char *name)
{
        return help_section_nth(text, n, name, 0);
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
                sh_buf_putf(b, "    -%s <%s>\n", p->name,
                            p->is_switch ? "SwitchParameter" : sh_param_word(p));
                if (p->table && *sh_param_help(p->table))
                        sh_buf_putf(b, "        %s\n", sh_param_help(p->table));
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

/* A cmdlet's own examples; for those made from the schema, which have none, what every one of them can do. */
struct examples {
        struct sh_example v[8];
        char text[2][400];
        int n;
};
static const char *mandatory_word(struct sh_cmdinfo *info)
{
        for (uint32_t i = 0; info && i < info->nown; i++)
                for (uint32_t k = 0; k < info->p[i].nin; k++)
                        if (info->p[i].in[k].mandatory)
                                return info->p[i].name;
        return NULL;
}
static void examples_of(const struct sh_cmdlet *c, struct sh_cmdinfo *info, struct examples *e)
{
        for (e->n = 0; c->examples && e->n < 8 && c->examples[e->n].code; e->n++)
                e->v[e->n] = c->examples[e->n];
        const char *noun = strchr(c->name, '-'), *word = mandatory_word(info);
        if (e->n || !noun)
                return;
        bool get = !strncasecmp(c->name, "Get-", 4);
        if (get) {
                snprintf(e->text[0], sizeof(e->text[0]), "%s", c->name);
                snprintf(e->text[1], sizeof(e->text[1]), "%s | Select-Object -First 1 | Format-List *",
                         c->name);
        } else {
                snprintf(e->text[0], sizeof(e->text[0]), "%s%s%s%s%s", c->name, word ? " -" : "",
                         word ? word : "", word ? " VALUE" : "", c->should_process ? " -WhatIf" : "");
                snprintf(e->text[1], sizeof(e->text[1]), "Get-Help %s -Full", c->name);
        }
        e->v[0] = (struct sh_example) { e->text[0], NULL,
                                        get ? "All that there are."
                                        : c->should_process
                                                ? "Tells what would be done; without -WhatIf it is done."
                                                : "" };
        e->v[1] = (struct sh_example) { e->text[1], NULL,
                                        get ? "Every property of the first." : "What each parameter means." };
        e->n = 2;
}

static void help_examples(struct sh_buf *b, const struct sh_cmdlet *c, struct sh_cmdinfo *info)
{
        struct examples e;
        examples_of(c, info, &e);
        for (int i = 0; i < e.n; i++) {
                sh_buf_putf(b, "    Example %d:%s%s\n\n    PS> %s\n", i + 1,
                            e.v[i].remark && *e.v[i].remark ? " " : "", e.v[i].remark ? e.v[i].remark : "",
                            e.v[i].code);
                if (e.v[i].output)
                        indented(b, e.v[i].output);
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
        struct sv syntax = sh_syntax_of(sh, t);
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
                help_examples(&b, t->cmdlet, info);
        } else if (n) {
                struct sv e;
                for (int i = 0; e = help_section_nth(text, n, ".EXAMPLE", i), e.s->len; i++) {
                        if (!i)
                                heading(&b, "EXAMPLES");
                        indented(&b, e.s->s);
                        sh_drop(e);
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

/* ---- the object ---- */
static void note(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}
/* Texts are arrays of objects with a Text, as in PowerShell's help. */
static struct sv text_list(struct sv owned)
{
        struct sv list = sh_array_new(1), o = sh_object_new();
        if (owned.s->len) {
                note(o, "Text", sh_keep(owned));
                sh_array_add(list.a, o);
        }
        sh_drop(o);
        sh_drop(owned);
        return list;
}
static struct sv within(const char *name, struct sv list)
{
        struct sv o = sh_object_new();
        note(o, name, list);
        return o;
}
static struct sv parameter_objects(struct sh_cmdinfo *info, const char *text, size_t n)
{
        struct sv list = sh_array_new(8);
        for (uint32_t i = 0; info && i < info->nown; i++) {
                struct pinfo *p = &info->p[i];
                const struct pset *in = p->nin ? &p->in[0] : NULL;
                struct sv o = sh_object_new(), key = sh_printf(".PARAMETER %s", p->name);
                note(o, "name", sh_string(p->name, p->nname));
                note(o, "required", sh_text(in && in->mandatory ? "true" : "false"));
                note(o, "position",
                     in && in->position != INT32_MAX ? sh_printf("%d", in->position) : sh_text("named"));
                note(o, "pipelineInput",
                     sh_text(in && in->by_value  ? "true (ByValue)"
                             : in && in->by_name ? "true (ByPropertyName)"
                                                 : "false"));
                note(o, "type", within("name", sh_text(p->is_switch ? "SwitchParameter" : sh_param_word(p))));
                note(o, "description",
                     text_list(p->table ? sh_text(sh_param_help(p->table))
                                        : help_section(text, n, key.s->s)));
                sh_array_take(list.a, o);
                sh_drop(key);
        }
        return list;
}
static struct sv example_objects(const struct sh_cmdlet *cmdlet, struct sh_cmdinfo *info, const char *text,
                                 size_t n)
{
        struct sv list = sh_array_new(2);
        struct examples all = { .n = 0 };
        if (cmdlet)
                examples_of(cmdlet, info, &all);
        for (int i = 0; i < all.n; i++) {
                const struct sh_example *e = &all.v[i];
                struct sv o = sh_object_new();
                note(o, "title", sh_printf("Example %d", i + 1));
                note(o, "code", sh_text(e->code));
                note(o, "output", e->output ? sh_text(e->output) : SH_NIL);
                note(o, "remarks", text_list(sh_text(e->remark ? e->remark : "")));
                sh_array_take(list.a, o);
        }
        /* of a comment's example the first line is code, the rest says what it does */
        for (int i = 0; !cmdlet; i++) {
                struct sv own = help_section_nth(text, n, ".EXAMPLE", i);
                if (!own.s->len) {
                        sh_drop(own);
                        break;
                }
                struct sv o = sh_object_new();
                size_t code = strcspn(own.s->s, "\n"), rest = code + strspn(own.s->s + code, "\n");
                note(o, "title", sh_printf("Example %d", i + 1));
                note(o, "code", sh_string(own.s->s, code));
                note(o, "remarks", text_list(sh_text(own.s->s + rest)));
                sh_array_take(list.a, o);
                sh_drop(own);
        }
        return list;
}
static struct sv help_object(struct sh_cmd *c, struct sh_target *t)
{
        struct sh *sh = sh_session(c);
        const char *text = "";
        size_t n = 0;
        if (t->block.kind == SH_BLOCK)
                comment_of(t, &text, &n);
        struct sh_cmdinfo *info = t->kind == CT_NATIVE ? NULL : sh_cmdinfo_of(sh, t);
        struct sv o = sh_object_new();
        struct sh_bag *bag = sh_bag_of(o, true);
        bag->types = malloc(sizeof(*bag->types));
        if (bag->types) {
                bag->types[0] = sh_text("HelpInfo");
                bag->ntypes = 1;
        }
        struct sv synopsis = t->cmdlet ? sh_text(t->cmdlet->synopsis ? t->cmdlet->synopsis : "")
                                       : help_section(text, n, ".SYNOPSIS");
        if (!synopsis.s->len) {
                sh_drop(synopsis);
                synopsis = sh_syntax_of(sh, t);
        }
        note(o, "Name", sh_text(t->name));
        note(o, "Category", sh_text(sh_target_kind_name(t->kind)));
        note(o, "Synopsis", synopsis);
        note(o, "description",
             text_list(t->cmdlet ? sh_text(t->cmdlet->description ? t->cmdlet->description : "")
                                 : help_section(text, n, ".DESCRIPTION")));
        note(o, "Syntax", sh_syntax_of(sh, t));
        note(o, "parameters", within("parameter", parameter_objects(info, text, n)));
        note(o, "examples", within("example", example_objects(t->cmdlet, info, text, n)));
        if (!t->cmdlet)
                note(o, "notes", text_list(help_section(text, n, ".NOTES")));
        note(o, "Text", help_of(c, t));
        return o;
}

/* -Parameter of a function: the objects, with what its comments say. */
static struct sv parameter_help(struct sh_cmd *c, struct sh_target *t)
{
        const char *text = "", *only = sh_arg_text(c, "Parameter", "");
        size_t n = 0, pos = 0;
        struct sv all, fit = sh_array_new(4), item, name;
        comment_of(t, &text, &n);
        all = parameter_objects(sh_cmdinfo_of(sh_session(c), t), text, n);
        while (sh_next(all, &pos, &item)) {
                if (sh_object_note(item, "name", 4, &name) &&
                    sh_wildcard(only, strlen(only), name.s->s, name.s->len, false))
                        sh_array_add(fit.a, item);
                sh_drop(item);
        }
        sh_drop(all);
        return fit;
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
                return sh_commands_named(c, name, n, 2 | 4 | 8);
        if (sh_try_command(sh, name, n, &t) != SH_OK)
                return sh_cmd_error(c, "HelpNotFound", "ResourceUnavailable", SH_NIL,
                                    "Get-Help could not find %s in a help file in this session. Get-Command "
                                    "shows what there is.",
                                    name);
        struct sv v = !sh_bound(c, "Parameter")    ? help_object(c, t)
                      : t->block.kind == SH_BLOCK ? parameter_help(c, t)
                                                  : help_of(c, t);
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
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "string", .position = 1, .from_property = true,
                          .complete = "command", .help = "The command; wildcards list commands." },
                        { "Full", .type = "switch", .help = "Everything." },
                        { "Detailed", .type = "switch", .help = "With parameters." },
                        { "Examples", .type = "switch", .help = "With examples." },
                        { "Parameter", .type = "string", .wildcard = true,
                          .help = "Only the parameters that fit." },
                        { "Online", .type = "switch", .help = "Not supported here." },
                        { "Category", .type = "string[]", .help = "Accepted, has no effect." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Get-Help Sort-Object).Synopsis",
                          "Sorts objects by their properties; equal ones keep their order.",
                          "One line about a command." },
                        { "Get-Help Sort-Object -Parameter Top", NULL, "One parameter." },
                        { 0 } },
};

SH_CMDLETS(help, &get_help);
