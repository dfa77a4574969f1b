/* SPDX-License-Identifier: MIT
 *
 * MOF: the language in which classes are declared (DSP0004), read into the descriptors of schema/class.h. The build
 * tool mofc and the agent (for classes that arrive at run time) use this same parser.
 *
 *      struct rv_mof *m = rv_mof_new();
 *      if (rv_mof_file(m, "schema/classes/qualifiers.mof") == 0 && rv_mof_file(m, "x.mof") == 0 &&
 *      rv_mof_finish(m) == 0)
 *              use(rv_mof_classes(m, &n));
 *      else
 *              for (i = 0; i < rv_mof_nerrors(m); i++) puts(rv_mof_error(m, i));       // file:line:column:
 *              what, expected
 *      m = rv_mof_free(m);
 *
 * Everything got from a struct rv_mof belongs to it and dies with it. Errors are collected (at most 20) and the parser
 * goes on at the next declaration. Bounds: 4 MiB a file, 32 nested includes, 64 nested values,
 * 4,096 properties a class.
 */
#ifndef RV_MOF_H
#define RV_MOF_H

#include "schema/class.h"

struct rv_mof;

/* An `instance of` declaration: kept as text values by property name. */
struct rv_mof_instance {
        const char *class_name, *alias;
        uint32_t n;
        const struct rv_qualifier *values; /* name and values of each property that was set */
};

struct rv_mof *rv_mof_new(void);
struct rv_mof *rv_mof_free(struct rv_mof *); /* answers NULL */
/* Both answer the number of errors so far. Includes are looked up beside the including file. */
int rv_mof_file(struct rv_mof *, const char *path);
int rv_mof_text(struct rv_mof *, const char *name, const char *text, size_t n);
/* Resolves superclasses and qualifiers and completes the descriptors. Classes unknown here are looked for among the
 * compiled-in ones when `builtin` is set. Answers the number of errors. */
int rv_mof_finish(struct rv_mof *, bool builtin);

const struct rv_class *const *rv_mof_classes(struct rv_mof *,
                                             uint32_t *ret_n);           /* in the order of declaration */
const char *rv_mof_class_file(struct rv_mof *, const struct rv_class *); /* where it was declared */
const struct rv_mof_instance *rv_mof_instances(struct rv_mof *, uint32_t *ret_n);
/* The text of qualifiers.mof, for classes that arrive at run time. Generated. */
extern const char rv_mof_qualifiers[];
uint32_t rv_mof_nqualifiers(struct rv_mof *); /* declared qualifiers */
uint32_t rv_mof_nerrors(struct rv_mof *);
const char *rv_mof_error(struct rv_mof *, uint32_t i);

#endif
