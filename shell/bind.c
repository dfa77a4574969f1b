/* SPDX-License-Identifier: MIT
 *
 * The binder, command line half: names are matched, then values take positions, then the rest goes where it may; each
 * bound value narrows the parameter sets. In PowerShell's order, with its errors.
 */
#include "shell/bind.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

/* An argument on its way: a name with its value, or a value alone. */
struct item {
        struct argval *name, *value;
        int param; /* -1 = unknown or positional */
        bool done;
};
struct binding {
        struct sh_cmd *c;
        struct item *v;
        uint32_t n;
        bool failed; /* a positional conversion's error is pending */
        struct sv failure;
        struct argval *rest;
};

/* ---- 1: which name is which parameter, which value is its ---- */
static int ambiguous(struct sh_cmd *c, const char *s, size_t n)
{
        struct sh_buf b = { 0 };
        for (uint32_t i = 0; i < c->info->n; i++) {
                struct pinfo *p = &c->info->p[i];
                bool hit = p->nname >= n && !strncasecmp(p->name, s, n);
                for (uint32_t k = 0; k < p->naliases && !hit; k++)
                        hit = !strncasecmp(p->aliases[k], s, n);
                if (hit)
                        sh_buf_putf(&b, " -%s", p->name);
        }
        int st = sh_bind_throw(
                c, "AmbiguousParameter", "InvalidArgument", SH_NIL,
                "Parameter cannot be processed because the parameter name '%.*s' is ambiguous. Possible "
                "matches include:%s.",
                (int)n, s, b.p ? b.p : "");
        sh_buf_free(&b);
        return st;
}

static int missing_argument(struct sh_cmd *c, const struct pinfo *p)
{
        return sh_bind_throw(
                c, "MissingArgument", "InvalidArgument", SH_NIL,
                "Missing an argument for parameter '%s'. Specify a parameter of type '%s' and try again.",
                p->name, p->type ? p->type->name : "System.Object");
}

/* The value that follows a parameter: the next argument, unless that is itself a parameter. */
static int take_next(struct binding *b, struct argvec *a, uint32_t *i, struct item *it, const struct pinfo *p)
{
        struct argval *next = *i + 1 < a->n ? &a->v[*i + 1] : NULL;
        int matches;
        if (!next ||
            (next->name && (next->colon || sh_find_param(b->c->info, next->name, next->nname, &matches))))
                return missing_argument(b->c, p);
        if (next->name) { /* -looks -like a parameter but is none */
                next->value = sh_printf("-%.*s", (int)next->nname, next->name);
                next->name = NULL;
        }
        it->value = next;
        ++*i;
        return SH_OK;
}

static int pair(struct binding *b, struct argvec *a)
{
        struct sh_cmdinfo *info = b->c->info;
        for (uint32_t i = 0; i < a->n; i++) {
                struct argval *x = &a->v[i];
                struct item *it = &b->v[b->n++];
                int matches, st = SH_OK;
                it->param = -1;
                if (!x->name) {
                        it->value = x;
                        continue;
                }
                it->name = x;
                struct pinfo *p = sh_find_param(info, x->name, x->nname, &matches);
                if (!p && matches > 1)
                        return ambiguous(b->c, x->name, x->nname);
                if (x->value.kind != SH_K_UNSET)
                        it->value = x;
                if (!p)
                        continue;
                it->param = (int)(p - info->p);
                if (!p->is_switch && !it->value)
                        st = take_next(b, a, &i, it, p);
                if (st != SH_OK) {
                        if (b->c->node)
                                sh_error_position(b->c->sh, b->c->node);
                        return st;
                }
        }
        return SH_OK;
}

static bool bound_explicitly(struct binding *b, int param)
{
        for (uint32_t i = 0; i < b->n; i++)
                if (b->v[i].param == param && !b->v[i].name->splat)
                        return true;
        return false;
}

static int bind_named(struct binding *b)
{
        struct sh_cmd *c = b->c;
        for (uint32_t i = 0; i < b->n; i++) {
                struct item *it = &b->v[i];
                if (it->param < 0)
                        continue;
                struct pinfo *p = &c->info->p[it->param];
                it->done = true;
                if (it->name->splat && bound_explicitly(b, it->param))
                        continue;
                if (c->bound[it->param].state != BV_NONE)
                        return sh_bind_throw(
                                c, "ParameterAlreadyBound", "InvalidArgument", SH_NIL,
                                "Cannot bind parameter because parameter '%s' is specified more than once. "
                                "To provide multiple values to parameters that can accept multiple values, "
                                "use the array syntax. For example, \"-parameter value1,value2,value3\".",
                                p->name);
                struct sv v = it->value ? it->value->value : sh_bool(true);
                int st = sh_bind_value(c, (uint32_t)it->param, v, it->value ? it->value->node : NULL,
                                       BIND_COERCE | BIND_DELAY);
                if (st != SH_OK)
                        return st;
        }
        return SH_OK;
}

/* ---- 2: positions ---- */
static bool open_at(struct sh_cmd *c, uint32_t i, int position, uint32_t sets)
{
        struct pinfo *p = &c->info->p[i];
        if (c->bound[i].state != BV_NONE)
                return false;
        for (uint32_t k = 0; k < p->nin; k++)
                if (p->in[k].position == position && !p->in[k].remaining && (p->in[k].sets & sets & c->sets))
                        return true;
        return false;
}

static bool next_position(struct sh_cmd *c, int *position)
{
        int best = INT32_MAX;
        for (uint32_t i = 0; i < c->info->n; i++) {
                struct pinfo *p = &c->info->p[i];
                if (c->bound[i].state != BV_NONE)
                        continue;
                for (uint32_t k = 0; k < p->nin; k++)
                        if (!p->in[k].remaining && (p->in[k].sets & c->sets) &&
                            p->in[k].position > *position && p->in[k].position < best)
                                best = p->in[k].position;
        }
        *position = best;
        return best != INT32_MAX;
}

static int try_position(struct binding *b, int position, struct argval *x, uint32_t sets, int flags)
{
        struct sh_cmd *c = b->c;
        for (uint32_t i = 0; i < c->info->n; i++) {
                if (!open_at(c, i, position, sets))
                        continue;
                int st = sh_bind_value(c, i, x->value, x->node, flags | BIND_DELAY);
                if (st == SH_OK || (st != SH_ERROR && st != SH_NONE))
                        return st;
                if (st == SH_ERROR) { /* perhaps another one takes it; if none does, this is the reason */
                        struct sv e = sh_error_take(c->sh);
                        if (b->failed)
                                sh_drop(b->failure);
                        b->failed = true;
                        b->failure = e;
                }
        }
        return SH_NONE;
}

static int bind_positional(struct binding *b)
{
        struct sh_cmd *c = b->c;
        int position = -1;
        uint32_t preferred = c->info->default_set >= 0 ? 1u << c->info->default_set : 0;
        for (uint32_t i = 0; i < b->n; i++) {
                struct item *it = &b->v[i];
                if (it->done || it->name)
                        continue;
                if (!next_position(c, &position))
                        break;
                int st = SH_NONE;
                if (c->sets & preferred)
                        st = try_position(b, position, it->value, preferred, 0);
                if (st == SH_NONE)
                        st = try_position(b, position, it->value, UINT32_MAX, 0);
                if (st == SH_NONE && (c->sets & preferred))
                        st = try_position(b, position, it->value, preferred, BIND_COERCE);
                if (st == SH_NONE)
                        st = try_position(b, position, it->value, UINT32_MAX, BIND_COERCE);
                if (st != SH_OK && st != SH_NONE)
                        return st;
                it->done = st == SH_OK;
        }
        return SH_OK;
}

/* ---- 3: the rest ---- */
static int find_remaining(struct sh_cmd *c)
{
        for (uint32_t i = 0; i < c->info->n; i++)
                for (uint32_t k = 0; k < c->info->p[i].nin; k++)
                        if (c->info->p[i].in[k].remaining && (c->info->p[i].in[k].sets & c->sets) &&
                            c->bound[i].state == BV_NONE)
                                return (int)i;
        return -1;
}

static int bind_remaining(struct binding *b)
{
        int at = find_remaining(b->c);
        if (at < 0)
                return SH_OK;
        struct sv list = sh_array_new(4);
        for (uint32_t i = 0; i < b->n; i++) {
                struct item *it = &b->v[i];
                if (it->done)
                        continue;
                it->done = true;
                if (it->name)
                        sh_array_take(list.a, sh_printf("-%.*s%s", (int)it->name->nname, it->name->name,
                                                        it->name->colon && !it->name->splat ? ":" : ""));
                if (it->value)
                        sh_array_add(list.a, it->value->value);
        }
        int st = SH_OK;
        if (list.a->n == 1 && list.a->v[0].kind == SH_ARRAY)
                st = sh_bind_value(b->c, (uint32_t)at, list.a->v[0], NULL, BIND_COERCE);
        else if (list.a->n)
                st = sh_bind_value(b->c, (uint32_t)at, list, NULL, BIND_COERCE);
        sh_drop(list);
        return st;
}

/* Something left over: say why. */
static int left_over(struct binding *b)
{
        struct sh_cmd *c = b->c;
        for (uint32_t i = 0; i < b->n; i++) {
                struct item *it = &b->v[i];
                if (it->done)
                        continue;
                int st;
                if (b->failed) {
                        sh_error_set(c->sh, b->failure);
                        return SH_ERROR;
                }
                if (it->name) {
                        st = sh_bind_throw(c, "NamedParameterNotFound", "InvalidArgument", SH_NIL,
                                           "A parameter cannot be found that matches parameter name '%.*s'.",
                                           (int)it->name->nname, it->name->name);
                } else {
                        struct sv t = sh_is_null(it->value->value) ? sh_text("$null")
                                                                   : sh_to_text(c->sh, it->value->value);
                        st = sh_bind_throw(
                                c, "PositionalParameterNotFound", "InvalidArgument", SH_NIL,
                                "A positional parameter cannot be found that accepts argument '%s'.", t.s->s);
                        sh_drop(t);
                }
                if (c->node)
                        sh_error_position(c->sh, c->node);
                return st;
        }
        return SH_OK;
}

/* ---- common parameters ---- */
static void action(struct sh_cmd *c, int which, const char *name)
{
        int i = sh_param_index(c, name);
        c->action[which] = AP_UNSET;
        if (i >= 0 && c->bound[i].state != BV_NONE)
                c->action[which] = c->info->p[i].is_switch
                                           ? (sh_true(c->bound[i].v) ? AP_CONTINUE : AP_SILENT)
                                           : (uint8_t)sh_action_parse(c->bound[i].v);
}

static int bad_action(struct sh_cmd *c, uint32_t i)
{
        struct pinfo *p = &c->info->p[i];
        struct sv t = sh_to_text(c->sh, c->bound[i].v);
        int st = sh_bind_throw(
                c, "CannotConvertArgumentNoMessage", "InvalidArgument", SH_NIL,
                "Cannot bind parameter '%s'. Cannot convert value \"%s\" to type "
                "\"System.Management.Automation.ActionPreference\". Error: \"Unable to match the "
                "identifier name %s to a valid enumerator name. Specify one of the following enumerator "
                "names and try again:\nSilentlyContinue, Stop, Continue, Inquire, Ignore, Suspend, "
                "Break\"",
                p->name, t.s->s, t.s->s);
        sh_drop(t);
        return st;
}

/* A function's common parameters are preference variables of its scope, so that what it calls inherits them. */
static void preference(struct sh_cmd *c, uint32_t id, const char *value)
{
        struct sv v = sh_text(value), e;
        const struct sh_type *t = sh_type_find(c->sh, "System.Management.Automation.ActionPreference", 45);
        if (t && sh_try_convert(c->sh, v, t, &e)) {
                sh_drop(v);
                v = e;
        }
        struct sv *slot = sh_scope_slot(c->scope, id, true);
        sh_slot_write(c->sh, slot, v, id);
        sh_drop(v);
}

static void preferences(struct sh_cmd *c)
{
        static const struct {
                int which;
                uint32_t id;
        } map[] = { { CP_VERBOSE, ID_VERBOSEPREF },
                    { CP_DEBUG, ID_DEBUGPREF },
                    { CP_EA, ID_EAP },
                    { CP_WA, ID_WAP },
                    { CP_INFA, ID_INFOPREF },
                    { CP_PROGA, ID_PROGRESSPREF } };
        static const char *const names[] = { "SilentlyContinue", "Stop", "Continue", "Inquire",
                                             "Ignore",           "",     "Break" };
        for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
                uint8_t a = c->action[map[i].which];
                if (a != AP_UNSET && a < sizeof names / sizeof *names)
                        preference(c, map[i].id, names[a]);
        }
        if (c->whatif != AP_UNSET)
                sh_slot_write(c->sh, sh_scope_slot(c->scope, ID_WHATIFPREF, true), sh_bool(c->whatif),
                              ID_WHATIFPREF);
        if (c->confirm != AP_UNSET)
                preference(c, ID_CONFIRMPREF, c->confirm ? "Low" : "None");
}

static uint8_t tri(struct sh_cmd *c, const char *name)
{
        int i = sh_param_index(c, name);
        return i < 0 || c->bound[i].state == BV_NONE ? AP_UNSET : sh_true(c->bound[i].v);
}

static int common_parameters(struct sh_cmd *c)
{
        static const char *const names[CP_N] = { "Verbose",
                                                 "Debug",
                                                 "ErrorAction",
                                                 "WarningAction",
                                                 "InformationAction",
                                                 "ProgressAction",
                                                 "ErrorVariable",
                                                 "WarningVariable",
                                                 "InformationVariable",
                                                 "OutVariable",
                                                 "OutBuffer",
                                                 "PipelineVariable" };
        for (int i = CP_VERBOSE; i <= CP_PROGA; i++)
                action(c, i, names[i]);
        for (int i = CP_EA; i <= CP_PROGA; i++) {
                int k = sh_param_index(c, names[i]);
                if (k >= 0 && c->bound[k].state != BV_NONE && c->action[i] == AP_UNSET)
                        return bad_action(c, (uint32_t)k);
        }
        for (int i = CP_EV; i <= CP_PV; i++) {
                int k = sh_param_index(c, names[i]);
                c->names[i] = k >= 0 && c->bound[k].state != BV_NONE ? c->bound[k].v : SH_NIL;
        }
        c->whatif = c->info->should_process ? tri(c, "WhatIf") : AP_UNSET;
        c->confirm = c->info->should_process ? tri(c, "Confirm") : AP_UNSET;
        return SH_OK;
}

/* ---- the way through ---- */
/* What is not bound yet is tried again with the parameters that the dynamicparam block gave. */
static int bind_dynamic(struct binding *b)
{
        bool any;
        int st = sh_dynamic_parameters(b->c, &any);
        if (st != SH_OK || !any)
                return st;
        struct argvec rest = { .v = calloc(b->n + 1, sizeof *rest.v), .cap = b->n };
        struct item *v = calloc(b->n + 1, sizeof *v);
        if (!rest.v || !v)
                abort();
        for (uint32_t i = 0; i < b->n; i++)
                if (!b->v[i].done)
                        rest.v[rest.n++] = b->v[i].name ? *b->v[i].name : *b->v[i].value;
        free(b->v);
        free(b->rest);
        b->rest = rest.v; /* items point into it; what the values hold belongs to the caller's arguments */
        b->v = v;
        b->n = 0;
        st = pair(b, &rest);
        if (st == SH_OK)
                st = bind_named(b);
        return st == SH_OK ? bind_positional(b) : st;
}

int sh_bind(struct sh_cmd *c, struct argvec *a)
{
        struct binding b = { .c = c, .failure = SH_NIL };
        c->sets = UINT32_MAX;
        b.v = calloc(a->n + 1, sizeof *b.v);
        if (!b.v || (!c->bound && !(c->bound = calloc(c->info->n + 1, sizeof *c->bound))))
                abort();
        for (uint32_t i = 0; i < c->info->n; i++)
                c->bound[i].v = SH_NIL;
        int st = pair(&b, a);
        if (st == SH_OK)
                st = bind_named(&b);
        if (st == SH_OK)
                st = bind_positional(&b);
        if (st == SH_OK)
                st = sh_apply_defaults(c);
        if (st == SH_OK && c->is_function && c->info->block->part[BL_DYNAMIC])
                st = bind_dynamic(&b);
        if (st == SH_OK)
                st = bind_remaining(&b);
        if (st == SH_OK)
                st = left_over(&b);
        if (st == SH_OK)
                st = common_parameters(c);
        if (b.failed)
                sh_drop(b.failure);
        free(b.v);
        free(b.rest);
        return st;
}

static int missing(struct sh_cmd *c, struct sh_buf *names)
{
        int st = sh_prompt_missing(c);
        if (st == SH_NONE)
                st = sh_bind_throw(
                        c, "MissingMandatoryParameter", "InvalidArgument", SH_NIL,
                        "Cannot process command because of one or more missing mandatory parameters:%s.",
                        names->p);
        if (st == SH_ERROR && c->node)
                sh_error_position(c->sh, c->node);
        return st;
}

/* A function's variables: in order, so that a default may use the parameters before it. */
static int fill_variables(struct sh_cmd *c)
{
        struct saved saved;
        int st = SH_OK;
        c->begun = true; /* from here on a bound value is a variable too */
        preferences(c);
        for (uint32_t i = 0; i < c->info->nown && c->info->p[i].decl; i++)
                if (c->bound[i].state == BV_BOUND || c->bound[i].state == BV_DEFAULT)
                        sh_param_store(c->sh, c->scope, &c->info->p[i], sh_keep(c->bound[i].v));
        sh_enter(c, &saved);
        for (uint32_t i = 0; i < c->info->nown && c->info->p[i].decl && st == SH_OK; i++)
                if (c->bound[i].state == BV_NONE || c->bound[i].state == BV_DELAYED)
                        st = sh_param_default(c, i);
        sh_leave(c->sh, &saved);
        c->begun = false;
        return st;
}

int sh_bind_finish(struct sh_cmd *c)
{
        struct sh_buf names = { 0 };
        int st = sh_sets_validate(c, c->expects_input, !c->expects_input);
        if (st == SH_OK && sh_missing_mandatory(c, c->expects_input, &names))
                st = missing(c, &names);
        sh_buf_free(&names);
        if (st == SH_OK && c->is_function)
                st = fill_variables(c);
        c->pipe_sets = c->sets;
        return st;
}

/* ---- simple functions ---- */
static int simple_store(struct sh *sh, struct scope *s, struct sh_cmdinfo *info, uint32_t i, struct argval *x)
{
        struct sv r;
        struct pinfo *p = &info->p[i];
        int st = sh_param_value(sh, info, p, x ? x->value : sh_bool(true), x ? x->node : NULL, BIND_COERCE,
                                &r);
        if (st == SH_OK)
                sh_param_store(sh, s, p, r);
        else if (st == SH_ERROR && x && x->node)
                sh_error_position(sh, x->node);
        return st;
}

static void note_bound(struct frame *f, const struct pinfo *p, struct scope *s)
{
        if (f->bound.kind == SH_K_UNSET)
                return;
        struct sv *slot = sh_scope_slot(s, p->decl->id, false), key = sh_string(p->name, p->nname);
        if (slot)
                sh_hash_set(f->bound.h, key,
                            slot->kind == SH_K_BOX ? ((struct sh_var *)slot->o)->value : *slot);
        sh_drop(key);
}

static void to_args(struct sv list, struct argval *x)
{
        if (x->name) {
                struct sv t = sh_printf("-%.*s%s", (int)x->nname, x->name, x->colon && !x->splat ? ":" : "");
                t.flags |= SH_V_PARAMETER;
                sh_array_take(list.a, t);
        }
        if (x->value.kind != SH_K_UNSET)
                sh_array_add(list.a, x->value);
}

struct simple {
        struct sh *sh;
        struct scope *scope;
        struct sh_cmdinfo *info;
        struct frame *frame;
        struct sh_cmd *c; /* for errors */
        uint64_t seen[4];
        uint32_t next;
};

static bool seen(struct simple *s, uint32_t i)
{
        return i >= 256 || (s->seen[i / 64] >> (i % 64) & 1);
}

static void see(struct simple *s, uint32_t i)
{
        if (i < 256)
                s->seen[i / 64] |= 1ull << (i % 64);
        note_bound(s->frame, &s->info->p[i], s->scope);
}

/* -Name of a simple function. *i moves over the value it takes. */
static int simple_named(struct simple *s, struct argvec *a, uint32_t *i, struct sv args)
{
        struct argval *x = &a->v[*i];
        struct sh_cmdinfo *info = s->info;
        int matches, st;
        struct pinfo *p = sh_find_param(info, x->name, x->nname, &matches);
        if (!p && matches > 1)
                return ambiguous(s->c, x->name, x->nname);
        if (!p) {
                to_args(args, x);
                return SH_OK;
        }
        uint32_t at = (uint32_t)(p - info->p);
        if (seen(s, at) && x->splat)
                return SH_OK;
        if (seen(s, at))
                return sh_bind_throw(
                        s->c, "ParameterAlreadyBound", "InvalidArgument", SH_NIL,
                        "Cannot bind parameter because parameter '%s' is specified more than once. To "
                        "provide multiple values to parameters that can accept multiple values, use the "
                        "array syntax. For example, \"-parameter value1,value2,value3\".",
                        p->name);
        struct argval *value = x->value.kind != SH_K_UNSET ? x : NULL;
        if (!value && !p->is_switch) {
                struct argval *next = *i + 1 < a->n ? &a->v[*i + 1] : NULL;
                if (!next || (next->name && sh_find_param(info, next->name, next->nname, &matches)))
                        return missing_argument(s->c, p);
                if (next->name) {
                        next->value = sh_printf("-%.*s", (int)next->nname, next->name);
                        next->name = NULL;
                }
                value = next;
                ++*i;
        }
        st = simple_store(s->sh, s->scope, info, at, value);
        if (st == SH_OK)
                see(s, at);
        return st;
}

static bool next_free(struct simple *s, uint32_t *ret)
{
        int best = INT32_MAX;
        for (uint32_t i = 0; i < s->info->nown; i++)
                if (!seen(s, i) && s->info->p[i].in[0].position < best)
                        best = s->info->p[i].in[0].position, *ret = i;
        return best != INT32_MAX;
}

static int simple_args(struct simple *s, struct argvec *a, struct sv args)
{
        int st = SH_OK;
        uint8_t small[64] = { 0 }, *used = a->n <= sizeof small ? small : calloc(a->n, 1);
        if (!used)
                abort();
        for (int splat = 0; splat < 2 && st == SH_OK;
             splat++) /* names first; explicit ones before splatted */
                for (uint32_t i = 0; i < a->n && st == SH_OK; i++) {
                        struct argval *x = &a->v[i];
                        uint32_t from = i, left = args.a->n;
                        if (!x->name || x->splat != splat || used[i])
                                continue;
                        st = simple_named(s, a, &i, args);
                        if (args.a->n > left) { /* not a parameter: it keeps its place among the rest */
                                for (uint32_t k = left; k < args.a->n; k++)
                                        sh_drop(args.a->v[k]);
                                args.a->n = left;
                                continue;
                        }
                        for (uint32_t k = from; k <= i; k++)
                                used[k] = 1;
                }
        for (uint32_t i = 0, at; i < a->n && st == SH_OK; i++) {
                struct argval *x = &a->v[i];
                if (used[i])
                        continue;
                if (x->name || !next_free(s, &at)) {
                        to_args(args, x);
                        continue;
                }
                st = simple_store(s->sh, s->scope, s->info, at, x);
                if (st == SH_OK)
                        see(s, at);
        }
        if (used != small)
                free(used);
        return st;
}

int sh_bind_args(struct sh *sh, struct scope *scope, struct block *block, struct argvec *a, struct frame *f)
{
        struct sh_cmdinfo *info = block->info;
        struct sh_target t = { .kind = CT_FUNCTION, .name = (char *)(f->name ? f->name : "") };
        struct sh_cmd c = { .sh = sh,
                            .info = info,
                            .target = f->target ? f->target : &t,
                            .is_function = true,
                            .scope = scope,
                            .node = f->call };
        struct simple s = { .sh = sh, .scope = scope, .info = info, .frame = f, .c = &c };
        struct sv args = sh_array_new(a->n);
        int st = SH_OK;
        bool names = false;
        if (sh_layout_find(block->layout, ID_PSBOUND) != UINT32_MAX)
                f->bound = sh_hash_new(true);
        for (uint32_t i = 0; i < a->n; i++)
                names |= a->v[i].name != NULL;
        if (names || info->nown == 0 || a->n == 0) {
                st = simple_args(&s, a, args);
        } else {
                for (uint32_t i = 0, at; i < a->n && st == SH_OK; i++) {
                        if (next_free(&s, &at)) {
                                st = simple_store(sh, scope, info, at, &a->v[i]);
                                if (st == SH_OK)
                                        see(&s, at);
                        } else {
                                to_args(args, &a->v[i]);
                        }
                }
        }
        f->args = args;
        for (uint32_t i = 0; i < info->nown && st == SH_OK; i++)
                if (!seen(&s, i))
                        st = sh_param_default(&c, i);
        return st;
}
