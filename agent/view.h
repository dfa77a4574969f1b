/* SPDX-License-Identifier: MIT
 *
 * Alias views: Win32_Process over Process. A view's property has a source property and a conversion (unit, enum,
 * datetime to text) declared in MOF; here names, values and conditions are carried over in both directions.
 */
#ifndef RV_VIEW_H
#define RV_VIEW_H

#include <jansson.h>

#include "agent/provider.h"

/* How one class is made of another; one per view class, kept for ever. */
struct rv_view {
        const struct rv_class *class, *source;
        struct rv_view_map {
                int from;
                const struct rv_class *embedded;
        } map[]; /* per property of class; -1 = no source */
};

/* Made once per class (the caller keeps it); NULL when out of memory. */
struct rv_view *rv_view_new(const struct rv_class *view, const struct rv_class *source);
/* The property of `source` (of which `class` is a view, or which it is) that property p shows; -1 = a constant, or
 * computed. */
int rv_view_source(const struct rv_class *class, const struct rv_class *source, unsigned p);
/* The same, of one that is computed as well: how many, the first RV_VIEW_SOURCES of which are in ret. */
enum { RV_VIEW_SOURCES = 16 };
unsigned rv_view_sources(const struct rv_class *class, const struct rv_class *source, unsigned p,
                         unsigned ret[RV_VIEW_SOURCES]);
/* Sets in `source_want` what the view's properties in `want` are made of. */
void rv_view_want(const struct rv_view *, const uint64_t *want, uint64_t *source_want);
/* Fills `to` (a row of view->class) from a row of view->source. */
void rv_view_fill(const struct rv_view *, struct rv_row *to, const struct rv_batch *from, uint32_t row);
/* The source value that makes view property p equal `v`, when there is exactly one: true and *ret (its type is the
 * source property's), for push-down. False: the condition can only be checked afterwards. */
bool rv_view_unconvert(const struct rv_view *, unsigned p, const struct rv_arg *v, struct rv_arena *,
                       struct rv_arg *ret);

/* The method that a view's method calls, and of which class (agent/ops.c has its keys and arguments); of another
 * class the method itself. NULL: there is none. */
const struct rv_method *rv_view_method(const struct rv_class *, const struct rv_method *,
                                       const struct rv_class **ret_class);
/* A view's arguments as the method that it calls names and writes them; steals nothing. NULL: out of memory. */
json_t *rv_view_arguments(const struct rv_method *view, const struct rv_method *called, const json_t *in);
/* ReturnValue of a view's method, by its Outcome; false: it says nothing of it. RV_OK: nothing was changed. `property`
 * is what an error is about, or "". */
bool rv_view_outcome(const struct rv_method *view, int status, const char *property, int64_t *ret);

#endif
