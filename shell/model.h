/* SPDX-License-Identifier: MIT
 *
 * The agent's objects in the shell: connections, classes, instances as values.
 *
 * A link is a way to one agent: this host's (found, or a private one started on first use; nothing is touched
 * before),
 * or another host's. Classes are known per link: those that were compiled in are used as they are, others are made
 * from GetClass once. An instance keeps the text of its row and where each property begins; a value is made when it
 * is looked at, and what was not read with the row is fetched when it is asked for.
 */
#ifndef SH_MODEL_H
#define SH_MODEL_H

#include "agent/wire/client.h"
#include "schema/class.h"
#include "shell/cmdlet.h"

struct sh_link {
        struct sh_link *next;
        struct sh *sh;
        char *host; /* NULL = this one */
        char *user, *key; /* of another host; NULL = as ssh is configured */
        int port, id;     /* id: of its CimSession */
        struct rv_client *client;
        unsigned opened; /* connections so far */
        const char *provider; /* a private agent, with this one external provider; NULL = the agent there is */
        int agent;   /* pid of a private agent, 0 = none */
        int log;     /* its standard error: a file without a name; -1 = none */
        struct sh_model_class *classes;
        /* `opened` + 1 when all classes of the agent, or all that are not compiled in, were in `classes`; 0: never */
        unsigned all_known, others_known;
        bool stream;    /* only to open a stream that is this user's by its token: anybody's connection will do */
};

/* A class as the shell knows it on one link. Immortal until the session ends. */
struct sh_model_class {
        struct sh_model_class *next;
        struct sh_link *link;
        const struct rv_class *c;
        struct sh_type type;
        const char *const *view; /* NULL-ended rows of the default view, or NULL */
        struct rv_arena arena;   /* what was made at run time */
};

/* A value that did not come with the row. */
struct sh_model_over {
        struct sv v;
        enum { SH_OVER_NONE, SH_OVER_FETCHED, SH_OVER_ASSIGNED } state;
};
enum { SH_MODEL_NARROW = 1 }; /* sh_obj.flags: somebody named the properties; the others are not shown */

/* An instance. */
struct sh_model_row {
        struct sh_obj obj;
        const struct sh_model_class *class;
        struct sh_model_over *over; /* per property; NULL = none at all */
        bool whole;       /* everything has been fetched that can be */
        uint32_t n;       /* bytes of text */
        uint32_t at[];    /* per property: offset + 1 of its value in the text, 0 = not read; then the text */
};

struct sh_events;

struct sh_model {
        struct sh_link *local;  /* first of all links */
        struct sh_model_cmdlet *cmdlets;
        struct rv_arena arena;  /* tables of the cmdlets */
        struct sh_events *events; /* events.h */
};

extern const struct sh_type sh_type_model; /* [ciminstance] */

/* ---- model.c ---- */
struct sh_model *sh_model_of(struct sh *);
void sh_model_free(struct sh *);
void sh_model_forked(struct sh *); /* after fork(), in the copy: nothing is shared with the original */
struct sh_link *sh_link_local(struct sh *);
int sh_link_connect(struct sh_link *, struct rv_error *); /* a descriptor; negative: told */
int sh_link_open(struct sh_link *, struct rv_error *); /* connected afterwards, or what went wrong */
void sh_link_close(struct sh_link *);                   /* a private agent ends with it */
/* A question and its answer's text in one: *ret is malloc'ed JSON. */
int sh_link_call(struct sh_link *, const char *method, const struct rv_buf *params, double timeout, struct rv_buf *ret,
                 struct rv_error *);
/* What went wrong as PowerShell's error: terminating, or for one target. */
int sh_model_throw(struct sh *, const struct rv_error *, struct sv target);
int sh_model_error(struct sh_cmd *, const struct rv_error *, struct sv target);
struct sv sh_model_record(struct sh *, const struct rv_error *, struct sv target);

/* ---- model_host.c: agents of other hosts, over SSH ---- */
struct sh_target_options;
/* The link to a host, connected: the one there is, or a new one. NULL: err says why. */
struct sh_link *sh_link_host(struct sh *, const char *host, const struct sh_target_options *, struct rv_error *);
/* A session object, or a host's name, as its link. NULL: told, with *ret_status. */
struct sh_link *sh_link_of_session(struct sh_cmd *, struct sv session, int *ret_status);
int sh_link_connect_host(struct sh_link *, struct rv_error *); /* a descriptor, or -1 */

/* ---- model_class.c ---- */
/* A class by name, asking the agent when it is not known here. RV_OK or what went wrong. */
int sh_model_class(struct sh_link *, const char *name, const char *name_space_or_null,
                   const struct sh_model_class **ret, struct rv_error *);
const struct sh_model_class *sh_model_known(struct sh_link *, const struct rv_class *); /* compiled in */
int sh_model_all_classes(struct sh_link *, struct rv_error *); /* afterwards all are known */
int sh_model_other_classes(struct sh_link *, struct rv_error *); /* all that are not compiled in */
const struct rv_class *sh_class_read(struct rv_arena *, struct rv_json);              /* GetClass' answer */

/* ---- types/model.c ---- */
struct sv sh_model_row_new(struct sh *, const struct sh_model_class *, struct rv_json row);
struct sh_model_row *sh_model_row_of(struct sv); /* NULL when it is none; looks through psobjects */
void sh_model_type(struct sh_model_class *);     /* fills in type */
/* A property by position, fetched if it must be. SH_OK or an error that was thrown. */
int sh_model_value(struct sh *, struct sh_model_row *, uint32_t property, struct sv *ret);
/* The class of an instance, for views and help; NULL when it is none. */
const struct rv_class *sh_model_class_of(struct sv);
/* The default view of an instance: "label|property|width|align|format|divisor", NULL-ended; NULL when it has
 * none. */
const char *const *sh_model_view(struct sv model, bool *ret_list);

/* ---- model_value.c ---- */
struct sv sh_json_value(struct sh *, struct sh_link *, const struct rv_property *, struct rv_json);
struct sv sh_json_any(struct sh *, struct rv_json); /* without a declaration: psobjects and arrays */
/* A value as JSON for a property or parameter (NULL: as it is). False: it cannot be one; err says why. */
bool sh_value_json(struct sh *, struct sv, const struct rv_property *, struct rv_buf *, struct rv_error *);
const char *sh_cim_type_of(const struct rv_property *, bool scalar); /* PowerShell's name: "uint", "string[]" */
/* A row's keys as JSON bindings, exactly as the agent wrote them; false when they were not read. */
bool sh_model_keys(const struct sh_model_row *, struct rv_buf *);
void sh_model_path(const struct sh_model_row *, struct sh_buf *);
/* The text of a value in a WQL condition: quoted, escaped. */
void sh_wql_value(struct sh *, struct sh_buf *, struct sv);
/* PowerShell's wildcard pattern as LIKE's. */
void sh_wql_like(struct sh_buf *, const char *pattern, size_t n);

/* ---- model_read.c: rows into a pipeline ---- */
struct sh_reading {
        struct sh_link *link;
        const struct sh_model_class *class;
        const char *method; /* EnumerateInstances, ExecQuery, EnumerateInstanceNames, Associators... */
        const char *query;
        const char *const *properties; uint32_t nproperties; /* wanted; NULL = what the pipeline needs */
        const char *filter;     /* or NULL */
        const char *order;      /* JSON of OrderBy, or NULL */
        uint64_t limit;
        double timeout;
        const char *at;         /* as it was then: JSON of a moment; NULL: as it is */
        const char *more;       /* further members, ",\"Name\":..." */
        const struct sh_plan *plan;
        bool subclasses;        /* rows may be of subclasses: __CLASS is asked for */
        bool narrow;            /* a query named the properties */
        const struct rv_class *about; /* the class that is asked about, when rows are of others */
        int also;               /* a property that is needed beside the planned ones, + 1 */
        /* Each row as a value (borrowed); answers like sh_emit. */
        int (*each)(void *, struct sv);
        void *state;
};
/* RV_OK with *ret_status telling how each() ended, or what went wrong. Partial results are written as errors of
 * c. */
int sh_model_read(struct sh_cmd *, const struct sh_reading *, int *ret_status, struct rv_error *);
/* A parameter of type datetime as `at`: the text is the buffer's; NULL: it was not given. */
const char *sh_model_at(struct sh_cmd *, const char *param, struct rv_buf *);
/* GetInstance by a row's keys; properties as JSON list or NULL. */
int sh_model_get(struct sh *, const struct sh_model_row *, const char *properties, struct sv *ret, struct rv_error *);

/* Its properties as they are now; nothing when the object has gone. */
int sh_model_refresh(struct sh *, struct sh_model_row *);
/* types/process.c: members that .NET's class of this name has beyond the schema; NULL: none. */
const struct sh_member *sh_model_extras(const char *type_name, uint32_t *ret_n);
/* Children that Start-Process began, for HasExited, ExitCode, WaitForExit(). */
void sh_child_began(pid_t);
void sh_child_ended(pid_t, int status);
bool sh_process_over(pid_t);
int sh_process_wait(struct sh *, pid_t, int64_t timeout_ms); /* SH_NONE: the time is over; -1: as long as it takes */

/* ---- changes ---- */
int sh_model_create(const struct sh_model_class *, const char *properties, size_t n, bool what_if, struct sv *ret,
                    struct rv_error *);
int sh_model_delete(const struct sh_model_row *, bool what_if, struct rv_error *);
/* ModifyInstance with the JSON object of properties; *ret is the instance afterwards, or SH_NIL. */
int sh_model_modify(const struct sh_model_row *, const char *properties, size_t n, bool what_if, struct sv *ret,
                    struct rv_error *);
/* Calls a method on an instance (or a static one of the class: row NULL). in: JSON object text. *ret is the result
 * object's text in buf. */
struct sh_how { /* ways of a change */
        bool what_if;
        unsigned confirm_within; /* seconds; 0: for good */
        bool as_job;             /* the answer names a Job: cimjob.h */
};
/* A line on the terminal that is written over; control characters become blanks. percent -1: not known. */
void sh_progress_show(const char *activity, const char *status_or_null, int percent);
void sh_progress_clear(void);
int sh_model_invoke(struct sh_link *, const struct rv_class *, const struct sh_model_row *, const char *method,
                    const char *in, size_t n, struct sh_how how, struct rv_buf *ret, struct rv_error *);
/* The text of ReturnValue, or "". */
const char *sh_return_text(const struct rv_method *, struct rv_json value);

/* ---- model_cmdlet.c: class cmdlets ---- */
/* A parameter of a class cmdlet: which property it selects by, or which argument it is. */
enum sh_model_bound { SH_MODEL_EQUAL, SH_MODEL_LEAST, SH_MODEL_MOST };
struct sh_model_param {
        int property;   /* -1 = none */
        int argument;   /* the method's parameter, -1 = none */
        bool wildcard, identity;
        enum sh_model_bound bound; /* AtLeast, AtMost: the value bounds the property */
};
enum sh_model_verb { SH_MODEL_GET, SH_MODEL_METHOD, SH_MODEL_SET };
struct sh_model_cmdlet {
        struct sh_cmdlet table; /* its arg points here */
        struct sh_model_cmdlet *next;
        const struct sh_model_class *class;
        enum sh_model_verb verb;
        const struct rv_method *method;
        bool timed;                     /* -At is when the objects are looked at */
        const struct rv_qualifier *events; /* [Events], or NULL */
        const char *constants;          /* "Signal=SIGSTOP,..." or NULL */
        struct sh_model_param *params;  /* beside table.params */
        uint32_t nparams;
};
const struct sh_model_cmdlet *sh_model_cmdlet_of(const struct sh_cmdlet *); /* NULL: an ordinary one */

/* ---- model_run.c: what they do ---- */
int sh_model_get_process(struct sh_cmd *, struct sv input);
int sh_model_method_process(struct sh_cmd *, struct sv input);
int sh_model_set_process(struct sh_cmd *, struct sv input);

const struct sh_cmdlet *sh_show_cmdlet(const char *name); /* Show-NOUN, of cmdlets/watch.c */

#endif
