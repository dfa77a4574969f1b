/* SPDX-License-Identifier: MIT */
#include "providers/lib/accounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "providers/lib/tool.h"

/* Exit statuses that all tools of the suite share (useradd(8), EXIT VALUES). */
static int outcome(int status)
{
        switch (status) {
        case 1:                               /* the file is locked or cannot be written */
        case 10: return RV_UNAVAILABLE;
        case 2:
        case 3: return RV_INVALID_PARAMETER;
        case 4:
        case 9: return RV_ALREADY_EXISTS;
        case 6: return RV_NOT_FOUND;
        default: return RV_FAILED;
        }
}

int rv_accounts_run(const struct rv_argv *argv, const char *what, const char *input, uint64_t deadline,
                    struct rv_error *err)
{
        struct rv_tool tool = { .argv = argv->v,
                                .what = what,
                                .input = input,
                                .ninput = input ? strlen(input) : 0,
                                .deadline = deadline,
                                .finish = true };
        struct rv_tool_said said;
        int e = rv_tool_run(&tool, &said, err);
        if (e == RV_OK && said.status != 0) {
                e = rv_tool_fail(err, outcome(said.status), &tool, &said);
                if (e == RV_UNAVAILABLE && err && strstr(said.complaint, "lock")) {
                        err->retryable = true;
                        rv_hint(err, "Another program is changing the accounts: try again.");
                } else if (e == RV_FAILED && said.status == 8)
                        rv_hint(err, "End its sessions and processes first, or say Force.");
        }
        rv_tool_free(&said);
        return e;
}

int rv_accounts_name(const char *name, size_t n, const char *property, struct rv_error *err)
{
        if (n && strlen(name) == n && name[0] != '-' && !strpbrk(name, ":,/ \t\r\n\v\f"))
                return RV_OK;
        rv_about(err, NULL, NULL, property);
        rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' cannot be a name of an account", name);
        return rv_hint(err, "Letters, digits, _ . and - (not first), at most 32 of them.");
}

int rv_accounts_join(struct rv_call *c, const struct rv_arg *names, uint32_t n, const char *property, const char **ret,
                     struct rv_error *err)
{
        size_t room = 1, at = 0;
        for (uint32_t i = 0; i < n; i++) {
                int e = rv_accounts_name(names[i].type == RV_STRING ? names[i].s : "", names[i].len, property, err);
                if (e)
                        return e;
                room += names[i].len + 1;
        }
        char *text = rv_arena_get(c->arena, room);
        if (!text)
                return -ENOMEM;
        text[0] = 0;
        for (uint32_t i = 0; i < n; i++)
                at += (size_t)snprintf(text + at, room - at, "%s%s", i ? "," : "", names[i].s);
        *ret = text;
        return RV_OK;
}

bool rv_accounts_listed(const char *names, const char *name)
{
        size_t n = strlen(name);
        for (const char *p = names; n && *p; p += strcspn(p, ","), p += *p == ',')
                if (strncmp(p, name, n) == 0 && (p[n] == ',' || !p[n]))
                        return true;
        return false;
}
