/* SPDX-License-Identifier: MIT
 *
 * reeve-fan's loop: each host goes from state to state as far as it can without waiting; poll() tells when it can go
 * on. Names are resolved in threads, the only thing that waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shell/fan/fan.h"

static struct fan_host *hosts;
static int control = 0, wake[2]; /* a thread that has resolved a name writes there */

static void shut(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* The last word about a host. */
static void end(struct fan_host *h, char kind, const char *why)
{
        char line[512];
        int n = snprintf(line, sizeof line, "\n\1%c %s\n", kind, why);
        for (int i = 1; i < n - 1; i++)
                if ((unsigned char)line[i] < ' ' && line[i] != 1)
                        line[i] = ' ';
        ssize_t told = kind && h->err >= 0
                               ? write(h->err, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1)
                               : 0;
        (void)told;
        shut(&h->err);
        shut(&h->stream);
        if (h->channel)
                ssh_channel_free(h->channel);
        h->channel = NULL;
        if (h->session)
                ssh_free(h->session); /* closes its socket */
        else
                shut(&h->sock);
        h->session = NULL;
        h->sock = -1;
        if (h->state != FAN_RESOLVING) /* its thread still has it */
                h->state = FAN_OVER;
}

static void host_free(struct fan_host *h)
{
        if (h->addresses)
                freeaddrinfo(h->addresses);
        free(h->in);
        free(h->out);
        free(h->text);
        free(h);
}

/* ---- to the host ---- */

static void *resolve(void *state)
{
        struct fan_host *h = state;
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                  .ai_family = AF_UNSPEC,
                                  .ai_flags = AI_ADDRCONFIG };
        h->resolved = getaddrinfo(h->field[FAN_ADDRESS], h->field[FAN_PORT], &hints, &h->addresses);
        ssize_t n = write(wake[1], &h, sizeof h);
        (void)n;
        return NULL;
}

static void begin_resolve(struct fan_host *h)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
        if (getaddrinfo(h->field[FAN_ADDRESS], h->field[FAN_PORT], &hints, &h->addresses) == 0) {
                h->at = h->addresses;
                h->state = FAN_CONNECT;
                return;
        }
        pthread_t t;
        pthread_attr_t a;
        pthread_attr_init(&a);
        pthread_attr_setstacksize(&a, 256 << 10);
        pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
        h->state = FAN_RESOLVING;
        if (pthread_create(&t, &a, resolve, h)) {
                h->state = FAN_RESOLVE;
                end(h, 'F', "no thread to resolve its name");
        }
        pthread_attr_destroy(&a);
}

static void take_resolved(void)
{
        struct fan_host *h;
        while (read(wake[0], &h, sizeof h) == sizeof h) {
                bool gone = h->stream < 0;
                h->at = h->addresses;
                h->state = gone ? FAN_OVER : FAN_CONNECT;
                if (!gone && h->resolved)
                        end(h, 'F',
                            gai_strerror(h->resolved)); /* ssh may know a proxy; it says it its own way */
        }
}

static void step_connect(struct fan_host *h)
{
        int error = 0;
        socklen_t n = sizeof error;
        if (h->sock >= 0) { /* the answer is there */
                getsockopt(h->sock, SOL_SOCKET, SO_ERROR, &error, &n);
                if (!error) {
                        h->state = FAN_HANDSHAKE;
                        return;
                }
                shut(&h->sock);
                h->at = h->at->ai_next;
        }
        for (; h->at; h->at = h->at->ai_next) {
                h->sock = socket(h->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                if (h->sock >= 0 &&
                    (connect(h->sock, h->at->ai_addr, h->at->ai_addrlen) == 0 || errno == EINPROGRESS))
                        return; /* poll() says when */
                error = errno;
                shut(&h->sock);
        }
        end(h, 'U', strerror(error ? error : EHOSTUNREACH));
}

static bool make_session(struct fan_host *h)
{
        char types[512];
        int off = 0;
        unsigned port = (unsigned)atoi(h->field[FAN_PORT]);
        fan_known_types(h, types, sizeof types);
        h->session = types[0] ? ssh_new() : NULL;
        if (!h->session) {
                end(h, 'F', "its host key is not known");
                return false;
        }
        ssh_options_set(h->session, SSH_OPTIONS_PROCESS_CONFIG, &(bool) { false });
        ssh_options_set(h->session, SSH_OPTIONS_HOST, h->field[FAN_ADDRESS]);
        ssh_options_set(h->session, SSH_OPTIONS_PORT, &port);
        ssh_options_set(h->session, SSH_OPTIONS_USER, h->field[FAN_USER]);
        ssh_options_set(h->session, SSH_OPTIONS_LOG_VERBOSITY, &off);
        ssh_options_set(h->session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
        ssh_options_set(h->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
        ssh_options_set(h->session, SSH_OPTIONS_FD, &h->sock);
        if (ssh_options_set(h->session, SSH_OPTIONS_HOSTKEYS, types) < 0) {
                end(h, 'F', "its host key is of a type that is not known here");
                return false;
        }
        ssh_set_blocking(h->session, 0);
        return true;
}

static bool is_trusted(struct fan_host *h)
{
        ssh_key key = NULL;
        char *base64 = NULL;
        bool good = false;
        if (ssh_get_server_publickey(h->session, &key) == SSH_OK &&
            ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK) {
                enum ssh_keytypes_e type = ssh_key_type(key);
                const char *name = type == SSH_KEYTYPE_RSA ? "ssh-rsa" : ssh_key_type_to_char(type);
                good = name && fan_known(h, name, base64);
        }
        ssh_string_free_char(base64);
        ssh_key_free(key);
        return good;
}

static void step_handshake(struct fan_host *h)
{
        if (!h->session && !make_session(h))
                return;
        int r = ssh_connect(h->session);
        fcntl(h->sock, F_SETFL, O_NONBLOCK); /* libssh makes it blocking */
        if (r == SSH_AGAIN)
                return;
        if (r != SSH_OK)
                end(h, 'F', ssh_get_error(h->session));
        else if (!is_trusted(h))
                end(h, 'F', "its host key is not the known one");
        else
                h->state = FAN_AUTH;
}

/* Key files are read once; those with a passphrase are ssh's. */
static ssh_key key_of(const char *path)
{
        static struct known {
                struct known *next;
                char *path;
                ssh_key key;
        } * all;
        for (struct known *k = all; k; k = k->next)
                if (strcmp(k->path, path) == 0)
                        return k->key;
        struct known *k = calloc(1, sizeof *k);
        if (!k || !(k->path = strdup(path)))
                abort();
        if (ssh_pki_import_privkey_file(path, "", NULL, NULL, &k->key) != SSH_OK)
                k->key = NULL;
        k->next = all;
        all = k;
        return k->key;
}

static const char *nth_key(const struct fan_host *h, unsigned n, char *buf, size_t size)
{
        const char *s = h->field[FAN_KEYS];
        for (; n && s; n--)
                s = strchr(s, '\t') ? strchr(s, '\t') + 1 : NULL;
        if (!s || !*s)
                return NULL;
        snprintf(buf, size, "%.*s", (int)strcspn(s, "\t"), s);
        return buf;
}

static void step_auth(struct fan_host *h)
{
        char path[4096];
        while (nth_key(h, h->key, path, sizeof path)) {
                ssh_key key = key_of(path);
                int r = key ? ssh_userauth_publickey(h->session, NULL, key) : SSH_AUTH_DENIED;
                if (r == SSH_AUTH_AGAIN)
                        return;
                if (r == SSH_AUTH_SUCCESS) {
                        h->state = FAN_OPEN;
                        return;
                }
                if (r == SSH_AUTH_ERROR)
                        break;
                h->key++;
        }
        end(h, 'F', "no key file is accepted");
}

static void step_open(struct fan_host *h)
{
        if (!h->channel)
                h->channel = ssh_channel_new(h->session);
        int r = h->channel ? ssh_channel_open_session(h->channel) : SSH_ERROR;
        if (r == SSH_OK)
                h->state = FAN_EXEC;
        else if (r != SSH_AGAIN)
                end(h, 'F', "no session is opened");
}

static void step_exec(struct fan_host *h)
{
        int r = ssh_channel_request_exec(h->channel, h->field[FAN_COMMAND]);
        if (r == SSH_OK)
                h->state = FAN_PUMP;
        else if (r != SSH_AGAIN)
                end(h, 'F', "commands are not run");
}

/* ---- bytes ---- */

/* Each says whether it has moved anything: what libssh takes in on the way wakes nobody. */
static bool errors_through(struct fan_host *h)
{
        char buf[4096];
        int n;
        bool moved = false;
        while ((n = ssh_channel_read_nonblocking(h->channel, buf, sizeof buf, 1)) > 0) {
                ssize_t told = write(h->err, buf, (size_t)n);
                (void)told; /* a full pipe: the words are for people */
                moved = true;
        }
        return moved;
}

static bool to_shell(struct fan_host *h)
{
        for (bool moved = false;;) {
                if (h->sent == h->nout) {
                        int n = ssh_channel_read_nonblocking(h->channel, h->out, FAN_BUFFER, 0);
                        h->sent = 0;
                        h->nout = n > 0 ? (size_t)n : 0;
                        if (n <= 0)
                                return moved;
                }
                ssize_t n = write(h->stream, h->out + h->sent, h->nout - h->sent);
                if (n < 0) {
                        h->gone = errno != EAGAIN && errno != EINTR;
                        return moved;
                }
                h->sent += (size_t)n;
                moved = true;
        }
}

static bool from_shell(struct fan_host *h)
{
        bool moved = false;
        if (!h->nin && !h->in_ended) {
                ssize_t n = read(h->stream, h->in, FAN_BUFFER);
                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                        h->in_ended = true;
                h->nin = n > 0 ? (size_t)n : 0;
        }
        if (h->nin && ssh_channel_window_size(h->channel) > 0) {
                int n = ssh_channel_write(h->channel, h->in, (uint32_t)h->nin);
                if (n > 0) {
                        memmove(h->in, h->in + n, h->nin - (size_t)n);
                        h->nin -= (size_t)n;
                        moved = true;
                }
        }
        if (h->in_ended && !h->nin && !h->told_eof) {
                h->told_eof = true;
                ssh_channel_send_eof(h->channel);
        }
        return moved;
}

static bool pump(struct fan_host *h)
{
        bool errors = errors_through(h), out = to_shell(h), in = from_shell(h);
        return errors || out || in;
}

static void step_pump(struct fan_host *h)
{
        char status[16];
        while (!h->gone && pump(h))
                ;
        if (h->gone) {
                end(h, 0, "");
                return;
        }
        bool gone = !ssh_is_connected(h->session);
        bool drained = h->sent == h->nout &&
                       (gone || (ssh_channel_is_eof(h->channel) && ssh_channel_poll(h->channel, 0) <= 0));
        if (!drained)
                return;
        /* The status may come after the end; a program that was killed has none, and libssh may keep the CLOSE to
         * itself. */
        if (!h->eof_at)
                h->eof_at = now_ms();
        bool told = gone || ssh_channel_is_closed(h->channel) || ssh_channel_get_exit_status(h->channel) >= 0;
        if (!told && now_ms() - h->eof_at < FAN_GRACE_MS)
                return;
        int code = ssh_channel_get_exit_status(h->channel);
        snprintf(status, sizeof status, "%d", code);
        end(h, 'E', status);
}

static void step(struct fan_host *h)
{
        static void (*const steps[])(struct fan_host *) = {
                [FAN_RESOLVE] = begin_resolve, [FAN_CONNECT] = step_connect, [FAN_HANDSHAKE] = step_handshake,
                [FAN_AUTH] = step_auth,        [FAN_OPEN] = step_open,       [FAN_EXEC] = step_exec,
                [FAN_PUMP] = step_pump,
        };
        for (enum fan_state before = FAN_OVER;
             h->state != before && h->state != FAN_OVER && h->state != FAN_RESOLVING;) {
                before = h->state;
                steps[h->state](h);
                if (h->state == FAN_CONNECT && h->sock >= 0)
                        return; /* poll() first */
        }
}

/* ---- from the shell ---- */

/* One host and its descriptors. False: the shell has gone. */
static bool take_host(void)
{
        char text[FAN_MESSAGE + 1], room[CMSG_SPACE(2 * sizeof(int))];
        struct iovec v = { text, FAN_MESSAGE };
        struct msghdr m = {
                .msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
        };
        ssize_t n = recvmsg(control, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (n == 0 || !c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(2 * sizeof(int)))
                return false;
        text[n] = 0;
        struct fan_host *h = calloc(1, sizeof *h);
        if (!h || !(h->text = strdup(text)) || !(h->in = malloc(FAN_BUFFER)) ||
            !(h->out = malloc(FAN_BUFFER)))
                abort();
        int fds[2];
        memcpy(fds, CMSG_DATA(c), sizeof fds);
        h->stream = fds[0], h->err = fds[1], h->sock = -1;
        fcntl(h->stream, F_SETFL, O_NONBLOCK);
        fcntl(h->err, F_SETFL, O_NONBLOCK);
        char *s = h->text;
        for (int i = 0; i < FAN_FIELDS; i++) {
                h->field[i] = s;
                char *nl = strchrnul(s, '\n');
                s = *nl ? nl + 1 : nl;
                *nl = 0;
        }
        h->next = hosts;
        hosts = h;
        step(h);
        return true;
}

static void add_poll(struct pollfd *p, int fd, short events)
{
        *p = (struct pollfd) { .fd = fd, .events = events };
}

static short ssh_events(const struct fan_host *h)
{
        if (h->state == FAN_CONNECT && h->sock >= 0)
                return POLLOUT;
        int flags = h->session ? ssh_get_poll_flags(h->session) : 0;
        return (short)(POLLIN | (flags & SSH_WRITE_PENDING ? POLLOUT : 0));
}

static void sweep(void)
{
        for (struct fan_host **at = &hosts, *h; (h = *at);) {
                if (h->state == FAN_OVER) {
                        *at = h->next;
                        host_free(h);
                } else {
                        at = &h->next;
                }
        }
}

static void run(void)
{
        struct pollfd *p = NULL;
        size_t cap = 0;
        for (bool open = true; open;) {
                size_t n = 0, k = 2;
                sweep();
                int wait = -1;
                for (struct fan_host *h = hosts; h; h = h->next) {
                        n++;
                        if (h->eof_at)
                                wait = FAN_GRACE_MS / 4;
                }
                if (cap < 2 * n + 2) {
                        struct pollfd *larger = realloc(p, (cap = 4 * n + 16) * sizeof *p);
                        if (!larger)
                                abort();
                        p = larger;
                }
                add_poll(&p[0], control, POLLIN);
                add_poll(&p[1], wake[0], POLLIN);
                for (struct fan_host *h = hosts; h; h = h->next) {
                        /* A stream that is not read yet still tells when the shell lets go. */
                        short want = h->state == FAN_PUMP && !h->nin && !h->in_ended ? POLLIN : 0;
                        add_poll(&p[k++], h->stream, (short)(want | (h->sent < h->nout ? POLLOUT : 0)));
                        add_poll(&p[k++], h->sock, ssh_events(h));
                }
                if (poll(p, k, wait) < 0 && errno != EINTR)
                        abort();
                k = 2;
                for (struct fan_host *h = hosts; h; h = h->next, k += 2) {
                        if (p[k].revents & (POLLHUP | POLLERR)) /* the shell has let go of it */
                                end(h, 0, "");
                        else if ((p[k].revents | p[k + 1].revents) || h->eof_at)
                                step(h);
                }
                if (p[1].revents)
                        take_resolved();
                for (struct fan_host *h = hosts; h; h = h->next)
                        if (h->state == FAN_CONNECT && h->sock < 0)
                                step(h);
                while (open && p[0].revents && (open = take_host()) &&
                       recv(control, &(char) { 0 }, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
                        ;
        }
        free(p);
}

int main(int argc, char **argv)
{
        (void)argv;
        int type = 0;
        socklen_t n = sizeof type;
        if (argc > 1 || getsockopt(control, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET) {
                fputs("reeve-fan is started by reeve, for Invoke-Command -HostName\n", stderr);
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        signal(SIGINT, SIG_IGN); /* the shell decides */
        if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
                return 1;
        run();
        return 0;
}
