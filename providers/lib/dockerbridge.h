/* SPDX-License-Identifier: MIT
 *
 * The Docker client through the roles: one connection of it, request by request. Each is taken apart (bridgerequest.h),
 * understood as a method on an object (bridgerules.h), held against the user's roles and recorded (rv_deed_begin()),
 * written anew to the engine over a connection of its own, and its answer relayed: lists and events without what the
 * user may not see. A connection that the engine hijacks (attach, exec) passes through until both sides have ended.
 */
#ifndef RV_DOCKERBRIDGE_H
#define RV_DOCKERBRIDGE_H

#include "agent/provider.h"
#include "providers/lib/engine.h"

/* A stream for one connection to this engine; NULL: out of memory. */
struct rv_stream *rv_docker_bridge(struct rv_engine *);

#endif
