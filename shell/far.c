/* SPDX-License-Identifier: MIT
 *
 * Commands on other hosts: see far.h.
 */
#include "shell/far.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shell/code.h"

extern char **environ;

enum { KEPT = 256 << 10, GRACE_MS = 3000 };

static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What one command is given, and how far it has got. */
struct feed {
        const char *input;
        size_t n, at;
        int file;
        bool shut;
        char piece[65536];
        size_t have, sent;
};

/* Whole lines are passed on as they come; seen: bytes of them. */
static void keep(struct sh_far *f, struct rv_buf *b, size_t *seen, const char *s, size_t n)
{
        rv_buf_put(b, s, n);
        rv_buf_put(b, "", 1);
        if (b->data)
                b->len--;
        for (char *end; b->data && (end = memchr(b->data + *seen, '\n', b->len - *seen));) {
                *end = 0;
                if (f->line)
                        f->line(f, b->data + *seen);
                *end = '\n';
                *seen = (size_t)(end - b->data) + 1;
        }
        if (b->len > KEPT) {
                size_t drop = b->len - KEPT / 2;
                memmove(b->data, b->data + drop, b->len - drop + 1);
                b->len -= drop;
                *seen = *seen > drop ? *seen - drop : 0;
        }
}

/* Sends as much as goes. False: the other end has gone, which its status will tell. */
static bool feed(struct feed *d, int fd)
{
        while (!d->shut) {
                const char *from = d->at < d->n ? d->input + d->at : d->piece + d->sent;
                size_t n = d->at < d->n ? d->n - d->at : d->have - d->sent;
                if (!n && d->file >= 0) {
                        ssize_t got = read(d->file, d->piece, sizeof d->piece);
                        d->have = got > 0 ? (size_t)got : 0;
                        d->sent = 0;
                        if (got <= 0)
                                d->file = -1;
                        continue;
                }
                if (!n) {
                        shutdown(fd, SHUT_WR);
                        d->shut = true;
                        break;
                }
                ssize_t put = send(fd, from, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (put < 0)
                        return errno == EAGAIN || errno == EINTR;
                *(d->at < d->n ? &d->at : &d->sent) += (size_t)put;
        }
        return true;
}

/* Reads what is there. False: the end. */
static bool drain(struct sh_far *f, struct rv_buf *b, size_t *seen, int fd)
{
        char piece[16384];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got > 0)
                keep(f, b, seen, piece, (size_t)got);
        return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static int talk(struct sh_far *f, struct feed *d, int fd, int errors)
{
        int64_t until = f->timeout > 0 ? now_ms() + (int64_t)(f->timeout * 1000) : 0;
        size_t seen[2] = { 0, 0 };
        struct pollfd p[2] = { { .fd = fd }, { .fd = errors, .events = POLLIN } };
        while (p[0].fd >= 0 || p[1].fd >= 0) {
                p[0].events = (short)(POLLIN | (d->shut ? 0 : POLLOUT));
                if (poll(p, 2, 200) < 0 && errno != EINTR)
                        return -errno;
                if (sh_interrupt)
                        return -EINTR;
                if (until && now_ms() > until)
                        return -ETIMEDOUT;
                if (p[0].fd >= 0 && p[0].revents & POLLOUT && !feed(d, fd))
                        d->shut = true;
                if (p[0].fd >= 0 && p[0].revents & (POLLIN | POLLHUP | POLLERR) &&
                    !drain(f, &f->out, &seen[0], fd))
                        p[0].fd = -1;
                if (p[1].fd >= 0 && p[1].revents & (POLLIN | POLLHUP | POLLERR) &&
                    !drain(f, &f->err, &seen[1], errors))
                        p[1].fd = -1;
        }
        return 0;
}

static int reap(pid_t pid, bool now)
{
        int status = 0;
        int64_t until = now_ms() + GRACE_MS;
        if (now)
                kill(pid, SIGTERM);
        for (;;) {
                pid_t r = waitpid(pid, &status, now ? WNOHANG : 0);
                if (r == pid || (r < 0 && errno != EINTR))
                        break;
                if (now && now_ms() > until)
                        kill(pid, SIGKILL), now = false;
                if (now)
                        nanosleep(&(struct timespec) { 0, 5000000 }, NULL);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int sh_far_run(struct sh_far *f, const char *command, const char *input, size_t n, int file)
{
        struct feed *d = calloc(1, sizeof *d);
        int errors[2];
        pid_t pid = 0;
        f->out.len = f->err.len = 0;
        if (!d || pipe2(errors, O_CLOEXEC)) {
                free(d);
                return -ENOMEM;
        }
        *d = (struct feed) { .input = input, .n = n, .file = file };
        int fd = sh_ssh_stream(f->host, &f->o, command, errors[1], &pid);
        close(errors[1]);
        int r = fd < 0 ? fd : talk(f, d, fd, errors[0]);
        if (fd >= 0)
                close(fd);
        close(errors[0]);
        free(d);
        if (pid > 0) {
                int status = reap(pid, r < 0);
                r = r < 0 ? r : status;
        }
        return r;
}

/* `what`, as root. It has no single quotes. */
static void as_root(struct rv_buf *b, const char *what)
{
        rv_buf_putf(b, "if [ \"$(id -u)\" = 0 ]; then exec sh -c '%s'; else exec sudo -n sh -c '%s'; fi",
                    what, what);
        rv_buf_put(b, "", 1);
}

int sh_far_script(struct sh_far *f, const char *script)
{
        struct rv_buf b = { 0 };
        as_root(&b, "exec sh -s");
        int r = b.failed ? -ENOMEM : sh_far_run(f, b.data, script, strlen(script), -1);
        rv_buf_free(&b);
        return r;
}

int sh_far_upload(struct sh_far *f, int file, const char *folder, const char *name, const char *sha256)
{
        struct rv_buf what = { 0 }, b = { 0 };
        rv_buf_putf(&what,
                    "umask 077; mkdir -p %s && cd %s && cat > %s.part && [ \"$(sha256sum < %s.part | cut -c "
                    "1-64)\" = %s ] "
                    "&& mv -f %s.part %s || { echo \"%s did not arrive whole\" >&2; exit 66; }",
                    folder, folder, name, name, sha256, name, name, name);
        rv_buf_put(&what, "", 1);
        as_root(&b, what.failed ? "" : what.data);
        int r = what.failed || b.failed ? -ENOMEM : sh_far_run(f, b.data, NULL, 0, file);
        rv_buf_free(&what);
        rv_buf_free(&b);
        return r;
}

const char *sh_far_value(const struct sh_far *f, const char *name, char *buf, size_t size)
{
        size_t n = strlen(name);
        const char *at = f->out.len ? f->out.data : NULL;
        for (; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
                if (strncmp(at, name, n) == 0 && at[n] == '=') {
                        snprintf(buf, size, "%.*s", (int)strcspn(at + n + 1, "\r\n"), at + n + 1);
                        return buf;
                }
        return NULL;
}

void sh_far_words(const struct sh_far *f, char *buf, size_t size)
{
        const struct rv_buf *b = f->err.len ? &f->err : &f->out;
        const char *text = b->len ? b->data : "", *end = text + b->len, *from;
        while (end > text && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
                end--;
        from = end;
        for (unsigned lines = 0; from > text && (size_t)(end - from) < size - 1; from--)
                if (from[-1] == '\n' && ++lines == 5)
                        break;
        size_t n = 0;
        for (; from < end && n < size - 1; from++)
                buf[n++] = *from == '\n' ? '\n' : (unsigned char)*from < ' ' || *from == 0x7f ? '?' : *from;
        buf[n] = 0;
}

void sh_far_free(struct sh_far *f)
{
        rv_buf_free(&f->out);
        rv_buf_free(&f->err);
}

int sh_near_run(const char *const *argv, struct rv_buf *out)
{
        posix_spawn_file_actions_t a;
        int p[2];
        pid_t pid;
        char piece[4096];
        if (pipe2(p, O_CLOEXEC))
                return -errno;
        posix_spawn_file_actions_init(&a);
        posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&a, p[1], 1);
        posix_spawn_file_actions_addopen(&a, 2, "/dev/null", O_WRONLY, 0);
        int r = posix_spawnp(&pid, argv[0], &a, NULL, (char *const *)argv, environ);
        posix_spawn_file_actions_destroy(&a);
        close(p[1]);
        for (ssize_t n; !r && ((n = read(p[0], piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR));)
                if (n > 0)
                        rv_buf_put(out, piece, (size_t)n);
        close(p[0]);
        rv_buf_put(out, "", 1);
        if (out->data)
                out->len--;
        return r ? -r : reap(pid, false);
}
