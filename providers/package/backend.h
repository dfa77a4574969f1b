/* SPDX-License-Identifier: MIT
 *
 * What stands behind the classes Package and PackageUpdate: the package manager that this host was made with. One of
 * them is chosen by whose database has something in it; the classes' provider (providers/package.c) checks what is
 * asked, finds the one package that a key names and gives it an order.
 *
 *      dpkg.c  /var/lib/dpkg/status, apt-get
 *      rpm.c   /var/lib/rpm; changed by dnf (dnf.c)
 *      apk.c   /lib/apk/db/installed, apk
 */
#ifndef RV_PACKAGE_BACKEND_H
#define RV_PACKAGE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/provider.h"

/* The package that a key names. */
struct rv_package_target {
        unsigned n;     /* how many there are of it: 0 none, more than 1: the key does not say which */
        char name[400]; /* as the manager's tool takes it: NAME:ARCHITECTURE */
        char version[200];
        bool held;
        bool several; /* versions of it beside each other, of which this is the newest: kernels of rpm */
        bool removed; /* only its configuration is left */
};

enum rv_package_verb {
        RV_PACKAGE_INSTALL, /* names */
        RV_PACKAGE_REMOVE,  /* from here on one that is installed: target */
        RV_PACKAGE_UPGRADE,
        RV_PACKAGE_REINSTALL,
        RV_PACKAGE_HOLD,
        RV_PACKAGE_UNHOLD,
        RV_PACKAGE_SCAN, /* fetch the lists of what there is */
        RV_PACKAGE_APPLY /* install all updates */
};
enum { RV_PACKAGE_NAMES = 16, RV_PACKAGE_ARGUMENTS = 24 };

struct rv_package_order {
        enum rv_package_verb verb;
        const char *const *names; /* checked by is_name */
        size_t n;
        const char *version; /* of all of them, checked by is_version; NULL: the newest */
        const struct rv_package_target *target;
        bool no_recommends, force, purge, auto_remove, full;
        const char *what; /* for messages: "install nano" */
};

struct rv_package_backend {
        const char *manager;
        bool (*here)(void); /* does its database have packages? Cheap; any thread */
        int (*query)(const struct rv_query *, struct rv_sink *, struct rv_error *);
        int (*updates)(const struct rv_query *, struct rv_sink *, struct rv_error *);
        /* architecture: of type RV_NULL where the key does not say. */
        int (*find)(const struct rv_arg *name, const struct rv_arg *architecture, struct rv_package_target *,
                    struct rv_error *);
        /* Can it be a name, a version? Whatever else is refused before the manager's tool sees it. */
        bool (*is_name)(const char *, size_t n);
        bool (*is_version)(const char *, size_t n);
        /* Tells by rv_change() what it does, and does it unless the call is a what-if. */
        int (*order)(struct rv_call *, const struct rv_package_order *, struct rv_error *);
        /* Its files that are gone or have changed, one a line, into *ret, to be freed. */
        int (*verify)(struct rv_call *, const struct rv_package_target *, char **ret, struct rv_error *);
        /* Names of the packages that have brought a path, one a line, into *ret, to be freed; NULL: none. */
        int (*owner)(struct rv_call *, const char *path, char **ret, struct rv_error *);
        /* Ends what is half done; NULL: it never is. */
        int (*configure)(struct rv_call *, struct rv_error *);
};
extern const struct rv_package_backend rv_package_dpkg, rv_package_rpm, rv_package_apk;

/* What they share (common.c). */

/* The backends' verify() by `dpkg --verify` or `rpm --verify`, which say what of a file differs and then its path. */
int rv_package_verify(struct rv_call *, const struct rv_package_target *, const char *const *argv, char **ret,
                      struct rv_error *);
/* Makes "NAME by VERSION" texts in the call's arena: NAME, a separator, the version. NULL: no memory. */
const char *rv_package_spec(struct rv_call *, const char *name, const char *separator, const char *version);
/* Does a query that fixes Name, or Architecture, mean this one? Also where it differs in the case of letters. */
bool rv_package_fits(const struct rv_query *, unsigned property, const char *s, size_t n);
/* ASCII letters and digits. */
bool rv_package_alnum(char);

/* A run of a manager's tool. What it complains of is looked for in `outcomes`. */
struct rv_package_outcome {
        const char *says; /* anywhere in its complaint */
        int status;
        const char *hint;
};
struct rv_package_run {
        const char *const *argv, *const *env;
        const char *what;
        const struct rv_package_outcome *outcomes; /* ends with says NULL */
        const char *mark;                          /* before its own words of failure, or NULL: the last line */
        uint64_t deadline;
        bool change;                                /* at the deadline it is left to finish */
        bool (*well)(int status);                   /* NULL: only 0 is */
        void (*line)(void *, const char *, size_t); /* of its output, while it runs; or NULL */
        void *state;
};
struct rv_tool_said;
/* RV_OK: *ret to be freed by rv_tool_free(). */
int rv_package_run(const struct rv_package_run *, struct rv_tool_said *ret, struct rv_error *);
/* The same, of which nobody wants to know what it said. */
int rv_package_do(const struct rv_package_run *, struct rv_error *);
/* The outcome of a run that did not go well, by what it complained of. */
int rv_package_refused(const struct rv_package_run *, const struct rv_tool_said *, struct rv_error *);

#endif
