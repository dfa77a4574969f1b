/* SPDX-License-Identifier: MIT
 *
 * Test-Connection: echo requests (by the kernel's unprivileged ICMP sockets where they are allowed, else raw ones), or
 * whether a TCP port answers. Test-NetConnection: one of both, with the way there as the routing table has it.
 */
#include "shell/code.h"
#include "shell/text.h"
#include "shell/types.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/errqueue.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}
/* Waits for the descriptor in short steps, so that Ctrl-C ends it: 1 ready, 0 time is over or *ret_status. */
static int wait_ready(struct sh *sh, int fd, short events, double until, int *ret_status)
{
        for (;;) {
                double left = until - now_ms();
                *ret_status = sh_check(sh);
                if (*ret_status != SH_OK || left <= 0)
                        return 0;
                struct pollfd p = { fd, events, 0 };
                if (poll(&p, 1, left > 100 ? 100 : (int)left + 1) > 0)
                        return 1;
        }
}

/* ---- TCP ---- */
static bool connects(struct sh *sh, const struct addrinfo *a, double timeout, int *ret_status)
{
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
        socklen_t len = sizeof(error);
        *ret_status = SH_OK;
        if (fd < 0)
                return false;
        bool good = connect(fd, a->ai_addr, a->ai_addrlen) == 0;
        if (!good && errno == EINPROGRESS && wait_ready(sh, fd, POLLOUT, now_ms() + timeout, ret_status))
                good = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && !error;
        close(fd);
        return good;
}

/* ---- echo ---- */
static uint16_t sum(const void *p, size_t n)
{
        const unsigned char *b = p;
        uint32_t s = 0;
        for (size_t i = 0; i + 1 < n; i += 2)
                s += (uint32_t)b[i] << 8 | b[i + 1];
        while (s >> 16)
                s = (s & 0xffff) + (s >> 16);
        return htons((uint16_t)~s);
}
/* Milliseconds until the answer; negative: none came. */
static double echo(struct sh *sh, const struct addrinfo *a, int number, double timeout, int *ret_status)
{
        bool six = a->ai_family == AF_INET6, raw = false;
        int protocol = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
        unsigned char packet[8 + 32] = { 0 }, answer[1500];
        int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
        *ret_status = SH_OK;
        if (fd < 0) {
                fd = socket(a->ai_family, SOCK_RAW | SOCK_CLOEXEC, protocol);
                raw = true;
        }
        if (fd < 0)
                return -1;
        packet[0] = six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
        packet[4] = (unsigned char)(getpid() >> 8);
        packet[5] = (unsigned char)getpid();
        packet[7] = (unsigned char)number;
        for (int i = 0; i < 32; i++)
                packet[8 + i] = (unsigned char)('a' + i % 23);
        uint16_t check = six ? 0 : sum(packet, sizeof(packet));
        memcpy(packet + 2, &check, 2);
        double begun = now_ms(), took = -1;
        if (sendto(fd, packet, sizeof(packet), 0, a->ai_addr, a->ai_addrlen) == (ssize_t)sizeof(packet))
                while (took < 0 && wait_ready(sh, fd, POLLIN, begun + timeout, ret_status)) {
                        ssize_t n = recv(fd, answer, sizeof(answer), 0);
                        size_t head = raw && !six && n > 20 ? (size_t)(answer[0] & 15) * 4 : 0;
                        const unsigned char *m = answer + head;
                        bool mine = n >= (ssize_t)(head + sizeof(packet)) && m[7] == packet[7] &&
                                    m[0] == (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
                                    (!raw || !memcmp(m + 4, packet + 4, 2));
                        if (mine)
                                took = now_ms() - begun;
                }
        close(fd);
        return took;
}
static void note(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}
static int say(struct sh_cmd *c, const char *target, const char *address, int number, double took)
{
        char host[256] = "";
        gethostname(host, sizeof(host) - 1);
        struct sv o = sh_object_new();
        note(o, "Ping", (struct sv) { .kind = SH_UINT32, .u = (uint64_t)number });
        note(o, "Source", sh_text(host));
        note(o, "Destination", sh_text(target));
        note(o, "Address", sh_text(address));
        note(o, "Latency", sh_long(took < 0 ? 0 : (int64_t)(took + 0.5)));
        note(o, "BufferSize", sh_int(took < 0 ? 0 : 32));
        note(o, "Status", sh_text(took < 0 ? "TimedOut" : "Success"));
        int st = sh_emit(c, o);
        sh_drop(o);
        return st;
}
static int ping(struct sh_cmd *c, const char *target, const struct addrinfo *a, double timeout)
{
        char address[INET6_ADDRSTRLEN] = "";
        int64_t count = sh_arg_int(c, "Count", 4);
        bool quiet = sh_switch(c, "Quiet"), any = false;
        int st = SH_OK;
        getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST);
        for (int i = 1; st == SH_OK && i <= count; i++) {
                double took = echo(sh_session(c), a, i, timeout, &st);
                any |= took >= 0;
                if (st == SH_OK && !quiet)
                        st = say(c, target, address, i, took);
                for (int k = 0; st == SH_OK && i < count && took >= 0 && k < 10;
                     k++) { /* a second between requests */
                        st = sh_check(sh_session(c));
                        usleep((useconds_t)(sh_arg_int(c, "Delay", 1) * 100000));
                }
        }
        return st == SH_OK && quiet ? sh_emit(c, sh_bool(any)) : st;
}
static int test_one(struct sh_cmd *c, const char *target)
{
        struct sh *sh = sh_session(c);
        double timeout = (double)sh_arg_int(c, "TimeoutSeconds", 5) * 1000.0;
        char port[16];
        bool tcp = sh_bound(c, "TcpPort");
        snprintf(port, sizeof(port), "%d", (int)sh_arg_int(c, "TcpPort", 0));
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                  .ai_family = sh_switch(c, "IPv4")   ? AF_INET
                                               : sh_switch(c, "IPv6") ? AF_INET6
                                                                      : AF_UNSPEC },
                        *list;
        int e = getaddrinfo(target, tcp ? port : NULL, &hints, &list), st = SH_OK;
        if (e && (tcp || sh_switch(c, "Quiet")))
                return sh_emit(c, sh_bool(false));
        if (e) {
                struct sv t = sh_text(target);
                st = sh_cmd_error(
                        c, "TestConnectionException", "ResourceUnavailable", t,
                        "Testing connection to computer '%s' failed: Cannot resolve the target name.",
                        target);
                sh_drop(t);
                return st;
        }
        if (tcp) {
                bool good = false;
                for (struct addrinfo *a = list; st == SH_OK && a && !good; a = a->ai_next)
                        good = connects(sh, a, timeout, &st);
                if (st == SH_OK)
                        st = sh_emit(c, sh_bool(good));
        } else {
                st = ping(c, target, list, timeout);
        }
        freeaddrinfo(list);
        return st;
}
static int test_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "TargetName"), t;
        size_t pos = 0;
        int st = SH_OK;
        sh_host_flush(sh_session(c));
        while (st == SH_OK && sh_next_text(c, names, &pos, &t)) {
                st = test_one(c, t.s->s);
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet test_connection = {
        .name = "Test-Connection",
        .synopsis = "Tells whether a host answers, by echo or on a TCP port.",
        .default_set = "DefaultPing",
        .process = test_process,
        .params =
                (const struct sh_param[]) { { "TargetName", .type = "string[]", .position = 1,
                                              .mandatory = true, .from_pipeline = true, .from_property = true,
                                              .alias = "ComputerName", .help = "Names or addresses." },
                                            { "TcpPort", .type = "int", .mandatory = true, .sets = "TcpPort",
                                              .min = 1, .max = 65535,
                                              .help = "True when this port takes a connection." },
                                            { "Ping", .type = "switch", .sets = "DefaultPing",
                                              .help = "Accepted; it is the default." },
                                            { "Count", .type = "int", .sets = "DefaultPing", .min = 1,
                                              .max = INT32_MAX, .help = "How many requests; 4." },
                                            { "Delay", .type = "int", .sets = "DefaultPing", .min = 1,
                                              .max = INT32_MAX, .help = "Seconds between requests; 1." },
                                            { "Quiet", .type = "switch", .help = "True or False only." },
                                            { "IPv4", .type = "switch", .help = "Only IPv4." },
                                            { "IPv6", .type = "switch", .help = "Only IPv6." },
                                            { "TimeoutSeconds", .type = "int", .min = 1, .max = 86400,
                                              .help = "Seconds to wait for each; 5." },
                                            { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Test-Connection 127.0.0.1 -TcpPort 1", "False", "Nothing listens there." },
                        { "Test-Connection server1 -Count 1 -Quiet", NULL, "Whether a host answers." },
                        { 0 } },
};

/* ---- Test-NetConnection ---- */

/* What a packet to there would carry: a UDP socket that is connected sends nothing. */
static void way(struct sv o, const struct addrinfo *a)
{
        char text[INET6_ADDRSTRLEN] = "", one[INET6_ADDRSTRLEN];
        struct sockaddr_storage own;
        socklen_t len = sizeof(own);
        struct ifaddrs *list = NULL;
        const char *alias = NULL;
        int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0 &&
            getsockname(fd, (struct sockaddr *)&own, &len) == 0)
                getnameinfo((struct sockaddr *)&own, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
        if (fd >= 0)
                close(fd);
        if (*text && getifaddrs(&list) == 0)
                for (struct ifaddrs *i = list; i && !alias; i = i->ifa_next)
                        if (i->ifa_addr && i->ifa_addr->sa_family == a->ai_family &&
                            !getnameinfo(i->ifa_addr, len, one, sizeof(one), NULL, 0, NI_NUMERICHOST) &&
                            !strcmp(one, text))
                                alias = i->ifa_name;
        note(o, "InterfaceAlias", alias ? sh_text(alias) : SH_NIL);
        note(o, "SourceAddress", *text ? sh_text(text) : SH_NIL);
        if (list)
                freeifaddrs(list);
}

/* Who answered that a packet was not delivered, from the socket's queue of errors; "": nobody did in time. */
static void who_answers(struct sh *sh, int fd, double until, char *ret, size_t size, bool *ret_there, int *st)
{
        char control[512], data[64];
        struct sockaddr_storage from;
        struct iovec part = { data, sizeof(data) };
        struct msghdr m = { .msg_name = &from,
                            .msg_namelen = sizeof(from),
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control) };
        *ret = 0;
        if (!wait_ready(sh, fd, 0, until, st) || recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
                return;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
                if ((h->cmsg_level != IPPROTO_IP || h->cmsg_type != IP_RECVERR) &&
                    (h->cmsg_level != IPPROTO_IPV6 || h->cmsg_type != IPV6_RECVERR))
                        continue;
                struct sock_extended_err *e = (struct sock_extended_err *)CMSG_DATA(h);
                const struct sockaddr *who = SO_EE_OFFENDER(e);
                socklen_t n =
                        who->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
                getnameinfo(who, n, ret, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
                *ret_there = e->ee_errno == ECONNREFUSED;
        }
}

/* The addresses on the way: packets that may take a hop more each time, to ports where nobody listens. */
static int trace(struct sh_cmd *c, struct sv o, const struct addrinfo *a, int hops)
{
        struct sv list = sh_array_new(8);
        bool there = false, six = a->ai_family == AF_INET6;
        int st = SH_OK;
        for (int ttl = 1; st == SH_OK && !there && ttl <= hops; ttl++) {
                struct sockaddr_storage to;
                char text[INET6_ADDRSTRLEN] = "";
                int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;
                memcpy(&to, a->ai_addr, a->ai_addrlen);
                ((struct sockaddr_in *)&to)->sin_port =
                        htons((uint16_t)(33433 + ttl)); /* where IPv6 has it, too */
                setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_UNICAST_HOPS : IP_TTL, &ttl,
                           sizeof(ttl));
                setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR, &one,
                           sizeof(one));
                if (fd >= 0 && sendto(fd, "reeve", 5, 0, (struct sockaddr *)&to, a->ai_addrlen) == 5)
                        who_answers(sh_session(c), fd, now_ms() + 1000, text, sizeof(text), &there, &st);
                if (fd >= 0)
                        close(fd);
                struct sv s = sh_text(*text ? text : six ? "::" : "0.0.0.0");
                sh_array_add(list.a, s);
                sh_drop(s);
        }
        note(o, "TraceRoute", list);
        return st;
}

static int common_port(const char *name)
{
        static const struct {
                const char *name;
                int port;
        } ports[] = { { "HTTP", 80 }, { "RDP", 3389 }, { "SMB", 445 }, { "WINRM", 5985 }, { "SSH", 22 } };
        for (size_t i = 0; name && i < sizeof(ports) / sizeof(*ports); i++)
                if (!strcasecmp(ports[i].name, name))
                        return ports[i].port;
        return 0;
}

/* A port first; the echo where there is none, or it does not answer. */
static int probe(struct sh_cmd *c, struct sv o, const struct addrinfo *a, int port, bool *good)
{
        struct sh *sh = sh_session(c);
        char address[INET6_ADDRSTRLEN] = "";
        double took = -1;
        int st = SH_OK;
        getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST);
        note(o, "RemoteAddress", sh_text(address));
        if (port)
                note(o, "RemotePort", sh_int(port));
        way(o, a);
        if (port)
                *good = connects(sh, a, 5000, &st);
        if (port && st == SH_OK && !*good)
                sh_cmd_stream(c, SH_WARNING, "TCP connect to (%s : %d) failed", address, port);
        if (st == SH_OK && !(port && *good)) {
                took = echo(sh, a, 1, 4000, &st);
                note(o, "PingSucceeded", sh_bool(took >= 0));
                if (took >= 0)
                        note(o, "PingReplyRoundtripTime", sh_long((int64_t)(took + 0.5)));
        }
        if (port)
                note(o, "TcpTestSucceeded", sh_bool(*good));
        else
                *good = took >= 0;
        return st;
}

static int net_one(struct sh_cmd *c, const char *target)
{
        int port = sh_bound(c, "CommonTCPPort") ? common_port(sh_arg_text(c, "CommonTCPPort", NULL))
                                                : (int)sh_arg_int(c, "Port", 0);
        bool quiet = !strcasecmp(sh_arg_text(c, "InformationLevel", "Standard"), "Quiet"), good = false;
        char text[16];
        snprintf(text, sizeof(text), "%d", port);
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
        struct sv o = sh_object_new();
        int e = getaddrinfo(target, port ? text : NULL, &hints, &list), st = SH_OK;
        note(o, "ComputerName", sh_text(target));
        if (e) {
                sh_cmd_stream(c, SH_WARNING, "Name resolution of %s failed", target);
                note(o, "RemoteAddress", SH_NIL);
                note(o, port ? "TcpTestSucceeded" : "PingSucceeded", sh_bool(false));
        } else {
                st = probe(c, o, list, port, &good);
                if (st == SH_OK && sh_switch(c, "TraceRoute"))
                        st = trace(c, o, list, (int)sh_arg_int(c, "Hops", 30));
                freeaddrinfo(list);
        }
        if (st == SH_OK)
                st = sh_emit(c, quiet ? sh_bool(good) : o);
        sh_drop(o);
        return st;
}
static int net_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        sh_host_flush(sh_session(c));
        return net_one(c, sh_arg_text(c, "ComputerName", ""));
}

static const struct sh_cmdlet test_net_connection = {
        .name = "Test-NetConnection",
        .synopsis = "Tells whether a host answers, on a TCP port or by echo, and by which interface and "
                    "address it is reached.",
        .alias = (const char *[]) { "tnc", NULL },
        .default_set = "ICMP",
        .process = net_process,
        .params =
                (const struct sh_param[]) {
                        { "ComputerName", .type = "string", .position = 1, .mandatory = true,
                          .from_pipeline = true, .from_property = true, .alias = "RemoteAddress,cn",
                          .help = "A name or an address." },
                        { "CommonTCPPort", .type = "string", .position = 2, .mandatory = true,
                          .sets = "CommonTCPPort", .values = "HTTP,RDP,SMB,WINRM,SSH",
                          .help = "A port by the name of its service." },
                        { "Port", .type = "int", .mandatory = true, .sets = "RemotePort", .min = 1,
                          .max = 65535, .alias = "RemotePort", .from_property = true, .help = "A TCP port." },
                        { "TraceRoute", .type = "switch",
                          .help = "Tells the addresses on the way as well; 0.0.0.0 or :: where nobody "
                                  "answers within a second." },
                        { "Hops", .type = "int", .min = 1, .max = 120,
                          .help = "At most so many of them; 30." },
                        { "InformationLevel", .type = "string", .values = "Quiet,Standard,Detailed",
                          .help = "Quiet: True or False only. Detailed: as Standard." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Test-NetConnection 127.0.0.1 -Port 1 -WarningAction "
                          "SilentlyContinue).TcpTestSucceeded",
                          "False", "Nothing listens there." },
                        { "Test-NetConnection server1 -CommonTCPPort SSH -InformationLevel Quiet", NULL,
                          "Whether it can be logged in to." },
                        { 0 } },
};

SH_CMDLETS(connection, &test_connection, &test_net_connection);
