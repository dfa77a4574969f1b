/* SPDX-License-Identifier: MIT
 *
 * Assignment: to variables (typed, scoped, several at once), members, items; with operators; ++ and --.
 * A target is opened once (its object and key are evaluated once), then read and written.
 */
#include "shell/eval.h"

#include <stdlib.h>

struct target {
        struct node *n;
        struct sv obj, key;         /* owned */
        const struct sh_type *type; /* static member */
};

static struct node *inner(struct node *n)
{
        while (n->kind == N_PAREN && n->a->kind == N_EXPR)
                n = n->a->a;
        return n;
}

static int target_open(struct sh *sh, struct node *n, struct target *t)
{
        *t = (struct target) { .n = inner(n), .obj = SH_NIL, .key = SH_NIL };
        n = t->n;
        while (n->kind == N_CAST)
                n = inner(n->a);
        if (n->kind != N_MEMBER && n->kind != N_INDEX)
                return SH_OK;
        if (n->flags & NF_STATIC) {
                if (n->a->kind != N_TYPE || !(t->type = sh_node_type(sh, n->a)))
                        return sh->error.kind == SH_NULL
                                       ? sh_throw(sh, "InvalidOperation", "InvalidOperation", SH_NIL,
                                                  "Only a type's static property can be assigned with ::.")
                                       : SH_ERROR;
        } else {
                t->obj = EV(n->a);
                if (sh_failed(t->obj))
                        return sh->st;
        }
        t->key = EV(n->b);
        if (sh_failed(t->key)) {
                sh_drop(t->obj);
                return sh->st;
        }
        if (n->kind == N_MEMBER && t->key.kind != SH_STRING) {
                struct sv s = sh_to_text(sh, t->key);
                sh_drop(t->key);
                t->key = s;
        }
        return SH_OK;
}

static void target_close(struct target *t)
{
        sh_drop(t->obj);
        sh_drop(t->key);
}

static int target_get(struct sh *sh, struct target *t, struct sv *ret)
{
        struct node *n = t->n;
        while (n->kind == N_CAST)
                n = inner(n->a);
        int st = SH_OK;
        if (n->kind == N_MEMBER && t->type)
                st = sh_get_static(sh, t->type, t->key.s->s, t->key.s->len, ret);
        else if (n->kind == N_MEMBER)
                st = sh_is_null(t->obj) ? SH_NONE : sh_get(sh, t->obj, t->key.s->s, t->key.s->len, ret);
        else if (n->kind == N_INDEX)
                st = sh_is_null(t->obj) ? sh_throw(sh, "NullArray", "InvalidOperation", SH_NIL,
                                                   "Cannot index into a null array.")
                                        : sh_index(sh, t->obj, t->key, ret);
        else {
                *ret = EV(n);
                return sh_failed(*ret) ? (int)sh->st : SH_OK;
        }
        if (st == SH_NONE) {
                *ret = SH_NIL;
                st = SH_OK;
        }
        return st;
}

/* [int]$x = v, [ValidateRange(1,5)]$x = v: the variable keeps type and checks. */
static int assign_typed(struct sh *sh, struct node *n, struct sv value)
{
        struct node *var = n;
        const struct sh_type *type = NULL;
        struct attr *attrs = NULL;
        for (; var->kind == N_CAST; var = inner(var->a)) {
                if (var->b && !type && !(type = sh_node_type(sh, var->b)))
                        return SH_ERROR;
                if (!var->b) {
                        attrs = attrs ? attrs : var->x;
                        for (struct attr *a = var->x; a && !type; a = a->next)
                                if (a->is_type)
                                        type = sh_type_find(sh, a->name, a->n);
                }
        }
        struct sv v = sh_keep(value);
        if (type) {
                sh_drop(v);
                int st = sh_convert(sh, value, type, &v);
                if (st != SH_OK)
                        return st;
        }
        int st = attrs ? sh_validate(sh, attrs, n->u, v, var->kind == N_VAR ? var->x : "", false) : SH_OK;
        if (st == SH_OK && var->kind != N_VAR)
                st = sh_assign(sh, var, v);
        else if (st == SH_OK) {
                struct sv *slot = sh_scope_slot(sh_scope_at(sh, var->op), var->id, false);
                if (slot && slot->kind == SH_K_BOX &&
                    !(((struct sh_var *)slot->o)->options & (VO_READONLY | VO_CONSTANT))) {
                        ((struct sh_var *)slot->o)->type = NULL; /* a new declaration replaces the old type */
                        ((struct sh_var *)slot->o)->attrs = NULL;
                }
                st = sh_var_write(sh, var->id, var->op == VS_PLAIN ? VS_LOCAL : var->op, v);
                if (st == SH_OK && (type || attrs)) {
                        struct sh_var *x =
                                sh_var_box(sh, var->id, var->op == VS_PLAIN ? VS_LOCAL : var->op, true);
                        x->type = type;
                        x->attrs = attrs;
                        if (attrs && !x->unit) {
                                x->unit = n->u;
                                n->u->refs++;
                        }
                }
        }
        sh_drop(v);
        return st;
}

static int assign_many(struct sh *sh, struct node *n, struct sv value)
{
        size_t pos = 0;
        struct sv item, rest;
        bool list = sh_is_enumerable(value), more = !sh_is_null(value);
        for (uint32_t i = 0; i < n->n; i++) {
                bool last = i + 1 == n->n;
                if (!list) {
                        item = more ? sh_keep(value) : SH_NIL;
                        more = false;
                } else if (!last) {
                        if (!sh_next(value, &pos, &item))
                                item = SH_NIL;
                } else {
                        rest = sh_array_new(4);
                        while (sh_next(value, &pos, &item))
                                sh_array_take(rest.a, item);
                        item = rest.a->n == 0   ? SH_NIL
                               : rest.a->n == 1 ? sh_keep(rest.a->v[0])
                                                : sh_keep(rest);
                        sh_drop(rest);
                }
                int st = sh_assign(sh, n->v[i], item);
                sh_drop(item);
                if (st != SH_OK)
                        return st;
        }
        return SH_OK;
}

static int target_set(struct sh *sh, struct target *t, struct sv v)
{
        struct node *n = t->n;
        if (v.kind == SH_VOID && n->kind != N_VAR) /* a variable stays nothing: @($x) is empty, not one null */
                v = SH_NIL;
        switch (n->kind) {
        case N_VAR:
                if (sh->scope->strict && n->op == VS_USING)
                        return sh_throw(sh, "UsingVariableIsReadOnly", "InvalidOperation", SH_NIL,
                                        "A variable that was taken with $using: cannot be assigned.");
                return sh_var_write(sh, n->id, n->op, v);
        case N_UNDER: return sh_var_write(sh, ID_UNDER, VS_PLAIN, v);
        case N_DRIVEVAR: return sh_set_drive_var(sh, n->x, n->n, v);
        case N_CAST: return assign_typed(sh, n, v);
        case N_ARRAY: return assign_many(sh, n, v);
        case N_CONST: return n->flags & NF_DISCARD ? SH_OK : sh_var_write(sh, ID_TRUE, VS_PLAIN, v);
        case N_LASTOK: return sh_var_write(sh, ID_TRUE, VS_PLAIN, v);
        case N_MEMBER:
                if (t->type)
                        return sh_put_static(sh, t->type, t->key.s->s, t->key.s->len, v);
                if (sh_is_null(t->obj))
                        return sh_throw(sh, "PropertyNotFound", "InvalidOperation", SH_NIL,
                                        "The property '%s' cannot be found on this object. Verify that the "
                                        "property exists and can be set.",
                                        t->key.s->s);
                return sh_put(sh, t->obj, t->key.s->s, t->key.s->len, v);
        case N_INDEX:
                if (sh_is_null(t->obj))
                        return sh_throw(sh, "NullArray", "InvalidOperation", SH_NIL,
                                        "Cannot index into a null array.");
                return sh_set_index(sh, t->obj, t->key, v);
        }
        return sh_throw(sh, "InvalidLeftHandSide", "ParserError", SH_NIL,
                        "The assignment expression is not valid.");
}

int sh_assign(struct sh *sh, struct node *n, struct sv v)
{
        struct target t;
        int st = target_open(sh, n, &t);
        if (st == SH_OK) {
                st = target_set(sh, &t, v);
                target_close(&t);
        }
        if (st == SH_ERROR)
                sh_error_position(sh, n);
        return st;
}

/* The right side: assigned collections are what the pipeline made of them. */
static struct sv right_side(struct sh *sh, struct node *n)
{
        return EV(n);
}

static struct sv compound(struct sh *sh, struct node *n)
{
        struct target t;
        struct sv old, v, r;
        int st = target_open(sh, n->a, &t);
        if (st != SH_OK)
                return sh_fail_at(sh, n, st);
        uint8_t strict = sh->scope->strict;
        if (n->op == 254)
                sh->scope->strict = 0;
        st = target_get(sh, &t, &old);
        sh->scope->strict = strict;
        if (st != SH_OK) {
                target_close(&t);
                return sh_fail_at(sh, n, st);
        }
        if (n->op == 254 && !sh_is_null(old)) {
                target_close(&t);
                return old;
        }
        v = right_side(sh, n->b);
        if (sh_failed(v)) {
                target_close(&t);
                sh_drop(old);
                return v;
        }
        r = v;
        if (n->op != 254) {
                st = sh_binary(sh, (enum sh_op)n->op, false, old, v, &r);
                sh_drop(v);
        }
        sh_drop(old);
        if (st == SH_OK && (st = target_set(sh, &t, r)) != SH_OK)
                sh_drop(r);
        target_close(&t);
        return st == SH_OK ? r : sh_fail_at(sh, n, st);
}

struct sv ev_assign(struct sh *sh, struct node *n)
{
        if (n->op != 255)
                return compound(sh, n);
        struct sv v = right_side(sh, n->b);
        if (sh_failed(v))
                return v;
        int st = sh_assign(sh, n->a, v);
        if (st != SH_OK) {
                sh_drop(v);
                return sh_fail_at(sh, n, st);
        }
        if (n->a->kind == N_CAST && n->a->b && n->a->a->kind == N_VAR) { /* what it became */
                sh_drop(v);
                return EV(n->a->a);
        }
        return v;
}

static int ok_statement(struct sh *sh, struct node *n)
{
        if (n->b->kind == N_EXPR)
                sh->ok = true;
        return SH_OK;
}

int run_assign(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)out;
        struct sv v = ev_assign(sh, n);
        if (sh_failed(v))
                return sh->st;
        sh_drop(v);
        return ok_statement(sh, n);
}

/* $x = expr */
int run_assign_var(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)out;
        struct sv v = right_side(sh, n->b);
        if (sh_failed(v))
                return sh->st;
        struct sv *slot = local_slot(sh, n->a);
        if (slot) {
                struct sv old = *slot;
                *slot = v;
                sh_drop(old);
                return ok_statement(sh, n);
        }
        int st = sh_var_write(sh, n->a->id, n->a->op, v);
        sh_drop(v);
        if (st != SH_OK) {
                sh_error_position(sh, n);
                return st;
        }
        if (sh->scope->layout != n->a->layout) {
                uint32_t at = sh_layout_find(sh->scope->layout, n->a->id);
                if (at != UINT32_MAX)
                        n->a->layout = sh->scope->layout, n->a->slot = at;
        }
        return ok_statement(sh, n);
}

/* $x += expr: integers and arrays that nobody else holds grow in place. */
int run_assign_add(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct sv *slot = local_slot(sh, n->a);
        if (!slot || (slot->kind != SH_INT32 && !(slot->kind == SH_ARRAY && slot->o->refs == 1 &&
                                                  slot->o->type == &sh_type_array && !slot->a->element)))
                return run_assign(sh, n, out);
        struct sv v = right_side(sh, n->b);
        if (sh_failed(v))
                return sh->st;
        slot = local_slot(sh, n->a);
        if (slot && slot->kind == SH_INT32 && v.kind == SH_INT32 && slot->i + v.i <= INT32_MAX &&
            slot->i + v.i >= INT32_MIN) {
                slot->i += v.i;
                return ok_statement(sh, n);
        }
        if (slot && slot->kind == SH_ARRAY && slot->o->refs == 1) {
                size_t pos = 0;
                struct sv item;
                if (sh_is_enumerable(v)) {
                        while (sh_next(v, &pos, &item))
                                sh_array_take(slot->a, item);
                } else {
                        sh_array_add(slot->a, v.kind == SH_VOID ? SH_NIL : v);
                }
                sh_drop(v);
                return ok_statement(sh, n);
        }
        struct sv old = slot ? sh_keep(*slot) : SH_NIL, r;
        int st = sh_binary(sh, SH_ADD, false, old, v, &r);
        sh_drop(old);
        sh_drop(v);
        if (st == SH_OK) {
                st = sh_var_write(sh, n->a->id, n->a->op, r);
                sh_drop(r);
        }
        if (st != SH_OK) {
                sh_error_position(sh, n);
                return st;
        }
        return ok_statement(sh, n);
}

struct sv ev_inc(struct sh *sh, struct node *n)
{
        int64_t d = n->flags & NF_DEC ? -1 : 1;
        if (n->a->kind == N_VAR) {
                struct sv *slot = local_slot(sh, n->a);
                if (slot && slot->kind == SH_INT32 && slot->i + d <= INT32_MAX && slot->i + d >= INT32_MIN) {
                        struct sv old = *slot;
                        slot->i += d;
                        return n->flags & NF_POST ? old : *slot;
                }
        }
        struct target t;
        struct sv old, r;
        int st = target_open(sh, n->a, &t);
        if (st != SH_OK)
                return sh_fail_at(sh, n, st);
        st = target_get(sh, &t, &old);
        if (st == SH_OK && !sh_is_null(old) && !sh_is_number(old) && old.kind != SH_CHAR)
                st = sh_throw(sh, "OperatorRequiresNumber", "InvalidOperation", SH_NIL,
                              "The '%s' operator works only on numbers. The operand is a '%s'.",
                              d > 0 ? "++" : "--", sh_type_of(old)->name);
        if (st != SH_OK) {
                target_close(&t);
                return sh_fail_at(sh, n, st);
        }
        st = sh_binary(sh, d > 0 ? SH_ADD : SH_SUB, false, sh_is_null(old) ? sh_int(0) : old, sh_int(1), &r);
        if (st == SH_OK) {
                if ((st = target_set(sh, &t, r)) != SH_OK)
                        sh_drop(r);
        }
        target_close(&t);
        if (st != SH_OK) {
                sh_drop(old);
                return sh_fail_at(sh, n, st);
        }
        if (n->flags & NF_POST) {
                sh_drop(r);
                return sh_is_null(old) ? sh_int(0) : old;
        }
        sh_drop(old);
        return r;
}
