/* SPDX-License-Identifier: MIT
 *
 * reeved: options and configuration, start, signals, end.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"

static void usage(FILE *f)
{
        fputs("usage: reeved [options]\n"
              "  --config FILE          configuration (/etc/reeve/reeve.conf; a user's own under ~/.config)\n"
              "  --state DIR            host key and state (/var/lib/reeve; ~/.local/state/reeve)\n"
              "  --socket PATH          the agent's Unix socket (/run/reeve/agent.sock; under "
              "$XDG_RUNTIME_DIR)\n"
              "  --keys-dir DIR         USER.keys files (/etc/reeve/keys.d; ~/.config/reeve/keys.d)\n"
              "  --authorized-keys YES  users' own ~/.ssh/authorized_keys count too: yes or no (no)\n"
              "  --listen ADDRESS       SSH address, may be repeated (127.0.0.1 and ::1)\n"
              "  --ssh-port N           SSH port, 0 picks one (2222)\n"
              "  --no-ssh               no SSH, only the agent\n"
              "  --shell PATH           the program of a login; another than reeve is given commands with "
              "-c\n"
              "  --agent PATH, --ssh-program PATH   other programs than those beside reeved\n"
              "  --check                read the configuration and say what is wrong with it\n"
              "  --foreground           stay in the foreground (always so)\n"
              "  --help, --version\n",
              f);
}

enum { CHECK = 256, AUTHORIZED, NO_SSH, SSH_PROGRAM, SHELL, AGENT };

struct command_line {
        struct mon_options o;
        bool check;
};

/* Answers an exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct command_line *c)
{
        static const struct option known[] = { { "config", 1, NULL, 'c' },
                                               { "state", 1, NULL, 'd' },
                                               { "socket", 1, NULL, 's' },
                                               { "keys-dir", 1, NULL, 'k' },
                                               { "listen", 1, NULL, 'l' },
                                               { "ssh-port", 1, NULL, 'p' },
                                               { "no-ssh", 0, NULL, NO_SSH },
                                               { "shell", 1, NULL, SHELL },
                                               { "agent", 1, NULL, AGENT },
                                               { "ssh-program", 1, NULL, SSH_PROGRAM },
                                               { "check", 0, NULL, CHECK },
                                               { "foreground", 0, NULL, 'f' },
                                               { "authorized-keys", 1, NULL, AUTHORIZED },
                                               { "help", 0, NULL, 'h' },
                                               { "version", 0, NULL, 'v' },
                                               { 0 } };
        char line[160];
        struct mon_options *o = &c->o;
        for (int k; (k = getopt_long(argc, argv, "", known, NULL)) != -1;) {
                const char *key = NULL;
                switch (k) {
                case 'c': o->config = optarg; break;
                case 'd': o->state = optarg; break;
                case 's': o->socket = optarg; break;
                case 'k': o->keys_dir = optarg; break;
                case 'l': key = "listen"; break;
                case 'p': key = "port"; break;
                case AUTHORIZED: key = "authorized_keys"; break;
                case NO_SSH: o->no_ssh = true; break;
                case SHELL: o->shell = optarg; break;
                case AGENT: o->agent = optarg; break;
                case SSH_PROGRAM: o->ssh = optarg; break;
                case CHECK: c->check = true; break;
                case 'f': break;
                case 'h': usage(stdout); return 0;
                case 'v': printf("reeved %s\n", REEVE_VERSION); return 0;
                default: usage(stderr); return 2;
                }
                int n = key ? snprintf(line, sizeof line, "[ssh]\n%s = %s\n", key, optarg) : 0;
                if (key && ((size_t)n >= sizeof line || mon_config_parse(o, "command line", line, (size_t)n)))
                        return 2;
        }
        if (optind == argc)
                return -1;
        usage(stderr);
        return 2;
}

/* ---- defaults ---- */

static const char *joined(const char *a, const char *b)
{
        char *s = NULL;
        if (asprintf(&s, "%s/%s", a, b) < 0)
                abort();
        return s;
}

static const char *under_home(const char *variable, const char *otherwise, const char *rest)
{
        const char *v = getenv(variable), *home = getenv("HOME");
        if (v && *v == '/')
                return joined(v, rest);
        struct passwd *pw = home ? NULL : getpwuid(getuid());
        return joined(joined(home ? home : pw ? pw->pw_dir : "/", otherwise), rest);
}

/* A program beside our own, or where an installation has it. */
static const char *program(struct monitor *m, const char *name)
{
        static const char *const places[] = { ".", "../libexec/reeve", "../bin", NULL };
        for (const char *const *p = places; *p; p++) {
                const char *path = joined(joined(m->bin, *p), name);
                if (access(path, X_OK) == 0)
                        return realpath(path, NULL);
        }
        return joined(m->bin, name);
}

static const char *own_folder(void)
{
        char path[4096];
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
        if (n <= 0)
                return "/usr/sbin";
        path[n] = 0;
        *strrchr(path, '/') = 0;
        return strdup(path);
}

static int make_folders(const char *path, mode_t mode)
{
        char part[1024];
        snprintf(part, sizeof part, "%s", path);
        for (char *p = part + 1; (p = strchr(p, '/')); *p++ = '/') {
                *p = 0;
                if (mkdir(part, 0755) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
                        return -1;
        }
        return mkdir(part, mode) < 0 && errno != EEXIST ? -1 : 0;
}

/* A connection needs one descriptor of us, with PAM two, a shell one and a few for a moment. */
static void settle_sessions(struct monitor *m)
{
        struct mon_options *o = &m->o;
        o->sessions = o->sessions ? o->sessions : MON_SESSIONS;
        o->sessions_user = o->sessions_user ? o->sessions_user : MON_SESSIONS_USER;
        if (o->sessions_user > o->sessions)
                o->sessions_user = o->sessions;
        struct rlimit now;
        rlim_t want = 256 + (o->pam == MON_PAM_NO ? 2u : 3u) * (rlim_t)(o->sessions + MON_STRANGERS);
        if (getrlimit(RLIMIT_NOFILE, &now) < 0 || now.rlim_cur >= want)
                return;
        struct rlimit more = { want, want > now.rlim_max ? want : now.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
                return;
        more = (struct rlimit) { now.rlim_max, now.rlim_max };
        setrlimit(RLIMIT_NOFILE, &more);
        rv_log(RV_LOG_WARNING, "sessions = %u need %lu descriptors, and %lu is the limit: fewer will be held",
               o->sessions, (unsigned long)want, (unsigned long)now.rlim_max);
}

/* What neither the command line nor the configuration has said. */
static int settle(struct monitor *m)
{
        struct mon_options *o = &m->o;
        bool root = m->uid == 0;
        if (!o->state)
                o->state = root ? "/var/lib/reeve" : under_home("XDG_STATE_HOME", ".local/state", "reeve");
        if (!o->keys_dir)
                o->keys_dir =
                        root ? "/etc/reeve/keys.d" : under_home("XDG_CONFIG_HOME", ".config", "reeve/keys.d");
        if (!o->socket)
                o->socket = root ? "/run/reeve/agent.sock"
                                 : under_home("XDG_RUNTIME_DIR", ".local/state", "reeve/agent.sock");
        if (o->port < 0)
                o->port = 2222;
        if (!o->nlisten) {
                strcpy(o->listen[o->nlisten++], "127.0.0.1");
                if (access("/proc/self/net/if_inet6", F_OK) == 0 && o->port)
                        strcpy(o->listen[o->nlisten++], "::1");
        }
        getrlimit(RLIMIT_NOFILE, &m->descriptors);
        settle_sessions(m);
        if (!o->shell)
                o->shell = program(m, "reeve");
        if (!o->agent)
                o->agent = program(m, "reeve-agent");
        if (!o->ssh)
                o->ssh = program(m, "reeve-ssh");
        o->sftp_program = program(m, "reeve-sftp");
        o->pam_program = program(m, "reeve-pam");
        o->forward_program = program(m, "reeve-forward");
        o->login_program = program(m, "reeve-login");
        m->links = getenv("REEVE_LINKS");
        o->record_program = program(m, "reeve-record");
        char dir[1024];
        snprintf(dir, sizeof dir, "%s", o->socket);
        char *slash = strrchr(dir, '/');
        if (slash && slash != dir) {
                *slash = 0;
                if (make_folders(dir, 0755) < 0)
                        rv_log(RV_LOG_WARNING, "%s: %m", dir);
        }
        if (make_folders(o->state, 0700) == 0)
                return 0;
        rv_log(RV_LOG_ERROR, "%s: %m", o->state);
        return -1;
}

/* The command line counts, whatever the files say; its addresses replace theirs. */
static int configure(struct monitor *m, struct command_line *c)
{
        struct mon_options file = { .port = -1, .authorized_keys = -1 };
        const char *path = c->o.config;
        if (!path)
                path = m->uid == 0 ? "/etc/reeve/reeve.conf"
                                   : under_home("XDG_CONFIG_HOME", ".config", "reeve/reeve.conf");
        if (mon_config_read(&file, path, c->o.config != NULL) < 0)
                return -1;
        struct mon_options *o = &m->o;
        *o = file;
        o->config = c->o.config || access(path, R_OK) == 0 ? path : NULL;
        o->state = c->o.state;
        o->socket = c->o.socket;
        o->agent = c->o.agent;
        o->ssh = c->o.ssh;
        o->no_ssh |= c->o.no_ssh;
        if (c->o.keys_dir)
                o->keys_dir = c->o.keys_dir;
        if (c->o.shell)
                o->shell = c->o.shell;
        if (c->o.port >= 0)
                o->port = c->o.port;
        if (c->o.authorized_keys >= 0)
                o->authorized_keys = c->o.authorized_keys;
        if (c->o.nlisten) {
                o->nlisten = c->o.nlisten;
                memcpy(o->listen, c->o.listen, sizeof o->listen);
        }
        return 0;
}

/* ---- signals ---- */

static void on_child(uv_signal_t *s, int signum)
{
        struct monitor *m = s->data;
        int status;
        (void)signum;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
                mon_service_ended(m, pid, status);
}

static void on_stop(uv_signal_t *s, int signum)
{
        struct monitor *m = s->data;
        rv_log(RV_LOG_INFO, "stops (signal %d)", signum);
        m->stopping = true;
        uv_stop(&m->loop);
}

static bool reread(struct monitor *m)
{
        struct mon_options file = { .port = -1, .authorized_keys = -1 };
        if (!m->o.config || mon_config_read(&file, m->o.config, true) < 0)
                return false;
        m->o.authorized_keys = file.authorized_keys;
        m->o.no_penalties = file.no_penalties;
        m->o.compat = file.compat;
        m->o.sessions = file.sessions;
        m->o.sessions_user = file.sessions_user;
        settle_sessions(m);
        m->o.sftp = file.sftp;
        m->o.pam = file.pam;
        memcpy(m->o.forward, file.forward, sizeof file.forward);
        free((char *)file.keys_dir); /* these two count at the next start */
        free((char *)file.shell);
        const char *before[] = { m->o.authorities, m->o.revoked }; /* a login that is being looked up may read them */
        m->o.authorities = file.authorities;
        m->o.revoked = file.revoked;
        static const char *older[2];
        for (unsigned i = 0; i < 2; i++) {
                free((char *)older[i]);
                older[i] = before[i];
        }
        return true;
}

/* Users' keys are read at each login anyway; of the configuration, what can change without new sockets; host key. */
static void on_reload(uv_signal_t *s, int signum)
{
        struct monitor *m = s->data;
        char print[96], blob[51];
        (void)signum;
        rv_tell_systemd("RELOADING=1");
        if (!reread(m))
                rv_log(RV_LOG_WARNING, "the configuration stays as it was");
        else
                rv_log(RV_LOG_INFO, "read %s again; addresses and ports change at the next start",
                       m->o.config);
        int key = m->o.no_ssh ? 0 : mon_host_key(m);
        if (key > 0) {
                memcpy(blob, "\0\0\0\x0bssh-ed25519\0\0\0\x20", 19);
                memcpy(blob + 19, m->host_public, 32);
                mon_fingerprint((uint8_t *)blob, sizeof blob, print, sizeof print);
                rv_log(RV_LOG_NOTICE, "the host key is now %s; sessions that are open keep the earlier one",
                       print);
        }
        mon_services_policy(m);
        mon_service_signal(&m->agent, SIGHUP); /* roles and external providers */
        rv_tell_systemd("READY=1");
}

static void on_watchdog(uv_timer_t *t)
{
        (void)t;
        rv_tell_systemd("WATCHDOG=1");
}

static void watch(struct monitor *m)
{
        static const struct {
                int number;
                uv_signal_cb run;
        } signals[] = {
                { SIGCHLD, on_child }, { SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGHUP, on_reload }
        };
        for (unsigned i = 0; i < 4; i++) {
                uv_signal_init(&m->loop, &m->signals[i]);
                m->signals[i].data = m;
                uv_signal_start(&m->signals[i], signals[i].run, signals[i].number);
        }
        const char *usec = getenv("WATCHDOG_USEC");
        uint64_t every = usec ? strtoull(usec, NULL, 10) / 2000 : 0;
        uv_timer_init(&m->loop, &m->watchdog);
        if (every)
                uv_timer_start(&m->watchdog, on_watchdog, every, every);
}

static int serve(struct monitor *m)
{
        if (uv_loop_init(&m->loop))
                return 1;
        watch(m);
        if (!m->o.no_ssh && mon_host_key(m) < 0)
                return 1;
        if (mon_login_start(m) < 0 || (!m->o.no_ssh && mon_listen(m) < 0) || mon_services_start(m) < 0) {
                mon_services_stop(m);
                return 1;
        }
        uv_run(&m->loop, UV_RUN_DEFAULT);
        rv_tell_systemd("STOPPING=1");
        mon_listen_on(m, false);
        while (m->conns)
                mon_conn_end(m->conns);
        mon_services_stop(m);
        EVP_PKEY_free(m->host_key);
        return 0;
}

/* Its own sections have been read; the agent's, and the roles, are the agent's to judge. */
static int check(struct monitor *m)
{
        const char *agent = m->o.agent ? m->o.agent : program(m, "reeve-agent");
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
                execl(agent, agent, "--check", m->o.config ? "--config" : NULL, m->o.config, NULL);
                fprintf(stderr, "%s cannot be run: %s\n", agent, strerror(errno));
                _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
                return 1;
        puts("the configuration is good");
        return 0;
}

int main(int argc, char **argv)
{
        static struct monitor m;
        struct command_line c = { .o = { .port = -1, .authorized_keys = -1 } };
        rv_log_start("reeved", RV_LOG_INFO);
        int status = read_options(argc, argv, &c);
        if (status >= 0)
                return status;
        m.uid = geteuid();
        m.bin = own_folder();
        if (configure(&m, &c) < 0)
                return 1;
        if (c.check)
                return check(&m);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        signal(SIGPIPE, SIG_IGN);
        umask(022);
        setenv("UV_THREADPOOL_SIZE", "8", 1);
        if (getrandom(&m.boot, sizeof m.boot, 0) != sizeof m.boot || settle(&m) < 0)
                return 1;
        return serve(&m);
}
