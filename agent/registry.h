/* SPDX-License-Identifier: MIT
 *
 * The classes that the agent knows: those compiled in and those added later. Found by name without case; a class of
 * the same name may exist in several namespaces (root/reeve first, then root/cimv2, when none is asked for).
 */
#ifndef RV_REGISTRY_H
#define RV_REGISTRY_H

#include "schema/class.h"
#include "schema/error.h"

#define RV_NAMESPACE "root/reeve"

struct rv_registry {
        const struct rv_class **classes; /* sorted by name */
        uint32_t n, cap;
};

int rv_registry_init(struct rv_registry *);  /* with the compiled-in classes; 0 or -ENOMEM */
int rv_registry_add(struct rv_registry *, const struct rv_class *); /* it must live as long as the registry */
void rv_registry_free(struct rv_registry *);
/* Describes INVALID_NAMESPACE or INVALID_CLASS ("did you mean") when there is none. name_space may be NULL. */
int rv_registry_find(const struct rv_registry *, const char *name, const char *name_space,
                     const struct rv_class **ret, struct rv_error *);
/* "root\cimv2", "ROOT/CIMV2", "//./root/cimv2" are the same namespace as "root/cimv2". */
bool rv_same_namespace(const char *, const char *);
bool rv_descends(const struct rv_class *, const struct rv_class *base); /* it or a subclass of it */

#endif
