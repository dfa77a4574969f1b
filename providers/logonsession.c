/* SPDX-License-Identifier: MIT
 *
 * LogonSession: who is logged in, from systemd-logind over the system bus (one list, then all properties of each
 * session: there are few), else from utmp. logind is never started by the question: where it does not run, asking for
 * it would wait for half a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

#include "agent/provider.h"
#include "gen/LogonSession.h"
#include "providers/lib/fill.h"
#include "providers/lib/systemd.h"

#define LOGIN "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"

#define PATIENCE UINT64_C(5000000000) /* ns for reading */
enum { MOST = 4096, UTMP_PREFIX = 5 };

struct session {
        char id[128], user[128], service[64], class[32], type[32], state[32], tty[64], host[256], ruser[128],
                seat[64], scope[160];
        uint32_t uid, leader;
        uint64_t begun, idle; /* us since 1970; 0: not known */
        bool remote, is_idle, locked, from_utmp, has_uid;
};

/* ---- logind ---- */

/* A call of logind that starts nothing; -ENOENT and the like when it does not run. */
static int call(sd_bus *bus, uint64_t deadline, sd_bus_error *error, sd_bus_message **ret, const char *path,
                const char *interface, const char *method, const char *types, const char *argument)
{
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, LOGIN, path, interface, method);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, 0);
        if (r >= 0 && argument)
                r = sd_bus_message_append(m, types, argument);
        if (r >= 0)
                r = sd_bus_call(bus, m, rv_systemd_timeout(deadline), error, ret);
        sd_bus_message_unref(m);
        return r;
}

/* A property's value, by its type: text (s), number (u, t), truth (b), or the first part of a pair ((uo), (so)). */
static int read_property(sd_bus_message *m, const char *name, struct session *s)
{
        static const struct {
                const char *name, *types;
                size_t at, size;
        } known[] = {
#define TEXT(n, field) { n, "s", offsetof(struct session, field), sizeof((struct session *)0)->field }
#define OTHER(n, types, field) \
        { \
                n, types, offsetof(struct session, field), 0 \
        }
                TEXT("Id", id),
                TEXT("Name", user),
                TEXT("Service", service),
                TEXT("Class", class),
                TEXT("Type", type),
                TEXT("State", state),
                TEXT("TTY", tty),
                TEXT("RemoteHost", host),
                TEXT("RemoteUser", ruser),
                TEXT("Scope", scope),
                OTHER("Leader", "u", leader),
                OTHER("Timestamp", "t", begun),
                OTHER("IdleSinceHint", "t", idle),
                OTHER("Remote", "b", remote),
                OTHER("IdleHint", "b", is_idle),
                OTHER("LockedHint", "b", locked)
        };
        if (strcmp(name, "User") == 0) {
                s->has_uid = true;
                return sd_bus_message_read(m, "v", "(uo)", &s->uid, NULL);
        }
        if (strcmp(name, "Seat") == 0) {
                const char *seat = "";
                int r = sd_bus_message_read(m, "v", "(so)", &seat, NULL);
                snprintf(s->seat, sizeof s->seat, "%s", seat);
                return r;
        }
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                char *to = (char *)s + known[i].at;
                const char *text = "";
                int truth = 0;
                if (strcmp(known[i].name, name) != 0)
                        continue;
                if (known[i].types[0] == 'b') {
                        int r = sd_bus_message_read(m, "v", "b", &truth);
                        *(bool *)to = truth;
                        return r;
                }
                if (known[i].types[0] != 's')
                        return sd_bus_message_read(m, "v", known[i].types, to);
                int r = sd_bus_message_read(m, "v", "s", &text);
                snprintf(to, known[i].size, "%s", text);
                return r;
        }
        return sd_bus_message_skip(m, "v");
}

static int read_session(sd_bus *bus, const char *path, uint64_t deadline, struct session *s)
{
        sd_bus_message *m = NULL;
        const char *name;
        *s = (struct session) { 0 };
        int r = call(bus, deadline, NULL, &m, path, "org.freedesktop.DBus.Properties", "GetAll", "s",
                     LOGIN ".Session");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_property(m, name, s);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        sd_bus_message_unref(m);
        return r;
}

/* ---- rows ---- */

static uint32_t logon_type(const struct session *s)
{
        if (s->remote)
                return s->tty[0] ? 10 : 3;
        if (strcmp(s->class, "background") == 0)
                return 4;
        return s->tty[0] || s->seat[0] ? 2 : 5;
}

static int emit(const struct session *s, const struct rv_query *q, struct rv_sink *out)
{
        const struct rv_arg *id = rv_equals(q, LogonSession_LogonId);
        if (id && strcmp(id->s, s->id) != 0)
                return RV_OK;
        struct rv_row *row = rv_row(out);
        rv_fill(row, LogonSession_LogonId, s->id);
        rv_fill(row, LogonSession_UserName, s->user);
        if (s->has_uid)
                LogonSession_set_Uid(row, s->uid);
        if (s->begun)
                LogonSession_set_StartTime(row, (int64_t)s->begun * 1000);
        LogonSession_set_LogonType(row, logon_type(s));
        rv_fill(row, LogonSession_Service, s->service);
        rv_fill(row, LogonSession_Class, s->class);
        rv_fill(row, LogonSession_Type, s->type);
        rv_fill(row, LogonSession_State, s->state);
        rv_fill(row, LogonSession_Tty, s->tty);
        LogonSession_set_Remote(row, s->remote);
        rv_fill(row, LogonSession_RemoteHost, s->host);
        rv_fill(row, LogonSession_RemoteUser, s->ruser);
        rv_fill(row, LogonSession_Seat, s->seat);
        if (s->leader)
                LogonSession_set_Leader(row, s->leader);
        rv_fill(row, LogonSession_Scope, s->scope);
        if (s->is_idle && s->idle)
                LogonSession_set_IdleSince(row, (int64_t)s->idle * 1000);
        if (!s->from_utmp)
                LogonSession_set_Locked(row, s->locked);
        return rv_emit(out, row);
}

/* -errno: there is no logind to ask. Sessions that end meanwhile are no rows. */
static int from_logind(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *path;
        uint64_t soon = rv_now() + PATIENCE, deadline = q->deadline < soon ? q->deadline : soon;
        int r = rv_bus_open(&bus, deadline), e = RV_OK;
        if (r >= 0)
                r = call(bus, deadline, &error, &m, LOGIN_PATH, LOGIN ".Manager", "ListSessions", NULL, NULL);
        bool absent = (!bus && r != -ETIMEDOUT) ||
                      sd_bus_error_has_name(&error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                      sd_bus_error_has_name(&error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
        if (r < 0 && !absent)
                e = rv_systemd_fail(err, r, &error, "cannot list the sessions");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(susso)");
        while (r >= 0 && e == RV_OK &&
               (r = sd_bus_message_read(m, "(susso)", NULL, NULL, NULL, NULL, &path)) > 0) {
                struct session s;
                if (read_session(bus, path, deadline, &s) >= 0 && s.id[0])
                        e = rv_cancelled(q->call) ? RV_STOP : emit(&s, q, out);
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        sd_bus_unref(bus); /* closing politely would wait for a bus that hangs */
        return absent ? -ENOENT : e;
}

static void from_entry(const struct utmpx *u, struct session *s)
{
        *s = (struct session) { .from_utmp = true, .leader = (uint32_t)u->ut_pid };
        snprintf(s->id, sizeof s->id, "utmp:%.*s", (int)sizeof u->ut_line, u->ut_line);
        snprintf(s->user, sizeof s->user, "%.*s", (int)sizeof u->ut_user, u->ut_user);
        snprintf(s->tty, sizeof s->tty, "%.*s", (int)sizeof u->ut_line, u->ut_line);
        snprintf(s->host, sizeof s->host, "%.*s", (int)sizeof u->ut_host, u->ut_host);
        snprintf(s->state, sizeof s->state, "online");
        snprintf(s->class, sizeof s->class, "user");
        s->remote = s->host[0] && s->host[0] != ':';
        s->begun = (uint64_t)u->ut_tv.tv_sec * 1000000 + (uint64_t)u->ut_tv.tv_usec;
}

/* utmp's functions keep their place for the whole process: one reader at a time. */
static int from_utmp(const struct rv_query *q, struct rv_sink *out)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        struct session *all = calloc(MOST, sizeof *all);
        size_t n = 0;
        int e = all ? RV_OK : -ENOMEM;
        pthread_mutex_lock(&lock);
        setutxent();
        for (struct utmpx *u; all && n < MOST && (u = getutxent());)
                if (u->ut_type == USER_PROCESS && u->ut_user[0])
                        from_entry(u, &all[n++]);
        endutxent();
        pthread_mutex_unlock(&lock);
        for (size_t i = 0; i < n && e == RV_OK; i++)
                e = emit(&all[i], q, out);
        free(all);
        return e;
}

static int logonsession_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        int e = from_logind(q, out, err);
        if (e == -ENOENT)
                e = from_utmp(q, out);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- methods ---- */

static int ask(struct rv_call *c, const char *method, const char *property, const char *to,
               struct rv_error *err)
{
        const struct rv_arg *id = &c->key[LogonSession_LogonId];
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char what[160];
        if (id->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a session is named by its LogonId");
        rv_about(err, NULL, id->s, NULL);
        if (strncmp(id->s, "utmp:", UTMP_PREFIX) == 0) {
                rv_fail(err, RV_NOT_SUPPORTED,
                        "the session %.60s is known from utmp only: logind does not run here", id->s);
                return rv_hint(err, "Stop its Leader: Stop-Process -Id (Get-LogonSession %.60s).Leader.",
                               id->s);
        }
        snprintf(what, sizeof what, "cannot reach the session %.60s", id->s);
        int r = rv_bus_open(&bus, c->deadline), e = RV_OK;
        if (r >= 0)
                r = call(bus, c->deadline, &error, &m, LOGIN_PATH, LOGIN ".Manager", "GetSession", "s",
                         id->s);
        if (r >= 0) {
                rv_change(c, property, NULL, to);
                if (!c->what_if)
                        r = call(bus, c->deadline, &error, NULL, LOGIN_PATH, LOGIN ".Manager", method, "s",
                                 id->s);
        }
        if (r < 0 && error.name && strstr(error.name, "NoSuchSession"))
                e = rv_fail(err, RV_NOT_FOUND, "there is no session %.60s", id->s);
        else if (r < 0)
                e = rv_systemd_fail(err, r, &error, what);
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        rv_systemd_close(bus);
        if (e == RV_OK)
                LogonSession_Terminate_out_set_ReturnValue(c->out, 0);
        return e;
}

static int terminate(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return ask(c, "TerminateSession", "State", "closing", err);
}

static int lock_session(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return ask(c, "LockSession", "Locked", "True", err);
}

static int unlock_session(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return ask(c, "UnlockSession", "Locked", "False", err);
}

/* The terminal of a session, by its id: from logind, or the id itself where it is utmp's. */
static int terminal_of(struct rv_call *c, char *ret, size_t size, struct rv_error *err)
{
        const struct rv_arg *id = &c->key[LogonSession_LogonId];
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        struct session s = { .tty = "" };
        const char *path;
        if (id->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a session is named by its LogonId");
        rv_about(err, NULL, id->s, NULL);
        if (strncmp(id->s, "utmp:", UTMP_PREFIX) == 0) {
                snprintf(ret, size, "%s", id->s + UTMP_PREFIX);
                return RV_OK;
        }
        int r = rv_bus_open(&bus, c->deadline), e = RV_OK;
        if (r >= 0)
                r = call(bus, c->deadline, &error, &m, LOGIN_PATH, LOGIN ".Manager", "GetSession", "s",
                         id->s);
        if (r >= 0)
                r = sd_bus_message_read(m, "o", &path);
        if (r >= 0)
                r = read_session(bus, path, c->deadline, &s);
        if (r < 0 && error.name && strstr(error.name, "NoSuchSession"))
                e = rv_fail(err, RV_NOT_FOUND, "there is no session %.60s", id->s);
        else if (r < 0)
                e = rv_systemd_fail(err, r, &error, "cannot reach the session");
        snprintf(ret, size, "%s", s.tty);
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        rv_systemd_close(bus);
        return e;
}

/* Text for a terminal: lines end with both, what could command it is left out. */
static size_t plain_text(char *to, size_t size, const char *s)
{
        size_t n = 0;
        for (; *s && n + 3 < size; s++)
                if (*s == '\n') {
                        to[n++] = '\r';
                        to[n++] = '\n';
                } else if (((unsigned char)*s >= ' ' && *s != 0x7f) || *s == '\t')
                        to[n++] = *s;
        to[n] = 0;
        return n;
}

static int show(const char *tty, const char *text, size_t n, struct rv_error *err)
{
        char path[80];
        snprintf(path, sizeof path, "/dev/%.60s", tty);
        int fd = strstr(tty, "..") ? -1
                                   : open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || !isatty(fd)) {
                if (fd >= 0)
                        close(fd);
                return rv_fail(err, RV_NOT_SUPPORTED, "cannot show it: %s is no terminal that can be opened",
                               path);
        }
        ssize_t w = write(fd, text, n);
        int error = errno;
        close(fd);
        if (w == (ssize_t)n)
                return RV_OK;
        if (w >= 0 || error == EAGAIN)
                return rv_fail(err, RV_UNAVAILABLE,
                               "cannot show all of it: %s takes no more (is its output stopped?)", path);
        return rv_fail_errno(err, error, "cannot write to %s", path);
}

static int send_message(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LogonSession_SendMessage_in *in = args;
        char tty[80], plain[9000], text[9400], clock[24];
        time_t now = time(NULL);
        struct tm tm;
        int e = terminal_of(c, tty, sizeof tty, err);
        if (e)
                return e;
        if (!*tty)
                return rv_fail(err, RV_NOT_SUPPORTED, "the session %.60s has no terminal",
                               c->key[LogonSession_LogonId].s);
        plain_text(plain, sizeof plain, in->Message);
        strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
        int n = snprintf(text, sizeof text, "\r\n\aMessage from %.100s at %s:\r\n%s\r\n",
                         c->who && c->who->user[0] ? c->who->user : "the administrator", clock, plain);
        rv_change(c, "Message", NULL, plain);
        e = c->what_if ? RV_OK : show(tty, text, (size_t)n, err);
        if (e == RV_OK)
                LogonSession_SendMessage_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[LogonSession_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [LogonSession_method_Terminate] = terminate,
        [LogonSession_method_Lock] = lock_session,
        [LogonSession_method_Unlock] = unlock_session,
        [LogonSession_method_SendMessage] = send_message
};

/* ---- changes: logind writes a file for each session anew when anything of it changes ---- */

static int sessions_open(struct rv_error *err)
{
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd >= 0 &&
            inotify_add_watch(fd, "/run/systemd/sessions", IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) >= 0)
                return fd;
        int error = errno;
        if (fd >= 0)
                close(fd);
        rv_fail_errno(err, error, "cannot hear of sessions (/run/systemd/sessions)");
        return -error;
}

static int sessions_read(int fd, struct rv_news *news)
{
        char buf[4096];
        bool any = false;
        while (read(fd, buf, sizeof buf) > 0)
                any = true;
        if (any)
                rv_news_changed(news);
        return 0;
}

/* ---- LogonFailure: what is added to btmp ---- */

#define BTMP "/var/log/btmp"
static off_t told;   /* how much of it has been told; one watch at a time */
static bool rotated; /* another file takes its place: all of that is news */

static int btmp_size(off_t *ret)
{
        struct stat st;
        if (stat(BTMP, &st) < 0)
                return -errno;
        *ret = st.st_size - st.st_size % (off_t)sizeof(struct utmpx);
        return 0;
}

/* One that has taken another's place is read from its beginning: opening it is the first event of the watch. */
static int btmp_watch(int fd)
{
        if (rotated && inotify_add_watch(fd, BTMP, IN_OPEN) >= 0) {
                int file = open(BTMP, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
                if (file >= 0)
                        close(file);
                told = 0;
                rotated = false;
        }
        return inotify_add_watch(fd, BTMP, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB);
}

static int btmp_open(struct rv_error *err)
{
        int r = btmp_size(&told), fd = r ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd >= 0 && btmp_watch(fd) >= 0)
                return fd;
        int error = r ? -r : errno;
        if (fd >= 0)
                close(fd);
        rv_fail_errno(err, error, "cannot hear of failed logins (" BTMP ")");
        rv_hint(err, "Programs write there only when the file is there: touch it, with mode 0660 and group utmp.");
        return -error;
}

static void emit_failure(struct rv_news *news, const struct utmpx *u)
{
        char text[512], user[sizeof u->ut_user + 1], line[sizeof u->ut_line + 1], host[sizeof u->ut_host + 1];
        struct rv_row *row = rv_news_row(news);
        snprintf(user, sizeof user, "%.*s", (int)sizeof u->ut_user, u->ut_user);
        snprintf(line, sizeof line, "%.*s", (int)sizeof u->ut_line, u->ut_line);
        snprintf(host, sizeof host, "%.*s", (int)sizeof u->ut_host, u->ut_host);
        LogonFailure_set_Time(row, (int64_t)u->ut_tv.tv_sec * INT64_C(1000000000) +
                                           (int64_t)u->ut_tv.tv_usec * 1000);
        rv_fill_n(row, LogonFailure_UserName, text, plain_text(text, sizeof text, user));
        rv_fill_n(row, LogonFailure_Tty, line, strlen(line));
        rv_fill_n(row, LogonFailure_RemoteHost, text, plain_text(text, sizeof text, host));
        LogonFailure_set_ProcessId(row, (uint32_t)u->ut_pid);
        rv_news_emit(news, row);
}

static int btmp_read(int fd, struct rv_news *news)
{
        char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        off_t size = 0;
        struct utmpx u;
        ssize_t n;
        while ((n = read(fd, buf, sizeof buf)) > 0)
                for (char *at = buf; at < buf + n;) {
                        const struct inotify_event *e = (const struct inotify_event *)at;
                        rotated |= (e->mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_IGNORED)) != 0;
                        at += sizeof *e + e->len;
                }
        if (rotated)
                return -ENOENT;
        if (btmp_size(&size) < 0)
                return 0;
        told = size < told ? 0 : told;
        int file = told < size ? open(BTMP, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
        for (int i = 0; file >= 0 && i < 200 && told < size; i++, told += (off_t)sizeof u)
                if (pread(file, &u, sizeof u, told) == (ssize_t)sizeof u)
                        emit_failure(news, &u);
        if (file >= 0)
                close(file);
        return 0;
}

static const struct rv_push sessions_push = { .covers = RV_PUSH_ALL,
                                              .whole = true,
                                              .settle = UINT64_C(50000000),
                                              .open = sessions_open,
                                              .read = sessions_read };
static const struct rv_push failures_push = { .covers = RV_PUSH_ALL, .open = btmp_open, .read = btmp_read };
static const struct rv_provider logonfailure = { .class = &LogonFailure_class, .push = &failures_push };

static const struct rv_provider logonsession = {
        .class = &LogonSession_class, .query = logonsession_query, .push = &sessions_push, .methods = methods
};

RV_PROVIDERS(logonsession, &logonsession, &logonfailure);
