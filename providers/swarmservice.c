/* SPDX-License-Identifier: MIT
 *
 * SwarmService: the services of the swarm that this host's engine manages. What is given is put into the specification
 * (lib/swarmspec.h), held against nodes, networks, ports and images before the swarm sees it (lib/swarmcheck.h), and
 * then waited for (lib/swarmwait.h): a change has succeeded when tasks run as they are to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/SwarmService.h"
#include "providers/lib/containerstream.h"
#include "providers/lib/containertext.h"
#include "providers/lib/enginestream.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/swarmcheck.h"
#include "providers/lib/swarmspec.h"
#include "providers/lib/swarmwait.h"
#include "providers/lib/swarmwatch.h"

#define SECOND UINT64_C(1000000000)
#define OUTPUT (4u << 20) /* bytes of each stream of logs that are kept */
#define WORDS ((SwarmService_nproperties + 63) / 64)

/* ---- reading ---- */

static const struct rv_json_rule rules[] = {
        { SwarmService_Name, "Spec/Name", RV_J_TEXT },
        { SwarmService_Id, "ID", RV_J_TEXT },
        { SwarmService_UpdateState, "UpdateStatus/State", RV_J_TEXT },
        { SwarmService_UpdateMessage, "UpdateStatus/Message", RV_J_TEXT },
        { SwarmService_UpdateStarted, "UpdateStatus/StartedAt", RV_J_TIME },
        { SwarmService_UpdateCompleted, "UpdateStatus/CompletedAt", RV_J_TIME },
        { SwarmService_ForceUpdate, "Spec/TaskTemplate/ForceUpdate", RV_J_UINT },
        { SwarmService_Created, "CreatedAt", RV_J_TIME },
        { SwarmService_Updated, "UpdatedAt", RV_J_TIME },
        { SwarmService_Revision, "Version/Index", RV_J_UINT },
};

/* What the rows of one answer need beside the services themselves; each is there only where something wants it. */
struct around {
        json_t *tasks, *networks, *nodes;
};

static void fill_mode(struct rv_row *row, json_t *j)
{
        static const char *const modes[][2] = { { "Spec/Mode/Replicated", "replicated" },
                                                { "Spec/Mode/Global", "global" },
                                                { "Spec/Mode/ReplicatedJob", "replicated-job" },
                                                { "Spec/Mode/GlobalJob", "global-job" } };
        for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
                if (rv_j_at(j, modes[i][0]))
                        rv_fill(row, SwarmService_Mode, modes[i][1]);
}

static void fill_image(struct rv_row *row, json_t *j)
{
        const char *image = rv_j_text(j, "Spec/TaskTemplate/ContainerSpec/Image"),
                   *at = image ? strchr(image, '@') : NULL;
        if (at)
                rv_fill(row, SwarmService_ImageDigest, at + 1);
}

static void fill_addresses(struct rv_row *row, json_t *j)
{
        struct rv_lines lines;
        json_t *one;
        size_t i;
        char text[64];
        if (SwarmService_wants_PublishedPorts(row)) {
                rv_lines_clear(&lines);
                json_array_foreach(rv_j_at(j, "Endpoint/Ports"), i, one)
                {
                        rv_swarm_port_text(one, text, sizeof text);
                        rv_lines_add(&lines, "%s", text);
                }
                rv_lines_set(row, SwarmService_PublishedPorts, &lines);
        }
        if (SwarmService_wants_VirtualAddresses(row)) {
                rv_lines_clear(&lines);
                json_array_foreach(rv_j_at(j, "Endpoint/VirtualIPs"), i, one) if (rv_j_text(one, "Addr"))
                        rv_lines_add(&lines, "%s", rv_j_text(one, "Addr"));
                rv_lines_set(row, SwarmService_VirtualAddresses, &lines);
        }
}

static void fill_state(struct rv_row *row, json_t *j, const struct around *a)
{
        json_t *mine = json_array(), *one;
        size_t i;
        const char *id = rv_or_empty(rv_j_text(j, "ID"));
        struct rv_swarm_state s;
        json_array_foreach(a->tasks, i, one) if (strcmp(rv_or_empty(rv_j_text(one, "ServiceID")), id) == 0)
                json_array_append(mine, one);
        rv_swarm_state(j, mine, a->nodes, NULL, &s);
        SwarmService_set_Running(row, s.running);
        SwarmService_set_Desired(row, s.desired);
        SwarmService_set_Converged(row, rv_swarm_converged(j, &s));
        json_decref(mine);
}

static void fill(struct rv_row *row, json_t *j, const struct around *a)
{
        rv_json_fill(row, j, rules, sizeof rules / sizeof *rules);
        rv_swarm_spec_fill(row, json_object_get(j, "Spec"), a->networks);
        fill_mode(row, j);
        fill_image(row, j);
        fill_addresses(row, j);
        SwarmService_set_CanRollback(row, json_is_object(json_object_get(j, "PreviousSpec")));
        if (SwarmService_wants_Running(row) || SwarmService_wants_Desired(row) ||
            SwarmService_wants_Converged(row))
                fill_state(row, j, a);
}

static int look_around(struct rv_talk *t, const struct rv_query *q, struct around *a, struct rv_error *err)
{
        int r = RV_OK;
        bool state = rv_asked(q, SwarmService_Running) || rv_asked(q, SwarmService_Desired) ||
                     rv_asked(q, SwarmService_Converged);
        if (state)
                r = rv_swarm_list(t, &a->tasks, err, "/tasks");
        if (r == RV_OK && state)
                r = rv_swarm_list(t, &a->nodes, err, "/nodes");
        if (r == RV_OK && rv_asked(q, SwarmService_Networks))
                r = rv_swarm_networks(t, &a->networks, err);
        return r;
}

static int service_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk t = { .call = q->call,
                             .deadline = q->deadline,
                             .what = "cannot list the swarm's services" };
        struct around a = { 0 };
        const struct rv_arg *name = rv_equals(q, SwarmService_Name);
        json_t *list = NULL, *j;
        size_t i;
        int r = rv_swarm_list(&t, &list, err, "/services");
        if (r == RV_OK && json_array_size(list))
                r = look_around(&t, q, &a, err);
        json_array_foreach(list, i, j)
        {
                if (r)
                        break;
                if (name && strcasecmp(name->s, rv_or_empty(rv_j_text(j, "Spec/Name"))) != 0)
                        continue;
                struct rv_row *row = rv_row(out);
                fill(row, j, &a);
                r = rv_emit(out, row);
        }
        json_decref(list);
        json_decref(a.tasks);
        json_decref(a.nodes);
        json_decref(a.networks);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- changing ---- */

struct job {
        struct rv_call *call;
        struct rv_talk talk;
        char what[200], id[80];
        struct rv_swarm_given given;
        const char *mode;
        bool no_resolve, detach, restart, rescale;
        uint64_t stable; /* ns */
        uint32_t replicas;
        json_t *networks, *warnings, *known;
        struct rv_arg v[SwarmService_nproperties]; /* a method's arguments by property */
        uint64_t set[WORDS];
};

static void start_job(struct job *j, struct rv_call *c, const char *verb, const char *name)
{
        memset(j, 0, sizeof *j);
        j->call = c;
        j->stable = SECOND;
        snprintf(j->what, sizeof j->what, "cannot %s the service %.63s", verb, name ? name : "");
        j->talk = (struct rv_talk) { .call = c, .deadline = c->deadline, .what = j->what };
        j->warnings = json_array();
}

static int end_job(struct job *j, int r)
{
        if (r == RV_OK && j->call->out)
                rv_set_uint(j->call->out, 0, 0);
        json_decref(j->networks);
        json_decref(j->warnings);
        json_decref(j->known);
        return r;
}

static const char *key(const struct rv_call *c)
{
        const struct rv_arg *name = &c->key[SwarmService_Name];
        return name->type == RV_STRING ? name->s : "";
}

static int find(struct job *j, struct rv_error *err)
{
        json_t *service = NULL;
        int r = rv_swarm_find(&j->talk, "services", key(j->call), false, &service, err);
        if (r == RV_OK)
                snprintf(j->id, sizeof j->id, "%s", rv_or_empty(rv_j_text(service, "ID")));
        json_decref(service);
        return r;
}

static int names(struct job *j, struct rv_error *err)
{
        return !j->networks && rv_bit(j->given.set, SwarmService_Networks)
                       ? rv_swarm_networks(&j->talk, &j->networks, err)
                       : RV_OK;
}

static int same_mode(struct job *j, json_t *spec, struct rv_error *err)
{
        const char *is = rv_j_at(spec, "Mode/Global") ? "global" : "replicated";
        const struct rv_arg *v = &j->given.v[SwarmService_Mode];
        if (!j->given.set || !rv_bit(j->given.set, SwarmService_Mode) || v->type != RV_STRING ||
            strcmp(v->s, is) == 0)
                return RV_OK;
        rv_about(err, NULL, NULL, "Mode");
        rv_fail(err, RV_NOT_SUPPORTED, "%s: a service that is %s stays so", j->what, is);
        return rv_hint(err, "Remove-SwarmService, and make it anew.");
}

/* rv_swarm_change: the present specification, as it is to be. */
static int change(void *closure, json_t *object, json_t *spec, struct rv_error *err)
{
        struct job *j = closure;
        json_t *was = json_object_get(object, "Spec");
        int r = same_mode(j, spec, err);
        if (r == RV_OK && j->given.set && (r = names(j, err)) == RV_OK)
                r = rv_swarm_spec_put(&j->talk, spec, &j->given, j->networks, err);
        if (r == RV_OK && j->rescale && !rv_j_at(spec, "Mode/Replicated"))
                r = rv_fail(err, RV_INVALID_PARAMETER,
                            "%s: it is global, it has one task on each node that fits", j->what);
        if (r == RV_OK && j->rescale)
                rv_j_put(spec, "Mode/Replicated/Replicas", json_integer(j->replicas));
        if (r == RV_OK && j->restart)
                rv_j_put(spec, "TaskTemplate/ForceUpdate",
                         json_integer(rv_j_number(spec, "TaskTemplate/ForceUpdate") + 1));
        json_array_clear(j->warnings);
        const struct rv_swarm_check k = {
                .from = was, .to = spec, .id = j->id, .no_resolve = j->no_resolve, .warnings = j->warnings
        };
        if (r == RV_OK)
                r = rv_swarm_check(&j->talk, &k, err);
        return r;
}

static void tell(void *closure, json_t *was, json_t *now)
{
        struct job *j = closure;
        rv_swarm_spec_changes(j->call, was, now, j->networks);
        if (j->restart)
                rv_change(j->call, "ForceUpdate", NULL, "restarted");
}

static int wait_for(struct job *j, bool back, struct rv_error *err)
{
        const struct rv_swarm_wish w = { .id = j->id, .known = j->known, .stable = j->stable, .back = back };
        return rv_swarm_wait(j->call, &j->talk, &w, err);
}

static int update(struct job *j, struct rv_error *err)
{
        const struct rv_swarm_change ch = {
                .kind = "services", .id = j->id, .change = change, .tell = tell, .closure = j
        };
        bool sent = false;
        int r = rv_swarm_known(&j->talk, j->id, &j->known, err);
        if (r == RV_OK)
                r = rv_swarm_update(&j->talk, &ch, j->call->what_if, &sent, err);
        if (r == RV_OK && sent && !j->detach)
                r = wait_for(j, false, err);
        return r;
}

static int make(struct job *j, const char *name, struct rv_error *err)
{
        json_t *spec = rv_swarm_spec_new(name, j->mode && strcmp(j->mode, "global") == 0), *made = NULL,
               *there = NULL;
        int r = spec ? rv_swarm_find(&j->talk, "services", name, false, &there, err) : -ENOMEM;
        json_decref(there);
        if (r == RV_OK)
                r = rv_fail(err, RV_ALREADY_EXISTS, "%s: there is one already", j->what);
        else if (r == RV_NOT_FOUND)
                r = RV_OK;
        if (r == RV_OK)
                *err = (struct rv_error) { 0 };
        if (r == RV_OK)
                r = names(j, err);
        if (r == RV_OK)
                r = rv_swarm_spec_put(&j->talk, spec, &j->given, j->networks, err);
        const struct rv_swarm_check k = { .to = spec, .no_resolve = j->no_resolve, .warnings = j->warnings };
        if (r == RV_OK)
                r = rv_swarm_check(&j->talk, &k, err);
        if (r == RV_OK) {
                rv_change(j->call, "Name", NULL, name);
                rv_swarm_spec_changes(j->call, NULL, spec, j->networks);
        }
        if (r == RV_OK && !j->call->what_if) {
                r = rv_swarm_post(&j->talk, json_incref(spec), &made, err, "/services/create");
                snprintf(j->id, sizeof j->id, "%s", rv_or_empty(rv_j_text(made, "ID")));
                if (r == RV_OK && !j->detach)
                        r = wait_for(j, false, err);
        }
        json_decref(made);
        json_decref(spec);
        return r;
}

/* ---- arguments of methods, by property ---- */

#define SETTINGS(TEXT, LIST, UINT, REAL, FLAG) \
        TEXT(Image) \
        LIST(Entrypoint) LIST(Command) UINT(Replicas) LIST(Environment) TEXT(WorkingDirectory) TEXT( \
                User) TEXT(HostName) LIST(Ports) TEXT(EndpointMode) LIST(Networks) LIST(Mounts) \
                LIST(Secrets) LIST(Configs) LIST(Constraints) LIST(Preferences) UINT( \
                        MaxReplicasPerNode) UINT(MemoryLimit) REAL(CpuLimit) UINT(PidsLimit) \
                        UINT(MemoryReservation) REAL(CpuReservation) TEXT(RestartCondition) REAL( \
                                RestartDelay) UINT(RestartMaxAttempts) REAL(RestartWindow) \
                                UINT(UpdateParallelism) REAL(UpdateDelay) TEXT(UpdateFailureAction) REAL( \
                                        UpdateMonitor) REAL(UpdateMaxFailureRatio) TEXT(UpdateOrder) \
                                        UINT(RollbackParallelism) REAL(RollbackDelay) TEXT( \
                                                RollbackFailureAction) REAL(RollbackMonitor) \
                                                REAL(RollbackMaxFailureRatio) TEXT(RollbackOrder) TEXT( \
                                                        HealthCommand) REAL(HealthInterval) \
                                                        REAL(HealthTimeout) UINT(HealthRetries) REAL( \
                                                                HealthStartPeriod) TEXT(StopSignal) \
                                                                REAL(StopTimeout) FLAG(Init) FLAG( \
                                                                        ReadonlyRootfs) FLAG(Tty) \
                                                                        LIST(CapAdd) LIST(CapDrop) LIST(Dns) \
                                                                                LIST(ExtraHosts) \
                                                                                        TEXT(LogDriver)
#define MAPS(PAIRS) PAIRS(Labels, Label) PAIRS(ContainerLabels, ContainerLabel) PAIRS(LogOptions, LogOption)

static void give(struct job *j, unsigned property, struct rv_arg v)
{
        j->v[property] = v;
        j->set[property / 64] |= UINT64_C(1) << property % 64;
}

#define GIVE_TEXT(p) \
        if (in->has_##p) \
                give(j, SwarmService_##p, \
                     (struct rv_arg) { .type = RV_STRING, .len = in->p##_len, .s = in->p });
#define GIVE_LIST(p) \
        if (in->has_##p) \
                give(j, SwarmService_##p, \
                     (struct rv_arg) { .type = RV_LIST, .len = in->p##_n, .items = in->p });
#define GIVE_UINT(p) \
        if (in->has_##p) \
                give(j, SwarmService_##p, (struct rv_arg) { .type = RV_UINT, .u = in->p });
#define GIVE_REAL(p) \
        if (in->has_##p) \
                give(j, SwarmService_##p, (struct rv_arg) { .type = RV_REAL, .d = in->p });
#define GIVE_FLAG(p) \
        if (in->has_##p) \
                give(j, SwarmService_##p, (struct rv_arg) { .type = RV_BOOL, .b = in->p });
#define GIVE_PAIRS(p, q) \
        if (in->has_##q) \
                give(j, SwarmService_##p, \
                     (struct rv_arg) { .type = RV_LIST, .len = in->q##_n, .items = in->q });
#define GIVE_ALL \
        SETTINGS(GIVE_TEXT, GIVE_LIST, GIVE_UINT, GIVE_REAL, GIVE_FLAG) \
        MAPS(GIVE_PAIRS) \
        j->given = (struct rv_swarm_given) { j->v, j->set, true }; \
        j->no_resolve = in->has_NoResolveImage && in->NoResolveImage; \
        j->detach = in->has_Detach && in->Detach; \
        j->talk.auth = in->has_RegistryAuth ? in->RegistryAuth : NULL; \
        if (in->has_StableFor && in->StableFor >= 0 && in->StableFor <= 3600) \
                j->stable = (uint64_t)(in->StableFor * 1e9);

static void give_create(struct job *j, const struct SwarmService_Create_in *in)
{
        GIVE_ALL
        j->mode = in->has_Mode ? in->Mode : NULL;
}

static void give_update(struct job *j, const struct SwarmService_Update_in *in)
{
        GIVE_ALL
}

static int good_name(const char *name, struct rv_error *err)
{
        size_t n = strlen(name);
        bool good = n > 0 && n <= 63 && name[0] != '-' && name[n - 1] != '-';
        for (const char *p = name; good && *p; p++)
                good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                       *p == '-' || *p == '_' || *p == '.';
        rv_about(err, NULL, NULL, "Name");
        return good ? RV_OK
                    : rv_fail(err, RV_INVALID_PARAMETER,
                              "Name: '%.80s' is none: at most 63 of a-z A-Z 0-9 - _ ., no - first or last",
                              name);
}

/* ---- methods ---- */

static int service_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmService_Create_in *in = args;
        struct job j;
        int r = good_name(in->Name, err);
        if (r)
                return r;
        start_job(&j, c, "make", in->Name);
        give_create(&j, in);
        r = make(&j, in->Name, err);
        if (r == RV_OK) {
                rv_fill(c->out, SwarmService_Create_out_Id, j.id);
                rv_json_list(c->out, SwarmService_Create_out_Warnings, j.warnings);
        }
        return end_job(&j, r);
}

static int service_update(struct rv_call *c, const void *args, struct rv_error *err)
{
        struct job j;
        start_job(&j, c, "change", key(c));
        give_update(&j, args);
        bool any = false;
        for (unsigned i = 0; i < WORDS; i++)
                any |= j.set[i] != 0;
        int r = any ? find(&j, err) : rv_fail(err, RV_INVALID_PARAMETER, "nothing to change was given");
        if (r == RV_OK)
                r = update(&j, err);
        if (r == RV_OK)
                rv_json_list(c->out, SwarmService_Update_out_Warnings, j.warnings);
        return end_job(&j, r);
}

static int service_scale(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmService_Scale_in *in = args;
        struct job j;
        start_job(&j, c, "scale", key(c));
        j.rescale = true;
        j.replicas = in->Replicas;
        j.detach = in->has_Detach && in->Detach;
        int r = find(&j, err);
        return end_job(&j, r ? r : update(&j, err));
}

static int service_restart(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmService_Restart_in *in = args;
        struct job j;
        start_job(&j, c, "restart", key(c));
        j.restart = true;
        j.detach = in->has_Detach && in->Detach;
        int r = find(&j, err);
        return end_job(&j, r ? r : update(&j, err));
}

static int roll_back(struct job *j, json_t *service, struct rv_error *err)
{
        json_t *now = json_object_get(service, "Spec"), *before = json_object_get(service, "PreviousSpec");
        int r = RV_OK;
        if (!json_is_object(before)) {
                rv_fail(err, RV_FAILED, "%s: it was never updated", j->what);
                return rv_hint(err, "There is no former state to bring back.");
        }
        json_t *to = json_deep_copy(
                before); /* the check pins nothing in it: its image is known by its digest, or was not */
        const struct rv_swarm_check k = {
                .from = now, .to = to, .id = j->id, .no_resolve = true, .warnings = j->warnings
        };
        r = to ? rv_swarm_check(&j->talk, &k, err) : -ENOMEM;
        json_decref(to);
        if (r)
                return r;
        rv_swarm_spec_changes(j->call, now, before, NULL);
        if (j->call->what_if)
                return RV_OK;
        return rv_swarm_post(&j->talk, json_deep_copy(now), NULL, err,
                             "/services/%s/update?version=%lld&rollback=previous", j->id,
                             (long long)rv_j_number(service, "Version/Index"));
}

static int service_rollback(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmService_Rollback_in *in = args;
        struct job j;
        json_t *service = NULL;
        start_job(&j, c, "roll back", key(c));
        int r = find(&j, err);
        if (r == RV_OK)
                r = rv_swarm_known(&j.talk, j.id, &j.known, err);
        for (int tries = 0; r == RV_OK || (r == RV_STALE && tries < 2); tries++) {
                if (r == RV_OK && tries)
                        break;
                r = rv_swarm_find(&j.talk, "services", key(c), false, &service, err);
                if (r == RV_OK)
                        r = roll_back(&j, service, err);
                json_decref(service);
                service = NULL;
        }
        if (r == RV_OK && !c->what_if && !(in->has_Detach && in->Detach))
                r = wait_for(&j, true, err);
        return end_job(&j, r);
}

static int service_delete(struct rv_call *c, struct rv_error *err)
{
        struct job j;
        start_job(&j, c, "remove", key(c));
        int r = find(&j, err);
        if (r == RV_OK)
                rv_change(c, "Name", key(c), NULL);
        if (r == RV_OK && !c->what_if)
                r = rv_swarm_delete(&j.talk, err, "/services/%s", j.id);
        return end_job(&j, r);
}

static int service_remove(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return service_delete(c, err);
}

static int service_wait(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmService_Wait_in *in = args;
        struct job j;
        start_job(&j, c, "wait for", key(c));
        if (in->has_StableFor && in->StableFor >= 0 && in->StableFor <= 3600)
                j.stable = (uint64_t)(in->StableFor * 1e9);
        int r = find(&j, err);
        if (r == RV_OK)
                r = rv_swarm_known(&j.talk, j.id, &j.known, err);
        if (r == RV_OK)
                r = wait_for(&j, true, err);
        return end_job(&j, r);
}

/* ---- logs ---- */

static int read_logs(struct job *j, const char *path, bool framed, struct rv_output *o, struct rv_error *err)
{
        struct rv_http h;
        struct rv_engine_ask a = { .engine = rv_engine_find(NULL),
                                   .call = j->call,
                                   .deadline = j->talk.deadline,
                                   .method = "GET",
                                   .path = path,
                                   .what = j->what,
                                   .file = -1 };
        int r = rv_engine_open(&a, &h, err);
        if (r)
                return rv_swarm_explain(&j->talk, r, err);
        int e = rv_output_read(&h, framed, o);
        rv_http_close(&h);
        return e ? rv_engine_fail(err, a.engine, e, j->what) : RV_OK;
}

static int service_logs(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmService_GetLogs_in *in = args;
        struct job j;
        struct rv_output o = { .most = OUTPUT, .tail = true };
        char path[300];
        json_t *service = NULL;
        start_job(&j, c, "read the output of", key(c));
        int r = rv_swarm_find(&j.talk, "services", key(c), false, &service, err);
        if (r == RV_OK) {
                int n = snprintf(path, sizeof path,
                                 "/services/%s/logs?stdout=1&stderr=1&timestamps=%d&details=%d&tail=%u",
                                 rv_or_empty(rv_j_text(service, "ID")), in->has_Timestamps && in->Timestamps,
                                 in->has_Details && in->Details, in->has_Tail ? in->Tail : 1000);
                if (in->has_Since)
                        snprintf(path + n, sizeof path - (size_t)n, "&since=%lld.%09lld",
                                 (long long)(in->Since / 1000000000), (long long)(in->Since % 1000000000));
                r = read_logs(&j, path, !rv_j_true(service, "Spec/TaskTemplate/ContainerSpec/TTY"), &o, err);
        }
        if (r == RV_OK) {
                SwarmService_GetLogs_out_set_Output(c->out, rv_or_empty(o.text[0]), o.n[0]);
                SwarmService_GetLogs_out_set_ErrorOutput(c->out, rv_or_empty(o.text[1]), o.n[1]);
                SwarmService_GetLogs_out_set_Truncated(c->out, o.truncated);
        }
        rv_output_free(&o);
        json_decref(service);
        return end_job(&j, r);
}

static int service_follow(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmService_FollowLogs_in *in = args;
        struct job j;
        char path[300];
        json_t *service = NULL;
        start_job(&j, c, "read the output of", key(c));
        int r = rv_swarm_find(&j.talk, "services", key(c), false, &service, err);
        if (r == RV_OK) {
                size_t n = (size_t)snprintf(path, sizeof path,
                                            "/services/%.64s/logs?stdout=1&stderr=1&timestamps=%d&details=%d&follow=%d",
                                            rv_or_empty(rv_j_text(service, "ID")), in->has_Timestamps && in->Timestamps,
                                            in->has_Details && in->Details, in->has_Follow && in->Follow);
                if (in->has_Tail)
                        n += (size_t)snprintf(path + n, sizeof path - n, "&tail=%u", in->Tail);
                if (in->has_Since)
                        snprintf(path + n, sizeof path - n, "&since=%lld.%09lld",
                                 (long long)(in->Since / 1000000000), (long long)(in->Since % 1000000000));
                const struct rv_logs l = { .engine = rv_engine_find(NULL),
                                           .path = path,
                                           .what = j.what,
                                           .tty = rv_j_true(service, "Spec/TaskTemplate/ContainerSpec/TTY"),
                                           .property = SwarmService_FollowLogs_out_Stream };
                r = rv_logs_follow(c, &l, err);
        }
        json_decref(service);
        return end_job(&j, r);
}

/* ---- as an instance ---- */

static int service_make(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct job j;
        const struct rv_arg *name =
                rv_bit(v->set, SwarmService_Name) ? &v->v[SwarmService_Name] : &c->key[SwarmService_Name];
        const struct rv_arg *mode = &v->v[SwarmService_Mode];
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a service needs a Name");
        int r = good_name(name->s, err);
        if (r)
                return r;
        start_job(&j, c, "make", name->s);
        j.given = (struct rv_swarm_given) { v->v, v->set, false };
        j.mode = rv_bit(v->set, SwarmService_Mode) && mode->type == RV_STRING ? mode->s : NULL;
        return end_job(&j, make(&j, name->s, err));
}

static int service_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct job j;
        start_job(&j, c, "change", key(c));
        j.given = (struct rv_swarm_given) { v->v, v->set, false };
        int r = find(&j, err);
        return end_job(&j, r ? r : update(&j, err));
}

/* ---- changes ---- */

static int push_open(struct rv_error *err)
{
        return rv_swarm_watch(RV_SWARM_SERVICES, err);
}
static int push_read(int fd, struct rv_news *news)
{
        int lost;
        (void)fd;
        json_decref(rv_swarm_next(RV_SWARM_SERVICES, &lost));
        rv_news_changed(news);
        return 0;
}
static void push_close(int fd)
{
        rv_swarm_unwatch(RV_SWARM_SERVICES, fd);
}
static const struct rv_push push = {
        .covers = RV_PUSH_ALL, .open = push_open, .read = push_read, .close = push_close
};

static int (*const methods[SwarmService_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [SwarmService_method_Create] = service_create,   [SwarmService_method_Update] = service_update,
        [SwarmService_method_Scale] = service_scale,     [SwarmService_method_Rollback] = service_rollback,
        [SwarmService_method_Restart] = service_restart, [SwarmService_method_Remove] = service_remove,
        [SwarmService_method_Wait] = service_wait,       [SwarmService_method_GetLogs] = service_logs,
        [SwarmService_method_FollowLogs] = service_follow,
};

static const struct rv_provider service = { .class = &SwarmService_class,
                                            .push = &push, .query = service_query,
                                            .methods = methods,
                                            .create = service_make,
                                            .modify = service_modify,
                                            .remove = service_delete,
                                            .threads = 4 };

RV_PROVIDERS(swarmservice, &service);
