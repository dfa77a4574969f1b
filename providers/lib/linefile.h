/* SPDX-License-Identifier: MIT
 *
 * A file of configuration that is reeve's alone: lines, each there or not. It goes when its last line goes.
 */
#ifndef RV_LINEFILE_H
#define RV_LINEFILE_H

#include <stdbool.h>

/* Whether a line of the file begins with this word (after a blank or the line's end). */
bool rv_linefile_has(const char *path, const char *begin);
/* Makes `line` the only one that begins with `begin`; line NULL: there is none any more. 0 or -errno. */
int rv_linefile_set(const char *path, const char *begin, const char *line);

#endif
