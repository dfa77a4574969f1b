/* SPDX-License-Identifier: MIT
 *
 * Gives a node, when it is complete, the function that evaluates it, specialised by its operands. Called by the parser
 * bottom up, so operands have theirs.
 */
#include "shell/eval.h"
#include "shell/parse.h"

#include <strings.h>

static const struct {
        sh_ev *ev;
        sh_run *run;
} plain[N_KINDS] = {
        [N_CONST] = { ev_const },
        [N_EXPAND] = { ev_expand },
        [N_VAR] = { ev_var },
        [N_UNDER] = { ev_under },
        [N_LASTOK] = { ev_lastok },
        [N_DRIVEVAR] = { ev_drivevar },
        [N_ARRAY] = { ev_array },
        [N_SUB] = { ev_sub },
        [N_ARRAYSUB] = { ev_arraysub },
        [N_PAREN] = { ev_paren },
        [N_HASH] = { ev_hash },
        [N_BLOCK] = { ev_block },
        [N_TYPE] = { ev_type },
        [N_CAST] = { ev_cast },
        [N_UNARY] = { ev_unary },
        [N_BINARY] = { ev_binary },
        [N_AND] = { ev_and },
        [N_OR] = { ev_or },
        [N_XOR] = { ev_xor },
        [N_TERNARY] = { ev_ternary },
        [N_COALESCE] = { ev_coalesce },
        [N_MEMBER] = { ev_member },
        [N_CALL] = { ev_call },
        [N_INDEX] = { ev_index },
        [N_INC] = { ev_inc },
        [N_ASSIGN] = { ev_assign, run_assign },
        [N_SPLAT] = { ev_splat },
        [N_EXPR] = { ev_statement, run_expr },
        [N_PIPE] = { ev_collect, run_pipe },
        [N_CHAIN] = { ev_collect, run_chain },
        [N_BG] = { ev_collect, run_bg },
        [N_IF] = { ev_collect, run_if },
        [N_WHILE] = { ev_collect, run_while },
        [N_DO] = { ev_collect, run_do },
        [N_FOR] = { ev_collect, run_for },
        [N_FOREACH] = { ev_collect, run_foreach },
        [N_SWITCH] = { ev_collect, run_switch },
        [N_FUNC] = { ev_collect, run_func },
        [N_RETURN] = { ev_collect, run_return },
        [N_BREAK] = { ev_collect, run_jump },
        [N_CONTINUE] = { ev_collect, run_jump },
        [N_EXIT] = { ev_collect, run_exit },
        [N_THROW] = { ev_collect, run_throw },
        [N_TRY] = { ev_collect, run_try },
        [N_TRAP] = { ev_collect, run_nothing },
        [N_LIST] = { ev_collect, run_list },
        [N_CLASS] = { ev_collect, run_class },
        [N_ENUM] = { ev_collect, run_class },
        [N_USING] = { ev_collect, run_using },
        [N_DATA] = { ev_collect, run_data },
};

struct node *sh_unparen(struct node *n)
{
        while (n && n->kind == N_PAREN && n->a->kind == N_EXPR && !n->a->x)
                n = n->a->a;
        return n;
}

static bool type_named(const struct node *t, const char *name)
{
        return t && t->kind == N_TYPE && !strcasecmp(t->x, name);
}

static void compile_cast(struct node *n)
{
        if (!n->b) {
                n->ev = ev_attr_cast;
        } else if (type_named(n->b, "ordered") && n->a->kind == N_HASH) {
                n->a->flags |= NF_ORDERED;
                n->ev = ev_paren;
        } else if (type_named(n->b, "void")) {
                n->ev = ev_void_cast;
        } else if (type_named(n->b, "ref")) {
                n->ev = ev_ref;
        }
}

static void compile_binary(struct node *n)
{
        n->a = sh_unparen(n->a);
        n->b = sh_unparen(n->b);
        bool var = n->a->kind == N_VAR && n->a->op == VS_PLAIN,
             k = n->b->kind == N_CONST && n->b->val.kind == SH_INT32;
        sh_ev *fast = ev_fast(n->op, var, k);
        if (fast)
                n->ev = fast;
}

static void compile_assign(struct node *n)
{
        if (n->a->kind != N_VAR || (n->a->op != VS_PLAIN && n->a->op != VS_LOCAL) || n->a->id < ID_FIXED)
                return;
        if (n->op == 255)
                n->run = run_assign_var;
        else if (n->op == SH_ADD)
                n->run = run_assign_add;
}

void sh_compile(struct sh *sh, struct node *n)
{
        (void)sh;
        n->ev = plain[n->kind].ev;
        n->run = plain[n->kind].run;
        switch (n->kind) {
        case N_VAR:
                if (n->op != VS_PLAIN)
                        n->ev = ev_var_slow;
                break;
        case N_CAST: compile_cast(n); break;
        case N_BINARY: compile_binary(n); break;
        case N_ASSIGN: compile_assign(n); break;
        case N_PAREN:
                if (n->a->kind == N_EXPR && !n->a->x)
                        n->ev = ev_paren_expr;
                break;
        case N_UNARY:
                if (n->op == SH_NOT)
                        n->ev = ev_not;
                break;
        case N_AND:
        case N_OR:
        case N_XOR:
                n->a = sh_unparen(n->a);
                n->b = sh_unparen(n->b);
                break;
        case N_EXPR:
                if (n->a->kind == N_INC)
                        n->run = run_void;
                break;
        }
}
