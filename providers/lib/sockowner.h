/* SPDX-License-Identifier: MIT
 *
 * Which process holds a socket: one pass over /proc/PID/fd, about 3 us a descriptor, but for processes that have slept
 * since the last pass (asleep.h: a provider that uses this has rv_asleep_rest as its `idle`). The lowest process id
 * counts where several hold it (a server's parent, as a rule).
 */
#ifndef RV_SOCKOWNER_H
#define RV_SOCKOWNER_H

#include <stdint.h>
#include <sys/types.h>

struct rv_sockowners;
/* only: one process, or 0 for all. NULL when there is no memory or no /proc. */
struct rv_sockowners *rv_sockowners_read(pid_t only);
struct rv_sockowners *rv_sockowners_free(struct rv_sockowners *); /* returns NULL */
pid_t rv_sockowners_pid(const struct rv_sockowners *, uint64_t inode); /* 0: nobody that may be seen */

#endif
