/* SPDX-License-Identifier: MIT
 *
 * systemd's services, from the model in lib/units.h, changed by jobs of PID 1 that are waited for.
 * A list costs PID 1 nothing once the model is there; details are fetched only when one of them is asked
 * for.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Service.h"
#include "providers/lib/journal.h"
#include "providers/lib/replaced.h"
#include "providers/lib/systemd.h"
#include "providers/lib/units.h"
#include "providers/service/backend.h"
#include "providers/service/setting.h"
#include "providers/service/unitfile.h"
#include "providers/service/unitops.h"

#define SUFFIX ".service"
#define SETTLE 300 /* ms: a service that fails within them after its start has not started */

/* D-Bus property -> ours. */
static const struct rv_unit_property kept[] = {
        { "MainPID", RV_UR_NZ },
        { "ControlPID", RV_UR_NZ },
        { "ExecMainStatus", RV_UR_INT },
        { "ExecMainCode", RV_UR_INT },
        { "ExecMainStartTimestamp", RV_UR_TIME },
        { "ExecMainExitTimestamp", RV_UR_TIME },
        { "Result", RV_UR_TEXT },
        { "Type", RV_UR_TEXT },
        { "ExecStart", RV_UR_EXEC },
        { "User", RV_UR_TEXT },
        { "Group", RV_UR_TEXT },
        { "Restart", RV_UR_TEXT },
        { "NRestarts", RV_UR_UINT },
        { "ControlGroup", RV_UR_TEXT },
        { "Slice", RV_UR_TEXT },
        { "StateChangeTimestamp", RV_UR_TIME, true },
        { "ActiveEnterTimestamp", RV_UR_TIME, true },
        { "InactiveEnterTimestamp", RV_UR_TIME, true },
        { "InvocationID", RV_UR_ID, true },
        { "FragmentPath", RV_UR_TEXT, true },
        { "SourcePath", RV_UR_TEXT, true },
        { "DropInPaths", RV_UR_LIST, true },
        { "Names", RV_UR_LIST, true },
        { "Requires", RV_UR_LIST, true },
        { "Wants", RV_UR_LIST, true },
        { "BindsTo", RV_UR_LIST, true },
        { "Conflicts", RV_UR_LIST, true },
        { "After", RV_UR_LIST, true },
        { "Before", RV_UR_LIST, true },
        { "RequiredBy", RV_UR_LIST, true },
        { "WantedBy", RV_UR_LIST, true },
        { "TriggeredBy", RV_UR_LIST, true },
        { "Documentation", RV_UR_LIST, true },
        { "CanStart", RV_UR_BOOL, true },
        { "CanStop", RV_UR_BOOL, true },
        { "CanReload", RV_UR_BOOL, true },
        { "CanFreeze", RV_UR_BOOL, true },
        { "FreezerState", RV_UR_TEXT, true },
        { "NeedDaemonReload", RV_UR_BOOL, true },
        { "Transient", RV_UR_BOOL, true },
        { "LoadError", RV_UR_ERROR, true },
        { "PartOf", RV_UR_LIST, true },
        { "OnFailure", RV_UR_LIST, true },
        { "StatusText", RV_UR_TEXT },
};
enum { NKEPT = sizeof kept / sizeof *kept };
static const unsigned ids[NKEPT] = {
        Service_MainPID,
        Service_ControlPID,
        Service_ExecMainStatus,
        Service_ExecMainCode,
        Service_ExecMainStartTimestamp,
        Service_ExecMainExitTimestamp,
        Service_Result,
        Service_Type,
        Service_ExecStart,
        Service_User,
        Service_Group,
        Service_RestartPolicy,
        Service_NRestarts,
        Service_ControlGroup,
        Service_Slice,
        Service_StateChangeTimestamp,
        Service_ActiveEnterTimestamp,
        Service_InactiveEnterTimestamp,
        Service_InvocationID,
        Service_FragmentPath,
        Service_SourcePath,
        Service_DropInPaths,
        Service_Names,
        Service_Requires,
        Service_Wants,
        Service_BindsTo,
        Service_Conflicts,
        Service_After,
        Service_Before,
        Service_RequiredBy,
        Service_WantedBy,
        Service_TriggeredBy,
        Service_Documentation,
        Service_CanStart,
        Service_CanStop,
        Service_CanReload,
        Service_CanFreeze,
        Service_FreezerState,
        Service_NeedDaemonReload,
        Service_Transient,
        Service_LoadError,
        Service_PartOf,
        Service_OnFailure,
        Service_StatusText,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct rv_units *units;
static void make_units(void)
{
        units = rv_units_new(SUFFIX, RV_SYSTEMD_SERVICE, kept, NKEPT);
}

static int need_units(void)
{
        pthread_once(&once, make_units);
        return units ? RV_OK : -ENOMEM;
}

/* ---- filling a row ---- */

static void text(struct rv_row *row, unsigned p, const char *s)
{
        if (s && *s && rv_wants(row, p))
                rv_set_string(row, p, s, strlen(s));
}

static const struct rv_unit_value *detail(const struct rv_unit *u, unsigned property)
{
        for (unsigned i = 0; u->values && i < NKEPT; i++)
                if (ids[i] == property)
                        return u->values[i].set ? &u->values[i] : NULL;
        return NULL;
}

/* A number from a file of the unit's control group; false when it is not there. */
static bool cgroup_number(const char *group, const char *file, const char *word, uint64_t *ret)
{
        static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        for (int i = 0; i < 2; i++) {
                char path[1024], buf[4096];
                snprintf(path, sizeof path, "%s%s/%s", mounts[i], group, file);
                int fd = open(path, O_RDONLY | O_CLOEXEC);
                ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
                if (fd >= 0)
                        close(fd);
                if (n <= 0)
                        continue;
                buf[n] = 0;
                const char *at = word ? strstr(buf, word) : buf;
                char *end;
                if (!at)
                        return false;
                at += word ? strlen(word) : 0;
                *ret = strtoull(at, &end, 10);
                return end != at;
        }
        return false;
}

/* Paused? systemd does not signal it, so its control group is asked. */
static bool is_frozen(const struct rv_unit *u)
{
        const struct rv_unit_value *group = detail(u, Service_ControlGroup);
        char usual[320];
        uint64_t n;
        snprintf(usual, sizeof usual, "/system.slice/%s", u->id);
        return cgroup_number(group ? group->text : usual, "cgroup.freeze", NULL, &n) && n;
}

static const char *state_of(const struct rv_unit *u)
{
        const char *a = u->active ? u->active : "";
        if (strcmp(a, "active") == 0 || strcmp(a, "reloading") == 0)
                return is_frozen(u) ? "Paused" : "Running";
        if (strcmp(a, "activating") == 0)
                return "Start Pending";
        if (strcmp(a, "deactivating") == 0)
                return "Stop Pending";
        return strcmp(a, "inactive") == 0 || strcmp(a, "failed") == 0 ? "Stopped" : "Unknown";
}

static const char *start_mode(const struct rv_unit *u)
{
        const char *f = u->file_state ? u->file_state : "";
        if (strncmp(f, "masked", 6) == 0 || (u->load && strcmp(u->load, "masked") == 0))
                return "Disabled";
        return strncmp(f, "enabled", 7) == 0 || strcmp(f, "generated") == 0 ||
                               (u->wanted && strcmp(f, "disabled") != 0)
                       ? "Auto"
                       : "Manual";
}

static void fill_usage(struct rv_row *row, const struct rv_unit *u)
{
        const struct rv_unit_value *group = detail(u, Service_ControlGroup);
        uint64_t n;
        if (!group)
                return;
        if (Service_wants_MemoryCurrent(row) && cgroup_number(group->text, "memory.current", NULL, &n))
                Service_set_MemoryCurrent(row, n);
        if (Service_wants_CPUUsageNSec(row) && cgroup_number(group->text, "cpu.stat", "usage_usec ", &n))
                Service_set_CPUUsageNSec(row, n * 1000);
        if (Service_wants_TasksCurrent(row) && cgroup_number(group->text, "pids.current", NULL, &n))
                Service_set_TasksCurrent(row, n);
}

static void fill_log(struct rv_row *row, const char *unit)
{
        struct rv_unitop_lines l = { 0 };
        if (!Service_wants_LastLogLines(row) || rv_journal_tail(unit, false, 10, 0, rv_unitop_keep, &l) < 0)
                return;
        rv_list list = Service_set_LastLogLines(row, l.count);
        for (unsigned i = 0; i < l.count; i++) {
                rv_item_string(row, list, i, l.text[i], l.n[i]);
                free(l.text[i]);
        }
}

static void fill(struct rv_row *row, const struct rv_unit *u)
{
        Service_set_Name(row, u->id, strlen(u->id) - strlen(SUFFIX));
        text(row, Service_Manager, "systemd");
        text(row, Service_DisplayName, u->description);
        text(row, Service_UnitName, u->id);
        if (Service_wants_State(row))
                text(row, Service_State, state_of(u));
        Service_set_Started(row, u->active && (strcmp(u->active, "active") == 0 ||
                                               strcmp(u->active, "reloading") == 0 ||
                                               strcmp(u->active, "activating") == 0));
        text(row, Service_StartMode, start_mode(u));
        text(row, Service_LoadState, u->load);
        text(row, Service_ActiveState, u->active);
        text(row, Service_SubState, u->sub);
        text(row, Service_UnitFileState, u->file_state);
        text(row, Service_JobType, u->job);
        struct stat st;
        if (Service_wants_InstallDate(row) && u->fragment && stat(u->fragment, &st) == 0)
                Service_set_InstallDate(row, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
        if (!detail(u, Service_FragmentPath))
                text(row, Service_FragmentPath, u->fragment);
        rv_unit_fill(row, u, kept, ids, NKEPT, UINT_MAX);
        fill_usage(row, u);
}

static bool wants_restart(const struct rv_row *row)
{
        return Service_wants_RestartRequired(row) || Service_wants_RestartReasons(row);
}

static bool wants_details(const struct rv_query *q)
{
        for (unsigned i = 0; i < NKEPT; i++)
                if (rv_asked(q, ids[i]))
                        return true;
        return rv_asked(q, Service_MemoryCurrent) || rv_asked(q, Service_CPUUsageNSec) ||
               rv_asked(q, Service_TasksCurrent) || rv_asked(q, Service_RestartRequired) ||
               rv_asked(q, Service_RestartReasons);
}

static int service_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *name = rv_equals(q, Service_Name);
        char only[300] = "", id[300] = "", group[1024];
        int e = need_units();
        if (e)
                return e;
        if (name)
                rv_unitop_id(name->s, name->len, only, sizeof only);
        e = rv_units_begin(units, wants_details(q), name ? only : NULL, q->deadline, err);
        if (e)
                return e;
        for (;;) {
                const struct rv_unit *u = name ? rv_units_find(units, only) : rv_units_after(units, id);
                if (!u || (u->load && strcmp(u->load, "not-found") == 0 && name))
                        break;
                snprintf(id, sizeof id, "%s", u->id);
                bool show = !u->load || strcmp(u->load, "not-found") !=
                                                0; /* only named by others: not a service of this host */
                struct rv_row *row = show ? rv_row(out) : NULL;
                group[0] = 0;
                if (row) {
                        const struct rv_unit_value *in = detail(u, Service_ControlGroup);
                        snprintf(group, sizeof group, "%s", in && wants_restart(row) ? in->text : "");
                        fill(row, u);
                }
                rv_units_end(units);
                if (row) {
                        fill_log(row, id);
                        if (wants_restart(row))
                                rv_service_fill_restart(row, group, 0);
                        e = rv_emit(out, row);
                }
                if (e || name || rv_cancelled(q->call))
                        return e == RV_STOP ? RV_OK : e;
                e = rv_units_again(units, q->deadline, err);
                if (e)
                        return e;
        }
        rv_units_end(units);
        return RV_OK;
}

/* One whose model is at hand: without a thread. What reads more files than the freezer's has one. */
static int service_peek(const struct rv_query *q, struct rv_sink *out)
{
        const struct rv_arg *name = rv_equals(q, Service_Name);
        char id[300];
        bool files = rv_asked(q, Service_MemoryCurrent) || rv_asked(q, Service_CPUUsageNSec) ||
                     rv_asked(q, Service_TasksCurrent) || rv_asked(q, Service_RestartRequired) ||
                     rv_asked(q, Service_RestartReasons) || rv_asked(q, Service_LastLogLines);
        if (!name || files || need_units())
                return RV_FULL;
        rv_unitop_id(name->s, name->len, id, sizeof id);
        if (!rv_units_peek(units, wants_details(q), id))
                return RV_FULL;
        const struct rv_unit *u = rv_units_find(units, id);
        struct rv_row *row = u && !(u->load && strcmp(u->load, "not-found") == 0) ? rv_row(out) : NULL;
        if (row)
                fill(row, u);
        rv_units_end(units);
        int e = row ? rv_emit(out, row) : RV_OK;
        return e == RV_STOP ? RV_OK : e;
}

/* ---- methods ---- */

static int service_start(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_job(c, "start", "StartUnit", "Running", true, err);
}
static int service_stop(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_job(c, "stop", "StopUnit", "Stopped", false, err);
}
static int service_restart(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_job(c, "restart", "RestartUnit", "Running", true, err);
}
static int service_reload(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_job(c, "reload", "ReloadUnit", "Running", false, err);
}
static int service_reload_or_restart(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_job(c, "reload or restart", "ReloadOrRestartUnit", "Running", true, err);
}

static int service_pause(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_freezer(c, "pause", "FreezeUnit", true, err);
}
static int service_resume(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_freezer(c, "resume", "ThawUnit", false, err);
}
static int service_reset_failed(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return rv_unitop_plain(c, "reset", "ResetFailedUnit", "ActiveState", "failed", "inactive", err);
}

static int service_kill(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_Kill_in *in = args;
        struct rv_unitop ch;
        int number, e = rv_service_signal(in->Signal, &number, err);
        if (e == RV_OK)
                e = rv_unitop_begin(c, "signal", &ch, err);
        if (e)
                return e;
        rv_change(c, "Signal", NULL, in->Signal);
        if (!c->what_if)
                e = rv_systemd_call(ch.bus, c->deadline, ch.what, err, NULL, "KillUnit", "ssi", ch.unit,
                                    in->has_Whom ? in->Whom : "all", number);
        return rv_unitop_end(c, &ch, e);
}

/* ---- unit files ---- */

static int service_change_start_mode(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_ChangeStartMode_in *in = args;
        struct rv_unitop ch;
        int e = rv_unitop_begin(c, "set the start mode of", &ch, err);
        return e ? e : rv_unitop_end(c, &ch, rv_unitop_set_mode(c, &ch, in->StartMode, err));
}

static int service_mask(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_Mask_in *in = args;
        return rv_unitop_mask(c, "mask", "MaskUnitFiles", in->has_Runtime && in->Runtime, "masked", err);
}
static int service_unmask(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_Unmask_in *in = args;
        return rv_unitop_mask(c, "unmask", "UnmaskUnitFiles", in->has_Runtime && in->Runtime, "unmasked", err);
}

static int service_set_property(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_SetProperty_in *in = args;
        struct rv_unitop ch;
        struct rv_setting setting;
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int e = rv_unitop_begin(c, "change a setting of", &ch, err);
        if (e)
                return e;
        rv_about(err, NULL, NULL, "Value");
        e = rv_setting_parse(in->Property, in->Value, &setting, err);
        if (e)
                return rv_unitop_end(c, &ch, e);
        rv_change(c, in->Property, NULL, in->Value);
        if (c->what_if)
                return rv_unitop_end(c, &ch, RV_OK);
        int r = sd_bus_message_new_method_call(ch.bus, &m, RV_SYSTEMD_NAME, RV_SYSTEMD_PATH,
                                               RV_SYSTEMD_MANAGER, "SetUnitProperties");
        if (r >= 0)
                r = sd_bus_message_append(m, "sb", ch.unit, in->has_Runtime && in->Runtime);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = rv_setting_append(m, &setting);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_call(ch.bus, m, rv_systemd_timeout(c->deadline), &error, NULL);
        if (r < 0)
                e = rv_systemd_fail(err, r, &error, ch.what);
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        return rv_unitop_end(c, &ch, e);
}

/* ---- new and gone ---- */

static int write_unit(const char *path, const struct Service_Create_in *in, struct rv_error *err)
{
        char new[400];
        snprintf(new, sizeof new, "%s.reeve-new", path);
        int fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
        if (!f) {
                int e = rv_fail_errno(err, errno, "cannot write %s", path);
                if (fd >= 0)
                        close(fd);
                return e;
        }
        fprintf(f,
                "# Made by reeve "
                "(Service.Create).\n[Unit]\nDescription=%s\n\n[Service]\nType=%s\nExecStart=%s\n",
                in->has_DisplayName ? in->DisplayName : in->Name, in->has_Type ? in->Type : "simple",
                in->PathName);
        if (in->has_StartName)
                fprintf(f, "User=%s\n", in->StartName);
        if (in->has_RestartPolicy)
                fprintf(f, "Restart=%s\n", in->RestartPolicy);
        fprintf(f, "\n[Install]\nWantedBy=multi-user.target\n");
        bool bad = fflush(f) != 0 || fsync(fd) < 0;
        bad |= fclose(f) != 0;
        if (bad || link(new, path) < 0) {
                int e = rv_fail_errno(err, errno, "cannot write %s", path);
                unlink(new);
                return e;
        }
        unlink(new);
        return RV_OK;
}

static int service_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_Create_in *in = args;
        struct rv_unitop ch = { 0 };
        char path[360], load[32];
        int e = need_units();
        if (e == RV_OK)
                e = rv_service_check_create(in, err);
        if (e)
                return e;
        rv_unitop_id(in->Name, in->Name_len, ch.unit, sizeof ch.unit);
        snprintf(ch.what, sizeof ch.what, "cannot create %.250s", ch.unit);
        snprintf(path, sizeof path, "/etc/systemd/system/%s", ch.unit);
        rv_about(err, NULL, in->Name, NULL);
        e = rv_systemd_open(&ch.bus, err);
        if (e)
                return e;
        e = rv_systemd_call(ch.bus, c->deadline, ch.what, err, NULL, "LoadUnit", "s", ch.unit);
        rv_systemd_text(ch.bus, ch.unit, RV_SYSTEMD_UNIT, "LoadState", load, sizeof load);
        if (e == RV_OK && strcmp(load, "not-found") != 0)
                e = rv_fail(err, RV_ALREADY_EXISTS, "there is a service %s already", in->Name);
        if (e == RV_OK) {
                rv_change(c, "Name", NULL, in->Name);
        }
        if (e || c->what_if)
                return rv_unitop_end(c, &ch, e);
        e = write_unit(path, in, err);
        if (e == RV_OK)
                e = rv_unitop_reload_manager(&ch, c->deadline, err);
        if (e == RV_OK && in->has_StartMode)
                e = rv_unitop_set_mode(c, &ch, in->StartMode, err);
        return rv_unitop_end(c, &ch, e);
}

static int service_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct rv_unitop ch;
        char path[400], fragment[400], result[32];
        int e = rv_unitop_begin(c, "delete", &ch, err);
        if (e)
                return e;
        snprintf(path, sizeof path, "/etc/systemd/system/%s", ch.unit);
        rv_systemd_text(ch.bus, ch.unit, RV_SYSTEMD_UNIT, "FragmentPath", fragment, sizeof fragment);
        if (strcmp(fragment, path) != 0) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: its unit file %s was not made by an administrator",
                        ch.what, fragment[0] ? fragment : "is not a file");
                return rv_unitop_end(c, &ch,
                            rv_hint(err, "Remove the package it came with, or disable it: Set-Service "
                                         "-StartupType Disabled."));
        }
        rv_change(c, "Name", c->key[Service_Name].s, NULL);
        if (c->what_if)
                return rv_unitop_end(c, &ch, RV_OK);
        if (strcmp(ch.active, "inactive") != 0 && strcmp(ch.active, "failed") != 0)
                e = rv_systemd_job(ch.bus, "StopUnit", ch.unit, "replace", c->deadline, result, err);
        if (e == RV_OK)
                e = rv_unitop_files(&ch, c->deadline, "DisableUnitFiles", false, false, err);
        if (e == RV_OK && unlink(path) < 0 && errno != ENOENT)
                e = rv_fail_errno(err, errno, "cannot remove %s", path);
        if (e == RV_OK)
                e = rv_unitop_reload_manager(&ch, c->deadline, err);
        if (e == RV_OK)
                rv_systemd_call(ch.bus, c->deadline, ch.what, NULL, NULL, "ResetFailedUnit", "s", ch.unit);
        return rv_unitop_end(c, &ch, e);
}

static int (*const methods[Service_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Service_method_StartService] = service_start,
        [Service_method_StopService] = service_stop,
        [Service_method_Restart] = service_restart,
        [Service_method_Reload] = service_reload,
        [Service_method_ReloadOrRestart] = service_reload_or_restart,
        [Service_method_PauseService] = service_pause,
        [Service_method_ResumeService] = service_resume,
        [Service_method_ChangeStartMode] = service_change_start_mode,
        [Service_method_Mask] = service_mask,
        [Service_method_Unmask] = service_unmask,
        [Service_method_Kill] = service_kill,
        [Service_method_ResetFailed] = service_reset_failed,
        [Service_method_SetProperty] = service_set_property,
        [Service_method_Create] = service_create,
        [Service_method_Delete] = service_delete,
        [Service_method_GetUnitFile] = rv_unitfile_get,
        [Service_method_SetUnitFile] = rv_unitfile_set,
        [Service_method_Verify] = rv_unitfile_verify,
        [Service_method_RunTransient] = rv_unitfile_run,
};

/* To the state wanted, by what leads there from the present one. */
static int set_state(struct rv_call *c, const char *to, struct rv_error *err)
{
        struct rv_unitop ch;
        char freezer[32];
        if (strcmp(to, "Running") != 0 && strcmp(to, "Stopped") != 0 && strcmp(to, "Paused") != 0) {
                rv_about(err, NULL, NULL, "State");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a service cannot be set to '%.40s': expected Running, Stopped or Paused", to);
        }
        int e = rv_unitop_begin(c, "set the state of", &ch, err);
        if (e)
                return e;
        rv_systemd_text(ch.bus, ch.unit, RV_SYSTEMD_UNIT, "FreezerState", freezer, sizeof freezer);
        bool frozen = strcmp(freezer, "frozen") == 0;
        rv_unitop_end(c, &ch, RV_OK);
        if (strcmp(to, "Paused") == 0)
                return service_pause(c, NULL, err);
        if (frozen)
                e = service_resume(c, NULL, err);
        return e ? e : strcmp(to, "Running") == 0 ? service_start(c, NULL, err) : service_stop(c, NULL, err);
}

/* How it is started first: what is masked does not start. */
static int service_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *mode = &v->v[Service_StartMode], *state = &v->v[Service_State];
        int e = RV_OK;
        if (rv_bit(v->set, Service_StartMode)) {
                struct rv_unitop ch;
                e = mode->type == RV_STRING ? rv_unitop_begin(c, "set the start mode of", &ch, err)
                                            : rv_fail(err, RV_INVALID_PARAMETER, "StartMode cannot be null");
                if (e == RV_OK)
                        e = rv_unitop_end(c, &ch, rv_unitop_set_mode(c, &ch, mode->s, err));
        }
        if (e == RV_OK && rv_bit(v->set, Service_State))
                e = state->type == RV_STRING ? set_state(c, state->s, err)
                                             : rv_fail(err, RV_INVALID_PARAMETER, "State cannot be null");
        return e;
}

/* ---- changes: systemd's signals, by the model that hears them ---- */

static int push_open(struct rv_error *err)
{
        (void)err;
        return need_units() ? -ENOMEM : rv_units_watch(units);
}

static void on_told(void *news, const char *id)
{
        size_t n = strlen(id), m = strlen(SUFFIX);
        rv_news_key(news, &(struct rv_arg) { .type = RV_STRING, .s = id, .len = (uint32_t)(n > m ? n - m : n) }, 0);
}

static int push_read(int fd, struct rv_news *news)
{
        if (!rv_units_told(units, fd, on_told, news))
                rv_news_changed(news);
        return 0;
}

static void push_close(int fd)
{
        rv_units_unwatch(units);
        close(fd);
}

const struct rv_service_backend rv_service_systemd = { .here = rv_systemd_here,
                                                       .query = service_query,
                                                       .peek = service_peek,
                                                       .methods = methods,
                                                       .modify = service_modify,
                                                       .push_open = push_open,
                                                       .push_read = push_read,
                                                       .push_close = push_close };
