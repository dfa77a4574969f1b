/* SPDX-License-Identifier: MIT
 *
 * Loading libraries on demand; digests by libcrypto; bytes as values. See library.h.
 */
#include "shell/library.h"
#include "shell/text.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void *sh_library(const char *file, const char *function)
{
        void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL); /* the same handle each time: dlopen counts */
        return lib ? dlsym(lib, function) : NULL;
}

/* ---- digests ---- */
#define CRYPTO "libcrypto.so.3"
struct sh_digest {
        EVP_MD_CTX *ctx; /* plain */
        EVP_PKEY *key;   /* HMAC */
};

struct sh_digest *sh_digest_new(const char *name, const void *key, size_t nkey)
{
        __typeof__(EVP_get_digestbyname) *by_name = SH_FUNCTION(CRYPTO, EVP_get_digestbyname);
        __typeof__(EVP_MD_CTX_new) *new = SH_FUNCTION(CRYPTO, EVP_MD_CTX_new);
        __typeof__(EVP_DigestInit_ex) *init = SH_FUNCTION(CRYPTO, EVP_DigestInit_ex);
        __typeof__(EVP_DigestSignInit) *sign = SH_FUNCTION(CRYPTO, EVP_DigestSignInit);
        __typeof__(EVP_PKEY_new_mac_key) *mac = SH_FUNCTION(CRYPTO, EVP_PKEY_new_mac_key);
        const EVP_MD *md = by_name ? by_name(name) : NULL;
        struct sh_digest *d = md && new && init && sign && mac ? calloc(1, sizeof(*d)) : NULL;
        if (!d)
                return NULL;
        d->ctx = new();
        bool good = d->ctx;
        if (key) {
                d->key = mac(EVP_PKEY_HMAC, NULL, key, (int)nkey);
                good = good && d->key && sign(d->ctx, NULL, md, NULL, d->key) == 1;
        } else {
                good = good && init(d->ctx, md, NULL) == 1;
        }
        if (good)
                return d;
        unsigned char out[SH_DIGEST_MAX];
        sh_digest_end(d, out);
        return NULL;
}

void sh_digest_add(struct sh_digest *d, const void *p, size_t n)
{
        SH_FUNCTION(CRYPTO, EVP_DigestUpdate)(d->ctx, p, n);
}

unsigned sh_digest_end(struct sh_digest *d, unsigned char out[SH_DIGEST_MAX])
{
        unsigned n = 0;
        size_t len = SH_DIGEST_MAX;
        if (d->key && SH_FUNCTION(CRYPTO, EVP_DigestSignFinal)(d->ctx, out, &len) == 1)
                n = (unsigned)len;
        else if (!d->key && d->ctx)
                SH_FUNCTION(CRYPTO, EVP_DigestFinal_ex)(d->ctx, out, &n);
        SH_FUNCTION(CRYPTO, EVP_MD_CTX_free)(d->ctx);
        SH_FUNCTION(CRYPTO, EVP_PKEY_free)(d->key);
        free(d);
        return n;
}

/* ---- bytes ---- */
struct sv sh_bytes_new(const void *p, size_t n)
{
        const unsigned char *s = p;
        struct sv r = sh_array_typed(&sh_type_byte, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
                r.a->v[i] = (struct sv) { .kind = SH_BYTE, .u = s[i] };
        return r;
}

bool sh_bytes_of(struct sh *sh, struct sv v, struct sh_buf *b)
{
        struct sv item;
        size_t pos = 0;
        int64_t i;
        if (!sh_is_enumerable(v))
                return false;
        while (sh_next(v, &pos, &item)) {
                bool good = item.kind == SH_BYTE || (sh_to_int64(sh, item, &i) && i >= -128 && i <= 255);
                if (item.kind == SH_BYTE)
                        i = item.i;
                sh_drop(item);
                if (!good)
                        return false;
                sh_buf_put(b, (char[]) { (char)i }, 1);
        }
        return true;
}
