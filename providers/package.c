/* SPDX-License-Identifier: MIT
 *
 * Package, PackageUpdate: what the host's package manager has installed, read where its database lies and changed by
 * its own tool, so that its rules and its lock hold. Every change is simulated by that tool first: what-if and the
 * audit tell which packages come and go. Which manager it is, and how it is asked: package/backend.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/Package.h"
#include "gen/PackageUpdate.h"
#include "providers/lib/filenews.h"
#include "providers/lib/fill.h"
#include "providers/package/backend.h"

static const struct rv_package_backend *const backends[] = { &rv_package_dpkg, &rv_package_rpm, &rv_package_apk };

static int need(const struct rv_package_backend **ret, struct rv_error *err)
{
        for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
                if (backends[i]->here()) {
                        *ret = backends[i];
                        return RV_OK;
                }
        rv_fail(err, RV_NOT_SUPPORTED, "this host has no packages of dpkg, rpm or apk");
        return rv_hint(err, "Looked for /var/lib/dpkg/status, a database in /var/lib/rpm and "
                            "/usr/lib/sysimage/rpm, and /lib/apk/db/installed.");
}

static int package_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_package_backend *b;
        int e = need(&b, err);
        return e ? e : b->query(q, out, err);
}

static int update_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_package_backend *b;
        int e = need(&b, err);
        return e ? e : b->updates(q, out, err);
}

/* ---- changing ---- */

/* An order about the package that the call's key names. */
struct about {
        const struct rv_package_backend *b;
        struct rv_package_target target;
        char what[500];
};

static int begin(struct rv_call *c, unsigned name, unsigned architecture, const char *verb, struct about *a,
                 struct rv_error *err)
{
        const struct rv_arg *key = &c->key[name];
        *a = (struct about) { 0 };
        int e = need(&a->b, err);
        if (e)
                return e;
        if (key->type != RV_STRING || !a->b->is_name(key->s, key->len))
                return rv_fail(err, RV_INVALID_PARAMETER, "a package is named by its Name");
        rv_about(err, NULL, key->s, NULL);
        e = a->b->find(key, &c->key[architecture], &a->target, err);
        if (e)
                return e;
        if (!a->target.n)
                return rv_fail(err, RV_NOT_FOUND, "the package %.100s is not installed", key->s);
        if (a->target.n > 1)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "the package %.100s is installed for several architectures: name one", key->s);
        snprintf(a->what, sizeof a->what, "%s the package %.250s", verb, a->target.name);
        return RV_OK;
}

static int give(struct rv_call *c, const struct about *a, struct rv_package_order order, struct rv_error *err)
{
        order.target = &a->target;
        order.what = a->what;
        return a->b->order(c, &order, err);
}

/* The package by its key, one verb, no more to say; the method's answer is in ReturnValue, property p of it. */
static int simple(struct rv_call *c, enum rv_package_verb verb, const char *word, struct rv_error *err)
{
        struct about a;
        int e = begin(c, Package_Name, Package_Architecture, word, &a, err);
        if (e)
                return e;
        e = give(c, &a, (struct rv_package_order) { .verb = verb }, err);
        if (e == RV_OK)
                Package_Upgrade_out_set_ReturnValue(c->out, 0);
        return e;
}

static int check_names(const struct rv_package_backend *b, const struct rv_arg *items, uint32_t n,
                       const char **to, struct rv_error *err)
{
        if (!n || n > RV_PACKAGE_NAMES)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               n ? "too many packages at once: at most %d" : "no package is named",
                               RV_PACKAGE_NAMES);
        for (uint32_t i = 0; i < n; i++) {
                to[i] = items[i].type == RV_STRING ? items[i].s : "";
                if (!b->is_name(to[i], items[i].type == RV_STRING ? items[i].len : 0)) {
                        rv_about(err, NULL, NULL, "Name");
                        return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' cannot be a package's name",
                                       to[i]);
                }
        }
        return RV_OK;
}

static int install(struct rv_call *c, const struct rv_arg *items, uint32_t n, struct rv_package_order order,
                   struct rv_error *err)
{
        const struct rv_package_backend *b;
        const char *names[RV_PACKAGE_NAMES];
        char what[300];
        int e = need(&b, err);
        if (e)
                return e;
        if (order.version && !b->is_version(order.version, strlen(order.version))) {
                rv_about(err, NULL, NULL, "Version");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' cannot be a version", order.version);
        }
        e = check_names(b, items, n, names, err);
        if (e)
                return e;
        snprintf(what, sizeof what, "install %s%s", names[0], n > 1 ? " and others" : "");
        order.verb = RV_PACKAGE_INSTALL;
        order.names = names;
        order.n = n;
        order.what = what;
        return b->order(c, &order, err);
}

static int package_install(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Package_Install_in *in = args;
        int e = install(c, in->Name, in->Name_n,
                        (struct rv_package_order) { .version = in->has_Version ? in->Version : NULL,
                                                    .no_recommends = in->has_NoRecommends && in->NoRecommends,
                                                    .force = in->has_Force && in->Force },
                        err);
        if (e == RV_OK)
                Package_Install_out_set_ReturnValue(c->out, 0);
        return e;
}

/* One that has just been installed, or would be. */
static int hold_new(struct rv_call *c, const struct rv_arg *name, struct rv_error *err)
{
        struct about a = { 0 };
        rv_change(c, "Held", NULL, "True");
        if (c->what_if)
                return RV_OK;
        int e = need(&a.b, err);
        if (e == RV_OK)
                e = a.b->find(name, &(struct rv_arg) { .type = RV_NULL }, &a.target, err);
        snprintf(a.what, sizeof a.what, "hold the package %.250s that was installed", a.target.name);
        return e ? e : give(c, &a, (struct rv_package_order) { .verb = RV_PACKAGE_HOLD }, err);
}

static int package_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name =
                rv_bit(v->set, Package_Name) ? &v->v[Package_Name] : &c->key[Package_Name];
        const struct rv_arg *version = &v->v[Package_Version];
        bool versioned = rv_bit(v->set, Package_Version) && version->type == RV_STRING;
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a package to be installed needs a Name");
        int e = install(c, name, 1, (struct rv_package_order) { .version = versioned ? version->s : NULL }, err);
        bool held = rv_bit(v->set, Package_Held) && v->v[Package_Held].type == RV_BOOL && v->v[Package_Held].b;
        return e == RV_OK && held ? hold_new(c, name, err) : e;
}

static int uninstall(struct rv_call *c, bool purge, bool auto_remove, struct rv_error *err)
{
        struct about a;
        int e = begin(c, Package_Name, Package_Architecture, "remove", &a, err);
        if (e)
                return e;
        if (!purge && a.target.removed)
                return rv_fail(err, RV_NOT_FOUND,
                               "the package %.100s is removed already; its configuration is left",
                               a.target.name);
        return give(c, &a,
                    (struct rv_package_order) {
                            .verb = RV_PACKAGE_REMOVE, .purge = purge, .auto_remove = auto_remove },
                    err);
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

static int package_upgrade(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return simple(c, RV_PACKAGE_UPGRADE, "upgrade", err);
}

static int package_reinstall(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return simple(c, RV_PACKAGE_REINSTALL, "reinstall", err);
}

static int hold(struct rv_call *c, bool on, struct rv_error *err)
{
        struct about a;
        int e = begin(c, Package_Name, Package_Architecture, on ? "hold" : "unhold", &a, err);
        if (e || a.target.held == on)
                return e;
        rv_change(c, "Held", on ? "False" : "True", on ? "True" : "False");
        return give(c, &a, (struct rv_package_order) { .verb = on ? RV_PACKAGE_HOLD : RV_PACKAGE_UNHOLD }, err);
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

static int package_verify(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct about a;
        char *changed = NULL;
        int e = begin(c, Package_Name, Package_Architecture, "verify", &a, err);
        if (e == RV_OK)
                e = a.b->verify(c, &a.target, &changed, err);
        if (e)
                return e;
        Package_Verify_out_set_ReturnValue(c->out, 0);
        Package_Verify_out_set_Intact(c->out, !*changed);
        if (!*changed)
                Package_Verify_out_set_ChangedFiles(c->out, 0);
        else
                rv_fill_list(c->out, Package_Verify_out_ChangedFiles, changed, "\n");
        free(changed);
        return RV_OK;
}

static int package_find_owner(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Package_FindOwner_in *in = args;
        const struct rv_package_backend *b;
        char *names = NULL;
        rv_about(err, NULL, NULL, "Path");
        if (in->Path[0] != '/' || strchr(in->Path, '\n'))
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' is no path from the root", in->Path);
        int e = need(&b, err);
        if (e == RV_OK)
                e = b->owner(c, in->Path, &names, err);
        if (e == RV_OK && !names) {
                rv_fail(err, RV_NOT_FOUND, "no package has brought %.200s", in->Path);
                e = rv_hint(err, "Links are not followed: ask for the file that it leads to.");
        }
        if (e == RV_OK) {
                Package_FindOwner_out_set_ReturnValue(c->out, 0);
                rv_fill_list(c->out, Package_FindOwner_out_Name, names, "\n");
        }
        free(names);
        return e;
}

static int package_configure(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        const struct rv_package_backend *b;
        int e = need(&b, err);
        if (e == RV_OK && !b->configure)
                e = rv_fail(err, RV_NOT_SUPPORTED, "%s leaves no package half configured", b->manager);
        if (e == RV_OK)
                e = b->configure(c, err);
        if (e == RV_OK)
                Package_Configure_out_set_ReturnValue(c->out, 0);
        return e;
}

/* ---- updates ---- */

static int update_install(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        struct about a;
        int e = begin(c, PackageUpdate_Name, PackageUpdate_Architecture, "upgrade", &a, err);
        if (e == RV_OK)
                e = give(c, &a, (struct rv_package_order) { .verb = RV_PACKAGE_UPGRADE }, err);
        if (e == RV_OK)
                PackageUpdate_Install_out_set_ReturnValue(c->out, 0);
        return e;
}

static int update_scan(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        const struct rv_package_backend *b;
        int e = need(&b, err);
        if (e)
                return e;
        rv_change(c, "Lists", NULL, "fetched");
        e = b->order(c,
                     &(struct rv_package_order) { .verb = RV_PACKAGE_SCAN, .what = "fetch the lists of packages" },
                     err);
        if (e == RV_OK)
                PackageUpdate_Scan_out_set_ReturnValue(c->out, 0);
        return e;
}

static int update_apply(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct PackageUpdate_ApplyUpdates_in *in = args;
        const struct rv_package_backend *b;
        int e = need(&b, err);
        if (e == RV_OK)
                e = b->order(c,
                             &(struct rv_package_order) { .verb = RV_PACKAGE_APPLY,
                                                          .full = in->has_Full && in->Full,
                                                          .what = "install the updates" },
                             err);
        if (e == RV_OK)
                PackageUpdate_ApplyUpdates_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const package_methods[Package_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Package_method_Install] = package_install, [Package_method_Uninstall] = package_uninstall,
        [Package_method_Upgrade] = package_upgrade, [Package_method_Reinstall] = package_reinstall,
        [Package_method_Hold] = package_hold,       [Package_method_Unhold] = package_unhold,
        [Package_method_Verify] = package_verify,
        [Package_method_FindOwner] = package_find_owner,
        [Package_method_Configure] = package_configure,
};
static int (*const update_methods[PackageUpdate_nmethods])(struct rv_call *, const void *,
                                                           struct rv_error *) = {
        [PackageUpdate_method_Install] = update_install,
        [PackageUpdate_method_Scan] = update_scan,
        [PackageUpdate_method_ApplyUpdates] = update_apply
};

/* Of all managers: those that are not there are no folders to watch. */
static int package_open(struct rv_error *err)
{
        static const char *const folders[] = { "/var/lib/dpkg",  "/var/lib/apt",
                                               "/var/lib/rpm",   "/usr/lib/sysimage/rpm",
                                               "/etc/dnf/plugins", "/lib/apk/db",
                                               "/etc/apk",       NULL };
        return rv_filenews_open(folders, err);
}

/* Not rpmdb.sqlite-wal: reading it touches that, too. rpm writes the database itself before it ends. */
static int package_news(int fd, struct rv_news *news)
{
        static const char *const files[] = { "status",      "extended_states", "rpmdb.sqlite", "Packages",
                                             "Packages.db", "versionlock.list", "installed",    "world",
                                             NULL };
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
