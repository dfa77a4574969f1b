/* SPDX-License-Identifier: MIT
 *
 * See links.h. One lock around what is kept; whoever holds a list reads it without.
 */
#include "providers/lib/links.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/provider.h"
#include "providers/lib/netlink.h"

enum {
        MOST_STALE = 128,      /* that are asked for one by one */
        MOST_NEWS = 4096,      /* read for one question; then some count as lost */
        MOST_KEPT = 8 << 20,   /* bytes */
        ANNOUNCED = 256 << 10, /* bytes of announcements that the kernel keeps for us */
        TRIES = 3,             /* where interfaces come and go under a reading */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rv_links *kept; /* NULL: nothing is */
static int news = -1;         /* the socket that is told of changes */
static uint64_t read_at, held_at;
static uint32_t stale[MOST_STALE];
static unsigned nstale;

/* ---- a list ---- */

#define BIT(type) (UINT64_C(1) << (type))
static const uint64_t shown = BIT(IFLA_ADDRESS) | BIT(IFLA_IFNAME) | BIT(IFLA_MTU) | BIT(IFLA_LINK) | BIT(IFLA_QDISC) |
                              BIT(IFLA_MASTER) | BIT(IFLA_TXQLEN) | BIT(IFLA_OPERSTATE) | BIT(IFLA_LINKINFO) |
                              BIT(IFLA_IFALIAS) | BIT(IFLA_CARRIER) | BIT(IFLA_CARRIER_CHANGES) |
                              BIT(IFLA_PROP_LIST) | BIT(IFLA_PERM_ADDRESS);

static void free_links(struct rv_links *l)
{
        free(l->v);
        free(l->bytes);
        free(l);
}

static bool make_room(struct rv_links *l, size_t more)
{
        if (l->n == l->vroom) {
                size_t n = l->vroom ? 2 * l->vroom : 16;
                struct rv_link *v = realloc(l->v, n * sizeof *v);
                if (!v)
                        return false;
                l->v = v;
                l->vroom = n;
        }
        if (l->size + more > l->room) {
                size_t n = 2 * l->room + more;
                char *bytes = n < UINT32_MAX ? realloc(l->bytes, n) : NULL;
                if (!bytes)
                        return false;
                l->bytes = bytes;
                l->room = n;
        }
        return true;
}

/* A copy of the message, of what is shown alone: a sixth of it. */
static int add(void *state, const struct nlmsghdr *h)
{
        struct rv_links *l = state;
        if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_SPACE(sizeof(struct ifinfomsg)))
                return 0;
        if (!make_room(l, NLMSG_ALIGN(h->nlmsg_len)))
                return -ENOMEM;
        const struct ifinfomsg *i = NLMSG_DATA(h);
        struct rv_link *v = &l->v[l->n++];
        *v = (struct rv_link) { .index = (uint32_t)i->ifi_index, .at = (uint32_t)l->size };
        size_t head = NLMSG_SPACE(sizeof *i), n = head;
        char *to = l->bytes + l->size;
        memcpy(to, h, head);
        int left = (int)(h->nlmsg_len - head);
        for (const struct rtattr *a = (const void *)((const char *)h + head); RTA_OK(a, left);
             a = RTA_NEXT(a, left)) {
                unsigned type = a->rta_type & NLA_TYPE_MASK;
                if (type > 63 || !(shown & BIT(type)))
                        continue;
                memcpy(to + n, a, a->rta_len);
                n += RTA_ALIGN(a->rta_len);
                if (type == IFLA_IFNAME && rv_attr_text(a))
                        strncpy(v->name, RTA_DATA(a), sizeof v->name - 1);
                else if (type == IFLA_LINK)
                        v->below = rv_attr_u32(a);
        }
        ((struct nlmsghdr *)(void *)to)->nlmsg_len = (uint32_t)n;
        l->size += n;
        return 0;
}

static int by_index(const void *a, const void *b)
{
        uint32_t x = ((const struct rv_link *)a)->index, y = ((const struct rv_link *)b)->index;
        return x < y ? -1 : x > y;
}

/* In order, each once: a list that was torn may have one twice. */
static void in_order(struct rv_links *l)
{
        bool is = true;
        for (size_t i = 1; i < l->n; i++)
                is &= l->v[i - 1].index < l->v[i].index;
        if (is)
                return;
        qsort(l->v, l->n, sizeof *l->v, by_index);
        size_t n = 0;
        for (size_t i = 0; i < l->n; i++)
                if (!n || l->v[n - 1].index != l->v[i].index)
                        l->v[n++] = l->v[i];
        l->n = n;
}

size_t rv_links_find(const struct rv_links *l, uint32_t index)
{
        struct rv_link key = { .index = index },
                       *v = l->n ? bsearch(&key, l->v, l->n, sizeof key, by_index) : NULL;
        return v ? (size_t)(v - l->v) : l->n;
}

const char *rv_links_name(const struct rv_links *l, uint32_t index)
{
        size_t i = rv_links_find(l, index);
        return i < l->n ? l->v[i].name : NULL;
}

/* ---- the kernel ---- */

struct request {
        struct nlmsghdr h;
        struct ifinfomsg i;
        char attributes[16];
};

static void request_init(struct request *r, uint32_t index)
{
        uint32_t mask = RTEXT_FILTER_SKIP_STATS;
        *r = (struct request) { .h = { .nlmsg_type = RTM_GETLINK, .nlmsg_len = NLMSG_LENGTH(sizeof r->i) },
                                .i = { .ifi_index = (int)index } };
        rv_netlink_add(&r->h, sizeof *r, IFLA_EXT_MASK, &mask, sizeof mask);
}

/* One interface at the end of a list, if it is there. */
static int read_one(int fd, uint32_t index, struct rv_links *l)
{
        struct request ask;
        request_init(&ask, index);
        int r = rv_netlink_ask(fd, &ask.h, add, l);
        return r == -ENODEV ? 0 : r;
}

static int read_all(int fd, struct rv_links **ret)
{
        int r = 0;
        for (int i = 0; i < TRIES; i++) {
                struct rv_links *l = calloc(1, sizeof *l);
                struct request ask;
                if (!l)
                        return -ENOMEM;
                request_init(&ask, 0);
                r = rv_netlink_dump(fd, &ask.h, ask.h.nlmsg_len, add, l);
                l->torn = r == -EAGAIN;
                if (r == 0 || (l->torn && i == TRIES - 1)) {
                        in_order(l);
                        *ret = l;
                        return 0;
                }
                free_links(l);
                if (r != -EAGAIN)
                        break;
        }
        return r;
}

/* ---- news ---- */

static void mark(uint32_t index)
{
        for (unsigned i = 0; i < nstale && i < MOST_STALE; i++)
                if (stale[i] == index)
                        return;
        if (nstale < MOST_STALE)
                stale[nstale] = index;
        nstale++;
}

/* What one announcement makes stale. False: more than it says. */
static bool understand(const struct nlmsghdr *h)
{
        const struct ifinfomsg *i = NLMSG_DATA(h);
        const struct tcmsg *t = NLMSG_DATA(h);
        switch (h->nlmsg_type) {
        case RTM_DELLINK:
                for (size_t k = 0; kept && k < kept->n; k++)
                        if (kept->v[k].below == (uint32_t)i->ifi_index)
                                mark(kept->v[k].index);
                mark((uint32_t)i->ifi_index);
                return true;
        case RTM_NEWLINK: mark((uint32_t)i->ifi_index); return true;
        case RTM_NEWQDISC:
        case RTM_DELQDISC: mark((uint32_t)t->tcm_ifindex); return true;
        default: return h->nlmsg_type > RTM_BASE;
        }
}

/* Reads what was announced. False: not all of it is known. */
static bool read_news(void)
{
        struct {
                struct nlmsghdr h;
                struct tcmsg body; /* the larger one */
        } head;
        bool whole = true;
        for (int i = 0; i < MOST_NEWS; i++) {
                ssize_t n = recv(news, &head, sizeof head, MSG_TRUNC | MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return whole;
                if (n < (ssize_t)sizeof head || (size_t)n > NLMSG_ALIGN(head.h.nlmsg_len) || !understand(&head.h))
                        whole = false;
        }
        return false;
}

static bool watch(void)
{
        if (news < 0)
                news = rv_netlink_watch_sized((const int[]) { RTNLGRP_LINK, RTNLGRP_TC, 0 }, ANNOUNCED);
        return news >= 0;
}

/* ---- what is kept ---- */

static void forget(void)
{
        rv_links_let(kept);
        kept = NULL;
        nstale = 0;
}

static void drop(void)
{
        forget();
        if (news >= 0)
                close(news);
        news = -1;
}

/* The kept list with the stale ones read anew. */
static int renew(int fd)
{
        struct rv_links *l = calloc(1, sizeof *l);
        int r = l ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < kept->n; i++) {
                bool is = false;
                for (unsigned k = 0; k < nstale; k++)
                        is |= stale[k] == kept->v[i].index;
                r = is ? 0 : add(l, rv_links_message(kept, i));
        }
        for (unsigned k = 0; r == 0 && k < nstale; k++)
                r = read_one(fd, stale[k], l);
        if (r) {
                if (l)
                        free_links(l);
                return r;
        }
        in_order(l);
        l->holders = 1;
        forget();
        kept = l;
        return 0;
}

/* Of how many interfaces at most it pays to read them one by one. */
static unsigned few(void)
{
        size_t n = 8 + kept->n / 4;
        return n < MOST_STALE ? (unsigned)n : MOST_STALE;
}

/* Reads anew what is stale. Not 0: all must be. */
static int refresh(int fd)
{
        return nstale > few() ? -ENOENT : nstale ? renew(fd) : 0;
}

/* Takes and gives back the kernel's lock, and so waits for an announcement that is under way. */
static void barrier(int fd)
{
        struct rv_links none = { 0 };
        read_one(fd, 1, &none);
        free(none.v);
        free(none.bytes);
}

static bool is_down(size_t i)
{
        return !(((const struct ifinfomsg *)NLMSG_DATA(rv_links_message(kept, i)))->ifi_flags & IFF_UP);
}

/* Those whose changes the kernel does not tell all. False: they are many. */
static bool mark_down(void)
{
        unsigned n = 0;
        for (size_t i = 0; i < kept->n; i++)
                n += is_down(i);
        for (size_t i = 0; n <= few() && i < kept->n; i++)
                if (is_down(i))
                        mark(kept->v[i].index);
        return n <= few();
}

/* Makes what is kept current, or lets go of it. names: only they matter. */
static void update(int fd, bool names)
{
        if (!kept)
                return;
        barrier(fd);
        uint64_t age = rv_now() - read_at;
        if (!read_news() || age > RV_LINKS_AGE || (!names && !mark_down() && age > RV_LINKS_SILENT) || refresh(fd))
                forget();
}

/* Reads all. False: it cannot be kept. */
static int fill(int fd, bool *ret_lasts)
{
        bool watched = watch();
        uint64_t now = rv_now();
        forget();
        if (watched)
                read_news();
        nstale = 0;
        int r = read_all(fd, &kept);
        if (r)
                return r;
        kept->holders = 1;
        read_at = now;
        /* What was announced while it was read. */
        *ret_lasts = watched && read_news() && refresh(fd) == 0 && !kept->torn && kept->size <= MOST_KEPT;
        return 0;
}

int rv_links_hold(int fd, bool fresh, struct rv_links **ret)
{
        int r = 0;
        bool lasts = true;
        pthread_mutex_lock(&lock);
        held_at = rv_now();
        if (fresh)
                forget();
        update(fd, false);
        if (!kept)
                r = fill(fd, &lasts);
        *ret = kept;
        if (kept)
                __atomic_fetch_add(&kept->holders, 1, __ATOMIC_RELAXED);
        if (!lasts)
                drop();
        pthread_mutex_unlock(&lock);
        return r;
}

struct rv_links *rv_links_hold_kept(int fd)
{
        pthread_mutex_lock(&lock);
        update(fd, true);
        struct rv_links *l = kept;
        if (l)
                __atomic_fetch_add(&l->holders, 1, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&lock);
        return l;
}

void rv_links_let(struct rv_links *l)
{
        if (l && __atomic_fetch_sub(&l->holders, 1, __ATOMIC_ACQ_REL) == 1)
                free_links(l);
}

void rv_links_forget(void)
{
        pthread_mutex_lock(&lock);
        drop();
        pthread_mutex_unlock(&lock);
}

void rv_links_rest(void)
{
        pthread_mutex_lock(&lock);
        if (rv_now() - held_at > RV_IDLE_AFTER / 2)
                drop();
        pthread_mutex_unlock(&lock);
}
