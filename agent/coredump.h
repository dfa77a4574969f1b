/* SPDX-License-Identifier: MIT
 *
 * `reeve-agent --dump PID START PATH SECONDS`: writes a core file of a process that goes on afterwards, and ends.
 * START is field 22 of its /proc/PID/stat. The last line of standard output is "done BYTES THREADS REGISTERS" (of how
 * many threads there are registers) or "fail STATUS TEXT" (schema/error.h); PATH must not exist, and does not when it
 * failed.
 *
 * A program of its own because of what holds a process stopped: the tracer. However this one ends (it is done, its
 * SECONDS are over, it is killed), the kernel lets the process go on; no signal is sent to it, so its parent hears
 * nothing and a shell sees no stopped job.
 */
#ifndef RV_COREDUMP_H
#define RV_COREDUMP_H

int rv_coredump_main(int argc, char **argv);

#endif
