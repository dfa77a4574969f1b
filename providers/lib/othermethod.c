/* SPDX-License-Identifier: MIT */
#include "providers/lib/othermethod.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rv_arg *rv_other_key(struct rv_call *c, const struct rv_provider *p)
{
        size_t n = (p->class->nproperties + 1) * sizeof(struct rv_arg);
        struct rv_arg *key = rv_arena_get(c->arena, n);
        return key ? memset(key, 0, n) : NULL;
}

int rv_other_method(struct rv_call *c, const struct rv_provider *p, const char *method, const void *in,
                    const struct rv_arg *key, char *ret_warning, size_t size, struct rv_error *err)
{
        const struct rv_call mine = *c;
        int m = rv_method_find(p->class, method, strlen(method));
        if (m < 0)
                return rv_fail(err, RV_METHOD_NOT_FOUND, "%s has no method %s", p->class->name, method);
        const struct rv_class *answer = p->class->methods[m].out;
        struct rv_batch *b = rv_batch_new(answer);
        struct rv_row row;
        if (!b || rv_row_begin(&row, b, NULL)) {
                rv_batch_free(b);
                return -ENOMEM;
        }
        /* The core knows the call by its place: it stays the same one, for another class. */
        c->class = p->class;
        c->method = &p->class->methods[m];
        c->key = key ? key : rv_other_key(c, p);
        c->out = &row;
        int e = c->key ? p->methods[m](c, in, err) : -ENOMEM;
        c->class = mine.class;
        c->method = mine.method;
        c->key = mine.key;
        c->out = mine.out;
        int warning = rv_property_find(answer, "Warning", 7);
        const struct rv_value *v = e == RV_OK && warning >= 0 ? rv_slot(&row, (unsigned)warning) : NULL;
        if (v && v->type == RV_STRING)
                snprintf(ret_warning, size, "%.*s", (int)v->len, rv_text(b, v));
        rv_batch_free(b);
        return e;
}
