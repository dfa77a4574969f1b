/* SPDX-License-Identifier: MIT
 *
 * ScheduledTask: systemd's timers, from the model of units that its signals feed (providers/lib/units.h), and the
 * crontabs. A timer is made as two unit files that carry our mark; only such are removed again.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/ScheduledTask.h"
#include "providers/lib/cron.h"
#include "providers/lib/fill.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"
#include "providers/lib/systemd.h"
#include "providers/lib/tool.h"
#include "providers/lib/units.h"

#define TIMER "org.freedesktop.systemd1.Timer"
#define SUFFIX ".timer"
#define TIMERS "/systemd/"
#define MARK "# Made by reeve (ScheduledTask.Register).\n"
#define FOLDER "/etc/systemd/system/"

/* ---- timers ---- */

enum {
        T_UNIT,
        T_CALENDAR,
        T_MONOTONIC,
        T_NEXT_REAL,
        T_NEXT_MONO,
        T_LAST,
        T_PERSISTENT,
        T_RANDOM,
        T_DESCRIPTION,
        T_FRAGMENT,
        T_N
};
static const struct rv_unit_property kept[T_N] = { { "Unit", RV_UR_TEXT },
                                                   { "TimersCalendar", RV_UR_TIMERS },
                                                   { "TimersMonotonic", RV_UR_TIMERS },
                                                   { "NextElapseUSecRealtime", RV_UR_NZ },
                                                   { "NextElapseUSecMonotonic", RV_UR_NZ },
                                                   { "LastTriggerUSec", RV_UR_TIME },
                                                   { "Persistent", RV_UR_BOOL },
                                                   { "RandomizedDelayUSec", RV_UR_UINT },
                                                   { "Description", RV_UR_TEXT },
                                                   { "FragmentPath", RV_UR_TEXT } };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct rv_units *units;
static void make_units(void)
{
        units = rv_units_new(SUFFIX, TIMER, kept, T_N);
}

static const struct rv_unit_value *detail(const struct rv_unit *u, unsigned i)
{
        return u->values && u->values[i].set ? &u->values[i] : NULL;
}

/* Both lists of settings as one. */
static void fill_triggers(struct rv_row *row, const struct rv_unit *u)
{
        const struct rv_unit_value *lists[2] = { detail(u, T_CALENDAR), detail(u, T_MONOTONIC) };
        uint32_t n = (lists[0] ? lists[0]->n : 0) + (lists[1] ? lists[1]->n : 0), k = 0;
        if (!ScheduledTask_wants_Triggers(row) || !u->values)
                return;
        rv_list list = ScheduledTask_set_Triggers(row, n);
        for (int i = 0; i < 2; i++) {
                const char *p = lists[i] ? lists[i]->text : NULL;
                for (uint32_t j = 0; p && j < lists[i]->n; j++, p += strlen(p) + 1)
                        rv_item_string(row, list, k++, p, strlen(p));
        }
}

static int64_t clock_ns(clockid_t clock)
{
        struct timespec t;
        clock_gettime(clock, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The earlier of the two: by the calendar, and so long after something (a time of the monotonic clock). */
static void fill_next(struct rv_row *row, const struct rv_unit *u)
{
        const struct rv_unit_value *real = detail(u, T_NEXT_REAL), *mono = detail(u, T_NEXT_MONO);
        int64_t next = real && real->u < UINT64_C(1) << 60 ? (int64_t)real->u * 1000 : 0;
        if (mono && mono->u < UINT64_C(1) << 53) {
                int64_t by_mono =
                        (int64_t)mono->u * 1000 + clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
                next = !next || by_mono < next ? by_mono : next;
        }
        if (next)
                ScheduledTask_set_NextRunTime(row, next);
}

static void fill_timer(struct rv_row *row, const struct rv_unit *u)
{
        const struct rv_unit_value *v;
        const char *sub = u->sub ? u->sub : "";
        size_t n = strlen(u->id) - strlen(SUFFIX);
        rv_fill(row, ScheduledTask_TaskPath, TIMERS);
        rv_fill_n(row, ScheduledTask_TaskName, u->id, n);
        rv_fill(row, ScheduledTask_Kind, "timer");
        rv_fill(row, ScheduledTask_State,
                strcmp(sub, "running") == 0                                  ? "Running"
                : strcmp(sub, "waiting") == 0 || strcmp(sub, "elapsed") == 0 ? "Ready"
                                                                             : "Disabled");
        fill_triggers(row, u);
        v = detail(u, T_UNIT);
        rv_fill(row, ScheduledTask_Unit, v ? v->text : NULL);
        if (v)
                rv_fill_list(row, ScheduledTask_Actions, v->text, "\n");
        v = detail(u, T_DESCRIPTION);
        rv_fill(row, ScheduledTask_Description, v ? v->text : u->description);
        fill_next(row, u);
        if ((v = detail(u, T_LAST)))
                ScheduledTask_set_LastRunTime(row, (int64_t)v->u);
        rv_fill(row, ScheduledTask_UnitFileState, u->file_state);
        if ((v = detail(u, T_PERSISTENT)))
                ScheduledTask_set_Persistent(row, v->u);
        if ((v = detail(u, T_RANDOM)))
                ScheduledTask_set_RandomizedDelay(row, v->u * 1000);
        v = detail(u, T_FRAGMENT);
        rv_fill(row, ScheduledTask_SourceFile, v ? v->text : u->fragment);
}

/* How the unit ended that the timer starts. */
static void fill_result(struct rv_row *row, const char *unit)
{
        char result[64], path[1024];
        int32_t code = 0;
        sd_bus *bus;
        if ((!ScheduledTask_wants_LastResult(row) && !ScheduledTask_wants_LastTaskResult(row)) || !unit[0] ||
            rv_systemd_open(&bus, NULL))
                return;
        rv_systemd_text(bus, unit, RV_SYSTEMD_SERVICE, "Result", result, sizeof result);
        rv_fill(row, ScheduledTask_LastResult, result);
        if (result[0] && rv_systemd_path(unit, path, sizeof path) >= 0 &&
            sd_bus_get_property_trivial(bus, RV_SYSTEMD_NAME, path, RV_SYSTEMD_SERVICE, "ExecMainStatus",
                                        NULL, 'i', &code) >= 0)
                ScheduledTask_set_LastTaskResult(row, code);
        rv_systemd_close(bus);
}

static bool wants_details(const struct rv_query *q)
{
        static const uint8_t plain[] = { ScheduledTask_TaskPath, ScheduledTask_TaskName, ScheduledTask_Kind,
                                         ScheduledTask_State, ScheduledTask_UnitFileState };
        for (unsigned i = 0; i < q->class->nproperties; i++)
                if (rv_asked(q, i) && !memchr(plain, (int)i, sizeof plain))
                        return true;
        return false;
}

static int emit_timers(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char id[300] = "", unit[300];
        pthread_once(&once, make_units);
        if (!units)
                return -ENOMEM;
        int e = rv_units_begin(units, wants_details(q), NULL, q->deadline, err);
        while (e == RV_OK) {
                const struct rv_unit *u = rv_units_after(units, id);
                if (!u) {
                        rv_units_end(units);
                        return RV_OK;
                }
                snprintf(id, sizeof id, "%s", u->id);
                bool show = !u->load || strcmp(u->load, "not-found") != 0;
                const struct rv_unit_value *starts = detail(u, T_UNIT);
                snprintf(unit, sizeof unit, "%s", starts ? starts->text : "");
                struct rv_row *row = show ? rv_row(out) : NULL;
                if (row)
                        fill_timer(row, u);
                rv_units_end(units);
                if (row) {
                        fill_result(row, unit);
                        e = rv_emit(out, row);
                }
                if (e == RV_OK)
                        e = rv_cancelled(q->call) ? RV_STOP : rv_units_again(units, q->deadline, err);
        }
        return e;
}

/* ---- crontabs ---- */

static int emit_line(struct rv_sink *out, const char *file, unsigned number, const char *line,
                     const char *owner)
{
        struct rv_cron c;
        const char *at = line, *begin = line;
        char name[32], user[64], fields[256];
        bool timed = rv_cron_parse(&at, &c);
        if (!timed && strncmp(line, "@reboot", 7) != 0)
                return RV_OK; /* NAME=value, or nothing that cron would run */
        if (!timed)
                at = line + 7 + strspn(line + 7, " \t");
        size_t n = (size_t)(at - begin);
        while (n && isspace((unsigned char)begin[n - 1]))
                n--;
        snprintf(fields, sizeof fields, "%.*s", (int)n, begin);
        snprintf(user, sizeof user, "%s", owner ? owner : "");
        if (!owner) { /* /etc/crontab and cron.d name the user */
                size_t k = strcspn(at, " \t");
                snprintf(user, sizeof user, "%.*s", (int)k, at);
                at += k + strspn(at + k, " \t");
        }
        if (!*at)
                return RV_OK;
        struct rv_row *row = rv_row(out);
        snprintf(name, sizeof name, "line:%u", number);
        rv_fill(row, ScheduledTask_TaskPath, file);
        rv_fill(row, ScheduledTask_TaskName, name);
        rv_fill(row, ScheduledTask_Kind, "cron");
        rv_fill(row, ScheduledTask_State, "Ready");
        rv_fill_list(row, ScheduledTask_Triggers, fields, "\n");
        rv_fill_list(row, ScheduledTask_Actions, at, "\n");
        rv_fill(row, ScheduledTask_UserName, user);
        time_t next = timed && ScheduledTask_wants_NextRunTime(row) ? rv_cron_next(&c, time(NULL)) : -1;
        if (next > 0)
                ScheduledTask_set_NextRunTime(row, (int64_t)next * 1000000000);
        rv_fill(row, ScheduledTask_SourceFile, file);
        return rv_emit(out, row);
}

static int emit_crontab(struct rv_sink *out, const char *file, const char *owner)
{
        size_t n;
        unsigned number = 0;
        int e = RV_OK;
        char *text = rv_slurp(file, 4 << 20, &n), *rest = text;
        for (char *line; e == RV_OK && text && (line = strsep(&rest, "\n"));) {
                number++;
                line += strspn(line, " \t");
                if (*line && *line != '#')
                        e = emit_line(out, file, number, line, owner);
        }
        free(text);
        return e;
}

/* cron takes files of such names only; what a package manager left (x.dpkg-old) it leaves out. */
static bool is_cron_name(const char *s)
{
        return s[0] && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")];
}

static int emit_script(struct rv_sink *out, const char *folder, const char *name, const char *path)
{
        struct rv_row *row = rv_row(out);
        rv_fill(row, ScheduledTask_TaskPath, folder);
        rv_fill(row, ScheduledTask_TaskName, name);
        rv_fill(row, ScheduledTask_Kind, "script");
        rv_fill(row, ScheduledTask_State, "Ready");
        rv_fill_list(row, ScheduledTask_Triggers, strrchr(folder, '.') + 1, "\n");
        rv_fill_list(row, ScheduledTask_Actions, path, "\n");
        rv_fill(row, ScheduledTask_UserName, "root");
        rv_fill(row, ScheduledTask_SourceFile, path);
        return rv_emit(out, row);
}

enum kind { TABS, USER_TABS, SCRIPTS };

static int emit_folder(struct rv_sink *out, const char *folder, enum kind kind)
{
        DIR *d = opendir(folder);
        int e = RV_OK;
        for (struct dirent *f; d && e == RV_OK && (f = readdir(d));) {
                char path[600];
                struct stat st;
                snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
                if (f->d_name[0] == '.' || (kind != USER_TABS && !is_cron_name(f->d_name)) ||
                    stat(path, &st) < 0 || !S_ISREG(st.st_mode))
                        continue;
                if (kind != SCRIPTS)
                        e = emit_crontab(out, path, kind == USER_TABS ? f->d_name : NULL);
                else if (st.st_mode & 0111)
                        e = emit_script(out, folder, f->d_name, path);
        }
        if (d)
                closedir(d);
        return e;
}

static int scheduledtask_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const struct {
                const char *folder;
                enum kind kind;
        } folders[] = { { "/etc/cron.d", TABS },          { "/var/spool/cron/crontabs", USER_TABS },
                        { "/var/spool/cron", USER_TABS }, { "/etc/cron.hourly", SCRIPTS },
                        { "/etc/cron.daily", SCRIPTS },   { "/etc/cron.weekly", SCRIPTS },
                        { "/etc/cron.monthly", SCRIPTS } };
        const struct rv_arg *path = rv_equals(q, ScheduledTask_TaskPath);
        bool timers = !path || strcmp(path->s, TIMERS) == 0;
        int e = timers && rv_systemd_here() ? emit_timers(q, out, err) : RV_OK;
        if (e == RV_OK && !(path && timers))
                e = emit_crontab(out, "/etc/crontab", NULL);
        for (size_t i = 0; e == RV_OK && !(path && timers) && i < sizeof folders / sizeof *folders; i++)
                e = emit_folder(out, folders[i].folder, folders[i].kind);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- methods ---- */

struct change {
        sd_bus *bus;
        char timer[300], starts[300], active[32], state[32];
        char what[400];
};

static bool is_task_name(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && (!s[i] || !strchr(":-_.\\@", s[i])))
                        return false;
        return n > 0 && n < 200 && s[0] != '.' && s[0] != '-';
}

static int begin(struct rv_call *c, const char *verb, struct change *ch, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[ScheduledTask_TaskName], *path = &c->key[ScheduledTask_TaskPath];
        char load[32];
        *ch = (struct change) { 0 };
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a task is named by its TaskName");
        rv_about(err, NULL, name->s, NULL);
        if (path->type != RV_NULL && strcmp(path->s, TIMERS) != 0) {
                rv_fail(err, RV_NOT_SUPPORTED, "cannot %s %.100s %.60s: it belongs to cron", verb, path->s,
                        name->s);
                return rv_hint(err, "Edit its crontab; only systemd timers are changed.");
        }
        if (!rv_systemd_here())
                return rv_fail(err, RV_NOT_SUPPORTED, "cannot %s %.60s: this host's init is not systemd",
                               verb, name->s);
        if (!is_task_name(name->s, name->len))
                return rv_fail(err, RV_NOT_FOUND, "there is no task %.60s", name->s);
        snprintf(ch->timer, sizeof ch->timer, "%s" SUFFIX, name->s);
        snprintf(ch->what, sizeof ch->what, "%s the task %.200s", verb, name->s);
        int e = rv_systemd_open(&ch->bus, err);
        if (e == RV_OK)
                e = rv_systemd_call(ch->bus, c->deadline, ch->what, err, NULL, "LoadUnit", "s", ch->timer);
        if (e == RV_OK) {
                rv_systemd_text(ch->bus, ch->timer, RV_SYSTEMD_UNIT, "LoadState", load, sizeof load);
                rv_systemd_text(ch->bus, ch->timer, RV_SYSTEMD_UNIT, "ActiveState", ch->active,
                                sizeof ch->active);
                rv_systemd_text(ch->bus, ch->timer, RV_SYSTEMD_UNIT, "UnitFileState", ch->state,
                                sizeof ch->state);
                rv_systemd_text(ch->bus, ch->timer, TIMER, "Unit", ch->starts, sizeof ch->starts);
                if (strcmp(load, "not-found") == 0) {
                        rv_fail(err, RV_NOT_FOUND, "there is no timer %.200s", ch->timer);
                        e = rv_hint(err, "Get-ScheduledTask lists the tasks.");
                }
        }
        if (e && ch->bus)
                ch->bus = rv_systemd_close(ch->bus);
        return e;
}

static int done(struct rv_call *c, struct change *ch, int e)
{
        rv_systemd_close(ch->bus);
        if (e == RV_OK)
                ScheduledTask_Start_out_set_ReturnValue(c->out, 0);
        return e;
}

static int start_or_stop(struct rv_call *c, bool start, struct rv_error *err)
{
        struct change ch;
        char result[32];
        int e = begin(c, start ? "start" : "stop", &ch, err);
        if (e)
                return e;
        rv_change(c, "State", NULL, start ? "Running" : "Ready");
        if (c->what_if)
                return done(c, &ch, RV_OK);
        e = rv_systemd_job(ch.bus, start ? "StartUnit" : "StopUnit", ch.starts, "replace", c->deadline,
                           result, err);
        if (e == RV_OK && strcmp(result, "done") != 0 && strcmp(result, "skipped") != 0) {
                rv_fail(err, RV_FAILED, "cannot %s: %.100s ended with %s", ch.what, ch.starts, result);
                e = rv_hint(err, "Get-WinEvent -Unit %.100s tells why.", ch.starts);
        }
        return done(c, &ch, e);
}

static int task_start(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return start_or_stop(c, true, err);
}

static int task_stop(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return start_or_stop(c, false, err);
}

static int systemctl(struct rv_call *c, const char *verb, const char *unit, const char *what,
                     struct rv_error *err)
{
        const char *argv[] = { "systemctl", verb, "--now", "--quiet", "--", unit, NULL };
        struct rv_tool tool = { .argv = argv, .what = what, .deadline = c->deadline };
        return rv_tool_do(&tool, false, err);
}

static int task_enable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct change ch;
        int e = begin(c, "enable", &ch, err);
        if (e)
                return e;
        bool is = strcmp(ch.active, "active") == 0 && strncmp(ch.state, "enabled", 7) == 0;
        if (!is)
                rv_change(c, "State", strcmp(ch.active, "active") == 0 ? "Ready" : "Disabled", "Ready");
        return done(c, &ch, is || c->what_if ? RV_OK : systemctl(c, "enable", ch.timer, ch.what, err));
}

static int task_disable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct change ch;
        int e = begin(c, "disable", &ch, err);
        if (e)
                return e;
        bool is = strcmp(ch.active, "active") != 0 && strncmp(ch.state, "enabled", 7) != 0;
        if (!is)
                rv_change(c, "State", "Ready", "Disabled");
        return done(c, &ch, is || c->what_if ? RV_OK : systemctl(c, "disable", ch.timer, ch.what, err));
}

/* ---- made and removed ---- */

static bool one_line(const char *s)
{
        return !strpbrk(s, "\r\n");
}

static int check(const struct ScheduledTask_Register_in *in, struct rv_error *err)
{
        const struct {
                const char *property, *text;
                bool good;
                const char *want;
        } rules[] = { { "TaskName", in->TaskName, is_task_name(in->TaskName, in->TaskName_len),
                        "letters, digits and :-_.\\@" },
                      { "Command", in->Command, in->Command[0] == '/' && one_line(in->Command),
                        "one line that begins with the program's full path" },
                      { "Calendar", in->Calendar, in->Calendar[0] && one_line(in->Calendar), "one line" },
                      { "UserName", in->has_UserName ? in->UserName : "",
                        !in->has_UserName || is_task_name(in->UserName, in->UserName_len),
                        "the name of a user" },
                      { "Description", in->has_Description ? in->Description : "",
                        !in->has_Description || one_line(in->Description), "one line" } };
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
                if (!rules[i].good) {
                        rv_about(err, NULL, NULL, rules[i].property);
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' will not do: expected %s",
                                       rules[i].text, rules[i].want);
                }
        return RV_OK;
}

/* systemd itself says whether it is a time. */
static int check_calendar(struct rv_call *c, const char *calendar, struct rv_error *err)
{
        const char *argv[] = { "systemd-analyze", "calendar", "--", calendar, NULL };
        struct rv_tool tool = { .argv = argv, .what = "read the calendar", .deadline = c->deadline };
        struct rv_tool_said said;
        if (!rv_tool_there("systemd-analyze"))
                return RV_OK;
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        if (said.status != 0) {
                rv_about(err, NULL, NULL, "Calendar");
                rv_fail(err, RV_INVALID_PARAMETER, "'%.80s' is no time that systemd knows", calendar);
                e = rv_hint(err, "As systemd.time(7) has it: daily, hourly, Mon..Fri 07:30, *-*-01 04:00.");
        }
        rv_tool_free(&said);
        return e;
}

static int write_files(const struct ScheduledTask_Register_in *in, struct rv_error *err)
{
        char path[300], text[8192];
        const char *about = in->has_Description ? in->Description : in->TaskName;
        int n = snprintf(text, sizeof text,
                         MARK "[Unit]\nDescription=%s\n\n[Service]\nType=oneshot\nExecStart=%s\n%s%s%s",
                         about, in->Command, in->has_UserName ? "User=" : "",
                         in->has_UserName ? in->UserName : "", in->has_UserName ? "\n" : "");
        snprintf(path, sizeof path, FOLDER "%.200s.service", in->TaskName);
        if (n >= (int)sizeof text)
                return rv_fail(err, RV_INVALID_PARAMETER, "the command is too long: at most 8,000 bytes");
        int r = rv_replace_file(path, text, (size_t)n, 0644);
        if (r)
                return rv_fail_errno(err, -r, "cannot write %.200s", path);
        n = snprintf(text, sizeof text, MARK "[Unit]\nDescription=%s\n\n[Timer]\nOnCalendar=%s\n%s", about,
                     in->Calendar, in->has_Persistent && in->Persistent ? "Persistent=true\n" : "");
        if (in->has_RandomDelay && n < (int)sizeof text)
                n += snprintf(text + n, sizeof text - (size_t)n, "RandomizedDelaySec=%u\n", in->RandomDelay);
        if (n < (int)sizeof text)
                n += snprintf(text + n, sizeof text - (size_t)n, "\n[Install]\nWantedBy=timers.target\n");
        snprintf(path, sizeof path, FOLDER "%.200s" SUFFIX, in->TaskName);
        r = n >= (int)sizeof text ? -E2BIG : rv_replace_file(path, text, (size_t)n, 0644);
        return r ? rv_fail_errno(err, -r, "cannot write %.200s", path) : RV_OK;
}

static void remove_files(const char *name)
{
        char path[300];
        snprintf(path, sizeof path, FOLDER "%.200s" SUFFIX, name);
        unlink(path);
        snprintf(path, sizeof path, FOLDER "%.200s.service", name);
        unlink(path);
}

static int reload(struct rv_call *c, const char *what, struct rv_error *err)
{
        sd_bus *bus;
        int e = rv_systemd_open(&bus, err);
        if (e)
                return e;
        e = rv_systemd_call(bus, c->deadline, what, err, NULL, "Reload", "");
        rv_systemd_close(bus);
        return e;
}

/* Neither the timer nor the service may be there already. */
static int is_free(struct rv_call *c, const char *name, struct rv_error *err)
{
        static const char *const suffixes[] = { SUFFIX, ".service" };
        sd_bus *bus;
        char unit[300], load[32];
        int e = rv_systemd_open(&bus, err);
        for (int i = 0; e == RV_OK && i < 2; i++) {
                snprintf(unit, sizeof unit, "%.200s%s", name, suffixes[i]);
                e = rv_systemd_call(bus, c->deadline, "look for the unit", err, NULL, "LoadUnit", "s", unit);
                rv_systemd_text(bus, unit, RV_SYSTEMD_UNIT, "LoadState", load, sizeof load);
                if (e == RV_OK && strcmp(load, "not-found") != 0)
                        e = rv_fail(err, RV_ALREADY_EXISTS, "there is a unit %.200s already", unit);
        }
        if (bus)
                rv_systemd_close(bus);
        return e;
}

static int task_register(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ScheduledTask_Register_in *in = args;
        char unit[300], what[300];
        if (!rv_systemd_here())
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "tasks are systemd timers, and this host's init is not systemd");
        int e = check(in, err);
        if (e == RV_OK)
                e = check_calendar(c, in->Calendar, err);
        rv_about(err, NULL, in->TaskName, NULL);
        if (e == RV_OK)
                e = is_free(c, in->TaskName, err);
        if (e)
                return e;
        rv_change(c, "TaskName", NULL, in->TaskName);
        snprintf(unit, sizeof unit, "%.200s" SUFFIX, in->TaskName);
        snprintf(what, sizeof what, "make the task %.200s", in->TaskName);
        if (!c->what_if) {
                e = write_files(in, err);
                if (e == RV_OK)
                        e = reload(c, what, err);
                if (e == RV_OK)
                        e = systemctl(c, "enable", unit, what, err);
                if (e) {
                        remove_files(in->TaskName);
                        reload(c, what, NULL);
                }
        }
        if (e == RV_OK)
                ScheduledTask_Register_out_set_ReturnValue(c->out, 0);
        return e;
}

static bool is_ours(const char *path)
{
        size_t n;
        char *text = rv_slurp(path, 1 << 20, &n);
        bool ours = text && strncmp(text, MARK, sizeof MARK - 1) == 0;
        free(text);
        return ours;
}

static int task_unregister(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct change ch;
        char path[400];
        int e = begin(c, "remove", &ch, err);
        if (e)
                return e;
        const char *name = c->key[ScheduledTask_TaskName].s;
        snprintf(path, sizeof path, FOLDER "%.300s", ch.timer);
        if (!is_ours(path)) {
                rv_fail(err, RV_NOT_SUPPORTED, "the timer %.200s was not made by Register-ScheduledTask",
                        ch.timer);
                return done(c, &ch, rv_hint(err, "Disable-ScheduledTask keeps it from running."));
        }
        rv_change(c, "TaskName", name, NULL);
        if (!c->what_if) {
                e = systemctl(c, "disable", ch.timer, ch.what, err);
                if (e == RV_OK) {
                        remove_files(name);
                        e = reload(c, ch.what, err);
                }
        }
        return done(c, &ch, e);
}

static int (*const methods[ScheduledTask_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [ScheduledTask_method_Start] = task_start,       [ScheduledTask_method_Stop] = task_stop,
        [ScheduledTask_method_Enable] = task_enable,     [ScheduledTask_method_Disable] = task_disable,
        [ScheduledTask_method_Register] = task_register, [ScheduledTask_method_Unregister] = task_unregister
};

static const struct rv_provider scheduledtask = { .class = &ScheduledTask_class,
                                                  .query = scheduledtask_query,
                                                  .methods = methods };

RV_PROVIDERS(scheduledtask, &scheduledtask);
