/* SPDX-License-Identifier: MIT
 *
 * EventRecord: the events that are kept for subscriptions (agent/journal.c).
 */
#include <errno.h>
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/EventRecord.h"

static int each(void *sink, const struct rv_event_record *r)
{
        struct rv_row *row = rv_row(sink);
        EventRecord_set_Subscription(row, r->subscription, strlen(r->subscription));
        EventRecord_set_Sequence(row, r->seq);
        if (r->time)
                EventRecord_set_Time(row, r->time);
        EventRecord_set_Kind(row, r->kind, strlen(r->kind));
        EventRecord_set_ClassName(row, r->class_name, strlen(r->class_name));
        EventRecord_set_Uid(row, r->uid);
        if (r->event)
                EventRecord_set_Event(row, r->event, strlen(r->event));
        return rv_emit(sink, row);
}

static int event_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char why[200] = "";
        const struct rv_arg *id = rv_equals(q, EventRecord_Subscription);
        int r = rv_stats_each_event(q->call, id && id->type == RV_STRING ? id->s : NULL, each, out, why, sizeof why);
        if (r == -ENOENT) /* nothing was ever kept */
                return RV_OK;
        return r == -EIO ? rv_fail(err, RV_UNAVAILABLE, "cannot read the events: %s", why) : r == RV_STOP ? RV_OK : r;
}

static const struct rv_provider eventrecord = { .class = &EventRecord_class, .query = event_query };

RV_PROVIDERS(eventrecord, &eventrecord);
