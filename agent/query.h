/* SPDX-License-Identifier: MIT
 *
 * What is asked, made ready: a plan. It says which rows of which class a provider should fill (`source`, want, equals,
 * limit), what is applied to them after it (view, filter, order, limit), and what of them is shown. Made on the
 * loop from a request, read by the provider's thread, never changed in between; it belongs to an arena.
 *
 * For an alias view the provider fills rows of `source`, and `view` turns them into rows of `class`; filter, order and
 * show then speak of `class`.
 */
#ifndef RV_QUERY_H
#define RV_QUERY_H

#include "agent/order.h"
#include "agent/provider.h"

struct rv_view;

struct rv_plan {
        const struct rv_class *class; /* whose rows the reader gets */
        const struct rv_class
                *source; /* whose rows the provider fills: the same, or what `class` is a view of */
        const struct rv_view *view;  /* NULL when it is the same */
        const uint64_t *show;        /* class: what is asked for */
        const uint64_t *want;        /* class: that, and what filter, order and keys need */
        const uint64_t *source_want; /* source: what the provider is to fill */
        const struct rv_arg *equals; /* source: one per property */
        const struct rv_expr
                *source_filter; /* over source: what the provider sees, and a view's own filter; or NULL */
        const struct rv_expr *filter; /* over class; or NULL */
        const struct rv_arg *keys;    /* class: key bindings that must match, one per property; or NULL */
        const struct rv_order_term *order;
        unsigned norder;
        uint64_t limit; /* rows the reader wants; 0 = all */
        int64_t at;     /* as it was then, ns since 1970; 0 = as it is */
        bool shows_all; /* `show` is whatever there is: the reader named nothing */
        const struct rv_rights
                *rights; /* of the reader, row by row, on rows of source; NULL = all (authorize.h) */
};

/* What a client asks, as it came. Texts belong to the caller until rv_plan_make() has returned. */
struct rv_ask {
        const char *const *properties;
        size_t nproperties;
        bool all_properties;         /* PropertyList */
        const char *filter;          /* WQL where-expression, or NULL */
        size_t filter_at;            /* where it begins in the query that it is from */
        const struct rv_expr *where; /* the same already parsed (ExecQuery), or NULL */
        const char *const *order;
        size_t norder; /* "Name", "Name desc" */
        uint64_t limit;
        int64_t at;
        const struct rv_arg *keys; /* class: one per property, or NULL */
        bool keys_only;            /* EnumerateInstanceNames */
        const struct rv_class
                *base; /* properties not known to it are refused, even if the class has them; or NULL */
};

int rv_plan_make(struct rv_arena *, const struct rv_class *, const struct rv_ask *, struct rv_plan *ret,
                 struct rv_error *);
/* Key bindings of an alias view's object, turned into those of the object that it shows. */
int rv_view_key(const struct rv_class *view, struct rv_arg **key, struct rv_arena *, struct rv_error *);
/* The class that a view is only another name of: each of its properties is the source's as it is, so that changes may
 * be made through it. Else the class given. */
const struct rv_class *rv_view_alias(const struct rv_class *);
/* Whether a row of plan->class passes filter and keys. */
bool rv_plan_keeps(const struct rv_plan *, const struct rv_batch *, uint32_t row);
/* Whether a row of plan->source passes the view's own filter. */
bool rv_plan_keeps_source(const struct rv_plan *, const struct rv_batch *, uint32_t row);

#endif
