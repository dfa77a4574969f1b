/* SPDX-License-Identifier: MIT
 *
 * Convergence: see swarmwait.h.
 *
 * A service has converged when every task that is to run does, is made by the present specification, and goes on doing
 * so for a while. The engine resets UpdateStatus at each change, so a "completed" there speaks of the present one.
 */
#include "providers/lib/swarmwait.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "providers/lib/containertext.h"
#include "providers/lib/swarmcheck.h"

#define ENOUGH 3 /* failures of one slot that are no accident any more */
#define LOOK 150 /* ms between two looks */

static bool is(json_t *j, const char *path, const char *text)
{
        const char *s = rv_j_text(j, path);
        return s && strcmp(s, text) == 0;
}

void rv_swarm_task_name(json_t *task, const char *service, char *ret, size_t size)
{
        long long slot = rv_j_number(task, "Slot");
        if (slot)
                snprintf(ret, size, "%s.%lld", service, slot);
        else
                snprintf(ret, size, "%s.%s", service, rv_or_empty(rv_j_text(task, "NodeID")));
}

static bool failed(json_t *task)
{
        return is(task, "Status/State", "failed") || is(task, "Status/State", "rejected");
}

/* One of a slot's tasks: the same slot, or the same node of a global service. */
static bool same_slot(json_t *a, json_t *b)
{
        long long x = rv_j_number(a, "Slot"), y = rv_j_number(b, "Slot");
        return x || y ? x == y : is(a, "NodeID", rv_or_empty(rv_j_text(b, "NodeID")));
}

static void why(json_t *service, json_t *task, json_t *nodes, char *ret, size_t size)
{
        char name[200];
        json_t *node = rv_swarm_by_id(nodes, rv_j_text(task, "NodeID"));
        const char *host = rv_j_text(node, "Description/Hostname"), *err = rv_j_text(task, "Status/Err");
        const char *said = err ? err : rv_or_empty(rv_j_text(task, "Status/Message"));
        size_t n = strlen(said);
        rv_swarm_task_name(task, rv_or_empty(rv_j_text(service, "Spec/Name")), name, sizeof name);
        /* A runtime's long complaint has its reason at the end. */
        snprintf(ret, size, "%.70s%s%.30s: %.12s: %.*s%s", name, host ? " on " : "", rv_or_empty(host),
                 rv_or_empty(rv_j_text(task, "Status/State")), n > 118 ? 28 : 118, said, n > 118 ? " ... " : "");
        size_t at = strlen(ret);
        if (n > 118)
                snprintf(ret + at, size - at, "%s", said + n - 85);
}

static bool empty(json_t *j)
{
        return !j || json_is_null(j) || json_is_false(j) || (json_is_object(j) && !json_object_size(j)) ||
               (json_is_array(j) && !json_array_size(j)) || (json_is_string(j) && !json_string_length(j)) ||
               (json_is_number(j) && json_number_value(j) == 0);
}

/* The engine writes some empty members into a service that it leaves out of its tasks. */
static json_t *without_empty(json_t *j)
{
        const char *name;
        json_t *one, *to = json_is_object(j) ? json_object() : json_deep_copy(j);
        if (json_is_object(j))
                json_object_foreach(j, name, one)
                {
                        json_t *part = without_empty(one);
                        if (!empty(part))
                                json_object_set(to, name, part);
                        json_decref(part);
                }
        return to;
}

static bool alike(json_t *a, json_t *b)
{
        json_t *x = without_empty(a), *y = without_empty(b);
        bool same = json_equal(x, y) || (empty(x) && empty(y));
        json_decref(x);
        json_decref(y);
        return same;
}

/* Whether a task was made by the present specification. Placement is no part of it: tasks stay where they fit. */
static bool current(json_t *task, json_t *service)
{
        static const char *const parts[] = { "ContainerSpec", "ForceUpdate" };
        for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
                if (!alike(json_object_get(json_object_get(task, "Spec"), parts[i]),
                           json_object_get(rv_j_at(service, "Spec/TaskTemplate"), parts[i])))
                        return false;
        return true;
}

static unsigned failures(json_t *tasks, json_t *known, json_t *of)
{
        json_t *one;
        size_t i;
        unsigned n = 0;
        json_array_foreach(tasks, i, one)
                n += failed(one) && same_slot(one, of) && !json_object_get(known, rv_or_empty(rv_j_text(one, "ID")));
        return n;
}

void rv_swarm_state(json_t *service, json_t *tasks, json_t *nodes, json_t *known, struct rv_swarm_state *s)
{
        json_t *one, *spec = json_object_get(service, "Spec");
        size_t i;
        unsigned wanted = 0;
        const char *newest = "";
        *s = (struct rv_swarm_state) { 0 };
        json_array_foreach(tasks, i, one)
        {
                const char *when = rv_or_empty(rv_j_text(one, "CreatedAt"));
                bool to_run = is(one, "DesiredState", "running"), runs = to_run && is(one, "Status/State", "running");
                bool waits = to_run && is(one, "Status/State", "pending") && rv_j_text(one, "Status/Err");
                bool news = !json_object_get(known, rv_or_empty(rv_j_text(one, "ID")));
                wanted += to_run;
                s->running += runs;
                s->current += runs && current(one, service);
                if ((failed(one) && news) || waits) {
                        unsigned n = failures(tasks, known, one);
                        s->failures = n > s->failures ? n : s->failures;
                        if (strcmp(when, newest) >= 0) {
                                newest = when;
                                why(service, one, nodes, s->failing, sizeof s->failing);
                        }
                }
        }
        json_t *replicas = rv_j_at(spec, "Mode/Replicated/Replicas");
        unsigned fitting = nodes && rv_j_at(spec, "Mode/Global") ? rv_swarm_eligible(nodes, spec) : 0;
        s->desired = replicas ? (unsigned)json_integer_value(replicas) : fitting > wanted ? fitting : wanted;
        const char *state = rv_or_empty(rv_j_text(service, "UpdateStatus/State"));
        s->updating = strcmp(state, "updating") == 0 || strcmp(state, "rollback_started") == 0;
        s->stopped = strcmp(state, "paused") == 0 || strcmp(state, "rollback_paused") == 0 ||
                     strcmp(state, "rollback_completed") == 0;
}

/* One that was undone is what its specification says now: the swarm has put the former one there. */
bool rv_swarm_converged(json_t *service, const struct rv_swarm_state *s)
{
        bool undone = is(service, "UpdateStatus/State", "rollback_completed");
        bool completed = undone || is(service, "UpdateStatus/State", "completed");
        return s->running == s->desired && !s->updating && (!s->stopped || undone) &&
               (completed || s->current == s->running);
}

/* ---- waiting ---- */

static int tasks_of(struct rv_talk *t, const char *id, json_t **ret, struct rv_error *err)
{
        return rv_swarm_list(t, ret, err,
                             "/tasks?filters=%%7B%%22service%%22%%3A%%7B%%22%.64s%%22%%3Atrue%%7D%%7D", id);
}

int rv_swarm_known(struct rv_talk *t, const char *id, json_t **ret, struct rv_error *err)
{
        json_t *tasks = NULL, *one, *all = json_object();
        size_t i;
        int r = all ? tasks_of(t, id, &tasks, err) : -ENOMEM;
        json_array_foreach(tasks, i, one)
                json_object_set_new(all, rv_or_empty(rv_j_text(one, "ID")), json_true());
        json_decref(tasks);
        if (r)
                json_decref(all);
        else
                *ret = all;
        return r;
}

static int look(struct rv_talk *t, const char *id, json_t *known, json_t **ret_service, struct rv_swarm_state *s,
                struct rv_error *err)
{
        json_t *tasks = NULL, *nodes = NULL;
        int r = rv_swarm_get(t, ret_service, err, "/services/%s", id);
        if (r == RV_OK)
                r = tasks_of(t, id, &tasks, err);
        if (r == RV_OK)
                r = rv_swarm_list(t, &nodes, err, "/nodes");
        if (r == RV_OK)
                rv_swarm_state(*ret_service, tasks, nodes, known, s);
        json_decref(tasks);
        json_decref(nodes);
        return r;
}

/* What has come of it, where it is not what was wanted. */
static int judge(json_t *service, const struct rv_swarm_state *s, bool back, struct rv_error *err)
{
        const char *name = rv_or_empty(rv_j_text(service, "Spec/Name"));
        const char *state = rv_or_empty(rv_j_text(service, "UpdateStatus/State"));
        bool once = is(service, "Spec/TaskTemplate/RestartPolicy/Condition", "none");
        bool undone = strcmp(state, "rollback_completed") == 0;
        if (s->stopped && !(undone && back)) {
                rv_fail(err, RV_FAILED, "the update of the service %.63s was %s: %s", name,
                        undone ? "undone by the swarm" : "paused by the swarm",
                        *s->failing ? s->failing : rv_or_empty(rv_j_text(service, "UpdateStatus/Message")));
                return rv_hint(err, undone ? "It is as it was before. %u of %u tasks run."
                                           : "%u of %u tasks run. Restore-SwarmService brings the former state back.",
                               s->running, s->desired);
        }
        /* While it updates, the swarm itself decides what is to become of failures; and then that is what is told. */
        bool decides = s->updating && !is(service, "Spec/UpdateConfig/FailureAction", "continue");
        if (!decides && s->failures >= (once ? 1 : ENOUGH)) {
                rv_fail(err, RV_FAILED, "tasks of the service %.63s fail again and again: %s", name, s->failing);
                return rv_hint(err, "%u of %u tasks run; the swarm goes on trying. Get-SwarmServiceLog %.63s, "
                                    "Restore-SwarmService, or Remove-SwarmService.", s->running, s->desired, name);
        }
        return RV_OK;
}

static int too_late(json_t *service, const struct rv_swarm_state *s, struct rv_error *err)
{
        const char *name = rv_or_empty(rv_j_text(service, "Spec/Name"));
        rv_fail(err, RV_TIMED_OUT, "the service %.63s is not there yet: %u of %u tasks run, %u as they are to be%s%s",
                name, s->running, s->desired, s->current, *s->failing ? "; " : "", s->failing);
        err->retryable = true;
        return rv_hint(err, "The change was made and the swarm goes on. Wait-SwarmService %.63s waits on.", name);
}

int rv_swarm_wait(struct rv_call *c, struct rv_talk *t, const struct rv_swarm_wish *w, struct rv_error *err)
{
        uint64_t good = 0;
        struct rv_swarm_state s = { 0 };
        json_t *service = NULL;
        int r = RV_OK;
        for (;;) {
                json_decref(service);
                service = NULL;
                r = look(t, w->id, w->known, &service, &s, err);
                if (r || (r = judge(service, &s, w->back, err)))
                        break;
                uint64_t now = rv_now();
                good = !rv_swarm_converged(service, &s) ? 0 : good ? good : now;
                if (good && now - good >= w->stable)
                        break;
                if (rv_swarm_late(t)) {
                        r = too_late(service, &s, err);
                        break;
                }
                char text[300];
                snprintf(text, sizeof text, "%u of %u tasks run%s%s", s.current, s.desired, *s.failing ? "; " : "",
                         s.failing);
                rv_progress(c, rv_or_empty(rv_j_text(service, "Spec/Name")), text,
                            s.desired ? (int)(100 * (s.current < s.desired ? s.current : s.desired) / s.desired) : -1);
                poll(NULL, 0, LOOK);
        }
        json_decref(service);
        return r;
}
