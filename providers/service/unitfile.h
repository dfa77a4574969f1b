/* SPDX-License-Identifier: MIT
 *
 * Unit files of services as text, and services without one: GetUnitFile, SetUnitFile, Verify, RunTransient of class
 * Service where systemd runs it.
 */
#ifndef RV_UNITFILE_H
#define RV_UNITFILE_H

#include "agent/provider.h"

int rv_unitfile_get(struct rv_call *, const void *in, struct rv_error *);
int rv_unitfile_set(struct rv_call *, const void *in, struct rv_error *);
int rv_unitfile_verify(struct rv_call *, const void *in, struct rv_error *);
int rv_unitfile_run(struct rv_call *, const void *in, struct rv_error *); /* transient.c */

#endif
