/* SPDX-License-Identifier: MIT */
#include "providers/lib/apt.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/tool.h"

enum { ARGV = 40, OUTPUT = 16 << 20 };

static const char *const environment[] = { "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none",
                                           "NEEDRESTART_SUSPEND=1", "DEBCONF_NONINTERACTIVE_SEEN=true",
                                           NULL };

bool rv_apt_is_name(const char *s, size_t n)
{
        bool colon = false;
        if (n < 2 || !(islower((unsigned char)s[0]) || isdigit((unsigned char)s[0])) || s[n - 1] == '-')
                return false;
        for (size_t i = 1; i < n; i++) {
                if (s[i] == ':' && !colon)
                        colon = true;
                else if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
                         (!s[i] || !strchr("+-.", s[i])))
                        return false;
        }
        return s[n - 1] != ':';
}

bool rv_apt_is_version(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && (!s[i] || !strchr(".+-:~", s[i])))
                        return false;
        return n > 0 && isalnum((unsigned char)s[0]);
}

/* ---- outcomes ---- */

static const struct {
        const char *says;
        int status;
        const char *hint;
} outcomes[] = {
        { "Unable to locate package", RV_NOT_FOUND,
          "Update-PackageUpdate fetches the lists of what there is." },
        { "has no installation candidate", RV_NOT_FOUND,
          "Update-PackageUpdate fetches the lists of what there is." },
        { " was not found", RV_NOT_FOUND, "Leave the version out for the newest one." },
        { "Could not get lock", RV_UNAVAILABLE,
          "Another program is changing packages: try again when it has ended." },
        { "Unable to acquire the dpkg", RV_UNAVAILABLE,
          "Another program is changing packages: try again when it has ended." },
        { "is another process using it", RV_UNAVAILABLE,
          "Another program is changing packages: try again when it has ended." },
        { "Packages need to be removed", RV_FAILED,
          "See what would go with -WhatIf -Force; Force accepts it." },
        { "without --allow-downgrades", RV_FAILED,
          "The version is older than the present one: Force accepts it." },
        { "Essential packages were removed", RV_FAILED, "The system would not work without it." },
        { "dpkg was interrupted", RV_FAILED, "Run dpkg --configure -a." },
        { "Unable to fetch", RV_UNAVAILABLE,
          "The archive cannot be reached, or the lists are old: Update-PackageUpdate." },
        { "Failed to fetch", RV_UNAVAILABLE, "The archive cannot be reached." },
        { "unmet dependencies", RV_FAILED, "What it needs cannot be installed." },
        { "held broken packages", RV_FAILED,
          "What it needs cannot be installed; held packages may be in the way." },
};

/* The first line of what it complained about that begins with E:, else the last. */
static int failed(const struct rv_tool *tool, const struct rv_tool_said *said, struct rv_error *err)
{
        const char *e =
                strncmp(said->complaint, "E: ", 3) == 0 ? said->complaint : strstr(said->complaint, "\nE: ");
        int status = RV_FAILED;
        const char *hint = NULL;
        for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes && !hint; i++)
                if (strstr(said->complaint, outcomes[i].says)) {
                        status = outcomes[i].status;
                        hint = outcomes[i].hint;
                }
        if (e) {
                e = strchr(e, ':') + 2;
                rv_fail(err, status, "cannot %s: %.*s", tool->what, (int)strcspn(e, "\n"), e);
        } else
                rv_tool_fail(err, status, tool, said);
        if (err && status == RV_UNAVAILABLE)
                err->retryable = true;
        if (hint)
                rv_hint(err, "%s", hint);
        return status;
}

/* A change under way: its steps are unpacking and setting up what comes, removing what goes. */
struct change {
        struct rv_call *c;
        const char *what;
        unsigned done, steps;
};

static void progress(void *state, const char *line, size_t n)
{
        static const char *const steps[] = { "Unpacking ", "Setting up ", "Removing ", "Purging configuration files " };
        struct change *ch = state;
        char text[200];
        bool step = false;
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
                step |= strncmp(line, steps[i], strlen(steps[i])) == 0;
        if (!step && strncmp(line, "Get:", 4) != 0)
                return;
        while (n && (line[n - 1] == '.' || line[n - 1] == ' '))
                n--;
        snprintf(text, sizeof text, "%.*s", (int)(n < 190 ? n : 190), line);
        ch->done += step && ch->done < ch->steps;
        /* What has begun is not done yet. */
        rv_progress(ch->c, ch->what, text, step ? (int)(100 * (ch->done - 1) / ch->steps) : -1);
}

/* change: NULL: how far it has come is not told. */
static int run(const char *const *argv, const char *what, uint64_t deadline, bool finish, struct change *change,
               struct rv_tool_said *said, struct rv_error *err)
{
        struct rv_tool tool = { .argv = argv,
                                .what = what,
                                .env = environment,
                                .deadline = deadline,
                                .most = OUTPUT,
                                .line = change ? progress : NULL,
                                .state = change,
                                .finish = finish };
        int e = rv_tool_run(&tool, said, err);
        if (e == RV_OK && said->status != 0) {
                e = failed(&tool, said, err);
                rv_tool_free(said);
        }
        return e;
}

/* ---- simulation ---- */

/* Cuts "[...]" or "(...)" at *at out of the line: what is inside, or NULL when *at is not its begin. */
static char *bracket(char **at, char open, char close)
{
        char *p = *at + strspn(*at, " "), *end = *p == open ? strchr(p, close) : NULL;
        if (!end)
                return NULL;
        *end = 0;
        *at = end + 1;
        return p + 1;
}

/* "Inst NAME[:ARCH] [FROM] (TO ORIGIN, ORIGIN [ARCH])", "Remv NAME [FROM]", "Purg NAME [FROM]". */
static bool parse(char *line, struct rv_apt_action *a)
{
        *a = (struct rv_apt_action) { .architecture = "", .origin = "" };
        if (strncmp(line, "Inst ", 5) != 0 && strncmp(line, "Remv ", 5) != 0 &&
            strncmp(line, "Purg ", 5) != 0)
                return false;
        a->remove = line[0] != 'I';
        char *name = line + 5, *at = name + strcspn(name, " ");
        if (*at)
                *at++ = 0;
        char *colon = strchr(name, ':');
        if (colon) {
                *colon = 0;
                a->architecture = colon + 1;
        }
        a->name = name;
        a->from = bracket(&at, '[', ']');
        at += strspn(at, " ");
        if (!a->remove && *at == '(') {
                char *to = at + 1, *arch = strrchr(to, '['), *rest;
                rest = to + strcspn(to, " )");
                if (arch) {
                        arch[strcspn(arch, "]")] = 0;
                        a->architecture = *a->architecture ? a->architecture : arch + 1;
                        for (char *p = arch; p > rest && (*p == '[' || *p == ' '); p--)
                                *p = 0;
                } else
                        rest[strcspn(rest, ")")] = 0;
                if (*rest)
                        *rest++ = 0;
                a->to = to;
                a->origin = rest + strspn(rest, " ");
        }
        return *name != 0;
}

static size_t fill_argv(const char **argv, bool simulate, const char *const *arguments)
{
        static const char *const options[] = { "apt-get",
                                               "-q",
                                               "-y",
                                               "-o",
                                               "APT::Cmd::Pattern-Only=true",
                                               "-o",
                                               "Dpkg::Options::=--force-confdef",
                                               "-o",
                                               "Dpkg::Options::=--force-confold" };
        size_t n = 0;
        for (; n < sizeof options / sizeof *options; n++)
                argv[n] = options[n];
        if (simulate)
                argv[n++] = "-s";
        for (size_t i = 0; arguments[i] && n + 1 < ARGV; i++)
                argv[n++] = arguments[i];
        argv[n] = NULL;
        return n;
}

int rv_apt_simulate(const char *const *arguments, const char *what, uint64_t deadline,
                    int (*each)(void *, const struct rv_apt_action *), void *state, struct rv_error *err)
{
        const char *argv[ARGV + 1];
        struct rv_tool_said said;
        fill_argv(argv, true, arguments);
        int e = run(argv, what, deadline, false, NULL, &said, err);
        if (e)
                return e;
        char *rest = said.text;
        for (char *line; e == RV_OK && (line = strsep(&rest, "\n"));) {
                struct rv_apt_action a;
                if (parse(line, &a))
                        e = each(state, &a);
        }
        rv_tool_free(&said);
        return e;
}

static int tell(void *state, const struct rv_apt_action *a)
{
        struct change *ch = state;
        ch->steps += a->remove ? 1 : 2;
        rv_change(ch->c, a->name, a->from, a->remove ? NULL : a->to);
        return RV_OK;
}

int rv_apt_do(struct rv_call *c, const char *const *arguments, const char *what, struct rv_error *err)
{
        const char *argv[ARGV + 1];
        struct rv_tool_said said;
        struct change ch = { .c = c, .what = what };
        int e = rv_apt_simulate(arguments, what, c->deadline, tell, &ch, err);
        if (e || c->what_if)
                return e;
        fill_argv(argv, false, arguments);
        e = run(argv, what, c->deadline, true, ch.steps ? &ch : NULL, &said, err);
        if (e == RV_OK)
                rv_tool_free(&said);
        return e;
}

int rv_apt_run(struct rv_call *c, const char *const *argv, const char *what, struct rv_error *err)
{
        struct rv_tool_said said;
        if (c->what_if)
                return RV_OK;
        int e = run(argv, what, c->deadline, true, NULL, &said, err);
        if (e == RV_OK)
                rv_tool_free(&said);
        return e;
}
