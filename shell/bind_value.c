/* SPDX-License-Identifier: MIT
 *
 * One value for one parameter: converted, checked, kept, and the parameter sets narrowed by it.
 */
#include "shell/bind.h"
#include "shell/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The pending error's id ends in the function's name, wherever the error is placed afterwards. */
static void name_id(struct sh_cmd *c, const char *id)
{
        struct sh *sh = c->sh;
        struct sh_error *e = sh_error_of(sh->error);
        const struct frame *f = sh->frame;
        const char *name = c->info && c->info->name && *c->info->name         ? c->info->name
                           : c->target && c->target->name && *c->target->name ? c->target->name
                           : f && !(f->target && f->target->kind == CT_SCRIPT) ? f->name
                                                                               : NULL;
        char *full;
        if (name && !(c->info && c->info->cmdlet) && !strchr(e->id, ',') && asprintf(&full, "%s,%s", id, name) > 0) {
                free(e->id);
                e->id = full;
        }
}

int sh_bind_throw(struct sh_cmd *c, const char *id, const char *category, struct sv target, const char *fmt, ...)
{
        static const char validation[] = "ParameterArgumentValidationError";
        struct sh_buf b = { 0 };
        va_list ap;
        va_start(ap, fmt);
        char *text;
        int n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                abort();
        sh_buf_puts(&b, text);
        free(text);
        struct sh *sh = c->sh;
        struct sh_cmd *running = sh->cmd;
        sh->cmd = c; /* the id ends in the name of the command that is bound */
        int st = sh_throw_as(sh,
                             !strncmp(id, validation, sizeof validation - 1)
                                     ? "System.Management.Automation.ParameterBindingValidationException"
                             : !strcmp(id, "ParameterArgumentTransformationError")
                                     ? "System.Management.Automation.ParameterBindingArgumentTransformationException"
                                     : "System.Management.Automation.ParameterBindingException",
                             id, category, target, "%s", b.p);
        sh->cmd = running;
        sh_buf_free(&b);
        struct sh_error *e = sh_error_of(sh->error);
        name_id(c, id);
        if (sh->error.kind == SH_OTHER && !e->command && c->target && c->target->name && *c->target->name)
                e->command = strdup(c->target->name);
        return st;
}

/* What an error that is under way says; it is taken. */
static struct sv taken_message(struct sh *sh)
{
        struct sv e = sh_error_take(sh), t = sh_to_text(sh, e);
        sh_drop(e);
        return t;
}

static int cannot_convert(struct sh_cmd *c, const struct pinfo *p)
{
        struct sv t = taken_message(c->sh);
        int st = c->info->cmdlet ? sh_bind_throw(c, "CannotConvertArgumentNoMessage", "InvalidArgument", SH_NIL,
                                                 "Cannot bind parameter '%s'. %s", p->name, t.s->s)
                                 : sh_bind_throw(c, "ParameterArgumentTransformationError", "InvalidData", SH_NIL,
                                                 "Cannot process argument transformation on parameter '%s'. %s",
                                                 p->name, t.s->s);
        sh_drop(t);
        return st;
}

/* ---- conversion ---- */
/* Bool and switch parameters take booleans and numbers only. */
static int to_bool(struct sh *sh, const struct sh_type *type, struct sv v, struct sv *ret)
{
        struct sv u = sh_unwrap(v);
        if (sh_is_null(u) && type == &sh_type_bool)
                return sh_throw(sh, "RuntimeException", "InvalidArgument", SH_NIL,
                                "Cannot convert value \"\" to type \"System.Boolean\". Boolean parameters accept only "
                                "Boolean values and numbers, such as $True, $False, 1 or 0.");
        const struct sh_type *t = sh_type_of(u);
        if (sh_is_null(u) || u.kind == SH_BOOL || sh_is_number(u) || t == &sh_type_switch || t == &sh_type_bool)
                return sh_convert(sh, sh_is_null(u) ? sh_bool(false) : u, type, ret);
        return sh_throw(sh, "RuntimeException", "InvalidArgument", SH_NIL,
                        "Cannot convert value \"%s\" to type \"%s\". Boolean parameters accept only Boolean values and "
                        "numbers, such as $True, $False, 1 or 0.",
                        t->name, type->name);
}

static bool fits_items(struct sh *sh, const struct sh_type *element, struct sv v)
{
        size_t pos = 0;
        struct sv item;
        bool ok = true;
        while (ok && sh_next(v, &pos, &item)) {
                ok = sh_is_null(item) || sh_is_a(sh, item, element);
                sh_drop(item);
        }
        return ok;
}

/* Does the value suit the type as it is? */
static bool fits(struct sh *sh, const struct sh_type *type, struct sv v)
{
        if (!type || type == &sh_type_object)
                return true;
        if (sh_is_null(v))
                return type->kind >= SH_OBJECT_KINDS || type->kind == SH_NULL;
        if (sh_is_a(sh, v, type))
                return true;
        if (type->is_array && sh_is_enumerable(v))
                return !type->element || fits_items(sh, type->element, v);
        return type->is_array && (!type->element || sh_is_a(sh, v, type->element));
}

static int convert(struct sh *sh, const struct sh_cmdinfo *info, const struct pinfo *p, struct sv v, struct node *node,
                   struct sv *ret)
{
        const struct sh_type *type = p->type;
        if (type == &sh_type_switch || type == &sh_type_bool)
                return to_bool(sh, type, v, ret);
        if (node && node->kind == N_CONST && node->x && type == &sh_type_string &&
            (sh_is_number(v) || v.kind == SH_OTHER)) {
                *ret = sh_text(node->x); /* 007 and 1kb stay as they were written */
                return SH_OK;
        }
        if (info->advanced && !info->cmdlet && type == &sh_type_string && sh_unwrap(v).kind == SH_ARRAY)
                return sh_throw(sh, "RuntimeException", "InvalidArgument", SH_NIL,
                                "Cannot convert value to type System.String.");
        if (info->advanced && type->is_array && type->element == &sh_type_bool) {
                size_t pos = 0;
                struct sv item, one;
                int st = SH_OK;
                if (!sh_is_enumerable(v))
                        st = to_bool(sh, type->element, v, &one);
                while (st == SH_OK && sh_is_enumerable(v) && sh_next(v, &pos, &item)) {
                        st = to_bool(sh, type->element, item, &one);
                        sh_drop(item);
                }
                if (st != SH_OK)
                        return st;
        }
        if (info->cmdlet && type == &sh_type_string && v.kind == SH_ARRAY)
                return sh_throw(sh, "InvalidCast", "InvalidArgument", SH_NIL,
                                "Cannot convert '%s' to the type 'System.String' required by parameter '%s'. Specified "
                                "method is not supported.",
                                v.o->type->name, p->name);
        if (type->kind == SH_STRING && v.kind == SH_STRING) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        return sh_convert(sh, v, type, ret);
}

/* ---- what mandatory parameters refuse ---- */
static int refuse_empty(struct sh_cmd *c, const struct pinfo *p, struct sv v, bool item)
{
        static const char *const what[][2] = { { "NullNotAllowed", "null" },
                                               { "EmptyStringNotAllowed", "an empty string" },
                                               { "EmptyArrayNotAllowed", "an empty array" },
                                               { "EmptyCollectionNotAllowed", "an empty collection" } };
        int bad = -1;
        if (sh_is_null(v))
                bad = p->allow_null ? -1 : 0;
        else if (v.kind == SH_STRING && v.s->len == 0 && !p->allow_empty)
                bad = p->type == &sh_type_string || (p->type && p->type->is_array) ? 1 : -1;
        else if (!item && p->type && (p->type->is_array || p->type->next) && v.kind == SH_ARRAY) {
                size_t pos = 0;
                struct sv x;
                bool any = false;
                while (sh_next(v, &pos, &x)) {
                        int st = refuse_empty(c, p, x, true);
                        sh_drop(x);
                        any = true;
                        if (st != SH_OK)
                                return st;
                }
                bad = any || p->allow_empty_collection ? -1 : p->type->is_array ? 2 : 3;
        }
        if (bad < 0)
                return SH_OK;
        char id[96];
        snprintf(id, sizeof id, "ParameterArgumentValidationError%s", what[bad][0]);
        return sh_bind_throw(c, id, "InvalidData", SH_NIL, "Cannot bind argument to parameter '%s' because it is %s.",
                             p->name, what[bad][1]);
}

static bool mandatory_somewhere(const struct pinfo *p)
{
        for (uint32_t i = 0; i < p->nin; i++)
                if (p->in[i].mandatory)
                        return true;
        return false;
}

static int checked(struct sh_cmd *c, const struct pinfo *p, struct sv v)
{
        struct sh *sh = c->sh;
        struct sh_cmd *running = sh->cmd;
        int st = mandatory_somewhere(p) ? refuse_empty(c, p, v, false) : SH_OK;
        sh->cmd = c;
        if (st == SH_OK && p->validated)
                st = sh_validate(sh, p->attrs, c->info->block->u, v, p->name, true);
        if (st == SH_ERROR && p->validated)
                name_id(c, sh_error_of(sh->error)->id);
        if (st == SH_OK && p->table && !sh_is_null(v) && (st = sh_validate_table(sh, p->table, v)) == SH_ERROR)
                name_id(c, sh_error_of(sh->error)->id);
        sh->cmd = running;
        return st;
}

struct naming {
        const char *name;
        bool found;
};

static bool compare_name(void *state, const char *name)
{
        struct naming *x = state;
        x->found = !strcasecmp(name, x->name);
        return !x->found;
}

/* Is it, or each item of it, of that PSTypeName? */
static bool is_named(struct sh *sh, struct sv v, const char *name)
{
        struct naming x = { name, false };
        struct sv item;
        size_t pos = 0;
        sh_type_names(sh, v, compare_name, &x);
        if (x.found || !sh_is_enumerable(v))
                return x.found;
        for (x.found = true; x.found && sh_next(v, &pos, &item); sh_drop(item)) {
                x.found = false;
                sh_type_names(sh, item, compare_name, &x);
        }
        return x.found;
}

static int param_value(struct sh_cmd *c, const struct pinfo *p, struct sv v, struct node *node, int flags,
                       struct sv *ret)
{
        int st = SH_OK;
        struct sh *sh = c->sh;
        if (v.kind == SH_VOID)
                v = SH_NIL;
        if (!(flags & BIND_COERCE) && !fits(sh, p->type, v))
                return SH_NONE;
        if (p->type_name && !sh_is_null(v) && !is_named(sh, v, p->type_name))
                return flags & BIND_COERCE ? sh_bind_throw(c, "MismatchedPSTypeName", "InvalidArgument", v,
                                                           "Cannot bind argument to parameter '%s', because "
                                                           "PSTypeNames of the argument do not match the PSTypeName "
                                                           "required by the parameter: %s.",
                                                           p->name, p->type_name)
                                           : SH_NONE;
        if (!p->type) {
                *ret = sh_keep(v);
        } else if (c->info->cmdlet && sh_is_null(v) && p->type->kind >= SH_OBJECT_KINDS) {
                *ret = SH_NIL; /* a cmdlet's reference parameters may be null, a function's [string] becomes '' */
        } else {
                st = convert(sh, c->info, p, v, node, ret);
                if (st == SH_ERROR)
                        return cannot_convert(c, p);
        }
        if (st == SH_OK && (st = checked(c, p, *ret)) != SH_OK)
                sh_drop(*ret);
        return st;
}

int sh_param_value(struct sh *sh, const struct sh_cmdinfo *info, const struct pinfo *p, struct sv v, struct node *node,
                   int flags, struct sv *ret)
{
        if (!p->type && !p->validated && !mandatory_somewhere(p)) {
                *ret = sh_keep(v.kind == SH_VOID ? SH_NIL : v);
                return SH_OK;
        }
        struct sh_target t = { .kind = CT_FUNCTION, .name = (char *)(info->name ? info->name : "") };
        struct sh_cmd c = { .sh = sh, .info = (struct sh_cmdinfo *)info, .target = &t };
        return param_value(&c, p, v, node, flags, ret);
}

/* ---- keeping it ---- */
void sh_param_store(struct sh *sh, struct scope *s, const struct pinfo *p, struct sv v)
{
        struct sv *slot = p->decl->slot < s->n && s->layout->ids[p->decl->slot] == p->decl->id
                                  ? &s->slots[p->decl->slot]
                                  : sh_scope_slot(s, p->decl->id, true);
        (void)sh;
        if (!p->type && !p->validated && slot->kind != SH_K_BOX) {
                if (slot->kind != SH_K_UNSET)
                        sh_drop(*slot);
                *slot = v;
                return;
        }
        struct sh_var *x = slot->kind == SH_K_BOX ? (struct sh_var *)slot->o : calloc(1, sizeof *x);
        if (!x)
                abort();
        if (slot->kind == SH_K_BOX) {
                sh_drop(x->value);
        } else {
                x->obj.refs = 1;
                x->obj.type = &sh_type_variable;
                x->id = p->decl->id;
                if (slot->kind != SH_K_UNSET)
                        sh_drop(*slot);
        }
        x->value = v;
        x->type = p->type;
        if (p->validated && !x->unit && s->frame && s->frame->block) {
                x->attrs = p->attrs;
                x->unit = s->frame->block->u;
                x->unit->refs++;
        }
        *slot = (struct sv) { .kind = SH_K_BOX, .o = &x->obj };
}

static void keep(struct sh_cmd *c, uint32_t i, struct sv v, uint8_t state)
{
        struct bound_value *b = &c->bound[i];
        if (b->state != BV_NONE)
                sh_drop(b->v);
        b->v = v;
        b->state = state;
        if (c->is_function && c->info->p[i].decl && c->begun)
                sh_param_store(c->sh, c->scope, &c->info->p[i], sh_keep(v));
}

/* ---- sets ---- */
static int narrow(struct sh_cmd *c, const struct pinfo *p)
{
        if (p->sets == UINT32_MAX)
                return SH_OK;
        c->sets &= p->sets;
        if (c->sets)
                return SH_OK;
        return sh_bind_throw(c, "AmbiguousParameterSet", "InvalidArgument", SH_NIL,
                             "Parameter set cannot be resolved using the specified named parameters. One or more "
                             "parameters issued cannot be used together or an insufficient number of parameters were "
                             "provided.");
}

const struct pset *sh_pset_in(const struct pinfo *p, uint32_t sets)
{
        for (uint32_t i = 0; i < p->nin; i++)
                if (p->in[i].sets & sets)
                        return &p->in[i];
        return NULL;
}

static bool takes_pipeline(const struct sh_cmd *c, const struct pinfo *p)
{
        for (uint32_t i = 0; i < p->nin; i++)
                if ((p->in[i].sets & c->sets) && (p->in[i].by_value || p->in[i].by_name))
                        return true;
        return false;
}

static bool takes_block(const struct pinfo *p)
{
        const struct sh_type *t = p->type;
        return !t || t == &sh_type_object || t == &sh_type_block ||
               (t->is_array && (!t->element || t->element == &sh_type_block || t->element == &sh_type_object));
}

int sh_bind_value(struct sh_cmd *c, uint32_t i, struct sv v, struct node *node, int flags)
{
        struct pinfo *p = &c->info->p[i];
        struct sv r;
        int st;
        if ((flags & BIND_DELAY) && v.kind == SH_BLOCK && !takes_block(p) && takes_pipeline(c, p)) {
                if (!c->expects_input)
                        return sh_bind_throw(c, "ScriptBlockArgumentNoInput", "MetadataError", SH_NIL,
                                             "Cannot evaluate parameter '%s' because its argument is specified as a "
                                             "script block and there is no input. A script block cannot be evaluated "
                                             "without input.",
                                             p->name);
                if (!c->delayed && !(c->delayed = calloc(c->info->n, sizeof *c->delayed)))
                        abort();
                c->delayed[i] = sh_keep(v);
                c->bound[i].state = BV_DELAYED;
                c->bound[i].v = SH_NIL;
                return narrow(c, p);
        }
        st = param_value(c, p, v, node, flags, &r);
        if (st != SH_OK) {
                if (st == SH_ERROR && node) { /* at the argument, but still the command's */
                        struct sh_error *e = c->sh->error.kind == SH_OTHER ? sh_error_of(c->sh->error) : NULL;
                        char *command = e ? e->command : NULL;
                        if (e)
                                e->command = NULL;
                        sh_error_position(c->sh, node);
                        if (e)
                                e->command = command;
                }
                return st;
        }
        keep(c, i, r, flags & BIND_PIPELINE ? BV_PIPE : BV_BOUND);
        return narrow(c, p);
}

/* ---- defaults ---- */
int sh_default_param(struct sh *sh, struct pinfo *p, struct sv *ret)
{
        const struct sh_type *t = p->type;
        *ret = SH_NIL;
        if (p->is_switch)
                return sh_convert(sh, sh_bool(false), &sh_type_switch, ret);
        if (t == &sh_type_string)
                *ret = sh_text("");
        else if (t && t->kind && t->kind < SH_OBJECT_KINDS)
                *ret = sh_default_value(t);
        return SH_OK;
}

int sh_param_default(struct sh_cmd *c, uint32_t i)
{
        struct sh *sh = c->sh;
        struct pinfo *p = &c->info->p[i];
        struct sv v;
        int st;
        if (!p->decl || !c->is_function)
                return SH_OK;
        if (!p->decl->init) {
                st = sh_default_param(sh, p, &v);
        } else {
                v = EV(p->decl->init);
                if (sh_failed(v))
                        return sh->st;
                st = SH_OK;
                if (v.kind == SH_VOID)
                        v = SH_NIL;
                if (p->type) {
                        struct sv r;
                        st = convert(sh, c->info, p, v, p->decl->init, &r);
                        sh_drop(v);
                        if (st == SH_ERROR)
                                return cannot_convert(c, p);
                        v = r;
                }
        }
        if (st == SH_OK)
                sh_param_store(sh, c->scope, p, v);
        return st;
}
