/* SPDX-License-Identifier: MIT
 *
 * Register-ObjectEvent, Register-EngineEvent, New-Event: events of the session's own objects, and the session's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shell/code.h"
#include "shell/events.h"
#include "shell/eventsource.h"
#include "shell/text.h"

static int emit_job(struct sh_cmd *c, const struct sh_event_sub *s)
{
        struct sv o = sh_event_job(s);
        int st = sh_emit(c, o);
        sh_drop(o);
        return st;
}

static int attach(struct sh_cmd *c, struct sh_event_sub s)
{
        struct sh_events *e = sh_events_of(sh_session(c), true);
        const char *source = sh_arg_text(c, "SourceIdentifier", NULL);
        struct sh_event_sub *own;
        char made[40];
        static unsigned n;
        if (source && s.kind == SH_EV_OBJECT && sh_event_sub_named(e, source)) {
                sh_drop(s.object);
                free(s.event);
                return sh_cmd_throw(
                        c, "SUBSCRIBER_EXISTS", "InvalidArgument", sh_arg(c, "SourceIdentifier"),
                        "Cannot subscribe to the specified event. A subscriber with the source identifier "
                        "'%s' already exists.",
                        source);
        }
        snprintf(made, sizeof made, "event-%u-%08x", ++n, (unsigned)(uintptr_t)c);
        if (!(own = malloc(sizeof *own)))
                abort();
        *own = s;
        own->source = strdup(source ? source : made);
        own->action = sh_keep(sh_unwrap(sh_arg(c, "Action")));
        own->data = sh_keep(sh_arg(c, "MessageData"));
        own->most = sh_arg_int(c, "MaxTriggerCount", 0);
        own->support = sh_switch(c, "SupportEvent");
        own->forward = sh_switch(c, "Forward");
        sh_event_attach(e, own);
        return own->action.kind == SH_BLOCK ? emit_job(c, own) : SH_OK;
}

static int object_end(struct sh_cmd *c)
{
        struct sv object = sh_unwrap(sh_arg(c, "InputObject"));
        const char *name = sh_arg_text(c, "EventName", ""), *const *events = sh_source_events(object);
        while (events && *events && strcasecmp(*events, name))
                events++;
        if (!events || !*events)
                return sh_cmd_throw(c, "INVALID_REGISTRATION", "InvalidArgument", object,
                                    "Cannot register for the specified event. An event with the name '%s' "
                                    "does not exist.",
                                    name);
        struct sh_event_sub s = { .kind = SH_EV_OBJECT, .object = sh_keep(object), .event = strdup(name) };
        return attach(c, s);
}
#define COMMON \
        { "Action", .type = "scriptblock", .position = 101, \
          .help = "Runs for each event; otherwise they are kept." }, \
                { "MessageData", .type = "object", .help = "Comes along with each event." }, \
                { "SupportEvent", .type = "switch", .help = "Hides the subscription." }, \
                { "Forward", .type = "switch", .help = "Accepted; there is nowhere to forward to." }, \
        { \
                "MaxTriggerCount", .type = "int", .help = "Ends the subscription after so many events." \
        }
static const struct sh_cmdlet register_object = {
        .name = "Register-ObjectEvent",
        .synopsis = "Subscribes to the events of an object: a timer, a watcher of files, a program, a job.",
        .description = "Events: Elapsed of [System.Timers.Timer]; Created, Changed, Deleted, Renamed of "
                       "[System.IO.FileSystemWatcher]; Exited of a process; StateChanged of a job. Actions "
                       "run when the "
                       "session waits (Wait-Event, Start-Sleep) or looks (Get-Event).",
        .end = object_end,
        .params = (const struct sh_param[]) { { "InputObject", .type = "object", .position = 1,
                                                .mandatory = true, .help = "What raises the event." },
                                              { "EventName", .type = "string", .position = 2,
                                                .mandatory = true, .help = "Which of its events." },
                                              { "SourceIdentifier", .type = "string", .position = 100,
                                                .help = "A name for the subscription." },
                                              COMMON,
                                              { 0 } },
        .examples =
                (const struct sh_example[]) { { "$t = [System.Timers.Timer]::new(20); $t.AutoReset = $false\n"
                                                "$null = Register-ObjectEvent $t Elapsed Tick; $t.Start(); "
                                                "(Wait-Event Tick).SourceIdentifier",
                                                "Tick", "A timer." },
                                              { "$w = [System.IO.FileSystemWatcher]::new('.', '*.txt'); "
                                                "$w.EnableRaisingEvents = $true\n"
                                                "$null = Register-ObjectEvent $w Created New -Action { "
                                                "\"new: $($EventArgs.Name)\" | Out-Host } "
                                                "-MaxTriggerCount 1\n"
                                                "Set-Content a.txt x; while (Get-EventSubscriber New "
                                                "-ErrorAction Ignore) { Start-Sleep -Milliseconds 20 }",
                                                "new: a.txt", "New files." },
                                              { 0 } },
};

static int engine_end(struct sh_cmd *c)
{
        return attach(c, (struct sh_event_sub) { .kind = SH_EV_ENGINE });
}
static const struct sh_cmdlet register_engine = {
        .name = "Register-EngineEvent",
        .synopsis = "Subscribes to events of the session: PowerShell.Exiting, PowerShell.OnIdle, and those "
                    "of New-Event.",
        .end = engine_end,
        .params =
                (const struct sh_param[]) {
                        { "SourceIdentifier", .type = "string", .position = 100, .mandatory = true,
                          .help = "PowerShell.Exiting, PowerShell.OnIdle, or a name New-Event "
                                  "gives." },
                        COMMON,
                        { 0 } },
        .examples = (const struct sh_example[]) { { "$null = Register-EngineEvent Deployed -Action { "
                                                    "\"deployed $($Event.MessageData)\" | Out-Host }\n"
                                                    "$null = New-Event Deployed -MessageData web1",
                                                    "deployed web1", "A name of one's own." },
                                                  { "$null = Register-EngineEvent PowerShell.Exiting -Action "
                                                    "{ 'bye' | Out-Host }; 'working'",
                                                    "working\nbye", "At the end of the session." },
                                                  { 0 } },
};

static int new_end(struct sh_cmd *c)
{
        struct sh_events *e = sh_events_of(sh_session(c), true);
        struct sv event = SH_NIL;
        int st = sh_event_post(e, sh_arg_text(c, "SourceIdentifier", ""), sh_arg(c, "Sender"),
                               sh_arg(c, "EventArguments"), sh_arg(c, "MessageData"), &event);
        if (st == SH_OK)
                st = sh_emit(c, event);
        sh_drop(event);
        return st;
}
static const struct sh_cmdlet new_event = {
        .name = "New-Event",
        .synopsis = "Raises an event: into the queue, or to who has registered for its name.",
        .end = new_end,
        .params = (const struct sh_param[]) { { "SourceIdentifier", .type = "string", .position = 1,
                                                .mandatory = true, .help = "Its name." },
                                              { "Sender", .type = "object", .position = 2,
                                                .help = "Who raises it." },
                                              { "EventArguments", .type = "object[]", .position = 3,
                                                .help = "SourceArgs of the event." },
                                              { "MessageData", .type = "object", .position = 4,
                                                .help = "MessageData of the event." },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "$null = New-Event Backup -MessageData 'disk full'; "
                                                    "(Get-Event Backup).MessageData",
                                                    "disk full", "Kept until somebody looks." },
                                                  { "(New-Event Ready -Sender web1).Sender", "web1", "" },
                                                  { 0 } },
};

SH_CMDLETS(objectevent, &register_object, &register_engine, &new_event);
