/* SPDX-License-Identifier: MIT
 *
 * What the programs of an SSH session (file transfer, forwarding) do in the user's name, on record: the operation
 * Record. It is heard only from sessions that reeved introduced for such a program, and changes nothing but the audit:
 *
 *      Record {Operation, Method, Target, Arguments}          intent: answered with its number once it is on disk
 *      Record {Record, Status, Message, Arguments}            its outcome; Status 0: it succeeded
 *      Record {Operation, Method, Target, Status, Message}    a denial
 *
 * The program asks before it does anything, so that a change that cannot be recorded is not made. An intent whose
 * program ends without telling stays "Unknown".
 */
#include "agent/note.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512 }; /* intents of a session without outcome */

struct rv_note {
        struct rv_note *next;
        struct rv_request *request; /* that waits for it; NULL: it has gone */
        struct rv_audit *audit;
};

static const char *text(const struct rv_request *q, const char *name)
{
        return json_string_value(json_object_get(q->params, name));
}

static void with_what(struct rv_request *q, void (*use)(struct rv_request *, const struct rv_audit_what *, void *),
                      void *state)
{
        char roles[160];
        json_t *target = json_pack("{s:s?}", "Target", text(q, "Target"));
        char *key = json_dumps(target, JSON_COMPACT);
        char *arguments = json_dumps(json_object_get(q->params, "Arguments"), JSON_COMPACT);
        rv_policy_names(&q->agent->policy, &q->session->who, roles, sizeof roles);
        use(q,
            &(struct rv_audit_what) { .who = &q->session->who,
                                      .operation = q->session->who.service,
                                      .key = key,
                                      .method = text(q, "Method"),
                                      .arguments = arguments,
                                      .roles = *roles ? roles : NULL },
            state);
        json_decref(target);
        free(key);
        free(arguments);
}

static void use_new(struct rv_request *q, const struct rv_audit_what *what, void *state)
{
        (void)q;
        *(struct rv_audit **)state = rv_audit_new(what);
}

static void on_intent(struct rv_audit *a, void *state)
{
        struct rv_note *n = state;
        struct rv_request *q = n->request;
        if (!q || a->verdict != RV_VERDICT_GO) {
                struct rv_error e = { 0 };
                if (q) {
                        q->note = NULL;
                        rv_fail(&e, RV_UNAVAILABLE, "refused: it cannot be recorded: %s", a->job.why);
                        rv_answer_error(q, &e);
                }
                rv_audit_free(a);
                free(n);
                return;
        }
        q->note = NULL;
        n->request = NULL;
        n->next = q->session->notes;
        q->session->notes = n;
        char reply[48];
        int len = snprintf(reply, sizeof reply, "{\"Record\":%lld}", (long long)a->seq);
        rv_answer(q, reply, (size_t)len);
}

static int intent(struct rv_request *q, struct rv_error *err)
{
        unsigned open = 0;
        for (const struct rv_note *n = q->session->notes; n; n = n->next)
                open++;
        if (open >= MOST)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "%u things are under way: end some first", open);
        struct rv_note *n = calloc(1, sizeof *n);
        struct rv_audit *a = NULL;
        if (n)
                with_what(q, use_new, &a);
        if (!a) {
                free(n);
                return -ENOMEM;
        }
        n->audit = a;
        n->request = q;
        q->note = n;
        rv_audit_intent(a, &q->agent->state, on_intent, n);
        return RV_OK;
}

static int outcome(struct rv_request *q, int64_t number, int status, struct rv_error *err)
{
        struct rv_note **at = &q->session->notes, *n;
        while ((n = *at) && n->audit->seq != number)
                at = &n->next;
        if (!n)
                return rv_fail(err, RV_NOT_FOUND, "this session has no record %lld under way", (long long)number);
        *at = n->next;
        char *arguments = json_dumps(json_object_get(q->params, "Arguments"), JSON_COMPACT);
        rv_audit_outcome(n->audit, &q->agent->state, status, text(q, "Message"), arguments, NULL, status != 0, NULL,
                         NULL);
        free(arguments);
        free(n);
        rv_answer(q, "{}", 2);
        return RV_OK;
}

int rv_op_record(struct rv_request *q, struct rv_error *err)
{
        json_t *record = json_object_get(q->params, "Record"), *status = json_object_get(q->params, "Status");
        if (!*q->session->who.service)
                return rv_fail(err, RV_ACCESS_DENIED, "only programs that reeved started for a session record");
        if (json_is_integer(record))
                return outcome(q, json_integer_value(record), (int)(json_integer_value(status) & 0xff), err);
        if (!text(q, "Method") || !text(q, "Target"))
                return rv_fail(err, RV_INVALID_PARAMETER, "Record needs Method and Target, or Record");
        if (!json_is_integer(status))
                return intent(q, err);
        with_what(q, rv_request_record_denied, (void *)(text(q, "Message") ? text(q, "Message") : "denied"));
        rv_answer(q, "{}", 2);
        return RV_OK;
}

void rv_note_orphan(struct rv_request *q)
{
        if (q->note)
                q->note->request = NULL;
        q->note = NULL;
}

void rv_notes_left(struct rv_session *s)
{
        for (struct rv_note *n; (n = s->notes);) {
                s->notes = n->next;
                rv_audit_free(n->audit);
                free(n);
        }
}
