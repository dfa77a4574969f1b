/* SPDX-License-Identifier: MIT
 *
 * What is kept of processes between questions: an open descriptor of /proc/PID/stat (half the price of opening it
 * each time, and it can only ever speak of the one process) and the command line. Bounded in number and in
 * descriptors; dropped by rv_proccache_drop() when nobody has asked for a while. Any thread; nothing here waits for a
 * process.
 *
 * stat is read anew each time. A command line is kept while start time and the place of the arguments (stat's fields
 * 48, 49) are the same, so an exec is seen at once. A program that rewrites its arguments in place (setproctitle)
 * cannot be seen: so what is kept is read again after a quarter of the process' life at the time, at most after
 * RV_PROCCACHE_AGE and something (spread, so that not all fall due at once); one that was caught rewriting is never
 * kept.
 */
#ifndef RV_PROCCACHE_H
#define RV_PROCCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "providers/lib/procfs.h"

#define RV_PROCCACHE_MOST 32768                  /* processes */
#define RV_PROCCACHE_AGE UINT64_C(30000000000)   /* ns */

/* Copies a command line out, under the lock: must be short and not call back. n = 0: it has none. */
typedef void rv_proccache_use(void *state, const char *arguments, size_t n);

enum rv_kept { RV_KEPT_NOT, RV_KEPT_USED };

/* stat of a process, as rv_proc_stat() has it. If `use` is given and its command line is kept, *ret_kept is
 * RV_KEPT_USED and `use` has been called with it; else it must be read by the caller and told by
 * rv_proccache_keep(). */
int rv_proccache_stat(int root, pid_t, struct rv_proc_stat *ret, rv_proccache_use *use, void *state,
                      enum rv_kept *ret_kept);
/* Whether the process with that stat is still there, so that what was read meanwhile by its id was its own. */
bool rv_proccache_same(int root, pid_t, const struct rv_proc_stat *);
/* What was read after that stat. */
void rv_proccache_keep(pid_t, const struct rv_proc_stat *, const char *arguments, size_t n);
/* A walk over all processes: those that were not asked for between begin and end are forgotten. */
unsigned rv_proccache_begin(void);
void rv_proccache_end(unsigned walk);
void rv_proccache_drop(void);
/* In a child before exec: the limit of descriptors as it was before this cache raised it. */
void rv_proccache_child_limits(void);

#endif
