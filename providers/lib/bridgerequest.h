/* SPDX-License-Identifier: MIT
 *
 * One request of a Docker client, taken apart: what the bridge (dockerbridge.h) does not understand to the last byte is
 * refused, so that it and the engine can never read the same bytes differently. Nothing of what came is sent on as it
 * came: the request is written anew from its parts.
 *
 * Bounds: 64 KiB of head, 16 path components, 64 parameters. No folded headers, no two lengths, no encoded slashes, no
 * empty or dotted components, no control characters, nothing of another HTTP than 1.1.
 */
#ifndef RV_BRIDGEREQUEST_H
#define RV_BRIDGEREQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RV_BRIDGE_HEAD = 65536, RV_BRIDGE_PARTS = 16, RV_BRIDGE_QUERY = 64 };

struct rv_bridge_request {
        char method[8];
        char version[8];              /* "v1.41", or "" */
        char *part[RV_BRIDGE_PARTS];  /* the path's components behind that, decoded */
        unsigned nparts;
        struct {
                char *name, *value;   /* decoded */
        } query[RV_BRIDGE_QUERY];
        unsigned nquery;
        int64_t length;               /* of the body; -1: none was told */
        bool chunked, expects, upgrade, close;
        char type[128];               /* Content-Type */
        const char *registry_auth, *registry_config; /* or NULL */
        char text[RV_BRIDGE_HEAD + 1]; /* where all of it lies */
};

/* From a whole head, with the empty line; NULL: it fits, else what is wrong with it. */
const char *rv_bridge_parse(struct rv_bridge_request *, const char *head, size_t n);
/* A parameter's value, or NULL. */
const char *rv_bridge_query(const struct rv_bridge_request *, const char *name);
/* The target, written anew. False: it does not fit. */
bool rv_bridge_target(const struct rv_bridge_request *, char *to, size_t size);

#endif
