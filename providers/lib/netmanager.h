/* SPDX-License-Identifier: MIT
 *
 * Who manages an interface, and settings in his language. For netstore.c.
 */
#ifndef RV_NETMANAGER_H
#define RV_NETMANAGER_H

#include "providers/lib/netstore.h"
#include "schema/json.h"

#define RV_NET_OF "#: interface "
#define RV_NET_MARK "#= "
#define RV_NET_NETWORKD_FOLDER "/etc/systemd/network"
#define RV_NET_NETWORKD_OWN ".network.d/90-reeve.conf"
#define RV_NET_NETWORKD_FILES RV_NET_NETWORKD_FOLDER "/*" RV_NET_NETWORKD_OWN
#define RV_NET_IFUPDOWN_FOLDER "/etc/network/reeve.d"

void rv_net_manager_of(struct rv_netstore *, uint32_t index);
/* Whether the manager's own file sets a value (an address, a network) itself. */
bool rv_net_mentions(const struct rv_netstore *, const char *value);

void rv_net_networkd(struct rv_buf *, const char *interface, const char *const *lines, size_t n);
void rv_net_ifupdown(struct rv_buf *, const char *interface, const char *const *lines, size_t n);
int rv_net_ifupdown_bring_in(void); /* 0 or -errno */
int rv_net_nm(const struct rv_netstore *, enum rv_net_how, const char *kind, const char *value, bool what_if,
              bool *ret_changed, uint64_t deadline, struct rv_error *);

#endif
