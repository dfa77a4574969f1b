/* SPDX-License-Identifier: MIT
 *
 * SteppablePipeline: a block's one pipeline, run step by step by a function that stands in front of a command (a
 * proxy). Its commands' arguments are evaluated where GetSteppablePipeline() is called, and what it writes is what
 * Begin, Process and End answer.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/types.h"

struct steppable {
        struct sh_obj obj;
        struct sh_cmd *first;
        struct collect out;
        struct sv block; /* its code is being run */
        bool begun;
};
static const struct sh_type sh_type_steppable;

static struct steppable *steppable_of(struct sv v)
{
        return (struct steppable *)v.o;
}

/* One that was not ended may be in a scope that is over: cmdlets let go of what they have, script code does not run. */
static void let_go(struct steppable *s, bool ended)
{
        for (struct sh_cmd *c = ended ? NULL : s->first; c; c = c->next)
                if (c->begun && c->cmdlet && c->cmdlet->clean)
                        c->cmdlet->clean(c);
        if (s->first)
                sh_steps_free(s->first);
        s->first = NULL;
}

static void steppable_free(struct sh_obj *o)
{
        struct steppable *s = (struct steppable *)o;
        let_go(s, false);
        sh_collect_drop(&s->out);
        sh_drop(s->block);
}

/* What has been written since the last step; nothing at all where that is nothing. */
static int written(struct steppable *s, int st, struct sv *ret)
{
        uint32_t n = s->out.n;
        struct sv r = sh_collect_array(&s->out);
        sh_collect_begin(&s->out);
        if (st != SH_OK || !n) {
                sh_drop(r);
                r = SH_NOTHING;
        }
        *ret = r;
        return st;
}

static int over(struct sh *sh, const char *method, uint32_t n)
{
        return sh_throw_in_method(sh, "System.InvalidOperationException", method, n,
                                  "The pipeline was not begun, or has ended: Begin, then Process, then End.");
}

/* (bool expectInput[, context]) or ($PSCmdlet), which has input. */
static int steppable_begin(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct steppable *s = steppable_of(self);
        if (!a.n || a.n > 2)
                return SH_NONE;
        struct sv how = sh_unwrap(a.v[0]);
        if (!s->first || s->begun)
                return over(sh, "Begin", a.n);
        s->begun = true;
        return written(s, sh_steps_begin(s->first, how.kind == SH_BOOL ? sh_true(how) : true), ret);
}

static int steppable_process(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct steppable *s = steppable_of(self);
        if (a.n > 1)
                return SH_NONE;
        if (!s->first || !s->begun)
                return over(sh, "Process", a.n);
        return written(s, sh_steps_take(s->first, a.n ? &a.v[0] : NULL), ret);
}

static int steppable_end(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct steppable *s = steppable_of(self);
        if (a.n)
                return SH_NONE;
        if (!s->first || !s->begun)
                return over(sh, "End", 0);
        int st = sh_steps_end(s->first);
        let_go(s, true);
        return written(s, st, ret);
}

static int steppable_dispose(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        let_go(steppable_of(self), false);
        *ret = SH_NOTHING;
        return SH_OK;
}

static struct node *only_pipeline(const struct block *b)
{
        struct node *l = b->part[BL_END];
        if (b->named || !l || l->kind != N_LIST || l->n != 1 || l->v[0]->kind != N_PIPE || !l->v[0]->n)
                return NULL;
        for (uint32_t i = 0; i < l->v[0]->n; i++)
                if (l->v[0]->v[i]->kind != N_CMD)
                        return NULL;
        return l->v[0];
}

int sh_steppable_new(struct sh *sh, struct sv block, struct sh_args a, struct sv *ret)
{
        struct node *pipe = only_pipeline(sh_block_of(block)->ast);
        if (a.n > 2)
                return SH_NONE;
        if (!pipe)
                return sh_throw_in_method(sh, "System.Management.Automation.RuntimeException",
                                          "GetSteppablePipeline", a.n,
                                          "Only a script block that contains exactly one pipeline or command "
                                          "can be converted. Expressions "
                                          "or control structures are not permitted. Verify that the script "
                                          "block contains exactly one "
                                          "pipeline or command.");
        struct sv r = sh_other_new(&sh_type_steppable, sizeof(struct steppable));
        struct steppable *s = steppable_of(r);
        s->block = sh_keep(block);
        sh_collect_begin(&s->out);
        struct sv args = sh->frame->args, given = a.n == 2 ? sh_unwrap(a.v[1]) : SH_NIL;
        if (given.kind == SH_ARRAY)
                sh->frame->args = given;
        int st = sh_steps_make(sh, pipe, &s->out.sink, &s->first);
        sh->frame->args = args;
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}

static const struct sh_member steppable_members[] = {
        { "Begin", SH_METHOD,
          .signature = "void Begin(bool expectInput), void Begin(System.Management.Automation."
                       "Internal.InternalCommand command)",
          .call = steppable_begin },
        { "Process", SH_METHOD, .signature = "array Process(System.Object input), array Process()",
          .call = steppable_process },
        { "End", SH_METHOD, .signature = "array End()", .call = steppable_end },
        { "Clean", SH_METHOD, .signature = "void Clean()", .call = steppable_dispose },
        { "Dispose", SH_METHOD, .signature = "void Dispose()", .call = steppable_dispose },
};
static const struct sh_type sh_type_steppable = {
        .name = "System.Management.Automation.SteppablePipeline",
        .base = &sh_type_object,
        .members = steppable_members,
        .nmembers = sizeof steppable_members / sizeof *steppable_members,
        .free = steppable_free,
        .kind = SH_OTHER,
};

SH_TYPES(steppable, &sh_type_steppable);
