/* SPDX-License-Identifier: MIT
 *
 * Properties as commands name them. A hash table's keys count as its properties, as PowerShell wraps Hashtables.
 */
#include "shell/property.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

void sh_props_free(struct sh_props *p)
{
        for (uint32_t i = 0; i < p->n; i++) {
                sh_drop(p->v[i].name);
                sh_drop(p->v[i].block);
                sh_drop(p->v[i].label);
                sh_drop(p->v[i].format);
        }
        free(p->v);
        *p = (struct sh_props) { 0 };
}

static const struct key {
        const char *name;
        const char *alias;
        unsigned mask;
        char what;
} keys[] = {
        { "Expression", "e", ~0u, 'e' },
        { "Name", "n", SH_PK_NAME, 'n' },
        { "Label", "l", SH_PK_NAME, 'n' },
        { "FormatString", "f", SH_PK_FORMAT, 'f' },
        { "Width", "w", SH_PK_WIDTH, 'w' },
        { "Alignment", "a", SH_PK_WIDTH, 'a' },
        { "Ascending", "asc", SH_PK_ORDER, '+' },
        { "Descending", "desc", SH_PK_ORDER, '-' },
        { "Depth", "dep", SH_PK_DEPTH, 'd' },
};

static char key_of(struct sv name, unsigned mask)
{
        struct sv base = sh_unwrap(name);
        if (base.kind != SH_STRING || base.s->len == 0)
                return 0;
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
                if ((keys[i].mask & mask) && strncasecmp(keys[i].name, base.s->s, base.s->len) == 0)
                        return keys[i].what;
        return 0;
}

static int set_align(struct sh_cmd *c, struct sh_prop *p, struct sv v)
{
        static const char *const names[] = { "", "left", "center", "right" };
        struct sv t = sh_to_text(sh_session(c), v);
        for (int i = SH_ALIGN_LEFT; i <= SH_ALIGN_RIGHT; i++)
                if (t.s->len && strncasecmp(names[i], t.s->s, t.s->len) == 0)
                        p->align = (uint8_t)i;
        int r = p->align ? SH_OK
                         : sh_cmd_throw(c, "DictionaryKeyIllegalValue", "InvalidArgument", SH_NIL,
                                        "The value \"%s\" is not valid for the \"Alignment\" key. "
                                        "Valid values are left, center, right.",
                                        t.s->s);
        sh_drop(t);
        return r;
}

static int set_expression(struct sh_cmd *c, struct sh_prop *p, struct sv v)
{
        v = sh_unwrap(v);
        if (v.kind == SH_BLOCK) {
                p->block = sh_keep(v);
                return SH_OK;
        }
        if (v.kind == SH_STRING || v.kind == SH_CHAR || sh_is_number(v)) {
                p->name = sh_to_text(sh_session(c), v);
                if (p->name.s->len == 0)
                        return sh_cmd_throw(c, "ExpressionEmptyString2", "InvalidArgument", SH_NIL,
                                            "An expression cannot be an empty string.");
                p->wildcard = sh_has_wildcard(p->name.s->s, p->name.s->len);
                return SH_OK;
        }
        const struct sh_type *t = sh_type_of(v);
        return sh_cmd_throw(c, "DictionaryKeyIllegalValue", "InvalidArgument", v,
                            "Cannot convert %s to one of the following types {System.String, "
                            "System.Management.Automation.ScriptBlock}.",
                            t ? t->name : "null");
}

static int set_key(struct sh_cmd *c, struct sh_prop *p, struct sv key, struct sv value, unsigned mask)
{
        struct sh *sh = sh_session(c);
        switch (key_of(key, mask)) {
        case 'e':
                return set_expression(c, p, value);
        case 'n':
                sh_drop(p->label);
                p->label = sh_to_text(sh, value);
                return SH_OK;
        case 'f':
                sh_drop(p->format);
                p->format = sh_to_text(sh, value);
                return SH_OK;
        case 'a':
                return set_align(c, p, value);
        case 'w': {
                int64_t w;
                if (!sh_to_int64(sh, value, &w) || w < 1 || w > 100000)
                        return sh_cmd_throw(c, "DictionaryKeyIllegalValue1", "InvalidArgument", value,
                                            "The value of the \"Width\" key must be greater than 0.");
                p->width = (int)w;
                return SH_OK;
        }
        case '+':
                p->descending = !sh_true(value);
                return SH_OK;
        case '-':
                p->descending = sh_true(value);
                return SH_OK;
        case 'd':
                return SH_OK;
        }
        struct sv t = sh_to_text(sh, key);
        int r = sh_cmd_throw(c, "DictionaryKeyUnknown", "InvalidArgument", SH_NIL,
                             "The %s key is not valid.", t.s->s);
        sh_drop(t);
        return r;
}

static int parse_table(struct sh_cmd *c, struct sh_prop *p, struct sh_hash *h, unsigned mask)
{
        struct sv k, v;
        for (uint32_t i = 0; sh_hash_at(h, i, &k, &v); i++) {
                int r = set_key(c, p, k, v, mask);
                if (r)
                        return r;
        }
        if (sh_is_null(p->name) && sh_is_null(p->block)) {
                /* @{ n = 'x' } alone names a property. */
                if (!sh_is_null(p->label) && (mask & SH_PK_NAME)) {
                        p->name = sh_keep(p->label);
                        p->wildcard = sh_has_wildcard(p->name.s->s, p->name.s->len);
                        return SH_OK;
                }
                return sh_cmd_throw(c, "DictionaryKeyMandatoryEntry", "InvalidArgument", SH_NIL,
                                    "The Expression key has no value. It is mandatory.");
        }
        return SH_OK;
}

static int parse_one(struct sh_cmd *c, struct sv v, unsigned mask, struct sh_prop *p)
{
        *p = (struct sh_prop) { .descending = -1 };
        v = sh_unwrap(v);
        if (v.kind == SH_HASH)
                return parse_table(c, p, v.h, mask);
        return set_expression(c, p, v);
}

int sh_props_parse(struct sh_cmd *c, struct sv arg, unsigned mask, struct sh_props *ret)
{
        *ret = (struct sh_props) { 0 };
        if (sh_is_null(arg))
                return SH_OK;
        size_t pos = 0;
        uint32_t cap = 0;
        struct sv item;
        bool one = !sh_is_enumerable(arg);
        for (;;) {
                if (one)
                        item = pos++ ? SH_NOTHING : sh_keep(arg);
                else if (!sh_next(arg, &pos, &item))
                        break;
                if (one && pos > 1)
                        break;
                if (ret->n == cap) {
                        cap = cap ? 2 * cap : 8;
                        struct sh_prop *p = realloc(ret->v, cap * sizeof(*p));
                        if (!p)
                                abort();
                        ret->v = p;
                }
                int r = parse_one(c, item, mask, &ret->v[ret->n++]);
                sh_drop(item);
                if (r) {
                        sh_props_free(ret);
                        return r;
                }
        }
        return SH_OK;
}

/* ---- values ---- */
struct named {
        const char *name;
        size_t n;
        bool there;
};
static bool is_named(void *state, const char *name, size_t n, int kind)
{
        struct named *f = state;
        (void)kind;
        f->there = n == f->n && sh_text_same(name, n, f->name, n);
        return !f->there;
}

int sh_prop_get(struct sh *sh, struct sv object, const char *name, size_t n, struct sv *ret)
{
        struct sv base = sh_unwrap(object), v;
        if (base.kind == SH_HASH) {
                struct sv key = sh_string(name, n);
                bool found = sh_hash_get(base.h, key, &v);
                sh_drop(key);
                if (found) {
                        *ret = sh_keep(v);
                        return SH_OK;
                }
        }
        /* Count and Length, which everything answers in the language, are no properties here. */
        if (((n == 5 && sh_text_same(name, n, "Count", 5)) || (n == 6 && sh_text_same(name, n, "Length", 6))) &&
            base.kind != SH_STRING && base.kind != SH_ARRAY && base.kind != SH_HASH) {
                struct named f = { name, n, false };
                sh_properties(sh, object, is_named, &f);
                if (!f.there)
                        return SH_NONE;
        }
        return sh_get(sh, object, name, n, ret);
}

int sh_prop_value(struct sh *sh, const struct sh_prop *p, struct sv object, struct sv *ret)
{
        *ret = SH_NIL;
        if (p->block.kind == SH_BLOCK) {
                int r = sh_block_value(sh, p->block, &object, (struct sh_args) { 0 }, true, ret);
                if (r == SH_OK && ret->kind == SH_VOID)
                        *ret = SH_NIL;
                return r == SH_RETURN ? SH_OK : r;
        }
        return sh_prop_get(sh, object, p->name.s->s, p->name.s->len, ret);
}

int sh_prop_soft(struct sh *sh, const struct sh_prop *p, struct sv object, struct sv *ret)
{
        int r = sh_prop_value(sh, p, object, ret);
        if (r == SH_OK)
                return r;
        *ret = SH_NIL;
        if (r == SH_ERROR) {
                sh_drop(sh_error_take(sh));
                return SH_OK;
        }
        return r == SH_NONE ? SH_OK : r;
}

struct finder {
        const char *name;
        size_t n;
        struct sv found;
};

static bool find_each(void *state, const char *name, size_t n, int kind)
{
        struct finder *f = state;
        (void)kind;
        if (!sh_text_same(name, n, f->name, f->n))
                return true;
        f->found = sh_string(name, n);
        return false;
}

void sh_prop_all(struct sh *sh, struct sv object, bool (*each)(void *, const char *, size_t, int), void *state)
{
        struct sv base = sh_unwrap(object), k, v;
        if (base.kind != SH_HASH) {
                sh_properties(sh, object, each, state);
                return;
        }
        bool more = true;
        for (uint32_t i = 0; more && sh_hash_at(base.h, i, &k, &v); i++) {
                struct sv t = sh_to_text(sh, k);
                more = each(state, t.s->s, t.s->len, SH_NOTE);
                sh_drop(t);
        }
}

struct sv sh_prop_actual(struct sh *sh, struct sv object, const char *name, size_t n)
{
        struct finder f = { name, n, SH_NIL };
        sh_prop_all(sh, object, find_each, &f);
        if (!sh_is_null(f.found))
                return f.found;
        /* Members that are not listed: aliases of a type, dynamic ones. */
        struct sv v;
        int r = sh_prop_get(sh, object, name, n, &v);
        if (r == SH_OK) {
                sh_drop(v);
                return sh_string(name, n);
        }
        if (r == SH_ERROR)
                sh_drop(sh_error_take(sh));
        return SH_NIL;
}

struct expander {
        const struct sh_prop *p;
        bool (*each)(void *, const char *, size_t);
        void *state;
};

static bool expand_each(void *state, const char *name, size_t n, int kind)
{
        struct expander *e = state;
        (void)kind;
        const struct sh_str *pattern = e->p->name.s;
        if (!sh_wildcard(pattern->s, pattern->len, name, n, false))
                return true;
        return e->each(e->state, name, n);
}

void sh_prop_expand(struct sh *sh, struct sv object, const struct sh_prop *p,
                    bool (*each)(void *, const char *, size_t), void *state)
{
        struct expander e = { p, each, state };
        sh_prop_all(sh, object, expand_each, &e);
}

struct sv sh_prop_label(struct sh *sh, const struct sh_prop *p)
{
        if (p->label.kind == SH_STRING)
                return sh_keep(p->label);
        if (p->block.kind == SH_BLOCK)
                return sh_to_text(sh, p->block);
        return sh_keep(p->name);
}

bool sh_prop_excluded(struct sv patterns, const char *name, size_t n)
{
        size_t pos = 0;
        struct sv item;
        bool hit = false;
        if (patterns.kind == SH_STRING)
                return sh_wildcard(patterns.s->s, patterns.s->len, name, n, false);
        if (!sh_is_enumerable(patterns))
                return false;
        while (!hit && sh_next(patterns, &pos, &item)) {
                struct sv t = sh_unwrap(item);
                hit = t.kind == SH_STRING && sh_wildcard(t.s->s, t.s->len, name, n, false);
                sh_drop(item);
        }
        return hit;
}
