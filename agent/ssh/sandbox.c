/* SPDX-License-Identifier: MIT
 *
 * What a front-end gives up before it reads the first byte: files (Landlock without any right, and EPERM), programs and
 * most of the kernel (seccomp: killed), memory and processes without bound (rlimits), tracing. A turn of the loop that
 * takes more than two seconds of CPU ends the process: libssh 0.10 can be sent into an endless loop by a client
 * that announces packets of ten bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/ssh/front.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { MEMORY = 256 << 20 };

static struct front *watched;
static unsigned long seen;

static void on_tick(int signum)
{
        (void)signum;
        if (watched->beats == seen)
                _exit(FRONT_STUCK);
        seen = watched->beats;
}

/* By CPU time: an idle connection is not woken. */
void sandbox_watch(struct front *f)
{
        watched = f;
        seen = (unsigned long)-1;
        sigaction(SIGPROF, &(struct sigaction) { .sa_handler = on_tick, .sa_flags = SA_RESTART }, NULL);
        setitimer(ITIMER_PROF, &(struct itimerval) { .it_interval = { 2, 0 }, .it_value = { 2, 0 } }, NULL);
}

/* ---- Landlock: no path, no TCP address, no signal to others; as far as the kernel knows them ---- */

struct ruleset {
        uint64_t files, net, scoped;
};

static int landlock(void)
{
        int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
        if (abi < 1)
                return 0;
        struct ruleset r = { .files = (1ULL << 13) - 1 };
        if (abi >= 2)
                r.files |= 1ULL << 13; /* refer */
        if (abi >= 3)
                r.files |= 1ULL << 14; /* truncate */
        if (abi >= 4)
                r.net = 3; /* bind, connect */
        if (abi >= 5)
                r.files |= 1ULL << 15; /* device ioctl by path */
        if (abi >= 6)
                r.scoped = 3; /* abstract sockets, signals */
        size_t size = abi >= 6 ? sizeof r : abi >= 4 ? 16 : 8;
        int fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
        int bad = fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0;
        if (fd >= 0)
                close(fd);
        return bad ? -1 : 0;
}

/* ---- seccomp ---- */

static const int allowed[] = {
        SCMP_SYS(read),         SCMP_SYS(write),           SCMP_SYS(readv),          SCMP_SYS(writev),
        SCMP_SYS(recvfrom),     SCMP_SYS(sendto),          SCMP_SYS(recvmsg),        SCMP_SYS(sendmsg),
        SCMP_SYS(shutdown),     SCMP_SYS(close),           SCMP_SYS(poll),           SCMP_SYS(ppoll),
        SCMP_SYS(epoll_wait),   SCMP_SYS(epoll_pwait),     SCMP_SYS(epoll_ctl),      SCMP_SYS(brk),
        SCMP_SYS(munmap),       SCMP_SYS(mremap),          SCMP_SYS(madvise),        SCMP_SYS(getrandom),
        SCMP_SYS(getpid),       SCMP_SYS(gettid),          SCMP_SYS(futex),          SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday), SCMP_SYS(rt_sigreturn),    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
        SCMP_SYS(setitimer),    SCMP_SYS(restart_syscall), SCMP_SYS(getsockopt),     SCMP_SYS(exit),
        SCMP_SYS(exit_group),
};
/* Refused without being killed: libraries ask and can do without. */
static const int refused[] = {
        SCMP_SYS(open),    SCMP_SYS(openat),  SCMP_SYS(stat),        SCMP_SYS(fstat),    SCMP_SYS(newfstatat),
        SCMP_SYS(statx),   SCMP_SYS(access),  SCMP_SYS(faccessat),   SCMP_SYS(readlink), SCMP_SYS(setsockopt),
        SCMP_SYS(socket),  SCMP_SYS(ioctl),   SCMP_SYS(fcntl),       SCMP_SYS(mmap),     SCMP_SYS(mprotect),
        SCMP_SYS(uname),   SCMP_SYS(sysinfo), SCMP_SYS(sched_yield), SCMP_SYS(prctl),    SCMP_SYS(getuid),
        SCMP_SYS(geteuid), SCMP_SYS(getgid),  SCMP_SYS(getegid),
};

static int filter(void)
{
        scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!c)
                return -1;
        int r = 0;
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
                r |= seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0);
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                switch (refused[i]) {
                case SCMP_SYS(ioctl):
                        r |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                              SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSWINSZ));
                        r |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                              SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, FIONBIO));
                        break;
                case SCMP_SYS(fcntl):
                        for (int cmd = F_GETFD; cmd <= F_SETFL; cmd++)
                                r |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                                      SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)cmd));
                        break;
                case SCMP_SYS(mmap): /* memory only, none of it executable */
                        r |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                              SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0),
                                              SCMP_A4(SCMP_CMP_MASKED_EQ, 0xffffffff, 0xffffffff));
                        break;
                default: r |= seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
                }
        if (r == 0)
                r = seccomp_load(c);
        seccomp_release(c);
        return r ? -1 : 0;
}

static int limit(int what, rlim_t most)
{
        return setrlimit(what, &(struct rlimit) { most, most });
}

int sandbox_start(bool full)
{
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -1;
        if (!full || SANITIZED)
                return 0;
        if (landlock() < 0)
                return -1;
        signal(SIGXFSZ, SIG_IGN);
        if (limit(RLIMIT_AS, MEMORY) < 0 || limit(RLIMIT_NOFILE, 16 + 4 * FRONT_CHANNELS) < 0 ||
            limit(RLIMIT_NPROC, 0) < 0 || limit(RLIMIT_FSIZE, 0) < 0 || limit(RLIMIT_CORE, 0) < 0)
                return -1;
        return filter();
}
