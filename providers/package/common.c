/* SPDX-License-Identifier: MIT
 *
 * What the package managers' backends share.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "providers/lib/tool.h"
#include "providers/package/backend.h"

/* Lines "??5?????? c /etc/x" and "missing   /usr/x". */
static void keep_paths(char *text)
{
        char *to = text, *end = text + strlen(text);
        for (char *line = text, *next; *line; line = next) {
                size_t n = strcspn(line, "\n");
                next = line + n + (line[n] == '\n');
                char *path = memchr(line, '/', n);
                if (!path)
                        continue;
                size_t rest = (size_t)(line + n - path);
                memmove(to, path, rest);
                to += rest;
                if (to < end) /* else it was all path, and the last line */
                        *to++ = '\n';
        }
        *to = 0;
}

int rv_package_verify(struct rv_call *c, const struct rv_package_target *t, const char *const *argv, char **ret,
                      struct rv_error *err)
{
        struct rv_tool_said said;
        char what[500];
        snprintf(what, sizeof what, "verify the package %.400s", t->name);
        struct rv_tool tool = { .argv = argv, .what = what, .deadline = c->deadline, .most = 16 << 20 };
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        if (said.status != 0 && !said.n) {
                e = rv_tool_fail(err, RV_FAILED, &tool, &said);
                rv_tool_free(&said);
                return e;
        }
        keep_paths(said.text);
        *ret = said.text;
        return RV_OK;
}

const char *rv_package_spec(struct rv_call *c, const char *name, const char *separator, const char *version)
{
        size_t room = strlen(name) + strlen(separator) + strlen(version) + 1;
        char *text = rv_arena_get(c->arena, room);
        if (text)
                snprintf(text, room, "%s%s%s", name, separator, version);
        return text;
}

bool rv_package_fits(const struct rv_query *q, unsigned property, const char *s, size_t n)
{
        const struct rv_arg *want = rv_equals(q, property);
        return !want || (s && want->len == n && strncasecmp(want->s, s, n) == 0);
}

bool rv_package_alnum(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Some lines as one: "unable to select packages: plum-1.0-r0: conflicts: pear-1.0-r0". */
static void join(const char *s, char *to, size_t size)
{
        size_t n = 0;
        for (int lines = 0; *s && lines < 4; lines++) {
                s += strspn(s, " \n");
                size_t k = strcspn(s, "\n");
                if (n + k + 3 > size)
                        break;
                if (n) /* a list or a sentence of its own */
                        n += (size_t)sprintf(to + n, "%s", to[n - 1] == ':' ? " " : "; ");
                memcpy(to + n, s, k);
                n += k;
                s += k;
        }
        to[n] = 0;
}

/* Its own words after the mark, where it has one; the end of what it said, where it complained of nothing. */
int rv_package_refused(const struct rv_package_run *run, const struct rv_tool_said *said, struct rv_error *err)
{
        char text[400];
        const char *words = run->mark ? strstr(said->complaint, run->mark) : NULL;
        const struct rv_package_outcome *o = run->outcomes;
        while (o->says && !strstr(said->complaint, o->says))
                o++;
        int status = o->says ? o->status : RV_FAILED;
        if (!words && !*said->complaint && said->n) {
                size_t end = said->n;
                while (end && said->text[end - 1] == '\n')
                        said->text[--end] = 0;
                words = strrchr(said->text, '\n');
                words = words ? words + 1 : said->text;
        } else
                words = words ? words + strlen(run->mark) : strrchr(said->complaint, '\n');
        join(words ? words : said->complaint, text, sizeof text);
        rv_fail(err, status, "cannot %s: %s", run->what, *text ? text : "its tool failed without a word");
        if (err && status == RV_UNAVAILABLE)
                err->retryable = true;
        if (o->says)
                rv_hint(err, "%s", o->hint);
        return status;
}

int rv_package_run(const struct rv_package_run *run, struct rv_tool_said *ret, struct rv_error *err)
{
        struct rv_tool tool = { .argv = run->argv,
                                .what = run->what,
                                .env = run->env,
                                .deadline = run->deadline,
                                .most = 16 << 20,
                                .line = run->line,
                                .state = run->state,
                                .finish = run->change };
        int e = rv_tool_run(&tool, ret, err);
        if (e == RV_OK && ret->status != 0 && !(run->well && run->well(ret->status))) {
                e = rv_package_refused(run, ret, err);
                rv_tool_free(ret);
        }
        return e;
}

int rv_package_do(const struct rv_package_run *run, struct rv_error *err)
{
        struct rv_tool_said said;
        int e = rv_package_run(run, &said, err);
        if (e == RV_OK)
                rv_tool_free(&said);
        return e;
}
