/* SPDX-License-Identifier: MIT
 *
 * Export-Alias, Import-Alias; Invoke-Item.
 */
#include "shell/code.h"
#include "shell/files.h"
#include "shell/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Export-Alias ---- */
static void put_quoted(struct sh_buf *b, const char *s)
{
        sh_buf_puts(b, "\"");
        for (; *s; s++)
                sh_buf_put(b, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
        sh_buf_puts(b, "\"");
}

static char *text_of(struct sh *sh, struct sv o, const char *property)
{
        struct sv v, t;
        if (sh_get(sh, o, property, strlen(property), &v) != SH_OK)
                return strdup("");
        t = sh_to_text(sh, v);
        char *s = strdup(t.s->s);
        sh_drop(t);
        sh_drop(v);
        return s;
}

static void put_head(struct sh_buf *b)
{
        char host[256] = "";
        struct passwd *p = getpwuid(getuid());
        gethostname(host, sizeof host - 1);
        struct sv now = sh_datetime_now();
        sh_buf_putf(b, "# Alias File\n# Exported by : %s\n# Date/Time : ", p ? p->pw_name : "");
        sh_datetime_text(b, now, "dddd, dd MMMM yyyy HH:mm:ss", 27);
        sh_buf_putf(b, "\n# Computer : %s\n", host);
}

static int export_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        struct sv names = sh_arg(c, "Name"),
                  args[] = { sh_text("-Name"), sh_is_null(names) ? sh_text("*") : sh_keep(names) };
        struct sv list, item;
        struct collect found;
        bool script = !strcasecmp(sh_arg_text(c, "As", "Csv"), "Script"), what = true;
        struct sh_buf b = { 0 };
        size_t pos = 0;
        char *path = NULL;
        sh_collect_begin(&found);
        int st = sh_run_command(sh, "Get-Alias", (struct sh_args) { 2, args }, &found.sink);
        list = sh_collect_array(&found);
        sh_drop(args[0]);
        sh_drop(args[1]);
        put_head(&b);
        while (st == SH_OK && sh_next(list, &pos, &item)) {
                char *name = text_of(sh, item, "Name"), *to = text_of(sh, item, "Definition"),
                     *about = text_of(sh, item, "Description"), *options = text_of(sh, item, "Options");
                const char *const parts[] = { name, to, about, *options ? options : "None" };
                static const char *const words[] = { "set-alias -Name:", " -Value:", " -Description:",
                                                     " -Option:" };
                for (int i = 0; i < 4; i++) {
                        sh_buf_puts(&b, script ? words[i] : i ? "," : "");
                        put_quoted(&b, parts[i]);
                }
                sh_buf_puts(&b, "\n");
                if (sh_switch(c, "PassThru"))
                        st = sh_emit(c, item);
                free(name), free(to), free(about), free(options);
                sh_drop(item);
        }
        const char *given = sh_arg_text(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", NULL);
        if (st == SH_OK)
                st = sh_path_single(c, given ? given : "", sh_bound(c, "LiteralPath"), &path);
        if (st == SH_OK)
                st = sh_should_process(c, path, "Export-Alias", &what);
        struct sh_open o = { .append = sh_switch(c, "Append"),
                             .no_clobber = sh_switch(c, "NoClobber"),
                             .force = sh_switch(c, "Force"),
                             .encoding = SH_ENC_UTF8 };
        struct sh_text_file *f = NULL;
        if (st == SH_OK && what && (st = sh_text_open(c, path, &o, &f)) == SH_OK) {
                st = sh_text_write(c, f, b.p, b.n);
                int closed = sh_text_close(c, f);
                st = st == SH_OK ? closed : st;
        }
        free(path);
        sh_buf_free(&b);
        sh_drop(list);
        return st;
}
static const struct sh_cmdlet export_alias = {
        .name = "Export-Alias",
        .alias = (const char *[]) { "epal", NULL },
        .synopsis = "Writes aliases to a file for Import-Alias, or as a script.",
        .end = export_end,
        .should_process = true,
        .default_set = "ByPath",
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string", .position = 1, .mandatory = true, .sets = "ByPath",
                          .complete = "path" },
                        { "LiteralPath", .type = "string", .alias = "PSPath,LP", .mandatory = true,
                          .sets = "ByLiteralPath", .from_property = true },
                        { "Name", .type = "string[]", .position = 2, .wildcard = true,
                          .help = "Only those." },
                        { "As", .type = "string", .values = "Csv,Script", .help = "Csv or Script." },
                        { "Append", .type = "switch" },
                        { "Force", .type = "switch" },
                        { "NoClobber", .type = "switch", .alias = "NoOverwrite" },
                        { "PassThru", .type = "switch" },
                        { "Description", .type = "string", .help = "Accepted, for the file's reader." },
                        { "Scope", .type = "string" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Export-Alias a.csv -Name gm; (Get-Content a.csv)[-1]",
                          "\"gm\",\"Get-Member\",\"\",\"None\"", "One alias." },
                        { "Set-Alias hi Write-Output; Export-Alias a.ps1 hi -As Script; "
                          "(Get-Content a.ps1)[-1]",
                          "set-alias -Name:\"hi\" -Value:\"Write-Output\" -Description:\"\" "
                          "-Option:\"None\"",
                          "As a script." },
                        { 0 } },
};

/* ---- Import-Alias ---- */
/* One quoted or bare field; *at moves behind its comma. */
static struct sv field(const char **at, const char *end)
{
        struct sh_buf b = { 0 };
        const char *p = *at;
        bool quoted = p < end && *p == '"';
        for (p += quoted; p < end; p++) {
                if (quoted && *p == '"' && p + 1 < end && p[1] == '"')
                        p++;
                else if (quoted ? *p == '"' : *p == ',')
                        break;
                sh_buf_put(&b, p, 1);
        }
        p += quoted && p < end;
        while (p < end && *p != ',')
                p++;
        *at = p < end ? p + 1 : NULL;
        struct sv r = sh_string(b.p ? b.p : "", b.n);
        sh_buf_free(&b);
        return r;
}

static int import_line(struct sh_cmd *c, const char *s, const char *end, unsigned line, const char *path)
{
        struct sh *sh = sh_session(c);
        struct sv v[5] = { SH_NIL };
        unsigned n = 0;
        int st = SH_OK;
        for (const char *at = s; at && n < 5; n++)
                v[n] = field(&at, end);
        if (n != 4) {
                st = sh_cmd_throw(c, "ImportAliasFileFormatError", "ReadError", SH_NIL,
                                  "Cannot import the alias. Line number %u in the file '%s' is not a "
                                  "properly formatted, "
                                  "comma-separated values (CSV) line for aliases. Change the line to contain "
                                  "four values "
                                  "separated by commas. If the value text itself contains a comma, then the "
                                  "value must be "
                                  "contained in quotation marks.",
                                  line, path);
        } else if (sh_alias_lookup(sh, v[0].s->s, v[0].s->len) && !sh_switch(c, "Force")) {
                st = sh_cmd_error(
                        c, "AliasAlreadyExists", "ResourceExists", v[0],
                        "The alias is not allowed, because an alias with the name '%s' already exists.",
                        v[0].s->s);
        } else {
                struct sv args[] = { sh_text("-Name"),  v[0],
                                     sh_text("-Value"), v[1],
                                     sh_text("-Scope"), sh_text(sh_arg_text(c, "Scope", "Global")),
                                     sh_text("-Force") };
                struct collect none;
                sh_collect_begin(&none);
                st = sh_run_command(sh, "Set-Alias", (struct sh_args) { 7, args }, &none.sink);
                sh_collect_drop(&none);
                if (st == SH_OK && sh_switch(c, "PassThru"))
                        st = sh_run_command(sh, "Get-Alias", (struct sh_args) { 1, &v[0] }, sh_out(c));
                sh_drop(args[0]), sh_drop(args[2]), sh_drop(args[4]), sh_drop(args[5]), sh_drop(args[6]);
        }
        for (unsigned i = 0; i < n && i < 5; i++)
                sh_drop(v[i]);
        return st;
}

static int import_end(struct sh_cmd *c)
{
        const char *given = sh_arg_text(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", "");
        char *path = NULL;
        int st = sh_path_single(c, given, sh_bound(c, "LiteralPath"), &path);
        size_t n = 0;
        char *text = st == SH_OK && access(path, R_OK) == 0 ? sh_read_file(sh_session(c), path, &n) : NULL;
        if (st == SH_OK && !text)
                st = sh_path_missing(c, given);
        unsigned line = 0;
        for (const char *p = text, *end = text ? text + n : NULL, *nl; p && p < end && st == SH_OK;
             p = nl + 1) {
                nl = memchr(p, '\n', (size_t)(end - p));
                nl = nl ? nl : end;
                const char *to = nl > p && nl[-1] == '\r' ? nl - 1 : nl;
                line++;
                if (to > p && *p != '#')
                        st = import_line(c, p, to, line, path);
        }
        free(text);
        free(path);
        return st;
}
static const struct sh_cmdlet import_alias = {
        .name = "Import-Alias",
        .alias = (const char *[]) { "ipal", NULL },
        .synopsis = "Makes the aliases that Export-Alias wrote to a file.",
        .end = import_end,
        .should_process = true,
        .default_set = "ByPath",
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .sets = "ByPath", .complete = "path" },
                        { "LiteralPath", .type = "string", .alias = "PSPath,LP", .mandatory = true,
                          .sets = "ByLiteralPath", .from_property = true },
                        { "Scope", .type = "string" },
                        { "Force", .type = "switch", .help = "Also over those that are there." },
                        { "PassThru", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "'\"hi\",\"Write-Output\",\"\",\"None\"' > a.csv; Import-Alias a.csv; hi 3", "3",
                          "" },
                        { "Set-Alias a1 Get-Date; Export-Alias a.csv a1; Remove-Alias a1; "
                          "(Import-Alias a.csv -PassThru).Definition",
                          "Get-Date", "There and back." },
                        { 0 } },
};

/* ---- Invoke-Item ---- */
static int invoke_one(struct sh_cmd *c, const char *path)
{
        struct stat s;
        bool what = true;
        if (stat(path, &s) != 0)
                return sh_path_missing(c, path);
        int st = sh_should_process_as(c, "Item: ", path, "Invoke Item", &what);
        if (st != SH_OK || !what)
                return st;
        if (S_ISREG(s.st_mode) && access(path, X_OK) == 0)
                return sh_run_command(sh_session(c), path, (struct sh_args) { 0 }, sh_out(c));
        if (getenv("DISPLAY") || getenv("WAYLAND_DISPLAY")) {
                struct sv arg = sh_text(path);
                st = sh_run_command(sh_session(c), "xdg-open", (struct sh_args) { 1, &arg }, sh_out(c));
                sh_drop(arg);
                return st;
        }
        struct sv target = sh_text(path);
        st = sh_cmd_error(c, "NotSupportedHere", "NotImplemented", target,
                          "'%s' is no program, and there is no desktop here to open it with; use "
                          "Get-Content, less or an "
                          "editor.",
                          path);
        sh_drop(target);
        return st;
}
static int invoke_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return sh_for_paths(c, invoke_one);
}
static const struct sh_cmdlet invoke_item = {
        .name = "Invoke-Item",
        .alias = (const char *[]) { "ii", NULL },
        .synopsis = "Runs a program by its path.",
        .description = "Where there is a desktop, files are opened with their program.",
        .process = invoke_process,
        .should_process = true,
        .default_set = "Path",
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .wildcard = true, .sets = "Path", .complete = "path" },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .mandatory = true,
                          .sets = "LiteralPath", .from_property = true },
                        { "Filter", .type = "string" },
                        { "Include", .type = "string[]" },
                        { "Exclude", .type = "string[]" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Invoke-Item /bin/hostname | Measure-Object | ForEach-Object Count", "1", "" },
                        { "Invoke-Item /bin/true -WhatIf",
                          "What if: Performing the operation \"Invoke Item\" on target \"Item: "
                          "/bin/true\".",
                          "" },
                        { 0 } },
};

SH_CMDLETS(aliasfile, &export_alias, &import_alias, &invoke_item);
