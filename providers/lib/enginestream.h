/* SPDX-License-Identifier: MIT
 *
 * Output of containers: logs and commands. What the engine sends has a frame of 8 bytes around each piece (which
 * stream, how long) unless the container has a terminal. All is bounded.
 */
#ifndef RV_ENGINESTREAM_H
#define RV_ENGINESTREAM_H

#include <jansson.h>

#include "providers/lib/engine.h"

struct rv_output {
        char *text[2]; /* standard output and errors, NUL-ended; with a terminal all is in the first */
        size_t n[2], most;
        bool tail;      /* keep the end, not the beginning */
        bool truncated; /* something was left out */
};
void rv_output_free(struct rv_output *);
/* Reads an opened answer to its end. framed: pieces have frames. 0 or -errno. */
int rv_output_read(struct rv_http *, bool framed, struct rv_output *);

/* Runs a command in a container and waits for its end. spec: the engine's exec configuration, borrowed. input: for its
 * standard input, or NULL. */
int rv_engine_exec(struct rv_engine *, const struct rv_call *, uint64_t deadline, const char *id,
                   json_t *spec, const char *input, size_t ninput, const char *what, struct rv_output *,
                   int *ret_status, struct rv_error *);

#endif
