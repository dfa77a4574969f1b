/* SPDX-License-Identifier: MIT
 *
 * Watching a swarm: see swarmwatch.h. One thread asks and compares; what it hands over is under a lock that is never
 * held while anything is waited for.
 */
#include "providers/lib/swarmwatch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "providers/lib/containertext.h"
#include "providers/lib/swarm.h"
#include "providers/lib/swarmwait.h"

#define SECOND UINT64_C(1000000000)
#define LOOK 1000        /* ms between two looks when the engine tells nothing */
#define BREATH 100       /* ms between two looks at least */
#define MOST 10000       /* events of a topic that wait; older ones are lost */
#define STALLED_AFTER 3u /* failures of one slot */

static struct {
        pthread_mutex_t lock;      /* of all of this */
        int news[RV_SWARM_TOPICS]; /* eventfds; -1: nobody watches */
        json_t *events[RV_SWARM_TOPICS];
        bool lost[RV_SWARM_TOPICS];
        bool runs;
        int wake; /* the thread's */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .news = { -1, -1, -1, -1, -1, -1, -1 }, .wake = -1 };

/* What the thread knows; nobody else's. */
struct look {
        json_t *nodes, *services, *tasks;
        json_t *stands; /* service id -> "converged", "stalled" or "moving" */
        bool known;     /* there has been a first look: what differs from it is news */
        bool leaderless, blind; /* blind: the last look has failed */
        struct rv_http stream;
};

/* ---- handing over ---- */

static void tell(enum rv_swarm_topic topic, json_t *event)
{
        pthread_mutex_lock(&all.lock);
        if (all.news[topic] >= 0) {
                if (event) {
                        if (json_array_size(all.events[topic]) >= MOST) {
                                json_array_remove(all.events[topic], 0);
                                all.lost[topic] = true;
                        }
                        json_array_append(all.events[topic], event);
                }
                eventfd_write(all.news[topic], 1);
        }
        pthread_mutex_unlock(&all.lock);
        json_decref(event);
}

json_t *rv_swarm_next(enum rv_swarm_topic topic, int *ret_lost)
{
        eventfd_t n;
        pthread_mutex_lock(&all.lock);
        json_t *event = json_incref(json_array_get(all.events[topic], 0));
        if (event)
                json_array_remove(all.events[topic], 0);
        *ret_lost = all.lost[topic];
        all.lost[topic] = false;
        if (!event && all.news[topic] >= 0)
                eventfd_read(all.news[topic], &n);
        pthread_mutex_unlock(&all.lock);
        return event;
}

/* ---- comparing ---- */

static const char *state_of(json_t *task)
{
        return rv_or_empty(rv_j_text(task, "Status/State"));
}

static json_t *task_event(struct look *l, json_t *task, const char *was, const char *is)
{
        json_t *service = rv_swarm_by_id(l->services, rv_j_text(task, "ServiceID"));
        json_t *node = rv_swarm_by_id(l->nodes, rv_j_text(task, "NodeID"));
        const char *name = rv_j_text(service, "Spec/Name"), *host = rv_j_text(node, "Description/Hostname");
        char text[200];
        rv_swarm_task_name(task, name ? name : rv_or_empty(rv_j_text(task, "ServiceID")), text, sizeof text);
        return json_pack("{ss ss* ss* ss* ss sO}", "Task", text, "Service", name, "Node", host, "Was", was,
                         "State", is, "task", task);
}

static json_t *by_id(json_t *list)
{
        json_t *map = json_object(), *one;
        size_t i;
        json_array_foreach(list, i, one) json_object_set(map, rv_or_empty(rv_j_text(one, "ID")), one);
        return map;
}

/* was: the former list. What has gone without having ended is told as removed. */
static void compare_tasks(struct look *l, json_t *was)
{
        json_t *before = by_id(was), *now = by_id(l->tasks), *task, *old;
        const char *id;
        json_object_foreach(now, id, task)
        {
                old = json_object_get(before, id);
                if (!old || strcmp(state_of(old), state_of(task)) != 0)
                        tell(RV_SWARM_TASK_CHANGED,
                             task_event(l, task, old ? state_of(old) : NULL, state_of(task)));
        }
        json_object_foreach(before, id,
                            old) if (!json_object_get(now, id) && strcmp(state_of(old), "running") == 0)
                tell(RV_SWARM_TASK_CHANGED, task_event(l, old, state_of(old), "remove"));
        json_decref(before);
        json_decref(now);
}

static const char *stand(json_t *service, const struct rv_swarm_state *s)
{
        bool undone =
                strcmp(rv_or_empty(rv_j_text(service, "UpdateStatus/State")), "rollback_completed") == 0;
        if (rv_swarm_converged(service, s))
                return undone ? "undone" : "converged";
        return s->failures >= STALLED_AFTER || s->stopped ? "stalled" : "moving";
}

static void compare_service(struct look *l, json_t *service, json_t *stands)
{
        const char *id = rv_or_empty(rv_j_text(service, "ID"));
        const char *was = json_string_value(json_object_get(l->stands, id));
        json_t *mine = json_array(), *one;
        size_t i;
        struct rv_swarm_state s;
        json_array_foreach(l->tasks, i, one) if (strcmp(rv_or_empty(rv_j_text(one, "ServiceID")), id) == 0)
                json_array_append(mine, one);
        rv_swarm_state(service, mine, l->nodes, NULL, &s);
        const char *is = stand(service, &s);
        bool moved = l->known && (!was || strcmp(was, is) != 0) && strcmp(is, "moving") != 0;
        bool good = strcmp(is, "stalled") != 0;
        json_object_set_new(stands, id, json_string(is));
        if (moved)
                tell(good ? RV_SWARM_CONVERGED : RV_SWARM_STALLED,
                     json_pack("{ss ss si si ss}", "Service", rv_or_empty(rv_j_text(service, "Spec/Name")),
                               "Id", id, "Running", (int)s.running, "Desired", (int)s.desired, "Reason",
                               *s.failing ? s.failing
                                          : rv_or_empty(rv_j_text(service, "UpdateStatus/Message"))));
        json_decref(mine);
}

static void compare(struct look *l, json_t *nodes, json_t *services, json_t *tasks)
{
        bool n = !json_equal(l->nodes, nodes), s = !json_equal(l->services, services),
             t = !json_equal(l->tasks, tasks);
        json_t *was = l->tasks, *stands = json_object(), *one;
        size_t i;
        json_decref(l->nodes);
        json_decref(l->services);
        l->nodes = nodes;
        l->services = services;
        l->tasks = tasks;
        if (l->known && t)
                compare_tasks(l, was);
        json_decref(was);
        json_array_foreach(services, i, one) compare_service(l, one, stands);
        json_decref(l->stands);
        l->stands = stands;
        if (l->known) {
                if (n)
                        tell(RV_SWARM_NODES, NULL);
                if (n || s || t)
                        tell(RV_SWARM_SERVICES, NULL);
                if (n || s || t)
                        tell(RV_SWARM_TASKS, NULL);
        }
        l->known = true;
}

static void quorum(struct look *l, bool lost, const char *reason)
{
        if (lost == l->leaderless)
                return;
        l->leaderless = lost;
        tell(RV_SWARM_QUORUM, json_pack("{ss sb}", "Reason", reason, "Lost", lost));
}

static void everything(void)
{
        tell(RV_SWARM_NODES, NULL);
        tell(RV_SWARM_SERVICES, NULL);
        tell(RV_SWARM_TASKS, NULL);
}

static void look(struct look *l)
{
        struct rv_talk t = { .deadline = rv_now() + 10 * SECOND, .what = "cannot watch the swarm" };
        json_t *nodes = NULL, *services = NULL, *tasks = NULL;
        struct rv_error err = { 0 };
        int r = rv_swarm_list(&t, &nodes, &err, "/nodes");
        if (r == RV_OK)
                r = rv_swarm_list(&t, &services, &err, "/services");
        if (r == RV_OK)
                r = rv_swarm_list(&t, &tasks, &err, "/tasks");
        if (r == RV_OK) {
                quorum(l, false, "the swarm has a leader again");
                compare(l, nodes, services, tasks);
                if (l->blind)
                        everything();
                l->blind = false;
                return;
        }
        if (!l->blind) /* whoever watches reads, and is told why it cannot be read */
                everything();
        l->blind = true;
        /* What cannot be read has not gone: what was known stays, and is compared with the next answer. */
        if (strstr(err.message, "no leader"))
                quorum(l, true, "the swarm has no leader: too few of its managers are there");
        json_decref(nodes);
        json_decref(services);
        json_decref(tasks);
}

/* ---- the thread ---- */

static void open_stream(struct look *l)
{
        struct rv_error err = { 0 };
        const struct rv_engine_ask a = { .engine = rv_engine_find(NULL),
                                         .deadline = rv_now() + 5 * SECOND,
                                         .method = "GET",
                                         .file = -1,
                                         .path = "/events?filters=%7B%22type%22%3A%7B%22container%22%3Atrue%"
                                                 "2C%22node%22%3Atrue%2C%22service%22%3A"
                                                 "true%7D%7D",
                                         .what = "cannot watch the swarm" };
        if (a.engine && rv_engine_open(&a, &l->stream, &err))
                l->stream.fd = -1;
}

/* Takes what the engine tells: only that it does matters. */
static void drain(struct look *l)
{
        char rest[4096];
        ssize_t n;
        l->stream.deadline = 0;
        while ((n = rv_http_read(&l->stream, rest, sizeof rest)) > 0)
                ;
        if (n != -ETIMEDOUT)
                rv_http_close(&l->stream);
}

/* Whether nobody watches any more: the thread ends then. */
static bool over(void)
{
        bool none = true;
        pthread_mutex_lock(&all.lock);
        for (unsigned i = 0; i < RV_SWARM_TOPICS; i++)
                none &= all.news[i] < 0;
        all.runs = !none;
        pthread_mutex_unlock(&all.lock);
        return none;
}

static void *follow(void *arg)
{
        struct look l = { .stream.fd = -1 };
        eventfd_t n;
        (void)arg;
        while (!over()) {
                if (l.stream.fd < 0)
                        open_stream(&l);
                look(&l);
                poll(NULL, 0, BREATH);
                struct pollfd p[2] = { { .fd = all.wake, .events = POLLIN },
                                       { .fd = l.stream.fd, .events = POLLIN } };
                poll(p, 2, LOOK - BREATH);
                if (p[0].revents)
                        eventfd_read(all.wake, &n);
                if (p[1].revents)
                        drain(&l);
        }
        if (l.stream.fd >= 0)
                rv_http_close(&l.stream);
        json_decref(l.nodes);
        json_decref(l.services);
        json_decref(l.tasks);
        json_decref(l.stands);
        return NULL;
}

int rv_swarm_watch(enum rv_swarm_topic topic, struct rv_error *err)
{
        pthread_t thread;
        int r = 0;
        if (!rv_engine_find(NULL)) {
                rv_fail(err, RV_UNAVAILABLE, "this host has no container engine");
                return -ENOENT;
        }
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        pthread_mutex_lock(&all.lock);
        if (all.wake < 0 && (all.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
                r = -errno;
        if (r == 0) {
                all.news[topic] = fd;
                json_decref(all.events[topic]);
                all.events[topic] = json_array();
                all.lost[topic] = false;
        }
        if (r == 0 && !all.runs && (r = -pthread_create(&thread, NULL, follow, NULL)) == 0) {
                pthread_detach(thread);
                all.runs = true;
        }
        pthread_mutex_unlock(&all.lock);
        if (r)
                rv_swarm_unwatch(topic, fd);
        return r ? r : fd;
}

void rv_swarm_unwatch(enum rv_swarm_topic topic, int fd)
{
        pthread_mutex_lock(&all.lock);
        close(fd);
        if (all.news[topic] == fd) {
                all.news[topic] = -1;
                json_decref(all.events[topic]);
                all.events[topic] = NULL;
        }
        if (all.wake >= 0)
                eventfd_write(all.wake, 1);
        pthread_mutex_unlock(&all.lock);
}
