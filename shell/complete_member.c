/* SPDX-License-Identifier: MIT
 *
 * Completion inside expressions: members behind a dot or ::, keys of hash tables, types in brackets, operators after a
 * dash. Only variables and properties are looked at for it: nothing is called, so completing never does anything.
 */
#include "shell/code.h"
#include "shell/complete.h"
#include "shell/text.h"
#include "shell/types.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { MOST = 500 };

struct offering {
        struct sh_choices *to;
        const char *with;
        size_t n;
};

static void offer(struct offering *o, const char *text, size_t n, const char *label)
{
        if (n < o->n || strncasecmp(text, o->with, o->n) || o->to->n >= MOST)
                return;
        for (size_t i = 0; i < o->to->n; i++)
                if (strlen(o->to->v[i].text) == n && !strncasecmp(o->to->v[i].text, text, n))
                        return;
        sh_choice_add(o->to, text, n, label, NULL);
}

static bool offer_property(void *state, const char *name, size_t n, int kind)
{
        (void)kind;
        offer(state, name, n, NULL);
        return true;
}

static int by_text(const void *a, const void *b)
{
        return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static void sort_from(struct sh_choices *c, size_t from)
{
        qsort(c->v + from, c->n - from, sizeof *c->v, by_text);
}

static void offer_methods(struct offering *o, const struct sh_type *t, bool statics)
{
        char text[128];
        for (; t; t = t->base)
                for (uint32_t i = 0; i < t->nmembers; i++) {
                        const struct sh_member *m = &t->members[i];
                        if (m->is_static != statics || m->hidden || (!statics && m->kind != SH_METHOD))
                                continue;
                        int n = snprintf(text, sizeof text, "%s%s", m->name, m->kind == SH_METHOD ? "(" : "");
                        if (n > 0 && n < (int)sizeof text)
                                offer(o, text, (size_t)n, m->name);
                }
}

/* ---- the value to the left of the dot: $name, with properties behind it ---- */
static bool is_name(char c)
{
        return isalnum((unsigned char)c) || c == '_';
}

/* The beginning of $a.b.c that ends at `end`; SIZE_MAX: there is something else. */
static size_t chain_before(const char *s, size_t end)
{
        size_t i = end;
        while (i > 0 && (is_name(s[i - 1]) || s[i - 1] == '.' || s[i - 1] == ':'))
                i--;
        return i > 0 && s[i - 1] == '$' ? i - 1 : SIZE_MAX;
}

static bool value_of(struct sh *sh, const char *s, size_t from, size_t end, struct sv *ret)
{
        struct sv text = sh_string(s + from, end - from), kept = sh->error;
        struct collect c;
        sh->error = SH_NIL;
        sh_collect_begin(&c);
        int st = sh_run_text(sh, "", text.s->s, text.s->len, &c.sink);
        if (st == SH_OK)
                *ret = sh_collect_end(&c);
        else
                sh_collect_drop(&c);
        sh_drop(sh_error_take(sh));
        sh->error = kept;
        sh_drop(text);
        return st == SH_OK && !sh_is_null(*ret);
}

/* A variable alone is read as it is: an empty or long list is not unrolled. */
static bool variable_value(struct sh *sh, const char *s, size_t from, size_t end, struct sv *ret)
{
        char name[128];
        if (memchr(s + from, '.', end - from) || end - from >= sizeof name)
                return value_of(sh, s, from, end, ret);
        memcpy(name, s + from + 1, end - from - 1);
        name[end - from - 1] = 0;
        return sh_var_get(sh, name, ret) && !sh_is_null(*ret);
}

static bool members(struct sh *sh, const char *s, size_t cursor, struct sh_choices *ret)
{
        size_t at = cursor;
        struct sv v = SH_NIL, key, value;
        while (at > 0 && is_name(s[at - 1]))
                at--;
        if (at == 0 || s[at - 1] != '.')
                return false;
        size_t from = chain_before(s, at - 1);
        if (from == SIZE_MAX || !variable_value(sh, s, from, at - 1, &v))
                return false;
        struct offering o = { ret, s + at, cursor - at };
        struct sv base = sh_unwrap(v);
        ret->from = at;
        ret->to = cursor;
        for (uint32_t i = 0; base.kind == SH_HASH && sh_hash_at(base.h, i, &key, &value); i++)
                if (key.kind == SH_STRING)
                        offer(&o, key.s->s, key.s->len, NULL);
        size_t keys = ret->n;
        sh_properties(sh, v, offer_property, &o);
        offer_methods(&o, sh_type_of(base), false);
        sort_from(ret, keys);
        sh_drop(v);
        return true;
}

static bool static_members(struct sh *sh, const char *s, size_t cursor, struct sh_choices *ret)
{
        size_t at = cursor;
        while (at > 0 && is_name(s[at - 1]))
                at--;
        if (at < 4 || s[at - 1] != ':' || s[at - 2] != ':' || s[at - 3] != ']')
                return false;
        size_t close = at - 3, open = close;
        for (int depth = 0; open-- > 0;) {
                depth += s[open] == ']' ? 1 : s[open] == '[' ? -1 : 0;
                if (depth < 0)
                        break;
        }
        const struct sh_type *t = open < close ? sh_type_find(sh, s + open + 1, close - open - 1) : NULL;
        if (!t)
                return false;
        struct offering o = { ret, s + at, cursor - at };
        const struct sh_enum *e = sh_enum_of(t);
        ret->from = at;
        ret->to = cursor;
        for (uint32_t i = 0; e && i < e->n; i++)
                offer(&o, e->items[i].name, strlen(e->items[i].name), NULL);
        offer_methods(&o, t, true);
        offer(&o, "new(", 4, "new");
        sort_from(ret, 0);
        return true;
}

/* ---- [type ---- */
static bool offer_type(void *state, const struct sh_type *t)
{
        struct offering *o = state;
        size_t n;
        const char *s = sh_type_short_name(t, &n);
        if (t->accelerator)
                offer(o, t->accelerator, strlen(t->accelerator), t->name);
        else if (!memchr(s, '`', n) && !t->is_array && o->n)
                offer(o, t->name, strlen(t->name), NULL);
        return true;
}

static bool types(struct sh *sh, const char *s, size_t cursor, struct sh_choices *ret)
{
        size_t at = cursor;
        while (at > 0 && (is_name(s[at - 1]) || s[at - 1] == '.'))
                at--;
        if (at == 0 || s[at - 1] != '[' || (at > 1 && (is_name(s[at - 2]) || strchr(")]}\"'", s[at - 2]))))
                return false;
        struct offering o = { ret, s + at, cursor - at };
        ret->from = at;
        ret->to = cursor;
        for (uint32_t i = 0; i < sh->nscript_types; i++)
                offer(&o, sh->script_types[i].name, strlen(sh->script_types[i].name), NULL);
        sh_type_each(offer_type, &o);
        sort_from(ret, 0);
        return ret->n > 0;
}

/* ---- operators: after a value ---- */
static bool operators(const char *s, size_t cursor, struct sh_choices *ret)
{
        static const char *const names[] = {
                "-and",        "-as",           "-band",  "-bnot",     "-bor",    "-bxor",   "-ceq",   "-clike",
                "-cmatch",     "-cne",          "-contains", "-creplace", "-csplit", "-eq",   "-f",     "-ge",
                "-gt",         "-in",           "-is",    "-isnot",    "-join",   "-le",     "-like",  "-lt",
                "-match",      "-ne",           "-not",   "-notcontains", "-notin", "-notlike", "-notmatch", "-or",
                "-replace",    "-shl",          "-shr",   "-split",    "-xor"
        };
        size_t at = cursor, before;
        while (at > 0 && isalpha((unsigned char)s[at - 1]))
                at--;
        if (at == 0 || s[at - 1] != '-')
                return false;
        before = --at;
        while (before > 0 && isspace((unsigned char)s[before - 1]))
                before--;
        if (before == 0 || before == at)
                return false;
        size_t first = before; /* the word before: a value, not a command */
        while (first > 0 && !isspace((unsigned char)s[first - 1]) && !strchr("|;{(", s[first - 1]))
                first--;
        size_t line = first;
        while (line > 0 && isspace((unsigned char)s[line - 1]))
                line--;
        bool leads = line == 0 || strchr("|;{(=\n", s[line - 1]);
        if (!leads || !(isdigit((unsigned char)s[first]) || strchr("$'\"@", s[first])))
                return false;
        struct offering o = { ret, s + at, cursor - at };
        ret->from = at;
        ret->to = cursor;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                offer(&o, names[i], strlen(names[i]), NULL);
        return ret->n > 0;
}

bool sh_complete_expression(struct sh *sh, const char *line, size_t cursor, struct sh_choices *ret)
{
        return static_members(sh, line, cursor, ret) || members(sh, line, cursor, ret) ||
               types(sh, line, cursor, ret) || operators(line, cursor, ret);
}
