/* SPDX-License-Identifier: MIT
 *
 * runit: folders in /etc/sv, linked into the folder that runsvdir looks after; a runsv for each, which keeps 20
 * bytes of status and takes orders, one byte each, from a pipe.
 *
 *      supervise/status:  8 bytes TAI64 seconds, 4 nanoseconds, big-endian: the last change of state
 *                         4 bytes pid, little-endian; 0 = none
 *                         1 byte paused; 1 byte what is wanted, 'u' or 'd'; 1 byte TERM was sent; 1 byte state:
 *                         0 down, 1 run, 2 finish
 *      supervise/control: u up, d down, t TERM, h HUP, p pause, c continue, x: runsv ends
 *      supervise/ok:      can be opened for writing while runsv lives
 *
 * Auto is a link without the file `down`; Manual a link with it; Disabled a folder without a link: nothing runs
 * it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen/Service.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"
#include "providers/service/backend.h"
#include "providers/service/files.h"

#define SOURCES "/etc/sv"
#define TAI_UNIX UINT64_C(4611686018427387914) /* TAI64 of 1970, as runit counts it */
enum { STEP = 20, RESCAN = 10000 /* ms; runsvdir looks every five seconds */ };

/* The folder that a living runsvdir looks after; false: there is none. */
static bool find_folder(char *ret, size_t size)
{
        bool found = false;
        struct dirent *d;
        DIR *proc = opendir("/proc");
        while (proc && !found && (d = readdir(proc))) {
                char path[300], text[4096];
                snprintf(path, sizeof path, "/proc/%s/comm", d->d_name);
                if (d->d_name[0] < '1' || d->d_name[0] > '9' ||
                    rv_proc_read(AT_FDCWD, path, text, sizeof text) <= 0 || strcmp(text, "runsvdir\n") != 0)
                        continue;
                snprintf(path, sizeof path, "/proc/%s/cmdline", d->d_name);
                ssize_t n = rv_proc_read(AT_FDCWD, path, text, sizeof text);
                const char *word = n > 0 ? memchr(text, 0, (size_t)n) : NULL;
                for (; word && word < text + n - 1 && !found;
                     word = memchr(word + 1, 0, (size_t)(text + n - word - 1)))
                        if (word[1] == '/' && snprintf(ret, size, "%s", word + 1) < (int)size)
                                found = true;
        }
        if (proc)
                closedir(proc);
        return found;
}

/* PID 1 of this host, or of this container, is runit's or starts runsvdir. */
static bool runit_here(void)
{
        char comm[32], folder[400];
        ssize_t n = rv_proc_read(AT_FDCWD, "/proc/1/comm", comm, sizeof comm);
        return (n > 0 && strcmp(comm, "runit\n") == 0) || find_folder(folder, sizeof folder);
}

static bool folder_or_default(char *ret, size_t size)
{
        static const char *const usual[] = { "/etc/service", "/var/service", "/service" };
        if (find_folder(ret, size))
                return true;
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
                if (snprintf(ret, size, "%s", usual[i]) && access(ret, F_OK) == 0)
                        return true;
        return false;
}

static bool is_service(const char *folder, const char *name)
{
        char path[800];
        snprintf(path, sizeof path, "%s/%s/run", folder, name);
        return name[0] != '.' && access(path, X_OK) == 0;
}

/* Services of the folder, or those of /etc/sv that are not linked there. */
static int each_of(const char *folder, const char *but, int (*one)(void *, const char *), void *state)
{
        struct dirent **names;
        int n = scandir(folder, &names, NULL, alphasort), r = 0;
        for (int i = 0; i < n; i++) {
                if (r == 0 && is_service(folder, names[i]->d_name) &&
                    !(but && is_service(but, names[i]->d_name)))
                        r = one(state, names[i]->d_name);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
        return r;
}

static int each(int (*one)(void *, const char *), void *state)
{
        char folder[400];
        if (!folder_or_default(folder, sizeof folder))
                return 0;
        int r = each_of(folder, NULL, one, state);
        return r ? r : each_of(SOURCES, folder, one, state);
}

/* Where svlogd keeps what the service says: the folder that log/run names, else the usual ones. */
static void find_log(struct rv_svc *s, const char *folder)
{
        static const char *const usual[] = { "/var/log/runit/%s/current", "/var/log/%s/current" };
        char path[800], *at;
        size_t n;
        snprintf(path, sizeof path, "%s/%s/log/run", folder, s->name);
        char *text = rv_slurp(path, 65536, &n);
        if (!text)
                return;
        at = strstr(text, "svlogd");
        at = at ? strchr(at, '/') : NULL;
        if (at && snprintf(s->log, sizeof s->log, "%.*s/current", (int)strcspn(at, " \t\n;\"'$"), at) &&
            access(s->log, F_OK) < 0)
                s->log[0] = 0;
        free(text);
        for (size_t i = 0; i < sizeof usual / sizeof *usual && !s->log[0]; i++) {
                snprintf(s->log, sizeof s->log, usual[i], s->name);
                if (access(s->log, F_OK) < 0)
                        s->log[0] = 0;
        }
        snprintf(path, sizeof path, "%s/%s/log/main/current", folder, s->name);
        if (!s->log[0] && access(path, F_OK) == 0)
                snprintf(s->log, sizeof s->log, "%.500s", path);
}

struct status {
        int64_t since; /* ns since 1970 */
        uint32_t pid;
        bool paused, wanted, term;
        unsigned char state; /* 0 down, 1 run, 2 finish */
};

static bool read_status(const char *folder, const char *name, struct status *ret)
{
        char path[800];
        unsigned char b[32];
        snprintf(path, sizeof path, "%s/%s/supervise/status", folder, name);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : read(fd, b, sizeof b);
        if (fd >= 0)
                close(fd);
        if (n < 20)
                return false;
        uint64_t seconds = 0;
        uint32_t ns = 0;
        for (int i = 0; i < 8; i++)
                seconds = seconds << 8 | b[i];
        for (int i = 8; i < 12; i++)
                ns = ns << 8 | b[i];
        *ret = (struct status) { .since = (int64_t)(seconds - TAI_UNIX) * INT64_C(1000000000) + ns,
                                 .pid = b[12] | (uint32_t)b[13] << 8 | (uint32_t)b[14] << 16 |
                                        (uint32_t)b[15] << 24,
                                 .paused = b[16] != 0,
                                 .wanted = b[17] == 'u',
                                 .term = b[18] != 0,
                                 .state = b[19] };
        return true;
}

/* Is there a runsv? */
static bool supervised(const char *folder, const char *name)
{
        char path[800];
        snprintf(path, sizeof path, "%s/%s/supervise/ok", folder, name);
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

static void read_state(struct rv_svc *s, const char *folder)
{
        struct status st;
        if (!supervised(folder, s->name) || !read_status(folder, s->name, &st)) {
                s->state = RV_SVC_STOPPED;
                snprintf(s->sub, sizeof s->sub, "no runsv");
                return;
        }
        static const char *const words[] = { "down", "run", "finish" };
        snprintf(s->sub, sizeof s->sub, "%s%s", st.state < 3 ? words[st.state] : "unknown",
                 st.paused ? ", paused" : "");
        s->changed = st.since;
        s->can_pause = st.state == 1;
        if (st.state == 1)
                s->state = st.paused               ? RV_SVC_PAUSED
                           : st.term && !st.wanted ? RV_SVC_STOPPING
                                                   : RV_SVC_RUNNING;
        else {
                s->failed = st.state == 0 &&
                            st.wanted; /* it has ended, and runsv waits a second before it tries again */
                s->state = st.state == 2 ? RV_SVC_STOPPING : st.wanted ? RV_SVC_STARTING : RV_SVC_STOPPED;
        }
        rv_svc_process(s, st.pid);
}

static int runit_read(const char *name, unsigned want, uint64_t deadline, struct rv_svc *s)
{
        (void)deadline;
        char folder[400], path[800];
        bool linked = folder_or_default(folder, sizeof folder) && is_service(folder, name);
        if (!linked && !is_service(SOURCES, name))
                return -ENOENT;
        const char *in = linked ? folder : SOURCES;
        snprintf(s->name, sizeof s->name, "%s", name);
        snprintf(path, sizeof path, "%s/%s/run", in, name);
        char *real = realpath(path, NULL);
        snprintf(s->file, sizeof s->file, "%.500s", real ? real : path);
        snprintf(s->command, sizeof s->command, "%s", s->file);
        free(real);
        snprintf(path, sizeof path, "%s/%s/down", in, name);
        s->mode = !linked ? RV_SVC_DISABLED : access(path, F_OK) == 0 ? RV_SVC_MANUAL : RV_SVC_AUTO;
        s->process = s->can_reload = true; /* runsv sends it SIGHUP, as sv reload does */
        find_log(s, in);
        if ((want & RV_SVC_WANT_STATE) && linked)
                read_state(s, folder);
        else if (want & RV_SVC_WANT_STATE)
                s->state = RV_SVC_STOPPED;
        return 0;
}

/* ---- orders ---- */

static int order(struct rv_svc_change *ch, const char *folder, const char *bytes)
{
        char path[800];
        snprintf(path, sizeof path, "%s/%s/supervise/control", folder, ch->now.name);
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : write(fd, bytes, strlen(bytes));
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (n == (ssize_t)strlen(bytes))
                return RV_OK;
        if (error != ENXIO && error != ENOENT)
                return rv_fail_errno(ch->err, error, "%s: its runsv takes no orders", ch->what);
        rv_fail(ch->err, RV_UNAVAILABLE, "%s: no runsv looks after it", ch->what);
        if (ch->err)
                ch->err->retryable = true;
        return rv_hint(ch->err, "runsvdir starts one within five seconds of a new link in %s.", folder);
}

static bool is_up(const struct status *st, uint32_t but)
{
        return st->state == 1 && st->pid && st->pid != but && !st->paused;
}

/* Waits until the status is as wanted; TIMED_OUT at the call's deadline. */
static int await(struct rv_svc_change *ch, const char *folder, bool (*good)(const struct status *, uint32_t),
                 uint32_t pid)
{
        struct status st;
        int64_t begun = rv_wall();
        while (!rv_cancelled(ch->call)) {
                bool known = read_status(folder, ch->now.name, &st);
                if (known && good(&st, pid))
                        return RV_OK;
                /* It was up between two looks, and has ended: whoever asked looks what became of it. */
                if (known && good == is_up && !pid && st.state != 1 && st.wanted && st.since > begun)
                        return RV_OK;
                rv_svc_pause_ms(STEP);
        }
        rv_fail(ch->err, RV_TIMED_OUT, "%s: runsv has the order, but it is not done in time", ch->what);
        return rv_hint(
                ch->err,
                "It may come yet: look at State. The method Kill with SIGKILL ends what does not stop.");
}

static bool is_down(const struct status *st, uint32_t pid)
{
        (void)pid;
        return st->state == 0;
}
static bool is_paused(const struct status *st, uint32_t pid)
{
        (void)pid;
        return st->paused;
}
static bool is_resumed(const struct status *st, uint32_t pid)
{
        (void)pid;
        return !st->paused;
}

static int await_runsv(struct rv_svc_change *ch, const char *folder)
{
        for (unsigned waited = 0; waited < RESCAN && !rv_cancelled(ch->call); waited += STEP) {
                if (supervised(folder, ch->now.name))
                        return RV_OK;
                rv_svc_pause_ms(STEP);
        }
        rv_fail(ch->err, RV_TIMED_OUT, "%s: runsvdir has started no runsv for it", ch->what);
        return rv_hint(ch->err, "Is runsvdir at work on %s?", folder);
}

static int runit_verb(struct rv_svc_change *ch, enum rv_svc_verb verb)
{
        char folder[400];
        int e;
        if (!folder_or_default(folder, sizeof folder))
                return rv_fail(ch->err, RV_UNAVAILABLE, "%s: no folder of services is known", ch->what);
        switch (verb) {
        case RV_SVC_START:
                e = await_runsv(ch, folder);
                e = e ? e : order(ch, folder, "u");
                return e ? e : await(ch, folder, is_up, 0);
        case RV_SVC_STOP:
                e = order(ch, folder, "dc"); /* one that is paused would not see its end coming */
                return e ? e : await(ch, folder, is_down, 0);
        case RV_SVC_RESTART:
                e = order(ch, folder, "tcu");
                return e ? e : await(ch, folder, is_up, ch->now.pid);
        case RV_SVC_RELOAD: return order(ch, folder, "h");
        case RV_SVC_PAUSE: e = order(ch, folder, "p"); return e ? e : await(ch, folder, is_paused, 0);
        default: e = order(ch, folder, "c"); return e ? e : await(ch, folder, is_resumed, 0);
        }
}

/* ---- start modes ---- */

static int set_down(struct rv_svc_change *ch, const char *folder, bool down)
{
        char path[800];
        snprintf(path, sizeof path, "%s/%s/down", folder, ch->now.name);
        if (!down)
                return unlink(path) == 0 || errno == ENOENT
                               ? RV_OK
                               : rv_fail_errno(ch->err, errno, "cannot remove %s", path);
        return access(path, F_OK) == 0 ? RV_OK : rv_svc_write(ch, path, "", 0644);
}

/* Links it with `down` there, so that runsvdir's runsv does not start it: who asked for a mode asked for no start. */
static int add_link(struct rv_svc_change *ch, const char *folder)
{
        char path[800], to[600];
        snprintf(path, sizeof path, "%s/%s", folder, ch->now.name);
        snprintf(to, sizeof to, SOURCES "/%s", ch->now.name);
        int e = set_down(ch, SOURCES, true);
        if (e == RV_OK && symlink(to, path) < 0 && errno != EEXIST)
                e = rv_fail_errno(ch->err, errno, "cannot link %s", path);
        return e ? e : await_runsv(ch, folder);
}

static int drop_link(struct rv_svc_change *ch, const char *folder)
{
        char path[800];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, ch->now.name);
        if (lstat(path, &st) == 0 && !S_ISLNK(st.st_mode)) {
                rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: %s is no link, it is the service itself", ch->what,
                        path);
                return rv_hint(ch->err, "Manual keeps it from being started at boot; or move it to " SOURCES
                                        " and link it.");
        }
        if (unlink(path) < 0 && errno != ENOENT)
                return rv_fail_errno(ch->err, errno, "cannot remove %s", path);
        for (unsigned waited = 0; waited < RESCAN && !rv_cancelled(ch->call); waited += STEP) {
                if (!supervised(SOURCES, ch->now.name))
                        return RV_OK; /* runsvdir has sent its runsv home, and that its service */
                rv_svc_pause_ms(STEP);
        }
        rv_fail(ch->err, RV_TIMED_OUT, "%s: the link is gone, but its runsv still runs", ch->what);
        return rv_hint(ch->err, "runsvdir looks at its folder every five seconds.");
}

static int runit_set_mode(struct rv_svc_change *ch, enum rv_svc_mode mode)
{
        char folder[400];
        if (!folder_or_default(folder, sizeof folder))
                return rv_fail(ch->err, RV_UNAVAILABLE, "%s: no folder of services is known", ch->what);
        if (mode == RV_SVC_DISABLED)
                return drop_link(ch, folder);
        int e = ch->now.mode == RV_SVC_DISABLED ? add_link(ch, folder) : RV_OK;
        return e ? e : set_down(ch, folder, mode == RV_SVC_MANUAL);
}

/* ---- new and gone ---- */

static bool can_restart(const char *policy)
{
        return strcmp(policy, "always") == 0;
}

/* The user as one word; check_create() has seen that it is one. Logs go where svlogd of Debian's services writes. */
static int runit_create(struct rv_svc_change *ch, const struct Service_Create_in *in)
{
        char folder[400], path[800], text[8192];
        snprintf(ch->now.name, sizeof ch->now.name, "%s", in->Name);
        if (!folder_or_default(folder, sizeof folder))
                return rv_fail(ch->err, RV_UNAVAILABLE, "%s: no folder of services is known", ch->what);
        snprintf(path, sizeof path, SOURCES "/%s", in->Name);
        if (mkdir(path, 0755) < 0)
                return rv_fail_errno(ch->err, errno, "cannot make %s", path);
        snprintf(path, sizeof path, SOURCES "/%s/log", in->Name);
        if (mkdir(path, 0755) < 0)
                return rv_fail_errno(ch->err, errno, "cannot make %s", path);
        snprintf(path, sizeof path, SOURCES "/%s/run", in->Name);
        int most = snprintf(text, sizeof text,
                            "#!/bin/sh\n# Made by reeve (Service.Create).%s%s\nexec 2>&1\nexec %s%s%s%s\n",
                            in->has_DisplayName ? "\n# " : "", in->has_DisplayName ? in->DisplayName : "",
                            in->has_StartName ? "chpst -u " : "", in->has_StartName ? in->StartName : "",
                            in->has_StartName ? " " : "", in->PathName);
        if (most >= (int)sizeof text)
                return rv_fail(ch->err, RV_INVALID_PARAMETER, "%s: PathName is longer than 7,000 bytes",
                               ch->what);
        int e = rv_svc_write(ch, path, text, 0755);
        snprintf(path, sizeof path, SOURCES "/%s/log/run", in->Name);
        snprintf(text, sizeof text,
                 "#!/bin/sh\nmkdir -p /var/log/runit/%s\nexec svlogd -tt /var/log/runit/%s\n", in->Name,
                 in->Name);
        if (e == RV_OK)
                e = rv_svc_write(ch, path, text, 0755);
        bool disabled = in->has_StartMode && strcmp(in->StartMode, "Disabled") == 0;
        return e || disabled ? e : add_link(ch, folder);
}

static void remove_tree(const char *path, int deep)
{
        struct dirent *d;
        DIR *dir = deep < 4 ? opendir(path) : NULL;
        while (dir && (d = readdir(dir))) {
                char one[900];
                struct stat st;
                snprintf(one, sizeof one, "%s/%s", path, d->d_name);
                if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || lstat(one, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        remove_tree(one, deep + 1);
                else
                        unlink(one);
        }
        if (dir)
                closedir(dir);
        rmdir(path);
}

static int runit_remove(struct rv_svc_change *ch)
{
        char folder[400], path[800];
        struct stat st;
        int e = folder_or_default(folder, sizeof folder) && ch->now.mode != RV_SVC_DISABLED
                        ? drop_link(ch, folder)
                        : RV_OK;
        if (e)
                return e;
        snprintf(path, sizeof path, SOURCES "/%s", ch->now.name);
        remove_tree(path, 0);
        if (lstat(path, &st) == 0)
                return rv_fail(ch->err, RV_FAILED, "%s: %s cannot be removed whole", ch->what, path);
        return RV_OK;
}

struct watching {
        struct rv_svc_watch *w;
        char folder[400];
};

static int watch_one(void *state, const char *name)
{
        struct watching *it = state;
        char path[800];
        bool linked = is_service(it->folder, name);
        snprintf(path, sizeof path, "%s/%s", linked ? it->folder : SOURCES, name);
        rv_svc_watch_path(it->w, path, "down", name);
        rv_svc_watch_path(it->w, path, "supervise",
                          "*"); /* runsv makes it when it first looks after the service */
        snprintf(path, sizeof path, "%s/%s/supervise", linked ? it->folder : SOURCES, name);
        rv_svc_watch_path(it->w, path, "status", name);
        return 0;
}

static void runit_watch(struct rv_svc_watch *w)
{
        struct watching it = { .w = w };
        if (!folder_or_default(it.folder, sizeof it.folder))
                return;
        rv_svc_watch_path(w, it.folder, NULL, "*");
        rv_svc_watch_path(w, SOURCES, NULL, "*");
        each(watch_one, &it);
}

const struct rv_svc_manager rv_svc_runit = {
        .name = "runit",
        .here = runit_here,
        .each = each,
        .read = runit_read,
        .verb = runit_verb,
        .verbs = 1u << RV_SVC_RELOAD | 1u << RV_SVC_PAUSE | 1u << RV_SVC_RESUME,
        .set_mode = runit_set_mode,
        .can_restart = can_restart,
        .create = runit_create,
        .remove = runit_remove,
        .watch = runit_watch,
};
