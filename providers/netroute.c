/* SPDX-License-Identifier: MIT
 *
 * NetRoute: the routes, one dump of rtnetlink, changed by rtnetlink.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NetRoute.h"
#include "providers/lib/fill.h"
#include "providers/lib/iptable.h"
#include "providers/lib/netlink.h"
#include "providers/lib/netstore.h"

enum { V6_METRIC = 1024 /* IP6_RT_PRIO_USER: of a route of IPv6 for which none is given */ };

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
        rv_fill(row, NetRoute_Protocol, name);
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

static void fill_route(struct rv_ip_reader *r, struct rv_row *row, const struct rtmsg *m,
                       const struct rtattr **at, uint32_t index, const struct rtattr *gateway,
                       const struct rtattr *via)
{
        char prefix[64] = "", hop[64];
        if (!at[RTA_DST] || !rv_netlink_address(m->rtm_family, RTA_DATA(at[RTA_DST]),
                                                RTA_PAYLOAD(at[RTA_DST]), prefix, sizeof prefix))
                snprintf(prefix, sizeof prefix, "%s", m->rtm_family == AF_INET ? "0.0.0.0" : "::");
        size_t n = strlen(prefix);
        snprintf(prefix + n, sizeof prefix - n, "/%u", m->rtm_dst_len);
        next_hop(m->rtm_family, gateway, via, hop, sizeof hop);
        rv_fill(row, NetRoute_DestinationPrefix, prefix);
        rv_fill(row, NetRoute_NextHop, hop);
        NetRoute_set_InterfaceIndex(row, index);
        NetRoute_set_Table(row, at[RTA_TABLE] ? rv_attr_u32(at[RTA_TABLE]) : m->rtm_table);
        NetRoute_set_RouteMetric(row, rv_attr_u32(at[RTA_PRIORITY]));
        if (NetRoute_wants_InterfaceAlias(row))
                rv_fill(row, NetRoute_InterfaceAlias, rv_ip_interface(r, index));
        rv_fill(row, NetRoute_AddressFamily, rv_ip_family(m->rtm_family));
        rv_fill(row, NetRoute_Type,
                m->rtm_type < sizeof route_types / sizeof *route_types ? route_types[m->rtm_type] : NULL);
        if (NetRoute_wants_Protocol(row))
                fill_protocol(row, m->rtm_protocol);
        rv_fill(row, NetRoute_Scope, rv_ip_scope(m->rtm_scope));
        rv_ip_address(row, NetRoute_PreferredSource, m->rtm_family, at[RTA_PREFSRC]);
        rv_fill(row, NetRoute_PolicyStore, "ActiveStore");
        if (NetRoute_wants_Persisted(row)) {
                char value[200];
                bool none = strcmp(hop, "0.0.0.0") == 0 || strcmp(hop, "::") == 0;
                unsigned table = at[RTA_TABLE] ? rv_attr_u32(at[RTA_TABLE]) : m->rtm_table,
                         metric = rv_attr_u32(at[RTA_PRIORITY]);
                snprintf(value, sizeof value, "%s %s %u %u", prefix, none ? "-" : hop, metric, table);
                bool kept = rv_ip_is_kept(r, rv_ip_interface(r, index), value);
                if (!kept && m->rtm_family == AF_INET6 &&
                    metric == V6_METRIC) { /* what the kernel makes of none */
                        snprintf(value, sizeof value, "%s %s 0 %u", prefix, none ? "-" : hop, table);
                        kept = rv_ip_is_kept(r, rv_ip_interface(r, index), value);
                }
                NetRoute_set_Persisted(row, kept);
        }
        if (at[RTA_METRICS] && NetRoute_wants_Mtu(row)) {
                const struct rtattr *metrics[RTAX_MAX + 1];
                rv_netlink_nested(at[RTA_METRICS], metrics, RTAX_MAX);
                if (metrics[RTAX_MTU])
                        NetRoute_set_Mtu(row, rv_attr_u32(metrics[RTAX_MTU]));
        }
}

/* A row for each hop of a route with several. */
static int each_hop(struct rv_ip_reader *r, const struct rtmsg *m, const struct rtattr **at)
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
                int e = rv_ip_emit(r, row);
                if (e)
                        return e;
        }
        return 0;
}

static int on_route(void *state, const struct nlmsghdr *h)
{
        struct rv_ip_reader *r = state;
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
        return rv_ip_emit(r, row);
}

struct route_request {
        struct nlmsghdr h;
        struct rtmsg m;
        char attributes[256];
};

static int on_kept_route(void *state, const char *interface, const char *kind, const char *value)
{
        struct rv_ip_reader *r = state;
        char to[64], by[64];
        unsigned metric, table;
        if (strcmp(kind, "route") != 0 || sscanf(value, "%63s %63s %u %u", to, by, &metric, &table) != 4)
                return 0;
        bool v6 = strchr(to, ':') != NULL;
        struct rv_row *row = rv_row(r->out);
        rv_fill(row, NetRoute_DestinationPrefix, to);
        NetRoute_set_InterfaceIndex(row, if_nametoindex(interface));
        rv_fill(row, NetRoute_NextHop, strcmp(by, "-") != 0 ? by : v6 ? "::" : "0.0.0.0");
        NetRoute_set_Table(row, table);
        NetRoute_set_RouteMetric(row, metric);
        rv_fill(row, NetRoute_InterfaceAlias, interface);
        rv_fill(row, NetRoute_AddressFamily, v6 ? "IPv6" : "IPv4");
        rv_fill(row, NetRoute_Type, "unicast");
        rv_fill(row, NetRoute_Protocol, "static");
        rv_fill(row, NetRoute_PolicyStore, "PersistentStore");
        NetRoute_set_Persisted(row, true);
        return rv_ip_emit(r, row);
}

static int route_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_ip_reader r = { .q = q, .out = out };
        struct route_request ask = { .h = { .nlmsg_type = RTM_GETROUTE } };
        if (rv_ip_asks_store(q, NetRoute_PolicyStore))
                return rv_ip_answer(rv_netstore_each(on_kept_route, &r));
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.m);
        rv_ip_read_kept(&r, "route", NetRoute_Persisted);
        return rv_ip_dump(&r, &ask.h, on_route, "routes", err);
}

struct route {
        int family, hop_family;
        uint8_t to[16], hop[16], source[16];
        unsigned length;
        uint32_t index, metric, table, mtu; /* of a new one: mtu 0: none */
        uint8_t type, protocol;             /* 0: unicast, static */
        bool has_hop, has_source;
};

static int read_route(struct route *r, const char *prefix, const char *hop, struct rv_error *err)
{
        static const uint8_t none[16];
        if (!rv_ip_prefix(prefix, &r->family, r->to, &r->length)) {
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
                                 .rtm_protocol = !new          ? 0
                                                 : r->protocol ? r->protocol
                                                               : RTPROT_STATIC,
                                 .rtm_scope = !new ? RT_SCOPE_NOWHERE
                                              : r->has_hop || r->family == AF_INET6 || !r->index
                                                      ? RT_SCOPE_UNIVERSE
                                                      : RT_SCOPE_LINK,
                                 .rtm_type = !new ? r->type : r->type ? r->type : RTN_UNICAST };
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
        if (new && r->has_source)
                rv_netlink_add(&ask.h, sizeof ask, RTA_PREFSRC, r->source, n);
        if (new && r->mtu) {
                struct {
                        struct rtattr a;
                        uint32_t mtu;
                } metrics = { { sizeof metrics, RTAX_MTU }, r->mtu };
                rv_netlink_add(&ask.h, sizeof ask, RTA_METRICS, &metrics, sizeof metrics);
        }
        return rv_ip_apply(&ask.h, doing, err);
}

/* The setting of a route, as netstore.h has it. */
static void route_value(const struct route *r, char *ret, size_t size)
{
        char to[64] = "", by[64] = "-";
        rv_netlink_address(r->family, r->to, r->family == AF_INET ? 4 : 16, to, sizeof to);
        if (r->has_hop)
                rv_netlink_address(r->hop_family, r->hop, r->hop_family == AF_INET ? 4 : 16, by, sizeof by);
        snprintf(ret, size, "%s/%u %s %u %u", to, r->length, by, r->metric, r->table);
}

static int on_way(void *state, const struct nlmsghdr *h)
{
        const struct rtattr *at[RTA_MAX + 1];
        rv_netlink_attributes(h, sizeof(struct rtmsg), at, RTA_MAX);
        *(uint32_t *)state = rv_attr_u32(at[RTA_OIF]);
        return 0;
}

/* The interface by which a gateway is reached now; 0: none. */
static uint32_t interface_towards(const struct route *r)
{
        struct route_request ask = { .h = { .nlmsg_type = RTM_GETROUTE },
                                     .m = { .rtm_family = (uint8_t)r->hop_family } };
        uint32_t index = 0;
        int fd = rv_netlink_open(NETLINK_ROUTE);
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.m);
        ask.m.rtm_dst_len = r->hop_family == AF_INET ? 32 : 128;
        rv_netlink_add(&ask.h, sizeof ask, RTA_DST, r->hop, r->hop_family == AF_INET ? 4 : 16);
        if (fd >= 0)
                rv_netlink_ask(fd, &ask.h, on_way, &index);
        if (fd >= 0)
                close(fd);
        return index;
}

/* What a new route has beside where it leads. */
static int read_details(struct route *r, const struct NetRoute_Create_in *in, struct rv_error *err)
{
        r->mtu = in->has_Mtu ? in->Mtu : 0;
        for (size_t i = 0; in->has_Type && i < sizeof route_types / sizeof *route_types; i++)
                if (route_types[i] && strcmp(route_types[i], in->Type) == 0)
                        r->type = (uint8_t)i;
        for (size_t i = 0; in->has_Protocol && i < sizeof protocols / sizeof *protocols; i++)
                if (strcmp(protocols[i].name, in->Protocol) == 0)
                        r->protocol = protocols[i].id;
        if (in->has_Protocol && !r->protocol) {
                char *end;
                unsigned long n = strtoul(in->Protocol, &end, 10);
                if (*end || !n || n > 255) {
                        rv_about(err, NULL, NULL, "Protocol");
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.20s' is no protocol: a name as static, boot, "
                                                                  "dhcp, or a number to 255", in->Protocol);
                }
                r->protocol = (uint8_t)n;
        }
        r->has_source = in->has_PreferredSource;
        if (r->has_source && rv_netlink_parse(in->PreferredSource, r->source) != r->family) {
                rv_about(err, NULL, NULL, "PreferredSource");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no address of the route's family",
                               in->PreferredSource);
        }
        return RV_OK;
}

static int route_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetRoute_Create_in *in = args;
        struct route r = { .metric = in->has_RouteMetric ? in->RouteMetric : 0,
                           .table = in->has_Table ? in->Table : RT_TABLE_MAIN };
        char doing[128], value[200];
        int e = read_route(&r, in->DestinationPrefix, in->has_NextHop ? in->NextHop : NULL, err);
        if (e == RV_OK)
                e = read_details(&r, in, err);
        const bool leads = !r.type || r.type == RTN_UNICAST; /* others end packets, without an interface */
        if (e == RV_OK && leads && (in->has_InterfaceIndex || in->has_InterfaceAlias || !r.has_hop))
                e = rv_ip_which(in->has_InterfaceIndex, in->InterfaceIndex,
                                in->has_InterfaceAlias ? in->InterfaceAlias : NULL, &r.index, err);
        if (e)
                return e;
        struct rv_netpolicy p;
        e = rv_netpolicy_begin(&p, in->has_PolicyStore ? in->PolicyStore : NULL, "route",
                               !leads ? 0 : r.index ? r.index : interface_towards(&r), err);
        if (e)
                return e;
        route_value(&r, value, sizeof value);
        snprintf(doing, sizeof doing, "make the route to %.60s", in->DestinationPrefix);
        if (p.active) {
                rv_change(c, "DestinationPrefix", NULL, in->DestinationPrefix);
                if (!c->what_if)
                        e = change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r, doing, err);
        }
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_ADD, "route", value, NULL, err);
        if (e)
                return e;
        rv_fill(c->out, NetRoute_Create_out_Warning, p.warning);
        NetRoute_Create_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* A route that is kept and fits what is given of the key. */
struct kept_route {
        const struct rv_arg *key;
        struct route r;
        uint32_t index;
        char value[200];
};

static int on_find_kept_route(void *state, const char *interface, const char *kind, const char *value)
{
        struct kept_route *k = state;
        const struct rv_arg *key = k->key;
        char to[64], by[64], want[64];
        unsigned metric, table;
        if (strcmp(kind, "route") != 0 || sscanf(value, "%63s %63s %u %u", to, by, &metric, &table) != 4)
                return 0;
        route_value(&k->r, want, sizeof want);
        want[strcspn(want, " ")] = 0;
        uint32_t index = if_nametoindex(interface);
        bool no_metric =
                key[NetRoute_RouteMetric].type == RV_NULL || (metric == 0 && k->r.metric == V6_METRIC);
        if (strcmp(want, to) != 0 || (k->r.index && k->r.index != index) || table != k->r.table ||
            (!no_metric && metric != k->r.metric))
                return 0;
        if (k->r.has_hop) {
                rv_netlink_address(k->r.hop_family, k->r.hop, k->r.hop_family == AF_INET ? 4 : 16, want,
                                   sizeof want);
                if (strcmp(want, by) != 0)
                        return 0;
        }
        k->index = index;
        snprintf(k->value, sizeof k->value, "%s", value);
        return 1;
}

/* A route that is there and fits what is given of the key: all of it, as it would be kept. */
static int on_find_route(void *state, const struct nlmsghdr *h)
{
        struct kept_route *k = state;
        const struct rtmsg *m = NLMSG_DATA(h);
        const struct rtattr *at[RTA_MAX + 1];
        char by[64] = "", want[64];
        if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_family != k->r.family || m->rtm_dst_len != k->r.length ||
            k->index)
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, RTA_MAX);
        size_t n = k->r.family == AF_INET ? 4 : 16;
        unsigned metric = rv_attr_u32(at[RTA_PRIORITY]), index = rv_attr_u32(at[RTA_OIF]);
        next_hop(m->rtm_family, at[RTA_GATEWAY], at[RTA_VIA], by, sizeof by);
        if ((at[RTA_DST] ? memcmp(RTA_DATA(at[RTA_DST]), k->r.to, n) : (int)k->r.length) != 0 ||
            (at[RTA_TABLE] ? rv_attr_u32(at[RTA_TABLE]) : m->rtm_table) != k->r.table ||
            (k->r.index && k->r.index != index) ||
            (k->key[NetRoute_RouteMetric].type != RV_NULL && k->r.metric != metric) ||
            (k->r.has_hop && (!rv_netlink_address(k->r.hop_family, k->r.hop,
                                                  k->r.hop_family == AF_INET ? 4 : 16, want, sizeof want) ||
                              strcmp(want, by) != 0)))
                return 0;
        k->index = index;
        route_value(&k->r, k->value, sizeof k->value);
        k->value[strcspn(k->value, " ")] = 0;
        n = strlen(k->value);
        bool none = !at[RTA_GATEWAY] && !at[RTA_VIA];
        snprintf(k->value + n, sizeof k->value - n, " %s %u %u", none ? "-" : by,
                 k->r.family == AF_INET6 && metric == V6_METRIC ? 0 : metric, k->r.table);
        return 0;
}

/* What is kept under the key; else what is there. */
static void find_kept_route(struct kept_route *k)
{
        struct route_request ask = { .h = { .nlmsg_type = RTM_GETROUTE,
                                            .nlmsg_len = NLMSG_LENGTH(sizeof ask.m) } };
        route_value(&k->r, k->value, sizeof k->value);
        rv_netstore_each(on_find_kept_route, k);
        int fd = k->index ? -1 : rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return;
        rv_netlink_dump(fd, &ask.h, ask.h.nlmsg_len, on_find_route, k);
        close(fd);
}

static int route_delete(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetRoute_Delete_in *in = args;
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
        struct kept_route kept = { .key = k, .r = r };
        struct rv_netpolicy p;
        find_kept_route(&kept);
        e = rv_netpolicy_begin(&p, in->has_PolicyStore ? in->PolicyStore : NULL, "route",
                               kept.index ? kept.index : r.index, err);
        if (e)
                return e;
        snprintf(doing, sizeof doing, "take away the route to %.60s", to);
        if (p.active) {
                rv_change(c, "DestinationPrefix", to, NULL);
                e = c->what_if ? RV_OK : change_route(RTM_DELROUTE, 0, &r, doing, err);
        }
        bool unkept = false, absent = p.active && e == RV_NOT_FOUND;
        if ((e == RV_OK || absent) && kept.index)
                e = rv_netpolicy_keep(&p, c, RV_NET_REMOVE, "route", kept.value, &unkept, err);
        if (e == RV_OK && (absent || !p.active) && !unkept)
                e = rv_fail(err, RV_NOT_FOUND, "there is no such route to %.60s", to);
        if (e)
                return e;
        rv_fill(c->out, NetRoute_Delete_out_Warning, kept.index ? p.warning : NULL);
        NetRoute_Delete_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* ---- another metric ---- */

static int route_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetRoute_Set_in *in = args;
        const struct rv_arg *k = c->key;
        char doing[128], by[64], from[16], to[16], value[200];
        unsigned metric, table;
        if (k[NetRoute_DestinationPrefix].type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a route is named by its DestinationPrefix");
        const char *prefix = k[NetRoute_DestinationPrefix].s;
        struct kept_route kept = {
                .key = k,
                .r = { .index = k[NetRoute_InterfaceIndex].type ? (uint32_t)k[NetRoute_InterfaceIndex].u : 0,
                       .metric = k[NetRoute_RouteMetric].type ? (uint32_t)k[NetRoute_RouteMetric].u : 0,
                       .table = k[NetRoute_Table].type ? (uint32_t)k[NetRoute_Table].u : RT_TABLE_MAIN }
        };
        struct rv_netpolicy p;
        rv_about(err, NULL, prefix, NULL);
        int e = read_route(&kept.r, prefix, k[NetRoute_NextHop].type ? k[NetRoute_NextHop].s : NULL, err);
        if (e)
                return e;
        find_kept_route(&kept);
        if (!kept.index || sscanf(kept.value, "%*s %63s %u %u", by, &metric, &table) != 3)
                return rv_fail(err, RV_NOT_FOUND, "there is no such route to %.60s", prefix);
        if ((e = read_route(&kept.r, prefix, strcmp(by, "-") == 0 ? NULL : by, err)) ||
            (e = rv_netpolicy_begin(&p, in->has_PolicyStore ? in->PolicyStore : NULL, "route", kept.index,
                                    err)))
                return e;
        struct route old = kept.r, new = kept.r;
        old.index = new.index = kept.index;
        old.metric = metric;
        new.metric = in->RouteMetric;
        snprintf(doing, sizeof doing, "change the route to %.60s", prefix);
        snprintf(from, sizeof from, "%u", metric);
        snprintf(to, sizeof to, "%u", new.metric);
        if (p.active && metric != new.metric) {
                rv_change(c, "RouteMetric", from, to);
                e = c->what_if ? RV_OK
                               : change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &new, doing, err);
                if (e == RV_OK && !c->what_if)
                        e = change_route(RTM_DELROUTE, 0, &old, doing, err);
        }
        route_value(&new, value, sizeof value);
        if (e == RV_OK && strcmp(value, kept.value) != 0)
                e = rv_netpolicy_keep(&p, c, RV_NET_REMOVE, "route", kept.value, NULL, err);
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_ADD, "route", value, NULL, err);
        if (e)
                return e;
        rv_fill(c->out, NetRoute_Set_out_Warning, p.warning);
        NetRoute_Set_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* ---- the route to an address ---- */

static int on_found(void *state, const struct nlmsghdr *h)
{
        struct rv_row *out = state;
        const struct rtmsg *m = NLMSG_DATA(h);
        const struct rtattr *at[RTA_MAX + 1];
        char prefix[64] = "", hop[64];
        if (h->nlmsg_type != RTM_NEWROUTE)
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, RTA_MAX);
        if (!at[RTA_DST] || !rv_netlink_address(m->rtm_family, RTA_DATA(at[RTA_DST]),
                                                RTA_PAYLOAD(at[RTA_DST]), prefix, sizeof prefix))
                snprintf(prefix, sizeof prefix, "%s", m->rtm_family == AF_INET ? "0.0.0.0" : "::");
        size_t n = strlen(prefix);
        snprintf(prefix + n, sizeof prefix - n, "/%u", m->rtm_dst_len);
        next_hop(m->rtm_family, at[RTA_GATEWAY], at[RTA_VIA], hop, sizeof hop);
        rv_fill(out, NetRoute_Find_out_DestinationPrefix, prefix);
        rv_fill(out, NetRoute_Find_out_NextHop, hop);
        NetRoute_Find_out_set_InterfaceIndex(out, rv_attr_u32(at[RTA_OIF]));
        NetRoute_Find_out_set_Table(out, at[RTA_TABLE] ? rv_attr_u32(at[RTA_TABLE]) : m->rtm_table);
        NetRoute_Find_out_set_RouteMetric(out, rv_attr_u32(at[RTA_PRIORITY]));
        return 0;
}

static int route_find(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetRoute_Find_in *in = args;
        struct route_request ask = { .h = { .nlmsg_type = RTM_GETROUTE,
                                            .nlmsg_len = NLMSG_LENGTH(sizeof ask.m) } };
        uint8_t bytes[16];
        int family = rv_netlink_parse(in->RemoteIPAddress, bytes);
        if (!family) {
                rv_about(err, NULL, NULL, "RemoteIPAddress");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no IP address", in->RemoteIPAddress);
        }
        ask.m = (struct rtmsg) { .rtm_family = (uint8_t)family,
                                 .rtm_dst_len = family == AF_INET ? 32 : 128,
                                 .rtm_flags = RTM_F_FIB_MATCH };
        rv_netlink_add(&ask.h, sizeof ask, RTA_DST, bytes, family == AF_INET ? 4 : 16);
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot speak with the kernel");
        int r = rv_netlink_ask(fd, &ask.h, on_found, c->out);
        close(fd);
        if (r == -ENETUNREACH || r == -EHOSTUNREACH)
                return rv_fail(err, RV_NOT_FOUND, "no route leads to %.60s", in->RemoteIPAddress);
        if (r < 0)
                return rv_fail_errno(err, -r, "cannot find the route to %.60s", in->RemoteIPAddress);
        NetRoute_Find_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int (*const route_methods[NetRoute_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetRoute_method_Find] = route_find,
        [NetRoute_method_Set] = route_set,
        [NetRoute_method_Create] = route_create,
        [NetRoute_method_Delete] = route_delete
};

/* ---- changes ---- */

static int push_read(int fd, struct rv_news *news)
{
        int r = rv_netlink_drain(fd);
        if (r > 0)
                rv_news_changed(news);
        return r < 0 ? r : 0;
}
static int route_open(struct rv_error *err)
{
        (void)err;
        return rv_netlink_watch((const int[]) { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK, 0 });
}

static const struct rv_push route_push = { .covers = RV_PUSH_ALL, .open = route_open, .read = push_read };
static const struct rv_provider netroute = {
        .class = &NetRoute_class, .query = route_query, .push = &route_push, .methods = route_methods
};

RV_PROVIDERS(netroute, &netroute);
