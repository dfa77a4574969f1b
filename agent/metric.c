/* SPDX-License-Identifier: MIT */
#include "agent/metric.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a unit becomes: value * times / by. */
static const struct unit {
        const char *punit, *name, *drop; /* drop: a word of the property's name that the unit replaces */
        double times, by;
} units[] = {
        { "byte", "bytes", NULL, 1, 1 },
        { "kibibyte", "bytes", NULL, 1024, 1 },
        { "nanosecond", "seconds", NULL, 1, 1e9 },
        { "microsecond", "seconds", NULL, 1, 1e6 },
        { "millisecond", "seconds", NULL, 1, 1e3 },
        { "second", "seconds", NULL, 1, 1 },
        { "minute", "seconds", "minutes", 60, 1 },
        { "hour", "seconds", "hours", 3600, 1 },
        { "percent", "ratio", "percent", 1, 100 },
        { "bit / second", "bytes_per_second", NULL, 1, 8 },
        { "byte / second", "bytes_per_second", NULL, 1, 1 },
        { "hertz", "hertz", NULL, 1, 1 },
        { "kilohertz", "hertz", NULL, 1e3, 1 },
        { "megahertz", "hertz", NULL, 1e6, 1 },
        { "day", "seconds", "days", 86400, 1 },
        { "degree celsius", "celsius", NULL, 1, 1 },
        { "volt", "volts", NULL, 1, 1 },
        { "watt", "watts", NULL, 1, 1 },
};

enum role { NOTHING, VALUE, TIME, STATE, LABEL, INFO };

struct family {
        enum role role;
        bool is_label; /* beside its role */
        const struct unit *unit;
        char *name; /* without _total */
        char *label;
        struct rv_buf samples;
};

struct rv_metrics {
        const struct rv_class *c;
        struct family *f; /* one per property */
        const char **wanted;
        size_t nwanted;
        char *info;
        struct rv_buf info_samples;
        uint64_t *seen; /* hashes of the labels of rows, open addressing */
        size_t nseen, cap;
        struct rv_buf labels;     /* of the present row */
        bool raw;                 /* rows are samples: name, labels, type, value */
        char last[128];           /* their family's name */
        struct rv_buf samples[2]; /* of both formats */
};

void rv_metric_snake(struct rv_buf *b, const char *s)
{
        for (size_t i = 0; s[i]; i++) {
                unsigned char c = (unsigned char)s[i];
                bool word = i && isupper(c) &&
                            (islower((unsigned char)s[i - 1]) || isdigit((unsigned char)s[i - 1]) ||
                             (isupper((unsigned char)s[i - 1]) && islower((unsigned char)s[i + 1])));
                char low = isalnum(c) ? (char)tolower(c) : '_';
                if (word)
                        rv_buf_put(b, "_", 1);
                if (i == 0 && isdigit(c))
                        rv_buf_put(b, "_", 1);
                rv_buf_put(b, &low, 1);
        }
}

/* A JSON text has the same escapes for \ " and newline; its others are shown as they are spelt. */
void rv_metric_label(struct rv_buf *b, const char *s, size_t n)
{
        struct rv_buf j = { 0 };
        rv_json_string(&j, s, n);
        for (size_t i = 0; i < j.len; i++) {
                if (j.data[i] != '\\') {
                        rv_buf_put(b, j.data + i, 1);
                        continue;
                }
                char c = j.data[++i];
                if (c == '/') {
                        rv_buf_put(b, "/", 1);
                        continue;
                }
                rv_buf_puts(b, strchr("\\\"n", c) ? "\\" : "\\\\");
                rv_buf_put(b, &c, 1);
        }
        rv_buf_free(&j);
}

static bool ends_with(const char *s, size_t n, const char *tail)
{
        size_t m = strlen(tail);
        return n > m && memcmp(s + n - m, tail, m) == 0;
}

static void drop_tail(struct rv_buf *b, const char *tail)
{
        if (ends_with(b->data, b->len, tail))
                b->len -= strlen(tail);
}

/* "_percent" or "percent_" out of the middle of a name. */
static void drop_word(struct rv_buf *b, const char *word)
{
        size_t n = strlen(word);
        for (size_t i = 0; i + n <= b->len; i++) {
                bool begins = i == 0 || b->data[i - 1] == '_',
                     ends = i + n == b->len || b->data[i + n] == '_';
                if (!begins || !ends || memcmp(b->data + i, word, n) != 0)
                        continue;
                size_t more = i + n < b->len ? 1 : 0;
                memmove(b->data + i, b->data + i + n + more, b->len - i - n - more);
                b->len -= n + more;
                drop_tail(b, "_");
                return;
        }
}

/* The property's part of a family's name, as the conventions of Prometheus want it. */
static char *family_name(const struct rv_class *c, const struct rv_property *p, const struct family *f)
{
        struct rv_buf b = { 0 }, tail = { 0 };
        rv_metric_snake(&tail, p->name);
        if (f->unit && f->unit->drop)
                drop_word(&tail, f->unit->drop);
        static const char *const systemd[] = { "_n_sec", "_u_sec" }; /* CPUUsageNSec: told in seconds */
        for (size_t i = 0; f->unit && i < sizeof systemd / sizeof *systemd; i++)
                drop_tail(&tail, systemd[i]);
        drop_tail(&tail, "_total");
        if (f->role == VALUE && ends_with(tail.data, tail.len, "_count")) {
                drop_tail(&tail, "_count"); /* that suffix belongs to histograms */
                if (tail.data[tail.len - 1] != 's')
                        rv_buf_put(&tail, "s", 1);
        }
        if (f->role == TIME)
                drop_tail(&tail, "_timestamp");
        const char *unit = f->role == TIME ? "timestamp_seconds" : f->unit ? f->unit->name : NULL;
        rv_buf_puts(&b, "reeve_");
        rv_metric_snake(&b, c->name);
        rv_buf_put(&b, "_", 1);
        rv_buf_put(&b, tail.data ? tail.data : "", tail.len);
        if (unit && !ends_with(b.data, b.len, unit)) {
                rv_buf_put(&b, "_", 1);
                rv_buf_puts(&b, unit);
        }
        static const char *const types[] = { "summary", "histogram", "counter", "gauge" };
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                drop_word(&b, types[i]); /* the conventions keep the types' names out of it */
        rv_buf_put(&b, "", 1);
        rv_buf_free(&tail);
        return b.failed ? (rv_buf_free(&b), NULL) : b.data;
}

static const struct unit *find_unit(const char *punit)
{
        for (size_t i = 0; punit && i < sizeof units / sizeof *units; i++)
                if (strcasecmp(units[i].punit, punit) == 0)
                        return &units[i];
        return NULL;
}

static bool is_text(const struct rv_property *p)
{
        return p->type == RV_CIM_STRING || p->type == RV_CIM_REFERENCE || p->type == RV_CIM_CHAR16;
}

/* DaysLeft: a number without a PUnit whose name tells the unit. */
static const struct unit *unit_of(const struct rv_property *p)
{
        struct rv_buf b = { 0 };
        const struct unit *found = find_unit(p->units);
        if (found || is_text(p) || p->type == RV_CIM_DATETIME)
                return found;
        rv_buf_put(&b, "_", 1);
        rv_metric_snake(&b, p->name);
        rv_buf_put(&b, "_", 2);
        for (size_t i = 0; !found && !b.failed && i < sizeof units / sizeof *units; i++) {
                char word[24];
                snprintf(word, sizeof word, "_%s_", units[i].drop ? units[i].drop : "-");
                if (strstr(b.data, word))
                        found = &units[i];
        }
        rv_buf_free(&b);
        return found;
}

/* A number that names something is no measurement. */
static bool is_identifier(const char *name)
{
        size_t n = strlen(name);
        return ends_with(name, n, "Id") || ends_with(name, n, "ID") || ends_with(name, n, "Index") ||
               ends_with(name, n, "Uid") || ends_with(name, n, "Gid");
}

static enum role role_of(const struct rv_class *c, const struct rv_property *p, bool named)
{
        if (p->is_array || p->flags & RV_SECRET || p->type == RV_CIM_OBJECT)
                return NOTHING;
        if (p->flags & RV_KEY)
                return p->type == RV_CIM_DATETIME ? NOTHING : LABEL;
        if (p->nvalue_map && p->nvalue_map <= RV_METRIC_STATES && p->type != RV_CIM_BOOLEAN)
                return STATE;
        if (is_text(p))
                return named ? LABEL : c->flags & RV_SINGLETON ? INFO : NOTHING;
        if (p->type == RV_CIM_DATETIME)
                return TIME;
        return named || !is_identifier(p->name) ? VALUE : NOTHING;
}

static bool listed(const char *const *names, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcasecmp(names[i], name) == 0)
                        return true;
        return false;
}

/* Another property with the same name of a family keeps it. */
static bool is_taken(const struct rv_metrics *m, uint32_t p)
{
        for (uint32_t i = 0; i < p; i++)
                if (m->f[i].name && strcmp(m->f[i].name, m->f[p].name) == 0)
                        return true;
        return false;
}

static char *snake(const char *s)
{
        struct rv_buf b = { 0 };
        rv_metric_snake(&b, s);
        rv_buf_put(&b, "", 1);
        return b.failed ? (rv_buf_free(&b), NULL) : b.data;
}

static bool plan_property(struct rv_metrics *m, uint32_t i, const struct rv_qualifier *labels,
                          const char *const *named, size_t n)
{
        const struct rv_property *p = &m->c->properties[i];
        struct family *f = &m->f[i];
        bool is_named = named && listed(named, n, p->name);
        bool chosen = labels && labels->nvalues && listed(labels->values, labels->nvalues, p->name);
        f->role = role_of(m->c, p, is_named);
        if (f->role == LABEL && p->flags & RV_KEY && labels && labels->nvalues && !chosen && !is_named)
                f->role = NOTHING; /* [Metrics] names what tells the objects apart */
        if (chosen && is_text(p))
                f->role = LABEL;
        bool wanted = f->role == LABEL || is_named || (!named && !(p->flags & RV_EXPENSIVE));
        if (!wanted)
                f->role = NOTHING;
        if (f->role == NOTHING)
                return true;
        m->wanted[m->nwanted++] = p->name;
        f->is_label = f->role == LABEL;
        f->unit = unit_of(p);
        f->label = snake(p->name);
        f->name = f->role == VALUE || f->role == TIME || f->role == STATE ? family_name(m->c, p, f) : NULL;
        if (f->name && is_taken(m, i)) {
                free(f->name);
                f->name = NULL;
                f->role = NOTHING;
        }
        return f->label;
}

struct rv_metrics *rv_metrics_new(const struct rv_class *c, const char *const *named, size_t n)
{
        struct rv_metrics *m = calloc(1, sizeof *m);
        if (!m)
                return NULL;
        *m = (struct rv_metrics) { .c = c,
                                   .f = calloc(c->nproperties + 1, sizeof *m->f),
                                   .wanted = calloc(c->nproperties + 1, sizeof *m->wanted) };
        const struct rv_qualifier *labels = rv_qualifier_find(c->qualifiers, c->nqualifiers, "Metrics");
        m->raw = strcmp(c->name, "NodeMetric") == 0;
        if (m->raw && m->wanted) {
                for (uint32_t i = 0; i < c->nproperties; i++)
                        m->wanted[m->nwanted++] = c->properties[i].name;
                return m;
        }
        bool ok = m->f && m->wanted;
        for (uint32_t i = 0; ok && i < c->nproperties; i++)
                ok = plan_property(m, i, labels, named, n);
        if (!ok) {
                rv_metrics_free(m);
                return NULL;
        }
        return m;
}

void rv_metrics_free(struct rv_metrics *m)
{
        if (!m)
                return;
        for (uint32_t i = 0; m->f && i < m->c->nproperties; i++) {
                free(m->f[i].name);
                free(m->f[i].label);
                rv_buf_free(&m->f[i].samples);
        }
        rv_buf_free(&m->info_samples);
        rv_buf_free(&m->labels);
        rv_buf_free(&m->samples[0]);
        rv_buf_free(&m->samples[1]);
        free(m->f);
        free(m->wanted);
        free(m->seen);
        free(m);
}

const char *const *rv_metrics_wanted(const struct rv_metrics *m, size_t *ret_n)
{
        *ret_n = m->nwanted;
        return m->wanted;
}

/* ---- rows ---- */

static void put_text(struct rv_buf *b, const struct rv_batch *batch, const struct rv_value *v)
{
        char buf[40];
        switch (v->type) {
        case RV_STRING:
        case RV_REF: rv_metric_label(b, rv_text(batch, v), v->len); return;
        case RV_UINT: snprintf(buf, sizeof buf, "\"%llu\"", (unsigned long long)v->u); break;
        case RV_INT: snprintf(buf, sizeof buf, "\"%lld\"", (long long)v->i); break;
        case RV_BOOL: snprintf(buf, sizeof buf, "\"%s\"", v->u ? "true" : "false"); break;
        case RV_REAL: snprintf(buf, sizeof buf, "\"%g\"", v->d); break;
        default: snprintf(buf, sizeof buf, "\"\"");
        }
        rv_buf_puts(b, buf);
}

static void put_label(struct rv_metrics *m, struct rv_buf *b, const struct rv_batch *batch, uint32_t row,
                      uint32_t i)
{
        const struct rv_value *v = rv_get(batch, row, i);
        if (v->type == RV_NULL)
                return;
        rv_buf_puts(b, b->len ? "," : "");
        rv_buf_puts(b, m->f[i].label);
        rv_buf_put(b, "=", 1);
        put_text(b, batch, v);
}

static bool seen_grow(struct rv_metrics *m)
{
        size_t cap = m->cap ? m->cap * 2 : 64;
        uint64_t *t = calloc(cap, sizeof *t);
        if (!t)
                return false;
        for (size_t i = 0; i < m->cap; i++) {
                size_t at = m->seen[i] & (cap - 1);
                while (m->seen[i] && t[at])
                        at = (at + 1) & (cap - 1);
                if (m->seen[i])
                        t[at] = m->seen[i];
        }
        free(m->seen);
        m->seen = t;
        m->cap = cap;
        return true;
}

/* Whether a row had these labels before. */
static bool seen(struct rv_metrics *m)
{
        uint64_t h = UINT64_C(14695981039346656037);
        for (size_t i = 0; i < m->labels.len; i++)
                h = (h ^ (unsigned char)m->labels.data[i]) * UINT64_C(1099511628211);
        h |= 1;
        if (m->nseen * 2 >= m->cap && !seen_grow(m))
                return true;
        size_t at = h & (m->cap - 1);
        for (; m->seen[at]; at = (at + 1) & (m->cap - 1))
                if (m->seen[at] == h)
                        return true;
        m->seen[at] = h;
        m->nseen++;
        return false;
}

static void begin_sample(struct rv_metrics *m, struct family *f, const struct rv_property *p)
{
        rv_buf_puts(&f->samples, f->name);
        if (f->role == VALUE && p->flags & RV_COUNTER)
                rv_buf_puts(&f->samples, "_total");
        if (m->labels.len) {
                rv_buf_put(&f->samples, "{", 1);
                rv_buf_put(&f->samples, m->labels.data, m->labels.len);
                rv_buf_put(&f->samples, "}", 1);
        }
        rv_buf_put(&f->samples, " ", 1);
}

static void put_real(struct rv_buf *b, double d)
{
        if (isnan(d)) {
                rv_buf_puts(b, "NaN");
        } else if (isinf(d)) {
                rv_buf_puts(b, d > 0 ? "+Inf" : "-Inf");
        } else {
                char buf[32];
                for (int digits = 15; digits <= 17; digits++) {
                        snprintf(buf, sizeof buf, "%.*g", digits, d);
                        if (strtod(buf, NULL) == d)
                                break;
                }
                rv_buf_puts(b, buf);
        }
}

/* Nanoseconds as seconds, exactly. */
static void put_seconds(struct rv_buf *b, int64_t ns)
{
        uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
        char buf[40];
        int n = snprintf(buf, sizeof buf, "%s%llu.%09llu", ns < 0 ? "-" : "",
                         (unsigned long long)(u / 1000000000), (unsigned long long)(u % 1000000000));
        while (buf[n - 1] == '0')
                n--;
        n -= buf[n - 1] == '.';
        rv_buf_put(b, buf, (size_t)n);
}

static void put_value(struct rv_buf *b, const struct rv_value *v, const struct unit *u)
{
        bool ns = u && u->by == 1e9;
        if (v->type == RV_DATETIME || v->type == RV_INTERVAL || (ns && v->type == RV_INT))
                put_seconds(b, v->i);
        else if (ns && v->type == RV_UINT && v->u <= INT64_MAX)
                put_seconds(b, (int64_t)v->u);
        else if (v->type == RV_BOOL)
                rv_buf_puts(b, v->u ? "1" : "0");
        else if (v->type == RV_REAL || (u && (u->by != 1 || u->times != 1)))
                put_real(b, (v->type == RV_REAL  ? v->d
                             : v->type == RV_INT ? (double)v->i
                                                 : (double)v->u) *
                                    (u ? u->times / u->by : 1));
        else if (v->type == RV_INT)
                rv_buf_int(b, v->i);
        else
                rv_buf_uint(b, v->u);
        rv_buf_put(b, "\n", 1);
}

static bool is_state(const struct rv_batch *b, const struct rv_value *v, const char *text)
{
        char buf[24];
        if (v->type == RV_STRING)
                return v->len == strlen(text) && memcmp(rv_text(b, v), text, v->len) == 0;
        if (v->type == RV_INT)
                snprintf(buf, sizeof buf, "%lld", (long long)v->i);
        else
                snprintf(buf, sizeof buf, "%llu", (unsigned long long)v->u);
        return strcmp(buf, text) == 0;
}

/* Each value that it can have: 1 for the one it has. */
static void put_states(struct rv_metrics *m, struct family *f, const struct rv_property *p,
                       const struct rv_batch *b, const struct rv_value *v)
{
        for (uint32_t s = 0; s < p->nvalue_map; s++) {
                /* A text is its own name; a number's is in Values. */
                const char *name = v->type != RV_STRING && s < p->nvalues ? p->values[s] : p->value_map[s];
                rv_buf_puts(&f->samples, f->name);
                rv_buf_put(&f->samples, "{", 1);
                rv_buf_put(&f->samples, m->labels.data ? m->labels.data : "", m->labels.len);
                rv_buf_puts(&f->samples, m->labels.len ? "," : "");
                rv_buf_puts(&f->samples, f->label);
                rv_buf_put(&f->samples, "=", 1);
                rv_metric_label(&f->samples, name, strlen(name));
                rv_buf_puts(&f->samples, is_state(b, v, p->value_map[s]) ? "} 1\n" : "} 0\n");
        }
}

static void put_info(struct rv_metrics *m, const struct rv_batch *b, uint32_t row)
{
        struct rv_buf labels = { 0 };
        for (uint32_t i = 0; i < m->c->nproperties; i++)
                if (m->f[i].role == INFO)
                        put_label(m, &labels, b, row, i);
        if (labels.len) {
                rv_buf_puts(&m->info_samples, "reeve_");
                rv_metric_snake(&m->info_samples, m->c->name);
                rv_buf_puts(&m->info_samples, "_info{");
                rv_buf_put(&m->info_samples, labels.data, labels.len);
                rv_buf_puts(&m->info_samples, "} 1\n");
        }
        rv_buf_free(&labels);
}

/* A sample as it is, in both formats: its family's head where the name is a new one. */
static void put_raw(struct rv_metrics *m, const struct rv_batch *b, uint32_t row)
{
        const struct rv_value *v[5];
        char name[128], type[16], help[128];
        for (uint32_t i = 0; i < 5; i++)
                v[i] = rv_get(b, row, i); /* NodeMetric: Name, Labels, Type, Help, Value */
        snprintf(name, sizeof name, "%.*s", (int)v[0]->len, rv_text(b, v[0]));
        snprintf(type, sizeof type, "%.*s", (int)v[2]->len, rv_text(b, v[2]));
        snprintf(help, sizeof help, "%.*s", (int)v[3]->len, rv_text(b, v[3]));
        bool is_new = strcmp(m->last, name) != 0;
        memcpy(m->last, name, sizeof name);
        for (int open = 0; open < 2; open++) {
                struct rv_buf *to = &m->samples[open];
                char family[128];
                snprintf(family, sizeof family, "%s", name);
                size_t n = strlen(family);
                if (ends_with(family, n, "_total"))
                        family[n - 6] = 0;
                if (is_new)
                        rv_metric_head(to, open, strcmp(type, "counter") == 0 ? family : name,
                                       open && strcmp(type, "untyped") == 0 ? "unknown" : type, NULL, help);
                rv_buf_puts(to, name);
                if (v[1]->len) {
                        rv_buf_put(to, "{", 1);
                        rv_buf_put(to, rv_text(b, v[1]), v[1]->len);
                        rv_buf_put(to, "}", 1);
                }
                rv_buf_put(to, " ", 1);
                put_real(to, v[4]->d);
                rv_buf_put(to, "\n", 1);
        }
}

void rv_metrics_row(struct rv_metrics *m, const struct rv_batch *b, uint32_t row)
{
        if (m->raw) {
                put_raw(m, b, row);
                return;
        }
        m->labels.len = 0;
        for (uint32_t i = 0; i < m->c->nproperties; i++)
                if (m->f[i].is_label)
                        put_label(m, &m->labels, b, row, i);
        if (seen(m))
                return;
        put_info(m, b, row);
        for (uint32_t i = 0; i < m->c->nproperties; i++) {
                struct family *f = &m->f[i];
                const struct rv_property *p = &m->c->properties[i];
                const struct rv_value *v = f->name ? rv_get(b, row, i) : NULL;
                if (!v || v->type == RV_NULL)
                        continue;
                if (f->role == STATE) {
                        put_states(m, f, p, b, v);
                        continue;
                }
                begin_sample(m, f, p);
                put_value(&f->samples, v, f->role == TIME ? NULL : f->unit);
        }
}

/* ---- text ---- */

static void put_help(struct rv_buf *b, bool openmetrics, const char *help)
{
        for (; *help; help++) {
                if (*help == '\n')
                        rv_buf_puts(b, "\\n");
                else if (*help == '\\' || (openmetrics && *help == '"'))
                        rv_buf_putf(b, "\\%c", *help);
                else
                        rv_buf_put(b, help, 1);
        }
        rv_buf_put(b, "\n", 1);
}

void rv_metric_head(struct rv_buf *b, bool openmetrics, const char *name, const char *type, const char *unit,
                    const char *help)
{
        const char *tail = !openmetrics && strcmp(type, "counter") == 0 ? "_total" : "";
        rv_buf_putf(b, "# HELP %s%s ", name, tail);
        put_help(b, openmetrics, help[0] ? help : name);
        rv_buf_putf(b, "# TYPE %s%s %s\n", name, tail, type);
        if (openmetrics && unit)
                rv_buf_putf(b, "# UNIT %s %s\n", name, unit);
}

void rv_metrics_write(const struct rv_metrics *m, struct rv_buf *b, bool openmetrics)
{
        if (m->raw) {
                rv_buf_put(b, m->samples[openmetrics].data ? m->samples[openmetrics].data : "",
                           m->samples[openmetrics].len);
                b->failed |= m->samples[openmetrics].failed;
                return;
        }
        if (m->info_samples.len) {
                struct rv_buf name = { 0 };
                rv_buf_puts(&name, "reeve_");
                rv_metric_snake(&name, m->c->name);
                rv_buf_put(&name, "_info", 6);
                if (!name.failed)
                        rv_metric_head(b, openmetrics, name.data, "gauge", NULL, m->c->description);
                rv_buf_free(&name);
                rv_buf_put(b, m->info_samples.data, m->info_samples.len);
        }
        for (uint32_t i = 0; i < m->c->nproperties; i++) {
                const struct family *f = &m->f[i];
                const struct rv_property *p = &m->c->properties[i];
                if (!f->samples.len)
                        continue;
                bool counts = f->role == VALUE && p->flags & RV_COUNTER;
                const char *unit = f->role == TIME               ? "seconds"
                                   : f->role == VALUE && f->unit ? f->unit->name
                                                                 : NULL;
                rv_metric_head(b, openmetrics, f->name, counts ? "counter" : "gauge", unit, p->description);
                rv_buf_put(b, f->samples.data, f->samples.len);
                b->failed |= f->samples.failed;
        }
}

/* ---- for the reference ---- */

static void reference_row(FILE *f, const struct rv_metrics *m, const char *name, const char *type,
                          const char *own, const char *help)
{
        const char *comma = "";
        fprintf(f, "| `%s` | %s | ", name, type);
        for (uint32_t i = 0; i < m->c->nproperties; i++)
                if (m->f[i].is_label) {
                        fprintf(f, "%s`%s`", comma, m->f[i].label);
                        comma = ", ";
                }
        fprintf(f, "%s%s | ", own[0] ? comma : "", own);
        for (; *help; help++)
                fputc(*help == '\n' ? ' ' : *help, f);
        fputs(" |\n", f);
}

void rv_metrics_reference(const struct rv_class *c, FILE *f)
{
        const struct rv_qualifier *chosen =
                rv_qualifier_find(c->qualifiers, c->nqualifiers, "MetricsProperties");
        bool named = chosen && chosen->nvalues;
        struct rv_metrics *m = rv_metrics_new(c, named ? chosen->values : NULL, named ? chosen->nvalues : 0);
        bool info = false;
        for (uint32_t i = 0; m && i < c->nproperties; i++) {
                const struct family *of = &m->f[i];
                char own[80] = "", name[160];
                bool counts = of->role == VALUE && c->properties[i].flags & RV_COUNTER;
                info |= of->role == INFO;
                if (!of->name)
                        continue;
                if (of->role == STATE)
                        snprintf(own, sizeof own, "`%s`", of->label);
                snprintf(name, sizeof name, "%s%s", of->name, counts ? "_total" : "");
                reference_row(f, m, name, counts ? "counter" : "gauge", own, c->properties[i].description);
        }
        struct rv_buf b = { 0 };
        rv_metric_snake(&b, c->name);
        rv_buf_put(&b, "", 1);
        if (info && !b.failed)
                fprintf(f, "| `reeve_%s_info` | gauge | its texts | %s |\n", b.data,
                        "1; the texts of the class are its labels.");
        rv_buf_free(&b);
        rv_metrics_free(m);
}
