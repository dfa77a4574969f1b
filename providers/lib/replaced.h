/* SPDX-License-Identifier: MIT
 *
 * Programs that run code which is no longer what its file has: after an upgrade a process goes on with the old
 * libraries, and the old program, until it is started anew. The kernel tells: such a mapping's path ends in
 * " (deleted)". What programs make and map for themselves (below /tmp, /dev, /run, /memfd:) does not count.
 *
 * Reads /proc/PID/maps, which may wait for the process' memory: not for the loop. 20 to 200 us a process.
 */
#ifndef RV_REPLACED_H
#define RV_REPLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Paths, each once, at most RV_REPLACED_MOST of them. */
enum { RV_REPLACED_MOST = 64 };
struct rv_replaced {
        unsigned n;
        char *path[RV_REPLACED_MOST];
        bool gone[RV_REPLACED_MOST]; /* there is no file of that name any more */
};
/* One process; one that has ended, or may not be looked into, has none. */
void rv_replaced_process(struct rv_replaced *, pid_t);
/* All processes of a control group and those below it: "/system.slice/ssh.service". */
void rv_replaced_group(struct rv_replaced *, const char *group);
/* "/usr/lib/libx.so.1 was replaced", or "... was removed". */
void rv_replaced_reason(const struct rv_replaced *, unsigned i, char *ret, size_t size);
void rv_replaced_free(struct rv_replaced *);

#endif
