/* SPDX-License-Identifier: MIT
 *
 * Before the first connection: a login to ourselves over a socket pair. A child is the client, by libssh; we are the
 * server with the code that serves everyone, and a stand-in for reeved whose key is made for the occasion. It must come
 * out that the host's signature, the question for a key and the check of a signature were all asked of the stand-in,
 * that its "no" keeps the client out, and its "yes" lets it in. Otherwise this libssh does not go through crypto.c and
 * reeve-ssh refuses to run. On the way everything that OpenSSL and libssh make at first use is made, once for all.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/ssh/front.h"

struct proof {
        EVP_PKEY *host;
        uint8_t hash[MON_HASH], signature[64];
        bool yes;
        unsigned signed_, asked, verified;
};

static int sign(struct proof *p, const struct mon_message *m, struct mon_message *ret)
{
        size_t n = sizeof p->signature;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        struct front *none = NULL;
        crypto_serve(none); /* this one is ours to make */
        int good = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, p->host) == 1 &&
                   EVP_DigestSign(ctx, p->signature, &n, (const uint8_t *)m->b[0].data, m->b[0].n) == 1;
        EVP_MD_CTX_free(ctx);
        memcpy(p->hash, m->b[0].data, MON_HASH);
        ret->b[0] = (struct mon_text) { (char *)p->signature, (uint32_t)n };
        p->signed_++;
        return good ? MON_OK : MON_FAILED;
}

/* The signed text begins with the session's id: the hash that was signed. */
static bool is_of_session(const struct proof *p, const struct mon_text *data)
{
        static const uint8_t length[4] = { 0, 0, 0, MON_HASH };
        return data->n > 4 + MON_HASH + 1 && memcmp(data->data, length, 4) == 0 &&
               memcmp(data->data + 4, p->hash, MON_HASH) == 0 && data->data[4 + MON_HASH] == 50;
}

static int stand_in(struct front *f, const struct mon_message *m, struct mon_message *ret)
{
        struct proof *p = f->stand_in_arg;
        memset(ret, 0, sizeof *ret);
        if (m->type == MON_SIGN) {
                int r = sign(p, m, ret);
                crypto_serve(f);
                return r;
        }
        if (m->type == MON_KEY_ALLOWED)
                p->asked++;
        else if (m->type == MON_VERIFY && is_of_session(p, &m->b[0]))
                p->verified++;
        else
                return MON_FAILED;
        return m->type == MON_VERIFY && !p->yes ? MON_DENIED : MON_OK;
}

/* The client: 0 logged in, 1 denied, else broken. */
static int client(int fd)
{
        ssh_session s = ssh_new();
        ssh_key key = NULL;
        int no = 0;
        long patience = 20;
        if (!s || ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK ||
            ssh_options_set(s, SSH_OPTIONS_HOST, "self") || ssh_options_set(s, SSH_OPTIONS_USER, "self") ||
            ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &(bool) { false }) ||
            ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") ||
            ssh_options_set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") ||
            ssh_options_set(s, SSH_OPTIONS_LOG_VERBOSITY, &no) ||
            ssh_options_set(s, SSH_OPTIONS_TIMEOUT, &patience) || ssh_options_set(s, SSH_OPTIONS_FD, &fd) ||
            ssh_connect(s) != SSH_OK)
                return 3;
        int r = ssh_userauth_publickey(s, NULL, key);
        return r == SSH_AUTH_SUCCESS ? 0 : r == SSH_AUTH_DENIED ? 1 : 4;
}

/* One login; answers the client's verdict. */
static int login(ssh_bind bind, struct proof *p, bool yes, bool *ret_in)
{
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        pid_t pid = fork();
        if (pid == 0) {
                close(pair[0]);
                _exit(client(pair[1]));
        }
        close(pair[1]);
        struct front *f = calloc(1, sizeof *f);
        int status = -1;
        p->yes = yes;
        if (f) {
                f->stand_in = stand_in;
                f->stand_in_arg = p;
                if (front_start(f, bind, pair[0], -1) == 0)
                        front_run(f);
                *ret_in = f->in;
                front_free(f);
        }
        free(f);
        if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
                return WEXITSTATUS(status);
        return -1;
}

int selftest(void)
{
        struct proof p = { .host = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
        uint8_t public[32];
        size_t n = sizeof public;
        bool in_denied = true, in_allowed = false;
        int denied = -1, allowed = -1;
        ssh_bind bind = NULL;
        if (p.host && EVP_PKEY_get_raw_public_key(p.host, public, &n) == 1 && (bind = crypto_bind(public, false))) {
                denied = login(bind, &p, false, &in_denied);
                allowed = login(bind, &p, true, &in_allowed);
        }
        ssh_bind_free(bind);
        EVP_PKEY_free(p.host);
        if (denied == 1 && !in_denied && allowed == 0 && in_allowed && p.signed_ == 2 && p.verified == 2)
                return 0;
        fprintf(stderr,
                "reeve-ssh: libssh %s does not let reeved sign and verify (denied %d, allowed %d, signed %u, "
                "asked %u, verified %u): refusing to serve\n",
                ssh_version(0), denied, allowed, p.signed_, p.asked, p.verified);
        return -1;
}
