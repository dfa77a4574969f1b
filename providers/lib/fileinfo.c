/* SPDX-License-Identifier: MIT */
#include "providers/lib/fileinfo.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "agent/provider.h"
#include "providers/lib/askfs.h"
#include "providers/lib/filetext.h"
#include "providers/lib/slurp.h"

/* ---- names ---- */

static int hex(char c)
{
        return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that \xHH stands for; -1: it stands for itself. */
static int escaped(const char *s)
{
        if (s[0] != '\\' || s[1] != 'x' || hex(s[2]) < 0 || hex(s[3]) < 0)
                return -1;
        int c = hex(s[2]) << 4 | hex(s[3]);
        return c >= 0x80 || c == '\\' ? c : -1;
}

bool rv_filename_told(const char *s, char ret[RV_FILENAME_TOLD])
{
        size_t at = 0;
        for (size_t left = strlen(s); left && at + 8 < RV_FILENAME_TOLD;) {
                size_t k = rv_char_length(s, left);
                if (!k || escaped(s) >= 0) {
                        at += (size_t)snprintf(ret + at, 5, "\\x%02x", (unsigned char)*s);
                        k = 1;
                } else {
                        memcpy(ret + at, s, k);
                        at += k;
                }
                s += k, left -= k;
        }
        ret[at] = 0;
        return !*s;
}

bool rv_filename_real(const char *s, char ret[PATH_MAX])
{
        size_t at = 0;
        while (*s && at + 1 < PATH_MAX) {
                int c = escaped(s);
                ret[at++] = c >= 0 ? (char)c : *s;
                s += c >= 0 ? 4 : 1;
        }
        ret[at] = 0;
        return !*s;
}

/* ---- access lists ---- */

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32, ENTRIES = 512 };
#define NO_ID UINT32_MAX

struct entry {
        uint16_t tag, perm;
        uint32_t id;
};

static uint32_t little(const uint8_t *p, int n)
{
        uint32_t v = 0;
        while (n-- > 0)
                v = v << 8 | p[n];
        return v;
}

static void name_of(const struct entry *e, char *ret, size_t size)
{
        char buf[4096];
        struct passwd p, *user = NULL;
        struct group g, *group = NULL;
        ret[0] = 0;
        if (e->tag == USER && getpwuid_r(e->id, &p, buf, sizeof buf, &user) == 0 && user)
                snprintf(ret, size, "%s", p.pw_name);
        else if (e->tag == GROUP && getgrgid_r(e->id, &g, buf, sizeof buf, &group) == 0 && group)
                snprintf(ret, size, "%s", g.gr_name);
        else if (e->tag & (USER | GROUP))
                snprintf(ret, size, "%u", e->id);
}

bool rv_acl_told(const char *path, const char *attribute, char *ret, size_t size)
{
        uint8_t raw[4 + 8 * ENTRIES];
        char name[256];
        ssize_t n = lgetxattr(path, attribute, raw, sizeof raw);
        size_t at = 0;
        if (n < 4 || little(raw, 4) != 2)
                return false;
        ret[0] = 0;
        for (ssize_t i = 4; i + 8 <= n && at + 300 < size; i += 8) {
                struct entry e = { (uint16_t)little(raw + i, 2), (uint16_t)little(raw + i + 2, 2),
                                   little(raw + i + 4, 4) };
                name_of(&e, name, sizeof name);
                at += (size_t)snprintf(ret + at, size - at, "%s:%s:%c%c%c\n",
                                       e.tag & (USER_OBJ | USER)     ? "user"
                                       : e.tag & (GROUP_OBJ | GROUP) ? "group"
                                       : e.tag == MASK               ? "mask"
                                                                     : "other",
                                       name, e.perm & 4 ? 'r' : '-', e.perm & 2 ? 'w' : '-',
                                       e.perm & 1 ? 'x' : '-');
        }
        return true;
}

static bool id_of(uint16_t tag, const char *name, uint32_t *ret)
{
        char buf[4096], *end;
        struct passwd p, *user = NULL;
        struct group g, *group = NULL;
        if (tag == USER && getpwnam_r(name, &p, buf, sizeof buf, &user) == 0 && user)
                return *ret = p.pw_uid, true;
        if (tag == GROUP && getgrnam_r(name, &g, buf, sizeof buf, &group) == 0 && group)
                return *ret = g.gr_gid, true;
        unsigned long n = strtoul(name, &end, 10);
        *ret = (uint32_t)n;
        return isdigit((unsigned char)*name) && !*end && n < NO_ID;
}

/* "user:anna:rw-", "u:anna:rw", "other::r--". */
static const char *entry_of(const char *s, struct entry *ret)
{
        static const struct {
                const char *word;
                uint16_t plain, named;
        } tags[] = { { "user", USER_OBJ, USER },
                     { "group", GROUP_OBJ, GROUP },
                     { "mask", MASK, 0 },
                     { "other", OTHER, 0 } };
        char name[256];
        size_t n = strcspn(s, ":"), i = 0;
        while (i < 4 && !(n && (n == 1 || n == strlen(tags[i].word)) && strncmp(s, tags[i].word, n) == 0))
                i++;
        if (i == 4 || s[n] != ':')
                return "an entry is user:NAME:rwx, group:NAME:rwx, mask::rwx or other::rwx, with no NAME for "
                       "the file's own";
        s += n + 1;
        n = strcspn(s, ":");
        if (s[n] != ':' || n >= sizeof name)
                return "an entry has three parts divided by colons";
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        *ret = (struct entry) { .tag = n ? tags[i].named : tags[i].plain, .id = NO_ID };
        if (!ret->tag || (n && !id_of(ret->tag, name, &ret->id)))
                return ret->tag ? "there is no such user or group" : "mask and other have no name";
        for (s += n + 1; *s; s++) {
                const char *at = strchr("xwr", *s);
                if (!at && *s != '-')
                        return "permissions are of r, w, x and -";
                ret->perm |= (uint16_t)(at ? 1u << (at - "xwr") : 0);
        }
        return NULL;
}

static int by_tag(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;
        return x->tag != y->tag ? (x->tag > y->tag) - (x->tag < y->tag) : (x->id > y->id) - (x->id < y->id);
}

long rv_acl_bytes(const struct rv_arg *entries, uint32_t n, uint8_t *ret, size_t size, const char **why)
{
        struct entry list[ENTRIES];
        uint16_t tags = 0, rights = 0;
        if (n + 1 > ENTRIES || 4 + 8 * (size_t)(n + 1) > size)
                return *why = "it has too many entries", -1;
        for (uint32_t i = 0; i < n; i++) {
                if ((*why = entry_of(entries[i].s, &list[i])))
                        return -1;
                if (list[i].tag & (USER_OBJ | GROUP_OBJ | OTHER | MASK) & tags)
                        return *why = "an entry is there twice", -1;
                tags |= list[i].tag;
                rights |= list[i].tag & (USER | GROUP | GROUP_OBJ) ? list[i].perm : 0;
        }
        if ((tags & (USER_OBJ | GROUP_OBJ | OTHER)) != (USER_OBJ | GROUP_OBJ | OTHER))
                return *why = "user::, group:: and other:: must be there", -1;
        if (tags & (USER | GROUP) && !(tags & MASK))
                list[n++] = (struct entry) { MASK, rights, NO_ID };
        qsort(list, n, sizeof *list, by_tag);
        memcpy(ret, "\2\0\0\0", 4);
        for (uint32_t i = 0; i < n; i++) {
                if (i && by_tag(&list[i - 1], &list[i]) == 0)
                        return *why = "an entry is there twice", -1;
                uint8_t *p = ret + 4 + 8 * i;
                p[0] = (uint8_t)list[i].tag, p[1] = 0, p[2] = (uint8_t)list[i].perm, p[3] = 0;
                for (int k = 0; k < 4; k++)
                        p[4 + k] = (uint8_t)(list[i].id >> 8 * k);
        }
        return 4 + 8 * (long)n;
}

/* ---- packages ---- */

static bool has_line(const char *text, size_t n, const char *line, size_t k)
{
        for (const char *at = text; (at = memmem(at, n - (size_t)(at - text), line, k)); at++)
                if ((at == text || at[-1] == '\n') && (at + k == text + n || at[k] == '\n'))
                        return true;
        return false;
}

bool rv_file_package(const char *path, char *ret, size_t size)
{
        static const char folder[] = "/var/lib/dpkg/info";
        /* What merged /usr moved is listed where it was. */
        const char *old = strncmp(path, "/usr/bin/", 9) == 0 || strncmp(path, "/usr/sbin/", 10) == 0 ||
                                          strncmp(path, "/usr/lib", 8) == 0
                                  ? path + 4
                                  : path;
        DIR *d = opendir(folder);
        bool found = false;
        for (struct dirent *e; d && !found && (e = readdir(d));) {
                char name[512];
                size_t k = strlen(e->d_name), n;
                if (k < 6 || strcmp(e->d_name + k - 5, ".list") != 0 ||
                    snprintf(name, sizeof name, "%s/%s", folder, e->d_name) >= (int)sizeof name)
                        continue;
                char *text = rv_slurp(name, 64 << 20, &n);
                if ((found = text &&
                             (has_line(text, n, path, strlen(path)) || has_line(text, n, old, strlen(old)))))
                        snprintf(ret, size, "%.*s",
                                 (int)strcspn(e->d_name, ":") < (int)k - 5 ? (int)strcspn(e->d_name, ":")
                                                                           : (int)k - 5,
                                 e->d_name);
                free(text);
        }
        if (d)
                closedir(d);
        return found;
}

/* ---- what may hang ---- */

static bool is_risky(const struct rv_mount *m)
{
        static const char *const types[] = { "fuse",     "nfs",    "cifs",   "smb",  "9p",
                                             "ceph",     "afs",    "lustre", "gfs2", "ocfs2",
                                             "virtiofs", "autofs", "ncpfs",  "coda", "beegfs" };
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (strncmp(m->type, types[i], strlen(types[i])) == 0 && strcmp(m->type, "fusectl") != 0)
                        return true;
        return false;
}

bool rv_file_is_risky_mount(const struct rv_mounts *mounts, const char *path)
{
        const struct rv_mount *m = rv_mounts_of(mounts, path);
        return m && is_risky(m) && strcmp(m->target, path) == 0;
}

/* A link on the way may lead anywhere, so the question is asked wherever the host has such a file system. */
int rv_file_answers(const struct rv_mounts *mounts, const char *path, uint64_t deadline, struct rv_error *err)
{
        char folder[PATH_MAX];
        bool any = false;
        for (size_t i = 0; i < mounts->n && !any; i++)
                any = is_risky(&mounts->v[i]);
        if (!any)
                return RV_OK;
        const struct rv_mount *m = rv_mounts_of(mounts, path);
        snprintf(folder, sizeof folder, "%s", path);
        char *slash = strrchr(folder, '/');
        if (!rv_file_is_risky_mount(mounts, path) && slash)
                slash[slash == folder] = 0;
        uint64_t id = UINT64_C(14695981039346656037);
        for (const char *s = folder; *s; s++)
                id = (id ^ (uint8_t)*s) * UINT64_C(1099511628211);
        size_t n = strlen(folder); /* "/." follows a link, which the question itself does not */
        snprintf(folder + n, sizeof folder - n, "%s", n + 3 < sizeof folder ? "/." : "");
        struct rv_fs_question q = { .path = folder, .id = id | UINT64_C(1) << 63 }, *list = &q;
        if (m && is_risky(m)) /* as Mount asks: who hangs for one hangs for the other */
                q.id = (uint64_t)m->id << 32 | m->major << 20 | m->minor;
        uint64_t now = rv_now(), left = deadline > now ? deadline - now : 0;
        rv_askfs(&list, 1, now + (left ? left / 4 * 3 : 5 * RV_ASKFS_PATIENCE));
        if (q.state != RV_FS_STALLED && q.state != RV_FS_NOT_ASKED)
                return RV_OK;
        rv_fail(err, RV_UNAVAILABLE, "the file system of %.200s does not answer", path);
        return rv_hint(err, "Get-Mount shows which; its server or its FUSE program has gone or hangs.");
}
