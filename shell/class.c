/* SPDX-License-Identifier: MIT
 *
 * Classes and enums that scripts define. A class becomes a struct sh_type: its instances are a row of values (the
 * base's first; behind an exception when it derives from one), its properties members that name their place, its
 * methods script blocks with $this. Types live until the process ends.
 */
#include "shell/class.h"

#include "shell/error.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static struct cls *all_classes;
struct made_enum {
        struct sh_enum e;
        struct made_enum *next;
};
static struct made_enum *all_enums;

struct cls *sh_class_of(const struct sh_type *t)
{
        for (struct cls *c = all_classes; c; c = c->next)
                if (&c->type == t)
                        return c;
        return NULL;
}

bool sh_is_script_class(const struct sh_type *t)
{
        return t->construct && (t->free == sh_fields_free || sh_type_is(t, &sh_type_exception)) && sh_class_of(t);
}

static void *must(void *p)
{
        if (!p)
                abort();
        return p;
}

int sh_class_type_of(struct sh *sh, struct attr *a, const struct sh_type **ret)
{
        *ret = NULL;
        for (; a; a = a->next)
                if (a->is_type && !(*ret = sh_attr_type(sh, a)))
                        return SH_ERROR;
        return SH_OK;
}

bool sh_class_is_constructor(const struct cls *c, const struct class_member *m)
{
        return m->is_method && !strcasecmp(m->name, c->ast->name);
}

/* ---- instances ---- */
static struct sh *of_session; /* equals() is not told the session: the last one that made an instance */
struct exception_instance {
        struct sh_exception x;
        uint32_t n;
        struct sv v[];
};

struct sv *sh_class_field(struct cls *c, struct sv self, uint32_t i)
{
        return c->native ? &((struct exception_instance *)self.o)->v[i] : sh_field(self, i);
}

static struct sv make(struct cls *c)
{
        if (!c->native)
                return sh_fields_new(&c->type, c->nfields);
        struct exception_instance *e = must(calloc(1, sizeof *e + c->nfields * sizeof *e->v));
        sh_exception_init(&e->x, &c->type);
        e->n = c->nfields;
        return (struct sv) { .kind = SH_OTHER, .o = &e->x.obj };
}

static void end_exception(struct sh_obj *o)
{
        struct exception_instance *e = (struct exception_instance *)o;
        for (uint32_t i = 0; i < e->n; i++)
                sh_drop(e->v[i]);
        sh_exception_end(&e->x);
}

struct sv sh_class_blank(struct sh *sh, struct cls *c, int *ret_st)
{
        struct sv self = make(c);
        of_session = sh;
        *ret_st = SH_OK;
        for (uint32_t i = 0; i < c->nfields; i++) {
                const struct sh_type *t = c->fields[i].type;
                *sh_class_field(c, self, i) = t && t != &sh_type_string ? sh_default_value(t) : SH_NIL;
        }
        for (uint32_t i = 0; i < c->nfields && *ret_st == SH_OK; i++) {
                if (!c->fields[i].init)
                        continue;
                struct sv v = EV(c->fields[i].init);
                *ret_st = sh_failed(v) ? (int)sh->st
                                       : sh_class_store(sh, c, &c->fields[i], v, sh_class_field(c, self, i));
                if (!sh_failed(v))
                        sh_drop(v);
        }
        return self;
}

/* ---- properties ---- */
/* A failure of conversion or validation becomes 'Exception setting "Name": ...'. */
static int setting_failed(struct sh *sh, const char *name)
{
        struct sv e = sh_error_take(sh), message = SH_NIL, x = SH_NIL, inner = SH_NIL;
        if (sh_get(sh, e, "Exception", 9, &x) == SH_OK && sh_is_exception(x)) {
                struct sh_buf b = { 0 };
                sh_exception_message(x, &b);
                message = sh_buf_take(&b);
                inner = sh_keep(x);
        }
        const char *text = message.kind == SH_STRING ? message.s->s : "", *dot = strstr(text, "'. ");
        if (!strncmp(text, "Cannot validate argument on parameter '", 39) && dot) /* it is no parameter */
                text = dot + 3;
        sh_drop(x);
        int st = sh_throw_as(sh, "System.Management.Automation.SetValueInvocationException", "ExceptionWhenSetting",
                             "NotSpecified", SH_NIL, "Exception setting \"%s\": \"%s\"", name,
                             text);
        sh_drop(inner);
        sh_drop(message);
        sh_drop(e);
        return st;
}

int sh_class_store(struct sh *sh, struct cls *c, const struct cls_field *f, struct sv v, struct sv *to)
{
        struct sv held = SH_NIL, old = *to;
        int st = SH_OK;
        if (f->type && !(sh_is_null(v) && f->type == &sh_type_string))
                st = sh_convert(sh, v, f->type, &held);
        else
                held = sh_keep(v);
        if (st == SH_OK && f->attrs && (st = sh_validate(sh, f->attrs, c->unit, held, f->name, true)) != SH_OK)
                sh_drop(held);
        if (st == SH_ERROR)
                return setting_failed(sh, f->name);
        if (st == SH_OK) {
                *to = held;
                sh_drop(old);
        }
        return st;
}

static int get_field(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        uint32_t at = (uint32_t)sh->member->arg;
        (void)a;
        *ret = sh_keep(*sh_class_field(sh_class_of(self.o->type), self, at));
        return SH_OK;
}
static int set_field(struct sh *sh, struct sv self, struct sv v)
{
        uint32_t at = (uint32_t)sh->member->arg;
        struct cls *c = sh_class_of(self.o->type);
        return sh_class_store(sh, c, &c->fields[at], v, sh_class_field(c, self, at));
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
                        return sh_class_store(sh, c, &c->statics[to - c->static_values], v, to);
        return SH_NONE;
}

/* ---- what the language asks of every type ---- */
static int call_method(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_member *me = sh->member;
        struct cls *c = me->is_static ? (struct cls *)me->arg : sh_class_of(self.o->type);
        return c ? sh_class_call(sh, c, me->name, me->is_static, self, a, ret) : SH_NONE;
}

static void to_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct cls *c = sh_class_of(self.o->type);
        struct sv r = SH_NIL;
        if (sh && sh_class_has(c, "ToString", 0) &&
            sh_class_call(sh, c, "ToString", false, self, (struct sh_args) { 0 }, &r) == SH_OK) {
                sh_buf_value(sh, b, r);
        } else if (c->native) {
                sh_buf_putf(b, "%s: ", c->type.name);
                sh_exception_message(self, b);
        } else {
                sh_buf_puts(b, c->type.name);
        }
        sh_drop(r);
}

static int compare_to(struct sh *sh, struct sv self, struct sv other, int *ret)
{
        struct cls *c = sh_class_of(self.o->type);
        struct sv r;
        int64_t i;
        if (!sh || !sh_class_has(c, "CompareTo", 1) ||
            sh_class_call(sh, c, "CompareTo", false, self, (struct sh_args) { 1, &other }, &r) != SH_OK)
                return SH_NONE;
        bool good = sh_to_int64(sh, r, &i);
        sh_drop(r);
        *ret = (i > 0) - (i < 0);
        return good ? SH_OK : SH_NONE;
}

static bool equals(struct sv self, struct sv other)
{
        struct cls *c = sh_class_of(self.o->type);
        struct sv r = SH_NIL;
        if (sh_is_obj(other) && other.o == self.o)
                return true;
        if (!of_session || !sh_class_has(c, "Equals", 1))
                return false;
        if (sh_class_call(of_session, c, "Equals", false, self, (struct sh_args) { 1, &other }, &r) != SH_OK) {
                sh_drop(sh_error_take(of_session));
                return false;
        }
        bool same = sh_true(r);
        sh_drop(r);
        return same;
}

/* ---- defining ---- */
static void add_member(struct cls *c, struct sh_member m)
{
        for (uint32_t i = 0; i < c->nmembers; i++)
                if (!strcasecmp(c->members[i].name, m.name) && c->members[i].is_static == m.is_static) {
                        free((char *)(uintptr_t)m.signature);
                        return;
                }
        c->members = must(realloc(c->members, (c->nmembers + 1) * sizeof *c->members));
        c->members[c->nmembers++] = m;
}

static const char *word_of(struct sh *sh, struct attr *a, const char *otherwise)
{
        const struct sh_type *t;
        if (sh_class_type_of(sh, a, &t) != SH_OK) {
                sh_drop(sh_error_take(sh));
                return otherwise;
        }
        return !t ? otherwise : t->accelerator ? t->accelerator : t->name;
}

/* All overloads of one name: "int Add(int x), string Add(string x)". */
static char *signature(struct sh *sh, struct cls *c, struct class_member *of)
{
        struct sh_buf b = { 0 };
        for (struct class_member *m = c->ast->members; m; m = m->next) {
                if (!m->is_method || m->is_static != of->is_static || strcasecmp(m->name, of->name))
                        continue;
                sh_buf_putf(&b, "%s%s%s %s(", b.n ? ", " : "", m->is_static ? "static " : "",
                            word_of(sh, m->attrs, "void"), m->name);
                for (uint32_t i = 0; i < m->body->nparams; i++)
                        sh_buf_putf(&b, "%s%s %.*s", i ? ", " : "",
                                    word_of(sh, m->body->params[i].attrs, "System.Object"),
                                    (int)m->body->params[i].nname, m->body->params[i].name);
                sh_buf_putf(&b, ")");
        }
        char *s = strndup(b.p, b.n);
        sh_buf_free(&b);
        return s;
}

static struct attr *validations(struct attr *a)
{
        for (struct attr *x = a; x; x = x->next)
                if (!x->is_type)
                        return a;
        return NULL;
}

static int add_property(struct sh *sh, struct cls *c, struct class_member *m)
{
        const struct sh_type *t;
        char text[300];
        int st = sh_class_type_of(sh, m->attrs, &t);
        if (st != SH_OK)
                return st;
        snprintf(text, sizeof text, "%s%s %s {get;set;}", m->is_static ? "static " : "",
                 t && t->accelerator ? t->accelerator
                 : t                 ? t->name
                                     : "System.Object",
                 m->name);
        struct cls_field f = { m->name, t, m->init, validations(m->attrs) };
        struct sh_member member = { .name = m->name, .kind = SH_PROPERTY, .is_static = m->is_static,
                                    .signature = strdup(text), .hidden = m->hidden };
        if (!m->is_static) {
                c->fields = must(realloc(c->fields, (c->nfields + 1) * sizeof f));
                c->fields[c->nfields] = f;
                member.call = get_field, member.set = set_field, member.arg = (intptr_t)c->nfields;
                c->nfields++;
        } else {
                c->statics[c->nstatics] = f;
                struct sv *to = &c->static_values[c->nstatics++];
                *to = t && t != &sh_type_string ? sh_default_value(t) : SH_NIL;
                member.call = get_static, member.set = set_static, member.arg = (intptr_t)to;
        }
        add_member(c, member);
        return SH_OK;
}

static int add_method(struct sh *sh, struct cls *c, struct class_member *m)
{
        c->methods = must(realloc(c->methods, (c->nmethods + 1) * sizeof *c->methods));
        c->methods[c->nmethods++] = (struct cls_method) { .m = m };
        if (!sh_class_is_constructor(c, m))
                add_member(c, (struct sh_member) { .name = m->name, .kind = SH_METHOD, .is_static = m->is_static,
                                                   .signature = signature(sh, c, m), .call = call_method,
                                                   .arg = (intptr_t)c, .hidden = m->hidden });
        return SH_OK;
}

static void register_type(struct sh *sh, const struct sh_type *t)
{
        for (uint32_t i = 0; i < sh->nscript_types; i++)
                if (!strcasecmp(sh->script_types[i].name, t->name)) {
                        sh->script_types[i].type = t;
                        return;
                }
        sh->script_types = must(realloc(sh->script_types, (sh->nscript_types + 1) * sizeof *sh->script_types));
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

/* Interfaces are kept by name, for -is; what else is not a script's class must be an exception. */
static int find_base(struct sh *sh, struct cls *c, struct class_ast *ast, const char ***interfaces, uint32_t *n)
{
        const struct sh_type *t = ast->nbase ? sh_type_find(sh, ast->base, ast->nbase) : NULL;
        if (!ast->nbase || t == &sh_type_object)
                return SH_OK;
        if (t && (c->base = sh_class_of(t))) {
                c->native = c->base->native;
                return SH_OK;
        }
        if (t && sh_type_is(t, &sh_type_exception)) {
                c->native = t;
                return SH_OK;
        }
        const char *dot = strrchr(ast->base, '.'), *word = dot ? dot + 1 : ast->base;
        if (word[0] == 'I' && word[1] >= 'A' && word[1] <= 'Z') {
                *interfaces = must(realloc(*interfaces, (*n + 2) * sizeof **interfaces));
                (*interfaces)[(*n)++] = t ? t->name : ast->base;
                (*interfaces)[*n] = NULL;
                return SH_OK;
        }
        if (!t)
                return sh_throw(sh, "TypeNotFound", "InvalidOperation", SH_NIL, "Unable to find type [%s].", ast->base);
        return sh_throw(sh, "NotSupportedHere", "NotImplemented", SH_NIL,
                        "A class cannot be derived from [%s] here, only from classes of scripts and exceptions.",
                        t->name);
}

static int run_statics(struct sh *sh, struct cls *c)
{
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && i < c->nstatics; i++)
                if (c->statics[i].init) {
                        struct sv v = EV(c->statics[i].init);
                        st = sh_failed(v) ? (int)sh->st
                                          : sh_class_store(sh, c, &c->statics[i], v, &c->static_values[i]);
                        if (!sh_failed(v))
                                sh_drop(v);
                }
        return st == SH_OK ? sh_class_run_static(sh, c) : st;
}

static int define_class(struct sh *sh, struct node *n, struct class_ast *ast)
{
        struct cls *c = must(calloc(1, sizeof *c));
        uint32_t nstatics = 0, ninterfaces = 0;
        const char **interfaces = NULL;
        c->ast = ast;
        int st = find_base(sh, c, ast, &interfaces, &ninterfaces);
        if (st != SH_OK) {
                free(c);
                return st;
        }
        for (struct class_member *m = ast->members; m; m = m->next)
                nstatics += m->is_static && !m->is_method;
        c->unit = n->u;
        n->u->refs++; /* the type keeps the program's text */
        c->module = sh->scope->module;
        c->statics = must(calloc(nstatics + 1, sizeof *c->statics));
        c->static_values = must(calloc(nstatics + 1, sizeof *c->static_values));
        c->type = (struct sh_type) { .name = ast->name,
                                     .base = c->base     ? &c->base->type
                                             : c->native ? c->native
                                                         : &sh_type_object,
                                     .construct = sh_class_construct,
                                     .convert = sh_class_convert,
                                     .text = to_text,
                                     .compare = compare_to,
                                     .equals = equals,
                                     .interfaces = interfaces,
                                     .free = c->native ? end_exception : sh_fields_free };
        if (c->base && c->base->nfields) {
                c->fields = must(malloc(c->base->nfields * sizeof *c->fields));
                memcpy(c->fields, c->base->fields, c->base->nfields * sizeof *c->fields);
                c->nfields = c->base->nfields;
        }
        c->next = all_classes;
        all_classes = c;
        register_type(sh, &c->type); /* its own methods may name it */
        for (struct class_member *m = ast->members; st == SH_OK && m; m = m->next)
                st = m->is_method ? add_method(sh, c, m) : add_property(sh, c, m);
        c->type.members = c->members;
        c->type.nmembers = c->nmembers;
        return st;
}

static bool is_among(struct node **v, uint32_t n, const char *name)
{
        for (uint32_t i = 0; i < n; i++)
                if (v[i] && !strcasecmp(((struct class_ast *)v[i]->x)->name, name))
                        return true;
        return false;
}

/* Enums first, then each class after its base; then what their static parts do, which may use all of them. */
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
        struct cls *known = all_classes;
        for (bool any = true; any && st == SH_OK;) {
                any = false;
                for (uint32_t i = 0; i < n && st == SH_OK; i++) {
                        struct class_ast *a = left[i] ? left[i]->x : NULL;
                        struct node *me = left[i];
                        if (!a || (a->nbase && strcasecmp(a->base, a->name) && is_among(left, n, a->base)))
                                continue;
                        left[i] = NULL;
                        st = define_class(sh, me, a);
                        if (st == SH_ERROR)
                                sh_error_position(sh, me);
                        any = true;
                }
        }
        free(left);
        for (struct cls *c = all_classes; st == SH_OK && c != known; c = c->next)
                st = run_statics(sh, c);
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
