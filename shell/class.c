/* SPDX-License-Identifier: MIT
 *
 * Classes and enums that scripts define. A class becomes a struct sh_type: its instances are a row of values (the
 * base's first), its properties members that name their place, its methods script blocks with $this. Overloads are
 * chosen by the number of arguments. Types live until the process ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/eval.h"
#include "shell/fields.h"
#include "shell/text.h"
#include "shell/types.h"

struct field {
        const char *name;
        const struct sh_type *type; /* NULL = object */
        struct node *init;
};
struct cls {
        struct sh_type type;
        struct cls *next, *base;
        struct class_ast *ast;
        struct unit *unit;
        struct field *fields; /* base's first */
        uint32_t nfields;
        struct field *statics;
        struct sv *static_values;
        uint32_t nstatics;
        struct sh_member *members;
        uint32_t nmembers;
};
static struct cls *all_classes;
struct made_enum {
        struct sh_enum e;
        struct made_enum *next;
};
static struct made_enum *all_enums;

static struct cls *class_of(const struct sh_type *t)
{
        for (struct cls *c = all_classes; c; c = c->next)
                if (&c->type == t)
                        return c;
        return NULL;
}

static void *must(void *p)
{
        if (!p)
                abort();
        return p;
}

static int type_of_attrs(struct sh *sh, struct attr *a, const struct sh_type **ret)
{
        *ret = NULL;
        for (; a; a = a->next)
                if (a->is_type && !(*ret = sh_attr_type(sh, a)))
                        return SH_ERROR;
        return SH_OK;
}

/* ---- properties ---- */
static int get_field(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = sh_keep(*sh_field(self, (uint32_t)sh->member->arg));
        return SH_OK;
}
static int store(struct sh *sh, const struct sh_type *t, struct sv v, struct sv *to)
{
        struct sv held = SH_NIL, old = *to;
        int st = t ? sh_convert(sh, v, t, &held) : (held = sh_keep(v), SH_OK);
        if (st == SH_OK) {
                *to = held;
                sh_drop(old);
        }
        return st;
}
static int set_field(struct sh *sh, struct sv self, struct sv v)
{
        uint32_t at = (uint32_t)sh->member->arg;
        struct cls *c = class_of(self.o->type);
        return store(sh, c->fields[at].type, v, sh_field(self, at));
}
static int get_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a, (void)self;
        *ret = sh_keep(*(struct sv *)sh->member->arg);
        return SH_OK;
}
static int set_static(struct sh *sh, struct sv self, struct sv v)
{
        (void)self;
        struct sv *to = (struct sv *)sh->member->arg;
        for (struct cls *c = all_classes; c; c = c->next)
                if (c->nstatics && to >= c->static_values && to < c->static_values + c->nstatics)
                        return store(sh, c->statics[to - c->static_values].type, v, to);
        return store(sh, NULL, v, to);
}

/* ---- methods ---- */
static struct class_member *overload(struct cls *c, const char *name, bool is_static, uint32_t n,
                                     struct cls **ret_owner)
{
        for (; c; c = c->base)
                for (struct class_member *m = c->ast->members; m; m = m->next)
                        if (m->is_method && m->is_static == is_static && !strcasecmp(m->name, name) &&
                            m->body->nparams == n) {
                                *ret_owner = c;
                                return m;
                        }
        return NULL;
}
static int run_method(struct sh *sh, struct class_member *m, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_type *t;
        struct sv block = sh_block_new(sh, m->body), r = SH_NIL;
        int st = sh_block_member(sh, block, self, a, &r);
        sh_drop(block);
        if (st != SH_OK)
                return st;
        st = type_of_attrs(sh, m->attrs, &t);
        if (st == SH_OK && t == &sh_type_void) {
                sh_drop(r);
                *ret = SH_NOTHING;
                return SH_OK;
        }
        if (st == SH_OK && t)
                st = sh_convert(sh, r, t, ret);
        else
                *ret = sh_keep(r);
        sh_drop(r);
        return st;
}
static int call_method(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_member *me = sh->member;
        struct cls *c = me->is_static ? (struct cls *)me->arg : class_of(self.o->type), *owner;
        struct class_member *m = c ? overload(c, me->name, me->is_static, a.n, &owner) : NULL;
        return m ? run_method(sh, m, self, a, ret) : SH_NONE;
}

/* ---- making instances ---- */
static struct sv blank(struct sh *sh, struct cls *c, int *ret_st)
{
        struct sv self = sh_fields_new(&c->type, c->nfields);
        *ret_st = SH_OK;
        for (uint32_t i = 0; i < c->nfields; i++)
                *sh_field(self, i) = c->fields[i].type ? sh_default_value(c->fields[i].type) : SH_NIL;
        for (uint32_t i = 0; i < c->nfields && *ret_st == SH_OK; i++) {
                if (!c->fields[i].init)
                        continue;
                struct sv v = EV(c->fields[i].init);
                *ret_st = sh_failed(v) ? (int)sh->st : store(sh, c->fields[i].type, v, sh_field(self, i));
                if (!sh_failed(v))
                        sh_drop(v);
        }
        return self;
}

static int run_constructor(struct sh *sh, struct cls *c, struct sv self, struct sh_args a, bool *ret_none);

/* : base(a, b): the arguments see the constructor's own parameters. */
static int run_base(struct sh *sh, struct cls *c, struct class_member *m, struct sv self, struct sh_args a)
{
        struct sv v[32];
        uint32_t n = 0;
        bool none = false;
        int st = SH_OK;
        if (m && m->has_base) {
                sh_block_simple(sh, m->body); /* makes its parameters known */
                struct argvec args = { 0 };
                struct scope *s = sh_scope_new(sh, sh->scope, m->body->layout), *outer = sh->scope;
                struct frame f = { .prev = sh->frame,
                                   .block = m->body,
                                   .scope = s,
                                   .args = SH_UNSET,
                                   .bound = SH_UNSET,
                                   .input = SH_UNSET,
                                   .this_ = self,
                                   .at = sh->frame->at };
                struct frame *above = sh->frame;
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
        if (st == SH_OK && c->base)
                st = run_constructor(sh, c->base, self, (struct sh_args) { n, v }, &none);
        for (uint32_t i = 0; i < n; i++)
                sh_drop(v[i]);
        return st;
}

static int run_constructor(struct sh *sh, struct cls *c, struct sv self, struct sh_args a, bool *ret_none)
{
        struct class_member *found = NULL;
        bool any = false;
        struct sv ignored;
        *ret_none = false;
        for (struct class_member *m = c->ast->members; m; m = m->next) {
                if (!m->is_method || m->is_static || strcasecmp(m->name, c->ast->name))
                        continue;
                any = true;
                if (m->body->nparams == a.n && !found)
                        found = m;
        }
        if (!found && (any || a.n)) {
                *ret_none = true;
                return SH_NONE;
        }
        int st = run_base(sh, c, found, self, a);
        if (st != SH_OK || !found)
                return st;
        struct sv block = sh_block_new(sh, found->body);
        st = sh_block_member(sh, block, self, a, &ignored);
        sh_drop(block);
        if (st == SH_OK)
                sh_drop(ignored);
        return st;
}

static int construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int st;
        bool none = false;
        struct cls *c = class_of(t);
        struct sv self = blank(sh, c, &st);
        if (st == SH_OK)
                st = run_constructor(sh, c, self, a, &none);
        if (st == SH_OK)
                *ret = self;
        else
                sh_drop(self);
        return st;
}
static int convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv base = sh_unwrap(from);
        if (base.kind != SH_HASH && from.kind != SH_PSOBJECT) {
                int st = construct(sh, t, (struct sh_args) { 1, &from }, ret);
                return st;
        }
        int st = construct(sh, t, (struct sh_args) { 0 }, ret);
        if (st == SH_OK && (st = sh_put_all(sh, *ret, from)) != SH_OK)
                sh_drop(*ret);
        return st;
}
static void to_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct cls *owner, *c = class_of(self.o->type);
        struct class_member *m = overload(c, "ToString", false, 0, &owner);
        struct sv r = SH_NIL;
        if (m && sh && run_method(sh, m, self, (struct sh_args) { 0 }, &r) == SH_OK)
                sh_buf_value(sh, b, r);
        else
                sh_buf_puts(b, self.o->type->name);
        sh_drop(r);
}
static int compare_to(struct sh *sh, struct sv self, struct sv other, int *ret)
{
        struct cls *owner, *c = class_of(self.o->type);
        struct class_member *m = overload(c, "CompareTo", false, 1, &owner);
        struct sv r;
        int64_t i;
        if (!m || run_method(sh, m, self, (struct sh_args) { 1, &other }, &r) != SH_OK)
                return SH_NONE;
        bool good = sh_to_int64(sh, r, &i);
        sh_drop(r);
        *ret = (i > 0) - (i < 0);
        return good ? SH_OK : SH_NONE;
}

/* ---- defining ---- */
static void add_member(struct cls *c, struct sh_member m)
{
        for (uint32_t i = 0; i < c->nmembers; i++)
                if (!strcasecmp(c->members[i].name, m.name) && c->members[i].is_static == m.is_static)
                        return;
        c->members = must(realloc(c->members, (c->nmembers + 1) * sizeof *c->members));
        c->members[c->nmembers++] = m;
}

static char *signature(struct class_member *m)
{
        struct sh_buf b = { 0 };
        sh_buf_putf(&b, "System.Object %s(", m->name);
        for (uint32_t i = 0; i < m->body->nparams; i++)
                sh_buf_putf(&b, "%sSystem.Object %.*s", i ? ", " : "", (int)m->body->params[i].nname,
                            m->body->params[i].name);
        sh_buf_putf(&b, ")");
        char *s = strndup(b.p, b.n);
        sh_buf_free(&b);
        return s;
}

static int add_property(struct sh *sh, struct cls *c, struct class_member *m)
{
        const struct sh_type *t;
        char text[300];
        int st = type_of_attrs(sh, m->attrs, &t);
        if (st != SH_OK)
                return st;
        snprintf(text, sizeof text, "%s %s {get;set;}",
                 t && t->accelerator ? t->accelerator
                 : t                 ? t->name
                                     : "System.Object",
                 m->name);
        struct field f = { m->name, t, m->init };
        if (!m->is_static) {
                c->fields = must(realloc(c->fields, (c->nfields + 1) * sizeof f));
                c->fields[c->nfields] = f;
                add_member(c, (struct sh_member) { m->name, SH_PROPERTY, false, strdup(text), get_field,
                                                   set_field, (intptr_t)c->nfields });
                c->nfields++;
                return SH_OK;
        }
        c->statics[c->nstatics] = f;
        struct sv *to = &c->static_values[c->nstatics++];
        *to = t ? sh_default_value(t) : SH_NIL;
        add_member(c, (struct sh_member) { m->name, SH_PROPERTY, true, strdup(text), get_static, set_static,
                                           (intptr_t)to });
        return SH_OK;
}

static void register_type(struct sh *sh, const struct sh_type *t)
{
        for (uint32_t i = 0; i < sh->nscript_types; i++)
                if (!strcasecmp(sh->script_types[i].name, t->name)) {
                        sh->script_types[i].type = t;
                        return;
                }
        sh->script_types =
                must(realloc(sh->script_types, (sh->nscript_types + 1) * sizeof *sh->script_types));
        sh->script_types[sh->nscript_types++] = (struct type_entry) { t->name, t };
}

static int define_enum(struct sh *sh, struct node *n, struct class_ast *ast)
{
        struct made_enum *e = must(calloc(1, sizeof *e));
        uint32_t count = 0;
        int64_t value = 0;
        for (struct class_member *m = ast->members; m; m = m->next)
                count++;
        struct item {
                const char *name;
                int32_t value;
        } *items = must(calloc(count + 1, sizeof *items));
        e->next = all_enums;
        all_enums = e;
        n->u->refs++;
        uint32_t i = 0;
        for (struct class_member *m = ast->members; m; m = m->next, i++, value++) {
                if (m->init) {
                        struct sv v = EV(m->init);
                        if (sh_failed(v))
                                return sh->st;
                        sh_to_int64(sh, v, &value);
                        sh_drop(v);
                }
                items[i] = (struct item) { m->name, (int32_t)value };
        }
        e->e = (struct sh_enum) { .obj = { .refs = 1, .type = &e->e.type },
                                  .type = { .name = ast->name, .base = &sh_type_enum, .kind = SH_ENUM },
                                  .flags = ast->flags,
                                  .n = count,
                                  .items = (const void *)items };
        register_type(sh, &e->e.type);
        return SH_OK;
}

static int define_class(struct sh *sh, struct node *n, struct class_ast *ast)
{
        struct cls *c = must(calloc(1, sizeof *c)), *base = NULL;
        uint32_t nstatics = 0;
        int st = SH_OK;
        if (ast->nbase) {
                const struct sh_type *t = sh_type_find(sh, ast->base, ast->nbase);
                base = t ? class_of(t) : NULL;
                if (t && !base && t != &sh_type_object && t->base) {
                        free(c);
                        return sh_throw(
                                sh, "NotSupportedHere", "NotImplemented", SH_NIL,
                                "A class cannot be derived from [%s] here, only from classes of scripts.",
                                t->name);
                }
        }
        for (struct class_member *m = ast->members; m; m = m->next)
                nstatics += m->is_static && !m->is_method;
        c->ast = ast;
        c->unit = n->u;
        n->u->refs++; /* the type keeps the program's text */
        c->base = base;
        c->statics = must(calloc(nstatics + 1, sizeof *c->statics));
        c->static_values = must(calloc(nstatics + 1, sizeof *c->static_values));
        c->type = (struct sh_type) { .name = ast->name,
                                     .base = base ? &base->type : &sh_type_object,
                                     .construct = construct,
                                     .convert = convert,
                                     .text = to_text,
                                     .compare = compare_to,
                                     .free = sh_fields_free };
        if (base && base->nfields) {
                c->fields = must(malloc(base->nfields * sizeof *c->fields));
                memcpy(c->fields, base->fields, base->nfields * sizeof *c->fields);
                c->nfields = base->nfields;
        }
        c->next = all_classes;
        all_classes = c;
        register_type(sh, &c->type); /* its own methods may name it */
        for (struct class_member *m = ast->members; st == SH_OK && m; m = m->next)
                if (!m->is_method)
                        st = add_property(sh, c, m);
                else if (strcasecmp(m->name, ast->name))
                        add_member(c, (struct sh_member) { m->name, SH_METHOD, m->is_static, signature(m),
                                                           call_method, NULL, (intptr_t)c });
        c->type.members = c->members;
        c->type.nmembers = c->nmembers;
        for (uint32_t i = 0; st == SH_OK && i < c->nstatics; i++)
                if (c->statics[i].init) {
                        struct sv v = EV(c->statics[i].init);
                        st = sh_failed(v) ? (int)sh->st
                                          : store(sh, c->statics[i].type, v, &c->static_values[i]);
                        if (!sh_failed(v))
                                sh_drop(v);
                }
        return st;
}

static bool is_among(struct node **v, uint32_t n, const char *name)
{
        for (uint32_t i = 0; i < n; i++)
                if (v[i] && !strcasecmp(((struct class_ast *)v[i]->x)->name, name))
                        return true;
        return false;
}

/* Enums first, then each class after its base. */
int sh_define_classes(struct sh *sh, struct node **nodes, uint32_t n)
{
        struct node **left = must(malloc(n * sizeof *left));
        int st = SH_OK;
        memcpy(left, nodes, n * sizeof *left);
        for (uint32_t i = 0; i < n && st == SH_OK; i++)
                if (((struct class_ast *)left[i]->x)->is_enum) {
                        st = define_enum(sh, left[i], left[i]->x);
                        left[i] = NULL;
                }
        for (bool any = true; any && st == SH_OK;) {
                any = false;
                for (uint32_t i = 0; i < n && st == SH_OK; i++) {
                        struct class_ast *a = left[i] ? left[i]->x : NULL;
                        struct node *me = left[i];
                        if (!a || (a->nbase && strcasecmp(a->base, a->name) && is_among(left, n, a->base)))
                                continue;
                        left[i] = NULL;
                        st = define_class(sh, me, a);
                        any = true;
                }
        }
        free(left);
        return st;
}

const struct sh_type *sh_script_type(struct sh *sh, const char *name, size_t n)
{
        for (uint32_t i = 0; i < sh->nscript_types; i++)
                if (strlen(sh->script_types[i].name) == n && !strncasecmp(sh->script_types[i].name, name, n))
                        return sh->script_types[i].type;
        return NULL;
}

void sh_classes_free(struct sh *sh)
{
        free(sh->script_types);
        sh->script_types = NULL;
        sh->nscript_types = 0;
}
