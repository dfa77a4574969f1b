/* SPDX-License-Identifier: MIT
 *
 * SwarmNode: the hosts of the swarm that this host's engine manages.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/SwarmNode.h"
#include "providers/lib/containertext.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/swarm.h"
#include "providers/lib/swarmwatch.h"

static const struct rv_json_rule rules[] = {
        { SwarmNode_Id, "ID", RV_J_TEXT },
        { SwarmNode_HostName, "Description/Hostname", RV_J_TEXT },
        { SwarmNode_Role, "Spec/Role", RV_J_TEXT },
        { SwarmNode_Availability, "Spec/Availability", RV_J_TEXT },
        { SwarmNode_Labels, "Spec/Labels", RV_J_MAP },
        { SwarmNode_State, "Status/State", RV_J_TEXT },
        { SwarmNode_Message, "Status/Message", RV_J_TEXT },
        { SwarmNode_Address, "Status/Addr", RV_J_TEXT },
        { SwarmNode_Reachability, "ManagerStatus/Reachability", RV_J_TEXT },
        { SwarmNode_ManagerAddress, "ManagerStatus/Addr", RV_J_TEXT },
        { SwarmNode_EngineVersion, "Description/Engine/EngineVersion", RV_J_TEXT },
        { SwarmNode_EngineLabels, "Description/Engine/Labels", RV_J_MAP },
        { SwarmNode_OperatingSystem, "Description/Platform/OS", RV_J_TEXT },
        { SwarmNode_Architecture, "Description/Platform/Architecture", RV_J_TEXT },
        { SwarmNode_Memory, "Description/Resources/MemoryBytes", RV_J_UINT },
        { SwarmNode_Created, "CreatedAt", RV_J_TIME },
        { SwarmNode_Updated, "UpdatedAt", RV_J_TIME },
        { SwarmNode_Revision, "Version/Index", RV_J_UINT },
};

/* ---- reading ---- */

static void fill(struct rv_row *row, json_t *j, const char *self)
{
        struct rv_lines lines;
        json_t *one, *manager = json_object_get(j, "ManagerStatus");
        size_t i;
        rv_json_fill(row, j, rules, sizeof rules / sizeof *rules);
        if (json_is_object(manager))
                SwarmNode_set_Leader(row, rv_j_true(manager, "Leader"));
        SwarmNode_set_Self(row, self && strcmp(self, rv_or_empty(rv_j_text(j, "ID"))) == 0);
        if (rv_j_number(j, "Description/Resources/NanoCPUs"))
                SwarmNode_set_Cpus(row, (double)rv_j_number(j, "Description/Resources/NanoCPUs") / 1e9);
        if (!SwarmNode_wants_Plugins(row))
                return;
        rv_lines_clear(&lines);
        json_array_foreach(rv_j_at(j, "Description/Engine/Plugins"), i, one) rv_lines_add(
                &lines, "%s/%s", rv_or_empty(rv_j_text(one, "Type")), rv_or_empty(rv_j_text(one, "Name")));
        rv_lines_set(row, SwarmNode_Plugins, &lines);
}

static int node_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk t = { .call = q->call,
                             .deadline = q->deadline,
                             .what = "cannot list the swarm's nodes" };
        json_t *list = NULL, *local = NULL, *j;
        size_t i;
        int r = rv_swarm_list(&t, &list, err, "/nodes");
        if (r == RV_OK && rv_asked(q, SwarmNode_Self))
                r = rv_swarm_local(&t, &local, err);
        json_array_foreach(list, i, j)
        {
                if (r)
                        break;
                struct rv_row *row = rv_row(out);
                fill(row, j, rv_j_text(local, "NodeID"));
                r = rv_emit(out, row);
        }
        json_decref(list);
        json_decref(local);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- changing ---- */

struct job {
        struct rv_call *call;
        struct rv_talk talk;
        char what[200], id[80];
        const char *role, *availability;      /* or NULL: as it is */
        const struct rv_arg *labels, *remove; /* labels: NAME=VALUE to set, or all of them as a map */
        uint32_t nlabels, nremove;
        bool whole; /* labels are all of them */
};

/* By its id or, where that is one node's alone, its host name. */
static int find(struct job *j, struct rv_call *c, const char *verb, json_t **ret, struct rv_error *err)
{
        const char *key = c->key[SwarmNode_Id].type == RV_STRING ? c->key[SwarmNode_Id].s : "";
        json_t *all = NULL, *one, *found = NULL;
        size_t i;
        unsigned n = 0;
        *j = (struct job) { .call = c, .talk = { .call = c, .deadline = c->deadline } };
        snprintf(j->what, sizeof j->what, "cannot %s the node %.64s", verb, key);
        j->talk.what = j->what;
        rv_about(err, NULL, key, NULL);
        int r = rv_swarm_list(&j->talk, &all, err, "/nodes");
        json_array_foreach(all, i, one)
        {
                bool by_id = strcmp(rv_or_empty(rv_j_text(one, "ID")), key) == 0;
                bool by_name = strcasecmp(rv_or_empty(rv_j_text(one, "Description/Hostname")), key) == 0;
                n += by_id || by_name;
                if (by_id || (by_name && !found))
                        found = one;
        }
        if (r == RV_OK && !n)
                r = rv_fail(err, RV_NOT_FOUND, "%s: the swarm has no such node", j->what);
        if (r == RV_OK && n > 1) {
                rv_fail(err, RV_INVALID_PARAMETER, "%s: %u nodes have that name", j->what, n);
                r = rv_hint(err, "Name it by its Id.");
        }
        if (r == RV_OK)
                snprintf(j->id, sizeof j->id, "%s", rv_or_empty(rv_j_text(found, "ID")));
        if (ret)
                *ret = r == RV_OK ? json_incref(found) : NULL;
        json_decref(all);
        return r;
}

static int success(struct rv_call *c, int r)
{
        if (r == RV_OK && c->out)
                rv_set_uint(c->out, 0, 0);
        return r;
}

/* Others wait for the last manager for ever. */
static int not_the_last(struct job *j, json_t *node, struct rv_error *err)
{
        json_t *all = NULL, *one;
        size_t i;
        unsigned n = 0;
        if (strcmp(rv_or_empty(rv_j_text(node, "Spec/Role")), "manager") != 0)
                return RV_OK;
        int r = rv_swarm_list(&j->talk, &all, err, "/nodes");
        json_array_foreach(all, i, one) n += strcmp(rv_or_empty(rv_j_text(one, "Spec/Role")), "manager") == 0;
        json_decref(all);
        if (r || n > 1)
                return r;
        rv_about(err, NULL, NULL, "Role");
        rv_fail(err, RV_FAILED, "%s: it is the last manager", j->what);
        return rv_hint(
                err,
                "Set-SwarmNode -Role manager on another node first, or Exit-Swarm -Force here: that ends the "
                "swarm.");
}

static int labels(struct job *j, json_t *spec, struct rv_error *err)
{
        json_t *set = NULL, *had = json_object_get(spec, "Labels");
        json_t *now = j->whole || !json_is_object(had) ? json_object() : json_deep_copy(had);
        int r = rv_swarm_labels(j->labels, j->nlabels, !j->whole, j->whole ? "Labels" : "Label", &set, err);
        if (r == RV_OK)
                json_object_update(now, set);
        for (uint32_t i = 0; i < j->nremove; i++)
                json_object_del(now, j->remove[i].s);
        json_decref(set);
        if (r == RV_OK)
                json_object_set(spec, "Labels", now);
        json_decref(now);
        return r;
}

static int change(void *closure, json_t *node, json_t *spec, struct rv_error *err)
{
        struct job *j = closure;
        int r = j->role && strcmp(j->role, "worker") == 0 ? not_the_last(j, node, err) : RV_OK;
        if (r)
                return r;
        if (j->role)
                rv_j_put(spec, "Role", json_string(j->role));
        if (j->availability)
                rv_j_put(spec, "Availability", json_string(j->availability));
        return j->labels || j->nremove ? labels(j, spec, err) : RV_OK;
}

static void tell(void *closure, json_t *was, json_t *now)
{
        static const char *const words[] = { "Role", "Availability" };
        struct job *j = closure;
        for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
                if (!json_equal(json_object_get(was, words[i]), json_object_get(now, words[i])))
                        rv_change(j->call, words[i], rv_j_text(was, words[i]), rv_j_text(now, words[i]));
        rv_swarm_label_changes(j->call, "Labels", json_object_get(was, "Labels"),
                               json_object_get(now, "Labels"));
}

/* Until a node that was made a manager is one that the others reach, or one that was is none any more. */
static int wait_role(struct job *j, struct rv_error *err)
{
        bool manager = strcmp(j->role, "manager") == 0;
        for (;;) {
                json_t *node = NULL;
                struct rv_error why = { 0 };
                int r = rv_swarm_get(&j->talk, &node, &why, "/nodes/%s", j->id);
                const char *reach = rv_or_empty(rv_j_text(node, "ManagerStatus/Reachability"));
                bool is = manager ? strcmp(reach, "reachable") == 0 : node && !rv_j_at(node, "ManagerStatus");
                json_decref(node);
                if (is)
                        return RV_OK;
                /* A demoted leader, or this host itself, cannot be asked any more: the others know. */
                if (r != RV_OK && !manager && strstr(why.message, "worker"))
                        return RV_OK;
                if (r != RV_OK && r != RV_UNAVAILABLE) {
                        *err = why;
                        return r;
                }
                if (rv_swarm_late(&j->talk)) {
                        rv_fail(err, RV_TIMED_OUT, "the node %.64s is to be a %s, and is not yet", j->id,
                                j->role);
                        return rv_hint(err, "The change was made and the swarm goes on. Is the node there?");
                }
                poll(NULL, 0, 100);
        }
}

static int update(struct job *j, struct rv_error *err)
{
        const struct rv_swarm_change ch = {
                .kind = "nodes", .id = j->id, .change = change, .tell = tell, .closure = j
        };
        bool sent = false;
        int r = rv_swarm_update(&j->talk, &ch, j->call->what_if, &sent, err);
        return r == RV_OK && sent && j->role ? wait_role(j, err) : r;
}

static int node_update(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmNode_Update_in *in = args;
        struct job j;
        int r = find(&j, c, "change", NULL, err);
        if (r)
                return r;
        j.role = in->has_Role ? in->Role : NULL;
        j.availability = in->has_Availability ? in->Availability : NULL;
        j.labels = in->has_Label ? in->Label : NULL;
        j.nlabels = in->has_Label ? in->Label_n : 0;
        j.remove = in->has_RemoveLabel ? in->RemoveLabel : NULL;
        j.nremove = in->has_RemoveLabel ? in->RemoveLabel_n : 0;
        if (!j.role && !j.availability && !j.labels && !j.nremove)
                return rv_fail(err, RV_INVALID_PARAMETER, "nothing to change was given");
        return success(c, update(&j, err));
}

static int role(struct rv_call *c, const char *verb, const char *to, struct rv_error *err)
{
        struct job j;
        int r = find(&j, c, verb, NULL, err);
        j.role = to;
        return success(c, r ? r : update(&j, err));
}
static int node_promote(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return role(c, "promote", "manager", err);
}
static int node_demote(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return role(c, "demote", "worker", err);
}

/* Until no task that the node had runs there any more. */
static int wait_empty(struct job *j, struct rv_error *err)
{
        for (;;) {
                json_t *tasks = NULL, *one;
                size_t i;
                unsigned left = 0;
                int r = rv_swarm_list(&j->talk, &tasks, err,
                                      "/tasks?filters=%%7B%%22node%%22%%3A%%7B%%22%s%%22%%3Atrue%%7D%%7D",
                                      j->id);
                json_array_foreach(tasks, i, one)
                {
                        const char *state = rv_or_empty(rv_j_text(one, "Status/State"));
                        left += strcmp(state, "running") == 0 || strcmp(state, "starting") == 0 ||
                                strcmp(rv_or_empty(rv_j_text(one, "DesiredState")), "running") == 0;
                }
                json_decref(tasks);
                if (r || !left)
                        return r;
                if (rv_swarm_late(&j->talk)) {
                        rv_fail(err, RV_TIMED_OUT, "%s: %u of its tasks have not ended yet", j->what, left);
                        return rv_hint(err, "It takes no more and the swarm goes on moving them: "
                                            "Get-SwarmTask -NodeName.");
                }
                char status[60];
                snprintf(status, sizeof status, "%u tasks left", left);
                rv_progress(j->call, j->id, status, -1);
                poll(NULL, 0, 150);
        }
}

static int node_suspend(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmNode_Suspend_in *in = args;
        struct job j;
        bool drain = in->has_Drain && in->Drain;
        int r = find(&j, c, drain ? "drain" : "suspend", NULL, err);
        j.availability = drain ? "drain" : "pause";
        r = r ? r : update(&j, err);
        if (r == RV_OK && drain && !c->what_if && !(in->has_Detach && in->Detach))
                r = wait_empty(&j, err);
        return success(c, r);
}

static int node_resume(struct rv_call *c, const void *args, struct rv_error *err)
{
        struct job j;
        (void)args;
        int r = find(&j, c, "resume", NULL, err);
        j.availability = "active";
        return success(c, r ? r : update(&j, err));
}

static int take_out(struct rv_call *c, bool force, struct rv_error *err)
{
        struct job j;
        json_t *node = NULL;
        int r = find(&j, c, "remove", &node, err);
        const char *state = rv_or_empty(rv_j_text(node, "Status/State")),
                   *host = rv_or_empty(rv_j_text(node, "Description/Hostname"));
        bool manager = strcmp(rv_or_empty(rv_j_text(node, "Spec/Role")), "manager") == 0;
        if (r == RV_OK && !force && (manager || strcmp(state, "ready") == 0)) {
                rv_fail(err, RV_FAILED, "%s: it is %s%s", j.what, state, manager ? " and a manager" : "");
                r = rv_hint(err, manager ? "Set-SwarmNode -Role worker first, or -Force."
                                         : "Exit-Swarm on it first, or -Force.");
        }
        if (r == RV_OK)
                rv_change(c, "HostName", host, NULL);
        if (r == RV_OK && !c->what_if)
                r = rv_swarm_delete(&j.talk, err, "/nodes/%s?force=%d", j.id, force);
        json_decref(node);
        return success(c, r);
}
static int node_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmNode_Remove_in *in = args;
        return take_out(c, in->has_Force && in->Force, err);
}
static int node_delete(struct rv_call *c, struct rv_error *err)
{
        return take_out(c, false, err);
}

static int node_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct job j;
        int r = find(&j, c, "change", NULL, err);
        const struct rv_arg *to = &v->v[SwarmNode_Role], *takes = &v->v[SwarmNode_Availability],
                            *map = &v->v[SwarmNode_Labels];
        if (r)
                return r;
        if (rv_bit(v->set, SwarmNode_Role) && to->type == RV_STRING)
                j.role = to->s;
        if (rv_bit(v->set, SwarmNode_Availability) && takes->type == RV_STRING)
                j.availability = takes->s;
        if (rv_bit(v->set, SwarmNode_Labels)) {
                static const struct rv_arg none;
                j.whole = true;
                j.labels = map->type == RV_LIST ? map->items : &none;
                j.nlabels = map->type == RV_LIST ? map->len : 0;
        }
        return update(&j, err);
}

/* ---- changes ---- */

static int push_open(struct rv_error *err)
{
        return rv_swarm_watch(RV_SWARM_NODES, err);
}
static int push_read(int fd, struct rv_news *news)
{
        int lost;
        (void)fd;
        json_decref(rv_swarm_next(RV_SWARM_NODES, &lost));
        rv_news_changed(news);
        return 0;
}
static void push_close(int fd)
{
        rv_swarm_unwatch(RV_SWARM_NODES, fd);
}
static const struct rv_push push = {
        .covers = RV_PUSH_ALL, .open = push_open, .read = push_read, .close = push_close
};

static int (*const methods[SwarmNode_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [SwarmNode_method_Update] = node_update, [SwarmNode_method_Promote] = node_promote,
        [SwarmNode_method_Demote] = node_demote, [SwarmNode_method_Suspend] = node_suspend,
        [SwarmNode_method_Resume] = node_resume, [SwarmNode_method_Remove] = node_remove,
};

static const struct rv_provider node = { .class = &SwarmNode_class,
                                         .push = &push,
                                         .query = node_query,
                                         .methods = methods,
                                         .modify = node_modify,
                                         .remove = node_delete };

RV_PROVIDERS(swarmnode, &node);
