/* SPDX-License-Identifier: MIT
 *
 * What a file's bytes are: text that reads back the same, and their sum.
 */
#ifndef RV_FILETEXT_H
#define RV_FILETEXT_H

#include <stdbool.h>
#include <stddef.h>

bool rv_is_text(const void *, size_t n);                     /* UTF-8 without a NUL */
void rv_bytes_sha256(const void *, size_t n, char ret[65]);  /* hexadecimal */

#endif
