/* SPDX-License-Identifier: MIT
 *
 * Libraries that few sessions need (libcrypto, libcurl, libexpat, libarchive) are loaded when first used: a session
 * that never hashes or fetches anything pays nothing for them. The headers are those of the build.
 */
#ifndef SH_LIBRARY_H
#define SH_LIBRARY_H

#include "shell/value.h"

/* A function by name, cast by the caller to its header's type. file: "libcrypto.so.3". Aborts never: NULL when the
 * library or the function is not there. */
void *sh_library(const char *file, const char *function);
#define SH_FUNCTION(file, name) ((__typeof__(name) *)sh_library(file, #name))

/* ---- digests ---- */
struct sh_digest;
enum { SH_DIGEST_MAX = 64 };
/* name: MD5 SHA1 SHA256 SHA384 SHA512. key NULL: plain, else an HMAC. NULL: there is no such digest here. */
struct sh_digest *sh_digest_new(const char *name, const void *key, size_t nkey);
void sh_digest_add(struct sh_digest *, const void *, size_t n);
unsigned sh_digest_end(struct sh_digest *, unsigned char out[SH_DIGEST_MAX]); /* its length; frees */

/* ---- bytes as values ---- */
struct sv sh_bytes_new(const void *, size_t n);
/* byte[], or any collection of numbers, appended. False: it is none. */
bool sh_bytes_of(struct sh *, struct sv, struct sh_buf *);

#endif
