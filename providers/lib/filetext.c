/* SPDX-License-Identifier: MIT */
#include "providers/lib/filetext.h"

#include <errno.h>
#include <gcrypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/digest.h"

size_t rv_char_length(const void *data, size_t n)
{
        const unsigned char *s = data;
        unsigned c = n ? s[0] : 0xff, k = c < 0x80                ? 0
                                          : c >= 0xc2 && c < 0xe0 ? 1
                                          : c >= 0xe0 && c < 0xf0 ? 2
                                          : c >= 0xf0 && c < 0xf5 ? 3
                                                                  : 9;
        if (k == 9 || k >= n)
                return 0;
        for (unsigned j = 1; j <= k; j++)
                if ((s[j] & 0xc0) != 0x80)
                        return 0;
        if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || (c == 0xf0 && s[1] < 0x90) ||
            (c == 0xf4 && s[1] > 0x8f))
                return 0;
        return k + 1;
}

bool rv_is_text(const void *data, size_t n)
{
        const char *s = data;
        for (size_t i = 0, k; i < n; i += k)
                if (!s[i] || !(k = rv_char_length(s + i, n - i)))
                        return false;
        return true;
}

void rv_bytes_sha256(const void *data, size_t n, char ret[65])
{
        rv_sha256_hex(&(struct rv_piece) { data, n }, 1, ret);
}

bool rv_fd_sha256(int fd, bool (*over)(const void *), const void *state, char ret[65])
{
        enum { PART = 256 << 10 };
        gcry_md_hd_t h;
        ssize_t n = -1;
        char *buf = malloc(PART);
        if (!buf || gcry_md_open(&h, GCRY_MD_SHA256, 0)) {
                free(buf);
                return false;
        }
        while (!over(state) && ((n = read(fd, buf, PART)) > 0 || (n < 0 && errno == EINTR)))
                if (n > 0)
                        gcry_md_write(h, buf, (size_t)n);
        const unsigned char *sum = gcry_md_read(h, GCRY_MD_SHA256);
        for (int i = 0; i < 32; i++)
                snprintf(ret + 2 * i, 3, "%02x", sum[i]);
        gcry_md_close(h);
        free(buf);
        return n == 0;
}
