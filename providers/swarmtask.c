/* SPDX-License-Identifier: MIT
 *
 * SwarmTask: what the swarm runs and has run, and on which node.
 */
#include <stdio.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/SwarmTask.h"
#include "providers/lib/containertext.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/swarmspec.h"
#include "providers/lib/swarmwait.h"
#include "providers/lib/swarmwatch.h"

static const struct rv_json_rule rules[] = {
        { SwarmTask_Id, "ID", RV_J_TEXT },
        { SwarmTask_ServiceId, "ServiceID", RV_J_TEXT },
        { SwarmTask_Slot, "Slot", RV_J_SOME },
        { SwarmTask_NodeId, "NodeID", RV_J_TEXT },
        { SwarmTask_State, "Status/State", RV_J_TEXT },
        { SwarmTask_DesiredState, "DesiredState", RV_J_TEXT },
        { SwarmTask_Since, "Status/Timestamp", RV_J_TIME },
        { SwarmTask_Message, "Status/Message", RV_J_TEXT },
        { SwarmTask_Error, "Status/Err", RV_J_TEXT },
        { SwarmTask_ContainerId, "Status/ContainerStatus/ContainerID", RV_J_TEXT },
        { SwarmTask_ProcessId, "Status/ContainerStatus/PID", RV_J_SOME },
        { SwarmTask_Created, "CreatedAt", RV_J_TIME },
        { SwarmTask_Updated, "UpdatedAt", RV_J_TIME },
        { SwarmTask_Revision, "Version/Index", RV_J_UINT },
};

static bool ended(json_t *j)
{
        static const char *const words[] = { "complete", "shutdown", "failed", "rejected", "remove", "orphaned" };
        const char *state = rv_or_empty(rv_j_text(j, "Status/State"));
        for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
                if (strcmp(state, words[i]) == 0)
                        return true;
        return false;
}

static void fill_lists(struct rv_row *row, json_t *j)
{
        struct rv_lines lines;
        json_t *one, *address;
        size_t i, k;
        char text[64];
        if (SwarmTask_wants_Ports(row)) {
                rv_lines_clear(&lines);
                json_t *ports = rv_j_at(j, "Status/PortStatus/Ports");
                json_array_foreach(ports, i, one)
                {
                        if (i && json_equal(one, json_array_get(ports, i - 1)))
                                continue; /* told once for IPv4 and once for IPv6 */
                        rv_swarm_port_text(one, text, sizeof text);
                        rv_lines_add(&lines, "%s", text);
                }
                rv_lines_set(row, SwarmTask_Ports, &lines);
        }
        if (SwarmTask_wants_Addresses(row)) {
                rv_lines_clear(&lines);
                json_array_foreach(rv_j_at(j, "NetworksAttachments"), i, one)
                        json_array_foreach(json_object_get(one, "Addresses"), k, address)
                                rv_lines_add(&lines, "%s", rv_or_empty(json_string_value(address)));
                rv_lines_set(row, SwarmTask_Addresses, &lines);
        }
}

static void fill(struct rv_row *row, json_t *j, json_t *services, json_t *nodes)
{
        const char *id = rv_j_text(j, "ID"), *image = rv_j_text(j, "Spec/ContainerSpec/Image");
        const char *service = rv_j_text(rv_swarm_by_id(services, rv_j_text(j, "ServiceID")), "Spec/Name");
        char name[200];
        rv_json_fill(row, j, rules, sizeof rules / sizeof *rules);
        rv_fill_n(row, SwarmTask_ShortId, id, id ? strnlen(id, 12) : 0);
        rv_fill(row, SwarmTask_ServiceName, service);
        rv_swarm_task_name(j, service ? service : rv_or_empty(rv_j_text(j, "ServiceID")), name, sizeof name);
        rv_fill(row, SwarmTask_Name, name);
        rv_fill(row, SwarmTask_NodeName,
                rv_j_text(rv_swarm_by_id(nodes, rv_j_text(j, "NodeID")), "Description/Hostname"));
        rv_fill_n(row, SwarmTask_Image, image, image ? rv_swarm_image_length(image) : 0);
        json_t *code = rv_j_at(j, "Status/ContainerStatus/ExitCode");
        if (ended(j) && json_is_integer(code))
                SwarmTask_set_ExitCode(row, (int32_t)json_integer_value(code));
        fill_lists(row, j);
}

static int task_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk t = { .call = q->call, .deadline = q->deadline, .what = "cannot list the swarm's tasks" };
        json_t *tasks = NULL, *services = NULL, *nodes = NULL, *j;
        size_t i;
        int r = rv_swarm_list(&t, &tasks, err, "/tasks");
        if (r == RV_OK && (rv_asked(q, SwarmTask_Name) || rv_asked(q, SwarmTask_ServiceName)))
                r = rv_swarm_list(&t, &services, err, "/services");
        if (r == RV_OK && rv_asked(q, SwarmTask_NodeName))
                r = rv_swarm_list(&t, &nodes, err, "/nodes");
        json_array_foreach(tasks, i, j)
        {
                if (r)
                        break;
                struct rv_row *row = rv_row(out);
                fill(row, j, services, nodes);
                r = rv_emit(out, row);
        }
        json_decref(tasks);
        json_decref(services);
        json_decref(nodes);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- changes ---- */

static int push_open(struct rv_error *err)
{
        return rv_swarm_watch(RV_SWARM_TASKS, err);
}
static int push_read(int fd, struct rv_news *news)
{
        int lost;
        (void)fd;
        json_decref(rv_swarm_next(RV_SWARM_TASKS, &lost));
        rv_news_changed(news);
        return 0;
}
static void push_close(int fd)
{
        rv_swarm_unwatch(RV_SWARM_TASKS, fd);
}
static const struct rv_push push = {
        .covers = RV_PUSH_ALL, .open = push_open, .read = push_read, .close = push_close
};

static const struct rv_provider task = { .class = &SwarmTask_class, .push = &push, .query = task_query };

RV_PROVIDERS(swarmtask, &task);
