/* SPDX-License-Identifier: MIT
 *
 * SHA-256 (FIPS 180-4), for the audit's chain and the digests of repeated requests. Not for passwords.
 */
#ifndef RV_SHA256_H
#define RV_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct rv_sha256 {
        uint32_t h[8];
        uint64_t total;
        uint8_t block[64];
};

void rv_sha256_init(struct rv_sha256 *);
void rv_sha256_add(struct rv_sha256 *, const void *, size_t n);
void rv_sha256_hex(struct rv_sha256 *, char ret[65]); /* ends it */

#endif
