/* SPDX-License-Identifier: MIT */
#include "agent/role.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/elevate.h"
#include "agent/role_int.h"

enum { MOST_BYTES = 256 << 10, MOST_ROLES = 1000, MOST_SECTIONS = 1000 };

int rv_role_wrong(struct rv_role_parser *p, const char *fmt, ...)
{
        char text[240];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        return rv_fail(p->err, RV_INVALID_PARAMETER, "%s:%u: %s", p->path, p->line, text);
}

int rv_role_words(struct rv_role_parser *p, struct rv_texts *list, const char *value)
{
        const char **v = rv_arena_get(p->arena, RV_ROLE_LIST * sizeof *v);
        if (!v)
                return -ENOMEM;
        if (list->n)
                memcpy(v, list->v, list->n * sizeof *v);
        for (const char *s = value; *s;) {
                size_t skip = strspn(s, " \t"), n = strcspn(s + skip, ","), m = n;
                s += skip;
                while (m && (s[m - 1] == ' ' || s[m - 1] == '\t'))
                        m--;
                if (m && list->n == RV_ROLE_LIST - 1)
                        return rv_role_wrong(p, "at most %d words in a list", RV_ROLE_LIST - 1);
                if (m && !(v[list->n++] = rv_arena_text(p->arena, s, m)))
                        return -ENOMEM;
                s += n + (s[n] == ',');
        }
        list->v = v;
        return RV_OK;
}

/* One more at the end of a list that lies in the arena. */
static void *append(struct rv_arena *a, void *list, unsigned *n, size_t size)
{
        char *more = *n < MOST_SECTIONS ? rv_arena_get(a, (*n + 1) * size) : NULL;
        if (more && *n)
                memcpy(more, list, *n * size);
        if (more)
                ++*n;
        return more;
}

/* ---- sections ---- */

/* What is wrong with it as a whole is told of its first line. */
static int end_section(struct rv_role_parser *p)
{
        unsigned line = p->line;
        int r = RV_OK;
        p->line = p->section;
        if (p->in == RV_IN_WHO || p->in == RV_IN_ELEVATE || p->in == RV_IN_APPROVE)
                r = rv_role_check_who(p, p->who);
        else if (p->in == RV_IN_RULE)
                r = rv_role_check_rule(p, &p->role->rules[p->role->nrules - 1]);
        p->line = line;
        return r;
}

static int begin_rule(struct rv_role_parser *p, bool deny, const char *name)
{
        struct rv_role *r = p->role;
        if (!*name)
                return rv_role_wrong(p, "a rule needs a name: [%s NAME]", deny ? "Deny" : "Allow");
        for (unsigned i = 0; i < r->nrules; i++)
                if (strcasecmp(r->rules[i].name, name) == 0)
                        return rv_role_wrong(p, "there is a rule \"%s\" already, in line %u", name, r->rules[i].line);
        r->rules = append(p->arena, r->rules, &r->nrules, sizeof *r->rules);
        name = rv_arena_text(p->arena, name, strlen(name));
        if (!r->rules || !name)
                return -ENOMEM;
        r->rules[r->nrules - 1] = (struct rv_rule) { .name = name, .role = r, .line = p->line, .deny = deny };
        p->in = RV_IN_RULE;
        return RV_OK;
}

static int begin_cmdlet(struct rv_role_parser *p, const char *name)
{
        struct rv_role *r = p->role;
        if (!*name || strpbrk(name, "*? "))
                return rv_role_wrong(p, "[Cmdlet NAME]: expected the name of one cmdlet");
        r->cmdlets = append(p->arena, r->cmdlets, &r->ncmdlets, sizeof *r->cmdlets);
        name = rv_arena_text(p->arena, name, strlen(name));
        if (!r->cmdlets || !name)
                return -ENOMEM;
        r->cmdlets[r->ncmdlets - 1] = (struct rv_role_cmdlet) { .name = name };
        p->in = RV_IN_CMDLET;
        return RV_OK;
}

static int begin_who(struct rv_role_parser *p, const char *kind)
{
        struct rv_role *r = p->role;
        bool elevate = strcasecmp(kind, "Elevate") == 0, approve = strcasecmp(kind, "Approve") == 0;
        struct rv_who **list = elevate ? &r->elevate : approve ? &r->approve : &r->whos;
        unsigned *n = elevate ? &r->nelevate : approve ? &r->napprove : &r->nwhos;
        if (!elevate && !approve && strcasecmp(kind, "Who") != 0)
                return rv_role_wrong(
                        p, "there is no section [%.40s]: expected Role, Who, Elevate, Approve, Allow, Deny or Cmdlet",
                        kind);
        *list = append(p->arena, *list, n, sizeof **list);
        if (!*list)
                return -ENOMEM;
        p->who = &(*list)[*n - 1];
        p->in = elevate ? RV_IN_ELEVATE : approve ? RV_IN_APPROVE : RV_IN_WHO;
        return RV_OK;
}

static int begin_section(struct rv_role_parser *p, char *text)
{
        int r = end_section(p);
        if (r)
                return r;
        p->section = p->line;
        char *end = strchr(text, ']');
        if (!end || end[1])
                return rv_role_wrong(p, "expected ] at the end");
        *end = 0;
        size_t n = strcspn(text + 1, " \t");
        char *name = text + 1 + n;
        name += strspn(name, " \t");
        text[1 + n] = 0;
        const char *kind = text + 1;
        if (strcasecmp(kind, "Allow") == 0 || strcasecmp(kind, "Deny") == 0)
                return begin_rule(p, strcasecmp(kind, "Deny") == 0, name);
        if (strcasecmp(kind, "Cmdlet") == 0)
                return begin_cmdlet(p, name);
        if (*name)
                return rv_role_wrong(p, "[%s] has no name", kind);
        if (strcasecmp(kind, "Role") == 0) {
                if (p->seen_role)
                        return rv_role_wrong(p, "[Role] is there twice");
                p->seen_role = true;
                p->in = RV_IN_ROLE;
                return RV_OK;
        }
        return begin_who(p, kind);
}

static char *trim(char *s)
{
        s += strspn(s, " \t");
        for (char *e = s + strlen(s); e > s && strchr(" \t\r", e[-1]);)
                *--e = 0;
        return s;
}

static int line(struct rv_role_parser *p, char *text)
{
        text = trim(text);
        if (!*text || *text == '#' || *text == ';')
                return RV_OK;
        if (*text == '[')
                return begin_section(p, text);
        char *eq = strchr(text, '=');
        if (!eq)
                return rv_role_wrong(p, "expected a [section] or Key = value");
        *eq = 0;
        if (p->in == RV_IN_NOTHING)
                return rv_role_wrong(p, "expected a section, such as [Role], first");
        return rv_role_key(p, trim(text), trim(eq + 1));
}

/* Cut into lines in place; a \ at a line's end joins the next one. */
static int lines(struct rv_role_parser *p, char *text)
{
        int r = RV_OK;
        for (char *next = text; next && r == RV_OK;) {
                char *s = next, *e;
                p->line++;
                while ((e = strchr(s, '\n')) && e > next && e[-1] == '\\') {
                        e[-1] = e[0] = ' ';
                        s = e + 1;
                        p->line++;
                }
                s = next;
                next = e ? e + 1 : NULL;
                if (e)
                        *e = 0;
                r = line(p, s);
        }
        if (r == RV_OK)
                r = end_section(p);
        if (r == RV_OK && !p->seen_role)
                r = rv_role_wrong(p, "there is no [Role] section");
        return r;
}

static int parse(struct rv_role *role, const char *text, size_t n, const struct rv_registry *registry,
                 struct rv_arena *arena, struct rv_error *err)
{
        struct rv_role_parser p = {
                .path = role->path, .registry = registry, .arena = arena, .err = err, .role = role
        };
        char *copy = malloc(n + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, text, n);
        copy[n] = 0;
        int r = strlen(copy) == n ? lines(&p, copy) : rv_role_wrong(&p, "there is a NUL in it");
        free(copy);
        for (unsigned i = 0; i < role->nrules; i++) /* the list has moved while it grew */
                role->rules[i].role = role;
        return r;
}

/* ---- files ---- */

static bool is_name(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
                        return false;
        return n && n < 64 && *s != '.' && *s != '-';
}

/* Only whoever may change the agent itself may change what it allows. */
static int check_owner(const char *path, const struct stat *st, bool folder, struct rv_error *err)
{
        if ((st->st_uid != 0 && st->st_uid != geteuid()) || st->st_mode & (S_IWGRP | S_IWOTH))
                return rv_fail(err, RV_ACCESS_DENIED,
                               "%s: others may write it: it must belong to root or to the agent's user, and be "
                               "writable by nobody else",
                               path);
        return folder || S_ISREG(st->st_mode) ? RV_OK : rv_fail(err, RV_INVALID_PARAMETER, "%s: no file", path);
}

static int read_file(int folder, const char *name, struct rv_role *role, const struct rv_registry *registry,
                     struct rv_arena *arena, struct rv_error *err)
{
        struct stat st;
        char *text = malloc(MOST_BYTES + 1);
        int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r = text ? RV_OK : -ENOMEM;
        if (fd < 0 || fstat(fd, &st) < 0)
                r = rv_fail_errno(err, errno, "cannot read %s", role->path);
        if (r == RV_OK)
                r = check_owner(role->path, &st, false, err);
        size_t n = 0;
        for (ssize_t got = 1; r == RV_OK && got > 0 && n <= MOST_BYTES; n += got > 0 ? (size_t)got : 0) {
                got = read(fd, text + n, MOST_BYTES + 1 - n);
                if (got < 0)
                        r = rv_fail_errno(err, errno, "cannot read %s", role->path);
        }
        if (r == RV_OK && n > MOST_BYTES)
                r = rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "%s: at most %d KiB", role->path, MOST_BYTES >> 10);
        if (r == RV_OK)
                r = parse(role, text, n, registry, arena, err);
        if (fd >= 0)
                close(fd);
        free(text);
        return r;
}

static struct rv_role_set *set_new(unsigned n, struct rv_role **ret)
{
        struct rv_role_set *s = calloc(1, sizeof *s);
        static atomic_uint_fast64_t generation;
        if (!s)
                return NULL;
        s->holders = 1;
        s->generation = ++generation;
        *ret = rv_arena_get(&s->arena, (n + 1) * sizeof **ret);
        s->roles = *ret;
        if (*ret)
                return s;
        rv_roles_drop(s);
        return NULL;
}

static int is_role_file(const struct dirent *d)
{
        size_t n = strlen(d->d_name);
        return n > 5 && strcmp(d->d_name + n - 5, ".role") == 0 && d->d_name[0] != '.';
}

static int load_all(struct rv_role_set *s, struct rv_role *roles, int folder, const char *path, struct dirent **files,
                    int n, const struct rv_registry *registry, struct rv_error *err)
{
        int r = RV_OK;
        for (int i = 0; i < n && r == RV_OK; i++) {
                const char *file = files[i]->d_name;
                size_t len = strlen(file) - 5;
                char whole[600];
                snprintf(whole, sizeof whole, "%.300s/%s", path, file);
                struct rv_role *role = &roles[s->n];
                role->name = rv_arena_text(&s->arena, file, len);
                role->path = rv_arena_text(&s->arena, whole, strlen(whole));
                if (!role->name || !role->path)
                        r = -ENOMEM;
                else if (!is_name(file, len))
                        r = rv_fail(err, RV_INVALID_PARAMETER, "%s: a role's name has letters, digits, - _ .", whole);
                else
                        r = read_file(folder, file, role, registry, &s->arena, err);
                s->n++;
        }
        return r;
}

struct rv_role_set *rv_roles_load(const char *path, const struct rv_registry *registry, struct rv_error *err)
{
        struct rv_role *roles;
        struct dirent **files = NULL;
        struct stat st;
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0 && errno == ENOENT)
                return set_new(0, &roles);
        int r = folder < 0 || fstat(folder, &st) < 0 ? rv_fail_errno(err, errno, "cannot read %s", path)
                                                     : check_owner(path, &st, true, err);
        int n = r ? 0 : scandirat(folder, ".", &files, is_role_file, alphasort);
        if (r == RV_OK && n < 0)
                r = rv_fail_errno(err, errno, "cannot read %s", path);
        if (r == RV_OK && n > MOST_ROLES)
                r = rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "%s: at most %d roles", path, MOST_ROLES);
        struct rv_role_set *s = r ? NULL : set_new((unsigned)n, &roles);
        if (s)
                r = load_all(s, roles, folder, path, files, n, registry, err);
        for (int i = 0; i < n; i++)
                free(files[i]);
        free(files);
        if (folder >= 0)
                close(folder);
        if (s && r == RV_OK)
                r = rv_elevation_role(s, &roles[s->n], registry);
        if (s && r == RV_OK)
                return s;
        if (r <= 0)
                rv_fail(err, RV_FAILED, "cannot read %s: out of memory", path);
        rv_roles_drop(s);
        return NULL;
}

struct rv_role_set *rv_roles_parse(const char *name, const char *path, const char *text, size_t n,
                                   const struct rv_registry *registry, struct rv_error *err)
{
        struct rv_role *role;
        struct rv_role_set *s = set_new(1, &role);
        if (!s)
                return NULL;
        role->name = rv_arena_text(&s->arena, name, strlen(name));
        role->path = rv_arena_text(&s->arena, path, strlen(path));
        s->n = 1;
        int r = role->name && role->path ? parse(role, text, n, registry, &s->arena, err) : -ENOMEM;
        if (r == RV_OK)
                return s;
        if (r < 0)
                rv_fail(err, RV_FAILED, "out of memory");
        rv_roles_drop(s);
        return NULL;
}

unsigned rv_roles_files(const struct rv_role_set *s)
{
        return s->n - (s->n && s->roles[s->n - 1].elevation);
}

struct rv_role_set *rv_roles_hold(struct rv_role_set *s)
{
        if (s)
                atomic_fetch_add(&s->holders, 1);
        return s;
}

void rv_roles_drop(struct rv_role_set *s)
{
        if (!s || atomic_fetch_sub(&s->holders, 1) != 1)
                return;
        rv_arena_free(&s->arena);
        free(s);
}
