/* SPDX-License-Identifier: MIT
 *
 * A bump allocator: many small things that die together. Owned by its creator; everything got from it is
 * freed at once by rv_arena_free(). A zeroed struct is an empty arena.
 */
#ifndef RV_ARENA_H
#define RV_ARENA_H

#include <stddef.h>

struct rv_arena_chunk;
struct rv_arena {
        struct rv_arena_chunk *chunk; /* newest */
        size_t total;                 /* bytes handed out */
        size_t limit;                 /* 0 = none; beyond it allocation answers NULL */
};

void *rv_arena_get(struct rv_arena *, size_t);  /* zeroed, 16-byte aligned; NULL when out of memory */
char *rv_arena_text(struct rv_arena *, const char *s, size_t n); /* a NUL-terminated copy */
void rv_arena_free(struct rv_arena *);          /* empties it; may be used again */

#endif
