/* SPDX-License-Identifier: MIT
 *
 * Base64 (RFC 4648, with padding), as engines want bytes in JSON.
 */
#ifndef RV_BASE64_H
#define RV_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* free() it; NULL: out of memory. */
char *rv_base64(const void *data, size_t n);
/* Bytes of a text into `to`, of at least 3/4 its length; -1: it is no base64. */
ssize_t rv_base64_bytes(const char *text, void *to);

#endif
