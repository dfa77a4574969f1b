/* SPDX-License-Identifier: MIT
 *
 * The closures that compile.c gives to nodes. ev_*: expressions; run_*: statements.
 */
#ifndef SH_EVAL_H
#define SH_EVAL_H

#include "shell/code.h"

#define EV(x) ((x)->ev(sh, (x)))
#define SH_UNLIKELY(x) __builtin_expect(!!(x), 0)

sh_ev ev_const, ev_expand, ev_var, ev_var_slow, ev_under, ev_lastok, ev_drivevar, ev_array, ev_sub,
        ev_arraysub, ev_paren, ev_paren_expr, ev_hash, ev_block, ev_type, ev_cast, ev_attr_cast, ev_void_cast,
        ev_ref, ev_unary, ev_binary, ev_and, ev_or, ev_xor, ev_ternary, ev_coalesce, ev_member, ev_call,
        ev_index, ev_inc, ev_assign, ev_collect, ev_statement, ev_splat;
sh_run run_expr, run_void, run_pipe, run_chain, run_bg, run_if, run_while, run_do, run_for, run_foreach,
        run_switch, run_func, run_return, run_jump, run_exit, run_throw, run_try, run_list, run_class,
        run_using, run_data, run_assign, run_nothing, run_assign_var, run_assign_add;
struct sv ev_not(struct sh *, struct node *);

/* Int-with-constant forms: picked by compile.c, NULL when the operator has none. */
sh_ev *ev_fast(int op, bool var_left, bool const_right);
struct node *sh_unparen(struct node *);

/* Streams an expression's items to a sink: ranges are not built. */
int sh_stream_expr(struct sh *, struct node *expr, struct sh_sink *);
struct sh_var;

/* The local slot of a plain variable, or NULL: the fast way in. */
static inline struct sv *local_slot(struct sh *sh, struct node *n)
{
        struct scope *s = sh->scope;
        if (s->layout == n->layout && n->slot < s->n && s->slots[n->slot].kind < SH_K_BOX)
                return &s->slots[n->slot];
        return NULL;
}

#endif
