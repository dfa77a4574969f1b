/* SPDX-License-Identifier: MIT
 *
 * TabExpansion2: completion for scripts and other programs; Get-History; Get-PSDrive, Get-PSProvider.
 */
#include "shell/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/code.h"
#include "shell/text.h"

static void set(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}
static int expand_end(struct sh_cmd *c)
{
        struct sh_choices choices = { 0 };
        const char *line = sh_arg_text(c, "inputScript", "");
        size_t n = strlen(line);
        int64_t cursor = sh_arg_int(c, "cursorColumn", (int64_t)n);
        sh_complete(sh_session(c), line, n, cursor < 0 ? 0 : (size_t)cursor, &choices);
        struct sv o = sh_object_new(), list = sh_array_new((uint32_t)choices.n);
        for (size_t i = 0; i < choices.n; i++) {
                const char *text = choices.v[i].text, *label = choices.v[i].label ? choices.v[i].label : text;
                struct sv m = sh_object_new();
                set(m, "CompletionText", sh_text(text));
                set(m, "ListItemText", sh_text(*label == '$' || *label == '-' ? label + 1 : label));
                set(m, "ResultType",
                    sh_text(*text == '$'        ? "Variable"
                            : *text == '-'      ? "ParameterName"
                            : strchr(text, '-') ? "Command"
                                                : "ParameterValue"));
                set(m, "ToolTip", sh_text(choices.v[i].help ? choices.v[i].help : label));
                sh_array_take(list.a, m);
        }
        set(o, "CurrentMatchIndex", sh_int(-1));
        set(o, "ReplacementIndex", sh_int((int32_t)choices.from));
        set(o, "ReplacementLength", sh_int((int32_t)(choices.to - choices.from)));
        set(o, "CompletionMatches", list);
        sh_choices_free(&choices);
        int st = sh_emit(c, o);
        sh_drop(o);
        return st;
}
static const struct sh_cmdlet tab_expansion = {
        .name = "TabExpansion2",
        .synopsis = "Tells how a line may be completed.",
        .end = expand_end,
        .params = (const struct sh_param[]) { { "inputScript", .type = "string", .position = 1,
                                                .mandatory = true, .allow_empty = true },
                                              { "cursorColumn", .type = "int", .position = 2 },
                                              { "options", .type = "hashtable", .position = 3 },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(TabExpansion2 'Sort-Obj' 8).CompletionMatches.CompletionText", "Sort-Object",
                          "" },
                        { "$abcd = 1; (TabExpansion2 '$abc' 4).CompletionMatches.CompletionText", "$abcd",
                          "" },
                        { 0 } },
};

/* ---- drives ---- */
static const struct {
        const char *name, *provider, *root;
} drives[] = { { "/", "FileSystem", "/" },
               { "Alias", "Alias", "" },
               { "Env", "Environment", "" },
               { "Function", "Function", "" },
               { "Variable", "Variable", "" } };
static bool wanted(struct sh_cmd *c, const char *param, const char *name)
{
        struct sv v = sh_arg(c, param), item;
        size_t pos = 0;
        bool fits = sh_is_null(v);
        while (!fits && sh_next(v, &pos, &item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                fits = sh_wildcard(t.s->s, t.s->len, name, strlen(name), false);
                sh_drop(t);
                sh_drop(item);
        }
        return fits;
}
static int drive_end(struct sh_cmd *c)
{
        int st = SH_OK, any = 0;
        for (size_t i = 0; st == SH_OK && i < 5; i++) {
                if (!wanted(c, "Name", drives[i].name) || !wanted(c, "PSProvider", drives[i].provider))
                        continue;
                struct sv o = sh_object_new();
                set(o, "Name", sh_text(drives[i].name));
                set(o, "Provider", sh_text(drives[i].provider));
                set(o, "Root", sh_text(drives[i].root));
                st = sh_emit(c, o);
                sh_drop(o);
                any++;
        }
        return st == SH_OK && !any
                       ? sh_cmd_error(c, "GetLocationNoMatchingDrive", "ObjectNotFound", sh_arg(c, "Name"),
                                      "Cannot find drive. A drive with the name does not exist.")
                       : st;
}
static const struct sh_cmdlet get_psdrive = {
        .name = "Get-PSDrive",
        .alias = (const char *[]) { "gdr", NULL },
        .synopsis = "Shows the drives: what paths may begin with.",
        .end = drive_end,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true },
                                              { "PSProvider", .type = "string[]" },
                                              { "Scope", .type = "string" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-PSDrive Env).Provider", "Environment", "" },
                                                  { "(Get-PSDrive -PSProvider FileSystem).Root", "/", "" },
                                                  { 0 } },
};
static int provider_end(struct sh_cmd *c)
{
        int st = SH_OK;
        for (size_t i = 0; st == SH_OK && i < 5; i++) {
                if (!wanted(c, "PSProvider", drives[i].provider))
                        continue;
                struct sv o = sh_object_new(), d = sh_array_new(1);
                sh_array_take(d.a, sh_text(drives[i].name));
                set(o, "Name", sh_text(drives[i].provider));
                set(o, "Drives", d);
                st = sh_emit(c, o);
                sh_drop(o);
        }
        return st;
}
static const struct sh_cmdlet get_psprovider = {
        .name = "Get-PSProvider",
        .synopsis = "Shows what is behind the drives.",
        .end = provider_end,
        .params =
                (const struct sh_param[]) {
                        { "PSProvider", .type = "string[]", .position = 1, .wildcard = true }, { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-PSProvider FileSystem).Name", "FileSystem", "" },
                                                  { "(Get-PSProvider).Count", "5", "" },
                                                  { 0 } },
};

SH_CMDLETS(complete, &tab_expansion, &get_psdrive, &get_psprovider);
