/* SPDX-License-Identifier: MIT
 *
 * SystemUnit: every unit of systemd, from a model of PID 1's units (lib/units.h) with the properties that all kinds
 * have and the few that tell what a socket, mount, path or timer is. Which of the latter a unit has is its kind's to
 * say: the others stay null.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/SystemUnit.h"
#include "providers/lib/systemd.h"
#include "providers/lib/units.h"
#include "providers/service/unitops.h"

/* D-Bus property -> ours. One table for both: the name is the same unless said. */
#define KEPT(X) \
        X(LoadError, RV_UR_ERROR, true) \
        X(StateChangeTimestamp, RV_UR_TIME, true) \
        X(ActiveEnterTimestamp, RV_UR_TIME, true) \
        X(InactiveEnterTimestamp, RV_UR_TIME, true) \
        X(InvocationID, RV_UR_ID, true) \
        X(FragmentPath, RV_UR_TEXT, true) \
        X(SourcePath, RV_UR_TEXT, true) \
        X(DropInPaths, RV_UR_LIST, true) \
        X(Names, RV_UR_LIST, true) \
        X(Documentation, RV_UR_LIST, true) \
        X(Requires, RV_UR_LIST, true) \
        X(Requisite, RV_UR_LIST, true) \
        X(Wants, RV_UR_LIST, true) \
        X(BindsTo, RV_UR_LIST, true) \
        X(PartOf, RV_UR_LIST, true) \
        X(Conflicts, RV_UR_LIST, true) \
        X(After, RV_UR_LIST, true) \
        X(Before, RV_UR_LIST, true) \
        X(RequiredBy, RV_UR_LIST, true) \
        X(WantedBy, RV_UR_LIST, true) \
        X(BoundBy, RV_UR_LIST, true) \
        X(Triggers, RV_UR_LIST, true) \
        X(TriggeredBy, RV_UR_LIST, true) \
        X(OnFailure, RV_UR_LIST, true) \
        X(CanStart, RV_UR_BOOL, true) \
        X(CanStop, RV_UR_BOOL, true) \
        X(CanReload, RV_UR_BOOL, true) \
        X(NeedDaemonReload, RV_UR_BOOL, true) \
        X(Transient, RV_UR_BOOL, true) \
        X(ConditionResult, RV_UR_BOOL, true) \
        X(Result, RV_UR_TEXT, false) \
        X(ControlGroup, RV_UR_TEXT, false) \
        X(Slice, RV_UR_TEXT, false) \
        X(Listen, RV_UR_PAIRS, false) \
        X(Accept, RV_UR_BOOL, false) \
        X(NConnections, RV_UR_UINT, false) \
        X(NAccepted, RV_UR_UINT, false) \
        X(NRefused, RV_UR_UINT, false) \
        X(Where, RV_UR_TEXT, false) \
        X(What, RV_UR_TEXT, false) \
        X(Options, RV_UR_TEXT, false) \
        X(Paths, RV_UR_PAIRS, false) \
        X(TimersCalendar, RV_UR_TIMERS, false) \
        X(TimersMonotonic, RV_UR_TIMERS, false)

#define AS_KEPT(name, how, unit) { #name, how, unit },
#define AS_ID(name, how, unit) SystemUnit_##name,
static const struct rv_unit_property kept[] = { KEPT(AS_KEPT) { "LastTriggerUSec", RV_UR_TIME, false },
                                                { "ConditionTimestamp", RV_UR_TIME, true } };
static const unsigned ids[] = { KEPT(AS_ID) SystemUnit_LastTrigger };
enum { NKEPT = sizeof kept / sizeof *kept, NIDS = sizeof ids / sizeof *ids, CONDITION_TIME = NKEPT - 1 };
_Static_assert(NIDS == NKEPT - 1, "the last one is only looked at");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct rv_units *units;
static void make_units(void)
{
        units = rv_units_new("", NULL, kept, NKEPT);
}

static int need_units(struct rv_error *err)
{
        if (!rv_systemd_here())
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "units are systemd's, and another service manager runs this host");
        pthread_once(&once, make_units);
        return units ? RV_OK : -ENOMEM;
}

static void text(struct rv_row *row, unsigned p, const char *s)
{
        if (s && *s && rv_wants(row, p))
                rv_set_string(row, p, s, strlen(s));
}

static void fill(struct rv_row *row, const struct rv_unit *u)
{
        const char *dot = strrchr(u->id, '.');
        SystemUnit_set_Name(row, u->id, strlen(u->id));
        text(row, SystemUnit_Type, dot ? dot + 1 : NULL);
        text(row, SystemUnit_Description, u->description);
        text(row, SystemUnit_LoadState, u->load);
        text(row, SystemUnit_ActiveState, u->active);
        text(row, SystemUnit_SubState, u->sub);
        text(row, SystemUnit_UnitFileState, u->file_state);
        text(row, SystemUnit_JobType, u->job);
        if (!u->detailed)
                text(row, SystemUnit_FragmentPath, u->fragment);
        bool tried = u->values && u->values[CONDITION_TIME].set;
        rv_unit_fill(row, u, kept, ids, NIDS, tried ? UINT_MAX : SystemUnit_ConditionResult);
}

static bool wants_details(const struct rv_query *q)
{
        for (unsigned i = 0; i < NIDS; i++)
                if (rv_asked(q, ids[i]))
                        return true;
        return false;
}

static bool is_unit(const struct rv_unit *u)
{
        return !u->load || strcmp(u->load, "not-found") != 0; /* else only named by others */
}

static int unit_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *name = rv_equals(q, SystemUnit_Name);
        char id[300] = "";
        int e = need_units(err);
        if (e)
                return e;
        if (name && name->len >= sizeof id)
                return RV_OK;
        e = rv_units_begin(units, wants_details(q), name ? name->s : NULL, q->deadline, err);
        if (e)
                return e;
        for (;;) {
                const struct rv_unit *u = name ? rv_units_find(units, name->s) : rv_units_after(units, id);
                if (!u)
                        break;
                snprintf(id, sizeof id, "%s", u->id);
                struct rv_row *row = is_unit(u) ? rv_row(out) : NULL;
                if (row)
                        fill(row, u);
                rv_units_end(units);
                e = row ? rv_emit(out, row) : RV_OK;
                if (e || name || rv_cancelled(q->call))
                        return e == RV_STOP ? RV_OK : e;
                e = rv_units_again(units, q->deadline, err);
                if (e)
                        return e;
        }
        rv_units_end(units);
        return RV_OK;
}

/* ---- methods ---- */

static int job(struct rv_call *c, const char *doing, const char *method, const char *target, bool start,
               struct rv_error *err)
{
        int e = need_units(err);
        return e ? e : rv_unitop_job(c, doing, method, target, start, err);
}

static int unit_start(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return job(c, "start", "StartUnit", "Running", true, err);
}
static int unit_stop(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return job(c, "stop", "StopUnit", "Stopped", false, err);
}
static int unit_restart(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return job(c, "restart", "RestartUnit", "Running", true, err);
}
static int unit_reload(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return job(c, "reload", "ReloadUnit", "Running", false, err);
}

static int set_mode(struct rv_call *c, const char *doing, const char *mode, struct rv_error *err)
{
        struct rv_unitop op;
        int e = need_units(err);
        if (e == RV_OK)
                e = rv_unitop_begin(c, doing, &op, err);
        if (e)
                return e;
        if (strcmp(op.load, "masked") == 0) {
                rv_fail(err, RV_FAILED, "%s: it is masked", op.what);
                return rv_unitop_end(c, &op, rv_hint(err, "Unmask lifts that."));
        }
        return rv_unitop_end(c, &op, rv_unitop_set_mode(c, &op, mode, err));
}
static int unit_enable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return set_mode(c, "enable", "Auto", err);
}
static int unit_disable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return set_mode(c, "disable", "Manual", err);
}

static int unit_mask(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SystemUnit_Mask_in *in = args;
        int e = need_units(err);
        return e ? e
                 : rv_unitop_mask(c, "mask", "MaskUnitFiles", in->has_Runtime && in->Runtime, "masked", err);
}
static int unit_unmask(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SystemUnit_Unmask_in *in = args;
        int e = need_units(err);
        return e ? e
                 : rv_unitop_mask(c, "unmask", "UnmaskUnitFiles", in->has_Runtime && in->Runtime, "unmasked",
                                  err);
}

static int unit_reset_failed(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = need_units(err);
        return e ? e
                 : rv_unitop_plain(c, "reset", "ResetFailedUnit", "ActiveState", "failed", "inactive", err);
}

static int (*const methods[SystemUnit_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [SystemUnit_method_Start] = unit_start,
        [SystemUnit_method_Stop] = unit_stop,
        [SystemUnit_method_Restart] = unit_restart,
        [SystemUnit_method_Reload] = unit_reload,
        [SystemUnit_method_Enable] = unit_enable,
        [SystemUnit_method_Disable] = unit_disable,
        [SystemUnit_method_Mask] = unit_mask,
        [SystemUnit_method_Unmask] = unit_unmask,
        [SystemUnit_method_ResetFailed] = unit_reset_failed,
};

/* ---- changes ---- */

static int push_open(struct rv_error *err)
{
        if (need_units(err))
                return -EOPNOTSUPP;
        return rv_units_watch(units);
}

static void on_told(void *news, const char *id)
{
        rv_news_key(news, &(struct rv_arg) { .type = RV_STRING, .s = id, .len = (uint32_t)strlen(id) }, 0);
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

static const struct rv_push push = {
        .covers = RV_PUSH_ALL, .open = push_open, .read = push_read, .close = push_close
};

static const struct rv_provider systemunit = {
        .class = &SystemUnit_class, .query = unit_query, .push = &push, .methods = methods, .threads = 2
};

RV_PROVIDERS(systemunit, &systemunit);
