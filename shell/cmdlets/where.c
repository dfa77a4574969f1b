/* SPDX-License-Identifier: MIT
 *
 * Where-Object: a block, or the simple form "Where-Object Property -eq value" whose operators are the language's own.
 */
#include "shell/cmdlet.h"

#include <stdlib.h>

struct where {
        struct sv block, value;
        struct sh_str *property;
        int op; /* enum sh_op; -1 truth, -2 not */
        bool cs;
};

static const struct {
        const char *name;
        enum sh_op op;
        bool cs;
} ops[] = {
        { "EQ", SH_EQ, false },
        { "CEQ", SH_EQ, true },
        { "NE", SH_NE, false },
        { "CNE", SH_NE, true },
        { "GT", SH_GT, false },
        { "CGT", SH_GT, true },
        { "LT", SH_LT, false },
        { "CLT", SH_LT, true },
        { "GE", SH_GE, false },
        { "CGE", SH_GE, true },
        { "LE", SH_LE, false },
        { "CLE", SH_LE, true },
        { "Like", SH_LIKE, false },
        { "CLike", SH_LIKE, true },
        { "NotLike", SH_NOTLIKE, false },
        { "CNotLike", SH_NOTLIKE, true },
        { "Match", SH_MATCH, false },
        { "CMatch", SH_MATCH, true },
        { "NotMatch", SH_NOTMATCH, false },
        { "CNotMatch", SH_NOTMATCH, true },
        { "Contains", SH_CONTAINS, false },
        { "CContains", SH_CONTAINS, true },
        { "NotContains", SH_NOTCONTAINS, false },
        { "CNotContains", SH_NOTCONTAINS, true },
        { "In", SH_IN, false },
        { "CIn", SH_IN, true },
        { "NotIn", SH_NOTIN, false },
        { "CNotIn", SH_NOTIN, true },
        { "Is", SH_IS, false },
        { "IsNot", SH_ISNOT, false },
};

static int find_operator(struct sh_cmd *c, struct where *w)
{
        int found = 0;
        w->op = -1;
        for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
                if (sh_switch(c, ops[i].name)) {
                        w->op = ops[i].op;
                        w->cs = ops[i].cs;
                        found++;
                }
        if (sh_switch(c, "Not")) {
                w->op = -2;
                found++;
        }
        if (found > 1)
                return sh_cmd_throw(
                        c, "AmbiguousParameterSet", "InvalidArgument", SH_NIL,
                        "Parameter set cannot be resolved using the specified named parameters. One or "
                        "more parameters issued cannot be used together or an insufficient number of "
                        "parameters were provided.");
        if (found == 0 && sh_bound(c, "Value"))
                return sh_cmd_throw(
                        c, "OperatorNotSpecified", "InvalidArgument", SH_NIL,
                        "The specified operator requires both the -Property and -Value parameters. "
                        "Provide values for both parameters, and then try the command again.");
        if (w->op >= 0 && !sh_bound(c, "Value"))
                return sh_cmd_throw(
                        c, "ValueNotSpecifiedForWhereObject", "InvalidArgument", SH_NIL,
                        "The specified operator requires both the -Property and -Value parameters. "
                        "Provide values for both parameters, and then try the command again.");
        return SH_OK;
}

/* -Is [int]: a word in an argument. */
static int type_value(struct sh_cmd *c, struct where *w)
{
        struct sv base = sh_unwrap(w->value);
        if ((w->op != SH_IS && w->op != SH_ISNOT) || base.kind != SH_STRING)
                return SH_OK;
        const char *s = base.s->s;
        size_t n = base.s->len;
        if (n > 2 && s[0] == '[' && s[n - 1] == ']') {
                s++;
                n -= 2;
        }
        const struct sh_type *t = sh_type_find(sh_session(c), s, n);
        if (!t)
                return sh_cmd_throw(c, "TypeNotFound", "InvalidArgument", SH_NIL, "Cannot find type [%.*s].",
                                    (int)n, s);
        sh_drop(w->value);
        w->value = sh_type_value(t);
        return SH_OK;
}

static int where_begin(struct sh_cmd *c)
{
        struct where *w = sh_state(c);
        w->block = sh_keep(sh_unwrap(sh_arg(c, "FilterScript")));
        if (w->block.kind == SH_BLOCK)
                return SH_OK;
        struct sv p = sh_arg(c, "Property");
        if (p.kind == SH_STRING)
                w->property = sh_keep(p).s;
        w->value = sh_keep(sh_arg(c, "Value"));
        int r = find_operator(c, w);
        return r ? r : type_value(c, w);
}

static int test(struct sh_cmd *c, struct where *w, struct sv input, bool *ret)
{
        struct sh *sh = sh_session(c);
        struct sv left, result;
        int r = w->property ? sh_get(sh, input, w->property->s, w->property->len, &left) : SH_NONE;
        if (r == SH_NONE)
                left = SH_NIL;
        else if (r == SH_ERROR) {
                sh_drop(sh_error_take(sh));
                left = SH_NIL;
        } else if (r)
                return r;
        if (w->op < 0) {
                *ret = sh_true(left) == (w->op == -1);
                sh_drop(left);
                return SH_OK;
        }
        r = sh_binary(sh, (enum sh_op)w->op, w->cs, left, w->value, &result);
        sh_drop(left);
        if (r)
                return r;
        *ret = sh_true(result);
        sh_drop(result);
        return SH_OK;
}

static int where_process(struct sh_cmd *c, struct sv input)
{
        struct where *w = sh_state(c);
        bool yes = false;
        int r;
        input = sh_input(c, input);
        if (input.kind == SH_VOID)
                return SH_OK;
        if (w->block.kind == SH_BLOCK) {
                struct sv result;
                r = sh_block_value(sh_session(c), w->block, &input, (struct sh_args) { 0 }, false, &result);
                if (r == SH_OK) {
                        yes = sh_true(result);
                        sh_drop(result);
                }
        } else
                r = test(c, w, input, &yes);
        if (r)
                return r;
        return yes ? sh_emit(c, input) : SH_OK;
}

static void where_clean(struct sh_cmd *c)
{
        struct where *w = sh_state(c);
        sh_drop(w->block);
        sh_drop(w->value);
        if (w->property)
                sh_drop((struct sv) { .kind = SH_STRING, .s = w->property });
        *w = (struct where) { 0 };
}

#define OPERATOR(name, other, text) \
        { \
                name, .type = "switch", .alias = other, .sets = "PropertySet", .help = text \
        }

static const struct sh_cmdlet where_object = {
        .name = "Where-Object",
        .alias = (const char *[]) { "where", "?", NULL },
        .synopsis = "Passes on the objects for which a condition holds.",
        .params =
                (const struct sh_param[]) {
                        { "FilterScript", .type = "scriptblock", .sets = "ScriptBlockSet", .position = 1,
                          .mandatory = true, .help = "The condition; $_ is the object." },
                        { "Property", .type = "string", .sets = "PropertySet", .position = 1,
                          .mandatory = true, .help = "The property to look at." },
                        { "Value", .sets = "PropertySet", .position = 2, .allow_null = true,
                          .help = "What to compare it with." },
                        { "InputObject", .from_pipeline = true },
                        OPERATOR("EQ", "IEQ", "Equal."),
                        OPERATOR("CEQ", NULL, "Equal, case-sensitive."),
                        OPERATOR("NE", "INE", "Not equal."),
                        OPERATOR("CNE", NULL, "Not equal, case-sensitive."),
                        OPERATOR("GT", "IGT", "Greater."),
                        OPERATOR("CGT", NULL, "Greater, case-sensitive."),
                        OPERATOR("LT", "ILT", "Less."),
                        OPERATOR("CLT", NULL, "Less, case-sensitive."),
                        OPERATOR("GE", "IGE", "Greater or equal."),
                        OPERATOR("CGE", NULL, "Greater or equal, case-sensitive."),
                        OPERATOR("LE", "ILE", "Less or equal."),
                        OPERATOR("CLE", NULL, "Less or equal, case-sensitive."),
                        OPERATOR("Like", "ILike", "Fits a wildcard pattern."),
                        OPERATOR("CLike", NULL, "Fits a wildcard pattern, case-sensitive."),
                        OPERATOR("NotLike", "INotLike", "Does not fit a wildcard pattern."),
                        OPERATOR("CNotLike", NULL, "Does not fit a wildcard pattern, case-sensitive."),
                        OPERATOR("Match", "IMatch", "Matches a regular expression."),
                        OPERATOR("CMatch", NULL, "Matches a regular expression, case-sensitive."),
                        OPERATOR("NotMatch", "INotMatch", "Does not match a regular expression."),
                        OPERATOR("CNotMatch", NULL, "Does not match a regular expression, case-sensitive."),
                        OPERATOR("Contains", "IContains", "The collection has the value."),
                        OPERATOR("CContains", NULL, "The collection has the value, case-sensitive."),
                        OPERATOR("NotContains", "INotContains", "The collection does not have the value."),
                        OPERATOR("CNotContains", NULL,
                                 "The collection does not have the value, case-sensitive."),
                        OPERATOR("In", "IIn", "The value is in the collection."),
                        OPERATOR("CIn", NULL, "The value is in the collection, case-sensitive."),
                        OPERATOR("NotIn", "INotIn", "The value is not in the collection."),
                        OPERATOR("CNotIn", NULL, "The value is not in the collection, case-sensitive."),
                        OPERATOR("Is", NULL, "Is of a type."),
                        OPERATOR("IsNot", NULL, "Is not of a type."),
                        OPERATOR("Not", NULL, "The property is false, empty or missing."),
                        { 0 } },
        .default_set = "ScriptBlockSet",
        .state_size = sizeof(struct where),
        .begin = where_begin,
        .process = where_process,
        .clean = where_clean,
        .examples =
                (const struct sh_example[]) {
                        { "1..5 | Where-Object { $_ % 2 }", "1\n3\n5", "Odd numbers." },
                        { "'a','bb' | Where-Object Length -gt 1", "bb", "The simple form." },
                        { 0 } },
};
SH_CMDLETS(where, &where_object);
