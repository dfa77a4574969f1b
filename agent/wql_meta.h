/* SPDX-License-Identifier: MIT
 *
 * Classes as WQL sees them: `SELECT * FROM meta_class WHERE __this ISA 'Service'`. A class is a row of a class of its
 * own, meta_class, whose properties are WMI's system properties. The same row answers conditions on the system
 * properties of instances (`WHERE __CLASS = 'Win32_Process'`), since they are those of their class.
 */
#ifndef RV_WQL_META_H
#define RV_WQL_META_H

#include "agent/agent.h"
#include "agent/wql.h"

extern const struct rv_class rv_meta_class;

enum rv_genus { RV_GENUS_CLASS = 1, RV_GENUS_INSTANCE = 2 };
/* One row; NULL: out of memory. */
struct rv_batch *rv_meta_row(const struct rv_class *, enum rv_genus);
bool rv_meta_has(const char *name, size_t n); /* whether that is a system property */

/* Answers a schema query. */
int rv_request_meta(struct rv_request *, const struct rv_wql_select *, struct rv_error *);
/* Columns that are system properties go from the list; *ret_any: there was one. */
uint32_t rv_meta_take_columns(const char **columns, uint32_t n, bool *ret_any);
/* ASSOCIATORS OF {Class} WHERE SchemaOnly: the classes that are, or could be, on the other side. */
int rv_request_assoc_schema(struct rv_request *, const char *class_name, const struct rv_wql_assoc *,
                            struct rv_error *);

#endif
