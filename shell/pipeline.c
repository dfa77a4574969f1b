/* SPDX-License-Identifier: MIT
 *
 * The pipeline: stages that push each object to the next at once. begin runs left to right, then objects flow depth
 * first, then end runs left to right, and clean always. A stage that has enough answers SH_STOP: the stages before it
 * do not end, it and those after it do.
 */
#include "shell/bind.h"
#include "shell/limits.h"
#include "shell/module.h"
#include "shell/text.h"

#include <stdlib.h>

/* ---- entering and leaving a stage's code ---- */
void sh_enter(struct sh_cmd *c, struct saved *s)
{
        struct sh *sh = c->sh;
        *s = (struct saved) { sh->scope, sh->sinks, sh->cmd, sh->frame };
        sh->scope = c->scope;
        sh->sinks = c->sinks;
        sh->cmd = c;
        sh->frame = c->is_function ? &c->frame : c->frame.prev;
}

void sh_leave(struct sh *sh, const struct saved *s)
{
        sh->scope = s->scope;
        sh->sinks = s->sinks;
        sh->cmd = s->cmd;
        sh->frame = s->frame;
}

static int run_part(struct sh_cmd *c, struct node *body)
{
        struct saved s;
        struct sh *sh = c->sh;
        if (!body)
                return SH_OK;
        int st = sh_enter_call(sh);
        if (st != SH_OK)
                return st;
        sh_enter(c, &s);
        st = body->run(sh, body, c->out);
        sh_leave(sh, &s);
        sh->depth--;
        return st == SH_RETURN ? SH_OK : st;
}

/* ---- what arrives at a stage ---- */
static int claim(struct sh_cmd *c, int st)
{
        if (st == SH_STOP && c->cmdlet && !c->down_stopped && !sh_interrupt)
                c->stopped = true;
        return st;
}

/* After the first object: is there one parameter that takes every object as it is? */
static int only_pipe_parameter(struct sh_cmd *c)
{
        int found = -1;
        for (uint32_t i = 0; i < c->info->n; i++) {
                struct pinfo *p = &c->info->p[i];
                if (c->bound[i].state == BV_BOUND || c->bound[i].state == BV_DEFAULT)
                        continue;
                for (uint32_t k = 0; k < p->nin; k++) {
                        if (!(p->in[k].by_value || p->in[k].by_name))
                                continue;
                        if (found >= 0 || p->type || !p->in[k].by_value || p->nin > 1 || p->validated)
                                return -1;
                        found = (int)i;
                }
        }
        return c->delayed || found < 0 || c->bound[found].state != BV_PIPE ||
                               (c->is_function && c->info->p[found].type)
                       ? -1
                       : found;
}

static int take_object(struct sh_cmd *c, struct sv v)
{
        if (c->fast_pipe >= 0 && !sh_is_null(v)) {
                struct bound_value *b = &c->bound[c->fast_pipe];
                sh_drop(b->v);
                b->v = sh_keep(v);
                if (c->is_function)
                        sh_param_store(c->sh, c->scope, &c->info->p[c->fast_pipe], sh_keep(v));
                return SH_OK;
        }
        int st = sh_bind_pipe(c, v);
        if (st == SH_OK && sh_limits)
                return sh_limits_bound(c);
        if (st == SH_OK && c->fast_pipe == -2)
                c->fast_pipe = only_pipe_parameter(c);
        return st;
}

/* A begin block before this stage writes while this one has not begun: the object waits. */
static int hold(struct sh_cmd *c, struct sv v)
{
        if (c->early.kind != SH_ARRAY)
                c->early = sh_array_new(4);
        sh_array_add(c->early.a, v);
        return SH_OK;
}

static int cmdlet_write(struct sh_sink *sink, struct sh *sh, struct sv v)
{
        struct sh_cmd *c = (struct sh_cmd *)sink;
        struct saved s;
        if (c->stopped)
                return SH_STOP;
        int st = SH_OK;
        if (!c->begun)
                return hold(c, v);
        c->input_seen = true;
        sh_enter(c, &s);
        if (c->pipe_binds)
                st = take_object(c, v);
        if (st == SH_OK && c->cmdlet->process)
                st = c->cmdlet->process(c, v);
        sh_leave(sh, &s);
        return st == SH_NONE ? SH_OK : claim(c, st);
}

static void set_input(struct sh_cmd *c, struct sv v, bool append)
{
        struct frame *f = &c->frame;
        if (append && f->input.kind == SH_ARRAY) {
                sh_array_add(f->input.a, v);
                return;
        }
        if (f->input.kind != SH_K_UNSET)
                sh_drop(f->input);
        f->input = sh_array_new(1);
        sh_array_add(f->input.a, v);
}

static int function_process(struct sh_cmd *c, struct sv v)
{
        struct sh *sh = c->sh;
        struct block *b = c->frame.block;
        struct node *body = b->filter && !b->named ? b->part[BL_END] : b->part[BL_PROCESS];
        struct sv outer = sh->under;
        if (!body) {
                set_input(c, v, true);
                return SH_OK;
        }
        if (c->has_input_var)
                set_input(c, v, false);
        sh->under = sh_keep(v);
        int st = run_part(c, body);
        if (c->under.kind != SH_K_UNSET)
                sh_drop(c->under);
        c->under = sh->under;
        sh->under = outer;
        return st;
}

static int function_write(struct sh_sink *sink, struct sh *sh, struct sv v)
{
        struct sh_cmd *c = (struct sh_cmd *)sink;
        (void)sh;
        if (!c->begun)
                return hold(c, v);
        c->input_seen = true;
        if (c->info->advanced) {
                if (c->frame.bound.kind != SH_K_UNSET) { /* asked for again, it is made again */
                        sh_drop(c->frame.bound);
                        c->frame.bound = SH_UNSET;
                }
                int st = take_object(c, v);
                if (st != SH_OK)
                        return st == SH_NONE ? SH_OK : st;
        }
        return function_process(c, v);
}

static int native_write(struct sh_sink *sink, struct sh *sh, struct sv v)
{
        struct sh_cmd *c = (struct sh_cmd *)sink;
        (void)sh;
        if (!c->begun)
                return hold(c, v);
        c->input_seen = true;
        return sh_native_write(c, v);
}

/* A redirected expression: what it writes passes through. */
static int pass_write(struct sh_sink *sink, struct sh *sh, struct sv v)
{
        struct sh_cmd *c = (struct sh_cmd *)sink;
        return c->out->write(c->out, sh, v);
}

static int emit_write(struct sh_sink *sink, struct sh *sh, struct sv v)
{
        struct sh_cmd *c = sink->state;
        (void)sh;
        return sh_emit(c, v);
}

/* ---- -OutVariable, -PipelineVariable ---- */
struct sh_tee {
        struct sh_sink sink;
        struct sh_sink *next;
        struct sh_cmd *c;
        struct sv list;
        uint32_t id; /* of -PipelineVariable; 0 = none */
};

static int tee_write(struct sh_sink *sink, struct sh *sh, struct sv v)
{
        struct sh_tee *t = (struct sh_tee *)sink;
        if (t->list.kind == SH_ARRAY)
                sh_array_add(t->list.a, v);
        if (t->id) {
                struct scope *scope = sh->scope;
                sh->scope = t->c->caller;
                int st = sh_var_write(sh, t->id, VS_LOCAL, v);
                sh->scope = scope;
                if (st != SH_OK)
                        return st;
        }
        return t->next->write(t->next, sh, v);
}

static struct sv out_list(struct sh_cmd *c, const char **name)
{
        struct sv r = SH_NIL, old;
        if (**name == '+') {
                ++*name;
                if (sh_var_get(c->sh, *name, &old)) {
                        if (old.kind == SH_ARRAY && old.o->type == &sh_type_arraylist)
                                return old;
                        r = sh_is_null(old)         ? sh_array_new(4)
                            : sh_is_enumerable(old) ? sh_array_copy(old)
                                                    : SH_NIL;
                        if (r.kind == SH_NULL) {
                                r = sh_array_new(4);
                                sh_array_add(r.a, old);
                        }
                        sh_drop(old);
                }
        }
        if (r.kind == SH_NULL)
                r = sh_array_new(4);
        r.o->type = &sh_type_arraylist;
        return r;
}

/* -ErrorVariable and its like begin empty, unless they are to be added to. */
static int empty_lists(struct sh_cmd *c)
{
        static const int params[] = { CP_EV, CP_WV, CP_IV };
        int st = SH_OK;
        for (int i = 0; st == SH_OK && i < 3; i++) {
                struct sv name = c->names[params[i]];
                if (name.kind != SH_STRING || !name.s->len || name.s->s[0] == '+')
                        continue;
                struct sv list = sh_list_new(NULL);
                struct scope *scope = c->sh->scope;
                list.o->type = &sh_type_arraylist;
                c->sh->scope = c->caller;
                st = sh_var_set(c->sh, name.s->s, list);
                c->sh->scope = scope;
                sh_drop(list);
        }
        return st;
}

static int tee_open(struct sh_cmd *c)
{
        int ready = empty_lists(c);
        if (ready != SH_OK)
                return ready;
        struct sv ov = c->names[CP_OV], pv = c->names[CP_PV];
        if (ov.kind != SH_STRING && pv.kind != SH_STRING)
                return SH_OK;
        struct sh_tee *t = calloc(1, sizeof *t);
        int st = SH_OK;
        if (!t)
                abort();
        t->sink.write = tee_write;
        t->c = c;
        if (ov.kind == SH_STRING) {
                const char *name = ov.s->s;
                t->list = out_list(c, &name);
                st = sh_var_set(c->sh, name, t->list);
        }
        if (pv.kind == SH_STRING)
                t->id = sh_intern(c->sh, pv.s->s, pv.s->len);
        t->next = c->out;
        c->out = &t->sink;
        c->tee = t;
        return st;
}

static void tee_close(struct sh_cmd *c)
{
        if (!c->tee)
                return;
        if (c->tee->id) { /* the variable is the pipeline's */
                struct sv *slot = sh_scope_slot(c->caller, c->tee->id, false);
                if (slot && slot->kind != SH_K_UNSET)
                        sh_slot_write(c->sh, slot, SH_NIL, c->tee->id);
        }
        sh_drop(c->tee->list);
        free(c->tee);
}

/* ---- making and ending commands ---- */
static int open_function(struct sh_cmd *c)
{
        struct sh *sh = c->sh;
        struct sh_target *t = c->target;
        if (t->kind == CT_SCRIPT && t->block.kind != SH_BLOCK) {
                int st = sh_script_block(sh, t->definition, &t->block);
                if (st != SH_OK)
                        return st;
        }
        if (t->kind == CT_SCRIPT && sh_requires(sh, sh_block_of(t->block)->ast) == false)
                return SH_ERROR;
        struct sh_block *b = sh_block_of(t->block);
        struct node *at = c->node;
        if (!(c->info = sh_cmdinfo_of(sh, t)))
                return SH_ERROR;
        c->is_function = true;
        c->block_base = sh_keep(t->block);
        c->has_input_var = sh_layout_find(b->ast->layout, ID_INPUT) != UINT32_MAX;
        if (c->dotted) {
                c->scope = sh_block_home(sh, b);
                c->outer_frame = c->scope->frame;
        } else {
                c->scope = sh_block_scope(sh, b);
                c->own_scope = true;
                if (t->kind == CT_SCRIPT)
                        c->scope->script = c->scope;
        }
        c->scope->frame = &c->frame;
        c->frame.block = b->ast;
        c->frame.name = t->kind == CT_BLOCK ? NULL : t->name;
        c->frame.file = b->ast->u->file;
        c->frame.call = at ? at : sh->frame->at;
        c->frame.scope = c->scope;
        c->frame.cmd = c;
        c->frame.target = t;
        c->frame.dotted = c->dotted;
        c->in.write = function_write;
        return SH_OK;
}

int sh_cmd_new(struct sh *sh, struct sh_target *t, struct node *node, struct sh_cmd **ret)
{
        struct sh_cmd *c = calloc(1, sizeof *c);
        int st = SH_OK;
        if (!c)
                abort();
        c->sh = sh;
        c->target = t;
        c->node = node;
        c->sinks = sh->sinks;
        c->scope = c->caller = sh->scope;
        c->frame = (struct frame) {
                .prev = sh->frame, .args = SH_UNSET, .bound = SH_UNSET, .input = SH_UNSET, .this_ = SH_UNSET
        };
        c->under = SH_UNSET;
        c->fast_pipe = -2;
        c->whatif = c->confirm = AP_UNSET;
        memset(c->action, AP_UNSET, sizeof c->action);
        c->emit = (struct sh_sink) { emit_write, c };
        *ret = c;
        if (!t) {
                c->in.write = pass_write;
                return SH_OK;
        }
        t->obj.refs++;
        switch (t->kind) {
        case CT_CMDLET:
                c->cmdlet = t->cmdlet;
                c->in.write = cmdlet_write;
                if (!(c->info = sh_cmdinfo_of(sh, t)))
                        st = SH_ERROR;
                break;
        case CT_NATIVE: c->in.write = native_write; break;
        default:
                c->dotted = node && node->kind == N_CMD && ((struct command *)node->x)->invoke == '.';
                st = SH_OK;
        }
        return st;
}

/* What is only known when it runs: a function's scope. */
static int cmd_open(struct sh_cmd *c)
{
        if (!c->target || c->target->kind == CT_NATIVE || c->target->kind == CT_CMDLET)
                return SH_OK;
        return open_function(c);
}

static void end_frame(struct sh_cmd *c)
{
        struct frame *f = &c->frame;
        if (f->args.kind != SH_K_UNSET)
                sh_drop(f->args);
        if (f->bound.kind != SH_K_UNSET)
                sh_drop(f->bound);
        if (f->input.kind != SH_K_UNSET)
                sh_drop(f->input);
        if (!c->is_function)
                return;
        if (c->own_scope)
                sh_scope_leave(c->sh, c->scope);
        else if (c->scope->frame == f)
                c->scope->frame = c->outer_frame;
}

void sh_cmd_free(struct sh_cmd *c)
{
        tee_close(c);
        sh_redirs_close(c);
        if (c->native)
                sh_native_free(c);
        for (uint32_t i = 0; c->info && c->bound && i < c->info->n; i++) {
                sh_drop(c->bound[i].v);
                if (c->delayed)
                        sh_drop(c->delayed[i]);
        }
        free(c->bound);
        free(c->delayed);
        end_frame(c);
        if (c->own_info) {
                struct rv_arena arena = c->info->arena;
                rv_arena_free(&arena);
                free(c->info);
        }
        for (struct text_node *t = c->texts, *next; t; t = next) {
                next = t->next;
                sh_drop(t->text);
                free(t);
        }
        if (c->under.kind != SH_K_UNSET)
                sh_drop(c->under);
        sh_drop(c->dynamic);
        sh_drop(c->early);
        sh_drop(c->block_base);
        sh_argvec_free(&c->raw);
        free(c->plan);
        free(c->state);
        if (c->target)
                sh_drop(sh_target_value(c->target));
        free(c);
}

/* ---- running stages ---- */
static int bind(struct sh_cmd *c)
{
        int st = cmd_open(c);
        struct saved s;
        if (st != SH_OK || !c->info)
                return st;
        if (c->info->advanced) {
                st = sh_bind(c, &c->raw);
                if (st == SH_OK)
                        st = sh_bind_finish(c);
                if (st == SH_OK && sh_limits)
                        st = sh_limits_bound(c);
                c->pipe_binds = c->info->takes_pipeline && c->expects_input;
                return st;
        }
        c->fast_pipe = -1;
        sh_enter(c, &s);
        st = sh_bind_args(c->sh, c->scope, c->frame.block, &c->raw, &c->frame);
        sh_leave(c->sh, &s);
        return st;
}

static int begin(struct sh_cmd *c)
{
        struct saved s;
        int st = tee_open(c);
        c->begun = true;
        if (st != SH_OK)
                return st;
        if (c->cmdlet) {
                if (c->cmdlet->state_size && !(c->state = calloc(1, c->cmdlet->state_size)))
                        abort();
                if (!c->cmdlet->begin)
                        return SH_OK;
                sh_enter(c, &s);
                st = c->cmdlet->begin(c);
                sh_leave(c->sh, &s);
                return claim(c, st);
        }
        if (c->is_function)
                return run_part(c, c->frame.block->part[BL_BEGIN]);
        return c->target ? sh_native_begin(c) : SH_OK;
}

/* The first stage when nothing is piped into it. */
static int process_once(struct sh_cmd *c)
{
        struct saved s;
        int st = SH_OK;
        if (c->cmdlet && c->cmdlet->process) {
                sh_enter(c, &s);
                st = c->cmdlet->process(c, SH_NOTHING);
                sh_leave(c->sh, &s);
                st = claim(c, st);
        } else if (c->is_function) {
                struct block *b = c->frame.block;
                st = run_part(c, b->filter && !b->named ? b->part[BL_END] : b->part[BL_PROCESS]);
        }
        return st;
}

static int end(struct sh_cmd *c)
{
        struct saved s;
        struct sh *sh = c->sh;
        int st = SH_OK;
        if (c->cmdlet) {
                if (c->cmdlet->end && !c->done) {
                        sh_enter(c, &s);
                        st = c->cmdlet->end(c);
                        sh_leave(sh, &s);
                        st = claim(c, st);
                }
        } else if (c->is_function) {
                struct block *b = c->frame.block;
                if (b->filter && !b->named)
                        return SH_OK;
                struct sv outer = sh->under;
                if (c->has_input_var && b->part[BL_PROCESS] && c->frame.input.kind != SH_K_UNSET) {
                        sh_drop(c->frame.input);
                        c->frame.input = sh_array_new(0);
                }
                if (c->under.kind != SH_K_UNSET)
                        sh->under = sh_keep(c->under);
                st = run_part(c, b->part[BL_END]);
                if (c->under.kind != SH_K_UNSET)
                        sh_drop(sh->under);
                sh->under = outer;
        } else if (c->target) {
                st = sh_native_end(c);
        }
        c->done = true;
        return st;
}

static int discard(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)s, (void)sh, (void)v;
        return SH_OK;
}

static void clean(struct sh_cmd *c)
{
        struct saved s;
        struct sh *sh = c->sh;
        struct node *body = c->is_function ? c->frame.block->part[BL_CLEAN] : NULL;
        if (!c->begun || (!body && !(c->cmdlet && c->cmdlet->clean)))
                return;
        sh_enter(c, &s);
        if (body) {
                struct sh_sink nowhere = { .write = discard };
                struct sv pending = sh->error;
                sh->error = SH_NIL;
                if (body->run(sh, body, &nowhere) == SH_ERROR)
                        sh_error_report(sh);
                sh->error = pending;
        } else {
                c->cmdlet->clean(c);
        }
        sh_leave(sh, &s);
}

static struct sh_cmd *last_stopped(struct sh_cmd *first)
{
        struct sh_cmd *r = NULL;
        for (struct sh_cmd *c = first; c; c = c->next)
                if (c->stopped)
                        r = c;
        return r;
}

static int feed(struct sh *sh, struct sh_cmd *first, struct node *source, struct sv *value)
{
        if (source)
                return sh_stream_expr(sh, source, &first->in);
        if (value)
                return sh_write_unrolled(sh, &first->in, *value);
        return process_once(first);
}

/* What begin blocks wrote, the last stage's first: its objects came before any that the stages before it now make. */
static int replay(struct sh_cmd *first)
{
        struct sh_cmd *c = first;
        int st = SH_OK;
        while (c->next)
                c = c->next;
        for (; c && st == SH_OK; c = c->prev) {
                struct sv early = c->early;
                c->early = SH_NIL;
                for (uint32_t i = 0; early.kind == SH_ARRAY && i < early.a->n && st == SH_OK; i++)
                        st = c->in.write(&c->in, c->sh, early.a->v[i]);
                sh_drop(early);
        }
        return st;
}

static int begin_stages(struct sh_cmd *first)
{
        int st = SH_OK;
        for (struct sh_cmd *c = first; c && st == SH_OK; c = c->next)
                st = begin(c);
        return st == SH_OK ? replay(first) : st;
}

static int end_stages(struct sh_cmd *first, int st)
{
        struct sh_cmd *from = first, *stopped;
        while (from && (st == SH_OK || st == SH_STOP)) {
                if ((stopped = last_stopped(from)) && st == SH_STOP)
                        from = stopped;
                else if (st == SH_STOP)
                        break;
                st = end(from);
                if (st != SH_STOP || from->stopped)
                        from = from->next, st = st == SH_STOP ? SH_OK : st;
                else if (!last_stopped(from))
                        break;
        }
        for (struct sh_cmd *c = first; c; c = c->next)
                clean(c);
        return st;
}

/* Stages that are bound: begin, flow, end, clean. */
int sh_run_stages(struct sh *sh, struct sh_cmd *first, struct node *source, struct sv *value,
                  struct sh_sink *out)
{
        (void)out;
        int st = begin_stages(first);
        return end_stages(first, st == SH_OK ? feed(sh, first, source, value) : st);
}

void sh_steps_free(struct sh_cmd *c)
{
        while (c) {
                struct sh_cmd *next = c->next;
                sh_cmd_free(c);
                c = next;
        }
}

static bool all_well(struct sh_cmd *c)
{
        for (; c; c = c->next)
                if (c->errored)
                        return false;
        return true;
}

static int bind_stages(struct sh *sh, struct sh_cmd *first)
{
        int st = SH_OK;
        for (struct sh_cmd *c = first; c && st == SH_OK; c = c->next) {
                st = bind(c);
                if (st == SH_ERROR && c->node)
                        sh_error_position(sh, c->node);
        }
        return st;
}

/* Bound, run, freed; $? is set. */
static int run_all(struct sh *sh, struct sh_cmd *first, struct node *source, struct sv *value,
                   struct sh_sink *out)
{
        int st = bind_stages(sh, first);
        if (st == SH_OK && first->next)
                first->plan = sh_plan_make(first);
        if (st == SH_OK)
                st = sh_run_stages(sh, first, source, value, out);
        sh->ok = st != SH_ERROR && all_well(first);
        for (struct sh_cmd *c = st == SH_ERROR ? first : NULL; c; c = c->next)
                sh_error_ended(sh, c);
        if (st == SH_EXIT && first->node && !first->next && first->target && first->target->kind == CT_SCRIPT &&
            !sh->interrupted && !sh->exiting) { /* exit ends the script, not who called it */
                sh_var_write(sh, ID_LASTEXIT, VS_GLOBAL, sh_int(sh->exit_code));
                sh->ok = sh->exit_code == 0;
                st = SH_OK;
        }
        sh_steps_free(first);
        return st;
}

int sh_invoke(struct sh *sh, struct sh_target *t, struct argvec *a, bool dotted, const struct sv *input,
              struct sh_sink *out)
{
        struct sh_cmd *c;
        struct sv v = input ? *input : SH_NIL;
        if (!input && t->block.kind == SH_BLOCK && t->kind != CT_SCRIPT &&
            sh_block_simple(sh, sh_block_of(t->block)->ast))
                return sh_call_simple(sh, t, a, dotted, sh->frame->at, out);
        int st = sh_cmd_new(sh, t, NULL, &c);
        if (st != SH_OK) {
                sh_cmd_free(c);
                return st;
        }
        c->dotted = dotted;
        c->out = out;
        c->expects_input = input != NULL;
        c->frame.pipe_len = c->frame.pipe_pos = 1;
        for (uint32_t i = 0; i < a->n; i++) {
                struct argval x = a->v[i];
                if (x.value.kind != SH_K_UNSET)
                        sh_keep(x.value);
                sh_keep(x.owner);
                sh_argvec_add(&c->raw, x);
        }
        return run_all(sh, c, NULL, input ? &v : NULL, out);
}

/* ---- from the tree ---- */
static int bad_name(struct sh *sh, struct node *n, struct sv v)
{
        struct command *c = n->x;
        (void)v;
        sh_throw(sh, "BadExpression", "InvalidOperation", SH_NIL,
                 "The expression after '%c' in a pipeline element produced an object that was not valid. It "
                 "must result "
                 "in a command name, a script block, or a CommandInfo object.",
                 c->invoke ? c->invoke : '&');
        sh_error_position(sh, c->name);
        return SH_ERROR;
}

static int resolve_value(struct sh *sh, struct node *n, struct sv v, struct sh_target **ret)
{
        struct sv u = sh_unwrap(v);
        if (u.kind == SH_BLOCK) {
                *ret = sh_target_of_block(sh, u);
                return SH_OK;
        }
        if (sh_module_of(u)) { /* the command to run in it is the first argument */
                *ret = sh_target_new(CT_BLOCK, "", 0);
                (*ret)->module = sh_module_of(u);
                u.o->refs++;
                return SH_OK;
        }
        if (u.kind == SH_OTHER && sh_type_is(u.o->type, &sh_type_command_info)) {
                struct sh_target *t = (struct sh_target *)u.o;
                if (t->kind == CT_ALIAS)
                        return sh_find_command(sh, t->definition, strlen(t->definition), ret);
                t->obj.refs++;
                *ret = t;
                return SH_OK;
        }
        if (sh_is_null(u))
                return bad_name(sh, n, v);
        struct sv text = sh_to_text(sh, v);
        int st = text.s->len ? sh_find_command(sh, text.s->s, text.s->len, ret) : bad_name(sh, n, v);
        sh_drop(text);
        return st;
}

static int resolve(struct sh *sh, struct node *n, struct sh_target **ret)
{
        struct command *c = n->x;
        int st;
        if (c->name->kind == N_CONST && c->name->val.kind == SH_STRING && c->name->val.s->len) {
                st = sh_find_command(sh, c->name->val.s->s, c->name->val.s->len, ret);
        } else {
                struct sv v = EV(c->name);
                if (sh_failed(v))
                        return sh->st;
                st = resolve_value(sh, n, v, ret);
                sh_drop(v);
        }
        if (st == SH_ERROR)
                sh_error_position(sh, c->name);
        return st;
}

/* & $module { } or & $module name: the first argument, seen from inside the module. */
static int target_in_module(struct sh *sh, struct argvec *a, struct sh_target **t)
{
        struct sh_module *m = (*t)->module;
        struct sv v = a->n && !a->v[0].name ? sh_unwrap(a->v[0].value) : SH_NIL;
        struct sh_target *found = NULL;
        struct scope *outer = sh->scope;
        int st = SH_OK;
        if (v.kind == SH_BLOCK) {
                struct sv b = sh_block_in_module(sh, v, m);
                found = sh_target_of_block(sh, b);
                sh_drop(b);
        } else if (v.kind == SH_STRING) {
                sh->scope = m->scope;
                st = sh_find_command(sh, v.s->s, v.s->len, &found);
                sh->scope = outer;
        } else {
                st = sh_throw(sh, "BadExpression", "InvalidOperation", SH_NIL,
                              "After a module, the command to run in it is expected: a script block or a name.");
        }
        if (st != SH_OK)
                return st;
        sh_drop(a->v[0].value);
        memmove(a->v, a->v + 1, --a->n * sizeof *a->v);
        sh_drop(sh_target_value(*t));
        *t = found;
        return SH_OK;
}

static int add_stage(struct sh *sh, struct node *n, struct sh_cmd **first, struct sh_cmd **last)
{
        struct sh_target *t = NULL;
        struct sh_cmd *c;
        struct command *cmd = n->x;
        int st = n->kind == N_CMD ? resolve(sh, n, &t) : SH_OK;
        if (st != SH_OK)
                return st;
        struct argvec early = { 0 };
        bool in_module = t && t->kind == CT_BLOCK && t->module && t->block.kind != SH_BLOCK;
        if (in_module) {
                st = sh_eval_args(sh, cmd, false, &early);
                if (st == SH_OK)
                        st = target_in_module(sh, &early, &t);
                if (st != SH_OK) {
                        sh_argvec_free(&early);
                        sh_drop(sh_target_value(t));
                        return st;
                }
        }
        st = sh_cmd_new(sh, t, n, &c);
        if (t)
                sh_drop(sh_target_value(t));
        if (in_module)
                c->raw = early;
        c->prev = *last;
        if (*last)
                (*last)->next = c;
        else
                *first = c;
        *last = c;
        if (st == SH_OK && t && !in_module)
                st = sh_eval_args(sh, cmd, t->kind == CT_NATIVE, &c->raw);
        return st;
}

static int redirect(struct sh *sh, struct sh_cmd *c)
{
        struct command *cmd = c->node->x;
        return cmd->nredirs ? sh_redirs_open(sh, cmd->redirs, cmd->nredirs, c, &c->out) : SH_OK;
}

/* One simple function, the commonest command: without a stage. SH_NONE: it is something else. */
static int run_simple(struct sh *sh, struct node *n, struct sh_target *t, struct sh_sink *out)
{
        struct command *c = n->x;
        if (c->nredirs || t->block.kind != SH_BLOCK || t->kind == CT_SCRIPT ||
            !sh_block_simple(sh, sh_block_of(t->block)->ast))
                return SH_NONE;
        struct argval small[8];
        struct argvec a = { small, 0, 8 };
        bool room = c->nargs <= 8;
        for (uint32_t i = 0; i < c->nargs; i++)
                room = room && c->args[i].kind != ARG_SPLAT;
        if (!room)
                a = (struct argvec) { 0 };
        int st = sh_eval_args(sh, c, false, &a);
        if (st == SH_OK) {
                st = sh_call_simple(sh, t, &a, c->invoke == '.', n, out);
                sh->ok = st != SH_ERROR;
        }
        if (st == SH_ERROR)
                sh_error_position(sh, n);
        if (!room) {
                sh_argvec_free(&a);
                return st;
        }
        for (uint32_t i = 0; i < a.n; i++) {
                if (a.v[i].value.kind != SH_K_UNSET)
                        sh_drop(a.v[i].value);
                sh_drop(a.v[i].owner);
        }
        return st;
}

/* A redirected expression: its own stage, so that its streams have somewhere to go. */
static int run_redirected(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct sh_cmd *c;
        struct saved s;
        int st = sh_cmd_new(sh, NULL, n, &c);
        c->out = out;
        if (st == SH_OK)
                st = redirect(sh, c);
        if (st == SH_OK) {
                sh_enter(c, &s);
                sh->cmd = s.cmd;
                st = sh_stream_expr(sh, n->a, c->out);
                sh_leave(sh, &s);
        }
        if (st == SH_OK && n->a->kind != N_SUB && n->a->kind != N_ARRAYSUB)
                sh->ok = true;
        sh_cmd_free(c);
        return st;
}

/* The commands of a pipeline from the i-th on, connected, their arguments evaluated. */
static int make_stages(struct sh *sh, struct node *n, uint32_t i, bool input, struct sh_sink *out, struct sh_cmd **ret)
{
        struct sh_cmd *first = NULL, *last = NULL;
        uint32_t at = 1, len = n->n - i;
        int st = SH_OK;
        for (; i < n->n && st == SH_OK; i++)
                st = add_stage(sh, n->v[i], &first, &last);
        for (struct sh_cmd *c = first; c && st == SH_OK; c = c->next) {
                c->out = c->next ? &c->next->in : out;
                c->expects_input = c->prev || input;
                c->frame.pipe_pos = at++;
                c->frame.pipe_len = len;
                st = redirect(sh, c);
        }
        if (st != SH_OK)
                sh_steps_free(first);
        *ret = st == SH_OK ? first : NULL;
        return st;
}

/* ---- by steps: GetSteppablePipeline() ---- */
int sh_steps_make(struct sh *sh, struct node *pipe, struct sh_sink *out, struct sh_cmd **ret)
{
        return make_stages(sh, pipe, 0, true, out, ret);
}

int sh_steps_begin(struct sh_cmd *first, bool input)
{
        first->expects_input = input;
        int st = bind_stages(first->sh, first);
        return st == SH_OK ? begin_stages(first) : st;
}

int sh_steps_take(struct sh_cmd *first, const struct sv *v)
{
        int st = v ? first->in.write(&first->in, first->sh, *v) : process_once(first);
        return st == SH_STOP ? SH_OK : st;
}

int sh_steps_end(struct sh_cmd *first)
{
        int st = end_stages(first, SH_OK);
        return st == SH_STOP ? SH_OK : st;
}

int sh_run_pipeline(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct sh_cmd *first;
        struct node *source = NULL;
        uint32_t i = 0;
        int st = SH_OK;
        if (n->kind == N_EXPR)
                return run_redirected(sh, n, out);
        if (n->n == 1 && n->v[0]->kind == N_EXPR)
                return n->v[0]->x ? run_redirected(sh, n->v[0], out) : n->v[0]->run(sh, n->v[0], out);
        if (n->n == 1) {
                struct sh_target *t;
                st = resolve(sh, n->v[0], &t);
                if (st != SH_OK)
                        return st;
                st = run_simple(sh, n->v[0], t, out);
                sh_drop(sh_target_value(t));
                if (st != SH_NONE)
                        return st;
                st = SH_OK;
        } else if (n->v[0]->kind == N_EXPR && !n->v[0]->x) {
                source = n->v[0]->a;
                i = 1;
        }
        st = make_stages(sh, n, i, source, out, &first);
        if (st != SH_OK) {
                if (st == SH_ERROR)
                        sh->ok = false;
                return st;
        }
        if (first->target == NULL) /* expression with redirections, then commands */
                return sh_run_mixed(sh, first, n->v[0]->a, out);
        st = run_all(sh, first, source, NULL, out);
        if (st == SH_ERROR)
                sh_error_position(sh, n);
        return st;
}

int sh_run_mixed(struct sh *sh, struct sh_cmd *first, struct node *expr, struct sh_sink *out)
{
        return run_all(sh, first, expr, NULL, out);
}
