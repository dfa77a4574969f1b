/* SPDX-License-Identifier: MIT
 *
 * What cmdlets see of their run (cmdlet.h): arguments, output, errors, -WhatIf and -Confirm.
 */
#include "shell/bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct sh *sh_session(struct sh_cmd *c)
{
        return c->sh;
}

void *sh_state(struct sh_cmd *c)
{
        return c->state;
}

const struct sh_cmdlet *sh_cmdlet_of(struct sh_cmd *c)
{
        return c->cmdlet;
}

struct sh_sink *sh_out(struct sh_cmd *c)
{
        return &c->emit;
}

const struct sh_plan *sh_plan_of(struct sh_cmd *c)
{
        return c->plan;
}

/* ---- arguments ---- */
static struct bound_value *bound(struct sh_cmd *c, const char *param)
{
        int i = sh_param_index(c, param);
        return i >= 0 && c->bound[i].state != BV_NONE && c->bound[i].state != BV_DELAYED ? &c->bound[i] : NULL;
}

bool sh_bound(struct sh_cmd *c, const char *param)
{
        return bound(c, param) != NULL;
}

struct sv sh_arg(struct sh_cmd *c, const char *param)
{
        struct bound_value *b = bound(c, param);
        return b ? b->v : SH_NIL;
}

bool sh_switch(struct sh_cmd *c, const char *param)
{
        struct bound_value *b = bound(c, param);
        return b && sh_true(b->v);
}

int64_t sh_arg_int(struct sh_cmd *c, const char *param, int64_t otherwise)
{
        struct bound_value *b = bound(c, param);
        int64_t r;
        return b && !sh_is_null(b->v) && sh_to_int64(c->sh, b->v, &r) ? r : otherwise;
}

const char *sh_arg_text(struct sh_cmd *c, const char *param, const char *otherwise)
{
        struct bound_value *b = bound(c, param);
        if (!b || sh_is_null(b->v))
                return otherwise;
        struct sv t = sh_to_text(c->sh, b->v);
        struct text_node *n = malloc(sizeof *n);
        if (!n)
                abort();
        *n = (struct text_node) { c->texts, t };
        c->texts = n;
        return t.s->s;
}

bool sh_next_text(struct sh_cmd *c, struct sv list, size_t *pos, struct sv *t)
{
        struct sv item;
        if (!sh_next(list, pos, &item))
                return false;
        *t = sh_to_text(c->sh, item);
        sh_drop(item);
        return true;
}

bool sh_arg_fits(struct sh_cmd *c, const char *param, const char *s, size_t n, bool otherwise)
{
        struct sv patterns = sh_arg(c, param), t;
        size_t pos = 0;
        bool fits = false;
        if (sh_is_null(patterns))
                return otherwise;
        while (!fits && sh_next_text(c, patterns, &pos, &t)) {
                fits = sh_wildcard(t.s->s, t.s->len, s, n, false);
                sh_drop(t);
        }
        return fits;
}

const char *sh_param_set(struct sh_cmd *c)
{
        if (c->sets == UINT32_MAX || c->sets == 0)
                return c->info->default_set >= 0 && c->sets ? c->info->set_names[c->info->default_set]
                                                            : "__AllParameterSets";
        if (c->info->default_set >= 0 && (c->sets >> c->info->default_set & 1))
                return c->info->set_names[c->info->default_set];
        return c->info->set_names[__builtin_ctz(c->sets)];
}

bool sh_expects_input(struct sh_cmd *c)
{
        return c->expects_input;
}

/* ---- output ---- */
int sh_emit(struct sh_cmd *c, struct sv v)
{
        int st = c->out->write(c->out, c->sh, v);
        if (st == SH_STOP)
                c->down_stopped = true;
        return st;
}

int sh_emit_unrolled(struct sh_cmd *c, struct sv v)
{
        return sh_write_unrolled(c->sh, &c->emit, v);
}

static struct sv said(const char *fmt, va_list ap)
{
        char *text;
        int n = vasprintf(&text, fmt, ap);
        if (n < 0)
                abort();
        struct sv r = sh_string(text, (size_t)n);
        free(text);
        return r;
}

int sh_cmd_error(struct sh_cmd *c, const char *id, const char *category, struct sv target, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        struct sv t = said(fmt, ap);
        va_end(ap);
        struct sh_cmd *running = c->sh->cmd;
        c->sh->cmd = c;
        struct sv e = sh_error_new(c->sh, NULL, id, category, target, t.s->s, t.s->len);
        int st = sh_stream_error(c->sh, e);
        c->sh->cmd = running;
        c->errored = true;
        sh_drop(e);
        sh_drop(t);
        return st;
}

int sh_cmd_throw(struct sh_cmd *c, const char *id, const char *category, struct sv target, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        struct sv t = said(fmt, ap);
        va_end(ap);
        struct sh_cmd *running = c->sh->cmd;
        c->sh->cmd = c;
        int st = sh_throw(c->sh, id, category, target, "%s", t.s->s);
        c->sh->cmd = running;
        c->errored = true;
        sh_drop(t);
        return st;
}

int sh_cmd_stream(struct sh_cmd *c, enum sh_stream stream, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        struct sv t = said(fmt, ap);
        va_end(ap);
        int st = sh_stream_text(c->sh, stream, t.s->s, t.s->len);
        sh_drop(t);
        return st;
}

/* ---- -WhatIf, -Confirm ---- */
static bool preference_true(struct sh *sh, uint32_t id)
{
        bool found;
        struct sv v = sh_var_read(sh, id, VS_PLAIN, &found);
        bool r = found && sh_true(v);
        sh_drop(v);
        return r;
}

/* $ConfirmPreference: None 0, Low 1, Medium 2, High 3. */
static int confirm_level(struct sh *sh)
{
        static const char *const names[] = { "None", "Low", "Medium", "High" };
        bool found;
        struct sv v = sh_var_read(sh, ID_CONFIRMPREF, VS_PLAIN, &found), t = sh_to_text(sh, v);
        int r = 3;
        for (int i = 0; i < 4; i++)
                if (!strcasecmp(t.s->s, names[i]))
                        r = i;
        sh_drop(t);
        sh_drop(v);
        return r;
}

static bool must_ask(struct sh_cmd *c)
{
        int level = confirm_level(c->sh), impact = c->info && c->info->high_impact ? 3 : 2;
        if (c->confirm != AP_UNSET)
                return c->confirm;
        return level != 0 && impact >= level;
}

/* Yes, all, no, none: remembered in c->confirm_all. */
int sh_confirm(struct sh_cmd *c, const char *caption, const char *question, bool *ret)
{
        struct sh *sh = c->sh;
        struct sv answer;
        *ret = false;
        if (c->confirm_all) {
                *ret = c->confirm_all == 'a';
                return SH_OK;
        }
        if (!sh_is_interactive(sh))
                return sh_cmd_throw(c, "InvalidOperation", "InvalidOperation", SH_NIL,
                                    "The command asks for confirmation, and nobody can be asked: the session is not "
                                    "interactive. Use -Confirm:$false to go on without it.");
        struct sv prompt = sh_printf("\n%s\n%s\n[Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is "
                                     "\"Y\"): ",
                                     caption, question);
        for (;;) {
                if (!sh_ask(sh, prompt.s->s, &answer)) {
                        sh_drop(prompt);
                        return SH_OK;
                }
                char k = (char)(answer.s->s[0] | 32);
                bool done = answer.s->len == 0 || (answer.s->len == 1 && strchr("yanl", k));
                if (answer.s->len == 0)
                        k = 'y';
                sh_drop(answer);
                if (!done) {
                        static const char help[] = "Y - Continue with only the next step of the operation.\n"
                                                   "A - Continue with all the steps of the operation.\n"
                                                   "N - Skip this operation and proceed with the next operation.\n"
                                                   "L - Skip this operation and all subsequent operations.\n";
                        sh_host_write(sh, help, sizeof help - 1);
                        continue;
                }
                *ret = k == 'y' || k == 'a';
                if (k == 'a' || k == 'l')
                        c->confirm_all = k;
                sh_drop(prompt);
                return SH_OK;
        }
}

bool sh_what_if(struct sh_cmd *c)
{
        return c->whatif != AP_UNSET ? c->whatif : preference_true(c->sh, ID_WHATIFPREF);
}

static int should(struct sh_cmd *c, struct sv what, const char *question, const char *caption, bool *ret)
{
        struct sh *sh = c->sh;
        bool whatif = sh_what_if(c);
        *ret = true;
        if (whatif) {
                struct sv t = sh_printf("What if: %s\n", what.s->s);
                sh_flush(sh);
                sh_host_write(sh, t.s->s, t.s->len);
                sh_drop(t);
                *ret = false;
                return SH_OK;
        }
        if (must_ask(c))
                return sh_confirm(c, caption, question, ret);
        return sh_stream_text(sh, SH_VERBOSE, what.s->s, what.s->len);
}

int sh_should_process_as(struct sh_cmd *c, const char *word, const char *target, const char *operation, bool *ret)
{
        struct sv t = sh_printf("%s%s", word, target);
        int st = sh_should_process(c, t.s->s, operation, ret);
        sh_drop(t);
        return st;
}

int sh_should_process(struct sh_cmd *c, const char *target, const char *operation, bool *ret)
{
        struct sv what = operation ? sh_printf("Performing the operation \"%s\" on target \"%s\".", operation, target)
                                   : sh_printf("Performing the operation \"%s\" on target \"%s\".",
                                               c->target ? c->target->name : "", target);
        struct sv q = sh_printf("Are you sure you want to perform this action?\n%s", what.s->s);
        int st = should(c, what, q.s->s, "Confirm", ret);
        sh_drop(q);
        sh_drop(what);
        return st;
}

/* ShouldProcess(description, question, caption). */
int sh_should_process_text(struct sh_cmd *c, const char *description, const char *question, const char *caption,
                           bool *ret)
{
        struct sv what = sh_text(description);
        int st = should(c, what, question, caption, ret);
        sh_drop(what);
        return st;
}
