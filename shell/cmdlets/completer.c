/* SPDX-License-Identifier: MIT
 *
 * Register-ArgumentCompleter.
 */
#include "shell/cmdlet.h"
#include "shell/completer.h"

static int register_end(struct sh_cmd *c)
{
        struct sv commands = sh_arg(c, "CommandName"), item;
        const char *parameter = sh_switch(c, "Native") ? NULL : sh_arg_text(c, "ParameterName", NULL);
        struct sv block = sh_unwrap(sh_arg(c, "ScriptBlock"));
        size_t pos = 0;
        if (!parameter && !sh_switch(c, "Native") && sh_is_null(commands))
                return sh_cmd_throw(c, "MissingMandatoryParameter", "InvalidArgument", SH_NIL,
                                    "Name a parameter with -ParameterName, or a program with -Native -CommandName.");
        if (sh_is_null(commands))
                sh_completer_add(NULL, parameter, block);
        for (; !sh_is_null(commands) && sh_next(commands, &pos, &item); sh_drop(item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                sh_completer_add(t.s->s, parameter, block);
                sh_drop(t);
        }
        return SH_OK;
}
static const struct sh_cmdlet register_completer = {
        .name = "Register-ArgumentCompleter",
        .synopsis = "Gives a block that completes the values of a parameter or the arguments of a program.",
        .description = "The block gets the command's name, the parameter's name and the word (of a program: "
                       "the word, the line, the cursor) and writes texts or CompletionResult objects.",
        .end = register_end,
        .params = (const struct sh_param[]) { { "CommandName", .type = "string[]",
                                                .help = "Of which commands; all when not given." },
                                              { "ParameterName", .type = "string", .help = "Of which parameter." },
                                              { "ScriptBlock", .type = "scriptblock", .mandatory = true,
                                                .help = "What writes the choices." },
                                              { "Native", .type = "switch", .help = "The commands are programs." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "function Get-Door { param($Name) }; Register-ArgumentCompleter -CommandName Get-Door "
                          "-ParameterName Name -ScriptBlock { 'front', 'back' }; "
                          "(TabExpansion2 'Get-Door -Name ' 15).CompletionMatches.CompletionText -join ','",
                          "front,back", "Values of a parameter." },
                        { "Register-ArgumentCompleter -Native -CommandName printf -ScriptBlock { param($word) "
                          "'%s', '%d' -like \"$word*\" }; "
                          "(TabExpansion2 'printf %' 8).CompletionMatches.CompletionText -join ','",
                          "%s,%d", "Arguments of a program." },
                        { 0 } },
};
SH_CMDLETS(completer, &register_completer);
