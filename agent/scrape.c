/* SPDX-License-Identifier: MIT */
#include "agent/scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/metric.h"
#include "agent/scan.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
enum { SLICE_NS = 500000 };

struct rv_scrape_part {
        struct rv_scrape *scrape;
        const struct rv_class *class;
        struct rv_metrics *metrics;
        struct rv_scan *scan; /* NULL: over */
        uint64_t begun, took;
        bool failed;
};

struct rv_scrape {
        struct rv_request *request;
        bool openmetrics;
        uint64_t begun;
        unsigned n, open;
        struct rv_scrape_part part[];
};

static void scrape_free(struct rv_scrape *s)
{
        for (unsigned i = 0; i < s->n; i++) {
                if (s->part[i].scan)
                        rv_scan_drop(s->part[i].scan, false);
                rv_metrics_free(s->part[i].metrics);
        }
        free(s);
}

void rv_scrape_orphan(struct rv_request *q)
{
        if (q->scrape)
                scrape_free(q->scrape);
        q->scrape = NULL;
}

static void head(struct rv_buf *b, const struct rv_scrape *s, const char *name, const char *unit,
                 const char *help)
{
        rv_metric_head(b, s->openmetrics, name, "gauge", unit, help);
}

static void write_collectors(const struct rv_scrape *s, struct rv_buf *b)
{
        head(b, s, "reeve_build_info", NULL, "The agent's version.");
        rv_buf_puts(b, "reeve_build_info{version=\"" REEVE_VERSION "\"} 1\n");
        head(b, s, "reeve_scrape_collector_success", NULL,
             "Whether the provider of the class answered wholly and in time; Provider.LastError says why "
             "not.");
        for (unsigned i = 0; i < s->n; i++)
                rv_buf_putf(b, "reeve_scrape_collector_success{collector=\"%s\"} %d\n",
                            s->part[i].class->name, !s->part[i].failed);
        head(b, s, "reeve_scrape_collector_duration_seconds", "seconds", "How long the provider took.");
        for (unsigned i = 0; i < s->n; i++)
                rv_buf_putf(b, "reeve_scrape_collector_duration_seconds{collector=\"%s\"} %.9g\n",
                            s->part[i].class->name, (double)s->part[i].took / 1e9);
        head(b, s, "reeve_scrape_duration_seconds", "seconds", "How long the whole scrape took.");
        rv_buf_putf(b, "reeve_scrape_duration_seconds %.9g\n", (double)(rv_now() - s->begun) / 1e9);
        head(b, s, "reeve_sessions", NULL, "Connections to the agent at this moment.");
        rv_buf_putf(b, "reeve_sessions %u\n", s->request->agent->nsessions);
        if (s->openmetrics)
                rv_buf_puts(b, "# EOF\n");
}

static void finish(struct rv_scrape *s)
{
        struct rv_request *q = s->request;
        struct rv_buf b = { .max = RV_REPLY_BYTES };
        for (unsigned i = 0; i < s->n; i++)
                rv_metrics_write(s->part[i].metrics, &b, s->openmetrics);
        write_collectors(s, &b);
        const char *type = s->openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                          : "text/plain; version=0.0.4; charset=utf-8";
        if (b.failed) {
                rv_answer_code(q, -32603, "out of memory");
        } else if (q->http) {
                rv_answer_http(q, 200, type, b.data, b.len);
        } else {
                struct rv_buf j = { .max = 2 * RV_REPLY_BYTES };
                rv_buf_putf(&j, "{\"ContentType\":\"%s\",\"Text\":", type);
                rv_json_string(&j, b.data, b.len);
                rv_buf_put(&j, "}", 1);
                if (j.failed)
                        rv_answer_code(q, -32603, "out of memory");
                else
                        rv_answer(q, j.data, j.len); /* the scrape goes with the request */
                rv_buf_free(&j);
        }
        rv_buf_free(&b);
}

/* What is there, within the slice. False: come again. */
static bool drain(struct rv_scrape_part *p)
{
        struct rv_scan *s = p->scan;
        uint64_t until = rv_now() + SLICE_NS;
        struct rv_batch *b;
        while ((b = rv_sink_next(&s->sink))) {
                for (uint32_t row = 0; row < b->n; row++)
                        rv_metrics_row(p->metrics, b, row);
                rv_batch_free(b);
                if (rv_now() > until) {
                        rv_loop_soon(&s->agent->loop, &s->ready);
                        return false;
                }
        }
        return rv_sink_ended(&s->sink);
}

static void end_part(struct rv_scrape_part *p, bool timed_out)
{
        struct rv_scan *s = p->scan;
        p->scan = NULL;
        p->took = rv_now() - p->begun;
        p->failed = timed_out || s->sink.error.code || s->sink.npartial;
        p->scrape->open--;
        rv_scan_drop(s, timed_out);
}

void rv_scrape_news(struct rv_scrape_part *p)
{
        if (!p->scan || !drain(p) || !p->scan->returned)
                return;
        end_part(p, false);
        if (p->scrape->open == 0)
                finish(p->scrape);
}

static void on_deadline(struct rv_alarm *alarm)
{
        struct rv_request *q = OF(alarm, struct rv_request, alarm);
        struct rv_scrape *s = q->scrape;
        for (unsigned i = 0; i < s->n; i++) {
                struct rv_scrape_part *p = &s->part[i];
                if (!p->scan)
                        continue;
                rv_sink_salvage(&p->scan->sink);
                while (!drain(p) && !rv_sink_ended(&p->scan->sink))
                        ;
                end_part(p, true);
        }
        finish(s);
}

static int start_part(struct rv_request *q, struct rv_scrape_part *p, struct rv_error *err)
{
        const struct rv_class *c = p->class, *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find(q->agent, source) : NULL;
        if (!e || !(e->provider->query || e->provider->start))
                return rv_fail(err, RV_NOT_SUPPORTED, "'%s' has no instances that can be read", c->name);
        struct rv_scan *s = rv_scan_new(q->agent, e, &q->session->who, q->deadline);
        if (!s)
                return -ENOMEM;
        s->part = p;
        struct rv_ask ask = q->ask;
        ask.properties = rv_metrics_wanted(p->metrics, &ask.nproperties);
        ask.all_properties = false;
        const struct rv_qualifier *only = rv_qualifier_find(c->qualifiers, c->nqualifiers, "MetricsFilter");
        if (!ask.filter && only && only->nvalues && !q->classes)
                ask.filter = only->values[0];
        struct rv_plan plan;
        int r = rv_plan_make(&s->arena, c, &ask, &plan, err);
        if (r) {
                rv_roles_drop(s->roles);
                rv_arena_free(&s->arena);
                free(s);
                return r;
        }
        plan.shows_all = !q->ask.nproperties; /* what the reader may not see is no sample, and no error */
        s->plan = plan;
        p->begun = rv_now();
        p->scan = s;
        p->scrape->open++;
        r = rv_scan_start(s, err);
        if (r) {
                s->sink.error.code = RV_FAILED;
                end_part(p, false);
        } else if (s->returned) {
                rv_loop_soon(&q->agent->loop, &s->back);
        }
        return r;
}

static bool has_metrics(const struct rv_request *q, const struct rv_class *c, bool node)
{
        struct rv_error none = { 0 };
        const struct rv_class *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        bool wanted = rv_qualifier_find(c->qualifiers, c->nqualifiers, "Metrics") ||
                      (node && strcmp(c->name, "NodeMetric") == 0);
        return wanted && source && rv_entry_find(q->agent, source) &&
               rv_authorize(&q->agent->policy, &q->session->who, RV_RIGHT_READ, c, NULL, &none) == RV_OK;
}

void rv_metrics_references(const struct rv_registry *r, FILE *f)
{
        for (uint32_t i = 0; i < r->n; i++) {
                const struct rv_class *c = r->classes[i];
                const struct rv_qualifier *only = rv_qualifier_find(c->qualifiers, c->nqualifiers, "MetricsFilter");
                if (!rv_qualifier_find(c->qualifiers, c->nqualifiers, "Metrics"))
                        continue;
                fprintf(f, "\n## %s\n\n%s\n", c->name, c->description);
                if (only && only->nvalues)
                        fprintf(f, "\nOnly where `%s`.\n", only->values[0]);
                fputs("\n| name | type | labels | meaning |\n|---|---|---|---|\n", f);
                rv_metrics_reference(c, f);
        }
}

static struct rv_scrape *scrape_new(struct rv_request *q)
{
        const struct rv_registry *r = &q->agent->registry;
        unsigned most = (q->classes ? q->nclasses : r->n) + 1, n = q->classes ? q->nclasses : 0;
        bool node = json_is_true(json_object_get(q->params, "NodeCompat"));
        struct rv_scrape *s = calloc(1, sizeof *s + most * sizeof s->part[0]);
        if (!s)
                return NULL;
        for (uint32_t i = 0; i < r->n && !q->classes; i++)
                if (has_metrics(q, r->classes[i], node))
                        s->part[n++].class = r->classes[i];
        for (unsigned i = 0; i < n; i++) {
                struct rv_scrape_part *p = &s->part[i];
                if (q->classes)
                        p->class = q->classes[i];
                p->scrape = s;
                const struct rv_qualifier *chosen =
                        q->classes ? NULL
                                   : rv_qualifier_find(p->class->qualifiers, p->class->nqualifiers,
                                                       "MetricsProperties");
                if (chosen && chosen->nvalues)
                        p->metrics = rv_metrics_new(p->class, chosen->values, chosen->nvalues);
                else
                        p->metrics = rv_metrics_new(p->class, q->ask.nproperties ? q->ask.properties : NULL,
                                                    q->ask.nproperties);
                s->n = i + 1;
                if (!p->metrics) {
                        scrape_free(s);
                        return NULL;
                }
        }
        return s;
}

int rv_scrape_start(struct rv_request *q, bool openmetrics, struct rv_error *err)
{
        struct rv_scrape *s = q->scrape = scrape_new(q);
        if (!s)
                return -ENOMEM;
        s->request = q;
        s->openmetrics = openmetrics;
        s->begun = rv_now();
        for (unsigned i = 0; i < s->n; i++) {
                int r = start_part(q, &s->part[i], err);
                s->part[i].failed |= r != RV_OK;
                if (r && s->n == 1)
                        return r; /* the only one asked for: that is the answer */
        }
        q->alarm.ring = on_deadline;
        if (s->open == 0) {
                finish(s);
                return RV_OK;
        }
        return rv_alarm_set(&q->agent->loop, &q->alarm, q->deadline);
}

/* ---- HTTP ---- */

static int hex(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* %41+b: "A b". */
static json_t *unescape(const char *s, size_t n)
{
        char *text = malloc(n + 1);
        size_t m = 0;
        for (size_t i = 0; text && i < n; i++) {
                if (s[i] == '%' && i + 2 < n + 0 && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
                        text[m++] = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
                        i += 2;
                } else {
                        text[m++] = s[i] == '+' ? ' ' : s[i];
                }
        }
        json_t *j = text ? json_stringn(text, m) : NULL; /* NULL: no UTF-8 */
        free(text);
        return j;
}

static void take(json_t *params, const char *name, size_t n, const char *value, size_t m)
{
        static const char *const known[][2] = { { "class", "ClassName" }, { "property", "PropertyList" },
                                                { "filter", "Filter" },   { "query", "Query" },
                                                { "timeout", "Timeout" }, { "namespace", "Namespace" },
                                                { "node", "NodeCompat" } };
        json_t *v = unescape(value, m);
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                if (strlen(known[i][0]) != n || memcmp(known[i][0], name, n) != 0)
                        continue;
                bool many = i < 2;
                json_t *list = json_object_get(params, known[i][1]);
                if (many && !list)
                        json_object_set_new(params, known[i][1], list = json_array());
                if (i == 6) {
                        json_object_set_new(params, known[i][1],
                                            json_boolean(v && strcmp(json_string_value(v), "0") != 0));
                        json_decref(v);
                        return;
                }
                if (many)
                        json_array_append_new(list, v);
                else
                        json_object_set_new(params, known[i][1],
                                            i == 4 && v ? json_real(strtod(json_string_value(v), NULL)) : v);
                if (!many && i == 4)
                        json_decref(v);
                return;
        }
        json_decref(v);
        char copy[40];
        snprintf(copy, sizeof copy, "%.*s", (int)(n < 39 ? n : 39), name);
        json_object_set_new(params, copy, json_true()); /* the check of parameters refuses it by name */
}

/* The value of a header, NULL when it is not there. */
static const char *find_header(const char *h, size_t n, const char *name, size_t *ret)
{
        const char *end = h + n, *line = memchr(h, '\n', n);
        size_t m = strlen(name);
        for (; line && ++line < end; line = memchr(line, '\n', (size_t)(end - line))) {
                if ((size_t)(end - line) <= m || strncasecmp(line, name, m) != 0 || line[m] != ':')
                        continue;
                const char *v = line + m + 1, *stop = memchr(v, '\n', (size_t)(end - v));
                while (v < stop && *v == ' ')
                        v++;
                *ret = (size_t)((stop ? stop : end) - v);
                return v;
        }
        return NULL;
}

json_t *rv_scrape_params(const char *head, size_t n)
{
        json_t *params = json_object();
        const char *line_end = memchr(head, '\n', n),
                   *p = line_end ? memchr(head, '?', (size_t)(line_end - head)) : NULL;
        for (; p && ++p < line_end && *p != ' ';) {
                const char *end = p + strcspn(p, "& \r\n"), *is = memchr(p, '=', (size_t)(end - p));
                if (end > p)
                        take(params, p, (size_t)((is ? is : end) - p), is ? is + 1 : end,
                             is ? (size_t)(end - is - 1) : 0);
                p = *end == '&' ? end : NULL;
        }
        size_t m = 0;
        const char *accept = find_header(head, n, "Accept", &m);
        if (accept && memmem(accept, m, "application/openmetrics-text", 28))
                json_object_set_new(params, "Format", json_string("OpenMetrics"));
        const char *limit = find_header(head, n, "X-Prometheus-Scrape-Timeout-Seconds", &m);
        double seconds = limit ? strtod(limit, NULL) : 0;
        if (seconds > 0 && !json_object_get(params, "Timeout"))
                json_object_set_new(params, "Timeout", json_real(seconds > 1 ? seconds - 0.5 : seconds / 2));
        return params;
}
