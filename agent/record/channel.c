/* SPDX-License-Identifier: MIT
 *
 * The shell in a session of its own, and what passes between it and the channel: each piece is recorded, then handed
 * on. A terminal's input is not recorded while it is a password's: while the terminal gathers lines and does not
 * show them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent/record/record.h"

enum { PIECE = 16384, LINGER_MS = 500 };

struct flow {
        int stream, from, to; /* -1: over */
        char buf[PIECE];
        size_t n, at;
        bool ended; /* nothing more comes; what is there is still handed on */
};

static pid_t shell = -1;
static volatile sig_atomic_t over, resized;
static bool hung_up; /* the channel has gone from its terminal */

static void on_child(int s)
{
        (void)s;
        over = 1;
}

static void on_size(int s)
{
        (void)s;
        resized = 1;
}

/* What the channel sends to the shell's process group is for the shell. */
static void pass_on(int s)
{
        int error = errno;
        if (shell > 0)
                kill(-shell, s);
        errno = error;
}

static void take_signals(void)
{
        static const int passed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT };
        struct sigaction a = { .sa_handler = pass_on };
        sigset_t held;
        sigemptyset(&held);
        sigaddset(&held, SIGCHLD);
        sigaddset(&held, SIGWINCH);
        sigprocmask(SIG_BLOCK, &held, NULL);
        for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
                sigaction(passed[i], &a, NULL);
        a.sa_handler = on_child;
        sigaction(SIGCHLD, &a, NULL);
        a.sa_handler = on_size;
        sigaction(SIGWINCH, &a, NULL);
}

/* ---- the shell's ends ---- */

struct ends {
        int in, out, err;              /* its */
        int to_in, from_out, from_err; /* ours */
        struct termios before;
};

static int make_terminal(const struct record *r, struct ends *e)
{
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;
        struct termios t;
        struct winsize w;
        if (master < 0 || unlockpt(master) < 0 ||
            (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
                return -1;
        if (geteuid() == 0 && (fchown(slave, r->uid, (gid_t)-1) < 0 || fchmod(slave, 0620) < 0))
                return -1;
        if (tcgetattr(0, &e->before) == 0) {
                tcsetattr(slave, TCSANOW, &e->before);
                t = e->before;
                cfmakeraw(&t);
                tcsetattr(0, TCSANOW, &t);
        }
        if (ioctl(0, TIOCGWINSZ, &w) == 0)
                ioctl(slave, TIOCSWINSZ, &w);
        e->in = e->out = e->err = slave;
        e->to_in = master;
        e->from_out = fcntl(master, F_DUPFD_CLOEXEC, 5);
        e->from_err = -1;
        return e->from_out < 0 ? -1 : 0;
}

static int make_pipes(struct ends *e)
{
        int in[2], out[2], err[2];
        if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                return -1;
        *e = (struct ends) { .in = in[0],
                             .out = out[1],
                             .err = err[1],
                             .to_in = in[1],
                             .from_out = out[0],
                             .from_err = err[0] };
        return 0;
}

static void start(const struct record *r, const struct ends *e)
{
        shell = fork();
        if (shell)
                return;
        setsid();
        if (r->pty && ioctl(e->in, TIOCSCTTY, 0) < 0)
                _exit(255);
        if (dup2(e->in, 0) < 0 || dup2(e->out, 1) < 0 || dup2(e->err, 2) < 0)
                _exit(255);
        rec_shell(r);
}

/* ---- what passes ---- */

/* A password is being read: lines are gathered, and not shown. */
static bool is_secret(const struct flow *f, bool pty)
{
        struct termios t;
        return pty && f->stream == REC_IN && tcgetattr(f->to, &t) == 0 && t.c_lflag & ICANON &&
               !(t.c_lflag & ECHO);
}

static void shut(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static void end_flow(struct flow *f)
{
        f->ended = true;
        f->n = f->at = 0;
        shut(&f->from);
        shut(&f->to);
}

/* False: it may not go on. */
static bool fill(struct record *r, struct flow *f)
{
        ssize_t k = read(f->from, f->buf, sizeof f->buf);
        if (k < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        if (k <= 0) {
                f->ended = true;
                hung_up |= r->pty && f->stream == REC_IN;
                return true;
        }
        f->n = (size_t)k;
        f->at = 0;
        if (is_secret(f, r->pty))
                return rec_put(r, f->stream, "***", 3);
        return rec_put(r, f->stream, f->buf, f->n);
}

static void drain(struct flow *f)
{
        ssize_t k = write(f->to, f->buf + f->at, f->n - f->at);
        if (k < 0 && errno != EAGAIN && errno != EINTR) {
                end_flow(f);
                return;
        }
        f->at += k > 0 ? (size_t)k : 0;
        if (f->at == f->n)
                f->n = f->at = 0;
}

/* One turn. False: it may not go on. *ret_quiet: nothing has moved. */
static bool turn(struct record *r, struct flow *flows, int n, int wait_ms, bool *ret_quiet)
{
        struct pollfd p[2 * REC_STREAMS];
        for (int i = 0; i < n; i++) {
                struct flow *f = &flows[i];
                if (f->ended && !f->n && f->to >= 0)
                        end_flow(f);
                p[2 * i] = (struct pollfd) { f->ended || f->n ? -1 : f->from, POLLIN, 0 };
                p[2 * i + 1] = (struct pollfd) { f->n ? f->to : -1, POLLOUT, 0 };
        }
        const struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000L };
        sigset_t none;
        sigemptyset(&none);
        *ret_quiet = ppoll(p, 2 * (nfds_t)n, &wait, &none) <= 0; /* the only place where signals come */
        for (int i = 0; i < n && !*ret_quiet; i++) {
                if (p[2 * i].revents && !fill(r, &flows[i]))
                        return false;
                if (p[2 * i + 1].revents)
                        drain(&flows[i]);
        }
        return true;
}

static void resize(int master)
{
        struct winsize w;
        resized = 0;
        if (master >= 0 && ioctl(0, TIOCGWINSZ, &w) == 0)
                ioctl(master, TIOCSWINSZ, &w);
}

/* Until the shell has ended and what it wrote is handed on; programs that it left behind are not waited for. */
static bool pass(struct record *r, struct flow *flows, int n)
{
        bool quiet, good = true;
        while (good && !over) {
                if (resized)
                        resize(flows[0].to);
                good = turn(r, flows, n, 1000, &quiet);
                if (!hung_up)
                        continue;
                end_flow(&flows[0]); /* so that the shell's terminal hangs up as well */
                end_flow(&flows[1]);
                pass_on(SIGHUP);
                pass_on(SIGCONT);
                break;
        }
        if (hung_up)
                return good;
        flows[0].ended = true;
        flows[0].n = 0;
        for (quiet = false; good && !quiet &&
                            !(flows[1].ended && !flows[1].n && (n < 3 || (flows[2].ended && !flows[2].n)));)
                good = turn(r, flows, n, LINGER_MS, &quiet);
        return good;
}

int rec_run(struct record *r)
{
        struct ends e = { 0 };
        int status = 255 << 8;
        take_signals();
        if ((r->pty ? make_terminal(r, &e) : make_pipes(&e)) < 0) {
                snprintf(r->why, sizeof r->why, "no terminal or pipes: %s", strerror(errno));
                dprintf(2, "reeve: %s\n", r->why);
                return status;
        }
        start(r, &e);
        close(3);
        close(e.in);
        if (!r->pty) {
                close(e.out);
                close(e.err);
        }
        static struct flow flows[REC_STREAMS];
        flows[0] = (struct flow) { .stream = REC_IN, .from = 0, .to = e.to_in };
        flows[1] = (struct flow) { .stream = REC_OUT, .from = e.from_out, .to = 1 };
        flows[2] = (struct flow) { .stream = REC_ERR, .from = e.from_err, .to = r->pty ? -1 : 2 };
        for (int i = 0; i < 3; i++) {
                fcntl(flows[i].from, F_SETFL, fcntl(flows[i].from, F_GETFL) | O_NONBLOCK);
                fcntl(flows[i].to, F_SETFL, fcntl(flows[i].to, F_GETFL) | O_NONBLOCK);
        }
        int words = fcntl(2, F_DUPFD_CLOEXEC, 5);
        bool good = shell > 0 && pass(r, flows, r->pty ? 2 : 3);
        if (!good) {
                dprintf(words,
                        "\r\nreeve: this session ends: it is to be recorded, and its transcript cannot be "
                        "written: %s\r\n",
                        r->why);
                kill(-shell, SIGHUP);
                kill(-shell, SIGKILL);
        }
        while (shell > 0 && waitpid(shell, &status, 0) < 0 && errno == EINTR)
                ;
        return good ? status : 254 << 8;
}
