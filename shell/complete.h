/* SPDX-License-Identifier: MIT
 *
 * Completion: what may stand at the cursor.
 */
#ifndef SH_COMPLETE_H
#define SH_COMPLETE_H

#include "shell/edit.h"

struct sh;
/* Adds what fits; ret->from and ret->to are the bytes that a choice replaces. */
void sh_complete(struct sh *, const char *line, size_t n, size_t cursor, struct sh_choices *ret);
/* Members, types, operators; false: nothing of that kind is at the cursor. */
bool sh_complete_expression(struct sh *, const char *line, size_t cursor, struct sh_choices *ret);

#endif
