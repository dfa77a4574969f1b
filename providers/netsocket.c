/* SPDX-License-Identifier: MIT
 *
 * NetTCPConnection, NetUDPEndpoint: the kernel's own list of sockets (sock_diag), one dump for each address family,
 * about half a microsecond a socket. Who holds a socket costs a pass over all descriptors of all processes, so that is
 * done only when it is asked for; the unit and the container come from the number of the control group that the kernel
 * keeps with the socket, without looking at any process, where control groups are of version 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NetTCPConnection.h"
#include "gen/NetUDPEndpoint.h"
#include "providers/lib/asleep.h"
#include "providers/lib/cgroup.h"
#include "providers/lib/fill.h"
#include "providers/lib/netlink.h"
#include "providers/lib/procfs.h"
#include "providers/lib/sockowner.h"

enum { TCP_STATES = 13, TCP_LISTENING = 10, GROUPS = 256 };

static const char *const states[TCP_STATES] = {
        [1] = "Established", [2] = "SynSent",  [3] = "SynReceived", [4] = "FinWait1",
        [5] = "FinWait2",    [6] = "TimeWait", [7] = "Closed",      [8] = "CloseWait",
        [9] = "LastAck",     [10] = "Listen",  [11] = "Closing",    [12] = "SynReceived"
};

/* The properties that both classes have, by their ids. */
struct ids {
        unsigned local, lport, inode, remote, rport, family, owner, cgroup, unit, container, uid, interface,
                rqueue, wqueue;
};
#define IDS(c) \
        { \
                c##_LocalAddress, c##_LocalPort, c##_Inode, c##_RemoteAddress, c##_RemotePort, \
                        c##_AddressFamily, c##_OwningProcess, c##_Cgroup, c##_Unit, c##_ContainerId, \
                        c##_Uid, c##_InterfaceIndex, c##_ReceiveQueue, c##_SendQueue \
        }
static const struct ids tcp_ids = IDS(NetTCPConnection), udp_ids = IDS(NetUDPEndpoint);

struct reader {
        const struct rv_query *q;
        struct rv_sink *out;
        const struct ids *id;
        bool tcp, group;                            /* group: something of the control group is asked for */
        const struct rv_arg *lport, *rport, *inode; /* what they must equal, or NULL */
        struct rv_sockowners *owners;               /* NULL: not needed */
        struct rv_cgroups *groups;
        struct group {
                pid_t of;
                char *text;  /* its /proc/PID/cgroup */
        } groups_of[GROUPS]; /* those of processes asked for lately, at the id's place */
};

/* ---- owners and groups ---- */

static bool asks_group(const struct rv_query *q, const struct ids *id)
{
        return rv_asked(q, id->cgroup) || rv_asked(q, id->unit) || rv_asked(q, id->container);
}

static void open_owners(struct reader *r)
{
        const struct rv_arg *one = rv_equals(r->q, r->id->owner);
        r->group = asks_group(r->q, r->id);
        if (r->group)
                r->groups = rv_cgroups_read();
        /* Where all are in one group (control groups of version 1) only the processes tell. */
        bool by_process = r->group && !rv_cgroups_several(r->groups);
        if (by_process || rv_asked(r->q, r->id->owner))
                r->owners = rv_sockowners_read(
                        one && one->type == RV_UINT && one->u < INT32_MAX ? (pid_t)one->u : 0);
}

/* The control groups of a process; "" when it has gone. */
static const char *groups_of_process(struct reader *r, pid_t pid)
{
        struct group *g = &r->groups_of[(unsigned)pid % GROUPS];
        char path[40], text[4096] = "";
        if (!pid || pid == g->of)
                return pid && g->text ? g->text : "";
        snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
        rv_proc_read(AT_FDCWD, path, text, sizeof text);
        free(g->text);
        *g = (struct group) { pid, strdup(text) };
        return g->text ? g->text : "";
}

static void fill_group(struct reader *r, struct rv_row *row, const struct rtattr *group, pid_t pid)
{
        char of_process[RV_CGROUP_PATH], unit[300], container[65];
        const char *all = "";
        const char *path = group ? rv_cgroups_path(r->groups, rv_attr_u64(group)) : NULL;
        if (!path || !path[1]) {
                all = groups_of_process(r, pid);
                path = *all && rv_cgroup_path(all, of_process) ? of_process : path;
        }
        if (!path)
                return;
        rv_fill(row, r->id->cgroup, path);
        if (rv_wants(row, r->id->unit) && rv_cgroup_unit(path, unit, sizeof unit))
                rv_fill(row, r->id->unit, unit);
        if (rv_wants(row, r->id->container) &&
            (rv_cgroup_container(path, container) || rv_cgroup_container(all, container)))
                rv_fill(row, r->id->container, container);
}

/* ---- rows ---- */

static void fill_address(struct rv_row *row, unsigned p, int family, const void *bytes)
{
        char text[64];
        if (rv_wants(row, p) && rv_netlink_address(family, bytes, 16, text, sizeof text))
                rv_fill(row, p, text);
}

static void fill_tcp(struct rv_row *row, const struct inet_diag_msg *m, const struct rtattr *const *at)
{
        struct tcp_info info = { 0 };
        if (m->idiag_state < TCP_STATES)
                rv_fill(row, NetTCPConnection_State, states[m->idiag_state]);
        NetTCPConnection_set_Retransmits(row, m->idiag_retrans);
        rv_fill(row, NetTCPConnection_CongestionControl, rv_attr_text(at[INET_DIAG_CONG]));
        if (!at[INET_DIAG_INFO] || m->idiag_state == TCP_LISTENING)
                return;
        size_t n = RTA_PAYLOAD(at[INET_DIAG_INFO]);
        memcpy(&info, RTA_DATA(at[INET_DIAG_INFO]), n < sizeof info ? n : sizeof info);
        NetTCPConnection_set_RoundTripTime(row, (uint64_t)info.tcpi_rtt * 1000);
        NetTCPConnection_set_TotalRetransmits(row, info.tcpi_total_retrans);
        NetTCPConnection_set_SentBytes(row, info.tcpi_bytes_acked);
        NetTCPConnection_set_ReceivedBytes(row, info.tcpi_bytes_received);
}

static bool fits(const struct reader *r, const struct inet_diag_msg *m)
{
        return (!r->lport || r->lport->u == ntohs(m->id.idiag_sport)) &&
               (!r->rport || r->rport->u == ntohs(m->id.idiag_dport)) &&
               (!r->inode || r->inode->u == m->idiag_inode);
}

static int on_socket(void *state, const struct nlmsghdr *h)
{
        struct reader *r = state;
        const struct inet_diag_msg *m = NLMSG_DATA(h);
        const struct rtattr *at[INET_DIAG_MAX + 1];
        if ((h->nlmsg_type != SOCK_DIAG_BY_FAMILY && h->nlmsg_type != TCPDIAG_GETSOCK) ||
            h->nlmsg_len < NLMSG_LENGTH(sizeof *m) || !fits(r, m))
                return 0;
        rv_netlink_attributes(h, sizeof *m, at, INET_DIAG_MAX);
        struct rv_row *row = rv_row(r->out);
        bool connected = r->tcp || m->id.idiag_dport;
        pid_t pid = rv_sockowners_pid(r->owners, m->idiag_inode);
        fill_address(row, r->id->local, m->idiag_family, m->id.idiag_src);
        rv_set_uint(row, r->id->lport, ntohs(m->id.idiag_sport));
        if (connected) {
                fill_address(row, r->id->remote, m->idiag_family, m->id.idiag_dst);
                rv_set_uint(row, r->id->rport, ntohs(m->id.idiag_dport));
        }
        rv_set_uint(row, r->id->inode, m->idiag_inode);
        rv_fill(row, r->id->family, m->idiag_family == AF_INET ? "IPv4" : "IPv6");
        rv_set_uint(row, r->id->uid, m->idiag_uid);
        if (m->id.idiag_if)
                rv_set_uint(row, r->id->interface, m->id.idiag_if);
        rv_set_uint(row, r->id->rqueue, m->idiag_rqueue);
        rv_set_uint(row, r->id->wqueue, m->idiag_wqueue);
        if (pid)
                rv_set_uint(row, r->id->owner, (uint64_t)pid);
        if (r->group)
                fill_group(r, row, at[INET_DIAG_CGROUP_ID], pid);
        if (r->tcp)
                fill_tcp(row, m, at);
        int e = rv_emit(r->out, row);
        return e ? e : rv_cancelled(r->q->call) ? RV_STOP : 0;
}

/* ---- the dump ---- */

struct request {
        struct nlmsghdr h;
        struct inet_diag_req_v2 d;
};

/* The kernel's bits for a state in our words; 0: it has none such. */
static uint32_t states_of(const struct rv_arg *want)
{
        uint32_t bits = 0;
        for (unsigned i = 1; i < TCP_STATES; i++)
                if (!want || strcasecmp(states[i], want->s) == 0)
                        bits |= UINT32_C(1) << i;
        return bits;
}

static uint8_t extensions(const struct rv_query *q)
{
        static const uint8_t info[] = { NetTCPConnection_RoundTripTime, NetTCPConnection_TotalRetransmits,
                                        NetTCPConnection_SentBytes, NetTCPConnection_ReceivedBytes };
        uint8_t bits = rv_asked(q, NetTCPConnection_CongestionControl) ? 1 << (INET_DIAG_CONG - 1) : 0;
        for (size_t i = 0; i < sizeof info; i++)
                bits |= rv_asked(q, info[i]) ? 1 << (INET_DIAG_INFO - 1) : 0;
        return bits;
}

/* What a dump came to, as an answer. */
static int dumped(struct reader *r, struct nlmsghdr *ask, size_t size, struct rv_error *err)
{
        const char *what = r->tcp ? "TCP sockets" : "UDP sockets";
        int fd = rv_netlink_open(NETLINK_SOCK_DIAG);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot ask the kernel for %s", what);
        int e = rv_netlink_dump(fd, ask, size, on_socket, r);
        close(fd);
        if (e == -ENOENT) /* the kernel has no such family */
                return RV_OK;
        if (e == -EAGAIN) {
                struct rv_error torn = { 0 };
                rv_fail(&torn, RV_UNAVAILABLE, "%s changed while they were read: some may be missing", what);
                rv_partial(r->out, &torn);
                return RV_OK;
        }
        return e < 0 ? rv_fail_errno(err, -e, "cannot read %s", what) : e;
}

static int dump(struct reader *r, int family, uint32_t bits, struct rv_error *err)
{
        struct request ask = { .h = { .nlmsg_type = SOCK_DIAG_BY_FAMILY },
                               .d = { .sdiag_family = (uint8_t)family,
                                      .sdiag_protocol = r->tcp ? IPPROTO_TCP : IPPROTO_UDP,
                                      .idiag_states = bits,
                                      .idiag_ext = r->tcp ? extensions(r->q) : 0 } };
        return dumped(r, &ask.h, sizeof ask, err);
}

/* Both families of TCP in one walk over the kernel's table, large and mostly empty: only the old way of asking can. */
static int dump_both(struct reader *r, uint32_t bits, struct rv_error *err)
{
        struct {
                struct nlmsghdr h;
                struct inet_diag_req d;
        } ask = { .h = { .nlmsg_type = TCPDIAG_GETSOCK },
                  .d = { .idiag_family = AF_INET, .idiag_states = bits, .idiag_ext = extensions(r->q) } };
        return dumped(r, &ask.h, sizeof ask, err);
}

static int query(struct reader *r, const struct rv_arg *state, struct rv_error *err)
{
        const struct rv_arg *family = rv_equals(r->q, r->id->family);
        uint32_t bits = r->tcp ? states_of(state) : UINT32_MAX;
        int e = RV_OK;
        if (!bits)
                return RV_OK;
        r->lport = rv_equals(r->q, r->id->lport);
        r->rport = rv_equals(r->q, r->id->rport);
        r->inode = rv_equals(r->q, r->id->inode);
        open_owners(r);
        if (!family && r->tcp)
                e = dump_both(r, bits, err);
        else {
                if (!family || strcasecmp(family->s, "IPv4") == 0)
                        e = dump(r, AF_INET, bits, err);
                if (e == RV_OK && (!family || strcasecmp(family->s, "IPv6") == 0))
                        e = dump(r, AF_INET6, bits, err);
        }
        rv_sockowners_free(r->owners);
        rv_cgroups_free(r->groups);
        for (int i = 0; i < GROUPS; i++)
                free(r->groups_of[i].text);
        return e == RV_STOP ? RV_OK : e;
}

static int tcp_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reader r = { .q = q, .out = out, .id = &tcp_ids, .tcp = true };
        return query(&r, rv_equals(q, NetTCPConnection_State), err);
}

static int udp_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reader r = { .q = q, .out = out, .id = &udp_ids };
        return query(&r, NULL, err);
}

/* ---- closing ---- */

struct wanted {
        const struct rv_arg *key;
        const struct ids *id;
        bool tcp;
        unsigned n;
        struct inet_diag_msg found;
};

static bool same_address(const struct rv_arg *want, int family, const void *bytes)
{
        char text[64];
        return want->type == RV_NULL ||
               (rv_netlink_address(family, bytes, 16, text, sizeof text) && strcmp(text, want->s) == 0);
}

static int on_find(void *state, const struct nlmsghdr *h)
{
        struct wanted *w = state;
        const struct inet_diag_msg *m = NLMSG_DATA(h);
        const struct rv_arg *k = w->key, *inode = &k[w->id->inode], *lport = &k[w->id->lport],
                            *rport = &k[w->id->rport];
        if ((h->nlmsg_type != SOCK_DIAG_BY_FAMILY && h->nlmsg_type != TCPDIAG_GETSOCK) ||
            h->nlmsg_len < NLMSG_LENGTH(sizeof *m) ||
            (inode->type != RV_NULL && inode->u != m->idiag_inode) ||
            (lport->type != RV_NULL && lport->u != ntohs(m->id.idiag_sport)) ||
            (w->tcp && rport->type != RV_NULL && rport->u != ntohs(m->id.idiag_dport)) ||
            !same_address(&k[w->id->local], m->idiag_family, m->id.idiag_src) ||
            (w->tcp && !same_address(&k[w->id->remote], m->idiag_family, m->id.idiag_dst)))
                return 0;
        w->found = *m;
        w->n++;
        return 0;
}

static int find(struct wanted *w, struct rv_error *err)
{
        int fd = rv_netlink_open(NETLINK_SOCK_DIAG);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot ask the kernel for sockets");
        for (int i = 0; i < 2; i++) {
                struct request ask = { .h = { .nlmsg_type = SOCK_DIAG_BY_FAMILY },
                                       .d = { .sdiag_family = i ? AF_INET6 : AF_INET,
                                              .sdiag_protocol = w->tcp ? IPPROTO_TCP : IPPROTO_UDP,
                                              .idiag_states = UINT32_MAX } };
                rv_netlink_dump(fd, &ask.h, sizeof ask, on_find, w);
        }
        close(fd);
        if (!w->n)
                return rv_fail(err, RV_NOT_FOUND, "there is no such socket (any more)");
        if (w->n > 1) {
                rv_fail(err, RV_INVALID_PARAMETER, "%u sockets fit the key", w->n);
                return rv_hint(err, "Name more of its addresses and ports, or its Inode.");
        }
        return RV_OK;
}

static int destroy(const struct wanted *w, struct rv_error *err)
{
        struct request ask = { .h = { .nlmsg_type = SOCK_DESTROY, .nlmsg_len = sizeof ask },
                               .d = { .sdiag_family = w->found.idiag_family,
                                      .sdiag_protocol = w->tcp ? IPPROTO_TCP : IPPROTO_UDP,
                                      .idiag_states = UINT32_MAX,
                                      .id = w->found.id } };
        char said[200];
        int fd = rv_netlink_open(NETLINK_SOCK_DIAG);
        if (fd < 0)
                return rv_fail_errno(err, -fd, "cannot speak with the kernel");
        int e = rv_netlink_do(fd, &ask.h, said, sizeof said);
        close(fd);
        if (e == -EOPNOTSUPP || e == -EINVAL) {
                rv_fail(err, RV_NOT_SUPPORTED, "this kernel cannot close sockets of others");
                return rv_hint(err,
                               "It was built without CONFIG_INET_DIAG_DESTROY: stop the process instead.");
        }
        if (e == -ENOENT)
                return rv_fail(err, RV_NOT_FOUND, "the socket has gone meanwhile");
        return e < 0 ? rv_fail_errno(err, -e, "cannot close the socket") : RV_OK;
}

static int close_socket(struct rv_call *c, const struct ids *id, bool tcp, struct rv_error *err)
{
        struct wanted w = { .key = c->key, .id = id, .tcp = tcp };
        int e = find(&w, err);
        if (e == RV_OK)
                rv_change(c, tcp ? "State" : "LocalPort",
                          tcp && w.found.idiag_state < TCP_STATES ? states[w.found.idiag_state] : "open",
                          "Closed");
        if (e == RV_OK && !c->what_if)
                e = destroy(&w, err);
        if (e == RV_OK)
                NetTCPConnection_Close_out_set_ReturnValue(c->out, 0);
        return e;
}

static int tcp_close(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return close_socket(c, &tcp_ids, true, err);
}

static int udp_close(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return close_socket(c, &udp_ids, false, err);
}

static int (*const tcp_methods[NetTCPConnection_nmethods])(
        struct rv_call *, const void *, struct rv_error *) = { [NetTCPConnection_method_Close] = tcp_close };
static int (*const udp_methods[NetUDPEndpoint_nmethods])(
        struct rv_call *, const void *, struct rv_error *) = { [NetUDPEndpoint_method_Close] = udp_close };

static const struct rv_provider nettcpconnection = { .class = &NetTCPConnection_class,
                                                     .query = tcp_query,
                                                     .idle = rv_asleep_rest,
                                                     .methods = tcp_methods };
static const struct rv_provider netudpendpoint = { .class = &NetUDPEndpoint_class,
                                                   .query = udp_query,
                                                   .idle = rv_asleep_rest,
                                                   .methods = udp_methods };

RV_PROVIDERS(netsocket, &nettcpconnection, &netudpendpoint);
