/* SPDX-License-Identifier: MIT
 *
 * The host's settings: Get-TimeZone, Get-Culture, Get-UICulture, Get-Host, Set-Date.
 */
#include "shell/culture.h"
#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/zone.h"

#include <errno.h>
#include <strings.h>
#include <time.h>

static int emit_owned(struct sh_cmd *c, struct sv v)
{
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

/* ---- Get-TimeZone ---- */
static int zone_matching(struct sh_cmd *c, const char *property, const char *pattern, bool *found)
{
        struct sh *sh = sh_session(c);
        struct sv all = sh_zone_all(), text;
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && i < all.a->n; i++) {
                st = sh_get(sh, all.a->v[i], property, strlen(property), &text);
                if (st != SH_OK)
                        break;
                if (sh_wildcard(pattern, strlen(pattern), text.s->s, text.s->len, false)) {
                        *found = true;
                        st = sh_emit(c, all.a->v[i]);
                }
                sh_drop(text);
        }
        sh_drop(all);
        return st;
}
static int zone_list(struct sh_cmd *c, const char *param, const char *property, const char *id)
{
        struct sv list = sh_arg(c, param), item;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next(list, &pos, &item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                bool found = false;
                if (!strcmp(property, "Id") && sh_zone_exists(t.s->s)) {
                        found = true;
                        st = emit_owned(c, sh_zone_new(t.s->s));
                } else {
                        st = zone_matching(c, property, t.s->s, &found);
                }
                if (st == SH_OK && !found)
                        st = sh_cmd_error(c, id, "ObjectNotFound", item,
                                          "The time zone ID '%s' was not found on the local computer.",
                                          t.s->s);
                sh_drop(t);
                sh_drop(item);
        }
        return st;
}
static int zone_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        if (sh_switch(c, "ListAvailable")) {
                struct sv all = sh_zone_all();
                int st = sh_emit_unrolled(c, all);
                sh_drop(all);
                return st;
        }
        if (sh_bound(c, "Id"))
                return zone_list(c, "Id", "Id", "TimeZoneNotFound");
        if (sh_bound(c, "Name"))
                return zone_list(c, "Name", "StandardName", "TimeZoneNotFound");
        return emit_owned(c, sh_zone_local());
}
static const struct sh_cmdlet get_timezone = {
        .name = "Get-TimeZone",
        .alias = (const char *[]) { "gtz", NULL },
        .synopsis = "Shows the local time zone, or zones by name.",
        .default_set = "Name",
        .process = zone_process,
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "string[]", .position = 1, .sets = "Name", .from_pipeline = true,
                          .from_property = true, .wildcard = true,
                          .help = "Zones whose standard name fits." },
                        { "Id", .type = "string[]", .sets = "Id", .mandatory = true, .from_property = true,
                          .help = "Zones by their names in the zone database: Europe/Berlin." },
                        { "ListAvailable", .type = "switch", .sets = "ListAvailable", .help = "All zones." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) { { "(Get-TimeZone -Id Europe/Berlin).BaseUtcOffset.TotalHours",
                                                "1", "A zone by name." },
                                              { "(Get-TimeZone -ListAvailable).Count -gt 100", "True",
                                                "Every zone that the host knows." },
                                              { 0 } },
};

/* ---- Get-Culture, Get-UICulture ---- */
static int culture_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv names = sh_arg(c, "Name"), t;
        size_t pos = 0;
        int st = SH_OK;
        if (sh_switch(c, "ListAvailable")) {
                struct sv all;
                st = sh_call_static(sh_session(c), sh_type_find(sh_session(c), "cultureinfo", 11),
                                    "GetCultures", 11, (struct sh_args) { 0 }, &all);
                if (st == SH_OK) {
                        st = sh_emit_unrolled(c, all);
                        sh_drop(all);
                }
                return st;
        }
        if (sh_is_null(names))
                return emit_owned(c, sh_culture_current());
        while (st == SH_OK && sh_next_text(c, names, &pos, &t)) {
                st = emit_owned(c, sh_culture_new(t.s->s));
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet get_culture = {
        .name = "Get-Culture",
        .synopsis = "Shows the session's culture, by LC_ALL and LANG.",
        .default_set = "CurrentCulture",
        .process = culture_process,
        .params = (const struct sh_param[]) { { "Name", .type = "string[]", .position = 1, .sets = "Name",
                                                .from_pipeline = true, .help = "A culture by name: de-DE." },
                                              { "NoUserOverrides", .type = "switch",
                                                .help = "Accepted, has no effect." },
                                              { "ListAvailable", .type = "switch", .sets = "ListAvailable",
                                                .help = "The cultures known here." },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-Culture -Name de-DE).DisplayName",
                                                    "German (Germany)", "A culture by name." },
                                                  { "(Get-Culture).TextInfo.ToTitleCase('one two')",
                                                    "One Two", "What hangs on a culture." },
                                                  { 0 } },
};
static int uiculture_end(struct sh_cmd *c)
{
        return emit_owned(c, sh_culture_current());
}
static const struct sh_cmdlet get_uiculture = {
        .name = "Get-UICulture",
        .synopsis = "Shows the culture of messages.",
        .end = uiculture_end,
        .params = (const struct sh_param[]) { { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Get-UICulture).GetType().Name", "CultureInfo", "An object of .NET's type." },
                        { "(Get-UICulture).Name -eq (Get-Culture).Name", "True", "Both follow LANG." },
                        { 0 } },
};

/* ---- Get-Host ---- */
static int host_end(struct sh_cmd *c)
{
        struct sv v;
        return sh_var_get(sh_session(c), "Host", &v) ? emit_owned(c, v) : SH_OK;
}
static const struct sh_cmdlet get_host = {
        .name = "Get-Host",
        .synopsis = "Shows the program that hosts the session: $Host.",
        .end = host_end,
        .params = (const struct sh_param[]) { { 0 } },
        .examples = (const struct sh_example[]) { { "(Get-Host).Name.Length -gt 0", "True", "Its name." },
                                                  { "(Get-Host).Version -ge [version]'1.0'", "True",
                                                    "Its version, as $Host has it." },
                                                  { 0 } },
};

/* ---- Set-Date ---- */
static int date_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv d = sh_arg(c, "Date"), span = sh_arg(c, "Adjust");
        struct sh_buf b = { 0 };
        bool go;
        if (sh_bound(c, "Adjust"))
                d = sh_date(sh_datetime_now().i + span.i, SH_DATE_LOCAL);
        if (d.aux == SH_DATE_UTC)
                d = sh_datetime_local(d);
        sh_datetime_text(&b, d, NULL, 0);
        struct sv text = sh_buf_take(&b);
        int st = sh_should_process(c, text.s->s, "Set-Date", &go);
        sh_drop(text);
        if (st != SH_OK || !go)
                return st;
        int64_t ns, s = sh_datetime_to_unix(d, &ns);
        if (clock_settime(CLOCK_REALTIME, &(struct timespec) { s, ns }) != 0)
                return sh_cmd_throw(
                        c, "SetDateNotPermitted", errno == EPERM ? "PermissionDenied" : "InvalidOperation", d,
                        "The clock cannot be set: %s. Setting it takes the right of root (CAP_SYS_TIME).",
                        strerror(errno));
        return sh_emit(c, d);
}
static const struct sh_cmdlet set_date = {
        .name = "Set-Date",
        .synopsis = "Sets the host's clock.",
        .default_set = "Date",
        .should_process = true,
        .process = date_process,
        .params =
                (const struct sh_param[]) {
                        { "Date", .type = "datetime", .position = 1, .mandatory = true, .sets = "Date",
                          .from_pipeline = true, .from_property = true, .help = "The new time." },
                        { "Adjust", .type = "timespan", .position = 1, .mandatory = true, .sets = "Adjust",
                          .help = "How much to add to the present time." },
                        { "DisplayHint", .type = "string", .values = "Date,Time,DateTime",
                          .help = "Accepted, has no effect." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Date -Date '2030-01-02 03:04:05' -WhatIf",
                          "What if: Performing the operation \"Set-Date\" on target \"01/02/2030 03:04:05\".",
                          "What would be done." },
                        { "Set-Date -Adjust ([timespan]'00:01')", NULL, "A minute ahead." },
                        { 0 } },
};

SH_CMDLETS(culture, &get_timezone, &get_culture, &get_uiculture, &get_host, &set_date);
