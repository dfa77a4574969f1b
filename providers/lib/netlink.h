/* SPDX-License-Identifier: MIT
 *
 * Netlink: dumps and changes, with the few things that are easy to get wrong done once: buffers of 32 KiB (a smaller
 * one loses objects silently), MSG_TRUNC, interrupted dumps, the kernel's own words in extended acknowledgements.
 *
 *      int fd = rv_netlink_open(NETLINK_ROUTE);
 *      struct { struct nlmsghdr h; struct ifinfomsg i; } ask = { .h = { .nlmsg_type = RTM_GETLINK } };
 *      r = rv_netlink_dump(fd, &ask.h, sizeof ask, on_link, state);
 */
#ifndef RV_NETLINK_H
#define RV_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int rv_netlink_open(int protocol); /* a descriptor, or -errno */

/* Sends a request (nlmsg_len, flags and seq are filled in) and calls back for each object; `each` answers 0 to go on,
 * else what the dump answers. -EAGAIN: the kernel's table changed meanwhile and what came may be inconsistent. */
int rv_netlink_dump(int fd, struct nlmsghdr *ask, size_t size, int (*each)(void *, const struct nlmsghdr *), void *);

/* Sends a change and waits for its acknowledgement: 0 or -errno; the kernel's words are in ret_message ("" = none). */
int rv_netlink_do(int fd, struct nlmsghdr *ask, char *ret_message, size_t size);

/* Asks for one object: `each` gets it. 0 or -errno. */
int rv_netlink_ask(int fd, struct nlmsghdr *ask, int (*each)(void *, const struct nlmsghdr *), void *);

/* Attributes behind a fixed header: at[type] = the attribute or NULL, for types up to most. */
void rv_netlink_attributes(const struct nlmsghdr *, size_t header, const struct rtattr **at, unsigned most);
void rv_netlink_nested(const struct rtattr *, const struct rtattr **at, unsigned most);

static inline uint32_t rv_attr_u32(const struct rtattr *a)
{
        uint32_t u = 0;
        if (a && RTA_PAYLOAD(a) >= sizeof u)
                __builtin_memcpy(&u, RTA_DATA(a), sizeof u);
        return u;
}
static inline uint64_t rv_attr_u64(const struct rtattr *a)
{
        uint64_t u = 0;
        if (a && RTA_PAYLOAD(a) >= sizeof u)
                __builtin_memcpy(&u, RTA_DATA(a), sizeof u);
        return u;
}
static inline uint8_t rv_attr_u8(const struct rtattr *a)
{
        return a && RTA_PAYLOAD(a) ? *(const uint8_t *)RTA_DATA(a) : 0;
}
static inline const char *rv_attr_text(const struct rtattr *a)
{
        return a && RTA_PAYLOAD(a) && ((const char *)RTA_DATA(a))[RTA_PAYLOAD(a) - 1] == 0 ? RTA_DATA(a) : NULL;
}

/* Changes: a socket that is told of these multicast groups (RTNLGRP_LINK...; 0 ends the list) and never blocks. */
int rv_netlink_watch(const int *groups);
int rv_netlink_watch_sized(const int *groups, int size); /* with a buffer of `size` bytes instead of 1 MiB */
/* Reads away what has come; 1: something has, 0: nothing, -errno: some of it was lost. */
int rv_netlink_drain(int fd);

/* Appends an attribute to a message being built in a buffer of `size` bytes; false when it does not fit. */
bool rv_netlink_add(struct nlmsghdr *, size_t size, unsigned type, const void *, size_t n);

/* "10.0.0.1" or "fe80::1" of an address attribute; false when it is none. ret is 46 bytes or more. */
bool rv_netlink_address(int family, const void *, size_t n, char *ret, size_t size);
/* At most 32 bytes as "02:00:5e:10:00:01"; ret holds 3 bytes for each. */
void rv_netlink_hardware(const void *, size_t n, char *ret);
/* "02:00:5e:10:00:01" or with dashes. */
bool rv_netlink_mac(const char *, uint8_t ret[6]);
/* An IPv4 or IPv6 address as text -> its family and bytes; 0: it is none. */
int rv_netlink_parse(const char *, uint8_t ret[16]);

#endif
