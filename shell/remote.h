/* SPDX-License-Identifier: MIT
 *
 * Other hosts: a connection each, all looked after by one loop in this process. A connection carries requests to `reeve
 * remote` there, and its lines back. Whatever happens, each host ends in exactly one outcome.
 *
 *      struct sh_hosts h = { .sh = sh, .throttle = 32, .line = on_line, .state = me };
 *      sh_hosts_add(&h, "web1", &options);  ...
 *      sh_hosts_run(&h, script_json, &err);       // until every host has an outcome
 */
#ifndef SH_REMOTE_H
#define SH_REMOTE_H

#include <sys/types.h>

#include "agent/wire/scan.h"
#include "shell/code.h"

enum sh_outcome {
        SH_HOST_NONE,
        SH_HOST_ANSWERED,
        SH_HOST_FAILED,  /* the script ended with an error there */
        SH_HOST_REFUSED, /* it is there and does not let us in */
        SH_HOST_UNREACHABLE,
        SH_HOST_LATE,    /* no answer in time */
        SH_HOST_WITHOUT, /* reeve is not there */
        SH_HOST_LOST,    /* the connection ended in the middle */
};

struct sh_target_options {
        const char *user, *key;
        int port;                /* 0 = as configured */
        const char *const *more; /* "Name=value" for ssh -o; NULL-ended, or NULL */
        bool may_ask;            /* for a password, on the terminal */
};

struct sh_host {
        struct sh_host *next;
        char *name; /* as it was given */
        char *address, *user;
        int port, id; /* id: of a session that stays */
        pid_t pid;
        int in, out, err; /* -1 = closed */
        enum { HOST_WAITING, HOST_CONNECTING, HOST_READY, HOST_RUNNING, HOST_OVER } phase;
        enum sh_outcome outcome;
        struct rv_buf got, said, send;
        size_t sent;
        uint64_t request;
        int64_t begun;
        bool stays;            /* a session: the connection is kept */
        bool by_fan, not_fan;  /* reeve-fan has it; it is not for reeve-fan */
};

struct sh_hosts {
        struct sh *sh;
        struct sh_host *first;
        unsigned throttle;
        double connect_timeout, timeout; /* seconds each; 0 = none */
        bool idle;                       /* each line that comes begins the time anew */
        int (*line)(struct sh_hosts *, struct sh_host *, struct rv_json line);
        void *state;
};

struct sh_host *sh_host_new(const char *name, const struct sh_target_options *);
void sh_host_free(struct sh_host *);
/* Connects (where it is not) and sends the request's members (",\"Script\":...") to all; NULL: connects only. Until
 * each has an outcome, or what line() or Ctrl-C answered. */
int sh_hosts_run(struct sh_hosts *, const struct sh_target_options *, const char *members, size_t n);
const char *sh_outcome_name(enum sh_outcome);
/* What the host's own ssh said last, for people. */
void sh_host_reason(const struct sh_host *, char *buf, size_t size);

/* A command on a host by the ssh program: its input and output as one descriptor, or -errno. Its errors go to `log`. */
int sh_ssh_stream(const char *name, const struct sh_target_options *, const char *command, int log, pid_t *ret_pid);

/* fan.c: gives the host to reeve-fan, which reaches it without a process of its own. False: ssh must. */
bool sh_fan_start(struct sh_host *, const struct sh_target_options *);

/* cmdlets/remote.c: the connections of the sessions that a parameter names, out of the list while they are used; and
 * back. A session that is not open is an error of the command. */
int sh_sessions_take(struct sh_cmd *, const char *param, struct sh_host **ret);
void sh_sessions_return(struct sh_host *first);
/* An error that a host's line tells; a host that did not answer. Non-terminating errors. */
int sh_remote_error(struct sh_cmd *, const struct sh_host *, struct rv_json line);
int sh_remote_tell(struct sh_cmd *, const struct sh_host *);

int sh_remote_main(int argc, char **argv); /* reeve remote */

#endif
