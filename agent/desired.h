/* SPDX-License-Identifier: MIT
 *
 * Desired state of many objects: a document, one JSON object.
 *
 *      { "Resources": [
 *          { "Name": "web", "ClassName": "Service", "InstanceName": { "Name": "nginx" },
 *            "Properties": { "State": "Running" }, "Ensure": "Present", "DependsOn": ["site"] }, ... ] }
 *
 * Each resource is a TestInstance or a SetInstance of its own, with the rights, the audit and the RequestKey of any
 * other; this file brings them into order and tells exactly what became of each. Order: the document's, but what a
 * resource depends on comes first. Nothing is changed before every resource has been checked. What fails takes along
 * only those that depend on it. Before a change the object is read, so that the answer can say how to go back.
 */
#ifndef RV_DESIRED_H
#define RV_DESIRED_H

#include "agent/agent.h"

enum rv_desired_kind { RV_DESIRED_GET, RV_DESIRED_TEST, RV_DESIRED_SET };

int rv_desired_start(struct rv_request *, enum rv_desired_kind, struct rv_error *);
/* Of a request that a document made: what it was answered. */
void rv_desired_answer(struct rv_desired *, bool is_error, const char *json, size_t n);
void rv_desired_child_gone(struct rv_desired *); /* it was freed without an answer */
void rv_desired_orphan(struct rv_request *);     /* nobody waits for the document any more */

#endif
