/* SPDX-License-Identifier: MIT */
#include "providers/lib/mounting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/fstab.h"
#include "providers/lib/mountinfo.h"
#include "providers/lib/tool.h"

static const struct {
        const char *says;
        int status;
        const char *hint;
} outcomes[] = {
        { "already mounted", RV_ALREADY_EXISTS, "" },
        { "unknown filesystem type", RV_NOT_SUPPORTED,
          "The kernel has no such file system, or its module is not installed." },
        { "target is busy", RV_UNAVAILABLE,
          "Some process uses it; -Lazy takes it out of the tree all the same." },
        { "mount point is busy", RV_UNAVAILABLE, "Some process writes to it." },
        { "not mounted", RV_NOT_FOUND, "Get-Mount lists what is mounted." },
        { "does not exist", RV_NOT_FOUND, "The folder and the device must be there." },
        { "No such file", RV_NOT_FOUND, "" },
        { "ermission denied", RV_ACCESS_DENIED, "" },
        { "must be superuser", RV_ACCESS_DENIED, "The agent runs without the right to mount." },
        { "wrong fs type, bad option", RV_INVALID_PARAMETER,
          "The type does not fit what is on the device, or an option is unknown." },
        { "not a block device", RV_INVALID_PARAMETER, "" },
        { "bad option", RV_INVALID_PARAMETER, "" },
        { "not a directory", RV_INVALID_PARAMETER, "" },
};

static int run(struct rv_call *c, const char *const *argv, const char *what, struct rv_error *err)
{
        struct rv_tool tool = { .argv = argv, .what = what, .deadline = c->deadline };
        struct rv_tool_said said;
        if (c->what_if)
                return RV_OK;
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        said.complaint[strcspn(said.complaint, "\n")] = 0; /* what follows is advice for a terminal */
        for (size_t i = 0; said.status != 0 && e == RV_OK && i < sizeof outcomes / sizeof *outcomes; i++)
                if (strstr(said.complaint, outcomes[i].says)) {
                        e = rv_tool_fail(err, outcomes[i].status, &tool, &said);
                        if (outcomes[i].hint[0])
                                rv_hint(err, "%s", outcomes[i].hint);
                }
        if (said.status != 0 && e == RV_OK)
                e = rv_tool_fail(err, RV_FAILED, &tool, &said);
        rv_tool_free(&said);
        return e;
}

/* "a,b,c", in the call's arena; "" for none. A comma within an option would be two. */
static int join(struct rv_call *c, const struct rv_arg *options, uint32_t n, const char **ret,
                struct rv_error *err)
{
        size_t room = 1, at = 0;
        for (uint32_t i = 0; i < n; i++) {
                const char *s = options[i].type == RV_STRING ? options[i].s : "";
                if (!*s || *s == '-' || strpbrk(s, " \t\n") || strlen(s) != options[i].len) {
                        rv_about(err, NULL, NULL, "Options");
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no option", s);
                }
                room += options[i].len + 1;
        }
        char *text = rv_arena_get(c->arena, room);
        if (!text)
                return -ENOMEM;
        text[0] = 0;
        for (uint32_t i = 0; i < n; i++)
                at += (size_t)snprintf(text + at, room - at, "%s%s", i ? "," : "", options[i].s);
        *ret = text;
        return RV_OK;
}

/* The line of /etc/fstab for what has been mounted (what_if: would be). */
static int persist_mount(struct rv_call *c, const char *source, const char *target, const char *type,
                         const char *options, struct rv_error *err)
{
        struct rv_mounts t;
        char found[64] = "auto", bound[1024];
        struct rv_fstab_line line = {
                .source = source, .target = target, .type = type ? type : found, .options = options
        };
        if (type && strcmp(type, "bind") == 0) {
                line.type = "none";
                snprintf(bound, sizeof bound, "bind%s%.1000s", *options ? "," : "", options);
                line.options = bound;
        } else if (!type && rv_mounts_read(&t) == 0) {
                const struct rv_mount *m = rv_mounts_of(&t, target);
                if (m && !c->what_if)
                        snprintf(found, sizeof found, "%.60s", m->type);
                rv_mounts_free(&t);
        }
        line.pass = strncmp(line.type, "ext", 3) == 0 ? 2 : 0;
        int e = rv_fstab_put(c, &line, err);
        return e && !c->what_if ? rv_hint(err, "It is mounted, until the next boot.") : e;
}

int rv_mounting_create(struct rv_call *c, const char *source, const char *target, const char *type,
                       const struct rv_arg *options, uint32_t n, bool persist, struct rv_error *err)
{
        const char *argv[12] = { "mount" }, *text = "";
        char what[400];
        size_t k = 1;
        rv_about(err, NULL, target, NULL);
        if (target[0] != '/' || !*source) {
                rv_about(err, NULL, NULL, *source ? "Name" : "Source");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               *source ? "'%.100s' is no path from the root" : "Source is empty%.0s", target);
        }
        int e = join(c, options, n, &text, err);
        if (e)
                return e;
        bool bind = type && strcmp(type, "bind") == 0;
        if (bind)
                argv[k++] = "--bind";
        else if (type) {
                argv[k++] = "-t";
                argv[k++] = type;
        }
        if (*text) {
                argv[k++] = "-o";
                argv[k++] = text;
        }
        argv[k++] = "--";
        argv[k++] = source;
        argv[k++] = target;
        snprintf(what, sizeof what, "mount %.150s on %.150s", source, target);
        rv_change(c, "Name", NULL, target);
        e = run(c, argv, what, err);
        return e || !persist ? e : persist_mount(c, source, target, type, text, err);
}

/* Is what the key names the mount that is seen there? */
static int present(const char *target, uint32_t id, char *ret_options, size_t size, struct rv_error *err)
{
        struct rv_mounts t;
        bool there = false, seen = false;
        rv_about(err, NULL, target, NULL);
        int r = rv_mounts_read(&t);
        if (r)
                return rv_fail_errno(err, -r, "cannot read the mounts");
        for (size_t i = 0; i < t.n; i++)
                if (strcmp(t.v[i].target, target) == 0 && (!id || t.v[i].id == id)) {
                        there = true;
                        seen |= !t.v[i].hidden;
                        snprintf(ret_options, size, "%s", t.v[i].options);
                }
        rv_mounts_free(&t);
        if (!there)
                return rv_fail(err, RV_NOT_FOUND, "nothing is mounted on %.150s%s", target,
                               id ? " with that number" : "");
        if (!seen)
                return rv_fail(err, RV_STALE, "another mount lies over %.150s", target);
        return RV_OK;
}

int rv_mounting_unmount(struct rv_call *c, const char *target, uint32_t id, bool force, bool lazy,
                        bool persist, struct rv_error *err)
{
        const char *argv[6] = { "umount" };
        char what[300], options[512];
        size_t k = 1;
        int e = present(target, id, options, sizeof options, err);
        if (e)
                return e;
        if (force)
                argv[k++] = "-f";
        if (lazy)
                argv[k++] = "-l";
        argv[k++] = "--";
        argv[k++] = target;
        snprintf(what, sizeof what, "unmount %.150s", target);
        rv_change(c, "Name", target, NULL);
        e = run(c, argv, what, err);
        return e || !persist ? e : rv_fstab_drop(c, target, false, err);
}

int rv_mounting_remount(struct rv_call *c, const char *target, uint32_t id, const struct rv_arg *options,
                        uint32_t n, bool persist, struct rv_error *err)
{
        char what[300], now[512];
        const char *text;
        int e = present(target, id, now, sizeof now, err);
        if (e == RV_OK && !n)
                e = rv_fail(err, RV_INVALID_PARAMETER, "no option is given");
        if (e == RV_OK)
                e = join(c, options, n, &text, err);
        if (e)
                return e;
        char *all = rv_arena_get(c->arena, strlen(text) + 9);
        if (!all)
                return -ENOMEM;
        snprintf(all, strlen(text) + 9, "remount,%s", text);
        const char *argv[] = { "mount", "-o", all, "--", target, NULL };
        snprintf(what, sizeof what, "remount %.150s", target);
        rv_change(c, "Options", now, text);
        e = run(c, argv, what, err);
        return e || !persist ? e : rv_fstab_options(c, target, text, err);
}
