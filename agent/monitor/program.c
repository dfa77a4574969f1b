/* SPDX-License-Identifier: MIT
 *
 * Programs: a login's shell as that user, on a terminal or on pipes, and RPC channels, which are no programs. What
 * they are is
 * settled here; reeve-login starts them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/login/login.h"
#include "agent/monitor/monitor.h"

enum { PLAN_ENV = 64 };

/* All that the child needs, made before the fork. */
struct plan {
        char text[8192 + MON_ENV];
        size_t n;
        char *env[PLAN_ENV];
        unsigned nenv;
        const char *argv[20];
        char words[4096]; /* of arguments */
        size_t nwords;
        int in, out, err; /* the child's ends */
        int agent;        /* its connection to the agent, or -1 */
        int record; /* that of reeve-record, which then begins in its place and becomes the user itself; or -1 */
        bool pty, become;
        const struct rlimit *limits; /* RLIM_NLIMITS of PAM's, or NULL */
        const struct mon_account *who;
};

/* ---- environment ---- */

static void put_env(struct plan *p, const char *name, const char *value)
{
        size_t n = strlen(name) + strlen(value) + 2;
        if (p->nenv + 1 >= PLAN_ENV || n > sizeof p->text - p->n)
                return;
        for (unsigned i = 0; i < p->nenv; i++) /* what is said first counts */
                if (strncmp(p->env[i], name, strlen(name)) == 0 && p->env[i][strlen(name)] == '=')
                        return;
        p->env[p->nenv++] = p->text + p->n;
        p->n += (size_t)snprintf(p->text + p->n, n, "%s=%s", name, value) + 1;
}

static bool is_accepted(const char *name, size_t n)
{
        if (n == 4 && (memcmp(name, "LANG", 4) == 0 || memcmp(name, "TERM", 4) == 0))
                return true;
        if (n < 4 || n > 32 || memcmp(name, "LC_", 3) != 0)
                return false;
        for (size_t i = 3; i < n; i++)
                if ((name[i] < 'A' || name[i] > 'Z') && name[i] != '_')
                        return false;
        return true;
}

/* NAME=value, each ended by NUL; the front-end has checked the names, which counts for nothing here. */
static void put_asked(struct plan *p, const struct mon_text *b)
{
        for (const char *at = b->data, *end = at + b->n, *stop; at < end; at = stop + 1) {
                stop = memchr(at, 0, (size_t)(end - at));
                if (!stop)
                        return;
                const char *eq = memchr(at, '=', (size_t)(stop - at));
                if (eq && is_accepted(at, (size_t)(eq - at))) {
                        char name[40];
                        snprintf(name, sizeof name, "%.*s", (int)(eq - at), at);
                        put_env(p, name, eq + 1);
                }
        }
}

/* What PAM's modules would have; ours comes first or is only ours to say. */
static void put_given(struct plan *p, const struct mon_conn *c)
{
        static const char *const ours[] = { "HOME=",  "USER=", "LOGNAME=", "SHELL=", "SSH_",
                                            "REEVE_", "LD_",   "TERM=",    NULL };
        size_t n;
        const char *at = mon_pam_environment(c, &n), *end = at + n;
        for (; at < end; at += strlen(at) + 1) {
                const char *eq = strchr(at, '=');
                char name[64];
                bool skip = !eq || (size_t)(eq - at) >= sizeof name;
                for (const char *const *o = ours; *o && !skip; o++)
                        skip = strncmp(at, *o, strlen(*o)) == 0;
                if (skip)
                        continue;
                snprintf(name, sizeof name, "%.*s", (int)(eq - at), at);
                put_env(p, name, eq + 1);
        }
}

static void put_environment(struct plan *p, struct mon_conn *c, const struct mon_message *m,
                            const char *original)
{
        const struct mon_account *a = &c->account;
        char text[256], local[80], run[40];
        struct stat st;
        put_env(p, "HOME", a->home);
        put_env(p, "USER", a->name);
        put_env(p, "LOGNAME", a->name);
        put_env(p, "SHELL", c->m->o.shell);
        put_given(p, c);
        put_env(p, "PATH",
                a->uid ? "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
                       : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        mon_address_text((struct sockaddr *)&c->local, local, sizeof local);
        snprintf(text, sizeof text, "%s %s", c->source, local);
        put_env(p, "SSH_CONNECTION", text);
        put_env(p, "REEVE_SOCKET", c->m->o.socket);
        put_env(p, "REEVE_SESSION", c->id);
        if (p->agent >= 0)
                put_env(p, "REEVE_AGENT_FD", "3"); /* who this is, as nothing else could tell the agent */
        snprintf(run, sizeof run, "/run/user/%u", (unsigned)a->uid);
        if (stat(run, &st) == 0 && st.st_uid == a->uid)
                put_env(p, "XDG_RUNTIME_DIR", run);
        if (original)
                put_env(p, "SSH_ORIGINAL_COMMAND", original);
        if (m->u[2]) {
                char term[65];
                snprintf(term, sizeof term, "%.*s", (int)m->b[0].n, m->b[0].data);
                put_env(p, "TERM", *term ? term : "dumb");
        }
        put_asked(p, &m->b[1]);
        p->env[p->nenv] = NULL;
}

/* ---- reeve-login ---- */

static char *put_texts(char *to, const char *end, const char *const *texts)
{
        for (; to && *texts; texts++) {
                size_t n = strlen(*texts) + 1;
                if (n > (size_t)(end - to))
                        return NULL;
                to = (char *)memcpy(to, *texts, n) + n;
        }
        return to;
}

int mon_launch(struct monitor *m, const struct mon_order *o)
{
        static char texts[MON_PLAN + MON_COMMAND];
        const char *end = texts + sizeof texts, *const folder[] = { o->folder, NULL };
        unsigned argc = 0;
        while (o->argv[argc])
                argc++;
        char *at = put_texts(put_texts(put_texts(texts, end, folder), end, o->argv), end, o->env);
        if (!at)
                return -E2BIG;
        const struct mon_account *a = o->who;
        m->launched = (m->launched + 1) & INT32_MAX;
        struct mon_message start = { .type = MON_START,
                                     .u = { m->launched, o->flags, a ? a->uid : 0, a ? a->gid : 0, argc },
                                     .b = { { a ? (const char *)a->groups : NULL,
                                              a ? (uint32_t)a->ngroups * (uint32_t)sizeof(gid_t) : 0 },
                                            { (const char *)o->limits,
                                              o->limits ? RLIM_NLIMITS * sizeof(struct rlimit) : 0 },
                                            { texts, (uint32_t)(at - texts) } } };
        int r = mon_send(m->login.mine, &start, o->fds, o->nfds);
        return r < 0 ? r : (int)m->launched;
}

void mon_launched_signal(struct monitor *m, uint32_t number, const char *name)
{
        struct mon_message s = { .type = MON_SIGNAL,
                                 .u = { number },
                                 .b = { { name, (uint32_t)strlen(name) } } };
        int r = mon_send(m->login.mine, &s, NULL, 0);
        if (r < 0)
                rv_log(RV_LOG_WARNING, "a program cannot be sent SIG%s: %s", name, strerror(-r));
}

static int launch(struct mon_conn *c, const struct plan *p, uint32_t channel)
{
        struct mon_program *g = calloc(1, sizeof *g);
        struct mon_order o = { .flags = (p->pty ? LOGIN_PTY : LOGIN_PIPES) |
                                        (p->become && p->record < 0 ? LOGIN_BECOME : 0) |
                                        (p->record >= 0 ? LOGIN_FD4 : 0) | (p->agent >= 0 ? LOGIN_FD3 : 0) |
                                        (p->limits ? LOGIN_LIMITS : 0),
                               .who = p->who,
                               .limits = p->limits,
                               .folder = p->record >= 0 ? "/" : p->who->home,
                               .argv = p->argv,
                               .env = (const char *const *)p->env };
        o.fds[o.nfds++] = p->in;
        if (!p->pty)
                o.fds[o.nfds++] = p->out, o.fds[o.nfds++] = p->err;
        if (p->agent >= 0)
                o.fds[o.nfds++] = p->agent;
        if (p->record >= 0)
                o.fds[o.nfds++] = p->record;
        int r = g ? mon_launch(c->m, &o) : -ENOMEM;
        if (r < 0) {
                free(g);
                return r;
        }
        *g = (struct mon_program) {
                .next = c->m->programs, .conn = c, .number = (uint32_t)r, .channel = channel, .pidfd = -1
        };
        c->m->programs = g;
        c->programs++;
        return 0;
}

/* ---- descriptors ---- */

static int make_pty(struct plan *p, const struct mon_message *m, int *fds, unsigned *nfds)
{
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), slave = -1;
        struct winsize w = { .ws_col = (unsigned short)m->u[3],
                             .ws_row = (unsigned short)m->u[4],
                             .ws_xpixel = (unsigned short)m->u[5],
                             .ws_ypixel = (unsigned short)m->u[6] };
        if (master < 0)
                return -errno;
        if (unlockpt(master) < 0 || (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 ||
            ioctl(slave, TIOCSWINSZ, &w) < 0) {
                int error = errno;
                close(master);
                if (slave >= 0)
                        close(slave);
                return -error;
        }
        p->in = p->out = p->err = slave;
        fds[0] = fds[1] = master; /* sent twice, they become two */
        *nfds = 2;
        return 0;
}

static int make_pipes(struct plan *p, int *fds, unsigned *nfds)
{
        int in[2], out[2], err[2];
        if (pipe2(in, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(out, O_CLOEXEC) < 0) {
                close(in[0]), close(in[1]);
                return -EMFILE;
        }
        if (pipe2(err, O_CLOEXEC) < 0) {
                close(in[0]), close(in[1]), close(out[0]), close(out[1]);
                return -EMFILE;
        }
        p->in = in[0], p->out = out[1], p->err = err[1];
        fds[0] = in[1], fds[1] = out[0], fds[2] = err[0];
        *nfds = 3;
        for (unsigned i = 0; i < 3; i++)
                fcntl(fds[i], F_SETFL, O_NONBLOCK);
        return 0;
}

/* ---- the agent ---- */

/* One end of a socket pair to the agent with who it is, and which program of ours asks for him; the other is *ret. */
static int introduce(struct mon_conn *c, const char *service, int *ret)
{
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        const struct mon_account *a = &c->account;
        struct rv_intro in = { .magic = RV_INTRO_MAGIC,
                               .size = sizeof in,
                               .uid = a->uid,
                               .gid = a->gid,
                               .ngroups = (uint32_t)a->ngroups,
                               .admin = strcmp(c->key.role, "admin") == 0 };
        for (int i = 0; i < a->ngroups; i++)
                in.groups[i] = a->groups[i];
        snprintf(in.user, sizeof in.user, "%s", a->name);
        snprintf(in.key, sizeof in.key, "%s", c->fingerprint);
        snprintf(in.source, sizeof in.source, "%s", c->source);
        snprintf(in.session, sizeof in.session, "%s", c->id);
        snprintf(in.service, sizeof in.service, "%s", service);
        if (!in.admin)
                snprintf(in.role, sizeof in.role, "%s", c->key.role);
        struct iovec v = { &in, sizeof in };
        union {
                char room[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = { .room = { 0 } };
        struct msghdr h = {
                .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        struct cmsghdr *cm = CMSG_FIRSTHDR(&h);
        cm->cmsg_level = SOL_SOCKET;
        cm->cmsg_type = SCM_RIGHTS;
        cm->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cm), &pair[1], sizeof(int));
        int r = sendmsg(c->m->agent.mine, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
        close(pair[1]);
        if (r < 0) {
                close(pair[0]);
                return r;
        }
        *ret = pair[0];
        return 0;
}

/* ---- requests ---- */

static bool is_ours(const char *shell)
{
        const char *base = strrchr(shell, '/');
        return strcmp(base ? base + 1 : shell, "reeve") == 0;
}

static const char *word(struct plan *p, const char *name, const char *value)
{
        size_t n = strlen(name) + strlen(value) + 2;
        if (n > sizeof p->words - p->nwords)
                return "--too-long";
        char *at = p->words + p->nwords;
        p->nwords += (size_t)snprintf(at, n, "%s=%s", name, value) + 1;
        return at;
}

static const char *number(struct plan *p, const char *name, unsigned long value)
{
        char text[24];
        snprintf(text, sizeof text, "%lu", value);
        return word(p, name, text);
}

/* reeve-record in the shell's place: it becomes the user itself, when it knows from the agent what is wanted. */
static unsigned put_record(struct plan *p, const struct mon_conn *c, const struct mon_message *m)
{
        char groups[RV_INTRO_GROUPS * 11 + 1] = "";
        const struct mon_account *a = &c->account;
        unsigned n = 0;
        size_t k = 0;
        for (int i = 0; i < a->ngroups && k < sizeof groups; i++)
                k += (size_t)snprintf(groups + k, sizeof groups - k, "%s%u", i ? "," : "",
                                      (unsigned)a->groups[i]);
        p->argv[n++] = c->m->o.record_program;
        p->argv[n++] = number(p, "--uid", a->uid);
        p->argv[n++] = number(p, "--gid", a->gid);
        p->argv[n++] = word(p, "--groups", groups);
        p->argv[n++] = word(p, "--state", c->m->o.state);
        p->argv[n++] = word(p, "--home", a->home);
        p->argv[n++] = word(p, "--user", a->name);
        p->argv[n++] = word(p, "--key", c->fingerprint);
        p->argv[n++] = word(p, "--source", c->source);
        p->argv[n++] = word(p, "--session", c->id);
        p->argv[n++] = number(p, "--channel", m->u[0]);
        p->argv[n++] = "--";
        return n;
}

/* The agent leaves this file while a role wants transcripts; it is there before the agent is. */
static bool transcripts_wanted(const struct mon_conn *c)
{
        char path[600];
        struct stat st;
        snprintf(path, sizeof path, "%.500s/transcripts.wanted", c->m->o.state);
        return stat(path, &st) == 0 || errno != ENOENT; /* who cannot tell has it recorded */
}

/* reeve takes -Command; anything else is asked to be a shell, with -c. */
static void put_argv(struct plan *p, unsigned n, const char *shell, const char *command)
{
        p->argv[n++] = shell;
        if (command) {
                p->argv[n++] = is_ours(shell) ? "-Command" : "-c";
                p->argv[n++] = command;
        }
        p->argv[n] = NULL;
}

/* Descriptors, the process, and our copies of what is its own closed. */
static int run(struct mon_conn *c, struct plan *p, const struct mon_message *m, int *fds, unsigned *nfds,
               const char **why)
{
        int r = p->pty ? make_pty(p, m, fds, nfds) : make_pipes(p, fds, nfds);
        if (r < 0) {
                if (p->agent >= 0)
                        close(p->agent);
                if (p->record >= 0)
                        close(p->record);
                *nfds = 0;
                *why = strerror(-r);
                return r;
        }
        r = launch(c, p, m->u[0]);
        if (p->agent >= 0)
                close(p->agent);
        if (p->record >= 0)
                close(p->record);
        close(p->in);
        if (!p->pty) {
                close(p->out);
                close(p->err);
        }
        if (r < 0)
                *why = strerror(-r);
        return r;
}

/* File transfer: our own program, as the user. The agent must be there: it says which files, and keeps the record. */
int mon_program_sftp(struct mon_conn *c, const struct mon_message *m, int *fds, unsigned *nfds,
                     const char **why)
{
        struct plan p = { .who = &c->account,
                          .become = c->m->uid == 0,
                          .agent = -1,
                          .record = -1,
                          .limits = mon_pam_limits(c) };
        bool only = c->key.forced && strcmp(c->key.command, "internal-sftp") == 0,
             read_only = c->key.forced && strcmp(c->key.command, "internal-sftp -R") == 0;
        unsigned n = 0;
        if (c->m->o.sftp == MON_SFTP_NO)
                return *why = "sftp = no", -EPERM;
        if (c->key.forced && !only && !read_only)
                return *why = "the key allows one command only", -EPERM;
        int r = introduce(c, "Sftp", &p.agent);
        if (r < 0)
                return *why = "the agent does not answer", r;
        p.argv[n++] = c->m->o.sftp_program;
        if (c->m->o.sftp == MON_SFTP_ATOMIC || (m->b[2].n == 6 && memcmp(m->b[2].data, "atomic", 6) == 0))
                p.argv[n++] = "--atomic";
        if (read_only)
                p.argv[n++] = "--read-only";
        p.argv[n] = NULL;
        put_environment(&p, c, m, NULL);
        return run(c, &p, m, fds, nfds, why);
}

static bool is_host(const struct mon_text *t)
{
        for (uint32_t i = 0; i < t->n; i++)
                if (t->data[i] <= ' ' || t->data[i] > '~' || t->data[i] == ',')
                        return false;
        return t->n > 0 && t->n < 256 && t->data[0] != '-';
}

/* A connection to elsewhere, made by a program of ours as the user. It asks the agent whether his role names the target
 * and has it recorded; what the key and the configuration say of it is told here. */
int mon_program_forward(struct mon_conn *c, const struct mon_message *m, int *fds, unsigned *nfds,
                        const char **why)
{
        struct plan p = { .who = &c->account,
                          .become = c->m->uid == 0,
                          .agent = -1,
                          .record = -1,
                          .limits = mon_pam_limits(c) };
        const struct mon_key *k = &c->key;
        char host[256], port[8];
        unsigned n = 0, number = m->u[3];
        if (!is_host(&m->b[2]) || number < 1 || number > 65535)
                return *why = "its target is no host and port", -EINVAL;
        snprintf(host, sizeof host, "%.*s", (int)m->b[2].n, m->b[2].data);
        snprintf(port, sizeof port, "%u", number);
        int r = introduce(c, "Forward", &p.agent);
        if (r < 0)
                return *why = "the agent does not answer", r;
        p.argv[n++] = c->m->o.forward_program;
        bool named = *k->open && mon_target_among(k->open, host, number);
        if (k->no_forward)
                p.argv[n++] = "--forbidden=this key or certificate permits no forwarding";
        else if (*k->open && !named)
                p.argv[n++] = "--forbidden=no permitopen= of this key names the target";
        else if ((named && k->own) || mon_target_among(c->m->o.forward, host, number))
                p.argv[n++] = "--granted";
        p.argv[n++] = host;
        p.argv[n++] = port;
        p.argv[n] = NULL;
        put_environment(&p, c, m, NULL);
        return run(c, &p, m, fds, nfds, why);
}

int mon_program_start(struct mon_conn *c, const struct mon_message *m, int *fds, unsigned *nfds,
                      const char **why)
{
        static char command[MON_COMMAND + 1];
        struct plan p = { .pty = m->u[2],
                          .who = &c->account,
                          .become = c->m->uid == 0,
                          .agent = -1,
                          .record = -1,
                          .limits = mon_pam_limits(c) };
        const char *asked = NULL, *original = NULL;
        if (c->key.forced && strncmp(c->key.command, "internal-sftp", 13) == 0)
                return *why = "the key allows file transfer only", -EPERM;
        if (m->u[1] == MON_EXEC) {
                if (memchr(m->b[2].data, 0, m->b[2].n)) {
                        *why = "a NUL byte in the command";
                        return -EINVAL;
                }
                memcpy(command, m->b[2].data, m->b[2].n);
                command[m->b[2].n] = 0;
                asked = command;
        }
        if (p.pty && c->key.no_pty) {
                *why = "the key allows no terminal";
                return -EPERM;
        }
        int r = is_ours(c->m->o.shell) ? introduce(c, "", &p.agent) : -ENOTSUP;
        if (r < 0 && *c->key.role &&
            strcmp(c->key.role, "admin") != 0) { /* the shell would not know its role */
                *why = "this key's role needs reeve as the shell, and the agent";
                return r;
        }
        if (c->key.forced)
                original = asked ? asked : "";
        if (transcripts_wanted(c) && (r = introduce(c, "Transcript", &p.record)) < 0) {
                *why = "it may have to be recorded, and the agent does not answer";
                if (p.agent >= 0)
                        close(p.agent);
                return r;
        }
        put_argv(&p, p.record >= 0 ? put_record(&p, c, m) : 0, c->m->o.shell,
                 c->key.forced ? c->key.command : asked);
        put_environment(&p, c, m, original);
        return run(c, &p, m, fds, nfds, why);
}

/* A channel of JSON-RPC: the other end goes to the front-end, and no process is needed. */
int mon_program_rpc(struct mon_conn *c, int *fds, unsigned *nfds)
{
        int fd, r = introduce(c, "", &fd);
        if (r < 0)
                return r;
        fds[0] = fds[1] = fd;
        *nfds = 2;
        return 0;
}

static struct mon_program *find(struct mon_conn *c, uint32_t channel)
{
        for (struct mon_program *g = c->m->programs; g; g = g->next)
                if (g->conn == c && g->channel == channel)
                        return g;
        return NULL;
}

void mon_program_signal(struct mon_conn *c, uint32_t channel, const char *name)
{
        struct mon_program *g = find(c, channel);
        if (g && login_signal(name, strlen(name)))
                mon_launched_signal(c->m, g->number, name);
}

/* The channel has gone. A program that outlives its channel is told as a terminal would tell it. */
static void let_go(struct mon_program *g)
{
        struct monitor *m = g->conn->m;
        g->conn->programs--;
        g->conn = NULL;
        mon_launched_signal(m, g->number, "HUP");
        mon_launched_signal(m, g->number, "CONT");
}

void mon_program_close(struct mon_conn *c, uint32_t channel)
{
        struct mon_program *g = find(c, channel);
        if (g)
                let_go(g);
}

void mon_programs_orphan(struct mon_conn *c)
{
        for (struct mon_program *g = c->m->programs; g; g = g->next)
                if (g->conn == c)
                        let_go(g);
}

/* ---- news from reeve-login ---- */

static void tell_exit(struct mon_program *g, int status)
{
        char other[32] = "";
        int s = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        const char *name = s ? login_signal_name(s) : "";
        if (!name) {
                snprintf(other, sizeof other, "%.8s@reeve", sigabbrev_np(s) ? sigabbrev_np(s) : "RT");
                name = other;
        }
        mon_conn_tell(g->conn,
                      &(struct mon_message) {
                              .type = MON_EXITED,
                              .u = { g->channel, (uint32_t)WEXITSTATUS(status), s && WCOREDUMP(status) },
                              .b = { { name, (uint32_t)strlen(name) } } },
                      NULL, 0);
}

static void ended(struct monitor *m, uint32_t number, int status)
{
        for (struct mon_program **at = &m->programs, *g; (g = *at); at = &g->next) {
                if (g->number != number)
                        continue;
                *at = g->next;
                if (g->pidfd >= 0)
                        close(g->pidfd);
                if (g->conn) {
                        g->conn->programs--;
                        tell_exit(g, status);
                }
                free(g);
                return;
        }
}

/* What a reeve-login that died had taken, and not said that it runs: its successor has now done all that was left. */
static void lose_unsure(struct monitor *m)
{
        for (struct mon_program *g = m->programs, *next; g; g = next) {
                next = g->next;
                if (g->unsure && g->pidfd < 0)
                        ended(m, g->number, 255 << 8);
                else
                        g->unsure = false;
        }
}

void mon_programs_news(struct monitor *m, const struct mon_message *news, int *fds, unsigned *nfds)
{
        if (news->type == MON_ENDED)
                ended(m, news->u[0], (int)news->u[1]);
        else if (news->type == MON_PONG)
                lose_unsure(m);
        for (struct mon_program *g = m->programs; news->type == MON_STARTED && *nfds && g; g = g->next)
                if (g->number == news->u[0] && g->pidfd < 0)
                        g->pidfd = fds[--*nfds];
}

void mon_programs_hand_on(struct monitor *m)
{
        for (struct mon_program *g = m->programs; g; g = g->next) {
                g->unsure = g->pidfd < 0;
                if (g->pidfd >= 0)
                        mon_send(m->login.mine,
                                 &(struct mon_message) { .type = MON_ADOPT, .u = { g->number } }, &g->pidfd,
                                 1);
        }
        mon_send(m->login.mine, &(struct mon_message) { .type = MON_PING }, NULL, 0);
}
