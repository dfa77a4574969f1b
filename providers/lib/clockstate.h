/* SPDX-License-Identifier: MIT
 *
 * Whether something keeps the kernel's clock right.
 */
#ifndef RV_CLOCKSTATE_H
#define RV_CLOCKSTATE_H

/* 1 or 0 by adjtimex(2). Where a sandbox forbids that call (the agent's own unit: it sets the clock, too), as
 * systemd-timesyncd says in /run/systemd/timesync; -1: nobody says. */
int rv_clock_synchronized(void);

#endif
