/* SPDX-License-Identifier: MIT
 *
 * One front-end as reeved sees it. What it may ask is the table below, and when: nothing of a session before login,
 * nothing of login after it. Whatever breaks the table ends the connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/monitor/cert.h"
#include "agent/monitor/monitor.h"

static void listen_to(struct mon_conn *, bool);

void mon_conn_tell(struct mon_conn *c, const struct mon_message *m, const int *fds, unsigned nfds)
{
        /* A front-end that does not read its few messages is stuck. */
        if (!c->ended && mon_send(c->link, m, fds, nfds) < 0)
                mon_conn_end(c);
}

static void answer(struct mon_conn *c, uint32_t id, enum mon_status status, const char *data, size_t n)
{
        struct mon_message m = {
                .type = MON_ANSWER, .id = id, .u = { status }, .b = { { data, (uint32_t)n } }
        };
        mon_conn_tell(c, &m, NULL, 0);
}

/* Addresses of connections that have just ended: how their process ended is told after its link has closed. */
static struct {
        uint32_t number;
        struct sockaddr_storage peer;
} recent[64];

/* ---- login ---- */

static void on_delay(uv_timer_t *t)
{
        struct mon_conn *c = t->data;
        answer(c, c->denied_id, MON_DENIED, NULL, 0);
        listen_to(c, true);
}

static void deny(struct mon_conn *c, uint32_t id)
{
        c->failures++;
        c->denied_id = id;
        listen_to(c, false);
        uv_timer_start(&c->delay, on_delay, MON_DENY_MS, 0);
}

static void complain(void *arg, unsigned line, const char *what)
{
        rv_log(RV_LOG_WARNING, "%s: line %u lets nobody in: %s", (const char *)arg, line, what);
}

/* In the user's files, and for certificates in the list of authorities that all users trust. */
static bool find_line(struct mon_conn *c, const struct mon_search *s, struct mon_key *ret, const char **why)
{
        const struct mon_account *a = &c->account;
        enum mon_lines lines = s->cert ? MON_AUTHORITIES : MON_USERS;
        char name[MON_USER + 8], home[1100];
        snprintf(name, sizeof name, "%s.keys", a->name);
        snprintf(home, sizeof home, "%s/.ssh/authorized_keys", a->home);
        return mon_keys_find(a->own, a->own_n, true, lines, s, ret, why, complain, name) ||
               (!*why && s->cert &&
                mon_keys_find(a->authorities, a->authorities_n, true, MON_ALL_AUTHORITIES, s, ret, why, complain,
                              (void *)c->m->o.authorities)) ||
               (!*why && mon_keys_find(a->home_keys, a->home_n, false, lines, s, ret, why, NULL, home));
}

/* Among the user's keys, from this address, now: itself, or by the certificate around it. *ret is then the line that
 * lets it in, with the user's own key. */
static bool is_users_key(struct mon_conn *c, const uint8_t *blob, size_t n, struct mon_key *ret)
{
        static struct mon_cert cert;
        const struct mon_account *a = &c->account;
        const char *why = NULL;
        bool certified = mon_is_cert(blob, n), revoked = false, found = false;
        if (!a->known || (certified && mon_cert_parse(blob, n, &cert) < 0))
                return false;
        struct mon_search s = { .blob = certified ? (const uint8_t *)cert.authority.data : blob,
                                .n = certified ? cert.authority.n : n,
                                .cert = certified ? &cert : NULL,
                                .user = a->name,
                                .source = (struct sockaddr *)&c->peer,
                                .now = time(NULL) };
        found = find_line(c, &s, ret, &why);
        if (found && c->m->o.revoked)
                revoked = !a->revoked || mon_revoked(a->revoked, a->revoked_n, blob, n, s.cert);
        if (found && certified && !mon_cert_signed(&cert))
                why = "its certificate is not signed by the authority that it names";
        if (revoked)
                why = a->revoked ? "it is among revoked_keys" : "the file of revoked_keys cannot be read";
        if (why && (!found || revoked || certified))
                snprintf(c->refusal, sizeof c->refusal, "a key of his is not used: %s", why);
        if (why && (!found || revoked || certified))
                rv_log(RV_LOG_NOTICE, "a key of %s is not used from %s: %s", a->name, c->source, why);
        if (!found || revoked || (certified && why))
                return false;
        if (certified) {
                blob = cert.plain, n = cert.plain_n;
                mon_blob_type(blob, n, ret->type, sizeof ret->type);
                memcpy(ret->blob, blob, n);
                ret->n = n;
                snprintf(c->certificate, sizeof c->certificate, ", certificate \"%.*s\" serial %llu",
                         cert.id.n < 100 ? (int)cert.id.n : 100, cert.id.data, (unsigned long long)cert.serial);
        }
        return mon_key_strong(blob, n);
}

static unsigned sessions_of(struct monitor *m, const char *user)
{
        unsigned n = 0;
        for (struct mon_conn *c = m->conns; c; c = c->next)
                n += c->in && strcmp(c->account.name, user) == 0;
        return n;
}

static void log_in(struct mon_conn *c)
{
        struct monitor *m = c->m;
        c->in = true;
        m->sessions++;
        mon_address_leave(m, (struct sockaddr *)&c->peer);
        mon_address_did(m, (struct sockaddr *)&c->peer, MON_DID_LOGIN);
        mon_account_forget_keys(&c->account);
        if (c->key.n) {
                mon_fingerprint(c->key.blob, c->key.n, c->fingerprint, sizeof c->fingerprint);
                rv_log(RV_LOG_INFO, "%s logged in from %s with %s key %s%s, session %s", c->account.name, c->source,
                       c->key.type, c->fingerprint, c->certificate, c->id);
        } else {
                snprintf(c->fingerprint, sizeof c->fingerprint, "password");
                rv_log(RV_LOG_INFO, "%s logged in from %s by password, session %s", c->account.name, c->source, c->id);
        }
        c->since = uv_now(&m->loop);
        mon_tell_login(c);
}

static void do_key_allowed(struct mon_conn *c, const struct mon_message *m)
{
        struct mon_key key;
        if (strncmp(c->account.name, m->b[0].data, m->b[0].n) == 0 && !c->account.name[m->b[0].n] &&
            is_users_key(c, (const uint8_t *)m->b[1].data, m->b[1].n, &key))
                answer(c, m->id, MON_OK, NULL, 0);
        else
                deny(c, m->id);
}

static void let_in(struct mon_conn *c, uint32_t id)
{
        const struct mon_options *o = &c->m->o;
        if (c->m->sessions < o->sessions && sessions_of(c->m, c->account.name) < o->sessions_user) {
                log_in(c);
                answer(c, id, MON_OK, NULL, 0);
                return;
        }
        rv_log(RV_LOG_WARNING, "%s is not let in from %s: too many sessions", c->account.name, c->source);
        snprintf(c->refusal, sizeof c->refusal, "too many sessions");
        mon_pam_end(c);
        deny(c, id);
}

static void forget_key(struct mon_conn *c)
{
        c->key = (struct mon_key) { 0 };
        *c->certificate = 0;
}

static void do_verify(struct mon_conn *c, const struct mon_message *m)
{
        size_t n;
        const uint8_t *blob =
                c->has_session ? mon_signed_key(&m->b[0], c->session, c->account.name, &n) : NULL;
        if (blob && is_users_key(c, blob, n, &c->key) && mon_verify(&m->b[0], &m->b[1])) {
                if (c->m->o.pam == MON_PAM_NO) {
                        let_in(c, m->id);
                        return;
                }
                listen_to(c, false);
                if (mon_pam_ask(c, m->id, NULL) == 0)
                        return;
                rv_log(RV_LOG_ERROR, "reeve-pam cannot be started: %m");
        }
        forget_key(c); /* it was looked up, but not proven: what comes next must not be taken for it */
        deny(c, m->id);
}

/* The answer is the same, and takes as long, for whom there is not. root needs a key. */
static void do_password(struct mon_conn *c, const struct mon_message *m)
{
        if (c->m->o.pam != MON_PAM_YES || c->failures > 8 || !c->has_session ||
            strncmp(c->account.name, m->b[0].data, m->b[0].n) != 0 || c->account.name[m->b[0].n] ||
            memchr(m->b[1].data, 0, m->b[1].n) || !mon_user_name_ok(m->b[0].data, m->b[0].n)) {
                deny(c, m->id);
                return;
        }
        forget_key(c);
        listen_to(c, false);
        if (mon_pam_ask(c, m->id, &m->b[1]) < 0) {
                rv_log(RV_LOG_ERROR, "reeve-pam cannot be started: %m");
                deny(c, m->id);
        }
}

void mon_conn_pam_said(struct mon_conn *c, uint32_t id, bool good)
{
        listen_to(c, true);
        if (good && c->account.known && (c->key.n || c->account.uid != 0)) {
                let_in(c, id);
                return;
        }
        snprintf(c->refusal, sizeof c->refusal, good ? "by password where a key is needed" : "PAM refuses it");
        mon_pam_end(c);
        forget_key(c);
        deny(c, id);
}

static void do_sign(struct mon_conn *c, const struct mon_message *m)
{
        uint8_t sig[64];
        size_t n = sizeof sig;
        if (c->has_session && !c->in) { /* one key exchange before login */
                mon_conn_end(c);
                return;
        }
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        bool good = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, c->host_key) == 1 &&
                    EVP_DigestSign(ctx, sig, &n, (const uint8_t *)m->b[0].data, MON_HASH) == 1;
        EVP_MD_CTX_free(ctx);
        if (good && !c->has_session)
                memcpy(c->session, m->b[0].data, MON_HASH);
        c->has_session |= good;
        answer(c, m->id, good ? MON_OK : MON_FAILED, (char *)sig, good ? n : 0);
}

/* ---- sessions ---- */

static void do_open(struct mon_conn *c, const struct mon_message *m)
{
        int fds[MON_MOST_FDS];
        unsigned nfds = 0;
        const char *why = "it is unknown";
        int r = -EINVAL;
        if (m->u[1] == MON_RPC && c->key.forced)
                why = "the key allows one command only";
        else if (m->u[1] == MON_RPC)
                r = mon_program_rpc(c, fds, &nfds), why = "the agent does not answer";
        else if (c->programs >= MON_PROGRAMS)
                why = "too many programs";
        else if (m->u[1] == MON_SFTP)
                r = mon_program_sftp(c, m, fds, &nfds, &why);
        else if (m->u[1] == MON_FORWARD)
                r = mon_program_forward(c, m, fds, &nfds, &why);
        else if (m->u[1] < MON_KINDS)
                r = mon_program_start(c, m, fds, &nfds, &why);
        if (r < 0)
                rv_log(RV_LOG_WARNING, "session %s: a channel is refused: %s", c->id, why);
        struct mon_message a = { .type = MON_ANSWER, .id = m->id, .u = { r < 0 ? MON_FAILED : MON_OK } };
        mon_conn_tell(c, &a, fds, r < 0 ? 0 : nfds);
        for (unsigned i = 0; i < nfds; i++)
                if (i == 0 || fds[i] != fds[i - 1])
                        close(fds[i]);
}

static void do_signal(struct mon_conn *c, const struct mon_message *m)
{
        char name[17];
        snprintf(name, sizeof name, "%.*s", (int)m->b[0].n, m->b[0].data);
        mon_program_signal(c, m->u[0], name);
}

static void do_close(struct mon_conn *c, const struct mon_message *m)
{
        mon_program_close(c, m->u[0]);
}

static void do_log(struct mon_conn *c, const struct mon_message *m)
{
        rv_log(RV_LOG_INFO, "session %s, %s: %.*s", c->id, c->source, (int)m->b[0].n, m->b[0].data);
}

static void do_pong(struct mon_conn *c, const struct mon_message *m)
{
        (void)m;
        c->asked_ping = false;
}

enum { BEFORE = 1, AFTER = 2, NEEDS_ACCOUNT = 4 };

static const struct request {
        unsigned when;
        void (*run)(struct mon_conn *, const struct mon_message *);
} requests[MON_TYPES] = {
        [MON_SIGN] = { BEFORE | AFTER, do_sign },
        [MON_KEY_ALLOWED] = { BEFORE | NEEDS_ACCOUNT, do_key_allowed },
        [MON_VERIFY] = { BEFORE | NEEDS_ACCOUNT, do_verify },
        [MON_PASSWORD] = { BEFORE | NEEDS_ACCOUNT, do_password },
        [MON_OPEN] = { AFTER, do_open },
        [MON_SIGNAL] = { AFTER, do_signal },
        [MON_CLOSE] = { AFTER, do_close },
        [MON_LOG] = { BEFORE | AFTER, do_log },
        [MON_PONG] = { BEFORE | AFTER, do_pong },
};

static void run_lookup(uv_work_t *w)
{
        struct mon_conn *c = w->data;
        mon_account_load(&c->account, &c->m->o, c->m->uid);
}

static void after_lookup(uv_work_t *w, int status)
{
        struct mon_conn *c = w->data;
        struct mon_message m;
        (void)status;
        c->work = false;
        if (!c->ended) {
                if (mon_decode(c->request, c->request_n, &m) == 0)
                        requests[m.type].run(c, &m);
                if (!c->ended && !uv_is_active((uv_handle_t *)&c->delay) && (!c->pam || c->in))
                        listen_to(c, true);
        }
        explicit_bzero(c->request, c->request_n); /* it may be a password */
        free(c->request);
        c->request = NULL;
        if (c->ended)
                mon_conn_end(c);
}

/* The name in a KEY_ALLOWED, or inside what a VERIFY says was signed. */
static bool name_in(const struct mon_message *m, char *to)
{
        const char *name = m->b[0].data;
        size_t n = m->b[0].n;
        if (m->type == MON_VERIFY) { /* 4 + hash + 1, then the name */
                if (n < 4 + MON_HASH + 1 + 4)
                        return false;
                const uint8_t *p = (const uint8_t *)name + 4 + MON_HASH + 1;
                size_t k = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
                if (k > n - (4 + MON_HASH + 1 + 4))
                        return false;
                name += 4 + MON_HASH + 1 + 4;
                n = k;
        }
        if (n == 0 || n > MON_USER || memchr(name, 0, n))
                return false;
        memcpy(to, name, n);
        to[n] = 0;
        return true;
}

/* The first request that names a user has him looked up; until then nothing more is read. */
static void look_up(struct mon_conn *c, const struct mon_message *m, const void *raw, size_t n)
{
        if (!name_in(m, c->account.name)) {
                deny(c, m->id);
                return;
        }
        c->request = malloc(n);
        if (!c->request) {
                mon_conn_end(c);
                return;
        }
        memcpy(c->request, raw, n);
        c->request_n = n;
        c->lookup.data = c;
        c->work = true;
        listen_to(c, false);
        if (uv_queue_work(&c->m->loop, &c->lookup, run_lookup, after_lookup)) {
                c->work = false;
                mon_conn_end(c);
        }
}

static void on_link(uv_poll_t *poll, int status, int events)
{
        static char buf[MON_MOST];
        struct mon_conn *c = poll->data;
        struct mon_message m;
        (void)status, (void)events;
        unsigned nfds = 0;
        int r = mon_recv(c->link, buf, sizeof buf, &m, NULL, &nfds);
        if (r == -EAGAIN)
                return;
        if (r <= 0) {
                if (r < 0)
                        rv_log(RV_LOG_WARNING, "session %s: the front-end sent what is no request", c->id);
                mon_conn_end(c);
                return;
        }
        const struct request *q = &requests[m.type];
        if (!q->run || !(q->when & (c->in ? AFTER : BEFORE))) {
                rv_log(RV_LOG_WARNING, "session %s: the front-end may not ask for %u now", c->id, m.type);
                mon_conn_end(c);
        } else if ((q->when & NEEDS_ACCOUNT) && !*c->account.name) {
                look_up(c, &m, buf, (size_t)r);
        } else {
                q->run(c, &m);
        }
        if (m.type == MON_PASSWORD)
                explicit_bzero(buf, (size_t)r);
}

/* ---- life ---- */

static void listen_to(struct mon_conn *c, bool on)
{
        if (c->ended)
                return;
        if (on)
                uv_poll_start(&c->poll, UV_READABLE, on_link);
        else
                uv_poll_stop(&c->poll);
}

static void on_timer(uv_timer_t *t)
{
        struct mon_conn *c = t->data;
        if (!c->in) {
                mon_address_did(c->m, (struct sockaddr *)&c->peer, MON_DID_GRACE);
                c->failures = 0;
                mon_conn_end(c);
        } else if (c->asked_ping) {
                rv_log(RV_LOG_WARNING, "session %s: the front-end does not answer", c->id);
                mon_conn_end(c);
        } else {
                c->asked_ping = true;
                mon_conn_tell(c, &(struct mon_message) { .type = MON_PING }, NULL, 0);
        }
}

static void on_closed(uv_handle_t *h)
{
        struct mon_conn *c = h->data;
        if (--c->handles)
                return;
        EVP_PKEY_free(c->host_key);
        free(c);
}

void mon_conn_new(struct monitor *m, int fd, const struct sockaddr_storage *peer)
{
        int pair[2];
        struct mon_conn *c = calloc(1, sizeof *c);
        socklen_t n = sizeof c->local;
        if (!c || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                mon_address_leave(m, (const struct sockaddr *)peer);
                free(c);
                close(fd);
                return;
        }
        c->m = m;
        c->number = ++m->number;
        c->link = pair[0];
        c->host_key = m->host_key;
        EVP_PKEY_up_ref(c->host_key); /* new keys during the session are signed with it, whatever counts by then */
        c->peer = *peer;
        c->handles = 3;
        getsockname(fd, (struct sockaddr *)&c->local, &n);
        mon_address_text((struct sockaddr *)peer, c->source, sizeof c->source);
        snprintf(c->id, sizeof c->id, "ssh-%08x-%u", (unsigned)m->boot, (unsigned)c->number);
        c->poll.data = c->timer.data = c->delay.data = c;
        uv_timer_init(&m->loop, &c->timer);
        uv_timer_init(&m->loop, &c->delay);
        uv_poll_init(&m->loop, &c->poll, c->link);
        c->next = m->conns;
        m->conns = c;
        int give[2] = { fd, pair[1] };
        struct mon_message hello = { .type = MON_CONNECTION, .u = { c->number } };
        int r = mon_send(m->ssh.mine, &hello, give, 2);
        close(fd);
        close(pair[1]);
        uv_timer_start(&c->timer, on_timer, MON_GRACE * 1000, MON_PING_EVERY * 1000);
        listen_to(c, true);
        if (r < 0) {
                rv_log(RV_LOG_WARNING, "a connection from %s is dropped: reeve-ssh does not take it: %s",
                       c->source, strerror(-r));
                mon_conn_end(c);
        }
}

/* What the connection was worth. */
static void weigh(struct mon_conn *c)
{
        struct sockaddr *sa = (struct sockaddr *)&c->peer;
        if (c->in) {
                c->m->sessions--;
                mon_tell_logout(c);
                rv_log(RV_LOG_INFO, "%s from %s has left, session %s", c->account.name, c->source, c->id);
                return;
        }
        mon_address_leave(c->m, sa);
        if (c->failures) {
                mon_address_did(c->m, sa, MON_DID_FAIL);
                mon_tell_refused(c);
                rv_log(RV_LOG_INFO, "no login from %s: user \"%s\", %u refusals", c->source, c->account.name,
                       c->failures);
        } else {
                mon_address_did(c->m, sa, MON_DID_NOTHING);
        }
}

void mon_conn_end(struct mon_conn *c)
{
        if (!c->ended) {
                c->ended = true;
                recent[c->number % 64].number = c->number;
                recent[c->number % 64].peer = c->peer;
                weigh(c);
                mon_programs_orphan(c);
                mon_pam_end(c);
                struct mon_conn **at = &c->m->conns;
                while (*at != c)
                        at = &(*at)->next;
                *at = c->next;
                uv_poll_stop(&c->poll);
                close(c->link);
                /* By its parent, which knows it; a descriptor for each would be one more that a connection costs. */
                mon_send(c->m->ssh.mine, &(struct mon_message) { .type = MON_KILL, .u = { c->number } }, NULL, 0);
        }
        if (c->work) /* comes back when the thread has done */
                return;
        mon_account_forget_keys(&c->account);
        if (uv_is_closing((uv_handle_t *)&c->poll))
                return;
        uv_close((uv_handle_t *)&c->poll, on_closed);
        uv_close((uv_handle_t *)&c->timer, on_closed);
        uv_close((uv_handle_t *)&c->delay, on_closed);
}

static struct mon_conn *find(struct monitor *m, uint32_t number)
{
        struct mon_conn *c = m->conns;
        while (c && c->number != number)
                c = c->next;
        return c;
}

/* The front-end's process has ended: by itself, or badly, and then its address pays. */
void mon_conn_exited(struct monitor *m, uint32_t number, int status)
{
        struct mon_conn *c = find(m, number);
        bool bad = WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : WEXITSTATUS(status) == MON_STUCK;
        if (c)
                mon_conn_end(c);
        if (!bad || recent[number % 64].number != number)
                return;
        char from[64];
        mon_address_text((struct sockaddr *)&recent[number % 64].peer, from, sizeof from);
        rv_log(RV_LOG_WARNING, "the front-end of %s, connection %u, ended badly: %s %d", from,
               (unsigned)number, WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        mon_address_did(m, (struct sockaddr *)&recent[number % 64].peer, MON_DID_CRASH);
}
