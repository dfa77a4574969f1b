/* SPDX-License-Identifier: MIT
 *
 * reeve-agent: the typed objects of this host, over JSON-RPC. This file is the map:
 *
 *      front/unix.c    who comes: Unix socket, peers named by the kernel; scraper.c: GET /metrics on loopback
 *      session.c       bytes <-> messages (wire/frame.c tells framings apart), JSON-RPC, credit
 *      ops.c           operations -> request
 *      request.c       request -> scans over providers -> result      authorize.c   who may: role*.c, rights.c, wish.c
 *      query.c wql*.c  what is asked, made ready                      view.c        Win32_* over our classes
 *      sink.c order.c  rows from providers, bounded                   pool.c        threads of one provider
 *      change.c        create, modify, delete, test, set             audit.c       intent, outcome, chain
 *      concretejob*.c  long work that goes on without its caller
 *      elevate*.c      roles that somebody has for a time
 *      confirm.c guard.c  changes that are put back unless confirmed
 *      entry.c         statistics of providers                       state.c       SQLite, one writer
 *      sql.c vtab.c pull.c  SQL over all classes                     loop.c        libuv
 *      assoc*.c        associations that follow from the objects      watch.c push.c    what changes
 *      history*.c      what has changed, on disk: as it was at a moment
 *      indicate*.c     subscriptions                                  journal.c     durable ones on disk
 *      permanent*.c    subscriptions and timers that stay             deliver.c     what their consumers do
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/concretejob.h"
#include "agent/config.h"
#include "agent/confirm.h"
#include "agent/coredump.h"
#include "agent/elevate.h"
#include "agent/external.h"
#include "agent/front/logins.h"
#include "agent/history.h"
#include "agent/indicate.h"
#include "agent/launch.h"
#include "agent/log.h"
#include "agent/permanent.h"
#include "agent/revision.h"
#include "agent/scrape.h"
#include "agent/wire/link.h"

struct options {
        const char *socket, *state, *config, *roles, *providers, *provider, *reference, *job;
        int fd, listen_fd, intro_fd;
        bool check;
};

static void usage(FILE *f)
{
        fprintf(f, "usage: reeve-agent [--socket PATH | --listen-fd N | --fd N] [--state DIR] [--config "
                   "FILE] [--foreground]\n"
                   "  --socket PATH    listen on a Unix socket\n"
                   "  --listen-fd N    listen on an inherited socket\n"
                   "  --fd N           serve one connected socket and end with it\n"
                   "  --intro-fd N     take sessions that reeved introduces over an inherited socket\n"
                   "  --state DIR      where audit and other state is kept\n"
                   "  --config FILE    configuration\n"
                   "  --roles DIR      roles, instead of /etc/reeve/roles.d\n"
                   "  --providers DIRS folders of external providers, instead of /etc/reeve/providers.d and\n"
                   "                   /usr/lib/reeve/providers\n"
                   "  --provider FILE  only this external provider\n"
                   "  --job FILE       do one job of the agent that starts this, and end\n"
                   "  --check          say what is wrong with configuration and roles, and end\n"
                   "  --reference WHAT print settings, operations or metrics as Markdown, and end\n"
                   "  --verify-audit FILE...  check exported audit records or segments, and end\n"
                   "  --foreground     stay in the foreground (always so)\n"
                   "  --help, --version\n");
}

/* Answers an exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *o)
{
        static const struct option known[] = {
                { "socket", 1, NULL, 's' }, { "state", 1, NULL, 'd' },     { "config", 1, NULL, 'c' },
                { "fd", 1, NULL, 'f' },     { "listen-fd", 1, NULL, 'l' }, { "foreground", 0, NULL, 'g' },
                { "roles", 1, NULL, 'r' },
                { "providers", 1, NULL, 'p' },
                { "provider", 1, NULL, 'x' },
                { "check", 0, NULL, 'k' },
                { "reference", 1, NULL, 'R' },
                { "job", 1, NULL, 'j' },
                { "intro-fd", 1, NULL, 'i' }, { "help", 0, NULL, 'h' },   { "version", 0, NULL, 'v' },   { 0 }
        };
        *o = (struct options) { .fd = -1, .listen_fd = -1, .intro_fd = -1 };
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
                switch (c) {
                case 's': o->socket = optarg; break;
                case 'd': o->state = optarg; break;
                case 'c': o->config = optarg; break;
                case 'f': o->fd = atoi(optarg); break;
                case 'l': o->listen_fd = atoi(optarg); break;
                case 'i': o->intro_fd = atoi(optarg); break;
                case 'r': o->roles = optarg; break;
                case 'p': o->providers = optarg; break;
                case 'x': o->provider = optarg; break;
                case 'k': o->check = true; break;
                case 'R': o->reference = optarg; break;
                case 'j': o->job = optarg; break;
                case 'g': break;
                case 'h': usage(stdout); return 0;
                case 'v': printf("reeve-agent %s\n", REEVE_VERSION); return 0;
                default: usage(stderr); return 2;
                }
        if (optind < argc || (!o->check && !o->reference && !o->job && !o->socket && o->fd < 0 && o->listen_fd < 0)) {
                usage(stderr);
                return 2;
        }
        return -1;
}

/* What would be wrong at a start. */
static int check(struct rv_agent *a, const struct options *o)
{
        struct rv_error e;
        if (rv_policy_roles(&a->policy, o->roles, &a->registry, &e)) {
                fprintf(stderr, "%s\n", e.message);
                return 1;
        }
        struct rv_role_set *set = rv_policy_hold(&a->policy);
        unsigned n = rv_roles_files(set);
        printf("%u role%s in %s\n", n, n == 1 ? "" : "s", a->policy.folder);
        rv_roles_drop(set);
        const char *missing = rv_scrapers_no_role(a);
        if (missing)
                fprintf(stderr, "[metrics] role = %s: there is no such role in %s\n", missing, a->policy.folder);
        return missing != NULL;
}

/* What is declared in the programs, for make docs. The classes have their pages from mofc. */
static int reference(const char *what)
{
        struct rv_registry r = { 0 };
        if (strcmp(what, "settings") == 0) {
                rv_config_reference(stdout);
        } else if (strcmp(what, "operations") == 0) {
                rv_ops_reference(stdout);
        } else if (strcmp(what, "metrics") == 0 && rv_registry_init(&r) == 0) {
                rv_metrics_references(&r, stdout);
                rv_registry_free(&r);
        } else {
                usage(stderr);
                return 2;
        }
        return fflush(stdout) || ferror(stdout);
}

/* Of a folder the good ones are taken; one that was named must be good. */
static bool take_providers(struct rv_agent *a, const struct options *o)
{
        struct rv_error e = { 0 };
        const char *folders = o->providers ? o->providers : a->provider_folders[0] ? a->provider_folders : NULL;
        if (!o->provider)
                return rv_external_load(&a->registry, folders) >= 0;
        int r = rv_external_take(&a->registry, o->provider, &e);
        if (r)
                fprintf(stderr, "%s\n", r < 0 ? strerror(-r) : e.message);
        if (r > 0 && e.hint[0])
                fprintf(stderr, "%s\n", e.hint);
        return r == 0;
}

/* ---- the end ---- */

#define DRAIN UINT64_C(5000000000) /* ns that calls under way have; TimeoutStopSec of the unit is more */
#define DRAIN_LOOK UINT64_C(10000000)

static struct {
        struct rv_alarm alarm;
        struct rv_agent *agent;
        uint64_t until;
} end;

/* Every call has been answered, and every answer sent. */
static bool is_drained(const struct rv_agent *a)
{
        for (const struct rv_session *s = a->sessions; s; s = s->next)
                if (s->state != RV_SESSION_CLOSED && rv_session_queued(s))
                        return false;
        return !a->nrequests;
}

static void on_drain(struct rv_alarm *alarm)
{
        struct rv_agent *a = end.agent;
        bool over = rv_now() >= end.until, done = is_drained(a);
        if (over && !done)
                rv_log(RV_LOG_WARNING, "%u calls did not end in time and are dropped", a->nrequests);
        if (over || done || rv_alarm_set(&a->loop, alarm, rv_now() + DRAIN_LOOK))
                rv_loop_quit(&a->loop);
}

void rv_agent_stop(struct rv_agent *a)
{
        if (a->stopping)
                return;
        a->stopping = true; /* no session is read any more, no connection taken: session.c, front/unix.c */
        rv_tell_systemd("STOPPING=1");
        end.alarm.ring = on_drain;
        end.agent = a;
        end.until = rv_now() + DRAIN;
        on_drain(&end.alarm);
}

static void on_stop(struct rv_loop *l, int signum)
{
        (void)signum;
        struct rv_agent *a = l->owner;
        if (a->is_job)
                rv_cjob_cancel(a);
        else
                rv_agent_stop(a);
}

/* A private agent's only peer is who sends it the signal. */
static void on_stop_private(struct rv_loop *l, int signum)
{
        (void)signum;
        struct rv_agent *a = l->owner;
        if (a->is_job) {
                rv_cjob_cancel(a);
                return;
        }
        a->stopping = true;
        rv_loop_quit(l);
}

static void on_ended(struct rv_session *s)
{
        rv_loop_quit(&s->agent->loop);
}

/* It is there for one session, and ends with it. */
static bool is_private(const struct options *o)
{
        return o->fd >= 0 || o->job;
}

static int serve(struct rv_agent *a, const struct options *o)
{
        int r = 0;
        if (!is_private(o)) /* it has no doors */
                rv_scrapers_start(a);
        if (o->socket)
                r = rv_listen_unix(a, o->socket);
        if (r == 0 && o->listen_fd >= 0)
                r = rv_listen_fd(a, o->listen_fd);
        a->supervised = o->intro_fd >= 0;
        if (r == 0 && o->intro_fd >= 0)
                r = rv_listen_intro(a, o->intro_fd);
        if (r == 0 && o->fd >= 0)
                r = rv_serve_fd(a, o->fd, on_ended);
        if (r == 0 && o->job && rv_cjob_serve(a, o->job))
                return 1;
        if (r) {
                rv_log(RV_LOG_ERROR, "cannot listen on %s: %s",
                       o->socket ? o->socket : "the descriptor given", strerror(-r));
                return 1;
        }
        rv_roles_watch(a);
        rv_tell_systemd("READY=1");
        rv_loop_run(&a->loop);
        while (a->sessions) {
                for (struct rv_session *s = a->sessions; s; s = s->next)
                        rv_session_close(s);
                uv_run(&a->loop.uv, UV_RUN_NOWAIT);
        }
        if (o->socket)
                unlink(o->socket);
        return 0;
}

int main(int argc, char **argv)
{
        struct options o;
        if (argc > 1 && strcmp(argv[1], "--guard") == 0)
                return rv_guard_main(argc, argv);
        if (argc > 1 && strcmp(argv[1], "--deliver") == 0)
                rv_deliver_main();
        if (argc > 1 && strcmp(argv[1], "--dump") == 0)
                return rv_coredump_main(argc, argv);
        if (argc > 1 && strcmp(argv[1], "--start") == 0)
                return rv_launch_main(argc, argv);
        if (rv_link_take(&argc, &argv) < 0)
                return 1;
        if (argc > 2 && strcmp(argv[1], "--verify-audit") == 0)
                return rv_audit_verify_files(argc - 2, argv + 2);
        int status = read_options(argc, argv, &o);
        if (status >= 0)
                return status;
        if (o.reference)
                return reference(o.reference);
        signal(SIGPIPE, SIG_IGN);
        /* One heap: of those that threads have of their own the end is never given back. And what is large is mapped
         * alone, for ever: by itself the bound would grow with the largest reply. */
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, 256 << 10);
        mallopt(M_TRIM_THRESHOLD, 512 << 10);
        rv_log_start("reeve-agent", RV_LOG_INFO);
        static struct rv_agent a;
        int r = rv_policy_load(&a.policy);
        if (r == 0)
                r = rv_registry_init(&a.registry);
        if (r == 0)
                r = rv_loop_init(&a.loop);
        if (r == 0) {
                a.is_job = o.job != NULL;
                a.given.config = o.config, a.given.roles = o.roles, a.given.providers = o.providers;
                if (o.job)
                        rv_external_ungrouped("it is a job's process");
                a.loop.owner = &a;
                a.loop.stop = o.fd < 0 ? on_stop : on_stop_private;
                r = rv_loop_signals(&a.loop);
        }
        rv_state_init(&a.state, &a.loop, o.state);
        if (r == 0 && (rv_config_load(&a, o.config) || !take_providers(&a, &o)))
                return 1;
        if (r || rv_entries_init(&a)) {
                rv_log(RV_LOG_ERROR, "cannot start: %s", strerror(r < 0 ? -r : ENOMEM));
                return 1;
        }
        if (o.check)
                return check(&a, &o);
        rv_pool_init(&a.sql, "sql", RV_SQL_THREADS);
        rv_elevations_start(&a);
        rv_roles_start(&a, o.roles);
        if (!o.job)
                rv_confirm_start(o.state, o.socket);
        rv_cjobs_start(&a, !is_private(&o));
        if (rv_journal_init(&a) || rv_permanent_start(&a, !is_private(&o)))
                return 1;
        if (!is_private(&o)) /* it has no time to tell of */
                rv_history_start(&a);
        status = serve(&a, &o);
        rv_cjobs_stop(&a);
        rv_history_stop(&a);
        rv_permanent_free(&a);
        while (a.subscriptions)
                rv_subscription_free(a.subscriptions);
        rv_revisions_free(&a);
        rv_watches_free(&a);
        rv_pool_drain(&a.sql, rv_now() + UINT64_C(1000000000));
        rv_entries_free(&a);
        rv_state_free(&a.state);
        rv_journal_free(&a);
        rv_history_free(&a);
        rv_scrapers_free(&a);
        rv_registry_free(&a.registry);
        rv_elevations_stop();
        rv_logins_free(&a);
        rv_policy_free(&a.policy);
        return status;
}
