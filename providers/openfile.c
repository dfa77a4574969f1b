/* SPDX-License-Identifier: MIT
 *
 * OpenFile: the descriptors of processes, from /proc/PID/fd and fdinfo. A process' folder is opened once and everything
 * read through it, so it is of that process only; the link is read again in the end, so that a row is of one file, not
 * of two that had the number one after the other.
 *
 * A file is looked at (statx) only where its file system is known to be local: one on a server that is gone would hold
 * the thread in the kernel. Which one it is on tells its mount's number in the list of mounts of its process.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/OpenFile.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

enum { PATH_ROOM = 4096, MOUNTS_MOST = 64 << 20 };

/* Which mounts may be asked, by their numbers; read from one process' list of mounts at a time. */
struct mounts {
        uint64_t space; /* inode of the mount namespace that it is of (own: 1); 0: none yet */
        struct mount {
                uint32_t id;
                bool local;
        } * v;
        size_t n;
};

struct reader {
        int root;
        bool info, look;           /* fdinfo is asked; the file itself is */
        struct mounts own, mounts; /* the agent's, and those of the process that is read */
};

struct one {         /* a descriptor being read */
        int process; /* /proc/PID */
        pid_t pid;
        const char *fd;
        char link[PATH_ROOM];
        size_t n;
};

/* ---- where a file may be looked at ---- */

static bool is_local(const char *type, size_t n)
{
        static const char *const types[] = { "ext2",    "ext3",     "ext4",       "xfs",      "btrfs",
                                             "f2fs",    "zfs",      "tmpfs",      "ramfs",    "devtmpfs",
                                             "devpts",  "overlay",  "vfat",       "exfat",    "ntfs3",
                                             "iso9660", "udf",      "squashfs",   "erofs",    "proc",
                                             "sysfs",   "cgroup",   "cgroup2",    "mqueue",   "hugetlbfs",
                                             "tracefs", "debugfs",  "securityfs", "configfs", "pstore",
                                             "bpf",     "efivarfs", "nsfs" };
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (strlen(types[i]) == n && memcmp(types[i], type, n) == 0)
                        return true;
        return false;
}

static int by_id(const void *a, const void *b)
{
        uint32_t x = ((const struct mount *)a)->id, y = ((const struct mount *)b)->id;
        return (x > y) - (x < y);
}

/* "36 35 98:0 /root /target options tags - type source superoptions" */
static void read_mounts(struct mounts *m, pid_t pid)
{
        char path[40];
        size_t n, room = 0;
        free(m->v);
        m->v = NULL;
        m->n = 0;
        snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)pid);
        char *text = rv_slurp(path, MOUNTS_MOST, &n), *rest = text;
        for (char *line; text && (line = strsep(&rest, "\n"));) {
                char *type = strstr(line, " - ");
                if (!type)
                        continue;
                if (m->n == room) {
                        struct mount *v = realloc(m->v, (room = 2 * room + 64) * sizeof *v);
                        if (!v)
                                break;
                        m->v = v;
                }
                m->v[m->n++] = (struct mount) { .id = (uint32_t)strtoul(line, NULL, 10),
                                                .local = is_local(type + 3, strcspn(type + 3, " ")) };
        }
        free(text);
        if (m->n)
                qsort(m->v, m->n, sizeof *m->v, by_id);
}

static const struct mount *mount_of(const struct mounts *m, uint32_t id)
{
        const struct mount key = { .id = id };
        return m->n ? bsearch(&key, m->v, m->n, sizeof key, by_id) : NULL;
}

/* A process may have brought what it has open from the namespace that it came from, mostly the agent's own. A mount
 * that no list has (the kernel's own, or one that was taken away) is not asked. */
static bool may_look(struct reader *r, const struct one *o, uint32_t mount)
{
        struct stat st;
        if (!r->own.space) {
                read_mounts(&r->own, getpid());
                r->own.space = 1;
        }
        const struct mount *found = mount_of(&r->own, mount);
        if (found || fstatat(o->process, "ns/mnt", &st, 0) < 0)
                return found && found->local;
        if (r->mounts.space != st.st_ino) {
                read_mounts(&r->mounts, o->pid);
                r->mounts.space = st.st_ino;
        }
        found = mount_of(&r->mounts, mount);
        return found && found->local;
}

/* ---- one descriptor ---- */

static const char *kind_of_link(const char *link)
{
        return strncmp(link, "socket:", 7) == 0                   ? "Socket"
               : strncmp(link, "pipe:", 5) == 0                   ? "Pipe"
               : *link != '/' || strncmp(link, "/memfd:", 7) == 0 ? "Anonymous"
                                                                  : "File";
}

static const char *kind_of_mode(unsigned mode)
{
        switch (mode & S_IFMT) {
        case S_IFDIR: return "Directory";
        case S_IFCHR: return "CharacterDevice";
        case S_IFBLK: return "BlockDevice";
        case S_IFIFO: return "Pipe";
        case S_IFSOCK: return "Socket";
        default: return "File";
        }
}

static void fill_flags(struct rv_row *row, unsigned flags)
{
        static const struct {
                unsigned bits;
                const char *name;
        } of[] = {
                { O_CREAT, "O_CREAT" },         { O_EXCL, "O_EXCL" },         { O_NOCTTY, "O_NOCTTY" },
                { O_TRUNC, "O_TRUNC" },         { O_APPEND, "O_APPEND" },     { O_NONBLOCK, "O_NONBLOCK" },
                { O_DSYNC, "O_DSYNC" },         { O_ASYNC, "O_ASYNC" },       { O_DIRECT, "O_DIRECT" },
                { O_DIRECTORY, "O_DIRECTORY" }, { O_NOFOLLOW, "O_NOFOLLOW" }, { O_NOATIME, "O_NOATIME" },
                { O_CLOEXEC, "O_CLOEXEC" },
        };
        static const char *const modes[] = { "Read", "Write", "ReadWrite", NULL };
        const char *names[sizeof of / sizeof *of + 1];
        uint32_t n = 0;
        rv_fill(row, OpenFile_AccessMode, flags & O_PATH ? "Path" : modes[flags & O_ACCMODE]);
        for (size_t i = 0; i < sizeof of / sizeof *of; i++)
                if (flags & of[i].bits)
                        names[n++] =
                                of[i].bits == O_DSYNC && (flags & O_SYNC) == O_SYNC ? "O_SYNC" : of[i].name;
        rv_list list = OpenFile_set_Flags(row, n);
        for (uint32_t i = 0; i < n; i++)
                rv_item_string(row, list, i, names[i], strlen(names[i]));
}

/* "lock:\t1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF" */
static void fill_locks(struct rv_row *row, const char *text)
{
        static const char label[] = "\nlock:\t";
        uint32_t n = 0, i = 0;
        for (const char *p = text; (p = strstr(p, label)); p++)
                n++;
        rv_list list = OpenFile_set_Locks(row, n);
        for (const char *p = text; i < n && (p = strstr(p, label));) {
                p += sizeof label - 1;
                const char *number = p + strcspn(p, " \n");
                const char *lock = number + strspn(number, " ");
                rv_item_string(row, list, i++, lock, strcspn(lock, "\n"));
        }
}

static bool number_of(const char *text, const char *label, int base, uint64_t *ret)
{
        const char *p = strstr(text, label);
        if (p)
                *ret = strtoull(p + strlen(label), NULL, base);
        return p != NULL;
}

/* false: it is closed. */
static bool fill_info(struct reader *r, struct rv_row *row, const struct one *o, const char **kind)
{
        char path[40], buf[8192];
        uint64_t v, flags = 0, mount = 0, inode = 0;
        snprintf(path, sizeof path, "fdinfo/%s", o->fd);
        buf[0] = '\n'; /* each label has one before it */
        if (rv_proc_read(o->process, path, buf + 1, sizeof buf - 1) <= 0)
                return false;
        if (number_of(buf, "\npos:", 10, &v))
                OpenFile_set_Position(row, v);
        if (number_of(buf, "\nflags:", 8, &flags))
                fill_flags(row, (unsigned)flags);
        if (number_of(buf, "\nmnt_id:", 10, &mount))
                OpenFile_set_MountId(row, (uint32_t)mount);
        if (number_of(buf, "\nino:", 10, &inode))
                OpenFile_set_Inode(row, inode);
        else if (number_of(o->link, ":[", 10, &inode))
                OpenFile_set_Inode(row, inode);
        if (OpenFile_wants_Locks(row))
                fill_locks(row, buf);
        if (*o->link == '/' && flags & O_DIRECTORY)
                *kind = "Directory";
        struct statx st;
        snprintf(path, sizeof path, "fd/%s", o->fd);
        if (r->look && *o->link == '/' && may_look(r, o, (uint32_t)mount) &&
            statx(o->process, path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) == 0) {
                char device[32];
                snprintf(device, sizeof device, "%u:%u", st.stx_dev_major, st.stx_dev_minor);
                *kind = kind_of_mode(st.stx_mode);
                OpenFile_set_Size(row, st.stx_size);
                OpenFile_set_LinkCount(row, st.stx_nlink);
                rv_fill(row, OpenFile_Device, device);
        }
        return true;
}

static ssize_t read_link(const struct one *o, char *to)
{
        char path[40];
        snprintf(path, sizeof path, "fd/%s", o->fd);
        ssize_t n = readlinkat(o->process, path, to, PATH_ROOM - 1);
        to[n > 0 ? n : 0] = 0;
        return n;
}

static int emit(struct reader *r, struct rv_sink *out, struct one *o)
{
        static const char mark[] = " (deleted)";
        enum { MARK = sizeof mark - 1, TRIES = 3 };
        for (int i = 0; i < TRIES; i++) {
                char again[PATH_ROOM];
                ssize_t n = read_link(o, o->link);
                if (n <= 0)
                        return RV_OK;
                struct rv_row *row = rv_row(out);
                const char *kind = kind_of_link(o->link);
                if (r->info && (!fill_info(r, row, o, &kind) || read_link(o, again) != n ||
                                memcmp(again, o->link, (size_t)n))) {
                        rv_row_drop(row);
                        continue;
                }
                bool deleted = *o->link == '/' && strncmp(o->link, "/memfd:", 7) != 0 && n > MARK &&
                               memcmp(o->link + n - MARK, mark, MARK) == 0;
                OpenFile_set_ProcessId(row, (uint32_t)o->pid);
                OpenFile_set_Descriptor(row, (uint32_t)strtoul(o->fd, NULL, 10));
                OpenFile_set_Path(row, o->link, (size_t)n - (deleted ? MARK : 0));
                OpenFile_set_Deleted(row, deleted);
                rv_fill(row, OpenFile_Kind, kind);
                return rv_emit(out, row);
        }
        return RV_OK; /* it is opened and closed all the time */
}

/* ---- processes ---- */

static int emit_list(struct reader *r, const struct rv_query *q, struct rv_sink *out, struct one *o)
{
        int e = RV_OK;
        DIR *d = rv_proc_folder(o->process, "fd");
        if (!d)
                return -errno;
        for (struct dirent *f; e == RV_OK && (f = readdir(d));)
                if (f->d_name[0] != '.') {
                        o->fd = f->d_name;
                        e = rv_cancelled(q->call) ? RV_STOP : emit(r, out, o);
                }
        closedir(d);
        return e;
}

static int emit_process(struct reader *r, const struct rv_query *q, struct rv_sink *out, pid_t pid)
{
        const struct rv_arg *fd = rv_equals(q, OpenFile_Descriptor);
        char path[16], number[16];
        struct one o = { .pid = pid };
        snprintf(path, sizeof path, "%d", (int)pid);
        o.process = openat(r->root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (o.process < 0)
                return -errno;
        int e;
        if (fd) {
                snprintf(number, sizeof number, "%u", (unsigned)fd->u);
                o.fd = number;
                e = emit(r, out, &o);
        } else {
                e = emit_list(r, q, out, &o);
        }
        close(o.process);
        return e;
}

/* Of all processes those that may be seen; what has ended has nothing open. */
static int emit_all(struct reader *r, const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        int e = RV_OK;
        DIR *d = rv_proc_folder(r->root, ".");
        if (!d)
                return rv_fail_errno(err, errno, "cannot list /proc");
        for (struct dirent *p;
             (e == RV_OK || e == -ENOENT || e == -ESRCH || e == -EACCES || e == -EPERM) && (p = readdir(d));)
                if (p->d_name[0] >= '1' && p->d_name[0] <= '9')
                        e = emit_process(r, q, out, (pid_t)atoi(p->d_name));
        closedir(d);
        return e;
}

static int open_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reader r = { .info = false };
        int64_t boot;
        int e = rv_proc_root(&r.root, &boot);
        if (e)
                return rv_fail_errno(err, -e, "cannot open /proc");
        r.look = rv_asked(q, OpenFile_Kind) || rv_asked(q, OpenFile_Size) || rv_asked(q, OpenFile_Device) ||
                 rv_asked(q, OpenFile_LinkCount);
        r.info = r.look || rv_asked(q, OpenFile_AccessMode) || rv_asked(q, OpenFile_Flags) ||
                 rv_asked(q, OpenFile_Position) || rv_asked(q, OpenFile_MountId) ||
                 rv_asked(q, OpenFile_Inode) || rv_asked(q, OpenFile_Locks);
        const struct rv_arg *pid = rv_equals(q, OpenFile_ProcessId);
        e = pid ? emit_process(&r, q, out, (pid_t)pid->u) : emit_all(&r, q, out, err);
        free(r.own.v);
        free(r.mounts.v);
        if (pid && (e == -EACCES || e == -EPERM))
                return rv_fail_errno(err, -e, "cannot see what process %d has open", (int)pid->u);
        return e == RV_STOP || e == -ENOENT || e == -ESRCH || e == -EACCES || e == -EPERM ? RV_OK : e;
}

static const struct rv_provider openfile = { .class = &OpenFile_class, .query = open_query };

RV_PROVIDERS(openfile, &openfile);
