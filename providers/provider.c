/* SPDX-License-Identifier: MIT
 *
 * Provider: the agent's providers, one row each, from the agent's own counts (agent/stats.h).
 */
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/Provider.h"

static int each(void *sink, const struct rv_provider_stats *s)
{
        struct rv_row *row = rv_row(sink);
        Provider_set_Name(row, s->name, strlen(s->name));
        Provider_set_Kind(row, s->kind, strlen(s->kind));
        Provider_set_State(row, s->state, strlen(s->state));
        Provider_set_Calls(row, s->calls);
        Provider_set_Errors(row, s->errors);
        Provider_set_Timeouts(row, s->timeouts);
        Provider_set_Rows(row, s->rows);
        Provider_set_P50(row, s->p50);
        Provider_set_P99(row, s->p99);
        Provider_set_Longest(row, s->longest);
        Provider_set_Running(row, s->running);
        Provider_set_Threads(row, s->threads);
        Provider_set_MaxThreads(row, s->max_threads);
        Provider_set_StuckThreads(row, s->stuck);
        if (s->stuck_since)
                Provider_set_StuckSince(row, s->stuck_since);
        if (s->events)
                Provider_set_Events(row, s->events, strlen(s->events));
        if (s->control_group)
                Provider_set_ControlGroup(row, s->control_group, strlen(s->control_group));
        if (s->last_error_time) {
                Provider_set_LastError(row, s->last_error, strlen(s->last_error));
                Provider_set_LastErrorTime(row, s->last_error_time);
        }
        return rv_emit(sink, row);
}

static int provider_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        int r = rv_stats_each_provider(q->call, each, out);
        return r == RV_STOP ? RV_OK : r;
}

static const struct rv_provider provider = { .class = &Provider_class, .query = provider_query, .quick = true };

RV_PROVIDERS(provider, &provider);
