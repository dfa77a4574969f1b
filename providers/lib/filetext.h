/* SPDX-License-Identifier: MIT
 *
 * What a file's bytes are: text that reads back the same, and their sum.
 */
#ifndef RV_FILETEXT_H
#define RV_FILETEXT_H

#include <stdbool.h>
#include <stddef.h>

size_t rv_char_length(const void *, size_t n);               /* bytes of the UTF-8 character there; 0: it is none */
bool rv_is_text(const void *, size_t n);                     /* UTF-8 without a NUL */
void rv_bytes_sha256(const void *, size_t n, char ret[65]);  /* hexadecimal */

/* Of all that is to be read, however much. False: it cannot be read, or is over. */
bool rv_fd_sha256(int fd, bool (*over)(const void *), const void *state, char ret[65]);

#endif
