/* SPDX-License-Identifier: MIT
 *
 * A provider's program: three pipes, a session and a user of its own, bounds. It is spoken to on the thread of the call
 * that needs it; every wait ends with the call. What it says on standard error is read away meanwhile and its
 * last words are kept, so that a talkative one neither blocks nor fills anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/external_int.h"

enum { SLICE_MS = 200 /* how late a cancelled call is noticed */ };

static void bound(int what, uint64_t most)
{
        setrlimit(what, &(struct rlimit) { most, most });
}

static _Noreturn void last_word(const char *s)
{
        _exit(write(2, s, strlen(s)) < 0 ? 126 : 127);
}

/* After fork, in one of several threads: system calls only. */
static _Noreturn void child(const struct rv_external *x, const int fds[3])
{
        const struct rv_external_bounds *b = &x->bounds;
        setsid();
        bool entered = rv_external_group_enter(x);
        for (int i = 0; i < 3; i++)
                if (dup2(fds[i], i) < 0)
                        _exit(126);
        syscall(SYS_close_range, 3, ~0U, 0);
        if (!entered)
                last_word("cannot enter its control group\n");
        bound(RLIMIT_AS, b->memory);
        bound(RLIMIT_NOFILE, b->files);
        if (!x->group.bounds_tasks)
                bound(RLIMIT_NPROC, b->processes);
        bound(RLIMIT_CORE, 0);
        if (b->become &&
            (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, b->gid, b->gid, b->gid) < 0 ||
             syscall(SYS_setresuid, b->uid, b->uid, b->uid) < 0)) {
                last_word("cannot become the user it is to run as\n");
        }
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (chdir("/") == 0)
                execve(x->words[0], (char *const *)x->words, (char *const *)x->env);
        last_word(errno == EAGAIN   ? "its user has more processes than Processes allows\n"
                  : errno == EACCES ? "its user may not run it\n"
                                    : "it cannot be run\n");
}

static int close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
        return -1;
}

int rv_child_start(struct rv_child *c, struct rv_external *x, struct rv_error *err)
{
        int in[2] = { -1, -1 }, out[2] = { -1, -1 }, errors[2] = { -1, -1 };
        *c = (struct rv_child) { .in = -1, .out = -1, .errors = -1, .serial = c->serial };
        bool piped = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0;
        rv_external_group_begin(x);
        c->pid = piped ? fork() : -1;
        if (c->pid == 0)
                child(x, (const int[3]) { in[0], out[1], errors[1] });
        int error = errno;
        close_fd(in[0]);
        close_fd(out[1]);
        close_fd(errors[1]);
        c->in = in[1], c->out = out[0], c->errors = errors[0];
        if (c->pid < 0) {
                c->pid = 0;
                rv_external_group_end(x);
                c->in = close_fd(c->in), c->out = close_fd(c->out), c->errors = close_fd(c->errors);
                return rv_fail_errno(err, error, "provider %s: cannot start %s", x->name, x->words[0]);
        }
        c->of = x;
        fcntl(c->in, F_SETFL, O_NONBLOCK);
        fcntl(c->out, F_SETFL, O_NONBLOCK);
        fcntl(c->errors, F_SETFL, O_NONBLOCK);
        return RV_OK;
}

static void hear(struct rv_child *c)
{
        char buf[1024];
        const size_t room = sizeof c->words - 1;
        ssize_t n = read(c->errors, buf, sizeof buf);
        if (n <= 0) {
                if (n == 0 || errno != EAGAIN)
                        c->errors = close_fd(c->errors);
                return;
        }
        size_t from = (size_t)n > room ? (size_t)n - room : 0, add = (size_t)n - from;
        if (c->nwords + add > room) {
                size_t drop = c->nwords + add - room;
                memmove(c->words, c->words + drop, c->nwords - drop);
                c->nwords -= drop;
        }
        memcpy(c->words + c->nwords, buf + from, add);
        c->nwords += add;
        c->words[c->nwords] = 0;
}

void rv_child_hear_all(struct rv_child *c)
{
        struct pollfd p = { c->errors, POLLIN, 0 };
        for (int i = 0; i < 128 && c->errors >= 0 && poll(&p, 1, 0) == 1; i++)
                hear(c);
}

int rv_child_end(struct rv_child *c)
{
        int status = 0, r = -1;
        if (c->pid > 0) {
                c->in = close_fd(c->in);
                /* One that is about to end by itself may: its status is worth more than our signal, and what it
                 * says of its end comes last. On a busy host that takes a while: who has closed its output is
                 * given it. */
                int tries = c->out >= 0 && rv_child_gone(c) ? 200 : 20;
                for (int i = 0; i < tries && (r = (int)waitpid(c->pid, &status, WNOHANG)) == 0; i++) {
                        rv_child_hear_all(c); /* it may wait for room to say more */
                        usleep(5000);
                }
                rv_child_hear_all(c);
                kill(-c->pid, SIGKILL);
                while (r == 0 && (r = (int)waitpid(c->pid, &status, 0)) < 0 && errno == EINTR)
                        r = 0;
                rv_external_group_end(c->of);
                r = r < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                while (c->nwords && strchr(" \t\n", c->words[c->nwords - 1]))
                        c->words[--c->nwords] = 0;
        }
        if (c->pid > 0 || c->got) {
                c->in = close_fd(c->in), c->out = close_fd(c->out), c->errors = close_fd(c->errors);
                free(c->got);
        }
        c->pid = 0, c->got = NULL, c->ngot = c->cap = c->used = 0, c->greeted = false;
        return r;
}

/* Those that are being seen off. */
static pthread_mutex_t off_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t off_done = PTHREAD_COND_INITIALIZER;
static unsigned off;

static void *see_off(void *p)
{
        rv_child_end(p);
        free(p);
        pthread_mutex_lock(&off_lock);
        if (!--off)
                pthread_cond_signal(&off_done);
        pthread_mutex_unlock(&off_lock);
        return NULL;
}

void rv_child_all_ended(void)
{
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 2;
        pthread_mutex_lock(&off_lock);
        while (off && pthread_cond_timedwait(&off_done, &off_lock, &until) == 0)
                ;
        pthread_mutex_unlock(&off_lock);
}

void rv_child_end_later(struct rv_child *c)
{
        pthread_t t;
        pthread_attr_t attr;
        struct rv_child *own = c->pid ? malloc(sizeof *own) : NULL;
        pthread_mutex_lock(&off_lock);
        off += own != NULL;
        pthread_mutex_unlock(&off_lock);
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, 65536);
        if (own)
                *own = *c;
        if (!own || pthread_create(&t, &attr, see_off, own)) {
                pthread_mutex_lock(&off_lock);
                off -= own != NULL;
                pthread_mutex_unlock(&off_lock);
                free(own);
                rv_child_end(c);
        } else
                *c = (struct rv_child) { .in = -1, .out = -1, .errors = -1, .serial = c->serial };
        pthread_attr_destroy(&attr);
}

const char *rv_child_last_words(const struct rv_child *c)
{
        enum { SHOWN = 150 };
        const char *line = strrchr(c->words, '\n');
        line = line ? line + 1 : c->words;
        size_t n = strlen(line);
        return n > SHOWN ? line + n - SHOWN : line;
}

bool rv_child_gone(const struct rv_child *c)
{
        struct pollfd p = { c->out, POLLIN, 0 };
        return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLIN)) == POLLHUP;
}

/* It has ended, though children of its own may still hold its output. */
static bool is_dead(const struct rv_child *c)
{
        siginfo_t how = { 0 };
        return waitid(P_PID, (id_t)c->pid, &how, WEXITED | WNOHANG | WNOWAIT) == 0 && how.si_pid == c->pid;
}

/* Waits for one of the three; 0, or -errno when there is no more time. */
static int wait_for(struct rv_child *c, short in, uint64_t deadline, const struct rv_call *call, bool *ret_in,
                    bool *ret_out)
{
        struct pollfd p[3] = { { in ? c->in : -1, in, 0 }, { c->out, POLLIN, 0 }, { c->errors, POLLIN, 0 } };
        for (;;) {
                uint64_t now = rv_now();
                if (call && rv_cancelled(call))
                        return -ECANCELED;
                if (now >= deadline)
                        return -ETIMEDOUT;
                uint64_t left = (deadline - now) / 1000000 + 1;
                int n = poll(p, 3, (int)(left < SLICE_MS ? left : SLICE_MS));
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        break;
                if (n == 0 && c->in >= 0 &&
                    is_dead(c)) /* a command that is only read may end before its output */
                        return -EPIPE;
        }
        if (p[2].revents)
                hear(c);
        *ret_in = p[0].revents;
        *ret_out = p[1].revents;
        return 0;
}

/* More of what it says. 0 at its end, 1, or -errno. */
static int take(struct rv_child *c, size_t most)
{
        if (c->cap - c->ngot < 65536) {
                size_t cap = c->ngot + 131072;
                char *more = c->ngot > most ? NULL : realloc(c->got, cap);
                if (!more)
                        return c->ngot > most ? -EMSGSIZE : -ENOMEM;
                c->got = more;
                c->cap = cap;
        }
        ssize_t n = read(c->out, c->got + c->ngot, c->cap - c->ngot);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 1 : -errno;
        c->ngot += (size_t)n;
        return n > 0;
}

int rv_child_write(struct rv_child *c, const char *s, size_t n, uint64_t deadline, const struct rv_call *call)
{
        while (n) {
                bool in = false, out = false;
                int r = wait_for(c, POLLOUT, deadline, call, &in, &out);
                if (r)
                        return r;
                /* It may speak while it is spoken to, and must not block on that. */
                if (out && (r = take(c, 2 * RV_EXTERNAL_MESSAGE)) <= 0)
                        return r ? r : -EPIPE;
                if (!in)
                        continue;
                ssize_t k = write(c->in, s, n);
                if (k < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (k > 0)
                        s += k, n -= (size_t)k;
        }
        return 0;
}

ssize_t rv_child_next(struct rv_child *c, const char **ret)
{
        if (c->used) {
                memmove(c->got, c->got + c->used, c->ngot - c->used);
                c->ngot -= c->used;
                c->looked = c->used = 0;
        }
        for (;;) {
                char *end =
                        c->ngot > c->looked ? memchr(c->got + c->looked, '\n', c->ngot - c->looked) : NULL;
                if (!end)
                        break;
                if (end - c->got > RV_EXTERNAL_MESSAGE)
                        return -EMSGSIZE;
                *end = 0;
                c->looked = 0;
                if (end > c->got) {
                        c->used = (size_t)(end - c->got) + 1;
                        *ret = c->got;
                        return end - c->got;
                }
                memmove(c->got, end + 1, c->ngot -= 1); /* an empty line says nothing */
        }
        c->looked = c->ngot;
        return c->ngot > RV_EXTERNAL_MESSAGE ? -EMSGSIZE : 0;
}

int rv_child_hear(struct rv_child *c)
{
        if (c->errors >= 0)
                hear(c);
        return take(c, RV_EXTERNAL_MESSAGE);
}

ssize_t rv_child_line(struct rv_child *c, const char **ret, uint64_t deadline, const struct rv_call *call)
{
        for (;;) {
                ssize_t n = rv_child_next(c, ret);
                if (n)
                        return n;
                bool in, out;
                int r = wait_for(c, 0, deadline, call, &in, &out);
                if (r)
                        return r;
                if (out && (r = take(c, RV_EXTERNAL_MESSAGE)) <= 0)
                        return r;
        }
}

int rv_child_all(struct rv_child *c, const struct rv_external *x, uint64_t deadline,
                 const struct rv_call *call)
{
        c->in = close_fd(c->in);
        for (;;) {
                bool in, out;
                int r = wait_for(c, 0, deadline, call, &in, &out);
                if (r)
                        return r;
                if (out && (r = take(c, x->output)) <= 0)
                        return r;
        }
}
