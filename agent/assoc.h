/* SPDX-License-Identifier: MIT
 *
 * Associations that follow from the objects themselves: a class with two references and a Join qualifier says which
 * properties of the one equal which of the other, and is a class like any other from then on: read, filtered, asked by
 * SQL, walked by Associators and References. Example:
 *
 *      [Association, Join{"service(Process.Cgroup) = Service.Name"}]
 *      class ServiceProcess { [Key] Service REF Service; [Key] Process REF Process; };
 *
 * `service(x)` is the name of the outermost service in a control group's path. An array fits when any of its items
 * does. The words before the dots are the names of the references. Several entries must all hold.
 *
 * References may be to views, then what they join by are the views' properties: Win32_DiskDriveToDiskPartition. Such an
 * association is of the views' objects only, not of those behind them.
 *
 * One object is walked by key: its row is read once, then the other side is asked for what must be equal. A whole
 * association is a hash join that keeps one side in memory, RV_JOIN_BYTES at most.
 */
#ifndef RV_ASSOC_H
#define RV_ASSOC_H

#include "agent/agent.h"

enum { RV_JOIN_TERMS = 4, RV_JOIN_BYTES = 64 << 20 };

struct rv_join_term {
        uint16_t property[2]; /* of[0], of[1] */
        bool service[2];      /* service(property) */
};

struct rv_assoc {
        struct rv_provider provider;
        const struct rv_class *class;
        uint16_t ref[2];              /* its references */
        const struct rv_class *of[2]; /* what they refer to */
        struct rv_join_term terms[RV_JOIN_TERMS];
        unsigned nterms;
};

/* A walk from one side (`from`) to the other, on a thread that may wait. each() answers RV_OK, RV_STOP or a failure. */
struct rv_walk {
        struct rv_agent *agent;
        const struct rv_identity *who;
        uint64_t deadline;
        const atomic_bool *cancelled;
        const struct rv_assoc *assoc;
        int from;
        const struct rv_class *only; /* of the other side: exactly this class; NULL = all */
        const uint64_t *want;        /* properties wanted of the other side beside its keys, or NULL */
        int (*each)(struct rv_walk *, const struct rv_batch *l, uint32_t lrow, const struct rv_batch *r, uint32_t rrow);
        void *state;
        struct rv_error *err;
};

/* Makes providers of the classes with Join; -ENOMEM. What does not fit is logged and left out. */
int rv_assocs_init(struct rv_agent *);
void rv_assocs_free(struct rv_agent *);
const struct rv_assoc *rv_assoc_find(const struct rv_agent *, const struct rv_class *);
/* From this row of of[from]. */
int rv_walk_row(struct rv_walk *, const struct rv_batch *, uint32_t row);
/* Rows of a class and its subclasses with these keys (or NULL) and at least these properties. */
struct rv_rows {
        struct rv_agent *agent;
        const struct rv_identity *who;
        uint64_t deadline;
        const atomic_bool *cancelled;
        struct rv_error *err;
        bool exact; /* not its subclasses */
};
int rv_rows_read(const struct rv_rows *, const struct rv_class *, const struct rv_arg *keys, const uint64_t *want,
                 int (*each)(void *, struct rv_batch *), void *); /* each() does not keep the batch */
/* Whether both name one object; what `asked` leaves out counts as equal. */
bool rv_path_fits(const char *path, size_t n, const char *asked, size_t nasked);
/* The class' name of a path, without its namespace. */
void rv_path_class(const char *path, char *to, size_t size);
/* Keys of a path into args (one per property). */
int rv_path_keys(const char *path, const struct rv_class *, struct rv_arena *, struct rv_arg *ret, struct rv_error *);

/* assoc_ops.c: Associators, References. */
struct rv_assoc_ask {
        const char *assoc_class, *result_class, *role, *result_role;
        bool references, keys_only, class_defs_only;
        const char *required_qualifier, *required_assoc_qualifier;
};
int rv_request_assoc(struct rv_request *, const struct rv_arg *keys, const struct rv_assoc_ask *, struct rv_error *);

#endif
