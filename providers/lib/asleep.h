/* SPDX-License-Identifier: MIT
 *
 * Which sockets a process holds, kept from one listing to the next for processes that have slept in between. Whoever
 * closes a descriptor, opens one, sends one away or takes one in must run; so a process none of whose threads has run
 * since its descriptors were read holds exactly what it held then, and need not be read again: a hundredth of the cost
 * where it has 10,000.
 *
 * That none has run: each thread's /proc/PID/task/TID/schedstat is what it was, to the nanosecond and to the number of
 * times it was given a processor, and no thread was on a processor at the time. That one was is seen by its state, and
 * by its account, which the kernel brings up to date at each tick: so nothing is used that is younger than two of the
 * slowest ticks, and nothing at all where processors may go without ticks (nohz_full). New threads are made by threads
 * that run. Processes that share one table of descriptors without being threads of each other have the same sockets:
 * the caller sees two that have one in common and does not keep them if kcmp() says so; those without sockets are not
 * kept.
 *
 * Kept by descriptors of /proc/PID/task, which no other process with that id can be mistaken for.
 */
#ifndef RV_ASLEEP_H
#define RV_ASLEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rv_asleep {
        struct rv_asleep *next;
        pid_t pid;
        int task;       /* /proc/PID/task */
        uint64_t since; /* it has slept, CLOCK_MONOTONIC ns */
        struct rv_asleep_thread *threads;
        size_t nthreads;
        uint64_t *inodes; /* of its sockets */
        size_t n, room;
};

/* Its sockets, if they are kept and it has slept until now. The caller's until it is kept again or freed: who asks
 * meanwhile finds nothing. */
struct rv_asleep *rv_asleep_find(pid_t);
/* Before its descriptors (about `count` of them) are read; NULL where that is not worth it. */
struct rv_asleep *rv_asleep_watch(int proc, pid_t, size_t count);
bool rv_asleep_add(struct rv_asleep *, uint64_t inode);
/* After they are: takes it over, and keeps it if it has slept meanwhile. */
void rv_asleep_keep(struct rv_asleep *);
void rv_asleep_free(struct rv_asleep *); /* NULL is fine */

void rv_asleep_rest(void); /* a provider's `idle`: lets go of all when nobody has asked for that long */

#endif
