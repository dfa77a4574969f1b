/* SPDX-License-Identifier: MIT
 *
 * The other end of the protocol: a blocking client over any connected stream (a Unix socket, a socket pair, a
 * channel of SSH). Several calls may be under way; what arrives for one while another is waited for is kept,
 * within bounds.
 *
 *      struct rv_client *c = rv_client_new(fd, NULL);
 *      struct rv_ask *a = rv_client_ask(c, "EnumerateInstances", params, n, &err);
 *      while ((r = rv_ask_row(a, &row, &err)) == RV_OK) ...     // RV_STOP at the end, else what went wrong
 *      a = rv_ask_free(a);                                     // a call that is not over is cancelled
 *
 * Rows come as the text of their JSON object, valid until the next call. Credit is the socket's own: an agent
 * whose rows
 * are not read stops its provider. Ctrl-C: *interrupt is looked at while waiting; the call is then cancelled at
 * the agent and ends with RV_PULL_HAS_BEEN_ABANDONED. An agent that has gone is told in one sentence,
 * RV_UNAVAILABLE, retryable.
 */
#ifndef RV_CLIENT_H
#define RV_CLIENT_H

#include "agent/wire/scan.h"

struct rv_client;
struct rv_ask; /* a call under way */

enum {
        RV_CLIENT_LINE = 128 << 20, /* the largest message taken */
        RV_CLIENT_KEPT = 256 << 20, /* rows kept for one call while another is waited for */
        RV_CLIENT_GRACE = 15, /* seconds beyond the call's own deadline until the agent counts as hung */
};

/* Takes the descriptor over. interrupt may be NULL. NULL when out of memory (the descriptor is closed). */
struct rv_client *rv_client_new(int fd, const volatile int *interrupt);
struct rv_client *rv_client_free(
        struct rv_client *); /* answers NULL; calls under way keep it until they are freed */
/* Its descriptor, out of it; it is freed. Nothing may be under way. -1: bytes are there that nobody has taken. */
int rv_client_release(struct rv_client *);
/* To the agent's Unix socket: a descriptor, or -errno. */
int rv_client_connect(const char *path);
bool rv_client_gone(const struct rv_client *); /* the connection has ended: make a new one */

/* Sends a request. params is the text of a JSON object without its last brace, or "" for none: the client adds
 * what the
 * protocol needs (a token for rows when `rows` is set). timeout: seconds, 0 = the agent's own default of 30. */
struct rv_ask *rv_client_ask(struct rv_client *, const char *method, const struct rv_buf *params, bool rows,
                             double timeout, struct rv_error *);
int rv_ask_row(struct rv_ask *, struct rv_json *ret, struct rv_error *);
/* Waits for the end; rows that were not taken are dropped. *ret is the result's text, valid until the call is
 * freed. */
int rv_ask_result(struct rv_ask *, struct rv_json *ret, struct rv_error *);
struct rv_ask *rv_ask_free(struct rv_ask *); /* answers NULL */

/* An error object (code, message, data) as an error. */
void rv_client_error(const struct rv_json *, struct rv_error *ret);

/* Requests that are not answered, such as notifications of a subscription: called while something is waited for. */
void rv_client_listen(struct rv_client *,
                      void (*heard)(void *, const char *method, size_t n, const struct rv_json *params),
                      void *);
/* Waits up to `seconds` for something to arrive, and handles it. RV_OK, RV_TIMED_OUT or what went wrong. */
int rv_client_wait(struct rv_client *, double seconds, struct rv_error *);

#endif
