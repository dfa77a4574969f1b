/* SPDX-License-Identifier: MIT */
#include "schema/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096 };

struct rv_arena_chunk {
        struct rv_arena_chunk *next;
        size_t used, cap;
        _Alignas(16) unsigned char mem[];
};

static struct rv_arena_chunk *chunk_new(size_t at_least, struct rv_arena_chunk *next)
{
        size_t cap = next ? next->cap * 2 : CHUNK;
        if (cap > (1u << 20))
                cap = 1u << 20;
        if (cap < at_least)
                cap = at_least;
        struct rv_arena_chunk *c = malloc(sizeof *c + cap);
        if (c)
                *c = (struct rv_arena_chunk){ .next = next, .cap = cap };
        return c;
}

void *rv_arena_get(struct rv_arena *a, size_t n)
{
        if (n > (SIZE_MAX >> 2))
                return NULL;
        n = n ? (n + 15) & ~(size_t)15 : 16;
        if (a->limit && a->total + n > a->limit)
                return NULL;
        if (!a->chunk || a->chunk->cap - a->chunk->used < n) {
                struct rv_arena_chunk *c = chunk_new(n, a->chunk);
                if (!c)
                        return NULL;
                a->chunk = c;
        }
        void *p = a->chunk->mem + a->chunk->used;
        a->chunk->used += n;
        a->total += n;
        return memset(p, 0, n);
}

char *rv_arena_text(struct rv_arena *a, const char *s, size_t n)
{
        char *p = rv_arena_get(a, n + 1);
        if (p && n)
                memcpy(p, s, n);
        return p;
}

void rv_arena_free(struct rv_arena *a)
{
        while (a->chunk) {
                struct rv_arena_chunk *next = a->chunk->next;
                free(a->chunk);
                a->chunk = next;
        }
        a->total = 0;
}
