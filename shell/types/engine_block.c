/* SPDX-License-Identifier: MIT
 *
 * Script blocks as objects: their text, Create, Invoke, GetNewClosure.
 */
#include "shell/error.h"
#include "shell/text.h"

#include <stdlib.h>

static void block_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_block_text(sh_block_of(self)->ast, b);
}

static void block_free(struct sh_obj *o)
{
        struct sh_block *b = (struct sh_block *)o;
        for (uint32_t i = 0; i < b->nusings; i++)
                sh_drop(b->usings[i]);
        free(b->usings);
        sh_scope_drop(b->captured);
        sh_unit_drop(b->ast->u);
}

static struct sv text_of(struct sv self)
{
        struct sh_buf b = { 0 };
        block_text(NULL, self, &b);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}

enum { B_AST, B_FILE, B_MODULE, B_FILTER, B_ATTRIBUTES, B_ID, B_DEBUGGER };

static int block_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_block *b = sh_block_of(self);
        (void)a;
        *ret = SH_NIL;
        switch (sh_current_member(sh)->arg) {
        case B_AST: *ret = sh_ast_of(b->ast); break;
        case B_FILE: *ret = b->ast->u->file ? sh_text(b->ast->u->file) : SH_NIL; break;
        case B_MODULE:
                if (b->module)
                        *ret = sh_keep((struct sv) { .kind = SH_OTHER, .o = &b->module->obj });
                break;
        case B_FILTER: *ret = sh_bool(b->ast->filter); break;
        case B_ATTRIBUTES: *ret = sh_array_new(0); break;
        case B_DEBUGGER: *ret = sh_bool(false); break;
        }
        return SH_OK;
}

static int block_to_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = text_of(self);
        return SH_OK;
}

/* Invoke answers a collection whatever the block wrote. */
static int block_invoke(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct collect c;
        struct argvec args = { 0 };
        sh_collect_begin(&c);
        for (uint32_t i = 0; i < a.n; i++)
                sh_argvec_add(&args, (struct argval) { .value = sh_keep(a.v[i]) });
        int st = sh_block_invoke(sh, self, &args, false, NULL, &c.sink);
        sh_argvec_free(&args);
        if (st != SH_OK) {
                sh_collect_drop(&c);
                return st;
        }
        *ret = sh_collect_array(&c);
        return SH_OK;
}

/* InvokeReturnAsIs is `& $block`: one object is itself, nothing is nothing. */
static int block_invoke_as_is(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        return sh_block_value(sh, self, NULL, a, true, ret);
}

/* (functions, variables, args): variables is a list of PSVariable; functions a dictionary of blocks. */
static int block_invoke_with(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv item, key, value;
        size_t pos = 0;
        if (a.n < 2)
                return SH_NONE;
        struct layout *l = sh_layout_new();
        struct scope *s = sh_scope_new(sh, sh->scope, l), *outer = sh->scope;
        sh_layout_drop(l);
        struct sv functions = sh_unwrap(a.v[0]);
        for (uint32_t i = 0; functions.kind == SH_HASH && sh_hash_at(functions.h, i, &key, &value); i++)
                if (key.kind == SH_STRING && sh_unwrap(value).kind == SH_BLOCK)
                        sh_function_set(sh, s, key.s->s, key.s->len, sh_unwrap(value), false);
        struct sv under = sh->under;
        sh->under = sh_keep(under);
        sh->scope = s;
        while (!sh_is_null(a.v[1]) && sh_next(a.v[1], &pos, &item)) {
                struct sv x = sh_unwrap(item);
                if (x.kind == SH_OTHER && x.o->type == &sh_type_variable)
                        sh_var_write(sh, ((struct sh_var *)x.o)->id, VS_LOCAL, ((struct sh_var *)x.o)->value);
                sh_drop(item);
        }
        struct sh_args rest = { a.n - 2, a.v + 2 };
        int st = block_invoke(sh, self, rest, ret);
        sh->scope = outer;
        sh_drop(sh->under);
        sh->under = under;
        sh_scope_drop(s);
        return st;
}

/* A snapshot of the running scope's own variables; everything else is found where the closure is made: globally. */
static int block_closure(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n)
                return SH_NONE;
        struct sh_block *from = sh_block_of(self);
        struct layout *l = sh_layout_new();
        struct scope *under = from->module ? from->module->scope : sh->global,
                     *s = sh_scope_new(sh, under, l);
        sh_layout_drop(l);
        for (uint32_t i = 0; i < sh->scope->n; i++) {
                struct sv v = sh->scope->slots[i];
                if (v.kind == SH_K_UNSET)
                        continue;
                struct sv now = v.kind == SH_K_BOX ? ((struct sh_var *)v.o)->value : v;
                *sh_scope_slot(s, sh->scope->layout->ids[i], true) = sh_keep(now);
        }
        if (sh->scope->functions && sh->scope != sh->global)
                for (uint32_t i = 0; i < sh->scope->functions->names.n; i++) {
                        struct sv *f = &sh->scope->functions->v[i];
                        struct sh_target *t = f->kind == SH_OTHER ? (struct sh_target *)f->o : NULL;
                        if (t)
                                sh_function_set(sh, s, t->name, strlen(t->name), t->block,
                                                t->kind == CT_FILTER);
                }
        s->script = s;
        struct sv r = sh_block_new(sh, from->ast);
        struct sh_block *b = sh_block_of(r);
        b->module = from->module;
        sh_scope_drop(b->captured);
        b->captured = s;
        *ret = r;
        return SH_OK;
}

static int block_create(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        int st = sh_block_parse(sh, t.s->s, t.s->len, ret);
        sh_drop(t);
        return st;
}

static int block_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv v = sh_unwrap(from);
        (void)sh, (void)t;
        if (v.kind == SH_BLOCK) {
                *ret = sh_keep(v);
                return SH_OK;
        }
        return SH_NONE;
}

#define BLOCK(n, t, which) \
        { \
                n, SH_PROPERTY, .signature = t " " n " {get;}", .call = block_get, .arg = which \
        }
static const struct sh_member block_members[] = {
        BLOCK("Ast", "System.Management.Automation.Language.Ast", B_AST),
        BLOCK("Attributes", "System.Collections.Generic.List[System.Attribute]", B_ATTRIBUTES),
        BLOCK("File", "string", B_FILE),
        BLOCK("IsFilter", "bool", B_FILTER),
        BLOCK("Module", "psmoduleinfo", B_MODULE),
        BLOCK("DebuggerHidden", "bool", B_DEBUGGER),
        { "Invoke", SH_METHOD,
          .signature = "System.Collections.ObjectModel.Collection[psobject] Invoke(Params objects)",
          .call = block_invoke },
        { "InvokeReturnAsIs", SH_METHOD, .signature = "System.Object InvokeReturnAsIs(Params objects)",
          .call = block_invoke_as_is },
        { "InvokeWithContext", SH_METHOD,
          .signature = "System.Collections.ObjectModel.Collection[psobject] InvokeWithContext(dictionary "
                       "functions, "
                       "list variables, Params objects)",
          .call = block_invoke_with },
        { "GetNewClosure", SH_METHOD, .signature = "scriptblock GetNewClosure()", .call = block_closure },
        { "GetSteppablePipeline", SH_METHOD,
          .signature = "System.Management.Automation.SteppablePipeline GetSteppablePipeline(System.Management."
                       "Automation.CommandOrigin commandOrigin, System.Object[] args)",
          .call = sh_steppable_new },
        { "ToString", SH_METHOD, .signature = "string ToString()", .call = block_to_string },
        { "Create", SH_METHOD, .is_static = true, .signature = "static scriptblock Create(string script)",
          .call = block_create },
};
const struct sh_type sh_type_block = {
        .name = "System.Management.Automation.ScriptBlock",
        .accelerator = "scriptblock",
        .base = &sh_type_object,
        .members = block_members,
        .nmembers = sizeof block_members / sizeof *block_members,
        .text = block_text,
        .free = block_free,
        .convert = block_convert,
        .kind = SH_BLOCK,
};

SH_TYPES(engine_block, &sh_type_block);
