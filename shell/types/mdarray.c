/* SPDX-License-Identifier: MIT
 *
 * T[,]: arrays of several dimensions. Their items lie in one row, the last dimension fastest, which is also the order
 * in which they are gone through; so everything else sees an array.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shell/code.h"
#include "shell/types.h"

struct md {
        struct sh_type type;
        uint32_t rank;
        struct md *next;
};
static struct md *made; /* for ever */

uint32_t sh_md_rank(const struct sh_type *t)
{
        for (const struct md *m = made; m; m = m->next)
                if (&m->type == t)
                        return m->rank;
        return 0;
}

static char *name_of(const char *element, uint32_t rank)
{
        char *s = malloc(strlen(element) + rank + 2), *p;
        if (!s)
                abort();
        p = s + sprintf(s, "%s[", element);
        for (uint32_t i = 1; i < rank; i++)
                *p++ = ',';
        memcpy(p, "]", 2);
        return s;
}

const struct sh_type *sh_md_type(const struct sh_type *element, uint32_t rank)
{
        if (rank < 2)
                return sh_array_of(element);
        for (const struct md *m = made; m; m = m->next)
                if (m->rank == rank && m->type.element == element)
                        return &m->type;
        struct md *m = calloc(1, sizeof *m);
        if (!m)
                abort();
        m->type = sh_type_array;
        m->type.name = name_of(element->name, rank);
        m->type.accelerator = name_of(element->accelerator ? element->accelerator : element->name, rank);
        m->type.element = element;
        m->rank = rank;
        m->next = made;
        made = m;
        return &m->type;
}

int sh_md_new(struct sh *sh, const struct sh_type *t, struct sh_args lengths, struct sv *ret)
{
        uint32_t rank = sh_md_rank(t);
        uint64_t total = 1;
        if (lengths.n != rank)
                return SH_NONE;
        uint32_t *dims = calloc(rank + 1, sizeof *dims);
        if (!dims)
                abort();
        dims[0] = rank;
        for (uint32_t i = 0; i < rank; i++) {
                int64_t n;
                bool good = sh_args_int(sh, lengths, i, &n);
                total = good && n >= 0 && n <= INT32_MAX / 16 ? total * (uint64_t)n : UINT64_MAX;
                if (!good || total > INT32_MAX / 16) {
                        free(dims);
                        return !good   ? SH_NONE
                               : n < 0 ? sh_throw_in_method(sh, "System.OverflowException", ".ctor", rank,
                                                            "Arithmetic operation resulted in an overflow.")
                                       : sh_throw_in_method(sh, "System.OutOfMemoryException", ".ctor", rank,
                                                            "Array dimensions exceeded supported range.");
                }
                dims[i + 1] = (uint32_t)n;
        }
        *ret = sh_array_typed(t->element, (uint32_t)total);
        ret->o->type = t;
        ret->a->dims = dims;
        return SH_OK;
}

static int wrong_count(struct sh *sh, uint32_t rank, struct sv key)
{
        struct sv comma = sh_text(","), list = sh_array_copy(key), text;
        int st = sh_binary(sh, SH_JOIN, false, list, comma, &text);
        if (st == SH_OK) {
                st = sh_throw(sh, "NeedMultidimensionalIndex", "InvalidOperation", SH_NIL,
                              "You cannot index into a %u dimensional array with index [%s].", rank, text.s->s);
                sh_drop(text);
        }
        sh_drop(comma);
        sh_drop(list);
        return st;
}

int sh_md_at(struct sh *sh, struct sv self, struct sv key, uint32_t *ret)
{
        const uint32_t *dims = self.a->dims;
        struct sv item, whole;
        size_t pos = 0;
        uint32_t at = 0, i = 0;
        while (sh_next(key, &pos, &item)) {
                int st = i < dims[0] ? sh_convert(sh, item, &sh_type_int, &whole) : wrong_count(sh, dims[0], key);
                sh_drop(item);
                if (st != SH_OK)
                        return st;
                int64_t n = whole.i < 0 ? whole.i + dims[i + 1] : whole.i;
                if (n < 0 || n >= dims[i + 1])
                        return SH_NONE;
                at = at * dims[++i] + (uint32_t)n;
        }
        if (i < dims[0])
                return wrong_count(sh, dims[0], key);
        *ret = at;
        return SH_OK;
}

SH_TYPES(mdarray, NULL);
