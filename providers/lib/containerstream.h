/* SPDX-License-Identifier: MIT
 *
 * Methods of Container that end in a stream (agent/provider.h, rv_stream_offer()): logs, commands, attaching, files.
 */
#ifndef RV_CONTAINERSTREAM_H
#define RV_CONTAINERSTREAM_H

#include "agent/provider.h"
#include "providers/lib/engine.h"

int rv_container_follow(struct rv_call *, const void *args, struct rv_error *);
/* Logs of anything that an engine has them of: what GET path answers, as a stream whose token goes into the property.
 * tty: it has no frames. what: what fails if it fails. */
struct rv_logs {
        struct rv_engine *engine;
        const char *path, *what;
        bool tty;
        unsigned property;
};
int rv_logs_follow(struct rv_call *, const struct rv_logs *, struct rv_error *);
int rv_container_exec_stream(struct rv_call *, const void *args, struct rv_error *);
int rv_container_attach(struct rv_call *, const void *args, struct rv_error *);
int rv_container_copy_to(struct rv_call *, const void *args, struct rv_error *);
int rv_container_copy_from(struct rv_call *, const void *args, struct rv_error *);

#endif
