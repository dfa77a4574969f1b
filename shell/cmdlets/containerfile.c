/* SPDX-License-Identifier: MIT
 *
 * Copy-ContainerFile: files and folders into and out of containers, as tar archives through a stream. This side packs
 * and unpacks, so what is read and written on the host is what the user may.
 *
 * A container is a stranger: what comes out of it is unpacked below a folder of our own, component by component
 * without following links, and only takes its place when all of it is there. What goes in is complete before the
 * engine sees any of it.
 */
#include "shell/code.h"
#include "shell/files.h"
#include "shell/library.h"
#include "shell/talk.h"
#include "shell/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARCHIVE(name) SH_FUNCTION("libarchive.so.13", name)

enum { DEEPEST = 100 };

struct copy {
        struct sh_talk talk;
        struct sh_cmd *c;
        struct archive *a;
        struct rv_error err;
        bool over; /* the stream's last piece has come */
        const char *path;
        uint64_t files;
};

static int told(struct copy *k)
{
        struct sv t = sh_text(k->path);
        int st = sh_model_error(k->c, &k->err, t);
        sh_drop(t);
        return st;
}

static int failed(struct copy *k, struct archive *a)
{
        const char *why = ARCHIVE(archive_error_string)(a);
        if (!k->err.code)
                rv_fail(&k->err, RV_FAILED, "cannot copy %.150s: %.100s", k->path,
                        why ? why : "the archive is damaged");
        return told(k);
}

/* ---- into a container ---- */

static la_ssize_t give(struct archive *a, void *state, const void *data, size_t n)
{
        struct copy *k = state;
        if (sh_talk_put(&k->talk, RV_PIECE_INPUT, data, n))
                return (la_ssize_t)n;
        ARCHIVE(archive_set_error)
        (a, EPIPE, "%s", sh_interrupt ? "it was interrupted" : "the agent takes no more");
        return -1;
}

static int pack(struct copy *k, int at, const char *name, const char *inside, int depth);

static int pack_folder(struct copy *k, int fd, const char *inside, int depth)
{
        char sub[PATH_MAX];
        DIR *d = fdopendir(fd);
        int st = SH_OK;
        if (!d) {
                close(fd);
                return sh_path_error(k->c, "CopyReadError", errno, inside);
        }
        for (struct dirent *e; st == SH_OK && (e = readdir(d));)
                if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
                    snprintf(sub, sizeof sub, "%s/%s", inside, e->d_name) < (int)sizeof sub)
                        st = pack(k, dirfd(d), e->d_name, sub, depth + 1);
        closedir(d);
        return st;
}

static int pack_data(struct copy *k, int fd, uint64_t size)
{
        char block[65536];
        ssize_t n;
        while (size && (n = read(fd, block, sizeof block < size ? sizeof block : (size_t)size)) > 0) {
                int st = sh_check(sh_session(k->c));
                if (st != SH_OK)
                        return st;
                if (ARCHIVE(archive_write_data)(k->a, block, (size_t)n) < 0)
                        return failed(k, k->a);
                size -= (uint64_t)n;
        }
        if (!size)
                return SH_OK;
        rv_fail(&k->err, RV_FAILED, "cannot copy %.150s: a file became shorter meanwhile", k->path);
        return told(k);
}

static int put_entry(struct copy *k, const struct stat *s, const char *inside, const char *link)
{
        struct archive_entry *e = ARCHIVE(archive_entry_new)();
        ARCHIVE(archive_entry_set_pathname)(e, inside);
        ARCHIVE(archive_entry_set_mode)(e, s->st_mode);
        ARCHIVE(archive_entry_set_mtime)(e, s->st_mtim.tv_sec, s->st_mtim.tv_nsec);
        ARCHIVE(archive_entry_set_size)(e, S_ISREG(s->st_mode) ? s->st_size : 0);
        if (link)
                ARCHIVE(archive_entry_set_symlink)(e, link);
        int r = ARCHIVE(archive_write_header)(k->a, e);
        ARCHIVE(archive_entry_free)(e);
        k->files++;
        return r < ARCHIVE_WARN ? failed(k, k->a) : SH_OK;
}

static int pack(struct copy *k, int at, const char *name, const char *inside, int depth)
{
        struct stat s;
        char link[PATH_MAX];
        if (depth > DEEPEST || fstatat(at, name, &s, AT_SYMLINK_NOFOLLOW) != 0)
                return sh_path_error(k->c, "CopyReadError", depth > DEEPEST ? ELOOP : errno, inside);
        if (S_ISLNK(s.st_mode)) {
                ssize_t n = readlinkat(at, name, link, sizeof link - 1);
                link[n > 0 ? n : 0] = 0;
                return put_entry(k, &s, inside, link);
        }
        if (!S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode)) {
                sh_cmd_stream(k->c, SH_WARNING,
                              "%s is not copied: it is neither a file nor a folder nor a link.", inside);
                return SH_OK;
        }
        int fd = openat(at, name,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
                                (S_ISDIR(s.st_mode) ? O_DIRECTORY : 0));
        if (fd < 0 || fstat(fd, &s) != 0) {
                int e = errno;
                if (fd >= 0)
                        close(fd);
                return sh_path_error(k->c, "CopyReadError", e, inside);
        }
        int st = put_entry(k, &s, inside, NULL);
        if (st == SH_OK && S_ISDIR(s.st_mode))
                return pack_folder(k, fd, inside, depth);
        if (st == SH_OK)
                st = pack_data(k, fd, (uint64_t)s.st_size);
        close(fd);
        return st;
}

static int send_archive(struct copy *k, const char *full)
{
        const char *slash = strrchr(full, '/'),
                   *name = json_string_value(json_object_get(k->talk.answer, "Name"));
        if (!name)
                name = slash && slash[1] ? slash + 1 : "root";
        k->a = ARCHIVE(archive_write_new)();
        ARCHIVE(archive_write_set_format_pax_restricted)(k->a);
        ARCHIVE(archive_write_set_bytes_per_block)(k->a, 32768);
        if (ARCHIVE(archive_write_open)(k->a, k, NULL, give, NULL) != ARCHIVE_OK)
                return failed(k, k->a);
        /* A link that is named itself is followed, as docker cp does not; what it leads to is what was meant. */
        char real[PATH_MAX];
        if (!realpath(full, real))
                return sh_path_error(k->c, "CopyReadError", errno, full);
        uint64_t before = k->files;
        int errors = k->c->errored, st = pack(k, AT_FDCWD, real, name, 0);
        if (st == SH_OK && (k->c->errored != errors || k->files == before))
                return SH_NONE; /* something could not be read: nothing is copied */
        if (st == SH_OK && ARCHIVE(archive_write_close)(k->a) != ARCHIVE_OK)
                st = failed(k, k->a);
        return st;
}

static int finish(struct copy *k)
{
        int r = sh_talk_put(&k->talk, RV_PIECE_END, NULL, 0) ? RV_OK : RV_UNAVAILABLE;
        if (r)
                rv_fail(&k->err, r, "the agent has gone: whether anything was copied is not known");
        while (r == RV_OK)
                r = sh_talk_next(&k->talk, &k->err);
        return r == RV_STOP ? SH_OK : told(k);
}

/* ---- out of a container ---- */

static la_ssize_t take(struct archive *a, void *state, const void **ret)
{
        struct copy *k = state;
        int r = k->over ? RV_STOP : sh_talk_next(&k->talk, &k->err);
        k->over |= r == RV_STOP;
        if (r == RV_STOP)
                return 0;
        if (r != RV_OK) {
                ARCHIVE(archive_set_error)(a, EIO, "%s", k->err.message);
                return -1;
        }
        *ret = k->talk.data;
        return (la_ssize_t)k->talk.n;
}

/* The folder that an entry goes into, below `root`, made where it is missing; *ret_name: its last component. -1: the
 * name would lead elsewhere. No link is followed. */
static int walk(int root, char *path, const char **ret_name)
{
        int at = dup(root);
        char *rest = NULL;
        *ret_name = NULL;
        for (char *part = strtok_r(path, "/", &rest), *next; part && at >= 0; part = next) {
                next = strtok_r(NULL, "/", &rest);
                if (!strcmp(part, "..")) {
                        close(at);
                        return -1;
                }
                if (!next) {
                        *ret_name = part;
                        break;
                }
                if (!strcmp(part, "."))
                        continue;
                if (mkdirat(at, part, 0700) != 0 && errno != EEXIST) {
                        close(at);
                        return -1;
                }
                int into = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                close(at);
                at = into;
        }
        if (at >= 0 && (!*ret_name || !strcmp(*ret_name, "."))) {
                close(at);
                return -1;
        }
        return at;
}

static int unpack_file(struct copy *k, int at, const char *name, struct archive_entry *e)
{
        const void *block;
        size_t n;
        la_int64_t offset;
        int r = 0, st = SH_OK;
        int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return sh_path_error(k->c, "CopyWriteError", errno, name);
        while (st == SH_OK &&
               (r = ARCHIVE(archive_read_data_block)(k->a, &block, &n, &offset)) == ARCHIVE_OK) {
                st = sh_check(sh_session(k->c));
                for (size_t done = 0; st == SH_OK && done < n;) {
                        ssize_t put =
                                pwrite(fd, (const char *)block + done, n - done, offset + (la_int64_t)done);
                        if (put < 0 && errno != EINTR)
                                st = sh_path_error(k->c, "CopyWriteError", errno, name) == SH_OK ? SH_NONE
                                                                                                 : SH_ERROR;
                        done += put > 0 ? (size_t)put : 0;
                }
        }
        if (st == SH_OK && r != ARCHIVE_EOF)
                st = failed(k, k->a) == SH_OK ? SH_NONE : SH_ERROR;
        const struct timespec times[2] = {
                { 0, UTIME_OMIT }, { ARCHIVE(archive_entry_mtime)(e), ARCHIVE(archive_entry_mtime_nsec)(e) }
        };
        if (st == SH_OK &&
            (ftruncate(fd, ARCHIVE(archive_entry_size)(e)) != 0 ||
             fchmod(fd, ARCHIVE(archive_entry_perm)(e) & 0777) != 0 || futimens(fd, times) != 0))
                st = sh_path_error(k->c, "CopyWriteError", errno, name) == SH_OK ? SH_NONE : SH_ERROR;
        close(fd);
        k->files++;
        return st;
}

/* A hard link to what was unpacked before. */
static int unpack_link(int root, int at, const char *name, const char *target)
{
        char path[PATH_MAX];
        const char *last;
        snprintf(path, sizeof path, "%s", target);
        int from = walk(root, path, &last);
        int r = from < 0 ? -1 : linkat(from, last, at, name, 0);
        if (from >= 0)
                close(from);
        return r;
}

static int unpack_entry(struct copy *k, int root, struct archive_entry *e)
{
        char path[PATH_MAX], hard[PATH_MAX] = "";
        const char *name, *given = ARCHIVE(archive_entry_pathname)(e),
                          *link = ARCHIVE(archive_entry_hardlink)(e);
        int type = (int)ARCHIVE(archive_entry_filetype)(e);
        if (!given || strlen(given) >= sizeof path || (link && strlen(link) >= sizeof hard))
                return failed(k, k->a) == SH_OK ? SH_NONE : SH_ERROR;
        strcpy(path, given);
        if (link)
                strcpy(hard, link);
        int at = walk(root, path, &name), st = SH_OK;
        if (at < 0)
                return sh_cmd_error(k->c, "ArchiveEntryRefused", "SecurityError", SH_NIL,
                                    "'%.200s' is not unpacked: it would leave the destination.",
                                    given) == SH_OK
                               ? SH_NONE
                               : SH_ERROR;
        if (link)
                st = unpack_link(root, at, name, hard) ? -1 : SH_OK;
        else if (type == AE_IFDIR)
                st = mkdirat(at, name, 0700) && errno != EEXIST                              ? -1
                     : fchmodat(at, name, (ARCHIVE(archive_entry_perm)(e) & 0777) | 0700, 0) ? -1
                                                                                             : SH_OK;
        else if (type == AE_IFLNK)
                st = symlinkat(ARCHIVE(archive_entry_symlink)(e), at, name) ? -1 : SH_OK;
        else if (type == AE_IFREG)
                st = unpack_file(k, at, name, e);
        else
                sh_cmd_stream(k->c, SH_WARNING,
                              "%s is not copied: it is neither a file nor a folder nor a link.", given);
        if (st == -1)
                st = sh_path_error(k->c, "CopyWriteError", errno, given) == SH_OK ? SH_NONE : SH_ERROR;
        close(at);
        return st;
}

static void remove_below(int at, const char *name)
{
        if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
                return;
        int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d && fd >= 0)
                close(fd);
        if (!d)
                return;
        for (struct dirent *e; (e = readdir(d));)
                if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
                        remove_below(dirfd(d), e->d_name);
        closedir(d);
        unlinkat(at, name, AT_REMOVEDIR);
}

static int unpack(struct copy *k, int root)
{
        struct archive_entry *e;
        int r = 0, st = SH_OK;
        k->a = ARCHIVE(archive_read_new)();
        ARCHIVE(archive_read_support_format_tar)(k->a);
        if (ARCHIVE(archive_read_open)(k->a, k, NULL, take, NULL) != ARCHIVE_OK)
                return failed(k, k->a) == SH_OK ? SH_NONE : SH_ERROR;
        while (st == SH_OK && (r = ARCHIVE(archive_read_next_header)(k->a, &e)) != ARCHIVE_EOF)
                st = r < ARCHIVE_WARN ? (failed(k, k->a) == SH_OK ? SH_NONE : SH_ERROR)
                                      : unpack_entry(k, root, e);
        const void *
                rest; /* an archive may end before the stream does: only its last piece says that all went well */
        while (st == SH_OK && !k->over && take(k->a, k, &rest) > 0)
                ;
        return st == SH_OK && !k->over ? (told(k) == SH_OK ? SH_NONE : SH_ERROR) : st;
}

/* What was unpacked takes its place. */
static int place(struct copy *k, const char *from, const char *to)
{
        struct stat s;
        bool there = lstat(to, &s) == 0;
        if (there && (S_ISDIR(s.st_mode) || !sh_switch(k->c, "Force"))) {
                struct sv t = sh_text(to);
                int st = sh_cmd_error(k->c, "CopyFileExists", "ResourceExists", t, "'%s' exists already%s.",
                                      to, S_ISDIR(s.st_mode) ? "" : "; -Force replaces it");
                sh_drop(t);
                return st;
        }
        return rename(from, to) == 0 ? SH_OK : sh_path_error(k->c, "CopyWriteError", errno, to);
}

static int receive(struct copy *k, const char *to)
{
        char folder[PATH_MAX], final[PATH_MAX], got[PATH_MAX + 300];
        struct stat s;
        const char *name = json_string_value(json_object_get(k->talk.answer, "Name"));
        bool into = stat(to, &s) == 0 && S_ISDIR(s.st_mode);
        const char *slash = strrchr(to, '/');
        if (!name || !*name || strchr(name, '/') || !strcmp(name, ".."))
                name = "root";
        snprintf(folder, sizeof folder, "%.*s/.reeve-copy-XXXXXX", into ? (int)strlen(to) : (int)(slash - to),
                 to);
        if (snprintf(final, sizeof final, into ? "%s/%s" : "%s", to, name) >= (int)sizeof final ||
            !mkdtemp(folder))
                return sh_path_error(k->c, "CopyWriteError", errno, to);
        int root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int st = root < 0 ? sh_path_error(k->c, "CopyWriteError", errno, folder) : unpack(k, root);
        snprintf(got, sizeof got, "%s/%s", folder, name);
        if (st == SH_OK)
                st = place(k, got, final);
        if (root >= 0)
                close(root);
        remove_below(AT_FDCWD, folder);
        return st;
}

/* ---- the cmdlet ---- */

static int one(struct copy *k, const char *id, const char *inside, const char *outside, bool to_container)
{
        struct sh_link *l = sh_link_local(sh_session(k->c));
        k->err = (struct rv_error) { 0 };
        k->over = false;
        if (sh_talk_open(&k->talk, l, "Container", id, to_container ? "CopyTo" : "CopyFrom",
                         json_pack("{ss}", "Path", inside), &k->err))
                return told(k);
        int st = to_container ? send_archive(k, outside) : receive(k, outside);
        if (st == SH_OK && to_container)
                st = finish(k);
        sh_talk_close(&k->talk);
        if (k->a && to_container)
                ARCHIVE(archive_write_free)(k->a);
        else if (k->a)
                ARCHIVE(archive_read_free)(k->a);
        k->a = NULL;
        return st == SH_NONE ? SH_OK : st;
}

static int copy_process(struct sh_cmd *c, struct sv input)
{
        struct copy *k = sh_state(c);
        struct sv list = sh_arg(c, "Path"), name = sh_arg(c, "Name"), text;
        struct sh *sh = sh_session(c);
        char id[80];
        bool in = sh_switch(c, "ToContainer"), go = false;
        const char *to = sh_arg_text(c, "Destination", "");
        (void)input;
        k->c = c;
        if (!ARCHIVE(archive_read_new))
                return sh_cmd_throw(c, "LibraryNotAvailable", "ResourceUnavailable", SH_NIL,
                                    "libarchive.so.13 (package libarchive13) cannot be loaded.");
        text = sh_to_text(sh, name);
        int st = sh_container_target(c, name, id, sizeof id);
        for (uint32_t i = 0; st == SH_OK && list.kind == SH_ARRAY && i < list.a->n; i++) {
                struct sv path = sh_to_text(sh, list.a->v[i]);
                char *full = sh_path_full(sh, in ? path.s->s : to), what[500];
                k->path = path.s->s;
                snprintf(what, sizeof what, in ? "%.200s to %.80s:%.150s" : "%.200s of %.80s to %.150s",
                         path.s->s, text.s->s, to);
                st = sh_should_process(c, what, "Copy-ContainerFile", &go);
                if (st == SH_OK && go)
                        st = one(k, id, in ? to : path.s->s, full, in);
                free(full);
                sh_drop(path);
        }
        sh_drop(text);
        return st == SH_NONE ? SH_OK : st;
}

static const struct sh_cmdlet copy_container_file = {
        .name = "Copy-ContainerFile",
        .synopsis = "Copies files and folders into a container, with -ToContainer, or out of it.",
        .description = "A destination that is a folder gets them under their own names; else it is the new "
                       "name. Nothing is there before all of it "
                       "is. What goes into a container belongs to its root; what comes out, to you, without "
                       "set-user-id bits. "
                       "Containers that do not run will do as well.",
        .should_process = true,
        .state_size = sizeof(struct copy),
        .process = copy_process,
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "object", .alias = "ContainerIdOrName,Id,Container", .position = 1,
                          .mandatory = true, .from_pipeline = true, .complete = "Container.Name",
                          .help = "The container." },
                        { "Path", .type = "string[]", .position = 2, .mandatory = true, .complete = "path",
                          .help = "What is copied: here with -ToContainer, else inside, from /." },
                        { "Destination", .type = "string", .position = 3, .mandatory = true,
                          .complete = "path", .help = "Where to: inside with -ToContainer, else here." },
                        { "ToContainer", .type = "switch", .help = "Into the container." },
                        { "Force", .type = "switch", .help = "Replaces a file that is there." },
                        { 0 } },
        .takes = "Container",
        .examples =
                (const struct sh_example[]) {
                        { "Copy-ContainerFile web ./site /srv -ToContainer", NULL, "" },
                        { "Copy-ContainerFile web /etc/nginx . ", NULL, "The folder, here." },
                        { 0 } },
};

SH_CMDLETS(containerfile, &copy_container_file);
