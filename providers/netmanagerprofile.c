/* SPDX-License-Identifier: MIT
 *
 * NetManagerProfile: what NetworkManager keeps of an interface, by nmcli, whose terse form of a setting it takes back
 * as it gave it. So a change of a profile can be put back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/NetManagerProfile.h"
#include "providers/lib/fill.h"
#include "providers/lib/tool.h"

#define NAMES "connection.uuid,connection.id,connection.interface-name"
#define SETTINGS \
        "connection.autoconnect,802-3-ethernet.mtu,802-3-ethernet.cloned-mac-address,ipv4.method,ipv4." \
        "addresses," \
        "ipv4.gateway,ipv4.routes,ipv4.dns,ipv4.dns-search,ipv6.method,ipv6.addresses,ipv6.gateway,ipv6." \
        "routes," \
        "ipv6.dns,ipv6.dns-search"
enum { PROFILES = 500, LINES = 20, OUTPUT = 4 << 20 };

static int ask(const char *const *argv, uint64_t deadline, struct rv_tool_said *said, struct rv_error *err)
{
        struct rv_tool tool = {
                .argv = argv, .what = "read NetworkManager's profiles", .deadline = deadline, .most = OUTPUT
        };
        int e = rv_tool_run(&tool, said, err);
        if (e == RV_OK && said->status) {
                e = rv_tool_fail(err, RV_UNAVAILABLE, &tool, said);
                rv_tool_free(said);
        }
        return e;
}

/* The value of a line "NAME:VALUE"; NULL: it is another one's. */
static const char *of(const char *line, const char *name)
{
        size_t n = strlen(name);
        return strncmp(line, name, n) == 0 && line[n] == ':' ? line + n + 1 : NULL;
}

static int emit(struct rv_sink *out, const char *uuid, const char *id, const char *interface,
                const char *content)
{
        struct rv_row *row = rv_row(out);
        rv_fill(row, NetManagerProfile_Uuid, uuid);
        rv_fill(row, NetManagerProfile_Name, id);
        rv_fill(row, NetManagerProfile_InterfaceAlias, interface);
        rv_fill(row, NetManagerProfile_Content, content);
        return rv_emit(out, row);
}

/* One profile after the other, each beginning with its uuid. */
static int emit_all(struct rv_sink *out, char *text)
{
        const char *uuid = NULL, *id = NULL, *interface = NULL, *v;
        char content[16384] = "";
        size_t n = 0;
        int e = RV_OK;
        for (char *rest = text, *line; e == RV_OK && (line = strsep(&rest, "\n"));) {
                if ((v = of(line, "connection.uuid"))) {
                        if (uuid)
                                e = emit(out, uuid, id, interface, content);
                        uuid = v;
                        id = interface = NULL;
                        content[n = 0] = 0;
                } else if ((v = of(line, "connection.id")))
                        id = v;
                else if ((v = of(line, "connection.interface-name")))
                        interface = v;
                else if (*line && n + strlen(line) + 2 < sizeof content)
                        n += (size_t)snprintf(content + n, sizeof content - n, "%s\n", line);
        }
        return e == RV_OK && uuid ? emit(out, uuid, id, interface, content) : e;
}

static int profile_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const char *argv[PROFILES + 16] = { "nmcli", "-g", "UUID", "connection", "show", NULL };
        struct rv_tool_said list, said;
        size_t n = 0;
        if (access("/run/NetworkManager", F_OK) != 0 || !rv_tool_there("nmcli"))
                return RV_OK;
        if (ask(argv, q->deadline, &list, err) != RV_OK) { /* it does not run */
                *err = (struct rv_error) { 0 };
                return RV_OK;
        }
        static const char *const begin[] = { "nmcli",      "-e",  "no", "-t", "-f", NAMES "," SETTINGS,
                                             "connection", "show" };
        for (; n < sizeof begin / sizeof *begin; n++)
                argv[n] = begin[n];
        const size_t none = n;
        for (char *rest = list.text, *line; n < PROFILES && (line = strsep(&rest, "\n"));)
                if (*line)
                        argv[n++] = line;
        argv[n] = NULL;
        int e = n == none ? RV_OK : ask(argv, q->deadline, &said, err);
        if (e == RV_OK && n > none) {
                e = emit_all(out, said.text);
                rv_tool_free(&said);
        }
        rv_tool_free(&list);
        return e == RV_STOP ? RV_OK : e;
}

/* Whether it is one of those that are told. */
static bool known(const char *name, size_t n)
{
        for (const char *s = SETTINGS; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
                if (strcspn(s, ",") == n && strncmp(s, name, n) == 0)
                        return true;
        return false;
}

static int profile_write(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetManagerProfile_Write_in *in = args;
        const struct rv_arg *key = &c->key[NetManagerProfile_Uuid];
        const char *argv[2 * LINES + 8] = { "nmcli", "connection", "modify" };
        char *copy = rv_arena_text(c->arena, in->Content, in->Content_len);
        size_t n = 4;
        if (key->type != RV_STRING || strspn(key->s, "0123456789abcdef-") != key->len || !key->len)
                return rv_fail(err, RV_INVALID_PARAMETER, "a profile is named by its Uuid");
        rv_about(err, NULL, key->s, NULL);
        argv[3] = key->s;
        for (char *rest = copy, *line; rest && (line = strsep(&rest, "\n"));) {
                size_t name = strcspn(line, ":");
                if (!*line)
                        continue;
                if (!line[name] || !known(line, name) || n > 2 * LINES) {
                        rv_about(err, NULL, NULL, "Content");
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no setting that Content has",
                                       line);
                }
                line[name] = 0;
                argv[n++] = line;
                argv[n++] = line + name + 1;
        }
        rv_change(c, "Content", NULL, in->Content);
        struct rv_tool tool = { .argv = argv,
                                .what = "put NetworkManager's profile back",
                                .deadline = c->deadline };
        int e = n == 4 ? RV_OK : rv_tool_do(&tool, c->what_if, err);
        if (e == RV_OK)
                NetManagerProfile_Write_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[NetManagerProfile_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetManagerProfile_method_Write] = profile_write
};

static const struct rv_provider netmanagerprofile = { .class = &NetManagerProfile_class,
                                                      .query = profile_query,
                                                      .methods = methods };

RV_PROVIDERS(netmanagerprofile, &netmanagerprofile);
