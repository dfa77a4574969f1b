/* SPDX-License-Identifier: MIT
 *
 * OpenRC: scripts in /etc/init.d, links in /etc/runlevels/LEVEL, and its own notes of what happened in
 * /run/openrc: a link in started/, starting/, stopping/, failed/ ... for each service that is so; deptree, the
 * dependencies that it worked out; daemons/NAME/ the processes it started; options/NAME/ what supervise-daemon
 * notes.
 *
 * It believes its notes until it is told otherwise: a service whose process has died is `started` to it. Here it
 * has crashed. Scripts of sysvinit's kind, which Debian has, change nothing in its notes when they are run by hand
 * or by rc-service: their process, where a pid file tells it, counts more.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen/Service.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"
#include "providers/service/files.h"
#include "providers/service/script.h"

#define RUN "/run/openrc"
#define LEVELS "/etc/runlevels"

static const char *const folders[] = { "/etc/init.d", "/usr/local/etc/init.d" };

static bool openrc_here(void)
{
        return access(RUN "/softlevel", F_OK) == 0;
}

static bool ignored(const char *name)
{
        static const char *const names[] = { "README",       "skeleton", "rc",     "rcS",
                                             "functions.sh", "halt",     "reboot", "single" };
        size_t n = strlen(name);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return name[0] == '.' || name[n - 1] == '~' || strstr(name, ".dpkg-") || strstr(name, ".apk-");
}

static bool find_script(const char *name, char *ret, size_t size)
{
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
                if (snprintf(ret, size, "%s/%s", folders[i], name) < (int)size && access(ret, X_OK) == 0)
                        return !ignored(name);
        return false;
}

static int each(int (*one)(void *, const char *), void *state)
{
        int r = 0;
        for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
                struct dirent **names;
                int n = scandir(folders[f], &names, NULL, alphasort);
                for (int i = 0; i < n; i++) {
                        char path[600];
                        struct stat st;
                        bool first = find_script(names[i]->d_name, path, sizeof path) &&
                                     stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                                     strncmp(path, folders[f], strlen(folders[f])) == 0;
                        if (r == 0 && first)
                                r = one(state, names[i]->d_name);
                        free(names[i]);
                }
                if (n >= 0)
                        free(names);
        }
        return r;
}

/* A small file's text without its end of line; false: there is none. */
static bool note(char *ret, size_t size, const char *form, const char *name)
{
        char path[600];
        size_t n;
        snprintf(path, sizeof path, form, name);
        char *text = rv_slurp(path, 4096, &n);
        if (!text)
                return false;
        snprintf(ret, size, "%.*s", (int)strcspn(text, "\n"), text);
        free(text);
        return true;
}

/* ---- runlevels and dependencies ---- */

static void read_mode(struct rv_svc *s)
{
        struct dirent **levels;
        int n = scandir(LEVELS, &levels, NULL, alphasort);
        s->mode = RV_SVC_MANUAL;
        for (int i = 0; i < n; i++) {
                const char *level = levels[i]->d_name;
                char path[900];
                struct stat st;
                snprintf(path, sizeof path, LEVELS "/%s/%s", level, s->name);
                if (level[0] != '.' && lstat(path, &st) == 0) {
                        rv_svc_word(s->runlevels, sizeof s->runlevels, level, strlen(level));
                        if (strcmp(level, "sysinit") == 0 || strcmp(level, "boot") == 0 ||
                            strcmp(level, "default") == 0)
                                s->mode = RV_SVC_AUTO;
                }
                free(levels[i]);
        }
        if (n >= 0)
                free(levels);
}

/* "depinfo_7_iuse_0='mountall'": the value, when it is of this service (7) and this kind (iuse). */
static const char *dependency(const char *line, long index, const char *kind, size_t *ret_n)
{
        char head[64];
        int n = snprintf(head, sizeof head, "depinfo_%ld_%s_", index, kind);
        if (strncmp(line, head, (size_t)n) != 0)
                return NULL;
        const char *at = line + n + strspn(line + n, "0123456789");
        if (strncmp(at, "='", 2) != 0)
                return NULL;
        *ret_n = strcspn(at + 2, "'\n");
        return at + 2;
}

static void one_dependency(struct rv_svc *s, const char *line, long index)
{
        const struct {
                const char *kind;
                char *list;
                size_t size;
        } lists[] = {
                { "ineed", s->requires, sizeof s->requires }, { "iuse", s->wants, sizeof s->wants },
                { "iwant", s->wants, sizeof s->wants },       { "iafter", s->after, sizeof s->after },
                { "ineed", s->after, sizeof s->after },       { "iuse", s->after, sizeof s->after },
                { "ibefore", s->before, sizeof s->before },   { "iprovide", s->provides, sizeof s->provides }
        };
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
                size_t n;
                const char *value = dependency(line, index, lists[i].kind, &n);
                if (value && !(n == 4 && memcmp(value, "_all", 4) == 0))
                        rv_svc_word(lists[i].list, lists[i].size, value, n);
        }
}

static void read_links(struct rv_svc *s)
{
        size_t n;
        char *text = rv_slurp(RUN "/deptree", 8 << 20, &n), head[300];
        long index = -1;
        int m = snprintf(head, sizeof head, "_service='%s'\n", s->name);
        for (const char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
                char *end;
                if (strncmp(line, "depinfo_", 8) != 0)
                        continue;
                long at = strtol(line + 8, &end, 10);
                if (strncmp(end, head, (size_t)m) == 0)
                        index = at;
                if (at == index)
                        one_dependency(s, line, index);
        }
        free(text);
}

/* ---- state ---- */

/* The process that start-stop-daemon or supervise-daemon noted. Its pid file tells the pid. */
static void read_daemon(struct rv_svc *s)
{
        char path[600], child[32];
        struct dirent *d;
        size_t n;
        snprintf(path, sizeof path, RUN "/daemons/%s", s->name);
        DIR *dir = opendir(path);
        while (dir && (d = readdir(dir))) {
                char file[900];
                snprintf(file, sizeof file, "%s/%s", path, d->d_name);
                char *text = d->d_name[0] == '.' ? NULL : rv_slurp(file, 65536, &n);
                char *at = text ? strstr(text, "pidfile=") : NULL;
                if (at && at[8] == '/')
                        snprintf(s->pidfile, sizeof s->pidfile, "%.*s", (int)strcspn(at + 8, "\n"), at + 8);
                free(text);
        }
        if (dir)
                closedir(dir);
        if (!s->pidfile[0] && !note(s->pidfile, sizeof s->pidfile, RUN "/options/%s/pidfile", s->name))
                s->pidfile[0] = 0;
        if (note(child, sizeof child, RUN "/options/%s/child_pid", s->name))
                rv_svc_process(s, (uint32_t)strtoul(child, NULL, 10));
}

/* Does what the note says hold? */
static void look_at_process(struct rv_svc *s)
{
        bool there = s->pidfile[0] && access(s->pidfile, F_OK) == 0;
        if (s->pid || (there && rv_svc_process(s, rv_svc_pidfile(s->pidfile)))) {
                if (s->state == RV_SVC_STOPPED)
                        snprintf(s->sub, sizeof s->sub, "started");
                s->state = s->state == RV_SVC_STOPPED ? RV_SVC_RUNNING : s->state;
                s->failed = false;
        } else if (s->state == RV_SVC_RUNNING && (there || !s->native)) {
                s->state = RV_SVC_STOPPED;
                s->failed = there; /* it did not take its pid file with it */
                snprintf(s->sub, sizeof s->sub, "%s", there ? "crashed" : "stopped");
        }
}

static void read_state(struct rv_svc *s)
{
        static const struct {
                const char *folder;
                enum rv_svc_state state;
                bool failed;
        } notes[] = { { "starting", RV_SVC_STARTING, false }, { "stopping", RV_SVC_STOPPING, false },
                      { "inactive", RV_SVC_STARTING, false }, { "scheduled", RV_SVC_STARTING, false },
                      { "failed", RV_SVC_STOPPED, true },     { "started", RV_SVC_RUNNING, false } };
        struct stat st;
        char path[600];
        s->state = RV_SVC_STOPPED;
        snprintf(s->sub, sizeof s->sub, "stopped");
        for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
                snprintf(path, sizeof path, RUN "/%s/%s", notes[i].folder, s->name);
                if (lstat(path, &st) < 0)
                        continue;
                s->state = notes[i].state;
                s->failed = notes[i].failed;
                s->changed = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
                snprintf(s->sub, sizeof s->sub, "%s", notes[i].folder);
                break;
        }
        read_daemon(s);
        if (s->native ? s->state == RV_SVC_RUNNING : s->pidfile[0] != 0)
                look_at_process(s);
}

static int openrc_read(const char *name, unsigned want, uint64_t deadline, struct rv_svc *s)
{
        struct rv_script script;
        (void)deadline;
        if (!find_script(name, s->file, sizeof s->file))
                return -ENOENT;
        snprintf(s->name, sizeof s->name, "%s", name);
        int r = rv_script_open(&script, s->file, name);
        if (r == 0) {
                bool own = s->native =
                        rv_script_is(&script, "openrc-run") || rv_script_is(&script, "runscript");
                rv_script_fill(&script, want & ~(unsigned)RV_SVC_WANT_LINKS, s);
                char commands[512];
                if (own &&
                    (rv_script_variable(&script, "extra_started_commands", commands, sizeof commands) ||
                     rv_script_variable(&script, "extra_commands", commands, sizeof commands)))
                        s->can_reload = rv_svc_has(commands, "reload");
                if (own)
                        rv_script_variable(&script, "command_user", s->user, sizeof s->user);
                rv_script_close(&script);
        } else if (r != -ENOEXEC)
                return -ENOENT;
        read_mode(s);
        if (want & RV_SVC_WANT_LINKS)
                read_links(s);
        if (want & RV_SVC_WANT_STATE)
                read_state(s);
        else
                read_daemon(s);
        return 0;
}

/* ---- verbs ---- */

static int rc_service(struct rv_svc_change *ch, const char *word)
{
        return rv_svc_tool(ch,
                           (const char *[]) { "rc-service", "--nocolor", "--", ch->now.name, word, NULL });
}

/* Its note says that it is started, or that it failed: it must be told that this is over, or a start does nothing. */
static int forget_failure(struct rv_svc_change *ch)
{
        return ch->now.failed && ch->now.native ? rc_service(ch, "zap") : RV_OK;
}

static int openrc_verb(struct rv_svc_change *ch, enum rv_svc_verb verb)
{
        int e;
        switch (verb) {
        case RV_SVC_START: e = forget_failure(ch); return e ? e : rc_service(ch, "start");
        case RV_SVC_STOP: return rc_service(ch, "stop");
        case RV_SVC_RESTART: e = forget_failure(ch); return e ? e : rc_service(ch, "restart");
        case RV_SVC_RELOAD: return rc_service(ch, "reload");
        default: break;
        }
        if (ch->now.native)
                return forget_failure(ch);
        rv_fail(ch->err, RV_NOT_SUPPORTED,
                "%s: it is a script of sysvinit's kind, of which OpenRC notes no failures", ch->what);
        return rv_hint(ch->err, "It can be started again as it is.");
}

static int set_mode(struct rv_svc_change *ch, enum rv_svc_mode mode)
{
        enum { LEVELS_MOST = 16 };
        const char *argv[LEVELS_MOST + 6] = { "rc-update", "--nocolor", "--", "delete", ch->now.name };
        char levels[sizeof ch->now.runlevels], *state = NULL;
        size_t n = 5;
        if (mode == RV_SVC_AUTO)
                return rv_svc_tool(ch, (const char *[]) { "rc-update", "--nocolor", "--", "add", ch->now.name,
                                                          "default", NULL });
        struct rv_svc now = { 0 };
        snprintf(now.name, sizeof now.name, "%s", ch->now.name);
        read_mode(&now);
        snprintf(levels, sizeof levels, "%s", now.runlevels);
        for (char *l = strtok_r(levels, " ", &state); l && n < LEVELS_MOST + 5;
             l = strtok_r(NULL, " ", &state))
                argv[n++] = l;
        return n == 5 ? RV_OK : rv_svc_tool(ch, argv);
}

static bool can_restart(const char *policy)
{
        return strcmp(policy, "no") == 0 || strcmp(policy, "always") == 0 ||
               strcmp(policy, "on-failure") == 0;
}

/* A text inside double quotes of the shell. */
static void in_quotes(FILE *f, const char *s)
{
        for (; *s; s++) {
                if (strchr("\\\"$`", *s))
                        fputc('\\', f);
                fputc(*s, f);
        }
}

static int openrc_create(struct rv_svc_change *ch, const struct Service_Create_in *in)
{
        char path[400], *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        if (!f)
                return -ENOMEM;
        bool supervise = in->has_RestartPolicy && strcmp(in->RestartPolicy, "no") != 0;
        size_t program = strcspn(in->PathName, " ");
        fprintf(f, "#!/sbin/openrc-run\n# Made by reeve (Service.Create).\ndescription=\"");
        in_quotes(f, in->has_DisplayName ? in->DisplayName : in->Name);
        fprintf(f, "\"\ncommand=\"%.*s\"\ncommand_args=\"", (int)program, in->PathName);
        in_quotes(f, in->PathName + program + strspn(in->PathName + program, " "));
        fprintf(f, "\"\n");
        if (in->has_StartName)
                fprintf(f, "command_user=\"%s\"\n", in->StartName);
        if (supervise)
                fprintf(f, "supervisor=\"supervise-daemon\"\n");
        else
                fprintf(f, "command_background=\"yes\"\n");
        fprintf(f, "pidfile=\"/run/%s.pid\"\n", in->Name);
        /* Debian's OpenRC works with dpkg's start-stop-daemon, which has another word for it. */
        fprintf(f,
                "log=/var/log/%s.log\ncase \"$supervisor $(start-stop-daemon --version 2>&1)\" in\n"
                "\" \"*Debian*) start_stop_daemon_args=\"--output $log\" ;;\n"
                "*) output_log=$log error_log=$log ;;\nesac\n",
                in->Name);
        bool bad = fclose(f) != 0;
        snprintf(path, sizeof path, "%s/%s", folders[0], in->Name);
        int e = bad ? -ENOMEM : rv_svc_write(ch, path, text, 0755);
        free(text);
        return e;
}

static int openrc_remove(struct rv_svc_change *ch)
{
        int e = forget_failure(ch);
        if (e)
                return e;
        if (unlink(ch->now.file) < 0 && errno != ENOENT)
                return rv_fail_errno(ch->err, errno, "cannot remove %s", ch->now.file);
        return RV_OK;
}

static int watch_one(void *w, const char *name)
{
        struct rv_svc s = { 0 };
        char folder[512];
        char *slash = openrc_read(name, 0, 0, &s) ? NULL : strrchr(s.pidfile, '/');
        if (slash) {
                snprintf(folder, sizeof folder, "%.*s", (int)(slash - s.pidfile), s.pidfile);
                rv_svc_watch_path(w, folder, slash + 1, name);
        }
        return 0;
}

static void openrc_watch(struct rv_svc_watch *w)
{
        static const char *const notes[] = { "started",  "starting", "stopping",
                                             "inactive", "failed",   "scheduled" };
        static const char *const levels[] = { "sysinit", "boot", "default" };
        char path[128];
        for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
                snprintf(path, sizeof path, RUN "/%s", notes[i]);
                rv_svc_watch_path(w, path, NULL, NULL);
        }
        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
                snprintf(path, sizeof path, LEVELS "/%s", levels[i]);
                rv_svc_watch_path(w, path, NULL, NULL);
        }
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
                rv_svc_watch_path(w, folders[i], NULL, "*");
        each(watch_one, w);
}

const struct rv_svc_manager rv_svc_openrc = {
        .name = "OpenRC",
        .here = openrc_here,
        .each = each,
        .read = openrc_read,
        .verb = openrc_verb,
        .verbs = 1u << RV_SVC_RELOAD | 1u << RV_SVC_RESET,
        .cannot_pause = "The method Kill with SIGSTOP halts its main process, with SIGCONT lets it go on.",
        .set_mode = set_mode,
        .cannot_disable = "Manual takes it out of all runlevels; a service that needs it can still start it.",
        .can_restart = can_restart,
        .create = openrc_create,
        .remove = openrc_remove,
        .watch = openrc_watch,
};
