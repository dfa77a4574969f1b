/* SPDX-License-Identifier: MIT
 *
 * Expressions. Each function evaluates its operands left to right and asks the types (value.h) for the meaning; here
 * are only order, laziness, errors' places, and shortcuts for 32-bit integers.
 */
#include "shell/eval.h"
#include "shell/types.h"

#include <stdlib.h>
#include <strings.h>

struct sv sh_fail(struct sh *sh, int st)
{
        sh->st = (enum sh_status)st;
        return SH_FAIL;
}

struct sv sh_fail_at(struct sh *sh, struct node *n, int st)
{
        sh->st = (enum sh_status)st;
        if (st == SH_ERROR)
                sh_error_position(sh, n);
        return SH_FAIL;
}

/* ---- leaves ---- */
struct sv ev_const(struct sh *sh, struct node *n)
{
        (void)sh;
        return sh_keep(n->val);
}

struct sv ev_under(struct sh *sh, struct node *n)
{
        (void)n;
        return sh_keep(sh->under);
}

struct sv ev_lastok(struct sh *sh, struct node *n)
{
        (void)n;
        return sh_bool(sh->ok);
}

struct sv ev_drivevar(struct sh *sh, struct node *n)
{
        return sh_get_drive_var(sh, n->x, n->n);
}

static struct sv unset_variable(struct sh *sh, struct node *n)
{
        return sh_fail_at(sh, n,
                          sh_throw_about(sh, NULL, "VariableIsUndefined", "InvalidOperation", n->x,
                                   "The variable '$%s' cannot be retrieved because it has not been set.",
                                   (const char *)n->x));
}

struct sv ev_var_slow(struct sh *sh, struct node *n)
{
        bool found;
        struct scope *s = sh->scope;
        if (n->op == VS_PLAIN) { /* aim the cache at this scope if it has the variable */
                uint32_t slot = sh_layout_find(s->layout, n->id);
                if (slot != UINT32_MAX && slot < s->n && s->slots[slot].kind != SH_K_UNSET)
                        n->layout = s->layout, n->slot = slot;
        }
        struct sv r = sh_var_read(sh, n->id, n->op, &found);
        if (!found && s->strict)
                return unset_variable(sh, n);
        return r;
}

struct sv ev_var(struct sh *sh, struct node *n)
{
        struct sv *slot = local_slot(sh, n);
        return slot ? sh_keep(*slot) : ev_var_slow(sh, n);
}

struct sv ev_expand(struct sh *sh, struct node *n)
{
        struct sh_buf b = { 0 };
        for (uint32_t i = 0; i < n->n; i++) {
                struct sv v = EV(n->v[i]);
                if (sh_failed(v)) {
                        sh_buf_free(&b);
                        return v;
                }
                sh_buf_value(sh, &b, v);
                sh_drop(v);
        }
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}

struct sv ev_type(struct sh *sh, struct node *n)
{
        const struct sh_type *t = sh_node_type(sh, n);
        return t ? sh_type_value(t) : sh_fail_at(sh, n, SH_ERROR);
}

const struct sh_type *sh_node_type(struct sh *sh, struct node *n)
{
        if (n->v)
                return (const struct sh_type *)n->v;
        const struct sh_type *t = sh_script_type(sh, n->x, n->slot);
        if (!t && (t = sh_type_find(sh, n->x, n->slot)))
                n->v = (struct node **)t;
        const char *never = t ? NULL : sh_type_never(n->x, n->slot);
        if (never)
                sh_throw_about(sh, NULL, "NotSupportedHere", "NotImplemented", n->x, "[%s] is not supported here: %s.",
                               (const char *)n->x, never);
        else if (!t)
                sh_throw_about(sh, NULL, "TypeNotFound", "InvalidOperation", n->x, "Unable to find type [%s].",
                         (const char *)n->x);
        return t;
}

/* ---- composites ---- */
struct sv ev_array(struct sh *sh, struct node *n)
{
        struct sv r = sh_array_new(n->n);
        for (uint32_t i = 0; i < n->n; i++) {
                struct sv v = EV(n->v[i]);
                if (sh_failed(v)) {
                        sh_drop(r);
                        return v;
                }
                sh_array_take(r.a, v);
        }
        return r;
}

static struct sv duplicate_key(struct sh *sh, struct node *n, struct sv key)
{
        struct sv t = sh_to_text(sh, key);
        int st = sh_throw(sh, "DuplicateKeyInHashLiteral", "InvalidOperation", SH_NIL,
                          "Duplicate keys '%s' are not allowed in hash literals.", t.s->s);
        sh_drop(t);
        return sh_fail_at(sh, n, st);
}

struct sv ev_hash(struct sh *sh, struct node *n)
{
        struct sv r = sh_hash_new(n->flags & NF_ORDERED), k = SH_NIL, v = SH_NIL, old;
        for (uint32_t i = 0; i < n->n; i += 2) {
                k = EV(n->v[i]);
                if (sh_failed(k))
                        goto failed;
                if (sh_is_null(k)) {
                        k = sh_fail_at(sh, n->v[i],
                                       sh_throw(sh, "InvalidNullKey", "InvalidArgument", SH_NIL,
                                                "A null key is not allowed in a hash literal."));
                        goto failed;
                }
                if (sh_hash_get(r.h, k, &old)) {
                        struct sv f = duplicate_key(sh, n->v[i], k);
                        sh_drop(k);
                        k = f;
                        goto failed;
                }
                v = EV(n->v[i + 1]);
                if (sh_failed(v)) {
                        sh_drop(k);
                        k = v;
                        goto failed;
                }
                sh_hash_set(r.h, k, v.kind == SH_VOID ? SH_NIL : v);
                sh_drop(k);
                sh_drop(v);
        }
        return r;
failed:
        sh_drop(r);
        return k;
}

struct sv ev_block(struct sh *sh, struct node *n)
{
        return sh_block_new(sh, n->x);
}

struct sv ev_sub(struct sh *sh, struct node *n)
{
        struct node *l = n->a;
        if (l->n == 1 && !l->x && l->v[0]->kind == N_EXPR && !l->v[0]->x && l->v[0]->a->kind != N_INC) {
                struct sv v =
                        EV(l->v[0]->a); /* one expression: only lists change by going through the pipeline */
                sh->ok |= !sh_failed(v);
                if (!sh_failed(v) && !sh_is_enumerable(v))
                        return v;
                struct collect c;
                sh_collect_begin(&c);
                int st;
                if (sh_failed(v)) { /* the statement has failed, not what it stands in */
                        st = sh->st;
                        if (st == SH_ERROR)
                                st = sh_stmt_error(sh, l, l->v[0], &c.sink);
                } else {
                        st = sh_write_unrolled(sh, &c.sink, v);
                        sh_drop(v);
                }
                if (st != SH_OK)
                        return sh_collect_drop(&c), sh_fail(sh, st);
                return sh_collect_end(&c);
        }
        sh->ok |= l->n == 0;
        return ev_collect(sh, n->a);
}

struct sv ev_arraysub(struct sh *sh, struct node *n)
{
        struct collect c;
        struct node *l = n->a;
        if (l->n == 0) {
                sh->ok = true;
                return sh_array_new(0);
        }
        if (l->n == 1 && !l->x && l->v[0]->kind == N_EXPR && !l->v[0]->x && l->v[0]->a->kind == N_ARRAY) {
                struct sv v = ev_array(sh, l->v[0]->a);
                sh->ok |= !sh_failed(v);
                return v;
        }
        sh_collect_begin(&c);
        int st = l->run(sh, l, &c.sink);
        if (st != SH_OK) {
                sh_collect_drop(&c);
                return sh_fail(sh, st);
        }
        return sh_collect_array(&c);
}

struct sv ev_paren(struct sh *sh, struct node *n)
{
        return EV(n->a);
}

struct sv ev_paren_expr(struct sh *sh, struct node *n)
{
        struct node *e = n->a->a;
        return EV(e);
}

struct sv ev_statement(struct sh *sh, struct node *n)
{
        if (n->x)
                return ev_collect(sh, n);
        return EV(n->a);
}

struct sv ev_collect(struct sh *sh, struct node *n)
{
        struct sv r;
        int st = sh_eval_collect(sh, n, &r);
        return st == SH_OK ? r : sh_fail(sh, st);
}

struct sv ev_splat(struct sh *sh, struct node *n)
{
        return EV(n->a);
}

/* ---- casts ---- */
struct sv ev_cast(struct sh *sh, struct node *n)
{
        const struct sh_type *t = sh_node_type(sh, n->b);
        if (!t)
                return sh_fail_at(sh, n->b, SH_ERROR);
        struct sv v = EV(n->a), r;
        if (sh_failed(v))
                return v;
        int st = sh_convert(sh, v, t, &r);
        sh_drop(v);
        return st == SH_OK ? r : sh_fail_at(sh, n, st);
}

struct sv ev_void_cast(struct sh *sh, struct node *n)
{
        struct sv v = EV(n->a);
        if (sh_failed(v))
                return v;
        sh_drop(v);
        return SH_NOTHING;
}

/* [ValidateRange(1, 5)][int]$x read as a value */
struct sv ev_attr_cast(struct sh *sh, struct node *n)
{
        struct sv v = EV(n->a), r;
        for (struct attr *a = n->x; a && !sh_failed(v); a = a->next) {
                if (!a->is_type)
                        continue;
                const struct sh_type *t = sh_script_type(sh, a->name, a->n);
                t = t ? t : sh_type_find(sh, a->name, a->n);
                if (!t)
                        return sh_drop(v), sh_fail_at(sh, n,
                                                      sh_throw(sh, "TypeNotFound", "InvalidOperation", SH_NIL,
                                                               "Unable to find type [%s].", a->name));
                int st = sh_convert(sh, v, t, &r);
                sh_drop(v);
                v = st == SH_OK ? r : sh_fail_at(sh, n, st);
        }
        return v;
}

/* ---- operators ---- */
static struct sv binary_values(struct sh *sh, struct node *n, struct sv a, struct sv b)
{
        struct sv r;
        int st = sh_binary(sh, (enum sh_op)n->op, n->flags & NF_CASE, a, b, &r);
        sh_drop(a);
        sh_drop(b);
        return st == SH_OK ? r : sh_fail_at(sh, n, st);
}

struct sv ev_binary(struct sh *sh, struct node *n)
{
        struct sv a = EV(n->a);
        if (sh_failed(a))
                return a;
        struct sv b = EV(n->b);
        if (sh_failed(b)) {
                sh_drop(a);
                return b;
        }
        return binary_values(sh, n, a, b);
}

#define FITS(x) ((x) >= INT32_MIN && (x) <= INT32_MAX)
#define ARITH(name, expr) \
        static inline bool fast_##name(int64_t a, int64_t b, struct sv *r) \
        { \
                int64_t x = (expr); \
                *r = sh_int((int32_t)x); \
                return FITS(x); \
        }
#define TEST(name, expr) \
        static inline bool fast_##name(int64_t a, int64_t b, struct sv *r) \
        { \
                *r = sh_bool(expr); \
                return true; \
        }
ARITH(add, a + b)
ARITH(sub, a - b)
ARITH(mul, a *b)
TEST(eq, a == b)
TEST(ne, a != b)
TEST(lt, a < b)
TEST(le, a <= b)
TEST(gt, a > b)
TEST(ge, a >= b)
static inline bool fast_mod(int64_t a, int64_t b, struct sv *r)
{
        if (b == 0)
                return false;
        *r = sh_int((int32_t)(a % b));
        return true;
}
static inline bool fast_band(int64_t a, int64_t b, struct sv *r)
{
        *r = sh_int((int32_t)(a & b));
        return true;
}

/* Three forms per operator: any op any, any op constant, variable op constant. */
#define FORMS(name) \
        static struct sv op_##name(struct sh *sh, struct node *n) \
        { \
                struct sv a = EV(n->a), r; \
                if (sh_failed(a)) \
                        return a; \
                struct sv b = EV(n->b); \
                if (sh_failed(b)) \
                        return sh_drop(a), b; \
                if (a.kind == SH_INT32 && b.kind == SH_INT32 && fast_##name(a.i, b.i, &r)) \
                        return r; \
                return binary_values(sh, n, a, b); \
        } \
        static struct sv op_##name##_k(struct sh *sh, struct node *n) \
        { \
                struct sv a = EV(n->a), r; \
                if (a.kind == SH_INT32 && fast_##name(a.i, n->b->val.i, &r)) \
                        return r; \
                return sh_failed(a) ? a : binary_values(sh, n, a, n->b->val); \
        } \
        static struct sv op_##name##_vk(struct sh *sh, struct node *n) \
        { \
                struct sv *a = local_slot(sh, n->a), r; \
                if (a && a->kind == SH_INT32 && fast_##name(a->i, n->b->val.i, &r)) \
                        return r; \
                return op_##name##_k(sh, n); \
        }
FORMS(add)
FORMS(sub)
FORMS(mul)
FORMS(mod)
FORMS(band)
FORMS(eq)
FORMS(ne)
FORMS(lt)
FORMS(le)
FORMS(gt)
FORMS(ge)

sh_ev *ev_fast(int op, bool var, bool k)
{
#define PICK(OP, name) \
        case OP: return var && k ? op_##name##_vk : k ? op_##name##_k : op_##name;
        switch (op) {
                PICK(SH_ADD, add)
                PICK(SH_SUB, sub)
                PICK(SH_MUL, mul)
                PICK(SH_MOD, mod)
                PICK(SH_BAND, band)
                PICK(SH_EQ, eq)
                PICK(SH_NE, ne)
                PICK(SH_LT, lt)
                PICK(SH_LE, le)
                PICK(SH_GT, gt)
                PICK(SH_GE, ge)
        }
        return NULL;
}

static struct sv truth(struct sh *sh, struct node *n)
{
        struct sv v = EV(n);
        if (v.kind == SH_BOOL || sh_failed(v))
                return v;
        struct sv r = sh_bool(sh_true(v));
        sh_drop(v);
        return r;
}

struct sv ev_and(struct sh *sh, struct node *n)
{
        struct sv a = truth(sh, n->a);
        return sh_failed(a) || !a.i ? a : truth(sh, n->b);
}

struct sv ev_or(struct sh *sh, struct node *n)
{
        struct sv a = truth(sh, n->a);
        return sh_failed(a) || a.i ? a : truth(sh, n->b);
}

struct sv ev_xor(struct sh *sh, struct node *n)
{
        struct sv a = truth(sh, n->a);
        if (sh_failed(a))
                return a;
        struct sv b = truth(sh, n->b);
        return sh_failed(b) ? b : sh_bool(a.i != b.i);
}

struct sv ev_not(struct sh *sh, struct node *n)
{
        struct sv a = truth(sh, n->a);
        return sh_failed(a) ? a : sh_bool(!a.i);
}

struct sv ev_unary(struct sh *sh, struct node *n)
{
        struct sv a = EV(n->a), r;
        if (sh_failed(a))
                return a;
        int st = sh_unary(sh, (enum sh_op)n->op, a, &r);
        sh_drop(a);
        return st == SH_OK ? r : sh_fail_at(sh, n, st);
}

struct sv ev_ternary(struct sh *sh, struct node *n)
{
        struct sv c = truth(sh, n->a);
        if (sh_failed(c))
                return c;
        struct node *x = c.i ? n->b : n->c;
        return EV(x);
}

struct sv ev_coalesce(struct sh *sh, struct node *n)
{
        uint8_t strict = sh->scope->strict;
        sh->scope->strict = 0;
        struct sv a = EV(n->a);
        sh->scope->strict = strict;
        return sh_failed(a) || !sh_is_null(a) ? a : EV(n->b);
}

/* ---- members ---- */
static struct sv no_property(struct sh *sh, struct node *n, struct sv name)
{
        return sh_fail_at(
                sh, n,
                sh_throw_as(
                        sh, "System.Management.Automation.PropertyNotFoundException",
                        "PropertyNotFoundStrict", "NotSpecified", SH_NIL,
                        "The property '%s' cannot be found on this object. Verify that the property exists.",
                        name.s->s));
}

static struct sv text_of(struct sh *sh, struct node *n)
{
        struct sv v = EV(n);
        if (sh_failed(v) || v.kind == SH_STRING)
                return v;
        struct sv t = sh_to_text(sh, v);
        sh_drop(v);
        return t;
}

static const struct sh_type *static_type(struct sh *sh, struct node *n, struct sv *ret_self)
{
        *ret_self = SH_NIL;
        if (n->a->kind == N_TYPE) {
                const struct sh_type *t = sh_node_type(sh, n->a);
                if (!t)
                        *ret_self = sh_fail_at(sh, n->a, SH_ERROR);
                return t;
        }
        struct sv v = EV(n->a);
        if (sh_failed(v)) {
                *ret_self = v;
                return NULL;
        }
        struct sv t;
        const struct sh_type *r = NULL;
        if (v.kind == SH_TYPE)
                r = sh_type_referred(v);
        else if (sh_try_convert(sh, v, &sh_type_type, &t))
                r = sh_type_referred(t), sh_drop(t);
        else
                r = sh_type_of(v);
        if (!r)
                *ret_self = sh_fail_at(sh, n,
                                       sh_throw(sh, "InvokeMethodOnNull", "InvalidOperation", SH_NIL,
                                                "You cannot use :: on a null-valued expression."));
        sh_drop(v);
        return r;
}

static struct sv static_member(struct sh *sh, struct node *n)
{
        struct sv self, r, name;
        const struct sh_type *t = static_type(sh, n, &self);
        if (!t)
                return self;
        name = text_of(sh, n->b);
        if (sh_failed(name))
                return name;
        int st = sh_get_static(sh, t, name.s->s, name.s->len, &r);
        if (st == SH_NONE && sh->scope->strict >= 2)
                r = no_property(sh, n, name);
        else if (st == SH_NONE)
                r = SH_NIL;
        else if (st != SH_OK)
                r = sh_fail_at(sh, n, st);
        sh_drop(name);
        return r;
}

struct sv ev_member(struct sh *sh, struct node *n)
{
        if (n->flags & NF_STATIC)
                return static_member(sh, n);
        struct sv self = EV(n->a), r, name;
        if (sh_failed(self))
                return self;
        if (sh_is_null(self) && (n->flags & NF_NULLCOND))
                return SH_NIL;
        name = n->b->kind == N_CONST ? sh_keep(n->b->val) : text_of(sh, n->b);
        if (sh_failed(name)) {
                sh_drop(self);
                return name;
        }
        int st = sh_get(sh, self, name.s->s, name.s->len, &r);
        if (st == SH_NONE && sh->scope->strict >= 2)
                r = no_property(sh, n, name);
        else if (st == SH_NONE)
                r = SH_NIL;
        else if (st != SH_OK)
                r = sh_fail_at(sh, n, st);
        sh_drop(name);
        sh_drop(self);
        return r;
}

/* Evaluates arguments into v; -1 when one failed (then ret_fail). */
static int eval_arguments(struct sh *sh, struct node *n, struct sv *v, struct sv *ret_fail)
{
        for (uint32_t i = 0; i < n->n; i++) {
                v[i] = EV(n->v[i]);
                if (sh_failed(v[i])) {
                        *ret_fail = v[i];
                        while (i-- > 0)
                                sh_drop(v[i]);
                        return -1;
                }
                if (v[i].kind == SH_VOID)
                        v[i] = SH_NIL;
        }
        return 0;
}

/* ([Base]$this).Method(...): the type that the instance was cast to, or NULL. */
static const struct sh_type *cast_type(struct sh *sh, struct node *n)
{
        struct node *x = n->a ? sh_unparen(n->a) : NULL;
        if (!x || n->a->kind != N_PAREN || x->kind != N_CAST || !x->b || x->b->kind != N_TYPE)
                return NULL;
        const struct sh_type *t = sh_node_type(sh, x->b);
        return t && (sh_is_script_class(t) || t == &sh_type_object) ? t : NULL;
}

static struct sv call_on(struct sh *sh, struct node *n, struct sv self, const struct sh_type *type,
                         struct sv *args)
{
        struct sv name = n->b->kind == N_CONST ? sh_keep(n->b->val) : EV(n->b), r;
        if (sh_failed(name))
                return name;
        struct sh_args a = { n->n, args };
        int st;
        if (name.kind == SH_BLOCK) { /* & like: $obj.{...}() is not a thing; a block as a name is run */
                st = sh_block_value(sh, name, NULL, a, true, &r);
        } else {
                struct sv text = sh_to_text(sh, name);
                sh_drop(name);
                name = text;
                const struct sh_type *as = !type && self.kind == SH_OTHER ? cast_type(sh, n) : NULL;
                st = as ? sh_class_call_as(sh, as, self, name.s->s, name.s->len, a, &r) : SH_NONE;
                if (st == SH_NONE)
                        st = type ? sh_call_static(sh, type, name.s->s, name.s->len, a, &r)
                                  : sh_call(sh, self, name.s->s, name.s->len, a, &r);
        }
        sh_drop(name);
        return st == SH_OK ? r : sh_fail_at(sh, n, st);
}

struct sv ev_call(struct sh *sh, struct node *n)
{
        struct sv self = SH_NIL, small[8], *args = small, r;
        const struct sh_type *type = NULL;
        if (n->flags & NF_STATIC) {
                if (!(type = static_type(sh, n, &self)))
                        return self;
        } else {
                self = EV(n->a);
                if (sh_failed(self))
                        return self;
                if (sh_is_null(self) && (n->flags & NF_NULLCOND))
                        return SH_NIL;
        }
        if (n->n > 8 && !(args = malloc(n->n * sizeof *args)))
                abort();
        if (!type && sh_is_null(self)) {
                r = sh_fail_at(sh, n,
                               sh_throw(sh, "InvokeMethodOnNull", "InvalidOperation", SH_NIL,
                                        "You cannot call a method on a null-valued expression."));
        } else if (eval_arguments(sh, n, args, &r) == 0) {
                r = call_on(sh, n, self, type, args);
                for (uint32_t i = 0; i < n->n; i++)
                        sh_drop(args[i]);
        }
        if (args != small)
                free(args);
        sh_drop(self);
        return r;
}

struct sv ev_index(struct sh *sh, struct node *n)
{
        struct sv self = EV(n->a), r;
        if (sh_failed(self))
                return self;
        if (sh_is_null(self) && (n->flags & NF_NULLCOND))
                return SH_NIL;
        struct sv key = EV(n->b);
        if (sh_failed(key)) {
                sh_drop(self);
                return key;
        }
        if (self.kind == SH_ARRAY && !self.a->dims && key.kind == SH_INT32 && key.i >= 0 && key.i < self.a->n) {
                r = sh_keep(self.a->v[key.i]);
                sh_drop(self);
                return r;
        }
        int st = sh_is_null(self) ? sh_throw(sh, "NullArray", "InvalidOperation", SH_NIL,
                                             "Cannot index into a null array.")
                                  : sh_index(sh, self, key, &r);
        if (st == SH_NONE) {
                r = SH_NIL;
                st = SH_OK;
        }
        sh_drop(key);
        sh_drop(self);
        return st == SH_OK ? r : sh_fail_at(sh, n, st);
}
