/* SPDX-License-Identifier: MIT
 *
 * Names, scopes, variables. A scope is a row of slots described by a layout; reads climb the parents, writes stay.
 * A slot holds the value itself, or a box (struct sh_var) when the variable has a type, options, validation, or is
 * referred to by [ref] or Get-Variable.
 */
#include "shell/job.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* ---- names: without case, numbered from 1 ---- */
static uint32_t hash_name(const char *s, size_t n)
{
        uint32_t h = 2166136261u;
        for (size_t i = 0; i < n; i++)
                h = (h ^ (uint32_t)tolower((unsigned char)s[i])) * 16777619u;
        return h;
}

static void grow_names(struct sh *sh)
{
        sh->capnames = sh->capnames ? sh->capnames * 2 : 256;
        sh->names = realloc(sh->names, sh->capnames * sizeof *sh->names);
        sh->name_mask = sh->capnames * 2 - 1;
        free(sh->name_table);
        sh->name_table = calloc(sh->name_mask + 1, sizeof *sh->name_table);
        if (!sh->names || !sh->name_table)
                abort();
        for (uint32_t k = 1; k < sh->nnames; k++) {
                uint32_t i = sh->names[k].hash & sh->name_mask;
                while (sh->name_table[i])
                        i = (i + 1) & sh->name_mask;
                sh->name_table[i] = k;
        }
}

static const char *const fixed_names[] = { "",
                                           "args",
                                           "input",
                                           "Matches",
                                           "Error",
                                           "PSBoundParameters",
                                           "MyInvocation",
                                           "PSCmdlet",
                                           "PSScriptRoot",
                                           "PSCommandPath",
                                           "this",
                                           "LASTEXITCODE",
                                           "PWD",
                                           "HOME",
                                           "PID",
                                           "OFS",
                                           "ErrorActionPreference",
                                           "WarningPreference",
                                           "VerbosePreference",
                                           "DebugPreference",
                                           "InformationPreference",
                                           "ProgressPreference",
                                           "ConfirmPreference",
                                           "WhatIfPreference",
                                           "PSVersionTable",
                                           "Host",
                                           "IsLinux",
                                           "IsWindows",
                                           "IsMacOS",
                                           "IsCoreCLR",
                                           "PSCulture",
                                           "PSUICulture",
                                           "PSHOME",
                                           "ShellId",
                                           "NestedPromptLevel",
                                           "foreach",
                                           "switch",
                                           "StackTrace",
                                           "ExecutionContext",
                                           "PSDefaultParameterValues",
                                           "PSNativeCommandUseErrorActionPreference",
                                           "PSNativeCommandArgumentPassing",
                                           "OutputEncoding",
                                           "FormatEnumerationLimit",
                                           "PROFILE",
                                           "ErrorView",
                                           "MaximumHistoryCount",
                                           "Event",
                                           "PSStyle",
                                           "PSEdition",
                                           "_",
                                           "PSItem",
                                           "true",
                                           "false",
                                           "null" };
_Static_assert(sizeof fixed_names / sizeof *fixed_names == ID_FIXED, "every fixed id has its name");

uint32_t sh_intern(struct sh *sh, const char *s, size_t n)
{
        if (!sh->names) {
                grow_names(sh);
                sh->nnames = 1;
                for (int i = 1; i < ID_FIXED; i++)
                        sh_intern(sh, fixed_names[i], strlen(fixed_names[i]));
        }
        uint32_t h = hash_name(s, n), i = h & sh->name_mask;
        for (; sh->name_table[i]; i = (i + 1) & sh->name_mask) {
                uint32_t k = sh->name_table[i];
                if (sh->names[k].hash == h && sh_text_same(sh->names[k].s, sh->names[k].n, s, n))
                        return k;
        }
        if (sh->nnames == sh->capnames) {
                grow_names(sh);
                for (i = h & sh->name_mask; sh->name_table[i]; i = (i + 1) & sh->name_mask)
                        ;
        }
        uint32_t k = sh->nnames++;
        sh->names[k].s = malloc(n + 1); /* a name in braces may hold NUL bytes */
        if (!sh->names[k].s)
                abort();
        memcpy(sh->names[k].s, s, n);
        sh->names[k].s[n] = 0;
        sh->names[k].n = (uint32_t)n;
        sh->names[k].hash = h;
        sh->name_table[i] = k;
        return k;
}

const char *sh_name(struct sh *sh, uint32_t id, uint32_t *ret_n)
{
        if (ret_n)
                *ret_n = sh->names[id].n;
        return sh->names[id].s;
}

/* ---- tables ---- */
struct sv *sh_table_at(struct table *t, uint32_t id)
{
        uint32_t at = sh_layout_find(&t->names, id);
        return at == UINT32_MAX || t->v[at].kind == SH_K_UNSET ? NULL : &t->v[at];
}

void sh_table_set(struct table *t, uint32_t id, struct sv owned)
{
        uint32_t at = sh_layout_add(&t->names, id);
        if (at >= t->cap) {
                uint32_t cap = t->cap ? t->cap * 2 : 8;
                t->v = realloc(t->v, cap * sizeof *t->v);
                if (!t->v)
                        abort();
                for (uint32_t i = t->cap; i < cap; i++)
                        t->v[i] = SH_UNSET;
                t->cap = cap;
        }
        if (t->v[at].kind != SH_K_UNSET)
                sh_drop(t->v[at]);
        t->v[at] = owned;
}

bool sh_table_remove(struct table *t, uint32_t id)
{
        struct sv *v = sh_table_at(t, id);
        if (!v)
                return false;
        sh_drop(*v);
        *v = SH_UNSET;
        return true;
}

void sh_table_free(struct table *t)
{
        for (uint32_t i = 0; i < t->names.n; i++)
                if (i < t->cap && t->v[i].kind != SH_K_UNSET)
                        sh_drop(t->v[i]);
        free(t->v);
        free(t->names.ids);
        free(t->names.table);
        *t = (struct table) { 0 };
}

/* ---- scopes ---- */
static void slot_drop(struct sv v)
{
        if (v.kind == SH_K_BOX)
                v.kind = SH_OTHER;
        if (v.kind != SH_K_UNSET)
                sh_drop(v);
}

struct scope *sh_scope_new(struct sh *sh, struct scope *parent, struct layout *layout)
{
        struct scope *s = calloc(1, sizeof *s);
        (void)sh;
        if (!s)
                abort();
        s->refs = 1;
        s->layout = layout;
        layout->refs++;
        s->parent = parent;
        if (parent) {
                parent->refs++;
                s->script = parent->script;
                s->module = parent->module;
                s->strict = parent->strict;
        }
        s->n = layout->n;
        if (s->n) {
                s->slots = malloc(s->n * sizeof *s->slots);
                if (!s->slots)
                        abort();
                for (uint32_t i = 0; i < s->n; i++)
                        s->slots[i] = SH_UNSET;
        }
        return s;
}

void sh_scope_drop(struct scope *s)
{
        while (s && --s->refs == 0) {
                struct scope *parent = s->parent;
                for (uint32_t i = 0; i < s->n; i++)
                        slot_drop(s->slots[i]);
                free(s->slots);
                sh_layout_drop(s->layout);
                if (s->functions)
                        sh_table_free(s->functions), free(s->functions);
                if (s->aliases)
                        sh_table_free(s->aliases), free(s->aliases);
                free(s);
                s = parent;
        }
}

struct sv *sh_scope_slot(struct scope *s, uint32_t id, bool make)
{
        uint32_t at = make ? sh_layout_add(s->layout, id) : sh_layout_find(s->layout, id);
        if (at == UINT32_MAX || (!make && at >= s->n))
                return NULL;
        if (at >= s->n) {
                uint32_t n = s->layout->n + (s->parent ? 0 : s->layout->n / 2);
                s->slots = realloc(s->slots, n * sizeof *s->slots);
                if (!s->slots)
                        abort();
                for (uint32_t i = s->n; i < n; i++)
                        s->slots[i] = SH_UNSET;
                s->n = n;
        }
        return &s->slots[at];
}

/* VS_... or, from 100 on, that many scopes up. */
struct scope *sh_scope_at(struct sh *sh, int where)
{
        struct scope *s = sh->scope;
        if (where == VS_SCRIPT)
                return s->script ? s->script : sh->global;
        if (where == VS_GLOBAL)
                return sh->global;
        for (int i = where - 100; i > 0 && s->parent; i--)
                s = s->parent;
        return s;
}

/* ---- reading ---- */
static bool visible(struct sv v, bool here)
{
        if (v.kind == SH_K_UNSET)
                return false;
        return here || v.kind != SH_K_BOX || !(((struct sh_var *)v.o)->options & VO_PRIVATE);
}

static struct sv slot_value(struct sv v)
{
        return sh_keep(v.kind == SH_K_BOX ? ((struct sh_var *)v.o)->value : v);
}

static struct sv using_read(struct sh *sh, uint32_t id, bool *ret_found)
{
        struct scope *scope = sh->scope, *using = sh->using_scope;
        if (!using) /* not in a job: blocks run where their callers' variables are seen */
                return sh_var_read(sh, id, VS_PLAIN, ret_found);
        sh->scope = using;
        sh->using_scope = NULL;
        struct sv v = sh_var_read(sh, id, VS_PLAIN, ret_found);
        sh->scope = scope;
        sh->using_scope = using;
        sh_using_given(sh, v);
        return v;
}

struct sv sh_var_read(struct sh *sh, uint32_t id, int where, bool *ret_found)
{
        if (where == VS_USING)
                return using_read(sh, id, ret_found);
        struct scope *from = where == VS_PLAIN || where == VS_LOCAL || where == VS_PRIVATE
                                     ? sh->scope
                                     : sh_scope_at(sh, where);
        bool climb = where == VS_PLAIN;
        *ret_found = true;
        for (struct scope *s = from; s; s = climb ? s->parent : NULL) {
                struct sv *v = sh_scope_slot(s, id, false);
                if (v && visible(*v, s == from))
                        return slot_value(*v);
        }
        struct sv r;
        if (id < ID_FIXED && sh_auto_var(sh, from, id, &r))
                return r;
        *ret_found = false;
        return SH_NIL;
}

/* ---- writing ---- */
/* What a typed variable refuses: the conversion's message, as an error about the variable's metadata. */
static int not_of_type(struct sh *sh)
{
        struct sv e = sh_error_take(sh), x = SH_NIL, message = SH_NIL;
        if (sh_get(sh, e, "Exception", 9, &x) == SH_OK && sh_get(sh, x, "Message", 7, &message) != SH_OK)
                message = SH_NIL;
        sh_throw_as(sh, "System.Management.Automation.ArgumentTransformationMetadataException", "RuntimeException",
                    "MetadataError", SH_NIL, "%s", message.kind == SH_STRING ? message.s->s : "");
        sh_drop(message);
        sh_drop(x);
        sh_drop(e);
        return SH_ERROR;
}

static int write_box(struct sh *sh, struct sh_var *x, struct sv v, uint32_t id)
{
        struct sv r = sh_keep(v);
        if (x->options & (VO_READONLY | VO_CONSTANT)) {
                sh_drop(r);
                return sh_throw_about(sh, "System.Management.Automation.SessionStateUnauthorizedAccessException",
                                   "VariableNotWritable", "WriteError", sh_name(sh, id, NULL),
                                   "Cannot overwrite variable %s because it is read-only or constant.",
                                   sh_name(sh, id, NULL));
        }
        if (x->type) {
                sh_drop(r);
                int st = sh_convert(sh, v, x->type, &r);
                if (st != SH_OK)
                        return not_of_type(sh);
        }
        if (x->attrs) {
                int st = sh_validate(sh, x->attrs, x->unit, r, sh_name(sh, id, NULL), false);
                if (st != SH_OK) {
                        sh_drop(r);
                        return st;
                }
        }
        sh_drop(x->value);
        x->value = r;
        return SH_OK;
}

int sh_slot_write(struct sh *sh, struct sv *slot, struct sv v, uint32_t id)
{
        if (slot->kind == SH_K_BOX)
                return write_box(sh, (struct sh_var *)slot->o, v, id);
        struct sv old = *slot;
        *slot = sh_keep(v);
        if (old.kind != SH_K_UNSET)
                sh_drop(old);
        return SH_OK;
}

static bool written_specially(struct sh *sh, uint32_t id, struct sv v, int *ret)
{
        *ret = SH_OK;
        switch (id) {
        case ID_UNDER:
        case ID_PSITEM:
                sh_drop(sh->under);
                sh->under = sh_keep(v);
                return true;
        case ID_NULL: return true;
        case ID_TRUE:
        case ID_FALSE:
        case ID_HOME:
        case ID_PID:
        case ID_PSVERSION:
        case ID_HOST:
        case ID_ISLINUX:
        case ID_ISWINDOWS:
        case ID_ISMACOS:
        case ID_ISCORE:
        case ID_PSHOME:
        case ID_CULTURE:
        case ID_UICULTURE:
        case ID_SHELLID:
        case ID_EXECUTION:
        case ID_EDITION:
        case ID_ERROR:
                *ret = sh_throw_about(sh, "System.Management.Automation.SessionStateUnauthorizedAccessException",
                                   "VariableNotWritable", "WriteError", sh_name(sh, id, NULL),
                                   "Cannot overwrite variable %s because it is read-only or constant.",
                                   sh_name(sh, id, NULL));
                return true;
        case ID_LASTEXIT: {
                struct sv *s = sh_scope_slot(sh->global, id, true);
                *ret = sh_slot_write(sh, s, v, id);
                return true;
        }
        }
        return false;
}

/* An AllScope variable higher up is written where it is. */
static struct sv *constant_above(struct sh *sh, uint32_t id)
{
        for (struct scope *s = sh->scope; s; s = s->parent) {
                struct sv *v = sh_scope_slot(s, id, false);
                if (v && v->kind == SH_K_BOX && (((struct sh_var *)v->o)->options & VO_ALLSCOPE))
                        return v;
        }
        return NULL;
}

int sh_var_write(struct sh *sh, uint32_t id, int where, struct sv v)
{
        int st;
        if (id < ID_FIXED && written_specially(sh, id, v, &st))
                return st;
        struct scope *s = where == VS_PLAIN || where == VS_LOCAL || where == VS_PRIVATE
                                  ? sh->scope
                                  : sh_scope_at(sh, where);
        if (where == VS_PRIVATE) {
                struct sh_var *x = sh_var_box(sh, id, VS_LOCAL, true);
                x->options |= VO_PRIVATE;
                return write_box(sh, x, v, id);
        }
        struct sv *slot = sh_scope_slot(s, id, false);
        if (where == VS_PLAIN && (!slot || slot->kind == SH_K_UNSET)) {
                struct sv *up = constant_above(sh, id);
                if (up)
                        return sh_slot_write(sh, up, v, id);
        }
        return sh_slot_write(sh, slot ? slot : sh_scope_slot(s, id, true), v, id);
}

/* The variable as a box. where as in sh_scope_at; VS_PLAIN climbs. */
struct sh_var *sh_var_box(struct sh *sh, uint32_t id, int where, bool make)
{
        struct scope *s = where == VS_PLAIN || where == VS_LOCAL ? sh->scope : sh_scope_at(sh, where);
        struct sv *slot = NULL;
        for (struct scope *c = s; c; c = where == VS_PLAIN ? c->parent : NULL) {
                struct sv *v = sh_scope_slot(c, id, false);
                if (v && visible(*v, c == s)) {
                        slot = v;
                        break;
                }
        }
        if (!slot && !make)
                return NULL;
        if (!slot)
                slot = sh_scope_slot(s, id, true);
        if (slot->kind == SH_K_BOX)
                return (struct sh_var *)slot->o;
        struct sh_var *x = calloc(1, sizeof *x);
        if (!x)
                abort();
        x->obj.refs = 1;
        x->obj.type = &sh_type_variable;
        x->value = slot->kind == SH_K_UNSET ? SH_NIL : *slot;
        x->id = id;
        *slot = (struct sv) { .kind = SH_K_BOX, .o = &x->obj };
        return x;
}

/* ---- what interp.h offers: names with scopes ---- */
static uint32_t split_name(struct sh *sh, const char *name, int *where)
{
        static const struct {
                const char *prefix;
                int where;
        } prefixes[] = { { "global:", VS_GLOBAL },
                         { "script:", VS_SCRIPT },
                         { "local:", VS_LOCAL },
                         { "private:", VS_PRIVATE },
                         { "variable:", VS_PLAIN } };
        *where = VS_PLAIN;
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
                if (!strncasecmp(name, prefixes[i].prefix, strlen(prefixes[i].prefix))) {
                        *where = prefixes[i].where;
                        name += strlen(prefixes[i].prefix);
                        break;
                }
        return sh_intern(sh, name, strlen(name));
}

bool sh_var_get(struct sh *sh, const char *name, struct sv *ret)
{
        int where;
        bool found;
        uint32_t id = split_name(sh, name, &where);
        struct sv v = sh_var_read(sh, id, where, &found);
        if (found)
                *ret = v;
        return found;
}

struct sv sh_var_loose(struct sh *sh, uint32_t id)
{
        struct sh_var *x = calloc(1, sizeof *x);
        bool found;
        if (!x)
                abort();
        x->obj.refs = 1;
        x->obj.type = &sh_type_variable;
        x->value = sh_var_read(sh, id, VS_PLAIN, &found);
        x->id = id;
        return (struct sv) { .kind = SH_OTHER, .o = &x->obj };
}

int sh_var_set(struct sh *sh, const char *name, struct sv value)
{
        int where;
        uint32_t id = split_name(sh, name, &where);
        return sh_var_write(sh, id, where, value);
}

int sh_var_set_scope(struct sh *sh, const char *name, struct sv value, int scope, const char *options)
{
        int where, at = scope == SH_SCOPE_SCRIPT   ? VS_SCRIPT
                        : scope == SH_SCOPE_GLOBAL ? VS_GLOBAL
                        : scope > 0                ? 100 + scope
                                                   : VS_LOCAL;
        uint32_t id = split_name(sh, name, &where);
        int st = sh_var_write(sh, id, at, value);
        if (st != SH_OK || !options)
                return st;
        struct sh_var *x = sh_var_box(sh, id, at, true);
        x->options = (strcasestr(options, "ReadOnly") ? VO_READONLY : 0) |
                     (strcasestr(options, "Constant") ? VO_CONSTANT : 0) |
                     (strcasestr(options, "Private") ? VO_PRIVATE : 0) |
                     (strcasestr(options, "AllScope") ? VO_ALLSCOPE : 0);
        return SH_OK;
}

int sh_action_parse(struct sv v)
{
        static const struct {
                const char *name;
                int value;
        } names[] = { { "SilentlyContinue", AP_SILENT }, { "Stop", AP_STOP },     { "Continue", AP_CONTINUE },
                      { "Inquire", AP_INQUIRE },         { "Ignore", AP_IGNORE }, { "Break", AP_BREAK } };
        if (v.kind == SH_ENUM)
                return (int32_t)v.hi;
        if (sh_is_int(v))
                return v.i >= 0 && v.i <= 6 ? (int)v.i : AP_UNSET;
        for (size_t i = 0; v.kind == SH_STRING && i < sizeof names / sizeof *names; i++)
                if (sh_text_same(v.s->s, v.s->len, names[i].name, strlen(names[i].name)))
                        return names[i].value;
        return AP_UNSET;
}

int sh_pref(struct sh *sh, uint32_t id, int otherwise)
{
        bool found;
        struct sv v = sh_var_read(sh, id, VS_PLAIN, &found);
        int r = found ? sh_action_parse(v) : AP_UNSET;
        sh_drop(v);
        return r == AP_UNSET ? otherwise : r;
}
