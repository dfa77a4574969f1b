/* SPDX-License-Identifier: MIT
 *
 * The client's side of the Docker bridge: heads and bodies in, answers out, and passing bytes both ways. Every wait
 * ends when the client has gone; a client that says nothing in the middle of a request is given up after a minute.
 */
#ifndef RV_BRIDGEWIRE_H
#define RV_BRIDGEWIRE_H

#include <jansson.h>

#include "providers/lib/bridgerequest.h"
#include "providers/lib/http.h"

struct rv_bridge_wire {
        int client;
        char in[RV_BRIDGE_HEAD];
        size_t at, n;
        /* Of the request's body: */
        bool chunked, in_chunk, ended;
        uint64_t left;
        struct rv_bridge_request req;
};

/* The next request's head: > 0 its length at w->in + w->at (take it by adding that to at); 0: the client has ended;
 * -EFBIG, -EPIPE. */
ssize_t rv_bridge_head(struct rv_bridge_wire *);
void rv_bridge_body_begin(struct rv_bridge_wire *);
/* Some bytes of the body, decoded; 0: its end; -EPROTO, -EPIPE, -ETIMEDOUT. */
ssize_t rv_bridge_body(struct rv_bridge_wire *, char *to, size_t room);
/* All of it, at most `most` bytes, with a NUL; free() it. */
int rv_bridge_body_all(struct rv_bridge_wire *, size_t most, char **ret, size_t *ret_n);
/* Reads on until its end, within bounds, so that the answer is not lost. */
void rv_bridge_drain(struct rv_bridge_wire *);
int rv_bridge_put(struct rv_bridge_wire *, const void *data, size_t n);
/* {"message": ...}. */
int rv_bridge_say(struct rv_bridge_wire *, int status, const char *message, bool close);

/* Waits until the engine has something (0), or the client has gone (-EPIPE). */
int rv_bridge_wait(struct rv_bridge_wire *, struct rv_http *);
/* The engine's answer, as it comes. head: its header lines (rv_http.keep). */
int rv_bridge_relay(struct rv_bridge_wire *, struct rv_http *, const char *head);
/* The same with another body. */
int rv_bridge_answer(struct rv_bridge_wire *, int status, const char *head, const char *body, size_t n);
int rv_bridge_answer_chunked(struct rv_bridge_wire *, int status, const char *head);
int rv_bridge_chunk(struct rv_bridge_wire *, const char *data, size_t n); /* n 0: the last */
/* Bytes both ways until both have ended. */
void rv_bridge_pass(struct rv_bridge_wire *, struct rv_http *, const char *head);

#endif
