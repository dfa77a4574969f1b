/* SPDX-License-Identifier: MIT
 *
 * Roles are read again when their folder changes and on SIGHUP, on a thread of its own: they are files, and groups may
 * come over the network. What cannot be taken is logged, and the roles before it stay.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/external.h"
#include "agent/log.h"

#define SETTLE UINT64_C(100000000) /* ns: a copied folder is many events */

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct rv_reload {
        struct rv_agent *agent;
        struct rv_pool pool;
        struct rv_job job;
        struct rv_work back;
        struct rv_alarm settle;
        struct rv_error error;
        uv_fs_event_t watch;
        bool watching, running, again;
};

/* Without roles only administrators have any business at the socket; with them anybody may knock. */
static void open_doors(struct rv_agent *a)
{
        struct rv_role_set *set = rv_policy_hold(&a->policy);
        mode_t mode = set && set->n ? 0666 : a->policy.admin_group != (gid_t)-1 ? 0660 : 0600;
        rv_roles_drop(set);
        for (unsigned i = 0; i < a->nlisteners; i++) {
                struct sockaddr_un name = { 0 };
                socklen_t n = sizeof name;
                if (getsockname(a->listeners[i], (struct sockaddr *)&name, &n) == 0 && name.sun_path[0] == '/' &&
                    chmod(name.sun_path, mode) < 0 && errno != ENOENT)
                        rv_log(RV_LOG_WARNING, "%s keeps its mode: %m", name.sun_path);
        }
}

/* reeved looks for this file before it starts a shell: it is there while a role wants transcripts. */
static void want_transcripts(struct rv_agent *a)
{
        char path[600];
        struct rv_role_set *set = rv_policy_hold(&a->policy);
        bool wanted = false;
        for (unsigned i = 0; set && i < set->n; i++)
                wanted |= set->roles[i].transcript != RV_TRANSCRIPT_NO;
        rv_roles_drop(set);
        if (!rv_stats_folder(a, path, sizeof path - 20))
                return;
        if (wanted && mkdir(path, 0700) < 0 && errno != EEXIST)
                rv_log(RV_LOG_WARNING, "cannot make %s: %m", path);
        strcat(path, "/transcripts.wanted");
        int fd = wanted ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
        if (wanted && fd < 0)
                rv_log(RV_LOG_ERROR, "roles: sessions are not recorded: cannot write %s: %m", path);
        if (fd >= 0)
                close(fd);
        else if (!wanted && unlink(path) < 0 && errno != ENOENT)
                rv_log(RV_LOG_WARNING, "cannot remove %s: %m", path);
}

static void tell(struct rv_agent *a, const struct rv_error *e, const char *otherwise)
{
        struct rv_role_set *set = rv_policy_hold(&a->policy);
        if (e->code)
                rv_log(RV_LOG_ERROR, "roles: %s. %s", e->message, otherwise);
        else if (set && set->n)
                rv_log(RV_LOG_INFO, "roles: %u from %s", rv_roles_files(set), a->policy.folder);
        rv_roles_drop(set);
}

int rv_roles_start(struct rv_agent *a, const char *folder)
{
        struct rv_error e;
        int r = rv_policy_roles(&a->policy, folder, &a->registry, &e);
        want_transcripts(a);
        tell(a, &e, "No role is in force: only administrators are let in.");
        return r;
}

static void run(struct rv_job *job)
{
        struct rv_reload *l = OF(job, struct rv_reload, job);
        rv_policy_roles(&l->agent->policy, NULL, &l->agent->registry, &l->error);
        rv_loop_post(&l->agent->loop, &l->back);
}

static void begin(struct rv_reload *l)
{
        struct rv_error e = { 0 };
        l->again = l->running;
        if (l->running)
                return;
        l->running = rv_pool_submit(&l->pool, &l->job, &e) == RV_OK;
        if (!l->running)
                rv_log(RV_LOG_ERROR, "roles: cannot be read now: %s", e.message);
}

static void on_back(struct rv_work *w)
{
        struct rv_reload *l = OF(w, struct rv_reload, back);
        l->running = false;
        tell(l->agent, &l->error, "The roles before this change stay in force.");
        open_doors(l->agent);
        want_transcripts(l->agent);
        if (l->again)
                begin(l);
}

static void watch(struct rv_reload *);

static void on_settled(struct rv_alarm *alarm)
{
        struct rv_reload *l = OF(alarm, struct rv_reload, settle);
        watch(l); /* the folder may be another one by now */
        begin(l);
}

static void on_event(uv_fs_event_t *w, const char *name, int events, int status)
{
        (void)name, (void)events, (void)status;
        struct rv_reload *l = w->data;
        if (!l->settle.at)
                rv_alarm_set(&l->agent->loop, &l->settle, rv_now() + SETTLE);
}

/* The folder, or while it is not there the one in which it would appear. */
static void watch(struct rv_reload *l)
{
        char parent[512];
        if (l->watching)
                uv_fs_event_stop(&l->watch);
        snprintf(parent, sizeof parent, "%s", l->agent->policy.folder);
        char *slash = strrchr(parent, '/');
        if (slash && slash > parent)
                *slash = 0;
        l->watching = uv_fs_event_start(&l->watch, on_event, l->agent->policy.folder, 0) == 0 ||
                      uv_fs_event_start(&l->watch, on_event, parent, 0) == 0;
}

static void on_hangup(struct rv_loop *loop)
{
        struct rv_agent *a = loop->owner;
        if (rv_external_changed()) {
                rv_log(RV_LOG_NOTICE, "providers have changed: %s",
                       a->supervised ? "the agent starts anew" : "a new start of the agent takes them");
                if (a->supervised)
                        rv_agent_stop(a);
        }
        begin(a->reload);
}

void rv_roles_watch(struct rv_agent *a)
{
        struct rv_reload *l = calloc(1, sizeof *l);
        open_doors(a);
        if (!l || uv_fs_event_init(&a->loop.uv, &l->watch)) {
                rv_log(RV_LOG_WARNING, "roles: changes will not be seen: out of memory");
                free(l);
                return;
        }
        l->agent = a;
        l->watch.data = l;
        l->job.run = run;
        l->back.run = on_back;
        l->settle.ring = on_settled;
        rv_pool_init(&l->pool, "roles", 1);
        a->reload = l;
        a->loop.reload = on_hangup;
        watch(l);
}
