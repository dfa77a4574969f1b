/* SPDX-License-Identifier: MIT
 *
 * The packages that rpm has installed, for reading (rpm.c) and for dnf's changes (dnf.c).
 */
#ifndef RV_PACKAGE_RPM_H
#define RV_PACKAGE_RPM_H

#include "providers/package/backend.h"

/* One of them. Texts live during the call; NULL: it has none. */
struct rv_rpm {
        const char *name, *arch;
        const char *version; /* [EPOCH:]VERSION-RELEASE */
        const char *locked;  /* NAME-EPOCH:VERSION-RELEASE.ARCH, as versionlock's patterns want it */
        const char *summary, *description, *vendor, *url, *group, *source;
        uint64_t size;
        int64_t installed; /* seconds since 1970; 0: not known */
        const char *depends, *files; /* one a line; only where they were asked for */
};
struct rv_rpm_ask {
        const char *name; /* only those called so, whatever the case of letters; NULL: all */
        bool depends, files;
        int (*each)(void *, const struct rv_rpm *); /* RV_OK: go on */
        void *state;
        uint64_t deadline;
};
int rv_rpm_each(const struct rv_rpm_ask *, struct rv_error *);

/* dnf's versionlock: patterns of packages that are held. */
struct rv_rpm_locks {
        char *text, *end; /* lines, each ended by 0 */
};
void rv_rpm_locks_read(struct rv_rpm_locks *);
bool rv_rpm_locks_have(const struct rv_rpm_locks *, const struct rv_rpm *);
void rv_rpm_locks_free(struct rv_rpm_locks *);

/* dnf.c */
int rv_dnf_updates(const struct rv_query *, struct rv_sink *, struct rv_error *);
int rv_dnf_order(struct rv_call *, const struct rv_package_order *, struct rv_error *);

#endif
