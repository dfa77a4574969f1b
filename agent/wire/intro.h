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
        char role[64];    /* of the login key, "admin" apart: the session has this role and no other */
};

/* And what it tells of logins, over the same socket and without a descriptor; in the other direction: one is to
 * end. */
enum { RV_LOGIN_MAGIC = 0x52564c47 };

enum rv_login_what {
        RV_LOGIN_IN,      /* somebody has logged in */
        RV_LOGIN_HERE,    /* is logged in: to an agent that has been started since */
        RV_LOGIN_OUT,     /* has left */
        RV_LOGIN_REFUSED, /* was not let in */
        RV_LOGIN_END      /* agent to reeved: his connection is to be closed */
};

struct rv_login {
        uint32_t magic, size, what;
        uint32_t uid;          /* (uint32_t)-1: not known */
        uint32_t count;        /* REFUSED: how often, since the last that was told */
        uint64_t milliseconds; /* since the login */
        char user[64];         /* as was said; all texts are printable and end with NUL */
        char key[96];          /* "SHA256:...", or "password" */
        char source[64];
        char session[40];
        char role[64];
        char reason[200]; /* REFUSED: why; IN: the certificate */
};

#endif
