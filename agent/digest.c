/* SPDX-License-Identifier: MIT */
#include "agent/digest.h"

#include <gcrypt.h>
#include <pthread.h>

static void start(void)
{
        /* No secrets go through here, so no locked memory. */
        gcry_check_version(NULL);
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

static void ready(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, start);
}

static void hex(const unsigned char *digest, int n, const char *digits, char *ret)
{
        for (int i = 0; i < n; i++) {
                *ret++ = digits[digest[i] >> 4];
                *ret++ = digits[digest[i] & 15];
        }
        *ret = 0;
}

void rv_sha256_hex(const struct rv_piece *pieces, int n, char ret[65])
{
        gcry_buffer_t buffers[RV_PIECES] = { 0 };
        unsigned char digest[32] = { 0 };
        ready();
        for (int i = 0; i < n; i++)
                buffers[i] = (gcry_buffer_t){ .data = (void *)pieces[i].data, .len = pieces[i].n };
        gcry_md_hash_buffers(GCRY_MD_SHA256, 0, digest, buffers, n);
        hex(digest, sizeof digest, "0123456789abcdef", ret);
}

void rv_sha1_hex(const void *data, size_t n, char ret[41])
{
        unsigned char digest[20];
        ready();
        gcry_md_hash_buffer(GCRY_MD_SHA1, digest, data, n);
        hex(digest, sizeof digest, "0123456789ABCDEF", ret);
}
