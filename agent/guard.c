/* SPDX-License-Identifier: MIT
 *
 * The guard of one change that wants confirmation (confirm.h): notes the objects, says so, sleeps without wake-ups,
 * and puts back what differs if it is not called off in time. It speaks to an agent as any client does: to one of its
 * own for the note, and to put things back to the agent that serves the host, or to one of its own where that has
 * gone.
 *
 * How objects are put back is said by their class, in [Restore]: "Delete" (or "+Reset") for those that came, "Create"
 * for those that went (parameters are named as properties), and for those that differ "Set" (parameters named as
 * properties), "Rename:NewName=Name" (a parameter from a property), "Enable:AdminStatus=true" (when the property was
 * that). What follows @ tells of which objects only.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/confirm.h"
#include "agent/log.h"
#include "schema/class.h"
#include "schema/json.h"

extern char **environ;

struct guard {
        const char *file, *socket, *state;
        char base[560]; /* the file without its ending */
        json_t *j;      /* what it says */
        int fd;         /* to an agent */
        pid_t agent;    /* one of our own, or 0 */
        char *in;       /* what came and is not read yet */
        size_t n, room;
        int id;
        unsigned restored, failed;
        bool lost; /* the agent went while it was asked */
        struct rv_buf said;
        sigset_t ended; /* SIGTERM, blocked */
};

/* One word of [Restore]: METHOD, then what is done by it, then which objects. */
struct rule {
        const struct rv_method *method;
        bool came;
        char how[80], only[80]; /* "NewName=Name", "AdminStatus=true"; "Manager=null"; or "" */
};

enum { ANSWER_MOST = 64 << 20, ANSWER_SECONDS = 20 };

/* ---- an agent ---- */

static void hang_up(struct guard *g)
{
        if (g->fd >= 0)
                close(g->fd);
        g->fd = -1;
        g->n = 0;
        if (g->agent > 0)
                waitpid(g->agent, NULL, 0); /* it ends with its connection */
        g->agent = 0;
}

static void set_patience(int fd, int seconds)
{
        struct timeval t = { .tv_sec = seconds };
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static bool own_agent(struct guard *g, bool records)
{
        char *argv[] = { "reeve-agent",    "--fd", "3", records && g->state ? "--state" : NULL,
                         (char *)g->state, NULL };
        int pair[2];
        posix_spawn_file_actions_t
                files; /* that we are told to end, which is blocked here, is not told to it either */
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return false;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, pair[1], 3);
        int r = posix_spawn(&g->agent, "/proc/self/exe", &files, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&files);
        close(pair[1]);
        g->fd = pair[0];
        if (r) {
                g->agent = 0;
                hang_up(g);
        }
        return r == 0;
}

static bool send_all(int fd, const char *s, size_t n)
{
        while (n) {
                ssize_t w = send(fd, s, n, MSG_NOSIGNAL);
                if (w < 0 && errno != EINTR)
                        return false;
                s += w > 0 ? w : 0;
                n -= w > 0 ? (size_t)w : 0;
        }
        return true;
}

/* The next line, without its end; NULL: no agent. */
static char *next_line(struct guard *g, size_t *taken)
{
        for (;;) {
                char *end = g->n ? memchr(g->in, '\n', g->n) : NULL;
                if (end) {
                        *end = 0;
                        *taken = (size_t)(end - g->in) + 1;
                        return g->in;
                }
                if (g->room - g->n < 65536) {
                        char *more =
                                g->room < ANSWER_MOST ? realloc(g->in, g->room = g->room * 2 + 131072) : NULL;
                        if (!more)
                                return NULL;
                        g->in = more;
                }
                ssize_t r = recv(g->fd, g->in + g->n, g->room - g->n, 0);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        return NULL;
                g->n += (size_t)r;
        }
}

/* The whole answer, or NULL: no agent. Steals params. */
static json_t *ask(struct guard *g, const char *method, json_t *params)
{
        json_t *q = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", ++g->id, "method", method,
                              "params", params);
        char *text = q ? json_dumps(q, JSON_COMPACT) : NULL, *line;
        size_t taken;
        bool sent = text && g->fd >= 0 && send_all(g->fd, text, strlen(text)) && send_all(g->fd, "\n", 1);
        free(text);
        json_decref(q);
        if (!sent || !(line = next_line(g, &taken))) {
                g->lost = true;
                return NULL;
        }
        json_t *answer = json_loads(line, JSON_DECODE_ANY, NULL);
        memmove(g->in, g->in + taken, g->n -= taken);
        return answer;
}

static bool serves(struct guard *g)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        if (!g->socket || strlen(g->socket) >= sizeof a.sun_path)
                return false;
        strcpy(a.sun_path, g->socket);
        g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        set_patience(g->fd, 3);
        json_t *pong =
                connect(g->fd, (struct sockaddr *)&a, sizeof a) == 0 ? ask(g, "Ping", json_object()) : NULL;
        bool ok = pong && json_object_get(pong, "result");
        json_decref(pong);
        if (!ok)
                hang_up(g);
        return ok;
}

/* ---- noting ---- */

static json_t *objects(struct guard *g, const char *class_name)
{
        json_t *answer = ask(g, "EnumerateInstances", json_pack("{s:s}", "ClassName", class_name));
        json_t *rows = json_incref(json_object_get(json_object_get(answer, "result"), "Instances"));
        json_decref(answer);
        return rows;
}

static bool write_as(struct guard *g, const char *ending)
{
        char path[600], to[600];
        snprintf(path, sizeof path, "%s.new", g->base);
        snprintf(to, sizeof to, "%s.%s", g->base, ending);
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
        bool ok = fd >= 0 && json_dumpfd(g->j, fd, JSON_COMPACT) == 0 && fsync(fd) == 0;
        if (fd >= 0)
                close(fd);
        return ok && rename(path, to) == 0;
}

/* NULL, or what was in the way. */
static const char *note(struct guard *g)
{
        json_t *before = json_object(), *name;
        size_t i;
        if (!own_agent(g, false))
                return "no agent could be started";
        set_patience(g->fd, ANSWER_SECONDS);
        json_array_foreach(json_object_get(g->j, "Classes"), i, name)
        {
                json_t *rows = objects(g, json_string_value(name));
                if (!rows) {
                        json_decref(before);
                        return "the objects as they are could not be read";
                }
                json_object_set_new(before, json_string_value(name), rows);
        }
        hang_up(g);
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        json_int_t at = t.tv_sec + json_integer_value(json_object_get(g->j, "Within"));
        json_object_set_new(g->j, "RevertAt", json_integer(at * 1000000000 + t.tv_nsec));
        json_object_set_new(g->j, "Before", before);
        return write_as(g, "pending") ? NULL : "its file could not be written";
}

/* ---- waiting ---- */

static bool there(const struct guard *g, const char *ending)
{
        char path[600];
        snprintf(path, sizeof path, "%s.%s", g->base, ending);
        return access(path, F_OK) == 0;
}

/* The host's clock may be set meanwhile, back by a day: from here on it is time that passes that counts, and never more
 * of it than was asked for. */
static struct itimerspec time_left(const struct guard *g)
{
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        json_int_t left = json_integer_value(json_object_get(g->j, "RevertAt")) -
                          ((json_int_t)now.tv_sec * 1000000000 + now.tv_nsec);
        json_int_t most = json_integer_value(json_object_get(g->j, "Within")) * 1000000000;
        left = left > most ? most : left < 1 ? 1 : left; /* 0 would be never */
        return (struct itimerspec) { .it_value = { .tv_sec = left / 1000000000,
                                                   .tv_nsec = left % 1000000000 } };
}

/* True: to be put back. False: confirmed. */
static bool wait_for_it(struct guard *g)
{
        char folder[560], events[4096], now[600];
        snprintf(folder, sizeof folder, "%s", g->base);
        *strrchr(folder, '/') = 0;
        snprintf(now, sizeof now, "%s.now", g->base);
        int watch = inotify_init1(IN_CLOEXEC);
        int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
        struct itimerspec t = time_left(g);
        inotify_add_watch(watch, folder, IN_DELETE | IN_CREATE | IN_MOVED_TO);
        timerfd_settime(timer, 0, &t, NULL);
        int end = signalfd(-1, &g->ended, SFD_CLOEXEC);
        bool due = false;
        while (!due && there(g, "pending") && !there(g, "now")) {
                struct pollfd p[3] = { { watch, POLLIN, 0 }, { timer, POLLIN, 0 }, { end, POLLIN, 0 } };
                if (poll(p, 3, -1) < 0)
                        continue;
                if (p[0].revents && read(watch, events, sizeof events) < 0 && errno != EINTR)
                        due = true;
                due |= p[1].revents != 0;
                if (p[2].revents) {
                        rv_log(RV_LOG_NOTICE,
                               "the host stops, or this guard is told to end: it is put back now");
                        due = true;
                }
        }
        close(watch);
        close(timer);
        close(end);
        unlink(now);
        char from[600], to[600];
        snprintf(from, sizeof from, "%s.pending", g->base);
        snprintf(to, sizeof to, "%s.reverting", g->base);
        return rename(from, to) == 0;
}

/* ---- putting back ---- */

/* "PROPERTY=VALUE" of a row, the value as JSON; ?: what the change was given by that name. "": of any row. */
static bool is_so(const struct guard *g, const char *only, json_t *row)
{
        const char *eq = strchr(only, '=');
        char name[80];
        if (!eq)
                return !*only;
        snprintf(name, sizeof name, "%.*s", (int)(eq - only), only);
        json_t *v = json_object_get(row, name);
        if (strcmp(eq + 1, "?") == 0)
                return v && json_equal(v, json_object_get(json_object_get(g->j, "Given"), name));
        char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("null");
        bool same = text && strcmp(text, eq + 1) == 0;
        free(text);
        return same;
}

/* Rows of a class where it is so. */
static json_t *only_those(const struct guard *g, const char *only, json_t *rows)
{
        json_t *some = json_array(), *row;
        size_t i;
        json_array_foreach(rows, i, row) if (is_so(g, only, row)) json_array_append(some, row);
        return some;
}

static json_t *keys_of(const struct rv_class *c, json_t *row)
{
        json_t *keys = json_object();
        for (uint32_t k = 0; k < c->nkeys; k++) {
                const char *name = c->properties[c->keys[k]].name;
                json_object_set(keys, name, json_object_get(row, name));
        }
        return keys;
}

static json_t *find(const struct rv_class *c, json_t *rows, json_t *row)
{
        json_t *mine = keys_of(c, row), *one, *found = NULL;
        size_t i;
        json_array_foreach(rows, i, one)
        {
                json_t *other = keys_of(c, one);
                if (json_equal(mine, other))
                        found = one;
                json_decref(other);
                if (found)
                        break;
        }
        json_decref(mine);
        return found;
}

static void tell(struct guard *g, const struct rv_class *c, const char *method, json_t *keys,
                 const char *wrong)
{
        char *text = json_dumps(keys, JSON_COMPACT);
        if (g->said.len < 2000)
                rv_buf_putf(&g->said, "%s%s.%s %s%s%s", g->said.len ? "; " : "", c->name, method,
                            text ? text : "", wrong ? ": " : "", wrong ? wrong : "");
        free(text);
}

static const struct rv_method *method_of(const struct rv_class *c, const char *name, size_t n)
{
        int m = rv_method_find(c, name, n);
        return m < 0 ? NULL : &c->methods[m];
}

/* keys: NULL for a static method. Steals in. */
static bool invoke(struct guard *g, const struct rv_class *c, const char *method, json_t *row, bool is_static,
                   json_t *in)
{
        json_t *keys = keys_of(c, row);
        const struct rv_method *m = method_of(c, method, strlen(method));
        /* What is kept for the next boots is put back as such. */
        if (m && rv_property_find(m->in, "PolicyStore", 11) >= 0)
                json_object_set_new(in, "PolicyStore", json_string("ActiveStore"));
        json_t *p =
                json_pack("{s:s, s:s, s:o}", "ClassName", c->name, "MethodName", method, "InParameters", in);
        if (!is_static)
                json_object_set(p, "InstanceName", keys);
        json_t *answer = ask(g, "InvokeMethod", p), *error = json_object_get(answer, "error");
        const char *wrong = !answer ? "the agent did not answer"
                            : error ? json_string_value(json_object_get(error, "message"))
                                    : NULL;
        g->restored += !wrong;
        g->failed += wrong != NULL;
        tell(g, c, method, keys, wrong);
        json_decref(keys);
        json_decref(answer);
        return !wrong;
}

/* The method's parameters that are named as properties of the row; other: only what differs from it, and if anything
 * does, what the method cannot do without. */
static json_t *arguments(const struct rv_method *m, json_t *row, json_t *other)
{
        json_t *in = json_object();
        for (int required = 0; required < 2; required++)
                for (uint32_t i = 0; i < m->in->nproperties; i++) {
                        const struct rv_property *p = &m->in->properties[i];
                        json_t *v = json_object_get(row, p->name);
                        bool same = other && json_equal(v, json_object_get(other, p->name));
                        bool needed = required && p->flags & RV_REQUIRED && json_object_size(in);
                        if (v && !json_is_null(v) && (!same || needed))
                                json_object_set(in, p->name, v);
                }
        return in;
}

/* "Rename:NewName=Name" and "Enable:AdminStatus=true" of an object that is there, before and now. */
static void restore_by(struct guard *g, const struct rv_class *c, const struct rv_method *m, const char *rule,
                       json_t *was, json_t *is)
{
        const char *eq = strchr(rule, '=');
        char left[80], right[80];
        if (!eq || (size_t)(eq - rule) >= sizeof left)
                return;
        snprintf(left, sizeof left, "%.*s", (int)(eq - rule), rule);
        snprintf(right, sizeof right, "%s", eq + 1);
        if (m->in->nproperties && rv_property_find(m->in, left, strlen(left)) >= 0) {
                json_t *v = json_object_get(was, right);
                if (!json_equal(v, json_object_get(is, right)))
                        invoke(g, c, m->name, is, false, json_pack("{s:O}", left, v));
                return;
        }
        json_t *v = json_object_get(was, left), *now = json_object_get(is, left), *none = json_null();
        v = v ? v : none;
        char *text = json_dumps(v, JSON_ENCODE_ANY);
        if (!json_equal(v, now ? now : none) && text && strcmp(text, right) == 0)
                invoke(g, c, m->name, is, false, json_object());
        free(text);
}

static void each_came(struct guard *g, const struct rv_class *c, const struct rule *r, json_t *before,
                      json_t *now)
{
        json_t *row;
        size_t i;
        json_array_foreach(now, i, row) if (!find(c, before, row) && is_so(g, r->only, row))
                invoke(g, c, r->method->name, row, false, json_object());
}

/* What needs another one that went is made after it: again and again, as long as something comes of it. */
static void each_went(struct guard *g, const struct rv_class *c, const struct rule *r, json_t *before,
                      json_t *now)
{
        json_t *row, *todo = json_array();
        size_t i;
        json_array_foreach(before, i, row) if (!find(c, now, row) && is_so(g, r->only, row))
                json_array_append(todo, row);
        for (bool again = true; again && json_array_size(todo);) {
                unsigned failed = g->failed;
                size_t said = g->said.len;
                again = false;
                for (i = 0; i < json_array_size(todo);) {
                        row = json_array_get(todo, i);
                        bool ok = invoke(g, c, r->method->name, row, true, arguments(r->method, row, NULL));
                        again |= ok;
                        i += !ok;
                        if (ok)
                                json_array_remove(todo, i);
                }
                if (again && json_array_size(todo)) { /* those that failed are tried once more */
                        g->failed = failed;
                        g->said.len = said;
                }
        }
        json_decref(todo);
}

/* Those that are there, before and now. */
static void each_stayed(struct guard *g, const struct rv_class *c, const struct rule *r, json_t *before,
                        json_t *now)
{
        json_t *was, *is;
        size_t k;
        json_array_foreach(before, k, was)
        {
                if (!(is = find(c, now, was)) || !is_so(g, r->only, was))
                        continue;
                if (r->how[0]) {
                        restore_by(g, c, r->method, r->how, was, is);
                        continue;
                }
                json_t *in = arguments(r->method, was, is);
                if (json_object_size(in))
                        invoke(g, c, r->method->name, is, false, in);
                else
                        json_decref(in);
        }
}

static bool read_rule(struct rule *r, const struct rv_class *c, const char *s)
{
        char method[80];
        *r = (struct rule) { .came = *s == '+' || (strncmp(s, "Delete", 6) == 0 && !strchr(s, ':')) };
        s += *s == '+';
        size_t n = strcspn(s, ":@"), how = s[n] == ':' ? strcspn(s + n + 1, "@") : 0;
        snprintf(method, sizeof method, "%.*s", (int)n, s);
        s += n + (s[n] == ':');
        snprintf(r->how, sizeof r->how, "%.*s", (int)how, s);
        snprintf(r->only, sizeof r->only, "%s", s[how] == '@' ? s + how + 1 : "");
        r->method = method_of(c, method, strlen(method));
        return r->method != NULL;
}

/* After a boot, what cannot be made anew is to come by itself, with the program that has it. */
static json_t *all_there(struct guard *g, const struct rv_class *c, json_t *noted)
{
        json_t *all = objects(g, c->name), *row;
        bool patient = json_is_true(json_object_get(g->j, "Later")) && !method_of(c, "Create", 6) && c->nkeys;
        for (int tries = 0; patient && all && tries < 60; tries++) {
                size_t i, missing = 0;
                json_array_foreach(noted, i, row) missing += !find(c, all, row);
                if (!missing)
                        break;
                poll(NULL, 0, 1000);
                json_decref(all);
                all = objects(g, c->name);
        }
        return all;
}

static void restore(struct guard *g, const struct rv_class *c, json_t *noted)
{
        const struct rv_qualifier *how = rv_qualifier_find(c->qualifiers, c->nqualifiers, "Restore"),
                                  *lasts = rv_qualifier_find(c->qualifiers, c->nqualifiers, "Lasting");
        const char *only = json_is_true(json_object_get(g->j, "Later")) && lasts && lasts->nvalues
                                   ? lasts->values[0]
                                   : "";
        json_t *before = only_those(g, only, noted), *all = all_there(g, c, before),
               *now = only_those(g, only, all);
        struct rule rule;
        for (uint32_t i = 0; how && all && i < how->nvalues; i++) {
                if (!read_rule(&rule, c, how->values[i]))
                        continue;
                if (rule.came) {
                        each_came(g, c, &rule, before, now);
                        continue;
                }
                if (rule.method->is_static &&
                    c->nkeys) { /* what follows from what was put back is there by itself */
                        json_decref(now);
                        json_decref(all);
                        all = objects(g, c->name);
                        now = only_those(g, only, all);
                        each_went(g, c, &rule, before, now);
                } else {
                        each_stayed(g, c, &rule, before, now);
                }
        }
        if (!all) {
                g->failed++;
                rv_buf_putf(&g->said, "%s%s could not be read", g->said.len ? "; " : "", c->name);
        }
        json_decref(all);
        json_decref(before);
        json_decref(now);
}

/* The agent that serves the host may go meanwhile (the host stops): what is left is then seen to by one of our own. */
static void restore_surely(struct guard *g, const struct rv_class *c, json_t *before)
{
        unsigned failed = g->failed;
        g->lost = false;
        restore(g, c, before);
        if (!g->lost || g->agent)
                return;
        hang_up(g);
        if (!own_agent(g, true))
                return;
        set_patience(g->fd, ANSWER_SECONDS);
        g->failed = failed;
        restore(g, c, before);
}

static void put_back(struct guard *g)
{
        json_t *name;
        size_t i;
        if (!serves(g))
                own_agent(g, true);
        set_patience(g->fd, ANSWER_SECONDS);
        json_array_foreach(json_object_get(g->j, "Classes"), i, name)
        {
                const struct rv_class *c = rv_class_find(json_string_value(name), NULL);
                json_t *before = json_object_get(json_object_get(g->j, "Before"), json_string_value(name));
                if (c && before)
                        restore_surely(g, c, before);
        }
        hang_up(g);
        if (!g->said.len)
                rv_buf_puts(&g->said, "nothing differed");
        int n = g->said.len < 2400 ? (int)g->said.len : 2400; /* it has no end of its own */
        json_object_set_new(g->j, "Message", json_stringn(g->said.data, (size_t)n));
        json_object_del(g->j, "Before");
        rv_log(g->failed ? RV_LOG_ERROR : RV_LOG_NOTICE, "%s of %s was not confirmed and is put back: %.*s",
               json_string_value(json_object_get(g->j, "Operation")),
               json_string_value(json_object_get(g->j, "User")), n < 300 ? n : 300, g->said.data);
        char path[600];
        snprintf(path, sizeof path, "%s.reverting", g->base);
        if (write_as(g, g->failed ? "failed" : "reverted"))
                unlink(path);
}

/* ---- main ---- */

static void say(const char *text)
{
        if (fcntl(3, F_GETFD) < 0)
                return;
        ssize_t done = write(3, text, strlen(text));
        (void)done;
        close(3);
}

static bool options(struct guard *g, int argc, char **argv)
{
        static const struct option known[] = {
                { "guard", 1, NULL, 'g' }, { "socket", 1, NULL, 's' }, { "state", 1, NULL, 'd' }, { 0 }
        };
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
                switch (c) {
                case 'g': g->file = optarg; break;
                case 's': g->socket = optarg; break;
                case 'd': g->state = optarg; break;
                default: return false;
                }
        return g->file != NULL;
}

/* One guard a change. */
static bool lock(const struct guard *g)
{
        char path[600];
        snprintf(path, sizeof path, "%s.lock", g->base);
        int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0; /* held until the end */
}

int rv_guard_main(int argc, char **argv)
{
        struct guard g = { .fd = -1 };
        char path[600];
        sigemptyset(&g.ended);
        sigaddset(&g.ended, SIGTERM);
        sigprocmask(SIG_BLOCK, &g.ended, NULL);
        signal(SIGHUP, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        rv_log_start("reeve-guard", RV_LOG_INFO);
        if (!options(&g, argc, argv))
                return 2;
        snprintf(g.base, sizeof g.base, "%s", g.file);
        char *dot = strrchr(g.base, '.');
        bool reverting = dot && strcmp(dot, ".reverting") == 0;
        if (dot)
                *dot = 0;
        if (!dot || !lock(&g) || !(g.j = json_load_file(g.file, 0, NULL))) {
                say("it is guarded already, or its file cannot be read");
                return 1;
        }
        fcntl(3, F_SETFD, FD_CLOEXEC);
        const char *wrong = json_object_get(g.j, "Before") ? NULL : note(&g);
        say(wrong ? wrong : "ok");
        if (!wrong && (reverting || wait_for_it(&g)))
                put_back(&g);
        snprintf(path, sizeof path, "%s.lock", g.base);
        unlink(path);
        return wrong != NULL;
}
