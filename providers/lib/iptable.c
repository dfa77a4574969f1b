/* SPDX-License-Identifier: MIT
 *
 * Tables of IP, as rtnetlink has them: see iptable.h.
 */
#include "providers/lib/iptable.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "providers/lib/fill.h"
#include "providers/lib/links.h"
#include "providers/lib/netlink.h"
#include "providers/lib/netstore.h"

const char *rv_ip_interface(struct rv_ip_reader *r, uint32_t index)
{
        const char *kept = index && r->links ? rv_links_name(r->links, index) : NULL;
        if (kept)
                return kept;
        if (index != r->name_of) {
                struct ifreq ask = { .ifr_ifindex = (int)index };
                r->name_of = index;
                /* if_indextoname() makes a socket each time. */
                bool known = index && r->fd > 0 && ioctl(r->fd, SIOCGIFNAME, &ask) == 0;
                snprintf(r->name, sizeof r->name, "%s", known ? ask.ifr_name : "");
        }
        return r->name;
}

void rv_ip_address(struct rv_row *row, unsigned p, int family, const struct rtattr *a)
{
        char buf[64];
        if (a && rv_wants(row, p) && rv_netlink_address(family, RTA_DATA(a), RTA_PAYLOAD(a), buf, sizeof buf))
                rv_fill(row, p, buf);
}

const char *rv_ip_family(int family)
{
        return family == AF_INET ? "IPv4" : "IPv6";
}

const char *rv_ip_scope(unsigned scope)
{
        return scope == RT_SCOPE_UNIVERSE  ? "global"
               : scope == RT_SCOPE_SITE    ? "site"
               : scope == RT_SCOPE_LINK    ? "link"
               : scope == RT_SCOPE_HOST    ? "host"
               : scope == RT_SCOPE_NOWHERE ? "nowhere"
                                           : NULL;
}

int rv_ip_emit(struct rv_ip_reader *r, struct rv_row *row)
{
        int e = rv_emit(r->out, row);
        return e ? e : rv_cancelled(r->q->call) ? RV_STOP : 0;
}

/* ---- what is kept for the next boots ---- */

struct kept {
        const char *kind;
        char *lines;
        size_t n;
};

static int on_kept(void *state, const char *interface, const char *kind, const char *value)
{
        struct kept *k = state;
        if (strcmp(kind, k->kind) != 0)
                return 0;
        size_t more = strlen(interface) + strlen(value) + 3;
        char *lines = realloc(k->lines, k->n + more + 1);
        if (!lines)
                return -ENOMEM;
        k->lines = lines;
        k->n += (size_t)snprintf(lines + k->n, more + 1, "\n%s %s\n", interface, value);
        return 0;
}

/* Read where it is asked for. */
void rv_ip_read_kept(struct rv_ip_reader *r, const char *kind, unsigned persisted)
{
        struct kept k = { .kind = kind };
        if (!rv_asked(r->q, persisted))
                return;
        rv_netstore_each(on_kept, &k);
        r->kept = k.lines;
        r->nkept = k.n;
}

bool rv_ip_is_kept(const struct rv_ip_reader *r, const char *interface, const char *value)
{
        char line[400];
        int n = snprintf(line, sizeof line, "\n%s %s\n", interface, value);
        return r->kept && memmem(r->kept, r->nkept, line, (size_t)n);
}

/* Whether the question is for the other store: what is kept, not what is. */
bool rv_ip_asks_store(const struct rv_query *q, unsigned p)
{
        const struct rv_arg *store = rv_equals(q, p);
        return store && strcasecmp(store->s, "PersistentStore") == 0;
}

/* A dump of one table, as an answer. */
int rv_ip_dump(struct rv_ip_reader *r, struct nlmsghdr *ask, int (*each)(void *, const struct nlmsghdr *),
                   const char *what, struct rv_error *err)
{
        struct rv_sink *out = r->out;
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot ask the kernel for %s", what);
        r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        r->links = rv_links_hold_kept(fd);
        int e = rv_netlink_dump(fd, ask, ask->nlmsg_len, each, r);
        rv_links_let(r->links);
        if (r->fd > 0)
                close(r->fd);
        close(fd);
        free(r->kept);
        if (e == -EAGAIN) {
                struct rv_error torn = { 0 };
                rv_fail(&torn, RV_UNAVAILABLE, "%s changed while they were read: some may be missing", what);
                rv_partial(out, &torn);
                return RV_OK;
        }
        if (e < 0)
                return rv_fail_errno(err, -e, "cannot read %s", what);
        return e == RV_STOP ? RV_OK : e;
}

/* A change, with the kernel's words when it refuses. */
int rv_ip_apply(struct nlmsghdr *ask, const char *doing, struct rv_error *err)
{
        char said[200];
        int fd = rv_netlink_open(NETLINK_ROUTE);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot %s", doing);
        int r = rv_netlink_do(fd, ask, said, sizeof said);
        close(fd);
        if (r == 0)
                return RV_OK;
        rv_fail_errno(err, -r, "cannot %s", doing);
        if (said[0])
                rv_hint(err, "The kernel says: %s", said);
        return err ? err->code : RV_FAILED;
}

/* InterfaceIndex or InterfaceAlias -> index. */
int rv_ip_which(bool has_index, uint32_t index, const char *name, uint32_t *ret,
                           struct rv_error *err)
{
        char buf[IF_NAMESIZE];
        *ret = has_index ? index : name ? if_nametoindex(name) : 0;
        if (*ret && if_indextoname(*ret, buf))
                return RV_OK;
        if (!has_index && !name)
                return rv_fail(err, RV_INVALID_PARAMETER, "give InterfaceIndex or InterfaceAlias");
        rv_about(err, NULL, NULL, has_index ? "InterfaceIndex" : "InterfaceAlias");
        rv_fail(err, RV_NOT_FOUND,
                has_index ? "there is no interface with this index" : "there is no interface '%.40s'",
                name ? name : "");
        return rv_hint(err, "Get-NetAdapter lists the interfaces.");
}

/* "10.0.0.0/8" */
bool rv_ip_prefix(const char *s, int *ret_family, uint8_t bytes[16], unsigned *ret_length)
{
        char buf[64], *slash, *end;
        snprintf(buf, sizeof buf, "%s", s);
        slash = strchr(buf, '/');
        if (slash)
                *slash = 0;
        *ret_family = rv_netlink_parse(buf, bytes);
        unsigned most = *ret_family == AF_INET ? 32 : 128;
        *ret_length = slash ? (unsigned)strtoul(slash + 1, &end, 10) : most;
        return *ret_family && (!slash || (slash[1] && !*end)) && *ret_length <= most;
}

int rv_ip_answer(int e)
{
        return e == RV_STOP ? RV_OK : e;
}
