/* SPDX-License-Identifier: MIT
 *
 * The last lines of a log file.
 */
#ifndef RV_SERVICE_TAIL_H
#define RV_SERVICE_TAIL_H

#include <stddef.h>
#include <stdint.h>

/* Calls back with the last `most` lines, oldest first, of what is behind byte `from` (of all, when the file has become
 * shorter than that). tag: only the lines of syslog that a program of this name wrote ("cron[17]:", "cron:"); "" = all.
 * Looks at the last 64 KiB; lines are cut at 2,000 bytes. 0 or -errno. */
int rv_svc_tail(const char *path, int64_t from, const char *tag, unsigned most,
                void (*each)(void *, const char *, size_t), void *);

#endif
