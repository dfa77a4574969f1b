/* SPDX-License-Identifier: MIT
 *
 * NetNeighbor: which hardware addresses the neighbours have, one dump of rtnetlink, changed by rtnetlink.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/provider.h"
#include "gen/NetNeighbor.h"
#include "providers/lib/fill.h"
#include "providers/lib/iptable.h"
#include "providers/lib/netlink.h"

static const char *neighbour_state(uint16_t s)
{
        return s & NUD_PERMANENT   ? "Permanent"
               : s & NUD_NOARP     ? "NoArp"
               : s & NUD_REACHABLE ? "Reachable"
               : s & NUD_STALE     ? "Stale"
               : s & NUD_DELAY     ? "Delay"
               : s & NUD_PROBE     ? "Probe"
               : s & NUD_FAILED    ? "Unreachable"
                                   : "Incomplete";
}

static int on_neighbour(void *state, const struct nlmsghdr *h)
{
        struct rv_ip_reader *r = state;
        const struct ndmsg *m = NLMSG_DATA(h);
        const struct rtattr *at[NDA_MAX + 1];
        char mac[3 * 32 + 1] = "";
        if (h->nlmsg_type != RTM_NEWNEIGH || (m->ndm_family != AF_INET && m->ndm_family != AF_INET6))
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, NDA_MAX);
        struct rv_row *row = rv_row(r->out);
        NetNeighbor_set_InterfaceIndex(row, (uint32_t)m->ndm_ifindex);
        rv_ip_address(row, NetNeighbor_IPAddress, m->ndm_family, at[NDA_DST]);
        if (NetNeighbor_wants_InterfaceAlias(row))
                rv_fill(row, NetNeighbor_InterfaceAlias, rv_ip_interface(r, (uint32_t)m->ndm_ifindex));
        rv_fill(row, NetNeighbor_AddressFamily, rv_ip_family(m->ndm_family));
        for (size_t i = 0; at[NDA_LLADDR] && i < RTA_PAYLOAD(at[NDA_LLADDR]) && i < 32; i++)
                snprintf(mac + 3 * i, 4, "%02x%s", ((const uint8_t *)RTA_DATA(at[NDA_LLADDR]))[i],
                         i + 1 < RTA_PAYLOAD(at[NDA_LLADDR]) ? ":" : "");
        rv_fill(row, NetNeighbor_LinkLayerAddress, mac);
        rv_fill(row, NetNeighbor_State, neighbour_state(m->ndm_state));
        NetNeighbor_set_IsRouter(row, m->ndm_flags & NTF_ROUTER);
        return rv_ip_emit(r, row);
}

struct neighbour_request {
        struct nlmsghdr h;
        struct ndmsg m;
        char attributes[64];
};

static int neighbour_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct neighbour_request ask = { .h = { .nlmsg_type = RTM_GETNEIGH } };
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.m);
        return rv_ip_dump(&(struct rv_ip_reader) { .q = q, .out = out }, &ask.h, on_neighbour, "neighbours", err);
}

static int change_neighbour(unsigned short type, unsigned short flags, uint32_t index, const char *to,
                            const uint8_t *mac, const char *doing, struct rv_error *err)
{
        struct neighbour_request ask = { .h = { .nlmsg_type = type, .nlmsg_flags = flags } };
        uint8_t bytes[16];
        int family = rv_netlink_parse(to, bytes);
        if (!family) {
                rv_about(err, NULL, NULL, "IPAddress");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no IP address", to);
        }
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.m);
        ask.m = (struct ndmsg) { .ndm_family = (uint8_t)family,
                                 .ndm_ifindex = (int)index,
                                 .ndm_state = NUD_PERMANENT };
        rv_netlink_add(&ask.h, sizeof ask, NDA_DST, bytes, family == AF_INET ? 4 : 16);
        if (mac)
                rv_netlink_add(&ask.h, sizeof ask, NDA_LLADDR, mac, 6);
        return rv_ip_apply(&ask.h, doing, err);
}

static int neighbour_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetNeighbor_Create_in *in = args;
        uint8_t mac[6];
        uint32_t index;
        char doing[96];
        if (!rv_netlink_mac(in->LinkLayerAddress, mac)) {
                rv_about(err, NULL, NULL, "LinkLayerAddress");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "'%.40s' is no hardware address: expected one as 02:00:5e:10:00:01",
                               in->LinkLayerAddress);
        }
        int e = rv_ip_which(true, in->InterfaceIndex, NULL, &index, err);
        if (e)
                return e;
        snprintf(doing, sizeof doing, "make the neighbour %.46s", in->IPAddress);
        rv_change(c, "LinkLayerAddress", NULL, in->LinkLayerAddress);
        if (!c->what_if)
                e = change_neighbour(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, index, in->IPAddress, mac,
                                     doing, err);
        if (e == RV_OK)
                NetNeighbor_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

static int neighbour_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        const struct rv_arg *k = c->key;
        char doing[96];
        if (k[NetNeighbor_IPAddress].type == RV_NULL || k[NetNeighbor_InterfaceIndex].type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a neighbour is named by InterfaceIndex and IPAddress");
        snprintf(doing, sizeof doing, "take away the neighbour %.46s", k[NetNeighbor_IPAddress].s);
        rv_change(c, "IPAddress", k[NetNeighbor_IPAddress].s, NULL);
        int e = c->what_if ? RV_OK
                           : change_neighbour(RTM_DELNEIGH, 0, (uint32_t)k[NetNeighbor_InterfaceIndex].u,
                                              k[NetNeighbor_IPAddress].s, NULL, doing, err);
        if (e == RV_OK)
                NetNeighbor_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const neighbour_methods[NetNeighbor_nmethods])(struct rv_call *, const void *,
                                                            struct rv_error *) = {
        [NetNeighbor_method_Create] = neighbour_create, [NetNeighbor_method_Delete] = neighbour_delete
};


/* ---- changes ---- */

static int push_read(int fd, struct rv_news *news)
{
        int r = rv_netlink_drain(fd);
        if (r > 0)
                rv_news_changed(news);
        return r < 0 ? r : 0;
}
static int neighbour_open(struct rv_error *err)
{
        (void)err;
        return rv_netlink_watch((const int[]) { RTNLGRP_NEIGH, RTNLGRP_LINK, 0 });
}

/* The kernel does not tell of every state that it goes through. */
static const struct rv_push neighbour_push = { .covers = RV_PUSH_CREATE | RV_PUSH_DELETE,
                                               .open = neighbour_open,
                                               .read = push_read };

static const struct rv_provider netneighbor = { .class = &NetNeighbor_class,
                                                .query = neighbour_query,
 .push = &neighbour_push,
                                                .methods = neighbour_methods };

RV_PROVIDERS(netneighbor, &netneighbor);
