/* SPDX-License-Identifier: MIT
 *
 * What the agent keeps for people who have gone: permanent subscriptions (EventFilter, EventConsumer and its kinds,
 * FilterToConsumerBinding) and timers (TimerInstruction). schema/classes/EventSubscription.mof says what they are.
 *
 *      permanent.c         the objects: in memory, on disk (state.h), made and taken away by whoever may
 *      permanent_change.c  made, changed and taken away
 *      permanent_run.c     a binding at work: its subscription, what waits for delivery, trying again, damping
 *      permanent_job.c     one delivery: a process of our own with the creator's user, groups and roles, and a deadline
 *      permanent_news.c    what they say of themselves as indications, and timers
 *      deliver.c           that process (reeve-agent --deliver): writes, runs, sends, calls
 *
 * An object is owned by the identity that made it: user, login key, its role, where it came from. A binding acts as its
 * owner, and ties only objects of one owner (or of two who have everything): nobody's command runs with somebody else's
 * rights. All on the loop, but for what the lock guards, which providers' threads read.
 */
#ifndef RV_PERMANENT_H
#define RV_PERMANENT_H

#include "agent/agent.h"

enum {
        RV_STORED_MOST = 4096,   /* objects in all */
        RV_STORED_USER = 256,    /* of one user who has not everything */
        RV_STORED_QUEUE = 10000, /* events that wait, where the consumer does not say */
        RV_STORED_RETRIES = 5,
        RV_STORED_BATCH = 64, /* events of one delivery, where the consumer takes more than one */
        RV_STORED_BATCH_BYTES = 1 << 20,
        RV_STORED_AT_ONCE = 32, /* deliveries under way in all; of one user RV_STORED_AT_ONCE_USER */
        RV_STORED_AT_ONCE_USER = 8,
        RV_STORED_SOURCES = 1000, /* objects that damping counts, of one binding */
};

struct rv_binding;
struct rv_timer;

/* What providers show of a binding. */
struct rv_stored_stats {
        const char *state; /* NULL: it has not begun */
        uint64_t delivered, failed, dropped, suppressed, waiting, seq;
        int64_t last_delivery; /* ns since 1970; 0: none */
        char last_error[320];
};

struct rv_stored {
        struct rv_stored *next;
        struct rv_agent *agent;
        const struct rv_class *class;
        char *key; /* what tells it from others of its class */
        json_t *v; /* its properties */
        struct rv_identity who;
        int64_t created;  /* ns since 1970 */
        char id[40];      /* of a binding: its subscription's */
        bool saved, busy; /* on disk; being changed */
        uint64_t last,
                acked; /* of a binding that does not run: the last number given, and the last delivered */
        struct rv_binding *run;
        struct rv_timer *timer;
        struct rv_stored_stats stats; /* under the lock */
};

struct rv_permanent {
        struct rv_agent *agent;
        pthread_mutex_t lock; /* the list, and what of it providers read */
        struct rv_stored *objects;
        unsigned n, at_once;
        uid_t working[RV_STORED_AT_ONCE]; /* for whom the deliveries under way are */
        uint64_t serial;
        bool stays;          /* the agent does; one that ends with its connection keeps nothing */
        struct rv_pool pool; /* asks the name service */
};

/* ---- permanent.c ---- */
int rv_permanent_start(struct rv_agent *, bool stays); /* reads what is kept, and begins */
void rv_permanent_free(struct rv_agent *);
struct rv_stored *rv_stored_find(const struct rv_permanent *, const struct rv_class *, const char *key);
const char *rv_stored_text(const struct rv_stored *, const char *property); /* NULL: null */
uint64_t rv_stored_number(const struct rv_stored *, const char *property, uint64_t otherwise);
/* The object that a binding's Filter or Consumer names; NULL: there is none. */
struct rv_stored *rv_stored_named(const struct rv_permanent *, const char *path);
void rv_stored_save(struct rv_stored *); /* its properties have changed by themselves */
/* Whether somebody is still there, with the groups that he has now. May block: at the start, or on a thread. */
void rv_stored_refresh(const struct rv_policy *, struct rv_identity *);
/* Whether objects of one may be tied to those of the other. */
bool rv_stored_one_owner(struct rv_agent *, const struct rv_identity *, const struct rv_identity *);
/* Whether somebody may (still) make this: its class, and what of it the roles ask. */
int rv_stored_right(struct rv_agent *, const struct rv_identity *, const struct rv_class *, const json_t *v,
                    struct rv_error *);

/* Made by the same login: user, key, its role, from the same host. */
bool rv_stored_same_owner(const struct rv_identity *, const struct rv_identity *);
/* Class and name in `Class.Name="x"`, with WMI's names of the classes, too; of a filter (the base) the name alone. */
bool rv_stored_path(const struct rv_agent *, const char *text, const struct rv_class *base,
                    const struct rv_class **ret, char *name, size_t size);
bool rv_stored_is_binding(const struct rv_class *);
bool rv_stored_is_timer(const struct rv_class *);
char *rv_stored_json(const struct rv_stored *); /* as it is on disk; allocated */
void rv_stored_begin(struct rv_stored *, bool anew);
void rv_stored_end(struct rv_stored *);
void rv_stored_take_out(struct rv_permanent *, struct rv_stored *); /* of the list, and frees it */
/* One statement with up to three texts and a number; an SQLite result. Writer's thread. */
int rv_stored_sql(sqlite3 *, const char *sql, const char *, const char *, const char *, int64_t);

/* ---- permanent_run.c ---- */
int rv_binding_check(struct rv_agent *, const struct rv_identity *, const json_t *filter,
                     struct rv_error *);              /* the query */
void rv_binding_start(struct rv_stored *, bool anew); /* from `last` and `acked` on */
void rv_binding_stop(struct rv_stored *);
void rv_binding_consumer_changed(struct rv_stored *);
void rv_binding_describe(struct rv_stored *, json_t *to); /* under the lock */
/* A delivery has ended: `delivered` of the events are done; why: NULL, or what is wrong with the next. */
void rv_binding_delivered(struct rv_binding *, unsigned delivered, const char *why, bool denied);

/* ---- permanent_job.c ---- */
struct rv_delivery;
struct rv_delivery_plan {
        struct rv_stored *binding, *consumer;
        struct rv_binding *run;
        const char *const *events; /* JSON texts */
        unsigned n;
        uint64_t first, last;
        bool quiet; /* is not audited: it is about the audit */
};
/* How many events one delivery to such a consumer takes. */
unsigned rv_delivery_batch(const struct rv_class *consumer);
/* Begins; rv_binding_delivered() tells the end. NULL: *err. */
struct rv_delivery *rv_delivery_start(const struct rv_delivery_plan *, struct rv_error *err);
void rv_delivery_abandon(struct rv_delivery *); /* nobody waits for its end any more: it is killed */
/* Whether what the consumer does is among what its owner may do by other ways. */
int rv_delivery_allowed(struct rv_agent *, const struct rv_identity *, const struct rv_class *,
                        const json_t *v, struct rv_error *);

/* ---- permanent_news.c ---- */
void rv_news_failure(const struct rv_stored *binding, uint64_t seq, const char *outcome, unsigned attempts,
                     const char *why, const char *event);
void rv_news_dropped(const struct rv_stored *binding, uint64_t from, uint64_t to, const char *reason);
void rv_timer_start(struct rv_stored *);
void rv_timer_stop(struct rv_stored *);
void rv_timers_free(void);

/* ---- deliver.c ---- */
void rv_deliver_main(void) __attribute__((noreturn));

#endif
