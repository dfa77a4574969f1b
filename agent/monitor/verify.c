/* SPDX-License-Identifier: MIT
 *
 * Whether a signature proves a user. reeved reads what was signed itself: the session must be the one whose hash reeved
 * signed for this very connection, the user the one that connection named, and the key one of that user's.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "agent/monitor/cert.h"
#include "agent/monitor/cursor.h"
#include "agent/monitor/monitor.h"

static const uint8_t *take_text(struct cursor *c, size_t *n)
{
        const uint8_t *len = take(c, 4);
        *n = len ? (size_t)len[0] << 24 | (size_t)len[1] << 16 | (size_t)len[2] << 8 | len[3] : 0;
        return take(c, *n);
}

static bool take_exact(struct cursor *c, const void *want, size_t n)
{
        size_t m;
        const uint8_t *at = take_text(c, &m);
        return !c->bad && m == n && memcmp(at, want, n) == 0;
}

static bool take_byte(struct cursor *c, uint8_t want)
{
        const uint8_t *at = take(c, 1);
        return at && *at == want;
}

/* ---- what was signed ---- */

static const char *const algorithms[][2] = {
        { "ssh-ed25519", "ssh-ed25519" },
        { "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256" },
        { "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384" },
        { "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521" },
        { "rsa-sha2-256", "ssh-rsa" },
        { "rsa-sha2-512", "ssh-rsa" },
        { NULL, NULL },
};

/* Of a certificate's type or algorithm, what it is without the certificate. */
static size_t base_length(const uint8_t *name, size_t n)
{
        static const char suffix[] = "-cert-v01@openssh.com";
        size_t k = sizeof suffix - 1;
        return n > k && memcmp(name + n - k, suffix, k) == 0 ? n - k : n;
}

static const char *known(const uint8_t *name, size_t n, unsigned column)
{
        for (unsigned i = 0; algorithms[i][0]; i++)
                if (strlen(algorithms[i][column]) == n && memcmp(algorithms[i][column], name, n) == 0)
                        return algorithms[i][!column];
        return NULL;
}

struct statement {
        const uint8_t *algorithm, *key;
        size_t algorithm_n, key_n;
};

static bool read_statement(struct cursor *c, const uint8_t *session, const char *user, struct statement *ret)
{
        size_t n;
        if (session ? !take_exact(c, session, MON_HASH) : !take_text(c, &n))
                return false;
        if (!take_byte(c, 50) || (user ? !take_exact(c, user, strlen(user)) : !take_text(c, &n)) ||
            !take_exact(c, "ssh-connection", 14) || !take_exact(c, "publickey", 9) || !take_byte(c, 1))
                return false;
        ret->algorithm = take_text(c, &ret->algorithm_n);
        ret->key = take_text(c, &ret->key_n);
        if (c->bad || c->p != c->end)
                return false;
        char type[64];
        size_t m = base_length(ret->algorithm, ret->algorithm_n);
        const char *base = known(ret->algorithm, m, 0);
        if (!base || !mon_blob_type(ret->key, ret->key_n, type, sizeof type))
                return false;
        size_t k = base_length((const uint8_t *)type, strlen(type));
        bool certified = k < strlen(type); /* both or none */
        return certified == (m < ret->algorithm_n) && strlen(base) == k && memcmp(type, base, k) == 0;
}

const uint8_t *mon_signed_key(const struct mon_text *data, const uint8_t session[MON_HASH], const char *user,
                              size_t *ret_n)
{
        struct cursor c = { (const uint8_t *)data->data, (const uint8_t *)data->data + data->n, false };
        struct statement s;
        if (!read_statement(&c, session, user, &s))
                return NULL;
        *ret_n = s.key_n;
        return s.key;
}

/* ---- keys ---- */

static EVP_PKEY *from_params(const char *name, OSSL_PARAM_BLD *b)
{
        OSSL_PARAM *params = b ? OSSL_PARAM_BLD_to_param(b) : NULL;
        EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, name, NULL) : NULL;
        EVP_PKEY *key = NULL;
        if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
            EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
                key = NULL;
        EVP_PKEY_CTX_free(ctx);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(b);
        return key;
}

static EVP_PKEY *rsa_key(struct cursor *c)
{
        size_t en, nn;
        const uint8_t *e = take_text(c, &en), *n = take_text(c, &nn);
        if (c->bad || c->p != c->end || en > 5 ||
            nn > 16384 / 8 + 1) /* a large exponent costs us, not its sender */
                return NULL;
        BIGNUM *be = BN_bin2bn(e, (int)en, NULL), *bn = BN_bin2bn(n, (int)nn, NULL);
        OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
        EVP_PKEY *key = NULL;
        if (b && be && bn && BN_is_odd(be) && BN_num_bits(be) <= 32 && BN_num_bits(bn) >= 2048 &&
            OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
            OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1)
                key = from_params("RSA", b);
        else
                OSSL_PARAM_BLD_free(b);
        BN_free(be);
        BN_free(bn);
        return key;
}

static EVP_PKEY *ecdsa_key(struct cursor *c, const char *type)
{
        static const char *const groups[][2] = { { "nistp256", "P-256" },
                                                 { "nistp384", "P-384" },
                                                 { "nistp521", "P-521" } };
        size_t n, m;
        const uint8_t *curve = take_text(c, &n), *point = take_text(c, &m);
        if (c->bad || c->p != c->end || m > 133)
                return NULL;
        for (unsigned i = 0; i < 3; i++)
                if (n == strlen(groups[i][0]) && memcmp(curve, groups[i][0], n) == 0 &&
                    strcmp(type + 11, groups[i][0]) == 0) {
                        OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
                        if (b &&
                            OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, groups[i][1], 0) ==
                                    1 &&
                            OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, m) == 1)
                                return from_params("EC", b);
                        OSSL_PARAM_BLD_free(b);
                }
        return NULL;
}

static EVP_PKEY *public_key(const uint8_t *blob, size_t blob_n)
{
        struct cursor c = { blob, blob + blob_n, false };
        char type[32];
        size_t n;
        if (!mon_blob_type(blob, blob_n, type, sizeof type))
                return NULL;
        take_text(&c, &n);
        if (strcmp(type, "ssh-rsa") == 0)
                return rsa_key(&c);
        if (strncmp(type, "ecdsa-sha2-", 11) == 0)
                return ecdsa_key(&c, type);
        const uint8_t *raw = take_text(&c, &n);
        if (strcmp(type, "ssh-ed25519") != 0 || c.bad || c.p != c.end || n != 32)
                return NULL;
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
}

bool mon_key_strong(const uint8_t *blob, size_t n)
{
        EVP_PKEY *key = public_key(blob, n);
        EVP_PKEY_free(key);
        return key;
}

bool mon_verify_with(const struct mon_text *algorithm, const uint8_t *blob, size_t blob_n, const struct mon_text *data,
                     const struct mon_text *signature)
{
        static const struct {
                const char *name, *digest;
        } digests[] = { { "ecdsa-sha2-nistp256", "SHA256" },
                        { "ecdsa-sha2-nistp384", "SHA384" },
                        { "ecdsa-sha2-nistp521", "SHA512" },
                        { "rsa-sha2-256", "SHA256" },
                        { "rsa-sha2-512", "SHA512" } };
        const EVP_MD *md = NULL;
        char type[64];
        const char *base = known((const uint8_t *)algorithm->data, algorithm->n, 0);
        if (!base || !mon_blob_type(blob, blob_n, type, sizeof type) || strcmp(type, base) != 0)
                return false;
        for (unsigned i = 0; i < sizeof digests / sizeof *digests; i++)
                if (strlen(digests[i].name) == algorithm->n &&
                    memcmp(digests[i].name, algorithm->data, algorithm->n) == 0)
                        md = EVP_get_digestbyname(digests[i].digest);
        if (!md && algorithm->n != 11) /* ssh-ed25519 has none */
                return false;
        EVP_PKEY *key = public_key(blob, blob_n);
        EVP_MD_CTX *ctx = key ? EVP_MD_CTX_new() : NULL;
        bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
                    EVP_DigestVerify(ctx, (const uint8_t *)signature->data, signature->n,
                                     (const uint8_t *)data->data, data->n) == 1;
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(key);
        return good;
}

/* libssh has taken the signature's wrapping off: raw for ed25519 and RSA, DER for ECDSA. */
bool mon_verify(const struct mon_text *data, const struct mon_text *signature)
{
        struct cursor c = { (const uint8_t *)data->data, (const uint8_t *)data->data + data->n, false };
        struct statement s;
        struct mon_cert cert;
        if (!read_statement(&c, NULL, NULL, &s))
                return false;
        struct mon_text algorithm = { (const char *)s.algorithm, (uint32_t)base_length(s.algorithm, s.algorithm_n) };
        if (algorithm.n == s.algorithm_n)
                return mon_verify_with(&algorithm, s.key, s.key_n, data, signature);
        return mon_cert_parse(s.key, s.key_n, &cert) == 0 &&
               mon_verify_with(&algorithm, cert.plain, cert.plain_n, data, signature);
}

void mon_fingerprint(const uint8_t *blob, size_t n, char *to, size_t size)
{
        uint8_t digest[32];
        unsigned len = sizeof digest;
        unsigned char text[48] = "";
        if (EVP_Digest(blob, n, digest, &len, EVP_sha256(), NULL) == 1)
                EVP_EncodeBlock(text, digest, 32);
        snprintf(to, size, "SHA256:%.43s", (char *)text);
}
