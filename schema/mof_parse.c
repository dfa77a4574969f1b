/* SPDX-License-Identifier: MIT
 *
 * MOF's grammar: qualifier declarations, classes, instances, pragmas. Makes struct mof_class and friends; knows nothing
 * of what qualifiers mean (mof_finish.c does). After an error it goes on behind the declaration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/mof_int.h"

enum { MOST_BYTES = 4 << 20, MOST_INCLUDES = 32, MOST_DEPTH = 64, MOST_FEATURES = 4096 };

static const struct {
        const char *name;
        int type;
} types[] = {
        { "boolean", RV_CIM_BOOLEAN }, { "uint8", RV_CIM_UINT8 },       { "sint8", RV_CIM_SINT8 },
        { "uint16", RV_CIM_UINT16 },   { "sint16", RV_CIM_SINT16 },     { "uint32", RV_CIM_UINT32 },
        { "sint32", RV_CIM_SINT32 },   { "uint64", RV_CIM_UINT64 },     { "sint64", RV_CIM_SINT64 },
        { "real32", RV_CIM_REAL32 },   { "real64", RV_CIM_REAL64 },     { "char16", RV_CIM_CHAR16 },
        { "string", RV_CIM_STRING },   { "datetime", RV_CIM_DATETIME }, { "void", RV_CIM_VOID },
};

int mof_type_of(const char *word, size_t n)
{
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (strlen(types[i].name) == n && strncasecmp(types[i].name, word, n) == 0)
                        return types[i].type;
        return -1;
}

struct mof_qualifier *mof_qualifier_find(const struct mof_list *l, const char *name)
{
        for (uint32_t i = 0; i < l->n; i++)
                if (strcasecmp(((struct mof_qualifier *)l->v[i])->q.name, name) == 0)
                        return l->v[i];
        return NULL;
}

struct mof_class *mof_class_find(struct rv_mof *m, const char *name)
{
        for (uint32_t i = 0; i < m->classes.n; i++)
                if (strcasecmp(((struct mof_class *)m->classes.v[i])->name, name) == 0)
                        return m->classes.v[i];
        return NULL;
}

/* ---- small steps; each answers false after it has told an error ---- */

static bool expected(struct mof_lexer *l, const char *what)
{
        char buf[96];
        mof_fail(l->mof, l->at, "found %s, expected %s", mof_token_text(l, buf, sizeof buf), what);
        return false;
}

static bool is_symbol(const struct mof_lexer *l, char c)
{
        return l->token == T_SYMBOL && l->symbol == c;
}

static bool is_word(const struct mof_lexer *l, const char *word)
{
        return l->token == T_WORD && strcasecmp(l->text, word) == 0;
}

static bool accept(struct mof_lexer *l, char c)
{
        if (!is_symbol(l, c))
                return false;
        mof_next(l);
        return true;
}

static bool need(struct mof_lexer *l, char c)
{
        char what[4] = { '\'', c, '\'', 0 };
        return accept(l, c) || expected(l, what);
}

static const char *name(struct mof_lexer *l, const char *what)
{
        if (l->token != T_WORD) {
                expected(l, what);
                return NULL;
        }
        const char *text = l->text;
        mof_next(l);
        return text;
}

static bool instance_body(struct mof_lexer *, struct mof_list *);

/* One value, as text; arrays are flattened by values(). Embedded instances keep their class' name. */
static bool value(struct mof_lexer *l, struct mof_list *to)
{
        struct rv_mof *m = l->mof;
        switch (l->token) {
        case T_INT:
        case T_REAL:
        case T_STRING:
        case T_CHAR:
        case T_ALIAS:
                mof_add(m, to, (void *)l->text);
                mof_next(l);
                return true;
        case T_WORD:
                if (is_word(l, "instance")) {
                        mof_next(l);
                        if (!is_word(l, "of"))
                                return expected(l, "'of'");
                        mof_next(l);
                        const char *class = name(l, "a class' name");
                        struct mof_list ignored = { 0 };
                        if (!class || !instance_body(l, &ignored))
                                return false;
                        mof_add(m, to, (void *)class);
                        return true;
                }
                if (!is_word(l, "null"))
                        mof_add(m, to, (void *)l->text); /* true, false, a constant's name */
                mof_next(l);
                return true;
        default: return expected(l, "a value");
        }
}

/* A value or { values }. */
static bool values(struct mof_lexer *l, struct mof_list *to, bool *ret_array)
{
        *ret_array = is_symbol(l, '{');
        if (!*ret_array)
                return value(l, to);
        mof_next(l);
        if (accept(l, '}'))
                return true;
        do {
                if (!value(l, to))
                        return false;
        } while (accept(l, ','));
        return is_symbol(l, '}') ? accept(l, '}') : expected(l, "',' or '}'");
}

static void keep_values(struct rv_qualifier *q, const struct mof_list *l)
{
        q->nvalues = l->n;
        q->values = (const char *const *)l->v;
}

/* Flavours after ':' or in Flavor(...). */
static bool flavour(struct mof_lexer *l, unsigned *ret)
{
        static const struct {
                const char *name;
                unsigned clear, set;
        } known[] = {
                { "ToSubclass", 0, MOF_TO_SUBCLASS },
                { "Restricted", MOF_TO_SUBCLASS, 0 },
                { "EnableOverride", 0, MOF_OVERRIDE },
                { "DisableOverride", MOF_OVERRIDE, 0 },
                { "Translatable", 0, 0 },
                { "ToInstance", 0, 0 },
        };
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (is_word(l, known[i].name)) {
                        *ret = (*ret & ~known[i].clear) | known[i].set | MOF_FLAVOUR_GIVEN;
                        mof_next(l);
                        return true;
                }
        return expected(l,
                        "a flavour: ToSubclass, Restricted, EnableOverride, DisableOverride or Translatable");
}

/* The value text of a qualifier given without one. */
static const char *const yes[] = { "true" };

/* Checks an application against its declaration and takes type and flavour from it. */
static void declare(struct rv_mof *m, struct mof_qualifier *q)
{
        struct mof_qualifier *d = mof_qualifier_find(&m->declarations, q->q.name);
        if (!d) {
                mof_fail(m, q->at,
                         "qualifier '%s' is not declared: expected one declared by 'Qualifier %s : type, "
                         "Scope(...);'",
                         q->q.name, q->q.name);
                return;
        }
        bool given_array = q->q.is_array;
        q->q.name = d->q.name;
        q->q.type = d->q.type;
        q->q.is_array = d->q.is_array;
        if (!(q->flavour & MOF_FLAVOUR_GIVEN))
                q->flavour = d->flavour;
        if (!q->has_value && d->q.type == RV_CIM_BOOLEAN && !d->q.is_array)
                q->q.nvalues = 1, q->q.values = yes;
        else if (!q->has_value)
                q->q.nvalues = d->q.nvalues, q->q.values = d->q.values;
        else if (q->q.nvalues && given_array != d->q.is_array)
                mof_fail(m, q->at, "qualifier '%s' takes %s", d->q.name,
                         d->q.is_array ? "an array: expected '{'" : "one value: found '{'");
}

static bool qualifier(struct mof_lexer *l, struct mof_list *to)
{
        struct rv_mof *m = l->mof;
        struct mof_qualifier *q = mof_get(m, sizeof *q);
        q->at = l->at;
        q->q.name = name(l, "a qualifier's name");
        if (!q->q.name)
                return false;
        struct mof_list v = { 0 };
        if (accept(l, '(')) {
                q->has_value = true;
                if (!value(l, &v) || !need(l, ')'))
                        return false;
        } else if (is_symbol(l, '{')) {
                q->has_value = true;
                if (!values(l, &v, &q->q.is_array))
                        return false;
        }
        keep_values(&q->q, &v);
        if (accept(l, ':'))
                while (l->token == T_WORD)
                        if (!flavour(l, &q->flavour))
                                return false;
        declare(m, q);
        if (mof_qualifier_find(to, q->q.name))
                mof_fail(m, q->at, "qualifier '%s' is given twice", q->q.name);
        else
                mof_add(m, to, q);
        return true;
}

static bool qualifiers(struct mof_lexer *l, struct mof_list *to)
{
        if (!accept(l, '['))
                return true;
        do {
                if (!qualifier(l, to))
                        return false;
        } while (accept(l, ','));
        return is_symbol(l, ']') ? accept(l, ']') : expected(l, "',' or ']'");
}

/* [n] or [] behind a name. */
static bool array_mark(struct mof_lexer *l, bool *ret)
{
        if (!accept(l, '['))
                return true;
        *ret = true;
        if (l->token == T_INT)
                mof_next(l);
        return need(l, ']');
}

/* type and name of a property, method or parameter: `uint32 X`, `Class REF x`, `Class x` (an embedded object). */
static bool type_and_name(struct mof_lexer *l, struct mof_feature *f)
{
        const char *type = name(l, "a type");
        if (!type)
                return false;
        int t = mof_type_of(type, strlen(type));
        f->type = (uint8_t)(t < 0 ? RV_CIM_OBJECT : t);
        if (t < 0)
                f->ref_class = type;
        if (is_word(l, "ref")) {
                f->type = RV_CIM_REFERENCE;
                f->ref_class = type;
                mof_next(l);
        }
        f->at = l->at;
        f->name = name(l, "a name");
        return f->name != NULL;
}

static bool parameters(struct mof_lexer *l, struct mof_feature *method)
{
        if (accept(l, ')'))
                return true;
        do {
                struct mof_feature *p = mof_get(l->mof, sizeof *p);
                if (!qualifiers(l, &p->qualifiers) || !type_and_name(l, p) || !array_mark(l, &p->is_array))
                        return false;
                mof_add(l->mof, &method->parameters, p);
        } while (accept(l, ','));
        return is_symbol(l, ')') ? accept(l, ')') : expected(l, "',' or ')'");
}

static struct mof_feature *feature(struct mof_lexer *l)
{
        struct mof_feature *f = mof_get(l->mof, sizeof *f);
        if (!qualifiers(l, &f->qualifiers) || !type_and_name(l, f))
                return NULL;
        if (accept(l, '(')) {
                f->is_method = true;
                if (!parameters(l, f))
                        return NULL;
        } else {
                if (!array_mark(l, &f->is_array))
                        return NULL;
                if (accept(l, '=')) {
                        struct mof_list v = { 0 };
                        bool array;
                        if (!values(l, &v, &array))
                                return NULL;
                        f->default_text = v.n ? v.v[0] : NULL;
                }
        }
        return is_symbol(l, ';') ? (mof_next(l), f)
                                 : (expected(l, f->is_method ? "';'" : "';', '=' or '('"), NULL);
}

static bool class_body(struct mof_lexer *l, struct mof_class *c)
{
        while (!is_symbol(l, '}')) {
                if (l->token == T_END)
                        return expected(l, "'}'");
                struct mof_feature *f = feature(l);
                if (!f)
                        return false;
                for (uint32_t i = 0; i < c->features.n; i++)
                        if (strcasecmp(((struct mof_feature *)c->features.v[i])->name, f->name) == 0)
                                mof_fail(l->mof, f->at, "class '%s' has '%s' twice", c->name, f->name);
                if (c->features.n >= MOST_FEATURES)
                        return expected(l, "at most 4096 properties and methods in a class");
                mof_add(l->mof, &c->features, f);
        }
        mof_next(l);
        return need(l, ';');
}

static bool class(struct mof_lexer *l, struct mof_list *qs)
{
        struct rv_mof *m = l->mof;
        struct mof_class *c = mof_get(m, sizeof *c);
        c->qualifiers = *qs;
        c->at = l->at;
        c->name_space = m->name_space;
        c->name = name(l, "the class' name");
        if (!c->name)
                return false;
        if (is_word(l, "as")) {
                mof_next(l);
                if (l->token != T_ALIAS)
                        return expected(l, "an alias such as $A");
                mof_next(l);
        }
        if (accept(l, ':') && !(c->super = name(l, "the superclass' name")))
                return false;
        if (mof_class_find(m, c->name))
                mof_fail(m, c->at, "class '%s' is declared twice", c->name);
        if (!need(l, '{') || !class_body(l, c))
                return false;
        mof_add(m, &m->classes, c);
        return true;
}

static bool qualifier_declaration(struct mof_lexer *l)
{
        struct rv_mof *m = l->mof;
        struct mof_qualifier *d = mof_get(m, sizeof *d);
        d->flavour = MOF_TO_SUBCLASS | MOF_OVERRIDE;
        d->at = l->at;
        d->q.name = name(l, "the qualifier's name");
        if (!d->q.name || !need(l, ':'))
                return false;
        int t = l->token == T_WORD ? mof_type_of(l->text, l->len) : -1;
        if (t < 0)
                return expected(l, "a type");
        d->q.type = (uint8_t)t;
        mof_next(l);
        struct mof_list v = { 0 };
        bool array;
        if (!array_mark(l, &d->q.is_array) || (accept(l, '=') && !values(l, &v, &array)))
                return false;
        keep_values(&d->q, &v);
        while (accept(l, ',')) {
                bool scope = is_word(l, "scope");
                if (!scope && !is_word(l, "flavor"))
                        return expected(l, "'Scope' or 'Flavor'");
                mof_next(l);
                if (!need(l, '('))
                        return false;
                do {
                        if (scope ? !name(l,
                                          "a scope: class, association, property, method, parameter, any ...")
                                  : !flavour(l, &d->flavour))
                                return false;
                } while (accept(l, ','));
                if (!need(l, ')'))
                        return false;
        }
        if (!mof_qualifier_find(&m->declarations,
                                d->q.name)) /* a second, equal one is the same file included twice */
                mof_add(m, &m->declarations, d);
        return need(l, ';');
}

static bool instance_body(struct mof_lexer *l, struct mof_list *to)
{
        struct rv_mof *m = l->mof;
        if (++m->depth > MOST_DEPTH)
                return expected(l, "fewer nested instances (at most 64)");
        if (!need(l, '{'))
                return false;
        while (!is_symbol(l, '}')) {
                struct rv_qualifier *p = mof_get(m, sizeof *p);
                struct mof_list qs = { 0 }, v = { 0 };
                if (!qualifiers(l, &qs) || !(p->name = name(l, "a property's name or '}'")) ||
                    !need(l, '=') || !values(l, &v, &p->is_array) || !need(l, ';'))
                        return false;
                keep_values(p, &v);
                mof_add(m, to, p);
        }
        mof_next(l);
        m->depth--;
        return true;
}

static bool instance(struct mof_lexer *l)
{
        struct rv_mof *m = l->mof;
        struct rv_mof_instance *i = mof_get(m, sizeof *i);
        struct mof_place at = l->at;
        if (!is_word(l, "of"))
                return expected(l, "'of'");
        mof_next(l);
        i->class_name = name(l, "a class' name");
        if (!i->class_name)
                return false;
        if (is_word(l, "as")) {
                mof_next(l);
                if (l->token != T_ALIAS)
                        return expected(l, "an alias such as $A");
                i->alias = l->text;
                mof_next(l);
        }
        struct mof_list props = { 0 };
        if (!instance_body(l, &props) || !need(l, ';'))
                return false;
        struct rv_qualifier *v = mof_get(m, (props.n ? props.n : 1) * sizeof *v);
        for (uint32_t k = 0; k < props.n && !m->failed; k++)
                v[k] = *(struct rv_qualifier *)props.v[k];
        i->n = props.n;
        i->values = v;
        if (!mof_class_find(m, i->class_name))
                mof_fail(m, at, "instance of '%s': there is no such class; declare it before its instances",
                         i->class_name);
        mof_add(m, &m->instances, i);
        return true;
}

static int parse_file(struct rv_mof *, const char *path, unsigned includes, const struct mof_place *);

static bool pragma(struct mof_lexer *l)
{
        struct rv_mof *m = l->mof;
        struct mof_place at = l->at;
        mof_next(l);
        const char *what = name(l, "a pragma's name");
        if (!what || !need(l, '('))
                return false;
        if (l->token != T_STRING)
                return expected(l, "a string");
        const char *text = l->text;
        if (strcasecmp(what, "include") == 0) {
                const char *slash = strrchr(l->file, '/');
                size_t dir = slash ? (size_t)(slash - l->file) + 1 : 0, n = strlen(text);
                char *path = mof_get(m, dir + n + 1);
                if (m->failed)
                        return false;
                if (text[0] != '/')
                        memcpy(path, l->file, dir);
                else
                        dir = 0;
                memcpy(path + dir, text, n);
                parse_file(m, path, l->includes + 1, &at);
        } else if (strcasecmp(what, "namespace") == 0) {
                m->name_space = text;
        } /* locale, instancelocale and others change nothing here */
        mof_next(l);
        return need(l, ')');
}

/* After an error: on behind the declaration. */
static void recover(struct mof_lexer *l, unsigned depth)
{
        l->mof->depth = 0;
        while (l->token != T_END) {
                if (is_symbol(l, '{'))
                        depth++;
                else if (is_symbol(l, '}') && depth)
                        depth--;
                else if (is_symbol(l, ';') && depth == 0) {
                        mof_next(l);
                        return;
                } else if (depth == 0 &&
                           (is_word(l, "class") || is_word(l, "qualifier") || is_word(l, "instance")))
                        return;
                mof_next(l);
        }
}

static bool declaration(struct mof_lexer *l)
{
        if (l->token == T_PRAGMA)
                return pragma(l);
        struct mof_list qs = { 0 };
        if (!qualifiers(l, &qs))
                return false;
        if (is_word(l, "class"))
                return mof_next(l), class(l, &qs);
        if (is_word(l, "qualifier"))
                return mof_next(l), qualifier_declaration(l);
        if (is_word(l, "instance"))
                return mof_next(l), instance(l);
        return expected(l, "'class', 'Qualifier', 'instance', '#pragma' or '['");
}

static int parse(struct rv_mof *m, const char *file, const char *text, size_t n, unsigned includes)
{
        struct mof_lexer l = { .mof = m,
                               .p = text,
                               .end = text + n,
                               .line_start = text,
                               .line = 1,
                               .file = file,
                               .includes = includes };
        mof_next(&l);
        while (l.token != T_END) {
                const char *before = l.p;
                if (!declaration(&l))
                        recover(&l, 0);
                if (l.p == before && l.token != T_END)
                        mof_next(&l);
        }
        return (int)m->errors.n;
}

static int parse_file(struct rv_mof *m, const char *path, unsigned includes, const struct mof_place *from)
{
        struct mof_place at = from ? *from : (struct mof_place) { path, 1, 1 };
        if (includes > MOST_INCLUDES) {
                mof_fail(m, at, "more than %d nested includes: is '%s' included by itself?", MOST_INCLUDES,
                         path);
                return (int)m->errors.n;
        }
        FILE *f = fopen(path, "re");
        if (!f) {
                mof_fail(m, at, "cannot read '%s': %m", path);
                return (int)m->errors.n;
        }
        char *text = malloc(MOST_BYTES + 1);
        size_t n = text ? fread(text, 1, MOST_BYTES + 1, f) : 0;
        fclose(f);
        if (n > MOST_BYTES)
                mof_fail(m, at, "'%s' is larger than 4 MiB", path);
        else if (text)
                parse(m, rv_arena_text(&m->arena, path, strlen(path)), text, n, includes);
        free(text);
        return (int)m->errors.n;
}

int rv_mof_file(struct rv_mof *m, const char *path)
{
        m->name_space = "root/reeve";
        return parse_file(m, path, 0, NULL);
}

int rv_mof_text(struct rv_mof *m, const char *file, const char *text, size_t n)
{
        m->name_space = "root/reeve";
        char *kept = rv_arena_text(&m->arena, file, strlen(file));
        return parse(m, kept ? kept : "MOF", text, n > MOST_BYTES ? MOST_BYTES : n, 0);
}
