/* SPDX-License-Identifier: MIT
 *
 * WQL: where-expressions over the properties of one class, and SELECT ... FROM ... WHERE of one class.
 *
 *      struct rv_expr *e;
 *      int r = rv_wql_where("Name LIKE 'p%' AND WorkingSetSize > 1000000", n, 0, &Process_class, &arena, &e, &err);
 *
 * Operators: = <> != < <= > >= LIKE, IS [NOT] NULL, ISA, AND OR NOT, parentheses; `constant op property` is turned
 * round. LIKE has % (any text), _ (one character), [a-c], [^a-c]. Text is compared without case. A comparison with null
 * is unknown: neither it nor its negation holds. Constants are converted to the property's type when the expression is
 * read, so that an unfit one is an error that names the position. Everything lives in the arena.
 */
#ifndef RV_WQL_H
#define RV_WQL_H

#include "schema/arena.h"
#include "schema/class.h"
#include "schema/error.h"
#include "schema/row.h"

enum rv_expr_op {
        RV_E_EQ,
        RV_E_NE,
        RV_E_LT,
        RV_E_LE,
        RV_E_GT,
        RV_E_GE,
        RV_E_LIKE,
        RV_E_IS_NULL,
        RV_E_ISA,
        RV_E_AND,
        RV_E_OR,
        RV_E_NOT
};

struct rv_expr {
        enum rv_expr_op op;
        int property;                /* comparisons: an id of the class; -1: of ISA, the instance itself */
        uint8_t side, other_side;    /* event queries: 0 TargetInstance, 1 PreviousInstance */
        int other;                   /* a property to compare with instead of value, + 1; 0 = none */
        struct rv_arg value;         /* comparisons: of the property's type; LIKE, ISA: text */
        const struct rv_expr *a, *b; /* AND OR NOT */
};

/* A SELECT taken apart. Texts point into the arena. */
struct rv_wql_select {
        const char *class_name;
        const char **columns;
        uint32_t ncolumns; /* 0 = all */
        const char *where;
        size_t where_len; /* NULL: none */
        size_t where_at;  /* where it begins in the query */
};

/* An event query taken apart:
 *      SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Service'
 *      AND TargetInstance.State <> PreviousInstance.State
 *      GROUP WITHIN 5 BY TargetInstance.Name HAVING NumberOfEvents > 3
 * `where` is read by rv_wql_event_where() once the class that `isa` names is known. */
enum { RV_EVENT_CREATE = 1, RV_EVENT_MODIFY = 2, RV_EVENT_DELETE = 4 };
struct rv_wql_event {
        unsigned kinds;          /* 0: event_class is an indication of its own */
        const char *event_class; /* as written */
        const char *const *columns;
        uint32_t ncolumns; /* names behind "TargetInstance."; 0 = all */
        double within;     /* seconds; 0 = not given */
        const char *isa;   /* TargetInstance ISA '...'; NULL: none */
        const char *where;
        size_t where_len;    /* NULL: none */
        size_t where_at;     /* where it begins in the query */
        double group_within; /* 0 = not grouped */
        const char *const *by;
        uint32_t nby;           /* names behind "TargetInstance." */
        enum rv_expr_op having; /* NumberOfEvents having having_count */
        uint64_t having_count;
        bool has_having;
};
bool rv_wql_is_event(const char *,
                     size_t n); /* FROM __Instance...Event; indications are known by their class */
int rv_wql_event(const char *, size_t n, struct rv_arena *, struct rv_wql_event *ret, struct rv_error *);
/* pair: TargetInstance.X and PreviousInstance.X; else plain names. */
int rv_wql_event_where(const char *, size_t n, size_t before, const struct rv_class *, bool pair, struct rv_arena *,
                       const struct rv_expr **ret, struct rv_error *);
bool rv_expr_true2(const struct rv_expr *, const struct rv_batch *target, uint32_t row,
                   const struct rv_batch *previous,
                   uint32_t previous_row); /* previous may be NULL: its properties are null */

/* ASSOCIATORS OF {path} WHERE ..., REFERENCES OF {path} WHERE ... */
struct rv_wql_assoc {
        bool references, keys_only;
        bool class_defs_only; /* the results' classes instead of them */
        bool schema_only;     /* path is a class; asked is what could be associated with its objects */
        const char *required_qualifier, *required_assoc_qualifier;
        const char *path, *result_class, *assoc_class, *role, *result_role; /* NULL: not given */
};
bool rv_wql_is_assoc(const char *, size_t n);
int rv_wql_assoc(const char *, size_t n, struct rv_arena *, struct rv_wql_assoc *ret, struct rv_error *);

/* before: what stood in front of it in the text that the user wrote, bytes; errors name positions in that. */
int rv_wql_where(const char *, size_t n, size_t before, const struct rv_class *, struct rv_arena *,
                 const struct rv_expr **ret, struct rv_error *);
int rv_wql_select(const char *, size_t n, struct rv_arena *, struct rv_wql_select *ret, struct rv_error *);
bool rv_expr_true(const struct rv_expr *, const struct rv_batch *, uint32_t row);
void rv_expr_uses(const struct rv_expr *, uint64_t *mask); /* sets the bits of the properties it reads */
/* What must be equal for it to hold: fills ret (one per property) from the conjunction's `=` terms. */
void rv_expr_equals(const struct rv_expr *, struct rv_arg *ret);
/* A date as people write it, in the host's time; ns since 1970. wql_date.c */
bool rv_wql_date(const char *, size_t n, int64_t *ret);
/* WQL's LIKE. */
bool rv_wql_like(const char *pattern, size_t np, const char *text, size_t nt);

#endif
