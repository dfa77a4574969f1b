/* SPDX-License-Identifier: MIT
 *
 * CreateDump of Process: `reeve-agent --dump` (agent/coredump.h) in a process of its own. Where the agent's unit
 * forbids ptrace(2) to it, systemd starts that one, as a unit of its own.
 */
#ifndef RV_PROCESSDUMP_H
#define RV_PROCESSDUMP_H

#include "agent/provider.h"

int rv_process_create_dump(struct rv_call *, const void *in, struct rv_error *);

#endif
