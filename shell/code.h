/* SPDX-License-Identifier: MIT
 *
 * Private to the language's files: the session, scopes, running commands, the binder's view of parameters.
 *
 * An expression's function returns its value in registers; kind SH_K_FAIL means "not a value: sh->st says why". A
 * statement's function writes to a sink and returns the status itself.
 */
#ifndef SH_CODE_H
#define SH_CODE_H

#include "shell/ast.h"
#include "shell/cmdlet.h"
#include "shell/engine.h"

enum { SH_K_BOX = 0xFD, SH_K_UNSET = 0xFE, SH_K_FAIL = 0xFF };
#define SH_FAIL ((struct sv) { .kind = SH_K_FAIL })
#define SH_UNSET ((struct sv) { .kind = SH_K_UNSET })
static inline bool sh_failed(struct sv v)
{
        return __builtin_expect(v.kind == SH_K_FAIL, 0);
}

/* ---- variables ---- */
enum { VO_READONLY = 1, VO_CONSTANT = 2, VO_PRIVATE = 4, VO_ALLSCOPE = 8 };
struct sh_var { /* a variable with more than a value; also what [ref]$x and Get-Variable hold */
        struct sh_obj obj;
        struct sv value;
        const struct sh_type *type; /* [int]$x = ... keeps converting */
        struct attr *attrs;         /* validation attributes, of unit */
        struct unit *unit;
        uint32_t options, id;
        struct sv description;
};
extern const struct sh_type sh_type_variable;
extern struct sh_enum sh_enum_scoped_options, sh_enum_command_types;

struct table {
        struct layout names;
        struct sv *v;
        uint32_t cap;
};                                                   /* id -> value, owned */
struct sv *sh_table_at(struct table *, uint32_t id); /* NULL when not there */
void sh_table_set(struct table *, uint32_t id, struct sv owned);
bool sh_table_remove(struct table *, uint32_t id);
void sh_table_free(struct table *);

struct scope {
        uint32_t refs, n;
        struct layout *layout;
        struct sv *slots;
        struct scope *parent; /* kept */
        struct scope *script; /* $script: (itself or an outer one; borrowed: an ancestor or itself) */
        struct sh_module *module;
        struct frame *frame; /* the call that runs in it; NULL when over */
        struct table *functions, *aliases;
        uint8_t strict; /* 0 = off, else major version (255 latest) */
        bool boundary;  /* a call's own scope rather than the global one */
};

/* One call that is running. */
enum { SH_V_PARAMETER = 0x80 }; /* sv.flags of a string in $args that was written as -Name */
struct frame {
        struct frame *prev;
        struct block *block;
        const char *name; /* of the function or script; NULL for a plain block */
        const char *file;
        struct node *at;   /* the statement being run in it */
        struct node *call; /* where it was called from */
        struct scope *scope;
        struct sh_cmd *cmd;
        struct sv args;  /* $args or unset */
        struct sv bound; /* $PSBoundParameters, made when asked */
        struct sv input; /* $input: array so far */
        struct sv this_; /* $this */
        struct sv *returned; /* a class's method: where its return goes */
        struct sh_target *target;
        uint32_t pipe_len, pipe_pos;
        bool dotted;
};

/* ---- commands that can be run ---- */
enum target_kind { CT_ALIAS, CT_FUNCTION, CT_FILTER, CT_CMDLET, CT_NATIVE, CT_SCRIPT, CT_BLOCK };
struct sh_target { /* also what Get-Command writes: CommandInfo */
        struct sh_obj obj;
        enum target_kind kind;
        char *name;
        char *definition; /* alias: its target; native, script: the path */
        struct sv block;  /* function, block */
        const struct sh_cmdlet *cmdlet;
        struct sh_module *module;
        uint32_t options;
        char *description;
        struct sh_cmdinfo *info; /* cmdlets: the binder's, made at first call */
};
struct sh_target *sh_target_new(enum target_kind, const char *name, size_t n);
static inline struct sv sh_target_value(struct sh_target *t)
{
        return (struct sv) { .kind = SH_OTHER, .o = &t->obj };
}

struct sh_block {
        struct sh_obj obj;
        struct block *ast;      /* its unit is kept */
        struct scope *captured; /* GetNewClosure, modules: the scope it runs under; kept */
        struct sh_module *module;
        struct sv *usings;
        uint32_t nusings;
};
struct sv sh_block_new(struct sh *, struct block *);
void sh_block_text(const struct block *, struct sh_buf *); /* as it prints: a parameter list becomes a param() */
static inline struct sh_block *sh_block_of(struct sv v)
{
        return (struct sh_block *)v.o;
}

/* ---- the binder's view of a command ---- */
enum { PA_SET_ALL = -1 };
struct pset {
        uint32_t sets;
        int position;
        bool mandatory, by_value, by_name, remaining;
}; /* position INT32_MAX = none */
struct pinfo {
        const char *name;
        uint32_t nname;
        const char **aliases;
        uint32_t naliases;
        const struct sh_type *type; /* NULL = object */
        bool is_switch, common, allow_null, allow_empty, allow_empty_collection, is_block, hidden,
                validated; /* has Validate* attributes */
        struct pset *in;
        uint32_t nin;
        uint32_t sets;                /* union */
        struct attr *attrs;           /* functions: validation is read from here */
        const struct sh_param *table; /* cmdlets */
        struct param *decl;
        const char *help;
        const char *type_name; /* [PSTypeName('x')] */
};
struct sh_cmdinfo {
        const char *name;
        struct pinfo *p;
        uint32_t n; /* own parameters, then common ones */
        uint32_t nown;
        const char *set_names[32];
        uint32_t nsets;
        int default_set; /* -1 = none */
        bool advanced;   /* CmdletBinding or [Parameter()]: common parameters, no $args */
        bool should_process, high_impact, positional_binding;
        bool takes_pipeline;
        struct block *block;
        const struct sh_cmdlet *cmdlet;
        struct rv_arena arena;
};
struct sh_cmdinfo *sh_cmdinfo_of(struct sh *, struct sh_target *); /* NULL: thrown */
void sh_cmdinfo_free(struct sh_cmdinfo *);
const char *sh_target_kind_name(enum target_kind);

enum {
        CP_VERBOSE,
        CP_DEBUG,
        CP_EA,
        CP_WA,
        CP_INFA,
        CP_PROGA,
        CP_EV,
        CP_WV,
        CP_IV,
        CP_OV,
        CP_OB,
        CP_PV,
        CP_WHATIF,
        CP_CONFIRM,
        CP_N
};
enum {
        AP_CONTINUE = 2,
        AP_STOP = 1,
        AP_SILENT = 0,
        AP_INQUIRE = 3,
        AP_IGNORE = 4,
        AP_BREAK = 6,
        AP_UNSET = 255
};

/* An evaluated argument. */
struct argval {
        const char *name;
        uint32_t nname;  /* parameter: its name as written, no dash; else NULL */
        struct sv value; /* owned; SH_UNSET: a parameter without argument */
        bool colon, splat, quoted, verbatim, end_of_params, has_glob;
        struct node *node; /* of the value, for its text */
        struct sv owner;   /* what keeps the name, or nil */
};
struct argvec {
        struct argval *v;
        uint32_t n, cap;
};
void sh_argvec_add(struct argvec *, struct argval);
void sh_argvec_free(struct argvec *);
void sh_argvec_value(struct argvec *, struct sv, bool splat);

struct bound_value {
        struct sv v;
        uint8_t state;
}; /* state: BV_... */
enum { BV_NONE, BV_BOUND, BV_DEFAULT, BV_PIPE, BV_DELAYED };

struct sh_stage_redirs;
struct native;
struct sh_cmd {
        struct sh_sink in; /* what the stage before writes to */
        struct sh *sh;
        struct sh_sink *out;
        struct sh_cmd *next, *prev;
        struct sh_target *target;
        const struct sh_cmdlet *cmdlet;
        struct sh_cmdinfo *info;
        struct node *node;
        void *state;
        struct bound_value *bound;
        struct sv *delayed;           /* delay-bind blocks per parameter, or NULL */
        uint32_t sets;                /* still possible */
        uint8_t action[CP_PROGA + 1]; /* AP_...; CP_VERBOSE, CP_DEBUG: AP_ too */
        struct sv names[CP_N];        /* -ErrorVariable etc. */
        struct scope *scope;          /* runs in */
        struct frame frame;
        struct sh_sink **sinks; /* where its streams go */
        struct sh_stage_redirs *redirs;
        struct native *native;
        struct sv block_base; /* block being run: kept */
        bool expects_input, input_seen, stopped, down_stopped, begun, is_function, dotted, own_scope,
                has_input_var, done, errored;
        bool pipe_binds; /* some parameter takes pipeline input */
        struct sh_sink emit;  /* what a cmdlet's blocks write to: sh_emit() as a sink */
        struct sv under;      /* a function's $_: the object it got last, or unset */
        struct sh_tee *tee;   /* -OutVariable, -PipelineVariable */
        int fast_pipe;        /* the one parameter that takes every object as it is; -1 = bind properly */
        uint32_t pipe_sets;   /* sets possible before an object was bound */
        struct unit *script;  /* a script file's, kept */
        struct scope *caller; /* where it was called, borrowed */
        struct frame *outer_frame; /* dotted: the frame that its scope had */
        struct sv early;      /* array of what came before its begin ran: begin blocks before it write too */
        char confirm_all;     /* 'a' yes to all, 'l' no to all */
        struct sv dynamic;    /* the dictionary of a dynamicparam block */
        bool own_info, failed_begin, from_default; /* some value came from $PSDefaultParameterValues */
        uint8_t whatif, confirm;
        struct sv ov_list, outvar; /* -OutVariable being filled */
        struct sh_plan *plan;
        struct argvec raw; /* natives and simple functions */
        struct text_node {
                struct text_node *next;
                struct sv text;
        } * texts; /* sh_arg_text */
};

/* ---- modules: module.h ---- */
struct sh_module {
        struct sh_obj obj;
        char *name, *path, *root; /* root: the folder that its manifest or script lies in */
        struct scope *scope;
        struct table exported_functions, exported_aliases, exported_variables; /* variables: struct sh_var */
        struct sv on_remove, manifest, version, description, private_data;
        struct sv nested, required; /* arrays of modules, or nil */
        char *prefix;               /* DefaultCommandPrefix or -Prefix */
        bool explicit_exports;      /* Export-ModuleMember was called */
        bool loaded;                /* Get-Module shows it */
        bool is_manifest, built_in, inner; /* inner: only another module imported it */
        struct sh_module *next; /* of the session's list, where removed ones stay: blocks may still point to them */
};

/* ---- errors ---- */
struct sh_error {
        struct sh_obj obj;
        struct sv exception, target;
        char *id, *category, *activity, *reason, *target_name, *trace;
        char *details;     /* ErrorDetails.RecommendedAction: the hint */
        char *message;     /* ErrorDetails or NULL */
        struct unit *unit; /* position; kept */
        uint32_t at, end;
        struct unit *parsed; /* what could not be parsed; kept, and with it its errors */
        const struct parse_error *parse_errors;
        uint32_t nparse_errors;
        char *command; /* the cmdlet or advanced function that failed: in the id, MyCommand */
        char *invocation_name; /* as it was called, when there is no such command */
        struct sv bound;
        bool script_terminating, recorded, thrown, positioned;
        bool cmdlet_terminating; /* ThrowTerminatingError */
        bool final; /* from an ErrorAction of Stop: no preference holds it */
};
static inline struct sh_error *sh_error_of(struct sv v)
{
        return (struct sh_error *)v.o;
}

struct sh {
        enum sh_status st; /* why an expression failed */
        bool ok;           /* $? */
        uint8_t strict_default;
        int try_depth;
        struct scope *scope, *global;
        struct frame *frame;
        struct sv under;        /* $_ */
        struct sh_cmd *cmd;     /* the command that is running */
        struct sh_sink **sinks; /* [8]; NULL entries go to the host */
        struct sv error;        /* pending ErrorRecord */
        struct sv caught; /* what the running catch block caught; borrowed */
        uint32_t label;         /* of a break or continue under way; 0 = none */
        int depth;              /* calls */
        char *stack_low;        /* lowest address the C stack may reach */
        int exit_code;
        struct frame top;
        struct sh_sink *no_sinks[8];
        /* names */
        struct {
                char *s;
                uint32_t n, hash;
        } * names;
        uint32_t nnames, capnames, *name_table, name_mask;
        /* commands */
        uint32_t epoch;
        struct table commands;       /* id -> CommandInfo of cmdlets and natives seen */
        struct layout builtin_names; /* cmdlets and their aliases */
        struct builtin {
                const struct sh_cmdlet *cmdlet;
                const char *alias_of;
        } * builtins;
        bool builtins_ready;
        struct sh_module *modules;
        uint32_t loading; /* modules being imported, one inside another */
        struct sv errors; /* $Error */
        struct sv
                default_parameters; /* the hash assigned to $PSDefaultParameterValues is read as a variable */
        const struct sh_member *member; /* sh_current_member */
        struct sh_formatter *host_format;
        struct sh_sink host; /* what nobody captured */
        bool interactive, no_profile, json_output, in_default_out;
        int width;
        size_t memory_limit;
        uint32_t ticks;
        const char *script; /* path of -File */
        struct sv last_match;
        struct sh_job *jobs; /* job.h */
        uint32_t next_job;
        struct sh_worker *workers;   /* copies of this session that run */
        struct scope *using_scope;   /* in a job: where $using: looks */
        uint64_t history_id;
        struct sh_past *past; /* past.h */
        void *types_private; /* for types/: classes made by scripts, Update-TypeData */
        struct unit **classes;
        uint32_t nclasses;
        struct type_entry {
                const char *name;
                const struct sh_type *type;
        } * script_types;
        uint32_t nscript_types;
        struct sh_model *model; /* shell/model.c keeps its connection here */
        struct sv transcript;
        bool exiting, native_error_known, interrupted; /* interrupted: Ctrl-C is on its way up */
        bool stdin_is_code; /* has been read, or is the program's text: not $input */
        uint32_t checks;
};

/* ---- stream.c ---- */
extern const struct sh_type sh_type_warning_record, sh_type_verbose_record, sh_type_debug_record,
        sh_type_information_record;
bool sh_is_stream_record(struct sv, enum sh_stream *ret);
bool sh_host_record(struct sh *, struct sv); /* writes such a record to the host; false when it is none */
int sh_stream_info(struct sh *, struct sv message, struct sv tags);
int sh_stream_host(struct sh *, struct sv message, bool newline, const char *colour); /* Write-Host */
int sh_sink_fd(struct sh_sink *);               /* of a file that is redirected to; -1: not a file */
bool sh_sink_discards(const struct sh_sink *);
int sh_stream_replay(struct sh *, enum sh_stream, struct sv record); /* a job's record, written again here */

int sh_steppable_new(struct sh *, struct sv block, struct sh_args, struct sv *ret); /* types/steppable.c */
struct sv sh_ast_of(struct block *);                                                /* types/ast.c */

/* ---- types/engine_session.c ---- */
extern const struct sh_type sh_type_path_info;
struct sv sh_path_info_new(struct sv path); /* $PWD, Get-Location */
struct sv sh_action_value(int action);      /* ActionPreference */
struct sv sh_impact_value(int impact);      /* ConfirmImpact */
struct sv sh_pscmdlet_new(struct sh *, struct sh_cmd *);
struct sv sh_execution_context(struct sh *);
struct sv sh_session_state(struct sh *);
int sh_ask_yes(struct sh *, const char *question, struct sv *ret); /* true or false; throws when nobody can be asked */
bool sh_function_remove(struct sh *, const char *name, size_t n);

/* ---- names ---- */
uint32_t sh_intern(struct sh *, const char *, size_t n); /* never 0 */
const char *sh_name(struct sh *, uint32_t id, uint32_t *ret_n);
enum {
        ID_NONE,
        ID_ARGS,
        ID_INPUT,
        ID_MATCHES,
        ID_ERROR,
        ID_PSBOUND,
        ID_MYINVOCATION,
        ID_PSCMDLET,
        ID_SCRIPTROOT,
        ID_COMMANDPATH,
        ID_THIS,
        ID_LASTEXIT,
        ID_PWD,
        ID_HOME,
        ID_PID,
        ID_OFS,
        ID_EAP,
        ID_WAP,
        ID_VERBOSEPREF,
        ID_DEBUGPREF,
        ID_INFOPREF,
        ID_PROGRESSPREF,
        ID_CONFIRMPREF,
        ID_WHATIFPREF,
        ID_PSVERSION,
        ID_HOST,
        ID_ISLINUX,
        ID_ISWINDOWS,
        ID_ISMACOS,
        ID_ISCORE,
        ID_CULTURE,
        ID_UICULTURE,
        ID_PSHOME,
        ID_SHELLID,
        ID_NESTED,
        ID_FOREACH,
        ID_SWITCH,
        ID_STACKTRACE,
        ID_EXECUTION,
        ID_DEFAULTS,
        ID_NATIVE_EAP,
        ID_NATIVE_ARGS,
        ID_OUTENC,
        ID_FORMATLIMIT,
        ID_PROFILE,
        ID_ERRORVIEW,
        ID_MAXHIST,
        ID_EVENT,
        ID_PSSTYLE,
        ID_EDITION,
        ID_UNDER,
        ID_PSITEM,
        ID_TRUE,
        ID_FALSE,
        ID_NULL,
        ID_FIXED
};

/* ---- ast.c, parse_block.c ---- */
struct layout *sh_unit_layout(struct unit *);
struct parser;
struct block *p_block_into(struct parser *, struct block *, char closer, bool params_given);

/* ---- scope.c ---- */
struct scope *sh_scope_new(struct sh *, struct scope *parent, struct layout *);
void sh_scope_drop(struct scope *);
struct sv *sh_scope_slot(struct scope *, uint32_t id, bool make);            /* NULL when it has none */
struct sv sh_var_read(struct sh *, uint32_t id, int where, bool *ret_found); /* owned */
int sh_var_write(struct sh *, uint32_t id, int where, struct sv);            /* keeps */
int sh_slot_write(struct sh *, struct sv *slot, struct sv, uint32_t id);     /* respects boxes */
struct sh_var *sh_var_box(struct sh *, uint32_t id, int where, bool make);   /* borrowed; boxes it in place */
struct sv sh_var_loose(struct sh *, uint32_t id); /* an automatic variable as an object, owned */
struct scope *sh_scope_at(struct sh *, int where_or_depth);
struct sv sh_ps_style(struct sh *); /* $PSStyle */
bool sh_auto_var(struct sh *, struct scope *from, uint32_t id, struct sv *ret);
struct sv sh_frame_bound(struct sh *, struct frame *); /* $PSBoundParameters, owned */
int sh_validate(struct sh *, struct attr *, struct unit *, struct sv, const char *param, bool is_param);
int sh_pref(struct sh *, uint32_t id, int otherwise); /* an ActionPreference variable */
int sh_action_parse(struct sv);                       /* AP_..., AP_UNSET when it is none */

/* ---- eval ---- */
struct sv sh_fail(struct sh *, int st);                   /* remembers why */
struct sv sh_fail_at(struct sh *, struct node *, int st); /* and gives the pending error a position */
void sh_error_position(struct sh *, struct node *);
int sh_eval_collect(struct sh *, struct node *, struct sv *ret); /* statement as a value */
int sh_write_unrolled(struct sh *, struct sh_sink *, struct sv);
int sh_assign(struct sh *, struct node *target, struct sv value);
const struct sh_type *sh_node_type(struct sh *, struct node *); /* of an N_TYPE; NULL: thrown */
struct collect {
        struct sh_sink sink;
        struct sv first;
        uint32_t n;
        struct sv list;
};
void sh_collect_begin(struct collect *);
struct sv sh_collect_end(struct collect *);   /* owned; SH_VOID when nothing came */
struct sv sh_collect_array(struct collect *); /* always an array */
void sh_collect_drop(struct collect *);
int sh_stmt_error(struct sh *, struct node *list, struct node *stmt,
                  struct sh_sink *);                 /* a statement failed: go on? */
int sh_error_report(struct sh *);                    /* the pending error becomes an error in stream 2 */
void sh_error_record(struct sh *, struct sv record); /* into $Error */
int sh_throw_about(struct sh *, const char *exception_type_or_null, const char *id, const char *category,
                   const char *target, const char *fmt, ...)
        __attribute__((format(printf, 6, 7))); /* the target is a text */
void sh_error_place(struct sh *, struct sh_error *, struct node *);
int sh_enter_call(struct sh *);                      /* depth check; counts: sh->depth-- when the call is over */
bool sh_catch_matches(struct sh *, struct node **types, uint32_t n, int *ret_rank);
int sh_throw_value(struct sh *, bool given, struct sv);  /* throw x; a bare throw rethrows */

/* ---- cmd.c, bind*.c, pipeline.c ---- */
int sh_find_command(struct sh *, const char *name, size_t n,
                    struct sh_target **ret); /* kept; thrown when not found */
int sh_try_command(struct sh *, const char *name, size_t n,
                   struct sh_target **ret); /* SH_NONE when not found */
struct sh_target *sh_target_of_block(struct sh *, struct sv block);
struct scope *sh_block_home(struct sh *, struct sh_block *);
struct scope *sh_block_scope(struct sh *, struct sh_block *); /* a new one for a call */
void sh_scope_leave(struct sh *, struct scope *);             /* the call is over */
bool sh_block_simple(struct sh *, struct block *);
int sh_call_simple(struct sh *, struct sh_target *, struct argvec *, bool dotted, struct node *at, struct sh_sink *out);
int sh_run_mixed(struct sh *, struct sh_cmd *first, struct node *expr, struct sh_sink *out);
int sh_confirm(struct sh_cmd *, const char *caption, const char *question, bool *ret);
int sh_should_process_text(struct sh_cmd *, const char *description, const char *question, const char *caption,
                           bool *ret);
void sh_function_set(struct sh *, struct scope *, const char *name, size_t n, struct sv block, bool filter);
void sh_alias_set(struct sh *, struct scope *, const char *name, size_t n, const char *target,
                  uint32_t options);
struct sh_target *sh_alias_own(struct sh *, const char *name, size_t n); /* set by somebody; borrowed, or NULL */
bool sh_alias_remove(struct sh *, const char *name, size_t n);
void sh_builtins(struct sh *);
const char *sh_alias_lookup(struct sh *, const char *name, size_t n);
const char *sh_command_near(struct sh *, const char *name); /* for "did you mean"; NULL when nothing is near */
bool sh_attr_is(const struct attr *, const char *name);
bool sh_attr_get(struct sh *, const struct attr *, const char *name, struct sv *ret);
const struct sh_type *sh_attr_type(struct sh *, const struct attr *); /* NULL: thrown */
bool sh_block_advanced(struct sh *, struct block *, struct sh_cmdinfo **ret);
int sh_validate_table(struct sh *, const struct sh_param *, struct sv);
bool sh_ask(struct sh *, const char *prompt, struct sv *ret);
int sh_bind(struct sh_cmd *, struct argvec *); /* named and positional */
int sh_bind_finish(struct sh_cmd *);           /* mandatory, sets, defaults; before begin */
int sh_bind_pipe(struct sh_cmd *, struct sv input);
void sh_bind_restore(struct sh_cmd *); /* after an object: what it bound is undone */
int sh_bind_args(struct sh *, struct scope *, struct block *, struct argvec *,
                 struct frame *); /* simple functions */
struct pinfo *sh_find_param(struct sh_cmdinfo *, const char *name, size_t n, int *ret_matches);
int sh_param_index(struct sh_cmd *, const char *name);
void sh_error_ended(struct sh *, struct sh_cmd *); /* the pending error, to the command's -ErrorVariable */
int sh_run_pipeline(struct sh *, struct node *, struct sh_sink *);
int sh_run_stages(struct sh *, struct sh_cmd *first, struct node *source, struct sv *value,
                  struct sh_sink *out);
/* A pipeline of commands that is run step by step: make evaluates its arguments, begin binds them. */
int sh_steps_make(struct sh *, struct node *pipe, struct sh_sink *out, struct sh_cmd **ret);
int sh_steps_begin(struct sh_cmd *, bool input);
int sh_steps_take(struct sh_cmd *, const struct sv *); /* NULL: process without an object */
int sh_steps_end(struct sh_cmd *);
void sh_steps_free(struct sh_cmd *);
int sh_cmd_new(struct sh *, struct sh_target *, struct node *, struct sh_cmd **ret);
void sh_cmd_free(struct sh_cmd *);
struct saved {
        struct scope *scope;
        struct sh_sink **sinks;
        struct sh_cmd *cmd;
        struct frame *frame;
};
void sh_enter(struct sh_cmd *, struct saved *);
void sh_leave(struct sh *, const struct saved *);
int sh_eval_args(struct sh *, struct command *, bool native, struct argvec *);
int sh_invoke(struct sh *, struct sh_target *, struct argvec *, bool dotted, const struct sv *input,
              struct sh_sink *out);
int sh_block_invoke(struct sh *, struct sv block, struct argvec *, bool dotted, const struct sv *input,
                    struct sh_sink *out);
int sh_redirs_open(struct sh *, struct redir *, uint32_t n, struct sh_cmd *, struct sh_sink **out);
int sh_redirs_close(struct sh_cmd *);
int sh_default_param(struct sh *, struct pinfo *, struct sv *ret);
struct sh_plan *sh_plan_make(struct sh_cmd *first);

/* ---- native.c ---- */
int sh_native_begin(struct sh_cmd *);
int sh_native_write(struct sh_cmd *, struct sv);
int sh_native_end(struct sh_cmd *);
void sh_native_free(struct sh_cmd *);
char *sh_which(struct sh *, const char *name, size_t n); /* malloc'd path or NULL */

/* ---- the rest ---- */
int sh_set_drive_var(struct sh *, const char *name, uint32_t drive, struct sv value);
struct sv sh_get_drive_var(struct sh *, const char *name, uint32_t drive);
int sh_define_classes(struct sh *, struct node **, uint32_t n); /* in the order that their bases ask for */
int sh_unit_begin(struct sh *, struct unit *); /* its using statements, classes and enums: before it runs */
const struct sh_type *sh_script_type(struct sh *, const char *name, size_t n);
int sh_class_call_as(struct sh *, const struct sh_type *, struct sv self, const char *name, size_t n, struct sh_args,
                     struct sv *ret); /* ([Base]$this).Method() */
bool sh_is_script_class(const struct sh_type *);
int sh_block_method(struct sh *, struct sv block, struct sv self, struct sh_args, struct sv *ret); /* its return */
struct sv sh_pwd(struct sh *);
int sh_import_for(struct sh *, const char *command,
                  size_t n); /* auto-load; SH_OK when a module now offers it */
int sh_start_background(struct sh *, struct node *, struct sh_sink *);
bool sh_requires(struct sh *, struct block *); /* #requires lines; false: thrown */
int sh_using_specified(struct sh *, const char *hash_text, struct sh_sink *);
struct sh *sh_new(void);
void sh_free(struct sh *);
void sh_flush(struct sh *);      /* what the host's formatter holds, and the output's buffer */
void sh_host_flush(struct sh *); /* the buffer only: before whatever may take long or writes by itself */
void sh_host_error(struct sh *, const char *, size_t n); /* text to the standard error */
int sh_parse_throw(struct sh *, struct parser *);
bool sh_colourful(int fd);
char *sh_read_file(struct sh *, const char *path_or_null, size_t *ret_n); /* malloc'ed; NULL: thrown; no path: stdin */
int sh_script_block(struct sh *, const char *path, struct sv *ret); /* a script file as a block, begun */
int sh_script_parse(struct sh *, const char *path, struct sv *ret); /* only read: nothing of it happens */
int sh_run_script(struct sh *, const char *path, struct sh_args, bool dot_source,
                  struct sh_sink *);                     /* like sh_run_file, SH_EXIT is passed on */
void sh_words_to_args(struct sh_args, struct argvec *); /* "-Name" words become parameters; words are borrowed */
void sh_jobs_free(struct sh *);
void sh_modules_free(struct sh *); /* their tables */
void sh_modules_end(struct sh *);
void sh_classes_free(struct sh *);
void sh_show_error(struct sh *, struct sv record); /* ConciseView on stderr */
void sh_error_text(struct sh *, struct sv record, struct sh_buf *, bool colour);
int sh_interactive(struct sh *); /* the prompt, until exit */
int sh_text_status(struct sh *, const char *name, const char *text, size_t n, struct sh_sink *,
                   bool *ret_incomplete);

#endif
