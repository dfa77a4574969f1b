/* SPDX-License-Identifier: MIT
 *
 * JSON text to values and back, as ConvertFrom-Json and ConvertTo-Json have it.
 */
#ifndef SH_JSON_H
#define SH_JSON_H

#include "shell/interp.h"
#include "shell/value.h"

struct sh_json_read {
        bool strict;     /* RFC 8259 and nothing else; else comments, '...', bare names, trailing commas as well */
        bool hashtable;  /* objects become ordered hash tables */
        bool trailing_commas, comments; /* allowed when strict */
        int depth;       /* at most */
        /* of a failure */
        char error[320];
        size_t at;
        const char *id; /* its id when it is not about syntax */
};
/* False: error. Empty text gives nil. */
bool sh_json_parse(struct sh_json_read *, const char *, size_t n, struct sv *ret);

struct sh_json_write {
        struct sh *sh;
        struct sh_buf *b;
        int depth;
        bool compress, enums_as_text, ascii, html;
        bool truncated; /* set when something was deeper */
};
int sh_json_text(struct sh_json_write *, struct sv);

#endif
