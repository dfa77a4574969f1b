/* SPDX-License-Identifier: MIT
 *
 * Native commands: an argument vector exactly as given, bytes untouched between natives and to whatever the shell
 * itself writes to; captured output becomes lines. A native that nobody captures writes where the shell writes, so
 * that vi and less work. Objects piped in become lines of text.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell/eval.h"
#include "shell/relay.h"
#include "shell/text.h"

extern char **environ;
bool sh_sink_discards(const struct sh_sink *);

struct native {
        pid_t pid;
        int in, out, err; /* our ends; -1 = none */
        int given;        /* read end made by the native before us; -1 = none */
        struct sh_buf to; /* waits to be written to it */
        size_t to_at;
        struct sh_buf line, err_line,
                last_err;            /* output that is not a whole line yet; the last line of stderr */
        struct sh_relay *relay;      /* of standard error that goes past us, when its last line will be asked for */
        struct sh_formatter *format; /* objects that are no text */
        bool foreground, closed;
};

struct words {
        char **v;
        size_t n, cap;
};

static struct native *native_of(struct sh_cmd *c)
{
        if (!c->native) {
                c->native = calloc(1, sizeof *c->native);
                if (!c->native)
                        abort();
                c->native->in = c->native->out = c->native->err = c->native->given = -1;
        }
        return c->native;
}

/* ---- arguments ---- */
static void add_word(struct words *w, const char *s, size_t n)
{
        if (w->n + 2 > w->cap) {
                w->cap = w->cap ? w->cap * 2 : 16;
                w->v = realloc(w->v, w->cap * sizeof *w->v);
                if (!w->v)
                        abort();
        }
        w->v[w->n] = strndup(s, n);
        w->v[++w->n] = NULL;
}

/* Unquoted text: ~ and wildcards, as shells of Unix do. */
static void add_plain(struct words *w, const char *s, size_t n)
{
        const char *home = getenv("HOME");
        char *text = strndup(s, n);
        glob_t g;
        if (s[0] == '~' && (n == 1 || s[1] == '/') && home) {
                free(text);
                if (asprintf(&text, "%s%.*s", home, (int)n - 1, s + 1) < 0)
                        abort();
        }
        if (strpbrk(text, "*?[") && glob(text, GLOB_NOSORT * 0, NULL, &g) == 0) {
                for (size_t i = 0; i < g.gl_pathc; i++)
                        add_word(w, g.gl_pathv[i], strlen(g.gl_pathv[i]));
                globfree(&g);
        } else {
                add_word(w, text, strlen(text));
        }
        free(text);
}

/* What follows --%: divided at blanks, quotes taken away. */
static void add_verbatim(struct words *w, const char *s)
{
        while (*s) {
                char word[4096];
                size_t n = 0;
                while (isspace((unsigned char)*s))
                        s++;
                if (!*s)
                        break;
                for (char quote = 0; *s && (quote || !isspace((unsigned char)*s)); s++) {
                        if (quote ? *s == quote : *s == '"' || *s == '\'')
                                quote = quote ? 0 : *s;
                        else if (n + 1 < sizeof word)
                                word[n++] = *s;
                }
                add_word(w, word, n);
        }
}

static void add_value(struct sh *sh, struct words *w, struct argval *a, struct sv v, const char *prefix)
{
        struct node *node = a->node;
        struct sv text = sh_is_null(v) ? SH_NIL : sh_to_text(sh, v);
        if (sh_is_null(v) && !prefix)
                return;
        if (sh_is_number(v) && node && node->kind == N_CONST && !a->quoted && node->end > node->at) {
                sh_drop(text); /* 007 and 1kb stay as they were typed */
                text = sh_string(node->u->text + node->at, node->end - node->at);
        }
        const char *s = text.kind == SH_STRING ? text.s->s : "";
        size_t n = text.kind == SH_STRING ? text.s->len : 0;
        if (prefix) {
                struct sh_buf b = { 0 };
                sh_buf_puts(&b, prefix);
                sh_buf_put(&b, s, n);
                add_word(w, b.p, b.n);
                sh_buf_free(&b);
        } else if (a->verbatim) {
                add_verbatim(w, s);
        } else if (a->quoted || v.kind != SH_STRING) {
                add_word(w, s, n);
        } else {
                add_plain(w, s, n);
        }
        sh_drop(text);
}

/* a,b written as one word stays one word; an array from elsewhere is spread. */
static void add_argument(struct sh *sh, struct words *w, struct argval *a, const char *prefix)
{
        struct sv v = a->value, item;
        size_t pos = 0;
        if (!sh_is_enumerable(v) || v.kind == SH_HASH) {
                add_value(sh, w, a, v, prefix);
                return;
        }
        if (a->node && a->node->kind == N_ARRAY) {
                struct sh_buf b = { 0 };
                sh_buf_puts(&b, prefix ? prefix : "");
                for (bool first = true; sh_next(v, &pos, &item); first = false) {
                        struct sv t = sh_to_text(sh, item);
                        sh_buf_puts(&b, first ? "" : ",");
                        sh_buf_put(&b, t.s->s, t.s->len);
                        sh_drop(t);
                        sh_drop(item);
                }
                add_word(w, b.p ? b.p : "", b.n);
                sh_buf_free(&b);
                return;
        }
        while (sh_next(v, &pos, &item)) {
                add_value(sh, w, a, item, prefix);
                prefix = NULL;
                sh_drop(item);
        }
}

static void make_words(struct sh_cmd *c, struct words *w)
{
        const char *name = c->target->name;
        add_word(w, name, strlen(name));
        for (uint32_t i = 0; i < c->raw.n; i++) {
                struct argval *a = &c->raw.v[i];
                char prefix[512];
                if (a->end_of_params) {
                        add_word(w, "--", 2);
                } else if (a->name) {
                        snprintf(prefix, sizeof prefix, "-%.*s%s", (int)a->nname, a->name,
                                 a->colon ? ":" : "");
                        if (a->value.kind != SH_K_UNSET && a->colon)
                                add_argument(c->sh, w, a, prefix);
                        else
                                add_word(w, prefix, strlen(prefix));
                        if (a->value.kind != SH_K_UNSET && !a->colon)
                                add_argument(c->sh, w, a, NULL);
                } else if (a->value.kind != SH_K_UNSET) {
                        add_argument(c->sh, w, a, NULL);
                }
        }
}

static void free_words(struct words *w)
{
        for (size_t i = 0; i < w->n; i++)
                free(w->v[i]);
        free(w->v);
}

/* ---- starting ---- */
static bool wants_terminal(struct sh *sh)
{
        return sh->interactive && isatty(0) && tcgetpgrp(0) == getpgrp();
}

static int start(struct sh_cmd *c, char **argv, int in, int out, int err)
{
        struct native *n = c->native;
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t all, none;
        short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attr);
        if (in >= 0)
                posix_spawn_file_actions_adddup2(&files, in, 0);
        if (out >= 0)
                posix_spawn_file_actions_adddup2(&files, out, 1);
        if (err >= 0)
                posix_spawn_file_actions_adddup2(&files, err, 2);
        n->foreground = wants_terminal(c->sh);
        if (n->foreground) {
                struct native *before = c->prev && c->prev->target && c->prev->target->kind == CT_NATIVE
                                                ? c->prev->native
                                                : NULL;
                flags |= POSIX_SPAWN_SETPGROUP;
                posix_spawnattr_setpgroup(&attr, before && before->pid > 0 ? getpgid(before->pid) : 0);
        }
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, flags);
        int r = posix_spawn(&n->pid, c->target->definition, &files, &attr, argv, environ);
        if (r == ENOEXEC) { /* a script without #! */
                size_t k = 0;
                while (argv[k])
                        k++;
                char **more = calloc(k + 2, sizeof *more);
                if (!more)
                        abort();
                more[0] = (char *)"/bin/sh";
                more[1] = c->target->definition;
                memcpy(more + 2, argv + 1, (k - 1) * sizeof *more);
                r = posix_spawn(&n->pid, "/bin/sh", &files, &attr, more, environ);
                free(more);
        }
        if (r == 0 && n->foreground) {
                setpgid(n->pid, n->pid);
                tcsetpgrp(0, getpgid(n->pid));
        }
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return r;
}

static void shut(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static bool make_pipe(int ret[2])
{
        return pipe2(ret, O_CLOEXEC) == 0;
}

/* Is a native's failure an error? */
static bool strict(struct sh *sh)
{
        struct sv want = SH_NIL;
        bool r = sh_var_get(sh, "PSNativeCommandUseErrorActionPreference", &want) && sh_true(want);
        sh_drop(want);
        return r;
}

/* Does a person at the terminal read its standard error, and nobody else? Then its last line was seen, and whatever the
 * program does with its terminal must work: nothing is put in between. */
static bool only_seen(struct sh *sh)
{
        return sh->interactive && sh->try_depth == 0 && isatty(2);
}

/* Where its standard error goes: -1 as ours, else a descriptor for it. */
static int plan_error(struct sh_cmd *c, int pair[2])
{
        struct sh_sink *s = c->sinks ? c->sinks[SH_ERR] : NULL;
        if (!s)
                return strict(c->sh) && !only_seen(c->sh) ? sh_relay_begin(2, &c->native->relay) : -1;
        if (sh_sink_discards(s)) {
                int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
                int err = nowhere >= 0 && strict(c->sh) ? sh_relay_begin(nowhere, &c->native->relay) : -1;
                if (err < 0)
                        return nowhere;
                close(nowhere);
                return err;
        }
        if (!make_pipe(pair))
                return -1;
        c->native->err = pair[0];
        return pair[1];
}

int sh_native_begin(struct sh_cmd *c)
{
        struct native *n = native_of(c);
        struct words w = { 0 };
        struct sh *sh = c->sh;
        int in = -1, out = -1, err = -1, pair[2] = { -1, -1 };
        bool before = c->prev && c->prev->target && c->prev->target->kind == CT_NATIVE && n->given >= 0;
        bool after =
                c->next && c->next->target && c->next->target->kind == CT_NATIVE && c->out == &c->next->in;
        make_words(c, &w);
        if (before) {
                in = n->given;
                n->given = -1;
        } else if (c->expects_input && make_pipe(pair)) {
                in = pair[0];
                n->in = pair[1];
                fcntl(n->in, F_SETFL, O_NONBLOCK);
        }
        if (after && make_pipe(pair)) {
                out = pair[1];
                native_of(c->next)->given = pair[0];
        } else if (sh_sink_discards(c->out)) {
                out = open("/dev/null", O_WRONLY | O_CLOEXEC);
        } else if (c->out != &sh->host && make_pipe(pair)) {
                out = pair[1];
                n->out = pair[0];
        }
        err = plan_error(c, pair);
        sh_flush(sh);
        int r = start(c, w.v, in, out, err);
        shut(&in);
        shut(&out);
        shut(&err);
        free_words(&w);
        if (r == 0)
                return SH_OK;
        n->pid = 0;
        return sh_throw_as(sh, "System.Management.Automation.ApplicationFailedException",
                           "NativeCommandFailed", "ResourceUnavailable", SH_NIL,
                           "Program '%s' failed to run: %s", c->target->name, strerror(r));
}

/* ---- output ---- */
static int emit_line(struct sh_cmd *c, struct sh_buf *b)
{
        size_t n = b->n;
        if (n && b->p[n - 1] == '\r')
                n--;
        struct sv v = sh_string(b->p ? b->p : "", n);
        b->n = 0;
        int st = c->out->write(c->out, c->sh, v);
        sh_drop(v);
        return st;
}

static int emit_error(struct sh_cmd *c, struct sh_buf *b)
{
        struct sh_sink *s = c->sinks[SH_ERR];
        size_t n = b->n;
        while (n > 0 && isspace((unsigned char)b->p[n - 1]))
                n--;
        if (n > 0) {
                c->native->last_err.n = 0;
                sh_buf_put(&c->native->last_err, b->p, n);
        }
        struct sv v = sh_error_new(c->sh, "System.Management.Automation.RemoteException",
                                   "NativeCommandError", "NotSpecified", SH_NIL, b->p ? b->p : "", b->n);
        b->n = 0;
        int st = s ? s->write(s, c->sh, v) : SH_OK;
        sh_drop(v);
        return st;
}

/* Reads what there is; whole lines go on. */
static int take(struct sh_cmd *c, int *fd, struct sh_buf *line, int (*emit)(struct sh_cmd *, struct sh_buf *))
{
        char buf[65536];
        ssize_t n = read(*fd, buf, sizeof buf);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return SH_OK;
        if (n <= 0) {
                shut(fd);
                return line->n ? emit(c, line) : SH_OK;
        }
        for (char *p = buf, *end = buf + n, *nl; p < end; p = nl + 1) {
                nl = memchr(p, '\n', (size_t)(end - p));
                if (!nl) {
                        sh_buf_put(line, p, (size_t)(end - p));
                        break;
                }
                sh_buf_put(line, p, (size_t)(nl - p));
                int st = emit(c, line);
                if (st != SH_OK)
                        return st;
        }
        return SH_OK;
}

static void feed(struct native *n)
{
        while (n->to_at < n->to.n) {
                ssize_t k = write(n->in, n->to.p + n->to_at, n->to.n - n->to_at);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0 && errno == EAGAIN)
                        return;
                if (k < 0) { /* it does not read any more */
                        n->to_at = n->to.n;
                        n->closed = true;
                        break;
                }
                n->to_at += (size_t)k;
        }
        n->to.n = n->to_at = 0;
}

/* Moves bytes until `done`: all input written (fed) or all output read. */
static int pump(struct sh_cmd *c, bool to_end)
{
        struct native *n = c->native;
        int st = SH_OK;
        while (st == SH_OK) {
                bool more_in = n->in >= 0 && n->to_at < n->to.n;
                if (to_end ? n->out < 0 && n->err < 0 && !more_in : !more_in)
                        break;
                struct pollfd p[3] = { { more_in ? n->in : -1, POLLOUT, 0 },
                                       { n->out, POLLIN, 0 },
                                       { n->err, POLLIN, 0 } };
                if (poll(p, 3, -1) < 0 && errno != EINTR)
                        break;
                if (sh_interrupt)
                        return sh_check(c->sh);
                if (p[0].revents)
                        feed(n);
                if (p[1].revents)
                        st = take(c, &n->out, &n->line, emit_line);
                if (st == SH_OK && p[2].revents)
                        st = take(c, &n->err, &n->err_line, emit_error);
                if (to_end && n->in >= 0 && n->to_at >= n->to.n)
                        shut(&n->in);
        }
        return st;
}

/* ---- input ---- */
static void format_line(void *state, const char *s, size_t len)
{
        struct native *n = state;
        sh_buf_put(&n->to, s, len);
        if (!len || s[len - 1] != '\n')
                sh_buf_put(&n->to, "\n", 1);
}

int sh_native_write(struct sh_cmd *c, struct sv v)
{
        struct native *n = c->native;
        if (!n || n->in < 0 || n->closed)
                return n && n->closed ? SH_STOP : SH_OK;
        struct sv base = sh_unwrap(v);
        if (base.kind == SH_STRING || sh_is_number(base) || base.kind == SH_CHAR || base.kind == SH_BOOL) {
                struct sv t = sh_to_text(c->sh, v);
                sh_buf_put(&n->to, t.s->s, t.s->len);
                sh_buf_put(&n->to, "\n", 1);
                sh_drop(t);
        } else {
                if (!n->format)
                        n->format = sh_format_new(c->sh, format_line, n, 120, false);
                int st = sh_format_write(n->format, v);
                if (st != SH_OK)
                        return st;
        }
        return n->to.n > 65536 ? pump(c, false) : SH_OK;
}

/* ---- the end ---- */
static void take_terminal(struct native *n)
{
        if (!n->foreground)
                return;
        void (*old)(int) = signal(SIGTTOU, SIG_IGN);
        tcsetpgrp(0, getpgrp());
        signal(SIGTTOU, old);
        n->foreground = false;
}

static int reap(struct sh_cmd *c)
{
        struct native *n = c->native;
        int status = 0;
        while (n->pid > 0) {
                pid_t p = waitpid(n->pid, &status, n->foreground ? WUNTRACED : 0);
                if (p == n->pid &&
                    WIFSTOPPED(status)) { /* Ctrl-Z: there are no stopped jobs here, so it goes on */
                        kill(-getpgid(n->pid), SIGCONT);
                        continue;
                }
                if (p < 0 && errno == EINTR) {
                        if (sh_interrupt)
                                kill(n->pid, SIGINT);
                        continue;
                }
                n->pid = 0;
        }
        take_terminal(n);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int judge(struct sh_cmd *c, int code)
{
        struct sh *sh = c->sh;
        sh_var_set_scope(sh, "LASTEXITCODE", sh_int(code), SH_SCOPE_GLOBAL, NULL);
        if (!code)
                return SH_OK;
        c->errored = true;
        if (!strict(sh))
                return SH_OK;
        return sh_cmd_error(c, "ProgramExitedWithNonZeroCode", "NotSpecified", SH_NIL,
                            "Program \"%s\" ended with non-zero exit code: %d (0x%08X)%s%.*s", c->target->name, code,
                            (unsigned)code,
                            c->native->last_err.n ? ". Its last error line: " : ".",
                            (int)c->native->last_err.n, c->native->last_err.p ? c->native->last_err.p : "");
}

int sh_native_end(struct sh_cmd *c)
{
        struct native *n = c->native;
        int st = SH_OK;
        if (!n)
                return SH_OK;
        if (n->format) {
                sh_format_end(n->format);
                n->format = NULL;
        }
        if (n->in >= 0 && n->to_at >= n->to.n)
                shut(&n->in);
        st = pump(c, true);
        shut(&n->in);
        shut(&n->out);
        shut(&n->err);
        if (st != SH_OK && n->pid > 0)
                kill(n->pid, SIGTERM);
        int code = reap(c);
        if (n->relay)
                sh_relay_end(n->relay, &n->last_err);
        n->relay = NULL;
        if (sh_interrupt && st == SH_OK)
                st = sh_check(c->sh);
        return st == SH_OK ? judge(c, code) : st;
}

void sh_native_free(struct sh_cmd *c)
{
        struct native *n = c->native;
        shut(&n->in);
        shut(&n->out);
        shut(&n->err);
        shut(&n->given);
        if (n->format)
                sh_format_end(n->format);
        if (n->pid > 0) {
                kill(n->pid, SIGTERM);
                reap(c);
        }
        if (n->relay)
                sh_relay_end(n->relay, NULL);
        sh_buf_free(&n->to);
        sh_buf_free(&n->line);
        sh_buf_free(&n->err_line);
        sh_buf_free(&n->last_err);
        free(n);
        c->native = NULL;
}
