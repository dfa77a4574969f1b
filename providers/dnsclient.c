/* SPDX-License-Identifier: MIT
 *
 * DnsClient: /etc/resolv.conf, and the interfaces' servers from systemd-resolved over the system bus, which is never
 * started by the question.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/DnsClient.h"
#include "providers/lib/fill.h"
#include "providers/lib/netlink.h"
#include "providers/lib/netmanager.h"
#include "providers/lib/replace.h"
#include "providers/lib/resolvconf.h"
#include "providers/lib/slurp.h"
#include "providers/lib/systemd.h"

#define RESOLVE "org.freedesktop.resolve1"
#define RESOLVE_PATH "/org/freedesktop/resolve1"
#define MANAGER RESOLVE ".Manager"
#define NETWORKD "org.freedesktop.network1"
#define NETWORKD_PATH "/org/freedesktop/network1"
#define PATIENCE \
        UINT64_C(2000000000) /* ns for a question to resolved: /etc/resolv.conf is told in any case */
enum { LINKS = 1024, TEXT = 2048, ADDRESSES = 64 };

/* ---- systemd-resolved ---- */

struct link {
        uint32_t index;
        char servers[TEXT], domains[TEXT]; /* an item a line */
};

static void append(char *to, const char *mark, const char *item)
{
        size_t n = strlen(to);
        if (n + strlen(item) + 3 < TEXT)
                snprintf(to + n, TEXT - n, "%s%s\n", mark, item);
}

static struct link *link_of(struct link *v, size_t *n, int index)
{
        for (size_t i = 0; i < *n; i++)
                if (v[i].index == (uint32_t)index)
                        return &v[i];
        if (*n == LINKS)
                return NULL;
        v[*n] = (struct link) { .index = (uint32_t)index };
        return &v[(*n)++];
}

static int property(sd_bus *bus, const char *name, uint64_t deadline, sd_bus_message **ret)
{
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, RESOLVE, RESOLVE_PATH,
                                               "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, 0);
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", MANAGER, name);
        if (r >= 0)
                r = sd_bus_call(bus, m, rv_systemd_timeout(deadline), NULL, ret);
        sd_bus_message_unref(m);
        return r;
}

/* a(iiay): interface, family, address. */
static int read_servers(sd_bus_message *m, struct link *v, size_t *n)
{
        int r = sd_bus_message_enter_container(m, 'v', "a(iiay)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(iiay)");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "iiay")) > 0) {
                int index, family;
                const void *bytes;
                size_t size;
                char text[64];
                r = sd_bus_message_read(m, "ii", &index, &family);
                if (r >= 0)
                        r = sd_bus_message_read_array(m, 'y', &bytes, &size);
                struct link *l = r >= 0 ? link_of(v, n, index) : NULL;
                if (l && rv_netlink_address(family, bytes, size, text, sizeof text))
                        append(l->servers, "", text);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

/* a(isb): interface, domain, for routing only. */
static int read_domains(sd_bus_message *m, struct link *v, size_t *n)
{
        int r = sd_bus_message_enter_container(m, 'v', "a(isb)"), index, route;
        const char *domain;
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(isb)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(isb)", &index, &domain, &route)) > 0) {
                struct link *l = link_of(v, n, index);
                if (l)
                        append(l->domains, route ? "~" : "", domain);
        }
        return r;
}

/* Interfaces with something set; none when resolved does not run. -ETIMEDOUT: it, or the bus, does not answer. */
static int read_links(struct link *v, size_t *n, uint64_t deadline)
{
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        uint64_t soon = rv_now() + PATIENCE;
        deadline = deadline < soon ? deadline : soon;
        int r = rv_bus_open(&bus, deadline);
        if (r < 0)
                return r == -ETIMEDOUT ? r : 0;
        r = property(bus, "DNS", deadline, &m);
        if (r >= 0)
                read_servers(m, v, n);
        m = sd_bus_message_unref(m);
        if (r >= 0)
                r = property(bus, "Domains", deadline, &m);
        if (r >= 0)
                read_domains(m, v, n);
        sd_bus_message_unref(m);
        sd_bus_unref(bus); /* closing politely would wait for a bus that hangs */
        return r == -ETIMEDOUT ? r : 0;
}

/* ---- rows ---- */

static void fill_list(struct rv_row *row, unsigned p, const char *text)
{
        if (*text)
                rv_fill_list(row, p, text, "\n");
        else
                rv_set_list(row, p, 0);
}

static int emit_host(struct rv_sink *out)
{
        struct rv_resolvconf c;
        if (!rv_resolvconf_read(&c))
                return RV_OK;
        struct rv_row *row = rv_row(out);
        DnsClient_set_InterfaceIndex(row, 0);
        fill_list(row, DnsClient_ServerAddresses, c.servers);
        fill_list(row, DnsClient_SearchDomains, c.domains);
        fill_list(row, DnsClient_Options, c.options);
        rv_fill(row, DnsClient_Source, "resolv.conf");
        rv_fill(row, DnsClient_Manager, c.manager);
        return rv_emit(out, row);
}

static int dnsclient_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        struct link *v = calloc(LINKS, sizeof *v);
        int e = v ? emit_host(out) : -ENOMEM;
        size_t n = 0;
        if (e == RV_OK && read_links(v, &n, q->deadline) == -ETIMEDOUT) {
                struct rv_error late = { 0 };
                rv_fail(&late, RV_TIMED_OUT,
                        "systemd-resolved does not answer: the interfaces' servers are missing");
                rv_partial(out, &late);
        }
        for (size_t i = 0; e == RV_OK && i < n; i++) {
                char name[IF_NAMESIZE];
                if (!v[i].index || !if_indextoname(v[i].index, name))
                        continue;
                struct rv_row *row = rv_row(out);
                DnsClient_set_InterfaceIndex(row, v[i].index);
                rv_fill(row, DnsClient_InterfaceAlias, name);
                fill_list(row, DnsClient_ServerAddresses, v[i].servers);
                fill_list(row, DnsClient_SearchDomains, v[i].domains);
                rv_fill(row, DnsClient_Source, "systemd-resolved");
                e = rv_emit(out, row);
        }
        free(v);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

/* What is to be set; the other stays as it is. */
struct wish {
        bool has_ServerAddresses, has_SearchDomains;
        const struct rv_arg *ServerAddresses, *SearchDomains;
        uint32_t ServerAddresses_n, SearchDomains_n;
        const char *PolicyStore; /* or NULL */
};

static int check_items(const struct wish *in, struct rv_error *err)
{
        uint8_t bytes[16];
        if (in->ServerAddresses_n > ADDRESSES)
                return rv_fail(err, RV_INVALID_PARAMETER, "more than %d servers", ADDRESSES);
        for (uint32_t i = 0; i < in->ServerAddresses_n; i++) {
                const char *s = in->ServerAddresses[i].type == RV_STRING ? in->ServerAddresses[i].s : "";
                if (!rv_netlink_parse(s, bytes)) {
                        rv_about(err, NULL, NULL, "ServerAddresses");
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no IP address", s);
                }
        }
        for (uint32_t i = 0; in->has_SearchDomains && i < in->SearchDomains_n; i++) {
                const char *s = in->SearchDomains[i].type == RV_STRING ? in->SearchDomains[i].s : "";
                static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
                const char *name = s + (*s == '~');
                if (!*name || name[strspn(name, letters)] || strlen(s) > 253) {
                        rv_about(err, NULL, NULL, "SearchDomains");
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no domain", s);
                }
        }
        return RV_OK;
}

static const char *joined(struct rv_call *c, const struct rv_arg *items, uint32_t n)
{
        size_t room = 1, at = 0;
        for (uint32_t i = 0; i < n; i++)
                room += items[i].len + 1;
        char *text = rv_arena_get(c->arena, room);
        if (!text)
                return "";
        text[0] = 0;
        for (uint32_t i = 0; i < n; i++)
                at += (size_t)snprintf(text + at, room - at, "%s%s", i ? " " : "", items[i].s);
        return text;
}

/* Items of a line each, divided by blanks instead. */
static const char *in_a_line(struct rv_call *c, const char *items)
{
        char *text = rv_arena_text(c->arena, items, strlen(items));
        for (char *p = text; p && *p; p++)
                *p = *p != '\n' ? *p : p[1] ? ' ' : 0;
        return text ? text : "";
}

/* Lines that say something else stay as they are. */
static int set_host(struct rv_call *c, const struct wish *in, struct rv_error *err)
{
        size_t n, at = 0;
        struct rv_resolvconf now;
        bool there = rv_resolvconf_read(&now);
        if (there && now.manager) {
                rv_fail(err, RV_NOT_SUPPORTED,
                        "/etc/resolv.conf is written by %s: it would overwrite the change", now.manager);
                return rv_hint(err, "Set the servers of an interface, or in the configuration of %s.",
                               now.manager);
        }
        if (in->has_ServerAddresses)
                rv_change(c, "ServerAddresses", there ? in_a_line(c, now.servers) : NULL,
                          joined(c, in->ServerAddresses, in->ServerAddresses_n));
        if (in->has_SearchDomains)
                rv_change(c, "SearchDomains", there ? in_a_line(c, now.domains) : NULL,
                          joined(c, in->SearchDomains, in->SearchDomains_n));
        if (c->what_if)
                return RV_OK;
        char *old = rv_slurp("/etc/resolv.conf", 1 << 20, &n), *rest = old;
        size_t room = (old ? n : 0) + 64 * (in->ServerAddresses_n + 1) +
                      256 * (in->has_SearchDomains ? in->SearchDomains_n + 1 : 1);
        char *new = malloc(room);
        if (!new) {
                free(old);
                return -ENOMEM;
        }
        new[0] = 0;
        for (char *line; old && (line = strsep(&rest, "\n"));) {
                bool server = strncmp(line, "nameserver", 10) == 0;
                bool domain = strncmp(line, "search", 6) == 0 || strncmp(line, "domain", 6) == 0;
                if (!(server && in->has_ServerAddresses) && !(domain && in->has_SearchDomains) && (*line || rest))
                        at += (size_t)snprintf(new + at, room - at, "%s\n", line);
        }
        if (in->has_SearchDomains && in->SearchDomains_n)
                at += (size_t)snprintf(new + at, room - at, "search %s\n",
                                       joined(c, in->SearchDomains, in->SearchDomains_n));
        for (uint32_t i = 0; i < in->ServerAddresses_n; i++)
                at += (size_t)snprintf(new + at, room - at, "nameserver %s\n", in->ServerAddresses[i].s);
        int r = rv_replace_file("/etc/resolv.conf", new, at, 0644);
        free(old);
        free(new);
        return r ? rv_fail_errno(err, -r, "cannot write /etc/resolv.conf") : RV_OK;
}

/* systemd-resolved does not take settings for an interface that networkd has: networkd does, under the same names. */
static bool networkd_has(uint32_t index)
{
        struct rv_netstore s = { 0 };
        if (index)
                rv_net_manager_of(&s, index);
        return index && s.manager == RV_NET_NETWORKD;
}

static int begin_call(struct rv_call *c, sd_bus **bus, sd_bus_message **m, const char *method, uint32_t index,
                      struct rv_error *err)
{
        bool networkd = networkd_has(index);
        int r = rv_bus_open(bus, c->deadline);
        if (r >= 0)
                r = networkd
                            ? sd_bus_message_new_method_call(
                                      *bus, m, NETWORKD, NETWORKD_PATH, NETWORKD ".Manager",
                                      strcmp(method, "RevertLink") == 0 ? "RevertLinkDNS" : method)
                            : sd_bus_message_new_method_call(*bus, m, RESOLVE, RESOLVE_PATH, MANAGER, method);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(*m, 0);
        if (r >= 0)
                return RV_OK;
        rv_systemd_close(*bus);
        *bus = NULL;
        rv_fail(err, RV_NOT_SUPPORTED, "systemd-resolved cannot be reached: %s", strerror(-r));
        return rv_hint(err,
                       "Where it does not run, the servers of the whole host (interface 0) are what counts.");
}

/* Sends what was begun; closes all. */
static int end_call(struct rv_call *c, sd_bus *bus, sd_bus_message *m, int r, const char *what,
                    struct rv_error *err)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int e = RV_OK;
        if (r >= 0)
                r = sd_bus_call(bus, m, rv_systemd_timeout(c->deadline), &error, NULL);
        bool absent = sd_bus_error_has_name(&error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                      sd_bus_error_has_name(&error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
        if (absent) {
                rv_fail(err, RV_NOT_SUPPORTED, "systemd-resolved does not run on this host");
                e = rv_hint(err, "Set the servers of the whole host: interface 0.");
        } else if (r < 0 && error.name && strstr(error.name, "NoSuchLink"))
                e = rv_fail(err, RV_NOT_FOUND, "there is no such interface");
        else if (r < 0)
                e = rv_systemd_fail(err, r, &error, what);
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        rv_systemd_close(bus);
        return e;
}

static int set_link_servers(struct rv_call *c, uint32_t index, const struct wish *in,
                            struct rv_error *err)
{
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        int e = begin_call(c, &bus, &m, "SetLinkDNS", index, err);
        if (e)
                return e;
        int r = sd_bus_message_append(m, "i", (int)index);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(iay)");
        for (uint32_t i = 0; r >= 0 && i < in->ServerAddresses_n; i++) {
                uint8_t bytes[16];
                int family = rv_netlink_parse(in->ServerAddresses[i].s, bytes);
                r = sd_bus_message_open_container(m, 'r', "iay");
                if (r >= 0)
                        r = sd_bus_message_append(m, "i", family);
                if (r >= 0)
                        r = sd_bus_message_append_array(m, 'y', bytes, family == AF_INET ? 4 : 16);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return end_call(c, bus, m, r, "cannot set the interface's servers", err);
}

static int set_link_domains(struct rv_call *c, uint32_t index, const struct wish *in,
                            struct rv_error *err)
{
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        int e = begin_call(c, &bus, &m, "SetLinkDomains", index, err);
        if (e)
                return e;
        int r = sd_bus_message_append(m, "i", (int)index);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sb)");
        for (uint32_t i = 0; r >= 0 && i < in->SearchDomains_n; i++) {
                const char *s = in->SearchDomains[i].s;
                r = sd_bus_message_append(m, "(sb)", s + (*s == '~'), *s == '~');
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return end_call(c, bus, m, r, "cannot set the interface's domains", err);
}

static int key_index(struct rv_call *c, uint32_t *ret, struct rv_error *err)
{
        const struct rv_arg *k = &c->key[DnsClient_InterfaceIndex];
        char name[IF_NAMESIZE], text[16];
        if (k->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "give InterfaceIndex; 0 is the whole host");
        *ret = (uint32_t)k->u;
        snprintf(text, sizeof text, "%u", *ret);
        rv_about(err, NULL, text, NULL);
        if (*ret && !if_indextoname(*ret, name))
                return rv_fail(err, RV_NOT_FOUND, "there is no interface %u", *ret);
        return RV_OK;
}

enum { WARNING = 400 };
static int set_link(struct rv_call *c, uint32_t index, const struct wish *in, char ret_warning[WARNING],
                    struct rv_error *err)
{
        const char *servers = joined(c, in->ServerAddresses, in->ServerAddresses_n);
        const char *domains =
                in->has_SearchDomains ? joined(c, in->SearchDomains, in->SearchDomains_n) : NULL;
        struct rv_netpolicy p;
        int e = rv_netpolicy_begin(&p, in->PolicyStore, in->has_ServerAddresses ? "dns" : "domains", index, err);
        if (e)
                return e;
        if (p.active) {
                if (in->has_ServerAddresses)
                        rv_change(c, "ServerAddresses", NULL, servers);
                if (domains)
                        rv_change(c, "SearchDomains", NULL, domains);
                if (!c->what_if && in->has_ServerAddresses)
                        e = set_link_servers(c, index, in, err);
                if (e == RV_OK && !c->what_if && domains)
                        e = set_link_domains(c, index, in, err);
        }
        if (e == RV_OK && in->has_ServerAddresses)
                e = rv_netpolicy_keep(&p, c, RV_NET_SET, "dns", *servers ? servers : NULL, NULL, err);
        if (e == RV_OK && domains)
                e = rv_netpolicy_keep(&p, c, RV_NET_SET, "domains", *domains ? domains : NULL, NULL, err);
        snprintf(ret_warning, WARNING, "%s", e == RV_OK ? p.warning : "");
        return e;
}

static int set(struct rv_call *c, const struct wish *in, char ret_warning[WARNING], struct rv_error *err)
{
        uint32_t index;
        int e = key_index(c, &index, err);
        ret_warning[0] = 0;
        if (e == RV_OK)
                e = check_items(in, err);
        if (e)
                return e;
        return index ? set_link(c, index, in, ret_warning, err) : set_host(c, in, err);
}

static int dnsclient_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct DnsClient_SetServers_in *in = args;
        char warning[WARNING];
        struct wish wish = { .has_ServerAddresses = true,
                             .ServerAddresses = in->ServerAddresses,
                             .ServerAddresses_n = in->ServerAddresses_n,
                             .has_SearchDomains = in->has_SearchDomains,
                             .SearchDomains = in->SearchDomains,
                             .SearchDomains_n = in->SearchDomains_n,
                             .PolicyStore = in->has_PolicyStore ? in->PolicyStore : NULL };
        int e = set(c, &wish, warning, err);
        if (e)
                return e;
        rv_fill(c->out, DnsClient_SetServers_out_Warning, warning);
        DnsClient_SetServers_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int dnsclient_set_domains(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct DnsClient_SetDomains_in *in = args;
        char warning[WARNING];
        struct wish wish = { .has_SearchDomains = true,
                             .SearchDomains = in->SearchDomains,
                             .SearchDomains_n = in->SearchDomains_n,
                             .PolicyStore = in->has_PolicyStore ? in->PolicyStore : NULL };
        int e = set(c, &wish, warning, err);
        if (e)
                return e;
        rv_fill(c->out, DnsClient_SetDomains_out_Warning, warning);
        DnsClient_SetDomains_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int dnsclient_reset(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct DnsClient_Reset_in *in = args;
        struct rv_netpolicy p;
        uint32_t index;
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        int e = key_index(c, &index, err);
        if (e == RV_OK && !index)
                e = rv_fail(err, RV_NOT_SUPPORTED, "only what was set for an interface can be taken back");
        if (e == RV_OK)
                e = rv_netpolicy_begin(&p, in->has_PolicyStore ? in->PolicyStore : NULL, "dns", index,
                                       err);
        if (e)
                return e;
        rv_change(c, "ServerAddresses", "set", NULL);
        if (!c->what_if && p.active) {
                e = begin_call(c, &bus, &m, "RevertLink", index, err);
                if (e == RV_OK)
                        e = end_call(c, bus, m, sd_bus_message_append(m, "i", (int)index),
                                     "cannot reset the interface", err);
        }
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_SET, "dns", NULL, NULL, err);
        if (e == RV_OK)
                e = rv_netpolicy_keep(&p, c, RV_NET_SET, "domains", NULL, NULL, err);
        if (e == RV_OK)
                DnsClient_Reset_out_set_ReturnValue(c->out, 0);
        return e;
}

static int dnsclient_clear(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        int e = c->what_if ? RV_OK : begin_call(c, &bus, &m, "FlushCaches", 0, err);
        if (e == RV_OK && !c->what_if)
                e = end_call(c, bus, m, 0, "cannot clear the cache", err);
        if (e == RV_OK)
                DnsClient_ClearCache_out_set_ReturnValue(c->out, 0);
        return e;
}

/* ---- looking up ---- */

static int lookup_failed(int r, const char *name, struct rv_error *err)
{
        int status = r == EAI_NONAME || r == EAI_NODATA ? RV_NOT_FOUND
                     : r == EAI_AGAIN                   ? RV_UNAVAILABLE
                                                        : RV_FAILED;
        rv_fail(err, status, "cannot resolve %.100s: %s", name, gai_strerror(r));
        if (err)
                err->retryable = r == EAI_AGAIN;
        return status == RV_UNAVAILABLE
                       ? rv_hint(err, "No server answered: Get-DnsClientServerAddress lists them.")
                       : status;
}

static int reverse(struct rv_call *c, const char *address, int family, const uint8_t *bytes,
                   struct rv_error *err)
{
        char host[NI_MAXHOST];
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        bool is_v4 = family == AF_INET;
        memcpy(&v4.sin_addr, bytes, 4);
        memcpy(&v6.sin6_addr, bytes, 16);
        int r = getnameinfo(is_v4 ? (void *)&v4 : (void *)&v6, is_v4 ? sizeof v4 : sizeof v6, host,
                            sizeof host, NULL, 0, NI_NAMEREQD);
        if (r)
                return lookup_failed(r, address, err);
        rv_fill(c->out, DnsClient_Resolve_out_CanonicalName, host);
        rv_fill_list(c->out, DnsClient_Resolve_out_Addresses, address, "\n");
        return RV_OK;
}

static int dnsclient_resolve(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct DnsClient_Resolve_in *in = args;
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME }, *found = NULL;
        char text[64], all[ADDRESSES * 64] = "";
        uint8_t bytes[16] = { 0 };
        int family = rv_netlink_parse(in->Name, bytes);
        int r = family ? 0 : getaddrinfo(in->Name, NULL, &hints, &found);
        if (r)
                return lookup_failed(r, in->Name, err);
        size_t at = 0;
        for (struct addrinfo *i = found; i; i = i->ai_next) {
                const void *address = i->ai_family == AF_INET
                                              ? (void *)&((struct sockaddr_in *)i->ai_addr)->sin_addr
                                              : (void *)&((struct sockaddr_in6 *)i->ai_addr)->sin6_addr;
                if (inet_ntop(i->ai_family, address, text, sizeof text) && at + strlen(text) + 2 < sizeof all)
                        at += (size_t)snprintf(all + at, sizeof all - at, "%s\n", text);
        }
        if (found) {
                rv_fill_list(c->out, DnsClient_Resolve_out_Addresses, all, "\n");
                rv_fill(c->out, DnsClient_Resolve_out_CanonicalName, found->ai_canonname);
                freeaddrinfo(found);
        }
        int e = family ? reverse(c, in->Name, family, bytes, err) : RV_OK;
        if (e == RV_OK)
                DnsClient_Resolve_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[DnsClient_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [DnsClient_method_SetServers] = dnsclient_set,
        [DnsClient_method_SetDomains] = dnsclient_set_domains,
        [DnsClient_method_Reset] = dnsclient_reset,
        [DnsClient_method_ClearCache] = dnsclient_clear,
        [DnsClient_method_Resolve] = dnsclient_resolve
};

static const struct rv_provider dnsclient = {
        .class = &DnsClient_class, .query = dnsclient_query, .methods = methods, .threads = 4
};

RV_PROVIDERS(dnsclient, &dnsclient);
