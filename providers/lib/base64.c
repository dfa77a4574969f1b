/* SPDX-License-Identifier: MIT */
#include "providers/lib/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *rv_base64(const void *data, size_t n)
{
        const uint8_t *p = data;
        char *all = malloc((n + 2) / 3 * 4 + 1), *to = all;
        for (size_t i = 0; all && i < n; i += 3) {
                size_t left = n - i;
                uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                             (left > 2 ? p[i + 2] : 0);
                *to++ = letters[v >> 18];
                *to++ = letters[v >> 12 & 63];
                *to++ = left > 1 ? letters[v >> 6 & 63] : '=';
                *to++ = left > 2 ? letters[v & 63] : '=';
        }
        if (all)
                *to = 0;
        return all;
}

ssize_t rv_base64_bytes(const char *text, void *to)
{
        uint8_t *p = to;
        size_t n = strcspn(text, "=");
        uint32_t v = 0;
        if ((n + strspn(text + n, "=")) % 4 || strlen(text) != n + strspn(text + n, "=") || n % 4 == 1)
                return -1;
        for (size_t i = 0; i < n; i++) {
                const char *at = memchr(letters, text[i], 64);
                if (!at)
                        return -1;
                v = v << 6 | (uint32_t)(at - letters);
                if (i % 4)
                        *p++ = (uint8_t)(v >> (6 - i % 4 * 2));
        }
        return p - (uint8_t *)to;
}
