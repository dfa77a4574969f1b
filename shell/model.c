/* SPDX-License-Identifier: MIT
 *
 * Links to agents: finding one, starting a private one, asking, and what went wrong in PowerShell's terms.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/events.h"
#include "shell/limits.h"
#include "shell/model.h"

extern char **environ;

struct sh_model *sh_model_of(struct sh *sh)
{
        if (!sh->model) {
                sh->model = calloc(1, sizeof *sh->model);
                struct sh_link *l = calloc(1, sizeof *l);
                if (!sh->model || !l)
                        abort();
                *l = (struct sh_link) { .sh = sh, .log = -1 };
                sh->model->local = l;
        }
        return sh->model;
}

struct sh_link *sh_link_local(struct sh *sh)
{
        return sh_model_of(sh)->local;
}

/* A private agent ends when its connection does; one that does not is told to. */
static void reap(struct sh_link *l)
{
        static const struct timespec little = { 0, 2000000 };
        for (int i = 0; l->agent && i < 500; i++) {
                if (waitpid(l->agent, NULL, WNOHANG) != 0)
                        l->agent = 0;
                else if (i == 250)
                        kill(l->agent, SIGTERM);
                else
                        nanosleep(&little, NULL);
        }
        if (l->agent) {
                kill(l->agent, SIGKILL);
                waitpid(l->agent, NULL, 0);
                l->agent = 0;
        }
        if (l->log >= 0)
                close(l->log);
        l->log = -1;
}

void sh_link_close(struct sh_link *l)
{
        if (l->client)
                l->client = rv_client_free(l->client);
        reap(l);
}

/* In a copy of the session: the links are the original's, this one makes its own when it asks. */
void sh_model_forked(struct sh *sh)
{
        for (struct sh_link *l = sh->model ? sh->model->local : NULL; l; l = l->next) {
                l->client = NULL;
                l->agent = 0;
                l->log = -1;
        }
}

void sh_model_free(struct sh *sh)
{
        struct sh_model *m = sh->model;
        if (!m)
                return;
        sh->model = NULL;
        sh_events_free(m);
        for (struct sh_link *l; (l = m->local);) {
                m->local = l->next;
                sh_link_close(l);
                for (struct sh_model_class *c; (c = l->classes);) {
                        l->classes = c->next;
                        rv_arena_free(&c->arena);
                        free(c);
                }
                free(l->host);
                free(l->user);
                free(l->key);
                free(l);
        }
        rv_arena_free(&m->arena);
        free(m);
}

/* ---- finding the agent ---- */

/* The user's own, then the system's; where reeved puts them. Answers a descriptor, or -1. */
static int connect_known(void)
{
        char path[3][512] = { "", "", "/run/reeve/agent.sock" };
        const char *run = getenv("XDG_RUNTIME_DIR"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        if (run && run[0] == '/')
                snprintf(path[0], sizeof path[0], "%s/reeve/agent.sock", run);
        if (state && state[0] == '/')
                snprintf(path[1], sizeof path[1], "%s/reeve/agent.sock", state);
        else if (home && home[0] == '/')
                snprintf(path[1], sizeof path[1], "%s/.local/state/reeve/agent.sock", home);
        for (int i = 0; i < 3; i++) {
                struct stat st;
                if (!path[i][0] || stat(path[i], &st) != 0)
                        continue;
                /* A socket that someone else than root or the user made is a trap. */
                if (st.st_uid != 0 && st.st_uid != geteuid())
                        continue;
                int fd = rv_client_connect(path[i]);
                if (fd >= 0)
                        return fd;
        }
        return -1;
}

/* The agent's program: beside ours, or where it is installed. */
static bool find_program(char *to, size_t size)
{
        static const char *const places[] = { "%s/reeve-agent", "%s/../libexec/reeve/reeve-agent" };
        char self[512];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n <= 0)
                return false;
        self[n] = 0;
        *strrchr(self, '/') = 0;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
                snprintf(to, size, places[i], self);
                if (access(to, X_OK) == 0)
                        return true;
        }
        return false;
}

static int spawn(struct sh_link *l, const char *program, int fd)
{
        char *argv[] = { (char *)program, "--fd", "3", l->provider ? "--provider" : NULL, (char *)l->provider, NULL };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t all, none;
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawn_file_actions_init(&files);
        if (l->log >= 0)
                posix_spawn_file_actions_adddup2(&files, l->log, 2);
        posix_spawn_file_actions_adddup2(&files, fd, 3);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        int r = posix_spawn(&l->agent, program, &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        if (r)
                l->agent = 0;
        return r;
}

/* A descriptor to a private agent, or -1. */
static int start_private(struct sh_link *l, struct rv_error *err)
{
        char program[600];
        int pair[2];
        if (!find_program(program, sizeof program)) {
                rv_hint(err, "start reeved, or set REEVE_SOCKET to an agent's socket");
                rv_fail(err, RV_UNAVAILABLE, "no agent runs here, and reeve-agent is not beside this program");
                return -1;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
                rv_fail_errno(err, errno, "cannot start an agent");
                return -1;
        }
        l->log = memfd_create("reeve-agent.log", MFD_CLOEXEC);
        int r = spawn(l, program, pair[1]);
        close(pair[1]);
        if (r) {
                close(pair[0]);
                rv_fail_errno(err, r, "cannot start %s", program);
                return -1;
        }
        return pair[0];
}

/* The last line that the private agent wrote before it went. */
static void add_last_words(struct sh_link *l, struct rv_error *err)
{
        char text[400];
        off_t size = l->log >= 0 ? lseek(l->log, 0, SEEK_END) : 0;
        if (size <= 0)
                return;
        off_t from = size > (off_t)sizeof text - 1 ? size - (off_t)sizeof text + 1 : 0;
        ssize_t n = pread(l->log, text, sizeof text - 1, from);
        while (n > 0 && isspace((unsigned char)text[n - 1]))
                n--;
        if (n <= 0)
                return;
        text[n] = 0;
        const char *line = strrchr(text, '\n');
        rv_hint(err, "its last words: %.200s", line ? line + 1 : text);
}

/* A descriptor to the agent that is to be had: named, running, or a private one. Negative: told in err. */
int sh_link_connect(struct sh_link *l, struct rv_error *err)
{
        const char *path = getenv("REEVE_SOCKET");
        if (l->host)
                return sh_link_connect_host(l, err);
        if (sh_limits_bound_to_client() && !l->stream) {
                rv_hint(err, "log in again");
                rv_fail(err, RV_UNAVAILABLE, "the connection that your role came with is gone");
                return -1;
        }
        if (l->provider)
                return start_private(l, err);
        if (!path || !*path) {
                int fd = connect_known();
                return fd < 0 ? start_private(l, err) : fd;
        }
        int fd = rv_client_connect(path);
        if (fd < 0)
                rv_fail_errno(err, -fd, "cannot reach the agent at %s", path);
        return fd;
}

int sh_link_open(struct sh_link *l, struct rv_error *err)
{
        if (l->client && !rv_client_gone(l->client))
                return RV_OK;
        sh_link_close(l);
        if (!l->host && (l->client = sh_limits_client()))
                return RV_OK;
        int fd = sh_link_connect(l, err);
        if (fd < 0)
                return err->code ? err->code : RV_UNAVAILABLE;
        l->client = rv_client_new(fd, &sh_interrupt);
        l->opened++;
        return l->client ? RV_OK : rv_fail_errno(err, ENOMEM, "cannot talk to the agent");
}

struct rv_client *sh_agent(struct sh *sh)
{
        struct rv_error err = { 0 };
        struct sh_link *l = sh_link_local(sh);
        if (sh_link_open(l, &err) == RV_OK)
                return l->client;
        sh_model_throw(sh, &err, SH_NIL);
        return NULL;
}

int sh_link_call(struct sh_link *l, const char *method, const struct rv_buf *params, double timeout,
                 struct rv_buf *ret, struct rv_error *err)
{
        int r = sh_link_open(l, err);
        if (r)
                return r;
        struct rv_ask *a = rv_client_ask(l->client, method, params, false, timeout, err);
        struct rv_json result;
        r = a ? rv_ask_result(a, &result, err) : err->code;
        if (r == RV_OK)
                rv_buf_put(ret, result.p, rv_json_size(&result));
        if (a)
                rv_ask_free(a);
        if (r == RV_UNAVAILABLE && rv_client_gone(l->client))
                add_last_words(l, err);
        return r;
}

/* ---- what went wrong ---- */

/* "NOT_FOUND" as an error id: "NotFound". */
static void error_id(int code, char *to, size_t size)
{
        const char *s = rv_status_name(code);
        size_t n = 0;
        bool up = true;
        for (; *s && n + 1 < size; s++) {
                if (*s == '_') {
                        up = true;
                        continue;
                }
                to[n++] = up ? *s : (char)tolower((unsigned char)*s);
                up = false;
        }
        to[n] = 0;
}

/* Message and hint, as sentences. */
static void error_text(const struct rv_error *err, struct sh_buf *b)
{
        const char *m = err->message[0] ? err->message : rv_status_text(err->code);
        char first = (char)toupper((unsigned char)*m);
        sh_buf_put(b, &first, 1);
        sh_buf_puts(b, *m ? m + 1 : "");
        size_t n = b->n;
        if (n && !strchr(".!?", b->p[n - 1]))
                sh_buf_puts(b, ".");
        if (!err->hint[0])
                return;
        first = (char)toupper((unsigned char)err->hint[0]);
        sh_buf_puts(b, " ");
        sh_buf_put(b, &first, 1);
        sh_buf_puts(b, err->hint + 1);
        if (!strchr(".!?", b->p[b->n - 1]))
                sh_buf_puts(b, ".");
}

struct sv sh_model_record(struct sh *sh, const struct rv_error *err, struct sv target)
{
        char id[64];
        struct sh_buf text = { 0 };
        error_id(err->code, id, sizeof id);
        error_text(err, &text);
        struct sv key = SH_NIL;
        if (sh_is_null(target) && (err->key[0] || err->class_name[0]))
                key = sh_text(err->key[0] ? err->key : err->class_name);
        struct sv r = sh_error_new(sh, "Microsoft.Management.Infrastructure.CimException", id,
                                   rv_status_category(err->code), sh_is_null(key) ? target : key, text.p, text.n);
        sh_drop(key);
        sh_buf_free(&text);
        return r;
}

int sh_model_throw(struct sh *sh, const struct rv_error *err, struct sv target)
{
        if (err->code == RV_PULL_HAS_BEEN_ABANDONED && sh_interrupt)
                return sh_check(sh);
        char id[64];
        struct sh_buf text = { 0 };
        error_id(err->code, id, sizeof id);
        error_text(err, &text);
        int st = sh_throw_as(sh, "Microsoft.Management.Infrastructure.CimException", id,
                             rv_status_category(err->code), target, "%.*s", (int)text.n, text.p);
        sh_buf_free(&text);
        return st;
}

int sh_model_error(struct sh_cmd *c, const struct rv_error *err, struct sv target)
{
        if (err->code == RV_PULL_HAS_BEEN_ABANDONED && sh_interrupt)
                return sh_check(sh_session(c));
        char id[64];
        struct sh_buf text = { 0 };
        error_id(err->code, id, sizeof id);
        error_text(err, &text);
        int st = sh_cmd_error(c, id, rv_status_category(err->code), target, "%.*s", (int)text.n, text.p);
        sh_buf_free(&text);
        return st;
}
