/* SPDX-License-Identifier: MIT
 *
 * journald's bounds, and the whole journal as a file.
 */
#ifndef RV_LOG_JOURNALD_H
#define RV_LOG_JOURNALD_H

#include <stdint.h>

struct rv_journald_limits {
        uint64_t size; /* SystemMaxUse (RuntimeMaxUse where the journal is volatile), bytes; 0: journald decides */
        uint64_t age;  /* MaxRetentionSec, seconds; 0: none */
};
/* As journald.conf and its drop-ins say (journald.conf(5)); the last one counts. */
void rv_journald_limits(struct rv_journald_limits *ret);
/* Written to /etc/systemd/journald.conf.d/90-reeve.conf. 0 or -errno. */
int rv_journald_set_limits(const struct rv_journald_limits *);

struct rv_call;
/* The journal in its export format, which `systemd-journal-remote` reads. 0 or -errno: -EEXIST, -ECANCELED. */
int rv_journald_export(struct rv_call *, const char *to);

#endif
