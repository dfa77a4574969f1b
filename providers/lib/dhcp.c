/* SPDX-License-Identifier: MIT */
#include "providers/lib/dhcp.h"

#include "providers/lib/netmanager.h"
#include "providers/lib/netstore.h"
#include "providers/lib/tool.h"

int rv_dhcp_set(struct rv_call *c, uint32_t index, const char *name, bool on, struct rv_error *err)
{
        struct rv_netpolicy p;
        int e = rv_netpolicy_begin(&p, NULL, "dhcp", index, err);
        if (e)
                return e;
        if (!p.lasting) {
                rv_fail(err, RV_NOT_SUPPORTED, "cannot tell anybody how %s gets its address: %s", name,
                        p.store.why);
                return rv_hint(err, "systemd-networkd and NetworkManager can be told; of ifupdown "
                                    "/etc/network/interfaces says it.");
        }
        if (p.store.manager == RV_NET_NM && c->guarded) {
                rv_fail(err, RV_NOT_SUPPORTED,
                        "NetworkManager's way to an address is not put back by itself");
                return rv_hint(err, "Do it without ConfirmWithin, over another interface.");
        }
        return rv_netpolicy_keep(&p, c, RV_NET_SET, "dhcp", on ? "ipv4" : "no", NULL, err);
}

static int run(const struct rv_call *c, const char *const *argv, const char *what, struct rv_error *err)
{
        return rv_tool_do(&(struct rv_tool) { .argv = argv, .what = what, .deadline = c->deadline },
                          c->what_if, err);
}

int rv_dhcp_reload(uint64_t deadline, struct rv_error *err)
{
        const char *argv[] = { "networkctl", "reload", NULL };
        return rv_tool_do(&(struct rv_tool) { .argv = argv,
                                              .what = "have networkd read its files",
                                              .deadline = deadline },
                          false, err);
}

int rv_dhcp_apply(struct rv_call *c, uint32_t index, const char *name, struct rv_error *err)
{
        struct rv_netstore s;
        rv_net_manager_of(&s, index);
        const char *nm[] = { "nmcli", "device", "reapply", name, NULL },
                   *networkd[] = { "networkctl", "reconfigure", name, NULL };
        if (s.manager == RV_NET_NM)
                return run(c, nm, "have NetworkManager go by its profile", err);
        int e = c->what_if ? RV_OK : rv_dhcp_reload(c->deadline, err);
        return e ? e : run(c, networkd, "have networkd go by its files", err);
}

int rv_dhcp_renew(struct rv_call *c, uint32_t index, const char *name, struct rv_error *err)
{
        struct rv_netstore s;
        rv_net_manager_of(&s, index);
        const char *nm[] = { "nmcli", "connection", "up", s.uuid, NULL },
                   *networkd[] = { "networkctl", "renew", name, NULL };
        if (s.manager == RV_NET_NM)
                return run(c, nm, "have NetworkManager ask for a lease", err);
        if (s.manager == RV_NET_NETWORKD)
                return run(c, networkd, "have networkd renew the lease", err);
        return rv_fail(err, RV_NOT_SUPPORTED,
                       "whoever has the lease of %s cannot be told to renew it: neither systemd-networkd nor "
                       "NetworkManager manages it",
                       name);
}
