/* SPDX-License-Identifier: MIT
 *
 * Running beside: workers are copies of the session made by fork(). A copy has every value, function and class as it
 * is, at the same addresses, so nothing needs to be carried over to it and a job can never harm the session. What it
 * writes comes back as packed values (pack.h) through a file in memory: a job that nobody reads does not stand still
 * until it is ahead by JOB_AHEAD bytes. Threads were not taken because the interpreter counts references without
 * atomics and keeps caches without locks.
 *
 *      struct sh_worker *w = sh_worker_start(sh, run_it, state, 0);    // state is read in the copy
 *      while (!sh_worker_over(w))
 *              while (sh_worker_read(sh, w, &stream, &v)) ...
 *      w = sh_worker_free(sh, w);                                      // ended if it still runs
 */
#ifndef SH_JOB_H
#define SH_JOB_H

#include "shell/code.h"

#include <sys/types.h>

struct sh_worker;
/* What a copy does; its output goes to the sink, other streams to where streams go. */
typedef int sh_work(struct sh *, void *state, struct sh_sink *out);
enum {
        SH_WORK_FRESH = 1,       /* without the session's variables, functions, modules: a new runspace */
        SH_WORK_WRITES_BACK = 2, /* what $using: handed out and it changed is changed here as well */
};
enum {
        SH_WORK_BEGUN = 0,
        SH_WORK_ENDED = 9
}; /* beside enum sh_stream: what sh_worker_read answers as stream */

/* ---- worker.c ---- */
struct sh_worker *sh_worker_start(struct sh *sh, sh_work *work, void *state, int flags,
                                  int tokens); /* NULL: thrown */
bool sh_worker_read(struct sh *, struct sh_worker *, int *ret_stream,
                    struct sv *ret);      /* false: nothing now */
bool sh_worker_over(struct sh_worker *);  /* it has gone, and everything it wrote has been read */
int sh_worker_fd(struct sh_worker *);     /* readable when something happened */
void sh_worker_heard(struct sh_worker *); /* call it when that was so */
void sh_worker_stop(struct sh_worker *);  /* told to end; its finally blocks run */
struct sh_worker *sh_worker_free(struct sh *, struct sh_worker *); /* answers NULL */
/* Waits until one of them has news, a timeout (ms, -1 = none) or Ctrl-C: SH_OK, SH_NONE or what sh_check() said. */
int sh_workers_wait(struct sh *, struct sh_worker **, uint32_t n, int timeout_ms);
/* The values that $using: handed out in this copy (called by the evaluator). */
void sh_using_given(struct sh *, struct sv);

/* ---- job.c ---- */
enum sh_job_state { JOB_NOT_STARTED, JOB_RUNNING, JOB_COMPLETED, JOB_FAILED, JOB_STOPPED };
struct sh_job_item {
        int stream;
        struct sv v;
};
/* A job whose work is not the session's. */
struct sh_job;
struct sh_job_far {
        void (*look)(struct sh *, struct sh_job *); /* takes in what has come of it: sh_job_add(), sh_job_finish() */
        int (*stop)(struct sh *, struct sh_job *);  /* asks it to end; SH_OK, or it has thrown */
        void (*show)(struct sh_job *, bool end);    /* while somebody waits: how far it has come */
        void (*drop)(struct sh_job_far *);
};
struct sh_job {
        struct sh_obj obj;
        struct sh_job *next;
        struct sh_worker *worker; /* NULL when it is over, and where the work is elsewhere: */
        struct sh_job_far *far;   /* or NULL */
        uint32_t id, read;        /* items that Receive-Job has given out */
        char *name, *command;
        const char *kind, *location;
        char instance[37];
        enum sh_job_state state;
        bool asked_to_stop, listed;
        struct sv reason; /* of failure: an ErrorRecord */
        struct sh_job_item *items;
        uint32_t n, cap;
        struct sv begun, ended; /* dates */
};
extern const struct sh_type sh_type_job; /* types/engine_job.c */
extern struct sh_enum sh_enum_job_state;
static inline struct sv sh_job_value(struct sh_job *j)
{
        return (struct sv) { .kind = SH_OTHER, .o = &j->obj };
}
struct sh_job_spec {
        const char *kind, *location, *name; /* name: NULL = JobN */
        struct sv command;                  /* text */
        int flags, tokens;
        uint32_t ids; /* how many numbers it takes: a Start-Job also counts its child */
};
struct sh_job *sh_job_start(struct sh *sh, const struct sh_job_spec *spec, sh_work *work,
                            void *state);       /* NULL: thrown */
/* The same for work that goes on elsewhere: takes it over. Never NULL. */
struct sh_job *sh_job_far_start(struct sh *, const struct sh_job_spec *, struct sh_job_far *);
void sh_job_add(struct sh_job *, int stream, struct sv owned);
void sh_job_finish(struct sh_job *, enum sh_job_state, struct sv reason); /* reason: owned */
void sh_job_pump(struct sh *, struct sh_job *); /* takes in what came; updates the state */
bool sh_job_over(const struct sh_job *);
int sh_job_stop(struct sh *, struct sh_job *);
void sh_job_forget(struct sh *, struct sh_job *); /* out of the session's list; ends it */
/* Gives out what was not given out before. keep: it stays to be given again. */
int sh_job_receive(struct sh_cmd *, struct sh_job *, bool keep);
/* Waits until all (any) are over. SH_NONE: time was up first. */
int sh_jobs_wait(struct sh *, struct sh_job **, uint32_t n, bool any, int timeout_ms);
bool sh_job_has_more(struct sh *, struct sh_job *);
const char *sh_job_state_name(enum sh_job_state);

#endif
