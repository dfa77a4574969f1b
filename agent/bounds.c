/* SPDX-License-Identifier: MIT
 *
 * What a filter says about one property: the least and the most it can be. For sources that are read in order (a
 * journal by time) or can choose by range.
 */
#include <strings.h>

#include "agent/provider.h"
#include "agent/wql.h"

static bool less(const struct rv_arg *a, const struct rv_arg *b)
{
        switch (a->type) {
        case RV_UINT: return a->u < b->u;
        case RV_REAL: return a->d < b->d;
        default: return a->i < b->i;
        }
}

static void narrow(const struct rv_expr *e, unsigned property, const struct rv_arg **least, const struct rv_arg **most)
{
        if (e->op == RV_E_AND) {
                narrow(e->a, property, least, most);
                narrow(e->b, property, least, most);
                return;
        }
        const struct rv_arg *v = &e->value;
        if (e->op > RV_E_GE || e->op == RV_E_NE || e->property != (int)property ||
            (v->type != RV_UINT && v->type != RV_INT && v->type != RV_REAL && v->type != RV_DATETIME))
                return;
        bool from = e->op == RV_E_EQ || e->op == RV_E_GT || e->op == RV_E_GE;
        bool to = e->op == RV_E_EQ || e->op == RV_E_LT || e->op == RV_E_LE;
        if (from && (!*least || ((*least)->type == v->type && less(*least, v))))
                *least = v;
        if (to && (!*most || ((*most)->type == v->type && less(v, *most))))
                *most = v;
}

void rv_bounds(const struct rv_query *q, unsigned property, const struct rv_arg **ret_least,
               const struct rv_arg **ret_most)
{
        *ret_least = *ret_most = NULL;
        if (q->filter)
                narrow(q->filter, property, ret_least, ret_most);
}

bool rv_filters(const struct rv_query *q, unsigned property)
{
        uint64_t mask[64] = { 0 };
        if (!q->filter || property >= 64 * 64)
                return false;
        rv_expr_uses(q->filter, mask);
        return rv_bit(mask, property);
}

enum truth { NO, YES, UNKNOWN };

static bool fits(const struct rv_expr *e, const char *s, size_t n)
{
        size_t k = e->value.len;
        if (e->op == RV_E_LIKE)
                return rv_wql_like(e->value.s, k, s, n);
        bool equal = k == n && strncasecmp(e->value.s, s, n) == 0;
        return e->op == RV_E_NE ? !equal : equal;
}

static enum truth text_fits(const struct rv_expr *e, unsigned property, const char *s, size_t n)
{
        enum truth x, y;
        switch (e->op) {
        case RV_E_AND:
                x = text_fits(e->a, property, s, n), y = text_fits(e->b, property, s, n);
                return x == NO || y == NO ? NO : x == YES && y == YES ? YES : UNKNOWN;
        case RV_E_OR:
                x = text_fits(e->a, property, s, n), y = text_fits(e->b, property, s, n);
                return x == YES || y == YES ? YES : x == NO && y == NO ? NO : UNKNOWN;
        case RV_E_NOT:
                x = text_fits(e->a, property, s, n);
                return x == UNKNOWN ? UNKNOWN : x == YES ? NO : YES;
        case RV_E_EQ:
        case RV_E_NE:
        case RV_E_LIKE:
                if (e->property != (int)property || e->other || e->value.type != RV_STRING)
                        return UNKNOWN;
                return fits(e, s, n) ? YES : NO;
        default: return UNKNOWN;
        }
}

bool rv_may_be(const struct rv_query *q, unsigned property, const char *s, size_t n)
{
        return !q->filter || text_fits(q->filter, property, s, n) != NO;
}
