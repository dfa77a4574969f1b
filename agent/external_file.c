/* SPDX-License-Identifier: MIT
 *
 * One NAME.provider file: keys and values, each checked where it stands. A file that others may write is not taken,
 * because what it names is run.
 */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/external_int.h"

struct reading {
        struct rv_external *x;
        const char *path;
        unsigned line;
        bool has_source, has_processes;
};

static int bad(const struct reading *r, struct rv_error *err, const char *what)
{
        return rv_fail(err, RV_INVALID_PARAMETER, "%s:%u: %s", r->path, r->line, what);
}

static const char *keep(struct rv_external *x, const char *s, size_t n)
{
        const char *text = rv_arena_text(&x->arena, s, n);
        return text ? text : "";
}

static const char *beside(struct rv_external *x, const char *s)
{
        char path[1024];
        if (*s == '/')
                return keep(x, s, strlen(s));
        int n = snprintf(path, sizeof path, "%s/%s", x->folder, s);
        return keep(x, path, n < (int)sizeof path ? (size_t)n : 0);
}

/* Words of a command line: blanks divide, quotes of both kinds keep together. No shell, no variables. */
static int words(struct reading *r, char *s, struct rv_error *err)
{
        struct rv_external *x = r->x;
        char word[1024];
        for (s += strspn(s, " \t"); *s; s += strspn(s, " \t")) {
                size_t n = 0;
                char quote = 0;
                for (; *s && (quote || !strchr(" \t", *s)); s++) {
                        if (quote ? *s == quote : *s == '\'' || *s == '"')
                                quote = quote ? 0 : *s;
                        else if (n < sizeof word - 1)
                                word[n++] = *s;
                }
                if (quote)
                        return bad(r, err, "a quote is not closed");
                if (x->nwords == RV_EXTERNAL_WORDS)
                        return bad(r, err, "more than 64 words");
                word[n] = 0;
                bool here = !x->nwords && strncmp(word, "./", 2) == 0;
                x->words[x->nwords++] = here ? beside(x, word + 2) : keep(x, word, n);
        }
        return x->nwords && x->words[0][0] == '/'
                       ? RV_OK
                       : bad(r, err, "the program must be an absolute path, or begin with ./");
}

static bool number(const char *s, uint64_t least, uint64_t most, uint64_t *ret)
{
        char *end;
        errno = 0;
        uint64_t n = strtoull(s, &end, 10), unit = 1;
        if (end == s || errno || *s == '-')
                return false;
        switch (toupper((unsigned char)*end)) {
        case 'K': unit = 1 << 10, end++; break;
        case 'M': unit = 1 << 20, end++; break;
        case 'G': unit = 1 << 30, end++; break;
        }
        if (*end || n > most / unit || n * unit < least)
                return false;
        *ret = n * unit;
        return true;
}

static int columns(struct reading *r, char *s, struct rv_error *err)
{
        struct rv_external *x = r->x;
        char *rest;
        for (char *p = strtok_r(s, ", \t", &rest); p; p = strtok_r(NULL, ", \t", &rest)) {
                if (x->ncolumns == RV_EXTERNAL_COLUMNS)
                        return bad(r, err, "more than 256 columns");
                x->columns[x->ncolumns++] = keep(x, p, strlen(p));
        }
        return RV_OK;
}

static int set_format(struct reading *r, const char *s, struct rv_error *err)
{
        static const char *const names[] = { "json", "jsonl", "csv", "table", "pairs" };
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
                if (strcasecmp(s, names[i]) == 0) {
                        r->x->format = (enum rv_external_format)i;
                        return RV_OK;
                }
        return bad(r, err, "Format is one of json, jsonl, csv, table, pairs");
}

static int set_user(struct reading *r, const char *name, struct rv_error *err)
{
        struct passwd entry, *found = NULL;
        char buf[4096];
        getpwnam_r(name, &entry, buf, sizeof buf, &found);
        if (!found)
                return bad(r, err, "there is no such user");
        if (geteuid() != 0 && entry.pw_uid != geteuid())
                return bad(r, err, "only root's agent can run it as another user");
        r->x->user = keep(r->x, name, strlen(name));
        r->x->bounds.become = geteuid() == 0;
        r->x->bounds.uid = entry.pw_uid;
        r->x->bounds.gid = entry.pw_gid;
        return RV_OK;
}

static int set_separator(struct reading *r, const char *s)
{
        r->x->separator = strcmp(s, "\\t") == 0 ? "\t" : keep(r->x, s, strlen(s));
        return RV_OK;
}

static int source(struct reading *r, enum rv_external_kind kind, char *value, struct rv_error *err)
{
        if (r->has_source)
                return bad(r, err, "only one of Exec, Command and File");
        r->has_source = true;
        r->x->kind = kind;
        if (kind != RV_EXTERNAL_FILE)
                return words(r, value, err);
        r->x->file = keep(r->x, value, strlen(value));
        return *value == '/' ? RV_OK : bad(r, err, "File must be an absolute path");
}

static int set_env(struct reading *r, const char *value, struct rv_error *err)
{
        struct rv_external *x = r->x;
        const char *eq = strchr(value, '=');
        if (!eq || eq == value)
                return bad(r, err, "Environment is NAME=VALUE");
        for (unsigned i = 0; i < x->nenv; i++)
                if (strncmp(x->env[i], value, (size_t)(eq - value) + 1) == 0) {
                        x->env[i] = keep(x, value, strlen(value));
                        return RV_OK;
                }
        if (x->nenv == RV_EXTERNAL_ENV)
                return bad(r, err, "more than 32 variables");
        x->env[x->nenv++] = keep(x, value, strlen(value));
        return RV_OK;
}

static int set_number(struct reading *r, const char *key, const char *value, struct rv_error *err)
{
        static const struct {
                const char *name;
                uint64_t least, most;
        } known[] = {
                { "Memory", 4 << 20, UINT64_C(1) << 40 }, { "Files", 8, 65536 },  { "Processes", 1, 65536 },
                { "Output", 1024, UINT64_C(1) << 30 },    { "Timeout", 1, 3600 }, { "Idle", 1, 86400 },
                { "Programs", 1, RV_EXTERNAL_PROGRAMS },  { "Skip", 0, 1000000 },
                { "CPU", 1, 100000 }
        };
        struct rv_external *x = r->x;
        char text[160];
        for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
                uint64_t n;
                if (strcasecmp(key, known[i].name) != 0)
                        continue;
                if (!number(value, known[i].least, known[i].most, &n)) {
                        snprintf(text, sizeof text, "%s is a number from %llu to %llu", known[i].name,
                                 (unsigned long long)known[i].least, (unsigned long long)known[i].most);
                        return bad(r, err, text);
                }
                switch (i) {
                case 0: x->bounds.memory = n; break;
                case 1: x->bounds.files = n; break;
                case 2:
                        x->bounds.processes = n;
                        x->group.tasks = n;
                        r->has_processes = true;
                        break;
                case 3: x->output = n; break;
                case 4: x->timeout = (unsigned)n; break;
                case 5: x->idle = (unsigned)n; break;
                case 6: x->programs = (unsigned)n; break;
                case 7: x->skip = (unsigned)n; break;
                default: x->group.cpu = (unsigned)n;
                }
                return RV_OK;
        }
        snprintf(text, sizeof text, "[Provider] has no key \"%.60s\"", key);
        return bad(r, err, text);
}

static int set_events(struct reading *r, char *value, struct rv_error *err)
{
        static const struct {
                const char *name;
                unsigned kinds;
        } known[] = { { "no", 0 },
                      { "yes", RV_PUSH_ALL },
                      { "created", RV_PUSH_CREATE },
                      { "modified", RV_PUSH_MODIFY },
                      { "deleted", RV_PUSH_DELETE } };
        char *rest;
        for (char *p = strtok_r(value, ", \t", &rest); p; p = strtok_r(NULL, ", \t", &rest)) {
                unsigned i = 0;
                while (i < sizeof known / sizeof *known && strcasecmp(p, known[i].name) != 0)
                        i++;
                if (i == sizeof known / sizeof *known)
                        return bad(r, err, "Events is yes, no, or some of created, modified, deleted");
                r->x->events |= known[i].kinds;
        }
        return RV_OK;
}

static int set(struct reading *r, const char *key, char *value, struct rv_error *err)
{
        struct rv_external *x = r->x;
        if (!*value)
                return bad(r, err, "a value is missing");
        if (strcasecmp(key, "Schema") == 0)
                return x->schema = beside(x, value), RV_OK;
        if (strcasecmp(key, "Exec") == 0)
                return source(r, RV_EXTERNAL_EXEC, value, err);
        if (strcasecmp(key, "Command") == 0)
                return source(r, RV_EXTERNAL_COMMAND, value, err);
        if (strcasecmp(key, "File") == 0)
                return source(r, RV_EXTERNAL_FILE, value, err);
        if (strcasecmp(key, "User") == 0)
                return set_user(r, value, err);
        if (strcasecmp(key, "Events") == 0)
                return set_events(r, value, err);
        if (strcasecmp(key, "Environment") == 0)
                return set_env(r, value, err);
        if (strcasecmp(key, "Format") == 0)
                return set_format(r, value, err);
        if (strcasecmp(key, "Separator") == 0)
                return set_separator(r, value);
        if (strcasecmp(key, "Comment") == 0)
                return x->comment = keep(x, value, strlen(value)), RV_OK;
        if (strcasecmp(key, "Columns") == 0)
                return columns(r, value, err);
        if (strcasecmp(key, "Header") == 0) {
                x->header = strcasecmp(value, "yes") == 0;
                return x->header || strcasecmp(value, "no") == 0 ? RV_OK : bad(r, err, "Header is yes or no");
        }
        return set_number(r, key, value, err);
}

static int lines(struct reading *r, FILE *f, struct rv_error *err)
{
        char buf[4096];
        bool inside = false;
        while (fgets(buf, sizeof buf, f)) {
                r->line++;
                char *s = rv_config_trim(buf), *eq = strchr(s, '=');
                if (!*s || *s == '#' || *s == ';')
                        continue;
                if (*s == '[') {
                        inside = strcasecmp(s, "[Provider]") == 0;
                        if (!inside)
                                return bad(r, err, "the only section is [Provider]");
                        continue;
                }
                if (!inside || !eq)
                        return bad(r, err, "expected [Provider] and then Key = value");
                *eq = 0;
                int e = set(r, rv_config_trim(s), rv_config_trim(eq + 1), err);
                if (e)
                        return e;
        }
        return RV_OK;
}

int rv_external_safe(const char *path, const char *what, struct rv_error *err)
{
        struct stat st;
        if (stat(path, &st) < 0)
                return rv_fail_errno(err, errno, "%s %s", what, path);
        if ((st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH)) {
                rv_fail(err, RV_ACCESS_DENIED, "%s %s could be changed by others than root", what, path);
                return rv_hint(err, "chown root and chmod go-w make it safe.");
        }
        return RV_OK;
}

/* Without User: the system's user for them, else nobody; an ordinary user's are his own. */
static int default_user(struct reading *r, struct rv_error *err)
{
        struct passwd entry, *found = NULL;
        char buf[4096];
        if (r->x->user || geteuid() != 0)
                return RV_OK;
        getpwnam_r("reeve-provider", &entry, buf, sizeof buf, &found);
        /* The bound counts all processes of the user, and nobody may have many others. */
        if (!found && !r->has_processes)
                r->x->bounds.processes = 8192;
        return set_user(r, found ? "reeve-provider" : "nobody", err);
}

static int complete(struct reading *r, struct rv_error *err)
{
        struct rv_external *x = r->x;
        if (!x->schema)
                return bad(r, err, "Schema is missing: the .mof that declares the classes");
        if (!r->has_source)
                return bad(r, err, "Exec, Command or File is missing: where the objects come from");
        if (x->events && x->kind != RV_EXTERNAL_EXEC)
                return bad(r, err, "Events is for programs: a command or a file tells of nothing");
        int e = default_user(r, err);
        if (e == RV_OK)
                e = rv_external_safe(x->schema, "the schema", err);
        if (e == RV_OK && x->kind != RV_EXTERNAL_FILE)
                e = rv_external_safe(x->words[0], "the program", err);
        if (e == RV_OK && x->kind != RV_EXTERNAL_FILE && access(x->words[0], X_OK) < 0)
                e = rv_fail_errno(err, errno, "the program %s cannot be run", x->words[0]);
        return e;
}

int rv_external_read(struct rv_external *x, const char *path, struct rv_error *err)
{
        struct reading r = { .x = x, .path = path };
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        x->path = keep(x, path, strlen(path));
        x->folder = slash ? keep(x, path, (size_t)(slash - path)) : ".";
        x->name = keep(x, base, strcspn(base, "."));
        x->timeout = 30, x->idle = 60, x->output = 64 << 20, x->programs = 1;
        x->bounds = (struct rv_external_bounds) { .memory = 512 << 20, .files = 256, .processes = 64 };
        x->group.tasks = 64, x->group.cpu = 100;
        x->separator = ",";
        x->env[0] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", x->env[1] = "LC_ALL=C.UTF-8";
        x->nenv = 2;
        x->format = RV_FORMAT_JSON;
        int e = rv_external_safe(path, "the file", err);
        FILE *f = e ? NULL : fopen(path, "re");
        if (e)
                return e;
        if (!f)
                return rv_fail_errno(err, errno, "%s", path);
        e = lines(&r, f, err);
        fclose(f);
        e = e ? e : complete(&r, err);
        x->group.tasks *= x->programs;
        x->group.memory = x->bounds.memory * x->programs;
        return e;
}
