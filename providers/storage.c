/* SPDX-License-Identifier: MIT
 *
 * BlockDevice, Disk, Partition, Volume: four looks at the same table of block devices (providers/lib/blockdev.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/BlockDevice.h"
#include "gen/Disk.h"
#include "gen/Partition.h"
#include "gen/Volume.h"
#include "providers/lib/askfs.h"
#include "providers/lib/blockdev.h"
#include "providers/lib/diskchange.h"
#include "providers/lib/fill.h"

enum { NAMES = 8192 };

static int read_blocks(struct rv_blocks *t, struct rv_error *err)
{
        int e = rv_blocks_read(t);
        return e ? rv_fail_errno(err, -e, "cannot list the block devices (/sys/class/block)") : RV_OK;
}

static void fill_udev(struct rv_row *row, unsigned p, const struct rv_block *b, const char *property)
{
        char text[512];
        if (rv_wants(row, p) && rv_block_udev(b, property, text, sizeof text))
                rv_fill(row, p, text);
}

static void fill_number(struct rv_row *row, unsigned p, const struct rv_block *b, const char *file)
{
        uint64_t u;
        if (rv_wants(row, p) && rv_block_number(b, file, &u))
                rv_set_uint(row, p, u);
}

static void fill_mounts(struct rv_row *row, unsigned p, const struct rv_blocks *t, const struct rv_block *b,
                        bool swap)
{
        uint32_t n = 0;
        size_t at = 0;
        if (!rv_wants(row, p))
                return;
        swap = swap && rv_block_swap(t, b);
        while (rv_block_mount(t, b, &at))
                n++;
        rv_list list = rv_set_list(row, p, n + swap);
        at = 0;
        for (uint32_t i = 0; i < n; i++) {
                const struct rv_mount *m = rv_block_mount(t, b, &at);
                rv_item_string(row, list, i, m->target, strlen(m->target));
        }
        if (swap)
                rv_item_string(row, list, n, "[SWAP]", 6);
}

static bool is_disk(const struct rv_block *b)
{
        return strcmp(b->type, "disk") == 0 && !strstr(b->device, "/virtual/");
}

/* ---- BlockDevice ---- */

/* "none [mq-deadline] bfq": the one in brackets. */
static void fill_scheduler(struct rv_row *row, const struct rv_block *b)
{
        char text[256];
        if (!BlockDevice_wants_Scheduler(row) || !rv_block_file(b, "queue/scheduler", text, sizeof text))
                return;
        const char *from = strchr(text, '[');
        rv_fill_n(row, BlockDevice_Scheduler, from ? from + 1 : text,
                  strcspn(from ? from + 1 : text, "] \n"));
}

static void fill_names(struct rv_row *row, unsigned p, const struct rv_block *b, const char *folder)
{
        char names[NAMES];
        if (rv_wants(row, p) && rv_block_names(b, folder, names, sizeof names))
                rv_fill_list(row, p, names, "\n");
}

static void fill_block(const struct rv_blocks *t, struct rv_row *row, const struct rv_block *b)
{
        char text[128];
        uint64_t u;
        rv_fill(row, BlockDevice_KernelName, b->kernel);
        rv_fill(row, BlockDevice_Name, b->name);
        rv_fill(row, BlockDevice_Path, b->path);
        snprintf(text, sizeof text, "%u:%u", b->major, b->minor);
        rv_fill(row, BlockDevice_DeviceNumber, text);
        rv_fill(row, BlockDevice_Type, b->type);
        BlockDevice_set_Size(row, b->size);
        BlockDevice_set_ReadOnly(row, b->read_only);
        BlockDevice_set_Removable(row, b->removable);
        if (BlockDevice_wants_Rotational(row) && rv_block_number(b, "queue/rotational", &u))
                BlockDevice_set_Rotational(row, u == 1);
        fill_number(row, BlockDevice_LogicalSectorSize, b, "queue/logical_block_size");
        fill_number(row, BlockDevice_PhysicalSectorSize, b, "queue/physical_block_size");
        rv_fill(row, BlockDevice_Parent, b->parent);
        fill_names(row, BlockDevice_Holders, b, "holders");
        fill_names(row, BlockDevice_Slaves, b, "slaves");
        fill_scheduler(row, b);
        fill_number(row, BlockDevice_QueueDepth, b, "queue/nr_requests");
        fill_number(row, BlockDevice_DiscardGranularity, b, "queue/discard_granularity");
        if (BlockDevice_wants_FileSystem(row) && rv_block_fstype(t, b, text, sizeof text))
                rv_fill(row, BlockDevice_FileSystem, text);
        fill_udev(row, BlockDevice_Label, b, "ID_FS_LABEL_ENC");
        fill_udev(row, BlockDevice_Uuid, b, "ID_FS_UUID");
        fill_udev(row, BlockDevice_PartitionUuid, b, "ID_PART_ENTRY_UUID");
        fill_udev(row, BlockDevice_PartitionTable, b, "ID_PART_TABLE_TYPE");
        fill_mounts(row, BlockDevice_MountPoints, t, b, true);
}

/* ---- Disk ---- */

/* /sys .../vendor of a PCI or virtio device is a number: no name. */
static bool maker(const struct rv_block *b, char *ret, size_t size)
{
        return rv_block_file(b, "device/vendor", ret, size) && strncmp(ret, "0x", 2) != 0;
}

static void fill_identity(struct rv_row *row, const struct rv_block *b)
{
        char vendor[128] = "", model[128] = "", text[300];
        bool has_maker = maker(b, vendor, sizeof vendor);
        rv_block_file(b, "device/model", model, sizeof model);
        if (has_maker && strcmp(vendor, "ATA") != 0)
                rv_fill(row, Disk_Manufacturer, vendor);
        snprintf(text, sizeof text, "%s%s%s", has_maker && strcmp(vendor, "ATA") != 0 ? vendor : "",
                 has_maker && strcmp(vendor, "ATA") != 0 && model[0] ? " " : "", model);
        if (!text[0])
                snprintf(text, sizeof text, "%s disk", rv_block_bus(b) ? rv_block_bus(b) : "Unknown");
        rv_fill(row, Disk_FriendlyName, text);
        if (rv_block_udev(b, "ID_SERIAL_SHORT", text, sizeof text) ||
            rv_block_file(b, "device/serial", text, sizeof text) ||
            rv_block_file(b, "serial", text, sizeof text))
                rv_fill(row, Disk_SerialNumber, text);
        if (rv_block_udev(b, "ID_WWN", text, sizeof text) || rv_block_file(b, "wwid", text, sizeof text) ||
            rv_block_file(b, "device/wwid", text, sizeof text))
                rv_fill(row, Disk_UniqueId, text);
        if (rv_block_file(b, "device/firmware_rev", text, sizeof text) ||
            rv_block_file(b, "device/rev", text, sizeof text))
                rv_fill(row, Disk_FirmwareVersion, text);
}

/* Documentation/block/stat.rst of the kernel. */
static void fill_counters(struct rv_row *row, const struct rv_block *b)
{
        char text[512];
        unsigned long long f[11];
        if (!rv_block_file(b, "stat", text, sizeof text) ||
            sscanf(text, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", &f[0], &f[1], &f[2], &f[3],
                   &f[4], &f[5], &f[6], &f[7], &f[8], &f[9], &f[10]) != 11)
                return;
        Disk_set_ReadOperations(row, f[0]);
        Disk_set_ReadBytes(row, f[2] * 512);
        Disk_set_WriteOperations(row, f[4]);
        Disk_set_WrittenBytes(row, f[6] * 512);
        Disk_set_QueueLength(row, (uint32_t)f[8]);
        Disk_set_BusyTime(row, f[9] * 1000000);
}

static void fill_table(const struct rv_blocks *t, struct rv_row *row, const struct rv_block *b)
{
        char text[64], type[64];
        uint32_t n = 0;
        uint64_t used = 0;
        for (size_t i = 0; i < t->n; i++)
                if (strcmp(t->v[i].parent, b->kernel) == 0) {
                        n++;
                        used += t->v[i].size;
                }
        Disk_set_NumberOfPartitions(row, n);
        Disk_set_AllocatedSize(row, used);
        bool known = rv_block_udev(b, "ID_PART_TABLE_TYPE", text, sizeof text);
        if (known)
                rv_fill(row, Disk_PartitionStyle, strcmp(text, "gpt") == 0 ? "GPT" : "MBR");
        else if (!n && (b->udev || rv_block_fstype(t, b, type, sizeof type)))
                rv_fill(row, Disk_PartitionStyle, "RAW");
        fill_udev(row, Disk_Guid, b, "ID_PART_TABLE_UUID");
}

static void fill_state(struct rv_row *row, const struct rv_block *b)
{
        char text[64];
        bool said = rv_block_file(b, "device/state", text, sizeof text);
        bool well = !said || strcmp(text, "running") == 0 || strcmp(text, "live") == 0;
        rv_fill(row, Disk_OperationalStatus, well ? "Online" : text);
        rv_fill(row, Disk_HealthStatus, well ? "Healthy" : "Warning");
}

static void fill_holders(const struct rv_blocks *t, struct rv_row *row, const struct rv_block *disk)
{
        char all[NAMES] = "", one[NAMES];
        size_t at = 0;
        if (!Disk_wants_Holders(row))
                return;
        for (size_t i = 0; i < t->n; i++)
                if ((&t->v[i] == disk || strcmp(t->v[i].parent, disk->kernel) == 0) &&
                    rv_block_names(&t->v[i], "holders", one, sizeof one) && at + strlen(one) + 2 < sizeof all)
                        at += (size_t)snprintf(all + at, sizeof all - at, "%s\n", one);
        rv_fill_list(row, Disk_Holders, all, "\n");
}

static void fill_disk(const struct rv_blocks *t, struct rv_row *row, const struct rv_block *b,
                      uint32_t number)
{
        uint64_t u;
        rv_fill(row, Disk_Name, b->kernel);
        Disk_set_Number(row, number);
        rv_fill(row, Disk_Path, b->path);
        fill_identity(row, b);
        Disk_set_Size(row, b->size);
        fill_table(t, row, b);
        fill_number(row, Disk_LogicalSectorSize, b, "queue/logical_block_size");
        fill_number(row, Disk_PhysicalSectorSize, b, "queue/physical_block_size");
        rv_fill(row, Disk_BusType, rv_block_bus(b));
        if (Disk_wants_MediaType(row) && rv_block_number(b, "queue/rotational", &u))
                rv_fill(row, Disk_MediaType, u == 1 ? "HDD" : "SSD");
        fill_state(row, b);
        fill_holders(t, row, b);
        Disk_set_IsReadOnly(row, b->read_only);
        Disk_set_Removable(row, b->removable);
        if (Disk_wants_IsBoot(row))
                Disk_set_IsBoot(row, rv_block_holds(t, b, "/boot"));
        if (Disk_wants_IsSystem(row))
                Disk_set_IsSystem(row, rv_block_holds(t, b, "/"));
        fill_counters(row, b);
}

/* ---- Partition ---- */

static const struct {
        const char *gpt; /* its beginning tells */
        uint8_t mbr;
        const char *word;
} kinds[] = {
        { "c12a7328-", 0xef, "System" }, { "ebd0a0a2-", 0x07, "Basic" }, { "0fc63daf-", 0x83, "Linux" },
        { "4f68bce3-", 0x83, "Linux" },  { "933ac7e1-", 0x83, "Linux" }, { "bc13c2ff-", 0xea, "Boot" },
        { "0657fd6d-", 0x82, "Swap" },   { "e6d6d379-", 0x8e, "LVM" },   { "a19d880f-", 0xfd, "RAID" },
        { "21686148-", 0, "BIOS boot" }, { "e3c9e316-", 0, "Reserved" }, { "de94bba4-", 0x27, "Recovery" },
        { "ca7d7ccb-", 0xe8, "LUKS" },   { "-", 0x05, "Extended" },      { "-", 0x0f, "Extended" },
        { "-", 0x0b, "FAT32" },          { "-", 0x0c, "FAT32" }
};

static void fill_kind(struct rv_row *row, const struct rv_block *b)
{
        char type[64];
        if (!rv_block_udev(b, "ID_PART_ENTRY_TYPE", type, sizeof type))
                return;
        bool mbr = strncmp(type, "0x", 2) == 0;
        unsigned long code = mbr ? strtoul(type, NULL, 16) : 0;
        if (mbr)
                Partition_set_MbrType(row, (uint16_t)code);
        else
                rv_fill(row, Partition_GptType, type);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (mbr ? kinds[i].mbr == code : strncmp(type, kinds[i].gpt, strlen(kinds[i].gpt)) == 0) {
                        rv_fill(row, Partition_Type, kinds[i].word);
                        return;
                }
}

/* NAME=value of the kernel's own uevent file, where udev does not run. */
static void fill_uevent(struct rv_row *row, unsigned p, const struct rv_block *b, const char *name)
{
        char all[1024];
        size_t k = strlen(name);
        if (!rv_wants(row, p) || !rv_block_file(b, "uevent", all, sizeof all))
                return;
        for (const char *at = all; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
                if (strncmp(at, name, k) == 0 && at[k] == '=')
                        rv_fill_n(row, p, at + k + 1, strcspn(at + k + 1, "\n"));
}

static void fill_partition(const struct rv_blocks *t, struct rv_row *row, const struct rv_block *b,
                           int64_t number)
{
        char text[64];
        rv_fill(row, Partition_DiskName, b->parent);
        Partition_set_PartitionNumber(row, b->partition);
        if (number >= 0)
                Partition_set_DiskNumber(row, (uint32_t)number);
        rv_fill(row, Partition_Name, b->kernel);
        rv_fill(row, Partition_Path, b->path);
        Partition_set_Offset(row, b->start);
        Partition_set_Size(row, b->size);
        fill_uevent(row, Partition_Guid, b, "PARTUUID");
        fill_udev(row, Partition_Guid, b, "ID_PART_ENTRY_UUID");
        fill_kind(row, b);
        fill_uevent(row, Partition_Label, b, "PARTNAME");
        fill_udev(row, Partition_Label, b, "ID_PART_ENTRY_NAME");
        fill_mounts(row, Partition_AccessPaths, t, b, false);
        if (Partition_wants_IsBoot(row))
                Partition_set_IsBoot(row, rv_block_holds(t, b, "/boot"));
        if (Partition_wants_IsSystem(row))
                Partition_set_IsSystem(row, rv_block_holds(t, b, "/"));
        Partition_set_IsReadOnly(row, b->read_only);
        if (rv_block_udev(b, "ID_PART_ENTRY_SCHEME", text, sizeof text) && strcmp(text, "dos") == 0)
                Partition_set_IsActive(row, rv_block_udev(b, "ID_PART_ENTRY_FLAGS", text, sizeof text) &&
                                                    strtoul(text, NULL, 16) & 0x80);
}

/* ---- Volume ---- */

static bool is_volume(const struct rv_blocks *t, const struct rv_block *b)
{
        char usage[32];
        size_t at = 0;
        return (rv_block_udev(b, "ID_FS_USAGE", usage, sizeof usage) && strcmp(usage, "filesystem") == 0) ||
               rv_block_mount(t, b, &at);
}

static void fill_volume(const struct rv_blocks *t, struct rv_row *row, const struct rv_block *b,
                        const struct rv_fs_question *asked)
{
        char text[128];
        size_t at = 0;
        bool known = asked && asked->state == RV_FS_OK;
        const struct rv_mount *m = rv_block_mount(t, b, &at);
        rv_fill(row, Volume_Path, b->path);
        rv_fill(row, Volume_Name, b->name);
        rv_fill(row, Volume_DeviceName, b->kernel);
        fill_udev(row, Volume_UniqueId, b, "ID_FS_UUID");
        fill_udev(row, Volume_FileSystemLabel, b, "ID_FS_LABEL_ENC");
        if (rv_block_fstype(t, b, text, sizeof text))
                rv_fill(row, Volume_FileSystem, text);
        rv_fill(row, Volume_DriveType,
                strcmp(b->type, "rom") == 0 ? "CD-ROM"
                : b->removable              ? "Removable"
                                            : "Fixed");
        bool turned = m && !b->read_only && rv_mount_option(m->super_options, "ro") &&
                      !rv_mount_option(m->options, "ro");
        rv_fill(row, Volume_HealthStatus, turned ? "Warning" : known ? "Healthy" : "Unknown");
        fill_mounts(row, Volume_MountPoints, t, b, false);
        Volume_set_Size(row, known ? (uint64_t)asked->fs.f_blocks * asked->fs.f_frsize : b->size);
        if (known) {
                Volume_set_SizeRemaining(row, (uint64_t)asked->fs.f_bavail * asked->fs.f_frsize);
                Volume_set_AllocationUnitSize(row, (uint32_t)asked->fs.f_frsize);
        }
}

/* One question for the first visible mount of each volume, all asked at once. asked[i] is NULL where there is none. */
static int ask_sizes(const struct rv_query *q, const struct rv_blocks *t, struct rv_fs_question **ret_all,
                     struct rv_fs_question **asked)
{
        size_t n = 0;
        struct rv_fs_question *all = calloc(t->n + 1, sizeof *all), **list = calloc(t->n + 1, sizeof *list);
        for (size_t i = 0; all && list && i < t->n; i++) {
                size_t at = 0;
                const struct rv_mount *m;
                while ((m = rv_block_mount(t, &t->v[i], &at)) && m->hidden)
                        ;
                if (!m)
                        continue;
                all[n] = (struct rv_fs_question) { .path = m->target, .id = m->id, .mount = m->id };
                asked[i] = list[n] = &all[n];
                n++;
        }
        uint64_t now = rv_now(), left = q->deadline > now ? q->deadline - now : 0;
        if (n)
                rv_askfs(list, n, now + left / 4 * 3);
        free(list);
        *ret_all = all;
        return all ? RV_OK : -ENOMEM;
}

static int volume_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_blocks t;
        struct rv_fs_question *all = NULL, **asked;
        int e = read_blocks(&t, err);
        if (e)
                return e;
        asked = calloc(t.n + 1, sizeof *asked);
        bool sizes = rv_asked(q, Volume_Size) || rv_asked(q, Volume_SizeRemaining) ||
                     rv_asked(q, Volume_HealthStatus) || rv_asked(q, Volume_AllocationUnitSize);
        e = !asked ? -ENOMEM : sizes ? ask_sizes(q, &t, &all, asked) : RV_OK;
        for (size_t i = 0; e == RV_OK && i < t.n; i++) {
                if (!is_volume(&t, &t.v[i]))
                        continue;
                struct rv_row *row = rv_row(out);
                fill_volume(&t, row, &t.v[i], asked[i]);
                e = rv_emit(out, row);
        }
        free(asked);
        free(all);
        rv_blocks_free(&t);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- queries of the others ---- */

static int block_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_blocks t;
        (void)q;
        int e = read_blocks(&t, err);
        if (e)
                return e;
        for (size_t i = 0; e == RV_OK && i < t.n; i++) {
                struct rv_row *row = rv_row(out);
                fill_block(&t, row, &t.v[i]);
                e = rv_emit(out, row);
        }
        rv_blocks_free(&t);
        return e == RV_STOP ? RV_OK : e;
}

static int disk_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_blocks t;
        uint32_t number = 0;
        (void)q;
        int e = read_blocks(&t, err);
        if (e)
                return e;
        for (size_t i = 0; e == RV_OK && i < t.n; i++) {
                if (!is_disk(&t.v[i]))
                        continue;
                struct rv_row *row = rv_row(out);
                fill_disk(&t, row, &t.v[i], number++);
                e = rv_emit(out, row);
        }
        rv_blocks_free(&t);
        return e == RV_STOP ? RV_OK : e;
}

static int partition_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_blocks t;
        int64_t number = -1, disks = 0;
        (void)q;
        int e = read_blocks(&t, err);
        if (e)
                return e;
        for (size_t i = 0; e == RV_OK && i < t.n; i++) {
                const struct rv_block *b = &t.v[i];
                if (!b->partition) {
                        number = is_disk(b) ? disks++ : -1;
                        continue;
                }
                struct rv_row *row = rv_row(out);
                fill_partition(&t, row, b, number);
                e = rv_emit(out, row);
        }
        rv_blocks_free(&t);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changes: providers/lib/diskchange.h ---- */

/* Which device a call is about: a property of its key. */
static int begin(struct rv_diskchange *d, struct rv_call *c, unsigned property, const char *verb,
                 struct rv_error *err)
{
        const struct rv_arg *key = &c->key[property];
        if (key->type == RV_STRING)
                return rv_diskchange_begin(d, c, key->s, verb, err);
        return rv_fail(err, RV_INVALID_PARAMETER, "it is named by its %s",
                       c->class->properties[property].name);
}

static int disk_initialize(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Disk_Initialize_in *in = args;
        struct rv_diskchange d;
        int e = begin(&d, c, Disk_Name, "initialize", err);
        if (e)
                return e;
        e = rv_diskchange_initialize(&d, in->has_PartitionStyle ? in->PartitionStyle : "GPT",
                                     in->has_Force && in->Force, err);
        if (e == RV_OK)
                Disk_Initialize_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

static int disk_clear(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Disk_Clear_in *in = args;
        struct rv_diskchange d;
        int e = begin(&d, c, Disk_Name, "clear", err);
        if (e)
                return e;
        e = rv_diskchange_clear(&d, in->has_RemoveData && in->RemoveData, err);
        if (e == RV_OK)
                Disk_Clear_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

static int disk_rescan(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct rv_diskchange d;
        int e = begin(&d, c, Disk_Name, "look anew at", err);
        if (e)
                return e;
        e = rv_diskchange_rescan(&d, err);
        if (e == RV_OK)
                Disk_Rescan_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

/* The disk of a number, as Get-Disk has it. */
static int disk_of_number(uint32_t number, char *ret, size_t size, struct rv_error *err)
{
        struct rv_blocks t;
        int e = read_blocks(&t, err);
        if (e)
                return e;
        *ret = 0;
        for (size_t i = 0; i < t.n && !*ret; i++)
                if (is_disk(&t.v[i]) && number-- == 0)
                        snprintf(ret, size, "%s", t.v[i].kernel);
        rv_blocks_free(&t);
        return *ret ? RV_OK : rv_fail(err, RV_NOT_FOUND, "there is no disk of that number");
}

static int partition_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Partition_Create_in *in = args;
        struct rv_newpartition p = { .size = in->has_Size ? in->Size : 0,
                                     .offset = in->has_Offset ? in->Offset : 0,
                                     .type = in->has_Type ? in->Type : NULL,
                                     .label = in->has_Label ? in->Label : NULL };
        struct rv_diskchange d;
        char name[64] = "", path[80];
        uint32_t number;
        if (in->has_Size && in->has_UseMaximumSize && in->UseMaximumSize)
                return rv_fail(err, RV_INVALID_PARAMETER, "Size and UseMaximumSize exclude each other");
        int e = in->has_DiskName || !in->has_DiskNumber
                        ? RV_OK
                        : disk_of_number(in->DiskNumber, name, sizeof name, err);
        if (e == RV_OK && !in->has_DiskName && !in->has_DiskNumber)
                e = rv_fail(err, RV_INVALID_PARAMETER, "on which disk? DiskName or DiskNumber says it");
        if (e == RV_OK)
                e = rv_diskchange_begin(&d, c, *name ? name : in->DiskName, "make a partition on", err);
        if (e)
                return e;
        e = rv_diskchange_add(&d, &p, &number, err);
        if (e == RV_OK) {
                bool digit = d.b->kernel[0] && strchr("0123456789", d.b->kernel[strlen(d.b->kernel) - 1]);
                int n = snprintf(path, sizeof path, "/dev/%.60s%s%u", d.b->kernel, digit ? "p" : "", number);
                Partition_Create_out_set_ReturnValue(c->out, 0);
                Partition_Create_out_set_PartitionNumber(c->out, number);
                Partition_Create_out_set_Path(c->out, path, (size_t)n);
        }
        return rv_diskchange_end(&d, e);
}

/* The kernel's name by the key: the disk's and a number. */
static int begin_partition(struct rv_diskchange *d, struct rv_call *c, const char *verb, struct rv_error *err)
{
        const struct rv_arg *disk = &c->key[Partition_DiskName], *number = &c->key[Partition_PartitionNumber];
        char name[80];
        if (disk->type != RV_STRING || number->type == RV_NULL || !disk->len || disk->len > 60)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a partition is named by its DiskName and PartitionNumber");
        bool digit = strchr("0123456789", disk->s[disk->len - 1]);
        snprintf(name, sizeof name, "%s%s%u", disk->s, digit ? "p" : "", (unsigned)number->u);
        return rv_diskchange_begin(d, c, name, verb, err);
}

static int partition_delete(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct rv_diskchange d;
        int e = begin_partition(&d, c, "remove", err);
        if (e)
                return e;
        e = rv_diskchange_remove(&d, err);
        if (e == RV_OK)
                Partition_Delete_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

static int partition_resize(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Partition_Resize_in *in = args;
        struct rv_diskchange d;
        int e = begin_partition(&d, c, "resize", err);
        if (e)
                return e;
        e = rv_diskchange_resize(&d, in->has_Size ? in->Size : 0, in->has_Force && in->Force, err);
        if (e == RV_OK)
                Partition_Resize_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

static int volume_format(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Volume_Format_in *in = args;
        struct rv_diskchange d;
        int e = rv_diskchange_begin(&d, c, in->Path, "format", err);
        if (e)
                return e;
        e = rv_diskchange_format(&d, in->has_FileSystem ? in->FileSystem : "ext4",
                                 in->has_FileSystemLabel ? in->FileSystemLabel : NULL,
                                 in->has_Force && in->Force, err);
        if (e == RV_OK)
                Volume_Format_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

static int volume_grow(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct rv_diskchange d;
        int e = begin(&d, c, Volume_Path, "resize the file system on", err);
        if (e)
                return e;
        e = rv_diskchange_grow(&d, err);
        if (e == RV_OK)
                Volume_Grow_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

static int volume_set_label(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Volume_SetLabel_in *in = args;
        struct rv_diskchange d;
        int e = begin(&d, c, Volume_Path, "label", err);
        if (e)
                return e;
        e = rv_diskchange_label(&d, in->FileSystemLabel, err);
        if (e == RV_OK)
                Volume_SetLabel_out_set_ReturnValue(c->out, 0);
        return rv_diskchange_end(&d, e);
}

static int volume_repair(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Volume_Repair_in *in = args;
        struct rv_diskchange d;
        bool clean;
        const char *report;
        int e = begin(&d, c, Volume_Path, "check the file system on", err);
        if (e)
                return e;
        e = rv_diskchange_check(&d, in->has_Scan && in->Scan, &clean, &report, err);
        if (e == RV_OK) {
                Volume_Repair_out_set_ReturnValue(c->out, 0);
                if (!c->what_if || (in->has_Scan && in->Scan))
                        Volume_Repair_out_set_Clean(c->out, clean);
                if (report)
                        Volume_Repair_out_set_Report(c->out, report, strlen(report));
        }
        return rv_diskchange_end(&d, e);
}

typedef int method(struct rv_call *, const void *, struct rv_error *);
static method *const disk_methods[Disk_nmethods] = { [Disk_method_Initialize] = disk_initialize,
                                                     [Disk_method_Clear] = disk_clear,
                                                     [Disk_method_Rescan] = disk_rescan };
static method *const partition_methods[Partition_nmethods] = { [Partition_method_Create] = partition_create,
                                                               [Partition_method_Delete] = partition_delete,
                                                               [Partition_method_Resize] = partition_resize };
static method *const volume_methods[Volume_nmethods] = { [Volume_method_Format] = volume_format,
                                                         [Volume_method_Grow] = volume_grow,
                                                         [Volume_method_SetLabel] = volume_set_label,
                                                         [Volume_method_Repair] = volume_repair };

static const struct rv_provider blockdevice = { .class = &BlockDevice_class, .query = block_query };
static const struct rv_provider disk = { .class = &Disk_class, .query = disk_query, .methods = disk_methods };
static const struct rv_provider partition = { .class = &Partition_class,
                                              .query = partition_query,
                                              .methods = partition_methods };
static const struct rv_provider volume = { .class = &Volume_class,
                                           .query = volume_query,
                                           .methods = volume_methods };

RV_PROVIDERS(storage, &blockdevice, &disk, &partition, &volume);
