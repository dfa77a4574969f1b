/* SPDX-License-Identifier: MIT
 *
 * Long work as jobs (CIM_ConcreteJob's shape): a request with AsJob is answered at once with its job and goes on
 * without its caller, in a process of its own, so that it survives the end of the agent, too.
 *
 *      concretejob_submit.c  the agent: writes down what is asked, starts the process, watches its end
 *      concretejob_run.c     the process (reeve-agent --job): an agent with one session, which asks what was asked in
 *                            the name of who asked it; rights, audit and RequestKey hold there as everywhere
 *      concretejob_scope.c   its control group: not the agent's, with which it would be ended
 *      concretejob.c         the files; what the class Job shows
 *
 * A job is files in STATE/jobs, written beside and renamed, so that who reads one reads a whole one:
 *
 *      ID.job      what is asked, by whom, when; locked by the process while it lives
 *      ID.request  what the process is to do, with the secrets in it; it unlinks the file when it has read it
 *      ID.state    how far it has come; by the process
 *      ID.end      what came of it, for good; by whoever is first
 */
#ifndef RV_CONCRETEJOB_H
#define RV_CONCRETEJOB_H

#include <jansson.h>

#include "agent/agent.h"

enum {
        RV_CJOB_RUNNING = 32, /* under way, of all users; who has everything may have twice as many */
        RV_CJOB_OF_USER = 8,  /* of one who has not everything */
        RV_CJOB_KEPT = 200,   /* ended ones that are kept */
        RV_CJOB_DAYS = 7,     /* and how long at most */
        RV_CJOB_SECONDS = 86400,           /* a job's Timeout when none is given */
        RV_CJOB_MOST_SECONDS = 7 * 86400,  /* and at most */
        RV_CJOB_RESULT = 1 << 20,          /* bytes of a result that is kept */
        RV_CJOB_ID = 13,
        RV_CJOB_BASE = 560,
};
#define RV_CJOB_LOST "its process has ended without a word: the outcome is unknown"

/* ---- the agent's, on the loop ---- */

/* The folder, and the jobs that an agent before this one left running. watch: whether their end is waited for. */
void rv_cjobs_start(struct rv_agent *, bool watch);
void rv_cjobs_stop(struct rv_agent *);
/* The request has been checked; it is answered with its job when the process has it. */
int rv_cjob_submit(struct rv_request *, struct rv_error *);
void rv_cjob_orphan(struct rv_request *); /* nobody waits for that answer any more */

/* ---- the process' ---- */

/* Begins to do what FOLDER/ID says; the loop ends with it. 0, or it has told why not. */
int rv_cjob_serve(struct rv_agent *, const char *base);
/* Somebody wants it to end: the provider is told, and what it then answers is the outcome. */
void rv_cjob_cancel(struct rv_agent *);
/* Into a control group of its own, where systemd would end it with the agent's. Any failure is only logged. */
void rv_cjob_leave_unit(const char *id);

/* ---- files ---- */

void rv_cjob_set_folder(const struct rv_agent *);
void rv_cjob_prune(void); /* ended ones that need not be kept any more */
const char *rv_cjob_folder(void); /* "": there is none */
void rv_cjob_base(char to[RV_CJOB_BASE], const char *id); /* FOLDER/ID */
json_t *rv_cjob_read(const char *base, const char *ending);
/* Whole or not at all; once: an error (-EEXIST) where it is there already. 0 or -errno. */
int rv_cjob_write(const char *base, const char *ending, const json_t *, bool once);
bool rv_cjob_lives(const char *base); /* its process does */
/* What became of it, if nobody has said so yet; message: of what it failed, or NULL. */
int rv_cjob_end(const char *base, const char *state, int code, const char *message);
/* Of each that has not ended, or is there at all: until `each` answers other than 0. */
int rv_cjob_each(bool (*each)(void *, const char *id, const json_t *job, bool lives), void *);

#endif
