/* SPDX-License-Identifier: MIT
 *
 * Texts of Compose files: variables, words, sizes, durations.
 */
#ifndef RV_COMPOSETEXT_H
#define RV_COMPOSETEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* ${VAR}, ${VAR:-word}, ${VAR-word}, ${VAR:?word}, ${VAR?word}, ${VAR:+word}, ${VAR+word}, $VAR and $$ replaced;
 * free(). variables: an object of texts. NULL: why says what is wrong; where it is empty, out of memory. */
char *rv_compose_expand(const char *text, json_t *variables, char *why, size_t size);
/* Words as a shell divides them: blanks, quotes, backslashes; nothing is expanded. NULL: a quote is open. */
json_t *rv_compose_words(const char *text);
bool rv_compose_size(const char *text, int64_t *ret_bytes);  /* 64m, 1gb, 1048576 */
bool rv_compose_duration(const char *text, int64_t *ret_ns); /* 1m30s, 500ms */
/* NAME=VALUE lines into an object of texts; what it has already stays. Comments, export and quotes are understood. */
void rv_compose_dotenv(const char *text, json_t *variables);

#endif
