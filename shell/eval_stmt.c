/* SPDX-License-Identifier: MIT
 *
 * Statements: lists and their errors, loops, if, switch, try, throw, definitions. Every way out (break, return, error,
 * exit, stop) is a status that each statement looks at.
 */
#include "shell/error.h"
#include "shell/eval.h"
#include "shell/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- collecting ---- */
static int collect_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        struct collect *c = (struct collect *)s;
        (void)sh;
        if (c->n == 0) {
                c->first = sh_keep(v);
        } else {
                if (c->n == 1) {
                        c->list = sh_array_new(8);
                        sh_array_take(c->list.a, c->first);
                }
                sh_array_add(c->list.a, v);
        }
        c->n++;
        return SH_OK;
}

void sh_collect_begin(struct collect *c)
{
        *c = (struct collect) { .sink.write = collect_write, .list = SH_NIL };
}

struct sv sh_collect_end(struct collect *c)
{
        return c->n == 0 ? SH_NOTHING : c->n == 1 ? c->first : c->list;
}

struct sv sh_collect_array(struct collect *c)
{
        if (c->n > 1)
                return c->list;
        struct sv r = sh_array_new(c->n);
        if (c->n)
                sh_array_take(r.a, c->first);
        return r;
}

void sh_collect_drop(struct collect *c)
{
        if (c->n)
                sh_drop(sh_collect_end(c));
        c->n = 0;
}

int sh_eval_collect(struct sh *sh, struct node *n, struct sv *ret)
{
        struct collect c;
        sh_collect_begin(&c);
        int st = n->run(sh, n, &c.sink);
        if (st != SH_OK) {
                sh_collect_drop(&c);
                return st;
        }
        *ret = sh_collect_end(&c);
        return SH_OK;
}

int sh_write_unrolled(struct sh *sh, struct sh_sink *out, struct sv v)
{
        if (v.kind == SH_VOID)
                return SH_OK;
        if (v.kind < SH_OBJECT_KINDS || v.kind == SH_STRING || !sh_is_enumerable(v))
                return out->write(out, sh, v);
        size_t pos = 0;
        struct sv item;
        while (sh_next(v, &pos, &item)) {
                int st = item.kind == SH_VOID ? SH_OK : out->write(out, sh, item);
                sh_drop(item);
                if (st == SH_OK && (++sh->ticks & 1023) == 0)
                        st = sh_check(sh);
                if (st != SH_OK)
                        return st;
        }
        return SH_OK;
}

/* a..b written without building it */
static int stream_range(struct sh *sh, struct node *e, struct sh_sink *out, bool *ret_done)
{
        *ret_done = false;
        struct sv a = EV(e->a);
        if (sh_failed(a))
                return sh->st;
        struct sv b = EV(e->b);
        if (sh_failed(b)) {
                sh_drop(a);
                return sh->st;
        }
        int st = SH_OK;
        if (a.kind == SH_INT32 && b.kind == SH_INT32) {
                int64_t step = a.i <= b.i ? 1 : -1;
                *ret_done = true;
                for (int64_t i = a.i; st == SH_OK; i += step) {
                        st = out->write(out, sh, sh_int((int32_t)i));
                        if (i == b.i)
                                break;
                        if (st == SH_OK && (++sh->ticks & 1023) == 0)
                                st = sh_check(sh);
                }
                return st;
        }
        struct sv r;
        st = sh_binary(sh, SH_RANGE, false, a, b, &r);
        sh_drop(a);
        sh_drop(b);
        *ret_done = true;
        if (st != SH_OK) {
                sh_error_position(sh, e);
                return st;
        }
        st = sh_write_unrolled(sh, out, r);
        sh_drop(r);
        return st;
}

int sh_stream_expr(struct sh *sh, struct node *e, struct sh_sink *out)
{
        struct node *x = sh_unparen(e);
        bool done;
        if (x->kind == N_BINARY && x->op == SH_RANGE)
                return stream_range(sh, x, out, &done);
        struct sv v = EV(e);
        if (sh_failed(v))
                return sh->st;
        int st = sh_write_unrolled(sh, out, v);
        sh_drop(v);
        return st;
}

/* ---- statements of expressions ---- */
int run_expr(struct sh *sh, struct node *n, struct sh_sink *out)
{
        if (n->x)
                return run_pipe(sh, n, out);
        int st = sh_stream_expr(sh, n->a, out);
        if (st == SH_OK && !(n->a->kind == N_PAREN && (n->a->flags & NF_CMDS)) && n->a->kind != N_SUB &&
            n->a->kind != N_ARRAYSUB && n->a->kind != N_LASTOK)
                sh->ok = true;
        return st;
}

int run_void(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)out;
        struct sv v = EV(n->a);
        if (sh_failed(v))
                return sh->st;
        sh_drop(v);
        sh->ok = true;
        return SH_OK;
}

int run_nothing(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)sh, (void)n, (void)out;
        return SH_OK;
}

int run_list(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct node *outer = sh->frame->at;
        int st = SH_OK;
        if (n->x)
                sh->try_depth++;
        for (uint32_t i = 0; i < n->n; i++) {
                struct node *s = n->v[i];
                sh->frame->at = s;
                st = s->run(sh, s, out);
                if (SH_UNLIKELY(st != SH_OK)) {
                        if (st == SH_ERROR) {
                                if (n->x)
                                        sh->try_depth--;
                                st = sh_stmt_error(sh, n, s, out);
                                if (n->x)
                                        sh->try_depth++;
                        }
                        if (st != SH_OK)
                                break;
                }
        }
        if (n->x)
                sh->try_depth--;
        sh->frame->at = outer;
        return st;
}

int run_chain(struct sh *sh, struct node *n, struct sh_sink *out)
{
        int st = n->a->run(sh, n->a, out);
        if (st == SH_ERROR && !sh_error_of(sh->error)->script_terminating && sh->try_depth == 0)
                st = sh_stmt_error(sh, NULL, n->a, out);
        if (st != SH_OK || (n->op == '&') != sh->ok)
                return st;
        return n->b->run(sh, n->b, out);
}

/* ---- conditions and loops ---- */
static bool runs_commands(const struct node *n)
{
        switch (n ? n->kind : N_CONST) {
        case N_PIPE:
        case N_CHAIN: return true;
        case N_PAREN: return n->flags & NF_CMDS || runs_commands(n->a);
        case N_EXPR: return n->x || runs_commands(n->a);
        case N_ASSIGN: return runs_commands(n->b);
        case N_UNARY: return runs_commands(n->a);
        case N_BINARY:
        case N_AND:
        case N_OR:
        case N_XOR: return runs_commands(n->a) || runs_commands(n->b);
        default: return false;
        }
}

/* 1, 0, or -1 and sh->st. A command that failed in a condition is no failure for what follows it. */
static int condition(struct sh *sh, struct node *n)
{
        struct sv v = EV(n);
        if (SH_UNLIKELY(!sh->ok) && !sh_failed(v) && runs_commands(n))
                sh->ok = true;
        if (v.kind == SH_BOOL)
                return (int)v.i;
        if (sh_failed(v))
                return -1;
        int r = sh_true(v);
        sh_drop(v);
        return r;
}

int run_if(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct clauses *c = n->x;
        for (uint32_t i = 0; i < c->n; i++) {
                int yes = condition(sh, c->v[i].test);
                if (yes < 0)
                        return sh->st;
                if (yes)
                        return run_list(sh, c->v[i].body, out);
        }
        return c->otherwise ? run_list(sh, c->otherwise, out) : SH_OK;
}

/* After a loop's body: go on (SH_OK), leave the loop (SH_NONE), or pass on. */
static int loop_status(struct sh *sh, struct node *n, int st)
{
        if (SH_UNLIKELY(sh_interrupt || (++sh->ticks & 0xFFFF) == 0) && st == SH_OK)
                return sh_check(sh);
        if (st != SH_BREAK && st != SH_CONTINUE)
                return st;
        if (sh->label && sh->label != n->n)
                return st;
        sh->label = 0;
        return st == SH_BREAK ? SH_NONE : SH_OK;
}

int run_while(struct sh *sh, struct node *n, struct sh_sink *out)
{
        for (;;) {
                int yes = condition(sh, n->a);
                if (yes <= 0)
                        return yes < 0 ? (int)sh->st : SH_OK;
                int st = loop_status(sh, n, run_list(sh, n->b, out));
                if (st != SH_OK)
                        return st == SH_NONE ? SH_OK : st;
        }
}

int run_do(struct sh *sh, struct node *n, struct sh_sink *out)
{
        for (;;) {
                int st = loop_status(sh, n, run_list(sh, n->b, out));
                if (st != SH_OK)
                        return st == SH_NONE ? SH_OK : st;
                int yes = condition(sh, n->a);
                if (yes < 0)
                        return sh->st;
                if (yes == ((n->flags & NF_UNTIL) != 0))
                        return SH_OK;
        }
}

static int discard_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)s, (void)sh, (void)v;
        return SH_OK;
}

int run_for(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct sh_sink nowhere = { .write = discard_write };
        int st = n->a ? n->a->run(sh, n->a, &nowhere) : SH_OK;
        while (st == SH_OK) {
                int yes = n->c ? condition(sh, n->c) : 1;
                if (yes <= 0)
                        return yes < 0 ? (int)sh->st : SH_OK;
                st = loop_status(sh, n, run_list(sh, n->b, out));
                if (st == SH_OK && n->d)
                        st = n->d->run(sh, n->d, &nowhere);
        }
        return st == SH_NONE ? SH_OK : st;
}

struct each {
        struct sh_sink sink;
        struct node *n;
        struct sh_sink *out;
};

static int each_item(struct sh_sink *s, struct sh *sh, struct sv v)
{
        struct each *e = (struct each *)s;
        struct sv *slot = local_slot(sh, e->n->a);
        int st = SH_OK;
        if (slot && slot->kind < SH_K_BOX) {
                struct sv old = *slot;
                *slot = sh_keep(v);
                sh_drop(old);
        } else {
                st = sh_assign(sh, e->n->a, v);
        }
        return st == SH_OK ? loop_status(sh, e->n, run_list(sh, e->n->b, e->out)) : st;
}

int run_foreach(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct each e = { .sink.write = each_item, .n = n, .out = out };
        struct node *x = n->c->kind == N_EXPR && !n->c->x ? sh_unparen(n->c->a) : NULL;
        int st;
        if (x && x->kind == N_BINARY && x->op == SH_RANGE) {
                bool done;
                st = stream_range(sh, x, &e.sink, &done);
                return st == SH_NONE ? SH_OK : st;
        }
        struct sv v = EV(n->c);
        if (sh_failed(v))
                return sh->st;
        if (sh_is_null(v)) /* foreach over nothing runs zero times */
                return SH_OK;
        st = sh_write_unrolled(sh, &e.sink, v);
        sh_drop(v);
        return st == SH_NONE ? SH_OK : st;
}

/* ---- switch ---- */
struct switching {
        struct sh_sink sink;
        struct node *n;
        struct sh_sink *out;
};

static int clause_matches(struct sh *sh, struct node *n, struct node *test, struct sv input)
{
        struct switch_opts *o = (struct switch_opts *)n->b;
        struct sv t, r;
        if (test->kind == N_BLOCK) {
                struct block *b = test->x;
                int st = b->part[BL_END] ? sh_eval_collect(sh, b->part[BL_END], &r) : SH_NONE;
                if (st != SH_OK)
                        return sh_fail(sh, st), -1;
                int yes = sh_true(r);
                sh_drop(r);
                return yes;
        }
        t = EV(test);
        if (sh_failed(t))
                return -1;
        int st = SH_OK;
        bool yes = false;
        if (o->wildcard || o->regex) {
                struct sv text = sh_to_text(sh, input);
                st = sh_binary(sh, o->regex ? SH_MATCH : SH_LIKE, o->cased, text, t, &r);
                sh_drop(text);
                if (st == SH_OK)
                        yes = sh_true(r);
        } else if (o->exact || o->cased || input.kind == SH_STRING) {
                yes = sh_equal(sh, input, t, !o->cased);
        } else {
                yes = sh_equal(sh, input, t, true);
        }
        sh_drop(t);
        if (st != SH_OK)
                return sh_fail_at(sh, test, st), -1;
        return yes;
}

enum { NEXT_INPUT = 1000 };

static int switch_status(struct sh *sh, struct node *n, int st)
{
        if ((st == SH_BREAK || st == SH_CONTINUE) && (!sh->label || sh->label == n->n)) {
                sh->label = 0;
                return st == SH_BREAK ? SH_NONE : NEXT_INPUT;
        }
        return st;
}

static int switch_item(struct sh_sink *s, struct sh *sh, struct sv v)
{
        struct switching *w = (struct switching *)s;
        struct clauses *c = w->n->x;
        struct sv under = sh->under;
        bool any = false;
        int st = SH_OK;
        sh->under = sh_keep(v);
        for (uint32_t i = 0; i < c->n && st == SH_OK; i++) {
                int yes = clause_matches(sh, w->n, c->v[i].test, v);
                if (yes < 0)
                        st = sh->st;
                else if (yes) {
                        any = true;
                        st = run_list(sh, c->v[i].body, w->out);
                        if (st == SH_CONTINUE || st == SH_BREAK) {
                                st = switch_status(sh, w->n, st);
                                if (st == NEXT_INPUT) {
                                        st = SH_OK;
                                        break;
                                }
                        }
                }
        }
        if (!any && st == SH_OK && c->otherwise) {
                st = switch_status(sh, w->n, run_list(sh, c->otherwise, w->out));
                st = st == NEXT_INPUT ? SH_OK : st;
        }
        sh_drop(sh->under);
        sh->under = under;
        return st;
}

static int switch_file(struct sh *sh, struct node *n, struct sh_sink *items)
{
        struct switch_opts *o = (struct switch_opts *)n->b;
        struct sv path = EV(o->file);
        if (sh_failed(path))
                return sh->st;
        struct sv text = sh_to_text(sh, path);
        sh_drop(path);
        FILE *f = fopen(text.s->s, "re");
        if (!f) {
                int st = sh_throw(sh, "FileOpenFailure", "InvalidOperation", text,
                                  "Cannot read file '%s': %m.", text.s->s);
                sh_drop(text);
                return st;
        }
        sh_drop(text);
        char *line = NULL;
        size_t cap = 0;
        int st = SH_OK;
        for (ssize_t len; st == SH_OK && (len = getline(&line, &cap, f)) >= 0;) {
                while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
                        len--;
                struct sv v = sh_string(line, (size_t)len);
                st = items->write(items, sh, v);
                sh_drop(v);
        }
        free(line);
        fclose(f);
        return st;
}

int run_switch(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct switching w = { .sink.write = switch_item, .n = n, .out = out };
        struct switch_opts *o = (struct switch_opts *)n->b;
        int st;
        if (o->file) {
                st = switch_file(sh, n, &w.sink);
                return st == SH_NONE ? SH_OK : st;
        }
        struct sv v = EV(n->a);
        if (sh_failed(v))
                return sh->st;
        if (v.kind == SH_VOID)
                v = SH_NIL;
        st = sh_write_unrolled(sh, &w.sink, v);
        sh_drop(v);
        return st == SH_NONE ? SH_OK : st;
}

/* ---- leaving ---- */
/* A method's return: an expression's value as it is, arrays too. */
static int return_from_method(struct sh *sh, struct node *n)
{
        struct sv v = SH_NIL;
        struct node *x = n->a;
        if (x && x->kind == N_PIPE && x->n == 1)
                x = x->v[0];
        if (x && x->kind == N_EXPR && !x->x) {
                v = EV(x->a);
                if (sh_failed(v))
                        return sh->st;
        } else if (x) {
                int st = sh_eval_collect(sh, n->a, &v);
                if (st != SH_OK)
                        return st;
        }
        sh_drop(*sh->frame->returned);
        *sh->frame->returned = v;
        return SH_RETURN;
}

int run_return(struct sh *sh, struct node *n, struct sh_sink *out)
{
        if ((n->flags & NF_METHOD) && sh->frame->returned)
                return return_from_method(sh, n);
        if (n->a) {
                int st = n->a->run(sh, n->a, out);
                if (st == SH_ERROR && !sh_error_of(sh->error)->script_terminating && sh->try_depth == 0)
                        st = sh_stmt_error(sh, NULL, n, out);
                if (st != SH_OK)
                        return st;
        }
        return SH_RETURN;
}

int run_jump(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)out;
        sh->label = 0;
        if (n->a) {
                struct sv v = EV(n->a);
                if (sh_failed(v))
                        return sh->st;
                struct sv t = sh_to_text(sh, v);
                sh_drop(v);
                sh->label = t.s->len ? sh_intern(sh, t.s->s, t.s->len) : 0;
                sh_drop(t);
        }
        return n->kind == N_BREAK ? SH_BREAK : SH_CONTINUE;
}

int run_exit(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)out;
        int64_t code = 0;
        if (n->a) {
                struct sv v = EV(n->a);
                if (sh_failed(v))
                        return sh->st;
                if (!sh_is_null(v) && !sh_to_int64(sh, v, &code))
                        code = 0;
                sh_drop(v);
        }
        sh->exit_code = (int)code;
        return SH_EXIT;
}

int run_throw(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)out;
        struct sv v = SH_NIL;
        if (n->a) {
                v = EV(n->a);
                if (sh_failed(v))
                        return sh->st;
        }
        int st = sh_throw_value(sh, n->a != NULL, v);
        sh_drop(v);
        sh_error_position(sh, n);
        return st;
}

/* ---- try ---- */
static int run_catch(struct sh *sh, struct node *body, bool inner, struct sh_sink *out)
{
        struct sv record = sh_error_take(sh), under = sh->under, caught = sh->caught;
        sh_error_record(sh, record);
        if (inner)
                sh_caught_inner(sh, &record);
        sh->ok = false;
        sh->under = record;
        sh->caught = sh_keep(record);
        int st = run_list(sh, body, out);
        sh_drop(sh->under);
        sh_drop(sh->caught);
        sh->under = under;
        sh->caught = caught;
        return st;
}

static struct node *find_catch(struct sh *sh, struct catches *c, bool *ret_inner)
{
        struct node *best = NULL;
        int best_rank = -1;
        for (uint32_t i = 0; i < c->n; i++) {
                int rank;
                if (sh_catch_matches(sh, c->v[i].types, c->v[i].n, &rank) && rank > best_rank) {
                        best = c->v[i].body;
                        best_rank = rank;
                }
        }
        *ret_inner = best_rank >= 2000;
        return best;
}

int run_try(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct catches *c = n->x;
        sh->try_depth++;
        int st = run_list(sh, n->a, out);
        sh->try_depth--;
        if (st == SH_ERROR) {
                bool inner;
                struct node *body = find_catch(sh, c, &inner);
                if (body)
                        st = run_catch(sh, body, inner, out);
        }
        if (!n->b)
                return st;
        struct sv pending = sh->error;
        uint32_t label = sh->label;
        int code = sh->exit_code, depth = sh->try_depth;
        sh->error = SH_NIL;
        int fst = run_list(sh, n->b, out);
        sh->try_depth = depth;
        if (fst != SH_OK && !(fst == SH_STOP && st == SH_STOP)) {
                sh_drop(pending);
                return fst;
        }
        sh->error = pending;
        sh->label = label;
        sh->exit_code = code;
        return st;
}

/* ---- definitions ---- */
int run_func(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)out;
        struct func *f = n->x;
        struct sv b = sh_block_new(sh, f->block);
        sh_function_set(sh, sh_scope_at(sh, f->scope), f->name, f->nname, b, f->block->filter);
        sh_drop(b);
        return SH_OK;
}

/* Both took effect before the unit's first statement: sh_unit_begin(). */
int run_class(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)sh, (void)n, (void)out;
        return SH_OK;
}
int run_using(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)sh, (void)n, (void)out;
        return SH_OK;
}

/* using module NAME, a path beside the script, or @{ ModuleName = ...; ModuleVersion = ... }. */
static int use(struct sh *sh, struct node *n, struct sh_sink *out)
{
        const char *s = n->x, *file = n->u->file;
        if (strncasecmp(s, "module", 6))
                return SH_OK; /* namespaces are searched anyway */
        for (s += 6; *s == ' ' || *s == '\'' || *s == '"'; s++)
                ;
        size_t len = strcspn(s, "'\"");
        while (len && s[len - 1] == ' ')
                len--;
        if (*s == '@')
                return sh_using_specified(sh, s, out);
        const char *slash = file && *s == '.' ? strrchr(file, '/') : NULL;
        struct sv name = slash ? sh_printf("%.*s/%.*s", (int)(slash - file), file, (int)len, s) : sh_string(s, len);
        int st = sh_run_command(sh, "Import-Module", (struct sh_args) { 1, &name }, out);
        sh_drop(name);
        return st;
}

int sh_unit_begin(struct sh *sh, struct unit *u)
{
        int st = SH_OK;
        for (uint32_t i = 0; i < u->nusings && st == SH_OK; i++)
                if ((st = use(sh, u->usings[i], &sh->host)) == SH_ERROR)
                        sh_error_position(sh, u->usings[i]);
        return st == SH_OK && u->nclasses ? sh_define_classes(sh, u->classes, u->nclasses) : st;
}

int run_data(struct sh *sh, struct node *n, struct sh_sink *out)
{
        if (!n->x)
                return run_list(sh, n->a, out);
        struct sv v;
        int st = sh_eval_collect(sh, n->a, &v);
        if (st == SH_OK) {
                st = sh_var_write(sh, n->id, VS_LOCAL, v);
                sh_drop(v);
        }
        return st;
}

int run_bg(struct sh *sh, struct node *n, struct sh_sink *out)
{
        return sh_start_background(sh, n->a, out);
}

int run_pipe(struct sh *sh, struct node *n, struct sh_sink *out)
{
        return sh_run_pipeline(sh, n, out);
}
