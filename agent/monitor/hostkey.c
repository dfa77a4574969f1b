/* SPDX-License-Identifier: MIT
 *
 * The host key: ed25519 in OpenSSH's own file format, so that ssh-keygen reads it. Made at first start, 0600, on disk
 * before anyone sees its public half.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"

enum { KEY_FILE = 4096 };
static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n",
                  end[] = "-----END OPENSSH PRIVATE KEY-----\n";
static const char type[] = "ssh-ed25519";

struct blob {
        uint8_t data[1024];
        size_t n;
};

static void put32(struct blob *b, uint32_t v)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                b->data[b->n++] = (uint8_t)(v >> shift);
}

static void put(struct blob *b, const void *data, size_t n)
{
        put32(b, (uint32_t)n);
        if (n)
                memcpy(b->data + b->n, data, n);
        b->n += n;
}

static void public_blob(struct blob *b, const uint8_t public[32])
{
        put(b, type, sizeof type - 1);
        put(b, public, 32);
}

/* Lines of 70 letters between the markers. */
static size_t armour(const struct blob *b, char *to, size_t size)
{
        unsigned char text[2048];
        int n = EVP_EncodeBlock(text, b->data, (int)b->n);
        size_t at = (size_t)snprintf(to, size, "%s", begin);
        for (int i = 0; i < n; i += 70)
                at += (size_t)snprintf(to + at, size - at, "%.*s\n", n - i < 70 ? n - i : 70,
                                       (char *)text + i);
        at += (size_t)snprintf(to + at, size - at, "%s", end);
        explicit_bzero(text, sizeof text);
        return at;
}

static size_t private_file(const uint8_t secret[32], const uint8_t public[32], char *to, size_t size)
{
        struct blob file = { .n = 15 }, inner = { .n = 0 }, pub = { .n = 0 };
        uint8_t both[64], check[4];
        memcpy(both, secret, 32);
        memcpy(both + 32, public, 32);
        memcpy(check, public, 4);
        public_blob(&pub, public);
        memcpy(file.data, "openssh-key-v1", 15);
        put(&file, "none", 4);
        put(&file, "none", 4);
        put(&file, "", 0);
        put32(&file, 1);
        put(&file, pub.data, pub.n);
        memcpy(inner.data, check, 4);
        memcpy(inner.data + 4, check, 4);
        inner.n = 8;
        public_blob(&inner, public);
        put(&inner, both, sizeof both);
        put(&inner, "reeve", 5);
        for (uint8_t pad = 1; inner.n % 8; pad++)
                inner.data[inner.n++] = pad;
        put(&file, inner.data, inner.n);
        size_t n = armour(&file, to, size);
        explicit_bzero(both, sizeof both);
        explicit_bzero(&inner, sizeof inner);
        explicit_bzero(&file, sizeof file);
        return n;
}

/* ---- reading ---- */

static bool get(const uint8_t **p, const uint8_t *stop, const uint8_t **ret, size_t *n)
{
        if (stop - *p < 4)
                return false;
        *n = (size_t)(*p)[0] << 24 | (size_t)(*p)[1] << 16 | (size_t)(*p)[2] << 8 | (*p)[3];
        *p += 4;
        if (*n > (size_t)(stop - *p))
                return false;
        *ret = *p;
        *p += *n;
        return true;
}

/* The seed of an ed25519 key without passphrase. */
static bool parse(const uint8_t *p, size_t n, uint8_t secret[32])
{
        const uint8_t *stop = p + n, *s;
        size_t m;
        if (n < 15 || memcmp(p, "openssh-key-v1", 15) != 0)
                return false;
        p += 15;
        if (!get(&p, stop, &s, &m) || m != 4 || memcmp(s, "none", 4) != 0 || !get(&p, stop, &s, &m) ||
            !get(&p, stop, &s, &m) || stop - p < 4)
                return false;
        p += 4;
        if (!get(&p, stop, &s, &m) || !get(&p, stop, &s, &m) || m < 8 || memcmp(s, s + 4, 4) != 0)
                return false;
        p = s + 8, stop = s + m;
        if (!get(&p, stop, &s, &m) || m != sizeof type - 1 || memcmp(s, type, m) != 0 ||
            !get(&p, stop, &s, &m) || !get(&p, stop, &s, &m) || m != 64)
                return false;
        memcpy(secret, s, 32);
        return true;
}

static int load(const char *path, uint8_t secret[32])
{
        char text[KEY_FILE];
        uint8_t bytes[KEY_FILE];
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, sizeof text) : -1;
        close(fd);
        if (n < 0)
                return -EIO;
        if ((st.st_mode & 077) || (st.st_uid != 0 && st.st_uid != geteuid())) {
                rv_log(RV_LOG_ERROR, "%s can be read by others than its owner: not used", path);
                return -EPERM;
        }
        char letters[KEY_FILE];
        size_t m = 0;
        char *from = memmem(text, (size_t)n, begin, sizeof begin - 1);
        char *to = from ? memmem(text, (size_t)n, end, sizeof end - 1) : NULL;
        if (!to || to < from)
                return -EBADMSG;
        for (char *p = from + sizeof begin - 1; p < to; p++)
                if (*p != '\n' && *p != '\r')
                        letters[m++] = *p;
        int k = mon_base64(letters, m, bytes, sizeof bytes);
        int r = k > 0 && parse(bytes, (size_t)k, secret) ? 0 : -EBADMSG;
        explicit_bzero(text, sizeof text);
        explicit_bzero(letters, sizeof letters);
        explicit_bzero(bytes, sizeof bytes);
        return r;
}

/* Whole or not at all. */
static int store(const char *path, const char *text, size_t n, mode_t mode)
{
        char temporary[1100];
        snprintf(temporary, sizeof temporary, "%s.new", path);
        unlink(temporary);
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        int bad = fchmod(fd, mode) < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) < 0;
        int error = errno;
        close(fd);
        if (!bad && rename(temporary, path) == 0)
                return 0;
        error = bad ? error : errno;
        unlink(temporary);
        return -error;
}

static int store_public(struct monitor *m, const char *path)
{
        struct blob b = { .n = 0 };
        unsigned char text[128];
        char line[256];
        public_blob(&b, m->host_public);
        EVP_EncodeBlock(text, b.data, (int)b.n);
        int n = snprintf(line, sizeof line, "%s %s reeve\n", type, (char *)text);
        return store(path, line, (size_t)n, 0644);
}

static int make(const char *path, uint8_t secret[32])
{
        uint8_t public[32];
        size_t n = 32, k = 32;
        char text[KEY_FILE];
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        int r = -EIO;
        if (key && EVP_PKEY_get_raw_private_key(key, secret, &n) == 1 &&
            EVP_PKEY_get_raw_public_key(key, public, &k) == 1)
                r = store(path, text, private_file(secret, public, text, sizeof text), 0600);
        EVP_PKEY_free(key);
        explicit_bzero(text, sizeof text);
        if (r == 0)
                rv_log(RV_LOG_NOTICE, "made a host key: %s", path);
        return r;
}

/* 1 where it is another key than the one that counts. */
static int take(struct monitor *m, const uint8_t secret[32])
{
        uint8_t public[32];
        size_t n = 32;
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
        if (!key || EVP_PKEY_get_raw_public_key(key, public, &n) != 1) {
                EVP_PKEY_free(key);
                return -EBADMSG;
        }
        bool another = !m->host_key || memcmp(public, m->host_public, 32) != 0;
        EVP_PKEY_free(m->host_key);
        m->host_key = key;
        memcpy(m->host_public, public, 32);
        return another;
}

int mon_host_key(struct monitor *m)
{
        char path[1024], public[1040];
        uint8_t secret[32];
        snprintf(path, sizeof path, "%s/ssh_host_ed25519_key", m->o.state);
        snprintf(public, sizeof public, "%s.pub", path);
        int r = load(path, secret);
        if (r == -ENOENT)
                r = make(path, secret);
        if (r == 0)
                r = take(m, secret);
        explicit_bzero(secret, sizeof secret);
        int stored = r < 0 ? r : store_public(m, public);
        if (stored < 0)
                rv_log(RV_LOG_ERROR, "%s: %s", path,
                       stored == -EBADMSG ? "no ed25519 key without passphrase" : strerror(-stored));
        return r;
}
