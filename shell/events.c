/* SPDX-License-Identifier: MIT */
#include "shell/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/eventsource.h"
#include "shell/text.h"

/* A notification as it came. */
struct raw {
        struct raw *next;
        size_t n;
        char text[];
};

struct sh_events {
        struct sh *sh;
        struct rv_client *client; /* the subscriptions are known to it */
        unsigned opened;          /* which connection that is */
        struct raw *raw, **raw_end;
        struct sh_event_sub *subs;
        struct sh_event *queue, **queue_end;
        size_t queued;
        int64_t next_sub, next_event;
        bool pumping; /* an action waits for events itself */
};

static void set(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

struct sh_events *sh_events_of(struct sh *sh, bool make)
{
        struct sh_model *m = sh_model_of(sh);
        if (!m->events && make) {
                m->events = calloc(1, sizeof *m->events);
                if (!m->events)
                        abort();
                *m->events = (struct sh_events) { .sh = sh, .next_sub = 1, .next_event = 1 };
                m->events->raw_end = &m->events->raw;
                m->events->queue_end = &m->events->queue;
        }
        return m->events;
}

static void sub_free(struct sh_event_sub *s)
{
        sh_drop(s->action);
        sh_drop(s->data);
        sh_drop(s->object);
        sh_drop(s->seen);
        free(s->event);
        free(s->source);
        free(s->params);
        free(s);
}

void sh_event_remove(struct sh_events *e, struct sh_event **at)
{
        struct sh_event *v = *at;
        *at = v->next;
        if (!*at)
                e->queue_end = at;
        e->queued--;
        sh_drop(v->object);
        free(v->source);
        free(v);
}

void sh_events_free(struct sh_model *m)
{
        struct sh_events *e = m->events;
        if (!e)
                return;
        while (e->queue)
                sh_event_remove(e, &e->queue);
        while (e->subs) {
                struct sh_event_sub *s = e->subs;
                e->subs = s->next;
                sub_free(s);
        }
        while (e->raw) {
                struct raw *r = e->raw;
                e->raw = r->next;
                free(r);
        }
        free(e);
        m->events = NULL;
}

struct sh_event_sub *sh_event_subs(struct sh_events *e)
{
        return e->subs;
}

struct sh_event **sh_event_queue(struct sh_events *e)
{
        return &e->queue;
}

struct sh_event_sub *sh_event_sub_named(struct sh_events *e, const char *source)
{
        struct sh_event_sub *s = e->subs;
        while (s && strcasecmp(s->source, source) != 0)
                s = s->next;
        return s;
}

/* ---- at the agent ---- */

/* While something else may be waited for: only kept. */
static void heard(void *state, const char *method, size_t n, const struct rv_json *params)
{
        struct sh_events *e = state;
        if (n != 10 || memcmp(method, "Indication", 10) != 0)
                return;
        size_t size = rv_json_size(params);
        struct raw *r = malloc(sizeof *r + size);
        if (!r)
                return;
        r->next = NULL;
        r->n = size;
        memcpy(r->text, params->p, size);
        *e->raw_end = r;
        e->raw_end = &r->next;
}

static int ask(struct sh_events *e, struct sh_event_sub *s, struct rv_error *err)
{
        struct rv_buf params = { 0 }, answer = { 0 };
        struct rv_json id;
        rv_buf_putf(&params, "%s,\"Credit\":%d", s->params, SH_EVENTS_CREDIT);
        int r = sh_link_call(sh_link_local(e->sh), "Subscribe", &params, 0, &answer, err);
        if (r == RV_OK) {
                char *text = rv_json_find(rv_json_at(answer.data, answer.len), "Subscription", &id)
                                     ? rv_json_strdup(&id)
                                     : NULL;
                snprintf(s->subscription, sizeof s->subscription, "%s", text ? text : "");
                free(text);
                s->taken = 0;
                s->synced = false;
        }
        rv_buf_free(&params);
        rv_buf_free(&answer);
        return r;
}

static void add_event(struct sh_events *e, struct sh_event_sub *s, struct sv args, struct sv time);

/* A new connection knows none of the subscriptions. */
static int renew(struct sh_events *e, struct rv_error *err)
{
        struct sh_link *l = sh_link_local(e->sh);
        int r = sh_link_open(l, err);
        if (r || (e->client && e->opened == l->opened))
                return r;
        bool again = e->client;
        e->client = l->client;
        e->opened = l->opened;
        rv_client_listen(l->client, heard, e);
        for (struct sh_event_sub *s = e->subs; s && again && r == RV_OK; s = s->next) {
                if (s->kind != SH_EV_AGENT)
                        continue;
                r = ask(e, s, err);
                struct sv args = sh_object_new();
                set(args, "Exception",
                    sh_text("The connection to the agent was lost; events may be missing."));
                add_event(e, s, args, sh_datetime_now());
        }
        return r;
}

int sh_event_subscribe(struct sh_events *e, struct sh_event_sub *s, struct rv_error *err)
{
        int r = renew(e, err);
        if (r == RV_OK)
                r = ask(e, s, err);
        if (r) {
                sub_free(s);
                return r;
        }
        sh_event_attach(e, s);
        sh_events_pump(e->sh, 0.1); /* until it is synced */
        return RV_OK;
}

void sh_event_attach(struct sh_events *e, struct sh_event_sub *s)
{
        struct sh_event_sub **at = &e->subs;
        s->id = e->next_sub++;
        s->synced |= s->kind != SH_EV_AGENT;
        while (*at)
                at = &(*at)->next;
        *at = s;
}

void sh_event_unsubscribe(struct sh_events *e, struct sh_event_sub *s)
{
        struct sh_event_sub **at = &e->subs;
        while (*at && *at != s)
                at = &(*at)->next;
        if (*at)
                *at = s->next;
        struct rv_buf params = { 0 }, answer = { 0 };
        struct rv_error ignored = { 0 };
        rv_buf_putf(&params, "{\"Subscription\":\"%s\"", s->subscription);
        if (s->kind == SH_EV_AGENT && e->client && !rv_client_gone(e->client))
                sh_link_call(sh_link_local(e->sh), "Unsubscribe", &params, 0, &answer, &ignored);
        rv_buf_free(&params);
        rv_buf_free(&answer);
        sub_free(s);
}

/* ---- objects ---- */

/* An instance with its system properties, as an object of its class. */
static struct sv instance(struct sh *sh, struct rv_json v)
{
        struct rv_json name, space;
        struct rv_error err = { 0 };
        const struct sh_model_class *m = NULL;
        char *c = rv_json_find(v, "__CLASS", &name) ? rv_json_strdup(&name) : NULL,
             *n = rv_json_find(v, "__NAMESPACE", &space) ? rv_json_strdup(&space) : NULL;
        if (c)
                sh_model_class(sh_link_local(sh), c, n, &m, &err);
        free(c);
        free(n);
        struct sv o = m ? sh_model_row_new(sh, m, v) : sh_json_any(sh, v);
        if (m && o.kind == SH_MODEL)
                o.o->flags |= SH_MODEL_NARROW;
        return o;
}

struct sv sh_event_object(struct sh *sh, struct rv_json indication)
{
        struct rv_json walk = indication, name, value, other;
        if (!rv_json_find(indication, "TargetInstance", &value) &&
            !rv_json_find(indication, "Representative", &other))
                return instance(sh, indication);
        struct sv o = sh_object_new();
        while (rv_json_next(&walk, &name, &value)) {
                struct sv v = rv_json_is(&name, "TargetInstance") || rv_json_is(&name, "PreviousInstance")
                                      ? instance(sh, value)
                              : rv_json_is(&name, "Representative") ? sh_event_object(sh, value)
                                                                    : sh_json_any(sh, value);
                sh_object_set(o, name.p, rv_json_size(&name), v);
                sh_drop(v);
        }
        return o;
}

static struct sv time_of(struct rv_json raw)
{
        struct rv_json t;
        struct sv v = SH_NIL;
        char *s = rv_json_find(raw, "Time", &t) ? rv_json_strdup(&t) : NULL;
        if (s && sh_datetime_parse(s, strlen(s), &v)) {
                struct sv local = sh_datetime_local(v);
                sh_drop(v);
                v = local;
        }
        free(s);
        return sh_is_null(v) ? sh_datetime_now() : v;
}

/* What PowerShell calls SourceEventArgs. */
static struct sv arguments(struct sh *sh, struct rv_json raw)
{
        struct rv_json v, text;
        struct sv o = sh_object_new();
        if (rv_json_find(raw, "Indication", &v))
                set(o, "NewEvent", sh_event_object(sh, v));
        if (rv_json_find(raw, "Kind", &v))
                set(o, "Kind", sh_json_any(sh, v));
        if (rv_json_find(raw, "Sequence", &v))
                set(o, "Bookmark", sh_json_any(sh, v));
        if (rv_json_find(raw, "Lost", &v)) {
                set(o, "Exception", sh_text("Events were lost."));
                set(o, "Lost", sh_json_any(sh, v));
        }
        if (rv_json_find(raw, "Error", &v) && rv_json_find(v, "message", &text))
                set(o, "Exception", sh_json_any(sh, text));
        return o;
}

/* PSEventArgs. sender SH_VOID: this host. */
static struct sv event_of(struct sh_events *e, const char *source, struct sv sender, struct sv args,
                          struct sv list, struct sv data, struct sv time)
{
        char host[256] = "";
        struct sv o = sh_object_new();
        gethostname(host, sizeof host - 1);
        set(o, "ComputerName", SH_NIL);
        set(o, "RunspaceId", SH_NIL);
        set(o, "EventIdentifier", sh_int((int32_t)e->next_event));
        set(o, "Sender", sender.kind == SH_VOID ? sh_text(host) : sh_keep(sender));
        sh_object_set(o, "SourceEventArgs", 15, args);
        sh_object_set(o, "SourceArgs", 10, list);
        set(o, "SourceIdentifier", sh_text(source));
        set(o, "TimeGenerated", time);
        sh_object_set(o, "MessageData", 11, data);
        sh_object_type(o, "System.Management.Automation.PSEventArgs");
        return o;
}

static struct sv event_object(struct sh_events *e, const struct sh_event_sub *s, struct sv args,
                              struct sv time)
{
        struct sv list = sh_array_new(2);
        if (s->kind == SH_EV_OBJECT)
                sh_array_add(list.a, s->object);
        sh_array_add(list.a, args);
        struct sv o = event_of(e, s->source, s->kind == SH_EV_OBJECT ? s->object : SH_NOTHING, args, list,
                               s->data, time);
        sh_drop(list);
        return o;
}

static void keep_event(struct sh_events *e, const char *source, struct sv owned)
{
        struct sh_event *v = calloc(1, sizeof *v);
        if (!v)
                abort();
        *v = (struct sh_event) { .id = e->next_event++, .source = strdup(source), .object = owned };
        *e->queue_end = v;
        e->queue_end = &v->next;
        if (++e->queued > SH_EVENTS_MOST)
                sh_event_remove(e, &e->queue);
}

static void add_event(struct sh_events *e, struct sh_event_sub *s, struct sv args, struct sv time)
{
        struct sv o = event_object(e, s, args, time);
        sh_drop(args);
        keep_event(e, s->source, o);
}

/* ---- actions ---- */

/* $Event, $EventArgs, $Sender, $EventSubscriber are there while the action runs. */
static int act_on(struct sh_events *e, struct sh_event_sub *s, struct sv event, struct sv args)
{
        static const char *const names[] = { "Event", "EventArgs", "Sender", "EventSubscriber" };
        struct sh *sh = e->sh;
        struct sv sender = SH_NIL, out = SH_NIL, before[4];
        struct sv subscriber = sh_object_new(), action = sh_keep(s->action);
        bool had[4];
        sh_object_note(event, "Sender", 6, &sender);
        set(subscriber, "SubscriptionId", sh_int((int32_t)s->id));
        set(subscriber, "SourceIdentifier", sh_text(s->source));
        const struct sv values[] = { event, args, sender, subscriber }, positional[] = { sender, args };
        e->next_event++;
        for (int i = 0; i < 4; i++) {
                had[i] = sh_var_get(sh, names[i], &before[i]);
                sh_var_set_scope(sh, names[i], values[i], SH_SCOPE_GLOBAL, NULL);
        }
        int st = sh_block_value(sh, action, NULL, (struct sh_args) { 2, positional }, true, &out);
        if (st == SH_ERROR) { /* an action's error is not the session's */
                struct sv record = sh_error_take(sh);
                st = sh_stream_error(sh, record);
                sh_drop(record);
        }
        for (int i = 0; i < 4; i++) {
                sh_var_set_scope(sh, names[i], had[i] ? before[i] : SH_NIL, SH_SCOPE_GLOBAL, NULL);
                if (had[i])
                        sh_drop(before[i]);
        }
        sh_drop(out);
        sh_drop(action);
        sh_drop(subscriber);
        return st == SH_BREAK || st == SH_CONTINUE || st == SH_RETURN ? SH_OK : st;
}

static int act(struct sh_events *e, struct sh_event_sub *s, struct sv args, struct sv time)
{
        struct sv event = event_object(e, s, args, time);
        int st = act_on(e, s, event, args);
        sh_drop(event);
        sh_drop(args);
        return st;
}

/* Into the action or the queue; the subscription may be over then. args: taken. */
static int deliver(struct sh_events *e, struct sh_event_sub *s, struct sv args, struct sv time)
{
        int64_t id = s->id;
        int st = SH_OK;
        s->times++;
        if (s->action.kind == SH_BLOCK)
                st = act(e, s, args, time);
        else
                add_event(e, s, args, time);
        for (s = e->subs; s && s->id != id;) /* the action may have ended it */
                s = s->next;
        if (s && s->most > 0 && s->times >= s->most)
                sh_event_unsubscribe(e, s);
        return st;
}

/* ---- the session's own ---- */
static struct sh_event_sub *next_sub(struct sh_events *e, int64_t after)
{
        struct sh_event_sub *s = e->subs;
        while (s && s->id <= after)
                s = s->next;
        return s;
}

/* What came from one object, to all who listen to it. */
static int drain(struct sh_events *e, struct sh_event_sub *first)
{
        struct sv object = sh_keep(first->object), args;
        const char *name;
        int64_t id = first->id;
        int st = SH_OK;
        while (st == SH_OK && (first = next_sub(e, id - 1)) && first->id == id &&
               sh_source_poll(e->sh, object, &first->seen, &name, &args)) {
                for (struct sh_event_sub *s = next_sub(e, id - 1); st == SH_OK && s;) {
                        int64_t at = s->id;
                        if (s->kind == SH_EV_OBJECT && s->object.o == object.o && !strcasecmp(s->event, name))
                                st = deliver(e, s, sh_keep(args), sh_datetime_now());
                        s = next_sub(e, at);
                }
                sh_drop(args);
                if (sh_interrupt)
                        break;
        }
        sh_drop(object);
        return st;
}

static int poll_objects(struct sh_events *e)
{
        int st = SH_OK;
        for (struct sh_event_sub *s = e->subs; st == SH_OK && s;) {
                int64_t id = s->id;
                bool first = s->kind == SH_EV_OBJECT;
                for (struct sh_event_sub *o = e->subs; first && o != s; o = o->next)
                        first = o->kind != SH_EV_OBJECT || o->object.o != s->object.o;
                if (first)
                        st = drain(e, s);
                s = next_sub(e, id);
        }
        return st;
}

static bool listens(const struct sh_event_sub *s, const char *source)
{
        return s->kind == SH_EV_ENGINE && !strcasecmp(s->source, source) && s->action.kind == SH_BLOCK;
}

int sh_event_post(struct sh_events *e, const char *source, struct sv sender, struct sv args, struct sv data,
                  struct sv *ret)
{
        struct sv list = sh_is_enumerable(args) ? sh_array_copy(args) : sh_array_new(1), first = SH_NIL;
        if (list.a->n)
                first = list.a->v[0];
        struct sv event =
                event_of(e, source, sender, list.a->n == 1 ? first : SH_NIL, list, data, sh_datetime_now());
        bool heard = false;
        int st = SH_OK;
        for (struct sh_event_sub *s = e->subs; st == SH_OK && s;) {
                int64_t id = s->id;
                if (listens(s, source)) {
                        heard = true;
                        s->times++;
                        st = act_on(e, s, event, list);
                        s = next_sub(e, id - 1);
                        if (s && s->id == id && s->most > 0 && s->times >= s->most)
                                sh_event_unsubscribe(e, s);
                }
                s = next_sub(e, id);
        }
        if (!heard)
                keep_event(e, source, sh_keep(event));
        *ret = event;
        sh_drop(list);
        return st;
}

void sh_events_tell(struct sh *sh, const char *source)
{
        struct sh_events *e = sh_events_of(sh, false);
        for (struct sh_event_sub *s = e ? e->subs : NULL; s;) {
                int64_t id = s->id;
                if (listens(s, source) && deliver(e, s, sh_object_new(), sh_datetime_now()) == SH_ERROR)
                        sh_drop(sh_error_take(sh));
                s = next_sub(e, id);
        }
}

/* ---- taking in ---- */

static struct sh_event_sub *sub_of(struct sh_events *e, struct rv_json raw)
{
        struct rv_json id;
        char *text = rv_json_find(raw, "Subscription", &id) ? rv_json_strdup(&id) : NULL;
        struct sh_event_sub *s = text ? e->subs : NULL;
        while (s && strcmp(s->subscription, text) != 0)
                s = s->next;
        free(text);
        return s;
}

static void give_credit(struct sh_events *e, struct sh_event_sub *s)
{
        if (++s->taken < SH_EVENTS_CREDIT / 4)
                return;
        struct rv_buf params = { 0 }, answer = { 0 };
        struct rv_error ignored = { 0 };
        rv_buf_putf(&params, "{\"Subscription\":\"%s\",\"Credit\":%u", s->subscription, s->taken);
        s->taken = 0;
        sh_link_call(sh_link_local(e->sh), "Acknowledge", &params, 0, &answer, &ignored);
        rv_buf_free(&params);
        rv_buf_free(&answer);
}

static int take(struct sh_events *e, struct raw *r)
{
        struct rv_json raw = rv_json_at(r->text, r->n), kind, walk;
        struct sh_event_sub *s = sub_of(e, raw);
        if (!s)
                return SH_OK;
        give_credit(e, s);
        if (!rv_json_find(raw, "Kind", &kind))
                return SH_OK;
        char *word = rv_json_strdup(&kind);
        bool sync = word && strcmp(word, "Sync") == 0, recovered = word && strcmp(word, "Recovered") == 0;
        s->synced |= sync || (word && strcmp(word, "Error") == 0);
        free(word);
        walk = raw;
        if (sync || recovered)
                return SH_OK;
        return deliver(e, s, arguments(e->sh, walk), time_of(raw));
}

static int take_all(struct sh_events *e)
{
        int st = SH_OK;
        e->pumping = true;
        while (e->raw && st == SH_OK) {
                struct raw *r = e->raw;
                e->raw = r->next;
                if (!e->raw)
                        e->raw_end = &e->raw;
                st = take(e, r);
                free(r);
        }
        e->pumping = false;
        return st;
}

static bool all_synced(const struct sh_events *e)
{
        const struct sh_event_sub *s = e->subs;
        while (s && s->synced)
                s = s->next;
        return !s;
}

int sh_events_pump(struct sh *sh, double seconds)
{
        struct sh_events *e = sh_events_of(sh, false);
        struct rv_error err = { 0 };
        int st = SH_OK, r = RV_OK;
        if (!e || e->pumping)
                return SH_OK;
        bool agent = false, objects = false;
        for (struct sh_event_sub *s = e->subs; s; s = s->next)
                agent |= s->kind == SH_EV_AGENT, objects |= s->kind == SH_EV_OBJECT;
        if (objects) {
                e->pumping = true;
                st = poll_objects(e);
                e->pumping = false;
                seconds = seconds > 0.02 ? 0.02 : seconds; /* they are asked again soon */
        }
        if (!agent) {
                struct timespec t = { 0, seconds < 0.1 ? (long)(seconds * 1e9) : 100000000 };
                if (seconds > 0 && st == SH_OK)
                        nanosleep(&t, NULL);
                return st;
        }
        for (int i = 0; i < 100 && st == SH_OK && !sh_interrupt; i++) {
                if (e->subs && (r = renew(e, &err)) == RV_OK) {
                        r = e->raw ? RV_OK : rv_client_wait(e->client, seconds, &err);
                        while (r == RV_OK) /* and whatever else is there */
                                r = rv_client_wait(e->client, 0, &err);
                }
                st = take_all(e);
                if (r != RV_TIMED_OUT || all_synced(e))
                        break;
                seconds = 0.1; /* a new subscription: what happens from now on is to be told */
        }
        if (r == RV_UNAVAILABLE) { /* the agent is away: it is looked for now and then */
                struct timespec t = { 0, seconds < 0.1 ? (long)(seconds * 1e9) : 100000000 };
                nanosleep(&t, NULL);
        }
        return st;
}

static double now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int sh_events_sleep(struct sh *sh, double seconds)
{
        double until = now() + seconds;
        int st = SH_OK;
        for (double left; st == SH_OK && !sh_interrupt && (left = until - now()) > 0;) {
                struct sh_events *e = sh_events_of(sh, false);
                if (!e || !e->subs || e->pumping) {
                        struct timespec t = { (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };
                        nanosleep(&t, NULL);
                } else {
                        st = sh_events_pump(sh, left);
                }
        }
        return st;
}

struct sv sh_event_job(const struct sh_event_sub *s)
{
        struct sv o = sh_object_new();
        set(o, "Id", sh_int((int32_t)s->id));
        set(o, "Name", sh_text(s->source));
        set(o, "PSJobTypeName", SH_NIL);
        set(o, "State", sh_text("NotStarted"));
        set(o, "HasMoreData", sh_bool(false));
        set(o, "Location", SH_NIL);
        set(o, "Command", sh_keep(s->action));
        sh_object_type(o, "System.Management.Automation.PSEventJob");
        return o;
}
