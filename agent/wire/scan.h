/* SPDX-License-Identifier: MIT
 *
 * Reading JSON where it lies: no tree, no allocation. What a client does with a row is keep its text and where each
 * property begins; most properties of most rows are never looked at.
 *
 *      struct rv_json j = rv_json_at(text, n), name, value;
 *      while (rv_json_next(&j, &name, &value)) ...     // members of an object; items of an array have no name
 *
 * A text that is not JSON ends the walk early with `bad` set; nothing outside of it is ever read. Nesting is
 * bounded.
 */
#ifndef RV_SCAN_H
#define RV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/json.h"

/* A piece of JSON text: one value, or what is left of an object or array that is being walked. */
struct rv_json {
        const char *p, *end;
        bool bad;
        bool inside; /* the opening bracket has been passed */
};

static inline struct rv_json rv_json_at(const char *s, size_t n)
{
        return (struct rv_json) { s, s + n, false, false };
}
static inline size_t rv_json_size(const struct rv_json *j)
{
        return (size_t)(j->end - j->p);
}

/* Takes one value off the front of j: *ret is exactly that value's text. False: there is none, or j->bad. */
bool rv_json_take(struct rv_json *j, struct rv_json *ret);
/* The next member of the object (*ret_name is the text between the quotes, escapes as they are) or item of the
 * array
 * at j. ret_name may be NULL. False at the end. */
bool rv_json_next(struct rv_json *j, struct rv_json *ret_name, struct rv_json *ret_value);
/* The member of that name of an object; names are compared as they are. */
bool rv_json_find(struct rv_json object, const char *name, struct rv_json *ret);
bool rv_json_is(const struct rv_json *name, const char *text);

/* ---- values ---- */
static inline char rv_json_kind(const struct rv_json *j) /* { [ " t f n or - (a number); 0 = none */
{
        return j->p == j->end                                            ? 0
               : (*j->p >= '0' && *j->p <= '9') || *j->p == '-' ? '-'
                                                                 : *j->p;
}
/* A string's text appended to b, escapes resolved; \u0000 too. False when it is not a string. */
bool rv_json_unquote(const struct rv_json *, struct rv_buf *b);
/* The same as malloc'ed, NUL-terminated text; NULL when it is no string. */
char *rv_json_strdup(const struct rv_json *);
bool rv_json_true(const struct rv_json *);
/* An integer: magnitude and sign; false for anything else, and beyond 64 bits. */
bool rv_json_integer(const struct rv_json *, uint64_t *ret_magnitude, bool *ret_negative);
int64_t rv_json_int64(const struct rv_json *, int64_t otherwise);
double rv_json_double(const struct rv_json *);

#endif
