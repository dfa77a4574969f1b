/* SPDX-License-Identifier: MIT
 *
 * Reading SSH's binary formats: never beyond the end; what was wrong stays known.
 */
#ifndef MON_CURSOR_H
#define MON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
        const uint8_t *p, *end;
        bool bad;
};

/* The next n bytes; NULL, and `bad`, where there are not so many. */
static inline const uint8_t *take(struct cursor *c, size_t n)
{
        if (c->bad || n > (size_t)(c->end - c->p)) {
                c->bad = true;
                return NULL;
        }
        const uint8_t *at = c->p;
        c->p += n;
        return at;
}

#endif
