/* SPDX-License-Identifier: MIT
 *
 * See script.h. This is no shell: what is not a plain assignment or label is not understood, and then not known.
 */
#include "providers/service/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/lib/slurp.h"

enum { MOST = 1 << 20, DEEP = 3, PUT_IN = 8 /* variables in one value */ };

int rv_script_open(struct rv_script *ret, const char *path, const char *name)
{
        size_t n;
        if (access(path, X_OK) < 0)
                return -errno;
        *ret = (struct rv_script) { .text = rv_slurp(path, MOST, &n), .name = name };
        if (!ret->text)
                return -errno;
        if (strncmp(ret->text, "#!", 2) == 0)
                return 0;
        rv_script_close(ret);
        return -ENOEXEC;
}

void rv_script_close(struct rv_script *s)
{
        free(s->text);
        s->text = NULL;
}

static const char *next_line(const char *s)
{
        s += strcspn(s, "\n");
        return *s ? s + 1 : s;
}

bool rv_script_header(const struct rv_script *script, const char *word, char *ret, size_t size)
{
        const char *s = strstr(script->text, "### BEGIN INIT INFO");
        const char *end = s ? strstr(s, "### END INIT INFO") : NULL;
        size_t n = strlen(word);
        for (s = end ? next_line(s) : NULL; s && s < end; s = next_line(s)) {
                const char *at = s + (*s == '#');
                at += strspn(at, " \t");
                if (*s != '#' || strncasecmp(at, word, n) != 0 || at[n] != ':')
                        continue;
                at += n + 1;
                at += strspn(at, " \t");
                size_t m = strcspn(at, "\r\n");
                while (m && isspace((unsigned char)at[m - 1]))
                        m--;
                snprintf(ret, size, "%.*s", (int)(m < size ? m : size - 1), at);
                return m > 0;
        }
        return false;
}

static bool variable(const struct rv_script *, const char *name, size_t n, char *ret, size_t size, int deep);

/* $NAME, ${NAME}, ${NAME##*\/} at *s; moves s behind it. */
static bool expand(const struct rv_script *script, const char **s, char *ret, size_t size, int deep)
{
        char value[1024];
        const char *name = *s + 1, *after;
        bool brace = *name == '{', base = false;
        name += brace;
        size_t n = 0;
        while (isalnum((unsigned char)name[n]) || name[n] == '_')
                n++;
        after = name + n;
        if (brace && strncmp(after, "##*/", 4) == 0) {
                base = true;
                after += 4;
        }
        if (!n || (brace && *after++ != '}') || !variable(script, name, n, value, sizeof value, deep + 1))
                return false;
        const char *slash = strrchr(value, '/');
        size_t at = strlen(ret);
        snprintf(ret + at, size - at, "%s", base && slash ? slash + 1 : value);
        *s = after;
        return true;
}

/* The value that begins at s. */
static bool value_of(const struct rv_script *script, const char *s, char *ret, size_t size, int deep)
{
        char quote = 0;
        unsigned put_in = 0;
        ret[0] = 0;
        for (; *s && *s != '\n'; s++) {
                size_t at = strlen(ret);
                if (*s == '`' || (*s == '$' && s[1] == '('))
                        return false;
                if (*s == quote)
                        quote = 0;
                else if (!quote && (*s == '"' || *s == '\''))
                        quote = *s;
                else if (!quote && strchr(" \t;&|#", *s))
                        break;
                else if (*s == '$' && quote != '\'') {
                        if (++put_in > PUT_IN || !expand(script, &s, ret, size, deep))
                                return false;
                        s--;
                } else if (at + 1 < size) {
                        if (*s == '\\' && s[1] && s[1] != '\n' && quote != '\'')
                                s++;
                        ret[at] = *s;
                        ret[at + 1] = 0;
                }
        }
        return !quote;
}

static bool variable(const struct rv_script *script, const char *name, size_t n, char *ret, size_t size,
                     int deep)
{
        static const char own[] = "RC_SVCNAME", own_too[] = "SVCNAME";
        if (deep > DEEP)
                return false;
        if ((n == sizeof own - 1 && memcmp(name, own, n) == 0) ||
            (n == sizeof own_too - 1 && memcmp(name, own_too, n) == 0)) {
                snprintf(ret, size, "%s", script->name);
                return true;
        }
        for (const char *s = script->text; *s; s = next_line(s))
                if (strncmp(s, name, n) == 0 && s[n] == '=')
                        return value_of(script, s + n + 1, ret, size, deep);
        return false;
}

bool rv_script_variable(const struct rv_script *script, const char *name, char *ret, size_t size)
{
        return variable(script, name, strlen(name), ret, size, 0) && ret[0];
}

bool rv_script_offers(const struct rv_script *script, const char *verb)
{
        size_t n = strlen(verb);
        for (const char *s = script->text; (s = strstr(s, verb)); s += n) {
                char before = s == script->text ? '\n' : s[-1];
                const char *after = s + n + (s[n] == '"' || s[n] == '\'');
                after += strspn(after, " \t");
                if (strchr("\n \t|(\"'", before) && (*after == ')' || *after == '|'))
                        return true;
        }
        return false;
}

bool rv_script_is(const struct rv_script *script, const char *interpreter)
{
        const char *end = next_line(script->text), *at = strstr(script->text, interpreter);
        return at && at < end;
}

bool rv_script_mentions(const struct rv_script *script, const char *word)
{
        return strstr(script->text, word) != NULL;
}

/* "Required-Start" and the like; blanks between words become one. */
static void header_list(const struct rv_script *script, const char *word, char *ret, size_t size)
{
        char line[2048];
        if (!rv_script_header(script, word, line, sizeof line))
                return;
        for (const char *s = line; *(s += strspn(s, " \t")); s += strcspn(s, " \t"))
                rv_svc_word(ret, size, s, strcspn(s, " \t"));
}

static void find_log(const struct rv_script *script, const char *daemon, struct rv_svc *s)
{
        static const char *const variables[] = { "error_log", "output_log", "LOGFILE", "LOG" };
        static const char *const forms[] = { "/var/log/%s.log", "/var/log/%s/%s.log", "/var/log/%s/current" };
        static const char *const all[] = { "/var/log/syslog", "/var/log/messages", "/var/log/daemon.log" };
        const char *base = strrchr(daemon, '/');
        for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
                if (rv_script_variable(script, variables[i], s->log, sizeof s->log) &&
                    access(s->log, R_OK) == 0)
                        return;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                snprintf(s->log, sizeof s->log, forms[i], s->name, s->name);
                if (access(s->log, R_OK) == 0)
                        return;
        }
        snprintf(s->tag, sizeof s->tag, "%.60s", base ? base + 1 : s->name);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                snprintf(s->log, sizeof s->log, "%s", all[i]);
                if (access(s->log, R_OK) == 0)
                        return;
        }
        s->log[0] = 0;
}

/* A path that the script has as it is, after a word ("--exec /usr/sbin/sshd"); ending: what it must end with, or "". */
static bool literal(const struct rv_script *script, const char *word, const char *ending, char *ret,
                    size_t size)
{
        size_t m = strlen(ending);
        for (const char *s = script->text; (s = strstr(s, word)); s += strlen(word)) {
                const char *at = s + strlen(word);
                at += strspn(at, " \t=\"'");
                size_t n = strcspn(at, " \t\n\"';|&)");
                if (*at == '/' && n < size && n > m && !memchr(at, '$', n) &&
                    memcmp(at + n - m, ending, m) == 0) {
                        snprintf(ret, size, "%.*s", (int)n, at);
                        return true;
                }
        }
        return false;
}

/* The pid file: as the script has it, else /run/NAME.pid and /run/PROGRAM.pid when there is such a file. */
static void find_pidfile(const struct rv_script *script, const char *daemon, struct rv_svc *s)
{
        static const char *const variables[] = { "PIDFILE", "pidfile", "PID_FILE", "PIDPATH" };
        const char *base = strrchr(daemon, '/');
        for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
                if (rv_script_variable(script, variables[i], s->pidfile, sizeof s->pidfile)) {
                        if (strcmp(s->pidfile, "none") == 0)
                                break;
                        return;
                }
        if (literal(script, "--pidfile", ".pid", s->pidfile, sizeof s->pidfile) ||
            literal(script, " -p ", ".pid", s->pidfile, sizeof s->pidfile))
                return;
        snprintf(s->pidfile, sizeof s->pidfile, "/run/%s.pid", s->name);
        if (access(s->pidfile, F_OK) == 0)
                return;
        if (base) {
                snprintf(s->pidfile, sizeof s->pidfile, "/run/%.200s.pid", base + 1);
                if (access(s->pidfile, F_OK) == 0 || rv_script_is(script, "init-d-script"))
                        return;
        }
        s->pidfile[0] = 0;
}

void rv_script_fill(const struct rv_script *script, unsigned want, struct rv_svc *s)
{
        static const char *const programs[] = { "DAEMON", "command", "daemon", "EXEC", "exec", "PROG" };
        static const char *const arguments[] = { "DAEMON_ARGS", "command_args", "DAEMON_OPTS", "ARGS" };
        char daemon[512] = "", args[480] = "";
        if (!rv_script_header(script, "Short-Description", s->display, sizeof s->display) &&
            !rv_script_variable(script, "description", s->display, sizeof s->display))
                rv_script_variable(script, "DESC", s->display, sizeof s->display);
        for (size_t i = 0; i < sizeof programs / sizeof *programs && daemon[0] != '/'; i++)
                if (!rv_script_variable(script, programs[i], daemon, sizeof daemon) || daemon[0] != '/')
                        daemon[0] = 0;
        if (!daemon[0] && !literal(script, "--exec", "", daemon, sizeof daemon))
                literal(script, "--startas", "", daemon, sizeof daemon);
        for (size_t i = 0; i < sizeof arguments / sizeof *arguments && !args[0]; i++)
                if (!rv_script_variable(script, arguments[i], args, sizeof args))
                        args[0] = 0;
        if (daemon[0])
                snprintf(s->command, sizeof s->command, "%s%s%s", daemon, args[0] ? " " : "", args);
        find_pidfile(script, daemon, s);
        s->process = daemon[0] || s->pidfile[0];
        s->can_reload = rv_script_offers(script, "reload");
        find_log(script, daemon, s);
        if (!(want & RV_SVC_WANT_LINKS))
                return;
        header_list(script, "Provides", s->provides, sizeof s->provides);
        header_list(script, "Required-Start", s->requires, sizeof s->requires);
        header_list(script, "Should-Start", s->wants, sizeof s->wants);
        header_list(script, "Required-Start", s->after, sizeof s->after);
        header_list(script, "Should-Start", s->after, sizeof s->after);
        header_list(script, "X-Start-Before", s->before, sizeof s->before);
}
