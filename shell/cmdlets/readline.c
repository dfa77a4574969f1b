/* SPDX-License-Identifier: MIT
 *
 * Set-PSReadLineOption, Get-PSReadLineOption: the keys of the line editor. What else PSReadLine can be told is taken,
 * so that profiles go on, and has no effect.
 */
#include "shell/cmdlet.h"
#include "shell/edit.h"
#include "shell/text.h"

static int set_end(struct sh_cmd *c)
{
        struct sv mode = sh_arg(c, "EditMode");
        if (mode.kind != SH_STRING)
                return SH_OK;
        if (sh_text_same(mode.s->s, mode.s->len, "Windows", 7))
                return sh_cmd_throw(c, "NotSupportedHere", "NotImplemented", mode,
                                    "The line editor has Emacs' and vi's keys, none of Windows.");
        sh_edit_use_vi(sh_text_same(mode.s->s, mode.s->len, "Vi", 2));
        return SH_OK;
}

static int get_end(struct sh_cmd *c)
{
        struct sv o = sh_object_new(), mode = sh_text(sh_edit_uses_vi() ? "Vi" : "Emacs");
        sh_object_set(o, "EditMode", 8, mode);
        int st = sh_emit(c, o);
        sh_drop(mode);
        sh_drop(o);
        return st;
}

#define TAKEN .help = "Taken, has no effect."
static const struct sh_cmdlet set_option = {
        .name = "Set-PSReadLineOption",
        .synopsis = "Chooses the keys of the line editor.",
        .end = set_end,
        .params = (const struct sh_param[]) { { "EditMode", .type = "string", .values = "Emacs,Vi,Windows",
                                                .help = "Emacs or Vi, from the next line on." },
                                              { "BellStyle", .type = "string", TAKEN },
                                              { "Colors", .type = "object", TAKEN },
                                              { "HistoryNoDuplicates", .type = "switch", TAKEN },
                                              { "HistorySearchCursorMovesToEnd", .type = "switch", TAKEN },
                                              { "MaximumHistoryCount", .type = "int", TAKEN },
                                              { "PredictionSource", .type = "string", TAKEN },
                                              { "PredictionViewStyle", .type = "string", TAKEN },
                                              { "ShowToolTips", .type = "switch", TAKEN },
                                              { "ViModeIndicator", .type = "string", TAKEN },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-PSReadLineOption -EditMode Vi; (Get-PSReadLineOption).EditMode", "Vi",
                          "The keys of vi." },
                        { "Set-PSReadLineOption -EditMode Emacs -BellStyle None; "
                          "(Get-PSReadLineOption).EditMode",
                          "Emacs", "Those that are there without it." },
                        { 0 } },
};
static const struct sh_cmdlet get_option = {
        .name = "Get-PSReadLineOption",
        .synopsis = "Tells the keys of the line editor.",
        .end = get_end,
        .params = (const struct sh_param[]) { { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Get-PSReadLineOption).EditMode", "Emacs", "Without any setting." },
                        { "(Get-PSReadLineOption | Get-Member -MemberType NoteProperty).Name", "EditMode",
                          "What it tells." },
                        { 0 } },
};

SH_CMDLETS(readline, &set_option, &get_option);
