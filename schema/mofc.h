/* SPDX-License-Identifier: MIT
 *
 * The parts of mofc: the C header of a class, its descriptor, its reference page.
 */
#ifndef RV_MOFC_H
#define RV_MOFC_H

#include <stdio.h>

#include "schema/mof.h"

void mofc_header_begin(FILE *, const char *stem);
void mofc_header(FILE *, const struct rv_class *);
void mofc_header_end(FILE *);
void mofc_class(FILE *, const struct rv_class *);
void mofc_page(FILE *, const struct rv_class *);
/* DIR/NAME.SUFFIX, unless it has this content already. 0 or 1 (told on stderr). */
int mofc_write(const char *dir, const char *name, const char *suffix, const char *text, size_t n);

#endif
