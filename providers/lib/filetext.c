/* SPDX-License-Identifier: MIT */
#include "providers/lib/filetext.h"

#include "agent/digest.h"

bool rv_is_text(const void *data, size_t n)
{
        const unsigned char *s = data;
        for (size_t i = 0; i < n;) {
                unsigned c = s[i], k = c < 0x80                ? 0
                                       : c >= 0xc2 && c < 0xe0 ? 1
                                       : c >= 0xe0 && c < 0xf0 ? 2
                                       : c >= 0xf0 && c < 0xf5 ? 3
                                                               : 9;
                if (!c || k == 9 || i + k >= n)
                        return false;
                for (unsigned j = 1; j <= k; j++)
                        if ((s[i + j] & 0xc0) != 0x80)
                                return false;
                if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) ||
                    (c == 0xf0 && s[i + 1] < 0x90) || (c == 0xf4 && s[i + 1] > 0x8f))
                        return false;
                i += k + 1;
        }
        return true;
}

void rv_bytes_sha256(const void *data, size_t n, char ret[65])
{
        rv_sha256_hex(&(struct rv_piece) { data, n }, 1, ret);
}
