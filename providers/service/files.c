/* SPDX-License-Identifier: MIT
 *
 * Service, where the service manager keeps its services in files (files.h): reading rows, and changing with a look
 * at what came of it. A start counts only when the service still lives SETTLE after it.
 */
#include "providers/service/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gen/Service.h"
#include "providers/lib/fill.h"
#include "providers/service/backend.h"
#include "providers/service/tail.h"
#include "providers/service/watch.h"

/* ms: after its start; that a stopped service's process may take to go; until it is back after a reload */
enum { SETTLE = 300, ENDS = 10000, RELOADS = 3000 };

/* PID 1 of OpenRC may be sysvinit's, so sysvinit comes last. */
static const struct rv_svc_manager *const managers[] = { &rv_svc_openrc, &rv_svc_runit, &rv_svc_sysv };

static const struct rv_svc_manager *here(void)
{
        for (size_t i = 0; i < sizeof managers / sizeof *managers; i++)
                if (managers[i]->here())
                        return managers[i];
        return NULL;
}

static bool any_here(void)
{
        return here() != NULL;
}

/* ---- rows ---- */

static const char *const states[] = {
        [RV_SVC_UNKNOWN] = "Unknown",       [RV_SVC_STOPPED] = "Stopped", [RV_SVC_STARTING] = "Start Pending",
        [RV_SVC_STOPPING] = "Stop Pending", [RV_SVC_RUNNING] = "Running", [RV_SVC_PAUSED] = "Paused"
};
static const char *const modes[] = {
        [RV_SVC_AUTO] = "Auto", [RV_SVC_MANUAL] = "Manual", [RV_SVC_DISABLED] = "Disabled"
};

static const char *active(const struct rv_svc *s)
{
        switch (s->state) {
        case RV_SVC_STOPPED: return s->failed ? "failed" : "inactive";
        case RV_SVC_STARTING: return "activating";
        case RV_SVC_STOPPING: return "deactivating";
        case RV_SVC_RUNNING:
        case RV_SVC_PAUSED: return "active";
        default: return NULL;
        }
}

/* All services' needs, for "who needs this one?". */
struct need {
        char name[256];
        char *requires, *wants;
};
struct needs {
        struct need *v;
        size_t n;
        const struct rv_svc_manager *manager;
        uint64_t deadline;
};

static int add_need(void *state, const char *name)
{
        struct needs *all = state;
        struct rv_svc s = { 0 };
        struct need *more = realloc(all->v, (all->n + 1) * sizeof *all->v);
        if (!more)
                return -ENOMEM;
        all->v = more;
        if (all->manager->read(name, RV_SVC_WANT_LINKS, all->deadline, &s) == 0) {
                struct need *it = &all->v[all->n++];
                snprintf(it->name, sizeof it->name, "%s", s.name);
                it->requires = strdup(s.requires);
                it->wants = strdup(s.wants);
        }
        return 0;
}

static void free_needs(struct needs *all)
{
        for (size_t i = 0; i < all->n; i++) {
                free(all->v[i].requires);
                free(all->v[i].wants);
        }
        free(all->v);
}

static bool names(const char *list, const struct rv_svc *s)
{
        if (!list)
                return false;
        if (rv_svc_has(list, s->name))
                return true;
        char one[256];
        for (const char *at = s->provides; *(at += strspn(at, " ")); at += strcspn(at, " ")) {
                snprintf(one, sizeof one, "%.*s", (int)strcspn(at, " "), at);
                if (rv_svc_has(list, one))
                        return true;
        }
        return false;
}

static void fill_needed(struct rv_row *row, unsigned p, const struct rv_svc *s, const struct needs *all,
                        bool requires)
{
        char list[4096] = "";
        for (size_t i = 0; i < all->n; i++)
                if (names(requires ? all->v[i].requires : all->v[i].wants, s))
                        rv_svc_word(list, sizeof list, all->v[i].name, strlen(all->v[i].name));
        rv_fill_list(row, p, list, " ");
}

struct lines {
        char *text[10];
        unsigned count;
};
static void keep_line(void *state, const char *s, size_t n)
{
        struct lines *l = state;
        if (l->count < 10 && (l->text[l->count] = strndup(s, n)))
                l->count++;
}

static void fill_log(struct rv_row *row, const struct rv_svc *s)
{
        struct lines l = { 0 };
        if (!Service_wants_LastLogLines(row) || !s->log[0] ||
            rv_svc_tail(s->log, 0, s->tag, 10, keep_line, &l) < 0)
                return;
        rv_list list = Service_set_LastLogLines(row, l.count);
        for (unsigned i = 0; i < l.count; i++) {
                rv_item_string(row, list, i, l.text[i], strlen(l.text[i]));
                free(l.text[i]);
        }
}

static void fill_state(struct rv_row *row, const struct rv_svc *s)
{
        rv_fill(row, Service_State, states[s->state]);
        if (s->state != RV_SVC_UNKNOWN)
                Service_set_Started(row, s->state == RV_SVC_RUNNING || s->state == RV_SVC_STARTING ||
                                                 s->state == RV_SVC_PAUSED);
        rv_fill(row, Service_ActiveState, active(s));
        rv_fill(row, Service_SubState, s->sub);
        rv_fill(row, Service_Result, s->result);
        rv_fill(row, Service_User, s->user);
        if (s->pid)
                Service_set_MainPID(row, s->pid);
        if (s->started)
                Service_set_ExecMainStartTimestamp(row, s->started);
        if (s->changed)
                Service_set_StateChangeTimestamp(row, s->changed);
        if (s->changed && (s->state == RV_SVC_RUNNING || s->state == RV_SVC_PAUSED))
                Service_set_ActiveEnterTimestamp(row, s->changed);
        if (s->changed && s->state == RV_SVC_STOPPED)
                Service_set_InactiveEnterTimestamp(row, s->changed);
        if (s->state != RV_SVC_UNKNOWN)
                rv_service_fill_restart(row, "", s->pid);
}

static void fill(struct rv_row *row, const struct rv_svc *s, const struct rv_svc_manager *m,
                 const struct needs *all)
{
        Service_set_Name(row, s->name, strlen(s->name));
        rv_fill(row, Service_Manager, m->name);
        rv_fill(row, Service_DisplayName, s->display);
        rv_fill(row, Service_StartMode, modes[s->mode]);
        rv_fill(row, Service_LoadState, "loaded");
        rv_fill(row, Service_UnitFileState, s->mode == RV_SVC_AUTO ? "enabled" : "disabled");
        rv_fill(row, Service_FragmentPath, s->file);
        rv_fill(row, Service_ExecStart, s->command);
        rv_fill_list(row, Service_Runlevels, s->runlevels, " ");
        rv_fill_list(row, Service_Names, s->provides, " ");
        rv_fill_list(row, Service_Requires, s->requires, " ");
        rv_fill_list(row, Service_Wants, s->wants, " ");
        rv_fill_list(row, Service_After, s->after, " ");
        rv_fill_list(row, Service_Before, s->before, " ");
        rv_fill_list(row, Service_Conflicts, s->conflicts, " ");
        Service_set_CanStart(row, s->mode != RV_SVC_DISABLED);
        Service_set_CanStop(row, s->mode != RV_SVC_DISABLED);
        Service_set_CanReload(row, s->can_reload);
        Service_set_CanFreeze(row, s->can_pause);
        fill_state(row, s);
        fill_needed(row, Service_RequiredBy, s, all, true);
        fill_needed(row, Service_WantedBy, s, all, false);
        fill_log(row, s);
}

static bool asked_any(const struct rv_query *q, const uint16_t *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (rv_asked(q, p[i]))
                        return true;
        return false;
}

static unsigned wanted(const struct rv_query *q)
{
        static const uint16_t state[] = { Service_State,
                                          Service_Started,
                                          Service_ActiveState,
                                          Service_SubState,
                                          Service_Result,
                                          Service_User,
                                          Service_MainPID,
                                          Service_ExecMainStartTimestamp,
                                          Service_StateChangeTimestamp,
                                          Service_ActiveEnterTimestamp,
                                          Service_InactiveEnterTimestamp,
                                          Service_RestartRequired,
                                          Service_RestartReasons };
        static const uint16_t links[] = { Service_Requires,   Service_Wants,     Service_After,
                                          Service_Before,     Service_Conflicts, Service_Names,
                                          Service_RequiredBy, Service_WantedBy };
        return (asked_any(q, state, sizeof state / sizeof *state) ? RV_SVC_WANT_STATE : 0) |
               (asked_any(q, links, sizeof links / sizeof *links) ? RV_SVC_WANT_LINKS : 0);
}

struct emitting {
        const struct rv_svc_manager *manager;
        const struct rv_query *q;
        struct rv_sink *out;
        struct needs needs;
        unsigned want;
};

static int emit_one(void *state, const char *name)
{
        struct emitting *e = state;
        struct rv_svc s = { 0 };
        if (rv_cancelled(e->q->call))
                return RV_STOP;
        if (e->manager->read(name, e->want, e->q->deadline, &s))
                return RV_OK;
        struct rv_row *row = rv_row(e->out);
        fill(row, &s, e->manager, &e->needs);
        return rv_emit(e->out, row);
}

static int files_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *name = rv_equals(q, Service_Name);
        struct emitting e = { .manager = here(), .q = q, .out = out, .want = wanted(q) };
        char one[256];
        int r = RV_OK;
        if (!e.manager)
                return rv_fail(err, RV_UNAVAILABLE, "the service manager has gone");
        e.needs = (struct needs) { .manager = e.manager, .deadline = q->deadline };
        if (rv_asked(q, Service_RequiredBy) || rv_asked(q, Service_WantedBy))
                r = e.manager->each(add_need, &e.needs);
        if (r == RV_OK && name && rv_service_good_name(name->s, name->len)) {
                snprintf(one, sizeof one, "%.*s", (int)name->len, name->s);
                r = emit_one(&e, one);
        } else if (r == RV_OK && !name)
                r = e.manager->each(emit_one, &e);
        free_needs(&e.needs);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- changes ---- */

static int begin(struct rv_call *c, const char *doing, struct rv_svc_change *ch, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[Service_Name];
        struct stat st;
        char one[256] = "";
        *ch = (struct rv_svc_change) { .manager = here(), .call = c, .err = err, .doing = doing };
        if (!ch->manager)
                return rv_fail(err, RV_UNAVAILABLE, "the service manager has gone");
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a service is named by its Name");
        rv_about(err, NULL, name->s, NULL);
        snprintf(one, sizeof one, "%.*s", (int)name->len, name->s);
        if (!rv_service_good_name(name->s, name->len) ||
            ch->manager->read(one, RV_SVC_WANT_STATE, c->deadline, &ch->now)) {
                rv_fail(err, RV_NOT_FOUND, "there is no service %s", name->s);
                return rv_hint(err, "Get-Service lists the services of this host.");
        }
        snprintf(ch->what, sizeof ch->what, "cannot %s %s", doing, ch->now.name);
        if (ch->now.log[0] && stat(ch->now.log, &st) == 0)
                ch->log_from = st.st_size;
        return RV_OK;
}

static int done(struct rv_svc_change *ch, int e)
{
        if (e == RV_OK && ch->call->method)
                Service_StartService_out_set_ReturnValue(ch->call->out, 0);
        return e;
}

/* What went wrong, in the service's own words. */
static int failed(struct rv_svc_change *ch, const char *why)
{
        struct lines l = { 0 };
        char hint[240] = "";
        rv_fail(ch->err, RV_FAILED, "%s: %s", ch->what, why);
        struct rv_svc s = { 0 };
        ch->manager->read(ch->now.name, 0, ch->call->deadline, &s); /* it may have a log only now */
        if (s.log[0])
                rv_svc_tail(s.log, strcmp(s.log, ch->now.log) == 0 ? ch->log_from : 0, s.tag, 3, keep_line,
                            &l);
        for (unsigned i = 0; i < l.count; i++) {
                size_t at = strlen(hint);
                snprintf(hint + at, sizeof hint - at, "%s%s", at ? " | " : "Its last words: ", l.text[i]);
                free(l.text[i]);
        }
        if (!hint[0] && ch->words[0])
                snprintf(hint, sizeof hint, "Its last words: %.200s", ch->words);
        return rv_hint(ch->err, "%s",
                       hint[0] ? hint : "It said nothing, and it has no log that is known here.");
}

static int read_again(struct rv_svc_change *ch, struct rv_svc *ret)
{
        memset(ret, 0, sizeof *ret);
        if (ch->manager->read(ch->now.name, RV_SVC_WANT_STATE, ch->call->deadline, ret))
                return rv_fail(ch->err, RV_NOT_FOUND, "%s: it has gone meanwhile", ch->what);
        return RV_OK;
}

/* Waits `ms`, or until the process has ended: true. */
static bool ends_within(uint32_t pid, int ms)
{
        int fd = pid ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
        struct pollfd p = { fd, POLLIN, 0 };
        bool ended = pid && fd < 0 && errno == ESRCH;
        if (!ended)
                ended = poll(&p, 1, ms) > 0; /* without a descriptor it only waits */
        if (fd >= 0)
                close(fd);
        return ended;
}

static int settle(struct rv_svc_change *ch)
{
        static const char early[] = "it ended right after its start";
        struct rv_svc s;
        int e = read_again(ch, &s);
        if (e || s.state == RV_SVC_UNKNOWN || (s.state != RV_SVC_RUNNING && !s.process))
                return e; /* nobody can say more than that its start went well */
        uint32_t pid = s.pid;
        if (ends_within(pid, SETTLE))
                return failed(ch, early);
        e = read_again(ch, &s);
        if (e)
                return e;
        if (s.failed ||
            (s.state != RV_SVC_RUNNING && s.state != RV_SVC_STARTING && s.state != RV_SVC_UNKNOWN))
                return failed(ch, pid ? early : "it does not run after its start");
        return pid && s.pid && s.pid != pid ? failed(ch, early) : RV_OK;
}

static int stopped(struct rv_svc_change *ch)
{
        struct rv_svc s;
        if (ch->now.pid && !ends_within(ch->now.pid, ENDS))
                return failed(ch, "its process has not ended");
        int e = read_again(ch, &s);
        return e || s.state == RV_SVC_STOPPED || s.state == RV_SVC_UNKNOWN ? e : failed(ch, "it still runs");
}

static bool runs(const struct rv_svc *s)
{
        return s->state == RV_SVC_RUNNING || s->state == RV_SVC_PAUSED;
}

/* Start, stop, restart. */
static int act(struct rv_svc_change *ch, enum rv_svc_verb verb)
{
        const char *to = verb == RV_SVC_STOP ? "Stopped" : "Running";
        if (ch->now.state == (verb == RV_SVC_STOP ? RV_SVC_STOPPED : RV_SVC_RUNNING) &&
            verb != RV_SVC_RESTART)
                return RV_OK; /* as asked already */
        if (verb != RV_SVC_STOP && ch->now.mode == RV_SVC_DISABLED) {
                rv_fail(ch->err, RV_FAILED, "%s: it is disabled", ch->what);
                return rv_hint(ch->err, "Set-Service -StartupType Manual lifts that.");
        }
        if (verb != RV_SVC_STOP && ch->now.state == RV_SVC_PAUSED) {
                rv_fail(ch->err, RV_FAILED, "%s: it is paused", ch->what);
                return rv_hint(ch->err, "Resume-Service lets it run again.");
        }
        rv_change(ch->call, "State", states[ch->now.state], to);
        if (ch->call->what_if)
                return RV_OK;
        int e = ch->manager->verb(ch, verb);
        if (e)
                return e;
        return verb == RV_SVC_STOP ? stopped(ch) : settle(ch);
}

static int act_on(struct rv_call *c, const char *doing, enum rv_svc_verb verb, struct rv_error *err)
{
        struct rv_svc_change ch;
        int e = begin(c, doing, &ch, err);
        return e ? e : done(&ch, act(&ch, verb));
}

static int files_start(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return act_on(c, "start", RV_SVC_START, err);
}
static int files_stop(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return act_on(c, "stop", RV_SVC_STOP, err);
}
static int files_restart(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return act_on(c, "restart", RV_SVC_RESTART, err);
}

static int cannot_reload(struct rv_svc_change *ch)
{
        rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: it has no way to read its configuration anew", ch->what);
        return rv_hint(ch->err, "Restart-Service does it by a new start.");
}

/* A service may begin anew to read its configuration; it must be there again soon. */
static int reloaded(struct rv_svc_change *ch)
{
        struct rv_svc s;
        int e = RV_OK;
        for (unsigned waited = 0; e == RV_OK && waited <= RELOADS && !rv_cancelled(ch->call); waited += 50) {
                e = read_again(ch, &s);
                if (e == RV_OK && s.state == ch->now.state)
                        return RV_OK;
                rv_svc_pause_ms(50);
        }
        return e ? e : failed(ch, "it does not run after it was told to");
}

static int reload(struct rv_svc_change *ch)
{
        if (!ch->now.can_reload)
                return cannot_reload(ch);
        if (ch->now.state != RV_SVC_UNKNOWN && !runs(&ch->now))
                return failed(ch, "it does not run");
        rv_change(ch->call, "State", states[ch->now.state], states[ch->now.state]);
        if (ch->call->what_if)
                return RV_OK;
        int e = ch->manager->verb(ch, RV_SVC_RELOAD);
        return e ? e : reloaded(ch);
}

static int files_reload(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, "reload", &ch, err);
        return e ? e : done(&ch, reload(&ch));
}
static int files_reload_or_restart(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, "reload or restart", &ch, err);
        if (e == RV_OK)
                e = ch.now.can_reload && runs(&ch.now) ? reload(&ch) : act(&ch, RV_SVC_RESTART);
        return done(&ch, e);
}

static int freeze(struct rv_svc_change *ch, bool pause)
{
        if (!(ch->manager->verbs & 1u << RV_SVC_PAUSE)) {
                rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: %s cannot pause a service", ch->what,
                        ch->manager->name);
                return rv_hint(ch->err, "%s", ch->manager->cannot_pause);
        }
        if (ch->now.state == (pause ? RV_SVC_PAUSED : RV_SVC_RUNNING))
                return RV_OK;
        if (ch->now.state != (pause ? RV_SVC_RUNNING : RV_SVC_PAUSED))
                return failed(ch, "it does not run");
        rv_change(ch->call, "State", states[ch->now.state], pause ? "Paused" : "Running");
        return ch->call->what_if ? RV_OK : ch->manager->verb(ch, pause ? RV_SVC_PAUSE : RV_SVC_RESUME);
}

static int files_pause(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, "pause", &ch, err);
        return e ? e : done(&ch, freeze(&ch, true));
}
static int files_resume(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, "resume", &ch, err);
        return e ? e : done(&ch, freeze(&ch, false));
}

static int files_reset(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, "reset", &ch, err);
        if (e)
                return e;
        if (!(ch.manager->verbs & 1u << RV_SVC_RESET)) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: %s keeps no note of failures", ch.what, ch.manager->name);
                return rv_hint(err, "A service that has ended can be started again as it is.");
        }
        if (!ch.now.failed)
                return done(&ch, RV_OK);
        rv_change(c, "ActiveState", "failed", "inactive");
        return done(&ch, c->what_if ? RV_OK : ch.manager->verb(&ch, RV_SVC_RESET));
}

static int set_mode(struct rv_svc_change *ch, const char *mode)
{
        enum rv_svc_mode to = strcmp(mode, "Disabled") == 0 ? RV_SVC_DISABLED
                              : strcmp(mode, "Manual") == 0 ? RV_SVC_MANUAL
                                                            : RV_SVC_AUTO;
        struct rv_svc s = { 0 };
        if (ch->now.mode == to)
                return RV_OK;
        if (to == RV_SVC_DISABLED && ch->manager->cannot_disable) {
                rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: %s cannot forbid a service to be started", ch->what,
                        ch->manager->name);
                return rv_hint(ch->err, "%s", ch->manager->cannot_disable);
        }
        rv_change(ch->call, "StartMode", modes[ch->now.mode], modes[to]);
        if (ch->call->what_if)
                return RV_OK;
        int e = ch->manager->set_mode(ch, to);
        if (e == RV_OK && (ch->manager->read(ch->now.name, 0, ch->call->deadline, &s) || s.mode != to))
                e = failed(ch, "the tool said that it did, but nothing changed");
        return e;
}

static int files_change_start_mode(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_ChangeStartMode_in *in = args;
        struct rv_svc_change ch;
        int e = begin(c, "set the start mode of", &ch, err);
        return e ? e : done(&ch, set_mode(&ch, in->StartMode));
}

static int files_mask(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, c->method->name[0] == 'M' ? "mask" : "unmask", &ch, err);
        if (e)
                return e;
        rv_fail(err, RV_NOT_SUPPORTED, "%s: masks are systemd's, and %s runs this host", ch.what,
                ch.manager->name);
        return rv_hint(err, "ChangeStartMode sets how it is started.");
}

static int files_set_property(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, "set a property of", &ch, err);
        if (e)
                return e;
        rv_fail(err, RV_NOT_SUPPORTED, "%s: %s has no settings of resource control", ch.what,
                ch.manager->name);
        return rv_hint(err, "Limits belong into its script: %s", ch.now.file);
}

static int files_kill(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_Kill_in *in = args;
        struct rv_svc_change ch;
        int number, e = rv_service_signal(in->Signal, &number, err);
        if (e == RV_OK)
                e = begin(c, "signal", &ch, err);
        if (e)
                return e;
        if (in->has_Whom && strcmp(in->Whom, "control") == 0)
                return rv_fail(err, RV_NOT_SUPPORTED, "%s: %s has no control processes", ch.what,
                               ch.manager->name);
        int fd = ch.now.pid ? (int)syscall(SYS_pidfd_open, (pid_t)ch.now.pid, 0) : -1;
        if (fd < 0)
                return failed(&ch, "it has no process that is known");
        rv_change(c, "Signal", NULL, in->Signal);
        if (!c->what_if && syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) < 0)
                e = rv_fail_errno(err, errno, "%s", ch.what);
        close(fd);
        return done(&ch, e);
}

/* ---- new and gone ---- */

static int check_create(const struct rv_svc_manager *m, const struct Service_Create_in *in,
                        struct rv_error *err)
{
        int e = rv_service_check_create(in, err);
        if (e)
                return e;
        if (in->has_Type && strcmp(in->Type, "simple") != 0 && strcmp(in->Type, "exec") != 0) {
                rv_about(err, NULL, NULL, "Type");
                rv_fail(err, RV_NOT_SUPPORTED, "%s services made here are of type simple, not %s", m->name,
                        in->Type);
                return rv_hint(err,
                               "Give a program that stays in the foreground, or write the script yourself.");
        }
        if (in->has_RestartPolicy && !m->can_restart(in->RestartPolicy)) {
                rv_about(err, NULL, NULL, "RestartPolicy");
                return rv_fail(err, RV_NOT_SUPPORTED, "%s cannot restart services by the policy '%s'",
                               m->name, in->RestartPolicy);
        }
        if (in->has_StartMode && strcmp(in->StartMode, "Disabled") == 0 && m->cannot_disable) {
                rv_about(err, NULL, NULL, "StartMode");
                return rv_fail(err, RV_NOT_SUPPORTED, "%s cannot forbid a service to be started", m->name);
        }
        return RV_OK;
}

static int files_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_Create_in *in = args;
        struct rv_svc_change ch = { .manager = here(), .call = c, .err = err, .doing = "create" };
        int e = ch.manager ? check_create(ch.manager, in, err)
                           : rv_fail(err, RV_UNAVAILABLE, "the service manager has gone");
        if (e)
                return e;
        rv_about(err, NULL, in->Name, NULL);
        snprintf(ch.what, sizeof ch.what, "cannot create %s", in->Name);
        if (ch.manager->read(in->Name, 0, c->deadline, &ch.now) == 0)
                return rv_fail(err, RV_ALREADY_EXISTS, "there is a service %s already", in->Name);
        rv_change(c, "Name", NULL, in->Name);
        if (c->what_if)
                return done(&ch, RV_OK);
        e = ch.manager->create(&ch, in);
        if (e == RV_OK && ch.manager->read(in->Name, 0, c->deadline, &ch.now))
                e = rv_fail(err, RV_FAILED, "%s: it was written, but %s does not see it", ch.what,
                            ch.manager->name);
        if (e == RV_OK && in->has_StartMode)
                e = set_mode(&ch, in->StartMode);
        return done(&ch, e);
}

static int files_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct rv_svc_change ch;
        (void)in;
        int e = begin(c, "delete", &ch, err);
        if (e)
                return e;
        if (rv_svc_packaged(ch.now.file, c->deadline)) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: a package brought its script %s", ch.what, ch.now.file);
                return rv_hint(err,
                               "Remove the package, or keep it from being started: Set-Service -StartupType "
                               "Manual.");
        }
        rv_change(c, "Name", ch.now.name, NULL);
        if (c->what_if)
                return done(&ch, RV_OK);
        if (runs(&ch.now) || ch.now.state == RV_SVC_STARTING)
                e = ch.manager->verb(&ch, RV_SVC_STOP);
        if (e == RV_OK && ch.now.mode == RV_SVC_AUTO)
                e = ch.manager->set_mode(&ch, RV_SVC_MANUAL);
        return done(&ch, e ? e : ch.manager->remove(&ch));
}

static int (*const methods[Service_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Service_method_StartService] = files_start,
        [Service_method_StopService] = files_stop,
        [Service_method_Restart] = files_restart,
        [Service_method_Reload] = files_reload,
        [Service_method_ReloadOrRestart] = files_reload_or_restart,
        [Service_method_PauseService] = files_pause,
        [Service_method_ResumeService] = files_resume,
        [Service_method_ChangeStartMode] = files_change_start_mode,
        [Service_method_Mask] = files_mask,
        [Service_method_Unmask] = files_mask,
        [Service_method_Kill] = files_kill,
        [Service_method_ResetFailed] = files_reset,
        [Service_method_SetProperty] = files_set_property,
        [Service_method_Create] = files_create,
        [Service_method_Delete] = files_delete,
};

/* To the state wanted, by what leads there from the present one. */
static int set_state(struct rv_svc_change *ch, const char *to)
{
        if (strcmp(to, "Paused") == 0)
                return freeze(ch, true);
        if (strcmp(to, "Running") == 0)
                return ch->now.state == RV_SVC_PAUSED ? freeze(ch, false) : act(ch, RV_SVC_START);
        if (strcmp(to, "Stopped") == 0)
                return act(ch, RV_SVC_STOP);
        rv_about(ch->err, NULL, NULL, "State");
        return rv_fail(ch->err, RV_INVALID_PARAMETER,
                       "a service cannot be set to '%.40s': expected Running, Stopped or Paused", to);
}

/* How it is started first: what is disabled does not start. */
static int files_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *mode = &v->v[Service_StartMode], *state = &v->v[Service_State];
        struct rv_svc_change ch;
        int e = RV_OK;
        if (rv_bit(v->set, Service_StartMode)) {
                e = mode->type == RV_STRING ? begin(c, "set the start mode of", &ch, err)
                                            : rv_fail(err, RV_INVALID_PARAMETER, "StartMode cannot be null");
                e = e ? e : set_mode(&ch, mode->s);
        }
        if (e == RV_OK && rv_bit(v->set, Service_State)) {
                e = state->type == RV_STRING ? begin(c, "set the state of", &ch, err)
                                             : rv_fail(err, RV_INVALID_PARAMETER, "State cannot be null");
                e = e ? e : set_state(&ch, state->s);
        }
        return e;
}

static int files_push_open(struct rv_error *err)
{
        const struct rv_svc_manager *m = here();
        return m ? rv_svc_watch_open(m, err) : -ENOENT;
}

const struct rv_service_backend rv_service_files = { .here = any_here,
                                                     .query = files_query,
                                                     .methods = methods,
                                                     .modify = files_modify,
                                                     .push_open = files_push_open,
                                                     .push_read = rv_svc_watch_read,
                                                     .push_close = rv_svc_watch_close };
