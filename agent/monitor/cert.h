/* SPDX-License-Identifier: MIT
 *
 * User certificates: see cert.c. Texts point into the blob that was parsed.
 */
#ifndef MON_CERT_H
#define MON_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/monitor/keys.h"
#include "agent/monitor/request.h"

struct mon_cert {
        uint8_t plain[MON_KEY_BYTES]; /* the certified key by itself */
        size_t plain_n;
        uint64_t serial, after, before; /* seconds since 1970 */
        uint32_t kind;
        struct mon_text id, principals, critical, extensions, authority, signature;
        struct mon_text statement; /* what the authority signed */
};

bool mon_is_cert(const uint8_t *blob, size_t n);
int mon_cert_parse(const uint8_t *blob, size_t n, struct mon_cert *ret); /* 0 or -EBADMSG */
bool mon_cert_signed(const struct mon_cert *);                          /* by the authority that it names */
/* NULL: it counts for this user, from there, now, and *k has what it takes away; else why not. k is the line of the
 * authority. */
const char *mon_cert_refused(const struct mon_cert *, const char *user, const struct sockaddr *, time_t now,
                             struct mon_key *k);
/* Whether the list has the key, or of a certificate the key or the authority. c: NULL for a plain key. */
bool mon_revoked(const char *list, size_t n, const uint8_t *blob, size_t blob_n, const struct mon_cert *c);

#endif
