/* SPDX-License-Identifier: MIT
 *
 * reeve-login (main.c): processes and sockets for reeved. listen.c: the sockets; signals.c: names of
 * signals, as SSH has them.
 */
#ifndef LOGIN_LOGIN_H
#define LOGIN_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/monitor/request.h"

enum { LOGIN_LINK = 3 };

/* Flags of START. Its descriptors: one for a terminal or three for pipes (with neither, reeve-login's own 0, 1 and 2
 * stay); then the program's 3, and 4. */
enum { LOGIN_PTY = 1, LOGIN_PIPES = 2, LOGIN_FD3 = 4, LOGIN_BECOME = 8, LOGIN_LIMITS = 16, LOGIN_FD4 = 32 };

/* The number of "TERM"; 0: there is none that may be sent. */
int login_signal(const char *name, size_t n);
/* "TERM"; NULL: SSH has no name for it. */
const char *login_signal_name(int number);

/* A descriptor, or -errno with the reason in why. text: ADDRESS or [ADDRESS]:PORT. */
int login_listen_tcp(const char *text, unsigned port, char *why, size_t size);
/* For the agent: root's alone, or its group's reeve-admin where there is one. */
int login_listen_unix(const char *path, char *why, size_t size);

#endif
