/* SPDX-License-Identifier: MIT
 *
 * What the agent knows of itself, for classes that show it (Provider, Session). Plain copies: nothing here points into
 * the agent, so a caller may keep what it got. Any thread may ask. Example, from a provider's query:
 *
 *      static int each(void *row_maker, const struct rv_provider_stats *s) { ...; return rv_emit(...); }
 *      return rv_stats_each_provider(q->call, each, &mine);
 */
#ifndef RV_STATS_H
#define RV_STATS_H

#include "agent/provider.h"

struct rv_provider_stats {
        const struct rv_class *class;
        char name[64];    /* the class' name: a provider is known by what it provides */
        const char *kind; /* "Blocking", "Loop", "Quick" */
        const char *
                state; /* "Idle", "Running", "Stuck": every thread it may have is held by a call that never ended */
        uint64_t calls, errors, timeouts, rows, refused; /* since the agent started; refused: while stuck */
        uint64_t p50, p99; /* of a call's duration, ns, within 25 %; 0 before the first call */
        uint64_t longest;  /* ns */
        unsigned running;  /* calls under way, stuck ones not counted */
        unsigned threads, max_threads;
        unsigned stuck;          /* threads that were given up because their call missed its deadline */
        int64_t stuck_since;     /* ns since 1970, 0 = not stuck */
        int64_t last_error_time; /* ns since 1970, 0 = never */
        char last_error[320];
        const char *
                events; /* NULL: it tells of no changes; "Idle": nobody watches, "Starting", "Pushed", "Broken" */
        const char *control_group; /* of an external provider's programs, or NULL */
};

struct rv_session_stats {
        struct rv_identity who;
        uint64_t calls;   /* answered or under way, since it began */
        unsigned running; /* calls in flight */
        uint64_t bytes_in, bytes_out, bytes_queued;
        int64_t since;          /* ns since 1970 */
        int64_t last_call_time; /* ns since 1970, 0 = none yet */
        char state[16]; /* "Open", "Draining", "Idle": logged in by SSH, and nothing of it asks the agent */
        unsigned channels;     /* connections to the agent; 0 of idle ones */
        char activity[8][100]; /* what runs: operations under way, programs of reeved's */
        unsigned nactivity;
        char roles[160];   /* that fit it now */
        char language[16]; /* of its shell: "None", "Constrained", "Full" */
};

/* A change or a denial. Texts are NULL where there is nothing to be said; they are valid during `each`. */
struct rv_audit_record {
        uint64_t seq, duration;
        int64_t time;
        uint32_t uid;
        unsigned status;
        const char *session, *user, *source, *operation, *class_name, *key, *method, *arguments, *request_key;
        const char *result, *message, *changed, *roles, *elevation, *hash;
};
/* Conditions; 0 and NULL: none. Texts are compared without case. */
struct rv_audit_ask {
        uint64_t first_seq, last_seq, limit;
        int64_t since, until; /* ns since 1970 */
        const char *user, *class_name, *operation, *session, *result;
};
/* What `each` answered, or a negative errno and why; -ENOENT: nothing was ever recorded. */
int rv_stats_each_audit(const struct rv_call *, const struct rv_audit_ask *,
                        int (*each)(void *, const struct rv_audit_record *), void *, char *why, size_t);
struct rv_audit_check {
        uint64_t records;   /* seen */
        uint64_t first_bad; /* the first that does not fit; 0: none */
        uint64_t anchor;    /* the last that went to a segment; 0: none */
        bool confirmed;     /* the anchor is what a record in the chain says */
        char head[65];      /* hash of the last one seen: what to compare with a copy kept elsewhere */
};
/* Lines as in a segment, after that number; *ret_more: there are others. As rv_stats_each_audit(). */
int rv_stats_export_audit(const struct rv_call *, uint64_t after, uint64_t most,
                          int (*each)(void *, uint64_t seq, const char *line, size_t n), void *,
                          bool *ret_more, char *why, size_t);
int rv_stats_verify_audit(const struct rv_call *, struct rv_audit_check *, char *why, size_t);

/* A change of an object of a class whose history is kept, as the caller may see it. Texts are valid during `each`. */
struct rv_change_record {
        uint64_t seq, audit; /* audit: of the request that did it; 0: not known, or not for the caller */
        int64_t time, since; /* since: 0, or when somebody looked before */
        const char *class_name, *key, *kind, *changed, *user, *operation;
        const char *const *properties;
        uint32_t nproperties;
};
struct rv_change_ask {
        uint64_t first_seq, last_seq;
        int64_t since, until;
        const char *class_name; /* without case; or NULL */
        bool who;               /* audit, user, operation are wanted */
};
/* As rv_stats_each_audit(). */
int rv_stats_each_change(const struct rv_call *, const struct rv_change_ask *,
                         int (*each)(void *, const struct rv_change_record *), void *, char *why, size_t);

/* What is kept of a class' history. */
struct rv_history_stats {
        const char *class_name;
        bool kept, pushed, by_call, live; /* live: it is watched now */
        uint64_t interval, states, changes, bytes, spans;
        int64_t began, ended; /* ns since 1970; 0: never, not yet */
};
int rv_stats_each_history(const struct rv_call *, int (*each)(void *, const struct rv_history_stats *),
                          void *, char *why, size_t);
/* From now on the class is kept, or not any more. interval: seconds between polls; 0: none. */
int rv_stats_keep_history(const struct rv_call *, const char *class_name, bool keep, uint64_t interval,
                          bool purge, struct rv_error *);

/* An event that is kept for a subscription, as the caller may see it. Texts are valid during `each`. */
struct rv_event_record {
        const char *subscription, *kind, *class_name, *event; /* event: JSON, or NULL */
        uint64_t seq;
        int64_t time; /* ns since 1970; 0: not known */
        uint32_t uid;
};
/* Of one subscription, or of all that the caller may know. As rv_stats_each_audit(). */
int rv_stats_each_event(const struct rv_call *, const char *subscription_or_null,
                        int (*each)(void *, const struct rv_event_record *), void *, char *why, size_t);

/* A role in words; valid during `each`. Lists end with NULL. */
struct rv_role_words {
        const char *name, *description, *language, *path, *transcript;
        bool escalates;
        const char *const *who,
                *const *elevate, *const *approve,
                                         *const *rules, *const *cmdlets,
                                                                *const *native,
                                                                        *const *read, *const *write,
                                                                                              *const *forward;
};
int rv_stats_each_role(const struct rv_call *, int (*each)(void *, const struct rv_role_words *), void *);

/* What somebody would be allowed. Texts may be NULL; lists end with NULL, and may be NULL. */
struct rv_role_question {
        const char *user, *key, *source, *operation, *class_name, *method, *instance, *arguments, *text,
                *name;
        const char *const *groups, *const *properties;
        int64_t time, since; /* ns since 1970; 0: now, from the beginning */
};
struct rv_role_answer {
        bool allowed, replay;
        char role[64], rule[128], reason[400];
        uint64_t records, allowed_records, denied_records, unknown_records;
        char **differences; /* the caller frees them with rv_role_answer_free() */
        unsigned ndifferences;
};
int rv_stats_test_role(const struct rv_call *, const struct rv_role_question *, struct rv_role_answer *,
                       struct rv_error *);
void rv_role_answer_free(struct rv_role_answer *);
/* The text of a role; *ret is freed by the caller. users: with commas between, or NULL. */
int rv_stats_new_role(const struct rv_call *, const char *name, bool from_audit, const char *users,
                      int64_t since, int64_t until, char **ret, struct rv_error *);

/* The folder of the state; NULL: there is none. core: rv_call.core. */
const char *rv_stats_folder(const void *core, char *to, size_t size);

/* Elevations (elevate.h); texts are valid during `each`. Times: ns since 1970, 0: not yet. */
struct rv_elevation_view {
        const char *id, *user, *source, *key, *role, *reason, *script, *plan_errors, *state, *decided_by,
                *message;
        const char *const *plan; /* NULL at the end; or NULL: none was asked for */
        uint32_t uid;
        unsigned minutes;
        bool plan_only;
        int64_t requested, decided, until, ended;
};
int rv_stats_each_elevation(const struct rv_call *, int (*each)(void *, const struct rv_elevation_view *),
                            void *);
struct rv_elevation_ask {
        const char *role, *reason, *script; /* script: or NULL */
        unsigned minutes;
        bool plan_only;
};
enum { RV_ELEVATION_ID = 17 };
int rv_stats_ask_elevation(struct rv_call *, const struct rv_elevation_ask *, char ret_id[RV_ELEVATION_ID],
                           struct rv_error *);
enum rv_elevation_deed { RV_ELEVATION_APPROVE, RV_ELEVATION_DENY, RV_ELEVATION_END };
int rv_stats_decide_elevation(struct rv_call *, const char *id, enum rv_elevation_deed, unsigned minutes,
                              const char *message, struct rv_error *);
int rv_stats_elevation_news(void); /* a descriptor that is readable when any has changed, or -errno */

/* Calls `each` for every provider / session until it answers other than 0, and answers that. The call is the one
 * that the provider was given (rv_query.call, or its own argument): it knows the agent. */
int rv_stats_each_provider(const struct rv_call *, int (*each)(void *, const struct rv_provider_stats *),
                           void *);
/* Closes a session; force: its local process gets SIGHUP. What-if only looks. -ENOENT: there is none; -ETIMEDOUT. */
int rv_stats_end_session(const struct rv_call *, const char *id, bool force);
int rv_stats_each_session(const struct rv_call *, int (*each)(void *, const struct rv_session_stats *),
                          void *);

/* A change that waits for its confirmation, or did (confirm.h). Texts are valid during `each`. */
struct rv_transaction {
        const char *id, *state, *class_name, *operation, *user, *session, *source, *message;
        int64_t started, revert_at; /* ns since 1970 */
};
int rv_stats_each_transaction(int (*each)(void *, const struct rv_transaction *), void *);
/* Confirms it (over another connection than it was made over), or has it reverted now. */
int rv_stats_settle_transaction(const struct rv_call *, const char *id, bool confirm, struct rv_error *);

/* A job (concretejob.h) that the caller may see. Texts are NULL where there is nothing to be said, and valid during
 * `each`; key, arguments, result, error are JSON. Times: ns since 1970, 0: not yet. percent: -1: not known. */
struct rv_cjob_view {
        const char *id, *name, *state, *status, *operation, *class_name, *method, *key, *arguments, *user,
                *session, *source, *request_key, *roles, *result, *error, *error_text;
        unsigned error_code; /* a CIM status; 0: none */
        int percent;
        int64_t submitted, started, changed, ended, until;
        uint32_t pid; /* 0: none any more */
};
/* What `each` answered. only: an id, or NULL. */
int rv_stats_each_job(const struct rv_call *, const char *only,
                      int (*each)(void *, const struct rv_cjob_view *), void *);
int rv_stats_end_job(const struct rv_call *, const char *id, bool kill, struct rv_error *);
int rv_stats_forget_job(const struct rv_call *, const char *id, struct rv_error *);
int rv_stats_job_news(void); /* a descriptor that is readable when any has changed, or -errno */
int rv_stats_read_job_news(int fd, void (*each)(void *, const char *id),
                           void *); /* 0, or -ENOBUFS: some were lost */

/* Objects that the agent keeps (permanent.h): their providers are these. */
struct rv_new_subscription {
        const char *name, *query, *journal, *log_file, *const *command, *script, *target, *method, *instance,
                *in, *options;
        unsigned ncommand;
        const uint32_t *retries, *damping_count, *damping_seconds;
};
int rv_stored_query(const struct rv_query *, struct rv_sink *, struct rv_error *);
int rv_stored_create(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_stored_modify(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_stored_remove(struct rv_call *, struct rv_error *);
int rv_stored_subscribe(struct rv_call *, const struct rv_new_subscription *, struct rv_error *);
int rv_stored_unsubscribe(struct rv_call *, struct rv_error *); /* the binding, and what only it used */
/* Their indications: a descriptor for one who watches a class, and the events that wait at it. */
int rv_stored_open(const struct rv_class *, struct rv_error *);
int rv_stored_read(int fd, struct rv_news *);
void rv_stored_close(int fd);

#endif
