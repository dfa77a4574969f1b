/* SPDX-License-Identifier: MIT
 *
 * Who asks. An identity is made only from what the kernel vouches for (SO_PEERCRED) or from reeved's introduction
 * over the socket pair that reeved itself made; never from a message. Zeroed memory is nobody: `made` is false and
 * every check refuses it.
 */
#ifndef RV_IDENTITY_H
#define RV_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

struct rv_identity {
        bool made;            /* false: nobody */
        uid_t uid;
        gid_t gid;
        bool admin;           /* by rule "group" of agent/authorize.h when the session began */
        pid_t pid;            /* of the peer, 0 over SSH */
        char user[64];
        char key[96];         /* fingerprint of the login key, "" for local peers */
        char source[64];      /* "local", or "ADDRESS:PORT" */
        char session[40];     /* id, unique for the life of the host's boot */
        char service[16];     /* "Sftp", "Forward": the program of reeved's that asks in the user's name; else "" */
        char role[64];        /* the only role, where the login key has one (role=NAME); "": what the roles say */
        bool besides;         /* that role is one more than what the roles say: where a plan is made (elevate_plan.c) */
        bool absent;          /* it is not here: its subscription acts for it. What it had for a time does not count */
        unsigned ngroups;
        gid_t groups[64];     /* supplementary ones */
};

static inline bool rv_identity_ok(const struct rv_identity *who)
{
        return who && who->made;
}

#endif
