/* SPDX-License-Identifier: MIT
 *
 * The agent's own program in a unit of its own, started by systemd: for what the agent's sandbox forbids to it and its
 * children, and for what is to outlive the agent.
 */
#ifndef RV_BESIDE_H
#define RV_BESIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/error.h"

struct rv_beside {
        const char *unit;        /* its name begins so: "reeve-dump-4711" */
        const char *what;        /* for messages and as its description: "dump process 4711" */
        const char *const *argv; /* behind the program's name, NULL-ended; UTF-8, taken as they are */
        uint64_t seconds;        /* that it may run; 0: as long as it likes */
        uint64_t deadline;       /* CLOCK_MONOTONIC ns */
};

bool rv_beside_wanted(void); /* the agent is confined, and systemd is there */
/* Starts it and reads what it says, until it ends or says "end" and a line end: `said`, NUL-ended. RV_OK or an
 * outcome. */
int rv_beside_run(const struct rv_beside *, char *said, size_t size, struct rv_error *);

#endif
