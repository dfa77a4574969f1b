/* SPDX-License-Identifier: MIT
 *
 * Rules of nftables in the words of NetSecurity: see nftrule.h.
 */
#include "providers/lib/nftrule.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "providers/lib/netlink.h"

const char *const rv_fw_directions[4] = { NULL, "Inbound", "Outbound", "Forward" };
const char *const rv_fw_lists[RV_FW_LISTS] = { "LocalPort",    "RemotePort",    "IcmpType",
                                               "LocalAddress", "RemoteAddress", "InterfaceAlias" };

/* Protocols: our word, the number, the word of /etc/protocols, the word of nft for its header ("": it has no ports). */
static const struct protocol {
        const char *name;
        unsigned number;
        const char *system, *header;
} protocols[] = { { "TCP", 6, "tcp", "tcp" },
                  { "UDP", 17, "udp", "udp" },
                  { "ICMPv4", 1, "icmp", "" },
                  { "ICMPv6", 58, "ipv6-icmp", "" },
                  { "SCTP", 132, "sctp", "sctp" },
                  { "DCCP", 33, "dccp", "dccp" },
                  { "UDPLITE", 136, "udplite", "udplite" } };
enum { NPROTOCOLS = sizeof protocols / sizeof *protocols };

static const char *text(json_t *j, const char *name)
{
        return json_string_value(json_object_get(j, name));
}

enum rv_fw_direction rv_fw_hook(const char *hook)
{
        static const struct {
                const char *hook;
                enum rv_fw_direction direction;
        } known[] = { { "input", RV_FW_IN },       { "prerouting", RV_FW_IN },   { "ingress", RV_FW_IN },
                      { "output", RV_FW_OUT },     { "postrouting", RV_FW_OUT }, { "egress", RV_FW_OUT },
                      { "forward", RV_FW_FORWARD } };
        for (size_t i = 0; hook && i < sizeof known / sizeof *known; i++)
                if (strcmp(hook, known[i].hook) == 0)
                        return known[i].direction;
        return RV_FW_NONE;
}

void rv_fw_clear(struct rv_fw_rule *r)
{
        for (int i = 0; i < RV_FW_LISTS; i++)
                json_decref(r->list[i]);
        *r = (struct rv_fw_rule) { 0 };
}

/* ---- reading ---- */

/* One value of a match, as text; false: of a kind that is not known. */
static bool value_text(json_t *v, char *ret, size_t size)
{
        char from[80], to[80];
        json_t *prefix = json_object_get(v, "prefix"), *range = json_object_get(v, "range"),
               *elem = json_object_get(json_object_get(v, "elem"), "val");
        if (json_is_string(v))
                return (size_t)snprintf(ret, size, "%s", json_string_value(v)) < size;
        if (json_is_integer(v))
                return snprintf(ret, size, "%lld", (long long)json_integer_value(v)) > 0;
        if (prefix && text(prefix, "addr"))
                return (size_t)snprintf(ret, size, "%s/%lld", text(prefix, "addr"),
                                        (long long)json_integer_value(json_object_get(prefix, "len"))) < size;
        if (range && value_text(json_array_get(range, 0), from, sizeof from) &&
            value_text(json_array_get(range, 1), to, sizeof to))
                return (size_t)snprintf(ret, size, "%s-%s", from, to) < size;
        return elem && value_text(elem, ret, size);
}

/* The values of a match; NULL: of a kind that is not known. */
static json_t *values(json_t *right, bool negated)
{
        json_t *set = json_object_get(right, "set"), *list = json_array(), *one;
        json_t *all = json_is_array(set) ? json_incref(set) : json_pack("[O]", right);
        size_t i;
        bool known = true;
        json_array_foreach(all, i, one)
        {
                char buf[164] = "!";
                known &= value_text(one, buf + negated, sizeof buf - 1) &&
                         json_array_append_new(list, json_string(buf)) == 0;
        }
        json_decref(all);
        if (!known) {
                json_decref(list);
                list = NULL;
        }
        return list;
}

static void read_protocol(struct rv_fw_rule *r, json_t *right)
{
        char one[24];
        if (r->protocol[0] || !value_text(right, one, sizeof one)) {
                r->complete = false;
                return;
        }
        for (int i = 0; i < NPROTOCOLS; i++)
                if (strcmp(one, protocols[i].system) == 0 || (unsigned)atoi(one) == protocols[i].number) {
                        snprintf(r->protocol, sizeof r->protocol, "%s", protocols[i].name);
                        return;
                }
        snprintf(r->protocol, sizeof r->protocol, "%s", one);
}

static void imply_protocol(struct rv_fw_rule *r, const char *header)
{
        for (int i = 0; i < NPROTOCOLS; i++)
                if (strcmp(header, protocols[i].header) == 0 ||
                    (protocols[i].header[0] == 0 &&
                     strcasecmp(header, protocols[i].number == 1 ? "icmp" : "icmpv6") == 0))
                        snprintf(r->protocol, sizeof r->protocol, "%s", protocols[i].name);
}

/* Which list a match is of; -1: none. */
static int list_of(json_t *left, enum rv_fw_direction d, const char **ret_header)
{
        json_t *payload = json_object_get(left, "payload");
        const char *header = text(payload, "protocol"), *field = text(payload, "field"),
                   *meta = text(json_object_get(left, "meta"), "key");
        bool out = d == RV_FW_OUT;
        *ret_header = header;
        if (meta)
                return strcmp(meta, out ? "oifname" : "iifname") == 0 ||
                                       strcmp(meta, out ? "oif" : "iif") == 0
                               ? RV_FW_INTERFACE
                               : -1;
        if (!header || !field)
                return -1;
        if (strcmp(field, "saddr") == 0 && strncmp(header, "ip", 2) == 0)
                return out ? RV_FW_LOCAL_ADDRESS : RV_FW_REMOTE_ADDRESS;
        if (strcmp(field, "daddr") == 0 && strncmp(header, "ip", 2) == 0)
                return out ? RV_FW_REMOTE_ADDRESS : RV_FW_LOCAL_ADDRESS;
        if (strcmp(field, "sport") == 0)
                return out ? RV_FW_LOCAL_PORT : RV_FW_REMOTE_PORT;
        if (strcmp(field, "dport") == 0)
                return out ? RV_FW_REMOTE_PORT : RV_FW_LOCAL_PORT;
        return strcmp(field, "type") == 0 && strncmp(header, "icmp", 4) == 0 ? RV_FW_ICMP : -1;
}

static bool is_protocol(json_t *left)
{
        json_t *payload = json_object_get(left, "payload");
        const char *meta = text(json_object_get(left, "meta"), "key"), *field = text(payload, "field");
        return (meta && strcmp(meta, "l4proto") == 0) ||
               (field && (strcmp(field, "nexthdr") == 0 ||
                          (strcmp(field, "protocol") == 0 && strcmp(text(payload, "protocol"), "ip") == 0)));
}

static void read_match(struct rv_fw_rule *r, json_t *match, enum rv_fw_direction d)
{
        json_t *left = json_object_get(match, "left"), *right = json_object_get(match, "right");
        const char *op = text(match, "op"), *header;
        bool equal = op && (strcmp(op, "==") == 0 || strcmp(op, "in") == 0);
        if (!equal)
                r->complete = false;
        if (equal && is_protocol(left)) {
                read_protocol(r, right);
                return;
        }
        int i = list_of(left, d, &header);
        json_t *list = i >= 0 && op && (equal || strcmp(op, "!=") == 0) ? values(right, !equal) : NULL;
        if (!list || r->list[i]) { /* another kind of match, or a second one of the same */
                r->complete = false;
                json_decref(list);
                return;
        }
        r->list[i] = list;
        if (header && !r->protocol[0])
                imply_protocol(r, header);
}

static bool read_action(struct rv_fw_rule *r, const char *word, json_t *v)
{
        static const char *const actions[][2] = { { "accept", "Allow" },      { "drop", "Block" },
                                                  { "reject", "Reject" },     { "jump", "Jump" },
                                                  { "goto", "Goto" },         { "return", "Return" },
                                                  { "queue", "Queue" },       { "snat", "Translate" },
                                                  { "dnat", "Translate" },    { "masquerade", "Translate" },
                                                  { "redirect", "Translate" } };
        for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
                if (strcmp(word, actions[i][0]) != 0)
                        continue;
                r->action = actions[i][1];
                r->target = text(v, "target");
                r->complete &= i < 3; /* others say more than their name */
                return true;
        }
        return false;
}

void rv_fw_read(struct rv_fw_rule *r, json_t *expr, enum rv_fw_direction d)
{
        json_t *one, *v;
        const char *word;
        size_t i;
        *r = (struct rv_fw_rule) { .complete = true, .action = "None" };
        json_array_foreach(expr, i, one) json_object_foreach(one, word, v)
        {
                if (strcmp(word, "match") == 0)
                        read_match(r, v, d);
                else if (strcmp(word, "counter") == 0 && json_is_object(v)) {
                        r->counts = true;
                        r->packets = (uint64_t)json_integer_value(json_object_get(v, "packets"));
                        r->bytes = (uint64_t)json_integer_value(json_object_get(v, "bytes"));
                } else if (!read_action(r, word, v))
                        r->complete = false;
        }
}

/* ---- writing ---- */

static json_t *wrong(struct rv_error *err, const char *property, const char *why, const char *value)
{
        rv_about(err, NULL, NULL, property);
        rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' %s", value, why);
        return NULL;
}

static bool is_any(json_t *list)
{
        const char *first = json_string_value(json_array_get(list, 0));
        return !json_array_size(list) ||
               (json_array_size(list) == 1 && first && strcasecmp(first, "Any") == 0);
}

/* "80", "8000-8100" */
static json_t *port(const char *s)
{
        char *end;
        if (!isdigit((unsigned char)*s))
                return NULL;
        unsigned long from = strtoul(s, &end, 10), to = from;
        if (*end == '-' && isdigit((unsigned char)end[1]))
                to = strtoul(end + 1, &end, 10);
        if (*end || from > 65535 || to > 65535 || from > to)
                return NULL;
        return from == to ? json_integer((json_int_t)from)
                          : json_pack("{s:[I,I]}", "range", (json_int_t)from, (json_int_t)to);
}

/* "192.0.2.1", "192.0.2.0/24", "192.0.2.1-192.0.2.9"; its family is added to `families` (1 IPv4, 2 IPv6). */
static json_t *address(const char *s, unsigned *families)
{
        char from[64], *part, *end;
        uint8_t bytes[16];
        snprintf(from, sizeof from, "%s", s);
        part = strpbrk(from, "/-");
        char kind = part ? *part : 0;
        if (part)
                *part++ = 0;
        int family = rv_netlink_parse(from, bytes);
        *families |= family == AF_INET ? 1 : 2;
        if (!family)
                return NULL;
        if (kind == '/') {
                unsigned long n = strtoul(part, &end, 10);
                bool good = isdigit((unsigned char)*part) && !*end && n <= (family == AF_INET ? 32 : 128);
                return good ? json_pack("{s:{s:s, s:I}}", "prefix", "addr", from, "len", (json_int_t)n)
                            : NULL;
        }
        if (kind == '-')
                return rv_netlink_parse(part, bytes) == family ? json_pack("{s:[s,s]}", "range", from, part)
                                                               : NULL;
        return json_string(from);
}

static json_t *interface(const char *s)
{
        size_t n = strlen(s);
        return n && n < 16 && !strpbrk(s, " /\"\t\n\\{}*;") ? json_string(s) : NULL;
}

static json_t *icmp_type(const char *s)
{
        char *end;
        unsigned long n = strtoul(s, &end, 10);
        if (*s && !*end)
                return n < 256 ? json_integer((json_int_t)n) : NULL;
        return strspn(s, "abcdefghijklmnopqrstuvwxyz-") == strlen(s) && *s ? json_string(s) : NULL;
}

/* A match of a whole list appended to expr. False: a value does not fit. */
static bool match(json_t *expr, const struct rv_fw_rule *r, int which, json_t *left, unsigned *families,
                  struct rv_error *err)
{
        json_t *set = json_array(), *one;
        size_t i;
        json_array_foreach(r->list[which], i, one)
        {
                const char *s = json_string_value(one);
                json_t *v = which == RV_FW_LOCAL_PORT || which == RV_FW_REMOTE_PORT ? port(s)
                            : which == RV_FW_ICMP                                   ? icmp_type(s)
                            : which == RV_FW_INTERFACE                              ? interface(s)
                                                                                    : address(s, families);
                if (!v || json_array_append_new(set, v) < 0) {
                        json_decref(set);
                        json_decref(left);
                        return wrong(err, rv_fw_lists[which],
                                     which <= RV_FW_REMOTE_PORT ? "is no port, nor a range as 8000-8100"
                                     : which == RV_FW_ICMP      ? "is no type of an ICMP message"
                                     : which == RV_FW_INTERFACE
                                             ? "is no name of an interface"
                                             : "is no address, network or range of addresses",
                                     s ? s : "");
                }
        }
        json_t *right = json_array_size(set) == 1 ? json_incref(json_array_get(set, 0))
                                                  : json_pack("{s:O}", "set", set);
        json_decref(set);
        json_array_append_new(
                expr, json_pack("{s:{s:s, s:o, s:o}}", "match", "op", "==", "left", left, "right", right));
        return true;
}

static json_t *payload(const char *protocol, const char *field)
{
        return json_pack("{s:{s:s, s:s}}", "payload", "protocol", protocol, "field", field);
}

static const struct protocol *protocol_of(const char *s, unsigned *ret_number)
{
        char *end;
        unsigned long n = strtoul(s, &end, 10);
        *ret_number = *s && !*end && n < 256 ? (unsigned)n : UINT32_MAX;
        for (int i = 0; i < NPROTOCOLS; i++)
                if (strcasecmp(s, protocols[i].name) == 0 || strcasecmp(s, protocols[i].system) == 0 ||
                    *ret_number == protocols[i].number) {
                        *ret_number = protocols[i].number;
                        return &protocols[i];
                }
        return NULL;
}

static bool add_protocol(json_t *expr, const struct rv_fw_rule *r, const struct protocol **ret,
                         struct rv_error *err)
{
        unsigned number;
        *ret = NULL;
        if (!r->protocol[0] || strcasecmp(r->protocol, "Any") == 0)
                return true;
        *ret = protocol_of(r->protocol, &number);
        if (number == UINT32_MAX)
                return wrong(err, "Protocol", "is no protocol: TCP, UDP, ICMPv4, ICMPv6, or a number",
                             r->protocol);
        /* By number: its name is looked up in a file that a host need not have. */
        json_array_append_new(expr, json_pack("{s:{s:s, s:{s:{s:s}}, s:I}}", "match", "op", "==", "left",
                                              "meta", "key", "l4proto", "right", (json_int_t)number));
        return true;
}

static bool add_addresses(json_t *expr, const struct rv_fw_rule *r, bool out, struct rv_error *err)
{
        unsigned families = 0;
        for (int i = RV_FW_LOCAL_ADDRESS; i <= RV_FW_REMOTE_ADDRESS; i++) {
                if (is_any(r->list[i]))
                        continue;
                const char *first = json_string_value(json_array_get(r->list[i], 0));
                const char *header = first && strchr(first, ':') ? "ip6" : "ip";
                if (!match(expr, r, i, payload(header, out == (i == RV_FW_LOCAL_ADDRESS) ? "saddr" : "daddr"),
                           &families, err))
                        return false;
        }
        return families != 3 ||
               wrong(err, "RemoteAddress", "and others are of both families: make two rules, IPv4 and IPv6",
                     json_string_value(json_array_get(
                             r->list[is_any(r->list[RV_FW_REMOTE_ADDRESS]) ? RV_FW_LOCAL_ADDRESS
                                                                           : RV_FW_REMOTE_ADDRESS],
                             0)));
}

static bool add_ports(json_t *expr, const struct rv_fw_rule *r, const struct protocol *p, bool out,
                      struct rv_error *err)
{
        for (int i = RV_FW_LOCAL_PORT; i <= RV_FW_ICMP; i++) {
                bool icmp = i == RV_FW_ICMP;
                if (is_any(r->list[i]))
                        continue;
                if (icmp ? !p || p->header[0] : !p || !p->header[0])
                        return wrong(err, rv_fw_lists[i],
                                     icmp ? "needs Protocol ICMPv4 or ICMPv6" : "needs Protocol TCP or UDP",
                                     json_string_value(json_array_get(r->list[i], 0)));
                json_t *left = icmp ? payload(p->number == 1 ? "icmp" : "icmpv6", "type")
                                    : payload(p->header, out == (i == RV_FW_LOCAL_PORT) ? "sport" : "dport");
                if (!match(expr, r, i, left, NULL, err))
                        return false;
        }
        return true;
}

json_t *rv_fw_write(const struct rv_fw_rule *r, enum rv_fw_direction d, struct rv_error *err)
{
        bool out = d == RV_FW_OUT;
        const struct protocol *p;
        json_t *expr = json_array();
        const char *verdict = strcasecmp(r->action, "Allow") == 0   ? "accept"
                              : strcasecmp(r->action, "Block") == 0 ? "drop"
                                                                    : "reject";
        bool good = is_any(r->list[RV_FW_INTERFACE]) ||
                    match(expr, r, RV_FW_INTERFACE,
                          json_pack("{s:{s:s}}", "meta", "key", out ? "oifname" : "iifname"), NULL, err);
        good = good && add_protocol(expr, r, &p, err) && add_addresses(expr, r, out, err) &&
               add_ports(expr, r, p, out, err);
        if (!good) {
                json_decref(expr);
                return NULL;
        }
        json_array_append_new(expr, json_pack("{s:{s:I, s:I}}", "counter", "packets", (json_int_t)r->packets,
                                              "bytes", (json_int_t)r->bytes));
        json_array_append_new(expr, json_pack("{s:n}", verdict));
        return expr;
}
