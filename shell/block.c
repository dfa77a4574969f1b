/* SPDX-License-Identifier: MIT
 *
 * Script blocks and functions being run. Most are one list of statements with plain parameters: those are called
 * directly, with a scope and a frame on the C stack. Whatever has process blocks, binding or common parameters is a
 * command of its own (pipeline.c).
 */
#include "shell/eval.h"

#include <stdlib.h>

struct sv sh_block_new(struct sh *sh, struct block *ast)
{
        struct sh_block *b = calloc(1, sizeof *b);
        if (!b)
                abort();
        b->obj.refs = 1;
        b->obj.type = &sh_type_block;
        b->ast = ast;
        ast->u->refs++;
        b->module = sh->scope ? sh->scope->module : NULL;
        return (struct sv) { .kind = SH_BLOCK, .o = &b->obj };
}

void sh_block_text(const struct block *b, struct sh_buf *to)
{
        bool listed = b->nparams && b->params[0].at < b->body; /* function f($a, $b) { } */
        for (uint32_t i = 0; listed && i < b->nparams; i++) {
                sh_buf_puts(to, i ? ", " : "param(");
                sh_buf_put(to, b->u->text + b->params[i].at, b->params[i].end - b->params[i].at);
        }
        if (listed)
                sh_buf_puts(to, ")");
        sh_buf_put(to, b->u->text + b->body, b->body_end - b->body);
}

/* The scope that a block's own scope hangs under: where it was captured, else the innermost running one of its
 * module (so a block passed into a module's function still sees its maker's variables). */
struct scope *sh_block_home(struct sh *sh, struct sh_block *b)
{
        if (b->captured)
                return b->captured;
        if (sh->scope->module == b->module)
                return sh->scope;
        for (struct frame *f = sh->frame; f; f = f->prev)
                if (f->scope && f->scope->module == b->module)
                        return f->scope;
        return b->module ? b->module->scope : sh->global;
}

struct scope *sh_block_scope(struct sh *sh, struct sh_block *b)
{
        struct scope *s = sh_scope_new(sh, sh_block_home(sh, b), b->ast->layout);
        s->boundary = true;
        if (b->module) {
                s->module = b->module;
                s->script = b->module->scope;
        }
        return s;
}

void sh_scope_leave(struct sh *sh, struct scope *s)
{
        if (s->functions || s->aliases)
                sh->epoch++;
        s->frame = NULL;
        sh_scope_drop(s);
}

/* One list of statements, plain parameters? */
bool sh_block_simple(struct sh *sh, struct block *b)
{
        struct sh_cmdinfo *info;
        return !b->named && !b->filter && !sh_block_advanced(sh, b, &info) && info;
}

static void frame_end(struct frame *f)
{
        if (f->args.kind != SH_K_UNSET)
                sh_drop(f->args);
        if (f->bound.kind != SH_K_UNSET)
                sh_drop(f->bound);
        if (f->input.kind != SH_K_UNSET)
                sh_drop(f->input);
}

struct call {
        const char *name;
        struct sh_target *target; /* may be NULL */
        struct node *at;
        struct sv this_;
        bool dotted;
        struct sv *returned;
};

/* A simple block with its arguments. */
static int call_block(struct sh *sh, struct sh_block *b, struct argvec *a, const struct call *c, struct sh_sink *out)
{
        struct block *ast = b->ast;
        int st = sh_enter_call(sh);
        if (st != SH_OK)
                return st;
        struct scope *outer = sh->scope, *s = c->dotted ? sh_block_home(sh, b) : sh_block_scope(sh, b);
        struct frame f = { .prev = sh->frame,
                           .block = ast,
                           .name = c->name,
                           .file = ast->u->file,
                           .call = c->at,
                           .scope = s,
                           .args = SH_UNSET,
                           .bound = SH_UNSET,
                           .input = SH_UNSET,
                           .this_ = c->this_,
                           .target = c->target,
                           .pipe_len = 1,
                           .pipe_pos = 1,
                           .returned = c->returned,
                           .dotted = c->dotted };
        struct frame *of_scope = s->frame;
        struct sh_cmd *cmd = sh->cmd;
        b->obj.refs++;
        s->frame = &f;
        sh->scope = s;
        sh->frame = &f;
        sh->cmd = NULL;
        st = sh_bind_args(sh, s, ast, a, &f);
        if (st == SH_OK && ast->part[BL_END])
                st = ast->part[BL_END]->run(sh, ast->part[BL_END], out);
        sh->scope = outer;
        sh->frame = f.prev;
        sh->cmd = cmd;
        sh->depth--;
        if (c->dotted)
                s->frame = of_scope;
        else
                sh_scope_leave(sh, s);
        frame_end(&f);
        sh_drop((struct sv) { .kind = SH_BLOCK, .o = &b->obj });
        return st == SH_RETURN ? SH_OK : st;
}

int sh_call_simple(struct sh *sh, struct sh_target *t, struct argvec *a, bool dotted, struct node *at,
                   struct sh_sink *out)
{
        struct call c = { t->kind == CT_BLOCK ? NULL : t->name, t, at, SH_UNSET, dotted };
        return call_block(sh, sh_block_of(t->block), a, &c, out);
}

int sh_block_invoke(struct sh *sh, struct sv block, struct argvec *a, bool dotted, const struct sv *input,
                    struct sh_sink *out)
{
        struct sh_block *b = sh_block_of(block);
        struct argvec none = { 0 };
        if (!input && sh_block_simple(sh, b->ast)) {
                struct call c = { .at = sh->frame->at, .this_ = SH_UNSET, .dotted = dotted };
                return call_block(sh, b, a ? a : &none, &c, out);
        }
        struct sh_target *t = sh_target_of_block(sh, block);
        int st = sh_invoke(sh, t, a ? a : &none, dotted, input, out);
        sh_drop(sh_target_value(t));
        return st;
}

/* In the caller's scope, without arguments: what ForEach-Object and Where-Object do for each object. */
static int run_here(struct sh *sh, struct sh_block *b, struct sh_sink *out)
{
        struct block *ast = b->ast;
        struct scope *scope = sh->scope;
        struct sh_cmd *cmd = sh->cmd;
        sh->scope = b->captured || scope->module != b->module ? sh_block_home(sh, b) : scope;
        sh->cmd = NULL;
        b->obj.refs++;
        int st = ast->part[BL_END] ? ast->part[BL_END]->run(sh, ast->part[BL_END], out) : SH_OK;
        sh_drop((struct sv) { .kind = SH_BLOCK, .o = &b->obj });
        sh->scope = scope;
        sh->cmd = cmd;
        return st == SH_RETURN ? SH_OK : st;
}

int sh_block_run(struct sh *sh, struct sv block, const struct sv *under, struct sh_args args, bool new_scope,
                 struct sh_sink *out)
{
        struct sh_block *b = sh_block_of(block);
        struct sv saved = sh->under;
        int st;
        if (under)
                sh->under = sh_keep(*under);
        if (!new_scope && args.n == 0 && !b->ast->named && b->ast->nparams == 0) {
                st = run_here(sh, b, out);
        } else {
                struct argvec a = { 0 };
                for (uint32_t i = 0; i < args.n; i++)
                        sh_argvec_value(&a, args.v[i], false);
                st = sh_block_invoke(sh, block, &a, !new_scope, NULL, out);
                sh_argvec_free(&a);
        }
        if (under) {
                sh_drop(sh->under);
                sh->under = saved;
        }
        return st;
}

int sh_block_value(struct sh *sh, struct sv block, const struct sv *under, struct sh_args args, bool new_scope,
                   struct sv *ret)
{
        struct collect c;
        struct sh_block *b = sh_block_of(block);
        struct node *l = b->ast->part[BL_END];
        sh_collect_begin(&c);
        int st = sh_block_run(sh, block, under, args, new_scope, &c.sink);
        (void)l;
        if (st != SH_OK) {
                sh_collect_drop(&c);
                return st;
        }
        *ret = sh_collect_end(&c);
        return SH_OK;
}

int sh_block_member(struct sh *sh, struct sv block, struct sv self, struct sh_args args, struct sv *ret)
{
        struct sh_block *b = sh_block_of(block);
        struct argvec a = { 0 };
        struct collect out;
        int st;
        for (uint32_t i = 0; i < args.n; i++)
                sh_argvec_value(&a, args.v[i], false);
        sh_collect_begin(&out);
        if (sh_block_simple(sh, b->ast)) {
                struct call c = { .at = sh->frame->at, .this_ = self };
                st = call_block(sh, b, &a, &c, &out.sink);
        } else {
                struct sv outer = sh->frame->this_;
                sh->frame->this_ = self;
                st = sh_block_invoke(sh, block, &a, false, NULL, &out.sink);
                sh->frame->this_ = outer;
        }
        sh_argvec_free(&a);
        if (st != SH_OK) {
                sh_collect_drop(&out);
                return st;
        }
        *ret = sh_collect_end(&out);
        if (ret->kind == SH_VOID)
                *ret = SH_NIL;
        return SH_OK;
}

static int nowhere_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)s, (void)sh, (void)v;
        return SH_OK;
}

int sh_block_method(struct sh *sh, struct sv block, struct sv self, struct sh_args args, struct sv *ret)
{
        struct sh_block *b = sh_block_of(block);
        struct argvec a = { 0 };
        struct sh_sink nowhere = { .write = nowhere_write };
        struct sv returned = SH_NIL;
        struct call c = { .at = sh->frame->at, .this_ = self, .returned = &returned };
        sh_block_simple(sh, b->ast); /* makes its parameters known */
        for (uint32_t i = 0; i < args.n; i++)
                sh_argvec_value(&a, args.v[i], false);
        int st = call_block(sh, b, &a, &c, &nowhere);
        sh_argvec_free(&a);
        if (st == SH_OK)
                *ret = returned;
        else
                sh_drop(returned);
        return st;
}

/* ---- by name ---- */
int sh_run_command(struct sh *sh, const char *name, struct sh_args args, struct sh_sink *out)
{
        struct sh_target *t;
        struct argvec a = { 0 };
        int st = sh_find_command(sh, name, strlen(name), &t);
        if (st != SH_OK)
                return st;
        for (uint32_t i = 0; i < args.n; i++) {
                struct sv v = args.v[i];
                bool param = v.kind == SH_STRING && v.s->len > 1 && v.s->s[0] == '-' &&
                             ((v.s->s[1] | 32) >= 'a' && (v.s->s[1] | 32) <= 'z');
                if (param)
                        v.flags |= SH_V_PARAMETER;
                sh_argvec_value(&a, v, param);
                if (param) {
                        a.v[a.n - 1].splat = false;
                        a.v[a.n - 1].owner.flags &= (uint8_t)~SH_V_PARAMETER;
                }
        }
        st = sh_invoke(sh, t, &a, false, NULL, out);
        sh_argvec_free(&a);
        sh_drop(sh_target_value(t));
        return st;
}
