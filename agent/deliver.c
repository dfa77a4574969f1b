/* SPDX-License-Identifier: MIT
 *
 * reeve-agent --deliver: the process that does what a consumer says, once or for a few events, and ends. It reads from
 * its standard input who it is to be, what to do and the events, becomes that user, and only then touches anything:
 * what the kernel does not let the user do fails. On its standard output it says how many events are done, on its
 * standard error why no more; a command or script takes its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/permanent.h"

enum { AGENT_FD = 3, ANSWER = 1 << 20, ENV_MOST = 120000 };

static unsigned done; /* events that are delivered */

/* Says how far it came, and why no further. */
static _Noreturn void give_up(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void give_up(const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        dprintf(1, "%u\n", done);
        vdprintf(2, fmt, ap);
        va_end(ap);
        _exit(1);
}

static const char *text_of(const json_t *j, const char *name)
{
        return json_string_value(json_object_get(j, name));
}

static long long number_of(const json_t *j, const char *name, long long otherwise)
{
        const json_t *v = json_object_get(j, name);
        return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

/* ---- values of the event in texts ---- */

/* "TargetInstance.Name" of an event, in its indication or, if it is not there, in the notification itself. */
static json_t *look(const json_t *event, const char *path, size_t n)
{
        json_t *at = json_object_get(event, "Indication");
        const char *end = path + n;
        for (int twice = 0; twice < 2; twice++) {
                json_t *j = twice ? (json_t *)event : at;
                for (const char *p = path; j && p < end;) {
                        size_t len = strcspn(p, ".%");
                        char name[128];
                        snprintf(name, sizeof name, "%.*s", (int)(len < 127 ? len : 127), p);
                        j = json_object_get(j, name);
                        p += len + 1;
                }
                if (j)
                        return j;
        }
        return NULL;
}

/* Length of "%A.B%" here; 0: it is none. */
static size_t is_place(const char *s)
{
        size_t n = 1 + strspn(s + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.");
        return *s == '%' && n > 1 && s[n] == '%' && s[1] != '.' ? n + 1 : 0;
}

static void put_value(struct rv_buf *b, const json_t *v)
{
        if (json_is_string(v)) {
                rv_buf_puts(b, json_string_value(v));
        } else if (v && !json_is_null(v)) {
                char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
                rv_buf_puts(b, text ? text : "");
                free(text);
        }
}

/* A text with its places filled; %% is a percent sign. Allocated. */
static char *expand(const char *s, const json_t *event)
{
        struct rv_buf b = { 0 };
        while (*s) {
                size_t n = is_place(s);
                if (n) {
                        put_value(&b, look(event, s + 1, n - 2));
                        s += n;
                } else {
                        rv_buf_put(&b, s, 1);
                        s += s[0] == '%' && s[1] == '%' ? 2 : 1;
                }
        }
        rv_buf_put(&b, "", 1);
        if (b.failed)
                give_up("out of memory");
        return b.data;
}

/* The same in all texts of a document; one that is a place alone gets the value as it is. */
static json_t *expand_all(const json_t *j, const json_t *event)
{
        json_t *to, *v;
        const char *name;
        size_t i;
        if (json_is_string(j)) {
                const char *s = json_string_value(j);
                size_t n = is_place(s);
                if (n && !s[n]) {
                        json_t *value = look(event, s + 1, n - 2);
                        return value ? json_deep_copy(value) : json_null();
                }
                char *text = expand(s, event);
                to = json_string(text);
                free(text);
                return to;
        }
        if (json_is_object(j)) {
                to = json_object();
                json_object_foreach((json_t *)j, name, v) json_object_set_new(to, name, expand_all(v, event));
                return to;
        }
        if (json_is_array(j)) {
                to = json_array();
                json_array_foreach(j, i, v) json_array_append_new(to, expand_all(v, event));
                return to;
        }
        return json_deep_copy(j);
}

/* One line: what could end it is written out. */
static char *line_of(const char *template, const json_t *event)
{
        struct rv_buf b = { 0 };
        char *text = template ? expand(template, event) : json_dumps(event, JSON_COMPACT);
        for (const char *c = text ? text : ""; *c; c++)
                if ((unsigned char)*c < ' ' || *c == 127)
                        rv_buf_putf(&b, "\\x%02x", (unsigned char)*c);
                else
                        rv_buf_put(&b, c, 1);
        rv_buf_put(&b, "", 1);
        free(text);
        if (b.failed || !text)
                give_up("out of memory");
        return b.data;
}

/* ---- who ---- */

static void become(const json_t *job)
{
        uid_t uid = (uid_t)number_of(job, "Uid", -1);
        gid_t gid = (gid_t)number_of(job, "Gid", -1), groups[64];
        const json_t *list = json_object_get(job, "Groups");
        size_t n = json_array_size(list);
        if (uid == (uid_t)-1 || gid == (gid_t)-1)
                give_up("it is not said who it is for");
        for (size_t i = 0; i < n && i < 64; i++)
                groups[i] = (gid_t)json_integer_value(json_array_get(list, i));
        if (geteuid() == 0 && (setgroups(n < 64 ? n : 64, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
                               setresuid(uid, uid, uid) < 0))
                give_up("cannot become %s: %s", text_of(job, "User"), strerror(errno));
        if (geteuid() != uid || getuid() != uid)
                give_up("cannot become %s: this agent does not run as root", text_of(job, "User"));
        umask(077);
}

/* ---- journal ---- */

static void field(struct rv_buf *b, const char *name, const char *value)
{
        rv_buf_putf(b, "%s=%s\n", name, value);
}

static int to_journal(int fd, const struct sockaddr_un *to, const json_t *job, const json_t *event,
                      const char *message)
{
        const json_t *c = json_object_get(job, "Consumer");
        struct rv_buf b = { 0 };
        char number[32];
        const char *identifier = text_of(c, "Identifier");
        char *own = line_of(identifier ? identifier : "reeve", event), *whole = line_of(NULL, event);
        field(&b, "MESSAGE", message);
        snprintf(number, sizeof number, "%lld", number_of(c, "Priority", LOG_NOTICE));
        field(&b, "PRIORITY", number);
        field(&b, "SYSLOG_IDENTIFIER", own);
        field(&b, "REEVE_SUBSCRIPTION", text_of(job, "Subscription"));
        snprintf(number, sizeof number, "%lld", number_of(event, "Sequence", 0));
        field(&b, "REEVE_SEQUENCE", number);
        if (strlen(whole) < 65536)
                field(&b, "REEVE_EVENT", whole);
        ssize_t r =
                b.failed ? -1
                         : sendto(fd, b.data, b.len, MSG_NOSIGNAL, (const struct sockaddr *)to, sizeof *to);
        int e = errno;
        rv_buf_free(&b);
        free(own);
        free(whole);
        errno = e;
        return r < 0 ? -1 : 0;
}

static int to_syslog(int fd, const struct sockaddr_un *to, const json_t *job, const json_t *event,
                     const char *message)
{
        const json_t *c = json_object_get(job, "Consumer");
        const char *identifier = text_of(c, "Identifier");
        char *own = line_of(identifier ? identifier : "reeve", event);
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "<%lld>%s[%d]: %s", LOG_DAEMON | number_of(c, "Priority", LOG_NOTICE), own,
                    (int)getpid(), message);
        ssize_t r =
                b.failed ? -1
                         : sendto(fd, b.data, b.len, MSG_NOSIGNAL, (const struct sockaddr *)to, sizeof *to);
        int e = errno;
        rv_buf_free(&b);
        free(own);
        errno = e;
        return r < 0 ? -1 : 0;
}

static void journal(const json_t *job)
{
        const json_t *events = json_object_get(job, "Events"), *event;
        struct sockaddr_un journald = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" },
                           syslogd = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const char *template = text_of(json_object_get(job, "Consumer"), "Message");
        size_t i;
        json_array_foreach(events, i, event)
        {
                char *message = line_of(json_object_get(event, "Indication") ? template : NULL, event);
                if (to_journal(fd, &journald, job, event, message) < 0 &&
                    to_syslog(fd, &syslogd, job, event, message) < 0)
                        give_up("neither the journal nor syslog takes it: %s", strerror(errno));
                free(message);
                done++;
        }
}

/* ---- log file ---- */

/* The folder, and the file's name in it. With roles the path must be what it seems: no link on the way. */
static int open_folder(const json_t *job, const char **ret_name)
{
        const char *path = text_of(json_object_get(job, "Consumer"), "Filename"),
                   *slash = path ? strrchr(path, '/') : NULL;
        char folder[4096];
        if (!slash || !slash[1])
                give_up("'%.100s' is no absolute path of a file", path ? path : "");
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
        struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                .resolve = json_is_true(json_object_get(job, "Limited")) ? RESOLVE_NO_SYMLINKS
                                                                                         : 0 };
        int fd = (int)syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof how);
        if (fd < 0)
                give_up("cannot enter %.200s: %s", folder, strerror(errno));
        *ret_name = slash + 1;
        return fd;
}

static int open_file(int folder, const char *name)
{
        struct stat st;
        int fd = openat(folder, name,
                        O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
        if (fd < 0)
                give_up("cannot write %.200s: %s", name, strerror(errno));
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                give_up("%.200s is no ordinary file", name);
        return fd;
}

static void put_aside(int folder, const char *name, long long files)
{
        char from[300], to[300];
        if (files <= 0) {
                unlinkat(folder, name, 0);
                return;
        }
        for (long long i = files; i > 1; i--) {
                snprintf(from, sizeof from, "%.250s.%lld", name, i - 1);
                snprintf(to, sizeof to, "%.250s.%lld", name, i);
                renameat(folder, from, folder, to);
        }
        snprintf(to, sizeof to, "%.250s.1", name);
        if (renameat(folder, name, folder, to) < 0)
                give_up("cannot put %.200s aside: %s", name, strerror(errno));
}

static void write_line(int fd, const char *text)
{
        struct rv_buf b = { 0 };
        rv_buf_puts(&b, text);
        rv_buf_put(&b, "\n", 1);
        if (b.failed)
                give_up("out of memory");
        for (size_t at = 0; at < b.len;) {
                ssize_t n = write(fd, b.data + at, b.len - at);
                if (n < 0)
                        give_up("cannot write: %s", strerror(errno));
                at += (size_t)n;
        }
        rv_buf_free(&b);
}

static void log_file(const json_t *job)
{
        const json_t *c = json_object_get(job, "Consumer"), *events = json_object_get(job, "Events"), *event;
        const char *template = text_of(c, "Text"), *name;
        int folder = open_folder(job, &name), fd = open_file(folder, name);
        struct stat st;
        size_t i;
        json_array_foreach(events, i, event)
        {
                char *line = line_of(json_object_get(event, "Indication") ? template : NULL, event);
                if (fstat(fd, &st) == 0 && st.st_size &&
                    st.st_size + (long long)strlen(line) + 1 > number_of(c, "MaximumFileSize", 10 << 20)) {
                        if (fdatasync(fd) < 0)
                                give_up("cannot write %.200s: %s", name, strerror(errno));
                        close(fd);
                        put_aside(folder, name, number_of(c, "MaximumFiles", 3));
                        fd = open_file(folder, name);
                }
                write_line(fd, line);
                free(line);
                done++;
        }
        if (fdatasync(fd) < 0) {
                done = 0; /* written, but who knows whether it stays: again rather than not at all */
                give_up("cannot write %.200s: %s", name, strerror(errno));
        }
}

/* ---- programs ---- */

/* The event as standard input and environment, and where the user is at home. */
static void furnish(const json_t *job, const json_t *event)
{
        char *text = json_dumps(event, JSON_COMPACT), number[32];
        int fd = memfd_create("event", 0);
        struct passwd *pw = getpwuid(getuid());
        size_t n = text ? strlen(text) : 0;
        if (!text || fd < 0 || write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0 ||
            dup2(fd, 0) < 0)
                give_up("cannot hand the event over: %s", strerror(errno));
        close(fd);
        if (n < ENV_MOST)
                setenv("REEVE_EVENT", text, 1);
        snprintf(number, sizeof number, "%lld", number_of(event, "Sequence", 0));
        setenv("REEVE_SEQUENCE", number, 1);
        setenv("REEVE_SUBSCRIPTION", text_of(job, "Subscription"), 1);
        setenv("USER", text_of(job, "User"), 1);
        setenv("LOGNAME", text_of(job, "User"), 1);
        setenv("HOME", pw && pw->pw_dir && *pw->pw_dir ? pw->pw_dir : "/", 1);
        free(text);
}

/* Takes this process' place. Its output is nobody's. */
static _Noreturn void become_program(char *const *argv)
{
        int null = open("/dev/null", O_WRONLY);
        if (null < 0 || dup2(null, 1) < 0)
                give_up("cannot open /dev/null: %s", strerror(errno));
        signal(SIGPIPE, SIG_DFL);
        execvp(argv[0], argv);
        dprintf(2, "cannot run %s: %s", argv[0], strerror(errno));
        _exit(127);
}

/* The shell that the agent was told of ($REEVE_SHELL), the one beside it, or the one that is installed. */
static _Noreturn void become_reeve(const json_t *job, const char *script)
{
        static char path[4200];
        char own[4096];
        ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
        own[n > 0 ? n : 0] = 0;
        char *slash = strrchr(own, '/');
        if (slash)
                *slash = 0;
        snprintf(path, sizeof path, "%s/reeve", own);
        if (text_of(job, "Shell"))
                snprintf(path, sizeof path, "%s", text_of(job, "Shell"));
        else if (!slash || access(path, X_OK) < 0)
                snprintf(path, sizeof path, "reeve");
        setenv("REEVE_AGENT_FD", "3", 1);
        char *argv[] = { path, "-NoProfile", "-NonInteractive", "-Command", (char *)script, NULL };
        become_program(argv);
}

static void quote(struct rv_buf *b, const char *s)
{
        rv_buf_puts(b, "'");
        for (; *s; s++)
                rv_buf_put(b, *s == '\'' ? "''" : s, *s == '\'' ? 2 : 1);
        rv_buf_puts(b, "'");
}

/* Where roles hold, the shell runs it: it knows which programs and files they allow. */
static void command(const json_t *job, const json_t *event)
{
        const json_t *list = json_object_get(json_object_get(job, "Consumer"), "Command"), *word;
        size_t i, n = json_array_size(list);
        char **argv = calloc(n + 1, sizeof *argv);
        if (!argv || !n)
                give_up("there is no command");
        json_array_foreach(list, i, word) argv[i] =
                expand(json_string_value(word) ? json_string_value(word) : "", event);
        furnish(job, event);
        if (!json_is_true(json_object_get(job, "Limited")))
                become_program(argv);
        struct rv_buf b = { 0 };
        rv_buf_puts(&b, "& ");
        for (i = 0; i < n; i++) {
                quote(&b, argv[i]);
                rv_buf_puts(&b, " ");
        }
        rv_buf_put(&b, "", 1);
        become_reeve(job, b.data);
}

/* $Event and $EventArgs as Register-CimIndicationEvent's actions have them. */
static void script(const json_t *job, const json_t *event)
{
        json_t *args =
                json_pack("{s:O?, s:O?, s:O?, s:O?}", "NewEvent", json_object_get(event, "Indication"),
                          "Sequence", json_object_get(event, "Sequence"), "Kind",
                          json_object_get(event, "Kind"), "Suppressed", json_object_get(event, "Suppressed"));
        json_t *all = json_pack("{s:s, s:O?, s:O}", "SourceIdentifier", text_of(job, "Subscription"),
                                "TimeGenerated", json_object_get(event, "Time"), "SourceEventArgs", args);
        char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
        struct rv_buf b = { 0 };
        if (!text)
                give_up("out of memory");
        rv_buf_puts(&b, "$Event = ConvertFrom-Json ");
        quote(&b, text);
        rv_buf_puts(&b, "\n$EventArgs = $Event.SourceEventArgs\n");
        rv_buf_puts(&b, text_of(json_object_get(job, "Consumer"), "ScriptText"));
        rv_buf_put(&b, "", 1);
        if (b.failed)
                give_up("out of memory");
        furnish(job, event);
        become_reeve(job, b.data);
}

/* ---- JSON-RPC ---- */

/* Reads up to the end of a line, or of all. Allocated. */
static char *read_answer(int fd, bool line)
{
        struct rv_buf b = { .max = ANSWER };
        char room[4096];
        for (;;) {
                ssize_t n = read(fd, room, sizeof room);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        give_up("no answer: %s", strerror(errno));
                if (!n)
                        break;
                rv_buf_put(&b, room, (size_t)n);
                if (b.failed)
                        give_up("the answer is too long");
                if (line && memchr(room, '\n', (size_t)n))
                        break;
        }
        rv_buf_put(&b, "", 1);
        return b.data;
}

static void write_all(int fd, const char *s, size_t n)
{
        while (n) {
                ssize_t w = send(fd, s, n, MSG_NOSIGNAL);
                if (w < 0 && errno != EINTR)
                        give_up("cannot send: %s", strerror(errno));
                s += w > 0 ? w : 0;
                n -= w > 0 ? (size_t)w : 0;
        }
}

/* Gives up unless it is a result. */
static void check_answer(const char *text, const json_t *event)
{
        json_t *j = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL), *e = json_object_get(j, "error");
        if (!*text)
                give_up("the connection was closed without an answer");
        if (!json_is_object(j))
                give_up("the answer is no JSON-RPC: %.60s", text);
        if (e) {
                char *message = line_of(text_of(e, "message") ? "%message%" : NULL, e);
                give_up("it was refused: %.200s", message);
        }
        if (!json_object_get(j, "result") || number_of(j, "id", -1) != number_of(event, "Sequence", 0))
                give_up("the answer has no result");
        json_decref(j);
}

static char *request(const char *method, const json_t *event, json_t *params)
{
        json_t *j =
                json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id",
                          (json_int_t)number_of(event, "Sequence", 0), "method", method, "params", params);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        if (!text)
                give_up("out of memory");
        return text;
}

static int connect_unix(const char *path)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (strlen(path) >= sizeof a.sun_path)
                give_up("the path of the socket is too long");
        memcpy(a.sun_path, path, strlen(path));
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
                give_up("cannot connect to %s: %s", path, strerror(errno));
        return fd;
}

static int connect_tcp(const char *host, const char *port)
{
        struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *list = NULL;
        int r = getaddrinfo(host, port, &want, &list), fd = -1;
        if (r)
                give_up("cannot find %s: %s", host, gai_strerror(r));
        for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
                fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
                if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
                        int e = errno;
                        close(fd);
                        fd = -1;
                        errno = e;
                }
        }
        freeaddrinfo(list);
        if (fd < 0)
                give_up("cannot connect to %s port %s: %s", host, port, strerror(errno));
        return fd;
}

static void split(const char *target, char *host, char *port, size_t size, const char **path)
{
        const char *start = target + 7;
        size_t n = strcspn(start, "/");
        const char *close = *start == '[' ? memchr(start, ']', n) : NULL, *from = close ? close : start,
                   *colon = memchr(from, ':', n - (size_t)(from - start));
        size_t len = colon ? (size_t)(colon - start) : n;
        snprintf(host, size, "%.*s", close ? (int)(close - start - 1) : (int)len, close ? start + 1 : start);
        snprintf(port, size, "%.*s", colon ? (int)(n - len - 1) : 2, colon ? colon + 1 : "80");
        *path = start[n] ? start + n : "/";
}

static void post(const char *target, const char *body, const json_t *event)
{
        char host[300], port[300];
        const char *path;
        split(target, host, port, sizeof host, &path);
        struct rv_buf b = { 0 };
        int fd = connect_tcp(host, port), status = 0;
        bool v6 = strchr(host, ':');
        rv_buf_putf(&b,
                    "POST %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nContent-Type: "
                    "application/json\r\nContent-Length: %zu\r\n"
                    "Connection: close\r\n\r\n",
                    path, v6 ? "[" : "", host, v6 ? "]" : "", port, strlen(body));
        rv_buf_puts(&b, body);
        if (b.failed)
                give_up("out of memory");
        write_all(fd, b.data, b.len);
        rv_buf_free(&b);
        char *answer = read_answer(fd, false), *end = strstr(answer, "\r\n\r\n");
        if (sscanf(answer, "HTTP/1.%*d %d", &status) != 1 || !end)
                give_up("the answer is no HTTP: %.60s", answer);
        if (status < 200 || status > 299)
                give_up("HTTP status %d", status);
        char *json = strchr(end + 4, '{'); /* behind a chunk's length, if there is one */
        check_answer(json ? json : end + 4, event);
        free(answer);
        close(fd);
}

static void rpc(const json_t *job)
{
        const json_t *c = json_object_get(job, "Consumer"), *events = json_object_get(job, "Events"), *event;
        const char *target = text_of(c, "Target"), *method = text_of(c, "MethodName");
        bool socket = target && strncmp(target, "unix:", 5) == 0;
        int fd = socket ? connect_unix(target + 5) : -1;
        size_t i;
        json_array_foreach(events, i, event)
        {
                char *text = request(method ? method : "Indication", event, json_deep_copy(event));
                if (socket) {
                        write_all(fd, text, strlen(text));
                        write_all(fd, "\n", 1);
                        char *answer = read_answer(fd, true);
                        check_answer(answer, event);
                        free(answer);
                } else {
                        post(target, text, event);
                }
                free(text);
                done++;
        }
}

static json_t *document(const json_t *c, const char *name, const json_t *event)
{
        const char *text = text_of(c, name);
        json_t *j = text ? json_loads(text, 0, NULL) : NULL, *to = j ? expand_all(j, event) : json_object();
        json_decref(j);
        return to;
}

static void method(const json_t *job)
{
        const json_t *c = json_object_get(job, "Consumer"), *events = json_object_get(job, "Events"), *event;
        size_t i;
        json_array_foreach(events, i, event)
        {
                json_t *params = json_pack("{s:s, s:s, s:o}", "ClassName", text_of(c, "ClassName"),
                                           "MethodName", text_of(c, "MethodName"), "InParameters",
                                           document(c, "InParameters", event));
                if (text_of(c, "InstanceName"))
                        json_object_set_new(params, "InstanceName", document(c, "InstanceName", event));
                char *text = request("InvokeMethod", event, params);
                write_all(AGENT_FD, text, strlen(text));
                write_all(AGENT_FD, "\n", 1);
                char *answer = read_answer(AGENT_FD, true);
                check_answer(answer, event);
                json_t *j = json_loads(answer, JSON_DISABLE_EOF_CHECK, NULL);
                long long value = number_of(json_object_get(j, "result"), "ReturnValue", 0);
                if (value)
                        give_up("%s.%s answered %lld", text_of(c, "ClassName"), text_of(c, "MethodName"),
                                value);
                json_decref(j);
                free(answer);
                free(text);
                done++;
        }
}

/* ---- all ---- */

static json_t *read_job(void)
{
        json_t *j = json_loadf(stdin, 0, NULL);
        if (!j)
                give_up("what to do was not said");
        return j;
}

void rv_deliver_main(void)
{
        signal(SIGPIPE, SIG_IGN);
        json_t *job = read_job();
        const char *kind = text_of(job, "Kind");
        const json_t *first = json_array_get(json_object_get(job, "Events"), 0);
        prctl(PR_SET_DUMPABLE, 0);
        setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
        if (nice(5) < 0 && errno) /* many events are no reason for the host to be slow */
                errno = 0;
        become(job);
        if (!kind || !first)
                give_up("there is nothing to do");
        if (strcmp(kind, "JournalEventConsumer") == 0)
                journal(job);
        else if (strcmp(kind, "LogFileEventConsumer") == 0)
                log_file(job);
        else if (strcmp(kind, "CommandLineEventConsumer") == 0)
                command(job, first);
        else if (strcmp(kind, "ScriptEventConsumer") == 0)
                script(job, first);
        else if (strcmp(kind, "RpcEventConsumer") == 0)
                rpc(job);
        else if (strcmp(kind, "MethodEventConsumer") == 0)
                method(job);
        else
                give_up("'%s' is no consumer", kind);
        dprintf(1, "%u\n", done);
        _exit(0); /* what it has allocated ends with it */
}
