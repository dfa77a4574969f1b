/* SPDX-License-Identifier: MIT
 *
 * Files into and out of a container as tar archives, by the engine's archive API. What goes in is taken whole before
 * the engine sees any of it: a caller that breaks off changes nothing.
 */
#ifndef RV_COPYING_H
#define RV_COPYING_H

#include "agent/provider.h"
#include "providers/lib/engine.h"

#define RV_COPY_MOST (UINT64_C(16) << 30) /* bytes of one archive that goes in */

struct rv_copy {
        struct rv_stream stream;
        struct rv_engine *engine;
        char id[80], what[200];
        char path[1024],
                name[256]; /* inside: the folder that is unpacked into, or what is read; and what it is named */
        struct rv_http http;
};

/* Finds out where a path leads, and sets up the stream. name is "" where the path is a folder. */
int rv_copy_into(struct rv_copy *, const char *path, struct rv_call *, struct rv_error *);
int rv_copy_out(struct rv_copy *, const char *path, struct rv_call *, bool *ret_folder, struct rv_error *);

#endif
