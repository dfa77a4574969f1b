/* SPDX-License-Identifier: MIT
 *
 * Addresses and their escapes, for cmdlets and types.
 */
#ifndef SH_URL_H
#define SH_URL_H

#include "shell/value.h"

extern const struct sh_type sh_type_uri;
/* Percent-encodes all but letters, digits, "-_.~" and the characters given. */
void sh_url_escape(struct sh_buf *, const char *, size_t n, const char *also_kept);
void sh_url_unescape(struct sh_buf *, const char *, size_t n, bool plus_is_blank);
struct sv sh_uri_parse(const char *, size_t n); /* SH_NIL: it is no absolute address */
/* &amp; and its kin. */
void sh_html_escape(struct sh_buf *, const char *, size_t n);
void sh_html_unescape(struct sh_buf *, const char *, size_t n);

#endif
