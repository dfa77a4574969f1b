/* SPDX-License-Identifier: MIT
 *
 * Package, PackageUpdate: dpkg's database, read where it lies (0.2 us a package; dpkg-query forks and costs 40 times as
 * much), changed by apt-get, so that its rules and its lock hold. Every change is simulated first: what-if and the
 * audit tell which packages come and go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/provider.h"
#include "gen/Package.h"
#include "gen/PackageUpdate.h"
#include "providers/lib/apt.h"
#include "providers/lib/deb822.h"
#include "providers/lib/filenews.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"

#define STATUS "/var/lib/dpkg/status"
#define INFO "/var/lib/dpkg/info"
enum { STATUS_MOST = 256 << 20 };

enum {
        F_NAME,
        F_STATUS,
        F_PRIORITY,
        F_SECTION,
        F_SIZE,
        F_MAINTAINER,
        F_ARCHITECTURE,
        F_SOURCE,
        F_VERSION,
        F_DEPENDS,
        F_PRE_DEPENDS,
        F_DESCRIPTION,
        F_HOMEPAGE,
        F_ESSENTIAL,
        F_MULTI,
        F_N
};
static const char *const names[F_N] = { "Package",        "Status",     "Priority",     "Section",
                                        "Installed-Size", "Maintainer", "Architecture", "Source",
                                        "Version",        "Depends",    "Pre-Depends",  "Description",
                                        "Homepage",       "Essential",  "Multi-Arch" };

/* ---- reading ---- */

static int read_status(char **ret, struct rv_error *err)
{
        size_t n;
        *ret = rv_slurp(STATUS, STATUS_MOST, &n);
        if (*ret)
                return RV_OK;
        if (errno == ENOENT) {
                rv_fail(err, RV_NOT_SUPPORTED, "this host has no dpkg: there is no " STATUS);
                return rv_hint(err, "Packages of rpm and apk are not managed.");
        }
        return rv_fail_errno(err, errno, "cannot read " STATUS);
}

/* Word i of "install ok installed". */
static struct rv_field word(const struct rv_field *f, int i)
{
        const char *p = f->s, *end = p + f->n;
        struct rv_field w = { 0 };
        for (int k = 0; p && k <= i && p < end; k++) {
                size_t n = strcspn(p, " \n");
                w = (struct rv_field) { p, n, n };
                p += n + (p + n < end);
        }
        return w;
}

/* Names of packages that were installed for others only: sorted table "name:arch" of extended_states. */
struct autos {
        char *text;
        struct rv_field (*v)[2];
        size_t n;
};

static void autos_read(struct autos *a)
{
        static const char *const fields[] = { "Package", "Architecture", "Auto-Installed" };
        struct rv_field f[3];
        size_t n, room = 0;
        *a = (struct autos) { .text = rv_slurp("/var/lib/apt/extended_states", STATUS_MOST, &n) };
        for (const char *at = a->text; at && rv_deb822_next(&at, fields, 3, f);) {
                if (!rv_field_is(&f[2], "1") || !f[0].s)
                        continue;
                if (a->n == room) {
                        void *v = realloc(a->v, (room = 2 * room + 64) * sizeof *a->v);
                        if (!v)
                                break;
                        a->v = v;
                }
                a->v[a->n][0] = f[0];
                a->v[a->n++][1] = f[1];
        }
}

static bool autos_has(const struct autos *a, const struct rv_field *name, const struct rv_field *architecture)
{
        for (size_t i = 0; i < a->n; i++) {
                const struct rv_field *x = a->v[i], *arch = &x[1];
                if (x->n == name->n && memcmp(x->s, name->s, x->n) == 0 &&
                    (rv_field_is(architecture, "all") || !arch->s ||
                     (arch->n == architecture->n && memcmp(arch->s, architecture->s, arch->n) == 0)))
                        return true;
        }
        return false;
}

static void autos_free(struct autos *a)
{
        free(a->text);
        free(a->v);
}

static void fill_field(struct rv_row *row, unsigned p, const struct rv_field *f)
{
        rv_fill_n(row, p, f->s, f->n);
}

/* "a (>= 1), b | c, d": items divided by commas, of Pre-Depends and Depends. */
static void fill_depends(struct rv_row *row, const struct rv_field *f)
{
        char *text = Package_wants_Depends(row) ? calloc(1, f[F_PRE_DEPENDS].n + f[F_DEPENDS].n + 3) : NULL,
             *to = text;
        if (!text)
                return;
        for (int i = F_PRE_DEPENDS; i >= F_DEPENDS; i--)
                for (size_t k = 0; f[i].s && k <= f[i].n; k++)
                        if (k == f[i].n || f[i].s[k] == ',') {
                                *to++ = '\n';
                                k += k + 1 < f[i].n && f[i].s[k + 1] == ' ';
                        } else
                                *to++ = f[i].s[k];
        rv_fill_list(row, Package_Depends, text, "\n");
        free(text);
}

/* The lines that continue it: a blank goes, " ." is an empty line. */
static void fill_description(struct rv_row *row, const struct rv_field *f)
{
        char *text = Package_wants_Description(row) && f->s ? malloc(f->more + 1) : NULL, *to = text;
        if (!text)
                return;
        for (size_t i = 0; i < f->more; i++) {
                *to++ = f->s[i];
                if (f->s[i] == '\n' && i + 1 < f->more && f->s[i + 1] == ' ') {
                        i++;
                        if (i + 1 < f->more && f->s[i + 1] == '.' &&
                            (i + 2 >= f->more || f->s[i + 2] == '\n'))
                                i++;
                }
        }
        rv_fill_n(row, Package_Description, text, (size_t)(to - text));
        free(text);
}

static void fill_list_file(struct rv_row *row, const struct rv_field *f)
{
        char path[600];
        struct stat st;
        size_t n;
        if (!Package_wants_InstallDate(row) && !Package_wants_Files(row))
                return;
        bool same = rv_field_is(&f[F_MULTI], "same");
        snprintf(path, sizeof path, INFO "/%.*s%s%.*s.list", (int)f[F_NAME].n, f[F_NAME].s, same ? ":" : "",
                 same ? (int)f[F_ARCHITECTURE].n : 0, f[F_ARCHITECTURE].s);
        if (stat(path, &st) < 0)
                return;
        Package_set_InstallDate(row, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
        char *text = Package_wants_Files(row) ? rv_slurp(path, 64 << 20, &n) : NULL;
        rv_fill_list(row, Package_Files, text, "\n");
        free(text);
}

static void fill(struct rv_row *row, const struct rv_field *f, const struct autos *autos)
{
        struct rv_field wanted = word(&f[F_STATUS], 0), status = word(&f[F_STATUS], 2);
        fill_field(row, Package_Name, &f[F_NAME]);
        fill_field(row, Package_Architecture, &f[F_ARCHITECTURE]);
        fill_field(row, Package_Version, &f[F_VERSION]);
        fill_field(row, Package_Status, &status);
        fill_field(row, Package_Wanted, &wanted);
        Package_set_Held(row, rv_field_is(&wanted, "hold"));
        if (Package_wants_AutoInstalled(row))
                Package_set_AutoInstalled(row, autos_has(autos, &f[F_NAME], &f[F_ARCHITECTURE]));
        fill_field(row, Package_Summary, &f[F_DESCRIPTION]);
        fill_description(row, &f[F_DESCRIPTION]);
        fill_field(row, Package_Vendor, &f[F_MAINTAINER]);
        fill_field(row, Package_Homepage, &f[F_HOMEPAGE]);
        fill_field(row, Package_Section, &f[F_SECTION]);
        fill_field(row, Package_Priority, &f[F_PRIORITY]);
        Package_set_Essential(row, rv_field_is(&f[F_ESSENTIAL], "yes"));
        struct rv_field source = f[F_SOURCE].s ? word(&f[F_SOURCE], 0) : f[F_NAME];
        fill_field(row, Package_SourcePackage, &source);
        if (f[F_SIZE].s)
                Package_set_InstalledSize(row, strtoull(f[F_SIZE].s, NULL, 10) * 1024);
        fill_depends(row, f);
        fill_list_file(row, f);
        rv_fill(row, Package_Manager, "dpkg");
}

static bool fits(const struct rv_query *q, unsigned p, const struct rv_field *f)
{
        const struct rv_arg *want = rv_equals(q, p);
        return !want || (f->s && want->len == f->n && strncasecmp(want->s, f->s, f->n) == 0);
}

static int package_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char *text;
        struct autos autos = { 0 };
        struct rv_field f[F_N];
        int e = read_status(&text, err);
        if (e)
                return e;
        if (rv_asked(q, Package_AutoInstalled))
                autos_read(&autos);
        for (const char *at = text; e == RV_OK && rv_deb822_next(&at, names, F_N, f);) {
                if (!f[F_NAME].s || !f[F_STATUS].s || !fits(q, Package_Name, &f[F_NAME]) ||
                    !fits(q, Package_Architecture, &f[F_ARCHITECTURE]))
                        continue;
                struct rv_row *row = rv_row(out);
                fill(row, f, &autos);
                e = rv_cancelled(q->call) ? RV_STOP : rv_emit(out, row);
        }
        autos_free(&autos);
        free(text);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

/* The one package that a key names. */
struct target {
        char name[300]; /* NAME:ARCHITECTURE as apt takes it; NAME alone for those of all architectures */
        char version[200], wanted[16], status[24];
        char what[400];
        unsigned n;
};

static int find(const struct rv_arg *name, const struct rv_arg *architecture, struct target *t,
                struct rv_error *err)
{
        char *text;
        struct rv_field f[F_N];
        int e = read_status(&text, err);
        if (e)
                return e;
        for (const char *at = text; rv_deb822_next(&at, names, F_N, f);) {
                if (!rv_field_is(&f[F_NAME], name->s) || !f[F_STATUS].s ||
                    (architecture->type == RV_STRING && !rv_field_is(&f[F_ARCHITECTURE], architecture->s)))
                        continue;
                struct rv_field status = word(&f[F_STATUS], 2), wanted = word(&f[F_STATUS], 0);
                bool all = rv_field_is(&f[F_ARCHITECTURE], "all");
                t->n++;
                snprintf(t->name, sizeof t->name, "%s%s%.*s", name->s, all ? "" : ":",
                         all ? 0 : (int)f[F_ARCHITECTURE].n, f[F_ARCHITECTURE].s);
                snprintf(t->version, sizeof t->version, "%.*s", (int)f[F_VERSION].n,
                         f[F_VERSION].s ? f[F_VERSION].s : "");
                snprintf(t->status, sizeof t->status, "%.*s", (int)status.n, status.s);
                snprintf(t->wanted, sizeof t->wanted, "%.*s", (int)wanted.n, wanted.s);
        }
        free(text);
        return RV_OK;
}

static int begin(struct rv_call *c, unsigned name, unsigned architecture, const char *verb, struct target *t,
                 struct rv_error *err)
{
        const struct rv_arg *key = &c->key[name];
        *t = (struct target) { 0 };
        if (key->type != RV_STRING || !rv_apt_is_name(key->s, key->len))
                return rv_fail(err, RV_INVALID_PARAMETER, "a package is named by its Name");
        rv_about(err, NULL, key->s, NULL);
        int e = find(key, &c->key[architecture], t, err);
        if (e)
                return e;
        if (!t->n)
                return rv_fail(err, RV_NOT_FOUND, "the package %.100s is not installed", key->s);
        if (t->n > 1)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "the package %.100s is installed for several architectures: name one", key->s);
        snprintf(t->what, sizeof t->what, "%s the package %.250s", verb, t->name);
        return RV_OK;
}

/* Names with the version, as arguments of apt-get. */
static int name_arguments(struct rv_call *c, const struct rv_arg *items, uint32_t n, const char *version,
                          const char **to, size_t most, struct rv_error *err)
{
        if (!n || n > most)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               n ? "too many packages at once: at most %zu" : "no package is named", most);
        for (uint32_t i = 0; i < n; i++) {
                const char *s = items[i].type == RV_STRING ? items[i].s : "";
                if (!rv_apt_is_name(s, strlen(s))) {
                        rv_about(err, NULL, NULL, "Name");
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' cannot be a package's name", s);
                }
                size_t room = strlen(s) + (version ? strlen(version) : 0) + 2;
                char *text = rv_arena_get(c->arena, room);
                if (!text)
                        return -ENOMEM;
                snprintf(text, room, "%s%s%s", s, version ? "=" : "", version ? version : "");
                to[i] = text;
        }
        return RV_OK;
}

enum { NAMES_MOST = 16 };

static int install(struct rv_call *c, const struct rv_arg *items, uint32_t n, const char *version,
                   bool no_recommends, bool force, struct rv_error *err)
{
        const char *arguments[NAMES_MOST + 6] = { "install" };
        char what[300];
        size_t k = 1;
        if (version && !rv_apt_is_version(version, strlen(version))) {
                rv_about(err, NULL, NULL, "Version");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' cannot be a version", version);
        }
        arguments[k++] = force ? "--allow-downgrades" : "--no-remove";
        if (no_recommends)
                arguments[k++] = "--no-install-recommends";
        arguments[k++] = "--";
        int e = name_arguments(c, items, n, version, arguments + k, NAMES_MOST, err);
        if (e)
                return e;
        snprintf(what, sizeof what, "install %s%s", items[0].s, n > 1 ? " and others" : "");
        return rv_apt_do(c, arguments, what, err);
}

static int package_install(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Package_Install_in *in = args;
        int e = install(c, in->Name, in->Name_n, in->has_Version ? in->Version : NULL,
                        in->has_NoRecommends && in->NoRecommends, in->has_Force && in->Force, err);
        if (e == RV_OK)
                Package_Install_out_set_ReturnValue(c->out, 0);
        return e;
}

/* One that has just been installed, or would be. */
static int hold_new(struct rv_call *c, const char *name, struct rv_error *err)
{
        const char *argv[] = { "apt-mark", "hold", name, NULL };
        rv_change(c, "Held", NULL, "True");
        return c->what_if ? RV_OK : rv_apt_run(c, argv, "hold the package that was installed", err);
}

static int package_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name =
                rv_bit(v->set, Package_Name) ? &v->v[Package_Name] : &c->key[Package_Name];
        const struct rv_arg *version = &v->v[Package_Version];
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a package to be installed needs a Name");
        int e = install(c, name, 1,
                        rv_bit(v->set, Package_Version) && version->type == RV_STRING ? version->s : NULL,
                        false, false, err);
        bool held = rv_bit(v->set, Package_Held) && v->v[Package_Held].type == RV_BOOL && v->v[Package_Held].b;
        return e == RV_OK && held ? hold_new(c, name->s, err) : e;
}

static int uninstall(struct rv_call *c, bool purge, bool auto_remove, struct rv_error *err)
{
        struct target t;
        int e = begin(c, Package_Name, Package_Architecture, "remove", &t, err);
        if (e)
                return e;
        if (!purge && strcmp(t.status, "config-files") == 0)
                return rv_fail(err, RV_NOT_FOUND,
                               "the package %.100s is removed already; its configuration is left", t.name);
        const char *arguments[] = { purge ? "purge" : "remove",
                                    auto_remove ? "--auto-remove" : "--no-auto-remove", "--", t.name, NULL };
        return rv_apt_do(c, arguments, t.what, err);
}

static int package_uninstall(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Package_Uninstall_in *in = args;
        int e = uninstall(c, in->has_Purge && in->Purge, in->has_AutoRemove && in->AutoRemove, err);
        if (e == RV_OK)
                Package_Uninstall_out_set_ReturnValue(c->out, 0);
        return e;
}

static int package_remove(struct rv_call *c, struct rv_error *err)
{
        return uninstall(c, false, false, err);
}

static int again(struct rv_call *c, const char *verb, const char *option, struct rv_error *err)
{
        struct target t;
        int e = begin(c, Package_Name, Package_Architecture, verb, &t, err);
        if (e)
                return e;
        const char *arguments[] = { "install", option, "--no-remove", "--", t.name, NULL };
        e = rv_apt_do(c, arguments, t.what, err);
        if (e == RV_OK)
                Package_Upgrade_out_set_ReturnValue(c->out, 0);
        return e;
}

static int package_upgrade(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return again(c, "upgrade", "--only-upgrade", err);
}

static int package_reinstall(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return again(c, "reinstall", "--reinstall", err);
}

static int hold(struct rv_call *c, bool on, struct rv_error *err)
{
        struct target t;
        int e = begin(c, Package_Name, Package_Architecture, on ? "hold" : "unhold", &t, err);
        if (e)
                return e;
        bool is = strcmp(t.wanted, "hold") == 0;
        if (is == on)
                return RV_OK;
        rv_change(c, "Held", is ? "True" : "False", on ? "True" : "False");
        const char *argv[] = { "apt-mark", on ? "hold" : "unhold", t.name, NULL };
        return rv_apt_run(c, argv, t.what, err);
}

static int package_hold(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = hold(c, true, err);
        if (e == RV_OK)
                Package_Hold_out_set_ReturnValue(c->out, 0);
        return e;
}

static int package_unhold(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = hold(c, false, err);
        if (e == RV_OK)
                Package_Unhold_out_set_ReturnValue(c->out, 0);
        return e;
}

static int package_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *held = &v->v[Package_Held];
        return rv_bit(v->set, Package_Held) ? hold(c, held->type == RV_BOOL && held->b, err) : RV_OK;
}

/* Lines "??5?????? c /etc/x" and "missing   /usr/x". */
static int package_verify(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct target t;
        struct rv_tool_said said;
        int e = begin(c, Package_Name, Package_Architecture, "verify", &t, err);
        if (e)
                return e;
        struct rv_tool tool = { .argv = (const char *[]) { "dpkg", "--verify", t.name, NULL },
                                .what = t.what,
                                .deadline = c->deadline,
                                .most = 16 << 20 };
        e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        if (said.status != 0 && !said.n)
                e = rv_tool_fail(err, RV_FAILED, &tool, &said);
        char *to = said.text;
        for (char *p = said.text, *path; e == RV_OK && *p; p += strcspn(p, "\n"), p += *p == '\n')
                if ((path = strchr(p, '/')) && path < p + strcspn(p, "\n")) {
                        size_t n = strcspn(path, "\n") + 1;
                        bool last = !path[n - 1];
                        memmove(to, path, n);
                        p = last ? path + n - 1 : path + n - 2;
                        to += n;
                        to[-1] = '\n';
                }
        *to = 0;
        if (e == RV_OK) {
                Package_Verify_out_set_ReturnValue(c->out, 0);
                Package_Verify_out_set_Intact(c->out, to == said.text);
                if (to == said.text)
                        Package_Verify_out_set_ChangedFiles(c->out, 0);
                else
                        rv_fill_list(c->out, Package_Verify_out_ChangedFiles, said.text, "\n");
        }
        rv_tool_free(&said);
        return e;
}

/* ---- updates ---- */

struct updates {
        const struct rv_query *q;
        struct rv_sink *out;
};

static int emit_update(void *state, const struct rv_apt_action *a)
{
        struct updates *u = state;
        const struct rv_arg *name = rv_equals(u->q, PackageUpdate_Name);
        if (a->remove || !a->from || !a->to || (name && strcasecmp(name->s, a->name) != 0))
                return RV_OK;
        struct rv_row *row = rv_row(u->out);
        rv_fill(row, PackageUpdate_Name, a->name);
        rv_fill(row, PackageUpdate_Architecture, a->architecture);
        rv_fill(row, PackageUpdate_Version, a->to);
        rv_fill(row, PackageUpdate_InstalledVersion, a->from);
        rv_fill(row, PackageUpdate_Origin, a->origin);
        PackageUpdate_set_Security(row, strcasestr(a->origin, "security") != NULL);
        return rv_emit(u->out, row);
}

static int update_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const char *const arguments[] = { "-o", "Debug::NoLocking=1", "dist-upgrade", NULL };
        struct updates u = { q, out };
        int e = rv_apt_simulate(arguments, "look for updates", q->deadline, emit_update, &u, err);
        return e == RV_STOP ? RV_OK : e;
}

static int update_install(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct target t;
        int e = begin(c, PackageUpdate_Name, PackageUpdate_Architecture, "upgrade", &t, err);
        if (e)
                return e;
        const char *arguments[] = { "install", "--only-upgrade", "--no-remove", "--", t.name, NULL };
        e = rv_apt_do(c, arguments, t.what, err);
        if (e == RV_OK)
                PackageUpdate_Install_out_set_ReturnValue(c->out, 0);
        return e;
}

static int update_scan(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        static const char *const argv[] = { "apt-get", "-q", "--error-on=any", "update", NULL };
        rv_change(c, "Lists", NULL, "fetched");
        int e = rv_apt_run(c, argv, "fetch the lists of packages", err);
        if (e == RV_OK)
                PackageUpdate_Scan_out_set_ReturnValue(c->out, 0);
        return e;
}

static int update_apply(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct PackageUpdate_ApplyUpdates_in *in = args;
        const char *arguments[] = { in->has_Full && in->Full ? "dist-upgrade" : "upgrade", NULL };
        int e = rv_apt_do(c, arguments, "install the updates", err);
        if (e == RV_OK)
                PackageUpdate_ApplyUpdates_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const package_methods[Package_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Package_method_Install] = package_install, [Package_method_Uninstall] = package_uninstall,
        [Package_method_Upgrade] = package_upgrade, [Package_method_Reinstall] = package_reinstall,
        [Package_method_Hold] = package_hold,       [Package_method_Unhold] = package_unhold,
        [Package_method_Verify] = package_verify,
};
static int (*const update_methods[PackageUpdate_nmethods])(struct rv_call *, const void *,
                                                           struct rv_error *) = {
        [PackageUpdate_method_Install] = update_install,
        [PackageUpdate_method_Scan] = update_scan,
        [PackageUpdate_method_ApplyUpdates] = update_apply
};

static int package_open(struct rv_error *err)
{
        static const char *const folders[] = { "/var/lib/dpkg", "/var/lib/apt", NULL };
        return rv_filenews_open(folders, err);
}

static int package_news(int fd, struct rv_news *news)
{
        static const char *const files[] = { "status", "extended_states", NULL };
        return rv_filenews_read(fd, files, news);
}

static const uint16_t package_silent[] = { Package_InstallDate, Package_Files };
static const struct rv_push package_push = { .covers = RV_PUSH_ALL,
        .whole = true,
        .settle = UINT64_C(1000000000),
        .silent = package_silent,
        .nsilent = sizeof package_silent / sizeof *package_silent,
        .open = package_open,
        .read = package_news };

static const struct rv_provider package = { .class = &Package_class,
        .push = &package_push,
                                            .query = package_query,
                                            .methods = package_methods,
                                            .create = package_create,
                                            .modify = package_modify,
                                            .remove = package_remove };
static const struct rv_provider packageupdate = { .class = &PackageUpdate_class,
                                                  .query = update_query,
                                                  .methods = update_methods };

RV_PROVIDERS(package, &package, &packageupdate);
