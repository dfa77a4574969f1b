/* SPDX-License-Identifier: MIT */
#include "providers/lib/filemore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "gen/File.h"
#include "providers/lib/base64.h"
#include "providers/lib/fileinfo.h"
#include "providers/lib/filetext.h"
#include "providers/lib/fill.h"

enum { LIST_MOST = 64 << 10 };

void rv_file_revision(const struct stat *st, char ret[128])
{
        snprintf(ret, 128, "%jx-%jx-%jx-%jx.%09ld-%jx.%09ld", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino,
                 (uintmax_t)st->st_size, (uintmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                 (uintmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static int64_t ns_of(int64_t seconds, int64_t ns)
{
        return seconds * INT64_C(1000000000) + ns;
}

static void fill_statx(struct rv_row *row, const char *path)
{
        static const struct {
                uint64_t bit;
                const char *name;
        } bits[] = { { STATX_ATTR_IMMUTABLE, "Immutable" }, { STATX_ATTR_APPEND, "AppendOnly" },
                     { STATX_ATTR_NODUMP, "NoDump" },       { STATX_ATTR_COMPRESSED, "Compressed" },
                     { STATX_ATTR_ENCRYPTED, "Encrypted" }, { STATX_ATTR_VERITY, "Verity" } };
        struct statx x;
        char list[128] = "";
        if ((!File_wants_CreationDate(row) && !File_wants_Attributes(row)) ||
            statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &x) < 0)
                return;
        if (x.stx_mask & STATX_BTIME)
                File_set_CreationDate(row, ns_of(x.stx_btime.tv_sec, x.stx_btime.tv_nsec));
        for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
                if (x.stx_attributes & bits[i].bit)
                        strcat(strcat(list, bits[i].name), " ");
        rv_fill_list(row, File_Attributes, list, " ");
}

static void fill_acl(struct rv_row *row, unsigned p, const char *path, const char *attribute)
{
        char *text = rv_wants(row, p) ? malloc(LIST_MOST) : NULL;
        if (text && rv_acl_told(path, attribute, text, LIST_MOST))
                rv_fill_list(row, p, text, "\n");
        free(text);
}

static char *value_told(const char *value, size_t n)
{
        char *text = NULL, *base64 = rv_is_text(value, n) ? NULL : rv_base64(value, n);
        if (!base64)
                return strndup(value, n);
        if (asprintf(&text, "0s%s", base64) < 0)
                text = NULL;
        free(base64);
        return text;
}

static void fill_attributes(struct rv_row *row, const char *path)
{
        char *names = malloc(LIST_MOST), *value = malloc(LIST_MOST);
        ssize_t n = names && value ? llistxattr(path, names, LIST_MOST) : 0;
        uint32_t count = 0, i = 0;
        for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1)
                count += strncmp(names + at, "system.posix_acl_", 17) != 0;
        rv_list list = count ? rv_set_list(row, File_ExtendedAttributes, 2 * count) : 0;
        for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
                if (strncmp(names + at, "system.posix_acl_", 17) == 0)
                        continue;
                ssize_t k = lgetxattr(path, names + at, value, LIST_MOST);
                char *text = k < 0 ? NULL : value_told(value, (size_t)k);
                rv_item_string(row, list, i++, names + at, strlen(names + at));
                if (text)
                        rv_item_string(row, list, i, text, strlen(text));
                i++;
                free(text);
        }
        free(names);
        free(value);
}

void rv_file_fill_more(struct rv_row *row, const char *path, const struct stat *st)
{
        char text[256];
        File_set_UserId(row, st->st_uid);
        File_set_GroupId(row, st->st_gid);
        File_set_LinkCount(row, st->st_nlink);
        File_set_Inode(row, st->st_ino);
        snprintf(text, sizeof text, "%u:%u", major(st->st_dev), minor(st->st_dev));
        rv_fill(row, File_Device, text);
        File_set_AllocatedSize(row, (uint64_t)st->st_blocks * 512);
        File_set_LastAccessed(row, ns_of(st->st_atim.tv_sec, st->st_atim.tv_nsec));
        File_set_LastStatusChange(row, ns_of(st->st_ctim.tv_sec, st->st_ctim.tv_nsec));
        rv_file_revision(st, text);
        rv_fill(row, File_Revision, text);
        fill_statx(row, path);
        fill_acl(row, File_Acl, path, "system.posix_acl_access");
        fill_acl(row, File_DefaultAcl, path, "system.posix_acl_default");
        if (File_wants_ExtendedAttributes(row))
                fill_attributes(row, path);
        ssize_t n =
                File_wants_SecurityContext(row) ? lgetxattr(path, "security.selinux", text, sizeof text) : 0;
        if (n > 0)
                rv_fill_n(row, File_SecurityContext, text, strnlen(text, (size_t)n));
        if (File_wants_Package(row) && rv_file_package(path, text, sizeof text))
                rv_fill(row, File_Package, text);
}
