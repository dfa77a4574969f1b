/* SPDX-License-Identifier: MIT
 *
 * New-ModuleManifest: writes a .psd1 that Import-Module reads.
 */
#include "shell/files.h"
#include "shell/text.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* 'text' with its quotes doubled. */
static void put_quoted(struct sh *sh, struct sh_buf *b, struct sv v)
{
        struct sv t = sh_to_text(sh, v);
        sh_buf_puts(b, "'");
        for (uint32_t i = 0; i < t.s->len; i++) {
                sh_buf_put(b, t.s->s + i, 1);
                if (t.s->s[i] == '\'')
                        sh_buf_puts(b, "'");
        }
        sh_buf_puts(b, "'");
        sh_drop(t);
}

static void put_value(struct sh *sh, struct sh_buf *b, struct sv v);

static void put_table(struct sh *sh, struct sh_buf *b, struct sv v)
{
        struct sv key, value;
        sh_buf_puts(b, "@{");
        for (uint32_t i = 0; sh_hash_at(v.h, i, &key, &value); i++) {
                sh_buf_puts(b, i ? "; " : " ");
                put_quoted(sh, b, key);
                sh_buf_puts(b, " = ");
                put_value(sh, b, value);
        }
        sh_buf_puts(b, " }");
}

static void put_value(struct sh *sh, struct sh_buf *b, struct sv v)
{
        struct sv item;
        size_t pos = 0;
        if (v.kind == SH_HASH) {
                put_table(sh, b, v);
        } else if (v.kind == SH_BOOL) {
                sh_buf_puts(b, v.i ? "$true" : "$false");
        } else if (sh_is_number(v)) {
                sh_buf_number(b, v);
        } else if (sh_is_enumerable(v)) {
                sh_buf_puts(b, "@(");
                for (bool first = true; sh_next(v, &pos, &item); first = false) {
                        sh_buf_puts(b, first ? "" : ", ");
                        put_value(sh, b, item);
                        sh_drop(item);
                }
                sh_buf_puts(b, ")");
        } else {
                put_quoted(sh, b, v);
        }
}

static void put_key(struct sh *sh, struct sh_buf *b, const char *key, struct sv v)
{
        sh_buf_putf(b, "%s = ", key);
        put_value(sh, b, v);
        sh_buf_puts(b, "\n\n");
}

static void put_given(struct sh_cmd *c, struct sh_buf *b, const char *key, const char *remark)
{
        if (!sh_bound(c, key))
                return;
        sh_buf_putf(b, "# %s\n", remark);
        put_key(sh_session(c), b, key, sh_arg(c, key));
}

static void put_text_or(struct sh_cmd *c, struct sh_buf *b, const char *key, const char *remark, struct sv otherwise)
{
        sh_buf_putf(b, "# %s\n", remark);
        put_key(sh_session(c), b, key, sh_bound(c, key) ? sh_arg(c, key) : otherwise);
        sh_drop(otherwise);
}

static void put_private_data(struct sh_cmd *c, struct sh_buf *b)
{
        static const char *const keys[] = { "Tags",    "LicenseUri",   "ProjectUri",
                                            "IconUri", "ReleaseNotes", "Prerelease" };
        sh_buf_puts(b, "# What tools make of the module\nPrivateData = @{\n    PSData = @{\n");
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (sh_bound(c, keys[i])) {
                        sh_buf_putf(b, "        %s = ", keys[i]);
                        put_value(sh_session(c), b, sh_arg(c, keys[i]));
                        sh_buf_puts(b, "\n");
                }
        sh_buf_puts(b, "    }\n}\n\n");
}

static struct sv new_guid(struct sh *sh)
{
        struct sv text = sh_text("00000000-0000-0000-0000-000000000000"), r = SH_NIL;
        if (sh_call_static(sh, &sh_type_guid, "NewGuid", 7, (struct sh_args) { 0 }, &r) != SH_OK)
                return text;
        sh_drop(text);
        return r;
}

static void put_manifest(struct sh_cmd *c, struct sh_buf *b, const char *path)
{
        static const char *const given[][2] = {
                { "Description", "What it is for" },
                { "PowerShellVersion", "The least version of the language" },
                { "RequiredModules", "Modules that must be there" },
                { "ScriptsToProcess", "Scripts that run where it is imported" },
                { "NestedModules", "Modules that it brings along" },
                { "DefaultCommandPrefix", "Put before the noun of each command" },
                { "FileList", "Its files" },
        };
        static const char *const lists[][2] = { { "FunctionsToExport", "Functions it shows" },
                                                { "CmdletsToExport", "Cmdlets it shows" },
                                                { "VariablesToExport", "Variables it shows" },
                                                { "AliasesToExport", "Aliases it shows" } };
        struct passwd *me = getpwuid(getuid());
        const char *author = me ? me->pw_name : "unknown", *slash = strrchr(path, '/');
        time_t now = time(NULL);
        struct tm tm;
        char date[32];
        strftime(date, sizeof date, "%m/%d/%Y", localtime_r(&now, &tm));
        sh_buf_putf(b,
                    "#\n# Module manifest for module '%.*s'\n#\n# Generated by: %s\n#\n# Generated on: %s\n#\n\n"
                    "@{\n\n",
                    (int)strcspn(slash ? slash + 1 : path, "."), slash ? slash + 1 : path,
                    sh_arg_text(c, "Author", author), date);
        put_given(c, b, "RootModule", "The script that is the module");
        put_text_or(c, b, "ModuleVersion", "Version", sh_text("0.0.1"));
        put_text_or(c, b, "Guid", "What identifies it", new_guid(sh_session(c)));
        put_text_or(c, b, "Author", "Who wrote it", sh_text(author));
        put_text_or(c, b, "CompanyName", "For whom", sh_text("Unknown"));
        put_text_or(c, b, "Copyright", "Whose it is",
                    sh_printf("(c) %s. All rights reserved.", sh_arg_text(c, "Author", author)));
        for (size_t i = 0; i < sizeof given / sizeof *given; i++)
                put_given(c, b, given[i][0], given[i][1]);
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
                put_text_or(c, b, lists[i][0], lists[i][1], sh_text("*"));
        put_private_data(c, b);
        sh_buf_puts(b, "}\n");
}

static int manifest_end(struct sh_cmd *c)
{
        struct sh_buf b = { 0 };
        struct sh_text_file *f = NULL;
        struct sh_open how = { .encoding = SH_ENC_UTF8 };
        char *path = sh_path_full(sh_session(c), sh_arg_text(c, "Path", ""));
        size_t n = strlen(path);
        bool go;
        if (n < 6 || strcmp(path + n - 5, ".psd1")) {
                struct sv t = sh_text(path);
                free(path);
                int st = sh_cmd_throw(c, "Modules_InvalidModuleManifestPath", "InvalidArgument", t,
                                      "The path '%s' is not valid. The path must resolve to a single file with a "
                                      "'.psd1' extension.",
                                      t.s->s);
                sh_drop(t);
                return st;
        }
        put_manifest(c, &b, path);
        int st = sh_should_process(c, path, "Creating the module manifest file", &go);
        if (st == SH_OK && go) {
                st = sh_text_open(c, path, &how, &f);
                if (st == SH_OK)
                        st = sh_text_write(c, f, b.p, b.n);
                if (f && sh_text_close(c, f) != SH_OK)
                        st = SH_ERROR;
        }
        if (st == SH_OK && sh_switch(c, "PassThru")) {
                struct sv text = sh_string(b.p, b.n);
                st = sh_emit(c, text);
                sh_drop(text);
        }
        sh_buf_free(&b);
        free(path);
        return st;
}

static const struct sh_cmdlet new_manifest = {
        .name = "New-ModuleManifest",
        .synopsis = "Writes a module's manifest.",
        .should_process = true,
        .end = manifest_end,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string", .position = 1, .mandatory = true, .complete = "path",
                          .help = "The .psd1 file to write." },
                        { "RootModule", .type = "string", .alias = "ModuleToProcess",
                          .help = "Its script: NAME.psm1." },
                        { "ModuleVersion", .type = "version", .help = "0.0.1 when not given." },
                        { "Guid", .type = "guid", .help = "What identifies the module; a new one when not given." },
                        { "Author", .type = "string", .help = "The user when not given." },
                        { "CompanyName", .type = "string", .help = "For whom it is." },
                        { "Copyright", .type = "string", .help = "Whose it is." },
                        { "Description", .type = "string" },
                        { "PowerShellVersion", .type = "version", .help = "The least version of the language." },
                        { "RequiredModules", .type = "object[]", .help = "Modules that must be there." },
                        { "ScriptsToProcess", .type = "string[]", .help = "Scripts that run where it is imported." },
                        { "NestedModules", .type = "object[]", .help = "Modules that it brings along." },
                        { "FunctionsToExport", .type = "string[]", .help = "All when not given." },
                        { "CmdletsToExport", .type = "string[]", .help = "All when not given." },
                        { "VariablesToExport", .type = "string[]", .help = "All when not given." },
                        { "AliasesToExport", .type = "string[]", .help = "All when not given." },
                        { "DefaultCommandPrefix", .type = "string", .help = "Put before the noun of each command." },
                        { "FileList", .type = "string[]", .help = "The files that belong to it." },
                        { "Tags", .type = "string[]" },
                        { "ProjectUri", .type = "string", .help = "Where it is developed." },
                        { "LicenseUri", .type = "string", .help = "Where its licence is." },
                        { "IconUri", .type = "string", .help = "Where its picture is." },
                        { "ReleaseNotes", .type = "string", .help = "What is new in it." },
                        { "Prerelease", .type = "string", .help = "beta1 and the like." },
                        { "PassThru", .type = "switch", .help = "Writes the text as well." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "New-ModuleManifest ./Site.psd1 -ModuleVersion 1.2 -Author ops -RootModule Site.psm1; "
                          "(Import-PowerShellDataFile ./Site.psd1).ModuleVersion",
                          "1.2", "Read again." },
                        { "Set-Content ./Site.psm1 'function Get-Site { ''here'' }'; New-ModuleManifest ./Site.psd1 "
                          "-RootModule Site.psm1 -FunctionsToExport Get-Site; Import-Module ./Site.psd1; Get-Site",
                          "here", "A module of a manifest and a script." },
                        { 0 } },
};

SH_CMDLETS(manifest, &new_manifest);
