/* SPDX-License-Identifier: MIT
 *
 * Where-expressions over rows: three-valued, so that a comparison with null is neither true nor false.
 */
#include <string.h>
#include <strings.h>

#include "agent/assoc.h"
#include "agent/order.h"
#include "agent/wql.h"

enum truth { NO, YES, UNKNOWN };

static int order(double a, double b)
{
        return (a > b) - (a < b);
}

static int compare_text(const char *a, size_t na, const char *b, size_t nb)
{
        int c = strncasecmp(a, b, na < nb ? na : nb);
        return c ? c : (na > nb) - (na < nb);
}

/* Same types on both sides, since constants were converted; UINT may meet INT. */
static int compare(const struct rv_batch *b, const struct rv_value *v, const struct rv_arg *c)
{
        switch (v->type) {
        case RV_REF:
                if (c->type == RV_REF && rv_path_fits(rv_text(b, v), v->len, c->s, c->len))
                        return 0;
                /* fall through */
        case RV_STRING:
                return c->type == RV_STRING || c->type == RV_REF
                               ? compare_text(rv_text(b, v), v->len, c->s, c->len)
                               : 1;
        case RV_REAL:
                return order(v->d, c->type == RV_REAL  ? c->d
                                   : c->type == RV_INT ? (double)c->i
                                                       : (double)c->u);
        case RV_INT:
        case RV_DATETIME:
        case RV_INTERVAL:
                if (c->type == RV_UINT && c->u > INT64_MAX)
                        return -1;
                return (v->i > c->i) - (v->i < c->i);
        default:
                if (c->type == RV_INT && c->i < 0)
                        return 1;
                return (v->u > c->u) - (v->u < c->u);
        }
}

static bool holds(enum rv_expr_op op, int c)
{
        switch (op) {
        case RV_E_EQ: return c == 0;
        case RV_E_NE: return c != 0;
        case RV_E_LT: return c < 0;
        case RV_E_LE: return c <= 0;
        case RV_E_GT: return c > 0;
        default: return c >= 0;
        }
}

static enum truth one(const struct rv_expr *e, const struct rv_batch *b, const struct rv_value *v)
{
        if (v->type == RV_NULL)
                return e->op == RV_E_IS_NULL ? YES : UNKNOWN;
        if (e->op == RV_E_IS_NULL)
                return NO;
        if (v->type == RV_LIST) { /* any item, as WMI has it for arrays */
                for (uint32_t i = 0; i < v->len; i++)
                        if (one(e, b, &rv_items(b, v)[i]) == YES)
                                return YES;
                return NO;
        }
        if (e->op == RV_E_LIKE)
                return (v->type == RV_STRING || v->type == RV_REF) &&
                                       rv_wql_like(e->value.s, e->value.len, rv_text(b, v), v->len)
                               ? YES
                               : NO;
        return holds(e->op, compare(b, v, &e->value)) ? YES : NO;
}

/* What is looked at: a row, or with events the target and what it was before. */
struct rows {
        const struct rv_batch *b[2];
        uint32_t row[2];
};

static enum truth compare_two(const struct rv_expr *e, const struct rows *x)
{
        const struct rv_batch *a = x->b[e->side], *b = x->b[e->other_side];
        if (!a || !b)
                return UNKNOWN;
        const struct rv_value *v = rv_get(a, x->row[e->side], (unsigned)e->property),
                              *o = rv_get(b, x->row[e->other_side], (unsigned)e->other - 1);
        if (v->type == RV_NULL ||
            o->type == RV_NULL) /* a value that came or went is a difference all the same */
                return v->type == o->type ? (e->op == RV_E_NE ? NO : UNKNOWN)
                       : e->op == RV_E_NE ? YES
                                          : UNKNOWN;
        return holds(e->op, rv_compare_values(a, v, b, o)) ? YES : NO;
}

static enum truth isa(const struct rv_expr *e, const struct rows *x)
{
        const struct rv_batch *b = x->b[e->side];
        if (!b)
                return UNKNOWN;
        if (e->property < 0)
                return rv_class_isa(b->class, e->value.s) ? YES : NO;
        const char *is = b->class->properties[e->property].ref_class;
        return is && strcasecmp(is, e->value.s) == 0 ? YES : NO;
}

static enum truth eval(const struct rv_expr *e, const struct rows *r)
{
        enum truth x, y;
        switch (e->op) {
        case RV_E_AND:
                x = eval(e->a, r);
                if (x == NO)
                        return NO;
                y = eval(e->b, r);
                return y == NO ? NO : x == YES && y == YES ? YES : UNKNOWN;
        case RV_E_OR:
                x = eval(e->a, r);
                if (x == YES)
                        return YES;
                y = eval(e->b, r);
                return y == YES ? YES : x == NO && y == NO ? NO : UNKNOWN;
        case RV_E_NOT: x = eval(e->a, r); return x == UNKNOWN ? UNKNOWN : x == YES ? NO : YES;
        case RV_E_ISA: return isa(e, r);
        default:
                if (e->other)
                        return compare_two(e, r);
                if (!r->b[e->side])
                        return e->op == RV_E_IS_NULL ? YES : UNKNOWN;
                return one(e, r->b[e->side], rv_get(r->b[e->side], r->row[e->side], (unsigned)e->property));
        }
}

bool rv_expr_true(const struct rv_expr *e, const struct rv_batch *b, uint32_t row)
{
        return eval(e, &(struct rows) { { b, NULL }, { row, 0 } }) == YES;
}

bool rv_expr_true2(const struct rv_expr *e, const struct rv_batch *target, uint32_t row,
                   const struct rv_batch *previous, uint32_t previous_row)
{
        return eval(e, &(struct rows) { { target, previous }, { row, previous_row } }) == YES;
}

void rv_expr_uses(const struct rv_expr *e, uint64_t *mask)
{
        if (!e)
                return;
        if (e->property >= 0)
                rv_bit_set(mask, (unsigned)e->property);
        if (e->other)
                rv_bit_set(mask, (unsigned)e->other - 1);
        rv_expr_uses(e->a, mask);
        rv_expr_uses(e->b, mask);
}

void rv_expr_equals(const struct rv_expr *e, struct rv_arg *ret)
{
        if (e->op == RV_E_AND) {
                rv_expr_equals(e->a, ret);
                rv_expr_equals(e->b, ret);
        } else if (e->op == RV_E_EQ && !e->other && ret[e->property].type == RV_NULL) {
                ret[e->property] = e->value;
        }
}
