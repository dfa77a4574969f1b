/* SPDX-License-Identifier: MIT
 *
 * SHA-256 for the audit's chain and the digests of repeated requests, SHA-1 for certificates' thumbprints. Not for
 * passwords. libgcrypt does the work: it is in the agent's memory anyway, since libsystemd needs it.
 */
#ifndef RV_DIGEST_H
#define RV_DIGEST_H

#include <stddef.h>

struct rv_piece {
        const void *data;
        size_t n;
};

enum { RV_PIECES = 64 }; /* the most at once */

/* Of the pieces one after another, in lower case. */
void rv_sha256_hex(const struct rv_piece *, int n, char ret[65]);
/* In upper case, as Windows shows thumbprints. */
void rv_sha1_hex(const void *, size_t n, char ret[41]);

#endif
