/* SPDX-License-Identifier: MIT
 *
 * What the kernel takes away before the first byte of the client is read, on top of scope.c: programs, tracing and the
 * network (seccomp), and under a role all files but those that it names (Landlock, where the kernel has it). The user
 * could do these things in a shell; a fault in here cannot.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

static const int refused[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(ptrace),
        SCMP_SYS(fork),
        SCMP_SYS(vfork),
        SCMP_SYS(bind),
        SCMP_SYS(listen),
        SCMP_SYS(accept),
        SCMP_SYS(accept4),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(bpf),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(mount),
        SCMP_SYS(unshare),
        SCMP_SYS(setns),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(kexec_load),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(kill),
        SCMP_SYS(tkill),
        SCMP_SYS(pidfd_send_signal),
        SCMP_SYS(pidfd_open),
        SCMP_SYS(chroot),
};

static int filter(void)
{
        scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
        if (!c)
                return -1;
        int r = 0;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                r |= seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
        /* Names of users may come from a service on a Unix socket; nothing else is connected to. */
        r |= seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
        r |= seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 0);
        r |= seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        if (r == 0)
                r = seccomp_load(c);
        seccomp_release(c);
        return r;
}

struct beneath {
        uint64_t rights;
        int32_t folder;
} __attribute__((packed));

enum { FILES_1 = (1 << 13) - 1, READS = 4 | 8, EXECUTE = 1, FILE_ONLY = 1 | 2 | 4 | 1 << 14 };

static int allow(int ruleset, int fd, uint64_t rights)
{
        struct stat st;
        if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
                rights &= FILE_ONLY;
        struct beneath b = { .rights = rights, .folder = fd };
        return syscall(SYS_landlock_add_rule, ruleset, 1, &b, 0) < 0 ? -1 : 0;
}

/* What the names of users and the time zone need. */
static int allow_base(int ruleset)
{
        static const char *const read[] = { "/lib",
                                            "/lib64",
                                            "/usr/lib",
                                            "/etc/passwd",
                                            "/etc/group",
                                            "/etc/nsswitch.conf",
                                            "/etc/localtime",
                                            "/usr/share/zoneinfo",
                                            "/etc/ld.so.cache" };
        int r = 0;
        for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
                int fd = open(read[i], O_PATH | O_CLOEXEC);
                if (fd < 0)
                        continue;
                r |= allow(ruleset, fd, READS);
                close(fd);
        }
        return r;
}

static int landlock(const struct sftp_scope *s)
{
        int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
        if (abi < 1)
                return 0; /* openat2 keeps to the role without it */
        uint64_t handled = FILES_1 | (abi >= 2 ? 1u << 13 : 0) | (abi >= 3 ? 1u << 14 : 0);
        int fd = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
        int r = fd < 0 ? -1 : allow_base(fd);
        for (unsigned i = 0; i < s->nroots && r == 0; i++)
                r = allow(fd, s->roots[i].fd, s->roots[i].write ? handled & ~(uint64_t)EXECUTE : READS);
        if (r == 0)
                r = (int)syscall(SYS_landlock_restrict_self, fd, 0);
        if (fd >= 0)
                close(fd);
        return r;
}

int sftp_fence(const struct sftp_scope *s)
{
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && (!s->limited || landlock(s) == 0) && filter() == 0)
                return 0;
        fprintf(stderr, "reeve: file transfer: the sandbox cannot be set up: %s\n", strerror(errno));
        return -1;
}
