/* SPDX-License-Identifier: MIT
 *
 * Changes of what is on disks, by the system's own sfdisk, wipefs, mkfs and their kin. What is in use (mounted, swap,
 * part of a volume group, an array or an encrypted device, on it or on a partition of it) is refused before anything is
 * run; what another namespace uses, the tools refuse. Partition tables are written without having the kernel read the
 * whole table anew (a disk of which another partition is mounted could not be changed at all): it is told of that one.
 */
#ifndef RV_DISKCHANGE_H
#define RV_DISKCHANGE_H

#include "agent/provider.h"
#include "providers/lib/blockdev.h"

struct rv_diskchange {
        struct rv_call *c;
        struct rv_blocks t;
        const struct rv_block *b;
        char what[200]; /* for messages: "format /dev/sdb1" */
};

/* Finds a block device by its kernel's name, or any path that leads to it. NOT_FOUND; then nothing is to be ended. */
int rv_diskchange_begin(struct rv_diskchange *, struct rv_call *, const char *name_or_path, const char *verb,
                        struct rv_error *);
/* Frees; answers e. */
int rv_diskchange_end(struct rv_diskchange *, int e);

/* A whole disk: an empty partition table; all signatures gone. Without `force` refused where it holds something. */
int rv_diskchange_initialize(struct rv_diskchange *, const char *style, bool force, struct rv_error *);
int rv_diskchange_clear(struct rv_diskchange *, bool force, struct rv_error *);
/* The kernel asks the device how large it is. */
int rv_diskchange_rescan(struct rv_diskchange *, struct rv_error *);

struct rv_newpartition {
        uint64_t size, offset; /* bytes; 0: as much as there is, where there is room */
        const char *type;      /* a word of Partition.Type, a GUID, or a number of MBR; NULL: Linux */
        const char *label;     /* or NULL */
};
int rv_diskchange_add(struct rv_diskchange *, const struct rv_newpartition *, uint32_t *ret_number,
                      struct rv_error *);
int rv_diskchange_remove(struct rv_diskchange *, struct rv_error *);
/* size 0: as large as there is room behind it. Smaller needs `force`. */
int rv_diskchange_resize(struct rv_diskchange *, uint64_t size, bool force, struct rv_error *);

/* File systems. type: "ext4", "xfs", "vfat", ..., "swap". */
int rv_diskchange_format(struct rv_diskchange *, const char *type, const char *label, bool force,
                         struct rv_error *);
int rv_diskchange_grow(struct rv_diskchange *, struct rv_error *);
int rv_diskchange_label(struct rv_diskchange *, const char *label, struct rv_error *);
/* *ret_clean: nothing was found, or all was mended. report: what the checker said, in the call's arena. */
int rv_diskchange_check(struct rv_diskchange *, bool scan_only, bool *ret_clean, const char **ret_report,
                        struct rv_error *);

#endif
