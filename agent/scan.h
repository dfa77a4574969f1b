/* SPDX-License-Identifier: MIT
 *
 * A provider at work: one query, or one call that changes. Made and ended on the loop; it outlives whoever asked when
 * its thread has not returned, and is freed then. Private to request.c, pull.c and scrape.c.
 */
#ifndef RV_SCAN_H
#define RV_SCAN_H

#include "agent/agent.h"
#include "agent/confirm.h"

struct rv_pull;
struct rv_scrape_part;
struct rv_watch;

struct rv_scan {
        struct rv_job job;
        struct rv_work ready, back; /* rows may be there; the thread has returned */
        struct rv_agent *agent;
        struct rv_entry *entry;
        struct rv_request *request; /* NULL: given up, or asked by `pull` */
        struct rv_pull *pull;       /* SQL asks */
        struct rv_scrape_part *part; /* a scrape asks */
        struct rv_watch *watch;     /* a poll of it */
        struct rv_plan plan;
        struct rv_query query;
        struct rv_call call;
        struct rv_sink sink;
        struct rv_arena arena; /* what the thread reads: lives as long as the scan */
        struct rv_identity who;
        struct rv_batch *out; /* methods */
        struct rv_row out_row;
        struct rv_buf changes; /* methods: [{Property, From, To}] */
        struct rv_error error;
        int result;
        uint64_t begun, cpu; /* cpu: ns that a query took of its thread */
        atomic_bool cancelled;
        bool is_method, returned, on_loop;
        const struct rv_method *shown; /* of a view: the method that was called */
        bool answered;                 /* by its Outcome, whatever the result */
        struct rv_change_plan change;
        bool reads_first;       /* test and set */
        struct rv_audit *audit; /* of a change, until it is written */
        bool at_audit;          /* the audit will call back: the scan must stay */
        struct rv_role_set *roles;  /* as they were when it began */
        struct rv_wish wish;    /* a change, for its roles: wish.c */
        struct rv_batch *values;
        uint64_t *reads;
        uint64_t *hides;        /* properties whose changes its caller is not told; NULL: none */
        struct rv_buf told;     /* changes without those */
        struct rv_confirm confirm;  /* of a change */
        bool looks, denied;     /* it depends on the object; the roles did not allow it: */
        struct rv_error why;
        struct rv_buf reply;
        _Atomic(char *) progress;   /* of a method, as JSON: not told yet; or NULL */
};

struct rv_scan *rv_scan_new(struct rv_agent *, struct rv_entry *, const struct rv_identity *, uint64_t deadline);
/* Begins a query over s->plan. On an outcome the caller ends it with rv_scan_drop(). `returned` may be set at once. */
int rv_scan_start(struct rv_scan *, struct rv_error *);
void rv_scan_drop(struct rv_scan *, bool timed_out); /* nobody asks any more */

/* pull.c: something has happened in a scan of its. */
void rv_pull_news(struct rv_pull *);
/* watch.c: the same. */
void rv_watch_news(struct rv_watch *);

#endif
