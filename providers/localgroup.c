/* SPDX-License-Identifier: MIT
 *
 * LocalGroup, LocalGroupMember: the groups in /etc/group and who is in them. Read from the files, changed by groupadd,
 * groupmod, groupdel and gpasswd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/LocalGroup.h"
#include "gen/LocalGroupMember.h"
#include "providers/lib/accounts.h"
#include "providers/lib/filenews.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"

enum { PW_NAME, PW_PASSWORD, PW_UID, PW_GID, PW_REST, PW_FIELDS };
enum { GR_NAME, GR_PASSWORD, GR_GID, GR_MEMBERS, GR_FIELDS };

static int read_groups(struct rv_table *t, struct rv_error *err)
{
        int e = rv_table_read(t, "/etc/group", GR_FIELDS);
        return e ? rv_fail_errno(err, -e, "cannot read /etc/group") : RV_OK;
}

static char **find(const struct rv_table *t, const char *name)
{
        for (size_t i = 0; i < t->rows; i++)
                if (strcmp(rv_table_row(t, i)[0], name) == 0)
                        return rv_table_row(t, i);
        return NULL;
}

static uint32_t number(const char *s)
{
        return (uint32_t)strtoul(s, NULL, 10);
}

/* ---- groups ---- */

static bool is_system(uint32_t gid)
{
        return gid < 1000 || gid > 60000;
}

static int localgroup_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_table t;
        const struct rv_arg *name = rv_equals(q, LocalGroup_Name);
        int e = read_groups(&t, err);
        if (e)
                return e;
        for (size_t i = 0; e == RV_OK && i < t.rows; i++) {
                char **g = rv_table_row(&t, i), sid[32];
                if (!*g[GR_GID] || (name && strcasecmp(name->s, g[GR_NAME]) != 0))
                        continue;
                struct rv_row *row = rv_row(out);
                rv_fill(row, LocalGroup_Name, g[GR_NAME]);
                LocalGroup_set_Gid(row, number(g[GR_GID]));
                snprintf(sid, sizeof sid, "S-1-22-2-%u", number(g[GR_GID]));
                rv_fill(row, LocalGroup_SID, sid);
                if (*g[GR_MEMBERS])
                        rv_fill_list(row, LocalGroup_Members, g[GR_MEMBERS], ",");
                else
                        LocalGroup_set_Members(row, 0);
                LocalGroup_set_SystemGroup(row, is_system(number(g[GR_GID])));
                rv_fill(row, LocalGroup_PrincipalSource, "Local");
                e = rv_emit(out, row);
        }
        rv_table_free(&t);
        return e == RV_STOP ? RV_OK : e;
}

static int create(struct rv_call *c, const char *name, size_t n, const char *gid, bool system,
                  struct rv_error *err)
{
        struct rv_table t;
        struct rv_argv argv = { 0 };
        char what[128];
        int e = rv_accounts_name(name, n, "Name", err);
        if (e == RV_OK)
                e = read_groups(&t, err);
        if (e)
                return e;
        rv_about(err, NULL, name, NULL);
        if (find(&t, name))
                e = rv_fail(err, RV_ALREADY_EXISTS, "there is a group %.60s already", name);
        rv_table_free(&t);
        if (e)
                return e;
        rv_change(c, "Name", NULL, name);
        rv_argv_add(&argv, "groupadd");
        if (gid)
                rv_argv_add2(&argv, "-g", gid);
        if (system)
                rv_argv_add(&argv, "-r");
        rv_argv_add2(&argv, "--", name);
        snprintf(what, sizeof what, "create the group %.60s", name);
        return c->what_if ? RV_OK : rv_accounts_run(&argv, what, NULL, c->deadline, err);
}

static int localgroup_create_method(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalGroup_Create_in *in = args;
        char gid[16];
        snprintf(gid, sizeof gid, "%u", in->Gid);
        int e = create(c, in->Name, in->Name_len, in->has_Gid ? gid : NULL,
                       in->has_SystemGroup && in->SystemGroup, err);
        if (e == RV_OK)
                LocalGroup_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

static int set_members(struct rv_call *c, const char *group, const struct rv_arg *list, struct rv_error *err)
{
        const char *names;
        char what[128];
        int e = rv_accounts_join(c, list->items, list->type == RV_LIST ? list->len : 0, "Members", &names,
                                 err);
        if (e)
                return e;
        struct rv_argv argv = { .v = { "gpasswd", "-M", names, group }, .n = 4 };
        rv_change(c, "Members", NULL, names);
        snprintf(what, sizeof what, "set the members of the group %.60s", group);
        e = c->what_if ? RV_OK : rv_accounts_run(&argv, what, NULL, c->deadline, err);
        return e == RV_INVALID_PARAMETER ? rv_hint(err, "Every name must be a user of this host.") : e;
}

static int localgroup_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name =
                rv_bit(v->set, LocalGroup_Name) ? &v->v[LocalGroup_Name] : &c->key[LocalGroup_Name];
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a new group needs a Name");
        int e = create(c, name->s, name->len, NULL, false, err);
        return e || !rv_bit(v->set, LocalGroup_Members)
                       ? e
                       : set_members(c, name->s, &v->v[LocalGroup_Members], err);
}

static int not_there(const char *name, struct rv_error *err)
{
        rv_fail(err, RV_NOT_FOUND, "this host has no local group '%.60s'", name);
        return rv_hint(err, "Get-LocalGroup lists them.");
}

/* The key's group, or an outcome. */
static int present(struct rv_call *c, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[LocalGroup_Name];
        struct rv_table t;
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a group is named by its Name");
        rv_about(err, NULL, name->s, NULL);
        int e = read_groups(&t, err);
        if (e)
                return e;
        if (!find(&t, name->s))
                e = not_there(name->s, err);
        rv_table_free(&t);
        return e;
}

static int localgroup_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        int e = present(c, err);
        return e || !rv_bit(v->set, LocalGroup_Members)
                       ? e
                       : set_members(c, c->key[LocalGroup_Name].s, &v->v[LocalGroup_Members], err);
}

static int localgroup_remove(struct rv_call *c, struct rv_error *err)
{
        char what[128];
        int e = present(c, err);
        if (e)
                return e;
        const char *name = c->key[LocalGroup_Name].s;
        struct rv_argv argv = { .v = { "groupdel", "--", name }, .n = 3 };
        rv_change(c, "Name", name, NULL);
        snprintf(what, sizeof what, "remove the group %.60s", name);
        e = c->what_if ? RV_OK : rv_accounts_run(&argv, what, NULL, c->deadline, err);
        if (e == RV_FAILED)
                rv_hint(err,
                        "A group that is some user's first group stays: Get-LocalGroupMember -Group %.60s.",
                        name);
        return e;
}

static int localgroup_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = localgroup_remove(c, err);
        if (e == RV_OK)
                LocalGroup_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

static int localgroup_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalGroup_Rename_in *in = args;
        char what[160];
        int e = rv_accounts_name(in->Name, in->Name_len, "Name", err);
        if (e == RV_OK)
                e = present(c, err);
        if (e)
                return e;
        const char *name = c->key[LocalGroup_Name].s;
        struct rv_argv argv = { .v = { "groupmod", "-n", in->Name, "--", name }, .n = 5 };
        rv_change(c, "Name", name, in->Name);
        snprintf(what, sizeof what, "rename the group %.60s to %.60s", name, in->Name);
        e = c->what_if ? RV_OK : rv_accounts_run(&argv, what, NULL, c->deadline, err);
        if (e == RV_OK)
                LocalGroup_Rename_out_set_ReturnValue(c->out, 0);
        return e;
}

/* ---- members ---- */

struct lister {
        const struct rv_query *q;
        struct rv_sink *out;
        struct rv_table users, groups;
        const struct rv_arg *group, *user; /* what they must equal, or NULL */
};

static int emit_member(struct lister *l, char **group, const char *name, const char *uid, bool primary)
{
        if (l->user && strcasecmp(l->user->s, name) != 0)
                return RV_OK;
        struct rv_row *row = rv_row(l->out);
        rv_fill(row, LocalGroupMember_GroupName, group[GR_NAME]);
        rv_fill(row, LocalGroupMember_Name, name);
        rv_fill(row, LocalGroupMember_Kind, primary ? "Primary" : "Supplementary");
        if (uid)
                LocalGroupMember_set_Uid(row, number(uid));
        LocalGroupMember_set_Gid(row, number(group[GR_GID]));
        rv_fill(row, LocalGroupMember_ObjectClass, "User");
        return rv_emit(l->out, row);
}

/* Everybody once: who has it as the first group, then who was put into it beside. */
static int members_of(struct lister *l, char **group)
{
        int e = RV_OK;
        for (size_t i = 0; e == RV_OK && i < l->users.rows; i++) {
                char **u = rv_table_row(&l->users, i);
                if (strcmp(u[PW_GID], group[GR_GID]) == 0)
                        e = emit_member(l, group, u[PW_NAME], u[PW_UID], true);
        }
        char *names = group[GR_MEMBERS];
        for (char *name; e == RV_OK && (name = strsep(&names, ","));) {
                char **u = rv_table_find(&l->users, name);
                if (*name && !(u && strcmp(u[PW_GID], group[GR_GID]) == 0))
                        e = emit_member(l, group, name, u ? u[PW_UID] : NULL, false);
        }
        return e;
}

static int member_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct lister l = { .q = q,
                            .out = out,
                            .group = rv_equals(q, LocalGroupMember_GroupName),
                            .user = rv_equals(q, LocalGroupMember_Name) };
        int e = read_groups(&l.groups, err);
        if (e)
                return e;
        int r = rv_table_read(&l.users, "/etc/passwd", PW_FIELDS);
        if (r)
                e = rv_fail_errno(err, -r, "cannot read /etc/passwd");
        rv_table_sort(&l.users);
        for (size_t i = 0; e == RV_OK && i < l.groups.rows; i++) {
                char **g = rv_table_row(&l.groups, i);
                if (!l.group || strcasecmp(l.group->s, g[GR_NAME]) == 0)
                        e = rv_cancelled(q->call) ? RV_STOP : members_of(&l, g);
        }
        rv_table_free(&l.groups);
        rv_table_free(&l.users);
        return e == RV_STOP ? RV_OK : e;
}

/* Whether the group is there and whether it lists the user already. */
static int look(const char *group, const char *name, bool *ret_in, struct rv_error *err)
{
        struct rv_table groups, users;
        int e = read_groups(&groups, err);
        if (e)
                return e;
        char **g = find(&groups, group);
        rv_about(err, NULL, group, NULL);
        if (!g)
                e = not_there(group, err);
        *ret_in = g && rv_accounts_listed(g[GR_MEMBERS], name);
        rv_table_free(&groups);
        if (e == RV_OK && rv_table_read(&users, "/etc/passwd", PW_FIELDS) == 0) {
                if (!find(&users, name) && !*ret_in) {
                        rv_about(err, NULL, NULL, "Name");
                        e = rv_fail(err, RV_NOT_FOUND, "this host has no local user '%.60s'", name);
                }
                rv_table_free(&users);
        }
        return e;
}

static int change_member(struct rv_call *c, const char *group, const char *name, bool add, bool in,
                         struct rv_error *err)
{
        char what[200];
        struct rv_argv argv = { .v = { "gpasswd", add ? "-a" : "-d", name, group }, .n = 4 };
        if (add && in)
                return RV_OK; /* as it should be */
        if (!add && !in) {
                rv_about(err, NULL, NULL, "Name");
                rv_fail(err, RV_NOT_FOUND, "%.60s was not put into the group %.60s", name, group);
                return rv_hint(err, "A first group is changed by Set-LocalUser -PrimaryGroup.");
        }
        rv_change(c, "Members", add ? NULL : name, add ? name : NULL);
        snprintf(what, sizeof what,
                 add ? "put %.60s into the group %.60s" : "take %.60s out of the group %.60s", name, group);
        return c->what_if ? RV_OK : rv_accounts_run(&argv, what, NULL, c->deadline, err);
}

/* All are looked at before the first is changed. */
static int change_members(struct rv_call *c, const char *group, const struct rv_arg *names, uint32_t n,
                          bool add, struct rv_error *err)
{
        int e = n ? RV_OK : rv_fail(err, RV_INVALID_PARAMETER, "no user is named");
        bool in;
        for (int round = 0; round < 2; round++)
                for (uint32_t i = 0; e == RV_OK && i < n; i++) {
                        const char *name = names[i].type == RV_STRING ? names[i].s : "";
                        e = rv_accounts_name(name, names[i].len, "Name", err);
                        if (e == RV_OK)
                                e = look(group, name, &in, err);
                        if (e == RV_OK && round)
                                e = change_member(c, group, name, add, in, err);
                }
        if (e == RV_OK)
                LocalGroupMember_Add_out_set_ReturnValue(c->out, 0);
        return e;
}

static int member_add(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalGroupMember_Add_in *in = args;
        return change_members(c, in->GroupName, in->Name, in->Name_n, true, err);
}

static int member_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalGroupMember_Remove_in *in = args;
        return change_members(c, in->GroupName, in->Name, in->Name_n, false, err);
}

static int (*const group_methods[LocalGroup_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [LocalGroup_method_Create] = localgroup_create_method,
        [LocalGroup_method_Delete] = localgroup_delete,
        [LocalGroup_method_Rename] = localgroup_rename,
};
static int (*const member_methods[LocalGroupMember_nmethods])(struct rv_call *, const void *,
                                                              struct rv_error *) = {
        [LocalGroupMember_method_Add] = member_add, [LocalGroupMember_method_Remove] = member_remove
};

static int localgroup_open(struct rv_error *err)
{
        static const char *const folders[] = { "/etc", NULL };
        return rv_filenews_open(folders, err);
}

static int localgroup_news(int fd, struct rv_news *news)
{
        static const char *const files[] = { "passwd", "group", NULL };
        return rv_filenews_read(fd, files, news);
}

static const struct rv_push localgroup_push = { .covers = RV_PUSH_ALL,
                                                .whole = true,
                                                .settle = UINT64_C(50000000),
                                                .open = localgroup_open,
                                                .read = localgroup_news };

static const struct rv_provider localgroup = { .class = &LocalGroup_class,
                                               .push = &localgroup_push,
                                               .query = localgroup_query,
                                               .methods = group_methods,
                                               .create = localgroup_create,
                                               .modify = localgroup_modify,
                                               .remove = localgroup_remove };
static const struct rv_provider localgroupmember = { .class = &LocalGroupMember_class,
                                                     .query = member_query,
                                                     .methods = member_methods };

RV_PROVIDERS(localgroup, &localgroup, &localgroupmember);
