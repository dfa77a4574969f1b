/* SPDX-License-Identifier: MIT
 *
 * Errors as objects: exceptions, what an ErrorRecord says about its place, hints. error.c makes and reports them,
 * errorview.c shows them, types/engine_*.c are their types.
 */
#ifndef SH_ERRORS_H
#define SH_ERRORS_H

#include "shell/code.h"

/* Also the first part of an instance of a script's class that derives from Exception. */
struct sh_exception {
        struct sh_obj obj;
        struct sv message, inner, data;
        struct sv param;         /* ParamName, CommandName, ItemName ... */
        struct sh_error *record; /* not kept: the record clears it when it ends */
        char *trace;             /* StackTrace, once thrown */
        bool thrown;             /* by a throw statement */
};
static inline struct sh_exception *sh_exception_of(struct sv v)
{
        return (struct sh_exception *)v.o;
}
bool sh_is_exception(struct sv);
const struct sh_type *sh_exception_type(const char *name,
                                        size_t n); /* full or short name; NULL when unknown */
void sh_exception_init(struct sh_exception *, const struct sh_type *);
int sh_exception_fill(struct sh *, struct sh_exception *, struct sh_args); /* constructor's arguments */
void sh_exception_end(struct sh_exception *);
void sh_exception_message(struct sv exception, struct sh_buf *);
const char *sh_short_name(const char *type_name); /* after the last dot */

/* $MyInvocation, and a record's InvocationInfo. */
struct sh_invocation {
        struct sh_obj obj;
        struct sv command; /* CommandInfo or nothing */
        struct sv name;    /* InvocationName */
        struct sv bound, unbound;
        struct unit *unit; /* kept; NULL: no position */
        uint32_t at, end;
        uint32_t pipe_len, pipe_pos;
        bool input;
        char *root_file; /* PSCommandPath: the script that it was called from */
};
extern const struct sh_type sh_type_invocation, sh_type_category_info, sh_type_error_details;
struct sv sh_invocation_new(struct sh *);
struct sv sh_invocation_of_frame(struct sh *, struct frame *);
struct sv sh_invocation_of_error(struct sh *, struct sh_error *);
void sh_position_message(struct unit *, uint32_t at, uint32_t end, struct sh_buf *);
void sh_error_stack(struct sh *, struct node *at, struct sh_buf *); /* "at f, file: line 3" lines */

/* An ErrorRecord around an exception. */
struct sv sh_error_with(struct sh *, struct sv exception, const char *id, const char *category,
                        struct sv target);
void sh_error_full_id(struct sh *, struct sh_error *, struct sh_buf *); /* FullyQualifiedErrorId */
int sh_category_number(const char *name); /* of ErrorCategory; -1 when there is none */
extern struct sh_enum sh_enum_error_category;
void sh_error_say(struct sh *, struct sv record); /* to stream 2 or the terminal; no preference, no $Error */
int sh_throw_stop(struct sh *,
                  struct sv record); /* a non-terminating error that -ErrorAction Stop ends the script with */
void sh_caught_inner(struct sh *,
                     struct sv *record); /* a catch matched the inner exception: $_ is about that one */

/* Adds a recommendation to the pending error: shown under the message, never part of it. */
void sh_error_hint(struct sh *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
