/* SPDX-License-Identifier: MIT
 *
 * Container engines of this host: Docker's, and Podman's through the same API, over their Unix sockets.
 *
 * The API's version is negotiated: the engine's newest, but no newer than RV_ENGINE_API. Every wait has the caller's
 * deadline. What an engine answers as an error becomes a CIM status, with the engine's own words as the hint.
 */
#ifndef RV_ENGINE_H
#define RV_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/provider.h"
#include "providers/lib/http.h"
#include "schema/error.h"

#define RV_ENGINE_API 44           /* 1.44: what engines from 20.10 to 29 and later understand, or less */
#define RV_ENGINE_BODY (64u << 20) /* the largest answer that is taken whole */

struct rv_engine {
        const char *name;      /* "docker", "podman" */
        const char *socket;    /* where it is usually: see rv_engine_socket() */
        const char *installed; /* a file that is there when it is installed */
        int api;               /* 1.api; 0: to be negotiated */
};

extern struct rv_engine rv_engines[]; /* ends with a NULL name */

/* Path of its socket: Docker's may be given by DOCKER_HOST=unix://PATH in the agent's environment. */
const char *rv_engine_socket(const struct rv_engine *);
/* Whether it is on this host at all: its socket or its program is there. */
bool rv_engine_here(const struct rv_engine *);
/* By its name without case; NULL text: the first that is here. NULL: none. */
struct rv_engine *rv_engine_find(const char *name_or_null);

/* One request, its answer's head read: rv_http_read() has the body, rv_http_close() ends it. An answer of 400 and more
 * is an outcome and closed. path: behind the version, "/containers/json". body: borrowed, or NULL. what: what fails
 * if it fails, "cannot start the container web". */
struct rv_engine_ask {
        struct rv_engine *engine;
        const struct rv_call *call; /* or NULL */
        uint64_t deadline;
        const char *method, *path, *what;
        json_t *body;
        int file; /* >= 0: its contents are the body */
        const char *type;
        const char *auth; /* header X-Registry-Auth, or NULL */
};
int rv_engine_open(const struct rv_engine_ask *, struct rv_http *, struct rv_error *);
/* The same, the answer whole. *ret: the JSON, NULL when the engine sent none; json_decref() it. ret may be NULL. */
int rv_engine_ask(const struct rv_engine_ask *, json_t **ret, struct rv_error *);
/* What the engine knows of an object: GET KIND/NAME/json, "/images/" and "bb:1". RV_NOT_FOUND where there is none. */
int rv_engine_look(struct rv_engine *, const struct rv_call *, uint64_t deadline, const char *kind,
                   const char *name, const char *what, json_t **ret, struct rv_error *);
/* A request on a connection that stays open. */
int rv_engine_again(struct rv_http *, const struct rv_engine_ask *, json_t **ret, struct rv_error *);
/* Describes -errno of rv_http_*. */
int rv_engine_fail(struct rv_error *, const struct rv_engine *, int error, const char *what);

/* What a stream of one JSON object a line says (pull, build, load): each is given to `each`. A line with "error" ends
 * it as an outcome. */
int rv_engine_progress(const struct rv_engine_ask *, void (*each)(void *, json_t *), void *closure,
                       struct rv_error *);

/* Text out of JSON by a path, "State/Health/Status"; NULL when it is not there. */
json_t *rv_j_at(json_t *, const char *path);
const char *rv_j_text(json_t *, const char *path); /* NULL unless a text that is not empty */
bool rv_j_true(json_t *, const char *path);
int64_t rv_j_number(json_t *, const char *path); /* 0 unless a number */

#endif
