/* SPDX-License-Identifier: MIT
 *
 * Import-LocalizedData: a script's texts in the user's language, from a .psd1 file in a folder named as the culture,
 * or its parents, or beside the script.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/culture.h"
#include "shell/module.h"
#include "shell/text.h"

enum { LONGEST = 4096 };

/* The folder and name that are meant, as given or of the script that calls. */
static int places(struct sh_cmd *c, char *folder, char *file)
{
        struct sv base = sh_arg(c, "BaseDirectory"), name = sh_arg(c, "FileName");
        const char *script = sh_session(c)->frame->file;
        const char *slash = script ? strrchr(script, '/') : NULL;
        if (!script && (base.kind != SH_STRING || name.kind != SH_STRING))
                return sh_cmd_throw(
                        c, "ImportLocalizedDataWithoutScript", "InvalidOperation", SH_NIL,
                        "Outside of a script, -BaseDirectory and -FileName tell where the texts are.");
        if (base.kind == SH_STRING)
                snprintf(folder, LONGEST, "%s", base.s->s);
        else
                snprintf(folder, LONGEST, "%.*s", slash ? (int)(slash - script) : 1, slash ? script : ".");
        const char *own = name.kind == SH_STRING ? name.s->s : slash ? slash + 1 : script;
        const char *dot = strrchr(own, '.');
        bool ends = dot && (!strcasecmp(dot, ".psd1") || name.kind != SH_STRING);
        snprintf(file, LONGEST, "%.*s.psd1", ends ? (int)(dot - own) : (int)strlen(own), own);
        return SH_OK;
}

/* FOLDER/de-DE/FILE, FOLDER/de/FILE, FOLDER/FILE. */
static bool find(const char *folder, const char *culture, const char *file, char *ret)
{
        char name[64];
        snprintf(name, sizeof name, "%s", culture);
        for (;;) {
                int n = snprintf(ret, LONGEST, "%s/%s%s%s", folder, name, *name ? "/" : "", file);
                if (n < LONGEST && access(ret, R_OK) == 0)
                        return true;
                if (!*name)
                        return false;
                char *dash = strrchr(name, '-');
                *(dash ? dash : name) = 0;
        }
}

static int localized_end(struct sh_cmd *c)
{
        char folder[LONGEST], file[LONGEST], path[LONGEST];
        struct sh *sh = sh_session(c);
        struct sv to = sh_arg(c, "BindingVariable"), culture = sh_arg(c, "UICulture"), v;
        int st = places(c, folder, file);
        if (st != SH_OK)
                return st;
        struct sv now = sh_culture_current();
        struct sv name = culture.kind == SH_STRING ? sh_keep(culture) : sh_to_text(sh, now);
        bool found = find(folder, name.s->s, file, path);
        if (!found)
                st = sh_cmd_error(
                        c, "ImportLocalizedData", "ObjectNotFound", SH_NIL,
                        "Cannot find the PowerShell data file '%s' in directory '%s/%s/', or in any parent "
                        "culture directories.",
                        file, folder, name.s->s);
        sh_drop(name);
        sh_drop(now);
        if (!found)
                return st;
        st = sh_data_file(sh, path, true, &v);
        if (st != SH_OK)
                return st;
        st = to.kind == SH_STRING ? sh_var_set(sh, to.s->s, v) : sh_emit(c, v);
        sh_drop(v);
        return st;
}

static const struct sh_cmdlet import_localized = {
        .name = "Import-LocalizedData",
        .synopsis = "Reads a script's texts in the user's language.",
        .end = localized_end,
        .params =
                (const struct sh_param[]) {
                        { "BindingVariable", .type = "string", .position = 1, .alias = "Variable",
                          .help = "The variable that gets the table; else it is written." },
                        { "UICulture", .type = "string", .position = 2,
                          .help = "The language, de-DE; else that of LC_ALL and LANG." },
                        { "BaseDirectory", .type = "string",
                          .help = "Where the languages' folders are; else the script's." },
                        { "FileName", .type = "string", .help = "Without .psd1; else the script's name." },
                        { "SupportedCommand", .type = "string[]",
                          .help = "Taken for scripts' sake: no command is run but ConvertFrom-StringData." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "New-Item -ItemType Directory ./de | Out-Null; Set-Content ./de/hello.psd1 '@{ Hi "
                          "= ''Hallo'' }'; "
                          "Import-LocalizedData text -UICulture de-DE -BaseDirectory . -FileName hello; "
                          "$text.Hi",
                          "Hallo", "German texts, from de where there are none of de-DE." },
                        { "Set-Content ./plain.psd1 'ConvertFrom-StringData ''Hi = Hello'''; "
                          "(Import-LocalizedData -BaseDirectory . -FileName plain -UICulture fr-FR).Hi",
                          "Hello", "Texts beside the script are for all other languages." },
                        { 0 } },
};

SH_CMDLETS(localized, &import_localized);
