/* SPDX-License-Identifier: MIT
 *
 * See tool.h. One poll loop moves its three streams until the tool has ended (a pidfd says so); what it leaves running
 * in the background with our pipes open is not waited for.
 */
#include "providers/lib/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "providers/lib/proccache.h"

enum { KEPT = 65536, ENV_MOST = 16, GRACE_MS = 2000 };

static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

static bool find(const char *name, char *ret, size_t size)
{
        if (strchr(name, '/'))
                return snprintf(ret, size, "%s", name) < (int)size && access(ret, X_OK) == 0;
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
                if (snprintf(ret, size, "%s/%s", folders[i], name) < (int)size && access(ret, X_OK) == 0)
                        return true;
        return false;
}

bool rv_tool_there(const char *name)
{
        char path[256];
        return find(name, path, sizeof path);
}

/* After fork: system calls only. */
static _Noreturn void child(const char *path, const char *const *argv, const char *const *env,
                            const int fds[3])
{
        setsid();
        for (int i = 0; i < 3; i++)
                if (dup2(fds[i], i) < 0)
                        _exit(127);
        rv_proccache_child_limits();
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (chdir("/") == 0)
                execve(path, (char *const *)argv, (char *const *)env);
        _exit(127);
}

struct running {
        const struct rv_tool *tool;
        struct rv_tool_said *said;
        pid_t pid;
        int pidfd, in, out, errors;
        size_t written, most;
        size_t ncomplaint;
        size_t nline; /* of the line that has not ended yet */
        char line[512];
};

static int close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
        return -1;
}

/* A terminal that changes nothing of what is written to it; what we read first, theirs second. */
static bool terminal(int ret[2])
{
        char name[64];
        struct termios raw;
        int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        bool good = ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0 &&
                    ptsname_r(ours, name, sizeof name) == 0;
        int theirs = good ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
        if (theirs < 0 || tcgetattr(theirs, &raw) < 0) {
                close_fd(theirs);
                close_fd(ours);
                return false;
        }
        cfmakeraw(&raw);
        tcsetattr(theirs, TCSANOW, &raw);
        ret[0] = ours;
        ret[1] = theirs;
        return true;
}

static int spawn(struct running *r, const char *path, struct rv_error *err)
{
        const char *env[ENV_MOST + 4] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                                          "LC_ALL=C.UTF-8" };
        int in[2] = { -1, -1 }, out[2] = { -1, -1 }, errors[2] = { -1, -1 };
        for (size_t i = 0; r->tool->env && r->tool->env[i] && i < ENV_MOST; i++)
                env[3 + i] = r->tool->env[i];
        bool piped = pipe2(in, O_CLOEXEC) == 0 &&
                     (r->tool->terminal ? terminal(out) : pipe2(out, O_CLOEXEC) == 0) &&
                     (r->tool->terminal || pipe2(errors, O_CLOEXEC) == 0);
        r->pid = piped ? fork() : -1;
        if (r->pid == 0)
                child(path, r->tool->argv, env,
                      (const int[3]) { in[0], out[1], r->tool->terminal ? out[1] : errors[1] });
        int error = errno;
        close_fd(in[0]);
        close_fd(out[1]);
        close_fd(errors[1]);
        r->in = in[1];
        r->out = out[0];
        r->errors = errors[0];
        r->pidfd = r->pid > 0 ? (int)syscall(SYS_pidfd_open, r->pid, 0) : -1;
        if (r->pid < 0)
                return rv_fail_errno(err, error, "cannot %s: cannot start %s", r->tool->what, path);
        fcntl(r->in, F_SETFL, O_NONBLOCK);
        fcntl(r->out, F_SETFL, O_NONBLOCK);
        if (r->errors >= 0)
                fcntl(r->errors, F_SETFL, O_NONBLOCK);
        return RV_OK;
}

static void give_input(struct running *r)
{
        ssize_t n = r->written < r->tool->ninput
                            ? write(r->in, r->tool->input + r->written, r->tool->ninput - r->written)
                            : 0;
        if (n > 0)
                r->written += (size_t)n;
        if (r->written >= r->tool->ninput || (n < 0 && errno != EAGAIN))
                r->in = close_fd(r->in);
}

static void tell_lines(struct running *r, const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (s[i] == '\n' || s[i] == '\r') {
                        r->line[r->nline] = 0;
                        if (r->nline)
                                r->tool->line(r->tool->state, r->line, r->nline);
                        r->nline = 0;
                } else if (r->nline + 1 < sizeof r->line)
                        r->line[r->nline++] = s[i] ? s[i] : ' ';
}

/* False at the end of the stream. */
static bool take_output(struct running *r)
{
        char buf[8192];
        ssize_t n = read(r->out, buf, sizeof buf);
        if (n <= 0)
                return n < 0 && (errno == EAGAIN || errno == EINTR);
        if (r->tool->line)
                tell_lines(r, buf, (size_t)n);
        size_t keep = r->said->n + (size_t)n <= r->most ? (size_t)n : r->most - r->said->n;
        char *text = keep ? realloc(r->said->text, r->said->n + keep + 1) : NULL;
        if (text) {
                memcpy(text + r->said->n, buf, keep);
                r->said->text = text;
                r->said->n += keep;
                text[r->said->n] = 0;
        }
        return true;
}

/* Its last words count. */
static bool take_complaint(struct running *r)
{
        char buf[512], *to = r->said->complaint;
        size_t room = sizeof r->said->complaint - 1;
        ssize_t n = read(r->errors, buf, sizeof buf);
        if (n <= 0)
                return n < 0 && (errno == EAGAIN || errno == EINTR);
        if (r->ncomplaint + (size_t)n > room) {
                size_t drop = r->ncomplaint + (size_t)n - room;
                memmove(to, to + drop, r->ncomplaint - drop);
                r->ncomplaint -= drop;
        }
        memcpy(to + r->ncomplaint, buf, (size_t)n);
        r->ncomplaint += (size_t)n;
        to[r->ncomplaint] = 0;
        return true;
}

static int left_ms(uint64_t until)
{
        uint64_t now = rv_now();
        return now >= until ? 0 : (int)((until - now) / 1000000 + 1);
}

/* True when it has ended before the deadline. */
static bool move(struct running *r, uint64_t until)
{
        for (;;) {
                struct pollfd p[4] = { { r->pidfd, POLLIN, 0 },
                                       { r->in, POLLOUT, 0 },
                                       { r->out, POLLIN, 0 },
                                       { r->errors, POLLIN, 0 } };
                int ms = left_ms(until);
                if (!ms)
                        return false;
                if (poll(p, 4, ms) < 0 && errno != EINTR)
                        return false;
                if (p[1].revents)
                        give_input(r);
                bool more = p[2].revents || p[3].revents;
                if (p[2].revents && !take_output(r))
                        r->out = close_fd(r->out);
                if (p[3].revents && !take_complaint(r))
                        r->errors = close_fd(r->errors);
                if (p[0].revents && !more)
                        return true;
        }
}

static void reap(struct running *r)
{
        int status = 0;
        while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
                ;
        r->said->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What goes on after the deadline: somebody must read what it says, or it dies of a closed pipe. */
struct left {
        struct running r;
        struct rv_tool tool;
        struct rv_tool_said said;
};

static void close_all(struct running *r)
{
        r->pidfd = close_fd(r->pidfd);
        r->in = close_fd(r->in);
        r->out = close_fd(r->out);
        r->errors = close_fd(r->errors);
}

static void *attend(void *state)
{
        struct left *l = state;
        while (!move(&l->r, rv_now() + UINT64_C(3600000000000)))
                ;
        reap(&l->r);
        close_all(&l->r);
        free(l->said.text);
        free(l);
        return NULL;
}

static bool leave(struct running *r)
{
        pthread_t thread;
        struct left *l = calloc(1, sizeof *l);
        if (!l)
                return false;
        l->r = *r;
        l->r.tool = &l->tool;
        l->r.said = &l->said;
        l->r.most = l->r.ncomplaint = l->r.written = 0;
        if (pthread_create(&thread, NULL, attend, l)) {
                free(l);
                return false;
        }
        pthread_detach(thread);
        r->pidfd = r->in = r->out = r->errors = -1;
        return true;
}

static int too_late(struct running *r, struct rv_error *err)
{
        if (r->tool->finish && leave(r)) {
                rv_fail(err, RV_TIMED_OUT, "cannot say whether it could %s: %s has not ended yet",
                        r->tool->what, r->tool->argv[0]);
                return rv_hint(err,
                               "It goes on (process %d): look at the result later, or give a longer Timeout.",
                               (int)r->pid);
        }
        kill(-r->pid, SIGTERM);
        if (!move(r, rv_now() + GRACE_MS * UINT64_C(1000000)))
                kill(-r->pid, SIGKILL);
        reap(r);
        return rv_fail(err, RV_TIMED_OUT, "cannot %s: %s did not end in time", r->tool->what,
                       r->tool->argv[0]);
}

static void trim(char *s)
{
        size_t skip = strspn(s, " \r\n\t"), n = strlen(s + skip);
        memmove(s, s + skip, n + 1);
        while (n && strchr(" \r\n\t", s[n - 1]))
                s[--n] = 0;
}

int rv_tool_run(const struct rv_tool *tool, struct rv_tool_said *ret, struct rv_error *err)
{
        char path[256];
        struct running r = { .tool = tool, .said = ret, .most = tool->most ? tool->most : KEPT };
        *ret = (struct rv_tool_said) { 0 };
        if (!find(tool->argv[0], path, sizeof path)) {
                rv_fail(err, RV_NOT_SUPPORTED, "cannot %s: this host has no program %s", tool->what,
                        tool->argv[0]);
                return rv_hint(err, "Install the package that brings it.");
        }
        ret->text = calloc(1, 1);
        int e = ret->text ? spawn(&r, path, err) : -ENOMEM;
        if (e == RV_OK && r.pidfd < 0) { /* no pidfd: the end of its output is its end */
                kill(-r.pid, SIGKILL);
                reap(&r);
                e = rv_fail(err, RV_FAILED, "cannot %s: the kernel gives no pidfd", tool->what);
        } else if (e == RV_OK) {
                if (move(&r, tool->deadline))
                        reap(&r);
                else
                        e = too_late(&r, err);
        }
        close_all(&r);
        trim(ret->complaint);
        if (e)
                rv_tool_free(ret);
        return e;
}

void rv_tool_free(struct rv_tool_said *s)
{
        free(s->text);
        s->text = NULL;
}

int rv_tool_fail(struct rv_error *err, int code, const struct rv_tool *tool, const struct rv_tool_said *said)
{
        const char *line = strrchr(said->complaint, '\n');
        line = line ? line + 1 : said->complaint;
        return rv_fail(err, code, "cannot %s: %s", tool->what,
                       *line                 ? line
                       : said->status == 127 ? "its tool could not be started"
                                             : "its tool failed without a word");
}

int rv_tool_do(const struct rv_tool *tool, bool what_if, struct rv_error *err)
{
        struct rv_tool_said said;
        if (what_if)
                return RV_OK;
        int e = rv_tool_run(tool, &said, err);
        if (e)
                return e;
        if (said.status != 0)
                e = rv_tool_fail(err, RV_FAILED, tool, &said);
        rv_tool_free(&said);
        return e;
}
