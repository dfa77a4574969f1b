/* SPDX-License-Identifier: MIT
 *
 * A cmdlet: one const table with its functions above it, in shell/cmdlets/. Presence registers. Help, completion and
 * Get-Command read the same table; examples run as tests.
 *
 *      static int first_process(struct sh_cmd *c, struct sv input) { ... return sh_emit(c, input); }
 *      static const struct sh_cmdlet get_unique = {
 *              .name = "Get-Unique", .alias = (const char *[]){ "gu", NULL },
 *              .synopsis = "Passes on each object that differs from the one before it.",
 *              .params = (const struct sh_param[]){
 *                      { "AsString", .type = "switch", .help = "Compares the objects' text." },
 *                      { "InputObject", .from_pipeline = true },
 *                      { 0 } },
 *              .state_size = sizeof(struct unique), .process = unique_process,
 *              .examples = (const struct sh_example[]){
 *                      { "1,1,2 | Get-Unique", "1\n2", "Removes adjacent duplicates." }, { 0 } },
 *      };
 *      SH_CMDLETS(unique, &get_unique);        // the word is the file's name: shell/cmdlets/unique.c
 *
 * Arguments have been bound, converted and validated before begin; pipeline-bound ones before each process.
 */
#ifndef SH_CMDLET_H
#define SH_CMDLET_H

#include "shell/interp.h"
#include "shell/value.h"

struct sh_cmd; /* one running command */

struct sh_param {
        const char *name;
        const char *
                type; /* "string", "int", "string[]", "switch", "scriptblock", "object", ...; NULL = object */
        const char *alias; /* "a,b" */
        const char *sets;  /* parameter sets it belongs to: "Name,Id"; NULL = all */
        int position;      /* 1-based: first positional is 1; 0 = named only */
        bool mandatory;
        bool from_pipeline;           /* by value */
        bool from_property;           /* by property name (or alias) of the input object */
        bool remaining;               /* takes the rest */
        bool wildcard;                /* help says so; completion uses it */
        bool allow_null, allow_empty; /* for mandatory ones */
        const char *values;           /* ValidateSet: "a,b,c"; completion offers them */
        /* "path", "class", "property", "variable", "command", "Class.Property" for live values */
        const char *complete;
        const char *help;
        int64_t min, max; /* ValidateRange when min < max */
};

struct sh_example {
        const char *code, *output, *remark;
}; /* output NULL: not checked (depends on the host) */

struct sh_cmdlet {
        const char *name;
        const char *const *alias; /* NULL-ended or NULL */
        const char *synopsis, *description;
        const struct sh_param *params; /* ended by a nameless one */
        const char *default_set;
        const char *takes, *gives; /* type names for help */
        /* offers -WhatIf and -Confirm: the cmdlet asks sh_should_process() before each change */
        bool should_process;
        bool high_impact;  /* ConfirmImpact = High */
        size_t state_size; /* zeroed for each run: sh_state() */
        /* Any may be NULL. process gets each pipeline object ($_; SH_NOTHING once when there is no pipeline input). */
        int (*begin)(struct sh_cmd *);
        int (*process)(struct sh_cmd *, struct sv input);
        int (*end)(struct sh_cmd *);
        void (*clean)(struct sh_cmd *); /* always runs */
        const struct sh_example *examples;
        const void *arg; /* free for tables made at run time (class cmdlets) */
        const char *const *links;
};

#define SH_CMDLETS(file, ...) const struct sh_cmdlet *const sh_cmdlets_##file[] = { __VA_ARGS__, NULL }
extern const struct sh_cmdlet *const *const sh_cmdlet_files[]; /* generated */
extern const uint32_t sh_ncmdlet_files;
extern const struct sh_type *const *const sh_type_files[]; /* generated */
extern const uint32_t sh_ntype_files;
/* Cmdlets found at run time: the class cmdlets (Get-Service ...) that model.c makes from the schema. NULL = not one. */
const struct sh_cmdlet *sh_model_cmdlet(struct sh *, const char *name);
void sh_model_cmdlets(struct sh *, void (*each)(void *, const struct sh_cmdlet *), void *);

struct sh *sh_session(struct sh_cmd *);
void *sh_state(struct sh_cmd *);
const struct sh_cmdlet *sh_cmdlet_of(struct sh_cmd *);

/* Bound arguments (borrowed). sh_arg: SH_NIL when not bound. The typed ones answer the default when not bound. */
bool sh_bound(struct sh_cmd *, const char *param);
struct sv sh_arg(struct sh_cmd *, const char *param);
bool sh_switch(struct sh_cmd *, const char *param);
int64_t sh_arg_int(struct sh_cmd *, const char *param, int64_t otherwise);
const char *sh_arg_text(struct sh_cmd *, const char *param,
                        const char *otherwise); /* valid while the command runs */
/* An argument's elements one after another as text (*t is owned; *pos begins at 0); no list: its own one element. */
bool sh_next_text(struct sh_cmd *, struct sv list, size_t *pos, struct sv *t);
/* Whether one of an argument's wildcard patterns fits the n bytes at s, without case; `otherwise`: it is not bound. */
bool sh_arg_fits(struct sh_cmd *, const char *param, const char *s, size_t n, bool otherwise);
const char *sh_param_set(struct sh_cmd *);
bool sh_expects_input(struct sh_cmd *); /* something is piped in */
/* The object of a process call, also when it was given as -InputObject. */
static inline struct sv sh_input(struct sh_cmd *c, struct sv input)
{
        return input.kind == SH_VOID && sh_bound(c, "InputObject") ? sh_arg(c, "InputObject") : input;
}

/* How many objects at most the next stage looks at (Select-Object -First); 0: not known. Once all stages are bound. */
int64_t sh_next_takes(struct sh_cmd *);
struct sh_sink *sh_out(struct sh_cmd *);          /* sh_emit() as a sink: what a cmdlet's blocks write to */
int sh_emit(struct sh_cmd *, struct sv);          /* one object down the pipeline; borrowed; not unrolled */
int sh_emit_unrolled(struct sh_cmd *, struct sv); /* collections item by item */
/* Non-terminating error about one target; SH_OK to go on, SH_ERROR when -ErrorAction Stop made it terminating. */
int sh_cmd_error(struct sh_cmd *, const char *id, const char *category, struct sv target, const char *fmt,
                 ...) __attribute__((format(printf, 5, 6)));
/* Terminating for the statement. Always SH_ERROR. */
int sh_cmd_throw(struct sh_cmd *, const char *id, const char *category, struct sv target, const char *fmt,
                 ...) __attribute__((format(printf, 5, 6)));
int sh_cmd_stream(struct sh_cmd *, enum sh_stream, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
bool sh_what_if(
        struct sh_cmd *); /* -WhatIf, or $WhatIfPreference: sh_should_process() has said no for that reason */
/* -WhatIf / -Confirm. *ret tells whether to do it. `What if: Performing the operation "OP" on target "T".` */
int sh_should_process(struct sh_cmd *, const char *target, const char *operation, bool *ret);
/* The same with a word before the target: "Path: ", "Destination: ". */
int sh_should_process_as(struct sh_cmd *, const char *word, const char *target, const char *operation,
                         bool *ret);

/* ---- push-down (model.c): what the stages after a class cmdlet need of its objects ----
 * Before a pipeline starts, the evaluator offers each stage after a class cmdlet to sh_plan(): conservative, results
 * must not change. */
struct sh_plan {
        bool all; /* some stage needs whole objects */
        uint32_t nproperties;
        const char *properties[64];
        char filter[2048]; /* WQL where-expression, or "" */
        char order[256];
        uint64_t limit; /* 0 = none */
};
const struct sh_plan *sh_plan_of(struct sh_cmd *); /* NULL: nothing is known, give everything */

#endif
