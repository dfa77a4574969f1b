/* SPDX-License-Identifier: MIT
 *
 * What the processes of a control group use, from its files; with cgroup v2, v1, or both.
 */
#ifndef RV_CGSTAT_H
#define RV_CGSTAT_H

#include <stdbool.h>
#include <stdint.h>

/* What is asked, and what could be had (a bit is cleared where it could not). */
enum {
        RV_CGSTAT_CPU = 1,
        RV_CGSTAT_MEMORY = 2,
        RV_CGSTAT_PIDS = 4,
        RV_CGSTAT_IO = 8,
        RV_CGSTAT_NET = 16,
};
struct rv_cgstat {
        unsigned has;
        uint64_t cpu;    /* ns */
        uint64_t memory; /* bytes, without inactive cached files */
        uint64_t pids;
        uint64_t read, written;  /* bytes */
        uint64_t received, sent; /* bytes, all interfaces but lo of the process' network namespace */
};

/* Of the group that a process is in. want: RV_CGSTAT_*; ret->has: those that are there. id: the container's, whose
 * usual group is tried first (one file less to read); or NULL. */
void rv_cgstat(unsigned pid, const char *id, unsigned want, struct rv_cgstat *ret);

/* The processes of that group and of those below it: lines "PID COMMAND LINE"; free() it. NULL: it cannot be read. */
char *rv_cgstat_processes(unsigned pid);

#endif
