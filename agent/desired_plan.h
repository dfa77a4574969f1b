/* SPDX-License-Identifier: MIT
 *
 * A document of desired state, read and brought into order. Private to desired*.c.
 */
#ifndef RV_DESIRED_PLAN_H
#define RV_DESIRED_PLAN_H

#include <jansson.h>

#include "schema/error.h"

enum { RV_DESIRED_MOST = 1000 };

enum rv_resource_status {
        RV_RES_PENDING, RV_RES_OK, RV_RES_DRIFTED, RV_RES_CHANGED, RV_RES_WOULD_CHANGE, RV_RES_FAILED, RV_RES_UNKNOWN,
        RV_RES_SKIPPED, RV_RES_NOT_REACHED, RV_RES_ROLLED_BACK, RV_RES_ROLLBACK_FAILED,
};

struct rv_resource {
        const char *name; /* belongs to the document */
        char *made_name;  /* or was made here */
        json_t *json;     /* the document's */
        unsigned *needs, nneeds;
        unsigned because;  /* SKIPPED: of which */
        enum rv_resource_status status;
        bool differs, known; /* checked: it is not as it should be; `before` was read */
        json_t *changed, *error, *before; /* before: a resource that brings it back */
        json_t *now;                      /* get: properties */
};

struct rv_desired_plan {
        struct rv_resource *r;
        unsigned n;
        unsigned *order; /* indices, so that what a resource needs comes before it */
};

/* INVALID_PARAMETER, told with the resource's name. Free it either way. */
int rv_desired_read(const json_t *document, struct rv_desired_plan *ret, struct rv_error *);
void rv_desired_plan_free(struct rv_desired_plan *);
const char *rv_resource_status_name(enum rv_resource_status);

#endif
