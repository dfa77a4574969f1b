/* SPDX-License-Identifier: MIT */
#include "providers/lib/procevents.h"

#include <errno.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/provider.h"

enum { BUFFER = 2 << 20, MOST = 200 };

static int listen_to(int fd)
{
        char ask[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(enum proc_cn_mcast_op))] = { 0 };
        enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
        struct cn_msg m = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof op };
        struct nlmsghdr h = { .nlmsg_len = NLMSG_LENGTH(sizeof m + sizeof op), .nlmsg_type = NLMSG_DONE };
        memcpy(ask, &h, sizeof h);
        memcpy(ask + NLMSG_HDRLEN, &m, sizeof m);
        memcpy(ask + NLMSG_HDRLEN + sizeof m, &op, sizeof op);
        return send(fd, ask, h.nlmsg_len, 0) < 0 ? -errno : 0;
}

int rv_procevents_open(void)
{
        int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR), size = BUFFER;
        struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        int r = bind(fd, (struct sockaddr *)&own, sizeof own) < 0 ? -errno : listen_to(fd);
        if (r)
                close(fd);
        return r ? r : fd;
}

int rv_procevents_read(int fd, void (*each)(void *, const struct proc_event *), struct rv_news *news)
{
        for (int i = 0; i < MOST; i++) {
                char buf[1024];
                struct sockaddr_nl from;
                socklen_t len = sizeof from;
                ssize_t n = recvfrom(fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &len);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == ENOBUFS) {
                        rv_news_lost(news);
                        continue;
                }
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                struct cn_msg m;
                struct proc_event e = { 0 };
                const size_t head = NLMSG_HDRLEN + sizeof m;
                if (from.nl_pid != 0 || (size_t)n <= head) /* only the kernel is believed */
                        continue;
                memcpy(&m, buf + NLMSG_HDRLEN, sizeof m);
                if (m.id.idx != CN_IDX_PROC || m.id.val != CN_VAL_PROC)
                        continue;
                size_t size = (size_t)n - head;
                memcpy(&e, buf + head, size < sizeof e ? size : sizeof e);
                each(news, &e);
        }
        return 0;
}
