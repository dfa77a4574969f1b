/* SPDX-License-Identifier: MIT
 *
 * Digests as .NET calls them: [SHA256]::Create().ComputeHash(bytes), ::HashData(bytes), the keyed HMAC... classes; and
 * the generator of random bytes.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/library.h"
#include "shell/stream_object.h"
#include "shell/types.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>

struct hasher {
        struct sh_obj obj;
        const char *digest; /* libcrypto's name */
        struct sv key;      /* byte[] of an HMAC, else nil */
        struct sv last;     /* .Hash */
};
static struct hasher *hasher_of(struct sv v)
{
        return (struct hasher *)v.o;
}
static const char *digest_of(const char *type_name)
{
        static const char *const names[] = { "SHA512", "SHA384", "SHA256", "SHA1", "MD5" };
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (strstr(type_name, names[i]))
                        return names[i];
        return "SHA256";
}
static bool is_hmac(const char *type_name)
{
        return strstr(type_name, "HMAC") != NULL;
}
static struct sv hasher_new(const struct sh_type *t, struct sv key)
{
        struct sv r = sh_other_new(t, sizeof(struct hasher));
        hasher_of(r)->digest = digest_of(t->name);
        hasher_of(r)->key = sh_keep(key);
        return r;
}
static int digest_bytes(struct sh *sh, struct sh_args a, const char *digest, const struct sh_buf *key,
                        const struct sh_buf *data, struct sv *ret)
{
        unsigned char out[SH_DIGEST_MAX];
        struct sh_digest *d = sh_digest_new(digest, key ? (key->p ? key->p : "") : NULL, key ? key->n : 0);
        if (!d)
                return sh_throw_member(
                        sh, a, "System.Security.Cryptography.CryptographicException",
                        "The digest %s is not available: libcrypto.so.3 (package libssl3) cannot be loaded.",
                        digest);
        sh_digest_add(d, data->p, data->n);
        *ret = sh_bytes_new(out, sh_digest_end(d, out));
        return SH_OK;
}
/* Bytes, a part of them, or what is left of a stream. */
static bool data_of(struct sh *sh, struct sh_args a, struct sh_buf *b)
{
        int64_t at, n;
        struct sv v = sh_args_at(a, 0);
        if (sh_stream_rest(v, b))
                return a.n == 1;
        if ((a.n != 1 && a.n != 3) || !sh_bytes_of(sh, v, b))
                return false;
        if (a.n == 3) {
                if (!sh_args_int(sh, a, 1, &at) || !sh_args_int(sh, a, 2, &n) || at < 0 || n < 0 ||
                    (size_t)(at + n) > b->n)
                        return false;
                memmove(b->p, b->p + at, (size_t)n);
                b->n = (size_t)n;
        }
        return true;
}
static int hasher_compute(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct hasher *h = hasher_of(self);
        struct sh_buf data = { 0 }, key = { 0 };
        if (!data_of(sh, a, &data)) {
                sh_buf_free(&data);
                return SH_NONE;
        }
        if (h->key.kind == SH_ARRAY)
                sh_bytes_of(sh, h->key, &key);
        int st = digest_bytes(sh, a, h->digest, h->key.kind == SH_ARRAY ? &key : NULL, &data, ret);
        sh_buf_free(&data);
        sh_buf_free(&key);
        if (st == SH_OK) {
                sh_drop(h->last);
                h->last = sh_keep(*ret);
        }
        return st;
}
/* The class that a static call went to. */
static const struct sh_type *class_of(struct sv self, const struct sh_type *otherwise)
{
        const struct sh_type *t = sh_type_referred(self);
        return t ? t : otherwise;
}
static const struct sh_type sha256_type;
static int hasher_data(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_type *t = class_of(self, &sha256_type);
        struct sh_buf key = { 0 }, data = { 0 };
        bool hmac = is_hmac(t->name);
        struct sh_args rest = { a.n - hmac, a.v + hmac };
        int st = a.n < 1u + hmac || (hmac && !sh_bytes_of(sh, sh_args_at(a, 0), &key)) ||
                                 !data_of(sh, rest, &data)
                         ? SH_NONE
                         : digest_bytes(sh, a, digest_of(t->name), hmac ? &key : NULL, &data, ret);
        sh_buf_free(&key);
        sh_buf_free(&data);
        return st;
}
static struct sv random_key(void)
{
        unsigned char b[64];
        size_t n = getrandom(b, sizeof(b), 0) == (ssize_t)sizeof(b) ? sizeof(b) : 0;
        return sh_bytes_new(b, n);
}
static int hasher_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        if (a.n > 1 || (a.n && (!is_hmac(t->name) || !sh_bytes_of(sh, sh_args_at(a, 0), &b)))) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        struct sv key = !is_hmac(t->name) ? SH_NIL : a.n ? sh_bytes_new(b.p, b.n) : random_key();
        *ret = hasher_new(t, key);
        sh_drop(key);
        sh_buf_free(&b);
        return SH_OK;
}
static const struct sh_type *const hashers[];
static int hasher_create(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct sh_type *t = class_of(self, &sha256_type);
        struct sv name = sh_args_at(a, 0);
        if (a.n > 1)
                return SH_NONE;
        if (a.n == 0)
                return hasher_construct(sh, t, a, ret);
        if (name.kind != SH_STRING)
                return SH_NONE;
        for (const struct sh_type *const *h = hashers; *h; h++) {
                size_t n;
                const char *s = sh_type_short_name(*h, &n);
                char plain[32] = "";
                size_t k = 0; /* "SHA-256" is SHA256 */
                for (const char *p = name.s->s; *p && k + 1 < sizeof(plain); p++)
                        if (*p != '-')
                                plain[k++] = *p;
                if (strlen(plain) == n && !strncasecmp(plain, s, n)) {
                        struct sh_args none = { 0 };
                        return hasher_construct(sh, *h, none, ret);
                }
        }
        *ret = SH_NIL;
        return SH_OK;
}
static int hasher_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct hasher *h = hasher_of(self);
        switch (sh_member_arg(sh)) {
        case 'h': *ret = sh_keep(h->last); break;
        case 'k': *ret = sh_keep(h->key); break;
        case 's':
                *ret = sh_int(!strcmp(h->digest, "MD5")    ? 128
                              : !strcmp(h->digest, "SHA1") ? 160
                                                           : atoi(h->digest + 3));
                break;
        default: *ret = SH_NOTHING;
        }
        return SH_OK;
}
static int hasher_set_key(struct sh *sh, struct sv self, struct sv v)
{
        struct sh_buf b = { 0 };
        if (!sh_bytes_of(sh, v, &b)) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        sh_drop(hasher_of(self)->key);
        hasher_of(self)->key = sh_bytes_new(b.p, b.n);
        sh_buf_free(&b);
        return SH_OK;
}
static void hasher_free(struct sh_obj *o)
{
        sh_drop(((struct hasher *)o)->key);
        sh_drop(((struct hasher *)o)->last);
}
#define HASHER \
        SH_P("Hash", "byte[] Hash {get;}", hasher_get, 'h'), \
                SH_P("HashSize", "int HashSize {get;}", hasher_get, 's'), \
                SH_M("ComputeHash", "byte[] ComputeHash(byte[] buffer)", hasher_compute), \
                SH_M("Dispose", "void Dispose()", hasher_get, 'd'), \
                SH_M("Clear", "void Clear()", hasher_get, 'd'), \
                SH_M("Initialize", "void Initialize()", hasher_get, 'd'), \
                SH_SM("HashData", "static byte[] HashData(byte[] source)", hasher_data), \
                SH_SM("Create", "static System.Security.Cryptography.HashAlgorithm Create()", hasher_create)
static const struct sh_member hash_members[] = { HASHER };
static const struct sh_member hmac_members[] = {
        HASHER, { "Key", SH_PROPERTY, false, "byte[] Key {get;set;}", hasher_get, hasher_set_key, 'k' }
};
#define CRYPTO "System.Security.Cryptography."
#define HASH_TYPE(var, cls, table) \
        static const struct sh_type var = { .name = CRYPTO cls, \
                                            .base = &sh_type_object, \
                                            SH_MEMBERS(table), \
                                            .construct = hasher_construct, \
                                            .free = hasher_free }
HASH_TYPE(md5_type, "MD5", hash_members);
HASH_TYPE(sha1_type, "SHA1", hash_members);
HASH_TYPE(sha256_type, "SHA256", hash_members);
HASH_TYPE(sha384_type, "SHA384", hash_members);
HASH_TYPE(sha512_type, "SHA512", hash_members);
HASH_TYPE(md5_old, "MD5CryptoServiceProvider", hash_members);
HASH_TYPE(sha1_old, "SHA1CryptoServiceProvider", hash_members);
HASH_TYPE(sha1_managed, "SHA1Managed", hash_members);
HASH_TYPE(sha256_old, "SHA256CryptoServiceProvider", hash_members);
HASH_TYPE(sha256_managed, "SHA256Managed", hash_members);
HASH_TYPE(sha512_managed, "SHA512Managed", hash_members);
HASH_TYPE(hmac_md5, "HMACMD5", hmac_members);
HASH_TYPE(hmac_sha1, "HMACSHA1", hmac_members);
HASH_TYPE(hmac_sha256, "HMACSHA256", hmac_members);
HASH_TYPE(hmac_sha384, "HMACSHA384", hmac_members);
HASH_TYPE(hmac_sha512, "HMACSHA512", hmac_members);
HASH_TYPE(algorithm_type, "HashAlgorithm", hash_members);
static const struct sh_type *const hashers[] = { &md5_type,    &sha1_type,   &sha256_type, &sha384_type,
                                                 &sha512_type, &hmac_md5,    &hmac_sha1,   &hmac_sha256,
                                                 &hmac_sha384, &hmac_sha512, NULL };

/* ---- RandomNumberGenerator ---- */
static const struct sh_type random_type;
static bool fill(void *p, size_t n)
{
        for (size_t done = 0; done < n;) {
                ssize_t k = getrandom((char *)p + done, n - done > 256 ? 256 : n - done, 0);
                if (k < 0)
                        return false;
                done += (size_t)k;
        }
        return true;
}
static int random_bytes(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv v = sh_args_at(a, 0);
        int64_t n;
        *ret = SH_NOTHING;
        if (a.n != 1)
                return SH_NONE;
        if (v.kind == SH_ARRAY) { /* fills it */
                for (uint32_t i = 0; i < v.a->n; i++) {
                        uint8_t b = 0;
                        fill(&b, 1);
                        sh_drop(v.a->v[i]);
                        v.a->v[i] = (struct sv) { .kind = SH_BYTE, .u = b };
                }
                return SH_OK;
        }
        if (!sh_args_int(sh, a, 0, &n) || n < 0 || n > 1 << 26)
                return SH_NONE;
        struct sh_buf b = { 0 };
        char block[256];
        for (int64_t left = n; left > 0; left -= 256) {
                fill(block, sizeof(block));
                sh_buf_put(&b, block, left < 256 ? (size_t)left : 256);
        }
        if (sh_member_arg(sh) == 'x') {
                struct sh_buf hex = { 0 };
                for (int64_t i = 0; i < n; i++)
                        sh_buf_putf(&hex, "%02X", (unsigned char)b.p[i]);
                *ret = sh_string(hex.p ? hex.p : "", (size_t)n);
                sh_buf_free(&hex);
        } else {
                *ret = sh_bytes_new(b.p, b.n);
        }
        sh_buf_free(&b);
        return SH_OK;
}
static int random_int(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int64_t from = 0, to;
        uint32_t u;
        if ((a.n != 1 && a.n != 2) || !sh_args_int(sh, a, a.n - 1, &to) ||
            (a.n == 2 && !sh_args_int(sh, a, 0, &from)))
                return SH_NONE;
        if (to <= from)
                return sh_throw_argument(sh, a,
                                         "Range of random number does not contain at least one possibility.");
        uint64_t span = (uint64_t)(to - from), most = (UINT64_C(1) << 32) / span * span;
        do
                fill(&u, sizeof(u));
        while (u >= most);
        *ret = sh_int((int32_t)(from + (int64_t)(u % span)));
        return SH_OK;
}
static int random_create(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_member_arg(sh) ? SH_NOTHING : sh_other_new(&random_type, sizeof(struct sh_obj));
        return SH_OK;
}
static int random_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_other_new(t, sizeof(struct sh_obj));
        return SH_OK;
}
static const struct sh_member random_members[] = {
        SH_M("GetBytes", "void GetBytes(byte[] data)", random_bytes, 0),
        SH_M("GetNonZeroBytes", "void GetNonZeroBytes(byte[] data)", random_bytes, 0),
        SH_M("Dispose", "void Dispose()", random_create, 1),
        SH_SM("GetBytes", "static byte[] GetBytes(int count)", random_bytes, 0),
        SH_SM("Fill", "static void Fill(byte[] data)", random_bytes, 0),
        SH_SM("GetHexString", "static string GetHexString(int stringLength)", random_bytes, 'x'),
        SH_SM("GetInt32",
              "static int GetInt32(int toExclusive), static int GetInt32(int fromInclusive, int toExclusive)",
              random_int),
        SH_SM("Create", "static System.Security.Cryptography.RandomNumberGenerator Create()", random_create,
              0),
};
#define RANDOM_TYPE(var, cls) \
        static const struct sh_type var = { .name = CRYPTO cls, \
                                            .base = &sh_type_object, \
                                            SH_MEMBERS(random_members), \
                                            .construct = random_construct }
RANDOM_TYPE(random_type, "RandomNumberGenerator");
RANDOM_TYPE(random_old, "RNGCryptoServiceProvider");

SH_TYPES(crypto, &algorithm_type, &md5_type, &sha1_type, &sha256_type, &sha384_type, &sha512_type, &md5_old,
         &sha1_old, &sha1_managed, &sha256_old, &sha256_managed, &sha512_managed, &hmac_md5, &hmac_sha1,
         &hmac_sha256, &hmac_sha384, &hmac_sha512, &random_type, &random_old);
