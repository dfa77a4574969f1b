/* SPDX-License-Identifier: MIT
 *
 * What -Property takes everywhere (Select, Sort, Group, Measure, Compare, Format): names, wildcards, script blocks,
 * and tables like @{ Name = 'x'; Expression = { ... }; Descending = $true }.
 */
#ifndef SH_PROPERTY_H
#define SH_PROPERTY_H

#include "shell/cmdlet.h"

enum { /* keys that a command's tables may have */
        SH_PK_NAME = 1,
        SH_PK_FORMAT = 2, /* FormatString */
        SH_PK_WIDTH = 4,  /* Width, Alignment */
        SH_PK_ORDER = 8,  /* Ascending, Descending */
        SH_PK_DEPTH = 16,
};
enum sh_align { SH_ALIGN_NONE, SH_ALIGN_LEFT, SH_ALIGN_CENTER, SH_ALIGN_RIGHT };

struct sh_prop {
        struct sv name;  /* a string, or nil when there is a block */
        struct sv block; /* a script block, or nil */
        struct sv label; /* a string, or nil */
        struct sv format;
        int width;
        uint8_t align;
        int8_t descending; /* -1 not said */
        bool wildcard;
};
struct sh_props {
        uint32_t n;
        struct sh_prop *v;
};
/* From an argument (array or one). Throws. */
int sh_props_parse(struct sh_cmd *, struct sv arg, unsigned keys, struct sh_props *ret);
void sh_props_free(struct sh_props *);

/* Its value for an object: SH_OK, SH_NONE (no such property), or a status to pass on. Errors in blocks give SH_ERROR
 * with the error pending. Tables answer to their keys. */
int sh_prop_value(struct sh *, const struct sh_prop *, struct sv object, struct sv *ret);
/* The same, with what fails or is missing as nil; only control flow (exit, stop) is passed on. */
int sh_prop_soft(struct sh *, const struct sh_prop *, struct sv object, struct sv *ret);
/* The property's name as the object spells it: a string, or nil when it has none. */
struct sv sh_prop_actual(struct sh *, struct sv object, const char *name, size_t n);
/* Each property of the object that fits the pattern (everything for "*"). */
void sh_prop_expand(struct sh *, struct sv object, const struct sh_prop *,
                    bool (*each)(void *, const char *name, size_t n), void *);
/* Properties of an object, or the keys of a hash table. */
void sh_prop_all(struct sh *, struct sv object, bool (*each)(void *, const char *name, size_t n, int kind), void *);
int sh_prop_get(struct sh *, struct sv object, const char *name, size_t n, struct sv *ret);
/* What a column of it is called without regard to an object. */
struct sv sh_prop_label(struct sh *, const struct sh_prop *); /* owned */
bool sh_prop_excluded(struct sv patterns, const char *name, size_t n);

#endif
