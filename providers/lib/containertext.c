/* SPDX-License-Identifier: MIT
 *
 * Texts of containers: see containertext.h.
 */
#include "providers/lib/containertext.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "providers/lib/engine.h"
#include "providers/lib/fill.h"
#include "schema/json.h"

void rv_lines_add(struct rv_lines *t, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(t->all + t->at, sizeof t->all - t->at, fmt, ap);
        va_end(ap);
        if (n >= 0 && t->at + (size_t)n + 2 < sizeof t->all) {
                t->at += (size_t)n;
                t->all[t->at++] = '\n';
        }
        t->all[t->at] = 0;
}

const char *rv_or_empty(const char *s)
{
        return s ? s : "";
}

bool rv_container_never_ran(json_t *doc)
{
        return strncmp(rv_or_empty(rv_j_text(doc, "State/FinishedAt")), "0001-", 5) == 0;
}

#define NS INT64_C(1000000000)

/* A length of time as docker ps words it. */
static void span(int64_t s, char *ret, size_t size)
{
        static const struct {
                int64_t below, unit;
                const char *name;
        } steps[] = { { 60, 1, "seconds" },
                      { 3600, 60, "minutes" },
                      { 48 * 3600, 3600, "hours" },
                      { 14 * 86400, 86400, "days" },
                      { 60 * 86400, 604800, "weeks" },
                      { 730 * 86400, 30 * 86400, "months" },
                      { INT64_MAX, 365 * 86400, "years" } };
        int64_t hours = (s + 1800) / 3600;
        unsigned i = 0;
        if (s < 1)
                snprintf(ret, size, "Less than a second");
        else if (s == 1)
                snprintf(ret, size, "1 second");
        else if (s >= 60 && s < 120)
                snprintf(ret, size, "About a minute");
        else if (s >= 3600 && hours == 1)
                snprintf(ret, size, "About an hour");
        else if (s >= 3600 && hours < 48)
                snprintf(ret, size, "%lld hours", (long long)hours);
        else {
                while (s >= steps[i].below)
                        i++;
                snprintf(ret, size, "%lld %s", (long long)(s / steps[i].unit), steps[i].name);
        }
}

/* Whole seconds of the exact difference, as docker counts: the difference of whole seconds may be one more. */
static void since(json_t *doc, const char *path, char *ret, size_t size)
{
        const char *s = rv_j_text(doc, path);
        int64_t ns = 0;
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        if (s && rv_datetime_parse(s, strlen(s), &ns))
                span(((int64_t)now.tv_sec * NS + now.tv_nsec - ns) / NS, ret, size);
        else
                snprintf(ret, size, "some time");
}

void rv_container_status(json_t *doc, char *ret, size_t size)
{
        const char *state = rv_or_empty(rv_j_text(doc, "State/Status")),
                   *health = rv_j_text(doc, "State/Health/Status");
        char up[48], words[32] = "";
        long long code = rv_j_number(doc, "State/ExitCode");
        bool ran = !rv_container_never_ran(doc);
        if (health && strcmp(health, "none") != 0)
                snprintf(words, sizeof words, strcmp(health, "starting") == 0 ? " (health: %s)" : " (%s)",
                         health);
        if (strcmp(state, "running") == 0 || strcmp(state, "paused") == 0) {
                since(doc, "State/StartedAt", up, sizeof up);
                snprintf(ret, size, "Up %s%s", up, *state == 'p' ? " (Paused)" : words);
        } else if (strcmp(state, "restarting") == 0) {
                since(doc, "State/FinishedAt", up, sizeof up);
                snprintf(ret, size, "Restarting (%lld) %s ago", code, up);
        } else if (strcmp(state, "exited") == 0 && ran) {
                since(doc, "State/FinishedAt", up, sizeof up);
                snprintf(ret, size, "Exited (%lld) %s ago", code, up);
        } else
                snprintf(ret, size, "%s",
                         strcmp(state, "removing") == 0  ? "Removal In Progress"
                         : strcmp(state, "dead") == 0    ? "Dead"
                         : strcmp(state, "created") == 0 ? "Created"
                                                         : state);
}

void rv_container_command(json_t *doc, struct rv_lines *t)
{
        json_t *one, *args = json_object_get(doc, "Args");
        size_t i;
        rv_lines_add(t, "%s", rv_or_empty(rv_j_text(doc, "Path")));
        json_array_foreach(args, i, one)
        {
                if (t->at)
                        t->all[--t->at] = ' ', t->at++;
                rv_lines_add(t, "%s", rv_or_empty(json_string_value(one)));
        }
        if (t->at)
                t->all[--t->at] = 0;
}

void rv_container_ports(json_t *doc, struct rv_lines *t)
{
        const char *port;
        json_t *bound, *one;
        size_t i;
        json_object_foreach(rv_j_at(doc, "NetworkSettings/Ports"), port, bound)
        {
                if (!json_array_size(bound))
                        rv_lines_add(t, "%s", port);
                json_array_foreach(bound, i, one)
                {
                        const char *ip = rv_or_empty(rv_j_text(one, "HostIp"));
                        bool six = strchr(ip, ':');
                        rv_lines_add(t, "%s%s%s:%s->%s", six ? "[" : "", ip, six ? "]" : "",
                            rv_or_empty(rv_j_text(one, "HostPort")), port);
                }
        }
}

void rv_container_bindings(json_t *doc, struct rv_lines *t)
{
        const char *port;
        json_t *bound, *one;
        size_t i;
        json_object_foreach(rv_j_at(doc, "HostConfig/PortBindings"), port, bound)
                json_array_foreach(bound, i, one)
        {
                const char *ip = rv_or_empty(rv_j_text(one, "HostIp"));
                rv_lines_add(t, "%s=%s%s%s", port, ip, *ip ? ":" : "", rv_or_empty(rv_j_text(one, "HostPort")));
        }
}

void rv_container_mounts(json_t *doc, struct rv_lines *t, struct rv_lines *volumes)
{
        json_t *one;
        size_t i;
        json_array_foreach(json_object_get(doc, "Mounts"), i, one)
        {
                const char *name = rv_j_text(one, "Name");
                rv_lines_add(t, "%s:%s:%s", name ? name : rv_or_empty(rv_j_text(one, "Source")),
                    rv_or_empty(rv_j_text(one, "Destination")), rv_j_true(one, "RW") ? "rw" : "ro");
                if (name)
                        rv_lines_add(volumes, "%s", name);
        }
}

void rv_container_devices(json_t *doc, struct rv_lines *t)
{
        json_t *one;
        size_t i;
        json_array_foreach(rv_j_at(doc, "HostConfig/Devices"), i, one)
                rv_lines_add(t, "%s:%s:%s", rv_or_empty(rv_j_text(one, "PathOnHost")),
                    rv_or_empty(rv_j_text(one, "PathInContainer")),
                    rv_or_empty(rv_j_text(one, "CgroupPermissions")));
}

void rv_lines_set(struct rv_row *row, unsigned property, const struct rv_lines *t)
{
        if (t->at)
                rv_fill_list(row, property, t->all, "\n");
        else
                rv_set_list(row, property, 0);
}

void rv_processes_list(struct rv_row *out, unsigned ids_property, unsigned commands_property, const char *text)
{
        uint32_t n = 0, i = 0;
        for (const char *p = text; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n'))
                n += *(p + strspn(p, " ")) >= '1' && *(p + strspn(p, " ")) <= '9';
        rv_list ids = rv_set_list(out, ids_property, n),
                commands = rv_set_list(out, commands_property, n);
        for (const char *p = text; *p && i < n; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n')) {
                char *rest;
                unsigned long pid = strtoul(p, &rest, 10);
                if (!pid)
                        continue;
                rest += strspn(rest, " ");
                rv_item_uint(out, ids, i, pid);
                rv_item_string(out, commands, i++, rest, strcspn(rest, "\n"));
        }
}
