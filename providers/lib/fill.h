/* SPDX-License-Identifier: MIT
 *
 * Filling rows from texts: what is missing stays null, and so does what is empty.
 */
#ifndef RV_FILL_H
#define RV_FILL_H

#include <string.h>

#include "schema/row.h"

/* A NUL-ended text. */
static inline void rv_fill(struct rv_row *row, unsigned p, const char *s)
{
        if (s && *s && rv_wants(row, p))
                rv_set_string(row, p, s, strlen(s));
}
/* n bytes of a text. */
static inline void rv_fill_n(struct rv_row *row, unsigned p, const char *s, size_t n)
{
        if (s && n && rv_wants(row, p))
                rv_set_string(row, p, s, n);
}
/* The items of a text, divided by bytes of `by` (empty items are none), as a list; no list when there is no item. */
static inline void rv_fill_list(struct rv_row *row, unsigned p, const char *s, const char *by)
{
        uint32_t n = 0, i = 0;
        if (!s || !rv_wants(row, p))
                return;
        for (const char *at = s; *(at += strspn(at, by)); at += strcspn(at, by))
                n++;
        if (!n)
                return;
        rv_list list = rv_set_list(row, p, n);
        for (const char *at = s; i < n && *(at += strspn(at, by)); at += strcspn(at, by))
                rv_item_string(row, list, i++, at, strcspn(at, by));
}

#endif
