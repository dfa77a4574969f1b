/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"
#include "schema/mode.h"

void sftp_take_attrs(struct sftp_cursor *c, struct sftp_attrs *a)
{
        *a = (struct sftp_attrs) { .flags = sftp_u32(c) };
        if (a->flags & ATTR_SIZE)
                a->size = sftp_u64(c);
        if (a->flags & ATTR_OWNER) {
                a->uid = sftp_u32(c);
                a->gid = sftp_u32(c);
        }
        if (a->flags & ATTR_MODE)
                a->mode = sftp_u32(c);
        if (a->flags & ATTR_TIME) {
                a->atime = sftp_u32(c);
                a->mtime = sftp_u32(c);
        }
        if (a->flags & ATTR_EXTENDED)
                for (uint32_t n = sftp_u32(c); n && !c->bad; n--) {
                        sftp_take(c);
                        sftp_take(c);
                }
}

void sftp_put_attrs(struct sftp_out *o, const struct stat *st)
{
        sftp_put32(o, ATTR_SIZE | ATTR_OWNER | ATTR_MODE | ATTR_TIME);
        sftp_put64(o, (uint64_t)st->st_size);
        sftp_put32(o, st->st_uid);
        sftp_put32(o, st->st_gid);
        sftp_put32(o, st->st_mode);
        sftp_put32(o, (uint32_t)st->st_atime);
        sftp_put32(o, (uint32_t)st->st_mtime);
}

/* The names of the last user and group asked for: files of a folder mostly have the same. */
static const char *user_name(uid_t uid)
{
        static uid_t known = (uid_t)-1;
        static char name[64];
        struct passwd *pw;
        if (known != uid) {
                pw = getpwuid(uid);
                pw ? snprintf(name, sizeof name, "%s", pw->pw_name) : snprintf(name, sizeof name, "%u", (unsigned)uid);
                known = uid;
        }
        return name;
}

static const char *group_name(gid_t gid)
{
        static gid_t known = (gid_t)-1;
        static char name[64];
        struct group *g;
        if (known != gid) {
                g = getgrgid(gid);
                g ? snprintf(name, sizeof name, "%s", g->gr_name) : snprintf(name, sizeof name, "%u", (unsigned)gid);
                known = gid;
        }
        return name;
}

void sftp_long_name(char *to, size_t size, const char *name, const struct stat *st)
{
        char mode[11], when[32] = "";
        struct tm tm;
        time_t now = time(NULL);
        rv_mode_text(st->st_mode, mode);
        bool lately = st->st_mtime <= now && now - st->st_mtime < 365 * 24 * 3600 / 2;
        if (localtime_r(&st->st_mtime, &tm))
                strftime(when, sizeof when, lately ? "%b %e %H:%M" : "%b %e  %Y", &tm);
        snprintf(to, size, "%s %4u %-8s %-8s %8llu %s %s", mode, (unsigned)st->st_nlink, user_name(st->st_uid),
                 group_name(st->st_gid), (unsigned long long)st->st_size, when, name);
}

/* is_path: the descriptor is one of O_PATH, which takes none of the f...() calls. */
int sftp_set_attrs(int fd, bool is_path, const struct sftp_attrs *a)
{
        char self[40];
        int r = 0;
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        if (a->flags & ATTR_SIZE && (a->size > INT64_MAX || (is_path ? truncate(self, (off_t)a->size)
                                                                     : ftruncate(fd, (off_t)a->size)) < 0))
                r = a->size > INT64_MAX ? -EFBIG : -errno;
        if (a->flags & ATTR_OWNER && r == 0 && fchownat(fd, "", a->uid, a->gid, AT_EMPTY_PATH) < 0)
                r = -errno;
        if (a->flags & ATTR_MODE && r == 0 &&
            (is_path ? chmod(self, a->mode & 07777) : fchmod(fd, a->mode & 07777)) < 0)
                r = -errno;
        struct timespec t[2] = { { .tv_sec = a->atime }, { .tv_sec = a->mtime } };
        if (a->flags & ATTR_TIME && r == 0 && (is_path ? utimensat(fd, "", t, AT_EMPTY_PATH) : futimens(fd, t)) < 0)
                r = -errno;
        return r;
}
