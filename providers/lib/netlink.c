/* SPDX-License-Identifier: MIT
 *
 * See netlink.h. One request at a time on a socket; the kernel answers at once, so a blocking read never hangs.
 */
#include "providers/lib/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (32 << 10)

int rv_netlink_open(int protocol)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), on = 1;
        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
        setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
        setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        return fd;
}

static int send_request(int fd, struct nlmsghdr *ask, size_t size, uint16_t flags)
{
        static _Thread_local uint32_t seq;
        ask->nlmsg_len = (uint32_t)size;
        ask->nlmsg_flags = (uint16_t)(ask->nlmsg_flags | flags | NLM_F_REQUEST);
        ask->nlmsg_seq = ++seq;
        ask->nlmsg_pid = 0;
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        return sendto(fd, ask, size, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -errno : 0;
}

/* The end of a dump, or an acknowledgement. */
static int verdict(const struct nlmsghdr *h)
{
        int code = 0;
        if (h->nlmsg_len >= NLMSG_LENGTH(sizeof code))
                memcpy(&code, NLMSG_DATA(h), sizeof code);
        return code;
}

int rv_netlink_dump(int fd, struct nlmsghdr *ask, size_t size, int (*each)(void *, const struct nlmsghdr *),
                    void *state)
{
        bool torn = false;
        int r = send_request(fd, ask, size, NLM_F_DUMP), stopped = 0;
        char *buf = r ? NULL : malloc(BUFFER);
        if (!buf)
                return r ? r : -ENOMEM;
        for (bool more = true; more && r == 0;) {
                struct iovec v = { buf, BUFFER };
                struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
                ssize_t n = recvmsg(fd, &m, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 || (m.msg_flags & MSG_TRUNC)) {
                        r = n < 0 ? -errno : -EMSGSIZE;
                        break;
                }
                for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                        if (h->nlmsg_seq != ask->nlmsg_seq)
                                continue;
                        torn |= h->nlmsg_flags & NLM_F_DUMP_INTR;
                        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
                                r = verdict(h);
                                more = false;
                        } else if (!stopped)
                                stopped = each(state, h);
                }
        }
        free(buf);
        return r ? r : stopped ? stopped : torn ? -EAGAIN : 0;
}

int rv_netlink_ask(int fd, struct nlmsghdr *ask, int (*each)(void *, const struct nlmsghdr *), void *state)
{
        char buf[BUFFER];
        int r = send_request(fd, ask, ask->nlmsg_len, NLM_F_ACK);
        while (r == 0) {
                ssize_t n = recv(fd, buf, sizeof buf, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                        if (h->nlmsg_seq != ask->nlmsg_seq)
                                continue;
                        if (h->nlmsg_type == NLMSG_ERROR)
                                return verdict(h);
                        each(state, h);
                }
        }
        return r;
}

int rv_netlink_do(int fd, struct nlmsghdr *ask, char *ret_message, size_t size)
{
        char buf[BUFFER];
        if (size)
                ret_message[0] = 0;
        int r = send_request(fd, ask, ask->nlmsg_len, NLM_F_ACK);
        while (r == 0) {
                ssize_t n = recv(fd, buf, sizeof buf, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                        if (h->nlmsg_seq != ask->nlmsg_seq || h->nlmsg_type != NLMSG_ERROR)
                                continue;
                        const struct rtattr *at[NLMSGERR_ATTR_MAX + 1] = { 0 };
                        if (h->nlmsg_flags & NLM_F_ACK_TLVS)
                                rv_netlink_attributes(h, sizeof(struct nlmsgerr), at, NLMSGERR_ATTR_MAX);
                        const char *text = rv_attr_text(at[NLMSGERR_ATTR_MSG]);
                        if (text && size)
                                snprintf(ret_message, size, "%s", text);
                        return verdict(h);
                }
        }
        return r;
}

static void take(const struct rtattr *a, size_t left, const struct rtattr **at, unsigned most)
{
        for (unsigned i = 0; i <= most; i++)
                at[i] = NULL;
        int n = (int)left;
        for (; RTA_OK(a, n); a = RTA_NEXT(a, n))
                if ((a->rta_type & NLA_TYPE_MASK) <= most)
                        at[a->rta_type & NLA_TYPE_MASK] = a;
}

void rv_netlink_attributes(const struct nlmsghdr *h, size_t header, const struct rtattr **at, unsigned most)
{
        size_t skip = NLMSG_SPACE(header);
        take((const struct rtattr *)((const char *)h + skip), h->nlmsg_len > skip ? h->nlmsg_len - skip : 0,
             at, most);
}

void rv_netlink_nested(const struct rtattr *a, const struct rtattr **at, unsigned most)
{
        take(a ? RTA_DATA(a) : NULL, a ? RTA_PAYLOAD(a) : 0, at, most);
}

bool rv_netlink_add(struct nlmsghdr *h, size_t size, unsigned type, const void *data, size_t n)
{
        size_t at = NLMSG_ALIGN(h->nlmsg_len);
        if (at + RTA_SPACE(n) > size)
                return false;
        struct rtattr *a = (void *)((char *)h + at);
        a->rta_type = (unsigned short)type;
        a->rta_len = (unsigned short)RTA_LENGTH(n);
        memcpy(RTA_DATA(a), data, n);
        memset((char *)RTA_DATA(a) + n, 0, RTA_SPACE(n) - RTA_LENGTH(n));
        h->nlmsg_len = (uint32_t)(at + RTA_SPACE(n));
        return true;
}

/* inet_ntop() goes through printf, which costs as much as all else of a row. */
static void put_ipv4(const uint8_t *b, char *to)
{
        for (int i = 0; i < 4; i++) {
                unsigned v = b[i];
                if (v >= 100)
                        *to++ = (char)('0' + v / 100);
                if (v >= 10)
                        *to++ = (char)('0' + v / 10 % 10);
                *to++ = (char)('0' + v % 10);
                *to++ = i < 3 ? '.' : 0;
        }
}

static char *put_group(unsigned v, char *to)
{
        static const char digits[] = "0123456789abcdef";
        for (int shift = v > 0xfff ? 12 : v > 0xff ? 8 : v > 0xf ? 4 : 0; shift >= 0; shift -= 4)
                *to++ = digits[v >> shift & 15];
        return to;
}

/* The longest run of two zeros or more, the first of equal ones, as "::". False: it holds an IPv4 address. */
static bool put_ipv6(const uint8_t *b, char *to)
{
        unsigned v[8], from = 8, n = 1;
        for (unsigned i = 0; i < 8; i++)
                v[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
        for (unsigned i = 0, k; i < 8; i = k + 1) {
                for (k = i; k < 8 && v[k] == 0; k++)
                        ;
                if (k - i > n) {
                        from = i;
                        n = k - i;
                }
        }
        if (from == 0 && (n == 6 || (n == 5 && v[5] == 0xffff)))
                return false;
        for (unsigned i = 0; i < 8; i++) {
                if (i == from) {
                        *to++ = ':';
                        i += n - 1;
                        if (i == 7)
                                *to++ = ':';
                        continue;
                }
                if (i)
                        *to++ = ':';
                to = put_group(v[i], to);
        }
        *to = 0;
        return true;
}

bool rv_netlink_address(int family, const void *data, size_t n, char *ret, size_t size)
{
        if (!data || !(family == AF_INET ? n >= 4 : family == AF_INET6 && n >= 16))
                return false;
        if (family == AF_INET && size >= INET_ADDRSTRLEN) {
                put_ipv4(data, ret);
                return true;
        }
        if (family == AF_INET6 && size >= INET6_ADDRSTRLEN && put_ipv6(data, ret))
                return true;
        return inet_ntop(family, data, ret, (socklen_t)size) != NULL;
}

void rv_netlink_hardware(const void *bytes, size_t n, char *ret)
{
        static const char digits[] = "0123456789abcdef";
        const uint8_t *b = bytes;
        n = n < 32 ? n : 32;
        for (size_t i = 0; i < n; i++) {
                *ret++ = digits[b[i] >> 4];
                *ret++ = digits[b[i] & 15];
                *ret++ = i + 1 < n ? ':' : 0;
        }
        if (!n)
                *ret = 0;
}

bool rv_netlink_mac(const char *s, uint8_t ret[6])
{
        char end;
        unsigned b[6];
        if (sscanf(s, "%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%c", &b[0], &b[1], &b[2], &b[3],
                   &b[4], &b[5], &end) != 6)
                return false;
        for (int i = 0; i < 6; i++)
                ret[i] = (uint8_t)b[i];
        return true;
}

int rv_netlink_parse(const char *s, uint8_t ret[16])
{
        return inet_pton(AF_INET, s, ret) == 1 ? AF_INET : inet_pton(AF_INET6, s, ret) == 1 ? AF_INET6 : 0;
}

enum { PUSH_BUFFER = 1 << 20, PUSH_MESSAGES = 200 };

int rv_netlink_watch(const int *groups)
{
        return rv_netlink_watch_sized(groups, PUSH_BUFFER);
}

int rv_netlink_watch_sized(const int *groups, int size)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        struct sockaddr_nl own = { .nl_family = AF_NETLINK };
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        int r = bind(fd, (struct sockaddr *)&own, sizeof own) < 0 ? -errno : 0;
        for (; r == 0 && *groups; groups++)
                if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, groups, sizeof *groups) < 0)
                        r = -errno;
        if (r)
                close(fd);
        return r ? r : fd;
}

/* What it says is not looked at: whoever watches reads again. */
int rv_netlink_drain(int fd)
{
        char head[16];
        for (int i = 0; i < PUSH_MESSAGES; i++) {
                ssize_t n = recv(fd, head, sizeof head, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? i > 0 : -errno;
                if (n == 0)
                        return -ENODATA;
        }
        return 1;
}
