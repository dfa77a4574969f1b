/* SPDX-License-Identifier: MIT */
#include "providers/lib/diskchange.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "providers/lib/tool.h"

enum { ARGV_MOST = 16 };

/* ---- which device, and who uses it ---- */

static const struct rv_block *find(const struct rv_blocks *t, const char *name)
{
        struct stat st;
        const struct rv_block *b = strchr(name, '/') ? NULL : rv_blocks_find(t, name);
        if (b || name[0] != '/' || stat(name, &st) < 0 || !S_ISBLK(st.st_mode))
                return b;
        for (size_t i = 0; i < t->n; i++)
                if (t->v[i].major == major(st.st_rdev) && t->v[i].minor == minor(st.st_rdev))
                        return &t->v[i];
        return NULL;
}

int rv_diskchange_begin(struct rv_diskchange *d, struct rv_call *c, const char *name, const char *verb,
                        struct rv_error *err)
{
        *d = (struct rv_diskchange) { .c = c };
        rv_about(err, NULL, name, NULL);
        int e = rv_blocks_read(&d->t);
        if (e)
                return rv_fail_errno(err, -e, "cannot list the block devices (/sys/class/block)");
        d->b = find(&d->t, name);
        if (!d->b) {
                rv_blocks_free(&d->t);
                rv_fail(err, RV_NOT_FOUND, "there is no block device %.100s", name);
                return rv_hint(err, "Get-BlockDevice lists them.");
        }
        snprintf(d->what, sizeof d->what, "%s %s", verb, d->b->path);
        return RV_OK;
}

int rv_diskchange_end(struct rv_diskchange *d, int e)
{
        rv_blocks_free(&d->t);
        return e;
}

/* Who uses this very device: "mounted on /srv", "used by md0"; false: nobody that is known. */
static bool used_by(const struct rv_diskchange *d, const struct rv_block *b, char *ret, size_t size)
{
        char names[512];
        size_t at = 0;
        const struct rv_mount *m = rv_block_mount(&d->t, b, &at);
        if (m)
                return snprintf(ret, size, "mounted on %s", m->target) > 0;
        if (rv_block_swap(&d->t, b))
                return snprintf(ret, size, "in use as swap") > 0;
        if (rv_block_names(b, "holders", names, sizeof names) && names[0])
                return snprintf(ret, size, "part of %.*s", (int)strcspn(names, "\n"), names) > 0;
        return false;
}

/* Refused while it, or a partition of it, is in use. */
static int refuse_used(const struct rv_diskchange *d, struct rv_error *err)
{
        char who[256];
        for (size_t i = 0; i < d->t.n; i++) {
                const struct rv_block *b = &d->t.v[i];
                if ((b != d->b && strcmp(b->parent, d->b->kernel) != 0) || !used_by(d, b, who, sizeof who))
                        continue;
                rv_fail(err, RV_UNAVAILABLE, "cannot %s: %s is %s", d->what, b->path, who);
                return rv_hint(err, "Take it out of use first: Remove-Mount, Remove-PageFile, or the tools "
                                    "of LVM, md or cryptsetup.");
        }
        if (d->b->read_only)
                return rv_fail(err, RV_ACCESS_DENIED, "cannot %s: it is read-only", d->what);
        return RV_OK;
}

static int need_partition(const struct rv_diskchange *d, bool wanted, struct rv_error *err)
{
        if (wanted == (d->b->partition != 0))
                return RV_OK;
        return rv_fail(err, RV_INVALID_PARAMETER, "cannot %s: it is %s", d->what,
                       wanted ? "no partition" : "a partition, not a disk");
}

/* ---- tools ---- */

static const struct {
        const char *says;
        int status;
} outcomes[] = {
        { "in use", RV_UNAVAILABLE },
        { "resource busy", RV_UNAVAILABLE },
        { "ermission denied", RV_ACCESS_DENIED },
        { "not permitted", RV_ACCESS_DENIED },
        { "Read-only", RV_ACCESS_DENIED },
        { "No free sectors", RV_INVALID_PARAMETER },
        { "All space for primary partitions is in use", RV_INVALID_PARAMETER },
        { "out of range", RV_INVALID_PARAMETER },
        { "too large", RV_INVALID_PARAMETER },
        { "too small", RV_INVALID_PARAMETER },
        { "Failed to add", RV_INVALID_PARAMETER },
        { "Failed to resize partition", RV_INVALID_PARAMETER },
        { "Invalid argument", RV_INVALID_PARAMETER },
        { "does not contain a recognized partition table", RV_INVALID_PARAMETER },
        { "e2fsck -f", RV_FAILED },
};

static int tool_failed(const struct rv_tool *tool, const struct rv_tool_said *said, struct rv_error *err)
{
        int status = RV_FAILED;
        for (size_t i = sizeof outcomes / sizeof *outcomes; i--;)
                if (strstr(said->complaint, outcomes[i].says) ||
                    (said->text && strstr(said->text, outcomes[i].says)))
                        status = outcomes[i].status;
        return rv_tool_fail(err, status, tool, said);
}

/* said is the caller's to free when it is RV_OK. good: an exit status that is well beside 0. */
static int run(struct rv_diskchange *d, const char *const *argv, const char *input, int good,
               struct rv_tool_said *said, struct rv_error *err)
{
        struct rv_tool tool = { .argv = argv,
                                .what = d->what,
                                .input = input,
                                .ninput = input ? strlen(input) : 0,
                                .deadline = d->c->deadline,
                                .finish = true };
        int e = rv_tool_run(&tool, said, err);
        if (e == RV_OK && said->status != 0 && said->status != good) {
                e = tool_failed(&tool, said, err);
                rv_tool_free(said);
        }
        return e;
}

static int run_quietly(struct rv_diskchange *d, const char *const *argv, struct rv_error *err)
{
        struct rv_tool_said said;
        int e = run(d, argv, NULL, 0, &said, err);
        if (e == RV_OK)
                rv_tool_free(&said);
        return e;
}

/* sfdisk with its own what-if; the kernel is told afterwards of one partition. */
static int run_sfdisk(struct rv_diskchange *d, const struct rv_block *disk, const char *const *options,
                      const char *input, struct rv_tool_said *said, struct rv_error *err)
{
        const char *argv[ARGV_MOST] = { "sfdisk", "--color=never", "--no-reread", "--no-tell-kernel" };
        size_t n = 4;
        if (d->c->what_if)
                argv[n++] = "--no-act";
        for (; *options && strcmp(*options, "/") != 0; options++)
                argv[n++] = *options;
        argv[n++] = disk->path;
        for (; *options; options++)
                if (strcmp(*options, "/") != 0)
                        argv[n++] = *options;
        int e = run(d, argv, input, 0, said, err);
        if (e == RV_NOT_SUPPORTED)
                rv_hint(err, "sfdisk is in the package fdisk (Debian) or util-linux.");
        return e;
}

/* mode: --add, --delete, --update. */
static int tell_kernel(struct rv_diskchange *d, const struct rv_block *disk, const char *mode,
                       uint32_t number, struct rv_error *err)
{
        char nr[16];
        snprintf(nr, sizeof nr, "%u", number);
        const char *argv[] = { "partx", mode, "--nr", nr, disk->path, NULL };
        int e = d->c->what_if ? RV_OK : run_quietly(d, argv, err);
        return e ? rv_hint(err, "The table on the disk is written; the kernel takes it up at the next boot, "
                                "or by partprobe.")
                 : e;
}

static void forget_partitions(struct rv_diskchange *d)
{
        bool any = false;
        for (size_t i = 0; i < d->t.n; i++)
                any |= strcmp(d->t.v[i].parent, d->b->kernel) == 0;
        if (any)
                run_quietly(d, (const char *[]) { "partx", "--delete", d->b->path, NULL }, NULL);
}

/* What is on a device, by its signatures: "ext4 file system", "gpt partition table"; "" for nothing. */
static int look(struct rv_diskchange *d, const struct rv_block *b, char *ret, size_t size,
                struct rv_error *err)
{
        struct rv_tool_said said;
        const char *argv[] = { "blkid", "-p", "-o", "export", b->path, NULL };
        int e = run(d, argv, NULL, 2, &said, err); /* 2: nothing was found */
        *ret = 0;
        if (e)
                return e;
        const char *type = said.text ? strstr(said.text, "\nTYPE=") : NULL,
                   *table = said.text ? strstr(said.text, "PTTYPE=") : NULL;
        if (type)
                snprintf(ret, size, "%.*s", (int)strcspn(type + 6, "\n"), type + 6);
        else if (table)
                snprintf(ret, size, "%.*s partition table", (int)strcspn(table + 7, "\n"), table + 7);
        rv_tool_free(&said);
        return RV_OK;
}

static int refuse_full(struct rv_diskchange *d, bool force, char *ret, size_t size, struct rv_error *err)
{
        int e = look(d, d->b, ret, size, err);
        if (e || !*ret || force)
                return e;
        rv_fail(err, RV_ALREADY_EXISTS, "will not %s: it holds something already (%s)", d->what, ret);
        return rv_hint(err, "Say -Force when what is on it may be lost.");
}

/* ---- disks ---- */

int rv_diskchange_initialize(struct rv_diskchange *d, const char *style, bool force, struct rv_error *err)
{
        char had[128];
        struct rv_tool_said said;
        const char *options[] = { "--wipe", "always", NULL };
        int e = need_partition(d, false, err);
        if (e == RV_OK)
                e = refuse_used(d, err);
        if (e == RV_OK)
                e = refuse_full(d, force, had, sizeof had, err);
        if (e)
                return e;
        rv_change(d->c, "PartitionStyle", *had ? had : "RAW", style);
        e = run_sfdisk(d, d->b, options, strcasecmp(style, "MBR") == 0 ? "label: dos\n" : "label: gpt\n",
                       &said, err);
        if (e)
                return e;
        rv_tool_free(&said);
        if (!d->c->what_if)
                forget_partitions(d);
        return RV_OK;
}

int rv_diskchange_clear(struct rv_diskchange *d, bool force, struct rv_error *err)
{
        char had[128];
        const char *argv[] = { "wipefs", "--all", "--quiet", d->b->path, NULL };
        int e = need_partition(d, false, err);
        if (e == RV_OK)
                e = refuse_used(d, err);
        if (e == RV_OK)
                e = refuse_full(d, force, had, sizeof had, err);
        if (e || !*had)
                return e;
        rv_change(d->c, "PartitionStyle", had, "RAW");
        if (d->c->what_if)
                return RV_OK;
        forget_partitions(d);
        return run_quietly(d, argv, err);
}

int rv_diskchange_rescan(struct rv_diskchange *d, struct rv_error *err)
{
        static const char *const files[] = { "device/rescan", "device/rescan_controller" };
        char path[160];
        int fd = -1, e = need_partition(d, false, err);
        for (size_t i = 0; e == RV_OK && fd < 0 && i < sizeof files / sizeof *files; i++) {
                snprintf(path, sizeof path, "/sys/class/block/%s/%s", d->b->kernel, files[i]);
                fd = open(path, O_WRONLY | O_CLOEXEC);
        }
        if (e)
                return e;
        if (fd < 0)
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "cannot %s: its driver cannot be asked; it tells by itself, or never",
                               d->what);
        rv_change(d->c, "Size", NULL, "as the device says");
        if (!d->c->what_if && write(fd, "1", 1) < 0)
                e = rv_fail_errno(err, errno, "cannot %s", d->what);
        close(fd);
        return e;
}

/* ---- partitions ---- */

static const struct {
        const char *word, *gpt, *mbr;
} types[] = {
        { "Linux", "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "83" },
        { "Swap", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "82" },
        { "System", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef" },
        { "Basic", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "7" },
        { "LVM", "E6D6D379-F507-44C2-A23C-238F2A3DF928", "8e" },
        { "RAID", "A19D880F-05FC-4D3B-A006-743F0F84911E", "fd" },
        { "LUKS", "CA7D7CCB-63ED-4C53-861C-1742536059CC", "e8" },
        { "BIOS boot", "21686148-6449-6E6F-744E-656564454649", NULL },
};

/* A word, a GUID or a hexadecimal number, as the table's kind wants it. NULL: it does not fit. */
static const char *type_code(const char *type, bool gpt)
{
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (strcasecmp(types[i].word, type) == 0)
                        return gpt ? types[i].gpt : types[i].mbr;
        size_t n = strlen(type), hex = strspn(type, "0123456789abcdefABCDEF");
        if (gpt)
                return n == 36 && strspn(type, "0123456789abcdefABCDEF-") == n ? type : NULL;
        if (type[0] == '0' && type[1] == 'x')
                return type_code(type + 2, false);
        return n && n <= 2 && hex == n ? type : NULL;
}

static int table_kind(struct rv_diskchange *d, const struct rv_block *disk, bool *ret_gpt,
                      struct rv_error *err)
{
        char has[128];
        int e = look(d, disk, has, sizeof has, err);
        if (e)
                return e;
        *ret_gpt = strncmp(has, "gpt", 3) == 0;
        if (*ret_gpt || strncmp(has, "dos", 3) == 0)
                return RV_OK;
        rv_fail(err, RV_INVALID_PARAMETER, "cannot %s: %s has no partition table of GPT or MBR", d->what,
                disk->path);
        return rv_hint(err, "Initialize-Disk writes one.");
}

static int sectors(const struct rv_diskchange *d, uint64_t bytes, const char *property, uint64_t *ret,
                   struct rv_error *err)
{
        uint64_t unit = 512;
        rv_block_number(d->b, "queue/logical_block_size", &unit);
        *ret = bytes / (unit ? unit : 512);
        if (*ret && bytes % unit == 0)
                return RV_OK;
        rv_about(err, NULL, NULL, property);
        return rv_fail(err, RV_INVALID_PARAMETER, "%" PRIu64 " bytes are not whole sectors of %" PRIu64,
                       bytes, unit);
}

static int line_of(struct rv_diskchange *d, const struct rv_newpartition *p, bool gpt, char *to, size_t size,
                   struct rv_error *err)
{
        const char *code = type_code(p->type ? p->type : "Linux", gpt);
        uint64_t n;
        size_t at = 0;
        int e = RV_OK;
        if (!code) {
                rv_about(err, NULL, NULL, "Type");
                rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no type of a partition of %s", p->type,
                        gpt ? "GPT" : "MBR");
                return rv_hint(err, "Linux, Swap, System, Basic, LVM, RAID, LUKS; a GUID (GPT) or a "
                                    "hexadecimal number (MBR).");
        }
        if (p->label && (!gpt || !*p->label || strlen(p->label) > 36)) {
                rv_about(err, NULL, NULL, "Label");
                return gpt ? rv_fail(err, RV_INVALID_PARAMETER, "a partition's name has 1 to 36 characters")
                           : rv_fail(err, RV_NOT_SUPPORTED, "partitions of MBR have no names");
        }
        for (const char *s = p->label; s && *s; s++)
                if (iscntrl((unsigned char)*s) || *s == '"' || *s == '\\') {
                        rv_about(err, NULL, NULL, "Label");
                        return rv_fail(
                                err, RV_INVALID_PARAMETER,
                                "a partition's name has no quotes, backslashes and control characters");
                }
        if (p->offset && (e = sectors(d, p->offset, "Offset", &n, err)) == RV_OK)
                at += (size_t)snprintf(to + at, size - at, "start=%" PRIu64 ", ", n);
        if (e == RV_OK && p->size && (e = sectors(d, p->size, "Size", &n, err)) == RV_OK)
                at += (size_t)snprintf(to + at, size - at, "size=%" PRIu64 ", ", n);
        if (e == RV_OK)
                snprintf(to + at, size - at, "type=%s%s%s%s\n", code, p->label ? ", name=\"" : "",
                         p->label ? p->label : "", p->label ? "\"" : "");
        return e;
}

int rv_diskchange_add(struct rv_diskchange *d, const struct rv_newpartition *p, uint32_t *ret,
                      struct rv_error *err)
{
        static const char says[] = "Created a new partition ";
        char line[256], number[160];
        bool gpt;
        struct rv_tool_said said;
        const char *options[] = { "--append", "--wipe-partitions", "always", NULL };
        int e = need_partition(d, false, err);
        if (e == RV_OK && d->b->read_only)
                e = rv_fail(err, RV_ACCESS_DENIED, "cannot %s: it is read-only", d->what);
        if (e == RV_OK)
                e = table_kind(d, d->b, &gpt, err);
        if (e == RV_OK)
                e = line_of(d, p, gpt, line, sizeof line, err);
        if (e == RV_OK)
                e = run_sfdisk(d, d->b, options, line, &said, err);
        if (e)
                return e;
        const char *made = said.text ? strstr(said.text, says) : NULL;
        *ret = made ? (uint32_t)strtoul(made + strlen(says), NULL, 10) : 0;
        rv_tool_free(&said);
        if (!*ret)
                return rv_fail(err, RV_FAILED, "cannot say which partition sfdisk has made on %s",
                               d->b->path);
        snprintf(number, sizeof number, "%s %u", d->b->kernel, *ret);
        rv_change(d->c, "Partition", NULL, number);
        return tell_kernel(d, d->b, "--add", *ret, err);
}

/* The kernel shows an extended partition as one of two sectors. */
static bool holds_logical_ones(const struct rv_diskchange *d)
{
        bool logical = false;
        for (size_t i = 0; i < d->t.n; i++)
                logical |= strcmp(d->t.v[i].parent, d->b->parent) == 0 && d->t.v[i].partition > 4;
        return logical && d->b->partition <= 4 && d->b->size <= 1024;
}

int rv_diskchange_remove(struct rv_diskchange *d, struct rv_error *err)
{
        char nr[16];
        struct rv_tool_said said;
        snprintf(nr, sizeof nr, "%u", d->b->partition);
        const struct rv_block *disk = rv_blocks_find(&d->t, d->b->parent);
        const char *options[] = { "--delete", "/", nr, NULL };
        int e = need_partition(d, true, err);
        if (e == RV_OK)
                e = refuse_used(d, err);
        if (e == RV_OK && !disk)
                e = rv_fail(err, RV_UNAVAILABLE, "cannot %s: its disk is gone", d->what);
        if (e == RV_OK && holds_logical_ones(d))
                e = rv_fail(err, RV_UNAVAILABLE,
                            "cannot %s: there are logical partitions in it, which would go with it", d->what);
        if (e == RV_OK)
                rv_change(d->c, "Partition", d->b->kernel, NULL);
        if (e == RV_OK)
                e = run_sfdisk(d, disk, options, NULL, &said, err);
        if (e)
                return e;
        rv_tool_free(&said);
        return tell_kernel(d, disk, "--delete", d->b->partition, err);
}

int rv_diskchange_resize(struct rv_diskchange *d, uint64_t size, bool force, struct rv_error *err)
{
        char nr[16], line[64] = ", +\n", from[24], to[24] = "as much as there is room";
        uint64_t n;
        struct rv_tool_said said;
        snprintf(nr, sizeof nr, "%u", d->b->partition);
        const struct rv_block *disk = rv_blocks_find(&d->t, d->b->parent);
        const char *options[] = { "-N", nr, NULL };
        int e = need_partition(d, true, err);
        if (e == RV_OK && size && (e = sectors(d, size, "Size", &n, err)) == RV_OK)
                snprintf(line, sizeof line, ", %" PRIu64 "\n", n);
        if (e == RV_OK && size && size < d->b->size && !force) {
                rv_fail(err, RV_INVALID_PARAMETER,
                        "will not make %s smaller: what is behind byte %" PRIu64 " of it would be lost",
                        d->b->path, size);
                e = rv_hint(err, "Make the file system on it smaller first, then say -Force.");
        }
        if (e == RV_OK && size && size < d->b->size)
                e = refuse_used(d, err);
        if (e == RV_OK && !disk)
                e = rv_fail(err, RV_UNAVAILABLE, "cannot %s: its disk is gone", d->what);
        if (e || size == d->b->size)
                return e;
        snprintf(from, sizeof from, "%" PRIu64, d->b->size);
        if (size)
                snprintf(to, sizeof to, "%" PRIu64, size);
        rv_change(d->c, "Size", from, to);
        e = run_sfdisk(d, disk, options, line, &said, err);
        if (e)
                return e;
        rv_tool_free(&said);
        return tell_kernel(d, disk, "--update", d->b->partition, err);
}

/* ---- file systems ---- */

#define EXT(type) \
        { \
                type, { "mkfs." type, "-q", "-F" }, "-L", { "e2label" }, { "e2fsck", "-f", "-n" }, \
                        { "e2fsck", "-f", "-p" }, { "resize2fs" }, false, 16 \
        }

static const struct kind {
        const char *type, *make[4], *label; /* label: mkfs' option */
        const char *relabel[4];        /* {device} and the label follow; or the mount point where `mounted` */
        const char *scan[4], *mend[4]; /* the device follows */
        const char *grow[4];
        bool grow_mounted; /* growing takes the mount point */
        uint8_t longest;   /* bytes of a label */
} kinds[] = {
        EXT("ext4"),
        EXT("ext3"),
        EXT("ext2"),
        { "xfs",
          { "mkfs.xfs", "-q", "-f" },
          "-L",
          { "xfs_admin", "-L" },
          { "xfs_repair", "-n" },
          { "xfs_repair" },
          { "xfs_growfs" },
          true,
          12 },
        { "btrfs",
          { "mkfs.btrfs", "-q", "-f" },
          "-L",
          { "btrfs", "filesystem", "label" },
          { "btrfs", "check", "--readonly" },
          { NULL },
          { "btrfs", "filesystem", "resize" },
          true,
          255 },
        { "vfat",
          { "mkfs.vfat", "-I" },
          "-n",
          { "fatlabel" },
          { "fsck.vfat", "-n" },
          { "fsck.vfat", "-a" },
          { NULL },
          false,
          11 },
        { "exfat",
          { "mkfs.exfat" },
          "-L",
          { "exfatlabel" },
          { "fsck.exfat", "-n" },
          { "fsck.exfat", "-p" },
          { NULL },
          false,
          15 },
        { "ntfs",
          { "mkfs.ntfs", "-Q", "-F" },
          "-L",
          { "ntfslabel" },
          { NULL },
          { NULL },
          { NULL },
          false,
          32 },
        { "f2fs",
          { "mkfs.f2fs", "-q", "-f" },
          "-l",
          { NULL },
          { "fsck.f2fs", "--dry-run" },
          { "fsck.f2fs", "-a" },
          { NULL },
          false,
          255 },
        { "swap", { "mkswap" }, "-L", { "swaplabel", "-L" }, { NULL }, { NULL }, { NULL }, false, 15 },
};

static const struct kind *kind_of(const char *type)
{
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (strcasecmp(kinds[i].type, type) == 0)
                        return &kinds[i];
        return NULL;
}

static size_t copy(const char **to, const char *const *from)
{
        size_t n = 0;
        for (; n < 4 && from[n]; n++)
                to[n] = from[n];
        return n;
}

static int no_such_kind(const struct rv_diskchange *d, const char *type, struct rv_error *err)
{
        rv_about(err, NULL, NULL, "FileSystem");
        rv_fail(err, RV_NOT_SUPPORTED, "cannot %s: not known how with '%.40s'", d->what, type);
        return rv_hint(err, "ext2, ext3, ext4, xfs, btrfs, vfat, exfat, ntfs, f2fs and swap are known, each "
                            "as far as its tools go.");
}

static int check_label(const struct kind *k, const char *label, struct rv_error *err)
{
        bool good = label[0] != '-' && strlen(label) <= k->longest;
        for (const char *s = label; *s; s++)
                good &= !iscntrl((unsigned char)*s);
        if (good)
                return RV_OK;
        rv_about(err, NULL, NULL, "FileSystemLabel");
        return rv_fail(err, RV_INVALID_PARAMETER,
                       "'%.60s' is no label for %s: at most %u bytes, no control characters, not '-' first",
                       label, k->type, k->longest);
}

int rv_diskchange_format(struct rv_diskchange *d, const char *type, const char *label, bool force,
                         struct rv_error *err)
{
        const char *argv[ARGV_MOST];
        char had[128];
        const struct kind *k = kind_of(type);
        int e = k ? RV_OK : no_such_kind(d, type, err);
        if (e == RV_OK && label)
                e = check_label(k, label, err);
        if (e == RV_OK)
                e = refuse_used(d, err);
        if (e == RV_OK)
                e = refuse_full(d, force, had, sizeof had, err);
        if (e == RV_OK && !rv_tool_there(k->make[0])) {
                rv_fail(err, RV_NOT_SUPPORTED, "cannot %s: this host has no program %s", d->what, k->make[0]);
                e = rv_hint(err, "Install the package that brings it.");
        }
        if (e)
                return e;
        rv_change(d->c, "FileSystem", *had ? had : NULL, k->type);
        if (label)
                rv_change(d->c, "FileSystemLabel", NULL, label);
        size_t n = copy(argv, k->make);
        if (label) {
                argv[n++] = k->label;
                argv[n++] = label;
        }
        argv[n++] = d->b->path;
        argv[n] = NULL;
        rv_progress(d->c, d->what, k->make[0], -1);
        return d->c->what_if ? RV_OK : run_quietly(d, argv, err);
}

/* The kind of file system that is on it now. */
static int present(struct rv_diskchange *d, const struct kind **ret, struct rv_error *err)
{
        char type[128];
        int e = look(d, d->b, type, sizeof type, err);
        if (e)
                return e;
        if (!*type)
                return rv_fail(err, RV_NOT_FOUND, "there is no file system on %s", d->b->path);
        *ret = kind_of(type);
        return *ret ? RV_OK : no_such_kind(d, type, err);
}

int rv_diskchange_grow(struct rv_diskchange *d, struct rv_error *err)
{
        const char *argv[ARGV_MOST];
        const struct kind *k;
        size_t at = 0;
        const struct rv_mount *m = rv_block_mount(&d->t, d->b, &at);
        int e = present(d, &k, err);
        if (e == RV_OK && !k->grow[0])
                e = no_such_kind(d, k->type, err);
        if (e == RV_OK && k->grow_mounted && !m) {
                rv_fail(err, RV_UNAVAILABLE, "cannot %s: %s grows while it is mounted only", d->what,
                        k->type);
                e = rv_hint(err, "Mount it first: New-Mount.");
        }
        if (e)
                return e;
        rv_change(d->c, "Size", NULL, "as large as its device");
        size_t n = copy(argv, k->grow);
        if (strcmp(k->type, "btrfs") == 0)
                argv[n++] = "max";
        argv[n++] = k->grow_mounted && m ? m->target : d->b->path;
        argv[n] = NULL;
        e = d->c->what_if ? RV_OK : run_quietly(d, argv, err);
        if (e == RV_FAILED && !m)
                rv_hint(err, "Repair-Volume checks it first; a mounted one grows without.");
        return e;
}

int rv_diskchange_label(struct rv_diskchange *d, const char *label, struct rv_error *err)
{
        const char *argv[ARGV_MOST];
        const struct kind *k;
        int e = present(d, &k, err);
        if (e == RV_OK && !k->relabel[0])
                e = no_such_kind(d, k->type, err);
        if (e == RV_OK)
                e = check_label(k, label, err);
        if (e)
                return e;
        rv_change(d->c, "FileSystemLabel", NULL, label);
        size_t n = copy(argv, k->relabel);
        if (strcmp(k->relabel[n - 1], "-L") == 0)
                argv[n++] = strcmp(k->type, "xfs") == 0 && !*label ? "--" : label;
        argv[n++] = d->b->path;
        if (strcmp(k->relabel[0], "xfs_admin") != 0 && strcmp(k->relabel[0], "swaplabel") != 0)
                argv[n++] = label;
        argv[n] = NULL;
        return d->c->what_if ? RV_OK : run_quietly(d, argv, err);
}

int rv_diskchange_check(struct rv_diskchange *d, bool scan_only, bool *ret_clean, const char **ret_report,
                        struct rv_error *err)
{
        const char *argv[ARGV_MOST];
        const struct kind *k;
        struct rv_tool_said said;
        struct rv_tool tool = {
                .argv = argv, .what = d->what, .deadline = d->c->deadline, .finish = !scan_only
        };
        *ret_clean = false;
        *ret_report = NULL;
        int e = refuse_used(d, err);
        if (e == RV_OK)
                e = present(d, &k, err);
        const char *const *words = e ? NULL : scan_only ? k->scan : k->mend;
        if (e == RV_OK && !words[0])
                e = no_such_kind(d, k->type, err);
        if (e)
                return e;
        argv[0] = NULL;
        size_t n = copy(argv, words);
        argv[n++] = d->b->path;
        argv[n] = NULL;
        if (!scan_only)
                rv_change(d->c, "HealthStatus", NULL, "Healthy");
        if (d->c->what_if && !scan_only)
                return RV_OK;
        rv_progress(d->c, d->what, argv[0], -1);
        e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        /* fsck(8): 1 is mended, 4 is left, 8 and more are no answer */
        bool answer = said.status < 8 || (strcmp(k->type, "xfs") == 0 && said.status == 1);
        *ret_clean = said.status == 0 || (!scan_only && said.status == 1);
        *ret_report = said.text ? rv_arena_text(d->c->arena, said.text, said.n) : NULL;
        if (!answer)
                e = tool_failed(&tool, &said, err);
        else if (!*ret_clean && !scan_only) {
                e = rv_fail(err, RV_FAILED, "%s could not mend all of %s by itself", argv[0], d->b->path);
                rv_hint(err, "Run %s by hand, which asks at each step.", argv[0]);
        }
        rv_tool_free(&said);
        return e;
}
