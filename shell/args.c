/* SPDX-License-Identifier: MIT
 *
 * Arguments of a command, evaluated: words, parameters, splatted arrays and hash tables.
 */
#include "shell/eval.h"

#include <stdlib.h>

void sh_argvec_add(struct argvec *a, struct argval v)
{
        if (a->n == a->cap) {
                a->cap = a->cap ? a->cap * 2 : 8;
                a->v = realloc(a->v, a->cap * sizeof *a->v);
                if (!a->v)
                        abort();
        }
        a->v[a->n++] = v;
}

static void argval_drop(struct argval *v)
{
        if (v->value.kind != SH_K_UNSET)
                sh_drop(v->value);
        sh_drop(v->owner);
}

void sh_argvec_free(struct argvec *a)
{
        for (uint32_t i = 0; i < a->n; i++)
                argval_drop(&a->v[i]);
        free(a->v);
        *a = (struct argvec) { 0 };
}

/* A value for a position. Strings that $args kept as parameters become parameters again. */
void sh_argvec_value(struct argvec *a, struct sv v, bool splat)
{
        struct argval x = { .value = SH_UNSET, .splat = splat, .owner = SH_NIL };
        if (splat && v.kind == SH_STRING && (v.flags & SH_V_PARAMETER)) {
                x.owner = sh_keep(v);
                x.name = v.s->s + 1;
                x.nname = v.s->len - 1;
                if (x.nname && x.name[x.nname - 1] == ':') {
                        x.colon = true;
                        x.nname--;
                }
        } else {
                x.value = sh_keep(v);
        }
        sh_argvec_add(a, x);
}

static void splat_hash(struct sh *sh, struct sv h, struct argvec *out)
{
        struct sv k, v;
        for (uint32_t i = 0; sh_hash_at(h.h, i, &k, &v); i++) {
                struct sv name = sh_to_text(sh, k);
                sh_argvec_add(out, (struct argval) { .name = name.s->s,
                                                     .nname = name.s->len,
                                                     .value = sh_keep(v),
                                                     .colon = true,
                                                     .splat = true,
                                                     .owner = name });
        }
}

static int splat(struct sh *sh, struct node *n, struct argvec *out)
{
        struct sv v = EV(n), item;
        size_t pos = 0;
        if (sh_failed(v))
                return sh->st;
        if (v.kind == SH_HASH) {
                splat_hash(sh, v, out);
        } else if (!sh_is_null(v) && sh_is_enumerable(v)) {
                while (sh_next(v, &pos, &item)) {
                        sh_argvec_value(out, item, true);
                        sh_drop(item);
                }
        } else if (v.kind != SH_VOID && !(v.kind == SH_NULL)) {
                sh_argvec_value(out, v, true);
        }
        sh_drop(v);
        return SH_OK;
}

static int value(struct sh *sh, struct node *n, struct argval *x)
{
        x->node = n;
        x->quoted = n->flags & NF_QUOTED;
        x->has_glob = (n->flags & NF_GLOB) && (n->flags & NF_BARE);
        x->value = EV(n);
        if (sh_failed(x->value))
                return sh->st;
        if (x->value.kind == SH_VOID)
                x->value = SH_NIL;
        return SH_OK;
}

int sh_eval_args(struct sh *sh, struct command *c, bool native, struct argvec *out)
{
        for (uint32_t i = 0; i < c->nargs; i++) {
                struct arg *a = &c->args[i];
                struct argval x = { .value = SH_UNSET, .owner = SH_NIL };
                int st = SH_OK;
                switch (a->kind) {
                case ARG_SPLAT:
                        st = splat(sh, a->value, out);
                        if (st != SH_OK)
                                return st;
                        continue;
                case ARG_PARAM:
                        x.name = a->param;
                        x.nname = a->nparam;
                        x.colon = a->colon;
                        if (a->value)
                                st = value(sh, a->value, &x);
                        break;
                case ARG_VERBATIM: x.verbatim = true; /* fall through */
                case ARG_VALUE: st = value(sh, a->value, &x); break;
                case ARG_ENDPARAMS:
                        x.end_of_params = true;
                        if (!native)
                                continue;
                        break;
                }
                if (st != SH_OK)
                        return st;
                sh_argvec_add(out, x);
        }
        return SH_OK;
}
