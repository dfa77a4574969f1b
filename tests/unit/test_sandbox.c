/* SPDX-License-Identifier: MIT
 *
 * What somebody can do who has taken over a front-end: each try in a process that has locked itself in as a front-end
 * does, once its descriptors are there. Nothing may succeed; refused or killed, either will do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "agent/ssh/sandbox.c"

static int kept = -1; /* a file that was open before */
static pid_t other;   /* a process of the same user */

static long try_open(void)
{
        return open("/etc/passwd", O_RDONLY);
}

static long try_own_memory(void)
{
        return open("/proc/self/mem", O_RDWR);
}

static long try_create(void)
{
        return open("/tmp/reeve-sandbox-test", O_CREAT | O_WRONLY, 0600);
}

static long try_openat2(void)
{
        struct {
                uint64_t flags, mode, resolve;
        } how = { 0 };
        return syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how);
}

static long try_unlink(void)
{
        return unlink("/tmp/reeve-sandbox-none");
}

static long try_write(void)
{
        return write(kept, "x", 1); /* RLIMIT_FSIZE */
}

static long try_inet(void)
{
        return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_unix(void)
{
        return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long try_pair(void)
{
        int pair[2];
        return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static long try_exec(void)
{
        char *argv[] = { "/bin/true", NULL }, *env[] = { NULL };
        return execve(argv[0], argv, env);
}

static long try_fork(void)
{
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        return pid;
}

static long try_thread(void)
{
        return syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, NULL, NULL, NULL, NULL);
}

static long try_kill(void)
{
        return kill(other, SIGTERM);
}

static long try_trace(void)
{
        return ptrace(PTRACE_ATTACH, other, NULL, NULL);
}

static long try_read_other(void)
{
        char a[8];
        struct iovec mine = { a, sizeof a }, theirs = { &kept, sizeof kept };
        return process_vm_readv(other, &mine, 1, &theirs, 1, 0);
}

static long try_pidfd(void)
{
        return syscall(SYS_pidfd_open, other, 0);
}

static long try_executable(void)
{
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                               MAP_FAILED
                       ? -1
                       : 0;
}

static long try_make_executable(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long try_map_file(void)
{
        return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, kept, 0) == MAP_FAILED ? -1 : 0;
}

static long try_memory(void)
{
        return mmap(NULL, (size_t)MEMORY * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                               MAP_FAILED
                       ? -1
                       : 0;
}

static long try_setuid(void)
{
        return syscall(SYS_setresuid, 0, 0, 0);
}

static long try_namespace(void)
{
        return unshare(CLONE_NEWUSER);
}

static long try_ring(void)
{
        char params[256] = { 0 };
        return syscall(SYS_io_uring_setup, 4, params);
}

static long try_bpf(void)
{
        union bpf_attr a = { 0 };
        return syscall(SYS_bpf, 0, &a, sizeof a);
}

static long try_memfd(void)
{
        return memfd_create("x", 0);
}

static long try_limits(void)
{
        return setrlimit(RLIMIT_NPROC, &(struct rlimit) { 100, 100 });
}

static long try_dumpable(void)
{
        return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long try_control(void)
{
        return ioctl(0, TIOCSTI, "x");
}

static const struct {
        const char *what;
        long (*run)(void);
} tries[] = {
        { "a file", try_open },
        { "its own memory as a file", try_own_memory },
        { "a new file", try_create },
        { "openat2", try_openat2 },
        { "a name to be removed", try_unlink },
        { "writing to a file that was open", try_write },
        { "the network", try_inet },
        { "a Unix socket", try_unix },
        { "a socket pair", try_pair },
        { "a program", try_exec },
        { "a process", try_fork },
        { "a thread", try_thread },
        { "a signal", try_kill },
        { "tracing", try_trace },
        { "another's memory", try_read_other },
        { "a pidfd", try_pidfd },
        { "executable memory", try_executable },
        { "memory made executable", try_make_executable },
        { "a file as memory", try_map_file },
        { "more memory than it has", try_memory },
        { "another user", try_setuid },
        { "a namespace", try_namespace },
        { "io_uring", try_ring },
        { "bpf", try_bpf },
        { "memfd", try_memfd },
        { "its limits", try_limits },
        { "being traced", try_dumpable },
        { "input for a terminal", try_control },
};

/* 0: it succeeded. */
static int attempt(long (*run)(void), bool full)
{
        pid_t pid = fork();
        int status;
        if (pid == 0) {
                if (sandbox_start(full) < 0)
                        _exit(3);
                _exit(run() < 0 ? 1 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? 2
               : WIFEXITED(status)                               ? WEXITSTATUS(status)
                                                                 : 4;
}

static long nothing(void)
{
        return 0;
}

static void test_tries(void **state)
{
        (void)state;
        if (SANITIZED)
                skip();
        kept = open("/tmp", O_TMPFILE | O_RDWR, 0600);
        assert_true(kept >= 0);
        other = fork();
        if (other == 0)
                for (;;)
                        pause();
        assert_int_equal(attempt(nothing, true), 0);
        assert_int_equal(attempt(try_open, false), 0); /* it is the sandbox that refuses */
        int bad = 0;
        for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
                int r = attempt(tries[i].run, true);
                if (r != 1 && r != 2)
                        fprintf(stderr, "%s: %d\n", tries[i].what, r), bad++;
        }
        assert_int_equal(waitpid(other, NULL, WNOHANG), 0); /* it lives */
        kill(other, SIGKILL);
        waitpid(other, NULL, 0);
        close(kept);
        assert_int_equal(bad, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_tries) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
