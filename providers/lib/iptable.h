/* SPDX-License-Identifier: MIT
 *
 * What the classes of IP share (addresses, routes, neighbours): a dump of a table of rtnetlink as rows, a change with
 * the kernel's own words when it refuses, and what is kept for the next boots (netstore.h) beside what is.
 */
#ifndef RV_IPTABLE_H
#define RV_IPTABLE_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "agent/provider.h"

struct rv_links;

struct rv_ip_reader {
        const struct rv_query *q;
        struct rv_sink *out;
        char *kept; /* lines of what is kept for the next boots, or NULL */
        size_t nkept;
        int fd;           /* to ask for names */
        struct rv_links *links; /* their names, where they are kept; or NULL */
        uint32_t name_of; /* the interface whose name is kept: tables come sorted by interface */
        char name[IF_NAMESIZE];
};

const char *rv_ip_interface(struct rv_ip_reader *, uint32_t index); /* "" when it has gone */
void rv_ip_address(struct rv_row *, unsigned property, int family, const struct rtattr *);
const char *rv_ip_family(int family);    /* "IPv4" or "IPv6" */
const char *rv_ip_scope(unsigned scope); /* or NULL */
int rv_ip_emit(struct rv_ip_reader *, struct rv_row *);

/* A dump of one table, as an answer. Frees what was read of what is kept. */
int rv_ip_dump(struct rv_ip_reader *, struct nlmsghdr *ask, int (*each)(void *, const struct nlmsghdr *),
               const char *what, struct rv_error *);
/* A change. doing: "make the route to 10.0.0.0/8". */
int rv_ip_apply(struct nlmsghdr *ask, const char *doing, struct rv_error *);
/* InterfaceIndex or InterfaceAlias -> index. */
int rv_ip_which(bool has_index, uint32_t index, const char *name, uint32_t *ret, struct rv_error *);
/* "10.0.0.0/8" */
bool rv_ip_prefix(const char *, int *ret_family, uint8_t bytes[16], unsigned *ret_length);

/* Reads what is kept of a kind, where the property is asked for. */
void rv_ip_read_kept(struct rv_ip_reader *, const char *kind, unsigned property);
bool rv_ip_is_kept(const struct rv_ip_reader *, const char *interface, const char *value);
/* Whether the question is for the other store: what is kept, not what is. */
bool rv_ip_asks_store(const struct rv_query *, unsigned property);
int rv_ip_answer(int e); /* RV_STOP is an answer */

#endif
