/* SPDX-License-Identifier: MIT
 *
 * LocalUser: the accounts in /etc/passwd and /etc/shadow. They are read from the files (a quarter of a microsecond an
 * account; asking the name service could wait for a directory server), and changed by the tools of the shadow suite,
 * so that its locks, its rules for names and PAM's for passwords hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/LocalUser.h"
#include "providers/lib/accounts.h"
#include "providers/lib/authorizedkeys.h"
#include "providers/lib/filenews.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"
#include "providers/lib/userfile.h"

enum { PW_NAME, PW_PASSWORD, PW_UID, PW_GID, PW_GECOS, PW_HOME, PW_SHELL, PW_FIELDS };
enum {
        SP_NAME,
        SP_PASSWORD,
        SP_CHANGED,
        SP_LEAST,
        SP_MOST,
        SP_WARN,
        SP_INACTIVE,
        SP_EXPIRES,
        SP_RESERVED,
        SP_FIELDS
};
enum { GR_NAME, GR_PASSWORD, GR_GID, GR_MEMBERS, GR_FIELDS };

enum { SUB_NAME, SUB_FIRST, SUB_COUNT, SUB_FIELDS };
#define HOME_PATIENCE UINT64_C(3000000000)  /* ns that the first home which does not answer is waited for, */
#define HOME_IMPATIENCE UINT64_C(100000000) /* and each later one of the same question */
#define FAILLOCK "/var/run/faillock"

static const int64_t day = INT64_C(86400) * 1000000000;

struct accounts {
        struct rv_table users, shadow, groups, subuids, subgids;
        uint32_t uid_min, uid_max;
};

/* One question under way. */
struct reading {
        struct accounts a;
        struct rv_sink *out;
        uint64_t deadline;
        bool stalled; /* a home did not answer */
};

/* ---- reading ---- */

static uint32_t definition(const char *all, const char *name, uint32_t otherwise)
{
        size_t n = strlen(name);
        for (const char *p = all; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
                if (strncmp(p, name, n) == 0 && (p[n] == ' ' || p[n] == '\t'))
                        return (uint32_t)strtoul(p + n, NULL, 10);
        return otherwise;
}

static int accounts_read(struct accounts *a, struct rv_error *err)
{
        size_t n;
        *a = (struct accounts) { 0 };
        int e = rv_table_read(&a->users, "/etc/passwd", PW_FIELDS);
        if (e)
                return rv_fail_errno(err, -e, "cannot read /etc/passwd");
        if (rv_table_read(&a->shadow, "/etc/shadow", SP_FIELDS) == 0)
                rv_table_sort(&a->shadow);
        rv_table_read(&a->groups, "/etc/group", GR_FIELDS);
        char *defs = rv_slurp("/etc/login.defs", 1 << 20, &n);
        a->uid_min = definition(defs, "UID_MIN", 1000);
        a->uid_max = definition(defs, "UID_MAX", 60000);
        free(defs);
        return RV_OK;
}

static void accounts_free(struct accounts *a)
{
        rv_table_free(&a->users);
        rv_table_free(&a->shadow);
        rv_table_free(&a->groups);
        rv_table_free(&a->subuids);
        rv_table_free(&a->subgids);
}

static char **find_user(const struct accounts *a, const char *name)
{
        for (size_t i = 0; i < a->users.rows; i++)
                if (strcmp(rv_table_row(&a->users, i)[PW_NAME], name) == 0)
                        return rv_table_row(&a->users, i);
        return NULL;
}

static const char *group_name(const struct accounts *a, const char *gid)
{
        for (size_t i = 0; i < a->groups.rows; i++)
                if (strcmp(rv_table_row(&a->groups, i)[GR_GID], gid) == 0)
                        return rv_table_row(&a->groups, i)[GR_NAME];
        return NULL;
}

/* A number of days, or -1 for an empty field. */
static long days(const char *field)
{
        char *end;
        long n = strtol(field, &end, 10);
        return *field && !*end && n >= 0 ? n : -1;
}

static const char *password_state(const char *field)
{
        size_t locks = strspn(field, "!");
        if (!*field)
                return "Empty";
        if (field[0] == '*' || (locks && (!field[locks] || field[locks] == '*')))
                return "None";
        return locks ? "Locked" : "Set";
}

static bool has_expired(char **shadow)
{
        long end = shadow ? days(shadow[SP_EXPIRES]) : -1;
        return end >= 0 && end <= time(NULL) / 86400;
}

static void fill_shadow(struct rv_row *row, char **user, char **shadow)
{
        const char *password = strcmp(user[PW_PASSWORD], "x") != 0 ? user[PW_PASSWORD]
                               : shadow                            ? shadow[SP_PASSWORD]
                                                                   : NULL;
        if (password) {
                rv_fill(row, LocalUser_PasswordState, password_state(password));
                LocalUser_set_PasswordRequired(row, *password != 0);
                LocalUser_set_Enabled(row, !has_expired(shadow));
        }
        if (!shadow)
                return;
        long changed = days(shadow[SP_CHANGED]), least = days(shadow[SP_LEAST]), most = days(shadow[SP_MOST]);
        long end = days(shadow[SP_EXPIRES]);
        if (changed > 0)
                LocalUser_set_PasswordLastSet(row, changed * day);
        if (changed > 0 && least > 0)
                LocalUser_set_PasswordChangeableDate(row, (changed + least) * day);
        if (changed > 0 && most >= 0 && most < 10000) /* 99999 stands for never */
                LocalUser_set_PasswordExpires(row, (changed + most) * day);
        if (end >= 0)
                LocalUser_set_AccountExpires(row, end * day);
        LocalUser_set_PasswordMustChange(row, changed == 0);
        long warn = days(shadow[SP_WARN]), inactive = days(shadow[SP_INACTIVE]);
        if (least > 0)
                LocalUser_set_PasswordMinDays(row, (uint32_t)least);
        if (most >= 0 && most < 10000)
                LocalUser_set_PasswordMaxDays(row, (uint32_t)most);
        if (warn >= 0)
                LocalUser_set_PasswordWarnDays(row, (uint32_t)warn);
        if (inactive >= 0)
                LocalUser_set_PasswordInactiveDays(row, (uint32_t)inactive);
}

/* Lines that begin with the name or the id: subuid(5). */
static void fill_sub(struct rv_row *row, unsigned property, const struct rv_table *t, char **user)
{
        char text[4096];
        size_t at = 0;
        for (size_t i = 0; i < t->rows && at < sizeof text - 64; i++) {
                char **s = rv_table_row(t, i);
                if (strcmp(s[SUB_NAME], user[PW_NAME]) == 0 || strcmp(s[SUB_NAME], user[PW_UID]) == 0)
                        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.20s:%.20s", at ? " " : "",
                                               s[SUB_FIRST], s[SUB_COUNT]);
        }
        if (at)
                rv_fill_list(row, property, text, " ");
}

/* What pam_faillock has counted: records of 64 bytes, of which one that is valid stands for a login that failed. */
static void fill_failed(struct rv_row *row, const char *name)
{
        struct {
                char source[52];
                uint16_t reserved, status;
                uint64_t when;
        } record;
        uint32_t n = 0;
        uint64_t last = 0;
        char path[512];
        if (!(LocalUser_wants_FailedLogons(row) || LocalUser_wants_LastFailedLogon(row)) ||
            strchr(name, '/') || access(FAILLOCK, F_OK) < 0)
                return;
        snprintf(path, sizeof path, FAILLOCK "/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        while (fd >= 0 && read(fd, &record, sizeof record) == (ssize_t)sizeof record)
                if (record.status & 1) {
                        n++;
                        last = record.when > last ? record.when : last;
                }
        if (fd >= 0)
                close(fd);
        LocalUser_set_FailedLogons(row, n);
        if (last)
                LocalUser_set_LastFailedLogon(row, (int64_t)last * 1000000000);
}

static void fill_groups(const struct accounts *a, struct rv_row *row, const char *name)
{
        uint32_t n = 0, i = 0;
        if (!LocalUser_wants_Groups(row))
                return;
        for (size_t k = 0; k < a->groups.rows; k++)
                n += rv_accounts_listed(rv_table_row(&a->groups, k)[GR_MEMBERS], name);
        rv_list list = LocalUser_set_Groups(row, n);
        for (size_t k = 0; k < a->groups.rows && i < n; k++) {
                char **g = rv_table_row(&a->groups, k);
                if (rv_accounts_listed(g[GR_MEMBERS], name))
                        rv_item_string(row, list, i++, g[GR_NAME], strlen(g[GR_NAME]));
        }
}

/* The record of an id in /var/log/lastlog (lastlog(5)). */
static void fill_last_logon(struct rv_row *row, uint32_t uid)
{
        int32_t when = 0;
        int fd = open("/var/log/lastlog", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        if (pread(fd, &when, sizeof when, (off_t)uid * 292) == (ssize_t)sizeof when && when > 0)
                LocalUser_set_LastLogon(row, (int64_t)when * 1000000000);
        close(fd);
}

static struct rv_userfile keys_file(char **user, uint64_t deadline)
{
        return (struct rv_userfile) { .home = user[PW_HOME],
                                      .uid = (uid_t)strtoul(user[PW_UID], NULL, 10),
                                      .gid = (gid_t)strtoul(user[PW_GID], NULL, 10),
                                      .folder = ".ssh",
                                      .name = "authorized_keys",
                                      .deadline = deadline };
}

/* A home that does not answer is said in the result; what may not be read is null. */
static void fill_keys(struct reading *r, struct rv_row *row, char **user)
{
        char *text = NULL;
        const char *line;
        size_t len;
        uint32_t n = 0, i = 0;
        struct rv_error err = { 0 };
        if (!LocalUser_wants_AuthorizedKeys(row) || user[PW_HOME][0] != '/')
                return;
        uint64_t until = rv_now() + (r->stalled ? HOME_IMPATIENCE : HOME_PATIENCE);
        struct rv_userfile f = keys_file(user, until < r->deadline ? until : r->deadline);
        rv_about(&err, "LocalUser", user[PW_NAME], "AuthorizedKeys");
        if (rv_userfile_read(&f, &text, &len, &err) == RV_TIMED_OUT) {
                r->stalled = true;
                rv_partial(r->out, &err);
        }
        for (const char *at = text; at && rv_authorized_next(&at, &line, &len);)
                n++;
        if (text) {
                rv_list list = LocalUser_set_AuthorizedKeys(row, n);
                for (const char *at = text; rv_authorized_next(&at, &line, &len);)
                        rv_item_string(row, list, i++, line, len);
        }
        free(text);
}

static void fill(struct reading *r, struct rv_row *row, char **user)
{
        const struct accounts *a = &r->a;
        char sid[32];
        uint32_t uid = (uint32_t)strtoul(user[PW_UID], NULL, 10);
        snprintf(sid, sizeof sid, "S-1-22-1-%u", uid);
        rv_fill(row, LocalUser_Name, user[PW_NAME]);
        LocalUser_set_Uid(row, uid);
        rv_fill(row, LocalUser_SID, sid);
        rv_fill(row, LocalUser_Description, user[PW_GECOS]);
        rv_fill_n(row, LocalUser_FullName, user[PW_GECOS], strcspn(user[PW_GECOS], ","));
        LocalUser_set_GroupId(row, (uint32_t)strtoul(user[PW_GID], NULL, 10));
        if (LocalUser_wants_PrimaryGroup(row))
                rv_fill(row, LocalUser_PrimaryGroup, group_name(a, user[PW_GID]));
        rv_fill(row, LocalUser_HomeDirectory, user[PW_HOME]);
        rv_fill(row, LocalUser_Shell, user[PW_SHELL]);
        LocalUser_set_SystemAccount(row, uid < a->uid_min || uid > a->uid_max);
        rv_fill(row, LocalUser_PrincipalSource, "Local");
        fill_shadow(row, user, rv_table_find(&a->shadow, user[PW_NAME]));
        fill_groups(a, row, user[PW_NAME]);
        if (LocalUser_wants_LastLogon(row))
                fill_last_logon(row, uid);
        fill_failed(row, user[PW_NAME]);
        fill_sub(row, LocalUser_SubUids, &a->subuids, user);
        fill_sub(row, LocalUser_SubGids, &a->subgids, user);
        fill_keys(r, row, user);
}

static int localuser_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reading r = { .out = out, .deadline = q->deadline };
        const struct rv_arg *name = rv_equals(q, LocalUser_Name), *uid = rv_equals(q, LocalUser_Uid);
        int e = accounts_read(&r.a, err);
        if (e == RV_OK && rv_asked(q, LocalUser_SubUids))
                rv_table_read(&r.a.subuids, "/etc/subuid", SUB_FIELDS);
        if (e == RV_OK && rv_asked(q, LocalUser_SubGids))
                rv_table_read(&r.a.subgids, "/etc/subgid", SUB_FIELDS);
        for (size_t i = 0; e == RV_OK && i < r.a.users.rows; i++) {
                char **user = rv_table_row(&r.a.users, i);
                if (!*user[PW_UID] || (name && strcasecmp(name->s, user[PW_NAME]) != 0) ||
                    (uid && uid->u != strtoul(user[PW_UID], NULL, 10)))
                        continue;
                struct rv_row *row = rv_row(out);
                fill(&r, row, user);
                e = rv_cancelled(q->call) ? RV_STOP : rv_emit(out, row);
        }
        accounts_free(&r.a);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

/* One account, by its key, and what is to be done to it. */
struct change {
        struct accounts a;
        char **user, **shadow;
        const char *name;
        char what[128];
        struct rv_argv argv;
};

static int begin_named(struct change *ch, const char *name, const char *verb, struct rv_error *err)
{
        *ch = (struct change) { 0 };
        rv_about(err, NULL, name, NULL);
        int e = accounts_read(&ch->a, err);
        if (e)
                return e;
        ch->user = find_user(&ch->a, name);
        if (!ch->user) {
                accounts_free(&ch->a);
                rv_fail(err, RV_NOT_FOUND, "this host has no local user '%.60s'", name);
                return rv_hint(err, "Get-LocalUser lists them; those of a directory are managed there.");
        }
        ch->name = ch->user[PW_NAME];
        ch->shadow = rv_table_find(&ch->a.shadow, ch->name);
        snprintf(ch->what, sizeof ch->what, "%s the user %.60s", verb, ch->name);
        return RV_OK;
}

static int begin(struct rv_call *c, struct change *ch, const char *verb, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[LocalUser_Name];
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a user is named by its Name");
        return begin_named(ch, name->s, verb, err);
}

static int run(struct rv_call *c, struct change *ch, struct rv_error *err)
{
        rv_argv_add2(&ch->argv, "--", ch->name);
        return c->what_if ? RV_OK : rv_accounts_run(&ch->argv, ch->what, NULL, c->deadline, err);
}

static int end(struct rv_call *c, struct change *ch, int e)
{
        accounts_free(&ch->a);
        if (e == RV_OK && c->method)
                LocalUser_Enable_out_set_ReturnValue(c->out, 0);
        return e;
}

static int set_password(struct rv_call *c, const char *name, const char *password, size_t n,
                        struct rv_error *err)
{
        char what[128];
        struct rv_argv argv = { 0 };
        rv_about(err, NULL, NULL, "Password");
        if (!n || strlen(password) != n || strchr(password, '\n'))
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a password has at least one character and no line end");
        rv_change(c, "Password", NULL, "***");
        if (c->what_if)
                return RV_OK;
        snprintf(what, sizeof what, "set the password of %.60s", name);
        size_t room = strlen(name) + n + 3;
        char *line = rv_arena_get(c->arena, room);
        if (!line)
                return -ENOMEM;
        snprintf(line, room, "%s:%s\n", name, password);
        rv_argv_add(&argv, "chpasswd");
        int e = rv_accounts_run(&argv, what, line, c->deadline, err);
        explicit_bzero(line, room);
        bool refused = e == RV_UNAVAILABLE && err && !err->retryable; /* chpasswd says 1 for that as well */
        return refused ? (err->code = RV_INVALID_PARAMETER) : e;
}

/* "2026-12-31" for usermod; the account ends with that day's beginning. */
static const char *date(struct rv_call *c, int64_t ns)
{
        char text[32];
        time_t t = (time_t)(ns / 1000000000);
        struct tm tm;
        gmtime_r(&t, &tm);
        return rv_arena_text(c->arena, text, strftime(text, sizeof text, "%Y-%m-%d", &tm));
}

/* What is asked of a new account, from a method's arguments or from CreateInstance's properties. */
struct wanted {
        const char *name, *gecos, *group, *home, *shell, *password;
        size_t nname, npassword;
        const struct rv_arg *groups;
        uint32_t ngroups;
        const char *uid, *expires;
        bool no_home, system, disabled;
};

static void create_arguments(const struct wanted *w, const char *groups, struct rv_argv *argv)
{
        rv_argv_add(argv, "useradd");
        rv_argv_add(argv, w->no_home || (w->system && !w->home) ? "-M" : "-m");
        if (w->system)
                rv_argv_add(argv, "-r");
        if (w->gecos)
                rv_argv_add2(argv, "-c", w->gecos);
        if (w->uid)
                rv_argv_add2(argv, "-u", w->uid);
        if (w->group)
                rv_argv_add2(argv, "-g", w->group);
        if (*groups)
                rv_argv_add2(argv, "-G", groups);
        if (w->home)
                rv_argv_add2(argv, "-d", w->home);
        if (w->shell)
                rv_argv_add2(argv, "-s", w->shell);
        if (w->disabled || w->expires)
                rv_argv_add2(argv, "-e", w->disabled ? "1970-01-02" : w->expires);
        rv_argv_add2(argv, "--", w->name);
}

static int create(struct rv_call *c, const struct wanted *w, struct rv_error *err)
{
        struct accounts a;
        struct rv_argv argv = { 0 };
        const char *groups;
        char what[128];
        int e = rv_accounts_name(w->name, w->nname, "Name", err);
        if (e == RV_OK)
                e = rv_accounts_join(c, w->groups, w->ngroups, "Groups", &groups, err);
        if (e == RV_OK)
                e = accounts_read(&a, err);
        if (e)
                return e;
        rv_about(err, NULL, w->name, NULL);
        if (find_user(&a, w->name))
                e = rv_fail(err, RV_ALREADY_EXISTS, "there is a user %.60s already", w->name);
        accounts_free(&a);
        if (e)
                return e;
        rv_change(c, "Name", NULL, w->name);
        if (!c->what_if) {
                snprintf(what, sizeof what, "create the user %.60s", w->name);
                create_arguments(w, groups, &argv);
                e = rv_accounts_run(&argv, what, NULL, c->deadline, err);
        }
        if (e == RV_OK && w->password) {
                e = set_password(c, w->name, w->password, w->npassword, err);
                if (e &&
                    !c->what_if) { /* the password was refused: no account without the one that was asked for */
                        struct rv_argv undo = { .v = { "userdel", "-r", "--", w->name }, .n = 4 };
                        rv_accounts_run(&undo, "take the new user away again", NULL,
                                        rv_now() + UINT64_C(10000000000), NULL);
                }
        }
        return e;
}

static int localuser_create_method(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalUser_Create_in *in = args;
        char uid[16];
        snprintf(uid, sizeof uid, "%u", in->Uid);
        struct wanted w = { .name = in->Name,
                            .nname = in->Name_len,
                            .gecos = in->has_Description ? in->Description
                                     : in->has_FullName  ? in->FullName
                                                         : NULL,
                            .group = in->has_PrimaryGroup ? in->PrimaryGroup : NULL,
                            .home = in->has_HomeDirectory ? in->HomeDirectory : NULL,
                            .shell = in->has_Shell ? in->Shell : NULL,
                            .password = in->has_Password ? in->Password : NULL,
                            .npassword = in->has_Password ? in->Password_len : 0,
                            .groups = in->Groups,
                            .ngroups = in->has_Groups ? in->Groups_n : 0,
                            .uid = in->has_Uid ? uid : NULL,
                            .expires = in->has_AccountExpires ? date(c, in->AccountExpires) : NULL,
                            .no_home = in->has_NoHome && in->NoHome,
                            .system = in->has_SystemAccount && in->SystemAccount,
                            .disabled = in->has_Disabled && in->Disabled };
        int e = create(c, &w, err);
        if (e == RV_OK)
                LocalUser_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

static const char *text_of(const struct rv_values *v, unsigned p)
{
        return rv_bit(v->set, p) && v->v[p].type == RV_STRING ? v->v[p].s : NULL;
}

/* The GECOS field with another name in it. */
static int with_full_name(struct rv_call *c, const char *gecos, const char *name, const char **ret,
                          struct rv_error *err)
{
        const char *rest = strchr(gecos, ',');
        if (strchr(name, ',')) {
                rv_about(err, NULL, NULL, "FullName");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "FullName may not hold a comma: it divides the field");
        }
        size_t n = strlen(name) + strlen(rest ? rest : "") + 1;
        char *text = rv_arena_get(c->arena, n);
        if (!text)
                return -ENOMEM;
        snprintf(text, n, "%s%s", name, rest ? rest : "");
        *ret = text;
        return RV_OK;
}

static const char *given(const struct rv_values *v, unsigned p)
{
        return v->v[p].type == RV_STRING ? v->v[p].s : "";
}

static int modify_arguments(struct rv_call *c, struct change *ch, const struct rv_values *v,
                            struct rv_error *err)
{
        const char *gecos = NULL, *group = group_name(&ch->a, ch->user[PW_GID]);
        const struct rv_arg *ends = &v->v[LocalUser_AccountExpires];
        if (rv_bit(v->set, LocalUser_Description)) {
                gecos = given(v, LocalUser_Description);
                rv_change(c, "Description", ch->user[PW_GECOS], gecos);
        } else if (rv_bit(v->set, LocalUser_FullName)) {
                int e = with_full_name(c, ch->user[PW_GECOS], given(v, LocalUser_FullName), &gecos, err);
                if (e)
                        return e;
                rv_change(c, "FullName", ch->user[PW_GECOS], gecos);
        }
        if (gecos)
                rv_argv_add2(&ch->argv, "-c", gecos);
        if (rv_bit(v->set, LocalUser_PrimaryGroup)) {
                rv_change(c, "PrimaryGroup", group, given(v, LocalUser_PrimaryGroup));
                rv_argv_add2(&ch->argv, "-g", given(v, LocalUser_PrimaryGroup));
        }
        if (rv_bit(v->set, LocalUser_Groups)) {
                const struct rv_arg *list = &v->v[LocalUser_Groups];
                const char *names;
                int e = rv_accounts_join(c, list->items, list->type == RV_LIST ? list->len : 0, "Groups",
                                         &names, err);
                if (e)
                        return e;
                rv_change(c, "Groups", NULL, names);
                rv_argv_add2(&ch->argv, "-G", names);
        }
        if (rv_bit(v->set, LocalUser_HomeDirectory)) {
                rv_change(c, "HomeDirectory", ch->user[PW_HOME], given(v, LocalUser_HomeDirectory));
                rv_argv_add2(&ch->argv, "-d", given(v, LocalUser_HomeDirectory));
        }
        if (rv_bit(v->set, LocalUser_Shell)) {
                rv_change(c, "Shell", ch->user[PW_SHELL], given(v, LocalUser_Shell));
                rv_argv_add2(&ch->argv, "-s", given(v, LocalUser_Shell));
        }
        if (rv_bit(v->set, LocalUser_AccountExpires)) {
                const char *to = ends->type == RV_DATETIME ? date(c, ends->i) : "";
                rv_change(c, "AccountExpires", ch->shadow ? ch->shadow[SP_EXPIRES] : NULL, to);
                rv_argv_add2(&ch->argv, "-e", to);
        }
        return RV_OK;
}

/* chage's options, for what usermod has none. -1 takes a bound away. */
static void aging_arguments(struct rv_call *c, struct change *ch, const struct rv_values *v,
                            struct rv_argv *argv)
{
        static const struct {
                uint16_t property, field;
                const char *option, *none;
        } aging[] = {
                { LocalUser_PasswordMinDays, SP_LEAST, "-m", "0" },
                { LocalUser_PasswordMaxDays, SP_MOST, "-M", "-1" },
                { LocalUser_PasswordWarnDays, SP_WARN, "-W", "-1" },
                { LocalUser_PasswordInactiveDays, SP_INACTIVE, "-I", "-1" },
        };
        char number[24];
        for (size_t i = 0; i < sizeof aging / sizeof *aging; i++) {
                const struct rv_arg *days = &v->v[aging[i].property];
                if (!rv_bit(v->set, aging[i].property))
                        continue;
                int n = snprintf(number, sizeof number, "%u", (unsigned)days->u);
                const char *to =
                        days->type == RV_NULL ? aging[i].none : rv_arena_text(c->arena, number, (size_t)n);
                rv_change(c, c->class->properties[aging[i].property].name,
                          ch->shadow ? ch->shadow[aging[i].field] : NULL, days->type == RV_NULL ? NULL : to);
                rv_argv_add2(argv, aging[i].option, to);
        }
        const struct rv_arg *must = &v->v[LocalUser_PasswordMustChange];
        if (rv_bit(v->set, LocalUser_PasswordMustChange)) {
                bool does = ch->shadow && strcmp(ch->shadow[SP_CHANGED], "0") == 0,
                     wish = must->type == RV_BOOL && must->b;
                int n = snprintf(number, sizeof number, "%lld", wish ? 0LL : (long long)(time(NULL) / 86400));
                rv_change(c, "PasswordMustChange", does ? "True" : "False", wish ? "True" : "False");
                rv_argv_add2(argv, "-d", rv_arena_text(c->arena, number, (size_t)n));
        }
}

static int change_aging(struct rv_call *c, struct change *ch, const struct rv_values *v, struct rv_error *err)
{
        struct rv_argv argv = { .v = { "chage" }, .n = 1 };
        aging_arguments(c, ch, v, &argv);
        if (argv.n == 1 || c->what_if)
                return RV_OK;
        rv_argv_add2(&argv, "--", ch->name);
        return rv_accounts_run(&argv, ch->what, NULL, c->deadline, err);
}

/* ---- keys ---- */

enum { SET_KEYS, ADD_KEY, REMOVE_KEY };

/* The file as it is, what is to become of it, and the change of it. lines: of SET_KEYS all, else one. */
static int change_keys(struct rv_call *c, struct change *ch, int what, const struct rv_arg *lines, size_t n,
                       struct rv_error *err)
{
        uint64_t until = rv_now() + HOME_PATIENCE;
        struct rv_userfile f = keys_file(ch->user, until < c->deadline ? until : c->deadline);
        char *old = NULL;
        const char *text = NULL, *gone = NULL;
        size_t nold;
        int e = RV_OK;
        for (size_t i = 0; what != REMOVE_KEY && e == RV_OK && i < n; i++)
                e = rv_authorized_check(lines[i].s, lines[i].len, err);
        if (e == RV_OK && f.home[0] != '/')
                e = rv_fail(err, RV_NOT_SUPPORTED, "%s has no home folder that could hold keys", ch->name);
        if (e == RV_OK)
                e = rv_userfile_read(&f, &old, &nold, err);
        if (e)
                return e;
        const char *now = old ? old : "";
        if (old && strlen(old) != nold)
                e = rv_fail(err, RV_NOT_SUPPORTED,
                            "%s/.ssh/authorized_keys holds a NUL byte: mend it by hand", f.home);
        else if (what == SET_KEYS)
                e = rv_authorized_set(c->arena, now, lines, n, &text);
        else if (what == ADD_KEY)
                e = rv_authorized_add(c->arena, now, lines->s, lines->len, &text, &gone);
        else
                e = rv_authorized_remove(c->arena, now, lines->s, &text, &gone);
        if (e == RV_OK && what == REMOVE_KEY && !text)
                e = rv_fail(err, RV_NOT_FOUND, "%s has no such key in %s/.ssh/authorized_keys", ch->name,
                            f.home);
        if (e == RV_OK && text && strcmp(text, now) != 0) {
                rv_change(c, "AuthorizedKeys", what == SET_KEYS ? old : gone,
                          what == SET_KEYS  ? text
                          : what == ADD_KEY ? lines->s
                                            : NULL);
                if (!c->what_if)
                        e = rv_userfile_write(&f, old, nold, text, strlen(text), err);
        }
        free(old);
        return e;
}

static int change_key(struct rv_call *c, int what, const char *key, size_t n, struct rv_error *err)
{
        struct change ch;
        struct rv_arg line = { .type = RV_STRING, .s = key, .len = (uint32_t)n };
        int e = begin(c, &ch, "change the keys of", err);
        return e ? e : end(c, &ch, change_keys(c, &ch, what, &line, 1, err));
}

static int localuser_add_key(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalUser_AddAuthorizedKey_in *in = args;
        return change_key(c, ADD_KEY, in->Key, in->Key_len, err);
}

static int localuser_remove_key(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalUser_RemoveAuthorizedKey_in *in = args;
        return change_key(c, REMOVE_KEY, in->Key, in->Key_len, err);
}

/* Failed logins are forgotten by the program that belongs to who counts them. */
static int localuser_unlock(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct change ch;
        int e = begin(c, &ch, "forget the failed logins of", err);
        if (e)
                return e;
        rv_change(c, "FailedLogons", NULL, "0");
        struct rv_tool tool = { .argv = (const char *[]) { "faillock", "--user", ch.name, "--reset", NULL },
                                .what = ch.what,
                                .deadline = c->deadline };
        return end(c, &ch, rv_tool_do(&tool, c->what_if, err));
}

static int localuser_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct change ch;
        int e = begin(c, &ch, "change", err);
        if (e)
                return e;
        rv_argv_add(&ch.argv, "usermod");
        e = modify_arguments(c, &ch, v, err);
        if (e == RV_OK && ch.argv.n > 1)
                e = run(c, &ch, err);
        if (e == RV_OK)
                e = change_aging(c, &ch, v, err);
        const struct rv_arg *keys = &v->v[LocalUser_AuthorizedKeys], *password = &v->v[LocalUser_Password];
        if (e == RV_OK && rv_bit(v->set, LocalUser_AuthorizedKeys))
                e = change_keys(c, &ch, SET_KEYS, keys->items, keys->type == RV_LIST ? keys->len : 0, err);
        if (e == RV_OK && rv_bit(v->set, LocalUser_Password))
                e = set_password(c, ch.name, password->type == RV_STRING ? password->s : "",
                                 password->type == RV_STRING ? password->len : 0, err);
        accounts_free(&ch.a);
        return e;
}

/* What useradd has no options for, given with CreateInstance. */
static bool more_wanted(const struct rv_values *v)
{
        static const uint16_t more[] = { LocalUser_PasswordMinDays,    LocalUser_PasswordMaxDays,
                                         LocalUser_PasswordWarnDays,   LocalUser_PasswordInactiveDays,
                                         LocalUser_PasswordMustChange, LocalUser_AuthorizedKeys };
        bool any = false;
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
                any |= rv_bit(v->set, more[i]);
        return any;
}

static int create_more(struct rv_call *c, const char *name, const struct rv_values *v, struct rv_error *err)
{
        struct change ch;
        const struct rv_arg *keys = &v->v[LocalUser_AuthorizedKeys];
        bool has_keys = rv_bit(v->set, LocalUser_AuthorizedKeys) && keys->type == RV_LIST;
        for (uint32_t i = 0; has_keys && c->what_if && i < keys->len; i++) {
                int e = rv_authorized_check(keys->items[i].s, keys->items[i].len, err);
                if (e)
                        return e;
                rv_change(c, "AuthorizedKeys", NULL, keys->items[i].s);
        }
        int e = c->what_if ? RV_OK : begin_named(&ch, name, "set up", err);
        if (e || c->what_if)
                return e;
        e = change_aging(c, &ch, v, err);
        if (e == RV_OK && has_keys)
                e = change_keys(c, &ch, SET_KEYS, keys->items, keys->len, err);
        accounts_free(&ch.a);
        if (e)
                rv_hint(err, "The account was made; what failed can be set once more.");
        return e;
}

static int localuser_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name =
                rv_bit(v->set, LocalUser_Name) ? &v->v[LocalUser_Name] : &c->key[LocalUser_Name];
        const struct rv_arg *end = &v->v[LocalUser_AccountExpires];
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a new user needs a Name");
        struct wanted w = { .name = name->s,
                            .nname = name->len,
                            .gecos = text_of(v, LocalUser_Description),
                            .group = text_of(v, LocalUser_PrimaryGroup),
                            .home = text_of(v, LocalUser_HomeDirectory),
                            .shell = text_of(v, LocalUser_Shell),
                            .password = text_of(v, LocalUser_Password) };
        if (!w.gecos)
                w.gecos = text_of(v, LocalUser_FullName);
        w.npassword = w.password ? v->v[LocalUser_Password].len : 0;
        if (rv_bit(v->set, LocalUser_Groups) && v->v[LocalUser_Groups].type == RV_LIST) {
                w.groups = v->v[LocalUser_Groups].items;
                w.ngroups = v->v[LocalUser_Groups].len;
        }
        if (rv_bit(v->set, LocalUser_AccountExpires) && end->type == RV_DATETIME)
                w.expires = date(c, end->i);
        int e = create(c, &w, err);
        return e == RV_OK && more_wanted(v) ? create_more(c, w.name, v, err) : e;
}

static int delete (struct rv_call *c, bool remove_home, bool force, struct rv_error *err)
{
        struct change ch;
        int e = begin(c, &ch, "remove", err);
        if (e)
                return e;
        rv_change(c, "Name", ch.name, NULL);
        rv_argv_add(&ch.argv, "userdel");
        if (remove_home) {
                rv_change(c, "HomeDirectory", ch.user[PW_HOME], NULL);
                rv_argv_add(&ch.argv, "-r");
        }
        if (force)
                rv_argv_add(&ch.argv, "-f");
        if (strtoul(ch.user[PW_UID], NULL, 10) == 0) {
                e = rv_fail(err, RV_NOT_SUPPORTED,
                            "%s is the system's administrator (user id 0): it is not removed", ch.name);
                accounts_free(&ch.a);
                return e;
        }
        return end(c, &ch, run(c, &ch, err));
}

static int localuser_remove(struct rv_call *c, struct rv_error *err)
{
        return delete (c, false, false, err);
}

static int localuser_delete(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalUser_Delete_in *in = args;
        return delete (c, in->has_RemoveHome && in->RemoveHome, in->has_Force && in->Force, err);
}

static int localuser_enable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct change ch;
        int e = begin(c, &ch, "enable", err);
        if (e)
                return e;
        rv_argv_add(&ch.argv, "usermod");
        if (has_expired(ch.shadow)) {
                rv_change(c, "Enabled", "False", "True");
                rv_argv_add2(&ch.argv, "-e", "");
        }
        if (ch.shadow && strcmp(password_state(ch.shadow[SP_PASSWORD]), "Locked") == 0) {
                rv_change(c, "PasswordState", "Locked", "Set");
                rv_argv_add(&ch.argv, "-U");
        }
        return end(c, &ch, ch.argv.n > 1 ? run(c, &ch, err) : RV_OK);
}

static int localuser_disable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct change ch;
        int e = begin(c, &ch, "disable", err);
        if (e)
                return e;
        rv_argv_add(&ch.argv, "usermod");
        if (!has_expired(ch.shadow)) {
                rv_change(c, "Enabled", "True", "False");
                rv_argv_add2(&ch.argv, "-e", "1970-01-02");
        }
        if (ch.shadow && strcmp(password_state(ch.shadow[SP_PASSWORD]), "Set") == 0) {
                rv_change(c, "PasswordState", "Set", "Locked");
                rv_argv_add(&ch.argv, "-L");
        }
        return end(c, &ch, ch.argv.n > 1 ? run(c, &ch, err) : RV_OK);
}

static int localuser_set_password(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalUser_SetPassword_in *in = args;
        struct change ch;
        int e = begin(c, &ch, "change", err);
        return e ? e : end(c, &ch, set_password(c, ch.name, in->Password, in->Password_len, err));
}

static int localuser_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LocalUser_Rename_in *in = args;
        struct change ch;
        int e = rv_accounts_name(in->Name, in->Name_len, "Name", err);
        if (e == RV_OK)
                e = begin(c, &ch, "rename", err);
        if (e)
                return e;
        if (find_user(&ch.a, in->Name)) {
                rv_about(err, NULL, NULL, "Name");
                return end(c, &ch,
                           rv_fail(err, RV_ALREADY_EXISTS, "there is a user %.60s already", in->Name));
        }
        rv_change(c, "Name", ch.name, in->Name);
        rv_argv_add(&ch.argv, "usermod");
        rv_argv_add2(&ch.argv, "-l", in->Name);
        return end(c, &ch, run(c, &ch, err));
}

static int (*const methods[LocalUser_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [LocalUser_method_Create] = localuser_create_method,
        [LocalUser_method_Delete] = localuser_delete,
        [LocalUser_method_Enable] = localuser_enable,
        [LocalUser_method_Disable] = localuser_disable,
        [LocalUser_method_SetPassword] = localuser_set_password,
        [LocalUser_method_AddAuthorizedKey] = localuser_add_key,
        [LocalUser_method_RemoveAuthorizedKey] = localuser_remove_key,
        [LocalUser_method_Unlock] = localuser_unlock,
        [LocalUser_method_Rename] = localuser_rename,
};

static int localuser_open(struct rv_error *err)
{
        static const char *const folders[] = { "/etc", NULL };
        return rv_filenews_open(folders, err);
}

static int localuser_news(int fd, struct rv_news *news)
{
        static const char *const files[] = { "passwd", "shadow", "group", NULL };
        return rv_filenews_read(fd, files, news);
}

static const uint16_t localuser_silent[] = { LocalUser_LastLogon,    LocalUser_AuthorizedKeys,
                                             LocalUser_FailedLogons, LocalUser_LastFailedLogon,
                                             LocalUser_SubUids,      LocalUser_SubGids };
static const struct rv_push localuser_push = { .covers = RV_PUSH_ALL,
                                               .whole = true,
                                               .settle = UINT64_C(50000000),
                                               .silent = localuser_silent,
                                               .nsilent = sizeof localuser_silent / sizeof *localuser_silent,
                                               .open = localuser_open,
                                               .read = localuser_news };

static const struct rv_provider localuser = { .class = &LocalUser_class,
                                              .push = &localuser_push,
                                              .query = localuser_query,
                                              .methods = methods,
                                              .create = localuser_create,
                                              .modify = localuser_modify,
                                              .remove = localuser_remove };

RV_PROVIDERS(localuser, &localuser);
