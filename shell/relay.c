/* SPDX-License-Identifier: MIT
 *
 * The relay is a process of its own, not a part of the shell's loop: a native may leave children behind that write
 * long after it, even after the shell. It copies bytes as they come, keeps the line that is being written and the last
 * whole one in memory it shares with the shell, and ends with the last writer. A terminal is relayed through one of
 * its own, so that programs that look for a terminal on their standard error find one.
 */
#include "shell/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1000, WAIT_MS = 300 };

struct shared {
        _Atomic int busy, done;
        bool cr; /* a carriage return was the last byte: what follows, unless the line ends, writes over the line */
        size_t nline, nlast;
        char line[LINE_MAX_BYTES], last[LINE_MAX_BYTES];
};

struct sh_relay {
        struct shared *shared;
        int from; /* our copy of the reading end: tells whether all was read */
};

/* ---- the relay's process: only calls that are safe after a fork ---- */
static bool blank(const char *s, size_t n)
{
        while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
                n--;
        return n == 0;
}

static void end_line(struct shared *m)
{
        if (!blank(m->line, m->nline)) {
                memcpy(m->last, m->line, m->nline);
                m->nlast = m->nline;
        }
        m->nline = 0;
}

static void note(struct shared *m, const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (s[i] == '\n') {
                        end_line(m);
                } else if (s[i] != '\r') {
                        if (m->cr)
                                m->nline = 0;
                        if (m->nline < sizeof m->line)
                                m->line[m->nline++] = s[i];
                }
                m->cr = s[i] == '\r';
        }
}

static void copy(int to, const char *s, size_t n)
{
        while (n > 0) {
                ssize_t k = write(to, s, n);
                struct pollfd p = { to, POLLOUT, 0 };
                if (k < 0 && errno == EAGAIN && poll(&p, 1, -1) >= 0)
                        continue;
                if (k < 0 && errno != EINTR)
                        return; /* nobody reads it; the native is not to notice */
                s += k > 0 ? k : 0;
                n -= k > 0 ? (size_t)k : 0;
        }
}

static void run(struct shared *m, int from, int to)
{
        static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGTTOU, SIGPIPE };
        char buf[16384];
        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
                signal(ignored[i], SIG_IGN);
        /* Nothing else of the shell's is held open: others wait for the ends of those. */
        if (dup2(from, 0) < 0 || dup2(to, 1) < 0)
                return;
        close_range(2, ~0u, 0);
        for (;;) {
                struct pollfd p = { 0, POLLIN, 0 };
                if (poll(&p, 1, -1) < 0)
                        continue;
                m->busy = 1;
                ssize_t n = read(0, buf, sizeof buf);
                if (n > 0) {
                        copy(1, buf, (size_t)n);
                        note(m, buf, (size_t)n);
                }
                m->busy = 0;
                if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
                        break; /* a terminal whose last writer is gone says EIO */
        }
        m->done = 1;
}

/* ---- the shell's side ---- */
/* Like the terminal `to`, but it hands over bytes as they are: `to` itself does what is to be done to them. */
static bool make_terminal(int to, int ret[2])
{
        struct termios mode;
        struct winsize size;
        char name[128];
        ret[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (ret[0] < 0)
                return false;
        ret[1] = grantpt(ret[0]) == 0 && unlockpt(ret[0]) == 0 && ptsname_r(ret[0], name, sizeof name) == 0
                         ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
                         : -1;
        if (ret[1] < 0 || tcgetattr(to, &mode) < 0) {
                close(ret[0]);
                if (ret[1] >= 0)
                        close(ret[1]);
                return false;
        }
        mode.c_oflag &= ~(tcflag_t)OPOST;
        mode.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(ret[1], TCSANOW, &mode);
        if (ioctl(to, TIOCGWINSZ, &size) == 0)
                ioctl(ret[1], TIOCSWINSZ, &size);
        return true;
}

/* Twice forked: it is nobody's child to wait for. */
static bool start(struct shared *m, int from, int to)
{
        int status = 1;
        pid_t p = fork();
        if (p == 0) {
                pid_t q = fork();
                if (q == 0)
                        run(m, from, to);
                _exit(q < 0);
        }
        while (p > 0 && waitpid(p, &status, 0) < 0 && errno == EINTR)
                ;
        return p > 0 && status == 0;
}

int sh_relay_begin(int to, struct sh_relay **ret)
{
        int pair[2];
        struct shared *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        struct sh_relay *r = calloc(1, sizeof *r);
        *ret = NULL;
        if (!r)
                abort();
        if (m == MAP_FAILED || !(isatty(to) ? make_terminal(to, pair) : pipe2(pair, O_CLOEXEC) == 0)) {
                if (m != MAP_FAILED)
                        munmap(m, sizeof *m);
                free(r);
                return -1;
        }
        r->shared = m;
        r->from = pair[0];
        if (!start(m, pair[0], to)) {
                close(pair[1]);
                sh_relay_end(r, NULL);
                return -1;
        }
        *ret = r;
        return pair[1];
}

/* All that was written before now has been passed on. What is in a terminal may still be under way to its reader, so
 * only its end tells there. */
static bool all_done(struct sh_relay *r, bool terminal)
{
        int waiting = 0;
        if (r->shared->done)
                return true;
        return !terminal && ioctl(r->from, FIONREAD, &waiting) == 0 && waiting == 0 && !r->shared->busy;
}

void sh_relay_end(struct sh_relay *r, struct sh_buf *last)
{
        struct shared *m = r->shared;
        bool terminal = isatty(r->from);
        for (int i = 0; last && i < WAIT_MS * 5 && !all_done(r, terminal); i++)
                usleep(200);
        if (last && !blank(m->line, m->nline))
                sh_buf_put(last, m->line, m->nline);
        else if (last)
                sh_buf_put(last, m->last, m->nlast);
        close(r->from);
        munmap(m, sizeof *m);
        free(r);
}
