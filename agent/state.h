/* SPDX-License-Identifier: MIT
 *
 * What must outlive the agent: one SQLite file in the state folder, in write-ahead mode, with numbered migrations.
 * Opened at the first write. One writer: jobs wait in a queue; what has gathered while the disk was busy is one
 * transaction (group commit), each job in a savepoint of its own. A job's `done` runs on the loop when it is on
 * disk, or failed; nothing here blocks the loop. An idle agent has no writer thread.
 */
#ifndef RV_STATE_H
#define RV_STATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "agent/loop.h"
#include "agent/pool.h"

enum { RV_STATE_QUEUE = 1024 };

struct rv_state_job {
        struct rv_state_job *next;
        struct rv_state *state;
        int (*write)(struct rv_state_job *, sqlite3 *); /* writer's thread: an SQLite result */
        void (*done)(struct rv_state_job *);            /* loop; may free the job */
        struct rv_work back;
        bool failed;
        char why[160];
};

struct rv_state {
        struct rv_loop *loop;
        char path[512];
        sqlite3 *db; /* the writer's */
        /* The last record of the audit when it was first opened: what was not done by then is an earlier agent's. 0:
         * not yet opened; -1: there was none. */
        int64_t found;
        struct rv_pool pool;
        struct rv_job flush;
        pthread_mutex_t lock; /* what follows */
        struct rv_state_job *queue, **queue_end;
        unsigned queued;
        bool flushing;
        /* How much audit is kept (audit_trim.c); 0: without limit. Set before the first write. */
        unsigned audit_days, audit_segments;
        int64_t audit_records;
        uint64_t audit_looked; /* the writer's: when, and at which record */
        int64_t audit_looked_at;
};

void rv_state_init(struct rv_state *, struct rv_loop *, const char *folder_or_null);
void rv_state_free(struct rv_state *); /* waits for what is queued */
void rv_state_rest(
        struct rv_state *); /* lets go of what the database keeps in memory for the next write. The loop's. */
void rv_state_make_folders(const char *path); /* those above it, for its owner alone */
int rv_state_submit(struct rv_state *, struct rv_state_job *); /* 0 or -ENOBUFS: `done` will not come */
/* A connection of one's own for reading; NULL and why when there is nothing to be read. Any thread. */
sqlite3 *rv_state_reader(const struct rv_state *, char *why, size_t size);

#endif
