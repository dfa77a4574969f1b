/* SPDX-License-Identifier: MIT
 *
 * Container.Create: the method's arguments as the engine's API wants them, checked before anything is made.
 */
#ifndef RV_CONTAINERNEW_H
#define RV_CONTAINERNEW_H

#include "agent/provider.h"

int rv_container_create(struct rv_call *, const void *args, struct rv_error *);

#endif
