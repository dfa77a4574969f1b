/* SPDX-License-Identifier: MIT
 *
 * Between ops.c (the table) and ops_query.c. Private to them.
 */
#ifndef RV_OPS_INT_H
#define RV_OPS_INT_H

#include "agent/agent.h"

const char *rv_ops_text(const struct rv_request *, const char *param); /* NULL: it was not given */
int rv_ops_class(struct rv_request *, const char *name, enum rv_right, struct rv_error *); /* into q->asked */
int rv_ops_reading(struct rv_request *, struct rv_error *); /* PropertyList, Filter, ... into q->ask */
int rv_ops_choose(struct rv_request *);                     /* the classes to be scanned: q->asked and those below it */

int rv_op_associators(struct rv_request *, struct rv_error *);
int rv_op_references(struct rv_request *, struct rv_error *);
int rv_op_exec_query(struct rv_request *, struct rv_error *);

#endif
