/* SPDX-License-Identifier: MIT
 *
 * Between a stream (schema/piece.h) and what an engine sends: logs that are followed, a command's streams, a terminal.
 * At most one piece each way is held, so a slow reader slows the engine and costs nobody memory.
 */
#ifndef RV_RELAY_H
#define RV_RELAY_H

#include "providers/lib/http.h"
#include "schema/error.h"
#include "schema/piece.h"

struct rv_relay {
        int client;            /* the stream's descriptor; does not block */
        struct rv_http *engine; /* an answer whose body comes */
        bool framed;           /* that body is in frames */
        bool takes_input;      /* what the client gives goes to the engine */
        void (*resize)(void *, unsigned rows, unsigned columns); /* or NULL */
        void *state;
        bool input_over; /* when it has run: the client has said that no more input comes */
};
/* Until the engine has ended (0) or the client has gone (-EPIPE); else -errno of the engine's side, -EPROTO also when
 * what the client sends are no pieces. */
int rv_relay_run(struct rv_relay *);

/* One piece to the client, waiting for it as long as it is there. 0 or -errno. */
int rv_relay_put(int client, enum rv_piece, const void *data, size_t n);
/* The last piece: how it ended. */
void rv_relay_status(int client, int32_t status);
void rv_relay_failed(int client, const struct rv_error *);
/* The client's input as bytes into a descriptor, at most `most` of them, until END. -EPIPE: it has gone before. */
int rv_relay_receive(int client, int to, uint64_t most);

#endif
