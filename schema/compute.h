/* SPDX-License-Identifier: MIT
 *
 * What a view's property is computed from: [Compute("100 * FreeSpace / Size")]. Names of the source's properties,
 * numbers, + - * / and parentheses. A name without a value, and a division by nought, give no value.
 */
#ifndef RV_COMPUTE_H
#define RV_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a name; false: it has none. */
typedef bool rv_compute_get(void *state, const char *name, size_t n, long double *ret);

enum rv_computed { RV_COMPUTED, RV_COMPUTED_NULL, RV_COMPUTE_FAULT /* the text is no expression */ };

/* Every name is asked for once for each place where it stands, also after one that had no value. */
enum rv_computed rv_compute(const char *text, rv_compute_get *get, void *state, long double *ret);

#endif
