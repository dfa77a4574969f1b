/* SPDX-License-Identifier: MIT
 *
 * reeve: the shell as a program. Runs what the command line says in one session and ends with PowerShell's exit status.
 *
 * The session runs on a thread of its own only for its stack: scripts may recurse deeper than 8 MiB allow.
 */
#include "shell/code.h"
#include "shell/events.h"
#include "shell/limits.h"
#include "shell/module.h"
#include "shell/options.h"
#include "shell/program.h"
#include "shell/rpc.h"
#include "shell/talk.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

enum { STACK_SIZE = 256 << 20 };

/* ---- signals: a flag that the session looks at; the second one does not wait ---- */
static void tick(bool on)
{
        struct timeval t = { 0, on ? 20000 : 0 };
        setitimer(ITIMER_REAL, &(struct itimerval) { t, t }, NULL);
}

static void on_signal(int sig)
{
        if (sh_interrupt && sig != SIGINT)
                _exit(128 + sig);
        sh_interrupt = sig == SIGINT ? 1 : sig + 128;
        tick(true);
}

/* The flag may be set just after somebody looked at it and just before he waits: the wait is ended once more, until the
 * flag has been seen. */
static void on_tick(int sig)
{
        (void)sig;
        if (!sh_interrupt)
                tick(false);
}

static void take_signals(void)
{
        struct sigaction a = { .sa_handler = on_tick };
        sigaction(SIGALRM, &a, NULL);
        a.sa_handler = on_signal;
        sigaction(SIGINT, &a, NULL);
        sigaction(SIGTERM, &a, NULL);
        sigaction(SIGHUP, &a, NULL);
        a.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &a, NULL);
}

/* ---- running what was asked for ---- */
/* The status of a run as the process's exit status. */
static int exit_status(struct sh *sh, int st, bool of_command)
{
        if (st == SH_EXIT)
                return sh->exit_code;
        if (st == SH_ERROR) {
                sh_flush(sh);
                sh_error_report(sh);
                return 1;
        }
        return of_command && !sh->ok ? 1 : 0;
}

/* Nothing in the text goes on after the first command: no pipe, no second one. */
static bool is_one_command(const char *s, const char *end)
{
        char quote = 0;
        for (; s < end; s++) {
                if (quote)
                        quote = *s == quote ? 0 : quote;
                else if (*s == '\'' || *s == '"')
                        quote = *s;
                else if (strchr(";|\n&", *s))
                        return false;
        }
        return true;
}

static const char *first_word(const struct sh_options *o, size_t *ret_n)
{
        const char *s = o->command, *end = s + o->ncommand;
        while (s < end && (*s == ' ' || *s == '&'))
                s++;
        const char *word = s;
        while (s < end && *s != ' ')
                s++;
        *ret_n = (size_t)(s - word);
        return word;
}

/* "reeve check ..." alone: over SSH its status is read by monitoring, so it is passed on as it is. */
static bool is_own_program(const struct sh_options *o)
{
        size_t n;
        const char *word = first_word(o, &n);
        if (n < 5 || memcmp(word + n - 5, "reeve", 5) != 0 || (n > 5 && word[n - 6] != '/'))
                return false;
        return is_one_command(word + n, o->command + o->ncommand);
}

/* A command in a container alone: `ssh -t host 'Enter-ContainerSession web'` ends with its status. */
static bool is_session(const struct sh_options *o)
{
        static const char *const names[] = { "Enter-ContainerSession", "Connect-ContainerSession",
                                             "Start-ContainerProcess" };
        size_t n;
        const char *word = first_word(o, &n);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strlen(names[i]) == n && strncasecmp(names[i], word, n) == 0)
                        return is_one_command(word + n, o->command + o->ncommand);
        return false;
}

static int last_status(struct sh *sh, int otherwise)
{
        struct sv v = SH_NIL;
        int code = otherwise;
        if (sh_var_get(sh, "LASTEXITCODE", &v) && v.kind == SH_INT32 && v.i > 0 && v.i < 256)
                code = (int)v.i;
        sh_drop(v);
        return code;
}

static void run_profile(struct sh *sh, const char *path)
{
        if (access(path, R_OK))
                return;
        int st = sh_run_file(sh, path, (struct sh_args) { 0 }, true, &sh->host);
        if (st == SH_ERROR)
                sh_error_report(sh);
}

static void run_profiles(struct sh *sh)
{
        struct sv path = SH_NIL;
        run_profile(sh, "/etc/reeve/profile.ps1");
        if (sh_var_get(sh, "PROFILE", &path) && path.kind == SH_STRING)
                run_profile(sh, path.s->s);
        sh_drop(path);
        sh->ok = true;
}

static int run_command_text(struct sh *sh, const struct sh_options *o)
{
        if (o->with_args) {
                struct sv list = sh_array_new((uint32_t)o->nwords);
                for (int i = 0; i < o->nwords; i++)
                        sh_array_take(list.a, sh_text(o->words[i]));
                sh->top.args = list;
        }
        return sh_run_text(sh, "", o->command, o->ncommand, &sh->host);
}

static int run_script_file(struct sh *sh, const struct sh_options *o)
{
        struct sv *v = calloc((size_t)o->nwords + 1, sizeof *v);
        if (!v)
                abort();
        for (int i = 0; i < o->nwords; i++)
                v[i] = sh_text(o->words[i]);
        sh->script = o->file;
        int st = sh_run_script(sh, o->file, (struct sh_args) { (uint32_t)o->nwords, v }, false, &sh->host);
        for (int i = 0; i < o->nwords; i++)
                sh_drop(v[i]);
        free(v);
        return st;
}

/* ---- the program's text from the input: each statement runs as soon as it is complete ---- */
static bool more_waits(void)
{
        struct pollfd p = { .fd = 0, .events = POLLIN };
        return poll(&p, 1, 20) > 0 && (p.revents & POLLIN);
}

/* "if (...) { }" may go on with else, "try { }" with catch: look at the next line if it is there. */
static bool may_go_on(const struct sh_buf *b)
{
        size_t n = b->n;
        while (n > 0 && strchr(" \t\r\n", b->p[n - 1]))
                n--;
        return n > 0 && b->p[n - 1] == '}' && more_waits();
}

static bool goes_on(const char *line)
{
        static const char *const words[] = { "else",  "elseif", "catch", "finally", "while",
                                             "until", "|",      "&&",    "}" };
        line += strspn(line, " \t");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (!strncasecmp(line, words[i], strlen(words[i])))
                        return true;
        return false;
}

static int run_one(struct sh *sh, struct sh_buf *text, bool last, bool *ret_ran)
{
        bool incomplete = false;
        int st =
                sh_text_status(sh, "", text->p ? text->p : "", text->n, &sh->host, last ? NULL : &incomplete);
        *ret_ran = !incomplete;
        if (incomplete)
                return SH_OK;
        text->n = 0;
        if (st == SH_ERROR) {
                sh_flush(sh);
                sh_error_report(sh);
                st = SH_OK;
        }
        sh_flush(sh);
        return st;
}

static int run_input(struct sh *sh)
{
        struct sh_buf text = { 0 };
        char *line = NULL;
        size_t cap = 0;
        int st = SH_OK;
        bool ran, held = false;
        sh->stdin_is_code = true;
        setvbuf(stdin, NULL, _IONBF, 0);
        for (ssize_t n; st == SH_OK && (n = getline(&line, &cap, stdin)) > 0;) {
                if (held && !goes_on(line))
                        st = run_one(sh, &text, false, &ran);
                held = false;
                sh_buf_put(&text, line, (size_t)n);
                if (st == SH_OK && may_go_on(&text))
                        held = true;
                else if (st == SH_OK)
                        st = run_one(sh, &text, false, &ran);
        }
        if (st == SH_OK && text.n)
                st = run_one(sh, &text, true, &ran);
        free(line);
        sh_buf_free(&text);
        return st;
}

static int run_session(struct sh_options *o)
{
        struct sh *sh = sh_new();
        bool of_command = o->mode != SH_MODE_FILE;
        int st;
        if (o->mode == SH_MODE_PROMPT && !isatty(0) && !o->interactive)
                o->mode = SH_MODE_STDIN;
        sh->interactive = !o->non_interactive && isatty(0);
        sh->no_profile = o->no_profile;
        sh->json_output = o->json;
        if (o->folder && chdir(o->folder)) {
                fprintf(stderr, "reeve: %s: %s\n", o->folder, strerror(errno));
                sh_free(sh);
                return 1;
        }
        if (!o->no_profile && sh_limits_let_profiles())
                run_profiles(sh);
        switch (o->mode) {
        case SH_MODE_COMMAND: st = run_command_text(sh, o); break;
        case SH_MODE_FILE: st = run_script_file(sh, o); break;
        case SH_MODE_STDIN: st = run_input(sh); break;
        default: st = sh_interactive(sh);
        }
        int code = exit_status(sh, st, of_command);
        if (code == 1 && st == SH_OK && o->mode == SH_MODE_COMMAND && (is_own_program(o) || is_session(o)))
                code = last_status(sh, code);
        sh_flush(sh);
        if (o->no_exit && o->mode != SH_MODE_PROMPT && st != SH_EXIT)
                code = exit_status(sh, sh_interactive(sh), true);
        sh_events_tell(sh, "PowerShell.Exiting");
        sh_flush(sh);
        sh->exiting = true;
        sh_free(sh);
        return code & 255;
}

struct job {
        struct sh_options options;
        int code;
};

static void *on_thread(void *state)
{
        struct job *j = state;
        j->code = run_session(&j->options);
        return NULL;
}

static int run_on_large_stack(struct job *j)
{
        pthread_attr_t a;
        pthread_t t;
        sigset_t all, old;
        /* An arena of the thread's own would grow by a page and a system call at a time. */
        mallopt(M_ARENA_MAX, 1);
        pthread_attr_init(&a);
        pthread_attr_setstacksize(&a, STACK_SIZE);
        int err = pthread_create(&t, &a, on_thread, j);
        pthread_attr_destroy(&a);
        if (err) { /* little memory: the stack that there is */
                on_thread(j);
                return j->code;
        }
        sigfillset(&all); /* signals are for the session's thread: its reads and waits end early */
        pthread_sigmask(SIG_BLOCK, &all, &old);
        pthread_join(t, NULL);
        return j->code;
}

/* The words of a command line without anything that the language would do with them; NULL: it has more. */
static char **plain_words(const char *s, size_t n, int *ret_argc)
{
        char *text = strndup(s, n), **argv = calloc(n + 2, sizeof *argv), *to = text;
        int argc = 0;
        for (const char *p = text; text && argv && *p;) {
                if (*p == ' ') {
                        p++;
                        continue;
                }
                argv[argc++] = to;
                for (char quote = 0; *p && (quote || *p != ' '); p++) {
                        if (quote ? *p == quote : *p == '\'' || *p == '"')
                                quote = quote ? 0 : *p;
                        else if (strchr(quote == '\'' ? "\n" : "$`\n@(){}[]*?~#;|&<>,\\", *p))
                                goto more;
                        else
                                *to++ = *p;
                        if (!p[1] && quote)
                                goto more;
                }
                p += *p == ' ';
                *to++ = 0;
        }
        *ret_argc = argc;
        return argv; /* the text lives as long as the process */
more:
        free(text);
        free(argv);
        return NULL;
}

/* `ssh host reeve check ...` comes as -Command "reeve check ...": done here, without a session and another process.
 * Who has a role that limits the shell gets what its language lets him; `remote` is a session that keeps to the same
 * limits. */
static int run_own_program(const struct sh_options *o)
{
        int argc = 0;
        char **argv = o->mode == SH_MODE_COMMAND && !o->with_args && !o->no_exit && is_own_program(o)
                              ? plain_words(o->command, o->ncommand, &argc)
                              : NULL;
        for (size_t i = 0; argv && argc > 1 && i < sh_nsubcommands; i++)
                if (!strcmp(argv[1], sh_subcommands[i].name) && (!sh_limits || !strcmp(argv[1], "remote")))
                        return sh_subcommands[i].run(argc - 1, argv + 1);
        return -1;
}

/* What the Docker client runs on the host that `docker -H ssh://user@host` names: the agent answers it, in the measure
 * of the user's roles. No program of Docker's is needed here. */
static int run_dial(const struct sh_options *o)
{
        static const char dial[] = "docker system dial-stdio";
        static struct sh_talk t;
        struct sh_link l = { .log = -1 };
        struct rv_error err = { 0 };
        if (o->mode != SH_MODE_COMMAND || o->with_args || o->ncommand != sizeof dial - 1 ||
            memcmp(o->command, dial, o->ncommand) != 0)
                return -1;
        int r = sh_talk_open(&t, &l, "ContainerEngine", NULL, "Dial", json_object(), &err);
        if (r)
                fprintf(stderr, "reeve: %s%s%s\n", err.message, err.hint[0] ? "; " : "", err.hint);
        else
                sh_rpc_relay(t.fd);
        sh_talk_close(&t);
        sh_link_close(&l);
        return r != 0;
}

int main(int argc, char **argv)
{
        struct job j = { 0 };
        for (size_t i = 0; argc > 1 && i < sh_nsubcommands; i++)
                if (!strcmp(argv[1], sh_subcommands[i].name))
                        return sh_subcommands[i].run(argc - 1, argv + 1);
        int code = sh_options_read(&j.options, argc, argv);
        if (code < 0) {
                sh_module_path_begin();
                take_signals();
                code = sh_limits_begin(); /* what the kernel takes away from this thread, later ones lack, too */
                int own = code == 0 ? run_dial(&j.options) : -1;
                if (code == 0 && own < 0)
                        own = run_own_program(&j.options);
                if (code == 0)
                        code = own >= 0 ? own : run_on_large_stack(&j);
        }
        sh_options_free(&j.options);
        return code;
}
