/* SPDX-License-Identifier: MIT
 *
 * YAML read into a tree, by libyaml, which is loaded when it is first needed: only Compose files are YAML here.
 *
 * Bounds against hostile texts: 1 MiB, 32 levels, 20,000 nodes counted as often as aliases repeat them. An alias within
 * its own anchor, a key that is no text, a key that is there twice, and a second document are refused. Merge keys (<<)
 * are followed.
 */
#ifndef RV_YAML_H
#define RV_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/arena.h"
#include "schema/error.h"

struct rv_yaml;
struct rv_yaml_item {
        const char *key; /* NULL in a list */
        int line;
        struct rv_yaml *value;
        struct rv_yaml_item *next;
};
struct rv_yaml {
        enum rv_yaml_kind { RV_YAML_TEXT, RV_YAML_LIST, RV_YAML_MAP } kind;
        int line;         /* from 1 */
        bool plain;       /* a text without quotes, so that ~, null and true may mean something */
        bool done;        /* read to its end */
        unsigned weight;  /* nodes in it, aliases followed */
        const char *text; /* RV_YAML_TEXT */
        struct rv_yaml_item *items, **end;
};

/* The tree lives in the arena. Outcomes: INVALID_PARAMETER with the line and what is wrong there; NOT_SUPPORTED where
 * libyaml is not installed. name: of the file, for messages. */
int rv_yaml_read(struct rv_arena *, const char *name, const char *text, size_t n, struct rv_yaml **ret,
                 struct rv_error *);
/* A member of a map; NULL: it is not there, or not a map. */
struct rv_yaml *rv_yaml_get(const struct rv_yaml *, const char *key);
/* Nothing: ~, null, or empty without quotes. */
bool rv_yaml_null(const struct rv_yaml *);

#endif
