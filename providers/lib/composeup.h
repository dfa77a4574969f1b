/* SPDX-License-Identifier: MIT
 *
 * A Compose file brought up: what is not as the file says is made so, and nothing else is touched.
 *
 * All that can be refused is looked at first: the file, images, networks and volumes from elsewhere, names. Then
 * networks, volumes, and the containers of each service after those it depends on. A container whose configuration or
 * image is another one is replaced: the old one is renamed and stopped, and put back where the new one cannot be
 * started.
 */
#ifndef RV_COMPOSEUP_H
#define RV_COMPOSEUP_H

#include <jansson.h>

#include "agent/provider.h"

struct rv_compose_up {
        const char *path, *name, *engine; /* name, engine: or NULL */
        const struct rv_arg *variables;
        uint32_t nvariables;
        bool orphans; /* containers of services that the file does not have are removed */
};

/* ret_name: the project's. warnings: an array; what the engine warns of is added. */
int rv_compose_up(struct rv_call *, const struct rv_compose_up *, char *ret_name, size_t size, json_t *warnings,
                  struct rv_error *);

#endif
