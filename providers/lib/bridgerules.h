/* SPDX-License-Identifier: MIT
 *
 * What a request of the Docker client means: which method of which class it is, on which object, with which arguments;
 * and what of it no role can allow, because no method has it. Whatever is not in these tables is refused.
 */
#ifndef RV_BRIDGERULES_H
#define RV_BRIDGERULES_H

#include <jansson.h>

#include "providers/lib/bridgerequest.h"
#include "schema/error.h"

enum rv_bridge_kind {
        RV_BRIDGE_HELLO,    /* /_ping, /version: whoever may dial */
        RV_BRIDGE_LIST,     /* filtered by what may be seen */
        RV_BRIDGE_LOOK,     /* one object, which must be seen, with all its properties */
        RV_BRIDGE_READ,     /* a class as a whole */
        RV_BRIDGE_EVENTS,
        RV_BRIDGE_DO,       /* a method, of an object or static */
        RV_BRIDGE_EXEC,     /* exec/ID: of a command that the same user has made */
};

struct rv_bridge_route {
        const char *method, *path; /* "containers/@/start": @ is the object, ** one of several components */
        enum rv_bridge_kind kind;
        const char *class_name, *does; /* and its method */
        const char *query;             /* parameters that are understood: "t,signal" */
        unsigned flags;
};
enum {
        RV_BRIDGE_JSON = 1,    /* a body of JSON */
        RV_BRIDGE_BYTES = 2,   /* a body of bytes */
        RV_BRIDGE_HIJACK = 4,  /* the connection becomes the command's */
        RV_BRIDGE_READS = 8,   /* changes nothing: not recorded */
};

/* NULL: there is none. *ret_object: the object's name or id, to be freed. */
const struct rv_bridge_route *rv_bridge_route(const struct rv_bridge_request *, char **ret_object);
/* Whether all parameters are understood, each once; else the name of one that is not. */
const char *rv_bridge_odd_query(const struct rv_bridge_route *, const struct rv_bridge_request *);

/* What a request asks beside its arguments. */
struct rv_bridge_wish {
        json_t *in;            /* arguments of the method */
        const char *risky[16]; /* names of those among them that lead out of a container; NULL-ended */
        unsigned nrisky;
        json_t *volumes, *networks; /* names that must be seen, or not be there (volumes) */
};
void rv_bridge_wish_free(struct rv_bridge_wish *);
/* The arguments that the roles judge. body: JSON, or NULL. ACCESS_DENIED: something has no argument. */
int rv_bridge_wish(const struct rv_bridge_route *, const struct rv_bridge_request *, json_t *body,
                   struct rv_bridge_wish *, struct rv_error *);

#endif
