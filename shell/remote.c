/* SPDX-License-Identifier: MIT
 *
 * Connections are made by the ssh program, so that its configuration, known hosts, agent, jump hosts and questions
 * are what the user knows; all of them are looked after by one poll loop. $REEVE_SSH names another program with its
 * first options.
 */
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

#include "shell/remote.h"

enum { MOST_ARGS = 96, LONGEST_LINE = 128 << 20, KEPT_WORDS = 4096, GRACE_MS = 300 };
extern char **environ;

static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

const char *sh_outcome_name(enum sh_outcome o)
{
        static const char *const names[] = { "None",        "Answered", "Failed",       "Refused",
                                             "Unreachable", "Late",     "WithoutReeve", "Lost" };
        return names[o];
}

/* ---- a host ---- */

/* [ssh://][user@]host[:port]; an address of IPv6 in brackets where a port follows. */
struct sh_host *sh_host_new(const char *name, const struct sh_target_options *o)
{
        struct sh_host *h = calloc(1, sizeof *h);
        char *copy = strdup(strncmp(name, "ssh://", 6) ? name : name + 6), *s = copy, *at, *colon;
        if (!h || !copy)
                abort();
        *h = (struct sh_host) { .name = strdup(name), .port = o->port, .in = -1, .out = -1, .err = -1 };
        if ((at = strrchr(s, '@'))) {
                *at = 0;
                h->user = strdup(s);
                s = at + 1;
        } else if (o->user) {
                h->user = strdup(o->user);
        }
        colon = strrchr(s, ':');
        if (*s == '[' && (at = strchr(s, ']'))) {
                *at = 0;
                if (at[1] == ':')
                        h->port = atoi(at + 2);
                s++;
        } else if (colon && strchr(s, ':') == colon) {
                *colon = 0;
                h->port = atoi(colon + 1);
        }
        h->address = strdup(s);
        free(copy);
        return h;
}

static void shut(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* Its ssh ends; waited for briefly. */
static int end_process(struct sh_host *h)
{
        int status = -1;
        int64_t until = now_ms() + GRACE_MS;
        shut(&h->in);
        shut(&h->out);
        while (h->pid > 0) {
                pid_t r = waitpid(h->pid, &status, WNOHANG);
                if (r == h->pid || (r < 0 && errno != EINTR)) {
                        h->pid = 0;
                } else if (now_ms() > until) {
                        kill(h->pid, SIGKILL);
                        waitpid(h->pid, &status, 0);
                        h->pid = 0;
                } else {
                        nanosleep(&(struct timespec) { 0, 2000000 }, NULL);
                }
        }
        shut(&h->err);
        return status;
}

/* Without waiting: it is reaped when the host is freed. */
static void let_go(struct sh_host *h)
{
        shut(&h->in);
        shut(&h->out);
        if (h->pid > 0)
                kill(h->pid, SIGTERM);
}

void sh_host_free(struct sh_host *h)
{
        if (!h)
                return;
        let_go(h);
        end_process(h);
        rv_buf_free(&h->got);
        rv_buf_free(&h->said);
        rv_buf_free(&h->send);
        free(h->name);
        free(h->address);
        free(h->user);
        free(h);
}

void sh_host_reason(const struct sh_host *h, char *buf, size_t size)
{
        const char *text = h->said.data ? h->said.data : "", *end = text + h->said.len, *line = end;
        while (end > text && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
                end--;
        for (line = end; line > text && line[-1] != '\n';)
                line--;
        size_t n = (size_t)(end - line) < size ? (size_t)(end - line) : size - 1;
        for (size_t i = 0; i < n; i++)
                buf[i] = (unsigned char)line[i] < ' ' || line[i] == 0x7f ? '?' : line[i];
        buf[n] = 0;
}

/* ---- its ssh ---- */

struct words {
        const char *v[MOST_ARGS];
        unsigned n;
        char first[1024], port[16];
};

static void word(struct words *w, const char *s)
{
        if (w->n < MOST_ARGS - 1)
                w->v[w->n++] = s;
}

static void make_words(struct words *w, const struct sh_host *h, const struct sh_target_options *o, const char *command)
{
        const char *given = getenv("REEVE_SSH");
        char *rest = NULL;
        snprintf(w->first, sizeof w->first, "%s", given && *given ? given : "ssh");
        for (char *s = strtok_r(w->first, " ", &rest); s; s = strtok_r(NULL, " ", &rest))
                word(w, s);
        word(w, "-T");
        if (!o->may_ask)
                word(w, "-oBatchMode=yes");
        if (h->user)
                word(w, "-l"), word(w, h->user);
        if (h->port > 0) {
                snprintf(w->port, sizeof w->port, "%d", h->port);
                word(w, "-p"), word(w, w->port);
        }
        if (o->key)
                word(w, "-oIdentitiesOnly=yes"), word(w, "-i"), word(w, o->key);
        for (unsigned i = 0; o->more && o->more[i]; i++)
                word(w, "-o"), word(w, o->more[i]);
        word(w, "--");
        word(w, h->address);
        word(w, command);
        w->v[w->n] = NULL;
}

int sh_ssh_stream(const char *name, const struct sh_target_options *o, const char *command, int log, pid_t *ret_pid)
{
        struct sh_host *h = sh_host_new(name, o);
        struct words w = { 0 };
        posix_spawn_file_actions_t a;
        int pair[2];
        make_words(&w, h, o, command);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                sh_host_free(h);
                return -errno;
        }
        posix_spawn_file_actions_init(&a);
        posix_spawn_file_actions_adddup2(&a, pair[1], 0);
        posix_spawn_file_actions_adddup2(&a, pair[1], 1);
        if (log >= 0)
                posix_spawn_file_actions_adddup2(&a, log, 2);
        int r = posix_spawnp(ret_pid, w.v[0], &a, NULL, (char *const *)w.v, environ);
        posix_spawn_file_actions_destroy(&a);
        close(pair[1]);
        sh_host_free(h);
        if (!r)
                return pair[0];
        close(pair[0]);
        *ret_pid = 0;
        return -r;
}

static void say(struct sh_host *h, const char *s, size_t n)
{
        if (h->said.len > KEPT_WORDS) { /* the last of it counts */
                memmove(h->said.data, h->said.data + h->said.len / 2, h->said.len - h->said.len / 2);
                h->said.len -= h->said.len / 2;
        }
        rv_buf_put(&h->said, s, n);
}

static void over(struct sh_host *h, enum sh_outcome o)
{
        h->phase = HOST_OVER;
        h->outcome = o;
}

static void start(struct sh_host *h, const struct sh_target_options *o)
{
        int in[2], out[2], err[2];
        struct words w = { 0 };
        posix_spawn_file_actions_t a;
        h->begun = now_ms();
        h->phase = HOST_CONNECTING;
        h->got.len = h->said.len = h->sent = 0;
        h->by_fan = false;
        if (sh_fan_start(h, o))
                return;
        make_words(&w, h, o, "reeve remote");
        if (pipe2(in, O_CLOEXEC))
                goto failed;
        if (pipe2(out, O_CLOEXEC)) {
                close(in[0]), close(in[1]);
                goto failed;
        }
        if (pipe2(err, O_CLOEXEC)) {
                close(in[0]), close(in[1]), close(out[0]), close(out[1]);
                goto failed;
        }
        posix_spawn_file_actions_init(&a);
        posix_spawn_file_actions_adddup2(&a, in[0], 0);
        posix_spawn_file_actions_adddup2(&a, out[1], 1);
        posix_spawn_file_actions_adddup2(&a, err[1], 2);
        errno = posix_spawnp(&h->pid, w.v[0], &a, NULL, (char *const *)w.v, environ);
        posix_spawn_file_actions_destroy(&a);
        int bad = errno;
        close(in[0]), close(out[1]), close(err[1]);
        h->in = in[1], h->out = out[0], h->err = err[0];
        fcntl(h->in, F_SETFL, O_NONBLOCK);
        fcntl(h->out, F_SETFL, O_NONBLOCK);
        fcntl(h->err, F_SETFL, O_NONBLOCK);
        if (!bad)
                return;
        h->pid = 0;
        errno = bad;
failed:
        say(h, "cannot start ssh: ", 18);
        say(h, strerror(errno), strlen(strerror(errno)));
        over(h, SH_HOST_UNREACHABLE);
        shut(&h->in), shut(&h->out), shut(&h->err);
}

static bool mentions(const struct sh_host *h, const char *words)
{
        return h->said.data && memmem(h->said.data, h->said.len, words, strlen(words));
}

static void read_errors(struct sh_host *h)
{
        char buf[4096];
        ssize_t n;
        while (h->err >= 0 && (n = read(h->err, buf, sizeof buf)) > 0)
                say(h, buf, (size_t)n);
        if (h->err >= 0 && n == 0)
                shut(&h->err);
}

/* reeve-fan's last word, "\1U why": the kind; what remains is why, for people. */
static char last_word(struct sh_host *h)
{
        char *mark = h->said.len ? memrchr(h->said.data, 1, h->said.len) : NULL;
        size_t at = mark ? (size_t)(mark - h->said.data) : 0, left = h->said.len - at;
        if (!mark || left < 4)
                return 0;
        char kind = mark[1];
        if (kind == 'E') { /* a status: what the host said before it tells more */
                h->said.len = at;
        } else {
                memmove(mark, mark + 3, left - 3);
                h->said.len -= 3;
        }
        return kind;
}

static void ended_by_fan(struct sh_host *h)
{
        bool running = h->phase == HOST_RUNNING || h->phase == HOST_READY;
        struct pollfd p = { h->err, POLLIN, 0 };
        while (h->err >= 0 && poll(&p, 1, GRACE_MS) > 0)
                read_errors(h);
        shut(&h->in), shut(&h->out), shut(&h->err);
        char kind = last_word(h);
        if (kind == 'F' && !running) { /* ssh tries */
                h->not_fan = true;
                h->phase = HOST_WAITING;
                return;
        }
        over(h, running ? SH_HOST_LOST : kind == 'E' ? SH_HOST_WITHOUT : SH_HOST_UNREACHABLE);
}

/* The connection has ended by itself: what that means. */
static void ended(struct sh_host *h)
{
        if (h->by_fan) {
                ended_by_fan(h);
                return;
        }
        static const char *const refusals[] = { "Permission denied",
                                                "Host key verification failed",
                                                "HOST IDENTIFICATION HAS CHANGED",
                                                "Too many authentication",
                                                "no matching",
                                                "Connection closed by",
                                                "Connection reset by" };
        bool running = h->phase == HOST_RUNNING || h->phase == HOST_READY, refused = false;
        int err = h->err;
        h->err = -1;
        int status = end_process(h);
        h->err = err;
        read_errors(h);
        shut(&h->err);
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
                refused |= mentions(h, refusals[i]);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        over(h, running       ? SH_HOST_LOST
                : code == 255 ? refused ? SH_HOST_REFUSED : SH_HOST_UNREACHABLE
                              : SH_HOST_WITHOUT);
}

/* ---- talk ---- */

static void give(struct sh_host *h)
{
        while (h->in >= 0 && h->sent < h->send.len) {
                ssize_t n = write(h->in, h->send.data + h->sent, h->send.len - h->sent);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return; /* a broken pipe shows at the other end, too */
                h->sent += (size_t)n;
        }
}

static void ask(struct sh_host *h, const char *members, size_t n)
{
        h->send.len = h->sent = 0;
        rv_buf_putf(&h->send, "{\"Id\":%llu", (unsigned long long)++h->request);
        rv_buf_put(&h->send, members, n);
        rv_buf_puts(&h->send, "}\n");
        h->phase = HOST_RUNNING;
        give(h);
}

static bool is_true(struct rv_json j, const char *name)
{
        struct rv_json v;
        return rv_json_find(j, name, &v) && rv_json_kind(&v) == 't';
}

static int take_line(struct sh_hosts *all, struct sh_host *h, const char *s, size_t n, const char *members,
                     size_t nmembers)
{
        struct rv_json j = rv_json_at(s, n), line, v;
        if (!rv_json_take(&j, &line) || rv_json_kind(&line) != '{') {
                say(h, s, n); /* a banner of the login shell, or what is there instead of reeve */
                say(h, "\n", 1);
                return SH_OK;
        }
        if (h->phase == HOST_CONNECTING) {
                if (!rv_json_find(line, "Reeve", &v))
                        return SH_OK;
                h->phase = HOST_READY;
                h->begun = now_ms(); /* the time for the answer begins */
                if (members)
                        ask(h, members, nmembers);
                else
                        h->outcome = SH_HOST_ANSWERED;
                return SH_OK;
        }
        if (all->idle)
                h->begun = now_ms();
        if (!is_true(line, "End"))
                return all->line ? all->line(all, h, line) : SH_OK;
        over(h, is_true(line, "Failed") ? SH_HOST_FAILED : SH_HOST_ANSWERED);
        if (h->stays)
                h->phase = HOST_READY;
        else
                let_go(h);
        return SH_OK;
}

static int take(struct sh_hosts *all, struct sh_host *h, const char *members, size_t nmembers)
{
        for (;;) {
                if (!rv_buf_room(&h->got, 65536)) {
                        over(h, SH_HOST_LOST);
                        let_go(h);
                        return SH_OK;
                }
                ssize_t n = h->out < 0 ? 0 : read(h->out, h->got.data + h->got.len, 65536);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return SH_OK;
                if (n <= 0) {
                        if (h->phase != HOST_OVER)
                                ended(h);
                        return SH_OK;
                }
                h->got.len += (size_t)n;
                size_t done = 0;
                int st = SH_OK;
                for (char *nl; st == SH_OK && (nl = memchr(h->got.data + done, '\n', h->got.len - done));) {
                        size_t at = (size_t)(nl - h->got.data);
                        st = take_line(all, h, h->got.data + done, at - done, members, nmembers);
                        done = at + 1;
                }
                memmove(h->got.data, h->got.data + done, h->got.len - done);
                h->got.len -= done;
                if (h->got.len > LONGEST_LINE) {
                        over(h, SH_HOST_LOST);
                        let_go(h);
                }
                if (st != SH_OK || h->phase == HOST_OVER ||
                    (h->phase == HOST_READY && h->outcome != SH_HOST_NONE))
                        return st;
        }
}

/* ---- all of them ---- */

static bool is_busy(const struct sh_host *h)
{
        return h->phase == HOST_CONNECTING || h->phase == HOST_RUNNING;
}

static bool is_late(const struct sh_hosts *all, const struct sh_host *h, int64_t *ret_left)
{
        double limit = h->phase == HOST_CONNECTING ? all->connect_timeout : all->timeout;
        if (limit <= 0)
                return false;
        int64_t left = h->begun + (int64_t)(limit * 1000) - now_ms();
        if (left < *ret_left)
                *ret_left = left > 0 ? left : 0;
        return left <= 0;
}

/* Begins as many as may run; ends those that are late. How many are under way, and when to look again. */
static unsigned look(struct sh_hosts *all, const struct sh_target_options *o, int64_t *ret_left)
{
        unsigned busy = 0;
        for (struct sh_host *h = all->first; h; h = h->next) {
                if (is_busy(h) && is_late(all, h, ret_left)) {
                        over(h, SH_HOST_LATE);
                        let_go(h);
                }
                busy += is_busy(h);
        }
        for (struct sh_host *h = all->first; h; h = h->next)
                if (h->phase == HOST_WAITING && busy < all->throttle) {
                        start(h, o);
                        busy += is_busy(h);
                        if (is_late(all, h, ret_left))
                                *ret_left = 0;
                }
        return busy;
}

static int wait_for(struct sh_hosts *all, int64_t left, const char *members, size_t n)
{
        unsigned count = 0;
        for (struct sh_host *h = all->first; h; h = h->next)
                count += is_busy(h);
        struct pollfd *p = calloc(count * 3 + 1, sizeof *p);
        struct sh_host **of = calloc(count + 1, sizeof *of);
        if (!p || !of)
                abort();
        unsigned k = 0;
        for (struct sh_host *h = all->first; h; h = h->next) {
                if (!is_busy(h))
                        continue;
                p[k * 3] = (struct pollfd) { h->out, POLLIN, 0 };
                p[k * 3 + 1] = (struct pollfd) { h->err, POLLIN, 0 };
                p[k * 3 + 2] = (struct pollfd) { h->sent < h->send.len ? h->in : -1, POLLOUT, 0 };
                of[k++] = h;
        }
        int st = SH_OK;
        if (poll(p, k * 3, left > 500 ? 500 : (int)left) < 0 && errno != EINTR)
                abort();
        for (unsigned i = 0; i < k && st == SH_OK; i++) {
                if (p[i * 3 + 1].revents)
                        read_errors(of[i]);
                if (p[i * 3 + 2].revents)
                        give(of[i]);
                if (p[i * 3].revents)
                        st = take(all, of[i], members, n);
        }
        free(p);
        free(of);
        return st != SH_OK ? st : sh_check(all->sh);
}

int sh_hosts_run(struct sh_hosts *all, const struct sh_target_options *o, const char *members, size_t n)
{
        int st = SH_OK;
        struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
        sigaction(SIGPIPE, &ignore, &old);
        for (struct sh_host *h = all->first; h; h = h->next)
                if (h->phase == HOST_READY) { /* a session */
                        h->outcome = SH_HOST_NONE;
                        h->begun = now_ms();
                        ask(h, members, n);
                }
        for (;;) {
                int64_t left = 60000;
                unsigned busy = look(all, o, &left);
                if (!busy || st != SH_OK)
                        break;
                st = wait_for(all, left, members, n);
        }
        for (struct sh_host *h = all->first; h && st != SH_OK; h = h->next)
                if (is_busy(h)) { /* stopped */
                        over(h, SH_HOST_LOST);
                        let_go(h);
                }
        sigaction(SIGPIPE, &old, NULL);
        return st;
}
