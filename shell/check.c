/* SPDX-License-Identifier: MIT
 *
 * reeve check: one question to the agent, thresholds on its answer, one line and perfdata as Nagios, Icinga and
 * check_by_ssh have them. Without --property it counts the instances; with it, each instance's value is looked at.
 *
 *      reeve check Service --filter "StartMode='Auto' AND State<>'Running'" --critical 0
 *      reeve check Mount --property FreeSpace --of Size --warning 20: --critical 10:
 *
 * What cannot be known is UNKNOWN: no agent, no such class, a denial, a provider that fails, nothing found.
 */
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "shell/check.h"
#include "shell/model.h"
#include "shell/range.h"

enum { OK, WARNING, CRITICAL, UNKNOWN };
enum { MOST_PROPERTIES = 8, SHOWN = 5 };
static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

struct check {
        const char *class_name, *filter, *query, *sql, *label, *of, *service;
        const char *property[MOST_PROPERTIES];
        struct sh_range warning[MOST_PROPERTIES], critical[MOST_PROPERTIES];
        unsigned nproperties, nwarning, ncritical;
        int empty;
        double timeout;
        const struct rv_class *class;
        /* Answer. */
        int status;
        unsigned found, bad, missing;
        struct rv_buf text, perf, more;
        json_t *errors;
};

static int unknown(const struct check *c, const char *fmt, const char *a)
{
        printf("%s UNKNOWN - ", c->service ? c->service : "REEVE");
        printf(fmt, a);
        putchar('\n');
        return UNKNOWN;
}

static int worse(int a, int b)
{
        static const int order[] = { 0, 1, 3, 2 }; /* unknown is worse than warning, critical the worst */
        return order[a] >= order[b] ? a : b;
}

/* ---- question ---- */

static void member(struct rv_buf *b, const char *name, const char *value)
{
        if (!value)
                return;
        rv_buf_puts(b, b->len ? "," : "{");
        rv_json_text(b, name);
        rv_buf_put(b, ":", 1);
        rv_json_text(b, value);
}

static bool has_name(const struct check *);

static void property_list(const struct check *c, struct rv_buf *b)
{
        if (c->query || c->sql)
                return;
        rv_buf_puts(b, ",\"PropertyList\":[");
        bool some = false;
        for (uint32_t k = 0; c->class && k < c->class->nkeys; k++, some = true) {
                rv_buf_puts(b, some ? "," : "");
                rv_json_text(b, c->class->properties[c->class->keys[k]].name);
        }
        const char *more[MOST_PROPERTIES + 2];
        unsigned n = 0;
        for (; n < c->nproperties; n++)
                more[n] = c->property[n];
        if (c->label || has_name(c))
                more[n++] = c->label ? c->label : "Name";
        if (c->of)
                more[n++] = c->of;
        for (unsigned i = 0; i < n; i++) {
                rv_buf_puts(b, some || i ? "," : "");
                rv_json_text(b, more[i]);
        }
        rv_buf_put(b, "]", 1);
}

static int ask(struct check *c, struct rv_buf *out, struct rv_error *err)
{
        struct sh_link l = { .log = -1 };
        struct rv_buf in = { 0 };
        member(&in, "ClassName", c->class_name);
        member(&in, "Filter", c->filter);
        member(&in, "Query", c->sql ? c->sql : c->query);
        if (c->sql)
                member(&in, "QueryLanguage", "SQL");
        property_list(c, &in);
        int r = sh_link_call(&l, c->query || c->sql ? "ExecQuery" : "EnumerateInstances", &in, c->timeout,
                             out, err);
        rv_buf_free(&in);
        sh_link_close(&l);
        return r;
}

/* ---- answer ---- */

/* A member by its name, without regard to case. */
static json_t *get(json_t *row, const char *name)
{
        const char *key;
        json_t *v;
        json_object_foreach(row, key, v) if (strcasecmp(key, name) == 0) return v;
        return NULL;
}

/* NAN: it has no number. */
static double number(json_t *v)
{
        if (json_is_number(v))
                return json_number_value(v);
        if (json_is_boolean(v))
                return json_is_true(v);
        int64_t ns;
        if (json_is_string(v) && rv_datetime_parse(json_string_value(v), json_string_length(v), &ns)) {
                struct timespec now; /* a time is looked at as an age */
                clock_gettime(CLOCK_REALTIME, &now);
                return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)ns / 1e9;
        }
        return NAN;
}

/* The unit of perfdata; what the value must be divided by. */
static const char *unit_of(const struct check *c, const char *property, double *ret_by)
{
        int p = c->class ? rv_property_find(c->class, property, strlen(property)) : -1;
        const struct rv_property *d = p < 0 ? NULL : &c->class->properties[p];
        const char *u = d && d->units ? d->units : "";
        *ret_by = 1;
        if (c->of)
                return "%";
        if (d && d->type == RV_CIM_DATETIME)
                return "s";
        if (strcmp(u, "nanosecond") == 0) {
                *ret_by = 1e9;
                return "s";
        }
        if (strcmp(u, "second") == 0)
                return "s";
        if (strcmp(u, "byte") == 0)
                return "B";
        if (strcmp(u, "percent") == 0)
                return "%";
        return d && d->flags & RV_COUNTER ? "c" : "";
}

static void put_text(struct rv_buf *b, json_t *v)
{
        if (json_is_string(v)) {
                for (const char *s = json_string_value(v); *s;
                     s++) /* neither control characters nor the bar */
                        rv_buf_put(b, (unsigned char)*s < ' ' || *s == '|' || *s == 0x7f ? "?" : s, 1);
                return;
        }
        if (json_is_number(v)) {
                rv_buf_putf(b, "%.15g", json_number_value(v));
                return;
        }
        char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
        rv_buf_puts(b, text ? text : "");
        free(text);
}

/* A property of the class' name: what people call it by. */
static bool has_name(const struct check *c)
{
        return c->class && rv_property_find(c->class, "Name", 4) >= 0;
}

static void put_word(struct rv_buf *b, size_t begin, json_t *v)
{
        if (!v || json_is_null(v))
                return;
        rv_buf_puts(b, b->len > begin ? " " : "");
        put_text(b, v);
}

/* What the instance is called: --label; else its name and the keys that are texts, or all keys when none is; else its
 * first text. */
static void put_name(const struct check *c, struct rv_buf *b, json_t *row)
{
        size_t begin = b->len;
        if (c->label) {
                put_text(b, get(row, c->label));
                return;
        }
        if (has_name(c))
                put_word(b, begin, get(row, "Name"));
        bool texts = false;
        for (uint32_t k = 0; c->class && k < c->class->nkeys; k++)
                texts |= c->class->properties[c->class->keys[k]].type == RV_CIM_STRING;
        for (uint32_t k = 0; c->class && k < c->class->nkeys; k++) {
                const struct rv_property *p = &c->class->properties[c->class->keys[k]];
                if ((p->type == RV_CIM_STRING || !texts) && p->type != RV_CIM_DATETIME &&
                    strcasecmp(p->name, "Name") != 0)
                        put_word(b, begin, get(row, p->name));
        }
        const char *key;
        json_t *v;
        json_object_foreach(row, key, v)
        {
                if (b->len == begin && json_is_string(v) && !(c->class && c->class->flags & RV_SINGLETON))
                        put_text(b, v);
        }
}

static void put_perf(struct check *c, const char *name, size_t n, double value, const char *unit,
                     const struct sh_range *w, const struct sh_range *k)
{
        char warning[80], critical[80], number[32];
        sh_range_text(w, warning, sizeof warning);
        sh_range_text(k, critical, sizeof critical);
        snprintf(number, sizeof number, strcmp(unit, "%") == 0 ? "%.6g" : "%.15g", value);
        rv_buf_puts(&c->perf, c->perf.len ? " '" : "'");
        for (size_t i = 0; i < n; i++)
                rv_buf_puts(&c->perf, name[i] == '\''  ? "''"
                                      : name[i] == '=' ? "_"
                                                       : (char[]) { name[i], 0 });
        bool counts = strcmp(unit, "c") == 0;
        rv_buf_putf(&c->perf, "'=%s%s;%s;%s;%s;%s", number, unit, warning, critical, counts ? "" : "0",
                    strcmp(unit, "%") == 0 ? "100" : "");
}

static int judge(const struct sh_range *w, const struct sh_range *k, double v)
{
        return sh_range_alerts(k, v) ? CRITICAL : sh_range_alerts(w, v) ? WARNING : OK;
}

/* One property of one instance. */
static void look_at(struct check *c, json_t *row, unsigned i)
{
        double by, v = number(get(row, c->property[i]));
        const char *unit = unit_of(c, c->property[i], &by);
        if (c->of) {
                double whole = number(get(row, c->of));
                v = whole > 0 ? v * 100 / whole : NAN;
        }
        if (isnan(v)) {
                c->missing++;
                return;
        }
        v /= by;
        int status = judge(&c->warning[i], &c->critical[i], v);
        struct rv_buf name = { 0 };
        put_name(c, &name, row);
        if (status != OK) {
                if (c->bad++ < SHOWN)
                        rv_buf_putf(&c->text, "%s%.*s %s is %.6g%s", c->text.len ? ", " : "", (int)name.len,
                                    name.data ? name.data : "", c->property[i], v,
                                    strcmp(unit, "c") ? unit : "");
                rv_buf_putf(&c->more, "%s: %.*s %s=%.15g%s\n", words[status], (int)name.len,
                            name.data ? name.data : "", c->property[i], v, unit);
        }
        if (c->nproperties > 1 || !name.len) {
                rv_buf_puts(&name, name.len ? " " : "");
                rv_buf_puts(&name, c->property[i]);
        }
        put_perf(c, name.data ? name.data : "", name.len, v, unit, &c->warning[i], &c->critical[i]);
        rv_buf_free(&name);
        c->status = worse(c->status, status);
}

static void count(struct check *c, json_t *rows)
{
        c->status = judge(&c->warning[0], &c->critical[0], c->found);
        put_perf(c, "count", 5, c->found, "", &c->warning[0], &c->critical[0]);
        for (unsigned i = 0; c->status != OK && i < c->found; i++) {
                struct rv_buf name = { 0 };
                put_name(c, &name, json_array_get(rows, i));
                if (i < SHOWN)
                        rv_buf_putf(&c->text, "%s%.*s", i ? ", " : ": ", (int)name.len,
                                    name.data ? name.data : "");
                rv_buf_putf(&c->more, "%.*s\n", (int)name.len, name.data ? name.data : "");
                rv_buf_free(&name);
        }
        c->bad = c->status == OK ? 0 : c->found;
}

static int report(struct check *c)
{
        const char *what = c->class ? c->class->name : "rows";
        size_t nerrors = json_array_size(c->errors);
        if (nerrors)
                c->status = worse(c->status, UNKNOWN);
        printf("%s %s - ", c->service, words[c->status]);
        if (!c->nproperties)
                printf("%u %s%s", c->found, what, c->filter || c->query || c->sql ? " found" : "");
        else if (c->status == OK)
                printf("%u %s looked at", c->found - c->missing, what);
        if (c->text.len)
                printf("%.*s", (int)c->text.len, c->text.data);
        if (c->bad > SHOWN)
                printf(" and %u more", c->bad - SHOWN);
        if (nerrors)
                printf("%s%s", c->text.len || !c->nproperties ? "; " : "",
                       json_string_value(json_object_get(json_array_get(c->errors, 0), "message")));
        printf(" | %.*s\n", (int)c->perf.len, c->perf.data ? c->perf.data : "");
        if (c->more.len)
                printf("%.*s", (int)c->more.len, c->more.data);
        return c->status;
}

static int work(struct check *c)
{
        struct rv_buf out = { 0 };
        struct rv_error err = { 0 };
        if (ask(c, &out, &err)) {
                rv_buf_free(&out);
                return unknown(c, "%s", err.message);
        }
        json_t *answer = json_loadb(out.data, out.len, JSON_DECODE_INT_AS_REAL, NULL);
        rv_buf_free(&out);
        json_t *rows = json_object_get(answer, "Instances");
        c->errors = json_object_get(answer, "Partial");
        c->found = (unsigned)json_array_size(rows);
        int status;
        if (!json_is_array(rows)) {
                status = unknown(c, "%s", "the agent's answer could not be read");
        } else {
                if (!c->nproperties)
                        count(c, rows);
                for (unsigned i = 0; i < c->found * c->nproperties; i++)
                        look_at(c, json_array_get(rows, i / c->nproperties), i % c->nproperties);
                if (c->nproperties && c->missing == c->found * c->nproperties &&
                    !json_array_size(c->errors)) {
                        printf("%s %s - %s\n", c->service, words[c->empty],
                               c->found ? "no instance has a value of that property"
                                        : "no such instance was found");
                        status = c->empty;
                } else {
                        status = report(c);
                }
        }
        json_decref(answer);
        rv_buf_free(&c->text);
        rv_buf_free(&c->perf);
        rv_buf_free(&c->more);
        return status;
}

/* ---- command line ---- */

static int usage(FILE *f)
{
        fputs("usage: reeve check CLASS [--filter WQL] [--property NAME ...] [--warning RANGE] [--critical "
              "RANGE]\n"
              "       reeve check --query WQL | --sql SQL ...\n"
              "  --property NAME   look at this value of each instance (a time: its age in seconds); repeat "
              "for more, with a\n"
              "                    --warning and --critical each. Without it the instances are counted\n"
              "  --of NAME         the value in percent of that one\n"
              "  --warning RANGE, --critical RANGE   10 alerts outside 0..10, 10: below 10, ~:10 above 10, "
              "10:20 outside,\n"
              "                    @10:20 inside; numbers take K M G T Ki Mi Gi Ti ms s min h d\n"
              "  --label NAME      the property that names an instance; its keys when absent\n"
              "  --empty STATE     ok, warning, critical or unknown (when absent) if nothing has a value\n"
              "  --name TEXT       first word of the output; the class' name when absent\n"
              "  --timeout SECONDS 10 when absent\n"
              "exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN\n",
              f);
        return f == stdout ? OK : UNKNOWN;
}

static bool range(const char *text, struct sh_range *list, unsigned *n)
{
        return *n < MOST_PROPERTIES && sh_range_read(text, &list[(*n)++]);
}

static int state(const char *text)
{
        for (int i = 0; i < 4; i++)
                if (strcasecmp(words[i], text) == 0)
                        return i;
        return -1;
}

static bool option(struct check *c, int o)
{
        switch (o) {
        case 'f': c->filter = optarg; return true;
        case 'q': c->query = optarg; return true;
        case 's': c->sql = optarg; return true;
        case 'l': c->label = optarg; return true;
        case 'o': c->of = optarg; return true;
        case 'n': c->service = optarg; return true;
        case 'w': return range(optarg, c->warning, &c->nwarning);
        case 'c': return range(optarg, c->critical, &c->ncritical);
        case 'e': return (c->empty = state(optarg)) >= 0;
        case 't': return (c->timeout = strtod(optarg, NULL)) >= 0.001;
        case 'p':
                if (c->nproperties < MOST_PROPERTIES)
                        c->property[c->nproperties++] = optarg;
                return c->nproperties <= MOST_PROPERTIES;
        default: return false;
        }
}

static bool read_options(struct check *c, int argc, char **argv)
{
        static const struct option known[] = { { "filter", 1, 0, 'f' },   { "query", 1, 0, 'q' },
                                               { "sql", 1, 0, 's' },      { "property", 1, 0, 'p' },
                                               { "of", 1, 0, 'o' },       { "warning", 1, 0, 'w' },
                                               { "critical", 1, 0, 'c' }, { "label", 1, 0, 'l' },
                                               { "empty", 1, 0, 'e' },    { "name", 1, 0, 'n' },
                                               { "timeout", 1, 0, 't' },  { 0 } };
        optind = 0;
        opterr = 0;
        for (int o; (o = getopt_long(argc, argv, "w:c:t:", known, NULL)) != -1;)
                if (!option(c, o)) {
                        unknown(c, "option '%s' cannot be understood; see reeve check --help",
                                argv[optind - 1]);
                        return false;
                }
        if (optind < argc)
                c->class_name = argv[optind++];
        bool one = !!c->class_name + !!c->query + !!c->sql == 1;
        if (!one || optind < argc || (c->of && c->nproperties != 1) || (c->filter && !c->class_name)) {
                unknown(c, "%s", "expected one class, --query or --sql; see reeve check --help");
                return false;
        }
        /* One threshold serves all properties. */
        for (unsigned i = 1; i < c->nproperties; i++) {
                if (c->nwarning == 1)
                        c->warning[i] = c->warning[0];
                if (c->ncritical == 1)
                        c->critical[i] = c->critical[0];
        }
        return true;
}

int sh_check_main(int argc, char **argv)
{
        struct check c = { .empty = UNKNOWN, .timeout = 10 };
        static char name[80];
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--help") == 0)
                        return usage(stdout);
        if (!read_options(&c, argc, argv))
                return UNKNOWN;
        c.class = c.class_name ? rv_class_find(c.class_name, NULL) : NULL;
        if (!c.service) {
                snprintf(name, sizeof name, "%s", c.class_name ? c.class_name : "REEVE");
                for (char *s = name; *s; s++)
                        *s = (char)(*s >= 'a' && *s <= 'z' ? *s - 32 : *s);
                c.service = name;
        }
        return work(&c);
}
