/* SPDX-License-Identifier: MIT
 *
 * The agent's jobs (class Job, what -AsJob begins) as jobs of the session: Wait-, Receive-, Stop- and Remove-Job take
 * them like any other. The work is the agent's: it goes on when the session ends, and Get-CimJob has it afterwards.
 */
#ifndef SH_CIMJOB_H
#define SH_CIMJOB_H

#include "shell/job.h"
#include "shell/model.h"

/* A job of the session for the one that a request with AsJob was answered with. method: whose [Out] parameters
 * Receive-Job gives out; NULL: the whole result. SH_NIL: the answer names none. */
struct sv sh_cim_job_new(struct sh *, struct sh_link *, const struct rv_method *, struct rv_json answer);
/* An instance of Job: the session's job for it, which is made where there is none. NULL: it is no such instance. */
struct sh_job *sh_cim_job_of(struct sh *, struct sv instance);

#endif
