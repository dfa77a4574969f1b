/* SPDX-License-Identifier: MIT
 *
 * Where-expressions over rows: three-valued, so that a comparison with null is neither true nor false.
 */
#include <string.h>
#include <strings.h>

#include "agent/assoc.h"
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

static enum truth eval(const struct rv_expr *e, const struct rv_batch *b, uint32_t row)
{
        enum truth x, y;
        switch (e->op) {
        case RV_E_AND:
                x = eval(e->a, b, row);
                if (x == NO)
                        return NO;
                y = eval(e->b, b, row);
                return y == NO ? NO : x == YES && y == YES ? YES : UNKNOWN;
        case RV_E_OR:
                x = eval(e->a, b, row);
                if (x == YES)
                        return YES;
                y = eval(e->b, b, row);
                return y == YES ? YES : x == NO && y == NO ? NO : UNKNOWN;
        case RV_E_NOT: x = eval(e->a, b, row); return x == UNKNOWN ? UNKNOWN : x == YES ? NO : YES;
        case RV_E_ISA:
                return b->class->properties[e->property].ref_class &&
                                       strcasecmp(b->class->properties[e->property].ref_class, e->value.s) ==
                                               0
                               ? YES
                               : NO;
        default: return one(e, b, rv_get(b, row, (unsigned)e->property));
        }
}

bool rv_expr_true(const struct rv_expr *e, const struct rv_batch *b, uint32_t row)
{
        return eval(e, b, row) == YES;
}

void rv_expr_uses(const struct rv_expr *e, uint64_t *mask)
{
        if (!e)
                return;
        if (e->property >= 0)
                rv_bit_set(mask, (unsigned)e->property);
        rv_expr_uses(e->a, mask);
        rv_expr_uses(e->b, mask);
}

void rv_expr_equals(const struct rv_expr *e, struct rv_arg *ret)
{
        if (e->op == RV_E_AND) {
                rv_expr_equals(e->a, ret);
                rv_expr_equals(e->b, ret);
        } else if (e->op == RV_E_EQ && ret[e->property].type == RV_NULL) {
                ret[e->property] = e->value;
        }
}
