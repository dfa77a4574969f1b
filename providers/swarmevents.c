/* SPDX-License-Identifier: MIT
 *
 * SwarmTaskChanged, SwarmServiceConverged, SwarmServiceStalled, SwarmQuorumChanged: what lib/swarmwatch.h finds by
 * comparing, as indications.
 */
#include <errno.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/SwarmEvents.h"
#include "providers/lib/engine.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/swarmwatch.h"

static void emit_task(struct rv_news *news, json_t *event)
{
        static const struct rv_json_rule rules[] = {
                { SwarmTaskChanged_TaskId, "task/ID", RV_J_TEXT },
                { SwarmTaskChanged_TaskName, "Task", RV_J_TEXT },
                { SwarmTaskChanged_ServiceName, "Service", RV_J_TEXT },
                { SwarmTaskChanged_NodeName, "Node", RV_J_TEXT },
                { SwarmTaskChanged_PreviousState, "Was", RV_J_TEXT },
                { SwarmTaskChanged_State, "State", RV_J_TEXT },
                { SwarmTaskChanged_DesiredState, "task/DesiredState", RV_J_TEXT },
                { SwarmTaskChanged_Message, "task/Status/Message", RV_J_TEXT },
                { SwarmTaskChanged_Error, "task/Status/Err", RV_J_TEXT },
                { SwarmTaskChanged_ContainerId, "task/Status/ContainerStatus/ContainerID", RV_J_TEXT },
        };
        static const char *const ends[] = { "complete", "shutdown", "failed" };
        struct rv_row *row = rv_news_row(news);
        const char *state = rv_j_text(event, "State");
        int64_t t;
        rv_json_fill(row, event, rules, sizeof rules / sizeof *rules);
        SwarmTaskChanged_set_Time(row, rv_j_time(event, "task/Status/Timestamp", &t) ? t : rv_wall());
        for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++)
                if (state && strcmp(state, ends[i]) == 0 && rv_j_at(event, "task/Status/ContainerStatus/ExitCode"))
                        SwarmTaskChanged_set_ExitCode(
                                row, (int32_t)rv_j_number(event, "task/Status/ContainerStatus/ExitCode"));
        rv_news_emit(news, row);
}

static void emit_converged(struct rv_news *news, json_t *event)
{
        struct rv_row *row = rv_news_row(news);
        SwarmServiceConverged_set_Time(row, rv_wall());
        rv_fill(row, SwarmServiceConverged_ServiceName, rv_j_text(event, "Service"));
        rv_fill(row, SwarmServiceConverged_ServiceId, rv_j_text(event, "Id"));
        SwarmServiceConverged_set_Running(row, (uint32_t)rv_j_number(event, "Running"));
        SwarmServiceConverged_set_Desired(row, (uint32_t)rv_j_number(event, "Desired"));
        rv_news_emit(news, row);
}

static void emit_stalled(struct rv_news *news, json_t *event)
{
        struct rv_row *row = rv_news_row(news);
        SwarmServiceStalled_set_Time(row, rv_wall());
        rv_fill(row, SwarmServiceStalled_ServiceName, rv_j_text(event, "Service"));
        rv_fill(row, SwarmServiceStalled_ServiceId, rv_j_text(event, "Id"));
        SwarmServiceStalled_set_Running(row, (uint32_t)rv_j_number(event, "Running"));
        SwarmServiceStalled_set_Desired(row, (uint32_t)rv_j_number(event, "Desired"));
        rv_fill(row, SwarmServiceStalled_Reason, rv_j_text(event, "Reason"));
        rv_news_emit(news, row);
}

static void emit_quorum(struct rv_news *news, json_t *event)
{
        struct rv_row *row = rv_news_row(news);
        SwarmQuorumChanged_set_Time(row, rv_wall());
        SwarmQuorumChanged_set_Lost(row, rv_j_true(event, "Lost"));
        rv_fill(row, SwarmQuorumChanged_Reason, rv_j_text(event, "Reason"));
        rv_news_emit(news, row);
}

/* At most 200 a call; the descriptor stays readable while there are more. */
static int hand_over(enum rv_swarm_topic topic, struct rv_news *news, void (*emit)(struct rv_news *, json_t *))
{
        int lost;
        for (unsigned i = 0; i < 200; i++) {
                json_t *event = rv_swarm_next(topic, &lost);
                if (event)
                        emit(news, event);
                json_decref(event);
                if (lost)
                        return -ENOBUFS;
                if (!event)
                        break;
        }
        return 0;
}

#define TOPIC(word, topic, emit)                                          \
        static int word##_open(struct rv_error *err)                      \
        {                                                                 \
                return rv_swarm_watch(topic, err);                        \
        }                                                                 \
        static int word##_read(int fd, struct rv_news *news)              \
        {                                                                 \
                (void)fd;                                                 \
                return hand_over(topic, news, emit);                      \
        }                                                                 \
        static void word##_close(int fd)                                  \
        {                                                                 \
                rv_swarm_unwatch(topic, fd);                              \
        }                                                                 \
        static const struct rv_push word##_push = { .covers = RV_PUSH_ALL, \
                                                    .open = word##_open,  \
                                                    .read = word##_read,  \
                                                    .close = word##_close };

TOPIC(task, RV_SWARM_TASK_CHANGED, emit_task)
TOPIC(converged, RV_SWARM_CONVERGED, emit_converged)
TOPIC(stalled, RV_SWARM_STALLED, emit_stalled)
TOPIC(quorum, RV_SWARM_QUORUM, emit_quorum)

static const struct rv_provider task = { .class = &SwarmTaskChanged_class, .push = &task_push };
static const struct rv_provider converged = { .class = &SwarmServiceConverged_class, .push = &converged_push };
static const struct rv_provider stalled = { .class = &SwarmServiceStalled_class, .push = &stalled_push };
static const struct rv_provider quorum = { .class = &SwarmQuorumChanged_class, .push = &quorum_push };

RV_PROVIDERS(swarmevents, &task, &converged, &stalled, &quorum);
