/* SPDX-License-Identifier: MIT
 *
 * What a filter says about one property: the least and the most it can be. For sources that are read in order (a
 * journal by time) or can choose by range.
 */
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
