/* SPDX-License-Identifier: MIT
 *
 * The block devices of this host: /sys/class/block, with what udev found on them (/run/udev/data) and where they are
 * mounted. No device is opened: a dead one cannot be waited for.
 */
#ifndef RV_BLOCKDEV_H
#define RV_BLOCKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "providers/lib/mountinfo.h"

struct rv_block {
        char kernel[64];    /* "sda1", "dm-0" */
        char name[128];     /* the same, or the mapper's name: "vg-root" */
        char path[160];     /* "/dev/sda1", "/dev/mapper/vg-root" */
        char type[24];      /* "disk", "part", "loop", "rom", "lvm", "crypt", "raid1", ... as lsblk has it */
        char parent[64];    /* the whole disk that a partition is of, or "" */
        char device[512];   /* folder of the device below /sys/devices, or "" */
        unsigned major, minor;
        unsigned partition; /* its number, or 0 */
        uint64_t size;      /* bytes */
        uint64_t start;     /* bytes from the begin of the disk; partitions */
        bool read_only, removable;
        char *udev;         /* its entry in udev's database, or NULL */
};

struct rv_blocks {
        struct rv_block *v; /* sorted: disks by name, each followed by its partitions by number */
        size_t n;
        struct rv_mounts mounts;
        char *swaps; /* /proc/swaps, or NULL */
};

/* 0 or -errno. Empty loop devices and ram disks are left out. */
int rv_blocks_read(struct rv_blocks *ret);
void rv_blocks_free(struct rv_blocks *);
const struct rv_block *rv_blocks_find(const struct rv_blocks *, const char *kernel_name);

/* A small file of the device (for a partition's queue/ files: of its disk), without the line's end; false: none. */
bool rv_block_file(const struct rv_block *, const char *file, char *ret, size_t size);
bool rv_block_number(const struct rv_block *, const char *file, uint64_t *ret);
/* A property of udev's database, \xNN resolved; false: none. */
bool rv_block_udev(const struct rv_block *, const char *property, char *ret, size_t size);
/* The names in a folder of the device ("holders", "slaves"), divided by line ends; false: none. */
bool rv_block_names(const struct rv_block *, const char *folder, char *ret, size_t size);

/* The next mount of it, from *at on (0 at first); NULL: no more. */
const struct rv_mount *rv_block_mount(const struct rv_blocks *, const struct rv_block *, size_t *at);
/* Is it in use as swap? */
bool rv_block_swap(const struct rv_blocks *, const struct rv_block *);
/* What file system is on it: udev, else the mount, else swap; false: not known. */
bool rv_block_fstype(const struct rv_blocks *, const struct rv_block *, char *ret, size_t size);
/* Does the mount at `target` lie on this disk: on it, on a partition, on a device mapped onto those? */
bool rv_block_holds(const struct rv_blocks *, const struct rv_block *disk, const char *target);
/* How it is connected: "NVMe", "SATA", "USB", "Virtio", ...; NULL: not known. */
const char *rv_block_bus(const struct rv_block *);

#endif
