/* SPDX-License-Identifier: MIT */
#include "providers/lib/blockdev.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

#define CLASS "/sys/class/block/"
enum { MOST = 65536, RAM_MAJOR = 1, LOOP_MAJOR = 7, SECTOR = 512, DEEPEST = 8 };

static bool read_line(const char *path, char *ret, size_t size)
{
        ssize_t n = rv_proc_read(AT_FDCWD, path, ret, size);
        while (n > 0 && isspace((unsigned char)ret[n - 1]))
                ret[--n] = 0;
        return n > 0;
}

static bool own_file(const char *kernel, const char *file, char *ret, size_t size)
{
        char path[300];
        snprintf(path, sizeof path, CLASS "%s/%s", kernel, file);
        return read_line(path, ret, size);
}

bool rv_block_file(const struct rv_block *b, const char *file, char *ret, size_t size)
{
        return own_file(b->kernel, file, ret, size) ||
               (b->parent[0] && strncmp(file, "queue/", 6) == 0 && own_file(b->parent, file, ret, size));
}

bool rv_block_number(const struct rv_block *b, const char *file, uint64_t *ret)
{
        char text[64];
        if (!rv_block_file(b, file, text, sizeof text))
                return false;
        *ret = strtoull(text, NULL, 10);
        return true;
}

static uint64_t own_number(const char *kernel, const char *file)
{
        char text[64];
        return own_file(kernel, file, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

/* ---- reading all ---- */

/* lsblk's word for what it is. */
static void take_type(struct rv_block *b)
{
        char text[128];
        uint64_t scsi;
        if (b->partition)
                snprintf(b->type, sizeof b->type, "part");
        else if (own_file(b->kernel, "dm/uuid", text, sizeof text)) {
                text[strcspn(text, "-")] = 0;
                for (char *p = text; *p; p++)
                        *p = (char)tolower((unsigned char)*p);
                snprintf(b->type, sizeof b->type, "%.20s", strncmp(text, "part", 4) == 0 ? "part" : text);
        } else if (strncmp(b->kernel, "dm-", 3) == 0)
                snprintf(b->type, sizeof b->type, "dm");
        else if (b->major == LOOP_MAJOR)
                snprintf(b->type, sizeof b->type, "loop");
        else if (strncmp(b->kernel, "md", 2) == 0)
                snprintf(b->type, sizeof b->type, "%.20s",
                         own_file(b->kernel, "md/level", text, sizeof text) ? text : "md");
        else {
                scsi = own_number(b->kernel, "device/type");
                snprintf(b->type, sizeof b->type, scsi == 5 ? "rom" : scsi == 1 ? "tape" : "disk");
        }
}

/* "../../devices/pci0000:00/.../block/sda/sda1": of a partition the folder above is its disk. */
static void take_place(struct rv_block *b)
{
        char path[300], link[PATH_MAX];
        snprintf(path, sizeof path, CLASS "%s", b->kernel);
        ssize_t n = readlink(path, link, sizeof link - 1);
        if (n <= 0)
                return;
        link[n] = 0;
        char *devices = strstr(link, "/devices/"), *self = strrchr(link, '/');
        if (self && b->partition) {
                *self = 0;
                const char *parent = strrchr(link, '/');
                snprintf(b->parent, sizeof b->parent, "%.63s", parent ? parent + 1 : "");
        }
        if (devices)
                snprintf(b->device, sizeof b->device, "%.511s", devices);
}

static bool take(struct rv_block *b, const char *kernel)
{
        char text[128];
        size_t n;
        *b = (struct rv_block) { 0 };
        snprintf(b->kernel, sizeof b->kernel, "%.63s", kernel);
        if (!own_file(kernel, "dev", text, sizeof text) || sscanf(text, "%u:%u", &b->major, &b->minor) != 2 ||
            b->major == RAM_MAJOR || own_number(kernel, "hidden") == 1)
                return false;
        b->size = own_number(kernel, "size") * SECTOR;
        if (!b->size && b->major == LOOP_MAJOR)
                return false;
        b->partition = (unsigned)own_number(kernel, "partition");
        b->start = own_number(kernel, "start") * SECTOR;
        b->read_only = own_number(kernel, "ro") == 1;
        b->removable = own_number(kernel, "removable") == 1;
        take_type(b);
        take_place(b);
        bool mapped = own_file(kernel, "dm/name", text, sizeof text);
        snprintf(b->name, sizeof b->name, "%s", mapped ? text : b->kernel);
        snprintf(b->path, sizeof b->path, "/dev/%s%s", mapped ? "mapper/" : "", b->name);
        for (char *p = b->path; !mapped && *p; p++) /* "cciss!c0d0" is /dev/cciss/c0d0 */
                *p = *p == '!' ? '/' : *p;
        snprintf(text, sizeof text, "/run/udev/data/b%u:%u", b->major, b->minor);
        b->udev = rv_slurp(text, 1 << 20, &n);
        return true;
}

static const char *disk_of(const struct rv_block *b)
{
        return b->parent[0] ? b->parent : b->kernel;
}

/* "sda" before "sdb" before "sdaa"; a disk before its partitions. */
static int in_order(const void *x, const void *y)
{
        const struct rv_block *a = x, *b = y;
        int r = strverscmp(disk_of(a), disk_of(b));
        return r ? r : a->partition < b->partition ? -1 : a->partition > b->partition;
}

int rv_blocks_read(struct rv_blocks *t)
{
        size_t room = 0, n;
        *t = (struct rv_blocks) { 0 };
        DIR *d = opendir("/sys/class/block");
        if (!d)
                return -errno;
        int r = rv_mounts_read(&t->mounts);
        for (struct dirent *e; r == 0 && t->n < MOST && (e = readdir(d));) {
                if (e->d_name[0] == '.')
                        continue;
                if (t->n == room) {
                        struct rv_block *v = realloc(t->v, (room = 2 * room + 16) * sizeof *v);
                        if (!v) {
                                r = -ENOMEM;
                                break;
                        }
                        t->v = v;
                }
                t->n += take(&t->v[t->n], e->d_name);
        }
        closedir(d);
        if (r)
                rv_blocks_free(t);
        else if (t->n)
                qsort(t->v, t->n, sizeof *t->v, in_order);
        if (r == 0)
                t->swaps = rv_slurp("/proc/swaps", 1 << 20, &n);
        return r;
}

void rv_blocks_free(struct rv_blocks *t)
{
        for (size_t i = 0; i < t->n; i++)
                free(t->v[i].udev);
        free(t->v);
        free(t->swaps);
        rv_mounts_free(&t->mounts);
        *t = (struct rv_blocks) { 0 };
}

const struct rv_block *rv_blocks_find(const struct rv_blocks *t, const char *kernel)
{
        for (size_t i = 0; i < t->n; i++)
                if (strcmp(t->v[i].kernel, kernel) == 0)
                        return &t->v[i];
        return NULL;
}

/* ---- one ---- */

static int hex(char c)
{
        return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

bool rv_block_udev(const struct rv_block *b, const char *property, char *ret, size_t size)
{
        size_t k = strlen(property), n = 0;
        for (const char *p = b->udev; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                if (strncmp(p, "E:", 2) != 0 || strncmp(p + 2, property, k) != 0 || p[2 + k] != '=')
                        continue;
                for (p += 3 + k; *p && *p != '\n' && n + 1 < size; p++)
                        if (p[0] == '\\' && p[1] == 'x' && hex(p[2]) >= 0 && hex(p[3]) >= 0) {
                                ret[n++] = (char)(hex(p[2]) << 4 | hex(p[3]));
                                p += 3;
                        } else
                                ret[n++] = *p;
                while (n && ret[n - 1] == ' ')
                        n--;
                ret[n] = 0;
                return n > 0;
        }
        return false;
}

bool rv_block_names(const struct rv_block *b, const char *folder, char *ret, size_t size)
{
        char path[300];
        size_t n = 0;
        snprintf(path, sizeof path, CLASS "%s/%s", b->kernel, folder);
        DIR *d = opendir(path);
        ret[0] = 0;
        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] != '.' && n + strlen(e->d_name) + 2 < size)
                        n += (size_t)snprintf(ret + n, size - n, "%s\n", e->d_name);
        if (d)
                closedir(d);
        return n > 0;
}

const struct rv_mount *rv_block_mount(const struct rv_blocks *t, const struct rv_block *b, size_t *at)
{
        for (; *at < t->mounts.n; ++*at) {
                const struct rv_mount *m = &t->mounts.v[*at];
                if ((m->major == b->major && m->minor == b->minor) || strcmp(m->source, b->path) == 0) {
                        ++*at;
                        return m;
                }
        }
        return NULL;
}

bool rv_block_swap(const struct rv_blocks *t, const struct rv_block *b)
{
        char kernel_path[80];
        snprintf(kernel_path, sizeof kernel_path, "/dev/%s", b->kernel);
        for (const char *p = t->swaps; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                size_t n = strcspn(p, " \t\n");
                if ((n == strlen(b->path) && strncmp(p, b->path, n) == 0) ||
                    (n == strlen(kernel_path) && strncmp(p, kernel_path, n) == 0))
                        return true;
        }
        return false;
}

bool rv_block_fstype(const struct rv_blocks *t, const struct rv_block *b, char *ret, size_t size)
{
        size_t at = 0;
        if (rv_block_udev(b, "ID_FS_TYPE", ret, size))
                return true;
        const struct rv_mount *m = rv_block_mount(t, b, &at);
        if (m || rv_block_swap(t, b))
                snprintf(ret, size, "%s", m ? m->type : "swap");
        return m || rv_block_swap(t, b);
}

/* Whether b is the disk, is of it, or is mapped onto something that is. */
static bool lies_on(const struct rv_blocks *t, const struct rv_block *b, const struct rv_block *disk,
                    int depth)
{
        char names[2048], *rest = names;
        if (!b || depth > DEEPEST)
                return false;
        if (b == disk || strcmp(disk_of(b), disk->kernel) == 0)
                return true;
        rv_block_names(b, "slaves", names, sizeof names);
        for (char *name; (name = strsep(&rest, "\n"));)
                if (*name && lies_on(t, rv_blocks_find(t, name), disk, depth + 1))
                        return true;
        return false;
}

bool rv_block_holds(const struct rv_blocks *t, const struct rv_block *disk, const char *target)
{
        const struct rv_mount *m = rv_mounts_of(&t->mounts, target);
        for (size_t i = 0; m && i < t->n; i++)
                if ((t->v[i].major == m->major && t->v[i].minor == m->minor) ||
                    strcmp(t->v[i].path, m->source) == 0)
                        return lies_on(t, &t->v[i], disk, 0);
        return false;
}

const char *rv_block_bus(const struct rv_block *b)
{
        static const char *const places[][2] = { { "/usb", "USB" },         { "/nvme/", "NVMe" },
                                                 { "/session", "iSCSI" },   { "/rport-", "Fibre Channel" },
                                                 { "/end_device-", "SAS" }, { "/ata", "SATA" },
                                                 { "/mmc_host/", "MMC" },   { "/vbd-", "Xen" },
                                                 { "/vmbus", "Hyper-V" },   { "/target", "SCSI" },
                                                 { "/virtio", "Virtio" },   { "/virtual/", "Virtual" } };
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                if (strstr(b->device, places[i][0]))
                        return places[i][1];
        return NULL;
}
