/* SPDX-License-Identifier: MIT
 *
 * A gzip file whose contents are read at any place: it is unpacked once, and on the way states of the unpacking are
 * kept from which each part can be unpacked again.
 */
#ifndef RV_LOG_PACKED_H
#define RV_LOG_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rv_packed;
struct rv_packed *rv_packed_open(
        int fd, int *ret_error); /* borrows fd. NULL: errno, EBADMSG: damaged from the first byte */
struct rv_packed *rv_packed_close(struct rv_packed *);
uint64_t rv_packed_size(const struct rv_packed *);                           /* up to where it is sound */
ssize_t rv_packed_read(struct rv_packed *, void *to, size_t n, uint64_t at); /* like pread(2) */
/* Its first bytes alone, without reading on; as many as there are. */
ssize_t rv_packed_head(int fd, void *to, size_t n);

#endif
