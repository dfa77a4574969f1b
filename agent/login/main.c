/* SPDX-License-Identifier: MIT
 *
 * reeve-login: makes processes for reeved and sockets that listen, and nothing else. A login's shell needs the
 * host as it is (its mounts, its devices, every system
 * call), so whoever is its parent cannot be locked in by systemd; reeved, which keeps keys and is spoken to by
 * front-ends, can, because this program is the parent instead. It reads nobody's bytes but reeved's messages, on
 * descriptor 3:
 *
 *      START    a program: user, groups, limits, folder, arguments, environment; its descriptors      ->
 *      STARTED, with a pidfd
 *      SIGNAL   to a program's process group
 *      ADOPT    a program that a predecessor of ours started: the pidfd
 *      LISTEN   on a TCP address or a path                                             -> ANSWER, with the socket
 *      PING                                                                            -> PONG: all before it
 *      has been done
 *      (ours)   ENDED: a program has ended
 *
 * When it dies the programs go on, and its successor adopts them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/login/login.h"
#include "agent/wire/link.h"

enum { MOST_GROUPS = 64, MOST_ARGS = 20, MOST_ENV = 64, UNKNOWN_STATUS = 255 << 8 };

struct program {
        uint32_t number;
        pid_t pid;
        int pidfd; /* of an adopted one, whose parent we are not; else -1 */
};

static struct program *programs;
static unsigned nprograms, room;

static void tell(const struct mon_message *m, const int *fds, unsigned nfds)
{
        for (int r; (r = mon_send(LOGIN_LINK, m, fds, nfds)) < 0;) {
                struct pollfd p = { .fd = LOGIN_LINK, .events = POLLOUT };
                if (r != -EAGAIN || poll(&p, 1, -1) < 0)
                        exit(1);
        }
}

/* ---- the table ---- */

static struct program *keep(uint32_t number, pid_t pid, int pidfd)
{
        if (nprograms == room) {
                unsigned more = room ? room * 2 : 32;
                struct program *to = realloc(programs, more * sizeof *to);
                if (!to)
                        return NULL;
                programs = to;
                room = more;
        }
        programs[nprograms] = (struct program) { number, pid, pidfd };
        return &programs[nprograms++];
}

static void ended(unsigned i, int status)
{
        uint32_t number = programs[i].number;
        if (programs[i].pidfd >= 0)
                close(programs[i].pidfd);
        programs[i] = programs[--nprograms];
        tell(&(struct mon_message) { .type = MON_ENDED, .u = { number, (uint32_t)status } }, NULL, 0);
}

static void reap(void)
{
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
                for (unsigned i = 0; i < nprograms; i++)
                        if (programs[i].pid == pid && programs[i].pidfd < 0) {
                                ended(i, status);
                                break;
                        }
}

/* ---- the child: system calls only ---- */

struct order {
        const struct mon_message *m;
        unsigned flags;
        const int *fds;
        gid_t groups[MOST_GROUPS];
        unsigned ngroups;
        struct rlimit limits[RLIM_NLIMITS];
        const char *folder;
        const char *argv[MOST_ARGS + 1], *env[MOST_ENV + 1];
};

static _Noreturn void fail(int to, const char *what)
{
        char text[256];
        int n = snprintf(text, sizeof text, "reeve: cannot start the shell: %s: %s\n", what, strerror(errno));
        if (write(to, text, (size_t)n) < 0)
                _exit(255);
        _exit(255);
}

/* For the kernel's audit: whoever this process becomes, it began as him. Kernels without it have no such file. */
static void set_login_uid(uid_t uid)
{
        char text[16];
        size_t n = sizeof text;
        do
                text[--n] = (char)('0' + uid % 10);
        while ((uid /= 10));
        int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, text + n, sizeof text - n) < 0)
                n = 0; /* it may be set once only */
        if (fd >= 0)
                close(fd);
}

static void become(const struct order *o)
{
        uid_t uid = o->m->u[2];
        gid_t gid = o->m->u[3];
        if (syscall(SYS_setgroups, (size_t)o->ngroups, o->groups) < 0 ||
            syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
                fail(2, "user");
        if (uid && syscall(SYS_setresuid, -1, 0, -1) == 0) /* there must be no way back */
                _exit(255);
}

/* Descriptors 0, 1, 2 of the program, and 3 and 4 where it has them; all others closed. */
static void arrange(const struct order *o)
{
        bool pty = o->flags & LOGIN_PTY;
        const int *fds = o->fds;
        unsigned used = pty ? 1 : o->flags & LOGIN_PIPES ? 3 : 0;
        if (pty && (o->flags & LOGIN_BECOME) && fchown(fds[0], o->m->u[2], (gid_t)-1) < 0)
                fail(fds[0], "terminal");
        if (pty && (fchmod(fds[0], 0620) < 0 || ioctl(fds[0], TIOCSCTTY, 0) < 0))
                fail(fds[0], "terminal");
        for (int i = 0; used && i < 3; i++)
                if (dup2(fds[pty ? 0 : i], i) < 0)
                        _exit(255);
        int three = o->flags & LOGIN_FD3 ? fcntl(fds[used++], F_DUPFD, 10) : -1,
            four = o->flags & LOGIN_FD4 ? fcntl(fds[used], F_DUPFD, 10) : -1;
        if ((o->flags & LOGIN_FD3 && dup2(three, 3) < 0) || (o->flags & LOGIN_FD4 && dup2(four, 4) < 0))
                _exit(255);
        syscall(SYS_close_range, four >= 0 ? 5u : three >= 0 ? 4u : 3u, ~0u, 0);
}

static _Noreturn void child(const struct order *o)
{
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        arrange(o);
        for (int i = 0; (o->flags & LOGIN_LIMITS) && i < RLIM_NLIMITS; i++)
                setrlimit((unsigned)i, &o->limits[i]);
        if (o->flags & LOGIN_LIMITS)
                set_login_uid(o->m->u[2]);
        if (o->flags & LOGIN_BECOME)
                become(o);
        if (chdir(o->folder) < 0 && chdir("/") < 0)
                fail(2, o->folder);
        umask(022);
        execve(o->argv[0], (char *const *)o->argv, (char *const *)o->env);
        fail(2, o->argv[0]);
}

/* ---- messages ---- */

/* folder, arguments, environment: each text ended by NUL. */
static bool read_texts(struct order *o, const struct mon_text *b, unsigned argc)
{
        unsigned nargv = 0, nenv = 0;
        if (b->n == 0 || b->data[b->n - 1] || argc == 0 || argc > MOST_ARGS)
                return false;
        o->folder = b->data;
        for (const char *p = b->data + strlen(b->data) + 1; p < b->data + b->n; p += strlen(p) + 1)
                if (nargv < argc)
                        o->argv[nargv++] = p;
                else if (nenv < MOST_ENV)
                        o->env[nenv++] = p;
                else
                        return false;
        return nargv == argc;
}

static bool read_order(struct order *o, const struct mon_message *m, const int *fds, unsigned nfds)
{
        *o = (struct order) { .m = m, .flags = m->u[1], .fds = fds };
        unsigned want = (o->flags & LOGIN_PTY     ? 1
                         : o->flags & LOGIN_PIPES ? 3
                                                  : 0) +
                        (o->flags & LOGIN_FD3 ? 1 : 0) + (o->flags & LOGIN_FD4 ? 1 : 0);
        bool limits = o->flags & LOGIN_LIMITS;
        if (nfds != want || m->b[0].n % sizeof(gid_t) || m->b[0].n > sizeof o->groups ||
            m->b[1].n != (limits ? sizeof o->limits : 0) || !read_texts(o, &m->b[2], m->u[4]))
                return false;
        o->ngroups = (unsigned)(m->b[0].n / sizeof(gid_t));
        if (m->b[0].n)
                memcpy(o->groups, m->b[0].data, m->b[0].n);
        if (limits)
                memcpy(o->limits, m->b[1].data, sizeof o->limits);
        return true;
}

static void do_start(const struct mon_message *m, const int *fds, unsigned nfds)
{
        static struct order o;
        uint32_t number = m->u[0];
        bool good = read_order(&o, m, fds, nfds);
        pid_t pid = good ? fork() : -1;
        if (pid == 0)
                child(&o);
        if (pid < 0 || !keep(number, pid, -1)) {
                if (pid > 0)
                        kill(pid, SIGKILL);
                tell(&(struct mon_message) { .type = MON_ENDED, .u = { number, UNKNOWN_STATUS } }, NULL, 0);
                return;
        }
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return;
        tell(&(struct mon_message) { .type = MON_STARTED, .u = { number } }, &pidfd, 1);
        close(pidfd);
}

static void do_signal(const struct mon_message *m)
{
        int n = login_signal(m->b[0].data, m->b[0].n);
        for (unsigned i = 0; n && i < nprograms; i++)
                if (programs[i].number == m->u[0])
                        kill(-programs[i].pid, n);
}

static pid_t pid_of(int pidfd)
{
        char path[64], line[128];
        int pid = -1;
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
        FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f))
                if (sscanf(line, "Pid: %d", &pid) == 1)
                        break;
        if (f)
                fclose(f);
        return pid > 0 ? pid : -1; /* it has ended: poll() says so at once */
}

static void do_adopt(const struct mon_message *m, const int *fds, unsigned nfds)
{
        int fd = nfds == 1 ? fcntl(fds[0], F_DUPFD_CLOEXEC, 10) : -1;
        pid_t pid = fd >= 0 ? pid_of(fd) : -1;
        if (pid > 0 && keep(m->u[0], pid, fd))
                return;
        if (fd >= 0)
                close(fd);
        tell(&(struct mon_message) { .type = MON_ENDED, .u = { m->u[0], UNKNOWN_STATUS } }, NULL, 0);
}

static void do_listen(const struct mon_message *m)
{
        char text[1024], why[256] = "";
        snprintf(text, sizeof text, "%.*s", (int)m->b[0].n, m->b[0].data);
        int fd = m->u[0] ? login_listen_tcp(text, m->u[1], why, sizeof why)
                         : login_listen_unix(text, why, sizeof why);
        struct mon_message a = {
                .type = MON_ANSWER, .id = m->id, .u = { fd < 0 }, .b = { { why, (uint32_t)strlen(why) } }
        };
        tell(&a, &fd, fd >= 0);
        if (fd >= 0)
                close(fd);
}

/* False: reeved has gone. */
static bool take(void)
{
        static char buf[MON_MOST];
        struct mon_message m;
        int fds[MON_MOST_FDS];
        unsigned nfds = MON_MOST_FDS;
        int r = mon_recv(LOGIN_LINK, buf, sizeof buf, &m, fds, &nfds);
        if (r == -EBADMSG || r == -EAGAIN || r == -EINTR)
                return true;
        if (r <= 0)
                return false;
        switch (m.type) {
        case MON_START: do_start(&m, fds, nfds); break;
        case MON_SIGNAL: do_signal(&m); break;
        case MON_ADOPT: do_adopt(&m, fds, nfds); break;
        case MON_LISTEN: do_listen(&m); break;
        case MON_PING: tell(&(struct mon_message) { .type = MON_PONG }, NULL, 0); break;
        }
        while (nfds)
                close(fds[--nfds]);
        return true;
}

/* The link, our children, and those we have adopted. */
static int serve(int children)
{
        struct pollfd *all = NULL;
        unsigned size = 0;
        for (;;) {
                if (size < nprograms + 2) {
                        struct pollfd *more = realloc(all, (room + 2) * sizeof *all);
                        if (!more)
                                return 1;
                        all = more;
                        size = room + 2;
                }
                all[0] = (struct pollfd) { .fd = LOGIN_LINK, .events = POLLIN };
                all[1] = (struct pollfd) { .fd = children, .events = POLLIN };
                unsigned n = nprograms;
                for (unsigned i = 0; i < n; i++)
                        all[2 + i] = (struct pollfd) { .fd = programs[i].pidfd, .events = POLLIN };
                if (poll(all, n + 2, -1) < 0 && errno != EINTR)
                        return 1;
                for (unsigned i = n; i-- > 0;)
                        if (all[2 + i].revents)
                                ended(i, UNKNOWN_STATUS);
                struct signalfd_siginfo some;
                if (all[1].revents && read(children, &some, sizeof some) > 0)
                        reap();
                if (all[0].revents && !take())
                        break;
        }
        free(all);
        return 0;
}

int main(int argc, char **argv)
{
        sigset_t chld;
        struct stat st;
        if (argc > 1 && strcmp(argv[1], "--version") == 0)
                return printf("reeve-login %s\n", REEVE_VERSION) < 0;
        if (rv_link_take(&argc, &argv) < 0 || argc > 1 || fstat(LOGIN_LINK, &st) < 0 ||
            !S_ISSOCK(st.st_mode)) {
                fputs("usage: reeve-login\nStarted by reeved, to which descriptor 3 leads.\n", stderr);
                return 2;
        }
        rv_log_start("reeve-login", RV_LOG_INFO);
        fcntl(LOGIN_LINK, F_SETFD, FD_CLOEXEC);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        sigprocmask(SIG_BLOCK, &chld, NULL);
        int children = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
        return children < 0 ? 1 : serve(children);
}
