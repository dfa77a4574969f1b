/* SPDX-License-Identifier: MIT
 *
 * Objects beside the values of the properties that they are sorted, grouped or compared by.
 */
#ifndef SH_ENTRIES_H
#define SH_ENTRIES_H

#include "shell/property.h"

struct sh_entry {
        struct sv object;
        struct sv *keys; /* SH_VOID: the object has no such property */
        uint32_t nkeys, room;
};
struct sh_entries {
        struct sh_entry *v;
        uint32_t n, cap;
        struct sv *spare; /* keys of an entry that is gone, for the next one */
        uint32_t spare_room;
};
/* Adds an object; without properties it is its own key. Wildcards in props give one key per property that fits. */
int sh_entries_add(struct sh_cmd *, struct sh_entries *, const struct sh_props *, struct sv object);
void sh_entries_pop(struct sh_entries *); /* takes the last one away again */
void sh_entry_free(struct sh_entry *);
void sh_entries_free(struct sh_entries *);
/* descending: per key, or NULL. */
int sh_entry_compare(struct sh *, const struct sh_entry *, const struct sh_entry *, const bool *descending, bool cs);
/* Stable. */
void sh_entries_sort(struct sh *, struct sh_entries *, const bool *descending, bool cs);

#endif
