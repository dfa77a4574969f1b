/* SPDX-License-Identifier: MIT
 *
 * Paragraphs of "Name: value" lines, as dpkg and apt keep their databases (deb822(5)). Nothing is copied: a field is a
 * place in the text.
 */
#ifndef RV_DEB822_H
#define RV_DEB822_H

#include <stdbool.h>
#include <stddef.h>

struct rv_field {
        const char *s; /* NULL: the paragraph has no such field */
        size_t n;      /* bytes of its first line */
        size_t more;   /* bytes with the lines that continue it */
};

/* Takes the next paragraph from *at (moved behind it; the text is NUL-ended): the fields called names[0..n) into
 * ret[0..n). False: there is none. */
bool rv_deb822_next(const char **at, const char *const *names, size_t n, struct rv_field *ret);
bool rv_field_is(const struct rv_field *, const char *text);

#endif
