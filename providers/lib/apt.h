/* SPDX-License-Identifier: MIT
 *
 * apt-get: simulated first, so that what-if and the audit know what changes, then run; its refusals as CIM outcomes.
 */
#ifndef RV_APT_H
#define RV_APT_H

#include <stdbool.h>

#include "agent/provider.h"

/* An action of a simulation: "Inst libc6 [2.36-9] (2.36-10 Debian:12/stable [amd64])". Texts are NUL-ended and live
 * during the call. */
struct rv_apt_action {
        bool remove;
        const char *name, *architecture; /* "" when apt does not say */
        const char *from, *to;           /* versions; NULL: not installed, or to be removed */
        const char *origin;              /* "" for none */
};

/* arguments: "install", options, names; NULL-ended, at most 24. what: "install nano". */
int rv_apt_simulate(const char *const *arguments, const char *what, uint64_t deadline,
                    int (*each)(void *, const struct rv_apt_action *), void *, struct rv_error *);
/* Simulates, tells each action by rv_change(), and unless it is a what-if does it. */
int rv_apt_do(struct rv_call *, const char *const *arguments, const char *what, struct rv_error *);
/* A program without a simulation (apt-mark, apt-get update). */
int rv_apt_run(struct rv_call *, const char *const *argv, const char *what, struct rv_error *);

/* Can it be a package's name (with or without :architecture), a version? Everything else is refused before apt, which
 * takes "name-" for a removal, is asked. */
bool rv_apt_is_name(const char *, size_t n);
bool rv_apt_is_version(const char *, size_t n);

#endif
