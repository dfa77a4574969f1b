/* SPDX-License-Identifier: MIT
 *
 * How reeved introduces a session to the agent: one message of this layout for each, over the SOCK_SEQPACKET
 * socket that reeved made before it started the agent (reeve-agent --intro-fd N), with one connected stream socket
 * as SCM_RIGHTS. Who the session belongs to is settled by then: the agent believes this socket and the kernel, and
 * nobody else.
 */
#ifndef RV_INTRO_H
#define RV_INTRO_H

#include <stdint.h>

enum { RV_INTRO_MAGIC = 0x52565349, RV_INTRO_GROUPS = 64 };

struct rv_intro {
        uint32_t magic, size; /* RV_INTRO_MAGIC, sizeof(struct rv_intro) */
        uint32_t uid, gid;
        uint32_t ngroups, groups[RV_INTRO_GROUPS];
        uint32_t admin;  /* the login key's role is "admin" */
        char user[64];   /* all texts end with NUL */
        char key[96];    /* "SHA256:..." of the login key */
        char source[64]; /* "ADDRESS:PORT" */
        char session[40];
        char service[16]; /* "Sftp", "Forward": a program that reeved started for the session; "": the user */
        char role[64];   /* of the login key, "admin" apart: the session has this role and no other */
};

#endif
