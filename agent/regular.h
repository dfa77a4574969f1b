/* SPDX-License-Identifier: MIT
 *
 * Regular expressions for queries: whether a text has a part that fits. Time is bounded by pattern times text, memory
 * by the pattern, whatever they are: all ways through the pattern are gone at once, none is tried again.
 *
 *      . [abc] [^a-f] \d \w \s \D \W \S (a|b) * + ? {2,5} ^ $ \. and (?i) at the beginning: without case
 *
 * Texts are UTF-8: . and sets take a character. Sets of others than ASCII are not offered.
 */
#ifndef RV_REGULAR_H
#define RV_REGULAR_H

#include <stdbool.h>
#include <stddef.h>

enum { RV_REGULAR_STEPS = 4000, RV_REGULAR_REPEAT = 255 };

struct rv_regular;
/* NULL, and what is wrong, in English. */
struct rv_regular *rv_regular_new(const char *pattern, size_t n, const char **ret_why);
struct rv_regular *rv_regular_free(struct rv_regular *);
bool rv_regular_fits(struct rv_regular *, const char *text, size_t n); /* one thread at a time */

#endif
