/* SPDX-License-Identifier: MIT
 *
 * $PSStyle: the sequences that colour text, as an object that scripts read and change.
 */
#include "shell/code.h"
#include "shell/text.h"

#include <stdio.h>
#include <stdlib.h>

struct style {
        const char *name, *sequence;
};

static void note(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

static struct sv table(const struct style *v, size_t n)
{
        struct sv o = sh_object_new();
        for (size_t i = 0; i < n; i++)
                note(o, v[i].name, sh_printf("\x1b[%sm", v[i].sequence));
        return o;
}
#define TABLE(v) table(v, sizeof(v) / sizeof *(v))

static const struct style plain[] = {
        { "Reset", "0" },       { "BlinkOff", "25" },    { "Blink", "5" },    { "BoldOff", "22" },
        { "Bold", "1" },        { "DimOff", "22" },      { "Dim", "2" },      { "Hidden", "8" },
        { "HiddenOff", "28" },  { "Reverse", "7" },      { "ReverseOff", "27" }, { "ItalicOff", "23" },
        { "Italic", "3" },      { "UnderlineOff", "24" }, { "Underline", "4" }, { "StrikethroughOff", "29" },
        { "Strikethrough", "9" },
};
static const struct style formatting[] = {
        { "FormatAccent", "32;1" }, { "ErrorAccent", "36;1" }, { "Error", "31;1" },
        { "Warning", "33;1" },      { "Verbose", "33;1" },     { "Debug", "33;1" },
        { "TableHeader", "32;1" },  { "CustomTableHeaderLabel", "32;1;3" },
        { "FeedbackName", "33" },   { "FeedbackText", "96" },  { "FeedbackAction", "97" },
};
static const struct style files[] = { { "Directory", "44;1" }, { "SymbolicLink", "36;1" }, { "Executable", "32;1" } };
static const char *const colours[] = { "Black", "Red", "Green", "Yellow", "Blue", "Magenta", "Cyan", "White" };

/* A script method, parsed when it is first called like any other. */
static void method(struct sh *sh, struct sv o, const char *name, const char *code)
{
        struct sv b;
        if (sh_block_parse(sh, code, strlen(code), &b) != SH_OK) {
                sh_drop(sh_error_take(sh));
                return;
        }
        sh_bag_set(o.o->extra, (struct sh_note) { .name = sh_text(name), .kind = SH_SCRIPT_METHOD, .value = b,
                                                  .setter = SH_NIL });
}

static struct sv ground(struct sh *sh, int base)
{
        struct sv o = sh_object_new();
        char name[32], code[400];
        for (int i = 0; i < 8; i++) {
                note(o, colours[i], sh_printf("\x1b[%dm", base + i));
                snprintf(name, sizeof name, "Bright%s", colours[i]);
                note(o, name, sh_printf("\x1b[%dm", base + 60 + i));
        }
        snprintf(code, sizeof code,
                 "param($r, $g, $b) if ($null -eq $g) { $v = [int]$r; $r = $v -shr 16 -band 255; "
                 "$g = $v -shr 8 -band 255; $b = $v -band 255 }; \"`e[%d;2;$r;$g;${b}m\"",
                 base + 8);
        method(sh, o, "FromRgb", code);
        return o;
}

struct sv sh_ps_style(struct sh *sh)
{
        struct sv o = TABLE(plain), progress = sh_object_new();
        note(o, "OutputRendering", sh_text("Host"));
        note(o, "Formatting", TABLE(formatting));
        note(progress, "Style", sh_text("\x1b[33;1m"));
        note(progress, "MaxWidth", sh_int(120));
        note(progress, "View", sh_text("Minimal"));
        note(progress, "UseOSCIndicator", sh_bool(false));
        note(o, "Progress", progress);
        note(o, "FileInfo", TABLE(files));
        note(o, "Foreground", ground(sh, 30));
        note(o, "Background", ground(sh, 40));
        method(sh, o, "FormatHyperlink",
               "param([string]$text, [uri]$link) \"`e]8;;$link`e\\$text`e]8;;`e\\\"");
        sh_object_type(o, "System.Management.Automation.PSStyle");
        return o;
}
