/* SPDX-License-Identifier: MIT
 *
 * LogEntryEvent: entries of the journal and lines of log files as they come (log/feed.c).
 */
#include "gen/LogEntryEvent.h"
#include "providers/log/feed.h"

static const struct rv_provider event = { .class = &LogEntryEvent_class, .push = &rv_logfeed_events };

RV_PROVIDERS(logentryevent, &event);
