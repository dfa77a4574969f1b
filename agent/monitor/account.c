/* SPDX-License-Identifier: MIT
 *
 * Users and their keys. Both may come from slow places (a directory service, a home on NFS), so all of this runs in a
 * thread of libuv's pool. A user's own file is opened with that user's rights: fsuid and groups belong to a thread in
 * Linux, though not in POSIX, so the raw system calls are used.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"

bool mon_user_name_ok(const char *s, size_t n)
{
        if (n == 0 || n > MON_USER || *s == '.' || *s == '-')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                      (s[i] >= '0' && s[i] <= '9') || strchr("_.-+@$", s[i])) ||
                    !s[i])
                        return false;
        return true;
}

/* Owned by whoever may decide, and nobody else may write there. */
static bool is_safe(const struct stat *st, uid_t owner)
{
        return (st->st_uid == 0 || st->st_uid == owner) && !(st->st_mode & 022);
}

static char *slurp(int fd, uid_t owner, const char *name, size_t *ret_n)
{
        struct stat st;
        char *text = NULL;
        *ret_n = 0;
        if (fd < 0)
                return NULL;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_safe(&st, owner))
                rv_log(RV_LOG_WARNING, "%s: not used: others than its owner may write it, or it is no file",
                       name);
        else if (st.st_size > MON_FILE)
                rv_log(RV_LOG_WARNING, "%s: not used: more than %d bytes", name, MON_FILE);
        else if ((text = malloc((size_t)st.st_size + 1)))
                for (ssize_t n; *ret_n < (size_t)st.st_size &&
                                (n = read(fd, text + *ret_n, (size_t)st.st_size - *ret_n)) > 0;)
                        *ret_n += (size_t)n;
        close(fd);
        return text;
}

static void read_own(struct mon_account *a, const struct mon_options *o, uid_t self)
{
        char name[MON_USER + 8], path[1200];
        struct stat st;
        snprintf(name, sizeof name, "%s.keys", a->name);
        snprintf(path, sizeof path, "%s/%s", o->keys_dir, name);
        int dir = open(o->keys_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return;
        if (fstat(dir, &st) < 0 || !is_safe(&st, self))
                rv_log(RV_LOG_WARNING, "%s: not used: others than its owner may write there", o->keys_dir);
        else
                a->own = slurp(openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW), self, path,
                               &a->own_n);
        close(dir);
}

/* ~/.ssh/authorized_keys, every step of the way safe. */
static void read_home(struct mon_account *a)
{
        static const char *const steps[] = { ".ssh", NULL };
        char path[1200];
        struct stat st;
        int at = open(a->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (const char *const *s = steps; at >= 0; s++) {
                if (fstat(at, &st) < 0 || !is_safe(&st, a->uid)) {
                        rv_log(RV_LOG_WARNING,
                               "keys of %s are not used: others may write in the home or its .ssh", a->name);
                        close(at);
                        return;
                }
                if (!*s)
                        break;
                int next = openat(at, *s, O_PATH | O_DIRECTORY | O_CLOEXEC);
                close(at);
                at = next;
        }
        if (at < 0)
                return;
        snprintf(path, sizeof path, "%s/.ssh/authorized_keys", a->home);
        a->home_keys = slurp(openat(at, "authorized_keys", O_RDONLY | O_CLOEXEC | O_NONBLOCK), a->uid, path,
                             &a->home_n);
        close(at);
}

static void read_home_as_user(struct mon_account *a, uid_t self)
{
        if (self != 0) {
                read_home(a);
                return;
        }
        gid_t before[RV_INTRO_GROUPS];
        int n = getgroups(RV_INTRO_GROUPS, before);
        if (n < 0 || syscall(SYS_setgroups, (size_t)a->ngroups, a->groups) < 0)
                return;
        setfsgid(a->gid);
        setfsuid(a->uid);
        if ((uid_t)setfsuid((uid_t)-1) == a->uid)
                read_home(a);
        setfsuid(0);
        setfsgid(0);
        syscall(SYS_setgroups, (size_t)n, before);
}

/* An account that was switched off: a shell that is none, or an expiry date in the shadow file. */
static bool is_off(const struct passwd *pw)
{
        const char *base = pw->pw_shell ? strrchr(pw->pw_shell, '/') : NULL;
        base = base ? base + 1 : pw->pw_shell ? pw->pw_shell : "";
        if (strcmp(base, "nologin") == 0 || strcmp(base, "false") == 0)
                return true;
        struct spwd sp, *found = NULL;
        char buf[2048];
        if (getspnam_r(pw->pw_name, &sp, buf, sizeof buf, &found) == 0 && found && sp.sp_expire > 0 &&
            time(NULL) / 86400 >= sp.sp_expire)
                return true;
        return pw->pw_uid != 0 && access("/etc/nologin", F_OK) == 0;
}

/* A list that the configuration names. */
static char *read_list(const char *path, uid_t self, size_t *ret_n)
{
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
        if (path && fd < 0)
                rv_log(RV_LOG_WARNING, "%s: %m", path);
        return slurp(fd, self, path, ret_n);
}

void mon_account_load(struct mon_account *a, const struct mon_options *o, uid_t self)
{
        struct passwd pw, *found = NULL;
        char buf[8192];
        if (!mon_user_name_ok(a->name, strlen(a->name)) ||
            getpwnam_r(a->name, &pw, buf, sizeof buf, &found) || !found)
                return;
        if (strcmp(pw.pw_name, a->name) != 0 || strlen(pw.pw_dir) >= sizeof a->home || is_off(&pw))
                return;
        if (self != 0 && pw.pw_uid != self) /* we could not become anybody else */
                return;
        a->uid = pw.pw_uid;
        a->gid = pw.pw_gid;
        strcpy(a->home, pw.pw_dir);
        a->ngroups = RV_INTRO_GROUPS;
        if (getgrouplist(a->name, a->gid, a->groups, &a->ngroups) < 0)
                a->ngroups = RV_INTRO_GROUPS; /* the first of them */
        a->known = true;
        read_own(a, o, self);
        a->authorities = read_list(o->authorities, self, &a->authorities_n);
        a->revoked = read_list(o->revoked, self, &a->revoked_n);
        if (o->authorized_keys == 1)
                read_home_as_user(a, self);
}

void mon_account_forget_keys(struct mon_account *a)
{
        free(a->own);
        free(a->home_keys);
        free(a->authorities);
        free(a->revoked);
        a->own = a->home_keys = a->authorities = a->revoked = NULL;
        a->own_n = a->home_n = a->authorities_n = a->revoked_n = 0;
}
