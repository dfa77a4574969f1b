/* SPDX-License-Identifier: MIT
 *
 * dnf, by which rpm's packages are changed. It has no words for programs: what a transaction would do is the table
 * that it shows before it asks, and --assumeno is the answer. A record begins with one blank; what is too long for
 * its column goes on in the next line, behind more blanks.
 *
 *      Installing:
 *       apple             noarch             1.0-1             fruit             6.3 k
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gen/PackageUpdate.h"
#include "providers/lib/fill.h"
#include "providers/lib/tool.h"
#include "providers/package/rpm.h"

static const char *const options[] = { "dnf", "--color=never" };

static const struct rv_package_outcome outcomes[] = {
        { "Unable to find a match", RV_NOT_FOUND,
          "Update-PackageUpdate fetches the lists of what there is." },
        { "No match for argument", RV_NOT_FOUND, "Update-PackageUpdate fetches the lists of what there is." },
        { "conflicts with", RV_FAILED, "See what would go with -WhatIf -Force; Force accepts it." },
        { "protected packages", RV_FAILED, "The system would not work without it." },
        { "nothing provides", RV_FAILED, "What it needs cannot be installed." },
        { "Failed to download metadata", RV_UNAVAILABLE, "The repository cannot be reached." },
        { "Cannot download", RV_UNAVAILABLE, "The repository cannot be reached, or its lists are old." },
        { "Error downloading packages", RV_UNAVAILABLE, "The repository cannot be reached." },
        { "Failed to obtain the transaction lock", RV_UNAVAILABLE,
          "Another program is changing packages: try again when it has ended." },
        { "can't create transaction lock", RV_UNAVAILABLE,
          "Another program is changing packages: try again when it has ended." },
        { "No such command: versionlock", RV_NOT_SUPPORTED,
          "Install the package that brings dnf's plugin versionlock: python3-dnf-plugin-versionlock." },
        { "GPG check FAILED", RV_FAILED, "The package is not signed by a key that this host trusts." },
        { NULL, 0, NULL }
};

/* ---- the table ---- */

enum kind { NONE, ADDED, REMOVED, CHANGED };
struct action {
        enum kind kind;
        const char *name, *arch, *version, *repository;
        bool upgrade;
};

static const struct {
        const char *title; /* of a part of the table; what it begins with */
        enum kind kind;
} parts[] = { { "Installing", ADDED },
              { "Upgrading", CHANGED },
              { "Downgrading", CHANGED },
              { "Removing", REMOVED },
              { "Removing dependent packages", REMOVED },
              { "Reinstalling", CHANGED } };

static enum kind part(const char *line)
{
        size_t n = strlen(line);
        if (!n || line[n - 1] != ':')
                return NONE;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                if (strncmp(line, parts[i].title, strlen(parts[i].title)) == 0)
                        return parts[i].kind;
        return NONE;
}

/* The words of a record, gathered from its lines. */
enum { WORDS = 4, RECORD = 1000 };
struct record {
        char text[RECORD];
        size_t n;
};

static void record_add(struct record *r, const char *line)
{
        int n = snprintf(r->text + r->n, sizeof r->text - r->n, "%s ", line);
        r->n = n < 0 || r->n + (size_t)n >= sizeof r->text ? sizeof r->text - 1 : r->n + (size_t)n;
}

static bool record_words(struct record *r, char *word[WORDS])
{
        char *rest = r->text;
        for (int i = 0; i < WORDS;)
                if (!(word[i] = strsep(&rest, " ")))
                        return false;
                else
                        i += *word[i] != 0;
        return true;
}

typedef int each_action(void *, const struct action *);

static int record_end(struct record *r, enum kind kind, bool upgrade, each_action *each, void *state)
{
        char *word[WORDS];
        bool whole = r->n && kind != NONE && record_words(r, word);
        r->n = 0;
        if (!whole)
                return RV_OK;
        struct action a = { kind, word[0], word[1], word[2], word[3], upgrade };
        return each(state, &a);
}

static int table(char *text, each_action *each, void *state)
{
        struct record r = { 0 };
        enum kind kind = NONE;
        bool upgrade = false;
        int e = RV_OK;
        for (char *rest = text, *line; e == RV_OK && (line = strsep(&rest, "\n"));) {
                size_t blanks = strspn(line, " ");
                if (blanks <= 1)
                        e = record_end(&r, kind, upgrade, each, state);
                if (blanks == 0) {
                        kind = part(line);
                        upgrade = strncmp(line, "Upgrading", 9) == 0;
                } else if (blanks == 1 && kind != NONE)
                        record_add(&r, line);
                else if (r.n && strncmp(line + blanks, "replacing ", 10) != 0)
                        record_add(&r, line);
        }
        return e == RV_OK ? record_end(&r, kind, upgrade, each, state) : e;
}

static bool no_is_well(int status)
{
        return status == 0 || status == 1;
}

static size_t fill_argv(const char **argv, const char *answer, const char *const *arguments)
{
        size_t n = 0;
        for (; n < sizeof options / sizeof *options; n++)
                argv[n] = options[n];
        argv[n++] = answer;
        for (size_t i = 0; i < RV_PACKAGE_ARGUMENTS && arguments[i]; i++)
                argv[n++] = arguments[i];
        argv[n] = NULL;
        return n;
}

enum { ARGV = RV_PACKAGE_ARGUMENTS + 6 };

/* It ends with 1 both when it was told "no" and when it could not work it out; only then it says "Error:". */
static int simulate(const char *const *arguments, const char *what, uint64_t deadline, each_action *each,
                    void *state, struct rv_error *err)
{
        const char *argv[ARGV];
        struct rv_tool_said said;
        fill_argv(argv, "--assumeno", arguments);
        struct rv_package_run run = { .argv = argv,
                                      .what = what,
                                      .outcomes = outcomes,
                                      .mark = "Error: ",
                                      .deadline = deadline,
                                      .well = no_is_well };
        int e = rv_package_run(&run, &said, err);
        if (e)
                return e;
        bool asked = said.status == 0 || strstr(said.complaint, "Operation aborted.");
        if (!asked)
                e = rv_package_refused(&run, &said, err);
        else
                e = table(said.text, each, state);
        rv_tool_free(&said);
        return e;
}

/* ---- changes ---- */

struct change {
        struct rv_call *c;
        const struct rv_package_order *o;
        struct rv_error *err;
        size_t n;
};

static int keep_version(void *state, const struct rv_rpm *p)
{
        char *to = state;
        if (!*to)
                snprintf(to, 200, "%s", p->version);
        return RV_OK;
}

static int tell(void *state, const struct action *a)
{
        struct change *ch = state;
        char now[200] = "";
        if (a->kind == REMOVED)
                snprintf(now, sizeof now, "%s", a->version);
        else if (a->kind == CHANGED)
                rv_rpm_each(&(struct rv_rpm_ask) { .name = a->name,
                                                   .each = keep_version,
                                                   .state = now,
                                                   .deadline = ch->c->deadline },
                            NULL);
        rv_change(ch->c, a->name, *now ? now : NULL, a->kind == REMOVED ? NULL : a->version);
        ch->n++;
        if (ch->o->verb == RV_PACKAGE_INSTALL && !ch->o->force &&
            (a->kind == REMOVED || (a->kind == CHANGED && !a->upgrade))) {
                rv_fail(ch->err, RV_FAILED, "cannot %s: %s %s would be %s", ch->o->what, a->name,
                        *now ? now : a->version,
                        a->kind == REMOVED ? "removed" : "replaced by an older version");
                return rv_hint(ch->err, "Force accepts it.");
        }
        return RV_OK;
}

/* "  Installing       : apple-1.0-1.noarch          1/2 ", "(1/3): apple.rpm   12 kB/s": as far as it has come. */
static void progress(void *state, const char *line, size_t n)
{
        struct change *ch = state;
        char status[200];
        unsigned at = 0, of = 0;
        const char *colon = strchr(line, ':'), *end = line + n;
        while (end > line && strchr(" \r", end[-1]))
                end--;
        const char *count = end;
        while (count > line && (isdigit((unsigned char)count[-1]) || count[-1] == '/'))
                count--;
        bool steps = line[0] == ' ' && colon && sscanf(count, "%u/%u", &at, &of) == 2 && of && at <= of;
        if (!steps && sscanf(line, "(%u/%u): ", &at, &of) != 2)
                return;
        const char *from = line + strspn(line, " "), *to = steps ? count : end;
        while (to > from && to[-1] == ' ')
                to--;
        snprintf(status, sizeof status, "%.*s", (int)(to - from < 190 ? to - from : 190), from);
        rv_progress(ch->c, ch->o->what, status, steps ? (int)(100ull * at / of) : -1);
}

static int run(struct rv_call *c, const struct rv_package_order *o, const char *const *arguments,
               struct rv_error *err)
{
        const char *argv[ARGV];
        struct change ch = { c, o, err, 0 };
        fill_argv(argv, "-y", arguments);
        return rv_package_do(&(struct rv_package_run) { .argv = argv,
                                                          .what = o->what,
                                                          .outcomes = outcomes,
                                                          .mark = "Error: ",
                                                          .deadline = c->deadline,
                                                          .change = true,
                                                          .line = progress,
                                                          .state = &ch },
                             err);
}

static int change(struct rv_call *c, const struct rv_package_order *o, const char *const *arguments,
                  struct rv_error *err)
{
        struct change ch = { c, o, err, 0 };
        int e = simulate(arguments, o->what, c->deadline, tell, &ch, err);
        return e || c->what_if || !ch.n ? e : run(c, o, arguments, err);
}

static int install(struct rv_call *c, const struct rv_package_order *o, struct rv_error *err)
{
        const char *arguments[RV_PACKAGE_NAMES + 5] = { "install" };
        size_t k = 1;
        if (o->force)
                arguments[k++] = "--allowerasing";
        if (o->no_recommends)
                arguments[k++] = "--setopt=install_weak_deps=False";
        for (size_t i = 0; i < o->n; i++) {
                arguments[k] = o->version ? rv_package_spec(c, o->names[i], "-", o->version) : o->names[i];
                if (!arguments[k++])
                        return -ENOMEM;
        }
        return change(c, o, arguments, err);
}

static int remove_one(struct rv_call *c, const struct rv_package_order *o, struct rv_error *err)
{
        const char *name = o->target->name;
        if (o->purge) {
                rv_about(err, NULL, NULL, "Purge");
                rv_fail(err, RV_NOT_SUPPORTED, "rpm keeps no configuration of packages that are gone");
                return rv_hint(err, "What was changed by hand stays beside its place, named .rpmsave.");
        }
        if (o->target->several) {
                rv_fail(err, RV_NOT_SUPPORTED, "the package %.200s is installed in several versions", name);
                return rv_hint(err, "dnf remove NAME-VERSION takes away one of them.");
        }
        return change(c, o,
                      (const char *[]) { "remove",
                                         o->auto_remove ? "--setopt=clean_requirements_on_remove=True"
                                                        : "--noautoremove",
                                         name, NULL },
                      err);
}

/* It answers 0 also where it found nothing to lock. */
static int lock(struct rv_call *c, const struct rv_package_order *o, const char *verb, struct rv_error *err)
{
        char name[sizeof o->target->name];
        snprintf(name, sizeof name, "%s", o->target->name);
        char *dot = strrchr(name, '.');
        if (dot)
                *dot = 0; /* it locks a package whatever its architecture */
        return c->what_if ? RV_OK : run(c, o, (const char *[]) { "versionlock", verb, name, NULL }, err);
}

int rv_dnf_order(struct rv_call *c, const struct rv_package_order *o, struct rv_error *err)
{
        switch (o->verb) {
        case RV_PACKAGE_INSTALL: return install(c, o, err);
        case RV_PACKAGE_REMOVE: return remove_one(c, o, err);
        case RV_PACKAGE_UPGRADE:
                return change(c, o, (const char *[]) { "upgrade", o->target->name, NULL }, err);
        case RV_PACKAGE_REINSTALL:
                return change(c, o, (const char *[]) { "reinstall", o->target->name, NULL }, err);
        case RV_PACKAGE_HOLD: return lock(c, o, "add", err);
        case RV_PACKAGE_UNHOLD: return lock(c, o, "delete", err);
        case RV_PACKAGE_SCAN:
                return c->what_if ? RV_OK
                                  : run(c, o,
                                        (const char *[]) { "--setopt=skip_if_unavailable=False", "makecache",
                                                           "--refresh", NULL },
                                        err);
        case RV_PACKAGE_APPLY:
                return change(c, o, (const char *[]) { "upgrade", o->full ? "--allowerasing" : NULL, NULL },
                              err);
        }
        return RV_NOT_SUPPORTED;
}

/* ---- updates ---- */

struct updates {
        const struct rv_query *q;
        struct rv_sink *out;
        struct rv_error *err;
        char *secure; /* " NAME.ARCH ..." of those with an advisory about security */
        size_t n;
};

static int note_secure(void *state, const struct action *a)
{
        struct updates *u = state;
        size_t room = strlen(a->name) + strlen(a->arch) + 4;
        char *more = a->upgrade ? realloc(u->secure, u->n + room) : NULL;
        if (!more)
                return RV_OK;
        u->secure = more;
        u->n += (size_t)snprintf(more + u->n, room, " %s.%s ", a->name, a->arch);
        return RV_OK;
}

static int emit_update(void *state, const struct action *a)
{
        struct updates *u = state;
        char now[200] = "", mark[400];
        const struct rv_arg *name = rv_equals(u->q, PackageUpdate_Name);
        if (!a->upgrade || (name && strcasecmp(name->s, a->name) != 0))
                return RV_OK;
        if (rv_asked(u->q, PackageUpdate_InstalledVersion))
                rv_rpm_each(&(struct rv_rpm_ask) { .name = a->name,
                                                   .each = keep_version,
                                                   .state = now,
                                                   .deadline = u->q->deadline },
                            NULL);
        struct rv_row *row = rv_row(u->out);
        rv_fill(row, PackageUpdate_Name, a->name);
        rv_fill(row, PackageUpdate_Architecture, a->arch);
        rv_fill(row, PackageUpdate_Version, a->version);
        rv_fill(row, PackageUpdate_InstalledVersion, now);
        rv_fill(row, PackageUpdate_Origin, a->repository);
        snprintf(mark, sizeof mark, " %s.%s ", a->name, a->arch);
        PackageUpdate_set_Security(row, u->secure && strstr(u->secure, mark));
        return rv_emit(u->out, row);
}

int rv_dnf_updates(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct updates u = { .q = q, .out = out, .err = err };
        int e = RV_OK;
        if (rv_asked(q, PackageUpdate_Security))
                e = simulate((const char *[]) { "upgrade", "--security", NULL },
                             "look for updates of security", q->deadline, note_secure, &u, err);
        if (e == RV_OK)
                e = simulate((const char *[]) { "upgrade", NULL }, "look for updates", q->deadline,
                             emit_update, &u, err);
        free(u.secure);
        return e == RV_STOP ? RV_OK : e;
}
