/* SPDX-License-Identifier: MIT
 *
 * See watch.h. What is watched is made anew whenever services may have come or gone; before the core reads them
 * again, so that nothing is missed in between.
 */
#include "providers/service/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { POLL_SECONDS = 30, TURN = 64 };

struct path {
        int wd;
        char *file, *key; /* as in rv_svc_watch_path() */
};
struct process {
        int fd;
        char name[256];
};
struct rv_svc_watch {
        const struct rv_svc_manager *manager;
        int epoll, inotify, timer;
        struct path *paths;
        size_t npaths;
        struct process *processes;
        size_t nprocesses;
        bool poll, again;
};
static struct rv_svc_watch it = { .epoll = -1, .inotify = -1, .timer = -1 };

static void listen_to(int fd)
{
        struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
        epoll_ctl(it.epoll, EPOLL_CTL_ADD, fd, &e);
}

static int close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
        return -1;
}

void rv_svc_watch_path(struct rv_svc_watch *w, const char *path, const char *file, const char *key)
{
        struct path *more = realloc(w->paths, (w->npaths + 1) * sizeof *more);
        if (!more)
                return;
        w->paths = more;
        int wd = inotify_add_watch(w->inotify, path,
                                   IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE | IN_ATTRIB |
                                           IN_DELETE_SELF);
        if (wd >= 0)
                w->paths[w->npaths++] =
                        (struct path) { wd, file ? strdup(file) : NULL, key ? strdup(key) : NULL };
}

void rv_svc_watch_poll(struct rv_svc_watch *w)
{
        w->poll = true;
}

static void forget_process(size_t i)
{
        close_fd(it.processes[i].fd); /* leaves epoll by itself */
        it.processes[i] = it.processes[--it.nprocesses];
}

/* The process that a service has now. */
static void watch_process(const char *name)
{
        struct rv_svc s = { 0 };
        for (size_t i = 0; i < it.nprocesses; i++)
                if (strcmp(it.processes[i].name, name) == 0)
                        forget_process(i--);
        if (it.manager->read(name, 0, 0, &s) || !s.pidfile[0])
                return;
        uint32_t pid = rv_svc_pidfile(s.pidfile);
        int fd = pid ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
        struct process *more = fd < 0 ? NULL : realloc(it.processes, (it.nprocesses + 1) * sizeof *more);
        if (!more) {
                close_fd(fd);
                return;
        }
        it.processes = more;
        it.processes[it.nprocesses].fd = fd;
        snprintf(it.processes[it.nprocesses++].name, sizeof more->name, "%s", name);
        listen_to(fd);
}

static int one_process(void *state, const char *name)
{
        (void)state;
        watch_process(name);
        return 0;
}

static void forget(void)
{
        for (size_t i = 0; i < it.npaths; i++) {
                free(it.paths[i].file);
                free(it.paths[i].key);
        }
        it.npaths = 0;
        while (it.nprocesses)
                forget_process(0);
        it.inotify = close_fd(it.inotify);
        it.timer = close_fd(it.timer);
        it.poll = it.again = false;
}

static int make(void)
{
        struct itimerspec every = { { POLL_SECONDS, 0 }, { POLL_SECONDS, 0 } };
        forget();
        it.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (it.inotify < 0)
                return -errno;
        listen_to(it.inotify);
        it.manager->watch(&it);
        it.manager->each(one_process, NULL);
        if (it.poll && (it.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) >= 0) {
                timerfd_settime(it.timer, 0, &every, NULL);
                listen_to(it.timer);
        }
        return 0;
}

int rv_svc_watch_open(const struct rv_svc_manager *m, struct rv_error *err)
{
        it.manager = m;
        it.epoll = epoll_create1(EPOLL_CLOEXEC);
        int e = it.epoll < 0 ? -errno : make();
        if (e) {
                rv_fail_errno(err, -e, "cannot watch the services");
                forget();
                it.epoll = close_fd(it.epoll);
                return e;
        }
        return it.epoll;
}

void rv_svc_watch_close(int fd)
{
        (void)fd;
        forget();
        free(it.paths);
        free(it.processes);
        it.paths = NULL;
        it.processes = NULL;
        it.epoll = close_fd(it.epoll);
}

static void tell(struct rv_news *news, const char *name)
{
        watch_process(name);
        rv_news_key(news, &(struct rv_arg) { .type = RV_STRING, .s = name, .len = (uint32_t)strlen(name) },
                    0);
}

static void on_file(struct rv_news *news, const struct inotify_event *e)
{
        const char *file = e->len ? e->name : "";
        if (e->mask & IN_Q_OVERFLOW)
                it.again = true;
        for (size_t i = 0; i < it.npaths && !it.again; i++) {
                const struct path *p = &it.paths[i];
                if (p->wd != e->wd || (p->file && strcmp(p->file, file) != 0))
                        continue;
                if (p->key && strcmp(p->key, "*") == 0)
                        it.again = true;
                else if (p->key || file[0])
                        tell(news, p->key ? p->key : file);
        }
}

static int read_files(struct rv_news *news)
{
        char buf[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n = read(it.inotify, buf, sizeof buf);
        for (ssize_t at = 0; at < n;) {
                const struct inotify_event *e = (const void *)(buf + at);
                on_file(news, e);
                at += (ssize_t)(sizeof *e + e->len);
        }
        return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

static void read_process(struct rv_news *news, int fd)
{
        for (size_t i = 0; i < it.nprocesses; i++)
                if (it.processes[i].fd == fd) {
                        char name[256];
                        snprintf(name, sizeof name, "%s", it.processes[i].name);
                        tell(news, name); /* looks for a new process, too */
                        return;
                }
}

int rv_svc_watch_read(int fd, struct rv_news *news)
{
        struct epoll_event ready[TURN];
        uint64_t times;
        int n = epoll_wait(fd, ready, TURN, 0), e = 0;
        for (int i = 0; i < n && e == 0; i++) {
                int from = ready[i].data.fd;
                if (from == it.inotify)
                        e = read_files(news);
                else if (from == it.timer && read(it.timer, &times, sizeof times) > 0)
                        rv_news_changed(news);
                else
                        read_process(news, from);
        }
        if (e == 0 && it.again) {
                e = make();
                rv_news_changed(news);
        }
        return e;
}
