/* SPDX-License-Identifier: MIT
 *
 * Cmdlets about containers that need a stream: Get-ContainerLog, Enter- and Connect-ContainerSession,
 * Start-ContainerProcess. The others come from the schema.
 */
#include "shell/code.h"
#include "shell/talk.h"
#include "shell/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MOST = 1 << 20 };

#define CONTAINER_NAME \
        { \
                "Name", .type = "object", .alias = "ContainerIdOrName,Id,Container", .position = 1, \
                        .mandatory = true, .from_pipeline = true, .complete = "Container.Name", \
                        .help = "The container: its name, its id or the beginning of that, or the object." \
        }

static int target(struct sh_cmd *c, char *id, size_t size)
{
        return sh_container_target(c, sh_arg(c, "Name"), id, size);
}

static json_t *texts_of(struct sh_cmd *c, const char *param)
{
        struct sv list = sh_arg(c, param);
        json_t *j = json_array();
        for (uint32_t i = 0; list.kind == SH_ARRAY && i < list.a->n; i++) {
                struct sv t = sh_to_text(sh_session(c), list.a->v[i]);
                json_array_append_new(j, json_stringn_nocheck(t.s->s, t.s->len));
                sh_drop(t);
        }
        return j;
}

static void give_text(struct sh_cmd *c, json_t *in, const char *name)
{
        const char *s = sh_arg_text(c, name, NULL);
        if (s)
                json_object_set_new(in, name, json_string(s));
}

/* ---- lines ---- */

/* What has come of one stream and is no line yet. */
struct lines {
        struct sh_buf part[2];
        int (*each)(struct sh_cmd *, const char *, size_t, bool error);
};

static int one_line(struct sh_cmd *c, struct lines *l, const char *s, size_t n, bool error)
{
        return l->each(c, s, n && s[n - 1] == '\r' ? n - 1 : n, error);
}

static int take_lines(struct sh_cmd *c, struct lines *l, const char *s, size_t n, bool error)
{
        struct sh_buf *part = &l->part[error];
        int st = SH_OK;
        while (n && st == SH_OK) {
                const char *end = memchr(s, '\n', n);
                size_t m = end ? (size_t)(end - s) : n;
                if (!end || part->n) {
                        sh_buf_put(part, s, m);
                        if (end || part->n > LINE_MOST) {
                                st = one_line(c, l, part->p ? part->p : "", part->n, error);
                                part->n = 0;
                        }
                } else {
                        st = one_line(c, l, s, m, error);
                }
                m += end != NULL;
                s += m;
                n -= m;
        }
        return st;
}

static int last_lines(struct sh_cmd *c, struct lines *l)
{
        int st = SH_OK;
        for (unsigned k = 0; k < 2 && st == SH_OK; k++)
                if (l->part[k].n)
                        st = one_line(c, l, l->part[k].p, l->part[k].n, k);
        return st;
}

/* A stream's lines until its end. */
static int read_lines(struct sh_cmd *c, struct sh_talk *t,
                      int (*each)(struct sh_cmd *, const char *, size_t, bool))
{
        struct lines l = { .each = each };
        struct rv_error err = { 0 };
        int st = SH_OK, r = RV_OK;
        while (st == SH_OK && (r = sh_talk_take(t, &err)) != RV_STOP) {
                if (r == RV_FULL) { /* nothing more now: what there is may be seen */
                        sh_host_flush(sh_session(c));
                        r = sh_talk_next(t, &err);
                }
                if (r != RV_OK)
                        break;
                st = take_lines(c, &l, t->data, t->n, t->kind == RV_PIECE_ERRORS);
        }
        if (st == SH_OK)
                st = last_lines(c, &l);
        if (st == SH_OK && r != RV_STOP && r != RV_OK)
                st = sh_model_error(c, &err, sh_arg(c, "Name"));
        sh_buf_free(&l.part[0]);
        sh_buf_free(&l.part[1]);
        return st;
}

static int emit_line(struct sh_cmd *c, const char *s, size_t n, bool error)
{
        const char *only = sh_arg_text(c, "Stream", NULL);
        if (only && (*only == 'O' || *only == 'o') == error)
                return SH_OK;
        struct sv v = sh_string(s, n);
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

/* ---- Get-ContainerLog ---- */

static int since(struct sh_cmd *c, const char *class_name, json_t *in)
{
        const struct sh_model_class *m;
        struct rv_error err = { 0 };
        struct rv_buf b = { 0 };
        if (!sh_bound(c, "Since"))
                return SH_OK;
        int r = sh_model_class(sh_link_local(sh_session(c)), class_name, NULL, &m, &err);
        int k = r == RV_OK ? rv_method_find(m->c, "FollowLogs", 10) : -1;
        const struct rv_class *args = k >= 0 ? m->c->methods[k].in : NULL;
        int p = args ? rv_property_find(args, "Since", 5) : -1;
        if (p < 0)
                return sh_model_throw(sh_session(c), &err, SH_NIL);
        bool good = sh_value_json(sh_session(c), sh_arg(c, "Since"), &args->properties[p], &b, &err);
        if (good)
                json_object_set_new(in, "Since", json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL));
        rv_buf_free(&b);
        return good ? SH_OK : sh_model_throw(sh_session(c), &err, SH_NIL);
}

/* The lines of an object that has FollowLogs. details: it has that parameter. */
static int log_of(struct sh_cmd *c, const char *class_name, const char *key, const char *value, bool details)
{
        struct sh_talk *t = sh_state(c);
        struct rv_error err = { 0 };
        json_t *in = json_pack("{sb sb}", "Follow", sh_switch(c, "Follow"), "Timestamps",
                               sh_switch(c, "Timestamps"));
        if (sh_bound(c, "Tail"))
                json_object_set_new(in, "Tail", json_integer(sh_arg_int(c, "Tail", 0)));
        if (details)
                json_object_set_new(in, "Details", json_boolean(sh_switch(c, "Details")));
        int st = since(c, class_name, in);
        if (st != SH_OK) {
                json_decref(in);
                return st;
        }
        if (sh_talk_open_by(t, sh_link_local(sh_session(c)), class_name, key, value, "FollowLogs", in, &err))
                return sh_model_error(c, &err, sh_arg(c, "Name"));
        st = read_lines(c, t, emit_line);
        sh_talk_close(t);
        return st;
}

static int log_process(struct sh_cmd *c, struct sv input)
{
        char id[80];
        (void)input;
        int st = target(c, id, sizeof id);
        if (st != SH_OK)
                return st == SH_NONE ? SH_OK : st;
        return log_of(c, "Container", "Id", id, false);
}

static int service_log_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        struct sv v = sh_arg(c, "Name"), t = SH_NIL;
        char name[80];
        (void)input;
        int st = sh_model_row_of(v) ? sh_get(sh, v, "Name", 4, &t) : SH_OK;
        if (st != SH_OK)
                return st;
        struct sv text = sh_to_text(sh, sh_model_row_of(v) ? t : v);
        snprintf(name, sizeof name, "%s", text.s->s);
        sh_drop(text);
        sh_drop(t);
        return log_of(c, "SwarmService", "Name", name, true);
}

static const struct sh_cmdlet get_container_log = {
        .name = "Get-ContainerLog",
        .synopsis = "Shows what a container has written, line by line; with -Follow also what it writes from "
                    "now on.",
        .description =
                "Standard output and errors come as texts, each stream in its order. With -Follow it ends "
                "when the container does, "
                "or by Ctrl-C. A pipeline that reads slowly slows the reading, and keeps nothing in memory.",
        .state_size = sizeof(struct sh_talk),
        .process = log_process,
        .params =
                (const struct sh_param[]) {
                        CONTAINER_NAME,
                        { "Tail", .type = "int", .min = 0, .max = 2000000000,
                          .help = "Lines from the end; all when absent." },
                        { "Since", .type = "datetime", .help = "Not before." },
                        { "Timestamps", .type = "switch", .help = "A time before each line." },
                        { "Follow", .type = "switch", .help = "Go on with what it writes." },
                        { "Stream", .type = "string", .values = "Output,Error",
                          .help = "Only this one; both when absent." },
                        { 0 } },
        .takes = "Container",
        .gives = "System.String",
        .examples = (const struct sh_example[]) { { "Get-ContainerLog web -Tail 10 -Follow", NULL,
                                                    "As docker logs -n 10 -f web." },
                                                  { "Get-ContainerLog web | Select-String error", NULL, "" },
                                                  { 0 } },
};

static const struct sh_cmdlet get_swarm_service_log = {
        .name = "Get-SwarmServiceLog",
        .synopsis = "Shows what a swarm's service has written on all its nodes, line by line; with -Follow "
                    "also what it "
                    "writes from now on.",
        .description = "As Get-ContainerLog. Lines of several tasks come as they arrive; -Details says whose "
                       "each is.",
        .state_size = sizeof(struct sh_talk),
        .process = service_log_process,
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "object", .alias = "ServiceName", .position = 1, .mandatory = true,
                          .from_pipeline = true, .complete = "SwarmService.Name",
                          .help = "The service: its name, or the object." },
                        { "Tail", .type = "int", .min = 0, .max = 2000000000,
                          .help = "Lines from the end of each task; all when absent." },
                        { "Since", .type = "datetime", .help = "Not before." },
                        { "Timestamps", .type = "switch", .help = "A time before each line." },
                        { "Details", .type = "switch",
                          .help = "Before each line, whose it is, as the engine says it." },
                        { "Follow", .type = "switch", .help = "Go on with what it writes." },
                        { "Stream", .type = "string", .values = "Output,Error",
                          .help = "Only this one; both when absent." },
                        { 0 } },
        .takes = "SwarmService",
        .gives = "System.String",
        .examples = (const struct sh_example[]) { { "Get-SwarmServiceLog web -Tail 10 -Follow", NULL,
                                                    "As docker service logs --raw -n 10 -f web." },
                                                  { "Get-SwarmServiceLog web -Details | Select-String error",
                                                    NULL, "" },
                                                  { 0 } },
};

/* ---- a terminal, or pipes ---- */

static int resized[2] = { -1, -1 };

static void on_resize(int sig)
{
        int e = errno;
        (void)sig;
        if (write(resized[1], "", 1) < 0)
                e = e ? e : errno;
        errno = e;
}

struct terminal {
        bool tty, raw, input_over;
        struct termios before;
        struct sigaction was;
        struct sh_talk *talk;
        /* For the agent, not sent yet: a head and what it announces. */
        char out[RV_PIECE_HEAD + 16384];
        size_t n, at;
};

static void size_of(unsigned *rows, unsigned *columns)
{
        struct winsize w = { 0 };
        ioctl(STDIN_FILENO, TIOCGWINSZ, &w);
        *rows = w.ws_row ? w.ws_row : 24;
        *columns = w.ws_col ? w.ws_col : 80;
}

static void queue(struct terminal *t, enum rv_piece kind, size_t n)
{
        rv_piece_head((uint8_t *)t->out, kind, (uint32_t)n);
        t->n = RV_PIECE_HEAD + n;
        t->at = 0;
}

static void enter(struct terminal *t)
{
        if (!t->tty || pipe2(resized, O_CLOEXEC | O_NONBLOCK) < 0)
                return;
        struct sigaction a = { .sa_handler = on_resize };
        sigaction(SIGWINCH, &a, &t->was);
        if (tcgetattr(STDIN_FILENO, &t->before) == 0) {
                struct termios raw = t->before;
                cfmakeraw(&raw);
                t->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
        }
}

static void leave(struct terminal *t)
{
        if (t->raw)
                tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
        if (resized[0] < 0)
                return;
        sigaction(SIGWINCH, &t->was, NULL);
        close(resized[0]);
        close(resized[1]);
        resized[0] = resized[1] = -1;
}

static void from_keys(struct terminal *t)
{
        ssize_t n = read(STDIN_FILENO, t->out + RV_PIECE_HEAD, sizeof t->out - RV_PIECE_HEAD);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        t->input_over = n <= 0;
        queue(t, n > 0 ? RV_PIECE_INPUT : RV_PIECE_END, n > 0 ? (size_t)n : 0);
}

static void new_size(struct terminal *t)
{
        char some[64];
        unsigned rows, columns;
        while (read(resized[0], some, sizeof some) > 0)
                ;
        size_of(&rows, &columns);
        const uint8_t size[4] = { (uint8_t)(rows >> 8), (uint8_t)rows, (uint8_t)(columns >> 8),
                                  (uint8_t)columns };
        memcpy(t->out + RV_PIECE_HEAD, size, sizeof size);
        queue(t, RV_PIECE_SIZE, sizeof size);
}

static bool write_all(int fd, const char *s, size_t n)
{
        while (n) {
                ssize_t put = write(fd, s, n);
                if (put < 0 && errno != EINTR && errno != EAGAIN)
                        return false;
                if (put < 0 && errno == EAGAIN)
                        poll(&(struct pollfd) { .fd = fd, .events = POLLOUT }, 1, 200);
                if (put < 0 && sh_interrupt)
                        return false;
                s += put > 0 ? put : 0;
                n -= put > 0 ? (size_t)put : 0;
        }
        return true;
}

/* What is there of the stream, to the descriptors. RV_FULL: no more now. */
static int from_agent(struct terminal *t, struct rv_error *err)
{
        int r;
        while ((r = sh_talk_take(t->talk, err)) == RV_OK)
                if (!write_all(t->talk->kind == RV_PIECE_ERRORS ? STDERR_FILENO : STDOUT_FILENO,
                               t->talk->data, t->talk->n))
                        return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "nobody reads the output any more");
        return r;
}

static int converse(struct terminal *t, struct rv_error *err)
{
        for (;;) {
                int r = from_agent(t, err);
                if (r != RV_FULL)
                        return r;
                if (sh_interrupt)
                        return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "it was interrupted");
                bool idle = t->n == 0;
                struct pollfd p[3] = { { t->talk->fd, (short)(POLLIN | (idle ? 0 : POLLOUT)), 0 },
                                       { idle && !t->input_over ? STDIN_FILENO : -1, POLLIN, 0 },
                                       { idle ? resized[0] : -1, POLLIN, 0 } };
                if (poll(p, 3, 500) < 0 && errno != EINTR)
                        return rv_fail_errno(err, errno, "cannot wait");
                if (p[0].revents & POLLOUT) {
                        ssize_t put =
                                send(t->talk->fd, t->out + t->at, t->n - t->at, MSG_NOSIGNAL | MSG_DONTWAIT);
                        t->at += put > 0 ? (size_t)put : 0;
                        t->n = t->at == t->n ? 0 : t->n;
                } else if (p[2].revents) {
                        new_size(t);
                } else if (p[1].revents) {
                        from_keys(t);
                }
        }
}

static void remember_status(struct sh_cmd *c, int status)
{
        sh_var_set_scope(sh_session(c), "LASTEXITCODE", sh_int(status), SH_SCOPE_GLOBAL, NULL);
        c->errored |= status != 0;
}

static int run_here(struct sh_cmd *c, struct sh_talk *talk, bool tty, bool input)
{
        struct terminal *t = calloc(1, sizeof *t);
        struct rv_error err = { 0 };
        if (!t)
                abort();
        t->tty = tty && isatty(STDIN_FILENO);
        t->input_over = !input;
        t->talk = talk;
        sh_host_flush(sh_session(c));
        enter(t);
        if (resized[0] >= 0)
                new_size(t);
        int r = converse(t, &err);
        leave(t);
        free(t);
        if (r == RV_STOP)
                remember_status(c, talk->status);
        return r == RV_STOP ? SH_OK : sh_model_error(c, &err, sh_arg(c, "Name"));
}

/* ---- Enter-ContainerSession, Start-ContainerProcess ---- */

static json_t *exec_arguments(struct sh_cmd *c, bool tty)
{
        json_t *in = json_object(), *command = texts_of(c, "Command");
        if (!json_array_size(command))
                json_array_append_new(command, json_string("/bin/sh"));
        json_object_set_new(in, "Command", command);
        give_text(c, in, "User");
        give_text(c, in, "WorkingDirectory");
        if (sh_bound(c, "Environment"))
                json_object_set_new(in, "Environment", texts_of(c, "Environment"));
        if (sh_switch(c, "Privileged"))
                json_object_set_new(in, "Privileged", json_true());
        if (tty) {
                unsigned rows, columns;
                const char *term = getenv("TERM");
                size_of(&rows, &columns);
                json_object_set_new(in, "Tty", json_true());
                json_object_set_new(in, "Rows", json_integer(rows));
                json_object_set_new(in, "Columns", json_integer(columns));
                if (term && !sh_bound(c, "Environment"))
                        json_object_set_new(in, "Environment", json_pack("[s+]", "TERM=", term));
        }
        return in;
}

static int enter_process(struct sh_cmd *c, struct sv input)
{
        struct sh_talk *t = sh_state(c);
        char id[80];
        struct rv_error err = { 0 };
        bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
        (void)input;
        int st = target(c, id, sizeof id);
        if (st != SH_OK)
                return st == SH_NONE ? SH_OK : st;
        if (sh_talk_open(t, sh_link_local(sh_session(c)), "Container", id, "ExecStream",
                         exec_arguments(c, tty), &err))
                return sh_model_error(c, &err, sh_arg(c, "Name"));
        st = run_here(c, t, tty, true);
        sh_talk_close(t);
        return st;
}

static int attach_process(struct sh_cmd *c, struct sv input)
{
        struct sh_talk *t = sh_state(c);
        char id[80];
        struct rv_error err = { 0 };
        (void)input;
        bool no_input = sh_switch(c, "NoInput");
        int st = target(c, id, sizeof id);
        if (st != SH_OK)
                return st == SH_NONE ? SH_OK : st;
        if (sh_talk_open(t, sh_link_local(sh_session(c)), "Container", id, "Attach",
                         json_pack("{sb}", "NoInput", no_input), &err))
                return sh_model_error(c, &err, sh_arg(c, "Name"));
        st = run_here(c, t, json_is_true(json_object_get(t->answer, "Tty")), !no_input);
        sh_talk_close(t);
        return st;
}

static int process_line(struct sh_cmd *c, const char *s, size_t n, bool error)
{
        if (error) {
                struct sh_buf b = { 0 };
                sh_buf_put(&b, s, n);
                sh_buf_puts(&b, "\n");
                sh_host_error(sh_session(c), b.p, b.n);
                sh_buf_free(&b);
                return SH_OK;
        }
        struct sv v = sh_string(s, n);
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

static int start_process(struct sh_cmd *c, struct sv input)
{
        struct sh_talk *t = sh_state(c);
        char id[80];
        struct rv_error err = { 0 };
        (void)input;
        int st = target(c, id, sizeof id);
        if (st != SH_OK)
                return st == SH_NONE ? SH_OK : st;
        json_t *in = exec_arguments(c, false);
        json_object_set_new(in, "NoInput", json_true());
        if (sh_talk_open(t, sh_link_local(sh_session(c)), "Container", id, "ExecStream", in, &err))
                return sh_model_error(c, &err, sh_arg(c, "Name"));
        st = read_lines(c, t, process_line);
        if (st == SH_OK)
                remember_status(c, t->status);
        sh_talk_close(t);
        return st;
}

#define EXEC_PARAMS \
        { "Command", .type = "string[]", .position = 2, .remaining = true, \
          .help = "Command and its arguments; /bin/sh when absent." }, \
                { "User", .type = "string", .help = "User it runs as." }, \
                { "WorkingDirectory", .type = "string", .help = "Folder it begins in." }, \
                { "Environment", .type = "string[]", .help = "NAME=VALUE." }, \
        { \
                "Privileged", .type = "switch", .help = "All rights of the host." \
        }

static const struct sh_cmdlet enter_container_session = {
        .name = "Enter-ContainerSession",
        .synopsis = "Runs a command in a container on this terminal.",
        .description = "With a terminal the command has one as well: keys, Ctrl-C and the window's size go "
                       "inside. Without, its streams are "
                       "those of the shell. Its exit status is $LASTEXITCODE, and that of `ssh HOST "
                       "'Enter-ContainerSession ...'`.",
        .state_size = sizeof(struct sh_talk),
        .process = enter_process,
        .params = (const struct sh_param[]) { CONTAINER_NAME, EXEC_PARAMS, { 0 } },
        .takes = "Container",
        .examples = (const struct sh_example[]) { { "Enter-ContainerSession web", NULL, "A shell inside." },
                                                  { "Enter-ContainerSession web top", NULL, "" },
                                                  { 0 } },
};

static const struct sh_cmdlet connect_container_session = {
        .name = "Connect-ContainerSession",
        .synopsis = "Attaches this terminal to a container's own first process.",
        .description = "As docker attach: Ctrl-P Ctrl-Q leaves it again where the container has a terminal.",
        .state_size = sizeof(struct sh_talk),
        .process = attach_process,
        .params = (const struct sh_param[]) { CONTAINER_NAME,
                                              { "NoInput", .type = "switch",
                                                .help = "Only shows what it writes." },
                                              { 0 } },
        .takes = "Container",
        .examples = (const struct sh_example[]) { { "Connect-ContainerSession web", NULL, "" },
                                                  { "Connect-ContainerSession web -NoInput", NULL,
                                                    "Only shows." },
                                                  { 0 } },
};

static const struct sh_cmdlet start_container_process = {
        .name = "Start-ContainerProcess",
        .synopsis = "Runs a command in a container; its output comes line by line.",
        .description = "Each line is a text as soon as it is there; errors go to the shell's own. "
                       "$LASTEXITCODE has its exit status. "
                       "Invoke-ContainerCommand answers all of it as one object.",
        .state_size = sizeof(struct sh_talk),
        .process = start_process,
        .params = (const struct sh_param[]) { CONTAINER_NAME, EXEC_PARAMS, { 0 } },
        .takes = "Container",
        .gives = "System.String",
        .examples =
                (const struct sh_example[]) {
                        { "Start-ContainerProcess web ls,-l", NULL, "" },
                        { "Start-ContainerProcess web tail,-f,/var/log/x | Select-Object -First 3", NULL,
                          "" },
                        { 0 } },
};

/* ---- Docker-PowerShell's names for what has others here ---- */

static int run_as(struct sh_cmd *c, const char *command, const char *property)
{
        struct sv args[4];
        uint32_t n = 0;
        if (sh_bound(c, "Name")) {
                args[n++] = sh_text("-Name");
                args[n++] = sh_keep(sh_arg(c, "Name"));
        }
        if (property) {
                args[n++] = sh_text("-Property");
                args[n++] = sh_text(property);
        }
        int st = sh_run_command(sh_session(c), command, (struct sh_args) { n, args }, sh_out(c));
        while (n)
                sh_drop(args[--n]);
        return st;
}

static int net_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return run_as(c, "Get-ContainerNetwork", NULL);
}

static int detail_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return run_as(c, "Get-Container", "*");
}

static const struct sh_cmdlet get_container_net = {
        .name = "Get-ContainerNet",
        .synopsis =
                "Networks of the container engine: Get-ContainerNetwork by its name in Docker-PowerShell.",
        .process = net_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .wildcard = true,
                                                .complete = "ContainerNetwork.Name", .help = "By name." },
                                              { 0 } },
        .gives = "ContainerNetwork",
        .examples = (const struct sh_example[]) { { "Get-ContainerNet", NULL, "" },
                                                  { "Get-ContainerNet bridge", NULL, "" },
                                                  { 0 } },
};

static const struct sh_cmdlet get_container_detail = {
        .name = "Get-ContainerDetail",
        .synopsis = "Containers with all their properties, also those that cost something to read.",
        .process = detail_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .alias = "ContainerIdOrName",
                                                .position = 1, .wildcard = true, .complete = "Container.Name",
                                                .help = "By name." },
                                              { 0 } },
        .gives = "Container",
        .examples =
                (const struct sh_example[]) {
                        { "Get-ContainerDetail web", NULL, "As docker inspect web." },
                        { "Get-ContainerDetail | Select-Object Name, SizeRw", NULL, "" },
                        { 0 } },
};

SH_CMDLETS(container, &get_container_log, &get_swarm_service_log, &enter_container_session,
           &connect_container_session, &start_container_process, &get_container_net, &get_container_detail);
