/* SPDX-License-Identifier: MIT
 *
 * JSON Schema, draft 7 and what the later drafts renamed: does a value follow a schema? Formats are not checked (they
 * are notes), references lead to places of the same schema only.
 */
#ifndef SH_JSON_SCHEMA_H
#define SH_JSON_SCHEMA_H

#include "shell/json.h"

struct sh_schema_report {
        /* Each thing that is wrong; where is a JSON pointer. */
        int (*say)(void *state, const char *what, const char *where);
        void *state;
};
/* Values as sh_json_parse gives them with .hashtable and .strict. *ret_valid; SH_OK or what went wrong in checking
 * (SH_NONE: the schema is none, *ret_why says why). */
int sh_schema_check(struct sh *, struct sv schema, struct sv value, const struct sh_schema_report *, bool *ret_valid,
                    const char **ret_why);

#endif
