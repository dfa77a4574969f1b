/* SPDX-License-Identifier: MIT
 *
 * Operations that change: what a provider is called with on its thread, for InvokeMethod, CreateInstance,
 * ModifyInstance, DeleteInstance, TestInstance and SetInstance. request.c runs it between intent and outcome (audit.h).
 */
#ifndef RV_CHANGE_H
#define RV_CHANGE_H

#include "agent/provider.h"
#include "agent/query.h"
#include "agent/sink.h"

enum rv_change_kind { RV_INVOKE, RV_CREATE, RV_MODIFY, RV_DELETE, RV_TEST, RV_SET };

struct rv_change_plan {
        enum rv_change_kind kind;
        void *in;                  /* method's arguments */
        struct rv_arg *key;        /* one per property of the class */
        struct rv_arg *v;          /* values given, one per property */
        uint64_t *set;             /* which */
        bool absent;               /* Ensure: Absent */
        /* For test and set: how the object is read. */
        const struct rv_query *query;
        struct rv_sink *sink;
        /* Answer. */
        bool in_desired_state;
};

/* The object as it is: a batch with one row, or NULL in *ret when there is none. By plan->query into plan->sink. */
int rv_change_read(const struct rv_provider *, const struct rv_change_plan *, struct rv_batch **ret, struct rv_error *);
/* The values given, as a row; NULL: out of memory. */
struct rv_batch *rv_change_values(const struct rv_class *, const struct rv_change_plan *);
/* The object's own keys into plan->key: those given may have been only some. */
int rv_change_take_keys(struct rv_call *, struct rv_change_plan *, const struct rv_batch *);
/* On the provider's thread. An outcome described in the error, or a fault. */
int rv_change_run(const struct rv_provider *, struct rv_call *, struct rv_change_plan *, struct rv_error *);
/* Whether the values may be given at all: known, writable, not keys (except to create). On the loop. */
int rv_change_check(const struct rv_class *, struct rv_change_plan *, struct rv_error *);

#endif
