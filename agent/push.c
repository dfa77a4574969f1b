/* SPDX-License-Identifier: MIT
 *
 * What the system tells of a watched class: the provider's descriptor in the loop (provider.h, struct rv_push). A
 * descriptor that broke or lost something is opened anew and everything is read again; while it cannot be had, the
 * class is polled.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/view.h"
#include "agent/watch_int.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* How long until what is about to go is looked at again, ten times longer each time. */
#define FIRST_LOOK UINT64_C(10000000)
#define LAST_LOOK UINT64_C(100000000000)

struct rv_push_handle {
        uv_poll_t poll;
        struct rv_watch *watch;
        const struct rv_push *push;
        int fd;
};

/* Providers get this; it is the watch. */
struct rv_news {
        struct rv_watch *watch;
};

static void tell_lost(struct rv_watch *);

static void on_closed(uv_handle_t *h)
{
        struct rv_push_handle *p = h->data;
        if (p->push->close)
                p->push->close(p->fd);
        else
                close(p->fd);
        free(p);
}

void rv_push_stop(struct rv_watch *w)
{
        struct rv_push_handle *p = w->push;
        rv_batch_free(w->event);
        w->event = NULL;
        if (!p)
                return;
        w->push = NULL;
        p->watch = NULL;
        uv_poll_stop(&p->poll);
        uv_close((uv_handle_t *)&p->poll, on_closed);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
        (void)events;
        struct rv_push_handle *p = h->data;
        struct rv_watch *w = p->watch;
        struct rv_news news = { w };
        struct rv_error err = { 0 };
        int r = status < 0 ? status : p->push->read(p->fd, &news);
        if (r < 0) {
                rv_log(RV_LOG_WARNING, "%s: changes were lost (%s); reading all again", w->class->name,
                       strerror(-r));
                rv_push_stop(w);
                rv_push_start(w, &err);
                tell_lost(w);
        }
        rv_watch_think(w);
}

int rv_push_start(struct rv_watch *w, struct rv_error *err)
{
        const struct rv_push *push = rv_watch_push(w);
        struct rv_push_handle *p = calloc(1, sizeof *p);
        if (!p)
                return -ENOMEM;
        *p = (struct rv_push_handle) { .watch = w, .push = push };
        p->fd = push->open_class ? push->open_class(w->entry->provider->class, err) : push->open(err);
        int r = p->fd < 0 ? p->fd : uv_poll_init(&w->agent->loop.uv, &p->poll, p->fd);
        if (r < 0) {
                if (p->fd >= 0 && push->close)
                        push->close(p->fd);
                else if (p->fd >= 0)
                        close(p->fd);
                free(p);
                return err->code ? err->code : rv_fail_errno(err, r, "cannot watch %s", w->class->name);
        }
        p->poll.data = p;
        w->push = p;
        uv_poll_start(&p->poll, push->priority ? UV_PRIORITIZED : UV_READABLE, on_readable);
        return RV_OK;
}

bool rv_push_is_empty(const struct rv_watch *w)
{
        if (!w->push)
                return false;
        struct pollfd p = { .fd = w->push->fd, .events = w->push->push->priority ? POLLPRI : POLLIN };
        if (w->push->push->priority) /* asking takes the news away; the loop's own poll has it */
                return true;
        return poll(&p, 1, 0) == 0;
}

/* ---- what providers say ---- */

void rv_news_changed(struct rv_news *n)
{
        struct rv_watch *w = n->watch;
        uint64_t now = rv_now();
        if (w->scan && !w->dirty) /* what is being read may be older than the change */
                w->not_before = now;
        if (!w->dirty && w->entry->provider->push && w->not_before < now + w->entry->provider->push->settle)
                w->not_before = now + w->entry->provider->push->settle;
        w->dirty = true;
        if (w->not_before < w->began + 2 * w->took) /* never more than half of the time */
                w->not_before = w->began + 2 * w->took;
}

static void tell_lost(struct rv_watch *w)
{
        for (struct rv_watcher *x = w->watchers, *next; x; x = next) {
                next = x->next;
                if (x->lost && rv_watch_is_told(w))
                        x->lost(x);
        }
        w->dirty = true;
}

void rv_news_lost(struct rv_news *n)
{
        rv_log(RV_LOG_WARNING, "%s: the system told more changes than it keeps; reading all again",
               n->watch->class->name);
        tell_lost(n->watch);
}

/* The key as the watched class shows it: a view may have it as text. */
static bool own_key(const struct rv_watch *w, const struct rv_arg *key, struct rv_arg *ret)
{
        char text[32];
        const char *s = key->s;
        size_t n = key->len;
        *ret = *key;
        if (w->class->properties[w->class->keys[0]].type != RV_CIM_STRING)
                return key->type != RV_STRING;
        if (key->type != RV_STRING) {
                n = (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)key->u);
                s = text;
        }
        char *own = strndup(s, n);
        *ret = (struct rv_arg) { .type = RV_STRING, .len = (uint32_t)n, .s = own };
        return own;
}

static void told(struct rv_watch *w, const struct rv_arg *key, uint64_t after, uint64_t delay)
{
        struct rv_news n = { w };
        if (!w->by_first_key || w->nkeys >= RV_WATCH_KEYS) {
                if (!w->dirty)
                        rv_news_changed(&n);
                return;
        }
        if (w->nkeys == w->keys_cap) {
                size_t cap = w->keys_cap ? w->keys_cap * 2 : 16;
                struct rv_told_key *v = realloc(w->keys, cap * sizeof *v);
                if (!v) {
                        w->dirty = true;
                        return;
                }
                w->keys = v;
                w->keys_cap = cap;
        }
        struct rv_told_key *k = &w->keys[w->nkeys];
        *k = (struct rv_told_key) { .due = rv_now() + after, .delay = delay, .while_there = delay };
        if (own_key(w, key, &k->key))
                w->nkeys++;
        else
                w->dirty = true;
}

void rv_news_key(struct rv_news *n, const struct rv_arg *key, uint64_t after)
{
        told(n->watch, key, after, 0);
}

void rv_news_gone(struct rv_news *n, const struct rv_arg *key)
{
        told(n->watch, key, 0, FIRST_LOOK);
}

static bool same_key(const struct rv_arg *a, const struct rv_arg *b)
{
        if (a->type == RV_STRING)
                return b->type == RV_STRING && a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
        return b->type != RV_STRING && a->u == b->u;
}

static bool is_there(const struct rv_watch *w, const struct rv_arg *key)
{
        uint64_t hash = rv_watch_hash_key(key);
        const struct rv_seen *s = w->nbuckets ? w->buckets[hash & (w->nbuckets - 1)] : NULL;
        while (s && s->hash != hash)
                s = s->next;
        return s;
}

static void drop_key(struct rv_watch *w, size_t i)
{
        memmove(&w->keys[i], &w->keys[i + 1], (--w->nkeys - i) * sizeof *w->keys);
}

static void free_key(struct rv_arg *key)
{
        if (key->type == RV_STRING)
                free((char *)key->s);
}

bool rv_watch_take_key(struct rv_watch *w, uint64_t now, struct rv_arg *ret, uint64_t *ret_next)
{
        *ret_next = UINT64_MAX;
        for (size_t i = 0; i < w->nkeys;) {
                struct rv_told_key k = w->keys[i];
                if (k.due > now) {
                        if (k.due < *ret_next)
                                *ret_next = k.due;
                        i++;
                        continue;
                }
                drop_key(w, i);
                bool wanted = !k.while_there || is_there(w, &k.key);
                for (size_t j = w->nkeys; wanted && j-- > i;) /* told twice, read once */
                        if (w->keys[j].due <= now && !w->keys[j].delay && same_key(&w->keys[j].key, &k.key)) {
                                free_key(&w->keys[j].key);
                                drop_key(w, j);
                        }
                if (wanted && k.delay && k.delay < LAST_LOOK)
                        told(w, &k.key, k.delay, k.delay * 10);
                if (wanted) {
                        *ret = k.key;
                        return true;
                }
                free_key(&k.key);
        }
        return false;
}

void rv_watch_forget_keys(struct rv_watch *w)
{
        for (size_t i = 0; i < w->nkeys; i++)
                free_key(&w->keys[i].key);
        w->nkeys = 0;
}

struct rv_row *rv_news_row(struct rv_news *n)
{
        struct rv_watch *w = n->watch;
        static const uint64_t nothing[RV_MASK_WORDS(RV_WATCH_PROPERTIES)];
        rv_batch_free(w->event);
        w->event = rv_batch_new(w->source);
        if (!w->event || rv_row_begin(&w->event_row, w->event, NULL))
                w->event_row = (struct rv_row) { .batch = w->event, .want = nothing, .failed = true };
        return &w->event_row;
}

/* The event as the view shows it. */
static bool as_view(struct rv_watch *w)
{
        struct rv_batch *b = rv_batch_new(w->class);
        struct rv_row to;
        if (!b || rv_row_begin(&to, b, NULL)) {
                rv_batch_free(b);
                return false;
        }
        rv_view_fill(w->view, &to, w->event, 0);
        rv_row_end(&to);
        rv_batch_free(w->event);
        w->event = b;
        return !to.failed;
}

void rv_news_emit(struct rv_news *n, struct rv_row *row)
{
        struct rv_watch *w = n->watch;
        if (row->failed)
                return;
        rv_row_end(row);
        w->generation++;
        if (w->view && !as_view(w))
                return;
        for (struct rv_watcher *x = w->watchers, *next; x; x = next) {
                next = x->next;
                if (w->stream && x->changed && (!x->kinds || x->kinds & RV_EVENT_CREATE))
                        x->changed(x, RV_EVENT_CREATE, w->event, 0, NULL, 0);
                else if (!w->stream && x->event)
                        x->event(x, w->event, 0);
        }
}
