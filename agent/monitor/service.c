/* SPDX-License-Identifier: MIT
 *
 * The three programs that are kept alive: reeve-login, reeve-agent and the parent of the SSH front-ends. Each has
 * one end of a socket
 * pair that outlives it, so what is queued for it is there for its successor. One that dies soon after its start is
 * started again later and later. Their deaths end no session. They are our children, or, where the unit of reeved
 * says so
 * (REEVE_LINKS), units of their own, each locked in as its work allows (link.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"

enum { LEAST_WAIT = 100, MOST_WAIT = 10000, SETTLED = 5000 };

extern char **environ;

/* ---- one service ---- */

/* Without what is meant for reeved alone. */
static char *const *child_environment(void)
{
        static char *env[256];
        static const char *const ours[] = { "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", NULL };
        unsigned n = 0;
        for (char **e = environ; *e && n < 255; e++) {
                bool skip = false;
                for (const char *const *o = ours; *o; o++)
                        skip |= strncmp(*e, *o, strlen(*o)) == 0;
                if (!skip)
                        env[n++] = *e;
        }
        env[n] = NULL;
        return env;
}

static void run(const struct mon_service *s, char *const *argv, char *const *env)
{
        sigset_t none;
        sigemptyset(&none);
        for (int i = 1; i < NSIG; i++)
                signal(i, SIG_DFL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (s == &s->m->login) /* logins begin with what we were given */
                setrlimit(RLIMIT_NOFILE, &s->m->descriptors);
        /* 3 and 4 may be in each other's way. */
        int theirs = fcntl(s->theirs, F_DUPFD, 10), extra = s->extra >= 0 ? fcntl(s->extra, F_DUPFD, 10) : -1;
        if (theirs < 0 || dup2(theirs, 3) < 0 || (extra >= 0 && dup2(extra, 4) < 0))
                _exit(255);
        syscall(SYS_close_range, extra >= 0 ? 5u : 4u, ~0u, 0);
        if (s->m->uid == 0 && s->uid != 0 &&
            (syscall(SYS_setgroups, (size_t)0, NULL) < 0 ||
             syscall(SYS_setresgid, s->gid, s->gid, s->gid) < 0 ||
             syscall(SYS_setresuid, s->uid, s->uid, s->uid) < 0))
                _exit(255);
        execve(argv[0], argv, env);
        _exit(127);
}

static void start(struct mon_service *s)
{
        char *const *argv = s->argv(s->m), *const *env = child_environment();
        sigset_t all, before;
        sigfillset(&all);
        s->started = uv_now(&s->m->loop);
        if (s == &s->m->agent)
                mon_tell_all(s->m);
        if (s->m->links) {
                mon_link(s, argv);
                return;
        }
        pthread_sigmask(SIG_SETMASK, &all, &before);
        s->pid = fork();
        if (s->pid == 0)
                run(s, argv, env);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (s->pid < 0)
                rv_log(RV_LOG_ERROR, "%s cannot be started: %m", s->name);
}

static void on_wait_over(uv_timer_t *t)
{
        start(t->data);
}

void mon_service_over(struct mon_service *s, const char *how)
{
        bool settled = uv_now(&s->m->loop) - s->started >= SETTLED;
        s->pid = -1;
        if (s->m->stopping)
                return;
        s->wait = settled ? 0 : !s->wait ? LEAST_WAIT : s->wait * 2 < MOST_WAIT ? s->wait * 2 : MOST_WAIT;
        rv_log(RV_LOG_WARNING, "%s ended (%s); it starts again in %llu ms", s->name, how,
               (unsigned long long)s->wait);
        if (s == &s->m->ssh) {
                s->m->ssh_ready = false;
                mon_listen_on(s->m, false);
        }
        if (s == &s->m->login)
                mon_programs_hand_on(s->m);
        uv_timer_start(&s->timer, on_wait_over, s->wait, 0);
}

bool mon_service_ended(struct monitor *m, pid_t pid, int status)
{
        struct mon_service *all[] = { &m->login, &m->agent, &m->ssh };
        char how[32];
        for (unsigned i = 0; i < 3; i++)
                if (all[i]->pid == pid) {
                        snprintf(how, sizeof how, "%s %d", WIFSIGNALED(status) ? "signal" : "status",
                                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
                        mon_service_over(all[i], how);
                        return true;
                }
        return false;
}

void mon_service_signal(const struct mon_service *s, int number)
{
        if (s->pid > 0 && s->pidfd >= 0)
                syscall(SYS_pidfd_send_signal, s->pidfd, number, NULL, 0);
        else if (s->pid > 0)
                kill(s->pid, number);
}

static int make(struct monitor *m, struct mon_service *s, const char *name,
                char *const *(*argv)(struct monitor *))
{
        int pair[2], size = 1 << 20;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
        *s = (struct mon_service) { .m = m,
                                    .name = name,
                                    .pid = -1,
                                    .mine = pair[0],
                                    .theirs = pair[1],
                                    .argv = argv,
                                    .extra = -1,
                                    .contact = -1,
                                    .pidfd = -1 };
        s->timer.data = s;
        return uv_timer_init(&m->loop, &s->timer);
}

/* All that a service has said by now. Who keeps the descriptor that came with it takes it out of *nfds. */
static void take_all(struct monitor *m, struct mon_service *s,
                     void (*take)(struct monitor *, const struct mon_message *, int *fds, unsigned *nfds))
{
        static char buf[4096];
        for (;;) {
                struct mon_message msg;
                int fd = -1;
                unsigned nfds = 1;
                int r = mon_recv(s->mine, buf, sizeof buf, &msg, &fd, &nfds);
                if (r == -EBADMSG)
                        continue;
                if (r <= 0)
                        return;
                take(m, &msg, &fd, &nfds);
                if (nfds)
                        close(fd);
        }
}

/* ---- reeve-login ---- */

static char *const *login_argv(struct monitor *m)
{
        static char *argv[2];
        argv[0] = (char *)m->o.login_program;
        return argv;
}

static void on_login(uv_poll_t *poll, int status, int events)
{
        struct monitor *m = poll->data;
        (void)status, (void)events;
        take_all(m, &m->login, mon_programs_news);
}

int mon_login_start(struct monitor *m)
{
        if (make(m, &m->login, "reeve-login", login_argv) < 0)
                return -1;
        m->login_poll.data = m;
        start(&m->login);
        return uv_poll_init(&m->loop, &m->login_poll, m->login.mine);
}

/* ---- reeve-agent ---- */

static char *const *agent_argv(struct monitor *m)
{
        static char *argv[16];
        unsigned n = 0;
        argv[n++] = (char *)m->o.agent;
        argv[n++] = "--intro-fd", argv[n++] = "3";
        argv[n++] = "--listen-fd", argv[n++] = "4";
        argv[n++] = "--state", argv[n++] = (char *)m->o.state;
        if (m->o.config)
                argv[n++] = "--config", argv[n++] = (char *)m->o.config;
        argv[n] = NULL;
        return argv;
}

/* ---- the parent of the front-ends ---- */

static char *const *ssh_argv(struct monitor *m)
{
        static char *argv[8], key[48];
        EVP_EncodeBlock((unsigned char *)key, m->host_public, 32);
        argv[0] = (char *)m->o.ssh;
        argv[1] = "--host-key", argv[2] = key;
        unsigned n = 3;
        if (m->o.compat)
                argv[n++] = "--compat";
        if (m->o.pam == MON_PAM_YES)
                argv[n++] = "--passwords";
        argv[n] = NULL;
        return argv;
}

/* In the same queue as the connections, so that each is served with the key that reeved will sign with. */
void mon_services_policy(struct monitor *m)
{
        struct mon_message p = { .type = MON_POLICY,
                                 .u = { (m->o.compat ? 1 : 0) | (m->o.pam == MON_PAM_YES ? 2 : 0) },
                                 .b = { { (const char *)m->host_public, sizeof m->host_public } } };
        int r = m->o.no_ssh ? 0 : mon_send(m->ssh.mine, &p, NULL, 0);
        if (r < 0)
                rv_log(RV_LOG_ERROR, "reeve-ssh does not take the new host key: %s", strerror(-r));
        if (r < 0)
                mon_service_signal(&m->ssh, SIGKILL); /* the next one is started with it */
}

static void ssh_says(struct monitor *m, const struct mon_message *msg, int *fds, unsigned *nfds)
{
        (void)fds, (void)nfds;
        if (msg->type == MON_READY && !m->ssh_ready) {
                m->ssh_ready = true;
                mon_listen_on(m, true);
                if (!m->told_ready)
                        rv_tell_systemd("READY=1");
                m->told_ready = true;
        } else if (msg->type == MON_ENDED) {
                mon_conn_exited(m, msg->u[0], (int)msg->u[1]);
        }
}

static void on_ssh(uv_poll_t *poll, int status, int events)
{
        struct monitor *m = poll->data;
        (void)status, (void)events;
        take_all(m, &m->ssh, ssh_says);
}

static void ssh_user(struct monitor *m)
{
        struct passwd *pw = getpwnam("reeve-ssh");
        if (m->uid != 0)
                return;
        if (!pw) {
                pw = getpwnam("nobody");
                rv_log(RV_LOG_NOTICE, "there is no user reeve-ssh: the SSH front-end runs as nobody");
        }
        m->ssh.uid = pw ? pw->pw_uid : 65534;
        m->ssh.gid = pw ? pw->pw_gid : 65534;
}

int mon_services_start(struct monitor *m)
{
        if (make(m, &m->agent, "reeve-agent", agent_argv) < 0 || make(m, &m->ssh, "reeve-ssh", ssh_argv) < 0)
                return -1;
        m->agent.extra = mon_listen_unix(m, m->o.socket);
        if (m->agent.extra < 0 || uv_poll_start(&m->login_poll, UV_READABLE, on_login))
                return -1;
        start(&m->agent);
        if (mon_tell_start(m))
                return -1;
        if (m->o.no_ssh) {
                rv_tell_systemd("READY=1");
                return 0;
        }
        ssh_user(m);
        m->ssh_poll.data = m;
        if (uv_poll_init(&m->loop, &m->ssh_poll, m->ssh.mine) ||
            uv_poll_start(&m->ssh_poll, UV_READABLE, on_ssh))
                return -1;
        start(&m->ssh);
        return 0;
}

/* Has it ended by now? */
static bool is_over(struct mon_service *s)
{
        struct pollfd p = { .fd = s->pidfd, .events = POLLIN };
        if (s->pid > 0 && (s->pidfd >= 0 ? poll(&p, 1, 0) == 1 : waitpid(s->pid, NULL, WNOHANG) == s->pid))
                s->pid = -1;
        return s->pid <= 0;
}

/* All are asked to end, and have time for it: the agent answers the calls under way, for at most 5 s.
 * reeve-login is last: it is told what to send to whom. */
void mon_services_stop(struct monitor *m)
{
        struct mon_service *all[] = { &m->agent, &m->ssh, &m->login };
        for (unsigned i = 0; i < 2; i++)
                mon_service_signal(all[i], SIGTERM);
        for (unsigned i = 0; i < 3;
             i++) /* the end of the link says the same, after all that was said before */
                if (all[i]->name) {
                        close(all[i]->mine);
                        close(all[i]->theirs);
                }
        for (unsigned tries = 0; tries < 700; tries++) {
                bool left = false;
                for (unsigned i = 0; i < 3; i++)
                        left |= !is_over(all[i]);
                if (!left)
                        break;
                usleep(10000);
        }
        for (unsigned i = 0; i < 3; i++)
                mon_service_signal(all[i], SIGKILL);
        unlink(m->o.socket);
}
