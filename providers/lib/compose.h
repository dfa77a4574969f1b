/* SPDX-License-Identifier: MIT
 *
 * Projects of Docker Compose, as the labels of their containers tell them: com.docker.compose.project, .service,
 * .container-number, .oneoff, .config-hash, .depends_on, .project.working_dir, .project.config_files. Nothing else is
 * known of a project: Compose keeps no file of its own.
 */
#ifndef RV_COMPOSE_H
#define RV_COMPOSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "providers/lib/containertext.h"

#define RV_COMPOSE_LABEL "Config/Labels/com.docker.compose."

/* A container of a project. All is borrowed from its document. */
struct rv_compose_part {
        json_t *doc;
        const char *project, *service, *name, *state;
        unsigned number;
        bool oneoff;
};

/* Those of an array of documents that belong to a project (NULL: to any), by project, service, number and name.
 * *ret: free(). -ENOMEM. */
int rv_compose_parts(json_t *docs, const char *project_or_null, struct rv_compose_part **ret, size_t *ret_n);
bool rv_compose_runs(const struct rv_compose_part *);
/* The one that was made last, one-off ones aside where there are others; NULL: n is 0. */
const struct rv_compose_part *rv_compose_newest(const struct rv_compose_part *, size_t n);
/* "exited(1), running(2)", one-off ones aside. */
void rv_compose_status(const struct rv_compose_part *, size_t n, char *ret, size_t size);
/* The project's files, absolute where the working directory is told. */
void rv_compose_files(json_t *doc, struct rv_lines *);
/* Names of the services that a container's service depends on. */
void rv_compose_depends(json_t *doc, struct rv_lines *);
/* Whether a container's label names a service as one that it depends on. */
bool rv_compose_needs(const struct rv_compose_part *, const char *service);
/* Sorts the containers of one project so that each comes after those that it depends on; where that is not told
 * (Compose before version 2), in the order in which they were made, which is the same. */
void rv_compose_order(struct rv_compose_part *, size_t n);

#endif
