/* SPDX-License-Identifier: MIT
 *
 * DesiredStateDrift: what agent/desired.c tells, as indications.
 */
#include <stdlib.h>

#include "agent/drift.h"
#include "agent/provider.h"
#include "gen/DesiredStateDrift.h"
#include "providers/lib/fill.h"

static int drift_open(struct rv_error *err)
{
        int fd = rv_drift_open();
        return fd < 0 ? (rv_fail_errno(err, -fd, "cannot wait for news of documents"), fd) : fd;
}

static void fill_json(struct rv_row *row, unsigned p, const json_t *v)
{
        char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;
        rv_fill(row, p, text);
        free(text);
}

static void emit(struct rv_news *news, const struct rv_drift *d)
{
        struct rv_row *row = rv_news_row(news);
        const json_t *error = json_object_get(d->what, "Error");
        DesiredStateDrift_set_Time(row, d->time);
        rv_fill(row, DesiredStateDrift_Document, d->document);
        rv_fill(row, DesiredStateDrift_Resource, json_string_value(json_object_get(d->what, "Name")));
        rv_fill(row, DesiredStateDrift_ClassName, json_string_value(json_object_get(d->what, "ClassName")));
        fill_json(row, DesiredStateDrift_InstanceName, json_object_get(d->what, "InstanceName"));
        rv_fill(row, DesiredStateDrift_Status, json_string_value(json_object_get(d->what, "Status")));
        fill_json(row, DesiredStateDrift_Changed, json_object_get(d->what, "Changed"));
        rv_fill(row, DesiredStateDrift_Message, json_string_value(json_object_get(error, "message")));
        rv_news_emit(news, row);
}

static int drift_read(int fd, struct rv_news *news)
{
        (void)fd;
        for (struct rv_drift *d; (d = rv_drift_take()); rv_drift_free(d))
                emit(news, d);
        return 0;
}

static const struct rv_push push = {
        .covers = RV_PUSH_ALL, .open = drift_open, .read = drift_read, .close = rv_drift_close
};
static const struct rv_provider drift = { .class = &DesiredStateDrift_class, .push = &push };

RV_PROVIDERS(desiredstatedrift, &drift);
