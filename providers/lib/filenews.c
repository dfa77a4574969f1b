/* SPDX-License-Identifier: MIT */
#include "providers/lib/filenews.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

int rv_filenews_open(const char *const *folders, struct rv_error *err)
{
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), n = 0;
        if (fd < 0) {
                int r = -errno;
                rv_fail_errno(err, r, "cannot watch files");
                return r;
        }
        for (; *folders; folders++)
                n += inotify_add_watch(fd, *folders,
                                       IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                               IN_ONLYDIR) >= 0;
        if (n)
                return fd;
        int r = -errno;
        rv_fail_errno(err, r, "cannot watch files");
        close(fd);
        return r;
}

static bool is_one(const char *name, const char *const *names)
{
        while (*names && strcmp(*names, name) != 0)
                names++;
        return *names;
}

int rv_filenews_read(int fd, const char *const *names, struct rv_news *news)
{
        char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n = read(fd, buf, sizeof buf);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        bool any = false;
        for (char *at = buf; at < buf + n;) {
                const struct inotify_event *e = (const struct inotify_event *)at;
                if (e->mask & IN_IGNORED) /* the folder has gone: opened anew, it may be there again */
                        return -ENOENT;
                any |= e->mask & IN_Q_OVERFLOW || (e->len && is_one(e->name, names));
                at += sizeof *e + e->len;
        }
        if (any)
                rv_news_changed(news);
        return 0;
}
