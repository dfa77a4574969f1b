/* SPDX-License-Identifier: MIT
 *
 * Pressure stall information, as /proc/pressure and the files NAME.pressure of control groups have it.
 */
#ifndef RV_PRESSURE_H
#define RV_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

struct rv_pressure_line {
        bool there;
        double avg10, avg60, avg300; /* percent */
        uint64_t total;              /* ns */
};
struct rv_pressure {
        struct rv_pressure_line some, full;
};

bool rv_pressure_read(const char *path, struct rv_pressure *ret);

#endif
