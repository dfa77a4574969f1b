/* SPDX-License-Identifier: MIT
 *
 * Get-, New-, Remove-PSDrive, Get-PSProvider.
 */
#include "shell/drives.h"
#include "shell/cmdlet.h"
#include "shell/files.h"
#include "shell/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static void set(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

static int emit_drive(struct sh_cmd *c, const struct sh_drive *d)
{
        struct sv o = sh_object_new(), where = SH_NIL;
        struct statvfs s;
        sh_object_type(o, "System.Management.Automation.PSDriveInfo");
        bool space = sh_drive_is_folder(d) && statvfs(d->root, &s) == 0;
        set(o, "Used", space ? sh_long((int64_t)(s.f_blocks - s.f_bfree) * (int64_t)s.f_frsize) : SH_NIL);
        set(o, "Free", space ? sh_long((int64_t)s.f_bavail * (int64_t)s.f_frsize) : SH_NIL);
        if (d == sh_drive_here() || (!sh_drive_here() && !strcmp(d->name, "/"))) {
                struct sv at = sh_location(sh_session(c));
                const char *path = at.s->s + strcspn(at.s->s, "/");
                where = sh_text(path + (*path == '/'));
                sh_drop(at);
        }
        set(o, "CurrentLocation", sh_is_null(where) ? sh_text("") : where);
        set(o, "Name", sh_text(d->name));
        set(o, "Provider", sh_text(d->provider));
        set(o, "Root", sh_text(d->root));
        set(o, "Description", sh_text(d->description));
        set(o, "DisplayRoot", SH_NIL);
        int st = sh_emit(c, o);
        sh_drop(o);
        return st;
}

static int no_drive(struct sh_cmd *c, const char *id, const char *name)
{
        struct sv target = sh_text(name);
        sh_throw_as(sh_session(c), "System.Management.Automation.DriveNotFoundException", id,
                    "ObjectNotFound", target, "Cannot find drive. A drive with the name '%s' does not exist.",
                    name);
        sh_drop(target);
        struct sv e = sh_error_take(sh_session(c));
        int st = sh_stream_error(sh_session(c), e);
        sh_drop(e);
        return st;
}

static int drive_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "Name"), t;
        size_t pos = 0;
        int st = SH_OK;
        for (struct sh_drive *d = sh_drives(); st == SH_OK && d; d = d->next)
                if (sh_arg_fits(c, "Name", d->name, strlen(d->name), true) &&
                    sh_arg_fits(c, "PSProvider", d->provider, strlen(d->provider), true))
                        st = emit_drive(c, d);
        while (st == SH_OK && !sh_is_null(names) && sh_next_text(c, names, &pos, &t)) {
                if (!sh_has_wildcard(t.s->s, t.s->len) && !sh_drive_find(t.s->s, t.s->len))
                        st = no_drive(c, "GetLocationNoMatchingDrive", t.s->s);
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet get_psdrive = {
        .name = "Get-PSDrive",
        .alias = (const char *[]) { "gdr", NULL },
        .synopsis = "Shows the drives: what paths may begin with.",
        .process = drive_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true,
                                                .from_property = true },
                                              { "PSProvider", .type = "string[]" },
                                              { "Scope", .type = "string" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-PSDrive Env).Provider", "Environment", "" },
                                                  { "(Get-PSDrive /).Root", "/", "" },
                                                  { 0 } },
};

static int new_drive(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *name = sh_arg_text(c, "Name", ""), *root = sh_arg_text(c, "Root", ""),
                   *provider = sh_arg_text(c, "PSProvider", "");
        bool what = true;
        struct sv target = sh_text(name);
        struct stat s;
        int st = SH_OK;
        char *full = NULL;
        if (strcasecmp(provider, "FileSystem")) {
                st = sh_cmd_throw(c, "ProviderNotFound", "ObjectNotFound", sh_arg(c, "PSProvider"),
                                  "Cannot find a provider with the name '%s'.", provider);
        } else if (!*name || strpbrk(name, ";~/\\.:")) {
                st = sh_cmd_throw(
                        c, "NewDriveInvalidName", "InvalidArgument", target,
                        "The specified drive name '%s' is not valid. Drive names cannot contain any of the "
                        "following characters: ;~/\\.:",
                        name);
        } else if (sh_drive_find(name, strlen(name))) {
                st = sh_cmd_throw(c, "DriveAlreadyExists", "ResourceExists", target,
                                  "A drive with the name '%s' already exists.", name);
        } else {
                full = sh_path_full(sh_session(c), root);
                if (stat(full, &s) != 0 || !S_ISDIR(s.st_mode))
                        st = sh_cmd_throw(c, "DriveRootError", "ReadError", target,
                                          "The specified drive root \"%s\" either does not exist, or it is "
                                          "not a folder.",
                                          root);
        }
        if (st == SH_OK) {
                struct sv said = sh_printf(
                        "Name: %s Provider: Microsoft.PowerShell.Core\\FileSystem Root: %s", name, full);
                st = sh_should_process(c, said.s->s, "New drive", &what);
                sh_drop(said);
        }
        if (st == SH_OK && what && sh_drive_add(name, full, sh_arg_text(c, "Description", "")))
                st = emit_drive(c, sh_drive_find(name, strlen(name)));
        free(full);
        sh_drop(target);
        return st;
}
static const struct sh_cmdlet new_psdrive = {
        .name = "New-PSDrive",
        .alias = (const char *[]) { "ndr", "mount", NULL },
        .synopsis = "Gives a folder a name that paths may begin with.",
        .process = new_drive,
        .should_process = true,
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "string", .position = 1, .mandatory = true, .from_property = true },
                        { "PSProvider", .type = "string", .position = 2, .mandatory = true,
                          .from_property = true, .help = "FileSystem." },
                        { "Root", .type = "string", .position = 3, .mandatory = true, .from_property = true,
                          .allow_empty = true, .complete = "path", .help = "The folder." },
                        { "Description", .type = "string", .from_property = true },
                        { "Scope", .type = "string", .help = "Accepted; a drive is the session's." },
                        { "Persist", .type = "switch", .help = "Accepted; a drive ends with its session." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$null = New-PSDrive Conf FileSystem /etc; Test-Path Conf:/passwd", "True",
                          "A short name." },
                        { "New-PSDrive E FileSystem / -WhatIf",
                          "What if: Performing the operation \"New drive\" on target \"Name: E Provider: "
                          "Microsoft.PowerShell.Core\\FileSystem Root: /\".",
                          "What would be done." },
                        { 0 } },
};

static int remove_drive(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "Name"), t;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next_text(c, names, &pos, &t)) {
                bool any = false, what = true;
                for (struct sh_drive *d = sh_drives(), *next; st == SH_OK && d; d = next) {
                        next = d->next;
                        if (!sh_wildcard(t.s->s, t.s->len, d->name, strlen(d->name), false))
                                continue;
                        any = true;
                        struct sv said =
                                sh_printf("Name: %s Provider: %s Root: %s", d->name, d->provider, d->root);
                        st = sh_should_process(c, said.s->s, "Remove Drive", &what);
                        sh_drop(said);
                        if (st != SH_OK || !what)
                                continue;
                        if (d == sh_drive_here() && !sh_switch(c, "Force"))
                                st = sh_cmd_error(c, "DriveInUse", "InvalidOperation", t,
                                                  "Cannot remove drive '%s' because it is in use.", d->name);
                        else if (!d->own)
                                st = sh_cmd_error(c, "DriveRemovalPreventedByProvider", "PermissionDenied", t,
                                                  "Drive '%s' belongs to the session and stays.", d->name);
                        else
                                sh_drive_remove(d);
                }
                if (st == SH_OK && !any && !sh_has_wildcard(t.s->s, t.s->len))
                        st = no_drive(c, "DriveNotFound", t.s->s);
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet remove_psdrive = {
        .name = "Remove-PSDrive",
        .alias = (const char *[]) { "rdr", NULL },
        .synopsis = "Forgets a drive that New-PSDrive made.",
        .process = remove_drive,
        .should_process = true,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .mandatory = true,
                                                .wildcard = true, .from_property = true },
                                              { "PSProvider", .type = "string[]" },
                                              { "Scope", .type = "string" },
                                              { "Force", .type = "switch",
                                                .help = "Also when the location is on it." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$null = New-PSDrive T FileSystem /; Remove-PSDrive T; Test-Path T:/etc", "False",
                          "" },
                        { "try { Remove-PSDrive Nope -ErrorAction Stop } catch { \"$_\" }",
                          "Cannot find drive. A drive with the name 'Nope' does not exist.", "" },
                        { 0 } },
};

static int provider_end(struct sh_cmd *c)
{
        static const char *const providers[][2] = {
                { "Alias", "ShouldProcess" },
                { "Environment", "ShouldProcess" },
                { "FileSystem", "Filter, ShouldProcess, Credentials" },
                { "Function", "ShouldProcess" },
                { "Variable", "ShouldProcess" },
        };
        int st = SH_OK;
        for (size_t i = 0; st == SH_OK && i < sizeof providers / sizeof *providers; i++) {
                if (!sh_arg_fits(c, "PSProvider", providers[i][0], strlen(providers[i][0]), true))
                        continue;
                struct sv o = sh_object_new(), list = sh_array_new(2);
                sh_object_type(o, "System.Management.Automation.ProviderInfo");
                for (struct sh_drive *d = sh_drives(); d; d = d->next)
                        if (!strcmp(d->provider, providers[i][0]))
                                sh_array_take(list.a, sh_text(d->name));
                set(o, "Name", sh_text(providers[i][0]));
                set(o, "Capabilities", sh_text(providers[i][1]));
                set(o, "Drives", list);
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

SH_CMDLETS(drive, &get_psdrive, &new_psdrive, &remove_psdrive, &get_psprovider);
