/* SPDX-License-Identifier: MIT
 *
 * TabExpansion2: completion for scripts and other programs; Get-History.
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

SH_CMDLETS(complete, &tab_expansion);
