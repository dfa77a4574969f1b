/* SPDX-License-Identifier: MIT
 *
 * What is recorded of a request: who asked, by which roles, for what, with which arguments. Values of [Secret]
 * properties
 * and parameters are written as ***, also inside of embedded objects.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/digest.h"
#include "agent/elevate.h"

static void hide_secrets(json_t *given, const struct rv_class *c, int depth);

/* A value of this property: objects of an embedded class, or lists of them, are looked into. */
static void look_inside(json_t *v, const struct rv_property *p, int depth)
{
        const struct rv_class *embedded = p->ref_class ? rv_class_find(p->ref_class, NULL) : NULL;
        size_t i;
        json_t *item;
        if (!embedded || depth > 8)
                return;
        if (json_is_object(v))
                hide_secrets(v, embedded, depth + 1);
        json_array_foreach(v, i, item)
        {
                if (json_is_object(item))
                        hide_secrets(item, embedded, depth + 1);
        }
}

static void hide_secrets(json_t *given, const struct rv_class *c, int depth)
{
        json_t *v;
        const char *name;
        void *next;
        json_object_foreach_safe(given, next, name, v)
        {
                int p = rv_property_find_alias(c, name, strlen(name), NULL);
                if (p >= 0 && c->properties[p].flags & RV_SECRET)
                        json_object_set_new(given, name, json_string("***"));
                else if (p >= 0)
                        look_inside(v, &c->properties[p], depth);
        }
}

static char *arguments(const struct rv_request *q)
{
        json_t *given = json_object_get(q->params, q->method ? "InParameters" : "Properties");
        const struct rv_class *c = q->method ? q->method->in : q->asked;
        if (!json_is_object(given) || !c)
                return NULL;
        json_t *shown = json_deep_copy(given);
        hide_secrets(shown, c, 0);
        char *text = json_dumps(shown, JSON_COMPACT);
        json_decref(shown);
        return text;
}

/* The same request, whatever its deadline and whoever waits for it: for RequestKey. */
static void digest(const struct rv_request *q, bool planned, char ret[65])
{
        const char *operation = q->op ? rv_op_name(q->op) : "";
        json_t *what = json_copy(q->params);
        json_object_del(what, "RequestKey");
        json_object_del(what, "Timeout");
        json_object_del(what, "partialResultToken");
        json_object_del(what, "AsJob");
        if (planned) {
                json_object_del(what, "WhatIf");
                json_object_del(what, "ConfirmWithin");
        }
        char *text = json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);
        struct rv_piece pieces[] = { { operation, strlen(operation) + 1 }, { text, text ? strlen(text) : 0 } };
        rv_sha256_hex(pieces, 2, ret);
        free(text);
        json_decref(what);
}

void rv_request_digest(const struct rv_request *q, char ret[65])
{
        digest(q, true, ret);
}

static const char *json_text(const struct rv_request *q, const char *name)
{
        return json_string_value(json_object_get(q->params, name));
}

/* What is recorded of a request; made, used and freed. */
static void describe(struct rv_request *q,
                     void (*use)(struct rv_request *, const struct rv_audit_what *, void *), void *state)
{
        char sum[65] = "", roles[160];
        char *key = json_dumps(json_object_get(q->params, "InstanceName"), JSON_ENCODE_ANY | JSON_COMPACT);
        char *args = arguments(q);
        if (q->request_key)
                digest(q, false, sum);
        rv_policy_names(&q->agent->policy, &q->session->who, roles, sizeof roles);
        use(q,
            &(struct rv_audit_what) { .who = &q->session->who,
                                      .operation = rv_op_name(q->op),
                                      .class_name = q->asked ? q->asked->name : json_text(q, "ClassName"),
                                      .key = key,
                                      .method = q->method ? q->method->name : json_text(q, "MethodName"),
                                      .arguments = args,
                                      .request_key = q->request_key,
                                      .digest = q->request_key ? sum : NULL,
                                      .roles = *roles ? roles : NULL },
            state);
        free(key);
        free(args);
}

static void use_new(struct rv_request *q, const struct rv_audit_what *what, void *state)
{
        (void)q;
        *(struct rv_audit **)state = rv_audit_new(what);
}

struct rv_audit *rv_request_audit(struct rv_request *q)
{
        struct rv_audit *a = NULL;
        describe(q, use_new, &a);
        return a;
}

/* The user's count; that of a user who has been quiet for longest makes way for a new one. */
static struct rv_denials *denials_of(struct rv_agent *a, uid_t uid)
{
        struct rv_denials *oldest = &a->denials[0];
        for (unsigned i = 0; i < RV_DENIAL_USERS; i++) {
                struct rv_denials *d = &a->denials[i];
                if (d->used && d->uid == uid)
                        return d;
                if (!d->used || (oldest->used && d->at < oldest->at))
                        oldest = d;
        }
        *oldest = (struct rv_denials) { .uid = uid, .used = true, .left = RV_DENIAL_BURST, .at = rv_now() };
        return oldest;
}

/* Each denial is a write to disk: who asks for thousands has not all of them recorded, only how many. */
static bool may_record(struct rv_denials *d)
{
        uint64_t now = rv_now(), more = (now - d->at) / (UINT64_C(1000000000) / RV_DENIAL_RATE);
        if (more) {
                d->left = d->left + more > RV_DENIAL_BURST ? RV_DENIAL_BURST : d->left + (unsigned)more;
                d->at = now;
        }
        if (!d->left) {
                d->dropped++;
                return false;
        }
        d->left--;
        return true;
}

void rv_request_record_denied(struct rv_request *q, const struct rv_audit_what *what, void *text)
{
        struct rv_denials *d = denials_of(q->agent, q->session->who.uid);
        char message[400];
        if (!may_record(d))
                return;
        if (d->dropped)
                snprintf(message, sizeof message,
                         "(and %u denials before this one that were not recorded) %s", d->dropped,
                         (const char *)text);
        else
                snprintf(message, sizeof message, "%s", (const char *)text);
        d->dropped = 0;
        rv_audit_denied(&q->agent->state, what, message);
}

void rv_request_denied(struct rv_request *q, const struct rv_error *e)
{
        describe(q, rv_request_record_denied, (void *)e->message);
}
