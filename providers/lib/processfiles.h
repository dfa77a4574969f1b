/* SPDX-License-Identifier: MIT
 *
 * What Process tells beyond /proc/PID/stat: which of a process' files hold the properties that are asked, and filling
 * a row from each of these once. What may not be read, or is not there, stays null.
 *
 * Reading may wait for the process' memory: not for the loop. Files are opened by the process' id: whoever calls makes
 * sure afterwards that it was the same process all the time.
 */
#ifndef RV_PROCESSFILES_H
#define RV_PROCESSFILES_H

#include <stdint.h>
#include <sys/types.h>

#include "schema/row.h"

/* Sources, one bit each. */
enum {
        RV_FROM_OWNER = 1, /* the owner of /proc/PID, which whoever calls fills in */
        RV_FROM_EXE = 2,
        RV_FROM_STATM = 4,
        RV_FROM_FD = 8,
        RV_FROM_MAPS = 16,
        RV_FROM_CGROUP = 32,
        RV_FROM_LINKS = 64,
        RV_FROM_WORDS = 128, /* files of one word each */
        RV_FROM_LIMITS = 256,
        RV_FROM_IO = 512,
        RV_FROM_ROLLUP = 1024,
        RV_FROM_NS = 2048,
        RV_FROM_STATUS = 4096,
};

/* Those that the asked properties of Process need. want: NULL for all. */
uint32_t rv_process_sources(const uint64_t *want);
/* Fills a row of Process from these, but for RV_FROM_OWNER. root: a descriptor of /proc. */
void rv_process_files(int root, pid_t, struct rv_row *, uint32_t sources);

/* Names of the bits of a mask as the kernel writes it, into a list property: capabilities, signals. */
void rv_set_capabilities(struct rv_row *, unsigned p, uint64_t mask);
void rv_set_signals(struct rv_row *, unsigned p, uint64_t mask);
/* "0-3,6" as the kernel writes lists of processors, into bits of `size` bytes; false: that is not such a list. */
bool rv_cpulist_parse(const char *, size_t n, void *ret_bits, size_t size);
/* A policy of sched(7) by its number; NULL when it is not known. */
const char *rv_sched_policy(uint64_t);

#endif
