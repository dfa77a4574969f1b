/* SPDX-License-Identifier: MIT
 *
 * [securestring] and [pscredential] for cmdlets: texts that are not shown, and are wiped when they end.
 */
#ifndef SH_SECURE_H
#define SH_SECURE_H

#include "shell/value.h"

extern const struct sh_type sh_type_securestring, sh_type_credential;

struct sv sh_secure_new(const char *, size_t n);
bool sh_secure_text(struct sv, const char **ret, size_t *ret_n); /* borrowed; false: it is no SecureString */
struct sv sh_credential_new(struct sv user, struct sv secure);
bool sh_credential_parts(struct sv, struct sv *ret_user, struct sv *ret_secure); /* borrowed */
/* One line from the terminal without echo, as a SecureString. False at the end of input. */
bool sh_secure_ask(struct sh *, const char *prompt, struct sv *ret);

#endif
