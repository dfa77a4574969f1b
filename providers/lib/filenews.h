/* SPDX-License-Identifier: MIT
 *
 * Changes of files that are written anew or replaced, as rv_push has them: an inotify descriptor over their folders.
 * What else happens in these folders wakes the agent, too, so they should be quiet ones.
 *
 *      static int passwd_open(struct rv_error *err) { return rv_filenews_open(folders, err); }
 *      static int passwd_read(int fd, struct rv_news *n) { return rv_filenews_read(fd, files, n); }
 */
#ifndef RV_FILENEWS_H
#define RV_FILENEWS_H

#include "agent/provider.h"

/* Lists end with NULL. A folder that is not there is left out; none: -ENOENT. */
int rv_filenews_open(const char *const *folders, struct rv_error *);
int rv_filenews_read(int fd, const char *const *names, struct rv_news *); /* names without their folders */

#endif
