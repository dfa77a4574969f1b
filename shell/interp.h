/* SPDX-License-Identifier: MIT
 *
 * A session of the shell: scopes, streams, errors, running code. The language itself is lex.c, parse.c, compile.c,
 * eval*.c; this is what cmdlets, types and the prompt see of it.
 *
 * Control flow is a status, never a longjmp: every function that may run user code answers enum sh_status and is
 * looked at by its caller, so that finally/clean blocks are plain code.
 */
#ifndef SH_INTERP_H
#define SH_INTERP_H

#include "shell/value.h"

enum sh_status {
        SH_OK,
        SH_NONE,     /* no such thing; try something else */
        SH_STOP,     /* the pipeline downstream has enough: return through the producers, clean up, no error */
        SH_ERROR,    /* a terminating error is in sh->error */
        SH_BREAK, SH_CONTINUE, SH_RETURN, SH_EXIT,      /* on their way to who handles them */
};

enum sh_stream { SH_OUT = 1, SH_ERR, SH_WARNING, SH_VERBOSE, SH_DEBUG, SH_INFO, SH_PROGRESS };

/* ---- errors ----
 * A terminating error: builds an ErrorRecord (category as PowerShell names it: "InvalidArgument") and answers SH_ERROR.
 * `id` is the FullyQualifiedErrorId without the command ("PathNotFound"); the command's name is appended when a
 * cmdlet is running. target may be SH_NIL. The exception's type defaults by category; sh_throw_as names it. */
int sh_throw(struct sh *, const char *id, const char *category, struct sv target, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
int sh_throw_as(struct sh *, const char *exception_type, const char *id, const char *category, struct sv target,
                const char *fmt, ...) __attribute__((format(printf, 6, 7)));
struct sv sh_error_take(struct sh *);           /* the pending ErrorRecord, owned; none pending afterwards */
void sh_error_set(struct sh *, struct sv record);
struct sv sh_error_new(struct sh *, const char *exception_type, const char *id, const char *category, struct sv target,
                       const char *message, size_t n);  /* an ErrorRecord object */

/* ---- variables: name without $, "global:x" etc. understood ---- */
bool sh_var_get(struct sh *, const char *name, struct sv *ret);         /* owned; false when there is none */
/* in the current scope; may throw (read-only, typed) */
int sh_var_set(struct sh *, const char *name, struct sv value);
enum { SH_SCOPE_LOCAL = 0, SH_SCOPE_SCRIPT = -1, SH_SCOPE_GLOBAL = -2 };        /* n > 0: n scopes up */
int sh_var_set_scope(struct sh *, const char *name, struct sv value, int scope, const char *options_or_null);

/* ---- running code ---- */
/* Where objects go: a function that gets each (borrowed) and answers SH_OK, SH_STOP or a status to pass on. */
struct sh_sink {
        int (*write)(struct sh_sink *, struct sh *, struct sv);
        void *state;
};
/* Runs a script block. dollar_under is $_ or NULL to leave it as it is; args are $args / positional parameters;
 * new_scope false runs it in the caller's scope (ForEach-Object, Where-Object). Output goes to the sink. */
int sh_block_run(struct sh *, struct sv block, const struct sv *dollar_under, struct sh_args,
        bool new_scope, struct sh_sink *);
/* The same, collected the PowerShell way: nothing, one object, or object[]. */
int sh_block_value(struct sh *, struct sv block, const struct sv *dollar_under, struct sh_args,
        bool new_scope, struct sv *ret);
/* Parses and runs text in the current scope (Invoke-Expression, -Command). name is for messages. */
int sh_run_text(struct sh *, const char *name, const char *text, size_t n, struct sh_sink *);
int sh_run_file(struct sh *, const char *path, struct sh_args, bool dot_source, struct sh_sink *);
/* Runs a command by name with already evaluated arguments ("-Name" words are parameters). */
int sh_run_command(struct sh *, const char *name, struct sh_args, struct sh_sink *);
/* A script block from text. Throws ParseException. */
int sh_block_parse(struct sh *, const char *text, size_t n, struct sv *ret);

/* ---- streams ---- */
/* Warning, verbose, debug, information text as the preferences of the running scope say; errors are records. */
int sh_stream_text(struct sh *, enum sh_stream, const char *text, size_t n);
int sh_stream_error(struct sh *, struct sv error_record);       /* non-terminating: $Error, preference, stream 2 */
/* Text to the host (Write-Host, prompts, formatted output). Control characters in it must have been made harmless. */
void sh_host_write(struct sh *, const char *, size_t n);
int sh_width(struct sh *);              /* columns of the output: 120 when unknown */
bool sh_is_interactive(struct sh *);
/* True when Ctrl-C was pressed or the session's limits are reached: long loops look at it; then return
 * sh_interrupted_error(). Cheap. */
extern volatile int sh_interrupt;
int sh_check(struct sh *);              /* SH_OK or SH_STOP/SH_ERROR: also enforces memory and depth limits */

/* Writes objects as the prompt would (the formatting engine's entry; shell/format.c). begin -> each -> end. */
struct sh_formatter;
struct sh_formatter *sh_format_new(struct sh *, void (*line)(void *, const char *, size_t n), void *,
        int width, bool colour);
int sh_format_write(struct sh_formatter *, struct sv);
int sh_format_end(struct sh_formatter *);       /* flushes and frees */
/* The View qualifier of a model object's class (model.c): NULL-ended rows "label|property|width|align|format|divisor",
 * borrowed; NULL when it has none. *ret_list: ViewKind("list"). */
const char *const *sh_model_view(struct sv model, bool *ret_list);
bool sh_model_is_narrow(struct sv); /* an instance of which somebody named the properties: only those are shown */

/* ---- the agent: shell/model.c ---- */
struct rv_client;
/* connected, or NULL and an error thrown; starts a private one if none runs */
struct rv_client *sh_agent(struct sh *);

#endif
