/* SPDX-License-Identifier: MIT
 *
 * Get-, Set-, New-, Remove-, Clear-Variable.
 */
#include <stdlib.h>

#include "shell/code.h"
#include "shell/text.h"

/* -Scope: Local, Script, Global or how many scopes up. */
static int scope_of(struct sh_cmd *c, int otherwise)
{
        const char *s = sh_arg_text(c, "Scope", NULL);
        if (!s)
                return otherwise;
        size_t n = strlen(s);
        if (sh_text_same(s, n, "Global", 6))
                return SH_SCOPE_GLOBAL;
        if (sh_text_same(s, n, "Script", 6))
                return SH_SCOPE_SCRIPT;
        return sh_text_same(s, n, "Local", 5) || sh_text_same(s, n, "Private", 7) ? 0 : atoi(s);
}

/* The same as sh_scope_at counts. */
static int where_of(struct sh_cmd *c)
{
        int n = scope_of(c, 0);
        return n == SH_SCOPE_GLOBAL ? VS_GLOBAL : n == SH_SCOPE_SCRIPT ? VS_SCRIPT : n > 0 ? 100 + n : VS_LOCAL;
}

static bool wildcard_in(struct sv patterns, const char *name, size_t n)
{
        struct sv item;
        size_t pos = 0;
        bool yes = patterns.kind == SH_STRING && sh_wildcard(patterns.s->s, patterns.s->len, name, n, false);
        while (patterns.kind == SH_ARRAY && !yes && sh_next(patterns, &pos, &item)) {
                yes = item.kind == SH_STRING && sh_wildcard(item.s->s, item.s->len, name, n, false);
                sh_drop(item);
        }
        return yes;
}

/* -Include, -Exclude */
static bool selected(struct sh_cmd *c, const char *name, size_t n)
{
        return (!sh_bound(c, "Include") || wildcard_in(sh_arg(c, "Include"), name, n)) &&
               !wildcard_in(sh_arg(c, "Exclude"), name, n);
}

static int missing(struct sh_cmd *c, const char *name)
{
        struct sv target = sh_text(name);
        int r = sh_cmd_error(c, "VariableNotFound", "ObjectNotFound", target,
                             "Cannot find a variable with the name '%s'.", name);
        sh_drop(target);
        return r;
}

/* ---- Get-Variable ---- */
struct found {
        uint32_t *ids;
        uint32_t n, cap;
        struct sh *sh;
};
static void add_scope(struct found *f, struct scope *s)
{
        for (uint32_t i = 0; s->layout && i < s->n && i < s->layout->n; i++) {
                if (s->slots[i].kind == SH_K_UNSET)
                        continue;
                uint32_t id = s->layout->ids[i];
                bool seen = false;
                for (uint32_t k = 0; k < f->n && !seen; k++)
                        seen = f->ids[k] == id;
                if (seen || id == ID_UNDER)
                        continue;
                if (f->n == f->cap) {
                        f->cap = f->cap ? f->cap * 2 : 64;
                        f->ids = realloc(f->ids, f->cap * sizeof *f->ids);
                        if (!f->ids)
                                abort();
                }
                f->ids[f->n++] = id;
        }
}
static struct sh *sorting;
static int by_name(const void *a, const void *b)
{
        return strcasecmp(sh_name(sorting, *(const uint32_t *)a, NULL),
                          sh_name(sorting, *(const uint32_t *)b, NULL));
}

static int emit_variable(struct sh_cmd *c, uint32_t id, int where)
{
        struct sh *sh = sh_session(c);
        if (sh_switch(c, "ValueOnly")) {
                bool there;
                struct sv v = sh_var_read(sh, id, where, &there);
                int r = there ? sh_emit(c, v) : SH_OK;
                sh_drop(v);
                return r;
        }
        struct sh_var *box = sh_var_box(sh, id, where, false);
        struct sv v = box ? sh_keep((struct sv) { .kind = SH_OTHER, .o = &box->obj }) : sh_var_loose(sh, id);
        int r = sh_emit(c, v);
        sh_drop(v);
        return r;
}

static int get_one(struct sh_cmd *c, const char *name, size_t n)
{
        struct sh *sh = sh_session(c);
        bool scoped = sh_bound(c, "Scope"), there = false;
        int where = where_of(c), r = SH_OK;
        if (n && !sh_has_wildcard(name, n) && !selected(c, name, n))
                return SH_OK;
        if (n && !sh_has_wildcard(name, n)) {
                uint32_t id = sh_intern(sh, name, n);
                struct sv v = SH_NIL;
                if (scoped) {
                        struct sv *slot = sh_scope_slot(sh_scope_at(sh, where), id, false);
                        there = slot && slot->kind != SH_K_UNSET;
                } else {
                        there = sh_var_get(sh, name, &v);
                }
                sh_drop(v);
                if (!there)
                        return missing(c, name);
                if (scoped)
                        return emit_variable(c, id, where);
                if (sh_switch(c, "ValueOnly") && sh_var_get(sh, name, &v)) {
                        r = sh_emit(c, v);
                        sh_drop(v);
                        return r;
                }
                return emit_variable(c, id, 0);
        }
        struct found f = { .sh = sh };
        for (struct scope *s = scoped ? sh_scope_at(sh, where) : sh->scope; s; s = scoped ? NULL : s->parent)
                add_scope(&f, s);
        sorting = sh;
        qsort(f.ids, f.n, sizeof *f.ids, by_name);
        for (uint32_t i = 0; i < f.n && r == SH_OK; i++) {
                uint32_t len;
                const char *s = sh_name(sh, f.ids[i], &len);
                if ((!n || sh_wildcard(name, n, s, len, false)) && selected(c, s, len))
                        r = emit_variable(c, f.ids[i], scoped ? where : 0);
        }
        free(f.ids);
        return r;
}

static int each_name(struct sh_cmd *c, int (*one)(struct sh_cmd *, const char *, size_t))
{
        struct sv names = sh_arg(c, "Name"), t;
        size_t pos = 0;
        int r = SH_OK;
        if (sh_is_null(names))
                return one(c, "", 0);
        if (names.kind == SH_STRING)
                return one(c, names.s->s, names.s->len);
        while (r == SH_OK && sh_next_text(c, names, &pos, &t)) {
                r = one(c, t.s->s, t.s->len);
                sh_drop(t);
        }
        return r;
}
static int get_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return each_name(c, get_one);
}
#define SCOPE \
        { \
                "Scope", .type = "string", .help = "Local, Script, Global, or how many scopes up." \
        }
static const struct sh_cmdlet get_variable = {
        .name = "Get-Variable",
        .alias = (const char *[]) { "gv", NULL },
        .synopsis = "Shows variables.",
        .process = get_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true,
                                                .from_pipeline = true, .from_property = true,
                                                .complete = "variable" },
                                              { "ValueOnly", .type = "switch" },
                                              SCOPE,
                                              { "Include", .type = "string[]" },
                                              { "Exclude", .type = "string[]" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "$x = 3; Get-Variable x -ValueOnly", "3", "" },
                                                  { "$x = 3; (Get-Variable x).Name", "x", "" },
                                                  { 0 } },
};

/* ---- Set-Variable, New-Variable ---- */
struct setting {
        struct sv list;
        uint32_t n;
};
static int set_process(struct sh_cmd *c, struct sv input)
{
        struct setting *s = sh_state(c);
        if (input.kind == SH_VOID || sh_bound(c, "Value") == false || !sh_expects_input(c))
                return SH_OK;
        if (!s->n++)
                s->list = sh_array_new(4);
        sh_array_add(s->list.a, sh_arg(c, "Value"));
        return SH_OK;
}

static int set_one(struct sh_cmd *c, const char *name, struct sv value, bool new)
{
        struct sh *sh = sh_session(c);
        int scope = scope_of(c, 0), where = where_of(c);
        struct sv options = sh_arg(c, "Option"),
                  *slot = sh_scope_slot(sh_scope_at(sh, where), sh_intern(sh, name, strlen(name)), false);
        bool there = slot && slot->kind != SH_K_UNSET, what = true;
        if (new &&there && !sh_switch(c, "Force")) {
                struct sv target = sh_text(name);
                sh_throw_as(sh, "System.Management.Automation.SessionStateException", "VariableAlreadyExists",
                            "ResourceExists", target, "A variable with name '%s' already exists.", name);
                sh_drop(target);
                struct sv e = sh_error_take(sh);
                int r = sh_stream_error(sh, e);
                sh_drop(e);
                return r;
        }
        struct sv shown = sh_to_text(sh, value), said = sh_printf("Name: %s Value: %s", name, shown.s->s);
        sh_drop(shown);
        int r = sh_should_process(c, said.s->s, new ? "New variable" : "Set variable", &what);
        sh_drop(said);
        if (r != SH_OK || !what)
                return r;
        struct sv text = sh_is_null(options) ? SH_NIL : sh_to_text(sh, options);
        if (there && sh_switch(c, "Force")) {
                struct sh_var *box = sh_var_box(sh, sh_intern(sh, name, strlen(name)), where, false);
                if (box)
                        box->options &= ~(uint32_t)VO_READONLY;
        }
        r = sh_var_set_scope(sh, name, value, scope, text.kind == SH_STRING ? text.s->s : NULL);
        sh_drop(text);
        if (r == SH_OK && sh_bound(c, "Description")) {
                struct sh_var *box = sh_var_box(sh, sh_intern(sh, name, strlen(name)), where, true);
                if (box) {
                        sh_drop(box->description);
                        box->description = sh_keep(sh_arg(c, "Description"));
                }
        }
        struct sh_var *box = r == SH_OK && sh_switch(c, "PassThru")
                                     ? sh_var_box(sh, sh_intern(sh, name, strlen(name)), where, true)
                                     : NULL;
        return box ? sh_emit(c, (struct sv) { .kind = SH_OTHER, .o = &box->obj }) : r;
}

static int set_end(struct sh_cmd *c)
{
        struct setting *s = sh_state(c);
        struct sv names = sh_arg(c, "Name"), t,
                  value = s->n == 0   ? sh_arg(c, "Value")
                          : s->n == 1 ? s->list.a->v[0]
                                      : s->list;
        bool new = sh_cmdlet_of(c)->name[0] == 'N';
        size_t pos = 0;
        int r = SH_OK;
        if (names.kind == SH_STRING)
                r = set_one(c, names.s->s, value, new);
        else
                while (r == SH_OK && sh_next_text(c, names, &pos, &t)) {
                        r = set_one(c, t.s->s, value, new);
                        sh_drop(t);
                }
        sh_drop(s->list);
        s->list = SH_NIL;
        return r;
}
#define SETTING \
        { "Value", .type = "object", .position = 2, .from_pipeline = true, .allow_null = true }, \
                { "Description", .type = "string" }, { "Option", .type = "string" }, \
                { "Visibility", .type = "string" }, { "Force", .type = "switch" }, \
                { "PassThru", .type = "switch" }, SCOPE
static const struct sh_cmdlet set_variable = {
        .name = "Set-Variable",
        .alias = (const char *[]) { "sv", "set", NULL },
        .synopsis = "Sets a variable.",
        .should_process = true,
        .state_size = sizeof(struct setting),
        .process = set_process,
        .end = set_end,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .mandatory = true,
                                                .from_property = true, .complete = "variable" },
                                              SETTING,
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Set-Variable x 5; $x", "5", "" },
                                                  { "1..3 | Set-Variable y; $y.Count", "3", "" },
                                                  { 0 } },
};
static const struct sh_cmdlet new_variable = {
        .name = "New-Variable",
        .alias = (const char *[]) { "nv", NULL },
        .synopsis = "Makes a variable that must not exist yet.",
        .should_process = true,
        .state_size = sizeof(struct setting),
        .process = set_process,
        .end = set_end,
        .params = (const struct sh_param[]) { { "Name", .type = "string", .position = 1, .mandatory = true,
                                                .from_property = true },
                                              SETTING,
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "New-Variable k 5 -Option ReadOnly; $k", "5", "" },
                                                  { "New-Variable z 1; $z", "1", "" },
                                                  { 0 } },
};

/* ---- Remove-, Clear-Variable ---- */
static int remove_one(struct sh_cmd *c, const char *name, size_t n)
{
        struct sh *sh = sh_session(c);
        struct scope *top = sh_scope_at(sh, where_of(c));
        bool any = false, wild = sh_has_wildcard(name, n), clear = sh_cmdlet_of(c)->name[0] == 'C';
        for (struct scope *s = top; s && !(any && !wild); s = sh_bound(c, "Scope") ? NULL : s->parent)
                for (uint32_t i = 0; s->layout && i < s->n && i < s->layout->n; i++) {
                        uint32_t len;
                        const char *own = sh_name(sh, s->layout->ids[i], &len);
                        if (s->slots[i].kind == SH_K_UNSET ||
                            !(wild ? sh_wildcard(name, n, own, len, false) : sh_text_same(name, n, own, len)) ||
                            !selected(c, own, len))
                                continue;
                        struct sh_var *box =
                                s->slots[i].kind == SH_K_BOX ? (struct sh_var *)s->slots[i].o : NULL;
                        any = true;
                        if (box && (box->options & VO_CONSTANT ||
                                    (box->options & VO_READONLY && !sh_switch(c, "Force")))) {
                                struct sv target = sh_text(own);
                                int r = sh_cmd_error(
                                        c, clear ? "VariableNotWritable" : "VariableNotRemovable",
                                        "WriteError", target,
                                        clear ? "Cannot overwrite variable %s because it is read-only or "
                                                "constant."
                                              : "Cannot remove variable %s because it is constant or "
                                                "read-only. If the variable is read-only, try "
                                                "the operation again specifying the Force option.",
                                        own);
                                sh_drop(target);
                                if (r != SH_OK)
                                        return r;
                                continue;
                        }
                        if (clear) {
                                uint32_t options = box ? box->options : 0;
                                if (box)
                                        box->options &= ~(uint32_t)VO_READONLY;
                                sh_slot_write(sh, &s->slots[i], SH_NIL, s->layout->ids[i]);
                                if (box)
                                        box->options = options;
                                if (sh_switch(c, "PassThru"))
                                        emit_variable(c, s->layout->ids[i], s == top ? where_of(c) : 0);
                        } else {
                                struct sv old = s->slots[i];
                                s->slots[i] = SH_UNSET;
                                if (box) {
                                        struct sv held = { .kind = SH_OTHER, .o = &box->obj };
                                        sh_drop(held);
                                } else {
                                        sh_drop(old);
                                }
                        }
                }
        return any || wild || !selected(c, name, n) ? SH_OK : missing(c, name);
}
static int remove_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return each_name(c, remove_one);
}
#define REMOVING \
        { "Name",           .type = "string[]",    .position = 1,         .mandatory = true, \
          .wildcard = true, .from_property = true, .complete = "variable" }, \
                { "Force", .type = "switch" }, SCOPE, { "Include", .type = "string[]" }, \
                { "Exclude", .type = "string[]" }, \
        { \
                0 \
        }
static const struct sh_cmdlet remove_variable = {
        .name = "Remove-Variable",
        .alias = (const char *[]) { "rv", NULL },
        .synopsis = "Removes variables.",
        .should_process = true,
        .process = remove_process,
        .params = (const struct sh_param[]) { REMOVING },
        .examples =
                (const struct sh_example[]) { { "$x = 1; Remove-Variable x; $null -eq $x", "True", "" },
                                              { "$ab = 1; Remove-Variable a*; $null -eq $ab", "True", "" },
                                              { 0 } },
};
static const struct sh_cmdlet clear_variable = {
        .name = "Clear-Variable",
        .alias = (const char *[]) { "clv", NULL },
        .synopsis = "Sets variables to null.",
        .should_process = true,
        .process = remove_process,
        .params = (const struct sh_param[]) { { "PassThru", .type = "switch" }, REMOVING },
        .examples = (const struct sh_example[]) { { "$x = 1; Clear-Variable x; $null -eq $x", "True", "" },
                                                  { "$x = 1; Clear-Variable x; Test-Path variable:x", NULL,
                                                    "It is still there." },
                                                  { 0 } },
};

SH_CMDLETS(variable, &get_variable, &set_variable, &new_variable, &remove_variable, &clear_variable);
