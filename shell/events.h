/* SPDX-License-Identifier: MIT
 *
 * Events in the session: subscriptions at the agent (Register-CimIndicationEvent) and the queue of what came.
 *
 * Nothing runs in between: what has arrived is taken in when something waits (sh_events_pump: Wait-Event, Get-Event,
 * Start-Sleep). The agent is given credit for SH_EVENTS_CREDIT events at a time and more as they are taken in, so
 * that a session that does not look costs itself nothing; the agent then says which events were lost. When the agent
 * was restarted, the subscriptions are made anew and an event tells that some may be missing.
 */
#ifndef SH_EVENTS_H
#define SH_EVENTS_H

#include "shell/model.h"

enum { SH_EVENTS_CREDIT = 1024, SH_EVENTS_MOST = 10000 }; /* events kept; beyond that the oldest go */

enum sh_event_kind { SH_EV_AGENT, SH_EV_OBJECT, SH_EV_ENGINE };
struct sh_event_sub {
        struct sh_event_sub *next;
        enum sh_event_kind kind;
        struct sv object, seen; /* of SH_EV_OBJECT: what raises it */
        char *event;            /* and which of its events */
        int64_t id;
        char *source;           /* SourceIdentifier */
        char *params;           /* of Subscribe, without the last brace */
        char subscription[64];  /* the agent's */
        struct sv action, data; /* block or SH_NIL; MessageData */
        int64_t most, times;    /* MaxTriggerCount (0 = none) and how often */
        unsigned taken;         /* since credit was given */
        bool synced, support, forward;
};

struct sh_event {
        struct sh_event *next;
        int64_t id;
        struct sv object;
        char *source;
};

struct sh_events;
struct sh_events *sh_events_of(struct sh *, bool make); /* NULL: there are none */
void sh_events_free(struct sh_model *);
struct sh_event_sub *sh_event_subs(struct sh_events *);
/* Subscribes and waits until the agent has seen how things are. RV_OK or what went wrong. */
int sh_event_subscribe(struct sh_events *, struct sh_event_sub *owned, struct rv_error *);
/* The same for an object of the session or the session itself. */
void sh_event_attach(struct sh_events *, struct sh_event_sub *owned);
/* New-Event: to who listens to `source` with an action, else into the queue. *ret: the event, owned. */
int sh_event_post(struct sh_events *, const char *source, struct sv sender, struct sv args, struct sv data,
                  struct sv *ret);
/* PowerShell.Exiting, PowerShell.OnIdle: runs the actions of who listens. */
void sh_events_tell(struct sh *, const char *source);
void sh_event_unsubscribe(struct sh_events *, struct sh_event_sub *);
struct sh_event_sub *sh_event_sub_named(struct sh_events *, const char *source);
struct sh_event **sh_event_queue(struct sh_events *);
void sh_event_remove(struct sh_events *, struct sh_event **);
/* Takes in what has come, waiting up to `seconds` for something. SH_OK, or what an action threw. */
int sh_events_pump(struct sh *, double seconds);
/* Sleeps, and takes events in meanwhile. */
int sh_events_sleep(struct sh *, double seconds);
/* What an indication is about: TargetInstance, PreviousInstance, an event's properties, as objects. */
struct sv sh_event_object(struct sh *, struct rv_json indication);
/* The job that stands for a subscription's action. Owned. */
struct sv sh_event_job(const struct sh_event_sub *);

#endif
