/* SPDX-License-Identifier: MIT
 *
 * The mounts of this process' namespace, from /proc/self/mountinfo (proc(5)). Reading it never blocks, whatever the
 * file systems do.
 */
#ifndef RV_MOUNTINFO_H
#define RV_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rv_mount {
        uint32_t id, parent;
        unsigned major, minor;
        /* Texts with the kernel's \040 decoded; they belong to the table. */
        const char *root, *target, *options, *tags, *type, *source, *super_options;
        bool hidden; /* another mount lies over it */
};

struct rv_mounts {
        struct rv_mount *v;
        size_t n;
        char *text;
};

int rv_mounts_read(struct rv_mounts *ret); /* 0 or -errno */
void rv_mounts_free(struct rv_mounts *);
/* The mount that an absolute path (without links, . and ..) is on, or NULL. */
const struct rv_mount *rv_mounts_of(const struct rv_mounts *, const char *path);
/* Whether "a,b,c" has the option. */
bool rv_mount_option(const char *options, const char *name);

#endif
