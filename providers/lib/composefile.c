/* SPDX-License-Identifier: MIT
 *
 * Compose files: see composefile.h. One function per key of a service, in a table.
 */
#include "providers/lib/composefile.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/digest.h"
#include "providers/lib/composetext.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containertext.h"
#include "providers/lib/slurp.h"
#include "providers/lib/yaml.h"

struct file {
        struct rv_arena *arena;
        const char *path;
        char folder[4096];
        struct rv_yaml *root;
        json_t *variables, *out;
        struct rv_error *err;
};

/* A service that is being read. */
struct making {
        struct file *f;
        const char *name;
        struct rv_yaml *all;
        json_t *service, *body, *host, *endpoints, *depends;
};

static int wrong(struct file *f, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int wrong(struct file *f, int line, const char *fmt, ...)
{
        char what[400];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(what, sizeof what, fmt, ap);
        va_end(ap);
        rv_about(f->err, NULL, NULL, "Path");
        return rv_fail(f->err, RV_INVALID_PARAMETER, "%.200s, line %d: %s", f->path, line, what);
}

/* ---- values ---- */

/* A text with its variables replaced. */
static int text(struct file *f, const struct rv_yaml *y, const char **ret)
{
        char why[300];
        *ret = y && y->kind == RV_YAML_TEXT ? y->text : NULL;
        if (!*ret)
                return wrong(f, y ? y->line : 1, "a text is wanted here");
        if (!strchr(*ret, '$'))
                return RV_OK;
        char *s = rv_compose_expand(*ret, f->variables, why, sizeof why);
        *ret = s ? rv_arena_text(f->arena, s, strlen(s)) : NULL;
        free(s);
        return *ret ? RV_OK : *why ? wrong(f, y->line, "%s", why) : -ENOMEM;
}

static int flag(struct file *f, const struct rv_yaml *y, bool *ret)
{
        const char *s;
        int r = text(f, y, &s);
        if (r)
                return r;
        *ret = strcasecmp(s, "true") == 0;
        return *ret || strcasecmp(s, "false") == 0 ? RV_OK : wrong(f, y->line, "true or false, not %.60s", s);
}

static int number(struct file *f, const struct rv_yaml *y, int64_t most, int64_t *ret)
{
        const char *s;
        char *end;
        int r = text(f, y, &s);
        if (r)
                return r;
        *ret = strtoll(s, &end, 10);
        return end != s && !*end && *ret >= 0 && *ret <= most
                       ? RV_OK
                       : wrong(f, y->line, "a number up to %lld, not %.60s", (long long)most, s);
}

/* Texts of a list, or a text alone, as a JSON array. */
static int list(struct file *f, const struct rv_yaml *y, json_t **ret)
{
        const char *s;
        int r = RV_OK;
        *ret = json_array();
        if (y->kind == RV_YAML_MAP)
                return wrong(f, y->line, "a list is wanted here");
        if (y->kind == RV_YAML_TEXT) {
                r = text(f, y, &s);
                if (r == RV_OK)
                        json_array_append_new(*ret, json_string(s));
        }
        for (struct rv_yaml_item *i = y->kind == RV_YAML_LIST ? y->items : NULL; i && r == RV_OK;
             i = i->next) {
                r = text(f, i->value, &s);
                if (r == RV_OK)
                        json_array_append_new(*ret, json_string(s));
        }
        return r;
}

/* A map, or a list of NAME=VALUE, into an object of texts. What has no value is `bare`: NULL: the variable of that
 * name, and nothing where there is none. */
static int pairs(struct file *f, const struct rv_yaml *y, const char *bare, json_t *to)
{
        int r = RV_OK;
        if (y->kind == RV_YAML_TEXT)
                return rv_yaml_null(y) ? RV_OK : wrong(f, y->line, "a map or a list is wanted here");
        for (struct rv_yaml_item *i = y->items; i && r == RV_OK; i = i->next) {
                const char *s = NULL, *key = i->key, *value = NULL;
                if (!key || !rv_yaml_null(i->value))
                        r = text(f, i->value, &s);
                if (r)
                        break;
                if (key)
                        value = s;
                else {
                        size_t n = strcspn(s, "=");
                        value = s[n] ? s + n + 1 : NULL;
                        key = rv_arena_text(f->arena, s, n);
                }
                if (!key)
                        return -ENOMEM;
                if (!value)
                        value = bare ? bare : json_string_value(json_object_get(f->variables, key));
                if (value)
                        json_object_set_new(to, key, json_string(value));
        }
        return r;
}

/* Whether a map has these keys only (NULL at the end). */
static int only(struct file *f, const struct rv_yaml *y, const char *what, const char *const *keys)
{
        if (y->kind != RV_YAML_MAP)
                return rv_yaml_null(y) ? RV_OK : wrong(f, y->line, "%s: a map is wanted here", what);
        for (struct rv_yaml_item *i = y->items; i; i = i->next) {
                unsigned k = 0;
                while (keys[k] && strcmp(keys[k], i->key) != 0)
                        k++;
                if (!keys[k] && strncmp(i->key, "x-", 2) != 0)
                        return wrong(f, i->line, "%s: the key '%.60s' is not known here", what, i->key);
        }
        return RV_OK;
}

/* An array of texts as a method's argument has them. */
static struct rv_texts texts(struct file *f, json_t *array, const char *parameter)
{
        struct rv_texts t = { .n = (uint32_t)json_array_size(array), .parameter = parameter };
        struct rv_arg *v = rv_arena_get(f->arena, (t.n + 1) * sizeof *v);
        for (uint32_t i = 0; v && i < t.n; i++) {
                const char *s = json_string_value(json_array_get(array, i));
                v[i] = (struct rv_arg) { .type = RV_STRING, .len = (uint32_t)strlen(s) };
                v[i].s = rv_arena_text(f->arena, s, strlen(s));
        }
        t.v = v;
        t.n = v ? t.n : 0;
        return t;
}

/* ---- networks and volumes ---- */

/* One of the file's networks or volumes, put into the result at its first use. *ret_name: its name at the engine. */
static int resource(struct file *f, const char *kind, const char *key, int line, const char **ret_name)
{
        static const char *const known[] = { "name",   "external", "driver", "driver_opts",
                                             "labels", "internal", NULL };
        json_t *all = json_object_get(f->out, kind), *labels = json_object(), *options = json_object();
        const char *project = rv_j_text(f->out, "name"), *name = NULL, *driver = NULL;
        char made[600], what[200];
        bool external = false, internal = false;
        struct rv_yaml *group = rv_yaml_get(f->root, kind), *y = rv_yaml_get(group, key);
        *ret_name = rv_j_text(json_object_get(all, key), "Name");
        if (*ret_name)
                goto end;
        snprintf(what, sizeof what, "%s: %.100s", kind, key);
        int r = y || strcmp(key, "default") == 0
                        ? RV_OK
                        : wrong(f, line, "'%.100s' is not among the file's %s", key, kind);
        r = r || !y ? r : only(f, y, what, known);
        if (r == RV_OK && rv_yaml_get(y, "name"))
                r = text(f, rv_yaml_get(y, "name"), &name);
        if (r == RV_OK && rv_yaml_get(y, "driver"))
                r = text(f, rv_yaml_get(y, "driver"), &driver);
        if (r == RV_OK && rv_yaml_get(y, "external"))
                r = flag(f, rv_yaml_get(y, "external"), &external);
        if (r == RV_OK && rv_yaml_get(y, "internal"))
                r = flag(f, rv_yaml_get(y, "internal"), &internal);
        if (r == RV_OK && rv_yaml_get(y, "labels"))
                r = pairs(f, rv_yaml_get(y, "labels"), "", labels);
        if (r == RV_OK && rv_yaml_get(y, "driver_opts"))
                r = pairs(f, rv_yaml_get(y, "driver_opts"), "", options);
        if (r)
                goto fail;
        snprintf(made, sizeof made, "%.200s_%.200s", project, key);
        name = name ? name : external ? key : rv_arena_text(f->arena, made, strlen(made));
        json_object_set_new(labels, "com.docker.compose.project", json_string(project));
        json_object_set_new(labels, *kind == 'n' ? "com.docker.compose.network" : "com.docker.compose.volume",
                            json_string(key));
        json_t *create = json_pack("{s:s,s:O}", "Name", name, "Labels", labels);
        if (driver)
                json_object_set_new(create, "Driver", json_string(driver));
        if (internal)
                json_object_set_new(create, "Internal", json_true());
        if (json_object_size(options))
                json_object_set(create, *kind == 'n' ? "Options" : "DriverOpts", options);
        json_object_set_new(all, key,
                            json_pack("{s:s,s:b,s:o}", "Name", name, "external", external, "create", create));
        *ret_name = rv_j_text(json_object_get(all, key), "Name");
end:
        r = *ret_name ? RV_OK : -ENOMEM;
fail:
        json_decref(labels);
        json_decref(options);
        return r;
}

/* ---- keys of a service ---- */

typedef int key_fn(struct making *, const struct rv_yaml *, const char *member);

static int to_text(struct making *m, const struct rv_yaml *y, const char *member)
{
        const char *s;
        int r = text(m->f, y, &s);
        if (r == RV_OK)
                json_object_set_new(*member == '+' ? m->service : m->body, member + (*member == '+'),
                                    json_string(s));
        return r;
}
static int to_flag(struct making *m, const struct rv_yaml *y, const char *member)
{
        bool b = false;
        int r = flag(m->f, y, &b);
        if (r == RV_OK)
                json_object_set_new(*member == '@' ? m->host : m->body, member + (*member == '@'),
                                    json_boolean(b));
        return r;
}
static int to_host_list(struct making *m, const struct rv_yaml *y, const char *member)
{
        json_t *a;
        int r = list(m->f, y, &a);
        json_object_set_new(m->host, member, a);
        return r;
}
static int to_words(struct making *m, const struct rv_yaml *y, const char *member)
{
        const char *s;
        json_t *words = NULL;
        int r = RV_OK;
        if (rv_yaml_null(y))
                return RV_OK;
        if (y->kind == RV_YAML_LIST)
                r = list(m->f, y, &words);
        else if ((r = text(m->f, y, &s)) == RV_OK && !(words = rv_compose_words(s)))
                r = wrong(m->f, y->line, "a quote that is open");
        if (r == RV_OK)
                json_object_set(m->body, member, words);
        json_decref(words);
        return r;
}
static int to_labels(struct making *m, const struct rv_yaml *y, const char *member)
{
        (void)member;
        return pairs(m->f, y, "", json_object_get(m->body, "Labels"));
}
static int to_size(struct making *m, const struct rv_yaml *y, const char *member)
{
        const char *s;
        int64_t v;
        int r = text(m->f, y, &s);
        if (r == RV_OK && !rv_compose_size(s, &v))
                r = wrong(m->f, y->line, "a size is 512m or 1g, not %.60s", s);
        if (r == RV_OK)
                json_object_set_new(m->host, member, json_integer(v));
        return r;
}
static int to_cpus(struct making *m, const struct rv_yaml *y, const char *member)
{
        const char *s;
        char *end;
        int r = text(m->f, y, &s);
        double v = r ? 0 : strtod(s, &end);
        if (r == RV_OK && (end == s || *end || !(v > 0 && v < 10000)))
                r = wrong(m->f, y->line, "a number of processors is 0.5 or 2, not %.60s", s);
        if (r == RV_OK)
                json_object_set_new(m->host, member, json_integer((int64_t)(v * 1e9 + 0.5)));
        return r;
}
static int to_number(struct making *m, const struct rv_yaml *y, const char *member)
{
        int64_t v;
        int r = number(m->f, y, *member == '+' ? 1000 : 4194304, &v);
        if (r == RV_OK)
                json_object_set_new(*member == '+' ? m->service : m->host, member + (*member == '+'),
                                    json_integer(v));
        return r;
}
static int to_grace(struct making *m, const struct rv_yaml *y, const char *member)
{
        const char *s;
        int64_t ns;
        int r = text(m->f, y, &s);
        if (r == RV_OK && !rv_compose_duration(s, &ns))
                r = wrong(m->f, y->line, "a time is 1m30s or 500ms, not %.60s", s);
        if (r == RV_OK)
                json_object_set_new(m->body, member, json_integer((ns + 999999999) / 1000000000));
        return r;
}
static int to_restart(struct making *m, const struct rv_yaml *y, const char *member)
{
        const char *s;
        (void)member;
        int r = text(m->f, y, &s);
        return r ? r : rv_spec_restart(m->host, s, m->f->err);
}
static int to_network_mode(struct making *m, const struct rv_yaml *y, const char *member)
{
        const char *s;
        int r = text(m->f, y, &s);
        if (r == RV_OK && strcmp(s, "host") != 0 && strcmp(s, "none") != 0 && strcmp(s, "bridge") != 0)
                r = wrong(m->f, y->line, "network_mode is host, none or bridge here, not %.60s", s);
        if (r == RV_OK)
                json_object_set_new(m->host, member, json_string(s));
        return r;
}

static int to_health(struct making *m, const struct rv_yaml *y, const char *member)
{
        static const char *const known[] = { "test",         "interval", "timeout", "retries",
                                             "start_period", "disable",  NULL };
        static const char *const times[][2] = { { "interval", "Interval" },
                                                { "timeout", "Timeout" },
                                                { "start_period", "StartPeriod" } };
        struct file *f = m->f;
        struct rv_yaml *test = rv_yaml_get(y, "test"), *v;
        json_t *h = json_object(), *a;
        const char *s;
        bool off = false;
        int64_t n;
        json_object_set_new(m->body, member, h);
        int r = only(f, y, "healthcheck", known);
        if (r == RV_OK && (v = rv_yaml_get(y, "disable")))
                r = flag(f, v, &off);
        if (r == RV_OK && off)
                json_object_set_new(h, "Test", json_pack("[s]", "NONE"));
        else if (r == RV_OK && test && test->kind == RV_YAML_TEXT) {
                r = text(f, test, &s);
                json_object_set_new(h, "Test", json_pack("[s,s]", "CMD-SHELL", r ? "" : s));
        } else if (r == RV_OK && test) {
                r = list(f, test, &a);
                json_object_set_new(h, "Test", a);
        }
        for (unsigned i = 0; i < 3 && r == RV_OK; i++)
                if ((v = rv_yaml_get(y, times[i][0]))) {
                        r = text(f, v, &s);
                        if (r == RV_OK && !rv_compose_duration(s, &n))
                                r = wrong(f, v->line, "a time is 1m30s or 500ms, not %.60s", s);
                        json_object_set_new(h, times[i][1], json_integer(r ? 0 : n));
                }
        if (r == RV_OK && (v = rv_yaml_get(y, "retries"))) {
                r = number(f, v, 100000, &n);
                json_object_set_new(h, "Retries", json_integer(r ? 0 : n));
        }
        return r;
}

static int to_deploy(struct making *m, const struct rv_yaml *y, const char *member)
{
        static const char *const known[] = { "replicas", "resources", NULL },
                                 *const kinds[] = { "limits", NULL },
                                 *const limits[] = { "cpus", "memory", "pids", NULL };
        struct rv_yaml *v, *resources = rv_yaml_get(y, "resources"),
                           *limit = rv_yaml_get(resources, "limits");
        (void)member;
        int r = only(m->f, y, "deploy", known);
        if (r == RV_OK && (v = rv_yaml_get(y, "replicas")))
                r = to_number(m, v, "+scale");
        r = r || !resources ? r : only(m->f, resources, "deploy.resources", kinds);
        r = r || !limit ? r : only(m->f, limit, "deploy.resources.limits", limits);
        if (r == RV_OK && (v = rv_yaml_get(limit, "cpus")))
                r = to_cpus(m, v, "NanoCpus");
        if (r == RV_OK && (v = rv_yaml_get(limit, "memory")))
                r = to_size(m, v, "Memory");
        if (r == RV_OK && (v = rv_yaml_get(limit, "pids")))
                r = to_number(m, v, "PidsLimit");
        return r;
}

static int to_logging(struct making *m, const struct rv_yaml *y, const char *member)
{
        static const char *const known[] = { "driver", "options", NULL };
        struct rv_yaml *v;
        const char *s = "json-file";
        json_t *options = json_object();
        int r = only(m->f, y, "logging", known);
        if (r == RV_OK && (v = rv_yaml_get(y, "driver")))
                r = text(m->f, v, &s);
        if (r == RV_OK && (v = rv_yaml_get(y, "options")))
                r = pairs(m->f, v, "", options);
        json_object_set_new(m->host, member, json_pack("{s:s,s:o}", "Type", r ? "" : s, "Config", options));
        return r;
}

/* The long form becomes the short one. */
static int long_port(struct file *f, const struct rv_yaml *y, char *ret, size_t size)
{
        static const char *const known[] = { "target", "published", "host_ip", "protocol",
                                             "mode",   "name",      NULL };
        const char *part[4] = { "", "", "", "tcp" };
        int r = only(f, y, "ports", known);
        for (unsigned i = 0; i < 4 && r == RV_OK; i++)
                if (rv_yaml_get(y, known[i]))
                        r = text(f, rv_yaml_get(y, known[i]), &part[i]);
        const char *ip = part[2];
        bool six = strchr(ip, ':') && *ip != '[';
        snprintf(ret, size, "%s%.64s%s%s%.20s%s%.20s/%.8s", six ? "[" : "", ip, six ? "]" : "",
                 *ip ? ":" : "", part[1], *part[1] || *ip ? ":" : "", part[0], part[3]);
        return r;
}
static int to_ports(struct making *m, const struct rv_yaml *y, const char *member)
{
        json_t *all = json_array();
        const char *s;
        char port[200];
        int r = y->kind == RV_YAML_LIST ? RV_OK : wrong(m->f, y->line, "a list is wanted here");
        for (struct rv_yaml_item *i = y->items; i && r == RV_OK; i = i->next) {
                bool wide = i->value->kind == RV_YAML_MAP;
                r = wide ? long_port(m->f, i->value, port, sizeof port) : text(m->f, i->value, &s);
                if (r == RV_OK)
                        json_array_append_new(all, json_string(wide ? port : s));
        }
        if (r == RV_OK)
                r = rv_spec_ports(m->body, m->host, texts(m->f, all, member), m->f->err);
        json_decref(all);
        return r;
}
static int to_expose(struct making *m, const struct rv_yaml *y, const char *member)
{
        json_t *a, *one, *ports = json_object_get(m->body, member);
        size_t i;
        int r = list(m->f, y, &a);
        if (!ports)
                json_object_set_new(m->body, member, ports = json_object());
        json_array_foreach(a, i, one)
        {
                char port[32];
                const char *s = json_string_value(one);
                snprintf(port, sizeof port, "%.20s%s", s, strchr(s, '/') ? "" : "/tcp");
                json_object_set_new(ports, port, json_object());
        }
        json_decref(a);
        return r;
}

/* source: NULL: a nameless volume. */
static int one_volume(struct making *m, int line, const char *source, const char *target, const char *mode)
{
        char path[5000];
        const char *name = source;
        int r = *target == '/' ? RV_OK : wrong(m->f, line, "'%.100s' is no absolute path", target);
        if (r)
                return r;
        if (!source) {
                json_object_set_new(json_object_get(m->body, "Volumes"), target, json_object());
                return RV_OK;
        }
        if (*source == '~')
                return wrong(m->f, line, "~ is nobody's folder here; give the path");
        if (*source == '.') {
                while (strncmp(source, "./", 2) == 0)
                        source += 2;
                bool same = strcmp(source, ".") == 0 || !*source;
                snprintf(path, sizeof path, "%s%s%s", m->f->folder, same ? "" : "/", same ? "" : source);
                name = path;
        } else if (*source != '/' && (r = resource(m->f, "volumes", source, line, &name)))
                return r;
        json_array_append_new(json_object_get(m->host, "Binds"),
                              json_sprintf("%s:%s:%s", name, target, mode));
        return RV_OK;
}
static int long_volume(struct making *m, const struct rv_yaml *y)
{
        static const char *const known[] = { "type", "source", "target", "read_only", NULL };
        const char *part[3] = { "volume", NULL, "" };
        bool ro = false;
        int r = only(m->f, y, "volumes", known);
        for (unsigned i = 0; i < 3 && r == RV_OK; i++)
                if (rv_yaml_get(y, known[i]))
                        r = text(m->f, rv_yaml_get(y, known[i]), &part[i]);
        if (r == RV_OK && rv_yaml_get(y, "read_only"))
                r = flag(m->f, rv_yaml_get(y, "read_only"), &ro);
        if (r == RV_OK && strcmp(part[0], "volume") != 0 && strcmp(part[0], "bind") != 0)
                r = wrong(m->f, y->line, "a mount's type is volume or bind here, not %.60s", part[0]);
        bool path = part[1] && strchr("/.~", part[1][0]);
        if (r == RV_OK && path != (*part[0] == 'b'))
                r = wrong(m->f, y->line, "the source does not fit the type %s", part[0]);
        return r ? r : one_volume(m, y->line, part[1], part[2], ro ? "ro" : "rw");
}
static int to_volumes(struct making *m, const struct rv_yaml *y, const char *member)
{
        (void)member;
        int r = y->kind == RV_YAML_LIST ? RV_OK : wrong(m->f, y->line, "a list is wanted here");
        for (struct rv_yaml_item *i = y->items; i && r == RV_OK; i = i->next) {
                const char *s;
                char *target, *mode = NULL;
                if (i->value->kind == RV_YAML_MAP) {
                        r = long_volume(m, i->value);
                        continue;
                }
                if ((r = text(m->f, i->value, &s)))
                        break;
                char *copy = rv_arena_text(m->f->arena, s, strlen(s));
                if (!copy)
                        return -ENOMEM;
                target = strchr(copy, ':');
                if (target) {
                        *target++ = 0;
                        mode = strchr(target, ':');
                }
                if (mode)
                        *mode++ = 0;
                r = one_volume(m, i->line, target ? copy : NULL, target ? target : copy, mode ? mode : "rw");
        }
        return r;
}

static int one_network(struct making *m, const char *key, int line, const struct rv_yaml *y)
{
        static const char *const known[] = { "aliases", "ipv4_address", "ipv6_address", NULL };
        json_t *e = json_object(), *aliases = NULL, *ipam = json_object();
        const char *name = NULL, *s;
        int r = resource(m->f, "networks", key, line, &name);
        if (r == RV_OK && y)
                r = only(m->f, y, "networks", known);
        if (r == RV_OK && rv_yaml_get(y, "aliases"))
                r = list(m->f, rv_yaml_get(y, "aliases"), &aliases);
        for (unsigned i = 1; i < 3 && r == RV_OK; i++)
                if (rv_yaml_get(y, known[i]) && (r = text(m->f, rv_yaml_get(y, known[i]), &s)) == RV_OK)
                        json_object_set_new(ipam, i == 1 ? "IPv4Address" : "IPv6Address", json_string(s));
        if (!aliases)
                aliases = json_array();
        json_array_append_new(aliases, json_string(m->name));
        json_object_set_new(e, "Aliases", aliases);
        if (json_object_size(ipam))
                json_object_set(e, "IPAMConfig", ipam);
        json_decref(ipam);
        if (r == RV_OK && !json_object_size(m->endpoints))
                json_object_set_new(m->host, "NetworkMode", json_string(name));
        if (r == RV_OK)
                json_object_set(m->endpoints, name, e);
        json_decref(e);
        return r;
}
static int to_networks(struct making *m, const struct rv_yaml *y, const char *member)
{
        (void)member;
        int r = y->kind == RV_YAML_TEXT ? wrong(m->f, y->line, "a list or a map is wanted here") : RV_OK;
        for (struct rv_yaml_item *i = y->items; i && r == RV_OK; i = i->next) {
                const char *key = i->key;
                if (!key)
                        r = text(m->f, i->value, &key);
                if (r == RV_OK)
                        r = one_network(m, key, i->line, i->key && !rv_yaml_null(i->value) ? i->value : NULL);
        }
        return r;
}

static int to_depends(struct making *m, const struct rv_yaml *y, const char *member)
{
        static const char *const known[] = { "condition", NULL }, *const conditions[] = {
                "service_started", "service_healthy", "service_completed_successfully"
        };
        (void)member;
        int r = y->kind == RV_YAML_TEXT ? wrong(m->f, y->line, "a list or a map is wanted here") : RV_OK;
        for (struct rv_yaml_item *i = y->items; i && r == RV_OK; i = i->next) {
                const char *key = i->key, *condition = conditions[0];
                if (!key)
                        r = text(m->f, i->value, &key);
                else if ((r = only(m->f, i->value, "depends_on", known)) == RV_OK &&
                         rv_yaml_get(i->value, "condition"))
                        r = text(m->f, rv_yaml_get(i->value, "condition"), &condition);
                if (r == RV_OK && !rv_yaml_get(rv_yaml_get(m->f->root, "services"), key))
                        r = wrong(m->f, i->line, "there is no service '%.60s'", key);
                unsigned k = 0;
                while (k < 3 && strcmp(conditions[k], condition) != 0)
                        k++;
                if (r == RV_OK && k == 3)
                        r = wrong(m->f, i->line, "there is no condition '%.60s'", condition);
                if (r == RV_OK)
                        json_object_set_new(m->depends, key, json_string(condition));
        }
        return r;
}

static int to_nothing(struct making *m, const struct rv_yaml *y, const char *member)
{
        (void)m, (void)y, (void)member;
        return RV_OK; /* read by finish() */
}

static const struct {
        const char *key;
        key_fn *fn;
        const char *member; /* + the service's, @ HostConfig's */
} keys[] = {
        { "image", to_text, "Image" },
        { "command", to_words, "Cmd" },
        { "entrypoint", to_words, "Entrypoint" },
        { "environment", to_nothing, NULL },
        { "env_file", to_nothing, NULL },
        { "ports", to_ports, "ports" },
        { "expose", to_expose, "ExposedPorts" },
        { "volumes", to_volumes, NULL },
        { "networks", to_networks, NULL },
        { "network_mode", to_network_mode, "NetworkMode" },
        { "depends_on", to_depends, NULL },
        { "restart", to_restart, NULL },
        { "labels", to_labels, NULL },
        { "user", to_text, "User" },
        { "working_dir", to_text, "WorkingDir" },
        { "hostname", to_text, "Hostname" },
        { "container_name", to_text, "+container_name" },
        { "healthcheck", to_health, "Healthcheck" },
        { "deploy", to_deploy, NULL },
        { "scale", to_number, "+scale" },
        { "mem_limit", to_size, "Memory" },
        { "cpus", to_cpus, "NanoCpus" },
        { "pids_limit", to_number, "PidsLimit" },
        { "init", to_flag, "@Init" },
        { "read_only", to_flag, "@ReadonlyRootfs" },
        { "privileged", to_flag, "@Privileged" },
        { "tty", to_flag, "Tty" },
        { "stdin_open", to_flag, "OpenStdin" },
        { "cap_add", to_host_list, "CapAdd" },
        { "cap_drop", to_host_list, "CapDrop" },
        { "security_opt", to_host_list, "SecurityOpt" },
        { "dns", to_host_list, "Dns" },
        { "extra_hosts", to_host_list, "ExtraHosts" },
        { "logging", to_logging, "LogConfig" },
        { "stop_signal", to_text, "StopSignal" },
        { "stop_grace_period", to_grace, "StopTimeout" },
};

/* ---- services ---- */

/* Variables of env_file, the last file first, behind those of environment. */
static int environment(struct making *m)
{
        struct file *f = m->f;
        struct rv_yaml *own = rv_yaml_get(m->all, "environment"), *files = rv_yaml_get(m->all, "env_file");
        json_t *env = json_object(), *names = NULL, *out = json_array(), *v;
        const char *key;
        int r = own ? pairs(f, own, NULL, env) : RV_OK;
        r = r || !files ? r : list(f, files, &names);
        for (size_t i = json_array_size(names); i-- > 0 && r == RV_OK;) {
                const char *name = json_string_value(json_array_get(names, i));
                char path[8192];
                size_t n;
                snprintf(path, sizeof path, "%s%s%s", *name == '/' ? "" : f->folder, *name == '/' ? "" : "/",
                         name);
                char *s = rv_slurp(path, 1 << 20, &n);
                if (!s)
                        r = wrong(f, files->line, "cannot read the file %.200s", path);
                else
                        rv_compose_dotenv(s, env);
                free(s);
        }
        json_object_foreach(env, key, v)
                json_array_append_new(out, json_sprintf("%s=%s", key, json_string_value(v)));
        if (json_array_size(out))
                json_object_set(m->body, "Env", out);
        json_decref(out);
        json_decref(env);
        json_decref(names);
        return r;
}

static void label_it(struct making *m)
{
        json_t *labels = json_object_get(m->body, "Labels"), *v;
        const char *key;
        char depends[4096] = "";
        size_t at = 0;
        json_object_foreach(m->depends, key, v) if (at < sizeof depends) at += (size_t)snprintf(
                depends + at, sizeof depends - at, "%s%s:%s:false", at ? "," : "", key, json_string_value(v));
        json_object_set_new(labels, "com.docker.compose.project", json_string(rv_j_text(m->f->out, "name")));
        json_object_set_new(labels, "com.docker.compose.service", json_string(m->name));
        json_object_set_new(labels, "com.docker.compose.oneoff", json_string("False"));
        json_object_set_new(labels, "com.docker.compose.project.working_dir", json_string(m->f->folder));
        json_object_set_new(labels, "com.docker.compose.project.config_files", json_string(m->f->path));
        json_object_set_new(labels, "com.docker.compose.depends_on", json_string(depends));
}

/* What belongs together and what is left to add. */
static int finish(struct making *m)
{
        bool scaled = json_object_get(m->service, "scale");
        json_int_t scale = json_integer_value(json_object_get(m->service, "scale"));
        char hash[65];
        int r = RV_OK;
        if (!rv_j_text(m->body, "Image"))
                return wrong(m->f, m->all->line, "the service '%.60s' has no image", m->name);
        if (scale > 1 && rv_j_text(m->service, "container_name"))
                return wrong(m->f, m->all->line,
                             "the service '%.60s' has a container_name, so it can be there once only",
                             m->name);
        if (rv_yaml_get(m->all, "network_mode") && rv_yaml_get(m->all, "networks"))
                return wrong(m->f, m->all->line, "the service '%.60s' has networks and network_mode",
                             m->name);
        if (!rv_yaml_get(m->all, "network_mode") && !json_object_size(m->endpoints))
                r = one_network(m, "default", m->all->line, NULL);
        r = r ? r : environment(m);
        if (r)
                return r;
        label_it(m);
        json_object_del(m->service, "scale"); /* how many is no part of what one is */
        char *dump = json_dumps(m->service, JSON_SORT_KEYS | JSON_COMPACT);
        json_object_set_new(m->service, "scale", json_integer(scaled ? scale : 1));
        if (!dump)
                return -ENOMEM;
        rv_sha256_hex(&(struct rv_piece) { dump, strlen(dump) }, 1, hash);
        free(dump);
        json_object_set_new(m->service, "hash", json_string(hash));
        json_object_set_new(json_object_get(m->body, "Labels"), "com.docker.compose.config-hash",
                            json_string(hash));
        return RV_OK;
}

static int service(struct file *f, const char *name, struct rv_yaml *y, json_t **ret)
{
        struct making m = { .f = f, .name = name, .all = y };
        *ret = json_pack("{s:s,s:{s:{},s:{},s:{s:[]}},s:{},s:{}}", "name", name, "body", "Labels", "Volumes",
                         "HostConfig", "Binds", "endpoints", "depends");
        if (!*ret)
                return -ENOMEM;
        m.service = *ret;
        m.body = json_object_get(*ret, "body");
        m.host = json_object_get(m.body, "HostConfig");
        m.endpoints = json_object_get(*ret, "endpoints");
        m.depends = json_object_get(*ret, "depends");
        if (y->kind != RV_YAML_MAP)
                return wrong(f, y->line, "the service '%.60s' is no map", name);
        for (struct rv_yaml_item *i = y->items; i; i = i->next) {
                unsigned k = 0;
                while (k < sizeof keys / sizeof *keys && strcmp(keys[k].key, i->key) != 0)
                        k++;
                if (k == sizeof keys / sizeof *keys && strncmp(i->key, "x-", 2) == 0)
                        continue;
                if (k == sizeof keys / sizeof *keys)
                        return wrong(f, i->line, "the service '%.60s': the key '%.60s' is not known here",
                                     name, i->key);
                int r = keys[k].fn(&m, i->value, keys[k].member);
                if (r)
                        return r;
        }
        return finish(&m);
}

/* Takes those whose dependencies are all taken, as long as there are any. */
static int order(struct file *f, json_t *services)
{
        json_t *sorted = json_array(), *one, *v, *taken = json_object();
        const char *key;
        size_t i, before;
        do {
                before = json_array_size(sorted);
                json_array_foreach(services, i, one)
                {
                        bool ready = !json_object_get(taken, rv_j_text(one, "name"));
                        json_object_foreach(json_object_get(one, "depends"), key, v) ready =
                                ready && json_object_get(taken, key);
                        if (ready) {
                                json_object_set_new(taken, rv_j_text(one, "name"), json_true());
                                json_array_append(sorted, one);
                        }
                }
        } while (json_array_size(sorted) > before);
        bool all = json_array_size(sorted) == json_array_size(services);
        json_object_set_new(f->out, "services", sorted);
        json_decref(taken);
        return all ? RV_OK : wrong(f, 1, "services depend on each other in a circle");
}

/* ---- the file ---- */

static int project_name(struct file *f, const char *given)
{
        char name[128];
        const char *s = given, *slash = strrchr(f->folder, '/');
        size_t n = 0;
        int r = RV_OK;
        if (!s && rv_yaml_get(f->root, "name") && (r = text(f, rv_yaml_get(f->root, "name"), &s)))
                return r;
        bool folder = !s;
        for (s = s ? s : slash ? slash + 1 : ""; *s; s++)
                if (n + 1 < sizeof name &&
                    (islower((unsigned char)*s) || isdigit((unsigned char)*s) || (n && strchr("_-", *s)) ||
                     (folder && isupper((unsigned char)*s))))
                        name[n++] = (char)tolower((unsigned char)*s);
                else if (!folder)
                        return wrong(
                                f, 1,
                                "a project's name has small letters, digits, - and _ (not at its beginning)");
        name[n] = 0;
        if (!n)
                return wrong(f, 1, "the project has no name: give one, here or as ProjectName");
        json_object_set_new(f->out, "name", json_string(name));
        return RV_OK;
}

static int read_all(struct file *f, const char *given)
{
        static const char *const known[] = { "version", "name", "services", "networks", "volumes", NULL };
        json_t *services = json_array(), *one;
        struct rv_yaml *all = rv_yaml_get(f->root, "services");
        int r = only(f, f->root, "the file", known);
        r = r ? r : project_name(f, given);
        if (r == RV_OK && (!all || all->kind != RV_YAML_MAP))
                r = wrong(f, 1, "there are no services");
        for (struct rv_yaml_item *i = r ? NULL : all->items; i && r == RV_OK; i = i->next) {
                one = NULL;
                r = service(f, i->key, i->value, &one);
                json_array_append_new(services, one ? one : json_null());
        }
        r = r ? r : order(f, services);
        json_decref(services);
        return r;
}

int rv_composefile_read(struct rv_call *c, const char *path, const char *name, const struct rv_arg *variables,
                        uint32_t nvariables, json_t **ret, struct rv_error *err)
{
        struct file f = { .arena = c->arena, .path = path, .err = err };
        char dotenv[4200];
        size_t n;
        const char *slash = strrchr(path, '/');
        rv_about(err, NULL, path, "Path");
        if (*path != '/' || strlen(path) >= sizeof f.folder)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a Compose file is named by its absolute path, not %.100s", path);
        snprintf(f.folder, sizeof f.folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
        char *s = rv_slurp(path, 1 << 20, &n);
        if (!s)
                return rv_fail_errno(err, errno, "cannot read the Compose file %.200s", path);
        f.variables = json_object();
        f.out = json_pack("{s:{},s:{}}", "networks", "volumes");
        for (uint32_t i = 0; i < nvariables; i++)
                rv_compose_dotenv(variables[i].s, f.variables);
        snprintf(dotenv, sizeof dotenv, "%s/.env", f.folder);
        char *env = rv_slurp(dotenv, 1 << 20, &(size_t) { 0 });
        rv_compose_dotenv(rv_or_empty(env), f.variables);
        free(env);
        int r = rv_yaml_read(f.arena, path, s, n, &f.root, err);
        free(s);
        r = r ? r : read_all(&f, name);
        json_decref(f.variables);
        if (r)
                json_decref(f.out);
        else
                *ret = f.out;
        return r;
}
