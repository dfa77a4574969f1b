/* SPDX-License-Identifier: MIT
 *
 * The interfaces, kept from one question to the next as the kernel told of them. Telling of 1,000 interfaces costs it
 * 3 to 4 ms each time, most of it for things that nobody asks for and that cannot be left out. So while there are
 * questions a socket is told of changes, and what changed is asked for again, one by one. Nobody waits on that socket:
 * it is read at the next question.
 *
 * What is kept is what it would be if it were read anew:
 *  - The socket is there before the first reading. The kernel tells of a change before the change's own request is
 *    answered, and under its lock for interfaces; each question first makes a request that takes this lock, so a change
 *    that is being told of right now has been told to us, too.
 *  - Of one that is not set up the kernel tells no change of its description, other names and carrier: it is read anew
 *    each time. Only where such are a quarter of all, or more than a hundred, all are read anew when the last reading
 *    is older than RV_LINKS_SILENT: so long such a change by somebody else may remain unseen (after our own:
 *    rv_links_forget()).
 *  - Queueing disciplines are announced apart (RTNLGRP_TC). Where an interface goes away, those that name it as the one
 *    below them or as their peer are read again.
 *  - Announcements that were lost (the socket's buffer was full), or more of them than it pays to follow: all is read
 *    anew. Likewise after RV_LINKS_AGE, for the one thing that the kernel never tells: that a peer in another namespace
 *    got another index there, by being moved on while both ends are down in it.
 *  - Whether there is a carrier is as the kernel has announced it, as its own operational state is: it collects such
 *    news for up to a second.
 * Counters change without a word: they are not kept.
 */
#ifndef RV_LINKS_H
#define RV_LINKS_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RV_LINKS_AGE UINT64_C(30000000000) /* ns */
#define RV_LINKS_SILENT UINT64_C(1000000000)

/* All interfaces by index, as they were when it was taken: never changed, kept by whoever holds it. */
struct rv_links {
        size_t n;
        struct rv_link {
                uint32_t index, below; /* below: IFLA_LINK, 0: none */
                uint32_t at;           /* of its message in bytes */
                char name[16];
        } *v;
        char *bytes;
        bool torn; /* interfaces came or went under each reading of them: some may be missing */
        unsigned holders;
        size_t size, room, vroom;
};

/* fd: a socket of rv_netlink_open(NETLINK_ROUTE). fresh: nothing that was kept will do. 0 or -errno. Any thread. */
int rv_links_hold(int fd, bool fresh, struct rv_links **ret);
/* Only where they are kept already; else NULL. */
struct rv_links *rv_links_hold_kept(int fd);
void rv_links_let(struct rv_links *); /* NULL is fine */

/* RTM_NEWLINK with the attributes of an interface that NetAdapter shows; no counters. */
static inline const struct nlmsghdr *rv_links_message(const struct rv_links *l, size_t i)
{
        return (const struct nlmsghdr *)(const void *)(l->bytes + l->v[i].at);
}
size_t rv_links_find(const struct rv_links *, uint32_t index); /* its place; n: it is not there */
const char *rv_links_name(const struct rv_links *, uint32_t index); /* or NULL */

void rv_links_forget(void); /* after a change of our own */
void rv_links_rest(void); /* a provider's `idle`: lets go of them when nobody has held them for that long */

#endif
