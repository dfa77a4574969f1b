/* SPDX-License-Identifier: MIT
 *
 * The methods of Process, in the order of its declaration, and holding a process by its key.
 */
#ifndef RV_PROCESSDO_H
#define RV_PROCESSDO_H

#include "agent/provider.h"

extern int (*const rv_process_methods[])(struct rv_call *, const void *in, struct rv_error *);

/* A pidfd of exactly the process that ProcessId and CreationDate (may be null) name, which the caller closes, or an
 * outcome: NOT_FOUND, STALE. */
int rv_process_hold(const struct rv_arg *id, const struct rv_arg *started, pid_t *ret_pid, int *ret_fd,
                    struct rv_error *);

/* Lists of processors as arguments named Processors, into bits as the kernel has them: an outcome where it is no list,
 * and where none of them can be had. */
enum { RV_PROCESSORS = 8192 };
int rv_processors_parse(const char *, size_t n, uint64_t ret[RV_PROCESSORS / 64], struct rv_error *);
int rv_processors_none(pid_t, const char *processors, struct rv_error *);

#endif
