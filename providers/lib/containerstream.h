/* SPDX-License-Identifier: MIT
 *
 * Methods of Container that end in a stream (agent/provider.h, rv_stream_offer()): logs, commands, attaching, files.
 */
#ifndef RV_CONTAINERSTREAM_H
#define RV_CONTAINERSTREAM_H

#include "agent/provider.h"

int rv_container_follow(struct rv_call *, const void *args, struct rv_error *);
int rv_container_exec_stream(struct rv_call *, const void *args, struct rv_error *);
int rv_container_attach(struct rv_call *, const void *args, struct rv_error *);
int rv_container_copy_to(struct rv_call *, const void *args, struct rv_error *);
int rv_container_copy_from(struct rv_call *, const void *args, struct rv_error *);

#endif
