/* SPDX-License-Identifier: MIT
 *
 * systemd-networkd, ifupdown, NetworkManager: which of them has an interface (from what they write to /run, without
 * asking them), and how a setting is said to each.
 */
#include "providers/lib/netmanager.h"

#include <errno.h>
#include <glob.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"

#define LINKS "/run/systemd/netif/links"
#define INTERFACES "/etc/network/interfaces"

enum { FILE_MOST = 1 << 20 };

/* ---- who ---- */

/* KEY=VALUE of a text of lines, without quotes. */
static bool value_of(const char *text, const char *key, char *ret, size_t size)
{
        size_t n = strlen(key);
        for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
                if (strncmp(line, key, n) == 0 && line[n] == '=') {
                        const char *v = line + n + 1 + (line[n + 1] == '"');
                        snprintf(ret, size, "%.*s", (int)strcspn(v, "\"\n"), v);
                        return ret[0] != 0;
                }
        return false;
}

static bool file_value(const char *path, const char *key, char *ret, size_t size)
{
        size_t n;
        char *text = rv_slurp(path, FILE_MOST, &n);
        bool found = text && value_of(text, key, ret, size);
        free(text);
        return found;
}

/* Whether PID 1 has a unit running: it keeps a link for each. */
static bool runs(const char *unit)
{
        char path[128];
        snprintf(path, sizeof path, "/run/systemd/units/invocation:%s.service", unit);
        char to[64];
        return readlink(path, to, sizeof to) > 0;
}

/* Another interface that has the same file of networkd, or 0. */
static unsigned shared_with(const char *file, uint32_t index)
{
        glob_t g = { 0 };
        unsigned other = 0;
        if (glob(LINKS "/*", 0, NULL, &g) != 0)
                return 0;
        for (size_t i = 0; i < g.gl_pathc && !other; i++) {
                char theirs[300] = "";
                unsigned id = (unsigned)atoi(strrchr(g.gl_pathv[i], '/') + 1);
                if (id != index && file_value(g.gl_pathv[i], "NETWORK_FILE", theirs, sizeof theirs) &&
                    strcmp(theirs, file) == 0)
                        other = id;
        }
        globfree(&g);
        return other;
}

static bool networkd_has(struct rv_netstore *s, uint32_t index)
{
        char path[64], state[32] = "", other[IF_NAMESIZE] = "another one";
        snprintf(path, sizeof path, LINKS "/%u", index);
        if (!runs("systemd-networkd") || !file_value(path, "NETWORK_FILE", s->theirs, sizeof s->theirs) ||
            (file_value(path, "ADMIN_STATE", state, sizeof state) && strcmp(state, "unmanaged") == 0))
                return false;
        const char *name = strrchr(s->theirs, '/');
        size_t n = name ? strlen(name + 1) : 0;
        if (n < 9 || strcmp(name + 1 + n - 8, ".network") != 0)
                return false;
        s->manager = RV_NET_NETWORKD;
        snprintf(s->own, sizeof s->own, RV_NET_NETWORKD_FOLDER "/%.*s" RV_NET_NETWORKD_OWN, (int)(n - 8),
                 name + 1);
        unsigned also = shared_with(s->theirs, index);
        if (also) {
                if_indextoname(also, other);
                snprintf(s->why, sizeof s->why,
                         "its file %.100s is that of %s as well, so a setting would be for both", s->theirs,
                         other);
        }
        return true;
}

/* What NetworkManager only looks at, because another has set it up, has a profile made for the looking. */
static bool is_external(const char *uuid)
{
        glob_t g = { 0 };
        bool external = false;
        if (glob("/run/NetworkManager/system-connections/*", 0, NULL, &g) != 0)
                return false;
        for (size_t i = 0; i < g.gl_pathc; i++) {
                char of[64] = "", yes[8] = "";
                external |= file_value(g.gl_pathv[i], "uuid", of, sizeof of) && strcmp(of, uuid) == 0 &&
                            file_value(g.gl_pathv[i], "external", yes, sizeof yes);
        }
        globfree(&g);
        return external;
}

static bool nm_has(struct rv_netstore *s, uint32_t index)
{
        char path[64], managed[16] = "";
        snprintf(path, sizeof path, "/run/NetworkManager/devices/%u", index);
        if (!file_value(path, "connection-uuid", s->uuid, sizeof s->uuid) ||
            (file_value(path, "managed", managed, sizeof managed) && (*managed == 'f' || *managed == '0')) ||
            !rv_tool_there("nmcli") || is_external(s->uuid))
                return false;
        s->manager = RV_NET_NM;
        snprintf(s->theirs, sizeof s->theirs, "the profile %s of NetworkManager", s->uuid);
        return true;
}

static bool ifupdown_has(struct rv_netstore *s)
{
        char path[64], as[64] = "";
        snprintf(path, sizeof path, "/run/network/ifstate.%s", s->interface);
        if (!rv_tool_there("ifup") || access(INTERFACES, F_OK) != 0 ||
            (!file_value("/run/network/ifstate", s->interface, as, sizeof as) &&
             !file_value(path, s->interface, as, sizeof as)))
                return false;
        s->manager = RV_NET_IFUPDOWN;
        snprintf(s->own, sizeof s->own, RV_NET_IFUPDOWN_FOLDER "/%s", s->interface);
        snprintf(s->theirs, sizeof s->theirs, INTERFACES);
        return true;
}

void rv_net_manager_of(struct rv_netstore *s, uint32_t index)
{
        *s = (struct rv_netstore) { 0 };
        if (!index || !if_indextoname(index, s->interface))
                snprintf(s->why, sizeof s->why, "it belongs to no interface");
        else if (!networkd_has(s, index) && !nm_has(s, index) && !ifupdown_has(s))
                snprintf(s->why, sizeof s->why,
                         "neither systemd-networkd nor ifupdown nor NetworkManager manages the interface %s",
                         s->interface);
}

static bool says(const char *path, const char *value)
{
        size_t n, k = strcspn(value, " ");
        char *text = rv_slurp(path, FILE_MOST, &n);
        bool found = false;
        for (char *at = text; at && (at = memmem(at, strlen(at), value, k)); at++)
                found |= (at == text || strchr("= \t", at[-1])) && strchr("/ \t\n", at[k]);
        free(text);
        return found;
}

bool rv_net_mentions(const struct rv_netstore *s, const char *value)
{
        glob_t g = { 0 };
        bool found = value && s->theirs[0] == '/' && says(s->theirs, value);
        if (s->manager != RV_NET_IFUPDOWN || found || glob(INTERFACES ".d/*", 0, NULL, &g) != 0)
                return found;
        for (size_t i = 0; i < g.gl_pathc; i++)
                found |= says(g.gl_pathv[i], value);
        globfree(&g);
        return found;
}

/* ---- settings said to each ---- */

static const char *of_kind(const char *line, const char *kind)
{
        size_t n = strlen(kind);
        return strncmp(line, kind, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

struct route {
        char to[64], by[64];
        unsigned metric, table;
};

static bool read_route(const char *value, struct route *r)
{
        return sscanf(value, "%63s %63s %u %u", r->to, r->by, &r->metric, &r->table) == 4;
}

static void networkd_line(struct rv_buf *b, const char *line)
{
        const char *v;
        struct route r;
        if ((v = of_kind(line, "mtu")))
                rv_buf_putf(b, "\n[Link]\nMTUBytes=%s\n", v);
        else if ((v = of_kind(line, "mac")))
                rv_buf_putf(b, "\n[Link]\nMACAddress=%s\n", v);
        else if ((v = of_kind(line, "dhcp")))
                rv_buf_putf(b, "\n[Network]\nDHCP=%s\n", v);
        else if (of_kind(line, "down"))
                rv_buf_puts(b, "\n[Link]\nActivationPolicy=down\n");
        else if ((v = of_kind(line, "dns"))) /* the empty one takes away what the file itself says */
                rv_buf_putf(b, "\n[Network]\nDNS=\nDNS=%s\n", v);
        else if ((v = of_kind(line, "domains")))
                rv_buf_putf(b, "\n[Network]\nDomains=\nDomains=%s\n", v);
        else if ((v = of_kind(line, "address")))
                rv_buf_putf(b, "\n[Address]\nAddress=%s\n", v);
        else if ((v = of_kind(line, "route")) && read_route(v, &r)) {
                rv_buf_putf(b, "\n[Route]\nDestination=%s\nTable=%u\n", r.to, r.table);
                if (strcmp(r.by, "-") != 0)
                        rv_buf_putf(b, "Gateway=%s\n", r.by);
                if (r.metric)
                        rv_buf_putf(b, "Metric=%u\n", r.metric);
        }
}

void rv_net_networkd(struct rv_buf *b, const char *interface, const char *const *lines, size_t n)
{
        (void)interface;
        for (size_t i = 0; i < n; i++)
                networkd_line(b, lines[i]);
}

/* In commands the interface is "$IFACE": what ifupdown calls it there, whatever its name has of the shell's own. */
static void ifupdown_route(struct rv_buf *b, const struct route *r)
{
        bool v6 = strchr(r->to, ':') != NULL;
        rv_buf_putf(b, "\tup ip %s route replace %s", v6 ? "-6" : "-4", r->to);
        if (strcmp(r->by, "-") != 0)
                rv_buf_putf(b, " via %s%s", !v6 && strchr(r->by, ':') ? "inet6 " : "", r->by);
        rv_buf_putf(b, " dev \"$IFACE\" table %u", r->table);
        if (r->metric)
                rv_buf_putf(b, " metric %u", r->metric);
        rv_buf_puts(b, "\n");
}

/* By systemd-resolved, which may start after the network: then PID 1 has it done when it is there. Debian's own hook
 * for dns-nameservers does nothing in bookworm (it writes "DNS"=... into what a shell is to read). */
static void ifupdown_names(struct rv_buf *b, const char *interface, const char *what, const char *items)
{
        char copy[600], *rest = copy, *one;
        snprintf(copy, sizeof copy, "%s", items);
        rv_buf_putf(
                b,
                "\niface %s inet manual\n\tup systemd-run --quiet --collect --no-block -p After=dbus.service "
                "-p After=systemd-resolved.service resolvectl %s \"$IFACE\"",
                interface, what);
        while ((one = strsep(&rest, " ")))
                if (*one)
                        rv_buf_putf(b, " '%s'", one); /* addresses and domains hold no quote */
        rv_buf_puts(b, " || true\n");
}

/* Stanzas of the interface's own; routes last, when their gateways can be reached, then whether it is to be down. */
void rv_net_ifupdown(struct rv_buf *b, const char *interface, const char *const *lines, size_t n)
{
        const char *v;
        struct route r;
        bool routes = false;
        for (size_t i = 0; i < n; i++)
                if ((v = of_kind(lines[i], "mtu")))
                        rv_buf_putf(b, "\niface %s inet manual\n\tpre-up ip link set dev \"$IFACE\" mtu %s\n",
                                    interface, v);
                else if ((v = of_kind(lines[i], "mac")))
                        rv_buf_putf(
                                b, "\niface %s inet manual\n\tpre-up ip link set dev \"$IFACE\" address %s\n",
                                interface, v);
                else if ((v = of_kind(lines[i], "dns")))
                        ifupdown_names(b, interface, "dns", v);
                else if ((v = of_kind(lines[i], "domains")))
                        ifupdown_names(b, interface, "domain", v);
        for (size_t i = 0; i < n; i++)
                if ((v = of_kind(lines[i], "address")))
                        rv_buf_putf(b, "\niface %s %s static\n\taddress %s\n", interface,
                                    strchr(v, ':') ? "inet6" : "inet", v);
        for (size_t i = 0; i < n; i++) {
                if (!(v = of_kind(lines[i], "route")) || !read_route(v, &r))
                        continue;
                if (!routes)
                        rv_buf_putf(b, "\niface %s inet manual\n", interface);
                routes = true;
                ifupdown_route(b, &r);
        }
        for (size_t i = 0; i < n; i++)
                if (of_kind(lines[i], "down"))
                        rv_buf_putf(b, "\niface %s inet manual\n\tup ip link set dev \"$IFACE\" down\n",
                                    interface);
}

/* One line at the end of ifupdown's file: what is brought in last is set last. */
int rv_net_ifupdown_bring_in(void)
{
        static const char line[] = "source " RV_NET_IFUPDOWN_FOLDER "/*";
        size_t n;
        char *text = rv_slurp(INTERFACES, FILE_MOST, &n), *all = NULL;
        int r = text ? 0 : -errno;
        if (text && !strstr(text, line)) {
                int k = asprintf(&all, "%s%s\n# Written by reeve: its own settings.\n%s\n", text,
                                 n && text[n - 1] != '\n' ? "\n" : "", line);
                r = k < 0 ? -ENOMEM : rv_replace_file(INTERFACES, all, (size_t)k, 0644);
        }
        free(all);
        free(text);
        return r;
}

/* nmcli's setting and value for one of ours; false: there is none. */
static bool nm_words(const char *kind, const char *value, char *setting, char *to, size_t size)
{
        bool v6 = value && strchr(value, ':') != NULL && strcmp(kind, "mac") != 0;
        struct route r;
        snprintf(to, size, "%s", value ? value : "");
        if (strcmp(kind, "address") == 0)
                snprintf(setting, 40, "ipv%d.addresses", v6 ? 6 : 4);
        else if (strcmp(kind, "route") == 0 && value && read_route(value, &r)) {
                snprintf(setting, 40, "ipv%d.routes", v6 ? 6 : 4);
                int n = snprintf(to, size, "%s %s", r.to, strcmp(r.by, "-") == 0 ? "" : r.by);
                if (r.metric)
                        n += snprintf(to + n, size - (size_t)n, " %u", r.metric);
                if (r.table != 254)
                        snprintf(to + n, size - (size_t)n, " table=%u", r.table);
        } else if (strcmp(kind, "dhcp") == 0) {
                snprintf(setting, 40, "ipv4.method");
                snprintf(to, size, "%s", value && strcmp(value, "no") != 0 ? "auto" : "manual");
        } else if (strcmp(kind, "mtu") == 0)
                snprintf(setting, 40, "802-3-ethernet.mtu");
        else if (strcmp(kind, "mac") == 0)
                snprintf(setting, 40, "802-3-ethernet.cloned-mac-address");
        else if (strcmp(kind, "down") == 0) {
                snprintf(setting, 40, "connection.autoconnect");
                snprintf(to, size, "%s", value ? "no" : "yes");
        } else
                return false;
        return true;
}

/* Servers and domains: each family has those of its own. */
static int nm_names(const struct rv_netstore *s, const char *kind, const char *value, struct rv_tool *tool,
                    struct rv_tool_said *said, struct rv_error *err)
{
        char all[2][600] = { "", "" }, copy[600], *rest = copy, *one;
        bool dns = strcmp(kind, "dns") == 0;
        snprintf(copy, sizeof copy, "%s", value ? value : "");
        while ((one = strsep(&rest, " ")))
                for (int v6 = 0; *one && v6 < 2; v6++)
                        if (!dns || v6 == (strchr(one, ':') != NULL)) {
                                size_t n = strlen(all[v6]);
                                snprintf(all[v6] + n, sizeof all[v6] - n, "%s%s", n ? " " : "", one);
                        }
        const char *argv[] = { "nmcli",
                               "connection",
                               "modify",
                               s->uuid,
                               dns ? "ipv4.dns" : "ipv4.dns-search",
                               all[0],
                               dns ? "ipv6.dns" : "ipv6.dns-search",
                               all[1],
                               NULL };
        tool->argv = argv;
        return rv_tool_run(tool, said, err);
}

int rv_net_nm(const struct rv_netstore *s, enum rv_net_how how, const char *kind, const char *value,
              bool what_if, bool *ret_changed, uint64_t deadline, struct rv_error *err)
{
        char setting[48] = "+", to[300];
        struct rv_tool_said said;
        struct rv_tool tool = { .what = "change NetworkManager's profile of the interface",
                                .deadline = deadline };
        *ret_changed = true;
        if (what_if)
                return RV_OK;
        int e;
        if (strcmp(kind, "dns") == 0 || strcmp(kind, "domains") == 0) {
                e = nm_names(s, kind, value, &tool, &said, err);
        } else {
                bool sign = how != RV_NET_SET;
                setting[0] = how == RV_NET_REMOVE ? '-' : '+';
                if (!nm_words(kind, value, setting + sign, to, sizeof to))
                        return rv_fail(err, RV_NOT_SUPPORTED, "NetworkManager has no setting for it");
                const char *argv[] = { "nmcli", "connection", "modify", s->uuid, setting, to, NULL };
                tool.argv = argv;
                e = rv_tool_run(&tool, &said, err);
        }
        if (e)
                return e;
        if (said.status)
                e = rv_tool_fail(err, RV_FAILED, &tool, &said);
        rv_tool_free(&said);
        return e;
}
