/* SPDX-License-Identifier: MIT
 *
 * The text of an authorized_keys file (sshd(8)): lines of [options] type base64 [comment]. Keys are told apart by what
 * their base64 holds: options and comment may differ. Comments and empty lines stay where they are.
 */
#ifndef RV_AUTHORIZEDKEYS_H
#define RV_AUTHORIZEDKEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/provider.h"

/* The lines that are no comment and not empty, in order, without blanks before them. Answers false when there are no
 * more; *at is where to go on. */
bool rv_authorized_next(const char **at, const char **ret, size_t *ret_n);
/* Whether a line is one that sshd would take, in the form above, and its base64 a whole key of the type that it names.
 * INVALID_PARAMETER says what is wrong with it. */
int rv_authorized_check(const char *line, size_t n, struct rv_error *);
/* The file with the key added, or with its line replaced where the same key is there; *ret NULL: that very line is
 * there. *ret_old: the line that goes, in the arena; NULL: none. */
int rv_authorized_add(struct rv_arena *, const char *text, const char *line, size_t n, const char **ret,
                      const char **ret_old);
/* The file without a key, which is a whole line, type and base64, base64 alone or SHA256:...
 * *ret NULL: it is not there. */
int rv_authorized_remove(struct rv_arena *, const char *text, const char *which, const char **ret,
                         const char **ret_old);
/* The file with exactly these keys. */
int rv_authorized_set(struct rv_arena *, const char *text, const struct rv_arg *lines, size_t n,
                      const char **ret);

#endif
