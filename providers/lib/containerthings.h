/* SPDX-License-Identifier: MIT
 *
 * Networks and volumes of the container engine as instances that are written.
 *
 * The engine changes neither once it is there. A network that should be otherwise is made anew, told as another Id,
 * where nothing is connected to it; a volume never is, because what is in it would be lost. Of labels those named
 * count.
 */
#ifndef RV_CONTAINERTHINGS_H
#define RV_CONTAINERTHINGS_H

#include "agent/provider.h"

int rv_network_made(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_network_brought(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_network_gone(struct rv_call *, struct rv_error *);
int rv_network_meets(struct rv_call *, unsigned property, const struct rv_arg *wish, bool *ret,
                     struct rv_error *);

int rv_volume_made(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_volume_brought(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_volume_gone(struct rv_call *, struct rv_error *);
int rv_volume_meets(struct rv_call *, unsigned property, const struct rv_arg *wish, bool *ret,
                    struct rv_error *);

#endif
