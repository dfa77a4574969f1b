/* SPDX-License-Identifier: MIT
 *
 * Compress-Archive, Expand-Archive: ZIP files by libarchive, which is loaded when first used. Nothing is written
 * outside the destination: absolute names, ".." and links on the way are refused.
 */
#include "shell/code.h"
#include "shell/fileinfo.h"
#include "shell/files.h"
#include "shell/library.h"
#include "shell/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARCHIVE(name) SH_FUNCTION("libarchive.so.13", name)

static int not_available(struct sh_cmd *c)
{
        return sh_cmd_throw(
                c, "LibraryNotAvailable", "ResourceUnavailable", SH_NIL,
                "ZIP files are not available: libarchive.so.13 (package libarchive13) cannot be loaded.");
}
static int failed(struct sh_cmd *c, struct archive *a, const char *path)
{
        const char *why = ARCHIVE(archive_error_string)(a);
        struct sv t = sh_text(path);
        int st = sh_cmd_throw(c, "ArchiveError", "InvalidData", t, "The archive '%s' failed: %s.", path,
                              why ? why : "unknown reason");
        sh_drop(t);
        return st;
}
static int emit_file(struct sh_cmd *c, const char *path, bool folder)
{
        struct sv v = sh_fileinfo_new(path, folder);
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

/* ---- Compress-Archive ---- */
struct packing {
        struct archive *a;
        char *path; /* the archive: it is not packed into itself */
        char *temp; /* written first, then renamed */
        uint64_t files;
        bool update;        /* what the archive has and this command does not pack stays */
        struct sv packed;   /* then: the names packed here */
};
static int pack_data(struct sh_cmd *c, struct packing *p, int fd)
{
        char block[65536];
        ssize_t n;
        int st;
        while ((n = read(fd, block, sizeof(block))) > 0) {
                if ((st = sh_check(sh_session(c))) != SH_OK)
                        return st;
                if (ARCHIVE(archive_write_data)(p->a, block, (size_t)n) < 0)
                        return failed(c, p->a, p->path);
        }
        return SH_OK;
}
static int pack(struct sh_cmd *c, struct packing *p, const char *path, const char *name, int depth);
static int pack_folder(struct sh_cmd *c, struct packing *p, const char *path, const char *name, int depth)
{
        DIR *d = depth < 100 ? opendir(path) : NULL;
        char sub[PATH_MAX], sub_name[PATH_MAX];
        int st = SH_OK;
        if (!d)
                return sh_path_error(c, "ArchiveReadError", errno, path);
        for (struct dirent *e; st == SH_OK && (e = readdir(d));)
                if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
                    snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name) < (int)sizeof(sub) &&
                    snprintf(sub_name, sizeof(sub_name), "%s/%s", name, e->d_name) < (int)sizeof(sub_name))
                        st = pack(c, p, sub, sub_name, depth + 1);
        closedir(d);
        return st;
}
static int pack(struct sh_cmd *c, struct packing *p, const char *path, const char *name, int depth)
{
        struct stat s;
        int st = SH_OK, fd = -1;
        if (stat(path, &s) != 0)
                return sh_path_error(c, "ArchiveReadError", errno, path);
        if ((!S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode)) || !strcmp(path, p->path) || !strcmp(path, p->temp))
                return SH_OK;
        if (S_ISREG(s.st_mode) && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
                return sh_path_error(c, "ArchiveReadError", errno, path);
        struct archive_entry *e = ARCHIVE(archive_entry_new)();
        ARCHIVE(archive_entry_copy_stat)(e, &s);
        ARCHIVE(archive_entry_set_pathname)(e, name);
        if (S_ISDIR(s.st_mode))
                ARCHIVE(archive_entry_set_size)(e, 0);
        if (ARCHIVE(archive_write_header)(p->a, e) < ARCHIVE_WARN)
                st = failed(c, p->a, p->path);
        ARCHIVE(archive_entry_free)(e);
        p->files++;
        if (p->update)
                sh_hash_set_text(p->packed.h, name, SH_NIL);
        if (st == SH_OK && fd >= 0)
                st = pack_data(c, p, fd);
        if (fd >= 0)
                close(fd);
        return st == SH_OK && S_ISDIR(s.st_mode) ? pack_folder(c, p, path, name, depth) : st;
}
static int pack_one(struct sh_cmd *c, const char *path)
{
        struct packing *p = sh_state(c);
        const char *slash = strrchr(path, '/');
        return pack(c, p, path, slash && slash[1] ? slash + 1 : path, 0);
}
static int compress_begin(struct sh_cmd *c)
{
        struct packing *p = sh_state(c);
        const char *name = sh_arg_text(c, "DestinationPath", "");
        char *full = sh_path_full(sh_session(c), name);
        struct stat s;
        size_t n = strlen(full);
        bool zip = n > 4 && !strcasecmp(full + n - 4, ".zip"), go;
        if (asprintf(&p->path, "%s%s", full, zip ? "" : ".zip") < 0 ||
            asprintf(&p->temp, "%s.part", p->path) < 0)
                abort();
        free(full);
        bool there = stat(p->path, &s) == 0;
        p->update = there && sh_switch(c, "Update");
        p->packed = p->update ? sh_hash_new(false) : SH_NIL;
        if (there && !p->update && !sh_switch(c, "Force"))
                return sh_cmd_throw(
                        c, "ArchiveFileExists", "PermissionDenied", SH_NIL,
                        "The archive file %s already exists. Use the -Update parameter to update the existing "
                        "archive file or use the -Force parameter to overwrite the existing archive file.",
                        p->path);
        int st = sh_should_process(c, p->path, "Compress-Archive", &go);
        if (st != SH_OK || !go)
                return st;
        if (!ARCHIVE(archive_write_new))
                return not_available(c);
        p->a = ARCHIVE(archive_write_new)();
        ARCHIVE(archive_write_set_format_zip)(p->a);
        if (!strcasecmp(sh_arg_text(c, "CompressionLevel", "Optimal"), "NoCompression"))
                ARCHIVE(archive_write_zip_set_compression_store)(p->a);
        return ARCHIVE(archive_write_open_filename)(p->a, p->temp) == ARCHIVE_OK ? SH_OK
                                                                                 : failed(c, p->a, p->path);
}
static int compress_process(struct sh_cmd *c, struct sv input)
{
        struct packing *p = sh_state(c);
        (void)input;
        return p->a ? sh_for_paths(c, pack_one) : SH_OK;
}
static int keep_entry(struct sh_cmd *c, struct packing *p, struct archive *old, struct archive_entry *e)
{
        const void *block;
        size_t n;
        la_int64_t at;
        int r = ARCHIVE(archive_write_header)(p->a, e), st = SH_OK;
        while (r >= ARCHIVE_WARN && st == SH_OK &&
               (r = ARCHIVE(archive_read_data_block)(old, &block, &n, &at)) >= ARCHIVE_WARN && r != ARCHIVE_EOF) {
                if (ARCHIVE(archive_write_data)(p->a, block, n) < 0)
                        return failed(c, p->a, p->path);
                st = sh_check(sh_session(c));
        }
        return st != SH_OK || r >= ARCHIVE_WARN ? st : failed(c, old, p->path);
}

/* -Update: the entries of the archive that were not packed anew. */
static int keep_others(struct sh_cmd *c, struct packing *p)
{
        struct archive *old = ARCHIVE(archive_read_new)();
        struct archive_entry *e;
        int r = ARCHIVE_OK, st = SH_OK;
        ARCHIVE(archive_read_support_format_zip)(old);
        if (ARCHIVE(archive_read_open_filename)(old, p->path, 65536) != ARCHIVE_OK)
                st = failed(c, old, p->path);
        while (st == SH_OK && (r = ARCHIVE(archive_read_next_header)(old, &e)) != ARCHIVE_EOF) {
                const char *name = r >= ARCHIVE_WARN ? ARCHIVE(archive_entry_pathname_utf8)(e) : NULL;
                if (!name) {
                        st = failed(c, old, p->path);
                        break;
                }
                size_t n = strlen(name);
                struct sv key = sh_string(name, n && name[n - 1] == '/' ? n - 1 : n), found;
                if (!sh_hash_get(p->packed.h, key, &found))
                        st = keep_entry(c, p, old, e);
                sh_drop(key);
        }
        ARCHIVE(archive_read_free)(old);
        return st;
}

static int compress_end(struct sh_cmd *c)
{
        struct packing *p = sh_state(c);
        if (!p->a)
                return SH_OK;
        int st = p->update ? keep_others(c, p) : SH_OK;
        if (st != SH_OK)
                return st;
        if (ARCHIVE(archive_write_close)(p->a) != ARCHIVE_OK)
                return failed(c, p->a, p->path);
        if (rename(p->temp, p->path) != 0)
                return sh_path_error(c, "ArchiveWriteError", errno, p->path);
        return sh_switch(c, "PassThru") ? emit_file(c, p->path, false) : SH_OK;
}
static void compress_clean(struct sh_cmd *c)
{
        struct packing *p = sh_state(c);
        if (p->a) {
                ARCHIVE(archive_write_free)(p->a);
                unlink(p->temp); /* gone already when all went well */
        }
        sh_drop(p->packed);
        free(p->path);
        free(p->temp);
        *p = (struct packing) { 0 };
}

/* ---- Expand-Archive ---- */
static bool safe_name(const char *name)
{
        if (!*name || *name == '/')
                return false;
        for (const char *p = name; *p; p += strspn(p, "/")) {
                size_t n = strcspn(p, "/");
                if (n == 2 && p[0] == '.' && p[1] == '.')
                        return false;
                p += n;
        }
        return true;
}
static int unpack(struct sh_cmd *c, struct archive *a, const char *from, const char *to)
{
        struct archive *disk = ARCHIVE(archive_write_disk_new)();
        struct archive_entry *e;
        const void *block;
        size_t n;
        la_int64_t at;
        int r, st = SH_OK;
        int flags = ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS;
        if (!sh_switch(c, "Force"))
                flags |= ARCHIVE_EXTRACT_NO_OVERWRITE;
        ARCHIVE(archive_write_disk_set_options)(disk, flags);
        while (st == SH_OK && (r = ARCHIVE(archive_read_next_header)(a, &e)) != ARCHIVE_EOF) {
                char path[PATH_MAX];
                struct stat s;
                const char *name = r >= ARCHIVE_WARN ? ARCHIVE(archive_entry_pathname_utf8)(e) : NULL;
                if (!name) {
                        st = failed(c, a, from);
                        break;
                }
                if (!safe_name(name) ||
                    snprintf(path, sizeof(path), "%s/%s", to, name) >= (int)sizeof(path) ||
                    ARCHIVE(archive_entry_filetype)(e) == AE_IFLNK || ARCHIVE(archive_entry_hardlink)(e)) {
                        st = sh_cmd_error(
                                c, "ArchiveEntryRefused", "SecurityError", SH_NIL,
                                "'%.200s' is not unpacked: it would leave the destination or is a link.",
                                name);
                        continue;
                }
                bool folder = ARCHIVE(archive_entry_filetype)(e) == AE_IFDIR;
                if (!folder && stat(path, &s) == 0 && !sh_switch(c, "Force")) {
                        st = sh_cmd_error(c, "ExpandArchiveFileExists", "PermissionDenied", SH_NIL,
                                          "Failed to create file '%s' while expanding the archive file '%s' "
                                          "contents as the file "
                                          "already exists. Use the -Force parameter to overwrite it.",
                                          path, from);
                        continue;
                }
                ARCHIVE(archive_entry_set_pathname)(e, path);
                if (ARCHIVE(archive_write_header)(disk, e) < ARCHIVE_WARN)
                        st = failed(c, disk, path);
                while (st == SH_OK && !folder &&
                       (r = ARCHIVE(archive_read_data_block)(a, &block, &n, &at)) != ARCHIVE_EOF)
                        if (r < ARCHIVE_WARN)
                                st = failed(c, a, from);
                        else if (ARCHIVE(archive_write_data_block)(disk, block, n, at) < ARCHIVE_WARN)
                                st = failed(c, disk, path);
                        else
                                st = sh_check(sh_session(c));
                if (st == SH_OK && ARCHIVE(archive_write_finish_entry)(disk) < ARCHIVE_WARN)
                        st = failed(c, disk, path);
                if (st == SH_OK && sh_switch(c, "PassThru"))
                        st = emit_file(c, path, folder);
        }
        ARCHIVE(archive_write_free)(disk);
        return st;
}
static int expand_one(struct sh_cmd *c, const char *path)
{
        const char *given = sh_arg_text(c, "DestinationPath", NULL), *slash = strrchr(path, '/');
        char base[NAME_MAX + 1];
        bool go;
        size_t n = strlen(slash + 1);
        if (!ARCHIVE(archive_read_new))
                return not_available(c);
        /* without a destination: a folder of the archive's name */
        snprintf(base, sizeof(base), "%.*s",
                 (int)(n > 4 && !strcasecmp(slash + 1 + n - 4, ".zip") ? n - 4 : n), slash + 1);
        char *to = sh_path_full(sh_session(c), given ? given : base), *real = NULL;
        int st = sh_should_process(c, path, "Expand-Archive", &go);
        if (st == SH_OK && go) {
                if ((mkdir(to, 0777) != 0 && errno != EEXIST) || !(real = realpath(to, NULL)))
                        st = sh_path_error(c, "ArchiveWriteError", errno, to);
                struct archive *a = ARCHIVE(archive_read_new)();
                ARCHIVE(archive_read_support_format_zip)(a);
                if (st == SH_OK && real && ARCHIVE(archive_read_open_filename)(a, path, 65536) != ARCHIVE_OK)
                        st = failed(c, a, path);
                else if (st == SH_OK && real)
                        st = unpack(c, a, path, real);
                ARCHIVE(archive_read_free)(a);
        }
        free(real);
        free(to);
        return st;
}
static int expand_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return sh_for_paths(c, expand_one);
}
static const struct sh_cmdlet compress_archive = {
        .name = "Compress-Archive",
        .synopsis = "Packs files and folders into a ZIP file.",
        .default_set = "Path",
        .should_process = true,
        .state_size = sizeof(struct packing),
        .begin = compress_begin,
        .process = compress_process,
        .end = compress_end,
        .clean = compress_clean,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .wildcard = true, .sets = "Path", .complete = "path",
                          .help = "What is packed; folders with all in them." },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .mandatory = true,
                          .from_property = true, .sets = "LiteralPath", .help = "The same, by exact names." },
                        { "DestinationPath", .type = "string", .position = 2, .mandatory = true,
                          .complete = "path", .help = "The ZIP file." },
                        { "CompressionLevel", .type = "string", .values = "Optimal,NoCompression,Fastest",
                          .help = "Optimal when not given." },
                        { "Update", .type = "switch",
                          .help = "Files of an existing ZIP file that are not packed anew stay in it." },
                        { "Force", .type = "switch", .help = "Overwrites the ZIP file." },
                        { "PassThru", .type = "switch", .help = "Writes the ZIP file as an object." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content f x; Compress-Archive f a.zip; Test-Path a.zip", "True", "One file." },
                        { "New-Item d -ItemType Directory | Out-Null; Set-Content d/f x\nCompress-Archive d "
                          "a.zip; Expand-Archive a.zip out; "
                          "Get-Content out/d/f",
                          "x", "A folder, there and back." },
                        { 0 } },
};
static const struct sh_cmdlet expand_archive = {
        .name = "Expand-Archive",
        .synopsis = "Unpacks a ZIP file.",
        .default_set = "Path",
        .should_process = true,
        .process = expand_process,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .sets = "Path", .complete = "path",
                          .help = "The ZIP file." },
                        { "LiteralPath", .type = "string", .alias = "PSPath,LP", .mandatory = true,
                          .from_property = true, .sets = "LiteralPath",
                          .help = "The same, by its exact name." },
                        { "DestinationPath", .type = "string", .position = 2, .complete = "path",
                          .help = "The folder; one of the ZIP file's name when not given." },
                        { "Force", .type = "switch", .help = "Overwrites files." },
                        { "PassThru", .type = "switch", .help = "Writes what was unpacked." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content f x; Compress-Archive f a.zip; Expand-Archive a.zip; Get-Content a/f",
                          "x", "Into a folder of its name." },
                        { "Set-Content f x; Compress-Archive f a.zip; (Expand-Archive a.zip . -Force "
                          "-PassThru).Name",
                          "f", "Over what is there." },
                        { 0 } },
};

SH_CMDLETS(archive, &compress_archive, &expand_archive);
