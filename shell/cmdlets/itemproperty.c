/* SPDX-License-Identifier: MIT
 *
 * Get-ItemProperty, Get-ItemPropertyValue, Set-ItemProperty on files; Set-Item and Clear-Item on the drives env:,
 * variable:, function:, alias:; Invoke-Item.
 */
#include "shell/code.h"
#include "shell/drives.h"
#include "shell/fileinfo.h"
#include "shell/files.h"
#include "shell/text.h"
#include "shell/types.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sv item_of(const char *path)
{
        struct stat st;
        return sh_fileinfo_new(path, stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}
static int no_property(struct sh_cmd *c, struct sv item, const char *name)
{
        return sh_cmd_error(c, "System.Management.Automation.PSArgumentException", "InvalidArgument", item,
                            "Property %s does not exist at path %s.", name, sh_fileinfo_path(item));
}

struct wanted {
        struct sh *sh;
        const char *pattern;
        struct sv item, out;
        bool found;
        int st;
};
static bool take(void *state, const char *name, size_t n, int kind)
{
        struct wanted *w = state;
        struct sv v;
        if (kind == SH_METHOD || kind == SH_SCRIPT_METHOD ||
            !sh_wildcard(w->pattern, strlen(w->pattern), name, n, false))
                return true;
        w->st = sh_get(w->sh, w->item, name, n, &v);
        if (w->st != SH_OK)
                return false;
        w->found = true;
        sh_object_set(w->out, name, n, v);
        sh_drop(v);
        return true;
}
static void add_place(struct sh *sh, struct sv item, struct sv out)
{
        static const char *const names[] = { "PSPath", "PSParentPath", "PSChildName", "PSDrive",
                                             "PSProvider" };
        struct sv v;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (sh_get(sh, item, names[i], strlen(names[i]), &v) == SH_OK) {
                        sh_object_set(out, names[i], strlen(names[i]), v);
                        sh_drop(v);
                }
}
static int property_one(struct sh_cmd *c, const char *path)
{
        struct sh *sh = sh_session(c);
        struct sv names = sh_arg(c, "Name"), name, item = item_of(path);
        size_t pos = 0;
        int st = SH_OK;
        if (sh_is_null(names)) {
                st = sh_emit(c, item);
                sh_drop(item);
                return st;
        }
        bool only_value = !strcasecmp(sh_cmdlet_of(c)->name, "Get-ItemPropertyValue"), any = false;
        struct sv out = sh_object_new();
        while (st == SH_OK && sh_next(names, &pos, &name)) {
                struct sv t = sh_to_text(sh, name), v;
                struct wanted w = { sh, t.s->s, item, out, false, SH_OK };
                sh_properties(sh, item, take, &w);
                st = w.st;
                any |= w.found;
                if (st == SH_OK && !w.found && !sh_has_wildcard(t.s->s, t.s->len))
                        st = no_property(c, item, t.s->s);
                else if (st == SH_OK && only_value && sh_object_note(out, t.s->s, t.s->len, &v))
                        st = sh_emit_unrolled(c, v);
                sh_drop(t);
                sh_drop(name);
        }
        if (st == SH_OK && any && !only_value) {
                add_place(sh, item, out);
                st = sh_emit(c, out);
        }
        sh_drop(out);
        sh_drop(item);
        return st;
}
static int property_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return sh_for_paths(c, property_one);
}
static int set_one(struct sh_cmd *c, const char *path)
{
        struct sh *sh = sh_session(c);
        struct sv name = sh_to_text(sh, sh_arg(c, "Name")), item = item_of(path), old;
        bool go;
        struct sv target = sh_printf("Item: %s Property: %s", path, name.s->s);
        int st = sh_should_process(c, target.s->s, "Set Property", &go);
        if (st == SH_OK && go) {
                if (sh_get(sh, item, name.s->s, name.s->len, &old) == SH_OK) {
                        sh_drop(old);
                        st = sh_put(sh, item, name.s->s, name.s->len, sh_arg(c, "Value"));
                } else {
                        sh_forget_error(sh);
                        st = no_property(c, item, name.s->s);
                }
        }
        if (st == SH_OK && go && sh_switch(c, "PassThru"))
                st = sh_emit(c, item);
        sh_drop(target);
        sh_drop(item);
        sh_drop(name);
        return st;
}
static int set_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return sh_for_paths(c, set_one);
}
#define PATHS \
        { "Path", \
          .type = "string[]", \
          .position = 1, \
          .mandatory = true, \
          .from_pipeline = true, \
          .from_property = true, \
          .wildcard = true, \
          .sets = "Path", \
          .complete = "path", \
          .help = "Files and folders; wildcards are resolved." }, \
        { \
                "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .sets = "LiteralPath", \
                               .from_property = true, .mandatory = true, \
                               .help = "Files and folders by their exact names." \
        }
static const struct sh_cmdlet get_itemproperty = {
        .name = "Get-ItemProperty",
        .alias = (const char *[]) { "gp", NULL },
        .synopsis = "Shows properties of files and folders.",
        .default_set = "Path",
        .process = property_process,
        .params = (const struct sh_param[]) { PATHS,
                                              { "Name", .type = "string[]", .position = 2,
                                                .alias = "PSProperty", .wildcard = true,
                                                .help = "Only these properties." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content f abc -NoNewline; (Get-ItemProperty f -Name Length).Length", "3",
                          "One property." },
                        { "(Get-ItemProperty /etc).PSIsContainer", "True", "All of them: the item itself." },
                        { 0 } },
};
static const struct sh_cmdlet get_itempropertyvalue = {
        .name = "Get-ItemPropertyValue",
        .alias = (const char *[]) { "gpv", NULL },
        .synopsis = "Shows the values of properties of files and folders.",
        .default_set = "Path",
        .process = property_process,
        .params = (const struct sh_param[]) { PATHS,
                                              { "Name", .type = "string[]", .position = 2, .mandatory = true,
                                                .alias = "PSProperty", .help = "The properties." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content f abc -NoNewline; Get-ItemPropertyValue f -Name Length", "3",
                          "The bare value." },
                        { "Get-ItemPropertyValue /etc -Name Name, PSIsContainer", "etc\nTrue",
                          "Several values." },
                        { 0 } },
};
static const struct sh_cmdlet set_itemproperty = {
        .name = "Set-ItemProperty",
        .alias = (const char *[]) { "sp", NULL },
        .synopsis = "Changes a property of files and folders.",
        .default_set = "Path",
        .should_process = true,
        .process = set_process,
        .params = (const struct sh_param[]) { PATHS,
                                              { "Name", .type = "string", .position = 2, .mandatory = true,
                                                .alias = "PSProperty",
                                                .help = "The property: LastWriteTime, IsReadOnly ..." },
                                              { "Value", .position = 3, .mandatory = true, .allow_null = true,
                                                .help = "Its new value." },
                                              { "PassThru", .type = "switch", .help = "Writes the item." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content f x; Set-ItemProperty f -Name LastWriteTime -Value "
                          "'2020-01-02'\n(Get-Item f).LastWriteTime.Year",
                          "2020", "A file's time." },
                        { "Set-Content f x; Set-ItemProperty f LastWriteTime '2020-01-02' -WhatIf", NULL,
                          "What would be done." },
                        { 0 } },
};

/* ---- Set-Item, Clear-Item ---- */
static int put_drive(struct sh_cmd *c, const char *path, struct sv v, const char *operation)
{
        struct sh *sh = sh_session(c);
        const char *colon = strchr(path, ':');
        const char *rest = colon ? colon + 1 : path;
        size_t n = colon ? (size_t)(colon - path) : 0;
        bool go;
        while (*rest == '/' || *rest == '\\')
                rest++;
        bool variable = n == 8 && !strncasecmp(path, "variable", n),
             known = variable || (n == 3 && !strncasecmp(path, "env", n)) ||
                     (n == 8 && !strncasecmp(path, "function", n)) ||
                     (n == 5 && !strncasecmp(path, "alias", n));
        if (!known)
                return sh_cmd_throw(
                        c, "NotSupported", "NotImplemented", SH_NIL,
                        "Provider operation stopped because the provider does not support this operation.");
        struct sv target = sh_printf("Item: %s", rest);
        int st = sh_should_process(c, target.s->s, operation, &go);
        sh_drop(target);
        if (st != SH_OK || !go)
                return st;
        if (variable)
                return sh_var_set(sh, rest, v);
        struct sv name = sh_printf("%.*s:%s", (int)n, path, rest);
        st = sh_set_drive_var(sh, name.s->s, (uint32_t)n, v);
        sh_drop(name);
        return st;
}
static int drive_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        bool clear = sh_cmdlet_of(c)->name[0] == 'C';
        struct sv paths = sh_arg(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path"), t;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next_text(c, paths, &pos, &t)) {
                struct sv v = clear ? SH_NIL : sh_arg(c, "Value");
                char *thing = sh_drive_item(t.s->s);
                st = put_drive(c, thing ? thing : t.s->s, v, clear ? "Clear Item" : "Set Item");
                free(thing);
                if (st == SH_OK && sh_switch(c, "PassThru")) {
                        struct sv args[] = { t };
                        st = sh_run_command(sh_session(c), "Get-Item", (struct sh_args) { 1, args },
                                            sh_out(c));
                }
                sh_drop(t);
        }
        return st;
}
#define DRIVE_PATHS \
        { "Path", \
          .type = "string[]", \
          .position = 1, \
          .mandatory = true, \
          .from_property = true, \
          .sets = "Path", \
          .help = "Items of env:, variable:, function: or alias:." }, \
        { \
                "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .sets = "LiteralPath", \
                               .from_property = true, .mandatory = true, .help = "The same, by exact names." \
        }
static const struct sh_cmdlet set_item = {
        .name = "Set-Item",
        .alias = (const char *[]) { "si", NULL },
        .synopsis = "Changes the value of an item of a drive.",
        .default_set = "Path",
        .should_process = true,
        .process = drive_process,
        .params = (const struct sh_param[]) { DRIVE_PATHS,
                                              { "Value", .position = 2, .from_pipeline = true,
                                                .allow_null = true, .help = "The new value." },
                                              { "Force", .type = "switch", .help = "Also read-only ones." },
                                              { "PassThru", .type = "switch", .help = "Writes the item." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Item env:COLOUR red; $env:COLOUR", "red", "An environment variable." },
                        { "Set-Item function:Twice { $args[0] * 2 }; Twice 4", "8", "A function." },
                        { 0 } },
};
static const struct sh_cmdlet clear_item = {
        .name = "Clear-Item",
        .alias = (const char *[]) { "cli", NULL },
        .synopsis = "Takes the value of an item of a drive away.",
        .default_set = "Path",
        .should_process = true,
        .process = drive_process,
        .params = (const struct sh_param[]) { DRIVE_PATHS,
                                              { "Force", .type = "switch", .help = "Also read-only ones." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$env:COLOUR = 'red'; Clear-Item env:COLOUR; $null -eq $env:COLOUR", "True",
                          "An environment variable." },
                        { "$x = 1; Clear-Item variable:x; $null -eq $x", "True", "A variable." },
                        { 0 } },
};

SH_CMDLETS(itemproperty, &get_itemproperty, &get_itempropertyvalue, &set_itemproperty, &set_item,
           &clear_item);
