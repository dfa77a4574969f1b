/* SPDX-License-Identifier: MIT
 *
 * Mount: the mounted file systems, from /proc/self/mountinfo, which never blocks; sizes from statvfs(3), which may:
 * local types are asked here, all others through providers/lib/askfs.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Mount.h"
#include "providers/lib/askfs.h"
#include "providers/lib/fstab.h"
#include "providers/lib/mounting.h"
#include "providers/lib/mountinfo.h"
#include "providers/lib/procfs.h"

enum drive { UNKNOWN = 0, LOCAL = 3, NETWORK = 4, DISC = 5, RAM = 6 };
enum { PSEUDO = 1, SAFE = 2, NEVER = 4 }; /* no storage; statvfs cannot hang; must not be asked at all */

/* "fuse.sshfs" is looked up as such, then as "fuse". What is not listed is asked with care. */
static const struct kind {
        const char *type;
        uint8_t drive, flags;
} kinds[] = {
        { "9p", NETWORK, 0 },
        { "afs", NETWORK, 0 },
        { "autofs", UNKNOWN, PSEUDO | NEVER },
        { "bcachefs", LOCAL, SAFE },
        { "binfmt_misc", UNKNOWN, PSEUDO | SAFE },
        { "bpf", UNKNOWN, PSEUDO | SAFE },
        { "btrfs", LOCAL, SAFE },
        { "ceph", NETWORK, 0 },
        { "cgroup", UNKNOWN, PSEUDO | SAFE },
        { "cgroup2", UNKNOWN, PSEUDO | SAFE },
        { "cifs", NETWORK, 0 },
        { "configfs", UNKNOWN, PSEUDO | SAFE },
        { "debugfs", UNKNOWN, PSEUDO | SAFE },
        { "devpts", UNKNOWN, PSEUDO | SAFE },
        { "devtmpfs", UNKNOWN, PSEUDO | SAFE },
        { "efivarfs", UNKNOWN, PSEUDO | SAFE },
        { "erofs", LOCAL, SAFE },
        { "exfat", LOCAL, SAFE },
        { "ext2", LOCAL, SAFE },
        { "ext3", LOCAL, SAFE },
        { "ext4", LOCAL, SAFE },
        { "f2fs", LOCAL, SAFE },
        { "fuse", UNKNOWN, 0 },
        { "fuse.glusterfs", NETWORK, 0 },
        { "fuse.lxcfs", UNKNOWN, PSEUDO },
        { "fuse.gvfsd-fuse", UNKNOWN, PSEUDO },
        { "fuse.portal", UNKNOWN, PSEUDO },
        { "fuse.rclone", NETWORK, 0 },
        { "fuse.s3fs", NETWORK, 0 },
        { "fuse.sshfs", NETWORK, 0 },
        { "fuseblk", LOCAL, 0 },
        { "fusectl", UNKNOWN, PSEUDO | SAFE },
        { "gfs2", NETWORK, 0 },
        { "glusterfs", NETWORK, 0 },
        { "hugetlbfs", UNKNOWN, PSEUDO | SAFE },
        { "iso9660", DISC, SAFE },
        { "jfs", LOCAL, SAFE },
        { "lustre", NETWORK, 0 },
        { "mqueue", UNKNOWN, PSEUDO | SAFE },
        { "ncpfs", NETWORK, 0 },
        { "nfs", NETWORK, 0 },
        { "nfs4", NETWORK, 0 },
        { "nsfs", UNKNOWN, PSEUDO | SAFE },
        { "ntfs", LOCAL, SAFE },
        { "ntfs3", LOCAL, SAFE },
        { "ocfs2", NETWORK, 0 },
        { "orangefs", NETWORK, 0 },
        { "overlay", LOCAL, 0 },
        { "proc", UNKNOWN, PSEUDO | SAFE },
        { "pstore", UNKNOWN, PSEUDO | SAFE },
        { "ramfs", RAM, SAFE },
        { "rpc_pipefs", UNKNOWN, PSEUDO | SAFE },
        { "securityfs", UNKNOWN, PSEUDO | SAFE },
        { "selinuxfs", UNKNOWN, PSEUDO | SAFE },
        { "smb3", NETWORK, 0 },
        { "squashfs", LOCAL, SAFE },
        { "sysfs", UNKNOWN, PSEUDO | SAFE },
        { "tmpfs", RAM, SAFE },
        { "tracefs", UNKNOWN, PSEUDO | SAFE },
        { "udf", DISC, SAFE },
        { "vfat", LOCAL, SAFE },
        { "xfs", LOCAL, SAFE },
        { "zfs", LOCAL, 0 },
};

static const struct kind *find_kind(const char *type)
{
        static const struct kind other = { "", UNKNOWN, 0 };
        size_t whole = strlen(type), stem = strcspn(type, ".");
        const struct kind *found = &other;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                size_t n = strlen(kinds[i].type);
                if (n == whole && memcmp(kinds[i].type, type, n) == 0)
                        return &kinds[i];
                if (n == stem && memcmp(kinds[i].type, type, n) == 0)
                        found = &kinds[i];
        }
        return found;
}

static void set_text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *s)
{
        set(row, s, strlen(s));
}

static size_t count_options(const char *options)
{
        size_t n = 0;
        for (const char *p = options; *p; p += strcspn(p, ","), p += *p == ',')
                n++;
        return n;
}

/* Those of the file system that the mount itself has not said already. */
static void fill_options(struct rv_row *row, const struct rv_mount *m)
{
        if (!Mount_wants_Options(row))
                return;
        const char *lists[] = { m->options, m->super_options };
        size_t n = 0, most = count_options(m->options) + count_options(m->super_options);
        const char **found = calloc(most + 1, sizeof *found);
        if (!found)
                return;
        for (int l = 0; l < 2; l++)
                for (const char *p = lists[l]; *p; p += strcspn(p, ","), p += *p == ',') {
                        size_t len = strcspn(p, ","), k = 0;
                        while (l && k < n &&
                               !(strcspn(found[k], ",") == len && memcmp(found[k], p, len) == 0))
                                k++;
                        if (!l || k == n)
                                found[n++] = p;
                }
        rv_list list = Mount_set_Options(row, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
                rv_item_string(row, list, (uint32_t)i, found[i], strcspn(found[i], ","));
        free(found);
}

static const char *propagation(const char *tags)
{
        bool shared = strstr(tags, "shared:"), slave = strstr(tags, "master:");
        return strstr(tags, "unbindable") ? "unbindable"
               : shared && slave          ? "shared,slave"
               : shared                   ? "shared"
               : slave                    ? "slave"
                                          : "private";
}

/* "a\x20b" of udev's names. */
static size_t decode(const char *s, char *to, size_t size)
{
        size_t n = 0;
        for (; *s && n + 1 < size; s++) {
                unsigned byte;
                if (s[0] == '\\' && s[1] == 'x' && sscanf(s + 2, "%2x", &byte) == 1) {
                        to[n++] = (char)byte;
                        s += 3;
                } else {
                        to[n++] = *s;
                }
        }
        return n;
}

/* The name in a folder of /dev/disk that leads to the device. */
static void fill_by(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t),
                    const char *folder, const struct rv_mount *m)
{
        DIR *d = m->major ? opendir(folder) : NULL;
        for (struct dirent *e; d && (e = readdir(d));) {
                struct stat st;
                char name[256];
                if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0) < 0 || !S_ISBLK(st.st_mode) ||
                    major(st.st_rdev) != m->major || minor(st.st_rdev) != m->minor)
                        continue;
                set(row, name, decode(e->d_name, name, sizeof name));
                break;
        }
        if (d)
                closedir(d);
}

static void fill_dirty(struct rv_row *row, const struct rv_mount *m)
{
        char path[128], link[PATH_MAX], text[32];
        snprintf(path, sizeof path, "/sys/dev/block/%u:%u", m->major, m->minor);
        ssize_t n = strncmp(m->type, "ext", 3) == 0 && m->major ? readlink(path, link, sizeof link - 1) : -1;
        if (n <= 0)
                return;
        link[n] = 0;
        const char *slash = strrchr(link, '/');
        snprintf(path, sizeof path, "/sys/fs/ext4/%.64s/errors_count", slash ? slash + 1 : link);
        if (rv_proc_read(AT_FDCWD, path, text, sizeof text) > 0)
                Mount_set_VolumeDirty(row, strtoul(text, NULL, 10) > 0);
}

static void fill_names(struct rv_row *row, const struct rv_mount *m, const struct kind *kind)
{
        char number[32];
        set_text(row, Mount_set_Name, m->target);
        Mount_set_MountId(row, m->id);
        Mount_set_ParentMountId(row, m->parent);
        set_text(row, Mount_set_Source, m->source);
        set_text(row, Mount_set_FileSystem, m->type);
        set_text(row, Mount_set_RootDirectory, m->root);
        snprintf(number, sizeof number, "%u:%u", m->major, m->minor);
        set_text(row, Mount_set_DeviceNumber, number);
        fill_options(row, m);
        Mount_set_ReadOnly(row, rv_mount_option(m->options, "ro") || rv_mount_option(m->super_options, "ro"));
        set_text(row, Mount_set_Propagation, propagation(m->tags));
        Mount_set_DriveType(row, kind->drive);
        Mount_set_Pseudo(row, kind->flags & PSEUDO);
        Mount_set_Hidden(row, m->hidden);
        if (kind->drive == NETWORK)
                set_text(row, Mount_set_ProviderName, m->source);
        if (Mount_wants_VolumeDirty(row))
                fill_dirty(row, m);
        if (Mount_wants_VolumeName(row))
                fill_by(row, Mount_set_VolumeName, "/dev/disk/by-label", m);
        if (Mount_wants_VolumeSerialNumber(row))
                fill_by(row, Mount_set_VolumeSerialNumber, "/dev/disk/by-uuid", m);
}

static void fill_sizes(struct rv_row *row, const struct statvfs *s)
{
        uint64_t unit = s->f_frsize;
        Mount_set_Size(row, unit * s->f_blocks);
        Mount_set_FreeSpace(row, unit * s->f_bavail);
        Mount_set_UsedSpace(row, unit * (s->f_blocks - s->f_bfree));
        Mount_set_BlockSize(row, unit);
        Mount_set_NumberOfBlocks(row, s->f_blocks);
        if (s->f_files) {
                Mount_set_TotalInodes(row, s->f_files);
                Mount_set_FreeInodes(row, s->f_favail);
        }
        Mount_set_MaximumComponentLength(row, (uint32_t)s->f_namemax);
}

static void fill_status(struct rv_row *row, const struct rv_mount *m, const struct kind *kind,
                        const struct rv_fs_question *q)
{
        char text[256] = "";
        const char *status = "OK";
        switch (q->state) {
        case RV_FS_OK: fill_sizes(row, &q->fs); break;
        case RV_FS_ERROR:
                status = "Error";
                snprintf(text, sizeof text, "%s", strerror(q->error));
                break;
        case RV_FS_STALLED:
                status = "No Contact";
                snprintf(text, sizeof text, "%s did not answer within %d s", m->source,
                         (int)(RV_ASKFS_PATIENCE / 1000000000));
                Mount_set_StalledSince(row, q->since);
                break;
        case RV_FS_COVERED:
                status = "Unknown";
                snprintf(text, sizeof text, "another mount lies over it");
                break;
        case RV_FS_NOT_ASKED:
                if (kind->flags & NEVER)
                        break;
                status = "Unknown";
                snprintf(text, sizeof text, "not asked: %s",
                         m->hidden ? "another mount lies over it" : "too many file systems do not answer");
        }
        set_text(row, Mount_set_Status, status);
        if (text[0])
                set_text(row, Mount_set_StatusText, text);
}

/* Whether anything is asked for that only the file system itself can tell. */
static bool needs_asking(const struct rv_query *q)
{
        static const uint8_t from_fs[] = { Mount_Status,
                                           Mount_StatusText,
                                           Mount_StalledSince,
                                           Mount_Size,
                                           Mount_FreeSpace,
                                           Mount_UsedSpace,
                                           Mount_BlockSize,
                                           Mount_TotalInodes,
                                           Mount_FreeInodes,
                                           Mount_NumberOfBlocks,
                                           Mount_MaximumComponentLength };
        for (size_t i = 0; i < sizeof from_fs; i++)
                if (rv_asked(q, from_fs[i]))
                        return true;
        return false;
}

/* Conditions of text are without case in WQL; the core looks again. */
static bool is_asked_for(const struct rv_query *q, const struct rv_mount *m)
{
        const struct rv_arg *name = rv_equals(q, Mount_Name), *id = rv_equals(q, Mount_MountId),
                            *type = rv_equals(q, Mount_FileSystem);
        return (!name || strcasecmp(name->s, m->target) == 0) && (!id || id->u == m->id) &&
               (!type || strcasecmp(type->s, m->type) == 0);
}

/* The answers are the caller's to free. */
static struct rv_fs_question *ask_all(const struct rv_query *q, const struct rv_mounts *mounts)
{
        struct rv_fs_question *all = calloc(mounts->n + 1, sizeof *all);
        struct rv_fs_question **careful = calloc(mounts->n + 1, sizeof *careful);
        size_t n = 0;
        for (size_t i = 0; all && careful && i < mounts->n && needs_asking(q); i++) {
                const struct rv_mount *m = &mounts->v[i];
                uint8_t flags = find_kind(m->type)->flags;
                all[i] = (struct rv_fs_question) { .path = m->target,
                                                   .mount = m->id,
                                                   .id = (uint64_t)m->id << 32 | m->major << 20 | m->minor };
                if (flags & NEVER || m->hidden || !is_asked_for(q, m))
                        continue;
                if (flags & SAFE)
                        rv_askfs_here(&all[i]);
                else
                        careful[n++] = &all[i];
        }
        uint64_t now = rv_now(), left = q->deadline > now ? q->deadline - now : 0;
        if (n)
                rv_askfs(careful, n, now + left / 4 * 3);
        free(careful);
        return all;
}

static int mount_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_mounts mounts;
        int r = rv_mounts_read(&mounts);
        if (r)
                return rv_fail_errno(err, -r, "cannot read /proc/self/mountinfo");
        struct rv_fs_question *asked = ask_all(q, &mounts);
        struct rv_fstab fstab = { .text = NULL };
        if (rv_asked(q, Mount_Persisted))
                rv_fstab_read(&fstab);
        r = asked ? RV_OK : -ENOMEM;
        for (size_t i = 0; i < mounts.n && r == RV_OK; i++) {
                const struct rv_mount *m = &mounts.v[i];
                if (!is_asked_for(q, m))
                        continue;
                const struct kind *kind = find_kind(m->type);
                struct rv_row *row = rv_row(out);
                fill_names(row, m, kind);
                fill_status(row, m, kind, &asked[i]);
                if (fstab.text)
                        Mount_set_Persisted(row, rv_fstab_find(&fstab, m->target, false) != NULL);
                r = rv_emit(out, row);
        }
        free(asked);
        rv_fstab_free(&fstab);
        rv_mounts_free(&mounts);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- methods ---- */

static int mount_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Mount_Create_in *in = args;
        int e = rv_mounting_create(c, in->Source, in->Name, in->has_FileSystem ? in->FileSystem : NULL,
                                   in->Options, in->has_Options ? in->Options_n : 0,
                                   in->has_Persist && in->Persist, err);
        if (e == RV_OK)
                Mount_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

/* The key's folder and, where it is given, its number. */
static int named(struct rv_call *c, uint32_t *ret_id, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[Mount_Name], *id = &c->key[Mount_MountId];
        *ret_id = id->type == RV_NULL ? 0 : (uint32_t)id->u;
        return name->type == RV_NULL ? rv_fail(err, RV_INVALID_PARAMETER, "a mount is named by its Name")
                                     : RV_OK;
}

static int mount_unmount(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Mount_Unmount_in *in = args;
        uint32_t id;
        int e = named(c, &id, err);
        if (e == RV_OK)
                e = rv_mounting_unmount(c, c->key[Mount_Name].s, id, in->has_Force && in->Force,
                                        in->has_Lazy && in->Lazy, in->has_Persist && in->Persist, err);
        if (e == RV_OK)
                Mount_Unmount_out_set_ReturnValue(c->out, 0);
        return e;
}

static int mount_remount(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Mount_Remount_in *in = args;
        uint32_t id;
        int e = named(c, &id, err);
        if (e == RV_OK)
                e = rv_mounting_remount(c, c->key[Mount_Name].s, id, in->Options, in->Options_n,
                                        in->has_Persist && in->Persist, err);
        if (e == RV_OK)
                Mount_Remount_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[Mount_nmethods])(struct rv_call *, const void *,
                                            struct rv_error *) = { [Mount_method_Create] = mount_create,
                                                                   [Mount_method_Unmount] = mount_unmount,
                                                                   [Mount_method_Remount] = mount_remount };

/* ---- changes: /proc/self/mountinfo is in a state of exception after each, until it is polled again ---- */

static int mount_open(struct rv_error *err)
{
        (void)err;
        int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int mount_changed(int fd, struct rv_news *news)
{
        (void)fd;
        rv_news_changed(news);
        return 0;
}

/* What fills up, nobody tells. */
static const uint16_t mount_silent[] = { Mount_Size,           Mount_FreeSpace,   Mount_UsedSpace,
                                         Mount_NumberOfBlocks, Mount_TotalInodes, Mount_FreeInodes };
static const struct rv_push mount_push = { .covers = RV_PUSH_ALL,
                                           .priority = true,
                                           .silent = mount_silent,
                                           .nsilent = sizeof mount_silent / sizeof *mount_silent,
                                           .open = mount_open,
                                           .read = mount_changed };

static const struct rv_provider mount = {
        .class = &Mount_class, .methods = methods, .query = mount_query, .push = &mount_push
};

RV_PROVIDERS(mount, &mount);
