/* SPDX-License-Identifier: MIT
 *
 * What a provider is: the one header that its author reads (beside the generated gen/<Class>.h).
 *
 * A provider is one .mof and one .c file. The .c file holds static functions and, at its end, a const table:
 *
 *      static int mount_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err) { ... }
 *
 *      static const struct rv_provider mount = { .class = &Mount_class, .query = mount_query };
 *      RV_PROVIDERS(mount, &mount);          // the word is the file's name: providers/mount.c
 *
 * Presence registers: the Makefile finds the file, mofc writes the registry.
 *
 * What always holds:
 *  - `query` and methods of a blocking provider run on worker threads of this provider's own (at most `threads`),
 *    so they may block; nobody else waits for them. They should look at rv_cancelled() in long loops.
 *  - a loop provider (`start`) runs on the agent's loop and must never block.
 *  - rv_emit() is the only way out. It says RV_OK, RV_STOP (the reader has enough: return RV_OK) or, to loop
 *    providers only, RV_FULL (return, wait for resume()). Negative is a fault: forward it.
 *  - the core applies filter, order and limit after the provider; the provider *may* use keys, filter and limit to
 *    do less. Emitting more rows than asked is never wrong; emitting fewer is.
 *  - outcome or fault: see schema/error.h.
 */
#ifndef RV_PROVIDER_H
#define RV_PROVIDER_H

#include <jansson.h>

#include "agent/identity.h"
#include "schema/arena.h"
#include "schema/class.h"
#include "schema/error.h"
#include "schema/row.h"
#include "schema/value.h"

struct rv_sink;
struct rv_expr; /* a parsed where-expression: agent/wql.h */

/* What is asked. Belongs to the core; valid until the call ends. */
struct rv_query {
        const struct rv_class *class;
        const uint64_t *want; /* projection bits, keys and filter properties included; NULL = all */
        const struct rv_arg
                *equals; /* one per property: the value it must equal, RV_NULL where not constrained */
        const struct rv_expr *filter; /* whole predicate, or NULL */
        uint64_t limit;    /* rows that suffice (set only where filter and order allow it); 0 = all */
        uint64_t deadline; /* CLOCK_MONOTONIC, ns */
        bool fresh;        /* a change depends on it: what is kept from before does not do */
        int64_t at;        /* the core's own: a moment that is past is not asked of providers */
        const struct rv_identity *who;
        struct rv_call *call; /* for rv_cancelled() */
};

static inline bool rv_asked(const struct rv_query *q, unsigned property)
{
        return rv_bit(q->want, property);
}
/* The value that a property must equal, or NULL. Already converted to the property's type. */
static inline const struct rv_arg *rv_equals(const struct rv_query *q, unsigned property)
{
        return q->equals && q->equals[property].type != RV_NULL ? &q->equals[property] : NULL;
}

/* The bounds that the filter sets on a property, both inclusive ("> 5" gives 5 as well: more rows are never wrong);
 * NULL: none. From `=`, `<`, `<=`, `>` and `>=` that must all hold. */
void rv_bounds(const struct rv_query *, unsigned property, const struct rv_arg **ret_least,
               const struct rv_arg **ret_most);

/* Whether the filter speaks of a property at all; whether it may hold where the property, a text, is this one. */
bool rv_filters(const struct rv_query *, unsigned property);
bool rv_may_be(const struct rv_query *, unsigned property, const char *, size_t n);

/* A method call, modify, create or delete, under way. Belongs to the core. */
struct rv_call {
        const struct rv_class *class;
        const struct rv_method *method; /* methods only */
        const struct rv_arg *key;       /* one per property of class: the bindings given, RV_NULL elsewhere */
        const struct rv_identity *who;
        uint64_t deadline;            /* CLOCK_MONOTONIC, ns */
        bool what_if;                 /* check all, change nothing; report by rv_change() what would change */
        bool guarded;                 /* it is put back unless it is confirmed: ConfirmWithin */
        struct rv_arena *arena;       /* lives as long as the call */
        struct rv_row *out;           /* methods: ReturnValue and [Out] parameters, by generated setters */
        const struct rv_query *query; /* loop providers: what is asked */
        struct rv_sink *sink;         /* loop providers: where rows go */
        void *state;                  /* loop providers: theirs */
        void *core;                   /* the core's own */
};

/* Values for create and modify: one per property; `set` tells which were given (null may be given). */
struct rv_values {
        const struct rv_arg *v;
        const uint64_t *set;
};

/* Changes as the system tells them. While anybody watches the class, the core keeps a descriptor of `open` in its loop
 * and calls `read` when it is readable. Read says what may have changed; the core reads those objects again, compares
 * them with what they were, and tells whoever watches. So nothing need be remembered, and telling too much is never
 * wrong. A class that is itself an Indication emits its events as rows instead. Both run on the loop: never block, read
 * no more than some 200 messages a call. */
enum { RV_PUSH_CREATE = 1, RV_PUSH_MODIFY = 2, RV_PUSH_DELETE = 4, RV_PUSH_ALL = 7 };
struct rv_news;
struct rv_push {
        unsigned
                covers; /* changes of these kinds are always told, but for properties that are [Counter] or silent */
        bool whole;      /* it names no objects: each change is a reading of everything */
        uint64_t settle; /* ns to wait after a change for those that follow it at once */
        bool priority;   /* wait for POLLPRI, as /proc files want it, instead of POLLIN */
        const uint16_t
                *silent; /* properties whose changes are not told: polled for where somebody names them */
        unsigned nsilent;
        int (*open)(struct rv_error *); /* a descriptor, or -errno and perhaps the error described */
        int (*open_class)(const struct rv_class *,
                          struct rv_error *); /* instead, of a table that was made at run time */
        int (*read)(
                int fd,
                struct rv_news *); /* 0; or -errno: changes were lost. It is opened anew, all is read again */
        void (*close)(int fd);     /* NULL: close() */
};
void rv_news_changed(struct rv_news *); /* something: all is read again */
/* The objects whose first key is this, `after` ns from now. */
void rv_news_key(struct rv_news *, const struct rv_arg *key, uint64_t after);
/* They are about to go: looked at now and, while they are still there, a few times more. */
void rv_news_gone(struct rv_news *, const struct rv_arg *key);
/* Changes were lost, and the descriptor goes on: all is read again, and who watches an Indication is told of a gap. */
void rv_news_lost(struct rv_news *);
/* Indications: an empty event, and the end of filling it. Never NULL. */
struct rv_row *rv_news_row(struct rv_news *);
void rv_news_emit(struct rv_news *, struct rv_row *);

#define RV_IDLE_AFTER UINT64_C(60000000000) /* ns */

struct rv_provider {
        const struct rv_class *class;

        /* Reading. One of the two. */
        int (*query)(const struct rv_query *, struct rv_sink *,
                     struct rv_error *);                   /* worker thread; may block */
        int (*start)(struct rv_call *, struct rv_error *); /* on the loop; must not */
        /* Beside query, optional: on the loop, must not block. Emits what query would, if that is at hand; else answers
         * RV_FULL before it has emitted anything, and query runs on a thread. */
        int (*peek)(const struct rv_query *, struct rv_sink *, struct rv_error *);
        void (*resume)(struct rv_call *); /* loop: after RV_FULL there is room again */
        void (*cancel)(struct rv_call *); /* loop: the reader has gone; emit nothing more, free state */

        /* Changing; worker threads; NULL where not offered (the caller gets NOT_SUPPORTED).
         * methods: indexed by the MOF's order (generated ids Process_method_Terminate); `in` points to the generated
         * struct (struct Process_Terminate_in), complete and checked; of an external class to its values. */
        int (*const *methods)(struct rv_call *, const void *in, struct rv_error *);
        int (*create)(struct rv_call *, const struct rv_values *, struct rv_error *);
        int (*modify)(struct rv_call *, const struct rv_values *, struct rv_error *);
        int (*remove)(struct rv_call *, struct rv_error *);
        /* Optional, for TestInstance and SetInstance: whether the object (its keys are in the call) has a value that is
         * wished of it, where that is not the same as being equal to what is read. *ret is preset by equality. */
        int (*meets)(struct rv_call *, unsigned property, const struct rv_arg *wish, bool *ret,
                     struct rv_error *);

        const struct rv_push *push; /* or NULL: changes are found by comparing polls */
        /* Instead, for objects that come in great numbers and never change (entries of a log): `read` emits each new
         * one as a row of the class, as of an indication. Who asks for events of the class gets these, and nothing
         * is read for a beginning; that old ones go is not told. Only a snapshot has all read and compared. */
        const struct rv_push *creations;

        /* On the loop, RV_IDLE_AFTER after the last call has ended: let go of what was kept for the next one. */
        void (*idle)(void);

        unsigned threads; /* most worker threads at once; 0 = 2 */
        /* query never blocks and is short (reads memory or /proc of this process): may run on the loop */
        bool quick;
};

/* Ends a provider's file. A file may offer several classes. */
#define RV_PROVIDERS(file, ...) const struct rv_provider *const rv_providers_##file[] = { __VA_ARGS__, NULL }

/* The sink, as providers see it. */
struct rv_row *rv_row(struct rv_sink *);                 /* an empty row in the current batch; never NULL */
int rv_emit(struct rv_sink *, struct rv_row *);          /* RV_OK | RV_STOP | RV_FULL | -errno */
void rv_done(struct rv_sink *, const struct rv_error *); /* loop providers: the end, with an error or NULL */
/* Something could not be had, but the other rows stand: the answer becomes a partial result that names it. */
void rv_partial(struct rv_sink *, const struct rv_error *);

/* True once the caller has gone or the deadline has passed. Cheap; any thread. */
bool rv_cancelled(const struct rv_call *);
/* For what waits deep below a call, on its own worker thread: the caller has gone, or wants it to end. Not: the
 * deadline. */
bool rv_abandoned(void);
uint64_t rv_now(void); /* CLOCK_MONOTONIC, ns */
int64_t rv_wall(void); /* CLOCK_REALTIME, ns since 1970 */

/* For what-if and for the audit: a property would change / has changed. Texts are copied. */
void rv_change(struct rv_call *, const char *property, const char *from, const char *to);

/* How far a method has come, for whoever waits for it; the last is told, not each. percent: -1: not known. */
void rv_progress(struct rv_call *, const char *activity, const char *status, int percent);

/* A conversation of bytes that a method begins and that goes on after it: logs that are followed, a terminal. The
 * method offers it and answers the token as its [Out] parameter Stream; docs/protocol.md tells how it is opened. */
#define RV_STREAM_TOKEN 33
struct rv_agent;
struct rv_stream {
        /* On a thread of its own: until either side has ended. The descriptor does not block and is the core's. */
        void (*serve)(struct rv_stream *, int fd);
        void (*drop)(struct rv_stream *); /* frees it, also where nobody came; any thread */
        struct rv_identity who;           /* set by rv_stream_offer() */
        struct rv_agent *core;
};
/* What a stream does in its user's name while it goes on, held against his roles as they are then and recorded, as if
 * he had called that method. On the stream's thread only; each may take as long as looking at the object does. */
struct rv_deed;
struct rv_deed_what {
        const char *class_name, *method;
        const char *operation; /* as the audit names it */
        const char *id,
                *id_name; /* the object's key, and the property that it is (NULL: Id); id NULL: a static method */
        json_t *in;       /* arguments; or NULL */
        const char *const *
                risky; /* those of them that need a rule whose Arguments name them; NULL at the end; or NULL */
        bool reads;    /* it changes nothing: not recorded */
};
/* RV_OK, or what he is to be told: ACCESS_DENIED (recorded), NOT_FOUND where he may not see it. *ret: to be ended; NULL
 * where nothing is recorded. */
int rv_deed_begin(struct rv_stream *, const struct rv_deed_what *, struct rv_deed **ret, struct rv_error *);
void rv_deed_end(struct rv_deed *, int status,
                 const char *message_or_null); /* status 0: well. NULL is fine */
void rv_deed_denied(struct rv_stream *, const struct rv_deed_what *,
                    const char *message); /* a denial that is not a role's */
bool rv_stream_has_all(struct rv_stream *);
/* The keys of the objects that he may see (all, or only this one) as members of an object. */
int rv_stream_sees(struct rv_stream *, const char *class_name, const char *id_name, const char *id_or_null,
                   json_t **ret, struct rv_error *);
/* Whether his roles show a property (NULL: all) of whatever objects of a class they show. */
bool rv_stream_sees_property(struct rv_stream *, const char *class_name, const char *property);
/* Takes the stream over, also where it fails. */
int rv_stream_offer(struct rv_call *, struct rv_stream *, char ret_token[RV_STREAM_TOKEN], struct rv_error *);

/* All providers that were compiled in. Generated. */
extern const struct rv_provider *const *const rv_provider_files[];
extern const uint32_t rv_nprovider_files;

#endif
