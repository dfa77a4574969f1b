/* SPDX-License-Identifier: MIT
 *
 * Mounting, unmounting, remounting by mount(8) and umount(8), for the methods of Mount.
 */
#ifndef RV_MOUNTING_H
#define RV_MOUNTING_H

#include "agent/provider.h"

/* type: NULL: found out; "bind": a folder once more. options: texts; n of them. */
int rv_mounting_create(struct rv_call *, const char *source, const char *target, const char *type,
                       const struct rv_arg *options, uint32_t n, bool persist, struct rv_error *);
/* persist: /etc/fstab as well. target, and the mount's id where it is known (0: the mount that is seen there). */
int rv_mounting_unmount(struct rv_call *, const char *target, uint32_t id, bool force, bool lazy,
                        bool persist, struct rv_error *);
int rv_mounting_remount(struct rv_call *, const char *target, uint32_t id, const struct rv_arg *options, uint32_t n,
                        bool persist, struct rv_error *);

#endif
