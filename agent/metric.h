/* SPDX-License-Identifier: MIT
 *
 * Rows as metrics: a class and its properties give the families' names, types, units and labels, in Prometheus' text
 * 0.0.4 and in OpenMetrics 1.0.
 *
 *      Process.WorkingSetSize, PUnit("byte")             reeve_process_working_set_size_bytes{process_id="1"}
 *      NetAdapter.ReceivedBytes, PUnit("byte"), Counter  reeve_net_adapter_received_bytes_total{name="eth0"}
 *      Service.ActiveState, ValueMap{...}                reeve_service_active_state{name="ssh",active_state="active"} 1
 *
 * Base units only (bytes, seconds, ratios); keys are labels, or what [Metrics] names; a datetime is a
 * _timestamp_seconds; null is no sample; a value of a ValueMap is one sample for each of its values, 0 or 1; the texts
 * of a singleton are the labels of an _info. Two rows with the same labels: the first stands.
 */
#ifndef RV_METRIC_H
#define RV_METRIC_H

#include <stdio.h>

#include "schema/json.h"

struct rv_metrics;

enum { RV_METRIC_STATES = 12 }; /* a ValueMap of more values gives no samples */

/* named: the properties asked for (texts among them become labels), NULL = all that are worth it. The class must
 * outlive it. NULL when out of memory. */
struct rv_metrics *rv_metrics_new(const struct rv_class *, const char *const *named, size_t n);
void rv_metrics_free(struct rv_metrics *);
/* The properties that must be read. Valid as long as the set. */
const char *const *rv_metrics_wanted(const struct rv_metrics *, size_t *ret_n);
void rv_metrics_row(struct rv_metrics *, const struct rv_batch *, uint32_t row);
void rv_metrics_write(const struct rv_metrics *, struct rv_buf *, bool openmetrics);

/* The families that a class can give, as rows of a table in Markdown. */
void rv_metrics_reference(const struct rv_class *, FILE *);

/* A family's head: name without _total. type: "counter", "gauge". unit may be NULL. */
void rv_metric_head(struct rv_buf *, bool openmetrics, const char *name, const char *type, const char *unit,
                    const char *help);
void rv_metric_label(struct rv_buf *, const char *, size_t n); /* a label's value, with quotes */
void rv_metric_snake(struct rv_buf *, const char *);           /* WorkingSetSize: working_set_size */

#endif
