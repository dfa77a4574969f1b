/* SPDX-License-Identifier: MIT
 *
 * What a row of File has beside its name, kind, owner and content.
 */
#ifndef RV_FILEMORE_H
#define RV_FILEMORE_H

#include <sys/stat.h>

#include "schema/row.h"

/* Which state of the file this is: changes with each change of it. */
void rv_file_revision(const struct stat *, char ret[128]);
void rv_file_fill_more(struct rv_row *, const char *path, const struct stat *);

#endif
