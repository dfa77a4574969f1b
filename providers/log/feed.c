/* SPDX-License-Identifier: MIT
 *
 * See feed.h. A thread reads both (a file system may not answer) and hands rows over by a queue of bounded size; while
 * that is full it waits, and what it has not read stays where it is. So whoever is slow is told late, and nothing is
 * lost here.
 */
#include "providers/log/feed.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gen/LogEntry.h"
#include "gen/LogEntryEvent.h"
#include "providers/lib/fill.h"
#include "providers/log/source.h"
#include "providers/log/tail.h"

/* A row of an event has LogEntry's properties at LogEntry's places. */
_Static_assert((int)LogEntryEvent_Cursor == (int)LogEntry_Cursor &&
                       (int)LogEntryEvent_Path == (int)LogEntry_Path &&
                       (int)LogEntryEvent_Message == (int)LogEntry_Message &&
                       (int)LogEntryEvent_Unit == (int)LogEntry_Unit &&
                       (int)LogEntryEvent_Transport == (int)LogEntry_Transport &&
                       (int)LogEntryEvent_Fields == (int)LogEntry_Fields,
               "LogEntryEvent begins with LogEntry's properties");

enum { QUEUE_BYTES = 1 << 20, AT_ONCE = 200, RETRY_MS = 5000 };
#define READY_WITHIN UINT64_C(1000000000)

struct feed {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct rv_batch *first, *last; /* each with one row */
        size_t bytes;
        bool over, ready;  /* over: nobody listens; ready: from now on nothing is missed */
        unsigned refs;     /* the loop's and the thread's */
        int fd, stop;      /* eventfds: there is something; over */
        struct feed *next; /* of the loop's list */
};
static struct feed *feeds; /* the loop's */

static void feed_drop(struct feed *f)
{
        pthread_mutex_lock(&f->lock);
        bool last = !--f->refs;
        pthread_mutex_unlock(&f->lock);
        if (!last)
                return;
        for (struct rv_batch *b = f->first, *next; b; b = next) {
                next = b->next;
                rv_batch_free(b);
        }
        close(f->stop);
        pthread_mutex_destroy(&f->lock);
        pthread_cond_destroy(&f->changed);
        free(f);
}

/* ---- the thread ---- */

static void signal_fd(int fd)
{
        uint64_t one = 1;
        if (write(fd, &one, sizeof one) < 0) /* it is readable already */
                return;
}

/* False: nobody listens any more. */
static bool put(struct feed *f, struct rv_batch *b)
{
        pthread_mutex_lock(&f->lock);
        while (f->bytes > QUEUE_BYTES && !f->over)
                pthread_cond_wait(&f->changed, &f->lock);
        bool over = f->over;
        if (!over) {
                b->next = NULL;
                *(f->first ? &f->last->next : &f->first) = b;
                f->last = b;
                f->bytes += sizeof *b + b->cap;
                signal_fd(f->fd);
        }
        pthread_mutex_unlock(&f->lock);
        if (over)
                rv_batch_free(b);
        return !over;
}

static struct rv_batch *begin(struct rv_row *row)
{
        struct rv_batch *b = rv_batch_new(&LogEntryEvent_class);
        if (b && rv_row_begin(row, b, NULL) == 0)
                return b;
        rv_batch_free(b);
        return NULL;
}

static bool end(struct feed *f, struct rv_batch *b, struct rv_row *row)
{
        rv_row_end(row);
        return put(f, b);
}

static bool on_line(void *state, const char *base, const char *path, const struct rv_logplace *place)
{
        struct rv_row row;
        struct rv_batch *b = begin(&row);
        if (!b)
                return true;
        if (place) {
                rv_logline_fill(&row, place, base, path);
        } else {
                rv_fill(&row, LogEntryEvent_LogName, base);
                rv_fill(&row, LogEntryEvent_Path, path);
        }
        LogEntryEvent_set_Lost(&row, !place);
        return end(state, b, &row);
}

static bool read_journal(struct feed *f, struct rv_logsource *journal)
{
        bool on = true;
        while (on && rv_logsource_journal_next(journal)) {
                struct rv_row row;
                struct rv_batch *b = begin(&row);
                if (!b)
                        continue;
                journal->fill(journal, &row);
                LogEntryEvent_set_Lost(&row, false);
                on = end(f, b, &row);
        }
        return on;
}

static void *run(void *state)
{
        struct feed *f = state;
        struct rv_logsource *journal = rv_logsource_journal_end();
        struct rv_logtail *tail = rv_logtail_open(on_line, f);
        struct pollfd p[3] = { { .fd = f->stop, .events = POLLIN },
                               { .fd = tail ? rv_logtail_fd(tail) : -1, .events = POLLIN },
                               { .fd = journal ? rv_logsource_journal_fd(journal) : -1, .events = POLLIN } };
        pthread_mutex_lock(&f->lock);
        f->ready = true;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
        for (bool on = true; on && !(p[0].revents & POLLIN);) {
                on = (!journal || read_journal(f, journal)) && (!tail || rv_logtail_read(tail));
                if (on)
                        poll(p, 3, journal ? -1 : RETRY_MS);
                if (!journal && (journal = rv_logsource_journal_end())) /* it has come meanwhile */
                        p[2].fd = rv_logsource_journal_fd(journal);
        }
        rv_logsource_close(journal);
        rv_logtail_close(tail);
        feed_drop(f);
        return NULL;
}

/* ---- the loop ---- */

static struct feed *feed_new(void)
{
        struct feed *f = calloc(1, sizeof *f);
        if (!f)
                return NULL;
        pthread_condattr_t by_monotonic;
        pthread_condattr_init(&by_monotonic);
        pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&f->lock, NULL);
        pthread_cond_init(&f->changed, &by_monotonic);
        pthread_condattr_destroy(&by_monotonic);
        f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        f->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        f->refs = 1;
        return f;
}

static bool begin_thread(struct feed *f)
{
        pthread_t thread;
        pthread_attr_t a;
        pthread_attr_init(&a);
        pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
        f->refs++;
        bool ok = pthread_create(&thread, &a, run, f) == 0;
        pthread_attr_destroy(&a);
        f->refs -= !ok;
        return ok;
}

/* What is written once a subscription was answered must be told: so it waits until the ends are known, but not for a
 * file system that does not answer. */
static void await_ready(struct feed *f)
{
        uint64_t until = rv_now() + READY_WITHIN;
        struct timespec ts = { (time_t)(until / 1000000000), (long)(until % 1000000000) };
        pthread_mutex_lock(&f->lock);
        while (!f->ready && pthread_cond_timedwait(&f->changed, &f->lock, &ts) == 0)
                ;
        pthread_mutex_unlock(&f->lock);
}

static int event_open(struct rv_error *err)
{
        struct feed *f = feed_new();
        int e = f ? EAGAIN : ENOMEM;
        if (f && f->fd >= 0 && f->stop >= 0 && begin_thread(f)) {
                await_ready(f);
                f->next = feeds;
                feeds = f;
                return f->fd;
        }
        if (f && f->fd >= 0)
                close(f->fd);
        if (f)
                feed_drop(f);
        rv_fail_errno(err, e, "cannot follow the logs");
        return -e;
}

static struct rv_batch *take(struct feed *f)
{
        pthread_mutex_lock(&f->lock);
        struct rv_batch *b = f->first;
        if (b) {
                f->first = b->next;
                f->bytes -= sizeof *b + b->cap;
                pthread_cond_broadcast(&f->changed);
        }
        pthread_mutex_unlock(&f->lock);
        return b;
}

/* An event as a row of either class: an entry's is the event's without its end. */
static void emit(struct rv_news *news, const struct rv_batch *b, bool as_entry)
{
        const struct rv_class *c = as_entry ? &LogEntry_class : &LogEntryEvent_class;
        if (as_entry && rv_get(b, 0, LogEntryEvent_Lost)->b) {
                rv_news_lost(news);
                return;
        }
        struct rv_row *row = rv_news_row(news);
        for (unsigned p = 0; p < c->nproperties; p++)
                rv_copy_value(row, p, b, rv_get(b, 0, p));
        rv_news_emit(news, row);
}

static int read_as(int fd, struct rv_news *news, bool as_entry)
{
        struct feed *f = feeds;
        struct rv_batch *b;
        uint64_t count;
        while (f && f->fd != fd)
                f = f->next;
        if (!f || (read(fd, &count, sizeof count) < 0 && errno != EAGAIN))
                return -EBADF;
        int n = 0;
        for (; n < AT_ONCE && (b = take(f)); n++) {
                emit(news, b, as_entry);
                rv_batch_free(b);
        }
        if (n == AT_ONCE)
                signal_fd(fd);
        return 0;
}

static int event_read(int fd, struct rv_news *news)
{
        return read_as(fd, news, false);
}

static int entry_read(int fd, struct rv_news *news)
{
        return read_as(fd, news, true);
}

static void event_close(int fd)
{
        struct feed **at = &feeds;
        while (*at && (*at)->fd != fd)
                at = &(*at)->next;
        struct feed *f = *at;
        if (!f)
                return;
        *at = f->next;
        pthread_mutex_lock(&f->lock);
        f->over = true;
        signal_fd(f->stop);
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
        close(fd); /* under f->over nobody writes to it */
        feed_drop(f);
}

const struct rv_push rv_logfeed_events = {
        .covers = RV_PUSH_ALL, .open = event_open, .read = event_read, .close = event_close
};
const struct rv_push rv_logfeed_entries = {
        .covers = RV_PUSH_CREATE, .open = event_open, .read = entry_read, .close = event_close
};
