/* SPDX-License-Identifier: MIT
 *
 * NetIPConfiguration: three dumps (links, addresses, default routes) kept in memory, then a row for each interface. Its
 * methods are WMI's: each is several of NetIPAddress, NetRoute or DnsClient.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/DnsClient.h"
#include "gen/NetIPAddress.h"
#include "gen/NetIPConfiguration.h"
#include "gen/NetRoute.h"
#include "providers/lib/dhcp.h"
#include "providers/lib/fill.h"
#include "providers/lib/netlink.h"
#include "providers/lib/othermethod.h"
#include "providers/lib/procfs.h"
#include "providers/lib/resolvconf.h"

struct link {
        uint32_t index, mtu;
        bool up;
        char name[IF_NAMESIZE], alias[256], mac[64];
};
struct address {
        uint32_t index, valid; /* seconds; UINT32_MAX: for ever */
        uint8_t family, prefix;
        bool dynamic;
        char text[48];
        size_t place; /* in the order of the kernel */
};
struct gateway {
        uint32_t index, metric;
        uint8_t family;
        char text[48];
};

/* Of the host as a whole. */
struct settings {
        bool known;
        uint32_t alive, interval, no_discovery, window;
};

struct tables {
        struct settings ip;
        struct link *links;
        struct address *addresses;
        struct gateway *gateways;
        size_t nlinks, naddresses, ngateways;
        bool no_memory;
        const struct rv_resolvconf *resolvconf; /* NULL: there is none */
        char ttl[16];
};

/* Room for one more, doubled as needed; NULL: no memory. */
static void *more(struct tables *t, void **v, size_t n, size_t size)
{
        if ((n & (n - 1)) == 0) {
                void *new = realloc(*v, (n ? 2 * n : 1) * size);
                if (!new) {
                        t->no_memory = true;
                        return NULL;
                }
                *v = new;
        }
        return memset((char *)*v + n * size, 0, size);
}

static int on_link(void *state, const struct nlmsghdr *h)
{
        struct tables *t = state;
        const struct ifinfomsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFLA_IFALIAS + 1];
        if (h->nlmsg_type != RTM_NEWLINK)
                return 0;
        rv_netlink_attributes(h, sizeof *i, at, IFLA_IFALIAS);
        struct link *l = more(t, (void **)&t->links, t->nlinks, sizeof *l);
        if (!l)
                return -ENOMEM;
        t->nlinks++;
        l->index = (uint32_t)i->ifi_index;
        l->up = i->ifi_flags & IFF_UP;
        l->mtu = rv_attr_u32(at[IFLA_MTU]);
        const char *name = rv_attr_text(at[IFLA_IFNAME]), *alias = rv_attr_text(at[IFLA_IFALIAS]);
        snprintf(l->name, sizeof l->name, "%s", name ? name : "");
        snprintf(l->alias, sizeof l->alias, "%s", alias ? alias : l->name);
        if (at[IFLA_ADDRESS] && RTA_PAYLOAD(at[IFLA_ADDRESS]) <= 20)
                rv_netlink_hardware(RTA_DATA(at[IFLA_ADDRESS]), RTA_PAYLOAD(at[IFLA_ADDRESS]), l->mac);
        return 0;
}

static int on_address(void *state, const struct nlmsghdr *h)
{
        struct tables *t = state;
        const struct ifaddrmsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFA_MAX + 1];
        if (h->nlmsg_type != RTM_NEWADDR || (i->ifa_family != AF_INET && i->ifa_family != AF_INET6))
                return 0;
        rv_netlink_attributes(h, sizeof *i, at, IFA_MAX);
        const struct rtattr *own = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
        struct address *a = more(t, (void **)&t->addresses, t->naddresses, sizeof *a);
        if (!a)
                return -ENOMEM;
        if (!own ||
            !rv_netlink_address(i->ifa_family, RTA_DATA(own), RTA_PAYLOAD(own), a->text, sizeof a->text))
                return 0;
        t->naddresses++;
        a->index = i->ifa_index;
        a->family = i->ifa_family;
        a->prefix = i->ifa_prefixlen;
        a->valid = UINT32_MAX;
        if (at[IFA_CACHEINFO] && RTA_PAYLOAD(at[IFA_CACHEINFO]) >= sizeof(struct ifa_cacheinfo))
                a->valid = ((const struct ifa_cacheinfo *)RTA_DATA(at[IFA_CACHEINFO]))->ifa_valid;
        a->dynamic = a->valid != UINT32_MAX;
        return 0;
}

static void add_gateway(struct tables *t, uint8_t family, uint32_t index, uint32_t metric,
                        const struct rtattr *gateway)
{
        struct gateway *g = gateway ? more(t, (void **)&t->gateways, t->ngateways, sizeof *g) : NULL;
        if (!g ||
            !rv_netlink_address(family, RTA_DATA(gateway), RTA_PAYLOAD(gateway), g->text, sizeof g->text))
                return;
        t->ngateways++;
        g->family = family;
        g->index = index;
        g->metric = metric;
}

/* Default routes of the main table; each hop of one with several. */
static int on_route(void *state, const struct nlmsghdr *h)
{
        struct tables *t = state;
        const struct rtmsg *m = NLMSG_DATA(h);
        const struct rtattr *at[RTA_MAX + 1];
        if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_dst_len || m->rtm_type != RTN_UNICAST ||
            (m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, RTA_MAX);
        if ((at[RTA_TABLE] ? rv_attr_u32(at[RTA_TABLE]) : m->rtm_table) != RT_TABLE_MAIN)
                return 0;
        uint32_t metric = rv_attr_u32(at[RTA_PRIORITY]);
        add_gateway(t, m->rtm_family, rv_attr_u32(at[RTA_OIF]), metric, at[RTA_GATEWAY]);
        int left = at[RTA_MULTIPATH] ? (int)RTA_PAYLOAD(at[RTA_MULTIPATH]) : 0;
        for (const struct rtnexthop *hop = left ? RTA_DATA(at[RTA_MULTIPATH]) : NULL;
             left && RTNH_OK(hop, left); left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
                int n = (int)(hop->rtnh_len - sizeof *hop);
                for (const struct rtattr *a = RTNH_DATA(hop); RTA_OK(a, n); a = RTA_NEXT(a, n))
                        if (a->rta_type == RTA_GATEWAY)
                                add_gateway(t, m->rtm_family, (uint32_t)hop->rtnh_ifindex, metric, a);
        }
        return 0;
}

static int dump_one(int type, size_t size, int (*each)(void *, const struct nlmsghdr *), struct tables *t)
{
        struct {
                struct nlmsghdr h;
                char body[64];
        } ask = { .h = { .nlmsg_type = (uint16_t)type } };
        int fd = rv_netlink_open(NETLINK_ROUTE), e;
        if (fd < 0)
                return fd;
        for (int tries = 0; tries < 5; tries++) { /* again while the table changes under the dump */
                if (type == RTM_GETLINK)
                        t->nlinks = 0;
                else if (type == RTM_GETADDR)
                        t->naddresses = 0;
                else
                        t->ngateways = 0;
                e = rv_netlink_dump(fd, &ask.h, NLMSG_LENGTH(size), each, t);
                if (e != -EAGAIN)
                        break;
        }
        close(fd);
        return e == -EAGAIN ? 0 : e;
}

static int by_metric(const void *a, const void *b)
{
        const struct gateway *x = a, *y = b;
        return x->family != y->family  ? (x->family == AF_INET ? -1 : 1)
               : x->metric < y->metric ? -1
                                       : x->metric > y->metric;
}

static int read_tables(struct tables *t, struct rv_error *err)
{
        int e = dump_one(RTM_GETLINK, sizeof(struct ifinfomsg), on_link, t);
        if (e == 0)
                e = dump_one(RTM_GETADDR, sizeof(struct ifaddrmsg), on_address, t);
        if (e == 0)
                e = dump_one(RTM_GETROUTE, sizeof(struct rtmsg), on_route, t);
        if (e)
                return rv_fail_errno(err, -e, "cannot read the network's tables");
        if (t->ngateways)
                qsort(t->gateways, t->ngateways, sizeof *t->gateways, by_metric);
        return RV_OK;
}

/* ---- rows ---- */

/* Addresses or their masks, of one family or (0) of both; the kernel's dump has IPv4 first. */
static void fill_addresses(const struct tables *t, struct rv_row *row, unsigned p, uint32_t index, int family,
                           bool subnet)
{
        char all[65536] = "", item[64];
        size_t n = 0;
        if (!rv_wants(row, p))
                return;
        for (size_t i = 0; i < t->naddresses; i++) {
                const struct address *a = &t->addresses[i];
                if (a->index != index || (family && a->family != family))
                        continue;
                bool masked = a->family == AF_INET && a->prefix && a->prefix <= 32;
                struct in_addr mask = { masked ? htonl(UINT32_MAX << (32 - a->prefix)) : 0 };
                if (subnet && a->family == AF_INET)
                        inet_ntop(AF_INET, &mask, item, sizeof item);
                else if (subnet)
                        snprintf(item, sizeof item, "%u", a->prefix);
                else
                        snprintf(item, sizeof item, "%s", a->text);
                if (n + strlen(item) + 2 < sizeof all)
                        n += (size_t)snprintf(all + n, sizeof all - n, "%s\n", item);
        }
        if (n)
                rv_fill_list(row, p, all, "\n");
        else
                rv_set_list(row, p, 0);
}

static void fill_gateways(const struct tables *t, struct rv_row *row, unsigned p, uint32_t index, int family)
{
        char all[8192] = "";
        size_t n = 0;
        if (!rv_wants(row, p))
                return;
        for (size_t i = 0; i < t->ngateways; i++)
                if (t->gateways[i].index == index && (!family || t->gateways[i].family == family) &&
                    n + 64 < sizeof all)
                        n += (size_t)snprintf(all + n, sizeof all - n, "%s\n", t->gateways[i].text);
        if (n)
                rv_fill_list(row, p, all, "\n");
        else
                rv_set_list(row, p, 0);
}

static void fill_metrics(const struct tables *t, struct rv_row *row, uint32_t index)
{
        uint32_t n = 0, k = 0;
        for (size_t i = 0; i < t->ngateways; i++)
                n += t->gateways[i].index == index;
        rv_list list = NetIPConfiguration_set_GatewayCostMetric(row, n);
        for (size_t i = 0; i < t->ngateways && k < n; i++)
                if (t->gateways[i].index == index)
                        rv_item_uint(row, list, k++, t->gateways[i].metric);
}

/* networkd's lease: NAME=value lines. */
static void fill_lease(struct rv_row *row, uint32_t index)
{
        char path[80], text[8192];
        snprintf(path, sizeof path, "/run/systemd/netif/leases/%u", index);
        struct stat st;
        if (stat(path, &st) == 0)
                NetIPConfiguration_set_DHCPLeaseObtained(row, st.st_mtim.tv_sec * INT64_C(1000000000) +
                                                                      st.st_mtim.tv_nsec);
        if (!NetIPConfiguration_wants_DHCPServer(row) || rv_proc_read(AT_FDCWD, path, text, sizeof text) <= 0)
                return;
        const char *at = strncmp(text, "SERVER_ADDRESS=", 15) == 0 ? text : strstr(text, "\nSERVER_ADDRESS=");
        if (at) {
                at = strchr(at, '=') + 1;
                rv_fill_n(row, NetIPConfiguration_DHCPServer, at, strcspn(at, "\n"));
        }
}

static void fill_dhcp(const struct tables *t, struct rv_row *row, uint32_t index)
{
        bool dynamic = false;
        uint32_t valid = 0;
        for (size_t i = 0; i < t->naddresses; i++)
                if (t->addresses[i].index == index && t->addresses[i].family == AF_INET &&
                    t->addresses[i].dynamic) {
                        dynamic = true;
                        valid = t->addresses[i].valid;
                }
        NetIPConfiguration_set_DHCPEnabled(row, dynamic);
        if (!dynamic)
                return;
        NetIPConfiguration_set_DHCPLeaseExpires(row, ((int64_t)time(NULL) + valid) * 1000000000);
        fill_lease(row, index);
}

static void fill_names(const struct tables *t, struct rv_row *row)
{
        struct utsname u;
        const struct rv_resolvconf *c = t->resolvconf;
        const char *dot = NULL;
        if (uname(&u) == 0) {
                dot = strchr(u.nodename, '.');
                rv_fill_n(row, NetIPConfiguration_DNSHostName, u.nodename, strcspn(u.nodename, "."));
        }
        if (dot)
                rv_fill(row, NetIPConfiguration_DNSDomain, dot + 1);
        if (!c)
                return;
        if (!dot)
                rv_fill_n(row, NetIPConfiguration_DNSDomain, c->domains, strcspn(c->domains, "\n"));
        rv_fill_list(row, NetIPConfiguration_DNSServer, c->servers, "\n");
        rv_fill_list(row, NetIPConfiguration_DNSDomainSuffixSearchOrder, c->domains, "\n");
}

static void fill(const struct tables *t, struct rv_row *row, const struct link *l)
{
        bool has = t->naddresses > 0;
        NetIPConfiguration_set_InterfaceIndex(row, l->index);
        rv_fill(row, NetIPConfiguration_InterfaceAlias, l->name);
        rv_fill(row, NetIPConfiguration_InterfaceDescription, l->alias);
        rv_fill(row, NetIPConfiguration_MACAddress, l->mac);
        NetIPConfiguration_set_MTU(row, l->mtu);
        fill_addresses(t, row, NetIPConfiguration_IPv4Address, l->index, AF_INET, false);
        fill_addresses(t, row, NetIPConfiguration_IPv6Address, l->index, AF_INET6, false);
        fill_addresses(t, row, NetIPConfiguration_IPAddress, l->index, 0, false);
        fill_addresses(t, row, NetIPConfiguration_IPSubnet, l->index, 0, true);
        NetIPConfiguration_set_IPEnabled(row, l->up && has);
        fill_gateways(t, row, NetIPConfiguration_IPv4DefaultGateway, l->index, AF_INET);
        fill_gateways(t, row, NetIPConfiguration_IPv6DefaultGateway, l->index, AF_INET6);
        fill_gateways(t, row, NetIPConfiguration_DefaultIPGateway, l->index, 0);
        if (NetIPConfiguration_wants_GatewayCostMetric(row))
                fill_metrics(t, row, l->index);
        fill_dhcp(t, row, l->index);
        fill_names(t, row);
        if (t->ttl[0])
                NetIPConfiguration_set_DefaultTTL(row, (uint8_t)strtoul(t->ttl, NULL, 10));
        if (t->ip.known) {
                NetIPConfiguration_set_KeepAliveTime(row, t->ip.alive * 1000);
                NetIPConfiguration_set_KeepAliveInterval(row, t->ip.interval * 1000);
                NetIPConfiguration_set_PMTUDiscoveryEnabled(row, !t->ip.no_discovery);
                NetIPConfiguration_set_TcpWindowSize(row, t->ip.window);
        }
}

/* By interface, else in the order of the kernel. */
static int by_index(const void *a, const void *b)
{
        const struct address *x = a, *y = b;
        return x->index != y->index ? (x->index < y->index ? -1 : 1) : x->place < y->place ? -1 : 1;
}

static void sort(struct tables *t)
{
        for (size_t i = 0; i < t->naddresses; i++)
                t->addresses[i].place = i;
        if (t->naddresses)
                qsort(t->addresses, t->naddresses, sizeof *t->addresses, by_index);
}

/* The tables with the addresses of one interface only. */
static struct tables of_link(const struct tables *t, uint32_t index)
{
        struct tables one = *t;
        size_t low = 0, high = t->naddresses;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (t->addresses[middle].index < index)
                        low = middle + 1;
                else
                        high = middle;
        }
        one.addresses += low;
        for (one.naddresses = 0; low < t->naddresses && t->addresses[low].index == index; low++)
                one.naddresses++;
        return one;
}

static bool setting(const char *name, const char *form, uint32_t *ret)
{
        char path[128], text[128];
        snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", name);
        return rv_proc_read(AT_FDCWD, path, text, sizeof text) > 0 && sscanf(text, form, ret) == 1;
}

static void read_settings(struct settings *s)
{
        s->known = setting("tcp_keepalive_time", "%u", &s->alive) &&
                   setting("tcp_keepalive_intvl", "%u", &s->interval) &&
                   setting("ip_no_pmtu_disc", "%u", &s->no_discovery) &&
                   setting("tcp_rmem", "%*u %u", &s->window);
}

static int netipconfig_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct tables t = { 0 };
        int e = read_tables(&t, err);
        sort(&t);
        struct rv_resolvconf resolvconf;
        t.resolvconf = rv_resolvconf_read(&resolvconf) ? &resolvconf : NULL;
        if (rv_proc_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_default_ttl", t.ttl, sizeof t.ttl) <= 0)
                t.ttl[0] = 0;
        read_settings(&t.ip);
        for (size_t i = 0; e == RV_OK && i < t.nlinks; i++) {
                struct rv_row *row = rv_row(out);
                struct tables one = of_link(&t, t.links[i].index);
                fill(&one, row, &t.links[i]);
                e = rv_cancelled(q->call) ? RV_STOP : rv_emit(out, row);
        }
        free(t.links);
        free(t.addresses);
        free(t.gateways);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changes, as WMI has them: several of ours in one ---- */

enum { WANTED = 64 };

struct wanted {
        int family;
        uint8_t prefix;
        uint32_t metric;
        char text[48];
        bool there;
};

struct ipchange {
        struct rv_call *call;
        uint32_t index;
        char name[IF_NAMESIZE], warning[400];
        struct tables now;
        struct wanted want[WANTED];
        uint32_t n;
};

static void let_go(struct tables *t)
{
        free(t->links);
        free(t->addresses);
        free(t->gateways);
        *t = (struct tables) { 0 };
}

static int begin(struct ipchange *x, struct rv_call *c, struct rv_error *err)
{
        const struct rv_arg *k = &c->key[NetIPConfiguration_InterfaceIndex];
        *x = (struct ipchange) { .call = c, .index = (uint32_t)k->u };
        if (k->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "an interface is named by its InterfaceIndex");
        if (!if_indextoname(x->index, x->name))
                return rv_fail(err, RV_NOT_FOUND, "there is no interface with the index %u", x->index);
        rv_about(err, NULL, x->name, NULL);
        return read_tables(&x->now, err);
}

static int finish(struct ipchange *x, unsigned warning, int e)
{
        let_go(&x->now);
        if (e == RV_OK) {
                rv_fill(x->call->out, warning, x->warning[0] ? x->warning : NULL);
                rv_set_uint(x->call->out, NetIPConfiguration_EnableStatic_out_ReturnValue, 0);
        }
        return e;
}

static const char *item(const struct rv_arg *a)
{
        return a->type == RV_STRING ? a->s : "";
}

/* 255.255.255.0, or the length of the prefix as WMI has it for IPv6. */
static bool read_mask(int family, const char *s, uint8_t *ret)
{
        uint8_t b[16];
        char *end;
        if (family == AF_INET && rv_netlink_parse(s, b) == AF_INET) {
                uint32_t rest = ~((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
                *ret = (uint8_t)(32 - __builtin_popcount(rest));
                return (rest & (rest + 1)) == 0 && *ret;
        }
        unsigned long n = strtoul(s, &end, 10);
        *ret = (uint8_t)n;
        return *s && !*end && n && n <= (family == AF_INET ? 32 : 128);
}

/* Addresses in the kernel's own spelling. */
static int read_wanted(struct ipchange *x, const struct rv_arg *v, uint32_t n, const char *property,
                       struct rv_error *err)
{
        if (n > WANTED)
                return rv_fail(err, RV_INVALID_PARAMETER, "%s: at most %d", property, WANTED);
        for (x->n = 0; x->n < n; x->n++) {
                struct wanted *w = &x->want[x->n];
                uint8_t b[16];
                w->family = rv_netlink_parse(item(&v[x->n]), b);
                if (!w->family) {
                        rv_about(err, NULL, NULL, property);
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no IP address", item(&v[x->n]));
                }
                rv_netlink_address(w->family, b, w->family == AF_INET ? 4 : 16, w->text, sizeof w->text);
        }
        return RV_OK;
}

static bool wants_family(const struct ipchange *x, int family)
{
        for (uint32_t i = 0; i < x->n; i++)
                if (x->want[i].family == family)
                        return true;
        return false;
}

static bool is_wanted(const struct ipchange *x, const struct address *a)
{
        for (uint32_t i = 0; i < x->n; i++)
                if (strcmp(x->want[i].text, a->text) == 0 && x->want[i].prefix == a->prefix)
                        return !a->dynamic;
        return false;
}

static int add_address(struct ipchange *x, const char *text, uint8_t prefix, const char *store,
                       struct rv_error *err)
{
        struct NetIPAddress_Create_in in = { .IPAddress = text,
                                             .IPAddress_len = strlen(text),
                                             .has_IPAddress = true,
                                             .PrefixLength = prefix,
                                             .has_PrefixLength = true,
                                             .InterfaceIndex = x->index,
                                             .has_InterfaceIndex = true,
                                             .PolicyStore = store,
                                             .PolicyStore_len = store ? strlen(store) : 0,
                                             .has_PolicyStore = store != NULL };
        return rv_other_method(x->call, rv_providers_netip[0], "Create", &in, NULL, x->warning,
                               sizeof x->warning, err);
}

static int take_address(struct ipchange *x, const struct address *a, struct rv_error *err)
{
        const struct rv_provider *p = rv_providers_netip[0];
        struct NetIPAddress_Delete_in in = { .rv_end = 0 };
        struct rv_arg *key = rv_other_key(x->call, p);
        if (!key)
                return -ENOMEM;
        key[NetIPAddress_InterfaceIndex] = (struct rv_arg) { .type = RV_UINT, .u = x->index };
        key[NetIPAddress_PrefixLength] = (struct rv_arg) { .type = RV_UINT, .u = a->prefix };
        key[NetIPAddress_IPAddress] =
                (struct rv_arg) { .type = RV_STRING, .s = a->text, .len = (uint32_t)strlen(a->text) };
        return rv_other_method(x->call, p, "Delete", &in, key, x->warning, sizeof x->warning, err);
}

static int add_gateway_route(struct ipchange *x, int family, const char *hop, uint32_t metric,
                             const char *store, struct rv_error *err)
{
        const char *to = family == AF_INET ? "0.0.0.0/0" : "::/0";
        struct NetRoute_Create_in in = { .DestinationPrefix = to,
                                         .DestinationPrefix_len = strlen(to),
                                         .has_DestinationPrefix = true,
                                         .InterfaceIndex = x->index,
                                         .has_InterfaceIndex = true,
                                         .NextHop = hop,
                                         .NextHop_len = strlen(hop),
                                         .has_NextHop = true,
                                         .RouteMetric = metric,
                                         .has_RouteMetric = metric != 0,
                                         .PolicyStore = store,
                                         .PolicyStore_len = store ? strlen(store) : 0,
                                         .has_PolicyStore = store != NULL };
        return rv_other_method(x->call, rv_providers_netroute[0], "Create", &in, NULL, x->warning,
                               sizeof x->warning, err);
}

static int take_gateway(struct ipchange *x, const struct gateway *g, struct rv_error *err)
{
        const struct rv_provider *p = rv_providers_netroute[0];
        struct NetRoute_Delete_in in = { .rv_end = 0 };
        struct rv_arg *key = rv_other_key(x->call, p);
        const char *to = g->family == AF_INET ? "0.0.0.0/0" : "::/0";
        if (!key)
                return -ENOMEM;
        key[NetRoute_DestinationPrefix] =
                (struct rv_arg) { .type = RV_STRING, .s = to, .len = (uint32_t)strlen(to) };
        key[NetRoute_InterfaceIndex] = (struct rv_arg) { .type = RV_UINT, .u = x->index };
        key[NetRoute_NextHop] =
                (struct rv_arg) { .type = RV_STRING, .s = g->text, .len = (uint32_t)strlen(g->text) };
        key[NetRoute_RouteMetric] = (struct rv_arg) { .type = RV_UINT, .u = g->metric };
        return rv_other_method(x->call, p, "Delete", &in, key, x->warning, sizeof x->warning, err);
}

/* The kernel takes routes away with the address that reaches them; those whose gateway is still at hand come back. */
static void mend_gateways(struct ipchange *x)
{
        struct tables after = { 0 };
        struct rv_error none = { 0 };
        if (x->call->what_if || read_tables(&after, &none))
                return;
        for (size_t i = 0; i < x->now.ngateways; i++) {
                const struct gateway *g = &x->now.gateways[i];
                bool there = g->index != x->index;
                for (size_t k = 0; k < after.ngateways; k++)
                        there |= after.gateways[k].index == g->index &&
                                 after.gateways[k].metric == g->metric &&
                                 strcmp(after.gateways[k].text, g->text) == 0;
                if (!there)
                        add_gateway_route(x, g->family, g->text, g->metric, "ActiveStore", &none);
        }
        let_go(&after);
}

/* First what is not wanted goes, and what goes with it; then what is missing comes. */
static int exchange_addresses(struct ipchange *x, struct rv_error *err)
{
        struct tables after = { 0 };
        struct rv_error none = { 0 };
        int e = RV_OK;
        for (size_t i = 0; e == RV_OK && i < x->now.naddresses; i++) {
                const struct address *a = &x->now.addresses[i];
                if (a->index == x->index && wants_family(x, a->family) && !is_wanted(x, a) &&
                    strncmp(a->text, "fe80:", 5) != 0)
                        e = take_address(x, a, err);
        }
        if (e == RV_OK)
                e = read_tables(&after, err);
        for (uint32_t i = 0; e == RV_OK && i < x->n; i++) {
                struct wanted *w = &x->want[i];
                for (size_t k = 0; k < after.naddresses; k++)
                        w->there |= after.addresses[k].index == x->index && !after.addresses[k].dynamic &&
                                    after.addresses[k].prefix == w->prefix &&
                                    strcmp(after.addresses[k].text, w->text) == 0;
                if (w->there) /* kept, where somebody keeps it */
                        add_address(x, w->text, w->prefix, "PersistentStore", &none);
                else
                        e = add_address(x, w->text, w->prefix, NULL, err);
        }
        for (size_t i = 0; e && !x->call->what_if && i < x->now.naddresses;
             i++) /* rather as it was than cut off */
                if (x->now.addresses[i].index == x->index && !x->now.addresses[i].dynamic)
                        add_address(x, x->now.addresses[i].text, x->now.addresses[i].prefix, NULL, &none);
        let_go(&after);
        mend_gateways(x);
        return e;
}

static bool by_dhcp(const struct ipchange *x)
{
        for (size_t i = 0; i < x->now.naddresses; i++)
                if (x->now.addresses[i].index == x->index && x->now.addresses[i].family == AF_INET &&
                    x->now.addresses[i].dynamic)
                        return true;
        return false;
}

static int config_static(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPConfiguration_EnableStatic_in *in = args;
        struct ipchange x;
        int e = begin(&x, c, err);
        if (e == RV_OK)
                e = read_wanted(&x, in->IPAddress, in->IPAddress_n, "IPAddress", err);
        if (e == RV_OK && !x.n) {
                rv_about(err, NULL, NULL, "IPAddress");
                e = rv_fail(err, RV_INVALID_PARAMETER, "at least one address is needed");
        }
        for (uint32_t i = 0; e == RV_OK && i < x.n; i++)
                if (in->SubnetMask_n != x.n ||
                    !read_mask(x.want[i].family, item(&in->SubnetMask[i]), &x.want[i].prefix)) {
                        rv_about(err, NULL, NULL, "SubnetMask");
                        e = rv_fail(err, RV_INVALID_PARAMETER,
                                    "each address needs a mask, as 255.255.255.0 or 64");
                }
        const bool dhcp = e == RV_OK && by_dhcp(&x) && wants_family(&x, AF_INET);
        if (dhcp)
                e = rv_dhcp_set(c, x.index, x.name, false, err);
        if (e == RV_OK)
                e = exchange_addresses(&x, err);
        if (e == RV_OK && dhcp)
                e = rv_dhcp_apply(c, x.index, x.name, err);
        return finish(&x, NetIPConfiguration_EnableStatic_out_Warning, e);
}

static int config_gateways(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPConfiguration_SetGateways_in *in = args;
        struct rv_error none = { 0 };
        struct ipchange x;
        int e = begin(&x, c, err);
        if (e == RV_OK)
                e = read_wanted(&x, in->DefaultIPGateway, in->DefaultIPGateway_n, "DefaultIPGateway", err);
        if (e == RV_OK && in->GatewayCostMetric_n && in->GatewayCostMetric_n != x.n) {
                rv_about(err, NULL, NULL, "GatewayCostMetric");
                e = rv_fail(err, RV_INVALID_PARAMETER, "there are %u gateways and %u metrics", x.n,
                            in->GatewayCostMetric_n);
        }
        for (uint32_t i = 0; e == RV_OK && i < x.n; i++)
                x.want[i].metric = in->GatewayCostMetric_n ? (uint32_t)in->GatewayCostMetric[i].u : 0;
        for (size_t i = 0; e == RV_OK && i < x.now.ngateways; i++) {
                const struct gateway *g = &x.now.gateways[i];
                bool stays = g->index != x.index || (x.n && !wants_family(&x, g->family));
                for (uint32_t k = 0; k < x.n; k++)
                        if (g->index == x.index && strcmp(x.want[k].text, g->text) == 0 &&
                            (!in->GatewayCostMetric_n || x.want[k].metric == g->metric))
                                stays = x.want[k].there = true;
                if (!stays)
                        e = take_gateway(&x, g, err);
        }
        for (uint32_t i = 0; e == RV_OK && i < x.n; i++)
                if (!x.want[i].there)
                        e = add_gateway_route(&x, x.want[i].family, x.want[i].text, x.want[i].metric, NULL,
                                              err);
        for (size_t i = 0; e && !c->what_if && i < x.now.ngateways; i++) /* rather as it was than cut off */
                if (x.now.gateways[i].index == x.index)
                        add_gateway_route(&x, x.now.gateways[i].family, x.now.gateways[i].text,
                                          x.now.gateways[i].metric, NULL, &none);
        return finish(&x, NetIPConfiguration_SetGateways_out_Warning, e);
}

/* Those of the interface where systemd-resolved keeps such, else those of the host. */
static int names(struct ipchange *x, const char *method, const void *in, struct rv_error *err)
{
        const struct rv_provider *p = rv_providers_dnsclient[0];
        struct rv_arg *key = rv_other_key(x->call, p);
        if (!key)
                return -ENOMEM;
        char unit[64];
        bool links =
                readlink("/run/systemd/units/invocation:systemd-resolved.service", unit, sizeof unit) > 0;
        key[DnsClient_InterfaceIndex] = (struct rv_arg) { .type = RV_UINT, .u = links ? x->index : 0 };
        return rv_other_method(x->call, p, method, in, key, x->warning, sizeof x->warning, err);
}

static int config_servers(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPConfiguration_SetDNSServerSearchOrder_in *in = args;
        struct ipchange x;
        int e = begin(&x, c, err);
        if (e == RV_OK) /* its errors name our parameter */
                e = read_wanted(&x, in->DNSServerSearchOrder, in->DNSServerSearchOrder_n,
                                "DNSServerSearchOrder", err);
        if (e == RV_OK)
                e = names(&x, "SetServers",
                          &(struct DnsClient_SetServers_in) { .ServerAddresses = in->DNSServerSearchOrder,
                                                              .ServerAddresses_n = in->DNSServerSearchOrder_n,
                                                              .has_ServerAddresses = true },
                          err);
        return finish(&x, NetIPConfiguration_SetDNSServerSearchOrder_out_Warning, e);
}

static int config_domain(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPConfiguration_SetDNSDomain_in *in = args;
        struct rv_arg domain = { .type = RV_STRING, .s = in->DNSDomain, .len = (uint32_t)in->DNSDomain_len };
        struct ipchange x;
        int e = begin(&x, c, err);
        if (e == RV_OK)
                e = names(&x, "SetDomains",
                          &(struct DnsClient_SetDomains_in) { .SearchDomains = &domain,
                                                              .SearchDomains_n = in->DNSDomain_len != 0,
                                                              .has_SearchDomains = true },
                          err);
        return finish(&x, NetIPConfiguration_SetDNSDomain_out_Warning, e);
}

static int config_dhcp(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct ipchange x;
        int e = begin(&x, c, err);
        if (e == RV_OK)
                e = rv_dhcp_set(c, x.index, x.name, true, err);
        if (e == RV_OK)
                e = rv_dhcp_apply(c, x.index, x.name, err);
        return finish(&x, NetIPConfiguration_EnableDHCP_out_Warning, e);
}

static int config_renew(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct ipchange x;
        int e = begin(&x, c, err);
        if (e == RV_OK && !by_dhcp(&x)) {
                e = rv_fail(err, RV_NOT_SUPPORTED, "%s has no address by DHCP", x.name);
                rv_hint(err, "EnableDHCP has it ask for one.");
        }
        if (e == RV_OK)
                e = rv_dhcp_renew(c, x.index, x.name, err);
        return finish(&x, NetIPConfiguration_RenewDHCPLease_out_Warning, e);
}

/* finish() fills their answers alike. */
_Static_assert((int)NetIPConfiguration_EnableStatic_out_ReturnValue == 0 &&
                       (int)NetIPConfiguration_SetGateways_out_ReturnValue == 0 &&
                       (int)NetIPConfiguration_EnableDHCP_out_ReturnValue == 0 &&
                       (int)NetIPConfiguration_RenewDHCPLease_out_ReturnValue == 0 &&
                       (int)NetIPConfiguration_SetDNSDomain_out_ReturnValue == 0 &&
                       (int)NetIPConfiguration_SetDNSServerSearchOrder_out_ReturnValue == 0,
               "answers differ");

static int (*const methods[NetIPConfiguration_nmethods])(struct rv_call *, const void *,
                                                         struct rv_error *) = {
        [NetIPConfiguration_method_EnableStatic] = config_static,
        [NetIPConfiguration_method_EnableDHCP] = config_dhcp,
        [NetIPConfiguration_method_RenewDHCPLease] = config_renew,
        [NetIPConfiguration_method_SetGateways] = config_gateways,
        [NetIPConfiguration_method_SetDNSServerSearchOrder] = config_servers,
        [NetIPConfiguration_method_SetDNSDomain] = config_domain
};

static const struct rv_provider netipconfiguration = { .class = &NetIPConfiguration_class,
                                                       .query = netipconfig_query,
                                                       .methods = methods };

RV_PROVIDERS(netipconfig, &netipconfiguration);
