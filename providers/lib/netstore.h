/* SPDX-License-Identifier: MIT
 *
 * Settings of an interface for the next boots: written for whoever manages it (systemd-networkd, ifupdown,
 * NetworkManager), into a file that is reeve's alone: a drop-in beside networkd's file of the interface, a stanza of
 * its own for ifupdown. NetworkManager keeps its profile itself and is told by nmcli. An interface that nobody manages
 * is left alone, and why not is said.
 *
 * A setting is a kind and a value:
 *      address  192.0.2.5/24
 *      route    203.0.113.0/24 192.0.2.1 5 254     (to, by or -, metric, table)
 *      mtu      1400            mac  02:00:5e:10:00:01            down  yes
 *      dns      192.0.2.53 ::1  domains  a.example ~b.example       dhcp  ipv4 or no
 */
#ifndef RV_NETSTORE_H
#define RV_NETSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/provider.h"

enum rv_net_manager { RV_NET_NOBODY, RV_NET_NETWORKD, RV_NET_IFUPDOWN, RV_NET_NM };
enum rv_net_how { RV_NET_ADD, RV_NET_REMOVE, RV_NET_SET /* instead of all of its kind; NULL: none */ };

struct rv_netstore {
        enum rv_net_manager manager;
        char interface[16];
        char own[300];    /* reeve's file */
        char theirs[300]; /* the manager's file */
        char uuid[64];    /* NetworkManager's profile */
        char why[240];    /* why nothing can be kept */
};

/* Where a change goes. */
struct rv_netpolicy {
        bool active, lasting;
        struct rv_netstore store;
        char warning[400]; /* what is to be told: that it is not kept, ... */
};

/* policy: "ActiveStore", "PersistentStore" or NULL for both. Answers NOT_SUPPORTED where the next boots are asked for
 * and cannot be had; where they were not asked for, a warning says so. */
int rv_netpolicy_begin(struct rv_netpolicy *, const char *policy, const char *kind,
                       uint32_t index, struct rv_error *);
/* Does it, unless it is not for the next boots, or what-if. ret_changed may be NULL. */
int rv_netpolicy_keep(struct rv_netpolicy *, struct rv_call *, enum rv_net_how, const char *kind,
                      const char *value, bool *ret_changed, struct rv_error *);

/* ---- reeve's files ---- */

/* Every setting in them. each: 0 to go on. */
int rv_netstore_each(int (*each)(void *, const char *interface, const char *kind, const char *value), void *);
struct rv_netfile {
        char path[300];
        const char *interface, *manager, *text;
};
int rv_netstore_files(int (*each)(void *, const struct rv_netfile *), void *);
/* Writes a whole file as it was; NULL: takes it away. Only what is one of reeve's files. */
int rv_netstore_put_back(const char *path, const char *text, bool what_if, struct rv_error *);

#endif
