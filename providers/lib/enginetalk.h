/* SPDX-License-Identifier: MIT
 *
 * Short ways to ask this host's container engine, for classes of which an engine has few objects:
 *
 *      struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot make the volume" };
 *      int r = rv_talk_post(&t, body, &j, err, "/volumes/%s", name);
 *
 * The path is printf's; texts in it are encoded first (rv_http_escaped). What engine.h says of answers and errors
 * holds.
 */
#ifndef RV_ENGINETALK_H
#define RV_ENGINETALK_H

#include "providers/lib/engine.h"

struct rv_talk {
        const struct rv_call *call;
        uint64_t deadline;
        const char *what;
        const char *auth; /* for a registry (engine.h), or NULL */
};

int rv_talk_get(struct rv_talk *, json_t **ret, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
int rv_talk_delete(struct rv_talk *, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 3, 4)));
/* body: stolen; or NULL. */
int rv_talk_post(struct rv_talk *, json_t *body, json_t **ret, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 5, 6)));
/* A POST whose answer is a stream of JSON (rv_engine_progress); file: its body, or -1. */
int rv_talk_stream(struct rv_talk *, int file, void (*each)(void *, json_t *), void *closure,
                   struct rv_error *, const char *path, ...) __attribute__((format(printf, 6, 7)));
/* A GET whose body goes into a descriptor. */
int rv_talk_save(struct rv_talk *, int to, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 4, 5)));

#endif
