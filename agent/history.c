/* SPDX-License-Identifier: MIT */
#include "agent/history.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "agent/indicate.h"
#include "agent/log.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define START_AFTER \
        UINT64_C(300000000) /* ns: whoever started the agent to ask one thing has his answer first */
#define AGAIN_AFTER UINT64_C(10000000000) /* ns; doubled each time, for MOST_TRIES times */
#define PUSH_BROKEN UINT64_C(60000000000) /* ns between polls while a push source is broken */
#define NEVER (UINT64_C(1) << 62)
enum { MOST_TRIES = 6, MOST_SECONDS = 86400, NAMES = 64, TRIM_BYTES = 256 << 10 };

static const char default_keep[] =
        "Service, NetAdapter, NetIPAddress, NetRoute, Mount, LocalUser, LocalGroup, Package";

struct kept {
        struct kept *next;
        struct rv_history *history;
        const struct rv_class *class;
        struct rv_watcher watcher;
        uint64_t *want;
        uint64_t interval; /* ns between polls that the configuration asks for; 0: none */
        struct rv_alarm again;
        unsigned tries;
        uint64_t sum; /* cold: of what the writer was told last */
        bool live;    /* everything was handed to the writer, and all changes since */
};

struct rv_history {
        struct rv_agent *agent;
        struct rv_history_store store;
        char keep[1024];
        struct kept *classes;
        struct rv_alarm start;
        struct rv_state_job job;
        bool busy;
        struct rv_history_entry *pending, **pending_end, *writing;
        size_t bytes;
};

/* ---- to the writer ---- */

static int write_entries(struct rv_state_job *job, sqlite3 *db)
{
        struct rv_history *h = OF(job, struct rv_history, job);
        int r = SQLITE_OK;
        for (const struct rv_history_entry *e = h->writing; e && r == SQLITE_OK; e = e->next)
                r = rv_history_write(&h->store, db, e);
        if (r != SQLITE_OK)
                h->store.begun = false; /* its counts are those of a transaction that is undone */
        return r;
}

static void submit(struct rv_history *);
static void begin(struct kept *);
static void try_later(struct kept *);

static size_t free_entries(struct rv_history_entry *e)
{
        size_t bytes = 0;
        for (struct rv_history_entry *next; e; e = next) {
                next = e->next;
                bytes += sizeof *e + e->n;
                free(e);
        }
        return bytes;
}

/* What is on disk has a hole from now on: each class begins a new span when it can be written again. */
static void lose(struct rv_history *h, const char *why)
{
        rv_log(RV_LOG_ERROR, "history: changes were lost (%s)", why);
        h->bytes -= free_entries(h->pending);
        h->pending = NULL;
        h->pending_end = &h->pending;
        for (struct kept *k = h->classes; k; k = k->next)
                if (k->live) {
                        k->live = false;
                        rv_watch_leave(&k->watcher);
                        try_later(k);
                }
}

static void on_written(struct rv_state_job *job)
{
        struct rv_history *h = OF(job, struct rv_history, job);
        size_t written = free_entries(h->writing);
        h->bytes -= written;
        h->writing = NULL;
        h->busy = false;
        if (written > TRIM_BYTES)
                malloc_trim(0);
        if (job->failed && !h->agent->stopping)
                lose(h, job->why);
        submit(h);
}

static void submit(struct rv_history *h)
{
        if (h->busy || !h->pending)
                return;
        h->writing = h->pending;
        h->pending = NULL;
        h->pending_end = &h->pending;
        h->busy = true;
        h->job.write = write_entries;
        h->job.done = on_written;
        if (rv_state_submit(&h->agent->state, &h->job) == 0)
                return;
        snprintf(h->job.why, sizeof h->job.why, "too much waits for the disk");
        h->job.failed = true;
        h->bytes -= free_entries(h->writing);
        h->writing = NULL;
        h->busy = false;
        lose(h, h->job.why);
}

static void add_entry(struct rv_history *h, const struct rv_class *c, int what, unsigned kind,
                      const char *text, size_t n)
{
        struct rv_history_entry *e = h->bytes + n > RV_HISTORY_PENDING ? NULL : malloc(sizeof *e + n + 1);
        if (!e) {
                lose(h, "too many at once");
                return;
        }
        *e = (struct rv_history_entry) {
                .class_name = c ? c->name : "", .what = what, .kind = kind, .time = rv_wall(), .n = n
        };
        memcpy(e->text, text ? text : "", n);
        e->text[n] = 0;
        *h->pending_end = e;
        h->pending_end = &e->next;
        h->bytes += sizeof *e + n;
        submit(h);
}

static void add(struct kept *k, int what, unsigned kind, const char *text, size_t n)
{
        add_entry(k->history, k->class, what, kind, text, n);
}

static void note_keep(struct rv_history *h, const struct rv_class *c, bool keep, unsigned interval,
                      bool by_call)
{
        char text[64];
        int n = snprintf(text, sizeof text, "%u %d %d", interval, rv_watch_covers(h->agent, c) == RV_PUSH_ALL,
                         by_call);
        add_entry(h, c, RV_HISTORY_KEEP, keep, text, (size_t)n);
}

/* ---- what the watch tells ---- */

static void put_object(const struct kept *k, struct rv_buf *b, const struct rv_batch *batch, uint32_t row)
{
        rv_json_keys(b, batch, row);
        rv_buf_puts(b, "\n");
        rv_json_row(b, batch, row, k->want, 0);
        rv_buf_puts(b, "\n");
}

static uint64_t sum_of(const struct rv_buf *b)
{
        uint64_t h = UINT64_C(14695981039346656037);
        for (size_t i = 0; i < b->len; i++)
                h = (h ^ (unsigned char)b->data[i]) * UINT64_C(1099511628211);
        return h;
}

/* Also when it is well again after a failed poll: what has changed meanwhile is found by the writer. */
static void on_baseline(struct rv_watcher *x)
{
        struct kept *k = OF(x, struct kept, watcher);
        struct rv_held_rows rows;
        struct rv_buf b = { .max = RV_HISTORY_PENDING };
        if (rv_watch_rows(x->watch, &rows))
                return;
        size_t n = rows.n;
        for (size_t i = 0; i < rows.n && n <= RV_HISTORY_OBJECTS && !b.failed; i++)
                put_object(k, &b, rows.v[i].kept->batch, rows.v[i].row);
        rv_held_rows_free(&rows);
        k->tries = 0;
        if (n > RV_HISTORY_OBJECTS || b.failed) {
                rv_log(RV_LOG_WARNING, "history: %s is not kept: it has %zu objects", k->class->name, n);
                rv_watch_leave(x);
        } else if (!k->live || k->sum != sum_of(&b)) {
                bool more = k->live; /* of a cold one: the writer finds what has changed */
                k->live = true;
                k->sum = sum_of(&b);
                add(k, more ? RV_HISTORY_MORE : RV_HISTORY_ALL, 0, b.data, b.len);
        }
        rv_buf_free(&b);
}

static void on_changed(struct rv_watcher *x, unsigned kind, const struct rv_batch *now, uint32_t row,
                       const struct rv_batch *before, uint32_t before_row)
{
        struct kept *k = OF(x, struct kept, watcher);
        struct rv_buf b = { 0 };
        if (!k->live)
                return;
        put_object(k, &b, now ? now : before, now ? row : before_row);
        if (b.failed)
                lose(k->history, "out of memory");
        else
                add(k, RV_HISTORY_CHANGE, kind, b.data, b.len);
        rv_buf_free(&b);
}

static void on_failed(struct rv_watcher *x, const struct rv_error *e)
{
        struct kept *k = OF(x, struct kept, watcher);
        if (!e && x->ready && !k->live) {
                on_baseline(x);
        } else if (e && k->live) {
                k->live = false;
                add(k, RV_HISTORY_END, 0, NULL, 0);
        }
        if (e && !x->ready) { /* it was never read, or has become too large */
                if (!k->tries)
                        rv_log(RV_LOG_NOTICE, "history: %s is not kept for now: %s", k->class->name,
                               e->message);
                rv_watch_leave(x);
                try_later(k);
        }
}

/* ---- which classes ---- */

static void begin(struct kept *k)
{
        struct rv_error err = { 0 };
        int r = rv_watch_join(k->history->agent, k->class, &k->watcher, &err);
        if (r && !k->tries)
                rv_log(RV_LOG_NOTICE, "history: %s is not kept for now: %s", k->class->name, err.message);
        if (r)
                try_later(k);
}

static void on_again(struct rv_alarm *a)
{
        begin(OF(a, struct kept, again));
}

static void try_later(struct kept *k)
{
        if (k->tries >= MOST_TRIES || k->history->agent->stopping)
                return;
        rv_alarm_set(&k->history->agent->loop, &k->again, rv_now() + (AGAIN_AFTER << k->tries));
        k->tries++;
}

static void free_class(struct kept *k)
{
        rv_alarm_clear(&k->history->agent->loop, &k->again);
        rv_watch_leave(&k->watcher);
        free(k->want);
        free(k);
}

/* What is kept of an object: all that costs nothing extra, is no secret, and is no count that always moves. */
static uint64_t *choose_properties(struct rv_agent *a, const struct rv_class *c)
{
        uint64_t *want = calloc(RV_MASK_WORDS(c->nproperties) + 1, sizeof *want);
        for (uint32_t p = 0; want && p < c->nproperties; p++)
                if (c->properties[p].flags & RV_KEY ||
                    (!(c->properties[p].flags & (RV_EXPENSIVE | RV_SECRET | RV_COUNTER)) &&
                     !rv_watch_silent(a, c, p)))
                        rv_bit_set(want, p);
        return want;
}

static void keep_class(struct rv_history *h, const struct rv_class *c, uint64_t interval)
{
        struct kept *k = calloc(1, sizeof *k);
        if (k)
                k->want = choose_properties(h->agent, c);
        if (!k || !k->want) {
                free(k);
                return;
        }
        bool pushed = rv_watch_covers(h->agent, c) == RV_PUSH_ALL, cold = rv_watch_tells_whole(h->agent, c);
        k->history = h;
        k->class = c;
        k->interval = interval;
        k->again.ring = on_again;
        k->watcher =
                (struct rv_watcher) { .want = k->want,
                                      .compare = k->want,
                                      .kinds = cold ? 0 : RV_EVENT_CREATE | RV_EVENT_MODIFY | RV_EVENT_DELETE,
                                      .cold = cold,
                                      .interval = interval ? interval
                                                  : pushed ? PUSH_BROKEN
                                                           : NEVER,
                                      .baseline = on_baseline,
                                      .changed = on_changed,
                                      .failed = on_failed };
        k->next = h->classes;
        h->classes = k;
        begin(k);
}

static struct kept *find_kept(struct rv_history *h, const struct rv_class *c)
{
        struct kept *k = h->classes;
        while (k && k->class != c)
                k = k->next;
        return k;
}

static void drop_class(struct rv_history *h, struct kept *gone)
{
        struct kept **at = &h->classes;
        if (gone->live)
                add(gone, RV_HISTORY_END, 0, NULL, 0);
        while (*at != gone)
                at = &(*at)->next;
        *at = gone->next;
        free_class(gone);
}

int rv_history_check(const struct rv_class *c, struct rv_error *err)
{
        rv_about(err, c->name, NULL, "ClassName");
        return c->view_of ? rv_fail(err, RV_INVALID_PARAMETER, "%s is a view: keep %s", c->name, c->view_of)
               : c->flags & RV_INDICATION
                       ? rv_fail(err, RV_INVALID_PARAMETER, "%s has events, no objects", c->name)
               : !c->nkeys && !(c->flags & RV_SINGLETON) ? rv_fail(err, RV_INVALID_PARAMETER, "%s has no keys", c->name)
                           : RV_OK;
}

void rv_history_keep(struct rv_agent *a, const struct rv_class *c, bool keep, unsigned interval, bool purge)
{
        struct rv_history *h = a->history;
        struct kept *k = h ? find_kept(h, c) : NULL;
        const uint64_t ns = interval * UINT64_C(1000000000);
        if (!h)
                return;
        if (k && (!keep || k->interval != ns)) {
                drop_class(h, k);
                k = NULL;
        }
        if (purge)
                add_entry(h, c, RV_HISTORY_PURGE, 0, NULL, 0);
        note_keep(h, c, keep, interval, true);
        if (keep && !k && rv_entry_find(a, c))
                keep_class(h, c, ns);
}

/* "Service", or "Sysctl/300": polled every 300 s. */
static int keep_word(struct rv_history *h, const char *word, size_t n, bool check_only)
{
        char name[NAMES];
        const char *slash = memchr(word, '/', n);
        size_t len = slash ? (size_t)(slash - word) : n;
        char *end = NULL;
        unsigned long seconds = slash ? strtoul(slash + 1, &end, 10) : 0;
        if (!len || len >= sizeof name || (slash && (end != word + n || !seconds || seconds > MOST_SECONDS)))
                return -EINVAL;
        snprintf(name, sizeof name, "%.*s", (int)len, word);
        const struct rv_class *c = rv_class_find(name, NULL);
        struct rv_error ignored = { 0 };
        if (!c && !check_only) /* of the default list */
                return 0;
        if (!c || rv_history_check(c, &ignored))
                return -EINVAL;
        if (!check_only && !find_kept(h, c) && rv_entry_find(h->agent, c)) {
                note_keep(h, c, true, (unsigned)seconds, false);
                keep_class(h, c, seconds * UINT64_C(1000000000));
        }
        return 0;
}

static int each_word(struct rv_history *h, const char *list, bool check_only)
{
        for (const char *s = list; *(s += strspn(s, " \t,"));) {
                size_t n = strcspn(s, " \t,");
                int r = keep_word(h, s, n, check_only);
                if (r) {
                        rv_log(RV_LOG_ERROR,
                               "[history] keep: '%.*s': expected a class with keys that is no view, perhaps "
                               "with /SECONDS between polls",
                               (int)(n < 80 ? n : 80), s);
                        return r;
                }
                s += n;
        }
        return 0;
}

static struct rv_history *history_of(struct rv_agent *a)
{
        if (a->history)
                return a->history;
        struct rv_history *h = a->history = calloc(1, sizeof *h);
        if (!h)
                return NULL;
        h->agent = a;
        h->pending_end = &h->pending;
        h->store = (struct rv_history_store) { .days = RV_HISTORY_DAYS,
                                               .most_rows = RV_HISTORY_ROWS,
                                               .most_bytes = (int64_t)RV_HISTORY_MIB << 20 };
        snprintf(h->keep, sizeof h->keep, "%s", default_keep);
        return h;
}

int rv_history_key(struct rv_agent *a, const char *key, const char *value)
{
        struct rv_history *h = history_of(a);
        char *end;
        errno = 0;
        if (!h)
                return -ENOMEM;
        if (strcmp(key, "keep") == 0) {
                if (strlen(value) >= sizeof h->keep)
                        return -EINVAL;
                snprintf(h->keep, sizeof h->keep, "%s", strcasecmp(value, "none") == 0 ? "" : value);
                return each_word(h, h->keep, true);
        }
        long long n = strtoll(value, &end, 10);
        if (end == value || *end || errno || n < 0 || n > 1000000000)
                return -EINVAL;
        if (strcmp(key, "days") == 0)
                h->store.days = (unsigned)n;
        else if (strcmp(key, "states") == 0)
                h->store.most_rows = n;
        else if (strcmp(key, "mebibytes") == 0)
                h->store.most_bytes = n << 20;
        else
                return -ENOENT;
        return 0;
}

/* What a call said holds over the configuration. */
static void on_call(void *history, const struct rv_class *c, bool keep, unsigned interval)
{
        struct rv_history *h = history;
        struct kept *k = find_kept(h, c);
        if (k)
                drop_class(h, k);
        if (keep && rv_entry_find(h->agent, c))
                keep_class(h, c, interval * UINT64_C(1000000000));
}

static void on_start(struct rv_alarm *a)
{
        struct rv_history *h = OF(a, struct rv_history, start);
        if (*h->keep)
                add_entry(h, NULL, RV_HISTORY_RESET, 0, NULL, 0);
        each_word(h, h->keep, false);
        rv_history_each_call(h->agent, on_call, h);
}

void rv_history_start(struct rv_agent *a)
{
        struct rv_history *h = history_of(a);
        if (!h)
                return;
        h->start.ring = on_start;
        rv_alarm_set(&a->loop, &h->start, rv_now() + START_AFTER);
}

void rv_history_stop(struct rv_agent *a)
{
        struct rv_history *h = a->history;
        if (!h)
                return;
        for (struct kept *k = h->classes; k; k = k->next)
                if (k->live)
                        add(k, RV_HISTORY_END, 0, NULL, 0);
        rv_alarm_clear(&a->loop, &h->start);
        for (int i = 0; h->busy && i < 2000; i++) { /* the ends wait behind what is being written */
                uv_run(&a->loop.uv, UV_RUN_NOWAIT);
                usleep(1000);
        }
        for (struct kept *k = h->classes, *next; k; k = next) {
                next = k->next;
                free_class(k);
        }
        h->classes = NULL;
}

void rv_history_free(struct rv_agent *a)
{
        struct rv_history *h = a->history;
        if (!h)
                return;
        free_entries(h->pending);
        free_entries(h->writing);
        free(h);
        a->history = NULL;
}

void rv_history_touched(struct rv_agent *a, const struct rv_class *c)
{
        /* watch.c lets be what is pushed */
        for (struct kept *k = a->history ? a->history->classes : NULL; k; k = k->next)
                if (k->class == c && k->live)
                        rv_watch_suspect(&k->watcher);
}

/* ---- what is asked ---- */

int rv_request_at(struct rv_request *q, struct rv_error *err)
{
        const char *text = json_string_value(json_object_get(q->params, "At"));
        if (!text)
                return RV_OK;
        rv_about(err, NULL, NULL, "At");
        if (strcasecmp(text, "now") == 0)
                q->ask.at = rv_wall();
        else if (!rv_datetime_parse(text, strlen(text), &q->ask.at) || q->ask.at <= 0)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "At: expected now, or a moment as RFC 3339 has it: 2026-11-24T04:20:16Z");
        if (q->ask.at > rv_wall())
                return rv_fail(err, RV_INVALID_PARAMETER, "At: %.40s has not come yet", text);
        if (json_object_get(q->params, "Since"))
                return rv_fail(err, RV_INVALID_PARAMETER, "At and Since cannot be given together");
        rv_about(err, NULL, NULL, "");
        return RV_OK;
}
