/* SPDX-License-Identifier: MIT
 *
 * NetIPAddress: the addresses of the interfaces, one dump of rtnetlink, changed by rtnetlink.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NetIPAddress.h"
#include "providers/lib/fill.h"
#include "providers/lib/iptable.h"
#include "providers/lib/netlink.h"
#include "providers/lib/netstore.h"

static void fill_address(struct rv_ip_reader *r, struct rv_row *row, const struct nlmsghdr *h)
{
        const struct ifaddrmsg *i = NLMSG_DATA(h);
        const struct rtattr *at[IFA_MAX + 1];
        rv_netlink_attributes(h, sizeof *i, at, IFA_MAX);
        uint32_t flags = at[IFA_FLAGS] ? rv_attr_u32(at[IFA_FLAGS]) : i->ifa_flags;
        const struct rtattr *own = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
        NetIPAddress_set_InterfaceIndex(row, i->ifa_index);
        rv_ip_address(row, NetIPAddress_IPAddress, i->ifa_family, own);
        NetIPAddress_set_PrefixLength(row, i->ifa_prefixlen);
        if (NetIPAddress_wants_InterfaceAlias(row))
                rv_fill(row, NetIPAddress_InterfaceAlias, rv_ip_interface(r, i->ifa_index));
        rv_fill(row, NetIPAddress_AddressFamily, rv_ip_family(i->ifa_family));
        rv_fill(row, NetIPAddress_Type, "Unicast");
        rv_fill(row, NetIPAddress_PrefixOrigin,
             i->ifa_scope == RT_SCOPE_HOST || i->ifa_scope == RT_SCOPE_LINK ? "WellKnown"
             : flags & IFA_F_PERMANENT                                      ? "Manual"
             : i->ifa_family == AF_INET6                                    ? "RouterAdvertisement"
                                                                            : "Dhcp");
        rv_fill(row, NetIPAddress_AddressState,
             flags & IFA_F_DADFAILED    ? "Duplicate"
             : flags & IFA_F_TENTATIVE  ? "Tentative"
             : flags & IFA_F_DEPRECATED ? "Deprecated"
                                        : "Preferred");
        NetIPAddress_set_SkipAsSource(row, flags & IFA_F_DEPRECATED);
        NetIPAddress_set_Secondary(row, flags & IFA_F_SECONDARY && i->ifa_family == AF_INET);
        rv_fill(row, NetIPAddress_Scope, rv_ip_scope(i->ifa_scope));
        if (at[IFA_LOCAL] && at[IFA_ADDRESS] && RTA_PAYLOAD(at[IFA_LOCAL]) == RTA_PAYLOAD(at[IFA_ADDRESS]) &&
            memcmp(RTA_DATA(at[IFA_LOCAL]), RTA_DATA(at[IFA_ADDRESS]), RTA_PAYLOAD(at[IFA_LOCAL])) != 0)
                rv_ip_address(row, NetIPAddress_PeerAddress, i->ifa_family, at[IFA_ADDRESS]);
        rv_ip_address(row, NetIPAddress_BroadcastAddress, i->ifa_family, at[IFA_BROADCAST]);
        rv_fill(row, NetIPAddress_Label, rv_attr_text(at[IFA_LABEL]));
        rv_fill(row, NetIPAddress_PolicyStore, "ActiveStore");
        if (NetIPAddress_wants_Persisted(row) && own) {
                char value[80], ip[64] = "";
                rv_netlink_address(i->ifa_family, RTA_DATA(own), RTA_PAYLOAD(own), ip, sizeof ip);
                snprintf(value, sizeof value, "%s/%u", ip, i->ifa_prefixlen);
                NetIPAddress_set_Persisted(row, rv_ip_is_kept(r, rv_ip_interface(r, i->ifa_index), value));
        }
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
        struct rv_ip_reader *r = state;
        if (h->nlmsg_type != RTM_NEWADDR)
                return 0;
        struct rv_row *row = rv_row(r->out);
        fill_address(r, row, h);
        return rv_ip_emit(r, row);
}

struct address_request {
        struct nlmsghdr h;
        struct ifaddrmsg i;
        char attributes[128];
};

/* An address that is kept, whether it is there now or not. */
static int on_kept_address(void *state, const char *interface, const char *kind, const char *value)
{
        struct rv_ip_reader *r = state;
        uint8_t bytes[16];
        unsigned length;
        int family;
        if (strcmp(kind, "address") != 0 || !rv_ip_prefix(value, &family, bytes, &length))
                return 0;
        struct rv_row *row = rv_row(r->out);
        NetIPAddress_set_InterfaceIndex(row, if_nametoindex(interface));
        rv_fill_n(row, NetIPAddress_IPAddress, value, strcspn(value, "/"));
        NetIPAddress_set_PrefixLength(row, (uint8_t)length);
        rv_fill(row, NetIPAddress_InterfaceAlias, interface);
        rv_fill(row, NetIPAddress_AddressFamily, rv_ip_family(family));
        rv_fill(row, NetIPAddress_Type, "Unicast");
        rv_fill(row, NetIPAddress_PrefixOrigin, "Manual");
        rv_fill(row, NetIPAddress_PolicyStore, "PersistentStore");
        NetIPAddress_set_Persisted(row, true);
        return rv_ip_emit(r, row);
}

static int address_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_ip_reader r = { .q = q, .out = out };
        if (rv_ip_asks_store(q, NetIPAddress_PolicyStore))
                return rv_ip_answer(rv_netstore_each(on_kept_address, &r));
        struct address_request ask = { .h = { .nlmsg_type = RTM_GETADDR } };
        const struct rv_arg *index = rv_equals(q, NetIPAddress_InterfaceIndex);
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.i);
        ask.i.ifa_index = index ? (uint32_t)index->u : 0;
        rv_ip_read_kept(&r, "address", NetIPAddress_Persisted);
        int e = rv_ip_dump(&r, &ask.h, on_address, "addresses", err);
        return index && e == RV_NOT_FOUND ? RV_OK : e; /* no such interface: no addresses */
}

static int change_address(unsigned short type, unsigned short flags, uint32_t index, int family,
                          const uint8_t *bytes, uint8_t prefix, const struct ifa_cacheinfo *lives,
                          const char *doing, struct rv_error *err)
{
        struct address_request ask = { .h = { .nlmsg_type = type, .nlmsg_flags = flags } };
        size_t n = family == AF_INET ? 4 : 16;
        ask.h.nlmsg_len = NLMSG_LENGTH(sizeof ask.i);
        ask.i = (struct ifaddrmsg) { .ifa_family = (uint8_t)family,
                                     .ifa_prefixlen = prefix,
                                     .ifa_index = index };
        rv_netlink_add(&ask.h, sizeof ask, IFA_LOCAL, bytes, n);
        rv_netlink_add(&ask.h, sizeof ask, IFA_ADDRESS, bytes, n);
        if (lives)
                rv_netlink_add(&ask.h, sizeof ask, IFA_CACHEINFO, lives, sizeof *lives);
        return rv_ip_apply(&ask.h, doing, err);
}

static int address_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPAddress_Create_in *in = args;
        uint8_t bytes[16];
        uint32_t index;
        char doing[128], to[72], ip[64] = "";
        int family = rv_netlink_parse(in->IPAddress, bytes);
        if (!family || in->PrefixLength > (family == AF_INET ? 32 : 128)) {
                rv_about(err, NULL, NULL, family ? "PrefixLength" : "IPAddress");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s/%u' is no IP address with a prefix length",
                               in->IPAddress, in->PrefixLength);
        }
        int e = rv_ip_which(in->has_InterfaceIndex, in->InterfaceIndex,
                                in->has_InterfaceAlias ? in->InterfaceAlias : NULL, &index, err);
        if (e)
                return e;
        bool ends = in->has_ValidLifetime && in->ValidLifetime;
        struct rv_netpolicy p;
        e = rv_netpolicy_begin(&p, ends ? "ActiveStore" : in->has_PolicyStore ? in->PolicyStore : NULL, "address",
                               index, err);
        if (e)
                return e;
        rv_netlink_address(family, bytes, family == AF_INET ? 4 : 16, ip, sizeof ip);
        snprintf(to, sizeof to, "%s/%u", ip, in->PrefixLength);
        snprintf(doing, sizeof doing, "give interface %u the address %s", index, to);
        if (p.active) {
                rv_change(c, "IPAddress", NULL, to);
                struct ifa_cacheinfo lives = { .ifa_valid = in->ValidLifetime, .ifa_prefered = in->ValidLifetime };
                if (!c->what_if)
                        e = change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, family, bytes,
                                           in->PrefixLength, ends ? &lives : NULL, doing, err);
        }
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_ADD, "address", to, NULL, err);
        if (e)
                return e;
        rv_fill(c->out, NetIPAddress_Create_out_Warning, p.warning);
        NetIPAddress_Create_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

struct found_address {
        int family;
        uint8_t bytes[16];
        uint32_t index;
        uint8_t prefix;
        bool any_prefix, found;
        uint32_t valid, preferred; /* seconds; UINT32_MAX: for ever */
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
                f->valid = f->preferred = UINT32_MAX;
                if (at[IFA_CACHEINFO] && RTA_PAYLOAD(at[IFA_CACHEINFO]) >= sizeof(struct ifa_cacheinfo)) {
                        const struct ifa_cacheinfo *l = RTA_DATA(at[IFA_CACHEINFO]);
                        f->valid = l->ifa_valid;
                        f->preferred = l->ifa_prefered;
                }
        }
        return 0;
}

/* An address of the key that is kept but is not there. */
static int on_find_kept(void *state, const char *interface, const char *kind, const char *value)
{
        struct found_address *f = state;
        uint8_t bytes[16];
        unsigned length;
        int family;
        uint32_t index = if_nametoindex(interface);
        if (strcmp(kind, "address") != 0 || !rv_ip_prefix(value, &family, bytes, &length) || family != f->family ||
            memcmp(bytes, f->bytes, family == AF_INET ? 4 : 16) != 0 || (f->index && f->index != index) ||
            (!f->any_prefix && f->prefix != length))
                return 0;
        f->found = true;
        f->index = index;
        f->prefix = (uint8_t)length;
        return 1;
}

static int find_address(struct rv_call *c, struct found_address *f, bool *ret_active, struct rv_error *err)
{
        struct address_request ask = { .h = { .nlmsg_type = RTM_GETADDR, .nlmsg_len = NLMSG_LENGTH(sizeof ask.i) } };
        const char *ip = c->key[NetIPAddress_IPAddress].s;
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot speak with the kernel");
        rv_netlink_dump(fd, &ask.h, ask.h.nlmsg_len, on_find_address, f);
        close(fd);
        *ret_active = f->found;
        if (!f->found)
                rv_netstore_each(on_find_kept, f);
        return f->found ? RV_OK : rv_fail(err, RV_NOT_FOUND, "no interface has the address %.46s", ip);
}

/* The address that the key names, and how the key says it. */
static int named_address(struct rv_call *c, struct found_address *f, bool *ret_active, char value[80],
                         struct rv_error *err)
{
        const struct rv_arg *k = c->key;
        char ip[64] = "";
        if (k[NetIPAddress_IPAddress].type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "an address is named by its IPAddress");
        *f = (struct found_address) {
                .index = k[NetIPAddress_InterfaceIndex].type ? (uint32_t)k[NetIPAddress_InterfaceIndex].u : 0,
                .prefix = (uint8_t)k[NetIPAddress_PrefixLength].u,
                .any_prefix = k[NetIPAddress_PrefixLength].type == RV_NULL
        };
        f->family = rv_netlink_parse(k[NetIPAddress_IPAddress].s, f->bytes);
        rv_about(err, NULL, k[NetIPAddress_IPAddress].s, NULL);
        int e = find_address(c, f, ret_active, err);
        rv_netlink_address(f->family, f->bytes, f->family == AF_INET ? 4 : 16, ip, sizeof ip);
        snprintf(value, 80, "%s/%u", ip, f->prefix);
        return e;
}

static int address_delete(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPAddress_Delete_in *in = args;
        const char *ip = c->key[NetIPAddress_IPAddress].s;
        char doing[96], value[80];
        struct rv_netpolicy p;
        struct found_address f;
        bool active, unkept;
        int e = named_address(c, &f, &active, value, err);
        if (e == RV_OK)
                e = rv_netpolicy_begin(&p, in->has_PolicyStore ? in->PolicyStore : NULL, "address", f.index, err);
        if (e)
                return e;
        snprintf(doing, sizeof doing, "take away the address %.46s", ip);
        active &= p.active;
        if (active) {
                rv_change(c, "IPAddress", ip, NULL);
                if (!c->what_if)
                        e = change_address(RTM_DELADDR, 0, f.index, f.family, f.bytes, f.prefix, NULL, doing, err);
        }
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_REMOVE, "address", value, &unkept, err);
        if (e == RV_OK && !active && !unkept)
                e = rv_fail(err, RV_NOT_FOUND, "the address %.46s is not in that store", ip);
        if (e)
                return e;
        rv_fill(c->out, NetIPAddress_Delete_out_Warning, active ? p.warning : NULL);
        NetIPAddress_Delete_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* Its lifetimes as they shall be; false: as they are. */
static bool new_lives(const struct NetIPAddress_Set_in *in, const struct found_address *f,
                      struct ifa_cacheinfo *ret)
{
        *ret = (struct ifa_cacheinfo) { .ifa_valid = f->valid, .ifa_prefered = f->preferred };
        if (in->has_ValidLifetime) {
                ret->ifa_valid = in->ValidLifetime;
                if (ret->ifa_prefered > ret->ifa_valid)
                        ret->ifa_prefered = ret->ifa_valid;
        }
        if (in->has_PreferredLifetime)
                ret->ifa_prefered = in->PreferredLifetime;
        if (in->has_SkipAsSource)
                ret->ifa_prefered = in->SkipAsSource ? 0 : ret->ifa_prefered ? ret->ifa_prefered : ret->ifa_valid;
        return in->has_ValidLifetime || in->has_PreferredLifetime || in->has_SkipAsSource;
}

static int check_set(const struct rv_call *c, const struct NetIPAddress_Set_in *in, const struct found_address *f,
                     struct rv_error *err)
{
        struct ifa_cacheinfo lives;
        bool timed = new_lives(in, f, &lives);
        if (in->has_PrefixLength && (!in->PrefixLength || in->PrefixLength > (f->family == AF_INET ? 32 : 128))) {
                rv_about(err, NULL, NULL, "PrefixLength");
                return rv_fail(err, RV_INVALID_PARAMETER, "%u is no prefix length of %s", in->PrefixLength,
                               f->family == AF_INET ? "IPv4" : "IPv6");
        }
        if (!timed && !in->has_PrefixLength)
                return rv_fail(err, RV_INVALID_PARAMETER, "nothing is given to be set");
        if (timed && (!lives.ifa_valid || lives.ifa_prefered > lives.ifa_valid)) {
                rv_about(err, NULL, NULL, lives.ifa_valid ? "PreferredLifetime" : "ValidLifetime");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               lives.ifa_valid ? "it cannot be preferred for longer than it is valid"
                                               : "a lifetime of 0 is none: take the address away");
        }
        if (timed && in->has_PolicyStore && strcmp(in->PolicyStore, "PersistentStore") == 0)
                return rv_fail(err, RV_NOT_SUPPORTED, "lifetimes run on and are not kept for the next boots");
        if (timed && c->guarded) {
                rv_fail(err, RV_NOT_SUPPORTED, "lifetimes run on and cannot be put back");
                return rv_hint(err, "Set them without ConfirmWithin: they do not cut anybody off at once.");
        }
        return RV_OK;
}

/* Another prefix makes another address: the new one comes before the old one goes, so that no connection is lost. */
static int set_now(const struct found_address *f, uint8_t prefix,
                   const struct ifa_cacheinfo *lives, const char *doing, struct rv_error *err)
{
        int e = change_address(RTM_NEWADDR, prefix == f->prefix ? NLM_F_REPLACE : NLM_F_CREATE | NLM_F_EXCL, f->index,
                               f->family, f->bytes, prefix, lives, doing, err);
        return e || prefix == f->prefix ? e
                                        : change_address(RTM_DELADDR, 0, f->index, f->family, f->bytes, f->prefix,
                                                         NULL, doing, err);
}

static void tell_set(struct rv_call *c, const struct NetIPAddress_Set_in *in, const struct found_address *f,
                     uint8_t prefix, const struct ifa_cacheinfo *lives)
{
        char from[16], to[16];
        snprintf(from, sizeof from, "%u", f->prefix);
        snprintf(to, sizeof to, "%u", prefix);
        if (prefix != f->prefix)
                rv_change(c, "PrefixLength", from, to);
        const struct {
                const char *name;
                bool given;
                uint32_t from, to;
        } times[] = { { "ValidLifetime", in->has_ValidLifetime, f->valid, lives->ifa_valid },
                      { "PreferredLifetime", in->has_PreferredLifetime || in->has_SkipAsSource, f->preferred,
                        lives->ifa_prefered } };
        for (size_t i = 0; i < 2; i++) {
                snprintf(from, sizeof from, "%u", times[i].from);
                snprintf(to, sizeof to, "%u", times[i].to);
                if (times[i].given && times[i].from != times[i].to)
                        rv_change(c, times[i].name, times[i].from == UINT32_MAX ? NULL : from,
                                  times[i].to == UINT32_MAX ? NULL : to);
        }
}

static int address_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetIPAddress_Set_in *in = args;
        char doing[96], was[80], is[80], ip[64] = "";
        struct rv_netpolicy p;
        struct found_address f;
        struct ifa_cacheinfo lives;
        bool active;
        int e = named_address(c, &f, &active, was, err);
        if (e == RV_OK)
                e = check_set(c, in, &f, err);
        bool timed = e == RV_OK && new_lives(in, &f, &lives);
        const char *store = timed ? "ActiveStore" : in->has_PolicyStore ? in->PolicyStore : NULL;
        if (e == RV_OK)
                e = rv_netpolicy_begin(&p, store, "address", f.index, err);
        if (e)
                return e;
        uint8_t prefix = in->has_PrefixLength ? in->PrefixLength : f.prefix;
        rv_netlink_address(f.family, f.bytes, f.family == AF_INET ? 4 : 16, ip, sizeof ip);
        snprintf(doing, sizeof doing, "set the address %.46s", ip);
        snprintf(is, sizeof is, "%s/%u", ip, prefix);
        tell_set(c, in, &f, prefix, &lives);
        if (p.active && active && !c->what_if && (timed || prefix != f.prefix))
                e = set_now(&f, prefix, timed || f.valid != UINT32_MAX ? &lives : NULL, doing, err);
        if (e == RV_OK && prefix != f.prefix)
                e = rv_netpolicy_keep(&p, c, RV_NET_ADD, "address", is, NULL, err);
        if (e == RV_OK && prefix != f.prefix)
                e = rv_netpolicy_keep(&p, c, RV_NET_REMOVE, "address", was, NULL, err);
        if (e)
                return e;
        rv_fill(c->out, NetIPAddress_Set_out_Warning, p.warning);
        NetIPAddress_Set_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int (*const address_methods[NetIPAddress_nmethods])(struct rv_call *, const void *,
                                                           struct rv_error *) = {
        [NetIPAddress_method_Create] = address_create, [NetIPAddress_method_Delete] = address_delete,
        [NetIPAddress_method_Set] = address_set
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

/* They count down. */
static const uint16_t address_silent[] = { NetIPAddress_ValidLifetime, NetIPAddress_PreferredLifetime };
static const struct rv_push address_push = { .covers = RV_PUSH_ALL,
                                             .open = address_open,
                                             .read = push_read,
                                             .silent = address_silent,
                                             .nsilent = 2 };

static const struct rv_provider netipaddress = { .class = &NetIPAddress_class,
                                                 .query = address_query,
 .push = &address_push,
                                                 .methods = address_methods };

RV_PROVIDERS(netip, &netipaddress);
