/* SPDX-License-Identifier: MIT
 *
 * Subscriptions: what somebody wants to be told, and what he has been told. docs/events.md is the contract.
 *
 *      watch.c            changes of a class, shared by all who look
 *      indicate.c         a subscription: filter, numbers, bounded queue, credit, modes, grouping
 *      indicate_ops.c     Subscribe, Unsubscribe, Acknowledge
 *      journal.c          durable ones: events and numbers in SQLite, read again after a disconnect or a crash
 *
 * Each event has a number; numbers of a subscription have no holes: what is lost is told by a gap that has its numbers.
 */
#ifndef RV_INDICATE_H
#define RV_INDICATE_H

#include "agent/agent.h"
#include "agent/watch.h"
#include "agent/wql.h"

enum {
        RV_SUB_QUEUE = 4096,          /* events waiting in memory for one reader */
        RV_SUB_BYTES = 1 << 20,       /* the same */
        RV_SUBS_BYTES = 64 << 20,     /* of all readers together */
        RV_SUBS_MOST = 4096,          /* subscriptions at once */
        RV_SUBS_USER = 2048,          /* of one user */
        RV_SUBS_DURABLE = 32,         /* durable ones of one user */
        RV_SUB_ROOM = 256 << 10,      /* unsent bytes of a session above which its events wait */
        RV_SUB_GROUPS = 1000,         /* groups of one GROUP WITHIN; more end the window early */
        RV_JOURNAL_EVENTS = 100000,   /* kept for one durable subscription */
        RV_JOURNAL_BYTES = 64 << 20,  /* waiting to be written, of all together; more are lost, and told */
        RV_JOURNAL_PAGE = 200,        /* events read back at once */
};

/* An event that waits, or a gap. text: what follows {"Subscription":...,"Sequence":N, up to the last brace. */
struct rv_item {
        struct rv_item *next;
        uint64_t seq, from; /* from: 0, or the first number that was lost (seq is the last) */
        const char *reason; /* of a gap */
        size_t n;
        char text[];
};

struct rv_subscription;

/* One class of a subscription. */
struct rv_sub_part {
        struct rv_watcher watcher;
        struct rv_subscription *sub;
        const struct rv_class *class;
        uint64_t *show, *want, *compare;
        const struct rv_expr *where;
        uint16_t *by;
        bool named; /* the properties were, so that hidden ones are an error */
        const struct rv_rights *rights; /* of a reader who may not see every row; NULL: he may */
        struct rv_held_rows sweep; /* rows still to be sent */
        size_t swept;
        uint64_t sweep_since; /* only what changed after it; 0 = all */
        uint64_t last_sweep;
};

struct rv_sub_group {
        struct rv_sub_group *next;
        uint64_t n;
        char *key, *first; /* the event's object */
};

struct rv_subscription {
        struct rv_subscription *next;
        struct rv_agent *agent;
        struct rv_session *session; /* NULL: nobody listens now */
        struct rv_request *request; /* the Subscribe that waits for the disk */
        char id[48];
        struct rv_identity who;
        struct rv_role_set *roles; /* by which rights were made; NULL: he has everything, or look again */
        uint64_t fitting;          /* which of the roles fit when they were looked at */
        bool restricted, denied;   /* roles hold for him; they let him see nothing any more */
        struct rv_arena arena;
        struct rv_wql_event query;
        bool sample, suppress, snapshot, durable, indication;
        unsigned flags; /* RV_JSON_SYSTEM */
        uint64_t interval, heartbeat, retain; /* ns */
        char *params; /* durable: as JSON, to begin again */
        struct rv_sub_part *parts;
        unsigned nparts, baselines;
        bool sweeping, synced, failing;
        enum rv_sweep { RV_SWEEP_SNAPSHOT, RV_SWEEP_SAMPLE } sweep;
        struct rv_alarm beat, sampler, window, expiry;
        struct rv_sub_group *groups, **groups_end;
        unsigned ngroups;
        struct rv_work pump;
        uint64_t seq;    /* the last number given */
        uint64_t queued_seq; /* the last that has gone into the queue (or is lost) */
        uint64_t sent;   /* the last that was sent */
        uint64_t saved;  /* durable: the last that is on disk */
        uint64_t credit; /* events that may be sent; UINT64_MAX: any number */
        uint64_t last_sent; /* when */
        struct rv_item *queue, **queue_end;
        unsigned queued;
        size_t bytes;
        bool backlog, paging; /* durable: more is on disk than in the queue; being read */
        /* A permanent one's reader in place of a session (permanent.h): whether it wants more, and an event as text. */
        bool (*room)(const struct rv_subscription *);
        void (*take)(struct rv_subscription *, uint64_t seq, const char *text, size_t n);
        void *reader;
        uint32_t keep; /* events that wait, at most; 0: as many as those of sessions */
};

/* Somebody listens. */
static inline bool rv_subscription_heard(const struct rv_subscription *s)
{
        return s->session || s->take;
}

struct rv_subscription *rv_subscription_new(struct rv_agent *);
void rv_subscription_free(struct rv_subscription *);
/* Whether the roles, as they are now, let the reader see anything. */
bool rv_subscription_sees(struct rv_subscription *);
struct rv_subscription *rv_subscription_find(struct rv_agent *, const char *id);
int rv_subscription_start(struct rv_subscription *, struct rv_error *); /* joins the watches */
void rv_subscription_attach(struct rv_subscription *, struct rv_session *);
void rv_subscription_pump(struct rv_subscription *); /* soon: sends what may be sent */
/* Puts an event into the queue (takes it), or what was lost. */
void rv_subscription_queue(struct rv_subscription *, struct rv_item *);
void rv_subscription_lost(struct rv_subscription *, uint64_t from, uint64_t to, const char *reason);
void rv_subscription_event(struct rv_subscription *, const char *text, size_t n); /* numbers it */
/* {"Time":..., without the brace; for texts of events. */
void rv_subscription_time(struct rv_buf *);

/* ---- journal.c ---- */
struct rv_journal;
int rv_journal_init(struct rv_agent *);
void rv_journal_free(struct rv_agent *); /* after the state has been closed */
/* The event is written, then queued, or told as lost. */
void rv_journal_event(struct rv_subscription *, const char *text, size_t n);
void rv_journal_lost(struct rv_subscription *); /* one number, of what was never heard of */
int rv_journal_create(struct rv_subscription *); /* `request` is answered when it is on disk; 0 or -ENOBUFS */
void rv_journal_acknowledge(struct rv_subscription *, uint64_t seq);
void rv_journal_forget(struct rv_subscription *);
void rv_journal_page(struct rv_subscription *); /* reads on */
/* Reads a subscription that is not in memory; then finish() with its parameters and its last number. */
int rv_journal_load(struct rv_request *, const char *id,
                    void (*finish)(struct rv_request *, const char *params, uint64_t last), struct rv_error *);

/* ---- indicate_ops.c ---- */
int rv_op_subscribe(struct rv_request *, struct rv_error *);
int rv_op_unsubscribe(struct rv_request *, struct rv_error *);
int rv_op_acknowledge(struct rv_request *, struct rv_error *);
/* What the roles, as they are now, let the reader see of each part. RV_OK or ACCESS_DENIED. */
int rv_subscription_rights(struct rv_subscription *, struct rv_error *);
/* A permanent one; NULL: *err says why. The caller fills id, room, take, reader and keep, then has it go on: anew, or
 * behind `acked`, when `last` was the last number given. */
struct rv_subscription *rv_subscription_permanent(struct rv_agent *, const struct rv_identity *, const json_t *params,
                                                  struct rv_error *);
int rv_subscription_go_on(struct rv_subscription *, uint64_t last, uint64_t acked, bool anew, struct rv_error *);
void rv_subscribed(struct rv_request *, struct rv_subscription *, bool resumed); /* answers, and begins */

#endif
