/* SPDX-License-Identifier: MIT
 *
 * sysvinit: scripts in /etc/init.d, started by links in /etc/rc?.d.
 *
 * Whether a service runs, only its script can say: `status` with the exit statuses of the LSB (0 runs, 1 dead with
 * a pid file, 2 dead with a lock file, 3 stopped). A script that has no `status` is not asked, and its state is
 * not known.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen/Service.h"
#include "providers/lib/procfs.h"
#include "providers/lib/tool.h"
#include "providers/service/files.h"
#include "providers/service/script.h"

#define SCRIPTS "/etc/init.d"
#define STATUS_NS UINT64_C(5000000000) /* how long a script may take to say its status */

static bool sysv_here(void)
{
        char comm[32];
        ssize_t n = rv_proc_read(AT_FDCWD, "/proc/1/comm", comm, sizeof comm);
        return n > 0 && strcmp(comm, "init\n") == 0 && access(SCRIPTS, F_OK) == 0;
}

/* As service(8) has it: parts of booting and shutting down that are no services, and packages' left-overs. */
static bool ignored(const char *name)
{
        static const char *const names[] = { "README", "skeleton", "rc",        "rcS",    "single",
                                             "reboot", "halt",     "functions", "killall" };
        size_t n = strlen(name);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return name[0] == '.' || name[n - 1] == '~' || strstr(name, ".dpkg-") || strstr(name, ".rpm");
}

static int each(int (*one)(void *, const char *), void *state)
{
        struct dirent **names;
        int n = scandir(SCRIPTS, &names, NULL, alphasort), r = n < 0 ? -errno : 0;
        for (int i = 0; i < n; i++) {
                char path[400];
                snprintf(path, sizeof path, SCRIPTS "/%s", names[i]->d_name);
                if (r == 0 && !ignored(names[i]->d_name) && access(path, X_OK) == 0)
                        r = one(state, names[i]->d_name);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
        return r == -ENOENT ? 0 : r;
}

/* The runlevel that is booted into. */
static char default_runlevel(void)
{
        char text[8192];
        ssize_t n = rv_proc_read(AT_FDCWD, "/etc/inittab", text, sizeof text);
        for (const char *s = n > 0 ? text : ""; *s; s += strcspn(s, "\n"), s += *s == '\n') {
                const char *at = *s == '#' ? NULL : strchr(s, ':');
                if (at && at[1] && at[2] == ':' && strncmp(at + 3, "initdefault", 11) == 0)
                        return at[1];
        }
        return '2';
}

/* "S01cron" in the folder of a runlevel: 'S', "K01cron": 'K', none: 0. */
static char link_in(char level, const char *name)
{
        char path[16];
        struct dirent *d;
        char found = 0;
        snprintf(path, sizeof path, "/etc/rc%c.d", level);
        DIR *dir = opendir(path);
        while (dir && !found && (d = readdir(dir)))
                if ((d->d_name[0] == 'S' || d->d_name[0] == 'K') && strlen(d->d_name) > 3 &&
                    strcmp(d->d_name + 3, name) == 0)
                        found = d->d_name[0];
        if (dir)
                closedir(dir);
        return found;
}

static void read_mode(struct rv_svc *s, bool *ret_linked)
{
        static const char levels[] = "S12345";
        char usual = default_runlevel();
        s->mode = RV_SVC_MANUAL;
        *ret_linked = false;
        for (const char *l = levels; *l; l++) {
                char link = link_in(*l, s->name);
                *ret_linked |= link != 0;
                if (link != 'S')
                        continue;
                rv_svc_word(s->runlevels, sizeof s->runlevels, l, 1);
                if (*l == 'S' || *l == usual)
                        s->mode = RV_SVC_AUTO;
        }
}

static bool says_usage(const struct rv_tool_said *said)
{
        return (said->text && strcasestr(said->text, "usage:")) || strcasestr(said->complaint, "usage:");
}

static void read_status(struct rv_svc *s, uint64_t deadline)
{
        const char *argv[] = { s->file, "status", NULL };
        struct rv_tool_said said;
        uint64_t until = rv_now() + STATUS_NS;
        struct rv_tool tool = { .argv = argv,
                                .what = "ask a script for its status",
                                .deadline = deadline && deadline < until ? deadline : until };
        if (rv_tool_run(&tool, &said, NULL))
                return;
        static const char *const words[] = { "running", "dead, pid file exists", "dead, lock file exists",
                                             "stopped" };
        /* A script of booting that has nothing to tell says nothing and ends with 0. */
        bool silent = said.status == 0 && !s->process && !(said.text && said.text[0]) && !said.complaint[0];
        if (said.status <= 3 && !says_usage(&said) && !silent) {
                s->state = said.status == 0 ? RV_SVC_RUNNING : RV_SVC_STOPPED;
                s->failed = said.status == 1 || said.status == 2;
                snprintf(s->sub, sizeof s->sub, "%s", words[said.status]);
        }
        rv_tool_free(&said);
}

static bool has_status(const struct rv_script *script)
{
        return rv_script_offers(script, "status") || rv_script_is(script, "init-d-script");
}

static int sysv_read(const char *name, unsigned want, uint64_t deadline, struct rv_svc *s)
{
        struct rv_script script;
        bool linked;
        if (ignored(name))
                return -ENOENT;
        snprintf(s->name, sizeof s->name, "%s", name);
        snprintf(s->file, sizeof s->file, SCRIPTS "/%s", name);
        int r = rv_script_open(&script, s->file, name);
        if (r == -ENOEXEC) { /* a program, or a script without a first line: it says nothing of itself */
                read_mode(s, &linked);
                return 0;
        }
        if (r)
                return -ENOENT;
        rv_script_fill(&script, want, s);
        read_mode(s, &linked);
        if ((want & RV_SVC_WANT_STATE) && has_status(&script)) {
                read_status(s, deadline);
                if (s->state == RV_SVC_RUNNING && s->pidfile[0])
                        rv_svc_process(s, rv_svc_pidfile(s->pidfile));
        }
        rv_script_close(&script);
        return 0;
}

static int sysv_verb(struct rv_svc_change *ch, enum rv_svc_verb verb)
{
        const char *word = verb == RV_SVC_START     ? "start"
                           : verb == RV_SVC_STOP    ? "stop"
                           : verb == RV_SVC_RESTART ? "restart"
                                                    : "reload";
        return rv_svc_tool(ch, (const char *[]) { ch->now.file, word, NULL });
}

static int set_mode(struct rv_svc_change *ch, enum rv_svc_mode mode)
{
        struct rv_svc s = { 0 };
        bool linked;
        snprintf(s.name, sizeof s.name, "%s", ch->now.name);
        read_mode(&s, &linked);
        if (rv_tool_there("update-rc.d")) {
                int e = RV_OK;
                if (mode == RV_SVC_AUTO && !linked)
                        return rv_svc_tool(ch, (const char *[]) { "update-rc.d", s.name, "defaults", NULL });
                e = rv_svc_tool(ch, (const char *[]) { "update-rc.d", s.name,
                                                       mode == RV_SVC_AUTO ? "enable" : "disable", NULL });
                return e;
        }
        if (rv_tool_there("chkconfig"))
                return rv_svc_tool(ch, (const char *[]) { "chkconfig", s.name,
                                                          mode == RV_SVC_AUTO ? "on" : "off", NULL });
        rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: this host has neither update-rc.d nor chkconfig", ch->what);
        return rv_hint(ch->err, "Install the package that brings one of them (Debian: init-system-helpers).");
}

static bool can_restart(const char *policy)
{
        return strcmp(policy, "no") == 0;
}

/* A text as one word of the shell. */
static void quoted(FILE *f, const char *s)
{
        fputc('\'', f);
        for (; *s; s++)
                if (*s == '\'')
                        fputs("'\\''", f);
                else
                        fputc(*s, f);
        fputc('\'', f);
}

static const char body[] =
        "\n"
        "[ -x \"$PROGRAM\" ] || { [ \"$1\" = stop ] || { echo \"$PROGRAM cannot be run\" >&2; exit 5; }; }\n"
        "start() {\n"
        "        : >> \"$LOG\"\n"
        "        chown \"$RUNAS\" \"$LOG\"\n"
        "        start-stop-daemon --start --quiet --oknodo --background --make-pidfile --pidfile "
        "\"$PIDFILE\" \\\n"
        "                --chuid \"$RUNAS\" --startas /bin/sh -- -c \"exec $COMMAND >>'$LOG' 2>&1\"\n"
        "}\n"
        "stop() {\n"
        "        start-stop-daemon --stop --quiet --oknodo --retry TERM/10/KILL/5 --remove-pidfile --pidfile "
        "\"$PIDFILE\"\n"
        "}\n"
        "status() {\n"
        "        start-stop-daemon --status --pidfile \"$PIDFILE\"\n"
        "        case $? in\n"
        "        0) echo \"$NAME is running\" ;;\n"
        "        1) echo \"$NAME is dead, its pid file is there\"; return 1 ;;\n"
        "        *) echo \"$NAME is not running\"; return 3 ;;\n"
        "        esac\n"
        "}\n"
        "case $1 in\n"
        "start) start ;;\n"
        "stop) stop ;;\n"
        "restart|force-reload) stop && start ;;\n"
        "status) status ;;\n"
        "*) echo \"Usage: $0 {start|stop|restart|force-reload|status}\" >&2; exit 2 ;;\n"
        "esac\n";

static int sysv_create(struct rv_svc_change *ch, const struct Service_Create_in *in)
{
        char path[400], *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        if (!f)
                return -ENOMEM;
        if (!rv_tool_there("start-stop-daemon")) {
                fclose(f);
                free(text);
                return rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: this host has no start-stop-daemon", ch->what);
        }
        fprintf(f,
                "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          %s\n# Required-Start:    $remote_fs "
                "$syslog\n"
                "# Required-Stop:     $remote_fs $syslog\n# Default-Start:     2 3 4 5\n# Default-Stop:      "
                "0 1 6\n"
                "# Short-Description: %s\n### END INIT INFO\n# Made by reeve (Service.Create).\n",
                in->Name, in->has_DisplayName ? in->DisplayName : in->Name);
        fprintf(f, "NAME=%s\nPIDFILE=/run/%s.pid\nLOG=/var/log/%s.log\nRUNAS=%s\nDAEMON=", in->Name, in->Name,
                in->Name, in->has_StartName ? in->StartName : "root");
        quoted(f, in->PathName);
        fputs("\nCOMMAND=$DAEMON\nPROGRAM=${DAEMON%% *}\n", f);
        fputs(body, f);
        bool bad = fclose(f) != 0;
        snprintf(path, sizeof path, SCRIPTS "/%s", in->Name);
        int e = bad ? -ENOMEM : rv_svc_write(ch, path, text, 0755);
        free(text);
        return e;
}

static int sysv_remove(struct rv_svc_change *ch)
{
        if (unlink(ch->now.file) < 0 && errno != ENOENT)
                return rv_fail_errno(ch->err, errno, "cannot remove %s", ch->now.file);
        if (!rv_tool_there("update-rc.d"))
                return RV_OK;
        return rv_svc_tool(ch, (const char *[]) { "update-rc.d", ch->now.name, "remove", NULL });
}

static int watch_one(void *w, const char *name)
{
        struct rv_svc s = { 0 };
        struct rv_script script;
        char folder[512];
        if (sysv_read(name, 0, 0, &s))
                return 0;
        char *slash = strrchr(s.pidfile, '/');
        if (slash) {
                snprintf(folder, sizeof folder, "%.*s", (int)(slash - s.pidfile), s.pidfile);
                rv_svc_watch_path(w, folder, slash + 1, name);
        } else if (rv_script_open(&script, s.file, name) == 0) {
                if (s.process && has_status(&script))
                        rv_svc_watch_poll(w);
                rv_script_close(&script);
        }
        return 0;
}

static void sysv_watch(struct rv_svc_watch *w)
{
        rv_svc_watch_path(w, SCRIPTS, NULL, "*");
        for (const char *l = "S12345"; *l; l++) {
                char path[16];
                snprintf(path, sizeof path, "/etc/rc%c.d", *l);
                rv_svc_watch_path(w, path, NULL, "*");
        }
        each(watch_one, w);
}

const struct rv_svc_manager rv_svc_sysv = {
        .name = "sysvinit",
        .here = sysv_here,
        .each = each,
        .read = sysv_read,
        .verb = sysv_verb,
        .verbs = 1u << RV_SVC_RELOAD,
        .cannot_pause =
                "Its scripts know start and stop only. The method Kill with SIGSTOP halts its main process.",
        .set_mode = set_mode,
        .cannot_disable = "Manual keeps it from being started at boot; without its execute bit its script is "
                          "no service.",
        .can_restart = can_restart,
        .create = sysv_create,
        .remove = sysv_remove,
        .watch = sysv_watch,
};
