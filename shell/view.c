/* SPDX-License-Identifier: MIT
 *
 * The registered views: which columns the built-in types are shown with. The first row that fits an object's type
 * best wins, so a type's default shape comes before its other ones.
 */
#include "shell/code.h"
#include "shell/format.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdio.h>
#include <stdlib.h>

#define TYPES(...) (const char *const[]){ __VA_ARGS__, NULL }
#define COLS(...)                                                                                            \
        .cols = (const struct sh_view_col[]){ __VA_ARGS__ },                                                 \
        .ncols = sizeof((const struct sh_view_col[]){ __VA_ARGS__ }) / sizeof(struct sh_view_col)
#define L SH_ALIGN_LEFT
#define R SH_ALIGN_RIGHT

/* ---- columns that are not just a property ---- */
static int get(struct sh *sh, struct sv v, const char *name, struct sv *ret)
{
        return sh_get(sh, v, name, strlen(name), ret);
}

static int file_time(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv t;
        int r = get(sh, v, "LastWriteTime", &t);
        if (r)
                return r;
        struct sh_buf b = { 0 };
        if (t.kind == SH_DATETIME)
                sh_datetime_text(&b, t, "MM/dd/yyyy HH:mm", 16);
        sh_drop(t);
        *ret = sh_buf_take(&b);
        return SH_OK;
}

static int file_group(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv p = SH_NIL;
        if (get(sh, v, "PSParentPath", &p) != SH_OK)
                return SH_NONE;
        struct sv t = sh_to_text(sh, p);
        sh_drop(p);
        const char *s = strstr(t.s->s, "::");
        *ret = sh_printf("    Directory: %s", s ? s + 2 : t.s->s);
        sh_drop(t);
        return SH_OK;
}

static int name_string(struct sh *sh, struct sv v, struct sv *ret)
{
        int r = get(sh, v, "NameString", ret);
        return r == SH_OK ? r : get(sh, v, "Name", ret);
}

static int display_name(struct sh *sh, struct sv v, struct sv *ret)
{
        int r = get(sh, v, "DisplayName", ret);
        if (r == SH_OK && !sh_is_null(*ret))
                return r;
        return get(sh, v, "Name", ret);
}

static int duration(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv d;
        int r = get(sh, v, "Duration", &d);
        if (r)
                return r;
        int64_t ms = d.kind == SH_TIMESPAN ? d.i / 10000 : 0, s = ms / 1000, m = s / 60, h = m / 60;
        if (h)
                *ret = sh_printf("%lld:%02d:%02d.%03d", (long long)h, (int)(m % 60), (int)(s % 60), (int)(ms % 1000));
        else if (m)
                *ret = sh_printf("%d:%02d.%03d", (int)m, (int)(s % 60), (int)(ms % 1000));
        else
                *ret = sh_printf("%d.%03d", (int)s, (int)(ms % 1000));
        sh_drop(d);
        return SH_OK;
}

static int exported(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv h;
        int r = get(sh, v, "ExportedCommands", &h);
        if (r)
                return r;
        r = sh_unwrap(h).kind == SH_HASH ? get(sh, h, "Keys", ret) : (*ret = sh_keep(h), SH_OK);
        sh_drop(h);
        return r;
}

static int overloads(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv list;
        int r = get(sh, v, "OverloadDefinitions", &list);
        if (r)
                return r;
        struct sh_buf b = { 0 };
        struct sv item;
        for (size_t pos = 0; sh_is_enumerable(list) && sh_next(list, &pos, &item); sh_drop(item)) {
                if (b.n)
                        sh_buf_put(&b, "\n", 1);
                sh_buf_value(sh, &b, item);
        }
        if (!sh_is_enumerable(list))
                sh_buf_value(sh, &b, list);
        sh_drop(list);
        *ret = sh_buf_take(&b);
        return SH_OK;
}

static int drive_used(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv u;
        double d;
        int r = get(sh, v, "Used", &u);
        if (r)
                return r;
        *ret = sh_to_double(sh, u, &d) && !sh_is_null(u) ? sh_printf("%.2f", d / (1 << 30)) : sh_text("");
        sh_drop(u);
        return SH_OK;
}

static int drive_free(struct sh *sh, struct sv v, struct sv *ret)
{
        struct sv u;
        double d;
        int r = get(sh, v, "Free", &u);
        if (r)
                return r;
        *ret = sh_to_double(sh, u, &d) && !sh_is_null(u) ? sh_printf("%.2f", d / (1 << 30)) : sh_text("");
        sh_drop(u);
        return SH_OK;
}

/* ---- whole texts ---- */
static void property_text(struct sh *sh, struct sv v, const char *name, struct sh_buf *b)
{
        struct sv t;
        int r = get(sh, v, name, &t);
        if (r == SH_OK) {
                sh_buf_value(sh, b, t);
                sh_drop(t);
                return;
        }
        if (r == SH_ERROR)
                sh_drop(sh_error_take(sh));
        sh_buf_value(sh, b, v);
}

static void date_text(struct sh *sh, struct sv v, struct sh_buf *b)
{
        static const char fmt[] = "dddd, dd MMMM yyyy HH:mm:ss";
        enum { DATE = 18, TIME = 19 }; /* where its date ends, where its time begins */
        struct sv t, base = sh_unwrap(v);
        if (v.kind == SH_PSOBJECT && base.kind == SH_DATETIME && get(sh, v, "DisplayHint", &t) == SH_OK) {
                bool date = t.kind == SH_ENUM && t.hi == 0, time = t.kind == SH_ENUM && t.hi == 1;
                sh_drop(t);
                sh_datetime_text(b, base, time ? fmt + TIME : fmt, date ? DATE : sizeof(fmt) - 1 - (time ? TIME : 0));
        } else if (get(sh, v, "DateTime", &t) == SH_OK && !sh_is_null(t)) {
                sh_buf_value(sh, b, t);
                sh_drop(t);
        }
}

static void plain_text(struct sh *sh, struct sv v, struct sh_buf *b)
{
        sh_buf_value(sh, b, v);
}

static void message_text(struct sh *sh, struct sv v, struct sh_buf *b)
{
        property_text(sh, v, "Message", b);
}

static void help_text(struct sh *sh, struct sv v, struct sh_buf *b)
{
        property_text(sh, v, "Text", b);
}

static void error_text(struct sh *sh, struct sv v, struct sh_buf *b)
{
        struct sv base = sh_unwrap(v);
        sh_error_text(sh, base, b, false);
        while (b->n && b->p[b->n - 1] == '\n')
                b->n--;
}

#define FILES TYPES("System.IO.FileInfo", "System.IO.DirectoryInfo", "System.IO.FileSystemInfo")
#define COMMANDS                                                                                             \
        TYPES("System.Management.Automation.AliasInfo", "System.Management.Automation.ApplicationInfo",      \
              "System.Management.Automation.CmdletInfo", "System.Management.Automation.ExternalScriptInfo",  \
              "System.Management.Automation.FilterInfo", "System.Management.Automation.FunctionInfo",        \
              "System.Management.Automation.ScriptInfo", "System.Management.Automation.CommandInfo")

const struct sh_view sh_views[] = {
        { TYPES("System.Collections.DictionaryEntry"), "Dictionary", SH_SHAPE_TABLE,
          COLS({ .prop = "Name", .width = 30 }, { .prop = "Value" }) },
        { TYPES("System.Collections.DictionaryEntry"), "System.Collections.DictionaryEntry", SH_SHAPE_LIST,
          COLS({ .prop = "Name" }, { .prop = "Value" }) },
        { TYPES("System.Version"), "System.Version", SH_SHAPE_TABLE,
          COLS({ .prop = "Major", .width = 6 }, { .prop = "Minor", .width = 6 }, { .prop = "Build", .width = 6 },
               { .prop = "Revision", .width = 8 }) },
        { TYPES("System.Management.Automation.SemanticVersion"), "SemanticVersion", SH_SHAPE_TABLE,
          COLS({ .prop = "Major", .width = 6 }, { .prop = "Minor", .width = 6 }, { .prop = "Patch", .width = 6 },
               { .prop = "PreReleaseLabel", .width = 15 }, { .prop = "BuildLabel", .width = 11 }) },
        { TYPES("System.TimeSpan"), "System.TimeSpan", SH_SHAPE_LIST,
          COLS({ .prop = "Days" }, { .prop = "Hours" }, { .prop = "Minutes" }, { .prop = "Seconds" },
               { .prop = "Milliseconds" }, { .prop = "Ticks" }, { .prop = "TotalDays" }, { .prop = "TotalHours" },
               { .prop = "TotalMinutes" }, { .prop = "TotalSeconds" }, { .prop = "TotalMilliseconds" }) },
        { TYPES("System.TimeSpan"), "System.TimeSpan", SH_SHAPE_TABLE,
          COLS({ .prop = "Days" }, { .prop = "Hours" }, { .prop = "Minutes" }, { .prop = "Seconds" },
               { .prop = "Milliseconds" }) },
        { TYPES("System.TimeSpan"), "System.TimeSpan", SH_SHAPE_WIDE, COLS({ .prop = "TotalMilliseconds" }) },
        { TYPES("System.DateTime"), "DateTime", SH_SHAPE_CUSTOM, .custom = date_text },
        { TYPES("System.Guid"), "System.Guid", SH_SHAPE_TABLE, COLS({ .prop = "Guid" }) },
        { TYPES("System.RuntimeType", "System.Type"), "System.RuntimeType", SH_SHAPE_TABLE,
          COLS({ .prop = "IsPublic", .width = 8 }, { "IsSerial", "IsSerializable", 8 },
               { .prop = "Name", .width = 40 }, { .prop = "BaseType" }) },
        { FILES, "childrenWithUnixStat", SH_SHAPE_TABLE, .group = "PSParentPath", .group_text = file_group,
          .wrap = true,
          COLS({ .prop = "UnixMode", .width = 10, .align = L }, { .prop = "User", .width = 10, .align = R },
               { .prop = "Group", .width = 10, .align = L },
               { "LastWriteTime", NULL, 16, R, file_time }, { .prop = "Size", .width = 12, .align = R },
               { "Name", NULL, 0, L, name_string }) },
        { TYPES("System.IO.FileInfo"), "children", SH_SHAPE_LIST, .group = "PSParentPath", .group_text = file_group,
          COLS({ .prop = "Name" }, { .prop = "Length" }, { .prop = "CreationTime" }, { .prop = "LastWriteTime" },
               { .prop = "LastAccessTime" }, { .prop = "Mode" }, { .prop = "LinkType" }, { .prop = "Target" },
               { .prop = "VersionInfo" }) },
        { FILES, "children", SH_SHAPE_LIST, .group = "PSParentPath", .group_text = file_group,
          COLS({ .prop = "Name" }, { .prop = "CreationTime" }, { .prop = "LastWriteTime" },
               { .prop = "LastAccessTime" }, { .prop = "Mode" }, { .prop = "LinkType" }, { .prop = "Target" }) },
        { TYPES("System.IO.DirectoryInfo"), "children", SH_SHAPE_WIDE, .group = "PSParentPath",
          .group_text = file_group, COLS({ .prop = "Name", .format = "[{0}]" }) },
        { FILES, "children", SH_SHAPE_WIDE, .group = "PSParentPath", .group_text = file_group,
          COLS({ .prop = "Name" }) },
        { TYPES("System.Management.Automation.ErrorRecord"), "Error", SH_SHAPE_CUSTOM, .out_of_band = true,
          .custom = error_text },
        { TYPES("System.Management.Automation.ScriptBlock"), "ScriptBlock", SH_SHAPE_CUSTOM, .out_of_band = true,
          .custom = plain_text },
        { TYPES("System.Management.Automation.WarningRecord", "System.Management.Automation.VerboseRecord",
                "System.Management.Automation.DebugRecord", "System.Management.Automation.InformationalRecord"),
          "WarningRecord", SH_SHAPE_CUSTOM, .out_of_band = true, .custom = message_text },
        { TYPES("System.Management.Automation.InformationRecord"), "InformationRecord", SH_SHAPE_CUSTOM,
          .out_of_band = true, .custom = plain_text },
        { TYPES("Microsoft.PowerShell.Commands.MatchInfo"), "MatchInfo", SH_SHAPE_CUSTOM, .custom = sh_match_shown },
        { TYPES("Microsoft.PowerShell.Commands.MemberDefinition"), "MemberDefinition", SH_SHAPE_TABLE,
          .autosize = true, .group = "TypeName",
          COLS({ .prop = "Name" }, { .prop = "MemberType" }, { .prop = "Definition" }) },
        { TYPES("Microsoft.PowerShell.Commands.GroupInfoNoElement"), "GroupInfoNoElement", SH_SHAPE_TABLE,
          COLS({ .prop = "Count", .width = 5, .align = R }, { .prop = "Name", .width = 25 }) },
        { TYPES("Microsoft.PowerShell.Commands.GroupInfoNoElement"), "GroupInfoNoElement", SH_SHAPE_LIST,
          COLS({ .prop = "Name" }, { .prop = "Count" }, { .prop = "Values" }) },
        { TYPES("Microsoft.PowerShell.Commands.GroupInfo"), "GroupInfo", SH_SHAPE_TABLE,
          COLS({ .prop = "Count", .width = 5, .align = R }, { .prop = "Name", .width = 25 }, { .prop = "Group" }) },
        { TYPES("Microsoft.PowerShell.Commands.GroupInfo"), "GroupInfo", SH_SHAPE_LIST,
          COLS({ .prop = "Name" }, { .prop = "Count" }, { .prop = "Group" }, { .prop = "Values" }) },
        { TYPES("Microsoft.PowerShell.Commands.HistoryInfo"), "history", SH_SHAPE_TABLE,
          COLS({ .prop = "Id", .width = 4, .align = R }, { "Duration", NULL, 12, R, duration },
               { .prop = "CommandLine" }) },
        { TYPES("Microsoft.PowerShell.Commands.HistoryInfo"), "history", SH_SHAPE_WIDE,
          COLS({ .prop = "CommandLine" }) },
        { TYPES("System.Management.Automation.PSVariable"), "Variable", SH_SHAPE_TABLE,
          COLS({ .prop = "Name", .width = 30 }, { .prop = "Value" }) },
        { TYPES("System.Management.Automation.PathInfo"), "PathInfo", SH_SHAPE_TABLE, COLS({ .prop = "Path" }) },
        { COMMANDS, "CommandInfo", SH_SHAPE_TABLE,
          COLS({ .prop = "CommandType", .width = 15 }, { "Name", NULL, 50, 0, display_name },
               { .prop = "Version", .width = 10 }, { .prop = "Source" }) },
        { TYPES("System.Management.Automation.AliasInfo"), "AliasInfo", SH_SHAPE_LIST,
          COLS({ .prop = "DisplayName" }, { .prop = "CommandType" }, { .prop = "Definition" },
               { .prop = "ReferencedCommand" }, { .prop = "ResolvedCommand" }) },
        { TYPES("System.Management.Automation.PSDriveInfo"), "drive", SH_SHAPE_TABLE,
          COLS({ .prop = "Name", .width = 10, .align = L }, { "Used (GB)", NULL, 13, R, drive_used },
               { "Free (GB)", NULL, 13, R, drive_free }, { .prop = "Provider", .width = 13, .align = L },
               { .prop = "Root", .width = 35, .align = L }, { .prop = "CurrentLocation", .align = R }) },
        { TYPES("System.Management.Automation.PSDriveInfo"), "drive", SH_SHAPE_LIST,
          COLS({ .prop = "Name" }, { .prop = "Description" }, { .prop = "Provider" }, { .prop = "Root" },
               { .prop = "CurrentLocation" }) },
        { TYPES("System.Management.Automation.ProviderInfo"), "provider", SH_SHAPE_TABLE,
          COLS({ .prop = "Name", .width = 20 }, { .prop = "Capabilities" }, { .prop = "Drives" }) },
        { TYPES("System.Management.Automation.Job"), "Job", SH_SHAPE_TABLE,
          COLS({ .prop = "Id", .width = 6, .align = L }, { .prop = "Name", .width = 15, .align = L },
               { .prop = "PSJobTypeName", .width = 15, .align = L }, { .prop = "State", .width = 13, .align = L },
               { .prop = "HasMoreData", .width = 15, .align = L }, { .prop = "Location", .width = 20, .align = L },
               { .prop = "Command", .width = 25, .align = L }) },
        { TYPES("System.Management.Automation.PSModuleInfo"), "Module", SH_SHAPE_TABLE,
          COLS({ .prop = "ModuleType", .width = 10, .align = L }, { .prop = "Version", .width = 10, .align = L },
               { .prop = "PreRelease", .width = 10, .align = L }, { .prop = "Name", .width = 35, .align = L },
               { "ExportedCommands", NULL, 0, L, exported }) },
        { TYPES("Microsoft.PowerShell.Commands.FileHashInfo"), "FileHashInfo", SH_SHAPE_TABLE,
          COLS({ .prop = "Algorithm", .width = 15, .align = L }, { .prop = "Hash", .width = 70, .align = L },
               { .prop = "Path" }) },
        { TYPES("HelpInfo"), "HelpInfo", SH_SHAPE_CUSTOM, .custom = help_text },
        { TYPES("System.Globalization.CultureInfo"), "System.Globalization.CultureInfo", SH_SHAPE_TABLE,
          COLS({ .prop = "LCID", .width = 16, .align = L }, { .prop = "Name", .width = 16, .align = L },
               { .prop = "DisplayName" }) },
        { TYPES("System.Management.Automation.PSMethod"), "PSMethod", SH_SHAPE_TABLE, .wrap = true,
          COLS({ "OverloadDefinitions", NULL, 0, 0, overloads }) },
        { TYPES("System.Management.Automation.CallStackFrame"), "CallStackFrame", SH_SHAPE_TABLE,
          COLS({ .prop = "Command" }, { .prop = "Arguments" }, { .prop = "Location" }) },
        { TYPES("Reeve.DesiredStateResult"), "DesiredStateResult", SH_SHAPE_CUSTOM, .custom = sh_desired_shown },
        { TYPES("Reeve.CimStateDifference"), "CimStateDifference", SH_SHAPE_TABLE,
          COLS({ .prop = "Key", .width = 30, .align = L }, { .prop = "Change", .width = 7, .align = L },
               { .prop = "Property", .width = 18, .align = L }, { .prop = "ReferenceValue", .width = 20, .align = L },
               { .prop = "DifferenceValue", .width = 20, .align = L }, { .prop = "ChangedBy", .align = L }) },
};
const uint32_t sh_nviews = sizeof(sh_views) / sizeof(*sh_views);

/* ---- finding ---- */
struct search {
        enum sh_shape shape;
        const char *name;
        bool oob;
        const struct sh_view *found;
};

static bool fits(const struct sh_view *v, const char *type)
{
        for (const char *const *t = v->types; *t; t++)
                if (sh_text_same(*t, strlen(*t), type, strlen(type)))
                        return true;
        return false;
}

static bool search_type(void *state, const char *type)
{
        struct search *s = state;
        for (uint32_t i = 0; i < sh_nviews; i++) {
                const struct sh_view *v = &sh_views[i];
                if (v->out_of_band != s->oob || (s->shape && v->shape != s->shape))
                        continue;
                if (s->name && !sh_text_same(v->name, strlen(v->name), s->name, strlen(s->name)))
                        continue;
                if (fits(v, type)) {
                        s->found = v;
                        return false;
                }
        }
        return true;
}

/* "label|property|width|align|format|divisor" */
static void parse_column(const char *row, struct sh_view_col *c)
{
        char *field[6] = { 0 }, *copy = strdup(row), *rest = copy;
        for (int i = 0; i < 6 && rest; i++)
                field[i] = strsep(&rest, "|");
        c->label = strdup(field[0] ? field[0] : "");
        c->prop = strdup(field[1] && *field[1] ? field[1] : field[0] ? field[0] : "");
        c->width = field[2] ? (int16_t)atoi(field[2]) : 0;
        c->align = field[3] && field[3][0] == 'r' ? R : field[3] && field[3][0] == 'c' ? SH_ALIGN_CENTER : L;
        c->format = field[4] && *field[4] ? strdup(field[4]) : NULL;
        c->divisor = field[5] ? strtod(field[5], NULL) : 0;
        free(copy);
}

static const struct sh_view *model_view(struct sv object, enum sh_shape shape, struct sh_view **ret_made)
{
        bool list = false;
        const char *const *rows = sh_model_view(sh_unwrap(object), &list);
        const struct sh_type *type = sh_type_of(object);
        enum sh_shape natural = list ? SH_SHAPE_LIST : SH_SHAPE_TABLE;
        uint32_t n = 0;
        if (!rows || !*rows || (shape && shape != natural && shape != SH_SHAPE_LIST))
                return NULL;
        while (rows[n])
                n++;
        struct sh_view *v = calloc(1, sizeof(*v));
        struct sh_view_col *cols = calloc(n, sizeof(*cols));
        const char **types = calloc(2, sizeof(*types));
        if (!v || !cols || !types)
                abort();
        for (uint32_t i = 0; i < n; i++)
                parse_column(rows[i], &cols[i]);
        types[0] = type ? type->name : "";
        *v = (struct sh_view) { .types = types, .name = types[0], .shape = shape ? shape : natural, .cols = cols,
                                .ncols = n };
        *ret_made = v;
        return v;
}

void sh_view_free(struct sh_view *v)
{
        if (!v)
                return;
        for (uint32_t i = 0; i < v->ncols; i++) {
                free((char *)v->cols[i].label);
                free((char *)v->cols[i].prop);
                free((char *)v->cols[i].format);
        }
        free((struct sh_view_col *)v->cols);
        free((char **)v->types);
        free(v);
}

const struct sh_view *sh_view_find(struct sh *sh, struct sv object, enum sh_shape shape, const char *name, bool oob,
                                   struct sh_view **ret_made)
{
        struct search s = { shape, name, oob, NULL };
        *ret_made = NULL;
        uint8_t kind = sh_unwrap(object).kind;
        if (!oob && !name && kind == SH_MODEL)
                return model_view(object, shape, ret_made);
        if (!oob && !name && kind == SH_PSOBJECT) { /* from another host's agent */
                const struct sh_view *v = model_view(object, shape, ret_made);
                if (v)
                        return v;
        }
        sh_type_names(sh, object, search_type, &s);
        return s.found;
}

struct applying {
        const struct sh_view *view;
        bool yes;
};

static bool applies_type(void *state, const char *type)
{
        struct applying *a = state;
        a->yes = fits(a->view, type);
        return !a->yes;
}

bool sh_view_applies(struct sh *sh, const struct sh_view *v, struct sv object)
{
        struct applying a = { v, false };
        sh_type_names(sh, object, applies_type, &a);
        return a.yes;
}

/* ---- types ---- */
const char *const *sh_default_properties(struct sh *sh, struct sv object)
{
        static const char *named[65]; /* what Update-TypeData said; borrowed until the next call */
        struct sv set = sh_ets_display(sh, object), item;
        size_t pos = 0, n = 0;
        while (!sh_is_null(set) && n < 64 && sh_next(set, &pos, &item)) {
                if (item.kind == SH_STRING)
                        named[n++] = item.s->s;
                sh_drop(item);
        }
        named[n] = NULL;
        if (n)
                return named;
        bool list;
        if (sh_unwrap(object).kind == SH_MODEL && !sh_model_view(sh_unwrap(object), &list))
                return NULL; /* a query named other properties: those */
        for (const struct sh_type *t = sh_type_of(sh_unwrap(object)); t; t = t->base)
                if (t->default_properties)
                        return t->default_properties;
        return NULL;
}

bool sh_is_scalar_type(struct sv v)
{
        struct sv base = sh_unwrap(v);
        switch (base.kind) {
        case SH_BOOL:
        case SH_CHAR:
        case SH_ENUM:
        case SH_STRING:
                return true;
        case SH_OTHER:
                return base.o->type && (strcmp(base.o->type->name, "System.Security.SecureString") == 0 ||
                                        strcmp(base.o->type->name, "System.Numerics.BigInteger") == 0);
        }
        return sh_is_number(base);
}
