/* SPDX-License-Identifier: MIT */
#include "providers/lib/linkmake.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include "providers/lib/iptable.h"
#include "providers/lib/netlink.h"

/* Linux' own numbers of them. */
static const char *const bond_modes[] = { "balance-rr", "active-backup", "balance-xor", "broadcast",
                                          "802.3ad",    "balance-tlb",   "balance-alb" };

const char *rv_link_bond_mode(unsigned n)
{
        return n < sizeof bond_modes / sizeof *bond_modes ? bond_modes[n] : NULL;
}

uint32_t rv_link_index(const char *name)
{
        return if_nametoindex(name);
}

bool rv_link_there(uint32_t index)
{
        char name[IF_NAMESIZE];
        return index && if_indextoname(index, name);
}

struct link_request {
        struct nlmsghdr h;
        struct ifinfomsg i;
        char attributes[1024];
};

static struct rtattr *nest(struct link_request *r, unsigned type)
{
        struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));
        rv_netlink_add(&r->h, sizeof *r, type, "", 0);
        return a;
}

static void nest_end(struct link_request *r, struct rtattr *a)
{
        a->rta_len = (unsigned short)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len) - (char *)a);
}

static void add(struct link_request *r, unsigned type, const void *v, size_t n)
{
        rv_netlink_add(&r->h, sizeof *r, type, v, n);
}

static int unfit(struct rv_error *err, const char *property, const char *why, const char *kind)
{
        rv_about(err, NULL, NULL, property);
        return rv_fail(err, RV_INVALID_PARAMETER, "%s: %s %s", property, why, kind);
}

int rv_link_check(const struct rv_link_wish *w, struct rv_error *err)
{
        static const char needs[] = "needed by an interface of the kind",
                          not [] = "not for an interface of the kind";
        const bool vlan = strcmp(w->kind, "vlan") == 0, macvlan = strcmp(w->kind, "macvlan") == 0,
                   veth = strcmp(w->kind, "veth") == 0, bond = strcmp(w->kind, "bond") == 0;
        if (vlan != (w->vlan != 0))
                return unfit(err, "VlanID", vlan ? needs : not, w->kind);
        if ((vlan || macvlan) != (w->below != 0))
                return unfit(err, "LinkIndex", vlan || macvlan ? needs : not, w->kind);
        if (veth != (w->peer != NULL))
                return unfit(err, "PeerName", veth ? needs : not, w->kind);
        if (w->bond_mode && !bond)
                return unfit(err, "BondMode", not, w->kind);
        return RV_OK;
}

/* What only its kind has. */
static void add_details(struct link_request *r, const struct rv_link_wish *w)
{
        struct rtattr *data = nest(r, IFLA_INFO_DATA);
        if (w->vlan)
                add(r, IFLA_VLAN_ID, &w->vlan, sizeof w->vlan);
        if (strcmp(w->kind, "macvlan") == 0) {
                uint32_t mode = MACVLAN_MODE_BRIDGE;
                add(r, IFLA_MACVLAN_MODE, &mode, sizeof mode);
        }
        for (uint8_t i = 0; w->bond_mode && i < sizeof bond_modes / sizeof *bond_modes; i++)
                if (strcmp(bond_modes[i], w->bond_mode) == 0)
                        add(r, IFLA_BOND_MODE, &i, sizeof i);
        if (w->peer) {
                struct ifinfomsg other = { 0 };
                struct rtattr *peer = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));
                add(r, VETH_INFO_PEER, &other, sizeof other);
                add(r, IFLA_IFNAME, w->peer, strlen(w->peer) + 1);
                nest_end(r, peer);
        }
        nest_end(r, data);
}

/* What one that is being made does not take: a description; and a veth cannot be up before its other end is there. */
static int finish(const char *name, const char *alias, bool up, struct rv_error *err)
{
        struct link_request r = { .h = { .nlmsg_type = RTM_NEWLINK },
                                  .i = { .ifi_index = (int)rv_link_index(name) } };
        r.h.nlmsg_len = NLMSG_LENGTH(sizeof r.i);
        r.i.ifi_flags = r.i.ifi_change = up ? IFF_UP : 0;
        if (alias)
                add(&r, IFLA_IFALIAS, alias, strlen(alias));
        return alias || up ? rv_ip_apply(&r.h, "finish the interface, which is made", err) : RV_OK;
}

int rv_link_make(const struct rv_link_wish *w, struct rv_error *err)
{
        struct link_request r = { .h = { .nlmsg_type = RTM_NEWLINK,
                                         .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL } };
        char doing[96];
        r.h.nlmsg_len = NLMSG_LENGTH(sizeof r.i);
        r.i.ifi_index = (int)w->index;
        add(&r, IFLA_IFNAME, w->name, strlen(w->name) + 1);
        if (w->below)
                add(&r, IFLA_LINK, &w->below, sizeof w->below);
        if (w->master)
                add(&r, IFLA_MASTER, &w->master, sizeof w->master);
        if (w->mtu)
                add(&r, IFLA_MTU, &w->mtu, sizeof w->mtu);
        if (w->mac)
                add(&r, IFLA_ADDRESS, w->mac, 6);
        struct rtattr *info = nest(&r, IFLA_LINKINFO);
        add(&r, IFLA_INFO_KIND, w->kind, strlen(w->kind));
        add_details(&r, w);
        nest_end(&r, info);
        snprintf(doing, sizeof doing, "make the interface %.20s", w->name);
        int e = rv_ip_apply(&r.h, doing, err);
        if (e == RV_OK)
                e = finish(w->name, w->alias, w->up, err);
        return e == RV_OK && w->peer ? finish(w->peer, NULL, w->up, err) : e;
}

int rv_link_remove(uint32_t index, const char *name, struct rv_error *err)
{
        struct link_request r = { .h = { .nlmsg_type = RTM_DELLINK }, .i = { .ifi_index = (int)index } };
        char doing[96];
        r.h.nlmsg_len = NLMSG_LENGTH(sizeof r.i);
        snprintf(doing, sizeof doing, "take away the interface %.20s", name);
        int e = rv_ip_apply(&r.h, doing, err);
        if (e == RV_NOT_SUPPORTED)
                rv_hint(err, "Only interfaces that software made can be taken away: Disable-NetAdapter sets "
                             "others down.");
        return e;
}
