/* SPDX-License-Identifier: MIT
 *
 * Where libssh would sign with the host key and check a user's signature, reeved does. libssh reaches libcrypto's
 * EVP_DigestSign and EVP_DigestVerify through the dynamic linker, so the two functions below, being the program's own,
 * are what it calls. The key that libssh holds has the true public half and a private half of zeros.
 *
 * The answer given to libssh for a user's signature is always "good": libssh sends no reply at all to a bad one, and
 * the client would wait. What reeved said is kept as the verdict, and the authentication callback goes by that alone.
 *
 * selftest.c proves at start that libssh really comes through here; without that the program does not run.
 */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "agent/ssh/front.h"

typedef int sign_fn(EVP_MD_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);
typedef int verify_fn(EVP_MD_CTX *, const unsigned char *, size_t, const unsigned char *, size_t);

static sign_fn *real_sign;
static verify_fn *real_verify;
static struct front *served; /* NULL: this process is no server (the self-test's client) */

int crypto_start(void)
{
        void *s = dlsym(RTLD_NEXT, "EVP_DigestSign"), *v = dlsym(RTLD_NEXT, "EVP_DigestVerify");
        memcpy(&real_sign, &s, sizeof s);
        memcpy(&real_verify, &v, sizeof v);
        return s && v ? 0 : -1;
}

void crypto_serve(struct front *f)
{
        served = f;
}

int EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *siglen, const unsigned char *data, size_t n)
{
        if (!served)
                return real_sign(ctx, sig, siglen, data, n);
        struct mon_message answer, ask = { .type = MON_SIGN, .b = { { (const char *)data, (uint32_t)n } } };
        if (n != MON_HASH || *siglen < 64 || link_ask(served, &ask, &answer, NULL, NULL) != MON_OK ||
            answer.b[0].n != 64)
                return 0;
        memcpy(sig, answer.b[0].data, 64);
        *siglen = 64;
        return 1;
}

int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t siglen, const unsigned char *data,
                     size_t n)
{
        if (!served)
                return real_verify(ctx, sig, siglen, data, n);
        struct mon_message answer, ask = { .type = MON_VERIFY,
                                           .b = { { (const char *)data, (uint32_t)n },
                                                  { (const char *)sig, (uint32_t)siglen } } };
        served->verdict = !served->in && n <= 8192 && siglen <= 4096 && siglen > 0 &&
                          link_ask(served, &ask, &answer, NULL, NULL) == MON_OK;
        return 1;
}

/* ---- the host key as libssh sees it ---- */

struct blob {
        uint8_t data[512];
        size_t n;
};

static void put32(struct blob *b, uint32_t v)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                b->data[b->n++] = (uint8_t)(v >> shift);
}

static void put_string(struct blob *b, const void *data, size_t n)
{
        put32(b, (uint32_t)n);
        if (n)
                memcpy(b->data + b->n, data, n);
        b->n += n;
}

ssh_key crypto_host_key(const uint8_t public_key[32])
{
        static const char type[] = "ssh-ed25519";
        struct blob public = { .n = 0 }, private = { .n = 0 }, file = { .n = 0 };
        uint8_t secret[64] = { 0 };
        memcpy(secret + 32, public_key, 32);
        put_string(&public, type, sizeof type - 1);
        put_string(&public, public_key, 32);
        put32(&private, 0x72656576);
        put32(&private, 0x72656576);
        put_string(&private, type, sizeof type - 1);
        put_string(&private, public_key, 32);
        put_string(&private, secret, sizeof secret);
        put_string(&private, "", 0);
        for (uint8_t pad = 1; private.n % 8; pad++)
        private.data[private.n++] = pad;
        memcpy(file.data, "openssh-key-v1", 15);
        file.n = 15;
        put_string(&file, "none", 4);
        put_string(&file, "none", 4);
        put_string(&file, "", 0);
        put32(&file, 1);
        put_string(&file, public.data, public.n);
        put_string(&file, private.data, private.n);

        unsigned char text[1024], pem[1200];
        EVP_EncodeBlock(text, file.data, (int)file.n);
        snprintf((char *)pem, sizeof pem,
                 "-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n", text);
        ssh_key key = NULL;
        return ssh_pki_import_privkey_base64((char *)pem, NULL, NULL, NULL, &key) == SSH_OK ? key : NULL;
}

/* Modern algorithms only: a Diffie-Hellman group costs 100 times the CPU before login, and the list of a build may end
 * with an empty name. One host key, ed25519. `compat` is for clients that know no better: a NIST curve, plain MACs. The
 * banner does not name the library, which would tell strangers its version. */
ssh_bind crypto_bind(const uint8_t public_key[32], bool compat)
{
        const char *kex = compat ? "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256"
                                 : "curve25519-sha256,curve25519-sha256@libssh.org";
        const char *macs = compat ? "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
                                    "hmac-sha2-256,hmac-sha2-512"
                                  : "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com";
        static const char ciphers[] =
                "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
                "aes256-ctr,aes128-ctr";
        static const char users[] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
                                    "rsa-sha2-512,rsa-sha2-256,ssh-ed25519-cert-v01@openssh.com,"
                                    "ecdsa-sha2-nistp256-cert-v01@openssh.com,"
                                    "ecdsa-sha2-nistp384-cert-v01@openssh.com,"
                                    "ecdsa-sha2-nistp521-cert-v01@openssh.com,"
                                    "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com";
        ssh_bind b = ssh_bind_new();
        ssh_key key = crypto_host_key(public_key);
        int no = 0, bits = 2048;
        if (!b || !key || ssh_bind_options_set(b, SSH_BIND_OPTIONS_PROCESS_CONFIG, &(bool) { false }) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_LOG_VERBOSITY, &no) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_BANNER, "reeve") ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_KEY_EXCHANGE, kex) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_CIPHERS_C_S, ciphers) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_CIPHERS_S_C, ciphers) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_HMAC_C_S, macs) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_HMAC_S_C, macs) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, "ssh-ed25519") ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, users) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_RSA_MIN_SIZE, &bits) ||
            ssh_bind_options_set(b, SSH_BIND_OPTIONS_IMPORT_KEY, key)) {
                ssh_bind_free(b);
                return NULL;
        }
        return b;
}
