/* SPDX-License-Identifier: MIT
 *
 * systemd's manager, over its private socket where we are root (no bus daemon between, no limit of 128 replies), else
 * over the system bus. Blocking, with a deadline for each call; errors become CIM outcomes.
 *
 *      sd_bus *bus;
 *      int e = rv_systemd_open(&bus, err);
 *      if (e == RV_OK)
 *              e = rv_systemd_job(bus, "StartUnit", "ssh.service", "replace", deadline, &result, err);
 *      rv_systemd_close(bus);
 *
 * A connection belongs to whoever opened it and is used by one thread at a time.
 */
#ifndef RV_SYSTEMD_H
#define RV_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "schema/error.h"

#define RV_SYSTEMD_NAME "org.freedesktop.systemd1"
#define RV_SYSTEMD_PATH "/org/freedesktop/systemd1"
#define RV_SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define RV_SYSTEMD_UNIT "org.freedesktop.systemd1.Unit"
#define RV_SYSTEMD_SERVICE "org.freedesktop.systemd1.Service"

bool rv_systemd_here(void); /* is systemd this host's init? */
int rv_systemd_open(sd_bus **ret, struct rv_error *);
sd_bus *rv_systemd_close(sd_bus *); /* NULL */
/* The system bus, ready to be called, by `deadline` (CLOCK_MONOTONIC ns); 0 or -errno. -ETIMEDOUT: it hangs.
 * sd_bus_call() alone would wait a minute and a half for a bus that takes the connection but never says a word. */
int rv_bus_open(sd_bus **ret, uint64_t deadline);

/* The outcome for a D-Bus error. what: "cannot start ssh.service". Takes r (negative errno) when there is no error. */
int rv_systemd_fail(struct rv_error *, int r, const sd_bus_error *, const char *what);

/* Microseconds that a call may take until the deadline (CLOCK_MONOTONIC ns), at most 25 s. */
uint64_t rv_systemd_timeout(uint64_t deadline);

/* Calls a method of the manager. `ret` may be NULL. what is for the error's message. */
int rv_systemd_call(sd_bus *, uint64_t deadline, const char *what, struct rv_error *, sd_bus_message **ret,
                    const char *method, const char *types, ...);

/* Queues a job (StartUnit, StopUnit, RestartUnit, ReloadUnit, ReloadOrRestartUnit ...) and waits for its end.
 * ret_result gets systemd's word: "done", "failed", "canceled", "timeout", "dependency", "skipped" (32 bytes). */
int rv_systemd_job(sd_bus *, const char *method, const char *unit, const char *mode, uint64_t deadline,
                   char *ret_result, struct rv_error *);

/* One property of a unit as text ("" when it cannot be had); for the small questions around a call. */
int rv_systemd_text(sd_bus *, const char *unit, const char *interface, const char *property, char *ret,
                    size_t size);

/* The object path of a unit; 0 or -ENOMEM / -EINVAL. ret is at least 512 bytes. */
int rv_systemd_path(const char *unit, char *ret, size_t size);

#endif
