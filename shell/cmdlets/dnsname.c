/* SPDX-License-Identifier: MIT
 *
 * Resolve-DnsName: names and addresses as the host's programs see them (getaddrinfo: /etc/hosts, then whoever nsswitch
 * names); with -Type of another kind, -Server or -DnsOnly the servers for names are asked themselves, by UDP and, where
 * an answer does not fit, by TCP. Records become objects with the properties that PowerShell gives them.
 */
#include "shell/code.h"
#include "shell/text.h"
#include "shell/types.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65535, SERVERS = 3, NAMES = 1025 };

static const struct {
        const char *name;
        int type;
} types[] = { { "A", ns_t_a },           { "AAAA", ns_t_aaaa },   { "NS", ns_t_ns }, { "CNAME", ns_t_cname },
              { "SOA", ns_t_soa },       { "PTR", ns_t_ptr },     { "MX", ns_t_mx }, { "TXT", ns_t_txt },
              { "SRV", ns_t_srv },       { "NAPTR", ns_t_naptr }, { "DS", ns_t_ds }, { "RRSIG", ns_t_rrsig },
              { "DNSKEY", ns_t_dnskey }, { "TLSA", ns_t_tlsa },   { "CAA", 257 },    { "ANY", ns_t_any } };

struct lookup {
        struct sh_cmd *c;
        const char *name; /* as it was given */
        struct sockaddr_storage servers[SERVERS];
        int nservers;
        double patience; /* ms for each server, twice */
        bool tcp;
        unsigned char answer[MOST];
        int n;
};

static double now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

static void note(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

/* ---- asking ---- */

static bool add_server(struct lookup *l, const char *text)
{
        struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM }, *list;
        if (l->nservers == SERVERS || getaddrinfo(text, "53", &hints, &list))
                return false;
        memcpy(&l->servers[l->nservers++], list->ai_addr, list->ai_addrlen);
        freeaddrinfo(list);
        return true;
}

static void read_servers(struct lookup *l)
{
        FILE *f = fopen("/etc/resolv.conf", "re");
        char line[512], address[64];
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "nameserver %63s", address) == 1)
                        add_server(l, address);
        if (f)
                fclose(f);
}

/* A question with the wish for answers of 1232 bytes; its length, or 0: this is no name. */
static int question(unsigned char q[512], const char *name, int type)
{
        static const unsigned char edns[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 };
        uint16_t id;
        memset(q, 0, 12);
        if (getrandom(&id, sizeof(id), 0) != sizeof(id))
                return 0;
        memcpy(q, &id, 2);
        q[2] = 1; /* recursion is wished */
        q[5] = 1; /* one question */
        q[11] = 1;
        int n = ns_name_compress(name, q + 12, 512 - 12 - 4 - (int)sizeof(edns), NULL, NULL);
        if (n <= 0)
                return 0;
        unsigned char *p = q + 12 + n;
        *p++ = (unsigned char)(type >> 8);
        *p++ = (unsigned char)type;
        *p++ = 0;
        *p++ = ns_c_in;
        memcpy(p, edns, sizeof(edns));
        return (int)(p - q) + (int)sizeof(edns);
}

/* In short steps, so that Ctrl-C ends it. False: the time is over, or *st tells. */
static bool ready(struct lookup *l, int fd, short events, double until, int *st)
{
        for (;;) {
                double left = until - now_ms();
                *st = sh_check(sh_session(l->c));
                if (*st != SH_OK || left <= 0)
                        return false;
                struct pollfd p = { fd, events, 0 };
                if (poll(&p, 1, left > 100 ? 100 : (int)left + 1) > 0)
                        return true;
        }
}

static int open_to(const struct sockaddr_storage *to, int kind)
{
        int fd = socket(to->ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        socklen_t n = to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)to, n) < 0 && errno != EINPROGRESS) {
                close(fd);
                return -1;
        }
        return fd;
}

/* Its number and its question are those that were sent. */
static bool fits(const struct lookup *l, const unsigned char *q, int n)
{
        return l->n >= 12 && memcmp(l->answer, q, 2) == 0 && l->answer[2] & 0x80 && l->answer[5] == 1 &&
               l->n >= n - 11 &&
               strncasecmp((const char *)l->answer + 12, (const char *)q + 12, (size_t)n - 11 - 12) == 0;
}

static bool by_udp(struct lookup *l, const struct sockaddr_storage *to, const unsigned char *q, int n,
                   int *st)
{
        double until = now_ms() + l->patience;
        int fd = open_to(to, SOCK_DGRAM);
        bool good = false;
        if (fd >= 0 && send(fd, q, (size_t)n, 0) == n)
                while (!good && ready(l, fd, POLLIN, until, st)) {
                        l->n = (int)recv(fd, l->answer, sizeof(l->answer), 0);
                        if (l->n < 0 && errno != EAGAIN)
                                break; /* nobody listens there */
                        good = fits(l, q, n);
                }
        if (fd >= 0)
                close(fd);
        return good;
}

static bool move_all(struct lookup *l, int fd, unsigned char *p, size_t n, bool out, double until, int *st)
{
        while (n) {
                if (!ready(l, fd, out ? POLLOUT : POLLIN, until, st))
                        return false;
                ssize_t k = out ? send(fd, p, n, MSG_NOSIGNAL) : recv(fd, p, n, 0);
                if (k == 0 || (k < 0 && errno != EAGAIN))
                        return false;
                p += k > 0 ? k : 0;
                n -= k > 0 ? (size_t)k : 0;
        }
        return true;
}

static bool by_tcp(struct lookup *l, const struct sockaddr_storage *to, const unsigned char *q, int n,
                   int *st)
{
        double until = now_ms() + 2 * l->patience;
        unsigned char head[2 + 512] = { (unsigned char)(n >> 8), (unsigned char)n }, size[2];
        int fd = open_to(to, SOCK_STREAM);
        memcpy(head + 2, q, (size_t)n);
        bool good = fd >= 0 && move_all(l, fd, head, (size_t)n + 2, true, until, st) &&
                    move_all(l, fd, size, 2, false, until, st);
        if (good) {
                l->n = size[0] << 8 | size[1];
                good = move_all(l, fd, l->answer, (size_t)l->n, false, until, st) && fits(l, q, n);
        }
        if (fd >= 0)
                close(fd);
        return good;
}

/* One server after the other, twice. */
static bool ask(struct lookup *l, const char *name, int type, int *st)
{
        unsigned char q[512];
        int n = question(q, name, type);
        for (int i = 0; n && *st == SH_OK && i < 2 * l->nservers; i++) {
                const struct sockaddr_storage *to = &l->servers[i % l->nservers];
                bool good = !l->tcp && by_udp(l, to, q, n, st);
                if (*st == SH_OK && (l->tcp || (good && l->answer[2] & 2))) /* cut off */
                        good = by_tcp(l, to, q, n, st);
                if (good)
                        return true;
        }
        return false;
}

/* ---- records ---- */

static uint32_t number(const unsigned char *p, int bytes)
{
        uint32_t n = 0;
        while (bytes--)
                n = n << 8 | *p++;
        return n;
}

static struct sv name_at(const struct lookup *l, const unsigned char *p)
{
        char name[NAMES] = "";
        ns_name_uncompress(l->answer, l->answer + l->n, p, name, sizeof(name));
        return sh_text(name);
}

static void put_strings(struct sv o, const unsigned char *p, const unsigned char *end)
{
        struct sv list = sh_array_new(4);
        while (p < end && p + 1 + *p <= end) {
                struct sv s = sh_string((const char *)p + 1, *p);
                sh_array_add(list.a, s);
                sh_drop(s);
                p += 1 + *p;
        }
        note(o, "Strings", list);
}

static void put_soa(struct sv o, const struct lookup *l, const unsigned char *p, const unsigned char *end)
{
        static const char *const numbers[] = { "SerialNumber", "TimeToZoneRefresh", "TimeToZoneFailureRetry",
                                               "TimeToExpiration", "DefaultTTL" };
        note(o, "PrimaryServer", name_at(l, p));
        int skip = dn_skipname(p, end), more = skip < 0 ? -1 : dn_skipname(p + skip, end);
        if (more < 0)
                return;
        note(o, "NameAdministrator", name_at(l, p + skip));
        p += skip + more;
        for (int i = 0; i < 5 && p + 4 <= end; i++, p += 4)
                note(o, numbers[i], (struct sv) { .kind = SH_UINT32, .u = number(p, 4) });
}

/* What its kind has. */
static void put_data(struct sv o, const struct lookup *l, int type, const unsigned char *p, size_t n)
{
        const unsigned char *end = p + n;
        char text[INET6_ADDRSTRLEN];
        switch (type) {
        case ns_t_a:
        case ns_t_aaaa:
                if (n == (type == ns_t_a ? 4 : 16))
                        note(o, "IPAddress",
                             sh_text(inet_ntop(n == 4 ? AF_INET : AF_INET6, p, text, sizeof(text))));
                break;
        case ns_t_ns:
        case ns_t_cname:
        case ns_t_ptr: note(o, "NameHost", name_at(l, p)); break;
        case ns_t_mx:
                if (n > 2) {
                        note(o, "NameExchange", name_at(l, p + 2));
                        note(o, "Preference", sh_int((int32_t)number(p, 2)));
                }
                break;
        case ns_t_txt: put_strings(o, p, end); break;
        case ns_t_soa: put_soa(o, l, p, end); break;
        case ns_t_srv:
                if (n > 6) {
                        note(o, "NameTarget", name_at(l, p + 6));
                        note(o, "Priority", sh_int((int32_t)number(p, 2)));
                        note(o, "Weight", sh_int((int32_t)number(p + 2, 2)));
                        note(o, "Port", sh_int((int32_t)number(p + 4, 2)));
                }
                break;
        default: {
                char all[2 * 512 + 1] = "";
                for (size_t i = 0; i < n && i < 512; i++)
                        snprintf(all + 2 * i, 3, "%02x", p[i]);
                note(o, "RecordData", sh_text(all));
        }
        }
}

static struct sv record(const char *name, int type, struct sv ttl, const char *section)
{
        struct sv o = sh_object_new(), kind = SH_NIL;
        for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
                if (types[i].type == type)
                        kind = sh_text(types[i].name);
        sh_object_type(o, "Microsoft.DnsClient.Commands.DnsRecord");
        note(o, "Name", sh_text(name));
        note(o, "Type", kind.kind == SH_VOID || kind.kind == SH_NULL ? sh_int(type) : kind);
        note(o, "TTL", ttl);
        note(o, "Section", sh_text(section));
        return o;
}

/* One record at p; NULL: what follows is none. */
static const unsigned char *emit_record(struct lookup *l, const unsigned char *p, const char *section,
                                        uint64_t *ret_n, int *st)
{
        const unsigned char *end = l->answer + l->n;
        char name[NAMES] = "";
        int skip = ns_name_uncompress(l->answer, end, p, name, sizeof(name));
        if (skip < 0 || end - p < skip + 10)
                return NULL;
        p += skip;
        int type = (int)number(p, 2);
        size_t n = number(p + 8, 2);
        if ((size_t)(end - p) < 10 + n)
                return NULL;
        if (type != 41) { /* EDNS' own */
                struct sv o =
                        record(name, type, (struct sv) { .kind = SH_UINT32, .u = number(p + 4, 4) }, section);
                put_data(o, l, type, p + 10, n);
                *st = sh_emit(l->c, o);
                sh_drop(o);
                (*ret_n)++;
        }
        return p + 10 + n;
}

static int emit_records(struct lookup *l, uint64_t *ret_n)
{
        static const char *const sections[] = { "Answer", "Authority", "Additional" };
        int skip = dn_skipname(l->answer + 12, l->answer + l->n), st = SH_OK;
        const unsigned char *p = skip < 0 ? NULL : l->answer + 12 + skip + 4;
        for (int s = 0; s < 3; s++)
                for (uint32_t i = number(l->answer + 6 + 2 * s, 2); p && i && st == SH_OK; i--)
                        p = emit_record(l, p, sections[s], ret_n, &st);
        return st;
}

/* ---- the cmdlet ---- */

static int fail(struct lookup *l, const char *id, const char *why)
{
        struct sv t = sh_text(l->name);
        int st = sh_cmd_error(l->c, id, "ResourceUnavailable", t, "%s : %s", l->name, why);
        sh_drop(t);
        return st;
}

/* 192.0.2.1 -> 1.2.0.192.in-addr.arpa; false: it is no address. */
static bool reversed(const char *text, char *to, size_t size)
{
        unsigned char b[16];
        size_t n = 0;
        if (inet_pton(AF_INET, text, b) == 1)
                return snprintf(to, size, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]) > 0;
        if (inet_pton(AF_INET6, text, b) != 1)
                return false;
        for (int i = 15; i >= 0; i--)
                n += (size_t)snprintf(to + n, size - n, "%x.%x.", b[i] & 15, b[i] >> 4);
        snprintf(to + n, size - n, "ip6.arpa");
        return true;
}

static int by_dns(struct lookup *l, const int *wanted, int nwanted)
{
        char reverse[NAMES];
        const char *name = reversed(l->name, reverse, sizeof(reverse)) ? reverse : l->name;
        uint64_t n = 0;
        int st = SH_OK, code = 0;
        for (int i = 0; st == SH_OK && i < nwanted; i++) {
                if (!ask(l, name, name == reverse && nwanted == 2 ? ns_t_ptr : wanted[i], &st))
                        return st != SH_OK ? st
                                           : fail(l, "ERROR_TIMEOUT",
                                                  l->nservers ? "No server for names answered"
                                                              : "There is no server for names: "
                                                                "/etc/resolv.conf names none");
                code = l->answer[3] & 15;
                if (code == 0)
                        st = emit_records(l, &n);
                else
                        break;
                if (name == reverse && nwanted == 2)
                        break;
        }
        if (st != SH_OK || (code == 0 && n))
                return st;
        return code == 3 ? fail(l, "DNS_ERROR_RCODE_NAME_ERROR", "DNS name does not exist")
               : code    ? fail(l, "DNS_ERROR_RCODE",
                             code == 2   ? "DNS server failure"
                                : code == 5 ? "DNS operation refused"
                                            : "The DNS server answers with an error")
                         : fail(l, "DNS_INFO_NO_RECORDS", "No records found for given DNS query");
}

/* As the host's programs do. */
static int by_host(struct lookup *l, int family)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = family, .ai_flags = AI_CANONNAME },
                        *list;
        char reverse[NAMES], text[NI_MAXHOST];
        bool is_address = reversed(l->name, reverse, sizeof(reverse));
        int e = getaddrinfo(l->name, NULL, &hints, &list), st = SH_OK;
        if (e == 0 && is_address) {
                e = getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), NULL, 0, NI_NAMEREQD);
                struct sv o = record(reverse, ns_t_ptr, SH_NIL, "Answer");
                note(o, "NameHost", sh_text(text));
                st = e ? SH_OK : sh_emit(l->c, o);
                sh_drop(o);
        }
        for (struct addrinfo *a = e ? NULL : list; st == SH_OK && a && !is_address; a = a->ai_next) {
                getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
                struct sv o = record(list->ai_canonname ? list->ai_canonname : l->name,
                                     a->ai_family == AF_INET ? ns_t_a : ns_t_aaaa, SH_NIL, "Answer");
                note(o, "IPAddress", sh_text(text));
                st = sh_emit(l->c, o);
                sh_drop(o);
        }
        if (e == 0 || is_address)
                freeaddrinfo(list);
        return !e               ? st
               : e == EAI_AGAIN ? fail(l, "ERROR_TIMEOUT", "No server for names answered")
                                : fail(l, "DNS_ERROR_RCODE_NAME_ERROR", "DNS name does not exist");
}

static int resolve_one(struct sh_cmd *c, const char *name)
{
        const char *type = sh_arg_text(c, "Type", "A_AAAA");
        bool dns = sh_switch(c, "DnsOnly") || sh_switch(c, "NoHostsFile") || sh_switch(c, "TcpOnly") ||
                   sh_bound(c, "Server");
        int wanted[2] = { ns_t_a, ns_t_aaaa }, n = strcasecmp(type, "A_AAAA") == 0 ? 2 : 1, st = SH_OK;
        for (size_t i = 0; n == 1 && i < sizeof(types) / sizeof(*types); i++)
                if (strcasecmp(types[i].name, type) == 0)
                        wanted[0] = types[i].type;
        struct lookup *l = calloc(1, sizeof(*l));
        if (!l)
                return sh_cmd_throw(c, "OutOfMemory", "ResourceUnavailable", SH_NIL, "out of memory");
        *l = (struct lookup) { .c = c,
                               .name = name,
                               .tcp = sh_switch(c, "TcpOnly"),
                               .patience = sh_switch(c, "QuickTimeout") ? 1000 : 3000 };
        struct sv servers = sh_arg(c, "Server"), t;
        size_t pos = 0;
        while (sh_bound(c, "Server") && sh_next_text(c, servers, &pos, &t)) {
                if (!add_server(l, t.s->s))
                        sh_cmd_stream(
                                c, SH_WARNING,
                                "%s is no server for names: it has no address, or there are more than %d",
                                t.s->s, SERVERS);
                sh_drop(t);
        }
        if (dns && !sh_bound(c, "Server"))
                read_servers(l);
        if (!dns && (n == 2 || wanted[0] == ns_t_a || wanted[0] == ns_t_aaaa))
                st = by_host(l, n == 2 ? AF_UNSPEC : wanted[0] == ns_t_a ? AF_INET : AF_INET6);
        else {
                if (!dns)
                        read_servers(l);
                st = by_dns(l, wanted, n);
        }
        free(l);
        return st;
}

static int resolve_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "Name"), t;
        size_t pos = 0;
        int st = SH_OK;
        sh_host_flush(sh_session(c));
        while (st == SH_OK && sh_next_text(c, names, &pos, &t)) {
                st = resolve_one(c, t.s->s);
                sh_drop(t);
        }
        return st;
}

static const struct sh_cmdlet resolve_dns_name = {
        .name = "Resolve-DnsName",
        .synopsis =
                "Looks names and addresses up: as the host's programs do, or by asking servers for names.",
        .description =
                "Without -Server, -DnsOnly, -NoHostsFile or -TcpOnly, addresses and names are looked up as "
                "the host's programs do "
                "(/etc/hosts, then what nsswitch.conf names), and have no TTL. Other types are asked of the "
                "servers in "
                "/etc/resolv.conf. An answer without records has the zone's SOA in its section Authority.",
        .process = resolve_process,
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .help = "Names or addresses." },
                        { "Type", .type = "string", .position = 2,
                          .values = "A_AAAA,A,AAAA,NS,CNAME,SOA,PTR,MX,TXT,SRV,NAPTR,DS,RRSIG,DNSKEY,TLSA,"
                                    "CAA,ANY",
                          .help = "Kind of record; A_AAAA (both) when absent, of an address PTR." },
                        { "Server", .type = "string[]", .position = 3,
                          .help = "Whom to ask, by UDP on port 53; at most 3." },
                        { "DnsOnly", .type = "switch",
                          .help = "Only servers for names: no /etc/hosts, no other sources." },
                        { "NoHostsFile", .type = "switch", .help = "As DnsOnly." },
                        { "TcpOnly", .type = "switch", .help = "By TCP." },
                        { "QuickTimeout", .type = "switch", .help = "A second for each try, not three." },
                        { 0 } },
        .examples = (const struct sh_example[]) { { "(Resolve-DnsName 127.0.0.1 -ErrorAction Ignore).Type",
                                                    NULL, "The name that belongs to an address." },
                                                  { "Resolve-DnsName example.org -Type MX -Server 192.0.2.53",
                                                    NULL, "Asks one server." },
                                                  { 0 } },
};

SH_CMDLETS(dnsname, &resolve_dns_name);
