/* SPDX-License-Identifier: MIT
 *
 * The running agent: its loop, its providers as it runs them, its sessions, and the requests under way. Everything here
 * is touched on the loop only, except what a scan's thread works on (its sink, its statistics under the entry's lock).
 *
 *      session.c   bytes of one peer <-> messages; JSON-RPC envelopes, batches, cancellation, credit
 *      ops.c       the table of operations: parameters -> a request's plan
 *      request.c   a request's scans over providers, deadlines, results, partial results
 *      entry.c     a provider as the agent runs it: its threads and statistics
 */
#ifndef RV_AGENT_H
#define RV_AGENT_H

#include <jansson.h>
#include <stdio.h>

#include "agent/audit.h"
#include "agent/authorize.h"
#include "agent/change.h"
#include "agent/loop.h"
#include "agent/pool.h"
#include "agent/provider.h"
#include "agent/query.h"
#include "agent/registry.h"
#include "agent/sink.h"
#include "agent/state.h"
#include "agent/stats.h"
#include "agent/wire/frame.h"
#include "schema/json.h"

enum {
        RV_MOST_SESSIONS = 1024,    /* connections at once */
        RV_RESERVED_SESSIONS = 128, /* of these for whoever has everything */
        RV_MOST_OF_USER = 64,       /* of one other user */
        RV_CALLS_OF_USER = 128,     /* requests under way of one such user */
        RV_SQL_THREADS = 4,
        RV_SQL_OF_OTHERS = 3,  /* of these for all such users together: one is the administrators' */
        RV_DENIAL_USERS = 64,  /* whose denials are counted apart */
        RV_DENIAL_BURST = 200, /* records of denials of one user at once, then RV_DENIAL_RATE a second */
        RV_DENIAL_RATE = 10,
        RV_MOST_CALLS = 64,        /* requests under way in a session */
        RV_MOST_BATCH = 100,       /* requests in a JSON-RPC batch */
        RV_QUEUE_BYTES = 1 << 20,  /* unsent bytes of a session above which it is not read and rows wait */
        RV_REPLY_BYTES = 64 << 20, /* of one result without partialResultToken */
};

enum { RV_BUCKETS = 160 }; /* durations: four for each power of two of nanoseconds */

struct rv_entry {
        const struct rv_provider *provider;
        struct rv_agent *agent;
        struct rv_alarm idle; /* the provider's idle() */
        uint64_t last_ended;
        struct rv_pool pool;
        pthread_mutex_t lock; /* what follows */
        uint64_t calls, errors, timeouts, rows, refused, longest;
        unsigned running;
        uint32_t *durations; /* RV_BUCKETS of them, once it was called */
        int64_t last_error_time;
        char *last_error; /* or NULL */
};

struct rv_assoc;

/* How many denials of a user may still be recorded. */
struct rv_denials {
        uid_t uid;
        bool used;
        unsigned left, dropped; /* dropped: not recorded since the last that was */
        uint64_t at;            /* when `left` was right */
};

struct rv_agent {
        struct rv_loop loop;
        struct rv_policy policy;
        struct rv_registry registry;
        struct rv_state state;
        struct rv_pool sql;
        struct rv_entry *entries;
        struct rv_alarm rest; /* entry.c: gives memory back some time after a call */
        struct rv_buf spare[2]; /* large buffers of answers that have gone, for the next ones: see rv_spare_take() */
        unsigned nentries, nsessions, nrequests;
        struct rv_assoc *assocs; /* assoc.h */
        unsigned nassocs;
        struct rv_watch *watches;              /* watch.h */
        struct rv_subscription *subscriptions; /* indicate.h */
        struct rv_journal *journal;
        struct rv_history *history;     /* history.h */
        struct rv_permanent *permanent; /* permanent.h */
        struct rv_revision *revisions;  /* revision.h */
        unsigned nrevisions;
        unsigned nsubscriptions;
        size_t event_bytes; /* waiting in all their queues */
        struct rv_session *sessions;
        struct rv_login_here *logins; /* front/logins.h */
        unsigned nlogins;
        uint64_t serial; /* of sessions */
        struct rv_denials denials[RV_DENIAL_USERS];
        bool stopping; /* no more calls are taken: rv_agent_stop() */
        char provider_folders[1024];  /* of external providers; "": the usual ones */
        bool supervised;              /* reeved starts it again when it ends */
        struct rv_reload *reload;     /* reload.c */
        struct rv_scrapers *scrapers; /* front/scraper.c */
        struct {
                const char *config, *roles, *providers; /* of the command line, or NULL */
        } given;
        struct rv_cjob_watch *jobs; /* concretejob.h: those under way */
        bool is_job;                /* this process does one, and nothing else */
        int listeners[2];             /* whose socket files follow the roles */
        unsigned nlisteners;
};

/* ---- main.c ---- */
/* Ends the agent: no new calls are taken, those under way have 5 s to be answered. */
void rv_agent_stop(struct rv_agent *);

/* ---- entry.c ---- */
int rv_entries_init(struct rv_agent *);
void rv_entries_free(struct rv_agent *);
struct rv_entry *rv_entry_find(struct rv_agent *, const struct rv_class *);
void rv_entry_begin(struct rv_entry *);
void rv_entry_end(struct rv_entry *, uint64_t took, uint64_t rows, const struct rv_error *, bool timed_out);
void rv_entry_stats(struct rv_entry *, struct rv_provider_stats *ret);

/* ---- request.c ---- */
enum rv_shape { RV_SHAPE_INSTANCES, RV_SHAPE_NAMES, RV_SHAPE_ONE, RV_SHAPE_METHOD, RV_SHAPE_SQL };

struct rv_scan;
struct rv_group;
struct rv_op;

struct rv_request {
        struct rv_request *next;    /* of its session */
        struct rv_session *session; /* NULL: the peer has gone */
        struct rv_agent *agent;
        struct rv_group *group; /* the JSON-RPC batch that it belongs to, or NULL */
        char *id;               /* as JSON; NULL: a notification */
        char *token;            /* partialResultToken as JSON, or NULL */
        json_t *params;
        struct rv_arena arena;
        struct rv_alarm alarm;
        uint64_t deadline;
        bool cancelled, answered;
        const struct rv_op *op;

        enum rv_shape shape;
        unsigned flags; /* RV_JSON_SYSTEM */
        struct rv_ask ask;
        const struct rv_class *asked;    /* the class named */
        const struct rv_class **classes; /* those to scan, one after the other */
        unsigned nclasses, at;
        uint64_t sent; /* rows */
        const struct rv_method *method;
        struct rv_change_plan change;
        bool what_if, audited, as_job;
        struct rv_cjob_order *job; /* concretejob.h: on its way to become one */
        const char *request_key;
        unsigned confirm_within;     /* seconds; 0: for good */
        struct rv_scan *scan;        /* the one under way */
        struct rv_sql *sql;          /* the query under way */
        struct rv_scrape *scrape;    /* or the scrape */
        bool http;                   /* GET /metrics asked */
        struct rv_desired *document; /* the document under way */
        struct rv_desired
                *desired;  /* the document that this request belongs to; nobody else gets its answer */
        const char *since; /* a conditional read: the revision that is known, or "" */
        uint64_t revision, revision_changes;
        struct rv_subscription *subscription; /* that waits to be stored */
        struct rv_note *note;                 /* note.h: whose intent is being written */
        struct rv_buf out;                    /* the result */
        struct rv_buf chunk;                  /* rows of the next $/progress */
        struct rv_buf partial;                /* complaints, as JSON objects */
};

/* Begins to answer: request's asked, ask, shape are filled. An outcome ends it with an error. */
int rv_request_scan(struct rv_request *, struct rv_error *);
int rv_request_at(struct rv_request *, struct rv_error *);     /* its At: into ask; history.c */
int rv_request_change(struct rv_request *, struct rv_error *); /* asked, method, change are filled */
int rv_request_arm(struct rv_request *);
void rv_request_cancel(struct rv_request *); /* answers -32800 */
void rv_request_stop(struct rv_request *);   /* its provider is told to end; its answer is awaited */
void rv_request_resume(struct rv_request *); /* the session has room again */
void rv_request_orphan(struct rv_request *); /* the session has gone */

/* ---- record.c ---- */
struct rv_audit *rv_request_audit(struct rv_request *); /* what is recorded of it; NULL: out of memory */
void rv_request_denied(struct rv_request *, const struct rv_error *);
/* A denial as described; message is a text. Within the user's bounds. */
void rv_request_record_denied(struct rv_request *, const struct rv_audit_what *, void *message);

/* ---- sql.c ---- */
int rv_request_sql(struct rv_request *, const char *text, struct rv_error *);
void rv_sql_orphan(struct rv_request *); /* nobody waits for its query any more */

/* ---- indicate.c ---- */
void rv_subscriptions_left(struct rv_session *); /* the session ends */
void rv_subscriptions_room(struct rv_session *); /* it has room again */

/* ---- session.c ---- */
struct rv_session {
        struct rv_session *next;
        struct rv_agent *agent;
        struct rv_identity who;
        uv_pipe_t pipe;
        struct rv_frame frame;
        struct rv_buf out; /* not yet handed to the kernel */
        uv_write_t write;
        struct rv_buf writing; /* handed to libuv */
        struct rv_request *requests;
        unsigned nrequests;
        struct rv_plan_of_script *plan; /* elevate.h: changes are what-ifs, and noted there; or NULL */
        struct rv_note *notes; /* note.h: without outcome yet */
        enum rv_session_state { RV_SESSION_OPEN, RV_SESSION_DRAINING, RV_SESSION_CLOSED } state;
        bool reading, in_input;
        struct rv_work flush;
        uint64_t calls, bytes_in, bytes_out;
        int64_t since, last_call_time;
        struct rv_offer *stream;            /* what it becomes when all is sent */
        struct rv_scraper *scraper;         /* front/scraper.c: it came by loopback TCP */
        void (*ended)(struct rv_session *); /* private agents end with their only session */
};

/* Takes over a connected socket. 0 or -errno (the socket is closed then). */
int rv_session_new(struct rv_agent *, int fd, const struct rv_identity *, struct rv_session **ret_or_null);
void rv_session_close(struct rv_session *);
/* Requests under way of a user, and of all users who have not everything; only those with SQL, if sql is set. */
void rv_session_load(const struct rv_agent *, uid_t, bool sql, unsigned *ret_user, unsigned *ret_others);
size_t rv_session_queued(const struct rv_session *);
/* A result (JSON text) or an error for a request; frees the request. */
void rv_answer(struct rv_request *, const char *json, size_t n);
void rv_answer_error(struct rv_request *, const struct rv_error *);
void rv_answer_text(struct rv_request *, bool is_error, const char *json, size_t n);
void rv_answer_code(struct rv_request *, int code, const char *message); /* JSON-RPC's own codes */
/* A request of the same peer without an answer to it: for documents. Takes the parameters. NULL when it cannot be. */
struct rv_request *rv_request_child(struct rv_request *, json_t *params);
void rv_request_free(struct rv_request *);
/* To GET /metrics. */
void rv_answer_http(struct rv_request *, int status, const char *type, const char *body, size_t n);
void rv_notify(struct rv_session *, const char *method, const char *params, size_t n);

/* ---- stream.c ---- */
int rv_op_open_stream(struct rv_request *, struct rv_error *);
/* The stream gets a copy of the descriptor and a thread. fd -1: its connection has gone. last: the agent goes, too. */
void rv_stream_begin(struct rv_offer *, int fd, bool last);

/* ---- shell_rights.c ---- */
/* "Roles":..., "Language":..., for Hello. */
/* Answers of some size need pages from the system, a third of what such an answer costs. So two buffers are kept from
 * one answer to the next, until memory is given back (entry.c). take: an empty buffer gets a larger one, if there is
 * one. give: as rv_buf_free(). */
void rv_spare_take(struct rv_agent *, struct rv_buf *);
void rv_spare_give(struct rv_agent *, struct rv_buf *);
void rv_spare_free(struct rv_agent *);

void rv_shell_rights(struct rv_policy *, const struct rv_identity *, bool plan, struct rv_buf *);

/* ---- reload.c ---- */
int rv_roles_start(struct rv_agent *,
                   const char *folder_or_null); /* what cannot be read gives nobody anything */
void rv_roles_watch(struct rv_agent *);         /* and reads them again when they change, or on SIGHUP */

/* ---- ops.c ---- */
const char *rv_op_name(const struct rv_op *);
/* Runs an operation: it answers now or later. */
void rv_dispatch(struct rv_request *, const char *method, size_t n);

void rv_ops_reference(FILE *); /* all operations, as Markdown */

/* ---- front/unix.c ---- */
int rv_listen_unix(struct rv_agent *, const char *path);
int rv_listen_fd(struct rv_agent *, int fd);
int rv_listen_intro(struct rv_agent *, int fd); /* front/intro.c: sessions that reeved introduces */
int rv_serve_fd(struct rv_agent *, int fd, void (*ended)(struct rv_session *)); /* one connected socket */

/* ---- front/scraper.c ---- */
struct rv_scrapers;
const char *rv_scrapers_set(struct rv_agent *, const char *key, const char *value); /* of [metrics]; NULL, or why not */
const char *rv_scrapers_settled(const struct rv_agent *); /* all is read: NULL, or what is wrong */
const char *rv_scrapers_no_role(
        struct rv_agent *);                /* the role that it is to have and that there is not, or NULL */
void rv_scrapers_start(struct rv_agent *); /* listens, where it is switched on */
void rv_scrapers_free(struct rv_agent *);
int rv_scraper_may(struct rv_session *, const json_t *params,
                   const char **ret_why);  /* ask this now: 0, or an HTTP status */
void rv_scraper_turn(struct rv_session *); /* something was read or written */
void rv_scraper_left(struct rv_session *);

#endif
