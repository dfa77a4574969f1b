/* SPDX-License-Identifier: MIT
 *
 * What watch.c and push.c share.
 */
#ifndef RV_WATCH_INT_H
#define RV_WATCH_INT_H

#include "agent/scan.h"
#include "agent/watch.h"

enum { RV_WATCH_PROPERTIES = 1024 };

/* An object as it was. */
struct rv_seen {
        struct rv_seen *next;
        uint64_t hash;
        struct rv_kept *kept;
        uint32_t row;
        uint64_t poll, changed; /* which poll met it last; generation of its last change */
};

/* Objects that push told of. */
struct rv_told_key {
        struct rv_arg key; /* text is its own */
        uint64_t due, delay; /* delay: until the next look, while it is still there; 0: only one look */
        bool while_there;
};

struct rv_push_handle;

struct rv_watch {
        struct rv_watch *next;
        struct rv_agent *agent;
        const struct rv_class *class;
        struct rv_entry *entry;
        struct rv_watcher *watchers;
        struct rv_alarm alarm, late;
        uint64_t *mask; /* what the last poll read, and what the next will */
        struct rv_seen **buckets;
        size_t nbuckets, n;
        bool by_first_key, indication;
        bool stream; /* of the provider's `creations`: nothing is polled, kept and compared */
        bool known;   /* a whole poll has succeeded, and somebody has watched since */
        bool dirty;   /* something has changed: a whole poll is due */
        bool failing, thinking;
        uint64_t generation, left, not_before;

        /* The poll under way. */
        struct rv_scan *scan;
        struct rv_kept *cur;
        uint32_t cur_row;
        uint64_t poll, began, took, key_hash;
        bool keyed, poll_failed;

        struct rv_push_handle *push; /* NULL: none, or broken */
        uint64_t push_retry;
        struct rv_told_key *keys;
        size_t nkeys, keys_cap;
        const struct rv_view *view; /* of an indication's view */
        const struct rv_class *source;
        struct rv_batch *event; /* one row being filled */
        struct rv_row event_row;
};

bool rv_watch_is_told(const struct rv_watch *); /* it consists of rows that are emitted as they come */
/* What tells it, or NULL. */
static inline const struct rv_push *rv_watch_push(const struct rv_watch *w)
{
        return w->stream ? w->entry->provider->creations : w->entry->provider->push;
}
void rv_watch_think(struct rv_watch *);
void rv_watch_free(struct rv_watch *);
uint64_t rv_watch_hash_key(const struct rv_arg *);

/* ---- push.c ---- */
int rv_push_start(struct rv_watch *, struct rv_error *);
void rv_push_stop(struct rv_watch *);
bool rv_push_is_empty(const struct rv_watch *); /* nothing waits to be read from it */
/* The next key that is due; its text is the caller's. False: none, *ret_next is when there will be one. */
bool rv_watch_take_key(struct rv_watch *, uint64_t now, struct rv_arg *ret, uint64_t *ret_next);
void rv_watch_forget_keys(struct rv_watch *);

#endif
