/* SPDX-License-Identifier: MIT
 *
 * Permanent subscriptions and timers: objects that the agent itself keeps (agent/permanent.h), and what it says of
 * them.
 */
#include <errno.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/EventSubscription.h"

static int binding_new(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct FilterToConsumerBinding_New_in *a = in;
        const char **command = a->has_Command ? rv_arena_get(c->arena, (a->Command_n + 1) * sizeof *command) : NULL;
        if (a->has_Command && !command)
                return -ENOMEM;
        for (uint32_t i = 0; command && i < a->Command_n; i++)
                command[i] = a->Command[i].s ? a->Command[i].s : "";
        const struct rv_new_subscription n = {
                .name = a->Name,
                .query = a->Query,
                .journal = a->has_Journal ? a->Journal : NULL,
                .log_file = a->has_LogFile ? a->LogFile : NULL,
                .command = command,
                .ncommand = a->has_Command ? a->Command_n : 0,
                .script = a->has_Script ? a->Script : NULL,
                .target = a->has_Target ? a->Target : NULL,
                .method = a->has_Method ? a->Method : NULL,
                .instance = a->has_InstanceName ? a->InstanceName : NULL,
                .in = a->has_InParameters ? a->InParameters : NULL,
                .options = a->has_Options ? a->Options : NULL,
                .retries = a->has_MaximumRetries ? &a->MaximumRetries : NULL,
                .damping_count = a->has_DampingCount ? &a->DampingCount : NULL,
                .damping_seconds = a->has_DampingSeconds ? &a->DampingSeconds : NULL,
        };
        int r = rv_stored_subscribe(c, &n, err);
        if (r == RV_OK)
                FilterToConsumerBinding_New_out_set_ReturnValue(c->out, 0);
        return r;
}

static int binding_remove(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int r = rv_stored_unsubscribe(c, err);
        if (r == RV_OK)
                FilterToConsumerBinding_Remove_out_set_ReturnValue(c->out, 0);
        return r;
}

static int (*const binding_methods[FilterToConsumerBinding_nmethods])(struct rv_call *, const void *,
                                                                      struct rv_error *) = {
        [FilterToConsumerBinding_method_New] = binding_new,
        [FilterToConsumerBinding_method_Remove] = binding_remove,
};

#define KEPT                                                                               \
        .query = rv_stored_query, .create = rv_stored_create, .modify = rv_stored_modify, .remove = rv_stored_remove, \
        .threads = 4

static const struct rv_provider filter = { .class = &EventFilter_class, KEPT };
static const struct rv_provider journal = { .class = &JournalEventConsumer_class, KEPT };
static const struct rv_provider log_file = { .class = &LogFileEventConsumer_class, KEPT };
static const struct rv_provider command = { .class = &CommandLineEventConsumer_class, KEPT };
static const struct rv_provider script = { .class = &ScriptEventConsumer_class, KEPT };
static const struct rv_provider rpc = { .class = &RpcEventConsumer_class, KEPT };
static const struct rv_provider method = { .class = &MethodEventConsumer_class, KEPT };
static const struct rv_provider binding = { .class = &FilterToConsumerBinding_class, KEPT, .methods = binding_methods };
static const struct rv_provider interval = { .class = &IntervalTimerInstruction_class, KEPT };
static const struct rv_provider absolute = { .class = &AbsoluteTimerInstruction_class, KEPT };

/* ---- indications ---- */

static int failure_open(struct rv_error *err)
{
        return rv_stored_open(&ConsumerFailureEvent_class, err);
}

static int dropped_open(struct rv_error *err)
{
        return rv_stored_open(&EventDroppedEvent_class, err);
}

static int timer_open(struct rv_error *err)
{
        return rv_stored_open(&TimerEvent_class, err);
}

static const struct rv_push failure_push = {
        .covers = RV_PUSH_ALL, .open = failure_open, .read = rv_stored_read, .close = rv_stored_close
};
static const struct rv_push dropped_push = {
        .covers = RV_PUSH_ALL, .open = dropped_open, .read = rv_stored_read, .close = rv_stored_close
};
static const struct rv_push timer_push = {
        .covers = RV_PUSH_ALL, .open = timer_open, .read = rv_stored_read, .close = rv_stored_close
};
static const struct rv_provider failure = { .class = &ConsumerFailureEvent_class, .push = &failure_push };
static const struct rv_provider dropped = { .class = &EventDroppedEvent_class, .push = &dropped_push };
static const struct rv_provider timer = { .class = &TimerEvent_class, .push = &timer_push };

RV_PROVIDERS(eventsubscription, &filter, &journal, &log_file, &command, &script, &rpc, &method, &binding, &interval,
             &absolute, &failure, &dropped, &timer);
