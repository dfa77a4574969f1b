/* SPDX-License-Identifier: MIT */
#ifndef RV_UNITVALUE_H
#define RV_UNITVALUE_H

#include <systemd/sd-bus.h>

#include "providers/lib/units.h"

/* Reads a variant at the message's place. how: enum rv_unit_read. Negative: the message does not fit. */
int rv_unit_value_read(sd_bus_message *, uint8_t how, struct rv_unit_value *);
/* Property Job: is there none? */
int rv_unit_job_read(sd_bus_message *, bool *ret_none);

#endif
