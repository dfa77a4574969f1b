/* SPDX-License-Identifier: MIT
 *
 * What the binder asks elsewhere: the person at the prompt for mandatory values, a function's dynamicparam block for
 * more parameters.
 */
#include "shell/bind.h"
#include "shell/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/types.h>

/* One line from the terminal, without its end; false at the end of input. */
bool sh_ask(struct sh *sh, const char *prompt, struct sv *ret)
{
        char *line = NULL;
        size_t cap = 0;
        sh_flush(sh);
        sh_host_write(sh, prompt, strlen(prompt));
        ssize_t n = getline(&line, &cap, stdin);
        if (n < 0) {
                free(line);
                return false;
        }
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
                n--;
        *ret = sh_string(line, (size_t)n);
        free(line);
        return true;
}

static int ask_one(struct sh_cmd *c, uint32_t i)
{
        struct pinfo *p = &c->info->p[i];
        struct sv v, list = SH_NIL;
        int st;
        if (!p->type || !p->type->is_array) {
                struct sv prompt = sh_printf("%s: ", p->name);
                bool ok = sh_ask(c->sh, prompt.s->s, &v);
                sh_drop(prompt);
                if (!ok)
                        return SH_NONE;
        } else {
                list = sh_array_new(4);
                for (uint32_t k = 0;; k++) {
                        struct sv prompt = sh_printf("%s[%u]: ", p->name, k);
                        bool ok = sh_ask(c->sh, prompt.s->s, &v);
                        sh_drop(prompt);
                        if (!ok || v.s->len == 0) {
                                if (ok)
                                        sh_drop(v);
                                break;
                        }
                        sh_array_take(list.a, v);
                }
                v = list;
        }
        st = sh_bind_value(c, i, v, NULL, BIND_COERCE);
        sh_drop(v);
        return st;
}

int sh_prompt_missing(struct sh_cmd *c)
{
        struct sh *sh = c->sh;
        struct sh_buf one = { 0 };
        int st = SH_OK;
        if (!sh_is_interactive(sh))
                return SH_NONE;
        uint32_t position = 1;
        for (struct sh_cmd *x = c->prev; x; x = x->prev)
                position++;
        sh_buf_putf(
                &one,
                "\ncmdlet %s at command pipeline position %u\nSupply values for the following parameters:\n",
                c->target->name, position);
        sh_flush(sh);
        sh_host_write(sh, one.p, one.n);
        sh_buf_free(&one);
        while (st == SH_OK && sh_missing_mandatory(c, c->expects_input, &one)) {
                uint32_t i = 0;
                const char *name = one.p + 1;
                size_t n = strcspn(name, " ");
                while (i < c->info->n &&
                       (strlen(c->info->p[i].name) != n || strncmp(c->info->p[i].name, name, n)))
                        i++;
                one.n = 0;
                if (i == c->info->n)
                        break;
                st = ask_one(c, i);
        }
        sh_buf_free(&one);
        return st;
}

/* ---- dynamicparam ---- */
static bool flag(struct sh *sh, struct sv o, const char *name)
{
        struct sv v = sh_get_or_nil(sh, o, name);
        bool r = sh_true(v);
        sh_drop(v);
        return r;
}

struct extra {
        struct sh_cmd *c;
        struct sh_cmdinfo *info;
};

static const char *kept(struct extra *x, struct sv v)
{
        struct sv t = sh_to_text(x->c->sh, v);
        const char *r = rv_arena_text(&x->info->arena, t.s->s, t.s->len);
        if (!r)
                abort();
        sh_drop(t);
        return r;
}

/* ValidateSet and ValidateRange, as a cmdlet's table has them. */
static void validation_of(struct extra *x, struct pinfo *p, struct sv a)
{
        struct sh *sh = x->c->sh;
        struct sv values = sh_get_or_nil(sh, a, "ValidValues"), min = sh_get_or_nil(sh, a, "MinRange"),
                  max = sh_get_or_nil(sh, a, "MaxRange"), item;
        struct sh_param *t =
                p->table ? (struct sh_param *)(uintptr_t)p->table : rv_arena_get(&x->info->arena, sizeof *t);
        struct sh_buf b = { 0 };
        size_t pos = 0;
        if (!p->table)
                *t = (struct sh_param) { .name = p->name };
        while (!sh_is_null(values) && sh_next(values, &pos, &item)) {
                sh_buf_puts(&b, b.n ? "," : "");
                sh_buf_value(sh, &b, item);
                sh_drop(item);
        }
        if (b.n)
                t->values = rv_arena_text(&x->info->arena, b.p, b.n);
        if (!sh_is_null(min))
                sh_to_int64(sh, min, &t->min), sh_to_int64(sh, max, &t->max);
        p->table = t;
        sh_buf_free(&b);
        sh_drop(values);
        sh_drop(min);
        sh_drop(max);
}

static void aliases_of(struct extra *x, struct pinfo *p, struct sv a)
{
        struct sv names = sh_get_or_nil(x->c->sh, a, "AliasNames"), item;
        size_t pos = 0;
        p->aliases = rv_arena_get(&x->info->arena,
                                  (names.kind == SH_ARRAY ? names.a->n + 1 : 1) * sizeof *p->aliases);
        while (!sh_is_null(names) && sh_next(names, &pos, &item)) {
                p->aliases[p->naliases++] = kept(x, item);
                sh_drop(item);
        }
        sh_drop(names);
}

static void attribute_of(struct extra *x, struct pinfo *p, struct sv a)
{
        struct sh *sh = x->c->sh;
        const struct sh_type *t = sh_type_of(a);
        if (t && strcasestr(t->name, "Validate"))
                validation_of(x, p, a);
        if (t && strcasestr(t->name, "AliasAttribute"))
                aliases_of(x, p, a);
        if (!t || !strcasestr(t->name, "ParameterAttribute"))
                return;
        struct sv position = sh_get_or_nil(sh, a, "Position"), help = sh_get_or_nil(sh, a, "HelpMessage");
        int64_t n;
        p->in[0].mandatory = flag(sh, a, "Mandatory");
        p->in[0].by_value = flag(sh, a, "ValueFromPipeline");
        p->in[0].by_name = flag(sh, a, "ValueFromPipelineByPropertyName");
        p->in[0].remaining = flag(sh, a, "ValueFromRemainingArguments");
        if (!sh_is_null(position) && sh_to_int64(sh, position, &n) && n >= 0 && n < INT32_MAX)
                p->in[0].position = (int)n;
        if (!sh_is_null(help))
                p->help = kept(x, help);
        sh_drop(position);
        sh_drop(help);
}

static void add_dynamic(struct extra *x, struct sv key, struct sv param)
{
        struct sh *sh = x->c->sh;
        struct pinfo *p = &x->info->p[x->info->n++];
        struct sv type = sh_get_or_nil(sh, param, "ParameterType"),
                  attributes = sh_get_or_nil(sh, param, "Attributes"), item;
        size_t pos = 0;
        p->name = kept(x, key);
        p->nname = (uint32_t)strlen(p->name);
        p->type = type.kind == SH_TYPE ? sh_type_referred(type) : NULL;
        p->is_switch = p->type == &sh_type_switch;
        if (p->type == &sh_type_object || p->type == &sh_type_psobject)
                p->type = NULL;
        p->sets = UINT32_MAX;
        p->in = rv_arena_get(&x->info->arena, sizeof *p->in);
        p->nin = 1;
        p->in[0] = (struct pset) { .sets = UINT32_MAX, .position = INT32_MAX };
        while (!sh_is_null(attributes) && sh_is_enumerable(attributes) && sh_next(attributes, &pos, &item)) {
                attribute_of(x, p, item);
                sh_drop(item);
        }
        sh_drop(type);
        sh_drop(attributes);
}

/* A copy of the command's parameters with those of the dictionary behind its own. */
static void extend(struct sh_cmd *c, struct sv dictionary)
{
        uint32_t more = sh_hash_count(dictionary.h);
        struct sh_cmdinfo *old = c->info, *info = calloc(1, sizeof *info);
        struct sv k, v;
        if (!info)
                abort();
        *info = *old;
        info->arena = (struct rv_arena) { 0 };
        info->p = rv_arena_get(&info->arena, (old->n + more) * sizeof *info->p);
        c->bound = realloc(c->bound, (old->n + more + 1) * sizeof *c->bound);
        if (c->delayed)
                c->delayed = realloc(c->delayed, (old->n + more) * sizeof *c->delayed);
        if (!info->p || !c->bound)
                abort();
        memcpy(info->p, old->p, old->n * sizeof *info->p);
        struct extra x = { c, info };
        for (uint32_t i = 0; sh_hash_at(dictionary.h, i, &k, &v); i++)
                add_dynamic(&x, k, v);
        for (uint32_t i = old->n; i < info->n; i++) {
                c->bound[i] = (struct bound_value) { .v = SH_NIL };
                if (c->delayed)
                        c->delayed[i] = SH_NIL;
        }
        c->info = info;
        c->own_info = true;
}

int sh_dynamic_parameters(struct sh_cmd *c, bool *ret_any)
{
        struct sh *sh = c->sh;
        struct saved saved;
        struct collect out;
        int st = SH_OK;
        *ret_any = false;
        c->begun = true;
        for (uint32_t i = 0; i < c->info->nown && c->info->p[i].decl; i++)
                if (c->bound[i].state == BV_BOUND)
                        sh_param_store(sh, c->scope, &c->info->p[i], sh_keep(c->bound[i].v));
        sh_enter(c, &saved);
        for (uint32_t i = 0; i < c->info->nown && c->info->p[i].decl && st == SH_OK; i++)
                if (c->bound[i].state == BV_NONE)
                        st = sh_param_default(c, i);
        sh_collect_begin(&out);
        struct node *body = c->info->block->part[BL_DYNAMIC];
        if (st == SH_OK)
                st = body->run(sh, body, &out.sink);
        sh_leave(sh, &saved);
        c->begun = false;
        if (st == SH_RETURN)
                st = SH_OK;
        if (st != SH_OK) {
                sh_collect_drop(&out);
                return st;
        }
        struct sv v = sh_collect_end(&out), d = sh_unwrap(v);
        if (d.kind == SH_HASH && sh_hash_count(d.h)) {
                extend(c, d);
                *ret_any = true;
                c->dynamic = sh_keep(d);
        }
        sh_drop(v);
        return SH_OK;
}
