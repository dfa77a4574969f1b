/* SPDX-License-Identifier: MIT
 *
 * Format-Table, Format-List, Format-Wide, Format-Custom: objects in, formatting records out.
 */
#include "shell/cmdlet.h"
#include "shell/format.h"

#include <strings.h>

struct formatting {
        struct sh_format_options o;
        struct sh_front *front;
};

static int emit_record(void *state, struct sv v)
{
        return sh_emit(state, v);
}

static int said(struct sh_cmd *c, const char *param)
{
        return sh_bound(c, param) ? sh_switch(c, param) : -1;
}

static int start(struct sh_cmd *c, enum sh_shape shape, unsigned keys)
{
        struct formatting *f = sh_state(c);
        struct sh_format_options *o = &f->o;
        *o = (struct sh_format_options) { .shape = shape, .autosize = -1, .hide_header = -1, .wrap = -1 };
        o->view = sh_arg_text(c, "View", NULL);
        if (o->view && sh_bound(c, "Property"))
                return sh_cmd_throw(c, "FormatCannotSpecifyViewAndProperty", "InvalidArgument", SH_NIL,
                                    "The -View and -Property parameters cannot be specified together.");
        int r = sh_props_parse(c, sh_arg(c, "Property"), keys, &o->props);
        if (r == SH_OK)
                r = sh_props_parse(c, sh_arg(c, "GroupBy"), SH_PK_NAME | SH_PK_FORMAT, &o->group_by);
        if (r)
                return r;
        if (shape == SH_SHAPE_TABLE || shape == SH_SHAPE_LIST || shape == SH_SHAPE_CUSTOM)
                o->exclude = sh_keep(sh_arg(c, "ExcludeProperty"));
        if (!sh_is_null(o->exclude) && !o->props.n) {
                struct sv star = sh_text("*");
                r = sh_props_parse(c, star, keys, &o->props);
                sh_drop(star);
        }
        o->force = sh_switch(c, "Force");
        o->expand_core = strcasecmp(sh_arg_text(c, "Expand", ""), "CoreOnly") == 0;
        f->front = sh_front_new(sh_session(c), o, emit_record, c);
        return r;
}

static int table_begin(struct sh_cmd *c)
{
        struct formatting *f = sh_state(c);
        int r = start(c, SH_SHAPE_TABLE, SH_PK_NAME | SH_PK_FORMAT | SH_PK_WIDTH);
        f->o.autosize = (int8_t)said(c, "AutoSize");
        f->o.hide_header = (int8_t)said(c, "HideTableHeaders");
        f->o.wrap = (int8_t)said(c, "Wrap");
        f->o.repeat_header = sh_switch(c, "RepeatHeader");
        return r;
}

static int list_begin(struct sh_cmd *c)
{
        return start(c, SH_SHAPE_LIST, SH_PK_NAME | SH_PK_FORMAT);
}

static int wide_begin(struct sh_cmd *c)
{
        struct formatting *f = sh_state(c);
        int r = start(c, SH_SHAPE_WIDE, SH_PK_FORMAT);
        f->o.autosize = (int8_t)said(c, "AutoSize");
        f->o.columns = (int)sh_arg_int(c, "Column", 0);
        if (f->o.columns && f->o.autosize > 0)
                return sh_cmd_throw(c, "FormatCannotSpecifyAutosizeAndColumns", "InvalidArgument", SH_NIL,
                                    "The -AutoSize and -Column parameters cannot be specified together.");
        return r;
}

static int custom_begin(struct sh_cmd *c)
{
        struct formatting *f = sh_state(c);
        int r = start(c, SH_SHAPE_CUSTOM, SH_PK_DEPTH);
        f->o.depth = (int)sh_arg_int(c, "Depth", 5);
        return r;
}

static int format_process(struct sh_cmd *c, struct sv input)
{
        struct formatting *f = sh_state(c);
        input = sh_input(c, input);
        return sh_is_null(input) ? SH_OK : sh_front_write(f->front, input);
}

static int format_end(struct sh_cmd *c)
{
        struct formatting *f = sh_state(c);
        return sh_front_end(f->front);
}

static void format_clean(struct sh_cmd *c)
{
        struct formatting *f = sh_state(c);
        sh_front_free(f->front);
        f->front = NULL;
        sh_props_free(&f->o.props);
        sh_props_free(&f->o.group_by);
        sh_drop(f->o.exclude);
        f->o.exclude = SH_NIL;
}

#define COMMON                                                                                               \
        { "GroupBy", .help = "Starts anew whenever this property changes." },                                \
                { "View", .type = "string", .help = "A registered view by name." },                          \
                { "ShowError", .type = "switch" }, { "DisplayError", .type = "switch" },                     \
                { "Force", .type = "switch", .help = "Formats also what is otherwise shown as its text." },  \
                { "Expand", .type = "string", .values = "CoreOnly,EnumOnly,Both" },                          \
                { "InputObject", .from_pipeline = true },                                                    \
        {                                                                                                    \
                0                                                                                            \
        }
#define RUN                                                                                                  \
        .state_size = sizeof(struct formatting), .process = format_process, .end = format_end,               \
        .clean = format_clean

static const struct sh_cmdlet format_table = {
        .name = "Format-Table",
        .alias = (const char *[]) { "ft", NULL },
        .synopsis = "Shows objects as a table.",
        .params =
                (const struct sh_param[]) {
                        { "Property", .type = "object[]", .position = 1, .wildcard = true, .complete = "property",
                          .help = "Names, or tables with Label, Expression, Width, Alignment, FormatString." },
                        { "ExcludeProperty", .type = "string[]", .wildcard = true },
                        { "AutoSize", .type = "switch", .help = "Looks at all rows before it chooses widths." },
                        { "HideTableHeaders", .type = "switch" },
                        { "RepeatHeader", .type = "switch" },
                        { "Wrap", .type = "switch", .help = "Long cells go on in the next line." },
                        COMMON },
        .begin = table_begin,
        RUN,
};

static const struct sh_cmdlet format_list = {
        .name = "Format-List",
        .alias = (const char *[]) { "fl", NULL },
        .synopsis = "Shows objects as lists of their properties.",
        .params =
                (const struct sh_param[]) {
                        { "Property", .type = "object[]", .position = 1, .wildcard = true, .complete = "property",
                          .help = "Names, or tables with Label, Expression, FormatString; * shows all." },
                        { "ExcludeProperty", .type = "string[]", .wildcard = true },
                        COMMON },
        .begin = list_begin,
        RUN,
};

static const struct sh_cmdlet format_wide = {
        .name = "Format-Wide",
        .alias = (const char *[]) { "fw", NULL },
        .synopsis = "Shows one property of objects in columns.",
        .params =
                (const struct sh_param[]) {
                        { "Property", .position = 1, .wildcard = true, .complete = "property" },
                        { "AutoSize", .type = "switch" },
                        { "Column", .type = "int", .min = 1, .max = INT32_MAX },
                        COMMON },
        .begin = wide_begin,
        RUN,
};

static const struct sh_cmdlet format_custom = {
        .name = "Format-Custom",
        .alias = (const char *[]) { "fc", NULL },
        .synopsis = "Shows objects and the objects in them.",
        .params =
                (const struct sh_param[]) {
                        { "Property", .type = "object[]", .position = 1, .wildcard = true, .complete = "property" },
                        { "ExcludeProperty", .type = "string[]", .wildcard = true },
                        { "Depth", .type = "int", .min = 1, .max = 100 },
                        COMMON },
        .begin = custom_begin,
        RUN,
};

SH_CMDLETS(format, &format_table, &format_list, &format_wide, &format_custom);
