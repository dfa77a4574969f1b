/* SPDX-License-Identifier: MIT
 *
 * One file of a log, read backwards: line by line from the end or from a moment, whatever its size, in a window of
 * RV_LOG_WINDOW bytes. What is packed (gzip) is read the same way: states of the unpacking are kept on the way to the
 * end, so that any part of it can be had again without the parts before it (at most some 10 MB of states).
 *
 *      struct rv_logfile *f = rv_logfile_open(fd, packed, &error);
 *      rv_logfile_seek(f, until);
 *      while (rv_logfile_previous(f, &place))
 *              ... place.line, place.text ...
 *      rv_logfile_close(f);
 *
 * A file may be written, truncated or removed meanwhile: what is not there any more ends the reading.
 */
#ifndef RV_LOG_FILE_H
#define RV_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "providers/log/line.h"

enum { RV_LOG_WINDOW = 128 << 10, RV_LOG_LINE_MOST = 64 << 10 };

/* How far lines may be out of order, ns: an access log has the time when a request began. A local time may be an hour
 * off where clocks are set back. */
#define RV_LOG_SLACK INT64_C(300000000000)
#define RV_LOG_LOCAL_SLACK INT64_C(3900000000000)

struct rv_logplace {
        uint64_t at;             /* where the line begins */
        struct rv_logtext text;  /* without its end; cut at RV_LOG_LINE_MOST; valid until the next call */
        struct rv_logline line;
};

struct rv_logfile;
/* Takes the descriptor, also on failure. NULL with *ret_error an errno: EBADMSG where it is no gzip. */
struct rv_logfile *rv_logfile_open(int fd, bool packed, int *ret_error);
struct rv_logfile *rv_logfile_close(struct rv_logfile *); /* NULL */
uint64_t rv_logfile_size(const struct rv_logfile *);      /* unpacked */
/* Behind the last line that may be of `until` (ns since 1970) or before. */
void rv_logfile_seek(struct rv_logfile *, int64_t until);
/* The line before. False: there is none. */
bool rv_logfile_previous(struct rv_logfile *, struct rv_logplace *ret);
/* The line that begins there, and where the next one does (NULL: not asked). False: none begins there. */
bool rv_logfile_at(struct rv_logfile *, uint64_t at, struct rv_logplace *ret, uint64_t *ret_next);
bool rv_logfile_bytes(struct rv_logfile *, void *to, size_t n, uint64_t at); /* all of them, or false */
/* It was so far without any time, for so long that it will have none. */
bool rv_logfile_timeless(const struct rv_logfile *);
uint64_t rv_logline_hash(const struct rv_logtext *);
/* A line of n bytes, without its end, of which as many are at hand as a place keeps. */
void rv_logplace_of(struct rv_logclock *, const char *s, uint64_t n, uint64_t at, struct rv_logplace *ret);

#endif
