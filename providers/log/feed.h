/* SPDX-License-Identifier: MIT
 *
 * What is written to the journal and to log files from now on, for the loop: as events (LogEntryEvent), or as the new
 * entries themselves (LogEntry).
 */
#ifndef RV_LOGFEED_H
#define RV_LOGFEED_H

#include "agent/provider.h"

extern const struct rv_push rv_logfeed_events, rv_logfeed_entries;

#endif
