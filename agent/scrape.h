/* SPDX-License-Identifier: MIT
 *
 * A scrape: the classes that [Metrics] marks, or those that were asked for, read all at once and written as metrics
 * (metric.h). A provider that fails or hangs is the sample reeve_scrape_collector_success 0, never a failed scrape:
 * what the others gave stands. Answers GET /metrics and the operation Metrics.
 */
#ifndef RV_SCRAPE_H
#define RV_SCRAPE_H

#include "agent/agent.h"

struct rv_scrape_part;

/* The request's deadline, ask and classes are filled; q->classes NULL: those that [Metrics] marks. */
int rv_scrape_start(struct rv_request *, bool openmetrics, struct rv_error *);
void rv_scrape_news(struct rv_scrape_part *); /* something has happened in a scan of its */
void rv_scrape_orphan(struct rv_request *);   /* nobody waits for it any more */
void rv_metrics_references(const struct rv_registry *, FILE *); /* what comes without being asked for, as Markdown */
/* GET /metrics?class=...&property=...&filter=...&query=...&timeout=...: the operation's parameters from the request's
 * head. NULL when out of memory. */
json_t *rv_scrape_params(const char *head, size_t n);

#endif
