/* SPDX-License-Identifier: MIT
 *
 * What a swarm's service is to be: between the properties of SwarmService, as texts that people write ("8080:80",
 * "db-password:password"), and the engine's ServiceSpec. One table says which property is which part of it, for reading
 * and for writing, so what was read can be given back.
 */
#ifndef RV_SWARMSPEC_H
#define RV_SWARMSPEC_H

#include "providers/lib/swarm.h"

/* All properties of a spec into a row; networks: the engine's list of them, for their names, or NULL. */
void rv_swarm_spec_fill(struct rv_row *, json_t *spec, json_t *networks);

/* Values by SwarmService's properties; `pairs`: maps come as NAME=VALUE texts. */
struct rv_swarm_given {
        const struct rv_arg *v;
        const uint64_t *set;
        bool pairs;
};
/* A spec as docker service create makes it where nothing else is said. */
json_t *rv_swarm_spec_new(const char *name, bool global);
/* Puts what was given into a spec: names of secrets, configs and networks are looked up. */
int rv_swarm_spec_put(struct rv_talk *, json_t *spec, const struct rv_swarm_given *, json_t *networks,
                      struct rv_error *);
/* Tells each property that differs. from may be NULL. */
void rv_swarm_spec_changes(struct rv_call *, json_t *from, json_t *to, json_t *networks);
/* How much of an image's text is its name: without a digest behind its tag. */
size_t rv_swarm_image_length(const char *image);
/* 8080:80, 8080:80/udp, 8080:80/tcp/host */
void rv_swarm_port_text(json_t *port, char *ret, size_t size);

#endif
