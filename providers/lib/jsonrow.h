/* SPDX-License-Identifier: MIT
 *
 * Rows out of JSON by a table: which property comes from which place, and how it is read.
 *
 *      static const struct rv_json_rule rules[] = {
 *              { Container_Image, "Config/Image", RV_J_TEXT },
 *              { Container_Memory, "HostConfig/Memory", RV_J_SOME },
 *      };
 *      rv_json_fill(row, document, rules, sizeof rules / sizeof *rules);
 *
 * Only what is wanted is looked up. What is not there, or null, stays null.
 */
#ifndef RV_JSONROW_H
#define RV_JSONROW_H

#include <jansson.h>

#include "schema/row.h"

enum rv_json_how {
        RV_J_TEXT, /* a text; "" is null */
        RV_J_UINT, /* a number of 0 and more; below is null */
        RV_J_SOME, /* the same, and 0 is null: where the engine means "no limit" by it */
        RV_J_INT,
        RV_J_BOOL,
        RV_J_TIME, /* RFC 3339, or seconds since 1970; the year 1 is null */
        RV_J_LIST, /* texts */
        RV_J_LINE, /* texts, with blanks in between */
        RV_J_KEYS, /* names of an object's members, sorted */
        RV_J_MAP,  /* an object of texts: name, value, name, ..., sorted by name */
};

struct rv_json_rule {
        unsigned property;
        const char *path; /* "State/Health/Status" */
        enum rv_json_how how;
};

void rv_json_fill(struct rv_row *, json_t *, const struct rv_json_rule *, unsigned n);
/* A list property from texts in a JSON array. */
void rv_json_list(struct rv_row *, unsigned property, json_t *array);

/* A map property from an object of texts. */
void rv_json_map(struct rv_row *, unsigned property, json_t *object);
/* A time at a path, as RV_J_TIME reads it; false: none. */
bool rv_j_time(json_t *, const char *path, int64_t *ret_ns);

#endif
