/* SPDX-License-Identifier: MIT
 *
 * Changes of one container: finding it, asking its engine, telling the model; and making one.
 */
#ifndef RV_CONTAINERCHANGE_H
#define RV_CONTAINERCHANGE_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/provider.h"
#include "providers/lib/engine.h"

/* One container, by its key, and what is to be done to it. */
struct rv_container_change {
        struct rv_engine *engine;
        json_t *doc; /* the engine's present inspect answer */
        char id[80], name[80], state[16];
        char what[200];
};

/* Finds it by an id, the beginning of one, or a name, in the engines that are here. verb: "stop". Where that answers
 * RV_OK it must be ended. */
int rv_container_begin(struct rv_call *, const char *key, struct rv_container_change *, const char *verb,
                       struct rv_error *);
/* Frees it and, where something may have been changed, tells the model. Answers e. */
int rv_container_end(struct rv_call *, struct rv_container_change *, int e);
/* A request to /containers/ID and the rest of a path. body, ret: as in rv_engine_ask(). */
int rv_container_tell(struct rv_call *, struct rv_container_change *, const char *method, const char *rest,
                      json_t *body, json_t **ret, struct rv_error *);
/* After a start: one that has ended within 200 ms with an error did not start; told with its last words. */
int rv_container_settled(struct rv_call *, struct rv_container_change *, struct rv_error *);
int rv_container_must_run(struct rv_container_change *, struct rv_error *);

/* The engine that a static method is for; refused when it is not on this host. */
int rv_container_engine(bool has, const char *name, struct rv_engine **ret, struct rv_error *);
/* Refused when the image is not here, or the name is taken: looked at first, so that what-if says so as well. */
int rv_container_image(struct rv_call *, struct rv_engine *, const char *image, struct rv_error *);
int rv_container_name_free(struct rv_call *, struct rv_engine *, const char *name, struct rv_error *);
/* Makes one (name may be NULL) and starts it; what cannot be started is removed again. *ret_made: the engine's answer;
 * json_decref() it. */
int rv_container_make(struct rv_call *, struct rv_engine *, const char *name, json_t *config, bool start,
                      char ret_id[80], json_t **ret_made, struct rv_error *);

#endif
