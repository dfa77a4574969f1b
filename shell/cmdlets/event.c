/* SPDX-License-Identifier: MIT
 *
 * Register-CimIndicationEvent, Get-Event, Wait-Event, Remove-Event, Get-EventSubscriber, Unregister-Event,
 * Watch-CimInstance.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/events.h"
#include "shell/text.h"

static void set(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

/* ---- Register-CimIndicationEvent ---- */

static char *new_source(void)
{
        static unsigned n;
        char text[64];
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%08x%04x", (unsigned)t.tv_sec,
                 (unsigned)(t.tv_nsec & 0xffff), (unsigned)(t.tv_nsec >> 16 & 0xfff), ++n & 0xfff,
                 (unsigned)getpid(), (unsigned)t.tv_sec & 0xffff);
        return strdup(text);
}

static void put_text(struct rv_buf *b, const char *name, const char *value)
{
        if (!value)
                return;
        rv_buf_puts(b, b->len > 1 ? "," : "");
        rv_json_text(b, name);
        rv_buf_puts(b, ":");
        rv_json_text(b, value);
}

static char *question(struct sh_cmd *c)
{
        struct rv_buf b = { 0 };
        rv_buf_puts(&b, "{");
        put_text(&b, "Query", sh_arg_text(c, "Query", NULL));
        put_text(&b, "ClassName", sh_arg_text(c, "ClassName", NULL));
        put_text(&b, "Filter", sh_arg_text(c, "Filter", NULL));
        put_text(&b, "Namespace", sh_arg_text(c, "Namespace", NULL));
        if (sh_bound(c, "OperationTimeoutSec"))
                rv_buf_putf(&b, ",\"Timeout\":%lld", (long long)sh_arg_int(c, "OperationTimeoutSec", 30));
        rv_buf_puts(&b, ",\"IncludeSystemProperties\":true");
        rv_buf_put(&b, "", 1);
        if (!b.data)
                abort();
        return b.data;
}

static int register_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        struct sh_events *e = sh_events_of(sh, true);
        const char *source = sh_arg_text(c, "SourceIdentifier", NULL);
        const char *dialect = sh_arg_text(c, "QueryDialect", "WQL");
        if (strcasecmp(dialect, "WQL") != 0)
                return sh_cmd_error(c, "QueryDialect", "InvalidArgument", sh_arg(c, "QueryDialect"),
                                    "Events are asked for in WQL.");
        if (source && sh_event_sub_named(e, source))
                return sh_cmd_error(c, "SUBSCRIBER_EXISTS", "InvalidArgument", sh_arg(c, "SourceIdentifier"),
                                    "Cannot subscribe to the specified event. A subscriber with the source "
                                    "identifier '%s' "
                                    "already exists.",
                                    source);
        struct sh_event_sub *s = calloc(1, sizeof *s);
        if (!s)
                abort();
        *s = (struct sh_event_sub) { .source = source ? strdup(source) : new_source(),
                                     .params = question(c),
                                     .action = sh_keep(sh_unwrap(sh_arg(c, "Action"))),
                                     .data = sh_keep(sh_arg(c, "MessageData")),
                                     .most = sh_arg_int(c, "MaxTriggerCount", 0),
                                     .support = sh_switch(c, "SupportEvent"),
                                     .forward = sh_switch(c, "Forward") };
        bool acts = s->action.kind == SH_BLOCK;
        int64_t id;
        struct rv_error err = { 0 };
        if (sh_event_subscribe(e, s, &err) != RV_OK)
                return sh_model_error(c, &err,
                                      sh_bound(c, "Query") ? sh_arg(c, "Query") : sh_arg(c, "ClassName"));
        if (!acts)
                return SH_OK;
        id = s->id;
        for (s = sh_event_subs(e); s && s->id != id;) /* its action may have ended it already */
                s = s->next;
        struct sv job = s ? sh_event_job(s) : SH_NIL;
        int st = s ? sh_emit(c, job) : SH_OK;
        sh_drop(job);
        return st;
}

static const struct sh_cmdlet register_event = {
        .name = "Register-CimIndicationEvent",
        .alias = (const char *[]) { "rcie", NULL },
        .synopsis = "Subscribes to events by class or WQL query.",
        .description = "What comes is kept until Get-Event, Wait-Event or Remove-Event takes it, or runs "
                       "-Action when the "
                       "session waits (Wait-Event, Start-Sleep) or looks (Get-Event).",
        .default_set = "ClassName",
        .params =
                (const struct sh_param[]) {
                        { "ClassName", .type = "string", .sets = "ClassName", .position = 1,
                          .mandatory = true, .complete = "class",
                          .help = "An indication, or a class whose changes are told." },
                        { "Query", .type = "string", .sets = "Query", .position = 1, .mandatory = true,
                          .help = "WQL: SELECT * FROM __InstanceCreationEvent WITHIN 2 WHERE TargetInstance "
                                  "ISA "
                                  "'Process'." },
                        { "Filter", .type = "string", .sets = "ClassName",
                          .help = "WQL condition on the instance." },
                        { "SourceIdentifier", .type = "string", .position = 2,
                          .help = "A name for the subscription." },
                        { "Action", .type = "scriptblock", .position = 3,
                          .help = "Runs for each event, with $Event, $EventArgs, $Sender." },
                        { "MessageData", .help = "Put into each event." },
                        { "MaxTriggerCount", .type = "int", .help = "Ends after so many events." },
                        { "SupportEvent", .type = "switch", .help = "Hidden from Get-EventSubscriber." },
                        { "Forward", .type = "switch", .help = "Accepted." },
                        { "QueryDialect", .type = "string", .sets = "Query", .help = "WQL." },
                        { "Namespace", .type = "string", .help = "WMI namespace, such as root/cimv2." },
                        { "OperationTimeoutSec", .type = "uint", .alias = "OT",
                          .help = "Seconds until the agent gives up." },
                        { 0 } },
        .process = register_process,
        .examples =
                (const struct sh_example[]) {
                        { "Register-CimIndicationEvent Win32_ProcessStartTrace "
                          "-SourceIdentifier starts; Wait-Event starts",
                          NULL, "Waits for the next program to start." },
                        { "Register-CimIndicationEvent -Query \"SELECT * FROM __InstanceDeletionEvent WITHIN "
                          "1 WHERE "
                          "TargetInstance ISA 'Process' AND TargetInstance.Name = 'nobody'\" "
                          "-SourceIdentifier gone; "
                          "(Get-EventSubscriber).SourceIdentifier; Unregister-Event gone",
                          "gone", "Subscribes, looks, and ends it." },
                        { 0 } },
};

/* ---- Get-Event, Remove-Event ---- */

static bool is_meant(struct sh_cmd *c, const struct sh_event *v)
{
        const char *source = sh_arg_text(c, "SourceIdentifier", NULL);
        if (sh_bound(c, "EventIdentifier"))
                return v->id == sh_arg_int(c, "EventIdentifier", -1);
        return !source || sh_wildcard(source, strlen(source), v->source, strlen(v->source), false);
}

static int get_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh_events *e = sh_events_of(sh_session(c), true);
        int st = sh_events_pump(sh_session(c), 0);
        bool any = false;
        struct sv list = sh_array_new(8), v;
        size_t pos = 0;
        for (struct sh_event *at = *sh_event_queue(e); at; at = at->next)
                if (is_meant(c, at)) {
                        sh_array_add(list.a, at->object);
                        any = true;
                }
        while (st == SH_OK && sh_next(list, &pos, &v)) {
                st = sh_emit(c, v);
                sh_drop(v);
        }
        sh_drop(list);
        if (st == SH_OK && !any && sh_bound(c, "EventIdentifier"))
                return sh_cmd_error(c, "INVALID_EVENT_IDENTIFIER", "InvalidArgument",
                                    sh_arg(c, "EventIdentifier"),
                                    "Event with identifier '%lld' does not exist.",
                                    (long long)sh_arg_int(c, "EventIdentifier", 0));
        const char *source = sh_arg_text(c, "SourceIdentifier", NULL);
        if (st == SH_OK && !any && source && !strpbrk(source, "*?["))
                return sh_cmd_error(c, "INVALID_SOURCE_IDENTIFIER", "InvalidArgument",
                                    sh_arg(c, "SourceIdentifier"),
                                    "Event with source identifier '%s' does not exist.", source);
        return st;
}

#define WHICH \
        { "SourceIdentifier", \
          .type = "string", \
          .sets = "BySource", \
          .position = 1, \
          .from_property = true, \
          .wildcard = true, \
          .help = "Of this subscription." }, \
        { \
                "EventIdentifier", .type = "int", .alias = "Id", .sets = "ById", .mandatory = true, \
                                   .from_property = true, .help = "The one with this number." \
        }

static const struct sh_cmdlet get_event = {
        .name = "Get-Event",
        .synopsis = "Gets the events that have come and are kept.",
        .default_set = "BySource",
        .params = (const struct sh_param[]) { WHICH, { 0 } },
        .gives = "System.Management.Automation.PSEventArgs",
        .process = get_process,
};

static int remove_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh_events *e = sh_events_of(sh_session(c), true);
        bool any = false, do_it = true;
        int st = sh_events_pump(sh_session(c), 0);
        for (struct sh_event **at = sh_event_queue(e); st == SH_OK && *at;) {
                if (!is_meant(c, *at)) {
                        at = &(*at)->next;
                        continue;
                }
                any = true;
                char target[64];
                snprintf(target, sizeof target, "Event %lld", (long long)(*at)->id);
                st = sh_should_process(c, target, "Remove-Event", &do_it);
                if (st == SH_OK && do_it)
                        sh_event_remove(e, at);
                else
                        at = &(*at)->next;
        }
        if (st == SH_OK && !any && sh_bound(c, "EventIdentifier"))
                return sh_cmd_error(c, "INVALID_EVENT_IDENTIFIER", "InvalidArgument",
                                    sh_arg(c, "EventIdentifier"),
                                    "Event with identifier '%lld' does not exist.",
                                    (long long)sh_arg_int(c, "EventIdentifier", 0));
        if (st == SH_OK && !any && sh_bound(c, "SourceIdentifier"))
                return sh_cmd_error(c, "INVALID_SOURCE_IDENTIFIER", "InvalidArgument",
                                    sh_arg(c, "SourceIdentifier"),
                                    "Event with source identifier '%s' does not exist.",
                                    sh_arg_text(c, "SourceIdentifier", ""));
        return st;
}

static const struct sh_cmdlet remove_event = {
        .name = "Remove-Event",
        .synopsis = "Forgets events that have come.",
        .default_set = "ById", /* of a piped event, this one goes, not all of its subscription */
        .should_process = true,
        .params = (const struct sh_param[]) { WHICH, { 0 } },
        .process = remove_process,
};

/* ---- Wait-Event ---- */

static double seconds_now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int wait_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        struct sh_events *e = sh_events_of(sh, true);
        double most = 0;
        bool bounded = sh_bound(c, "Timeout") && sh_to_double(sh, sh_arg(c, "Timeout"), &most) && most >= 0;
        double until = seconds_now() + most;
        int st = sh_events_pump(sh, 0);
        for (bool late = false; st == SH_OK && !sh_interrupt;) {
                for (struct sh_event *v = *sh_event_queue(e); v; v = v->next)
                        if (is_meant(c, v))
                                return sh_emit(c, v->object);
                double left = bounded ? until - seconds_now() : 1;
                if (late || (!bounded && !sh_event_subs(e)))
                        return SH_OK; /* nothing can come any more */
                late = left <= 0;
                st = sh_events_sleep(sh, late ? 0 : left < 0.2 ? left : 0.2);
                if (st == SH_OK)
                        st = sh_check(sh);
        }
        return st == SH_OK ? sh_check(sh) : st;
}

static const struct sh_cmdlet wait_event = {
        .name = "Wait-Event",
        .synopsis = "Waits for an event; it stays until Remove-Event.",
        .params = (const struct sh_param[]) { { "SourceIdentifier", .type = "string", .position = 1,
                                                .from_property = true, .wildcard = true,
                                                .help = "Of this subscription." },
                                              { "Timeout", .type = "double", .alias = "TimeoutSec",
                                                .help = "Seconds; without it for ever." },
                                              { 0 } },
        .gives = "System.Management.Automation.PSEventArgs",
        .process = wait_process,
};

/* ---- Get-EventSubscriber, Unregister-Event ---- */

static bool is_named(struct sh_cmd *c, const struct sh_event_sub *s)
{
        const char *source = sh_arg_text(c, "SourceIdentifier", NULL);
        if (sh_bound(c, "SubscriptionId"))
                return s->id == sh_arg_int(c, "SubscriptionId", -1);
        return !source || sh_wildcard(source, strlen(source), s->source, strlen(s->source), false);
}

static int no_such_sub(struct sh_cmd *c)
{
        const char *source = sh_arg_text(c, "SourceIdentifier", NULL);
        if (sh_bound(c, "SubscriptionId"))
                return sh_cmd_error(c, "INVALID_SUBSCRIPTION_IDENTIFIER", "InvalidArgument",
                                    sh_arg(c, "SubscriptionId"),
                                    "Event subscription with identifier '%lld' does not exist.",
                                    (long long)sh_arg_int(c, "SubscriptionId", 0));
        if (!source || strpbrk(source, "*?["))
                return SH_OK;
        return sh_cmd_error(c, "INVALID_SOURCE_IDENTIFIER", "InvalidArgument", sh_arg(c, "SourceIdentifier"),
                            "Event subscription with source identifier '%s' does not exist.", source);
}

static int subscriber_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh_events *e = sh_events_of(sh_session(c), true);
        bool any = false;
        struct sv list = sh_array_new(4), v;
        size_t pos = 0;
        int st = SH_OK;
        for (struct sh_event_sub *s = sh_event_subs(e); s; s = s->next) {
                if (!is_named(c, s) || (s->support && !sh_switch(c, "Force")))
                        continue;
                any = true;
                struct sv o = sh_object_new();
                set(o, "SubscriptionId", sh_int((int32_t)s->id));
                set(o, "SourceObject",
                    sh_text("Microsoft.Management.Infrastructure.CimCmdlets.CimIndicationWatcher"));
                set(o, "EventName", sh_text("CimIndicationArrived"));
                set(o, "SourceIdentifier", sh_text(s->source));
                set(o, "Action", s->action.kind == SH_BLOCK ? sh_event_job(s) : SH_NIL);
                set(o, "HandlerDelegate", SH_NIL);
                set(o, "SupportEvent", sh_bool(s->support));
                set(o, "ForwardEvent", sh_bool(s->forward));
                sh_object_type(o, "System.Management.Automation.PSEventSubscriber");
                sh_array_take(list.a, o);
        }
        while (st == SH_OK && sh_next(list, &pos, &v)) {
                st = sh_emit(c, v);
                sh_drop(v);
        }
        sh_drop(list);
        return st == SH_OK && !any ? no_such_sub(c) : st;
}

#define WHICH_SUB \
        { "SourceIdentifier",    .type = "string", .sets = "BySource", .position = 1, \
          .from_property = true, .wildcard = true, .help = "Its name." }, \
                { "SubscriptionId",  .type = "int",         .alias = "Id",        .sets = "ById", \
                  .mandatory = true, .from_property = true, .help = "Its number." }, \
        { \
                "Force", .type = "switch", .help = "Also those registered with -SupportEvent." \
        }

static const struct sh_cmdlet get_subscriber = {
        .name = "Get-EventSubscriber",
        .synopsis = "Gets the session's subscriptions.",
        .default_set = "BySource",
        .params = (const struct sh_param[]) { WHICH_SUB, { 0 } },
        .gives = "System.Management.Automation.PSEventSubscriber",
        .process = subscriber_process,
};

static int unregister_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh_events *e = sh_events_of(sh_session(c), true);
        bool any = false, do_it = true;
        int st = SH_OK;
        for (struct sh_event_sub *s = sh_event_subs(e), *next; s && st == SH_OK; s = next) {
                next = s->next;
                if (!is_named(c, s) || (s->support && !sh_switch(c, "Force")))
                        continue;
                any = true;
                char target[300];
                snprintf(target, sizeof target, "Event subscription '%.200s'", s->source);
                st = sh_should_process(c, target, "Unregister-Event", &do_it);
                if (st == SH_OK && do_it)
                        sh_event_unsubscribe(e, s);
        }
        return st == SH_OK && !any ? no_such_sub(c) : st;
}

static const struct sh_cmdlet unregister_event = {
        .name = "Unregister-Event",
        .synopsis = "Ends subscriptions; events that have come stay.",
        .default_set = "BySource",
        .should_process = true,
        .params = (const struct sh_param[]) { WHICH_SUB, { 0 } },
        .process = unregister_process,
};

/* ---- Watch-CimInstance ---- */

struct watching {
        struct sh_event_sub *sub;
        char *source;
        struct sv rows, paths; /* live: what is there, by path */
        int64_t told;
        bool live, stale;
};

static char *watched(struct sh_cmd *c)
{
        struct rv_buf b = { 0 };
        struct sv list = sh_arg(c, "Property"), v;
        double interval = 0;
        size_t pos = 0;
        char *base = question(c);
        rv_buf_puts(&b, base);
        free(base);
        if (sh_bound(c, "Interval") && sh_to_double(sh_session(c), sh_arg(c, "Interval"), &interval))
                rv_buf_putf(&b, ",\"Interval\":%g", interval);
        if (sh_switch(c, "Snapshot") || (sh_is_interactive(sh_session(c)) && isatty(STDOUT_FILENO)))
                rv_buf_puts(&b, ",\"Snapshot\":true");
        for (bool first = true; list.kind == SH_ARRAY && sh_next(list, &pos, &v); first = false) {
                struct sv text = sh_to_text(sh_session(c), v);
                rv_buf_puts(&b, first ? ",\"PropertyList\":[" : ",");
                rv_json_string(&b, text.s->s, text.s->len);
                sh_drop(text);
                sh_drop(v);
        }
        rv_buf_puts(&b, list.kind == SH_ARRAY ? "]" : "");
        rv_buf_put(&b, "", 1);
        if (!b.data)
                abort();
        return b.data;
}

static struct sv note(struct sv o, const char *name)
{
        struct sv v = SH_NIL;
        sh_object_note(o, name, strlen(name), &v);
        return v;
}

static void put_line(void *sh, const char *s, size_t n)
{
        sh_host_write(sh, s, n);
        sh_host_write(sh, "\n", 1);
}

static void draw(struct sh *sh, struct watching *w)
{
        static const char home[] = "\033[H\033[2J";
        struct sh_formatter *f = sh_format_new(sh, put_line, sh, sh_width(sh), true);
        struct sv path, row;
        sh_host_write(sh, home, sizeof home - 1);
        for (uint32_t i = 0; f && sh_hash_at(w->rows.h, i, &path, &row); i++)
                sh_format_write(f, row);
        if (f)
                sh_format_end(f);
        w->stale = false;
}

/* The live table: an instance comes, changes or goes. */
static void update(struct sh *sh, struct watching *w, const char *kind, struct sv target)
{
        struct sh_model_row *r = sh_model_row_of(target);
        struct sh_buf path = { 0 };
        (void)sh;
        if (!r)
                return;
        sh_model_path(r, &path);
        struct sv key = sh_buf_take(&path);
        if (strcmp(kind, "Delete") == 0)
                sh_hash_remove(w->rows.h, key);
        else
                sh_hash_set(w->rows.h, key, target);
        sh_drop(key);
        w->stale = true;
}

/* One event as an object: when, what, which. */
static int tell(struct sh_cmd *c, struct watching *w, struct sv event)
{
        struct sv args = note(event, "SourceEventArgs"), kind = note(args, "Kind"),
                  made = note(args, "NewEvent");
        struct sv target = sh_is_null(made) || made.kind == SH_MODEL ? made : note(made, "TargetInstance");
        const char *word = kind.kind == SH_STRING ? kind.s->s : "";
        if (w->live && !sh_is_null(target)) {
                update(sh_session(c), w, word, target);
                return SH_OK;
        }
        struct sv o = sh_object_new(), path = SH_NIL;
        struct sh_model_row *r = sh_model_row_of(target);
        if (r) {
                struct sh_buf b = { 0 };
                sh_model_path(r, &b);
                path = sh_buf_take(&b);
        }
        sh_object_set(o, "Time", 4, note(event, "TimeGenerated"));
        sh_object_set(o, "Change", 6, kind);
        set(o, "Path", path);
        sh_object_set(o, "TargetInstance", 14, target);
        sh_object_set(o, "PreviousInstance", 16,
                      made.kind == SH_MODEL ? SH_NIL : note(made, "PreviousInstance"));
        sh_object_set(o, "Exception", 9, note(args, "Exception"));
        sh_object_type(o, "Reeve.InstanceChange");
        int st = sh_emit(c, o);
        sh_drop(o);
        w->told += strcmp(word, "Snapshot") != 0;
        return st;
}

static int watch_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        struct watching *w = sh_state(c);
        struct sh_events *e = sh_events_of(sh, true);
        struct sh_event_sub *s = calloc(1, sizeof *s);
        int64_t count = sh_arg_int(c, "Count", 0);
        double most = 0, until;
        bool bounded = sh_bound(c, "Timeout") && sh_to_double(sh, sh_arg(c, "Timeout"), &most);
        struct rv_error err = { 0 };
        if (!s)
                abort();
        *s = (struct sh_event_sub) { .source = new_source(), .params = watched(c), .support = true };
        w->source = strdup(s->source);
        w->live = sh_is_interactive(sh) && isatty(STDOUT_FILENO) && !count && !sh_switch(c, "Snapshot");
        w->rows = sh_hash_new(true);
        if (sh_event_subscribe(e, s, &err) != RV_OK)
                return sh_model_error(c, &err, sh_arg(c, "ClassName"));
        until = seconds_now() + most;
        for (int st; !bounded || seconds_now() < until;) {
                for (struct sh_event **at = sh_event_queue(e); *at;) {
                        if (strcmp((*at)->source, w->source) != 0) {
                                at = &(*at)->next;
                                continue;
                        }
                        struct sv event = sh_keep((*at)->object);
                        sh_event_remove(e, at);
                        st = tell(c, w, event);
                        sh_drop(event);
                        if (st != SH_OK || (count && w->told >= count))
                                return st;
                }
                if (w->live && w->stale)
                        draw(sh, w);
                sh_flush(sh);
                double left = bounded ? until - seconds_now() : 0.2;
                if ((st = sh_events_sleep(sh, left < 0 ? 0 : left < 0.2 ? left : 0.2)) || (st = sh_check(sh)))
                        return st;
        }
        return SH_OK;
}

static void watch_clean(struct sh_cmd *c)
{
        struct watching *w = sh_state(c);
        struct sh_events *e = sh_events_of(sh_session(c), true);
        struct sh_event_sub *s = w->source ? sh_event_sub_named(e, w->source) : NULL;
        if (s)
                sh_event_unsubscribe(e, s);
        for (struct sh_event **at = sh_event_queue(e); w->source && *at;)
                if (strcmp((*at)->source, w->source) == 0)
                        sh_event_remove(e, at);
                else
                        at = &(*at)->next;
        sh_drop(w->rows);
        w->rows = SH_NIL;
        free(w->source);
        w->source = NULL;
}

static const struct sh_cmdlet watch_instance = {
        .name = "Watch-CimInstance",
        .synopsis = "Shows instances as they come, change and go: a live table at the prompt, else an object "
                    "for each change.",
        .params =
                (const struct sh_param[]) {
                        { "ClassName", .type = "string", .position = 1, .mandatory = true,
                          .complete = "class", .help = "The class." },
                        { "Filter", .type = "string", .help = "WQL condition on the instance." },
                        { "Property", .type = "string[]", .complete = "property",
                          .help = "Only these are shown, and count as a change." },
                        { "Interval", .type = "double",
                          .help = "Seconds between polls where the system does not tell; 5." },
                        { "Snapshot", .type = "switch",
                          .help = "First the instances that are there, as objects." },
                        { "Count", .type = "int", .help = "Ends after so many changes." },
                        { "Timeout", .type = "double", .alias = "TimeoutSec",
                          .help = "Ends after so many seconds." },
                        { "Namespace", .type = "string", .help = "WMI namespace, such as root/cimv2." },
                        { 0 } },
        .state_size = sizeof(struct watching),
        .process = watch_process,
        .clean = watch_clean,
        .examples =
                (const struct sh_example[]) {
                        { "Watch-CimInstance Service -Property State", NULL,
                          "Services as their state changes." },
                        { "Watch-CimInstance Process -Filter \"Name = 'nobody'\" -Interval 0.1 "
                          "-Timeout 0.3; 'over'",
                          "over", "Ends by itself." },
                        { 0 } },
};

SH_CMDLETS(event, &register_event, &get_event, &remove_event, &wait_event, &get_subscriber, &unregister_event,
           &watch_instance);
