/* SPDX-License-Identifier: MIT
 *
 * The connection: libssh driven by the loop, login, limits, the end.
 */
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/ssh/front.h"

/* ---- login ---- */

/* The name is fixed by the first request that carries one. */
static bool name_ok(struct front *f, const char *user)
{
        size_t n = strlen(user);
        if (n == 0 || n > MON_USER)
                return false;
        if (!*f->user)
                memcpy(f->user, user, n + 1);
        return strcmp(f->user, user) == 0;
}

static int denied(struct front *f)
{
        f->refused++;
        if (++f->attempts >= FRONT_ATTEMPTS && !f->goodbye) {
                f->goodbye = "Too many authentication failures";
                f->result = FRONT_ATTEMPTS_USED;
        }
        /* One that is quicker than the goodbye gets the same answer; reeved is not asked any more; and not for long. */
        if (f->attempts > FRONT_ATTEMPTS + 4)
                f->dead = true;
        return SSH_AUTH_DENIED;
}

static int on_none(ssh_session s, const char *user, void *arg)
{
        struct front *f = arg;
        (void)s;
        if (name_ok(f, user) && f->refused++ == 0)
                return SSH_AUTH_DENIED; /* how clients ask for the methods */
        return denied(f);
}

static bool key_allowed(struct front *f, const char *user, ssh_key key)
{
        char *b64 = NULL;
        if (ssh_pki_export_pubkey_base64(key, &b64) != SSH_OK)
                return false;
        unsigned char bytes[6144];
        size_t n = strlen(b64);
        int m = n <= sizeof bytes / 3 * 4 ? EVP_DecodeBlock(bytes, (unsigned char *)b64, (int)n) : -1;
        for (size_t i = n; m > 0 && i && b64[i - 1] == '='; i--)
                m--;
        ssh_string_free_char(b64);
        struct mon_message answer,
                ask = { .type = MON_KEY_ALLOWED,
                        .b = { { user, (uint32_t)strlen(user) }, { (char *)bytes, (uint32_t)m } } };
        return m > 0 && m <= 4096 && link_ask(f, &ask, &answer, NULL, NULL) == MON_OK;
}

static bool type_ok(ssh_key key)
{
        switch (ssh_key_type(key)) {
        case SSH_KEYTYPE_ED25519:
        case SSH_KEYTYPE_ECDSA_P256:
        case SSH_KEYTYPE_ECDSA_P384:
        case SSH_KEYTYPE_ECDSA_P521:
        case SSH_KEYTYPE_RSA:
        case SSH_KEYTYPE_ED25519_CERT01: /* reeved checks certificates; libssh only carries them */
        case SSH_KEYTYPE_ECDSA_P256_CERT01:
        case SSH_KEYTYPE_ECDSA_P384_CERT01:
        case SSH_KEYTYPE_ECDSA_P521_CERT01:
        case SSH_KEYTYPE_RSA_CERT01: return true;
        default: return false; /* FIDO keys: libssh hides what they sign */
        }
}

static int on_key(ssh_session s, const char *user, ssh_key key, char state, void *arg)
{
        struct front *f = arg;
        (void)s;
        bool verdict = f->verdict;
        f->verdict = false;
        if (f->in || f->goodbye || !name_ok(f, user) || !type_ok(key))
                return denied(f);
        if (state == SSH_PUBLICKEY_STATE_NONE)
                return key_allowed(f, user, key) ? SSH_AUTH_SUCCESS : denied(f);
        if (state != SSH_PUBLICKEY_STATE_VALID || !verdict)
                return denied(f);
        f->in = true;
        return SSH_AUTH_SUCCESS;
}

static bool password_good(struct front *f, const char *user, const char *password)
{
        size_t n = strlen(password);
        struct mon_message answer,
                ask = { .type = MON_PASSWORD,
                        .b = { { user, (uint32_t)strlen(user) }, { password, (uint32_t)n } } };
        if (!f->passwords || f->in || f->goodbye || !name_ok(f, user) || n == 0 || n > MON_PASSWORD_BYTES ||
            link_ask(f, &ask, &answer, NULL, NULL) != MON_OK)
                return false;
        f->in = true;
        return true;
}

static int on_password(ssh_session s, const char *user, const char *password, void *arg)
{
        (void)s;
        return password_good(arg, user, password) ? SSH_AUTH_SUCCESS : denied(arg);
}

/* Keyboard-interactive: one question, for the password. 0: answered; 1: refused. */
static int on_interactive(struct front *f, ssh_session s, ssh_message m)
{
        static const char *prompts[] = { "Password: " };
        char quiet[] = { 0 };
        bool response = ssh_message_auth_kbdint_is_response(m); /* which names nobody: it is who was asked */
        const char *user = response ? f->user : ssh_message_auth_user(m);
        if (!f->passwords || f->in || f->goodbye || !user || !name_ok(f, user)) {
                denied(f);
                return 1;
        }
        if (!response)
                return ssh_message_auth_interactive_request(m, "", "", 1, prompts, quiet) == SSH_OK ? 0 : 1;
        const char *said =
                ssh_userauth_kbdint_getnanswers(s) == 1 ? ssh_userauth_kbdint_getanswer(s, 0) : NULL;
        if (said && password_good(f, user, said))
                return ssh_message_auth_reply_success(m, 0) == SSH_OK ? 0 : 1;
        denied(f);
        return 1;
}

/* GSSAPI would reach the Kerberos libraries before login. */
static ssh_string on_oid(ssh_session s, const char *user, int n, ssh_string *oids, void *arg)
{
        (void)s, (void)user, (void)n, (void)oids;
        denied(arg);
        return NULL;
}

static ssh_channel on_channel(ssh_session s, void *arg)
{
        struct front *f = arg;
        (void)s;
        return f->in && !f->goodbye ? chan_open(f) : NULL;
}

/* Whatever has no callback comes here; 1: libssh refuses it. */
static int on_message(ssh_session s, ssh_message m, void *arg)
{
        struct front *f = arg;
        if (ssh_message_type(m) == SSH_REQUEST_AUTH && ssh_message_subtype(m) == SSH_AUTH_METHOD_INTERACTIVE)
                return on_interactive(f, s, m);
        return f->in && !f->goodbye && ssh_message_type(m) == SSH_REQUEST_CHANNEL_OPEN &&
                               ssh_message_subtype(m) == SSH_CHANNEL_DIRECT_TCPIP && chan_forward(f, m)
                       ? 0
                       : 1;
}

/* ---- the loop ---- */

static bool write_pending(struct front *f)
{
        return ssh_get_status(f->ssh) & SSH_WRITE_PENDING;
}

bool front_may_write(struct front *f)
{
        return !f->dead && !write_pending(f) && f->raw.out_bytes >= f->hold;
}

/* While a new key exchange is under way that we began, libssh takes what is written into a list of its own and says
 * nothing. The counter of what was really made into packets shows it. */
void front_wrote(struct front *f, uint64_t before, int n)
{
        if (n > 0 && f->raw.out_bytes - before < (uint64_t)n)
                f->hold = before + (uint64_t)n;
}

static bool gone(struct front *f)
{
        return !ssh_is_connected(f->ssh) || (ssh_get_status(f->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

static void limits(struct front *f)
{
        if (f->in || f->dead)
                return;
        if (f->socket.in_bytes > FRONT_LOGIN_BYTES || f->raw.in_packets > FRONT_LOGIN_PACKETS ||
            f->raw.out_packets > FRONT_LOGIN_PACKETS) {
                f->result = FRONT_FLOOD;
                f->dead = true;
        }
}

static void on_ready(uv_poll_t *p, int status, int events);

static void listen_again(struct front *f)
{
        int want = f->dead ? 0
                           : UV_READABLE | (ssh_get_poll_flags(f->ssh) & SSH_WRITE_PENDING ? UV_WRITABLE : 0);
        if (want == f->poll_events)
                return;
        f->poll_events = want;
        if (want)
                uv_poll_start(&f->poll, want, on_ready);
        else
                uv_poll_stop(&f->poll);
}

/* libssh's output is out, and it has seen since then that more can be sent: the goodbye. Otherwise it would keep the
 * goodbye and close the socket. */
static void leave(struct front *f)
{
        if (!f->goodbye || write_pending(f) || (ssh_get_poll_flags(f->ssh) & SSH_WRITE_PENDING))
                return;
        if (f->result == FRONT_ATTEMPTS_USED)
                front_log(f, 6, "%s", f->goodbye);
        ssh_session_set_disconnect_message(f->ssh, f->goodbye);
        ssh_disconnect(f->ssh);
        f->dead = true;
}

void front_pump(struct front *f)
{
        if (f->pumping) {
                f->more = true;
                return;
        }
        f->pumping = true;
        bool again = true;
        for (int i = 0; i < 16 && again && !f->dead; i++) {
                uint64_t in = f->socket.in_bytes, out = f->socket.out_bytes;
                f->beats++;
                f->more = false;
                if (ssh_event_dopoll(f->event, 0) == SSH_ERROR || gone(f)) {
                        f->dead = true;
                        break;
                }
                limits(f);
                chans_work(f);
                leave(f);
                /* libssh reads 4096 bytes at a time; after each send it wants to see POLLOUT once. */
                again = f->more || f->socket.in_bytes - in >= 4096 || f->socket.out_bytes != out;
        }
        f->more = again && !f->dead;
        f->pumping = false;
        listen_again(f);
}

static void on_ready(uv_poll_t *p, int status, int events)
{
        (void)status, (void)events;
        front_pump(p->data);
}

static void on_link(uv_poll_t *p, int status, int events)
{
        struct front *f = p->data;
        (void)status, (void)events;
        if (!link_take(f))
                f->dead = true;
        front_pump(f);
}

static void on_timer(uv_timer_t *t)
{
        struct front *f = t->data;
        if (!f->in) {
                f->result = FRONT_GRACE;
                f->dead = true;
                return;
        }
        if (!f->settled) { /* what the login took, and short sessions would take again, is given back */
                f->settled = true;
                malloc_trim(0);
                uv_timer_start(t, on_timer, FRONT_KEEPALIVE * 1000, FRONT_KEEPALIVE * 1000);
                return;
        }
        /* Silence: ask, and after three intervals without a byte leave. */
        if (f->quiet_since_bytes != f->socket.in_bytes) {
                f->quiet_since_bytes = f->socket.in_bytes;
                f->quiet = 0;
        } else if (++f->quiet > 3) {
                front_log(f, 6, "no answer from the client for %u seconds", f->quiet * FRONT_KEEPALIVE);
                f->dead = true;
        } else if (front_may_write(f)) {
                ssh_send_keepalive(f->ssh); /* every second call only collects the reply */
                ssh_send_keepalive(f->ssh);
        }
        front_pump(f);
}

/* ---- life ---- */

static int watch(struct front *f)
{
        f->poll.data = f->link_poll.data = f->timer.data = f;
        if (uv_timer_init(&f->loop, &f->timer) ||
            uv_timer_start(&f->timer, on_timer, FRONT_LOGIN_SECONDS * 1000, 0))
                return -1;
        if (uv_poll_init(&f->loop, &f->poll, f->poll_fd))
                return -1;
        if (f->link >= 0 && (uv_poll_init(&f->loop, &f->link_poll, f->link) ||
                             uv_poll_start(&f->link_poll, UV_READABLE, on_link)))
                return -1;
        f->poll_events = UV_READABLE;
        return uv_poll_start(&f->poll, UV_READABLE, on_ready) ? -1 : 0;
}

int front_start(struct front *f, ssh_bind bind, int fd, int link)
{
        f->fd = fd;
        f->link = link;
        f->poll_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        f->ssh = ssh_new();
        f->event = ssh_event_new();
        if (f->poll_fd < 0 || !f->ssh || !f->event || uv_loop_init(&f->loop))
                return -1;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* libssh never does */
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        f->callbacks = (struct ssh_server_callbacks_struct) {
                .userdata = f,
                .auth_none_function = on_none,
                .auth_pubkey_function = on_key,
                .gssapi_select_oid_function = on_oid,
                .channel_open_request_session_function = on_channel,
        };
        if (f->passwords)
                f->callbacks.auth_password_function = on_password;
        ssh_callbacks_init(&f->callbacks);
        ssh_set_server_callbacks(f->ssh, &f->callbacks);
        ssh_set_message_callback(f->ssh, on_message, f);
        ssh_set_auth_methods(
                f->ssh, SSH_AUTH_METHOD_PUBLICKEY |
                                (f->passwords ? SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_INTERACTIVE : 0));
        ssh_set_counters(f->ssh, &f->socket, &f->raw);
        ssh_set_blocking(f->ssh, 0);
        ssh_options_set(f->ssh, SSH_OPTIONS_COMPRESSION, "none"); /* "no" would still offer zlib */
        return ssh_bind_accept_fd(bind, f->ssh, fd) == SSH_OK && watch(f) == 0 ? 0 : -1;
}

int front_run(struct front *f)
{
        bool in = false;
        crypto_serve(f);
        if (ssh_handle_key_exchange(f->ssh) == SSH_ERROR || ssh_event_add_session(f->event, f->ssh) != SSH_OK)
                return FRONT_DONE;
        while (!f->dead) {
                front_pump(f);
                if (f->dead)
                        break;
                if (f->in && !in) {
                        in = true;
                        uv_timer_start(&f->timer, on_timer, FRONT_SETTLE_MS, 0);
                }
                uv_run(&f->loop, f->more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        }
        return f->result;
}

static void close_handle(uv_handle_t *h, void *arg)
{
        (void)arg;
        if (!uv_is_closing(h))
                uv_close(h, NULL);
}

void front_free(struct front *f)
{
        crypto_serve(NULL);
        chans_free(f);
        uv_walk(&f->loop, close_handle, NULL);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        uv_loop_close(&f->loop);
        if (f->event && f->ssh)
                ssh_event_remove_session(f->event, f->ssh);
        ssh_event_free(f->event);
        ssh_free(f->ssh);
        if (f->poll_fd >= 0)
                close(f->poll_fd);
}
