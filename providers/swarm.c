/* SPDX-License-Identifier: MIT
 *
 * SwarmCluster: this host's place in a swarm of container engines, and the swarm itself.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/SwarmCluster.h"
#include "providers/lib/containertext.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/swarm.h"

static const struct rv_json_rule local_rules[] = {
        { SwarmCluster_State, "LocalNodeState", RV_J_TEXT },
        { SwarmCluster_NodeId, "NodeID", RV_J_TEXT },
        { SwarmCluster_NodeAddress, "NodeAddr", RV_J_TEXT },
        { SwarmCluster_IsManager, "ControlAvailable", RV_J_BOOL },
        { SwarmCluster_Nodes, "Nodes", RV_J_SOME },
        { SwarmCluster_Managers, "Managers", RV_J_SOME },
        { SwarmCluster_Error, "Error", RV_J_TEXT },
};
static const struct rv_json_rule rules[] = {
        { SwarmCluster_Id, "ID", RV_J_TEXT },
        { SwarmCluster_Labels, "Spec/Labels", RV_J_MAP },
        { SwarmCluster_TaskHistoryLimit, "Spec/Orchestration/TaskHistoryRetentionLimit", RV_J_INT },
        { SwarmCluster_SnapshotInterval, "Spec/Raft/SnapshotInterval", RV_J_UINT },
        { SwarmCluster_AutoLock, "Spec/EncryptionConfig/AutoLockManagers", RV_J_BOOL },
        { SwarmCluster_DefaultAddressPool, "DefaultAddrPool", RV_J_LIST },
        { SwarmCluster_SubnetSize, "SubnetSize", RV_J_UINT },
        { SwarmCluster_DataPathPort, "DataPathPort", RV_J_UINT },
        { SwarmCluster_RootRotationInProgress, "RootRotationInProgress", RV_J_BOOL },
        { SwarmCluster_Created, "CreatedAt", RV_J_TIME },
        { SwarmCluster_Updated, "UpdatedAt", RV_J_TIME },
        { SwarmCluster_Revision, "Version/Index", RV_J_UINT },
};

/* ---- reading ---- */

static void fill_managers(struct rv_row *row, json_t *local)
{
        struct rv_lines lines;
        json_t *one;
        size_t i;
        rv_lines_clear(&lines);
        json_array_foreach(json_object_get(local, "RemoteManagers"), i, one)
                rv_lines_add(&lines, "%s", rv_or_empty(rv_j_text(one, "Addr")));
        rv_lines_set(row, SwarmCluster_RemoteManagers, &lines);
}

static void fill_seconds(struct rv_row *row, unsigned property, json_t *j, const char *path)
{
        int64_t ns = rv_j_number(j, path);
        if (ns && rv_wants(row, property))
                rv_set_real(row, property, (double)ns / 1e9);
}

static int cluster_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk t = { .call = q->call, .deadline = q->deadline, .what = "cannot look at the swarm" };
        json_t *local = NULL, *swarm = NULL;
        struct rv_error why = { 0 };
        int r = rv_swarm_local(&t, &local, err);
        if (r)
                return r;
        /* A manager without a leader still knows its own place: that is shown, with what is missing. */
        int got = rv_j_true(local, "ControlAvailable") ? rv_swarm_get(&t, &swarm, &why, "/swarm") : RV_OK;
        struct rv_row *row = rv_row(out);
        rv_json_fill(row, local, local_rules, sizeof local_rules / sizeof *local_rules);
        if (swarm)
                rv_json_fill(row, swarm, rules, sizeof rules / sizeof *rules);
        fill_managers(row, local);
        fill_seconds(row, SwarmCluster_HeartbeatPeriod, swarm, "Spec/Dispatcher/HeartbeatPeriod");
        fill_seconds(row, SwarmCluster_CertificateExpiry, swarm, "Spec/CAConfig/NodeCertExpiry");
        json_decref(local);
        json_decref(swarm);
        r = rv_emit(out, row);
        if (got > 0)
                rv_partial(out, &why);
        return r == RV_STOP ? RV_OK : got < 0 ? got : r;
}

/* ---- entering and leaving ---- */

static int success(struct rv_call *c, int r)
{
        if (r == RV_OK)
                rv_set_uint(c->out, 0, 0);
        return r;
}

static int state_of(struct rv_talk *t, char *ret, size_t size, bool *manager, struct rv_error *err)
{
        json_t *local = NULL;
        int r = rv_swarm_local(t, &local, err);
        snprintf(ret, size, "%s", rv_or_empty(rv_j_text(local, "LocalNodeState")));
        *manager = rv_j_true(local, "ControlAvailable");
        json_decref(local);
        return r;
}

static int must_be_free(struct rv_talk *t, struct rv_error *err)
{
        char state[32];
        bool manager;
        int r = state_of(t, state, sizeof state, &manager, err);
        if (r || strcmp(state, "inactive") == 0)
                return r;
        rv_fail(err, RV_ALREADY_EXISTS, "%s: this host is in a swarm already (%s)", t->what, state);
        return rv_hint(err, "Get-SwarmCluster shows it; Exit-Swarm leaves it.");
}

static void put_text(json_t *body, const char *name, bool has, const char *text)
{
        if (has)
                json_object_set_new(body, name, json_string(text));
}

static int cluster_init(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmCluster_Init_in *in = args;
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot make a swarm" };
        bool force = in->has_ForceNewCluster && in->ForceNewCluster;
        json_t *id = NULL;
        int r = force ? RV_OK : must_be_free(&t, err);
        if (r)
                return r;
        json_t *body = json_pack("{ss sb s{s{sb}}}", "ListenAddr",
                                 in->has_ListenAddress ? in->ListenAddress : "0.0.0.0:2377",
                                 "ForceNewCluster", force, "Spec", "EncryptionConfig", "AutoLockManagers",
                                 in->has_AutoLock && in->AutoLock);
        put_text(body, "AdvertiseAddr", in->has_AdvertiseAddress, in->AdvertiseAddress);
        put_text(body, "DataPathAddr", in->has_DataPathAddress, in->DataPathAddress);
        put_text(body, "Availability", in->has_Availability, in->Availability);
        if (in->has_DataPathPort)
                json_object_set_new(body, "DataPathPort", json_integer(in->DataPathPort));
        if (in->has_SubnetSize)
                json_object_set_new(body, "SubnetSize", json_integer(in->SubnetSize));
        if (in->has_DefaultAddressPool) {
                json_t *pool = json_array();
                for (uint32_t i = 0; i < in->DefaultAddressPool_n; i++)
                        json_array_append_new(pool, json_string(in->DefaultAddressPool[i].s));
                json_object_set_new(body, "DefaultAddrPool", pool);
        }
        rv_change(c, "State", force ? "active" : "inactive", "active");
        r = body ? c->what_if ? RV_OK : rv_swarm_post(&t, json_incref(body), &id, err, "/swarm/init")
                 : -ENOMEM;
        if (r == RV_OK)
                rv_fill(c->out, SwarmCluster_Init_out_NodeId, json_string_value(id));
        json_decref(body);
        json_decref(id);
        return success(c, r);
}

/* The engine gives up waiting after 20 s and goes on trying: that is told, not taken for success. */
static int joined(struct rv_talk *t, struct rv_row *out, struct rv_error *err)
{
        for (;;) {
                json_t *local = NULL;
                int r = rv_swarm_local(t, &local, err);
                bool active = strcmp(rv_or_empty(rv_j_text(local, "LocalNodeState")), "active") == 0;
                if (r == RV_OK && active)
                        rv_fill(out, SwarmCluster_Join_out_NodeId, rv_j_text(local, "NodeID"));
                if (r == RV_OK && !active && rv_swarm_late(t)) {
                        r = rv_fail(err, RV_TIMED_OUT, "%s: it has not come about in time: %.120s", t->what,
                                    rv_or_empty(rv_j_text(local, "Error")));
                        rv_hint(err, "The engine goes on trying; Exit-Swarm -Force ends that.");
                }
                json_decref(local);
                if (r || active)
                        return r;
                poll(NULL, 0, 100);
        }
}

static int cluster_join(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmCluster_Join_in *in = args;
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot join the swarm" };
        int r = must_be_free(&t, err);
        if (r == RV_OK && strncmp(in->Token, "SWMTKN-1-", 9) != 0) {
                rv_about(err, NULL, NULL, "Token");
                rv_fail(err, RV_INVALID_PARAMETER, "%s: that is no token", t.what);
                r = rv_hint(err, "It begins with SWMTKN-1-. Get-SwarmJoinToken tells it on a manager.");
        }
        if (r)
                return r;
        json_t *remotes = json_array();
        for (uint32_t i = 0; i < in->RemoteAddress_n; i++)
                json_array_append_new(remotes, strchr(in->RemoteAddress[i].s, ':')
                                                       ? json_string(in->RemoteAddress[i].s)
                                                       : json_sprintf("%s:2377", in->RemoteAddress[i].s));
        json_t *body = json_pack("{ss so ss}", "ListenAddr",
                                 in->has_ListenAddress ? in->ListenAddress : "0.0.0.0:2377", "RemoteAddrs",
                                 remotes, "JoinToken", in->Token);
        put_text(body, "AdvertiseAddr", in->has_AdvertiseAddress, in->AdvertiseAddress);
        put_text(body, "DataPathAddr", in->has_DataPathAddress, in->DataPathAddress);
        put_text(body, "Availability", in->has_Availability, in->Availability);
        rv_change(c, "State", "inactive", "active");
        r = !body        ? -ENOMEM
            : c->what_if ? RV_OK
                         : rv_swarm_post(&t, json_incref(body), NULL, err, "/swarm/join");
        if (r == RV_OK && !c->what_if)
                r = joined(&t, c->out, err);
        json_decref(body);
        return success(c, r);
}

static int cluster_leave(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmCluster_Leave_in *in = args;
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot leave the swarm" };
        bool manager, force = in->has_Force && in->Force;
        char state[32];
        int r = state_of(&t, state, sizeof state, &manager, err);
        if (r || strcmp(state, "inactive") == 0)
                return success(c, r);
        if (manager && !force) {
                rv_fail(err, RV_FAILED, "%s: this host is a manager of it", t.what);
                return rv_hint(err, "Set-SwarmNode -Role worker first, on another manager; or -Force: the "
                                    "others then wait "
                                    "for it, and the last one takes the swarm with it.");
        }
        rv_change(c, "State", state, "inactive");
        if (!c->what_if)
                r = rv_swarm_post(&t, NULL, NULL, err, "/swarm/leave?force=%d", force);
        return success(c, r);
}

/* ---- the swarm's own settings ---- */

struct wish {
        struct rv_call *call;
        const struct SwarmCluster_Update_in *in;
        bool rotate_worker, rotate_manager;
};

static const struct {
        const char *property, *path;
        bool seconds; /* in nanoseconds there */
} numbers[] = {
        { "TaskHistoryLimit", "Orchestration/TaskHistoryRetentionLimit", false },
        { "SnapshotInterval", "Raft/SnapshotInterval", false },
        { "HeartbeatPeriod", "Dispatcher/HeartbeatPeriod", true },
        { "CertificateExpiry", "CAConfig/NodeCertExpiry", true },
};

static int put(struct wish *w, json_t *spec, struct rv_error *err)
{
        const struct SwarmCluster_Update_in *in = w->in;
        const bool has[] = { in->has_TaskHistoryLimit, in->has_SnapshotInterval, in->has_HeartbeatPeriod,
                             in->has_CertificateExpiry };
        const double value[] = { in->TaskHistoryLimit, (double)in->SnapshotInterval, in->HeartbeatPeriod,
                                 in->CertificateExpiry };
        json_t *labels = NULL;
        if (in->has_CertificateExpiry && !(in->CertificateExpiry >= 3600 && in->CertificateExpiry < 1e9)) {
                rv_about(err, NULL, NULL, "CertificateExpiry");
                return rv_fail(err, RV_INVALID_PARAMETER, "CertificateExpiry is 3600 seconds and more");
        }
        for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
                if (has[i] && value[i] >= 0 && value[i] < 1e18)
                        rv_j_put(spec, numbers[i].path,
                                 json_integer((json_int_t)(numbers[i].seconds ? value[i] * 1e9 : value[i])));
        if (in->has_AutoLock && rv_j_true(spec, "EncryptionConfig/AutoLockManagers") != in->AutoLock)
                rv_j_put(spec, "EncryptionConfig/AutoLockManagers", json_boolean(in->AutoLock));
        if (!in->has_Label)
                return RV_OK;
        int r = rv_swarm_labels(in->Label, in->Label_n, true, "Label", &labels, err);
        if (r == RV_OK)
                json_object_set_new(spec, "Labels", labels);
        return r;
}

static void tell(struct rv_call *c, json_t *was, json_t *now)
{
        char a[40], b[40];
        for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                double unit = numbers[i].seconds ? 1e9 : 1;
                snprintf(a, sizeof a, "%.15g", (double)rv_j_number(was, numbers[i].path) / unit);
                snprintf(b, sizeof b, "%.15g", (double)rv_j_number(now, numbers[i].path) / unit);
                if (strcmp(a, b) != 0)
                        rv_change(c, numbers[i].property, a, b);
        }
        bool locked = rv_j_true(was, "EncryptionConfig/AutoLockManagers");
        if (locked != rv_j_true(now, "EncryptionConfig/AutoLockManagers"))
                rv_change(c, "AutoLock", locked ? "true" : "false", locked ? "false" : "true");
        rv_swarm_label_changes(c, "Labels", json_object_get(was, "Labels"), json_object_get(now, "Labels"));
}

static int update_once(struct rv_talk *t, struct wish *w, struct rv_error *err)
{
        json_t *swarm = NULL;
        int r = rv_swarm_get(t, &swarm, err, "/swarm");
        json_t *was = json_object_get(swarm, "Spec"), *spec = r ? NULL : json_deep_copy(was);
        if (r == RV_OK)
                r = spec ? w->in ? put(w, spec, err) : RV_OK : -ENOMEM;
        if (r == RV_OK && !w->call->what_if && (!w->in || !json_equal(spec, was)))
                r = rv_swarm_post(t, json_incref(spec), NULL, err,
                                  "/swarm/update?version=%lld&rotateWorkerToken=%d&rotateManagerToken=%d",
                                  (long long)rv_j_number(swarm, "Version/Index"), w->rotate_worker,
                                  w->rotate_manager);
        if (r == RV_OK)
                tell(w->call, was, spec);
        json_decref(spec);
        json_decref(swarm);
        return r;
}

static int cluster_change(struct rv_talk *t, struct wish *w, struct rv_error *err)
{
        int r = update_once(t, w, err);
        if (r == RV_STALE) {
                *err = (struct rv_error) { 0 };
                r = update_once(t, w, err);
        }
        return r;
}

static int cluster_update(struct rv_call *c, const void *args, struct rv_error *err)
{
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot change the swarm" };
        struct wish w = { .call = c, .in = args };
        return success(c, cluster_change(&t, &w, err));
}

/* ---- tokens and keys ---- */

static int token(struct rv_talk *t, bool manager, struct rv_row *out, unsigned property, struct rv_error *err)
{
        json_t *swarm = NULL;
        int r = rv_swarm_get(t, &swarm, err, "/swarm");
        rv_fill(out, property, rv_j_text(swarm, manager ? "JoinTokens/Manager" : "JoinTokens/Worker"));
        json_decref(swarm);
        return r;
}

static int cluster_token(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmCluster_GetJoinToken_in *in = args;
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot tell the token" };
        json_t *local = NULL, *me = NULL;
        int r = token(&t, in->has_Role && strcmp(in->Role, "manager") == 0, c->out,
                      SwarmCluster_GetJoinToken_out_Token, err);
        if (r == RV_OK)
                r = rv_swarm_local(&t, &local, err);
        if (r == RV_OK)
                r = rv_swarm_get(&t, &me, err, "/nodes/%s", rv_or_empty(rv_j_text(local, "NodeID")));
        rv_fill(c->out, SwarmCluster_GetJoinToken_out_RemoteAddress, rv_j_text(me, "ManagerStatus/Addr"));
        json_decref(local);
        json_decref(me);
        return success(c, r);
}

static int cluster_rotate(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmCluster_RotateJoinToken_in *in = args;
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot make another token" };
        bool manager = in->has_Role && strcmp(in->Role, "manager") == 0;
        struct wish w = { .call = c, .rotate_worker = !manager, .rotate_manager = manager };
        int r = cluster_change(&t, &w, err);
        if (r == RV_OK)
                rv_change(c, manager ? "ManagerToken" : "WorkerToken", "***", "***");
        if (r == RV_OK && !c->what_if)
                r = token(&t, manager, c->out, SwarmCluster_RotateJoinToken_out_Token, err);
        return success(c, r);
}

static int cluster_key(struct rv_call *c, const void *args, struct rv_error *err)
{
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot tell the unlock key" };
        json_t *j = NULL;
        (void)args;
        int r = rv_swarm_get(&t, &j, err, "/swarm/unlockkey");
        rv_fill(c->out, SwarmCluster_GetUnlockKey_out_Key, rv_j_text(j, "UnlockKey"));
        json_decref(j);
        return success(c, r);
}

static int cluster_unlock(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmCluster_Unlock_in *in = args;
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot unlock this manager" };
        char state[32];
        bool manager;
        int r = state_of(&t, state, sizeof state, &manager, err);
        if (r || strcmp(state, "active") == 0)
                return success(c, r);
        rv_change(c, "State", state, "active");
        if (!c->what_if)
                r = rv_swarm_post(&t, json_pack("{ss}", "UnlockKey", in->Key), NULL, err, "/swarm/unlock");
        return success(c, r);
}

static int (*const methods[SwarmCluster_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [SwarmCluster_method_Init] = cluster_init,
        [SwarmCluster_method_Join] = cluster_join,
        [SwarmCluster_method_Leave] = cluster_leave,
        [SwarmCluster_method_Update] = cluster_update,
        [SwarmCluster_method_GetJoinToken] = cluster_token,
        [SwarmCluster_method_RotateJoinToken] = cluster_rotate,
        [SwarmCluster_method_GetUnlockKey] = cluster_key,
        [SwarmCluster_method_Unlock] = cluster_unlock,
};

static const struct rv_provider cluster = { .class = &SwarmCluster_class,
                                            .query = cluster_query,
                                            .methods = methods };

RV_PROVIDERS(swarm, &cluster);
