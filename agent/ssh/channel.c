/* SPDX-License-Identifier: MIT
 *
 * Channels: what a client may ask for in one, and bytes between it and the descriptors that reeved handed over.
 *
 *      client -> libssh -> on_data: straight into the program's descriptor; what does not fit waits in `input`,
 * and when                that is full libssh keeps the rest (`held`), so that the client's window closes
 * program -> out, err -> as much as the client's window and libssh's buffer take at once; else it is not read
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/ssh/front.h"

/* ---- descriptors ---- */

static void on_ear(uv_poll_t *p, int status, int events)
{
        struct ear *e = p->data;
        (void)status;
        if (events & UV_READABLE)
                e->ready = true;
        if (status < 0)
                e->ready = true; /* reading tells what is wrong */
        front_pump(e->channel->front);
}

static struct ear *ear_new(struct channel *c, int fd)
{
        struct ear *e = calloc(1, sizeof *e);
        if (!e || uv_poll_init(&c->front->loop, &e->poll, fd)) {
                free(e);
                close(fd);
                return NULL;
        }
        e->poll.data = e;
        e->channel = c;
        e->fd = fd;
        return e;
}

static void ear_arm(struct ear *e, int events)
{
        if (!e || e->armed == events)
                return;
        e->armed = events;
        if (events)
                uv_poll_start(&e->poll, events, on_ear);
        else
                uv_poll_stop(&e->poll);
}

static void on_ear_closed(uv_handle_t *h)
{
        free(h->data);
}

static void ear_close(struct ear **at)
{
        struct ear *e = *at;
        if (!e)
                return;
        *at = NULL;
        uv_poll_stop(&e->poll);
        close(e->fd);
        uv_close((uv_handle_t *)&e->poll, on_ear_closed);
}

/* ---- what a client asks of a channel ---- */

static bool env_accepted(const char *name)
{
        return strcmp(name, "LANG") == 0 || strcmp(name, "TERM") == 0 ||
               (strncmp(name, "LC_", 3) == 0 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(name));
}

static int on_env(ssh_session s, ssh_channel ch, const char *name, const char *value, void *arg)
{
        struct channel *c = arg;
        (void)s, (void)ch;
        size_t n = strlen(name) + strlen(value) + 2;
        if (c->state != CHANNEL_NEW || !env_accepted(name) || n > sizeof c->env - c->env_n)
                return 1;
        c->env_n += (size_t)snprintf(c->env + c->env_n, n, "%s=%s", name, value) + 1;
        return 0;
}

static int on_pty(ssh_session s, ssh_channel ch, const char *term, int columns, int rows, int width,
                  int height, void *arg)
{
        struct channel *c = arg;
        (void)s, (void)ch;
        if (c->state != CHANNEL_NEW || c->pty || strlen(term) >= sizeof c->term)
                return 1;
        c->pty = true;
        snprintf(c->term, sizeof c->term, "%s", term);
        c->columns = (uint32_t)columns, c->rows = (uint32_t)rows;
        c->width = (uint32_t)width, c->height = (uint32_t)height;
        return 0;
}

static int on_resize(ssh_session s, ssh_channel ch, int columns, int rows, int width, int height, void *arg)
{
        struct channel *c = arg;
        (void)s, (void)ch;
        struct winsize w = { .ws_row = (unsigned short)rows,
                             .ws_col = (unsigned short)columns,
                             .ws_xpixel = (unsigned short)width,
                             .ws_ypixel = (unsigned short)height };
        if (c->pty && c->out)
                ioctl(c->out->fd, TIOCSWINSZ, &w);
        return 0;
}

static void on_signal(ssh_session s, ssh_channel ch, const char *name, void *arg)
{
        struct channel *c = arg;
        (void)s, (void)ch;
        size_t n = strlen(name);
        if (c->state == CHANNEL_RUNNING && n && n <= 16)
                link_tell(c->front, &(struct mon_message) { .type = MON_SIGNAL,
                                                            .u = { c->id },
                                                            .b = { { name, (uint32_t)n } } });
}

/* Descriptors: in and out, and for a program without a terminal its errors. */
static int adopt(struct channel *c, const int *fds, unsigned n)
{
        struct ear **to[] = { &c->in, &c->out, &c->err };
        unsigned want = c->kind == MON_RPC || c->pty ? 2 : 3;
        bool good = n == want;
        for (unsigned i = 0; i < n; i++)
                if (!good || i >= want || !(*to[i] = ear_new(c, fds[i]))) {
                        if (!good || i >= want)
                                close(fds[i]);
                        good = false;
                }
        return good ? 0 : -1;
}

static int open_program(struct channel *c, enum mon_kind kind, const char *text)
{
        int fds[MON_MOST_FDS];
        unsigned nfds = MON_MOST_FDS;
        size_t n = strlen(text);
        if (c->state != CHANNEL_NEW || n > MON_COMMAND)
                return 1;
        c->kind = kind;
        c->pty &= kind == MON_SHELL || kind == MON_EXEC || kind == MON_RPC;
        struct mon_message answer, ask = { .type = MON_OPEN,
                                           .u = { c->id, kind, c->pty && kind != MON_RPC, c->columns, c->rows,
                                                  c->width, c->height },
                                           .b = { { c->term, (uint32_t)strlen(c->term) },
                                                  { c->env, (uint32_t)c->env_n },
                                                  { text, (uint32_t)n } } };
        c->state = CHANNEL_RUNNING;
        if (link_ask(c->front, &ask, &answer, fds, &nfds) != MON_OK || adopt(c, fds, nfds) < 0) {
                c->state = CHANNEL_NEW;
                ear_close(&c->in);
                ear_close(&c->out);
                ear_close(&c->err);
                return 1;
        }
        return 0;
}

static int on_shell(ssh_session s, ssh_channel ch, void *arg)
{
        (void)s, (void)ch;
        return open_program(arg, MON_SHELL, "");
}

static int on_exec(ssh_session s, ssh_channel ch, const char *command, void *arg)
{
        (void)s, (void)ch;
        return open_program(arg, MON_EXEC, command);
}

static int on_subsystem(ssh_session s, ssh_channel ch, const char *name, void *arg)
{
        (void)s, (void)ch;
        if (strcmp(name, "sftp") == 0)
                return open_program(arg, MON_SFTP, "");
        if (strcmp(name, "sftp-atomic") == 0)
                return open_program(arg, MON_SFTP, "atomic");
        return strcmp(name, "reeve") == 0 ? open_program(arg, MON_RPC, "") : 1;
}

/* ---- client to program ---- */

/* Bytes taken; -1 when the program takes no more, ever. */
static ssize_t give(struct channel *c, const char *data, size_t n)
{
        if (!c->in)
                return -1;
        ssize_t done = write(c->in->fd, data, n);
        if (done < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -1;
        return done;
}

static bool keep(struct channel *c, const char *data, size_t n)
{
        if (c->input_at && c->input_n + n > c->input_cap) {
                memmove(c->input, c->input + c->input_at, c->input_n - c->input_at);
                c->input_n -= c->input_at;
                c->input_at = 0;
        }
        if (c->input_n + n > c->input_cap) {
                size_t cap = (c->input_n + n + 4095) & ~(size_t)4095;
                char *to = realloc(c->input, cap);
                if (!to)
                        return false;
                c->input = to;
                c->input_cap = cap;
        }
        memcpy(c->input + c->input_n, data, n);
        c->input_n += n;
        return true;
}

static int on_data(ssh_session s, ssh_channel ch, void *data, uint32_t len, int is_err, void *arg)
{
        struct channel *c = arg;
        (void)s, (void)ch;
        if (len > FRONT_WINDOW) { /* libssh does not hold a peer to its window */
                c->front->dead = true;
                return 0;
        }
        if (is_err || c->state == CHANNEL_CLOSED || c->state == CHANNEL_ENDING ||
            (c->state == CHANNEL_RUNNING && !c->in))
                return (int)len; /* nobody reads it */
        if (c->state == CHANNEL_NEW || c->held || c->input_n - c->input_at >= FRONT_INPUT) {
                c->held = true;
                return 0;
        }
        size_t done = 0;
        if (c->input_n == c->input_at) {
                ssize_t n = give(c, data, len);
                if (n < 0)
                        ear_close(&c->in);
                done = n < 0 ? len : (size_t)n;
        }
        if (done < len && !keep(c, (char *)data + done, len - done))
                c->front->dead = true;
        return (int)len;
}

static void on_eof(ssh_session s, ssh_channel ch, void *arg)
{
        (void)s, (void)ch;
        ((struct channel *)arg)->input_ended = true;
}

static void on_close(ssh_session s, ssh_channel ch, void *arg)
{
        (void)s, (void)ch;
        ((struct channel *)arg)->peer_closed = true;
}

/* One read larger than all that libssh holds: each read lets the peer send another window, whatever is left. */
static void take_held(struct channel *c)
{
        static char *room;
        if (!room && !(room = malloc(FRONT_WINDOW)))
                return;
        int n = ssh_channel_read_nonblocking(c->ssh, room, FRONT_WINDOW, 0);
        c->held = false;
        if (n > 0 && !keep(c, room, (size_t)n))
                c->front->dead = true;
}

static void input(struct channel *c)
{
        for (;;) {
                while (c->in && c->input_n > c->input_at) {
                        ssize_t n = give(c, c->input + c->input_at, c->input_n - c->input_at);
                        if (n == 0) {
                                ear_arm(c->in, UV_WRITABLE);
                                return;
                        }
                        if (n < 0)
                                ear_close(&c->in);
                        else
                                c->input_at += (size_t)n;
                }
                free(c->input);
                c->input = NULL;
                c->input_n = c->input_at = c->input_cap = 0;
                if (!c->held)
                        break;
                take_held(c);
        }
        ear_arm(c->in, 0);
        if (!c->input_ended || !c->in)
                return;
        if (c->kind == MON_RPC) {
                shutdown(c->in->fd, SHUT_WR);
        } else if (c->pty) {
                char eof = 4; /* what a terminal has instead of an end */
                give(c, &eof, 1);
        }
        ear_close(&c->in);
}

/* ---- program to client ---- */

static bool send_piece(struct channel *c, const char *data, size_t n, bool err)
{
        struct front *f = c->front;
        uint64_t before = f->raw.out_bytes;
        int w = err ? ssh_channel_write_stderr(c->ssh, data, (uint32_t)n)
                    : ssh_channel_write(c->ssh, data, (uint32_t)n);
        front_wrote(f, before, w);
        size_t done = w > 0 ? (size_t)w : 0;
        if (w == SSH_ERROR)
                return false;
        if (done < n && !c->rest) {
                c->rest = malloc(n - done);
                if (!c->rest) {
                        f->dead = true;
                        return false;
                }
                memcpy(c->rest, data + done, n - done);
                c->rest_n = n - done;
                c->rest_at = 0;
                c->rest_is_err = err;
        } else if (c->rest) {
                c->rest_at += done;
        }
        if (c->rest && c->rest_at == c->rest_n) {
                free(c->rest);
                c->rest = NULL;
        }
        return done > 0;
}

/* Reads from the program what can be sent now. Whether something was sent. */
static bool pass_on(struct channel *c, struct ear **at, bool err)
{
        static char piece[FRONT_PIECE];
        uint32_t window = ssh_channel_window_size(c->ssh);
        size_t want = window < sizeof piece ? window : sizeof piece;
        if (!*at || !(*at)->ready || !want || !front_may_write(c->front))
                return false;
        ssize_t n = read((*at)->fd, piece, want);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                (*at)->ready = false;
                return false;
        }
        if (n <= 0) { /* a terminal whose last program has gone says EIO */
                ear_close(at);
                c->front->more = true;
                return false;
        }
        if ((size_t)n < want && !c->exited)
                (*at)->ready = false;
        return send_piece(c, piece, (size_t)n, err);
}

static bool output(struct channel *c)
{
        uint32_t window = ssh_channel_window_size(c->ssh);
        if (c->rest) {
                size_t left = c->rest_n - c->rest_at;
                return window && front_may_write(c->front) &&
                       send_piece(c, c->rest + c->rest_at, left < window ? left : window, c->rest_is_err);
        }
        /* Errors first: there are few of them. */
        return pass_on(c, &c->err, true) || (!c->rest && pass_on(c, &c->out, false));
}

static void listen_to(struct channel *c)
{
        bool want = !c->rest && ssh_channel_window_size(c->ssh) > 0;
        if (c->out)
                ear_arm(c->out, want && !c->out->ready ? UV_READABLE : 0);
        if (c->err)
                ear_arm(c->err, want && !c->err->ready ? UV_READABLE : 0);
}

/* ---- ends ---- */

void chan_exited(struct front *f, const struct mon_message *m)
{
        struct channel *c = f->channels[m->u[0] % FRONT_CHANNELS];
        f->more = true;
        if (!c || c->id != m->u[0])
                return;
        c->exited = true;
        c->status = m->u[1];
        c->core = m->u[2];
        memcpy(c->signal, m->b[0].data, m->b[0].n);
        c->signal[m->b[0].n] = 0;
        if (c->pty && c->out)
                c->out->ready = true; /* what is in the terminal now is all that counts */
}

static void tell_closed(struct channel *c)
{
        if (!c->told && c->state != CHANNEL_NEW && c->kind != MON_RPC)
                link_tell(c->front, &(struct mon_message) { .type = MON_CLOSE, .u = { c->id } });
        c->told = true;
}

static void program_gone(struct channel *c)
{
        ear_close(&c->in);
        ear_close(&c->out);
        ear_close(&c->err);
        free(c->input);
        c->input = NULL;
        c->input_n = c->input_at = c->input_cap = 0;
        tell_closed(c);
}

static bool is_drained(struct channel *c)
{
        if (c->rest || c->err)
                return false;
        if (c->kind == MON_RPC)
                return !c->out;
        return c->exited && (!c->out || (c->pty && !c->out->ready));
}

/* Data, exit status, EOF, CLOSE, in this order, and only while libssh has nothing else to send: with output pending
 * ssh_channel_close() sends EOF, answers SSH_AGAIN and never comes to CLOSE. */
static void finish(struct channel *c)
{
        if (c->kind == MON_RPC)
                ssh_channel_request_send_exit_status(c->ssh, c->input_ended ? 0 : 255);
        else if (c->kind == MON_FORWARD)
                ; /* there is no program as far as the client knows */
        else if (*c->signal)
                ssh_channel_request_send_exit_signal(c->ssh, c->signal, c->core, "", "");
        else
                ssh_channel_request_send_exit_status(c->ssh, (int)c->status);
        if (!c->ended)
                ssh_channel_send_eof(c->ssh);
        c->ended = true;
        ssh_channel_close(c->ssh);
        c->state = CHANNEL_ENDING;
        c->front->more = true;
}

static void chan_free(struct channel *c)
{
        struct front *f = c->front;
        program_gone(c);
        ssh_remove_channel_callbacks(c->ssh, &c->callbacks); /* the channel may outlive us inside libssh */
        ssh_channel_free(c->ssh);
        free(c->rest);
        f->channels[c->slot] = NULL;
        free(c);
        if (--f->nchannels == 0 && !f->dead)
                ssh_send_ignore(f->ssh, ""); /* dbclient sleeps until something comes */
}

/* The other side of a forwarded connection has ended its half. */
static void end_output(struct channel *c)
{
        ssh_channel_send_eof(c->ssh);
        c->ended = true;
        c->front->more = true;
}

/* Whether it did something that another turn could continue. */
static bool work(struct channel *c)
{
        struct front *f = c->front;
        bool did = false;
        if (c->peer_closed) {
                program_gone(c);
                if (c->state != CHANNEL_CLOSED)
                        ssh_channel_close(c->ssh);
                chan_free(c);
                return false;
        }
        if (c->state == CHANNEL_RUNNING) {
                input(c);
                did = output(c);
                if (is_drained(c) && front_may_write(f))
                        finish(c);
                else if (c->kind == MON_FORWARD && !c->out && !c->rest && !c->ended && front_may_write(f))
                        end_output(c);
                else
                        listen_to(c);
        } else if (c->state == CHANNEL_ENDING && front_may_write(f)) {
                ssh_channel_close(c->ssh);
                program_gone(c);
                c->state = CHANNEL_CLOSED;
        }
        return did;
}

void chans_work(struct front *f)
{
        for (unsigned i = 0; i < FRONT_CHANNELS && !f->dead; i++) {
                struct channel *c = f->channels[(f->turn + i) % FRONT_CHANNELS];
                if (c && work(c))
                        f->more = true;
        }
        f->turn++;
}

ssh_channel chan_open(struct front *f)
{
        unsigned slot = 0;
        while (slot < FRONT_CHANNELS && f->channels[slot])
                slot++;
        struct channel *c = slot < FRONT_CHANNELS ? calloc(1, sizeof *c) : NULL;
        if (!c || !(c->ssh = ssh_channel_new(f->ssh))) {
                free(c);
                return NULL;
        }
        c->front = f;
        c->slot = slot;
        c->id = slot + FRONT_CHANNELS * (f->generation++ & 0xffffff);
        c->callbacks = (struct ssh_channel_callbacks_struct) {
                .userdata = c,
                .channel_data_function = on_data,
                .channel_eof_function = on_eof,
                .channel_close_function = on_close,
                .channel_signal_function = on_signal,
                .channel_pty_request_function = on_pty,
                .channel_shell_request_function = on_shell,
                .channel_pty_window_change_function = on_resize,
                .channel_exec_request_function = on_exec,
                .channel_env_request_function = on_env,
                .channel_subsystem_request_function = on_subsystem,
        };
        ssh_callbacks_init(&c->callbacks);
        ssh_set_channel_callbacks(c->ssh, &c->callbacks);
        f->channels[slot] = f->newest = c;
        f->nchannels++;
        return c->ssh;
}

/* The program says in its first bytes what comes of it. They come at once, or after two seconds when it still tries to
 * connect, and are waited for: libssh 0.10 wants the answer to a channel's opening before it goes on. */
static bool is_connected(struct channel *c)
{
        char word[256];
        struct pollfd p = { .fd = c->err->fd, .events = POLLIN };
        int r;
        do
                r = poll(&p, 1, FRONT_FORWARD_MS);
        while (r < 0 && errno == EINTR);
        ssize_t n = r == 1 ? read(c->err->fd, word, sizeof word - 1) : 0;
        if (n == 1 && !*word)
                return true;
        word[n > 0 ? n : 0] = 0;
        front_log(c->front, 6, "not forwarded: %s", n > 0 ? word : "no answer");
        return false;
}

bool chan_forward(struct front *f, ssh_message m)
{
        const char *host = ssh_message_channel_request_open_destination(m);
        int port = ssh_message_channel_request_open_destination_port(m);
        if (!host || !chan_open(f))
                return false;
        struct channel *c = f->newest;
        c->columns = (uint32_t)port;
        if (open_program(c, MON_FORWARD, host) == 0 && is_connected(c) &&
            ssh_message_channel_request_open_reply_accept_channel(m, c->ssh) == SSH_OK) {
                f->more = true;
                return true;
        }
        chan_free(c);
        return false;
}

void chans_free(struct front *f)
{
        f->dead = true;
        for (unsigned i = 0; i < FRONT_CHANNELS; i++)
                if (f->channels[i])
                        chan_free(f->channels[i]);
}
