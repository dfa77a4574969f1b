/* SPDX-License-Identifier: MIT
 *
 * Between the binder's files: bind.c (command line), bind_value.c (one value), bind_pipe.c (an object of the pipeline).
 */
#ifndef SH_BIND_H
#define SH_BIND_H

#include "shell/eval.h"

/* How one value is bound. */
enum { BIND_COERCE = 1, BIND_DELAY = 2, BIND_PIPELINE = 4 };

/* SH_OK: bound and the sets narrowed; SH_NONE: not without conversion; SH_ERROR: thrown. node: for its text. */
int sh_bind_value(struct sh_cmd *, uint32_t param, struct sv, struct node *, int flags);
/* Converts and checks a value for a parameter. */
int sh_param_value(struct sh *, const struct sh_cmdinfo *, const struct pinfo *, struct sv, struct node *, int flags,
                   struct sv *ret);
/* A function's variable for its parameter; takes over the value. */
void sh_param_store(struct sh *, struct scope *, const struct pinfo *, struct sv owned);
int sh_bind_throw(struct sh_cmd *, const char *id, const char *category, struct sv target, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
int sh_sets_validate(struct sh_cmd *, bool before_pipeline, bool set_default);
bool sh_sets_take_pipeline(struct sh_cmd *, uint32_t sets);
/* Names of mandatory parameters that are still missing, each with a blank before it; false when none is. */
bool sh_missing_mandatory(struct sh_cmd *, bool pipeline_may_give, struct sh_buf *);
const struct pset *sh_pset_in(const struct pinfo *, uint32_t sets);
int sh_apply_defaults(struct sh_cmd *); /* $PSDefaultParameterValues */
int sh_dynamic_parameters(struct sh_cmd *, bool *ret_any); /* runs dynamicparam { } and adds what it gives */
int sh_prompt_missing(struct sh_cmd *); /* asks; SH_NONE when nobody can be asked */
/* Not yet bound: its default, into the function's scope. */
int sh_param_default(struct sh_cmd *, uint32_t i);

#endif
