/* SPDX-License-Identifier: MIT */
#include "agent/drift.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"

enum { MOST = 1000 };

static struct {
        struct rv_drift *first, **end;
        unsigned n;
        int fd; /* 0: nobody watches */
} news;

void rv_drift_tell(const char *document, json_t *resource)
{
        struct rv_drift *d = news.fd > 0 ? calloc(1, sizeof *d) : NULL;
        if (!d)
                return;
        if (news.n == MOST)
                rv_drift_free(rv_drift_take());
        d->time = rv_wall();
        d->what = json_incref(resource);
        d->document = document ? strdup(document) : NULL;
        *news.end = d;
        news.end = &d->next;
        news.n++;
        ssize_t told = write(news.fd, &(uint64_t) { 1 }, sizeof(uint64_t));
        (void)told; /* full: it is readable already */
}

int rv_drift_open(void)
{
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        news.fd = fd;
        news.first = NULL;
        news.end = &news.first;
        news.n = 0;
        return fd;
}

struct rv_drift *rv_drift_take(void)
{
        struct rv_drift *d = news.first;
        if (!d) {
                ssize_t n = read(news.fd, &(uint64_t) { 0 }, sizeof(uint64_t));
                (void)n; /* nothing is left: not readable until the next */
                return NULL;
        }
        news.first = d->next;
        if (!news.first)
                news.end = &news.first;
        news.n--;
        return d;
}

void rv_drift_free(struct rv_drift *d)
{
        if (!d)
                return;
        json_decref(d->what);
        free(d->document);
        free(d);
}

void rv_drift_close(int fd)
{
        for (struct rv_drift *d; (d = rv_drift_take());)
                rv_drift_free(d);
        news.fd = 0;
        close(fd);
}
