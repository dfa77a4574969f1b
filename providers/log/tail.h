/* SPDX-License-Identifier: MIT
 *
 * Log files followed: each line that is written to a channel (channel.h) from now on, once, in the file's order. A file
 * that is renamed is read to its end, and on, until the next one is renamed (its writer may not have noticed yet); one
 * that was copied and truncated is read on in its copy first; what cannot be read again is told as lost. Files come and
 * go; folders, too. Told by inotify, which only says where to look: places in the files decide, so nothing is lost
 * where it overflows.
 *
 * Belongs to one thread, which may block in a file system that does not answer.
 */
#ifndef RV_LOG_TAIL_H
#define RV_LOG_TAIL_H

#include <stdbool.h>

#include "providers/log/file.h"

/* A line; place NULL: lines of that log were lost. False: nothing more is wanted. May block. */
typedef bool (*rv_logtail_each)(void *, const char *base, const char *path, const struct rv_logplace *place);

struct rv_logtail;
struct rv_logtail *rv_logtail_open(rv_logtail_each, void *state); /* NULL: errno */
struct rv_logtail *rv_logtail_close(struct rv_logtail *);
int rv_logtail_fd(const struct rv_logtail *); /* readable: there may be something to read */
bool rv_logtail_read(struct rv_logtail *);    /* all that there is. False: nothing more is wanted */

#endif
