/* SPDX-License-Identifier: MIT
 *
 * A Compose file read into what the engine is to be asked for. The common core of the Compose specification; a key that
 * is not known is refused by its name and line, never passed over, unless it begins with x-.
 *
 *      { "name": "shop",
 *        "networks": { KEY: { "Name": .., "external": true|false, "create": {body of POST /networks/create} } },
 *        "volumes":  the same,
 *        "services": [ { "name": "web", "scale": 2, "container_name": null or text, "depends": {SERVICE: CONDITION},
 *                        "body": {body of POST /containers/create, without name and number},
 *                        "endpoints": {NETWORK: settings}, "hash": SHA-256 of all this } ] }
 *
 * Services come in the order of dependence. Networks and volumes are those that services use.
 */
#ifndef RV_COMPOSEFILE_H
#define RV_COMPOSEFILE_H

#include <jansson.h>

#include "agent/provider.h"

/* name: the project's, or NULL: the file's, else its folder's. variables: NAME=VALUE, before those of the file .env
 * beside it. *ret: json_decref(). All of the file is checked; nothing else is looked at. */
int rv_composefile_read(struct rv_call *, const char *path, const char *name_or_null,
                        const struct rv_arg *variables, uint32_t nvariables, json_t **ret, struct rv_error *);

#endif
