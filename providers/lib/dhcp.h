/* SPDX-License-Identifier: MIT
 *
 * DHCP of an interface is its manager's affair: it is told to systemd-networkd or NetworkManager. ifupdown's own stanza
 * says it, which reeve does not rewrite.
 */
#ifndef RV_DHCP_H
#define RV_DHCP_H

#include "agent/provider.h"

/* Written into the manager's settings; what-if holds. */
int rv_dhcp_set(struct rv_call *, uint32_t index, const char *name, bool on, struct rv_error *);
/* The manager goes by its settings from now on. */
int rv_dhcp_apply(struct rv_call *, uint32_t index, const char *name, struct rv_error *);
int rv_dhcp_renew(struct rv_call *, uint32_t index, const char *name, struct rv_error *);
/* networkd reads its files anew, after one was put back. */
int rv_dhcp_reload(uint64_t deadline, struct rv_error *);

#endif
