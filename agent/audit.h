/* SPDX-License-Identifier: MIT
 *
 * Audit. Before a change its intent is on disk, after it its outcome; a denial is one record. Records form a chain: the
 * hash of each covers the one before. A change whose intent cannot be written is refused. An intent without outcome
 * is a change whose outcome is unknown: the agent ended in between.
 *
 * The same transactions keep RequestKeys: a repeated request is answered with what was answered first and does nothing.
 *
 *      struct rv_audit *a = rv_audit_new(&what);               // copies
 *      rv_audit_intent(a, on_intent, state);                   // on_intent(a, state): a->verdict says go on or not
 *      rv_audit_outcome(a, code, ..., on_outcome, state);      // then rv_audit_free(a)
 */
#ifndef RV_AUDIT_H
#define RV_AUDIT_H

#include "agent/identity.h"
#include "agent/state.h"
#include "schema/error.h"

enum rv_verdict {
        RV_VERDICT_GO,
        RV_VERDICT_REFUSED,   /* the audit cannot be written: `why` */
        RV_VERDICT_REPLAY,    /* was answered before: `stored`, `stored_is_error` */
        RV_VERDICT_UNDER_WAY, /* the same request is running */
        RV_VERDICT_UNKNOWN,   /* an earlier agent ended while it was running: nobody knows its outcome */
        RV_VERDICT_OTHER,     /* the RequestKey was used for another request */
};

struct rv_audit_what {
        const struct rv_identity *who;
        const char *operation, *class_name, *key, *method, *arguments; /* texts or NULL */
        const char *request_key, *digest, *roles;                      /* NULL: none */
        const char *elevation; /* that it is about; "": none; NULL: those of who asks, if any */
};

struct rv_audit {
        struct rv_state_job job;
        struct rv_identity who;
        char *operation, *class_name, *key, *method, *arguments, *request_key, *digest, *roles,
                *elevation;
        int64_t seq; /* of the intent */
        uint64_t begun;
        enum rv_verdict verdict;
        char *stored;
        bool stored_is_error;
        /* The record being written. */
        bool denied;            /* by the roles, when they had seen the object */
        const char *result;
        int status;
        char *message, *changed, *reply;
        bool reply_is_error;
        void (*then)(struct rv_audit *, void *);
        void *state;
};

struct rv_audit *rv_audit_new(const struct rv_audit_what *);
void rv_audit_free(struct rv_audit *);
/* Both: `then` on the loop, later. Without `then` the audit frees itself when it is written. */
void rv_audit_intent(struct rv_audit *, struct rv_state *, void (*then)(struct rv_audit *, void *), void *);
/* code 0: it succeeded. reply: what was answered, kept for the RequestKey; NULL: a repetition may try again. */
void rv_audit_outcome(struct rv_audit *, struct rv_state *, int code, const char *message, const char *changed,
                      const char *reply, bool reply_is_error, void (*then)(struct rv_audit *, void *), void *);
/* reeve-agent --verify-audit FILE...: an exit status. */
int rv_audit_verify_files(int n, char **paths);
/* What happened without having been asked as a request: one record. status 0: well, else a denial; took: ns. */
void rv_audit_event(struct rv_state *, const struct rv_audit_what *, int status, const char *message,
                    const char *changed, uint64_t took);
void rv_audit_denied(struct rv_state *, const struct rv_audit_what *, const char *message);

#endif
