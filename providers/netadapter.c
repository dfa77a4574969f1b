/* SPDX-License-Identifier: MIT
 *
 * NetAdapter: network interfaces, as rtnetlink tells of them (kept between questions: links.h), with their counters
 * from a dump of nothing else; changed by rtnetlink. What only the driver knows (speed, duplex, versions) is asked by
 * ethtool's ioctl where somebody wants it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NetAdapter.h"
#include "providers/lib/fill.h"
#include "providers/lib/linkmake.h"
#include "providers/lib/links.h"
#include "providers/lib/netlink.h"
#include "providers/lib/netstore.h"

struct reader {
        const struct rv_query *q;
        struct rv_sink *out;
        int fd, stopped;
        bool counting; /* counters are asked for */
        struct rv_links *links;
        struct rtnl_link_stats64 *counters; /* of links, where counted */
        bool *counted;
        size_t next;
};

static void text(struct rv_row *row, unsigned p, const char *s)
{
        if (s && *s && rv_wants(row, p))
                rv_set_string(row, p, s, strlen(s));
}

static void hardware(struct rv_row *row, unsigned p, const struct rtattr *a)
{
        char buf[3 * 32 + 1] = "";
        size_t n = a ? RTA_PAYLOAD(a) : 0;
        rv_netlink_hardware(RTA_DATA(a), n, buf);
        text(row, p, buf);
}

/* The last part of a link below /sys/class/net/NAME. */
static bool sys_link(const char *name, const char *file, char *ret, size_t size)
{
        char path[128], target[1024];
        snprintf(path, sizeof path, "/sys/class/net/%s/%s", name, file);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
                return false;
        target[n] = 0;
        const char *base = strrchr(target, '/');
        snprintf(ret, size, "%.63s", base ? base + 1 : target);
        return true;
}

static const char *type_name(unsigned short type)
{
        switch (type) {
        case ARPHRD_ETHER: return "ether";
        case ARPHRD_LOOPBACK: return "loopback";
        case ARPHRD_INFINIBAND: return "infiniband";
        case ARPHRD_PPP: return "ppp";
        case ARPHRD_TUNNEL: return "ipip";
        case ARPHRD_TUNNEL6: return "tunnel6";
        case ARPHRD_SIT: return "sit";
        case ARPHRD_IPGRE: return "gre";
        case ARPHRD_NONE: return "none";
        default: return NULL;
        }
}

static const char *status_of(unsigned flags, uint8_t oper)
{
        if (!(flags & IFF_UP))
                return "Disabled";
        if (oper == IF_OPER_NOTPRESENT)
                return "Not Present";
        if (oper == IF_OPER_DORMANT)
                return "Dormant";
        return flags & IFF_RUNNING && oper != IF_OPER_DOWN && oper != IF_OPER_LOWERLAYERDOWN ? "Up"
                                                                                             : "Disconnected";
}

static const char *const oper_names[] = { "unknown", "notpresent", "down", "lowerlayerdown",
                                          "testing", "dormant",    "up" };

static void fill_counters(struct rv_row *row, const struct rtnl_link_stats64 *s)
{
        NetAdapter_set_ReceivedBytes(row, s->rx_bytes);
        NetAdapter_set_ReceivedPackets(row, s->rx_packets);
        NetAdapter_set_ReceivedPacketErrors(row, s->rx_errors);
        NetAdapter_set_ReceivedDiscardedPackets(row, s->rx_dropped);
        NetAdapter_set_SentBytes(row, s->tx_bytes);
        NetAdapter_set_SentPackets(row, s->tx_packets);
        NetAdapter_set_OutboundPacketErrors(row, s->tx_errors);
        NetAdapter_set_OutboundDiscardedPackets(row, s->tx_dropped);
        NetAdapter_set_Collisions(row, s->collisions);
}

static struct rtnl_link_stats64 counters_of(const struct rtattr *a)
{
        struct rtnl_link_stats64 s = { 0 };
        memcpy(&s, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof s ? RTA_PAYLOAD(a) : sizeof s);
        return s;
}

static void fill_names(struct rv_row *row, const struct rtattr *list)
{
        uint32_t n = 0;
        if (!list || !NetAdapter_wants_AlternativeNames(row))
                return;
        int left = (int)RTA_PAYLOAD(list);
        for (const struct rtattr *a = RTA_DATA(list); RTA_OK(a, left); a = RTA_NEXT(a, left))
                n += (a->rta_type & NLA_TYPE_MASK) == IFLA_ALT_IFNAME;
        rv_list names = NetAdapter_set_AlternativeNames(row, n);
        left = (int)RTA_PAYLOAD(list), n = 0;
        for (const struct rtattr *a = RTA_DATA(list); RTA_OK(a, left); a = RTA_NEXT(a, left))
                if ((a->rta_type & NLA_TYPE_MASK) == IFLA_ALT_IFNAME && rv_attr_text(a))
                        rv_item_string(row, names, n++, rv_attr_text(a), strlen(rv_attr_text(a)));
}

static void fill_kind(struct rv_row *row, const struct rtattr *info_attr, const char *driver,
                      const char *alias, const char *type)
{
        const struct rtattr *info[IFLA_INFO_MAX + 1], *data[IFLA_VLAN_MAX + 1];
        rv_netlink_nested(info_attr, info, IFLA_INFO_MAX);
        const char *kind = rv_attr_text(info[IFLA_INFO_KIND]);
        text(row, NetAdapter_Kind, kind);
        if (kind && strcmp(kind, "vlan") == 0) {
                rv_netlink_nested(info[IFLA_INFO_DATA], data, IFLA_VLAN_MAX);
                uint16_t id = 0;
                if (data[IFLA_VLAN_ID] && RTA_PAYLOAD(data[IFLA_VLAN_ID]) >= sizeof id) {
                        memcpy(&id, RTA_DATA(data[IFLA_VLAN_ID]), sizeof id);
                        NetAdapter_set_VlanID(row, id);
                }
        } else if (kind && strcmp(kind, "bond") == 0) {
                rv_netlink_nested(info[IFLA_INFO_DATA], data, IFLA_BOND_MODE);
                text(row, NetAdapter_BondMode, rv_link_bond_mode(rv_attr_u8(data[IFLA_BOND_MODE])));
        }
        text(row, NetAdapter_InterfaceDescription,
             alias && *alias     ? alias
             : driver && *driver ? driver
             : kind              ? kind
                                 : type);
}

/* One question of ethtool's: struct with its command first. */
static bool ethtool(const char *name, void *data)
{
        struct ifreq ask = { .ifr_data = data };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        snprintf(ask.ifr_name, sizeof ask.ifr_name, "%s", name);
        bool good = fd >= 0 && ioctl(fd, SIOCETHTOOL, &ask) == 0;
        if (fd >= 0)
                close(fd);
        return good;
}

/* What only the driver tells. */
static void fill_driver(struct rv_row *row, const char *name, const char *driver)
{
        struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
        struct ethtool_cmd link = { .cmd = ETHTOOL_GSET };
        if ((NetAdapter_wants_Speed(row) || NetAdapter_wants_FullDuplex(row)) && ethtool(name, &link)) {
                uint32_t speed = ethtool_cmd_speed(&link);
                if (speed && speed != (uint32_t)SPEED_UNKNOWN && speed != UINT16_MAX)
                        NetAdapter_set_Speed(row, speed * UINT64_C(1000000));
                if (link.duplex == DUPLEX_FULL || link.duplex == DUPLEX_HALF)
                        NetAdapter_set_FullDuplex(row, link.duplex == DUPLEX_FULL);
        }
        if (NetAdapter_wants_DriverName(row) || NetAdapter_wants_DriverVersion(row) ||
            NetAdapter_wants_FirmwareVersion(row) || NetAdapter_wants_BusInfo(row)) {
                if (ethtool(name, &info)) {
                        driver = info.driver;
                        text(row, NetAdapter_DriverVersion, info.version);
                        if (strcmp(info.fw_version, "N/A") != 0)
                                text(row, NetAdapter_FirmwareVersion, info.fw_version);
                        if (strcmp(info.bus_info, "N/A") != 0)
                                text(row, NetAdapter_BusInfo, info.bus_info);
                }
                text(row, NetAdapter_DriverName, driver);
        }
}

/* What the kernel makes on demand tells its kind, and has no device to look for: looking is half the cost of a row. But
 * radio interfaces are made on demand, too, on hardware. */
static bool is_software(const struct rtattr *info)
{
        const struct rtattr *in[IFLA_INFO_MAX + 1];
        if (!info)
                return false;
        rv_netlink_nested(info, in, IFLA_INFO_MAX);
        const char *kind = rv_attr_text(in[IFLA_INFO_KIND]);
        return kind && strncmp(kind, "wlan", 4) != 0 && strncmp(kind, "wwan", 4) != 0;
}

/* counters: where they are not in the message; or NULL. */
static void fill(struct rv_row *row, const struct nlmsghdr *h, const struct rtnl_link_stats64 *counters)
{
        const struct ifinfomsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFLA_MAX + 1];
        char driver[64] = "", device[64];
        rv_netlink_attributes(h, sizeof *i, at, IFLA_MAX);
        const char *name = rv_attr_text(at[IFLA_IFNAME]);
        uint8_t oper = rv_attr_u8(at[IFLA_OPERSTATE]);
        name = name ? name : "";
        NetAdapter_set_InterfaceIndex(row, (uint32_t)i->ifi_index);
        text(row, NetAdapter_Name, name);
        text(row, NetAdapter_Status, status_of(i->ifi_flags, oper));
        NetAdapter_set_AdminStatus(row, i->ifi_flags & IFF_UP);
        NetAdapter_set_PromiscuousMode(row, i->ifi_flags & IFF_PROMISC);
        if (oper < sizeof oper_names / sizeof *oper_names)
                text(row, NetAdapter_OperState, oper_names[oper]);
        if (at[IFLA_CARRIER])
                NetAdapter_set_Carrier(row, rv_attr_u8(at[IFLA_CARRIER]));
        if (at[IFLA_CARRIER_CHANGES])
                NetAdapter_set_CarrierChanges(row, rv_attr_u32(at[IFLA_CARRIER_CHANGES]));
        hardware(row, NetAdapter_MacAddress, at[IFLA_ADDRESS]);
        hardware(row, NetAdapter_PermanentAddress, at[IFLA_PERM_ADDRESS]);
        NetAdapter_set_MtuSize(row, rv_attr_u32(at[IFLA_MTU]));
        text(row, NetAdapter_InterfaceType, type_name(i->ifi_type));
        if (at[IFLA_MASTER])
                NetAdapter_set_MasterIndex(row, rv_attr_u32(at[IFLA_MASTER]));
        if (at[IFLA_LINK])
                NetAdapter_set_LinkIndex(row, rv_attr_u32(at[IFLA_LINK]));
        text(row, NetAdapter_Qdisc, rv_attr_text(at[IFLA_QDISC]));
        if (at[IFLA_TXQLEN])
                NetAdapter_set_TransmitQueueLength(row, rv_attr_u32(at[IFLA_TXQLEN]));
        bool software = is_software(at[IFLA_LINKINFO]);
        if (!software && (NetAdapter_wants_InterfaceDescription(row) || NetAdapter_wants_DriverName(row)))
                sys_link(name, "device/driver", driver, sizeof driver);
        if (NetAdapter_wants_Virtual(row))
                NetAdapter_set_Virtual(row, software || !sys_link(name, "device", device, sizeof device));
        fill_kind(row, at[IFLA_LINKINFO], driver, rv_attr_text(at[IFLA_IFALIAS]), type_name(i->ifi_type));
        fill_names(row, at[IFLA_PROP_LIST]);
        struct rtnl_link_stats64 own;
        if (!counters && at[IFLA_STATS64]) {
                own = counters_of(at[IFLA_STATS64]);
                counters = &own;
        }
        if (counters)
                fill_counters(row, counters);
        fill_driver(row, name, driver);
}

/* ---- the list ---- */

static int put(struct reader *r, const struct nlmsghdr *h, const struct rtnl_link_stats64 *counters)
{
        struct rv_row *row = rv_row(r->out);
        fill(row, h, counters);
        int e = rv_emit(r->out, row);
        return e ? e : rv_cancelled(r->q->call) ? RV_STOP : 0;
}

static int on_link(void *state, const struct nlmsghdr *h)
{
        struct reader *r = state;
        if (h->nlmsg_type == RTM_NEWLINK)
                r->stopped = put(r, h, NULL);
        return r->stopped;
}

static bool wants_counters(const struct rv_query *q)
{
        for (unsigned p = NetAdapter_ReceivedBytes; p <= NetAdapter_Collisions; p++)
                if (rv_asked(q, p))
                        return true;
        return false;
}

struct link_request {
        struct nlmsghdr h;
        struct ifinfomsg i;
        char attributes[512];
};

static void ask_init(struct link_request *r, unsigned short type)
{
        *r = (struct link_request) { .h = { .nlmsg_type = type } };
        r->h.nlmsg_len = NLMSG_LENGTH(sizeof r->i);
}

/* One interface, asked for by its index; none where there is no such. */
static int read_one(struct reader *r, uint32_t index)
{
        struct link_request ask;
        uint32_t mask = RTEXT_FILTER_SKIP_STATS;
        ask_init(&ask, RTM_GETLINK);
        ask.i.ifi_index = (int)index;
        if (!r->counting)
                rv_netlink_add(&ask.h, sizeof ask, IFLA_EXT_MASK, &mask, sizeof mask);
        int e = rv_netlink_ask(r->fd, &ask.h, on_link, r);
        return e == -ENODEV ? 0 : e ? e : r->stopped;
}

/* New kernels tell of them in the order of the list. */
static int on_counters(void *state, const struct nlmsghdr *h)
{
        struct reader *r = state;
        const struct if_stats_msg *m = NLMSG_DATA(h);
        const struct rtattr *at[IFLA_STATS_LINK_64 + 1];
        if (h->nlmsg_type != RTM_NEWSTATS || h->nlmsg_len < NLMSG_LENGTH(sizeof *m))
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, IFLA_STATS_LINK_64);
        size_t i = r->next;
        if (i >= r->links->n || r->links->v[i].index != m->ifindex)
                i = rv_links_find(r->links, m->ifindex);
        if (i < r->links->n && at[IFLA_STATS_LINK_64]) {
                r->counters[i] = counters_of(at[IFLA_STATS_LINK_64]);
                r->counted[i] = true;
                r->next = i + 1;
        }
        return 0;
}

/* Where it fails, each interface is asked for its own. */
static void read_counters(struct reader *r)
{
        struct {
                struct nlmsghdr h;
                struct if_stats_msg m;
        } ask = { .h = { .nlmsg_type = RTM_GETSTATS },
                  .m = { .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) } };
        r->counters = malloc(r->links->n * sizeof *r->counters);
        r->counted = calloc(r->links->n, sizeof *r->counted);
        if (r->counters && r->counted)
                rv_netlink_dump(r->fd, &ask.h, sizeof ask, on_counters, r);
}

static int read_list(struct reader *r)
{
        int e = rv_links_hold(r->fd, r->q->fresh, &r->links);
        if (e)
                return e;
        if (r->counting)
                read_counters(r);
        for (size_t i = 0; e == 0 && i < r->links->n; i++) {
                bool counted = r->counters && r->counted && r->counted[i];
                if (!r->counting || counted)
                        e = put(r, rv_links_message(r->links, i), counted ? &r->counters[i] : NULL);
                else
                        e = read_one(r, r->links->v[i].index);
        }
        if (r->links->torn) {
                struct rv_error torn = { 0 };
                rv_fail(&torn, RV_UNAVAILABLE,
                        "interfaces changed while they were read: some may be missing");
                rv_partial(r->out, &torn);
        }
        rv_links_let(r->links);
        free(r->counters);
        free(r->counted);
        return e;
}

static int adapter_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *index = rv_equals(q, NetAdapter_InterfaceIndex);
        struct reader r = {
                .q = q, .out = out, .fd = rv_netlink_open(NETLINK_ROUTE), .counting = wants_counters(q)
        };
        if (r.fd < 0)
                return rv_fail_errno(err, -r.fd, "cannot ask the kernel for interfaces");
        bool none = index && (index->u == 0 || index->u > INT32_MAX);
        int e = none ? 0 : index ? read_one(&r, (uint32_t)index->u) : read_list(&r);
        close(r.fd);
        if (e < 0)
                return rv_fail_errno(err, -e, "cannot read the interfaces");
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changes ---- */

struct now { /* an interface as it is before a change */
        uint32_t want, index, mtu, master;
        unsigned flags;
        bool found, below; /* below: another one lies on it, or is its other end */
        char name[32], mac[3 * 32 + 1], alias[256], kind[16];
        const char *type;
};

static int on_now(void *state, const struct nlmsghdr *h)
{
        struct now *n = state;
        const struct ifinfomsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFLA_MAX + 1];
        if (h->nlmsg_type != RTM_NEWLINK)
                return 0;
        rv_netlink_attributes(h, sizeof *i, at, IFLA_MAX);
        n->below |= rv_attr_u32(at[IFLA_LINK]) == n->want && !at[IFLA_LINK_NETNSID];
        if ((uint32_t)i->ifi_index != n->want)
                return 0;
        n->found = true;
        n->index = (uint32_t)i->ifi_index;
        n->flags = i->ifi_flags;
        n->mtu = rv_attr_u32(at[IFLA_MTU]);
        n->master = rv_attr_u32(at[IFLA_MASTER]);
        n->type = type_name(i->ifi_type);
        const struct rtattr *info[IFLA_INFO_MAX + 1];
        rv_netlink_nested(at[IFLA_LINKINFO], info, IFLA_INFO_MAX);
        snprintf(n->kind, sizeof n->kind, "%s",
                 rv_attr_text(info[IFLA_INFO_KIND]) ? rv_attr_text(info[IFLA_INFO_KIND]) : "");
        snprintf(n->name, sizeof n->name, "%s",
                 rv_attr_text(at[IFLA_IFNAME]) ? rv_attr_text(at[IFLA_IFNAME]) : "");
        snprintf(n->alias, sizeof n->alias, "%s",
                 rv_attr_text(at[IFLA_IFALIAS]) ? rv_attr_text(at[IFLA_IFALIAS]) : "");
        for (size_t k = 0; at[IFLA_ADDRESS] && k < RTA_PAYLOAD(at[IFLA_ADDRESS]) && k < 32; k++)
                snprintf(n->mac + 3 * k, 4, "%02x%s", ((const uint8_t *)RTA_DATA(at[IFLA_ADDRESS]))[k],
                         k + 1 < RTA_PAYLOAD(at[IFLA_ADDRESS]) ? ":" : "");
        return 0;
}

static int begin(struct rv_call *c, int *ret_fd, struct now *ret, struct rv_error *err)
{
        const struct rv_arg *index = &c->key[NetAdapter_InterfaceIndex];
        struct link_request ask;
        if (index->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "an interface is named by its InterfaceIndex");
        *ret = (struct now) { .want = (uint32_t)index->u };
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot speak with the kernel");
        ask_init(&ask, RTM_GETLINK);
        rv_netlink_dump(fd, &ask.h, ask.h.nlmsg_len, on_now, ret);
        if (!ret->found) {
                close(fd);
                return rv_fail(err, RV_NOT_FOUND, "there is no interface with the index %u", ret->want);
        }
        rv_about(err, NULL, ret->name, NULL);
        *ret_fd = fd;
        return RV_OK;
}

static int change(int fd, struct link_request *ask, const struct now *n, const char *doing,
                  struct rv_error *err)
{
        char said[200];
        ask->i.ifi_index = (int)n->index;
        int r = rv_netlink_do(fd, &ask->h, said, sizeof said);
        rv_links_forget();
        if (r == 0)
                return RV_OK;
        rv_fail_errno(err, -r, "cannot %s %s", doing, n->name);
        if (said[0])
                rv_hint(err, "The kernel says: %s", said);
        return err ? err->code : RV_FAILED;
}

static int finish(struct rv_call *c, int fd, int e)
{
        close(fd);
        if (e == RV_OK)
                NetAdapter_Enable_out_set_ReturnValue(c->out, 0);
        return e;
}

static int set_up(int fd, const struct now *n, bool up, struct rv_error *err)
{
        struct link_request ask;
        ask_init(&ask, RTM_NEWLINK);
        ask.i.ifi_flags = up ? IFF_UP : 0;
        ask.i.ifi_change = IFF_UP;
        return change(fd, &ask, n, up ? "set up" : "set down", err);
}

static int up_or_down(struct rv_call *c, bool up, const char *policy, struct rv_error *err)
{
        struct now n;
        struct rv_netpolicy p;
        int fd, e = begin(c, &fd, &n, err);
        if (e)
                return e;
        bool is = n.flags & IFF_UP;
        e = rv_netpolicy_begin(&p, policy, "down", n.index, err);
        if (e == RV_OK && p.active && is != up) {
                rv_change(c, "AdminStatus", is ? "true" : "false", up ? "true" : "false");
                if (!c->what_if)
                        e = set_up(fd, &n, up, err);
        }
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_SET, "down", up ? NULL : "yes", NULL, err);
        if (e == RV_OK)
                rv_fill(c->out, NetAdapter_Enable_out_Warning, p.warning);
        return finish(c, fd, e);
}
static int adapter_enable(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetAdapter_Enable_in *in = args;
        return up_or_down(c, true, in->has_PolicyStore ? in->PolicyStore : NULL, err);
}
static int adapter_disable(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetAdapter_Disable_in *in = args;
        return up_or_down(c, false, in->has_PolicyStore ? in->PolicyStore : NULL, err);
}
/* finish() and up_or_down() fill the answers of several methods alike. */
_Static_assert((int)NetAdapter_Enable_out_Warning == (int)NetAdapter_Disable_out_Warning &&
                       (int)NetAdapter_Enable_out_ReturnValue == (int)NetAdapter_Set_out_ReturnValue &&
                       (int)NetAdapter_Enable_out_ReturnValue == (int)NetAdapter_Delete_out_ReturnValue &&
                       (int)NetAdapter_Enable_out_ReturnValue == (int)NetAdapter_Leave_out_ReturnValue &&
                       (int)NetAdapter_Enable_out_ReturnValue == (int)NetAdapter_Rename_out_ReturnValue,
               "answers differ");

static int adapter_restart(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct now n;
        int fd, e = begin(c, &fd, &n, err);
        if (e)
                return e;
        rv_change(c, "AdminStatus", n.flags & IFF_UP ? "true" : "false", "true");
        if (!c->what_if && (e = set_up(fd, &n, false, err)) == RV_OK)
                e = set_up(fd, &n, true, err);
        return finish(c, fd, e);
}

static int check_name(const char *name, size_t n, const char *property, struct rv_error *err)
{
        if (n && n < IFNAMSIZ && !strpbrk(name, "/ \t\n:%") && strcmp(name, ".") != 0 &&
            strcmp(name, "..") != 0)
                return RV_OK;
        rv_about(err, NULL, NULL, property);
        return rv_fail(err, RV_INVALID_PARAMETER,
                       "'%.40s' is no name for an interface: 1 to 15 bytes without / : %% and blanks", name);
}

static int adapter_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetAdapter_Rename_in *in = args;
        struct link_request ask;
        struct now n;
        int fd, e;
        e = check_name(in->NewName, in->NewName_len, "NewName", err);
        if (e || (e = begin(c, &fd, &n, err)))
                return e;
        if (strcmp(n.name, in->NewName) == 0)
                return finish(c, fd, RV_OK);
        rv_change(c, "Name", n.name, in->NewName);
        ask_init(&ask, RTM_NEWLINK);
        rv_netlink_add(&ask.h, sizeof ask, IFLA_IFNAME, in->NewName, in->NewName_len + 1);
        if (!c->what_if)
                e = change(fd, &ask, &n, "rename", err);
        return finish(c, fd, e);
}

/* What it is described as without a description is none: so that one can be put back. */
static const char *description(const struct now *n, const char *given)
{
        char driver[64] = "";
        sys_link(n->name, "device/driver", driver, sizeof driver);
        const char *plain = driver[0] ? driver : n->kind[0] ? n->kind : n->type ? n->type : "";
        return strcmp(given, plain) == 0 ? "" : given;
}

/* A setting for the next boots, after it was set for now. */
static int keep(struct rv_call *c, const struct now *n, const char *policy, const char *kind,
                const char *value, struct rv_error *err)
{
        struct rv_netpolicy p;
        int e = rv_netpolicy_begin(&p, policy, kind, n->index, err);
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_SET, kind, value, NULL, err);
        if (e == RV_OK)
                rv_fill(c->out, NetAdapter_Set_out_Warning, p.warning);
        return e;
}

/* A port of a bond is to be down when it becomes one; the bond sets it up. */
static int set_master(struct rv_call *c, int fd, const struct now *n, uint32_t master, struct rv_error *err)
{
        struct link_request ask;
        char from[16], to[16];
        if (n->master == master)
                return RV_OK;
        struct now other = { .want = master };
        ask_init(&ask, RTM_GETLINK);
        if (master)
                rv_netlink_dump(fd, &ask.h, ask.h.nlmsg_len, on_now, &other);
        if (master && !other.found) {
                rv_about(err, NULL, NULL, "MasterIndex");
                return rv_fail(err, RV_NOT_FOUND, "there is no interface with the index %u", master);
        }
        snprintf(from, sizeof from, "%u", n->master);
        snprintf(to, sizeof to, "%u", master);
        rv_change(c, "MasterIndex", n->master ? from : NULL, master ? to : NULL);
        if (c->what_if)
                return RV_OK;
        const bool bond = strcmp(other.kind, "bond") == 0 && n->flags & IFF_UP;
        int e = bond ? set_up(fd, n, false, err) : RV_OK;
        ask_init(&ask, RTM_NEWLINK);
        rv_netlink_add(&ask.h, sizeof ask, IFLA_MASTER, &master, sizeof master);
        if (e == RV_OK)
                e = change(fd, &ask, n, master ? "add a port:" : "take out of its bridge or bond", err);
        if (e && bond)
                set_up(fd, n, true, NULL);
        return e;
}

static int adapter_leave(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct now n;
        int fd, e = begin(c, &fd, &n, err);
        return e ? e : finish(c, fd, set_master(c, fd, &n, 0, err));
}

static int below(const struct NetAdapter_Create_in *in, uint32_t *ret, struct rv_error *err)
{
        *ret = in->has_LinkIndex ? in->LinkIndex : in->has_Link ? rv_link_index(in->Link) : 0;
        if ((!in->has_LinkIndex && !in->has_Link) || rv_link_there(*ret))
                return RV_OK;
        rv_about(err, NULL, NULL, in->has_LinkIndex ? "LinkIndex" : "Link");
        rv_fail(err, RV_NOT_FOUND, "there is no such interface below it");
        return rv_hint(err, "Get-NetAdapter lists the interfaces.");
}

static int adapter_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetAdapter_Create_in *in = args;
        uint8_t mac[6];
        char number[16];
        struct rv_link_wish w = { .name = in->Name,
                                  .kind = in->Kind,
                                  .peer = in->has_PeerName ? in->PeerName : NULL,
                                  .bond_mode = in->has_BondMode ? in->BondMode : NULL,
                                  .alias = in->has_InterfaceDescription &&
                                                           strcmp(in->InterfaceDescription, in->Kind) != 0
                                                   ? in->InterfaceDescription
                                                   : NULL,
                                  .index = in->has_InterfaceIndex ? in->InterfaceIndex : 0,
                                  .master = in->has_MasterIndex ? in->MasterIndex : 0,
                                  .mtu = in->has_MtuSize ? in->MtuSize : 0,
                                  .vlan = in->has_VlanID ? in->VlanID : 0,
                                  .mac = in->has_MacAddress ? mac : NULL,
                                  .up = in->has_AdminStatus && in->AdminStatus };
        int e = check_name(in->Name, in->Name_len, "Name", err);
        if (e == RV_OK && w.peer)
                e = check_name(in->PeerName, in->PeerName_len, "PeerName", err);
        if (e == RV_OK && w.mac && !rv_netlink_mac(in->MacAddress, mac)) {
                rv_about(err, NULL, NULL, "MacAddress");
                e = rv_fail(err, RV_INVALID_PARAMETER,
                            "'%.40s' is no hardware address: expected one as 02:00:5e:10:00:01",
                            in->MacAddress);
        }
        if (e == RV_OK)
                e = below(in, &w.below, err);
        if (e == RV_OK)
                e = rv_link_check(&w, err);
        if (e == RV_OK && rv_link_index(in->Name)) {
                rv_about(err, NULL, in->Name, NULL);
                e = rv_fail(err, RV_ALREADY_EXISTS, "there is an interface %s already", in->Name);
        }
        if (e)
                return e;
        rv_change(c, "Name", NULL, in->Name);
        rv_change(c, "Kind", NULL, in->Kind);
        if (!c->what_if && (e = rv_link_make(&w, err)))
                return e;
        snprintf(number, sizeof number, "%u", rv_link_index(in->Name));
        if (!c->what_if)
                rv_change(c, "InterfaceIndex", NULL, number);
        rv_fill(c->out, NetAdapter_Create_out_Warning,
                "The next boot does not have it: interfaces that are made here are not kept.");
        NetAdapter_Create_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* What is taken away for a try is to come back as it was. */
static int comes_back(const struct now *n, struct rv_error *err)
{
        static const char *const kinds[] = { "dummy", "bridge", "vlan", "macvlan" };
        bool good = !n->below;
        for (size_t i = 0; good && i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(n->kind, kinds[i]) == 0)
                        return RV_OK;
        if (n->below)
                rv_fail(err, RV_NOT_SUPPORTED,
                        "what is stacked on %s would not come back: ConfirmWithin is not for it", n->name);
        else
                rv_fail(err, RV_NOT_SUPPORTED,
                        "an interface of the kind %s would not come back as it was: ConfirmWithin is not for "
                        "it",
                        n->kind[0] ? n->kind : "hardware");
        return rv_hint(err, "Try Disable-NetAdapter -ConfirmWithin first, then take it away.");
}

static int adapter_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct now n;
        int fd, e = begin(c, &fd, &n, err);
        if (e)
                return e;
        if (c->guarded)
                e = comes_back(&n, err);
        if (e == RV_OK) {
                rv_change(c, "Name", n.name, NULL);
                e = c->what_if ? RV_OK : rv_link_remove(n.index, n.name, err);
        }
        return finish(c, fd, e);
}

static int adapter_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetAdapter_Set_in *in = args;
        struct link_request ask;
        struct now n;
        uint8_t mac[6];
        char from[16], to[16], text_mac[18];
        bool any = false;
        int fd, e;
        if (in->has_MacAddress && !rv_netlink_mac(in->MacAddress, mac)) {
                rv_about(err, NULL, NULL, "MacAddress");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "'%.40s' is no hardware address: expected one as 02:00:5e:10:00:01",
                               in->MacAddress);
        }
        e = begin(c, &fd, &n, err);
        if (e)
                return e;
        const char *policy = in->has_PolicyStore ? in->PolicyStore : NULL;
        bool lasting = policy && strcasecmp(policy, "PersistentStore") == 0;
        ask_init(&ask, RTM_NEWLINK);
        if (in->has_MtuSize && in->MtuSize != n.mtu && !lasting) {
                snprintf(from, sizeof from, "%u", n.mtu);
                snprintf(to, sizeof to, "%u", in->MtuSize);
                rv_change(c, "MtuSize", from, to);
                any = rv_netlink_add(&ask.h, sizeof ask, IFLA_MTU, &in->MtuSize, sizeof in->MtuSize);
        }
        if (in->has_MacAddress) {
                snprintf(text_mac, sizeof text_mac, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                         mac[3], mac[4], mac[5]);
                if (strcmp(text_mac, n.mac) != 0 && !lasting) {
                        rv_change(c, "MacAddress", n.mac, text_mac);
                        any = rv_netlink_add(&ask.h, sizeof ask, IFLA_ADDRESS, mac, sizeof mac);
                }
        }
        const char *words =
                in->has_InterfaceDescription ? description(&n, in->InterfaceDescription) : n.alias;
        if (strcmp(words, n.alias) != 0 && !lasting) {
                rv_change(c, "InterfaceDescription", n.alias, words);
                any = rv_netlink_add(&ask.h, sizeof ask, IFLA_IFALIAS, words, strlen(words));
        }
        if (any && !c->what_if)
                e = change(fd, &ask, &n, "change", err);
        if (e == RV_OK && in->has_MasterIndex && !lasting)
                e = set_master(c, fd, &n, in->MasterIndex, err);
        if (e == RV_OK && in->has_MtuSize) {
                snprintf(to, sizeof to, "%u", in->MtuSize);
                e = keep(c, &n, policy, "mtu", to, err);
        }
        if (e == RV_OK && in->has_MacAddress)
                e = keep(c, &n, policy, "mac", text_mac, err);
        return finish(c, fd, e);
}

static int (*const methods[NetAdapter_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetAdapter_method_Enable] = adapter_enable,   [NetAdapter_method_Disable] = adapter_disable,
        [NetAdapter_method_Restart] = adapter_restart, [NetAdapter_method_Rename] = adapter_rename,
        [NetAdapter_method_Set] = adapter_set,         [NetAdapter_method_Create] = adapter_create,
        [NetAdapter_method_Delete] = adapter_delete,   [NetAdapter_method_Leave] = adapter_leave,
};

/* ---- changes ---- */

static int push_read(int fd, struct rv_news *news)
{
        int r = rv_netlink_drain(fd);
        if (r > 0)
                rv_news_changed(news);
        return r < 0 ? r : 0;
}

static int adapter_open(struct rv_error *err)
{
        (void)err;
        return rv_netlink_watch((const int[]) { RTNLGRP_LINK, 0 });
}

static const struct rv_push adapter_push = { .covers = RV_PUSH_ALL, .open = adapter_open, .read = push_read };

static const struct rv_provider netadapter = { .class = &NetAdapter_class,
                                               .query = adapter_query,
                                               .push = &adapter_push,
                                               .idle = rv_links_rest,
                                               .methods = methods };

RV_PROVIDERS(netadapter, &netadapter);
