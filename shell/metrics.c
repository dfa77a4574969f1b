/* SPDX-License-Identifier: MIT
 *
 * reeve metrics: what the agent gives to monitoring, on standard output or into a file: Prometheus' text, OpenMetrics,
 * or JSON for systems that take values out of one document (Zabbix). One call to the agent either way.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "shell/check.h"
#include "shell/model.h"

enum { MOST_CLASSES = 64 };
enum format { PROMETHEUS, OPENMETRICS, JSON, DISCOVERY };

struct want {
        const char *classes[MOST_CLASSES], *properties, *filter, *query, *output;
        char names[2048]; /* properties, when given */
        unsigned nclasses;
        bool node;
        enum format format;
        double timeout;
        struct sh_link link;
};

static int complain(const char *what, const char *why)
{
        fprintf(stderr, "reeve metrics: %s%s%s\n", what, why ? ": " : "", why ? why : "");
        return 1;
}

static void begin(struct rv_buf *b, const char *name)
{
        rv_buf_puts(b, b->len ? "," : "{");
        rv_json_text(b, name);
        rv_buf_put(b, ":", 1);
}

static void member(struct rv_buf *b, const char *name, const char *value)
{
        if (!value)
                return;
        begin(b, name);
        rv_json_text(b, value);
}

/* "a,b" as a list of texts. */
static void put_list(struct rv_buf *b, const char *name, const char *text)
{
        if (!text)
                return;
        begin(b, name);
        rv_buf_put(b, "[", 1);
        for (const char *s = text; *s;) {
                size_t n = strcspn(s, ",");
                rv_buf_puts(b, s > text ? "," : "");
                rv_json_string(b, s, n);
                s += n + (s[n] == ',');
        }
        rv_buf_put(b, "]", 1);
}

static int call(struct want *w, const char *method, struct rv_buf *in, json_t **ret)
{
        struct rv_buf out = { 0 };
        struct rv_error err = { 0 };
        int r = sh_link_call(&w->link, method, in->len ? in : NULL, w->timeout, &out, &err);
        rv_buf_free(in);
        *ret = r == RV_OK ? json_loadb(out.data, out.len, 0, NULL) : NULL;
        rv_buf_free(&out);
        if (r)
                return complain(err.message, NULL);
        return *ret ? 0 : complain("the agent's answer could not be read", NULL);
}

/* The metrics' text. */
static int text(struct want *w, struct rv_buf *to)
{
        struct rv_buf in = { 0 };
        if (w->nclasses) {
                begin(&in, "ClassName");
                for (unsigned i = 0; i < w->nclasses; i++) {
                        rv_buf_puts(&in, i ? "," : "[");
                        rv_json_text(&in, w->classes[i]);
                }
                rv_buf_put(&in, "]", 1);
        }
        if (w->node) {
                begin(&in, "NodeCompat");
                rv_buf_puts(&in, "true");
        }
        member(&in, "Query", w->query);
        member(&in, "Filter", w->filter);
        put_list(&in, "PropertyList", w->properties);
        member(&in, "Format", w->format == OPENMETRICS ? "OpenMetrics" : "Prometheus");
        json_t *answer;
        int r = call(w, "Metrics", &in, &answer);
        if (r)
                return r;
        json_t *t = json_object_get(answer, "Text");
        rv_buf_put(to, json_string_value(t), json_string_length(t));
        json_decref(answer);
        return 0;
}

/* ServiceName: {#SERVICENAME}. */
static json_t *discovered(json_t *row)
{
        json_t *o = json_object(), *v;
        const char *name;
        json_object_foreach(row, name, v)
        {
                char macro[140] = "{#";
                size_t n = 2;
                for (const char *s = name; *s && n < sizeof macro - 2; s++)
                        if (isalnum((unsigned char)*s) || *s == '_' || *s == '.')
                                macro[n++] = (char)toupper((unsigned char)*s);
                macro[n] = '}';
                macro[n + 1] = 0;
                char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
                if (!json_is_null(v))
                        json_object_set_new(o, macro, text ? json_string(text) : json_incref(v));
                free(text);
        }
        return o;
}

/* {"Class": [instances], ..., "Errors": [{"Class", "Message"}]}: one that fails leaves the others. */
static int json_of(struct want *w, struct rv_buf *to)
{
        json_t *all = json_object(), *errors = json_array(), *found = json_array();
        unsigned good = 0;
        for (unsigned i = 0; i < w->nclasses; i++) {
                struct rv_buf in = { 0 }, out = { 0 };
                struct rv_error err = { 0 };
                member(&in, "ClassName", w->classes[i]);
                member(&in, "Filter", w->filter);
                put_list(&in, "PropertyList", w->properties);
                if (sh_link_call(&w->link, "EnumerateInstances", &in, w->timeout, &out, &err)) {
                        json_array_append_new(errors, json_pack("{s:s, s:s}", "Class", w->classes[i],
                                                                "Message", err.message));
                } else {
                        json_t *answer = json_loadb(out.data, out.len, 0, NULL), *row;
                        json_t *rows = json_object_get(answer, "Instances"),
                               *partial = json_object_get(answer, "Partial");
                        size_t at;
                        json_array_foreach(rows, at, row) json_array_append_new(found, discovered(row));
                        json_array_foreach(partial, at, row) json_array_append_new(
                                errors, json_pack("{s:s, s:O}", "Class", w->classes[i], "Message",
                                                  json_object_get(row, "message")));
                        json_object_set(all, w->classes[i], rows);
                        json_decref(answer);
                        good++;
                }
                rv_buf_free(&in);
                rv_buf_free(&out);
        }
        json_object_set_new(all, "Errors", errors);
        char *t = json_dumps(w->format == DISCOVERY ? found : all, JSON_COMPACT);
        rv_buf_puts(to, t ? t : "");
        rv_buf_put(to, "\n", 1);
        free(t);
        const char *why =
                good ? NULL : json_string_value(json_object_get(json_array_get(errors, 0), "Message"));
        int status = good ? 0 : complain(why ? why : "name a class", NULL);
        json_decref(all);
        json_decref(found);
        return status;
}

/* Whole or not at all: who reads it meanwhile sees the old one. */
static int put_file(const char *path, const struct rv_buf *b)
{
        char temporary[4096];
        if (snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid()) >= (int)sizeof temporary)
                return complain(path, strerror(ENAMETOOLONG));
        int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return complain(temporary, strerror(errno));
        size_t done = 0;
        while (done < b->len) {
                ssize_t n = write(fd, b->data + done, b->len - done);
                if (n < 0 && errno != EINTR)
                        break;
                done += n > 0 ? (size_t)n : 0;
        }
        int error = done < b->len ? errno : 0;
        if (close(fd) < 0 && !error)
                error = errno;
        if (!error && rename(temporary, path) < 0)
                error = errno;
        if (error) {
                unlink(temporary);
                return complain(path, strerror(error));
        }
        return 0;
}

static int usage(FILE *f)
{
        fputs("usage: reeve metrics [CLASS ...] [--property A,B ...] [--filter WQL] [--query WQL] [--output "
              "FILE]\n"
              "                     [--format prometheus|openmetrics|json|discovery] [--timeout SECONDS]\n"
              "  without a class: those that the schema marks for monitoring\n"
              "  --node: node_exporter's names and labels, too\n"
              "  json: {\"Class\": [objects], \"Errors\": [...]}; discovery: Zabbix' low-level discovery of "
              "them\n"
              "  --output: into a file, replaced as a whole (node_exporter's textfile collector)\n",
              f);
        return f == stdout ? 0 : 2;
}

/* Given several times, they add up. */
static bool add_properties(struct want *w, const char *names)
{
        size_t n = strlen(w->names);
        int m = snprintf(w->names + n, sizeof w->names - n, "%s%s", n ? "," : "", names);
        w->properties = w->names;
        return m >= 0 && (size_t)m < sizeof w->names - n;
}

static bool option(struct want *w, int o)
{
        static const char *const formats[] = { "prometheus", "openmetrics", "json", "discovery" };
        switch (o) {
        case 'n': w->node = true; return true;
        case 'p': return add_properties(w, optarg);
        case 'f': w->filter = optarg; return true;
        case 'q': w->query = optarg; return true;
        case 'o': w->output = optarg; return true;
        case 't': return (w->timeout = strtod(optarg, NULL)) >= 0.001;
        case 'F':
                for (unsigned i = 0; i < 4; i++)
                        if (strcasecmp(formats[i], optarg) == 0) {
                                w->format = (enum format)i;
                                return true;
                        }
                return false;
        default: return false;
        }
}

int sh_metrics_main(int argc, char **argv)
{
        static const struct option known[] = { { "property", 1, 0, 'p' }, { "filter", 1, 0, 'f' },
                                               { "query", 1, 0, 'q' },    { "output", 1, 0, 'o' },
                                               { "format", 1, 0, 'F' },   { "timeout", 1, 0, 't' },
                                               { "help", 0, 0, 'h' },     { "node", 0, 0, 'n' },     { 0 } };
        struct want w = { .timeout = 10, .link = { .log = -1 } };
        optind = 0;
        for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
                if (o == 'h')
                        return usage(stdout);
                if (!option(&w, o))
                        return usage(stderr);
        }
        for (; optind < argc; optind++) {
                if (w.nclasses == MOST_CLASSES)
                        return usage(stderr);
                w.classes[w.nclasses++] = argv[optind];
        }
        if (w.format >= JSON && (!w.nclasses || w.query))
                return complain("json and discovery need classes", NULL);
        struct rv_buf out = { 0 };
        int r = w.format >= JSON ? json_of(&w, &out) : text(&w, &out);
        if (r == 0 && w.output)
                r = put_file(w.output, &out);
        else if (r == 0)
                r = fwrite(out.data, 1, out.len, stdout) < out.len || fflush(stdout) != 0;
        rv_buf_free(&out);
        sh_link_close(&w.link);
        return r;
}
