/* SPDX-License-Identifier: MIT
 *
 * A class being watched: its objects as they were last, and what of them has changed. There is one watch per class
 * for the whole agent, however many look: it reads what any of them needs, as often as the most eager of them asks,
 * or when the provider's push tells of a change (provider.h). A change is told as the two rows, before and now.
 *
 * Whoever looks embeds a struct rv_watcher and joins. It is told of changes once the watch has read all that it
 * wants (baseline()); from then on nothing is missed between two polls, and whatever is lost is told as a failed
 * poll. A watch nobody looks at ends; with push it lingers a while, for those who come back. All on the loop.
 */
#ifndef RV_WATCH_H
#define RV_WATCH_H

#include "agent/agent.h"

#define RV_WATCH_LINGER UINT64_C(10000000000)   /* ns */
#define RV_WATCH_FALLBACK UINT64_C(5000000000)  /* ns between polls when push is broken */
#define RV_WATCH_DEADLINE UINT64_C(30000000000) /* ns that a poll may take */
#define RV_WATCH_BYTES \
        (UINT64_C(256) << 20)   /* of the rows that all watches keep; a class beyond it cannot be watched */
enum { RV_WATCH_KEYS = 10000 }; /* objects told one by one; beyond that all are read */

struct rv_watch;
/* How an entry whose provider pushes is doing: "Idle" (nobody watches), "Pushed", "Broken". */
const char *rv_watch_events(const struct rv_agent *, const struct rv_entry *);

struct rv_watcher {
        struct rv_watcher *next;
        struct rv_watch *watch;  /* NULL: none */
        const uint64_t *want;    /* what is read for it; one bit per property of the class */
        const uint64_t *compare; /* a modification is one of these */
        unsigned kinds;          /* RV_EVENT_...: that it is told of */
        bool beyond_push;        /* it looks at what push does not tell of: polls are needed all the same */
        uint64_t interval;       /* ns between polls where they are needed */
        bool events_only;        /* no rows are asked of it: what is new suffices where the provider tells of it */
        bool cold;               /* keeps what it knows itself: told by baseline() after each reading, of no changes */
        bool ready;              /* baseline() was called */
        void (*baseline)(struct rv_watcher *);
        /* kind: one of RV_EVENT_...; now is NULL of what is gone, before is NULL of what is new. */
        void (*changed)(struct rv_watcher *, unsigned kind, const struct rv_batch *now, uint32_t row,
                        const struct rv_batch *before, uint32_t before_row);
        void (*event)(struct rv_watcher *, const struct rv_batch *,
                      uint32_t row);                                  /* classes that are indications */
        void (*lost)(struct rv_watcher *); /* the same: the system told more than it keeps; or NULL */
        void (*failed)(struct rv_watcher *, const struct rv_error *); /* a poll; NULL: it is well again */
};

/* The watcher's fields above are filled. RV_OK or what went wrong. */
int rv_watch_join(struct rv_agent *, const struct rv_class *, struct rv_watcher *, struct rv_error *);
void rv_watch_leave(struct rv_watcher *);
bool rv_watch_pushes(const struct rv_watcher *);   /* no polls are needed for it now */
/* Something may have changed that nothing tells of: all is read again. */
void rv_watch_suspect(struct rv_watcher *);
bool rv_watch_is_quiet(const struct rv_watcher *); /* all that was told of has been looked at */
/* What the class' push covers, for whoever is about to join. */
unsigned rv_watch_covers(const struct rv_agent *, const struct rv_class *);
/* Whether the provider tells of each new object by itself (its `creations`). */
bool rv_watch_streams(const struct rv_agent *, const struct rv_class *);
/* Whether push is silent about a property. */
bool rv_watch_silent(const struct rv_agent *, const struct rv_class *, unsigned property);
/* Whether push only tells that something has changed, so that a cold watcher misses nothing. */
bool rv_watch_tells_whole(const struct rv_agent *, const struct rv_class *);
uint64_t rv_watch_generation(const struct rv_watch *); /* grows with every change of any watched property */

/* The rows at this moment, held. */
struct rv_kept {
        struct rv_batch *batch;
        size_t bytes;
        unsigned refs;
};
struct rv_held_rows {
        struct rv_held_row {
                struct rv_kept *kept;
                uint32_t row;
                uint64_t changed; /* the generation in which it changed last */
        } * v;
        size_t n;
};
int rv_watch_rows(const struct rv_watch *, struct rv_held_rows *ret); /* 0 or -ENOMEM */
void rv_held_rows_free(struct rv_held_rows *);
void rv_watches_free(struct rv_agent *);

#endif
