/* SPDX-License-Identifier: MIT
 *
 * NetIPInterface: the settings of IPv4 and IPv6 of each interface, from one dump of rtnetlink (it carries all of them),
 * changed below /proc/sys/net.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NetIPInterface.h"
#include "providers/lib/dhcp.h"
#include "providers/lib/fill.h"
#include "providers/lib/netlink.h"
#include "providers/lib/procfs.h"

static const char *const onoff[2] = { "Disabled", "Enabled" };

/* A setting of a family's array, at the kernel's number for it; false: the kernel has none such. */
static bool setting(const struct rtattr *conf, unsigned i, uint32_t *ret)
{
        if (!conf || RTA_PAYLOAD(conf) < (i + 1) * sizeof *ret)
                return false;
        memcpy(ret, (const char *)RTA_DATA(conf) + i * sizeof *ret, sizeof *ret);
        return true;
}

/* ---- rows ---- */

enum { LEASED = 4096 };

struct reader {
        const struct rv_query *q;
        struct rv_sink *out;
        uint32_t nleased, leased[LEASED]; /* interfaces with an address that ends, where that is asked for */
};

static int on_address(void *state, const struct nlmsghdr *h)
{
        struct reader *r = state;
        const struct ifaddrmsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFA_MAX + 1];
        if (h->nlmsg_type != RTM_NEWADDR || i->ifa_family != AF_INET || i->ifa_flags & IFA_F_PERMANENT ||
            r->nleased == LEASED)
                return 0;
        rv_netlink_attributes(h, sizeof *i, at, IFA_MAX);
        if (at[IFA_CACHEINFO] && RTA_PAYLOAD(at[IFA_CACHEINFO]) >= sizeof(struct ifa_cacheinfo) &&
            ((const struct ifa_cacheinfo *)RTA_DATA(at[IFA_CACHEINFO]))->ifa_valid != UINT32_MAX)
                r->leased[r->nleased++] = i->ifa_index;
        return 0;
}

static bool is_leased(const struct reader *r, uint32_t index)
{
        for (uint32_t i = 0; i < r->nleased; i++)
                if (r->leased[i] == index)
                        return true;
        return false;
}

static void fill_v4(struct rv_row *row, const struct rtattr *family, uint32_t mtu)
{
        const struct rtattr *at[IFLA_INET_MAX + 1];
        uint32_t v;
        rv_netlink_nested(family, at, IFLA_INET_MAX);
        NetIPInterface_set_NlMtu(row, mtu);
        if (setting(at[IFLA_INET_CONF], IPV4_DEVCONF_FORWARDING - 1, &v))
                rv_fill(row, NetIPInterface_Forwarding, onoff[v != 0]);
        if (setting(at[IFLA_INET_CONF], IPV4_DEVCONF_RP_FILTER - 1, &v))
                NetIPInterface_set_ReversePathFilter(row, v);
        rv_fill(row, NetIPInterface_RouterDiscovery, onoff[0]);
}

static void fill_v6(struct rv_row *row, const struct rtattr *family)
{
        const struct rtattr *at[IFLA_INET6_MAX + 1];
        uint32_t v, forwards = 0;
        rv_netlink_nested(family, at, IFLA_INET6_MAX);
        if (setting(at[IFLA_INET6_CONF], DEVCONF_FORWARDING, &forwards))
                rv_fill(row, NetIPInterface_Forwarding, onoff[forwards != 0]);
        if (setting(at[IFLA_INET6_CONF], DEVCONF_MTU6, &v))
                NetIPInterface_set_NlMtu(row, v);
        if (setting(at[IFLA_INET6_CONF], DEVCONF_ACCEPT_RA, &v))
                rv_fill(row, NetIPInterface_RouterDiscovery, onoff[v == 2 || (v && !forwards)]);
        if (setting(at[IFLA_INET6_CONF], DEVCONF_HOPLIMIT, &v))
                NetIPInterface_set_CurrentHopLimit(row, v);
        if (setting(at[IFLA_INET6_CONF], DEVCONF_DAD_TRANSMITS, &v))
                NetIPInterface_set_DadTransmits(row, v);
}

static int on_link(void *state, const struct nlmsghdr *h)
{
        struct reader *r = state;
        const struct ifinfomsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFLA_AF_SPEC + 1], *families[AF_INET6 + 1];
        if (h->nlmsg_type != RTM_NEWLINK)
                return 0;
        rv_netlink_attributes(h, sizeof *i, at, IFLA_AF_SPEC);
        if (!at[IFLA_AF_SPEC])
                return 0;
        rv_netlink_nested(at[IFLA_AF_SPEC], families, AF_INET6);
        int e = 0;
        for (int v6 = 0; v6 < 2 && e == 0; v6++) {
                const struct rtattr *family = families[v6 ? AF_INET6 : AF_INET];
                if (!family)
                        continue;
                struct rv_row *row = rv_row(r->out);
                NetIPInterface_set_InterfaceIndex(row, (uint32_t)i->ifi_index);
                rv_fill(row, NetIPInterface_AddressFamily, v6 ? "IPv6" : "IPv4");
                rv_fill(row, NetIPInterface_InterfaceAlias, rv_attr_text(at[IFLA_IFNAME]));
                rv_fill(row, NetIPInterface_ConnectionState,
                        i->ifi_flags & IFF_UP && i->ifi_flags & IFF_RUNNING ? "Connected" : "Disconnected");
                if (v6)
                        fill_v6(row, family);
                else
                        fill_v4(row, family, rv_attr_u32(at[IFLA_MTU]));
                if (!v6 && NetIPInterface_wants_Dhcp(row))
                        rv_fill(row, NetIPInterface_Dhcp, onoff[is_leased(r, (uint32_t)i->ifi_index)]);
                e = rv_emit(r->out, row);
        }
        return e ? e : rv_cancelled(r->q->call) ? RV_STOP : 0;
}

static int interface_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct {
                struct nlmsghdr h;
                struct ifinfomsg i;
                char attributes[64];
        } ask = { .h = { .nlmsg_type = RTM_GETLINK, .nlmsg_len = NLMSG_LENGTH(sizeof ask.i) } };
        uint32_t mask = RTEXT_FILTER_SKIP_STATS;
        struct {
                struct nlmsghdr h;
                struct ifaddrmsg i;
        } addresses = { .h = { .nlmsg_type = RTM_GETADDR, .nlmsg_len = sizeof addresses },
                        .i = { .ifa_family = AF_INET } };
        struct reader r = { .q = q, .out = out };
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot ask the kernel for interfaces");
        if (rv_asked(q, NetIPInterface_Dhcp))
                rv_netlink_dump(fd, &addresses.h, sizeof addresses, on_address, &r);
        rv_netlink_add(&ask.h, sizeof ask, IFLA_EXT_MASK, &mask, sizeof mask);
        int e = rv_netlink_dump(fd, &ask.h, ask.h.nlmsg_len, on_link, &r);
        close(fd);
        if (e == -EAGAIN) {
                struct rv_error torn = { 0 };
                rv_fail(&torn, RV_UNAVAILABLE,
                        "interfaces changed while they were read: some may be missing");
                rv_partial(out, &torn);
                return RV_OK;
        }
        return e < 0 ? rv_fail_errno(err, -e, "cannot read the interfaces") : e == RV_STOP ? RV_OK : e;
}

/* ---- setting ---- */

struct place {
        bool v6;
        char name[IF_NAMESIZE];
};

static int find(struct rv_call *c, struct place *p, struct rv_error *err)
{
        const struct rv_arg *index = &c->key[NetIPInterface_InterfaceIndex],
                            *family = &c->key[NetIPInterface_AddressFamily];
        if (index->type == RV_NULL || family->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "it is named by InterfaceIndex and AddressFamily");
        p->v6 = strcasecmp(family->s, "IPv6") == 0;
        if (!if_indextoname((unsigned)index->u, p->name))
                return rv_fail(err, RV_NOT_FOUND, "there is no interface with the index %u",
                               (unsigned)index->u);
        rv_about(err, NULL, p->name, NULL);
        return RV_OK;
}

static int put(struct rv_call *c, const struct place *p, const char *property, const char *file,
               uint32_t value, struct rv_error *err)
{
        char path[128], now[24] = "", text[16];
        snprintf(path, sizeof path, "/proc/sys/net/ipv%d/conf/%s/%s", p->v6 ? 6 : 4, p->name, file);
        int n = snprintf(text, sizeof text, "%u", value), fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : read(fd, now, sizeof now - 1);
        if (fd >= 0)
                close(fd);
        if (got < 0 && !if_nametoindex(p->name))
                return rv_fail(err, RV_NOT_FOUND, "the interface %s has gone", p->name);
        if (got < 0)
                return rv_fail(err, RV_NOT_SUPPORTED, "the interface %s has no %s", p->name, property);
        now[strcspn(now, "\n")] = 0;
        if (strcmp(now, text) == 0)
                return RV_OK;
        rv_change(c, property, now, text);
        if (c->what_if)
                return RV_OK;
        fd = open(path, O_WRONLY | O_CLOEXEC);
        int error = fd < 0 || write(fd, text, (size_t)n) != n ? errno : 0;
        if (fd >= 0)
                close(fd);
        return error ? rv_fail_errno(err, error, "cannot set %s", path) : RV_OK;
}

/* Where it forwards, routers are heeded only if that is asked for with a 2. */
static bool forwards(const struct place *p)
{
        char path[128], now[8] = "";
        snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/forwarding", p->name);
        return rv_proc_read(AT_FDCWD, path, now, sizeof now) > 0 && now[0] != '0';
}

static int only(struct rv_error *err, const char *property, const char *family)
{
        rv_about(err, NULL, NULL, property);
        return rv_fail(err, RV_INVALID_PARAMETER, "%s is for %s only", property, family);
}

static int set_dhcp(struct rv_call *c, const struct place *p, bool on, struct rv_error *err)
{
        uint32_t index = if_nametoindex(p->name);
        int e = rv_dhcp_set(c, index, p->name, on, err);
        return e ? e : rv_dhcp_apply(c, index, p->name, err);
}

static int interface_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPInterface_Set_in *in = args;
        struct place p;
        int e = find(c, &p, err);
        if (e == RV_OK && !p.v6 && in->has_RouterDiscovery)
                e = strcasecmp(in->RouterDiscovery, "Disabled") == 0 ? RV_OK
                                                                     : only(err, "RouterDiscovery", "IPv6");
        if (e == RV_OK && !p.v6 && (in->has_CurrentHopLimit || in->has_DadTransmits))
                e = only(err, in->has_DadTransmits ? "DadTransmits" : "CurrentHopLimit", "IPv6");
        if (e == RV_OK && p.v6 && (in->has_ReversePathFilter || in->has_Dhcp))
                e = only(err, in->has_Dhcp ? "Dhcp" : "ReversePathFilter", "IPv4");
        if (e == RV_OK && in->has_Dhcp)
                e = set_dhcp(c, &p, strcmp(in->Dhcp, "Enabled") == 0, err);
        if (e == RV_OK && in->has_Forwarding)
                e = put(c, &p, "Forwarding", "forwarding", strcasecmp(in->Forwarding, "Enabled") == 0, err);
        if (e == RV_OK && p.v6 && in->has_RouterDiscovery)
                e = put(c, &p, "RouterDiscovery", "accept_ra",
                        strcasecmp(in->RouterDiscovery, "Enabled") != 0 ? 0
                        : forwards(&p)                                  ? 2
                                                                        : 1,
                        err);
        if (e == RV_OK && in->has_CurrentHopLimit)
                e = put(c, &p, "CurrentHopLimit", "hop_limit", in->CurrentHopLimit, err);
        if (e == RV_OK && in->has_DadTransmits)
                e = put(c, &p, "DadTransmits", "dad_transmits", in->DadTransmits, err);
        if (e == RV_OK && in->has_ReversePathFilter)
                e = put(c, &p, "ReversePathFilter", "rp_filter", in->ReversePathFilter, err);
        if (e == RV_OK)
                NetIPInterface_Set_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[NetIPInterface_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetIPInterface_method_Set] = interface_set
};

static const struct rv_provider netipinterface = { .class = &NetIPInterface_class,
                                                   .query = interface_query,
                                                   .methods = methods };

RV_PROVIDERS(netipinterface, &netipinterface);
