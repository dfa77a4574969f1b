/* SPDX-License-Identifier: MIT
 *
 * Environment: /etc/environment, as pam_env reads it: NAME=VALUE lines, "export " before and quotes around are let
 * pass. What is no such line stays where it is.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/Environment.h"
#include "providers/lib/fill.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

#define PATH "/etc/environment"
enum { MOST = 1 << 20 };

struct variable {
        const char *name, *value;
        size_t nname, nvalue;
};

static bool parse(const char *line, struct variable *v)
{
        line += strspn(line, " \t");
        if (strncmp(line, "export ", 7) == 0)
                line += 7 + strspn(line + 7, " \t");
        const char *eq = strchr(line, '=');
        if (!eq || eq == line || *line == '#')
                return false;
        *v = (struct variable) { line, eq + 1, (size_t)(eq - line), strcspn(eq + 1, "\n") };
        while (v->nvalue && isspace((unsigned char)v->value[v->nvalue - 1]))
                v->nvalue--;
        if (v->nvalue && strchr("\"'", v->value[0])) {
                char quote = *v->value++;
                v->nvalue -= 1;
                if (v->nvalue && v->value[v->nvalue - 1] == quote)
                        v->nvalue--;
        }
        return true;
}

/* The file's text; an empty one where there is none. NULL with errno. */
static char *read_file(void)
{
        size_t n;
        char *text = rv_slurp(PATH, MOST, &n);
        return text || errno != ENOENT ? text : calloc(1, 1);
}

static int environment_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char *text = read_file(), *rest = text;
        int e = RV_OK;
        (void)q;
        if (!text)
                return rv_fail_errno(err, errno, "cannot read " PATH);
        for (char *line; e == RV_OK && (line = strsep(&rest, "\n"));) {
                struct variable v, later;
                bool again = false; /* of the same name the last counts */
                if (!parse(line, &v))
                        continue;
                for (const char *p = rest; p && *p && !again; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
                        again = parse(p, &later) && later.nname == v.nname &&
                                memcmp(later.name, v.name, v.nname) == 0;
                if (again)
                        continue;
                struct rv_row *row = rv_row(out);
                rv_fill_n(row, Environment_Name, v.name, v.nname);
                Environment_set_VariableValue(row, v.value, v.nvalue);
                rv_fill(row, Environment_UserName, "<SYSTEM>");
                e = rv_emit(out, row);
        }
        free(text);
        return e == RV_STOP ? RV_OK : e;
}

static int check(const char *name, const char *value, size_t n, struct rv_error *err)
{
        bool good = isalpha((unsigned char)name[0]) || name[0] == '_';
        for (const char *p = name; *p && good; p++)
                good = isalnum((unsigned char)*p) || *p == '_';
        if (!good) {
                rv_about(err, NULL, NULL, "Name");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' cannot be a variable's name", name);
        }
        if (value && (strlen(value) != n || strpbrk(value, "\r\n\""))) {
                rv_about(err, NULL, NULL, "VariableValue");
                return rv_fail(err, RV_INVALID_PARAMETER, "a value is one line without double quotes");
        }
        return RV_OK;
}

/* value NULL: out with it. Answers NOT_FOUND when there is none to take out or (must) to change. */
static int change(struct rv_call *c, const char *name, const char *value, size_t n, bool must,
                  struct rv_error *err)
{
        int e = check(name, value, n, err);
        char *old = e ? NULL : read_file(), *rest = old;
        if (e || !old)
                return e ? e : rv_fail_errno(err, errno, "cannot read " PATH);
        size_t at = 0, room = strlen(old) + strlen(name) + n + 8, k = strlen(name);
        char *new = calloc(1, room), was[8192];
        bool found = false;
        for (char *line; new && (line = strsep(&rest, "\n"));) {
                struct variable v;
                bool mine = parse(line, &v) && v.nname == k && memcmp(v.name, name, k) == 0;
                if (mine)
                        snprintf(was, sizeof was, "%.*s", (int)v.nvalue, v.value);
                else if (*line || rest)
                        at += (size_t)snprintf(new + at, room - at, "%s\n", line);
                found |= mine;
        }
        rv_about(err, NULL, name, NULL);
        if (!new)
                e = -ENOMEM;
        else if (must && !found)
                e = rv_fail(err, RV_NOT_FOUND, PATH " sets no %.60s", name);
        if (e == RV_OK && value)
                at += (size_t)snprintf(new + at, room - at, "%s=\"%s\"\n", name, value);
        if (e == RV_OK) {
                rv_change(c, "VariableValue", found ? was : NULL, value);
                int r = c->what_if ? 0 : rv_replace_file(PATH, new, at, 0644);
                if (r)
                        e = rv_fail_errno(err, -r, "cannot write " PATH);
        }
        free(old);
        free(new);
        return e;
}

static int environment_create_method(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Environment_Create_in *in = args;
        int e = change(c, in->Name, in->VariableValue, in->VariableValue_len, false, err);
        if (e == RV_OK)
                Environment_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

static int environment_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name =
                rv_bit(v->set, Environment_Name) ? &v->v[Environment_Name] : &c->key[Environment_Name];
        const struct rv_arg *value = &v->v[Environment_VariableValue];
        bool given = rv_bit(v->set, Environment_VariableValue) && value->type == RV_STRING;
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a variable needs a Name");
        return change(c, name->s, given ? value->s : "", given ? value->len : 0, false, err);
}

static int environment_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[Environment_Name], *value = &v->v[Environment_VariableValue];
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a variable is named by its Name");
        if (!rv_bit(v->set, Environment_VariableValue))
                return RV_OK;
        bool given = value->type == RV_STRING;
        return change(c, name->s, given ? value->s : "", given ? value->len : 0, true, err);
}

static int environment_remove(struct rv_call *c, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[Environment_Name];
        return name->type == RV_STRING
                       ? change(c, name->s, NULL, 0, true, err)
                       : rv_fail(err, RV_INVALID_PARAMETER, "a variable is named by its Name");
}

static int environment_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = environment_remove(c, err);
        if (e == RV_OK)
                Environment_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[Environment_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Environment_method_Create] = environment_create_method,
        [Environment_method_Delete] = environment_delete
};

static const struct rv_provider environment = { .class = &Environment_class,
                                                .query = environment_query,
                                                .methods = methods,
                                                .create = environment_create,
                                                .modify = environment_modify,
                                                .remove = environment_remove };

RV_PROVIDERS(environment, &environment);
