/* SPDX-License-Identifier: MIT
 *
 * /etc/fstab (fstab(5)): one line of it found, written, taken away; the other lines stay to the byte. systemd, where it
 * runs, is told to read it anew.
 */
#ifndef RV_FSTAB_H
#define RV_FSTAB_H

#include <stdbool.h>

#include "agent/provider.h"

struct rv_fstab {
        char *text; /* of the file; "" where there is none */
};

/* 0 or -errno. */
int rv_fstab_read(struct rv_fstab *ret);
void rv_fstab_free(struct rv_fstab *);
/* Does a line mount on this folder (or, swap: use this device or file)? Its line, decoded by nobody; NULL: none. */
const char *rv_fstab_find(const struct rv_fstab *, const char *target, bool swap);

struct rv_fstab_line {
        const char *source, *target, *type, *options; /* target "none" and type "swap": a swap area */
        int pass;                                     /* order of checking; 0: never */
};
/* Writes the line, in place of the one that mounts there. A source that is a device's file becomes UUID=..., where the
 * device has one. Tells the change; what_if: does not make it. */
int rv_fstab_put(struct rv_call *, const struct rv_fstab_line *, struct rv_error *);
/* Only other options for a line that is there; NOT_FOUND: there is none. */
int rv_fstab_options(struct rv_call *, const char *target, const char *options, struct rv_error *);
/* Takes the line away; none: nothing is changed. */
int rv_fstab_drop(struct rv_call *, const char *target, bool swap, struct rv_error *);

#endif
