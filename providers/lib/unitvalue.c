/* SPDX-License-Identifier: MIT
 *
 * D-Bus values as the model of units keeps them: see units.h for what each kind of reading makes of them. A value that
 * was there is given up; one of a type that is not expected leaves null.
 */
#include "providers/lib/unitvalue.h"

#include "providers/lib/systemd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void value_text(struct rv_unit_value *v, const char *text)
{
        free(v->type == RV_UT_TEXT || v->type == RV_UT_LIST ? v->text : NULL);
        *v = (struct rv_unit_value) { .type = RV_UT_TEXT, .text = text && *text ? strdup(text) : NULL };
        v->set = v->text;
}

/* pairs: of a(ss) the first; both: of a(ss) "second (first)". */
static int read_list(sd_bus_message *m, struct rv_unit_value *v, bool pairs, bool both)
{
        char joined[512];
        char *all = NULL;
        size_t n = 0, cap = 0;
        uint32_t items = 0;
        const char *text, *second;
        int r = sd_bus_message_enter_container(m, 'a', pairs ? "(ss)" : "s");
        while (r > 0 && (r = pairs ? sd_bus_message_read(m, "(ss)", &text, &second)
                                   : sd_bus_message_read(m, "s", &text)) > 0) {
                if (both) {
                        snprintf(joined, sizeof joined, "%s (%s)", second, text);
                        text = joined;
                }
                size_t len = strlen(text) + 1;
                if (n + len > cap) {
                        cap = (n + len) * 2;
                        char *more = realloc(all, cap);
                        if (!more)
                                break;
                        all = more;
                }
                memcpy(all + n, text, len);
                n += len;
                items++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        free(v->type == RV_UT_TEXT || v->type == RV_UT_LIST ? v->text : NULL);
        *v = (struct rv_unit_value) { .type = RV_UT_LIST, .set = true, .n = items, .text = all };
        return r;
}

/* a(sasbttttuii): the first command's arguments, joined by blanks. */
static int read_exec(sd_bus_message *m, struct rv_unit_value *v)
{
        char line[4096] = "";
        bool first = true;
        int r = sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");
        while (r > 0 && (r = sd_bus_message_enter_container(m, 'r', "sasbttttuii")) > 0) {
                const char *path, *arg;
                r = sd_bus_message_read(m, "s", &path);
                if (r >= 0)
                        r = sd_bus_message_enter_container(m, 'a', "s");
                while (r > 0 && (r = sd_bus_message_read(m, "s", &arg)) > 0)
                        if (first && strlen(line) + strlen(arg) + 2 < sizeof line) {
                                if (line[0])
                                        strcat(line, " ");
                                strcat(line, arg);
                        }
                first = false;
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r >= 0)
                        r = sd_bus_message_skip(m, "bttttuii");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        break;
                r = 1;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        value_text(v, line);
        return r;
}

/* a(sst): base, calendar, next time; a(stt): base ("OnBootUSec"), microseconds, next time. */
static int read_timers(sd_bus_message *m, struct rv_unit_value *v, bool calendar)
{
        char all[4096], item[512];
        size_t n = 0;
        uint32_t items = 0;
        const char *base, *spec = "";
        uint64_t usec = 0, next;
        int r = sd_bus_message_enter_container(m, 'a', calendar ? "(sst)" : "(stt)");
        while (r > 0 && (r = calendar ? sd_bus_message_read(m, "(sst)", &base, &spec, &next)
                                      : sd_bus_message_read(m, "(stt)", &base, &usec, &next)) > 0) {
                size_t len = strlen(base);
                bool in_usec = len > 4 && strcmp(base + len - 4, "USec") == 0;
                int k = calendar ? snprintf(item, sizeof item, "%s=%s", base, spec)
                                 : snprintf(item, sizeof item, "%.*s%s=%.15g", (int)(in_usec ? len - 4 : len),
                                            base, in_usec ? "Sec" : "", (double)usec / 1e6);
                if (k < (int)sizeof item && n + (size_t)k + 1 <= sizeof all) {
                        memcpy(all + n, item, (size_t)k + 1);
                        n += (size_t)k + 1;
                        items++;
                }
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        free(v->type == RV_UT_TEXT || v->type == RV_UT_LIST ? v->text : NULL);
        char *copy = malloc(n + 1);
        if (copy)
                memcpy(copy, all, n);
        *v = (struct rv_unit_value) { .type = RV_UT_LIST, .set = copy, .n = items, .text = copy };
        return copy ? r : -ENOMEM;
}

static int read_id(sd_bus_message *m, struct rv_unit_value *v)
{
        const uint8_t *bytes;
        size_t n;
        char hex[33] = "";
        int r = sd_bus_message_read_array(m, 'y', (const void **)&bytes, &n);
        for (size_t i = 0; r >= 0 && n == 16 && i < n; i++)
                snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
        value_text(v, hex);
        return r;
}

static int read_number(sd_bus_message *m, char type, uint8_t how, struct rv_unit_value *v)
{
        uint64_t t = 0;
        uint32_t w = 0;
        int32_t i = 0;
        int r = type == 't'                  ? sd_bus_message_read(m, "t", &t)
                : type == 'u'                ? sd_bus_message_read(m, "u", &w)
                : type == 'i' || type == 'b' ? sd_bus_message_read_basic(m, type, &i)
                                             : sd_bus_message_skip(m, NULL);
        bool none = type == 't' ? t == UINT64_MAX : type == 'u' && w == UINT32_MAX;
        uint64_t number = type == 't' ? t : type == 'u' ? w : (uint64_t)(int64_t)i;
        *v = (struct rv_unit_value) { .type = how == RV_UR_BOOL                       ? RV_UT_BOOL
                                              : how == RV_UR_INT || how == RV_UR_TIME ? RV_UT_INT
                                                                                      : RV_UT_UINT };
        v->set = r >= 0 && !none && !((how == RV_UR_NZ || how == RV_UR_TIME) && number == 0);
        v->u = how == RV_UR_TIME ? number * 1000 : number;
        return r;
}

static int read_error(sd_bus_message *m, struct rv_unit_value *v)
{
        const char *name, *message;
        int r = sd_bus_message_read(m, "(ss)", &name, &message);
        if (r >= 0)
                value_text(v, message);
        return r;
}

int rv_unit_value_read(sd_bus_message *m, uint8_t how, struct rv_unit_value *v)
{
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);
        if (r <= 0)
                return r;
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        const char *text;
        if (how == RV_UR_TEXT && (contents[0] == 's' || contents[0] == 'o')) {
                r = sd_bus_message_read_basic(m, contents[0], &text);
                if (r >= 0)
                        value_text(v, text);
        } else if ((how == RV_UR_LIST || how == RV_UR_DOCS) && strcmp(contents, "as") == 0)
                r = read_list(m, v, false, false);
        else if (how == RV_UR_DOCS && strcmp(contents, "a(ss)") == 0)
                r = read_list(m, v, true, false);
        else if (how == RV_UR_PAIRS && strcmp(contents, "a(ss)") == 0)
                r = read_list(m, v, true, true);
        else if (how == RV_UR_ERROR && strcmp(contents, "(ss)") == 0)
                r = read_error(m, v);
        else if (how == RV_UR_EXEC && strcmp(contents, "a(sasbttttuii)") == 0)
                r = read_exec(m, v);
        else if (how == RV_UR_TIMERS && (strcmp(contents, "a(sst)") == 0 || strcmp(contents, "a(stt)") == 0))
                r = read_timers(m, v, contents[3] == 's');
        else if (how == RV_UR_ID && strcmp(contents, "ay") == 0)
                r = read_id(m, v);
        else if (contents[1] == 0)
                r = read_number(m, contents[0], how, v);
        else
                r = sd_bus_message_skip(m, contents);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int rv_unit_job_read(sd_bus_message *m, bool *ret_none)
{
        uint32_t id = 0;
        int r = sd_bus_message_read(m, "v", "(uo)", &id, NULL);
        *ret_none = r >= 0 && !id;
        return r;
}

const char *rv_units_interface(const char *id)
{
        static const char *const kinds[][2] = {
                { "service", RV_SYSTEMD_SERVICE },
                { "socket", "org.freedesktop.systemd1.Socket" },
                { "target", "org.freedesktop.systemd1.Target" },
                { "device", "org.freedesktop.systemd1.Device" },
                { "mount", "org.freedesktop.systemd1.Mount" },
                { "automount", "org.freedesktop.systemd1.Automount" },
                { "swap", "org.freedesktop.systemd1.Swap" },
                { "timer", "org.freedesktop.systemd1.Timer" },
                { "path", "org.freedesktop.systemd1.Path" },
                { "slice", "org.freedesktop.systemd1.Slice" },
                { "scope", "org.freedesktop.systemd1.Scope" },
        };
        const char *dot = strrchr(id, '.');
        for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(dot + 1, kinds[i][0]) == 0)
                        return kinds[i][1];
        return RV_SYSTEMD_SERVICE;
}
