/* SPDX-License-Identifier: MIT
 *
 * Whole files in memory, and tables of lines with fields between colons (passwd, group, shadow).
 */
#ifndef RV_SLURP_H
#define RV_SLURP_H

#include <stdbool.h>
#include <stddef.h>

/* The file's bytes and a NUL behind them; free() them. NULL with errno: EFBIG when it has more than `most`. */
char *rv_slurp(const char *path, size_t most, size_t *ret_n);

/* A table: lines cut into `fields` texts each (a line with fewer has "" for those it lacks). */
struct rv_table {
        char *text;
        char **v; /* rows * fields */
        size_t rows, fields;
};
/* 0 or -errno. Empty lines, comments and NIS lines (+, -) are left out. */
int rv_table_read(struct rv_table *ret, const char *path, size_t fields);
void rv_table_free(struct rv_table *);
static inline char **rv_table_row(const struct rv_table *t, size_t i)
{
        return t->v + i * t->fields;
}
/* Sorts by the first field, so that rv_table_find() can look it up. */
void rv_table_sort(struct rv_table *);
char **rv_table_find(const struct rv_table *, const char *first_field); /* or NULL */

#endif
