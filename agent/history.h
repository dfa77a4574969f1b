/* SPDX-License-Identifier: MIT
 *
 * Change history: for the classes that are kept, every state that an object had, for a bounded time. docs/history.md
 * is the contract.
 *
 *      history.c        which classes; a watcher each (watch.h); what it tells goes to the writer
 *      history_store.c  on the writer's thread: states of objects as JSON in SQLite, spans that were watched, bounds
 *      history_read.c   rows as they were at a moment, for any scan (query.h: plan.at); changes, for ChangeRecord
 *
 * A state is written when it changes, so a quiet class costs nothing. While the agent does not run nothing is seen: the
 * spans tell when that was, and what is found different afterwards is a change that may have happened from then on.
 */
#ifndef RV_HISTORY_H
#define RV_HISTORY_H

#include "agent/agent.h"

enum {
        RV_HISTORY_DAYS = 30,
        RV_HISTORY_ROWS = 200000,      /* states kept, of all classes */
        RV_HISTORY_MIB = 64,           /* their text */
        RV_HISTORY_PENDING = 16 << 20, /* bytes on their way to the disk; more are lost, and the span ends */
        RV_HISTORY_OBJECTS = 20000,    /* of one class; a larger one is not kept */
};

/* ---- history.c; on the loop ---- */
int rv_history_key(struct rv_agent *, const char *key,
                   const char *value); /* [history] of reeve.conf: 0 or -EINVAL */
void rv_history_start(struct rv_agent *);
void rv_history_stop(struct rv_agent *); /* the last writes are queued; before the state is closed */
void rv_history_free(struct rv_agent *); /* after that */
/* From now on it is kept (with this many seconds between polls; 0: none), or not any more; over restarts. */
void rv_history_keep(struct rv_agent *, const struct rv_class *, bool keep, unsigned interval, bool purge);
/* Whether a class can be kept. */
int rv_history_check(const struct rv_class *, struct rv_error *);
/* The agent has changed an object of this class: a kept class that nothing pushes is read again. */
void rv_history_touched(struct rv_agent *, const struct rv_class *);

/* ---- history_store.c; on the writer's thread ---- */
struct rv_history_entry {
        struct rv_history_entry *next;
        const char *class_name;
        enum {
                RV_HISTORY_ALL,
                RV_HISTORY_MORE,
                RV_HISTORY_CHANGE,
                RV_HISTORY_END,
                RV_HISTORY_RESET, /* the configuration's list follows */
                RV_HISTORY_KEEP,  /* whether it is kept: kind, and text "interval pushed by_call" */
                RV_HISTORY_PURGE  /* nothing is known of the class any more */
        } what;                   /* ALL begins a span, MORE is in one */
        unsigned kind;            /* CHANGE: RV_EVENT_... */
        int64_t time;             /* ns since 1970 */
        size_t n;
        char text[]; /* CHANGE: key, a line end, the state; ALL: those lines of every object */
};
struct rv_history_store {
        unsigned days;
        int64_t most_rows, most_bytes;
        /* The writer's. */
        bool begun;
        int64_t rows, bytes, last, trimmed;
};
int rv_history_write(struct rv_history_store *, sqlite3 *,
                     const struct rv_history_entry *); /* an SQLite result */

/* ---- history_keep.c ---- */
/* At the start, on the loop: what was said by calls, over the configuration. */
void rv_history_each_call(struct rv_agent *,
                          void (*each)(void *, const struct rv_class *, bool keep, unsigned interval),
                          void *state);

/* ---- history_read.c; any thread ---- */
/* The rows of q->class as they were at q->at. */
int rv_history_query(const struct rv_query *, struct rv_sink *, struct rv_error *);

#endif
