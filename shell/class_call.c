/* SPDX-License-Identifier: MIT
 *
 * Instances of scripts' classes being made, and their methods called. Of several overloads the one whose parameters
 * suit the arguments best is taken. A method's statements write nothing; what it gives is what `return` names, and
 * every failure in it ends it.
 */
#include "shell/class.h"

#include "shell/error.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct sv sh_class_blank(struct sh *, struct cls *, int *ret_st); /* class.c */

/* ---- which overload ---- */
static int know(struct sh *sh, struct cls_method *x)
{
        struct block *b = x->m->body;
        if (x->known)
                return SH_OK;
        if (!x->types && !(x->types = calloc(b->nparams + 1, sizeof *x->types)))
                abort();
        int st = sh_class_type_of(sh, x->m->attrs, &x->gives);
        for (uint32_t i = 0; st == SH_OK && i < b->nparams; i++)
                st = sh_class_type_of(sh, b->params[i].attrs, &x->types[i]);
        if (x->gives == &sh_type_void)
                x->gives = NULL;
        x->known = st == SH_OK;
        return st;
}

/* -1: cannot be converted. */
static int suits(struct sh *sh, struct sv v, const struct sh_type *t)
{
        struct sv base = sh_unwrap(v), r;
        const struct sh_type *own = sh_type_of(base);
        if (!t || t == &sh_type_object)
                return 2;
        if (!own)
                return sh_type_is_value(t) ? 0 : 4;
        if (own == t)
                return 10;
        if (sh_is_a(sh, base, t))
                return 8;
        if (!sh_try_convert(sh, v, t, &r))
                return -1;
        sh_drop(r);
        return t == &sh_type_string                                                 ? 0
               : sh_is_number(base) && t->kind >= SH_SBYTE && t->kind <= SH_DECIMAL ? 5
                                                                                    : 1;
}

static int score(struct sh *sh, struct cls_method *x, struct sh_args a)
{
        int sum = 0;
        for (uint32_t i = 0; i < a.n; i++) {
                int s = suits(sh, a.v[i], x->types[i]);
                if (s < 0)
                        return -1;
                sum += s;
        }
        return sum;
}

/* SH_NONE: none; *ret_near: one that takes as many arguments, only not these. */
static int pick(struct sh *sh, struct cls *c, const char *name, bool is_static, struct sh_args a, bool climb,
                struct cls_method **ret, struct cls **ret_owner, struct cls_method **ret_near)
{
        int best = -1;
        *ret = *ret_near = NULL;
        for (; c; c = climb ? c->base : NULL)
                for (uint32_t i = 0; i < c->nmethods; i++) {
                        struct cls_method *x = &c->methods[i];
                        if (x->m->is_static != is_static || x->m->body->nparams != a.n ||
                            strcasecmp(x->m->name, name))
                                continue;
                        int st = know(sh, x);
                        if (st != SH_OK)
                                return st;
                        int s = score(sh, x, a);
                        if (s > best) {
                                best = s;
                                *ret = x;
                                *ret_owner = c;
                        }
                        *ret_near = *ret_near ? *ret_near : x;
                }
        return *ret ? SH_OK : SH_NONE;
}

bool sh_class_has(struct cls *c, const char *name, uint32_t nargs)
{
        for (; c; c = c->base)
                for (uint32_t i = 0; i < c->nmethods; i++)
                        if (!c->methods[i].m->is_static && c->methods[i].m->body->nparams == nargs &&
                            !strcasecmp(c->methods[i].m->name, name))
                                return true;
        return false;
}

/* Why the argument cannot be what the method wants; the conversion's error is under way and is taken. */
int sh_throw_argument_cast(struct sh *sh, const char *param, struct sv value, const char *method,
                           const struct sh_type *t)
{
        struct sv exception = SH_NIL, e = sh_error_take(sh), text = sh_to_text(sh, value);
        struct sh_buf why = { 0 };
        if (sh_get(sh, e, "Exception", 9, &exception) == SH_OK && sh_is_exception(exception))
                sh_exception_message(exception, &why);
        int st = sh_throw_as(
                sh, "System.Management.Automation.MethodException",
                "MethodArgumentConversionInvalidCastArgument", "NotSpecified", SH_NIL,
                "Cannot convert argument \"%s\", with value: \"%s\", for \"%s\" to type \"%s\": \"%s\"",
                param, text.s->s, method, t->name, why.p ? why.p : "");
        sh_drop(text);
        sh_drop(exception);
        sh_drop(e);
        sh_buf_free(&why);
        return st;
}

/* The first argument that cannot be what the only overload wants. */
static int wrong_argument(struct sh *sh, struct cls_method *x, const char *name, struct sh_args a)
{
        for (uint32_t i = 0; i < a.n; i++) {
                struct sv r = SH_NIL;
                char param[128];
                if (!x->types[i] || sh_convert(sh, a.v[i], x->types[i], &r) == SH_OK) {
                        sh_drop(r);
                        continue;
                }
                snprintf(param, sizeof param, "%.*s", (int)x->m->body->params[i].nname,
                         x->m->body->params[i].name);
                return sh_throw_argument_cast(sh, param, a.v[i], name, x->types[i]);
        }
        return SH_NONE;
}

/* ---- running ---- */
static struct sv body_of(struct sh *sh, struct cls *c, struct class_member *m)
{
        struct sv b = sh_block_new(sh, m->body);
        sh_block_of(b)->module = c->module;
        return b;
}

static int run_method(struct sh *sh, struct cls *c, struct cls_method *x, struct sv self, struct sh_args a,
                      struct sv *ret)
{
        struct sv block = body_of(sh, c, x->m), r = SH_NIL;
        sh->try_depth++;
        int st = sh_block_method(sh, block, self, a, &r);
        sh->try_depth--;
        sh_drop(block);
        if (st != SH_OK)
                return st;
        if (!x->gives) {
                sh_drop(r);
                *ret = SH_NOTHING;
                return SH_OK;
        }
        if (sh_is_null(r) && x->gives == &sh_type_string) {
                *ret = SH_NIL;
                return SH_OK;
        }
        st = sh_convert(sh, r, x->gives, ret);
        sh_drop(r);
        return st;
}

int sh_class_call(struct sh *sh, struct cls *c, const char *name, bool is_static, struct sv self,
                  struct sh_args a, struct sv *ret)
{
        struct cls_method *x, *near;
        struct cls *owner = NULL;
        int st = pick(sh, c, name, is_static, a, true, &x, &owner, &near);
        if (st == SH_OK)
                return run_method(sh, owner, x, self, a, ret);
        return st == SH_NONE && near ? wrong_argument(sh, near, name, a) : st;
}

/* ---- constructors ---- */
static int run_constructor(struct sh *, struct cls *, struct sv self, struct sh_args);

static int base_constructor(struct sh *sh, struct cls *c, struct sv self, struct sh_args a)
{
        if (c->base)
                return run_constructor(sh, c->base, self, a);
        return c->native ? sh_exception_fill(sh, sh_exception_of(self), a) : SH_OK;
}

/* : base(a, b): the arguments see the constructor's own parameters. */
static int run_base(struct sh *sh, struct cls *c, struct class_member *m, struct sv self, struct sh_args a)
{
        struct sv v[32];
        uint32_t n = 0;
        int st = SH_OK;
        if (m && m->has_base) {
                struct argvec args = { 0 };
                struct scope *s = sh_scope_new(sh, sh->scope, m->body->layout), *outer = sh->scope;
                struct frame *above = sh->frame, f = { .prev = sh->frame,
                                                       .block = m->body,
                                                       .scope = s,
                                                       .args = SH_UNSET,
                                                       .bound = SH_UNSET,
                                                       .input = SH_UNSET,
                                                       .this_ = self,
                                                       .at = sh->frame->at };
                sh_block_simple(sh, m->body); /* makes its parameters known */
                for (uint32_t i = 0; i < a.n; i++)
                        sh_argvec_value(&args, a.v[i], false);
                sh->scope = s;
                st = sh_bind_args(sh, s, m->body, &args, &f);
                sh->frame = &f;
                for (uint32_t i = 0; st == SH_OK && i < m->nbase_args && n < 32; i++) {
                        v[n] = EV(m->base_args[i]);
                        if (sh_failed(v[n]))
                                st = sh->st;
                        else
                                n++;
                }
                sh->frame = above;
                sh->scope = outer;
                if (f.args.kind != SH_K_UNSET)
                        sh_drop(f.args);
                sh_argvec_free(&args);
                sh_scope_drop(s);
        }
        if (st == SH_OK)
                st = base_constructor(sh, c, self, (struct sh_args) { n, v });
        for (uint32_t i = 0; i < n; i++)
                sh_drop(v[i]);
        return st;
}

static bool has_constructor(struct cls *c)
{
        for (uint32_t i = 0; i < c->nmethods; i++)
                if (!c->methods[i].m->is_static && sh_class_is_constructor(c, c->methods[i].m))
                        return true;
        return false;
}

static int no_constructor(struct sh *sh, struct sh_args a)
{
        return sh_throw_as(sh, "System.Management.Automation.MethodException", "MethodCountCouldNotFindBest",
                           "NotSpecified", SH_NIL,
                           "Cannot find an overload for \"new\" and the argument count: \"%u\".", a.n);
}

static int run_constructor(struct sh *sh, struct cls *c, struct sv self, struct sh_args a)
{
        struct cls_method *x = NULL, *near = NULL;
        struct cls *owner;
        struct sv ignored = SH_NIL;
        int st = pick(sh, c, c->ast->name, false, a, false, &x, &owner, &near);
        if (st == SH_NONE && (a.n || has_constructor(c))) {
                st = near ? wrong_argument(sh, near, ".ctor", a) : SH_NONE;
                return st == SH_NONE ? no_constructor(sh, a) : st;
        }
        if (st == SH_ERROR)
                return st;
        st = run_base(sh, c, x ? x->m : NULL, self, a);
        if (st != SH_OK || !x)
                return st;
        struct sv block = body_of(sh, c, x->m);
        sh->try_depth++;
        st = sh_block_method(sh, block, self, a, &ignored);
        sh->try_depth--;
        sh_drop(block);
        sh_drop(ignored);
        return st;
}

int sh_class_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int st;
        struct cls *c = sh_class_of(t);
        struct sv self = sh_class_blank(sh, c, &st);
        if (st == SH_OK)
                st = run_constructor(sh, c, self, a);
        if (st == SH_OK)
                *ret = self;
        else
                sh_drop(self);
        return st;
}

int sh_class_run_static(struct sh *sh, struct cls *c)
{
        struct sv self = sh_type_value(&c->type), ignored = SH_NIL;
        int st = SH_OK;
        for (uint32_t i = 0; i < c->nmethods && st == SH_OK; i++)
                if (c->methods[i].m->is_static && sh_class_is_constructor(c, c->methods[i].m)) {
                        struct sv block = body_of(sh, c, c->methods[i].m);
                        st = sh_block_method(sh, block, self, (struct sh_args) { 0 }, &ignored);
                        sh_drop(block);
                        sh_drop(ignored);
                }
        sh_drop(self);
        return st;
}

/* ---- casts ---- */
/* 'Cannot create object of type "T". The X property was not found ...': with what there is. */
static int unknown_property(struct sh *sh, struct cls *c, const char *name, size_t n)
{
        struct sh_buf b = { 0 };
        for (uint32_t i = 0; i < c->nfields; i++)
                sh_buf_putf(&b, "%s[%s <%s>]", i ? " , " : "", c->fields[i].name,
                            c->fields[i].type ? c->fields[i].type->name : "System.Object");
        int st = sh_throw_inner(
                sh, "System.Management.Automation.PSInvalidCastException", "ObjectCreationError",
                "InvalidArgument", SH_NIL,
                "Cannot create object of type \"%s\". The %.*s property was not found for the %s object. "
                "The available property is: %s",
                c->type.name, (int)n, name, c->type.name, b.p ? b.p : "");
        sh_buf_free(&b);
        return st;
}

/* A value that its property does not take: the object cannot be made. */
static int cannot_fill(struct sh *sh, struct cls *c)
{
        struct sv e = sh_error_take(sh), text = sh_to_text(sh, e);
        const char *why = strstr(text.s->s, ": \""), *from = why ? why + 3 : text.s->s;
        size_t n = strlen(from);
        int st = sh_throw_inner(sh, "System.Management.Automation.PSInvalidCastException",
                                "ObjectCreationError", "InvalidArgument", SH_NIL,
                                "Cannot create object of type \"%s\". %.*s", c->type.name,
                                (int)(why && n ? n - 1 : n), from);
        sh_drop(text);
        sh_drop(e);
        return st;
}

static int fill(struct sh *sh, struct cls *c, struct sv self, struct sv from)
{
        struct sv base = sh_unwrap(from), k, v;
        struct sh_bag *b = base.kind == SH_HASH ? NULL : sh_bag_of(from, false);
        int st = SH_OK;
        for (uint32_t i = 0;
             st == SH_OK && (b ? i < b->n : base.kind == SH_HASH && sh_hash_at(base.h, i, &k, &v)); i++) {
                struct sv name = b ? sh_keep(b->v[i].name) : sh_to_text(sh, k);
                v = b ? b->v[i].value : v;
                if (!sh_find_member(&c->type, name.s->s, name.s->len, false, SH_PROPERTY))
                        st = unknown_property(sh, c, name.s->s, name.s->len);
                else
                        st = sh_put(sh, self, name.s->s, name.s->len, v);
                if (st == SH_ERROR && sh->error.kind == SH_OTHER &&
                    !strcmp(sh_error_of(sh->error)->id, "ExceptionWhenSetting"))
                        st = cannot_fill(sh, c);
                sh_drop(name);
        }
        return st;
}

/* A cast is a cast: what the constructor throws is why it failed. */
static int by_constructor(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int st = sh_class_construct(sh, t, a, ret);
        if (st != SH_ERROR)
                return st;
        struct sv e = sh_error_take(sh), x = SH_NIL;
        struct sh_buf why = { 0 };
        if (sh_get(sh, e, "Exception", 9, &x) == SH_OK && sh_is_exception(x))
                sh_exception_message(x, &why);
        st = sh_throw_cast(sh, "InvalidCastConstructorException", a.v[0], t, "%s", why.p ? why.p : "");
        sh_buf_free(&why);
        sh_drop(x);
        sh_drop(e);
        return st;
}

int sh_class_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv base = sh_unwrap(from);
        struct cls *c = sh_class_of(t);
        if (sh_type_is(sh_type_of(base), t)) {
                *ret = sh_keep(from);
                return SH_OK;
        }
        if (base.kind != SH_HASH && from.kind != SH_PSOBJECT) {
                struct cls_method *x = NULL, *near = NULL;
                struct cls *owner;
                struct sh_args a = { 1, &from };
                int st = pick(sh, c, c->ast->name, false, a, false, &x, &owner, &near);
                if (st == SH_OK && x->types[0] == &sh_type_string && sh_type_of(base) != &sh_type_string)
                        st = SH_NONE; /* a cast gives a constructor what it has, not its text */
                return st == SH_OK     ? by_constructor(sh, t, a, ret)
                       : st == SH_NONE ? sh_throw_no_cast(sh, from, t)
                                       : st;
        }
        int st = sh_class_construct(sh, t, (struct sh_args) { 0 }, ret);
        if (st == SH_OK && (st = fill(sh, c, *ret, from)) != SH_OK)
                sh_drop(*ret);
        return st;
}

/* ([Base]$this).Method(): the base's own, whatever the instance overrides. SH_NONE: not such a call. */
int sh_class_call_as(struct sh *sh, const struct sh_type *t, struct sv self, const char *name, size_t n,
                     struct sh_args a, struct sv *ret)
{
        struct cls *c = sh_class_of(t);
        char text[128];
        if (self.kind != SH_OTHER || n >= sizeof text || self.o->type == t || !sh_type_is(self.o->type, t))
                return SH_NONE;
        memcpy(text, name, n);
        text[n] = 0;
        if (c) {
                int st = sh_class_call(sh, c, text, false, self, a, ret);
                if (st != SH_NONE)
                        return st;
        }
        if (!strcasecmp(text, "ToString") && a.n == 0 && sh_class_of(self.o->type) && (!c || !c->native)) {
                *ret = sh_text(self.o->type->name);
                return SH_OK;
        }
        return SH_NONE;
}
