/* SPDX-License-Identifier: MIT
 *
 * What is wished of a container, property by property: whether its inspect document has it already, and how it is
 * written into what the engine is asked for.
 *
 * Lists that have no order are compared without one, and what is empty, 0 or not there is the same. Of environment and
 * labels only those named are looked at, because an image brings its own. Volumes without a name, and such mounts as
 * are kept in memory, are no mounts that could be named.
 */
#ifndef RV_CONTAINERWISH_H
#define RV_CONTAINERWISH_H

#include <jansson.h>

#include "agent/provider.h"
#include "providers/lib/engine.h"

enum rv_trait_how {
        RV_T_TEXT,
        RV_T_LIST,
        RV_T_SET,
        RV_T_CAPS,
        RV_T_BOOL,
        RV_T_NUMBER,
        RV_T_CPUS,
        RV_T_DEVICES,
        RV_T_PAIRS, /* exactly these */
        RV_T_ENVIRONMENT,
        RV_T_LABELS,
        RV_T_PORTS,
        RV_T_MOUNTS,
        RV_T_POLICY,    /* a restart policy's word */
        RV_T_RETRIES,   /* its number */
        RV_T_NETWORKS,  /* done by connecting and disconnecting */
        RV_T_ISOLATION, /* a choice of runtime */
        RV_T_NAME,
        RV_T_ENGINE,
        RV_T_IMAGE,
        RV_T_STATE,
};

struct rv_trait {
        unsigned property;
        enum rv_trait_how how;
        bool live;        /* the engine can change it of a container that is there */
        const char *path; /* in the inspect document */
};

const struct rv_trait *rv_trait_find(unsigned property); /* NULL: cannot be wished */
/* Whether a document has it. Images are looked up in the engine; all else is in the document. */
int rv_trait_meets(const struct rv_trait *, json_t *doc, struct rv_engine *, struct rv_call *,
                   const struct rv_arg *wish, bool *ret, struct rv_error *);
/* Writes it into what POST /containers/create takes. Networks, isolation, engine and state are not written here. */
int rv_trait_write(const struct rv_trait *, json_t *body, const struct rv_arg *wish, struct rv_error *);
/* For people: what it is, and what it is to be. *ret: free() it; NULL: nothing. */
char *rv_trait_now(const struct rv_trait *, json_t *doc, const struct rv_arg *wish);
char *rv_trait_wish(const struct rv_arg *wish);

/* Ports, as they read or as Create takes them, into ExposedPorts and PortBindings; mounts as the engine has them, added
 * to a list. */
int rv_ports_wish(const struct rv_arg *, json_t *config, json_t *host, struct rv_error *);
int rv_mounts_wish(const struct rv_arg *, json_t *list, struct rv_error *);
/* Whether it is a name that the engine found for a volume. */
bool rv_is_nameless(const char *volume);

/* Whether nothing runs in that state. */
bool rv_state_still(const char *state);
/* What POST /containers/create takes to make one like it, but for what its image brings (image: the inspect document of
 * that; or NULL: gone). Volumes without a name go with it. */
json_t *rv_body_like(json_t *doc, json_t *image);
/* How it is in a network, without what is its own there. NULL: a network where nothing can be said of that. */
json_t *rv_body_endpoint(json_t *doc, const char *network);

#endif
