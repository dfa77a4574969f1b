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
        struct sh_str *text; /* the string that is read, or NULL: objects may keep it instead of a copy of their part */
        /* of a failure */
        char error[320];
        size_t at;
        const char *id; /* its id when it is not about syntax */
};
/* The object that is this part of the text and known to be sound. */
void sh_json_object(struct sh_str *, uint32_t at, uint32_t n, struct sv *ret);
/* False: error. Empty text gives nil. */
bool sh_json_parse(struct sh_json_read *, const char *, size_t n, struct sv *ret);

/* ---- objects whose properties are read when they are asked for (json_unread.c) ---- */
struct sh_psobject;
struct sh_unread;
void sh_json_unread_begin(void); /* before each text */
/* The object at p, if it is plain enough to be read later (*ret_end: behind it); SH_NOTHING: read it now. */
struct sv sh_json_unread(struct sh_str *text, const char *p, const char *end, int depth, const char **ret_end);
/* One scalar property of it, or that it has none of this name. False: read the object, then look. */
bool sh_json_unread_get(const struct sh_psobject *, const char *name, size_t n, struct sv *ret, bool *ret_there);
void sh_json_read_now(struct sh_psobject *);
void sh_json_unread_free(struct sh_unread *); /* NULL is fine */

struct sh_json_write {
        struct sh *sh;
        struct sh_buf *b;
        int depth;
        bool compress, enums_as_text, ascii, html;
        bool truncated; /* set when something was deeper */
};
int sh_json_text(struct sh_json_write *, struct sv);

#endif
