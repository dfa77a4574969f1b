/* SPDX-License-Identifier: MIT
 *
 * What a file has beside its contents and stat(2): names that are no UTF-8, access lists, extended attributes, the
 * package that brought it; and whether asking for it can hang.
 */
#ifndef RV_FILEINFO_H
#define RV_FILEINFO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "providers/lib/mountinfo.h"
#include "schema/error.h"

/* A path as text and back, one to one: bytes that are no UTF-8 are told as \xHH, and a backslash that would read as one
 * of those as \x5c. False: it does not fit. */
#define RV_FILENAME_TOLD (4 * PATH_MAX)
bool rv_filename_told(const char *bytes, char ret[RV_FILENAME_TOLD]);
bool rv_filename_real(const char *told, char ret[PATH_MAX]);

/* getfacl's words, each followed by a line end: "user::rw-". attribute: system.posix_acl_access or ..._default. False:
 * it has none. */
bool rv_acl_told(const char *path, const char *attribute, char *ret, size_t size);
/* The same back, of n entries: bytes of the attribute into ret. A mask is made where names need one. -1: *why says what
 * is wrong. */
struct rv_arg;
long rv_acl_bytes(const struct rv_arg *entries, uint32_t n, uint8_t *ret, size_t size, const char **why);

/* The package of dpkg that brought it; false: none, or another manager. */
bool rv_file_package(const char *path, char *ret, size_t size);

/* Whether the file systems on the way to a path answer (network and FUSE file systems may not): asked by helpers, so
 * that no thread is caught. RV_OK, or RV_UNAVAILABLE. */
int rv_file_answers(const struct rv_mounts *, const char *path, uint64_t deadline, struct rv_error *);
/* It is where a file system is mounted that may not answer. */
bool rv_file_is_risky_mount(const struct rv_mounts *, const char *path);

#endif
