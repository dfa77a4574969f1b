/* SPDX-License-Identifier: MIT
 *
 * What is done to a unit of systemd, whatever its kind: jobs that are waited for, unit files, masks. For the classes
 * Service and SystemUnit, whose first key names the unit. Each step takes the call's deadline; failures are told as
 * "cannot start x.socket: why", with the unit's last log lines as the hint.
 */
#ifndef RV_UNITOPS_H
#define RV_UNITOPS_H

#include "agent/provider.h"
#include "providers/lib/systemd.h"
#include "providers/lib/units.h"

/* A change under way: between rv_unitop_begin() and rv_unitop_end(). */
struct rv_unitop {
        sd_bus *bus;
        char unit[300], what[400]; /* what: "cannot start x.service" */
        char load[32], active[32]; /* LoadState and ActiveState as it began */
};

/* The last lines of a log. Whoever has them frees the texts. */
struct rv_unitop_lines {
        char *text[10];
        size_t n[10];
        unsigned count;
};
void rv_unitop_keep(void *lines, const char *, size_t n); /* for rv_journal_tail() */

/* What is kept of a unit, into the properties of those numbers; all but one (UINT_MAX: all). */
void rv_unit_fill(struct rv_row *, const struct rv_unit *, const struct rv_unit_property *kept, const unsigned *ids,
                  unsigned n, unsigned but);

bool rv_unitop_service(const struct rv_call *); /* of class Service; else SystemUnit */
/* "ssh" or "ssh.service" -> the unit's id. */
void rv_unitop_id(const char *name, size_t n, char *ret, size_t size);

/* Opens a connection and sees that the unit is there: NOT_FOUND. */
int rv_unitop_begin(struct rv_call *, const char *doing, struct rv_unitop *ret, struct rv_error *);
/* Closes it; ReturnValue is 0 where e is. Answers e. */
int rv_unitop_end(struct rv_call *, struct rv_unitop *, int e);
/* FAILED, with the unit's own words. since: of log lines, wall time in ns. */
int rv_unitop_failed(struct rv_unitop *, const char *why, int64_t since, struct rv_error *);

/* From begin to end. target: Running or Stopped. start: it must be running afterwards. */
int rv_unitop_job(struct rv_call *, const char *doing, const char *method, const char *target, bool start,
                  struct rv_error *);
/* A call of the manager about one unit that waits for nothing, and the change that it makes. */
int rv_unitop_plain(struct rv_call *, const char *doing, const char *method, const char *property,
                    const char *from, const char *to, struct rv_error *);
/* FreezeUnit or ThawUnit, and the change of State that it is. */
int rv_unitop_freezer(struct rv_call *, const char *doing, const char *method, bool freeze,
                      struct rv_error *);
int rv_unitop_mask(struct rv_call *, const char *doing, const char *method, bool runtime, const char *to,
                   struct rv_error *);

/* Within. EnableUnitFiles and its kin; force: of Enable and Mask. */
int rv_unitop_files(struct rv_unitop *, uint64_t deadline, const char *method, bool runtime, bool force,
                    struct rv_error *);
int rv_unitop_reload_manager(struct rv_unitop *, uint64_t deadline, struct rv_error *);
/* Auto (or Automatic), Manual, Disabled: tells the change and makes it. */
int rv_unitop_set_mode(struct rv_call *, struct rv_unitop *, const char *mode, struct rv_error *);

#endif
