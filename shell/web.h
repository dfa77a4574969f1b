/* SPDX-License-Identifier: MIT
 *
 * What an HTTP response is as an object (types/web.c).
 */
#ifndef SH_WEB_H
#define SH_WEB_H

#include "shell/value.h"

/* Keeps all of them. */
struct sv sh_response_new(int status, const char *reason, struct sv content, struct sv raw, struct sv headers,
                          int64_t length);
struct sv sh_http_status(long status);       /* a HttpStatusCode */
const char *sh_http_reason(long status);     /* "Not Found"; "" when it has no name */

#endif
