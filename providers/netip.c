/* SPDX-License-Identifier: MIT
 *
 * NetIPAddress, NetRoute, NetNeighbor: what rtnetlink's tables hold, one dump each, changed by rtnetlink.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NetIPAddress.h"
#include "gen/NetNeighbor.h"
#include "gen/NetRoute.h"
#include "providers/lib/netlink.h"

struct reader {
        const struct rv_query *q;
        struct rv_sink *out;
        uint32_t name_of; /* the interface whose name is kept: tables come sorted by interface */
        char name[IF_NAMESIZE];
};

static void text(struct rv_row *row, unsigned p, const char *s)
{
        if (s && *s && rv_wants(row, p))
                rv_set_string(row, p, s, strlen(s));
}

static const char *interface_name(struct reader *r, uint32_t index)
{
        if (index != r->name_of) {
                r->name_of = index;
                if (!index || !if_indextoname(index, r->name))
                        r->name[0] = 0;
        }
        return r->name;
}

static void address(struct rv_row *row, unsigned p, int family, const struct rtattr *a)
{
        char buf[64];
        if (a && rv_wants(row, p) && rv_netlink_address(family, RTA_DATA(a), RTA_PAYLOAD(a), buf, sizeof buf))
                text(row, p, buf);
}

static const char *family_name(int family)
{
        return family == AF_INET ? "IPv4" : "IPv6";
}

static const char *scope_name(unsigned scope)
{
        return scope == RT_SCOPE_UNIVERSE  ? "global"
               : scope == RT_SCOPE_SITE    ? "site"
               : scope == RT_SCOPE_LINK    ? "link"
               : scope == RT_SCOPE_HOST    ? "host"
               : scope == RT_SCOPE_NOWHERE ? "nowhere"
                                           : NULL;
}

static int emit(struct reader *r, struct rv_row *row)
{
        int e = rv_emit(r->out, row);
        return e ? e : rv_cancelled(r->q->call) ? RV_STOP : 0;
}

/* A dump of one table, as an answer. */
static int dump(const struct rv_query *q, struct rv_sink *out, struct nlmsghdr *ask,
                int (*each)(void *, const struct nlmsghdr *), const char *what, struct rv_error *err)
{
        struct reader r = { .q = q, .out = out };
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot ask the kernel for %s", what);
        int e = rv_netlink_dump(fd, ask, ask->nlmsg_len, each, &r);
        close(fd);
        if (e == -EAGAIN) {
                struct rv_error torn = { 0 };
                rv_fail(&torn, RV_UNAVAILABLE, "%s changed while they were read: some may be missing", what);
                rv_partial(out, &torn);
                return RV_OK;
        }
        if (e < 0)
                return rv_fail_errno(err, -e, "cannot read %s", what);
        return e == RV_STOP ? RV_OK : e;
}

/* A change, with the kernel's words when it refuses. */
static int apply(struct nlmsghdr *ask, const char *doing, struct rv_error *err)
{
        char said[200];
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot %s", doing);
        int r = rv_netlink_do(fd, ask, said, sizeof said);
        close(fd);
        if (r == 0)
                return RV_OK;
        rv_fail_errno(err, -r, "cannot %s", doing);
        if (said[0])
                rv_hint(err, "The kernel says: %s", said);
        return err ? err->code : RV_FAILED;
}

/* InterfaceIndex or InterfaceAlias -> index. */
static int which_interface(bool has_index, uint32_t index, const char *name, uint32_t *ret,
                           struct rv_error *err)
{
        char buf[IF_NAMESIZE];
        *ret = has_index ? index : name ? if_nametoindex(name) : 0;
        if (*ret && if_indextoname(*ret, buf))
                return RV_OK;
        if (!has_index && !name)
                return rv_fail(err, RV_INVALID_PARAMETER, "give InterfaceIndex or InterfaceAlias");
        rv_about(err, NULL, NULL, has_index ? "InterfaceIndex" : "InterfaceAlias");
        rv_fail(err, RV_NOT_FOUND,
                has_index ? "there is no interface with this index" : "there is no interface '%.40s'",
                name ? name : "");
        return rv_hint(err, "Get-NetAdapter lists the interfaces.");
}

/* "10.0.0.0/8" */
static bool parse_prefix(const char *s, int *ret_family, uint8_t bytes[16], unsigned *ret_length)
{
        char buf[64], *slash, *end;
        snprintf(buf, sizeof buf, "%s", s);
        slash = strchr(buf, '/');
        if (slash)
                *slash = 0;
        *ret_family = rv_netlink_parse(buf, bytes);
        unsigned most = *ret_family == AF_INET ? 32 : 128;
        *ret_length = slash ? (unsigned)strtoul(slash + 1, &end, 10) : most;
        return *ret_family && (!slash || (slash[1] && !*end)) && *ret_length <= most;
}

/* ---- addresses ---- */

static void fill_address(struct reader *r, struct rv_row *row, const struct nlmsghdr *h)
{
        const struct ifaddrmsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFA_MAX + 1];
        rv_netlink_attributes(h, sizeof *i, at, IFA_MAX);
        uint32_t flags = at[IFA_FLAGS] ? rv_attr_u32(at[IFA_FLAGS]) : i->ifa_flags;
        const struct rtattr *own = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
        NetIPAddress_set_InterfaceIndex(row, i->ifa_index);
        address(row, NetIPAddress_IPAddress, i->ifa_family, own);
        NetIPAddress_set_PrefixLength(row, i->ifa_prefixlen);
        if (NetIPAddress_wants_InterfaceAlias(row))
                text(row, NetIPAddress_InterfaceAlias, interface_name(r, i->ifa_index));
        text(row, NetIPAddress_AddressFamily, family_name(i->ifa_family));
        text(row, NetIPAddress_Type, "Unicast");
        text(row, NetIPAddress_PrefixOrigin,
             i->ifa_scope == RT_SCOPE_HOST || i->ifa_scope == RT_SCOPE_LINK ? "WellKnown"
             : flags & IFA_F_PERMANENT                                      ? "Manual"
             : i->ifa_family == AF_INET6                                    ? "RouterAdvertisement"
                                                                            : "Dhcp");
        text(row, NetIPAddress_AddressState,
             flags & IFA_F_DADFAILED    ? "Duplicate"
             : flags & IFA_F_TENTATIVE  ? "Tentative"
             : flags & IFA_F_DEPRECATED ? "Deprecated"
                                        : "Preferred");
        NetIPAddress_set_SkipAsSource(row, flags & IFA_F_DEPRECATED);
        NetIPAddress_set_Secondary(row, flags & IFA_F_SECONDARY && i->ifa_family == AF_INET);
        text(row, NetIPAddress_Scope, scope_name(i->ifa_scope));
        if (at[IFA_LOCAL] && at[IFA_ADDRESS] && RTA_PAYLOAD(at[IFA_LOCAL]) == RTA_PAYLOAD(at[IFA_ADDRESS]) &&
            memcmp(RTA_DATA(at[IFA_LOCAL]), RTA_DATA(at[IFA_ADDRESS]), RTA_PAYLOAD(at[IFA_LOCAL])) != 0)
                address(row, NetIPAddress_PeerAddress, i->ifa_family, at[IFA_ADDRESS]);
        address(row, NetIPAddress_BroadcastAddress, i->ifa_family, at[IFA_BROADCAST]);
        text(row, NetIPAddress_Label, rv_attr_text(at[IFA_LABEL]));
        if (at[IFA_CACHEINFO] && RTA_PAYLOAD(at[IFA_CACHEINFO]) >= sizeof(struct ifa_cacheinfo)) {
                const struct ifa_cacheinfo *c = RTA_DATA(at[IFA_CACHEINFO]);
                if (c->ifa_valid != UINT32_MAX)
                        NetIPAddress_set_ValidLifetime(row, c->ifa_valid);
                if (c->ifa_prefered != UINT32_MAX)
                        NetIPAddress_set_PreferredLifetime(row, c->ifa_prefered);
        }
}

static int on_address(void *state, const struct nlmsghdr *h)
{
        struct reader *r = state;
        if (h->nlmsg_type != RTM_NEWADDR)
                return 0;
        struct rv_row *row = rv_row(r->out);
        fill_address(r, row, h);
        return emit(r, row);
}

struct address_request {
        struct nlmsghdr h;
        struct ifaddrmsg i;
        char attributes[128];
};

static int address_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct address_request ask = { .h = { .nlmsg_type = RTM_GETADDR } };
        const struct rv_arg *index = rv_equals(q, NetIPAddress_InterfaceIndex);
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.i);
        ask.i.ifa_index = index ? (uint32_t)index->u : 0;
        int e = dump(q, out, &ask.h, on_address, "addresses", err);
        return index && e == RV_NOT_FOUND ? RV_OK : e; /* no such interface: no addresses */
}

static int change_address(unsigned short type, unsigned short flags, uint32_t index, int family,
                          const uint8_t *bytes, uint8_t prefix, uint32_t valid, const char *doing,
                          struct rv_error *err)
{
        struct address_request ask = { .h = { .nlmsg_type = type, .nlmsg_flags = flags } };
        size_t n = family == AF_INET ? 4 : 16;
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.i);
        ask.i = (struct ifaddrmsg) { .ifa_family = (uint8_t)family,
                                     .ifa_prefixlen = prefix,
                                     .ifa_index = index };
        rv_netlink_add(&ask.h, sizeof ask, IFA_LOCAL, bytes, n);
        rv_netlink_add(&ask.h, sizeof ask, IFA_ADDRESS, bytes, n);
        if (valid) {
                struct ifa_cacheinfo c = { .ifa_valid = valid, .ifa_prefered = valid };
                rv_netlink_add(&ask.h, sizeof ask, IFA_CACHEINFO, &c, sizeof c);
        }
        return apply(&ask.h, doing, err);
}

static int address_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPAddress_Create_in *in = args;
        uint8_t bytes[16];
        uint32_t index;
        char doing[96], to[64];
        int family = rv_netlink_parse(in->IPAddress, bytes);
        if (!family || in->PrefixLength > (family == AF_INET ? 32 : 128)) {
                rv_about(err, NULL, NULL, family ? "PrefixLength" : "IPAddress");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s/%u' is no IP address with a prefix length",
                               in->IPAddress, in->PrefixLength);
        }
        int e = which_interface(in->has_InterfaceIndex, in->InterfaceIndex,
                                in->has_InterfaceAlias ? in->InterfaceAlias : NULL, &index, err);
        if (e)
                return e;
        snprintf(to, sizeof to, "%.46s/%u", in->IPAddress, in->PrefixLength);
        snprintf(doing, sizeof doing, "give interface %u the address %s", index, to);
        rv_change(c, "IPAddress", NULL, to);
        if (!c->what_if)
                e = change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, family, bytes,
                                   in->PrefixLength, in->has_ValidLifetime ? in->ValidLifetime : 0, doing,
                                   err);
        if (e == RV_OK)
                NetIPAddress_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

struct found_address {
        int family;
        uint8_t bytes[16];
        uint32_t index;
        uint8_t prefix;
        bool any_prefix, found;
};

static int on_find_address(void *state, const struct nlmsghdr *h)
{
        struct found_address *f = state;
        const struct ifaddrmsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFA_MAX + 1];
        rv_netlink_attributes(h, sizeof *i, at, IFA_MAX);
        const struct rtattr *own = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
        size_t n = f->family == AF_INET ? 4 : 16;
        if (h->nlmsg_type == RTM_NEWADDR && i->ifa_family == f->family &&
            (!f->index || i->ifa_index == f->index) && own && RTA_PAYLOAD(own) == n &&
            memcmp(RTA_DATA(own), f->bytes, n) == 0 && (f->any_prefix || i->ifa_prefixlen == f->prefix)) {
                f->found = true;
                f->index = i->ifa_index;
                f->prefix = i->ifa_prefixlen;
        }
        return 0;
}

static int address_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        const struct rv_arg *k = c->key;
        struct address_request ask = { .h = { .nlmsg_type = RTM_GETADDR } };
        char doing[96];
        if (k[NetIPAddress_IPAddress].type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "an address is named by its IPAddress");
        struct found_address f = { .index = k[NetIPAddress_InterfaceIndex].type
                                                    ? (uint32_t)k[NetIPAddress_InterfaceIndex].u
                                                    : 0,
                                   .prefix = (uint8_t)k[NetIPAddress_PrefixLength].u,
                                   .any_prefix = k[NetIPAddress_PrefixLength].type == RV_NULL };
        f.family = rv_netlink_parse(k[NetIPAddress_IPAddress].s, f.bytes);
        rv_about(err, NULL, k[NetIPAddress_IPAddress].s, NULL);
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.i);
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot speak with the kernel");
        rv_netlink_dump(fd, &ask.h, ask.h.nlmsg_len, on_find_address, &f);
        close(fd);
        if (!f.found)
                return rv_fail(err, RV_NOT_FOUND, "no interface has the address %.46s",
                               k[NetIPAddress_IPAddress].s);
        snprintf(doing, sizeof doing, "take away the address %.46s", k[NetIPAddress_IPAddress].s);
        rv_change(c, "IPAddress", k[NetIPAddress_IPAddress].s, NULL);
        int e = c->what_if
                        ? RV_OK
                        : change_address(RTM_DELADDR, 0, f.index, f.family, f.bytes, f.prefix, 0, doing, err);
        if (e == RV_OK)
                NetIPAddress_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

/* ---- routes ---- */

static const char *const route_types[] = {
        [RTN_UNICAST] = "unicast",         [RTN_LOCAL] = "local",         [RTN_BROADCAST] = "broadcast",
        [RTN_ANYCAST] = "anycast",         [RTN_MULTICAST] = "multicast", [RTN_BLACKHOLE] = "blackhole",
        [RTN_UNREACHABLE] = "unreachable", [RTN_PROHIBIT] = "prohibit",   [RTN_THROW] = "throw"
};
static const struct {
        uint8_t id;
        const char *name;
} protocols[] = { { RTPROT_REDIRECT, "redirect" },
                  { RTPROT_KERNEL, "kernel" },
                  { RTPROT_BOOT, "boot" },
                  { RTPROT_STATIC, "static" },
                  { RTPROT_RA, "ra" },
                  { RTPROT_DHCP, "dhcp" },
                  { RTPROT_ZEBRA, "zebra" },
                  { RTPROT_BIRD, "bird" },
                  { 186, "bgp" },
                  { 188, "ospf" },
                  { 189, "rip" } };

static void fill_protocol(struct rv_row *row, uint8_t id)
{
        char number[8];
        snprintf(number, sizeof number, "%u", id);
        const char *name = number;
        for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
                if (protocols[i].id == id)
                        name = protocols[i].name;
        text(row, NetRoute_Protocol, name);
}

/* RTA_GATEWAY, or RTA_VIA with a family of its own; "0.0.0.0" or "::" without one. */
static void next_hop(int family, const struct rtattr *gateway, const struct rtattr *via, char *ret,
                     size_t size)
{
        snprintf(ret, size, "%s", family == AF_INET ? "0.0.0.0" : "::");
        if (gateway)
                rv_netlink_address(family, RTA_DATA(gateway), RTA_PAYLOAD(gateway), ret, size);
        else if (via && RTA_PAYLOAD(via) > 2) {
                uint16_t other;
                memcpy(&other, RTA_DATA(via), sizeof other);
                rv_netlink_address(other, (const char *)RTA_DATA(via) + 2, RTA_PAYLOAD(via) - 2, ret, size);
        }
}

static void fill_route(struct reader *r, struct rv_row *row, const struct rtmsg *m, const struct rtattr **at,
                       uint32_t index, const struct rtattr *gateway, const struct rtattr *via)
{
        char prefix[64] = "", hop[64];
        if (!at[RTA_DST] || !rv_netlink_address(m->rtm_family, RTA_DATA(at[RTA_DST]),
                                                RTA_PAYLOAD(at[RTA_DST]), prefix, sizeof prefix))
                snprintf(prefix, sizeof prefix, "%s", m->rtm_family == AF_INET ? "0.0.0.0" : "::");
        size_t n = strlen(prefix);
        snprintf(prefix + n, sizeof prefix - n, "/%u", m->rtm_dst_len);
        next_hop(m->rtm_family, gateway, via, hop, sizeof hop);
        text(row, NetRoute_DestinationPrefix, prefix);
        text(row, NetRoute_NextHop, hop);
        NetRoute_set_InterfaceIndex(row, index);
        NetRoute_set_Table(row, at[RTA_TABLE] ? rv_attr_u32(at[RTA_TABLE]) : m->rtm_table);
        NetRoute_set_RouteMetric(row, rv_attr_u32(at[RTA_PRIORITY]));
        if (NetRoute_wants_InterfaceAlias(row))
                text(row, NetRoute_InterfaceAlias, interface_name(r, index));
        text(row, NetRoute_AddressFamily, family_name(m->rtm_family));
        text(row, NetRoute_Type,
             m->rtm_type < sizeof route_types / sizeof *route_types ? route_types[m->rtm_type] : NULL);
        if (NetRoute_wants_Protocol(row))
                fill_protocol(row, m->rtm_protocol);
        text(row, NetRoute_Scope, scope_name(m->rtm_scope));
        address(row, NetRoute_PreferredSource, m->rtm_family, at[RTA_PREFSRC]);
        if (at[RTA_METRICS] && NetRoute_wants_Mtu(row)) {
                const struct rtattr *metrics[RTAX_MAX + 1];
                rv_netlink_nested(at[RTA_METRICS], metrics, RTAX_MAX);
                if (metrics[RTAX_MTU])
                        NetRoute_set_Mtu(row, rv_attr_u32(metrics[RTAX_MTU]));
        }
}

/* A row for each hop of a route with several. */
static int each_hop(struct reader *r, const struct rtmsg *m, const struct rtattr **at)
{
        int left = (int)RTA_PAYLOAD(at[RTA_MULTIPATH]);
        for (const struct rtnexthop *hop = RTA_DATA(at[RTA_MULTIPATH]); RTNH_OK(hop, left);
             left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
                const struct rtattr *own[RTA_MAX + 1] = { 0 };
                int n = (int)(hop->rtnh_len - sizeof *hop);
                for (const struct rtattr *a = RTNH_DATA(hop); RTA_OK(a, n); a = RTA_NEXT(a, n))
                        if ((a->rta_type & NLA_TYPE_MASK) <= RTA_MAX)
                                own[a->rta_type & NLA_TYPE_MASK] = a;
                struct rv_row *row = rv_row(r->out);
                fill_route(r, row, m, at, (uint32_t)hop->rtnh_ifindex, own[RTA_GATEWAY], own[RTA_VIA]);
                int e = emit(r, row);
                if (e)
                        return e;
        }
        return 0;
}

static int on_route(void *state, const struct nlmsghdr *h)
{
        struct reader *r = state;
        const struct rtmsg *m = NLMSG_DATA(h);
        const struct rtattr *at[RTA_MAX + 1];
        if (h->nlmsg_type != RTM_NEWROUTE || (m->rtm_family != AF_INET && m->rtm_family != AF_INET6) ||
            (m->rtm_flags & RTM_F_CLONED))
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, RTA_MAX);
        if ((at[RTA_TABLE] ? rv_attr_u32(at[RTA_TABLE]) : m->rtm_table) == RT_TABLE_LOCAL)
                return 0;
        if (at[RTA_MULTIPATH])
                return each_hop(r, m, at);
        struct rv_row *row = rv_row(r->out);
        fill_route(r, row, m, at, rv_attr_u32(at[RTA_OIF]), at[RTA_GATEWAY], at[RTA_VIA]);
        return emit(r, row);
}

struct route_request {
        struct nlmsghdr h;
        struct rtmsg m;
        char attributes[256];
};

static int route_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct route_request ask = { .h = { .nlmsg_type = RTM_GETROUTE } };
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.m);
        return dump(q, out, &ask.h, on_route, "routes", err);
}

struct route {
        int family, hop_family;
        uint8_t to[16], hop[16];
        unsigned length;
        uint32_t index, metric, table;
        bool has_hop;
};

static int read_route(struct route *r, const char *prefix, const char *hop, struct rv_error *err)
{
        static const uint8_t none[16];
        if (!parse_prefix(prefix, &r->family, r->to, &r->length)) {
                rv_about(err, NULL, NULL, "DestinationPrefix");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no network: expected ADDRESS/LENGTH",
                               prefix);
        }
        if (!hop)
                return RV_OK;
        r->hop_family = rv_netlink_parse(hop, r->hop);
        if (!r->hop_family) {
                rv_about(err, NULL, NULL, "NextHop");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no IP address", hop);
        }
        r->has_hop = memcmp(r->hop, none, r->hop_family == AF_INET ? 4 : 16) != 0;
        return RV_OK;
}

static int change_route(unsigned short type, unsigned short flags, const struct route *r, const char *doing,
                        struct rv_error *err)
{
        struct route_request ask = { .h = { .nlmsg_type = type, .nlmsg_flags = flags } };
        size_t n = r->family == AF_INET ? 4 : 16;
        bool new = type == RTM_NEWROUTE;
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.m);
        ask.m = (struct rtmsg) { .rtm_family = (uint8_t)r->family,
                                 .rtm_dst_len = (uint8_t)r->length,
                                 .rtm_protocol = new ? RTPROT_STATIC : 0,
                                 .rtm_scope = !new                                  ? RT_SCOPE_NOWHERE
                                              : r->has_hop || r->family == AF_INET6 ? RT_SCOPE_UNIVERSE
                                                                                    : RT_SCOPE_LINK,
                                 .rtm_type = new ? RTN_UNICAST : 0 };
        if (r->length)
                rv_netlink_add(&ask.h, sizeof ask, RTA_DST, r->to, n);
        rv_netlink_add(&ask.h, sizeof ask, RTA_TABLE, &r->table, 4);
        if (r->index)
                rv_netlink_add(&ask.h, sizeof ask, RTA_OIF, &r->index, 4);
        if (r->has_hop && r->hop_family == r->family)
                rv_netlink_add(&ask.h, sizeof ask, RTA_GATEWAY, r->hop, n);
        else if (r->has_hop) {
                uint8_t via[18];
                uint16_t family = (uint16_t)r->hop_family;
                memcpy(via, &family, 2);
                memcpy(via + 2, r->hop, 16);
                rv_netlink_add(&ask.h, sizeof ask, RTA_VIA, via, r->hop_family == AF_INET ? 6 : 18);
        }
        if (r->metric)
                rv_netlink_add(&ask.h, sizeof ask, RTA_PRIORITY, &r->metric, 4);
        return apply(&ask.h, doing, err);
}

static int route_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetRoute_Create_in *in = args;
        struct route r = { .metric = in->has_RouteMetric ? in->RouteMetric : 0,
                           .table = in->has_Table ? in->Table : RT_TABLE_MAIN };
        char doing[128];
        int e = read_route(&r, in->DestinationPrefix, in->has_NextHop ? in->NextHop : NULL, err);
        if (e == RV_OK && (in->has_InterfaceIndex || in->has_InterfaceAlias || !r.has_hop))
                e = which_interface(in->has_InterfaceIndex, in->InterfaceIndex,
                                    in->has_InterfaceAlias ? in->InterfaceAlias : NULL, &r.index, err);
        if (e)
                return e;
        snprintf(doing, sizeof doing, "make the route to %.60s", in->DestinationPrefix);
        rv_change(c, "DestinationPrefix", NULL, in->DestinationPrefix);
        if (!c->what_if)
                e = change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r, doing, err);
        if (e == RV_OK)
                NetRoute_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

static int route_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        const struct rv_arg *k = c->key;
        char doing[128];
        if (k[NetRoute_DestinationPrefix].type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a route is named by its DestinationPrefix");
        const char *to = k[NetRoute_DestinationPrefix].s;
        struct route r = { .index = k[NetRoute_InterfaceIndex].type ? (uint32_t)k[NetRoute_InterfaceIndex].u
                                                                    : 0,
                           .metric = k[NetRoute_RouteMetric].type ? (uint32_t)k[NetRoute_RouteMetric].u : 0,
                           .table = k[NetRoute_Table].type ? (uint32_t)k[NetRoute_Table].u : RT_TABLE_MAIN };
        rv_about(err, NULL, to, NULL);
        int e = read_route(&r, to, k[NetRoute_NextHop].type ? k[NetRoute_NextHop].s : NULL, err);
        if (e)
                return e;
        snprintf(doing, sizeof doing, "take away the route to %.60s", to);
        rv_change(c, "DestinationPrefix", to, NULL);
        e = c->what_if ? RV_OK : change_route(RTM_DELROUTE, 0, &r, doing, err);
        if (e == RV_OK)
                NetRoute_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

/* ---- neighbours ---- */

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
        struct reader *r = state;
        const struct ndmsg *m = NLMSG_DATA(h);
        const struct rtattr *at[NDA_MAX + 1];
        char mac[3 * 32 + 1] = "";
        if (h->nlmsg_type != RTM_NEWNEIGH || (m->ndm_family != AF_INET && m->ndm_family != AF_INET6))
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, NDA_MAX);
        struct rv_row *row = rv_row(r->out);
        NetNeighbor_set_InterfaceIndex(row, (uint32_t)m->ndm_ifindex);
        address(row, NetNeighbor_IPAddress, m->ndm_family, at[NDA_DST]);
        if (NetNeighbor_wants_InterfaceAlias(row))
                text(row, NetNeighbor_InterfaceAlias, interface_name(r, (uint32_t)m->ndm_ifindex));
        text(row, NetNeighbor_AddressFamily, family_name(m->ndm_family));
        for (size_t i = 0; at[NDA_LLADDR] && i < RTA_PAYLOAD(at[NDA_LLADDR]) && i < 32; i++)
                snprintf(mac + 3 * i, 4, "%02x%s", ((const uint8_t *)RTA_DATA(at[NDA_LLADDR]))[i],
                         i + 1 < RTA_PAYLOAD(at[NDA_LLADDR]) ? ":" : "");
        text(row, NetNeighbor_LinkLayerAddress, mac);
        text(row, NetNeighbor_State, neighbour_state(m->ndm_state));
        NetNeighbor_set_IsRouter(row, m->ndm_flags & NTF_ROUTER);
        return emit(r, row);
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
        return dump(q, out, &ask.h, on_neighbour, "neighbours", err);
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
        return apply(&ask.h, doing, err);
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
        int e = which_interface(true, in->InterfaceIndex, NULL, &index, err);
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

static int (*const address_methods[NetIPAddress_nmethods])(struct rv_call *, const void *,
                                                           struct rv_error *) = {
        [NetIPAddress_method_Create] = address_create, [NetIPAddress_method_Delete] = address_delete
};
static int (*const route_methods[NetRoute_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetRoute_method_Create] = route_create, [NetRoute_method_Delete] = route_delete
};
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

static int address_open(struct rv_error *err)
{
        (void)err;
        return rv_netlink_watch((const int[]) { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK, 0 });
}

static int route_open(struct rv_error *err)
{
        (void)err;
        return rv_netlink_watch((const int[]) { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK, 0 });
}

static int neighbour_open(struct rv_error *err)
{
        (void)err;
        return rv_netlink_watch((const int[]) { RTNLGRP_NEIGH, RTNLGRP_LINK, 0 });
}

/* They count down. */
static const uint16_t address_silent[] = { NetIPAddress_ValidLifetime, NetIPAddress_PreferredLifetime };
static const struct rv_push address_push = { .covers = RV_PUSH_ALL,
                                             .open = address_open,
                                             .read = push_read,
                                             .silent = address_silent,
                                             .nsilent = 2 };
static const struct rv_push route_push = { .covers = RV_PUSH_ALL, .open = route_open, .read = push_read };
/* The kernel does not tell of every state that it goes through. */
static const struct rv_push neighbour_push = { .covers = RV_PUSH_CREATE | RV_PUSH_DELETE,
                                               .open = neighbour_open,
                                               .read = push_read };

static const struct rv_provider netipaddress = { .class = &NetIPAddress_class,
                                                 .query = address_query,
 .push = &address_push,
                                                 .methods = address_methods };
static const struct rv_provider netroute = { .class = &NetRoute_class,
                                             .query = route_query,
 .push = &route_push,
                                             .methods = route_methods };
static const struct rv_provider netneighbor = { .class = &NetNeighbor_class,
                                                .query = neighbour_query,
 .push = &neighbour_push,
                                                .methods = neighbour_methods };

RV_PROVIDERS(netip, &netipaddress, &netroute, &netneighbor);
