/* SPDX-License-Identifier: MIT
 *
 * Landlock: the kernel keeps this process and whatever it starts to the folders and programs that the role names. What
 * every program needs to run at all (libraries, time zones, terminals) can be read. Without Landlock a role that
 * limits files
 * or commands gives no shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shell/limits_int.h"

enum {
        EXECUTE = 1 << 0,
        WRITE_FILE = 1 << 1,
        READ_FILE = 1 << 2,
        READ_DIR = 1 << 3,
        CHANGES = 0x1ff << 4, /* remove and make of every kind */
        REFER = 1 << 13,      /* from version 2 */
        TRUNCATE = 1 << 14,   /* 3 */
        IOCTL_DEV = 1 << 15,  /* 5 */
};
enum { READS = READ_FILE | READ_DIR, WRITES = WRITE_FILE | CHANGES | REFER | TRUNCATE };

struct beneath {
        uint64_t rights;
        int32_t folder;
} __attribute__((packed));

struct fence {
        int fd;
        uint64_t handled;
        bool failed;
};

static void allow(struct fence *f, const char *path, uint64_t rights)
{
        struct stat st;
        int fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0) /* what is not there needs no right */
                return;
        if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) /* only these are meant for files */
                rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
        struct beneath b = { .rights = rights & f->handled, .folder = fd };
        if (b.rights && syscall(SYS_landlock_add_rule, f->fd, 1, &b, 0) < 0)
                f->failed = true;
        close(fd);
}

static void allow_glob(struct fence *f, const char *pattern, uint64_t rights)
{
        glob_t g;
        if (glob(pattern, 0, NULL, &g) == 0) {
                for (size_t i = 0; i < g.gl_pathc; i++)
                        allow(f, g.gl_pathv[i], rights);
                globfree(&g);
        }
}

static void allow_base(struct fence *f)
{
        static const char *const read[] = { "/lib",
                                            "/lib64",
                                            "/usr/lib",
                                            "/usr/lib64",
                                            "/usr/share/zoneinfo",
                                            "/usr/share/locale",
                                            "/usr/share/terminfo",
                                            "/etc/terminfo",
                                            "/etc/ld.so.cache",
                                            "/etc/localtime",
                                            "/etc/passwd",
                                            "/etc/group",
                                            "/etc/nsswitch.conf",
                                            "/etc/hosts",
                                            "/etc/resolv.conf",
                                            "/etc/os-release" };
        static const char *const devices[] = { "/dev/null",    "/dev/zero", "/dev/random",
                                               "/dev/urandom", "/dev/tty",  "/dev/pts" };
        for (size_t i = 0; i < sizeof read / sizeof *read; i++)
                allow(f, read[i], READS);
        for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
                allow(f, devices[i], READS | WRITE_FILE | IOCTL_DEV);
}

/* The interpreter of a script. */
static void allow_interpreter(struct fence *f, const char *path)
{
        char line[256] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
        if (fd >= 0)
                close(fd);
        if (n < 3 || line[0] != '#' || line[1] != '!')
                return;
        char *s = line + 2 + strspn(line + 2, " ");
        s[strcspn(s, " \t\r\n")] = 0;
        allow(f, s, EXECUTE | READ_FILE);
}

static void allow_program(struct fence *f, const char *name)
{
        char path[600];
        const char *folders = getenv("PATH");
        if (*name == '/') {
                allow(f, name, EXECUTE | READ_FILE);
                allow_interpreter(f, name);
                return;
        }
        for (const char *p = folders ? folders : "/usr/bin:/bin"; *p;) {
                size_t n = strcspn(p, ":");
                snprintf(path, sizeof path, "%.*s/%s", (int)n, p, name);
                if (n && access(path, X_OK) == 0) {
                        allow(f, path, EXECUTE | READ_FILE);
                        allow_interpreter(f, path);
                        return;
                }
                p += n + (p[n] == ':');
        }
}

/* "*" is everything. Answers whether it was. */
static bool each(const json_t *list, struct fence *f, void (*allow_one)(struct fence *, const char *))
{
        size_t i;
        json_t *one;
        bool all = false;
        json_array_foreach(list, i, one)
        {
                const char *s = json_string_value(one);
                if (strcmp(s, "*") == 0)
                        all = true;
                else if (f)
                        allow_one(f, s);
        }
        return all;
}

static void allow_read(struct fence *f, const char *path)
{
        allow(f, path, READS);
}

static void allow_write(struct fence *f, const char *path)
{
        allow(f, path, READS | WRITES);
}

static int make(const struct sh_limits *l, int abi)
{
        const json_t *native = json_object_get(l->shell, "NativeCommands"),
                     *read = json_object_get(l->shell, "ReadFiles"),
                     *write = json_object_get(l->shell, "WriteFiles");
        struct fence f = { .handled = EXECUTE | READS | WRITE_FILE | CHANGES };
        f.handled |= (abi >= 2 ? REFER : 0) | (abi >= 3 ? TRUNCATE : 0) | (abi >= 5 ? IOCTL_DEV : 0);
        f.fd = (int)syscall(SYS_landlock_create_ruleset, &f.handled, sizeof f.handled, 0);
        if (f.fd < 0)
                return -1;
        allow_base(&f);
        if (each(native, &f, allow_program))
                allow(&f, "/", EXECUTE | READ_FILE);
        if (json_array_size(native)) /* what the kernel starts in a program's name */
                allow_glob(&f, "/lib*/ld-*.so*", EXECUTE | READ_FILE);
        if (each(read, &f, allow_read))
                allow(&f, "/", READS);
        if (each(write, &f, allow_write))
                allow(&f, "/", READS | WRITES);
        int r = f.failed || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                syscall(SYS_landlock_restrict_self, f.fd, 0) < 0;
        close(f.fd);
        return r ? -1 : 0;
}

int sh_limits_kernel(const struct sh_limits *l)
{
        bool all = each(json_object_get(l->shell, "NativeCommands"), NULL, NULL) &&
                   each(json_object_get(l->shell, "ReadFiles"), NULL, NULL) &&
                   each(json_object_get(l->shell, "WriteFiles"), NULL, NULL);
        int abi = all ? 0 : (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
        if (all || (abi > 0 && make(l, abi) == 0))
                return 0;
        fprintf(stderr,
                "reeve: your role (%s) limits files and commands, which this kernel cannot keep (Landlock: "
                "%s)\n",
                l->roles, strerror(abi < 0 ? errno : EPERM));
        return -1;
}
