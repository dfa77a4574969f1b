/* SPDX-License-Identifier: MIT
 *
 * A container engine (Docker, or Podman by its compatible API) over its Unix socket: HTTP/1.1, a connection for each
 * request, the API's version negotiated. Everything is bounded: a request by its deadline, an answer by its size.
 * Blocks: for worker threads. An engine that hangs costs its callers their deadlines and nobody else anything.
 *
 *      struct rv_engine e = { .call = c, .deadline = c->deadline, .what = "cannot stop the container web" };
 *      json_t *j;
 *      int r = rv_engine_post(&e, NULL, &j, err, "/containers/%s/stop?t=%u", id, seconds);
 *      if (r == RV_OK) ... json_decref(j);
 */
#ifndef RV_ENGINE_H
#define RV_ENGINE_H

#include <jansson.h>

#include "agent/provider.h"
#include "schema/json.h"

enum { RV_ENGINE_ANSWER = 64 << 20 };

struct rv_engine {
        const struct rv_call *call; /* for rv_cancelled(); or NULL */
        uint64_t deadline;          /* CLOCK_MONOTONIC, ns */
        const char *what;           /* what cannot be done if it fails: "cannot list containers" */
        int status;                 /* of the last answer; 0: none came */
        /* Of a stream: each piece of standard output (1) or error (2); NULL: the body is one. False ends it. */
        bool (*piece)(void *, int stream, const char *, size_t);
        void *piece_state;
};

/* The path is printf's; texts in it are encoded by %s as they are: use rv_engine_escape(). *ret may be NULL; it is NULL
 * when the answer has no body. Errors of the engine become a CIM status with its own words. */
int rv_engine_get(struct rv_engine *, json_t **ret, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
int rv_engine_delete(struct rv_engine *, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 3, 4)));
/* body: JSON, stolen; or NULL. */
int rv_engine_post(struct rv_engine *, json_t *body, json_t **ret, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 5, 6)));
/* The same with bytes, such as a tar archive. */
int rv_engine_send(struct rv_engine *, const char *type, const char *data, size_t n, json_t **ret,
                   struct rv_error *, const char *path, ...) __attribute__((format(printf, 7, 8)));
/* For a path or a query: percent-encoded into `to` (cut when it does not fit). Returns to. */
const char *rv_engine_escape(char *to, size_t size, const char *text);

/* ---- from its JSON ---- */
const char *rv_engine_text(json_t *, const char *path); /* "State.Status"; NULL: no text there */
json_t *rv_engine_at(json_t *, const char *path);       /* borrowed; NULL: nothing there */
int64_t rv_engine_int(json_t *, const char *path);      /* 0 when there is no number */
/* RFC 3339 with nanoseconds, or a number of seconds; false for null, "" and year 1 ("never"). */
bool rv_engine_time(json_t *, const char *path, int64_t *ret_ns);
/* Fills a list property from an array of texts, a map property from an object of texts. */
void rv_engine_list(struct rv_row *, unsigned p, json_t *);
void rv_engine_map(struct rv_row *, unsigned p, json_t *);

#endif
